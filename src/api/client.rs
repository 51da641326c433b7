//! The command line's side of the interface: HTTP/1.1 over the socket, one connection for each request.

use super::import::ImportLine;
use super::{BACKUP_HEADER, BackupRequest, CURSOR_HEADER, Problem, UNSAID_TRAILER};
use crate::config::SOCKET;
use crate::node::error::{Exit, NodeError};
use crate::node::view::{BackupView, ImportProgress, ImportReport, UnsaidView};
use axum::body::Bytes;
use futures_util::StreamExt;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::{HeaderMap, Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio_util::io::ReaderStream;

type Body = BoxBody<Bytes, io::Error>;

/// The longest answer that is taken whole (64 MiB); exports and imports stream.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// The longest line of an import's answer.
const LINE_BYTES_MAX: usize = 16 << 20;
/// Bytes read from a file at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// Talks to the node that runs in a data directory.
#[derive(Debug, Clone)]
pub struct Client {
    data: PathBuf,
}

/// What an answer says beside its bytes.
#[derive(Debug)]
pub struct Told {
    headers: HeaderMap,
    trailers: HeaderMap,
}

/// A request's path and query, in parts, so that names may hold any character.
#[derive(Debug, Clone)]
pub struct Target(url::Url);

impl Target {
    /// `/v1` and these segments.
    pub fn new(segments: &[&str]) -> Self {
        let mut url = url::Url::parse("http://desk/v1").expect("a constant URL");
        url.path_segments_mut().expect("http has segments").extend(segments);
        Self(url)
    }

    /// Adds to the query.
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.0.query_pairs_mut().append_pair(key, value);
        self
    }

    fn path_and_query(&self) -> &str {
        &self.0[url::Position::BeforePath..url::Position::AfterQuery]
    }
}

impl Client {
    /// Of the node in that directory.
    pub fn new(data: &Path) -> Self {
        Self { data: data.to_owned() }
    }

    /// Asks a question.
    ///
    /// # Errors
    /// The node's own problem, or that it is not running.
    pub async fn get<T: DeserializeOwned>(&self, target: Target) -> Result<T, Problem> {
        self.call(Method::GET, target, empty()).await
    }

    /// Asks for a change.
    ///
    /// # Errors
    /// The node's own problem, or that it is not running.
    pub async fn post<T: DeserializeOwned>(&self, target: Target, body: &(impl Serialize + Sync)) -> Result<T, Problem> {
        let bytes = serde_json::to_vec(body).map_err(|error| broken(&error))?;
        self.call(Method::POST, target, Full::new(bytes.into()).map_err(|never| match never {}).boxed()).await
    }

    /// Asks for a removal.
    ///
    /// # Errors
    /// The node's own problem, or that it is not running.
    pub async fn delete<T: DeserializeOwned>(&self, target: Target) -> Result<T, Problem> {
        self.call(Method::DELETE, target, empty()).await
    }

    async fn call<T: DeserializeOwned>(&self, method: Method, target: Target, body: Body) -> Result<T, Problem> {
        let response = self.send(method, &target, body).await?;
        let bytes = http_body_util::Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let bytes = bytes.map_err(|error| broken(&error))?.to_bytes();
        serde_json::from_slice(&bytes).map_err(|error| broken(&error))
    }

    /// Streams an export to `out`; gives back its cursor and what the format could not say, or nothing when the reader of `out` has seen enough.
    ///
    /// # Errors
    /// The node's own problem, or what stopped it on the way: then what was written is not whole.
    pub async fn export(&self, target: Target, out: &mut (impl AsyncWrite + Unpin)) -> Result<Option<(String, Vec<UnsaidView>)>, Problem> {
        let Some(told) = self.download(target, out).await? else { return Ok(None) };
        let cursor = told.headers.get(CURSOR_HEADER).and_then(|value| Some(value.to_str().ok()?.to_owned()));
        let cursor = cursor.ok_or_else(|| broken(&"it gives no cursor"))?;
        let unsaid = told.trailers.get(UNSAID_TRAILER).ok_or_else(|| broken(&"it does not say what is left out"))?;
        let unsaid = serde_json::from_slice(unsaid.as_bytes()).map_err(|error| broken(&error))?;
        Ok(Some((cursor, unsaid)))
    }

    /// Streams an answer to `out`; gives back what stood before and behind it, or nothing when the reader of `out` has seen enough.
    ///
    /// # Errors
    /// The node's own problem, or what stopped it on the way: then what was written is not whole.
    pub async fn download(&self, target: Target, out: &mut (impl AsyncWrite + Unpin)) -> Result<Option<Told>, Problem> {
        let (parts, mut body) = self.send(Method::GET, &target, empty()).await?.into_parts();
        let mut told = Told { headers: parts.headers, trailers: HeaderMap::new() };
        let failed = |error: io::Error| Problem::from(NodeError::io("write the export", error));
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| {
                let text = "the node broke its answer off, so it is not whole\nhint: its log says why";
                Problem::new("export-broken", Exit::Failed, text)
            })?;
            match out.write_all(frame.data_ref().map_or(&[], |chunk| chunk)).await {
                // A reader that has seen enough is no error; it gets no cursor, since it has not seen all.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(None),
                written => written.map_err(failed)?,
            }
            told.trailers.extend(frame.into_trailers().unwrap_or_default());
        }
        match out.flush().await {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(None),
            flushed => flushed.map_err(failed).map(|()| Some(told)),
        }
    }

    /// Streams a backup to `out` and tells of each part's bytes.
    ///
    /// # Errors
    /// The node's own problem, or what stopped it on the way: then what was written is not whole.
    pub async fn backup(
        &self,
        request: &BackupRequest,
        out: &mut (impl AsyncWrite + Unpin),
        mut progress: impl FnMut(u64),
    ) -> Result<BackupView, Problem> {
        let bytes = serde_json::to_vec(request).map_err(|error| broken(&error))?;
        let body = Full::new(bytes.into()).map_err(|never| match never {}).boxed();
        let response = self.send(Method::POST, &Target::new(&["backup"]), body).await?;
        let view = response.headers().get(BACKUP_HEADER).and_then(|value| serde_json::from_slice(value.as_bytes()).ok());
        let view = view.ok_or_else(|| broken(&"it does not say what is in it"))?;
        let mut chunks = response.into_body().into_data_stream();
        let failed = |error: io::Error| Problem::from(NodeError::io("write the backup", error));
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| {
                let text = "the node broke the backup off, so there is none\nhint: its log says why";
                Problem::new("backup-broken", Exit::Failed, text)
            })?;
            out.write_all(&chunk).await.map_err(failed)?;
            progress(chunk.len() as u64);
        }
        out.flush().await.map_err(failed)?;
        Ok(view)
    }

    /// Streams a file to the node and tells how far it is.
    ///
    /// # Errors
    /// The node's own problem, or that reading the file failed.
    pub async fn import(
        &self,
        target: Target,
        file: impl AsyncRead + Send + Sync + 'static,
        mut progress: impl FnMut(ImportProgress),
    ) -> Result<ImportReport, Problem> {
        let chunks = ReaderStream::with_capacity(file, CHUNK_BYTES).map(|chunk| chunk.map(Frame::data));
        let body = BodyExt::boxed(StreamBody::new(chunks));
        let response = self.send(Method::POST, &target, body).await?;
        let mut chunks = response.into_body().into_data_stream();
        let mut pending = Vec::new();
        while let Some(chunk) = chunks.next().await {
            pending.extend_from_slice(&chunk.map_err(|error| broken(&error))?);
            while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
                let line = pending.drain(..=end).collect::<Vec<u8>>();
                match serde_json::from_slice(&line).map_err(|error| broken(&error))? {
                    ImportLine::Progress(at) => progress(at),
                    ImportLine::Report(report) => return Ok(report),
                    ImportLine::Problem(problem) => return Err(problem),
                }
            }
            if pending.len() > LINE_BYTES_MAX {
                return Err(broken(&"a line without end"));
            }
        }
        Err(broken(&"it ended before the import did"))
    }

    async fn send(&self, method: Method, target: &Target, body: Body) -> Result<Response<Incoming>, Problem> {
        let stream = self.connect().await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(target.path_and_query())
            .header("host", "desk")
            .header("te", "trailers")
            .header("content-type", "application/json")
            .body(body)
            .map_err(|error| broken(&error))?;
        let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let bytes = http_body_util::Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let bytes = bytes.map_err(|error| broken(&error))?.to_bytes();
        Err(serde_json::from_slice(&bytes).unwrap_or_else(|error| broken(&error)))
    }

    async fn connect(&self) -> Result<UnixStream, Problem> {
        let path = self.data.join(SOCKET);
        let error = match UnixStream::connect(&path).await {
            Ok(stream) => return Ok(stream),
            Err(error) => error,
        };
        Err(Problem::from(match error.kind() {
            io::ErrorKind::PermissionDenied => NodeError::Permission {
                path,
                what: "belongs to another user".into(),
                hint: "run this as the user that runs `watchfire serve`".into(),
            },
            _ if self.data.join(crate::config::FILE).exists() => NodeError::NotRunning(self.data.clone()),
            _ => NodeError::NotInitialised(self.data.clone()),
        }))
    }
}

fn empty() -> Body {
    Full::new(Bytes::new()).map_err(|never| match never {}).boxed()
}

fn broken(why: &impl std::fmt::Display) -> Problem {
    let text = format!("the node's answer broke off: {why}\nhint: see the log of `watchfire serve`");
    Problem::new("broken-answer", Exit::Failed, &text)
}
