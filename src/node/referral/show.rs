//! Referrals as people see them.

use super::super::{Node, NodeError};
use super::case::Skeleton;
use crate::model::referral::{Offer, Priority, Words};
use crate::model::{CaseId, Label, OrgId, ReferralId, ReleaseId, Timestamp};
use crate::rules::referral::{Clock, Phase, Side, clocks};
use crate::store::{Conversation, MessageRow, Snapshot};
use serde::{Deserialize, Serialize};

/// A referral in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxView {
    /// Its id.
    pub referral: ReferralId,
    /// Where it stands.
    pub state: String,
    /// Whose case it is: `us`, or the other's name here.
    pub owner: String,
    /// Which side we are: `origin` or `receiver`.
    pub side: String,
    /// The other organisation's name here.
    pub peer: String,
    /// How soon, where it is known.
    pub priority: Option<Priority>,
    /// When the next clock runs out.
    pub due: Option<Timestamp>,
    /// What is waited for, by whom.
    pub waits: Vec<String>,
    /// When it began.
    pub opened: Timestamp,
    /// Whether the two sides' histories differ.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forked: bool,
}

/// A referral with its timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferralView {
    /// As in the list.
    #[serde(flatten)]
    pub line: InboxView,
    /// The other organisation.
    pub peer_id: OrgId,
    /// The label.
    #[serde(flatten)]
    pub label: Label,
    /// The case, where it is ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseId>,
    /// What the desk calls it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reference: String,
    /// What is offered, while it is here.
    pub offer: Option<Offer>,
    /// What stays of it.
    pub skeleton: Skeleton,
    /// What the person says when they come to the partner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introduction_code: Option<String>,
    /// When everything about it is destroyed.
    pub retention: Option<Timestamp>,
    /// What of ours is still held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<ReleaseId>,
    /// Whom else the case was offered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<InboxView>,
    /// Every message, by the time when it was written or came here.
    pub timeline: Vec<MessageView>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageView {
    /// When it was written or came, by our clock.
    pub at: Timestamp,
    /// `us`, or the other's name here.
    pub by: String,
    /// Which desk user of ours, where the desk has users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Its number on its side.
    pub number: u64,
    /// What it is.
    pub says: String,
    /// Its particulars, by name, while they are here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub particulars: Vec<(String, String)>,
    /// Its free text, while it is here.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Whether what it said is destroyed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub destroyed: bool,
    /// Why it moved nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void: Option<String>,
}

impl Node {
    /// The referrals that are not over, the most urgent first; all of them where asked.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn inbox(&self, all: bool) -> Result<Vec<InboxView>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let mut lines = Vec::new();
        for (id, row) in snapshot.referrals()? {
            if all || !row.over {
                lines.push(self.line(&snapshot, &self.conversation(&snapshot, &id)?)?);
            }
        }
        for (_, case) in self.cases(&snapshot)? {
            for given in &case.given {
                if snapshot.referral(&given.referral)?.is_none() && self.held_message(&snapshot, &given.referral)?.is_some() {
                    lines.push(self.gated(&given.referral, &given.to, case.offer.as_ref(), case.opened)?);
                }
            }
        }
        lines.sort_by_key(|line| (line.priority, line.opened, line.referral));
        Ok(lines)
    }

    /// A referral with its timeline.
    ///
    /// # Errors
    /// When there is none of that id, or several begin so.
    pub fn referral_named_view(&self, text: &str) -> Result<ReferralView, NodeError> {
        let snapshot = self.store.snapshot()?;
        let id = self.referral_named(&snapshot, text)?;
        self.referral_view_in(&snapshot, &id)
    }

    pub(super) fn referral_view(&self, id: &ReferralId) -> Result<ReferralView, NodeError> {
        self.referral_view_in(&self.store.snapshot()?, id)
    }

    fn referral_view_in(&self, snapshot: &Snapshot, id: &ReferralId) -> Result<ReferralView, NodeError> {
        let conversation = self.conversation(snapshot, id)?;
        let case = self.case_of(snapshot, id)?;
        let (peer, row) = (conversation.row.peer, conversation.row);
        let name = self.org_name(snapshot, &peer)?;
        let (mut timeline, writers) = (Vec::new(), self.writers(snapshot, id)?);
        for side in Side::ALL {
            let by = if side == row.side { "us".to_owned() } else { name.clone() };
            for (message, number) in conversation.of(side).iter().zip(1..) {
                let mut view = self.message_view(snapshot, &conversation, message, (side, number), &by)?;
                view.user = writers.get(&number).filter(|_| side == row.side).cloned();
                timeline.push(view);
            }
        }
        timeline.sort_by(|one, other| (one.at, &one.by, one.number).cmp(&(other.at, &other.by, other.number)));
        let mut others = Vec::new();
        for given in case.iter().flat_map(|(_, case)| &case.given).filter(|given| given.referral != *id) {
            if let Some(other) = snapshot.conversation(&given.referral)? {
                others.push(self.line(snapshot, &other)?);
            }
        }
        let code = self.code_of(snapshot, &conversation)?;
        Ok(ReferralView {
            line: self.line(snapshot, &conversation)?,
            peer_id: peer,
            label: row.label,
            reference: case.as_ref().map(|(_, case)| case.reference.clone()).unwrap_or_default(),
            case: case.as_ref().map(|(id, _)| *id),
            offer: self.offer_of(snapshot, &conversation)?,
            skeleton: self.ours(snapshot, id)?.skeleton.unwrap_or_default(),
            introduction_code: case.and_then(|(_, case)| case.code).or(code),
            retention: (row.retention.0 != 0).then_some(row.retention),
            held: self.held_message(snapshot, id)?,
            others,
            timeline,
        })
    }

    fn code_of(&self, snapshot: &Snapshot, conversation: &Conversation) -> Result<Option<String>, NodeError> {
        for message in &conversation.origin {
            if let Some(Words::Confirm { code, .. }) = self.words(snapshot, message)? {
                return Ok(code);
            }
        }
        Ok(None)
    }

    fn org_name(&self, snapshot: &Snapshot, org: &OrgId) -> Result<String, NodeError> {
        Ok(snapshot.peer(org)?.map_or_else(|| org.to_string(), |peer| peer.name))
    }

    fn line(&self, snapshot: &Snapshot, conversation: &Conversation) -> Result<InboxView, NodeError> {
        let Conversation { id, row, standing, .. } = conversation;
        let peer = self.org_name(snapshot, &row.peer)?;
        let held = self.held_message(snapshot, id)?.is_some() && standing.phase() == Phase::Draft;
        let owner = if standing.owner() == row.side { "us".into() } else { peer.clone() };
        Ok(InboxView {
            referral: *id,
            state: if held { "gated" } else { standing.phase().name() }.into(),
            owner,
            side: side_name(row.side).into(),
            peer,
            priority: self.ours(snapshot, id)?.skeleton.map(|skeleton| skeleton.priority),
            due: None,
            waits: clocks(row.side, standing).into_iter().map(|clock| waits(clock).to_owned()).collect(),
            opened: row.opened,
            forked: row.forked,
        })
    }

    /// An offer that is still held.
    fn gated(&self, id: &ReferralId, to: &OrgId, offer: Option<&Offer>, opened: Timestamp) -> Result<InboxView, NodeError> {
        Ok(InboxView {
            referral: *id,
            state: "gated".into(),
            owner: "us".into(),
            side: side_name(Side::Origin).into(),
            peer: self.org_name(&self.store.snapshot()?, to)?,
            priority: offer.map(|offer| offer.priority),
            due: None,
            waits: vec!["for its time to leave".into()],
            opened,
            forked: false,
        })
    }

    fn message_view(
        &self,
        snapshot: &Snapshot,
        conversation: &Conversation,
        message: &MessageRow,
        (side, number): (Side, u64),
        by: &str,
    ) -> Result<MessageView, NodeError> {
        let words = self.words(snapshot, message)?;
        let void = conversation.standing.illegal.iter().find(|(of, at, _)| (*of, *at) == (side, number));
        let (particulars, text) = words.as_ref().map(|words| self.particulars(snapshot, words)).transpose()?.unwrap_or_default();
        Ok(MessageView {
            at: message.at,
            by: by.to_owned(),
            user: None,
            number,
            says: words.as_ref().map_or("destroyed", Words::name).to_owned(),
            particulars,
            text,
            destroyed: words.is_none(),
            void: void.map(|(_, _, why)| why.to_string()),
        })
    }

    fn particulars(&self, snapshot: &Snapshot, words: &Words) -> Result<(Vec<(String, String)>, String), NodeError> {
        let one = |name: &str, value: String| vec![(name.to_owned(), value)];
        let shown = |list: &str, code: &crate::model::vocabulary::Code| self.vocabularies.shown(list, code);
        Ok(match words {
            Words::Offer(offer) => (one("priority", offer.priority.to_string()), String::new()),
            Words::Refuse { reason } => (one("reason", reason.to_string()), String::new()),
            Words::Ask { text } | Words::Answer { text, .. } => (Vec::new(), text.clone()),
            Words::Accept { start, text } => (start.map(|at| one("start", at.to_string())).unwrap_or_default(), text.clone()),
            Words::Decline { reason, text, suggest } => {
                let mut all = one("reason", shown("decline-reason", reason));
                if let Some(org) = suggest {
                    all.push(("suggested".into(), self.org_name(snapshot, org)?));
                }
                (all, text.clone())
            }
            Words::HandBack { reason, text } => (one("reason", shown("decline-reason", reason)), text.clone()),
            Words::Progress { waiting, text } => (one("waiting for", waiting_name(*waiting).into()), text.clone()),
            Words::Resolve { outcomes, text } => {
                let outcomes: Vec<String> = outcomes.iter().map(|code| shown("outcome", code)).collect();
                (one("outcome", outcomes.join(", ")), text.clone())
            }
            Words::Review { helped, text } => {
                let helped = helped.map(|helped| if helped { "yes" } else { "no" });
                (helped.map(|helped| one("helped", helped.into())).unwrap_or_default(), text.clone())
            }
            Words::PassOn { to } => match to {
                Some(org) => (one("to", self.org_name(snapshot, org)?), String::new()),
                None => (Vec::new(), String::new()),
            },
            Words::Withdraw { revoked } => {
                (if *revoked { one("why", "the consent was revoked".into()) } else { Vec::new() }, String::new())
            }
            Words::Contact { .. } => (one("sealed", "to the receiver's desk".into()), String::new()),
            Words::Confirm { .. } | Words::Receipt | Words::Acknowledge | Words::Close | Words::Purge | Words::Seen => {
                (Vec::new(), String::new())
            }
        })
    }
}

const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Origin => "origin",
        Side::Receiver => "receiver",
    }
}

const fn waiting_name(waiting: crate::model::referral::Waiting) -> &'static str {
    use crate::model::referral::Waiting;
    match waiting {
        Waiting::Nothing => "nothing",
        Waiting::Beneficiary => "the person",
        Waiting::Platform => "a platform",
        Waiting::ThirdParty => "somebody else",
    }
}

/// What a clock waits for, in words.
const fn waits(clock: Clock) -> &'static str {
    match clock {
        Clock::Receipt => "for the receiver's node to have it",
        Clock::Acknowledgement => "for a person to open it",
        Clock::Decision => "for the receiver to accept or decline",
        Clock::Answer => "for the origin's answer",
        Clock::Confirmation => "for the origin to confirm the acceptance",
        Clock::HandOver => "for the receiver to have seen that it is theirs",
        Clock::Silence => "for the receiver to tell of the work",
        Clock::Return => "for the origin to have seen that it is theirs again",
        Clock::Next => "for the origin to ask somebody else, or to close",
        Clock::Review => "for the origin's review",
        Clock::Closing => "for the origin to close",
        Clock::Purge => "for the receiver to destroy what it has",
    }
}
