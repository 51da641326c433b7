use super::*;
use crate::model::ReferralId;
use crate::model::log::Header;
use crate::model::referral::{Message, Words};
use crate::rules::referral::Step;
use crate::store::change::{Refused, Said};

/// Items with their positions behind the log's head, in batches of at most `each`.
pub(super) fn publish_change(read: &Snapshot, audience: Audience, items: Vec<ReleaseItem>, each: usize) -> Change {
    let log = read.our_log_key(&audience).unwrap();
    let mut head = read.log(&log.id()).unwrap().map_or(Head::default(), |log| log.head);
    let mut batches: Vec<(Batch, Vec<Header>)> = Vec::new();
    for items in items.chunks(each) {
        let entry = |item: &ReleaseItem| {
            let Encoded { kind, label, retention, body, .. } = item.released.get().clone();
            BatchEntry { created: NOW, kind, label, retention, body: Body::Present(body) }
        };
        let entries = items.iter().map(entry).collect();
        batches.push(Batch::seal_with_headers(log.id(), head, entries, [7; 32], NOW, 0, &our_key()).unwrap());
        head = batches[batches.len() - 1].0.checkpoint.head;
    }
    Change::Publish { log, batches, items, disclosures: vec![disclosure(audience)], at: NOW }
}

fn items(values: &[&str]) -> Vec<ReleaseItem> {
    values.iter().map(|value| item(GROUP, indicator(value))).collect()
}

/// In no order, and enough of them to be written in runs.
fn many() -> Vec<String> {
    (0..200).map(|n| format!("x{}.example", n * 7_919 % 200)).collect()
}

#[test]
fn what_is_published_stands_as_if_it_had_been_released_and_then_positioned() {
    let (one, other) = (Home::new(), Home::new());
    let values = many();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let change = publish_change(&one.read(), GROUP, items(&values), 60);
    assert_eq!(one.commit(change.clone()), Outcome::Released(vec![ReleaseOutcome::NEWS; 200]));
    other.release(GROUP, &values);
    let Change::Publish { log, batches, .. } = change.clone() else { unreachable!() };
    let waiting: Vec<u64> = other.read().waiting(&GROUP, 1_000, 1 << 20).unwrap().iter().map(|one| one.n).collect();
    for ((batch, headers), waiting) in batches.into_iter().zip(waiting.chunks(60)) {
        let waiting = waiting.to_vec();
        other.commit(Change::Append { log, batch, headers, waiting });
    }
    let but_counters = |home: &Home| home.dump().into_iter().filter(|(table, _)| *table != "meta.v1").collect::<Vec<_>>();
    assert_eq!(but_counters(&one), but_counters(&other));
    let before = one.dump();
    assert_eq!(one.commit(change), Outcome::Released(vec![ReleaseOutcome::NEWS; 200]));
    assert_eq!(one.dump(), before, "made twice, it changes nothing more");
    assert_eq!(one.read().verify_disclosures(), Ok(1));
}

#[test]
fn what_is_not_simply_news_is_refused_and_leaves_nothing() {
    let home = Home::new();
    let refused = |home: &Home, change: Change, why: Refused| {
        let before = home.dump();
        assert_eq!(home.try_commit(change), Err(CommitError::Refused(why)));
        assert_eq!(home.dump(), before);
    };
    let publish = |values: &[&str]| publish_change(&home.read(), GROUP, items(values), 10);
    refused(&home, publish(&["a.example", "b.example", "a.example"]), Refused::WaitingMoved);
    let late = publish(&["late.example"]);
    home.commit(publish(&["a.example"]));
    refused(&home, late, Refused::HeadMoved);
    refused(&home, publish(&["new.example", "a.example"]), Refused::WaitingMoved);
    home.release(GROUP, &["waits.example"]);
    refused(&home, publish(&["new.example"]), Refused::WaitingMoved);
    home.append(GROUP);
    home.release(TO_PEER, &["elsewhere.example"]);
    let unlike = match publish(&["new.example"]) {
        Change::Publish { log, batches, disclosures, at, .. } => {
            Change::Publish { log, batches, items: items(&["other.example"]), disclosures, at }
        }
        _ => unreachable!(),
    };
    refused(&home, unlike, Refused::WaitingMoved);
    home.commit(Change::Unqueue { records: vec![record_id(&US, &observable("recalled.example"))], recalled: true, only: None, at: NOW });
    refused(&home, publish(&["recalled.example"]), Refused::WaitingMoved);
    home.commit(Change::Incarnation(9));
    home.commit(publish(&["new.example"]));
    assert_eq!(home.values("new.example"), ["new.example"]);
}

/// A message of ours to the peer: which of ours it is in the one referral.
fn message(number: u64) -> ReleaseItem {
    let (referral, heard) = (ReferralId([5; 16]), [0; 32]);
    let record = Record::Referral(Message { referral, number, seen: 0, heard, vocabulary: String::new(), words: Words::Seen });
    let step = if number == 1 { Step::Offer } else { Step::Seen };
    let said = Some(Said { referral, number, seen: 0, heard, step });
    ReleaseItem {
        record: None,
        inside: Vec::new(),
        released: released(TO_PEER, record, Tlp::AmberStrict),
        findings: Findings::default(),
        said,
    }
}

#[test]
fn a_message_that_is_published_stands_as_if_it_had_been_released_and_then_positioned() {
    let (one, other) = (Home::new(), Home::new());
    for number in 1..=2 {
        let change = publish_change(&one.read(), TO_PEER, vec![message(number)], 10);
        assert_eq!(one.commit(change.clone()), Outcome::Released(vec![ReleaseOutcome::NEWS]));
        let before = one.dump();
        assert_eq!(one.commit(change), Outcome::Released(vec![ReleaseOutcome::NEWS]));
        assert_eq!(one.dump(), before, "made twice, it changes nothing more");
        other.commit(release_change(TO_PEER, vec![message(number)]));
        other.append(TO_PEER);
    }
    // What is repeated is recognised by its position.
    let compared =
        |home: &Home| home.dump().into_iter().filter(|(table, _)| !["meta.v1", "unnamed.v1"].contains(table)).collect::<Vec<_>>();
    assert_eq!(compared(&one), compared(&other));
    assert_eq!(one.read().conversation(&ReferralId([5; 16])).unwrap().unwrap().origin.len(), 2);
    assert_eq!(one.read().waiting_audiences().unwrap(), []);
}

#[test]
fn a_message_that_is_not_the_next_one_is_not_published_and_leaves_nothing() {
    let home = Home::new();
    let refused = |change: Change, why: Refused| {
        let before = home.dump();
        assert_eq!(home.try_commit(change), Err(CommitError::Refused(why)));
        assert_eq!(home.dump(), before);
    };
    let publish = |numbers: &[u64]| publish_change(&home.read(), TO_PEER, numbers.iter().map(|number| message(*number)).collect(), 10);
    refused(publish(&[2]), Refused::ReferralMoved);
    let late = publish(&[1]);
    home.commit(publish(&[1]));
    refused(publish(&[1]), Refused::ReferralMoved);
    refused(publish(&[3]), Refused::ReferralMoved);
    refused(publish(&[2, 2]), Refused::WaitingMoved);
    home.release(TO_PEER, &["waits.example"]);
    refused(publish(&[2]), Refused::WaitingMoved);
    home.append(TO_PEER);
    home.commit(late);
    home.commit(publish(&[2]));
}

#[test]
fn rows_that_come_in_any_order_and_among_others_are_all_found() {
    let home = Home::new();
    let values = many();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    // Every second one first, so that the rest falls between rows that are there; some come twice in one change.
    let half: Vec<&str> = values.iter().step_by(2).copied().collect();
    assert!(home.release(GROUP, &half).iter().all(|outcome| *outcome == ReleaseOutcome::NEWS));
    let twice = [values.clone(), vec![values[1], values[3]]].concat();
    let outcomes = home.release(GROUP, &twice);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == ReleaseOutcome::NEWS).count(), 100);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == ReleaseOutcome::Duplicate).count(), 102);
    for value in &values {
        let hit = home.read().said_of(&observable(value), NOW).unwrap().unwrap();
        assert_eq!((hit.observable.value(), hit.provenances.len()), (*value, 1));
        let next = |audience, tlp: Tlp| {
            let said = (tlp.into(), hit.provenances[0].retention);
            home.read().told_next(audience, &observable(value), said, format!("{value}|None").as_bytes()).unwrap()
        };
        assert_eq!(next(&GROUP, Tlp::Green), ReleaseOutcome::Duplicate);
        assert_eq!(next(&GROUP, Tlp::Red), ReleaseOutcome::Queued { before: Some(Tlp::Green.into()) });
        assert_eq!(next(&TO_PEER, Tlp::Green), ReleaseOutcome::NEWS);
    }
    assert_eq!(home.read().said_of(&observable("absent.example"), NOW).unwrap(), None);
}
