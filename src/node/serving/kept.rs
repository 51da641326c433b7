//! Exports that were written lately, as files that many may fetch. One is used again while what it would say is the same: no record came, changed or
//! went, nothing has expired, and the lists of what must not be blocked are those of then.
//!
//! A file's tag is the SHA-256 of its bytes: what somebody may not see changes no byte of it, so it changes no tag.

use super::super::view::{ExportFormat, ExportOptions, ExportRequest};
use super::super::{Node, NodeError};
use super::consumer::Consumer;
use super::ledger::{Known, Ledger};
use crate::model::{Ceiling, GroupId, Timestamp};
use crate::rules::gate::Gate;
use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use tempfile::{NamedTempFile, TempPath};

/// The folder of what was written, within the data directory.
const FOLDER: &str = "serving";

/// How a file is packed on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coding {
    /// As it is.
    Identity,
    /// gzip (RFC 1952).
    Gzip,
    /// zstd (RFC 8878).
    Zstd,
}

impl Coding {
    /// Its name in HTTP.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// Packs what is read, and gives back where it was written. The same bytes give the same, so that tags hold over a restart.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn pack<W: Write>(self, mut from: impl Read, mut to: W) -> io::Result<W> {
        match self {
            Self::Identity => io::copy(&mut from, &mut to).map(|_| to),
            Self::Gzip => {
                let mut gzip = flate2::GzBuilder::new().mtime(0).write(to, flate2::Compression::default());
                io::copy(&mut from, &mut gzip)?;
                gzip.finish()
            }
            Self::Zstd => {
                let mut zstd = zstd::Encoder::new(to, zstd::DEFAULT_COMPRESSION_LEVEL)?;
                io::copy(&mut from, &mut zstd)?;
                zstd.finish()
            }
        }
    }
}

/// What an export depends on, besides what is held: format, TLP, class, PAP, groups, and what its format leaves open.
pub(super) type Asked = (&'static str, u8, u8, u8, Vec<GroupId>, ExportOptions);

pub(super) fn asked(request: &ExportRequest) -> Asked {
    let mut groups = request.groups.clone();
    groups.sort_unstable();
    groups.dedup();
    let Ceiling { tlp, class, pap } = request.ceiling;
    (request.format.name(), tlp.number(), class as u8, pap as u8, groups, request.options.clone())
}

/// Exports that were written lately, by what was asked for.
#[derive(Debug, Default)]
pub(super) struct Exports {
    kept: BTreeMap<Asked, (u64, Arc<KeptExport>)>,
    /// What TAXII collections have, of exports that are kept.
    pub(super) ledgers: BTreeMap<Asked, Known>,
    /// Rises with each use: what has the smallest number goes first.
    uses: u64,
}

impl Exports {
    fn get(&mut self, asked: &Asked) -> Option<Arc<KeptExport>> {
        self.uses += 1;
        let (used, kept) = self.kept.get_mut(asked)?;
        *used = self.uses;
        Some(kept.clone())
    }

    fn put(&mut self, asked: Asked, kept: Arc<KeptExport>) {
        self.uses += 1;
        self.kept.insert(asked, (self.uses, kept));
    }

    /// Keeps what a collection has, while its export is kept: the file has it for the time after.
    pub(super) fn keep_ledger(&mut self, asked: Asked, known: Known) {
        if self.kept.contains_key(&asked) {
            self.ledgers.insert(asked, known);
        }
    }

    /// Lets go of what was used longest ago, until there are few enough of few enough bytes. What somebody still reads stays on disk until then.
    fn shrink(&mut self, count_max: u64, bytes_max: u64) {
        let bytes = |kept: &BTreeMap<Asked, (u64, Arc<KeptExport>)>| kept.values().map(|(_, one)| one.bytes.load(Relaxed)).sum::<u64>();
        while self.kept.len() > 1 && (self.kept.len() as u64 > count_max || bytes(&self.kept) > bytes_max) {
            let oldest = self.kept.iter().min_by_key(|(_, (used, _))| *used).map(|(asked, _)| asked.clone());
            if let Some(asked) = oldest {
                self.kept.remove(&asked);
                self.ledgers.remove(&asked);
            }
        }
    }
}

/// Where a file stands.
#[derive(Debug, Clone, Copy)]
struct Part {
    offset: u64,
    size: u64,
    digest: [u8; 32],
}

/// Which file of an export, the whole where none is named, and how it is packed.
type PackedAs = (Option<String>, Coding);

/// A file that is packed.
#[derive(Debug)]
struct Packed {
    path: TempPath,
    part: Part,
}

/// An export on disk; its files go with it.
#[derive(Debug)]
pub(super) struct KeptExport {
    path: TempPath,
    whole: Part,
    /// The files in the archive, where it is one.
    files: BTreeMap<String, Part>,
    /// The newest event that it knows.
    newest: u64,
    gate: Gate,
    /// What was met by then, where it depends on that: no event of the store tells it.
    met: Option<[u8; 32]>,
    made: Timestamp,
    until: Option<Timestamp>,
    packed: Mutex<BTreeMap<PackedAs, Arc<Packed>>>,
    /// Consumers of which it was written down that they have it, and whether all of it.
    had: Mutex<BTreeMap<[u8; 16], bool>>,
    /// On disk, packed files too.
    bytes: AtomicU64,
}

impl KeptExport {
    /// Where it is written.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What its files are called.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Where one of its files stands: at which byte, and how many.
    pub(super) fn place(&self, name: &str) -> Option<(u64, u64)> {
        self.files.get(name).map(|part| (part.offset, part.size))
    }

    /// Whether it has to be written down that a consumer has got it, all or some of it.
    fn is_news(&self, consumer: [u8; 16], whole: bool) -> bool {
        let mut had = self.had.lock().unwrap_or_else(PoisonError::into_inner);
        let known = had.get(&consumer).copied();
        if known.is_none() || (whole && known == Some(false)) {
            had.insert(consumer, whole);
            return true;
        }
        false
    }

    /// Whether it knows more than another.
    pub(super) fn is_newer(&self, other: &Self) -> bool {
        (self.newest, self.made) > (other.newest, other.made)
    }

    fn part(&self, file: Option<&str>) -> Option<Part> {
        match file {
            None => Some(self.whole),
            Some(name) => self.files.get(name).copied(),
        }
    }
}

/// A file that is to be sent. What it is read from stays there while this lives.
#[derive(Debug)]
pub struct Fetched {
    kept: Arc<KeptExport>,
    packed: Option<Arc<Packed>>,
    part: Part,
    /// How it is packed.
    pub coding: Coding,
}

impl Fetched {
    /// Its length in bytes, as it is sent.
    pub const fn size(&self) -> u64 {
        self.part.size
    }

    /// Its strong entity tag (RFC 9110), of the bytes as they are sent.
    pub fn tag(&self) -> String {
        format!("\"{}\"", HEXLOWER.encode(&self.part.digest))
    }

    /// The file, at its first byte; [`Self::size`] bytes of it are meant.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(&self) -> io::Result<File> {
        let path = self.packed.as_ref().map_or(&self.kept.path, |packed| &packed.path);
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(self.part.offset))?;
        Ok(file)
    }
}

impl Node {
    /// An export, or a file of one that has several, as it is now; `None` where there is no such file.
    ///
    /// # Errors
    /// When nothing may be served yet, or the store cannot be read, or the disk takes no writes.
    pub async fn fetch(
        self: &Arc<Self>,
        request: &ExportRequest,
        file: Option<&str>,
        coding: Coding,
    ) -> Result<Option<Fetched>, NodeError> {
        // In a task of its own: it goes on when whoever asked has gone, so that the next one finds it.
        let work = self.clone().fetched(request.clone(), file.map(str::to_owned), coding);
        tokio::spawn(work).await.map_err(|fault| NodeError::Internal(fault.to_string()))?
    }

    async fn fetched(self: Arc<Self>, request: ExportRequest, file: Option<String>, coding: Coding) -> Result<Option<Fetched>, NodeError> {
        let kept = self.kept(&asked(&request), &request).await?;
        let Some(part) = kept.part(file.as_deref()) else { return Ok(None) };
        if coding == Coding::Identity {
            return Ok(Some(Fetched { kept, packed: None, part, coding }));
        }
        let packed = self.packed_file(&kept, file, part, coding).await?;
        Ok(Some(Fetched { part: packed.part, kept, packed: Some(packed), coding }))
    }

    /// An export as it is now.
    pub(super) async fn kept(self: &Arc<Self>, asked: &Asked, request: &ExportRequest) -> Result<Arc<KeptExport>, NodeError> {
        // Alerts are few, and no event of the store tells that one came or went.
        let is_looked_for = request.format != ExportFormat::Atom;
        if let Some(kept) = self.still_good(asked)?.filter(|_| is_looked_for) {
            return Ok(kept);
        }
        let _one_at_a_time = self.serving.writing.lock().await;
        match self.still_good(asked)?.filter(|_| is_looked_for) {
            Some(kept) => Ok(kept),
            None => self.write_anew(asked.clone(), request.clone()).await,
        }
    }

    /// Writes down that a consumer has got an export, once for each that was written anew.
    ///
    /// # Errors
    /// When the store takes no changes.
    pub async fn note_fetched(self: &Arc<Self>, fetched: &Fetched, request: &ExportRequest, consumer: &Consumer) -> Result<(), NodeError> {
        self.note_had(&fetched.kept, request, consumer).await
    }

    /// The same of one whose objects it has got, or some of them.
    ///
    /// # Errors
    /// As [`Self::note_fetched`].
    pub async fn note_paged(self: &Arc<Self>, ledger: &Ledger, request: &ExportRequest, consumer: &Consumer) -> Result<(), NodeError> {
        self.note_had(ledger.kept(), request, consumer).await
    }

    async fn note_had(self: &Arc<Self>, kept: &KeptExport, request: &ExportRequest, consumer: &Consumer) -> Result<(), NodeError> {
        self.note_some(kept, request, consumer, true).await
    }

    /// The same of one of which it has got all or some.
    pub(super) async fn note_some(
        self: &Arc<Self>,
        kept: &KeptExport,
        request: &ExportRequest,
        consumer: &Consumer,
        whole: bool,
    ) -> Result<(), NodeError> {
        if !kept.is_news(consumer.id, whole) {
            return Ok(());
        }
        let (node, request, name) = (self.clone(), request.clone(), consumer.name.to_string());
        blocking(move || if whole { node.remember_export_to(&request, Some(name)) } else { node.remember_some_to(&request, name) }).await
    }

    /// Takes away what an earlier process has left behind.
    ///
    /// # Errors
    /// When the folder cannot be made anew.
    pub fn sweep_served(&self) -> Result<(), NodeError> {
        let folder = self.data.join(FOLDER);
        let failed = |error| NodeError::io(format!("make the folder `{}` anew", folder.display()), error);
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
            _ => std::fs::DirBuilder::new().mode(0o700).create(&folder).map_err(failed),
        }
    }

    fn still_good(&self, asked: &Asked) -> Result<Option<Arc<KeptExport>>, NodeError> {
        let snapshot = self.store.snapshot()?;
        self.may_serve(&snapshot)?;
        let Some(kept) = self.exports().get(asked) else { return Ok(None) };
        let (newest, gate, now) = (snapshot.newest()?, self.gate()?, self.clock.now());
        let good = kept.newest == newest && kept.gate.is(&gate) && kept.made <= now && kept.until.is_none_or(|until| now < until);
        let good = good && (kept.met.is_none() || kept.met == Some(snapshot.sightings_digest(now)?));
        Ok(good.then_some(kept))
    }

    pub(super) fn exports(&self) -> std::sync::MutexGuard<'_, Exports> {
        self.serving.exports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn write_anew(self: &Arc<Self>, asked: Asked, request: ExportRequest) -> Result<Arc<KeptExport>, NodeError> {
        let node = self.clone();
        let kept = Arc::new(blocking(move || node.write_kept(request)).await?);
        let mut exports = self.exports();
        exports.put(asked, kept.clone());
        exports.shrink(self.config.https.cache_exports_max, self.config.https.cache_bytes_max);
        Ok(kept)
    }

    fn write_kept(&self, request: ExportRequest) -> Result<KeptExport, NodeError> {
        let is_folder = request.format.is_folder();
        let depends_on_met = request.options.least_confidence.is_some();
        let export = self.begin_export(request)?;
        let met = depends_on_met.then(|| export.snapshot.sightings_digest(export.now)).transpose()?;
        let (newest, gate, made) = (export.snapshot.newest()?, export.gate.clone(), export.now);
        let mut file = self.scratch().map_err(failed)?;
        let mut out = Bounded { out: BufWriter::new(file.as_file_mut()), left: self.config.https.cache_bytes_max };
        let (_, until) = export.write_until(&mut out)?;
        out.flush().map_err(failed)?;
        drop(out);
        let path = file.into_temp_path();
        let (whole, files) = index(&path, is_folder).map_err(failed)?;
        let bytes = AtomicU64::new(whole.size);
        Ok(KeptExport { path, whole, files, newest, gate, met, made, until, packed: Mutex::default(), had: Mutex::default(), bytes })
    }

    fn scratch(&self) -> io::Result<NamedTempFile> {
        let mode = std::fs::Permissions::from_mode(0o600);
        tempfile::Builder::new().permissions(mode).tempfile_in(self.data.join(FOLDER))
    }

    /// A file packed once, however many fetch it.
    async fn packed_file(
        self: &Arc<Self>,
        kept: &Arc<KeptExport>,
        file: Option<String>,
        part: Part,
        coding: Coding,
    ) -> Result<Arc<Packed>, NodeError> {
        let key = (file, coding);
        let known = || kept.packed.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(packed) = known() {
            return Ok(packed);
        }
        let _one_at_a_time = self.serving.writing.lock().await;
        if let Some(packed) = known() {
            return Ok(packed);
        }
        let (node, from) = (self.clone(), kept.clone());
        let packed = blocking(move || {
            let packed = node.scratch().and_then(|to| pack(&from.path, part, to, coding)).map_err(failed)?;
            from.bytes.fetch_add(packed.part.size, Relaxed);
            Ok(Arc::new(packed))
        });
        let packed = packed.await?;
        kept.packed.lock().unwrap_or_else(PoisonError::into_inner).insert(key, packed.clone());
        self.exports().shrink(self.config.https.cache_exports_max, self.config.https.cache_bytes_max);
        Ok(packed)
    }
}

pub(super) fn failed(error: io::Error) -> NodeError {
    NodeError::io("write what is served", error)
}

pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, NodeError> + Send + 'static) -> Result<T, NodeError> {
    tokio::task::spawn_blocking(work).await.map_err(|fault| NodeError::Internal(fault.to_string()))?
}

/// Takes so many bytes, and then no more: an export must not fill the disk on which the store stands.
struct Bounded<W> {
    out: W,
    left: u64,
}

impl<W: Write> Write for Bounded<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or_else(|| io::Error::new(io::ErrorKind::StorageFull, "it is longer than `https.cache_bytes_max`"))?;
        self.out.write_all(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn digest_of(mut from: impl Read) -> io::Result<(u64, [u8; 32])> {
    let (mut context, mut buffer, mut size) = (digest::Context::new(&digest::SHA256), vec![0; 64 << 10], 0);
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        context.update(&buffer[..count]);
        size += count as u64;
    }
    let digest = context.finish();
    Ok((size, digest.as_ref().try_into().expect("SHA-256 has 32 bytes")))
}

/// Where each file of an export stands.
fn index(path: &Path, is_folder: bool) -> io::Result<(Part, BTreeMap<String, Part>)> {
    let (size, digest) = digest_of(File::open(path)?)?;
    let whole = Part { offset: 0, size, digest };
    let mut files = BTreeMap::new();
    if is_folder {
        let mut archive = tar::Archive::new(BufReader::new(File::open(path)?));
        for entry in archive.entries()? {
            let mut entry = entry?;
            let name = entry.path()?.to_string_lossy().into_owned();
            let offset = entry.raw_file_position();
            let (size, digest) = digest_of(&mut entry)?;
            files.insert(name, Part { offset, size, digest });
        }
    }
    Ok((whole, files))
}

fn pack(from: &Path, part: Part, mut to: NamedTempFile, coding: Coding) -> io::Result<Packed> {
    let mut source = File::open(from)?;
    source.seek(SeekFrom::Start(part.offset))?;
    coding.pack(source.take(part.size), BufWriter::new(to.as_file_mut()))?.flush()?;
    let path = to.into_temp_path();
    let (size, digest) = digest_of(File::open(&path)?)?;
    Ok(Packed { path, part: Part { offset: 0, size, digest } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::crypto::sha256;

    fn kept(bytes: u64) -> Arc<KeptExport> {
        let part = Part { offset: 0, size: bytes, digest: [0; 32] };
        Arc::new(KeptExport {
            path: NamedTempFile::new().unwrap().into_temp_path(),
            whole: part,
            files: BTreeMap::new(),
            newest: 0,
            gate: Gate::default(),
            met: None,
            made: Timestamp(0),
            until: None,
            packed: Mutex::default(),
            had: Mutex::default(),
            bytes: AtomicU64::new(bytes),
        })
    }

    #[test]
    fn what_was_used_longest_ago_goes_first_and_its_file_stays_while_it_is_read() {
        let of = |format| (format, 0, 0, 0, Vec::new(), ExportOptions::default());
        let mut exports = Exports::default();
        for format in ["a", "b", "c"] {
            exports.put(of(format), kept(10));
        }
        let reader = exports.get(&of("a")).expect("kept");
        exports.shrink(3, 25);
        assert!(exports.get(&of("b")).is_none());
        assert!(exports.get(&of("a")).is_some() && exports.get(&of("c")).is_some());
        exports.shrink(1, 100);
        assert!(exports.get(&of("a")).is_none(), "c was used last");
        assert!(reader.path.exists());
        let path = reader.path.to_path_buf();
        drop(reader);
        assert!(!path.exists());
    }

    #[test]
    fn an_export_that_is_too_long_ends_before_the_disk_is_full() {
        let mut out = Bounded { out: Vec::new(), left: 4 };
        out.write_all(b"1234").unwrap();
        let error = out.write_all(b"5").unwrap_err();
        assert_eq!(error.to_string(), "it is longer than `https.cache_bytes_max`");
        assert_eq!(out.out, b"1234");
    }

    #[test]
    fn each_file_of_an_archive_is_found_and_packs_to_the_same_bytes_each_time() {
        let mut archive = tar::Builder::new(NamedTempFile::new().unwrap());
        for (name, text) in [("a.txt", "one\n".repeat(500)), ("b.txt", "two\n".into())] {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            archive.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
        let path = archive.into_inner().unwrap().into_temp_path();
        let (whole, files) = index(&path, true).unwrap();
        assert_eq!(whole.size, std::fs::metadata(&path).unwrap().len());
        let part = files["b.txt"];
        assert_eq!((part.size, part.digest), (4, sha256(&[b"two\n"])));
        for coding in [Coding::Identity, Coding::Gzip, Coding::Zstd] {
            let packed = || pack(&path, files["a.txt"], NamedTempFile::new().unwrap(), coding).unwrap();
            let (one, other) = (packed(), packed());
            assert_eq!(one.part.digest, other.part.digest, "{coding:?}");
            let bytes = std::fs::read(&one.path).unwrap();
            let mut text = String::new();
            match coding {
                Coding::Identity => BufReader::new(bytes.as_slice()).read_to_string(&mut text),
                Coding::Gzip => flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text),
                Coding::Zstd => zstd::Decoder::new(bytes.as_slice()).unwrap().read_to_string(&mut text),
            }
            .unwrap();
            assert_eq!(text, "one\n".repeat(500), "{coding:?}");
        }
    }
}
