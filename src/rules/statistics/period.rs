//! The periods that are counted, and those that are told.

use crate::model::Timestamp;
use jiff::civil::{Date, ISOWeekDate, Weekday};
use serde::{Deserialize, Serialize};

/// A period of the calendar in UTC. Months and weeks are counted; quarters and years are sums of their months.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Period {
    /// `2026`.
    Year(i16),
    /// `2026-Q4`: 1 to 4.
    Quarter(i16, i8),
    /// `2026-11`: 1 to 12.
    Month(i16, i8),
    /// `2026-W48`, as ISO 8601 numbers weeks: 1 to 53.
    Week(i16, i8),
}

/// The text was no period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no period\nhint: a month `2026-11`, a week `2026-W48`, a quarter `2026-Q4` or a year `2026`")]
pub struct BadPeriod(String);

impl Period {
    /// The month and the week in which a moment lies.
    pub fn of(at: Timestamp) -> [Self; 2] {
        let milliseconds = i64::try_from(at.0).unwrap_or(i64::MAX);
        let date = jiff::Timestamp::from_millisecond(milliseconds).unwrap_or(jiff::Timestamp::MAX).to_zoned(jiff::tz::TimeZone::UTC).date();
        let week = date.iso_week_date();
        [Self::Month(date.year(), date.month()), Self::Week(week.year(), week.week())]
    }

    /// Its id where it is kept: its text, padded with zeros.
    pub fn id(self) -> [u8; 16] {
        let (mut id, text) = ([0; 16], self.to_string());
        id.iter_mut().zip(text.bytes()).for_each(|(place, byte)| *place = byte);
        id
    }

    /// The counted periods that it is the sum of.
    pub fn parts(self) -> Vec<Self> {
        match self {
            Self::Year(year) => (1..=12).map(|month| Self::Month(year, month)).collect(),
            Self::Quarter(year, quarter) => (0..3).map(|month| Self::Month(year, (quarter - 1) * 3 + 1 + month)).collect(),
            Self::Month(..) | Self::Week(..) => vec![self],
        }
    }

    /// Whether it may be published. One kind alone may: from a month and its weeks, or a year and its months, one could tell what was hidden in one
    /// of them.
    pub const fn is_published(self) -> bool {
        matches!(self, Self::Month(..))
    }
}

impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Year(year) => write!(f, "{year:04}"),
            Self::Quarter(year, quarter) => write!(f, "{year:04}-Q{quarter}"),
            Self::Month(year, month) => write!(f, "{year:04}-{month:02}"),
            Self::Week(year, week) => write!(f, "{year:04}-W{week:02}"),
        }
    }
}

impl std::str::FromStr for Period {
    type Err = BadPeriod;

    fn from_str(text: &str) -> Result<Self, BadPeriod> {
        read(text)
            .filter(|period| period.to_string() == text)
            .ok_or_else(|| BadPeriod(text.chars().filter(|c| !c.is_control()).take(40).collect()))
    }
}

fn read(text: &str) -> Option<Period> {
    let (year, rest) = text.split_once('-').map_or((text, None), |(year, rest)| (year, Some(rest)));
    let year = year.parse::<i16>().ok().filter(|year| (1970..=9_000).contains(year))?;
    let Some(rest) = rest else { return Some(Period::Year(year)) };
    if let Some(quarter) = rest.strip_prefix('Q') {
        return quarter.parse().ok().filter(|quarter| (1..=4).contains(quarter)).map(|quarter| Period::Quarter(year, quarter));
    }
    if let Some(week) = rest.strip_prefix('W') {
        let week = week.parse().ok()?;
        return ISOWeekDate::new(year, week, Weekday::Monday).ok().map(|_| Period::Week(year, week));
    }
    let month = rest.parse().ok()?;
    Date::new(year, month, 1).ok().map(|_| Period::Month(year, month))
}

impl TryFrom<String> for Period {
    type Error = BadPeriod;

    fn try_from(text: String) -> Result<Self, BadPeriod> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}
