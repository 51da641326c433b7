//! Programs that come unattended: who may (`consumer.rs`), what was written for them lately (`kept.rs`), in which order it came (`ledger.rs`), what MISP's REST
//! finds in it (`misp.rs`), what they say (`produce.rs`),
//! which events they add (`draft.rs`), and what of that is theirs to take back (`claim.rs`). A feed that is passed on is a producer, too.

mod changes;
mod claim;
mod consumer;
mod draft;
mod kept;
mod ledger;
mod misp;
mod produce;
#[cfg(test)]
mod tests;

pub use changes::{Changes, Match, Wanted};
pub(super) use claim::{Standing, Unsaid};
pub use consumer::{Consumer, ConsumerAdd, ConsumerRenew, ConsumerView, ConsumersView, HttpsView, TokenView};
pub use draft::{Drafted, EventError};
pub use kept::{Coding, Fetched};
pub use ledger::{Entry, Ledger, collection};
pub use misp::{Carried, Found, Searched, Wrapped};
pub(super) use produce::Producer;
pub use produce::{Form, Objects, ProduceError, Produced, Sent, Sighted, Submitted};

use crate::model::Timestamp;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::MutexGuard;

/// What the node keeps for those who fetch. All of it is lost with the process, and written anew.
#[derive(Debug, Default)]
pub(super) struct Serving {
    /// One consumer changes at a time.
    turn: tokio::sync::Mutex<()>,
    /// One export is written, or packed, at a time: what many ask for at once is written once, and takes one core.
    writing: tokio::sync::Mutex<()>,
    /// When each consumer's last use was written down.
    used: Mutex<BTreeMap<[u8; 16], Timestamp>>,
    /// Where they fetch.
    https: Mutex<Option<HttpsView>>,
    /// What producers are saying.
    producing: produce::Producing,
    /// Which claims, and which requests of producers, were looked at last.
    claims_swept: Swept,
    submissions_swept: Swept,
    /// What was written lately.
    exports: Mutex<kept::Exports>,
    /// Whose events are being changed: one request of a program at a time.
    drafting: Each<tokio::sync::Mutex<()>>,
    /// Searches under way.
    searching: misp::Searching,
}

impl Serving {
    async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    fn https(&self) -> Option<HttpsView> {
        self.https.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a use is to be written down: the one before is so long ago.
    fn is_news(&self, id: [u8; 16], now: Timestamp, every_ms: u64) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let news = used.get(&id).is_none_or(|at| now.since(*at).max(at.since(now)) >= every_ms);
        if news {
            used.insert(id, now);
        }
        news
    }
}

/// Something for each consumer, for as long as anybody holds it.
#[derive(Debug)]
struct Each<T>(Mutex<BTreeMap<[u8; 16], Arc<T>>>);

impl<T> Default for Each<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Default> Each<T> {
    fn of(&self, consumer: [u8; 16]) -> Arc<T> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, one| Arc::strong_count(one) > 1);
        all.entry(consumer).or_default().clone()
    }
}

/// Where a round of upkeep looks of what is kept under random ids: a 256th of them, another in each round.
#[derive(Debug, Default)]
struct Swept(AtomicU8);

impl Swept {
    fn next(&self) -> ([u8; 16], [u8; 16]) {
        let byte = self.0.fetch_add(1, Ordering::Relaxed);
        let (mut first, mut last) = ([0; 16], [255; 16]);
        (first[0], last[0]) = (byte, byte);
        (first, last)
    }
}

impl super::Node {
    /// Says where consumers fetch.
    pub fn serves_at(&self, https: HttpsView) {
        *self.serving.https.lock().unwrap_or_else(PoisonError::into_inner) = Some(https);
    }
}
