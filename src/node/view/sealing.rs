//! What is sealed to the desk.

use crate::model::desk::{DeskKey, UserName, UserSealKey};
use crate::model::{OrgId, SealKeyId, Timestamp, UserKey};
use crate::rules::desk::Due;
use serde::{Deserialize, Serialize};

/// The desk keys that are kept, and whom they are sealed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeskKeysView {
    /// The organisation.
    pub org_id: OrgId,
    /// The number of the last change of the desk's users: the next change names it.
    pub users: u64,
    /// The number of the desk key that our card names, to which partners seal.
    pub card_names: Option<u32>,
    /// Why the next one is to be made; `None` while the newest is good.
    pub due: Option<Due>,
    /// When the newest is too old.
    pub due_at: Option<Timestamp>,
    /// The keys, by number; the last is the newest.
    pub keys: Vec<DeskKeyView>,
    /// The users' sealing keys.
    pub seal_keys: Vec<UserSealKey>,
}

/// A desk key, and who can open it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeskKeyView {
    /// The key.
    #[serde(flatten)]
    pub key: DeskKey,
    /// What it is named by where it was sealed to.
    pub id: SealKeyId,
    /// The keys of those who can open it.
    pub holders: Vec<UserKey>,
    /// Their names.
    pub opened_by: Vec<UserName>,
}

/// How the desk key stands, for `status` and `doctor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeskKeyStatus {
    /// The number of the newest.
    pub number: u32,
    /// The number of the one that our card names.
    pub card_names: Option<u32>,
    /// Why the next one is to be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<Due>,
    /// When the newest is too old.
    pub due_at: Timestamp,
}
