//! What the gate let out while a reader is there: released and positioned in one transaction, so that it leaves after one sync.

use super::index::Place;
use super::log::{follows, head_of};
use super::release::decided_for;
use super::{Applied, Tx};
use crate::model::log::{Batch, BatchEntry, Body, Header, LogKey};
use crate::model::{RecordId, Timestamp};
use crate::rules::release::{Disclosure, Encoded};
use crate::store::change::{Outcome, Refused, ReleaseItem, ReleaseOutcome, Verdict};
use crate::store::codec::audience_bytes;
use crate::store::rows::{EntryRow, ProvenanceRow, ProvenanceState};
use redb::ReadableTable;

impl Tx<'_> {
    pub(super) fn publish(
        &mut self,
        key: &LogKey,
        batches: &[(Batch, Vec<Header>)],
        items: &[ReleaseItem],
        disclosures: &[Disclosure],
        at: Timestamp,
    ) -> Applied<Outcome> {
        decided_for(&key.audience, items)?;
        let outcome = Outcome::Released(vec![ReleaseOutcome::NEWS; items.len()]);
        let known = self.log(&key.id())?;
        let Some((last, _)) = batches.last() else { return Err(Refused::WaitingMoved.into()) };
        if self.holds(known.as_ref(), last)? {
            return Ok(outcome);
        }
        self.is_open_and_ours(key, known.as_ref())?;
        let mut head = head_of(known.as_ref());
        for (batch, headers) in batches {
            follows(head, batch, headers.iter())?;
            head = batch.checkpoint.head;
        }
        let entries = entries(batches, items)?;
        let observables = items.iter().map(|item| Some((item.released.get().observable.as_ref()?, item.inside.as_slice())));
        let sought = self.seek(observables)?;
        if self.is_waiting(key)? || self.any_was_said(&key.author, &key.audience, &sought, items)? || self.any_is_recalled(items)? {
            return Err(Refused::WaitingMoved.into());
        }
        let mut log = self.known_or_new(known, key, &[0; 32])?;
        for (batch, _) in batches {
            self.put_batch(&log, batch, None)?;
        }
        let mut numbers = self.make_numbers(&sought)?;
        for (place, (header, record, encoded)) in entries.into_iter().enumerate() {
            let Encoded { label, retention, valid_until, body, .. } = encoded;
            let number = self.put_body(body)?;
            let mut entry = EntryRow::of(header, Verdict::Accepted, Ok(number));
            entry.observable = numbers.of(place);
            self.later_entry((log.no, header.seq), &entry);
            let place = Place { observable: entry.observable, family: log.row.family, incarnation: key.incarnation, seq: header.seq };
            let (label, retention, valid_until, state) = (*label, *retention, *valid_until, ProvenanceState::Live);
            let row = ProvenanceRow { record, label, state, received: at, retention, valid_until, body: number };
            self.add_provenance(place, row, body, &mut numbers)?;
        }
        log.row.head = head;
        self.put_log(&log)?;
        self.disclose(items, &vec![ReleaseOutcome::NEWS; items.len()], disclosures)?;
        Ok(outcome)
    }

    fn is_waiting(&self, key: &LogKey) -> Applied<bool> {
        let audience = audience_bytes(&key.audience);
        Ok(self.t.waiting.range((&audience, 0)..=(&audience, u64::MAX))?.next().is_some())
    }

    fn any_is_recalled(&self, items: &[ReleaseItem]) -> Applied<bool> {
        for item in items {
            if self.is_recalled(item)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Header, record and content of each entry; refused unless each item is an indicator, and exactly the entry at its place.
fn entries<'c>(batches: &'c [(Batch, Vec<Header>)], items: &'c [ReleaseItem]) -> Result<Vec<(&'c Header, RecordId, &'c Encoded)>, Refused> {
    let entries: Vec<_> = batches.iter().flat_map(|(batch, headers)| batch.entries.iter().zip(headers)).collect();
    let indicator = |(item, (entry, header)): (&'c ReleaseItem, (&BatchEntry, &'c Header))| {
        let encoded = item.released.get();
        Some((header, item.record?, encoded)).filter(|_| is_entry(encoded, entry))
    };
    let indicators: Option<Vec<_>> = items.iter().zip(entries.iter().copied()).map(indicator).collect();
    indicators.filter(|_| entries.len() == items.len()).ok_or(Refused::WaitingMoved)
}

/// Whether an entry says exactly what was released, and that is an indicator.
fn is_entry(released: &Encoded, entry: &BatchEntry) -> bool {
    let Encoded { kind, label, retention, body, observable, .. } = released;
    let same_body = matches!(&entry.body, Body::Present(there) if there == body);
    observable.is_some() && same_body && (entry.kind, entry.label, entry.retention) == (*kind, *label, *retention)
}
