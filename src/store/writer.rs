//! The one writer: a thread that takes waiting requests into one transaction, commits it, and then answers all of them.
//! While a commit is syncing the next group fills.

use super::apply::Tx;
use super::change::{Change, Outcome};
use super::disk::Disk;
use super::error::{CommitError, Fault};
use super::tables::META;
use crate::model::crypto::random;
use redb::ReadableTable;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// The first pause before a dead handle is opened again; it doubles up to [`PAUSE_MS_MAX`].
const PAUSE_MS: u64 = 10;
const PAUSE_MS_MAX: u64 = 5_000;

/// Whether the store takes writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Good,
    /// The disk failed or is full. Reads go on; the store tries by itself until writes go through again.
    ReadOnly {
        /// What the disk said.
        reason: String,
    },
}

/// What is answered to a request: one outcome per change.
pub(super) type Answer = Result<Vec<Outcome>, CommitError>;

/// What the writer is asked to do.
pub(super) enum Request {
    /// All of these changes or none.
    Commit { changes: Vec<Change>, answer: oneshot::Sender<Answer> },
    /// Answered once everything asked for before has been answered.
    Settle { answer: oneshot::Sender<()> },
    /// Give free space back; answers whether it was done.
    Compact { answer: oneshot::Sender<Result<bool, CommitError>> },
}

/// Tells one group from every other.
type Tag = [u8; 16];

type Commit = (Vec<Change>, oneshot::Sender<Answer>);
type Told = (oneshot::Sender<Answer>, Answer);

/// Requests that are worked off together.
struct Gathered {
    group: VecDeque<Commit>,
    compact: Vec<oneshot::Sender<Result<bool, CommitError>>>,
    settled: Vec<oneshot::Sender<()>>,
}

/// When a simulated disk does what.
#[cfg(feature = "simulation")]
pub trait Pace: Send + Sync {
    /// The wait before a commit, in which more requests gather.
    fn before(&self) -> Duration;
    /// These changes are committed now.
    fn commits(&self, changes: &[&Change]);
    /// The wait between a commit and its answers.
    fn after(&self) -> Duration;
}

pub(super) struct Writer {
    pub(super) disk: Arc<Disk>,
    pub(super) queue: mpsc::Receiver<Request>,
    pub(super) health: watch::Sender<Health>,
    pub(super) pause_ms: u64,
    pub(super) waited_ms: u64,
}

impl Writer {
    pub(super) fn new(disk: Arc<Disk>, queue: mpsc::Receiver<Request>, health: watch::Sender<Health>) -> Self {
        Self { disk, queue, health, pause_ms: PAUSE_MS, waited_ms: 0 }
    }

    /// Works until every store handle is gone and the queue is empty.
    pub(super) fn run(mut self) {
        while let Some(first) = self.next() {
            let Gathered { group, compact, settled } = self.gather(first);
            self.work_off(group, &mut tell);
            settled.into_iter().for_each(|answer| answer.send(()).unwrap_or_default());
            compact.into_iter().for_each(|answer| drop(answer.send(self.compact())));
        }
        self.disk.close();
    }

    /// As [`Self::run`], in a task, at a pace that a simulation sets.
    #[cfg(feature = "simulation")]
    pub(super) async fn run_at(mut self, pace: Box<dyn Pace>) {
        while let Some(first) = self.queue.recv().await {
            tokio::time::sleep(pace.before()).await;
            let Gathered { group, compact, settled } = self.gather(first);
            pace.commits(&group.iter().flat_map(|(changes, _)| changes).collect::<Vec<_>>());
            let mut told = Vec::new();
            self.work_off(group, &mut |one| told.push(one));
            tokio::time::sleep(pace.after()).await;
            told.into_iter().for_each(tell);
            settled.into_iter().for_each(|answer| answer.send(()).unwrap_or_default());
            compact.into_iter().for_each(|answer| drop(answer.send(self.compact())));
        }
        self.disk.close();
    }

    /// A request and those that wait behind it, as many as one transaction takes.
    fn gather(&mut self, first: Request) -> Gathered {
        let (mut group, mut compact, mut settled) = (VecDeque::new(), Vec::new(), Vec::new());
        let mut request = Some(first);
        while let Some(taken) = request.take() {
            match taken {
                Request::Commit { changes, answer } => group.push_back((changes, answer)),
                Request::Compact { answer } => compact.push(answer),
                Request::Settle { answer } => settled.push(answer),
            }
            if group.len() < self.disk.options.group_requests_max {
                request = self.queue.try_recv().ok();
            }
        }
        Gathered { group, compact, settled }
    }

    /// The next request. While the disk is not well, it is tried in between.
    fn next(&mut self) -> Option<Request> {
        while *self.health.borrow() != Health::Good {
            match self.queue.try_recv() {
                Ok(request) => {
                    self.waited_ms = 0;
                    return Some(request);
                }
                Err(mpsc::error::TryRecvError::Disconnected) => return None,
                Err(mpsc::error::TryRecvError::Empty) => {}
            }
            self.pause();
            if self.disk.reopen().is_ok() && self.try_commit(&VecDeque::new(), random(), &mut None).is_ok() {
                self.is_well();
            }
        }
        self.queue.blocking_recv()
    }

    /// Commits a group; when one of it cannot be applied, each of it alone; when the disk fails, again.
    fn work_off(&mut self, group: VecDeque<Commit>, tell: &mut dyn FnMut(Told)) {
        let mut groups = VecDeque::from([group]);
        while let Some(mut group) = groups.pop_front() {
            if group.is_empty() {
                continue;
            }
            let tag = random();
            match self.commit_until_told(&group, tag) {
                Ok(answers) => {
                    self.is_well();
                    group.into_iter().zip(answers).for_each(|((_, reply), answer)| tell((reply, answer)));
                }
                Err(Fault::Storage(error)) => fail(group, &CommitError::ReadOnly(self.is_ill(&error)), tell),
                Err(fault) if group.len() == 1 => fail(group, &explain(fault), tell),
                Err(_) => group.drain(..).rev().for_each(|one| groups.push_front(VecDeque::from([one]))),
            }
        }
    }

    /// Commits a group, again after each failure of the disk, until the callers have waited long enough. A commit that failed
    /// may have reached the disk all the same: then its tag stands there, and its answers hold.
    fn commit_until_told(&mut self, group: &VecDeque<Commit>, tag: Tag) -> Result<Vec<Answer>, Fault> {
        let mut answers = None;
        loop {
            let error = match self.try_commit(group, tag, &mut answers) {
                Err(Fault::Storage(error)) => error,
                other => return other,
            };
            if self.wait_for_disk(&error).is_err() {
                return Err(error.into());
            }
        }
    }

    /// One transaction for the group. A request of one change that is refused has written nothing, so the rest goes on.
    fn try_commit(&self, group: &VecDeque<Commit>, tag: Tag, before: &mut Option<Vec<Answer>>) -> Result<Vec<Answer>, Fault> {
        let transaction = self.disk.begin_write()?;
        if let Some(answers) = before.take()
            && last_tag(&transaction)? == Some(tag)
        {
            return Ok(answers);
        }
        let applied = self.apply_group(&transaction, group).and_then(|answers| put_tag(&transaction, tag).map(|()| answers));
        let answers = match applied {
            Ok(answers) => answers,
            Err(fault) => {
                // A dead handle cannot even abort; it is dropped as it is.
                drop(transaction.abort());
                return Err(fault);
            }
        };
        *before = Some(answers.clone());
        transaction.commit()?;
        Ok(answers)
    }

    fn apply_group(&self, transaction: &redb::WriteTransaction, group: &VecDeque<Commit>) -> Result<Vec<Answer>, Fault> {
        let mut tx = Tx::open(transaction, &self.disk.options)?;
        let mut answers = Vec::with_capacity(group.len());
        for (changes, _) in group {
            let outcomes = changes.iter().map(|change| tx.apply(change)).collect::<Result<Vec<Outcome>, Fault>>();
            answers.push(match outcomes {
                Ok(outcomes) => Ok(outcomes),
                Err(Fault::Refused(refused)) if changes.len() == 1 => Err(refused.into()),
                Err(fault) => return Err(fault),
            });
        }
        tx.close()?;
        Ok(answers)
    }

    fn is_well(&mut self) {
        (self.pause_ms, self.waited_ms) = (PAUSE_MS, 0);
        self.health.send_if_modified(|health| std::mem::replace(health, Health::Good) != Health::Good);
    }

    /// Pauses and opens the file again, until that works or the callers have waited long enough.
    fn wait_for_disk(&mut self, error: &redb::Error) -> Result<(), String> {
        let reason = self.is_ill(error);
        while self.waited_ms < self.disk.options.retry_ms_max {
            self.pause();
            if self.disk.reopen().is_ok() {
                return Ok(());
            }
        }
        Err(reason)
    }

    /// Tells that the disk takes no writes; the first reason is the true one, later ones only follow from it.
    fn is_ill(&self, error: &redb::Error) -> String {
        let known = match &*self.health.borrow() {
            Health::ReadOnly { reason } => Some(reason.clone()),
            Health::Good => None,
        };
        known.unwrap_or_else(|| {
            let reason = error.to_string();
            self.health.send_replace(Health::ReadOnly { reason: reason.clone() });
            reason
        })
    }

    fn pause(&mut self) {
        std::thread::sleep(Duration::from_millis(self.pause_ms));
        self.waited_ms += self.pause_ms;
        self.pause_ms = (self.pause_ms * 2).min(PAUSE_MS_MAX);
    }

    fn compact(&mut self) -> Result<bool, CommitError> {
        match self.disk.compact() {
            Ok(done) => Ok(done),
            Err(Fault::Storage(error)) => match self.wait_for_disk(&error) {
                Ok(()) => Ok(false),
                Err(reason) => Err(CommitError::ReadOnly(reason)),
            },
            Err(fault) => Err(explain(fault)),
        }
    }
}

fn last_tag(transaction: &redb::WriteTransaction) -> Result<Option<Tag>, Fault> {
    let meta = transaction.open_table(META)?;
    let tag = meta.get("group")?.and_then(|tag| tag.value().try_into().ok());
    Ok(tag)
}

fn put_tag(transaction: &redb::WriteTransaction, tag: Tag) -> Result<(), Fault> {
    transaction.open_table(META)?.insert("group", tag.as_slice())?;
    Ok(())
}

fn fail(group: VecDeque<Commit>, error: &CommitError, tell: &mut dyn FnMut(Told)) {
    group.into_iter().for_each(|(_, reply)| tell((reply, Err(error.clone()))));
}

/// Whoever has gone meanwhile is not told.
fn tell((reply, answer): Told) {
    drop(reply.send(answer));
}

fn explain(fault: Fault) -> CommitError {
    match fault {
        Fault::Refused(refused) => refused.into(),
        Fault::Damaged(damaged) => damaged.into(),
        Fault::Storage(error) => CommitError::ReadOnly(error.to_string()),
    }
}
