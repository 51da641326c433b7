//! What a TAXII collection has, in the order in which it came: each object once, with a time of its own to the microsecond, later than that of every object
//! before it.
//!
//! The order is made of what its readers may see and of nothing else: the STIX export for them is held against what was there before, and what is
//! new or has changed goes to the end. An order made of the store's events would tell by its gaps how much there is that they may not see. It is kept in
//! a file, so that it outlives the process; where the file is lost, everything comes once more.

use super::super::view::{ExportFormat, ExportOptions, ExportRequest};
use super::super::{Node, NodeError};
use super::kept::{Asked, Exports, KeptExport, asked, blocking, failed};
use crate::model::crypto::sha256;
use crate::model::{Ceiling, GroupId, Timestamp};
use crate::store::Snapshot;
use data_encoding::HEXLOWER;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder of what came when, within the data directory.
const FOLDER: &str = "taxii";

/// An object of a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When it came, in microseconds since 1970: later than every one before it.
    pub added: u64,
    /// Its STIX id.
    pub id: Box<str>,
    /// Its version: when it was modified, or made where it has no versions.
    pub version: Box<str>,
    /// Of its bytes, to tell whether it has changed.
    digest: u64,
    offset: u64,
    size: u32,
}

/// A collection at one moment.
#[derive(Debug)]
pub struct Ledger {
    /// By `added`.
    pub entries: Vec<Entry>,
    kept: Arc<KeptExport>,
}

/// What the ledger reads of an object.
#[derive(Deserialize)]
struct Head<'o> {
    #[serde(borrow)]
    id: Cow<'o, str>,
    #[serde(borrow, default)]
    created: Option<Cow<'o, str>>,
    #[serde(borrow, default)]
    modified: Option<Cow<'o, str>>,
}

impl Ledger {
    /// The export that it is of.
    pub(super) fn kept(&self) -> &KeptExport {
        &self.kept
    }

    /// The objects of these entries, as JSON, in their order. Blocking.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn objects(&self, entries: &[&Entry]) -> io::Result<Vec<Box<serde_json::value::RawValue>>> {
        let mut file = File::open(self.kept.path())?;
        let object = |entry: &&Entry| {
            file.seek(SeekFrom::Start(entry.offset))?;
            let mut bytes = vec![0; entry.size as usize];
            file.read_exact(&mut bytes)?;
            let text = String::from_utf8(bytes).map_err(io::Error::other)?;
            serde_json::value::RawValue::from_string(text).map_err(io::Error::other)
        };
        entries.iter().map(object).collect()
    }
}

impl Entry {
    /// Bytes of its JSON.
    pub const fn size(&self) -> u32 {
        self.size
    }

    /// Its STIX type.
    pub fn kind(&self) -> &str {
        self.id.split_once("--").map_or("", |(kind, _)| kind)
    }
}

/// What was there before: when each object came, and the digest of its bytes. And the last time that was ever given.
#[derive(Debug, Default, PartialEq, Eq)]
struct Before {
    last: u64,
    came: BTreeMap<Box<str>, (u64, u64)>,
}

impl Before {
    /// Reads a ledger's file. What cannot be read of it is as if it had not been there: such objects come once more.
    fn read(path: &Path) -> Self {
        let mut before = Self::default();
        let Ok(file) = File::open(path) else { return before };
        for line in BufReader::new(file).lines().map_while(Result::ok) {
            let mut words = line.split(' ');
            let (Some(added), Some(digest)) = (words.next().and_then(|word| word.parse().ok()), words.next()) else { continue };
            before.last = before.last.max(added);
            if let (Ok(digest), Some(id)) = (u64::from_str_radix(digest, 16), words.next()) {
                before.came.insert(id.into(), (added, digest));
            }
        }
        before
    }

    fn of(ledger: &Ledger, last: u64) -> Self {
        Self { last, came: ledger.entries.iter().map(|entry| (entry.id.clone(), (entry.added, entry.digest))).collect() }
    }
}

/// Holds an export against what was there before. Returns what is there, and the last time that was given.
fn compare(export: impl BufRead, before: &Before, now: Timestamp, most: usize) -> io::Result<(Vec<Entry>, u64)> {
    let (mut old, mut new) = (Vec::new(), Vec::new());
    let mut offset = 0;
    for line in export.split(b'\n') {
        let line = line?;
        let object = line.strip_suffix(b",").unwrap_or(&line);
        // Our own writer's form: an object is one line, and neither the bundle's first line nor its last is one.
        if object.starts_with(b"{") && object.ends_with(b"}") {
            let head: Head<'_> = serde_json::from_slice(object).map_err(io::Error::other)?;
            // A bundle of nothing is one line too.
            if head.id.starts_with("bundle--") {
                break;
            }
            let version = head.modified.or(head.created).unwrap_or_default();
            let hash = sha256(&[object]);
            let digest = u64::from_be_bytes(*hash.first_chunk().expect("a part of 32 bytes"));
            let size = u32::try_from(object.len()).map_err(io::Error::other)?;
            let entry = Entry { added: 0, id: head.id.as_ref().into(), version: version.as_ref().into(), digest, offset, size };
            match before.came.get(&entry.id) {
                Some((added, known)) if *known == digest => old.push(Entry { added: *added, ..entry }),
                _ => new.push(entry),
            }
            if old.len() + new.len() > most {
                return Err(io::Error::other("it has more objects than `https.taxii_objects_max`"));
            }
        }
        offset += line.len() as u64 + 1;
    }
    let mut last = before.last;
    for entry in &mut new {
        last = now.0.saturating_mul(1_000).max(last + 1);
        entry.added = last;
    }
    old.append(&mut new);
    old.sort_unstable_by_key(|entry| entry.added);
    Ok((old, last))
}

/// What a collection has: what was said in these groups, everything where there is none; nothing of which one may be less sure.
pub fn collection(ceiling: Ceiling, groups: Vec<GroupId>, least_confidence: Option<u8>) -> ExportRequest {
    let options = ExportOptions { least_confidence, ..ExportOptions::default() };
    ExportRequest { format: ExportFormat::Stix, ceiling, groups, since: None, kinds: Vec::new(), options }
}

/// What was known of a collection when it was looked at last.
#[derive(Debug)]
pub(super) struct Known {
    ledger: Arc<Ledger>,
    last: u64,
}

impl Node {
    /// A collection as it is now: what the STIX export of that request has.
    ///
    /// # Errors
    /// When nothing may be served yet, the store cannot be read, there are too many objects, or the disk takes no writes.
    pub async fn ledger(self: &Arc<Self>, request: &ExportRequest) -> Result<Arc<Ledger>, NodeError> {
        // In a task of its own, as exports are written.
        let work = self.clone().ledger_of(request.clone());
        tokio::spawn(work).await.map_err(|fault| NodeError::Internal(fault.to_string()))?
    }

    async fn ledger_of(self: Arc<Self>, request: ExportRequest) -> Result<Arc<Ledger>, NodeError> {
        let asked = asked(&request);
        let kept = self.kept(&asked, &request).await?;
        let known = |exports: &Exports| exports.ledgers.get(&asked).map(|known| known.ledger.clone());
        let is_of = |ledger: &Arc<Ledger>, kept: &Arc<KeptExport>| Arc::ptr_eq(&ledger.kept, kept);
        if let Some(ledger) = known(&self.exports()).filter(|ledger| is_of(ledger, &kept)) {
            return Ok(ledger);
        }
        // One after the other: of two that give times at once, one would give them in vain.
        let _one_at_a_time = self.serving.writing.lock().await;
        let (before, newer) = {
            let exports = self.exports();
            let known = exports.ledgers.get(&asked);
            let newer = known.filter(|known| is_of(&known.ledger, &kept) || known.ledger.kept.is_newer(&kept));
            (known.map(|known| Before::of(&known.ledger, known.last)), newer.map(|known| known.ledger.clone()))
        };
        if let Some(ledger) = newer {
            return Ok(ledger);
        }
        let (path, now, most) = (self.ledger_file(&asked)?, self.clock.now(), self.config.https.taxii_objects_max);
        let written = blocking(move || {
            let before = before.unwrap_or_else(|| Before::read(&path));
            let export = BufReader::new(File::open(kept.path()).map_err(failed)?);
            let (entries, last) = compare(export, &before, now, usize::try_from(most).unwrap_or(usize::MAX)).map_err(failed)?;
            // Kept before anybody is told: after a crash nobody gets another time for the same.
            write(&path, &entries, last).map_err(failed)?;
            Ok(Known { ledger: Arc::new(Ledger { entries, kept }), last })
        });
        let known = written.await?;
        let ledger = known.ledger.clone();
        self.exports().keep_ledger(asked, known);
        Ok(ledger)
    }

    /// The name of a group, for a collection of what was said in it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn collection_name(&self, snapshot: &Snapshot, group: &GroupId) -> Result<String, NodeError> {
        Ok(snapshot.group(group)?.map_or_else(|| group.to_string(), |row| row.name))
    }

    fn ledger_file(&self, asked: &Asked) -> Result<PathBuf, NodeError> {
        let folder = self.data.join(FOLDER);
        match std::fs::DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(NodeError::io(format!("make the folder `{}`", folder.display()), error));
            }
            _ => {}
        }
        Ok(folder.join(file_name(asked)))
    }

    /// Takes away what is kept of collections that are no consumer's any more.
    ///
    /// # Errors
    /// When the store or the folder cannot be read, or a file stays.
    pub fn sweep_ledgers(&self) -> Result<(), NodeError> {
        let wanted: BTreeSet<String> = self.collections_read()?.iter().map(|request| file_name(&asked(request))).collect();
        let folder = self.data.join(FOLDER);
        let failed = |error| NodeError::io(format!("take away what is left in `{}`", folder.display()), error);
        let files = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            files => files.map_err(failed)?,
        };
        for file in files {
            let file = file.map_err(failed)?;
            let is_wanted = file.file_name().to_str().is_some_and(|name| wanted.contains(name));
            // One that is being written is not there yet under any name of these.
            if !is_wanted && file.file_name().to_str().is_some_and(is_file_name) {
                std::fs::remove_file(file.path()).map_err(failed)?;
            }
        }
        Ok(())
    }
}

fn file_name((format, tlp, class, pap, groups, options): &Asked) -> String {
    let groups: Vec<u8> = groups.iter().flat_map(|group| group.0).collect();
    // Behind the groups, which are no byte longer than their ids.
    let least = options.least_confidence.as_slice();
    HEXLOWER.encode(&sha256(&[format.as_bytes(), &[*tlp, *class, *pap], &groups, least])[..16])
}

fn is_file_name(name: &str) -> bool {
    name.len() == 32 && HEXLOWER.decode(name.as_bytes()).is_ok()
}

fn write(path: &Path, entries: &[Entry], last: u64) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let mut out = io::BufWriter::new(file.as_file_mut());
    // The last time first, since its object may have gone.
    writeln!(out, "{last} -")?;
    for Entry { added, digest, id, .. } in entries {
        writeln!(out, "{added} {digest:x} {id}")?;
    }
    out.flush()?;
    drop(out);
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::super::consumer::ConsumerAdd;
    use super::*;
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::model::Tlp;
    use crate::node::referral::By;
    use crate::rules::consumer::{Grant, Scope};

    const NOW: Timestamp = Timestamp(1_000);

    fn bundle(objects: &[(&str, &str)]) -> String {
        let object = |(id, modified): &(&str, &str)| format!("{{\"id\":\"{id}\",\"modified\":\"{modified}\"}}");
        let objects: Vec<String> = objects.iter().map(object).collect();
        format!("{{\"type\":\"bundle\",\"objects\":[\n{}\n],\"id\":\"bundle--x\"}}\n", objects.join(",\n"))
    }

    fn after(before: &Before, objects: &[(&str, &str)], now: Timestamp) -> (Before, Vec<(String, u64)>) {
        let (entries, last) = compare(bundle(objects).as_bytes(), before, now, 100).unwrap();
        let times = entries.iter().map(|entry| (entry.id.to_string(), entry.added)).collect();
        let came = entries.into_iter().map(|entry| (entry.id, (entry.added, entry.digest))).collect();
        (Before { last, came }, times)
    }

    #[test]
    fn each_object_has_a_time_of_its_own_that_stays_and_what_changes_comes_anew() {
        let times = |times: &[(&str, u64)]| times.iter().map(|(id, at)| ((*id).to_owned(), *at)).collect::<Vec<_>>();
        let (first, told) = after(&Before::default(), &[("a--1", "1"), ("a--2", "1")], NOW);
        assert_eq!(told, times(&[("a--1", 1_000_000), ("a--2", 1_000_001)]));
        // The clock stands: times rise all the same. What is new goes to the end wherever it stands in the export.
        let (second, told) = after(&first, &[("a--0", "1"), ("a--1", "2"), ("a--2", "1")], NOW);
        assert_eq!(told, times(&[("a--2", 1_000_001), ("a--0", 1_000_002), ("a--1", 1_000_003)]));
        // What goes and comes back is new, and no time is given twice, not even when the clock goes back.
        let (third, told) = after(&second, &[], NOW);
        assert_eq!(told, []);
        let (empty, _) = compare(b"{\"type\":\"bundle\",\"id\":\"bundle--x\"}\n".as_slice(), &second, NOW, 100).unwrap();
        assert_eq!(empty, []);
        let (_, told) = after(&third, &[("a--1", "2")], Timestamp(5));
        assert_eq!(told, times(&[("a--1", 1_000_004)]));
    }

    #[test]
    fn what_is_written_down_is_read_again_and_damage_makes_an_object_new() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        assert_eq!(Before::read(&path), Before::default());
        let (entries, last) = compare(bundle(&[("a--1", "1"), ("b--2", "1")]).as_bytes(), &Before::default(), NOW, 100).unwrap();
        write(&path, &entries, last + 7).unwrap();
        let before = Before::read(&path);
        assert_eq!(before.last, last + 7);
        let (again, _) = compare(bundle(&[("a--1", "1"), ("b--2", "1")]).as_bytes(), &before, Timestamp(9_000), 100).unwrap();
        assert_eq!(again, entries);
        std::fs::write(&path, std::fs::read_to_string(&path).unwrap().replace("b--2", "")).unwrap();
        let (again, _) = compare(bundle(&[("a--1", "1"), ("b--2", "1")]).as_bytes(), &Before::read(&path), Timestamp(9_000), 100).unwrap();
        assert_eq!(again.iter().map(|entry| entry.added).collect::<Vec<_>>(), [1_000_000, 9_000_000]);
    }

    #[tokio::test]
    async fn what_nobody_reads_any_more_goes_and_nothing_else() {
        let (directory, clock) = (tempfile::tempdir().unwrap(), Clock::manual(Timestamp(1_800_000_000_000)));
        Node::init(directory.path(), &["amal.example:7443".to_owned()], &clock).unwrap();
        let node = Node::open_with(directory.path(), Config::default(), clock.clone()).unwrap();
        node.sweep_served().unwrap();
        node.sweep_ledgers().unwrap();
        let add = |name: &str, tlp_max| ConsumerAdd {
            name: name.parse().unwrap(),
            scopes: vec![Scope::Taxii],
            tlp_max: Some(tlp_max),
            class_max: None,
            pap_max: None,
            least_confidence: None,
            groups: Vec::new(),
            to: None,
            tlp: None,
            days: 1,
            in_url: false,
        };
        let green = node.add_consumer(add("one", Tlp::Green), By::default()).await.unwrap().consumer;
        node.add_consumer(add("two", Tlp::Amber), By::default()).await.unwrap();
        for tlp in [Tlp::Green, Tlp::Amber, Tlp::Clear] {
            let ceiling = Grant { tlp_max: tlp, ..green.grant.clone() }.ceiling(false);
            node.ledger(&collection(ceiling, Vec::new(), None)).await.unwrap();
        }
        std::fs::write(directory.path().join(FOLDER).join("mine.txt"), "").unwrap();
        let count = || std::fs::read_dir(directory.path().join(FOLDER)).unwrap().count();
        assert_eq!(count(), 4);
        node.sweep_ledgers().unwrap();
        assert_eq!(count(), 3, "what nobody reads has gone");
        node.revoke_consumer("one", By::default()).await.unwrap();
        node.sweep_ledgers().unwrap();
        assert_eq!(count(), 2);
        clock.advance(2 * 86_400_000);
        node.sweep_ledgers().unwrap();
        assert_eq!(count(), 1, "what was not ours stays");
    }

    #[test]
    fn an_object_is_found_where_it_stands_and_too_many_are_refused() {
        let text = bundle(&[("a--1", "1"), ("b--2", "1")]);
        let (entries, _) = compare(text.as_bytes(), &Before::default(), NOW, 2).unwrap();
        let at = |entry: &Entry| &text[entry.offset as usize..][..entry.size as usize];
        assert_eq!(at(&entries[1]), "{\"id\":\"b--2\",\"modified\":\"1\"}");
        assert_eq!((entries[1].kind(), &*entries[1].version), ("b", "1"));
        let error = compare(text.as_bytes(), &Before::default(), NOW, 1).unwrap_err();
        assert_eq!(error.to_string(), "it has more objects than `https.taxii_objects_max`");
    }
}
