//! Batches: our own, which give waiting records their positions, and those of other authors.

use super::index::{Numbers, Place};
use super::{Applied, Log, Tx, WAITING};
use crate::model::crypto::equal;
use crate::model::log::{
    AbsentReason, Audience, Batch, BatchEntry, Body, Checkpoint, Equivocation, Head, Header, LogKey, Salts, body_hash, salt,
};
use crate::model::record::WithdrawalMode;
use crate::model::{LogId, RecordKind, Timestamp};
use crate::store::body::{get_body, is_body};
use crate::store::change::{Meaning, Outcome, Received, Refused, TakenBack, Verdict};
use crate::store::codec::{Row, audience_bytes};
use crate::store::error::Fault;
use crate::store::find;
use crate::store::rows::{BatchRow, EntryRow, EvidenceRow, LogState, ProvenanceRow, ProvenanceState, QuarantineRow, WaitingRow};
use redb::{ReadableTable, ReadableTableMetadata};
use std::borrow::Cow;
use std::collections::BTreeSet;

impl Tx<'_> {
    pub(super) fn append(&mut self, key: &LogKey, batch: &Batch, headers: &[Header], waiting: &[u64]) -> Applied<Outcome> {
        let known = self.log(&key.id())?;
        if self.holds(known.as_ref(), batch)? {
            return Ok(Outcome::Done);
        }
        self.is_open_and_ours(key, known.as_ref())?;
        follows(head_of(known.as_ref()), batch, headers.iter())?;
        let rows = self.waiting_rows(key, batch, waiting)?;
        let mut log = self.known_or_new(known, key, &[0; 32])?;
        self.put_batch(&log, batch, None)?;
        for ((header, row), n) in headers.iter().zip(&rows).zip(waiting) {
            self.position(&log, header, row, *n)?;
        }
        log.row.head = batch.checkpoint.head;
        self.put_log(&log)?;
        self.flush()?;
        for header in headers.iter().filter(|header| header.kind == RecordKind::Profile.number()) {
            self.newest_profile(&log, header, header.created)?;
        }
        for header in headers.iter().filter(|header| RecordKind::from_number(header.kind).is_some_and(RecordKind::is_posted_of_ours)) {
            self.post(&log, header, header.created)?;
        }
        Ok(Outcome::Done)
    }

    /// Refused unless this is a log of ours in our present incarnation that goes on.
    pub(super) fn is_open_and_ours(&self, key: &LogKey, known: Option<&Log>) -> Result<(), Refused> {
        let goes_on = known.is_none_or(|log| log.row.state == LogState::Open);
        let ours = key.author == self.us && key.incarnation == self.counters.incarnation;
        if goes_on && ours { Ok(()) } else { Err(Refused::LogClosed) }
    }

    /// The waiting rows that a batch positions; refused unless each of them still waits with the same content.
    fn waiting_rows(&self, key: &LogKey, batch: &Batch, waiting: &[u64]) -> Applied<Vec<WaitingRow>> {
        if waiting.len() != batch.entries.len() {
            return Err(Refused::WaitingMoved.into());
        }
        let audience = audience_bytes(&key.audience);
        let mut rows = Vec::with_capacity(waiting.len());
        for (n, entry) in waiting.iter().zip(&batch.entries) {
            let row = find::row::<WaitingRow, _, Fault>(&self.t.waiting, "waiting", (&audience, *n))?.ok_or(Refused::WaitingMoved)?;
            let BatchEntry { kind, label, retention, body, .. } = entry;
            let Body::Present(body) = body else { return Err(Refused::WaitingMoved.into()) };
            let same = (row.kind, row.label, row.retention) == (*kind, *label, *retention);
            if !same || !is_body::<Fault>(&self.t.bodies, row.body, body)? {
                return Err(Refused::WaitingMoved.into());
            }
            rows.push(row);
        }
        Ok(rows)
    }

    fn position(&mut self, log: &Log, header: &Header, waiting: &WaitingRow, n: u64) -> Applied<()> {
        let mut row = EntryRow::of(header, Verdict::Accepted, Ok(waiting.body));
        row.observable = waiting.observable;
        self.later_entry((log.no, header.seq), &row);
        self.t.waiting.remove((&audience_bytes(&log.row.key.audience), n))?;
        if waiting.observable != 0 {
            let (observable, family) = (waiting.observable, log.row.family);
            let from = Place { observable, family, incarnation: WAITING, seq: n };
            self.move_provenance(&from, &Place { incarnation: log.row.key.incarnation, seq: header.seq, ..from })?;
        }
        Ok(())
    }

    pub(super) fn receive(
        &mut self,
        key: &LogKey,
        author_key: &[u8; 32],
        batch: &Batch,
        entries: &[Received],
        at: Timestamp,
    ) -> Applied<Outcome> {
        let known = self.log(&key.id())?;
        if let Some(log) = &known
            && self.holds(known.as_ref(), batch)?
        {
            return self.received_before(log, batch, entries, at);
        }
        let ours = key.author == self.us;
        let halted = known.as_ref().is_some_and(|log| log.row.state == LogState::Halted);
        if halted || (ours && key.incarnation >= self.counters.incarnation) {
            return Err(Refused::LogClosed.into());
        }
        follows(head_of(known.as_ref()), batch, entries.iter().map(|entry| &entry.header))?;
        let mut log = self.known_or_new(known, key, author_key)?;
        let batch = self.without_recalled(&log, batch)?;
        self.put_batch(&log, &batch, Some(*author_key))?;
        let mut verdicts = self.put_entries(&log, &batch, entries, at)?;
        self.flush()?;
        self.have_come(&log, batch.first..=batch.checkpoint.head.size)?;
        log.row.head = batch.checkpoint.head;
        log.row.author_key = *author_key;
        self.put_log(&log)?;
        let taken_back = self.act(&mut log, entries, &mut verdicts, at)?;
        Ok(Outcome::Received { verdicts, taken_back })
    }

    /// Whether the log already has exactly this batch.
    pub(super) fn holds(&self, log: Option<&Log>, batch: &Batch) -> Applied<bool> {
        let Some(log) = log.filter(|log| log.row.head.size >= batch.checkpoint.head.size) else { return Ok(false) };
        let row: Option<BatchRow> = find::row::<_, _, Fault>(&self.t.batches, "batches", (log.no, batch.first))?;
        Ok(row.is_some_and(|row| row.checkpoint.head == batch.checkpoint.head))
    }

    /// The outcome of a batch that was received before. What was of a newer kind then and is known by now is read.
    fn received_before(&mut self, log: &Log, batch: &Batch, entries: &[Received], at: Timestamp) -> Applied<Outcome> {
        let mut verdicts = Vec::with_capacity(entries.len());
        for ((received, entry), seq) in entries.iter().zip(&batch.entries).zip(batch.first..) {
            let row: Option<EntryRow> = find::row::<_, _, Fault>(&self.t.entries, "entries", (log.no, seq))?;
            verdicts.push(match (row, &entry.body) {
                (Some(row), Body::Present(body)) if row.verdict == Verdict::Unsupported && received.verdict != Verdict::Unsupported => {
                    self.read_anew(log, received, row, body, at)?
                }
                (Some(row), _) => row.verdict,
                (None, _) => received.verdict,
            });
        }
        let taken_back = self.act(&mut log.clone(), entries, &mut verdicts, at)?;
        Ok(Outcome::Received { verdicts, taken_back })
    }

    fn without_recalled<'b>(&self, log: &Log, batch: &'b Batch) -> Applied<Cow<'b, Batch>> {
        if self.t.taken_back.is_empty()? {
            return Ok(Cow::Borrowed(batch));
        }
        let mut recalled = BTreeSet::new();
        for seq in batch.first..=batch.checkpoint.head.size {
            if self.is_recalled_at(log, seq)? {
                recalled.insert(seq);
            }
        }
        if recalled.is_empty() {
            return Ok(Cow::Borrowed(batch));
        }
        Ok(Cow::Owned(batch.without(|seq| recalled.contains(&seq).then_some(AbsentReason::Recalled))))
    }

    pub(super) fn is_recalled_at(&self, log: &Log, seq: u64) -> Applied<bool> {
        let row = find::taken_back::<Fault>(&self.t.taken_back, &log.id.0, seq, &log.row.key.author)?;
        Ok(row.is_some_and(|row| row.mode == WithdrawalMode::Recall))
    }

    pub(super) fn put_batch(&mut self, log: &Log, batch: &Batch, author_key: Option<[u8; 32]>) -> Applied<()> {
        let seed = match &batch.salts {
            Salts::Seed(seed) => Some(*seed),
            Salts::Each(salts) => {
                let present = batch.entries.iter().zip(batch.first..).filter(|(entry, _)| matches!(entry.body, Body::Present(_)));
                for ((_, seq), salt) in present.zip(salts) {
                    self.t.salts.insert((log.no, seq), salt)?;
                }
                None
            }
        };
        let row = BatchRow { last: batch.checkpoint.head.size, seed, checkpoint: batch.checkpoint.clone(), author_key };
        self.t.batches.insert((log.no, batch.first), row.encode().as_slice())?;
        Ok(())
    }

    fn put_entries(&mut self, log: &Log, batch: &Batch, entries: &[Received], at: Timestamp) -> Applied<Vec<Verdict>> {
        let is_shown = |entry: &BatchEntry| matches!(entry.body, Body::Present(_));
        let observables = entries.iter().zip(&batch.entries).map(|(received, entry)| indexed(received).filter(|_| is_shown(entry)));
        let mut numbers = self.number(observables)?;
        let revocable = !self.t.taken_back.is_empty()?;
        let mut verdicts = Vec::with_capacity(entries.len());
        for (place, (received, entry)) in entries.iter().zip(&batch.entries).enumerate() {
            let verdict = match &entry.body {
                Body::Present(body) => self.put_present(log, received, body, (place, &mut numbers, revocable), at)?,
                Body::Absent { reason, .. } => self.put_absent(log, received, *reason)?,
            };
            verdicts.push(verdict);
        }
        Ok(verdicts)
    }

    fn put_absent(&mut self, log: &Log, received: &Received, reason: AbsentReason) -> Applied<Verdict> {
        let seq = received.header.seq;
        if !self.is_recalled_at(log, seq)? {
            self.t.absent.insert((log.no, seq), reason as u8)?;
        }
        self.later_entry((log.no, seq), &EntryRow::of(&received.header, received.verdict, Err(reason)));
        Ok(received.verdict)
    }

    fn put_present(
        &mut self,
        log: &Log,
        received: &Received,
        body: &[u8],
        numbered: (usize, &mut Numbers, bool),
        at: Timestamp,
    ) -> Applied<Verdict> {
        let number = self.put_body(body)?;
        let mut row = EntryRow::of(&received.header, received.verdict, Ok(number));
        self.count(received.header.kind, 1)?;
        self.take_in(log, received, (&mut row, number), body, numbered, at)?;
        self.later_entry((log.no, received.header.seq), &row);
        Ok(row.verdict)
    }

    /// What an entry says is found from now on, and its verdict is what came of that. Its body is kept under this number.
    fn take_in(
        &mut self,
        log: &Log,
        received: &Received,
        kept: (&mut EntryRow, u64),
        body: &[u8],
        numbered: (usize, &mut Numbers, bool),
        at: Timestamp,
    ) -> Applied<()> {
        let ((row, number), (place, numbers, revocable)) = (kept, numbered);
        let Header { seq, retention, label, .. } = received.header;
        if indexed(received).is_some() {
            row.observable = numbers.of(place);
            let revoked = revocable && find::taken_back::<Fault>(&self.t.taken_back, &log.id.0, seq, &log.row.key.author)?.is_some();
            row.verdict = self.index(log, received, row, revoked, body, numbers, at)?;
        }
        if let Meaning::Said(said) = &received.meaning {
            let heard = self.hear(log, said, body, number, super::referral::Entry { at, retention, label })?;
            // What is not understood yet counts as a message, and is read anew by the program that knows it.
            row.verdict = if heard == Verdict::Accepted { received.verdict } else { heard };
        }
        if row.verdict == received.verdict { self.quarantine(log, received, at) } else { Ok(()) }
    }

    /// An entry that was of a newer kind when it came, and is understood by now. It is counted already.
    fn read_anew(&mut self, log: &Log, received: &Received, mut row: EntryRow, body: &[u8], at: Timestamp) -> Applied<Verdict> {
        let (Ok(number), seq) = (row.body, received.header.seq) else { return Ok(row.verdict) };
        let mut numbers = self.number(std::iter::once(indexed(received)))?;
        self.t.quarantine.remove((log.no, seq))?;
        row.verdict = received.verdict;
        self.take_in(log, received, (&mut row, number), body, (0, &mut numbers, true), at)?;
        self.t.entries.insert((log.no, seq), row.encode().as_slice())?;
        self.flush()?;
        Ok(row.verdict)
    }

    fn quarantine(&mut self, log: &Log, received: &Received, at: Timestamp) -> Applied<()> {
        let Received { header, verdict, problem, .. } = received;
        if matches!(verdict, Verdict::Invalid | Verdict::Refused | Verdict::Unsupported) {
            let row = QuarantineRow { verdict: *verdict, at, problem: problem.clone().unwrap_or_default() };
            self.t.quarantine.insert((log.no, header.seq), row.encode().as_slice())?;
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments)]
    fn index(
        &mut self,
        log: &Log,
        received: &Received,
        entry: &EntryRow,
        revoked: bool,
        body: &[u8],
        numbers: &mut Numbers,
        at: Timestamp,
    ) -> Applied<Verdict> {
        let (Meaning::Indicator { record, valid_until, .. }, Ok(number)) = (&received.meaning, entry.body) else {
            return Ok(received.verdict);
        };
        let Header { seq, label, retention, .. } = received.header;
        let (family, incarnation) = (log.row.family, log.row.key.incarnation);
        let state = if revoked { ProvenanceState::Revoked } else { ProvenanceState::Live };
        let row = ProvenanceRow { record: *record, label, state, received: at, retention, valid_until: *valid_until, body: number };
        self.add_provenance(Place { observable: entry.observable, family, incarnation, seq }, row, body, numbers)
    }

    /// Does what the entries ask for, in their order. A withdrawal that takes back more than is remembered ahead of its entries is done as
    /// far as it is about what is held, and filtered beyond.
    fn act(&mut self, log: &mut Log, entries: &[Received], verdicts: &mut [Verdict], now: Timestamp) -> Applied<Vec<TakenBack>> {
        let mut all = Vec::new();
        for (received, verdict) in entries.iter().zip(verdicts).filter(|(_, verdict)| **verdict == Verdict::Accepted) {
            match &received.meaning {
                Meaning::TakeBack { log: of, seqs, mode, reason } => {
                    // An author whose clock is ahead must not move our own events there.
                    let (author, at) = (log.row.key.author, received.header.created.min(now));
                    let taken = self.take_back(of, Some(&author), seqs, (*mode, reason, true), at)?;
                    if taken.beyond {
                        *verdict = Verdict::Filtered;
                        self.judge(log, received.header.seq, Verdict::Filtered)?;
                    }
                    let (withdrawal, posted) = (received.header.hash(), taken.posted);
                    all.push(TakenBack { withdrawal, log: *of, mode: *mode, outcomes: taken.outcomes, posted });
                }
                Meaning::Receipt { log: of, outcomes, at } => drop(self.receipt(&log.row.key.author, of, outcomes, *at)?),
                Meaning::KeyChange(key) => self.change_key(log, received.header.seq, key)?,
                Meaning::Profile => self.newest_profile(log, &received.header, now)?,
                Meaning::Posted => {
                    if !self.post(log, &received.header, now)? {
                        *verdict = Verdict::Filtered;
                        self.judge(log, received.header.seq, Verdict::Filtered)?;
                    }
                }
                Meaning::Sighting { sighting, member } => {
                    if log.row.key.author == self.us {
                        self.post(log, &received.header, now)?;
                    }
                    if !self.hear_sighting(log, &received.header, sighting, *member)? {
                        *verdict = Verdict::Filtered;
                        self.judge(log, received.header.seq, Verdict::Filtered)?;
                    }
                }
                Meaning::None | Meaning::Indicator { .. } | Meaning::Said(_) | Meaning::Match | Meaning::SightingToPassOn => {}
            }
        }
        Ok(all)
    }

    fn judge(&mut self, log: &Log, seq: u64, verdict: Verdict) -> Applied<()> {
        if let Some(mut row) = find::row::<EntryRow, _, Fault>(&self.t.entries, "entries", (log.no, seq))? {
            row.verdict = verdict;
            self.t.entries.insert((log.no, seq), row.encode().as_slice())?;
        }
        Ok(())
    }

    fn change_key(&mut self, log: &mut Log, seq: u64, key: &[u8; 32]) -> Applied<()> {
        let changed_since = log.row.head.size > seq && !self.is_last_batch(log, seq)?;
        if !changed_since {
            log.row.author_key = *key;
            self.put_log(log)?;
        }
        Ok(())
    }

    fn is_last_batch(&self, log: &Log, seq: u64) -> Applied<bool> {
        Ok(find::batch_row::<Fault>(&self.t.batches, log.no, seq)?.is_some_and(|(_, row)| row.last == log.row.head.size))
    }

    /// A body that was absent came from elsewhere.
    pub(super) fn fill(
        &mut self,
        id: &LogId,
        seq: u64,
        salt: &[u8; 32],
        body: &[u8],
        received: &Received,
        at: Timestamp,
    ) -> Applied<Outcome> {
        let Some(log) = self.log(id)? else { return Ok(filled(Verdict::Invalid)) };
        let Some(row) = find::row::<EntryRow, _, Fault>(&self.t.entries, "entries", (log.no, seq))? else {
            return Ok(filled(Verdict::Invalid));
        };
        let fits = equal(&body_hash(salt, body), &row.body_hash) && received.header == row.header(*id, seq);
        if !fits || row.body.is_ok() || self.is_recalled_at(&log, seq)? {
            return Ok(filled(if fits { row.verdict } else { Verdict::Invalid }));
        }
        let mut numbers = self.number(std::iter::once(indexed(received)))?;
        self.t.salts.insert((log.no, seq), salt)?;
        self.t.absent.remove((log.no, seq))?;
        let verdict = self.put_present(&log, received, body, (0, &mut numbers, true), at)?;
        self.flush()?;
        let mut verdicts = vec![verdict];
        let taken_back = self.act(&mut log.clone(), std::slice::from_ref(received), &mut verdicts, at)?;
        Ok(Outcome::Received { verdicts, taken_back })
    }

    pub(super) fn start_at(&mut self, key: &LogKey, author_key: &[u8; 32], checkpoint: &Checkpoint) -> Applied<Outcome> {
        let known = self.log(&key.id())?;
        // Where we held an earlier part, as a member that left and came back, there is a gap before the start from now on.
        if known.as_ref().is_some_and(|log| log.row.head.size >= checkpoint.head.size) {
            return Ok(Outcome::Done);
        }
        if known.as_ref().is_some_and(|log| log.row.state != LogState::Open) {
            return Err(Refused::LogClosed.into());
        }
        let missing = known.as_ref().map_or(0, |log| log.row.head.size + 1)..=checkpoint.head.size;
        let mut log = self.known_or_new(known, key, author_key)?;
        self.never_come(&log, missing)?;
        log.row.head = checkpoint.head;
        log.row.author_key = *author_key;
        log.row.start = Some(checkpoint.clone());
        self.put_log(&log)?;
        Ok(Outcome::Done)
    }

    pub(super) fn evidence(&mut self, key: &LogKey, proof: &Equivocation, at: Timestamp) -> Applied<Outcome> {
        let known = self.log(&key.id())?;
        let mut log = self.known_or_new(known, key, &[0; 32])?;
        let was_followed = log.row.state != LogState::Halted;
        log.row.state = LogState::Halted;
        self.put_log(&log)?;
        if log.row.key.author == self.us && was_followed {
            self.say_again(&log, at)?;
        }
        if self.t.evidence.get(&log.id.0)?.is_none() {
            let row = EvidenceRow { log: *key, proof: proof.clone(), at };
            self.t.evidence.insert(&log.id.0, row.encode().as_slice())?;
        }
        Ok(Outcome::Done)
    }

    /// We signed two histories of this log (a copy of us lives, or lived), so nobody follows it any more. What it says and still holds
    /// waits again, for our next incarnation: some readers have only the other history. Whoever has it already knows it as a duplicate.
    fn say_again(&mut self, log: &Log, at: Timestamp) -> Applied<()> {
        let mut present = Vec::new();
        for row in self.t.entries.range((log.no, 0)..=(log.no, u64::MAX))? {
            let (key, bytes) = row?;
            let row: EntryRow = find::decoded("entries", &key.value(), bytes.value())?;
            present.extend(row.body.ok().map(|body| (key.value().1, row, body)));
        }
        for (seq, entry, body) in present {
            let place = Place { observable: entry.observable, family: log.row.family, incarnation: log.row.key.incarnation, seq };
            let provenance = self.provenance(&place)?;
            let holds = match RecordKind::from_number(entry.kind) {
                Some(RecordKind::Indicator) => provenance.as_ref().is_some_and(|row| row.state == ProvenanceState::Live),
                // A withdrawal or receipt does the same once more, a message is known by its number, and of profiles the last is here; a change of key
                // belongs to its own log.
                Some(
                    RecordKind::Withdrawal
                    | RecordKind::Receipt
                    | RecordKind::Referral
                    | RecordKind::ReferralStep
                    | RecordKind::Profile
                    | RecordKind::Match,
                ) => true,
                // One that was taken back stays so.
                Some(RecordKind::Alert | RecordKind::Call | RecordKind::Volunteer | RecordKind::Sighting) => {
                    find::taken_back::<Fault>(&self.t.taken_back, &log.id.0, seq, &log.row.key.author)?.is_none()
                }
                Some(RecordKind::KeyChange) | None => false,
            };
            if holds {
                let body = get_body::<Fault>(&self.t.bodies, body)?;
                self.wait_again(&log.row.key.audience, &entry, &body, provenance.map(|row| (place, row)), at)?;
            }
        }
        Ok(())
    }

    fn wait_again(
        &mut self,
        audience: &Audience,
        entry: &EntryRow,
        body: &[u8],
        said: Option<(Place, ProvenanceRow)>,
        at: Timestamp,
    ) -> Applied<()> {
        let EntryRow { kind, label, retention, body_length, observable, .. } = *entry;
        let number = self.put_body(body)?;
        let record = said.as_ref().map(|(_, row)| row.record);
        let row = WaitingRow { created: at, kind, label, retention, body: number, body_length, record, observable };
        self.counters.waiting += 1;
        self.t.waiting.insert((&audience_bytes(audience), self.counters.waiting), row.encode().as_slice())?;
        self.count(kind, 1)?;
        if let Some((place, row)) = said {
            let place = Place { incarnation: WAITING, seq: self.counters.waiting, ..place };
            self.add_provenance(place, ProvenanceRow { body: number, ..row }, body, &mut Numbers::known())?;
        }
        Ok(())
    }

    pub(super) fn incarnation(&mut self, incarnation: u64) -> Applied<Outcome> {
        if incarnation <= self.counters.incarnation {
            return Ok(Outcome::Done);
        }
        self.counters.incarnation = incarnation;
        for mut log in self.logs_of_ours()? {
            if log.row.key.incarnation < incarnation && log.row.state == LogState::Open {
                log.row.state = LogState::Closed;
                self.put_log(&log)?;
            }
        }
        Ok(Outcome::Done)
    }

    fn logs_of_ours(&self) -> Applied<Vec<Log>> {
        let mut logs = Vec::new();
        for row in self.t.logs.iter()? {
            let (no, bytes) = row?;
            let row: crate::store::rows::LogRow = find::decoded("logs", &no.value(), bytes.value())?;
            if row.key.author == self.us {
                logs.push(Log { no: no.value(), id: row.key.id(), row });
            }
        }
        Ok(logs)
    }

    /// Replaces a batch's seed by the salts of its bodies, before the first of them is destroyed.
    pub(super) fn give_up_seed(&mut self, log: u32, seq: u64) -> Applied<()> {
        let Some((first, mut row)) = find::batch_row::<Fault>(&self.t.batches, log, seq)? else { return Ok(()) };
        let Some(seed) = row.seed.take() else { return Ok(()) };
        for seq in first..=row.last {
            self.t.salts.insert((log, seq), &salt(&seed, seq))?;
        }
        self.t.batches.insert((log, first), row.encode().as_slice())?;
        Ok(())
    }
}

/// What lookups are to find of an entry.
fn indexed(received: &Received) -> Option<(&crate::model::Observable, &[crate::model::Observable])> {
    match &received.meaning {
        Meaning::Indicator { observable, inside, .. } if received.verdict == Verdict::Accepted => Some((observable, inside)),
        _ => None,
    }
}

pub(super) fn head_of(log: Option<&Log>) -> Head {
    log.map(|log| log.row.head).unwrap_or_default()
}

/// Refused unless a batch begins where the log ends, and each of its entries has a header.
pub(super) fn follows<'h>(head: Head, batch: &Batch, mut headers: impl ExactSizeIterator<Item = &'h Header>) -> Result<(), Refused> {
    let whole = headers.len() == batch.entries.len();
    let first = headers.next().filter(|_| whole);
    let fits = first.is_some_and(|first| first.prev == head.hash && first.seq == batch.first) && batch.first == head.size + 1;
    if fits { Ok(()) } else { Err(Refused::HeadMoved) }
}

fn filled(verdict: Verdict) -> Outcome {
    Outcome::Received { verdicts: vec![verdict], taken_back: Vec::new() }
}
