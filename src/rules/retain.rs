//! When what has expired may be destroyed. Hiding is at once; a wrong clock must not destroy data.

use crate::model::Timestamp;

/// A peer's clock agrees with ours when it is at most so far away (10 minutes, in milliseconds).
pub const AGREES_MS: u64 = 600_000;
/// How long clocks must have agreed before anything is destroyed (24 hours of running, in milliseconds).
pub const AGREED_FOR_MS: u64 = 86_400_000;

/// Whether our clock agrees with those of enough peers: two, or the one that we have.
///
/// `offsets` are the peers' clocks minus ours, in milliseconds, of those heard within the last day; `peers` is how many we have.
pub fn clocks_agree(offsets: &[i64], peers: usize) -> bool {
    let agreeing = offsets.iter().filter(|offset| offset.unsigned_abs() <= AGREES_MS).count();
    let disagreeing = offsets.len() - agreeing;
    let needed = peers.clamp(1, 2);
    agreeing >= needed && disagreeing < agreeing
}

/// Whether what has expired may be destroyed, given for how long (monotonic, in milliseconds) clocks have agreed without a break.
pub const fn may_destroy(agreed_for_ms: u64) -> bool {
    agreed_for_ms >= AGREED_FOR_MS
}

/// Whether a retention date has passed; 0 stands for never.
pub fn has_expired(retention: Timestamp, now: Timestamp) -> bool {
    retention.0 != 0 && retention <= now
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFF: i64 = AGREES_MS as i64 + 1;

    #[test]
    fn two_clocks_are_needed_or_the_one_there_is() {
        assert!(clocks_agree(&[0, 5_000], 7));
        assert!(!clocks_agree(&[0], 7));
        assert!(clocks_agree(&[0], 1));
        assert!(!clocks_agree(&[], 0));
        assert!(!clocks_agree(&[OFF], 1));
        assert!(!clocks_agree(&[-OFF, 0], 2));
    }

    #[test]
    fn when_as_many_clocks_disagree_nothing_is_destroyed() {
        assert!(!clocks_agree(&[0, 0, OFF, OFF], 4));
        assert!(clocks_agree(&[0, 0, OFF], 3));
    }

    #[test]
    fn a_retention_date_of_zero_never_passes() {
        assert!(!has_expired(Timestamp(0), Timestamp(u64::MAX)));
        assert!(has_expired(Timestamp(5), Timestamp(5)));
    }
}
