//! Rings when something changed, for any number of listeners: they are woken in the order in which they wait.
//!
//! tokio's own `watch` spreads its waiters over lists that it picks at random, so that a simulation could not repeat a run.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use tokio::sync::Notify;

/// Rings. Clones are the same bell.
#[derive(Debug, Clone, Default)]
pub struct Bell(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    count: AtomicU64,
    waiting: Notify,
}

impl Bell {
    /// Rings once.
    pub fn ring(&self) {
        self.0.count.fetch_add(1, SeqCst);
        self.0.waiting.notify_waiters();
    }

    /// How often it has rung.
    pub fn count(&self) -> u64 {
        self.0.count.load(SeqCst)
    }

    /// Listens from now on.
    pub fn listen(&self) -> Listener {
        Listener { heard: self.count(), bell: self.clone() }
    }
}

/// Hears whether a bell rang. Several rings that nobody heard are one.
#[derive(Debug)]
pub struct Listener {
    bell: Bell,
    heard: u64,
}

impl Listener {
    /// Whether it rang since it was last heard; from now on it was.
    pub fn hears(&mut self) -> bool {
        let count = self.bell.count();
        std::mem::replace(&mut self.heard, count) != count
    }

    /// Waits until it rings, or returns at once where it rang since it was last heard. Nothing is missed when the future is dropped.
    pub async fn rung(&mut self) {
        let bell = self.bell.clone();
        loop {
            // Waits already when the count is read, so that no ring falls between the two.
            let mut ring = pin!(bell.0.waiting.notified());
            ring.as_mut().enable();
            if self.hears() {
                return;
            }
            ring.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn a_ring_is_heard_once_by_everyone_who_listened() {
        let bell = Bell::default();
        let (mut one, mut other) = (bell.listen(), bell.listen());
        assert!(one.rung().now_or_never().is_none());
        bell.ring();
        bell.ring();
        assert!(one.rung().now_or_never().is_some());
        assert!(one.rung().now_or_never().is_none());
        assert!(other.hears() && !other.hears());
        assert!(!bell.listen().hears());
    }

    #[tokio::test]
    async fn whoever_waits_is_woken() {
        let bell = Bell::default();
        let mut listener = bell.listen();
        let waiting = tokio::spawn(async move { listener.rung().await });
        tokio::task::yield_now().await;
        bell.ring();
        waiting.await.unwrap();
    }
}
