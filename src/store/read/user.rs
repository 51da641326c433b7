//! The desk's users.

use super::{Read, Snapshot};
use crate::model::UserKey;
use crate::model::desk::{SignedChange, WrappedKey};
use crate::store::tables::{DESK_KEYS, USERS};
use redb::ReadableTable;

impl Snapshot {
    /// Every change of the desk's users, in order. `rules::desk` says whether they hold.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn user_changes(&self) -> Read<Vec<SignedChange>> {
        self.rows(USERS, "users")
    }

    /// Whether anybody is at the desk: the last director stays, so where there ever was a user there is one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn has_users(&self) -> Read<bool> {
        Ok(self.table(USERS)?.first()?.is_some())
    }

    /// A desk user's key under its passphrase.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn desk_key(&self, key: &UserKey) -> Read<Option<WrappedKey>> {
        self.row(DESK_KEYS, "desk_keys", &key.0)
    }
}
