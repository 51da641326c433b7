//! Profiles: of each log the newest counts, and the one before it is destroyed.

use super::{Applied, Log, Tx};
use crate::model::Timestamp;
use crate::model::log::{AbsentReason, Header};
use crate::store::change::Shelf;
use crate::store::codec::Row;
use crate::store::error::Fault;
use crate::store::find;
use crate::store::profile::{HeardProfile, place};
use crate::store::rows::EntryRow;

impl Tx<'_> {
    /// A profile stands in this log at this place, and its entry is written. Of two the later one stays; that of an earlier incarnation is the earlier.
    pub(super) fn newest_profile(&mut self, log: &Log, header: &Header, at: Timestamp) -> Applied<()> {
        let key = place(&log.row.key.author, &log.row.key.audience);
        let Some(entry) = find::row::<EntryRow, _, Fault>(&self.t.entries, "entries", (log.no, header.seq))? else { return Ok(()) };
        let Ok(body) = entry.body else { return Ok(()) };
        let (incarnation, seq) = (log.row.key.incarnation, header.seq);
        let new = HeardProfile { key: log.row.key, seq, received: at, retention: header.retention, body };
        let before: Option<HeardProfile> = find::row::<_, _, Fault>(&self.t.shelves, "shelves", (Shelf::HeardProfile as u8, &key))?;
        let mut gone = None;
        if let Some(before) = before {
            match (before.key.incarnation, before.seq).cmp(&(incarnation, seq)) {
                std::cmp::Ordering::Equal => return Ok(()),
                std::cmp::Ordering::Greater => {
                    let id = log.id;
                    return self.destroy_all(&id, &[seq], AbsentReason::Expired, at).map(drop);
                }
                std::cmp::Ordering::Less => gone = Some((before.key.id(), before.seq)),
            }
        }
        self.t.shelves.insert((Shelf::HeardProfile as u8, &key), new.encode().as_slice())?;
        if let Some((id, seq)) = gone {
            self.destroy_all(&id, &[seq], AbsentReason::Expired, at)?;
        }
        Ok(())
    }
}
