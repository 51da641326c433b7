//! Whether a store agrees with itself: chains and signatures hold, each body hashes to what its header says, and every index says
//! the same as what it indexes.

use super::*;
use crate::model::log::{Head, Header, body_hash, salt};
use crate::model::observable::search_key;
use crate::rules::disclosed::lines;
use crate::store::apply::{Counters, WAITING as NO_INCARNATION};
use crate::store::codec::{Reader, Row, audience};
use crate::store::hold::{HeldRow, HoldRow, unpack};
use crate::store::rows::{BatchRow, DisclosureRow, EntryRow, EventRow, FamilyRow, LogRow, ProvenanceRow, ProvenanceState, WaitingRow};
use crate::store::tables::*;
use redb::{Key, ReadTransaction, ReadableTable, TableDefinition, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What does not agree, in words; nothing in a good store.
pub(super) fn disagreements(read: &Snapshot) -> Vec<String> {
    let mut check = Check::of(read.transaction());
    check.numbers();
    check.logs();
    check.bodies();
    check.provenances();
    check.observables();
    check.counts();
    check.counters();
    check.events();
    check.holds();
    check.disclosed();
    if let Err(error) = read.verify_disclosures() {
        check.wrong.push(format!("disclosures: {error}"));
    }
    check.wrong
}

type Place = (u64, u32, u64, u64);

struct Check<'t> {
    transaction: &'t ReadTransaction,
    wrong: Vec<String>,
    logs: BTreeMap<u32, LogRow>,
    families: BTreeMap<u32, FamilyRow>,
    entries: BTreeMap<(u32, u64), EntryRow>,
    batches: BTreeMap<(u32, u64), BatchRow>,
    bodies: BTreeMap<u64, Vec<u8>>,
    salts: BTreeMap<(u32, u64), [u8; 32]>,
    waiting: BTreeMap<([u8; 33], u64), WaitingRow>,
    provenances: BTreeMap<Place, ProvenanceRow>,
    values: BTreeMap<u64, Observable>,
}

/// A table in memory.
fn all<K: Key + 'static, V: Value + 'static, A: Ord, B>(
    transaction: &ReadTransaction,
    table: TableDefinition<'static, K, V>,
    read: impl Fn(K::SelfType<'_>, V::SelfType<'_>) -> (A, B),
) -> BTreeMap<A, B> {
    let table = transaction.open_table(table).unwrap();
    let rows = table.iter().unwrap().map(|row| row.unwrap());
    rows.map(|(key, value)| read(key.value(), value.value())).collect()
}

fn rows<K: Key + 'static, A: Ord, R: Row>(
    transaction: &ReadTransaction,
    table: TableDefinition<'static, K, &'static [u8]>,
    key: impl Fn(K::SelfType<'_>) -> A,
) -> BTreeMap<A, R> {
    all(transaction, table, |k, bytes| (key(k), R::decode(bytes).expect("a row that can be read")))
}

impl<'t> Check<'t> {
    fn of(t: &'t ReadTransaction) -> Self {
        Self {
            transaction: t,
            wrong: Vec::new(),
            logs: rows(t, LOGS, |no| no),
            families: rows(t, FAMILIES, |no| no),
            entries: rows(t, ENTRIES, |key| key),
            batches: rows(t, BATCHES, |key| key),
            bodies: all(t, BODIES, |no, body| (no, body.to_vec())),
            salts: all(t, SALTS, |key, salt| (key, *salt)),
            waiting: rows(t, WAITING, |(audience, n)| (*audience, n)),
            provenances: rows(t, PROVENANCES, |key| key),
            values: rows(t, VALUES, |no| no),
        }
    }

    fn must(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.wrong.push(what());
        }
    }

    /// Logs and families are found by their ids.
    fn numbers(&mut self) {
        let by_id = all(self.transaction, LOG_NUMBERS, |id, no| (*id, no));
        let by_no: BTreeMap<[u8; 32], u32> = self.logs.iter().map(|(no, row)| (row.key.id().0, *no)).collect();
        self.must(by_id == by_no, || "log numbers".into());
        let by_key = all(self.transaction, FAMILY_NUMBERS, |key, no| (key.to_vec(), no));
        let by_no: BTreeMap<Vec<u8>, u32> = self.families.iter().map(|(no, row)| (row.encode(), *no)).collect();
        self.must(by_key == by_no, || "family numbers".into());
        let of_family = all(self.transaction, FAMILY_LOGS, |key, no| (key, no));
        let of_log: BTreeMap<(u32, u64), u32> = self.logs.iter().map(|(no, row)| ((row.family, row.key.incarnation), *no)).collect();
        self.must(of_family == of_log, || "the logs of families".into());
        for (no, row) in self.logs.clone() {
            let family = FamilyRow { author: row.key.author, audience: row.key.audience };
            self.must(self.families.get(&row.family) == Some(&family), || format!("the family of log {no}"));
        }
    }

    fn logs(&mut self) {
        for (no, row) in self.logs.clone() {
            if let Err(what) = self.chain(no, &row) {
                self.wrong.push(format!("log {no}: {what}"));
            }
        }
        let stray = self.entries.keys().chain(self.batches.keys()).find(|(no, _)| !self.logs.contains_key(no)).copied();
        self.must(stray.is_none(), || format!("an entry or batch of no log: {stray:?}"));
    }

    /// Batch after batch from the log's start to its head: header by header, body by body, signature by signature.
    fn chain(&self, no: u32, log: &LogRow) -> Result<(), String> {
        let mut head = log.start.as_ref().map_or_else(Head::default, |start| start.head);
        let mut batches = 0;
        while head.size < log.head.size {
            let first = head.size + 1;
            let batch = self.batches.get(&(no, first)).ok_or_else(|| format!("no batch at {first}"))?;
            for seq in first..=batch.last {
                let entry = self.entries.get(&(no, seq)).ok_or_else(|| format!("no entry at {seq}"))?;
                let header = entry.header(log.key.id(), seq);
                if header.prev != head.hash {
                    return Err(format!("the chain is broken at {seq}"));
                }
                self.body_of(no, &header, entry, batch)?;
                head = Head { size: seq, hash: header.hash() };
            }
            let key = batch.author_key.unwrap_or_else(|| our_key().public());
            let signed = batch.checkpoint.head == head && batch.checkpoint.verify(&key).is_ok();
            signed.then_some(()).ok_or_else(|| format!("the checkpoint of batch {first}"))?;
            batches += 1;
        }
        let held = |(log, _): &&(u32, u64)| *log == no;
        let size = log.head.size - log.start.as_ref().map_or(0, |start| start.head.size);
        let all_held = self.entries.keys().filter(held).count() as u64 == size && self.batches.keys().filter(held).count() == batches;
        (head == log.head && all_held).then_some(()).ok_or_else(|| "its head is elsewhere than its entries".into())
    }

    fn body_of(&self, no: u32, header: &Header, entry: &EntryRow, batch: &BatchRow) -> Result<(), String> {
        let seq = header.seq;
        let kept = self.salts.get(&(no, seq));
        let Ok(number) = entry.body else {
            let forgotten = kept.is_none() && batch.seed.is_none() && entry.observable == 0;
            return forgotten.then_some(()).ok_or_else(|| format!("what is left of the body at {seq}"));
        };
        let salt = match (batch.seed, kept) {
            (Some(seed), None) => salt(&seed, seq),
            (None, Some(salt)) => *salt,
            _ => return Err(format!("seed or salt at {seq}")),
        };
        let body = self.bodies.get(&number).ok_or_else(|| format!("no body at {seq}"))?;
        (body_hash(&salt, body) == header.body_hash).then_some(()).ok_or_else(|| format!("the body at {seq} is another"))
    }

    /// Each body is held once, by an entry or by what waits.
    fn bodies(&mut self) {
        let by_entries = self.entries.values().filter_map(|entry| entry.body.ok());
        let held: BTreeMap<([u8; 5], u32), HeldRow> = rows(self.transaction, HELD, |(id, part)| (*id, part));
        let by_holds = held.values().map(|row| row.body);
        let mut holders: Vec<u64> = by_entries.chain(self.waiting.values().map(|row| row.body)).chain(by_holds).collect();
        holders.sort_unstable();
        let bodies: Vec<u64> = self.bodies.keys().copied().collect();
        self.must(holders == bodies, || format!("bodies {bodies:?} are held by {holders:?}"));
        let present: BTreeSet<_> = self.entries.iter().filter(|(_, entry)| entry.body.is_ok()).map(|(key, _)| *key).collect();
        let absent = all(self.transaction, ABSENT, |key, reason| (key, reason));
        let quarantine = all(self.transaction, QUARANTINE, |key, _| (key, ()));
        self.must(absent.keys().all(|key| self.entries.contains_key(key) && !present.contains(key)), || "absent bodies".into());
        self.must(quarantine.keys().all(|key| present.contains(key)), || "quarantine".into());
        let stray_salt = self.salts.keys().find(|key| !present.contains(key)).copied();
        self.must(stray_salt.is_none(), || format!("a salt of no body: {stray_salt:?}"));
    }

    /// A hold has the parts that its row names, each with the records that its lines were made of.
    fn holds(&mut self) {
        let holds: BTreeMap<[u8; 5], HoldRow> = rows(self.transaction, HOLDS, |id| *id);
        let held: BTreeMap<([u8; 5], u32), HeldRow> = rows(self.transaction, HELD, |(id, part)| (*id, part));
        let named: BTreeSet<([u8; 5], u32)> = holds.iter().flat_map(|(id, row)| row.parts.keys().map(|part| (*id, *part))).collect();
        self.must(named == held.keys().copied().collect(), || format!("parts {named:?} of holds, {:?} are there", held.keys()));
        for ((id, part), row) in &held {
            let Some((hold, body)) = holds.get(id).zip(self.bodies.get(&row.body)) else { continue };
            let items = unpack(hold.audience, body).unwrap_or_default();
            let encoded: Vec<_> = items.iter().map(|item| (&item.encoded.0).into()).collect();
            let agrees = items.len() as u64 == u64::from(row.count) && hold.parts.get(part) == Some(&lines(&encoded));
            self.must(agrees, || format!("part {part} of a hold is not what its row says"));
        }
    }

    /// The list of a disclosure's records is the one that it names.
    fn disclosed(&mut self) {
        let lists = all(self.transaction, DISCLOSED, |n, packed| (n, packed.to_vec()));
        let lines: BTreeMap<u64, DisclosureRow> = rows(self.transaction, DISCLOSURES, |n| n);
        let named = lines.iter().filter_map(|(n, row)| {
            let line: Disclosure = serde_json::from_str(&row.line).ok()?;
            Some((*n, line.particulars.records?))
        });
        let named: BTreeMap<u64, [u8; 32]> = named.collect();
        let found: BTreeMap<u64, [u8; 32]> = lists.iter().map(|(n, packed)| (*n, crate::model::crypto::sha256(&[packed]))).collect();
        self.must(named == found, || "the lists of disclosures' records".into());
    }

    /// Every provenance has its entry or what waits, and the other way round; only the last of a family holds.
    fn provenances(&mut self) {
        let mut expected: BTreeMap<Place, u64> = BTreeMap::new();
        for ((no, seq), entry) in self.entries.iter().filter(|(_, entry)| entry.observable != 0) {
            if let Some(log) = self.logs.get(no) {
                expected.insert((entry.observable, log.family, log.key.incarnation, *seq), entry.body.unwrap_or_default());
            }
        }
        let family_of: BTreeMap<_, u32> = self.families.iter().map(|(no, row)| ((row.author, row.audience), *no)).collect();
        for ((to, n), row) in self.waiting.iter().filter(|(_, row)| row.observable != 0) {
            let family = audience(to).and_then(|audience| family_of.get(&(US, audience)));
            expected.insert((row.observable, family.copied().unwrap_or_default(), NO_INCARNATION, *n), row.body);
        }
        let found: BTreeMap<Place, u64> = self.provenances.iter().map(|(place, row)| (*place, row.body)).collect();
        self.must(found == expected, || format!("provenances {found:?} of {expected:?}"));
        let mut last = None;
        for ((observable, family, ..), row) in self.provenances.iter().rev() {
            if last.replace((*observable, *family)) == Some((*observable, *family)) && row.state != ProvenanceState::Superseded {
                self.wrong.push(format!("an older word on observable {observable} still holds"));
            }
        }
        let read = |entry: &&EntryRow| matches!(entry.verdict, Verdict::Accepted | Verdict::Duplicate | Verdict::Superseded);
        let unfound = self.entries.values().filter(read).filter(|entry| entry.kind == 1 && entry.body.is_ok() && entry.observable == 0);
        let unfound = unfound.count();
        self.must(unfound == 0, || format!("{unfound} indicators that no lookup finds"));
    }

    fn observables(&mut self) {
        let by_key = all(self.transaction, OBSERVABLES, |key, no| (key.to_vec(), no));
        let by_no: BTreeMap<Vec<u8>, u64> = self.values.iter().map(|(no, value)| (search_key(value), *no)).collect();
        self.must(by_key == by_no, || "search keys".into());
        let said: BTreeSet<u64> = self.provenances.keys().map(|(observable, ..)| *observable).collect();
        let known: BTreeSet<u64> = self.values.keys().copied().collect();
        self.must(said == known, || format!("observables {known:?}, said {said:?}"));
        let records = all(self.transaction, RECORDS, |id, no| (*id, no));
        let expected: BTreeMap<[u8; 16], u64> = self.provenances.iter().map(|((no, ..), row)| (row.record.0, *no)).collect();
        self.must(records == expected, || "records".into());
        let inside: BTreeSet<_> = all(self.transaction, INSIDE, |(key, pattern), ()| ((key.to_vec(), pattern), ())).into_keys().collect();
        let mut expected = BTreeSet::new();
        for (pattern, row) in all(self.transaction, INSIDE_KEYS, |pattern, row| (pattern, row.to_vec())) {
            let mut keys = Reader(&row);
            while let Some(key) = keys.bytes() {
                expected.insert((key.to_vec(), pattern));
            }
            self.must(self.values.contains_key(&pattern), || format!("keys of a pattern {pattern} that is gone"));
        }
        self.must(inside == expected, || "observables in patterns".into());
    }

    fn counts(&mut self) {
        let mut counts = all(self.transaction, COUNTS, |kind, count| (kind, count));
        counts.retain(|_, count| *count > 0);
        let mut expected: BTreeMap<u8, u64> = BTreeMap::new();
        let held = self.entries.values().filter(|entry| entry.body.is_ok()).map(|entry| entry.kind);
        for kind in held.chain(self.waiting.values().map(|row| row.kind)).filter(|kind| *kind != 1) {
            *expected.entry(kind).or_default() += 1;
        }
        self.must(counts == expected, || format!("counts {counts:?}, held {expected:?}"));
    }

    /// No number is given out again.
    fn counters(&mut self) {
        let counters = all(self.transaction, META, |name, bytes| (name.to_owned(), bytes.to_vec())).remove("counters");
        let counters = counters.map_or_else(Counters::default, |bytes| Counters::decode(&bytes).expect("counters"));
        let last = |keys: Option<u64>| keys.unwrap_or_default();
        let given = [
            (u64::from(counters.log), last(self.logs.keys().max().map(|no| u64::from(*no)))),
            (u64::from(counters.family), last(self.families.keys().max().map(|no| u64::from(*no)))),
            (counters.observable, last(self.values.keys().max().copied())),
            (counters.body, last(self.bodies.keys().max().copied())),
            (counters.waiting, last(self.waiting.keys().map(|(_, n)| *n).max())),
        ];
        self.must(given.iter().all(|(counter, last)| counter >= last), || format!("counters behind: {given:?}"));
    }

    fn events(&mut self) {
        let events: BTreeMap<u64, EventRow> = rows(self.transaction, EVENTS, |n| n);
        let mut times = events.values().map(|event| event.at);
        let mut before = times.next().unwrap_or(Timestamp(0));
        for at in times {
            self.must(at >= before, || "the time of events falls".into());
            before = at;
        }
    }
}

#[test]
fn a_store_that_has_lived_agrees_with_itself_and_one_with_any_row_missing_does_not() {
    let mut home = Home::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut script = script::Script::new(4);
    for _ in 0..60 {
        let step = script.next(&home.read());
        script::make(home.store(), step, &runtime).unwrap();
    }
    home.release(TO_PEER, &["waits.example"]);
    hold::hold(&home, 1, &["held.example"]);
    assert_eq!(disagreements(&home.read()), Vec::<String>::new());
    home.store = None;
    let bytes = std::fs::read(home.path().join(crate::store::FILE_NAME)).unwrap();
    let mut missed = Vec::new();
    for (table, remove) in removals() {
        let disk = volatile::Volatile::holding(bytes.clone(), campaign::Dice::new(1));
        {
            let database = redb::Database::builder().create_with_backend(disk.clone()).unwrap();
            let transaction = database.begin_write().unwrap();
            remove(&transaction);
            transaction.commit().unwrap();
        }
        let store = Store::open_with(disk.factory(), Options::new(US)).unwrap();
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| disagreements(&store.snapshot().unwrap())));
        if found.is_ok_and(|found| found.is_empty()) {
            missed.push(table);
        }
    }
    assert_eq!(missed, Vec::<&str>::new(), "tables whose last row can go unnoticed");
}

type Removal = (&'static str, fn(&redb::WriteTransaction));

/// For each table that agreement is about: its last row goes.
fn removals() -> Vec<Removal> {
    macro_rules! last {
        ($($table:ident),*) => { vec![$((stringify!($table), |transaction| {
            let mut table = transaction.open_table($table).unwrap();
            assert!(table.pop_last().unwrap().is_some(), "{} is empty, so this proves nothing", stringify!($table));
        })),*] };
    }
    last!(
        LOGS,
        LOG_NUMBERS,
        FAMILIES,
        FAMILY_NUMBERS,
        FAMILY_LOGS,
        ENTRIES,
        BODIES,
        SALTS,
        BATCHES,
        WAITING,
        OBSERVABLES,
        VALUES,
        PROVENANCES,
        RECORDS,
        INSIDE,
        INSIDE_KEYS,
        COUNTS,
        HOLDS,
        HELD,
        DISCLOSED
    )
}
