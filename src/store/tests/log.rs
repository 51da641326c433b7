use super::*;
use crate::model::log::{AbsentReason, Batch, Branch, Checkpoint, Equivocation, Salts};
use crate::store::LogState;
use crate::store::change::Refused;

#[test]
fn an_appended_batch_is_read_back_exactly_and_verifies() {
    let home = Home::new();
    home.release(TO_PEER, &["evil.example", "192.0.2.1"]);
    let first = home.append(TO_PEER);
    home.release(TO_PEER, &["bad.example"]);
    let second = home.append(TO_PEER);
    let read = home.read();
    let key = read.our_log_key(&TO_PEER).unwrap();
    assert_eq!(batch(&read, &key, 2), first);
    assert_eq!(batch(&read, &key, 3), second);
    assert!(second.verify(key.id(), first.checkpoint.head, &our_key().public()).is_ok());
    assert!(read.batch_at(&key.id(), 4).unwrap().is_none());
    assert!(read.batch_at(&key.id(), 0).unwrap().is_none());
    assert_eq!(read.our_log(&TO_PEER).unwrap().unwrap().head, second.checkpoint.head);
    assert_eq!(read.checkpoint_at(&key.id(), 2).unwrap().unwrap().checkpoint, first.checkpoint);
    assert!(read.checkpoint_at(&key.id(), 1).unwrap().is_none());
    assert_eq!(read.header(&key.id(), 3).unwrap().unwrap().hash(), second.checkpoint.head.hash);
}

#[test]
fn a_batch_that_does_not_follow_the_head_is_refused_and_one_that_is_there_is_not() {
    let home = Home::new();
    home.release(TO_PEER, &["evil.example"]);
    let change = append_change(&home.read(), TO_PEER);
    assert_eq!(home.commit(change.clone()), Outcome::Done);
    assert_eq!(home.commit(change), Outcome::Done, "the same again");
    home.release(TO_PEER, &["bad.example"]);
    let stale = append_change(&home.read(), TO_PEER);
    home.release(TO_PEER, &["worse.example"]);
    home.append(TO_PEER);
    assert_eq!(home.try_commit(stale), Err(Refused::HeadMoved.into()));
}

#[test]
fn what_was_taken_out_of_the_queue_is_not_positioned() {
    let home = Home::new();
    home.release(TO_PEER, &["evil.example", "bad.example"]);
    let prepared = append_change(&home.read(), TO_PEER);
    let records = vec![record_id(&US, &observable("evil.example"))];
    home.commit(Change::Unqueue { records, recalled: false, only: None, at: NOW });
    assert_eq!(home.try_commit(prepared), Err(Refused::WaitingMoved.into()));
    assert_eq!(home.append(TO_PEER).entries.len(), 1);
}

#[test]
fn a_received_batch_is_passed_on_as_its_author_made_it() {
    let home = Home::new();
    let mut log = Authored::by(PEER, GROUP);
    let (batch, entries) = log.indicators(&["evil.example", "bad.example"]);
    home.receive(&log, &batch, entries);
    assert_eq!(super::batch(&home.read(), &log.key, 1), batch);
    let stored = home.read().log(&log.id()).unwrap().unwrap();
    assert_eq!((stored.head, stored.state, stored.start), (batch.checkpoint.head, LogState::Open, 0));
}

#[test]
fn receiving_a_batch_twice_changes_nothing_and_answers_the_same() {
    let home = Home::new();
    let mut log = Authored::by(PEER, GROUP);
    let (batch, entries) = log.indicators(&["evil.example", "evil.example"]);
    let change = log.receive(&batch, entries);
    let first = home.commit(change.clone());
    let before = home.dump();
    assert_eq!(home.commit(change), first);
    assert_eq!(home.dump(), before);
    assert_eq!(first, Outcome::Received { verdicts: vec![Verdict::Accepted, Verdict::Duplicate], taken_back: vec![] });
}

#[test]
fn a_gap_is_refused_and_leaves_nothing() {
    let home = Home::new();
    let mut log = Authored::by(PEER, GROUP);
    log.indicators(&["evil.example"]);
    let (batch, entries) = log.indicators(&["bad.example"]);
    let before = home.dump();
    assert_eq!(home.try_commit(log.receive(&batch, entries)), Err(Refused::HeadMoved.into()));
    assert_eq!(home.dump(), before);
}

#[test]
fn absent_bodies_are_listed_until_they_are_filled() {
    let home = Home::new();
    let mut log = Authored::by(PEER, GROUP);
    let (batch, mut entries) = log.indicators(&["evil.example", "bad.example"]);
    let whole = entries.clone();
    let thin = batch.without(|seq| (seq == 2).then_some(AbsentReason::Withheld));
    entries[1].meaning = Meaning::None;
    home.receive(&log, &thin, entries);
    assert_eq!(home.read().absent(&log.id(), 10).unwrap(), [(2, AbsentReason::Withheld)]);
    assert_eq!(super::batch(&home.read(), &log.key, 1), thin);
    assert!(home.values("bad.example").is_empty());

    let Salts::Seed(seed) = batch.salts else { unreachable!() };
    let Body::Present(body) = batch.entries[1].body.clone() else { unreachable!() };
    let salt = crate::model::log::salt(&seed, 2);
    let fill = |body: &[u8]| Change::Fill { log: log.id(), seq: 2, salt, body: body.to_vec(), received: whole[1].clone(), at: NOW };
    let wrong = home.commit(fill(b"something else"));
    assert_eq!(wrong, Outcome::Received { verdicts: vec![Verdict::Invalid], taken_back: vec![] });
    for _ in 0..2 {
        assert_eq!(home.commit(fill(&body)), Outcome::Received { verdicts: vec![Verdict::Accepted], taken_back: vec![] });
    }
    assert!(home.read().absent(&log.id(), 10).unwrap().is_empty());
    assert_eq!(home.values("bad.example"), ["bad.example"]);
    let filled = super::batch(&home.read(), &log.key, 1);
    assert!(filled.verify(log.id(), Head::default(), &log.signing().public()).is_ok());
    assert_eq!(filled.entries, batch.entries);
}

#[test]
fn a_log_can_start_at_a_signed_checkpoint() {
    let home = Home::new();
    let mut log = Authored::by(PEER, GROUP);
    let (old, _) = log.indicators(&["old.example"]);
    let start = Change::StartAt { log: log.key, author_key: log.signing().public(), checkpoint: old.checkpoint.clone() };
    home.commit(start.clone());
    let (batch, entries) = log.indicators(&["evil.example"]);
    home.receive(&log, &batch, entries);
    assert_eq!(home.commit(start), Outcome::Done, "again");
    let read = home.read();
    let stored = read.log(&log.id()).unwrap().unwrap();
    assert_eq!((stored.start, stored.head), (1, batch.checkpoint.head));
    assert!(read.batch_at(&log.id(), 1).unwrap().is_none());
    assert_eq!(read.checkpoint_at(&log.id(), 1).unwrap().unwrap().checkpoint, old.checkpoint);
}

#[test]
fn an_author_caught_signing_two_histories_is_not_followed_but_may_still_recall() {
    let home = Home::new();
    let mut log = Authored::by(PEER, GROUP);
    let (batch, entries) = log.indicators(&["evil.example"]);
    home.receive(&log, &batch, entries);
    let mut twin = Authored::by(PEER, GROUP);
    let (other, _) = twin.indicators(&["bad.example"]);
    let branch = |batch: &Batch| Branch { from: batch.checkpoint.head, headers: vec![], checkpoint: batch.checkpoint.clone() };
    let proof = Equivocation::prove(branch(&batch), branch(&other), &[log.signing().public()]).unwrap();
    home.commit(Change::Evidence { log: log.key, proof: proof.clone(), at: NOW });
    let (next, entries) = log.indicators(&["worse.example"]);
    assert_eq!(home.try_commit(log.receive(&next, entries)), Err(Refused::LogClosed.into()));
    let evidence = home.read().evidence().unwrap();
    assert_eq!((evidence.len(), &evidence[0].proof), (1, &proof));
    let mode = crate::model::record::WithdrawalMode::Recall;
    home.commit(Change::TakeBack { log: log.id(), seqs: vec![1], mode, reason: String::new(), at: NOW, bars: true });
    assert!(home.values("evil.example").is_empty());
}

#[test]
fn what_our_forked_log_says_and_still_holds_waits_again_once() {
    let home = Home::new();
    home.release(TO_PEER, &["evil.example", "taken-back.example"]);
    let ours = home.append(TO_PEER);
    let key = home.read().our_log_key(&TO_PEER).unwrap();
    let mode = crate::model::record::WithdrawalMode::Recall;
    home.commit(Change::TakeBack { log: key.id(), seqs: vec![2], mode, reason: String::new(), at: NOW, bars: true });
    let mut twin = Authored { key, head: Head::default(), signer: [1; 32] };
    let (other, _) = twin.indicators(&["other.example", "more.example"]);
    let branch = |batch: &Batch| Branch { from: batch.checkpoint.head, headers: vec![], checkpoint: batch.checkpoint.clone() };
    let proof = Equivocation::prove(branch(&ours), branch(&other), &[our_key().public()]).unwrap();
    for _ in 0..2 {
        home.commit(Change::Evidence { log: key, proof: proof.clone(), at: NOW });
        home.commit(Change::Incarnation(2));
    }
    assert_eq!(agree::disagreements(&home.read()), Vec::<String>::new());
    assert_eq!(home.append(TO_PEER).entries.len(), 1, "what was recalled is not said again");
    assert_eq!(home.read().our_log_key(&TO_PEER).unwrap().incarnation, 2);
    assert_eq!(agree::disagreements(&home.read()), Vec::<String>::new());
}

#[test]
fn after_a_restore_the_old_log_is_closed_its_tail_fetched_and_the_new_one_goes_on() {
    let home = Home::new();
    home.release(TO_PEER, &["evil.example"]);
    let old = home.append(TO_PEER);
    home.release(TO_PEER, &["bad.example"]);
    let stale = append_change(&home.read(), TO_PEER);
    let old_key = home.read().our_log_key(&TO_PEER).unwrap();
    home.commit(Change::Incarnation(2));
    home.commit(Change::Incarnation(1));
    assert_eq!(home.read().incarnation().unwrap(), 2, "never goes down");
    assert_eq!(home.try_commit(stale), Err(Refused::LogClosed.into()));
    // The lost tail comes back from the peer.
    let mut ours = Authored { key: old_key, head: old.checkpoint.head, signer: [1; 32] };
    let (tail, entries) = ours.indicators(&["lost.example"]);
    home.receive(&ours, &tail, entries);
    assert_eq!(home.values("lost.example"), ["lost.example"]);
    // What waited goes into the new log.
    let batch = home.append(TO_PEER);
    assert_eq!((batch.first, batch.entries.len()), (1, 1));
    assert_eq!(home.read().logs_of(&US).unwrap().len(), 2);
    // What the tail told the peer is not told again.
    assert_eq!(home.release(TO_PEER, &["lost.example"]), [ReleaseOutcome::Duplicate]);
}

#[test]
fn a_key_change_is_kept_for_later_batches() {
    let home = Home::new();
    let mut log = Authored::by(PEER, GROUP);
    let batch = log.seal(&[(10, b"new key")]);
    let entries = log.entries(&batch, Head::default(), vec![Meaning::KeyChange([77; 32])]);
    home.receive(&log, &batch, entries);
    assert_eq!(home.read().log(&log.id()).unwrap().unwrap().author_key, [77; 32]);
    let signed = home.read().checkpoint_at(&log.id(), 1).unwrap().unwrap();
    assert_eq!(signed.author_key, Some(log.signing().public()));
    let _: &Checkpoint = &signed.checkpoint;
}

#[test]
fn quarantined_entries_are_kept_with_their_reason() {
    let home = Home::new();
    let mut log = Authored::by(PEER, GROUP);
    let batch = log.seal(&[(1, b"not a record")]);
    let mut entries = log.entries(&batch, Head::default(), vec![Meaning::None]);
    (entries[0].verdict, entries[0].problem) = (Verdict::Invalid, Some("no value".into()));
    home.receive(&log, &batch, entries);
    let kept = home.read().quarantine().unwrap();
    assert_eq!((kept.len(), kept[0].seq, kept[0].row.problem.as_str()), (1, 1, "no value"));
    let Held(body) = home.read().body(&log.id(), 1).unwrap().unwrap();
    assert_eq!(body, b"not a record");
}

#[test]
fn an_entry_of_a_newer_kind_is_read_when_its_batch_comes_to_a_program_that_knows_it() {
    let home = Home::new();
    let mut log = Authored::by(PEER, GROUP);
    let (batch, known) = log.indicators(&["evil.example", "bad.example"]);
    let mut newer = known.clone();
    newer[1].meaning = Meaning::None;
    (newer[1].verdict, newer[1].problem) = (Verdict::Unsupported, Some("a newer kind".into()));
    home.receive(&log, &batch, newer.clone());
    let place = |found: (Vec<(crate::model::LogId, u64, u8)>, _)| found.0;
    assert_eq!(place(home.read().unsupported((0, 0), 10).unwrap()), [(log.id(), 2, 1)]);
    assert!(home.values("bad.example").is_empty());
    let before = home.dump();
    home.receive(&log, &batch, newer);
    assert_eq!(home.dump(), before, "it is as new as before");

    let read = home.receive(&log, &batch, known.clone());
    assert_eq!(read, Outcome::Received { verdicts: vec![Verdict::Accepted, Verdict::Accepted], taken_back: vec![] });
    assert_eq!(home.values("bad.example"), ["bad.example"]);
    assert!(home.read().quarantine().unwrap().is_empty());
    let before = home.dump();
    assert_eq!(home.receive(&log, &batch, known), read);
    assert_eq!(home.dump(), before, "once");
}

#[test]
fn an_entry_of_a_newer_kind_that_turns_out_to_be_no_record_is_kept_with_that_reason() {
    let home = Home::new();
    let mut log = Authored::by(PEER, GROUP);
    let batch = log.seal(&[(1, b"not a record")]);
    let mut entries = log.entries(&batch, Head::default(), vec![Meaning::None]);
    (entries[0].verdict, entries[0].problem) = (Verdict::Unsupported, Some("a newer kind".into()));
    home.receive(&log, &batch, entries.clone());
    (entries[0].verdict, entries[0].problem) = (Verdict::Invalid, Some("no value".into()));
    home.receive(&log, &batch, entries);
    let kept = home.read().quarantine().unwrap();
    assert_eq!((kept.len(), kept[0].row.verdict, kept[0].row.problem.as_str()), (1, Verdict::Invalid, "no value"));
    assert_eq!(home.read().unsupported((0, 0), 10).unwrap(), (vec![], None));
    assert_eq!(home.read().unsupported((0, 0), 1).unwrap().1, Some((1, 1)), "there may be more");
}
