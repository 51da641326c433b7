//! Requests about programs that may fetch (docs/serving.md).

use super::extract::{Answer, Ask, read};
use crate::model::desk::Ordered;
use crate::node::Node;
use crate::node::serving::{ConsumerAdd, ConsumerRenew, ConsumerView, ConsumersView, TokenView};
use crate::rules::desk::Deed;
use axum::Json;
use axum::extract::{Path, State};
use std::sync::Arc;

pub(super) async fn list(State(node): State<Arc<Node>>) -> Answer<ConsumersView> {
    read(node, Node::consumers).await
}

pub(super) async fn add(State(node): State<Arc<Node>>, Ask(ask): Ask<Ordered<ConsumerAdd>>) -> Answer<TokenView> {
    let Ordered { request, order } = ask;
    let by = node.ordered("consumer-add", "", &request, order.as_ref(), Deed::Consumers).await?;
    Ok(Json(node.add_consumer(request, by).await?))
}

pub(super) async fn renew(
    State(node): State<Arc<Node>>,
    Path(name): Path<String>,
    Ask(ask): Ask<Ordered<ConsumerRenew>>,
) -> Answer<TokenView> {
    let Ordered { request, order } = ask;
    let by = node.ordered("consumer-renew", &name, &request, order.as_ref(), Deed::Consumers).await?;
    Ok(Json(node.renew_consumer(&name, request, by).await?))
}

pub(super) async fn revoke(State(node): State<Arc<Node>>, Path(name): Path<String>, Ask(ask): Ask<Ordered<()>>) -> Answer<ConsumerView> {
    let Ordered { request, order } = ask;
    let by = node.ordered("consumer-revoke", &name, &request, order.as_ref(), Deed::Consumers).await?;
    Ok(Json(node.revoke_consumer(&name, by).await?))
}

pub(super) async fn keep(State(node): State<Arc<Node>>, Path(name): Path<String>, Ask(ask): Ask<Ordered<()>>) -> Answer<ConsumerView> {
    let Ordered { request, order } = ask;
    let by = node.ordered("consumer-keep", &name, &request, order.as_ref(), Deed::Consumers).await?;
    Ok(Json(node.keep_consumer(&name, by).await?))
}
