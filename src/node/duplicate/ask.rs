//! Partners are asked. What comes back only the command line can read, which has the contact; it answers with a ticket or with random bytes, and this node does
//! not know which.

use super::super::referral::By;
use super::super::{Node, NodeError};
use super::{AskedRow, AskedState, TICKET_MS, bytes, keep, row};
use crate::model::crypto::{equal, random};
use crate::model::duplicate::{Agreed, Answer, Basis, MatchPublic, Purpose, Refusal, Said, Ticket};
use crate::model::identity::Card;
use crate::model::log::Audience;
use crate::model::{CheckId, OrgId, Timestamp};
use crate::rules::label::{Held, Outbound, outbound_duplicate};
use crate::store::change::{PeerRow, Shelf};
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::sync::oneshot;

/// Checks at a time: 12 contacts with some partners.
const AT_ONCE_MAX: usize = 100;
/// A ticket that the link has not taken after so many milliseconds is not sent.
const TAKEN_MS: u64 = 5_000;
/// It is looked every so many.
const LOOK_MS: u64 = 10;

/// One contact, blinded, for one peer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct One {
    /// The peer.
    pub to: String,
    /// The blinded contact in base64, another for each peer.
    pub blinded: String,
}

/// Partners are to be asked. Whoever orders it agrees that whoever has the case is told that we ask about it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckRequest {
    /// What, and whom.
    pub checks: Vec<One>,
    /// How the person agreed to that.
    pub consent: Basis,
    /// The referral that it is about, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral: Option<String>,
}

/// What came back of one check.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckedView {
    /// Which.
    pub check: CheckId,
    /// Whom.
    pub to: String,
    /// The peer.
    pub org: OrgId,
    /// Ourselves.
    pub us: OrgId,
    /// `answered`, `used_up`, `not_there` where it answers nobody, `silent` where no answer came.
    pub state: String,
    /// Until when somebody there may tell what they have.
    pub until: Timestamp,
    /// The key that the peer's card names, in base64.
    pub key: String,
    /// What has to be shown with the ticket.
    pub secret: ClaimSecret,
    /// What the peer's node said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<AnswerView>,
}

/// Which whoever started a check is told, and nobody else: without it no ticket is taken for the check. `Debug` prints nothing of it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClaimSecret(String);

impl ClaimSecret {
    /// A fresh one.
    pub fn fresh() -> Self {
        Self(BASE64.encode(&random::<32>()))
    }

    fn is(&self, other: &Self) -> bool {
        equal(self.0.as_bytes(), other.0.as_bytes())
    }
}

impl std::fmt::Debug for ClaimSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClaimSecret")
    }
}

/// What a peer's node said, in base64.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AnswerView {
    /// The evaluation.
    pub element: String,
    /// Its proof.
    pub proof: String,
    /// The nonce.
    pub nonce: String,
    /// The slots.
    pub slots: String,
}

/// What follows an answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Which check.
    pub check: CheckId,
    /// As the check was answered with.
    pub secret: ClaimSecret,
    /// A ticket or random bytes, in base64.
    pub ticket: String,
}

/// What follows answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimRequest {
    /// One for each.
    pub claims: Vec<Claim>,
}

/// A question that can be put.
pub(super) struct Ready<T> {
    pub(super) check: CheckId,
    pub(super) to: PeerRow,
    /// What is needed to read the answer.
    pub(super) with: T,
    pub(super) query: Outbound<Said>,
}

/// What came back of a question; `None` where nothing did.
pub(super) type Came<T> = (CheckId, PeerRow, T, Option<Result<Box<Answer>, Refusal>>);

impl Node {
    /// Asks partners, and gives back what their nodes say.
    ///
    /// # Errors
    /// When a peer is unknown, not linked, or has no key; the case is over; or the store takes no changes. Then nobody was asked.
    pub async fn check_duplicates(&self, request: CheckRequest, by: By) -> Result<Vec<CheckedView>, NodeError> {
        let CheckRequest { checks, consent, referral } = request;
        if checks.is_empty() || checks.len() > AT_ONCE_MAX {
            return Err(NodeError::BadInput(format!(
                "nobody is to be asked, or more than {AT_ONCE_MAX} times\nhint: `--to PEER` says whom"
            )));
        }
        let (snapshot, now) = (self.store.snapshot()?, self.clock.now());
        self.may_serve(&snapshot)?;
        let referral = referral.map(|text| self.referral_named(&snapshot, &text)).transpose()?;
        if !self.case_is_open(&snapshot, referral.as_ref())? {
            return Err(case_is_over());
        }
        let ready: Vec<Ready<MatchPublic>> = checks.iter().map(|one| self.ready(one)).collect::<Result<_, _>>()?;
        let until = now.plus(self.config.duplicates.answer_days.saturating_mul(86_400_000));
        let row =
            |peer| AskedRow { peer, at: now, by: by.short(), agreed: Agreed { basis: consent, until }, referral, state: AskedState::Begun };
        let written = ready.iter().flat_map(|one| {
            [keep(Shelf::DuplicateAsked, &one.check, &row(one.to.org)), self.duplicate_deed(by, "duplicate asked", &one.check)]
        });
        // Written down before anything leaves.
        self.commit_many(written.collect()).await?;
        let (mut views, mut changes) = (Vec::new(), Vec::new());
        for (check, to, key, came) in self.put(ready).await {
            let (state, answer) = match came {
                Some(Ok(answer)) => ("answered", Some(view(&answer))),
                Some(Err(Refusal::UsedUp)) => ("used_up", None),
                Some(Err(Refusal::NotHere)) => ("not_there", None),
                None => ("silent", None),
            };
            let secret = ClaimSecret::fresh();
            match state {
                "answered" => drop(self.memory().duplicates.answered.insert(check, (to.org, secret.clone(), self.clock.now()))),
                "silent" => {}
                _ => changes.push(keep(Shelf::DuplicateAsked, &check, &AskedRow { state: AskedState::Refused, ..row(to.org) })),
            }
            let key = BASE64.encode(key.bytes());
            views.push(CheckedView { check, to: to.name, org: to.org, us: self.org(), state: state.into(), until, key, secret, answer });
        }
        if !changes.is_empty() {
            self.commit_many(changes).await?;
        }
        tracing::info!(checks = views.len(), "partners were asked about a duplicate");
        Ok(views)
    }

    /// Puts questions, and waits for what comes back. What a link that went down has not taken is not said later.
    pub(super) async fn put<T>(&self, ready: Vec<Ready<T>>) -> Vec<Came<T>> {
        let mut asked = Vec::new();
        {
            let mut memory = self.memory();
            memory.duplicates.prune(self.clock.now());
            for Ready { check, to, with, query } in ready {
                let (answered, answer) = oneshot::channel();
                memory.duplicates.waiting.insert((to.org, check), answered);
                memory.duplicates.to_send.entry(to.org).or_default().push_back(query);
                asked.push((check, to, with, answer));
            }
        }
        self.touch();
        let patience = tokio::time::sleep(Duration::from_secs(self.config.duplicates.wait_s_max));
        tokio::pin!(patience);
        let mut came_back = Vec::new();
        for (check, to, with, mut answer) in asked {
            let came = tokio::select! {
                biased;
                came = &mut answer => came.ok(),
                () = &mut patience, if !patience.is_elapsed() => None,
                else => None,
            };
            if came.is_none() {
                self.memory().duplicates.waiting.remove(&(to.org, check));
            }
            came_back.push((check, to, with, came));
        }
        for (check, to, ..) in &came_back {
            self.forget_unsent(&to.org, check);
        }
        came_back
    }

    /// Sends what follows answers: tickets or random bytes. Those whose link is up are sent, whatever becomes of the others.
    ///
    /// # Errors
    /// When a check is not under way any more or was started by somebody else (then nothing is sent), a link is down, or the store takes no changes.
    pub async fn claim_duplicates(&self, request: ClaimRequest) -> Result<(), NodeError> {
        let (mut claims, mut failed) = (Vec::new(), None);
        for (check, org, ticket) in self.take_answered(&request)? {
            let peer = self.peer_of(&org).and_then(|peer| self.linked(&peer));
            match peer.and_then(|()| self.outbound_duplicate(&org, Said::Claim { check, ticket })) {
                Ok(claim) => claims.push((check, org, claim)),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        let sent: Vec<(CheckId, OrgId)> = claims.iter().map(|(check, org, _)| (*check, *org)).collect();
        // Written down before anything leaves: what is told of a check counts from here on.
        self.asked_goes(sent.iter().map(|(check, _)| check), AskedState::Begun, AskedState::Asked).await?;
        {
            let mut memory = self.memory();
            for (_, org, claim) in claims {
                memory.duplicates.to_send.entry(org).or_default().push_back(claim);
            }
        }
        self.touch();
        for _ in 0..TAKEN_MS / LOOK_MS {
            if !sent.iter().any(|(check, org)| self.is_unsent(org, check)) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
        }
        let mut unsent = Vec::new();
        for (check, org) in &sent {
            if self.forget_unsent(org, check) {
                unsent.push(check);
                failed = failed.or(Some(not_linked(&self.peer_of(org)?.name)));
            }
        }
        self.asked_goes(unsent, AskedState::Asked, AskedState::Begun).await?;
        failed.map_or(Ok(()), Err)
    }

    /// Whose answers these claims follow, all or none: each is followed once, by whoever started it.
    fn take_answered(&self, request: &ClaimRequest) -> Result<Vec<(CheckId, OrgId, Ticket)>, NodeError> {
        let now = self.clock.now();
        let mut taken: Vec<(CheckId, OrgId, Ticket)> = Vec::new();
        let mut memory = self.memory();
        for Claim { check, secret, ticket } in &request.claims {
            let under_way = memory.duplicates.answered.get(check);
            let under_way = under_way.filter(|(_, wanted, at)| now.since(*at) <= TICKET_MS && wanted.is(secret));
            let Some((org, ..)) = under_way.filter(|_| taken.iter().all(|(other, ..)| other != check)) else {
                let hint = "hint: check anew; each counts as one of the day";
                return Err(NodeError::Conflict(format!("the check is not under way any more\n{hint}")));
            };
            taken.push((*check, *org, bytes(ticket, "a ticket")?));
        }
        for (check, ..) in &taken {
            memory.duplicates.answered.remove(check);
        }
        Ok(taken)
    }

    /// Checks that are so far go on, or back.
    async fn asked_goes(&self, checks: impl IntoIterator<Item = &CheckId>, from: AskedState, state: AskedState) -> Result<(), NodeError> {
        self.store.settled().await;
        let (snapshot, mut changes) = (self.store.snapshot()?, Vec::new());
        for check in checks {
            if let Some(bytes) = snapshot.kept(Shelf::DuplicateAsked, &check.0)? {
                let before: AskedRow = row(&bytes)?;
                if before.state == from {
                    changes.push(keep(Shelf::DuplicateAsked, check, &AskedRow { state, ..before }));
                }
            }
        }
        if !changes.is_empty() {
            self.commit_many(changes).await?;
        }
        Ok(())
    }

    fn ready(&self, one: &One) -> Result<Ready<MatchPublic>, NodeError> {
        let to = self.peer_named(&one.to)?;
        self.linked(&to)?;
        let key = Card::from_bytes(&to.card).ok().and_then(|card| card.content().match_key);
        let key = key.ok_or_else(|| {
            let hint = "hint: ask them to upgrade, with their root key at hand for a minute";
            NodeError::Conflict(format!("the card of `{}` has no key for checks for duplicates\n{hint}", to.name))
        })?;
        let check = CheckId(random());
        let blinded = bytes(&one.blinded, "a blinded contact")?;
        let query = self.outbound_duplicate(&to.org, Said::Query { check, blinded, purpose: Purpose::Contact })?;
        Ok(Ready { check, to, with: key, query })
    }

    /// What is said of a check, as the gate lets it out.
    pub(super) fn outbound_duplicate(&self, peer: &OrgId, said: Said) -> Result<Outbound<Said>, NodeError> {
        Ok(outbound_duplicate(Held(said), self.door(Audience::Direct(*peer))?.state())?)
    }

    fn peer_of(&self, org: &OrgId) -> Result<PeerRow, NodeError> {
        self.peer_named(&org.to_string())
    }

    fn linked(&self, peer: &PeerRow) -> Result<(), NodeError> {
        if self.link_view(&peer.org).up { Ok(()) } else { Err(not_linked(&peer.name)) }
    }

    fn is_unsent(&self, peer: &OrgId, check: &CheckId) -> bool {
        let memory = self.memory();
        memory.duplicates.to_send.get(peer).is_some_and(|queue| queue.iter().any(|said| is_of(said, check)))
    }

    /// Whether there was something that the link had not taken.
    fn forget_unsent(&self, peer: &OrgId, check: &CheckId) -> bool {
        let mut memory = self.memory();
        let Some(queue) = memory.duplicates.to_send.get_mut(peer) else { return false };
        let before = queue.len();
        queue.retain(|said| !is_of(said, check));
        queue.len() < before
    }

    /// A peer has answered, or refused to.
    pub(super) fn duplicate_answered(&self, peer: OrgId, check: CheckId, answer: Result<Box<Answer>, Refusal>) {
        // Whoever has not waited is not there any more.
        if let Some(waiting) = self.memory().duplicates.waiting.remove(&(peer, check)) {
            let _ = waiting.send(answer);
        }
    }
}

fn is_of(said: &Outbound<Said>, wanted: &CheckId) -> bool {
    match said.get() {
        Said::Query { check, .. } | Said::Answer { check, .. } | Said::Refusal { check, .. } | Said::Claim { check, .. } => check == wanted,
    }
}

fn view(answer: &Answer) -> AnswerView {
    AnswerView {
        element: BASE64.encode(&answer.evaluated.element),
        proof: BASE64.encode(&answer.evaluated.proof),
        nonce: BASE64.encode(&answer.nonce),
        slots: BASE64.encode(&answer.slots),
    }
}

fn not_linked(name: &str) -> NodeError {
    NodeError::Unreachable {
        peer: name.to_owned(),
        diagnosis: "no link is up\nhint: check again when `watchfire peer show` says that one is".into(),
    }
}

pub(super) fn case_is_over() -> NodeError {
    let hint = "hint: `watchfire show` tells how it stands; a consent that is over, revoked or for indicators alone allows no check";
    NodeError::Conflict(format!("the case is not here any more, or the consent does not allow it\n{hint}"))
}
