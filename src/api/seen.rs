//! Requests about what was seen.

use super::extract::{Answer, Ask, read};
use crate::model::desk::Ordered;
use crate::node::Node;
use crate::node::duplicate::{SeenAllowRequest, SeenAnswer, SeenAskRequest, SeenDisallowRequest, SeenValueView, SeenView};
use crate::rules::desk::Deed;
use axum::Json;
use axum::extract::State;
use std::sync::Arc;

pub(super) async fn list(State(node): State<Arc<Node>>) -> Answer<SeenView> {
    read(node, Node::seen_values).await
}

pub(super) async fn ask(State(node): State<Arc<Node>>, Ask(ask): Ask<Ordered<SeenAskRequest>>) -> Answer<Vec<SeenAnswer>> {
    let by = node.ordered("seen-ask", "", &ask.request, ask.order.as_ref(), Deed::Work).await?;
    Ok(Json(node.ask_seen(ask.request, by).await?))
}

pub(super) async fn allow(State(node): State<Arc<Node>>, Ask(ask): Ask<Ordered<SeenAllowRequest>>) -> Answer<Vec<SeenValueView>> {
    let by = node.ordered("seen-allow", "", &ask.request, ask.order.as_ref(), Deed::Work).await?;
    Ok(Json(node.allow_seen(ask.request, by).await?))
}

pub(super) async fn disallow(State(node): State<Arc<Node>>, Ask(ask): Ask<Ordered<SeenDisallowRequest>>) -> Answer<Vec<SeenValueView>> {
    let by = node.ordered("seen-disallow", "", &ask.request, ask.order.as_ref(), Deed::Work).await?;
    Ok(Json(node.disallow_seen(ask.request, by).await?))
}
