//! Requests about alerts.

use super::extract::{Answer, Ask, Asked, read};
use crate::model::desk::Ordered;
use crate::node::Node;
use crate::node::alert::{AlertRequest, AlertView, PublishedView, ReadRequest, WithdrawRequest};
use crate::rules::desk::Deed;
use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Which of them.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AlertsQuery {
    /// Those that do not hold any more, too.
    #[serde(default)]
    all: bool,
}

pub(super) async fn publish(State(node): State<Arc<Node>>, Ask(ask): Ask<Ordered<AlertRequest>>) -> Answer<PublishedView> {
    let Ordered { request, order } = ask;
    let by = node.ordered("alert", "", &request, order.as_ref(), Deed::Alert).await?;
    Ok(Json(node.publish_alert(request, by).await?))
}

pub(super) async fn withdraw(
    State(node): State<Arc<Node>>,
    Path(id): Path<String>,
    Ask(ask): Ask<Ordered<WithdrawRequest>>,
) -> Answer<AlertView> {
    let by = node.ordered("alert-withdraw", &id, &ask.request, ask.order.as_ref(), Deed::Alert).await?;
    Ok(Json(node.withdraw_alert(&id, ask.request, by).await?))
}

pub(super) async fn mark_read(
    State(node): State<Arc<Node>>,
    Path(id): Path<String>,
    Ask(ask): Ask<Ordered<ReadRequest>>,
) -> Answer<AlertView> {
    let by = node.ordered("alert-read", &id, &ask.request, ask.order.as_ref(), Deed::Work).await?;
    Ok(Json(node.read_alert(&id, by).await?))
}

pub(super) async fn list(State(node): State<Arc<Node>>, Asked(query): Asked<AlertsQuery>) -> Answer<Vec<AlertView>> {
    read(node, move |node| node.alert_views(query.all)).await
}

pub(super) async fn show(State(node): State<Arc<Node>>, Path(id): Path<String>) -> Answer<AlertView> {
    read(node, move |node| node.alert_view_of(&id)).await
}
