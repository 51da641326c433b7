//! Where an export ended, as its reader holds it: encrypted, so that it tells nothing of how much has come that the reader may not see.

use super::error::NodeError;
use super::view::ExportRequest;
use super::{Node, export_records::Export};
use crate::model::crypto::{random, sha256_framed};
use crate::model::id::{base32, from_base32};
use crate::model::{ObservableKind, RecordId, Timestamp};
use crate::store::Snapshot;
use aws_lc_rs::aead::{Aad, NONCE_LEN, Nonce};

/// The number of an event and eight bytes that tell it from another of that number.
const CONTENT: usize = 16;

impl Export {
    /// For the next export's `since`: of the same ceiling and kinds, since what went is told of what this one could carry.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn cursor(&self, node: &Node) -> Result<String, NodeError> {
        self.cursor_to(node, self.snapshot.newest()?)
    }

    /// The same, behind that event.
    ///
    /// # Errors
    /// As [`Self::cursor`].
    pub(super) fn cursor_to(&self, node: &Node, number: u64) -> Result<String, NodeError> {
        let nonce = random::<NONCE_LEN>();
        let mut sealed = [number.to_be_bytes(), mark(&self.snapshot, number)?].concat();
        let key = node.keys.cursor_key();
        let done = key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound(&self.request), &mut sealed);
        done.map_err(|_| NodeError::Internal("a cursor could not be encrypted".into()))?;
        Ok(base32(&[nonce.as_slice(), &sealed].concat()))
    }
}

impl Node {
    /// The newest event that the export with this cursor knew.
    ///
    /// # Errors
    /// When it is none of this store's for such an export, or the store cannot be read.
    pub(super) fn event_of(&self, snapshot: &Snapshot, request: &ExportRequest, cursor: &str) -> Result<u64, NodeError> {
        let bytes = from_base32(cursor).ok_or(NodeError::UnknownCursor)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>().ok_or(NodeError::UnknownCursor)?;
        let mut sealed = sealed.to_vec();
        let opened = self.keys.cursor_key().open_in_place(Nonce::assume_unique_for_key(*nonce), bound(request), &mut sealed);
        let content = opened.ok().and_then(|content| <[u8; CONTENT]>::try_from(&*content).ok()).ok_or(NodeError::UnknownCursor)?;
        let (number, said) = content.split_at(8);
        let number = number.try_into().map(u64::from_be_bytes).map_err(|_| NodeError::UnknownCursor)?;
        // A store that was put back from a copy has other events, or none, behind the copy's.
        if number > snapshot.newest()? || mark(snapshot, number)? != said {
            return Err(NodeError::UnknownCursor);
        }
        Ok(number)
    }
}

/// Tells an event from another of its number.
fn mark(snapshot: &Snapshot, number: u64) -> Result<[u8; 8], NodeError> {
    let (Timestamp(at), RecordId(record)) = snapshot.event(number)?.unwrap_or((Timestamp(0), RecordId([0; 16])));
    let hash = sha256_framed("watchfire/export-cursor/v1", &[&at.to_be_bytes(), &record]);
    Ok(hash.first_chunk::<8>().copied().unwrap_or_default())
}

/// What an export carries: one of others cannot go on from its cursor.
fn bound(request: &ExportRequest) -> Aad<[u8; 32]> {
    let ceiling = [request.ceiling.tlp.number(), request.ceiling.class as u8, request.ceiling.pap as u8];
    let mut kinds: Vec<u8> = request.kinds.iter().copied().map(ObservableKind::number).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut groups: Vec<&[u8]> = request.groups.iter().map(|group| group.0.as_slice()).collect();
    groups.sort_unstable();
    Aad::from(sha256_framed("watchfire/export/v1", &[&[ceiling.as_slice(), &kinds], groups.as_slice()].concat()))
}
