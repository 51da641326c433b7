//! When a desk is open: weekly hours in its own time zone, without its holidays, or around the clock.
//!
//! A desk is open from the first moment at which its clocks show the beginning of an interval until the last at which they show its end, so that a night on
//! which clocks go back is an hour longer, and one on which they go forward an hour shorter. Time zones are those of the bundled tz database, the
//! same for every node of one version.

use super::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use serde::{Deserialize, Serialize};

/// How many intervals a week has at most.
const INTERVALS_MAX: usize = 50;
/// How many holidays a calendar has at most.
const HOLIDAYS_MAX: usize = 400;
/// How many days ahead open time is looked for.
const DAYS_AHEAD_MAX: u32 = 800;
/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// The hours of a desk, as its profile says them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Said", into = "Said")]
pub struct Hours {
    /// The zone's name in the tz database.
    zone_name: String,
    zone: TimeZone,
    /// By day of the week, from Monday: minutes of the day, rising, apart; `None` for around the clock.
    week: Option<[Vec<(u16, u16)>; 7]>,
    /// Days on which it is closed, by its own calendar.
    holidays: Vec<Date>,
}

/// How hours are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    /// `Asia/Beirut`.
    time_zone: String,
    /// `mon-fri 09:00-17:00`, `sat 22:00-24:00`, or `24/7`.
    weekly: Vec<String>,
    /// `2026-12-25`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    holidays: Vec<String>,
}

/// Why hours are none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadHours {
    /// The tz database has no such zone.
    #[error("`{0}` is no time zone\nhint: one of the tz database, such as Asia/Beirut")]
    Zone(String),
    /// An interval is none.
    #[error("`{0}` is no weekly interval\nhint: such as `mon-fri 09:00-17:00`, or `24/7`; one that goes over midnight is two")]
    Interval(String),
    /// Two intervals of a day overlap.
    #[error("`{0}` overlaps another interval")]
    Overlap(String),
    /// A holiday is no day.
    #[error("`{0}` is no day\nhint: such as 2026-12-25")]
    Holiday(String),
    /// There are too many of them, or no interval.
    #[error("hours have 1 to {INTERVALS_MAX} intervals and up to {HOLIDAYS_MAX} holidays")]
    Count,
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Hours {
    /// Reads hours as people write them.
    ///
    /// # Errors
    /// The first thing that is none.
    pub fn new(zone: &str, weekly: &[String], holidays: &[String]) -> Result<Self, BadHours> {
        let cut = |text: &str| text.chars().take(60).collect::<String>();
        if weekly.is_empty() || weekly.len() > INTERVALS_MAX || holidays.len() > HOLIDAYS_MAX {
            return Err(BadHours::Count);
        }
        let found = TimeZone::get(zone).map_err(|_| BadHours::Zone(cut(zone)))?;
        let around_the_clock = weekly.iter().any(|one| one == "24/7");
        let mut week: [Vec<(u16, u16)>; 7] = Default::default();
        for text in weekly.iter().filter(|one| *one != "24/7") {
            let (days, from, to) = interval(text).ok_or_else(|| BadHours::Interval(cut(text)))?;
            for day in days {
                let day = &mut week[day];
                if day.iter().any(|(start, end)| from < *end && *start < to) {
                    return Err(BadHours::Overlap(cut(text)));
                }
                day.push((from, to));
                day.sort_unstable();
            }
        }
        let holiday = |text: &String| text.parse::<Date>().map_err(|_| BadHours::Holiday(cut(text)));
        let mut holidays = holidays.iter().map(holiday).collect::<Result<Vec<_>, _>>()?;
        holidays.sort_unstable();
        holidays.dedup();
        Ok(Self { zone_name: zone.to_owned(), zone: found, week: (!around_the_clock).then_some(week), holidays })
    }

    /// How many milliseconds of a week it is open, and on how many days, holidays and changes of clocks left aside.
    pub fn open_weekly(&self) -> (u64, u64) {
        let Some(week) = &self.week else { return (7 * u64::from(DAY) * 60_000, 7) };
        let minutes: u64 = week.iter().flatten().map(|(from, to)| u64::from(to - from)).sum();
        (minutes * 60_000, week.iter().filter(|day| !day.is_empty()).count() as u64)
    }

    /// The zone's name in the tz database.
    pub fn zone_name(&self) -> &str {
        &self.zone_name
    }

    /// The weekly intervals as [`Self::new`] reads them: never more than it was given, as days that follow each other and have the same are one.
    pub fn weekly(&self) -> Vec<String> {
        let Some(week) = &self.week else { return vec!["24/7".to_owned()] };
        let mut intervals: Vec<(u16, u16)> = week.iter().flatten().copied().collect();
        intervals.sort_unstable();
        intervals.dedup();
        let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        let mut weekly = Vec::new();
        for (from, to) in intervals {
            let has = |day: usize| week[day % 7].contains(&(from, to));
            for first in (0..7).filter(|day| has(*day) && (!has(day + 6) || (*day == 0 && (0..7).all(has)))) {
                let long = (0..7).take_while(|step| has(first + step)).count();
                let days = match long {
                    1 => DAYS[first].to_owned(),
                    _ => format!("{}-{}", DAYS[first], DAYS[(first + long - 1) % 7]),
                };
                weekly.push((first, from, format!("{days} {}-{}", time(from), time(to))));
            }
        }
        weekly.sort_unstable();
        weekly.into_iter().map(|(_, _, text)| text).collect()
    }

    /// The holidays as [`Self::new`] reads them.
    pub fn holidays(&self) -> Vec<String> {
        self.holidays.iter().map(ToString::to_string).collect()
    }

    /// Whether it is open at a moment.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.spans(at).take_while(|(from, _)| *from <= at).any(|(_, to)| at < to)
    }

    /// How many milliseconds of open time there are from one moment to another.
    pub fn open_between(&self, from: Timestamp, to: Timestamp) -> u64 {
        let spans = self.spans(from).take_while(|(start, _)| *start < to);
        spans.map(|(start, end)| end.min(to).since(start.max(from))).sum()
    }

    /// When so many milliseconds of open time will have passed; `None` where the next two years have less.
    pub fn after(&self, from: Timestamp, open_ms: u64) -> Option<Timestamp> {
        let mut left = open_ms;
        for (start, end) in self.spans(from) {
            let start = start.max(from);
            let long = end.since(start);
            if long >= left {
                return Some(start.plus(left));
            }
            left -= long;
        }
        None
    }

    /// The open spans that end behind a moment, rising and apart.
    fn spans(&self, from: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        let first = jiff::Timestamp::from_millisecond(i64::try_from(from.0).unwrap_or(i64::MAX)).unwrap_or(jiff::Timestamp::MAX);
        // A day before, as clocks may have gone back over midnight.
        let first = first.to_zoned(self.zone.clone()).date().yesterday().unwrap_or(Date::MIN);
        let days = std::iter::successors(Some(first), |day| day.tomorrow().ok()).take(DAYS_AHEAD_MAX as usize);
        let mut last = Timestamp(0);
        let spans = days.filter(|day| self.holidays.binary_search(day).is_err()).flat_map(move |day| {
            let of_day = match &self.week {
                Some(week) => week[weekday(day.weekday())].clone(),
                None => vec![(0, DAY)],
            };
            of_day.into_iter().map(move |(from, to)| (self.first_at(day, from), self.last_at(day, to))).collect::<Vec<_>>()
        });
        // Two intervals may meet in the hour that comes twice.
        let apart = spans.filter_map(move |(start, end)| {
            let start = start.max(last);
            last = last.max(end);
            (start < end).then_some((start, end))
        });
        apart.filter(move |(_, end)| *end > from)
    }

    /// The first moment at which clocks there show that minute of that day, or later.
    fn first_at(&self, day: Date, minute: u16) -> Timestamp {
        self.at(day, minute, true)
    }

    /// The last moment at which they do.
    fn last_at(&self, day: Date, minute: u16) -> Timestamp {
        self.at(day, minute, false)
    }

    fn at(&self, day: Date, minute: u16, first: bool) -> Timestamp {
        let (day, minute) = if minute == DAY { (day.tomorrow().unwrap_or(Date::MAX), 0) } else { (day, minute) };
        let time = Time::constant((minute / 60) as i8, (minute % 60) as i8, 0, 0);
        let ambiguous = self.zone.to_ambiguous_timestamp(day.to_datetime(time));
        let is_gap = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
        let found = match ambiguous.offset() {
            // It is never shown: at the moment at which clocks leap over it.
            AmbiguousOffset::Gap { .. } => ambiguous.earlier(),
            _ if first => ambiguous.earlier(),
            _ => ambiguous.later(),
        };
        let Ok(found) = found else { return Timestamp(u64::MAX) };
        let found = match is_gap {
            true => self.zone.following(found).next().map_or(found, |transition| transition.timestamp()),
            false => found,
        };
        Timestamp(u64::try_from(found.as_millisecond()).unwrap_or(0))
    }
}

fn weekday(day: Weekday) -> usize {
    day.to_monday_zero_offset() as usize
}

/// Days, first and last minute of `mon-fri 09:00-17:00`.
fn interval(text: &str) -> Option<(Vec<usize>, u16, u16)> {
    let (days, times) = text.split_once(' ')?;
    let day = |name: &str| DAYS.iter().position(|one| *one == name);
    let days = match days.split_once('-') {
        None => vec![day(days)?],
        Some((first, last)) => {
            let (first, last) = (day(first)?, day(last)?);
            (0..7).map(|step| (first + step) % 7).take((last + 7 - first) % 7 + 1).collect()
        }
    };
    let (from, to) = times.split_once('-')?;
    let (from, to) = (minute(from)?, minute(to)?);
    (from < to).then_some((days, from, to))
}

/// The minute of the day of `09:30`; 24:00 is its end.
fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number =
        |text: &str| (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse::<u16>().ok()).flatten();
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let minute = hours * 60 + minutes;
    (minutes < 60 && minute <= DAY).then_some(minute)
}

impl TryFrom<Said> for Hours {
    type Error = BadHours;

    fn try_from(said: Said) -> Result<Self, BadHours> {
        Self::new(&said.time_zone, &said.weekly, &said.holidays)
    }
}

impl From<Hours> for Said {
    fn from(hours: Hours) -> Self {
        Self { time_zone: hours.zone_name().to_owned(), weekly: hours.weekly(), holidays: hours.holidays() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hours(zone: &str, weekly: &[&str], holidays: &[&str]) -> Hours {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Hours::new(zone, &owned(weekly), &owned(holidays)).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    const HOUR: u64 = 3_600_000;

    #[test]
    fn a_desk_is_open_by_its_own_clocks() {
        let beirut = hours("Asia/Beirut", &["mon-fri 09:00-17:00"], &["2026-12-25"]);
        // Beirut is two hours ahead of UTC in winter, three in summer.
        assert!(!beirut.is_open(at("2026-11-26T06:59:59Z")) && beirut.is_open(at("2026-11-26T07:00:00Z")));
        assert!(beirut.is_open(at("2026-07-02T06:00:00Z")) && !beirut.is_open(at("2026-07-02T14:00:00Z")));
        assert!(!beirut.is_open(at("2026-11-28T10:00:00Z")), "a Saturday");
        assert!(!beirut.is_open(at("2026-12-25T10:00:00Z")), "a holiday");
        let night = hours("America/Bogota", &["fri 22:00-24:00", "sat 00:00-06:00"], &[]);
        assert_eq!(night.open_between(at("2026-11-27T00:00:00Z"), at("2026-11-30T00:00:00Z")), 8 * HOUR);
    }

    #[test]
    fn nights_on_which_clocks_change_are_longer_and_shorter() {
        let berlin = hours("Europe/Berlin", &["sun 00:00-06:00"], &[]);
        let night =
            |day: &str| berlin.open_between(at(&format!("{day}T12:00:00Z")), at(&format!("{day}T12:00:00Z")).plus(24 * HOUR)) / HOUR;
        assert_eq!((night("2026-03-21"), night("2026-03-28"), night("2026-10-24"), night("2026-10-31")), (6, 5, 7, 6));
        // What lies in the hour that is not there.
        let gap = hours("Europe/Berlin", &["sun 02:00-03:00", "sun 02:30-02:45"][..1], &[]);
        assert_eq!(gap.open_between(at("2026-03-28T12:00:00Z"), at("2026-03-29T12:00:00Z")), 0);
        let begins = hours("Europe/Berlin", &["sun 02:30-05:00"], &[]);
        assert_eq!(
            begins.open_between(at("2026-03-28T12:00:00Z"), at("2026-03-29T12:00:00Z")),
            2 * HOUR,
            "from three, where it would be half past two"
        );
        // What begins or ends in the hour that comes twice.
        let twice = hours("Europe/Berlin", &["sun 02:15-02:45"], &[]);
        assert_eq!(twice.open_between(at("2026-10-24T12:00:00Z"), at("2026-10-25T12:00:00Z")), 3 * HOUR / 2);
    }

    #[test]
    fn open_time_is_counted_over_nights_weekends_and_holidays() {
        let desk = hours("Africa/Nairobi", &["mon-fri 08:00-16:00"], &["2026-12-25"]);
        // From Thursday afternoon, an hour is left of the day; Friday is a holiday.
        let due = desk.after(at("2026-12-24T12:00:00Z"), 4 * HOUR);
        assert_eq!(due, Some(at("2026-12-28T08:00:00Z")));
        assert_eq!(desk.after(at("2026-12-26T00:00:00Z"), 0), Some(at("2026-12-28T05:00:00Z")), "at the next opening");
        let always = hours("UTC", &["24/7"], &[]);
        assert_eq!(always.after(at("2026-12-24T12:00:00Z"), 90 * HOUR), Some(at("2026-12-24T12:00:00Z").plus(90 * HOUR)));
        let never: Vec<String> =
            (0..366).map(|day| Date::constant(2026, 11, 23).checked_add(jiff::Span::new().days(day)).unwrap().to_string()).collect();
        let closed = hours("UTC", &["mon 08:00-08:01"], &never.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(closed.after(at("2026-11-23T00:00:00Z"), 10 * HOUR), None);
    }

    #[test]
    fn a_week_has_its_hours_and_its_days() {
        assert_eq!(hours("Asia/Beirut", &["mon-fri 09:00-12:00", "mon 13:00-17:00"], &["2026-12-25"]).open_weekly(), (19 * HOUR, 5));
        assert_eq!(hours("UTC", &["24/7"], &[]).open_weekly(), (168 * HOUR, 7));
    }

    #[test]
    fn what_is_no_hours_is_told() {
        let why = |zone: &str, weekly: &[&str], holidays: &[&str]| {
            let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
            Hours::new(zone, &owned(weekly), &owned(holidays)).unwrap_err()
        };
        assert_eq!(why("Middle/Earth", &["24/7"], &[]), BadHours::Zone("Middle/Earth".into()));
        for text in [
            "mon",
            "mon 9-17",
            "mon 09:00",
            "mon 17:00-09:00",
            "mon 09:00-24:01",
            "mon 09:60-10:00",
            "mo 09:00-10:00",
            "mon  09:00-10:00",
            "mon 09:00-09:00",
        ] {
            assert_eq!(why("UTC", &[text], &[]), BadHours::Interval(text.into()));
        }
        assert_eq!(why("UTC", &["mon 09:00-17:00", "sun-mon 16:00-18:00"], &[]), BadHours::Overlap("sun-mon 16:00-18:00".into()));
        assert_eq!(why("UTC", &["24/7"], &["yesterday"]), BadHours::Holiday("yesterday".into()));
        assert_eq!(why("UTC", &[], &[]), BadHours::Count);
    }

    #[test]
    fn hours_are_written_as_they_are_read() {
        let one = hours("Asia/Tehran", &["sat-wed 08:00-12:00", "sat-wed 13:00-24:00"], &["2027-03-21"]);
        let text = serde_json::to_string(&one).unwrap();
        assert!(text.contains("[\"sat-wed 08:00-12:00\",\"sat-wed 13:00-24:00\"]") && text.contains("Asia/Tehran"), "{text}");
        assert_eq!(serde_json::from_str::<Hours>(&text).unwrap(), one);
    }

    #[test]
    fn hours_are_written_with_no_more_intervals_than_they_had() {
        let lines: Vec<String> =
            (0..50).map(|at| format!("mon-sun {:02}:{:02}-{:02}:{:02}", at / 3, at % 3 * 20, at / 3, at % 3 * 20 + 10)).collect();
        let full = Hours::new("UTC", &lines, &[]).unwrap();
        assert_eq!(full.weekly(), lines, "each of them, as it was");
        let apart = hours("UTC", &["mon 09:00-17:00", "wed-thu 09:00-17:00", "fri 10:00-12:00", "sun 09:00-17:00"], &[]);
        assert_eq!(apart.weekly(), ["wed-thu 09:00-17:00", "fri 10:00-12:00", "sun-mon 09:00-17:00"]);
        assert_eq!(Hours::new("UTC", &apart.weekly(), &[]).unwrap(), apart);
    }

    const ZONES: [&str; 8] = [
        "Europe/Berlin",
        "America/Sao_Paulo",
        "Asia/Beirut",
        "Africa/Casablanca",
        "Australia/Lord_Howe",
        "Asia/Gaza",
        "Pacific/Apia",
        "America/St_Johns",
    ];

    proptest! {
        /// Minute by minute, by what the clocks there show: where no boundary lies in an hour that comes twice, it is the same.
        #[test]
        fn spans_are_what_clocks_show(zone in 0..ZONES.len(), start in 1_262_304_000_u64..1_893_456_000, from in 0_u16..1439, long in 1_u16..1440) {
            let to = (from + long).min(DAY);
            let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
            let text = format!("mon-sun {}-{}", time(from), time(to));
            let desk = hours(ZONES[zone], &[&text], &[]);
            let begin = Timestamp(start / 60 * 60_000);
            let (mut shown, mut known, mut ambiguous) = (0, 0, false);
            for step in 0..2_880_u64 {
                let moment = begin.plus(step * 60_000);
                let local = jiff::Timestamp::from_millisecond(moment.0 as i64).unwrap().to_zoned(desk.zone.clone());
                ambiguous |= desk.zone.to_ambiguous_timestamp(local.datetime()).is_ambiguous();
                let minute = local.hour() as u16 * 60 + local.minute() as u16;
                shown += u64::from((from..to).contains(&minute));
                known += u64::from(desk.is_open(moment));
            }
            let open = desk.open_between(begin, begin.plus(2_880 * 60_000)) / 60_000;
            prop_assert_eq!(open, known, "what is open is counted");
            // In the hour that comes twice they may differ by it.
            prop_assert!(known == shown || (ambiguous && known.abs_diff(shown) <= 60), "{} of {} in {} from {}", known, shown, ZONES[zone], begin);
            if let Some(end) = desk.after(begin, open * 60_000) {
                prop_assert!(desk.open_between(begin, end) == open * 60_000);
            }
        }
    }
}
