//! Calls for help: a group is asked who could take something, with codes alone; who could says so to the caller, who chooses one and refers the case to it.
//! What a call has come to is `rules::call`'s to say.

mod open;
mod show;
mod tend;
mod volunteer;

pub use open::{CallRequest, CloseRequest};
pub use show::{CallView, VolunteerView};
pub use volunteer::VolunteerRequest;

use super::{Node, NodeError};
use crate::link::convert::decode_record;
use crate::model::call::{Call, Volunteer};
use crate::model::crypto::sha256_framed;
use crate::model::log::{Audience, LogKey};
use crate::model::record::{Withdrawal, WithdrawalMode};
use crate::model::{CallId, GroupId, LogId, OrgId, Priority, Record, RecordKind, ReferralId, Timestamp};
use crate::rules::call::{Offer, Said, Standing, State, calls, state_at, volunteers};
use crate::store::change::{Change, Meaning, PeerRow, PeerState, Shelf, Verdict};
use crate::store::{Post, Snapshot};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What was said of a call stays for so long after it could be open, in milliseconds (30 days): a case may come back meanwhile.
const KEPT_MS: u64 = 30 * 86_400_000;
/// A call that people were told of takes one of its author's places for so long although it was recalled, in milliseconds (a day).
pub(super) const PLACE_HELD_MS: u64 = 86_400_000;
/// So many characters of an id are enough to name a call, where only one begins with them.
const PREFIX_MIN: usize = 4;

/// What we alone keep of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct CallRow {
    /// Where it is ours: all of it, since it may wait for its place in the log.
    ours: Option<OwnCall>,
    /// Whose it is, where it is another's.
    author: Option<OrgId>,
    /// Whether people were told that it came.
    told: bool,
    /// Whether people were told that it is over.
    ended: bool,
    /// Of which volunteers people were told.
    volunteers: BTreeSet<OrgId>,
    /// How many rungs were reached while nobody volunteered.
    unanswered: u8,
    /// How many were while nobody was chosen.
    undecided: u8,
    /// When we volunteered, as long as we do.
    volunteered: Option<Timestamp>,
    /// Where we have: for which call, to be told of when all else of it is gone.
    answered: Option<Answered>,
    /// When that was written down last.
    at: Timestamp,
}

/// A call for which we volunteered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Answered {
    author: OrgId,
    call: CallId,
    priority: Priority,
}

/// A call of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct OwnCall {
    call: Call,
    group: GroupId,
    opened: Timestamp,
    /// The beginning of the user's key.
    by: Option<String>,
    /// Whether it ended, and whether because somebody was chosen.
    ended: Option<bool>,
}

/// Who volunteers.
#[derive(Debug, Default)]
struct Answers {
    /// For calls of ours, as it was said by those whom we hear.
    to_us: BTreeMap<CallId, Vec<Said<Volunteer>>>,
    /// We, for whose call: since when.
    by_us: BTreeMap<(OrgId, CallId), Timestamp>,
}

/// A call and what we keep of it.
#[derive(Debug, Clone)]
struct Known {
    standing: Standing,
    row: CallRow,
    /// Whether it stands in a log, and not with us alone.
    posted: bool,
}

impl Known {
    const fn id(&self) -> CallId {
        self.standing.call.id
    }

    const fn answered(&self) -> Answered {
        Answered { author: self.standing.author, call: self.id(), priority: self.standing.call.priority }
    }

    fn keep(&self, row: &CallRow) -> Change {
        keep(&self.standing.author, &self.id(), Some(row))
    }
}

/// An id belongs to its author: another may use the same.
fn shelf_id(author: &OrgId, call: &CallId) -> [u8; 16] {
    let mut id = [0; 16];
    id.copy_from_slice(&sha256_framed("watchfire/call-row/v1", &[&author.0, &call.0])[..16]);
    id
}

fn keep(author: &OrgId, call: &CallId, row: Option<&CallRow>) -> Change {
    Change::Keep { shelf: Shelf::Call, id: shelf_id(author, call), row: row.map(|row| serde_json::to_vec(row).unwrap_or_default()) }
}

impl Node {
    /// A record that came, or is fetched back, and stands on the board.
    pub(super) fn understand_posted(&self, log: &LogKey, record: &Record) -> Result<Meaning, (Verdict, &'static str)> {
        match (record, log.audience) {
            (Record::Call(_), Audience::Direct(_)) => return Err((Verdict::Invalid, "a call for help in a direct log")),
            (Record::Volunteer(_), Audience::Group(_)) => return Err((Verdict::Invalid, "a volunteer in a group's log")),
            _ => {}
        }
        Ok(Meaning::Posted)
    }

    /// Every call that counts here: of a member of a group of ours that we hear, and those of ours.
    fn known_calls(&self, snapshot: &Snapshot) -> Result<Vec<Known>, NodeError> {
        let now = self.clock.now();
        let rows = Self::call_rows(snapshot)?;
        let (mut said, mut on_board) = (Vec::new(), BTreeSet::new());
        for post in snapshot.posts(&[RecordKind::Call.number()])? {
            let Audience::Group(group) = post.row.key.audience else { continue };
            if let Some(Record::Call(call)) = record_of(&post) {
                on_board.insert(shelf_id(&post.row.key.author, &call.id));
                said.push((group, said_of(&post, call)));
            }
        }
        let heard = self.heard_members(snapshot, said.iter().map(|(group, one)| (*group, one.author)))?;
        said.retain(|(group, one)| heard.contains(&(*group, one.author)));
        let open_max = usize::try_from(self.config.call.open_max).unwrap_or(usize::MAX);
        let mut all: Vec<Known> = Vec::new();
        let held = Self::places_held(&rows, &on_board, now);
        let room = |author: &OrgId| open_max.saturating_sub(held.get(author).copied().unwrap_or_default());
        for mut standing in calls(said, room, now) {
            let row = rows.get(&shelf_id(&standing.author, &standing.call.id)).cloned().unwrap_or_default();
            if let Some(ended) = row.ours.as_ref().and_then(|own| own.ended) {
                standing.state = ended_as(ended);
            }
            all.push(Known { standing, row, posted: true });
        }
        for row in rows.into_values() {
            let Some(own) = row.ours.clone() else { continue };
            if all.iter().any(|one| one.standing.author == self.org() && one.id() == own.call.id) {
                continue;
            }
            let state = own.ended.map_or_else(|| state_at(&own.call, own.opened, now), ended_as);
            let standing = Standing { author: self.org(), group: own.group, at: own.opened, state, call: own.call };
            all.push(Known { standing, row, posted: false });
        }
        all.sort_by_key(|one| (one.standing.at, one.id()));
        Ok(all)
    }

    /// Those whom we hear: members of a group as it is defined now, whom we have not suspended or removed.
    pub(super) fn heard_members(
        &self,
        snapshot: &Snapshot,
        asked: impl Iterator<Item = (GroupId, OrgId)>,
    ) -> Result<BTreeSet<(GroupId, OrgId)>, NodeError> {
        let (mut definitions, mut heard) = (BTreeMap::new(), BTreeSet::new());
        for (group, author) in asked {
            let definition = match definitions.entry(group) {
                std::collections::btree_map::Entry::Occupied(there) => there.into_mut(),
                std::collections::btree_map::Entry::Vacant(free) => free.insert(self.definition(snapshot, &group)?),
            };
            let is_member = author == self.org() || definition.as_ref().is_some_and(|definition| definition.has(&author));
            let is_open = snapshot.peer(&author)?.is_none_or(|peer| !matches!(peer.state, PeerState::Suspended | PeerState::Removed));
            if is_member && is_open {
                heard.insert((group, author));
            }
        }
        Ok(heard)
    }

    /// How many places each author still has taken with calls that people were told of and that it recalled within a day: else recalling one would make
    /// room for the next at once, and people would be told without end.
    fn places_held(rows: &BTreeMap<[u8; 16], CallRow>, on_board: &BTreeSet<[u8; 16]>, now: Timestamp) -> BTreeMap<OrgId, usize> {
        let mut held = BTreeMap::new();
        for (id, row) in rows {
            if let Some(author) = row.author.filter(|_| !on_board.contains(id) && now.since(row.at) < PLACE_HELD_MS) {
                *held.entry(author).or_default() += 1;
            }
        }
        held
    }

    fn call_rows(snapshot: &Snapshot) -> Result<BTreeMap<[u8; 16], CallRow>, NodeError> {
        let read = |(id, bytes): ([u8; 16], Vec<u8>)| {
            let row =
                serde_json::from_slice(&bytes).map_err(|_| NodeError::StoreDamaged("what is kept of a call cannot be read".into()))?;
            Ok((id, row))
        };
        snapshot.all_kept(Shelf::Call)?.into_iter().map(read).collect()
    }

    /// Whoever would help, as it was said to us or by us.
    fn said_by_volunteers(&self, snapshot: &Snapshot) -> Result<Vec<(Audience, Said<Volunteer>)>, NodeError> {
        let posts = snapshot.posts(&[RecordKind::Volunteer.number()])?;
        let read = |post: Post| match record_of(&post) {
            Some(Record::Volunteer(volunteer)) => Some((post.row.key.audience, said_of(&post, volunteer))),
            _ => None,
        };
        Ok(posts.into_iter().filter_map(read).collect())
    }

    /// The call that a text names: its id, or a beginning of it that no other has.
    fn call_named(&self, snapshot: &Snapshot, text: &str) -> Result<Known, NodeError> {
        let text = text.trim().to_ascii_lowercase();
        let mut found = self.known_calls(snapshot)?.into_iter().filter(|one| one.id().to_string().starts_with(&text));
        match (found.next().filter(|_| text.len() >= PREFIX_MIN), found.next()) {
            (Some(one), None) => Ok(one),
            (Some(_), Some(_)) => {
                Err(NodeError::BadInput(format!("several calls begin with `{text}`\nhint: `watchfire call list` shows them")))
            }
            _ => Err(NodeError::UnknownOfDesk { what: "call", id: text, list: "watchfire call list" }),
        }
    }

    /// The call of ours that a case answers, where those to whom it goes have volunteered for it.
    pub(super) fn call_answered(&self, snapshot: &Snapshot, text: &str, to: &[OrgId]) -> Result<CallId, NodeError> {
        let known = self.call_named(snapshot, text)?;
        let id = known.id();
        if known.standing.author != self.org() {
            return Err(NodeError::Conflict("that call is another organisation's\nhint: `watchfire volunteer` answers it".into()));
        }
        let offers = self.volunteers_of(snapshot, &id)?;
        match to.iter().find(|org| !offers.iter().any(|offer| offer.org == **org)) {
            Some(org) => {
                let name = self.audience_name(&Audience::Direct(*org))?;
                let hint = format!("hint: `watchfire call show {}` shows who has; without `--call` it goes to anybody", short(&id));
                Err(NodeError::Conflict(format!("`{name}` has not volunteered for this call\n{hint}")))
            }
            None => Ok(id),
        }
    }

    /// Who volunteers for which call, read once for however many calls are looked at.
    fn answers_to_calls(&self, snapshot: &Snapshot) -> Result<Answers, NodeError> {
        let (us, mut answers) = (self.org(), Answers::default());
        let open = |peer: &PeerRow| peer.state == PeerState::Open;
        let open: BTreeSet<OrgId> = snapshot.peers()?.into_iter().filter(open).map(|peer| peer.org).collect();
        for (to, said) in self.said_by_volunteers(snapshot)? {
            match to {
                Audience::Direct(caller) if said.author == us && said.gone.is_none() => {
                    let since = answers.by_us.entry((caller, said.what.call)).or_insert(said.at);
                    *since = said.at.max(*since);
                }
                // Whom we do not hear takes nobody's place.
                Audience::Direct(caller) if caller == us && open.contains(&said.author) => {
                    answers.to_us.entry(said.what.call).or_default().push(said);
                }
                _ => {}
            }
        }
        Ok(answers)
    }

    fn offers(&self, answers: &Answers, id: &CallId) -> Vec<Offer> {
        let most = usize::try_from(self.config.call.volunteers_max).unwrap_or(usize::MAX);
        answers.to_us.get(id).map(|said| volunteers(id, said, most)).unwrap_or_default()
    }

    fn volunteers_of(&self, snapshot: &Snapshot, id: &CallId) -> Result<Vec<Offer>, NodeError> {
        Ok(self.offers(&self.answers_to_calls(snapshot)?, id))
    }

    /// Whether a case that answers a call of ours was offered to one of these, and the offer has left.
    fn is_chosen(&self, snapshot: &Snapshot, id: &CallId, offers: &[Offer]) -> Result<bool, NodeError> {
        if offers.is_empty() {
            return Ok(false);
        }
        for given in self.given_for_call(snapshot, id)? {
            if offers.iter().any(|offer| offer.org == given.to) && snapshot.referral(&given.referral)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes records of ours back that stand on the board, and what of them waits for a position; what is made beside it is made with it.
    pub(super) async fn take_back_posted(
        &self,
        audience: Audience,
        kind: RecordKind,
        is_it: impl Fn(&Record) -> bool,
        (mode, reason): (WithdrawalMode, &str),
        beside: Vec<Change>,
    ) -> Result<(), NodeError> {
        {
            // What waits gets no position between being looked at and being taken out.
            let _one_at_a_time = self.positioning.lock().await;
            self.store.settled().await;
            let (snapshot, at) = (self.store.snapshot()?, self.clock.now());
            let is_one = |body: &[u8]| decode_record(kind, body).is_ok_and(|record| is_it(&record));
            let waiting = snapshot.all_waiting_of_kind(&audience, kind.number())?;
            let waiting: Vec<u64> = waiting.into_iter().filter(|(_, body)| is_one(body)).map(|(n, _)| n).collect();
            let mut entries: BTreeMap<LogId, Vec<u64>> = BTreeMap::new();
            for post in snapshot.posts(&[kind.number()])? {
                let LogKey { author, audience: of, .. } = post.row.key;
                if author == self.org() && of == audience && post.gone.is_none() && is_one(&post.body) {
                    entries.entry(post.row.key.id()).or_default().push(post.row.seq);
                }
            }
            let mut changes = beside;
            if !waiting.is_empty() {
                changes.push(Change::Dequeue { audience, waiting, at });
            }
            for (log, mut seqs) in entries {
                seqs.sort_unstable();
                let reason = reason.to_owned();
                changes.push(Change::TakeBack { log, seqs: seqs.clone(), mode, reason: reason.clone(), at, bars: false });
                let withdrawal = Withdrawal { log, seqs, mode, reason };
                if mode == WithdrawalMode::Recall {
                    changes.push(self.recall_of(&withdrawal, audience));
                }
                changes.extend(self.release_of(Record::Withdrawal(withdrawal), audience)?);
            }
            self.commit_many(changes).await?;
        }
        self.touch();
        self.position_or_later(audience).await;
        Ok(())
    }
}

const fn ended_as(chosen: bool) -> State {
    if chosen { State::Chosen } else { State::Closed }
}

/// What stands there. What could be read when it came can be read again.
pub(super) fn record_of(post: &Post) -> Option<Record> {
    decode_record(RecordKind::from_number(post.row.kind)?, &post.body).ok()
}

pub(super) fn said_of<T>(post: &Post, what: T) -> Said<T> {
    let LogKey { author, incarnation, .. } = post.row.key;
    let gone = post.gone.as_ref().map(|gone| gone.reason.clone());
    Said { author, place: (incarnation, post.row.seq), at: post.row.received, gone, what }
}

/// The beginning of an id by which people name it.
fn short(id: &CallId) -> String {
    id.to_string().chars().take(8).collect()
}

/// As the audit names it.
const fn as_referral(id: &CallId) -> ReferralId {
    ReferralId(id.0)
}
