//! Observables and their provenances: what lookups, exports and duplicates rest on.

use super::runs::write_scattered;
use super::{Applied, Tx};
use crate::model::OrgId;
use crate::model::log::Audience;
use crate::model::observable::lookup::host_key;
use crate::model::observable::search_key;
use crate::model::{Label, Observable, ObservableKind, RecordId, Timestamp};
use crate::rules::statistics::Event;
use crate::store::body::is_body;
use crate::store::change::{ReleaseItem, Verdict};
use crate::store::codec::{Reader, Row, Writer};
use crate::store::error::{Damaged, Fault};
use crate::store::find;
use crate::store::rows::{ProvenanceRow, ProvenanceState};
use redb::{ReadableTable, ReadableTableMetadata};
use std::collections::BTreeSet;

/// A change's observables in the order of their search keys, and the numbers of those that have one.
pub(super) struct Sought<'o> {
    /// How many places there are, with or without an observable.
    count: usize,
    sorted: Vec<SoughtOne<'o>>,
}

struct SoughtOne<'o> {
    key: Vec<u8>,
    /// Its place in the change.
    place: usize,
    observable: &'o Observable,
    inside: &'o [Observable],
    known: Option<u64>,
}

/// The numbers of a change's observables.
pub(super) struct Numbers {
    /// One for each, 0 where there is none.
    of: Vec<u64>,
    first_new: u64,
    /// Which of the new ones were met.
    met: Vec<bool>,
}

impl Numbers {
    /// Where every observable is known already.
    pub(super) const fn known() -> Self {
        Self { of: Vec::new(), first_new: 1, met: Vec::new() }
    }

    /// The number of the observable at a place in the change.
    pub(super) fn of(&self, at: usize) -> u64 {
        self.of.get(at).copied().unwrap_or_default()
    }

    /// Whether nothing can be known of an observable: it is new, and was not met yet.
    pub(super) fn is_new(&self, no: u64) -> bool {
        self.met.get(usize::try_from(no.wrapping_sub(self.first_new)).unwrap_or(usize::MAX)) == Some(&false)
    }

    /// As [`Self::is_new`]; from now on it was met.
    fn is_fresh(&mut self, no: u64) -> bool {
        let met = self.met.get_mut(usize::try_from(no.wrapping_sub(self.first_new)).unwrap_or(usize::MAX));
        met.is_some_and(|met| !std::mem::replace(met, true))
    }
}

/// Where a provenance stands: family, incarnation, position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) observable: u64,
    pub(super) family: u32,
    pub(super) incarnation: u64,
    pub(super) seq: u64,
}

impl Place {
    fn key(&self) -> (u64, u32, u64, u64) {
        (self.observable, self.family, self.incarnation, self.seq)
    }
}

impl Tx<'_> {
    /// The numbers of observables, made where there are none; in the order of their search keys, so that the writes are sorted.
    pub(super) fn number<'o>(&mut self, observables: impl Iterator<Item = Option<(&'o Observable, &'o [Observable])>>) -> Applied<Numbers> {
        let sought = self.seek(observables)?;
        self.make_numbers(&sought)
    }

    /// Looks observables up, and writes nothing.
    pub(super) fn seek<'o>(&self, observables: impl Iterator<Item = Option<(&'o Observable, &'o [Observable])>>) -> Applied<Sought<'o>> {
        let mut sought = Sought { count: 0, sorted: Vec::new() };
        for observable in observables {
            let place = sought.count;
            sought.count += 1;
            let one = |(observable, inside)| SoughtOne { key: search_key(observable), place, observable, inside, known: None };
            sought.sorted.extend(observable.map(one));
        }
        sought.sorted.sort_by(|one, other| (&one.key, one.place).cmp(&(&other.key, other.place)));
        if self.t.observables.is_empty()? {
            return Ok(sought);
        }
        for at in 0..sought.sorted.len() {
            let repeated = at > 0 && sought.sorted[at - 1].key == sought.sorted[at].key;
            sought.sorted[at].known = match repeated {
                true => sought.sorted[at - 1].known,
                false => self.t.observables.get(sought.sorted[at].key.as_slice())?.map(|no| no.value()),
            };
        }
        Ok(sought)
    }

    /// Gives numbers to what has none.
    pub(super) fn make_numbers(&mut self, sought: &Sought<'_>) -> Applied<Numbers> {
        let mut of = vec![0; sought.count];
        let first_new = self.counters.observable + 1;
        let mut new: Vec<(&[u8], u64)> = Vec::new();
        let mut hosts = Vec::new();
        for one in &sought.sorted {
            let made = new.last().filter(|(key, _)| *key == one.key.as_slice()).map(|(_, no)| *no);
            let no = match one.known.or(made) {
                Some(no) => no,
                None => {
                    self.counters.observable += 1;
                    self.later_value(self.counters.observable, one.observable);
                    new.push((&one.key, self.counters.observable));
                    hosts.extend(host_key(&one.key).map(|host| (host, self.counters.observable, one.observable.kind())));
                    self.counters.observable
                }
            };
            let inner = self.put_inside(no, one.inside)?;
            hosts.extend(inner.iter().filter_map(|key| host_key(key)).map(|host| (host, no, ObservableKind::Pattern)));
            of[one.place] = no;
        }
        // URLs sort by their scheme first, hosts by their labels: sorted anew, they are written side by side.
        hosts.sort();
        for (host, no, kind) in hosts {
            self.t.hosts.insert((host.as_slice(), no), kind.number())?;
        }
        write_scattered(&mut self.t.observables, new.iter().copied())?;
        Ok(Numbers { of, first_new, met: vec![false; new.len()] })
    }

    /// Whether an audience was told one of these last, or is told it twice here. The observables are those of the items.
    pub(super) fn any_was_said(&self, author: &OrgId, audience: &Audience, sought: &Sought<'_>, items: &[ReleaseItem]) -> Applied<bool> {
        let family = self.known_family(author, audience)?;
        for (at, one) in sought.sorted.iter().enumerate() {
            let encoded = items[one.place].released.get();
            let before = at.checked_sub(1).map(|before| &sought.sorted[before]).filter(|before| before.key == one.key);
            if before
                .map(|before| items[before.place].released.get())
                .is_some_and(|before| (before.label, &before.body) == (encoded.label, &encoded.body))
            {
                return Ok(true);
            }
            if let (Some(observable), Some(family), None) = (one.known, family, before)
                && !self.told_next(observable, family, encoded)?.is_queued()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The search keys of what is in a pattern; none when they stand there already.
    fn put_inside(&mut self, pattern: u64, inside: &[Observable]) -> Applied<Vec<Vec<u8>>> {
        if inside.is_empty() || self.t.inside_keys.get(pattern)?.is_some() {
            return Ok(Vec::new());
        }
        let keys: Vec<Vec<u8>> = inside.iter().map(search_key).collect();
        for key in &keys {
            self.t.inside.insert((key.as_slice(), pattern), ())?;
        }
        let row = keys.iter().fold(Writer::default(), |row, key| row.bytes(key)).done();
        self.t.inside_keys.insert(pattern, row.as_slice())?;
        Ok(keys)
    }

    fn forget_inside(&mut self, pattern: u64) -> Applied<()> {
        let Some(row) = self.t.inside_keys.remove(pattern)?.map(|row| row.value().to_vec()) else { return Ok(()) };
        let mut keys = Reader(&row);
        while let Some(key) = keys.bytes() {
            self.t.inside.remove((key, pattern))?;
            self.forget_host(key, pattern)?;
        }
        Ok(())
    }

    fn forget_host(&mut self, key: &[u8], no: u64) -> Applied<()> {
        if let Some(host) = host_key(key) {
            self.t.hosts.remove((host.as_slice(), no))?;
        }
        Ok(())
    }

    pub(super) fn provenance(&self, place: &Place) -> Applied<Option<ProvenanceRow>> {
        find::row(&self.t.provenances, "provenances", place.key())
    }

    /// What an author said of an observable to an audience, in the author's order.
    pub(super) fn said(&self, observable: u64, family: u32) -> Applied<Vec<(Place, ProvenanceRow)>> {
        self.provenances((observable, family, 0, 0), (observable, family, u64::MAX, u64::MAX))
    }

    /// What anybody said of an observable.
    pub(super) fn said_by_all(&self, observable: u64) -> Applied<Vec<(Place, ProvenanceRow)>> {
        self.provenances((observable, 0, 0, 0), (observable, u32::MAX, u64::MAX, u64::MAX))
    }

    fn provenances(&self, from: (u64, u32, u64, u64), to: (u64, u32, u64, u64)) -> Applied<Vec<(Place, ProvenanceRow)>> {
        let mut rows = Vec::new();
        for row in self.t.provenances.range(from..=to)? {
            let (key, bytes) = row?;
            let (observable, family, incarnation, seq) = key.value();
            rows.push((Place { observable, family, incarnation, seq }, find::decoded("provenances", &key.value(), bytes.value())?));
        }
        Ok(rows)
    }

    /// Adds what an author says. Older words of the same family are superseded; if there are newer ones, this one is.
    pub(super) fn add_provenance(&mut self, place: Place, row: ProvenanceRow, body: &[u8], numbers: &mut Numbers) -> Applied<Verdict> {
        if numbers.is_fresh(place.observable) {
            self.later_provenance(place.key(), &row);
            self.later_record(row.record.0, place.observable);
            self.tally(place.family, Event::Indicator, row.received)?;
            match self.t.histories.is_empty()? {
                true => self.event(&row.record, row.label, row.received)?,
                false => self.changed(&row.record, row.label, None, row.received, false)?,
            }
            return Ok(Verdict::Accepted);
        }
        self.add_to_said(place, row, body)
    }

    fn add_to_said(&mut self, place: Place, mut row: ProvenanceRow, body: &[u8]) -> Applied<Verdict> {
        self.flush()?;
        let all = self.said_by_all(place.observable)?;
        let said: Vec<_> = all.iter().filter(|(other, _)| other.family == place.family).cloned().collect();
        let newer = said.iter().rev().find(|(other, _)| other.key() > place.key());
        let older = said.iter().rev().find(|(other, _)| other.key() < place.key());
        let same = |tx: &Self, other: &ProvenanceRow| -> Applied<bool> {
            Ok(other.label == row.label && is_body::<Fault>(&tx.t.bodies, other.body, body)?)
        };
        let verdict = match (newer, older) {
            (Some((_, newer)), _) if same(self, newer)? => Verdict::Duplicate,
            (Some(_), _) => Verdict::Superseded,
            (None, Some((_, older))) if older.state == ProvenanceState::Live && same(self, older)? => Verdict::Duplicate,
            (None, _) => Verdict::Accepted,
        };
        if newer.is_some() {
            row.state = ProvenanceState::Superseded;
        } else {
            for (place, older) in &said {
                self.set_state(place, older, ProvenanceState::Superseded)?;
            }
        }
        self.t.provenances.insert(place.key(), row.encode().as_slice())?;
        self.later_record(row.record.0, place.observable);
        if !all.iter().any(|(_, other)| other.record == row.record) {
            self.tally(place.family, Event::Indicator, row.received)?;
            if all.iter().any(|(_, other)| other.state == ProvenanceState::Live) {
                self.tally(place.family, Event::IndicatorSighted, row.received)?;
            }
        }
        // Who may see only what was said before learns that it holds no more, not what is said now.
        let before =
            said.iter().filter(|(_, other)| newer.is_none() && other.state != ProvenanceState::Superseded).map(|(_, other)| other.label);
        let labels: BTreeSet<Label> = before.chain([row.label]).collect();
        for label in labels {
            self.changed(&row.record, label, first_of(&all, &row.record, label), row.received, false)?;
        }
        Ok(verdict)
    }

    pub(super) fn set_state(&mut self, place: &Place, row: &ProvenanceRow, state: ProvenanceState) -> Applied<()> {
        if row.state != state {
            let row = ProvenanceRow { state, ..row.clone() };
            self.t.provenances.insert(place.key(), row.encode().as_slice())?;
        }
        Ok(())
    }

    /// A provenance gets another place: a waiting record its position.
    pub(super) fn move_provenance(&mut self, from: &Place, to: &Place) -> Applied<()> {
        let Some(row) = self.t.provenances.remove(from.key())?.map(|row| row.value().to_vec()) else { return Ok(()) };
        self.t.provenances.insert(to.key(), row.as_slice())?;
        Ok(())
    }

    /// Removes what an author said; its record with the last of them, and the observable with the last of all.
    pub(super) fn forget(&mut self, place: &Place, at: Timestamp, recalled: bool) -> Applied<()> {
        let Some(row) = self.provenance(place)? else { return Ok(()) };
        self.t.provenances.remove(place.key())?;
        let rest = self.said_by_all(place.observable)?;
        if !rest.iter().any(|(_, other)| other.record == row.record) {
            self.t.records.remove(&row.record.0)?;
        }
        if rest.is_empty() {
            self.forget_observable(place.observable)?;
        }
        let left = first_of(&rest, &row.record, row.label);
        let first = left.map_or(row.received, |left| left.min(row.received));
        self.changed(&row.record, row.label, Some(first), at, recalled && left.is_none())
    }

    fn forget_observable(&mut self, no: u64) -> Applied<()> {
        let observable = find::row::<Observable, _, Fault>(&self.t.values, "values", no)?;
        let observable = observable.ok_or_else(|| Damaged { table: "values", key: no.to_string() })?;
        self.t.values.remove(no)?;
        let key = search_key(&observable);
        self.t.observables.remove(key.as_slice())?;
        self.forget_host(&key, no)?;
        self.forget_inside(no)
    }
}

/// When the first came of what its author said of a record under a label.
pub(super) fn first_of(said: &[(Place, ProvenanceRow)], record: &RecordId, label: Label) -> Option<Timestamp> {
    said.iter().filter(|(_, row)| row.record == *record && row.label == label).map(|(_, row)| row.received).min()
}
