//! Checks for duplicates.

use super::wire::{self, frame::Frame as Kind};
use super::{Malformed, fixed};
use crate::model::CheckId;
use crate::model::duplicate::{Answer, Evaluated, MatchPublic, Purpose, Refusal, Said};
use crate::rules::label::Outbound;

const CHECK: &str = "the id of a check has 16 bytes";

/// The frame of what is said of a check.
///
/// ```
/// use watchfire::link::convert::duplicate_frame;
/// use watchfire::model::duplicate::Said;
/// use watchfire::rules::label::Outbound;
///
/// fn send(outbound: &Outbound<Said>) {
///     duplicate_frame(outbound);
/// }
/// ```
///
/// ```compile_fail,E0308
/// use watchfire::link::convert::duplicate_frame;
/// use watchfire::model::duplicate::Said;
/// use watchfire::rules::label::Held;
///
/// fn send(held: &Held<Said>) {
///     duplicate_frame(held);
/// }
/// ```
pub fn duplicate_frame(outbound: &Outbound<Said>) -> wire::Frame {
    let kind = match outbound.get() {
        Said::Query { check, blinded, purpose } => {
            Kind::DuplicateQuery(wire::DuplicateQuery { check: check.0.to_vec(), blinded: blinded.to_vec(), purpose: *purpose as u32 })
        }
        Said::Answer { check, answer } => {
            let Answer { evaluated: Evaluated { element, proof }, nonce, slots, key } = &**answer;
            Kind::DuplicateAnswer(wire::DuplicateAnswer {
                check: check.0.to_vec(),
                evaluated: element.to_vec(),
                proof: proof.to_vec(),
                nonce: nonce.to_vec(),
                slots: slots.clone(),
                refused: 0,
                key: key.map(|key| key.bytes().to_vec()).unwrap_or_default(),
            })
        }
        Said::Refusal { check, why } => {
            Kind::DuplicateAnswer(wire::DuplicateAnswer { check: check.0.to_vec(), refused: *why as u32, ..Default::default() })
        }
        Said::Claim { check, ticket } => Kind::DuplicateClaim(wire::DuplicateClaim { check: check.0.to_vec(), ticket: ticket.to_vec() }),
    };
    wire::Frame { frame: Some(kind) }
}

/// A question, or which check it is of that asks what only a newer node knows.
///
/// # Errors
/// When a field has not its length. Whether it is a group element whoever evaluates it finds out.
pub fn read_query(query: &wire::DuplicateQuery) -> Result<Result<Said, CheckId>, Malformed> {
    let (check, blinded) = (CheckId(fixed(&query.check, CHECK)?), fixed(&query.blinded, "a blinded element has 32 bytes")?);
    Ok(Purpose::from_number(query.purpose).map(|purpose| Said::Query { check, blinded, purpose }).ok_or(check))
}

/// An answer or a refusal.
///
/// # Errors
/// When a field has not its length, or the slots do not ascend.
pub fn read_answer(answer: wire::DuplicateAnswer) -> Result<Said, Malformed> {
    let check = CheckId(fixed(&answer.check, CHECK)?);
    if answer.refused != 0 {
        return Ok(Said::Refusal { check, why: Refusal::from_number(answer.refused) });
    }
    let key = (!answer.key.is_empty()).then(|| MatchPublic::from_bytes(&answer.key)).transpose();
    let key = key.map_err(|_| Malformed("a key is a group element"))?;
    let purpose = if key.is_some() { Purpose::Sighting } else { Purpose::Contact };
    let ascends = answer.slots.len() == purpose.slots_bytes() && answer.slots.chunks(purpose.slot_bytes()).is_sorted();
    if !ascends {
        return Err(Malformed("an answer has all slots, and they ascend"));
    }
    let evaluated = Evaluated {
        element: fixed(&answer.evaluated, "an evaluation has 32 bytes")?,
        proof: fixed(&answer.proof, "a proof has 64 bytes")?,
    };
    let nonce = fixed(&answer.nonce, "a nonce has 32 bytes")?;
    Ok(Said::Answer { check, answer: Box::new(Answer { evaluated, nonce, slots: answer.slots, key }) })
}

/// A ticket, or random bytes.
///
/// # Errors
/// When a field has not its length.
pub fn read_claim(claim: &wire::DuplicateClaim) -> Result<Said, Malformed> {
    Ok(Said::Claim { check: CheckId(fixed(&claim.check, CHECK)?), ticket: fixed(&claim.ticket, "a ticket has 16 bytes")? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::duplicate::MatchKey;
    use crate::rules::label::{AudienceState, Held, outbound_duplicate};
    use prost::Message;

    const CHECK_ID: CheckId = CheckId([7; 16]);

    fn answer(purpose: Purpose) -> Said {
        let evaluated = Evaluated { element: [1; 32], proof: [2; 64] };
        let key = MatchKey::from_seed(&[4; 32]).expect("a key").public();
        let key = (purpose == Purpose::Sighting).then_some(key);
        Said::Answer { check: CHECK_ID, answer: Box::new(Answer { evaluated, nonce: [3; 32], slots: vec![5; purpose.slots_bytes()], key }) }
    }

    fn all() -> [Said; 6] {
        let query = |purpose| Said::Query { check: CHECK_ID, blinded: [1; 32], purpose };
        [
            query(Purpose::Contact),
            query(Purpose::Sighting),
            answer(Purpose::Contact),
            answer(Purpose::Sighting),
            Said::Refusal { check: CHECK_ID, why: Refusal::UsedUp },
            Said::Claim { check: CHECK_ID, ticket: [9; 16] },
        ]
    }

    fn frame(said: Said) -> wire::Frame {
        duplicate_frame(&outbound_duplicate(Held(said), AudienceState::OPEN).expect("an open peer"))
    }

    #[test]
    fn what_is_said_survives_its_frame() {
        for said in all() {
            let read = match frame(said.clone()).frame.expect("a frame") {
                Kind::DuplicateQuery(query) => read_query(&query).map(|known| known.expect("what is known here")),
                Kind::DuplicateAnswer(answer) => read_answer(answer),
                Kind::DuplicateClaim(claim) => read_claim(&claim),
                other => panic!("{other:?}"),
            };
            assert_eq!(read, Ok(said));
        }
    }

    #[test]
    fn it_leaves_for_a_peer_with_an_open_link_alone() {
        use crate::rules::policy::Allowance;
        let closed = AudienceState::Peer { open: false, allowance: Allowance::OPEN };
        for state in [closed, AudienceState::Unconfirmed, AudienceState::Unknown, AudienceState::FormerGroup] {
            for said in all() {
                assert!(outbound_duplicate(Held(said), state).is_err(), "{state:?}");
            }
        }
    }

    #[test]
    fn a_frame_has_one_size_whatever_is_in_it_and_fits() {
        let sizes = all().map(|said| frame(said).encoded_len());
        assert_eq!(sizes, [54, 56, 16_544, 32_962, 22, 39]);
        assert!(sizes.iter().all(|size| *size <= 64 << 10));
    }

    #[test]
    fn fields_of_other_lengths_are_refused() {
        let query = |check: usize, blinded: usize, purpose| {
            read_query(&wire::DuplicateQuery { check: vec![7; check], blinded: vec![0; blinded], purpose })
        };
        assert!(query(15, 32, 0).is_err() && query(16, 33, 0).is_err());
        assert_eq!(query(16, 32, 2), Ok(Err(CHECK_ID)), "what a newer node asks has an id to be refused by");
        assert!(read_claim(&wire::DuplicateClaim { check: vec![0; 16], ticket: vec![0; 32] }).is_err());
        let Some(Kind::DuplicateAnswer(good)) = frame(answer(Purpose::Contact)).frame else { panic!("an answer") };
        let edits: [fn(&mut wire::DuplicateAnswer); 7] = [
            |answer| answer.evaluated.clear(),
            |answer| answer.proof.push(0),
            |answer| answer.nonce.clear(),
            |answer| answer.slots.truncate(Purpose::Contact.slots_bytes() - Purpose::Contact.slot_bytes()),
            |answer| answer.key = vec![0; 32],
            |answer| answer.key = MatchKey::from_seed(&[4; 32]).expect("a key").public().bytes().to_vec(),
            |answer| answer.slots[0] = 6,
        ];
        for (n, edit) in edits.iter().enumerate() {
            let mut bad = good.clone();
            edit(&mut bad);
            assert!(read_answer(bad).is_err(), "edit {n}");
        }
        assert!(read_answer(wire::DuplicateAnswer { refused: 77, check: vec![7; 16], ..Default::default() }).is_ok(), "a newer reason");
    }
}
