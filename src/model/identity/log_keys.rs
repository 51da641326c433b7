//! Which of an organisation's log-signing keys counts for what.
//!
//! The key in force counts everywhere. One from before counts for what was signed with it: in logs that were begun before it was put
//! away, until a newer key has signed there, and never again where its owner says that it was stolen.

use super::card::CardContent;
use super::wire::{Malformed, Reader, Writer};
use crate::model::Timestamp;

/// A card lists at most so many keys from before. What an older one has signed is signed anew by its author when it is sent.
pub const EARLIER_MAX: usize = 32;
/// For so long after a key was put away what it signed beside the logs still counts (90 days, in milliseconds): as long as relays pass
/// recalls on.
pub const STATEMENTS_MS: u64 = 90 * 86_400_000;

/// A log-signing key (Ed25519).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogKey {
    /// Counts the organisation's log keys, from 1.
    pub number: u32,
    /// The public half.
    pub public: [u8; 32],
}

/// A log-signing key from before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EarlierLogKey {
    /// The key.
    pub key: LogKey,
    /// When it was put away, by its owner's clock.
    pub retired: Timestamp,
    /// Whether it may be in other hands: then nothing counts any more that it alone has signed.
    pub stolen: bool,
}

/// The log-signing keys that a card names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKeys {
    current: LogKey,
    earlier: Vec<EarlierLogKey>,
}

impl LogKeys {
    /// Those of a card.
    pub fn of(content: &CardContent) -> Self {
        Self { current: content.log_key, earlier: content.earlier_log_keys.clone() }
    }

    /// The key in force.
    pub const fn current(&self) -> LogKey {
        self.current
    }

    /// Whether there was ever another.
    pub fn has_earlier(&self) -> bool {
        !self.earlier.is_empty()
    }

    /// Whether some of what earlier keys signed is believed by nobody: one of them was stolen, or is no longer listed.
    pub fn has_gaps(&self) -> bool {
        let first = self.all().map(|key| key.number).min();
        first > Some(1) || self.earlier.iter().any(|earlier| earlier.stolen)
    }

    /// The number of a key; `None` for one that the card does not name.
    pub fn number(&self, public: &[u8; 32]) -> Option<u32> {
        self.all().find(|key| key.public == *public).map(|key| key.number)
    }

    /// Of two keys the one with the higher number; one that the card does not name has none.
    pub fn newer(&self, one: [u8; 32], other: [u8; 32]) -> [u8; 32] {
        if self.number(&other) > self.number(&one) { other } else { one }
    }

    fn all(&self) -> impl Iterator<Item = LogKey> + '_ {
        std::iter::once(self.current).chain(self.earlier.iter().map(|earlier| earlier.key))
    }

    fn with_earlier(&self, counts: impl Fn(&EarlierLogKey) -> bool) -> Vec<[u8; 32]> {
        let earlier = self.earlier.iter().filter(|earlier| counts(earlier)).map(|earlier| earlier.key.public);
        std::iter::once(self.current.public).chain(earlier).collect()
    }

    /// The keys that may sign in a log of this incarnation, newest first, where `before` was the last that did: never an older one again.
    pub fn in_log(&self, incarnation: u64, before: Option<&[u8; 32]>) -> Vec<[u8; 32]> {
        let last = before.and_then(|key| self.number(key)).unwrap_or_default();
        self.with_earlier(|earlier| !earlier.stolen && earlier.key.number >= last && earlier.was_in_force(incarnation))
    }

    /// The keys that may have signed something beside the logs at a time by its author's clock.
    pub fn at(&self, at: Timestamp) -> Vec<[u8; 32]> {
        self.with_earlier(|earlier| !earlier.stolen && at <= earlier.retired)
    }

    /// As [`Self::at`], for what is passed on for a while only, and comes at `now`.
    pub fn at_and_now(&self, at: Timestamp, now: Timestamp) -> Vec<[u8; 32]> {
        self.with_earlier(|earlier| !earlier.stolen && at <= earlier.retired && now.since(earlier.retired) <= STATEMENTS_MS)
    }

    /// The keys by which two histories of a log of this incarnation may be proven. Stolen ones too: to call a key stolen is no way to
    /// hide what was signed with it.
    pub fn in_proof(&self, incarnation: u64) -> Vec<[u8; 32]> {
        self.with_earlier(|earlier| earlier.was_in_force(incarnation))
    }

    /// Every key that the card names.
    pub fn ever(&self) -> Vec<[u8; 32]> {
        self.with_earlier(|_| true)
    }
}

impl EarlierLogKey {
    /// Whether logs of this incarnation were begun while it was in force: an incarnation after the first has the time of its beginning
    /// in seconds for a number.
    const fn was_in_force(&self, incarnation: u64) -> bool {
        incarnation <= self.retired.0 / 1_000
    }
}

/// Whether a list of earlier keys holds: newest first, each older than the one in force, no key twice.
pub(super) fn is_sound(current: &LogKey, earlier: &[EarlierLogKey]) -> bool {
    let mut keys = vec![*current];
    keys.extend(earlier.iter().map(|earlier| earlier.key));
    let descending = keys.windows(2).all(|pair| pair[0].number > pair[1].number && pair[1].number > 0);
    let mut publics: Vec<_> = keys.iter().map(|key| key.public).collect();
    publics.sort_unstable();
    descending && earlier.len() <= EARLIER_MAX && publics.windows(2).all(|pair| pair[0] != pair[1])
}

pub(super) fn encode(earlier: &[EarlierLogKey]) -> Vec<u8> {
    let key = |out: Writer, earlier: &EarlierLogKey| {
        let EarlierLogKey { key, retired, stolen } = earlier;
        out.fixed(&key.number.to_be_bytes()).fixed(&key.public).fixed(&retired.0.to_be_bytes()).fixed(&[u8::from(*stolen)])
    };
    Writer::default().list(earlier, key).0
}

pub(super) fn decode(bytes: &[u8]) -> Result<Vec<EarlierLogKey>, Malformed> {
    let mut reader = Reader::new(bytes, "card");
    let keys = reader.list(EARLIER_MAX, |reader| {
        let key = LogKey { number: reader.u32()?, public: reader.array()? };
        let retired = Timestamp(reader.u64()?);
        match reader.array()? {
            [stolen @ (0 | 1)] => Ok(EarlierLogKey { key, retired, stolen: stolen == 1 }),
            _ => Err(Malformed("card")),
        }
    })?;
    reader.end()?;
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400_000;

    fn key(number: u32) -> LogKey {
        LogKey { number, public: [number as u8; 32] }
    }

    /// Key 3 in force since day 200, key 2 before it, key 1 until day 100.
    fn keys(stolen: bool) -> LogKeys {
        let earlier = [(2, 200), (1, 100)].map(|(number, day)| EarlierLogKey { key: key(number), retired: Timestamp(day * DAY), stolen });
        LogKeys { current: key(3), earlier: earlier.to_vec() }
    }

    fn numbers(keys: &[[u8; 32]]) -> Vec<u8> {
        keys.iter().map(|key| key[0]).collect()
    }

    #[test]
    fn an_older_key_never_signs_after_a_newer_one() {
        assert_eq!(numbers(&keys(false).in_log(1, None)), [3, 2, 1]);
        assert_eq!(numbers(&keys(false).in_log(1, Some(&[2; 32]))), [3, 2]);
        assert_eq!(numbers(&keys(false).in_log(1, Some(&[3; 32]))), [3]);
    }

    #[test]
    fn an_earlier_key_opens_no_log_after_it_was_put_away() {
        assert_eq!(numbers(&keys(false).in_log(150 * DAY / 1_000, None)), [3, 2]);
        assert_eq!(numbers(&keys(false).in_log(201 * DAY / 1_000, None)), [3]);
        assert_eq!(numbers(&keys(true).in_proof(201 * DAY / 1_000)), [3]);
    }

    #[test]
    fn a_stolen_key_proves_and_does_nothing_else() {
        let (stolen, day) = (keys(true), Timestamp(50 * DAY));
        assert_eq!(numbers(&stolen.in_log(1, None)), [3]);
        assert_eq!((numbers(&stolen.at(day)), numbers(&stolen.at_and_now(day, day))), (vec![3], vec![3]));
        assert_eq!(numbers(&stolen.in_proof(1)), [3, 2, 1]);
        assert_eq!(stolen.number(&[1; 32]), Some(1));
        assert!(stolen.has_gaps() && !keys(false).has_gaps());
        let unlisted = LogKeys { earlier: keys(false).earlier[..1].to_vec(), ..keys(false) };
        assert!(unlisted.has_gaps(), "key 1 is not listed any more");
    }

    #[test]
    fn a_statement_counts_if_it_was_made_in_time_and_comes_within_ninety_days() {
        let of = |at: u64, now: u64| numbers(&keys(false).at_and_now(Timestamp(at * DAY), Timestamp(now * DAY)));
        assert_eq!(of(90, 190), [3, 2, 1]);
        assert_eq!(of(90, 191), [3, 2]);
        assert_eq!(of(150, 190), [3, 2]);
        assert_eq!(of(201, 201), [3]);
        assert_eq!(numbers(&keys(false).at(Timestamp(90 * DAY))), [3, 2, 1]);
    }

    #[test]
    fn earlier_keys_survive_their_bytes_and_descend() {
        let earlier = keys(true).earlier;
        assert_eq!(decode(&encode(&earlier)), Ok(earlier.clone()));
        assert!(is_sound(&key(3), &earlier) && is_sound(&key(1), &[]));
        let twice = [EarlierLogKey { key: LogKey { number: 2, ..key(1) }, ..earlier[0] }, earlier[1]];
        assert!(!is_sound(&key(2), &earlier) && !is_sound(&key(3), &[earlier[1], earlier[0]]) && !is_sound(&key(3), &twice));
        let mut bytes = encode(&earlier);
        *bytes.last_mut().expect("bytes") = 2;
        assert!(decode(&bytes).is_err() && decode(&bytes[..20]).is_err());
    }
}
