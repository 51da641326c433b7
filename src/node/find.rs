//! What is known: records by value and by id, who holds them, why they may go where, and what has left. Reads only.

use super::error::NodeError;
use super::sighting::{came, confidence_now, said_of_record};
use super::status::Names;
use super::view::{AlsoView, EntryView, ExplainView, LookupView, MatchView, ReceiptView, RecordView, StepView};
use super::{Node, share::Door};
use crate::config::Decay;
use crate::link::convert::decode_record;
use crate::model::group::{Definition, Visibility};
use crate::model::log::Audience;
use crate::model::observable::lookup::Match;
use crate::model::record::{ReceiptOutcome, WithdrawalMode};
use crate::model::{Ceiling, Indicator, Label, LogId, Observable, ObservableKind, OrgId, Record, RecordId, RecordKind, Timestamp};
use crate::rules::label::{Held, RULES_VERSION, Withheld};
use crate::rules::may::{self, About, Action, Granted, Person, Rule, Step, To};
use crate::rules::sighting::Corroboration;
use crate::store::change::PeerState;
use crate::store::{Found, Hit, Provenance, ProvenanceState, SightingRow, Snapshot};
use std::collections::{BTreeMap, BTreeSet};

/// How many matches of one value are shown.
const MATCHES_MAX: usize = 1_000;
/// How many values are looked up at once.
const VALUES_MAX: usize = 10_000;
/// How many characters of a log's id name it at least.
const LOG_PREFIX_MIN: usize = 8;
/// Where more is to be learned of what was recalled.
const COMPLIED: &str = "its author sees with `watchfire receipts`, by value or id, who has complied";

impl Node {
    /// What is known of values: exactly, of parent and sub domains, of networks, of URLs and e-mail addresses on them, inside patterns.
    ///
    /// # Errors
    /// When there are too many values, or the store cannot be read. A value that is none is told in its answer.
    pub fn lookup(&self, values: &[String]) -> Result<Vec<LookupView>, NodeError> {
        self.lookup_for(values, None, &To::Person(Person::Operator))
    }

    /// As [`Self::lookup`], of values of one kind, for somebody: what they may not see changes nothing of the answer.
    ///
    /// # Errors
    /// As [`Self::lookup`].
    pub fn lookup_for(&self, values: &[String], kind: Option<ObservableKind>, to: &To<'_>) -> Result<Vec<LookupView>, NodeError> {
        let now = self.clock.now();
        let sees = |one: &Provenance| may::may(Action::Search, &about(one), to, now).is_ok();
        self.lookup_seen(values, kind, &sees, &|_, row| self.sees_sighting(row, to))
    }

    /// As [`Self::lookup_for`], of what `sees` takes, and of what others say of it that `sees_word` takes.
    ///
    /// # Errors
    /// As [`Self::lookup`].
    pub(super) fn lookup_seen(
        &self,
        values: &[String],
        kind: Option<ObservableKind>,
        sees: &dyn Fn(&Provenance) -> bool,
        sees_word: &dyn Fn(&Snapshot, &SightingRow) -> bool,
    ) -> Result<Vec<LookupView>, NodeError> {
        if values.len() > VALUES_MAX {
            let text = format!("{} values are too many at once\nhint: look up to {VALUES_MAX} up at a time", values.len());
            return Err(NodeError::BadInput(text));
        }
        let snapshot = self.store.snapshot()?;
        let (names, now) = (Names::of(&snapshot)?, self.clock.now());
        let unconfirmed = self.holds_back(&snapshot)?;
        let sees_word = |row: &SightingRow| sees_word(&snapshot, row);
        let eyes = Eyes { sees, sees_word: &sees_word, decay: &self.config.decay };
        let look = |value: &String| look_up(&snapshot, &names, value, kind, now, &eyes);
        values.iter().map(|value| Ok(LookupView { unconfirmed, ..look(value)? })).collect()
    }

    /// A record by its id, its value or an entry (`LOG:POSITION`), and who else says the same.
    ///
    /// # Errors
    /// When there is none, it was recalled, or a value stands for several.
    pub fn show(&self, id: &str) -> Result<RecordView, NodeError> {
        let snapshot = self.store.snapshot()?;
        let (names, now) = (Names::of(&snapshot)?, self.clock.now());
        let record = self.any_record(&snapshot, id).map_err(|error| self.or_only_held(id, error))?;
        let mut found = snapshot.find(&record)?.ok_or_else(|| unknown(id))?;
        found.provenances.retain(|(one, _)| may::may(Action::List, &about(one), &To::Person(Person::Operator), now).is_ok());
        let (said, indicator) = last_said(&found).ok_or_else(|| unknown(id))?;
        let (mut also, mut corroboration) = (BTreeMap::new(), Corroboration::default());
        let sees = |row: &SightingRow| self.sees_sighting(row, &To::Person(Person::Operator));
        for hit in exact(&snapshot, &found.observable, now)? {
            corroborate(&snapshot, &hit, now, &sees, &mut corroboration)?;
            for one in hit.provenances.into_iter().filter(|one| one.author != said.author) {
                let author_name = names.org(&one.author);
                also.insert(one.record, AlsoView { record: one.record, author: one.author, author_name, label: one.label });
            }
        }
        let entries = found.provenances.iter().map(|(one, _)| self.entry_view(&snapshot, one, &names)).collect::<Result<_, _>>()?;
        let opinions = said_of_record(&snapshot, &record, now, &sees)?;
        let confidence_now = confidence_now(&self.config.decay, (said, came(&snapshot, said)?), &indicator, &opinions, now);
        let Indicator { observable, valid_from, valid_until, confidence, labels, note, source } = indicator;
        Ok(RecordView {
            record,
            kind: observable.kind(),
            value: observable.value().to_owned(),
            author: said.author,
            author_name: names.org(&said.author),
            label: said.label,
            state: state(said, now).into(),
            reason: reason(&snapshot, said)?,
            valid_from,
            valid_until,
            confidence,
            labels,
            note,
            source,
            entries,
            also: also.into_values().collect(),
            confidence_now,
            opinions: opinions.view(&names),
            organisations: u32::try_from(corroboration.organisations()).unwrap_or(u32::MAX),
            disputed: corroboration.is_disputed(),
            unconfirmed: self.holds_back(&snapshot)?,
        })
    }

    /// A record of our own by its id, its value or an entry, held or taken back.
    pub(super) fn own_record(&self, id: &str) -> Result<RecordId, NodeError> {
        let snapshot = self.store.snapshot()?;
        let record = match (id.parse(), self.record_of_entry(&snapshot, id)?) {
            (Ok(record), _) | (_, Some(record)) => record,
            _ => self.record_id(&self.org(), &Observable::guess(id).map_err(|_| unknown(id))?),
        };
        let ours = |found: &Found| found.provenances.iter().all(|(one, _)| one.author == self.org());
        match snapshot.find(&record)? {
            Some(found) if ours(&found) => Ok(record),
            Some(_) => Err(NodeError::NotAuthor(id.to_owned())),
            None if snapshot.positions(&record)?.is_empty() && !snapshot.is_recalled(&record)? => {
                // A value that only others share is theirs to take back.
                match self.any_record(&snapshot, id) {
                    Ok(_) | Err(NodeError::AmbiguousRecord { .. }) => Err(NodeError::NotAuthor(id.to_owned())),
                    Err(error) => Err(error),
                }
            }
            None => Ok(record),
        }
    }

    /// A record that is held by its id, its value or an entry; of several authors' records of a value ours is meant.
    pub(super) fn any_record(&self, snapshot: &Snapshot, id: &str) -> Result<RecordId, NodeError> {
        if let Ok(record) = id.parse() {
            return if snapshot.find(&record)?.is_some() { Ok(record) } else { Err(gone(snapshot, &record, id)?) };
        }
        if let Some(record) = self.record_of_entry(snapshot, id)? {
            return Ok(record);
        }
        let observable = Observable::guess(id).map_err(|_| unknown(id))?;
        let hits = exact(snapshot, &observable, self.clock.now())?;
        let records: BTreeSet<RecordId> = hits.iter().flat_map(|hit| &hit.provenances).map(|one| one.record).collect();
        let ours = self.record_id(&self.org(), &observable);
        match records.first() {
            _ if records.contains(&ours) => Ok(ours),
            None => Err(gone(snapshot, &ours, id)?),
            Some(record) if records.len() == 1 => Ok(*record),
            Some(_) => Err(NodeError::AmbiguousRecord { text: id.to_owned(), count: records.len() }),
        }
    }

    /// The record that a text names by its id here, or as an entry.
    pub(super) fn record_named(&self, snapshot: &Snapshot, text: &str) -> Result<Option<RecordId>, NodeError> {
        match text.parse() {
            Ok(record) => Ok(Some(record)),
            Err(_) => self.record_of_entry(snapshot, text),
        }
    }

    /// The record of an entry, named by the beginning of its log's id, as `show` has it, and its position: the same at every node. `None`
    /// where the text names no log that is held.
    fn record_of_entry(&self, snapshot: &Snapshot, text: &str) -> Result<Option<RecordId>, NodeError> {
        let named = text.rsplit_once(':').filter(|(log, _)| log.len() >= LOG_PREFIX_MIN);
        let Some((log, seq)) = named.and_then(|(log, seq)| Some((log.to_lowercase(), seq.parse().ok()?))) else { return Ok(None) };
        let logs: Vec<LogId> = snapshot.logs()?.into_iter().map(|info| info.id).filter(|id| id.to_string().starts_with(&log)).collect();
        let log = match logs.as_slice() {
            [] => return Ok(None),
            [log] => log,
            _ => {
                let text = format!("`{log}` begins the ids of {} logs\nhint: `watchfire status --json` has them whole", logs.len());
                return Err(NodeError::BadInput(text));
            }
        };
        if let Some(record) = snapshot.record_at(log, seq)? {
            return Ok(Some(record));
        }
        match snapshot.taken_back(log, seq)?.filter(|row| row.mode == WithdrawalMode::Recall) {
            Some(row) => Err(NodeError::Recalled { text: text.to_owned(), at: row.at, hint: COMPLIED }),
            None => Err(unknown(text)),
        }
    }

    /// What became of a record of ours at everyone whom it concerns.
    ///
    /// # Errors
    /// When there is no such record of ours.
    pub fn receipts(&self, id: &str) -> Result<Vec<ReceiptView>, NodeError> {
        self.receipts_of(&self.own_record(id)?)
    }

    /// As [`Self::receipts`], of a record that is known to be ours; none of one that was taken back before it left.
    pub(super) fn receipts_of(&self, record: &RecordId) -> Result<Vec<ReceiptView>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let names = Names::of(&snapshot)?;
        let mut holders: BTreeMap<OrgId, Vec<(LogId, u64)>> = BTreeMap::new();
        for (log, seq) in snapshot.positions(record)? {
            let Some(info) = snapshot.log(&log)? else { continue };
            let mut readers: BTreeSet<OrgId> = self.readers(&snapshot, &info.key.audience)?.into_iter().collect();
            // Who left the audience since holds it still.
            readers.extend(snapshot.acks(&log)?.into_iter().filter(|ack| ack.through >= seq).map(|ack| ack.peer));
            for holder in readers {
                holders.entry(holder).or_default().push((log, seq));
            }
        }
        let receipts = snapshot.receipts(record)?;
        // Whoever answered was told, member still or not.
        for receipt in &receipts {
            let positions = holders.entry(receipt.holder).or_default();
            if !positions.contains(&(receipt.log, receipt.seq)) {
                positions.push((receipt.log, receipt.seq));
            }
        }
        let mut views = Vec::new();
        for (org, positions) in holders {
            let answers: BTreeMap<_, _> =
                receipts.iter().filter(|one| one.holder == org).map(|one| ((one.log, one.seq), (one.outcome, one.at))).collect();
            let (outcome, at) = self.outcome(&snapshot, &org, &positions, &answers)?;
            views.push(ReceiptView { peer: names.org(&org), org_id: org, outcome: outcome.into(), at });
        }
        Ok(views)
    }

    /// The worst that is known over all positions: one that is not answered counts before those that are.
    fn outcome(
        &self,
        snapshot: &Snapshot,
        org: &OrgId,
        positions: &[(LogId, u64)],
        answers: &BTreeMap<(LogId, u64), (ReceiptOutcome, Timestamp)>,
    ) -> Result<(&'static str, Option<Timestamp>), NodeError> {
        let mut last = None;
        let mut outcomes = BTreeSet::new();
        for position @ (log, seq) in positions {
            let answer = answers.get(position);
            match answer {
                Some((outcome, at)) => {
                    outcomes.insert(*outcome);
                    last = last.max(Some(*at));
                }
                None if let Some(taken) = snapshot.taken_back(log, *seq)? => {
                    let gone = self.cannot_be_told(snapshot, org, log, taken.mode)?;
                    let suspended = snapshot.peer(org)?.is_some_and(|peer| peer.state == PeerState::Suspended && !peer.recalls);
                    let outcome = match (gone, suspended) {
                        (true, _) => "cannot be told",
                        (false, true) => "suspended",
                        (false, false) => "waiting",
                    };
                    return Ok((outcome, None));
                }
                None => {
                    let ack = snapshot.acks(log)?.into_iter().find(|ack| ack.peer == *org && ack.through >= *seq);
                    return Ok(ack.map_or(("waiting", None), |ack| ("held", Some(ack.at))));
                }
            }
        }
        let outcome = if outcomes.contains(&ReceiptOutcome::Revoked) {
            "revoked"
        } else if outcomes.contains(&ReceiptOutcome::Destroyed) {
            "destroyed"
        } else {
            "absent"
        };
        Ok((outcome, last))
    }

    /// Whether an organisation is not told any more of what was taken back in a log: it was removed, or it has left the log's audience,
    /// where a recall alone still goes to it, as a peer.
    fn cannot_be_told(&self, snapshot: &Snapshot, org: &OrgId, log: &LogId, mode: WithdrawalMode) -> Result<bool, NodeError> {
        let state = snapshot.peer(org)?.map(|peer| peer.state);
        match state {
            Some(PeerState::Removed) => return Ok(true),
            Some(PeerState::Open | PeerState::Suspended) if mode == WithdrawalMode::Recall => return Ok(false),
            _ => {}
        }
        let Some(info) = snapshot.log(log)? else { return Ok(false) };
        Ok(!self.readers(snapshot, &info.key.audience)?.contains(org))
    }

    /// Everyone else to whom our log to an audience goes: in a hidden group to peers alone, since nobody relays it there.
    fn readers(&self, snapshot: &Snapshot, audience: &Audience) -> Result<Vec<OrgId>, NodeError> {
        let definition = match audience {
            Audience::Direct(org) => return Ok(vec![*org]),
            Audience::Group(group) => self.definition(snapshot, group)?,
        };
        let mut readers = Vec::new();
        if let Some(Definition { members, visibility, .. }) = definition {
            for org in members.into_iter().map(|member| member.org).filter(|org| *org != self.org()) {
                if visibility == Visibility::Visible || snapshot.peer(&org)?.is_some() {
                    readers.push(org);
                }
            }
        }
        Ok(readers)
    }

    fn entry_view(&self, snapshot: &Snapshot, one: &Provenance, names: &Names) -> Result<EntryView, NodeError> {
        let entry = position(one).map(|seq| snapshot.entry(&one.log, seq)).transpose()?.flatten();
        let mut holders = self.readers(snapshot, &one.audience)?;
        holders.push(one.author);
        holders.retain(|org| *org != self.org());
        Ok(EntryView {
            log: one.log,
            audience_name: names.audience(&one.audience),
            seq: position(one),
            hash: entry.map(|(Held(entry), _)| entry.header.hash()),
            holders: holders.iter().map(|org| names.org(org)).collect(),
            received: one.received,
            retention: Some(one.retention).filter(|retention| *retention != Timestamp(0)),
        })
    }

    /// Whether a record may go to somebody, as the rules decide it, step by step.
    ///
    /// # Errors
    /// When there is no such record, peer or group.
    pub fn explain(&self, id: &str, to: &str) -> Result<ExplainView, NodeError> {
        let snapshot = self.store.snapshot()?;
        let names = Names::of(&snapshot)?;
        let audience = self.audience(to)?;
        let record = self.any_record(&snapshot, id).map_err(|error| self.or_only_held(id, error))?;
        let found = snapshot.find(&record)?.ok_or_else(|| unknown(id))?;
        let (said, _) = last_said(&found).ok_or_else(|| unknown(id))?;
        let mut trace = Trace::default();
        trace.note("author", format!("{} says it as {}", names.org(&said.author), said.label.marking()));
        let current = found.provenances.iter().map(|(one, _)| one).filter(|one| one.state != ProvenanceState::Superseded);
        if said.author == self.org() {
            let (door, about): (Door, About) = (self.door(audience)?, about(said));
            trace.decide(
                "",
                said.label,
                may::trace(Action::Release, &about, &To::Audience { state: door.state(), us: &door.us }, door.now),
            );
        }
        for one in current {
            self.trace_way(&snapshot, &names, one, audience, &mut trace)?;
        }
        Ok(ExplainView { record, to: names.audience(&audience), allowed: trace.allowed, rules: RULES_VERSION, steps: trace.steps })
    }

    /// What is in a log moves only within the audience that its author gave it.
    fn trace_way(&self, snapshot: &Snapshot, names: &Names, one: &Provenance, to: Audience, trace: &mut Trace) -> Result<(), NodeError> {
        let Some(log) = snapshot.log(&one.log)?.map(|log| log.key) else { return Ok(()) };
        let (name, ours) = (names.audience(&one.audience), log.author == self.org());
        match to {
            // Where it was said to others, nothing is to be told of ours: the release above is what counts.
            Audience::Direct(reader) => {
                let path = self.path(snapshot, &log, &reader)?;
                let first_hand = ours || log.author == reader;
                let action = if first_hand { Action::Send } else { Action::Relay };
                let steps = may::trace(action, &about(one), &To::Reader(&path.way()), self.clock.now());
                let reaches = steps.last().is_some_and(|step| step.verdict != Err(Withheld::NotInAudience));
                if reaches || !ours {
                    trace.decide(&format!("said to {name}, "), one.label, steps);
                }
            }
            Audience::Group(_) if ours => {}
            Audience::Group(_) => {
                let verdict = if to == one.audience { Ok(Some(Granted::ToAudience)) } else { Err(Withheld::NotInAudience) };
                trace.decide(&format!("said to {name}, "), one.label, vec![Step { rule: Rule::Audience, verdict }]);
            }
        }
        Ok(())
    }
}

fn unknown(id: &str) -> NodeError {
    NodeError::UnknownRecord(id.to_owned())
}

/// Why a record is not held: it was recalled, or it never came as far as is known here.
fn gone(snapshot: &Snapshot, record: &RecordId, id: &str) -> Result<NodeError, NodeError> {
    let by_its_author = snapshot.history(record, Ceiling::NONE)?.filter(|history| history.recalled).map(|history| history.modified);
    Ok(match snapshot.recalled_at(record)?.or(by_its_author) {
        Some(at) => NodeError::Recalled { text: id.to_owned(), at, hint: COMPLIED },
        None => unknown(id),
    })
}

/// The steps of a decision; it stands by the last one.
#[derive(Default)]
struct Trace {
    steps: Vec<StepView>,
    allowed: bool,
}

impl Trace {
    fn note(&mut self, rule: &str, why: String) {
        self.steps.push(StepView { rule: rule.into(), ok: true, why });
    }

    /// One way of it; it may go if it may on any.
    fn decide(&mut self, way: &str, label: Label, steps: Vec<Step>) {
        self.allowed |= steps.last().is_some_and(|step| matches!(step.verdict, Ok(Some(_))));
        for Step { rule, verdict } in steps {
            let (ok, why) = match verdict {
                Ok(None) => (true, rule.passed(label).to_owned()),
                Ok(Some(granted)) => (true, granted.why().to_owned()),
                Err(withheld) => (false, super::error::split_hint(&withheld.to_string()).0),
            };
            self.steps.push(StepView { rule: format!("{way}{}", rule.name()), ok, why });
        }
    }
}

/// What the rules look at of what somebody says.
pub(super) fn about(one: &Provenance) -> About {
    About { label: one.label, kind: RecordKind::Indicator.number(), retention: one.retention }
}

/// What somebody may see, and how what is seen is weighed.
struct Eyes<'a> {
    sees: &'a dyn Fn(&Provenance) -> bool,
    sees_word: &'a dyn Fn(&SightingRow) -> bool,
    decay: &'a Decay,
}

fn look_up(
    snapshot: &Snapshot,
    names: &Names,
    value: &str,
    kind: Option<ObservableKind>,
    now: Timestamp,
    eyes: &Eyes<'_>,
) -> Result<LookupView, NodeError> {
    let Eyes { sees, sees_word, decay } = *eyes;
    let mut view = LookupView { query: value.to_owned(), ..LookupView::default() };
    // It may have been shared as another kind than it looks like: a process's name, a domain under no known top-level domain.
    let kinds = kind.as_ref().map_or(&ObservableKind::ALL[..], std::slice::from_ref);
    let all: Vec<Observable> = kinds.iter().filter_map(|kind| Observable::parse(*kind, value).ok()).collect();
    let meant = match kind {
        Some(kind) => Observable::parse(kind, value),
        None => Observable::guess(value),
    };
    if let Err(error) = &meant {
        let why = super::error::split_hint(&error.to_string()).0;
        if all.is_empty() {
            view.problem = Some(why);
            return Ok(view);
        }
        view.unclear = Some(why);
    }
    // What stands in the store is found whatever the list of top-level domains says, with all that is on it and below it.
    let meant = meant.ok().or_else(|| all.iter().find(|one| one.kind() == ObservableKind::Domain).cloned());
    let mut hits = Vec::new();
    if let Some(observable) = &meant {
        let found = snapshot.lookup_seen(observable, now, sees)?;
        (view.more_at_least, hits) = (found.more, found.hits);
    }
    for other in all {
        if meant.as_ref() != Some(&other) && !hits.iter().any(|hit| hit.observable == other) {
            hits.extend(snapshot.said_of_seen(&other, now, sees)?);
        }
    }
    for hit in hits {
        let authors: BTreeSet<OrgId> = hit.provenances.iter().map(|one| one.author).collect();
        let mut corroboration = Corroboration::default();
        if view.matches.len() < MATCHES_MAX {
            corroborate(snapshot, &hit, now, sees_word, &mut corroboration)?;
        }
        let organisations = u32::try_from(corroboration.organisations()).unwrap_or(u32::MAX);
        for one in &hit.provenances {
            if view.matches.len() < MATCHES_MAX {
                let found = match_view(&hit, one, authors.len(), names, now);
                let said = said_of_record(snapshot, &one.record, now, sees_word)?;
                let Held(body) = snapshot.body_of(one)?;
                let indicator = indicator(&body);
                let confidence = indicator.as_ref().and_then(|indicator| indicator.confidence);
                let came = came(snapshot, one)?;
                let confidence_now = indicator.map(|indicator| confidence_now(decay, (one, came), &indicator, &said, now));
                let (opinions, disputed, reason) = (said.view(names), corroboration.is_disputed(), reason(snapshot, one)?);
                view.matches.push(MatchView { reason, confidence, confidence_now, opinions, organisations, disputed, ..found });
            } else {
                view.more += 1;
            }
        }
    }
    Ok(view)
}

fn exact(snapshot: &Snapshot, observable: &Observable, now: Timestamp) -> Result<Vec<Hit>, NodeError> {
    Ok(snapshot.said_of(observable, now)?.into_iter().collect())
}

fn match_view(hit: &Hit, one: &Provenance, authors: usize, names: &Names, now: Timestamp) -> MatchView {
    MatchView {
        record: one.record,
        kind: hit.observable.kind(),
        value: hit.observable.value().to_owned(),
        author: one.author,
        author_name: names.org(&one.author),
        label: one.label,
        r#match: match_name(hit.matches).into(),
        state: state(one, now).into(),
        provenances: u32::try_from(authors).unwrap_or(u32::MAX),
        audience_name: names.audience(&one.audience),
        log: one.log,
        seq: position(one),
        received: one.received,
        valid_until: one.valid_until,
        reason: None,
        confidence: None,
        confidence_now: None,
        opinions: None,
        organisations: 0,
        disputed: false,
    }
}

/// Who says a value, as far as it holds, and what others say of it.
fn corroborate(
    snapshot: &Snapshot,
    hit: &Hit,
    now: Timestamp,
    sees: &dyn Fn(&SightingRow) -> bool,
    corroboration: &mut Corroboration,
) -> Result<(), NodeError> {
    let records: BTreeSet<(RecordId, OrgId)> = hit.provenances.iter().map(|one| (one.record, one.author)).collect();
    for (record, author) in records {
        let holds = hit.provenances.iter().any(|one| one.record == record && state(one, now) == "live");
        let said = said_of_record(snapshot, &record, now, sees)?;
        // A feed is no organisation: whoever repeats one says nothing more.
        corroboration.add((holds && !author.is_feed()).then_some(author), &said.opinions);
    }
    Ok(())
}

const fn match_name(matches: Match) -> &'static str {
    match matches {
        Match::Exact => "exact",
        Match::Parent => "parent",
        Match::Subdomain => "subdomain",
        Match::ContainsAddress => "network",
        Match::InNetwork => "in_network",
        Match::OnHost => "on_host",
        Match::OnSubdomain => "on_subdomain",
        Match::OnNetwork => "on_network",
        Match::InPattern => "pattern",
    }
}

/// `revoked` before `expired`: what its author took back is not merely old.
pub(super) fn state(one: &Provenance, now: Timestamp) -> &'static str {
    match one.state {
        ProvenanceState::Revoked => "revoked",
        _ if one.valid_until.is_some_and(|until| until <= now) => "expired",
        _ => "live",
    }
}

/// Why its author took it back, in the author's words.
fn reason(snapshot: &Snapshot, one: &Provenance) -> Result<Option<String>, NodeError> {
    if one.state != ProvenanceState::Revoked {
        return Ok(None);
    }
    Ok(snapshot.taken_back(&one.log, one.seq)?.map(|row| row.reason).filter(|reason| !reason.is_empty()))
}

fn position(one: &Provenance) -> Option<u64> {
    (!one.waiting).then_some(one.seq)
}

/// What the author said last, to whomever.
fn last_said(found: &Found) -> Option<(&Provenance, Indicator)> {
    let current = found.provenances.iter().filter(|(one, _)| one.state != ProvenanceState::Superseded);
    let (one, Held(body)) = current.max_by_key(|(one, _)| one.received)?;
    Some((one, indicator(body)?))
}

/// The indicator that a body holds.
pub(super) fn indicator(body: &[u8]) -> Option<Indicator> {
    match decode_record(RecordKind::Indicator, body) {
        Ok(Record::Indicator(indicator)) => Some(indicator),
        _ => None,
    }
}
