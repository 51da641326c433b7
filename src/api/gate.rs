//! Requests about the release gate: what it would say of values, and that it is told anew.

use super::extract::{Answer, Ask, read};
use crate::node::Node;
use crate::node::gate::JudgedView;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Values to be judged.
#[derive(Debug, Serialize, Deserialize)]
pub struct Values {
    /// The values, defanged or not.
    pub values: Vec<String>,
}

/// The gate knows what its files say.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reloaded {
    /// Always true.
    pub reloaded: bool,
}

pub(super) async fn check(State(node): State<Arc<Node>>, Ask(request): Ask<Values>) -> Answer<Vec<JudgedView>> {
    read(node, move |node| node.judge(&request.values)).await
}

pub(super) async fn reload(State(node): State<Arc<Node>>) -> Answer<Reloaded> {
    read(node, |node| node.reload_gate().map(|()| Reloaded { reloaded: true })).await
}
