//! Whether a partner has a case with the same contact (docs/duplicates.md). Contacts are in the command line's process alone; here are blinded ones, and
//! what our own key made of those that may be matched.

mod agree;
mod allow;
mod answer;
mod ask;
mod seen;
mod show;

pub use agree::DecideRequest;
pub use allow::{AllowRequest, AllowedOne, DisallowRequest, EvaluateRequest, EvaluatedView};
pub use ask::{AnswerView, CheckRequest, CheckedView, Claim, ClaimRequest, ClaimSecret, One};
pub use seen::{SeenAllowRequest, SeenAnswer, SeenAskRequest, SeenDisallowRequest, SeenFoundView, SeenValueView, SeenView};
pub use show::{AllowedView, AnsweredView, CheckView, DuplicatesView, FoundView};

use super::referral::By;
use super::{Node, NodeError};
use crate::model::crypto::random;
use crate::model::desk::Role;
use crate::model::duplicate::{Agreed, Answer, MatchKey, Purpose, Refusal, Round, Said, Value};
use crate::model::id::{base32, from_base32};
use crate::model::{CheckId, OrgId, ReferralId, Timestamp};
use crate::rules::duplicate::{Counts, Limits, day};
use crate::rules::label::Outbound;
use crate::rules::notify::{Event, Notice};
use crate::store::Snapshot;
use crate::store::change::{Change, Shelf};
use data_encoding::BASE64;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Rows of what is over are kept so long for the audit (400 days, in milliseconds): a year's report can be checked.
const AUDIT_MS: u64 = 400 * 86_400_000;
/// Between an answer and its ticket pass at the most so many milliseconds (10 minutes).
const TICKET_MS: u64 = 600_000;
/// So many answers wait for their tickets at the most; the oldest gives way.
const ROUNDS_MAX: usize = 1_000;

/// Where somebody waits for an answer.
type Asking = oneshot::Sender<Result<Box<Answer>, Refusal>>;

/// What is known of checks while the process runs. Lost with it: checks that are under way, which count all the same.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    /// What is to be sent, by peer.
    to_send: BTreeMap<OrgId, VecDeque<Outbound<Said>>>,
    /// Who waits for an answer.
    waiting: BTreeMap<(OrgId, CheckId), Asking>,
    /// Checks of ours that were answered, whose tickets are still to be sent by whoever shows the secret.
    answered: BTreeMap<CheckId, (OrgId, ClaimSecret, Timestamp)>,
    /// What we answered, and whose tickets have not come.
    rounds: BTreeMap<(OrgId, CheckId), (Round, Timestamp)>,
    /// Peers that were refused, until their day is over.
    refused: BTreeMap<(OrgId, Purpose), Refused>,
}

/// A peer that was refused: nothing is looked at for it any more in that day.
#[derive(Debug)]
struct Refused {
    day: u64,
    why: Refusal,
    /// So often since it was counted last. Lost with the process.
    more: u64,
}

impl UnderWay {
    /// Forgets what waits for nobody any more: answers and rounds without a ticket, and checks whose program has gone.
    fn prune(&mut self, now: Timestamp) {
        self.waiting.retain(|_, asking| !asking.is_closed());
        self.answered.retain(|_, (.., at)| now.since(*at) <= TICKET_MS);
        self.rounds.retain(|_, (_, at)| now.since(*at) <= TICKET_MS);
    }
}

/// A check of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct AskedRow {
    peer: OrgId,
    at: Timestamp,
    by: Option<String>,
    agreed: Agreed,
    referral: Option<ReferralId>,
    state: AskedState,
}

/// How far a check of ours came. A ticket was sent, or random bytes: the node does not know which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AskedState {
    Begun,
    Refused,
    Asked,
    Found(Timestamp),
}

/// Contacts of one person that may be matched. `Debug` prints how many: the values could be tried out with the key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct AllowedRow {
    at: Timestamp,
    by: Option<String>,
    /// The public half of the key under which the values are: with another they match nothing.
    key: String,
    values: Vec<String>,
    with: Vec<OrgId>,
    agreed: Agreed,
    referral: Option<ReferralId>,
}

impl std::fmt::Debug for AllowedRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AllowedRow({} contacts)", self.values.len())
    }
}

/// A check of a peer's that found something of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct FoundRow {
    peer: OrgId,
    at: Timestamp,
    allowed: Vec<CheckId>,
    state: FoundState,
    by: Option<String>,
    decided: Option<Timestamp>,
}

/// What people said to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FoundState {
    Waits,
    Agreed,
    Refused,
}

fn keep<T: Serialize>(shelf: Shelf, id: &CheckId, row: &T) -> Change {
    Change::Keep { shelf, id: id.0, row: Some(serde_json::to_vec(row).unwrap_or_default()) }
}

fn drop_row(shelf: Shelf, id: [u8; 16]) -> Change {
    Change::Keep { shelf, id, row: None }
}

fn rows<T: DeserializeOwned>(snapshot: &Snapshot, shelf: Shelf) -> Result<Vec<(CheckId, T)>, NodeError> {
    snapshot.all_kept(shelf)?.into_iter().map(|(id, bytes)| Ok((CheckId(id), row(&bytes)?))).collect()
}

fn row<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, NodeError> {
    serde_json::from_slice(bytes).map_err(|_| NodeError::StoreDamaged("what is kept of checks for duplicates cannot be read".into()))
}

/// As the audit names it.
fn as_referral(id: &CheckId) -> ReferralId {
    ReferralId(id.0)
}

fn bytes<const N: usize>(text: &str, what: &str) -> Result<[u8; N], NodeError> {
    let bytes = BASE64.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| NodeError::BadInput(format!("{what} cannot be read\nhint: upgrade the older of node and command line")))
}

impl AskedRow {
    /// Whether somebody there may still tell: it was asked, and its time is not over.
    fn may_be_told(&self, now: Timestamp) -> bool {
        self.state == AskedState::Asked && self.agreed.until > now
    }
}

impl AllowedRow {
    fn values(&self) -> impl Iterator<Item = Value> {
        self.values.iter().filter_map(|text| Some(Value::from_bytes(from_base32(text)?.try_into().ok()?)))
    }
}

fn value_text(value: &[u8; 32]) -> String {
    base32(value)
}

impl Node {
    /// What is to be said to a peer, once.
    pub fn duplicates_for(&self, peer: &OrgId) -> Vec<Outbound<Said>> {
        self.memory().duplicates.to_send.remove(peer).map(Vec::from).unwrap_or_default()
    }

    /// Puts the key for checks for duplicates into our card, as soon as the root key is at hand: it is waited for.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn settle_match_key(&self) -> Result<(), NodeError> {
        match self.keys.set_match_key(self.clock.now()).map_err(NodeError::from) {
            Ok(true) => {
                tracing::info!("the card names the key for checks for duplicates");
                match self.links() {
                    Ok(links) => links.show_newest()?,
                    // Without links the new card goes out with the next start.
                    Err(_) => self.touch_peers(),
                }
                Ok(())
            }
            Ok(false) | Err(NodeError::KeyAbsent(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Destroys what is over: contacts whose time, consent or case is, and what was kept for the audit and is old.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn forget_duplicates(&self) -> Result<(), NodeError> {
        let _turn = self.matching.lock().await;
        self.store.settled().await;
        let (snapshot, now) = (self.store.snapshot()?, self.clock.now());
        self.memory().duplicates.prune(now);
        let (old, mut changes) = (Timestamp(now.0.saturating_sub(AUDIT_MS)), Vec::new());
        for (id, row) in rows::<AllowedRow>(&snapshot, Shelf::DuplicateAllowed)? {
            if row.agreed.until <= now || !self.case_is_open(&snapshot, row.referral.as_ref())? {
                changes.push(drop_row(Shelf::DuplicateAllowed, id.0));
            }
        }
        let asked = rows::<AskedRow>(&snapshot, Shelf::DuplicateAsked)?.into_iter().filter(|(_, row)| row.at < old);
        changes.extend(asked.map(|(id, _)| drop_row(Shelf::DuplicateAsked, id.0)));
        let found = rows::<FoundRow>(&snapshot, Shelf::DuplicateFound)?.into_iter().filter(|(_, row)| row.at < old);
        changes.extend(found.map(|(id, _)| drop_row(Shelf::DuplicateFound, id.0)));
        let before = day(old);
        changes.extend(self.count_refused(&snapshot, day(now))?);
        for shelf in [Shelf::DuplicateDay, Shelf::SeenDay] {
            let days = snapshot.all_kept(shelf)?.into_iter().filter(|(id, _)| day_of(id) < before);
            changes.extend(days.map(|(id, _)| drop_row(shelf, id)));
        }
        changes.extend(self.forget_seen(&snapshot, now, old)?);
        if !changes.is_empty() {
            self.commit_many(changes).await?;
        }
        Ok(())
    }

    /// Whether a case, where one is named, is still here, and the consent to it holds.
    fn case_is_open(&self, snapshot: &Snapshot, referral: Option<&ReferralId>) -> Result<bool, NodeError> {
        match referral {
            Some(referral) => self.consents_to_match(snapshot, referral),
            None => Ok(true),
        }
    }

    /// What may be matched by a peer now, with whose it is.
    fn matchable(&self, snapshot: &Snapshot, peer: &OrgId, purpose: Purpose) -> Result<Vec<(CheckId, Value)>, NodeError> {
        if purpose == Purpose::Sighting {
            return self.seen_for(snapshot, peer);
        }
        let (now, key) = (self.clock.now(), value_text(self.keys.match_key().public().bytes()));
        let mut all = Vec::new();
        for (id, row) in rows::<AllowedRow>(snapshot, Shelf::DuplicateAllowed)? {
            let may = crate::rules::duplicate::may_match(&row.with, &row.agreed, peer, now) && row.key == key;
            if may && self.case_is_open(snapshot, row.referral.as_ref())? {
                all.extend(row.values().map(|value| (id, value)));
            }
        }
        Ok(all)
    }

    /// The one id that begins so, of those in a shelf.
    fn check_named<T: DeserializeOwned>(
        &self,
        snapshot: &Snapshot,
        shelf: Shelf,
        text: &str,
        what: &'static str,
    ) -> Result<(CheckId, T), NodeError> {
        let text = text.trim().to_ascii_lowercase();
        let mut found = rows::<T>(snapshot, shelf)?.into_iter().filter(|(id, _)| id.to_string().starts_with(&text));
        match (found.next().filter(|_| text.len() >= 4), found.next()) {
            (Some(one), None) => Ok(one),
            (Some(_), Some(_)) => Err(NodeError::BadInput(format!(
                "several begin with `{text}`\nhint: give more of it; `watchfire duplicate list` shows them"
            ))),
            _ => Err(NodeError::UnknownOfDesk { what, id: text, list: "watchfire duplicate list" }),
        }
    }

    /// How many are answered in a day.
    const fn tries(&self, purpose: Purpose) -> Limits {
        match purpose {
            Purpose::Contact => Limits { per_peer: self.config.duplicates.per_peer_max, all: self.config.duplicates.per_day_max },
            Purpose::Sighting => Limits { per_peer: self.config.seen.per_peer_max, all: self.config.seen.per_day_max },
        }
    }

    fn evaluation_key(&self, purpose: Purpose) -> Arc<MatchKey> {
        match purpose {
            Purpose::Contact => self.keys.match_key(),
            Purpose::Sighting => self.keys.seen_key(),
        }
    }

    /// The counts of a day.
    fn counts(&self, snapshot: &Snapshot, purpose: Purpose, day: u64) -> Result<Counts, NodeError> {
        Ok(snapshot.kept(days(purpose), &day_id(day))?.map(|bytes| row(&bytes)).transpose()?.unwrap_or_default())
    }

    /// Those that were refused without a look at the store are counted.
    fn count_refused(&self, snapshot: &Snapshot, today: u64) -> Result<Vec<Change>, NodeError> {
        let mut changed: BTreeMap<(Purpose, u64), Counts> = BTreeMap::new();
        let mut memory = self.memory();
        for ((peer, purpose), refused) in &mut memory.duplicates.refused {
            let more = std::mem::take(&mut refused.more);
            if more > 0 {
                let counts = match changed.entry((*purpose, refused.day)) {
                    Entry::Occupied(counts) => counts.into_mut(),
                    Entry::Vacant(place) => place.insert(self.counts(snapshot, *purpose, refused.day)?),
                };
                counts.refuse(*peer, more);
            }
        }
        memory.duplicates.refused.retain(|_, refused| refused.day >= today);
        Ok(changed.iter().map(|((purpose, day), counts)| keep_counts(*purpose, *day, counts)).collect())
    }

    /// What follows from one that was refused: it is counted, and of the first in a day the leads are told.
    fn refuse_one(&self, counts: &mut Counts, (purpose, day): (Purpose, u64), whom: OrgId, tells: bool) -> Vec<Change> {
        let mut changes = Vec::new();
        if counts.refuse(whom, 1) {
            changes.push(keep_counts(purpose, day, counts));
            if tells && counts.of(&whom).refused == 1 {
                changes.push(self.notify(Notice::new(Event::MatchTries, &random::<16>(), Role::Lead, self.clock.now())));
            }
        }
        changes
    }

    fn duplicate_deed(&self, by: By, what: &str, id: &CheckId) -> Change {
        self.deed(by, what, &as_referral(id), 0)
    }
}

fn day_of(id: &[u8; 16]) -> u64 {
    id.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// One row a day.
fn day_id(day: u64) -> [u8; 16] {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&day.to_be_bytes());
    id
}

const fn days(purpose: Purpose) -> Shelf {
    match purpose {
        Purpose::Contact => Shelf::DuplicateDay,
        Purpose::Sighting => Shelf::SeenDay,
    }
}

fn keep_counts(purpose: Purpose, day: u64, counts: &Counts) -> Change {
    keep(days(purpose), &CheckId(day_id(day)), counts)
}
