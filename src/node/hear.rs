//! A peer says what it holds: we learn how far behind we are, whether we are an old copy, and what to ask for.

use super::{Node, NodeError};
use crate::link::convert::{GroupState, Holdings, LogState as TheirLog};
use crate::model::group::Definition;
use crate::model::log::{Audience, Branch, Equivocation, Head, LogKey};
use crate::model::{LogId, OrgId};
use crate::rules::label::{Held, Outbound, may_offer, outbound_branch};
use crate::store::LogState;
use crate::store::change::Change;

/// What a peer has said of a log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offered {
    pub(super) size: u64,
    pub(super) audience: Audience,
}

/// So many logs of others are remembered with what was said of them.
pub(super) const OFFERED_MAX: usize = 50_000;

/// What to ask a peer for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// The log.
    pub log: LogKey,
    /// From this position on.
    pub from: u64,
    /// Whether the wish stands: the author pushes new entries; a relay is asked again when it says that it has more.
    pub standing: bool,
}

/// What follows from a peer's `Have`.
#[derive(Debug, Default)]
pub struct Heard {
    /// What to ask it for.
    pub wishes: Vec<Wish>,
    /// Logs of which it holds another history than ours: our branch, for it to compare.
    pub conflicts: Vec<Outbound<Branch>>,
}

impl Node {
    /// What this node may offer a peer, and what it holds of the peer's own logs.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn offer(&self, peer: &OrgId) -> Result<Holdings, NodeError> {
        let snapshot = self.store.snapshot()?;
        let mut logs = Vec::new();
        for row in snapshot.logs()? {
            let group = match row.key.audience {
                Audience::Group(group) => self.definition(&snapshot, &group)?,
                Audience::Direct(_) => None,
            };
            if may_offer(&row.key, &self.org(), peer, group.as_ref()).is_ok() {
                logs.push(TheirLog { key: row.key, head: row.head });
            }
        }
        let mut groups = Vec::new();
        for row in snapshot.groups()? {
            if self.definition(&snapshot, &row.group)?.is_some_and(|definition| definition.has(peer)) {
                groups.push(GroupState { group: row.group, number: row.number, roster: self.roster_number(&snapshot, &row.group)? });
            }
        }
        Ok((logs, groups))
    }

    /// Takes what a peer says it holds. `complete` ends the first `Have` of a link: from then on our logs to it may grow.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn hear(&self, peer: &OrgId, logs: &[TheirLog], complete: bool) -> Result<Heard, NodeError> {
        let mut heard = Heard::default();
        let mut ahead_of_us = None;
        for theirs in logs {
            let ours_to_write = theirs.key.author == self.org();
            match self.compare(peer, theirs)? {
                Comparison::Nothing => {}
                Comparison::TheyHaveMore { from } => {
                    if theirs.head.size >= from && self.holds_back(&self.store.snapshot()?)? {
                        self.owes(peer, &theirs.key, theirs.head.size);
                    }
                    ahead_of_us = ahead_of_us.max(ours_to_write.then_some(theirs.key.incarnation));
                    let standing = theirs.key.author == *peer;
                    heard.wishes.push(Wish { log: theirs.key, from, standing });
                }
                Comparison::Contradiction(branch) => {
                    ahead_of_us = ahead_of_us.max(ours_to_write.then_some(theirs.key.incarnation));
                    let snapshot = self.store.snapshot()?;
                    heard.conflicts.extend(outbound_branch(Held(*branch), &self.path(&snapshot, &theirs.key, peer)?.way()).ok());
                }
            }
            if ours_to_write {
                self.tell_again_what_was_lost(peer, theirs).await?;
            }
        }
        // Of an incarnation that is closed here it may hold a tail to be fetched back; that is known already.
        if let Some(theirs) = ahead_of_us {
            self.take_claim(peer, theirs).await?;
        }
        if complete {
            // From now on it cannot tell us of anything that we have forgotten.
            {
                let mut memory = self.memory();
                memory.seen.insert(*peer);
                memory.telling.remove(peer);
            }
            self.settle_restore().await?;
            self.take_back_all_that_came_back().await?;
            self.position_all().await?;
            self.settle_log_keys().await?;
        }
        Ok(heard)
    }

    /// A peer that holds less of our log than it once acknowledged was restored from a copy: with it, it may have lost recalls.
    async fn tell_again_what_was_lost(&self, peer: &OrgId, theirs: &TheirLog) -> Result<(), NodeError> {
        let acks = self.store.snapshot()?.acks(&theirs.key.id())?;
        if acks.iter().any(|ack| ack.peer == *peer && ack.through > theirs.head.size) {
            self.commit(Change::RecallsUntold(*peer)).await?;
            self.touch();
        }
        Ok(())
    }

    /// A peer says that it holds more of our own log than we do, so this may be a restored copy. It is believed once, because signing a
    /// position twice is worse than an incarnation too many; not again before it has shown what it said it holds.
    async fn take_claim(&self, peer: &OrgId, incarnation: u64) -> Result<(), NodeError> {
        let in_force = incarnation >= self.store.snapshot()?.incarnation()?;
        if in_force && self.memory().claimed.insert(*peer) && self.leave_incarnation(incarnation, None).await?.is_some() {
            tracing::error!(peer = %peer, "a peer holds more of our own log than we do: this is a restored copy");
        }
        Ok(())
    }

    /// A peer has shown what it said it holds of our own log.
    pub fn claim_was_true(&self, peer: &OrgId) {
        self.memory().claimed.remove(peer);
    }

    fn compare(&self, peer: &OrgId, theirs: &TheirLog) -> Result<Comparison, NodeError> {
        let snapshot = self.store.snapshot()?;
        let group = match theirs.key.audience {
            Audience::Group(group) => self.definition(&snapshot, &group)?,
            Audience::Direct(_) => None,
        };
        if !self.may_take(peer, &theirs.key, group.as_ref()) {
            return Ok(Comparison::Nothing);
        }
        let id = theirs.key.id();
        {
            let mut memory = self.memory();
            if memory.offered.len() < OFFERED_MAX || memory.offered.contains_key(&(*peer, id)) {
                memory.offered.insert((*peer, id), Offered { size: theirs.head.size, audience: theirs.key.audience });
            }
        }
        let Some(row) = snapshot.log(&id)? else {
            let ours = theirs.key.author == self.org();
            let wanted = theirs.head.size > 0 || !ours;
            return Ok(if wanted { Comparison::TheyHaveMore { from: 1 } } else { Comparison::Nothing });
        };
        let at = theirs.head.size;
        if at > 0 && at <= row.head.size {
            let contradicts = snapshot.header(&id, at)?.is_some_and(|header| header.hash() != theirs.head.hash);
            if contradicts && let Some(branch) = self.branch(&snapshot, &id, at)? {
                return Ok(Comparison::Contradiction(Box::new(branch)));
            }
        }
        // Whoever holds the proof takes no more of it; the other history's holders were told above.
        if row.state == LogState::Halted {
            return Ok(Comparison::Nothing);
        }
        let author_is_there = theirs.key.author == *peer;
        let more = at > row.head.size;
        Ok(if more || author_is_there { Comparison::TheyHaveMore { from: row.head.size + 1 } } else { Comparison::Nothing })
    }

    /// Whether a log may be taken from a peer, and checked: then it is asked for where there is more of it.
    pub(super) fn may_take(&self, peer: &OrgId, log: &LogKey, group: Option<&Definition>) -> bool {
        // What the peer may not have from us it may not give us either.
        if may_offer(log, peer, &self.org(), group).is_err() {
            return false;
        }
        let members_log = group.is_none_or(|group| group.has(&log.author));
        let far_ahead = log.incarnation > self.clock.now().plus(86_400_000).0 / 1_000;
        // What cannot be checked is not asked for either: a log whose author's card is not known.
        members_log && !far_ahead && self.log_keys(&log.author).is_some()
    }

    /// Our history of a log from a position to the next checkpoint that we hold.
    pub(super) fn branch(&self, snapshot: &crate::store::Snapshot, log: &LogId, from: u64) -> Result<Option<Branch>, NodeError> {
        let Some(start) = snapshot.header(log, from)? else { return Ok(None) };
        let Some(Held(batch)) = snapshot.batch_at(log, from)? else { return Ok(None) };
        let checkpoint = batch.checkpoint;
        let mut headers = Vec::new();
        for seq in from + 1..=checkpoint.head.size {
            match snapshot.header(log, seq)? {
                Some(header) => headers.push(header),
                None => return Ok(None),
            }
        }
        Ok(Some(Branch { from: Head { size: from, hash: start.hash() }, headers, checkpoint }))
    }

    /// Takes another history of a log that a peer holds. When it proves that the author signed both, the proof is kept and the log is
    /// taken no more; our own log goes on in the next incarnation. Returns our branch where the peer still needs it.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn take_conflict(&self, peer: &OrgId, theirs: Branch) -> Result<Option<Outbound<Branch>>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let id = theirs.checkpoint.log;
        let Some(row) = snapshot.log(&id)? else { return Ok(None) };
        let Some(ours) = self.branch(&snapshot, &id, theirs.from.size)? else { return Ok(None) };
        // Ours was verified when it came, perhaps with a key that no card names any more.
        let signed = snapshot.checkpoint_at(&id, ours.checkpoint.head.size)?.and_then(|signed| signed.author_key);
        let named = self.log_keys(&row.key.author).map(|keys| keys.in_proof(row.key.incarnation));
        let keys: Vec<[u8; 32]> = named.unwrap_or_default().into_iter().chain(signed).collect();
        let Some(proof) = Equivocation::prove(ours.clone(), theirs, &keys) else { return Ok(None) };
        // A proof is taken from anyone; our history goes only to whom the log may go.
        let ours = outbound_branch(Held(ours), &self.path(&snapshot, &row.key, peer)?.way()).ok();
        if row.state == LogState::Halted {
            return Ok(ours);
        }
        tracing::error!(author = %row.key.author, log = %id, peer = %peer, "an author signed two histories of one log; the proof is kept");
        let evidence = Change::Evidence { log: row.key, proof, at: self.clock.now() };
        if row.key.author == self.org() {
            self.leave_incarnation(row.key.incarnation, Some(evidence)).await?;
        } else {
            self.commit(evidence).await?;
        }
        Ok(ours)
    }
}

enum Comparison {
    Nothing,
    TheyHaveMore { from: u64 },
    Contradiction(Box<Branch>),
}
