//! What is held, and the records that disclosures stand for.

use super::{Read, Snapshot};
use crate::model::ReleaseId;
use crate::store::body::get_body;
use crate::store::error::{Damaged, ReadError};
use crate::store::find;
use crate::store::hold::{HeldItem, HeldRow, HoldRow, unpack};
use crate::store::tables::{BODIES, DISCLOSED, HELD, HOLDS};
use redb::ReadableTable;

impl Snapshot {
    /// Every hold.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn holds(&self) -> Read<Vec<(ReleaseId, HoldRow)>> {
        let mut holds = Vec::new();
        for row in self.table(HOLDS)?.iter()? {
            let (id, bytes) = row?;
            holds.push((ReleaseId(*id.value()), find::decoded("holds", &id.value(), bytes.value())?));
        }
        Ok(holds)
    }

    /// A hold.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn hold(&self, id: &ReleaseId) -> Read<Option<HoldRow>> {
        self.row(HOLDS, "holds", &id.0)
    }

    /// The records of a part of a hold, in the order in which they leave.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn held(&self, id: &ReleaseId, part: u32) -> Read<Vec<HeldItem>> {
        let Some(hold) = self.hold(id)? else { return Ok(Vec::new()) };
        let Some(HeldRow { body, count }) = self.row(HELD, "held", (&id.0, part))? else { return Ok(Vec::new()) };
        let bytes = get_body::<ReadError>(&*self.table(BODIES)?, body)?;
        let items = unpack(hold.audience, &bytes).filter(|items| items.len() as u64 == u64::from(count));
        Ok(items.ok_or_else(|| Damaged { table: "held", key: format!("{id} {part}") })?)
    }

    /// The packed ids of the records that a disclosure stands for, where it says them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn disclosed(&self, n: u64) -> Read<Option<Vec<u8>>> {
        Ok(self.table(DISCLOSED)?.get(n)?.map(|packed| packed.value().to_vec()))
    }
}
