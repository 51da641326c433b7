//! A file is imported: read, drafted, decided by the gate, and shared a portion at a time.
//!
//! The gate's work is most of it and needs nothing but the draft, so that batches of it are done beside the reading, by as many threads as there are cores;
//! what comes out is taken in the order of the file.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

use tempfile::SpooledTempFile;
use tokio::task::JoinHandle;

use super::gate::volume::IMPORTS;
use super::hold::{Filling, Hold};
use super::serving::{Form, Producer};
use super::share::{Door, IMPORT_CHUNK, Remarks, queued};
use super::view::{ImportProgress, ImportReport, ImportRequest};
use super::{Node, NodeError};
use crate::formats::{self, Item, Problem};
use crate::model::crypto::random;
use crate::model::log::Audience;
use crate::model::{Label, RecordId, ReleaseId, Tlp};
use crate::rules::label::Withheld;
use crate::rules::release::Findings;
use crate::store::change::{ReleaseItem, ReleaseOutcome};

/// So many bytes that wait for the end of a file are kept in memory.
const SCRATCH_IN_MEMORY: usize = 1 << 20;
/// How often an import tells how far it is, in records.
const PROGRESS_EVERY: u64 = 500;

impl Node {
    /// Imports a file and shares what it holds. Blocking: reads, decides and waits for the disk, a few thousand records at a time.
    ///
    /// # Errors
    /// When the audience is unknown, the input breaks off, or the store takes no changes. Bad records are told in the report.
    pub fn import(
        self: &Arc<Self>,
        request: ImportRequest,
        reader: Box<dyn Read + Send>,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<ImportReport, NodeError> {
        let mut import = Import::new(self, &request, self.audience(&request.to)?, None)?;
        let bytes = std::cell::Cell::new(0);
        let mut input = BufReader::with_capacity(256 << 10, Counted { inner: reader, bytes: &bytes });
        let file = tempfile::spooled_tempfile_in(SCRATCH_IN_MEMORY, &self.data);
        let mut scratch = Scratch { file, room: self.config.import.scratch_bytes_max };
        let limits = self.import_limits();
        let (mut failure, mut given) = (None, 0);
        let result = formats::read_within(
            limits,
            &mut input as &mut dyn BufRead,
            request.format,
            request.file_name.as_deref(),
            &mut scratch,
            &mut |item| {
                let taken = import.give(item);
                given += 1;
                if u64::is_multiple_of(given, PROGRESS_EVERY) {
                    progress(ImportProgress { bytes: bytes.get(), read: import.report.read });
                }
                match taken {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        failure = Some(error);
                        ControlFlow::Break(())
                    }
                }
            },
        );
        if let Some(error) = failure {
            return Err(error);
        }
        import.take_all()?;
        let is_whole = result.is_ok();
        if let Err(error) = result {
            import.broken_off(&error.to_string());
        }
        import.finish(is_whole)?;
        progress(ImportProgress { bytes: bytes.get(), read: import.report.read });
        Ok(import.report)
    }

    /// Shares what was read before, on the same way as [`Self::import`]; said by a producer. Blocking.
    ///
    /// # Errors
    /// As [`Self::import`].
    pub(super) fn import_said(
        self: &Arc<Self>,
        request: &ImportRequest,
        audience: Audience,
        producer: &Producer,
        items: Vec<Item>,
    ) -> Result<ImportReport, NodeError> {
        let mut import = Import::new(self, request, audience, Some(producer))?;
        items.into_iter().try_for_each(|item| import.give(item))?;
        import.take_all()?;
        import.finish(true)?;
        Ok(import.report)
    }

    /// What is in a body that is in memory, `most` items and one more at most.
    ///
    /// # Errors
    /// When the scratch file fails.
    pub(super) fn read_said(&self, form: Form, bytes: &[u8], most: usize) -> Result<Vec<Item>, NodeError> {
        let file = tempfile::spooled_tempfile_in(SCRATCH_IN_MEMORY, &self.data);
        let mut scratch = Scratch { file, room: self.config.import.scratch_bytes_max };
        let mut items = Vec::new();
        let mut take = |item: Item| {
            items.push(item);
            if items.len() > most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let Form::Of(format) = form else {
            formats::records::read(bytes, &mut take);
            return Ok(items);
        };
        let mut input: &[u8] = bytes;
        let read = formats::read_within(self.import_limits(), &mut input as &mut dyn BufRead, Some(format), None, &mut scratch, &mut take);
        read.map_err(|error| NodeError::io("read what a producer sent", std::io::Error::other(error.to_string())))?;
        Ok(items)
    }

    fn import_limits(&self) -> formats::Limits {
        let bound = |setting: u64| usize::try_from(setting).unwrap_or(usize::MAX);
        let settings = &self.config.import;
        formats::Limits { line_bytes_max: bound(settings.line_bytes_max), object_bytes_max: bound(settings.object_bytes_max) }
    }
}

/// An import under way.
struct Import<'a> {
    node: &'a Arc<Node>,
    request: &'a ImportRequest,
    /// The program that says it, where none of us does.
    producer: Option<&'a Producer>,
    runtime: tokio::runtime::Handle,
    audience: Audience,
    /// Looked at anew with each commit: a peer may be suspended meanwhile.
    door: Arc<Door>,
    report: ImportReport,
    /// What is done with what the gate lets out, and the release that it is part of.
    hold: Hold,
    release: ReleaseId,
    /// What was read and not yet given to the gate, what is there, and how many records that is since the last commit.
    read: Vec<Item>,
    at_the_gate: VecDeque<JoinHandle<Vec<Judged>>>,
    given: usize,
    /// What waits for the next commit, with the places that a refusal is told under.
    items: Vec<ReleaseItem>,
    places: Places,
    /// The same, of what waits for a person.
    asking: (Vec<ReleaseItem>, Places),
    /// What is held, or only looked at; and what of it waits for a person.
    held: Option<Filling>,
    held_for_a_person: Option<Filling>,
    /// The commit that is under way while the next records are read.
    under_way: Option<(JoinHandle<Queued>, Places)>,
}

/// How many items are given to the gate together, and how many such batches may be there.
const GATE_BATCH: usize = 50;
const BATCHES_MAX: usize = 1;

/// What the gate says of an item of a file.
#[allow(clippy::large_enum_variant, reason = "nearly all are indicators")]
enum Judged {
    Indicator {
        place: String,
        kind: &'static str,
        said: Result<ReleaseItem, String>,
    },
    /// Nothing for the gate.
    Other(Item),
}

/// Each record of a commit.
type Places = Vec<Place>;

/// A record of the file.
struct Place {
    /// Where it stands.
    at: String,
    kind: &'static str,
    record: Option<RecordId>,
    /// Whether it holds no more by what the file says itself.
    ended: bool,
}

/// What became of each.
type Queued = Result<Vec<ReleaseOutcome>, NodeError>;

impl<'a> Import<'a> {
    fn new(node: &'a Arc<Node>, request: &'a ImportRequest, audience: Audience, producer: Option<&'a Producer>) -> Result<Self, NodeError> {
        Ok(Self {
            node,
            request,
            producer,
            runtime: tokio::runtime::Handle::current(),
            audience,
            door: Arc::new(node.door(audience)?),
            report: ImportReport { dry_run: request.dry_run, ..Default::default() },
            hold: node.hold_of(request.dry_run, request.now),
            release: ReleaseId(random()),
            read: Vec::new(),
            at_the_gate: VecDeque::new(),
            given: 0,
            items: Vec::new(),
            places: Vec::new(),
            asking: (Vec::new(), Vec::new()),
            held: None,
            held_for_a_person: None,
            under_way: None,
        })
    }

    /// Takes an item of the file. What the gate has said by then is taken too.
    fn give(&mut self, item: Item) -> Result<(), NodeError> {
        self.read.push(item);
        if self.read.len() < GATE_BATCH {
            return Ok(());
        }
        self.send_to_gate();
        while self.at_the_gate.front().is_some_and(|first| first.is_finished() || self.at_the_gate.len() > BATCHES_MAX) {
            self.take_first()?;
        }
        if self.given < IMPORT_CHUNK {
            return Ok(());
        }
        self.take_all()?;
        self.flush()
    }

    fn send_to_gate(&mut self) {
        let items = std::mem::take(&mut self.read);
        self.given += items.len();
        let (node, door, label, tlp) = (self.node.clone(), self.door.clone(), self.request.label(), self.request.tlp);
        let is_program = self.producer.is_some_and(Producer::is_program);
        let why = if is_program { for_a_program } else { for_the_desk };
        let judge = move || items.into_iter().map(|item| judge(&node, &door, (label, tlp), why, item)).collect();
        self.at_the_gate.push_back(self.runtime.spawn_blocking(judge));
    }

    fn take_first(&mut self) -> Result<(), NodeError> {
        let Some(first) = self.at_the_gate.pop_front() else { return Ok(()) };
        let judged = self.runtime.block_on(first).map_err(|fault| NodeError::Internal(fault.to_string()))?;
        judged.into_iter().for_each(|judged| self.take(judged));
        Ok(())
    }

    /// Waits for what is at the gate.
    fn take_all(&mut self) -> Result<(), NodeError> {
        if !self.read.is_empty() {
            self.send_to_gate();
        }
        while !self.at_the_gate.is_empty() {
            self.take_first()?;
        }
        Ok(())
    }

    fn take(&mut self, judged: Judged) {
        match judged {
            Judged::Other(Item::LeftOut(problem, count)) => {
                self.report.read += count;
                self.report.left_out += count;
                self.report.problem(problem);
            }
            Judged::Other(Item::Note(note)) => self.report.problem(note),
            Judged::Other(Item::Problem(problem)) => {
                self.report.read += 1;
                self.report.invalid += 1;
                self.report.problem(problem);
            }
            Judged::Other(Item::Indicator { place, .. }) => {
                self.report.read += 1;
                self.withhold(place, "its source has withdrawn it".into());
            }
            Judged::Indicator { place, kind, said } => {
                self.report.read += 1;
                match said {
                    Ok(item) => {
                        self.tell_findings(&place, &item.findings);
                        let asks = Node::waits_for_a_person(&item);
                        let (items, places) =
                            if asks { (&mut self.asking.0, &mut self.asking.1) } else { (&mut self.items, &mut self.places) };
                        let ended = item.released.get().valid_until.is_some_and(|until| until <= self.door.now);
                        places.push(Place { at: place, kind, record: item.record, ended });
                        items.push(item);
                    }
                    Err(reason) => self.withhold(place, reason),
                }
            }
        }
    }

    fn tell_findings(&mut self, place: &str, findings: &Findings) {
        for one in &findings.replaced {
            *self.report.replaced.entry(one.kind.clone()).or_default() += one.count;
        }
        // Of a name above one that is ours, or a victim's, it could be tried which.
        let told = if self.producer.is_some_and(Producer::is_program) { &[][..] } else { &findings.warnings };
        for warning in told {
            self.report.problem(Problem { place: place.to_owned(), what: format!("worth a look: {warning}") });
        }
    }

    fn withhold(&mut self, place: String, what: String) {
        self.report.withheld += 1;
        self.report.problem(Problem { place, what });
    }

    /// What came before the break stays; what is missing is told.
    fn broken_off(&mut self, what: &str) {
        self.report.read += 1;
        self.report.invalid += 1;
        self.report.problem(Problem { place: "the end of what was read".into(), what: what.to_owned() });
    }

    /// Starts to commit what was read, once what was read before is durable. One commit after the other, so that the last word of a file
    /// on a value is the last.
    fn flush(&mut self) -> Result<(), NodeError> {
        self.settle()?;
        self.given = 0;
        self.door = Arc::new(self.node.door(self.audience)?);
        let mut items = std::mem::take(&mut self.items);
        let mut places = std::mem::take(&mut self.places);
        self.stop_burst(&mut items, &mut places)?;
        let (asking, asking_places) = std::mem::take(&mut self.asking);
        if let Some(producer) = self.producer {
            // Before any of it leaves: what is said and not known as the producer's it could never take back.
            self.runtime.block_on(self.node.claim(producer, self.audience, items.iter().chain(&asking)))?;
        }
        let outcomes = self.fill(true, asking)?;
        self.tell(outcomes, asking_places)?;
        if self.hold != Hold::Skipped {
            let outcomes = self.fill(false, items)?;
            return self.tell(outcomes, places);
        }
        let (node, audience, mut remarks) = (self.node.clone(), self.audience, Remarks::of(&self.door, self.release, true));
        remarks.particulars.by = self.producer.map(|producer| producer.by.clone());
        self.under_way = Some((self.runtime.spawn(async move { node.queue(audience, items, &remarks).await }), places));
        Ok(())
    }

    fn source(&self) -> &'a str {
        self.request.source.as_deref().unwrap_or(IMPORTS)
    }

    /// What is more than the source usually sends waits for a person; what its readers have already is no news and does not count.
    fn stop_burst(&mut self, items: &mut Vec<ReleaseItem>, places: &mut Places) -> Result<(), NodeError> {
        if self.node.burst(self.audience, self.source(), items.len() as u64)?.is_none() {
            return Ok(());
        }
        let snapshot = self.node.store.snapshot()?;
        let news: Vec<ReleaseOutcome> =
            items.iter().map(|item| super::position::foreseen(&snapshot, &self.audience, item)).collect::<Result<_, _>>()?;
        let is_news = |outcome: &ReleaseOutcome| matches!(outcome, ReleaseOutcome::Queued { .. });
        let Some(ask) = self.node.burst(self.audience, self.source(), queued(&news))? else { return Ok(()) };
        let all = std::mem::take(items).into_iter().zip(std::mem::take(places));
        for ((mut item, place), outcome) in all.zip(news) {
            if is_news(&outcome) {
                item.findings.asks.push(ask.clone());
                self.asking.0.push(item);
                self.asking.1.push(place);
            } else {
                items.push(item);
                places.push(place);
            }
        }
        Ok(())
    }

    /// Puts records into what is held, or looked at.
    fn fill(&mut self, for_a_person: bool, items: Vec<ReleaseItem>) -> Queued {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let source = self.source();
        let producer = self.producer.map(|producer| producer.by.clone());
        let Self { node, audience, door, hold, runtime, held, held_for_a_person, .. } = self;
        let held = if for_a_person { held_for_a_person } else { held };
        let filling = held.get_or_insert_with(|| Filling::of_import(node, door, *hold, source).said_by(producer));
        let outcomes = runtime.block_on(filling.add(node, items))?;
        // What waits for a person counts once somebody has said yes.
        if !for_a_person && *hold != Hold::Dry {
            node.sent(*audience, source, queued(&outcomes), false)?;
        }
        Ok(outcomes)
    }

    /// The end of the file: everything is durable then, and the time of what is held begins. Where the input broke off, what is held waits for a person.
    fn finish(&mut self, is_whole: bool) -> Result<(), NodeError> {
        self.flush()?;
        self.settle()?;
        // Nobody waits for it: what fails here the upkeep does again.
        let node = self.node.clone();
        self.runtime.spawn(async move { node.keep_volumes().await });
        for filling in [self.held.take(), self.held_for_a_person.take()].into_iter().flatten() {
            let made = self.runtime.block_on(filling.finish(self.node, is_whole))?;
            match self.hold {
                Hold::Dry => self.report.preview.extend(made),
                Hold::For(_) | Hold::Skipped => self.report.held.extend(made.map(|made| made.hold)),
            }
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), NodeError> {
        let Some((work, places)) = self.under_way.take() else { return Ok(()) };
        let outcomes = self.runtime.block_on(work).map_err(|fault| NodeError::Internal(fault.to_string()))??;
        self.node.sent(self.audience, self.source(), queued(&outcomes), false)?;
        self.tell(outcomes, places)
    }

    fn tell(&mut self, outcomes: Vec<ReleaseOutcome>, places: Places) -> Result<(), NodeError> {
        let mut known = Vec::new();
        for (outcome, Place { at, kind, record, ended }) in outcomes.into_iter().zip(places) {
            match outcome {
                ReleaseOutcome::Queued { before } => {
                    self.report.released += 1;
                    self.report.ended += u64::from(ended);
                    if let Some(before) = before {
                        *self.report.relabelled.entry(before.to_string()).or_default() += 1;
                    }
                    *self.report.kinds.entry(kind.to_owned()).or_default() += 1;
                }
                ReleaseOutcome::Duplicate => {
                    self.report.duplicate += 1;
                    known.extend(record);
                }
                ReleaseOutcome::Recalled => {
                    let is_program = self.producer.is_some_and(Producer::is_program);
                    self.withhold(at, if is_program { for_a_program } else { for_the_desk }(&Withheld::Recalled));
                }
            }
        }
        if self.producer.is_none() && self.hold != Hold::Dry {
            self.runtime.block_on(self.node.said_by_hand(&self.audience, &known))?;
        }
        Ok(())
    }
}

/// Why something is withheld, for people here.
fn for_the_desk(why: &Withheld) -> String {
    why.to_string()
}

/// The same for whoever has a token: with the reasons of our lists it could be tried what is ours, a victim's or a partner's.
fn for_a_program(why: &Withheld) -> String {
    match why {
        Withheld::NotAnAttackers { .. } | Withheld::Recalled => {
            "the release gate keeps it back\nhint: `watchfire share VALUE --to PEER --dry-run` tells the desk why".into()
        }
        other => other.to_string(),
    }
}

/// `label` is what the request says of each, and what it says where the source has no TLP of its own.
fn judge(node: &Node, door: &Door, (label, tlp_else): (Label, Tlp), why: fn(&Withheld) -> String, item: Item) -> Judged {
    match item {
        Item::Indicator { place, indicator, tlp, class, pap, revoked: false } => {
            let kind = indicator.observable.kind().name();
            let own = Label::new(tlp.unwrap_or(tlp_else), class, pap);
            let said = node.pass_gate_for_people(door, node.draft(*indicator, label.join(own), door));
            Judged::Indicator { place, kind, said: said.map_err(|reason| why(&reason)) }
        }
        other => Judged::Other(other),
    }
}

/// Disk for what a file refers to before it says it, and no more than the settings give. What is small never leaves memory.
struct Scratch {
    file: SpooledTempFile,
    room: u64,
}

impl Write for Scratch {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.room = self.room.checked_sub(count as u64).ok_or_else(|| {
            std::io::Error::other("the file refers to more than `import.scratch_bytes_max` holds\nhint: split it, or raise the setting")
        })?;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Read for Scratch {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.file.read(buffer)
    }
}

impl Seek for Scratch {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.file.seek(to)
    }
}

struct Counted<'a> {
    inner: Box<dyn Read + Send>,
    bytes: &'a std::cell::Cell<u64>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes.set(self.bytes.get() + count as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_refers_to_too_much_is_cut_off_in_words() {
        let mut scratch = Scratch { file: tempfile::spooled_tempfile(4), room: 10 };
        assert!(scratch.write_all(&[0; 10]).is_ok());
        let error = scratch.write_all(&[0; 1]).unwrap_err();
        assert!(error.to_string().contains("import.scratch_bytes_max"));
    }
}
