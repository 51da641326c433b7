//! The store as its callers see it.

mod agree;
mod archive;
mod fault;
mod group_commit;
mod hold;
mod log;
mod lookup;
mod model;
mod notice;
mod open;
mod posted;
mod publish;
mod recall;
mod referral;
mod release;
mod script;
mod sealing;
mod sighting;
mod small;
mod tally;
mod torn;
mod user;
mod volatile;

use super::change::{Change, Meaning, Outcome, Received, ReleaseItem, ReleaseOutcome, Verdict};
use super::{CommitError, Options, Snapshot, Store};
use crate::campaign;
use crate::model::crypto::{SigningKey, hmac_sha256};
use crate::model::log::{Audience, Batch, BatchEntry, Body, Head, LogKey};
use crate::model::{Ceiling, GroupId, Indicator, Observable, ObservableKind, OrgId, Record, RecordId, RecordKind, Timestamp, Tlp};
use crate::rules::gate::{Gate, Origin};
use crate::rules::label::{AudienceState, Held, RULES_VERSION, Withheld};
use crate::rules::release::{Codec, Disclosure, Draft, Encoded, Findings, Look, Passed, Released, release};
use tempfile::TempDir;

pub(super) const US: OrgId = OrgId([1; 32]);
pub(super) const PEER: OrgId = OrgId([2; 32]);
pub(super) const OTHER: OrgId = OrgId([3; 32]);
pub(super) const GROUP: Audience = Audience::Group(GroupId([9; 32]));
pub(super) const TO_PEER: Audience = Audience::Direct(PEER);
pub(super) const TO_US: Audience = Audience::Direct(US);
pub(super) const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// A store in a directory of its own.
pub(super) struct Home {
    directory: TempDir,
    store: Option<Store>,
}

impl Home {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut Options)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut options = Options::new(US);
        change(&mut options);
        let store = Some(Store::open(directory.path(), options).unwrap());
        Self { directory, store }
    }

    pub(super) fn path(&self) -> &std::path::Path {
        self.directory.path()
    }

    pub(super) fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    pub(super) fn reopen(&mut self) {
        self.store = None;
        self.store = Some(Store::open(self.directory.path(), Options::new(US)).unwrap());
    }

    pub(super) fn read(&self) -> Snapshot {
        self.store().snapshot().unwrap()
    }

    pub(super) fn commit(&self, change: Change) -> Outcome {
        self.try_commit(change).unwrap()
    }

    pub(super) fn try_commit(&self, change: Change) -> Result<Outcome, CommitError> {
        self.store().commit_blocking(change)
    }

    /// Releases values to an audience.
    pub(super) fn release(&self, audience: Audience, values: &[&str]) -> Vec<ReleaseOutcome> {
        match self.commit(release_change(audience, values.iter().map(|value| item(audience, indicator(value))).collect())) {
            Outcome::Released(outcomes) => outcomes,
            other => panic!("{other:?}"),
        }
    }

    /// Gives everything that waits for an audience its positions.
    pub(super) fn append(&self, audience: Audience) -> Batch {
        let change = append_change(&self.read(), audience);
        let Change::Append { batch, .. } = change.clone() else { unreachable!() };
        assert_eq!(self.commit(change), Outcome::Done);
        batch
    }

    /// Receives a batch of another author, whose log begins here if it is new.
    pub(super) fn receive(&self, log: &Authored, batch: &Batch, entries: Vec<Received>) -> Outcome {
        self.commit(log.receive(batch, entries))
    }

    pub(super) fn values(&self, query: &str) -> Vec<String> {
        let hits = self.read().lookup(&observable(query), NOW).unwrap().hits;
        hits.iter().map(|hit| hit.observable.value().to_owned()).collect()
    }

    /// Every row of every table, except the mark that each commit leaves.
    pub(super) fn dump(&self) -> Vec<(&'static str, String)> {
        content(&self.read())
    }

    /// Whether these bytes stand in any row of any table.
    pub(super) fn has_trace_of(&self, text: &str) -> Option<&'static str> {
        let key = crate::model::observable::search_key(&observable(text));
        let needles = [text.as_bytes(), &key[1..]].map(|bytes| data_encoding::HEXLOWER.encode(bytes));
        let rows = self.read().dump();
        rows.into_iter().find(|(_, row)| needles.iter().any(|needle| row.contains(needle.as_str()))).map(|(table, _)| table)
    }
}

/// Through a gate that was told nothing.
pub(super) fn pass(draft: Draft) -> Result<Passed, Withheld> {
    release(draft, AudienceState::OPEN, &US, NOW, look())
}

pub(super) fn observable(text: &str) -> Observable {
    Observable::guess(text).or_else(|_| Observable::parse(ObservableKind::Domain, text)).unwrap()
}

pub(super) fn record_id(author: &OrgId, observable: &Observable) -> RecordId {
    let mac = hmac_sha256(b"id key", &[&author.0, observable.to_string().as_bytes()]);
    RecordId(mac[..16].try_into().unwrap())
}

pub(super) fn indicator(value: &str) -> Indicator {
    Indicator::bare(observable(value))
}

/// What the gate asks of everything: nothing that it was told.
pub(super) fn look() -> Look<'static> {
    static NOTHING: std::sync::LazyLock<Gate> = std::sync::LazyLock::new(Gate::default);
    Look { gate: &NOTHING, inside: &[], origin: Origin::PassedOn, permission: None }
}

/// Reads what [`encode`] writes of values that can be guessed and plain notes.
pub(super) const CODEC: Codec = Codec { read: decode, write: encode };

fn decode(kind: RecordKind, body: &[u8]) -> Option<Record> {
    let body = std::str::from_utf8(body).ok()?;
    if kind == RecordKind::KeyChange {
        let byte = body.strip_prefix("KeyChange([")?.split(',').next()?.parse().ok()?;
        return Some(Record::KeyChange([byte; 32]));
    }
    let (value, note) = body.rsplit_once('|')?;
    let note = note.strip_prefix("Some(\"").and_then(|note| note.strip_suffix("\")")).map(str::to_owned);
    Some(Record::Indicator(Indicator { note, ..indicator(value) }))
}

fn encode(record: &Record) -> Vec<u8> {
    match record {
        Record::Indicator(indicator) => format!("{}|{:?}", indicator.observable.value(), indicator.note).into_bytes(),
        other => format!("{other:?}").into_bytes(),
    }
}

/// What the gate makes of a record.
pub(super) fn released(audience: Audience, record: Record, tlp: Tlp) -> Released<Encoded> {
    let draft = Draft { record, label: tlp.into(), audience, retention: Timestamp(0) };
    pass(draft).unwrap().draft.encode(encode)
}

pub(super) fn item(audience: Audience, indicator: Indicator) -> ReleaseItem {
    let record = Some(record_id(&US, &indicator.observable));
    let released = released(audience, Record::Indicator(indicator), Tlp::Green);
    ReleaseItem { record, inside: Vec::new(), released, findings: Findings::default(), said: None }
}

pub(super) fn disclosure(audience: Audience) -> Disclosure {
    let (rules, kind, label) = (RULES_VERSION, 1, Tlp::Green.into());
    Disclosure { at: NOW, audience, label, kind, count: 0, digest: [0; 32], rules, now: false, particulars: Default::default() }
}

pub(super) fn release_change(audience: Audience, items: Vec<ReleaseItem>) -> Change {
    Change::Release { audience, items, disclosures: vec![disclosure(audience)], at: NOW }
}

pub(super) fn our_key() -> SigningKey {
    SigningKey::from_seed([1; 32])
}

pub(super) fn append_change(read: &Snapshot, audience: Audience) -> Change {
    let log = read.our_log_key(&audience).unwrap();
    let head = read.log(&log.id()).unwrap().map_or(Head::default(), |log| log.head);
    let waiting = read.waiting(&audience, 1_000, 1 << 20).unwrap();
    let entries = waiting.iter().map(|one| one.entry.clone()).collect();
    let batch = Batch::seal(log.id(), head, entries, [7; 32], NOW, 0, &our_key()).unwrap();
    let headers = batch.headers(log.id(), head).unwrap();
    Change::Append { log, batch, headers, waiting: waiting.iter().map(|one| one.n).collect() }
}

/// The author's side of a log that we receive.
#[derive(Clone)]
pub(super) struct Authored {
    pub(super) key: LogKey,
    pub(super) head: Head,
    pub(super) signer: [u8; 32],
}

impl Authored {
    pub(super) fn by(author: OrgId, audience: Audience) -> Self {
        Self { key: LogKey { author, incarnation: 1, audience }, head: Head::default(), signer: author.0 }
    }

    pub(super) fn id(&self) -> crate::model::LogId {
        self.key.id()
    }

    pub(super) fn signing(&self) -> SigningKey {
        SigningKey::from_seed(self.signer)
    }

    /// The next batch: bodies with their kinds.
    pub(super) fn seal(&mut self, bodies: &[(u8, &[u8])]) -> Batch {
        let entry = |(kind, body): &(u8, &[u8])| BatchEntry {
            created: NOW,
            kind: *kind,
            label: Tlp::Green.into(),
            retention: Timestamp(0),
            body: Body::Present(body.to_vec()),
        };
        let entries = bodies.iter().map(entry).collect();
        let batch = Batch::seal(self.id(), self.head, entries, [8; 32], NOW, 0, &self.signing()).unwrap();
        self.head = batch.checkpoint.head;
        batch
    }

    /// A batch of indicators and what they mean.
    pub(super) fn indicators(&mut self, values: &[&str]) -> (Batch, Vec<Received>) {
        let before = self.head;
        let bodies: Vec<Vec<u8>> = values.iter().map(|value| encode(&Record::Indicator(indicator(value)))).collect();
        let bodies: Vec<(u8, &[u8])> = bodies.iter().map(|body| (1, body.as_slice())).collect();
        let batch = self.seal(&bodies);
        let meanings = values.iter().map(|value| self.meaning(value));
        let entries = self.entries(&batch, before, meanings.collect());
        (batch, entries)
    }

    pub(super) fn meaning(&self, value: &str) -> Meaning {
        let observable = observable(value);
        let record = record_id(&self.key.author, &observable);
        Meaning::Indicator { record, observable, inside: vec![], valid_until: None }
    }

    pub(super) fn entries(&self, batch: &Batch, before: Head, meanings: Vec<Meaning>) -> Vec<Received> {
        let received = |(header, meaning)| Received { header, verdict: Verdict::Accepted, problem: None, meaning };
        batch.headers(self.id(), before).unwrap().into_iter().zip(meanings).map(received).collect()
    }

    pub(super) fn receive(&self, batch: &Batch, entries: Vec<Received>) -> Change {
        let author_key = self.signing().public();
        Change::Receive { log: self.key, author_key, batch: batch.clone(), entries, at: NOW }
    }
}

pub(super) fn content(read: &Snapshot) -> Vec<(&'static str, String)> {
    let mark = data_encoding::HEXLOWER.encode(b"group");
    read.dump().into_iter().filter(|(_, row)| !row.starts_with(&format!("{mark} = "))).collect()
}

pub(super) fn batch(read: &Snapshot, log: &LogKey, seq: u64) -> Batch {
    let Held(batch) = read.batch_at(&log.id(), seq).unwrap().unwrap();
    batch
}
