//! The upkeep looks each minute at what may have to be done in a referral, and at most of them there is nothing: a case that is closed waits a year for its retention
//! date. Those are left alone for a while. Whatever is said in a referral, here or there, ends its rest and that of the other offers of its case; a date that passes
//! meanwhile is noticed late by as much as it rests.

use super::super::{Node, NodeError};
use super::react::ends;
use crate::model::ReferralId;
use crate::store::{Conversation, Snapshot};
use std::collections::BTreeMap;

/// So long one is left alone that goes on (10 minutes, in milliseconds).
const OPEN_MS: u64 = 600_000;
/// So long one that is closed (an hour).
const CLOSED_MS: u64 = 3_600_000;

/// What is left alone for a while. Times are of the monotonic clock, in milliseconds; a start forgets all of it.
#[derive(Debug, Default)]
pub(in super::super) struct Resting {
    referrals: BTreeMap<ReferralId, Rest>,
    /// Until when no case of ours has to be looked at.
    cases_until_ms: u64,
    /// How often something was put off: nothing rests of which that is so.
    put_off: u64,
}

#[derive(Debug)]
struct Rest {
    /// How many messages of each side there were.
    said: [u64; 2],
    until_ms: u64,
}

impl Node {
    /// Those that are not over and do not rest, with how many messages of each side they have.
    pub(in super::super) fn awake(&self, snapshot: &Snapshot) -> Result<Vec<(ReferralId, [u64; 2])>, NodeError> {
        let now_ms = self.clock.monotonic_ms();
        let (mut awake, mut resting) = (Vec::new(), Vec::new());
        for (id, row) in snapshot.referrals()? {
            if row.over {
                self.memory().resting.referrals.remove(&id);
                continue;
            }
            let said = snapshot.said(&id)?;
            let rest = self.memory().resting.referrals.get(&id).map(|rest| (rest.said == said, now_ms < rest.until_ms));
            match rest {
                Some((true, true)) => resting.push((id, said)),
                Some((false, _)) => {
                    // Something was said in it of which nobody told.
                    self.wake(&id);
                    awake.push((id, said));
                }
                _ => awake.push((id, said)),
            }
        }
        // Others may have been woken by those that came after them.
        let memory = self.memory();
        awake.extend(resting.into_iter().filter(|(id, _)| !memory.resting.referrals.contains_key(id)));
        Ok(awake)
    }

    /// Nothing is to be done in it now. What was said meanwhile keeps it awake.
    pub(super) fn let_rest(&self, snapshot: &Snapshot, conversation: &Conversation, said: [u64; 2]) -> Result<(), NodeError> {
        // What has ended waits for the other side's nod until it is destroyed, and what is held for a person: neither says anything here.
        let waits = ends(conversation) || self.held_message(snapshot, &conversation.id)?.is_some();
        if waits || snapshot.said(&conversation.id)? != said || self.holds_back(snapshot)? {
            return Ok(());
        }
        let rest_ms = if conversation.standing.origin.closed.is_some() { CLOSED_MS } else { OPEN_MS };
        // Not all of them at once again.
        let spread_ms = u64::from(conversation.id.0[0]) * rest_ms / 4 / 256;
        let until_ms = self.clock.monotonic_ms().saturating_add(rest_ms - spread_ms);
        self.memory().resting.referrals.insert(conversation.id, Rest { said, until_ms });
        Ok(())
    }

    /// Something has happened in it, or could not be done: it and the other offers of its case are looked at again, and so are cases.
    pub(in super::super) fn wake(&self, id: &ReferralId) {
        let all = self.store.snapshot().map_err(NodeError::from).and_then(|snapshot| self.with_its_other_offers(&snapshot, id));
        let mut memory = self.memory();
        memory.resting.cases_until_ms = 0;
        match all {
            Ok(all) => {
                for one in &all {
                    memory.resting.referrals.remove(one);
                }
            }
            // Which those are cannot be told now.
            Err(_) => memory.resting.referrals.clear(),
        }
    }

    /// Something that follows could not be done now.
    pub(super) fn put_off(&self, id: &ReferralId) {
        self.wake(id);
        self.memory().resting.put_off += 1;
    }

    /// How often something was put off.
    pub(super) fn times_put_off(&self) -> u64 {
        self.memory().resting.put_off
    }

    /// Whether cases of ours are to be looked at.
    pub(super) fn are_cases_awake(&self) -> bool {
        self.memory().resting.cases_until_ms <= self.clock.monotonic_ms()
    }

    /// They are looked at; what wakes them meanwhile counts.
    pub(super) fn let_cases_rest(&self, rest: bool) {
        let until_ms = if rest { self.clock.monotonic_ms().saturating_add(OPEN_MS) } else { 0 };
        self.memory().resting.cases_until_ms = until_ms;
    }
}
