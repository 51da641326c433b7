//! A disk in memory that loses its power: it keeps what was synced, and of what was written since any part, torn at 512 bytes.

use redb::StorageBackend;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use watchfire::simulation::Random;
use watchfire::store::BackendFactory;

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// A disk. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Disk(Arc<Mutex<State>>);

struct State {
    /// What a reader sees.
    now: Vec<u8>,
    /// What is there after a power cut, whatever happens.
    durable: Vec<u8>,
    /// What was done since the last sync.
    pending: Vec<Done>,
    /// Without power nothing works any more.
    dead: bool,
    /// The power goes at so many syncs from now, and this is told.
    fuse: Option<(u64, Arc<dyn Fn() + Send + Sync>)>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes, {} pending", self.now.len(), self.pending.len())
    }
}

enum Done {
    Write(usize, Vec<u8>),
    Length(usize),
}

impl Disk {
    /// A disk with this on it.
    pub fn new(image: Vec<u8>) -> Self {
        let state = State { now: image.clone(), durable: image, pending: Vec::new(), dead: false, fuse: None };
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub fn factory(&self) -> BackendFactory {
        let disk = self.clone();
        Arc::new(move || Ok(Box::new(disk.clone())))
    }

    /// The power will go in the middle of a commit: at this many syncs from now.
    pub fn blow_at(&self, syncs: u64, told: Arc<dyn Fn() + Send + Sync>) {
        self.state().fuse = Some((syncs, told));
    }

    /// What has surely reached the disk: a copy that somebody takes while nothing is written.
    pub fn image(&self) -> Vec<u8> {
        self.state().durable.clone()
    }

    /// Takes the power. Returns what is on the disk when it comes back.
    pub fn lose_power(&self, random: &mut Random) -> Vec<u8> {
        let mut state = self.state();
        state.dead = true;
        let mut image = std::mem::take(&mut state.durable);
        // Nothing of it, all of it, or any part.
        let lands = [0, 100, 50, 90, 10][random.below(5) as usize];
        for done in std::mem::take(&mut state.pending) {
            match done {
                Done::Length(length) if random.chance(lands) => image.resize(length, 0),
                Done::Length(_) => {}
                Done::Write(offset, bytes) => write_sectors(&mut image, offset, &bytes, lands, random),
            }
        }
        image
    }
}

fn write_sectors(image: &mut Vec<u8>, offset: usize, bytes: &[u8], lands: u64, random: &mut Random) {
    let mut at = 0;
    while at < bytes.len() {
        let end = (((offset + at) / SECTOR + 1) * SECTOR - offset).min(bytes.len());
        if random.chance(lands) {
            if image.len() < offset + end {
                image.resize(offset + end, 0);
            }
            image[offset + at..offset + end].copy_from_slice(&bytes[at..end]);
        }
        at = end;
    }
}

impl State {
    fn check(&self) -> io::Result<()> {
        if self.dead { Err(io::Error::other("there is no power")) } else { Ok(()) }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        let state = self.state();
        state.check()?;
        Ok(state.now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        state.check()?;
        out.copy_from_slice(&state.now[offset as usize..][..out.len()]);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut state = self.state();
        state.check()?;
        state.now.resize(length as usize, 0);
        state.pending.push(Done::Length(length as usize));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        state.check()?;
        if let Some((left, told)) = state.fuse.take() {
            if left <= 1 {
                state.dead = true;
                drop(state);
                told();
                return Err(io::Error::other("the power goes"));
            }
            state.fuse = Some((left - 1, told));
        }
        for done in std::mem::take(&mut state.pending) {
            match done {
                Done::Length(length) => state.durable.resize(length, 0),
                Done::Write(offset, bytes) => state.durable[offset..][..bytes.len()].copy_from_slice(&bytes),
            }
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.check()?;
        state.now[offset as usize..][..data.len()].copy_from_slice(data);
        state.pending.push(Done::Write(offset as usize, data.to_vec()));
        Ok(())
    }
}
