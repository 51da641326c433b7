//! Messages about referrals as they come: out of order, with some missing, and more than fit.

use super::*;
use crate::model::ReferralId;
use crate::rules::referral::Step;
use crate::store::change::Said;

/// A peer's messages to us: of which referral, which of its own, and what it does.
fn hear(home: &Home, log: &mut Authored, said: &[(u8, u64, Step)]) -> Vec<Verdict> {
    let before = log.head;
    let bodies: Vec<Vec<u8>> = said.iter().map(|(of, number, _)| vec![*of, *number as u8, (*number >> 8) as u8]).collect();
    let bodies: Vec<(u8, &[u8])> = bodies.iter().map(|body| (7, body.as_slice())).collect();
    let batch = log.seal(&bodies);
    let meaning = |(of, number, step): &(u8, u64, Step)| {
        Meaning::Said(Said { referral: ReferralId([*of; 16]), number: *number, seen: 0, heard: [0; 32], step: *step })
    };
    let entries = log.entries(&batch, before, said.iter().map(meaning).collect());
    match home.receive(log, &batch, entries) {
        Outcome::Received { verdicts, .. } => verdicts,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_missing_of_a_conversation_leaves_a_gap_of_which_a_word_can_still_come() {
    let home = Home::new();
    let mut log = Authored::by(PEER, Audience::Direct(US));
    assert_eq!(hear(&home, &mut log, &[(1, 1, Step::Offer)]), [Verdict::Accepted]);
    // 255 of its messages were destroyed before they came: more than a conversation has.
    assert_eq!(hear(&home, &mut log, &[(1, 258, Step::Close)]), [Verdict::Invalid], "one more than is believed");
    assert_eq!(hear(&home, &mut log, &[(1, 34, Step::Seen)]), [Verdict::Invalid], "a word that ends nothing comes behind 31 at the most");
    assert_eq!(hear(&home, &mut log, &[(2, 34, Step::Withdraw)]), [Verdict::Filtered], "nor makes an end of what is unknown so much");
    assert_eq!(hear(&home, &mut log, &[(1, 257, Step::Close)]), [Verdict::Accepted]);
    let conversation = home.read().conversation(&ReferralId([1; 16])).unwrap().unwrap();
    assert_eq!(conversation.origin.len(), 257);
    assert!(conversation.origin[1..256].iter().all(|message| message.step == Step::Gone && message.body == 0));
    assert!(!conversation.row.forked);
    // What was lost on the way and comes after all is what the gap stands for.
    assert_eq!(hear(&home, &mut log, &[(1, 9, Step::Seen)]), [Verdict::Duplicate]);
}

#[test]
fn as_many_referrals_of_a_partner_are_open_as_are_wanted_and_any_can_be_withdrawn() {
    let home = Home::with(|options| options.referrals_max = 2);
    let mut log = Authored::by(PEER, Audience::Direct(US));
    let offers = hear(&home, &mut log, &[(1, 1, Step::Offer), (2, 1, Step::Offer), (3, 1, Step::Offer)]);
    assert_eq!(offers, [Verdict::Accepted, Verdict::Accepted, Verdict::Refused]);
    assert!(home.read().referral(&ReferralId([3; 16])).unwrap().is_none());
    assert_eq!(hear(&home, &mut log, &[(1, 2, Step::Withdraw)]), [Verdict::Accepted], "a known one is not new");
    // Whoever took it back waits to hear that nothing of it is here.
    assert_eq!(hear(&home, &mut log, &[(3, 2, Step::Withdraw)]), [Verdict::Accepted]);
    // That is bounded too: each stays until it is answered.
    assert_eq!(hear(&home, &mut log, &[(4, 2, Step::Withdraw), (5, 2, Step::Withdraw)]), [Verdict::Accepted, Verdict::Refused]);
    assert_eq!(hear(&home, &mut log, &[(6, 1, Step::Offer)]), [Verdict::Refused]);
    // Another partner has room of its own.
    let mut other = Authored::by(OrgId([77; 32]), Audience::Direct(US));
    assert_eq!(hear(&home, &mut other, &[(7, 1, Step::Offer)]), [Verdict::Accepted]);
}
