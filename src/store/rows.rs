//! The rows of the tables that have more than one field.

use super::change::{ExportRow, GroupRow, PeerRow, RecallRow, Verdict};
use super::codec::{Reader, Row, Writer, audience_bytes};
use crate::model::group::SignedDefinition;
use crate::model::log::{AbsentReason, Audience, Checkpoint, Equivocation, Head, Header, LogKey};
use crate::model::record::{ReceiptOutcome, WithdrawalMode};
use crate::model::{Ceiling, EntryHash, GroupId, Label, LogId, Observable, ObservableKind, OrgId, RecordId, Timestamp};

/// Whether a log takes entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogState {
    /// It goes on.
    Open,
    /// One of our own earlier incarnations: only its own tail is taken, fetched back.
    Closed,
    /// Its author signed two histories: nothing more is taken but recalls.
    Halted,
}

/// Table `logs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogRow {
    pub(super) key: LogKey,
    pub(super) family: u32,
    pub(super) head: Head,
    pub(super) author_key: [u8; 32],
    pub(super) state: LogState,
    /// The signed checkpoint at which the log starts for us, where that is not its first entry.
    pub(super) start: Option<Checkpoint>,
}

impl Row for LogRow {
    fn encode(&self) -> Vec<u8> {
        let Self { key, family, head, author_key, state, start } = self;
        Writer::default()
            .fixed(&key.author.0)
            .u64(key.incarnation)
            .audience(&key.audience)
            .u32(*family)
            .u64(head.size)
            .fixed(&head.hash.0)
            .fixed(author_key)
            .u8(*state as u8)
            .option(start.as_ref(), Writer::checkpoint)
            .done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let key = LogKey { author: OrgId(row.fixed()?), incarnation: row.u64()?, audience: row.audience()? };
        let family = row.u32()?;
        let head = Head { size: row.u64()?, hash: EntryHash(row.fixed()?) };
        let author_key = row.fixed()?;
        let state = match row.u8()? {
            0 => LogState::Open,
            1 => LogState::Closed,
            2 => LogState::Halted,
            _ => return None,
        };
        let start = row.option(Reader::checkpoint)?;
        row.end(Self { key, family, head, author_key, state, start })
    }
}

/// Table `entries`: the header without what its key says, and what we know of the entry. 104 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EntryRow {
    pub(super) prev: EntryHash,
    pub(super) created: Timestamp,
    pub(super) kind: u8,
    pub(super) label: Label,
    pub(super) retention: Timestamp,
    pub(super) body_hash: [u8; 32],
    pub(super) body_length: u32,
    pub(super) verdict: Verdict,
    /// The body's number, or why it is not there.
    pub(super) body: Result<u64, AbsentReason>,
    /// The observable's number; 0 where the entry has no provenance.
    pub(super) observable: u64,
}

impl EntryRow {
    pub(super) fn of(header: &Header, verdict: Verdict, body: Result<u64, AbsentReason>) -> Self {
        let Header { prev, created, kind, label, retention, body_hash, body_length, .. } = *header;
        Self { prev, created, kind, label, retention, body_hash, body_length, verdict, body, observable: 0 }
    }

    pub(super) fn header(&self, log: LogId, seq: u64) -> Header {
        let Self { prev, created, kind, label, retention, body_hash, body_length, .. } = *self;
        Header { log, seq, prev, created, kind, label, retention, body_hash, body_length }
    }
}

impl Row for EntryRow {
    fn encode(&self) -> Vec<u8> {
        let (body, reason) = match self.body {
            Ok(body) => (body, 0),
            Err(reason) => (0, reason as u8),
        };
        Writer::default()
            .fixed(&self.prev.0)
            .time(self.created)
            .u8(self.kind)
            .u8(self.label.byte())
            .time(self.retention)
            .fixed(&self.body_hash)
            .u32(self.body_length)
            .u8(self.verdict as u8)
            .u8(reason)
            .u64(body)
            .u64(self.observable)
            .done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let prev = EntryHash(row.fixed()?);
        let created = row.time()?;
        let (kind, label) = (row.u8()?, Label::from_byte(row.u8()?)?);
        let retention = row.time()?;
        let (body_hash, body_length) = (row.fixed()?, row.u32()?);
        let verdict = Verdict::from_number(row.u8()?)?;
        let (reason, body) = (row.u8()?, row.u64()?);
        let body = if reason == 0 { Ok(body) } else { Err(AbsentReason::from_number(reason)?) };
        let observable = row.u64()?;
        row.end(Self { prev, created, kind, label, retention, body_hash, body_length, verdict, body, observable })
    }
}

/// Table `batches`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BatchRow {
    pub(super) last: u64,
    /// The seed of all salts, while every body is there; afterwards the salts stand in table `salts`.
    pub(super) seed: Option<[u8; 32]>,
    pub(super) checkpoint: Checkpoint,
    /// The key that the checkpoint is signed with; `None` for our own.
    pub(super) author_key: Option<[u8; 32]>,
}

impl Row for BatchRow {
    fn encode(&self) -> Vec<u8> {
        Writer::default()
            .u64(self.last)
            .option(self.seed, |row, seed| row.fixed(&seed))
            .checkpoint(&self.checkpoint)
            .option(self.author_key, |row, key| row.fixed(&key))
            .done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let last = row.u64()?;
        let seed = row.option(Reader::fixed)?;
        let checkpoint = row.checkpoint()?;
        let author_key = row.option(Reader::fixed)?;
        row.end(Self { last, seed, checkpoint, author_key })
    }
}

/// Table `waiting`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WaitingRow {
    pub(super) created: Timestamp,
    pub(super) kind: u8,
    pub(super) label: Label,
    pub(super) retention: Timestamp,
    pub(super) body: u64,
    pub(super) body_length: u32,
    pub(super) record: Option<RecordId>,
    /// The observable's number; 0 where there is none.
    pub(super) observable: u64,
}

impl Row for WaitingRow {
    fn encode(&self) -> Vec<u8> {
        Writer::default()
            .time(self.created)
            .u8(self.kind)
            .u8(self.label.byte())
            .time(self.retention)
            .u64(self.body)
            .u32(self.body_length)
            .option(self.record, |row, id| row.fixed(&id.0))
            .u64(self.observable)
            .done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let created = row.time()?;
        let (kind, label) = (row.u8()?, Label::from_byte(row.u8()?)?);
        let retention = row.time()?;
        let (body, body_length) = (row.u64()?, row.u32()?);
        let record = row.option(Reader::fixed)?.map(RecordId);
        let observable = row.u64()?;
        row.end(Self { created, kind, label, retention, body, body_length, record, observable })
    }
}

/// Whether what an author said of a value still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProvenanceState {
    /// It holds.
    Live,
    /// Its author withdrew it.
    Revoked,
    /// Its author said something newer of the same value to the same audience.
    Superseded,
}

/// Table `provenances`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProvenanceRow {
    pub(super) record: RecordId,
    pub(super) label: Label,
    pub(super) state: ProvenanceState,
    pub(super) received: Timestamp,
    pub(super) retention: Timestamp,
    pub(super) valid_until: Option<Timestamp>,
    pub(super) body: u64,
}

impl Row for ProvenanceRow {
    fn encode(&self) -> Vec<u8> {
        Writer::default()
            .fixed(&self.record.0)
            .u8(self.label.byte())
            .u8(self.state as u8)
            .time(self.received)
            .time(self.retention)
            .option(self.valid_until, Writer::time)
            .u64(self.body)
            .done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let record = RecordId(row.fixed()?);
        let label = Label::from_byte(row.u8()?)?;
        let state = match row.u8()? {
            0 => ProvenanceState::Live,
            1 => ProvenanceState::Revoked,
            2 => ProvenanceState::Superseded,
            _ => return None,
        };
        let (received, retention) = (row.time()?, row.time()?);
        let valid_until = row.option(Reader::time)?;
        let body = row.u64()?;
        row.end(Self { record, label, state, received, retention, valid_until, body })
    }
}

/// Table `histories`: when a record came and last changed, apart for each label that its author gave it, so that whoever may not see what
/// was said under one of them learns nothing of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryRow {
    /// One for each label.
    pub parts: Vec<HistoryPart>,
}

/// When a record came and last changed under one label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryPart {
    /// The label.
    pub label: Label,
    /// When we first got or released it.
    pub created: Timestamp,
    /// When it last changed; rises with each change.
    pub modified: Timestamp,
    /// Whether the last of it was destroyed because of a recall.
    pub recalled: bool,
}

/// When a record came and last changed for somebody who may see some of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// When the first of it came.
    pub created: Timestamp,
    /// When it last changed.
    pub modified: Timestamp,
    /// Whether the last of it was destroyed because of a recall.
    pub recalled: bool,
}

impl HistoryRow {
    /// When it came under this label.
    pub(super) fn first(&self, label: Label) -> Option<Timestamp> {
        self.parts.iter().find(|part| part.label == label).map(|part| part.created)
    }

    /// It changed under this label at `at`, or just after its last change; it came at `created`, unless that is known already.
    pub(super) fn changed(mut self, label: Label, created: Timestamp, at: Timestamp, recalled: bool) -> Self {
        match self.parts.iter_mut().find(|part| part.label == label) {
            Some(part) => *part = HistoryPart { modified: at.max(part.modified.plus(1)), recalled, ..*part },
            None => self.parts.push(HistoryPart { label, created, modified: at.max(created.plus(1)), recalled }),
        }
        self
    }

    /// What of it somebody learns who may see no more than this; `None` where that has not changed.
    pub fn within(&self, ceiling: Ceiling) -> Option<History> {
        let parts = || self.parts.iter().filter(|part| ceiling.admits(part.label));
        let last = parts().max_by_key(|part| part.modified)?;
        let created = parts().map(|part| part.created).min()?;
        Some(History { created, modified: last.modified, recalled: last.recalled })
    }
}

impl Row for HistoryRow {
    fn encode(&self) -> Vec<u8> {
        let write =
            |row: Writer, part: &HistoryPart| row.u8(part.label.byte()).time(part.created).time(part.modified).u8(u8::from(part.recalled));
        self.parts.iter().fold(Writer::default(), write).done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (mut row, mut parts) = (Reader(bytes), Vec::new());
        while !row.0.is_empty() {
            let label = Label::from_byte(row.u8()?)?;
            parts.push(HistoryPart { label, created: row.time()?, modified: row.time()?, recalled: row.u8()? != 0 });
        }
        Some(Self { parts }).filter(|row| !row.parts.is_empty())
    }
}

/// Table `families`: the logs of one author to one audience, over all incarnations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FamilyRow {
    pub(super) author: OrgId,
    pub(super) audience: Audience,
}

impl FamilyRow {
    /// Author ‖ audience.
    pub(super) fn key(&self) -> [u8; 65] {
        let mut key = [0; 65];
        key[..32].copy_from_slice(&self.author.0);
        key[32..].copy_from_slice(&audience_bytes(&self.audience));
        key
    }
}

impl Row for FamilyRow {
    fn encode(&self) -> Vec<u8> {
        self.key().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let (author, audience) = (OrgId(row.fixed()?), row.audience()?);
        row.end(Self { author, audience })
    }
}

/// A position that its author took back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenBackRow {
    /// How.
    pub mode: WithdrawalMode,
    /// What became of it here.
    pub outcome: ReceiptOutcome,
    /// When.
    pub at: Timestamp,
    /// Why, in the author's words.
    pub reason: String,
}

impl Row for TakenBackRow {
    fn encode(&self) -> Vec<u8> {
        let row = Writer::default().u8(mode_number(self.mode)).u8(outcome_number(self.outcome));
        row.time(self.at).bytes(self.reason.as_bytes()).done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let (mode, outcome) = (mode(row.u8()?)?, outcome(row.u8()?)?);
        let (at, reason) = (row.time()?, row.text()?);
        row.end(Self { mode, outcome, at, reason })
    }
}

/// Table `receipts`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReceiptRow {
    pub(super) outcome: ReceiptOutcome,
    pub(super) at: Timestamp,
}

impl Row for ReceiptRow {
    fn encode(&self) -> Vec<u8> {
        Writer::default().u8(outcome_number(self.outcome)).time(self.at).done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let (outcome, at) = (outcome(row.u8()?)?, row.time()?);
        row.end(Self { outcome, at })
    }
}

/// Table `tombstones`: a record of ours that we took back, and where it stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TombstoneRow {
    pub(super) mode: WithdrawalMode,
    pub(super) at: Timestamp,
    /// Whether a recalled value may not be shared again: not where another's recall was followed. Written where it does not, alone.
    pub(super) bars: bool,
}

impl Row for TombstoneRow {
    fn encode(&self) -> Vec<u8> {
        let row = Writer::default().u8(mode_number(self.mode)).time(self.at);
        if self.bars { row.done() } else { row.u8(0).done() }
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let (mode, at) = (mode(row.u8()?)?, row.time()?);
        let bars = row.0.is_empty() || row.u8()? != 0;
        row.end(Self { mode, at, bars })
    }
}

/// An entry that is not a record of its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineRow {
    /// The verdict.
    pub verdict: Verdict,
    /// When it came.
    pub at: Timestamp,
    /// What is wrong with it.
    pub problem: String,
}

impl Row for QuarantineRow {
    fn encode(&self) -> Vec<u8> {
        Writer::default().u8(self.verdict as u8).time(self.at).bytes(self.problem.as_bytes()).done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let (verdict, at, problem) = (Verdict::from_number(row.u8()?)?, row.time()?, row.text()?);
        row.end(Self { verdict, at, problem })
    }
}

/// Proof that an author signed two histories of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceRow {
    /// The log.
    pub log: LogKey,
    /// The proof.
    pub proof: Equivocation,
    /// When we found it.
    pub at: Timestamp,
}

impl Row for EvidenceRow {
    fn encode(&self) -> Vec<u8> {
        let row = Writer::default().fixed(&self.log.author.0).u64(self.log.incarnation).audience(&self.log.audience);
        row.branch(&self.proof.one).branch(&self.proof.other).time(self.at).done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let log = LogKey { author: OrgId(row.fixed()?), incarnation: row.u64()?, audience: row.audience()? };
        let proof = Equivocation { one: row.branch()?, other: row.branch()? };
        let at = row.time()?;
        row.end(Self { log, proof, at })
    }
}

/// Something that failed verification, kept apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuspiciousRow {
    /// Who sent it.
    pub peer: OrgId,
    /// When.
    pub at: Timestamp,
    /// What was wrong.
    pub what: String,
    /// The bytes, at most 64 KiB.
    pub bytes: Vec<u8>,
}

impl Row for SuspiciousRow {
    fn encode(&self) -> Vec<u8> {
        Writer::default().fixed(&self.peer.0).time(self.at).bytes(self.what.as_bytes()).bytes(&self.bytes).done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let (peer, at, what, kept) = (OrgId(row.fixed()?), row.time()?, row.text()?, row.bytes()?.to_vec());
        row.end(Self { peer, at, what, bytes: kept })
    }
}

/// Table `disclosures`: the line, and SHA-256 over the hash of the line before and this line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DisclosureRow {
    pub(super) hash: [u8; 32],
    pub(super) line: String,
}

impl DisclosureRow {
    /// The row of a line that follows the line with this hash.
    pub(super) fn chain(before: &[u8; 32], line: String) -> Self {
        Self { hash: crate::rules::disclosed::chained(before, &line), line }
    }
}

impl Row for DisclosureRow {
    fn encode(&self) -> Vec<u8> {
        Writer::default().fixed(&self.hash).bytes(self.line.as_bytes()).done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let (hash, line) = (row.fixed()?, row.text()?);
        row.end(Self { hash, line })
    }
}

/// Table `events`: a record that came, changed or went, as it was said under one label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EventRow {
    pub(super) at: Timestamp,
    pub(super) record: RecordId,
    pub(super) label: Label,
}

impl Row for EventRow {
    fn encode(&self) -> Vec<u8> {
        Writer::default().time(self.at).fixed(&self.record.0).u8(self.label.byte()).done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let (at, record, label) = (row.time()?, RecordId(row.fixed()?), Label::from_byte(row.u8()?)?);
        row.end(Self { at, record, label })
    }
}

/// Table `values`. Reading goes through the canonical form, so a damaged row never becomes an observable.
impl Row for Observable {
    fn encode(&self) -> Vec<u8> {
        Writer::default().u8(self.kind().number()).fixed(self.value().as_bytes()).done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, value) = bytes.split_first()?;
        let (kind, value) = (ObservableKind::from_number(*kind)?, std::str::from_utf8(value).ok()?);
        Observable::parse(kind, value).ok().filter(|observable| observable.kind() == kind && observable.value() == value)
    }
}

impl Row for PeerRow {
    fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

impl Row for GroupRow {
    fn encode(&self) -> Vec<u8> {
        let Self { group, name, definition, number, roster, joined, left } = self;
        let row = Writer::default().fixed(&group.0).bytes(name.as_bytes()).bytes(&definition.bytes).fixed(&definition.signature);
        let row = row.u64(*number).u8(u8::from(*left)).u32(u32::try_from(roster.len()).unwrap_or(u32::MAX));
        let row = roster.iter().fold(row, |row, org| row.fixed(&org.0)).u32(u32::try_from(joined.len()).unwrap_or(u32::MAX));
        joined.iter().fold(row, |row, (org, number)| row.fixed(&org.0).u64(*number)).done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let (group, name) = (GroupId(row.fixed()?), row.text()?);
        let definition = SignedDefinition { bytes: row.bytes()?.to_vec(), signature: row.fixed()? };
        let (number, left, members) = (row.u64()?, row.u8()? != 0, row.u32()?);
        let roster = (0..members).map(|_| row.fixed().map(OrgId)).collect::<Option<_>>()?;
        let count = row.u32()?;
        let joined = (0..count).map(|_| Some((OrgId(row.fixed()?), row.u64()?))).collect::<Option<_>>()?;
        row.end(Self { group, name, definition, number, roster, joined, left })
    }
}

impl Row for ExportRow {
    fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

impl Row for SignedDefinition {
    fn encode(&self) -> Vec<u8> {
        Writer::default().fixed(&self.signature).fixed(&self.bytes).done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let signature = row.fixed()?;
        Some(Self { bytes: row.0.to_vec(), signature })
    }
}

impl Row for RecallRow {
    fn encode(&self) -> Vec<u8> {
        let Self { author, log, audience, signed, at } = self;
        Writer::default().fixed(&author.0).fixed(&log.0).audience(audience).bytes(signed).time(*at).done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let (author, log, audience) = (OrgId(row.fixed()?), LogId(row.fixed()?), row.audience()?);
        let (signed, at) = (row.bytes()?.to_vec(), row.time()?);
        row.end(Self { author, log, audience, signed, at })
    }
}

fn mode_number(mode: WithdrawalMode) -> u8 {
    match mode {
        WithdrawalMode::Withdraw => 1,
        WithdrawalMode::Recall => 2,
    }
}

fn mode(number: u8) -> Option<WithdrawalMode> {
    match number {
        1 => Some(WithdrawalMode::Withdraw),
        2 => Some(WithdrawalMode::Recall),
        _ => None,
    }
}

fn outcome_number(outcome: ReceiptOutcome) -> u8 {
    match outcome {
        ReceiptOutcome::Destroyed => 1,
        ReceiptOutcome::Absent => 2,
        ReceiptOutcome::Revoked => 3,
    }
}

fn outcome(number: u8) -> Option<ReceiptOutcome> {
    match number {
        1 => Some(ReceiptOutcome::Destroyed),
        2 => Some(ReceiptOutcome::Absent),
        3 => Some(ReceiptOutcome::Revoked),
        _ => None,
    }
}
