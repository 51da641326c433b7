//! What is sealed to the desk.

use super::{Read, Snapshot};
use crate::model::UserKey;
use crate::model::desk::{KeyShare, SignedOpening, UserSealKey};
use crate::store::error::Damaged;
use crate::store::sealing::{DeskKeyRow, share};
use crate::store::tables::{DESK_PUBLICS, KEY_SHARES, OPENINGS, SEAL_KEYS};
use redb::ReadableTable;

impl Snapshot {
    /// The sealing keys of the desk's users, in no order that means anything.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn seal_keys(&self) -> Read<Vec<UserSealKey>> {
        self.rows(SEAL_KEYS, "seal_keys")
    }

    /// The desk keys that are kept, by number.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn desk_publics(&self) -> Read<Vec<DeskKeyRow>> {
        self.rows(DESK_PUBLICS, "desk_publics")
    }

    /// Every share of every desk key that is kept, by number.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn key_shares(&self) -> Read<Vec<KeyShare>> {
        let mut shares = Vec::new();
        for row in self.table(KEY_SHARES)?.iter()? {
            let (key, sealed) = row?;
            let (number, user) = key.value();
            let damaged = || Damaged { table: "key_shares", key: format!("{number} {}", UserKey(*user)) };
            shares.push(share(number, user, sealed.value()).ok_or_else(damaged)?);
        }
        Ok(shares)
    }

    /// Who opened what was sealed to the desk, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn openings(&self) -> Read<Vec<SignedOpening>> {
        self.rows(OPENINGS, "openings")
    }
}
