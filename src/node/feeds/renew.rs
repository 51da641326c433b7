//! What a source still says is said anew here before `records.retention_days` destroy it, also where the source only words that nothing has changed: now and
//! then all of a feed is read again. What is gone at its source does not come then, and ends.

use super::row::{Cursor, StateRow, Terms};
use crate::model::Timestamp;
use crate::node::Node;

/// When something is said anew. All is read again each quarter of the retention, and what has less than half of it left is said anew then: at the latest after
/// three quarters. The last one is left for a source that is away, and for a reading of many runs.
pub(super) struct Renewal {
    retention_ms: u64,
    every_ms: u64,
}

impl Renewal {
    /// What is read and has fewer milliseconds left is said anew: half of its retention, or two readings where these are further apart.
    pub(super) fn least_ms(&self) -> u64 {
        (self.retention_ms / 2).max(self.every_ms.saturating_mul(2))
    }

    /// Whether all is to be read again, so long after that was begun last: with the next reading it would be late.
    fn is_due(&self, since_ms: u64) -> bool {
        since_ms.saturating_add(self.every_ms) >= self.retention_ms / 4
    }
}

impl Node {
    pub(super) fn renewal(&self, terms: &Terms) -> Renewal {
        Renewal {
            retention_ms: self.config.records.retention_days.saturating_mul(86_400_000),
            every_ms: terms.every_s.saturating_mul(1_000),
        }
    }
}

impl StateRow {
    /// Where it is time for that, all of the feed counts as not read yet. A run that breaks off, or has not enough fetches, leaves the rest to the next
    /// ([`turn`]).
    pub(super) fn begin_again_if_due(&mut self, renewal: &Renewal, now: Timestamp) {
        if !renewal.is_due(now.since(self.all)) {
            return;
        }
        self.all = now;
        self.validators = Default::default();
        self.parts.values_mut().for_each(mark);
        // What is new in a collection does not wait for what is old.
        if self.cursor != Cursor::default() {
            self.again.get_or_insert_default();
        }
    }
}

/// Stands before the version of a part, once for each time that it was to be read again and has not been.
const WAITS: char = '~';
/// So many times are told apart.
const WAITS_MAX: usize = 8;

fn mark(version: &mut String) {
    if waits(version) < WAITS_MAX {
        version.insert(0, WAITS);
    }
}

fn waits(version: &str) -> usize {
    version.chars().take_while(|c| *c == WAITS).count()
}

/// When a part that is not read as it is now has its turn, the smallest first: what is new or has changed, then what has waited for the longest to be read again.
pub(super) fn turn(known: Option<&String>, now: &str) -> usize {
    match known.map(String::as_str) {
        Some(known) if known.trim_start_matches(WAITS) == now => WAITS_MAX + 1 - waits(known),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_comes_first_and_what_waits_longest_next_and_nothing_waits_for_ever() {
        let all: Vec<String> = (0..17).map(|n| format!("part {n:02}")).collect();
        let mut known: std::collections::BTreeMap<String, String> = all.iter().map(|name| (name.clone(), "1".to_owned())).collect();
        let (mut read, mut last) = (0, std::collections::BTreeMap::new());
        for run in 0..60 {
            // It is time at each run, and a run reads five: one of 17 is read in each of four runs or less.
            known.values_mut().for_each(mark);
            let version = |name: &str| if run % 7 == 3 && name == "part 16" { format!("news of {run}") } else { "1".to_owned() };
            let mut waiting: Vec<&String> = all.iter().filter(|name| known[*name] != version(name)).collect();
            waiting.sort_by_key(|name| turn(known.get(*name), &version(name)));
            if run % 7 == 3 {
                assert_eq!(waiting[0], "part 16", "what is new");
            }
            let now: Vec<String> = waiting.into_iter().take(5).cloned().collect();
            for name in now {
                let before = last.insert(name.clone(), run).unwrap_or(-1);
                assert!(run - before <= 5, "{name} waited from {before} to {run}");
                let version = version(&name);
                known.insert(name, version);
                read += 1;
            }
        }
        assert_eq!((read, last.len()), (300, 17));
        let mut long = "1".to_owned();
        (0..100).for_each(|_| mark(&mut long));
        assert_eq!(long, "~~~~~~~~1");
    }

    #[test]
    fn whatever_the_schedule_what_is_still_said_does_not_end_between_two_readings() {
        const RETENTION: u64 = 20 * 86_400_000;
        let mut seed = 7_u64;
        for percent in 1..=90 {
            let every_ms = RETENTION / 100 * percent;
            let renewal = Renewal { retention_ms: RETENTION, every_ms };
            let (mut now, mut all, mut until, mut readings) = (0, 0, RETENTION, 0_u64);
            while now < 20 * RETENTION {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // Give or take a tenth.
                now += every_ms / 10 * 9 + (seed >> 33) % (every_ms / 5);
                assert!(now < until, "every {percent} of a hundred, {readings} readings of all");
                if renewal.is_due(now - all) {
                    (all, readings) = (now, readings + 1);
                    until = if until - now < renewal.least_ms() { now + RETENTION } else { until };
                }
            }
            // At most twice as often as it has to be.
            assert!(readings <= 20 * 4 * 2, "every {percent} of a hundred, {readings} readings of all");
        }
    }
}
