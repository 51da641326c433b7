//! Batches that were packed lately: what goes to eight readers is packed once.
//!
//! Only whole batches are kept, whose bytes are the same for every reader that may have them; whether one may is decided at each send,
//! before anyone looks here. Nothing outlives the destruction of a body: then all is forgotten.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prost::Message;

use super::convert::{batch_frames, wire};
use crate::model::EntryHash;
use crate::model::log::{Audience, Batch, Checkpoint, LogKey, Salts};
use crate::rules::label::Outbound;

/// Packed bytes that are kept: some hundred thousand indicators.
const BYTES_MAX: usize = 4 << 20;

/// The shelf.
#[derive(Debug, Default)]
pub struct Packed(Mutex<Shelf>);

/// What tells a whole batch from all others: its first position, and its checkpoint, whose head hash covers every body.
type Key = (EntryHash, u64, [u8; 64]);

#[derive(Debug, Default)]
struct Shelf {
    frames: BTreeMap<Key, Arc<[wire::Frame]>>,
    /// Oldest first, with their bytes.
    order: VecDeque<(Key, usize)>,
    bytes: usize,
    /// Goes up when all is forgotten, so that what was read before is not put here afterwards.
    life: u64,
}

impl Packed {
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often all was forgotten; taken before a batch is read from the store.
    pub fn life(&self) -> u64 {
        self.shelf().life
    }

    /// The frames that carry a batch that may be sent and was read in this life.
    pub fn frames(&self, log: &LogKey, outbound: &Outbound<Batch>, life: u64) -> Arc<[wire::Frame]> {
        let Batch { first, salts, checkpoint, .. } = outbound.get();
        let whole = matches!(salts, Salts::Seed(_)) && matches!(log.audience, Audience::Group(_));
        if !whole {
            return batch_frames(log, outbound).into();
        }
        let Checkpoint { head, signature, .. } = checkpoint;
        let key = (head.hash, *first, *signature);
        if let Some(frames) = self.shelf().frames.get(&key) {
            return frames.clone();
        }
        let frames: Arc<[wire::Frame]> = batch_frames(log, outbound).into();
        self.shelf().put(key, frames.clone(), life);
        frames
    }

    /// Packs batches that are being stored for whoever asks for them then; `life` was taken before.
    pub fn prepare(&self, log: &LogKey, batches: &[Outbound<Batch>], life: u64) {
        for batch in batches {
            self.frames(log, batch, life);
        }
    }

    /// A body was destroyed.
    pub fn forget(&self) {
        let mut shelf = self.shelf();
        *shelf = Shelf { life: shelf.life + 1, ..Shelf::default() };
    }
}

impl Shelf {
    fn put(&mut self, key: Key, frames: Arc<[wire::Frame]>, life: u64) {
        let bytes = frames.iter().map(Message::encoded_len).sum();
        if life != self.life || self.frames.insert(key, frames).is_some() {
            return;
        }
        self.order.push_back((key, bytes));
        self.bytes += bytes;
        while self.bytes > BYTES_MAX
            && let Some((oldest, bytes)) = self.order.pop_front()
        {
            self.frames.remove(&oldest);
            self.bytes -= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::crypto::SigningKey;
    use crate::model::log::{AbsentReason, BatchEntry, Body, Head};
    use crate::model::{GroupId, OrgId, Timestamp, Tlp};
    use crate::rules::label::{Held, Way, outbound};

    fn log() -> LogKey {
        LogKey { author: OrgId([1; 32]), incarnation: 1, audience: Audience::Direct(OrgId([2; 32])) }
    }

    fn group_log() -> LogKey {
        LogKey { audience: Audience::Group(GroupId([3; 32])), ..log() }
    }

    fn batch(log: &LogKey, body: &str) -> Batch {
        let body = Body::Present(body.as_bytes().to_vec());
        let entry = BatchEntry { created: Timestamp(1), kind: 1, label: Tlp::Green.into(), retention: Timestamp(0), body };
        Batch::seal(log.id(), Head::default(), vec![entry], [5; 32], Timestamp(2), 0, &SigningKey::from_seed([9; 32])).unwrap()
    }

    /// Sent in a direct log's name, which needs no group; packed for the log that is asked for.
    fn may(batch: &Batch) -> Outbound<Batch> {
        let (log, reader) = (log(), OrgId([2; 32]));
        let way = Way {
            log: &log,
            us: &log.author,
            reader: &reader,
            group: None,
            joined: 0,
            allowance: crate::rules::policy::Allowance::OPEN,
            now: Timestamp(2),
        };
        outbound(Held(batch.clone()), &way).unwrap()
    }

    #[test]
    fn a_batch_is_packed_once_until_a_body_is_destroyed() {
        let (packed, may) = (Packed::default(), may(&batch(&group_log(), "a")));
        let first = packed.frames(&group_log(), &may, packed.life());
        assert!(Arc::ptr_eq(&first, &packed.frames(&group_log(), &may, packed.life())));
        packed.forget();
        assert!(packed.shelf().frames.is_empty());
        assert!(!Arc::ptr_eq(&first, &packed.frames(&group_log(), &may, packed.life())));
    }

    #[test]
    fn what_was_read_before_a_body_was_destroyed_is_not_kept() {
        let packed = Packed::default();
        let may = may(&batch(&group_log(), "a"));
        let life = packed.life();
        packed.forget();
        packed.frames(&group_log(), &may, life);
        assert!(packed.shelf().frames.is_empty());
    }

    #[test]
    fn what_differs_from_reader_to_reader_is_not_kept() {
        let packed = Packed::default();
        let thinner = batch(&group_log(), "a").without(|_| Some(AbsentReason::Withheld));
        packed.frames(&group_log(), &may(&thinner), 0);
        packed.frames(&log(), &may(&batch(&log(), "a")), 0);
        assert!(packed.shelf().frames.is_empty());
    }

    #[test]
    fn the_shelf_is_bounded_and_takes_nothing_from_before_it_was_cleared() {
        let mut shelf = Shelf::default();
        let large = |n: u8| -> Arc<[wire::Frame]> { vec![wire::Frame { frame: Some(wire::frame::Frame::Card(vec![n; 1 << 20])) }].into() };
        for n in 0..9 {
            shelf.put((EntryHash([n; 32]), 1, [0; 64]), large(n), 0);
        }
        assert!(shelf.bytes <= BYTES_MAX && shelf.frames.len() == 3, "{}", shelf.frames.len());
        assert!(shelf.frames.contains_key(&(EntryHash([8; 32]), 1, [0; 64])));
        shelf.put((EntryHash([9; 32]), 1, [0; 64]), large(9), 7);
        assert!(!shelf.frames.contains_key(&(EntryHash([9; 32]), 1, [0; 64])));
    }
}
