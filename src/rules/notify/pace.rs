//! When a notice is tried again, when it is given up, how many leave one by one, and when a digest is due.

use crate::model::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan};

/// Milliseconds of a minute and of an hour.
const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

/// When what failed is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// The first wait, in milliseconds.
    pub first_ms: u64,
    /// The longest wait, in milliseconds.
    pub max_ms: u64,
    /// What has failed for so long, in milliseconds, is given up.
    pub give_up_ms: u64,
}

impl Retry {
    /// How long to wait behind the `failed`th failure, from 1: twice as long each time, up to the bound, and by the dice up to a half shorter, so that
    /// what failed together is not tried together. In milliseconds.
    pub fn wait_ms(&self, failed: u32, dice: u8) -> u64 {
        let doubled = 1u64.checked_shl(failed.saturating_sub(1)).map_or(u64::MAX, |factor| self.first_ms.saturating_mul(factor));
        let wait = doubled.min(self.max_ms);
        wait - wait / 2 * u64::from(dice) / 255
    }

    /// Whether a notice that was queued then is given up now that it has failed once more. A node that was down for days tries once before that.
    pub const fn is_given_up(&self, queued: Timestamp, now: Timestamp) -> bool {
        now.since(queued) >= self.give_up_ms
    }
}

/// How many messages leave one by one: so many at once, and so many in an hour over time. What is more leaves as a digest, so that nobody can bury a desk
/// under notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// What is left, in milliseconds of filling.
    left_ms: u64,
    /// When it was last looked at, in milliseconds of a clock that never goes back.
    seen_ms: u64,
    /// What one message takes.
    each_ms: u64,
    /// What fits in.
    full_ms: u64,
}

impl Bucket {
    /// A full one, for `burst` messages at once and `per_hour` over time; of either at least one.
    pub fn full(burst: u64, per_hour: u64, now_ms: u64) -> Self {
        let each_ms = HOUR_MS / per_hour.clamp(1, HOUR_MS);
        let full_ms = each_ms.saturating_mul(burst.max(1));
        Self { left_ms: full_ms, seen_ms: now_ms, each_ms, full_ms }
    }

    /// How many may leave now.
    pub fn left(&mut self, now_ms: u64) -> u64 {
        let since = now_ms.saturating_sub(self.seen_ms);
        self.left_ms = self.left_ms.saturating_add(since).min(self.full_ms);
        self.seen_ms = now_ms;
        self.left_ms / self.each_ms
    }

    /// One leaves, if [`Self::left`] says so.
    pub fn take(&mut self) {
        self.left_ms = self.left_ms.saturating_sub(self.each_ms);
    }

    /// How long until one more may leave, in milliseconds.
    pub fn wait_ms(&self) -> u64 {
        self.each_ms.saturating_sub(self.left_ms)
    }
}

/// The settings say no times for digests.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time zone")]
pub struct BadDigestTimes(String);

/// When digests leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DigestTimes {
    /// Each day at an hour of a place.
    Daily {
        /// The hour, 0 to 23.
        hour: i8,
        /// Where.
        zone: TimeZone,
    },
    /// So many milliseconds behind the first notice in it.
    Every(u64),
}

impl DigestTimes {
    /// Every so many hours, or, where that is 0, each day at that hour of that zone, such as `Africa/Nairobi`.
    ///
    /// # Errors
    /// When there is no such zone.
    pub fn new(every_hours: u64, hour: u64, zone: &str) -> Result<Self, BadDigestTimes> {
        let zone = TimeZone::get(zone).map_err(|_| BadDigestTimes(zone.chars().take(60).collect()))?;
        Ok(match every_hours {
            0 => Self::Daily { hour: i8::try_from(hour.min(23)).unwrap_or(23), zone },
            hours => Self::Every(hours.saturating_mul(HOUR_MS)),
        })
    }

    /// When a digest leaves whose first notice was queued then; later than that. An hour that a day's change of clocks leaves out comes as much later as the
    /// clocks go forward, and one that comes twice is the first of the two.
    pub fn due(&self, first: Timestamp) -> Timestamp {
        match self {
            Self::Every(milliseconds) => first.plus(*milliseconds),
            // Where no time can be told, a day is near enough.
            Self::Daily { hour, zone } => daily(first, *hour, zone).unwrap_or(first.plus(24 * HOUR_MS)),
        }
    }
}

fn daily(first: Timestamp, hour: i8, zone: &TimeZone) -> Option<Timestamp> {
    let moment = jiff::Timestamp::from_millisecond(i64::try_from(first.0).ok()?).ok()?;
    let today = moment.to_zoned(zone.clone()).date();
    let time = Time::new(hour, 0, 0, 0).ok()?;
    (0..3).find_map(|days| {
        let at = today.checked_add(days.days()).ok()?.to_datetime(time).to_zoned(zone.clone()).ok()?.timestamp();
        (at.duration_since(moment) > SignedDuration::ZERO).then(|| u64::try_from(at.as_millisecond()).ok().map(Timestamp)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETRY: Retry = Retry { first_ms: 10_000, max_ms: 3_600_000, give_up_ms: 259_200_000 };

    #[test]
    fn waits_double_up_to_an_hour_and_are_at_most_halved_by_the_dice() {
        let waits: Vec<u64> = (1..=11).map(|failed| RETRY.wait_ms(failed, 0) / 1_000).collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600]);
        assert_eq!(RETRY.wait_ms(u32::MAX, 0), 3_600_000);
        for failed in 0..100 {
            for dice in 0..=255 {
                let (longest, wait) = (RETRY.wait_ms(failed, 0), RETRY.wait_ms(failed, dice));
                assert!(wait <= longest && wait >= longest / 2, "{failed} {dice}");
            }
        }
        assert_eq!(RETRY.wait_ms(1, 255), 5_000);
    }

    #[test]
    fn three_days_are_enough() {
        let queued = Timestamp(1_000);
        assert!(!RETRY.is_given_up(queued, queued.plus(259_199_999)));
        assert!(RETRY.is_given_up(queued, queued.plus(259_200_000)));
        assert!(!RETRY.is_given_up(queued, Timestamp(0)));
    }

    #[test]
    fn a_bucket_lets_a_burst_out_and_then_one_a_minute() {
        let mut bucket = Bucket::full(3, 60, 1_000);
        for left in [3, 2, 1] {
            assert_eq!(bucket.left(1_000), left);
            bucket.take();
        }
        assert_eq!((bucket.left(1_000), bucket.wait_ms()), (0, 60_000));
        assert_eq!((bucket.left(60_999), bucket.wait_ms()), (0, 1));
        assert_eq!(bucket.left(61_000), 1);
        assert_eq!(bucket.left(u64::MAX), 3);
        assert_eq!(bucket.left(0), 3);
        assert_eq!(Bucket::full(0, 0, 0).left(0), 1);
    }

    fn due(times: &DigestTimes, first: &str) -> String {
        times.due(first.parse().expect("a time")).to_string()
    }

    #[test]
    fn a_digest_leaves_at_its_hour_there_whatever_the_clocks_do() {
        let berlin = DigestTimes::new(0, 8, "Europe/Berlin").expect("a zone");
        assert_eq!(due(&berlin, "2026-11-22T06:59:59Z"), "2026-11-22T07:00:00.000Z");
        assert_eq!(due(&berlin, "2026-11-22T07:00:00Z"), "2026-11-23T07:00:00.000Z");
        assert_eq!(due(&berlin, "2026-07-01T12:00:00Z"), "2026-07-02T06:00:00.000Z");
        // The clocks go forward at 2 on 29 March 2026, and back at 3 on 25 October.
        let at_two = DigestTimes::new(0, 2, "Europe/Berlin").expect("a zone");
        assert_eq!(due(&at_two, "2026-03-28T12:00:00Z"), "2026-03-29T01:00:00.000Z");
        assert_eq!(due(&at_two, "2026-10-24T12:00:00Z"), "2026-10-25T00:00:00.000Z");
        assert_eq!(due(&at_two, "2026-10-25T00:00:00Z"), "2026-10-26T01:00:00.000Z");
        let every = DigestTimes::new(6, 8, "UTC").expect("a zone");
        assert_eq!(due(&every, "2026-11-22T06:30:00Z"), "2026-11-22T12:30:00.000Z");
    }

    #[test]
    fn a_year_of_digests_has_one_a_day() {
        for zone in ["Asia/Tehran", "America/Sao_Paulo", "Africa/Cairo", "Pacific/Apia", "UTC"] {
            let times = DigestTimes::new(0, 0, zone).expect("a zone");
            let (mut at, mut count) = ("2026-01-01T00:00:00Z".parse::<Timestamp>().expect("a time"), 0);
            let end = at.plus(365 * 24 * HOUR_MS);
            loop {
                let next = times.due(at);
                assert!(next > at && next.since(at) <= 25 * HOUR_MS, "{zone}: {at} {next}");
                if next > end {
                    break;
                }
                (at, count) = (next, count + 1);
            }
            assert_eq!(count, 365, "{zone}");
        }
    }

    #[test]
    fn a_zone_that_is_none_is_told() {
        assert_eq!(DigestTimes::new(0, 8, "Mars/Base").expect_err("no zone").to_string(), "`Mars/Base` is no time zone");
    }
}
