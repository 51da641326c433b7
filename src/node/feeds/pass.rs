//! What a feed says is passed on to one peer or group, where people here have settled that: as our own word, the way of an import, with its gate, its holds and
//! its bursts. The feed is a producer (`serving/claim.rs`): what it does not say any more is taken back there, but for what somebody else here says too.
//!
//! What will be said is noted before anything of it leaves, and what was said after: a crash in between says it once more, which does nothing.

use super::row::{FeedRow, ItemRow, damaged, label};
use super::take::{NOT_SAID_ANY_MORE, PROBLEMS_MAX};
use super::{Run, Stop};
use crate::formats::{Item, Problem};
use crate::link::convert::decode_record;
use crate::model::log::Audience;
use crate::model::{Label, Pap, Record, RecordId, RecordKind, Timestamp, Tlp};
use crate::node::serving::{Producer, Standing, Unsaid};
use crate::node::share::IMPORT_CHUNK;
use crate::node::view::ImportRequest;
use crate::node::{Node, NodeError};
use crate::rules::label::Held;
use crate::rules::may::{About, Action, To, may};
use crate::store::Snapshot;
use crate::store::change::{Change, Shelf};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// So much is passed on, and so much taken back, at a time. As much as an import shares at a time, so that a burst is told from what is usual the same way.
const SAID_AT_ONCE: usize = IMPORT_CHUNK;
const TAKEN_BACK_AT_ONCE: usize = 100;

/// A value that was passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Passed {
    /// Our record of it.
    record: RecordId,
    /// Where the feed had said it, when that was passed on; 0 while it is not known whether it was.
    seq: u64,
    /// Whether people here have said otherwise since. Then it is left alone for as long as the feed says it.
    settled: bool,
}

impl Passed {
    const BYTES: usize = 16 + 8 + 1;

    fn encode(&self) -> Vec<u8> {
        [&self.record.0[..], &self.seq.to_be_bytes(), &[u8::from(self.settled)]].concat()
    }

    fn decode(bytes: &[u8]) -> Result<Self, NodeError> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().map_err(|_| damaged())?;
        let seq = u64::from_be_bytes(std::array::from_fn(|at| bytes[16 + at]));
        Ok(Self { record: RecordId(std::array::from_fn(|at| bytes[at])), seq, settled: bytes[24] != 0 })
    }
}

/// An audience as it is kept, and as [`Node::audience`] reads it.
pub(super) fn text(audience: &Audience) -> String {
    match audience {
        Audience::Direct(org) => org.to_string(),
        Audience::Group(group) => group.to_string(),
    }
}

impl FeedRow {
    fn producer(&self) -> Result<Producer, NodeError> {
        Ok(Producer::feed(self.id()?))
    }

    fn passed_row(&self, key: u64, row: Option<Passed>) -> Result<Change, NodeError> {
        Ok(Change::Keep { shelf: Shelf::FeedPassed, id: self.under(key)?, row: row.map(|row| row.encode()) })
    }

    fn passed(&self, snapshot: &Snapshot) -> Result<BTreeMap<u64, Passed>, NodeError> {
        let id = self.id()?;
        let rows = snapshot.kept_under(Shelf::FeedPassed, id.first_chunk().ok_or_else(damaged)?)?;
        let read =
            |(key, bytes): ([u8; 16], Vec<u8>)| Ok((u64::from_be_bytes(*key.last_chunk().ok_or_else(damaged)?), Passed::decode(&bytes)?));
        rows.into_iter().map(read).collect()
    }

    /// How much of what it says is passed on.
    pub(super) fn passed_on(&self, snapshot: &Snapshot) -> Result<u64, NodeError> {
        Ok(self.passed(snapshot)?.values().filter(|row| !row.settled).count() as u64)
    }
}

impl Node {
    /// Whether indicators with that label may be released to an audience by now.
    pub(super) fn passable(&self, label: &Label, audience: Audience) -> Result<(), NodeError> {
        let door = self.door(audience)?;
        let to = To::Audience { state: door.state(), us: &door.us };
        let about = About { label: *label, kind: RecordKind::Indicator.number(), retention: Timestamp(0) };
        may(Action::Release, &about, &to, door.now)?;
        Ok(())
    }

    /// Passes on what a feed says and takes back what it does not say any more. In words, why that could not be done.
    pub(super) async fn pass_feed_on(self: &Arc<Self>, run: &mut Run) -> Result<Option<String>, Stop> {
        let Some(to) = run.feed.terms.to.clone() else { return Ok(None) };
        let passed = run.feed.passed(&self.store.snapshot()?)?;
        let audience = self.audience(&to)?;
        // What its source labels more strictly is for us alone.
        let goes = |item: &ItemRow| label(item.label).tlp() <= Tlp::Green;
        let is_gone = |key: &u64| run.known.items.get(key).is_none_or(|item| !goes(item));
        let gone: Vec<(u64, Passed)> = passed.iter().filter(|(key, _)| is_gone(key)).map(|(key, row)| (*key, *row)).collect();
        for some in gone.chunks(TAKEN_BACK_AT_ONCE) {
            match self.unsay(run, audience, some).await {
                Err(Stop::Node(NodeError::Withheld(reason))) => return Ok(Some(reason.to_string())),
                done => done?,
            }
        }
        if let Err(error) = self.passable(&run.feed.terms.tlp.into(), audience) {
            return match error {
                NodeError::Withheld(reason) => Ok(Some(reason.to_string())),
                error => Err(error.into()),
            };
        }
        let is_news = |key: &u64, seq: u64| passed.get(key).is_none_or(|row| row.seq != seq && !row.settled);
        let items = run.known.items.iter().filter(|(key, item)| goes(item) && is_news(key, item.seq));
        let news: Vec<(u64, u64, Label)> = items.map(|(key, item)| (*key, item.seq, label(item.label))).collect();
        for some in news.chunks(SAID_AT_ONCE) {
            self.say_for_feed(run, audience, &passed, some).await?;
        }
        Ok(None)
    }

    async fn unsay(&self, run: &mut Run, audience: Audience, some: &[(u64, Passed)]) -> Result<(), Stop> {
        let _passing = self.feeding.passing.lock().await;
        self.is_there(&run.feed)?;
        let records: Vec<RecordId> = some.iter().map(|(_, row)| row.record).collect();
        let became = self.take_back_said(&run.feed.producer()?, &audience, &records, NOT_SAID_ANY_MORE).await?;
        run.counts.unsaid += became.iter().filter(|one| **one == Unsaid::TakenBack).count() as u64;
        let changes = some.iter().map(|(key, _)| run.feed.passed_row(*key, None)).collect::<Result<_, _>>()?;
        self.commit_many(changes).await?;
        Ok(())
    }

    /// It may have been removed meanwhile. While `passing` is held it is not.
    fn is_there(&self, feed: &FeedRow) -> Result<(), Stop> {
        let there = super::row::all(&self.store.snapshot()?)?.iter().any(|row| row.id == feed.id);
        if there { Ok(()) } else { Err(Stop::Removed) }
    }

    async fn say_for_feed(
        self: &Arc<Self>,
        run: &mut Run,
        audience: Audience,
        passed: &BTreeMap<u64, Passed>,
        some: &[(u64, u64, Label)],
    ) -> Result<(), Stop> {
        let _passing = self.feeding.passing.lock().await;
        self.is_there(&run.feed)?;
        let producer = run.feed.producer()?;
        let (mut rows, mut items) = (Vec::new(), Vec::new());
        {
            let (snapshot, log) = (self.store.snapshot()?, run.feed.log(self.org())?.id());
            let was_said = |key: &u64| passed.get(key).is_some_and(|row| row.seq != 0);
            let held = if some.iter().any(|(key, ..)| was_said(key)) { held_for(&snapshot, &producer.by)? } else { BTreeSet::new() };
            for (key, seq, label) in some {
                let Some(Held(body)) = snapshot.body(&log, *seq)? else { continue };
                let Ok(Record::Indicator(indicator)) = decode_record(RecordKind::Indicator, &body) else { continue };
                let record = self.record_id(&self.org(), &indicator.observable);
                let Standing { there, claimed, by_hand } = producer.standing(&snapshot, &record, &audience)?;
                let settled = match there {
                    // Somebody here took it back, or did not let it go.
                    None => was_said(key) && claimed && !held.contains(&record),
                    // People here say it already, or under a stricter label: theirs stays as it is.
                    Some(there) => by_hand || there.join(*label) != *label,
                };
                rows.push((*key, Passed { record, seq: *seq, settled }));
                if settled {
                    run.counts.kept_back += 1;
                    continue;
                }
                let (tlp, class, pap, place) = (Some(label.tlp()), label.class(), label.pap(), indicator.observable.value().to_owned());
                items.push(Item::Indicator { place, indicator: Box::new(indicator), tlp, class, pap, revoked: false });
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        let noted = rows.iter().map(|(key, row)| run.feed.passed_row(*key, Some(Passed { seq: 0, ..*row })));
        self.commit_many(noted.collect::<Result<_, _>>()?).await?;
        #[cfg(test)]
        self.feeding.may_die(1)?;
        if !items.is_empty() {
            let request = ImportRequest {
                tlp: run.feed.terms.tlp,
                class: None,
                pap: Pap::Clear,
                to: audience.to_string(),
                format: None,
                dry_run: false,
                file_name: None,
                now: false,
                source: Some(format!("feed {}", run.feed.name)),
            };
            let imported = {
                let _saying = self.saying().await;
                let node = self.clone();
                let work = tokio::task::spawn_blocking(move || node.import_said(&request, audience, &producer, items));
                work.await.map_err(|fault| NodeError::Internal(fault.to_string()))??
            };
            let asked = imported.waiting();
            run.counts.asked += asked;
            run.counts.passed += imported.released.saturating_sub(asked);
            run.counts.kept_back += imported.withheld;
            let room = PROBLEMS_MAX.saturating_sub(run.problems.len());
            let told = |problem: Problem| Problem { what: format!("not passed on: {}", problem.what), ..problem };
            run.problems.extend(imported.problems.into_iter().take(room).map(told));
        }
        #[cfg(test)]
        self.feeding.may_die(2)?;
        let said = rows.into_iter().map(|(key, row)| run.feed.passed_row(key, Some(row)));
        self.commit_many(said.collect::<Result<_, _>>()?).await?;
        Ok(())
    }

    /// A feed is removed: what was passed on is taken back. Whoever calls holds `passing`.
    pub(super) async fn take_back_passed(&self, feed: &FeedRow) -> Result<(), NodeError> {
        let Some(to) = &feed.terms.to else { return Ok(()) };
        let passed = feed.passed(&self.store.snapshot()?)?;
        let audience = match self.audience(to) {
            // Of an audience that is none of ours nothing can be taken back.
            Err(NodeError::UnknownAudience(_)) => None,
            audience => Some(audience?),
        };
        for some in passed.into_iter().collect::<Vec<_>>().chunks(TAKEN_BACK_AT_ONCE) {
            let records: Vec<RecordId> = some.iter().map(|(_, row)| row.record).collect();
            if let Some(audience) = &audience {
                match self.take_back_said(&feed.producer()?, audience, &records, "the feed was removed").await {
                    Err(NodeError::Withheld(reason)) => {
                        tracing::warn!(feed = feed.id, %reason, "what a removed feed was passed on with cannot be taken back");
                    }
                    done => drop(done?),
                }
            }
            let gone = some.iter().map(|(key, _)| feed.passed_row(*key, None)).collect::<Result<_, _>>()?;
            self.commit_many(gone).await?;
        }
        Ok(())
    }
}

/// What is held of a producer's.
fn held_for(snapshot: &Snapshot, by: &str) -> Result<BTreeSet<RecordId>, NodeError> {
    let mut held = BTreeSet::new();
    for (id, row) in snapshot.holds()?.into_iter().filter(|(_, row)| row.from.as_deref() == Some(by)) {
        for part in row.parts.keys() {
            held.extend(snapshot.held(&id, *part)?.into_iter().filter_map(|item| item.record));
        }
    }
    Ok(held)
}
