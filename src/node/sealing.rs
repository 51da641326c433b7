//! What is sealed to the desk: the desk key, who can open it, and who did. Secret halves are never here, nor what they open.

use super::view::{DeskKeyStatus, DeskKeyView, DeskKeysView};
use super::{Node, NodeError};
use crate::model::desk::{BadUserName, KeyShare, SealPublic, SignedKeyChange, SignedOpening, UserName, UserSealKey};
use crate::model::{OrgId, UserKey};
use crate::rules::desk::{self, Denied, Desk, Known, ROTATE_MS};
use crate::store::change::{Change, Refused};
use crate::store::sealing::{DeskKeyRow, SealingChange};
use crate::store::{CommitError, Snapshot};
use std::collections::BTreeSet;

impl Node {
    /// What is sealed to an organisation's desk, is sealed to: by its newest card; our own as it was made last. `None` for one without a desk
    /// key, or of which we know no card.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn desk_public(&self, org: &OrgId) -> Result<Option<SealPublic>, NodeError> {
        let snapshot = self.store.snapshot()?;
        if *org == self.org() {
            return Ok(snapshot.desk_publics()?.pop().map(|row| row.known.key.public));
        }
        let card = self.newest_card(&snapshot, org, Vec::new())?;
        Ok(card.and_then(|card| card.content().desk_key.clone()).map(|key| key.public))
    }

    /// The desk keys, and who can open them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn desk_keys(&self) -> Result<DeskKeysView, NodeError> {
        let desk = self.desk()?;
        let snapshot = self.store.snapshot()?;
        let (rows, shares) = (snapshot.desk_publics()?, snapshot.key_shares()?);
        let known: Vec<Known> = rows.into_iter().map(|row| row.known).collect();
        let view = |known: &Known| {
            let holders = shares.iter().filter(|share| share.number == known.key.number).map(|share| share.user);
            let holders: Vec<UserKey> = holders.filter(|user| desk.by_key(user).is_some_and(desk::opens)).collect();
            let mut opened_by: Vec<_> = holders.iter().filter_map(|user| desk.by_key(user)).map(|user| user.name.clone()).collect();
            opened_by.sort();
            DeskKeyView { key: known.key.clone(), id: known.key.public.id(), holders, opened_by }
        };
        Ok(DeskKeysView {
            org_id: self.org(),
            users: desk.number(),
            card_names: self.card_names(),
            due: desk::due(&desk, &known, self.clock.now()),
            due_at: known.last().map(|known| known.key.created.plus(ROTATE_MS)),
            keys: known.iter().map(view).collect(),
            seal_keys: snapshot.seal_keys()?,
        })
    }

    /// How the desk key stands; `None` for a desk that never had one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn desk_key_status(&self) -> Result<Option<DeskKeyStatus>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let known: Vec<Known> = snapshot.desk_publics()?.into_iter().map(|row| row.known).collect();
        let Some(newest) = known.last() else { return Ok(None) };
        let (number, due_at) = (newest.key.number, newest.key.created.plus(ROTATE_MS));
        let due = desk::due(&self.desk()?, &known, self.clock.now());
        Ok(Some(DeskKeyStatus { number, card_names: self.card_names(), due, due_at }))
    }

    fn card_names(&self) -> Option<u32> {
        self.keys.card().content().desk_key.as_ref().map(|key| key.number)
    }

    /// What is sealed to a user of the desk key's secret halves. None for one who may not open.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn key_shares(&self, name: &str) -> Result<Vec<KeyShare>, NodeError> {
        let name: UserName = name.parse().map_err(|error: BadUserName| NodeError::BadInput(error.to_string()))?;
        let desk = self.desk()?;
        let user = desk.user(&name).ok_or(Denied::UnknownUser(name))?;
        let shares = self.store.snapshot()?.key_shares()?;
        Ok(shares.into_iter().filter(|share| share.user == user.key && desk::opens(user)).collect())
    }

    /// Keeps a user's sealing key. A second one is never taken: it follows from the user's key.
    ///
    /// # Errors
    /// When it does not bear the signature of somebody at the desk, or the store takes no changes.
    pub async fn register_seal_key(&self, key: UserSealKey) -> Result<(), NodeError> {
        key.verify(&self.org()).map_err(|_| Denied::BadSignature)?;
        self.desk()?.by_key(&key.user).ok_or(Denied::NotAUser)?;
        self.commit(Change::Sealing(Box::new(SealingChange::Register(Box::new(key))))).await.map(drop)
    }

    /// Makes a change of the desk key that somebody at the desk has signed, and puts a new key into our card if the root key is at hand.
    /// The secret halves are kept before the card names the key, so that nothing is ever sealed to one that nobody can open.
    ///
    /// # Errors
    /// When it may not be made, another came first, or the store takes no changes. Not when the root key is away: the answer says what the
    /// card names.
    pub async fn change_desk_key(&self, signed: SignedKeyChange) -> Result<DeskKeysView, NodeError> {
        let desk = self.desk()?;
        let snapshot = self.store.snapshot()?;
        let rows = snapshot.desk_publics()?;
        let registered: BTreeSet<UserKey> = snapshot.seal_keys()?.iter().map(|key| key.user).collect();
        let known: Vec<Known> = rows.into_iter().map(|row: DeskKeyRow| row.known).collect();
        let now = self.clock.now();
        desk::check_key(&desk, &known, &registered, &signed, now)?;
        let mut keys: Vec<_> = known.into_iter().map(|known| known.key).collect();
        keys.extend(signed.change.key.clone());
        let forget = if signed.change.key.is_some() { desk::forgotten(&keys, now) } else { Vec::new() };
        let gone = without_right(&snapshot, &desk)?;
        drop(snapshot);
        let (number, by) = (signed.change.key.as_ref().map(|key| key.number), signed.change.by.short());
        let shares = signed.change.shares.len();
        let change = SealingChange::Key { change: Box::new(signed), gone, forget };
        match self.commit_many(vec![Change::Sealing(Box::new(change))]).await {
            Err(CommitError::Refused(Refused::UsersMoved)) => return Err(Denied::NotNext.into()),
            Err(CommitError::Refused(Refused::KeyMoved)) => return Err(Denied::KeyMoved.into()),
            made => made?,
        };
        tracing::info!(number, by, shares, "the desk key has changed, or was given to somebody");
        if let Err(error) = self.settle_desk_key() {
            tracing::warn!(code = error.code(), "the newest desk key could not be put into the card");
        }
        self.desk_keys()
    }

    /// Puts the newest desk key into our card; `false` when it is there already, or there is none.
    ///
    /// # Errors
    /// When the root key is away, or a file cannot be written.
    pub fn publish_desk_key(&self) -> Result<bool, NodeError> {
        let Some(newest) = self.store.snapshot()?.desk_publics()?.pop() else { return Ok(false) };
        let changed = self.keys.set_desk_key(&newest.known.key, self.clock.now())?;
        if changed {
            tracing::info!(number = newest.known.key.number, "the card names the newest desk key");
            match self.links() {
                Ok(links) => links.show_newest()?,
                // Without links the new card goes out with the next start.
                Err(_) => self.touch_peers(),
            }
        }
        Ok(changed)
    }

    /// As [`Self::publish_desk_key`], as soon as the root key is at hand: it is waited for.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn settle_desk_key(&self) -> Result<(), NodeError> {
        match self.publish_desk_key() {
            Err(NodeError::KeyAbsent(_)) => Ok(()),
            done => done.map(drop),
        }
    }

    /// Writes down that somebody at the desk opens what was sealed to it: before they do.
    ///
    /// # Errors
    /// When they may not, or the store takes no changes.
    pub async fn note_opening(&self, signed: SignedOpening) -> Result<(), NodeError> {
        desk::check_opening(&self.desk()?, &signed, self.clock.now())?;
        self.commit(Change::Sealing(Box::new(SealingChange::Opened(signed)))).await?;
        let opening = signed.opening;
        let case = crate::model::id::base32(&opening.referral);
        tracing::info!(by = opening.by.short(), case, key = %opening.key, "what was sealed to the desk is opened");
        Ok(())
    }

    /// Who opened what was sealed to the desk, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn openings(&self) -> Result<Vec<SignedOpening>, NodeError> {
        Ok(self.store.snapshot()?.openings()?)
    }
}

/// Those who have shares and may not open any more.
fn without_right(snapshot: &Snapshot, desk: &Desk) -> Result<Vec<UserKey>, NodeError> {
    let holders: BTreeSet<UserKey> = snapshot.key_shares()?.iter().map(|share| share.user).collect();
    Ok(holders.into_iter().filter(|user| !desk.by_key(user).is_some_and(desk::opens)).collect())
}
