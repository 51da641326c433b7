//! Referrals: what people and the node itself say in them, and what follows from what the other side says. What a conversation has come to is
//! `rules::referral`'s to say; here it is read, written and kept.

mod acquainted;
mod act;
mod beside;
mod case;
mod count;
mod deed;
mod next;
mod not_taken;
mod platform;
mod react;
mod receipt;
mod refer;
mod rest;
mod say;
mod show;
mod take_back;
mod tell;

pub(super) use acquainted::Acquaintance;
pub use act::{Act, ActRequest};
pub(super) use beside::last_said;
pub use case::{CaseRow, Given, Skeleton};
pub(super) use case::{Permit, References};
pub(in crate::node) use deed::NOTHING;
pub use deed::{By, DeedRange, DeedView};
pub(super) use next::Next;
pub use not_taken::Why;
pub use platform::{AnswerRequest, PingRequest, PlatformRequest, PlatformView};
pub use refer::{AgainRequest, ReferRequest, ReferView, Referred};
pub(super) use rest::Resting;
pub(super) use say::{moves_hint, way_out};
pub use show::{ContactView, InboxView, MessageView, ProposalView, ReferralView, waits_for};

use super::{Node, NodeError};
use crate::link::convert::Malformed;
use crate::model::log::{Audience, LogKey};
use crate::model::referral::Message;
use crate::model::{Record, ReferralId};
use crate::store::Conversation;
use crate::store::Snapshot;
use crate::store::change::{Meaning, Verdict};
use std::collections::BTreeSet;

/// A day in milliseconds.
const DAY_MS: u64 = 86_400_000;

/// So many characters of an id are enough to name a referral, where only one begins with them.
const PREFIX_MIN: usize = 4;

/// Why the node refuses an offer by itself.
const EXPIRED: &str = "expired";

impl Node {
    /// A message about a referral that came, or is fetched back.
    pub(super) fn understand_message(&self, log: &LogKey, message: Message) -> Result<Meaning, (Verdict, &'static str)> {
        if !matches!(log.audience, Audience::Direct(_)) {
            return Err((Verdict::Invalid, "a message about a referral in a group's log"));
        }
        let Some(said) = super::share::said_of(&Record::Referral(message)) else {
            return Err((Verdict::Invalid, Malformed("not a message").0));
        };
        Ok(Meaning::Said(said))
    }

    /// The referral that a text names: its id, or a beginning of it that no other has. One whose offer is still held counts.
    ///
    /// # Errors
    /// When none has it, or several do.
    pub(in super::super) fn referral_named(&self, snapshot: &Snapshot, text: &str) -> Result<ReferralId, NodeError> {
        let text = text.trim().to_ascii_lowercase();
        if let Ok(id) = text.parse::<ReferralId>() {
            let is_known = snapshot.referral(&id)?.is_some() || self.held_message(snapshot, &id)?.is_some();
            return if is_known { Ok(id) } else { Err(NodeError::UnknownReferral(text)) };
        }
        let held = snapshot.holds()?.into_iter().filter_map(|(_, row)| row.referral);
        let all: BTreeSet<ReferralId> = snapshot.referrals()?.into_iter().map(|(id, _)| id).chain(held).collect();
        let mut found = all.into_iter().filter(|id| id.to_string().starts_with(&text));
        let first = found.next().filter(|_| text.len() >= PREFIX_MIN);
        match (first, found.next()) {
            (Some(id), None) => Ok(id),
            (Some(_), Some(_)) => {
                let hint = "hint: give more of its id; `watchfire inbox` shows them";
                Err(NodeError::BadInput(format!("several referrals begin with `{text}`\n{hint}")))
            }
            _ => Err(NodeError::UnknownReferral(text)),
        }
    }

    /// Whether a referral of ours passes on a case that came to us by another.
    pub(super) fn came_by_another(&self, snapshot: &Snapshot, id: &ReferralId) -> Result<bool, NodeError> {
        Ok(self.case_of(snapshot, id)?.is_some_and(|(_, case)| case.parent.is_some()))
    }

    /// A referral as it is held here.
    pub(super) fn conversation(&self, snapshot: &Snapshot, id: &ReferralId) -> Result<Conversation, NodeError> {
        if let Some(conversation) = snapshot.conversation(id)? {
            return Ok(conversation);
        }
        let Some(held) = self.held_message(snapshot, id)? else { return Err(NodeError::UnknownReferral(id.to_string())) };
        let hint = format!("hint: `watchfire preview {held}` shows what leaves, `watchfire undo {held}` drops it");
        Err(NodeError::Conflict(format!("the offer has not left: it is held as `{held}`\n{hint}")))
    }
}

/// The beginning of an id by which people name it.
pub fn short(id: &ReferralId) -> String {
    id.to_string().chars().take(8).collect()
}
