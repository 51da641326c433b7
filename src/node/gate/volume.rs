//! How much each source usually sends to each audience: a burst waits for a person.

use std::sync::{MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::super::{Node, NodeError};
use crate::model::Timestamp;
use crate::model::log::Audience;
use crate::rules::volume::{History, Settings, Volume, usual};
use crate::store::change::Change;

/// The source of what people share value by value.
pub const BY_HAND: &str = "by hand";
/// The source of imports that name none: they count together, whatever their files are called.
pub const IMPORTS: &str = "imports";

/// The name under which histories are kept.
const NAME: &str = "gate/volumes";
/// So many sources are remembered; for one more, the one that was silent longest is forgotten.
const SOURCES_MAX: usize = 1_000;
/// Longest name of a source in characters.
pub const SOURCE_CHARS_MAX: usize = 100;

/// What sources sent. What was counted since it was last kept is lost when the process dies: a burst is then seen a little later.
#[derive(Debug, Default)]
pub(super) struct Volumes {
    /// Read when it is first asked for.
    rows: Option<Vec<Row>>,
    /// Whether something was counted since it was kept.
    changed: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Row {
    audience: Audience,
    source: String,
    last: Timestamp,
    history: History,
}

impl Row {
    fn is_of(&self, audience: Audience, source: &str) -> bool {
        self.audience == audience && self.source == source
    }
}

impl Volumes {
    fn sent(&mut self, audience: Audience, source: &str, now: Timestamp, count: u32, approved: bool) {
        let rows = self.rows.get_or_insert_default();
        let at = rows.iter().position(|row| row.is_of(audience, source)).unwrap_or_else(|| {
            if rows.len() >= SOURCES_MAX
                && let Some(oldest) = (0..rows.len()).min_by_key(|at| rows[*at].last)
            {
                rows.swap_remove(oldest);
            }
            rows.push(Row { audience, source: source.to_owned(), last: now, history: History::default() });
            rows.len() - 1
        });
        let row = &mut rows[at];
        row.last = now;
        if approved {
            row.history.add_approved(now, count)
        } else {
            row.history.add(now, count)
        }
        self.changed = true;
    }
}

impl Node {
    /// Why so many records more of a source are for a person to let through; `None` where they are what it usually sends.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn burst(&self, audience: Audience, source: &str, count: u64) -> Result<Option<String>, NodeError> {
        let volumes = self.volumes()?;
        let rows = volumes.rows.as_deref().unwrap_or_default();
        let history = rows.iter().find(|row| row.is_of(audience, source)).map(|row| row.history.clone()).unwrap_or_default();
        let floor = u32::try_from(self.config.gate.burst_records_min).unwrap_or(u32::MAX);
        let settings = Settings { floor, ..Settings::default() };
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        Ok(match usual(&history, self.clock.now(), count, &settings) {
            Volume::Usual => None,
            Volume::Burst { usual: 0, threshold } => Some(format!(
                "`{source}` has sent too little so far to tell what is usual, and this is more than {threshold} records in a day"
            )),
            Volume::Burst { usual, threshold } => {
                Some(format!("`{source}` usually sends {usual} records in a day, and this is more than {threshold}"))
            }
        })
    }

    /// Counts records that were released: `approved` are those that a person let through as a burst.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn sent(&self, audience: Audience, source: &str, count: u64, approved: bool) -> Result<(), NodeError> {
        if count > 0 {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            self.volumes()?.sent(audience, source, self.clock.now(), count, approved);
        }
        Ok(())
    }

    /// Keeps what was counted since the last time. For the upkeep, and after an import.
    ///
    /// # Errors
    /// When the store takes no changes.
    pub async fn keep_volumes(&self) -> Result<(), NodeError> {
        let rows = {
            let mut volumes = self.volumes()?;
            if !std::mem::take(&mut volumes.changed) {
                return Ok(());
            }
            serde_json::to_vec(&volumes.rows).map_err(|error| NodeError::Internal(error.to_string()))?
        };
        let kept = self.commit(Change::Put(NAME, Some(rows))).await;
        if kept.is_err() {
            self.volumes()?.changed = true;
        }
        kept.map(|_| ())
    }

    fn volumes(&self) -> Result<MutexGuard<'_, Volumes>, NodeError> {
        let mut volumes = self.gatekeeper.volumes.lock().unwrap_or_else(PoisonError::into_inner);
        if volumes.rows.is_none() {
            // What cannot be read is counted anew: then everything that is much is a burst.
            let kept = self.store.snapshot()?.get(NAME)?;
            volumes.rows = Some(kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default());
        }
        Ok(volumes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OrgId;

    fn peer(n: u16) -> Audience {
        let mut id = [0; 32];
        id[..2].copy_from_slice(&n.to_be_bytes());
        Audience::Direct(OrgId(id))
    }

    #[test]
    fn the_source_that_was_silent_longest_is_forgotten() {
        let mut volumes = Volumes::default();
        for n in 0..SOURCES_MAX as u16 {
            volumes.sent(peer(n), IMPORTS, Timestamp(u64::from(n)), 5, false);
        }
        volumes.sent(peer(0), IMPORTS, Timestamp(5_000), 5, false);
        volumes.sent(peer(0), "feed", Timestamp(5_001), 5, false);
        let rows = volumes.rows.unwrap();
        let has = |n, source: &str| rows.iter().any(|row| row.is_of(peer(n), source));
        assert_eq!(rows.len(), SOURCES_MAX);
        assert!(has(0, IMPORTS) && has(0, "feed") && !has(1, IMPORTS) && has(2, IMPORTS));
    }
}
