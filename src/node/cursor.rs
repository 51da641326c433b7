//! Where an export ended, as its reader holds it: encrypted, so that it tells nothing of how much has come that the reader may not see.

use super::Node;
use super::error::NodeError;
use crate::model::crypto::random;
use crate::model::id::{base32, from_base32};
use crate::store::Snapshot;
use aws_lc_rs::aead::{Aad, NONCE_LEN, Nonce};

impl Node {
    /// Where an export that begins now will have ended, for the next one's `since`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn cursor(&self) -> Result<String, NodeError> {
        let snapshot = self.store.snapshot()?;
        let nonce = random::<NONCE_LEN>();
        let mut sealed = snapshot.newest()?.to_be_bytes().to_vec();
        let done = self.keys.cursor_key().seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), self.aad(&snapshot)?, &mut sealed);
        done.map_err(|_| NodeError::Internal("a cursor could not be encrypted".into()))?;
        Ok(base32(&[nonce.as_slice(), &sealed].concat()))
    }

    /// The newest event that an export with this cursor knew.
    ///
    /// # Errors
    /// When it is none of this store's, or the store cannot be read.
    pub(super) fn event_of(&self, snapshot: &Snapshot, cursor: &str) -> Result<u64, NodeError> {
        let bytes = from_base32(cursor).ok_or(NodeError::UnknownCursor)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>().ok_or(NodeError::UnknownCursor)?;
        let mut sealed = sealed.to_vec();
        let opened = self.keys.cursor_key().open_in_place(Nonce::assume_unique_for_key(*nonce), self.aad(snapshot)?, &mut sealed);
        let event = opened.ok().and_then(|event| <[u8; 8]>::try_from(&*event).ok());
        event.map(u64::from_be_bytes).ok_or(NodeError::UnknownCursor)
    }

    /// A store that was restored counts its events anew from the backup's, so that a cursor from before would pass over some.
    fn aad(&self, snapshot: &Snapshot) -> Result<Aad<[u8; 8]>, NodeError> {
        Ok(Aad::from(snapshot.incarnation()?.to_be_bytes()))
    }
}
