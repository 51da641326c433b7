//! The label that a caller writes into SNI: pseudo-random, another one every day, known to those who hold the card.
//!
//! Whoever does not know it gets an alert before any certificate, so a prober learns nothing, and an observer sees 32 characters
//! that nobody else can connect with an organisation.

use super::certificate::DAY_MS;
use crate::model::Timestamp;
use crate::model::crypto::hmac_sha256;
use crate::model::id::base32;

/// The label of the day (UTC): 32 characters of base32.
pub fn label(knock_key: &[u8; 32], at: Timestamp) -> String {
    day_label(knock_key, at.0 / DAY_MS)
}

/// Whether a label is today's, yesterday's or tomorrow's: clocks differ, and a day ends during a handshake.
pub fn opens(label: &str, knock_key: &[u8; 32], now: Timestamp) -> bool {
    let today = now.0 / DAY_MS;
    (today.saturating_sub(1)..=today + 1).any(|day| same(&day_label(knock_key, day), label))
}

/// The label of an invitation: the same for as long as it is open, made from its secret, which it does not tell.
pub fn invitation_label(secret: &[u8]) -> String {
    base32(&hmac_sha256(secret, &[b"watchfire/invitation-label/v1"])[..20])
}

fn day_label(knock_key: &[u8; 32], day: u64) -> String {
    base32(&hmac_sha256(knock_key, &[b"watchfire/knock/v1", &day.to_be_bytes()])[..20])
}

/// Equal in constant time, in any case: DNS names are compared so.
pub(super) fn same(expected: &str, label: &str) -> bool {
    crate::model::crypto::equal(expected.as_bytes(), label.to_ascii_lowercase().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_opens_for_a_day_on_either_side() {
        let (key, noon) = ([1; 32], Timestamp(20_000 * DAY_MS + DAY_MS / 2));
        for (days, expected) in [(0, true), (1, true), (2, false)] {
            assert_eq!(opens(&label(&key, noon.plus(days * DAY_MS)), &key, noon), expected, "{days} days ahead");
            assert_eq!(opens(&label(&key, noon), &key, noon.plus(days * DAY_MS)), expected, "{days} days behind");
        }
        assert!(!opens(&label(&[2; 32], noon), &key, noon));
        assert!(opens(&label(&key, noon).to_uppercase(), &key, noon));
    }

    #[test]
    fn tomorrows_label_has_nothing_in_common_with_todays() {
        let (key, now) = ([1; 32], Timestamp(20_000 * DAY_MS));
        let (today, tomorrow) = (label(&key, now), label(&key, now.plus(DAY_MS)));
        assert_eq!(today.len(), 32);
        assert!(today.bytes().zip(tomorrow.bytes()).filter(|(one, other)| one == other).count() < 10);
    }
}
