//! Who is asked next when nobody answers: by the node itself within what was agreed, and never beyond the consent. The first offer stays open, the case
//! stays ours, and whoever accepts while nobody else has is confirmed.

use super::super::escalate::NotOffered;
use super::super::hold::Hold;
use super::super::{Node, NodeError};
use super::By;
use super::say::Passed;
use crate::model::referral::Priority;
use crate::model::{OrgId, ReferralId};
use crate::rules::referral::{Decision, Side, Standing};
use crate::store::change::Change;
use crate::store::{Conversation, Snapshot};

/// An offer that passed the gate and may be made without a person's word.
pub(in super::super) struct Next {
    /// To whom.
    pub(in super::super) to: OrgId,
    /// As which referral.
    pub(in super::super) referral: ReferralId,
    passed: Passed,
    /// What is kept of it.
    beside: Vec<Change>,
}

/// Whether somebody was asked, has not answered, and is still waited for.
fn is_asked(standing: &Standing) -> bool {
    standing.receiver.decision == Decision::Open && standing.origin.withdrawn.is_none() && standing.origin.closed.is_none()
}

/// Whether somebody has said yes, or has the case.
fn is_taken(standing: &Standing) -> bool {
    let accepted = matches!(standing.receiver.decision, Decision::Accepted(_)) && standing.receiver.handed_back.is_none();
    standing.owner() == Side::Receiver || accepted && standing.origin.withdrawn.is_none()
}

impl Node {
    /// The offer to the next candidate of the case that a referral is about, or why there is none.
    pub(in super::super) fn next_offer(&self, snapshot: &Snapshot, id: &ReferralId) -> Result<Result<Next, NotOffered>, NodeError> {
        let Some((case_id, case)) = self.case_of(snapshot, id)?.filter(|(_, case)| case.offer.is_some()) else {
            return Ok(Err(NotOffered::Gone));
        };
        if !case.automatic {
            return Ok(Err(NotOffered::NotAutomatic));
        }
        if self.offers_of(snapshot, &case)?.iter().any(|one| is_taken(&one.standing)) {
            return Ok(Err(NotOffered::Accepted));
        }
        for later in case.given.iter().skip_while(|given| given.referral != *id).skip(1) {
            let conversation = snapshot.conversation(&later.referral)?;
            let is_waited_for = match &conversation {
                Some(conversation) => is_asked(&conversation.standing),
                None => self.held_message(snapshot, &later.referral)?.is_some(),
            };
            if is_waited_for {
                return Ok(Err(NotOffered::AnotherIsAsked));
            }
        }
        if case.offer.as_ref().and_then(|offer| offer.expires).is_some_and(|expires| expires <= self.clock.now()) {
            return Ok(Err(NotOffered::NoCandidate));
        }
        for to in case.candidates.clone() {
            if self.profile_of(&to)?.is_some_and(|profile| profile.takes_none()) {
                tracing::info!(referral = %super::short(id), "a candidate takes no cases now");
                continue;
            }
            match self.prepare_offer(snapshot, &case_id, &mut case.clone(), to, By::default(), "offer-next") {
                Ok((_, passed, _)) if Self::waits_for_a_person(&passed.item) => {}
                Ok((referral, passed, beside)) => return Ok(Ok(Next { to, referral, passed, beside })),
                Err(error) => tracing::info!(referral = %super::short(id), code = error.code(), "a candidate cannot be asked"),
            }
        }
        Ok(Err(NotOffered::NoCandidate))
    }

    /// Makes the offer, in one transaction with these changes. It is not held: nobody is there to undo it.
    pub(in super::super) async fn offer_with(&self, next: Next, mut beside: Vec<Change>) -> Result<(), NodeError> {
        let Next { referral, passed, beside: kept, .. } = next;
        beside.extend(kept);
        self.hold_or_say(&referral, passed, Hold::Skipped, beside).await?;
        Ok(())
    }

    /// How soon a case needs somebody, while anything is known of it.
    pub(in super::super) fn priority_of(&self, snapshot: &Snapshot, conversation: &Conversation) -> Result<Option<Priority>, NodeError> {
        match self.ours(snapshot, &conversation.id)?.skeleton {
            Some(skeleton) => Ok(Some(skeleton.priority)),
            None => Ok(self.offer_of(snapshot, conversation)?.map(|offer| offer.priority)),
        }
    }
}
