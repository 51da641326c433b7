//! What is kept of clocks: those that run, and the rungs that were reached.

use crate::model::crypto::sha256_framed;
use crate::model::{OrgId, ReferralId, Timestamp};
use crate::rules::escalate::{Act, Fired, Key, Wait, Watch};
use crate::store::change::{Change, Shelf};
use serde::{Deserialize, Serialize};

/// Why nobody else was offered a case when a clock would have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotOffered {
    /// Everything about the case is destroyed, or it is not ours.
    Gone,
    /// Nobody allowed the node to ask the next one by itself.
    NotAutomatic,
    /// Somebody has accepted it.
    Accepted,
    /// Somebody was asked after this one, and is waited for.
    AnotherIsAsked,
    /// No candidate is left whom consent, policy and gate let have it without a person's word.
    NoCandidate,
}

impl NotOffered {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Gone => "nothing of the case is left",
            Self::NotAutomatic => "a person is to decide",
            Self::Accepted => "somebody has accepted it",
            Self::AnotherIsAsked => "somebody else is asked already",
            Self::NoCandidate => "no candidate is left who may have it without a person's word",
        }
    }
}

/// A rung that was reached, and what was done then. Stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct RungRow {
    pub(in super::super) referral: [u8; 16],
    pub(in super::super) wait: Wait,
    pub(in super::super) cause: u64,
    /// From 0, over the ladder's end.
    pub(in super::super) rung: u32,
    /// The how-manieth repetition of the last rung it is.
    #[serde(default, skip_serializing_if = "crate::node::is_default")]
    pub(in super::super) again: u32,
    /// As it came to at this side, and within the consent.
    pub(in super::super) act: Act,
    pub(in super::super) due: Timestamp,
    pub(in super::super) at: Timestamp,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(in super::super) late: bool,
    /// To whom the case was offered then, as which referral.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) offered: Option<(OrgId, ReferralId)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) not_offered: Option<NotOffered>,
}

impl RungRow {
    pub(super) fn of(fired: &Fired, cause: u64, at: Timestamp) -> Self {
        let &Fired { referral, wait, rung, again, act, due, late, .. } = fired;
        Self { referral, wait, cause, rung, again, act, due, at, late, offered: None, not_offered: None }
    }

    pub(super) fn keep(&self) -> Change {
        let parts: [&[u8]; 4] = [&self.referral, self.wait.name().as_bytes(), &self.cause.to_be_bytes(), &self.rung.to_be_bytes()];
        let hash = sha256_framed("watchfire rung 1", &parts);
        let mut id = self.referral;
        id[8..].copy_from_slice(&hash[..8]);
        Change::Keep { shelf: Shelf::Rung, id, row: Some(serde_json::to_vec(self).unwrap_or_default()) }
    }
}

/// The change that keeps a clock as it runs, or the one that takes it away.
pub(super) fn keep_watch(key: Key, watch: Option<&Watch>) -> Change {
    let (referral, wait) = key;
    let hash = sha256_framed("watchfire watch 1", &[&referral, wait.name().as_bytes()]);
    let id = std::array::from_fn(|at| hash[at]);
    Change::Keep { shelf: Shelf::Watch, id, row: watch.map(|watch| serde_json::to_vec(watch).unwrap_or_default()) }
}
