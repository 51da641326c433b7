//! The one function that applies a change.
//!
//! Each change is checked before anything of it is written, so a refused one leaves nothing; and each is idempotent by what it
//! names (positions, ids, digests), because a commit that failed may have reached the disk.

mod hold;
mod index;
mod log;
mod notice;
mod posted;
mod profile;
mod publish;
mod referral;
mod release;
mod runs;
mod sealing;
mod sighting;
mod small;
mod take_back;
mod tally;
mod user;

use super::change::{Change, Outcome};
use super::codec::{Reader, Row, Writer};
use super::disk::Options;
use super::error::{Damaged, Fault};
use super::find;
use super::rows::{EventRow, FamilyRow, HistoryRow, LogRow};
use super::tables::Tables;
use crate::model::log::{Audience, LogKey};
use crate::model::{Label, LogId, OrgId, RecordId, Timestamp};
use redb::{ReadableTable, WriteTransaction};
use std::collections::BTreeMap;

pub(super) type Applied<T> = Result<T, Fault>;

/// The incarnation that a waiting record's provenance stands at: after every real one.
pub(super) const WAITING: u64 = u64::MAX;

/// The last number given out of each sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counters {
    pub(super) log: u32,
    pub(super) family: u32,
    pub(super) observable: u64,
    pub(super) body: u64,
    pub(super) waiting: u64,
    pub(super) event: u64,
    pub(super) suspicious: u64,
    pub(super) disclosure: u64,
    /// The incarnation of our logs.
    pub(super) incarnation: u64,
    /// The time of the last event, below which no later one falls.
    pub(super) event_at: Timestamp,
}

impl Default for Counters {
    fn default() -> Self {
        let (log, family, observable, body, waiting, event, suspicious, disclosure) = (0, 0, 0, 0, 0, 0, 0, 0);
        let event_at = Timestamp(0);
        Self { log, family, observable, body, waiting, event, suspicious, disclosure, incarnation: 1, event_at }
    }
}

impl Row for Counters {
    fn encode(&self) -> Vec<u8> {
        let row = Writer::default().u32(self.log).u32(self.family).u64(self.observable).u64(self.body).u64(self.waiting);
        row.u64(self.event).u64(self.suspicious).u64(self.disclosure).u64(self.incarnation).time(self.event_at).done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let (log, family) = (row.u32()?, row.u32()?);
        let (observable, body, waiting) = (row.u64()?, row.u64()?, row.u64()?);
        let (event, suspicious, disclosure) = (row.u64()?, row.u64()?, row.u64()?);
        let (incarnation, event_at) = (row.u64()?, row.time()?);
        row.end(Self { log, family, observable, body, waiting, event, suspicious, disclosure, incarnation, event_at })
    }
}

/// A log and its number.
#[derive(Debug, Clone)]
pub(super) struct Log {
    pub(super) no: u32,
    pub(super) id: LogId,
    pub(super) row: LogRow,
}

/// A write transaction with every table open.
pub(super) struct Tx<'t> {
    pub(super) t: Tables<'t>,
    pub(super) us: OrgId,
    pub(super) counters: Counters,
    /// How many positions of entries that have not come one author may take back.
    pub(super) ahead_max: u64,
    /// How many exports are remembered, the newest.
    pub(super) exports_max: u64,
    /// How many referrals of one origin may be open at a time.
    pub(super) referrals_max: u64,
    /// How many records of an author stand on the board, once that was looked up.
    posted: BTreeMap<OrgId, usize>,
    before: Counters,
    runs: runs::Runs,
    tally: tally::Tally,
}

impl<'t> Tx<'t> {
    /// Opens the tables and reads the counters.
    pub(super) fn open(transaction: &'t WriteTransaction, options: &Options) -> Applied<Self> {
        let t = Tables::open(transaction)?;
        let counters: Counters = find::row::<_, _, Fault>(&t.meta, "meta", "counters")?.unwrap_or_default();
        let (posted, runs, tally) = (BTreeMap::new(), runs::Runs::default(), tally::Tally::default());
        let Options { us, ahead_max, exports_max, referrals_max, .. } = *options;
        Ok(Self { t, us, ahead_max, exports_max, referrals_max, posted, before: counters.clone(), counters, runs, tally })
    }

    /// Writes the counters and what was counted, and closes the tables. To be called before the commit.
    pub(super) fn close(mut self) -> Applied<()> {
        self.write_tally()?;
        if self.counters != self.before {
            self.t.meta.insert("counters", self.counters.encode().as_slice())?;
        }
        Ok(())
    }

    /// Applies one change.
    pub(super) fn apply(&mut self, change: &Change) -> Applied<Outcome> {
        let outcome = self.decide(change)?;
        self.flush()?;
        Ok(outcome)
    }

    fn decide(&mut self, change: &Change) -> Applied<Outcome> {
        match change {
            Change::Release { audience, items, disclosures, at } => self.release(audience, items, disclosures, *at),
            Change::Append { log, batch, headers, waiting } => self.append(log, batch, headers, waiting),
            Change::Publish { log, batches, items, disclosures, at } => self.publish(log, batches, items, disclosures, *at),
            Change::Hold { id, row, part, new } => self.hold(id, row, part.as_ref(), *new),
            Change::Unhold(id) => self.unhold(id),
            Change::LetGo { id, part } => self.let_go(id, *part),
            Change::Receive { log, author_key, batch, entries, at } => self.receive(log, author_key, batch, entries, *at),
            Change::Owe { log, first, owed } => self.owe(log, *first, *owed),
            Change::StartAt { log, author_key, checkpoint } => self.start_at(log, author_key, checkpoint),
            Change::TakeBack { log, seqs, mode, reason, at, bars } => {
                self.take_back(log, None, seqs, (*mode, reason, *bars), *at).map(|taken| Outcome::TakenBack(taken.outcomes))
            }
            Change::Unqueue { records, recalled, only, at } => self.unqueue(records, *recalled, *only, *at),
            Change::Dequeue { audience, waiting, at } => self.dequeue(audience, waiting, *at),
            Change::Acked { peer, log, through, verdicts, at } => self.acked(peer, log, *through, verdicts, *at),
            Change::Receipt { holder, log, outcomes, at } => self.receipt(holder, log, outcomes, *at),
            Change::Destroy { log, seqs, reason, at } => self.destroy_all(log, seqs, *reason, *at),
            Change::Sighted(rows) => self.sighted(rows),
            Change::Fill { log, seq, salt, body, received, at } => self.fill(log, *seq, salt, body, received, *at),
            Change::PutPeer(row) => self.put_peer(row),
            Change::PutCard { org, card } => self.put_card(org, card),
            Change::Recall { id, row } => self.recall(id, row),
            Change::RecallTold { peer, recall, at } => self.recall_told(peer, recall, *at),
            Change::RecallsUntold(peer) => self.recalls_untold(peer),
            Change::PutRoster { group, roster } => self.put_roster(group, roster.as_ref()),
            Change::Exported(row) => self.exported(row),
            Change::Consent { group, consent } => self.consent(group, *consent),
            Change::PutGroup(row) => self.put_group(row),
            Change::Evidence { log, proof, at } => self.evidence(log, proof, *at),
            Change::Suspicious { peer, what, bytes, at } => self.suspicious(peer, what, bytes, *at),
            Change::Incarnation(incarnation) => self.incarnation(*incarnation),
            Change::User { change, wrapped, gone } => self.user(change, wrapped.as_deref(), gone.as_ref()),
            Change::Keep { shelf, id, row } => self.keep(*shelf, id, row.as_deref()),
            Change::MarkReferral { id, mark } => self.mark_referral(id, *mark),
            Change::Notice(change) => self.notice(change),
            Change::Sealing(change) => self.sealing(change),
            Change::Put(name, value) => self.put(name, value.as_deref()),
        }
    }

    /// A log by its id.
    pub(super) fn log(&self, id: &LogId) -> Applied<Option<Log>> {
        let Some(no) = self.t.log_numbers.get(&id.0)?.map(|no| no.value()) else { return Ok(None) };
        let row = find::row::<LogRow, _, Fault>(&self.t.logs, "logs", no)?;
        let row = row.ok_or_else(|| Damaged { table: "logs", key: no.to_string() })?;
        Ok(Some(Log { no, id: *id, row }))
    }

    pub(super) fn put_log(&mut self, log: &Log) -> Applied<()> {
        self.t.logs.insert(log.no, log.row.encode().as_slice())?;
        Ok(())
    }

    /// A log, made with a number of its own where it is not there yet.
    pub(super) fn known_or_new(&mut self, known: Option<Log>, key: &LogKey, author_key: &[u8; 32]) -> Applied<Log> {
        if let Some(log) = known {
            return Ok(log);
        }
        let family = self.family(&key.author, &key.audience)?;
        self.counters.log += 1;
        let (no, id) = (self.counters.log, key.id());
        self.t.log_numbers.insert(&id.0, no)?;
        self.t.family_logs.insert((family, key.incarnation), no)?;
        let closed = key.author == self.us && key.incarnation < self.counters.incarnation;
        let state = if closed { super::rows::LogState::Closed } else { super::rows::LogState::Open };
        let row = LogRow { key: *key, family, head: Default::default(), author_key: *author_key, state, start: None };
        Ok(Log { no, id, row })
    }

    /// The number of an author's logs to an audience, made where there is none.
    pub(super) fn family(&mut self, author: &OrgId, audience: &Audience) -> Applied<u32> {
        if let Some(no) = self.known_family(author, audience)? {
            return Ok(no);
        }
        let key = FamilyRow { author: *author, audience: *audience }.key();
        self.counters.family += 1;
        self.t.family_numbers.insert(&key, self.counters.family)?;
        self.t.families.insert(self.counters.family, key.as_slice())?;
        Ok(self.counters.family)
    }

    /// The number of an author's logs to an audience, if there is one.
    pub(super) fn known_family(&self, author: &OrgId, audience: &Audience) -> Applied<Option<u32>> {
        find::family(&self.t.family_numbers, *author, *audience)
    }

    pub(super) fn family_row(&self, no: u32) -> Applied<FamilyRow> {
        let row = find::row::<FamilyRow, _, Fault>(&self.t.families, "families", no)?;
        row.ok_or_else(|| Damaged { table: "families", key: no.to_string() }.into())
    }

    /// Notes that a record came, changed or went, for those who may see this label.
    pub(super) fn event(&mut self, record: &RecordId, label: Label, at: Timestamp) -> Applied<()> {
        self.counters.event += 1;
        self.counters.event_at = self.counters.event_at.max(at);
        let row = EventRow { at: self.counters.event_at, record: *record, label };
        self.later_event(self.counters.event, &row);
        Ok(())
    }

    /// Notes that a record changed under a label. `first` is when it came under that label; where it has just come and was not here before there is
    /// none, and no history.
    pub(super) fn changed(
        &mut self,
        record: &RecordId,
        label: Label,
        first: Option<Timestamp>,
        at: Timestamp,
        recalled: bool,
    ) -> Applied<()> {
        self.event(record, label, at)?;
        let before = find::row::<HistoryRow, _, Fault>(&self.t.histories, "histories", &record.0)?;
        let first = first.or(before.as_ref().and_then(|row| row.first(label)));
        if let Some(first) = first {
            let row = before.unwrap_or_default().changed(label, first, at, recalled);
            self.t.histories.insert(&record.0, row.encode().as_slice())?;
        }
        Ok(())
    }

    /// Counts bodies of a kind other than indicators, which their record ids count.
    pub(super) fn count(&mut self, kind: u8, by: i64) -> Applied<()> {
        if kind == crate::model::RecordKind::Indicator.number() {
            return Ok(());
        }
        let now = self.t.counts.get(kind)?.map_or(0, |count| count.value());
        self.t.counts.insert(kind, now.saturating_add_signed(by))?;
        Ok(())
    }
}
