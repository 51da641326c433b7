//! What goes: withdrawn, recalled, destroyed when its retention has passed, or never sent.

use super::index::{Place, first_of};
use super::{Applied, Log, Tx, WAITING};
use crate::model::log::{AbsentReason, Audience};
use crate::model::record::{ReceiptOutcome, WithdrawalMode, is_false_positive};
use crate::model::{LogId, OrgId, RecordId, RecordKind, Timestamp};
use crate::rules::statistics::Event;
use crate::store::change::Outcome;
use crate::store::codec::{Row, audience_bytes};
use crate::store::error::Fault;
use crate::store::find;
use crate::store::rows::{EntryRow, ProvenanceState, TakenBackRow, TombstoneRow, WaitingRow};
use redb::ReadableTable;
use std::ops::RangeInclusive;

/// What became of positions that were taken back.
pub(super) struct Taken {
    /// Position and outcome.
    pub(super) outcomes: Vec<(u64, ReceiptOutcome)>,
    /// Whether some, of entries that have not come, are not remembered: their author has taken back too many of those.
    pub(super) beyond: bool,
    /// Whether some are of a kind that stands on the board.
    pub(super) posted: bool,
}

/// Who takes back which log's entries, and how.
struct TakeBack<'a> {
    id: &'a LogId,
    log: Option<&'a Log>,
    /// Whose rows are counted; nobody's where it is us.
    author: Option<OrgId>,
    by: [u8; 32],
    mode: WithdrawalMode,
    reason: &'a str,
    at: Timestamp,
    /// Whether what is recalled of our own may not be shared again.
    bars: bool,
}

impl Tx<'_> {
    /// Takes positions back. With an author (whose word was not checked against the log), only in a log of that author.
    pub(super) fn take_back(
        &mut self,
        id: &LogId,
        author: Option<&OrgId>,
        seqs: &[u64],
        (mode, reason, bars): (WithdrawalMode, &str, bool),
        at: Timestamp,
    ) -> Applied<Taken> {
        let log = self.log(id)?;
        let mut taken = Taken { outcomes: Vec::with_capacity(seqs.len()), beyond: false, posted: false };
        if let (Some(log), Some(author)) = (&log, author)
            && log.row.key.author != *author
        {
            return Ok(taken);
        }
        let by = if log.is_some() { [0; 32] } else { author.map_or([0; 32], |author| author.0) };
        let author = log.as_ref().map(|log| log.row.key.author).or(author.copied()).filter(|author| *author != self.us);
        let take = TakeBack { id, log: log.as_ref(), author, by, mode, reason, at, bars };
        for seq in seqs {
            let outcome = self.take_back_one(&take, *seq, &mut taken.posted)?;
            taken.beyond |= outcome.is_none();
            taken.outcomes.push((*seq, outcome.unwrap_or(ReceiptOutcome::Absent)));
        }
        Ok(taken)
    }

    /// `None` where the entry has not come and its author has taken back as many of those as are remembered.
    fn take_back_one(&mut self, take: &TakeBack<'_>, seq: u64, posted: &mut bool) -> Applied<Option<ReceiptOutcome>> {
        let TakeBack { id, log, author, by, mode, reason, at, bars: _ } = *take;
        let before: Option<TakenBackRow> = find::row::<_, _, Fault>(&self.t.taken_back, "taken_back", (&id.0, seq, &by))?;
        if let Some(before) = before.as_ref().filter(|before| before.mode == WithdrawalMode::Recall) {
            return Ok(Some(before.outcome));
        }
        let entry: Option<EntryRow> = match log {
            Some(log) => find::row::<_, _, Fault>(&self.t.entries, "entries", (log.no, seq))?,
            None => None,
        };
        *posted |= entry.as_ref().and_then(|entry| RecordKind::from_number(entry.kind)).is_some_and(RecordKind::is_posted);
        let outcome = match (log, &entry) {
            (Some(log), Some(entry)) => self.take_back_held(log, seq, entry, take)?,
            // What comes before the start of a log for us never comes, so there is nothing to remember.
            (Some(log), None) if log.row.start.as_ref().is_some_and(|start| seq <= start.head.size) => {
                return Ok(Some(ReceiptOutcome::Absent));
            }
            _ if before.is_none() && !self.remember_ahead(author)? => return Ok(None),
            _ => ReceiptOutcome::Absent,
        };
        if before.is_none_or(|before| before.mode != mode || before.outcome != outcome) {
            let row = TakenBackRow { mode, outcome, at, reason: reason.to_owned() };
            self.t.taken_back.insert((&id.0, seq, &by), row.encode().as_slice())?;
        }
        Ok(Some(outcome))
    }

    /// Counts one more position of an entry that has not come, unless its author has too many of those.
    fn remember_ahead(&mut self, author: Option<OrgId>) -> Applied<bool> {
        let Some(author) = author else { return Ok(true) };
        let count = self.t.ahead.get(&author.0)?.map_or(0, |count| count.value());
        if count >= self.ahead_max {
            return Ok(false);
        }
        self.t.ahead.insert(&author.0, count + 1)?;
        Ok(true)
    }

    /// Entries have come: what was taken back of them before is not ahead of them any more.
    pub(super) fn have_come(&mut self, log: &Log, seqs: RangeInclusive<u64>) -> Applied<()> {
        let mut count = 0;
        for row in self.t.taken_back.range(rows_about(log, &seqs))? {
            count += u64::from(is_counted(log, row?.0.value().2));
        }
        self.are_not_ahead(log, count)
    }

    /// Entries before the start of a log never come: nothing is remembered of them.
    pub(super) fn never_come(&mut self, log: &Log, seqs: RangeInclusive<u64>) -> Applied<()> {
        let mut count = 0;
        self.t.taken_back.retain_in(rows_about(log, &seqs), |(_, _, by), _| {
            let gone = is_counted(log, by);
            count += u64::from(gone);
            !gone
        })?;
        self.are_not_ahead(log, count)
    }

    fn are_not_ahead(&mut self, log: &Log, count: u64) -> Applied<()> {
        let author = log.row.key.author;
        let before = self.t.ahead.get(&author.0)?.map_or(0, |count| count.value());
        if count > 0 && before > 0 {
            self.t.ahead.insert(&author.0, before.saturating_sub(count))?;
        }
        Ok(())
    }

    fn take_back_held(&mut self, log: &Log, seq: u64, row: &EntryRow, take: &TakeBack<'_>) -> Applied<ReceiptOutcome> {
        let TakeBack { mode, at, bars, .. } = *take;
        self.bury(log, seq, row, TombstoneRow { mode, at, bars })?;
        if mode == WithdrawalMode::Recall {
            let was_there = self.destroy(log, seq, AbsentReason::Recalled, at)?;
            return Ok(if was_there { ReceiptOutcome::Destroyed } else { ReceiptOutcome::Absent });
        }
        self.revoke(log, seq, row, (take.reason, at))?;
        Ok(if row.body.is_ok() { ReceiptOutcome::Revoked } else { ReceiptOutcome::Absent })
    }

    /// Remembers a record of ours by its id, which tells nothing of the value.
    fn bury(&mut self, log: &Log, seq: u64, row: &EntryRow, tombstone: TombstoneRow) -> Applied<()> {
        let Some(provenance) = self.provenance(&place(log, seq, row))?.filter(|_| log.row.key.author == self.us) else { return Ok(()) };
        let key = (&provenance.record.0, log.no, seq);
        let before: Option<TombstoneRow> = find::row::<_, _, Fault>(&self.t.tombstones, "tombstones", key)?;
        if before.is_none_or(|before| (before.mode, before.bars) != (tombstone.mode, tombstone.bars)) {
            self.t.tombstones.insert(key, tombstone.encode().as_slice())?;
        }
        Ok(())
    }

    fn revoke(&mut self, log: &Log, seq: u64, row: &EntryRow, (reason, at): (&str, Timestamp)) -> Applied<()> {
        let place = place(log, seq, row);
        let Some(provenance) = self.provenance(&place)?.filter(|row| row.state == ProvenanceState::Live) else { return Ok(()) };
        self.set_state(&place, &provenance, ProvenanceState::Revoked)?;
        let said = self.said_by_all(place.observable)?;
        // Told to several audiences, it is counted with the last of them.
        let holds = said.iter().any(|(_, other)| other.record == provenance.record && other.state == ProvenanceState::Live);
        if !holds && is_false_positive(reason) {
            self.tally(place.family, Event::IndicatorFalse, at)?;
        }
        let first = first_of(&said, &provenance.record, provenance.label);
        self.changed(&provenance.record, provenance.label, first, at, false)
    }

    /// Retention dates have passed, or an operator's word.
    pub(super) fn destroy_all(&mut self, id: &LogId, seqs: &[u64], reason: AbsentReason, at: Timestamp) -> Applied<Outcome> {
        if let Some(log) = self.log(id)? {
            for seq in seqs {
                self.destroy(&log, *seq, reason, at)?;
            }
        }
        Ok(Outcome::Done)
    }

    /// Destroys a body, and whatever of its value stands in an index. Says whether it was there.
    fn destroy(&mut self, log: &Log, seq: u64, reason: AbsentReason, at: Timestamp) -> Applied<bool> {
        let key = (log.no, seq);
        let Some(mut row) = find::row::<EntryRow, _, Fault>(&self.t.entries, "entries", key)? else { return Ok(false) };
        let was_there = row.body.is_ok();
        if let Ok(body) = row.body {
            self.give_up_seed(log.no, seq)?;
            self.t.salts.remove(key)?;
            self.destroy_body(body)?;
            self.forget(&place(log, seq, &row), at, reason == AbsentReason::Recalled)?;
            self.t.quarantine.remove(key)?;
            self.count(row.kind, -1)?;
            self.unpost(log, seq, row.kind)?;
        }
        if was_there || reason == AbsentReason::Recalled {
            self.t.absent.remove(key)?;
            (row.body, row.observable) = (Err(reason), 0);
            self.t.entries.insert(key, row.encode().as_slice())?;
        }
        Ok(was_there)
    }

    /// Waiting records of ours never leave.
    pub(super) fn unqueue(&mut self, records: &[RecordId], recalled: bool, only: Option<Audience>, at: Timestamp) -> Applied<Outcome> {
        let only = only.map(|audience| self.known_family(&self.us, &audience)).transpose()?;
        for record in records {
            let observable = self.t.records.get(&record.0)?.map(|no| no.value());
            let said = observable.map_or(Ok(Vec::new()), |observable| self.said_by_all(observable))?;
            for (place, _) in said.iter().filter(|(place, row)| {
                place.incarnation == WAITING && row.record == *record && only.is_none_or(|family| family == Some(place.family))
            }) {
                self.unqueue_one(place, at, recalled)?;
            }
            if recalled {
                let row = TombstoneRow { mode: WithdrawalMode::Recall, at, bars: true };
                self.t.tombstones.insert((&record.0, 0, 0), row.encode().as_slice())?;
            }
        }
        Ok(Outcome::Done)
    }

    /// Waiting items that have left already do not leave again.
    pub(super) fn dequeue(&mut self, audience: &Audience, waiting: &[u64], at: Timestamp) -> Applied<Outcome> {
        let Some(family) = self.known_family(&self.us, audience)? else { return Ok(Outcome::Done) };
        for n in waiting {
            let key = (&audience_bytes(audience), *n);
            let Some(row) = find::row::<WaitingRow, _, Fault>(&self.t.waiting, "waiting", key)? else { continue };
            if row.observable != 0 {
                self.unqueue_one(&Place { observable: row.observable, family, incarnation: WAITING, seq: *n }, at, false)?;
            } else {
                self.t.waiting.remove(key)?;
                self.destroy_body(row.body)?;
                self.count(row.kind, -1)?;
            }
        }
        Ok(Outcome::Done)
    }

    fn unqueue_one(&mut self, place: &Place, at: Timestamp, recalled: bool) -> Applied<()> {
        let audience = audience_bytes(&self.family_row(place.family)?.audience);
        let waiting = self.t.waiting.remove((&audience, place.seq))?.map(|row| row.value().to_vec());
        if let Some(waiting) = waiting {
            let row: WaitingRow = find::decoded("waiting", &place.seq, &waiting)?;
            self.destroy_body(row.body)?;
        }
        self.forget(place, at, recalled)?;
        self.restore_last(place, at)
    }

    /// What the audience was told last holds again, now that nothing newer will reach it.
    fn restore_last(&mut self, gone: &Place, at: Timestamp) -> Applied<()> {
        let Some((place, row)) = self.said(gone.observable, gone.family)?.pop() else { return Ok(()) };
        let taken_back = match self.t.family_logs.get((place.family, place.incarnation))?.map(|no| no.value()) {
            Some(no) => self.is_taken_back(no, place.seq)?,
            None => false,
        };
        let state = if taken_back { ProvenanceState::Revoked } else { ProvenanceState::Live };
        if row.state == state {
            return Ok(());
        }
        self.set_state(&place, &row, state)?;
        let first = first_of(&self.said_by_all(place.observable)?, &row.record, row.label);
        self.changed(&row.record, row.label, first, at, false)
    }

    fn is_taken_back(&self, no: u32, seq: u64) -> Applied<bool> {
        let Some(row) = find::row::<crate::store::rows::LogRow, _, Fault>(&self.t.logs, "logs", no)? else { return Ok(false) };
        Ok(find::taken_back::<Fault>(&self.t.taken_back, &row.key.id().0, seq, &row.key.author)?.is_some())
    }
}

/// The rows of `taken_back` about positions of a log.
fn rows_about<'l>(log: &'l Log, seqs: &RangeInclusive<u64>) -> RangeInclusive<(&'l [u8; 32], u64, &'static [u8; 32])> {
    (&log.id.0, *seqs.start(), &[0; 32])..=(&log.id.0, *seqs.end(), &[255; 32])
}

/// Whether a row is counted for the log's author: another that said so while the log was unknown has a count of its own.
fn is_counted(log: &Log, by: &[u8; 32]) -> bool {
    *by == [0; 32] || *by == log.row.key.author.0
}

fn place(log: &Log, seq: u64, row: &EntryRow) -> Place {
    Place { observable: row.observable, family: log.row.family, incarnation: log.row.key.incarnation, seq }
}
