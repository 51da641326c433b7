//! Frames that tell content or membership, each made of what the rules let out to this one reader and of nothing else.

use prost::Message;

use super::definition::wire_signed;
use super::frame::wire_branch;
use super::wire::{self, frame::Frame as Kind};
use crate::model::LogId;
use crate::model::group::{Defined, Roster, SignedDefinition};
use crate::model::identity::Card;
use crate::model::log::{Body, Branch, Entry};
use crate::model::record::{SignedRecall, SignedReceipt};
use crate::rules::label::Outbound;

/// Bytes of a definition in one frame; the rest of the 64 KiB is for the frame itself.
const DEFINITION_CHUNK: usize = 60 << 10;

fn frame(kind: Kind) -> wire::Frame {
    wire::Frame { frame: Some(kind) }
}

/// The frame that carries a recall that may be sent: exactly the bytes that were signed.
///
/// ```
/// use watchfire::link::convert::recall_frame;
/// use watchfire::model::record::SignedRecall;
/// use watchfire::rules::label::Outbound;
///
/// fn send(outbound: &Outbound<SignedRecall>) {
///     recall_frame(outbound);
/// }
/// ```
///
/// What a store holds is not yet what may be sent: this does not compile, though it differs in one type alone.
///
/// ```compile_fail,E0308
/// use watchfire::link::convert::recall_frame;
/// use watchfire::model::record::SignedRecall;
/// use watchfire::rules::label::Held;
///
/// fn send(held: &Held<SignedRecall>) {
///     recall_frame(held);
/// }
/// ```
pub fn recall_frame(outbound: &Outbound<SignedRecall>) -> wire::Frame {
    let SignedRecall { statement, signature, .. } = outbound.get().clone();
    frame(Kind::Recall(wire::SignedRecall { statement, signature }))
}

/// The frame that says that a recall is durable here, with the receipt where the link carries recalls alone.
///
/// ```
/// use watchfire::link::convert::recalled_frame;
/// use watchfire::model::record::SignedReceipt;
/// use watchfire::rules::label::Outbound;
///
/// fn send(outbound: &Outbound<SignedReceipt>) {
///     recalled_frame(&[0; 32], Some(outbound));
/// }
/// ```
///
/// ```compile_fail,E0308
/// use watchfire::link::convert::recalled_frame;
/// use watchfire::model::record::SignedReceipt;
/// use watchfire::rules::label::Held;
///
/// fn send(held: &Held<SignedReceipt>) {
///     recalled_frame(&[0; 32], Some(held));
/// }
/// ```
pub fn recalled_frame(recall: &[u8; 32], receipt: Option<&Outbound<SignedReceipt>>) -> wire::Frame {
    let receipt = receipt
        .map(|receipt| wire::SignedReceipt { statement: receipt.get().statement.clone(), signature: receipt.get().signature.clone() });
    frame(Kind::Recalled(wire::Recalled { recall: recall.to_vec(), receipt }))
}

/// The frame that carries our history of a log to a reader that holds another.
///
/// ```
/// use watchfire::link::convert::conflict_frame;
/// use watchfire::model::log::Branch;
/// use watchfire::rules::label::Outbound;
///
/// fn send(outbound: &Outbound<Branch>) {
///     conflict_frame(outbound);
/// }
/// ```
///
/// ```compile_fail,E0308
/// use watchfire::link::convert::conflict_frame;
/// use watchfire::model::log::Branch;
/// use watchfire::rules::label::Held;
///
/// fn send(held: &Held<Branch>) {
///     conflict_frame(held);
/// }
/// ```
pub fn conflict_frame(outbound: &Outbound<Branch>) -> wire::Frame {
    frame(Kind::Conflict(wire_branch(outbound.get())))
}

/// The frames that carry a group's definition as the reader may see it.
///
/// ```
/// use watchfire::link::convert::definition_frames;
/// use watchfire::model::group::Defined;
/// use watchfire::rules::label::Outbound;
///
/// fn send(outbound: &Outbound<Defined>) {
///     definition_frames(outbound);
/// }
/// ```
///
/// ```compile_fail,E0308
/// use watchfire::link::convert::definition_frames;
/// use watchfire::model::group::Defined;
/// use watchfire::rules::label::Held;
///
/// fn send(held: &Held<Defined>) {
///     definition_frames(held);
/// }
/// ```
pub fn definition_frames(outbound: &Outbound<Defined>) -> Vec<wire::Frame> {
    parts(outbound.get().signed()).into_iter().map(|part| frame(Kind::Definition(part))).collect()
}

/// The frames that carry a hidden group's whole list of members to its other head.
///
/// ```
/// use watchfire::link::convert::roster_frames;
/// use watchfire::model::group::Roster;
/// use watchfire::rules::label::Outbound;
///
/// fn send(outbound: &Outbound<Roster>) {
///     roster_frames(outbound);
/// }
/// ```
///
/// ```compile_fail,E0308
/// use watchfire::link::convert::roster_frames;
/// use watchfire::model::group::Roster;
/// use watchfire::rules::label::Held;
///
/// fn send(held: &Held<Roster>) {
///     roster_frames(held);
/// }
/// ```
pub fn roster_frames(outbound: &Outbound<Roster>) -> Vec<wire::Frame> {
    parts(outbound.get().0.signed()).into_iter().map(|part| frame(Kind::Roster(part))).collect()
}

fn parts(signed: &SignedDefinition) -> Vec<wire::DefinitionPart> {
    let bytes = wire_signed(signed).encode_to_vec();
    let count = bytes.len().div_ceil(DEFINITION_CHUNK);
    let part = |(at, chunk): (usize, &[u8])| wire::DefinitionPart { chunk: chunk.to_vec(), last: at + 1 == count };
    bytes.chunks(DEFINITION_CHUNK).enumerate().map(part).collect()
}

/// The frame that carries our card.
///
/// ```
/// use watchfire::link::convert::card_frame;
/// use watchfire::model::identity::Card;
/// use watchfire::rules::label::Outbound;
///
/// fn send(outbound: &Outbound<Card>) {
///     card_frame(outbound);
/// }
/// ```
///
/// ```compile_fail,E0308
/// use watchfire::link::convert::card_frame;
/// use watchfire::model::identity::Card;
/// use watchfire::rules::label::Held;
///
/// fn send(held: &Held<Card>) {
///     card_frame(held);
/// }
/// ```
pub fn card_frame(outbound: &Outbound<Card>) -> wire::Frame {
    frame(Kind::Card(outbound.get().bytes().to_vec()))
}

/// The frame that carries bodies that were asked for, as many as fit a frame; those that are not here are left out.
///
/// ```
/// use watchfire::link::convert::bodies_frame;
/// use watchfire::model::LogId;
/// use watchfire::model::log::Entry;
/// use watchfire::rules::label::Outbound;
///
/// fn send(log: &LogId, outbound: &[Outbound<Entry>]) {
///     bodies_frame(log, outbound);
/// }
/// ```
///
/// ```compile_fail,E0308
/// use watchfire::link::convert::bodies_frame;
/// use watchfire::model::LogId;
/// use watchfire::model::log::Entry;
/// use watchfire::rules::label::Held;
///
/// fn send(log: &LogId, held: &[Held<Entry>]) {
///     bodies_frame(log, held);
/// }
/// ```
pub fn bodies_frame(log: &LogId, outbound: &[Outbound<Entry>]) -> wire::Frame {
    let item = |entry: &Outbound<Entry>| match (&entry.get().body, entry.get().salt) {
        (Body::Present(body), Some(salt)) => {
            Some(wire::bodies::Item { seq: entry.get().header.seq, salt: salt.to_vec(), body: body.clone() })
        }
        _ => None,
    };
    frame(Kind::Bodies(wire::Bodies { log: log.0.to_vec(), items: outbound.iter().filter_map(item).collect() }))
}
