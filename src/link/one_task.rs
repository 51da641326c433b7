//! What a connection has to do beside itself (its calls, the bodies that are sent over it), done in its own task instead of tasks of their
//! own: so it is known what comes first, and what belongs together leaves together.

use futures_util::stream::{FuturesUnordered, StreamExt};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where HTTP/2 puts what is to be done. Clones put it in the same place.
#[derive(Clone, Default)]
pub(super) struct Inbox(Arc<Mutex<Vec<Work>>>);

impl Inbox {
    fn take(&self) -> Vec<Work> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Inbox {
    fn execute(&self, work: F) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Box::pin(work));
    }
}

/// Counts a task's turns. Clones count the same task's.
#[derive(Clone, Default)]
pub(super) struct Turns(Arc<AtomicU64>);

impl Turns {
    /// The number of the turn that it is.
    pub(super) fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn begin(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// All that is under way of one connection.
#[derive(Default)]
pub(super) struct OneTask {
    inbox: Inbox,
    turns: Turns,
    work: FuturesUnordered<Work>,
}

impl OneTask {
    /// What HTTP/2 is given to spawn with.
    pub(super) fn inbox(&self) -> Inbox {
        self.inbox.clone()
    }

    /// Its turns: in each the connection is looked at, and all that has come of it.
    pub(super) fn turns(&self) -> Turns {
        self.turns.clone()
    }

    /// Lives a connection until it ends: first the connection, then what has come of it, turn by turn. What is left is left undone.
    pub(super) async fn live<C: Future>(&mut self, mut connection: Pin<&mut C>) -> C::Output {
        poll_fn(|context| {
            self.turns.begin();
            let ended = connection.as_mut().poll(context);
            let _ = self.poll(context);
            ended
        })
        .await
    }

    /// Does this first, then whatever is there, until nothing is left.
    pub(super) async fn finish(mut self, first: impl Future<Output = ()> + Send + 'static) {
        self.work.push(Box::pin(first));
        poll_fn(|context| {
            self.turns.begin();
            self.poll(context)
        })
        .await;
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            self.work.extend(self.inbox.take());
            match self.work.poll_next_unpin(context) {
                Poll::Ready(Some(())) => {}
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending if self.inbox.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty() => return Poll::Pending,
                Poll::Pending => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::rt::Executor;

    #[tokio::test]
    async fn what_is_put_in_on_the_way_is_done_before_the_end_and_in_order() {
        let (task, said) = (OneTask::default(), Arc::new(Mutex::new(Vec::new())));
        let say = |word: &'static str| {
            let said = said.clone();
            async move { said.lock().unwrap().push(word) }
        };
        let (inbox, later, first) = (task.inbox(), say("later"), say("first"));
        task.inbox().execute(say("second"));
        let from_within = async move {
            first.await;
            inbox.execute(later);
        };
        task.finish(from_within).await;
        assert_eq!(*said.lock().unwrap(), ["first", "second", "later"]);
    }

    #[tokio::test]
    async fn a_connection_that_has_ended_ends_what_it_carried() {
        let mut task = OneTask::default();
        let carried = Arc::new(());
        let held = carried.clone();
        task.inbox().execute(async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        task.live(std::pin::pin!(tokio::task::yield_now())).await;
        assert_eq!(Arc::strong_count(&carried), 2, "it is under way");
        drop(task);
        assert_eq!(Arc::strong_count(&carried), 1);
    }
}
