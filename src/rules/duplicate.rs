//! Checks for duplicates: how many are answered, and what may be matched. Pure.

use crate::model::duplicate::Agreed;
use crate::model::{OrgId, Timestamp};

/// How many checks are answered in a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of one peer.
    pub per_peer: u64,
    /// Of all together.
    pub all: u64,
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
