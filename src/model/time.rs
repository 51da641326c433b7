//! A point in time. Time is a value here; only `clock.rs` reads the clock.

use jiff::fmt::temporal::{DateTimeParser, DateTimePrinter};

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub u64);

/// A day in milliseconds.
const DAY_MS: u64 = 86_400_000;

/// The text was not a timestamp.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time like 2026-11-22T09:30:00Z or 2026-11-22")]
pub struct BadTimestamp(String);

impl Timestamp {
    /// `self` and `milliseconds` later.
    pub const fn plus(self, milliseconds: u64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }

    /// The beginning of its day (UTC).
    pub const fn day(self) -> Self {
        Self(self.0 / DAY_MS * DAY_MS)
    }

    /// Milliseconds from `earlier` to `self`; 0 when `earlier` is later.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// RFC 3339 in UTC with exactly three fraction digits, as STIX 2.1 §3.2 asks for.
impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let milliseconds = i64::try_from(self.0).unwrap_or(i64::MAX);
        let at = jiff::Timestamp::from_millisecond(milliseconds).unwrap_or(jiff::Timestamp::MAX);
        static PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));
        f.write_str(&PRINTER.timestamp_to_string(&at))
    }
}

/// RFC 3339 with any offset and 0 to 9 fraction digits (finer than a millisecond is cut), or a bare date, which is its midnight in UTC.
impl std::str::FromStr for Timestamp {
    type Err = BadTimestamp;
    fn from_str(text: &str) -> Result<Self, BadTimestamp> {
        static PARSER: DateTimeParser = DateTimeParser::new();
        let bad = || BadTimestamp(text.chars().take(40).collect());
        let at = PARSER
            .parse_timestamp(text)
            .or_else(|_| PARSER.parse_date(text).and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC)).map(|zoned| zoned.timestamp()));
        u64::try_from(at.map_err(|_| bad())?.as_millisecond()).map(Self).map_err(|_| bad())
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_any_number_of_fraction_digits_are_read() {
        for (text, expected) in [
            ("2021-07-18T10:00:00Z", "2021-07-18T10:00:00.000Z"),
            ("2021-07-18T10:00:00.123456Z", "2021-07-18T10:00:00.123Z"),
            ("2021-07-18T12:00:00.5+02:00", "2021-07-18T10:00:00.500Z"),
            ("2021-07-18", "2021-07-18T00:00:00.000Z"),
        ] {
            assert_eq!(text.parse::<Timestamp>().map(|time| time.to_string()).as_deref(), Ok(expected));
        }
        assert!("yesterday".parse::<Timestamp>().is_err());
    }
}
