//! What handlers are given and give back, with every rejection as a problem.

use super::Problem;
use crate::node::Node;
use crate::node::error::{Exit, NodeError};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// What a handler gives back.
pub(super) type Answer<T> = Result<Json<T>, Problem>;

/// A JSON body.
pub(super) struct Ask<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Ask<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match Json::from_request(request, state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(unreadable(&rejection)),
        }
    }
}

fn unreadable(rejection: &JsonRejection) -> Problem {
    if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
        let text = "the request is too long\nhint: give fewer values at once, or use `watchfire import`";
        return Problem::new("too-long", Exit::Usage, text);
    }
    Problem::new("bad-request", Exit::Usage, &format!("the request cannot be read: {}", rejection.body_text()))
}

/// A query string.
pub(super) struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => {
                let text = format!("the request cannot be read: {}", rejection.body_text());
                Err(Problem::new("bad-request", Exit::Usage, &text))
            }
        }
    }
}

pub(super) async fn no_such_route() -> Problem {
    Problem::new("no-such-route", Exit::NotFound, "the interface has no such request\nhint: upgrade the older of node and command line")
}

/// Answers from the store on a thread that may wait for the disk.
pub(super) async fn read<T, F>(node: Arc<Node>, question: F) -> Answer<T>
where
    T: Serialize + Send + 'static,
    F: FnOnce(&Node) -> Result<T, NodeError> + Send + 'static,
{
    match tokio::task::spawn_blocking(move || question(&node)).await {
        Ok(answer) => Ok(Json(answer?)),
        Err(fault) => Err(NodeError::Internal(fault.to_string()).into()),
    }
}
