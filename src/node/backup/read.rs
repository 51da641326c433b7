//! A backup is read: checked from its first byte to its last, and put into an empty directory only when all of it holds.

use super::frame::{BackupError, Frame, FrameReader, content};
use super::{LAST, Manifest, heads, record_counts};
use crate::clock::Clock;
use crate::config;
use crate::formats::age::{Decryptor, Identity};
use crate::link::identity::{DIRECTORY, Identity as Keys};
use crate::link::keys::write as write_private;
use crate::model::OrgId;
use crate::model::identity::Card;
use crate::node::held_back::Restored;
use crate::node::position::incarnation_after;
use crate::node::{Node, NodeError};
use crate::store::archive::{Filling, LoadError, check_schema, rows_in};
use crate::store::change::Change;
use crate::store::{Options, Store};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Where a restore works until all of it holds, within the data directory: it may be a mount point of its own.
const PARTIAL: &str = "restore.partial";
/// Without these an organisation cannot go on.
const NEEDED: [&str; 4] = ["keys/identity.pem", "keys/log.key", "keys/id.key", config::FILE];

impl From<LoadError> for BackupError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Disk(what) => Self::Io(io::Error::other(what)),
            other => Self::Content(other.to_string()),
        }
    }
}

/// Reads a whole backup and checks it, and writes nothing.
///
/// # Errors
/// When it is not for these identities, not a backup, damaged, cut, or not whole.
pub fn read_backup(input: impl BufRead, identities: &[Identity]) -> Result<Manifest, BackupError> {
    Reading::begin(input, identities)?.run(None)
}

/// Restores a backup into a directory that is empty or missing. Our logs go on in the next incarnation, and nothing is served or exported
/// before the peers have told what happened since.
///
/// # Errors
/// When the directory is not empty, or as [`read_backup`]. Then the directory is as it was.
pub fn restore_backup(
    input: impl BufRead,
    identities: &[Identity],
    data: &Path,
    clock: &Clock,
    name: &str,
) -> Result<(Manifest, u64), NodeError> {
    let place = Place::take(data)?;
    let bad = |error: BackupError| NodeError::bad_backup(name, &error);
    let manifest = Reading::begin(input, identities).and_then(|reading| reading.run(Some(place.partial()))).map_err(bad)?;
    let incarnation = finish(&place.partial(), &manifest, clock, name)?;
    place.keep()?;
    Ok((manifest, incarnation))
}

/// A backup on its way in.
struct Reading<R: BufRead> {
    frames: FrameReader<Decryptor<R>>,
    manifest: Manifest,
    /// Rows seen so far, by table.
    rows: BTreeMap<String, u64>,
    files: Vec<String>,
}

impl<R: BufRead> Reading<R> {
    fn begin(input: R, identities: &[Identity]) -> Result<Self, BackupError> {
        let mut frames = FrameReader::new(Decryptor::new(input, identities)?)?;
        match frames.next()? {
            Frame::Manifest(manifest) => Ok(Self { frames, manifest: *manifest, rows: BTreeMap::new(), files: Vec::new() }),
            _ => Err(content("it does not begin with its manifest")),
        }
    }

    /// Reads on to the end; into a directory, where one is given.
    fn run(mut self, into: Option<PathBuf>) -> Result<Manifest, BackupError> {
        check_schema(self.manifest.schema)
            .map_err(|_| BackupError::Schema { program: self.manifest.program.clone(), schema: self.manifest.schema })?;
        let mut filling = into.as_ref().map(|into| Filling::begin(&into.join("store"), self.manifest.schema)).transpose()?;
        loop {
            match self.frames.next()? {
                Frame::Manifest(_) => return Err(content("it has two manifests")),
                Frame::File { name, content } => self.file(name, &content, into.as_deref())?,
                Frame::Rows { table, rows } => {
                    let count = match &mut filling {
                        Some(filling) => filling.rows(&table, &rows)?,
                        None => rows_in(&table, &rows)?,
                    };
                    *self.rows.entry(table).or_default() += count;
                }
                Frame::End => break,
            }
        }
        if let Some(filling) = filling {
            filling.end()?;
        }
        self.is_whole()?;
        Ok(self.manifest)
    }

    fn file(&mut self, name: String, bytes: &[u8], into: Option<&Path>) -> Result<(), BackupError> {
        if !is_ours(&name) || self.files.contains(&name) {
            return Err(content("it has a file that is none of a data directory's"));
        }
        if name == NEEDED[0] && whose(bytes) != Some(self.manifest.org) {
            return Err(content("its keys are another organisation's than its store"));
        }
        if let Some(into) = into {
            let path = into.join(&name);
            let parent = path.parent().unwrap_or(into);
            fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
            write_private(&path, bytes).map_err(|error| BackupError::Io(io::Error::other(error.to_string())))?;
        }
        self.files.push(name);
        Ok(())
    }

    fn is_whole(&self) -> Result<(), BackupError> {
        for (table, expected) in &self.manifest.tables {
            let found = self.rows.get(table).copied().unwrap_or_default();
            if found != *expected {
                return Err(content(&format!("table `{table}` has {found} rows in it, and {expected} when it was made")));
            }
        }
        if self.rows.keys().any(|table| !self.manifest.tables.contains_key(table)) || self.files != self.manifest.files {
            return Err(content("it holds something else than its manifest says"));
        }
        match NEEDED.iter().find(|name| !self.files.iter().any(|file| file == *name)) {
            Some(name) => Err(content(&format!("`{name}` is not in it"))),
            None => Ok(()),
        }
    }
}

/// Names that a data directory has: nothing leads out of it.
pub(super) fn is_ours(name: &str) -> bool {
    let plain = |name: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !name.is_empty() && !name.starts_with('.') && name.bytes().all(fits)
    };
    match name.split_once('/') {
        Some((directory, name)) => directory == DIRECTORY && plain(name),
        None => plain(name) && ![DIRECTORY, "store", PARTIAL, crate::config::SOCKET].contains(&name),
    }
}

fn whose(identity: &[u8]) -> Option<OrgId> {
    Card::from_text(std::str::from_utf8(identity).ok()?).ok().map(|card| card.org())
}

/// Opens what was written as the node will, compares it with what the backup says, and declares the restore in it.
fn finish(partial: &Path, manifest: &Manifest, clock: &Clock, name: &str) -> Result<u64, NodeError> {
    let now = clock.now();
    let keys = Keys::load(partial, now)?;
    let store = Store::open(&partial.join("store"), Options::new(keys.org()))?;
    let snapshot = store.snapshot()?;
    let differs = heads(&snapshot)? != manifest.logs
        || record_counts(&snapshot)? != manifest.records
        || snapshot.incarnation()? != manifest.incarnation
        || keys.org() != manifest.org;
    let restored = Restored::new(now, Some(manifest.taken), &snapshot)?;
    let held = Node::wait_for_a_person(&snapshot)?;
    let consumers = Node::consumers_wait(&snapshot)?;
    drop(snapshot);
    if differs {
        return Err(NodeError::bad_backup(name, &content("its logs or records are not those that it was made of")));
    }
    let incarnation = incarnation_after(manifest.incarnation, now);
    store.commit_blocking(Change::Incarnation(incarnation))?;
    store.commit_blocking(restored.change())?;
    for change in held.into_iter().chain(consumers) {
        store.commit_blocking(change)?;
    }
    store.commit_blocking(Change::Put(LAST, Some(manifest.taken.0.to_be_bytes().to_vec())))?;
    store.close();
    Ok(incarnation)
}

/// The data directory while it is filled. Dropped before it is kept, it leaves nothing.
struct Place {
    data: PathBuf,
    /// Whether the directory was made here.
    made: bool,
    kept: bool,
}

impl Place {
    fn take(data: &Path) -> Result<Self, NodeError> {
        let failed = |error| NodeError::io(format!("make `{}`", data.display()), error);
        let made = !data.exists();
        fs::DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(failed)?;
        if !is_empty(data).map_err(failed)? {
            return Err(NodeError::NotEmpty(data.to_owned()));
        }
        let place = Self { data: data.to_owned(), made, kept: false };
        match fs::remove_dir_all(place.partial()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        fs::DirBuilder::new().mode(0o700).create(place.partial()).map_err(failed)?;
        Ok(place)
    }

    fn partial(&self) -> PathBuf {
        self.data.join(PARTIAL)
    }

    /// Moves everything to its place; the settings come last, so that a directory with settings has an identity and a store.
    fn keep(mut self) -> Result<(), NodeError> {
        let failed = |error| NodeError::io(format!("fill `{}`", self.data.display()), error);
        let mut names = Vec::new();
        for entry in fs::read_dir(self.partial()).map_err(failed)? {
            names.push(entry.map_err(failed)?.file_name());
        }
        names.sort_by_key(|name| (name == config::FILE, name.clone()));
        for name in names {
            fs::rename(self.partial().join(&name), self.data.join(&name)).map_err(failed)?;
        }
        fs::remove_dir(self.partial()).and_then(|()| fs::File::open(&self.data)?.sync_all()).map_err(failed)?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing is to be done about a directory that cannot be removed; the next restore tries again.
            let _ = fs::remove_dir_all(self.partial());
            if self.made {
                let _ = fs::remove_dir(&self.data);
            }
        }
    }
}

/// Whether a directory has nothing but what a restore that was killed has left, and what file systems have by themselves.
fn is_empty(data: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(data)? {
        let name = entry?.file_name();
        if name != PARTIAL && name != "lost+found" {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a restore into this directory would find it empty or missing.
pub fn is_free(data: &Path) -> bool {
    is_empty(data).unwrap_or_else(|error| error.kind() == io::ErrorKind::NotFound)
}
