//! Requests about hand-overs between shifts.

use super::extract::{Answer, Ask, read};
use crate::model::desk::Ordered;
use crate::node::Node;
use crate::node::handover::{AcceptRequest, HandOverRequest, HandOverView};
use crate::rules::desk::Deed;
use axum::Json;
use axum::extract::{Path, State};
use std::sync::Arc;

pub(super) async fn open(State(node): State<Arc<Node>>, Ask(ask): Ask<Ordered<HandOverRequest>>) -> Answer<HandOverView> {
    let Ordered { request, order } = ask;
    let by = node.ordered("handover", "", &request, order.as_ref(), Deed::Work).await?;
    Ok(Json(node.open_handover(request, by).await?))
}

pub(super) async fn accept(
    State(node): State<Arc<Node>>,
    Path(id): Path<String>,
    Ask(ask): Ask<Ordered<AcceptRequest>>,
) -> Answer<HandOverView> {
    let by = node.ordered("handover-accept", &id, &ask.request, ask.order.as_ref(), Deed::Work).await?;
    Ok(Json(node.accept_handover(&id, by).await?))
}

pub(super) async fn list(State(node): State<Arc<Node>>) -> Answer<Vec<HandOverView>> {
    read(node, Node::handovers).await
}

pub(super) async fn show(State(node): State<Arc<Node>>, Path(id): Path<String>) -> Answer<HandOverView> {
    read(node, move |node| node.handover(&id)).await
}
