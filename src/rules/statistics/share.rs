//! What is told as a share: how many in a hundred of something.

use super::count::Counters;
use super::event::{Event, Measure, Way};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What has a share: its name, which way, the part, and the whole. The part is counted in the period of its whole, so no share is above a hundred.
/// How platforms answer is told by platform and by region ([`super::answers`]), and not again as a whole.
type Part = (&'static str, &'static [Way], Event, Whole);

/// Of what something is a part.
enum Whole {
    /// Of itself and these.
    And(Event),
    /// Of these, which it is counted with.
    Of(Event),
}

const BOTH: &[Way] = &[Way::In, Way::Out];

const PARTS: [Part; 7] = [
    ("accepted", BOTH, Event::Accepted, Whole::And(Event::Declined)),
    ("in_time_receipt", &[Way::Out], Event::TimelyReceipt, Whole::And(Event::LateReceipt)),
    ("in_time_acknowledgement", BOTH, Event::TimelyAcknowledgement, Whole::And(Event::LateAcknowledgement)),
    ("in_time_decision", BOTH, Event::TimelyDecision, Whole::And(Event::LateDecision)),
    ("in_time_first_action", BOTH, Event::TimelyFirstAction, Whole::And(Event::LateFirstAction)),
    ("escalated_out", &[Way::In], Event::Escalated, Whole::Of(Event::HandedOver)),
    ("purge_confirmed", &[Way::Out], Event::WithdrawnPurged, Whole::Of(Event::Withdrawn)),
];

/// A share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Of how many; told to others to the nearest five.
    pub of: u64,
    /// How many in a hundred of these; told to others to the nearest ten.
    pub percent: u64,
}

/// Name, part and whole of everything of which there is a whole: `in.accepted`.
pub(super) fn parts(counters: &Counters) -> Vec<(String, u64, u64)> {
    let total = |way: Way, event: Event| counters.totals.get(&Measure { way, event }).copied().unwrap_or_default();
    let of_way = |(name, ways, part, whole): Part| {
        ways.iter().map(move |way| {
            let many = total(*way, part);
            let of = match whole {
                Whole::And(rest) => many.saturating_add(total(*way, rest)),
                Whole::Of(all) => total(*way, all),
            };
            (format!("{}.{name}", way.name()), many, of)
        })
    };
    PARTS.into_iter().flat_map(of_way).filter(|(.., of)| *of > 0).collect()
}

/// The shares of a period, exactly: for the desk alone.
pub fn shares(counters: &Counters) -> BTreeMap<String, Share> {
    let one = |(name, many, of): (String, u64, u64)| (name, Share { of, percent: percent(many, of) });
    parts(counters).into_iter().map(one).collect()
}

/// How many in a hundred.
pub(super) const fn percent(many: u64, of: u64) -> u64 {
    match of {
        0 => 0,
        of => many.saturating_mul(100) / of,
    }
}
