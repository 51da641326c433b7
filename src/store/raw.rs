//! The rows of a store written and read straight with redb: the raw limit that benchmarks put beside our own figures.
//!
//! Same rows, same tables, same durability, same cache; none of our decisions, checks or encodings. Not for anything else.

use super::disk::begin;
use super::error::Fault;
use super::tables::{OBSERVABLES, PROVENANCES, RawTable, RawTables, VALUES, load_all, put_all};
use redb::{Database, ReadOnlyTable, ReadableDatabase};
use std::io;
use std::ops::Range;
use std::path::Path;

/// Every row of a store, table by table.
pub struct RawRows(RawTables);

/// Some of the rows of every table, sorted by key: one transaction's worth.
pub struct RawPart(RawTables);

/// A file with our tables and nothing of ours around it.
pub struct RawStore(Database);

/// The tables that a look-up reads, open.
pub struct RawReader {
    observables: ReadOnlyTable<&'static [u8], u64>,
    values: ReadOnlyTable<u64, &'static [u8]>,
    provenances: ReadOnlyTable<(u64, u32, u64, u64), &'static [u8]>,
}

fn failed(fault: impl Into<Fault>) -> io::Error {
    io::Error::other(fault.into().to_string())
}

impl RawRows {
    /// Reads a store's file, which nobody else has open.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(file: &Path) -> io::Result<Self> {
        let database = Database::open(file).map_err(|error| io::Error::other(error.to_string()))?;
        let read = database.begin_read().map_err(failed)?;
        Ok(Self(load_all(&read).map_err(failed)?))
    }

    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.0.iter().map(|(_, rows)| rows.len()).sum()
    }

    /// Rows of each table that has any.
    pub fn counts(&self) -> Vec<(&'static str, usize)> {
        self.0.iter().map(|(name, rows)| (*name, rows.len())).filter(|(_, count)| *count > 0).collect()
    }

    /// Bytes of keys and values.
    pub fn bytes(&self) -> usize {
        self.0.iter().flat_map(|(_, rows)| rows).map(|(key, value)| key.len() + value.len()).sum()
    }

    /// The rows in so many parts, each with what came in together: tables whose keys are random are divided by the local number that they
    /// lead to. Every part is sorted by key, as is best for redb.
    pub fn parts(&self, count: usize) -> Vec<RawPart> {
        let tables: Vec<(&'static str, RawTable)> = self.0.iter().map(|(name, rows)| (*name, in_order(name, rows))).collect();
        let part = |at: usize| {
            let slice = |(name, rows): &(&'static str, RawTable)| {
                let mut rows = rows[share(rows.len(), at, count)].to_vec();
                if is_keyed_at_random(name) {
                    rows.sort_unstable();
                }
                (*name, rows)
            };
            RawPart(tables.iter().map(slice).collect())
        };
        (0..count).map(part).collect()
    }
}

fn share(length: usize, at: usize, count: usize) -> Range<usize> {
    length * at / count..length * (at + 1) / count
}

fn is_keyed_at_random(table: &str) -> bool {
    matches!(table, "observables.v1" | "records.v1")
}

/// The order in which rows came: of their keys, or of the numbers that they lead to.
fn in_order(name: &str, rows: &RawTable) -> RawTable {
    let mut rows = rows.clone();
    if is_keyed_at_random(name) {
        rows.sort_by_key(|(_, value)| value.as_slice().try_into().map_or(u64::MAX, u64::from_le_bytes));
    }
    rows
}

impl RawStore {
    /// Makes the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(file: &Path, cache_bytes: usize) -> io::Result<Self> {
        let mut builder = Database::builder();
        builder.set_cache_size(cache_bytes);
        builder.create(file).map(Self).map_err(|error| io::Error::other(error.to_string()))
    }

    /// Writes a part in one transaction, as durable as ours are.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn commit(&self, part: &RawPart) -> io::Result<()> {
        let transaction = begin(&self.0).map_err(failed)?;
        put_all(&transaction, &part.0).map_err(failed)?;
        transaction.commit().map_err(failed)
    }

    /// Opens what look-ups read.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn reader(&self) -> io::Result<RawReader> {
        let read = self.0.begin_read().map_err(failed)?;
        Ok(RawReader {
            observables: read.open_table(OBSERVABLES).map_err(failed)?,
            values: read.open_table(VALUES).map_err(failed)?,
            provenances: read.open_table(PROVENANCES).map_err(failed)?,
        })
    }
}

impl RawReader {
    /// One point look-up: the number of a search key.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn number(&self, key: &[u8]) -> io::Result<Option<u64>> {
        Ok(self.observables.get(key).map_err(failed)?.map(|number| number.value()))
    }

    /// The rows of an answer: number, value, what each author said. Returns their bytes.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn answer(&self, key: &[u8]) -> io::Result<usize> {
        let Some(number) = self.number(key)? else { return Ok(0) };
        let mut bytes = self.values.get(number).map_err(failed)?.map_or(0, |value| value.value().len());
        for row in self.provenances.range((number, 0, 0, 0)..=(number, u32::MAX, u64::MAX, u64::MAX)).map_err(failed)? {
            bytes += row.map_err(failed)?.1.value().len();
        }
        Ok(bytes)
    }
}
