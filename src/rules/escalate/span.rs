//! How long one may wait, as people say it: minutes, hours, days or weeks of the desk that is to act. Seconds are for trials.

use crate::model::hours::Hours;

/// The longest span (53 weeks of wall time, in milliseconds).
const LONGEST_MS: u64 = 53 * WEEK_MS;
const SECOND_MS: u64 = 1_000;
const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;
const WEEK_MS: u64 = 7 * DAY_MS;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Unit {
    Seconds,
    Minutes,
    Hours,
    Days,
    Weeks,
}

/// A span: `90m`, `4h`, `1d`, `2w`. At least a second, at most 53 weeks. Less than a minute is for trials: the engine does not see that
/// the wall clock was stepped by less than two seconds.
///
/// By the wall these are what they are everywhere. By a desk's hours seconds, minutes and hours are of open time, a day is as much open time as an open day of
/// that desk has on average, and a week as much as its week: a desk that is open for 40 hours on five days has a day of 8 hours. Were a day 24 hours of
/// open time, "within a day" would be three days later at such a desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    count: u64,
    unit: Unit,
}

/// The text was no span.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no span of time\nhint: such as 90m, 4h, 1d or 2w; a second to 53 weeks")]
pub struct BadSpan(String);

impl Span {
    /// So many minutes.
    pub(super) const fn minutes(count: u64) -> Self {
        Self { count, unit: Unit::Minutes }
    }

    /// So many hours.
    pub(super) const fn hours(count: u64) -> Self {
        Self { count, unit: Unit::Hours }
    }

    /// So many days.
    pub(super) const fn days(count: u64) -> Self {
        Self { count, unit: Unit::Days }
    }

    /// So many weeks.
    pub(super) const fn weeks(count: u64) -> Self {
        Self { count, unit: Unit::Weeks }
    }

    /// Milliseconds by the wall.
    pub const fn wall_ms(self) -> u64 {
        let unit = match self.unit {
            Unit::Seconds => SECOND_MS,
            Unit::Minutes => MINUTE_MS,
            Unit::Hours => HOUR_MS,
            Unit::Days => DAY_MS,
            Unit::Weeks => WEEK_MS,
        };
        self.count.saturating_mul(unit)
    }

    /// Milliseconds of a desk's open time; by the wall where it declared no hours.
    pub fn counted_ms(self, hours: Option<&Hours>) -> u64 {
        let Some((week_ms, days)) = hours.map(Hours::open_weekly) else { return self.wall_ms() };
        match self.unit {
            Unit::Seconds | Unit::Minutes | Unit::Hours => self.wall_ms(),
            Unit::Days => self.count.saturating_mul(week_ms) / days.max(1),
            Unit::Weeks => self.count.saturating_mul(week_ms),
        }
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unit = match self.unit {
            Unit::Seconds => 's',
            Unit::Minutes => 'm',
            Unit::Hours => 'h',
            Unit::Days => 'd',
            Unit::Weeks => 'w',
        };
        write!(f, "{}{unit}", self.count)
    }
}

impl std::str::FromStr for Span {
    type Err = BadSpan;
    fn from_str(text: &str) -> Result<Self, BadSpan> {
        let bad = || BadSpan(text.chars().take(40).collect());
        let unit = match text.chars().last() {
            Some('s') => Unit::Seconds,
            Some('m') => Unit::Minutes,
            Some('h') => Unit::Hours,
            Some('d') => Unit::Days,
            Some('w') => Unit::Weeks,
            _ => return Err(bad()),
        };
        let digits = &text[..text.len() - 1];
        let count = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten().ok_or_else(bad)?;
        let span = Self { count, unit };
        if (SECOND_MS..=LONGEST_MS).contains(&span.wall_ms()) { Ok(span) } else { Err(bad()) }
    }
}

impl serde::Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_day_of_the_desk_and_a_week_its_week() {
        let desk = Hours::new("Asia/Beirut", &["mon-fri 09:00-17:00".to_owned()], &[]).unwrap();
        let counted = |text: &str| text.parse::<Span>().unwrap().counted_ms(Some(&desk)) / HOUR_MS;
        assert_eq!(counted("7200s"), 2);
        assert_eq!((counted("4h"), counted("120m"), counted("1d"), counted("3d"), counted("2w")), (4, 2, 8, 24, 80));
        let always = Hours::new("UTC", &["24/7".to_owned()], &[]).unwrap();
        for text in ["4h", "3d", "2w"] {
            let span: Span = text.parse().unwrap();
            assert_eq!((span.counted_ms(Some(&always)), span.counted_ms(None)), (span.wall_ms(), span.wall_ms()));
        }
    }

    #[test]
    fn what_is_no_span_is_told() {
        for text in [
            "",
            "h",
            "4",
            "-4h",
            "+4h",
            "4 h",
            "0m",
            "0s",
            "500ms",
            "54w",
            "4é",
            "99999999999999999999m",
            "18446744073709551615s",
            "18446744073709551615w",
        ] {
            assert_eq!(text.parse::<Span>(), Err(BadSpan(text.to_owned())));
        }
        for text in ["1s", "90s", "1m", "90m", "4h", "1d", "53w"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
    }
}
