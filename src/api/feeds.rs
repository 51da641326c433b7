//! Requests about feeds that are taken in (docs/feeds.md).

use super::extract::{Answer, Ask, read};
use crate::model::desk::Ordered;
use crate::node::Node;
use crate::node::feeds::{FeedAdd, FeedRun, FeedRunView, FeedView};
use crate::rules::desk::Deed;
use axum::Json;
use axum::extract::{Path, State};
use std::sync::Arc;

pub(super) async fn list(State(node): State<Arc<Node>>) -> Answer<Vec<FeedView>> {
    read(node, Node::feeds).await
}

pub(super) async fn show(State(node): State<Arc<Node>>, Path(name): Path<String>) -> Answer<FeedView> {
    read(node, move |node| node.feed(&name)).await
}

pub(super) async fn add(State(node): State<Arc<Node>>, Ask(ask): Ask<Ordered<FeedAdd>>) -> Answer<FeedView> {
    let Ordered { request, order } = ask;
    let by = node.ordered("feed-add", "", &request, order.as_ref(), Deed::Feeds).await?;
    Ok(Json(node.add_feed(request, by).await?))
}

pub(super) async fn run(State(node): State<Arc<Node>>, Path(name): Path<String>, Ask(ask): Ask<Ordered<FeedRun>>) -> Answer<FeedRunView> {
    let Ordered { request, order } = ask;
    node.ordered("feed-run", &name, &request, order.as_ref(), Deed::Feeds).await?;
    Ok(Json(node.feed_now(&name, request).await?))
}

pub(super) async fn pause(State(node): State<Arc<Node>>, Path(name): Path<String>, Ask(ask): Ask<Ordered<()>>) -> Answer<FeedView> {
    let Ordered { request, order } = ask;
    let by = node.ordered("feed-pause", &name, &request, order.as_ref(), Deed::Feeds).await?;
    Ok(Json(node.pause_feed(&name, true, by).await?))
}

pub(super) async fn resume(State(node): State<Arc<Node>>, Path(name): Path<String>, Ask(ask): Ask<Ordered<()>>) -> Answer<FeedView> {
    let Ordered { request, order } = ask;
    let by = node.ordered("feed-resume", &name, &request, order.as_ref(), Deed::Feeds).await?;
    Ok(Json(node.pause_feed(&name, false, by).await?))
}

pub(super) async fn remove(State(node): State<Arc<Node>>, Path(name): Path<String>, Ask(ask): Ask<Ordered<()>>) -> Answer<FeedView> {
    let Ordered { request, order } = ask;
    let by = node.ordered("feed-remove", &name, &request, order.as_ref(), Deed::Feeds).await?;
    Ok(Json(node.remove_feed(&name, by).await?))
}
