//! Released records get their positions: batches are chained and signed.
//!
//! A copied data directory cannot know that it is old. So a log grows only after a reader's `Have` was seen since the start: a
//! reader that holds more than we do tells us that we are a copy, before anything is signed twice.

use std::collections::VecDeque;

use super::share::Remarks;
use super::{Node, NodeError};
use crate::model::Timestamp;
use crate::model::crypto::{SigningKey, random};
use crate::model::log::{Audience, BATCH_BYTES_MAX, BATCH_ENTRIES_MAX, Batch, BatchEntry, BatchError, Body, Header, LogKey};
use crate::rules::label::{Held, Outbound, outbound};
use crate::rules::release::Encoded;
use crate::store::change::{Change, Refused, ReleaseItem, ReleaseOutcome};
use crate::store::{CommitError, Snapshot, Waiting};

/// So many full batches get their positions in one transaction.
const BATCHES_AT_ONCE: usize = 10;

/// The time, and batches with the headers of their entries.
type Sealed = (Timestamp, Vec<(Batch, Vec<Header>)>);

impl Node {
    /// Positions what waits for an audience, if a reader of it was seen. Sessions are told of each batch.
    pub(super) async fn position(&self, audience: Audience) -> Result<(), NodeError> {
        // After a restore it may have had its position already, and have been recalled since.
        if self.holds_back(&self.store.snapshot()?)? || !self.a_reader_was_seen(audience)? {
            return Ok(());
        }
        let _one_at_a_time = self.positioning.lock().await;
        self.position_what_waits(audience).await.map(|_| ())
    }

    /// As [`Self::position`], of what is durable already: what cannot get a position now gets it from the upkeep.
    pub(super) async fn position_or_later(&self, audience: Audience) {
        if let Err(error) = self.position(audience).await {
            tracing::warn!(code = error.code(), "what was released waits for its position");
        }
    }

    /// As [`Self::position`], for whoever holds the lock on positions. `false` where nothing can get one now.
    async fn position_what_waits(&self, audience: Audience) -> Result<bool, NodeError> {
        // A restore may have been declared while the lock was waited for.
        if self.holds_back(&self.store.snapshot()?)? || !self.fix_last_position(audience).await? {
            return Ok(false);
        }
        while self.position_some(audience).await? {
            self.touch();
        }
        Ok(true)
    }

    fn a_reader_was_seen(&self, audience: Audience) -> Result<bool, NodeError> {
        #[cfg(feature = "simulation")]
        if crate::simulation::planted(crate::simulation::Bug::ReusePosition) {
            return Ok(true);
        }
        let definition = match audience {
            Audience::Direct(org) => return Ok(self.memory().seen.contains(&org)),
            Audience::Group(group) => self.definition(&self.store.snapshot()?, &group)?,
        };
        let memory = self.memory();
        Ok(definition.is_some_and(|definition| memory.seen.iter().any(|org| definition.has(org))))
    }

    /// Positions whatever waits and may be.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn position_all(&self) -> Result<(), NodeError> {
        for audience in self.store.snapshot()?.waiting_audiences()? {
            self.position(audience).await?;
        }
        Ok(())
    }

    /// Positions what waits, as much as one transaction should take; `false` when nothing waits.
    async fn position_some(&self, audience: Audience) -> Result<bool, NodeError> {
        let snapshot = self.store.snapshot()?;
        let waiting = snapshot.waiting(&audience, BATCHES_AT_ONCE * BATCH_ENTRIES_MAX, BATCHES_AT_ONCE * BATCH_BYTES_MAX)?;
        if waiting.is_empty() {
            return Ok(false);
        }
        let log = LogKey { author: self.org(), incarnation: snapshot.incarnation()?, audience };
        self.append(snapshot, log, waiting, &self.keys.log_key()).await
    }

    /// Seals waiting records behind the head that a log of ours has in a snapshot, with one of our keys, and appends them. `false` when there is no sense in
    /// looking again at once.
    pub(super) async fn append(&self, snapshot: Snapshot, log: LogKey, waiting: Vec<Waiting>, key: &SigningKey) -> Result<bool, NodeError> {
        let (mut numbers, entries): (VecDeque<u64>, Vec<BatchEntry>) = waiting.into_iter().map(|item| (item.n, item.entry)).unzip();
        let (_, batches) = self.seal(&snapshot, log, entries, key)?;
        drop(snapshot);
        let append = |(batch, headers): (Batch, Vec<Header>)| {
            let waiting = numbers.drain(..headers.len()).collect();
            Change::Append { log, batch, headers, waiting }
        };
        match self.commit_many(batches.into_iter().map(append).collect()).await {
            Ok(_) => Ok(true),
            // Closed because two histories of it are proven: it goes on in the next incarnation, which cannot be opened while we hold on.
            Err(CommitError::Refused(Refused::LogClosed)) => Ok(self.store.snapshot()?.incarnation()? != log.incarnation),
            // Something else moved the log (a fetched tail, a new incarnation): look again.
            Err(CommitError::Refused(_)) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Releases indicators, or one message about a referral, and gives them their positions in one transaction, with the changes `beside`: what a
    /// reader waits for leaves after one sync. `None` where that cannot be, and they are to wait for their positions: no reader was seen, or
    /// they are not simply news.
    pub(super) async fn publish(
        &self,
        audience: Audience,
        items: &[ReleaseItem],
        remarks: &Remarks,
        at: Timestamp,
        beside: &[Change],
    ) -> Result<Option<Vec<ReleaseOutcome>>, NodeError> {
        let is_indicator = |item: &ReleaseItem| item.record.is_some() && item.released.get().observable.is_some();
        let is_message = matches!(items, [one] if one.said.is_some());
        // Of a value that is said twice the last word counts, which only the store can tell. They stand in order.
        if items.windows(2).any(|pair| pair[0].released.get().observable == pair[1].released.get().observable) {
            return Ok(None);
        }
        // As in `position`: a restored node gives no positions.
        if !(is_message || items.iter().all(is_indicator))
            || self.holds_back(&self.store.snapshot()?)?
            || !self.a_reader_was_seen(audience)?
        {
            return Ok(None);
        }
        let _one_at_a_time = self.positioning.lock().await;
        match self.position_what_waits(audience).await {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            // What stands in the queue keeps nobody from writing down what is said.
            Err(error) if is_message => {
                tracing::warn!(code = error.code(), "what was released waits for its position");
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        let snapshot = self.store.snapshot()?;
        let mut outcomes = Vec::with_capacity(items.len());
        for item in items {
            outcomes.push(foreseen(&snapshot, &audience, item)?);
        }
        let news = items.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_queued());
        let news: Vec<ReleaseItem> = news.map(|(item, _)| item.clone()).collect();
        // What is held leaves as it was held, or is held anew.
        if !beside.is_empty() && news.len() < items.len() {
            return Ok(None);
        }
        if news.is_empty() {
            return Ok(Some(outcomes));
        }
        let log = LogKey { author: self.org(), incarnation: snapshot.incarnation()?, audience };
        let (_, batches) = self.seal(&snapshot, log, news.iter().map(|item| entry_of(item, at)).collect(), &self.keys.log_key())?;
        let outbound = self.outbound_to_one_that_was_seen(&snapshot, &log, &batches)?;
        drop(snapshot);
        let disclosures = super::share::disclosures(audience, &news, at, remarks);
        let life = self.packed.life();
        let publish = Change::Publish { log, batches, items: news, disclosures, at };
        let commit = self.commit_many(std::iter::once(publish).chain(beside.iter().cloned()).collect());
        // What is to leave after the sync is packed while the disk works. If it is refused, nobody asks for it.
        let pack = async { self.packed.prepare(&log, &outbound, life) };
        let (committed, ()) = tokio::join!(commit, pack);
        match committed {
            Ok(_) => {
                self.touch();
                Ok(Some(outcomes))
            }
            // They are not all news after all, or something else moved the log.
            Err(CommitError::Refused(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The change that releases a record and gives it its position, where that can be without a wait: a reader was seen, nothing comes before it, and no key
    /// of ours has changed. To be called by whoever holds the lock on positions.
    pub(super) fn publish_at_once(&self, audience: Audience, item: ReleaseItem, remarks: &Remarks) -> Result<Option<Change>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let comes_next = snapshot.waiting(&audience, 1, 0)?.is_empty() && self.keys.former_log_keys().is_empty();
        if !comes_next || self.holds_back(&snapshot)? || !self.a_reader_was_seen(audience)? {
            return Ok(None);
        }
        let (at, items) = (self.clock.now(), vec![item]);
        let log = LogKey { author: self.org(), incarnation: snapshot.incarnation()?, audience };
        let (_, batches) = self.seal(&snapshot, log, items.iter().map(|item| entry_of(item, at)).collect(), &self.keys.log_key())?;
        let disclosures = super::share::disclosures(audience, &items, at, remarks);
        Ok(Some(Change::Publish { log, batches, items, disclosures, at }))
    }

    /// Batches of ours as one of their group's members may have them that was seen; none in a direct log, whose batches are not kept packed.
    fn outbound_to_one_that_was_seen(
        &self,
        snapshot: &Snapshot,
        log: &LogKey,
        batches: &[(Batch, Vec<Header>)],
    ) -> Result<Vec<Outbound<Batch>>, NodeError> {
        let Audience::Group(group) = log.audience else { return Ok(Vec::new()) };
        let definition = self.definition(snapshot, &group)?;
        let seen = definition.and_then(|definition| self.memory().seen.iter().find(|org| definition.has(org)).copied());
        let Some(reader) = seen else { return Ok(Vec::new()) };
        let path = self.path(snapshot, log, &reader)?;
        Ok(batches.iter().filter_map(|(batch, _)| outbound(Held(batch.clone()), &path.way()).ok()).collect())
    }

    /// Chains and signs entries behind the head of a log of ours, in as many batches as they need.
    fn seal(&self, snapshot: &Snapshot, log: LogKey, entries: Vec<BatchEntry>, key: &SigningKey) -> Result<Sealed, NodeError> {
        let internal = |error: BatchError| NodeError::Internal(format!("a batch of ours: {error}"));
        let id = log.id();
        let definition = match log.audience {
            Audience::Direct(_) => 0,
            Audience::Group(group) => snapshot.group(&group)?.map_or(0, |row| row.number),
        };
        let mut head = snapshot.log(&id)?.map(|row| row.head).unwrap_or_default();
        let at = self.clock.now();
        let mut batches = Vec::new();
        for entries in batched(entries) {
            let sealed = Batch::seal_with_headers(id, head, entries, random(), at, definition, key).map_err(internal)?;
            head = sealed.0.checkpoint.head;
            batches.push(sealed);
        }
        Ok((at, batches))
    }

    /// Our logs go on in the next incarnation: a restore was declared.
    ///
    /// # Errors
    /// When the store takes no changes.
    pub async fn next_incarnation(&self) -> Result<u64, NodeError> {
        let now = self.store.snapshot()?.incarnation()?;
        // Another may have left it at the same moment, which is as good.
        match self.leave_incarnation(now, None).await? {
            Some(next) => Ok(next),
            None => Ok(self.store.snapshot()?.incarnation()?),
        }
    }

    /// Our logs go on in an incarnation after this one, unless they do already: a reader holds of it what we do not, or a log of it has two
    /// histories. Several readers tell us the same, and one new incarnation is enough. The proof of a fork is kept with it, both or
    /// neither, since in a log that is halted nothing gets a position.
    ///
    /// # Errors
    /// When the store takes no changes.
    pub(super) async fn leave_incarnation(&self, left: u64, proof: Option<Change>) -> Result<Option<u64>, NodeError> {
        #[cfg(feature = "simulation")]
        if proof.is_none() && crate::simulation::planted(crate::simulation::Bug::ReusePosition) {
            return Ok(None);
        }
        let is_proven = proof.is_some();
        let next = {
            let _one_at_a_time = self.positioning.lock().await;
            // What was asked for by a caller that has gone is made by then.
            self.store.settled().await;
            let is_in_force = self.store.snapshot()?.incarnation()? <= left;
            let next = is_in_force.then(|| incarnation_after(left, self.clock.now()));
            self.commit_many(proof.into_iter().chain(next.map(Change::Incarnation)).collect()).await?;
            next
        };
        if let Some(next) = next {
            tracing::warn!(incarnation = next, "our logs go on in a new incarnation");
        }
        // What a forked log says waits again.
        if is_proven || next.is_some() {
            self.position_all().await?;
            self.touch();
        }
        Ok(next)
    }
}

/// The incarnation after one that is left: at least the time in seconds, so that two restores of one copy do not open the same one.
pub(super) fn incarnation_after(left: u64, now: Timestamp) -> u64 {
    left.saturating_add(1).max(now.0 / 1_000)
}

/// What will become of an item, as far as a snapshot tells.
pub(super) fn foreseen(snapshot: &Snapshot, audience: &Audience, item: &ReleaseItem) -> Result<ReleaseOutcome, NodeError> {
    let (Encoded { observable, label, retention, body, .. }, Some(record)) = (item.released.get(), item.record) else {
        return Ok(ReleaseOutcome::NEWS);
    };
    if snapshot.is_recalled(&record)? {
        return Ok(ReleaseOutcome::Recalled);
    }
    match observable {
        Some(observable) => Ok(snapshot.told_next(audience, observable, (*label, *retention), body)?),
        None => Ok(ReleaseOutcome::NEWS),
    }
}

fn entry_of(item: &ReleaseItem, created: Timestamp) -> BatchEntry {
    let Encoded { kind, label, retention, body, .. } = item.released.get();
    BatchEntry { created, kind: *kind, label: *label, retention: *retention, body: Body::Present(body.clone()) }
}

/// Entries in portions that fit a batch.
fn batched(entries: Vec<BatchEntry>) -> Vec<Vec<BatchEntry>> {
    let mut batches: Vec<Vec<BatchEntry>> = Vec::new();
    let mut bytes = 0;
    for entry in entries {
        let length = match &entry.body {
            Body::Present(body) => body.len(),
            Body::Absent { .. } => 0,
        };
        bytes += length;
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH_ENTRIES_MAX && bytes <= BATCH_BYTES_MAX => batch.push(entry),
            _ => {
                batches.push(vec![entry]);
                bytes = length;
            }
        }
    }
    batches
}
