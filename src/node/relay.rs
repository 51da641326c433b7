//! A hidden group's owner passes on what its members send: under its own name, since nobody learns of another member.

use std::ops::Range;

use super::{Node, NodeError};
use crate::link::convert::decode_record;
use crate::model::group::Visibility;
use crate::model::log::{Audience, Body, LogKey};
use crate::model::record::Withdrawal;
use crate::model::{GroupId, Indicator, LogId, Observable, OrgId, Record, RecordId, RecordKind};
use crate::rules::label::Held;
use crate::rules::release::Draft;
use crate::store::Provenance;

/// What is to be taken back from a hidden group after one of its members took it back.
#[derive(Debug)]
pub struct Follow {
    audience: Audience,
    withdrawal: Withdrawal,
    observables: Vec<Observable>,
}

/// The source of what a hidden group's owner passes on.
pub(super) const PASSED_ON: &str = "a member of this group";

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

    /// Releases anew what a member of a hidden group of ours has sent, and takes back what it took back.
    pub(super) async fn pass_on_in_hidden_group(&self, log: &LogKey, seqs: Range<u64>) -> Result<(), NodeError> {
        if !self.is_passed_on(log)? {
            return Ok(());
        }
        let door = self.door(log.audience)?;
        let mut items = Vec::new();
        for seq in seqs {
            let Some((Held(entry), _)) = self.store.snapshot()?.entry(&log.id(), seq)? else { continue };
            let Body::Present(body) = &entry.body else { continue };
            let Some(kind) = RecordKind::from_number(entry.header.kind) else { continue };
            if self.store.snapshot()?.taken_back(&log.id(), seq)?.is_some() {
                continue;
            }
            let Ok(Record::Indicator(indicator)) = decode_record(kind, body) else { continue };
            // Marked, so that what we say ourselves is never taken back on a member's word.
            let record = Record::Indicator(Indicator { source: Some(PASSED_ON.to_owned()), ..indicator });
            let draft = Draft { record, tlp: entry.header.tlp, audience: log.audience, retention: entry.header.retention };
            if let Ok(item) = self.pass_gate(&door, draft) {
                items.push(item);
            }
        }
        self.queue(log.audience, items, true).await.map(|_| ())
    }

    /// The head that signs for a hidden group has changed: what members sent, and the head before did not pass on, is passed on now.
    pub(super) async fn pass_on_what_was_not(&self, group: &GroupId) -> Result<(), NodeError> {
        let logs = self.store.snapshot()?.logs()?;
        let audience = Audience::Group(*group);
        for log in logs.into_iter().filter(|log| log.key.audience == audience && log.key.author != self.org()) {
            for seq in log.start + 1..=log.head.size {
                let said = self.observables_at(&log.id, &[seq])?;
                let by_a_head = |observable| self.a_head_says(audience, observable);
                if said.iter().map(by_a_head).collect::<Result<Vec<_>, _>>()? == [false] {
                    self.pass_on_in_hidden_group(&log.key, seq..seq + 1).await?;
                }
            }
        }
        Ok(())
    }

    fn a_head_says(&self, audience: Audience, observable: &Observable) -> Result<bool, NodeError> {
        let snapshot = self.store.snapshot()?;
        let Audience::Group(group) = audience else { return Ok(false) };
        let Some(definition) = self.definition(&snapshot, &group)? else { return Ok(false) };
        let hits = snapshot.lookup(observable, self.clock.now())?.hits;
        let exact = hits.into_iter().filter(|hit| hit.observable == *observable).flat_map(|hit| hit.provenances);
        Ok(exact.into_iter().any(|one| one.audience == audience && definition.is_head(&one.author)))
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
        let said = snapshot.said_of(observable, self.clock.now())?.map(|hit| hit.provenances).unwrap_or_default();
        let says_it_there =
            |provenance: &Provenance| provenance.author != self.org() && provenance.log != *except && provenance.audience == audience;
        Ok(said.iter().any(says_it_there))
    }
}
