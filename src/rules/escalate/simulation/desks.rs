//! The desks, and when they are open, found without `Hours`: by what clocks there show in each quarter of an hour. Offsets of all zones, their
//! changes and the hours of these desks are on quarters, so that is the same as minute by minute.

use crate::model::hours::Hours;
use jiff::civil::{Date, Weekday};

/// The first millisecond that the table knows: 2023-12-30T00:00Z.
pub(super) const TABLE: u64 = 1_703_894_400_000;
const QUARTER: u64 = 15 * 60_000;
/// Seventeen months.
const QUARTERS: u64 = 520 * 96;

/// Zone, weekly hours as minutes by weekday, holidays. Zones north and south, with offsets of three quarters of an hour, changes by half an hour, and rules
/// that change in the year: Almaty moves for good, Casablanca goes back for a month.
type Said = (&'static str, &'static [&'static str], &'static [&'static str]);
pub(super) const DESKS: [Option<Said>; 10] = [
    Some(("Europe/Berlin", &["mon-fri 09:00-17:00"], &["2024-05-01", "2024-12-25", "2024-12-26"])),
    Some(("Asia/Beirut", &["mon-fri 09:00-17:00", "sat 10:00-14:00"], &[])),
    Some(("America/Santiago", &["mon-fri 09:00-18:00"], &["2024-09-18", "2024-09-19"])),
    Some(("Pacific/Chatham", &["mon-sun 08:00-20:00"], &[])),
    Some(("Asia/Kathmandu", &["sun-fri 10:00-17:00"], &[])),
    Some(("Asia/Almaty", &["mon-fri 09:00-18:00"], &["2024-03-21", "2024-03-22"])),
    Some(("Africa/Casablanca", &["mon-fri 08:30-12:30", "mon-fri 14:00-18:00"], &[])),
    Some(("Australia/Lord_Howe", &["24/7"], &["2024-12-25"])),
    // By night: that of a change is an hour longer or shorter.
    Some(("Europe/Berlin", &["mon-sun 20:00-24:00", "mon-sun 00:00-06:00"], &[])),
    None,
];

/// A desk as the nodes have it.
pub(super) fn hours(desk: usize) -> Option<Hours> {
    let (zone, weekly, holidays) = DESKS[desk]?;
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    Some(Hours::new(zone, &owned(weekly), &owned(holidays)).unwrap())
}

/// How many quarters were open before each; without hours all are.
pub(super) struct Table {
    open_before: Vec<u64>,
    /// When daylight saving time began or ended there.
    changes: Vec<u64>,
}

impl Table {
    /// By desk; none for one that declared nothing.
    pub(super) fn all() -> Vec<Option<Self>> {
        (0..DESKS.len()).map(|desk| DESKS[desk].map(|_| Self::of(desk))).collect()
    }

    fn of(desk: usize) -> Self {
        let said = DESKS[desk];
        let holidays: Vec<Date> = said.iter().flat_map(|said| said.2).map(|day| day.parse().unwrap()).collect();
        let zone = said.map(|(zone, ..)| jiff::tz::TimeZone::get(zone).unwrap());
        let (mut open_before, mut changes, mut saved_before) = (vec![0], Vec::new(), None);
        for quarter in 0..QUARTERS {
            let is_open = match (&said, &zone) {
                (Some((_, weekly, _)), Some(zone)) => {
                    let at = jiff::Timestamp::from_millisecond((TABLE + quarter * QUARTER) as i64).unwrap();
                    let is_saved = zone.to_offset_info(at).dst().is_dst();
                    if saved_before.replace(is_saved).is_some_and(|before| before != is_saved) {
                        changes.push(TABLE + quarter * QUARTER);
                    }
                    let shown = zone.to_datetime(at);
                    let minute = u64::from(shown.hour() as u8) * 60 + u64::from(shown.minute() as u8);
                    let date = shown.date();
                    !holidays.contains(&date) && weekly.iter().any(|text| shows(text, shown.weekday(), minute))
                }
                _ => true,
            };
            open_before.push(open_before[quarter as usize] + u64::from(is_open));
        }
        Self { open_before, changes }
    }

    /// How often daylight saving time began or ended from one moment to another.
    pub(super) fn changes_between(&self, from: u64, to: u64) -> u64 {
        self.changes.iter().filter(|at| (from..to).contains(*at)).count() as u64
    }

    /// Open milliseconds from the table's beginning.
    fn until(&self, at: u64) -> u64 {
        let at = at.clamp(TABLE, TABLE + (QUARTERS - 1) * QUARTER) - TABLE;
        let (quarter, rest) = ((at / QUARTER) as usize, at % QUARTER);
        let is_open = self.open_before[quarter + 1] > self.open_before[quarter];
        self.open_before[quarter] * QUARTER + if is_open { rest } else { 0 }
    }

    pub(super) fn between(&self, from: u64, to: u64) -> u64 {
        self.until(to).saturating_sub(self.until(from))
    }

    /// When so much more will have been open; never within the table: the end of time.
    pub(super) fn after(&self, from: u64, open: u64) -> u64 {
        let wanted = self.until(from) + open;
        let quarter = self.open_before.partition_point(|before| before * QUARTER < wanted).saturating_sub(1);
        if quarter + 1 >= self.open_before.len() {
            return u64::MAX;
        }
        TABLE + quarter as u64 * QUARTER + (wanted - self.open_before[quarter] * QUARTER)
    }
}

fn shows(text: &str, weekday: Weekday, minute: u64) -> bool {
    let Some((days, times)) = text.split_once(' ') else { return true };
    let number = |day: &str| ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].iter().position(|one| *one == day).unwrap();
    let day = weekday.to_monday_zero_offset() as usize;
    let is_day = match days.split_once('-') {
        Some((first, last)) if number(first) <= number(last) => (number(first)..=number(last)).contains(&day),
        Some((first, last)) => day >= number(first) || day <= number(last),
        None => number(days) == day,
    };
    let clock = |text: &str| text[..2].parse::<u64>().unwrap() * 60 + text[3..].parse::<u64>().unwrap();
    let (from, to) = times.split_once('-').unwrap();
    is_day && (clock(from)..clock(to)).contains(&minute)
}
