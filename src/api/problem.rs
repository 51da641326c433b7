//! Errors as they cross the interface: `application/problem+json` (RFC 9457), with our own `code`, `hint` and `exit`.

use crate::node::error::{Exit, NodeError, split_hint};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

/// Why a request was not done; the command line prints it and ends with its exit code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{detail}")]
pub struct Problem {
    /// Its stable name: `unknown-peer`.
    pub code: String,
    /// The kind of error, in words: `not found`.
    pub title: String,
    /// What happened, in a line.
    pub detail: String,
    /// What to try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The code that the command line ends with.
    pub exit: Exit,
}

impl Problem {
    /// A problem of this edge, not of the node; a text's second line may be `hint: …`.
    pub fn new(code: &str, exit: Exit, text: &str) -> Self {
        let (detail, hint) = split_hint(text);
        Self { code: code.to_owned(), title: title(exit).to_owned(), detail, hint, exit }
    }

    fn status(&self) -> StatusCode {
        match self.exit {
            Exit::Usage => StatusCode::BAD_REQUEST,
            Exit::Refused | Exit::Permission => StatusCode::FORBIDDEN,
            Exit::NotFound => StatusCode::NOT_FOUND,
            Exit::Unreachable => StatusCode::BAD_GATEWAY,
            Exit::Store => StatusCode::SERVICE_UNAVAILABLE,
            Exit::Done | Exit::Failed => match self.code.as_str() {
                "conflict" | "name-taken" | "already-paired" | "ourselves" | "not-pairing" => StatusCode::CONFLICT,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            },
        }
    }
}

const fn title(exit: Exit) -> &'static str {
    match exit {
        Exit::Done => "done",
        Exit::Failed => "failed",
        Exit::Usage => "cannot be read",
        Exit::Refused => "refused by policy",
        Exit::Permission => "identity or permission",
        Exit::Unreachable => "peer not reached",
        Exit::NotFound => "not found",
        Exit::Store => "store locked or damaged",
    }
}

impl From<NodeError> for Problem {
    fn from(error: NodeError) -> Self {
        Self::new(error.code(), error.exit(), &error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).expect("a problem is text and numbers");
        (self.status(), [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
    }
}
