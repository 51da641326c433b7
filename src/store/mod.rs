//! Edge to disk: one redb file, one writer with group commit, snapshots for readers.
//!
//! A change is a value ([`change::Change`]); [`Store::commit`] returns when it is durable. Readers take a [`Snapshot`], which
//! never waits for the writer. redb leaves deleted bytes in free pages of the file until [`Store::compact`].

mod apply;
pub mod archive;
mod body;
pub mod change;
mod codec;
mod desk_rows;
mod disk;
mod error;
mod find;
pub mod hold;
mod migrate;
pub mod notice;
mod overlay;
mod posted;
mod profile;
#[doc(hidden)]
pub mod raw;
mod read;
mod referral;
mod rows;
pub mod sealing;
pub mod sighting;
mod tables;
mod writer;

#[cfg(test)]
mod tests;

pub use disk::{BackendFactory, Options};
pub use error::{CommitError, Damaged, OpenError, ReadError};
pub use posted::Posted;
pub use profile::HeardProfile;
pub use read::*;
pub use referral::{MessageRow, ReferralRow};
pub use rows::{EvidenceRow, History, HistoryPart, LogState, ProvenanceState, QuarantineRow, SuspiciousRow, TakenBackRow};
pub use sighting::SightingRow;
pub use writer::Health;
#[cfg(feature = "simulation")]
pub use writer::Pace;

use change::{Change, Outcome};
use disk::{Disk, file_factory, make_directory, make_file};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot, watch};
use writer::{Answer, Request, Writer};

/// The store's file in its directory.
pub const FILE_NAME: &str = "watchfire.redb";

/// How many requests wait for the writer before their callers do.
const QUEUE: usize = 64;

/// A handle on the store. Cloning is cheap; the file is closed when the last clone goes.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    disk: Arc<Disk>,
    queue: Mutex<Option<mpsc::Sender<Request>>>,
    health: watch::Receiver<Health>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// Opens the store in a directory, which is made where it is missing, as is the file.
    ///
    /// # Errors
    /// When it is open elsewhere, of a newer schema, another organisation's, damaged, or cannot be read.
    pub fn open(directory: &Path, options: Options) -> Result<Self, OpenError> {
        let path = directory.join(FILE_NAME);
        make_directory(directory).map_err(|source| OpenError::Io { path: directory.to_owned(), source })?;
        make_file(&path, &options)?;
        Self::start(Disk::open(&path, file_factory(path.clone()), options)?)
    }

    /// Opens a store on other storage, such as one that fails; `factory` is called again at each re-open.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(factory: BackendFactory, options: Options) -> Result<Self, OpenError> {
        Self::start(Disk::open(Path::new("(memory)"), factory, options)?)
    }

    /// Opens a store whose writer is a task of this runtime, with waits around each commit, so that a simulation decides when what
    /// becomes durable. Nothing waits for the disk: what it refuses is refused to the caller at once.
    ///
    /// # Errors
    /// As [`Self::open`].
    #[cfg(feature = "simulation")]
    pub fn open_simulated(factory: BackendFactory, options: Options, pace: Box<dyn Pace>) -> Result<Self, OpenError> {
        let options = Options { retry_ms_max: 0, ..options };
        let disk = Arc::new(Disk::open(Path::new("(simulated)"), factory, options)?);
        let (queue, requests) = mpsc::channel(QUEUE);
        let (health_sender, health) = watch::channel(Health::Good);
        tokio::spawn(Writer::new(Arc::clone(&disk), requests, health_sender).run_at(pace));
        Ok(Self(Arc::new(Inner { disk, queue: Mutex::new(Some(queue)), health, thread: Mutex::default() })))
    }

    /// Lets go of the file at once, whatever waits, as a process that dies does.
    #[cfg(feature = "simulation")]
    pub fn die(&self) {
        drop(self.0.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.0.disk.close();
    }

    fn start(disk: Disk) -> Result<Self, OpenError> {
        let disk = Arc::new(disk);
        let (queue, requests) = mpsc::channel(QUEUE);
        let (health_sender, health) = watch::channel(Health::Good);
        let writer = Writer::new(Arc::clone(&disk), requests, health_sender);
        let thread = std::thread::Builder::new().name("store".into()).spawn(|| writer.run());
        let thread = thread.map_err(|source| OpenError::Io { path: FILE_NAME.into(), source })?;
        Ok(Self(Arc::new(Inner { disk, queue: Mutex::new(Some(queue)), health, thread: Mutex::new(Some(thread)) })))
    }

    /// Makes a change. Returns when it is durable. What is asked first is applied first, in the order in which the futures are
    /// first polled. A future that is dropped after that may have made its change.
    ///
    /// # Errors
    /// When the change is refused, the disk takes no writes for long, a row is damaged, or the store is closed.
    pub async fn commit(&self, change: Change) -> Result<Outcome, CommitError> {
        self.commit_many(vec![change]).await.and_then(only)
    }

    /// Makes all of these changes, in order, or none.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub async fn commit_many(&self, changes: Vec<Change>) -> Result<Vec<Outcome>, CommitError> {
        let (answer, answered) = oneshot::channel();
        self.queue()?.send(Request::Commit { changes, answer }).await.map_err(|_| CommitError::Closed)?;
        answered.await.unwrap_or(Err(CommitError::Closed))
    }

    /// As [`Self::commit`], for threads that are not the runtime's.
    ///
    /// # Errors
    /// As [`Self::commit`].
    ///
    /// # Panics
    /// When called by a task of an asynchronous runtime.
    pub fn commit_blocking(&self, change: Change) -> Result<Outcome, CommitError> {
        let (answer, answered) = oneshot::channel::<Answer>();
        self.queue()?.blocking_send(Request::Commit { changes: vec![change], answer }).map_err(|_| CommitError::Closed)?;
        answered.blocking_recv().unwrap_or(Err(CommitError::Closed)).and_then(only)
    }

    /// Waits until what was asked for before has been made, or has failed. Writes nothing itself.
    pub async fn settled(&self) {
        let (answer, answered) = oneshot::channel();
        let Ok(queue) = self.queue() else { return };
        let asked = queue.send(Request::Settle { answer }).await;
        // Whoever closes the store waits until nobody can ask for anything more.
        drop(queue);
        if asked.is_ok() {
            // A writer that is gone has nothing under way.
            let _ = answered.await;
        }
    }

    /// What the store holds now. Never waits for the writer.
    ///
    /// # Errors
    /// While the file is being opened again after a failed write; taking it again soon works.
    pub fn snapshot(&self) -> Result<Snapshot, ReadError> {
        Ok(Snapshot::new(self.0.disk.begin_read()?, self.0.disk.options.us))
    }

    /// Whether the store takes writes, now and from now on.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.0.health.clone()
    }

    /// Gives free space back to the file system, and with it wipes most bytes of what was destroyed from the file: redb may leave some
    /// pages within it free, as they were, and on flash bytes may remain below the file system. Takes about half a second for 50 MB, in which nothing is written; for idle times and
    /// the start. False when it could not be done because a snapshot is alive.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub async fn compact(&self) -> Result<bool, CommitError> {
        let (answer, answered) = oneshot::channel();
        self.queue()?.send(Request::Compact { answer }).await.map_err(|_| CommitError::Closed)?;
        answered.await.unwrap_or(Err(CommitError::Closed))
    }

    /// Finishes what waits and closes the file, so that another process can open it. Snapshots that are alive end with errors.
    pub fn close(&self) {
        self.0.close();
    }

    fn queue(&self) -> Result<mpsc::Sender<Request>, CommitError> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(CommitError::Closed)
    }
}

impl Inner {
    fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A panicked writer has answered nobody; there is nothing left to do for it.
            drop(thread.join());
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

fn only(mut outcomes: Vec<Outcome>) -> Result<Outcome, CommitError> {
    outcomes.pop().ok_or(CommitError::Closed)
}
