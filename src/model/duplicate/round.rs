//! One check: the slots of the asked, and the ticket of the asker.

use super::Value;
use crate::model::crypto::{equal, hmac_sha256, random, sha256_framed};
use crate::model::{CheckId, OrgId};

/// How many slots every answer has: as many as contacts may be matched at a time. The number of those that are somebody's shows in nothing.
pub const SLOTS: usize = 1_024;
/// Bytes of a slot: a random one is taken for a case's once in 2^118 checks.
pub const SLOT_BYTES: usize = 16;
/// Bytes of all slots.
pub const SLOTS_BYTES: usize = SLOTS * SLOT_BYTES;

/// What the asker says to be told more: random to whoever has not the case.
pub type Ticket = [u8; 16];

const ROUND: &str = "watchfire/duplicate/round/v1";

/// What slots and tickets of one check are bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round([u8; 32]);

impl Round {
    /// Of both sides, the check, what was sent and the nonce of its answer.
    pub fn new(asker: &OrgId, asked: &OrgId, check: &CheckId, blinded: &[u8; 32], nonce: &[u8; 32]) -> Self {
        Self(sha256_framed(ROUND, &[&asker.0, &asked.0, &check.0, blinded, nonce]))
    }
}

impl Value {
    fn tag(&self, what: &[u8], round: &Round) -> [u8; 16] {
        let tag = hmac_sha256(self.bytes(), &[what, &round.0]);
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
/// many there are. Values beyond [`SLOTS`] are left out.
pub fn slots<'v>(values: impl IntoIterator<Item = &'v Value>, round: &Round) -> Vec<u8> {
    let mut values = values.into_iter();
    let mut all: Vec<[u8; SLOT_BYTES]> = (0..SLOTS)
        .map(|_| {
            let dummy = Value::from_bytes(random());
            values.next().unwrap_or(&dummy).slot(round)
        })
        .collect();
    all.sort_unstable();
    all.concat()
}

/// What the asker answers: the ticket of its value where a slot is its value's, else random bytes. It looks at every slot.
pub fn claim(value: &Value, round: &Round, slots: &[u8]) -> Ticket {
    let wanted = value.slot(round);
    let found = slots.chunks(SLOT_BYTES).fold(false, |found, slot| found | equal(slot, &wanted));
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
        Round::new(&ONE, &TWO, &CheckId([3; 16]), &[4; 32], &[nonce; 32])
    }

    fn values() -> Vec<Value> {
        (10..13).map(|byte| Value::from_bytes([byte; 32])).collect()
    }

    #[test]
    fn a_value_that_is_there_gives_its_ticket_and_another_gives_nobodys() {
        let (values, round) = (values(), round(5));
        let slots = slots(&values, &round);
        assert_eq!(slots.len(), SLOTS_BYTES);
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
        let of = |slots: &[u8]| slots.chunks(SLOT_BYTES).map(<[u8]>::to_vec).collect::<Vec<_>>();
        for one in [&first, &again, &none] {
            assert!(one.len() == SLOTS_BYTES && of(one).is_sorted());
        }
        assert!(of(&first).iter().all(|slot| !of(&again).contains(slot)), "two answers have no slot in common");
        assert_eq!(of(&slots(&values, &round(5))).iter().filter(|slot| of(&first).contains(slot)).count(), 3, "but those of one round");
        let many: Vec<Value> = (0..2_000_u64).map(|n| Value::from_bytes(sha256_framed("x", &[&n.to_be_bytes()]))).collect();
        assert_eq!(slots(&many, &round(5)).len(), SLOTS_BYTES);
    }

    #[test]
    fn a_ticket_holds_for_its_own_check_alone() {
        let values = values();
        let (here, there) = (round(5), Round::new(&ONE, &TWO, &CheckId([9; 16]), &[4; 32], &[5; 32]));
        let ticket = claim(&values[0], &here, &slots(&values, &here));
        assert_eq!(tickets(&values, &here, &ticket), [0]);
        assert!(tickets(&values, &there, &ticket).is_empty());
        let turned = Round::new(&TWO, &ONE, &CheckId([3; 16]), &[4; 32], &[5; 32]);
        assert!(tickets(&values, &turned, &ticket).is_empty());
    }
}
