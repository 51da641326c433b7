//! What is said: indicators, what of them is taken back, what was met, and what became of a request.

use super::{BASE, RestError, error, json, needs, parameters, unreadable};
use crate::api::https::body;
use crate::formats::Format;
use crate::node::Node;
use crate::node::serving::{Consumer, Form, ProduceError, Produced, Sent, Sighted};
use crate::rules::consumer::Scope;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use hyper::body::Incoming;
use std::sync::Arc;
use uuid::Uuid;

/// The IETF's draft has a string of RFC 8941; what comes without its quotes is taken as it stands.
const KEY: &str = "idempotency-key";
/// A reason has so many characters at most.
const REASON_CHARS_MAX: usize = 200;
/// What is said to those who have it where the producer says nothing.
const TAKEN_BACK: &str = "its producer took it back";

fn media(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn unsupported(known: &str) -> RestError {
    error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", format!("this is taken as {known} alone\nhint: `Content-Type` says what it is"))
}

fn form(headers: &HeaderMap) -> Result<Form, RestError> {
    match &*media(headers) {
        "application/json" | "application/x-ndjson" | "application/ndjson" => Ok(Form::Records),
        "text/csv" => Ok(Form::Of(Format::Csv)),
        "text/plain" => Ok(Form::Of(Format::Text)),
        "application/stix+json" => Ok(Form::Of(Format::Stix)),
        _ => Err(unsupported("application/json, application/x-ndjson, text/csv, text/plain and application/stix+json")),
    }
}

fn key(headers: &HeaderMap) -> Result<Option<String>, RestError> {
    let mut all = headers.get_all(KEY).iter();
    let (Some(value), None) = (all.next(), all.next()) else {
        return if headers.contains_key(KEY) { Err(ProduceError::BadKey.into()) } else { Ok(None) };
    };
    let value = value.to_str().map_err(|_| ProduceError::BadKey)?.trim();
    Ok(Some(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value).to_owned()))
}

fn told(report: &Produced) -> Response {
    let mut response = json(StatusCode::OK, "application/json", report);
    let location = HeaderValue::from_str(&format!("{BASE}submissions/{}", report.id));
    response.headers_mut().extend(location.ok().map(|location| (header::LOCATION, location)));
    response
}

/// `POST indicators`.
pub(super) async fn produce(
    node: &Arc<Node>,
    consumer: &Consumer,
    uri: &Uri,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Response, RestError> {
    // Before a byte of the body is read.
    needs(consumer, Scope::Produce)?;
    let (form, key) = (form(headers)?, key(headers)?);
    let mut tlp = None;
    for (_, value) in parameters(uri, &["tlp"])? {
        tlp = Some(value.parse().map_err(|_| unreadable("tlp"))?);
    }
    let bytes = body::read(body, headers, &node.config.https).await?;
    Ok(told(&node.produce(consumer, Sent { form, bytes, key, tlp, objects: None }).await?))
}

/// `DELETE indicators`.
pub(super) async fn withdraw(node: &Arc<Node>, consumer: &Consumer, uri: &Uri) -> Result<Response, RestError> {
    needs(consumer, Scope::Produce)?;
    let (mut value, mut reason) = (None, TAKEN_BACK.to_owned());
    for (name, given) in parameters(uri, &["value", "reason"])? {
        match &*name {
            "value" => value = Some(given),
            _ if given.chars().count() > REASON_CHARS_MAX => return Err(unreadable("reason")),
            _ => reason = given,
        }
    }
    let value = value.ok_or_else(|| error(StatusCode::BAD_REQUEST, "bad-request", "`value` is missing"))?;
    node.withdraw_produced(consumer, &value, &reason).await?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

/// `POST sightings`.
pub(super) async fn sighted(
    node: &Arc<Node>,
    consumer: &Consumer,
    uri: &Uri,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Response, RestError> {
    needs(consumer, Scope::Sight)?;
    if media(headers) != "application/json" {
        return Err(unsupported("application/json"));
    }
    parameters(uri, &[])?;
    let key = key(headers)?;
    let bytes = body::read(body, headers, &node.config.https).await?;
    let bad = |fault: serde_json::Error| error(StatusCode::BAD_REQUEST, "bad-request", format!("no list of sightings: {fault}"));
    let sighted: Vec<Sighted> = serde_json::from_slice(&bytes).map_err(bad)?;
    Ok(told(&node.sighted(consumer, sighted, key.as_deref()).await?))
}

/// `GET submissions/{id}`.
pub(super) fn submission(node: &Arc<Node>, consumer: &Consumer, uri: &Uri, id: &str) -> Result<Response, RestError> {
    if !consumer.may(Scope::Produce) {
        needs(consumer, Scope::Sight)?;
    }
    parameters(uri, &[])?;
    let nothing = || error(StatusCode::NOT_FOUND, "not-found", "there is no such request of this consumer, or not any more");
    let id = id.parse::<Uuid>().map_err(|_| nothing())?;
    let report = node.submission(consumer, &id)?.ok_or_else(nothing)?;
    Ok(json(StatusCode::OK, "application/json", &report))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_once_in_quotes_or_without() {
        let of = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(KEY, value.parse().unwrap());
            }
            key(&headers).ok()
        };
        assert_eq!(of(&[]), Some(None));
        assert_eq!(of(&["\"abc\""]), Some(Some("abc".into())));
        assert_eq!(of(&["abc"]), Some(Some("abc".into())));
        assert_eq!(of(&["a", "b"]), None);
    }

    #[test]
    fn a_body_is_what_its_type_says() {
        let of = |value: &str| form(&[(header::CONTENT_TYPE, value.parse().unwrap())].into_iter().collect()).ok();
        assert_eq!(of("application/json; charset=utf-8"), Some(Form::Records));
        assert_eq!(of("Text/CSV"), Some(Form::Of(Format::Csv)));
        assert_eq!(of("application/stix+json;version=2.1"), Some(Form::Of(Format::Stix)));
        for bad in ["", "application/xml", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
