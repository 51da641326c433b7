//! The board: records of some kinds are found there without a look through their logs.

use super::{Applied, Log, Tx};
use crate::model::log::Header;
use crate::model::{OrgId, RecordKind, Timestamp};
use crate::store::change::Shelf;
use crate::store::codec::Row;
use crate::store::error::Fault;
use crate::store::find;
use crate::store::posted::{POSTED_MAX, Posted, beginning, place};
use crate::store::rows::EntryRow;
use redb::ReadableTable;

impl Tx<'_> {
    /// Puts a record on the board whose entry is written. `false` where its author has too many there.
    pub(super) fn post(&mut self, log: &Log, header: &Header, received: Timestamp) -> Applied<bool> {
        let entry = find::row::<EntryRow, _, Fault>(&self.t.entries, "entries", (log.no, header.seq))?;
        let Some(Ok(body)) = entry.map(|entry| entry.body) else { return Ok(true) };
        let author = log.row.key.author;
        let id = place(&author, &log.id, header.seq);
        if self.t.shelves.get((Shelf::Posted as u8, &id))?.is_some() {
            return Ok(true);
        }
        let many = self.posted_by(&author)?;
        if author != self.us && many >= POSTED_MAX {
            return Ok(false);
        }
        let Header { seq, kind, label, created, retention, .. } = *header;
        let row = Posted { key: log.row.key, seq, kind, label, created, received, retention, body };
        self.t.shelves.insert((Shelf::Posted as u8, &id), row.encode().as_slice())?;
        self.posted.insert(author, many + 1);
        Ok(true)
    }

    /// How many records of an author stand on the board: looked up once in a transaction. Another whose id begins alike takes none of its places.
    fn posted_by(&mut self, author: &OrgId) -> Applied<usize> {
        if let Some(many) = self.posted.get(author) {
            return Ok(*many);
        }
        let beginning = beginning(author);
        let id = |rest: u8| std::array::from_fn::<u8, 16, _>(|at| beginning.get(at).copied().unwrap_or(rest));
        let (shelf, first, last) = (Shelf::Posted as u8, id(0), id(255));
        let mut many = 0;
        for row in self.t.shelves.range((shelf, &first)..=(shelf, &last))? {
            let (key, bytes) = row?;
            let row: Posted = find::decoded("shelves", &key.value(), bytes.value())?;
            many += usize::from(row.key.author == *author);
        }
        self.posted.insert(*author, many);
        Ok(many)
    }

    /// A body goes, and its place on the board with it.
    pub(super) fn unpost(&mut self, log: &Log, seq: u64, kind: u8) -> Applied<()> {
        if RecordKind::from_number(kind).is_some_and(RecordKind::is_posted_of_ours) {
            let id = place(&log.row.key.author, &log.id, seq);
            let was_there = self.t.shelves.remove((Shelf::Posted as u8, &id))?.is_some();
            if let Some(many) = self.posted.get_mut(&log.row.key.author) {
                *many -= usize::from(was_there);
            }
        }
        Ok(())
    }
}
