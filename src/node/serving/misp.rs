//! What MISP's REST interface is asked for, read from the MISP feed that the asking consumer would get, and from nothing else: what is found here is what an
//! export has, under the same ids. It is gone through a line at a time, and the answer is put together in a file once it is longer than a few pages.

use super::Consumer;
use super::draft::{DraftRow, Own};
use super::kept::{Coding, KeptExport, asked, blocking, failed};
use crate::formats::export::{attribute_id, organisation_id, read_attribute, read_head, read_objects, write_event};
use crate::formats::misp::rest::csv::Lines;
use crate::formats::misp::rest::{self, Controller, ReturnFormat, Search};
use crate::model::OrgId;
use crate::model::crypto::sha256;
use crate::node::share::inside;
use crate::node::view::{ExportFormat, ExportRequest};
use crate::node::{Node, NodeError};
use crate::rules::blocking::may_enter;
use crate::rules::gate::Gate;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use tempfile::SpooledTempFile;
use tokio::sync::Semaphore;
use uuid::Uuid;

/// So many bytes of an answer are kept in memory.
const IN_MEMORY: usize = 1 << 20;
/// So many searches are made at a time, whoever asks; others wait for their turn.
const AT_A_TIME: usize = 2;

/// The turns of searches.
#[derive(Debug)]
pub(super) struct Searching(pub(super) Arc<Semaphore>);

impl Default for Searching {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_A_TIME)))
    }
}

/// What a search found.
#[derive(Debug)]
pub struct Found {
    /// How many events or attributes are in it.
    pub count: u64,
    /// How it is packed.
    pub coding: Coding,
    /// Its length in bytes, as it is sent.
    pub size: u64,
    /// The answer, at its first byte.
    pub file: SpooledTempFile,
    /// What has to be written down once it is sent.
    pub carried: Carried,
}

/// Of which export something was found, and whether all of it.
#[derive(Debug, Clone)]
pub struct Carried {
    kept: Arc<KeptExport>,
    count: u64,
    whole: bool,
}

/// What comes of a search.
#[derive(Debug)]
pub enum Searched {
    /// An answer.
    Found(Box<Found>),
    /// It would be longer than the settings allow.
    TooLong,
}

/// How results are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapped {
    /// As a list.
    List,
    /// The one that there is.
    One,
}

impl Node {
    /// Looks for something in what a consumer may have.
    ///
    /// # Errors
    /// When nothing may be served yet, the store cannot be read, or the disk takes no writes.
    pub async fn misp_search(
        self: &Arc<Self>,
        consumer: &Consumer,
        search: Search,
        wrapped: Wrapped,
        coding: Coding,
    ) -> Result<Searched, NodeError> {
        let request = feed(consumer);
        let kept = self.clone().misp_feed(request.clone()).await?;
        let own = self.own_events(consumer)?;
        let turn = self.serving.searching.0.clone().acquire_owned().await;
        let turn = turn.map_err(|fault| NodeError::Internal(fault.to_string()))?;
        // Nobody waits for it any more when this is let go.
        let left = Left::default();
        let (node, gone) = (self.clone(), left.0.clone());
        let work = blocking(move || {
            let _turn = turn;
            node.misp_found((kept, own), &request, &search, wrapped, coding, &gone)
        });
        let found = work.await;
        drop(left);
        found
    }

    /// The feed, in a task of its own, as exports are written.
    async fn misp_feed(self: Arc<Self>, request: ExportRequest) -> Result<Arc<KeptExport>, NodeError> {
        let work = async move { self.kept(&asked(&request), &request).await };
        tokio::spawn(work).await.map_err(|fault| NodeError::Internal(fault.to_string()))?
    }

    fn misp_found(
        &self,
        (kept, own): (Arc<KeptExport>, Own),
        request: &ExportRequest,
        search: &Search,
        wrapped: Wrapped,
        coding: Coding,
        gone: &AtomicBool,
    ) -> Result<Searched, NodeError> {
        let gate = search.unlisted.then(|| self.gate()).transpose()?;
        let mut sources = Source::all(&kept);
        sources.extend(own.drafts.iter().map(|(_, body)| Source::Own(body)));
        // What is out is in the feed; under its own id it is found where one event is asked for.
        let alone = own.published.iter().find(|row| wrapped == Wrapped::One && search.is_event() && search.is_of(&row.shown()));
        let published = alone.map(|row| from_feed(&sources, row, &self.org(), gone)).transpose().map_err(failed)?;
        if let Some(published) = &published {
            sources = vec![Source::Own(published)];
        }
        let scan = Scan { sources: &sources, search, us: self.org(), gate, gone };
        let mut out = Bounded::new(self);
        let count = match search.format {
            ReturnFormat::Stix2 => self.misp_bundle(&scan, request, &mut out),
            _ => scan.write(wrapped, &mut out).map_err(failed),
        };
        let count = match count {
            Err(_) if out.is_full => return Ok(Searched::TooLong),
            count => count?,
        };
        let (file, size) = out.packed(self, coding).map_err(failed)?;
        let carried = Carried { kept, count, whole: search.is_whole() };
        Ok(Searched::Found(Box::new(Found { count, coding, size, file, carried })))
    }

    /// The STIX export of what was found: its indicators have the ids that they have there.
    fn misp_bundle(&self, scan: &Scan<'_>, request: &ExportRequest, out: &mut Bounded) -> Result<u64, NodeError> {
        let mut chosen = BTreeSet::new();
        let count = scan.each(&mut |_, attribute| {
            chosen.extend(attribute.get("uuid").and_then(Value::as_str).and_then(|uuid| uuid.parse::<Uuid>().ok()));
            Ok(())
        });
        let count = count.map_err(failed)?;
        let export = self.begin_export(ExportRequest { format: ExportFormat::Stix, ..request.clone() })?;
        export.write_chosen(out, &|record| chosen.contains(&attribute_id(record)))?;
        Ok(count)
    }

    /// Whether the feed that a consumer gets has an event.
    pub(super) async fn is_in_feed(self: &Arc<Self>, consumer: &Consumer, uuid: &Uuid) -> Result<bool, NodeError> {
        let kept = self.clone().misp_feed(feed(consumer)).await?;
        Ok(kept.place(&format!("{uuid}.json")).is_some())
    }

    /// An event that was published, as the feed of the consumer that added it has it by now.
    pub(super) async fn event_in_feed(self: &Arc<Self>, consumer: &Consumer, row: &DraftRow) -> Result<Vec<u8>, NodeError> {
        let kept = self.clone().misp_feed(feed(consumer)).await?;
        let (row, us) = (row.clone(), self.org());
        blocking(move || from_feed(&Source::all(&kept), &row, &us, &AtomicBool::new(false)).map_err(failed)).await
    }

    /// Writes down that a consumer has got some of an export, or all of it.
    ///
    /// # Errors
    /// When the store takes no changes.
    pub async fn note_searched(self: &Arc<Self>, carried: &Carried, consumer: &Consumer) -> Result<(), NodeError> {
        if carried.count == 0 {
            return Ok(());
        }
        self.note_some(&carried.kept, &feed(consumer), consumer, carried.whole).await
    }
}

/// The feed that a consumer gets.
fn feed(consumer: &Consumer) -> ExportRequest {
    ExportRequest {
        format: ExportFormat::Misp,
        ceiling: consumer.ceiling(ExportFormat::Misp.is_noticed()),
        groups: consumer.groups.clone(),
        since: None,
        kinds: Vec::new(),
        options: consumer.options(),
    }
}

/// An event that was published, put together from where its attributes are.
fn from_feed(sources: &[Source<'_>], row: &DraftRow, us: &OrgId, gone: &AtomicBool) -> io::Result<Vec<u8>> {
    let author = Value::from(organisation_id(us).to_string());
    let search = Search::all(Controller::Events);
    let scan = Scan { sources, search: &search, us: *us, gate: None, gone };
    let mut lines = Vec::new();
    for source in sources.iter().filter(|source| matches!(source, Source::Kept(..))) {
        if Scan::head(source)?.get("Orgc").and_then(|orgc| orgc.get("uuid")) != Some(&author) {
            continue;
        }
        scan.attributes(source, &mut |attribute| {
            if attribute.get("uuid").and_then(Value::as_str).is_some_and(|uuid| row.said.contains(uuid)) {
                lines.push(Value::Object(attribute).to_string());
            }
            Ok(lines.len() < row.said.len())
        })?;
    }
    Ok(write_event(&row.shown(), &lines, &Value::Array(Vec::new())).into_bytes())
}

/// Says that nobody waits any more, once it is let go.
#[derive(Default)]
struct Left(Arc<AtomicBool>);

impl Drop for Left {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Where an event stands.
enum Source<'k> {
    /// In a kept feed.
    Kept(&'k KeptExport, &'k str),
    /// In memory, in the same form.
    Own(&'k [u8]),
}

impl<'k> Source<'k> {
    /// Every event of a feed, by its id.
    fn all(kept: &'k KeptExport) -> Vec<Self> {
        let names = kept.names().filter(|name| name.strip_suffix(".json").is_some_and(|stem| stem.parse::<Uuid>().is_ok()));
        names.map(|name| Self::Kept(kept, name)).collect()
    }

    fn open(&self) -> io::Result<Box<dyn BufRead + 'k>> {
        match self {
            Self::Kept(kept, name) => {
                let (offset, size) = kept.place(name).ok_or_else(|| io::Error::other("an event is not where it was"))?;
                let mut file = File::open(kept.path())?;
                file.seek(SeekFrom::Start(offset))?;
                Ok(Box::new(BufReader::new(file.take(size))))
            }
            Self::Own(bytes) => Ok(Box::new(*bytes)),
        }
    }
}

type Json = Map<String, Value>;

/// A search under way.
struct Scan<'s> {
    sources: &'s [Source<'s>],
    search: &'s Search,
    us: OrgId,
    /// What warninglists say, where that is asked for.
    gate: Option<Gate>,
    gone: &'s AtomicBool,
}

impl Scan<'_> {
    /// The head of an event.
    fn head(source: &Source<'_>) -> io::Result<Json> {
        let mut line = Vec::new();
        source.open()?.read_until(b'\n', &mut line)?;
        read_head(&line).ok_or_else(|| io::Error::other("an event has no head"))
    }

    /// Goes through the attributes of an event until it is told to stop.
    fn attributes(&self, source: &Source<'_>, take: &mut dyn FnMut(Json) -> io::Result<bool>) -> io::Result<()> {
        let mut lines = source.open()?;
        let mut line = Vec::new();
        loop {
            line.clear();
            if self.gone.load(Relaxed) {
                return Err(io::Error::new(io::ErrorKind::Interrupted, "nobody waits for it any more"));
            }
            if lines.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            if let Some(attribute) = read_attribute(&line)
                && !take(attribute)?
            {
                return Ok(());
            }
        }
    }

    /// Whether an attribute is none that warninglists name, where that is asked for.
    fn is_unlisted(&self, attribute: &Json) -> bool {
        let Some(gate) = &self.gate else { return true };
        let get = |name: &str| attribute.get(name).and_then(Value::as_str).unwrap_or_default();
        rest::observables(get("type"), get("value")).iter().all(|one| may_enter(one, &gate.judge(one, &inside(one)), false).is_ok())
    }

    /// Whether an event is among those that are looked for.
    fn is_wanted(&self, source: &Source<'_>, head: &Json) -> io::Result<bool> {
        let (asks, asks_tags) = (self.search.asks_attributes(), self.search.asks_tags());
        let mut fits = !asks;
        if asks || asks_tags {
            let mut tags: BTreeSet<String> = rest::tags(head).map(str::to_owned).collect();
            self.attributes(source, &mut |attribute| {
                if asks_tags && self.search.shows(&attribute) {
                    tags.extend(rest::tags(&attribute).filter(|tag| !tags.contains(*tag)).map(str::to_owned).collect::<Vec<_>>());
                }
                fits = fits || (self.search.fits(head, &attribute) && self.is_unlisted(&attribute));
                Ok(asks_tags || !fits)
            })?;
            return Ok(fits && (!asks_tags || self.search.has_tags(tags.iter().map(String::as_str))));
        }
        Ok(true)
    }

    /// The events that are looked for, of this page.
    fn events(&self) -> io::Result<Vec<&Source<'_>>> {
        let (from, most) = self.search.window();
        let mut found = Vec::new();
        for source in self.sources {
            if self.search.sort.is_none() && found.len() as u64 >= from.saturating_add(most) {
                break;
            }
            let head = Self::head(source)?;
            if self.search.is_of(&head) && self.is_wanted(source, &head)? {
                found.push((self.sort_key(&head), source));
            }
        }
        if let Some((_, backwards)) = self.search.sort {
            found.sort_by(|(one, _), (other, _)| if backwards { other.cmp(one) } else { one.cmp(other) });
        }
        let bound = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Ok(found.into_iter().map(|(_, source)| source).skip(bound(from)).take(bound(most)).collect())
    }

    fn sort_key(&self, head: &Json) -> String {
        let Some((field, _)) = &self.search.sort else { return String::new() };
        // Ids are in the order of UUIDs.
        let name = if field == "id" { "uuid" } else { field };
        head.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Gives each attribute that is found, with its event as it is shown. Returns how many results there are.
    fn each(&self, give: &mut dyn FnMut(&Json, Json) -> io::Result<()>) -> io::Result<u64> {
        if self.search.controller != Controller::Attributes {
            let events = self.events()?;
            for source in &events {
                let event = rest::event(Self::head(source)?, &self.us);
                self.shown(source, &mut |attribute| give(&event, attribute))?;
            }
            return Ok(events.len() as u64);
        }
        let (from, most) = self.search.window();
        let (mut at, mut count) = (0, 0);
        for source in self.sources {
            if count >= most {
                break;
            }
            let head = Self::head(source)?;
            if !self.search.is_of(&head) {
                continue;
            }
            let event = rest::event(head.clone(), &self.us);
            self.attributes(source, &mut |attribute| {
                if self.search.fits(&head, &attribute) && self.is_unlisted(&attribute) {
                    if at >= from {
                        give(&event, attribute)?;
                        count += 1;
                    }
                    at += 1;
                }
                Ok(count < most)
            })?;
        }
        Ok(count)
    }

    /// The attributes that are shown of an event.
    fn shown(&self, source: &Source<'_>, give: &mut dyn FnMut(Json) -> io::Result<()>) -> io::Result<()> {
        self.attributes(source, &mut |attribute| {
            if self.search.shows(&attribute) && self.is_unlisted(&attribute) {
                give(attribute)?;
            }
            Ok(true)
        })
    }

    /// Writes what is found. Returns how many results there are.
    fn write(&self, wrapped: Wrapped, out: &mut Bounded) -> io::Result<u64> {
        match (self.search.format, self.search.controller) {
            (ReturnFormat::Csv, _) => {
                let lines = Lines::begin(self.search, out)?;
                self.each(&mut |event, attribute| lines.line(event, &rest::attribute(attribute, id(event)), out))
            }
            (ReturnFormat::Text, _) => {
                // Several authors may say the same.
                let mut said = BTreeSet::<[u8; 16]>::new();
                self.each(&mut |_, attribute| {
                    let value = attribute.get("value").and_then(Value::as_str).unwrap_or_default();
                    let hash = sha256(&[value.as_bytes()]);
                    if said.insert(*hash.first_chunk().expect("a part of 32 bytes")) { writeln!(out, "{value}") } else { Ok(()) }
                })
            }
            (_, Controller::Attributes) => self.write_attributes(wrapped, out),
            (_, controller) => self.write_events(controller, wrapped, out),
        }
    }

    fn write_attributes(&self, wrapped: Wrapped, out: &mut Bounded) -> io::Result<u64> {
        let (begin, end) = match wrapped {
            Wrapped::List => ("{\"response\":{\"Attribute\":[", "]}}\n"),
            Wrapped::One => ("{\"Attribute\":", "}\n"),
        };
        write!(out, "{begin}")?;
        let mut comma = "";
        let count = self.each(&mut |event, attribute| {
            let mut attribute = rest::attribute(attribute, id(event));
            if self.search.event_tags
                && let Some(Value::Array(of_event)) = event.get("Tag")
                && let Some(tags) = attribute.get_mut("Tag").and_then(Value::as_array_mut)
            {
                let new: Vec<Value> = of_event.iter().filter(|tag| !tags.contains(tag)).cloned().collect();
                tags.extend(new);
            }
            attribute.insert("Event".into(), rest::about(event));
            attribute.insert("event_uuid".into(), event.get("uuid").cloned().unwrap_or_default());
            write!(out, "{comma}")?;
            comma = ",\n";
            serde_json::to_writer(&mut *out, &attribute).map_err(io::Error::from)
        })?;
        write!(out, "{end}")?;
        Ok(count)
    }

    fn write_events(&self, controller: Controller, wrapped: Wrapped, out: &mut Bounded) -> io::Result<u64> {
        let (begin, end) = match (controller, wrapped) {
            (_, Wrapped::One) => ("", "\n"),
            (Controller::Index, _) => ("[", "]\n"),
            _ => ("{\"response\":[", "]}\n"),
        };
        write!(out, "{begin}")?;
        let events = self.events()?;
        let mut comma = "";
        for source in &events {
            let head = Self::head(source)?;
            write!(out, "{comma}")?;
            comma = ",\n";
            if controller == Controller::Index {
                let mut count = 0;
                if !self.search.minimal {
                    self.shown(source, &mut |_| {
                        count += 1;
                        Ok(())
                    })?;
                }
                serde_json::to_writer(&mut *out, &rest::index_line(head, &self.us, count, self.search.minimal))?;
            } else {
                self.write_event(source, head, out)?;
            }
        }
        write!(out, "{end}")?;
        Ok(events.len() as u64)
    }

    fn write_event(&self, source: &Source<'_>, head: Json, out: &mut Bounded) -> io::Result<()> {
        let event = rest::event(head, &self.us);
        let text = serde_json::to_string(&event)?;
        write!(out, "{{\"Event\":{}", text.strip_suffix('}').unwrap_or(&text))?;
        if !self.search.metadata {
            let objects = match source {
                Source::Own(bytes) => bytes.split(|byte| *byte == b'\n').rev().find(|line| !line.is_empty()).and_then(read_objects),
                Source::Kept(..) => None,
            };
            write!(out, ",\"Object\":{}", objects.unwrap_or_else(|| Value::Array(Vec::new())))?;
            write!(out, ",\"Galaxy\":[],\"RelatedEvent\":[],\"ShadowAttribute\":[],\"EventReport\":[],\"Attribute\":[")?;
            let mut comma = "";
            self.shown(source, &mut |attribute| {
                write!(out, "{comma}")?;
                comma = ",\n";
                serde_json::to_writer(&mut *out, &rest::attribute(attribute, id(&event))).map_err(io::Error::from)
            })?;
            write!(out, "]")?;
        }
        write!(out, "}}}}")
    }
}

/// The number of an event that is shown.
fn id(event: &Json) -> u64 {
    event.get("uuid").and_then(Value::as_str).map_or(0, rest::id_of)
}

/// An answer that is put together: so many bytes, and then no more.
struct Bounded {
    file: io::BufWriter<SpooledTempFile>,
    left: u64,
    is_full: bool,
}

impl Bounded {
    fn new(node: &Node) -> Self {
        let file = io::BufWriter::new(tempfile::spooled_tempfile_in(IN_MEMORY, &node.data));
        Self { file, left: node.config.https.misp_answer_bytes_max, is_full: false }
    }

    /// The answer as it is sent, at its first byte, and its length.
    fn packed(self, node: &Node, coding: Coding) -> io::Result<(SpooledTempFile, u64)> {
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        if coding != Coding::Identity {
            file.seek(SeekFrom::Start(0))?;
            let to = tempfile::spooled_tempfile_in(IN_MEMORY, &node.data);
            file = coding.pack(BufReader::new(file), io::BufWriter::new(to))?.into_inner().map_err(io::IntoInnerError::into_error)?;
        }
        let size = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(0))?;
        Ok((file, size))
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.left.checked_sub(bytes.len() as u64) {
            Some(left) => self.left = left,
            None => {
                self.is_full = true;
                return Err(io::Error::new(io::ErrorKind::StorageFull, "it is longer than `https.misp_answer_bytes_max`"));
            }
        }
        self.file.write_all(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
