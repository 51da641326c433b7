//! Requests about sightings.

use super::extract::{Answer, Ask, Asked, read};
use crate::model::Timestamp;
use crate::model::desk::Ordered;
use crate::node::Node;
use crate::node::sighting::{SightingReport, SightingRequest, SightingView, WithdrawSightingRequest, WithdrawnView};
use crate::rules::desk::Deed;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Which of them.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SightingsQuery {
    /// Of this value or record alone.
    #[serde(default)]
    of: Option<String>,
    /// Said from this time on.
    #[serde(default)]
    since: Option<Timestamp>,
}

pub(super) async fn add(State(node): State<Arc<Node>>, Ask(ask): Ask<Ordered<SightingRequest>>) -> Answer<SightingReport> {
    let by = node.ordered("sighting", "", &ask.request, ask.order.as_ref(), Deed::Work).await?;
    Ok(Json(node.add_sighting(ask.request, by).await?))
}

pub(super) async fn withdraw(State(node): State<Arc<Node>>, Ask(ask): Ask<Ordered<WithdrawSightingRequest>>) -> Answer<WithdrawnView> {
    let by = node.ordered("sighting-withdraw", "", &ask.request, ask.order.as_ref(), Deed::Work).await?;
    Ok(Json(node.withdraw_sighting(ask.request, by).await?))
}

pub(super) async fn list(State(node): State<Arc<Node>>, Asked(query): Asked<SightingsQuery>) -> Answer<Vec<SightingView>> {
    read(node, move |node| node.sightings(query.of.as_deref(), query.since)).await
}
