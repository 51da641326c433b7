//! Referrals as people see them.

use super::super::escalate::RungView;
use super::super::hold::held_words;
use super::super::{Node, NodeError};
use super::case::{CaseRow, Skeleton};
use super::not_taken::Why;
use super::platform::PlatformView;
use crate::model::referral::{Offer, Priority, Waiting, Words};
use crate::model::vocabulary::Code;
use crate::model::{CaseId, Label, OrgId, ReferralId, ReleaseId, Timestamp};
use crate::rules::escalate::{Wait, waits};
use crate::rules::referral::{Phase, Side, Step};
use crate::rules::release::Findings;
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
    /// When the next rung of the clock is due that `waits` names first.
    pub due: Option<Timestamp>,
    /// Since when that clock is overdue: when its first rung was due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue: Option<Timestamp>,
    /// What is waited for, by whom: what is overdue for the longest comes first, then what is due next.
    pub waits: Vec<String>,
    /// The same by the names that they have in settings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<Wait>,
    /// When it began.
    pub opened: Timestamp,
    /// Whether the two sides' histories differ.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forked: bool,
}

/// A referral with its timeline. `Debug` prints its id and state: the rest is about somebody.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Why the other side's node has not taken what was said last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_taken: Option<Why>,
    /// What the gate had to say of what was said just now.
    #[serde(default, skip_serializing_if = "Findings::is_empty")]
    pub findings: Findings,
    /// Whom else the case was offered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<InboxView>,
    /// Who could be asked, where nobody answers and a person is to decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<ProposalView>,
    /// What platforms were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<PlatformView>,
    /// What can be done in it here as it stands: commands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<String>,
    /// Every message, by the time when it was written or came here.
    pub timeline: Vec<MessageView>,
}

impl std::fmt::Debug for ReferralView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReferralView({}, {})", self.line.referral, self.line.state)
    }
}

/// How to reach the person, sealed to this desk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactView {
    /// The referral that it is bound to.
    pub referral: ReferralId,
    /// Who sealed it.
    pub sender: OrgId,
    /// What was sealed, in base64.
    pub sealed: String,
}

/// Nobody answers, and the node asks nobody else by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalView {
    /// Since when.
    pub since: Timestamp,
    /// Candidates that were named and not asked, in their order: their names here.
    pub candidates: Vec<String>,
}

/// One message, or a clock that ran out: then `by` is `the clock`, and it has no number.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// What of these are codes, as records have them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<(String, String)>,
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

/// Prints what it is, and nothing that anybody wrote.
impl std::fmt::Debug for MessageView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MessageView({}, {})", self.says, self.number)
    }
}

impl Node {
    /// The referrals that are neither closed nor over, nor declined here, the most urgent first; all of them where asked.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn inbox(&self, all: bool) -> Result<Vec<InboxView>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let mut lines = Vec::new();
        for (id, _) in snapshot.referrals()?.into_iter().filter(|(_, row)| all || !row.over) {
            let conversation = self.conversation(&snapshot, &id)?;
            // What we declined or never took is the origin's to go on with.
            let is_done = match conversation.standing.phase() {
                Phase::Closed | Phase::Purged => true,
                Phase::Declined | Phase::Refused if conversation.row.side == Side::Receiver => true,
                // Of a case that goes on elsewhere the offer there is listed.
                _ => self.is_done_with(&snapshot, &conversation)?,
            };
            if all || !is_done {
                lines.push(self.line(&snapshot, &conversation)?);
            }
        }
        for (_, case) in self.cases(&snapshot)? {
            for given in &case.given {
                if snapshot.referral(&given.referral)?.is_none() && self.held_message(&snapshot, &given.referral)?.is_some() {
                    lines.push(self.gated(&snapshot, &given.referral, &given.to, case.offer.as_ref(), case.opened)?);
                }
            }
        }
        lines.sort_by_key(|one| (one.priority, one.opened, one.referral));
        Ok(lines)
    }

    /// A referral with its timeline.
    ///
    /// # Errors
    /// When there is none of that id, or several begin so.
    pub fn referral_named_view(&self, text: &str) -> Result<ReferralView, NodeError> {
        let snapshot = self.store.snapshot()?;
        let id = self.referral_named(&snapshot, text)?;
        match self.held_view(&snapshot, &id)? {
            Some(view) => Ok(view),
            None => self.referral_view_in(&snapshot, &id),
        }
    }

    /// A referral whose offer is held: what would leave, read from the very bytes. `None` where it has left.
    fn held_view(&self, snapshot: &Snapshot, id: &ReferralId) -> Result<Option<ReferralView>, NodeError> {
        if snapshot.referral(id)?.is_some() {
            return Ok(None);
        }
        let (Some(held), Some((case_id, case))) = (self.held_message(snapshot, id)?, self.case_of(snapshot, id)?) else { return Ok(None) };
        let Some(given) = case.given.iter().find(|given| given.referral == *id) else { return Ok(None) };
        let offer = match held_words(snapshot, &held)? {
            Some(Words::Offer(offer)) => Some(*offer),
            _ => None,
        };
        Ok(Some(ReferralView {
            line: self.gated(snapshot, id, &given.to, case.offer.as_ref(), case.opened)?,
            peer_id: given.to,
            label: case.label,
            case: Some(case_id),
            offer,
            skeleton: Skeleton::default(),
            retention: None,
            held: Some(held),
            not_taken: None,
            findings: Findings::default(),
            others: self.others_of(snapshot, &case, id)?,
            reference: case.reference,
            introduction_code: case.code,
            proposal: None,
            platforms: Vec::new(),
            moves: vec![format!("watchfire preview {held}"), format!("watchfire undo {held}")],
            timeline: Vec::new(),
        }))
    }

    /// How the other offers of a case stand.
    fn others_of(&self, snapshot: &Snapshot, case: &CaseRow, id: &ReferralId) -> Result<Vec<InboxView>, NodeError> {
        let mut others = Vec::new();
        for given in case.given.iter().filter(|given| given.referral != *id) {
            if let Some(other) = snapshot.conversation(&given.referral)? {
                others.push(self.line(snapshot, &other)?);
            }
        }
        Ok(others)
    }

    /// The sealed contact of a case that is ours now, or that we have handed over.
    ///
    /// # Errors
    /// When there is none: the hand-over is warm, or the case is not ours yet.
    pub fn sealed_contact(&self, text: &str) -> Result<ContactView, NodeError> {
        let snapshot = self.store.snapshot()?;
        let id = self.referral_named(&snapshot, text)?;
        let conversation = self.conversation(&snapshot, &id)?;
        if let Some((_, case)) = self.case_of(&snapshot, &id)? {
            let first = case.given.first().map_or(id, |given| given.referral);
            let sealed = case.contacts.get(&self.org()).cloned();
            return sealed.map(|sealed| ContactView { referral: first, sender: self.org(), sealed }).ok_or_else(no_contact);
        }
        for message in conversation.origin.iter().rev() {
            if let Some(Words::Contact { sealed }) = self.words(&snapshot, message)? {
                let sealed = data_encoding::BASE64.encode(&sealed);
                return Ok(ContactView { referral: id, sender: conversation.row.peer, sealed });
            }
        }
        Err(no_contact())
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
        let skeleton = self.ours(snapshot, id)?.skeleton.unwrap_or_default();
        for side in Side::ALL {
            let by = if side == row.side { "us".to_owned() } else { name.clone() };
            for (message, number) in conversation.of(side).iter().zip(1..) {
                let mut view = self.message_view(snapshot, &conversation, message, (side, number), &by, &skeleton)?;
                view.user = writers.get(&number).filter(|_| side == row.side).cloned();
                timeline.push(view);
            }
        }
        timeline.extend(self.rungs(snapshot, id)?.iter().map(rung));
        for (key, _) in Self::platform_clocks(snapshot, id)? {
            timeline.extend(self.rungs(snapshot, &ReferralId(key))?.iter().map(rung));
        }
        timeline.sort_by(|one, other| (one.at, &one.by, one.number).cmp(&(other.at, &other.by, other.number)));
        let others = match &case {
            Some((_, case)) => self.others_of(snapshot, case, id)?,
            None => Vec::new(),
        };
        let (code, held) = (self.code_of(snapshot, &conversation)?, self.held_message(snapshot, id)?);
        let moves = self.commands(snapshot, &conversation, held.is_some())?;
        let proposal = self.proposal(snapshot, id, case.as_ref().map(|(_, case)| case.candidates.as_slice()).unwrap_or_default())?;
        Ok(ReferralView {
            line: self.line(snapshot, &conversation)?,
            peer_id: peer,
            label: row.label,
            reference: case.as_ref().map(|(_, case)| case.reference.clone()).unwrap_or_default(),
            case: case.as_ref().map(|(id, _)| *id),
            offer: self.offer_of(snapshot, &conversation)?,
            skeleton,
            introduction_code: case.and_then(|(_, case)| case.code).or(code),
            retention: (row.retention.0 != 0).then_some(row.retention),
            held,
            not_taken: self.why_not_taken(snapshot, &conversation)?,
            findings: Findings::default(),
            others,
            proposal,
            platforms: self.platforms_of(snapshot, id)?,
            moves,
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

    fn proposal(&self, snapshot: &Snapshot, id: &ReferralId, candidates: &[OrgId]) -> Result<Option<ProposalView>, NodeError> {
        let Some(since) = self.proposed_since(snapshot, id)? else { return Ok(None) };
        let candidates = candidates.iter().map(|org| self.org_name(snapshot, org)).collect::<Result<_, _>>()?;
        Ok(Some(ProposalView { since, candidates }))
    }

    pub(in super::super) fn org_name(&self, snapshot: &Snapshot, org: &OrgId) -> Result<String, NodeError> {
        if *org == self.org() {
            return Ok("us".into());
        }
        Ok(snapshot.peer(org)?.map_or_else(|| org.to_string(), |peer| peer.name))
    }

    pub(in super::super) fn line(&self, snapshot: &Snapshot, conversation: &Conversation) -> Result<InboxView, NodeError> {
        let Conversation { id, row, standing, .. } = conversation;
        let peer = self.org_name(snapshot, &row.peer)?;
        let held = self.held_message(snapshot, id)?.is_some() && standing.phase() == Phase::Draft;
        let beside = self.beside(snapshot, conversation)?;
        let owner = match &beside.owner {
            Some(owner) => self.org_name(snapshot, owner)?,
            None if standing.owner() == row.side => "us".into(),
            None => peer.clone(),
        };
        let mut waited = Vec::new();
        for (wait, cause) in waits(row.side, standing, &beside.clocks) {
            waited.push((wait, self.time_of(snapshot, id, wait, cause)?));
        }
        for (key, pings) in Self::platforms_waited_for(snapshot, id)? {
            waited.push((Wait::Platform, self.time_of(snapshot, &ReferralId(key), Wait::Platform, pings)?));
        }
        waited.sort_by_key(|(_, time)| time.order());
        let first = waited.first().map(|(_, time)| *time).unwrap_or_default();
        let mut waits_for: Vec<Wait> = Vec::with_capacity(waited.len());
        for (wait, _) in waited {
            // Several platforms are waited for as one.
            if !waits_for.contains(&wait) {
                waits_for.push(wait);
            }
        }
        Ok(InboxView {
            referral: *id,
            state: match () {
                () if held => "gated",
                // It never left.
                () if self.is_called_off(conversation) => "withdrawn",
                () if row.over => "purged",
                () => standing.phase().name(),
            }
            .into(),
            owner,
            side: side_name(row.side).into(),
            peer,
            priority: self.priority_of(snapshot, conversation)?,
            due: first.due,
            overdue: first.overdue,
            waits: waits_for.iter().map(|wait| self::waits_for(*wait).to_owned()).collect(),
            waits_for,
            opened: row.opened,
            forked: row.forked,
        })
    }

    /// An offer that is still held.
    fn gated(
        &self,
        snapshot: &Snapshot,
        id: &ReferralId,
        to: &OrgId,
        offer: Option<&Offer>,
        opened: Timestamp,
    ) -> Result<InboxView, NodeError> {
        let row = self.held_message(snapshot, id)?.map(|held| snapshot.hold(&held)).transpose()?.flatten();
        let waits = match row {
            Some(row) if row.waits_for_a_person() => "for a person: `watchfire holds` says for what",
            _ => "for its time to leave",
        };
        Ok(InboxView {
            referral: *id,
            state: "gated".into(),
            owner: "us".into(),
            side: side_name(Side::Origin).into(),
            peer: self.org_name(snapshot, to)?,
            priority: offer.map(|offer| offer.priority),
            due: None,
            overdue: None,
            waits: vec![waits.into()],
            waits_for: Vec::new(),
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
        skeleton: &Skeleton,
    ) -> Result<MessageView, NodeError> {
        let words = self.words(snapshot, message)?;
        let void = conversation.standing.void(side, number);
        let (particulars, text) = match &words {
            Some(words) => self.particulars(snapshot, words)?,
            // Reason and outcome stay where all else that was said is destroyed.
            None if side == Side::Receiver && void.is_none() => (self.kept_of(message.step, skeleton), String::new()),
            None => Default::default(),
        };
        let codes = match &words {
            Some(words) => codes(words),
            None if particulars.is_empty() => Vec::new(),
            None if message.step == Step::Resolve => named("outcome", &skeleton.outcomes),
            None => named("reason", skeleton.reason.as_slice()),
        };
        Ok(MessageView {
            at: message.at,
            by: by.to_owned(),
            user: None,
            number,
            says: words.as_ref().map(Words::name).or(message.step.name()).unwrap_or("destroyed").to_owned(),
            particulars,
            codes,
            text,
            destroyed: words.is_none(),
            void: void.map(|why| why.to_string()),
        })
    }

    /// What is known still of a message of the receiver's whose words are destroyed.
    fn kept_of(&self, step: Step, skeleton: &Skeleton) -> Vec<(String, String)> {
        let shown = |list: &str, code: &Code| self.vocabularies.shown(list, code);
        match (step, &skeleton.reason) {
            (Step::Decline | Step::HandBack, Some(reason)) => vec![("reason".into(), shown("decline-reason", reason))],
            (Step::Refuse, Some(reason)) => vec![("reason".into(), reason.to_string())],
            (Step::Resolve, _) if !skeleton.outcomes.is_empty() => {
                vec![("outcome".into(), skeleton.outcomes.iter().map(|code| shown("outcome", code)).collect::<Vec<_>>().join(", "))]
            }
            _ => Vec::new(),
        }
    }

    fn particulars(&self, snapshot: &Snapshot, words: &Words) -> Result<(Vec<(String, String)>, String), NodeError> {
        let one = |name: &str, value: String| vec![(name.to_owned(), value)];
        let shown = |list: &str, code: &crate::model::vocabulary::Code| self.vocabularies.shown(list, code);
        Ok(match words {
            Words::Offer(offer) => (one("priority", offer.priority.shown(offer.priority_newer)), String::new()),
            Words::Refuse { reason } => (one("reason", reason.to_string()), String::new()),
            Words::Ask { text } | Words::Answer { text, .. } => (Vec::new(), text.clone()),
            Words::Accept { start, text } => (start.map(|at| one("start", day_or_time(at))).unwrap_or_default(), text.clone()),
            Words::Decline { reason, text, suggest } => {
                let mut all = one("reason", shown("decline-reason", reason));
                if let Some(org) = suggest {
                    all.push(("suggested".into(), self.org_name(snapshot, org)?));
                }
                (all, text.clone())
            }
            Words::HandBack { reason, text } => (one("reason", shown("decline-reason", reason)), text.clone()),
            Words::Progress { waiting, text } => (one("waiting for", waiting_name(*waiting)), text.clone()),
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
            Words::Withdraw { revoked: true, .. } => (one("why", "the consent was revoked".into()), String::new()),
            Words::Withdraw { reason, .. } => {
                (reason.as_ref().map(|reason| one("reason", reason.to_string())).unwrap_or_default(), String::new())
            }
            Words::Contact { .. } => (one("sealed", "to the receiver's desk".into()), String::new()),
            Words::Newer => (one("means", NEWER.into()), String::new()),
            Words::Confirm { .. } | Words::Receipt | Words::Acknowledge | Words::Close | Words::Purge | Words::Seen => {
                (Vec::new(), String::new())
            }
        })
    }
}

/// The codes of a message, by the names of its particulars.
fn codes(words: &Words) -> Vec<(String, String)> {
    match words {
        Words::Refuse { reason } | Words::Decline { reason, .. } | Words::HandBack { reason, .. } => {
            named("reason", std::slice::from_ref(reason))
        }
        Words::Withdraw { reason, .. } => named("reason", reason.as_slice()),
        Words::Resolve { outcomes, .. } => named("outcome", outcomes),
        Words::Progress { waiting: Waiting::Newer(number), .. } => vec![("waiting for".into(), number.to_string())],
        Words::Progress { waiting, .. } => vec![("waiting for".into(), waiting.name().into())],
        _ => Vec::new(),
    }
}

fn named(name: &str, codes: &[Code]) -> Vec<(String, String)> {
    codes.iter().map(|code| (name.to_owned(), code.to_string())).collect()
}

fn no_contact() -> NodeError {
    let hint = "hint: in a cold hand-over it comes once the case is ours; in a warm one the person comes with the introduction code";
    NodeError::Conflict(format!("there is no contact to open here\n{hint}"))
}

/// A day, where it is no more than that.
fn day_or_time(at: Timestamp) -> String {
    let text = at.to_string();
    if at == at.day() { text[..10].to_owned() } else { text }
}

fn rung(rung: &RungView) -> MessageView {
    MessageView {
        at: rung.at,
        by: "the clock".into(),
        user: None,
        number: 0,
        says: rung.called(),
        particulars: rung.particulars(),
        codes: Vec::new(),
        text: String::new(),
        destroyed: false,
        void: None,
    }
}

const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Origin => "origin",
        Side::Receiver => "receiver",
    }
}

/// What is said of a message that this version does not know.
const NEWER: &str = "this version does not know it; it moves nothing here until one reads it that does";

fn waiting_name(waiting: Waiting) -> String {
    match waiting {
        Waiting::Nothing => "nothing".into(),
        Waiting::Beneficiary => "the person".into(),
        Waiting::Platform => "a platform".into(),
        Waiting::ThirdParty => "somebody else".into(),
        Waiting::Newer(number) => format!("something that this version does not know (number {number})"),
    }
}

/// What a clock waits for, in words.
pub const fn waits_for(wait: Wait) -> &'static str {
    match wait {
        Wait::Receipt => "for the receiver's node to have it",
        Wait::Acknowledgement => "for a person to open it",
        Wait::Decision => "for the receiver to accept or decline",
        Wait::Answer => "for the origin's answer",
        Wait::Confirmation => "for the origin to confirm the acceptance",
        Wait::HandOver => "for the receiver to have seen that it is theirs",
        Wait::FirstAction => "for the receiver's first action",
        Wait::Silence => "for the receiver to tell of the work",
        Wait::Return => "for the origin to have seen that it is theirs again",
        Wait::Next => "for the origin to ask somebody else, or to close",
        Wait::Review => "for the origin's review",
        Wait::Closing => "for the origin to close",
        Wait::Purge => "for the receiver to destroy what it has",
        Wait::Platform => "for a platform to answer",
    }
}
