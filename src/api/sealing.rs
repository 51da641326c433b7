//! Requests about what is sealed to the desk. Nothing here opens anything.

use super::extract::{Answer, Ask, read};
use crate::model::desk::{KeyShare, SealPublic, SignedKeyChange, SignedOpening, UserSealKey};
use crate::node::Node;
use crate::node::view::DeskKeysView;
use axum::Json;
use axum::extract::{Path, State};
use std::sync::Arc;

pub(super) async fn show(State(node): State<Arc<Node>>) -> Answer<DeskKeysView> {
    read(node, Node::desk_keys).await
}

pub(super) async fn change(State(node): State<Arc<Node>>, Ask(signed): Ask<SignedKeyChange>) -> Answer<DeskKeysView> {
    Ok(Json(node.change_desk_key(signed).await?))
}

pub(super) async fn publish(State(node): State<Arc<Node>>) -> Answer<DeskKeysView> {
    node.publish_desk_key()?;
    read(node, Node::desk_keys).await
}

pub(super) async fn shares(State(node): State<Arc<Node>>, Path(name): Path<String>) -> Answer<Vec<KeyShare>> {
    read(node, move |node| node.key_shares(&name)).await
}

pub(super) async fn register(State(node): State<Arc<Node>>, Ask(key): Ask<UserSealKey>) -> Answer<DeskKeysView> {
    node.register_seal_key(key).await?;
    read(node, Node::desk_keys).await
}

pub(super) async fn of(State(node): State<Arc<Node>>, Path(name): Path<String>) -> Answer<Option<SealPublic>> {
    read(node, move |node| node.desk_public(&node.peer_named(&name)?.org)).await
}

pub(super) async fn openings(State(node): State<Arc<Node>>) -> Answer<Vec<SignedOpening>> {
    read(node, Node::openings).await
}

pub(super) async fn opening(State(node): State<Arc<Node>>, Ask(signed): Ask<SignedOpening>) -> Answer<()> {
    Ok(Json(node.note_opening(signed).await?))
}
