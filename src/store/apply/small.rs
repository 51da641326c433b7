//! What is kept as it comes: acknowledgements, receipts, peers, groups, suspicious bytes, the node's own values.

use super::{Applied, Tx};
use crate::model::group::SignedDefinition;
use crate::model::record::ReceiptOutcome;
use crate::model::{GroupId, LogId, OrgId, Timestamp};
use crate::store::change::{Consent, ExportRow, GroupRow, Outcome, PeerRow, RecallRow};
use crate::store::codec::Row;
use crate::store::error::Fault;
use crate::store::find;
use crate::store::rows::{ReceiptRow, SuspiciousRow};
use redb::{ReadableTable, ReadableTableMetadata};

/// Suspicious bytes are kept up to here.
const SUSPICIOUS_BYTES_MAX: usize = 64 << 10;
/// So many of them are kept, the newest.
const SUSPICIOUS_MAX: u64 = 1_000;

impl Tx<'_> {
    pub(super) fn acked(&mut self, peer: &OrgId, log: &LogId, through: u64, verdicts: &[(u64, u8)], at: Timestamp) -> Applied<Outcome> {
        let Some(log) = self.log(log)? else { return Ok(Outcome::Done) };
        let before = self.t.acks.get((log.no, &peer.0))?.map(|ack| ack.value());
        if before.is_none_or(|(before, _)| before < through) {
            self.t.acks.insert((log.no, &peer.0), (through, at.0))?;
        }
        for (seq, verdict) in verdicts.iter().filter(|(seq, _)| *seq <= log.row.head.size) {
            self.t.verdicts.insert((log.no, *seq, &peer.0), *verdict)?;
        }
        Ok(Outcome::Done)
    }

    /// The first word of a holder stands, except that destroyed outweighs all others.
    pub(super) fn receipt(&mut self, holder: &OrgId, log: &LogId, outcomes: &[(u64, ReceiptOutcome)], at: Timestamp) -> Applied<Outcome> {
        for (seq, outcome) in outcomes {
            let key = (&log.0, *seq, &holder.0);
            let before: Option<ReceiptRow> = find::row::<_, _, Fault>(&self.t.receipts, "receipts", key)?;
            if before.is_none_or(|before| before.at <= at && before.outcome != ReceiptOutcome::Destroyed) {
                self.t.receipts.insert(key, ReceiptRow { outcome: *outcome, at }.encode().as_slice())?;
            }
        }
        Ok(Outcome::Done)
    }

    pub(super) fn put_peer(&mut self, row: &PeerRow) -> Applied<Outcome> {
        self.t.peers.insert(&row.org.0, row.encode().as_slice())?;
        Ok(Outcome::Done)
    }

    /// A newer card alone: where the peer stands is the operator's word, whatever comes at the same moment.
    pub(super) fn put_card(&mut self, org: &OrgId, card: &[u8]) -> Applied<Outcome> {
        if let Some(mut row) = find::row::<PeerRow, _, Fault>(&self.t.peers, "peers", &org.0)? {
            row.card = card.to_vec();
            self.put_peer(&row)?;
        }
        Ok(Outcome::Done)
    }

    pub(super) fn put_group(&mut self, row: &GroupRow) -> Applied<Outcome> {
        // Two links may bring two definitions at once: the highest number wins and never goes back.
        let before = find::row::<GroupRow, _, Fault>(&self.t.groups, "groups", &row.group.0)?;
        if before.is_none_or(|before| before.number < row.number || before.definition == row.definition) {
            self.t.groups.insert(&row.group.0, row.encode().as_slice())?;
        }
        Ok(Outcome::Done)
    }

    pub(super) fn recall(&mut self, id: &[u8; 32], row: &RecallRow) -> Applied<Outcome> {
        if self.t.recalls.get(id)?.is_none() {
            self.t.recalls.insert(id, row.encode().as_slice())?;
        }
        Ok(Outcome::Done)
    }

    pub(super) fn recall_told(&mut self, peer: &OrgId, recall: &[u8; 32], at: Timestamp) -> Applied<Outcome> {
        if self.t.recalls.get(recall)?.is_some() && self.t.recall_told.get((recall, &peer.0))?.is_none() {
            self.t.recall_told.insert((recall, &peer.0), at.0)?;
        }
        Ok(Outcome::Done)
    }

    pub(super) fn recalls_untold(&mut self, peer: &OrgId) -> Applied<Outcome> {
        self.t.recall_told.retain(|(_, told), _| *told != peer.0)?;
        Ok(Outcome::Done)
    }

    pub(super) fn put_roster(&mut self, group: &GroupId, roster: Option<&SignedDefinition>) -> Applied<Outcome> {
        match roster {
            Some(roster) => drop(self.t.rosters.insert(&group.0, roster.encode().as_slice())?),
            None => drop(self.t.rosters.remove(&group.0)?),
        }
        Ok(Outcome::Done)
    }

    pub(super) fn consent(&mut self, group: &GroupId, consent: Consent) -> Applied<Outcome> {
        self.t.consents.insert(&group.0, consent as u8)?;
        Ok(Outcome::Done)
    }

    pub(super) fn exported(&mut self, row: &ExportRow) -> Applied<Outcome> {
        let last = self.t.exports.last()?.map(|(n, row)| (n.value(), row.value().to_vec()));
        if last.as_ref().is_some_and(|(_, last)| *last == row.encode()) {
            return Ok(Outcome::Done);
        }
        self.t.exports.insert(last.map_or(1, |(n, _)| n + 1), row.encode().as_slice())?;
        while self.t.exports.len()? > self.exports_max {
            self.t.exports.pop_first()?;
        }
        Ok(Outcome::Done)
    }

    pub(super) fn suspicious(&mut self, peer: &OrgId, what: &str, bytes: &[u8], at: Timestamp) -> Applied<Outcome> {
        let bytes = bytes[..bytes.len().min(SUSPICIOUS_BYTES_MAX)].to_vec();
        let row = SuspiciousRow { peer: *peer, at, what: what.chars().take(500).collect(), bytes }.encode();
        for kept in self.t.suspicious.iter()?.rev().take(64) {
            if kept?.1.value() == row.as_slice() {
                return Ok(Outcome::Done);
            }
        }
        self.counters.suspicious += 1;
        self.t.suspicious.insert(self.counters.suspicious, row.as_slice())?;
        if self.t.suspicious.len()? > SUSPICIOUS_MAX {
            self.t.suspicious.pop_first()?;
        }
        Ok(Outcome::Done)
    }

    pub(super) fn owe(&mut self, log: &LogId, first: u64, owed: bool) -> Applied<Outcome> {
        match owed {
            true => drop(self.t.owed.insert((&log.0, first), ())?),
            false => drop(self.t.owed.remove((&log.0, first))?),
        }
        Ok(Outcome::Done)
    }

    pub(super) fn put(&mut self, name: &str, value: Option<&[u8]>) -> Applied<Outcome> {
        match value {
            Some(value) => drop(self.t.named.insert(name, value)?),
            None => drop(self.t.named.remove(name)?),
        }
        Ok(Outcome::Done)
    }
}
