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
    /// Fails each so many-th write or sync; 0 for none.
    fails_every: AtomicUsize,
    operations: AtomicUsize,
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
        let every = self.0.fails_every.load(SeqCst);
        if every > 0 && self.0.operations.fetch_add(1, SeqCst) % every == every - 1 {
            return Err(io::Error::other("the disk has a bad year"));
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
        assert_eq!(outcome, Outcome::Released(vec![ReleaseOutcome::NEWS]), "operation {n}: even if the failed commit had reached the disk");
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

/// What came of each step of a life, and what the store holds at its end.
type Life = (Vec<Vec<Outcome>>, Vec<(&'static str, String)>);

/// A life with every kind of change, in which one operation fails; and how far away the failure still is at its end.
fn life_with_a_failure(operation: usize) -> (Life, usize) {
    let disk = Faulty::default();
    let store = Store::open_with(disk.factory(), options(30_000)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut script = script::Script::new(3);
    disk.fail_in(operation);
    let mut outcomes = Vec::new();
    for _ in 0..24 {
        let read = loop {
            // While the file is opened again there is a moment without a snapshot.
            match store.snapshot() {
                Ok(read) => break read,
                Err(_) => std::thread::yield_now(),
            }
        };
        let step = script.next(&read);
        drop(read);
        outcomes.push(script::make(&store, step, &runtime).unwrap_or_else(|error| panic!("operation {operation}: {error}")));
    }
    let mut health = store.health();
    runtime.block_on(health.wait_for(|health| *health == Health::Good)).unwrap();
    let read = store.snapshot().unwrap();
    assert_eq!(agree::disagreements(&read), Vec::<String>::new(), "operation {operation}");
    ((outcomes, content(&read)), disk.0.fails_in.load(SeqCst))
}

#[test]
fn whichever_of_the_first_200_writes_and_syncs_fails_the_store_ends_as_if_none_had() {
    let (whole, _) = life_with_a_failure(0);
    let mut campaign = campaign::Campaign::new("failing operations", "operations", 200);
    let mut tried = 0;
    while let Some(operation) = campaign.next() {
        let (life, left) = life_with_a_failure(operation as usize);
        if left > 0 {
            assert!(operation > 200, "operation {operation} never came");
            break;
        }
        assert!(life == whole, "operation {operation}");
        campaign.reached(1);
        tried += 1;
    }
    assert!(tried > 0, "all operations of this life were tried before: remove target/campaigns/failing operations to begin anew");
}

/// Values that were acknowledged while every so many-th operation failed.
fn with_every_nth_failing(n: usize) {
    let disk = Faulty::default();
    let store = Store::open_with(disk.factory(), options(40)).unwrap();
    disk.0.fails_every.store(n, SeqCst);
    let values: Vec<String> = (0..6).map(|number| format!("host{number}.example")).collect();
    let acknowledged: Vec<&String> = values.iter().filter(|value| release_one(&store, value).is_ok()).collect();
    disk.0.fails_every.store(0, SeqCst);
    let mut health = store.health();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(health.wait_for(|health| *health == Health::Good)).unwrap();
    release_one(&store, "after.example").unwrap();
    let read = store.snapshot().unwrap();
    for value in acknowledged {
        assert_eq!(read.lookup(&observable(value), NOW).unwrap().hits.len(), 1, "every {n}th fails: {value}");
    }
    assert_eq!(agree::disagreements(&read), Vec::<String>::new(), "every {n}th fails");
}

#[test]
fn while_every_nth_write_or_sync_fails_nothing_acknowledged_is_lost_and_the_store_comes_back() {
    // Most of the time it waits.
    std::thread::scope(|scope| {
        for first in 1..=40 {
            scope.spawn(move || (first..=200).step_by(40).for_each(with_every_nth_failing));
        }
    });
}
