//! Requests about records: share, look up, export, take back.

use super::extract::{Answer, Ask, Asked, read};
use super::stream::BodyWriter;
use super::{CURSOR_HEADER, Problem, UNSAID_TRAILER};
use crate::model::{Ceiling, Class, ObservableKind, Pap, Tlp};
use crate::node::Node;
use crate::node::campaigns::CampaignView;
use crate::node::error::NodeError;
use crate::node::view::{
    CertificatesView, ExpireView, ExplainView, ExportFormat, ExportOptions, ExportRequest, ExportedView, LogKeyView, LookupView,
    PolicyCheckView, PolicyView, ReceiptView, RecordView, RemovedView, RotateView, ShareReport, ShareRequest, StatusView, TakeBackView,
    UnsaidView,
};
use crate::rules::may::{Person, To};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use hyper::body::Frame;
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::sync::Arc;
use tokio_stream::wrappers::ReceiverStream;

/// The node answers; `store` says whether it takes changes, `certificates` how long peers will talk to it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Health {
    /// Whether it takes changes and can be talked to.
    pub ok: bool,
    /// `ok`, or why it takes none.
    pub store: String,
    /// The days that our certificates have left.
    pub certificates: CertificatesView,
    /// Whether it was restored and serves nothing yet; `watchfire status` shows what it waits for.
    #[serde(default)]
    pub restored: bool,
}

pub(super) async fn health(State(node): State<Arc<Node>>) -> Json<Health> {
    let (store, certificates) = (node.store_state(), node.certificates(node.clock.now()));
    let valid = certificates.node_days >= 0 && certificates.issuing_days >= 0;
    Json(Health { ok: store == "ok" && valid, store, certificates, restored: node.is_restored() })
}

pub(super) async fn status(State(node): State<Arc<Node>>) -> Answer<StatusView> {
    read(node, Node::status).await
}

pub(super) async fn share(State(node): State<Arc<Node>>, Ask(request): Ask<ShareRequest>) -> Answer<ShareReport> {
    Ok(Json(node.share(request).await?))
}

/// The body of a look-up.
#[derive(Debug, Serialize, Deserialize)]
pub struct LookupRequest {
    /// The values, defanged or not.
    pub values: Vec<String>,
    /// Their kind; where none is given each is looked up as what it looks like and as all that it can be.
    #[serde(default)]
    pub kind: Option<ObservableKind>,
    /// Nothing more restricted than this; where it is not given, for people here who may see all.
    #[serde(default)]
    pub ceiling: Option<Ceiling>,
}

pub(super) async fn lookup(State(node): State<Arc<Node>>, Ask(request): Ask<LookupRequest>) -> Answer<Vec<LookupView>> {
    read(node, move |node| {
        let to = request.ceiling.map_or(To::Person(Person::Operator), To::Tool);
        node.lookup_for(&request.values, request.kind, &to)
    })
    .await
}

/// The query of what several organisations report.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CampaignsQuery {
    /// Nothing more restricted than this; where it is not given, for people here who may see all.
    #[serde(default)]
    tlp_max: Option<Tlp>,
}

pub(super) async fn campaigns(State(node): State<Arc<Node>>, Asked(query): Asked<CampaignsQuery>) -> Answer<Vec<CampaignView>> {
    read(node, move |node| {
        let to = query.tlp_max.map_or(To::Person(Person::Operator), |tlp| To::Tool(Ceiling { tlp, ..FOR_TOOLS }));
        node.campaigns_for(&to)
    })
    .await
}

pub(super) async fn show(State(node): State<Arc<Node>>, Path(id): Path<String>) -> Answer<RecordView> {
    read(node, move |node| node.show(&id)).await
}

/// The query of an explanation.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ExplainQuery {
    to: String,
}

pub(super) async fn explain(
    State(node): State<Arc<Node>>,
    Path(id): Path<String>,
    Asked(query): Asked<ExplainQuery>,
) -> Answer<ExplainView> {
    read(node, move |node| node.explain(&id, &query.to)).await
}

pub(super) async fn receipts(State(node): State<Arc<Node>>, Path(id): Path<String>) -> Answer<Vec<ReceiptView>> {
    read(node, move |node| node.receipts(&id)).await
}

pub(super) async fn exports(State(node): State<Arc<Node>>, Path(id): Path<String>) -> Answer<Vec<ExportedView>> {
    read(node, move |node| node.exports_of(&id)).await
}

/// The body of a withdrawal or a recall.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reason {
    /// Why.
    pub reason: String,
}

pub(super) async fn withdraw(State(node): State<Arc<Node>>, Path(id): Path<String>, Ask(why): Ask<Reason>) -> Answer<TakeBackView> {
    Ok(Json(node.withdraw(&id, &why.reason).await?))
}

pub(super) async fn recall(State(node): State<Arc<Node>>, Path(id): Path<String>, Ask(why): Ask<Reason>) -> Answer<TakeBackView> {
    Ok(Json(node.recall(&id, &why.reason).await?))
}

pub(super) async fn rotate(State(node): State<Arc<Node>>) -> Answer<RotateView> {
    Ok(Json(node.rotate().await?))
}

/// Why the log-signing key is changed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct RotateLogKey {
    /// Whether those before may be in other hands.
    #[serde(default)]
    pub stolen: bool,
}

pub(super) async fn rotate_log_key(State(node): State<Arc<Node>>, Ask(why): Ask<RotateLogKey>) -> Answer<LogKeyView> {
    Ok(Json(node.rotate_log_key(why.stolen).await?))
}

pub(super) async fn expire(State(node): State<Arc<Node>>) -> Answer<ExpireView> {
    Ok(Json(node.expire().await?))
}

/// A policy, as people write it.
#[derive(Debug, Serialize, Deserialize)]
pub struct PolicyText {
    /// TOML.
    pub text: String,
    /// Whether a person has said yes to what anybody may have more.
    #[serde(default)]
    pub widen: bool,
}

pub(super) async fn policy(State(node): State<Arc<Node>>) -> Answer<PolicyView> {
    read(node, move |node| node.policy_view()).await
}

pub(super) async fn check_policy(State(node): State<Arc<Node>>, Ask(policy): Ask<PolicyText>) -> Answer<PolicyCheckView> {
    read(node, move |node| node.check_policy(&policy.text)).await
}

pub(super) async fn activate_policy(State(node): State<Arc<Node>>, Ask(policy): Ask<PolicyText>) -> Answer<PolicyCheckView> {
    // On a thread of its own: it looks at every record, and goes on when whoever asked has gone.
    let runtime = tokio::runtime::Handle::current();
    let work = tokio::task::spawn_blocking(move || runtime.block_on(node.activate_policy(&policy.text, policy.widen)));
    Ok(Json(work.await.map_err(|fault| NodeError::Internal(fault.to_string()))??))
}

/// The query of an export.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ExportQuery {
    format: ExportFormat,
    #[serde(default)]
    tlp_max: Option<String>,
    #[serde(default)]
    class_max: Option<String>,
    #[serde(default)]
    pap_max: Option<String>,
    #[serde(default)]
    since: Option<String>,
    /// Names of kinds, between commas.
    #[serde(default)]
    kinds: String,
    #[serde(default)]
    policy: Option<String>,
    #[serde(default)]
    bom: bool,
    #[serde(default)]
    least_confidence: Option<u8>,
}

impl ExportQuery {
    fn request(self) -> Result<ExportRequest, NodeError> {
        let bad = |what: String| NodeError::BadInput(what);
        let mut ceiling = ceiling(self.tlp_max.as_deref(), self.class_max.as_deref(), self.pap_max.as_deref())?;
        if self.pap_max.is_none() && self.format.is_noticed() {
            ceiling.pap = Pap::Green;
        }
        let policy = self.policy.as_deref().map(str::parse).transpose().map_err(bad)?.unwrap_or_default();
        let names = self.kinds.split(',').filter(|name| !name.is_empty());
        let kinds = names.map(|name| kind_named(name).ok_or_else(|| bad(unknown_kind(name)))).collect::<Result<_, _>>()?;
        if self.least_confidence.is_some_and(|least| least > 100) {
            return Err(bad("confidence goes from 0 to 100".into()));
        }
        let options = ExportOptions { policy, bom: self.bom, least_confidence: self.least_confidence, sightings: true };
        Ok(ExportRequest { format: self.format, ceiling, groups: Vec::new(), since: self.since, kinds, options })
    }
}

/// What an export or a lookup for others may show where nothing is said: not what was named people's alone.
pub const FOR_TOOLS: Ceiling = Ceiling { tlp: Tlp::AmberStrict, class: Class::Confidential, pap: Pap::Red };

/// How far what is written may go.
fn ceiling(tlp: Option<&str>, class: Option<&str>, pap: Option<&str>) -> Result<Ceiling, NodeError> {
    let bad = |what: &dyn std::fmt::Display| NodeError::BadInput(what.to_string());
    Ok(Ceiling {
        tlp: tlp.map_or(Ok(FOR_TOOLS.tlp), |name| name.parse().map_err(|error| bad(&error)))?,
        class: class.map_or(Ok(FOR_TOOLS.class), |name| name.parse().map_err(|error| bad(&error)))?,
        pap: pap.map_or(Ok(FOR_TOOLS.pap), |name| name.parse().map_err(|error| bad(&error)))?,
    })
}

/// The kind of observable with that name.
pub fn kind_named(name: &str) -> Option<ObservableKind> {
    ObservableKind::ALL.into_iter().find(|kind| kind.name() == name)
}

/// What to say of a kind that there is not.
fn unknown_kind(name: &str) -> String {
    let names = ObservableKind::ALL.map(ObservableKind::name).join(", ");
    format!("`{name}` is not a kind of observable\nhint: there are {names}")
}

pub(super) async fn export(State(node): State<Arc<Node>>, Asked(query): Asked<ExportQuery>) -> Result<Response, Problem> {
    let request = query.request()?;
    let media = media_type(request.format);
    // Of one moment with what is written, so that no record is in the file whose end the cursor would not tell.
    let export = node.begin_export(request)?;
    let cursor = export.cursor(&node)?;
    let (mut writer, mut chunks) = BodyWriter::new();
    let (tell, told) = tokio::sync::oneshot::channel();
    let work = tokio::task::spawn_blocking(move || {
        let done = export.write(&mut writer).and_then(|unsaid| {
            writer.flush().map_err(|error| NodeError::io("send the export", error))?;
            Ok(unsaid)
        });
        match done {
            Ok(unsaid) => {
                let _ = tell.send(unsaid);
                // The reader has it all; a disk that takes no writes must not hold it up.
                drop(writer);
                if let Err(error) = node.remember_export(export.request()) {
                    tracing::warn!(code = error.code(), "an export is not remembered");
                }
                Ok(())
            }
            Err(error) => {
                writer.fail(io::Error::other(error.to_string()));
                Err(error)
            }
        }
    });
    // What fails before anything was written is told in words; later only a broken body can tell it.
    let first = match chunks.recv().await {
        Some(Err(_)) | None => {
            work.await.map_err(|fault| NodeError::Internal(fault.to_string()))??;
            Bytes::new()
        }
        Some(Ok(first)) => first,
    };
    let chunks = tokio_stream::once(Ok(first)).chain(ReceiverStream::new(chunks)).map(|chunk| chunk.map(Frame::data));
    // Behind all else, since it is known only then; whoever asks for no trailers gets none.
    let trailer = futures_util::stream::once(told)
        .filter_map(|told| std::future::ready(told.ok().map(|unsaid| Ok(Frame::trailers(trailers(&unsaid))))));
    let body = Body::new(http_body_util::StreamBody::new(chunks.chain(trailer)));
    let headers =
        [(header::CONTENT_TYPE.as_str(), media.to_owned()), (CURSOR_HEADER, cursor), (header::TRAILER.as_str(), UNSAID_TRAILER.to_owned())];
    Ok((axum::response::AppendHeaders(headers), body).into_response())
}

pub(super) async fn removed(State(node): State<Arc<Node>>, Asked(query): Asked<ExportQuery>) -> Answer<Vec<RemovedView>> {
    let request = query.request()?;
    read(node, move |node| node.removed(&request)).await
}

/// What could not be said, as JSON in ASCII.
fn trailers(unsaid: &[UnsaidView]) -> HeaderMap {
    let json = serde_json::to_string(unsaid).unwrap_or_default();
    HeaderValue::from_str(&json).map(|value| (HeaderName::from_static(UNSAID_TRAILER), value)).into_iter().collect()
}

pub(super) const fn media_type(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Stix => "application/stix+json;version=2.1",
        ExportFormat::Csv => "text/csv; charset=utf-8",
        ExportFormat::Rpz => "text/dns",
        ExportFormat::Atom => "application/atom+xml; charset=utf-8",
        _ if format.is_folder() => "application/x-tar",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_kind_is_answered_with_those_there_are() {
        assert_eq!(
            unknown_kind("x"),
            "`x` is not a kind of observable\nhint: there are domain, url, ipv4, ipv6, ipv4_net, ipv6_net, email, file_name, file_path, md5, sha1, sha256, sha512, process_name, app_id, app_cert_hash, configuration_profile_id, android_property, phone_number, mutex, registry_key, user_agent, cryptocurrency_address, pattern"
        );
    }
}
