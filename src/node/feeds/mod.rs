//! Feeds: what partners publish is taken in unattended (docs/feeds.md). What a feed says stands in a log of its own that nobody but this node may read, under
//! an id that is no organisation's, so that each feed's word stays apart from all others'.

mod beside;
mod change;
#[cfg(test)]
mod expiry_tests;
mod fault;
mod fetch;
mod folder;
mod misp;
mod misp_feed;
#[cfg(test)]
mod misp_tests;
mod pass;
#[cfg(test)]
mod pass_tests;
mod push;
mod renew;
#[cfg(test)]
mod renew_tests;
mod row;
mod run;
mod take;
mod taxii;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;
mod view;

pub use fault::Fault;
pub use row::{FaultView, Kind, Terms, WellKnown};
pub(in crate::node) use row::{called, names};
pub use view::{Counts, FeedAdd, FeedRun, FeedRunView, FeedView};

use super::NodeError;
use crate::formats::Problem;
use crate::store::change::Change;
use row::{FeedRow, Known, StateRow};
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is known of feeds only while the process runs.
#[derive(Debug, Default)]
pub(super) struct Feeding {
    /// One of them is changed, or something of it written, at a time.
    turn: tokio::sync::Mutex<()>,
    /// What one of them says is passed on, or taken back there, at a time. Taken before the turn.
    passing: tokio::sync::Mutex<()>,
    /// Those that are being read.
    running: Mutex<BTreeSet<String>>,
    /// As if the process had died at that place.
    #[cfg(test)]
    dies_at: std::sync::atomic::AtomicU8,
    /// Rings whenever one may be due sooner than it was.
    changed: super::Bell,
}

impl Feeding {
    #[cfg(test)]
    fn may_die(&self, place: u8) -> Result<(), NodeError> {
        let dies = self.dies_at.load(std::sync::atomic::Ordering::Relaxed) == place;
        if dies { Err(NodeError::Internal("it died here".into())) } else { Ok(()) }
    }

    fn running(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A feed under way.
struct Run {
    feed: FeedRow,
    state: StateRow,
    known: Known,
    how: FeedRun,
    counts: Counts,
    problems: Vec<Problem>,
    /// What is kept with what was read last.
    beside: Vec<Change>,
    /// Whether all that is new was taken: what fails behind it makes nobody wait for what is new.
    has_news: bool,
}

impl Run {
    fn new(feed: FeedRow, state: StateRow, known: Known, how: FeedRun) -> Self {
        Self { feed, state, known, how, counts: Counts::default(), problems: Vec::new(), beside: Vec::new(), has_news: false }
    }
}

/// Why a run ends early. What was written before stays.
#[derive(Debug)]
enum Stop {
    /// The source, or the way to it.
    Fault(Fault),
    /// This node.
    Node(NodeError),
    /// It was removed meanwhile.
    Removed,
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl<E: Into<NodeError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Node(error.into())
    }
}
