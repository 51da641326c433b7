//! What the gate let out: it waits for its position, and is found by lookups from here on.

use super::index::{Numbers, Place};
use super::{Applied, Tx, WAITING};
use crate::model::crypto::sha256_framed;
use crate::model::log::Audience;
use crate::model::{RecordId, Timestamp};
use crate::rules::disclosed::filled;
use crate::rules::release::{Disclosure, Encoded};
use crate::store::change::{Outcome, Refused, ReleaseItem, ReleaseOutcome, Said};
use crate::store::codec::{Row, audience_bytes};
use crate::store::error::Fault;
use crate::store::find;
use crate::store::rows::{DisclosureRow, ProvenanceRow, ProvenanceState, WaitingRow};
use redb::{ReadableTable, ReadableTableMetadata};

/// For so long a repeated release of records without an id is recognised (7 days, in milliseconds).
const UNNAMED_MS: u64 = 7 * 24 * 3_600_000;

/// Refused unless the gate decided about each record for this audience.
pub(super) fn decided_for(audience: &Audience, items: &[ReleaseItem]) -> Result<(), Refused> {
    let fits = items.iter().all(|item| item.released.get().audience == *audience);
    if fits { Ok(()) } else { Err(Refused::OtherAudience) }
}

impl Tx<'_> {
    pub(super) fn release(
        &mut self,
        audience: &Audience,
        items: &[ReleaseItem],
        disclosures: &[Disclosure],
        at: Timestamp,
    ) -> Applied<Outcome> {
        decided_for(audience, items)?;
        let family = self.family(&self.us.clone(), audience)?;
        let recalled = items.iter().map(|item| self.is_recalled(item)).collect::<Applied<Vec<bool>>>()?;
        let kept = items.iter().zip(&recalled).map(|(item, recalled)| Some(item).filter(|item| !recalled && item.record.is_some()));
        let observables = kept.map(|item| item.and_then(|item| Some((item.released.get().observable.as_ref()?, item.inside.as_slice()))));
        let mut numbers = self.number(observables)?;
        let mut outcomes = Vec::with_capacity(items.len());
        for (at_item, (item, recalled)) in items.iter().zip(recalled).enumerate() {
            outcomes.push(match recalled {
                true => ReleaseOutcome::Recalled,
                false => self.release_one(audience, family, item, at_item, &mut numbers, at)?,
            });
        }
        self.disclose(items, &outcomes, disclosures)?;
        Ok(Outcome::Released(outcomes))
    }

    pub(super) fn is_recalled(&self, item: &ReleaseItem) -> Applied<bool> {
        match &item.record {
            Some(record) if !self.t.tombstones.is_empty()? => Ok(find::recalled_at::<Fault>(&self.t.tombstones, record)?.is_some()),
            _ => Ok(false),
        }
    }

    fn release_one(
        &mut self,
        audience: &Audience,
        family: u32,
        item: &ReleaseItem,
        place: usize,
        numbers: &mut Numbers,
        at: Timestamp,
    ) -> Applied<ReleaseOutcome> {
        let encoded = item.released.get();
        match (item.record, numbers.of(place)) {
            (Some(record), observable @ 1..) => self.release_indicator(audience, family, record, observable, encoded, numbers, at),
            _ => self.release_unnamed(audience, encoded, item.said.as_ref(), at),
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn release_indicator(
        &mut self,
        audience: &Audience,
        family: u32,
        record: RecordId,
        observable: u64,
        encoded: &Encoded,
        numbers: &mut Numbers,
        at: Timestamp,
    ) -> Applied<ReleaseOutcome> {
        let outcome = match numbers.is_new(observable) {
            true => ReleaseOutcome::NEWS,
            false => {
                self.flush()?;
                self.told_next(observable, family, encoded)?
            }
        };
        if !outcome.is_queued() {
            return Ok(outcome);
        }
        let waiting = self.put_waiting(audience, encoded, Some(record), observable, at)?;
        let place = Place { observable, family, incarnation: WAITING, seq: self.counters.waiting };
        let Encoded { label, retention, valid_until, .. } = *encoded;
        let state = ProvenanceState::Live;
        let row = ProvenanceRow { record, label, state, received: at, retention, valid_until, body: waiting.body };
        self.add_provenance(place, row, &encoded.body, numbers)?;
        Ok(outcome)
    }

    /// What comes of telling this to an audience, after what it was told last.
    pub(super) fn told_next(&self, observable: u64, family: u32, encoded: &Encoded) -> Applied<ReleaseOutcome> {
        let Encoded { label, retention, ref body, .. } = *encoded;
        find::told_next(&self.t.provenances, &self.t.bodies, (observable, family), label, retention, body)
    }

    fn release_unnamed(&mut self, audience: &Audience, encoded: &Encoded, said: Option<&Said>, at: Timestamp) -> Applied<ReleaseOutcome> {
        let digest = sha256_framed("watchfire/unnamed/v1", &[&audience_bytes(audience), &[encoded.kind], &encoded.body]);
        if self.t.unnamed.insert((at.0, &digest), ())?.is_some() {
            return Ok(ReleaseOutcome::Duplicate);
        }
        self.t.unnamed.retain_in((0, &[0; 32])..(at.0.saturating_sub(UNNAMED_MS), &[0; 32]), |_, _| false)?;
        let waiting = self.put_waiting(audience, encoded, None, 0, at)?;
        self.count(encoded.kind, 1)?;
        if let (Some(said), Audience::Direct(peer)) = (said, audience) {
            let entry = super::referral::Entry { at, retention: encoded.retention, label: encoded.label };
            self.say(peer, said, &encoded.body, waiting.body, entry)?;
        }
        Ok(ReleaseOutcome::NEWS)
    }

    fn put_waiting(
        &mut self,
        audience: &Audience,
        encoded: &Encoded,
        record: Option<RecordId>,
        observable: u64,
        at: Timestamp,
    ) -> Applied<WaitingRow> {
        let Encoded { kind, label, retention, .. } = *encoded;
        let body = self.put_body(&encoded.body)?;
        let body_length = u32::try_from(encoded.body.len()).unwrap_or(u32::MAX);
        let row = WaitingRow { created: at, kind, label, retention, body, body_length, record, observable };
        self.counters.waiting += 1;
        self.later_waiting((audience_bytes(audience), self.counters.waiting), &row);
        Ok(row)
    }

    /// Writes the lines of what really leaves: each is filled in over the queued items of its kind and label.
    pub(super) fn disclose(&mut self, items: &[ReleaseItem], outcomes: &[ReleaseOutcome], disclosures: &[Disclosure]) -> Applied<()> {
        let queued = items.iter().zip(outcomes).filter(|(_, outcome)| outcome.is_queued());
        let records: Vec<_> = queued.map(|(item, _)| (item.record, item.released.get(), &item.findings)).collect();
        for (line, ids) in disclosures.iter().filter_map(|template| filled(template, &records)) {
            self.put_disclosure(&line)?;
            if !ids.is_empty() {
                self.t.disclosed.insert(self.counters.disclosure, ids.as_slice())?;
            }
        }
        Ok(())
    }

    fn put_disclosure(&mut self, disclosure: &Disclosure) -> Applied<()> {
        let before = match self.t.disclosures.get(self.counters.disclosure)? {
            Some(bytes) => find::decoded::<DisclosureRow>("disclosures", &self.counters.disclosure, bytes.value())?.hash,
            None => [0; 32],
        };
        let row = DisclosureRow::chain(&before, serde_json::to_string(disclosure).unwrap_or_default());
        self.counters.disclosure += 1;
        self.t.disclosures.insert(self.counters.disclosure, row.encode().as_slice())?;
        Ok(())
    }
}
