//! The store's rows as bytes that another store takes: what a backup is made of. Table after table, in an encoding of our own, so that a
//! row that does not fit is refused and never reaches redb.

use super::FILE_NAME;
use super::disk::{CACHE_BYTES, begin, create_on, file_factory, make_directory, sync_directory};
use super::error::{Fault, ReadError};
use super::migrate::{self, SCHEMA};
use super::read::{Read, Snapshot};
use super::tables;
use redb::{Database, StorageBackend};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Rows are handed out in pieces of about so many bytes.
const PIECE_BYTES: usize = 64 << 10;
/// A store that is filled is committed after so many bytes of rows, so that memory stays bounded.
const COMMIT_BYTES: usize = 32 << 20;

/// Why rows could not be handed out.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The store cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Whoever takes them does not.
    #[error(transparent)]
    Sink(#[from] io::Error),
}

/// Why rows could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// This program has no such table.
    #[error("it has a table `{0}`, which this program does not know")]
    UnknownTable(String),
    /// The bytes are no rows of that table.
    #[error("what it holds of table `{0}` are no rows of it")]
    BadRows(String),
    /// The store is of a newer schema.
    #[error("its store has schema {0}, and this program reads up to {SCHEMA}")]
    Newer(u32),
    /// The file cannot be written.
    #[error("{0}")]
    Disk(String),
}

macro_rules! disk {
    ($($error:ty),*) => {
        $(impl From<$error> for LoadError {
            fn from(error: $error) -> Self {
                Self::Disk(error.to_string())
            }
        })*
    };
}
disk!(io::Error, Fault, redb::StorageError, redb::TableError, redb::TransactionError, redb::CommitError, redb::DatabaseError);

/// A key or a value of a table, as a row's bytes have it. Byte strings have a 4-byte length before them, numbers are big-endian.
pub(super) trait Field: redb::Value + 'static {
    /// Writes it.
    fn put(value: &Self::SelfType<'_>, out: &mut Vec<u8>);
    /// Reads it from the front; `None` when it is not that.
    fn take<'a>(from: &mut &'a [u8]) -> Option<Self::SelfType<'a>>;
}

macro_rules! number_field {
    ($($number:ty),*) => {
        $(impl Field for $number {
            fn put(value: &$number, out: &mut Vec<u8>) {
                out.extend_from_slice(&value.to_be_bytes());
            }
            fn take(from: &mut &[u8]) -> Option<$number> {
                let (bytes, rest) = from.split_first_chunk()?;
                *from = rest;
                Some(<$number>::from_be_bytes(*bytes))
            }
        })*
    };
}
number_field!(u8, u32, u64);

impl Field for () {
    fn put((): &(), _: &mut Vec<u8>) {}
    fn take(_: &mut &[u8]) -> Option<()> {
        Some(())
    }
}

impl Field for &'static [u8] {
    fn put(value: &&[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(value);
    }
    fn take<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
        let length = u32::take(from)? as usize;
        let (bytes, rest) = from.split_at_checked(length)?;
        *from = rest;
        Some(bytes)
    }
}

impl Field for &'static str {
    fn put(value: &&str, out: &mut Vec<u8>) {
        <&'static [u8]>::put(&value.as_bytes(), out);
    }
    fn take<'a>(from: &mut &'a [u8]) -> Option<&'a str> {
        std::str::from_utf8(<&'static [u8]>::take(from)?).ok()
    }
}

impl<const N: usize> Field for &'static [u8; N] {
    fn put(value: &&[u8; N], out: &mut Vec<u8>) {
        out.extend_from_slice(*value);
    }
    fn take<'a>(from: &mut &'a [u8]) -> Option<&'a [u8; N]> {
        let (bytes, rest) = from.split_first_chunk()?;
        *from = rest;
        Some(bytes)
    }
}

macro_rules! tuple_field {
    ($($part:ident $at:tt),*) => {
        impl<$($part: Field + 'static),*> Field for ($($part,)*) {
            fn put(value: &Self::SelfType<'_>, out: &mut Vec<u8>) {
                $($part::put(&value.$at, out);)*
            }
            fn take<'a>(from: &mut &'a [u8]) -> Option<Self::SelfType<'a>> {
                Some(($($part::take(from)?,)*))
            }
        }
    };
}
tuple_field!(A 0, B 1);
tuple_field!(A 0, B 1, C 2);
tuple_field!(A 0, B 1, C 2, D 3);

/// Takes pieces of rows: the table's name and the rows' bytes.
pub type Sink<'s> = dyn FnMut(&'static str, &[u8]) -> io::Result<()> + 's;

/// Gathers rows of one table into pieces.
pub(super) struct Pieces<'a, 's> {
    sink: &'a mut Sink<'s>,
    table: &'static str,
    piece: Vec<u8>,
}

impl<'a, 's> Pieces<'a, 's> {
    pub(super) fn of(table: &'static str, sink: &'a mut Sink<'s>) -> Self {
        Self { sink, table, piece: Vec::with_capacity(PIECE_BYTES) }
    }

    pub(super) fn row<K: Field, V: Field>(&mut self, key: &K::SelfType<'_>, value: &V::SelfType<'_>) -> io::Result<()> {
        K::put(key, &mut self.piece);
        V::put(value, &mut self.piece);
        if self.piece.len() >= PIECE_BYTES { self.end() } else { Ok(()) }
    }

    pub(super) fn end(&mut self) -> io::Result<()> {
        if !self.piece.is_empty() {
            (self.sink)(self.table, &self.piece)?;
            self.piece.clear();
        }
        Ok(())
    }
}

impl Snapshot {
    /// The schema that the rows are in: the store was brought to it when it was opened.
    pub const fn schema(&self) -> u32 {
        SCHEMA
    }

    /// How many rows each table has, by its name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn row_counts(&self) -> Read<BTreeMap<String, u64>> {
        tables::row_counts(self.transaction())
    }

    /// Hands out every row of every table, in pieces. Needs memory for one piece, or for the longest row.
    ///
    /// # Errors
    /// When the store cannot be read, or the sink takes no more.
    pub fn dump_rows(&self, sink: &mut Sink<'_>) -> Result<(), DumpError> {
        tables::dump_rows(self.transaction(), sink)
    }
}

/// Whether a store of that schema can be filled.
///
/// # Errors
/// When the schema is newer than this program's.
pub const fn check_schema(schema: u32) -> Result<(), LoadError> {
    if schema == 0 || schema > SCHEMA { Err(LoadError::Newer(schema)) } else { Ok(()) }
}

/// How many rows there are in a piece of a table.
///
/// # Errors
/// When there is no such table, or the bytes are no rows of it.
pub fn rows_in(table: &str, rows: &[u8]) -> Result<u64, LoadError> {
    tables::rows_in(table, rows)
}

/// A new store that is filled with the rows of another. [`super::Store::open`] opens it afterwards, and brings an older schema up to date.
pub struct Filling {
    database: Database,
    directory: PathBuf,
    transaction: Option<redb::WriteTransaction>,
    bytes: usize,
}

impl std::fmt::Debug for Filling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Filling")
    }
}

impl Filling {
    /// Makes the file in a directory that has none, with the tables of that schema.
    ///
    /// # Errors
    /// When the schema is newer than this program's, or the file cannot be made.
    pub fn begin(directory: &Path, schema: u32) -> Result<Self, LoadError> {
        check_schema(schema)?;
        make_directory(directory)?;
        Self::on(file_factory(directory.join(FILE_NAME))()?, directory, schema)
    }

    pub(super) fn on(backend: Box<dyn StorageBackend>, directory: &Path, schema: u32) -> Result<Self, LoadError> {
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES);
        let database = create_on(&builder, backend)?;
        migrate::make(&database, schema)?;
        Ok(Self { database, directory: directory.to_owned(), transaction: None, bytes: 0 })
    }

    /// Takes a piece of a table. Returns how many rows it had.
    ///
    /// # Errors
    /// When there is no such table, the bytes are no rows of it, or the file cannot be written.
    pub fn rows(&mut self, table: &str, rows: &[u8]) -> Result<u64, LoadError> {
        let transaction = match self.transaction.take() {
            Some(transaction) => transaction,
            None => begin(&self.database)?,
        };
        let count = tables::load_rows(&transaction, table, rows)?;
        self.bytes += rows.len();
        if self.bytes >= COMMIT_BYTES {
            self.bytes = 0;
            transaction.commit()?;
        } else {
            self.transaction = Some(transaction);
        }
        Ok(count)
    }

    /// Makes all of it durable, the file's name too, and closes the file.
    ///
    /// # Errors
    /// When the file or its directory cannot be written.
    pub fn end(self) -> Result<(), LoadError> {
        if let Some(transaction) = self.transaction {
            transaction.commit()?;
        }
        drop(self.database);
        Ok(sync_directory(&self.directory)?)
    }
}

#[cfg(test)]
mod texts {
    use super::*;

    #[test]
    fn why_rows_could_not_be_taken_is_told() {
        let cases = [
            (LoadError::UnknownTable("x".into()), "it has a table `x`, which this program does not know".to_owned()),
            (LoadError::BadRows("x".into()), "what it holds of table `x` are no rows of it".to_owned()),
            (LoadError::Newer(99), format!("its store has schema 99, and this program reads up to {SCHEMA}")),
            (LoadError::Disk("no disk".into()), "no disk".to_owned()),
        ];
        cases.iter().for_each(|(error, text)| assert_eq!(error.to_string(), *text));
        crate::texts::all_are_there(include_str!("archive.rs"), "LoadError", cases.iter().map(|(error, _)| error));
    }
}
