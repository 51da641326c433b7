//! Retention dates pass: expired records are hidden at once, and destroyed once our clock can be believed.

use super::{Node, NodeError};
use crate::model::log::AbsentReason;
use crate::model::{OrgId, Timestamp};
use crate::rules::retain::{clocks_agree, may_destroy};
use crate::store::change::Change;

/// A clock that was heard longer ago does not count (in milliseconds).
const HEARD_MS_MAX: u64 = 86_400_000;
/// How many positions of a log are destroyed in one change.
const DESTROY_MAX: usize = 1_000;

impl Node {
    /// A peer has said what its clock shows.
    pub fn note_clock(&self, peer: OrgId, theirs: u64) {
        let ours = self.clock.now();
        let offset = i64::try_from(i128::from(theirs) - i128::from(ours.0)).unwrap_or(i64::MAX);
        self.memory().clocks.insert(peer, (offset, ours));
    }

    /// One look at the clocks; to be called about once a minute. Says for how long they have agreed, in milliseconds of running.
    fn clocks_agreed_for(&self, now: Timestamp) -> Result<u64, NodeError> {
        let peers = self.open_peers()?.len();
        let running = self.clock.monotonic_ms();
        let mut memory = self.memory();
        let fresh = memory.clocks.values().filter(|(_, heard)| now.since(*heard) <= HEARD_MS_MAX);
        let offsets: Vec<i64> = fresh.map(|(offset, _)| *offset).collect();
        if !clocks_agree(&offsets, peers) {
            memory.clocks_agree_since = None;
            return Ok(0);
        }
        let since = *memory.clocks_agree_since.get_or_insert(running);
        Ok(running.saturating_sub(since))
    }

    /// Destroys what has expired, if our clock agreed with our peers' for a day of running, or an operator gives the word.
    /// Returns how many bodies went.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn destroy_expired(&self, operators_word: bool) -> Result<u64, NodeError> {
        let now = self.clock.now();
        let agreed_for = self.clocks_agreed_for(now)?;
        if !operators_word && !may_destroy(agreed_for) {
            return Ok(0);
        }
        let mut destroyed = 0;
        loop {
            let expired = self.store.snapshot()?.expired(now, DESTROY_MAX)?;
            if expired.is_empty() {
                break;
            }
            for (log, seqs) in expired {
                destroyed += seqs.len() as u64;
                self.commit(Change::Destroy { log, seqs, reason: AbsentReason::Expired, at: now }).await?;
            }
        }
        if destroyed > 0 {
            tracing::info!(destroyed, "bodies past their retention date were destroyed");
        }
        Ok(destroyed)
    }
}
