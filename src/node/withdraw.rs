//! We take a record of our own back: no longer valid (withdraw), or should never have left (recall).

use std::collections::BTreeMap;

use super::view::TakeBackView;
use super::{Node, NodeError};
use crate::link::convert::{Recall, sign_recall};
use crate::model::log::Audience;
use crate::model::record::{Withdrawal, WithdrawalMode};
use crate::model::{LogId, Observable, Record, RecordId};
use crate::rules::release::{Findings, clean_reason};
use crate::store::Provenance;
use crate::store::change::Change;

impl Node {
    /// Takes one of our records back everywhere it went.
    ///
    /// # Errors
    /// When there is no such record of ours, or the store takes no changes.
    pub async fn take_back(&self, id: &str, reason: &str, mode: WithdrawalMode) -> Result<TakeBackView, NodeError> {
        let record = self.own_record(id).map_err(|error| self.or_only_held(id, error))?;
        // Else it would be said anew when its time has come. A recall bars the value, and does not wait for anything.
        if mode == WithdrawalMode::Withdraw
            && let Some(hold) = self.holding_record(&record)?
        {
            return Err(NodeError::AlsoHeld { text: id.to_owned(), hold });
        }
        let view = match self.recalled_before(record)? {
            Some(view) => view,
            None => self.take_back_from(record, reason, mode, None).await?,
        };
        // It is taken back by now, whether or not the holders can be counted.
        let receipts = self.receipts_of(&record).unwrap_or_else(|error| {
            tracing::warn!(code = error.code(), "the holders of a record that was taken back could not be counted");
            Vec::new()
        });
        let answered =
            receipts.iter().filter(|receipt| matches!(receipt.outcome.as_str(), "destroyed" | "absent" | "revoked")).count() as u64;
        Ok(TakeBackView { holders: receipts.len() as u64, answered, ..view })
    }

    /// A record of ours that nobody has yet is not known as one: it is held.
    pub(super) fn or_only_held(&self, id: &str, error: NodeError) -> NodeError {
        if !matches!(error, NodeError::UnknownRecord(_)) {
            return error;
        }
        let by_value = || Observable::guess(id).ok().map(|observable| self.record_id(&self.org(), &observable));
        let record = id.parse().ok().or_else(by_value);
        match record.map(|record| self.holding_record(&record)) {
            Some(Ok(Some(hold))) => NodeError::OnlyHeld { text: id.to_owned(), hold },
            _ => error,
        }
    }

    /// That a record is gone already, because it was recalled and nothing of it came since.
    fn recalled_before(&self, record: RecordId) -> Result<Option<TakeBackView>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let already = snapshot.recalled_at(&record)?;
        if already.is_none() || snapshot.find(&record)?.is_some() {
            return Ok(None);
        }
        let (mode, told) = (WithdrawalMode::Recall, Vec::new());
        Ok(Some(TakeBackView { record, mode, entries: 0, unsent: 0, told, holders: 0, answered: 0, already }))
    }

    /// Takes one of our records back, everywhere or from one audience.
    pub(super) async fn take_back_from(
        &self,
        record: RecordId,
        reason: &str,
        mode: WithdrawalMode,
        only: Option<Audience>,
    ) -> Result<TakeBackView, NodeError> {
        let reason = self.reason_that_leaves(reason)?;
        let at = self.clock.now();
        let recalled = mode == WithdrawalMode::Recall;
        let mut told = Vec::new();
        let (copies, unsent) = {
            // What waits gets no position between being looked at and being taken out, and what was given one for a caller that has gone
            // is to be seen by then.
            let _one_at_a_time = self.positioning.lock().await;
            self.store.settled().await;
            let unsent = self.unsent(&record, only)?;
            let mut copies = self.copies(&record)?;
            copies.retain(|(_, audience), _| only.is_none_or(|only| only == *audience));
            // What never left is taken out of the queue; what left is told in each log that carries it. All of it or nothing: what is gone
            // here without word to the others could not be taken back any more.
            let bars = only.is_none();
            let mut changes = vec![Change::Unqueue { records: vec![record], recalled: recalled && bars, only, at }];
            for ((log, audience), seqs) in &copies {
                changes.push(Change::TakeBack { log: *log, seqs: seqs.clone(), mode, reason: reason.clone(), at, bars });
                let withdrawal = Withdrawal { log: *log, seqs: seqs.clone(), mode, reason: reason.clone() };
                if recalled {
                    changes.push(self.recall_of(&withdrawal, *audience));
                }
                changes.extend(self.release_of(Record::Withdrawal(withdrawal), *audience)?);
                told.push(self.audience_name(audience)?);
            }
            self.commit_many(changes).await?;
            (copies, unsent)
        };
        // The recalls first.
        self.touch();
        for (_, audience) in copies.keys() {
            self.position_or_later(*audience).await;
        }
        let entries = copies.values().map(|seqs| seqs.len() as u64).sum();
        Ok(TakeBackView { record, mode, entries, unsent, told, holders: 0, answered: 0, already: None })
    }

    /// Why, without personal data. The recall that runs ahead is signed with it, and the withdrawal in the log says the same.
    fn reason_that_leaves(&self, reason: &str) -> Result<String, NodeError> {
        // A blank for each: what stands in two lines must not become one word.
        let reason = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Ok(clean_reason(reason, &self.gate()?, &mut Findings::default()))
    }

    /// How many copies of one of our records wait for their positions, for any audience or for one.
    fn unsent(&self, record: &RecordId, only: Option<Audience>) -> Result<u64, NodeError> {
        let provenances = self.store.snapshot()?.find(record)?.map(|found| found.provenances).unwrap_or_default();
        let waits = |one: &Provenance| one.waiting && only.is_none_or(|only| only == one.audience);
        Ok(provenances.iter().filter(|(one, _)| waits(one)).count() as u64)
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

    /// Signs a recall that runs ahead of its log; the change that keeps it for peers that return.
    pub(super) fn recall_of(&self, withdrawal: &Withdrawal, audience: Audience) -> Change {
        let group = match audience {
            Audience::Group(group) => Some(group),
            Audience::Direct(_) => None,
        };
        let recall = Recall { author: self.org(), withdrawal: withdrawal.clone(), at: self.clock.now(), group };
        let signed = sign_recall(&recall, &self.keys.log_key());
        self.keep_recall(&recall, audience, &signed)
    }
}
