//! One check: the slots of the asked, and the ticket of the asker.

use super::Value;
use crate::model::crypto::{equal, hmac_sha256, random, sha256_framed};
use crate::model::{CheckId, OrgId};

/// What is asked about. Each has a key of its own: what is answered of one, and how often, says nothing of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Purpose {
    /// Whether there is a case with a contact.
    Contact = 0,
    /// Whether a value was seen.
    Sighting = 1,
}

impl Purpose {
    /// By its number on the wire; `None` of a newer node's.
    pub const fn from_number(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Contact),
            1 => Some(Self::Sighting),
            _ => None,
        }
    }

    /// How many slots every answer has: as many as may be matched at a time. The number of those that are something's shows in nothing.
    pub const fn slots(self) -> usize {
        match self {
            Self::Contact => 1_024,
            Self::Sighting => 4_096,
        }
    }

    /// Bytes of a slot: a random one is taken for a case's once in 2^118 checks, for a value that was seen once in 2^52.
    pub const fn slot_bytes(self) -> usize {
        match self {
            Self::Contact => 16,
            Self::Sighting => 8,
        }
    }

    /// Bytes of all slots.
    pub const fn slots_bytes(self) -> usize {
        self.slots() * self.slot_bytes()
    }

    const fn context(self) -> &'static str {
        match self {
            Self::Contact => "watchfire/duplicate/round/v1",
            Self::Sighting => "watchfire/seen/round/v1",
        }
    }
}

/// What the asker says to be told more: random to whoever has not the case.
pub type Ticket = [u8; 16];

/// What slots and tickets of one check are bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    purpose: Purpose,
    hash: [u8; 32],
}

impl Round {
    /// Of both sides, the check, what was sent and the nonce of its answer.
    pub fn new(purpose: Purpose, (asker, asked): (&OrgId, &OrgId), check: &CheckId, blinded: &[u8; 32], nonce: &[u8; 32]) -> Self {
        Self { purpose, hash: sha256_framed(purpose.context(), &[&asker.0, &asked.0, &check.0, blinded, nonce]) }
    }

    /// What it is about.
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }
}

impl Value {
    fn tag(&self, what: &[u8], round: &Round) -> [u8; 16] {
        let tag = hmac_sha256(self.bytes(), &[what, &round.hash]);
        *tag.first_chunk().expect("32 bytes have 16 first ones")
    }

    fn slot(&self, round: &Round) -> [u8; 16] {
        self.tag(b"slot", round)
    }

    fn ticket(&self, round: &Round) -> Ticket {
        self.tag(b"ticket", round)
    }
}

/// The slots of these values, and of random ones up to the number: in ascending order, so that their places tell nothing, and with the same work however
/// many there are. Values beyond [`Purpose::slots`] are left out.
pub fn slots<'v>(values: impl IntoIterator<Item = &'v Value>, round: &Round) -> Vec<u8> {
    let mut values = values.into_iter();
    let mut all: Vec<[u8; 16]> = (0..round.purpose.slots())
        .map(|_| {
            let dummy = Value::from_bytes(random());
            values.next().unwrap_or(&dummy).slot(round)
        })
        .collect();
    all.sort_unstable();
    all.iter().flat_map(|slot| &slot[..round.purpose.slot_bytes()]).copied().collect()
}

/// Whether a slot is the value's. It looks at every slot.
pub fn is_among(value: &Value, round: &Round, slots: &[u8]) -> bool {
    let (wanted, bytes) = (value.slot(round), round.purpose.slot_bytes());
    slots.chunks(bytes).fold(false, |found, slot| found | equal(slot, &wanted[..bytes]))
}

/// What the asker answers: the ticket of its value where a slot is its value's, else random bytes.
pub fn claim(value: &Value, round: &Round, slots: &[u8]) -> Ticket {
    let found = is_among(value, round, slots);
    let (ticket, nothing) = (value.ticket(round), random());
    if found { ticket } else { nothing }
}

/// Whose ticket it is, of these values: by their places. Every one is looked at.
pub fn tickets<'v>(values: impl IntoIterator<Item = &'v Value>, round: &Round, ticket: &Ticket) -> Vec<usize> {
    let is_its = |value: &Value| equal(&value.ticket(round), ticket);
    values.into_iter().enumerate().filter(|(_, value)| is_its(value)).map(|(place, _)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: OrgId = OrgId([1; 32]);
    const TWO: OrgId = OrgId([2; 32]);

    fn round(nonce: u8) -> Round {
        Round::new(Purpose::Contact, (&ONE, &TWO), &CheckId([3; 16]), &[4; 32], &[nonce; 32])
    }

    fn values() -> Vec<Value> {
        (10..13).map(|byte| Value::from_bytes([byte; 32])).collect()
    }

    #[test]
    fn a_value_that_is_there_gives_its_ticket_and_another_gives_nobodys() {
        let (values, round) = (values(), round(5));
        let slots = slots(&values, &round);
        assert_eq!(slots.len(), Purpose::Contact.slots_bytes());
        assert_eq!(tickets(&values, &round, &claim(&values[1], &round, &slots)), [1]);
        let stranger = Value::from_bytes([99; 32]);
        assert!(tickets(&values, &round, &claim(&stranger, &round, &slots)).is_empty());
        assert_ne!(claim(&stranger, &round, &slots), claim(&stranger, &round, &slots), "what a miss says is random");
        assert_ne!(
            claim(&stranger, &round, &slots),
            stranger.ticket(&round),
            "a miss never says its ticket: with the key it could be tried out"
        );
    }

    #[test]
    fn slots_are_fresh_each_time_ascend_and_tell_no_number() {
        let values = values();
        let (first, again, none) = (slots(&values, &round(5)), slots(&values, &round(6)), slots(&[], &round(5)));
        let of = |slots: &[u8]| slots.chunks(16).map(<[u8]>::to_vec).collect::<Vec<_>>();
        for one in [&first, &again, &none] {
            assert!(one.len() == Purpose::Contact.slots_bytes() && of(one).is_sorted());
        }
        assert!(of(&first).iter().all(|slot| !of(&again).contains(slot)), "two answers have no slot in common");
        assert_eq!(of(&slots(&values, &round(5))).iter().filter(|slot| of(&first).contains(slot)).count(), 3, "but those of one round");
        let many: Vec<Value> = (0..2_000_u64).map(|n| Value::from_bytes(sha256_framed("x", &[&n.to_be_bytes()]))).collect();
        assert_eq!(slots(&many, &round(5)).len(), Purpose::Contact.slots_bytes());
    }

    #[test]
    fn a_ticket_holds_for_its_own_check_alone() {
        let values = values();
        let (here, there) = (round(5), Round::new(Purpose::Contact, (&ONE, &TWO), &CheckId([9; 16]), &[4; 32], &[5; 32]));
        let ticket = claim(&values[0], &here, &slots(&values, &here));
        assert_eq!(tickets(&values, &here, &ticket), [0]);
        assert!(tickets(&values, &there, &ticket).is_empty());
        let turned = Round::new(Purpose::Contact, (&TWO, &ONE), &CheckId([3; 16]), &[4; 32], &[5; 32]);
        assert!(tickets(&values, &turned, &ticket).is_empty());
    }

    #[test]
    fn a_value_that_was_seen_is_recognised_among_more_and_shorter_slots() {
        let (values, contact) = (values(), round(5));
        let seen = Round::new(Purpose::Sighting, (&ONE, &TWO), &CheckId([3; 16]), &[4; 32], &[5; 32]);
        let slots = slots(&values, &seen);
        assert_eq!((slots.len(), slots.chunks(8).is_sorted()), (32_768, true));
        assert!(values.iter().all(|value| is_among(value, &seen, &slots)));
        assert!(!is_among(&Value::from_bytes([99; 32]), &seen, &slots));
        assert_eq!(tickets(&values, &seen, &claim(&values[2], &seen, &slots)), [2]);
        assert!(tickets(&values, &contact, &claim(&values[2], &seen, &slots)).is_empty(), "the same round about something else");
    }
}
