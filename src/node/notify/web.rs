//! Requests to web servers: signed ones (Standard Webhooks), and lines for a chat (Mattermost). No redirect is followed, and nothing is read of an answer but
//! its status.

use super::{Channel, net};
use crate::config::notify::read_url;
use crate::model::Timestamp;
use crate::rules::notify::{Fault, Message, WebhookSecret};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use std::path::Path;
use tokio::io::{AsyncRead, AsyncWrite};
use url::Url;

/// Posts the notice, signed under its id.
pub(super) async fn webhook(channel: &Channel, url: &Url, secret: &Path, message: &Message, now: Timestamp) -> Result<(), Fault> {
    let secret = WebhookSecret::read(&channel.secret(secret)?).map_err(|_| Fault::File)?;
    let (id, seconds, body) = (message.id().to_string(), now.0 / 1_000, message.json().to_string());
    let signature = secret.sign(&id, seconds, body.as_bytes());
    let headers = [("webhook-id", id), ("webhook-timestamp", seconds.to_string()), ("webhook-signature", signature)];
    post(channel, url, &headers, body).await
}

/// Posts a line. The URL is a secret, so it is read from its file each time.
pub(super) async fn mattermost(channel: &Channel, url: &Path, message: &Message) -> Result<(), Fault> {
    let url = read_url(&channel.secret(url)?).map_err(|_| Fault::File)?;
    let text = format!("{}\n```\n{}```", message.subject(), message.text());
    post(channel, &url, &[], serde_json::json!({ "text": text }).to_string()).await
}

/// Reads the secret and connects.
pub(super) async fn reach_webhook(channel: &Channel, url: &Url, secret: &Path) -> Result<(), Fault> {
    WebhookSecret::read(&channel.secret(secret)?).map_err(|_| Fault::File)?;
    reach(channel, url).await
}

/// Reads the URL and connects.
pub(super) async fn reach_mattermost(channel: &Channel, url: &Path) -> Result<(), Fault> {
    reach(channel, &read_url(&channel.secret(url)?).map_err(|_| Fault::File)?).await
}

/// Connects, and speaks TLS where the URL says so; no request is made.
async fn reach(channel: &Channel, url: &Url) -> Result<(), Fault> {
    let bare = url.host_str().ok_or(Fault::Unreachable)?.trim_matches(['[', ']']);
    let stream = net::dial(channel, bare, url.port_or_known_default().ok_or(Fault::Unreachable)?).await?;
    if url.scheme() == "https" {
        net::tls(channel, stream, bare).await?;
    }
    Ok(())
}

async fn post(channel: &Channel, url: &Url, headers: &[(&'static str, String)], body: String) -> Result<(), Fault> {
    let host = url.host_str().ok_or(Fault::Unreachable)?;
    let bare = host.trim_matches(['[', ']']);
    let stream = net::dial(channel, bare, url.port_or_known_default().ok_or(Fault::Unreachable)?).await?;
    let request = request(url, host, headers, body).ok_or(Fault::File)?;
    match url.scheme() {
        "https" => exchange(net::tls(channel, stream, bare).await?, request).await,
        _ => exchange(stream, request).await,
    }
}

fn request(url: &Url, host: &str, headers: &[(&'static str, String)], body: String) -> Option<Request<Full<Bytes>>> {
    let host = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(&url[url::Position::BeforePath..url::Position::AfterQuery])
        .header(HOST, host)
        .header(USER_AGENT, "watchfire")
        .header(CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        request = request.header(HeaderName::from_static(name), HeaderValue::from_str(value).ok()?);
    }
    request.body(Full::new(body.into())).ok()
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<(), Fault>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut http = hyper::client::conn::http1::Builder::new();
    http.max_buf_size(64 << 10);
    let (mut sender, connection) = http.handshake(TokioIo::new(stream)).await.map_err(|_| Fault::Unreachable)?;
    tokio::pin!(connection);
    let response = async { sender.send_request(request).await.map_err(|_| Fault::Unreachable) };
    tokio::pin!(response);
    let response = tokio::select! {
        biased;
        response = &mut response => response?,
        // It ends first only where the server broke off: then the request is told so.
        _ = &mut connection => response.await?,
    };
    match response.status() {
        status if status.is_success() => Ok(()),
        status => Err(Fault::Http(status.as_u16())),
    }
}
