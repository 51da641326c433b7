//! The head of a hidden group that signs for it passes on what its members send: under its own name, since nobody learns of another member.

use std::ops::Range;

use super::share::{IMPORT_CHUNK, Remarks};
use super::{Node, NodeError};
use crate::link::convert::decode_record;
use crate::model::group::{Definition, Visibility};
use crate::model::log::{AbsentReason, Audience, BATCH_BYTES_MAX, Body, Entry, LogKey};
use crate::model::record::Withdrawal;
use crate::model::{GroupId, Indicator, LogId, Observable, OrgId, Record, RecordId, RecordKind};
use crate::rules::gate::Origin;
use crate::rules::label::Held;
use crate::rules::release::{Draft, PASSED_ON};
use crate::store::change::{ReleaseItem, ReleaseOutcome};
use crate::store::{Provenance, Snapshot};

/// What is to be taken back from a hidden group after one of its members took it back.
#[derive(Debug)]
pub struct Follow {
    audience: Audience,
    withdrawal: Withdrawal,
    observables: Vec<Observable>,
}

/// A run of what is passed on ends with the entry that makes it longer than so many bytes.
const RUN_BYTES_MAX: usize = 8 * BATCH_BYTES_MAX;

impl Node {
    /// Whether we are the one through whom a hidden group's members speak.
    pub(super) fn heads_hidden_group(&self, group: &GroupId) -> Result<bool, NodeError> {
        let snapshot = self.store.snapshot()?;
        let definition = self.definition(&snapshot, group)?;
        Ok(definition.is_some_and(|definition| definition.visibility == Visibility::Hidden && definition.signer == self.org()))
    }

    /// Whether what a log says is passed on by us: a member's in a hidden group of ours.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn is_passed_on(&self, log: &LogKey) -> Result<bool, NodeError> {
        match log.audience {
            Audience::Group(group) if log.author != self.org() => self.heads_hidden_group(&group),
            _ => Ok(false),
        }
    }

    /// What follows for a hidden group of ours from entries that came: what a member says is released anew, and what came back with our own
    /// tail is looked through.
    pub(super) async fn followed_in_hidden_group(&self, log: &LogKey, seqs: Range<u64>) -> Result<(), NodeError> {
        let Audience::Group(group) = log.audience else { return Ok(()) };
        if !self.heads_hidden_group(&group)? {
            return Ok(());
        }
        let ours = log.author == self.org();
        if !ours {
            self.pass_on(log, seqs.clone(), None).await?;
        }
        if ours || self.holds_recalled(log, seqs)? {
            self.look_again_in(group);
        }
        self.take_back_what_came_back(group).await
    }

    fn holds_recalled(&self, log: &LogKey, mut seqs: Range<u64>) -> Result<bool, NodeError> {
        let (snapshot, id) = (self.store.snapshot()?, log.id());
        seqs.try_fold(false, |found, seq| Ok(found || snapshot.absent_reason(&id, seq)? == Some(AbsentReason::Recalled)))
    }

    /// The head that signs for a hidden group has changed: what members sent, and the head before did not pass on, is passed on now.
    pub(super) async fn pass_on_what_was_not(&self, group: &GroupId) -> Result<(), NodeError> {
        let snapshot = self.store.snapshot()?;
        let Some(definition) = self.definition(&snapshot, group)? else { return Ok(()) };
        for log in snapshot.logs()?.into_iter().filter(|log| log.key.audience == Audience::Group(*group)) {
            if self.is_passed_on(&log.key)? {
                self.pass_on(&log.key, log.start + 1..log.head.size + 1, Some(&definition)).await?;
            }
        }
        Ok(())
    }

    /// In runs, so that a long log needs no more memory than an import. With a definition, what no head of it says yet.
    async fn pass_on(&self, log: &LogKey, mut seqs: Range<u64>, unsaid: Option<&Definition>) -> Result<(), NodeError> {
        while !seqs.is_empty() {
            let remarks = Remarks::not_held(&self.door(log.audience)?);
            let outcomes = self.queue(log.audience, self.to_pass_on(log, &mut seqs, unsaid)?, &remarks).await?;
            let recalled = outcomes.iter().filter(|outcome| **outcome == ReleaseOutcome::Recalled).count();
            if recalled > 0 {
                tracing::warn!(recalled, author = %log.author, "what we recalled ourselves is not passed on for a member");
            }
        }
        Ok(())
    }

    /// A run of these positions.
    fn to_pass_on(&self, log: &LogKey, seqs: &mut Range<u64>, unsaid: Option<&Definition>) -> Result<Vec<ReleaseItem>, NodeError> {
        let (snapshot, door) = (self.store.snapshot()?, self.door(log.audience)?);
        let (mut items, mut bytes, mut withheld) = (Vec::new(), 0, 0u64);
        for seq in seqs.take(IMPORT_CHUNK) {
            let Some((Held(entry), _)) = snapshot.entry(&log.id(), seq)? else { continue };
            let Some(indicator) = indicator_of(&entry) else { continue };
            if snapshot.taken_back(&log.id(), seq)?.is_some() {
                continue;
            }
            if let Some(definition) = unsaid
                && self.says(&snapshot, log.audience, &indicator.observable, |one| definition.is_head(&one.author))?
            {
                continue;
            }
            // Marked, so that what we say ourselves is never taken back on a member's word.
            let record = Record::Indicator(Indicator { source: Some(PASSED_ON.to_owned()), ..indicator });
            let draft = Draft { record, label: entry.header.label, audience: log.audience, retention: entry.header.retention };
            bytes += entry.header.body_length as usize;
            match self.pass_gate_as(Origin::PassedOn, &door, draft) {
                Ok(item) => items.push(item),
                Err(_) => withheld += 1,
            }
            if bytes >= RUN_BYTES_MAX {
                break;
            }
        }
        if withheld > 0 {
            tracing::warn!(withheld, author = %log.author, "what our gate withholds is not passed on for a member");
        }
        Ok(items)
    }

    /// Whether somebody of whom that holds says this observable to an audience.
    pub(super) fn says(
        &self,
        snapshot: &Snapshot,
        audience: Audience,
        observable: &Observable,
        who: impl Fn(&Provenance) -> bool,
    ) -> Result<bool, NodeError> {
        let said = snapshot.said_of(observable, self.clock.now())?.map(|hit| hit.provenances).unwrap_or_default();
        Ok(said.iter().any(|one| one.audience == audience && who(one)))
    }

    /// What a withdrawal takes back from a hidden group of ours: to be asked before it is applied, since a recall leaves no trace.
    pub(super) fn to_follow(&self, author: &OrgId, audience: Audience, withdrawal: &Withdrawal) -> Result<Option<Follow>, NodeError> {
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
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn follow(&self, follow: Follow) -> Result<(), NodeError> {
        let Follow { audience, withdrawal, observables } = follow;
        for observable in observables {
            let another = |one: &Provenance| one.author != self.org() && one.log != withdrawal.log;
            if self.says(&self.store.snapshot()?, audience, &observable, another)? {
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
    pub(super) fn was_passed_on(&self, record: &RecordId, audience: Audience) -> Result<bool, NodeError> {
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
            let entry = snapshot.entry(log, *seq)?;
            observables.extend(entry.and_then(|(Held(entry), _)| indicator_of(&entry)).map(|indicator| indicator.observable));
        }
        Ok(observables)
    }
}

/// The indicator that an entry is, where it is one and is there.
pub(super) fn indicator_of(entry: &Entry) -> Option<Indicator> {
    let (Body::Present(body), Some(kind)) = (&entry.body, RecordKind::from_number(entry.header.kind)) else { return None };
    match decode_record(kind, body) {
        Ok(Record::Indicator(indicator)) => Some(indicator),
        _ => None,
    }
}
