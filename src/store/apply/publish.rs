//! What the gate let out while a reader is there: released and positioned in one transaction, so that it leaves after one sync.

use super::index::Place;
use super::log::follows;
use super::{Applied, Tx};
use crate::model::Timestamp;
use crate::model::log::{Batch, BatchEntry, Body, Header, LogKey};
use crate::rules::release::{Disclosure, Encoded};
use crate::store::change::{Outcome, Refused, ReleaseItem, ReleaseOutcome, Verdict};
use crate::store::codec::audience_bytes;
use crate::store::rows::{EntryRow, LogState, ProvenanceRow, ProvenanceState};
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
        let outcome = Outcome::Released(vec![ReleaseOutcome::Queued; items.len()]);
        let known = self.log(&key.id())?;
        let Some((last, _)) = batches.last() else { return Err(Refused::WaitingMoved.into()) };
        if self.holds(known.as_ref(), last)? {
            return Ok(outcome);
        }
        let goes_on = known.as_ref().is_none_or(|log| log.row.state == LogState::Open);
        if key.author != self.us || key.incarnation != self.counters.incarnation || !goes_on {
            return Err(Refused::LogClosed.into());
        }
        let mut head = known.as_ref().map(|log| log.row.head).unwrap_or_default();
        for (batch, headers) in batches {
            follows(head, batch, headers.first().filter(|_| headers.len() == batch.entries.len()))?;
            head = batch.checkpoint.head;
        }
        check_entries(batches, items)?;
        let observables = items.iter().map(|item| Some((item.released.get().observable.as_ref()?, item.inside.as_slice())));
        let sought = self.seek(observables)?;
        if self.is_waiting(key)? || self.any_was_said(&key.author, &key.audience, &sought, items)? || self.any_is_recalled(items)? {
            return Err(Refused::WaitingMoved.into());
        }
        let mut log = match known {
            Some(log) => log,
            None => self.new_log(key, &[0; 32])?,
        };
        for (batch, _) in batches {
            self.put_batch(&log, batch, None)?;
        }
        let mut numbers = self.make_numbers(&sought)?;
        let headers = batches.iter().flat_map(|(_, headers)| headers);
        for (place, (item, header)) in items.iter().zip(headers).enumerate() {
            let (Encoded { tlp, retention, valid_until, body, .. }, Some(record)) = (item.released.get(), item.record) else { continue };
            let number = self.put_body(body)?;
            let mut entry = EntryRow::of(header, Verdict::Accepted, Ok(number));
            entry.observable = numbers.of(place);
            self.later_entry((log.no, header.seq), &entry);
            let place = Place { observable: entry.observable, family: log.row.family, incarnation: key.incarnation, seq: header.seq };
            let (tlp, retention, valid_until, state) = (*tlp, *retention, *valid_until, ProvenanceState::Live);
            let row = ProvenanceRow { record, tlp, state, received: at, retention, valid_until, body: number };
            self.add_provenance(place, row, body, &mut numbers)?;
        }
        log.row.head = head;
        self.put_log(&log)?;
        self.disclose(items, &vec![ReleaseOutcome::Queued; items.len()], disclosures)?;
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

/// Refused unless each item is an indicator, and exactly the entry at its place.
fn check_entries(batches: &[(Batch, Vec<Header>)], items: &[ReleaseItem]) -> Result<(), Refused> {
    let mut entries = batches.iter().flat_map(|(batch, _)| &batch.entries);
    let fit = items.iter().all(|item| entries.next().is_some_and(|entry| is_entry(item, entry)));
    if fit && entries.next().is_none() { Ok(()) } else { Err(Refused::WaitingMoved) }
}

fn is_entry(item: &ReleaseItem, entry: &BatchEntry) -> bool {
    let Encoded { kind, tlp, retention, body, observable, .. } = item.released.get();
    let same_body = matches!(&entry.body, Body::Present(there) if there == body);
    let is_indicator = item.record.is_some() && observable.is_some();
    is_indicator && same_body && (entry.kind, entry.tlp, entry.retention) == (*kind, *tlp, *retention)
}
