//! MISP's REST interface, as far as PyMISP needs it to look for something, to read it (`node/serving/misp.rs`), and to add, publish and take back what is its
//! own (`write.rs`). Every address there is stands in [`route`]; nothing else of MISP is imitated. Errors are in MISP's own form.

mod write;

use super::answer::{Turn, log_unanswered, written_down};
use super::body::{self, Refused};
use crate::formats::misp::rest::{Controller, ReturnFormat, Search, VERSION, describe_types, organisation};
use crate::node::Node;
use crate::node::error::NodeError;
use crate::node::serving::{Coding, Consumer, Found, Searched, Wrapped};
use crate::rules::consumer::Scope;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use futures_util::StreamExt;
use hyper::body::Incoming;
use serde_json::{Map, Value, json};
use std::io;
use std::sync::Arc;
use tempfile::{SpooledData, SpooledTempFile};
use tokio_util::io::ReaderStream;
use write::Written;

/// Where it begins. PyMISP joins its addresses to this, and needs the slash at the end.
pub(super) const BASE: &str = "/misp/";
/// Bytes that are read from a file at once.
const CHUNK_BYTES: usize = 64 << 10;

/// An error as MISP has it.
#[derive(Debug)]
pub(super) struct MispError {
    status: StatusCode,
    message: String,
    /// What is told besides.
    more: Option<(&'static str, Value)>,
}

/// An error.
pub(super) fn error(status: StatusCode, message: impl Into<String>) -> MispError {
    MispError { status, message: message.into(), more: None }
}

impl MispError {
    /// Tells something besides.
    fn with(mut self, name: &'static str, value: Value) -> Self {
        self.more = Some((name, value));
        self
    }

    /// With its body: what went wrong, and where.
    pub(super) fn into_response(self, path: &str) -> Response {
        let Self { status, message, more } = self;
        let url = path.strip_prefix(BASE.trim_end_matches('/')).unwrap_or(path);
        let mut body = json!({ "name": status.canonical_reason().unwrap_or("Error"), "message": message, "url": url });
        if let Some((name, value)) = more {
            body[name] = value;
        }
        let mut response = answer(&body);
        *response.status_mut() = status;
        response
    }
}

impl From<Refused> for MispError {
    fn from(refused: Refused) -> Self {
        error(refused.status(), refused.to_string())
    }
}

impl From<NodeError> for MispError {
    fn from(fault: NodeError) -> Self {
        log_unanswered(&fault);
        error(StatusCode::SERVICE_UNAVAILABLE, "this cannot be served just now; the node's operator finds out why in its log")
    }
}

fn answer(body: &Value) -> Response {
    described(Body::from(serde_json::to_vec(body).unwrap_or_default()), "application/json")
}

fn described(body: Body, media: &'static str) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("authorization, accept-encoding"));
    response
}

/// A request, of somebody whose token counts.
pub(super) struct Asked<'r> {
    pub(super) node: &'r Arc<Node>,
    pub(super) consumer: &'r Consumer,
    pub(super) method: &'r Method,
    /// From [`BASE`] on.
    pub(super) path: &'r str,
    pub(super) coding: Coding,
    pub(super) headers: &'r HeaderMap,
    pub(super) body: &'r mut Incoming,
    pub(super) turn: Turn,
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Route<'p> {
    Version,
    RecommendedVersion,
    User,
    DescribeTypes,
    Search(Controller),
    Event(&'p str),
    Attribute(&'p str),
    Write(Written<'p>),
}

/// What stands under a path, and what it says behind that, as CakePHP has it: `/limit:5/page:2`.
fn route(path: &str) -> Option<(Route<'_>, Map<String, Value>)> {
    let mut named = Map::new();
    let mut parts = Vec::new();
    for part in path.strip_prefix(BASE)?.split('/').filter(|part| !part.is_empty()) {
        match part.split_once(':') {
            Some((name, value)) => drop(named.insert(name.to_owned(), plain(value).into())),
            None => parts.push(part),
        }
    }
    if let Some(last) = parts.last_mut() {
        *last = last.strip_suffix(".json").unwrap_or(last);
    }
    let route = match parts.as_slice() {
        ["servers", "getVersion"] => Route::Version,
        ["servers", "getPyMISPVersion"] => Route::RecommendedVersion,
        ["users", "view", "me"] => Route::User,
        ["attributes", "describeTypes"] => Route::DescribeTypes,
        ["events", "restSearch"] => Route::Search(Controller::Events),
        ["attributes", "restSearch"] => Route::Search(Controller::Attributes),
        ["events"] | ["events", "index"] => Route::Search(Controller::Index),
        ["events", "view", id] => Route::Event(id),
        ["attributes", "view", id] => Route::Attribute(id),
        ["events", "add"] => Route::Write(Written::AddEvent),
        ["events", "edit", id] => Route::Write(Written::EditEvent(id)),
        ["events", "delete", id] => Route::Write(Written::DeleteEvent(id)),
        // No mail leaves for it.
        ["events", "publish" | "alert", id] => Route::Write(Written::Publish(id)),
        ["attributes", "add", id] => Route::Write(Written::AddAttribute(id)),
        ["attributes", "delete", id] => Route::Write(Written::DeleteAttribute(id)),
        ["sightings", "add"] => Route::Write(Written::Sighting(None)),
        ["sightings", "add", id] => Route::Write(Written::Sighting(Some(id))),
        _ => return None,
    };
    Some((route, named))
}

/// A part of an address as it was meant.
fn plain(part: &str) -> String {
    let pair = format!("x={part}");
    url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// Answers a request under [`BASE`].
pub(super) async fn answered(asked: Asked<'_>) -> Result<Response, MispError> {
    if !asked.consumer.may(Scope::Misp) {
        return Err(error(StatusCode::FORBIDDEN, "this token is good for something else"));
    }
    let nothing = || error(StatusCode::NOT_FOUND, "there is nothing under this address; docs/serving.md has what is answered of MISP");
    let (route, mut query) = route(asked.path).ok_or_else(nothing)?;
    let reads = matches!(*asked.method, Method::GET | Method::HEAD);
    match route {
        Route::Version if reads => Ok(answer(&version(asked.consumer))),
        Route::RecommendedVersion if reads => Ok(answer(&json!({ "version": VERSION }))),
        Route::User if reads => Ok(answer(&user(asked.node, asked.consumer))),
        Route::DescribeTypes if reads => Ok(answer(&describe_types())),
        Route::Search(_) | Route::Event(_) | Route::Attribute(_) if reads || *asked.method == Method::POST => {
            query.extend(sent(&body::read(&mut *asked.body, asked.headers, &asked.node.config.https).await?)?);
            let (search, wrapped) = wanted(asked.node, route, &query)?;
            let is_head = *asked.method == Method::HEAD;
            let mut response = found(asked, search, wrapped).await?;
            if is_head {
                *response.body_mut() = Body::empty();
            }
            Ok(response)
        }
        Route::Write(written) if *asked.method == Method::POST => {
            let metadata = is_set(&query, "metadata");
            write::done(asked, written, metadata).await
        }
        _ => Err(error(StatusCode::METHOD_NOT_ALLOWED, "this is not done with that method")),
    }
}

/// Whether something is said, and not that it is not.
fn is_set(query: &Map<String, Value>, name: &str) -> bool {
    query.get(name).is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false)) && value != 0 && value != "0")
}

/// What a caller sends of its search: nothing, or JSON within bounds.
fn sent(bytes: &[u8]) -> Result<Map<String, Value>, MispError> {
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(bytes) {
        // MISP takes both.
        Ok(Value::Object(mut map)) => match map.remove("request") {
            Some(Value::Object(inner)) => Ok(inner),
            Some(other) => Ok(map.into_iter().chain([("request".to_owned(), other)]).collect()),
            None => Ok(map),
        },
        // An empty array of PHP.
        Ok(Value::Array(list)) if list.is_empty() => Ok(Map::new()),
        _ => Err(error(StatusCode::BAD_REQUEST, "what was sent is no JSON object")),
    }
}

/// What is to be looked for.
fn wanted(node: &Node, route: Route<'_>, query: &Map<String, Value>) -> Result<(Search, Wrapped), MispError> {
    match route {
        Route::Search(controller) => {
            let search = Search::read(controller, query, node.clock.now());
            search.map(|search| (search, Wrapped::List)).map_err(|refused| error(StatusCode::BAD_REQUEST, refused.to_string()))
        }
        Route::Event(id) => Ok((Search::event(id, is_set(query, "deleted")), Wrapped::One)),
        Route::Attribute(id) => Ok((Search::attribute(id), Wrapped::One)),
        _ => Err(error(StatusCode::NOT_FOUND, "nothing is looked for there")),
    }
}

async fn found(asked: Asked<'_>, search: Search, wrapped: Wrapped) -> Result<Response, MispError> {
    let Asked { node, consumer, coding, turn, .. } = asked;
    let (format, is_index) = (search.format, search.controller == Controller::Index);
    let what = if search.controller == Controller::Attributes { "attribute" } else { "event" };
    let found = match node.misp_search(consumer, search, wrapped, coding).await? {
        Searched::TooLong => {
            let text = "there is more than one answer may have\nhint: ask with `limit` and `page`, or for less";
            return Err(error(StatusCode::PAYLOAD_TOO_LARGE, text));
        }
        Searched::Found(found) if wrapped == Wrapped::One && found.count == 0 => {
            return Err(error(StatusCode::NOT_FOUND, format!("there is no such {what}")));
        }
        Searched::Found(found) => found,
    };
    if !is_index {
        let (carried, consumer) = (found.carried.clone(), consumer.clone());
        written_down(node.clone(), move |node| async move { node.note_searched(&carried, &consumer).await }).await;
    }
    Ok(sending(*found, format, turn))
}

fn sending(found: Found, format: ReturnFormat, turn: Turn) -> Response {
    let Found { count, coding, size, file, .. } = found;
    let media = match format {
        ReturnFormat::Json | ReturnFormat::Stix2 => "application/json",
        ReturnFormat::Csv => "text/csv; charset=utf-8",
        ReturnFormat::Text => "text/plain; charset=utf-8",
    };
    let mut response = described(carried(file, turn), media);
    let headers = response.headers_mut();
    headers.insert("x-result-count", count.into());
    headers.insert(header::CONTENT_LENGTH, size.into());
    if coding != Coding::Identity {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    }
    response
}

/// What is short is in memory. While a long one is sent, its place among those that are answered stays taken.
fn carried(file: SpooledTempFile, turn: Turn) -> Body {
    match file.into_inner() {
        SpooledData::InMemory(bytes) => Body::from(bytes.into_inner()),
        SpooledData::OnDisk(file) => {
            let chunks = ReaderStream::with_capacity(tokio::fs::File::from_std(file), CHUNK_BYTES);
            Body::from_stream(chunks.map(move |chunk: io::Result<_>| {
                let _ = &turn;
                chunk
            }))
        }
    }
}

fn version(consumer: &Consumer) -> Value {
    json!({
        "version": VERSION,
        "pymisp_recommended_version": VERSION,
        "perm_sync": false,
        "perm_sighting": consumer.may(Scope::Sight),
        "perm_galaxy_editor": false,
        "request_encoding": [],
        "filter_sightings": false,
    })
}

/// The consumer as a user, and what it may do as a role.
fn user(node: &Node, consumer: &Consumer) -> Value {
    let org = organisation(&node.org());
    let no = [
        "add",
        "modify",
        "modify_org",
        "publish",
        "delegate",
        "sync",
        "admin",
        "audit",
        "site_admin",
        "regexp_access",
        "tagger",
        "template",
    ];
    let more = ["sharing_group", "tag_editor", "sighting", "object_template", "publish_zmq", "publish_kafka", "decaying", "galaxy_editor"];
    let rights = no.into_iter().chain(more).chain(["warninglist", "view_feed_correlations", "analyst_data", "skip_otp", "server_sign"]);
    let mut role: Map<String, Value> = rights.map(|right| (format!("perm_{right}"), false.into())).collect();
    role.insert("perm_auth".into(), true.into());
    let says = consumer.produces().is_some();
    role.extend(["perm_add", "perm_modify", "perm_publish"].map(|right| (right.to_owned(), says.into())));
    role.insert("perm_sighting".into(), consumer.may(Scope::Sight).into());
    role.extend([("id".into(), "1".into()), ("name".into(), "consumer".into())]);
    let (number, described) = if says { ("3", "publish") } else { ("0", "read_only") };
    role.extend([("permission".into(), number.into()), ("permission_description".into(), described.into())]);
    let user = json!({
        "id": "1",
        "org_id": org["id"],
        "email": consumer.name.as_str(),
        "role_id": "1",
        "autoalert": false,
        "contactalert": false,
        "disabled": false,
        "invited_by": "0",
        "termsaccepted": true,
        "change_pw": false,
        "newsread": "0",
        "nids_sid": "0",
        "force_logout": false,
    });
    json!({ "User": user, "Role": role, "UserSetting": [], "Organisation": org })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[test]
    fn every_address_is_known_and_nothing_else() {
        let of = |path: &'static str| route(path).map(|(route, _)| route);
        assert_eq!(of("/misp/servers/getVersion"), Some(Route::Version));
        assert_eq!(of("/misp/servers/getPyMISPVersion.json"), Some(Route::RecommendedVersion));
        assert_eq!(of("/misp/users/view/me"), Some(Route::User));
        assert_eq!(of("/misp/attributes/describeTypes.json"), Some(Route::DescribeTypes));
        assert_eq!(of("/misp/events/restSearch"), Some(Route::Search(Controller::Events)));
        assert_eq!(of("/misp/attributes/restSearch/"), Some(Route::Search(Controller::Attributes)));
        assert_eq!(of("/misp/events/index"), Some(Route::Search(Controller::Index)));
        assert_eq!(of("/misp/events/view/5"), Some(Route::Event("5")));
        assert_eq!(of("/misp/attributes/view/5.json"), Some(Route::Attribute("5")));
        for none in [
            "/misp/",
            "/misp/users/view/2",
            "/misp/users",
            "/misp/objects/restSearch",
            "/misp/servers/serverSettings",
            "/misp/events/view",
            "/x",
        ] {
            assert_eq!(of(none), None, "{none}");
        }
        let (_, named) = route("/misp/events/index/limit:5/searchall:a%20b+c").unwrap();
        assert_eq!(Value::from(named), json!({ "limit": "5", "searchall": "a b c" }));
    }

    #[tokio::test]
    async fn an_error_has_misp_s_form_and_no_more_than_its_address() {
        let response = error(StatusCode::NOT_FOUND, "there is no such event").into_response("/misp/events/view/5");
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body, json!({ "name": "Not Found", "message": "there is no such event", "url": "/events/view/5" }));
    }
}
