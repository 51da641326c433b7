use super::*;
use crate::model::log::{AbsentReason, Salts};
use crate::model::record::ReceiptOutcome::{Absent, Destroyed, Revoked};
use crate::model::record::WithdrawalMode::{Recall, Withdraw};
use crate::model::record::{ReceiptOutcome, WithdrawalMode};
use crate::store::ProvenanceState;

fn take_back(log: &LogKey, seqs: &[u64], mode: WithdrawalMode) -> Change {
    Change::TakeBack { log: log.id(), seqs: seqs.to_vec(), mode, reason: "a mistake".into(), at: NOW, bars: true }
}

fn outcomes(outcome: Outcome) -> Vec<(u64, ReceiptOutcome)> {
    match outcome {
        Outcome::TakenBack(outcomes) => outcomes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_recall_leaves_no_trace_of_the_value_in_any_table() {
    let mut home = Home::new();
    let mut log = Authored::by(PEER, GROUP);
    let (batch, entries) = log.indicators(&["secret.example", "evil.example", "192.0.2.77"]);
    home.receive(&log, &batch, entries);
    assert!(home.has_trace_of("secret.example").is_some(), "or the test would prove nothing");
    assert!(home.has_trace_of("192.0.2.77").is_some());
    assert_eq!(outcomes(home.commit(take_back(&log.key, &[1, 3], Recall))), [(1, Destroyed), (3, Destroyed)]);
    home.reopen();
    assert_eq!(home.has_trace_of("secret.example"), None);
    assert_eq!(home.has_trace_of("192.0.2.77"), None);
    assert!(home.values("secret.example").is_empty());
    assert_eq!(home.values("evil.example"), ["evil.example"]);
    assert!(home.read().find(&record_id(&PEER, &observable("secret.example"))).unwrap().is_none());
    assert_eq!(home.read().counts().unwrap()[&1], 1);
}

#[test]
fn a_recalled_own_record_leaves_no_trace_and_is_not_shared_again() {
    let home = Home::new();
    home.release(GROUP, &["secret.example", "evil.example"]);
    home.append(GROUP);
    home.release(TO_PEER, &["secret.example"]);
    let record = record_id(&US, &observable("secret.example"));
    let key = home.read().our_log_key(&GROUP).unwrap();
    home.commit(take_back(&key, &[1], Recall));
    assert_eq!(home.values("secret.example"), ["secret.example"], "it still waits for the other audience");
    home.commit(Change::Unqueue { records: vec![record], recalled: true, only: None, at: NOW });
    assert_eq!(home.has_trace_of("secret.example"), None);
    assert!(home.read().waiting(&TO_PEER, 10, 1 << 20).unwrap().is_empty());
    assert_eq!(home.release(TO_PEER, &["secret.example", "new.example"]), [ReleaseOutcome::Recalled, ReleaseOutcome::NEWS]);
    assert_eq!(home.has_trace_of("secret.example"), None);
    assert!(home.read().is_recalled(&record).unwrap());
    // The record's receipts are found although nothing of its value is.
    let outcomes = vec![(1, Destroyed)];
    home.commit(Change::Receipt { holder: PEER, log: key.id(), outcomes, at: NOW });
    let receipts = home.read().receipts(&record).unwrap();
    assert_eq!(receipts.iter().map(|one| (one.holder, one.seq, one.outcome)).collect::<Vec<_>>(), [(PEER, 1, Destroyed)]);
}

#[test]
fn what_waits_for_one_audience_is_taken_out_of_its_queue_alone() {
    let home = Home::new();
    home.release(GROUP, &["secret.example"]);
    home.release(TO_PEER, &["secret.example"]);
    let records = vec![record_id(&US, &observable("secret.example"))];
    home.commit(Change::Unqueue { records, recalled: false, only: Some(GROUP), at: NOW });
    assert!(home.read().waiting(&GROUP, 10, 1 << 20).unwrap().is_empty());
    assert_eq!(home.read().waiting(&TO_PEER, 10, 1 << 20).unwrap().len(), 1);
}

#[test]
fn taking_out_of_a_queue_that_never_was_writes_nothing() {
    let home = Home::new();
    home.release(TO_PEER, &["secret.example"]);
    let before = home.dump();
    let records = vec![record_id(&US, &observable("secret.example"))];
    home.commit(Change::Unqueue { records, recalled: false, only: Some(GROUP), at: NOW });
    home.commit(Change::Dequeue { audience: GROUP, waiting: vec![1], at: NOW });
    assert_eq!(home.dump(), before);
}

#[test]
fn a_batch_with_a_recalled_body_gives_up_its_seed_and_still_verifies() {
    let home = Home::new();
    let mut log = Authored::by(PEER, GROUP);
    let (batch, entries) = log.indicators(&["a.example", "secret.example", "c.example"]);
    home.receive(&log, &batch, entries);
    let Salts::Seed(seed) = batch.salts.clone() else { unreachable!() };
    home.commit(take_back(&log.key, &[2], Recall));
    home.commit(take_back(&log.key, &[2], Recall));
    let thin = super::batch(&home.read(), &log.key, 1);
    assert_eq!(thin, batch.without(|seq| (seq == 2).then_some(AbsentReason::Recalled)));
    assert!(thin.verify(log.id(), Head::default(), &log.signing().public()).is_ok());
    for secret in [seed, crate::model::log::salt(&seed, 2)] {
        let hex = data_encoding::HEXLOWER.encode(&secret);
        assert!(home.dump().iter().all(|(_, row)| !row.contains(&hex)), "the body could be guessed with it");
    }
}

#[test]
fn a_body_that_comes_after_its_recall_is_not_stored() {
    let home = Home::new();
    let mut log = Authored::by(PEER, GROUP);
    let (batch, entries) = log.indicators(&["a.example", "secret.example"]);
    assert_eq!(outcomes(home.commit(take_back(&log.key, &[2], Recall))), [(2, Absent)]);
    home.receive(&log, &batch, entries);
    assert_eq!(home.has_trace_of("secret.example"), None);
    assert_eq!(super::batch(&home.read(), &log.key, 1), batch.without(|seq| (seq == 2).then_some(AbsentReason::Recalled)));
    assert!(home.read().absent(&log.id(), 10).unwrap().is_empty(), "nobody is asked for it");
}

#[test]
fn a_recall_inside_the_log_takes_earlier_and_later_entries_back() {
    let home = Home::new();
    let mut log = Authored::by(PEER, GROUP);
    let before = log.head;
    let batch = log.seal(&[(1, b"secret.example|"), (8, b"recall"), (1, b"later.example|")]);
    let recall = Meaning::TakeBack { log: log.id(), seqs: vec![1, 3, 4], mode: Recall, reason: String::new() };
    let meanings = vec![log.meaning("secret.example"), recall, log.meaning("later.example")];
    let entries = log.entries(&batch, before, meanings);
    let withdrawal = entries[1].header.hash();
    let outcome = home.receive(&log, &batch, entries.clone());
    let Outcome::Received { taken_back, .. } = &outcome else { panic!("{outcome:?}") };
    assert_eq!(taken_back[0].outcomes, [(1, Destroyed), (3, Destroyed), (4, Absent)]);
    assert_eq!((taken_back[0].withdrawal, taken_back[0].log), (withdrawal, log.id()));
    assert_eq!(home.has_trace_of("secret.example"), None);
    assert_eq!(home.has_trace_of("later.example"), None);
    let (next, entries) = log.indicators(&["fourth.example"]);
    home.receive(&log, &next, entries);
    assert_eq!(home.has_trace_of("fourth.example"), None);
}

#[test]
fn nobody_takes_back_what_another_wrote() {
    let home = Home::new();
    let (mut log, mut thief) = (Authored::by(PEER, GROUP), Authored::by(OTHER, GROUP));
    let (batch, entries) = log.indicators(&["evil.example", "bad.example"]);
    let first = log.clone();
    let steal = |home: &Home, thief: &mut Authored| {
        let before = thief.head;
        let stolen = thief.seal(&[(8, b"recall")]);
        let meaning = Meaning::TakeBack { log: first.id(), seqs: vec![1, 2], mode: Recall, reason: String::new() };
        let entries = thief.entries(&stolen, before, vec![meaning]);
        home.receive(thief, &stolen, entries);
    };
    // Before we know the log, and after.
    steal(&home, &mut thief);
    home.receive(&log, &batch, entries);
    steal(&home, &mut thief);
    assert_eq!(home.values("evil.example"), ["evil.example"]);
    assert_eq!(home.values("bad.example"), ["bad.example"]);
}

#[test]
fn the_authors_own_recall_holds_before_its_log_is_known() {
    let home = Home::new();
    let mut old = Authored::by(PEER, GROUP);
    let (batch, entries) = old.indicators(&["secret.example"]);
    // The recall comes in the next incarnation's log, which arrives first.
    let mut new = Authored { key: LogKey { incarnation: 2, ..old.key }, head: Head::default(), signer: old.signer };
    let recall = new.seal(&[(8, b"recall")]);
    let meaning = Meaning::TakeBack { log: old.id(), seqs: vec![1], mode: Recall, reason: String::new() };
    let meanings = new.entries(&recall, Head::default(), vec![meaning]);
    home.receive(&new, &recall, meanings);
    home.receive(&old, &batch, entries);
    assert_eq!(home.has_trace_of("secret.example"), None);
}

#[test]
fn a_withdrawn_record_stays_findable_as_revoked() {
    let home = Home::new();
    let mut log = Authored::by(PEER, GROUP);
    let (batch, entries) = log.indicators(&["evil.example"]);
    home.receive(&log, &batch, entries);
    for _ in 0..2 {
        assert_eq!(outcomes(home.commit(take_back(&log.key, &[1], Withdraw))), [(1, Revoked)]);
    }
    let hits = home.read().lookup(&observable("evil.example"), NOW).unwrap().hits;
    assert_eq!(hits[0].provenances[0].state, ProvenanceState::Revoked);
    let row = home.read().taken_back(&log.id(), 1).unwrap().unwrap();
    assert_eq!((row.mode, row.reason.as_str(), row.outcome), (Withdraw, "a mistake", Revoked));
    // What comes later as a recall goes all the same, and a withdrawal does not undo that.
    assert_eq!(outcomes(home.commit(take_back(&log.key, &[1], Recall))), [(1, Destroyed)]);
    assert_eq!(outcomes(home.commit(take_back(&log.key, &[1], Withdraw))), [(1, Destroyed)]);
    assert_eq!(home.has_trace_of("evil.example"), None);
}

#[test]
fn a_withdrawal_ahead_of_its_entry_shows_it_as_revoked_from_the_start() {
    let home = Home::new();
    let mut log = Authored::by(PEER, GROUP);
    let (batch, entries) = log.indicators(&["evil.example"]);
    home.commit(take_back(&log.key, &[1], Withdraw));
    home.receive(&log, &batch, entries);
    let hits = home.read().lookup(&observable("evil.example"), NOW).unwrap().hits;
    assert_eq!(hits[0].provenances[0].state, ProvenanceState::Revoked);
    assert_eq!(outcomes(home.commit(take_back(&log.key, &[1], Withdraw))), [(1, Revoked)]);
}

#[test]
fn a_withdrawn_own_record_may_be_released_again() {
    let home = Home::new();
    home.release(GROUP, &["evil.example"]);
    home.append(GROUP);
    let key = home.read().our_log_key(&GROUP).unwrap();
    home.commit(take_back(&key, &[1], Withdraw));
    assert_eq!(home.release(GROUP, &["evil.example"]), [ReleaseOutcome::NEWS]);
    let hits = home.read().lookup(&observable("evil.example"), NOW).unwrap().hits;
    assert_eq!(hits[0].provenances.iter().map(|one| (one.state, one.waiting)).collect::<Vec<_>>(), [(ProvenanceState::Live, true)]);
}

#[test]
fn destroying_an_expired_body_keeps_its_header() {
    let home = Home::new();
    let mut log = Authored::by(PEER, GROUP);
    let (batch, entries) = log.indicators(&["evil.example"]);
    home.receive(&log, &batch, entries);
    home.commit(Change::Destroy { log: log.id(), seqs: vec![1, 9], reason: AbsentReason::Expired, at: NOW });
    assert_eq!(home.has_trace_of("evil.example"), None);
    let thin = super::batch(&home.read(), &log.key, 1);
    assert!(matches!(thin.entries[0].body, Body::Absent { reason: AbsentReason::Expired, .. }));
    assert_eq!(home.read().header(&log.id(), 1).unwrap().unwrap().hash(), batch.checkpoint.head.hash);
}

#[test]
fn one_authors_recall_leaves_what_another_says() {
    let home = Home::new();
    let (mut one, mut other) = (Authored::by(PEER, GROUP), Authored::by(OTHER, GROUP));
    for log in [&mut one, &mut other] {
        let (batch, entries) = log.indicators(&["evil.example"]);
        home.receive(log, &batch, entries);
    }
    home.commit(take_back(&one.key, &[1], Recall));
    let hits = home.read().lookup(&observable("evil.example"), NOW).unwrap().hits;
    assert_eq!(hits[0].provenances.iter().map(|one| one.author).collect::<Vec<_>>(), [OTHER]);
}

#[test]
fn compacting_wipes_destroyed_bytes_from_the_file() {
    let home = Home::new();
    let mut log = Authored::by(PEER, GROUP);
    let (batch, entries) = log.indicators(&["verysecretname.example"]);
    home.receive(&log, &batch, entries);
    home.commit(take_back(&log.key, &[1], Recall));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert!(runtime.block_on(home.store().compact()).unwrap());
    let file = std::fs::read(home.path().join(crate::store::FILE_NAME)).unwrap();
    assert!(!file.windows(14).any(|window| window == b"verysecretname"));
}

/// A batch of withdrawals, each of these positions of a log.
fn withdrawals(log: &mut Authored, of: crate::model::LogId, each: &[&[u64]], mode: WithdrawalMode) -> (Batch, Vec<Received>) {
    let before = log.head;
    let bodies: Vec<(u8, &[u8])> = each.iter().map(|_| (8, b"a withdrawal".as_slice())).collect();
    let batch = log.seal(&bodies);
    let meaning = |seqs: &&[u64]| Meaning::TakeBack { log: of, seqs: seqs.to_vec(), mode, reason: "a mistake".into() };
    let entries = log.entries(&batch, before, each.iter().map(meaning).collect());
    (batch, entries)
}

fn rows_taken_back(home: &Home) -> usize {
    home.dump().iter().filter(|(table, _)| *table == "taken_back.v1").count()
}

#[test]
fn one_author_takes_back_so_many_entries_that_have_not_come_and_what_is_held_is_always_destroyed() {
    let home = Home::with(|options| options.ahead_max = 3);
    let (mut held, unknown) = (Authored::by(PEER, GROUP), Authored::by(PEER, TO_US).id());
    let (batch, entries) = held.indicators(&["secret.example", "evil.example"]);
    home.receive(&held, &batch, entries);
    let of = held.id();
    let (batch, entries) = withdrawals(&mut held, unknown, &[&[1, 2], &[3, 4, 5], &[6]], Recall);
    let Outcome::Received { verdicts, .. } = home.receive(&held, &batch, entries) else { panic!("received") };
    assert_eq!(verdicts, [Verdict::Accepted, Verdict::Filtered, Verdict::Filtered]);
    assert_eq!((home.read().ahead(&PEER).unwrap(), rows_taken_back(&home)), (3, 3));
    // What is held goes all the same, beside positions beyond the bound.
    let (batch, entries) = withdrawals(&mut held, of, &[&[1, 900, 901]], Recall);
    let Outcome::Received { verdicts, taken_back } = home.receive(&held, &batch, entries.clone()) else { panic!("received") };
    assert_eq!(verdicts, [Verdict::Filtered]);
    assert_eq!(taken_back[0].outcomes, [(1, Destroyed), (900, Absent), (901, Absent)]);
    assert_eq!(home.has_trace_of("secret.example"), None);
    assert_eq!(home.values("evil.example"), ["evil.example"]);
    let Outcome::Received { verdicts, .. } = home.receive(&held, &batch, entries) else { panic!("received") };
    assert_eq!(verdicts, [Verdict::Filtered], "received again, it says the same");
    // Another author has its own bound.
    let mut other = Authored::by(OTHER, GROUP);
    let (batch, entries) = withdrawals(&mut other, Authored::by(OTHER, TO_US).id(), &[&[1, 2]], Withdraw);
    let Outcome::Received { verdicts, .. } = home.receive(&other, &batch, entries) else { panic!("received") };
    assert_eq!(verdicts, [Verdict::Accepted]);
}

#[test]
fn what_has_come_is_not_ahead_any_more() {
    let home = Home::with(|options| options.ahead_max = 2);
    let (mut saying, mut taking) = (Authored::by(PEER, TO_US), Authored::by(PEER, GROUP));
    let (batch, entries) = withdrawals(&mut taking, saying.id(), &[&[1, 2]], Recall);
    home.receive(&taking, &batch, entries);
    assert_eq!(home.read().ahead(&PEER).unwrap(), 2);
    let (batch, entries) = saying.indicators(&["secret.example", "evil.example", "new.example"]);
    home.receive(&saying, &batch, entries);
    assert_eq!(home.read().ahead(&PEER).unwrap(), 0);
    assert_eq!((home.has_trace_of("secret.example"), home.values("new.example").len()), (None, 1));
    let (batch, entries) = withdrawals(&mut taking, saying.id(), &[&[3], &[4, 5]], Withdraw);
    let Outcome::Received { verdicts, .. } = home.receive(&taking, &batch, entries) else { panic!("received") };
    assert_eq!(verdicts, [Verdict::Accepted, Verdict::Accepted], "there is room again");
}

#[test]
fn what_stands_before_the_start_of_a_log_is_not_ahead_any_more() {
    let home = Home::with(|options| options.ahead_max = 3);
    let (mut saying, mut taking) = (Authored::by(PEER, TO_US), Authored::by(PEER, GROUP));
    let (batch, entries) = withdrawals(&mut taking, saying.id(), &[&[1, 2, 4]], Recall);
    home.receive(&taking, &batch, entries);
    assert_eq!(home.read().ahead(&PEER).unwrap(), 3);
    let (old, _) = saying.indicators(&["a.example", "b.example", "c.example"]);
    let start = Change::StartAt { log: saying.key, author_key: saying.signing().public(), checkpoint: old.checkpoint };
    for _ in 0..2 {
        home.commit(start.clone());
        assert_eq!((home.read().ahead(&PEER).unwrap(), rows_taken_back(&home)), (1, 1), "it never comes, so nothing is remembered of it");
    }
    let (batch, entries) = saying.indicators(&["secret.example"]);
    home.receive(&saying, &batch, entries);
    assert_eq!((home.read().ahead(&PEER).unwrap(), home.has_trace_of("secret.example")), (0, None));
}
