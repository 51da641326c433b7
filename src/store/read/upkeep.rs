//! What links and upkeep look at: recalls to be passed on, what waits, what has expired.

use super::{Provenance, Read, Snapshot};
use crate::model::log::{AbsentReason, Audience, Body};
use crate::model::{LogId, OrgId, Timestamp};
use crate::rules::label::Held;
use crate::rules::retain::{has_expired, has_outlived};
use crate::store::body::get_body;
use crate::store::change::RecallRow;
use crate::store::codec::audience_bytes;
use crate::store::error::ReadError;
use crate::store::find;
use crate::store::rows::EntryRow;
use crate::store::tables::{AHEAD, BODIES, ENTRIES, RECALL_TOLD, RECALLS, WAITING};
use redb::ReadableTable;
use std::collections::{BTreeMap, BTreeSet};

impl Snapshot {
    /// The recalls that we made or passed on, each with its id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn recalls(&self) -> Read<Vec<([u8; 32], RecallRow)>> {
        let mut recalls = Vec::new();
        for row in self.table(RECALLS)?.iter()? {
            let (key, bytes) = row?;
            recalls.push((*key.value(), find::decoded("recalls", &key.value(), bytes.value())?));
        }
        Ok(recalls)
    }

    /// As [`Self::recalls`], without those that were sent to a peer or that it has said it has: none of these is read.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn untold_recalls(&self, peer: &OrgId, sent: &BTreeSet<[u8; 32]>) -> Read<Vec<([u8; 32], RecallRow)>> {
        let mut recalls = Vec::new();
        for row in self.table(RECALLS)?.iter()? {
            let (key, bytes) = row?;
            if !sent.contains(key.value()) && !self.recall_told(key.value(), peer)? {
                recalls.push((*key.value(), find::decoded("recalls", &key.value(), bytes.value())?));
            }
        }
        Ok(recalls)
    }

    /// The recall with that id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn recall(&self, id: &[u8; 32]) -> Read<Option<RecallRow>> {
        self.row(RECALLS, "recalls", id)
    }

    /// The body behind a provenance.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn body_of(&self, provenance: &Provenance) -> Read<Held<Vec<u8>>> {
        Ok(Held(get_body::<ReadError>(&*self.table(BODIES)?, provenance.body)?))
    }

    /// Why a received body is absent, where it is.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn absent_reason(&self, log: &LogId, seq: u64) -> Read<Option<AbsentReason>> {
        Ok(self.entry(log, seq)?.and_then(|(Held(entry), _)| match entry.body {
            Body::Absent { reason, .. } => Some(reason),
            Body::Present(_) => None,
        }))
    }

    /// Whether a recall is known.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn has_recall(&self, id: &[u8; 32]) -> Read<bool> {
        Ok(self.table(RECALLS)?.get(id)?.is_some())
    }

    /// Whether a peer has said that it has a recall durably.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn recall_told(&self, recall: &[u8; 32], peer: &OrgId) -> Read<bool> {
        Ok(self.table(RECALL_TOLD)?.get((recall, &peer.0))?.is_some())
    }

    /// How many positions of entries that have not come an author has taken back.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn ahead(&self, author: &OrgId) -> Read<u64> {
        Ok(self.table(AHEAD)?.get(&author.0)?.map_or(0, |count| count.value()))
    }

    /// How many released records wait for positions in our log to an audience.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn waiting_count(&self, audience: &Audience) -> Read<u64> {
        let key = audience_bytes(audience);
        Ok(self.table(WAITING)?.range((&key, 0)..=(&key, u64::MAX))?.count() as u64)
    }

    /// Positions that have a body past its retention date, by log: at most `limit`. Looks at every entry.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn expired(&self, now: Timestamp, limit: usize) -> Read<Vec<(LogId, Vec<u64>)>> {
        let mut expired: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
        let mut count = 0;
        for row in self.table(ENTRIES)?.iter()? {
            let (key, bytes) = row?;
            let (no, seq) = key.value();
            let entry: EntryRow = find::decoded("entries", &key.value(), bytes.value())?;
            // What was too much for the board stands nowhere else; its author's word on when it was made is all there is.
            let goes = has_expired(entry.retention, now) || has_outlived(entry.kind, entry.created, now);
            if entry.body.is_ok() && goes {
                expired.entry(no).or_default().push(seq);
                count += 1;
                if count == limit {
                    break;
                }
            }
        }
        expired.into_iter().map(|(no, seqs)| Ok((self.log_row(no)?.key.id(), seqs))).collect()
    }
}
