//! Requests about referrals.

use super::extract::{Answer, Ask, Asked, read};
use crate::node::Node;
use crate::node::referral::{ActRequest, InboxView, ReferRequest, ReferView, ReferralView};
use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Which of them.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct InboxQuery {
    /// Those that are over too.
    #[serde(default)]
    all: bool,
}

pub(super) async fn refer(State(node): State<Arc<Node>>, Ask(request): Ask<ReferRequest>) -> Answer<ReferView> {
    Ok(Json(node.refer(request).await?))
}

pub(super) async fn inbox(State(node): State<Arc<Node>>, Asked(query): Asked<InboxQuery>) -> Answer<Vec<InboxView>> {
    read(node, move |node| node.inbox(query.all)).await
}

pub(super) async fn show(State(node): State<Arc<Node>>, Path(id): Path<String>) -> Answer<ReferralView> {
    read(node, move |node| node.referral_named_view(&id)).await
}

pub(super) async fn act(
    State(node): State<Arc<Node>>,
    Path(id): Path<String>,
    Ask(request): Ask<ActRequest>,
) -> Answer<ReferralView> {
    Ok(Json(node.act(&id, request).await?))
}
