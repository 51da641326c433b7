//! What came while this program was older: entries of a kind that it did not know were kept as they are, and are read once it does,
//! as if they came now.

use super::receive::Stored;
use super::{Node, NodeError};
use crate::model::referral::Words;
use crate::model::{LogId, RecordKind};
use crate::store::change::{Change, Verdict};
use std::collections::BTreeSet;

/// Under this name stand the numbers of the kinds that what is kept was read by last, and of how many messages about a referral it knew.
const READ: &str = "kinds_read";
/// So many of the entries that are kept apart are looked at together.
const TOGETHER: usize = 500;

impl Node {
    /// Reads what an older program could not, once for each program that knows others. Each batch is a step of its own: checks,
    /// verdicts and receipts are those of a batch that comes, and whoever dies between two goes on with the next.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn read_what_was_newer(&self) -> Result<(), NodeError> {
        let kinds = (0..=u8::MAX).filter(|kind| RecordKind::from_number(*kind).is_some());
        let known: Vec<u8> = kinds.chain([0, Words::KNOWN]).collect();
        if self.store.snapshot()?.get(READ)?.as_ref() == Some(&known) {
            return Ok(());
        }
        let (mut behind, mut many) = (Some((0, 0)), 0u64);
        while let Some(place) = behind {
            let (kept, next) = self.store.snapshot()?.unsupported(place, TOGETHER)?;
            let kept: BTreeSet<(LogId, u64)> =
                kept.into_iter().filter(|(_, _, kind)| RecordKind::from_number(*kind).is_some()).map(|(log, seq, _)| (log, seq)).collect();
            let mut done: Option<(LogId, u64)> = None;
            for &(log, seq) in &kept {
                // The batch of the one before was read whole.
                if done.is_some_and(|(of, last)| of == log && seq <= last) {
                    continue;
                }
                let Some(Stored { key, last, change, consequences }) = self.stored_batch(&log, seq)? else { continue };
                if !reads_some(&change, |seq| kept.contains(&(log, seq))) {
                    continue;
                }
                let outcome = self.keep(log, change, &consequences).await?;
                self.received(&key, outcome, consequences).await?;
                (done, many) = (Some((log, last)), many + 1);
            }
            behind = next;
        }
        if many > 0 {
            tracing::info!(batches = many, "what was newer than this program when it came was read");
        }
        self.commit(Change::Put(READ, Some(known))).await?;
        Ok(())
    }
}

/// Whether one of the entries that were kept apart is understood by now.
fn reads_some(change: &Change, is_kept: impl Fn(u64) -> bool) -> bool {
    let Change::Receive { entries, .. } = change else { return false };
    entries.iter().any(|entry| is_kept(entry.header.seq) && entry.verdict != Verdict::Unsupported)
}
