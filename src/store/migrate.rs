//! Numbered migrations, each in one transaction. A newer store is refused in words.

use super::change::PeerRow;
use super::codec::{Reader, Row, Writer};
use super::disk::begin;
use super::error::{Damaged, Fault, OpenError};
use super::find;
use super::rows::{EventRow, HistoryPart, HistoryRow, ProvenanceRow};
use super::tables::{META, Tables};
use crate::model::observable::lookup::host_key;
use crate::model::observable::search_key;
use crate::model::{Class, Label, Observable, ObservableKind, OrgId, Pap, RecordId, Timestamp, Tlp};
use data_encoding::HEXLOWER;
use redb::{Database, ReadableTable, TableError, WriteTransaction};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// The newest schema that this program reads, and the one that it writes.
pub(super) const SCHEMA: u32 = 11;

type Migration = fn(&WriteTransaction) -> Result<(), Fault>;

/// Number n brings a store of schema n to n + 1.
const MIGRATIONS: [Migration; SCHEMA as usize] = [
    make_tables,
    fill_hosts,
    make_tables,
    move_owed,
    fill_histories,
    shorten_peers,
    make_tables,
    make_tables,
    label_events,
    make_tables,
    make_tables,
];

/// Brings a store to [`SCHEMA`] and checks that it is ours.
pub(super) fn migrate(database: &Database, us: &OrgId) -> Result<(), Failed> {
    loop {
        let transaction = begin(database)?;
        let found = schema(&transaction)?;
        if found > SCHEMA {
            return Err(Failed::Open(OpenError::Newer { found, known: SCHEMA }));
        }
        if found == SCHEMA {
            return check_owner(&transaction, us);
        }
        MIGRATIONS[found as usize](&transaction)?;
        set_schema(&transaction, found + 1, us)?;
        transaction.commit().map_err(Fault::from)?;
    }
}

/// Makes the empty tables of a schema, for rows that come from a backup. Their `meta` says the schema, so that [`migrate`] goes on from
/// there. A table that a later schema drops must stay known to [`super::archive`] for as long as backups have it.
pub(super) fn make(database: &Database, schema: u32) -> Result<(), Fault> {
    let transaction = begin(database)?;
    for migration in MIGRATIONS.iter().take(schema as usize) {
        migration(&transaction)?;
    }
    transaction.commit()?;
    Ok(())
}

/// Why a store could not be brought up.
pub(super) enum Failed {
    /// For the operator.
    Open(OpenError),
    /// Storage or a damaged row.
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for Failed {
    fn from(fault: E) -> Self {
        Self::Fault(fault.into())
    }
}

/// 0 for a file that is new, or has nothing but its `meta`.
fn schema(transaction: &WriteTransaction) -> Result<u32, Fault> {
    let meta = match transaction.open_table(META) {
        Ok(meta) => meta,
        Err(TableError::Storage(error)) => return Err(error.into()),
        Err(error) => return Err(error.into()),
    };
    let Some(bytes) = meta.get("schema")?.map(|row| row.value().to_vec()) else { return Ok(0) };
    let bytes = bytes.try_into().map_err(|_| Damaged { table: "meta", key: "schema".into() })?;
    Ok(u32::from_be_bytes(bytes))
}

fn set_schema(transaction: &WriteTransaction, schema: u32, us: &OrgId) -> Result<(), Fault> {
    let mut meta = transaction.open_table(META)?;
    meta.insert("schema", schema.to_be_bytes().as_slice())?;
    if meta.get("us")?.is_none() {
        meta.insert("us", us.0.as_slice())?;
    }
    Ok(())
}

fn check_owner(transaction: &WriteTransaction, us: &OrgId) -> Result<(), Failed> {
    let meta = transaction.open_table(META).map_err(Fault::from)?;
    let owner = meta.get("us").map_err(Fault::from)?.map(|row| row.value().to_vec()).unwrap_or_default();
    let found = OrgId::try_from(owner.as_slice()).map_err(|_| Fault::from(Damaged { table: "meta", key: "us".into() }))?;
    if found == *us { Ok(()) } else { Err(Failed::Open(OpenError::OtherOrganisation { found, ours: *us })) }
}

/// 0 → 1: every table, empty, so that snapshots find them. 2 → 3: those for groups and recalls; rows of `taken_back` from before are not
/// counted in `ahead`. 6 → 7: those for holds and for the records of disclosures. 7 → 8: those for the desk's users. 9 → 10: those for
/// referrals, notices and the desk key. 10 → 11: none; a message may be of a step that was not known before.
fn make_tables(transaction: &WriteTransaction) -> Result<(), Fault> {
    Tables::open(transaction)?;
    Ok(())
}

/// How many rows of an index a migration sorts before it writes them.
const SORTED_TOGETHER: usize = 100_000;

/// 1 → 2: the index from hosts to the URLs, e-mail addresses and patterns on them.
fn fill_hosts(transaction: &WriteTransaction) -> Result<(), Fault> {
    let mut tables = Tables::open(transaction)?;
    let mut hosts: Vec<(Vec<u8>, u64, ObservableKind)> = Vec::new();
    let mut write = |hosts: &mut Vec<(Vec<u8>, u64, ObservableKind)>| -> Result<(), Fault> {
        hosts.sort();
        for (host, no, kind) in hosts.drain(..) {
            tables.hosts.insert((host.as_slice(), no), kind.number())?;
        }
        Ok(())
    };
    for row in tables.values.iter()? {
        let (no, bytes) = row?;
        let observable: Observable = find::decoded("values", &no.value(), bytes.value())?;
        hosts.extend(host_key(&search_key(&observable)).map(|host| (host, no.value(), observable.kind())));
        if hosts.len() >= SORTED_TOGETHER {
            write(&mut hosts)?;
        }
    }
    for row in tables.inside_keys.iter()? {
        let (no, bytes) = row?;
        let mut keys = Reader(bytes.value());
        while let Some(key) = keys.bytes() {
            hosts.extend(host_key(key).map(|host| (host, no.value(), ObservableKind::Pattern)));
        }
        if hosts.len() >= SORTED_TOGETHER {
            write(&mut hosts)?;
        }
    }
    write(&mut hosts)
}

/// 3 → 4: batches from which something follows have a table of their own; they stood among the named values.
fn move_owed(transaction: &WriteTransaction) -> Result<(), Fault> {
    let mut tables = Tables::open(transaction)?;
    for row in tables.named.extract_from_if("owed/".."owed0", |_, _| true)? {
        let (name, _) = row?;
        let (log, first) = owed(name.value()).ok_or_else(|| Damaged { table: "named", key: name.value().to_owned() })?;
        tables.owed.insert((&log, first), ())?;
    }
    Ok(())
}

/// 4 → 5: when records that changed came and when they changed last, as the events say.
fn fill_histories(transaction: &WriteTransaction) -> Result<(), Fault> {
    let mut tables = Tables::open(transaction)?;
    let mut came: BTreeMap<RecordId, Timestamp> = BTreeMap::new();
    for row in tables.events.iter()? {
        let (n, bytes) = row?;
        let OldEvent { at, record } = find::decoded("events", &n.value(), bytes.value())?;
        match came.entry(record) {
            Entry::Vacant(first) => drop(first.insert(at)),
            Entry::Occupied(first) => {
                let row = OldHistory { created: *first.get(), modified: at.max(first.get().plus(1)), recalled: false };
                tables.histories.insert(&record.0, row.encode().as_slice())?;
            }
        }
    }
    Ok(())
}

/// How events stood before schema 9.
struct OldEvent {
    at: Timestamp,
    record: RecordId,
}

impl Row for OldEvent {
    fn encode(&self) -> Vec<u8> {
        Writer::default().time(self.at).fixed(&self.record.0).done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let (at, record) = (row.time()?, RecordId(row.fixed()?));
        row.end(Self { at, record })
    }
}

/// How histories stood before schema 9.
struct OldHistory {
    created: Timestamp,
    modified: Timestamp,
    recalled: bool,
}

impl Row for OldHistory {
    fn encode(&self) -> Vec<u8> {
        Writer::default().time(self.created).time(self.modified).u8(u8::from(self.recalled)).done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let (created, modified, recalled) = (row.time()?, row.time()?, row.u8()? != 0);
        row.end(Self { created, modified, recalled })
    }
}

/// 8 → 9: events and histories have labels: of what is held still its own, of what is gone the strictest there is.
fn label_events(transaction: &WriteTransaction) -> Result<(), Fault> {
    let mut tables = Tables::open(transaction)?;
    let mut labels: BTreeMap<RecordId, BTreeSet<Label>> = BTreeMap::new();
    for row in tables.provenances.iter()? {
        let (key, bytes) = row?;
        let row: ProvenanceRow = find::decoded("provenances", &key.value(), bytes.value())?;
        labels.entry(row.record).or_default().insert(row.label);
    }
    let strictest = Label::new(Tlp::Red, Class::Restricted, Pap::Red);
    let of = |record: &RecordId| labels.get(record).cloned().unwrap_or_else(|| BTreeSet::from([strictest]));
    let mut from = 0;
    loop {
        let mut events = Vec::new();
        for row in tables.events.range(from..)?.take(SORTED_TOGETHER) {
            let (n, bytes) = row?;
            let OldEvent { at, record } = find::decoded("events", &n.value(), bytes.value())?;
            let label = of(&record).into_iter().reduce(Label::join).unwrap_or(strictest);
            events.push((n.value(), EventRow { at, record, label }));
        }
        let Some((last, _)) = events.last() else { break };
        from = last + 1;
        for (n, row) in events {
            tables.events.insert(n, row.encode().as_slice())?;
        }
    }
    let mut histories = Vec::new();
    for row in tables.histories.iter()? {
        let (record, bytes) = row?;
        let record = RecordId(*record.value());
        let OldHistory { created, modified, recalled } = find::decoded("histories", &record, bytes.value())?;
        let parts = of(&record).into_iter().map(|label| HistoryPart { label, created, modified, recalled }).collect();
        histories.push((record, HistoryRow { parts }));
    }
    for (record, row) in histories {
        tables.histories.insert(&record.0, row.encode().as_slice())?;
    }
    Ok(())
}

/// 5 → 6: cards of peers in fewer bytes.
fn shorten_peers(transaction: &WriteTransaction) -> Result<(), Fault> {
    let mut tables = Tables::open(transaction)?;
    let mut peers = Vec::new();
    for row in tables.peers.iter()? {
        let (org, bytes) = row?;
        peers.push(find::decoded::<PeerRow>("peers", &HEXLOWER.encode(org.value()), bytes.value())?);
    }
    for peer in peers {
        tables.peers.insert(&peer.org.0, peer.encode().as_slice())?;
    }
    Ok(())
}

/// Log and first position in a name `owed/LOG/POSITION`.
fn owed(name: &str) -> Option<([u8; 32], u64)> {
    let (log, first) = name.strip_prefix("owed/")?.split_once('/')?;
    Some((HEXLOWER.decode(log.as_bytes()).ok()?.try_into().ok()?, first.parse().ok()?))
}
