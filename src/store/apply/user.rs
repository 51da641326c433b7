//! The desk's users: signed changes, one after the other, and their keys under their passphrases.

use super::{Applied, Tx};
use crate::model::UserKey;
use crate::model::desk::{SignedChange, WrappedKey};
use crate::store::change::{Outcome, Refused};
use crate::store::codec::Row;
use crate::store::error::Fault;
use crate::store::find;
use redb::ReadableTable;

impl Tx<'_> {
    /// Whoever commits it has checked the signature; here it is the next one, or there already.
    pub(super) fn user(&mut self, signed: &SignedChange, wrapped: Option<&WrappedKey>, gone: Option<&UserKey>) -> Applied<Outcome> {
        let number = signed.change.number;
        if let Some(there) = find::row::<SignedChange, _, Fault>(&self.t.users, "users", number)? {
            return if there == *signed { Ok(Outcome::Done) } else { Err(Refused::UsersMoved.into()) };
        }
        let last = self.t.users.last()?.map_or(0, |(number, _)| number.value());
        if number != last + 1 {
            return Err(Refused::UsersMoved.into());
        }
        if let Some(key) = gone {
            self.t.desk_keys.remove(&key.0)?;
            self.forget_sealing(key)?;
        }
        if let Some(wrapped) = wrapped {
            self.t.desk_keys.insert(&signed.change.user.key.0, wrapped.encode().as_slice())?;
        }
        self.t.users.insert(number, signed.encode().as_slice())?;
        Ok(Outcome::Done)
    }
}
