//! A hidden group's owner passes on what its members send: under its own name, since nobody learns of another member.

use std::ops::Range;

use super::share::disclosures;
use super::{Node, NodeError};
use crate::link::convert::decode_record;
use crate::model::group::Visibility;
use crate::model::log::{Audience, Body, Entry, LogKey};
use crate::model::record::Withdrawal;
use crate::model::{GroupId, Indicator, LogId, Observable, OrgId, Record, RecordId, RecordKind};
use crate::rules::label::Held;
use crate::rules::release::Draft;
use crate::store::change::{Change, Outcome, ReleaseItem, TakenBack};
use crate::store::{Provenance, Snapshot};

/// What is to be taken back from a hidden group after one of its members took it back.
#[derive(Debug)]
pub struct Follow {
    audience: Audience,
    withdrawal: Withdrawal,
    observables: Vec<Observable>,
}

/// The source of what a hidden group's owner passes on.
const PASSED_ON: &str = "a member of this group";
/// Batches of a log that may be durable while what follows from them is not done: as many as a session lets wait for the disk, and the
/// one that it is at.
const UNFINISHED_MAX: usize = 9;

impl Node {
    /// Whether we are the one through whom a hidden group's members speak.
    pub(super) fn heads_hidden_group(&self, group: &GroupId) -> Result<bool, NodeError> {
        let snapshot = self.store.snapshot()?;
        let definition = self.definition(&snapshot, group)?;
        Ok(definition.is_some_and(|definition| definition.visibility == Visibility::Hidden && definition.signer == self.org()))
    }

    /// Releases anew what a member of a hidden group of ours has sent, and notes in the same commit that all that follows from these
    /// positions is done. In other logs it is noted alone, where anything followed.
    pub(super) async fn pass_on_or_note(&self, log: &LogKey, seqs: Range<u64>, followed: bool) -> Result<(), NodeError> {
        let heads = match log.audience {
            Audience::Group(group) => log.author != self.org() && self.heads_hidden_group(&group)?,
            Audience::Direct(_) => false,
        };
        if !heads && !followed {
            return Ok(());
        }
        let at = self.clock.now();
        let done = Change::Acked { peer: self.org(), log: log.id(), through: seqs.end.saturating_sub(1), verdicts: Vec::new(), at };
        let items = if heads { self.passed_on(log, seqs)? } else { Vec::new() };
        if items.is_empty() {
            return self.commit(done).await.map(|_| ());
        }
        let disclosures = disclosures(log.audience, &items, at, true);
        let release = Change::Release { audience: log.audience, items, disclosures, at };
        self.store.commit_many(vec![release, done]).await?;
        self.position(log.audience).await
    }

    /// What we release of a member's entries.
    fn passed_on(&self, log: &LogKey, seqs: Range<u64>) -> Result<Vec<ReleaseItem>, NodeError> {
        let door = self.door(log.audience)?;
        let snapshot = self.store.snapshot()?;
        let mut items = Vec::new();
        for seq in seqs {
            // What was taken back in the same breath was never passed on.
            if snapshot.taken_back(&log.id(), seq)?.is_some() {
                continue;
            }
            let Some((Held(entry), _)) = snapshot.entry(&log.id(), seq)? else { continue };
            let Body::Present(body) = &entry.body else { continue };
            let Some(kind) = RecordKind::from_number(entry.header.kind) else { continue };
            let Ok(Record::Indicator(indicator)) = decode_record(kind, body) else { continue };
            // Marked, so that what we say ourselves is never taken back on a member's word.
            let record = Record::Indicator(Indicator { source: Some(PASSED_ON.to_owned()), ..indicator });
            let draft = Draft { record, tlp: entry.header.tlp, audience: log.audience, retention: entry.header.retention };
            if let Ok(item) = self.pass_gate(&door, draft) {
                items.push(item);
            }
        }
        Ok(items)
    }

    /// Takes back what we passed on of what a member takes back. To be done before that is: a recall leaves no trace by which it could be
    /// done afterwards, were we to die in between.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn follow_all(&self, author: &OrgId, audience: Audience, withdrawals: &[Withdrawal]) -> Result<(), NodeError> {
        for withdrawal in withdrawals {
            if let Some(follow) = self.to_follow(author, audience, withdrawal)? {
                self.follow(follow).await?;
            }
        }
        Ok(())
    }

    /// Does what follows from batches that became durable just before we died: see [`Node::received`]. To be called at the start.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn finish(&self) -> Result<(), NodeError> {
        self.replay_all_recalls().await?;
        let snapshot = self.store.snapshot()?;
        for row in snapshot.logs()?.into_iter().filter(|row| row.key.author != self.org()) {
            let done = snapshot.acks(&row.id)?.into_iter().find(|ack| ack.peer == self.org()).map_or(0, |ack| ack.through);
            let mut from = row.head.size + 1;
            for _ in 0..UNFINISHED_MAX {
                match snapshot.batch_range(&row.id, from.saturating_sub(1))? {
                    Some(range) if range.start > done => from = range.start,
                    _ => break,
                }
            }
            self.finish_log(&snapshot, &row.key, from..row.head.size + 1).await?;
        }
        Ok(())
    }

    async fn finish_log(&self, snapshot: &Snapshot, log: &LogKey, seqs: Range<u64>) -> Result<(), NodeError> {
        if seqs.is_empty() {
            return Ok(());
        }
        let mut answered = false;
        for seq in seqs.clone() {
            let Some(header) = snapshot.header(&log.id(), seq)?.filter(|header| header.kind == RecordKind::Withdrawal.number()) else {
                continue;
            };
            let Some((Held(Entry { body: Body::Present(body), .. }), _)) = snapshot.entry(&log.id(), seq)? else { continue };
            let Ok(Record::Withdrawal(Withdrawal { log: of, seqs, mode, reason })) = decode_record(RecordKind::Withdrawal, &body) else {
                continue;
            };
            // A withdrawal reaches its author's own logs alone.
            if snapshot.log(&of)?.is_none_or(|row| row.key.author != log.author) {
                continue;
            }
            // Done before, it has the outcome of then.
            let change = Change::TakeBack { log: of, seqs, mode, reason, at: self.clock.now() };
            if let Outcome::TakenBack(outcomes) = self.commit(change).await? {
                let taken = TakenBack { withdrawal: header.hash(), log: of, mode, outcomes };
                self.answer_taken_back(&log.author, log.audience, taken).await?;
                answered = true;
            }
        }
        self.pass_on_or_note(log, seqs, answered).await
    }

    /// What a withdrawal takes back from a hidden group of ours: to be asked before it is applied, since a recall leaves no trace.
    fn to_follow(&self, author: &OrgId, audience: Audience, withdrawal: &Withdrawal) -> Result<Option<Follow>, NodeError> {
        let Audience::Group(group) = audience else { return Ok(None) };
        if !self.heads_hidden_group(&group)? {
            return Ok(None);
        }
        // A member takes back what stands in its own log to this group, and nothing else.
        let log = self.store.snapshot()?.log(&withdrawal.log)?;
        if !log.is_some_and(|log| log.key.author == *author && log.key.audience == audience && log.key.author != self.org()) {
            return Ok(None);
        }
        let observables = self.observables_at(&withdrawal.log, &withdrawal.seqs)?;
        Ok(Some(Follow { audience, withdrawal: withdrawal.clone(), observables }))
    }

    /// Takes back our own release of what a member has taken back, unless another member still says it.
    async fn follow(&self, follow: Follow) -> Result<(), NodeError> {
        let Follow { audience, withdrawal, observables } = follow;
        for observable in observables {
            if self.another_member_says(audience, &withdrawal.log, &observable)? {
                continue;
            }
            let record = self.record_id(&self.org(), &observable);
            if self.was_passed_on(&record, audience)? {
                Box::pin(self.take_back_from(record, &withdrawal.reason, withdrawal.mode, Some(audience))).await?;
            }
        }
        Ok(())
    }

    /// Whether our record in this audience is one that we passed on for a member, and not our own word.
    fn was_passed_on(&self, record: &RecordId, audience: Audience) -> Result<bool, NodeError> {
        let Some(found) = self.store.snapshot()?.find(record)? else { return Ok(false) };
        let passed_on = |body: &[u8]| match decode_record(RecordKind::Indicator, body) {
            Ok(Record::Indicator(indicator)) => indicator.source.as_deref() == Some(PASSED_ON),
            _ => false,
        };
        let mut there = found.provenances.iter().filter(|(one, _)| one.audience == audience).peekable();
        Ok(there.peek().is_some() && there.all(|(_, Held(body))| passed_on(body)))
    }

    fn observables_at(&self, log: &LogId, seqs: &[u64]) -> Result<Vec<Observable>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let mut observables = Vec::new();
        for seq in seqs {
            let Some((Held(entry), _)) = snapshot.entry(log, *seq)? else { continue };
            let (Body::Present(body), Some(kind)) = (&entry.body, RecordKind::from_number(entry.header.kind)) else { continue };
            if let Ok(Record::Indicator(indicator)) = decode_record(kind, body) {
                observables.push(indicator.observable);
            }
        }
        Ok(observables)
    }

    fn another_member_says(&self, audience: Audience, except: &LogId, observable: &Observable) -> Result<bool, NodeError> {
        let snapshot = self.store.snapshot()?;
        let hits = snapshot.lookup(observable, self.clock.now())?;
        let exact = hits.into_iter().filter(|hit| hit.observable == *observable).flat_map(|hit| hit.provenances);
        let says_it_there =
            |provenance: &Provenance| provenance.author != self.org() && provenance.log != *except && provenance.audience == audience;
        Ok(exact.into_iter().any(|provenance| says_it_there(&provenance)))
    }
}
