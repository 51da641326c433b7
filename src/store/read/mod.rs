//! What the store holds, as it was at one moment.

mod hold;
mod log;
mod lookup;
mod notice;
mod posted;
mod record;
mod referral;
mod sealing;
mod sighting;
mod small;
mod upkeep;
mod user;

pub use log::{Ack, LogInfo, Signed, Waiting, WaitingLabel};
pub use lookup::{Found, Hit, Hits, Provenance};
pub use notice::Delivery;
pub use posted::Post;
pub use record::{Event, Filter, Item, Records};
pub use referral::Conversation;
pub use small::{DisclosureLine, Quarantined, ReceiptInfo};

use super::apply::Counters;
use super::codec::Row;
use super::error::ReadError;
use super::find;
use super::tables::META;
use crate::model::log::LogKey;
use crate::model::{LogId, OrgId};
use redb::{Key, ReadOnlyTable, ReadTransaction, TableDefinition, TableHandle, Value};
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a read returns.
pub type Read<T> = Result<T, ReadError>;

type Bytes = &'static [u8];

/// What the store holds at one moment. Cheap to take; keeps that moment's pages from being used again, so let it go soon.
pub struct Snapshot {
    transaction: ReadTransaction,
    us: OrgId,
    /// Tables that were looked at: opening one costs as much as a row.
    opened: Mutex<Vec<(String, Arc<dyn Any + Send + Sync>)>>,
    /// Logs by their family and incarnation, as far as they were asked for.
    logs: Mutex<BTreeMap<(u32, u64), (LogKey, LogId)>>,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Snapshot")
    }
}

impl Snapshot {
    pub(super) const fn new(transaction: ReadTransaction, us: OrgId) -> Self {
        Self { transaction, us, opened: Mutex::new(Vec::new()), logs: Mutex::new(BTreeMap::new()) }
    }

    fn known_logs(&self) -> MutexGuard<'_, BTreeMap<(u32, u64), (LogKey, LogId)>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The organisation whose store it is.
    pub const fn us(&self) -> OrgId {
        self.us
    }

    /// The incarnation of our logs, from 1.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn incarnation(&self) -> Read<u64> {
        let counters: Option<Counters> = self.row(META, "meta", "counters")?;
        Ok(counters.unwrap_or_default().incarnation)
    }

    pub(super) const fn transaction(&self) -> &ReadTransaction {
        &self.transaction
    }

    fn table<K: Key + Send + Sync + 'static, V: Value + Send + Sync + 'static>(
        &self,
        table: TableDefinition<'static, K, V>,
    ) -> Read<Arc<ReadOnlyTable<K, V>>> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let known = opened.iter().find(|(name, _)| name == table.name()).and_then(|(_, table)| table.clone().downcast().ok());
        if let Some(known) = known {
            return Ok(known);
        }
        let open = Arc::new(self.transaction.open_table(table)?);
        opened.push((table.name().to_owned(), open.clone()));
        Ok(open)
    }

    fn row<'k, R: Row, K: Key + Send + Sync + 'static>(
        &self,
        table: TableDefinition<'static, K, Bytes>,
        name: &'static str,
        key: K::SelfType<'k>,
    ) -> Read<Option<R>>
    where
        K::SelfType<'k>: std::fmt::Debug + Clone,
    {
        find::row(&*self.table(table)?, name, key)
    }

    #[cfg(test)]
    pub(super) fn dump(&self) -> Vec<(&'static str, String)> {
        super::tables::dump(&self.transaction)
    }
}
