//! Counters of one period.

use super::event::{Event, Fact, Measure, Span, Way};
use super::histogram::Histogram;
use crate::model::vocabulary::Code;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a code that is in no list here is counted as: a peer must not fill our tables with words of its own.
pub const UNLISTED: &str = "unlisted";

/// So many counters of a period are kept at the most; beyond, what is new counts as [`UNLISTED`].
pub const CELLS_MAX: usize = 10_000;

/// By what is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// `reactive` or `preventative`.
    Nature,
    /// The region, never the country.
    Region,
    /// Whom it is about, in kind.
    BeneficiaryType,
    /// What happened; a case may have several.
    IncidentType,
    /// How soon it was wanted.
    Priority,
    /// Where it came from: `direct`, `member_referral`, `platform_referral`.
    Source,
    /// The language that the person speaks best.
    Language,
    /// What came of it; a case may have several.
    Outcome,
    /// Why it was refused, declined or handed back.
    Reason,
    /// The platforms that it is on; a case may have several.
    Platform,
    /// Whether the person was heard of before by the same partner: `new` or `returning`.
    Person,
    /// How many cases had gone the same way between the two partners before: `none_before`, `under_5_before`, `under_20_before`, `20_or_more_before`.
    Partner,
}

impl Dimension {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Nature,
        Self::Region,
        Self::BeneficiaryType,
        Self::IncidentType,
        Self::Priority,
        Self::Source,
        Self::Language,
        Self::Outcome,
        Self::Reason,
        Self::Platform,
        Self::Person,
        Self::Partner,
    ];

    /// As reports name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nature => "nature",
            Self::Region => "region",
            Self::BeneficiaryType => "beneficiary_type",
            Self::IncidentType => "incident_type",
            Self::Priority => "priority",
            Self::Source => "source",
            Self::Language => "language",
            Self::Outcome => "outcome",
            Self::Reason => "reason",
            Self::Platform => "platform",
            Self::Person => "person",
            Self::Partner => "partner",
        }
    }

    /// Whether an event is counted by it.
    const fn is_of(self, event: Event) -> bool {
        match (self, event) {
            (Self::Platform | Self::Region, Event::PlatformAsked | Event::PlatformAnswered) | (Self::Outcome, Event::PlatformAnswered) => {
                true
            }
            (_, Event::PlatformAsked | Event::PlatformAnswered) => false,
            (Self::Outcome, event) => matches!(event, Event::Resolved | Event::Case),
            (Self::Reason, event) => matches!(event, Event::Refused | Event::Declined | Event::HandedBack),
            _ => true,
        }
    }
}

/// By what is told how platforms answer.
pub const BY_PLATFORM: [Dimension; 2] = [Dimension::Platform, Dimension::Region];

/// The two-way tables that are kept, of offers and of cases.
pub const PAIRS: [(Dimension, Dimension); 6] = [
    (Dimension::Region, Dimension::IncidentType),
    (Dimension::Region, Dimension::BeneficiaryType),
    (Dimension::Region, Dimension::Nature),
    (Dimension::BeneficiaryType, Dimension::IncidentType),
    (Dimension::IncidentType, Dimension::Outcome),
    (Dimension::Priority, Dimension::Outcome),
];

/// The codes of a referral whose person agreed to be counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Codes(BTreeMap<Dimension, Vec<String>>);

impl Codes {
    /// With these codes along a dimension, each once.
    pub fn with<'c>(mut self, dimension: Dimension, codes: impl IntoIterator<Item = &'c Code>) -> Self {
        codes.into_iter().for_each(|code| self.put(dimension, code.as_str()));
        self
    }

    /// With this text along a dimension: a code that is none of ours to check, such as a language.
    pub fn with_text(mut self, dimension: Dimension, text: &str) -> Self {
        self.put(dimension, text);
        self
    }

    fn put(&mut self, dimension: Dimension, text: &str) {
        let there = self.0.entry(dimension).or_default();
        if !there.iter().any(|code| code == text) {
            there.push(text.to_owned());
        }
    }

    /// Those along a dimension.
    pub fn along(&self, dimension: Dimension) -> &[String] {
        self.0.get(&dimension).map_or(&[], Vec::as_slice)
    }
}

type Table = BTreeMap<String, u64>;

/// Everything that is counted of a period.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counters {
    /// Each event, whoever it was about.
    pub totals: BTreeMap<Measure, u64>,
    /// By one dimension.
    pub tables: BTreeMap<Measure, BTreeMap<Dimension, Table>>,
    /// By two: those of [`PAIRS`], by their place in it; each has the codes of the first, and for each those of the second.
    pub pairs: BTreeMap<Measure, BTreeMap<u8, BTreeMap<String, Table>>>,
    /// Times, all of them, by way.
    pub times: BTreeMap<Way, BTreeMap<Span, Histogram>>,
    /// Times by priority.
    pub times_by_priority: BTreeMap<Way, BTreeMap<Span, BTreeMap<String, Histogram>>>,
    /// How long platforms took to answer, by [`BY_PLATFORM`].
    pub platform_times: BTreeMap<Dimension, BTreeMap<String, Histogram>>,
    /// Under which editions of the value lists: numbers of two years are compared under the same.
    pub vocabularies: BTreeSet<String>,
    /// How many cells there are.
    cells: usize,
}

impl Counters {
    /// Totals that were counted elsewhere.
    pub fn of(totals: BTreeMap<Measure, u64>) -> Self {
        Self { totals, ..Self::default() }
    }

    /// One more fact. Without codes it counts in the total alone.
    pub fn add(&mut self, fact: &Fact, codes: Option<&Codes>) {
        let Fact { measure, took, .. } = *fact;
        plus(self.totals.entry(measure).or_default(), 1);
        let Some(codes) = codes else { return };
        for dimension in Dimension::ALL.into_iter().filter(|dimension| dimension.is_of(measure.event)) {
            for code in codes.along(dimension) {
                let table = self.tables.entry(measure).or_default().entry(dimension).or_default();
                count(table, code, &mut self.cells);
            }
        }
        if matches!(measure.event, Event::Offered | Event::Case) {
            for ((one, other), place) in PAIRS.into_iter().zip(0..) {
                if one.is_of(measure.event) && other.is_of(measure.event) {
                    self.add_pair((measure, place), codes.along(one), codes.along(other));
                }
            }
        }
        if let (Event::PlatformAnswered, Some((_, ms))) = (measure.event, took) {
            for dimension in BY_PLATFORM {
                let by = self.platform_times.entry(dimension).or_default();
                for code in codes.along(dimension) {
                    let is_full = self.cells >= CELLS_MAX && !by.contains_key(code);
                    let code = if is_full { UNLISTED } else { code.as_str() };
                    self.cells += usize::from(!by.contains_key(code));
                    by.entry(code.to_owned()).or_default().add(ms);
                }
            }
        }
        if let Some((span, ms)) = took {
            self.times.entry(measure.way).or_default().entry(span).or_default().add(ms);
            let by = self.times_by_priority.entry(measure.way).or_default().entry(span).or_default();
            codes.along(Dimension::Priority).iter().for_each(|priority| by.entry(priority.clone()).or_default().add(ms));
        }
    }

    fn add_pair(&mut self, (measure, place): (Measure, u8), ones: &[String], others: &[String]) {
        let pairs = self.pairs.entry(measure).or_default().entry(place).or_default();
        for one in ones {
            let is_full = self.cells >= CELLS_MAX && !pairs.contains_key(one);
            let row = pairs.entry(if is_full { UNLISTED.into() } else { one.clone() }).or_default();
            others.iter().for_each(|other| count(row, other, &mut self.cells));
        }
    }

    /// Those of another period too.
    pub fn merge(&mut self, other: &Self) {
        other.totals.iter().for_each(|(measure, n)| plus(self.totals.entry(*measure).or_default(), *n));
        for (measure, tables) in &other.tables {
            let into = self.tables.entry(*measure).or_default();
            tables.iter().for_each(|(dimension, table)| merge(into.entry(*dimension).or_default(), table));
        }
        for (measure, pairs) in &other.pairs {
            let into = self.pairs.entry(*measure).or_default();
            for (place, rows) in pairs {
                let into = into.entry(*place).or_default();
                rows.iter().for_each(|(code, row)| merge(into.entry(code.clone()).or_default(), row));
            }
        }
        for (way, times) in &other.times {
            let into = self.times.entry(*way).or_default();
            times.iter().for_each(|(span, histogram)| into.entry(*span).or_default().merge(histogram));
        }
        for (way, times) in &other.times_by_priority {
            let into = self.times_by_priority.entry(*way).or_default();
            for (span, by) in times {
                let into = into.entry(*span).or_default();
                by.iter().for_each(|(priority, histogram)| into.entry(priority.clone()).or_default().merge(histogram));
            }
        }
        for (dimension, times) in &other.platform_times {
            let into = self.platform_times.entry(*dimension).or_default();
            times.iter().for_each(|(code, histogram)| into.entry(code.clone()).or_default().merge(histogram));
        }
        self.vocabularies.extend(other.vocabularies.iter().cloned());
        self.cells = self.cells.saturating_add(other.cells);
    }
}

fn plus(count: &mut u64, more: u64) {
    *count = count.saturating_add(more);
}

fn merge(into: &mut Table, table: &Table) {
    table.iter().for_each(|(code, n)| plus(into.entry(code.clone()).or_default(), *n));
}

fn count(table: &mut Table, code: &str, cells: &mut usize) {
    if let Some(n) = table.get_mut(code) {
        return plus(n, 1);
    }
    let code = if *cells < CELLS_MAX { code } else { UNLISTED };
    if !table.contains_key(code) {
        *cells += 1;
    }
    plus(table.entry(code.to_owned()).or_default(), 1);
}
