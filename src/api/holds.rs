//! Requests about what is held and what has left.

use super::Problem;
use super::extract::{Answer, Ask, Asked, read};
use super::stream::BodyWriter;
use crate::model::desk::Ordered;
use crate::node::Node;
use crate::node::error::NodeError;
use crate::node::view::{ChainView, DisclosureRange, DisclosureView, HoldView, Page, PreviewView};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::sync::Arc;
use tokio_stream::wrappers::ReceiverStream;

pub(super) async fn list(State(node): State<Arc<Node>>) -> Answer<Vec<HoldView>> {
    read(node, Node::holds).await
}

pub(super) async fn preview(State(node): State<Arc<Node>>, Path(id): Path<String>, Asked(page): Asked<Page>) -> Answer<PreviewView> {
    read(node, move |node| node.preview(&id, page)).await
}

/// What is asked about a release that is held: whose order it is, where it was said in a referral or is an alert. Else nothing (`null`).
type HoldOrder = Option<Ordered<()>>;

pub(super) async fn undo(State(node): State<Arc<Node>>, Path(id): Path<String>, Ask(ask): Ask<HoldOrder>) -> Answer<HoldView> {
    let order = ask.and_then(|ask| ask.order);
    Ok(Json(node.undo(&id, order.as_ref()).await?))
}

pub(super) async fn release(State(node): State<Arc<Node>>, Path(id): Path<String>, Ask(ask): Ask<HoldOrder>) -> Answer<HoldView> {
    let order = ask.and_then(|ask| ask.order);
    Ok(Json(node.release_hold(&id, order.as_ref()).await?))
}

pub(super) async fn disclosures(State(node): State<Arc<Node>>, Asked(range): Asked<DisclosureRange>) -> Answer<Vec<DisclosureView>> {
    read(node, move |node| node.disclosures(range.clone())).await
}

/// The query of a check.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HeadQuery {
    /// A hash that was written down, in hex.
    #[serde(default)]
    head: Option<String>,
}

pub(super) async fn verify(State(node): State<Arc<Node>>, Asked(query): Asked<HeadQuery>) -> Answer<ChainView> {
    let head = query.head.as_deref().map(hash_of).transpose()?;
    read(node, move |node| node.verify_disclosures(head)).await
}

/// Reads the hash of a disclosure.
///
/// # Errors
/// When it is none.
pub fn hash_of(text: &str) -> Result<[u8; 32], Problem> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| {
        let text =
            format!("`{text}` is not the hash of a disclosure\nhint: `watchfire disclosures verify` prints the head as 64 hex digits");
        NodeError::BadInput(text).into()
    })
}

pub(super) async fn export(State(node): State<Arc<Node>>) -> Response {
    let (mut writer, chunks) = BodyWriter::new();
    tokio::task::spawn_blocking(move || {
        let done = node.export_disclosures(&mut writer).and_then(|()| writer.flush().map_err(|error| NodeError::io("send them", error)));
        if let Err(error) = done {
            writer.fail(io::Error::other(error.to_string()));
        }
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(ReceiverStream::new(chunks))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_64_hex_digits() {
        assert_eq!(hash_of(&"0A".repeat(32)).ok(), Some([10; 32]));
        let said = hash_of("abc").expect_err("too short");
        assert_eq!(said.detail, "`abc` is not the hash of a disclosure");
        assert_eq!(said.hint.as_deref(), Some("`watchfire disclosures verify` prints the head as 64 hex digits"));
    }
}
