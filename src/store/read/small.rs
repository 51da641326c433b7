//! Peers, groups, receipts, disclosures, evidence, and the node's own values.

use super::{Read, Snapshot};
use crate::model::crypto::equal;
use crate::model::group::SignedDefinition;
use crate::model::record::ReceiptOutcome;
use crate::model::{GroupId, LogId, OrgId, RecordId, Timestamp};
use crate::store::change::{Consent, ExportRow, GroupRow, PeerRow, Verdict};
use crate::store::codec::Row;
use crate::store::error::Damaged;
use crate::store::find;
use crate::store::rows::{DisclosureRow, ReceiptRow};
use crate::store::tables::{
    CONSENTS, DISCLOSURES, EVIDENCE, EXPORTS, GROUPS, NAMED, OWED, PEERS, QUARANTINE, RECEIPTS, ROSTERS, SUSPICIOUS, TOMBSTONES,
};
use crate::store::{EvidenceRow, QuarantineRow, SuspiciousRow};
use redb::{Key, ReadableTable, TableDefinition};
use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};
use std::ops::RangeInclusive;

/// What a holder said of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptInfo {
    /// The entry's log.
    pub log: LogId,
    /// Its position.
    pub seq: u64,
    /// Who holds it.
    pub holder: OrgId,
    /// What became of it there.
    pub outcome: ReceiptOutcome,
    /// When.
    pub at: Timestamp,
}

/// One line of what left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisclosureLine {
    /// Its number, from 1.
    pub n: u64,
    /// The line: a [`crate::rules::release::Disclosure`] as JSON.
    pub json: String,
    /// SHA-256 over the hash of the line before (all zero before the first) and this line.
    pub hash: [u8; 32],
}

/// An entry that is kept apart, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Its log.
    pub log: LogId,
    /// Its position.
    pub seq: u64,
    /// What is wrong.
    pub row: QuarantineRow,
}

impl Snapshot {
    /// Every peer.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn peers(&self) -> Read<Vec<PeerRow>> {
        self.rows(PEERS, "peers")
    }

    /// A peer.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn peer(&self, org: &OrgId) -> Read<Option<PeerRow>> {
        self.row(PEERS, "peers", &org.0)
    }

    /// Every group.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn groups(&self) -> Read<Vec<GroupRow>> {
        self.rows(GROUPS, "groups")
    }

    /// A group.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn group(&self, group: &GroupId) -> Read<Option<GroupRow>> {
        self.row(GROUPS, "groups", &group.0)
    }

    /// The newest whole definition of a hidden group whose head we are.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn roster(&self, group: &GroupId) -> Read<Option<SignedDefinition>> {
        self.row(ROSTERS, "rosters", &group.0)
    }

    /// Every such definition.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn rosters(&self) -> Read<Vec<SignedDefinition>> {
        self.rows(ROSTERS, "rosters")
    }

    /// The operator's word on a group that another defines, where there is one or it is waited for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn consent(&self, group: &GroupId) -> Read<Option<Consent>> {
        let number = self.table(CONSENTS)?.get(&group.0)?.map(|number| number.value());
        let damaged = || Damaged { table: "consents", key: group.to_string() };
        Ok(number.map(|number| Consent::from_number(number).ok_or_else(damaged)).transpose()?)
    }

    /// The newest exports, each with its number, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn exports(&self) -> Read<Vec<(u64, ExportRow)>> {
        let mut exports = Vec::new();
        for row in self.table(EXPORTS)?.iter()? {
            let (n, bytes) = row?;
            exports.push((n.value(), find::decoded("exports", &n.value(), bytes.value())?));
        }
        Ok(exports)
    }

    /// A value of the node's own.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn get(&self, name: &str) -> Read<Option<Vec<u8>>> {
        Ok(self.table(NAMED)?.get(name)?.map(|value| value.value().to_vec()))
    }

    /// Received batches from which something still follows: log and first position.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn owed(&self) -> Read<Vec<(LogId, u64)>> {
        let table = self.table(OWED)?;
        let batch = |(log, first): (&[u8; 32], u64)| (LogId(*log), first);
        table.iter()?.map(|row| Ok(batch(row?.0.value()))).collect()
    }

    /// Proofs of equivocation.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn evidence(&self) -> Read<Vec<EvidenceRow>> {
        self.rows(EVIDENCE, "evidence")
    }

    /// What failed verification, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn suspicious(&self) -> Read<Vec<SuspiciousRow>> {
        self.rows(SUSPICIOUS, "suspicious")
    }

    /// Entries that are not records of their kind, contradict their audience, or are of a newer kind.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn quarantine(&self) -> Read<Vec<Quarantined>> {
        let mut all = Vec::new();
        for row in self.table(QUARANTINE)?.iter()? {
            let (key, bytes) = row?;
            let (no, seq) = key.value();
            let row = find::decoded("quarantine", &key.value(), bytes.value())?;
            all.push(Quarantined { log: self.log_row(no)?.key.id(), seq, row });
        }
        Ok(all)
    }

    /// Of the entries that are kept apart behind a place, the next so many: those of a kind that was newer than the program that took them,
    /// each with its log, position and kind; and the place to go on from, where there may be more.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[allow(clippy::type_complexity)]
    pub fn unsupported(&self, behind: (u32, u64), many: usize) -> Read<(Vec<(LogId, u64, u8)>, Option<(u32, u64)>)> {
        let (mut found, mut last, mut seen) = (Vec::new(), behind, 0);
        for row in self.table(QUARANTINE)?.range((Excluded(behind), Unbounded))?.take(many) {
            let (key, bytes) = row?;
            (last, seen) = (key.value(), seen + 1);
            let row: QuarantineRow = find::decoded("quarantine", &last, bytes.value())?;
            if row.verdict == Verdict::Unsupported {
                let id = self.log_row(last.0)?.key.id();
                found.extend(self.header(&id, last.1)?.map(|header| (id, last.1, header.kind)));
            }
        }
        Ok((found, (seen == many).then_some(last)))
    }

    /// Where a record of ours stands or stood: the positions that it has, and those that were taken back.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn positions(&self, record: &RecordId) -> Read<Vec<(LogId, u64)>> {
        let mut positions = BTreeSet::new();
        for row in self.table(TOMBSTONES)?.range((&record.0, 1, 0)..=(&record.0, u32::MAX, u64::MAX))? {
            let (_, no, seq) = row?.0.value();
            positions.insert((self.log_row(no)?.key.id(), seq));
        }
        if let Some(found) = self.find(record)? {
            positions.extend(found.provenances.iter().filter(|(one, _)| !one.waiting).map(|(one, _)| (one.log, one.seq)));
        }
        Ok(positions.into_iter().collect())
    }

    /// When we took a record of ours back for good, so that it is not shared again, if we did.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn recalled_at(&self, record: &RecordId) -> Read<Option<Timestamp>> {
        find::recalled_at(&*self.table(TOMBSTONES)?, record)
    }

    /// Whether we took a record of ours back for good.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn is_recalled(&self, record: &RecordId) -> Read<bool> {
        Ok(self.recalled_at(record)?.is_some())
    }

    /// What holders said of a record, at any of its positions.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn receipts(&self, record: &RecordId) -> Read<Vec<ReceiptInfo>> {
        let mut receipts = Vec::new();
        for (log, seq) in self.positions(record)? {
            receipts.extend(self.receipts_at(&log, seq)?);
        }
        Ok(receipts)
    }

    /// What holders said of one entry.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn receipts_at(&self, log: &LogId, seq: u64) -> Read<Vec<ReceiptInfo>> {
        let mut receipts = Vec::new();
        for row in self.table(RECEIPTS)?.range((&log.0, seq, &[0; 32])..=(&log.0, seq, &[255; 32]))? {
            let (key, bytes) = row?;
            let holder = OrgId(*key.value().2);
            let ReceiptRow { outcome, at } = find::decoded("receipts", &key.value(), bytes.value())?;
            receipts.push(ReceiptInfo { log: *log, seq, holder, outcome, at });
        }
        Ok(receipts)
    }

    /// The number of the newest disclosure; 0 where there is none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn disclosure_last(&self) -> Read<u64> {
        Ok(self.table(DISCLOSURES)?.last()?.map_or(0, |(n, _)| n.value()))
    }

    /// What left, by number.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn disclosures(&self, range: RangeInclusive<u64>) -> Read<Vec<DisclosureLine>> {
        let mut lines = Vec::new();
        for row in self.table(DISCLOSURES)?.range(range)? {
            let (n, bytes) = row?;
            let DisclosureRow { hash, line } = find::decoded("disclosures", &n.value(), bytes.value())?;
            lines.push(DisclosureLine { n: n.value(), json: line, hash });
        }
        Ok(lines)
    }

    /// Checks the chain of disclosures. Returns how many there are.
    ///
    /// # Errors
    /// At the first line that is missing or was changed.
    pub fn verify_disclosures(&self) -> Read<u64> {
        let (mut before, mut expected) = ([0; 32], 1);
        for row in self.table(DISCLOSURES)?.iter()? {
            let (n, bytes) = row?;
            let row: DisclosureRow = find::decoded("disclosures", &n.value(), bytes.value())?;
            let again = DisclosureRow::chain(&before, row.line.clone());
            if n.value() != expected || !equal(&again.hash, &row.hash) {
                return Err(Damaged { table: "disclosures", key: expected.to_string() }.into());
            }
            (before, expected) = (row.hash, expected + 1);
        }
        Ok(expected - 1)
    }

    pub(super) fn rows<R: Row, K: Key + Send + Sync + 'static>(
        &self,
        table: TableDefinition<'static, K, &'static [u8]>,
        name: &'static str,
    ) -> Read<Vec<R>>
    where
        for<'k> K::SelfType<'k>: std::fmt::Debug,
    {
        let mut rows = Vec::new();
        for row in self.table(table)?.iter()? {
            let (key, bytes) = row?;
            rows.push(find::decoded(name, &key.value(), bytes.value())?);
        }
        Ok(rows)
    }
}
