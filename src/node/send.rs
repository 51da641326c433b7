//! What a session may send: decided anew at each send, catch-up and relay included.

use std::collections::BTreeMap;

use super::{Node, NodeError};
use crate::link::convert::SaltedBody;
use crate::model::log::{AbsentReason, Audience, Batch, Body, Checkpoint, LogKey};
use crate::model::{LogId, OrgId, Tlp};
use crate::rules::label::{Held, Outbound, may_offer, may_send_body, outbound};
use crate::store::change::{Change, Meaning, Received, Verdict};

/// What comes next in a log for a reader.
#[derive(Debug)]
pub enum Next {
    /// The reader has it all, or may not have it.
    Nothing,
    /// The batch that holds the position.
    Batch(LogKey, Outbound<Batch>),
    /// The log starts here for this reader: the group gives new members no history.
    Start(LogKey, Checkpoint),
}

impl Node {
    /// What comes next for a reader that has everything before `from`. `fresh` says that it holds nothing of the log.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn next_for(&self, peer: &OrgId, log: &LogId, from: u64, fresh: bool) -> Result<Next, NodeError> {
        let snapshot = self.store.snapshot()?;
        let Some(row) = snapshot.log(log)? else { return Ok(Next::Nothing) };
        let group = match row.key.audience {
            Audience::Group(group) => self.definition(&snapshot, &group)?,
            Audience::Direct(_) => None,
        };
        if may_offer(&row.key, &self.org(), peer, group.as_ref()).is_err() || from > row.head.size {
            return Ok(Next::Nothing);
        }
        // A restored node gives nobody but its author what may have been recalled since; the reader waits, and is woken.
        if row.key.author != *peer && self.holds_back(&snapshot)? {
            return Ok(Next::Nothing);
        }
        let start = if from == 1 || fresh { self.start_for(&snapshot, peer, &row.key)? } else { None };
        if let Some(start) = start {
            return Ok(Next::Start(row.key, start));
        }
        let Some(held) = snapshot.batch_at(log, from.max(row.start + 1))? else { return Ok(Next::Nothing) };
        match outbound(held, &row.key, &self.org(), peer, group.as_ref()) {
            Ok(batch) => Ok(Next::Batch(row.key, batch)),
            Err(_) => Ok(Next::Nothing),
        }
    }

    /// Bodies that a reader lacks, as many as fit `budget` bytes.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn bodies_for(&self, peer: &OrgId, log: &LogId, seqs: &[u64], budget: usize) -> Result<Vec<SaltedBody>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let Some(row) = snapshot.log(log)? else { return Ok(Vec::new()) };
        let group = match row.key.audience {
            Audience::Group(group) => self.definition(&snapshot, &group)?,
            Audience::Direct(_) => None,
        };
        if may_offer(&row.key, &self.org(), peer, group.as_ref()).is_err() {
            return Ok(Vec::new());
        }
        if row.key.author != *peer && self.holds_back(&snapshot)? {
            return Ok(Vec::new());
        }
        let start = self.start_for(&snapshot, peer, &row.key)?.map_or(0, |start| start.head.size);
        let mut bodies = Vec::new();
        let mut total = 0;
        for seq in seqs.iter().filter(|seq| **seq > start) {
            let Some((Held(entry), _)) = snapshot.entry(log, *seq)? else { continue };
            let (Body::Present(body), Some(salt)) = (entry.body, entry.salt) else { continue };
            if may_send_body(entry.header.kind, entry.header.tlp, &row.key.author, &self.org(), peer).is_err() {
                continue;
            }
            total += body.len() + 64;
            if total > budget {
                break;
            }
            bodies.push((*seq, salt, body));
        }
        Ok(bodies)
    }

    /// Positions of a peer's own logs whose bodies we lack and may ask it for: behind those asked for in each log before, at most
    /// `limit` of each.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn lacking(&self, peer: &OrgId, asked: &BTreeMap<LogId, u64>, limit: usize) -> Result<Vec<(LogId, Vec<u64>)>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let mut lacking = Vec::new();
        for row in snapshot.logs()? {
            if row.key.author == *peer {
                let before = asked.get(&row.id).copied().unwrap_or_default();
                let absent = snapshot.absent(&row.id, usize::MAX)?.into_iter();
                let may_come = absent.filter(|(seq, reason)| *seq > before && may_come_later(*reason));
                let seqs: Vec<u64> = may_come.map(|(seq, _)| seq).take(limit).collect();
                if !seqs.is_empty() {
                    lacking.push((row.key.id(), seqs));
                }
            }
        }
        Ok(lacking)
    }

    /// Takes bodies that were asked for; those that do not fit their header are dropped.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn fill(&self, peer: &OrgId, log: &LogId, items: Vec<SaltedBody>) -> Result<(), NodeError> {
        let snapshot = self.store.snapshot()?;
        let Some(row) = snapshot.log(log)? else { return Ok(()) };
        for (seq, salt, body) in items {
            let Some(header) = snapshot.header(log, seq)? else { continue };
            let red_in_group = header.tlp == Tlp::Red && matches!(row.key.audience, Audience::Group(_));
            let asked_for = snapshot.absent_reason(log, seq)?.is_some_and(may_come_later) && row.key.author == *peer;
            if red_in_group || !asked_for || crate::model::log::body_hash(&salt, &body) != header.body_hash {
                continue;
            }
            let received = match self.understand_body(&row.key, header.kind, &body) {
                Ok(meaning) => Received { header, verdict: Verdict::Accepted, problem: None, meaning },
                Err((verdict, problem)) => Received { header, verdict, problem: Some(problem.to_owned()), meaning: Meaning::None },
            };
            self.commit(Change::Fill { log: *log, seq, salt, body, received, at: self.clock.now() }).await?;
        }
        self.touch();
        Ok(())
    }

    /// A peer has entries durably.
    ///
    /// # Errors
    /// When the store takes no changes.
    pub async fn acked(&self, peer: OrgId, log: LogId, through: u64, verdicts: Vec<(u64, u8)>) -> Result<(), NodeError> {
        self.commit(Change::Acked { peer, log, through, verdicts, at: self.clock.now() }).await?;
        Ok(())
    }
}

impl Node {
    /// A peer asks for a log of ours from here on: it holds what comes before, perhaps from a relay, and has never told us.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn asked_from(&self, peer: OrgId, log: LogId, from: u64) -> Result<(), NodeError> {
        let snapshot = self.store.snapshot()?;
        let Some(row) = snapshot.log(&log)?.filter(|row| row.key.author == self.org()) else { return Ok(()) };
        let through = from.saturating_sub(1);
        let news = !snapshot.acks(&log)?.into_iter().any(|ack| ack.peer == peer && ack.through >= through);
        if news && (1..=row.head.size).contains(&through) {
            self.acked(peer, log, through, Vec::new()).await?;
        }
        Ok(())
    }
}

const fn may_come_later(reason: AbsentReason) -> bool {
    matches!(reason, AbsentReason::Withheld | AbsentReason::NeverHeld)
}
