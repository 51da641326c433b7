//! When what has expired may be destroyed. Hiding is at once; a wrong clock must not destroy data.

use crate::model::{RecordKind, Timestamp, alert, call};

/// A peer's clock agrees with ours when it is at most so far away (10 minutes, in milliseconds).
pub const AGREES_MS: u64 = 600_000;
/// How long clocks must have agreed before anything is destroyed (24 hours of running, in milliseconds).
pub const AGREED_FOR_MS: u64 = 86_400_000;

/// Whether our clock agrees with those of enough peers: two, or the one that we have.
///
/// `offsets` are the peers' clocks minus ours, in milliseconds, of those heard within the last seven days; `peers` is how many we have.
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

/// What stands on the board goes so long after it cannot count any more, in milliseconds (30 days).
const ON_BOARD_MS: u64 = 30 * 86_400_000;

/// Whether a record has outlived whatever it could be good for since it came, whatever its author says of its retention.
pub fn has_outlived(kind: u8, received: Timestamp, now: Timestamp) -> bool {
    let good_for = match RecordKind::from_number(kind) {
        Some(RecordKind::Alert) => alert::VALID_MS_MAX,
        Some(RecordKind::Call | RecordKind::Volunteer) => call::OPEN_MS_MAX,
        _ => return false,
    };
    received.plus(good_for).plus(ON_BOARD_MS) <= now
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFF: i64 = AGREES_MS as i64 + 1;

    #[test]
    fn what_stands_on_the_board_goes_in_time_and_nothing_else_does() {
        let outlived = |kind: RecordKind, days: u64| has_outlived(kind.number(), Timestamp(5), Timestamp(5 + days * 86_400_000));
        for (kind, days) in [(RecordKind::Alert, 120), (RecordKind::Call, 44), (RecordKind::Volunteer, 44)] {
            assert_eq!((outlived(kind, days - 1), outlived(kind, days)), (false, true), "{kind:?}");
        }
        assert!(!outlived(RecordKind::Indicator, 10_000) && !has_outlived(255, Timestamp(5), Timestamp(u64::MAX)));
    }

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
