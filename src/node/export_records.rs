//! What is held goes out as a file for other tools: STIX 2.1, CSV, one value per line. Reads only.
//!
//! An export is a sink like any other: nothing above the asked label, nothing that has expired, nothing that was recalled.
//! Withdrawn records leave text and CSV; STIX has them as revoked, so that whoever imports it again drops them.

use super::Node;
use super::error::NodeError;
use super::find::{indicator, state};
use super::view::{ExportFormat, ExportReport, ExportRequest, ExportedView};
use crate::formats::csv;
use crate::formats::pattern::Dialect;
use crate::formats::stix::write::{BundleWriter, Row};
use crate::model::{Indicator, RecordId, Timestamp, Tlp};
use crate::rules::label::Held;
use crate::store::change::{Change, ExportRow};
use crate::store::{Filter, HistoryRow, Item, Provenance, ProvenanceState, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

/// How many events are looked at together.
const EVENTS_AT_ONCE: usize = 1_000;

impl Node {
    /// Where an export that begins now will have ended, for the next one's `since`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn cursor(&self) -> Result<u64, NodeError> {
        Ok(self.store.snapshot()?.newest()?)
    }

    /// Writes what is held, one author's word on one value at a time.
    ///
    /// # Errors
    /// When the store cannot be read or the output fails; then what was written is not whole.
    pub fn export(&self, request: &ExportRequest, out: &mut dyn Write) -> Result<ExportReport, NodeError> {
        let snapshot = self.store.snapshot()?;
        self.may_serve(&snapshot)?;
        let cursor = snapshot.newest()?;
        let now = self.clock.now();
        let filter = Filter { kinds: request.kinds.clone(), tlp_max: request.tlp_max, revoked: request.format == ExportFormat::Stix, now };
        let mut sink = Sink::begin(request.format, out, now).map_err(failed)?;
        match request.since {
            None => {
                for item in snapshot.records(None, filter)? {
                    sink.item(&snapshot, item?)?;
                }
            }
            Some(since) => changed(&snapshot, since, &filter, &mut sink)?,
        }
        let records = sink.end().map_err(failed)?;
        Ok(ExportReport { records, cursor })
    }
}

impl Node {
    /// Remembers that an export was made, so that it can be told what it carried. Blocking.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub fn remember_export(&self, request: &ExportRequest) -> Result<(), NodeError> {
        let since = request.since.map(|cursor| self.store.snapshot()?.time_of(cursor)).transpose()?;
        let row = ExportRow { at: self.clock.now(), format: request.format.name().to_owned(), tlp_max: request.tlp_max, since };
        self.store.commit_blocking(Change::Exported(Box::new(row)))?;
        Ok(())
    }

    /// Which exports may have carried a record of ours before it was taken back, and whether their format has been written whole since.
    ///
    /// # Errors
    /// When there is no such record of ours, or the store cannot be read.
    pub fn exports_of(&self, id: &str) -> Result<Vec<ExportedView>, NodeError> {
        let record = self.own_record(id)?;
        let snapshot = self.store.snapshot()?;
        let exports = snapshot.exports()?;
        let mut carried = BTreeMap::new();
        for (log, seq) in snapshot.positions(&record)? {
            let Some(header) = snapshot.header(&log, seq)? else { continue };
            let taken_back = snapshot.taken_back(&log, seq)?.map(|row| row.at);
            for (number, row) in &exports {
                let came = row.since.is_none_or(|since| header.created >= since) && header.created <= row.at;
                let before = taken_back.is_none_or(|at| row.at < at);
                if came && before && header.tlp <= row.tlp_max {
                    let whole = |other: &ExportRow| other.format == row.format && other.since.is_none() && Some(other.at) >= taken_back;
                    let gone = taken_back.and_then(|_| exports.iter().map(|(_, other)| other).find(|other| whole(other)));
                    let view = ExportedView {
                        number: *number,
                        at: row.at,
                        format: row.format.clone(),
                        tlp_max: row.tlp_max,
                        whole: row.since.is_none(),
                        gone: gone.map(|other| other.at),
                    };
                    carried.insert(*number, view);
                }
            }
        }
        Ok(carried.into_values().collect())
    }
}

fn failed(error: io::Error) -> NodeError {
    NodeError::io("write the export", error)
}

/// Records that came or changed behind a cursor, each once.
fn changed(snapshot: &Snapshot, since: u64, filter: &Filter, sink: &mut Sink<'_>) -> Result<(), NodeError> {
    let (mut cursor, mut seen) = (since, BTreeSet::<RecordId>::new());
    loop {
        let events = snapshot.since(cursor, EVENTS_AT_ONCE, filter)?;
        let Some(last) = events.last() else { return Ok(()) };
        cursor = last.cursor;
        for event in events {
            if let Some(item) = event.item.filter(|_| seen.insert(event.record)) {
                sink.item(snapshot, item)?;
            }
        }
    }
}

/// An export under way.
struct Sink<'o> {
    form: Form<'o>,
    now: Timestamp,
    records: u64,
}

/// How it is written.
enum Form<'o> {
    Stix(Box<BundleWriter<&'o mut dyn Write>>),
    Csv(Box<csv::Writer<&'o mut dyn Write>>),
    Text(&'o mut dyn Write),
}

impl<'o> Sink<'o> {
    fn begin(format: ExportFormat, out: &'o mut dyn Write, now: Timestamp) -> io::Result<Self> {
        let form = match format {
            ExportFormat::Stix => Form::Stix(Box::new(BundleWriter::new(out, Dialect::Standard)?)),
            ExportFormat::Csv => Form::Csv(Box::new(csv::Writer::new(out, false)?)),
            ExportFormat::Text => Form::Text(out),
        };
        Ok(Self { form, now, records: 0 })
    }

    /// One value: a line of text, or each author's record of it.
    fn item(&mut self, snapshot: &Snapshot, item: Item) -> Result<(), NodeError> {
        let Item { observable, provenances, .. } = item;
        if let Form::Text(out) = &mut self.form {
            // Past its `valid_until` it is of no use in a blocklist.
            if provenances.iter().any(|one| state(one, self.now) == "live") {
                writeln!(out, "{}", one_line(observable.value())).map_err(failed)?;
                self.records += 1;
            }
            return Ok(());
        }
        let mut authors = BTreeSet::new();
        let mut newest: Vec<&Provenance> = provenances.iter().filter(|one| state(one, self.now) != "expired").collect();
        // What was withdrawn from one audience alone still holds.
        newest.sort_by_key(|one| (one.state == ProvenanceState::Revoked, std::cmp::Reverse(one.received)));
        for one in newest.into_iter().filter(|one| authors.insert(one.record)) {
            // One author's record stands under the strictest label that the author gave it.
            let tlp = provenances.iter().filter(|other| other.record == one.record).map(|other| other.tlp).max().unwrap_or(one.tlp);
            let Held(body) = snapshot.body_of(one)?;
            let Some(indicator) = indicator(&body) else { continue };
            let history = snapshot.history(&one.record)?.unwrap_or(HistoryRow::since(one.received));
            self.row(one, tlp, &history, indicator).map_err(failed)?;
            self.records += 1;
        }
        Ok(())
    }

    fn row(&mut self, one: &Provenance, tlp: Tlp, history: &HistoryRow, indicator: Indicator) -> io::Result<()> {
        match &mut self.form {
            Form::Stix(bundle) => bundle.write(&row(one, tlp, history, indicator)),
            Form::Csv(writer) => writer.row(&indicator, Some(tlp)),
            Form::Text(_) => Ok(()),
        }
    }

    fn end(self) -> io::Result<u64> {
        match self.form {
            Form::Stix(bundle) => drop(bundle.finish()?),
            Form::Csv(writer) => writer.finish()?,
            Form::Text(out) => out.flush()?,
        }
        Ok(self.records)
    }
}

fn row(one: &Provenance, tlp: Tlp, history: &HistoryRow, indicator: Indicator) -> Row {
    let Indicator { observable, valid_from, valid_until, confidence, labels, note, source } = indicator;
    Row {
        id: one.record,
        observable,
        tlp,
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
    }
}

/// A value in one line: what would end the line or steer a terminal becomes a blank.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_never_becomes_two_lines() {
        assert_eq!(one_line("a\r\nb\x1b[2J"), "a  b [2J");
    }
}
