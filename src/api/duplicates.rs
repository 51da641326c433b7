//! Requests about checks for duplicates. No contact is in any.

use super::extract::{Answer, Ask, read};
use crate::model::desk::Ordered;
use crate::node::Node;
use crate::node::duplicate::{
    AllowRequest, AllowedOne, CheckRequest, CheckedView, ClaimRequest, DecideRequest, DisallowRequest, DuplicatesView, EvaluateRequest,
    EvaluatedView, FoundView,
};
use crate::rules::desk::Deed;
use axum::Json;
use axum::extract::{Path, State};
use std::sync::Arc;

pub(super) async fn list(State(node): State<Arc<Node>>) -> Answer<DuplicatesView> {
    read(node, Node::duplicates).await
}

pub(super) async fn check(State(node): State<Arc<Node>>, Ask(ask): Ask<Ordered<CheckRequest>>) -> Answer<Vec<CheckedView>> {
    let by = node.ordered("duplicate-check", "", &ask.request, ask.order.as_ref(), Deed::Duplicate).await?;
    Ok(Json(node.check_duplicates(ask.request, by).await?))
}

pub(super) async fn claim(State(node): State<Arc<Node>>, Ask(request): Ask<ClaimRequest>) -> Answer<()> {
    Ok(Json(node.claim_duplicates(request).await?))
}

pub(super) async fn evaluate(State(node): State<Arc<Node>>, Ask(ask): Ask<Ordered<EvaluateRequest>>) -> Answer<EvaluatedView> {
    let by = node.ordered("duplicate-evaluate", "", &ask.request, ask.order.as_ref(), Deed::Duplicate).await?;
    Ok(Json(node.evaluate_own(ask.request, by).await?))
}

pub(super) async fn allow(State(node): State<Arc<Node>>, Ask(ask): Ask<Ordered<AllowRequest>>) -> Answer<AllowedOne> {
    let by = node.ordered("duplicate-allow", "", &ask.request, ask.order.as_ref(), Deed::Duplicate).await?;
    Ok(Json(node.allow_duplicate(ask.request, by).await?))
}

pub(super) async fn disallow(
    State(node): State<Arc<Node>>,
    Path(id): Path<String>,
    Ask(ask): Ask<Ordered<DisallowRequest>>,
) -> Answer<AllowedOne> {
    let by = node.ordered("duplicate-disallow", &id, &ask.request, ask.order.as_ref(), Deed::Duplicate).await?;
    Ok(Json(node.disallow_duplicate(&id, by).await?))
}

pub(super) async fn decide(
    State(node): State<Arc<Node>>,
    Path(id): Path<String>,
    Ask(ask): Ask<Ordered<DecideRequest>>,
) -> Answer<FoundView> {
    let by = node.ordered("duplicate-decide", &id, &ask.request, ask.order.as_ref(), Deed::Duplicate).await?;
    Ok(Json(node.decide_duplicate(&id, ask.request, by).await?))
}
