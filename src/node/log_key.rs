//! Log-signing keys: whose counts where, and what happens when ours changes.
//!
//! A new key is in force at once, and our card tells it to everyone. Each log of ours then gets a `KeyChange`, signed with the old key as
//! its last position under it, as soon as a reader of that log was seen: positions are given no earlier than that. Until then nothing else
//! is positioned there. The old key's file goes when no log of ours needs it any more.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::share::Remarks;
use super::view::LogKeyView;
use super::{Node, NodeError};
use crate::link::convert::decode_record;
use crate::model::crypto::SigningKey;
use crate::model::group::{Definition, Member};
use crate::model::identity::{Card, LogKeys};
use crate::model::log::{Audience, Checkpoint, LogKey};
use crate::model::{OrgId, Record, RecordKind, Timestamp, Tlp};
use crate::rules::label::Held;
use crate::rules::release::Draft;
use crate::store::change::{Meaning, PeerState};
use crate::store::{LogInfo, LogState, Snapshot};

/// What the cards say, and at which count of changes they said it.
#[derive(Debug, Default)]
pub(super) struct KnownKeys {
    changes: (u64, u64),
    keys: BTreeMap<OrgId, Option<Arc<LogKeys>>>,
}

impl Node {
    /// The log-signing keys of an organisation by its newest card: its own as a peer, or one in a group's definition. `None` for one of
    /// which we know no card.
    pub fn log_keys(&self, org: &OrgId) -> Option<Arc<LogKeys>> {
        if *org == self.org() {
            return Some(Arc::new(self.keys.log_keys()));
        }
        // Cards are verified when they are read, so what they say is kept in mind until one of them may have changed.
        let changes = (self.peers_changed.count(), self.groups_changed.count());
        if let Some(known) = Some(&self.memory().known_keys).filter(|known| known.changes == changes).and_then(|known| known.keys.get(org))
        {
            return known.clone();
        }
        let snapshot = self.store.snapshot().ok()?;
        let keys = self.newest_card(&snapshot, org, Vec::new()).ok()?.map(|card| Arc::new(card.log_keys()));
        let mut memory = self.memory();
        if memory.known_keys.changes != changes {
            memory.known_keys = KnownKeys { changes, keys: BTreeMap::new() };
        }
        memory.known_keys.keys.insert(*org, keys.clone());
        keys
    }

    /// The log-signing key that an organisation's newest card names, if one is known: what it signs outside its logs now is signed with it.
    pub(super) fn current_key(&self, org: &OrgId) -> Vec<[u8; 32]> {
        self.log_keys(org).map(|keys| keys.current().public).into_iter().collect()
    }

    /// The newest card of an organisation among those that we hold and these others. Each is signed by its root, so it does not matter
    /// whence it comes; and one that does not continue the known one is not newer.
    pub(super) fn newest_card(&self, snapshot: &Snapshot, org: &OrgId, others: Vec<Card>) -> Result<Option<Card>, NodeError> {
        if *org == self.org() {
            return Ok(Some(self.keys.card()));
        }
        let peer = snapshot.peer(org)?.and_then(|peer| Card::from_bytes(&peer.card).ok());
        let cards = peer.into_iter().chain(self.member_card(snapshot, org)?).chain(others).filter(|card| card.org() == *org);
        Ok(cards.reduce(|one, other| if other.newer_than(&one) { other } else { one }))
    }

    /// The keys with which the next batch of a log may be signed, after one that was signed with `before`.
    pub fn keys_in_log(&self, log: &LogKey, before: Option<[u8; 32]>) -> Vec<[u8; 32]> {
        match self.log_keys(&log.author) {
            Some(keys) => keys.in_log(log.incarnation, before.as_ref()),
            None => before.into_iter().collect(),
        }
    }

    /// Whether a key is one that its author has put away: what is signed with it came from an honest hand, or from a thief's.
    pub fn was_ever_its_key(&self, author: &OrgId, checkpoint: &Checkpoint) -> bool {
        self.log_keys(author).is_some_and(|keys| checkpoint.signer(&keys.ever()).is_some())
    }

    /// A change of key that changes something: to a newer key than the one that signs.
    pub(super) fn only_to_a_newer_key(&self, author: &OrgId, signs: [u8; 32], meaning: Meaning) -> Meaning {
        match meaning {
            Meaning::KeyChange(key) if self.log_keys(author).is_none_or(|keys| keys.newer(signs, key) == signs) => Meaning::None,
            other => other,
        }
    }

    /// A checkpoint of ours as it leaves: where nobody would believe the key that it was signed with, because it was stolen or is too long
    /// ago, signed anew with the one in force.
    pub(super) fn believed(&self, log: &LogKey, checkpoint: Checkpoint) -> Checkpoint {
        if log.author != self.org() {
            return checkpoint;
        }
        let keys = self.keys.log_keys();
        // A reader that was given one batch under the key in force believes no earlier key in that log any more: where one is signed anew,
        // all are.
        let believed_keys = if keys.has_gaps() { vec![keys.current().public] } else { keys.in_log(log.incarnation, None) };
        let is_believed = !keys.has_earlier() || checkpoint.signer(&believed_keys).is_some();
        if is_believed { checkpoint } else { checkpoint.signed_anew(&self.keys.log_key()) }
    }

    /// Puts a new log-signing key in force. `stolen` says that those before may be in other hands.
    ///
    /// # Errors
    /// When the root key is not in the key directory, or the store takes no changes.
    pub async fn rotate_log_key(&self, stolen: bool) -> Result<LogKeyView, NodeError> {
        {
            // No batch is signed while the key changes.
            let _one_at_a_time = self.positioning.lock().await;
            self.keys.rotate_log(self.clock.now(), stolen)?;
        }
        let number = self.keys.log_keys().current().number;
        tracing::info!(number, stolen, "our log-signing key has changed");
        self.touch_peers();
        self.settle_log_keys().await?;
        self.confirm_groups().await?;
        let waiting = self.logs_under_former_keys()?.len() as u64;
        Ok(LogKeyView { card_number: self.keys.card().content().number, log_key_number: number, logs_waiting: waiting })
    }

    /// Fixes the last position under a former key of ours in each log whose reader was seen, and destroys the keys that no log needs.
    ///
    /// # Errors
    /// When the store or a key file cannot be read or takes no changes.
    pub async fn settle_log_keys(&self) -> Result<(), NodeError> {
        // Looked at first: a key that is put away meanwhile is not among those that may be destroyed.
        let former = self.keys.former_log_keys();
        if former.is_empty() {
            return Ok(());
        }
        for (log, _) in self.logs_under_former_keys()? {
            self.position(log.key.audience).await?;
        }
        let needed: Vec<u32> = self.logs_under_former_keys()?.into_iter().map(|(_, number)| number).collect();
        for number in former.into_keys().filter(|number| !needed.contains(number)) {
            self.keys.forget_log_key(number)?;
            tracing::info!(number, "a former log-signing key was destroyed: no log of ours needs it");
        }
        Ok(())
    }

    /// The open logs of ours in which a former key is in force, with its number.
    pub(super) fn logs_under_former_keys(&self) -> Result<Vec<(LogInfo, u32)>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let mut logs = Vec::new();
        for log in snapshot.logs_of(&self.org())? {
            if log.state == LogState::Open
                && self.has_readers(&snapshot, log.key.audience)?
                && let Some((number, _)) = self.former_key_in(&snapshot, &log)?
            {
                logs.push((log, number));
            }
        }
        Ok(logs)
    }

    /// Whether anybody is left who may read what we say to an audience.
    fn has_readers(&self, snapshot: &Snapshot, audience: Audience) -> Result<bool, NodeError> {
        Ok(match audience {
            Audience::Direct(org) => snapshot.peer(&org)?.is_some_and(|peer| peer.state != PeerState::Removed),
            Audience::Group(group) => self.definition(snapshot, &group)?.is_some(),
        })
    }

    /// The former key of ours that is still in force in a log: the one that its last batch tells of, where we have it.
    fn former_key_in(&self, snapshot: &Snapshot, log: &LogInfo) -> Result<Option<(u32, Arc<SigningKey>)>, NodeError> {
        let Some(Held(batch)) = snapshot.batch_at(&log.id, log.head.size)? else { return Ok(None) };
        let keys = self.keys.log_keys();
        let changed_to = match snapshot.body(&log.id, log.head.size)? {
            Some(Held(body)) if batch.entries.last().is_some_and(|last| last.kind == RecordKind::KeyChange.number()) => new_key(&body),
            _ => None,
        };
        let in_force = changed_to.or_else(|| batch.checkpoint.signer(&keys.ever()));
        let number = in_force.and_then(|key| keys.number(&key)).filter(|number| *number < keys.current().number);
        Ok(number.and_then(|number| Some((number, self.keys.former_log_keys().get(&number)?.clone()))))
    }

    /// Before anything else is positioned in a log of ours: its last position under a former key. `false` when it cannot be given now.
    /// To be called by whoever holds the lock on positions.
    pub(super) async fn fix_last_position(&self, audience: Audience) -> Result<bool, NodeError> {
        while !self.keys.former_log_keys().is_empty() {
            let snapshot = self.store.snapshot()?;
            let Some(log) = snapshot.our_log(&audience)?.filter(|log| log.state == LogState::Open && log.head.size > 0) else { break };
            let Some((_, former)) = self.former_key_in(&snapshot, &log)? else { break };
            let Some(waiting) = snapshot.waiting_of_kind(&audience, RecordKind::KeyChange.number())? else {
                if !self.queue_key_change(audience).await? {
                    return Ok(false);
                }
                continue;
            };
            if !self.append(snapshot, log.key, vec![waiting], &former).await? {
                return Ok(false);
            }
            self.touch();
        }
        Ok(true)
    }

    async fn queue_key_change(&self, audience: Audience) -> Result<bool, NodeError> {
        let record = Record::KeyChange(self.keys.log_keys().current().public);
        // For ever: whoever comes later reads the log under the old key up to here.
        let draft = Draft { record, label: Tlp::AmberStrict.into(), audience, retention: Timestamp(0) };
        let door = self.door(audience)?;
        match self.pass_gate(&door, draft) {
            Ok(item) => self.make_durable(audience, vec![item], &Remarks::not_held(&door)).await.map(|_| true),
            Err(reason) => {
                tracing::info!(%reason, "a change of key waits until its audience may be told");
                Ok(false)
            }
        }
    }

    /// Whether a definition names a member with another log key than its newest card: members who are not its peers learn its card from
    /// there alone.
    pub(super) fn names_a_former_key(&self, definition: &Definition) -> bool {
        let is_former = |member: &Member| match (card_in(definition, &member.org), self.log_keys(&member.org)) {
            (Some(told), Some(keys)) => told.content().log_key != keys.current(),
            _ => false,
        };
        definition.members.iter().any(is_former)
    }
}

/// An organisation's card as a definition carries it.
pub(super) fn card_in(definition: &Definition, org: &OrgId) -> Option<Card> {
    let member = definition.members.iter().find(|member| member.org == *org)?;
    Card::from_bytes(&member.card).ok().filter(|card| card.org() == *org)
}

fn new_key(body: &[u8]) -> Option<[u8; 32]> {
    match decode_record(RecordKind::KeyChange, body) {
        Ok(Record::KeyChange(key)) => Some(key),
        _ => None,
    }
}
