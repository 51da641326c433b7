//! What is read: what changed, what is known of a value, which alerts hold.

use super::{RestError, error, json, named, needs, parameters, unreadable};
use crate::api::records::kind_named;
use crate::model::ObservableKind;
use crate::node::serving::{Changes, Consumer, Wanted};
use crate::node::{Node, NodeError};
use crate::rules::consumer::Scope;
use axum::body::Body;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// While somebody waits it is looked so often whether there is something new, besides whenever something came.
const LOOK: Duration = Duration::from_millis(250);

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, NodeError> + Send + 'static) -> Result<T, RestError> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|fault| NodeError::Internal(fault.to_string()))??)
}

fn kinds(text: &str) -> Result<Vec<ObservableKind>, RestError> {
    text.split(',').map(|name| kind_named(name.trim()).ok_or_else(|| unreadable("kind"))).collect()
}

/// `GET indicators`.
pub(super) async fn indicators(node: &Arc<Node>, consumer: &Consumer, uri: &Uri) -> Result<Response, RestError> {
    needs(consumer, Scope::Api)?;
    let limits = &node.config.https;
    let most = usize::try_from(limits.lines_max).unwrap_or(usize::MAX);
    let (mut wanted, mut wait_s) = (Wanted { limit: most, ..Wanted::default() }, 0);
    for (name, value) in parameters(uri, &["cursor", "wait", "limit", "kind", "tlp"])? {
        match &*name {
            "cursor" => wanted.cursor = Some(value).filter(|value| !value.is_empty()),
            "wait" => wait_s = value.parse::<u64>().map_err(|_| unreadable("wait"))?.min(limits.wait_s_max),
            "limit" => wanted.limit = value.parse::<usize>().ok().filter(|limit| *limit > 0).ok_or_else(|| unreadable("limit"))?.min(most),
            "kind" => wanted.kinds.extend(kinds(&value)?),
            _ => wanted.tlp = Some(value.parse().map_err(|_| unreadable("tlp"))?),
        }
    }
    let until = node.clock.monotonic_ms().saturating_add(wait_s * 1_000);
    let page = loop {
        // Heard before it is looked, so that what comes in between is not missed.
        let (mut changed, newest) = (node.changes(), newest(node)?);
        let page = {
            let (node, consumer, wanted) = (node.clone(), consumer.clone(), wanted.clone());
            blocking(move || node.changes_for(&consumer, &wanted)).await?
        };
        if page.count > 0 || page.more || node.clock.monotonic_ms() >= until {
            break page;
        }
        wanted.cursor = Some(page.cursor);
        while node.clock.monotonic_ms() < until && self::newest(node)? == newest {
            let _ = tokio::time::timeout(LOOK, changed.rung()).await;
        }
        // It may have been revoked meanwhile; then what came is nothing for it any more.
        if !node.counts_still(consumer)? {
            return Err(super::of_listener(StatusCode::UNAUTHORIZED, "a valid token is needed: `Authorization: Bearer TOKEN`"));
        }
    };
    let Changes { mut lines, cursor, more, .. } = page;
    lines.extend(serde_json::to_vec(&json!({ "type": "cursor", "cursor": cursor, "more": more })).unwrap_or_default());
    lines.push(b'\n');
    Ok(named(Response::new(Body::from(lines)), "application/x-ndjson"))
}

fn newest(node: &Node) -> Result<u64, NodeError> {
    Ok(node.store.snapshot()?.newest()?)
}

/// `GET lookup`.
pub(super) async fn lookup(node: &Arc<Node>, consumer: &Consumer, uri: &Uri) -> Result<Response, RestError> {
    needs(consumer, Scope::Api)?;
    let (mut value, mut kind) = (None, None);
    for (name, given) in parameters(uri, &["value", "kind"])? {
        match &*name {
            "value" => value = Some(given),
            _ => kind = Some(kind_named(&given).ok_or_else(|| unreadable("kind"))?),
        }
    }
    let value = value.ok_or_else(|| error(StatusCode::BAD_REQUEST, "bad-request", "`value` is missing"))?;
    let (node, consumer, asked) = (node.clone(), consumer.clone(), value.clone());
    match blocking(move || node.looked_up(&consumer, &asked, kind)).await? {
        Ok(matches) => Ok(json(StatusCode::OK, "application/json", &json!({ "value": value, "matches": matches }))),
        Err(problem) => Err(error(StatusCode::BAD_REQUEST, "bad-request", problem)),
    }
}

/// `GET alerts`.
pub(super) async fn alerts(node: &Arc<Node>, consumer: &Consumer, uri: &Uri) -> Result<Response, RestError> {
    needs(consumer, Scope::Api)?;
    parameters(uri, &[])?;
    let (node, consumer) = (node.clone(), consumer.clone());
    let alerts = blocking(move || node.alerts_seen(&consumer)).await?;
    Ok(json(StatusCode::OK, "application/json", &json!({ "alerts": alerts })))
}
