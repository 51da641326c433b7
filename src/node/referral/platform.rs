//! A platform is asked for something about a case: through which channel, under which of its references, when, and what it answered. All of that stays here:
//! channels and procedures at platforms are told to nobody. The other side hears no more than that a platform is waited for.

use super::super::escalate::{Due, RungView};
use super::super::hold::Hold;
use super::super::{Node, NodeError};
use super::deed::By;
use crate::model::crypto::random;
use crate::model::platform::Reference;
use crate::model::referral::{Offer, Waiting, Words};
use crate::model::vocabulary::Code;
use crate::model::{PlatformId, ReferralId, Timestamp};
use crate::rules::escalate::Wait;
use crate::rules::redact::Kind;
use crate::rules::referral::{Illegal, Phase, Progress, Side, Step, permits_platforms};
use crate::store::change::{Change, Shelf};
use crate::store::{Conversation, Snapshot};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most references of one.
const REFERENCES_MAX: usize = 5;
/// So many characters of an id are enough to name one.
const PREFIX_MIN: usize = 4;
/// So often one is asked again at the most.
const PINGS_MAX: usize = 100;
/// What ends the wait without an answer, of the list `platform-outcome`.
const UNANSWERED: [&str; 2] = ["platform_unresponsive", "vulnerability_disclosed"];

/// That a platform was asked. `Debug` prints no reference.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlatformRequest {
    /// Which, of the list `platform`: `facebook`.
    pub platform: Code,
    /// How, of the list `platform-channel`.
    pub channel: Code,
    /// What the platform calls the case: up to 5.
    #[serde(default)]
    pub references: Vec<Reference>,
}

/// That it was asked again.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PingRequest {
    /// What the platform calls the case, beside what it called it before.
    #[serde(default)]
    pub references: Vec<Reference>,
}

/// That it has answered, or is not waited for any more.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerRequest {
    /// What came of it, of the list `platform-outcome`.
    pub outcome: Code,
}

/// As it is kept. Goes with the case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct PlatformRow {
    referral: ReferralId,
    platform: Code,
    channel: Code,
    references: Vec<Reference>,
    opened: Timestamp,
    /// The beginning of the user's key.
    by: Option<String>,
    pinged: Vec<Timestamp>,
    ended: Option<Timestamp>,
    outcome: Option<Code>,
    /// The editions of the lists that its codes are from.
    #[serde(default)]
    vocabulary: String,
}

/// What a platform was asked for, for people. `Debug` prints no reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlatformView {
    /// Its id.
    pub escalation: PlatformId,
    /// In which referral.
    pub referral: ReferralId,
    /// Which platform.
    pub platform: Code,
    /// How it was asked.
    pub channel: Code,
    /// What the platform calls it.
    pub references: Vec<Reference>,
    /// `waiting`, `answered`, or `ended` where it is not waited for any more.
    pub state: String,
    /// When it was asked.
    pub opened: Timestamp,
    /// By which desk user; nothing at a desk without users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When it was asked again.
    pub pinged: Vec<Timestamp>,
    /// When the clock says something next; nothing where nobody waits any more.
    pub due: Option<Timestamp>,
    /// Since when it is overdue: when the first rung of its clock was due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue: Option<Timestamp>,
    /// When it was answered, or waited for no more.
    pub answered: Option<Timestamp>,
    /// What came of it.
    pub outcome: Option<Code>,
    /// The editions of the lists that the codes are from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub vocabulary: String,
    /// While it waits: partners whose profiles say that they reach this platform, by their names here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partners: Vec<String>,
    /// The rungs of its clock that were reached since it was asked last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rungs: Vec<RungView>,
}

/// What a clock of a platform needs to know.
pub(in super::super) struct Asked {
    /// In which referral.
    pub(in super::super) referral: ReferralId,
    /// How often it was asked again.
    pub(in super::super) pings: u64,
    /// When it was asked last.
    pub(in super::super) since: Timestamp,
    /// Its id.
    pub(in super::super) escalation: PlatformId,
}

/// Its key on the shelf, and what its clock goes by: it begins as the referral's id does, so that those of a referral stand together and notices name that.
fn shelf_id(referral: &ReferralId, id: &PlatformId) -> [u8; 16] {
    let mut key = referral.0;
    key[8..].fill(0);
    key[8..13].copy_from_slice(&id.0);
    key
}

fn id_of(key: &[u8; 16]) -> PlatformId {
    PlatformId(std::array::from_fn(|at| key[8 + at]))
}

fn keep(key: [u8; 16], row: Option<&PlatformRow>) -> Change {
    Change::Keep { shelf: Shelf::Platform, id: key, row: row.map(|row| serde_json::to_vec(row).unwrap_or_default()) }
}

fn read(bytes: &[u8]) -> Result<PlatformRow, NodeError> {
    serde_json::from_slice(bytes).map_err(|_| NodeError::StoreDamaged("what a platform was asked for cannot be read".into()))
}

impl PlatformRow {
    fn last_asked(&self) -> Timestamp {
        self.pinged.last().copied().unwrap_or(self.opened)
    }

    fn add(&mut self, references: Vec<Reference>) -> Result<(), NodeError> {
        for reference in references {
            if !self.references.contains(&reference) {
                self.references.push(reference);
            }
        }
        match self.references.len() {
            many if many > REFERENCES_MAX => Err(NodeError::BadInput(format!(
                "that are {many} references, and {REFERENCES_MAX} are the most\nhint: keep those that the platform answers under"
            ))),
            _ => Ok(()),
        }
    }
}

impl Node {
    /// A platform was asked for something about a case. Whoever works on the case for another tells that a platform is waited for, and no more.
    ///
    /// # Errors
    /// When the consent does not allow it, the case is not this desk's to work on, a code is in no list, or a reference holds what may be somebody's.
    pub async fn open_platform(&self, referral: &str, request: PlatformRequest, by: By) -> Result<PlatformView, NodeError> {
        let PlatformRequest { platform, channel, references } = request;
        let key = {
            let _turn = self.referral_turn().await;
            let snapshot = self.store.snapshot()?;
            let id = self.referral_named(&snapshot, referral)?;
            let conversation = self.conversation(&snapshot, &id)?;
            if conversation.standing.origin.closed.is_some() {
                let hint = "hint: `watchfire inbox` shows under which referral a case goes on; what is new is referred anew";
                return Err(NodeError::Conflict(format!("the referral is closed, and no platform is asked about it any more\n{hint}")));
            }
            let offer = self.consent_to_platforms(&snapshot, &conversation, true)?;
            is_no_number(&platform)?;
            // One that the offer names may be of a partner's newer list.
            if !offer.platforms.contains(&platform) {
                self.is_of_list("platform", &platform)?;
            }
            self.is_of_list("platform-channel", &channel)?;
            self.are_nobodys(&references)?;
            let (opened, by_whom) = (self.clock.now(), by.short());
            let mut row = PlatformRow {
                referral: id,
                platform,
                channel,
                references: Vec::new(),
                opened,
                by: by_whom,
                pinged: Vec::new(),
                ended: None,
                outcome: None,
                vocabulary: self.vocabularies.version(),
            };
            row.add(references)?;
            let (rows, most) = (Self::platform_rows(&snapshot, &id)?, self.config.referral.platforms_max);
            if rows.len() as u64 >= most {
                let hint = "hint: `watchfire platform ping` asks again; `referral.platforms_max` sets the limit";
                return Err(NodeError::Conflict(format!("{most} platform escalations of this referral are kept already\n{hint}")));
            }
            let key = shelf_id(&id, &PlatformId(random()));
            if snapshot.kept(Shelf::Platform, &key)?.is_some() {
                return Err(NodeError::Internal("an id came twice".into()));
            }
            let mut beside = vec![keep(key, Some(&row)), self.deed(by, "platform open", &id, 0)];
            beside.extend(self.count_platform(&snapshot, &id, (&row.platform, row.opened), None)?);
            let is_news = !matches!(conversation.standing.phase(), Phase::InProgress(Progress::WaitingPlatform));
            self.tell_of_platform(&snapshot, &conversation, is_news.then_some(Waiting::Platform), beside).await?;
            tracing::info!(referral = %super::short(&id), "a platform was asked");
            key
        };
        self.follow_platform(&key).await
    }

    /// A platform was asked again: its clock begins anew.
    ///
    /// # Errors
    /// When there is none of that id, it is not waited for any more, or the consent does not allow it by now.
    pub async fn ping_platform(&self, text: &str, request: PingRequest, by: By) -> Result<PlatformView, NodeError> {
        let key = {
            let _turn = self.referral_turn().await;
            let snapshot = self.store.snapshot()?;
            let (key, mut row) = self.platform_named(&snapshot, text)?;
            waits(&row)?;
            let conversation = self.conversation(&snapshot, &row.referral)?;
            if conversation.standing.origin.closed.is_some() {
                let hint = format!("hint: `watchfire platform answer {} --outcome CODE` says what came of it", id_of(&key));
                return Err(NodeError::Conflict(format!("the referral is closed, and no platform is asked about it any more\n{hint}")));
            }
            self.consent_to_platforms(&snapshot, &conversation, false)?;
            self.are_nobodys(&request.references)?;
            row.add(request.references)?;
            if row.pinged.len() >= PINGS_MAX {
                let hint = "hint: `watchfire platform answer ID --outcome platform_unresponsive` ends it";
                return Err(NodeError::Conflict(format!("the platform was asked again {PINGS_MAX} times, which is the most\n{hint}")));
            }
            row.pinged.push(self.clock.now());
            self.commit_many(vec![keep(key, Some(&row)), self.deed(by, "platform ping", &row.referral, 0)]).await?;
            key
        };
        self.follow_platform(&key).await
    }

    /// A platform has answered, or is waited for no more.
    ///
    /// # Errors
    /// When there is none of that id, it has ended already, or the outcome is in no list.
    pub async fn answer_platform(&self, text: &str, request: AnswerRequest, by: By) -> Result<PlatformView, NodeError> {
        let AnswerRequest { outcome } = request;
        let key = {
            let _turn = self.referral_turn().await;
            let snapshot = self.store.snapshot()?;
            let (key, mut row) = self.platform_named(&snapshot, text)?;
            waits(&row)?;
            self.is_of_list("platform-outcome", &outcome)?;
            let now = self.clock.now();
            let mut beside = vec![self.deed(by, "platform answer", &row.referral, 0)];
            if !UNANSWERED.contains(&outcome.as_str()) {
                let answer = Some((&outcome, now.since(row.opened)));
                beside.extend(self.count_platform(&snapshot, &row.referral, (&row.platform, row.opened), answer)?);
            }
            (row.ended, row.outcome, row.vocabulary) = (Some(now), Some(outcome), self.vocabularies.version());
            beside.push(keep(key, Some(&row)));
            let others = Self::platform_rows(&snapshot, &row.referral)?;
            let was_last = others.iter().all(|(other, one)| *other == key || one.ended.is_some());
            let conversation = self.conversation(&snapshot, &row.referral)?;
            let waited = matches!(conversation.standing.phase(), Phase::InProgress(Progress::WaitingPlatform));
            // What waits to leave says how it stands; the answer is not to wait for it.
            let is_free = self.held_message(&snapshot, &row.referral)?.is_none();
            self.tell_of_platform(&snapshot, &conversation, (was_last && waited && is_free).then_some(Waiting::Nothing), beside).await?;
            key
        };
        self.follow_platform(&key).await
    }

    /// What platforms were asked for, in one referral or in all: what waits first, then the newest.
    ///
    /// # Errors
    /// When there is no such referral, or several begin so.
    pub fn platforms(&self, referral: Option<&str>) -> Result<Vec<PlatformView>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let rows = match referral {
            Some(text) => Self::platform_rows(&snapshot, &self.referral_named(&snapshot, text)?)?,
            None => Self::all_platform_rows(&snapshot)?,
        };
        self.platform_views(&snapshot, rows)
    }

    /// Those of a referral, for whoever shows it.
    pub(super) fn platforms_of(&self, snapshot: &Snapshot, id: &ReferralId) -> Result<Vec<PlatformView>, NodeError> {
        self.platform_views(snapshot, Self::platform_rows(snapshot, id)?)
    }

    /// What the clocks of a referral's platforms go by, and whether each is waited for.
    pub(in super::super) fn platform_clocks(snapshot: &Snapshot, id: &ReferralId) -> Result<Vec<([u8; 16], bool)>, NodeError> {
        Ok(Self::platform_rows(snapshot, id)?.into_iter().map(|(key, row)| (key, row.ended.is_none())).collect())
    }

    /// What the clocks of a referral's platforms go by that are waited for, and how often each was asked again.
    pub(super) fn platforms_waited_for(snapshot: &Snapshot, id: &ReferralId) -> Result<Vec<([u8; 16], u64)>, NodeError> {
        let waited = Self::platform_rows(snapshot, id)?.into_iter().filter(|(_, row)| row.ended.is_none());
        Ok(waited.map(|(key, row)| (key, row.pinged.len() as u64)).collect())
    }

    /// What the clocks of all platforms go by that are waited for.
    pub(in super::super) fn all_platform_clocks(snapshot: &Snapshot) -> Result<Vec<[u8; 16]>, NodeError> {
        Ok(Self::all_platform_rows(snapshot)?.into_iter().filter(|(_, row)| row.ended.is_none()).map(|(key, _)| key).collect())
    }

    /// What is waited for by a clock, if that is a platform's and it has not ended.
    pub(in super::super) fn platform_asked(snapshot: &Snapshot, key: &[u8; 16]) -> Result<Option<Asked>, NodeError> {
        let row = snapshot.kept(Shelf::Platform, key)?.map(|bytes| read(&bytes)).transpose()?;
        let asked = |row: PlatformRow| Asked {
            referral: row.referral,
            pings: row.pinged.len() as u64,
            since: row.last_asked(),
            escalation: id_of(key),
        };
        Ok(row.filter(|row| row.ended.is_none()).map(asked))
    }

    /// Destroys what was asked about a case that is not here any more; its clocks end.
    pub(super) async fn tend_platforms(&self, id: &ReferralId) -> Result<(), NodeError> {
        let keys = {
            let _turn = self.referral_turn().await;
            let snapshot = self.store.snapshot()?;
            let keys = Self::platform_clocks(&snapshot, id)?;
            let Some(conversation) = snapshot.conversation(id)?.filter(|_| !keys.is_empty()) else { return Ok(()) };
            if self.has_case(&snapshot, &conversation)? {
                return Ok(());
            }
            self.commit_many(keys.iter().map(|(key, _)| keep(*key, None)).collect()).await?;
            keys
        };
        for (key, _) in &keys {
            self.watch(&ReferralId(*key)).await;
        }
        Ok(())
    }

    /// The same for all: after a start, and as a part of the upkeep.
    pub(super) async fn tend_all_platforms(&self) -> Result<(), NodeError> {
        let rows = Self::all_platform_rows(&self.store.snapshot()?)?;
        let mut referrals: Vec<ReferralId> = rows.into_iter().map(|(_, row)| row.referral).collect();
        referrals.sort_unstable();
        referrals.dedup();
        for id in referrals {
            self.tend_platforms(&id).await?;
        }
        Ok(())
    }

    /// Whether something of the case is here: at the origin what was offered or may be, at the receiver what came.
    fn has_case(&self, snapshot: &Snapshot, conversation: &Conversation) -> Result<bool, NodeError> {
        match conversation.row.side {
            Side::Origin => Ok(self.case_of(snapshot, &conversation.id)?.is_some_and(|(_, case)| case.offer.is_some())),
            Side::Receiver => Ok(!super::react::ends(conversation) && self.offer_of(snapshot, conversation)?.is_some()),
        }
    }

    /// What was offered, where its consent allows that a platform is told and the case is this desk's to work on.
    fn consent_to_platforms(&self, snapshot: &Snapshot, conversation: &Conversation, is_new: bool) -> Result<Offer, NodeError> {
        let standing = &conversation.standing;
        let offer = match conversation.row.side {
            Side::Origin => self.case_of(snapshot, &conversation.id)?.and_then(|(_, case)| case.offer),
            Side::Receiver => {
                if is_new {
                    standing.may(Side::Receiver, Step::Progress(Progress::WaitingPlatform)).map_err(NodeError::Referral)?;
                } else if standing.owner() != Side::Receiver {
                    return Err(NodeError::Referral(Illegal::Ended));
                }
                self.offer_of(snapshot, conversation)?
            }
        };
        let offer = offer.ok_or_else(|| NodeError::Conflict("everything about this case is destroyed".into()))?;
        permits_platforms(&offer.consent, self.clock.now())?;
        Ok(offer)
    }

    /// A platform's reference is read by the gate's detectors too, though it stays here. That it is the number of a ticket is what it is for.
    fn are_nobodys(&self, references: &[Reference]) -> Result<(), NodeError> {
        if references.is_empty() {
            return Ok(());
        }
        let gate = self.gate()?;
        let found = references.iter().flat_map(|one| gate.told.detector.find(one.as_str())).find(|found| found.kind != Kind::Ticket);
        match found {
            Some(found) => Err(NodeError::BadInput(format!(
                "the reference holds what may be somebody's {}\nhint: leave it out; the platform finds the case by its own number alone",
                found.kind.name()
            ))),
            None => Ok(()),
        }
    }

    /// Makes these changes, and tells the other side how it stands where we work on the case for it: one transaction, unless two people have to sign. It is not
    /// held: it has one code and no text.
    async fn tell_of_platform(
        &self,
        snapshot: &Snapshot,
        conversation: &Conversation,
        waiting: Option<Waiting>,
        beside: Vec<Change>,
    ) -> Result<(), NodeError> {
        let Some(waiting) = waiting.filter(|_| conversation.row.side == Side::Receiver) else {
            self.commit_many(beside).await?;
            return Ok(());
        };
        self.nothing_is_held(snapshot, &conversation.id)?;
        let passed = self.next_message(snapshot, conversation, Words::Progress { waiting, text: String::new() })?;
        self.hold_or_say(&conversation.id, passed, Hold::Skipped, beside).await?;
        Ok(())
    }

    /// What follows once it is durable: its clock, and what the other side's message makes of the referral's.
    async fn follow_platform(&self, key: &[u8; 16]) -> Result<PlatformView, NodeError> {
        self.watch(&ReferralId(*key)).await;
        let snapshot = self.store.snapshot()?;
        let row = snapshot.kept(Shelf::Platform, key)?.map(|bytes| read(&bytes)).transpose()?;
        let Some(row) = row else { return Err(unknown(&id_of(key).to_string())) };
        drop(snapshot);
        self.has_moved(&row.referral).await;
        let snapshot = self.store.snapshot()?;
        self.platform_views(&snapshot, vec![(*key, row)])?.pop().ok_or_else(|| unknown(&id_of(key).to_string()))
    }

    fn platform_rows(snapshot: &Snapshot, id: &ReferralId) -> Result<Vec<([u8; 16], PlatformRow)>, NodeError> {
        let beginning: [u8; 8] = std::array::from_fn(|at| id.0[at]);
        let mut rows = rows(snapshot.kept_under(Shelf::Platform, &beginning)?)?;
        // A peer chooses the ids of its referrals, and two may begin alike.
        rows.retain(|(_, row)| row.referral == *id);
        Ok(rows)
    }

    fn all_platform_rows(snapshot: &Snapshot) -> Result<Vec<([u8; 16], PlatformRow)>, NodeError> {
        rows(snapshot.all_kept(Shelf::Platform)?)
    }

    fn platform_named(&self, snapshot: &Snapshot, text: &str) -> Result<([u8; 16], PlatformRow), NodeError> {
        let text = text.trim().to_ascii_lowercase();
        let mut found = Self::all_platform_rows(snapshot)?.into_iter().filter(|(key, _)| id_of(key).to_string().starts_with(&text));
        match (found.next().filter(|_| text.len() >= PREFIX_MIN), found.next()) {
            (Some(one), None) => Ok(one),
            (Some(_), Some(_)) => Err(NodeError::BadInput(format!(
                "several platform escalations begin with `{text}`\nhint: `watchfire platform list` shows them"
            ))),
            _ => Err(unknown(&text)),
        }
    }

    fn platform_views(&self, snapshot: &Snapshot, rows: Vec<([u8; 16], PlatformRow)>) -> Result<Vec<PlatformView>, NodeError> {
        let names = Self::user_names(snapshot)?;
        let reaches = if rows.iter().any(|(_, row)| row.ended.is_none()) { self.platform_partners(snapshot)? } else { Vec::new() };
        let mut views = Vec::with_capacity(rows.len());
        for (key, row) in rows {
            let state = match &row.outcome {
                None => "waiting",
                Some(outcome) if UNANSWERED.contains(&outcome.as_str()) => "ended",
                Some(_) => "answered",
            };
            let time = match row.ended {
                None => self.time_of(snapshot, &ReferralId(key), Wait::Platform, row.pinged.len() as u64)?,
                Some(_) => Due::default(),
            };
            let partners = reaches.iter().filter(|(_, platforms)| row.ended.is_none() && platforms.contains(&row.platform));
            views.push(PlatformView {
                escalation: id_of(&key),
                referral: row.referral,
                state: state.into(),
                due: time.due,
                overdue: time.overdue,
                partners: partners.map(|(name, _)| name.clone()).collect(),
                rungs: self.rungs_since(snapshot, &key, row.pinged.len() as u64)?,
                by: super::super::second::named(&names, row.by),
                platform: row.platform,
                channel: row.channel,
                references: row.references,
                opened: row.opened,
                pinged: row.pinged,
                answered: row.ended,
                outcome: row.outcome,
                vocabulary: row.vocabulary,
            });
        }
        views.sort_by_key(|view| (view.answered.is_some(), std::cmp::Reverse((view.opened, view.escalation))));
        Ok(views)
    }

    /// Open peers, and which platforms they say that they reach.
    fn platform_partners(&self, snapshot: &Snapshot) -> Result<Vec<(String, BTreeSet<Code>)>, NodeError> {
        let mut all = Vec::new();
        for peer in self.open_peers()? {
            if let Some(profile) = self.profile_of(&peer.org)? {
                all.push((self.org_name(snapshot, &peer.org)?, profile.platform_channels));
            }
        }
        Ok(all)
    }
}

fn rows(kept: Vec<([u8; 16], Vec<u8>)>) -> Result<Vec<([u8; 16], PlatformRow)>, NodeError> {
    kept.into_iter().map(|(key, bytes)| Ok((key, read(&bytes)?))).collect()
}

fn waits(row: &PlatformRow) -> Result<(), NodeError> {
    match row.ended {
        None => Ok(()),
        Some(_) => Err(NodeError::Conflict(
            "the platform is not waited for any more\nhint: `watchfire platform open` asks it for something else".into(),
        )),
    }
}

fn unknown(id: &str) -> NodeError {
    NodeError::UnknownOfDesk { what: "platform escalation", id: id.to_owned(), list: "watchfire platform list" }
}

/// A code of a list that we do not have may hold so many digits.
const DIGITS_MAX: usize = 4;

/// Whether a code of a list that we do not have could be one.
fn is_no_number(code: &Code) -> Result<(), NodeError> {
    match code.as_str().bytes().filter(u8::is_ascii_digit).count() {
        ..=DIGITS_MAX => Ok(()),
        _ => {
            Err(NodeError::BadInput(format!("`{code}` holds a number, and is no code\nhint: numbers of people and accounts do not leave")))
        }
    }
}
