//! The rows of the desk's tables.

use super::codec::{Reader, Row, Writer};
use crate::model::desk::{Act, Role, SignedChange, User, UserChange, WrappedKey};
use crate::model::{DeskHash, UserKey};

/// Table `users`.
impl Row for SignedChange {
    fn encode(&self) -> Vec<u8> {
        let Self { change, signature, possession } = self;
        let UserChange { number, before, act, user, wrapped, at, by } = change;
        Writer::default()
            .u64(*number)
            .fixed(&before.0)
            .u8(*act as u8)
            .bytes(user.name.as_str().as_bytes())
            .u8(user.role as u8)
            .fixed(&user.key.0)
            .option(wrapped.as_ref(), |row, hash| row.fixed(&hash.0))
            .time(*at)
            .fixed(&by.0)
            .fixed(signature)
            .option(possession.as_ref(), |row, signature| row.fixed(signature))
            .done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let (number, before) = (row.u64()?, DeskHash(row.fixed()?));
        let act = Act::from_number(row.u8()?)?;
        let name = row.text()?.parse().ok()?;
        let user = User { name, role: Role::from_number(row.u8()?)?, key: UserKey(row.fixed()?) };
        let wrapped = row.option(|row| row.fixed().map(DeskHash))?;
        let (at, by) = (row.time()?, UserKey(row.fixed()?));
        let (signature, possession) = (row.fixed()?, row.option(Reader::fixed)?);
        let change = UserChange { number, before, act, user, wrapped, at, by };
        row.end(Self { change, signature, possession })
    }
}

/// Table `desk_keys`.
impl Row for WrappedKey {
    fn encode(&self) -> Vec<u8> {
        Self::encode(self)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        Self::decode(bytes).ok()
    }
}
