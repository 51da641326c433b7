//! The file: opened, opened again after a failed write, compacted.
//!
//! After one failed write or sync redb's handle is dead. The file is then opened again; where even that takes writes that the
//! disk does not give, it is opened for reading over memory ([`super::overlay`]), so that lookups go on.

use super::error::{Fault, OpenError, ReadError};
use super::migrate::{Failed, migrate};
use super::overlay::Overlay;
use crate::model::OrgId;
use redb::backends::FileBackend;
use redb::{BackendError, Database, DatabaseError, ReadTransaction, ReadableDatabase, StorageBackend, StorageError, WriteTransaction};
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// Makes the storage that redb works on; called again at each re-open.
pub type BackendFactory = Arc<dyn Fn() -> io::Result<Box<dyn StorageBackend>> + Send + Sync>;

/// How much redb caches, in bytes, unless something else is asked for.
pub(super) const CACHE_BYTES: usize = 32 << 20;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// The organisation whose store it is. Kept in a new store, checked in an old one.
    pub us: OrgId,
    /// How much redb may cache, in bytes (redb's own default is 1 GiB).
    pub cache_bytes: usize,
    /// How many requests one transaction takes at most.
    pub group_requests_max: usize,
    /// How long a change waits for a disk that takes no writes before its caller is told, in milliseconds.
    pub retry_ms_max: u64,
    /// How many positions of entries that have not come one author may take back.
    pub ahead_max: u64,
    /// How many exports are remembered, the newest.
    pub exports_max: u64,
    /// How many referrals of one origin may be open at a time.
    pub referrals_max: u64,
}

impl Options {
    /// The defaults for an organisation: 32 MiB of cache, 64 requests in a transaction, 30 seconds of patience, 20,000 positions ahead, 20,000 exports, 2,000
    /// open referrals of one origin.
    pub const fn new(us: OrgId) -> Self {
        Self {
            us,
            cache_bytes: CACHE_BYTES,
            group_requests_max: 64,
            retry_ms_max: 30_000,
            ahead_max: 20_000,
            exports_max: 20_000,
            referrals_max: 2_000,
        }
    }
}

/// A transaction that is durable once committed: two syncs, so that a hostile file cannot fool the repair, and with the
/// allocator's state, so that a store of gigabytes opens at once after a crash.
pub(super) fn begin(database: &Database) -> Result<WriteTransaction, Fault> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    Ok(transaction)
}

/// The file and the handle on it.
pub(super) struct Disk {
    path: PathBuf,
    factory: BackendFactory,
    pub(super) options: Options,
    handle: RwLock<Option<Handle>>,
}

struct Handle {
    database: Database,
    takes_writes: bool,
}

impl Disk {
    /// Opens, repairs where the last run was killed, and migrates.
    pub(super) fn open(path: &Path, factory: BackendFactory, options: Options) -> Result<Self, OpenError> {
        let disk = Self { path: path.to_owned(), factory, options, handle: RwLock::new(None) };
        let database = disk.open_database()?;
        disk.set(Some(Handle { database, takes_writes: true }));
        Ok(disk)
    }

    /// Opens the file again after a failed write. When that fails, it is opened for reading alone.
    pub(super) fn reopen(&self) -> Result<(), String> {
        // The lock on the file goes with the old handle.
        self.set(None);
        let failed = match self.open_database() {
            Ok(database) => {
                self.set(Some(Handle { database, takes_writes: true }));
                return Ok(());
            }
            Err(error) => error.to_string(),
        };
        let overlay = (self.factory)().ok().and_then(|backend| Overlay::over(backend).ok());
        if let Some(database) = overlay.and_then(|overlay| self.create(Box::new(overlay)).ok()) {
            self.set(Some(Handle { database, takes_writes: false }));
        }
        Err(failed)
    }

    fn set(&self, handle: Option<Handle>) {
        *self.handle.write().unwrap_or_else(PoisonError::into_inner) = handle;
    }

    fn open_database(&self) -> Result<Database, OpenError> {
        let backend = (self.factory)().map_err(|source| OpenError::Io { path: self.path.clone(), source })?;
        let database = self.create(backend).map_err(|error| self.explain(error))?;
        match migrate(&database, &self.options.us) {
            Ok(()) => Ok(database),
            Err(Failed::Open(error)) => Err(error),
            Err(Failed::Fault(fault)) => Err(self.explain_fault(fault)),
        }
    }

    fn create(&self, backend: Box<dyn StorageBackend>) -> Result<Database, DatabaseError> {
        let mut builder = Database::builder();
        builder.set_cache_size(self.options.cache_bytes);
        create_on(&builder, backend)
    }

    fn explain(&self, error: DatabaseError) -> OpenError {
        match error {
            DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => OpenError::AlreadyOpen(self.path.clone()),
            DatabaseError::Storage(StorageError::Io(source)) if source.kind() != io::ErrorKind::InvalidData => {
                OpenError::Io { path: self.path.clone(), source }
            }
            other => OpenError::Damaged { path: self.path.clone(), what: other.to_string() },
        }
    }

    fn explain_fault(&self, fault: Fault) -> OpenError {
        let path = self.path.clone();
        match fault {
            Fault::Storage(redb::Error::Io(source)) => OpenError::Io { path, source },
            other => OpenError::Damaged { path, what: other.to_string() },
        }
    }

    pub(super) fn begin_read(&self) -> Result<ReadTransaction, ReadError> {
        let handle = self.handle.read().unwrap_or_else(PoisonError::into_inner);
        match handle.as_ref() {
            Some(handle) => Ok(handle.database.begin_read()?),
            None => Err(ReadError::Unavailable("it is being opened again".into())),
        }
    }

    /// A transaction, if the disk takes writes.
    pub(super) fn begin_write(&self) -> Result<WriteTransaction, Fault> {
        let handle = self.handle.read().unwrap_or_else(PoisonError::into_inner);
        match handle.as_ref().filter(|handle| handle.takes_writes) {
            Some(handle) => begin(&handle.database),
            None => Err(Fault::Storage(redb::Error::PreviousIo)),
        }
    }

    /// Gives free space back and wipes what was deleted from the file. False when a reader is in the way.
    pub(super) fn compact(&self) -> Result<bool, Fault> {
        let mut handle = self.handle.write().unwrap_or_else(PoisonError::into_inner);
        let Some(handle) = handle.as_mut().filter(|handle| handle.takes_writes) else { return Ok(false) };
        loop {
            match handle.database.compact() {
                Ok(true) => {}
                Ok(false) => return Ok(true),
                Err(redb::CompactionError::Storage(error)) => return Err(error.into()),
                Err(_) => return Ok(false),
            }
        }
    }

    pub(super) fn close(&self) {
        self.set(None);
    }
}

/// A database on storage whose type is not known before the program runs.
pub(super) fn create_on(builder: &redb::Builder, backend: Box<dyn StorageBackend>) -> Result<Database, DatabaseError> {
    builder.create_with_backend(Boxed(backend))
}

/// The factory for a file of mode 0600 in a directory of mode 0700, which is made where it is missing.
pub(super) fn file_factory(path: PathBuf) -> BackendFactory {
    Arc::new(move || {
        let file = match open_file(&path, true) {
            // A file system that was remounted read-only after an error still gives reads.
            Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => open_file(&path, false)?,
            other => other?,
        };
        Ok(Box::new(FileBackend::new(file).map_err(io::Error::other)?))
    })
}

fn open_file(path: &Path, write: bool) -> io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(write).create(write).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes an empty store where there is none: under another name, then given its own in one step. So a power cut in the middle never
/// leaves a file that is no store, and never one whose name is lost.
pub(super) fn make_file(path: &Path, options: &Options) -> Result<(), OpenError> {
    let failed = |source| OpenError::Io { path: path.to_owned(), source };
    if path.try_exists().map_err(failed)? {
        return Ok(());
    }
    let fresh = path.with_extension("new");
    let make = || Disk::open(&fresh, file_factory(fresh.clone()), options.clone());
    match make() {
        // What an earlier attempt left behind.
        Err(OpenError::Damaged { .. }) => {
            std::fs::remove_file(&fresh).map_err(failed)?;
            make()?.close();
        }
        made => made?.close(),
    }
    match std::fs::hard_link(&fresh, path) {
        // Another process was faster, and may have written to it already: it is never replaced.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => std::fs::remove_file(&fresh),
        // A file system without links.
        Err(_) => std::fs::rename(&fresh, path),
        Ok(()) => std::fs::remove_file(&fresh),
    }
    .and_then(|()| sync_directory(path.parent().unwrap_or(Path::new("."))))
    .map_err(failed)
}

/// Makes the names in a directory durable.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    std::fs::File::open(path)?.sync_all()
}

/// Makes the store's directory, for its owner alone.
pub(super) fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// redb takes backends by type; ours are made at run time.
#[derive(Debug)]
struct Boxed(Box<dyn StorageBackend>);

impl StorageBackend for Boxed {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
    fn close(&self) -> io::Result<()> {
        self.0.close()
    }
    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.try_lock_range(start, end)
    }
    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.try_lock_shared_range(start, end)
    }
    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.lock_range(start, end)
    }
    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.lock_shared_range(start, end)
    }
    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.unlock_range(start, end)
    }
    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.query_lock_range(start, end)
    }
}
