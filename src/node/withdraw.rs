//! We take a record of our own back: no longer valid (withdraw), or should never have left (recall).

use std::collections::BTreeMap;

use super::view::TakeBackView;
use super::{Node, NodeError};
use crate::link::convert::{Recall, sign_recall};
use crate::model::log::Audience;
use crate::model::record::{Withdrawal, WithdrawalMode};
use crate::model::{LogId, Record, RecordId};
use crate::rules::release::REASON_MAX;
use crate::store::change::Change;

impl Node {
    /// Takes one of our records back everywhere it went.
    ///
    /// # Errors
    /// When there is no such record of ours, or the store takes no changes.
    pub async fn take_back(&self, id: &str, reason: &str, mode: WithdrawalMode) -> Result<TakeBackView, NodeError> {
        let record = self.own_record(id)?;
        self.take_back_from(record, reason, mode, None).await
    }

    /// Takes one of our records back, everywhere or from one audience.
    pub(super) async fn take_back_from(
        &self,
        record: RecordId,
        reason: &str,
        mode: WithdrawalMode,
        only: Option<Audience>,
    ) -> Result<TakeBackView, NodeError> {
        let reason: String = reason.chars().filter(|c| !c.is_control()).take(REASON_MAX).collect();
        let at = self.clock.now();
        let recalled = mode == WithdrawalMode::Recall;
        // What never left is taken out of the queue; what left is told in each log that carries it.
        let unsent = self.unsent(&record)?;
        if only.is_none() {
            self.commit(Change::Unqueue { records: vec![record], recalled, at }).await?;
        }
        let mut copies = self.copies(&record)?;
        copies.retain(|(_, audience), _| only.is_none_or(|only| only == *audience));
        let mut told = Vec::new();
        for ((log, audience), seqs) in &copies {
            self.commit(Change::TakeBack { log: *log, seqs: seqs.clone(), mode, reason: reason.clone(), at }).await?;
            let withdrawal = Withdrawal { log: *log, seqs: seqs.clone(), mode, reason: reason.clone() };
            if recalled {
                self.announce_recall(&withdrawal, *audience).await?;
            }
            self.release_record(Record::Withdrawal(withdrawal), *audience).await?;
            told.push(self.audience_name(audience)?);
        }
        self.touch();
        let entries = copies.values().map(|seqs| seqs.len() as u64).sum();
        Ok(TakeBackView { record, mode, entries, unsent, told })
    }

    fn unsent(&self, record: &RecordId) -> Result<u64, NodeError> {
        let found = self.store.snapshot()?.find(record)?;
        Ok(found.map_or(0, |found| found.provenances.iter().filter(|(provenance, _)| provenance.waiting).count() as u64))
    }

    /// Where one of our records stands: log, audience and positions.
    fn copies(&self, record: &RecordId) -> Result<BTreeMap<(LogId, Audience), Vec<u64>>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let mut copies: BTreeMap<_, Vec<u64>> = BTreeMap::new();
        for (log, seq) in snapshot.positions(record)? {
            let Some(info) = snapshot.log(&log)?.filter(|info| info.key.author == self.org()) else { continue };
            copies.entry((log, info.key.audience)).or_default().push(seq);
        }
        copies.values_mut().for_each(|seqs| seqs.sort_unstable());
        Ok(copies)
    }

    /// Signs a recall that runs ahead of its log, keeps it for peers that return, and tells the links.
    async fn announce_recall(&self, withdrawal: &Withdrawal, audience: Audience) -> Result<(), NodeError> {
        let group = match audience {
            Audience::Group(group) => Some(group),
            Audience::Direct(_) => None,
        };
        let recall = Recall { author: self.org(), withdrawal: withdrawal.clone(), at: self.clock.now(), group };
        let signed = sign_recall(&recall, &self.keys.log_key());
        self.keep_recall(&recall, audience, &signed).await
    }
}
