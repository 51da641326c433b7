//! Requests about calls for help.

use super::extract::{Answer, Ask, Asked, read};
use crate::model::desk::Ordered;
use crate::node::Node;
use crate::node::call::{CallRequest, CallView, CloseRequest, VolunteerRequest};
use crate::rules::desk::Deed;
use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Which of them.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CallsQuery {
    /// Those that are over too.
    #[serde(default)]
    all: bool,
}

pub(super) async fn open(State(node): State<Arc<Node>>, Ask(ask): Ask<Ordered<CallRequest>>) -> Answer<CallView> {
    let Ordered { request, order } = ask;
    let by = node.ordered("call", "", &request, order.as_ref(), Deed::Refer).await?;
    Ok(Json(node.open_call(request, by).await?))
}

pub(super) async fn close(State(node): State<Arc<Node>>, Path(id): Path<String>, Ask(ask): Ask<Ordered<CloseRequest>>) -> Answer<CallView> {
    let by = node.ordered("call-close", &id, &ask.request, ask.order.as_ref(), Deed::Refer).await?;
    Ok(Json(node.close_call(&id, by).await?))
}

pub(super) async fn volunteer(
    State(node): State<Arc<Node>>,
    Path(id): Path<String>,
    Ask(ask): Ask<Ordered<VolunteerRequest>>,
) -> Answer<CallView> {
    let by = node.ordered("volunteer", &id, &ask.request, ask.order.as_ref(), Deed::Work).await?;
    Ok(Json(node.volunteer(&id, ask.request, by).await?))
}

pub(super) async fn list(State(node): State<Arc<Node>>, Asked(query): Asked<CallsQuery>) -> Answer<Vec<CallView>> {
    read(node, move |node| node.calls(query.all)).await
}

pub(super) async fn show(State(node): State<Arc<Node>>, Path(id): Path<String>) -> Answer<CallView> {
    read(node, move |node| node.call_view_of(&id)).await
}
