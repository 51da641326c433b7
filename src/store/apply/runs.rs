//! Rows that are decided and not written yet, so that redb gets them in the order that it likes best.
//!
//! Most tables are keyed by numbers that only rise: their new rows stand behind all others and are written as one run, which fills
//! pages to the brim and walks the tree once instead of once for each row. Rows with random keys are sorted first. Whatever reads a
//! row that the same change may have made calls [`Tx::flush`] before.

use super::{Applied, Tx};
use crate::store::codec::Row;
use redb::{CursorError, Key, ReadableTableMetadata, Table, Value};
use std::ops::{Bound, Range};

/// Below so many rows a run costs more than it saves.
const RUN_MIN: usize = 8;

/// What waits to be written.
#[derive(Default)]
pub(super) struct Runs {
    bodies: Run<u64>,
    values: Run<u64>,
    events: Run<u64>,
    provenances: Run<(u64, u32, u64, u64)>,
    entries: Run<(u32, u64)>,
    waiting: Run<([u8; 33], u64)>,
    records: Vec<([u8; 16], u64)>,
}

/// Rows of one table, their values one after the other.
struct Run<K> {
    keys: Vec<(K, Range<usize>)>,
    values: Vec<u8>,
}

impl<K> Default for Run<K> {
    fn default() -> Self {
        Self { keys: Vec::new(), values: Vec::new() }
    }
}

impl<K: Copy + Ord> Run<K> {
    fn push(&mut self, key: K, value: &[u8]) {
        let start = self.values.len();
        self.values.extend_from_slice(value);
        self.keys.push((key, start..self.values.len()));
    }

    /// To be called before [`Self::rows`] where the rows come in another order than their keys'.
    fn sort(&mut self) {
        self.keys.sort_by_key(|(key, _)| *key);
    }

    fn rows(&self) -> impl ExactSizeIterator<Item = (K, &[u8])> {
        self.rows_by_key().map(|(key, value)| (*key, value))
    }

    fn rows_by_key(&self) -> impl ExactSizeIterator<Item = (&K, &[u8])> {
        self.keys.iter().map(|(key, range)| (key, &self.values[range.clone()]))
    }

    fn clear(&mut self) {
        self.keys.clear();
        self.values.clear();
    }
}

impl Tx<'_> {
    pub(in crate::store) fn later_body(&mut self, number: u64, body: &[u8]) {
        self.runs.bodies.push(number, body);
    }

    pub(super) fn later_value(&mut self, number: u64, row: &impl Row) {
        self.runs.values.push(number, &row.encode());
    }

    pub(super) fn later_event(&mut self, number: u64, row: &impl Row) {
        self.runs.events.push(number, &row.encode());
    }

    /// Only of an observable that is new and has no provenance yet.
    pub(super) fn later_provenance(&mut self, key: (u64, u32, u64, u64), row: &impl Row) {
        self.runs.provenances.push(key, &row.encode());
    }

    pub(super) fn later_entry(&mut self, key: (u32, u64), row: &impl Row) {
        self.runs.entries.push(key, &row.encode());
    }

    pub(super) fn later_waiting(&mut self, key: ([u8; 33], u64), row: &impl Row) {
        self.runs.waiting.push(key, &row.encode());
    }

    pub(super) fn later_record(&mut self, record: [u8; 16], observable: u64) {
        self.runs.records.push((record, observable));
    }

    /// Writes what waits.
    pub(super) fn flush(&mut self) -> Applied<()> {
        let Self { t, runs, .. } = self;
        write(&mut t.bodies, runs.bodies.rows())?;
        write(&mut t.values, runs.values.rows())?;
        write(&mut t.events, runs.events.rows())?;
        runs.provenances.sort();
        write(&mut t.provenances, runs.provenances.rows())?;
        write(&mut t.entries, runs.entries.rows())?;
        write(&mut t.waiting, runs.waiting.rows_by_key().map(|((audience, n), value)| ((audience, *n), value)))?;
        runs.records.sort_unstable();
        runs.records.dedup_by_key(|(record, _)| *record);
        write_scattered(&mut t.records, runs.records.iter().map(|(record, number)| (record, *number)))?;
        runs.clear();
        Ok(())
    }
}

impl Runs {
    fn clear(&mut self) {
        let Self { bodies, values, events, provenances, entries, waiting, records } = self;
        [bodies, values, events].into_iter().for_each(Run::clear);
        provenances.clear();
        entries.clear();
        waiting.clear();
        records.clear();
    }
}

/// Inserts sorted rows that may stand anywhere: in runs while they are more than the table has, so that few of its rows stand between.
pub(super) fn write_scattered<'r, K, V>(
    table: &mut Table<'_, K, V>,
    rows: impl ExactSizeIterator<Item = (K::SelfType<'r>, V::SelfType<'r>)>,
) -> Applied<()>
where
    K: Key<SelfType<'r>: Copy> + 'static,
    V: Value<SelfType<'r>: Copy> + 'static,
{
    if (rows.len() as u64) < table.len()? {
        for (key, value) in rows {
            table.insert(key, value)?;
        }
        return Ok(());
    }
    write(table, rows)
}

/// Inserts sorted rows, each run of them that fits between two rows of the table at once.
fn write<'r, K, V>(table: &mut Table<'_, K, V>, mut rows: impl ExactSizeIterator<Item = (K::SelfType<'r>, V::SelfType<'r>)>) -> Applied<()>
where
    K: Key<SelfType<'r>: Copy> + 'static,
    V: Value<SelfType<'r>: Copy> + 'static,
{
    if rows.len() < RUN_MIN {
        for (key, value) in rows {
            table.insert(key, value)?;
        }
        return Ok(());
    }
    let mut next = rows.next();
    while let Some((first, _)) = next {
        let mut cursor = table.upper_bound_mut(Bound::Included(first))?;
        while let Some((key, value)) = next {
            match cursor.insert_before(key, value) {
                Ok(()) => next = rows.next(),
                Err(CursorError::UnorderedKey) => break,
                Err(error) => return Err(redb::Error::from(error).into()),
            }
        }
        cursor.close()?;
        // Another row stands before it, or the key is there already.
        if let Some((key, value)) = next {
            table.insert(key, value)?;
            next = rows.next();
        }
    }
    Ok(())
}
