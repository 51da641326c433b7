//! Reads that both halves need: a writer inside its transaction, and a snapshot.

use super::codec::Row;
use super::error::{Damaged, Failure};
use super::rows::{BatchRow, TakenBackRow};
use crate::model::OrgId;
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
    use crate::model::record::WithdrawalMode::Recall;
    let checked = row::<TakenBackRow, _, E>(table, "taken_back", (log, seq, &[0; 32]))?;
    if checked.as_ref().is_some_and(|row| row.mode == Recall) {
        return Ok(checked);
    }
    let said = row::<TakenBackRow, _, E>(table, "taken_back", (log, seq, &author.0))?;
    Ok(if said.as_ref().is_some_and(|row| row.mode == Recall) { said } else { checked.or(said) })
}
