//! What may be told to others: no number that is about fewer than k cases, and none from which such a number could be reckoned.
//!
//! What is hidden is told together, without its names, and together it is at least k. So everything that is told is 0 or at least k, and so is every
//! sum of it that is a sum of cases.

use super::count::{BY_PLATFORM, Counters, Dimension, PAIRS};
use super::event::{Event, Measure, Span, Way};
use super::share::{Share, parts, percent};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The least number of cases that is told to others.
pub const K: u64 = 5;

/// A table by one dimension.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// By code, those that are told.
    pub told: BTreeMap<String, u64>,
    /// All the others together; `None` where there are none, or they may not be told either.
    pub together: Option<u64>,
    /// Which are hidden. Stays here: that there is one tells already.
    #[serde(skip)]
    pub hidden: BTreeSet<String>,
}

/// A table by two dimensions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pairs {
    /// By the code of the first and of the second; `TOGETHER` stands for all that are hidden.
    pub told: BTreeMap<String, BTreeMap<String, u64>>,
}

/// The name of what is told together.
const TOGETHER: &str = "together";

/// To the nearest multiple of five, as counts are published.
pub const fn rounded(count: u64) -> u64 {
    count.saturating_add(2) / 5 * 5
}

/// Whether `hidden`, whose sum everybody can reckon, may be: they are several, and any of them could be anything from 1 to k at least.
fn is_safe(hidden: &[u64], k: u64) -> bool {
    let (many, sum) = (hidden.len() as u64, hidden.iter().fold(0_u64, |sum, n| sum.saturating_add(*n)));
    many >= 2 && sum.saturating_sub(many) >= k.saturating_sub(1)
}

/// A table by one dimension, as it may be told: whatever is below `k` is hidden, and as many others, the smallest first, as it takes so that nobody can
/// reckon what.
pub fn row(cells: &BTreeMap<String, u64>, k: u64) -> Row {
    let mut rising: Vec<(&String, u64)> = cells.iter().map(|(code, n)| (code, *n)).filter(|(_, n)| *n > 0).collect();
    rising.sort_by_key(|(code, n)| (*n, code.as_str()));
    let mut many = rising.iter().filter(|(_, n)| *n < k).count();
    let counts: Vec<u64> = rising.iter().map(|(_, n)| *n).collect();
    while many > 0 && many < counts.len() && !is_safe(&counts[..many], k) {
        many += 1;
    }
    let (hidden, told) = rising.split_at(many);
    let sum = counts[..many].iter().fold(0_u64, |sum, n| sum.saturating_add(*n));
    Row {
        told: told.iter().map(|(code, n)| ((*code).clone(), *n)).collect(),
        together: (many > 0 && is_safe(&counts[..many], k)).then_some(sum),
        hidden: hidden.iter().map(|(code, _)| (*code).clone()).collect(),
    }
}

/// A table by two dimensions, as it may be told beside the tables by each of them: what those hide is put together first, then whole rows, the smallest
/// first, until each number is 0 or at least `k`. Nothing where that leaves nothing.
pub fn pairs(table: &BTreeMap<String, BTreeMap<String, u64>>, rows: &Row, columns: &Row, k: u64) -> Pairs {
    let mut told: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for (code, cells) in table {
        let into = told.entry(code.clone()).or_default();
        for (column, n) in cells.iter().filter(|(_, n)| **n > 0) {
            let column = if columns.hidden.contains(column) { TOGETHER } else { column };
            *into.entry(column.to_owned()).or_default() += n;
        }
    }
    let is_small = |cells: &BTreeMap<String, u64>| cells.values().any(|n| *n < k);
    let mut hidden: BTreeSet<String> =
        told.iter().filter(|(code, cells)| rows.hidden.contains(*code) || is_small(cells)).map(|(code, _)| code.clone()).collect();
    if hidden.is_empty() {
        return Pairs { told };
    }
    loop {
        let mut together = BTreeMap::<String, u64>::new();
        for cells in hidden.iter().filter_map(|code| told.get(code)) {
            cells.iter().for_each(|(column, n)| *together.entry(column.clone()).or_default() += n);
        }
        if hidden.len() >= 2 && !is_small(&together) {
            told.retain(|code, _| !hidden.contains(code));
            told.insert(TOGETHER.into(), together);
            return Pairs { told };
        }
        let left = told.iter().filter(|(code, _)| !hidden.contains(*code));
        let Some((next, _)) = left.min_by_key(|(code, cells)| (cells.values().sum::<u64>(), code.as_str())) else {
            return Pairs::default();
        };
        hidden.insert(next.clone());
    }
}

/// How platforms answer, of one platform or in one region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// How often it was asked.
    pub asked: u64,
    /// How many in a hundred of these were answered; told to others to the nearest ten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_percent: Option<u64>,
    /// Half of the answers came within so many milliseconds, and nine in ten: upper bounds of buckets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<[Option<u64>; 2]>,
}

/// How platforms answered, exactly: for the desk alone.
pub fn answers(counters: &Counters, by: Dimension) -> BTreeMap<String, Answers> {
    let empty = BTreeMap::new();
    let of = |event| counters.tables.get(&Measure { way: Way::Out, event }).and_then(|tables| tables.get(&by)).unwrap_or(&empty);
    let (asked, answered) = (of(Event::PlatformAsked), of(Event::PlatformAnswered));
    let one = |(code, asked): (&String, &u64)| {
        let times = counters.platform_times.get(&by).and_then(|times| times.get(code));
        let percent = percent(answered.get(code).copied().unwrap_or_default(), *asked);
        let within_ms = times.map(|times| [times.within_ms(50), times.within_ms(90)]);
        (code.clone(), Answers { asked: *asked, answered_percent: Some(percent), within_ms })
    };
    asked.iter().map(one).collect()
}

/// The same as it may be told to others: of whatever was asked too seldom nothing; a share where neither the answered nor the unanswered are few; times where the
/// answered are not. What is hidden of the table of what was asked is hidden here.
fn told_answers(counters: &Counters, by: Dimension, k: u64) -> BTreeMap<String, Answers> {
    let of = |event| counters.tables.get(&Measure { way: Way::Out, event }).and_then(|tables| tables.get(&by));
    let Some(asked) = of(Event::PlatformAsked) else { return BTreeMap::new() };
    let answered = of(Event::PlatformAnswered);
    let one = |(code, asked): (String, u64)| {
        let many = answered.and_then(|answered| answered.get(&code)).copied().unwrap_or_default();
        let percent = told_percent(many, asked, k);
        let times = counters.platform_times.get(&by).and_then(|times| times.get(&code)).filter(|times| times.count() >= k);
        let within_ms = times.filter(|_| percent.is_some()).map(|times| [times.within_ms(50), times.within_ms(90)]);
        (code, Answers { asked: rounded(asked), answered_percent: percent, within_ms })
    };
    row(asked, k).told.into_iter().map(one).collect()
}

/// A period's numbers as they may be told to others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Published {
    /// Each event; those below k are not told.
    pub totals: BTreeMap<Measure, u64>,
    /// By one dimension.
    pub tables: BTreeMap<Measure, BTreeMap<Dimension, Row>>,
    /// By two: `region × incident_type`.
    pub pairs: BTreeMap<Measure, BTreeMap<String, Pairs>>,
    /// Half of them within so many milliseconds, and nine in ten; where there are at least k.
    pub times: BTreeMap<Way, BTreeMap<Span, [Option<u64>; 2]>>,
    /// How platforms answer, by platform and by region.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub platforms: BTreeMap<Dimension, BTreeMap<String, Answers>>,
    /// What is told as a share, by its name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub shares: BTreeMap<String, Share>,
}

/// A share as it may be told to others, in hundredths to the nearest ten; nothing where it or what it lacks of the whole are 1 to k-1.
fn told_percent(many: u64, of: u64, k: u64) -> Option<u64> {
    let is_few = |n: u64| n > 0 && n < k;
    let tells = is_few(many) || is_few(of.saturating_sub(many)) || of < k;
    (!tells).then(|| percent(many, of).saturating_add(5) / 10 * 10)
}

/// What of a period's counters may be told to others: hidden below `k`, then rounded.
pub fn published(counters: &Counters, k: u64) -> Published {
    let is_total = |measure: &Measure| !measure.event.is_a_part();
    let totals =
        counters.totals.iter().filter(|(measure, n)| **n >= k && is_total(measure)).map(|(measure, n)| (*measure, rounded(*n))).collect();
    let mut all = Published { totals, ..Published::default() };
    for (measure, tables) in &counters.tables {
        // Tables of every event beside each other would tell of those in between; these are what reports are made of.
        // One case may be offered many times: by its codes a case is told that was solved, which is counted once.
        let is_told = matches!(measure.event, Event::Case | Event::Declined);
        if !is_told || counters.totals.get(measure).is_none_or(|n| *n < k) {
            continue;
        }
        let rows: BTreeMap<Dimension, Row> = tables
            .iter()
            .filter(|(dimension, _)| measure.event != Event::Declined || **dimension == Dimension::Reason)
            .map(|(dimension, table)| (*dimension, row(table, k)))
            .collect();
        let empty = Row::default();
        for (place, table) in counters.pairs.get(measure).into_iter().flatten() {
            let Some((one, other)) = PAIRS.get(usize::from(*place)) else { continue };
            let mut told = pairs(table, rows.get(one).unwrap_or(&empty), rows.get(other).unwrap_or(&empty), k);
            told.told.values_mut().flat_map(BTreeMap::values_mut).for_each(|n| *n = rounded(*n));
            if !told.told.is_empty() {
                let name = format!("{} × {}", one.name(), other.name());
                all.pairs.entry(*measure).or_default().insert(name, told);
            }
        }
        let round = |(dimension, mut row): (Dimension, Row)| {
            row.told.values_mut().chain(row.together.as_mut()).for_each(|n| *n = rounded(*n));
            (dimension, row)
        };
        all.tables
            .insert(*measure, rows.into_iter().map(round).filter(|(_, row)| !row.told.is_empty() || row.together.is_some()).collect());
    }
    let share = |(name, many, of): (String, u64, u64)| Some((name, Share { of: rounded(of), percent: told_percent(many, of, k)? }));
    all.shares = parts(counters).into_iter().filter_map(share).collect();
    for by in BY_PLATFORM {
        let told = told_answers(counters, by, k);
        if !told.is_empty() {
            all.platforms.insert(by, told);
        }
    }
    for (way, times) in &counters.times {
        let told = times.iter().filter(|(span, histogram)| **span != Span::PlatformAnswer && histogram.count() >= k);
        let both = told.map(|(span, histogram)| (*span, [histogram.within_ms(50), histogram.within_ms(90)])).collect();
        all.times.insert(*way, both);
    }
    all
}
