//! Requests about peers, pairing and groups.

use super::extract::{Answer, Ask, Asked, read};
use crate::node::Node;
use crate::node::view::{GroupCreate, GroupView, InviteView, JoinView, PeerOptions, PeerRemoveView, PeerView};
use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A signed card.
#[derive(Debug, Serialize, Deserialize)]
pub struct Card {
    /// Its text.
    pub card: String,
}

pub(super) async fn card(State(node): State<Arc<Node>>) -> Answer<Card> {
    read(node, |node| Ok(Card { card: node.card()? })).await
}

pub(super) async fn list(State(node): State<Arc<Node>>) -> Answer<Vec<PeerView>> {
    read(node, Node::peers).await
}

/// A peer to be added.
#[derive(Debug, Serialize, Deserialize)]
pub struct PeerAdd {
    /// The text of its card.
    pub card: String,
    /// Its name here.
    pub name: String,
    /// How it is reached.
    #[serde(flatten)]
    pub options: PeerOptions,
}

pub(super) async fn add(State(node): State<Arc<Node>>, Ask(peer): Ask<PeerAdd>) -> Answer<PeerView> {
    Ok(Json(node.peer_add(&peer.card, &peer.name, peer.options).await?))
}

pub(super) async fn show(State(node): State<Arc<Node>>, Path(name): Path<String>) -> Answer<PeerView> {
    read(node, move |node| node.peer(&name)).await
}

/// The query of a suspension.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SuspendQuery {
    /// Whether links still carry recalls.
    #[serde(default)]
    recalls: bool,
}

pub(super) async fn suspend(
    State(node): State<Arc<Node>>,
    Path(name): Path<String>,
    Asked(query): Asked<SuspendQuery>,
) -> Answer<PeerView> {
    Ok(Json(match query.recalls {
        true => node.peer_suspend_but_for_recalls(&name).await?,
        false => node.peer_suspend(&name).await?,
    }))
}

pub(super) async fn resume(State(node): State<Arc<Node>>, Path(name): Path<String>) -> Answer<PeerView> {
    Ok(Json(node.peer_resume(&name).await?))
}

pub(super) async fn remove(State(node): State<Arc<Node>>, Path(name): Path<String>) -> Answer<PeerRemoveView> {
    Ok(Json(node.peer_remove(&name).await?))
}

/// Digits that two people have compared.
#[derive(Debug, Serialize, Deserialize)]
pub struct Digits {
    /// Twelve digits, with or without blanks and hyphens between.
    pub digits: String,
    /// What the peer is called here from then on; as before where none is given.
    #[serde(default)]
    pub name: Option<String>,
}

pub(super) async fn confirm(State(node): State<Arc<Node>>, Path(name): Path<String>, Ask(ask): Ask<Digits>) -> Answer<PeerView> {
    Ok(Json(node.peer_confirm_as(&name, &ask.digits, ask.name.as_deref()).await?))
}

/// Another name for a peer.
#[derive(Debug, Serialize, Deserialize)]
pub struct Rename {
    /// What it is called here from then on.
    pub name: String,
}

pub(super) async fn rename(State(node): State<Arc<Node>>, Path(name): Path<String>, Ask(ask): Ask<Rename>) -> Answer<PeerView> {
    Ok(Json(node.peer_rename(&name, &ask.name).await?))
}

pub(super) async fn invite(State(node): State<Arc<Node>>) -> Answer<InviteView> {
    Ok(Json(node.invite().await?))
}

/// An invitation to be taken up.
#[derive(Debug, Serialize, Deserialize)]
pub struct Join {
    /// Its text.
    pub invitation: String,
    /// What the inviting organisation is to be called here; a name is made where none is given.
    #[serde(default)]
    pub name: Option<String>,
}

pub(super) async fn join(State(node): State<Arc<Node>>, Ask(ask): Ask<Join>) -> Answer<JoinView> {
    Ok(Json(node.join(&ask.invitation, ask.name.as_deref()).await?))
}

pub(super) async fn groups(State(node): State<Arc<Node>>) -> Answer<Vec<GroupView>> {
    read(node, Node::groups).await
}

pub(super) async fn group_create(State(node): State<Arc<Node>>, Ask(ask): Ask<GroupCreate>) -> Answer<GroupView> {
    Ok(Json(node.group_create(ask).await?))
}

pub(super) async fn group(State(node): State<Arc<Node>>, Path(group): Path<String>) -> Answer<GroupView> {
    read(node, move |node| node.group(&group)).await
}

/// A peer that joins a group.
#[derive(Debug, Serialize, Deserialize)]
pub struct GroupAdd {
    /// Its name or id.
    pub peer: String,
}

pub(super) async fn group_add(State(node): State<Arc<Node>>, Path(group): Path<String>, Ask(ask): Ask<GroupAdd>) -> Answer<GroupView> {
    Ok(Json(node.group_add(&group, &ask.peer).await?))
}

pub(super) async fn group_remove(State(node): State<Arc<Node>>, Path((group, peer)): Path<(String, String)>) -> Answer<GroupView> {
    Ok(Json(node.group_remove(&group, &peer).await?))
}

/// Whether TLP:GREEN moves within a group.
#[derive(Debug, Serialize, Deserialize)]
pub struct GroupCommunity {
    /// Whether it does.
    pub community: bool,
}

pub(super) async fn group_community(
    State(node): State<Arc<Node>>,
    Path(group): Path<String>,
    Ask(ask): Ask<GroupCommunity>,
) -> Answer<GroupView> {
    Ok(Json(node.group_community(&group, ask.community).await?))
}

/// Who takes over a group when its owner is lost.
#[derive(Debug, Serialize, Deserialize)]
pub struct GroupDeputy {
    /// The name or id of a peer that is a member; nobody where it is not given.
    #[serde(default)]
    pub peer: Option<String>,
}

pub(super) async fn group_deputy(
    State(node): State<Arc<Node>>,
    Path(group): Path<String>,
    Ask(ask): Ask<GroupDeputy>,
) -> Answer<GroupView> {
    Ok(Json(node.group_deputy(&group, ask.peer.as_deref()).await?))
}

pub(super) async fn group_accept(State(node): State<Arc<Node>>, Path(group): Path<String>) -> Answer<GroupView> {
    Ok(Json(node.group_accept(&group).await?))
}

pub(super) async fn group_leave(State(node): State<Arc<Node>>, Path(group): Path<String>) -> Answer<GroupView> {
    Ok(Json(node.group_leave(&group).await?))
}

pub(super) async fn group_take_over(State(node): State<Arc<Node>>, Path(group): Path<String>) -> Answer<GroupView> {
    Ok(Json(node.group_take_over(&group).await?))
}
