//! Notices: queued once, delivered, failed, gathered, forgotten.

use super::{Applied, Tx};
use crate::model::{NoticeId, Timestamp};
use crate::rules::notify::{Digest, Message, Notice};
use crate::store::change::Outcome;
use crate::store::codec::Row;
use crate::store::find;
use crate::store::notice::{DeliveryRow, NOTICES_MAX, NoticeChange, NoticeRow};
use redb::{ReadableTable, ReadableTableMetadata};
use std::collections::BTreeSet;

impl Tx<'_> {
    pub(super) fn notice(&mut self, change: &NoticeChange) -> Applied<Outcome> {
        match change {
            NoticeChange::Queue { notice, channels, at } => self.queue_notice(notice, channels, *at)?,
            NoticeChange::Delivered { channel, id } => drop(self.t.deliveries.remove((channel.as_str(), &id.0))?),
            NoticeChange::Failed { channel, id, row } => {
                let waits = self.t.deliveries.get((channel.as_str(), &id.0))?.is_some();
                if waits {
                    self.put_delivery(channel, id, row)?;
                }
            }
            NoticeChange::Gathered { channel, digest, members, at } => self.gather(channel, digest, members, *at)?,
            NoticeChange::Forget { before, channels } => self.forget_notices(*before, channels)?,
        }
        Ok(Outcome::Done)
    }

    fn put_delivery(&mut self, channel: &str, id: &NoticeId, row: &DeliveryRow) -> Applied<()> {
        self.t.deliveries.insert((channel, &id.0), row.encode().as_slice())?;
        Ok(())
    }

    fn queue_notice(&mut self, notice: &Notice, channels: &[(String, bool)], at: Timestamp) -> Applied<()> {
        if channels.is_empty() || self.t.notices.get(&notice.id.0)?.is_some() || !self.has_room(notice.urgent)? {
            return Ok(());
        }
        let row = NoticeRow { message: Message::One(notice.clone()), queued: at };
        self.t.notices.insert(&notice.id.0, row.encode().as_slice())?;
        for (channel, digest) in channels {
            let row = if *digest { DeliveryRow::Digest } else { DeliveryRow::fresh(at) };
            self.put_delivery(channel, &notice.id, &row)?;
        }
        Ok(())
    }

    /// Whether there is room for one more; where there is none, the older half of what was told already makes it.
    fn has_room(&mut self, urgent: bool) -> Applied<bool> {
        let max = if urgent { NOTICES_MAX } else { NOTICES_MAX / 4 * 3 };
        if self.t.notices.len()? < max {
            return Ok(true);
        }
        let waiting = self.waiting_notices()?;
        let mut told: Vec<(Timestamp, [u8; 16])> = Vec::new();
        for (id, row) in self.all_notices()? {
            if !waiting.contains(&id.0) {
                told.push((row.queued, id.0));
            }
        }
        told.sort_unstable();
        for (_, id) in &told[..told.len().div_ceil(2)] {
            self.t.notices.remove(id)?;
        }
        Ok(self.t.notices.len()? < max)
    }

    fn all_notices(&self) -> Applied<Vec<(NoticeId, NoticeRow)>> {
        let mut all = Vec::new();
        for row in self.t.notices.iter()? {
            let (id, bytes) = row?;
            let id = NoticeId(*id.value());
            all.push((id, find::decoded("notices", &id, bytes.value())?));
        }
        Ok(all)
    }

    fn waiting_notices(&self) -> Applied<BTreeSet<[u8; 16]>> {
        let mut waiting = BTreeSet::new();
        for row in self.t.deliveries.iter()? {
            waiting.insert(*row?.0.value().1);
        }
        Ok(waiting)
    }

    /// Done before, it leaves nothing to do: none of the members waits any more.
    fn gather(&mut self, channel: &str, digest: &Digest, members: &[NoticeId], at: Timestamp) -> Applied<()> {
        let mut found = false;
        for id in members {
            found |= self.t.deliveries.remove((channel, &id.0))?.is_some();
        }
        if found {
            let row = NoticeRow { message: Message::Digest(digest.clone()), queued: at };
            self.t.notices.insert(&digest.id.0, row.encode().as_slice())?;
            self.put_delivery(channel, &digest.id, &DeliveryRow::fresh(at))?;
        }
        Ok(())
    }

    fn forget_notices(&mut self, before: Timestamp, channels: &[String]) -> Applied<()> {
        let mut gone: Vec<(String, [u8; 16])> = Vec::new();
        for row in self.t.deliveries.iter()? {
            let (key, bytes) = row?;
            let (channel, id) = key.value();
            let row: DeliveryRow = find::decoded("deliveries", &NoticeId(*id), bytes.value())?;
            let is_old = match row {
                DeliveryRow::GivenUp { at, .. } => at < before,
                _ => false,
            };
            if is_old || !channels.iter().any(|one| one == channel) {
                gone.push((channel.to_owned(), *id));
            }
        }
        for (channel, id) in &gone {
            self.t.deliveries.remove((channel.as_str(), id))?;
        }
        let waiting = self.waiting_notices()?;
        for (id, row) in self.all_notices()? {
            if row.queued < before && !waiting.contains(&id.0) {
                self.t.notices.remove(&id.0)?;
            }
        }
        Ok(())
    }
}
