//! Times in buckets: enough to tell a median and a ninetieth percentile, too little to tell one case from another.

use serde::{Deserialize, Serialize};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The buckets' upper bounds in milliseconds; what takes longer than the last falls into one more bucket.
pub const BOUNDS_MS: [u64; 20] = [
    MINUTE,
    5 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    90 * MINUTE,
    2 * HOUR,
    4 * HOUR,
    8 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    3 * DAY,
    5 * DAY,
    7 * DAY,
    14 * DAY,
    30 * DAY,
    60 * DAY,
    90 * DAY,
    180 * DAY,
];

/// How many times fell into each bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<u64>", into = "Vec<u64>")]
pub struct Histogram([u64; BOUNDS_MS.len() + 1]);

impl Histogram {
    /// One more time, in milliseconds.
    pub fn add(&mut self, took_ms: u64) {
        let place = BOUNDS_MS.iter().position(|bound| took_ms <= *bound).unwrap_or(BOUNDS_MS.len());
        self.0[place] = self.0[place].saturating_add(1);
    }

    /// Those of another one too.
    pub fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(count, more)| *count = count.saturating_add(*more));
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.iter().fold(0, |all, count| all.saturating_add(*count))
    }

    /// The bound, in milliseconds, within which this share of them, in hundredths, stayed; `None` where there are none, or it is longer than the last
    /// bound.
    pub fn within_ms(&self, hundredths: u64) -> Option<u64> {
        let count = u128::from(self.count());
        let wanted = (count * u128::from(hundredths)).div_ceil(100).max(1);
        let mut reached = 0;
        let mut all = self.0.iter().zip(BOUNDS_MS);
        all.find(|(count, _)| {
            reached += u128::from(**count);
            reached >= wanted
        })
        .filter(|_| count > 0)
        .map(|(_, bound)| bound)
    }
}

impl From<Vec<u64>> for Histogram {
    fn from(counts: Vec<u64>) -> Self {
        let mut all = Self::default();
        all.0.iter_mut().zip(counts).for_each(|(count, there)| *count = there);
        all
    }
}

impl From<Histogram> for Vec<u64> {
    fn from(histogram: Histogram) -> Self {
        histogram.0.to_vec()
    }
}
