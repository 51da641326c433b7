//! A backend whose writes stay in memory: so a file can be opened, and repaired, for reading while its disk takes no writes.

use redb::{BackendError, StorageBackend};
use std::collections::{BTreeMap, btree_map::Entry};
use std::io;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

const BLOCK: u64 = 4096;

/// Another backend under what was written since.
#[derive(Debug)]
pub(super) struct Overlay {
    under: Box<dyn StorageBackend>,
    under_length: u64,
    above: Mutex<Above>,
}

#[derive(Debug)]
struct Above {
    length: u64,
    /// Whole blocks by their number.
    blocks: BTreeMap<u64, Vec<u8>>,
}

impl Overlay {
    pub(super) fn over(under: Box<dyn StorageBackend>) -> io::Result<Self> {
        let under_length = under.len()?;
        Ok(Self { under, under_length, above: Mutex::new(Above { length: under_length, blocks: BTreeMap::new() }) })
    }

    fn above(&self) -> MutexGuard<'_, Above> {
        self.above.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads from the lower backend; zeros behind its end.
    fn read_under(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let there = usize::try_from(self.under_length.saturating_sub(offset)).unwrap_or(usize::MAX).min(out.len());
        let (inside, behind) = out.split_at_mut(there);
        behind.fill(0);
        if inside.is_empty() { Ok(()) } else { self.under.read(offset, inside) }
    }
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.above().length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let above = self.above();
        let end = offset + out.len() as u64;
        if end > above.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.read_under(offset, out)?;
        for (number, block) in above.blocks.range(offset / BLOCK..end.div_ceil(BLOCK)) {
            let (from, to) = (offset.max(number * BLOCK), end.min((number + 1) * BLOCK));
            let block = &block[(from - number * BLOCK) as usize..(to - number * BLOCK) as usize];
            out[(from - offset) as usize..(to - offset) as usize].copy_from_slice(block);
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut above = self.above();
        above.length = length;
        above.blocks.split_off(&length.div_ceil(BLOCK));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut above = self.above();
        let end = offset + data.len() as u64;
        for number in offset / BLOCK..end.div_ceil(BLOCK) {
            let block = match above.blocks.entry(number) {
                Entry::Occupied(block) => block.into_mut(),
                Entry::Vacant(place) => {
                    let mut block = vec![0; BLOCK as usize];
                    self.read_under(number * BLOCK, &mut block)?;
                    place.insert(block)
                }
            };
            let (from, to) = (offset.max(number * BLOCK), end.min((number + 1) * BLOCK));
            let data = &data[(from - offset) as usize..(to - offset) as usize];
            block[(from - number * BLOCK) as usize..(to - number * BLOCK) as usize].copy_from_slice(data);
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.under.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.under.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.under.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.under.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.under.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.under.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.under.query_lock_range(start, end)
    }
}
