//! What a node says about a referral without being asked to: that it came, that it was seen, that it is the other's now, that it is gone.

use super::{Decision, Side, Standing, Step};

/// What the node knows besides the conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// Receiver: our policy takes no such offer.
    pub refused: bool,
    /// Origin: this acceptance is the one to be confirmed ([`super::choice`] says so, or a person did).
    pub chosen: bool,
    /// Origin: there is a contact that was sealed for this receiver.
    pub has_contact: bool,
    /// Receiver: body and free text are destroyed here.
    pub destroyed: bool,
    /// Origin: something came of it so long ago that nobody will look at it any more.
    pub forgotten: bool,
}

/// The next step that a side's node makes by itself, if there is one. Each is made once: what was made shows in the standing.
pub fn by_itself(side: Side, known: &Standing, facts: Facts) -> Option<Step> {
    let (origin, receiver) = (&known.origin, &known.receiver);
    let legal = |step: Step| Some(step).filter(|step| known.may(side, *step).is_ok());
    match side {
        Side::Receiver => {
            let first = if facts.refused { Step::Refuse } else { Step::Receipt };
            let untouched = !receiver.receipt && receiver.decision == Decision::Open;
            let given = origin.confirmed.filter(|number| receiver.seen < *number);
            let taken = origin.withdrawn.filter(|number| receiver.seen < *number);
            let purge = legal(Step::Purge).filter(|_| facts.destroyed);
            let seen = legal(Step::Seen).filter(|_| given.or(taken).is_some());
            legal(first).filter(|_| untouched).or(purge).or(seen)
        }
        Side::Origin => {
            let acceptance = match receiver.decision {
                Decision::Accepted(number) => Some(number),
                _ => None,
            };
            let confirm = acceptance.filter(|_| facts.chosen).and_then(|number| legal(Step::Confirm(number)));
            let contact = legal(Step::Contact).filter(|_| facts.has_contact && !origin.contact);
            let returned = receiver.handed_back.filter(|number| origin.seen < *number);
            let close = legal(Step::Close).filter(|_| facts.forgotten && receiver.resolved.is_some());
            confirm.or(contact).or_else(|| returned.and_then(|_| legal(Step::Seen))).or(close)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Message, Phase, standing};
    use super::*;

    /// Both nodes do what they do by themselves, everything coming at once, until neither has anything to do.
    fn run(mut logs: [Vec<Message>; 2], facts: [Facts; 2]) -> Standing {
        for _ in 0..20 {
            let known = standing(&logs[0], &logs[1]);
            let step = |side: Side| by_itself(side, &known, facts[side as usize]).map(|step| (side, step));
            let Some((side, step)) = step(Side::Receiver).or_else(|| step(Side::Origin)) else { return known };
            logs[side as usize].push(Message { seen: known.judged(side.other()), step });
        }
        panic!("it never ends");
    }

    fn message(seen: u64, step: Step) -> Message {
        Message { seen, step }
    }

    #[test]
    fn an_offer_is_receipted_once_or_refused() {
        let offer = vec![message(0, Step::Offer)];
        let known = run([offer.clone(), Vec::new()], [Facts::default(); 2]);
        assert_eq!((known.phase(), known.receiver.written), (Phase::Delivered, 1));
        let refused = Facts { refused: true, ..Facts::default() };
        assert_eq!(run([offer, Vec::new()], [Facts::default(), refused]).phase(), Phase::Refused);
    }

    #[test]
    fn an_acceptance_is_confirmed_where_it_was_chosen_and_then_the_contact_leaves() {
        let origin = vec![message(0, Step::Offer)];
        let receiver = vec![message(1, Step::Receipt), message(1, Step::Acknowledge), message(1, Step::Accept)];
        let unchosen = Facts { has_contact: true, ..Facts::default() };
        let known = run([origin.clone(), receiver.clone()], [unchosen, Facts::default()]);
        assert_eq!((known.phase(), known.origin.contact), (Phase::Accepted, false));
        let known = run([origin, receiver], [Facts { chosen: true, ..unchosen }, Facts::default()]);
        assert_eq!((known.owner(), known.origin.contact), (Side::Receiver, true));
        assert!(known.receiver.seen >= 2, "the receiver says that it has seen the confirmation");
    }

    #[test]
    fn what_was_withdrawn_is_purged_once_it_is_destroyed() {
        let origin = vec![message(0, Step::Offer), message(1, Step::Withdraw)];
        let receiver = vec![message(1, Step::Receipt)];
        let known = run([origin.clone(), receiver.clone()], [Facts::default(); 2]);
        assert_eq!((known.phase(), known.receiver.seen), (Phase::Withdrawn, 2), "it says that it has seen it");
        let destroyed = Facts { destroyed: true, ..Facts::default() };
        assert_eq!(run([origin, receiver], [Facts::default(), destroyed]).phase(), Phase::Purged);
    }
}
