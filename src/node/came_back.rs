//! The owner of a hidden group comes back from an old copy, and fetches back what it once passed on for a member. If that member has recalled it
//! meanwhile, its body is gone at the member: nothing names any more what is to be taken back.
//!
//! What we pass on keeps the member's label and retention date, to the millisecond. So of what no member says any more, that is taken back
//! which agrees in these with an entry that a member has recalled and that we never saw: rather one too many than one too few.

use super::relay::PASSED_ON;
use super::{Node, NodeError};
use crate::link::convert::decode_record;
use crate::model::log::{Audience, Body, Header};
use crate::model::record::WithdrawalMode;
use crate::model::{GroupId, OrgId, Record, RecordId, RecordKind, Timestamp, Tlp};
use crate::rules::label::Held;
use crate::store::{LogInfo, Snapshot};
use std::collections::BTreeSet;

/// The reason that is given where the member's own is not known.
const REASON: &str = "recalled by the member that said it";

/// By what a member's entry and our passing it on agree.
type Mark = (u8, Tlp, Timestamp);

fn mark(header: &Header) -> Mark {
    (header.kind, header.tlp, header.retention)
}

impl Node {
    /// A batch of a group's log came: its entries, or what it said of others, may have to be looked at again.
    pub(super) fn look_again_in(&self, group: GroupId) {
        self.memory().looked_through.remove(&group);
    }

    /// Takes back from our hidden groups what came back with our tail after its recall. It is looked for once after a start, and again when
    /// our own tail or a recalled entry has come; cheap otherwise.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub(super) async fn take_back_what_came_back(&self) -> Result<(), NodeError> {
        for row in self.store.snapshot()?.groups()? {
            // Noted first: what comes meanwhile is looked at again.
            if !self.memory().looked_through.insert(row.group) {
                continue;
            }
            let done = self.look_through(row.group).await;
            if !matches!(done, Ok(true)) {
                self.look_again_in(row.group);
            }
            done?;
        }
        Ok(())
    }

    /// Whether it is done with until more comes.
    async fn look_through(&self, group: GroupId) -> Result<bool, NodeError> {
        let snapshot = self.store.snapshot()?;
        if !self.heads_hidden_group(&group)? {
            return Ok(true);
        }
        let (audience, incarnation) = (Audience::Group(group), snapshot.incarnation()?);
        let (ours, members): (Vec<LogInfo>, Vec<LogInfo>) =
            snapshot.logs()?.into_iter().filter(|log| log.key.audience == audience).partition(|log| log.key.author == self.org());
        let closed: Vec<LogInfo> = ours.into_iter().filter(|log| log.key.incarnation < incarnation).collect();
        if closed.is_empty() {
            return Ok(true);
        }
        // Of a log that has not come whole, what follows may still say it.
        let (whole, cut): (Vec<LogInfo>, Vec<LogInfo>) = members.into_iter().partition(|log| self.has_come_whole(log));
        for record in self.came_back(&snapshot, audience, &closed, &whole)? {
            Box::pin(self.take_back_from(record, REASON, WithdrawalMode::Recall, Some(audience))).await?;
        }
        Ok(cut.is_empty())
    }

    fn has_come_whole(&self, log: &LogInfo) -> bool {
        self.memory().offered.get(&(log.key.author, log.id)).is_some_and(|size| *size <= log.head.size)
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
                let taken_back = snapshot.taken_back(&log.id, seq)?;
                if taken_back.is_some_and(|row| row.mode == WithdrawalMode::Recall) {
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
                let Some((Held(entry), _)) = snapshot.entry(&log.id, seq)?.filter(|(entry, _)| recalled.contains(&mark(&entry.0.header)))
                else {
                    continue;
                };
                let (Body::Present(body), Some(kind)) = (&entry.body, RecordKind::from_number(entry.header.kind)) else { continue };
                let Ok(Record::Indicator(indicator)) = decode_record(kind, body) else { continue };
                let passed_on = indicator.source.as_deref() == Some(PASSED_ON);
                let said = snapshot.said_of(&indicator.observable, self.clock.now())?.map(|hit| hit.provenances).unwrap_or_default();
                let by_a_member = |author: &OrgId, there: Audience| *author != self.org() && there == audience;
                if passed_on && !said.iter().any(|one| by_a_member(&one.author, one.audience)) {
                    came_back.insert(self.record_id(&self.org(), &indicator.observable));
                }
            }
        }
        Ok(came_back)
    }
}
