//! Records as a stream: all of them in the order of their values, for exports, or those that changed since a cursor.

use super::lookup::Provenance;
use super::{LogInfo, Read, Snapshot};
use crate::model::log::Audience;
use crate::model::{Ceiling, GroupId, Observable, ObservableKind, RecordId, RecordKind, Timestamp};
use crate::rules::label::Held;
use crate::store::ProvenanceState;
use crate::store::body::get_body;
use crate::store::error::ReadError;
use crate::store::find;
use crate::store::rows::{EventRow, History, HistoryPart, HistoryRow};
use crate::store::tables::{BODIES, COUNTS, EVENTS, HISTORIES, OBSERVABLES, RECORDS};
use redb::{Range, ReadableTable, ReadableTableMetadata};
use std::collections::BTreeMap;

/// Which records are wanted.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Kinds of observable; empty for all.
    pub kinds: Vec<ObservableKind>,
    /// The most restrictive label.
    pub ceiling: Ceiling,
    /// Only what was said in these groups; empty for all.
    pub groups: Vec<GroupId>,
    /// Whether withdrawn ones are wanted too.
    pub revoked: bool,
    /// What has expired by now is left out.
    pub now: Timestamp,
}

impl Filter {
    /// Whether a kind of observable is wanted.
    pub fn wants_kind(&self, kind: Option<ObservableKind>) -> bool {
        self.kinds.is_empty() || kind.is_some_and(|kind| self.kinds.contains(&kind))
    }

    fn wants(&self, provenance: &Provenance) -> bool {
        let said_there = |group: &GroupId| provenance.audience == Audience::Group(*group);
        self.ceiling.admits(provenance.label)
            && (self.groups.is_empty() || self.groups.iter().any(said_there))
            && (self.revoked || provenance.state != ProvenanceState::Revoked)
            && !provenance.is_expired(self.now)
    }
}

/// An observable with those who say so.
#[derive(Debug, Clone)]
pub struct Item {
    /// What it is about.
    pub observable: Observable,
    /// What each author said last to each audience, as far as the filter wants it; never empty.
    pub provenances: Vec<Provenance>,
    /// The body of the one received last.
    pub body: Held<Vec<u8>>,
    /// To go on behind this item.
    pub cursor: Vec<u8>,
}

/// A record that came, changed or went.
#[derive(Debug, Clone)]
pub struct Event {
    /// To go on behind this event.
    pub cursor: u64,
    /// When; never falls from one event to the next.
    pub at: Timestamp,
    /// The record.
    pub record: RecordId,
    /// What is held of it now; `None` when it is gone.
    pub item: Option<Item>,
}

/// The records that a filter wants, in the order of their search keys. Made by [`Snapshot::records`].
pub struct Records<'s> {
    snapshot: &'s Snapshot,
    filter: Filter,
    rows: Range<'static, &'static [u8], u64>,
}

impl Iterator for Records<'_> {
    type Item = Read<Item>;

    fn next(&mut self) -> Option<Read<Item>> {
        loop {
            let (cursor, no) = match self.rows.next()? {
                Ok((key, no)) => (key.value().to_vec(), no.value()),
                Err(error) => return Some(Err(error.into())),
            };
            let kind = cursor.first().copied().and_then(ObservableKind::from_number);
            if !self.filter.wants_kind(kind) {
                continue;
            }
            if let Some(item) = self.snapshot.item(no, cursor, &self.filter).transpose() {
                return Some(item);
            }
        }
    }
}

impl Snapshot {
    /// The records that a filter wants, in the order of their search keys, behind a cursor or from the start.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn records(&self, behind: Option<&[u8]>, filter: Filter) -> Read<Records<'_>> {
        let from = behind.map_or(Vec::new(), |cursor| [cursor, &[0]].concat());
        let rows = self.table(OBSERVABLES)?.range::<&[u8]>(from.as_slice()..)?;
        Ok(Records { snapshot: self, filter, rows })
    }

    fn item(&self, no: u64, cursor: Vec<u8>, filter: &Filter) -> Read<Option<Item>> {
        let provenances: Vec<_> = self.last_words(no)?.into_iter().filter(|one| filter.wants(one)).collect();
        let Some(newest) = provenances.iter().max_by_key(|one| one.received) else { return Ok(None) };
        let body = Held(get_body::<ReadError>(&*self.table(BODIES)?, newest.body)?);
        Ok(Some(Item { observable: self.observable(no)?, provenances, body, cursor }))
    }

    /// Records that came, changed or went behind a cursor (0 for the start), oldest first. A record that changed often comes as
    /// often, each time as it is now. Its item shows that record's author alone. What was said under a label that the filter does not want is no event.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn since(&self, cursor: u64, limit: usize, filter: &Filter) -> Read<Vec<Event>> {
        let mut events = Vec::new();
        for row in self.table(EVENTS)?.range(cursor.saturating_add(1)..)? {
            let (cursor, bytes) = row?;
            let cursor = cursor.value();
            let EventRow { at, record, label } = find::decoded("events", &cursor, bytes.value())?;
            if filter.ceiling.admits(label) {
                events.push(Event { cursor, at, record, item: self.item_of(&record, filter)? });
            }
            if events.len() >= limit {
                break;
            }
        }
        Ok(events)
    }

    fn item_of(&self, record: &RecordId, filter: &Filter) -> Read<Option<Item>> {
        let Some(no) = self.table(RECORDS)?.get(&record.0)?.map(|no| no.value()) else { return Ok(None) };
        let all = self.last_words(no)?.into_iter().filter(|one| one.record == *record);
        let provenances: Vec<_> = all.filter(|one| filter.wants(one)).collect();
        let Some(newest) = provenances.iter().max_by_key(|one| one.received) else { return Ok(None) };
        let body = Held(get_body::<ReadError>(&*self.table(BODIES)?, newest.body)?);
        let observable = self.observable(no)?;
        if !filter.wants_kind(Some(observable.kind())) {
            return Ok(None);
        }
        let cursor = crate::model::observable::search_key(&observable);
        Ok(Some(Item { observable, provenances, body, cursor }))
    }

    /// When a record came and last changed, also of one that is gone, for somebody who may see no more than this; `None` where nothing of it changed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn history(&self, record: &RecordId, ceiling: Ceiling) -> Read<Option<History>> {
        Ok(self.history_row(record)?.and_then(|row| row.within(ceiling)))
    }

    /// The same for each label that it was given.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn histories(&self, record: &RecordId) -> Read<Vec<HistoryPart>> {
        Ok(self.history_row(record)?.unwrap_or_default().parts)
    }

    fn history_row(&self, record: &RecordId) -> Read<Option<HistoryRow>> {
        self.row(HISTORIES, "histories", &record.0)
    }

    /// The cursor of the newest event; 0 before the first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn newest(&self) -> Read<u64> {
        Ok(self.table(EVENTS)?.last()?.map_or(0, |(cursor, _)| cursor.value()))
    }

    /// How many events there were of what a ceiling admits, and when the newest was. Neither ever falls.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn changes_seen(&self, ceiling: Ceiling) -> Read<(u64, Timestamp)> {
        let (mut count, mut newest) = (0, Timestamp(0));
        for row in self.table(EVENTS)?.iter()? {
            let (cursor, bytes) = row?;
            let EventRow { at, label, .. } = find::decoded("events", &cursor.value(), bytes.value())?;
            if ceiling.admits(label) {
                (count, newest) = (count + 1, newest.max(at));
            }
        }
        Ok((count, newest))
    }

    /// As [`Self::changes_seen`], of what was said in some groups, told by their logs alone, so that what is said of the same records elsewhere does not show: indicators that
    /// came there, were taken back there, or are past their retention. An author's clock tells when one came, so the newest may fall.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn changes_there(&self, groups: &[GroupId], ceiling: Ceiling, now: Timestamp) -> Read<(u64, Timestamp)> {
        let (mut count, mut newest) = (0, Timestamp(0));
        let is_there = |log: &LogInfo| matches!(log.key.audience, Audience::Group(group) if groups.contains(&group));
        for log in self.logs()?.into_iter().filter(is_there) {
            for seq in log.start + 1..=log.head.size {
                let header = self.header(&log.id, seq)?;
                let Some(header) = header.filter(|one| one.kind == RecordKind::Indicator.number() && ceiling.admits(one.label)) else {
                    continue;
                };
                let gone = self.taken_back(&log.id, seq)?.map(|row| row.at);
                let moments = [header.created, gone.unwrap_or(header.retention)];
                count += 1 + u64::from(gone.is_some());
                newest = moments.into_iter().filter(|at| *at <= now).fold(newest, Timestamp::max);
            }
        }
        Ok((count, newest))
    }

    /// When the event at a cursor was, and of which record.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn event(&self, cursor: u64) -> Read<Option<(Timestamp, RecordId)>> {
        let row: Option<EventRow> = self.row(EVENTS, "events", cursor)?;
        Ok(row.map(|row| (row.at, row.record)))
    }

    /// The cursor behind which events are of `at` or later.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn cursor_at(&self, at: Timestamp) -> Read<u64> {
        let (mut low, mut high) = (0, self.newest()?);
        while low < high {
            let middle = low + (high - low) / 2 + 1;
            let row: Option<EventRow> = self.row(EVENTS, "events", middle)?;
            match row {
                Some(row) if row.at < at => low = middle,
                _ => high = middle - 1,
            }
        }
        Ok(low)
    }

    /// How many records of each kind are held, waiting ones too: indicators by record id, so that a repeated import changes nothing.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn counts(&self) -> Read<BTreeMap<u8, u64>> {
        let mut counts = BTreeMap::from([(RecordKind::Indicator.number(), self.table(RECORDS)?.len()?)]);
        for row in self.table(COUNTS)?.iter()? {
            let (kind, count) = row?;
            counts.insert(kind.value(), count.value());
        }
        Ok(counts)
    }

    /// How many different values are held.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn observables(&self) -> Read<u64> {
        Ok(self.table(OBSERVABLES)?.len()?)
    }
}
