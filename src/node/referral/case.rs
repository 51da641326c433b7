//! A case of ours: what is offered of it, to whom, and what nobody else ever gets.

use super::super::{Node, NodeError};
use super::not_taken::NotTaken;
use crate::model::crypto::sha256;
use crate::model::language::LanguageTag;
use crate::model::referral::{Consent, Offer, Priority, Words};
use crate::model::vocabulary::Code;
use crate::model::{CallId, CaseId, Label, OrgId, ReferralId, Timestamp};
use crate::rules::referral::{Permission, Side, Step};
use crate::rules::statistics::Measure;
use crate::store::change::{Change, Shelf};
use crate::store::{Conversation, Snapshot};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A case of ours. Stays here. `Debug` prints how many offers there are: the rest is about somebody.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseRow {
    /// When it was made.
    pub opened: Timestamp,
    /// The label of what is said about it.
    pub label: Label,
    /// What is offered; `None` once everything about it is destroyed.
    pub offer: Option<Offer>,
    /// Whom the consent names.
    pub recipients: Vec<OrgId>,
    /// Who is asked next, in this order.
    #[serde(default)]
    pub candidates: Vec<OrgId>,
    /// Whether the next one is asked without a person's word when nobody answers.
    #[serde(default)]
    pub automatic: bool,
    /// Whom it was offered.
    #[serde(default)]
    pub given: Vec<Given>,
    /// Whether the person has revoked the consent: what is still offered is withdrawn.
    #[serde(default)]
    pub revoked: bool,
    /// Which acceptance a person chose.
    #[serde(default)]
    pub chosen: Option<ReferralId>,
    /// The other offers at that moment: withdrawn once whom the person chose has the case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub let_go: Vec<ReferralId>,
    /// The referral by which it came, where it is passed on.
    #[serde(default)]
    pub parent: Option<ReferralId>,
    /// What the person says when they come to the partner.
    #[serde(default)]
    pub code: Option<String>,
    /// How to reach the person, sealed to each of these desks, in base64.
    #[serde(default)]
    pub contacts: BTreeMap<OrgId, String>,
    /// The ids of offers that are still to be made: what was sealed is bound to them.
    #[serde(default)]
    pub planned: BTreeMap<OrgId, ReferralId>,
    /// What the desk calls it, such as a ticket's number. Never leaves.
    #[serde(default)]
    pub reference: String,
    /// The call of ours for which those volunteered to whom it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallId>,
    /// An earlier case of ours about the same person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<CaseId>,
}

impl std::fmt::Debug for CaseRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CaseRow({} offers)", self.given.len())
    }
}

/// An offer of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// To whom.
    pub to: OrgId,
    /// As which referral.
    pub referral: ReferralId,
}

/// Cases by the beginning of the SHA-256 of what the desk calls them: the text itself stays in the store.
pub(in super::super) type References = BTreeMap<[u8; 16], Vec<CaseId>>;

fn reference_key(reference: &str) -> [u8; 16] {
    let hash = sha256(&[reference.as_bytes()]);
    std::array::from_fn(|at| hash[at])
}

/// What we alone keep of a referral.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Ours {
    /// The case that it is an offer of, where it is ours.
    pub(super) case: Option<CaseId>,
    /// What stays when body and free text are destroyed.
    pub(super) skeleton: Option<Skeleton>,
    /// What of it is in the counters.
    pub(super) counted: BTreeSet<Measure>,
    /// Of how many of the other side's messages people were told.
    pub(super) told: u64,
    /// Which of them this program did not know: people are told again once it does.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) newer: BTreeSet<u64>,
    /// What of ours the other side's node has not taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) not_taken: Option<NotTaken>,
}

/// What is known of a referral for ever: codes, and nothing that anybody wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Skeleton {
    /// How soon it was wanted.
    pub priority: Priority,
    /// Of the list `nature`.
    pub nature: Option<Code>,
    /// Of the list `incident-type`.
    pub incident_types: Vec<Code>,
    /// Of the list `beneficiary-type`.
    pub beneficiary_type: Option<Code>,
    /// Of the list `region`.
    pub region: Option<Code>,
    /// Of the list `requester-kind`.
    pub requester_kind: Option<Code>,
    /// The language that the person speaks best, without its region.
    pub language: String,
    /// The platforms that it is on.
    pub platforms: Vec<Code>,
    /// Whether the person had come before: `new` or `returning`. Said when the offer is first seen, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<Code>,
    /// How many cases had gone the same way between the two before, roughly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner: Option<Code>,
    /// Whether the person agreed to be counted.
    pub statistics: bool,
    /// Why it was refused, declined or handed back.
    pub reason: Option<Code>,
    /// What came of it.
    pub outcomes: Vec<Code>,
}

/// What allows us to say something in a referral, as it stands.
pub(in super::super) struct Permit {
    case: Option<CaseRow>,
    parent: Option<Consent>,
    back: bool,
}

impl Permit {
    /// What allows a receiver to answer.
    pub(super) const fn back() -> Self {
        Self { case: None, parent: None, back: true }
    }

    /// As the gate asks for it.
    pub(in super::super) fn permission(&self) -> Option<Permission<'_>> {
        if self.back {
            return Some(Permission::Back);
        }
        let case = self.case.as_ref()?;
        let consent = &case.offer.as_ref()?.consent;
        let parent = self.parent.as_ref();
        // A case that was passed on, and whose parent's consent is not here any more, goes to nobody.
        (case.parent.is_none() || parent.is_some()).then_some(Permission::Case { consent, recipients: &case.recipients, parent })
    }

    /// The label of what is said.
    pub(super) fn label(&self) -> Option<Label> {
        self.case.as_ref().map(|case| case.label)
    }
}

impl CaseRow {
    /// Leaves nothing of it but whom it was offered.
    pub(super) fn empty(&mut self) {
        (self.offer, self.code, self.earlier) = (None, None, None);
        self.contacts.clear();
        self.reference.clear();
        self.candidates.clear();
    }

    /// The change that keeps it.
    pub(super) fn keep(&self, id: &CaseId) -> Change {
        Change::Keep { shelf: Shelf::Case, id: id.0, row: Some(serde_json::to_vec(self).unwrap_or_default()) }
    }
}

impl Ours {
    pub(super) fn keep(&self, referral: &ReferralId) -> Change {
        Change::Keep { shelf: Shelf::Referral, id: referral.0, row: Some(serde_json::to_vec(self).unwrap_or_default()) }
    }
}

fn read<T: serde::de::DeserializeOwned>(bytes: &[u8], what: &'static str) -> Result<T, NodeError> {
    serde_json::from_slice(bytes).map_err(|_| NodeError::StoreDamaged(format!("what is kept of {what} cannot be read")))
}

impl Node {
    /// A case of ours.
    pub(super) fn case(&self, snapshot: &Snapshot, id: &CaseId) -> Result<Option<CaseRow>, NodeError> {
        snapshot.kept(Shelf::Case, &id.0)?.map(|bytes| read(&bytes, "a case")).transpose()
    }

    /// What we alone keep of a referral.
    pub(super) fn ours(&self, snapshot: &Snapshot, referral: &ReferralId) -> Result<Ours, NodeError> {
        match snapshot.kept(Shelf::Referral, &referral.0)? {
            Some(bytes) => read(&bytes, "a referral"),
            None => Ok(Ours::default()),
        }
    }

    /// Takes down what is to stay of a referral while it can be read.
    pub(super) fn keep_skeleton(&self, snapshot: &Snapshot, conversation: &Conversation, ours: &mut Ours) -> Result<(), NodeError> {
        let mut skeleton = ours.skeleton.clone().unwrap_or_default();
        // What moved nothing says nothing.
        let void = |number: u64| conversation.standing.void(Side::Receiver, number).is_some();
        let theirs = conversation.receiver.iter().zip(1..).filter(|(_, number)| !void(*number)).map(|(message, _)| message);
        for (message, is_first) in conversation.origin.iter().take(1).map(|first| (first, true)).chain(theirs.map(|one| (one, false))) {
            let is_answer = matches!(message.step, Step::Refuse | Step::Decline | Step::HandBack | Step::Resolve);
            let is_told = if is_first { message.step == Step::Offer } else { is_answer };
            match self.words(snapshot, message)?.filter(|_| is_told) {
                Some(Words::Offer(offer)) => {
                    if skeleton.person.is_none() {
                        let (person, partner) = self.acquainted(snapshot, conversation, &offer)?;
                        (skeleton.person, skeleton.partner) = (Some(person), Some(partner));
                    }
                    (skeleton.priority, skeleton.statistics) = (offer.priority, offer.consent.statistics);
                    (skeleton.nature, skeleton.region) = (Some(offer.nature), Some(offer.region));
                    (skeleton.incident_types, skeleton.beneficiary_type) = (offer.incident_types, Some(offer.beneficiary_type));
                    (skeleton.requester_kind, skeleton.platforms) = (Some(offer.requester_kind), offer.platforms);
                    let best = offer.languages.first().and_then(|language| language.tag.parse::<LanguageTag>().ok());
                    skeleton.language = best.map(|tag| tag.language().to_ascii_lowercase()).unwrap_or_default();
                }
                Some(Words::Refuse { reason } | Words::Decline { reason, .. } | Words::HandBack { reason, .. }) => {
                    skeleton.reason = Some(reason);
                }
                Some(Words::Resolve { outcomes, .. }) => skeleton.outcomes = outcomes,
                _ => {}
            }
        }
        ours.skeleton = Some(self.bounded(skeleton));
        self.was_looked_at(conversation);
        Ok(())
    }

    /// Every case of ours.
    pub(super) fn cases(&self, snapshot: &Snapshot) -> Result<Vec<(CaseId, CaseRow)>, NodeError> {
        snapshot.all_kept(Shelf::Case)?.into_iter().map(|(id, bytes)| Ok((CaseId(id), read(&bytes, "a case")?))).collect()
    }

    /// The cases of ours that the desk has called so since they were made; what they are called now is asked of the store. All cases are looked
    /// through once after each start. For whoever holds the turn.
    pub(super) fn cases_called(&self, snapshot: &Snapshot, reference: &str) -> Result<Vec<CaseId>, NodeError> {
        let known = self.memory().references.take();
        let known = known.map_or_else(|| self.all_called(snapshot), Ok)?;
        let called = known.get(&reference_key(reference)).cloned().unwrap_or_default();
        self.memory().references = Some(known);
        Ok(called)
    }

    fn all_called(&self, snapshot: &Snapshot) -> Result<References, NodeError> {
        let mut all = References::new();
        for (id, case) in self.cases(snapshot)?.into_iter().filter(|(_, case)| !case.reference.is_empty()) {
            all.entry(reference_key(&case.reference)).or_default().push(id);
        }
        Ok(all)
    }

    /// A case is about to be kept under its reference. For whoever holds the turn.
    pub(super) fn is_called(&self, reference: &str, id: &CaseId) {
        if let Some(known) = self.memory().references.as_mut().filter(|_| !reference.is_empty()) {
            let called = known.entry(reference_key(reference)).or_default();
            if called.last() != Some(id) {
                called.push(*id);
            }
        }
    }

    /// What happened and where in a case that is open: incident types, region and country, as far as they are known here.
    #[allow(clippy::type_complexity)]
    pub(in super::super) fn place_of_case(
        &self,
        snapshot: &Snapshot,
        referral: &ReferralId,
    ) -> Result<Option<(Vec<Code>, Option<Code>, Option<String>)>, NodeError> {
        let Some(conversation) = snapshot.conversation(referral)? else { return Ok(None) };
        let standing = &conversation.standing;
        if standing.origin.withdrawn.is_some() || standing.origin.closed.is_some() {
            return Ok(None);
        }
        let ours = self.case_of(snapshot, referral)?.and_then(|(_, case)| case.offer);
        let offer = match ours {
            Some(offer) => Some(offer),
            None => self.offer_of(snapshot, &conversation)?,
        };
        Ok(match (offer, self.ours(snapshot, referral)?.skeleton) {
            (Some(offer), _) => Some((offer.incident_types, Some(offer.region), offer.country)),
            (None, Some(skeleton)) => Some((skeleton.incident_types, skeleton.region, None)),
            (None, None) => None,
        })
    }

    /// To whom cases were offered, or are about to be, that answer a call of ours.
    pub(in super::super) fn given_for_call(&self, snapshot: &Snapshot, call: &CallId) -> Result<Vec<Given>, NodeError> {
        let cases = self.cases(snapshot)?.into_iter().filter(|(_, case)| case.call == Some(*call));
        Ok(cases.flat_map(|(_, case)| case.given).collect())
    }

    /// The case that a referral is an offer of, where it is ours.
    pub(in super::super) fn case_of(&self, snapshot: &Snapshot, referral: &ReferralId) -> Result<Option<(CaseId, CaseRow)>, NodeError> {
        let Some(case) = self.ours(snapshot, referral)?.case else { return Ok(None) };
        Ok(self.case(snapshot, &case)?.map(|row| (case, row)))
    }

    /// Whether the case of a referral is still here, and the consent to it is neither over nor for indicators alone.
    pub(in super::super) fn consents_to_match(&self, snapshot: &Snapshot, referral: &ReferralId) -> Result<bool, NodeError> {
        let consent = match self.case_of(snapshot, referral)? {
            Some((_, case)) => case.offer.filter(|_| !case.revoked).map(|offer| offer.consent),
            None => self.consent_of(snapshot, referral)?,
        };
        let now = self.clock.now();
        Ok(consent.is_some_and(|consent| !consent.indicators_only && consent.expires.is_none_or(|expires| expires > now)))
    }

    /// What allows us to say something in a referral.
    pub(in super::super) fn permit(&self, snapshot: &Snapshot, referral: &ReferralId) -> Result<Permit, NodeError> {
        let case = self.case_of(snapshot, referral)?.map(|(_, case)| case);
        let back = snapshot.referral(referral)?.is_some_and(|row| row.side == Side::Receiver);
        let parent = match case.as_ref().and_then(|case| case.parent) {
            Some(parent) => self.consent_of(snapshot, &parent)?,
            None => None,
        };
        Ok(Permit { case, parent, back })
    }

    /// What allows us to offer a case that may not be kept yet.
    pub(super) fn permit_of(&self, snapshot: &Snapshot, case: &CaseRow) -> Result<Permit, NodeError> {
        let parent = case.parent.map(|parent| self.consent_of(snapshot, &parent)).transpose()?.flatten();
        Ok(Permit { case: Some(case.clone()), parent, back: false })
    }

    /// The consent that a case came under, while its offer is here and it was not withdrawn.
    fn consent_of(&self, snapshot: &Snapshot, referral: &ReferralId) -> Result<Option<Consent>, NodeError> {
        let Some(conversation) = snapshot.conversation(referral)? else { return Ok(None) };
        let offer = self.offer_of(snapshot, &conversation)?;
        Ok(offer.filter(|_| conversation.standing.origin.withdrawn.is_none()).map(|offer| offer.consent))
    }

    /// The offer of a conversation, while its body is here.
    pub(in super::super) fn offer_of(&self, snapshot: &Snapshot, conversation: &Conversation) -> Result<Option<Offer>, NodeError> {
        let Some(first) = conversation.origin.first() else { return Ok(None) };
        Ok(match self.words(snapshot, first)? {
            Some(Words::Offer(offer)) => Some(*offer),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::deed::By;
    use super::*;
    use crate::clock::Clock;
    use crate::config::Config;
    use tokio::time::Instant;

    /// `cargo test --release --lib referral::case -- --ignored --nocapture` prints how long looks take at a desk that has worked for long.
    #[tokio::test]
    #[ignore = "it measures"]
    async fn looks_among_thousands_of_deeds_and_cases() {
        const COUNT: usize = 20_000;
        let directory = tempfile::tempdir().unwrap();
        Node::init(directory.path(), &[], &Clock::system()).unwrap();
        let node = Node::open_with(directory.path(), Config::default(), Clock::system()).unwrap();
        let case: CaseRow = serde_json::from_value(serde_json::json!({
            "opened": "2026-11-27T00:00:00Z", "label": { "tlp": "amber" }, "recipients": [node.org()], "reference": "T-1",
            "given": [{ "to": node.org(), "referral": ReferralId([1; 16]) }], "contacts": { node.org().to_string(): "A".repeat(1_600) },
            "offer": {
                "nature": "reactive", "incident_types": ["account_compromise"], "requester_kind": "individual", "beneficiary_type": "journalist",
                "region": "europe", "help_wanted": ["take_over"], "summary": "An account was taken over. ".repeat(20),
                "consent": { "basis": "explicit", "obtained": "2026-11-27", "obtained_by": "handler" },
            },
        }))
        .unwrap();
        let mut last = ReferralId([0; 16]);
        for portion in 0..COUNT / 1_000 {
            let mut changes = Vec::new();
            for number in 0..1_000 {
                last = ReferralId(crate::model::crypto::random());
                let reference = format!("T-{portion}-{number}");
                changes.push(CaseRow { reference, ..case.clone() }.keep(&CaseId(last.0)));
                changes.push(node.deed(By::default(), "progress", &last, 2));
            }
            node.commit_many(changes).await.unwrap();
        }
        let snapshot = node.store.snapshot().unwrap();
        for _ in 0..3 {
            let began = Instant::now();
            let writers = node.writers(&snapshot, &last).unwrap();
            println!("who wrote which message, of {COUNT} deeds: {:?} ({})", began.elapsed(), writers.len());
            let began = Instant::now();
            let all = Node::deed_rows(&snapshot, Timestamp(0), Timestamp(u64::MAX)).unwrap();
            println!("all of them read: {:?} ({})", began.elapsed(), all.len());
            let began = Instant::now();
            let called = node.cases_called(&snapshot, "T-19-999").unwrap();
            println!("the cases of a reference, of {COUNT}: {:?} ({})", began.elapsed(), called.len());
            let began = Instant::now();
            let all = node.cases(&snapshot).unwrap();
            println!("all of them read: {:?} ({})", began.elapsed(), all.len());
        }
    }
}
