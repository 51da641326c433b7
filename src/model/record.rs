//! Records: what is shared.

use super::alert::Alert;
use super::call::{Call, Volunteer};
use super::log::Audience;
use super::profile::Projection;
use super::referral::Message;
use super::sighting::Sighting;
use super::{CheckId, EntryHash, LogId, Observable, OrgId, Timestamp};

/// The kinds of record. The number stands in every entry header; a newer peer may send one that we do not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum RecordKind {
    /// An observable, with what its author says of it.
    Indicator = 1,
    /// Somebody met entries of another author, or says that they are of nothing bad, or of no use any more.
    Sighting = 2,
    /// Its author warns of something that goes on.
    Alert = 3,
    /// What an organisation says of itself.
    Profile = 4,
    /// A message about a referral that says something of the case.
    Referral = 6,
    /// One that says nothing of it: that it came, was opened, is withdrawn. It goes wherever the case went, whatever was agreed since.
    ReferralStep = 7,
    /// The author takes entries back: no longer valid, or should never have left.
    Withdrawal = 8,
    /// A holder's statement of what became of an entry.
    Receipt = 9,
    /// The author's log-signing key changes here; later positions are signed with the new one.
    KeyChange = 10,
    /// A group is asked for somebody who could help, with codes alone.
    Call = 12,
    /// An organisation would help.
    Volunteer = 13,
    /// Somebody at the author's desk agrees to tell that they have the case that a check asked about.
    Match = 14,
}

impl RecordKind {
    /// The number in entry headers.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The kind with that number, if this version knows it.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Indicator),
            2 => Some(Self::Sighting),
            3 => Some(Self::Alert),
            4 => Some(Self::Profile),
            6 => Some(Self::Referral),
            7 => Some(Self::ReferralStep),
            8 => Some(Self::Withdrawal),
            9 => Some(Self::Receipt),
            10 => Some(Self::KeyChange),
            12 => Some(Self::Call),
            13 => Some(Self::Volunteer),
            14 => Some(Self::Match),
            _ => None,
        }
    }

    /// Whether records of this kind stand on the board: few, each found without a look through its log.
    pub const fn is_posted(self) -> bool {
        matches!(self, Self::Alert | Self::Call | Self::Volunteer)
    }

    /// Whether ours stand there: of sightings others' are kept by what they are about.
    pub const fn is_posted_of_ours(self) -> bool {
        self.is_posted() || matches!(self, Self::Sighting)
    }

    /// The word used in `status` and `show`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Indicator => "indicator",
            Self::Sighting => "sighting",
            Self::Alert => "alert",
            Self::Profile => "profile",
            Self::Referral => "referral",
            Self::ReferralStep => "referral step",
            Self::Withdrawal => "withdrawal",
            Self::Receipt => "receipt",
            Self::KeyChange => "key change",
            Self::Call => "call",
            Self::Volunteer => "volunteer",
            Self::Match => "match",
        }
    }
}

/// An observable and what its author says of it (STIX 2.1 §4.7 without what the entry header already has).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indicator {
    /// What it is about.
    pub observable: Observable,
    /// For how long it is of use; never a reason to destroy it.
    pub valid_from: Option<Timestamp>,
    /// After this it leaves live exports.
    pub valid_until: Option<Timestamp>,
    /// 0 to 100 (STIX 2.1 Appendix A).
    pub confidence: Option<u8>,
    /// Malware, campaign or threat-actor names that it is tied to, sorted, without repeats.
    pub labels: Vec<String>,
    /// A sentence for the reader, at most 2,000 characters.
    pub note: Option<String>,
    /// Where the author has it from: a report's or a feed's name, at most 200 characters.
    pub source: Option<String>,
}

impl Indicator {
    /// An indicator of which nothing but the observable is known.
    pub const fn bare(observable: Observable) -> Self {
        Self { observable, valid_from: None, valid_until: None, confidence: None, labels: Vec::new(), note: None, source: None }
    }
}

/// How an author takes entries back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WithdrawalMode {
    /// No longer valid: leaves blocklists, stays findable as revoked.
    Withdraw,
    /// Should never have left: every holder destroys the body.
    Recall,
}

/// The author takes entries of one log back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawal {
    /// The log that holds the entries; the author's own, of any incarnation.
    pub log: LogId,
    /// Their positions, ascending, without repeats.
    pub seqs: Vec<u64>,
    /// Whether the bodies are destroyed.
    pub mode: WithdrawalMode,
    /// Why, at most 500 characters.
    pub reason: String,
}

/// How the reason of a withdrawal begins whose indicators were of nothing bad.
pub const FALSE_POSITIVE: &str = "false positive";

/// Whether a reason says that it was one: `false positive`, `a false positive: a test page`.
pub fn is_false_positive(reason: &str) -> bool {
    let reason = reason.strip_prefix(['a', 'A']).and_then(|rest| rest.strip_prefix(' ')).unwrap_or(reason);
    reason.get(..FALSE_POSITIVE.len()).is_some_and(|start| start.eq_ignore_ascii_case(FALSE_POSITIVE))
}

/// What became of an entry at a holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReceiptOutcome {
    /// The body is destroyed.
    Destroyed,
    /// It was never held, or its body had already gone.
    Absent,
    /// It shows as revoked.
    Revoked,
}

/// A holder's statement of what became of an entry. Travels in the holder's own log, so the log's signature is its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The log of the entry; another organisation's.
    pub log: LogId,
    /// Position and outcome, ascending by position.
    pub outcomes: Vec<(u64, ReceiptOutcome)>,
    /// When the holder did it.
    pub at: Timestamp,
    /// The withdrawal that it answers.
    pub withdrawal: Option<EntryHash>,
}

/// A recall as its author signed it, to travel ahead of its log, and whom it concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRecall {
    /// The author of the log.
    pub author: OrgId,
    /// The log's audience.
    pub audience: Audience,
    /// The encoded statement.
    pub statement: Vec<u8>,
    /// The author's Ed25519 signature over it.
    pub signature: Vec<u8>,
}

/// A receipt that travels outside the holder's log, signed by itself: where a link carries recalls alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedReceipt {
    /// Whose word it is.
    pub holder: OrgId,
    /// The author of the entries' log.
    pub author: OrgId,
    /// The encoded statement.
    pub statement: Vec<u8>,
    /// The holder's Ed25519 signature over it.
    pub signature: Vec<u8>,
}

/// A record of any kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// An observable, with what its author says of it.
    Indicator(Indicator),
    /// What was met of entries of another author.
    Sighting(Sighting),
    /// What its author says of itself, as far as its readers may know.
    Profile(Box<Projection>),
    /// A message about a referral.
    Referral(Message),
    /// The author takes entries back.
    Withdrawal(Withdrawal),
    /// What became of an entry.
    Receipt(Receipt),
    /// The author's next log-signing key (Ed25519, 32 bytes).
    KeyChange([u8; 32]),
    /// A group is asked for somebody who could help.
    Call(Call),
    /// An organisation would help.
    Volunteer(Volunteer),
    /// Its author warns of something that goes on.
    Alert(Box<Alert>),
    /// Its author has the case that the receiver's check asked about: which check, and nothing else.
    Match(CheckId),
}

impl Record {
    /// Its kind.
    pub fn kind(&self) -> RecordKind {
        match self {
            Self::Indicator(_) => RecordKind::Indicator,
            Self::Sighting(_) => RecordKind::Sighting,
            Self::Profile(_) => RecordKind::Profile,
            Self::Referral(message) if message.words.has_content() => RecordKind::Referral,
            Self::Referral(_) => RecordKind::ReferralStep,
            Self::Withdrawal(_) => RecordKind::Withdrawal,
            Self::Receipt(_) => RecordKind::Receipt,
            Self::KeyChange(_) => RecordKind::KeyChange,
            Self::Call(_) => RecordKind::Call,
            Self::Volunteer(_) => RecordKind::Volunteer,
            Self::Alert(_) => RecordKind::Alert,
            Self::Match(_) => RecordKind::Match,
        }
    }
}
