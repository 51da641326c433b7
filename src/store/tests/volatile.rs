//! A disk with a cache, as disks are: what was written is read back at once, and is sure to outlive a power cut only once it was
//! synced. Of the rest any 512 bytes may have reached the platter, or not.

use super::campaign::Dice;
use crate::store::BackendFactory;
use redb::StorageBackend;
use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

/// What a disk writes whole or not at all.
const SECTOR: u64 = 512;

#[derive(Debug, Clone)]
pub(super) struct Volatile(Arc<Mutex<Platter>>);

#[derive(Debug)]
struct Platter {
    /// What is read.
    now: Vec<u8>,
    /// What was synced.
    durable: Vec<u8>,
    unsynced: Vec<Written>,
    /// Syncs from this operation on do nothing, and say that they have.
    lies_from: u64,
    operations: u64,
    /// The power is cut, in another world, at these operations.
    cut_at: BTreeSet<u64>,
    cuts: Vec<Cut>,
    dice: Dice,
    acknowledged: usize,
}

#[derive(Debug)]
enum Written {
    Bytes(u64, Vec<u8>),
    Length(u64),
}

/// What a power cut left.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) bytes: Vec<u8>,
    /// So many steps had been acknowledged by then.
    pub(super) acknowledged: usize,
    pub(super) operation: u64,
    pub(super) kept: Kept,
}

/// Which of the unsynced writes a power cut leaves.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kept {
    Nothing,
    Everything,
    /// All up to one of them, which is torn.
    Prefix,
    /// Each sector by chance, in so many of a hundred cases.
    Sectors(u64),
    /// Each write by chance.
    Writes,
}

const KEPT: [Kept; 7] =
    [Kept::Nothing, Kept::Everything, Kept::Prefix, Kept::Sectors(10), Kept::Sectors(50), Kept::Sectors(90), Kept::Writes];

impl Volatile {
    /// A disk that holds these bytes.
    pub(super) fn holding(bytes: Vec<u8>, dice: Dice) -> Self {
        let (now, durable, unsynced) = (bytes.clone(), bytes, Vec::new());
        let (cut_at, cuts) = (BTreeSet::new(), Vec::new());
        Self(Arc::new(Mutex::new(Platter {
            now,
            durable,
            unsynced,
            lies_from: u64::MAX,
            operations: 0,
            cut_at,
            cuts,
            dice,
            acknowledged: 0,
        })))
    }

    pub(super) fn factory(&self) -> BackendFactory {
        let disk = self.clone();
        Arc::new(move || Ok(Box::new(disk.clone())))
    }

    fn lock(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().unwrap()
    }

    pub(super) fn cut_at(&self, operations: BTreeSet<u64>) {
        self.lock().cut_at = operations;
    }

    /// From now on it only says that it has synced.
    pub(super) fn lie(&self) {
        let mut platter = self.lock();
        platter.lies_from = platter.operations;
    }

    /// So many steps were acknowledged.
    pub(super) fn acknowledged(&self, steps: usize) {
        self.lock().acknowledged = steps;
    }

    pub(super) fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// What was synced.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.lock().durable.clone()
    }

    pub(super) fn take_cuts(&self) -> Vec<Cut> {
        std::mem::take(&mut self.lock().cuts)
    }
}

impl Platter {
    /// Counts an operation, and cuts the power in the middle of it where that is asked for.
    fn operate(&mut self) {
        self.operations += 1;
        if self.cut_at.contains(&self.operations) {
            let kept = *self.dice.pick(&KEPT);
            let bytes = self.after_power_cut(kept);
            self.cuts.push(Cut { bytes, acknowledged: self.acknowledged, operation: self.operations, kept });
        }
    }

    fn after_power_cut(&mut self, kept: Kept) -> Vec<u8> {
        let mut image = self.durable.clone();
        let last = self.dice.below(self.unsynced.len() as u64 + 1) as usize;
        for (number, written) in self.unsynced.iter().enumerate() {
            let whole_write = match kept {
                Kept::Nothing => return image,
                Kept::Prefix if number > last => return image,
                Kept::Writes => self.dice.one_in(2),
                Kept::Sectors(percent) if matches!(written, Written::Length(_)) => self.dice.below(100) < percent,
                _ => true,
            };
            match written {
                Written::Length(length) if whole_write => image.resize(*length as usize, 0),
                Written::Bytes(offset, data) if whole_write => {
                    for (at, piece) in sectors(*offset, data) {
                        let here = match kept {
                            Kept::Prefix if number == last => self.dice.one_in(2),
                            Kept::Sectors(percent) => self.dice.below(100) < percent,
                            _ => true,
                        };
                        if here {
                            put(&mut image, at, piece);
                        }
                    }
                }
                _ => {}
            }
        }
        image
    }
}

/// The pieces of a write, split where sectors end.
fn sectors(offset: u64, data: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let mut at = offset;
    let mut rest = data;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let to_the_end_of_the_sector = (SECTOR - at % SECTOR).min(rest.len() as u64);
        let (piece, left) = rest.split_at(to_the_end_of_the_sector as usize);
        let here = at;
        (at, rest) = (at + to_the_end_of_the_sector, left);
        Some((here, piece))
    })
}

/// Beyond the end of the file, whose new length was lost, bytes are lost too.
fn put(image: &mut [u8], at: u64, piece: &[u8]) {
    let Some(room) = image.get_mut(at as usize..) else { return };
    let length = room.len().min(piece.len());
    room[..length].copy_from_slice(&piece[..length]);
}

impl StorageBackend for Volatile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.lock().now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let platter = self.lock();
        let bytes = platter.now.get(offset as usize..).and_then(|bytes| bytes.get(..out.len()));
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut platter = self.lock();
        platter.now.resize(length as usize, 0);
        platter.unsynced.push(Written::Length(length));
        platter.operate();
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut platter = self.lock();
        platter.operate();
        if platter.operations <= platter.lies_from {
            platter.unsynced.clear();
            let now = platter.now.clone();
            platter.durable = now;
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut platter = self.lock();
        put(&mut platter.now, offset, data);
        platter.unsynced.push(Written::Bytes(offset, data.to_vec()));
        platter.operate();
        Ok(())
    }
}
