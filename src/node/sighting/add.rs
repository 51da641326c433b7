//! People here met what others share: its authors are told.

use super::about;
use crate::model::group::{Definition, Visibility};
use crate::model::log::{Audience, LogKey};
use crate::model::sighting::{Sighting, SightingType};
use crate::model::{Label, LogId, Observable, ObservableKind, OrgId, Record, RecordId, ReferralId, Timestamp, Tlp};
use crate::node::error::split_hint;
use crate::node::referral::By;
use crate::node::share::Remarks;
use crate::node::status::Names;
use crate::node::view::WithheldView;
use crate::node::{Node, NodeError};
use crate::rules::gate::Origin;
use crate::rules::may::{Action, Person, To, may};
use crate::rules::referral::Permission;
use crate::rules::release::Draft;
use crate::store::change::{Change, ReleaseItem};
use crate::store::{Provenance, ProvenanceState, SightingRow, Snapshot};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many records one request may be about.
const RECORDS_MAX: usize = 100;

/// What was met.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SightingRequest {
    /// A value, a record's id here, or an entry as `LOG:POSITION`.
    pub of: String,
    /// What is said of it.
    #[serde(default = "seen")]
    pub r#type: SightingType,
    /// Of this author's records alone; of all that we hold where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// How often it was met.
    #[serde(default = "once")]
    pub count: u32,
    /// When; now where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The group all of whose members are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_group: Option<String>,
    /// Whether the author is told without our name, by the head of the group that has it.
    #[serde(default)]
    pub anonymous: bool,
    /// The label.
    #[serde(default = "strict")]
    pub tlp: Tlp,
    /// Whether nothing is told.
    #[serde(default)]
    pub dry_run: bool,
}

const fn seen() -> SightingType {
    SightingType::Seen
}

const fn once() -> u32 {
    1
}

const fn strict() -> Tlp {
    Tlp::AmberStrict
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SightingReport {
    /// Whether nothing was told.
    pub dry_run: bool,
    /// What was told.
    pub told: Vec<ToldView>,
    /// What was not, by the author's name.
    pub withheld: Vec<WithheldView>,
}

/// A record whose author is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldView {
    /// The record's id here.
    pub record: RecordId,
    /// Its value.
    pub value: String,
    /// Its author, by name here.
    pub author_name: String,
    /// Who is told, by name here. Nobody where a feed says the record: no one reads what we would say to it, and the word counts here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// An author's record of what was met, and where it stands.
pub(super) struct Met {
    pub(super) record: RecordId,
    pub(super) observable: Observable,
    pub(super) author: OrgId,
    /// Its logs, each with the positions.
    pub(super) places: Vec<(LogKey, Vec<u64>)>,
}

/// One log to which one record's sighting goes.
struct Way {
    to: Audience,
    log: LogKey,
    seqs: Vec<u64>,
    group: Option<Definition>,
}

impl Node {
    /// Tells the authors of what was met. Nothing of it is held: it has no text and no value, and taking it back is one command.
    ///
    /// # Errors
    /// When nobody else says such a thing here, the time is still to come, or nobody could be told.
    pub async fn add_sighting(&self, request: SightingRequest, by: By) -> Result<SightingReport, NodeError> {
        self.add_sighting_of(request, by.short(), false, &|_| true).await
    }

    /// The same, said by somebody to whom nothing is here but what `sees` takes.
    ///
    /// # Errors
    /// As [`Self::add_sighting`].
    pub(in crate::node) async fn add_sighting_of(
        &self,
        request: SightingRequest,
        by: Option<String>,
        is_program: bool,
        sees: &(dyn Fn(&Provenance) -> bool + Sync),
    ) -> Result<SightingReport, NodeError> {
        let (snapshot, now) = (self.store.snapshot()?, self.clock.now());
        self.may_serve(&snapshot)?;
        let at = request.at.unwrap_or(now);
        if at > now || request.count == 0 {
            return Err(NodeError::BadInput("what was met was met once at least, and not at a time that is still to come".into()));
        }
        if request.tlp == Tlp::Red {
            return Err(NodeError::BadInput("a sighting has no name and no text, and is never TLP:RED\nhint: leave `--tlp` out".into()));
        }
        if request.anonymous && request.to_group.is_some() {
            let text = "all members of a group would learn who says it\nhint: leave `--anonymous` out, or `--to-group`";
            return Err(NodeError::BadInput(text.into()));
        }
        let names = Names::of(&snapshot)?;
        let met = self.met(&snapshot, &request.of, request.from.as_deref(), sees)?;
        let mut report = SightingReport { dry_run: request.dry_run, ..SightingReport::default() };
        let mut released: BTreeMap<Audience, Vec<(ReleaseItem, Vec<SightingRow>, RecordId)>> = BTreeMap::new();
        let (mut kept, mut refused) = (Vec::new(), None);
        for one in met {
            let author_name = names.org(&one.author);
            if one.author.is_feed() && is_program && request.r#type != SightingType::Seen {
                let why = "nobody but us would hear that of what a feed says, and it is for a person to say";
                report.withheld.push(WithheldView { value: author_name, reason: why.into(), hint: None });
                refused = Some(NodeError::Conflict(why.into()));
                continue;
            }
            if one.author.is_feed() && request.to_group.is_none() {
                let rows = one.places.iter().flat_map(|(log, seqs)| self.sighting_rows(log.id(), seqs, &request, at, now)).collect();
                kept.push(Change::Sighted(rows));
                kept.push(self.deed_of(by.clone(), "sighting", &ReferralId(one.record.0), 0));
                report.told.push(ToldView { record: one.record, value: one.observable.value().to_owned(), author_name, to: None });
                continue;
            }
            let told = self.ways(&snapshot, &one, &request).and_then(|ways| {
                ways.into_iter().map(|way| Ok((way.to, self.sighting_item(way, &request, at, now)?))).collect::<Result<Vec<_>, NodeError>>()
            });
            match told {
                Ok(told) => {
                    for (audience, (item, rows)) in told {
                        let (record, value, to) = (one.record, one.observable.value().to_owned(), Some(names.audience(&audience)));
                        report.told.push(ToldView { record, value, author_name: author_name.clone(), to });
                        released.entry(audience).or_default().push((item, rows, one.record));
                    }
                }
                Err(error) => {
                    let (reason, hint) = split_hint(&error.to_string());
                    report.withheld.push(WithheldView { value: author_name, reason, hint });
                    refused = Some(error);
                }
            }
        }
        if let (true, Some(error)) = (report.told.is_empty(), refused) {
            return Err(error);
        }
        if !request.dry_run {
            drop(snapshot);
            if !kept.is_empty() {
                self.commit_many(kept).await?;
            }
            for (audience, told) in released {
                self.tell_sightings(audience, told, by.clone()).await?;
            }
        }
        Ok(report)
    }

    /// Ours are kept in the transaction that releases them.
    async fn tell_sightings(
        &self,
        audience: Audience,
        told: Vec<(ReleaseItem, Vec<SightingRow>, RecordId)>,
        by: Option<String>,
    ) -> Result<(), NodeError> {
        let mut remarks = Remarks::not_held(&self.door(audience)?);
        remarks.particulars.by = by.clone();
        let (mut items, mut changes) = (Vec::new(), Vec::new());
        for (item, rows, record) in told {
            items.push(item);
            changes.push(Change::Sighted(rows));
            changes.push(self.deed_of(by.clone(), "sighting", &ReferralId(record.0), 0));
        }
        changes.insert(0, self.release_change(audience, items, &remarks));
        self.commit_many(changes).await?;
        self.position_or_later(audience).await;
        Ok(())
    }

    fn sighting_item(
        &self,
        way: Way,
        request: &SightingRequest,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<(ReleaseItem, Vec<SightingRow>), NodeError> {
        let Way { to, log, seqs, group } = way;
        let (id, label, retention): (LogId, Label, Timestamp) = (log.id(), request.tlp.into(), self.retention(now));
        let rows = self.sighting_rows(id, &seqs, request, at, now);
        let sighting = Sighting { log: id, seqs, what: request.r#type, count: request.count, first: at, last: at, passed_on: None };
        let draft = Draft { record: Record::Sighting(sighting), label, audience: to, retention };
        let permission = Permission::Sighting { log: &log, group: group.as_ref() };
        Ok((self.pass_gate_under(Some(permission), Origin::Ours, &self.door(to)?, draft)?, rows))
    }

    /// A word of ours about each of these entries.
    fn sighting_rows(&self, log: LogId, seqs: &[u64], request: &SightingRequest, at: Timestamp, now: Timestamp) -> Vec<SightingRow> {
        let row = |seq: &u64| SightingRow {
            log,
            seq: *seq,
            reporter: self.org(),
            member: None,
            what: request.r#type,
            count: request.count,
            first: at,
            last: at,
            told: now,
            label: request.tlp.into(),
            retention: self.retention(now),
            place: None,
        };
        seqs.iter().map(row).collect()
    }

    /// Others' records that a text names, as far as they hold.
    pub(super) fn met(
        &self,
        snapshot: &Snapshot,
        text: &str,
        from: Option<&str>,
        sees: &dyn Fn(&Provenance) -> bool,
    ) -> Result<Vec<Met>, NodeError> {
        let (now, us) = (self.clock.now(), self.org());
        let from = from.map(|name| self.org_named(name)).transpose()?;
        let mut said: Vec<(Observable, Provenance)> = Vec::new();
        match self.record_named(snapshot, text)? {
            Some(record) => {
                if let Some(found) = snapshot.find(&record)? {
                    said.extend(found.provenances.into_iter().map(|(one, _)| (found.observable.clone(), one)));
                }
            }
            None => {
                // It may have been shared as another kind than it looks like.
                let guessed = Observable::guess(text).ok();
                let others = ObservableKind::ALL.into_iter().filter_map(|kind| Observable::parse(kind, text).ok());
                for observable in guessed.into_iter().chain(others) {
                    if let Some(hit) = snapshot.said_of(&observable, now)? {
                        said.extend(hit.provenances.into_iter().map(|one| (observable.clone(), one)));
                        break;
                    }
                }
            }
        }
        said.retain(|(_, one)| sees(one));
        let person = To::Person(Person::Operator);
        let is_held = |one: &Provenance| {
            let about = crate::node::find::about(one);
            one.state == ProvenanceState::Live && !one.waiting && may(Action::Search, &about, &person, now).is_ok()
        };
        let ours = said.iter().any(|(_, one)| one.author == us);
        let mut all: BTreeMap<RecordId, Met> = BTreeMap::new();
        for (observable, one) in said.into_iter().filter(|(_, one)| one.author != us && is_held(one)) {
            if from.is_some_and(|from| from != one.author) {
                continue;
            }
            let Some(info) = snapshot.log(&one.log)? else { continue };
            let met =
                all.entry(one.record).or_insert_with(|| Met { record: one.record, observable, author: one.author, places: Vec::new() });
            match met.places.iter_mut().find(|(log, _)| *log == info.key) {
                Some((_, seqs)) => seqs.push(one.seq),
                None => met.places.push((info.key, vec![one.seq])),
            }
        }
        let mut all: Vec<Met> = all.into_values().collect();
        all.iter_mut().flat_map(|met| &mut met.places).for_each(|(_, seqs)| {
            seqs.sort_unstable();
            seqs.dedup();
        });
        match all.len() {
            0 if ours && from.is_none() => Err(NodeError::Conflict(
                "only we say it, and we need not tell ourselves\nhint: `watchfire withdraw` takes back what is of nothing bad".into(),
            )),
            0 => Err(NodeError::UnknownRecord(text.to_owned())),
            many if many > RECORDS_MAX => Err(NodeError::BadInput(format!(
                "{many} organisations say it, more than are told at once\nhint: name the author with `--from`"
            ))),
            _ => Ok(all),
        }
    }

    /// The way to the author of a record, as the request wants it.
    fn ways(&self, snapshot: &Snapshot, met: &Met, request: &SightingRequest) -> Result<Vec<Way>, NodeError> {
        if let Some(name) = &request.to_group {
            let group = self.group_named(name)?.group;
            let to = Audience::Group(group);
            let definition = self.definition(snapshot, &group)?;
            if definition.as_ref().is_some_and(|one| one.visibility == Visibility::Hidden) {
                let text =
                    "in a hidden group its head alone would hear it\nhint: leave `--to-group` out, and the head tells whoever says it";
                return Err(NodeError::Conflict(text.into()));
            }
            let there: Vec<Way> = met
                .places
                .iter()
                .filter(|(log, _)| log.audience == to)
                .map(|(log, seqs)| Way { to, log: *log, seqs: seqs.clone(), group: definition.clone() })
                .collect();
            return match there.is_empty() {
                true => Err(NodeError::Conflict(format!("it was not shared in `{name}`\nhint: `watchfire show` tells where it was"))),
                false => Ok(there),
            };
        }
        if request.anonymous {
            return Ok(vec![self.way_without_our_name(snapshot, met)?]);
        }
        let to = Audience::Direct(met.author);
        met.places.iter().map(|(log, seqs)| self.way(snapshot, to, log, seqs)).collect()
    }

    fn way(&self, snapshot: &Snapshot, to: Audience, log: &LogKey, seqs: &[u64]) -> Result<Way, NodeError> {
        let group = match log.audience {
            Audience::Group(group) => self.definition(snapshot, &group)?,
            Audience::Direct(_) => None,
        };
        Ok(Way { to, log: *log, seqs: seqs.to_vec(), group })
    }

    /// Through the head of a group that has it. One way is enough: the author could count us twice otherwise.
    fn way_without_our_name(&self, snapshot: &Snapshot, met: &Met) -> Result<Way, NodeError> {
        let mut why = "it was told to us alone, so its author would know who says it\nhint: leave `--anonymous` out, or say nothing";
        for (log, seqs) in &met.places {
            let Audience::Group(group) = log.audience else { continue };
            let Some(definition) = self.definition(snapshot, &group)? else { continue };
            let head = definition.signer;
            match definition.visibility {
                Visibility::Visible if head == met.author => {
                    why = "the head of the group is its author, and would learn who says it\nhint: leave `--anonymous` out, or say nothing";
                }
                _ if head == self.org() => {
                    why =
                        "we head the group, so there is nobody who could keep our name back\nhint: leave `--anonymous` out, or say nothing";
                }
                // What a hidden group's head tells on, it tells without names.
                _ => return self.way(snapshot, Audience::Direct(head), log, seqs),
            }
        }
        Err(NodeError::Conflict(why.into()))
    }

    /// Whether people here may see a word.
    pub(in super::super) fn sees_sighting(&self, row: &SightingRow, to: &To<'_>) -> bool {
        may(Action::Search, &about(row), to, self.clock.now()).is_ok()
    }
}
