//! What stands on the board.

use super::{Read, Snapshot};
use crate::model::{LogId, Timestamp};
use crate::rules::retain::has_outlived;
use crate::store::body::get_body;
use crate::store::change::Shelf;
use crate::store::error::ReadError;
use crate::store::find;
use crate::store::posted::Posted;
use crate::store::rows::TakenBackRow;
use crate::store::tables::BODIES;
use std::collections::BTreeMap;

/// A record on the board.
#[derive(Debug, Clone)]
pub struct Post {
    /// Where it stands.
    pub row: Posted,
    /// Its body.
    pub body: Vec<u8>,
    /// How its author took it back, where it did.
    pub gone: Option<TakenBackRow>,
}

impl Snapshot {
    /// Positions of records on the board that have outlived what they could be good for, by log, whatever retention their authors gave them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn outlived(&self, now: Timestamp) -> Read<BTreeMap<LogId, Vec<u64>>> {
        let mut outlived: BTreeMap<LogId, Vec<u64>> = BTreeMap::new();
        for (key, bytes) in self.all_kept(Shelf::Posted)? {
            let row: Posted = find::decoded("shelves", &key, &bytes)?;
            if has_outlived(row.kind, row.received, now) {
                outlived.entry(row.key.id()).or_default().push(row.seq);
            }
        }
        Ok(outlived)
    }

    /// Every record on the board that is of one of these kinds and whose body is here.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn posts(&self, kinds: &[u8]) -> Read<Vec<Post>> {
        let (bodies, mut all) = (self.table(BODIES)?, Vec::new());
        for (key, bytes) in self.all_kept(Shelf::Posted)? {
            let row: Posted = find::decoded("shelves", &key, &bytes)?;
            if kinds.contains(&row.kind) && bodies.get(row.body)?.is_some() {
                let gone = self.taken_back(&row.key.id(), row.seq)?;
                all.push(Post { row, body: get_body::<ReadError>(&*bodies, row.body)?, gone });
            }
        }
        Ok(all)
    }
}
