//! Requests about the desk's users, and what two of them sign.

use super::extract::{Answer, Ask, read};
use crate::model::desk::{SignedApproval, SignedChange, SignedRelease};
use crate::node::Node;
use crate::node::view::{HoldTerms, HoldView, UserChanged, UserKeyView, UsersView};
use axum::Json;
use axum::extract::{Path, State};
use std::sync::Arc;

pub(super) async fn list(State(node): State<Arc<Node>>) -> Answer<UsersView> {
    read(node, Node::users).await
}

pub(super) async fn change(State(node): State<Arc<Node>>, Ask(ask): Ask<UserChanged>) -> Answer<UsersView> {
    Ok(Json(node.change_users(ask).await?))
}

pub(super) async fn log(State(node): State<Arc<Node>>) -> Answer<Vec<SignedChange>> {
    read(node, Node::user_log).await
}

pub(super) async fn show(State(node): State<Arc<Node>>, Path(name): Path<String>) -> Answer<UserKeyView> {
    read(node, move |node| node.user(&name)).await
}

pub(super) async fn terms(State(node): State<Arc<Node>>, Path(id): Path<String>) -> Answer<HoldTerms> {
    read(node, move |node| node.hold_terms(&id)).await
}

pub(super) async fn sign(State(node): State<Arc<Node>>, Path(id): Path<String>, Ask(signed): Ask<SignedRelease>) -> Answer<HoldView> {
    Ok(Json(node.sign_hold(&id, signed).await?))
}

pub(super) async fn approve(State(node): State<Arc<Node>>, Path(id): Path<String>, Ask(signed): Ask<SignedApproval>) -> Answer<HoldView> {
    Ok(Json(node.approve(&id, signed).await?))
}
