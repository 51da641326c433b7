//! What is sealed to the desk: keys, shares, openings.

use super::{Applied, Tx};
use crate::model::UserKey;
use crate::model::crypto::sha256;
use crate::model::desk::{KeyChange, SignedKeyChange};
use crate::rules::desk::Known;
use crate::store::change::{Outcome, Refused};
use crate::store::codec::Row;
use crate::store::error::Fault;
use crate::store::find;
use crate::store::sealing::{DeskKeyRow, SealingChange};
use redb::ReadableTable;
use std::collections::BTreeMap;

impl Tx<'_> {
    pub(super) fn sealing(&mut self, change: &SealingChange) -> Applied<Outcome> {
        match change {
            SealingChange::Register(key) => {
                if self.t.seal_keys.get(&key.user.0)?.is_none() {
                    self.t.seal_keys.insert(&key.user.0, key.encode().as_slice())?;
                }
            }
            SealingChange::Key { change, gone, forget } => self.desk_key(change, gone, forget)?,
            SealingChange::Opened(signed) => {
                let key = (signed.opening.at.0, &sha256(&[&signed.signature]));
                self.t.openings.insert(key, signed.encode().as_slice())?;
            }
        }
        Ok(Outcome::Done)
    }

    fn desk_key(&mut self, signed: &SignedKeyChange, gone: &[UserKey], forget: &[u32]) -> Applied<()> {
        let KeyChange { key, shares, users, at, by } = &signed.change;
        let last = self.t.desk_publics.last()?.map_or(0, |(number, _)| number.value());
        let mut rows = BTreeMap::new();
        if let Some(key) = key {
            if let Some(there) = self.desk_public(key.number)? {
                return if there.signature == signed.signature { Ok(()) } else { Err(Refused::KeyMoved.into()) };
            }
            if last.checked_add(1) != Some(key.number) {
                return Err(Refused::KeyMoved.into());
            }
            let known = Known { key: key.clone(), given: Default::default() };
            let shares = signed.change.shares_hash();
            rows.insert(key.number, DeskKeyRow { known, by: *by, at: *at, users: *users, shares, signature: signed.signature });
        }
        if self.t.users.last()?.map_or(0, |(number, _)| number.value()) != *users {
            return Err(Refused::UsersMoved.into());
        }
        for share in shares {
            let row = match rows.remove(&share.number) {
                Some(row) => row,
                None => self.desk_public(share.number)?.ok_or(Refused::KeyMoved)?,
            };
            rows.entry(share.number).or_insert(row).known.given.insert(share.user);
        }
        for share in shares {
            let at = (share.number, &share.user.0);
            if key.is_some() || self.t.key_shares.get(at)?.is_none() {
                self.t.key_shares.insert(at, share.sealed().as_slice())?;
            }
        }
        for (number, row) in &rows {
            self.t.desk_publics.insert(number, row.encode().as_slice())?;
        }
        for number in forget {
            self.t.desk_publics.remove(number)?;
            self.t.key_shares.retain_in((*number, &[0; 32])..=(*number, &[255; 32]), |_, _| false)?;
        }
        gone.iter().try_for_each(|user| self.forget_shares(user))
    }

    fn desk_public(&self, number: u32) -> Applied<Option<DeskKeyRow>> {
        find::row::<DeskKeyRow, _, Fault>(&self.t.desk_publics, "desk_publics", number)
    }

    /// A user's key is no user's any more: nothing is sealed to it, and what was goes.
    pub(super) fn forget_sealing(&mut self, user: &UserKey) -> Applied<()> {
        self.t.seal_keys.remove(&user.0)?;
        self.forget_shares(user)
    }

    fn forget_shares(&mut self, user: &UserKey) -> Applied<()> {
        self.t.key_shares.retain(|(_, to), _| *to != user.0)?;
        Ok(())
    }
}
