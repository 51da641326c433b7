//! Bodies, behind one pair of functions: encryption at rest will stand here and nowhere else.

use super::apply::Tx;
use super::error::{Damaged, Failure};
use redb::{ReadableTable, StorageError};

impl Tx<'_> {
    /// Keeps a body. Returns its number.
    pub(super) fn put_body(&mut self, body: &[u8]) -> Result<u64, StorageError> {
        self.counters.body += 1;
        self.later_body(self.counters.body, body);
        Ok(self.counters.body)
    }

    /// Destroys a body. Its bytes stay in free pages of the file until these are used again or the store is compacted.
    pub(super) fn destroy_body(&mut self, number: u64) -> Result<(), StorageError> {
        self.t.bodies.remove(number)?;
        Ok(())
    }
}

/// A body by its number.
pub(super) fn get_body<E: Failure>(bodies: &impl ReadableTable<u64, &'static [u8]>, number: u64) -> Result<Vec<u8>, E> {
    match bodies.get(number)? {
        Some(body) => Ok(body.value().to_vec()),
        None => Err(Damaged { table: "bodies", key: number.to_string() }.into()),
    }
}

/// Whether a body is these bytes.
pub(super) fn is_body<E: Failure>(bodies: &impl ReadableTable<u64, &'static [u8]>, number: u64, bytes: &[u8]) -> Result<bool, E> {
    match bodies.get(number)? {
        Some(body) => Ok(body.value() == bytes),
        None => Err(Damaged { table: "bodies", key: number.to_string() }.into()),
    }
}
