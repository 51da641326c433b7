//! A referral is withdrawn: the conversation says so, and a recall of everything that was said in it runs ahead, so that every holder destroys it and
//! answers with a receipt, suspended peers and relays of recalls included.

use super::super::{Node, NodeError};
use super::case::CaseRow;
use super::deed::By;
use super::react::code;
use crate::link::convert::{Recall, sign_recall};
use crate::model::log::Audience;
use crate::model::record::{Withdrawal, WithdrawalMode};
use crate::model::referral::{TRANSFERRED, Words};
use crate::model::vocabulary::Code;
use crate::model::{CaseId, Record, ReferralId};
use crate::rules::referral::{Illegal, Side, Step, is_open};
use crate::store::change::Change;

/// How many positions one recall names.
const SEQS_MAX: usize = 1_000;

impl Node {
    /// Withdraws a referral of ours, and the case with it where this was its last offer.
    pub(super) async fn take_referral_back(&self, id: &ReferralId, revoked: bool, by: By) -> Result<(), NodeError> {
        let _turn = self.referral_turn().await;
        let snapshot = self.store.snapshot()?;
        let conversation = self.conversation(&snapshot, id)?;
        if conversation.row.side != Side::Origin {
            return Err(NodeError::Referral(Illegal::NotTheirs));
        }
        if !revoked {
            conversation.standing.may(Side::Origin, Step::Withdraw).map_err(NodeError::Referral)?;
        }
        // After a restore a conversation can have come back without its case. It is withdrawn all the same.
        let case = self.case_of(&snapshot, id)?;
        drop(snapshot);
        // Whose order it was is known before anything of it is done: it goes on after a death in the middle.
        self.commit(self.deed(by, "withdraw", id, 0)).await?;
        let given = case.as_ref().map(|(_, case)| case.given.clone()).unwrap_or_default();
        if let Some((case_id, mut case)) = case.filter(|_| revoked) {
            self.revoke(&case_id, &mut case).await?;
        }
        // A consent that is revoked is revoked for all of them.
        let others = given.iter().map(|given| given.referral).filter(|other| revoked && other != id);
        let mut all: Vec<ReferralId> = others.collect();
        all.insert(0, *id);
        let mut failed = None;
        for one in all {
            match self.withdraw_one(&one, revoked, None).await {
                Err(NodeError::Referral(Illegal::Withdrawn)) if revoked => {}
                Err(NodeError::Referral(_)) if one != *id => {}
                Err(error) => {
                    self.put_off(&one);
                    failed = failed.or(Some(error));
                }
                Ok(()) => {}
            }
            self.watch(&one).await;
        }
        failed.map_or(Ok(()), Err)
    }

    /// Nothing allows to keep a case any more. Before its offers are withdrawn, so that the upkeep goes on with it if we die or something fails on the way.
    pub(super) async fn revoke(&self, id: &CaseId, case: &mut CaseRow) -> Result<(), NodeError> {
        if case.revoked {
            return Ok(());
        }
        case.revoked = true;
        case.empty();
        self.let_cases_rest(false);
        self.commit(case.keep(id)).await.map(drop)
    }

    /// The other offers of a case go, once whom a person chose has it: nobody has to withdraw them by hand. What fails is done by the next upkeep.
    pub(super) async fn let_others_go(&self, id: &ReferralId) -> Result<(), NodeError> {
        let is_chosen = |(_, case): &(CaseId, CaseRow)| case.chosen == Some(*id) && !case.let_go.is_empty();
        // Most often there is nothing to be done, and nobody's turn is taken for that.
        if self.case_of(&self.store.snapshot()?, id)?.filter(is_chosen).is_none() {
            return Ok(());
        }
        let _turn = self.referral_turn().await;
        let snapshot = self.store.snapshot()?;
        let Some((case_id, mut case)) = self.case_of(&snapshot, id)?.filter(is_chosen) else {
            return Ok(());
        };
        let Some(chosen) = snapshot.conversation(id)? else { return Ok(()) };
        if chosen.standing.owner() != Side::Receiver || chosen.standing.origin.withdrawn.is_some() {
            return Ok(());
        }
        for other in std::mem::take(&mut case.let_go) {
            let known = snapshot.conversation(&other)?;
            // One that was refused, declined or handed back is whoever wants to close it's; one that is held is no offer yet.
            if known.is_none_or(|known| is_open(&known.standing)) {
                self.withdraw_one(&other, false, Some(code(TRANSFERRED)?)).await?;
                self.watch(&other).await;
            }
        }
        // What was dropped before it left is in the case no more.
        if let Some(now) = self.case(&self.store.snapshot()?, &case_id)? {
            self.commit(CaseRow { let_go: Vec::new(), ..now }.keep(&case_id)).await?;
        }
        Ok(())
    }

    /// Withdraws one offer. For whoever holds the turn.
    pub(super) async fn withdraw_one(&self, id: &ReferralId, revoked: bool, reason: Option<Code>) -> Result<(), NodeError> {
        self.drop_what_is_held(id).await?;
        let snapshot = self.store.snapshot()?;
        let Some(conversation) = snapshot.conversation(id)? else { return Ok(()) };
        if conversation.row.side != Side::Origin {
            return Err(NodeError::Referral(Illegal::NotTheirs));
        }
        // A peer that was removed is told nothing in a log any more. What is here of it goes all the same, and the recall is kept for its return.
        let passed = match self.next_message(&snapshot, &conversation, Words::Withdraw { revoked, reason }) {
            Err(NodeError::Withheld(_)) => None,
            passed => Some(passed?),
        };
        let (audience, at) = (Audience::Direct(conversation.row.peer), self.clock.now());
        let changes = {
            // What waits gets no position between being looked at and being taken out.
            let _one_at_a_time = self.positioning.lock().await;
            self.store.settled().await;
            let snapshot = self.store.snapshot()?;
            let places = self.places(&snapshot, &conversation)?;
            let mut changes = Vec::new();
            // Of an offer that has not left nobody hears anything.
            let never_left = places.entries.is_empty() && !places.waiting.is_empty() && conversation.receiver.is_empty();
            if never_left {
                changes.extend(self.over(&snapshot, &conversation)?);
            } else {
                // What is counted of it is read off what is destroyed here.
                changes.extend(self.books(&snapshot, &conversation)?);
            }
            if !places.waiting.is_empty() {
                changes.push(Change::Dequeue { audience, waiting: places.waiting, at });
            }
            for (log, seqs) in places.entries {
                let is_ours = snapshot.log(&log)?.is_some_and(|row| row.key.author == self.org());
                for seqs in seqs.chunks(SEQS_MAX) {
                    let (seqs, mode, reason) = (seqs.to_vec(), WithdrawalMode::Recall, String::new());
                    if !is_ours {
                        changes.push(Change::Destroy { log, seqs, reason: crate::model::log::AbsentReason::Recalled, at });
                        continue;
                    }
                    changes.push(Change::TakeBack { log, seqs: seqs.clone(), mode, reason: reason.clone(), at, bars: false });
                    let withdrawal = Withdrawal { log, seqs, mode, reason };
                    let recall = Recall { author: self.org(), withdrawal: withdrawal.clone(), at, group: None };
                    changes.push(self.keep_recall(&recall, audience, &sign_recall(&recall, &self.keys.log_key())));
                    changes.extend(self.release_of(Record::Withdrawal(withdrawal), audience)?);
                }
            }
            if let Some(passed) = passed.filter(|_| !never_left) {
                changes.push(self.release_change(audience, vec![passed.item], &passed.remarks));
            }
            let count = changes.len();
            self.commit_many(changes).await?;
            count
        };
        tracing::info!(referral = %super::short(id), changes, "a referral was withdrawn");
        self.touch();
        self.position_or_later(audience).await;
        Ok(())
    }

    /// What is held of a referral never leaves.
    pub(super) async fn drop_what_is_held(&self, id: &ReferralId) -> Result<(), NodeError> {
        let _one_at_a_time = self.holds_in_turn().await;
        let snapshot = self.store.snapshot()?;
        if let Some(held) = self.held_message(&snapshot, id)? {
            let Some(row) = snapshot.hold(&held)? else { return Ok(()) };
            drop(snapshot);
            self.commit_many(self.without_held(&held, &row)?).await?;
            self.holds_changed.ring();
        }
        Ok(())
    }

    /// The changes that undo a hold, and what was kept of a case for it.
    pub(in super::super) fn without_held(
        &self,
        held: &crate::model::ReleaseId,
        row: &crate::store::hold::HoldRow,
    ) -> Result<Vec<Change>, NodeError> {
        let mut changes = vec![Change::Unhold(*held)];
        if let Some(referral) = &row.referral {
            changes.extend(self.without_offer(&self.store.snapshot()?, referral)?);
        }
        Ok(changes)
    }
}
