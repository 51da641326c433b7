//! Requests about referrals.

use super::extract::{Answer, Ask, Asked, read};
use crate::model::desk::Ordered;
use crate::node::Node;
use crate::node::escalate::TimerView;
use crate::node::referral::{
    ActRequest, AgainRequest, AnswerRequest, ContactView, DeedRange, DeedView, InboxView, PingRequest, PlatformRequest, PlatformView,
    ReferRequest, ReferView, ReferralView,
};
use crate::rules::desk::Deed;
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

/// Of which referral.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OneReferral {
    /// Of this referral alone.
    #[serde(default)]
    referral: Option<String>,
}

pub(super) async fn timers(State(node): State<Arc<Node>>, Asked(query): Asked<OneReferral>) -> Answer<Vec<TimerView>> {
    read(node, move |node| node.timers(query.referral.as_deref())).await
}

pub(super) async fn refer(State(node): State<Arc<Node>>, Ask(ask): Ask<Ordered<ReferRequest>>) -> Answer<ReferView> {
    let Ordered { request, order } = ask;
    let by = node.ordered("refer", "", &request, order.as_ref(), Deed::Refer).await?;
    Ok(Json(node.refer(request, by).await?))
}

pub(super) async fn again(
    State(node): State<Arc<Node>>,
    Path(id): Path<String>,
    Ask(ask): Ask<Ordered<AgainRequest>>,
) -> Answer<ReferView> {
    let Ordered { request, order } = ask;
    let by = node.ordered("again", &id, &request, order.as_ref(), Deed::Refer).await?;
    Ok(Json(node.refer_again(&id, request, by).await?))
}

pub(super) async fn inbox(State(node): State<Arc<Node>>, Asked(query): Asked<InboxQuery>) -> Answer<Vec<InboxView>> {
    read(node, move |node| node.inbox(query.all)).await
}

pub(super) async fn show(State(node): State<Arc<Node>>, Path(id): Path<String>) -> Answer<ReferralView> {
    read(node, move |node| node.referral_named_view(&id)).await
}

pub(super) async fn contact(State(node): State<Arc<Node>>, Path(id): Path<String>) -> Answer<ContactView> {
    read(node, move |node| node.sealed_contact(&id)).await
}

pub(super) async fn act(State(node): State<Arc<Node>>, Path(id): Path<String>, Ask(ask): Ask<Ordered<ActRequest>>) -> Answer<ReferralView> {
    let Ordered { request, order } = ask;
    let by = node.ordered("act", &id, &request, order.as_ref(), request.deed()).await?;
    Ok(Json(node.act(&id, request, by).await?))
}

pub(super) async fn deeds(State(node): State<Arc<Node>>, Asked(range): Asked<DeedRange>) -> Answer<Vec<DeedView>> {
    read(node, move |node| node.deeds(&range)).await
}

pub(super) async fn platforms(State(node): State<Arc<Node>>, Asked(query): Asked<OneReferral>) -> Answer<Vec<PlatformView>> {
    read(node, move |node| node.platforms(query.referral.as_deref())).await
}

pub(super) async fn open_platform(
    State(node): State<Arc<Node>>,
    Path(id): Path<String>,
    Ask(ask): Ask<Ordered<PlatformRequest>>,
) -> Answer<PlatformView> {
    let Ordered { request, order } = ask;
    let by = node.ordered("platform-open", &id, &request, order.as_ref(), Deed::Work).await?;
    Ok(Json(node.open_platform(&id, request, by).await?))
}

pub(super) async fn ping_platform(
    State(node): State<Arc<Node>>,
    Path(id): Path<String>,
    Ask(ask): Ask<Ordered<PingRequest>>,
) -> Answer<PlatformView> {
    let Ordered { request, order } = ask;
    let by = node.ordered("platform-ping", &id, &request, order.as_ref(), Deed::Work).await?;
    Ok(Json(node.ping_platform(&id, request, by).await?))
}

pub(super) async fn answer_platform(
    State(node): State<Arc<Node>>,
    Path(id): Path<String>,
    Ask(ask): Ask<Ordered<AnswerRequest>>,
) -> Answer<PlatformView> {
    let Ordered { request, order } = ask;
    let by = node.ordered("platform-answer", &id, &request, order.as_ref(), Deed::Work).await?;
    Ok(Json(node.answer_platform(&id, request, by).await?))
}
