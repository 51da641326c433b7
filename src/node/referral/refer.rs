//! A case is offered: to one organisation, or to several of which a person chooses.

use std::collections::BTreeMap;

use super::super::hold::Hold;
use super::super::view::HoldView;
use super::super::{Node, NodeError};
use super::DAY_MS;
use super::case::{CaseRow, Given, Ours};
use super::deed::By;
use super::react::code;
use super::say::{Passed, Written};
use crate::model::country::Country;
use crate::model::crypto::random;
use crate::model::desk::Sealed;
use crate::model::log::Audience;
use crate::model::profile::Profile;
use crate::model::referral::{HandOver, Message, Offer, Priority, Words};
use crate::model::vocabulary::Code;
use crate::model::{CaseId, Class, Label, OrgId, Pap, ReferralId, SubjectRef, Timestamp, Tlp};
use crate::rules::label::Withheld;
use crate::rules::referral::{Illegal, Side, Standing, Step, narrowed, standing};
use crate::rules::release::Findings;
use crate::store::Snapshot;
use crate::store::change::{Change, Shelf};
use serde::{Deserialize, Serialize};

/// A case, and to whom it goes. `Debug` prints its priority: the rest is about somebody, or tells with whom we work.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferRequest {
    /// What is offered. Who the person is does not belong in it.
    pub offer: Offer,
    /// To whom now: peers' names or ids. With several, a person chooses among those who accept.
    #[serde(default)]
    pub to: Vec<String>,
    /// Who is asked next when nobody answers, in this order.
    #[serde(default)]
    pub candidates: Vec<String>,
    /// Whom the consent names; those of `to` and `candidates` where nothing is said.
    #[serde(default)]
    pub recipients: Vec<String>,
    /// Whether the next candidate is asked without a person's word.
    #[serde(default)]
    pub automatic: bool,
    /// The label.
    #[serde(default = "strict")]
    pub tlp: Tlp,
    /// The class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// The PAP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pap: Option<Pap>,
    /// How to reach the person, sealed to the desks of these organisations, in base64. Made by the command line, which has seen it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub contacts: BTreeMap<String, String>,
    /// The ids that these offers get: what was sealed is bound to them. Others are made by the node.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub referrals: BTreeMap<String, ReferralId>,
    /// What the desk calls the case. Never leaves.
    #[serde(default)]
    pub reference: String,
    /// The referral by which the case came here, where it is passed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The call of ours for which those volunteered to whom it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// A referral of ours about the same person: a partner who got an offer then sees the same subject again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<String>,
    /// Whether it is not held.
    #[serde(default)]
    pub now: bool,
    /// Whether it is only looked at.
    #[serde(default)]
    pub dry_run: bool,
}

impl ReferRequest {
    /// A case for which nothing else is said: nobody is asked yet.
    pub fn of(offer: Offer) -> Self {
        Self {
            offer,
            to: Vec::new(),
            candidates: Vec::new(),
            recipients: Vec::new(),
            automatic: false,
            tlp: Tlp::AmberStrict,
            class: None,
            pap: None,
            contacts: BTreeMap::new(),
            referrals: BTreeMap::new(),
            reference: String::new(),
            parent: None,
            call: None,
            earlier: None,
            now: false,
            dry_run: false,
        }
    }
}

/// So many earlier cases of a person are looked through for what a partner knows the person as.
const EARLIER_MAX: usize = 100;

/// To whom a case goes that was offered before.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgainRequest {
    /// Peers' names or ids, which the consent names; the next candidate of the case where nobody is named.
    #[serde(default)]
    pub to: Vec<String>,
    /// Who is asked next when nobody answers, in this order, in place of the candidates that the case has. The consent names them too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<String>,
    /// The call of ours for which these volunteered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// Whether it is not held.
    #[serde(default)]
    pub now: bool,
}

const fn strict() -> Tlp {
    Tlp::AmberStrict
}

impl std::fmt::Debug for ReferRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReferRequest({})", self.offer.priority)
    }
}

/// What became of a case that was offered. `Debug` prints its ids.
#[derive(Clone, Serialize, Deserialize)]
pub struct ReferView {
    /// The first of the referrals.
    pub referral: ReferralId,
    /// Where it stands: `gated` while it is held, then as `inbox` tells it.
    pub state: String,
    /// The case, which is known here alone.
    pub case: CaseId,
    /// In a warm hand-over: what the person says when they come to the partner.
    pub introduction_code: Option<String>,
    /// Each offer.
    pub offers: Vec<Referred>,
    /// What gave way to placeholders, and what is worth a look.
    pub findings: Findings,
    /// What would leave to the first, read from the very bytes, where it was only asked what would (`dry_run`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<Offer>,
}

impl std::fmt::Debug for ReferView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReferView({}, {})", self.case, self.referral)
    }
}

/// An offer that was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Referred {
    /// To whom.
    pub to: OrgId,
    /// What people here call it.
    pub name: String,
    /// As which referral.
    pub referral: ReferralId,
    /// What holds it back; `None` where it has left.
    pub held: Option<HoldView>,
}

impl Node {
    /// Offers a case.
    ///
    /// # Errors
    /// When nobody is named, consent or label do not allow it, or something in it cannot be read.
    pub async fn refer(&self, request: ReferRequest, by: By) -> Result<ReferView, NodeError> {
        self.are_named_once(&request.to, &request.candidates)?;
        let to = self.named_all(&request.to)?;
        let first = *to.first().ok_or_else(|| NodeError::BadInput("nobody is named\nhint: `--to PEER`, or `to` in the file".into()))?;
        let candidates = self.named_all(&request.candidates)?;
        let recipients = match request.recipients.is_empty() {
            true => to.iter().chain(&candidates).copied().collect(),
            false => self.named_all(&request.recipients)?,
        };
        let turn = self.referral_turn().await;
        let snapshot = self.store.snapshot()?;
        let parent = request.parent.as_ref().map(|parent| self.referral_named(&snapshot, parent)).transpose()?;
        let call = request.call.as_ref().map(|call| self.call_answered(&snapshot, call, &to)).transpose()?;
        let (mut offer, mut above, mut told) = (request.offer, None, Vec::new());
        if let Some(parent) = &parent {
            let conversation = self.conversation(&snapshot, parent)?;
            conversation.standing.may(conversation.row.side, Step::PassOn).map_err(NodeError::Referral)?;
            self.nothing_is_held(&snapshot, parent)?;
            above = Some(conversation.row);
            let theirs = self.offer_of(&snapshot, &conversation)?;
            let theirs = theirs.ok_or_else(|| NodeError::Conflict(format!("nothing of `{parent}` is left to be passed on")))?;
            offer.consent = narrowed(&offer.consent, &theirs.consent);
            // What another organisation looked into is not ours to have looked into.
            let member = code("member_referral")?;
            if let Some(vetting) = offer.vetting.as_mut().filter(|one| Some(&**one) == theirs.vetting.as_ref() && one.method != member) {
                told.push(format!("the vetting leaves as `{member}` and not as `{}`: whoever the case came from did it", vetting.method));
                vetting.method = member;
            }
        }
        let mut notes = self.make_sound(&mut offer)?;
        notes.extend(told);
        let introduction = (offer.hand_over == HandOver::Warm).then(introduction_code);
        let label = Label::said(request.tlp, request.class, request.pap.unwrap_or(Pap::Clear));
        // What is passed on is no less restricted than it came, and lives no longer.
        let label = above.map_or(label, |row| label.join(row.label));
        let contacts = self.sealed_for(request.contacts)?;
        let mut planned = BTreeMap::new();
        for (name, referral) in request.referrals {
            if snapshot.referral(&referral)?.is_some() {
                return Err(NodeError::Conflict(format!("there is a referral `{referral}` already\nhint: seal the contact anew")));
            }
            planned.insert(self.peer_named(&name)?.org, referral);
        }
        if offer.hand_over == HandOver::Cold && !to.iter().chain(&candidates).all(|org| contacts.contains_key(org)) {
            let hint = "hint: `--contact FILE` seals how to reach the person to each desk; or hand it over warm";
            return Err(NodeError::BadInput(format!(
                "in a cold hand-over the receiver has to reach the person, and no contact was sealed\n{hint}"
            )));
        }
        let opened = self.clock.now();
        let mut case = CaseRow {
            opened,
            label,
            offer: Some(offer),
            recipients,
            candidates: candidates.into_iter().filter(|org| !to.contains(org)).collect(),
            automatic: request.automatic,
            given: Vec::new(),
            revoked: false,
            chosen: None,
            let_go: Vec::new(),
            parent,
            code: introduction.clone(),
            contacts,
            planned,
            reference: request.reference.chars().filter(|c| !c.is_control()).take(100).collect(),
            call,
            earlier: request.earlier.as_ref().map(|earlier| self.case_named(&snapshot, earlier)).transpose()?,
        };
        self.may_be_candidates(&case, &case.candidates)?;
        drop(snapshot);
        let id = CaseId(random());
        let urgent = case.offer.as_ref().is_some_and(|offer| offer.priority == Priority::Emergency);
        let hold = self.hold_of(request.dry_run, request.now || urgent);
        let (mut offers, mut findings, mut would_leave) = (Vec::new(), Findings::default(), None);
        // All of them or none: who repeats what failed half-way would make a second case.
        let mut tried = case.clone();
        for org in &to {
            self.offer_to(&id, &mut tried, *org, Hold::Dry, by, Vec::new()).await?;
        }
        for org in to {
            let before = self.before_under(&case.reference, &id, &org)?;
            if !request.dry_run {
                self.is_called(&case.reference, &id);
            }
            let notes = notes.iter().cloned().chain(before).chain(self.takes_no_cases(&org)?).collect();
            let (referral, written) = self.offer_to(&id, &mut case, org, hold, by, notes).await?;
            if offers.is_empty() {
                findings = written.findings;
                would_leave = written.would_leave;
            } else {
                // The gate says the same of each; that a partner had the case before is said of one.
                let new = written.findings.warnings.into_iter().filter(|warning| !findings.warnings.contains(warning)).collect::<Vec<_>>();
                findings.warnings.extend(new);
            }
            offers.push(Referred { to: org, name: self.audience_name(&Audience::Direct(org))?, referral, held: written.held });
        }
        if let Some(parent) = parent.filter(|_| !request.dry_run) {
            self.say(&parent, Words::PassOn { to: None }, Hold::Skipped, by).await?;
            self.watch(&parent).await;
        }
        if call.is_some() && !request.dry_run {
            self.tend_calls_or_later().await;
        }
        let referral = offers.first().map_or(ReferralId([0; 16]), |one: &Referred| one.referral);
        drop(turn);
        if !request.dry_run {
            // Somebody may have warned of it.
            self.tend_alerts_or_later().await;
        }
        let state = if request.dry_run || offers.iter().any(|one| one.to == first && one.held.is_some()) { "gated" } else { "sent" };
        let offer = match would_leave {
            Some(Words::Offer(offer)) => Some(*offer),
            _ => None,
        };
        let introduction_code = introduction.filter(|_| !request.dry_run);
        Ok(ReferView { referral, state: state.into(), case: id, introduction_code, offers, findings, offer })
    }

    /// Offers a case that was offered before to more organisations: people's answer to a silence, a no or a case that came back.
    ///
    /// # Errors
    /// When the case is not ours or is destroyed, the consent does not name them, somebody is named twice, or they are asked already.
    pub async fn refer_again(&self, referral: &str, request: AgainRequest, by: By) -> Result<ReferView, NodeError> {
        self.are_named_once(&request.to, &request.candidates)?;
        let (mut to, candidates) = (self.named_all(&request.to)?, self.named_all(&request.candidates)?);
        let _turn = self.referral_turn().await;
        let snapshot = self.store.snapshot()?;
        let id = self.referral_named(&snapshot, referral)?;
        let (case_id, mut case) = self.case_of(&snapshot, &id)?.ok_or(NodeError::Referral(Illegal::NotTheirs))?;
        self.is_not_taken(&snapshot, &case)?;
        if !candidates.is_empty() {
            self.may_be_candidates(&case, &candidates)?;
            case.candidates = candidates;
        }
        if to.is_empty() {
            to.extend(self.next_candidate(&snapshot, &case)?);
        }
        if let Some(call) = &request.call {
            case.call = Some(self.call_answered(&snapshot, call, &to)?);
        }
        drop(snapshot);
        let urgent = case.offer.as_ref().is_some_and(|offer| offer.priority == Priority::Emergency);
        let hold = self.hold_of(false, request.now || urgent);
        // All of them or none, as in a first offer.
        let mut tried = case.clone();
        for org in &to {
            self.offer_to(&case_id, &mut tried, *org, Hold::Dry, by, Vec::new()).await?;
        }
        let (mut offers, mut findings) = (Vec::new(), Findings::default());
        for org in to {
            let notes = self.takes_no_cases(&org)?.into_iter().collect();
            let (referral, written) = self.offer_to(&case_id, &mut case, org, hold, by, notes).await?;
            findings = written.findings;
            offers.push(Referred { to: org, name: self.audience_name(&Audience::Direct(org))?, referral, held: written.held });
        }
        let Some(first) = offers.first() else {
            return Err(self.nobody_is_left(&case)?);
        };
        if request.call.is_some() {
            self.tend_calls_or_later().await;
        }
        let state = if first.held.is_some() { "gated" } else { "sent" };
        let (referral, introduction_code) = (first.referral, case.code);
        Ok(ReferView { referral, state: state.into(), case: case_id, introduction_code, offers, findings, offer: None })
    }

    /// One change of referrals at a time, behind what was asked for by callers that have gone.
    pub(in super::super) async fn referral_turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        let turn = self.referring.lock().await;
        self.store.settled().await;
        turn
    }

    /// Whether something that follows from what was heard about referrals, calls or alerts is not done yet. What fails is left to the upkeep.
    pub fn is_reacting(&self) -> bool {
        std::sync::Arc::strong_count(&self.reacting) > 1 || self.board_waits() || self.referring.try_lock().is_err()
    }

    /// Offers a case to one organisation, and keeps that it was. For whoever holds the turn.
    pub(super) async fn offer_to(
        &self,
        id: &CaseId,
        case: &mut CaseRow,
        org: OrgId,
        hold: Hold,
        by: By,
        notes: Vec<String>,
    ) -> Result<(ReferralId, Written), NodeError> {
        let snapshot = self.store.snapshot()?;
        let (referral, mut passed, beside) = self.prepare_offer(&snapshot, id, case, org, by, "offer")?;
        drop(snapshot);
        passed.item.findings.warnings.extend(notes);
        let beside = if hold == Hold::Dry { Vec::new() } else { beside };
        let written = self.hold_or_say(&referral, passed, hold, beside).await?;
        if hold != Hold::Dry && written.held.is_none() {
            self.watch(&referral).await;
        }
        Ok((referral, written))
    }

    /// The gate's word on an offer to one organisation, and what is kept of it once it is made.
    pub(super) fn prepare_offer(
        &self,
        snapshot: &Snapshot,
        id: &CaseId,
        case: &mut CaseRow,
        org: OrgId,
        by: By,
        what: &str,
    ) -> Result<(ReferralId, Passed, Vec<Change>), NodeError> {
        self.is_free(snapshot, case, &org)?;
        let Some(mut offer) = case.offer.clone() else {
            return Err(NodeError::Conflict("everything about this case is destroyed, so nobody can be asked any more".into()));
        };
        let planned = case.planned.remove(&org);
        if offer.hand_over == HandOver::Cold && (planned.is_none() || !case.contacts.contains_key(&org)) {
            return Err(no_contact());
        }
        let referral = planned.unwrap_or_else(|| ReferralId(random()));
        offer.subject = self.subject_for(snapshot, case, &org)?;
        let message = Message {
            referral,
            number: 1,
            seen: 0,
            heard: [0; 32],
            vocabulary: self.vocabularies.version(),
            words: Words::Offer(Box::new(offer)),
        };
        let permit = self.permit_of(snapshot, case)?;
        let mut retention = self.clock.now().plus(self.config.referral.retention_days * 86_400_000);
        if let Some(parent) = case.parent.map(|parent| snapshot.referral(&parent)).transpose()?.flatten().filter(|row| row.retention.0 != 0)
        {
            retention = retention.min(parent.retention);
        }
        let mut passed = self.pass_message(&permit, message, case.label, Audience::Direct(org), retention)?;
        passed.remarks.particulars.by = by.short();
        case.given.push(Given { to: org, referral });
        case.candidates.retain(|one| *one != org);
        let ours = Ours { case: Some(*id), ..Ours::default() };
        Ok((referral, passed, vec![case.keep(id), ours.keep(&referral), self.deed(by, what, &referral, 1)]))
    }

    /// Nobody was named, and the candidates are all asked: whom a person could name.
    fn nobody_is_left(&self, case: &CaseRow) -> Result<NodeError, NodeError> {
        let snapshot = self.store.snapshot()?;
        let mut names = Vec::new();
        for org in &case.recipients {
            if self.given_to(&snapshot, case, org)?.is_none() {
                names.push(format!("`{}`", self.org_name(&snapshot, org)?));
            }
        }
        let hint = match names.as_slice() {
            [] => "everybody whom the consent names is asked; a new consent is a new case (`watchfire refer`)".to_owned(),
            _ => format!("`--to PEER` names somebody; the consent names {}", names.join(", ")),
        };
        Ok(NodeError::BadInput(format!("nobody is named, and no candidate of the case is left to be asked\nhint: {hint}")))
    }

    /// What is told of somebody who says that it takes no cases. A person may ask it all the same.
    fn takes_no_cases(&self, org: &OrgId) -> Result<Option<String>, NodeError> {
        let profile = self.profile_of(org)?.filter(Profile::takes_none);
        let name = |_| self.audience_name(&Audience::Direct(*org));
        Ok(profile
            .map(name)
            .transpose()?
            .map(|name| format!("`{name}` says in its profile that it takes no cases now; `watchfire match` ranks others")))
    }

    /// Whether the consent names those who are to be asked next, and a contact is sealed for each where the receiver has to reach the person.
    fn may_be_candidates(&self, case: &CaseRow, candidates: &[OrgId]) -> Result<(), NodeError> {
        for org in candidates {
            if !case.recipients.contains(org) {
                return Err(NodeError::Withheld(Withheld::NotConsented));
            }
            if case.offer.as_ref().is_some_and(|offer| offer.hand_over == HandOver::Cold) && !case.contacts.contains_key(org) {
                return Err(no_contact());
            }
        }
        Ok(())
    }

    /// Who is asked next of a case: the first of its candidates who is not asked already.
    fn next_candidate(&self, snapshot: &Snapshot, case: &CaseRow) -> Result<Option<OrgId>, NodeError> {
        for org in &case.candidates {
            if self.given_to(snapshot, case, org)?.is_none() {
                return Ok(Some(*org));
            }
        }
        Ok(None)
    }

    /// The case of a referral of ours.
    fn case_named(&self, snapshot: &Snapshot, referral: &str) -> Result<CaseId, NodeError> {
        let id = self.referral_named(snapshot, referral)?;
        let case = self.case_of(snapshot, &id)?.map(|(case, _)| case);
        case.ok_or_else(|| {
            NodeError::BadInput(format!("`{referral}` is no case of this desk's\nhint: `earlier` names a referral that was offered here"))
        })
    }

    /// Who the person is to a partner: random, and of its own for each, so that two of them cannot tell that they were asked about the same.
    /// A partner who was asked about an earlier case of that person gets what it got then, while that is here.
    fn subject_for(&self, snapshot: &Snapshot, case: &CaseRow, org: &OrgId) -> Result<SubjectRef, NodeError> {
        let mut earlier = case.earlier;
        for _ in 0..EARLIER_MAX {
            let Some(before) = earlier.map(|id| self.case(snapshot, &id)).transpose()?.flatten() else { break };
            for given in before.given.iter().filter(|given| given.to == *org) {
                let known = snapshot.conversation(&given.referral)?;
                if let Some(offer) = known.map(|known| self.offer_of(snapshot, &known)).transpose()?.flatten() {
                    return Ok(offer.subject);
                }
            }
            earlier = before.earlier;
        }
        Ok(SubjectRef(random()))
    }

    /// The offer of a case that an organisation has, where it was neither withdrawn nor closed, and how it stands.
    fn given_to(&self, snapshot: &Snapshot, case: &CaseRow, org: &OrgId) -> Result<Option<(ReferralId, Standing)>, NodeError> {
        for given in case.given.iter().filter(|given| given.to == *org) {
            let known = snapshot.conversation(&given.referral)?.map(|conversation| conversation.standing);
            let known = known.unwrap_or_else(|| standing(&[], &[]));
            if known.origin.withdrawn.is_none() && known.origin.closed.is_none() && !known.is_over() {
                return Ok(Some((given.referral, known)));
            }
        }
        Ok(None)
    }

    /// Whether an organisation is not asked about the case already.
    fn is_free(&self, snapshot: &Snapshot, case: &CaseRow, org: &OrgId) -> Result<(), NodeError> {
        let Some((referral, known)) = self.given_to(snapshot, case, org)? else { return Ok(()) };
        let id = super::short(&referral);
        let hint = match self.held_message(snapshot, &referral)?.filter(|_| !known.origin.offered) {
            Some(held) => format!("it is held as `{held}`; `watchfire undo {held}` drops it"),
            None if known.may(Side::Origin, Step::Close).is_ok() => {
                format!("`watchfire close {id}` ends that offer; then it may be asked again")
            }
            None => format!("`watchfire show {id}` tells how it stands there; `watchfire withdraw {id}` takes it back from there"),
        };
        Err(NodeError::Conflict(format!("that organisation was asked about this case already\nhint: {hint}")))
    }

    /// Whom somebody names twice they may have taken for another.
    fn are_named_once(&self, to: &[String], candidates: &[String]) -> Result<(), NodeError> {
        let mut seen: Vec<(OrgId, bool)> = Vec::new();
        for (name, is_next) in to.iter().map(|name| (name, false)).chain(candidates.iter().map(|name| (name, true))) {
            let org = self.peer_named(name)?.org;
            let (wrong, hint) = match seen.iter().find(|(one, _)| *one == org) {
                None => {
                    seen.push((org, is_next));
                    continue;
                }
                Some((_, false)) if is_next => (
                    "is asked now, and cannot be who is asked next",
                    "`--then`, or `candidates` in the file, names others than `--to`; `--then` stands in place of `candidates`",
                ),
                Some((_, true)) => ("is named twice for who is asked next", "`--then`, or `candidates` in the file, names each once"),
                Some((_, false)) => ("is named twice for who is asked now", "`--to`, or `to` in the file, names each once"),
            };
            let name = self.audience_name(&Audience::Direct(org))?;
            return Err(NodeError::BadInput(format!("`{name}` {wrong}\nhint: {hint}")));
        }
        Ok(())
    }

    fn named_all(&self, names: &[String]) -> Result<Vec<OrgId>, NodeError> {
        let mut orgs = Vec::with_capacity(names.len());
        for name in names {
            let org = self.peer_named(name)?.org;
            if !orgs.contains(&org) {
                orgs.push(org);
            }
        }
        Ok(orgs)
    }

    fn sealed_for(&self, contacts: BTreeMap<String, String>) -> Result<BTreeMap<OrgId, String>, NodeError> {
        let mut all = BTreeMap::new();
        for (name, sealed) in contacts {
            let bytes = data_encoding::BASE64.decode(sealed.as_bytes()).ok();
            if bytes.is_none_or(|bytes| Sealed::decode(&bytes).is_err()) {
                let hint = "hint: `watchfire refer --contact FILE` seals it";
                return Err(NodeError::BadInput(format!("the contact for `{name}` is not sealed\n{hint}")));
            }
            all.insert(if name == "us" { self.org() } else { self.peer_named(&name)?.org }, sealed);
        }
        Ok(all)
    }

    /// That a partner got another case that the desk calls the same: it may be the same case, asked about twice.
    fn before_under(&self, reference: &str, id: &CaseId, org: &OrgId) -> Result<Option<String>, NodeError> {
        if reference.is_empty() {
            return Ok(None);
        }
        let (snapshot, mut before) = (self.store.snapshot()?, None);
        for other in self.cases_called(&snapshot, reference)?.iter().filter(|other| *other != id) {
            let case = self.case(&snapshot, other)?.filter(|case| case.reference == reference);
            before = before.or(case.and_then(|case| case.given.into_iter().find(|given| given.to == *org)));
        }
        let Some(given) = before else { return Ok(None) };
        let (name, referral) = (self.audience_name(&Audience::Direct(*org))?, super::short(&given.referral));
        Ok(Some(format!(
            "`{name}` got a case with this reference before, as `{referral}`; `watchfire show {referral}` tells how it stands"
        )))
    }

    /// What is told by halves is made whole, and what is told too exactly is made coarse. What people may wonder about is said.
    fn make_sound(&self, offer: &mut Offer) -> Result<Vec<String>, NodeError> {
        let latest = self.clock.now().plus(AHEAD_MS_MAX);
        if offer.consent.obtained > latest {
            let day = &offer.consent.obtained.to_string()[..10];
            return Err(NodeError::BadInput(format!(
                "the consent is of {day}, and that day has not come\nhint: `obtained` under [offer.consent] is the day on which the person agreed"
            )));
        }
        offer.incident_week = offer.incident_week.map(monday);
        offer.consent.obtained = offer.consent.obtained.day();
        offer.consent.expires = offer.consent.expires.map(Timestamp::day);
        offer.deadline = offer.deadline.map(Timestamp::day);
        offer.expires = offer.expires.map(Timestamp::day);
        if let Some(end) = offer.expires.filter(|end| *end <= self.clock.now()) {
            let day = &end.to_string()[..10];
            return Err(NodeError::BadInput(format!(
                "the offer would be open until {day}, which has passed\nhint: `expires` under [offer] is a day to come; leave it out for an offer that stays open"
            )));
        }
        if offer.priority_newer.is_some() || matches!(offer.hand_over, HandOver::Newer(_)) {
            return Err(NodeError::BadInput(
                "the offer has a priority or a hand-over of a newer program\nhint: `priority` and `hand_over` under [offer] are what this version knows"
                    .into(),
            ));
        }
        self.are_codes(offer)?;
        if let Some(country) = &offer.country {
            Country::assigned(country).map_err(|error| NodeError::BadInput(error.to_string()))?;
        }
        if let Some(vetting) = &mut offer.vetting {
            (vetting.date, vetting.expires) = (vetting.date.day(), vetting.expires.map(Timestamp::day));
        }
        let mut notes = Vec::new();
        if offer.physical_danger == Some(true) && offer.priority != Priority::Emergency {
            notes.push(format!(
                "somebody is in physical danger (`physical_danger`), and the case leaves as `{}`: `priority = \"emergency\"` has shorter clocks",
                offer.priority.name()
            ));
        }
        // Somebody who clicked, opened or typed is in more of a hurry than they know.
        if !offer.interacted.is_empty() && offer.priority == Priority::Normal {
            offer.priority = Priority::Urgent;
            notes.push("the case leaves as `urgent` and not as `normal`: the person has done something already (`interacted`)".into());
        }
        offer.check().map_err(|bad| NodeError::BadInput(bad.to_string()))?;
        Ok(notes)
    }
}

impl Node {
    /// Codes are words of our lists: a slip, or a name, does not leave as one.
    fn are_codes(&self, offer: &Offer) -> Result<(), NodeError> {
        let one = |list: &'static str, code: &Code| (list, code.clone());
        let many = |list: &'static str, codes: &[Code]| codes.iter().map(|code| (list, code.clone())).collect::<Vec<_>>();
        let mut all = vec![
            one("nature", &offer.nature),
            one("requester-kind", &offer.requester_kind),
            one("beneficiary-type", &offer.beneficiary_type),
            one("region", &offer.region),
        ];
        all.extend(many("incident-type", &offer.incident_types));
        all.extend(many("cause", &offer.causes));
        all.extend(many("help-wanted", &offer.help_wanted));
        all.extend(many("service", &offer.services));
        all.extend(many("platform", &offer.platforms));
        all.extend(many("contact-channel", &offer.do_not_use));
        all.extend(offer.consent.revocation_channel.iter().map(|code| one("contact-channel", code)));
        all.extend(offer.languages.iter().flat_map(|language| &language.level).map(|code| one("language-level", code)));
        all.extend(many("interaction", &offer.interacted));
        all.extend(many("vulnerability", &offer.vulnerability));
        all.extend(many("device", &offer.devices));
        all.extend([one("consent-basis", &offer.consent.basis), one("consent-role", &offer.consent.obtained_by)]);
        all.extend(
            offer.vetting.iter().flat_map(|vetting| [one("vetting-method", &vetting.method), one("vetting-result", &vetting.result)]),
        );
        all.extend(offer.evidence.iter().map(|piece| one("evidence-kind", &piece.kind)));
        all.iter().try_for_each(|(list, code)| self.is_of_list(list, code))
    }

    /// Whether a code that is to leave is one of a list of ours.
    pub(in super::super) fn is_of_list(&self, list: &str, code: &Code) -> Result<(), NodeError> {
        match self.vocabularies.get(list) {
            Some(known) if known.title(code).is_none() => {
                let hint = crate::node::profile_file::nearest(known, code.as_str());
                Err(NodeError::BadInput(format!("`{code}` is no code of `{list}`\nhint: {hint}")))
            }
            _ => Ok(()),
        }
    }
}

fn no_contact() -> NodeError {
    let hint = "hint: refer the case anew with `--contact FILE`, which seals it to that desk; or hand it over warm";
    NodeError::Conflict(format!("no contact is sealed for this offer, and the receiver would have to reach the person\n{hint}"))
}

/// A day begins nowhere more than so long before it does in UTC (14 hours).
const AHEAD_MS_MAX: u64 = 14 * 3_600_000;

/// The Monday of its week; 1970 began on a Thursday.
const fn monday(at: Timestamp) -> Timestamp {
    let days = at.0 / DAY_MS;
    Timestamp(days.saturating_sub((days + 3) % 7) * DAY_MS)
}

/// Eight letters and digits that nobody takes for others, in two halves: 40 bits.
fn introduction_code() -> String {
    const LETTERS: &[u8; 32] = b"23456789abcdefghjkmnpqrstuvwxyz-";
    let bytes: [u8; 32] = random();
    // 31 letters: what falls on the last is drawn again from the next byte.
    let mut letters = bytes.iter().map(|byte| usize::from(byte % 32)).filter(|place| *place < 31).map(|place| char::from(LETTERS[place]));
    let first: String = letters.by_ref().take(4).collect();
    let second: String = letters.take(4).collect();
    format!("{first}-{second}")
}

impl Node {
    /// What of a case is kept goes, with what names it, where nothing of it has left and nothing will: it was undone.
    pub(in super::super) fn without_offer(&self, snapshot: &Snapshot, referral: &ReferralId) -> Result<Vec<Change>, NodeError> {
        let Some((id, mut case)) = self.case_of(snapshot, referral)?.filter(|_| !matches!(snapshot.referral(referral), Ok(Some(_)))) else {
            return Ok(Vec::new());
        };
        case.given.retain(|given| given.referral != *referral);
        let of_case = match case.given.is_empty() {
            true => Change::Keep { shelf: Shelf::Case, id: id.0, row: None },
            false => case.keep(&id),
        };
        Ok(vec![Change::Keep { shelf: Shelf::Referral, id: referral.0, row: None }, of_case])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_told_by_its_day_or_its_week() {
        let at: Timestamp = "2026-11-27T13:45:00Z".parse().expect("a time");
        assert_eq!(at.day().to_string(), "2026-11-27T00:00:00.000Z");
        assert_eq!(monday(at).to_string(), "2026-11-23T00:00:00.000Z");
        let sunday: Timestamp = "2026-11-29T23:59:59Z".parse().expect("a time");
        assert_eq!(monday(sunday), monday(at));
        assert_eq!(monday(Timestamp(0)), Timestamp(0));
    }

    #[test]
    fn an_introduction_code_can_be_read_out() {
        for _ in 0..100 {
            let code = introduction_code();
            assert_eq!((code.len(), code.as_bytes()[4]), (9, b'-'), "{code}");
            assert!(code.bytes().enumerate().all(|(place, byte)| place == 4 || byte.is_ascii_lowercase() || byte.is_ascii_digit()));
        }
    }
}
