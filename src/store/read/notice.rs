//! Notices.

use super::{Read, Snapshot};
use crate::model::NoticeId;
use crate::store::error::{Damaged, ReadError};
use crate::store::find;
use crate::store::notice::{DeliveryRow, NoticeRow};
use crate::store::tables::{DELIVERIES, NOTICES};
use redb::ReadableTable;

/// A notice that a channel does not have yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The channel's name.
    pub channel: String,
    /// The notice's id.
    pub id: NoticeId,
    /// What is told, and since when it waits.
    pub notice: NoticeRow,
    /// How it stands.
    pub row: DeliveryRow,
}

impl Snapshot {
    /// What waits or was given up, of one channel or of all; by channel, then by id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn deliveries(&self, channel: Option<&str>) -> Read<Vec<Delivery>> {
        let (table, notices) = (self.table(DELIVERIES)?, self.table(NOTICES)?);
        let rows = match channel {
            Some(channel) => table.range((channel, &[0; 16])..=(channel, &[0xff; 16]))?,
            None => table.iter()?,
        };
        let mut found = Vec::new();
        for row in rows {
            let (key, bytes) = row?;
            let (channel, id) = key.value();
            let id = NoticeId(*id);
            let notice = find::row::<NoticeRow, _, ReadError>(&*notices, "notices", &id.0)?;
            let notice = notice.ok_or_else(|| Damaged { table: "notices", key: id.to_string() })?;
            found.push(Delivery { channel: channel.to_owned(), id, notice, row: find::decoded("deliveries", &id, bytes.value())? });
        }
        Ok(found)
    }

    /// A notice that is not forgotten, told or not.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn notice(&self, id: &NoticeId) -> Read<Option<NoticeRow>> {
        find::row::<NoticeRow, _, ReadError>(&*self.table(NOTICES)?, "notices", &id.0)
    }

    /// Every notice that is not forgotten, told or not.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn notices(&self) -> Read<Vec<NoticeRow>> {
        self.rows(NOTICES, "notices")
    }
}
