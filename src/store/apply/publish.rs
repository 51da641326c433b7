//! What the gate let out while a reader is there: released and positioned in one transaction, so that it leaves after one sync.

use super::index::Place;
use super::log::{follows, head_of};
use super::referral::Entry;
use super::release::decided_for;
use super::{Applied, Tx};
use crate::model::log::{Audience, Batch, BatchEntry, Body, Header, LogKey};
use crate::model::{OrgId, RecordId, Timestamp};
use crate::rules::release::{Disclosure, Encoded};
use crate::store::change::{Outcome, Refused, ReleaseItem, ReleaseOutcome, Said, Verdict};
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
        for one in &entries {
            if let Of::Message(peer, said) = &one.of {
                self.is_next(peer, said, one.entry(at))?;
            }
        }
        let mut log = self.known_or_new(known, key, &[0; 32])?;
        for (batch, _) in batches {
            self.put_batch(&log, batch, None)?;
        }
        let mut numbers = self.make_numbers(&sought)?;
        for (place, one) in entries.into_iter().enumerate() {
            let (header, Encoded { kind, label, retention, valid_until, body, .. }) = (one.header, one.encoded);
            let number = self.put_body(body)?;
            let mut entry = EntryRow::of(header, Verdict::Accepted, Ok(number));
            entry.observable = numbers.of(place);
            self.later_entry((log.no, header.seq), &entry);
            match one.of {
                Of::Indicator(record) => {
                    let place =
                        Place { observable: entry.observable, family: log.row.family, incarnation: key.incarnation, seq: header.seq };
                    let (label, retention, valid_until, state) = (*label, *retention, *valid_until, ProvenanceState::Live);
                    let row = ProvenanceRow { record, label, state, received: at, retention, valid_until, body: number };
                    self.add_provenance(place, row, body, &mut numbers)?;
                }
                Of::Message(peer, said) => {
                    self.count(*kind, 1)?;
                    self.say(peer, said, body, number, one.entry(at))?;
                }
            }
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

/// A released record and the entry that it becomes.
struct Published<'c> {
    header: &'c Header,
    encoded: &'c Encoded,
    of: Of<'c>,
}

/// What the record is.
enum Of<'c> {
    Indicator(RecordId),
    /// A message about a referral, and to whom.
    Message(&'c OrgId, &'c Said),
}

impl Published<'_> {
    const fn entry(&self, at: Timestamp) -> Entry {
        Entry { at, retention: self.encoded.retention, label: self.encoded.label }
    }
}

/// What is published, by entry; refused unless each item is an indicator, or the only one a message to a peer, and exactly the entry at its place.
fn entries<'c>(batches: &'c [(Batch, Vec<Header>)], items: &'c [ReleaseItem]) -> Result<Vec<Published<'c>>, Refused> {
    let entries: Vec<_> = batches.iter().flat_map(|(batch, headers)| batch.entries.iter().zip(headers)).collect();
    let published = |(item, (entry, header)): (&'c ReleaseItem, (&BatchEntry, &'c Header))| {
        let encoded = item.released.get();
        let of = match (item.record, &encoded.observable, &item.said, &encoded.audience) {
            (Some(record), Some(_), None, _) => Of::Indicator(record),
            (None, None, Some(said), Audience::Direct(peer)) if items.len() == 1 => Of::Message(peer, said),
            _ => return None,
        };
        Some(Published { header, encoded, of }).filter(|_| is_entry(encoded, entry))
    };
    let all: Option<Vec<_>> = items.iter().zip(entries.iter().copied()).map(published).collect();
    all.filter(|_| entries.len() == items.len()).ok_or(Refused::WaitingMoved)
}

/// Whether an entry says exactly what was released.
fn is_entry(released: &Encoded, entry: &BatchEntry) -> bool {
    let Encoded { kind, label, retention, body, .. } = released;
    let same_body = matches!(&entry.body, Body::Present(there) if there == body);
    same_body && (entry.kind, entry.label, entry.retention) == (*kind, *label, *retention)
}
