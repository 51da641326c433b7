//! `POST /v1/import`: a file of any size in, NDJSON out: `{"progress":…}` lines and at the end `{"report":…}` or `{"problem":…}`.

use super::extract::Asked;
use super::stream::BodyReader;
use super::{Problem, problem};
use crate::formats::Format;
use crate::model::{Class, Pap, Tlp};
use crate::node::Node;
use crate::node::error::{Exit, NodeError};
use crate::node::view::{ImportProgress, ImportReport, ImportRequest};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// The query of an import.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ImportQuery {
    /// The label's TLP.
    pub tlp: String,
    /// Its class, where it is more than what the TLP means.
    #[serde(default)]
    pub class: Option<String>,
    /// What may be done with it.
    #[serde(default)]
    pub pap: Option<String>,
    /// A peer's or group's name or id.
    pub to: String,
    /// `auto`, `stix`, `misp`, `csv` or `text`.
    #[serde(default)]
    pub format: String,
    /// Shares nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// Skips the hold.
    #[serde(default)]
    pub now: bool,
    /// The file's name.
    #[serde(default)]
    pub file_name: Option<String>,
    /// Under which name its records count, for bursts.
    #[serde(default)]
    pub source: Option<String>,
}

/// A line of the answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImportLine {
    /// How far it is.
    Progress(ImportProgress),
    /// It is done.
    Report(ImportReport),
    /// It failed; what was released before stays released, and doing it again changes nothing.
    Problem(problem::Problem),
}

/// The format with that name; `auto` and nothing are none.
///
/// # Errors
/// When there is no such format.
pub fn format_named(name: &str) -> Result<Option<Format>, Problem> {
    Ok(Some(match name {
        "" | "auto" => return Ok(None),
        "stix" => Format::Stix,
        "misp" => Format::Misp,
        "csv" => Format::Csv,
        "text" => Format::Text,
        _ => {
            let text = format!("`{name}` is not a format that can be imported\nhint: auto, stix, misp, csv and text are");
            return Err(Problem::new("bad-input", Exit::Usage, &text));
        }
    }))
}

impl ImportQuery {
    fn request(self) -> Result<ImportRequest, Problem> {
        let bad = |what: &dyn std::fmt::Display| Problem::from(NodeError::BadInput(what.to_string()));
        let tlp: Tlp = self.tlp.parse().map_err(|error| bad(&error))?;
        let class: Option<Class> = self.class.as_deref().map(str::parse).transpose().map_err(|error| bad(&error))?;
        let pap: Pap = self.pap.as_deref().map(str::parse).transpose().map_err(|error| bad(&error))?.unwrap_or_default();
        let format = format_named(&self.format)?;
        let Self { to, dry_run, file_name, now, source, .. } = self;
        Ok(ImportRequest { tlp, class, pap, to, format, dry_run, file_name, now, source })
    }
}

pub(super) async fn import(
    State(node): State<Arc<Node>>,
    query: Result<Asked<ImportQuery>, Problem>,
    body: Body,
) -> Result<Response, Problem> {
    // Even when nothing comes of it the body is read, since its sender listens only when it has sent everything.
    let reader = BodyReader::new(body);
    let request = query?.0.request()?;
    let (lines, answer) = mpsc::channel::<ImportLine>(16);
    tokio::task::spawn_blocking(move || {
        let mut progress = |at: ImportProgress| {
            // A slow reader misses some; the next says more anyway.
            let _ = lines.try_send(ImportLine::Progress(at));
        };
        let end = match node.import(request, Box::new(reader), &mut progress) {
            Ok(report) => ImportLine::Report(report),
            Err(error) => ImportLine::Problem(error.into()),
        };
        // Whoever asked may have gone; what was released stays released.
        let _ = lines.blocking_send(end);
    });
    let lines = ReceiverStream::new(answer).map(|line| -> io::Result<Bytes> {
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        Ok(text.into())
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_format_is_answered_with_those_there_are() {
        let said = format_named("docx").expect_err("there is none");
        assert_eq!(
            (said.code.as_str(), said.exit, said.detail.as_str(), said.hint.as_deref()),
            ("bad-input", Exit::Usage, "`docx` is not a format that can be imported", Some("auto, stix, misp, csv and text are"))
        );
    }
}
