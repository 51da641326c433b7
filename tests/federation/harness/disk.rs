//! A disk for a node's store: it has a cache that a power cut empties, can be full, can fail, and can lie about syncing.

use redb::StorageBackend;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use watchfire::store::BackendFactory;

#[derive(Debug, Clone, Default)]
pub struct Disk(Arc<Mutex<Platter>>);

#[derive(Debug, Default)]
struct Platter {
    bytes: Vec<u8>,
    /// What was there before each write that is not synced, newest last.
    unsynced: Vec<Before>,
    lies: bool,
    full: bool,
    /// Neither written nor opened again.
    away: bool,
    /// Each so many-th write or sync fails; 0 for none.
    fails_every: u64,
    operations: u64,
    failed: u64,
    /// After so many more syncs nothing is written any more.
    stops_in: Option<u64>,
    /// Whether syncs wait.
    held: bool,
    /// Whether one does.
    waits: bool,
}

#[derive(Debug)]
enum Before {
    Bytes(u64, Vec<u8>),
    /// The length, and what a shorter one cut off.
    Length(u64, Vec<u8>),
}

impl Disk {
    pub fn factory(&self) -> BackendFactory {
        let disk = self.clone();
        Arc::new(move || if disk.lock().away { Err(io::ErrorKind::NotFound.into()) } else { Ok(Box::new(disk.clone())) })
    }

    fn lock(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().unwrap()
    }

    /// From now on it only says that it has synced.
    pub fn lie(&self) {
        self.lock().lies = true;
    }

    pub fn fill(&self, full: bool) {
        self.lock().full = full;
    }

    /// Pulls it out or puts it back. What is away takes nothing, and cannot be read once the store has opened it anew.
    pub fn pull(&self, away: bool) {
        self.lock().away = away;
    }

    /// Each so many-th write or sync fails from now on; 0 for none.
    pub fn fail_every(&self, operations: u64) {
        self.lock().fails_every = operations;
    }

    /// After so many more syncs it takes nothing more, as a machine does that dies there.
    pub fn stop_after(&self, syncs: u64) {
        self.lock().stops_in = Some(syncs);
    }

    /// Whether it has come to that.
    pub fn has_stopped(&self) -> bool {
        self.lock().stops_in == Some(0)
    }

    /// Syncs wait until they are let go.
    pub fn hold(&self, held: bool) {
        self.lock().held = held;
    }

    /// Whether somebody waits for a sync that is held.
    pub fn keeps_waiting(&self) -> bool {
        self.lock().waits
    }

    /// It takes writes again.
    pub fn go_on(&self) {
        self.lock().stops_in = None;
    }

    fn is_held(&self) -> bool {
        let mut platter = self.lock();
        platter.waits = platter.held;
        platter.held
    }

    /// Whether these bytes stand anywhere on it.
    pub fn holds(&self, wanted: &[u8]) -> bool {
        self.lock().bytes.windows(wanted.len()).any(|window| window == wanted)
    }

    /// How many operations have failed.
    pub fn failed(&self) -> u64 {
        self.lock().failed
    }

    /// What was not synced is gone.
    pub fn power_cut(&self) {
        let mut platter = self.lock();
        while let Some(before) = platter.unsynced.pop() {
            match before {
                Before::Bytes(offset, bytes) => platter.bytes[offset as usize..][..bytes.len()].copy_from_slice(&bytes),
                Before::Length(length, rest) => {
                    platter.bytes.truncate(length as usize);
                    platter.bytes.extend_from_slice(&rest);
                    platter.bytes.resize(length as usize, 0);
                }
            }
        }
    }
}

impl Platter {
    fn operate(&mut self) -> io::Result<()> {
        self.operations += 1;
        let fails = self.fails_every > 0 && self.operations.is_multiple_of(self.fails_every);
        let full = self.full || self.away || self.stops_in == Some(0);
        self.failed += u64::from(fails || full);
        match (full, fails) {
            (true, _) => Err(io::ErrorKind::StorageFull.into()),
            (_, true) => Err(io::Error::other("the disk has a bad day")),
            _ => Ok(()),
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.lock().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let platter = self.lock();
        let bytes = platter.bytes.get(offset as usize..).and_then(|bytes| bytes.get(..out.len()));
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut platter = self.lock();
        platter.operate()?;
        let before = platter.bytes.len() as u64;
        let cut_off = platter.bytes.get(length as usize..).unwrap_or_default().to_vec();
        platter.unsynced.push(Before::Length(before, cut_off));
        platter.bytes.resize(length as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        while self.is_held() {
            std::thread::sleep(Duration::from_millis(2));
        }
        let mut platter = self.lock();
        platter.operate()?;
        if !platter.lies {
            platter.unsynced.clear();
        }
        platter.stops_in = platter.stops_in.map(|left| left - 1);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut platter = self.lock();
        platter.operate()?;
        let before = platter.bytes[offset as usize..][..data.len()].to_vec();
        platter.unsynced.push(Before::Bytes(offset, before));
        platter.bytes[offset as usize..][..data.len()].copy_from_slice(data);
        Ok(())
    }
}
