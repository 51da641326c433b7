//! Released records get their positions: batches are chained and signed.
//!
//! A copied data directory cannot know that it is old. So a log grows only after a reader's `Have` was seen since the start: a
//! reader that holds more than we do tells us that we are a copy, before anything is signed twice.

use super::{Node, NodeError};
use crate::model::Timestamp;
use crate::model::crypto::{SigningKey, random};
use crate::model::log::{Audience, BATCH_BYTES_MAX, BATCH_ENTRIES_MAX, Batch, BatchError, Head, Header, LogKey};
use crate::store::change::{Change, Outcome};
use crate::store::{CommitError, Waiting};

impl Node {
    /// Positions what waits for an audience, if a reader of it was seen. Sessions are told of each batch.
    pub(super) async fn position(&self, audience: Audience) -> Result<(), NodeError> {
        // After a restore it may have had its position already, and have been recalled since.
        if self.holds_back(&self.store.snapshot()?)? || !self.a_reader_was_seen(audience)? {
            return Ok(());
        }
        let _one_at_a_time = self.positioning.lock().await;
        if !self.fix_last_position(audience).await? {
            return Ok(());
        }
        while self.position_batch(audience).await? {
            self.touch();
        }
        Ok(())
    }

    fn a_reader_was_seen(&self, audience: Audience) -> Result<bool, NodeError> {
        let definition = match audience {
            Audience::Direct(org) => return Ok(self.memory().seen.contains(&org)),
            Audience::Group(group) => self.definition(&self.store.snapshot()?, &group)?,
        };
        let memory = self.memory();
        Ok(definition.is_some_and(|definition| memory.seen.iter().any(|org| definition.has(org))))
    }

    /// Positions whatever waits and may be.
    pub(super) async fn position_all(&self) -> Result<(), NodeError> {
        for audience in self.store.snapshot()?.waiting_audiences()? {
            self.position(audience).await?;
        }
        Ok(())
    }

    /// Positions one batch; `false` when nothing waits.
    async fn position_batch(&self, audience: Audience) -> Result<bool, NodeError> {
        let snapshot = self.store.snapshot()?;
        let waiting = snapshot.waiting(&audience, BATCH_ENTRIES_MAX, BATCH_BYTES_MAX)?;
        if waiting.is_empty() {
            return Ok(false);
        }
        let log = LogKey { author: self.org(), incarnation: snapshot.incarnation()?, audience };
        let head = snapshot.log(&log.id())?.map(|row| row.head).unwrap_or_default();
        self.append(log, head, waiting, &self.keys.log_key()).await?;
        Ok(true)
    }

    /// Seals waiting records behind a log's head and appends them.
    pub(super) async fn append(&self, log: LogKey, head: Head, waiting: Vec<Waiting>, key: &SigningKey) -> Result<(), NodeError> {
        let at = self.clock.now();
        let definition = match log.audience {
            Audience::Direct(_) => 0,
            Audience::Group(group) => self.store.snapshot()?.group(&group)?.map_or(0, |row| row.number),
        };
        let (numbers, batch, headers) = seal(log, head, waiting, at, definition, key)?;
        match self.store.commit(Change::Append { log, batch, headers, waiting: numbers, at }).await {
            Ok(Outcome::Done) => Ok(()),
            Ok(other) => Err(NodeError::Internal(format!("an append had the outcome {other:?}"))),
            // Something else moved the log (a fetched tail, a new incarnation): look again.
            Err(CommitError::Refused(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Our logs go on in the next incarnation: a restore was declared.
    ///
    /// # Errors
    /// When the store takes no changes.
    pub async fn next_incarnation(&self) -> Result<u64, NodeError> {
        let now = self.store.snapshot()?.incarnation()?;
        // Another may have left it at the same moment, which is as good.
        match self.leave_incarnation(now).await? {
            Some(next) => Ok(next),
            None => Ok(self.store.snapshot()?.incarnation()?),
        }
    }

    /// A log of ours has two histories: the proof is kept and our logs go on in an incarnation after this one, both or neither, since
    /// in a log that is halted nothing gets a position.
    pub(super) async fn leave_forked(&self, left: u64, evidence: Change) -> Result<(), NodeError> {
        let next = (left + 1).max(self.clock.now().0 / 1_000);
        {
            let _one_at_a_time = self.positioning.lock().await;
            self.store.commit_many(vec![evidence, Change::Incarnation(next)]).await?;
        }
        tracing::warn!("our logs go on in a new incarnation");
        self.position_all().await?;
        self.touch();
        Ok(())
    }

    /// Our logs go on in an incarnation after this one, unless they do already: a reader holds of it what we do not. Several readers
    /// tell us the same, and one new incarnation is enough.
    ///
    /// Its number is at least the time in seconds, so that two restores of one copy do not open the same one.
    ///
    /// # Errors
    /// When the store takes no changes.
    pub(super) async fn leave_incarnation(&self, left: u64) -> Result<Option<u64>, NodeError> {
        let next = (left + 1).max(self.clock.now().0 / 1_000);
        {
            let _one_at_a_time = self.positioning.lock().await;
            if self.store.snapshot()?.incarnation()? > left {
                return Ok(None);
            }
            self.commit(Change::Incarnation(next)).await?;
        }
        tracing::warn!(incarnation = next, "our logs go on in a new incarnation");
        self.position_all().await?;
        self.touch();
        Ok(Some(next))
    }
}

fn seal(
    log: LogKey,
    head: Head,
    waiting: Vec<Waiting>,
    at: Timestamp,
    definition: u64,
    key: &SigningKey,
) -> Result<(Vec<u64>, Batch, Vec<Header>), NodeError> {
    let internal = |error: BatchError| NodeError::Internal(format!("a batch of ours: {error}"));
    let numbers = waiting.iter().map(|item| item.n).collect();
    let entries = waiting.into_iter().map(|item| item.entry).collect();
    let batch = Batch::seal(log.id(), head, entries, random(), at, definition, key).map_err(internal)?;
    let headers = batch.chain(log.id(), head).map_err(internal)?.into_iter().map(|entry| entry.header).collect();
    Ok((numbers, batch, headers))
}
