//! Volume: a burst far above what a source usually sends waits for a person.
//!
//! A key that was stolen, a script gone wrong and a file meant for somewhere else have in common that they send much more than the source ever did. What is usual is
//! told from the last four weeks, robustly: by the median of the days on which it sent anything, by how far days lie from that (MAD), and by the second
//! largest day, so that a source with one large delivery each week is not held each week once two of them were let through.

use crate::model::Timestamp;

/// How many days are remembered, today among them: four weeks.
pub const DAYS: usize = 28;
const DAY_MS: u64 = 86_400_000;

/// Thresholds, with reasoned defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// So many records in a day are never a burst: 500. A published report has some dozens, a large one some hundreds.
    pub floor: u32,
    /// With fewer active days than this nothing is known of a source: 5.
    pub active_days_min: usize,
    /// So many records in a day are let through of a source of which nothing is known: 1,000. Its first large delivery is looked at.
    pub unknown_max: u32,
    /// How many spreads (MAD as a standard deviation) above the median are still usual: 6.
    pub spreads: u32,
    /// How many percent of the second largest day are still usual: 150.
    pub peak_percent: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { floor: 500, active_days_min: 5, unknown_max: 1_000, spreads: 6, peak_percent: 150 }
    }
}

/// What one source sent on each of the last days. What was held and not let through is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct History {
    /// The newest day, in days since 1970.
    day: u64,
    /// Records on each day, today first.
    counts: [u32; DAYS],
    /// Of today's, those that a person let through.
    approved: u32,
}

/// What a number of records is, for their source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Volume {
    /// As it was before.
    Usual,
    /// Far more.
    Burst {
        /// What the source sends on a day on which it sends anything: the median, 0 where nothing is known.
        usual: u32,
        /// The most in a day that is not held.
        threshold: u32,
    },
}

impl History {
    /// Notes records that were released without a question.
    pub fn add(&mut self, now: Timestamp, count: u32) {
        self.turn_to(now);
        self.counts[0] = self.counts[0].saturating_add(count);
    }

    /// Notes records that a person let through: they are usual from now on, and hold nothing else back today.
    pub fn add_approved(&mut self, now: Timestamp, count: u32) {
        self.add(now, count);
        self.approved = self.approved.saturating_add(count);
    }

    /// Moves to the day. A clock that was set back makes the newest day this one: counts are of days before it, whichever they were.
    fn turn_to(&mut self, now: Timestamp) {
        let day = now.0 / DAY_MS;
        let passed = usize::try_from(day.saturating_sub(self.day)).unwrap_or(DAYS).min(DAYS);
        if passed > 0 {
            self.counts.rotate_right(passed % DAYS);
            self.counts[..passed].fill(0);
            self.approved = 0;
        }
        self.day = day;
    }

    /// The active days before today, sorted.
    fn active(&self) -> Vec<u32> {
        let mut active: Vec<u32> = self.counts[1..].iter().copied().filter(|&count| count > 0).collect();
        active.sort_unstable();
        active
    }
}

/// Whether so many records more, now, are what their source usually sends. What it sent today already counts with them, so that many small batches are
/// one burst too.
pub fn usual(history: &History, now: Timestamp, count: u32, settings: &Settings) -> Volume {
    let mut history = history.clone();
    history.turn_to(now);
    let today = (history.counts[0] - history.approved.min(history.counts[0])).saturating_add(count);
    let active = history.active();
    let (usual, threshold) = threshold(&active, settings);
    if today <= threshold { Volume::Usual } else { Volume::Burst { usual, threshold } }
}

/// Median and threshold of sorted counts.
fn threshold(active: &[u32], settings: &Settings) -> (u32, u32) {
    let usual = median(active);
    if active.len() < settings.active_days_min {
        return (usual, settings.unknown_max.max(settings.floor));
    }
    let mut distances: Vec<u32> = active.iter().map(|&count| count.abs_diff(usual)).collect();
    distances.sort_unstable();
    // The MAD of what is normally distributed is 0.6745 of its standard deviation.
    let spread = u64::from(median(&distances)) * 14_826 / 10_000;
    let by_spread = u64::from(usual) + spread * u64::from(settings.spreads);
    let second = active.len().checked_sub(2).and_then(|at| active.get(at)).copied().unwrap_or(0);
    let by_peak = u64::from(second) * u64::from(settings.peak_percent) / 100;
    let threshold = by_spread.max(by_peak).max(u64::from(settings.floor));
    (usual, u32::try_from(threshold).unwrap_or(u32::MAX))
}

/// The middle of sorted numbers, the lower of two; 0 of none.
fn median(sorted: &[u32]) -> u32 {
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: u64 = 20_000;

    fn day(n: u64) -> Timestamp {
        Timestamp((START + n) * DAY_MS + 3_600_000)
    }

    /// So many on each of the days from the first on; the next day's number.
    fn sent(counts: &[u32]) -> (History, Timestamp) {
        let mut history = History::default();
        for (n, &count) in counts.iter().enumerate() {
            history.add(day(n as u64), count);
        }
        (history, day(counts.len() as u64))
    }

    fn judged(history: &History, now: Timestamp, count: u32) -> Volume {
        usual(history, now, count, &Settings::default())
    }

    #[test]
    fn a_small_source_is_never_held_for_a_report() {
        let (history, now) = sent(&[3; 20]);
        assert_eq!(judged(&history, now, 500), Volume::Usual);
        assert_eq!(judged(&history, now, 501), Volume::Burst { usual: 3, threshold: 500 });
    }

    #[test]
    fn a_source_of_which_nothing_is_known_may_begin_and_not_with_everything() {
        let mut history = History::default();
        assert_eq!(judged(&history, day(0), 1_000), Volume::Usual);
        assert_eq!(judged(&history, day(0), 1_001), Volume::Burst { usual: 0, threshold: 1_000 });
        history.add(day(0), 900);
        assert_eq!(judged(&history, day(0), 101), Volume::Burst { usual: 0, threshold: 1_000 }, "many small batches are one burst");
        assert_eq!(judged(&history, day(1), 1_000), Volume::Usual, "the next day is another one");
    }

    #[test]
    fn a_large_source_may_vary_as_it_does() {
        let (history, now) = sent(&[9_000, 11_000, 10_000, 0, 0, 10_500, 9_500, 12_000, 8_000, 10_000]);
        assert_eq!(judged(&history, now, 16_000), Volume::Usual);
        assert!(matches!(judged(&history, now, 100_000), Volume::Burst { usual: 10_000, .. }));
    }

    #[test]
    fn a_large_delivery_is_usual_once_two_were_let_through() {
        let (mut history, _) = sent(&[20; 14]);
        assert!(matches!(judged(&history, day(14), 5_000), Volume::Burst { usual: 20, .. }));
        history.add_approved(day(14), 5_000);
        assert_eq!(judged(&history, day(14), 400), Volume::Usual, "what was let through holds nothing else back today");
        assert!(matches!(judged(&history, day(21), 5_000), Volume::Burst { .. }), "once is not twice");
        history.add_approved(day(21), 5_000);
        assert_eq!(judged(&history, day(28), 5_000), Volume::Usual);
        assert_eq!(
            judged(&history, day(60), 1_001),
            Volume::Burst { usual: 0, threshold: 1_000 },
            "after four weeks nothing is known any more"
        );
    }

    #[test]
    fn idle_days_change_nothing_of_what_is_usual() {
        let (history, _) = sent(&[700, 0, 0, 0, 710, 0, 690, 0, 700, 0, 705]);
        assert_eq!(judged(&history, day(11), 1_000), Volume::Usual);
        assert!(matches!(judged(&history, day(11), 10_000), Volume::Burst { usual: 700, .. }));
    }

    #[test]
    fn a_clock_that_is_set_back_or_far_ahead_loses_no_more_than_the_history() {
        let (mut history, now) = sent(&[100; 10]);
        history.add(Timestamp(0), 5);
        assert_eq!(history.counts[..3], [105, 100, 100], "the newest day is this one");
        history.add(Timestamp(u64::MAX), 7);
        assert_eq!(history.counts[..2], [7, 0]);
        history.add(now, 1);
        assert_eq!(history.counts[0], 8);
    }

    fn any_history() -> impl Strategy<Value = History> {
        let events = proptest::collection::vec((0_u64..60, 0_u32..20_000, any::<bool>()), 0..60);
        events.prop_map(|events| {
            let mut history = History::default();
            for (n, count, approved) in events {
                if approved { history.add_approved(day(n), count) } else { history.add(day(n), count) }
            }
            history
        })
    }

    proptest! {
        #[test]
        fn more_is_never_more_usual(history in any_history(), n in 0_u64..90, count in 0_u32..50_000, more in 0_u32..50_000) {
            if judged(&history, day(n), count) != Volume::Usual {
                prop_assert_ne!(judged(&history, day(n), count + more), Volume::Usual);
            }
        }

        #[test]
        fn what_is_below_the_floor_is_usual_on_a_new_day(history in any_history(), count in 0_u32..=500) {
            prop_assert_eq!(judged(&history, day(100), count), Volume::Usual);
        }

        #[test]
        fn a_threshold_is_reached_and_not_passed(history in any_history(), n in 61_u64..90) {
            if let Volume::Burst { usual, threshold } = judged(&history, day(n), 4_000_000_000) {
                prop_assert!(usual <= threshold.max(usual) && threshold >= 500);
                prop_assert_eq!(judged(&history, day(n), threshold), Volume::Usual);
                let burst = judged(&history, day(n), threshold + 1);
                prop_assert_eq!(burst, Volume::Burst { usual, threshold });
            }
        }

        #[test]
        fn a_steady_source_stays_usual_and_ten_times_as_much_is_not(steady in 1_u32..100_000, days in 6_usize..40) {
            let (history, now) = sent(&vec![steady; days]);
            prop_assert_eq!(judged(&history, now, steady), Volume::Usual);
            let much = steady.saturating_mul(10).max(5_001);
            let is_burst = matches!(judged(&history, now, much), Volume::Burst { usual, .. } if usual == steady);
            prop_assert!(is_burst);
        }

        #[test]
        fn one_day_alone_moves_the_threshold_by_no_more_than_the_others_allow(steady in 1_u32..10_000, huge in 100_000_u32..10_000_000) {
            let mut counts = vec![steady; 20];
            let (before, now) = sent(&counts);
            counts[7] = huge;
            let (after, _) = sent(&counts);
            prop_assert_eq!(judged(&before, now, 4_000_000_000), judged(&after, now, 4_000_000_000));
        }

        #[test]
        fn no_clock_is_too_odd(events in proptest::collection::vec((any::<u64>(), any::<u32>(), any::<bool>()), 0..40)) {
            let mut history = History::default();
            for (now, count, approved) in events {
                usual(&history, Timestamp(now), count, &Settings::default());
                if approved { history.add_approved(Timestamp(now), count) } else { history.add(Timestamp(now), count) }
            }
        }

        #[test]
        fn a_history_is_read_back(history in any_history()) {
            let text = serde_json::to_string(&history).expect("JSON");
            prop_assert_eq!(serde_json::from_str::<History>(&text).expect("its own"), history);
        }
    }
}
