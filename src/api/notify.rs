//! Requests about how people are told.

use super::extract::{Answer, Ask, read};
use crate::node::Node;
use crate::node::notify::{NoticesView, Tried};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Asks for a test of a channel, or of all.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestRequest {
    /// The channel.
    #[serde(default)]
    pub channel: Option<String>,
}

pub(super) async fn list(State(node): State<Arc<Node>>) -> Answer<NoticesView> {
    read(node, Node::notices).await
}

pub(super) async fn test(State(node): State<Arc<Node>>, Ask(ask): Ask<TestRequest>) -> Answer<Vec<Tried>> {
    Ok(Json(node.test_channels(ask.channel.as_deref()).await?))
}
