//! What the other side's node has not taken of what we said, by its own verdict: people are told at once, and not first by the clock of a receipt that cannot come.

use super::super::{Node, NodeError};
use crate::link::convert::decode_record;
use crate::model::log::{Audience, Body};
use crate::model::{LogId, OrgId, Priority, Record, RecordKind, ReferralId};
use crate::rules::notify::Event;
use crate::store::change::Verdict;
use crate::store::{Conversation, Snapshot};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// So many verdicts of one acknowledgement are looked at: a conversation brings a handful, and what else is not taken is no message about a referral.
const LOOKED_AT_MAX: usize = 64;

/// The last message of ours that the other side's node has not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NotTaken {
    /// Its number on our side.
    number: u64,
    why: Why,
}

/// Why a node has not taken it (docs/protocol.md has its verdicts).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Its label contradicts its audience there, or too many of ours are open there.
    Refused,
    /// It is no record of its kind there, or does not go on from what came before.
    Invalid,
    /// Its program is older than what was said.
    Unsupported,
}

impl Why {
    const fn of(verdict: Verdict) -> Option<Self> {
        match verdict {
            Verdict::Refused => Some(Self::Refused),
            Verdict::Invalid => Some(Self::Invalid),
            Verdict::Unsupported => Some(Self::Unsupported),
            // What it has, or what is about nothing that it has any more.
            Verdict::Accepted | Verdict::Duplicate | Verdict::Superseded | Verdict::Filtered => None,
        }
    }

    /// What people read.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Refused => "it refuses it: its label does not fit there, or too many of ours are open there",
            Self::Invalid => "it finds it malformed",
            Self::Unsupported => "its program is too old for it, and reads it once it is newer",
        }
    }
}

impl Node {
    /// Tells people of what a peer's node has not taken of what we said to it alone, through that position.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn not_taken(&self, peer: &OrgId, log: &LogId, through: u64, verdicts: &[(u64, u8)]) -> Result<(), NodeError> {
        let mut told: BTreeMap<ReferralId, (u64, Why)> = BTreeMap::new();
        {
            let snapshot = self.store.snapshot()?;
            let known = snapshot.log(log)?.filter(|row| row.key.author == self.org() && row.key.audience == Audience::Direct(*peer));
            let Some(row) = known else { return Ok(()) };
            let through = through.min(row.head.size);
            for (seq, verdict) in verdicts.iter().filter(|(seq, _)| *seq <= through).take(LOOKED_AT_MAX) {
                let Some(why) = Verdict::from_number(*verdict).and_then(Why::of) else { continue };
                let Some((id, number)) = said_at(&snapshot, log, *seq)? else { continue };
                if told.get(&id).is_none_or(|(before, _)| *before < number) {
                    told.insert(id, (number, why));
                }
            }
        }
        for (id, (number, why)) in told {
            let _turn = self.referral_turn().await;
            let snapshot = self.store.snapshot()?;
            let Some(conversation) = snapshot.conversation(&id)? else { continue };
            let mut ours = self.ours(&snapshot, &id)?;
            if ours.not_taken.is_some_and(|before| before.number >= number) {
                continue;
            }
            ours.not_taken = Some(NotTaken { number, why });
            let priority = self.priority_of(&snapshot, &conversation)?;
            tracing::warn!(referral = %super::short(&id), number, ?why, "the other side's node has not taken what was said");
            let notice = self.notice(Event::NotTaken, &id, number, priority.or(Some(Priority::Urgent)));
            self.commit_many(vec![ours.keep(&id), self.notify(notice)]).await?;
        }
        Ok(())
    }

    /// Why the other side's node has not taken what we said last; nothing once it has heard of it after all.
    pub(super) fn why_not_taken(&self, snapshot: &Snapshot, conversation: &Conversation) -> Result<Option<Why>, NodeError> {
        let heard = conversation.of(conversation.row.side.other()).iter().map(|message| message.seen).max().unwrap_or(0);
        let known = self.ours(snapshot, &conversation.id)?.not_taken;
        Ok(known.filter(|one| one.number > heard && !conversation.row.over).map(|one| one.why))
    }
}

/// Which message about which referral stands there in a log of ours.
fn said_at(snapshot: &Snapshot, log: &LogId, seq: u64) -> Result<Option<(ReferralId, u64)>, NodeError> {
    let Some((entry, _)) = snapshot.entry(log, seq)? else { return Ok(None) };
    let Body::Present(body) = &entry.0.body else { return Ok(None) };
    let kind = [RecordKind::Referral, RecordKind::ReferralStep].into_iter().find(|kind| *kind as u8 == entry.0.header.kind);
    match kind.map(|kind| decode_record(kind, body)) {
        Some(Ok(Record::Referral(message))) => Ok(Some((message.referral, message.number))),
        _ => Ok(None),
    }
}
