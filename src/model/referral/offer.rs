//! What an offer of a case says. Nothing in it says who the person is: how to reach them travels sealed, later, or not at all.

use super::bounds::{LINE_MAX, TEXT_MAX};
use crate::model::priority::Priority;
use crate::model::vocabulary::Code;
use crate::model::{EntryHash, SubjectRef, Timestamp};
use serde::{Deserialize, Serialize};

/// Who makes the first contact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HandOver {
    /// The person, with an introduction code.
    #[default]
    Warm,
    /// The receiver, with contact details that are sealed to its desk and come once the case is its own.
    Cold,
    /// In a way that a newer program names by this number. The origin can be asked.
    Newer(u32),
}

impl HandOver {
    /// Its number on the wire.
    pub const fn number(self) -> u32 {
        match self {
            Self::Warm => 1,
            Self::Cold => 2,
            Self::Newer(number) => number,
        }
    }

    /// What has this number.
    pub const fn from_number(number: u32) -> Self {
        match number {
            1 => Self::Warm,
            2 => Self::Cold,
            number => Self::Newer(number),
        }
    }
}

/// A language that the person can be helped in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Language {
    /// BCP 47: `fa`, `es-MX`.
    pub tag: String,
    /// Of the list `language-level`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Code>,
}

/// Under which the case may travel. Nothing widens it but a new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// How it was given: `explicit`, `verbal`, `through_intermediary`, `vital_interest`.
    pub basis: Code,
    /// Whether the receiver may pass the case on.
    #[serde(default)]
    pub onward: bool,
    /// Whether platforms may be told.
    #[serde(default)]
    pub platforms: bool,
    /// Whether indicators alone may be given away, and nothing of the case.
    #[serde(default)]
    pub indicators_only: bool,
    /// Whether the case may be counted in what is published.
    #[serde(default)]
    pub statistics: bool,
    /// When it was given, to the day.
    pub obtained: Timestamp,
    /// The role of whoever asked for it: `handler`, `intermediary`.
    pub obtained_by: Code,
    /// After this it counts for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// The channel by which the person can take it back, of the list `contact-channel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_channel: Option<Code>,
}

/// Somebody stands for it that the person is who they say. Who vouched is in it nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vetting {
    /// `known_beneficiary`, `vouched`, `documents`, `member_referral`.
    pub method: Code,
    /// `passed`, `pending`, `waived_emergency`.
    pub result: Code,
    /// How many vouched, where that is the method.
    #[serde(default)]
    pub vouched_by: u32,
    /// When, to the day.
    pub date: Timestamp,
    /// After this it has to be done again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

/// A piece of evidence that there is. It does not travel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// `email`, `disk_image`, `phone_backup`, `sample`.
    pub kind: Code,
    /// SHA-256 of it, in hex.
    #[serde(with = "hash_text")]
    pub sha256: [u8; 32],
    /// How many bytes it has.
    pub size: u64,
}

/// A case as it is offered. `Debug` prints its priority: the rest is about somebody.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// Whom the offer is not open for any more after this, where it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// `reactive` or `preventative`, of the list `nature`.
    pub nature: Code,
    /// Of the list `incident-type`; at least one.
    pub incident_types: Vec<Code>,
    /// How soon.
    #[serde(default)]
    pub priority: Priority,
    /// The number that a newer program gave the priority, where this version does not know it: then [`Offer::priority`] is the most urgent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority_newer: Option<u32>,
    /// Whether somebody is in physical danger, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub physical_danger: Option<bool>,
    /// Whether it still goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ongoing: Option<bool>,
    /// What the person did before they knew: `clicked`, `opened`, `entered_credentials`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interacted: Vec<Code>,
    /// When it will be too late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// The Monday of the week in which it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident_week: Option<Timestamp>,
    /// Whom it is about, as this partner knows it. Made by the node where it is not given.
    #[serde(default = "nobody")]
    pub subject: SubjectRef,
    /// Of the list `requester-kind`.
    pub requester_kind: Code,
    /// Of the list `beneficiary-type`.
    pub beneficiary_type: Code,
    /// Of the list `cause`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Code>,
    /// Of the list `region`.
    pub region: Code,
    /// ISO 3166-1 alpha-2, where somebody decided to tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Those that the person speaks, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<Language>,
    /// What to be careful about: `women`, `lgbtqi`, `youth`, `refugee_exile`, `indigenous`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vulnerability: Vec<Code>,
    /// Under which it travels.
    pub consent: Consent,
    /// That the person was looked into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vetting: Option<Vetting>,
    /// Of the list `help-wanted`; at least one.
    pub help_wanted: Vec<Code>,
    /// Of the list `service`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Code>,
    /// What it is about, without anybody's name.
    pub summary: String,
    /// What was done already.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub steps_taken: String,
    /// `android`, `windows`, `router`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<Code>,
    /// The platforms that it is on, of the list `platform`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<Code>,
    /// What could be asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// Entries that the receiver has, by their hashes: indicators of this case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indicators: Vec<EntryHash>,
    /// The campaign that it seems to belong to, by the name that reports give it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub campaign: String,
    /// Who makes the first contact.
    #[serde(default)]
    pub hand_over: HandOver,
    /// Channels by which the person must not be reached, of the list `contact-channel`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub do_not_use: Vec<Code>,
    /// When it is safe to reach the person.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub safe_times: String,
}

const fn nobody() -> SubjectRef {
    SubjectRef([0; 16])
}

impl Offer {
    /// Its free texts, each with its name and how many characters it may have.
    pub fn texts_mut(&mut self) -> Vec<(&'static str, &mut String, usize)> {
        vec![
            ("summary", &mut self.summary, TEXT_MAX),
            ("steps_taken", &mut self.steps_taken, TEXT_MAX),
            ("campaign", &mut self.campaign, LINE_MAX),
            ("safe_times", &mut self.safe_times, LINE_MAX),
        ]
    }
}

impl std::fmt::Debug for Offer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Offer({})", self.priority)
    }
}

mod hash_text {
    use data_encoding::HEXLOWER_PERMISSIVE;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(hash: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&HEXLOWER_PERMISSIVE.encode(hash))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let bytes = HEXLOWER_PERMISSIVE.decode(String::deserialize(deserializer)?.as_bytes()).map_err(D::Error::custom)?;
        bytes.try_into().map_err(|_| D::Error::custom("a SHA-256 has 64 digits of hex"))
    }
}
