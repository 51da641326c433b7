//! TAXII 2.1 (OASIS standard, June 2021): discovery, one API root, a collection of all that a consumer may see, one for each group that it was given, and the
//! one that a producer says something to. What a collection has and in which order is `node/serving/ledger.rs`.

use super::answer::{log_unanswered, written_down};
use super::body;
use crate::formats::Format;
use crate::model::GroupId;
use crate::model::log::Audience;
use crate::node::Node;
use crate::node::error::{NodeError, split_hint};
use crate::node::serving::{Consumer, Entry, Form, Ledger, Objects, ProduceError, Produced, Sent, collection};
use crate::rules::consumer::Scope;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use uuid::Uuid;

/// Where it begins.
pub(super) const BASE: &str = "/taxii2/";
/// The one media type of TAXII 2.1, without a blank: some clients compare it as it stands.
const MEDIA: &str = "application/taxii+json;version=2.1";
const STIX: &str = "application/stix+json;version=2.1";
/// The API root.
const ROOT: &str = "watchfire/";
/// So many objects stand in an envelope at most, whatever they are.
const OBJECTS_MAX: usize = 20_000;
/// So many values stand in one `match` at most.
const MATCHED_MAX: usize = 1_000;

/// An error as the standard has it.
#[derive(Debug)]
pub(super) struct TaxiiError(StatusCode, String);

/// An error.
pub(super) fn error(status: StatusCode, title: impl Into<String>) -> TaxiiError {
    TaxiiError(status, title.into())
}

fn nothing() -> TaxiiError {
    error(StatusCode::NOT_FOUND, "there is nothing under this address")
}

impl TaxiiError {
    /// With its body.
    pub(super) fn into_response(self) -> Response {
        let Self(status, title) = self;
        let mut response = answer(&json!({ "title": title, "http_status": status.as_u16().to_string() }));
        *response.status_mut() = status;
        response
    }
}

fn answer(body: &Value) -> Response {
    raw(serde_json::to_vec(body).unwrap_or_default())
}

fn raw(body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("authorization, accept, accept-encoding"));
    response
}

/// A collection: its id, what it is called, and in which groups what it has was said.
struct Collection {
    id: Uuid,
    title: String,
    groups: Vec<GroupId>,
    reads: bool,
    writes: bool,
}

impl Collection {
    fn view(&self) -> Value {
        let (id, title) = (self.id.to_string(), &self.title);
        json!({ "id": id, "title": title, "can_read": self.reads, "can_write": self.writes, "media_types": [STIX] })
    }
}

/// The same in every node and for every consumer: clients keep it with where they are.
fn collection_id(name: &[u8]) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, &[b"urn:watchfire:taxii:", name].concat())
}

fn collections(node: &Node, consumer: &Consumer) -> Result<Vec<Collection>, NodeError> {
    let snapshot = node.store.snapshot()?;
    let (id, title, groups) = (collection_id(b"all"), "all".to_owned(), consumer.groups.clone());
    let mut all = vec![Collection { id, title, groups, reads: true, writes: false }];
    let of_group = |group: &GroupId| collection_id(&[b"group:", group.0.as_slice()].concat());
    // Of a consumer that was given no groups nobody has said that it may know which there are.
    for group in &consumer.groups {
        let title = node.collection_name(&snapshot, group)?;
        all.push(Collection { id: of_group(group), title, groups: vec![*group], reads: true, writes: false });
    }
    if let Some(produces) = consumer.produces() {
        let (id, title) = match produces.to {
            Audience::Group(group) => (of_group(&group), node.collection_name(&snapshot, &group)?),
            Audience::Direct(org) => (collection_id(&[b"peer:", org.0.as_slice()].concat()), "sent".to_owned()),
        };
        match all.iter_mut().find(|one| one.id == id) {
            Some(known) => known.writes = true,
            None => all.push(Collection { id, title, groups: Vec::new(), reads: false, writes: true }),
        }
    }
    Ok(all)
}

/// An envelope (section 3.7): its objects as a bundle, and what is told of them later.
fn envelope(bytes: &[u8]) -> Result<(Vec<u8>, Objects), TaxiiError> {
    let unprocessable = |what: String| error(StatusCode::UNPROCESSABLE_ENTITY, what);
    let envelope: BTreeMap<String, &serde_json::value::RawValue> =
        serde_json::from_slice(bytes).map_err(|fault| unprocessable(format!("this is no envelope: {fault}")))?;
    let objects = envelope.get("objects").ok_or_else(|| unprocessable("the envelope has no `objects`".into()))?;
    let each: Vec<Head> =
        serde_json::from_str(objects.get()).map_err(|fault| unprocessable(format!("`objects` cannot be read: {fault}")))?;
    if each.is_empty() || each.len() > OBJECTS_MAX {
        return Err(unprocessable(format!("an envelope has 1 to {OBJECTS_MAX} objects")));
    }
    let total = each.len() as u64;
    let versions = each.into_iter().filter_map(|Head { id, modified, created }| Some((id, modified.or(created)?))).collect();
    Ok((format!("{{\"type\":\"bundle\",\"objects\":{}}}", objects.get()).into_bytes(), Objects { total, versions }))
}

/// What is read of an object here.
#[derive(serde::Deserialize)]
struct Head {
    id: String,
    #[serde(default)]
    modified: Option<String>,
    #[serde(default)]
    created: Option<String>,
}

/// A status (section 4.3.1). All has been done when it is told, but for what waits for a person.
fn status(report: &Produced) -> Value {
    let objects = report.objects.clone().unwrap_or_else(|| Objects { total: report.read, ..Objects::default() });
    let failed = (report.withheld + report.invalid + report.left_out).min(objects.total);
    let pending = report.waiting.min(objects.total - failed);
    // A problem of an object that was taken is only worth a look.
    let at = report.at.to_string();
    let detail = |problem: &crate::formats::Problem| {
        let id = Produced::object(problem)?;
        let version = objects.versions.get(id).cloned().unwrap_or_else(|| at.clone());
        Some(json!({ "id": id, "version": version, "message": problem.what }))
    };
    let told = |problem: &&crate::formats::Problem| !problem.what.starts_with("worth a look");
    let failures: Vec<Value> =
        report.problems.iter().filter(told).filter_map(detail).take(usize::try_from(failed).unwrap_or_default()).collect();
    let mut body = json!({
        "id": report.id,
        "status": "complete",
        "request_timestamp": at,
        "total_count": objects.total,
        "success_count": objects.total - failed - pending,
        "failure_count": failed,
        "pending_count": pending,
    });
    if !failures.is_empty() {
        body["failures"] = failures.into();
    }
    body
}

fn refused(refused: ProduceError) -> TaxiiError {
    use StatusCode as S;
    let text = refused.to_string().lines().next().unwrap_or_default().to_owned();
    match refused {
        ProduceError::Node(fault) => {
            log_unanswered(&fault);
            error(S::SERVICE_UNAVAILABLE, "this cannot be done just now; the node's operator finds out why in its log")
        }
        ProduceError::NotAllowed(_) => error(S::FORBIDDEN, text),
        ProduceError::TooLong(_) | ProduceError::TooMany(_) => error(S::PAYLOAD_TOO_LARGE, text),
        ProduceError::DayIsFull => error(S::TOO_MANY_REQUESTS, text),
        ProduceError::UnderWay | ProduceError::SaidByOthers => error(S::CONFLICT, text),
        ProduceError::NotSaid => error(S::NOT_FOUND, text),
        ProduceError::BadKey | ProduceError::KeyReused | ProduceError::TooLax(_) => error(S::UNPROCESSABLE_ENTITY, text),
    }
}

/// Adds objects to a collection (section 5.4).
async fn add(node: &Arc<Node>, consumer: &Consumer, headers: &HeaderMap, body: &mut Incoming) -> Result<Response, TaxiiError> {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !media.to_ascii_lowercase().starts_with("application/taxii+json") || !is_ours(media) {
        return Err(error(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("this is taken as `{MEDIA}` alone")));
    }
    let bytes = body::read(body, headers, &node.config.https).await;
    let bytes = bytes.map_err(|why| error(why.status(), split_hint(&why.to_string()).0))?;
    let (bytes, objects) = envelope(&bytes)?;
    let sent = Sent { form: Form::Of(Format::Stix), bytes, key: None, tlp: None, objects: Some(objects) };
    let report = node.produce(consumer, sent).await.map_err(refused)?;
    let mut response = answer(&status(&report));
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

/// What a caller asks of a collection.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    limit: Option<usize>,
    /// Behind this time, in microseconds.
    after: Option<u64>,
    ids: Option<BTreeSet<String>>,
    kinds: Option<BTreeSet<String>>,
    versions: Option<BTreeSet<String>>,
    spec_versions: Option<BTreeSet<String>>,
}

impl Wanted {
    fn read(query: &str) -> Result<Self, TaxiiError> {
        let bad = |name: &str| error(StatusCode::BAD_REQUEST, format!("`{name}` cannot be read"));
        let list = |name: &str, value: &str| {
            let values: BTreeSet<String> = value.split(',').map(|one| one.trim().to_owned()).collect();
            if values.len() > MATCHED_MAX { Err(bad(name)) } else { Ok(Some(values)) }
        };
        let mut wanted = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "limit" => wanted.limit = Some(value.parse().ok().filter(|limit| *limit > 0).ok_or_else(|| bad("limit"))?),
                // Both may come: the later of the two counts.
                "added_after" => wanted.after = wanted.after.max(Some(microseconds(&value).ok_or_else(|| bad("added_after"))?)),
                "next" => wanted.after = wanted.after.max(Some(u64::from_str_radix(&value, 36).map_err(|_| bad("next"))?)),
                "match[id]" => wanted.ids = list("match[id]", &value)?,
                "match[type]" => wanted.kinds = list("match[type]", &value)?,
                "match[version]" => wanted.versions = list("match[version]", &value)?,
                "match[spec_version]" => wanted.spec_versions = list("match[spec_version]", &value)?,
                _ => {}
            }
        }
        Ok(wanted)
    }

    fn wants(&self, entry: &Entry) -> bool {
        let among = |set: &Option<BTreeSet<String>>, value: &str| set.as_ref().is_none_or(|set| set.contains(value));
        // One version of each is here, which is the first, the last and all of them.
        let version = |set: &BTreeSet<String>| {
            set.iter().any(|one| {
                matches!(&**one, "all" | "first" | "last")
                    || (microseconds(one).is_some() && microseconds(one) == microseconds(&entry.version))
            })
        };
        among(&self.ids, &entry.id)
            && among(&self.kinds, entry.kind())
            && among(&self.spec_versions, "2.1")
            && self.versions.as_ref().is_none_or(version)
    }

    /// The entries of a page, and whether there are more.
    fn page<'l>(&self, ledger: &'l Ledger, objects_max: usize, bytes_max: u64) -> (Vec<&'l Entry>, bool) {
        let limit = self.limit.unwrap_or(objects_max).min(objects_max);
        let from = ledger.entries.partition_point(|entry| Some(entry.added) <= self.after);
        let (mut page, mut bytes) = (Vec::new(), 0);
        for entry in ledger.entries[from..].iter().filter(|entry| self.wants(entry)) {
            bytes += u64::from(entry.size());
            if page.len() >= limit || (bytes > bytes_max && !page.is_empty()) {
                return (page, true);
            }
            page.push(entry);
        }
        (page, false)
    }
}

/// A time (RFC 3339) in microseconds.
fn microseconds(text: &str) -> Option<u64> {
    text.parse::<jiff::Timestamp>().ok().and_then(|at| u64::try_from(at.as_microsecond()).ok())
}

/// With six digits behind the second, always.
fn time(microseconds: u64) -> String {
    let at = i64::try_from(microseconds).ok().and_then(|at| jiff::Timestamp::from_microsecond(at).ok()).unwrap_or_default();
    format!("{at:.6}")
}

/// Where the next page goes on.
fn next(added: u64) -> String {
    let (mut digits, mut rest) = (Vec::new(), added);
    loop {
        digits.push(char::from_digit(u32::try_from(rest % 36).unwrap_or_default(), 36).unwrap_or('0'));
        rest /= 36;
        if rest == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

/// Whether the caller takes TAXII 2.1.
fn accepts(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).peekable();
    lines.peek().is_none() || lines.flat_map(|line| line.split(',')).any(is_ours)
}

fn is_ours(range: &str) -> bool {
    let mut parts = range.split(';').map(|part| part.trim().to_ascii_lowercase());
    let media = parts.next().unwrap_or_default();
    let version = parts.find_map(|part| part.strip_prefix("version=").map(|version| version.trim_matches('"').to_owned()));
    match &*media {
        "*/*" | "application/*" => true,
        "application/taxii+json" => version.is_none_or(|version| version == "2.1"),
        _ => false,
    }
}

/// Answers a request under [`BASE`].
pub(super) async fn answered(
    node: &Arc<Node>,
    consumer: &Consumer,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Response, TaxiiError> {
    if !consumer.may(Scope::Taxii) {
        return Err(error(StatusCode::FORBIDDEN, "this token is good for something else"));
    }
    if !accepts(headers) {
        return Err(error(StatusCode::NOT_ACCEPTABLE, format!("this is answered as `{MEDIA}` alone")));
    }
    let path = uri.path().strip_prefix(BASE).ok_or_else(nothing)?;
    // The standard's addresses end so; some clients leave it out.
    let parts: Vec<&str> = path.strip_suffix('/').unwrap_or(path).split('/').collect();
    let unavailable = |fault: NodeError| {
        log_unanswered(&fault);
        error(StatusCode::SERVICE_UNAVAILABLE, "this cannot be served just now; the node's operator finds out why in its log")
    };
    let all = || collections(node, consumer).map_err(unavailable);
    let the = |id: &str| {
        let id = id.parse::<Uuid>().map_err(|_| nothing())?;
        all()?.into_iter().find(|one| one.id == id).ok_or_else(nothing)
    };
    let reads = || match *method {
        Method::GET | Method::HEAD => Ok(()),
        _ => Err(error(StatusCode::FORBIDDEN, "this can be read alone")),
    };
    match parts.as_slice() {
        [""] => reads().map(|()| discovery(uri, headers)),
        ["watchfire"] => {
            let root = json!({ "title": "Watchfire", "versions": [MEDIA], "max_content_length": node.config.https.body_bytes_max });
            reads().map(|()| answer(&root))
        }
        ["watchfire", "collections"] => {
            reads()?;
            Ok(answer(&json!({ "collections": all()?.iter().map(Collection::view).collect::<Vec<_>>() })))
        }
        ["watchfire", "collections", id] => {
            let collection = the(id)?;
            reads().map(|()| answer(&collection.view()))
        }
        ["watchfire", "status", id] => {
            reads()?;
            let id = id.parse::<Uuid>().map_err(|_| nothing())?;
            let report = node.submission(consumer, &id).map_err(unavailable)?.filter(|report| report.objects.is_some());
            Ok(answer(&status(&report.ok_or_else(nothing)?)))
        }
        ["watchfire", "collections", id, "objects"] if *method == Method::POST => {
            if !the(id)?.writes {
                return Err(error(StatusCode::FORBIDDEN, "nothing can be added here with this token"));
            }
            add(node, consumer, headers, body).await
        }
        ["watchfire", "collections", id, rest @ ..] => {
            let Collection { groups, reads: is_read, .. } = the(id)?;
            reads()?;
            if !is_read {
                return Err(error(StatusCode::FORBIDDEN, "something can be added here alone"));
            }
            let mut wanted = Wanted::read(uri.query().unwrap_or_default())?;
            let what = match rest {
                ["objects"] => What::Objects,
                ["manifest"] => What::Manifest,
                ["objects", id] => {
                    wanted.ids = Some([(*id).to_owned()].into());
                    What::Object
                }
                ["objects", id, "versions"] => {
                    wanted.ids = Some([(*id).to_owned()].into());
                    What::Versions
                }
                _ => return Err(nothing()),
            };
            let request = collection(consumer.ceiling(false), groups, consumer.options().least_confidence);
            let ledger = node.ledger(&request).await.map_err(unavailable)?;
            if matches!(what, What::Objects | What::Object) {
                let (ledger, consumer) = (ledger.clone(), consumer.clone());
                written_down(node.clone(), move |node| async move { node.note_paged(&ledger, &request, &consumer).await }).await;
            }
            let limits = (node.config.https.taxii_page_max, node.config.https.taxii_page_bytes_max);
            // It reads a file and goes through a long list.
            let work = tokio::task::spawn_blocking(move || page(&ledger, &wanted, what, limits));
            work.await.map_err(|fault| unavailable(NodeError::Internal(fault.to_string())))?
        }
        _ => Err(nothing()),
    }
}

/// What is asked for of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Objects,
    Manifest,
    Object,
    Versions,
}

fn page(ledger: &Ledger, wanted: &Wanted, what: What, (objects_max, bytes_max): (u64, u64)) -> Result<Response, TaxiiError> {
    let (entries, more) = wanted.page(ledger, usize::try_from(objects_max).unwrap_or(usize::MAX), bytes_max);
    let known = |entry: &Entry| wanted.ids.as_ref().is_some_and(|ids| ids.contains(&*entry.id));
    if matches!(what, What::Object | What::Versions) && entries.is_empty() && !ledger.entries.iter().any(known) {
        return Err(nothing());
    }
    let mut body: BTreeMap<&str, Value> = BTreeMap::new();
    // An empty list is left out, as the standard has it.
    if more {
        body.insert("more", true.into());
        body.extend(entries.last().map(|last| ("next", next(last.added).into())));
    }
    let mut bytes = Vec::new();
    match what {
        What::Versions if !entries.is_empty() => {
            body.insert("versions", entries.iter().map(|entry| Value::from(&*entry.version)).collect());
        }
        What::Manifest if !entries.is_empty() => {
            let row =
                |entry: &&Entry| json!({ "id": entry.id, "date_added": time(entry.added), "version": entry.version, "media_type": STIX });
            body.insert("objects", entries.iter().map(row).collect());
        }
        What::Objects | What::Object if !entries.is_empty() => {
            let objects = ledger.objects(&entries).map_err(|fault| {
                tracing::warn!(%fault, "the objects of a collection cannot be read");
                error(StatusCode::SERVICE_UNAVAILABLE, "this cannot be served just now; try again")
            })?;
            let head = serde_json::to_string(&body).unwrap_or_default();
            let comma = if body.is_empty() { "" } else { "," };
            let objects = serde_json::to_string(&objects).unwrap_or_default();
            bytes = format!("{}{comma}\"objects\":{objects}}}", &head[..head.len() - 1]).into_bytes();
        }
        _ => {}
    }
    if bytes.is_empty() {
        bytes = serde_json::to_vec(&body).unwrap_or_default();
    }
    let mut response = raw(bytes);
    for (name, entry) in [("x-taxii-date-added-first", entries.first()), ("x-taxii-date-added-last", entries.last())] {
        if let Some(value) = entry.and_then(|entry| HeaderValue::from_str(&time(entry.added)).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

/// The API root under the name by which the caller reached us: clients do not put relative ones together alike.
fn discovery(uri: &Uri, headers: &HeaderMap) -> Response {
    let host =
        uri.authority().map(|authority| authority.as_str()).or_else(|| headers.get(header::HOST).and_then(|host| host.to_str().ok()));
    let root = match host.filter(|host| crate::config::is_endpoint(host) || crate::config::is_endpoint(&format!("{host}:443"))) {
        Some(host) => format!("https://{host}{BASE}{ROOT}"),
        None => format!("{BASE}{ROOT}"),
    };
    answer(&json!({ "title": "Watchfire", "default": root, "api_roots": [root] }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_six_digits_and_is_read_again() {
        assert_eq!(time(1_795_339_800_000_001), "2026-11-22T09:30:00.000001Z");
        assert_eq!(time(1_795_339_800_000_000), "2026-11-22T09:30:00.000000Z");
        assert_eq!(microseconds("2026-11-22T09:30:00.000001Z"), Some(1_795_339_800_000_001));
        assert_eq!(microseconds("2026-11-22T10:30:00+01:00"), Some(1_795_339_800_000_000));
        assert_eq!(microseconds("yesterday"), None);
        for added in [0, 35, 36, 1_795_339_800_000_001, u64::MAX] {
            assert_eq!(u64::from_str_radix(&next(added), 36), Ok(added));
        }
    }

    #[test]
    fn of_next_and_added_after_the_later_counts_and_what_cannot_be_read_is_said() {
        let read = |query: &str| Wanted::read(query).map_err(|TaxiiError(status, title)| (status.as_u16(), title));
        let after = |query: &str| read(query).unwrap().after;
        let late = next(1_795_339_800_000_005);
        assert_eq!(after(&format!("added_after=2026-11-22T09:30:00Z&next={late}")), Some(1_795_339_800_000_005));
        assert_eq!(after(&format!("next={late}&added_after=2026-11-22T09:30:01Z")), Some(1_795_339_801_000_000));
        for (query, name) in [("limit=0", "limit"), ("limit=-1", "limit"), ("added_after=x", "added_after"), ("next=%00%27", "next")] {
            assert_eq!(read(query).unwrap_err(), (400, format!("`{name}` cannot be read")), "{query}");
        }
        assert_eq!(read("match%5Bid%5D=a,b").unwrap().ids, Some(["a".to_owned(), "b".to_owned()].into()));
    }

    #[test]
    fn the_media_type_of_this_version_is_answered_alone() {
        let of = |value: &str| accepts(&[(header::ACCEPT, value.parse().unwrap())].into_iter().collect());
        for good in [MEDIA, "application/taxii+json; version=2.1", "application/taxii+json", "text/html, */*;q=0.1", "application/*"] {
            assert!(of(good), "{good}");
        }
        for bad in ["application/xml", "application/taxii+json;version=2.0", "application/vnd.oasis.taxii+json"] {
            assert!(!of(bad), "{bad}");
        }
        assert!(accepts(&HeaderMap::new()));
    }

    #[test]
    fn an_envelope_and_a_match_are_bounded() {
        let status = |count: usize| {
            let objects = vec!["{\"id\":\"a--1\"}"; count].join(",");
            envelope(format!("{{\"objects\":[{objects}]}}").as_bytes())
                .map(|(_, objects)| objects.total)
                .map_err(|TaxiiError(status, _)| status)
        };
        assert_eq!([status(0), status(20_000), status(20_001)].map(|one| one.ok()), [None, Some(20_000), None]);
        let query = |count: usize| format!("match[id]={}", (0..count).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
        assert!(Wanted::read(&query(1_000)).is_ok() && Wanted::read(&query(1_001)).is_err());
    }
}
