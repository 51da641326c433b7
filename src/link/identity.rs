//! Our identity while the node runs: the keys of the key directory, renewed in place, behind one lock.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use aws_lc_rs::aead::LessSafeKey;

use super::keys::{KeyFile, Keys, KeysError, Renewal};
use super::tls::Credential;
use crate::model::crypto::{HmacKey, SigningKey, chacha_key};
use crate::model::desk::DeskKey;
use crate::model::duplicate::MatchKey;
use crate::model::identity::{Card, Endpoint, LogKeys};
use crate::model::sighting::Tag;
use crate::model::{CampaignId, LogId, Observable, OrgId, RecordId, Timestamp};

/// The key directory within the data directory.
pub const DIRECTORY: &str = "keys";
/// The link protocol's versions, as cards name them.
const PROTOCOLS: [u16; 1] = [1];

/// Our keys and card.
pub struct Identity {
    org: OrgId,
    id_key: HmacKey,
    keys: RwLock<Keys>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({})", self.org)
    }
}

impl Identity {
    /// Makes a new organisation in a data directory.
    ///
    /// # Errors
    /// When there is one already, or the directory cannot be written.
    pub fn create(data: &Path, endpoints: Vec<Endpoint>, now: Timestamp) -> Result<Self, KeysError> {
        Keys::create(&data.join(DIRECTORY), endpoints, PROTOCOLS.to_vec(), now).map(Self::of)
    }

    /// The organisation of a data directory.
    ///
    /// # Errors
    /// When a key file is missing, damaged or open to others.
    pub fn load(data: &Path, now: Timestamp) -> Result<Self, KeysError> {
        Keys::load(&data.join(DIRECTORY), now).map(Self::of)
    }

    /// Whose data directory it is. Changes nothing in it, so it may be asked while another process runs the node.
    ///
    /// # Errors
    /// When the file with the card is missing, damaged or open to others.
    pub fn whose(data: &Path) -> Result<OrgId, KeysError> {
        Keys::whose(&data.join(DIRECTORY))
    }

    fn of(keys: Keys) -> Self {
        let id_key = HmacKey::new(keys.id_key());
        Self { org: keys.org(), id_key, keys: RwLock::new(keys) }
    }

    fn read(&self) -> RwLockReadGuard<'_, Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Keys> {
        self.keys.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Our organisation id.
    pub const fn org(&self) -> OrgId {
        self.org
    }

    /// Our log-signing key in force.
    pub fn log_key(&self) -> Arc<SigningKey> {
        self.read().log().clone()
    }

    /// Our log-signing keys from before that some log of ours still needs, by number.
    pub fn former_log_keys(&self) -> BTreeMap<u32, Arc<SigningKey>> {
        self.read().former().clone()
    }

    /// Our log-signing keys as our card names them.
    pub fn log_keys(&self) -> LogKeys {
        self.read().card().log_keys()
    }

    /// The content of the key directory's files for a backup, and the names of those that are left out of it. No renewal and no rotation
    /// comes in between.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn files(&self) -> Result<(Vec<KeyFile>, Vec<String>), KeysError> {
        self.read().files()
    }

    /// Our newest card.
    pub fn card(&self) -> Card {
        self.read().card().clone()
    }

    /// The number of our newest card.
    pub fn card_number(&self) -> u64 {
        self.read().card().content().number
    }

    /// What the cursors of exports are encrypted with.
    pub fn cursor_key(&self) -> LessSafeKey {
        chacha_key(&self.id_key.tag(&[b"watchfire/export-cursor/v1"]))
    }

    /// Our id for what an author says of an observable: stable for us, opaque to everyone else.
    pub fn record_id(&self, author: &OrgId, observable: &Observable) -> RecordId {
        let kind = [observable.kind().number()];
        let tag = self.id_key.tag(&[b"watchfire/record/v1", &author.0, &kind, observable.value().as_bytes()]);
        RecordId(*tag.first_chunk().expect("32 bytes have 16 first ones"))
    }

    /// Our id for what several report: a kind, and what tells one of that kind from another.
    pub fn campaign_id(&self, kind: &[u8], what: &[u8]) -> CampaignId {
        let tag = self.id_key.tag(&[b"watchfire/campaign/v1", kind, what]);
        CampaignId(*tag.first_chunk().expect("32 bytes have 16 first ones"))
    }

    /// What stands for a member of a group of ours that met an entry: the same however often it says so, and nothing to anybody else.
    pub fn sighting_tag(&self, reporter: &OrgId, log: &LogId, seq: u64) -> Tag {
        let tag = self.id_key.tag(&[b"watchfire/sighting-tag/v1", &reporter.0, &log.0, &seq.to_be_bytes()]);
        *tag.first_chunk().expect("32 bytes have 8 first ones")
    }

    /// Renews what is past two thirds of its life.
    ///
    /// # Errors
    /// When a key file cannot be read or written; what was in force stays so.
    pub fn renew(&self, now: Timestamp) -> Result<Renewal, KeysError> {
        self.write().renew(now)
    }

    /// Puts other endpoints into our card; `false` when it says them already.
    ///
    /// # Errors
    /// When the root key is away.
    pub fn set_endpoints(&self, endpoints: &[Endpoint], now: Timestamp) -> Result<bool, KeysError> {
        let mut keys = self.write();
        if keys.card().content().endpoints == endpoints {
            return Ok(false);
        }
        keys.change_card(now, |content| content.endpoints = endpoints.to_vec())?;
        Ok(true)
    }

    /// Puts a desk key into our card; `false` when it names that one already.
    ///
    /// # Errors
    /// When the root key is away.
    pub fn set_desk_key(&self, key: &DeskKey, now: Timestamp) -> Result<bool, KeysError> {
        let mut keys = self.write();
        if keys.card().content().desk_key.as_ref() == Some(key) {
            return Ok(false);
        }
        keys.change_card(now, |content| content.desk_key = Some(key.clone()))?;
        Ok(true)
    }

    /// Our key for checks for duplicates.
    pub fn match_key(&self) -> Arc<MatchKey> {
        self.read().match_key().clone()
    }

    /// Our key for questions about what was seen.
    pub fn seen_key(&self) -> Arc<MatchKey> {
        self.read().seen_key().clone()
    }

    /// Puts the key for checks for duplicates into our card; `false` when it names that one already.
    ///
    /// # Errors
    /// When the root key is away.
    pub fn set_match_key(&self, now: Timestamp) -> Result<bool, KeysError> {
        let mut keys = self.write();
        let key = Some(keys.match_key().public());
        if keys.card().content().match_key == key {
            return Ok(false);
        }
        keys.change_card(now, |content| content.match_key = key)?;
        Ok(true)
    }

    /// Makes the next root key the root.
    ///
    /// # Errors
    /// When the next root key is away or is not the one that was committed to.
    pub fn rotate_root(&self, now: Timestamp) -> Result<(), KeysError> {
        self.write().rotate_root(now).map(|_| ())
    }

    /// Puts a new log-signing key in force. `stolen` says that those before may be in other hands.
    ///
    /// # Errors
    /// When the root key is away.
    pub fn rotate_log(&self, now: Timestamp, stolen: bool) -> Result<(), KeysError> {
        self.write().rotate_log(now, stolen).map(|_| ())
    }

    /// Destroys a log-signing key from before.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn forget_log_key(&self, number: u32) -> Result<(), KeysError> {
        self.write().forget_log_key(number)
    }

    /// What we show on connections.
    ///
    /// # Errors
    /// When the TLS library does not take a key.
    pub fn credentials(&self, now: Timestamp) -> Result<Vec<Credential>, KeysError> {
        self.read().credentials(now)
    }

    /// When our node certificate and our issuing CA run out.
    pub fn certificates_until(&self) -> (Timestamp, Timestamp) {
        let keys = self.read();
        (keys.node().validity().not_after, keys.issuing_ca().validity().not_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_id_is_stable_for_us_and_another_for_every_node() {
        let (one_dir, other_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let now = Timestamp(1_800_000_000_000);
        let one = Identity::create(one_dir.path(), vec![], now).unwrap();
        let other = Identity::create(other_dir.path(), vec![], now).unwrap();
        let observable = Observable::guess("example.org").unwrap();
        let id = one.record_id(&one.org(), &observable);
        assert_eq!(Identity::load(one_dir.path(), now).unwrap().record_id(&one.org(), &observable), id);
        assert_ne!(other.record_id(&one.org(), &observable), id);
        assert_ne!(one.record_id(&other.org(), &observable), id);
    }
}
