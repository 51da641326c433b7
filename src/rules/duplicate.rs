//! Checks for duplicates: how many are answered, and what may be matched. Pure.

use crate::model::duplicate::Agreed;
use crate::model::{OrgId, Timestamp};
use std::collections::BTreeMap;

/// How many checks are answered in a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of one peer.
    pub per_peer: u64,
    /// Of all together.
    pub all: u64,
}

/// So many refusals of a peer are counted in a day: one that goes on asking costs no more writes.
pub const REFUSALS_MAX: u64 = 1_000;

/// How often one organisation was answered in a day, and how often not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Count {
    /// So often it was.
    pub answered: u64,
    /// So often it was not; up to [`REFUSALS_MAX`].
    pub refused: u64,
}

/// The counts of a day, each under the whole id: who makes an organisation can choose how its id begins. As many as there were peers that day.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Counts(BTreeMap<OrgId, Count>);

impl Counts {
    /// That of one organisation.
    pub fn of(&self, org: &OrgId) -> Count {
        self.0.get(org).copied().unwrap_or_default()
    }

    /// Each that has one.
    pub fn iter(&self) -> impl Iterator<Item = (&OrgId, &Count)> {
        self.0.iter()
    }

    /// So often all peers together were answered; what people here had evaluated stands under our own id.
    pub fn of_peers(&self, us: &OrgId) -> u64 {
        self.0.iter().filter(|(org, _)| *org != us).fold(0, |sum, (_, count)| sum.saturating_add(count.answered))
    }

    /// So many more are answered.
    pub fn answer(&mut self, org: OrgId, more: u64) {
        let count = self.0.entry(org).or_default();
        count.answered = count.answered.saturating_add(more);
    }

    /// So many more are refused. Whether that changes anything.
    pub fn refuse(&mut self, org: OrgId, more: u64) -> bool {
        let count = self.0.entry(org).or_default();
        let before = count.refused;
        count.refused = before.saturating_add(more).min(REFUSALS_MAX);
        count.refused > before
    }
}

/// Whether so many more contacts of ours are evaluated, after so many today.
pub const fn own_fit(most: u64, today: u64, more: u64) -> bool {
    today.saturating_add(more) <= most
}

/// Which limit is passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// The peer's own.
    Peer,
    /// That of all together.
    All,
    /// Nothing is answered here at all.
    Off,
}

/// Whether one more check of a peer is answered, after so many of its own today and so many of all peers.
///
/// # Errors
/// The limit that it would pass.
pub const fn one_more(limits: Limits, of_peer: u64, of_all: u64) -> Result<(), Passed> {
    match limits {
        Limits { per_peer: 0, .. } | Limits { all: 0, .. } => Err(Passed::Off),
        Limits { per_peer, .. } if of_peer >= per_peer => Err(Passed::Peer),
        Limits { all, .. } if of_all >= all => Err(Passed::All),
        _ => Ok(()),
    }
}

/// The number of a day (UTC, since 1970). Ours is the clock that counts.
pub const fn day(now: Timestamp) -> u64 {
    now.0 / 86_400_000
}

/// Whether what somebody here has allowed may be matched by a peer now.
pub fn may_match(with: &[OrgId], agreed: &Agreed, peer: &OrgId, now: Timestamp) -> bool {
    agreed.until > now && with.contains(peer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::duplicate::Basis;

    #[test]
    fn the_limits_are_the_peers_own_and_that_of_all() {
        let limits = Limits { per_peer: 20, all: 100 };
        assert_eq!(one_more(limits, 19, 99), Ok(()));
        assert_eq!(one_more(limits, 20, 20), Err(Passed::Peer));
        assert_eq!(one_more(limits, 0, 100), Err(Passed::All));
        assert_eq!(one_more(Limits { per_peer: 0, ..limits }, 0, 0), Err(Passed::Off));
        assert_eq!(one_more(Limits { all: 0, ..limits }, 0, 0), Err(Passed::Off));
        // Whatever the order, no peer gets more than its own and all no more than theirs.
        let (mut peers, mut all, mut turn) = ([0_u64; 7], 0, 1_u64);
        for _ in 0..5_000 {
            turn = turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let peer = usize::try_from(turn >> 33).expect("31 bits") % peers.len();
            if one_more(limits, peers[peer], all).is_ok() {
                peers[peer] += 1;
                all += 1;
            }
        }
        assert!(peers.iter().all(|of| *of <= 20) && all == 100, "{peers:?}");
    }

    #[test]
    fn two_organisations_whose_ids_begin_alike_are_counted_apart() {
        let (us, one, other) = (OrgId([9; 32]), OrgId([7; 32]), OrgId(std::array::from_fn(|at| if at < 31 { 7 } else { 8 })));
        let mut counts = Counts::default();
        counts.answer(one, 1);
        counts.answer(one, 1);
        counts.answer(us, 12);
        for _ in 0..3 {
            counts.answer(other, 1);
            counts.refuse(other, 1);
        }
        let read: Counts = serde_json::from_slice(&serde_json::to_vec(&counts).expect("JSON")).expect("as it was written");
        assert_eq!(read, counts);
        assert_eq!((read.of(&one), read.of(&other)), (Count { answered: 2, refused: 0 }, Count { answered: 3, refused: 3 }));
        assert_eq!((read.of_peers(&us), read.of(&us).answered), (5, 12), "ours are not the peers'");
        assert!(counts.refuse(other, 5_000) && !counts.refuse(other, 1));
        assert_eq!(counts.of(&other).refused, REFUSALS_MAX);
    }

    #[test]
    fn what_people_here_have_evaluated_is_bounded() {
        assert!(own_fit(200, 188, 12) && !own_fit(200, 189, 12));
        assert!(!own_fit(0, 0, 1) && !own_fit(200, 1, u64::MAX));
    }

    #[test]
    fn a_day_ends_at_midnight_utc() {
        assert_eq!((day(Timestamp(86_399_999)), day(Timestamp(86_400_000))), (0, 1));
    }

    #[test]
    fn nothing_is_matched_by_others_than_those_named_or_after_its_time() {
        let (one, other) = (OrgId([1; 32]), OrgId([2; 32]));
        let agreed = Agreed { basis: Basis::Explicit, until: Timestamp(10) };
        assert!(may_match(&[one], &agreed, &one, Timestamp(9)));
        assert!(!may_match(&[one], &agreed, &one, Timestamp(10)), "its time is over");
        assert!(!may_match(&[one], &agreed, &other, Timestamp(9)), "nobody named it");
        assert!(!may_match(&[], &agreed, &one, Timestamp(9)), "nobody is named");
    }
}
