//! What a session may send: decided anew at each send, catch-up and relay included.

use std::collections::BTreeMap;

use super::{Node, NodeError};
use crate::link::convert::{SaltedBody, decode_record};
use crate::model::group::Definition;
use crate::model::log::{AbsentReason, Audience, Batch, Body, Checkpoint, Entry, LogKey};
use crate::model::{LogId, OrgId, Record, RecordKind, Timestamp, Tlp};
use crate::rules::label::{Held, Outbound, Way, outbound, outbound_entry, outbound_start};
use crate::rules::policy::Allowance;
use crate::rules::referral::is_too_late;
use crate::store::Snapshot;
use crate::store::change::{Change, Meaning, Received, Verdict};

/// What comes next in a log for a reader.
#[derive(Debug)]
pub enum Next {
    /// The reader has it all, or may not have it.
    Nothing,
    /// The batch that holds the position.
    Batch(LogKey, Outbound<Batch>),
    /// The log starts here for this reader: the group gives new members no history.
    Start(LogKey, Outbound<Checkpoint>),
}

/// What the rules look at of a log's way to a reader, as the store has it.
pub(super) struct Path {
    log: LogKey,
    us: OrgId,
    reader: OrgId,
    group: Option<Definition>,
    joined: u64,
    allowance: Allowance,
    now: Timestamp,
}

impl Path {
    pub(super) const fn way(&self) -> Way<'_> {
        let Self { log, us, reader, group, joined, allowance, now } = self;
        Way { log, us, reader, group: group.as_ref(), joined: *joined, allowance: *allowance, now: *now }
    }
}

impl Node {
    /// The way of a log to a reader.
    pub(super) fn path(&self, snapshot: &Snapshot, log: &LogKey, reader: &OrgId) -> Result<Path, NodeError> {
        let group = match log.audience {
            Audience::Group(group) => self.definition(snapshot, &group)?,
            Audience::Direct(_) => None,
        };
        let joined = self.joined(snapshot, reader, log, group.as_ref())?;
        let now = self.clock.now();
        let allowance = self.in_force()?.policy.allowance_in(&log.audience, reader, now);
        Ok(Path { log: *log, us: self.org(), reader: *reader, group, joined, allowance, now })
    }

    /// What comes next for a reader that asks from a position on. However it asks, a reader that joined a group without history gets
    /// nothing of what came before.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn next_for(&self, peer: &OrgId, log: &LogId, from: u64) -> Result<Next, NodeError> {
        let snapshot = self.store.snapshot()?;
        let Some(row) = snapshot.log(log)?.filter(|row| from <= row.head.size) else { return Ok(Next::Nothing) };
        // A restored node gives nobody but its author what may have been recalled since; the reader waits, and is woken.
        if row.key.author != *peer && self.holds_back(&snapshot)? {
            return Ok(Next::Nothing);
        }
        let path = self.path(&snapshot, &row.key, peer)?;
        if path.joined > 0
            && let Some(start) = snapshot.start_before(log, from, path.joined)?
        {
            let start = Held(self.believed(&row.key, start));
            return Ok(outbound_start(start, &path.way()).map_or(Next::Nothing, |start| Next::Start(row.key, start)));
        }
        let Some(Held(mut batch)) = snapshot.batch_at(log, from.max(row.start + 1))? else { return Ok(Next::Nothing) };
        batch.checkpoint = self.believed(&row.key, batch.checkpoint);
        let batch = self.without_what_is_late(&snapshot, &row.key, batch)?;
        Ok(outbound(Held(batch), &path.way()).map_or(Next::Nothing, |batch| Next::Batch(row.key, batch)))
    }

    /// Bodies that a reader lacks, as many as fit `budget` bytes.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn bodies_for(&self, peer: &OrgId, log: &LogId, seqs: &[u64], budget: usize) -> Result<Vec<Outbound<Entry>>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let Some(row) = snapshot.log(log)? else { return Ok(Vec::new()) };
        if row.key.author != *peer && self.holds_back(&snapshot)? {
            return Ok(Vec::new());
        }
        let path = self.path(&snapshot, &row.key, peer)?;
        let mut bodies = Vec::new();
        let mut total = 0;
        for seq in seqs {
            let Some((held, _)) = snapshot.entry(log, *seq)? else { continue };
            let Some(signed_under) = snapshot.signed_under(log, *seq)? else { continue };
            if self.is_late(&snapshot, &row.key, held.0.header.kind, &held.0.body)? {
                continue;
            }
            let Ok(entry) = outbound_entry(held, signed_under, &path.way()) else { continue };
            let Body::Present(body) = &entry.get().body else { continue };
            total += body.len() + 64;
            if total > budget {
                break;
            }
            bodies.push(entry);
        }
        Ok(bodies)
    }

    /// A batch of ours, without what was said of a case under a consent that has ended since, or in an offer that has.
    fn without_what_is_late(&self, snapshot: &Snapshot, log: &LogKey, batch: Batch) -> Result<Batch, NodeError> {
        let mut late = Vec::new();
        for (entry, seq) in batch.entries.iter().zip(batch.first..) {
            if self.is_late(snapshot, log, entry.kind, &entry.body)? {
                late.push(seq);
            }
        }
        Ok(if late.is_empty() { batch } else { batch.without(|seq| late.contains(&seq).then_some(AbsentReason::Withheld)) })
    }

    fn is_late(&self, snapshot: &Snapshot, log: &LogKey, kind: u8, body: &Body) -> Result<bool, NodeError> {
        let (Audience::Direct(to), Body::Present(body)) = (log.audience, body) else { return Ok(false) };
        if kind != RecordKind::Referral.number() || log.author != self.org() {
            return Ok(false);
        }
        let Ok(Record::Referral(message)) = decode_record(RecordKind::Referral, body) else { return Ok(false) };
        let permit = self.permit(snapshot, &message.referral)?;
        Ok(is_too_late(permit.permission().as_ref(), &message.words, &to, self.clock.now()))
    }

    /// Positions of a peer's own logs whose bodies we lack and may ask it for: behind those asked for in each log before, at most
    /// `limit` of each.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn lacking(&self, peer: &OrgId, asked: &BTreeMap<LogId, u64>, limit: usize) -> Result<Vec<(LogId, Vec<u64>)>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let mut lacking = Vec::new();
        for row in snapshot.logs()? {
            if row.key.author == *peer && self.is_for_us(&snapshot, &row.key)? {
                let before = asked.get(&row.id).copied().unwrap_or_default();
                let absent = snapshot.absent(&row.id, usize::MAX)?.into_iter();
                let may_come = absent.filter(|(seq, reason)| *seq > before && may_come_later(*reason));
                let seqs: Vec<u64> = may_come.map(|(seq, _)| seq).take(limit).collect();
                if !seqs.is_empty() {
                    lacking.push((row.key.id(), seqs));
                }
            }
        }
        Ok(lacking)
    }

    /// Whether we still belong to a log's audience. A head that was restored may have forgotten that it removed us; we have not.
    fn is_for_us(&self, snapshot: &Snapshot, log: &LogKey) -> Result<bool, NodeError> {
        match log.audience {
            Audience::Direct(_) => Ok(true),
            Audience::Group(group) => Ok(self.definition(snapshot, &group)?.is_some_and(|definition| definition.has(&self.org()))),
        }
    }

    /// Takes bodies that were asked for; those that do not fit their header are dropped.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn fill(&self, peer: &OrgId, log: &LogId, items: Vec<SaltedBody>) -> Result<(), NodeError> {
        let snapshot = self.store.snapshot()?;
        let Some(row) = snapshot.log(log)? else { return Ok(()) };
        for (seq, salt, body) in items {
            let Some(header) = snapshot.header(log, seq)? else { continue };
            let red_in_group = header.label.tlp() == Tlp::Red && matches!(row.key.audience, Audience::Group(_));
            let asked_for = snapshot.absent_reason(log, seq)?.is_some_and(may_come_later) && row.key.author == *peer;
            if red_in_group || !asked_for || crate::model::log::body_hash(&salt, &body) != header.body_hash {
                continue;
            }
            let received = match self.understand_body(&row.key, header.kind, &body) {
                Ok(meaning) => {
                    let meaning = self.only_to_a_newer_key(&row.key.author, row.author_key, meaning);
                    Received { header, verdict: Verdict::Accepted, problem: None, meaning }
                }
                Err((verdict, problem)) => Received { header, verdict, problem: Some(problem.to_owned()), meaning: Meaning::None },
            };
            self.commit(Change::Fill { log: *log, seq, salt, body, received, at: self.clock.now() }).await?;
        }
        self.touch();
        Ok(())
    }

    /// A peer has entries durably.
    ///
    /// # Errors
    /// When the store takes no changes.
    pub async fn acked(&self, peer: OrgId, log: LogId, through: u64, verdicts: Vec<(u64, u8)>) -> Result<(), NodeError> {
        self.commit(Change::Acked { peer, log, through, verdicts, at: self.clock.now() }).await?;
        Ok(())
    }
}

impl Node {
    /// A peer asks for a log of ours from here on: it holds what comes before, perhaps from a relay, and has never told us.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn asked_from(&self, peer: OrgId, log: LogId, from: u64) -> Result<(), NodeError> {
        let snapshot = self.store.snapshot()?;
        let Some(row) = snapshot.log(&log)?.filter(|row| row.key.author == self.org()) else { return Ok(()) };
        let through = from.saturating_sub(1);
        let news = !snapshot.acks(&log)?.into_iter().any(|ack| ack.peer == peer && ack.through >= through);
        if news && (1..=row.head.size).contains(&through) {
            self.acked(peer, log, through, Vec::new()).await?;
        }
        Ok(())
    }
}

const fn may_come_later(reason: AbsentReason) -> bool {
    matches!(reason, AbsentReason::Withheld | AbsentReason::NeverHeld)
}
