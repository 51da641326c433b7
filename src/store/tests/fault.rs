use super::*;
use crate::store::{BackendFactory, Health};
use redb::StorageBackend;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

/// A disk in memory that can fail.
#[derive(Debug, Default, Clone)]
pub(super) struct Faulty(Arc<State>);

#[derive(Debug, Default)]
struct State {
    bytes: Mutex<Vec<u8>>,
    writes: AtomicUsize,
    syncs: AtomicUsize,
    /// Fails the write or sync after so many more; 0 for none.
    fails_in: AtomicUsize,
    full: AtomicBool,
}

impl Faulty {
    pub(super) fn factory(&self) -> BackendFactory {
        let disk = self.clone();
        Arc::new(move || Ok(Box::new(disk.clone())))
    }

    pub(super) fn syncs(&self) -> usize {
        self.0.syncs.load(SeqCst)
    }

    fn fail_in(&self, operations: usize) {
        self.0.fails_in.store(operations, SeqCst);
    }

    fn check(&self) -> io::Result<()> {
        if self.0.full.load(SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let before = self.0.fails_in.fetch_update(SeqCst, SeqCst, |left| Some(left.saturating_sub(1)));
        if before == Ok(1) { Err(io::Error::other("the disk has a bad day")) } else { Ok(()) }
    }
}

impl StorageBackend for Faulty {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.bytes.lock().unwrap().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        out.copy_from_slice(&self.0.bytes.lock().unwrap()[offset as usize..][..out.len()]);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.check()?;
        self.0.bytes.lock().unwrap().resize(length as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.syncs.fetch_add(1, SeqCst);
        self.check()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.writes.fetch_add(1, SeqCst);
        self.check()?;
        self.0.bytes.lock().unwrap()[offset as usize..][..data.len()].copy_from_slice(data);
        Ok(())
    }
}

fn options(retry_ms_max: u64) -> Options {
    Options { retry_ms_max, ..Options::new(US) }
}

fn release_one(store: &Store, value: &str) -> Result<Outcome, CommitError> {
    store.commit_blocking(release_change(TO_PEER, vec![item(TO_PEER, indicator(value))]))
}

#[test]
fn one_failed_write_or_sync_anywhere_loses_nothing_and_needs_no_restart() {
    for n in 1..60 {
        let disk = Faulty::default();
        let store = Store::open_with(disk.factory(), options(30_000)).unwrap();
        release_one(&store, "before.example").unwrap();
        disk.fail_in(n);
        let outcome = release_one(&store, "during.example").unwrap_or_else(|error| panic!("operation {n}: {error}"));
        assert_eq!(
            outcome,
            Outcome::Released(vec![ReleaseOutcome::Queued]),
            "operation {n}: even if the failed commit had reached the disk"
        );
        release_one(&store, "after.example").unwrap();
        let waiting = store.snapshot().unwrap().waiting(&TO_PEER, 10, 1 << 20).unwrap();
        assert_eq!(waiting.len(), 3, "operation {n}: each exactly once, although a failed commit may have reached the disk");
        assert_eq!(store.snapshot().unwrap().verify_disclosures(), Ok(3));
        assert_eq!(*store.health().borrow(), Health::Good);
    }
}

#[test]
fn a_full_disk_makes_the_store_read_only_until_it_has_space() {
    let disk = Faulty::default();
    let store = Store::open_with(disk.factory(), options(100)).unwrap();
    release_one(&store, "before.example").unwrap();
    let mut health = store.health();
    disk.0.full.store(true, SeqCst);
    let error = release_one(&store, "during.example").unwrap_err();
    assert!(matches!(&error, CommitError::ReadOnly(_)));
    assert!(error.to_string().contains("the node goes on by itself"), "{error}");
    assert!(matches!(&*health.borrow_and_update(), Health::ReadOnly { .. }));
    // Reads go on, even from a disk that does not let the file be opened for writing.
    let hits = loop {
        // While the file is opened again there is a moment without a snapshot.
        if let Ok(hits) = store.snapshot().and_then(|read| read.lookup(&observable("before.example"), NOW)) {
            break hits;
        }
        std::thread::yield_now();
    };
    assert_eq!(hits.hits.len(), 1);
    disk.0.full.store(false, SeqCst);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(health.changed()).unwrap();
    assert_eq!(*health.borrow(), Health::Good, "it goes on by itself");
    release_one(&store, "during.example").unwrap();
    assert_eq!(store.snapshot().unwrap().waiting(&TO_PEER, 10, 1 << 20).unwrap().len(), 2);
}

#[test]
fn changes_wait_for_a_disk_that_is_full_for_a_moment() {
    let disk = Faulty::default();
    let store = Store::open_with(disk.factory(), options(30_000)).unwrap();
    disk.0.full.store(true, SeqCst);
    let mut health = store.health();
    let waiting: Vec<_> = ["a.example", "b.example"]
        .map(|value| {
            let store = store.clone();
            std::thread::spawn(move || release_one(&store, value))
        })
        .into_iter()
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(health.wait_for(|health| *health != Health::Good)).unwrap();
    disk.0.full.store(false, SeqCst);
    for thread in waiting {
        thread.join().unwrap().unwrap();
    }
    assert_eq!(store.snapshot().unwrap().waiting(&TO_PEER, 10, 1 << 20).unwrap().len(), 2);
}
