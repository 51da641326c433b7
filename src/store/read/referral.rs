//! Referrals, their messages, and what the desk keeps of its own.

use super::{Read, Snapshot};
use crate::model::log::Audience;
use crate::model::{LogId, ReferralId};
use crate::rules::referral::{Message, Side, Standing, standing};
use crate::store::body::get_body;
use crate::store::change::Shelf;
use crate::store::codec::audience_bytes;
use crate::store::error::ReadError;
use crate::store::find;
use crate::store::profile::HeardProfile;
use crate::store::referral::{MessageRow, ReferralRow, side_number, side_of};
use crate::store::rows::{EntryRow, WaitingRow};
use crate::store::tables::{BODIES, ENTRIES, LOG_NUMBERS, MESSAGES, REFERRALS, SHELVES, WAITING};
use redb::ReadableTable;

/// A conversation as it is held here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// The referral.
    pub id: ReferralId,
    /// What stands of it.
    pub row: ReferralRow,
    /// The origin's messages, in their order.
    pub origin: Vec<MessageRow>,
    /// The receiver's.
    pub receiver: Vec<MessageRow>,
    /// What both come to.
    pub standing: Standing,
}

impl Conversation {
    /// A side's messages.
    pub fn of(&self, side: Side) -> &[MessageRow] {
        match side {
            Side::Origin => &self.origin,
            Side::Receiver => &self.receiver,
        }
    }
}

impl Snapshot {
    /// A referral with its messages.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn conversation(&self, id: &ReferralId) -> Read<Option<Conversation>> {
        let Some(row) = self.row(REFERRALS, "referrals", &id.0)? else { return Ok(None) };
        let (mut origin, mut receiver) = (Vec::new(), Vec::new());
        for entry in self.table(MESSAGES)?.range((&id.0, 0, 0)..=(&id.0, u8::MAX, u64::MAX))? {
            let (key, bytes) = entry?;
            let key = key.value();
            let message: MessageRow = find::decoded("messages", &key, bytes.value())?;
            match side_of(key.1) {
                Some(Side::Origin) => origin.push(message),
                _ => receiver.push(message),
            }
        }
        let steps = |rows: &[MessageRow]| rows.iter().map(|row| Message { seen: row.seen, step: row.step }).collect::<Vec<_>>();
        let standing = standing(&steps(&origin), &steps(&receiver));
        Ok(Some(Conversation { id: *id, row, origin, receiver, standing }))
    }

    /// How many messages of the origin and of the receiver are held: the number of the last of each.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn said(&self, id: &ReferralId) -> Read<[u64; 2]> {
        let messages = self.table(MESSAGES)?;
        let mut last = [0; 2];
        for (side, last) in Side::ALL.into_iter().zip(&mut last) {
            let side = side_number(side);
            if let Some(entry) = messages.range((&id.0, side, 0)..=(&id.0, side, u64::MAX))?.next_back() {
                *last = entry?.0.value().2;
            }
        }
        Ok(last)
    }

    /// Every referral, those that are over too.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn referrals(&self) -> Read<Vec<(ReferralId, ReferralRow)>> {
        let mut all = Vec::new();
        for row in self.table(REFERRALS)?.iter()? {
            let (id, bytes) = row?;
            all.push((ReferralId(*id.value()), find::decoded("referrals", &id.value(), bytes.value())?));
        }
        Ok(all)
    }

    /// The ids of referrals that begin with these bytes' text are looked for by whoever has one; this one is known or not.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn referral(&self, id: &ReferralId) -> Read<Option<ReferralRow>> {
        self.row(REFERRALS, "referrals", &id.0)
    }

    /// The body of a message; `None` where it is destroyed, or never came.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn message_body(&self, message: &MessageRow) -> Read<Option<Vec<u8>>> {
        Ok(self.table(BODIES)?.get(message.body)?.map(|body| body.value().to_vec()))
    }

    /// Something that the desk keeps.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn kept(&self, shelf: Shelf, id: &[u8; 16]) -> Read<Option<Vec<u8>>> {
        Ok(self.table(SHELVES)?.get((shelf as u8, id))?.map(|row| row.value().to_vec()))
    }

    /// Everything of a kind that the desk keeps.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn all_kept(&self, shelf: Shelf) -> Read<Vec<([u8; 16], Vec<u8>)>> {
        self.kept_between(shelf, [0; 16], [255; 16])
    }

    /// Everything of a kind that the desk keeps under ids that begin so.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn kept_under(&self, shelf: Shelf, beginning: &[u8; 8]) -> Read<Vec<([u8; 16], Vec<u8>)>> {
        let id = |rest: u8| std::array::from_fn(|at| beginning.get(at).copied().unwrap_or(rest));
        self.kept_between(shelf, id(0), id(255))
    }

    /// Everything of a kind that the desk keeps under ids from `first` to `last`, in their order.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn kept_between(&self, shelf: Shelf, first: [u8; 16], last: [u8; 16]) -> Read<Vec<([u8; 16], Vec<u8>)>> {
        let mut all = Vec::new();
        for row in self.table(SHELVES)?.range((shelf as u8, &first)..=(shelf as u8, &last))? {
            let (key, bytes) = row?;
            all.push((*key.value().1, bytes.value().to_vec()));
        }
        Ok(all)
    }

    /// Where the newest profile of each author and audience stands, with its body; not those whose body is gone.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn heard_profiles(&self) -> Read<Vec<(HeardProfile, Vec<u8>)>> {
        let (bodies, mut all) = (self.table(BODIES)?, Vec::new());
        for (key, bytes) in self.all_kept(Shelf::HeardProfile)? {
            let row: HeardProfile = find::decoded("shelves", &key, &bytes)?;
            if bodies.get(row.body)?.is_some() {
                all.push((row, get_body::<ReadError>(&*bodies, row.body)?));
            }
        }
        Ok(all)
    }

    /// The positions of a log's entries of a kind whose bodies are here, with these.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn bodies_of_kind(&self, log: &LogId, kind: u8) -> Read<Vec<(u64, Vec<u8>)>> {
        let Some(no) = self.table(LOG_NUMBERS)?.get(&log.0)?.map(|no| no.value()) else { return Ok(Vec::new()) };
        let (entries, bodies, mut found) = (self.table(ENTRIES)?, self.table(BODIES)?, Vec::new());
        for row in entries.range((no, 0)..=(no, u64::MAX))? {
            let (key, bytes) = row?;
            let row: EntryRow = find::decoded("entries", &key.value(), bytes.value())?;
            if let (true, Ok(body)) = (row.kind == kind, row.body) {
                found.push((key.value().1, get_body::<ReadError>(&*bodies, body)?));
            }
        }
        Ok(found)
    }

    /// What waits for an audience of a kind: its numbers and bodies.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn all_waiting_of_kind(&self, audience: &Audience, kind: u8) -> Read<Vec<(u64, Vec<u8>)>> {
        let (key, bodies, mut found) = (audience_bytes(audience), self.table(BODIES)?, Vec::new());
        for row in self.table(WAITING)?.range((&key, 0)..=(&key, u64::MAX))? {
            let (key, bytes) = row?;
            let row: WaitingRow = find::decoded("waiting", &key.value().1, bytes.value())?;
            if row.kind == kind {
                found.push((key.value().1, get_body::<ReadError>(&*bodies, row.body)?));
            }
        }
        Ok(found)
    }
}
