//! Requests about profiles.

use super::extract::{Answer, Ask, Asked, read};
use crate::model::desk::Ordered;
use crate::node::Node;
use crate::node::profile::{MatchView, NeedRequest, ProfileFile, ProfileSet, ProfileView, PublishView};
use crate::rules::desk::Deed;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Whose, and as who would see it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ShowQuery {
    #[serde(default)]
    who: Option<String>,
    #[serde(default)]
    reader: Option<String>,
}

/// Which file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FileQuery {
    /// The template, whatever is in force.
    #[serde(default)]
    template: bool,
}

pub(super) async fn show(State(node): State<Arc<Node>>, Asked(query): Asked<ShowQuery>) -> Answer<ProfileView> {
    read(node, move |node| node.profile_view(query.who.as_deref(), query.reader.as_deref())).await
}

pub(super) async fn file(State(node): State<Arc<Node>>, Asked(query): Asked<FileQuery>) -> Answer<ProfileFile> {
    read(node, move |node| node.profile_file(query.template)).await
}

pub(super) async fn check(State(node): State<Arc<Node>>, Ask(file): Ask<ProfileFile>) -> Answer<PublishView> {
    read(node, move |node| node.profile_check(&file.text)).await
}

pub(super) async fn set(State(node): State<Arc<Node>>, Ask(ask): Ask<Ordered<ProfileSet>>) -> Answer<PublishView> {
    let Ordered { request, order } = ask;
    let by = node.ordered("profile", "", &request, order.as_ref(), Deed::Profile).await?;
    Ok(Json(node.profile_set(request, by).await?))
}

pub(super) async fn match_need(State(node): State<Arc<Node>>, Ask(need): Ask<NeedRequest>) -> Answer<MatchView> {
    read(node, move |node| node.match_need(&need)).await
}
