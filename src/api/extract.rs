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
use std::time::Duration;

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

/// While a disk takes no writes the store is opened again and again, which ends whatever is being read just then: a question is asked anew,
/// so many times and after so many milliseconds.
const READ_TRIES: usize = 20;
const READ_AGAIN_MS: u64 = 50;

/// Answers from the store on a thread that may wait for the disk.
pub(super) async fn read<T, F>(node: Arc<Node>, question: F) -> Answer<T>
where
    T: Serialize + Send + 'static,
    F: Fn(&Node) -> Result<T, NodeError> + Send + 'static,
{
    let ask = move || {
        for _ in 1..READ_TRIES {
            match question(&node) {
                Err(NodeError::StoreUnavailable(_)) => std::thread::sleep(Duration::from_millis(READ_AGAIN_MS)),
                answer => return answer,
            }
        }
        question(&node)
    };
    match tokio::task::spawn_blocking(ask).await {
        Ok(answer) => Ok(Json(answer?)),
        Err(fault) => Err(NodeError::Internal(fault.to_string()).into()),
    }
}
