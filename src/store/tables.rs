//! Every table: its key, its value and its version, which is part of its name.
//!
//! Logs, families, observables and bodies have small local numbers, because 32-byte random keys in every table cost three
//! times the writes. Numbers are never used again. redb leaves deleted bytes in the file until [`super::Store::compact`].

use super::error::Fault;
use redb::{Key, ReadableTable, Table, TableDefinition, TableError, Value, WriteTransaction};

type Bytes = &'static [u8];
type Id = &'static [u8; 32];

/// Declares the tables, and the struct that has all of them open in a write transaction.
macro_rules! tables {
    ($($(#[$doc:meta])* $constant:ident $field:ident $name:literal: $key:ty => $value:ty;)*) => {
        $($(#[$doc])* pub(super) const $constant: TableDefinition<'static, $key, $value> = TableDefinition::new($name);)*

        /// All tables, open for writing.
        pub(super) struct Tables<'t> {
            $(pub(super) $field: Table<'t, $key, $value>,)*
        }

        impl<'t> Tables<'t> {
            /// Opens all tables, making those that are not there.
            pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, TableError> {
                Ok(Self { $($field: transaction.open_table($constant)?,)* })
            }
        }

        /// All rows as bytes, for [`super::raw`].
        pub(super) fn load_all(transaction: &redb::ReadTransaction) -> Result<RawTables, Fault> {
            Ok(vec![$(($name, load(transaction, $constant)?),)*])
        }

        /// Inserts rows that [`load_all`] read.
        pub(super) fn put_all(transaction: &WriteTransaction, tables: &RawTables) -> Result<(), Fault> {
            let mut tables = tables.iter();
            $(put(transaction, $constant, tables.next().map_or(&[][..], |(_, rows)| rows))?;)*
            Ok(())
        }

        /// Every byte of every row, for tests that look for what must be gone.
        #[cfg(test)]
        pub(super) fn dump(transaction: &redb::ReadTransaction) -> Vec<(&'static str, String)> {
            let mut rows = Vec::new();
            $({
                let table = transaction.open_table($constant).unwrap();
                for row in table.iter().unwrap() {
                    let (key, value) = row.unwrap();
                    rows.push(($name, format!("{} = {}", raw::<$key>(&key.value()), raw::<$value>(&value.value()))));
                }
            })*
            rows
        }
    };
}

/// Keys and values as bytes.
pub(super) type RawTable = Vec<(Vec<u8>, Vec<u8>)>;
/// Name and rows of each table.
pub(super) type RawTables = Vec<(&'static str, RawTable)>;

fn load<K: Key + 'static, V: Value + 'static>(
    transaction: &redb::ReadTransaction,
    table: TableDefinition<'static, K, V>,
) -> Result<RawTable, Fault> {
    let mut rows = Vec::new();
    for row in transaction.open_table(table)?.iter()? {
        let (key, value) = row?;
        rows.push((K::as_bytes(&key.value()).as_ref().to_vec(), V::as_bytes(&value.value()).as_ref().to_vec()));
    }
    Ok(rows)
}

fn put<K: Key + 'static, V: Value + 'static>(
    transaction: &WriteTransaction,
    table: TableDefinition<'static, K, V>,
    rows: &[(Vec<u8>, Vec<u8>)],
) -> Result<(), Fault> {
    let mut table = transaction.open_table(table)?;
    for (key, value) in rows {
        table.insert(K::from_bytes(key), V::from_bytes(value))?;
    }
    Ok(())
}

#[cfg(test)]
fn raw<'a, V: redb::Value>(value: &'a V::SelfType<'a>) -> String {
    data_encoding::HEXLOWER.encode(V::as_bytes(value).as_ref())
}

tables! {
    /// `schema` → the schema's version (u32) · `us` → our organisation id · `counters` → [`super::apply::Counters`]
    /// · `group` → the tag of the last group that was committed.
    META meta "meta.v1": &'static str => Bytes;
    /// The node's own small values: name → bytes.
    NAMED named "named.v1": &'static str => Bytes;
    /// Organisation → [`super::change::PeerRow`] as JSON.
    PEERS peers "peers.v1": Id => Bytes;
    /// Group → [`super::change::GroupRow`].
    GROUPS groups "groups.v1": Id => Bytes;
    /// Log number → [`super::rows::LogRow`].
    LOGS logs "logs.v1": u32 => Bytes;
    /// Log id → log number.
    LOG_NUMBERS log_numbers "log_numbers.v1": Id => u32;
    /// Family number → [`super::rows::FamilyRow`]: one author's logs to one audience, over all incarnations.
    FAMILIES families "families.v1": u32 => Bytes;
    /// Author ‖ audience → family number.
    FAMILY_NUMBERS family_numbers "family_numbers.v1": &'static [u8; 65] => u32;
    /// (family, incarnation) → log number.
    FAMILY_LOGS family_logs "family_logs.v1": (u32, u64) => u32;
    /// (log, position) → [`super::rows::EntryRow`].
    ENTRIES entries "entries.v1": (u32, u64) => Bytes;
    /// Body number → the body, as `put_body` keeps it.
    BODIES bodies "bodies.v1": u64 => Bytes;
    /// (log, position) → the salt of a body that is there, in batches whose seed is gone.
    SALTS salts "salts.v1": (u32, u64) => &'static [u8; 32];
    /// (log, first position) → [`super::rows::BatchRow`].
    BATCHES batches "batches.v1": (u32, u64) => Bytes;
    /// (audience, n) → [`super::rows::WaitingRow`]: released by us, without a position yet; n rises.
    WAITING waiting "waiting.v1": (&'static [u8; 33], u64) => Bytes;
    /// Search key → observable number.
    OBSERVABLES observables "observables.v1": Bytes => u64;
    /// Observable number → its kind's number and its value: the search key of a long value cannot be read back.
    VALUES values "values.v1": u64 => Bytes;
    /// (observable, family, incarnation, position) → [`super::rows::ProvenanceRow`]. So the last row of a family is what the
    /// author said last. A waiting record stands at incarnation `u64::MAX`, position n.
    PROVENANCES provenances "provenances.v1": (u64, u32, u64, u64) => Bytes;
    /// Record id → observable number.
    RECORDS records "records.v1": &'static [u8; 16] => u64;
    /// n → [`super::rows::EventRow`]: a record came, changed or went; time never falls.
    EVENTS events "events.v1": u64 => Bytes;
    /// (search key of an observable in a pattern, the pattern's number).
    INSIDE inside "inside.v1": (Bytes, u64) => ();
    /// A pattern's number → the search keys in it.
    INSIDE_KEYS inside_keys "inside_keys.v1": u64 => Bytes;
    /// (log id, position, by) → [`super::rows::TakenBackRow`], also for entries that are not held yet. `by` is the author that
    /// said so while the log was unknown, so that nobody can take back another's; all zero where it was checked.
    TAKEN_BACK taken_back "taken_back.v1": (Id, u64, Id) => Bytes;
    /// (record, log number, position) → [`super::rows::TombstoneRow`]: our own records that we took back (log 0: while waiting).
    TOMBSTONES tombstones "tombstones.v1": (&'static [u8; 16], u32, u64) => Bytes;
    /// (log id, position, holder) → [`super::rows::ReceiptRow`].
    RECEIPTS receipts "receipts.v1": (Id, u64, Id) => Bytes;
    /// (log number, peer) → (through, when).
    ACKS acks "acks.v1": (u32, Id) => (u64, u64);
    /// (log number, position, peer) → verdict other than `accepted`.
    VERDICTS verdicts "verdicts.v1": (u32, u64, Id) => u8;
    /// (log number, position) → why a received body is absent.
    ABSENT absent "absent.v1": (u32, u64) => u8;
    /// (log number, position) → [`super::rows::QuarantineRow`].
    QUARANTINE quarantine "quarantine.v1": (u32, u64) => Bytes;
    /// SHA-256 of a recall → [`super::change::RecallRow`].
    RECALLS recalls "recalls.v1": Id => Bytes;
    /// Log id → [`super::rows::EvidenceRow`].
    EVIDENCE evidence "evidence.v1": Id => Bytes;
    /// n → [`super::rows::SuspiciousRow`].
    SUSPICIOUS suspicious "suspicious.v1": u64 => Bytes;
    /// n, from 1 → [`super::rows::DisclosureRow`].
    DISCLOSURES disclosures "disclosures.v1": u64 => Bytes;
    /// Kind of record other than indicator → how many bodies are held, waiting ones too.
    COUNTS counts "counts.v1": u8 => u64;
    /// (when, digest) of released records that have no id, so that a repeated release adds nothing. Kept for seven days.
    UNNAMED unnamed "unnamed.v1": (u64, Id) => ();
}
