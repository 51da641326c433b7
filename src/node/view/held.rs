//! What is held, what would leave, and what has left.

use super::{Label, MemberView, ReleaseId, Timestamp};
use crate::model::desk::{SignedRelease, Terms};
use crate::model::{OrgId, ReferralId};
use crate::rules::release::Replaced;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A release that is held, or that would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldView {
    /// Its id, for `preview`, `undo` and `release`; `None` where nothing was made.
    pub id: Option<ReleaseId>,
    /// The referral in which it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral: Option<ReferralId>,
    /// Who gets it: `direct:ID` or `group:ID`.
    pub audience: String,
    /// The peer's or group's name here.
    pub audience_name: String,
    /// Who is in the audience now, as far as we know, without us.
    pub recipients: Vec<MemberView>,
    /// When it was made.
    pub made: Timestamp,
    /// When it leaves, unless something else keeps it; `None` where nothing is held or it is still filled.
    pub due: Option<Timestamp>,
    /// What it waits for.
    pub state: HoldState,
    /// Why it does not leave although it is due, or why it was made anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many records.
    pub count: u64,
    /// How many of the release have left already: after a crash in the middle of it.
    #[serde(default)]
    pub left: u64,
    /// The records by label and kind.
    pub labels: Vec<LabelCount>,
    /// The digest of what leaves, in hex.
    pub digest: String,
    /// Places that gave way to placeholders, by kind.
    pub replaced: BTreeMap<String, u64>,
    /// What is worth a look, and of how many records.
    pub warnings: BTreeMap<String, u64>,
    /// Why a person has to say yes, and of how many records.
    pub asks: BTreeMap<String, u64>,
    /// Whether a person said yes to that.
    pub confirmed: bool,
    /// The desk user that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The second person that approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
}

/// What two people sign of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldTerms {
    /// The organisation.
    pub org_id: OrgId,
    /// The release.
    pub id: ReleaseId,
    /// What is signed.
    pub terms: Terms,
    /// What was signed first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<SignedRelease>,
}

/// What a release waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HoldState {
    /// Nothing: nothing was made.
    Preview,
    /// The time.
    Held,
    /// A person's yes, because of what was found.
    Asks,
    /// The signature of whoever releases it, because it needs two people.
    Signature,
    /// A second person's approval.
    Second,
    /// The end of an import.
    Filling,
    /// A person's yes: its import did not end.
    Unfinished,
    /// A person's yes: it comes from a backup.
    Restored,
    /// Its audience may not have it now.
    Kept,
}

/// How many records of a release have a label and a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelCount {
    /// The label.
    #[serde(flatten)]
    pub label: Label,
    /// The records' kind.
    pub kind: String,
    /// How many.
    pub count: u64,
    /// When every holder destroys the last of them; `None` for never.
    pub retention: Option<Timestamp>,
}

/// A release and the records in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewView {
    /// The release.
    #[serde(flatten)]
    pub hold: HoldView,
    /// Its records in the order in which they leave, as many as were asked for.
    pub records: Vec<PreviewRecord>,
    /// How many more there are.
    pub more: u64,
}

/// A record as it would leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewRecord {
    /// The part of the release in which it leaves: the digest is made part by part.
    #[serde(default)]
    pub part: u32,
    /// The label.
    #[serde(flatten)]
    pub label: Label,
    /// Its kind.
    pub kind: String,
    /// The kind's number.
    pub kind_number: u8,
    /// When every holder destroys it; `None` for never.
    pub retention: Option<Timestamp>,
    /// Every field that its readers get, read back from the bytes.
    pub fields: Vec<Field>,
    /// What gave way to placeholders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<Replaced>,
    /// What is worth a look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Why a person has to say yes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<String>,
    /// The bytes that leave, in base64.
    pub bytes: String,
}

/// A field and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its value, as text.
    pub value: String,
}

/// How much is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldView {
    /// How many releases.
    pub releases: u64,
    /// How many records.
    pub records: u64,
    /// How many of the releases wait for a person.
    pub for_a_person: u64,
    /// When the next leaves by itself.
    pub next: Option<Timestamp>,
    /// Since when the oldest is held.
    pub since: Timestamp,
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// After so many.
    #[serde(default)]
    pub skip: u64,
    /// At most so many; 20 where it is 0, and never more than 1,000.
    #[serde(default)]
    pub limit: u64,
}

/// What checking disclosures found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainView {
    /// Whether all of it holds.
    pub ok: bool,
    /// How many lines hold, from the first.
    pub count: u64,
    /// The hash of the last line that holds, in hex.
    pub head: String,
    /// What is wrong, with the first position where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// That position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
}
