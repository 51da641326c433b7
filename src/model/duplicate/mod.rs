//! Whether a partner has a case with the same contact: asked so that a miss tells neither side anything (docs/duplicates.md).
//!
//! The asker's program blinds the contact, the asked node evaluates its pseudorandom function on what it cannot read (RFC 9497, mode VOPRF,
//! ristretto255-SHA512) and proves that it did so under the key in its card. With its answer come [`Purpose::slots`] slots: those of its cases, which
//! whoever has the function's value for their contact recognises, and random ones up to the number. The asker's program answers with a ticket: that of
//! the slot which it recognises, or random bytes.
//!
//! In the same way it is asked whether somebody has seen a value (docs/life.md), under another key.

mod contact;
mod oprf;
mod round;

pub use contact::{BadSubject, Subject};
pub use oprf::{BadElement, Evaluated, MatchKey, MatchPublic, NotEvaluated, Question, Value};
pub use round::{Purpose, Round, Ticket, claim, is_among, slots, tickets};

use crate::model::{CheckId, Timestamp};

/// How the person agreed to that partners may learn that somebody has their case. That nobody could be asked is no reason here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// In writing, or in so many words.
    Explicit,
    /// By word of mouth.
    Verbal,
    /// Through somebody whom they trust.
    ThroughIntermediary,
}

impl Basis {
    /// Its code.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Explicit => "explicit",
            Self::Verbal => "verbal",
            Self::ThroughIntermediary => "through_intermediary",
        }
    }
}

/// What the person agreed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Agreed {
    /// How.
    pub basis: Basis,
    /// Until when it holds.
    pub until: Timestamp,
}

/// What two nodes say to each other of one check. Nothing in it follows from a contact but by the key of the asked and fresh randomness of the asker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// The asker: evaluate this.
    Query {
        /// Which check: random.
        check: CheckId,
        /// A uniformly random group element: the contact under a blinding factor that never leaves the asker's program.
        blinded: [u8; 32],
        /// What it is about.
        purpose: Purpose,
    },
    /// The asked: here it is, with what is needed to recognise a case.
    Answer {
        /// Which check.
        check: CheckId,
        /// The evaluation.
        answer: Box<Answer>,
    },
    /// The asked evaluates nothing now.
    Refusal {
        /// Which check.
        check: CheckId,
        /// Why.
        why: Refusal,
    },
    /// The asker: a ticket, or random bytes.
    Claim {
        /// Which check.
        check: CheckId,
        /// 16 bytes that only whoever has the case can tell from random ones.
        ticket: Ticket,
    },
}

/// What the asked node gives back.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The evaluation and its proof.
    pub evaluated: Evaluated,
    /// Fresh for each answer: no two have a slot in common.
    pub nonce: [u8; 32],
    /// [`Purpose::slots`] slots of [`Purpose::slot_bytes`] bytes, ascending.
    pub slots: Vec<u8>,
    /// The key for values that were seen, which no card names; `None` of an answer about a contact.
    pub key: Option<MatchPublic>,
}

impl Answer {
    /// What it answers.
    pub const fn purpose(&self) -> Purpose {
        if self.key.is_some() { Purpose::Sighting } else { Purpose::Contact }
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answer")
    }
}

/// Why a node evaluates nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Refusal {
    /// Today's tries are used up, this asker's or all.
    UsedUp = 1,
    /// It answers nobody, or not now.
    NotHere = 2,
}

impl Refusal {
    /// By its number on the wire. One that a newer node says is the second.
    pub const fn from_number(number: u32) -> Self {
        match number {
            1 => Self::UsedUp,
            _ => Self::NotHere,
        }
    }
}
