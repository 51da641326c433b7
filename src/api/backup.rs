//! Requests about backups: made as a stream, noted when they are safe, and what a restored node waits for.

use super::extract::{Answer, Ask};
use super::stream::BodyWriter;
use super::{BACKUP_HEADER, Problem};
use crate::formats::age::Recipient;
use crate::model::Timestamp;
use crate::node::Node;
use crate::node::error::NodeError;
use crate::node::view::RestoredView;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::sync::Arc;
use tokio_stream::wrappers::ReceiverStream;

/// The body of a request for a backup.
#[derive(Debug, Serialize, Deserialize)]
pub struct BackupRequest {
    /// To whom it is encrypted: `age1…`, at least one.
    pub to: Vec<String>,
}

/// Reads recipients, each once.
///
/// # Errors
/// When one is none, or there is none.
pub fn recipients(texts: &[String]) -> Result<Vec<Recipient>, NodeError> {
    let mut recipients = Vec::new();
    for text in texts {
        let recipient = text.parse().map_err(|error: crate::formats::age::BadRecipient| NodeError::BadInput(error.to_string()))?;
        if !recipients.contains(&recipient) {
            recipients.push(recipient);
        }
    }
    if recipients.is_empty() {
        return Err(NodeError::BadInput("a backup is for somebody\nhint: `--to age1…`".into()));
    }
    Ok(recipients)
}

pub(super) async fn backup(State(node): State<Arc<Node>>, Ask(request): Ask<BackupRequest>) -> Result<Response, Problem> {
    let to = recipients(&request.to)?;
    let begun = tokio::task::spawn_blocking(move || node.begin_backup()).await;
    let backup = begun.map_err(|fault| NodeError::Internal(fault.to_string()))??;
    let view = serde_json::to_string(&backup.manifest().view()).map_err(|error| NodeError::Internal(error.to_string()))?;
    let (mut writer, chunks) = BodyWriter::new();
    tokio::task::spawn_blocking(move || {
        let written = backup.write(&to, &mut writer).and_then(|()| writer.flush().map_err(|error| NodeError::io("send the backup", error)));
        if let Err(error) = written {
            tracing::error!(code = error.code(), "a backup broke off");
            writer.fail(io::Error::other(error.to_string()));
        }
    });
    let headers = [(header::CONTENT_TYPE.as_str(), "application/age".to_owned()), (BACKUP_HEADER, view)];
    Ok((axum::response::AppendHeaders(headers), Body::from_stream(ReceiverStream::new(chunks))).into_response())
}

/// A backup that is where it was to go.
#[derive(Debug, Serialize, Deserialize)]
pub struct BackupMade {
    /// When its snapshot was taken.
    pub taken: Timestamp,
}

pub(super) async fn made(State(node): State<Arc<Node>>, Ask(made): Ask<BackupMade>) -> Answer<()> {
    node.backup_made(made.taken).await?;
    Ok(Json(()))
}

pub(super) async fn waive(State(node): State<Arc<Node>>) -> Answer<RestoredView> {
    Ok(Json(node.waive_restore().await?))
}
