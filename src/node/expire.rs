//! Retention dates pass: expired records are hidden at once, and destroyed once our clock can be believed.

use std::collections::BTreeSet;

use super::{Node, NodeError};
use crate::model::log::AbsentReason;
use crate::model::{OrgId, Timestamp};
use crate::rules::retain::{clocks_agree, may_destroy};
use crate::store::change::Change;

/// A clock that was heard longer ago does not count (7 days of running, in milliseconds): nodes from before these told theirs when a link came
/// up alone, and links stay up for long.
const HEARD_MS_MAX: u64 = 7 * 86_400_000;
/// How many positions of a log are destroyed in one change.
const DESTROY_MAX: usize = 1_000;

impl Node {
    /// What our clock shows, to be told to a peer now.
    pub fn tell_clock(&self, peer: OrgId) -> u64 {
        let (now, running) = self.clock.both();
        self.memory().clocks_told.insert(peer, (now.0, running));
        now.0
    }

    /// What a peer was told last of our clock, and what it told last of its own; each with how long we had run then, in milliseconds. A test
    /// that lets hours pass at once waits for the one to become the other.
    pub fn clocks_said(&self, peer: &OrgId) -> [Option<(u64, u64)>; 2] {
        let memory = self.memory();
        [&memory.clocks_told, &memory.clocks].map(|said| said.get(peer).copied())
    }

    /// A peer has said what its clock shows. What it shows later follows from how long we have run since, so that a jump of our own
    /// clock is seen.
    pub fn note_clock(&self, peer: OrgId, theirs: u64) {
        let heard = self.clock.monotonic_ms();
        self.memory().clocks.insert(peer, (theirs, heard));
    }

    /// One look at the clocks; to be called about once a minute. What ours shows, and for how long they have agreed, in milliseconds of running.
    fn clocks_agreed_for(&self) -> Result<(Timestamp, u64), NodeError> {
        let peers: BTreeSet<OrgId> = self.open_peers()?.into_iter().map(|peer| peer.org).collect();
        let (now, running) = self.clock.both();
        let mut memory = self.memory();
        let since = |heard: &u64| running.saturating_sub(*heard);
        // Whoever was suspended or removed since has no say any more.
        let fresh = memory.clocks.iter().filter(|(peer, (_, heard))| peers.contains(peer) && since(heard) <= HEARD_MS_MAX);
        let offsets: Vec<i64> = fresh.map(|(_, (theirs, heard))| offset(theirs.saturating_add(since(heard)), now)).collect();
        if !clocks_agree(&offsets, peers.len()) {
            memory.clocks_agree_since = None;
            return Ok((now, 0));
        }
        let since = *memory.clocks_agree_since.get_or_insert(running);
        Ok((now, running.saturating_sub(since)))
    }

    /// Destroys what has expired, held releases too, if our clock agreed with our peers' for a day of running, or an operator gives the word.
    /// Returns how many bodies went.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn destroy_expired(&self, operators_word: bool) -> Result<u64, NodeError> {
        let (now, agreed_for) = self.clocks_agreed_for()?;
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
        for (log, mut seqs) in self.store.snapshot()?.outlived(now)? {
            seqs.sort_unstable();
            destroyed += seqs.len() as u64;
            self.commit(Change::Destroy { log, seqs, reason: AbsentReason::Expired, at: now }).await?;
        }
        self.forget_sightings().await?;
        let _one_at_a_time = self.holds_in_turn().await;
        for (id, row) in self.store.snapshot()?.holds()? {
            if row.retention != Timestamp(0) && row.retention <= now {
                destroyed += row.count();
                self.commit_many(self.without_held(&id, &row)?).await?;
                tracing::info!(release = %id, "what was held past its retention date was dropped");
            }
        }
        if destroyed > 0 {
            tracing::info!(destroyed, "bodies past their retention date were destroyed");
        }
        Ok(destroyed)
    }
}

/// How far another clock is from ours, in milliseconds, theirs minus ours.
fn offset(theirs: u64, ours: Timestamp) -> i64 {
    i64::try_from(i128::from(theirs) - i128::from(ours.0)).unwrap_or(i64::MAX)
}
