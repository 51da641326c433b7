//! Reads that both halves need: a writer inside its transaction, and a snapshot.

use super::body::is_body;
use super::change::ReleaseOutcome;
use super::codec::Row;
use super::error::{Damaged, Failure};
use super::rows::{BatchRow, FamilyRow, ProvenanceRow, ProvenanceState, TakenBackRow, TombstoneRow};
use crate::model::log::Audience;
use crate::model::record::WithdrawalMode::Recall;
use crate::model::{Label, OrgId, RecordId, Timestamp};
use redb::{Key, ReadableTable};

type Bytes = &'static [u8];

/// A row by its key.
pub(super) fn row<'k, R: Row, K: Key + 'static, E: Failure>(
    table: &impl ReadableTable<K, Bytes>,
    name: &'static str,
    key: K::SelfType<'k>,
) -> Result<Option<R>, E>
where
    K::SelfType<'k>: std::fmt::Debug + Clone,
{
    match table.get(key.clone())? {
        Some(bytes) => Ok(Some(decoded(name, &key, bytes.value())?)),
        None => Ok(None),
    }
}

/// A row from its bytes; the error names table and key.
pub(super) fn decoded<R: Row>(table: &'static str, key: &impl std::fmt::Debug, bytes: &[u8]) -> Result<R, Damaged> {
    R::decode(bytes).ok_or_else(|| Damaged { table, key: format!("{key:?}").chars().take(200).collect() })
}

/// The batch that holds a position, with its first position.
pub(super) fn batch_row<E: Failure>(
    batches: &impl ReadableTable<(u32, u64), Bytes>,
    log: u32,
    seq: u64,
) -> Result<Option<(u64, BatchRow)>, E> {
    let Some(found) = batches.range((log, 0)..=(log, seq))?.next_back() else { return Ok(None) };
    let (key, bytes) = found?;
    let (_, first) = key.value();
    let row: BatchRow = decoded("batches", &(log, first), bytes.value())?;
    Ok((row.last >= seq).then_some((first, row)))
}

/// What `taken_back` says of a position: the strictest of what was checked and of what the log's own author said.
pub(super) fn taken_back<E: Failure>(
    table: &impl ReadableTable<(&'static [u8; 32], u64, &'static [u8; 32]), Bytes>,
    log: &[u8; 32],
    seq: u64,
    author: &OrgId,
) -> Result<Option<TakenBackRow>, E> {
    let checked = row::<TakenBackRow, _, E>(table, "taken_back", (log, seq, &[0; 32]))?;
    if checked.as_ref().is_some_and(|row| row.mode == Recall) {
        return Ok(checked);
    }
    let said = row::<TakenBackRow, _, E>(table, "taken_back", (log, seq, &author.0))?;
    Ok(if said.as_ref().is_some_and(|row| row.mode == Recall) { said } else { checked.or(said) })
}

/// The number of an author's logs to an audience, if there is one.
pub(super) fn family<E: Failure>(
    numbers: &impl ReadableTable<&'static [u8; 65], u32>,
    author: OrgId,
    audience: Audience,
) -> Result<Option<u32>, E> {
    Ok(numbers.get(&FamilyRow { author, audience }.key())?.map(|no| no.value()))
}

/// What was said last of an observable in a family, if it holds.
fn said_last<E: Failure>(
    provenances: &impl ReadableTable<(u64, u32, u64, u64), Bytes>,
    (observable, family): (u64, u32),
) -> Result<Option<ProvenanceRow>, E> {
    let last = provenances.range((observable, family, 0, 0)..=(observable, family, u64::MAX, u64::MAX))?.next_back();
    let Some((key, bytes)) = last.transpose()? else { return Ok(None) };
    let last: ProvenanceRow = decoded("provenances", &key.value(), bytes.value())?;
    Ok(Some(last).filter(|last| last.state == ProvenanceState::Live))
}

/// Whether half of its time has passed: said again, it is news with a time of its own. Else its holders would destroy what is said to this day.
fn is_old(last: &ProvenanceRow, retention: Timestamp) -> bool {
    last.retention.0 != 0 && retention.since(last.retention) >= (last.retention.since(last.received) / 2).max(1)
}

/// What comes of telling this, after what was said last of an observable in a family.
pub(super) fn told_next<E: Failure>(
    provenances: &impl ReadableTable<(u64, u32, u64, u64), Bytes>,
    bodies: &impl ReadableTable<u64, Bytes>,
    place: (u64, u32),
    label: Label,
    retention: Timestamp,
    body: &[u8],
) -> Result<ReleaseOutcome, E> {
    match said_last::<E>(provenances, place)? {
        Some(last) if last.label == label && !is_old(&last, retention) && is_body::<E>(bodies, last.body, body)? => {
            Ok(ReleaseOutcome::Duplicate)
        }
        last => Ok(ReleaseOutcome::Queued { before: last.map(|last| last.label).filter(|before| *before != label) }),
    }
}

/// When we took a record of ours back for good, if we did.
pub(super) fn recalled_at<E: Failure>(
    tombstones: &impl ReadableTable<(&'static [u8; 16], u32, u64), Bytes>,
    record: &RecordId,
) -> Result<Option<Timestamp>, E> {
    for row in tombstones.range((&record.0, 0, 0)..=(&record.0, u32::MAX, u64::MAX))? {
        let (key, bytes) = row?;
        let row: TombstoneRow = decoded("tombstones", &key.value(), bytes.value())?;
        if row.mode == Recall && row.bars {
            return Ok(Some(row.at));
        }
    }
    Ok(None)
}
