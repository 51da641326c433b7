//! Every table: its key, its value and its version, which is part of its name.
//!
//! Logs, families, observables and bodies have small local numbers, because 32-byte random keys in every table cost three
//! times the writes. Numbers are never used again. redb leaves deleted bytes in the file until [`super::Store::compact`].

use super::archive::{self, DumpError, Field, LoadError, Pieces};
use super::error::{Fault, ReadError};
use redb::{Key, ReadableTable, ReadableTableMetadata, Table, TableDefinition, TableError, Value, WriteTransaction};
use std::collections::BTreeMap;

type Bytes = &'static [u8];
type Id = &'static [u8; 32];
type Short = &'static [u8; 16];

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

        /// How many rows each table has.
        pub(super) fn row_counts(transaction: &redb::ReadTransaction) -> Result<BTreeMap<String, u64>, ReadError> {
            let mut counts = BTreeMap::new();
            $(counts.insert($name.to_owned(), transaction.open_table($constant)?.len()?);)*
            Ok(counts)
        }

        /// Hands out every row of every table.
        pub(super) fn dump_rows(transaction: &redb::ReadTransaction, sink: &mut archive::Sink<'_>) -> Result<(), DumpError> {
            $({
                let table = transaction.open_table($constant).map_err(ReadError::from)?;
                let mut pieces = Pieces::of($name, &mut *sink);
                for row in table.iter().map_err(ReadError::from)? {
                    let (key, value) = row.map_err(ReadError::from)?;
                    pieces.row::<$key, $value>(&key.value(), &value.value())?;
                }
                pieces.end()?;
            })*
            Ok(())
        }

        /// How many rows these bytes of a table are.
        pub(super) fn rows_in(table: &str, rows: &[u8]) -> Result<u64, LoadError> {
            match table {
                $($name => each_row::<$key, $value>($name, rows, |_, _| Ok(())),)*
                _ => Err(LoadError::UnknownTable(table.chars().take(80).collect())),
            }
        }

        /// Puts rows into a table.
        pub(super) fn load_rows(transaction: &WriteTransaction, table: &str, rows: &[u8]) -> Result<u64, LoadError> {
            match table {
                $($name => {
                    let mut table = transaction.open_table($constant)?;
                    each_row::<$key, $value>($name, rows, |key, value| Ok(drop(table.insert(key, value)?)))
                })*
                _ => Err(LoadError::UnknownTable(table.chars().take(80).collect())),
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

/// Reads rows one after the other. Returns how many there are.
fn each_row<K: Field + 'static, V: Field + 'static>(
    table: &str,
    mut rows: &[u8],
    mut take: impl for<'a> FnMut(K::SelfType<'a>, V::SelfType<'a>) -> Result<(), LoadError>,
) -> Result<u64, LoadError> {
    let mut count = 0;
    while !rows.is_empty() {
        let row = K::take(&mut rows).and_then(|key| Some((key, V::take(&mut rows)?)));
        let (key, value) = row.ok_or_else(|| LoadError::BadRows(table.to_owned()))?;
        take(key, value)?;
        count += 1;
    }
    Ok(count)
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
    /// (log id, first position) of a received batch from which something still follows. Since schema 4.
    OWED owed "owed.v1": (Id, u64) => ();
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
    /// n → [`super::rows::EventRow`]: a record came, changed or went; time never falls. With a label since schema 9.
    EVENTS events "events.v1": u64 => Bytes;
    /// Record id → [`super::rows::HistoryRow`], of a record that has changed since it first came; it stays when the record is gone. Since schema 5, by label since 9.
    HISTORIES histories "histories.v1": &'static [u8; 16] => Bytes;
    /// (search key of an observable in a pattern, the pattern's number).
    INSIDE inside "inside.v1": (Bytes, u64) => ();
    /// A pattern's number → the search keys in it.
    INSIDE_KEYS inside_keys "inside_keys.v1": u64 => Bytes;
    /// (search key of a host, observable number) → its kind's number: the URLs and e-mail addresses on a host, and the patterns with one in
    /// them. Since schema 2.
    HOSTS hosts "hosts.v1": (Bytes, u64) => u8;
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
    /// (SHA-256 of a recall, peer) → when the peer said that it has it durably, so that it is not sent again. A row for a recall that is
    /// not in `recalls` is never made, so there are at most as many as recalls times peers.
    RECALL_TOLD recall_told "recall_told.v1": (Id, Id) => u64;
    /// Author → how many rows of `taken_back` are about entries of it that have not come yet.
    AHEAD ahead "ahead.v1": Id => u64;
    /// Group → the newest whole [`crate::model::group::SignedDefinition`] of a hidden group whose head we are: signature, then bytes.
    ROSTERS rosters "rosters.v1": Id => Bytes;
    /// Group that another defines → the operator's word on it: 0 it is waited for, 1 accepted, 2 left. No row where the bound on what is
    /// taken without a word lets it in.
    CONSENTS consents "consents.v1": Id => u8;
    /// n, from 1 → [`super::change::ExportRow`] as JSON; the newest 1,000.
    EXPORTS exports "exports.v1": u64 => Bytes;
    /// Log id → [`super::rows::EvidenceRow`].
    EVIDENCE evidence "evidence.v1": Id => Bytes;
    /// n → [`super::rows::SuspiciousRow`].
    SUSPICIOUS suspicious "suspicious.v1": u64 => Bytes;
    /// n, from 1 → [`super::rows::DisclosureRow`].
    DISCLOSURES disclosures "disclosures.v1": u64 => Bytes;
    /// n of a disclosure → the packed beginnings of the ids of its records, as [`crate::rules::disclosed::packed_ids`] packs them. No row
    /// where they have none. Since schema 7.
    DISCLOSED disclosed "disclosed.v1": u64 => Bytes;
    /// Release → [`super::hold::HoldRow`] as JSON: what the gate let out and nobody has yet. Nothing of it stands in any other table but
    /// `held` and `bodies`. Since schema 7.
    HOLDS holds "holds.v1": &'static [u8; 5] => Bytes;
    /// (release, part) → [`super::hold::HeldRow`]: the body that has the part's records, as [`super::hold`] packs them. Since schema 7.
    HELD held "held.v1": (&'static [u8; 5], u32) => Bytes;
    /// Kind of record other than indicator → how many bodies are held, waiting ones too.
    COUNTS counts "counts.v1": u8 => u64;
    /// Number, from 1 → [`crate::model::desk::SignedChange`]: every change of the desk's users. Since schema 8.
    USERS users "users.v1": u64 => Bytes;
    /// A desk user's public key → [`crate::model::desk::WrappedKey`]: the secret half under the user's passphrase. Not by the name, which
    /// must not stand in an error that names a row. Since schema 8.
    DESK_KEYS desk_keys "desk_keys.v1": Id => Bytes;
    /// Referral → [`super::referral::ReferralRow`]. Since schema 10.
    REFERRALS referrals "referrals.v1": Short => Bytes;
    /// (referral, side: 1 origin, 2 receiver, number) → [`super::referral::MessageRow`]. The body is that of the entry, or of what waits: it goes
    /// with it, and the row stays. Since schema 10.
    MESSAGES messages "messages.v1": (Short, u8, u64) => Bytes;
    /// ([`super::change::Shelf`], id) → what the desk keeps there, as JSON. Since schema 10.
    SHELVES shelves "shelves.v1": (u8, Short) => Bytes;
    /// Notice → [`super::notice::NoticeRow`]: what people are told, kept for a week so that nothing is told twice. Since schema 10.
    NOTICES notices "notices.v1": &'static [u8; 16] => Bytes;
    /// (name of a channel, notice) → [`super::notice::DeliveryRow`]: what the channel does not have yet, or never got. Since schema 10.
    DELIVERIES deliveries "deliveries.v1": (&'static str, &'static [u8; 16]) => Bytes;
    /// A desk user's public key → [`crate::model::desk::UserSealKey`]: what is sealed to them, is sealed to. Since schema 10.
    SEAL_KEYS seal_keys "seal_keys.v1": Id => Bytes;
    /// Number, from 1 → [`super::sealing::DeskKeyRow`]: the desk keys that are kept. Since schema 10.
    DESK_PUBLICS desk_publics "desk_publics.v1": u32 => Bytes;
    /// (number of a desk key, a desk user's public key) → the secret half, sealed to that user ([`crate::model::desk::KeyShare`]). Since schema 10.
    KEY_SHARES key_shares "key_shares.v1": (u32, Id) => Bytes;
    /// (when, SHA-256 of the signature) → [`crate::model::desk::SignedOpening`]: somebody at the desk opened what was sealed to it. Since
    /// schema 10.
    OPENINGS openings "openings.v1": (u64, Id) => Bytes;
    /// (when, digest) of released records that have no id, so that a repeated release adds nothing. Kept for seven days.
    UNNAMED unnamed "unnamed.v1": (u64, Id) => ();
}
