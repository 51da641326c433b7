//! Sightings: what others met of an author's indicators, told to the author (STIX 2.1 §5.2, MISP's three types).

use super::{LogId, Timestamp};

/// What a member's head puts in place of its name: the same for the same word of the same member, and of nothing else.
pub type Tag = [u8; 8];

/// What is said of an indicator. The number stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum SightingType {
    /// It was met.
    Seen = 1,
    /// It is of nothing bad.
    FalsePositive = 2,
    /// It is of no use any more.
    Expired = 3,
}

impl SightingType {
    /// Every type.
    pub const ALL: [Self; 3] = [Self::Seen, Self::FalsePositive, Self::Expired];

    /// The number on the wire.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The type with that number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.number() == number)
    }

    /// The word that people type and read.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::FalsePositive => "false-positive",
            Self::Expired => "expired",
        }
    }
}

impl std::fmt::Display for SightingType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for SightingType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|one| one.name() == text);
        found.ok_or_else(|| format!("`{text}` is no type of sighting\nhint: there are seen, false-positive and expired"))
    }
}

/// What somebody met of entries in another author's log. No text and no value: whoever has the entries knows what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The log that holds the entries.
    pub log: LogId,
    /// Their positions, ascending, without repeats.
    pub seqs: Vec<u64>,
    /// What is said of them.
    pub what: SightingType,
    /// How often it was met, from 1.
    pub count: u32,
    /// When it was met first.
    pub first: Timestamp,
    /// When it was met last.
    pub last: Timestamp,
    /// Where a group's head says it for a member: in place of the member's name.
    pub passed_on: Option<Tag>,
}
