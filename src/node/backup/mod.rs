//! A backup is made: everything that another machine needs to go on as this organisation, from one snapshot, encrypted, as a stream.
//!
//! In it are the store's rows, the settings, the keys that are refused, and the key directory with the root key if it is there. The next
//! root key is left out even where it lies in the key directory: it wins the organisation back from whoever has stolen the rest, a
//! backup included.

mod frame;
mod read;
#[cfg(test)]
mod tests;

pub use frame::BackupError;
pub use read::{is_free, read_backup, restore_backup};

use super::view::BackupView;
use super::{Node, NodeError};
use crate::config;
use crate::formats::age::{Encryptor, Recipient};
use crate::link::identity::DIRECTORY;
use crate::model::record::RecordKind;
use crate::model::{EntryHash, LogId, OrgId, Timestamp};
use crate::store::archive::DumpError;
use crate::store::change::Change;
use crate::store::{ReadError, Snapshot};
use frame::FrameWriter;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use zeroize::Zeroizing;

/// The node's own value that says when the last backup was made.
pub(super) const LAST: &str = "backup/last";
/// The file with the keys that are refused.
const DENIED_KEYS: &str = "denied-keys.txt";

/// What a backup says of itself, before everything else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of watchfire that made it.
    pub program: String,
    /// The schema of the store's rows.
    pub schema: u32,
    /// Whose it is.
    pub org: OrgId,
    /// When the snapshot was taken.
    pub taken: Timestamp,
    /// The incarnation of our logs.
    pub incarnation: u64,
    /// How many records are held, by the name of their kind.
    pub records: BTreeMap<String, u64>,
    /// Every log and its head.
    pub logs: Vec<LogHead>,
    /// How many rows each table has.
    pub tables: BTreeMap<String, u64>,
    /// The files in it.
    pub files: Vec<String>,
    /// Files that were there and are left out.
    pub left_out: Vec<String>,
}

/// Where a log stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogHead {
    /// Its id.
    pub id: LogId,
    /// Who writes it.
    pub author: OrgId,
    /// How many entries.
    pub size: u64,
    /// The hash of its last header.
    pub head: EntryHash,
}

/// Where every log stands.
pub(super) fn heads(snapshot: &Snapshot) -> Result<Vec<LogHead>, ReadError> {
    let head = |log: crate::store::LogInfo| LogHead { id: log.id, author: log.key.author, size: log.head.size, head: log.head.hash };
    Ok(snapshot.logs()?.into_iter().map(head).collect())
}

/// How many records are held, by the name of their kind.
pub(super) fn record_counts(snapshot: &Snapshot) -> Result<BTreeMap<String, u64>, ReadError> {
    let name = |kind: u8| RecordKind::from_number(kind).map_or_else(|| format!("kind {kind}"), |kind| kind.name().to_owned());
    Ok(snapshot.counts()?.into_iter().map(|(kind, count)| (name(kind), count)).collect())
}

impl Manifest {
    /// What people are told of it.
    pub fn view(&self) -> BackupView {
        BackupView {
            taken: self.taken,
            org_id: self.org,
            records: self.records.clone(),
            logs: self.logs.len() as u64,
            entries: self.logs.iter().map(|log| log.size).sum(),
            rows: self.tables.values().sum(),
            left_out: self.left_out.clone(),
        }
    }
}

/// A backup that begins: its snapshot is taken, and nothing that comes later is in it.
pub struct Backup {
    manifest: Manifest,
    snapshot: Snapshot,
    files: Vec<(String, Zeroizing<Vec<u8>>)>,
}

impl std::fmt::Debug for Backup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Backup({}, {})", self.manifest.org, self.manifest.taken)
    }
}

impl Backup {
    /// What it says of itself.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The moment that it is made of.
    pub const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Writes it, encrypted to these recipients. Needs memory for a part of it; the node goes on meanwhile.
    ///
    /// # Errors
    /// When the store cannot be read or the output fails; then what was written is a cut file and is known as one.
    pub fn write(&self, recipients: &[Recipient], out: &mut dyn Write) -> Result<(), NodeError> {
        let failed = |error| NodeError::io("write the backup", error);
        let encrypted = Encryptor::new(out, recipients).map_err(failed)?;
        let mut frames = FrameWriter::new(encrypted).map_err(failed)?;
        frames.manifest(&self.manifest).map_err(failed)?;
        for (name, content) in &self.files {
            frames.file(name, content).map_err(failed)?;
        }
        self.snapshot.dump_rows(&mut |table, rows| frames.rows(table, rows)).map_err(|error| match error {
            DumpError::Read(error) => error.into(),
            DumpError::Sink(error) => failed(error),
        })?;
        let finished = frames.end().and_then(Encryptor::finish);
        finished.map(|_| ()).map_err(failed)
    }
}

impl Node {
    /// Takes the snapshot that a backup is made of.
    ///
    /// # Errors
    /// When the store or a file cannot be read.
    pub fn begin_backup(&self) -> Result<Backup, NodeError> {
        let (mut files, left_out) = self.keys.files()?;
        for (name, _) in &mut files {
            *name = format!("{DIRECTORY}/{name}");
        }
        for name in [DENIED_KEYS, config::FILE] {
            files.extend(read_file(&self.data.join(name))?.map(|content| (name.to_owned(), content)));
        }
        let (snapshot, taken) = (self.store.snapshot()?, self.clock.now());
        let manifest = Manifest {
            program: env!("CARGO_PKG_VERSION").into(),
            schema: snapshot.schema(),
            org: self.org(),
            taken,
            incarnation: snapshot.incarnation()?,
            records: record_counts(&snapshot)?,
            logs: heads(&snapshot)?,
            tables: snapshot.row_counts()?,
            files: files.iter().map(|(name, _)| name.clone()).collect(),
            left_out: left_out.into_iter().map(|name| format!("{DIRECTORY}/{name}")).collect(),
        };
        Ok(Backup { manifest, snapshot, files })
    }

    /// A backup of this time is safely where it was to go.
    ///
    /// # Errors
    /// When the store takes no changes.
    pub async fn backup_made(&self, taken: Timestamp) -> Result<(), NodeError> {
        let before = last_backup(&self.store.snapshot()?)?;
        if before.is_none_or(|before| before < taken) {
            self.commit(Change::Put(LAST, Some(taken.0.to_be_bytes().to_vec()))).await?;
        }
        Ok(())
    }
}

/// When the last backup was made; `None` when there was none.
pub(super) fn last_backup(snapshot: &Snapshot) -> Result<Option<Timestamp>, ReadError> {
    let bytes = snapshot.get(LAST)?;
    Ok(bytes.and_then(|bytes| Some(Timestamp(u64::from_be_bytes(bytes.try_into().ok()?)))))
}

fn read_file(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, NodeError> {
    match std::fs::read(path) {
        Ok(content) => Ok(Some(Zeroizing::new(content))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(NodeError::io(format!("read `{}`", path.display()), error)),
    }
}
