//! What a node can tell of its work: how many, of which kind, how soon. Counted at each transition of a referral and never from what was said,
//! so that the numbers survive the purge. What leaves is told so that nobody can be found in it.
//!
//! A referral counts once in the network: whoever owned the outcome counts the case, and whoever gave it away counts that it was handed over.

mod count;
mod event;
mod histogram;
mod period;
mod publish;
mod share;
#[cfg(test)]
mod tests;

pub use count::{BY_PLATFORM, CELLS_MAX, Codes, Counters, Dimension, PAIRS, UNLISTED};
pub use event::{Around, Done, Event, Fact, Measure, Span, Way, facts, in_time};
pub use histogram::{BOUNDS_MS, Histogram};
pub use period::{BadPeriod, Period};
pub use publish::{Answers, K, Pairs, Published, Row, answers, pairs, published, rounded, row};
pub use share::{Share, shares};
