//! The numbers of a period: as they were counted, for the desk, or as they may be told to others.

use super::{Node, NodeError};
use crate::rules::statistics::Codes;
use crate::rules::statistics::{Answers, BY_PLATFORM, Counters, Dimension, Fact, Period, Published, Span, Way, answers, published};
use crate::store::Snapshot;
use crate::store::change::{Change, Shelf};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The numbers of a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatisticsView {
    /// Which.
    pub period: Period,
    /// The editions of the value lists that are in force.
    pub vocabulary: String,
    /// As they were counted. For the desk alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<Counters>,
    /// How long things took. For the desk alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<TimeView>,
    /// How platforms answered, by platform and by region. For the desk alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub platforms: BTreeMap<Dimension, BTreeMap<String, Answers>>,
    /// As they may be told to others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Published>,
    /// Nothing in `published` is about fewer cases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<u64>,
}

/// How long something took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeView {
    /// Which way the cases went.
    pub way: Way,
    /// What was measured.
    pub span: Span,
    /// Of which priority; `None` for all.
    pub priority: Option<String>,
    /// How many.
    pub count: u64,
    /// Half of them took at most so many milliseconds: a bucket's upper bound.
    pub median_ms: Option<u64>,
    /// Nine in ten took at most so many milliseconds.
    pub most_ms: Option<u64>,
}

/// A period's id on its shelf.
fn shelf_id(period: Period) -> [u8; 16] {
    let (mut id, text) = ([0; 16], period.to_string());
    id.iter_mut().zip(text.bytes()).for_each(|(place, byte)| *place = byte);
    id
}

impl Node {
    /// What was counted of a period: a month or a week.
    pub(super) fn counters(snapshot: &Snapshot, period: Period) -> Result<Counters, NodeError> {
        match snapshot.kept(Shelf::Count, &shelf_id(period))? {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|_| NodeError::StoreDamaged("what was counted cannot be read".into())),
            None => Ok(Counters::default()),
        }
    }

    /// The change that keeps them.
    pub(super) fn keep_counters(period: Period, counters: &Counters) -> Change {
        Change::Keep { shelf: Shelf::Count, id: shelf_id(period), row: Some(serde_json::to_vec(counters).unwrap_or_default()) }
    }

    /// The changes that count these in the month and the week of each. For whoever holds the turn of referrals.
    pub(super) fn counted(snapshot: &Snapshot, facts: &[Fact], codes: Option<&Codes>) -> Result<Vec<Change>, NodeError> {
        let mut periods: BTreeMap<Period, Counters> = BTreeMap::new();
        for fact in facts {
            for period in Period::of(fact.at) {
                let counters = match periods.entry(period) {
                    Entry::Occupied(there) => there.into_mut(),
                    Entry::Vacant(free) => free.insert(Self::counters(snapshot, period)?),
                };
                counters.add(fact, codes);
            }
        }
        Ok(periods.iter().map(|(period, counters)| Self::keep_counters(*period, counters)).collect())
    }

    /// The numbers of a period; of this month where none is given.
    ///
    /// # Errors
    /// When others are to be told of anything but a month, or the store cannot be read.
    pub fn statistics(&self, period: Option<Period>, publish: bool) -> Result<StatisticsView, NodeError> {
        let [month, _] = Period::of(self.clock.now());
        let period = period.unwrap_or(month);
        if publish && !period.is_published() {
            let hint = "hint: from a month and its weeks, or a year and its months, one could reckon what is hidden in one of them";
            return Err(NodeError::BadInput(format!("`{period}` is no month, and months alone are published\n{hint}")));
        }
        let (snapshot, mut counters) = (self.store.snapshot()?, Counters::default());
        for part in period.parts() {
            counters.merge(&Self::counters(&snapshot, part)?);
        }
        let (vocabulary, least) = (self.vocabularies.version(), self.config.statistics.least);
        if publish {
            let published = Some(published(&counters, least));
            return Ok(StatisticsView {
                period,
                vocabulary,
                counted: None,
                times: Vec::new(),
                platforms: BTreeMap::new(),
                published,
                least: Some(least),
            });
        }
        let times = times(&counters);
        let by = BY_PLATFORM.into_iter().map(|by| (by, answers(&counters, by))).filter(|(_, all)| !all.is_empty());
        let platforms = by.collect();
        Ok(StatisticsView { period, vocabulary, counted: Some(counters), times, platforms, published: None, least: None })
    }
}

fn times(counters: &Counters) -> Vec<TimeView> {
    let mut all = Vec::new();
    for (way, spans) in &counters.times {
        for (span, histogram) in spans {
            let by = counters.times_by_priority.get(way).and_then(|spans| spans.get(span));
            let by = by.into_iter().flatten().map(|(priority, histogram)| (Some(priority.clone()), histogram));
            all.extend(std::iter::once((None, histogram)).chain(by).map(|(priority, histogram)| TimeView {
                way: *way,
                span: *span,
                priority,
                count: histogram.count(),
                median_ms: histogram.within_ms(50),
                most_ms: histogram.within_ms(90),
            }));
        }
    }
    all
}
