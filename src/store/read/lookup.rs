//! Lookups: a value, what lies above and below it, and the patterns that contain it.

use super::{Read, Snapshot};
use crate::model::log::{Audience, LogKey};
use crate::model::observable::lookup::{Lookup, Match, Place, host_lookups, lookups, pattern_lookups};
use crate::model::observable::search_key;
use crate::model::{Label, LogId, Observable, ObservableKind, OrgId, RecordId, Timestamp};
use crate::rules::label::Held;
use crate::store::apply::WAITING;
use crate::store::body::get_body;
use crate::store::change::ReleaseOutcome;
use crate::store::error::{Damaged, ReadError};
use crate::store::find;
use crate::store::rows::{EntryRow, FamilyRow, ProvenanceRow, ProvenanceState};
use crate::store::tables::{BODIES, ENTRIES, FAMILIES, FAMILY_NUMBERS, HOSTS, INSIDE, OBSERVABLES, PROVENANCES, RECORDS, VALUES};
use redb::ReadableTableMetadata;
use std::collections::BTreeMap;
use std::ops::Bound;

/// How many observables one lookup returns at most: more than a person reads, and few enough that a much used host costs milliseconds.
const HITS_MAX: usize = 10_000;

/// What a lookup found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hits {
    /// Exact matches first.
    pub hits: Vec<Hit>,
    /// Whether there are more than the 10,000 that are looked at.
    pub more: bool,
}

/// An observable that a lookup found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// What was found.
    pub observable: Observable,
    /// How it relates to what was asked for.
    pub matches: Match,
    /// Who says so: what each author said last to each audience that we are in.
    pub provenances: Vec<Provenance>,
}

/// What one author said of an observable in one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// Our id for it: one for each author and value.
    pub record: RecordId,
    /// The author.
    pub author: OrgId,
    /// Who else has it.
    pub audience: Audience,
    /// The label.
    pub label: Label,
    /// Whether it holds.
    pub state: ProvenanceState,
    /// The log that it stands in, or will stand in while it waits.
    pub log: LogId,
    /// Its position; 0 while it waits.
    pub seq: u64,
    /// When we got or released it.
    pub received: Timestamp,
    /// After this it leaves live exports.
    pub valid_until: Option<Timestamp>,
    /// When it is destroyed, and from when on it is hidden; 0 for never.
    pub retention: Timestamp,
    /// Whether it is ours and has no position yet.
    pub waiting: bool,
    pub(super) body: u64,
}

impl Provenance {
    /// Whether its retention date has passed.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.retention.0 != 0 && self.retention <= now
    }
}

/// A record of one author, over all audiences and positions.
#[derive(Debug, Clone)]
pub struct Found {
    /// What it is about.
    pub observable: Observable,
    /// Every position that still has its body, superseded ones too, each with that body.
    pub provenances: Vec<(Provenance, Held<Vec<u8>>)>,
}

impl Snapshot {
    /// Everything that matches an observable, exact matches first. What has expired is hidden; what was withdrawn shows as revoked.
    /// At most 10,000 observables.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn lookup(&self, query: &Observable, now: Timestamp) -> Read<Hits> {
        self.lookup_seen(query, now, &|_| true)
    }

    /// As [`Self::lookup`], of what somebody may see: nothing else counts, towards no bound either.
    ///
    /// # Errors
    /// As [`Self::lookup`].
    pub fn lookup_seen(&self, query: &Observable, now: Timestamp, sees: &dyn Fn(&Provenance) -> bool) -> Read<Hits> {
        self.lookup_up_to(query, now, HITS_MAX, sees)
    }

    pub(in crate::store) fn lookup_up_to(
        &self,
        query: &Observable,
        now: Timestamp,
        most: usize,
        sees: &dyn Fn(&Provenance) -> bool,
    ) -> Read<Hits> {
        let words = |no: u64| self.words_seen(no, now, sees);
        let mut found = Numbers { matches: BTreeMap::new(), most, more: false, words: &words };
        // An address has up to 127 networks over it: nobody looks for them where there are none.
        let any_networks = self.any_of(ObservableKind::Ipv4Net)? || self.any_of(ObservableKind::Ipv6Net)?;
        for look in lookups(query).into_iter().filter(|look| any_networks || look.matches != Match::ContainsAddress) {
            self.look(&look, &mut found)?;
        }
        for look in host_lookups(query) {
            self.look_on(&look, &mut found)?;
        }
        if !self.table(INSIDE)?.is_empty()? {
            for look in pattern_lookups(query) {
                self.look_inside(&look, &mut found)?;
            }
        }
        let mut hits = Vec::with_capacity(found.matches.len());
        for (no, (matches, provenances)) in found.matches {
            hits.push(Hit { observable: self.observable(no)?, matches, provenances });
        }
        hits.sort_by(|one, other| (one.matches, &one.observable).cmp(&(other.matches, &other.observable)));
        Ok(Hits { hits, more: found.more })
    }

    /// What is said of exactly this observable: `None` where nothing is, or all of it has expired. Looks at nothing that merely matches it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn said_of(&self, observable: &Observable, now: Timestamp) -> Read<Option<Hit>> {
        self.said_of_seen(observable, now, &|_| true)
    }

    /// As [`Self::said_of`], of what somebody may see.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn said_of_seen(&self, observable: &Observable, now: Timestamp, sees: &dyn Fn(&Provenance) -> bool) -> Read<Option<Hit>> {
        let Some(no) = self.table(OBSERVABLES)?.get(search_key(observable).as_slice())?.map(|no| no.value()) else { return Ok(None) };
        // The value need not be read back.
        let hit = |provenances: Vec<Provenance>| Hit { observable: observable.clone(), matches: Match::Exact, provenances };
        Ok(Some(self.words_seen(no, now, sees)?).filter(|words| !words.is_empty()).map(hit))
    }

    fn words_seen(&self, no: u64, now: Timestamp, sees: &dyn Fn(&Provenance) -> bool) -> Read<Vec<Provenance>> {
        Ok(self.last_words(no)?.into_iter().filter(|one| !one.is_expired(now) && sees(one)).collect())
    }

    /// What would come of telling an audience this, under that label and to be destroyed then, after what it was told of the value last, whether that has its
    /// position or waits.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn told_next(&self, audience: &Audience, query: &Observable, said: (Label, Timestamp), body: &[u8]) -> Read<ReleaseOutcome> {
        let news = Ok(ReleaseOutcome::NEWS);
        let Some(family) = find::family::<ReadError>(&*self.table(FAMILY_NUMBERS)?, self.us(), *audience)? else { return news };
        let Some(no) = self.table(OBSERVABLES)?.get(search_key(query).as_slice())?.map(|no| no.value()) else { return news };
        find::told_next(&*self.table(PROVENANCES)?, &*self.table(BODIES)?, (no, family), said.0, said.1, body)
    }

    fn any_of(&self, kind: ObservableKind) -> Read<bool> {
        let (start, end) = ([kind.number()], [kind.number() + 1]);
        Ok(self.table(OBSERVABLES)?.range(start.as_slice()..end.as_slice())?.next().is_some())
    }

    fn look(&self, look: &Lookup, found: &mut Numbers<'_>) -> Read<()> {
        let table = self.table(OBSERVABLES)?;
        match &look.place {
            Place::Key(key) => {
                if let Some(no) = table.get(key.as_slice())? {
                    found.note(no.value(), look.matches)?;
                }
            }
            Place::Range(range) => {
                for row in table.range(range.start.as_slice()..range.end.as_slice())? {
                    if !found.note(row?.1.value(), look.matches)? {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    fn look_on(&self, look: &Lookup, found: &mut Numbers<'_>) -> Read<()> {
        for row in self.table(HOSTS)?.range(numbered(&look.place))? {
            let (key, kind) = row?;
            let pattern = kind.value() == ObservableKind::Pattern.number();
            if !found.note(key.value().1, if pattern { Match::InPattern } else { look.matches })? {
                break;
            }
        }
        Ok(())
    }

    fn look_inside(&self, look: &Lookup, found: &mut Numbers<'_>) -> Read<()> {
        for row in self.table(INSIDE)?.range(numbered(&look.place))? {
            if !found.note(row?.0.value().1, look.matches)? {
                break;
            }
        }
        Ok(())
    }

    /// A record by our id: its value, and every position at which its author said it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn find(&self, record: &RecordId) -> Read<Option<Found>> {
        let Some(no) = self.table(RECORDS)?.get(&record.0)?.map(|no| no.value()) else { return Ok(None) };
        let bodies = self.table(BODIES)?;
        let mut provenances = Vec::new();
        for provenance in self.provenances(no)?.into_iter().filter(|one| one.record == *record) {
            let body = get_body::<ReadError>(&*bodies, provenance.body)?;
            provenances.push((provenance, Held(body)));
        }
        Ok(Some(Found { observable: self.observable(no)?, provenances }))
    }

    /// Every position at which a record's author said it, superseded ones too, without the bodies.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn said_as(&self, record: &RecordId) -> Read<Vec<Provenance>> {
        let Some(no) = self.table(RECORDS)?.get(&record.0)?.map(|no| no.value()) else { return Ok(Vec::new()) };
        Ok(self.provenances(no)?.into_iter().filter(|one| one.record == *record).collect())
    }

    /// The record that an entry is; `None` where it is no indicator, or is not held any more.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn record_at(&self, log: &LogId, seq: u64) -> Read<Option<RecordId>> {
        let Some(no) = self.log_no(log)? else { return Ok(None) };
        let Some(entry) = self.row::<EntryRow, _>(ENTRIES, "entries", (no, seq))? else { return Ok(None) };
        let log = self.log_row(no)?;
        let place = (entry.observable, log.family, log.key.incarnation, seq);
        Ok(self.row::<ProvenanceRow, _>(PROVENANCES, "provenances", place)?.map(|row| row.record))
    }

    pub(super) fn observable(&self, no: u64) -> Read<Observable> {
        self.row(VALUES, "values", no)?.ok_or_else(|| Damaged { table: "values", key: no.to_string() }.into())
    }

    /// What each author said last to each audience.
    pub(super) fn last_words(&self, no: u64) -> Read<Vec<Provenance>> {
        Ok(self.provenances(no)?.into_iter().filter(|one| one.state != ProvenanceState::Superseded).collect())
    }

    fn provenances(&self, no: u64) -> Read<Vec<Provenance>> {
        let mut provenances = Vec::new();
        for row in self.table(PROVENANCES)?.range((no, 0, 0, 0)..=(no, u32::MAX, u64::MAX, u64::MAX))? {
            let (key, bytes) = row?;
            let (_, family, incarnation, seq) = key.value();
            let row: ProvenanceRow = find::decoded("provenances", &key.value(), bytes.value())?;
            provenances.push(self.provenance(family, incarnation, seq, row)?);
        }
        Ok(provenances)
    }

    fn provenance(&self, family: u32, incarnation: u64, seq: u64, row: ProvenanceRow) -> Read<Provenance> {
        let waiting = incarnation == WAITING;
        let (LogKey { author, audience, .. }, log) = self.log_of_family(family, incarnation)?;
        let ProvenanceRow { record, label, state, received, retention, valid_until, body } = row;
        let seq = if waiting { 0 } else { seq };
        Ok(Provenance { record, author, audience, label, state, log, seq, received, valid_until, retention, waiting, body })
    }
}

impl Snapshot {
    /// The log of a family and an incarnation, and its id; kept, since a thousand answers name the same few.
    fn log_of_family(&self, family: u32, incarnation: u64) -> Read<(LogKey, LogId)> {
        if let Some(known) = self.known_logs().get(&(family, incarnation)) {
            return Ok(*known);
        }
        let found: Option<FamilyRow> = self.row(FAMILIES, "families", family)?;
        let FamilyRow { author, audience } = found.ok_or_else(|| Damaged { table: "families", key: family.to_string() })?;
        let key = if incarnation == WAITING { self.our_log_key(&audience)? } else { LogKey { author, incarnation, audience } };
        let log = (key, key.id());
        self.known_logs().insert((family, incarnation), log);
        Ok(log)
    }
}

type Numbered<'p> = (Bound<(&'p [u8], u64)>, Bound<(&'p [u8], u64)>);

/// A place in a table whose keys are a search key and an observable's number.
fn numbered(place: &Place) -> Numbered<'_> {
    match place {
        Place::Key(key) => (Bound::Included((key, 0)), Bound::Included((key, u64::MAX))),
        Place::Range(range) => (Bound::Included((&range.start, 0)), Bound::Excluded((&range.end, 0))),
    }
}

/// The observables found, by their numbers.
struct Numbers<'a> {
    matches: BTreeMap<u64, (Match, Vec<Provenance>)>,
    most: usize,
    more: bool,
    /// What is said of an observable that may be seen.
    words: &'a dyn Fn(u64) -> Read<Vec<Provenance>>,
}

impl Numbers<'_> {
    /// Takes one, unless there are too many: then there is no use in looking on. The closest match wins. Of what nothing may be seen is
    /// passed over, and counts towards no bound.
    fn note(&mut self, no: u64, matches: Match) -> Read<bool> {
        if let Some((best, _)) = self.matches.get_mut(&no) {
            *best = matches.min(*best);
            return Ok(true);
        }
        let words = (self.words)(no)?;
        if !words.is_empty() {
            self.more = self.matches.len() >= self.most;
            if !self.more {
                self.matches.insert(no, (matches, words));
            }
        }
        Ok(!self.more)
    }
}
