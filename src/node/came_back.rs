//! The owner of a hidden group comes back from an old copy, and fetches back what it once passed on for a member. If that member has recalled it
//! meanwhile, its body is gone at the member: nothing names any more what is to be taken back.
//!
//! What we pass on keeps the member's label and retention date, to the millisecond. So, once all that the members say has come, that is taken
//! back which none of them says and which agrees in these with a recalled entry whose body never came here: rather one too many than one too
//! few.

use super::relay::indicator_of;
use super::{Node, NodeError};
use crate::model::log::{Audience, Header};
use crate::model::record::{ReceiptOutcome, WithdrawalMode};
use crate::model::{GroupId, Label, LogId, OrgId, RecordId, Timestamp};
use crate::rules::label::Held;
use crate::store::change::PeerState;
use crate::store::{LogInfo, LogState, Snapshot};
use std::collections::BTreeSet;

/// The reason that is given, since the member's own names another log.
const REASON: &str = "recalled by the member that said it";

/// By what a member's entry and our passing it on agree.
type Mark = (u8, Label, Timestamp);

fn mark(header: &Header) -> Mark {
    (header.kind, header.label, header.retention)
}

impl Node {
    /// Our own tail, or a recalled entry, has come in a group: it has to be looked through again.
    pub(super) fn look_again_in(&self, group: GroupId) {
        self.memory().looked_through.remove(&group);
    }

    /// Takes back from a hidden group of ours what came back with our tail after its recall. It is looked for once after a start, as soon as
    /// all members have told what they hold and it has come, and again after [`Self::look_again_in`]; cheap otherwise.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub(super) async fn take_back_what_came_back(&self, group: GroupId) -> Result<(), NodeError> {
        // Noted first: what comes meanwhile is looked at again.
        if !self.memory().looked_through.insert(group) {
            return Ok(());
        }
        let done = self.look_through(group).await;
        if !matches!(done, Ok(true)) {
            self.look_again_in(group);
        }
        done.map(drop)
    }

    /// As [`Self::take_back_what_came_back`], in all groups.
    pub(super) async fn take_back_all_that_came_back(&self) -> Result<(), NodeError> {
        for row in self.store.snapshot()?.groups()? {
            self.take_back_what_came_back(row.group).await?;
        }
        Ok(())
    }

    /// Whether it is done with until more comes; not while a member may still say something.
    async fn look_through(&self, group: GroupId) -> Result<bool, NodeError> {
        let snapshot = self.store.snapshot()?;
        if !self.heads_hidden_group(&group)? {
            return Ok(true);
        }
        let (audience, incarnation) = (Audience::Group(group), snapshot.incarnation()?);
        let mut closed = snapshot.logs_of(&self.org())?;
        closed.retain(|log| log.key.audience == audience && log.key.incarnation < incarnation);
        if closed.is_empty() {
            return Ok(true);
        }
        let Some(members) = self.said_by_all(&snapshot, group)? else { return Ok(false) };
        for record in self.came_back(&snapshot, audience, &closed, &members)? {
            Box::pin(self.take_back_from(record, REASON, WithdrawalMode::Recall, Some(audience))).await?;
        }
        Ok(true)
    }

    /// The logs of others in a group; `None` while something of a member's may still come. Of a former member nothing does, nor of one that is no
    /// open peer.
    fn said_by_all(&self, snapshot: &Snapshot, group: GroupId) -> Result<Option<Vec<LogInfo>>, NodeError> {
        let Some(definition) = self.definition(snapshot, &group)? else { return Ok(Some(Vec::new())) };
        let mut logs = snapshot.logs()?;
        logs.retain(|log| log.key.audience == Audience::Group(group) && log.key.author != self.org());
        for peer in snapshot.peers()?.into_iter().filter(|peer| peer.state == PeerState::Open && definition.has(&peer.org)) {
            if !self.has_told_all(snapshot, &peer.org, group)? {
                return Ok(None);
            }
        }
        Ok(Some(logs))
    }

    /// Whether a peer has said over its newest link what it holds, and we hold all of it that was said in a group: what other groups say has no
    /// part in this, and may come much later.
    fn has_told_all(&self, snapshot: &Snapshot, peer: &OrgId, group: GroupId) -> Result<bool, NodeError> {
        let memory = self.memory();
        if !memory.seen.contains(peer) || memory.telling.contains(peer) {
            return Ok(false);
        }
        for ((_, log), offered) in memory.offered.range((*peer, LogId([0; 32]))..=(*peer, LogId([255; 32]))) {
            if offered.audience != Audience::Group(group) {
                continue;
            }
            let held = snapshot.log(log)?;
            if held.as_ref().map_or(0, |log| log.head.size) < offered.size && held.is_none_or(|log| log.state != LogState::Halted) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Our records in closed logs that we passed on for a member, that no member says, and that agree with one that was recalled.
    fn came_back(
        &self,
        snapshot: &Snapshot,
        audience: Audience,
        closed: &[LogInfo],
        members: &[LogInfo],
    ) -> Result<BTreeSet<RecordId>, NodeError> {
        let mut recalled = BTreeSet::<Mark>::new();
        for log in members {
            for seq in log.start + 1..=log.head.size {
                let row = snapshot.taken_back(&log.id, seq)?;
                if row.is_some_and(|row| row.mode == WithdrawalMode::Recall && row.outcome == ReceiptOutcome::Absent) {
                    recalled.extend(snapshot.header(&log.id, seq)?.as_ref().map(mark));
                }
            }
        }
        let mut came_back = BTreeSet::new();
        if recalled.is_empty() {
            return Ok(came_back);
        }
        for log in closed {
            for seq in log.start + 1..=log.head.size {
                if snapshot.header(&log.id, seq)?.is_none_or(|header| !recalled.contains(&mark(&header))) {
                    continue;
                }
                let Some((Held(entry), _)) = snapshot.entry(&log.id, seq)? else { continue };
                let Some(indicator) = indicator_of(&entry) else { continue };
                let record = self.record_id(&self.org(), &indicator.observable);
                let by_a_member = self.says(snapshot, audience, &indicator.observable, |one| one.author != self.org())?;
                if !by_a_member && self.was_passed_on(&record, audience)? {
                    came_back.insert(record);
                }
            }
        }
        Ok(came_back)
    }
}
