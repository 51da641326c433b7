//! "Have you seen this?": members of a group are asked about a value, and whoever has not seen it learns nothing of it. What may be asked about somebody here
//! has said before; whoever asks about such a value is told at once, and people here are told who asked.

use super::super::referral::By;
use super::super::{Node, NodeError};
use super::ask::Ready;
use super::show::AnsweredView;
use super::{drop_row, keep, row, rows, value_text};
use crate::model::crypto::{framed, random};
use crate::model::desk::Role;
use crate::model::duplicate::{Answer, MatchPublic, Purpose, Question, Refusal, Round, Said, Value, claim, is_among};
use crate::model::id::from_base32;
use crate::model::log::Audience;
use crate::model::{CheckId, GroupId, Observable, ObservableKind, OrgId, Timestamp};
use crate::node::second::named;
use crate::node::share::stopped;
use crate::node::status::Names;
use crate::rules::notify::{Event, Notice};
use crate::store::Snapshot;
use crate::store::change::{Change, PeerRow, PeerState, Shelf};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Values that one request asks about, or allows.
const VALUES_MAX: usize = 20;
/// Values that one request lets be asked about.
const ALLOWED_MAX: usize = 1_000;
const DAY_MS: u64 = 86_400_000;

/// Values may be asked about from now on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenAllowRequest {
    /// Which: up to 1,000.
    pub values: Vec<String>,
    /// What all of them are, where it cannot be told from them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ObservableKind>,
    /// Peers and groups who may ask.
    pub with: Vec<String>,
    /// Until when; for as long as `seen.allowed_days_max` where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// They may not any more.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenDisallowRequest {
    /// Which.
    pub values: Vec<String>,
    /// What all of them are, where it cannot be told from them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ObservableKind>,
}

/// Somebody is to be asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenAskRequest {
    /// About what: up to 20.
    pub values: Vec<String>,
    /// What all of them are, where it cannot be told from them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ObservableKind>,
    /// Peers, and groups whose members are peers.
    pub to: Vec<String>,
}

/// What one of them says of one value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenAnswer {
    /// The value, in its canonical form.
    pub value: String,
    /// Who, by name here.
    pub to: String,
    /// `seen`; `nothing_told` where they have not, or do not let us ask; `used_up` where their tries of the day are; `not_there` where their node answers
    /// no such question; `silent` where no answer came; `not_linked` where no link is up.
    pub state: String,
}

/// A value that may be asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenValueView {
    /// What it is.
    pub kind: ObservableKind,
    /// The value.
    pub value: String,
    /// Who may ask, by name here.
    pub with: Vec<String>,
    /// Since when.
    pub at: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Who said so.
    pub by: Option<String>,
}

/// Somebody has asked about a value of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenFoundView {
    /// When.
    pub at: Timestamp,
    /// Who, by name here.
    pub peer: String,
    /// About what.
    pub value: String,
}

/// All of it, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenView {
    /// Who asked about values of ours, and was told.
    pub found: Vec<SeenFoundView>,
    /// What may be asked about.
    pub values: Vec<SeenValueView>,
    /// How often we answered.
    pub answered: Vec<AnsweredView>,
}

/// A value that may be asked about, under the beginning of what our key makes of it. `Debug` prints nothing of it.
#[derive(Clone, Serialize, Deserialize)]
struct SeenRow {
    at: Timestamp,
    by: Option<String>,
    kind: ObservableKind,
    observable: String,
    /// The public half of the key under which the value is: with another it matches nothing.
    key: String,
    value: String,
    peers: Vec<OrgId>,
    groups: Vec<GroupId>,
    until: Timestamp,
}

#[derive(Clone, Serialize, Deserialize)]
struct SeenFoundRow {
    peer: OrgId,
    at: Timestamp,
    values: Vec<String>,
}

/// What the function is asked of: the kind and the canonical value, which no two observables share.
fn input(observable: &Observable) -> Vec<u8> {
    framed("watchfire/seen/input/v1", &[&[observable.kind().number()], observable.value().as_bytes()])
}

fn id_of(value: &Value) -> [u8; 16] {
    *value.bytes().first_chunk().expect("32 bytes have 16 first ones")
}

fn observables(values: &[String], kind: Option<ObservableKind>, most: usize) -> Result<Vec<Observable>, NodeError> {
    let too_many = || NodeError::BadInput(format!("no value is given, or more than {most}\nhint: give them in several turns"));
    if values.is_empty() || values.len() > most {
        return Err(too_many());
    }
    let mut all = Vec::with_capacity(values.len());
    for text in values {
        let observable = kind.map_or_else(|| Observable::guess(text), |kind| Observable::parse(kind, text));
        let observable = observable.map_err(|error| NodeError::BadInput(error.to_string()))?;
        if !all.contains(&observable) {
            all.push(observable);
        }
    }
    Ok(all)
}

impl Node {
    /// Lets values be asked about. What the release gate would not let out without a person's look is refused: that we know it would be told.
    ///
    /// # Errors
    /// When something is no value, nobody of a name is known, too many may be asked about, or the store takes no changes; then none is.
    pub async fn allow_seen(&self, request: SeenAllowRequest, by: By) -> Result<Vec<SeenValueView>, NodeError> {
        let _turn = self.matching.lock().await;
        self.store.settled().await;
        let (snapshot, now, gate) = (self.store.snapshot()?, self.clock.now(), self.gate()?);
        let observables = observables(&request.values, request.kind, ALLOWED_MAX)?;
        let days = self.config.seen.allowed_days_max;
        let latest = now.plus(days.saturating_mul(DAY_MS));
        let until = request.until.unwrap_or(latest);
        if until <= now || until > latest {
            let hint = "hint: choose another `--until`";
            return Err(NodeError::BadInput(format!("it may be asked about for {days} days at the most, from now on\n{hint}")));
        }
        let (mut peers, mut groups) = (Vec::new(), Vec::new());
        for name in &request.with {
            match self.audience(name)? {
                Audience::Direct(org) => peers.push(org),
                Audience::Group(group) => groups.push(group),
            }
        }
        if peers.is_empty() && groups.is_empty() {
            return Err(NodeError::BadInput("nobody may ask about it\nhint: `--with PEER` or `--with GROUP` says who may".into()));
        }
        let (key, known, mut changes, mut views) = (self.keys.seen_key(), Known::of(&snapshot)?, Vec::new(), Vec::new());
        let public = value_text(key.public().bytes());
        let mut held = snapshot.all_kept(Shelf::Seen)?.len();
        for observable in observables {
            if let Some(why) = stopped(&gate, &observable) {
                let hint = "hint: what may be asked about is told to whoever asks; leave it out";
                return Err(NodeError::BadInput(format!("`{}`: {why}\n{hint}", observable.value())));
            }
            let value = key.value(&input(&observable)).map_err(|bad| NodeError::BadInput(bad.to_string()))?;
            let id = CheckId(id_of(&value));
            held += usize::from(snapshot.kept(Shelf::Seen, &id.0)?.is_none());
            let (peers, groups, key) = (peers.clone(), groups.clone(), public.clone());
            let (value, kind, observable) = (value_text(value.bytes()), observable.kind(), observable.value().to_owned());
            let row = SeenRow { at: now, by: by.short(), kind, observable, key, value, peers, groups, until };
            changes.push(keep(Shelf::Seen, &id, &row));
            views.push(known.view(row));
        }
        let most = Purpose::Sighting.slots();
        if held > most {
            let hint = "hint: `watchfire seen list` shows what may be asked about, `seen disallow` ends it";
            return Err(NodeError::Conflict(format!("{most} values may be asked about at a time, and that would be {held}\n{hint}")));
        }
        changes.push(self.duplicate_deed(by, "seen allowed", &CheckId(random())));
        self.commit_many(changes).await?;
        tracing::info!(values = views.len(), "values may be asked about");
        Ok(views)
    }

    /// Ends that values may be asked about.
    ///
    /// # Errors
    /// When something is no value or may not be asked about anyway, or the store takes no changes; then nothing is ended.
    pub async fn disallow_seen(&self, request: SeenDisallowRequest, by: By) -> Result<Vec<SeenValueView>, NodeError> {
        let _turn = self.matching.lock().await;
        self.store.settled().await;
        let (snapshot, key) = (self.store.snapshot()?, self.keys.seen_key());
        let (known, mut changes, mut views) = (Known::of(&snapshot)?, Vec::new(), Vec::new());
        for observable in observables(&request.values, request.kind, ALLOWED_MAX)? {
            let value = key.value(&input(&observable)).map_err(|bad| NodeError::BadInput(bad.to_string()))?;
            let id = id_of(&value);
            let bytes = snapshot.kept(Shelf::Seen, &id)?.ok_or_else(|| NodeError::UnknownOfDesk {
                what: "value that may be asked about",
                id: observable.value().to_owned(),
                list: "watchfire seen list",
            })?;
            changes.push(drop_row(Shelf::Seen, id));
            views.push(known.view(row(&bytes)?));
        }
        changes.push(self.duplicate_deed(by, "seen disallowed", &CheckId(random())));
        self.commit_many(changes).await?;
        Ok(views)
    }

    /// Asks peers and members of groups whether they have seen values. Whoever has not, or does not let us ask, learns that we asked something.
    ///
    /// # Errors
    /// When something is no value, nobody of a name is known, or the store takes no changes; then nobody was asked.
    pub async fn ask_seen(&self, request: SeenAskRequest, by: By) -> Result<Vec<SeenAnswer>, NodeError> {
        let snapshot = self.store.snapshot()?;
        self.may_serve(&snapshot)?;
        let observables = observables(&request.values, request.kind, VALUES_MAX)?;
        let (mut answers, mut ready) = (Vec::new(), Vec::new());
        for to in self.whom(&snapshot, &request.to)? {
            for observable in &observables {
                let (value, name) = (observable.value().to_owned(), to.name.clone());
                if !self.link_view(&to.org).up {
                    answers.push(SeenAnswer { value, to: name, state: "not_linked".into() });
                    continue;
                }
                let (check, input) = (CheckId(random()), input(observable));
                let question = Question::new(&input).map_err(|bad| NodeError::BadInput(bad.to_string()))?;
                let said = Said::Query { check, blinded: *question.blinded(), purpose: Purpose::Sighting };
                let query = self.outbound_duplicate(&to.org, said)?;
                ready.push(Ready { check, to: to.clone(), with: (value, input, question), query });
            }
        }
        drop(snapshot);
        self.commit(self.duplicate_deed(by, "seen asked", &CheckId(random()))).await?;
        for (check, to, (value, input, question), came) in self.put(ready).await {
            let state = match came {
                Some(Ok(answer)) => match self.read_seen(&to.org, check, &input, &question, &answer) {
                    Some((is_seen, ticket)) => {
                        let said = self.outbound_duplicate(&to.org, Said::Claim { check, ticket })?;
                        self.memory().duplicates.to_send.entry(to.org).or_default().push_back(said);
                        if is_seen { "seen" } else { "nothing_told" }
                    }
                    None => "not_there",
                },
                Some(Err(Refusal::UsedUp)) => "used_up",
                Some(Err(Refusal::NotHere)) => "not_there",
                None => "silent",
            };
            answers.push(SeenAnswer { value, to: to.name, state: state.into() });
        }
        self.touch();
        answers.sort_by(|one, other| (&one.value, &one.to).cmp(&(&other.value, &other.to)));
        tracing::info!(questions = answers.len(), "partners were asked about what they have seen");
        Ok(answers)
    }

    /// Open peers of these names, and those among the members of groups of these names.
    fn whom(&self, snapshot: &Snapshot, names: &[String]) -> Result<Vec<PeerRow>, NodeError> {
        let mut all = Vec::new();
        for name in names {
            match self.audience(name)? {
                Audience::Direct(_) => all.push(self.peer_named(name)?),
                Audience::Group(group) => {
                    let definition = self.definition(snapshot, &group)?.ok_or_else(|| NodeError::UnknownGroup(name.clone()))?;
                    let members = snapshot.peers()?.into_iter().filter(|peer| peer.state == PeerState::Open && definition.has(&peer.org));
                    all.extend(members);
                }
            }
        }
        all.sort_by_key(|peer| peer.org);
        all.dedup_by_key(|peer| peer.org);
        if all.is_empty() {
            return Err(NodeError::BadInput(
                "nobody is to be asked\nhint: `--to PEER` or `--to GROUP` says whom; of a group, whoever is paired".into(),
            ));
        }
        Ok(all)
    }

    /// Whether an answer says that they have seen it, and what follows it; `None` where it is none.
    fn read_seen(&self, org: &OrgId, check: CheckId, input: &[u8], question: &Question, answer: &Answer) -> Option<(bool, [u8; 16])> {
        let key: MatchPublic = answer.key?;
        let value = question.finish(input, &answer.evaluated, &key).ok()?;
        let round = Round::new(Purpose::Sighting, (&self.org(), org), &check, question.blinded(), &answer.nonce);
        Some((is_among(&value, &round, &answer.slots), claim(&value, &round, &answer.slots)))
    }

    /// What a peer may ask about now.
    pub(super) fn seen_for(&self, snapshot: &Snapshot, peer: &OrgId) -> Result<Vec<(CheckId, Value)>, NodeError> {
        let (now, key) = (self.clock.now(), value_text(self.keys.seen_key().public().bytes()));
        let mut member_of: Vec<GroupId> = Vec::new();
        for group in snapshot.groups()? {
            if self.definition(snapshot, &group.group)?.is_some_and(|definition| definition.has(peer) && definition.has(&self.org())) {
                member_of.push(group.group);
            }
        }
        let may_ask = |row: &SeenRow| row.peers.contains(peer) || row.groups.iter().any(|group| member_of.contains(group));
        let all = rows::<SeenRow>(snapshot, Shelf::Seen)?.into_iter().filter(|(_, row)| row.until > now && row.key == key && may_ask(row));
        let value = |text: &str| Some(Value::from_bytes(from_base32(text)?.try_into().ok()?));
        Ok(all.filter_map(|(id, row)| Some((id, value(&row.value)?))).collect())
    }

    /// A peer has asked about values of ours: people here are told.
    pub(super) async fn seen_asked(&self, peer: OrgId, check: CheckId, found: Vec<CheckId>) -> Result<(), NodeError> {
        let (snapshot, now) = (self.store.snapshot()?, self.clock.now());
        let mut values = Vec::new();
        for id in found {
            if let Some(bytes) = snapshot.kept(Shelf::Seen, &id.0)? {
                values.push(row::<SeenRow>(&bytes)?.observable);
            }
        }
        let tell = self.notify(Notice::new(Event::SightingAsked, &check.0, Role::Handler, now));
        self.commit_many(vec![keep(Shelf::SeenFound, &check, &SeenFoundRow { peer, at: now, values }), tell]).await?;
        Ok(())
    }

    /// What is over.
    pub(super) fn forget_seen(&self, snapshot: &Snapshot, now: Timestamp, old: Timestamp) -> Result<Vec<Change>, NodeError> {
        let values = rows::<SeenRow>(snapshot, Shelf::Seen)?.into_iter().filter(|(_, row)| row.until <= now);
        let mut changes: Vec<Change> = values.map(|(id, _)| drop_row(Shelf::Seen, id.0)).collect();
        let found = rows::<SeenFoundRow>(snapshot, Shelf::SeenFound)?.into_iter().filter(|(_, row)| row.at < old);
        changes.extend(found.map(|(id, _)| drop_row(Shelf::SeenFound, id.0)));
        Ok(changes)
    }

    /// What may be asked about, who asked about it, and how often we answered.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn seen_values(&self) -> Result<SeenView, NodeError> {
        let snapshot = self.store.snapshot()?;
        let known = Known::of(&snapshot)?;
        let mut values: Vec<SeenValueView> = rows::<SeenRow>(&snapshot, Shelf::Seen)?.into_iter().map(|(_, row)| known.view(row)).collect();
        let mut found = Vec::new();
        for (_, SeenFoundRow { peer, at, values }) in rows::<SeenFoundRow>(&snapshot, Shelf::SeenFound)? {
            let peer = known.names.org(&peer);
            found.extend(values.into_iter().map(|value| SeenFoundView { at, peer: peer.clone(), value }));
        }
        values.sort_by(|one, other| (other.at, &one.value).cmp(&(one.at, &other.value)));
        found.sort_by(|one, other| (other.at, &one.value).cmp(&(one.at, &other.value)));
        Ok(SeenView { found, values, answered: self.answered(&snapshot, Purpose::Sighting)? })
    }
}

/// Whom views name.
struct Known {
    names: Names,
    users: BTreeMap<String, String>,
}

impl Known {
    fn of(snapshot: &Snapshot) -> Result<Self, NodeError> {
        Ok(Self { names: Names::of(snapshot)?, users: Node::user_names(snapshot)? })
    }

    fn view(&self, row: SeenRow) -> SeenValueView {
        let SeenRow { at, by, kind, observable, peers, groups, until, .. } = row;
        let peers = peers.iter().map(|org| self.names.org(org));
        let groups = groups.iter().map(|group| self.names.audience(&Audience::Group(*group)));
        SeenValueView { kind, value: observable, with: peers.chain(groups).collect(), at, until, by: named(&self.users, by) }
    }
}
