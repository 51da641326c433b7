use super::*;
use crate::model::record::WithdrawalMode;
use crate::store::posted::POSTED_MAX;

const VOLUNTEER: u8 = RecordKind::Volunteer.number();

fn posts(home: &Home, log: &mut Authored, count: usize) -> Vec<u64> {
    let before = log.head;
    let batch = log.seal(&vec![(VOLUNTEER, b"post".as_slice()); count]);
    let entries = log.entries(&batch, before, vec![Meaning::Posted; count]);
    filtered(&home.receive(log, &batch, entries))
}

/// Which entries of a batch were too much, counted from 0.
fn filtered(outcome: &Outcome) -> Vec<u64> {
    let Outcome::Received { verdicts, .. } = outcome else { panic!("{outcome:?}") };
    (0..).zip(verdicts).filter(|(_, verdict)| **verdict == Verdict::Filtered).map(|(place, _)| place).collect()
}

#[test]
fn an_author_has_so_many_places_on_the_board_and_another_that_begins_alike_takes_none() {
    let home = Home::new();
    let twin = OrgId(std::array::from_fn(|at| if at < 8 { PEER.0[at] } else { 77 }));
    let (mut log, mut other) = (Authored::by(PEER, TO_US), Authored::by(twin, TO_US));
    assert!(posts(&home, &mut log, POSTED_MAX / 2).is_empty());
    assert_eq!(posts(&home, &mut log, POSTED_MAX / 2 + 2), [500, 501], "two are too many");
    assert!(posts(&home, &mut other, 3).is_empty(), "another's places are its own");
    // What goes makes room in the same transaction.
    let before = log.head;
    let batch = log.seal(&[(8, b"recall"), (VOLUNTEER, b"post"), (VOLUNTEER, b"post")]);
    let recall = Meaning::TakeBack { log: log.id(), seqs: vec![1], mode: WithdrawalMode::Recall, reason: String::new() };
    let entries = log.entries(&batch, before, vec![recall, Meaning::Posted, Meaning::Posted]);
    let outcome = home.receive(&log, &batch, entries);
    assert_eq!(filtered(&outcome), [2]);
    let Outcome::Received { taken_back, .. } = &outcome else { panic!("{outcome:?}") };
    assert!(taken_back[0].posted);
    let held = home.read().posts(&[VOLUNTEER]).unwrap();
    let of = |org: OrgId| held.iter().filter(|post| post.row.key.author == org).count();
    assert_eq!((of(PEER), of(twin)), (POSTED_MAX, 3));
}

#[test]
fn what_is_taken_back_of_other_kinds_is_not_of_the_board() {
    let home = Home::new();
    let mut log = Authored::by(PEER, TO_US);
    let (first, entries) = log.indicators(&["a.example"]);
    home.receive(&log, &first, entries);
    let before = log.head;
    let batch = log.seal(&[(8, b"withdrawal")]);
    let withdrawal = Meaning::TakeBack { log: log.id(), seqs: vec![1], mode: WithdrawalMode::Withdraw, reason: String::new() };
    let entries = log.entries(&batch, before, vec![withdrawal]);
    let outcome = home.receive(&log, &batch, entries);
    let Outcome::Received { taken_back, .. } = &outcome else { panic!("{outcome:?}") };
    assert!(!taken_back[0].posted);
}
