//! The numbers of a period: as they were counted, for the desk, or as they may be told to others.

use super::{Node, NodeError};
use crate::rules::statistics::{
    Answers, BY_PLATFORM, Codes, Counters, Dimension, Fact, Measure, Period, Published, Share, Span, Way, answers, published, shares,
};
use crate::store::Snapshot;
use crate::store::change::{Change, Shelf};
use serde::{Deserialize, Serialize};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// The numbers of a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatisticsView {
    /// Which.
    pub period: Period,
    /// The editions of the value lists that are in force.
    pub vocabulary: String,
    /// Those that were in force when it was counted. Two years are compared where they are the same.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub counted_under: BTreeSet<String>,
    /// As they were counted. For the desk alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<Counters>,
    /// How long things took. For the desk alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<TimeView>,
    /// How platforms answered, by platform and by region. For the desk alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub platforms: BTreeMap<Dimension, BTreeMap<String, Answers>>,
    /// What is told as a share. For the desk alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shares: BTreeMap<String, Share>,
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

impl Node {
    /// What was counted of a period: a month or a week.
    fn counters(snapshot: &Snapshot, period: Period) -> Result<Counters, NodeError> {
        match snapshot.kept(Shelf::Count, &period.id())? {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|_| NodeError::StoreDamaged("what was counted cannot be read".into())),
            None => Ok(Counters::default()),
        }
    }

    /// The change that keeps them.
    fn keep_counters(period: Period, counters: &Counters) -> Change {
        Change::Keep { shelf: Shelf::Count, id: period.id(), row: Some(serde_json::to_vec(counters).unwrap_or_default()) }
    }

    /// The changes that count these, each by its codes, in the month and the week of each. For whoever holds the turn of referrals.
    pub(super) fn counted<'f>(
        &self,
        snapshot: &Snapshot,
        facts: impl IntoIterator<Item = (Fact, Option<&'f Codes>)>,
    ) -> Result<Vec<Change>, NodeError> {
        let (mut periods, vocabulary): (BTreeMap<Period, Counters>, _) = (BTreeMap::new(), self.vocabularies.version());
        for (fact, codes) in facts {
            for period in Period::of(fact.at) {
                let counters = match periods.entry(period) {
                    Entry::Occupied(there) => there.into_mut(),
                    Entry::Vacant(free) => free.insert(Self::counters(snapshot, period)?),
                };
                counters.add(&fact, codes);
                if !counters.vocabularies.contains(&vocabulary) {
                    counters.vocabularies.insert(vocabulary.clone());
                }
            }
        }
        Ok(periods.iter().map(|(period, counters)| Self::keep_counters(*period, counters)).collect())
    }

    /// How many indicators were counted in a period by the changes that brought them.
    fn tallied(snapshot: &Snapshot, period: Period) -> Result<BTreeMap<Measure, u64>, NodeError> {
        let bytes = snapshot.kept(Shelf::Tally, &period.id())?;
        let read = bytes.map(|bytes| serde_json::from_slice(&bytes)).transpose();
        Ok(read.map_err(|_| NodeError::StoreDamaged("what was counted of indicators cannot be read".into()))?.unwrap_or_default())
    }

    /// The periods of which it cannot be read how many indicators were counted.
    pub(super) fn uncounted(snapshot: &Snapshot) -> Result<Vec<String>, NodeError> {
        let rows = snapshot.all_kept(Shelf::Tally)?.into_iter();
        let damaged = rows.filter(|(_, bytes)| serde_json::from_slice::<BTreeMap<Measure, u64>>(bytes).is_err());
        Ok(damaged.map(|(id, _)| String::from_utf8_lossy(&id).trim_end_matches('\0').to_owned()).collect())
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
            counters.merge(&Counters::of(Self::tallied(&snapshot, part)?));
        }
        let mut view = StatisticsView {
            period,
            vocabulary: self.vocabularies.version(),
            counted_under: counters.vocabularies.clone(),
            counted: None,
            times: Vec::new(),
            platforms: BTreeMap::new(),
            shares: BTreeMap::new(),
            published: None,
            least: None,
        };
        if publish {
            let least = self.config.statistics.least;
            (view.published, view.least) = (Some(published(&counters, least)), Some(least));
            return Ok(view);
        }
        let by = BY_PLATFORM.into_iter().map(|by| (by, answers(&counters, by)));
        view.platforms = by.filter(|(_, all)| !all.is_empty()).collect();
        (view.times, view.shares) = (times(&counters), shares(&counters));
        view.counted = Some(counters);
        Ok(view)
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
