//! What was read of a feed is taken in: what is new or changed is said in the feed's own log, what no part of it says any more is taken back, and how far
//! that is becomes durable in the same transaction. Read again after a crash it is all known, and nothing is said twice.

use super::Stop;
use super::fault::Fault;
use super::row::{FeedRow, ItemRow, Kind, Known, WellKnown, label};
use crate::formats::{self, Item, Problem, take_marks};
use crate::link::convert::{decode_record, encode_record};
use crate::model::crypto::{random, sha256};
use crate::model::log::{BATCH_BYTES_MAX, BATCH_ENTRIES_MAX, BODY_BYTES_MAX, Batch, BatchEntry, Body};
use crate::model::record::WithdrawalMode;
use crate::model::{Indicator, Label, Record, RecordKind, Timestamp};
use crate::node::share::stopped;
use crate::node::{Node, NodeError};
use crate::rules::gate::Gate;
use crate::rules::label::Held;
use crate::rules::release::{LABEL_MAX, LABELS_MAX, NOTE_MAX, SOURCE_MAX};
use crate::store::change::Change;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Read};
use std::ops::ControlFlow;

/// So many problems of one run are kept to be shown.
pub(super) const PROBLEMS_MAX: usize = 20;
/// Why what is gone is taken back.
pub(super) const NOT_SAID_ANY_MORE: &str = "its source does not say it any more";
/// So few may go at once without a word: of a short list half is a few.
const FEW: usize = 20;

/// Parts of a feed, each of them whole.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// What is said of each value, by the beginning of its record's id.
    said: BTreeMap<u64, Said>,
    /// What each part says.
    pub(super) parts: BTreeMap<u64, BTreeSet<u64>>,
    left_out: u64,
    problems: Vec<Problem>,
    /// Parts that are gone by their source's own word.
    pub(super) deleted: BTreeSet<u64>,
    /// Whether it breaks off: then what is missing in it may be there.
    pub(super) broken: bool,
}

#[derive(Debug)]
struct Said {
    label: Label,
    body: Vec<u8>,
}

impl Said {
    fn hash(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = sha256(&[&[self.label.byte()], &self.body]);
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

/// The number of a part with that name.
pub(super) fn part(name: &str) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = sha256(&[name.as_bytes()]);
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

impl Reading {
    fn problem(&mut self, problem: Problem) {
        self.broken |= problem.is_of_all();
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }

    /// Adds names to what is said of a value here, or was before; what would be too long stays as it was. No label is lowered.
    pub(super) fn say_more(&mut self, feed: &FeedRow, part: u64, key: u64, before: (Label, Vec<u8>), names: &BTreeSet<String>) {
        let (mut label, body) = match self.said.get(&key) {
            Some(said) => (said.label.join(before.0), said.body.clone()),
            None => before,
        };
        let Ok(Record::Indicator(mut indicator)) = decode_record(RecordKind::Indicator, &body) else { return };
        indicator.labels.extend(names.iter().cloned());
        let (class, pap) = take_marks(&mut indicator.labels);
        label = label.join(Label::new(label.tlp(), class, pap));
        let more = encoded(feed, indicator);
        self.parts.entry(part).or_default().insert(key);
        self.said.insert(key, Said { label, body: if more.len() > BODY_BYTES_MAX { body } else { more } });
    }

    pub(super) fn leave_out(&mut self, problem: Problem, count: u64) {
        self.left_out += count;
        self.problem(problem);
    }
}

impl Node {
    /// Reads a document of a feed. `part_of` names the part that something at a place belongs to.
    pub(super) fn read_feed(
        &self,
        feed: &FeedRow,
        input: Box<dyn Read + Send>,
        name: Option<&str>,
        part_of: &dyn Fn(&str) -> u64,
        reading: &mut Reading,
    ) -> Result<(), Stop> {
        let (author, gate, settings) = (feed.author()?, self.gate()?, &self.config.import);
        let records_max = self.config.feeds.records_max;
        let size = |setting: u64| usize::try_from(setting).unwrap_or(usize::MAX);
        let limits = formats::Limits { line_bytes_max: size(settings.line_bytes_max), object_bytes_max: size(settings.object_bytes_max) };
        let mut scratch = tempfile::spooled_tempfile_in(1 << 20, &self.data);
        let mut input = BufReader::with_capacity(64 << 10, input);
        let mut too_many = false;
        let read = formats::read_within(limits, &mut input, None, name, &mut scratch, &mut |item| {
            match item {
                Item::LeftOut(problem, count) => reading.leave_out(problem, count),
                Item::Note(note) => reading.problem(note),
                Item::Problem(problem) => reading.leave_out(problem, 1),
                Item::Indicator { place, revoked: true, .. } => drop(reading.parts.entry(part_of(&place)).or_default()),
                Item::Indicator { place, indicator, tlp, class, pap, revoked: false } => {
                    if let Some(why) = unwanted(feed, &gate, &indicator) {
                        reading.leave_out(Problem { place, what: why }, 1);
                        return ControlFlow::Continue(());
                    }
                    let own = Label::new(tlp.unwrap_or(feed.terms.tlp), class, pap);
                    let key = self.record_id(&author, &indicator.observable).0;
                    let key = key.first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
                    let said = Said { label: Label::from(feed.terms.tlp).join(own), body: encoded(feed, *indicator) };
                    if said.body.len() > BODY_BYTES_MAX {
                        reading.leave_out(Problem { place, what: "it is too long for one record".into() }, 1);
                        return ControlFlow::Continue(());
                    }
                    reading.parts.entry(part_of(&place)).or_default().insert(key);
                    // The last word on a value counts, under the strictest of the labels.
                    let before = reading.said.get(&key).map_or(said.label, |before| before.label);
                    reading.said.insert(key, Said { label: said.label.join(before), body: said.body });
                    too_many = reading.said.len() as u64 > records_max;
                }
            }
            if too_many { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        match read {
            Err(formats::ReadError::Input(error)) => Err(super::fetch::read_fault(&error).into()),
            Err(formats::ReadError::Scratch(_)) => Err(Fault::Disk.into()),
            Ok(_) if too_many => Err(Fault::TooMany("feeds.records_max").into()),
            Ok(_) => Ok(()),
        }
    }

    /// Takes in what was read, and with it how far the feed is. Where `all` is given, parts that are not among these are gone. Nothing is written of a try.
    pub(super) async fn take(&self, run: &mut super::Run, reading: Reading, all: Option<&BTreeSet<u64>>) -> Result<(), Stop> {
        let Reading { mut said, parts, left_out, problems, deleted, broken } = reading;
        run.counts.left_out += left_out;
        run.problems.extend(problems.into_iter().take(PROBLEMS_MAX.saturating_sub(run.problems.len())));
        if broken {
            return Err(Fault::NotThat("it breaks off, or is none of the formats that are read").into());
        }
        let now = self.clock.now();
        let gone_parts: BTreeSet<u64> = all.map(|all| run.known.parts().difference(all).copied().collect()).unwrap_or_default();
        let (mut plan, mut touched) = (Vec::new(), BTreeMap::new());
        let mut says: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
        for (part, keys) in &parts {
            for key in keys {
                says.entry(*key).or_default().insert(*part);
            }
        }
        let (snapshot, log) = (self.store.snapshot()?, run.feed.log(self.org())?.id());
        let least_ms = self.renewal(&run.feed.terms).least_ms();
        for (key, new_parts) in says {
            let Some(mut one) = said.remove(&key) else { continue };
            let before = run.known.items.get(&key);
            let mut all_parts: BTreeSet<u64> = before.map(|row| row.parts.clone()).unwrap_or_default();
            all_parts.retain(|part| !parts.contains_key(part) && !gone_parts.contains(part));
            if let Some(before) = before.filter(|_| !all_parts.is_empty()) {
                // Another part of it says so too: nothing lowers the label, or ends it sooner.
                one.label = one.label.join(label(before.label));
                let said_before = || Ok(snapshot.body(&log, before.seq)?.map(|Held(body)| body));
                one.body = lasting(&one.body, said_before)?.unwrap_or(one.body);
            }
            all_parts.extend(new_parts);
            let stays = |row: &ItemRow| row.hash == one.hash() && (row.until.0 == 0 || row.until.0.saturating_sub(now.0) >= least_ms);
            match before {
                Some(row) if stays(row) => {
                    run.counts.unchanged += 1;
                    if row.parts != all_parts {
                        touched.insert(key, ItemRow { parts: all_parts, ..row.clone() });
                    }
                }
                _ => {
                    if before.is_some() {
                        run.counts.changed += 1
                    } else {
                        run.counts.new += 1
                    };
                    let row = ItemRow { seq: 0, hash: one.hash(), label: one.label.byte(), until: self.retention(now), parts: all_parts };
                    plan.push((key, row, one));
                }
            }
        }
        let gone = gone(&run.known, &parts, &gone_parts, &mut touched);
        let held = run.known.items.len();
        // What is revoked or deleted is gone by its source's own word.
        let silent = gone.keys().filter(|key| run.known.items.get(key).is_none_or(|row| !row.parts.is_subset(&deleted))).count();
        let is_much = silent > FEW && silent * 2 > held || silent > 0 && gone.len() == held && plan.is_empty();
        if is_much && !run.how.accept_removals && run.feed.terms.kind != Kind::Taxii {
            return Err(Fault::Shrunk.into());
        }
        if (held + plan.len()).saturating_sub(gone.len()) as u64 > self.config.feeds.records_max {
            return Err(Fault::TooMany("feeds.records_max").into());
        }
        run.counts.gone += gone.len() as u64;
        if run.how.dry_run {
            return Ok(());
        }
        if !plan.is_empty() || !gone.is_empty() {
            run.state.news = Some(now);
        }
        run.state.succeeded = Some(now);
        let mut plan = plan.into_iter().peekable();
        while let Some(chunk) = next_chunk(&mut plan) {
            if plan.peek().is_none() {
                return self.write(run, chunk, Some((touched, gone)), now).await;
            }
            self.write(run, chunk, None, now).await?;
        }
        self.write(run, Vec::new(), Some((touched, gone)), now).await
    }

    /// One transaction. The last one of a reading has what else changes, and how far the feed is.
    async fn write(
        &self,
        run: &mut super::Run,
        chunk: Vec<(u64, ItemRow, Said)>,
        last: Option<(BTreeMap<u64, ItemRow>, BTreeMap<u64, u64>)>,
        at: Timestamp,
    ) -> Result<(), Stop> {
        let is_last = last.is_some();
        let (touched, gone) = last.unwrap_or_default();
        let _turn = self.feeding.turn.lock().await;
        self.store.settled().await;
        let snapshot = self.store.snapshot()?;
        // It may have been removed while it was read.
        if super::row::all(&snapshot)?.iter().all(|row| row.id != run.feed.id) {
            return Err(Stop::Removed);
        }
        let (log, mut changes) = (run.feed.log(self.org())?, Vec::new());
        let mut rows: BTreeMap<u64, Option<ItemRow>> = touched.into_iter().map(|(key, row)| (key, Some(row))).collect();
        if !chunk.is_empty() {
            let head = snapshot.log(&log.id())?.map(|log| log.head).unwrap_or_default();
            let entry = |(_, row, said): &(u64, ItemRow, Said)| BatchEntry {
                created: at,
                kind: RecordKind::Indicator.number(),
                label: said.label,
                retention: row.until,
                body: Body::Present(said.body.clone()),
            };
            let entries = chunk.iter().map(entry).collect();
            // Nobody signs what a feed says. That it is what came is this node's word, and stays here.
            let key = self.keys.log_key();
            let sealed = Batch::seal(log.id(), head, entries, random(), at, 0, &key);
            let batch = sealed.map_err(|error| NodeError::Internal(error.to_string()))?;
            let understood = self.understand(&log, head, key.public(), batch).map_err(|error| NodeError::Internal(error.to_string()))?;
            let first = understood.consequences.first;
            changes.push(understood.change);
            rows.extend(chunk.into_iter().zip(first..).map(|((key, row, _), seq)| (key, Some(ItemRow { seq, ..row }))));
        }
        if !gone.is_empty() {
            let mut seqs: Vec<u64> = gone.values().copied().collect();
            seqs.sort_unstable();
            let reason = NOT_SAID_ANY_MORE.to_owned();
            changes.push(Change::TakeBack { log: log.id(), seqs, mode: WithdrawalMode::Withdraw, reason, at, bars: false });
            rows.extend(gone.keys().map(|key| (*key, None)));
        }
        for (key, row) in &rows {
            changes.push(run.feed.item(*key, row.as_ref())?);
        }
        if is_last {
            changes.append(&mut run.beside);
            changes.push(run.feed.state_kept(&run.state)?);
        }
        self.commit_many(changes).await.map_err(NodeError::from)?;
        for (key, row) in rows {
            match row {
                Some(row) => run.known.put(key, row),
                None => run.known.drop(key),
            }
        }
        Ok(())
    }
}

/// What no part says any more, with its position; what others still say only loses these parts.
fn gone(
    known: &Known,
    parts: &BTreeMap<u64, BTreeSet<u64>>,
    gone_parts: &BTreeSet<u64>,
    touched: &mut BTreeMap<u64, ItemRow>,
) -> BTreeMap<u64, u64> {
    let nothing = BTreeSet::new();
    let mut lost: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    for part in parts.keys().chain(gone_parts) {
        let still = parts.get(part).unwrap_or(&nothing);
        for key in known.of_part(*part).difference(still) {
            lost.entry(*key).or_default().insert(*part);
        }
    }
    let says = |key: &u64| parts.values().any(|keys| keys.contains(key));
    let mut gone = BTreeMap::new();
    for (key, lost) in lost {
        let Some(row) = known.items.get(&key) else { continue };
        if says(&key) {
            // Where it is said now was written down with it.
            continue;
        }
        let left: BTreeSet<u64> = row.parts.difference(&lost).copied().collect();
        if left.is_empty() {
            gone.insert(key, row.seq);
        } else {
            touched.insert(key, ItemRow { parts: left, ..row.clone() });
        }
    }
    gone
}

/// What is said now, until when it was said before, where that is longer; nothing where it is not. What was said before is asked for only where it matters.
fn lasting(now: &[u8], before: impl FnOnce() -> Result<Option<Vec<u8>>, NodeError>) -> Result<Option<Vec<u8>>, NodeError> {
    let indicator = |body: &[u8]| match decode_record(RecordKind::Indicator, body) {
        Ok(Record::Indicator(indicator)) => Some(indicator),
        _ => None,
    };
    let Some((mut now, ends)) = indicator(now).and_then(|now| now.valid_until.map(|ends| (now, ends))) else { return Ok(None) };
    let Some(before) = before()?.and_then(|body| indicator(&body)) else { return Ok(None) };
    if before.valid_until.is_some_and(|until| until <= ends) {
        return Ok(None);
    }
    now.valid_until = before.valid_until;
    Ok(Some(encode_record(&Record::Indicator(now))))
}

/// So many as one signed batch takes.
fn next_chunk(plan: &mut std::iter::Peekable<impl Iterator<Item = (u64, ItemRow, Said)>>) -> Option<Vec<(u64, ItemRow, Said)>> {
    let (mut chunk, mut bytes) = (Vec::new(), 0);
    while chunk.len() < BATCH_ENTRIES_MAX
        && let Some(next) = plan.next_if(|(_, _, said)| bytes + said.body.len() <= BATCH_BYTES_MAX)
    {
        bytes += next.2.body.len();
        chunk.push(next);
    }
    (!chunk.is_empty()).then_some(chunk)
}

/// Why a value of a feed is not taken.
fn unwanted(feed: &FeedRow, gate: &Gate, indicator: &Indicator) -> Option<String> {
    if feed.terms.well_known == WellKnown::Take {
        return None;
    }
    stopped(gate, &indicator.observable)
}

/// The bytes that are kept of an indicator, within the bounds of a record.
fn encoded(feed: &FeedRow, mut indicator: Indicator) -> Vec<u8> {
    indicator.labels = indicator.labels.into_iter().map(|label| clipped(label, LABEL_MAX)).collect();
    indicator.labels.sort();
    indicator.labels.dedup();
    indicator.labels.truncate(LABELS_MAX);
    indicator.note = indicator.note.map(|note| clipped(note, NOTE_MAX));
    indicator.source = Some(clipped(indicator.source.unwrap_or_else(|| feed.name.clone()), SOURCE_MAX));
    if let (Some(said), Some(most)) = (indicator.confidence, feed.terms.confidence_max) {
        indicator.confidence = Some(said.min(most));
    }
    encode_record(&Record::Indicator(indicator))
}

fn clipped(text: String, most: usize) -> String {
    if text.chars().nth(most).is_none() { text } else { text.chars().take(most).collect() }
}

#[cfg(test)]
impl Node {
    /// The first transaction of several, and nothing of what follows it.
    pub(super) async fn write_first_only(&self, run: &mut super::Run, reading: Reading) {
        let parts: BTreeSet<u64> = reading.parts.keys().copied().collect();
        let row = |said: &Said| ItemRow {
            seq: 0,
            hash: said.hash(),
            label: said.label.byte(),
            until: self.retention(self.clock.now()),
            parts: parts.clone(),
        };
        let chunk = reading.said.into_iter().map(|(key, said)| (key, row(&said), said)).collect();
        self.write(run, chunk, None, self.clock.now()).await.unwrap();
    }
}
