//! Between the wire's messages and the model. Nothing else knows about protobuf.

mod alert;
mod batch;
mod call;
mod columns;
mod definition;
mod duplicate;
mod frame;
mod gated;
mod profile;
mod record;
mod referral;

pub use batch::Assembled;
pub use batch::{BatchReader, batch_frames, start_frame};
pub use definition::{decode_definition, encode_definition, read_signed_definition};
pub use duplicate::{duplicate_frame, read_answer, read_claim, read_query};
pub use frame::{GroupState, Holdings, SaltedBody};
pub use frame::{
    LogState, digest_of_holdings, have_frames, holding_back, log_id, read_bodies, read_branch, read_checkpoint, read_have, wire_checkpoint,
};
pub use gated::{bodies_frame, card_frame, conflict_frame, definition_frames, recall_frame, recalled_frame, roster_frames};
pub use profile::{decode_profile, encode_profile};
pub use record::{
    Recall, decode_record, encode_record, read_signed_recall, read_signed_receipt, recall_author, sign_recall, sign_recall_again,
    sign_receipt,
};

pub use super::wire;

/// Bytes from a peer that are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

pub(crate) fn fixed<const N: usize>(bytes: &[u8], what: &'static str) -> Result<[u8; N], Malformed> {
    bytes.try_into().map_err(|_| Malformed(what))
}
