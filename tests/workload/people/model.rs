//! The requests of a year, from a seed. What of it is published and what is assumed stands in docs/testing.md.

use crate::campaign::Dice;
use watchfire::model::Priority;

pub const MINUTE: u64 = 60_000;
pub const HOUR: u64 = 60 * MINUTE;
pub const DAY: u64 = 24 * HOUR;

/// Requests in 2023 (DOMAIN §9).
pub const REQUESTS_IN_A_YEAR: u64 = 3_709;
/// Of a hundred, these were reactive (DOMAIN §9).
const REACTIVE: u64 = 82;
/// Of a hundred, these came by referral: "almost half of all cases have been referrals" (the report of 10,000 cases).
const BY_REFERRAL: u64 = 49;
/// Of a hundred reactive ones, assumed: the reports say "more urgent incidents than ever" and no number.
const EMERGENCIES: u64 = 6;
const URGENT: u64 = 30;

/// The desks' own time, as hours from UTC: one in the Americas, one in Africa, one in Asia. Each works around the clock.
pub const ZONES: [i64; 3] = [-6, 1, 8];
/// What the nodes call them.
pub const NAMES: [&str; 3] = ["amal", "borealis", "cedar"];
/// Handlers of a desk in each shift: by day (08 to 16 there), in the evening, at night. Assumed.
pub const HANDLERS: [usize; 3] = [4, 2, 1];
/// For how long whoever takes a request is busy with it at first, in minutes. Assumed.
const TRIAGE: u64 = 25;

/// What a desk makes of an offer. Times are drawn when the case is, so that each network meets the same people.
#[derive(Debug, Clone)]
pub struct Manner {
    /// Nobody there ever opens it.
    pub silent: bool,
    /// From when a handler has a hand free until the offer is opened.
    pub opens: u64,
    /// From then until the decision.
    pub decides: u64,
    pub asks: bool,
    pub declines: bool,
    /// From the hand-over to the first report.
    pub begins: u64,
    /// Between reports, and how many there are until what came of it is known.
    pub reports: u64,
    pub work: u64,
    /// How long the origin takes for an answer, a review, a close.
    pub answers: u64,
    pub reviews: u64,
}

#[derive(Debug, Clone)]
pub struct Request {
    /// When, from the beginning.
    pub at: u64,
    /// The desk whose it is to be, in the end.
    pub desk: usize,
    /// Who refers it there, where it comes by referral.
    pub from: Option<usize>,
    pub reactive: bool,
    pub priority: Priority,
    /// Of that desk, and of the third, which is asked next.
    pub manners: [Manner; 2],
}

/// A desk's shift at a time: 0 by day, 1 in the evening, 2 at night.
pub fn shift(desk: usize, at: u64) -> usize {
    let hour = (at / HOUR).wrapping_add_signed(24 + ZONES[desk]) % 24;
    ((hour + 24 - 8) % 24 / 8) as usize
}

/// The requests of so many days, so many times as many as there were.
pub fn requests(seed: u64, days: u64, times: u64) -> Vec<Request> {
    let mut dice = Dice::new(seed);
    let count = (REQUESTS_IN_A_YEAR * days * times).div_ceil(365);
    let mut requests: Vec<Request> = (0..count).map(|_| request(&mut dice, days)).collect();
    requests.sort_by_key(|request| request.at);
    requests
}

fn request(dice: &mut Dice, days: u64) -> Request {
    let desk = dice.below(3) as usize;
    let by_referral = dice.below(100) < BY_REFERRAL;
    let from = by_referral.then(|| (desk + 1 + dice.below(2) as usize) % 3);
    let reactive = dice.below(100) < REACTIVE;
    let priority = match dice.below(100) {
        draw if reactive && draw < EMERGENCIES => Priority::Emergency,
        draw if reactive && draw < EMERGENCIES + URGENT => Priority::Urgent,
        _ => Priority::Normal,
    };
    let at = when(dice, desk, days);
    Request { at, desk, from, reactive, priority, manners: [manner(dice, priority, 25), manner(dice, priority, 60)] }
}

/// By day and on weekdays more come than at night and on week-ends. Assumed.
fn when(dice: &mut Dice, desk: usize, days: u64) -> u64 {
    loop {
        let at = dice.below(days * DAY);
        // Every run begins on a Friday.
        let is_week_end = days >= 7 && (at / DAY + 4) % 7 >= 5;
        let likely = [100, 60, 25][shift(desk, at)] / if is_week_end { 2 } else { 1 };
        if dice.below(100) < likely {
            return at;
        }
    }
}

/// Around a median, skewed as times of people are: one of six takes more than `spread` hundredths of it, and one of six less than its inverse.
fn about(dice: &mut Dice, median: u64, spread: f64) -> u64 {
    let normal = (0..12).map(|_| dice.below(1_000) as f64 / 1_000.0).sum::<f64>() - 6.0;
    ((median as f64) * (spread.ln() * normal).exp()) as u64 + 1
}

/// One in `silent` never answers. Assumed, as are all times: those that are published (an answer within two hours) are limits and not medians.
fn manner(dice: &mut Dice, priority: Priority, silent: u64) -> Manner {
    let by = |emergency: u64, urgent: u64, normal: u64| match priority {
        Priority::Emergency => emergency,
        Priority::Urgent => urgent,
        Priority::Normal => normal,
    };
    Manner {
        silent: dice.one_in(silent),
        opens: about(dice, by(20 * MINUTE, 70 * MINUTE, 5 * HOUR), 2.5),
        decides: about(dice, by(60 * MINUTE, 5 * HOUR, DAY), 2.5),
        asks: dice.one_in(12),
        declines: dice.one_in(9),
        begins: about(dice, by(3 * HOUR, 20 * HOUR, 3 * DAY), 2.5),
        reports: about(dice, by(5 * HOUR, DAY, 4 * DAY), 1.8),
        work: about(dice, by(2 * DAY, 5 * DAY, 9 * DAY), 2.0),
        answers: about(dice, by(15 * MINUTE, 2 * HOUR, DAY), 2.0),
        reviews: about(dice, 4 * DAY, 2.0),
    }
}

/// The hands of a desk.
#[derive(Debug, Clone, Default)]
pub struct Hands(Vec<u64>);

impl Hands {
    /// When somebody on the shift has a hand free for what came then; they are busy with it at first.
    pub fn take(&mut self, desk: usize, at: u64, priority: Priority) -> u64 {
        let on_duty = HANDLERS[shift(desk, at)];
        self.0.resize(HANDLERS[0], 0);
        let free = self.0[..on_duty].iter_mut().min().expect("somebody is always there");
        // Whoever is busy leaves it for an emergency.
        let from = if priority == Priority::Emergency { at } else { at.max(*free) };
        *free = from.max(*free) + TRIAGE * MINUTE;
        from
    }
}

#[test]
fn a_year_has_the_published_shares() {
    let all = requests(1, 365, 1);
    let share = |is: &dyn Fn(&Request) -> bool| all.iter().filter(|one| is(one)).count() * 100 / all.len();
    assert_eq!(all.len() as u64, REQUESTS_IN_A_YEAR);
    assert!((80..=84).contains(&share(&|one| one.reactive)) && (46..=52).contains(&share(&|one| one.from.is_some())));
    assert!((26..=33).contains(&share(&|one| one.priority != Priority::Normal)));
    assert!(all.iter().all(|one| one.from != Some(one.desk) && one.at < 365 * DAY));
    assert!(requests(1, 7, 1).len() < requests(1, 7, 6).len());
    assert_eq!([shift(1, 7 * HOUR), shift(1, 15 * HOUR), shift(1, 23 * HOUR)], [0, 1, 2]);
    assert_eq!([shift(0, 14 * HOUR), shift(2, 0)], [0, 0]);
}
