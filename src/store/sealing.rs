//! What is sealed to the desk, as it is kept: users' sealing keys, the desk keys and their shares, who opened what.

use super::codec::{Reader, Row, Writer};
use crate::model::desk::{DeskKey, KeyShare, Opening, SEAL_PUBLIC_BYTES, SealPublic, SignedKeyChange, SignedOpening, UserSealKey};
use crate::model::{DeskHash, OrgId, SealKeyId, Timestamp, UserKey};
use crate::rules::desk::Known;
use std::collections::BTreeSet;

/// A change of what is sealed to the desk. Whoever commits it has checked its signature, and that whoever made it may.
#[derive(Debug, Clone)]
pub enum SealingChange {
    /// A user's sealing key is known; nothing where it was already.
    Register(Box<UserSealKey>),
    /// There is a new desk key, or shares are given. Refused with [`super::change::Refused::UsersMoved`] unless the users are those that
    /// its maker knew, and with [`super::change::Refused::KeyMoved`] unless a new key is the next and every share is one of a key that is
    /// there. Without a new key no share replaces another.
    Key {
        /// The change, as it was signed.
        change: Box<SignedKeyChange>,
        /// Users whose shares go.
        gone: Vec<UserKey>,
        /// Keys that are not kept any more.
        forget: Vec<u32>,
    },
    /// Somebody at the desk opens what was sealed to it.
    Opened(SignedOpening),
}

/// A desk key, and who made it and was given its secret half.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskKeyRow {
    /// The key, and everybody who was ever given it.
    pub known: Known,
    /// Who made it.
    pub by: UserKey,
    /// When, by its maker's clock.
    pub at: Timestamp,
    /// The number of the last change of the users that its maker knew.
    pub users: u64,
    /// What stands for its first shares in what was signed.
    pub shares: DeskHash,
    /// Its maker's signature.
    pub signature: [u8; 64],
}

/// Table `seal_keys`.
impl Row for UserSealKey {
    fn encode(&self) -> Vec<u8> {
        Writer::default().fixed(&self.user.0).fixed(self.public.bytes()).fixed(&self.signature).done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let user = UserKey(row.fixed()?);
        let public = SealPublic::from_bytes(&row.fixed::<SEAL_PUBLIC_BYTES>()?).ok()?;
        let signature = row.fixed()?;
        row.end(Self { user, public, signature })
    }
}

/// Table `desk_publics`.
impl Row for DeskKeyRow {
    fn encode(&self) -> Vec<u8> {
        let Self { known: Known { key, given }, by, at, users, shares, signature } = self;
        let given: Vec<u8> = given.iter().flat_map(|user| user.0).collect();
        Writer::default().fixed(&key.encode()).bytes(&given).fixed(&by.0).time(*at).u64(*users).fixed(&shares.0).fixed(signature).done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let key = DeskKey::decode(&row.fixed::<{ DeskKey::LENGTH }>()?)?;
        let (given, rest) = row.bytes()?.as_chunks();
        if !rest.is_empty() {
            return None;
        }
        let given: BTreeSet<UserKey> = given.iter().copied().map(UserKey).collect();
        let (by, at, users) = (UserKey(row.fixed()?), row.time()?, row.u64()?);
        let (shares, signature) = (DeskHash(row.fixed()?), row.fixed()?);
        row.end(Self { known: Known { key, given }, by, at, users, shares, signature })
    }
}

/// Table `openings`.
impl Row for SignedOpening {
    fn encode(&self) -> Vec<u8> {
        let Self { opening: Opening { sender, referral, key, at, by }, signature } = self;
        Writer::default().fixed(&sender.0).fixed(referral).fixed(&key.0).time(*at).fixed(&by.0).fixed(signature).done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let (sender, referral, key) = (OrgId(row.fixed()?), row.fixed()?, SealKeyId(row.fixed()?));
        let (at, by, signature) = (row.time()?, UserKey(row.fixed()?), row.fixed()?);
        row.end(Self { opening: Opening { sender, referral, key, at, by }, signature })
    }
}

/// Table `key_shares`: number and user are its key.
pub(super) fn share(number: u32, user: &[u8; 32], sealed: &[u8]) -> Option<KeyShare> {
    KeyShare::new(number, UserKey(*user), sealed)
}
