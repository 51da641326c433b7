//! What was met of which entry.

use super::{Read, Snapshot};
use crate::model::crypto::sha256;
use crate::model::{LogId, Timestamp};
use crate::rules::retain::has_expired;
use crate::store::change::Shelf;
use crate::store::codec::Reader;
use crate::store::find;
use crate::store::rows::EntryRow;
use crate::store::sighting::{SightingRow, beginning};
use crate::store::tables::{ENTRIES, SHELVES};
use std::collections::BTreeSet;

impl Snapshot {
    /// The words about an entry that count: whose own body is here, and not taken back.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn sightings(&self, log: &LogId, seq: u64, now: Timestamp) -> Read<Vec<SightingRow>> {
        let mut rows = Vec::new();
        for (id, bytes) in self.kept_under(Shelf::Sighting, &beginning(log, seq))? {
            let row: SightingRow = find::decoded("shelves", &id, &bytes)?;
            if row.log == *log && row.seq == seq && self.stands(&row, now)? {
                rows.push(row);
            }
        }
        Ok(rows)
    }

    /// How many words about an entry came beyond those that are kept.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn sightings_beyond(&self, log: &LogId, seq: u64) -> Read<u64> {
        let counts = self.kept_under(Shelf::SightingMore, &beginning(log, seq))?;
        Ok(counts.first().and_then(|(_, bytes)| Reader(bytes).u64()).unwrap_or_default())
    }

    /// Whether anything was met at all: so lookups cost nothing where nothing was.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn any_sightings(&self) -> Read<bool> {
        let shelf = Shelf::Sighting as u8;
        Ok(self.table(SHELVES)?.range((shelf, &[0u8; 16])..=(shelf, &[255u8; 16]))?.next().is_some())
    }

    /// All words that count.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn all_sightings(&self, now: Timestamp) -> Read<Vec<SightingRow>> {
        let mut rows = Vec::new();
        for (id, bytes) in self.all_kept(Shelf::Sighting)? {
            let row: SightingRow = find::decoded("shelves", &id, &bytes)?;
            if self.stands(&row, now)? {
                rows.push(row);
            }
        }
        Ok(rows)
    }

    /// A digest of all words that count: the same while nothing was met, taken back or doubted, and none of it ended.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn sightings_digest(&self, now: Timestamp) -> Read<[u8; 32]> {
        let mut digest = [0; 32];
        for (id, bytes) in self.all_kept(Shelf::Sighting)? {
            let row: SightingRow = find::decoded("shelves", &id, &bytes)?;
            if self.stands(&row, now)? {
                digest = sha256(&[&digest, &id, &bytes]);
            }
        }
        Ok(digest)
    }

    /// What is kept of sightings and counts no more, each with its shelf and id: the word itself is gone, or the entry that it is about.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn idle_sightings(&self, now: Timestamp) -> Read<Vec<(Shelf, [u8; 16])>> {
        let (mut idle, mut about) = (Vec::new(), BTreeSet::new());
        for (id, bytes) in self.all_kept(Shelf::Sighting)? {
            let row: SightingRow = find::decoded("shelves", &id, &bytes)?;
            if self.stands(&row, now)? && self.is_there(&row.log, row.seq)? != Some(false) {
                about.insert(beginning(&row.log, row.seq));
            } else {
                idle.push((Shelf::Sighting, id));
            }
        }
        for (id, _) in self.all_kept(Shelf::SightingMore)? {
            let beginning: [u8; 8] = std::array::from_fn(|at| id[at]);
            if !about.contains(&beginning) {
                idle.push((Shelf::SightingMore, id));
            }
        }
        Ok(idle)
    }

    fn stands(&self, row: &SightingRow, now: Timestamp) -> Read<bool> {
        Ok(match row.place {
            _ if has_expired(row.retention, now) => false,
            None => true,
            Some((log, seq)) => self.is_there(&log, seq)? == Some(true) && self.taken_back(&log, seq)?.is_none(),
        })
    }

    /// Whether the body of an entry is here; `None` where the entry has not come.
    fn is_there(&self, log: &LogId, seq: u64) -> Read<Option<bool>> {
        let Some(no) = self.log_no(log)? else { return Ok(None) };
        Ok(self.row::<EntryRow, _>(ENTRIES, "entries", (no, seq))?.map(|entry| entry.body.is_ok()))
    }
}
