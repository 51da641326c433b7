//! A plain interface for programs under `/api/v1/`: six lines of a script read what changed, or say something. Every address there is stands in [`ROUTES`], and
//! `openapi.rs` describes each.

mod openapi;
mod read;
mod write;

use super::body::Refused;
use crate::node::Node;
use crate::node::error::{NodeError, split_hint};
use crate::node::serving::{Consumer, ProduceError};
use crate::rules::consumer::Scope;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;
use hyper::body::Incoming;
use serde::Serialize;
use std::sync::Arc;

/// Where it begins.
pub(super) const BASE: &str = "/api/v1/";
/// What a problem's type begins with.
const TYPE: &str = "urn:watchfire:problem:";

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    Description,
    Indicators,
    Lookup,
    Alerts,
    Produce,
    Withdraw,
    Sighted,
    Submission,
}

/// Method, path behind [`BASE`] and what that is. `{id}` stands for one part of a path.
const ROUTES: [(&str, &str, Route); 8] = [
    ("GET", "openapi.json", Route::Description),
    ("GET", "indicators", Route::Indicators),
    ("GET", "lookup", Route::Lookup),
    ("GET", "alerts", Route::Alerts),
    ("POST", "indicators", Route::Produce),
    ("DELETE", "indicators", Route::Withdraw),
    ("POST", "sightings", Route::Sighted),
    ("GET", "submissions/{id}", Route::Submission),
];

/// Why something was not done (RFC 9457): a type that stays, and what to do.
#[derive(Debug)]
pub(super) struct RestError {
    status: StatusCode,
    kind: &'static str,
    text: String,
    retry_s: Option<u64>,
    allow: Option<String>,
}

#[derive(Serialize)]
struct Problem<'p> {
    r#type: String,
    title: &'p str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// An error; a second line of the text may be `hint: …`.
fn error(status: StatusCode, kind: &'static str, text: impl Into<String>) -> RestError {
    RestError { status, kind, text: text.into(), retry_s: None, allow: None }
}

/// An error of the listener, as it stands here.
pub(super) fn of_listener(status: StatusCode, text: &str) -> RestError {
    let kind = match status {
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::TOO_MANY_REQUESTS => "too-many-requests",
        _ => "unavailable",
    };
    error(status, kind, text)
}

impl RestError {
    pub(super) fn into_response(self) -> Response {
        let (detail, hint) = split_hint(&self.text);
        let title = self.status.canonical_reason().unwrap_or_default();
        let problem = Problem { r#type: format!("{TYPE}{}", self.kind), title, status: self.status.as_u16(), detail, hint };
        let mut response = json(self.status, "application/problem+json", &problem);
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(allow) = self.allow.as_deref().and_then(|allow| HeaderValue::from_str(allow).ok()) {
            headers.insert(header::ALLOW, allow);
        }
        response
    }
}

impl From<NodeError> for RestError {
    fn from(fault: NodeError) -> Self {
        match fault {
            NodeError::UnknownCursor => {
                let hint = "hint: begin anew without `cursor`, in place of all that you have";
                error(StatusCode::GONE, "unknown-cursor", format!("the cursor is none of this node's for such a request\n{hint}"))
            }
            NodeError::BadInput(text) => error(StatusCode::BAD_REQUEST, "bad-request", text),
            NodeError::UnknownAudience(_) | NodeError::UnknownPeer(_) | NodeError::UnknownGroup(_) => error(
                StatusCode::CONFLICT,
                "no-target",
                "where this producer's records go is not known any more\nhint: add the consumer anew",
            ),
            fault => {
                super::answer::log_unanswered(&fault);
                let text = "this cannot be done just now; the node's operator finds out why in its log\nhint: try again in a while";
                RestError { retry_s: Some(30), ..error(StatusCode::SERVICE_UNAVAILABLE, "unavailable", text) }
            }
        }
    }
}

impl From<ProduceError> for RestError {
    fn from(refused: ProduceError) -> Self {
        use StatusCode as S;
        let text = refused.to_string();
        let (status, kind, retry_s) = match refused {
            ProduceError::Node(fault) => return fault.into(),
            ProduceError::NotAllowed(_) => (S::FORBIDDEN, "forbidden", None),
            ProduceError::TooLax(_) => (S::UNPROCESSABLE_ENTITY, "label-too-lax", None),
            ProduceError::BadKey => (S::BAD_REQUEST, "bad-key", None),
            ProduceError::KeyReused => (S::UNPROCESSABLE_ENTITY, "key-reused", None),
            ProduceError::UnderWay => (S::CONFLICT, "under-way", Some(1)),
            ProduceError::TooLong(_) => (S::PAYLOAD_TOO_LARGE, "too-long", None),
            ProduceError::TooMany(_) => (S::PAYLOAD_TOO_LARGE, "too-many", None),
            ProduceError::DayIsFull => (S::TOO_MANY_REQUESTS, "day-is-full", Some(3_600)),
            ProduceError::NotSaid => (S::NOT_FOUND, "not-said", None),
            ProduceError::SaidByOthers => (S::CONFLICT, "said-by-others", None),
        };
        Self { retry_s, ..error(status, kind, text) }
    }
}

impl From<Refused> for RestError {
    fn from(refused: Refused) -> Self {
        let kind = match refused {
            Refused::TooLong(_) => "too-long",
            Refused::TooSlow(_) => "too-slow",
            Refused::Packed => "media-type",
            Refused::Broken => "bad-request",
        };
        error(refused.status(), kind, refused.to_string())
    }
}

fn json(status: StatusCode, media: &'static str, body: &impl Serialize) -> Response {
    let mut response = Response::new(Body::from(serde_json::to_vec(body).unwrap_or_default()));
    *response.status_mut() = status;
    named(response, media)
}

fn named(mut response: Response, media: &'static str) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("authorization, accept-encoding"));
    response
}

/// What stands under a path, and what is in place of `{id}`.
fn found<'p>(method: &Method, path: &'p str) -> Result<(Route, Option<&'p str>), RestError> {
    let rest = path.strip_prefix(BASE).unwrap_or_default();
    let matches = |pattern: &str| match pattern.strip_suffix("{id}") {
        Some(before) => rest.strip_prefix(before).filter(|id| !id.is_empty() && !id.contains('/')).map(Some),
        None => (pattern == rest).then_some(None),
    };
    let mut allowed = Vec::new();
    for (name, pattern, route) in ROUTES {
        if let Some(id) = matches(pattern) {
            if name == method.as_str() {
                return Ok((route, id));
            }
            allowed.push(name);
        }
    }
    if allowed.is_empty() {
        let text = format!("there is nothing under this address\nhint: {BASE}openapi.json lists what there is");
        return Err(error(StatusCode::NOT_FOUND, "not-found", text));
    }
    let text = "this address takes other methods";
    Err(RestError { allow: Some(allowed.join(", ")), ..error(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", text) })
}

fn needs(consumer: &Consumer, scope: Scope) -> Result<(), RestError> {
    if consumer.may(scope) { Ok(()) } else { Err(ProduceError::NotAllowed(scope.name()).into()) }
}

/// What a request gives in its address: what is not known is refused, so that a slip in a filter does not give more than was meant.
fn parameters(uri: &Uri, known: &[&str]) -> Result<Vec<(String, String)>, RestError> {
    let all = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let each = all.map(|(name, value)| {
        if known.contains(&&*name) {
            Ok((name.into_owned(), value.into_owned()))
        } else {
            let hint = if known.is_empty() { "hint: there is none".to_owned() } else { format!("hint: there are {}", known.join(", ")) };
            let name: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
            Err(error(StatusCode::BAD_REQUEST, "bad-request", format!("`{name}` is no parameter here\n{hint}")))
        }
    });
    each.collect()
}

fn unreadable(name: &str) -> RestError {
    error(StatusCode::BAD_REQUEST, "bad-request", format!("`{name}` cannot be read"))
}

/// Answers a request under [`BASE`].
pub(super) async fn answered(
    node: &Arc<Node>,
    consumer: &Consumer,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Response, RestError> {
    let (route, id) = found(method, uri.path())?;
    match route {
        Route::Description => {
            parameters(uri, &[])?;
            Ok(json(StatusCode::OK, "application/vnd.oai.openapi+json;version=3.1", &*openapi::DESCRIPTION))
        }
        Route::Indicators => read::indicators(node, consumer, uri).await,
        Route::Lookup => read::lookup(node, consumer, uri).await,
        Route::Alerts => read::alerts(node, consumer, uri).await,
        Route::Produce => write::produce(node, consumer, uri, headers, body).await,
        Route::Withdraw => write::withdraw(node, consumer, uri).await,
        Route::Sighted => write::sighted(node, consumer, uri, headers, body).await,
        Route::Submission => write::submission(node, consumer, uri, id.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_description_has_every_address_that_is_served_and_no_other() {
        let served: BTreeSet<(String, String)> =
            ROUTES.iter().map(|(method, path, _)| (method.to_ascii_lowercase(), format!("{BASE}{path}"))).collect();
        let paths = openapi::DESCRIPTION["paths"].as_object().unwrap();
        let described: BTreeSet<(String, String)> = paths
            .iter()
            .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(move |method| (method.clone(), path.clone())))
            .collect();
        assert_eq!(described, served);
        for (method, path, route) in ROUTES {
            let path = format!("{BASE}{path}").replace("{id}", "x");
            let (there, id) = found(&method.parse().unwrap(), &path).unwrap();
            assert_eq!((there, id), (route, path.contains("/x").then_some("x")));
        }
    }

    #[test]
    fn what_is_not_there_is_told_from_what_takes_another_method() {
        let of = |method: Method, path: &str| found(&method, path).map(|_| ()).unwrap_err();
        for none in ["/api/v1/", "/api/v1/submissions/", "/api/v1/submissions/a/b", "/api/v1/indicators/", "/api/v1", "/api/v1/openapi"] {
            assert_eq!(of(Method::GET, none).status, StatusCode::NOT_FOUND, "{none}");
        }
        let refused = of(Method::PUT, "/api/v1/indicators");
        assert_eq!((refused.status, refused.allow.as_deref()), (StatusCode::METHOD_NOT_ALLOWED, Some("GET, POST, DELETE")));
    }
}
