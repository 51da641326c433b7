//! How sure one may still be of an indicator: its author's confidence, less with the time since anybody last said or saw it (the model of Mokaddem
//! et al., 2018, as MISP has it: confidence × (1 − (t/τ)^(1/δ))). docs/life.md has the parameters with their reasons.

use crate::model::{ObservableKind, Timestamp};

/// A day in milliseconds.
const DAY_MS: u64 = 86_400_000;

/// What is counted on where an author says nothing of it: neither sure nor unsure (STIX 2.1 Appendix A, Admiralty 3).
pub const UNSAID: u8 = 50;

/// How fast a kind of observable decays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// τ: after so many days nothing is left.
    pub days: u64,
    /// δ in tenths: 10 falls evenly, less falls late, more falls early.
    pub speed_tenths: u64,
}

/// What is known of an indicator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// As its author said it.
    pub confidence: Option<u8>,
    /// The newest time at which somebody said or saw it.
    pub since: Timestamp,
    /// Whether another organisation than its author says that it is of nothing bad.
    pub doubted: bool,
    /// Whether somebody says that it is of no use any more, its author too.
    pub expired: bool,
}

/// Which group of kinds has one pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Addresses and networks: they change hands within weeks.
    Address,
    /// Domains, URLs, e-mail addresses and what else somebody pays for or registers.
    Name,
    /// Hashes, and what is in a program: the same as long as that goes around.
    Artefact,
}

/// The class of a kind.
pub const fn class(kind: ObservableKind) -> Class {
    use ObservableKind::{Domain, Email, Ipv4, Ipv4Net, Ipv6, Ipv6Net, PhoneNumber, Url};
    match kind {
        Ipv4 | Ipv6 | Ipv4Net | Ipv6Net => Class::Address,
        Domain | Url | Email | PhoneNumber => Class::Name,
        _ => Class::Artefact,
    }
}

/// How sure one may be of it at the beginning of that day (UTC), 0 to 100: what is written of one state is the same all day.
pub fn score(life: &Life, pace: Pace, now: Timestamp) -> u8 {
    if life.expired {
        return 0;
    }
    let confidence = f64::from(life.confidence.unwrap_or(UNSAID).min(100));
    let (age, most) = (now.day().since(life.since) as f64, pace.days.max(1) as f64 * DAY_MS as f64);
    let left = 1.0 - (age / most).min(1.0).powf(10.0 / pace.speed_tenths.max(1) as f64);
    let doubt = if life.doubted { 0.5 } else { 1.0 };
    // Within 0 and 100 by what it is made of.
    (confidence * left * doubt).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(20_000 * DAY_MS);
    const PACE: Pace = Pace { days: 100, speed_tenths: 10 };

    fn life(confidence: u8) -> Life {
        Life { confidence: Some(confidence), since: START, doubted: false, expired: false }
    }

    fn after(life: &Life, pace: Pace, days: u64) -> u8 {
        score(life, pace, START.plus(days * DAY_MS))
    }

    #[test]
    fn it_falls_from_its_confidence_to_nothing_and_never_below() {
        let scores: Vec<u8> = [0, 25, 50, 99, 100, 5_000].map(|days| after(&life(80), PACE, days)).to_vec();
        assert_eq!(scores, [80, 60, 40, 1, 0, 0]);
        assert_eq!(score(&life(80), PACE, Timestamp(5)), 80, "what was said in the future is of today");
        assert_eq!(after(&Life { confidence: None, ..life(0) }, PACE, 0), UNSAID);
    }

    #[test]
    fn the_speed_says_whether_it_falls_early_or_late() {
        let (early, late) = (Pace { speed_tenths: 30, ..PACE }, Pace { speed_tenths: 3, ..PACE });
        assert_eq!([early, PACE, late].map(|pace| after(&life(80), pace, 50)), [17, 40, 72]);
        for pace in [early, PACE, late] {
            let all: Vec<u8> = (0..=100).map(|days| after(&life(80), pace, days)).collect();
            assert!(all.is_sorted_by(|one, next| one >= next) && all[0] == 80 && all[100] == 0);
        }
    }

    #[test]
    fn a_doubt_halves_it_and_the_end_ends_it() {
        assert_eq!(after(&Life { doubted: true, ..life(80) }, PACE, 25), 30);
        assert_eq!(after(&Life { expired: true, ..life(80) }, PACE, 0), 0);
    }

    #[test]
    fn it_is_the_same_all_day() {
        let [morning, evening] = [1, DAY_MS - 1].map(|ms| score(&life(80), PACE, START.plus(10 * DAY_MS + ms)));
        assert_eq!((morning, evening), (72, 72));
        assert_eq!(after(&life(80), Pace { days: 0, speed_tenths: 0 }, 1), 0, "settings within their bounds or not");
    }
}
