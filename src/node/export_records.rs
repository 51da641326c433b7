//! What is held goes out as files for other tools (`formats/export`). Reads only.
//!
//! An export is a sink like any other: nothing above the asked label, nothing that has expired, nothing that was recalled.
//! Withdrawn records leave every format but STIX and MISP, which have them as revoked, so that whoever imports them again drops them. What else has gone is told
//! by its id beside the file: STIX has no object without a value.

use super::Node;
use super::error::NodeError;
use super::export_files::Written;
use super::find::{indicator, state};
use super::share::inside;
use super::sighting::{came, confidence_now, said_of_record, words_of};
use super::view::{ExportFormat, ExportRequest, ExportedView, RemovedView, UnsaidView};
use crate::config::Decay;
use crate::formats::export::{Met, Row, Unsaid, Warning, atom};
use crate::formats::marks_of;
use crate::formats::stix::write::indicator_id;
use crate::model::log::Audience;
use crate::model::sighting::SightingType;
use crate::model::{Ceiling, Class, GroupId, Indicator, Label, LogId, Pap, RecordId, Timestamp, Tlp};
use crate::rules::blocking;
use crate::rules::gate::Gate;
use crate::rules::label::Held;
use crate::rules::may::{Action, To, may};
use crate::rules::sighting::Opinions;
use crate::store::change::{Change, ExportRow};
use crate::store::{Filter, History, Item, Provenance, ProvenanceState, SightingRow, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::PathBuf;

/// How many events are looked at together.
const EVENTS_AT_ONCE: usize = 1_000;
/// As what an export is remembered that went on from a cursor up to the newest, and one that did not get so far.
pub(super) const UP_TO_DATE: &str = "rest";
pub(super) const BEHIND: &str = "rest-part";
/// Since when an export is remembered of which some was carried, whichever: since ever, and yet not all.
pub(super) const SOME_OF_IT: Timestamp = Timestamp(0);

/// An export that begins: what is held at one moment.
pub struct Export {
    pub(super) snapshot: Snapshot,
    pub(super) request: ExportRequest,
    pub(super) now: Timestamp,
    since: Option<u64>,
    /// What is held against what may enter a list that blocks.
    pub(super) gate: Gate,
    /// Where files are put together.
    data: PathBuf,
    /// The alerts, where these are what is written.
    alerts: Vec<Warning>,
    /// How fast confidence decays.
    decay: Decay,
}

impl Node {
    /// Begins an export.
    ///
    /// # Errors
    /// When the cursor is none, nothing may be served yet, or the store cannot be read.
    pub fn begin_export(&self, request: ExportRequest) -> Result<Export, NodeError> {
        let snapshot = self.store.snapshot()?;
        self.may_serve(&snapshot)?;
        let since = request.since.as_ref().map(|cursor| self.event_of(&snapshot, &request, cursor)).transpose()?;
        let is_feed = request.format == ExportFormat::Atom;
        if is_feed && (since.is_some() || !request.kinds.is_empty()) {
            let text = "a feed has all alerts that hold\nhint: leave `--since` and `--kind` out";
            return Err(NodeError::BadInput(text.into()));
        }
        let alerts = if is_feed { self.alerts_for(&snapshot, request.ceiling, &request.groups)? } else { Vec::new() };
        let (now, gate, data, decay) = (self.clock.now(), self.gate()?, self.data.clone(), self.config.decay.clone());
        Ok(Export { snapshot, request, now, since, gate, data, alerts, decay })
    }
}

impl Export {
    /// What was asked for.
    pub const fn request(&self) -> &ExportRequest {
        &self.request
    }

    /// Writes what is held of some records alone. Blocking.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub(super) fn write_chosen(&self, out: &mut dyn Write, chosen: &dyn Fn(&RecordId) -> bool) -> Result<(), NodeError> {
        self.write_some(out, Some(chosen)).map(drop)
    }

    /// Writes what is held, one value at a time, and says what the format could not express. A format of several files is written as a tar
    /// archive. Blocking.
    ///
    /// # Errors
    /// When the store cannot be read or the output fails; then what was written is not whole.
    pub fn write(&self, out: &mut dyn Write) -> Result<Vec<UnsaidView>, NodeError> {
        self.write_until(out).map(|(unsaid, _)| unsaid)
    }

    /// As [`Self::write`], and tells until when the same would be written while nothing in the store changes: something expires then. `None` where
    /// nothing does.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub(super) fn write_until(&self, out: &mut dyn Write) -> Result<(Vec<UnsaidView>, Option<Timestamp>), NodeError> {
        self.write_some(out, None)
    }

    fn write_some(&self, out: &mut dyn Write, chosen: Option<Chosen<'_>>) -> Result<(Vec<UnsaidView>, Option<Timestamp>), NodeError> {
        let Self { snapshot, request, now, since, alerts, .. } = self;
        if request.format == ExportFormat::Atom {
            atom(out, &request.groups, alerts).map_err(failed)?;
            return Ok((Vec::new(), alerts.iter().map(|one| one.until).min()));
        }
        let revoked = request.format.tells_withdrawn();
        let (kinds, ceiling, groups) = (request.kinds.clone(), request.ceiling, request.groups.clone());
        let mut filter = Filter { kinds, ceiling, groups, revoked, now: *now };
        let mut written = Written::begin(request, &self.data, out).map_err(failed)?;
        if request.format.is_numbered()
            && let Written::Words(form) = &mut written
        {
            let groups = &request.groups;
            let seen = if groups.is_empty() { snapshot.changes_seen(ceiling) } else { snapshot.changes_there(groups, ceiling, *now) };
            let (times, at) = seen?;
            form.changed(at, times);
            if request.options.least_confidence.is_some() {
                // One may be less sure with each day.
                form.changed(now.day(), 0);
            }
            // What is past its retention is looked at too: when that was counts.
            filter.now = Timestamp(0);
        }
        // How sure one may be holds for the day.
        let until = request.options.least_confidence.map(|_| now.day().plus(86_400_000));
        let mut sink = Sink { export: self, written, chosen, unsaid: Unsaid::default(), until };
        match since {
            None => {
                for item in snapshot.records(None, filter)? {
                    sink.item(item?)?;
                }
            }
            Some(since) => each_change(snapshot, *since, &filter, &mut |_, item| item.map_or(Ok(()), |item| sink.item(item)))?,
        }
        let Sink { written, unsaid, until, .. } = sink;
        let mut views = BTreeMap::new();
        for (count, kind, why) in written.finish().map_err(failed)?.lines().chain(unsaid.lines()) {
            *views.entry((kind, why)).or_insert(0) += count;
        }
        let views = views.into_iter().map(|((kind, why), count)| UnsaidView { count, kind: kind.name().into(), why: why.into() });
        Ok((views.collect(), until))
    }
}

impl Node {
    /// Remembers that an export was made, so that it can be told what it carried. Blocking.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub fn remember_export(&self, request: &ExportRequest) -> Result<(), NodeError> {
        self.remember_export_to(request, None)
    }

    /// As [`Self::remember_export`], of one that a consumer fetched. Blocking.
    ///
    /// # Errors
    /// As [`Self::remember_export`].
    pub(super) fn remember_export_to(&self, request: &ExportRequest, to: Option<String>) -> Result<(), NodeError> {
        // It carries no indicator.
        if request.format == ExportFormat::Atom {
            return Ok(());
        }
        let snapshot = self.store.snapshot()?;
        let time = |cursor: &String| time_of(&snapshot, self.event_of(&snapshot, request, cursor)?);
        let since = request.since.as_ref().map(time).transpose()?;
        self.store.commit_blocking(Change::Exported(Box::new(self.exported(request, since, to))))?;
        Ok(())
    }

    /// What is kept of an export that is made now.
    pub(super) fn exported(&self, request: &ExportRequest, since: Option<Timestamp>, to: Option<String>) -> ExportRow {
        ExportRow { at: self.clock.now(), format: request.format.name().to_owned(), ceiling: request.ceiling, since, to }
    }

    /// As [`Self::remember_export_to`], of some of an export, whichever: any of it may have been carried, and nothing that was carried before is replaced. Blocking.
    ///
    /// # Errors
    /// When the store takes no changes.
    pub(super) fn remember_some_to(&self, request: &ExportRequest, to: String) -> Result<(), NodeError> {
        self.store.commit_blocking(Change::Exported(Box::new(self.exported(request, Some(SOME_OF_IT), Some(to)))))?;
        Ok(())
    }

    /// The records that exports up to a cursor may have carried and that do not hold any more, so that whoever reads those files drops
    /// them; of what was destroyed nothing but the ids is left, and what was withdrawn has its value where nobody else says it. Ids that were in no such file
    /// may be among them, but none that this ceiling never admitted.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn removed(&self, request: &ExportRequest) -> Result<Vec<RemovedView>, NodeError> {
        let snapshot = self.store.snapshot()?;
        self.may_serve(&snapshot)?;
        let Some(since) = &request.since else { return Ok(Vec::new()) };
        let since = self.event_of(&snapshot, request, since)?;
        let filter = Filter {
            kinds: request.kinds.clone(),
            ceiling: request.ceiling,
            groups: request.groups.clone(),
            revoked: true,
            now: self.clock.now(),
        };
        let mut removed = Vec::new();
        let before = time_of(&snapshot, since)?;
        each_change(&snapshot, since, &filter, &mut |record, item| {
            if let Some(what) = removal(&snapshot, &record, item.as_ref(), &filter, before)? {
                // Of all that has gone, what was withdrawn alone is an item still.
                let value = item.map(|item| value_nobody_says(&snapshot, item, &filter)).transpose()?.flatten();
                removed.push(RemovedView { record, stix_id: indicator_id(&record), what: what.into(), value });
            }
            Ok(())
        })?;
        Ok(removed)
    }

    /// Which exports may have carried a record before it was taken back, and whether their format has been written whole since.
    ///
    /// # Errors
    /// When there is no such record, or the store cannot be read.
    pub fn exports_of(&self, id: &str) -> Result<Vec<ExportedView>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let record = match (id.parse(), self.own_record(id)) {
            (Ok(record), _) => record,
            (_, Err(NodeError::NotAuthor(_))) => self.any_record(&snapshot, id)?,
            (_, own) => own?,
        };
        let exports = snapshot.exports()?;
        let mut carried = BTreeMap::new();
        for Span { from, label, until } in self.spans(&snapshot, &record, id)? {
            for (number, row) in &exports {
                let came = row.since.is_none_or(|since| from >= since) && from <= row.at;
                let before = until.is_none_or(|at| row.at < at);
                if came && before && row.ceiling.admits(label) {
                    let same = |other: &ExportRow| other.format == row.format && other.to == row.to;
                    // Whoever goes on from a cursor to the newest has dropped by then what it was told to drop.
                    let caught_up = |other: &ExportRow| {
                        [UP_TO_DATE, BEHIND].contains(&row.format.as_str()) && other.format == UP_TO_DATE && other.to == row.to
                    };
                    let whole = |other: &ExportRow| {
                        ((same(other) && other.since.is_none()) || caught_up(other)) && other.format != BEHIND && Some(other.at) >= until
                    };
                    let gone = until.and_then(|_| exports.iter().map(|(_, other)| other).find(|other| whole(other)));
                    let view = ExportedView {
                        number: *number,
                        at: row.at,
                        format: row.format.clone(),
                        ceiling: row.ceiling,
                        whole: row.since.is_none(),
                        to: row.to.clone(),
                        gone: gone.map(|other| other.at),
                    };
                    carried.insert(*number, view);
                }
            }
        }
        Ok(carried.into_values().collect())
    }

    /// From when until when an export could carry a record.
    fn spans(&self, snapshot: &Snapshot, record: &RecordId, id: &str) -> Result<Vec<Span>, NodeError> {
        let held = snapshot.find(record)?.map(|found| found.provenances).unwrap_or_default();
        let mut spans = Vec::new();
        for (log, seq) in snapshot.positions(record)? {
            let Some(header) = snapshot.header(&log, seq)? else { continue };
            let until = snapshot.taken_back(&log, seq)?.map(|row| row.at);
            let received = held.iter().map(|(one, _)| one).find(|one| (one.log, one.seq) == (log, seq)).map(|one| one.received);
            spans.push(Span { from: received.unwrap_or(header.created), label: header.label, until });
        }
        spans.extend(held.iter().filter(|(one, _)| one.waiting).map(|(one, _)| Span { from: one.received, label: one.label, until: None }));
        let parts = snapshot.histories(record)?;
        if parts.is_empty() && spans.is_empty() && !snapshot.is_recalled(record)? {
            return Err(NodeError::UnknownRecord(id.to_owned()));
        }
        // Of what was destroyed before labels were kept nothing tells the label any more, so any export may have carried it.
        let unknown = |label: Label| label == Label::new(Tlp::Red, Class::Restricted, Pap::Red);
        let known: BTreeSet<Label> = spans.iter().map(|span| span.label).collect();
        spans.extend(parts.iter().filter(|part| !known.contains(&part.label)).map(|part| Span {
            from: part.created,
            label: if unknown(part.label) { Tlp::Clear.into() } else { part.label },
            until: Some(part.modified),
        }));
        Ok(spans)
    }
}

/// When a record could be exported, and up to which label.
struct Span {
    from: Timestamp,
    label: Label,
    until: Option<Timestamp>,
}

/// Why a record that changed does not belong any more to what exports before a time carried, if it does not.
pub(super) fn removal(
    snapshot: &Snapshot,
    record: &RecordId,
    item: Option<&Item>,
    filter: &Filter,
    before: Timestamp,
) -> Result<Option<&'static str>, NodeError> {
    // What never changed has just come.
    let Some(history) = snapshot.history(record, filter.ceiling)?.filter(|history| history.created <= before) else { return Ok(None) };
    if let Some(item) = item {
        return Ok(item.provenances.iter().all(|one| one.state == ProvenanceState::Revoked).then_some("withdrawn"));
    }
    let gone = if history.recalled { "recalled" } else { "expired" };
    let Some(found) = snapshot.find(record)? else { return Ok(Some(gone)) };
    if !filter.wants_kind(Some(found.observable.kind())) {
        return Ok(None);
    }
    // Of what they may see alone: what it is under other labels decides nothing.
    let seen: Vec<_> = found.provenances.iter().map(|(one, _)| one).filter(|one| filter.ceiling.admits(one.label)).collect();
    Ok(Some(match seen.iter().any(|one| !one.is_expired(filter.now)) {
        true => "relabelled",
        false if seen.is_empty() => gone,
        false => "expired",
    }))
}

/// A value that was withdrawn; `None` where somebody else whose word the filter wants says it still: a list has it on.
fn value_nobody_says(snapshot: &Snapshot, item: Item, filter: &Filter) -> Result<Option<String>, NodeError> {
    let says = |one: &Provenance| {
        let said_there = |group: &GroupId| one.audience == Audience::Group(*group);
        let is_wanted = filter.ceiling.admits(one.label) && (filter.groups.is_empty() || filter.groups.iter().any(said_there));
        is_wanted && state(one, filter.now) == "live"
    };
    let is_said = snapshot.said_of_seen(&item.observable, filter.now, &says)?.is_some();
    Ok((!is_said).then(|| item.observable.value().to_owned()))
}

/// When an event was; 0 before the first.
pub(super) fn time_of(snapshot: &Snapshot, event: u64) -> Result<Timestamp, NodeError> {
    Ok(snapshot.event(event)?.map_or(Timestamp(0), |(at, _)| at))
}

fn failed(error: io::Error) -> NodeError {
    NodeError::io("write the export", error)
}

/// Records that came, changed or went behind a cursor, each once.
fn each_change(
    snapshot: &Snapshot,
    since: u64,
    filter: &Filter,
    take: &mut dyn FnMut(RecordId, Option<Item>) -> Result<(), NodeError>,
) -> Result<(), NodeError> {
    let (mut cursor, mut seen) = (since, BTreeSet::<RecordId>::new());
    loop {
        let events = snapshot.since(cursor, EVENTS_AT_ONCE, filter)?;
        let Some(last) = events.last() else { return Ok(()) };
        cursor = last.cursor;
        for event in events {
            if seen.insert(event.record) {
                take(event.record, event.item)?;
            }
        }
    }
}

/// Which records are meant.
type Chosen<'c> = &'c dyn Fn(&RecordId) -> bool;

/// An export under way.
struct Sink<'e> {
    export: &'e Export,
    written: Written<'e>,
    chosen: Option<Chosen<'e>>,
    unsaid: Unsaid,
    /// When the first of what was looked at expires.
    until: Option<Timestamp>,
}

impl Sink<'_> {
    /// Tells a format that numbers its versions what has ended by now: no event of the store tells that.
    fn number(&mut self, provenances: &[Provenance]) {
        let Export { request, now, .. } = self.export;
        if let Written::Words(form) = &mut self.written
            && request.format.is_numbered()
        {
            let ends = provenances.iter().flat_map(|one| [one.valid_until, Some(one.retention)]).flatten();
            if let Some(at) = ends.filter(|at| at <= now).max() {
                form.changed(at, 0);
            }
        }
    }

    /// One value, with each author's record of it.
    fn item(&mut self, item: Item) -> Result<(), NodeError> {
        let Item { observable, mut provenances, .. } = item;
        let Export { request, now, gate, .. } = self.export;
        if let Some(chosen) = self.chosen {
            provenances.retain(|one| chosen(&one.record));
            if provenances.is_empty() {
                return Ok(());
            }
        }
        self.number(&provenances);
        provenances.retain(|one| !one.is_expired(*now));
        if provenances.is_empty() {
            return Ok(());
        }
        if let Some(least) = request.options.least_confidence {
            let mut sure = Vec::new();
            for one in &provenances {
                let (is_sure, told) = self.export.is_sure(one, least)?;
                if let (Written::Words(form), Some(at)) = (&mut self.written, told.filter(|at| at <= now)) {
                    form.changed(at, 0);
                }
                sure.push(is_sure);
            }
            let mut sure = sure.into_iter();
            provenances.retain(|_| sure.next() == Some(true));
            if provenances.is_empty() {
                return Ok(());
            }
        }
        let ends = provenances.iter().flat_map(|one| [one.valid_until, Some(one.retention)]).flatten().filter(|at| at > now);
        self.until = ends.chain(self.until).min();
        if request.format.acts()
            && let Err(why) =
                blocking::may_enter(&observable, &gate.judge(&observable, &inside(&observable)), request.format.covers_below())
        {
            self.unsaid.add(observable.kind(), why);
            return Ok(());
        }
        match &mut self.written {
            // Past its `valid_until` a value is of no use in a list.
            Written::Values(form) if provenances.iter().any(|one| state(one, *now) != "expired") => form.value(&observable).map_err(failed),
            Written::Values(_) => Ok(()),
            Written::Words(form) => {
                let rows = self.export.rows(&provenances)?;
                if rows.is_empty() { Ok(()) } else { form.value(&rows).map_err(failed) }
            }
        }
    }
}

impl Export {
    /// Whether one may still be so sure of a record, as far as whoever reads the export may see what others say of it, and when they said so last.
    fn is_sure(&self, one: &Provenance, least: u8) -> Result<(bool, Option<Timestamp>), NodeError> {
        let Held(body) = self.snapshot.body_of(one)?;
        let Some(indicator) = indicator(&body) else { return Ok((false, None)) };
        let said = said_of_record(&self.snapshot, &one.record, self.now, &|row| self.sees(row) && self.is_for_reader(row))?;
        // What was withdrawn is told as such, however sure one was of it.
        let is_sure = one.state == ProvenanceState::Revoked
            || confidence_now(&self.decay, (one, came(&self.snapshot, one)?), &indicator, &said, self.now) >= least;
        Ok((is_sure, said.told))
    }

    /// Each author's word on a value, the newest first.
    pub(super) fn rows(&self, provenances: &[Provenance]) -> Result<Vec<Row>, NodeError> {
        let (snapshot, ceiling) = (&self.snapshot, self.request.ceiling);
        let mut authors = BTreeSet::new();
        let mut newest: Vec<&Provenance> = provenances.iter().filter(|one| state(one, self.now) != "expired").collect();
        // What was withdrawn from one audience alone still holds.
        newest.sort_by_key(|one| (one.state == ProvenanceState::Revoked, std::cmp::Reverse(one.received)));
        let mut rows = Vec::new();
        for one in newest.into_iter().filter(|one| authors.insert(one.record)) {
            // One author's record stands under the strictest label that the author gave it.
            let others = || provenances.iter().filter(|other| other.record == one.record);
            let label = others().fold(one.label, |label, other| label.join(other.label));
            let Held(body) = snapshot.body_of(one)?;
            let Some(indicator) = indicator(&body) else { continue };
            // What was never changed under a label has no history of it.
            let received = History { created: one.received, modified: one.received, recalled: false };
            let known =
                if self.request.groups.is_empty() { snapshot.history(&one.record, ceiling)? } else { self.history_there(others())? };
            let history = others().fold(known.unwrap_or(received), |history, other| History {
                created: history.created.min(other.received),
                modified: history.modified.max(other.received),
                ..history
            });
            let met = self.met(&one.record)?;
            rows.push(Row { met, ..row(one, label, &history, indicator) });
        }
        Ok(rows)
    }

    /// How often a record was met, by us and by all others together, as far as whoever reads the export may see that.
    fn met(&self, record: &RecordId) -> Result<Vec<Met>, NodeError> {
        let Self { snapshot, request, now, .. } = self;
        if !request.options.sightings || request.format != ExportFormat::Stix {
            return Ok(Vec::new());
        }
        let (ours, others): (Vec<SightingRow>, Vec<SightingRow>) =
            words_of(snapshot, record, *now, &|row| self.sees(row))?.into_iter().partition(|row| row.reporter == snapshot.us());
        let mut all = Vec::new();
        for (by, rows) in [(Some(snapshot.us()), ours), (None, others)] {
            let opinions = Opinions::of(rows.iter().map(SightingRow::word));
            let seen = || rows.iter().filter(|row| row.what == SightingType::Seen);
            let told = (seen().map(|row| row.first).min(), opinions.seen_last, seen().map(|row| row.told).max());
            if let ((Some(first), Some(last), Some(told)), Some(tlp)) = (told, seen().map(|row| row.label.tlp()).max()) {
                all.push(Met { tlp, by, count: opinions.seen, first, last, told });
            }
        }
        Ok(all)
    }

    fn is_for_reader(&self, row: &SightingRow) -> bool {
        is_about_what_is_seen(&self.snapshot, self.request.ceiling, &self.request.groups, row)
    }

    fn sees(&self, row: &SightingRow) -> bool {
        may(Action::Export, &super::sighting::about(row), &To::Tool(self.request.ceiling), self.now).is_ok()
    }

    /// When what was said of a record in some groups alone came and changed last: what was said elsewhere must not show in it.
    fn history_there<'p>(&self, said: impl Iterator<Item = &'p Provenance>) -> Result<Option<History>, NodeError> {
        let mut history: Option<History> = None;
        for one in said {
            let gone = match one.state {
                ProvenanceState::Revoked => self.snapshot.taken_back(&one.log, one.seq)?.map(|row| row.at),
                _ => None,
            };
            let modified = one.received.max(gone.unwrap_or(one.received));
            history = Some(match history {
                None => History { created: one.received, modified, recalled: false },
                Some(before) => {
                    History { created: before.created.min(one.received), modified: before.modified.max(modified), recalled: false }
                }
            });
        }
        Ok(history)
    }
}

/// Whether a word is about an entry that somebody may see. Where they have some groups alone, both were said there; of our own words nothing tells where, so
/// these do not count then. Nor does what cannot be looked up.
pub(super) fn is_about_what_is_seen(snapshot: &Snapshot, ceiling: Ceiling, groups: &[GroupId], row: &SightingRow) -> bool {
    let is_there = |log: &LogId| {
        let said_there = |group: &GroupId| matches!(snapshot.log(log), Ok(Some(info)) if info.key.audience == Audience::Group(*group));
        groups.is_empty() || groups.iter().any(said_there)
    };
    let is_told_there = groups.is_empty() || row.place.as_ref().is_some_and(|(log, _)| is_there(log));
    let is_about_it = matches!(snapshot.header(&row.log, row.seq), Ok(Some(header)) if ceiling.admits(header.label));
    is_about_it && is_there(&row.log) && is_told_there
}

fn row(one: &Provenance, label: Label, history: &History, indicator: Indicator) -> Row {
    let Indicator { observable, valid_from, valid_until, confidence, labels, note, source } = indicator;
    Row {
        id: one.record,
        observable,
        tlp: label.tlp(),
        marks: marks_of(label),
        author: one.author,
        valid_from,
        valid_until,
        confidence,
        labels,
        note,
        source,
        revoked: one.state == ProvenanceState::Revoked,
        created: history.created,
        modified: history.modified,
        met: Vec::new(),
    }
}
