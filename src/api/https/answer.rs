//! What programs are answered. Every address there is stands in [`found`].

use super::caller::{Wrong, shown};
use super::{misp, rest, source, taxii};
use crate::api::records::media_type;
use crate::formats::export::Policy;
use crate::node::Node;
use crate::node::error::NodeError;
use crate::node::serving::{Coding, Consumer, Fetched};
use crate::node::view::{ExportFormat, ExportOptions, ExportRequest};
use crate::rules::consumer::Scope;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

/// A wrong token beyond the few that are answered at once is answered so much later.
const SLOWED: Duration = Duration::from_secs(1);
/// Bytes of a body that nobody wants which are read all the same.
const BODY_BYTES_READ: usize = 64 << 10;
/// And no longer than this.
const BODY_WAITED_FOR: Duration = Duration::from_secs(1);
/// So long an answer waits until it is written down who gets it.
const WRITING_WAITED_FOR: Duration = Duration::from_secs(1);
/// A page of TAXII of fewer bytes is not packed: it would become hardly shorter.
const PACKED_BYTES_MIN: usize = 512;
/// Bytes that are read from a file at once.
const CHUNK_BYTES: usize = 64 << 10;

/// What answers.
pub(super) struct Served {
    node: Arc<Node>,
    wrong: Wrong,
    turns: Turns,
}

/// Why nothing is served: RFC 9457, or under TAXII's and MISP's addresses as these have it, with as little in it as helps whoever set the tool up.
#[derive(Debug)]
struct Problem(StatusCode, &'static str);

#[derive(Serialize)]
struct ProblemBody {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'static str,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self(status, detail) = self;
        let body =
            ProblemBody { r#type: "about:blank", title: status.canonical_reason().unwrap_or_default(), status: status.as_u16(), detail };
        let body = serde_json::to_vec(&body).unwrap_or_default();
        (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
    }
}

/// What a refusal says besides, in whatever form it comes.
fn with_way_out(mut response: Response) -> Response {
    let status = response.status();
    let headers = response.headers_mut();
    if status.is_client_error() || status.is_server_error() {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    match status {
        StatusCode::UNAUTHORIZED => {
            // One for each way in which a tool may ask its user.
            headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"watchfire\", charset=\"UTF-8\""));
            headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"watchfire\""));
        }
        StatusCode::METHOD_NOT_ALLOWED => drop(headers.entry(header::ALLOW).or_insert(HeaderValue::from_static("GET, HEAD"))),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            headers.entry(header::RETRY_AFTER).or_insert(HeaderValue::from_static("30"));
        }
        _ => {}
    }
    response
}

impl Served {
    pub(super) fn new(node: Arc<Node>) -> Self {
        Self { node, wrong: Wrong::default(), turns: Turns::default() }
    }

    /// Answers a request. What nobody wants of its body is thrown away.
    pub(super) async fn answer(&self, request: Request<Incoming>, from: IpAddr) -> Response {
        let (parts, mut body) = request.into_parts();
        let most = Duration::from_secs(self.node.config.https.answer_s_max);
        let answering = async {
            let answered = self.answered(&parts.method, &parts.uri, &parts.headers, &mut body, from).await;
            if waits_to_be_asked(&parts.headers, &body) {
                return answered;
            }
            // Cut off while it sends, a caller might not read the answer.
            let rest = async {
                let mut read = 0;
                while read < BODY_BYTES_READ
                    && let Some(Ok(frame)) = body.frame().await
                {
                    read += frame.data_ref().map_or(0, Bytes::len);
                }
            };
            let _ = tokio::time::timeout(BODY_WAITED_FOR, rest).await;
            answered
        };
        let answered = match tokio::time::timeout(most, answering).await {
            Ok(answered) => answered,
            Err(_) => Err(Problem(StatusCode::SERVICE_UNAVAILABLE, "it takes too long to put this together; try again later")),
        };
        let mut response = with_way_out(match answered {
            Ok(response) => response,
            Err(Problem(status, detail)) if parts.uri.path().starts_with(taxii::BASE) => taxii::error(status, detail).into_response(),
            Err(Problem(status, detail)) if parts.uri.path().starts_with(rest::BASE) => rest::of_listener(status, detail).into_response(),
            Err(Problem(status, detail)) if parts.uri.path().starts_with(misp::BASE) => {
                misp::error(status, detail).into_response(parts.uri.path())
            }
            Err(problem) => problem.into_response(),
        });
        response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }

    async fn answered(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &mut Incoming,
        from: IpAddr,
    ) -> Result<Response, Problem> {
        // Before anything else: whoever has no token learns not even which addresses there are.
        let (consumer, path) = self.consumer(uri.path(), headers, from).await?;
        let turn = self.turns.take(consumer.id, self.node.config.https.requests_per_consumer_max);
        let turn = turn.ok_or(Problem(StatusCode::TOO_MANY_REQUESTS, "too many requests of this consumer at a time"))?;
        written_down(self.node.clone(), {
            let consumer = consumer.clone();
            move |node| async move { node.note_consumer(&consumer).await }
        })
        .await;
        // Of the address as it came: a token in it opens nothing there.
        if uri.path().starts_with(rest::BASE) {
            return match rest::answered(&self.node, &consumer, method, uri, headers, body).await {
                Ok(response) => packed(response, coding(headers)).await.map_err(|error| unavailable(&error)),
                Err(error) => Ok(error.into_response()),
            };
        }
        if path.starts_with(taxii::BASE) {
            let answered = taxii::answered(&self.node, &consumer, method, uri, headers, body).await;
            return match answered {
                Ok(response) => packed(response, coding(headers)).await.map_err(|error| unavailable(&error)),
                Err(error) => Ok(error.into_response()),
            };
        }
        // Of the address as it came: a token in it opens nothing there.
        if uri.path().starts_with(misp::BASE) {
            let path = uri.path();
            let asked = misp::Asked { node: &self.node, consumer: &consumer, method, path, coding: coding(headers), headers, body, turn };
            return match misp::answered(asked).await {
                Ok(response) => Ok(response),
                Err(error) => Ok(error.into_response(path)),
            };
        }
        let (format, file) = found(path).ok_or(Problem(StatusCode::NOT_FOUND, nothing_under(path)))?;
        if method != Method::GET && method != Method::HEAD {
            return Err(Problem(StatusCode::METHOD_NOT_ALLOWED, "this can be read alone"));
        }
        if !consumer.may(Scope::Export) {
            return Err(Problem(StatusCode::FORBIDDEN, "this token is good for something else"));
        }
        let options = options(consumer.options(), format, uri.query())?;
        self.export(&consumer, (format, file), options, method, headers, turn).await
    }

    /// Who calls. A wrong token, one that has expired, one that was revoked and none at all are one answer.
    async fn consumer<'p>(&self, path: &'p str, headers: &HeaderMap, from: IpAddr) -> Result<(Consumer, &'p str), Problem> {
        let (shown, path) = shown(path, headers);
        if let Some(shown) = shown {
            let found = self.node.consumer_of(&shown.token, shown.way).map_err(|error| unavailable(&error))?;
            if let Some(consumer) = found.filter(|one| shown.user.as_deref().is_none_or(|user| user == one.name.as_str())) {
                return Ok((consumer, path));
            }
            if self.wrong.count(source(from), self.node.clock.now()) > self.node.config.https.failures_per_minute_max {
                tokio::time::sleep(SLOWED).await;
            }
        }
        Err(Problem(StatusCode::UNAUTHORIZED, "a valid token is needed: `Authorization: Bearer TOKEN`"))
    }

    async fn export(
        &self,
        consumer: &Consumer,
        (format, file): (ExportFormat, Option<&str>),
        options: ExportOptions,
        method: &Method,
        headers: &HeaderMap,
        turn: Turn,
    ) -> Result<Response, Problem> {
        let request = ExportRequest {
            format,
            ceiling: consumer.ceiling(format.is_noticed()),
            groups: consumer.groups.clone(),
            since: None,
            kinds: Vec::new(),
            options,
        };
        let fetched = self.node.fetch(&request, file, coding(headers)).await.map_err(|error| unavailable(&error))?;
        let fetched = fetched.ok_or(Problem(StatusCode::NOT_FOUND, "this export has no such file now"))?;
        let tag = fetched.tag();
        let mut response = if is_known(headers, &tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else if method == Method::HEAD {
            described(Body::empty(), &fetched, format, file)
        } else {
            let fetched = Arc::new(fetched);
            written_down(self.node.clone(), {
                let (fetched, consumer) = (fetched.clone(), consumer.clone());
                move |node| async move { node.note_fetched(&fetched, &request, &consumer).await }
            })
            .await;
            let file_read = fetched.open().map_err(|error| unavailable(&NodeError::io("read what is served", error)))?;
            let read = tokio::fs::File::from_std(file_read).take(fetched.size());
            let mut response = described(Body::empty(), &fetched, format, file);
            // They stay while they are sent: the file, and the consumer's place among those that are answered.
            let held = (fetched, turn);
            let chunks = ReaderStream::with_capacity(read, CHUNK_BYTES).map(move |chunk: io::Result<_>| {
                let _ = &held;
                chunk
            });
            *response.body_mut() = Body::from_stream(chunks);
            response
        };
        let all = response.headers_mut();
        all.insert(header::ETAG, HeaderValue::from_str(&tag).expect("hexadecimal"));
        // Private: it is this consumer's. No cache may use it without asking, since it may be recalled.
        all.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        all.insert(header::VARY, HeaderValue::from_static("authorization, accept-encoding"));
        Ok(response)
    }
}

fn described(body: Body, fetched: &Fetched, format: ExportFormat, file: Option<&str>) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.map_or(media_type(format), media_type_of)));
    headers.insert(header::CONTENT_LENGTH, fetched.size().into());
    if fetched.coding != Coding::Identity {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(fetched.coding.name()));
    }
    response
}

/// An answer that was put together in memory, packed as the caller takes it; as it is where that is short.
async fn packed(response: Response, coding: Coding) -> Result<Response, NodeError> {
    if coding == Coding::Identity {
        return Ok(response);
    }
    let failed = |error: axum::Error| NodeError::Internal(error.to_string());
    let (mut parts, body) = response.into_parts();
    let bytes = body.collect().await.map_err(failed)?.to_bytes();
    if bytes.len() < PACKED_BYTES_MIN {
        return Ok(Response::from_parts(parts, Body::from(bytes)));
    }
    let work = tokio::task::spawn_blocking(move || coding.pack(&bytes[..], Vec::new()));
    let bytes =
        work.await.map_err(|fault| NodeError::Internal(fault.to_string()))?.map_err(|error| NodeError::io("pack an answer", error))?;
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

/// Has something written down. A disk that takes no writes just now holds nobody up for longer than this, and it is tried on.
pub(super) async fn written_down<F>(node: Arc<Node>, work: impl FnOnce(Arc<Node>) -> F + Send + 'static)
where
    F: Future<Output = Result<(), NodeError>> + Send + 'static,
{
    let written = tokio::spawn(async move {
        if let Err(error) = work(node).await {
            tracing::warn!(code = error.code(), "what a program fetched, or when, is not written down");
        }
    });
    let _ = tokio::time::timeout(WRITING_WAITED_FOR, written).await;
}

/// The caller is not told what is wrong here; the operator is, by what the system says where it refused something.
pub(super) fn log_unanswered(error: &NodeError) {
    let why = match error {
        NodeError::Io { source, .. } => source.to_string(),
        _ => String::new(),
    };
    tracing::warn!(code = error.code(), why, "a program is not answered");
}

fn unavailable(error: &NodeError) -> Problem {
    log_unanswered(error);
    Problem(StatusCode::SERVICE_UNAVAILABLE, "this cannot be served just now; the node's operator finds out why in its log")
}

/// What is said of an address under which there is nothing.
fn nothing_under(path: &str) -> &'static str {
    // PyMISP leaves the last part of its address out where no slash follows it.
    if path.starts_with("/servers/") || path.starts_with("/users/") {
        "there is nothing under this address; MISP's REST begins with `/misp/`, the last slash too"
    } else {
        "there is nothing under this address; see docs/serving.md"
    }
}

/// What stands under a path: the format, and which of its files, where it has several. No more is served than this.
fn found(path: &str) -> Option<(ExportFormat, Option<&str>)> {
    let name = path.strip_prefix("/export/")?;
    if let Some(format) = ExportFormat::ALL.into_iter().find(|format| !format.is_folder() && file_name(*format) == name) {
        return Some((format, None));
    }
    let folders = || ExportFormat::ALL.into_iter().filter(|format| format.is_folder());
    if let Some(folder) = name.strip_suffix(".tar") {
        return folders().find(|format| format.name() == folder).map(|format| (format, None));
    }
    let (folder, file) = name.split_once('/')?;
    let format = folders().find(|format| format.name() == folder)?;
    (!file.is_empty()).then_some((format, Some(file)))
}

/// What a request leaves to its format: what is not known is refused, so that nobody believes a zone to say what it does not.
fn options(settled: ExportOptions, format: ExportFormat, query: Option<&str>) -> Result<ExportOptions, Problem> {
    let bad = |why| Problem(StatusCode::BAD_REQUEST, why);
    let mut options = settled;
    let mut given = BTreeSet::new();
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match (&*name, format) {
            ("policy", ExportFormat::Rpz) => {
                // Each is kept for itself, so there are few: a host to answer with is for `watchfire export`.
                let why = "this is no `policy`; there are nxdomain, nodata, drop and passthru";
                options.policy = value.parse().ok().filter(|policy| !matches!(policy, Policy::Host(_))).ok_or_else(|| bad(why))?;
            }
            ("bom", ExportFormat::Csv) if value == "1" => options.bom = true,
            ("bom", ExportFormat::Csv) => return Err(bad("`bom` is 1, or is left out")),
            _ => return Err(bad("there is no such parameter here; `rpz.zone` takes `policy`, and `csv` takes `bom`")),
        }
        if !given.insert(name) {
            return Err(bad("a parameter stands here once"));
        }
    }
    Ok(options)
}

/// What a format of one file is called.
const fn file_name(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Stix => "stix.json",
        ExportFormat::Rpz => "rpz.zone",
        ExportFormat::Dnsmasq => "dnsmasq.conf",
        ExportFormat::Adblock => "adblock.txt",
        ExportFormat::Atom => "alerts.atom",
        ExportFormat::Hosts | ExportFormat::Csv | ExportFormat::Text => format.name(),
        // Folders: they have names of their own inside.
        ExportFormat::Mvt | ExportFormat::Misp | ExportFormat::Suricata | ExportFormat::Sigma | ExportFormat::Lists => "",
    }
}

/// What a file of a folder is.
fn media_type_of(file: &str) -> &'static str {
    match file.rsplit_once('.').map(|(_, extension)| extension) {
        Some("json") => "application/json",
        Some("stix2") => "application/stix+json;version=2.1",
        Some("csv") => "text/csv; charset=utf-8",
        Some("yml" | "yaml") => "application/yaml",
        _ => "text/plain; charset=utf-8",
    }
}

/// Whether a caller has not been asked for its body yet (RFC 9110, 10.1.1): to read any of it asks for all of it.
fn waits_to_be_asked(headers: &HeaderMap, body: &impl hyper::body::Body) -> bool {
    let said = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    headers.contains_key(header::EXPECT) && said.is_some() && body.size_hint().exact() == said
}

/// How the answer is packed: zstd before gzip, of what the caller takes (RFC 9110, 12.5.3).
fn coding(headers: &HeaderMap) -> Coding {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut taken: BTreeMap<String, bool> = BTreeMap::new();
    for item in lines.flat_map(|line| line.split(',')) {
        let mut parts = item.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="))).map(str::parse::<f32>);
        taken.insert(name, quality.is_none_or(|quality| quality.is_ok_and(|quality| quality > 0.0)));
    }
    let takes = |coding: Coding| taken.get(coding.name()).copied().unwrap_or(false);
    [Coding::Zstd, Coding::Gzip].into_iter().find(|coding| takes(*coding)).unwrap_or(Coding::Identity)
}

/// Whether the caller has the file already: `If-None-Match`, by weak comparison (RFC 9110, 13.1.2).
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let lines = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// How many requests of each consumer are being answered.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns(Arc<Mutex<BTreeMap<[u8; 16], u64>>>);

/// A request that counts while this lives.
pub(super) struct Turn(Turns, [u8; 16]);

impl Turns {
    fn take(&self, id: [u8; 16], most: u64) -> Option<Turn> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = turns.entry(id).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Turn(self.clone(), id))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut turns = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = turns.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                turns.remove(&self.1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_an_address_and_nothing_else_has() {
        let found = |path: &'static str| found(path).map(|(format, file)| (format.name(), file));
        assert_eq!(found("/export/stix.json"), Some(("stix", None)));
        assert_eq!(found("/export/misp/manifest.json"), Some(("misp", Some("manifest.json"))));
        assert_eq!(found("/export/misp.tar"), Some(("misp", None)));
        assert_eq!(found("/export/hosts"), Some(("hosts", None)));
        assert_eq!(found("/export/alerts.atom"), Some(("atom", None)));
        for none in [
            "/",
            "/export",
            "/export/",
            "/export/misp",
            "/export/misp/",
            "/export/stix",
            "/export/stix.tar",
            "/v1/status",
            "/v1/export",
            "/export/hosts/x",
        ] {
            assert_eq!(found(none), None, "{none}");
        }
        let served = ExportFormat::ALL.into_iter().filter(|format| format.is_folder() != file_name(*format).is_empty());
        assert_eq!(served.count(), 0);
    }

    #[test]
    fn what_a_format_leaves_open_is_taken_where_it_is_its_own_and_understood() {
        let of = |format, query| options(ExportOptions::default(), format, query).ok();
        let policy = |policy| Some(ExportOptions { policy, ..ExportOptions::default() });
        assert_eq!(of(ExportFormat::Rpz, None), policy(Policy::Nxdomain));
        assert_eq!(of(ExportFormat::Rpz, Some("")), policy(Policy::Nxdomain));
        assert_eq!(of(ExportFormat::Rpz, Some("policy=passthru")), policy(Policy::Passthru));
        assert_eq!(of(ExportFormat::Csv, Some("bom=1")), Some(ExportOptions { bom: true, ..ExportOptions::default() }));
        for (format, query) in [
            (ExportFormat::Rpz, "policy=no+policy"),
            (ExportFormat::Rpz, "policy="),
            (ExportFormat::Rpz, "policy=why.example.org"),
            (ExportFormat::Rpz, "policy=drop&policy=nodata"),
            (ExportFormat::Rpz, "bom=1"),
            (ExportFormat::Csv, "policy=drop"),
            (ExportFormat::Csv, "bom=0"),
            (ExportFormat::Csv, "bom=1&bom=1"),
            (ExportFormat::Hosts, "policy=drop"),
            (ExportFormat::Stix, "x"),
        ] {
            assert_eq!(of(format, Some(query)), None, "{query}");
        }
    }

    #[test]
    fn a_caller_waits_to_be_asked_until_some_of_its_body_was_read() {
        let of = |said: &[(header::HeaderName, &str)], left: &'static str| {
            let headers = said.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
            waits_to_be_asked(&headers, &http_body_util::Full::new(Bytes::from_static(left.as_bytes())))
        };
        let (expects, length) = ((header::EXPECT, "100-continue"), (header::CONTENT_LENGTH, "4"));
        assert!(of(&[expects.clone(), length.clone()], "body"));
        assert!(!of(&[expects.clone(), length.clone()], "dy") && !of(&[length], "body") && !of(&[expects], "body"));
    }

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        [(name, value.parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn the_coding_is_one_that_the_caller_takes() {
        let of = |value| coding(&headers(header::ACCEPT_ENCODING, value));
        assert_eq!(of("gzip, deflate, br, zstd"), Coding::Zstd);
        assert_eq!(of("gzip, deflate"), Coding::Gzip);
        assert_eq!(of("zstd;q=0, gzip;q=0.5"), Coding::Gzip);
        assert_eq!(of("gzip; q=0"), Coding::Identity);
        assert_eq!(of("br"), Coding::Identity);
        assert_eq!(coding(&HeaderMap::new()), Coding::Identity);
    }

    #[test]
    fn a_known_tag_is_found_among_several_weak_or_not() {
        let of = |value| is_known(&headers(header::IF_NONE_MATCH, value), "\"ab\"");
        assert!(of("\"ab\"") && of("W/\"ab\"") && of("\"x\", \"ab\"") && of("*"));
        assert!(!of("\"a\"") && !of("ab") && !is_known(&HeaderMap::new(), "\"ab\""));
    }

    #[test]
    fn a_consumer_has_so_many_turns_at_a_time() {
        let turns = Turns::default();
        let first = turns.take([1; 16], 1);
        assert!(first.is_some() && turns.take([1; 16], 1).is_none() && turns.take([2; 16], 1).is_some());
        drop(first);
        assert!(turns.take([1; 16], 1).is_some());
        assert!(turns.0.lock().unwrap().is_empty());
    }
}
