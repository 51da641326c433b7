use super::*;
use crate::model::record::WithdrawalMode;
use crate::model::sighting::{Sighting, SightingType};
use crate::rules::statistics::{Event, Measure, Period, Way};
use crate::store::SightingRow;
use crate::store::change::Shelf;
use crate::store::sighting::{AHEAD_MAX, KEPT_MAX, PASSED_ON_MAX};
use std::collections::BTreeMap;

const SIGHTING: u8 = RecordKind::Sighting.number();

/// Our log with a value in it, at position 1.
fn home() -> (Home, LogKey) {
    let home = Home::new();
    home.release(GROUP, &["lure.example"]);
    home.append(GROUP);
    let key = home.read().our_log_key(&GROUP).unwrap();
    (home, key)
}

fn met(log: &LogKey, seqs: Vec<u64>, what: SightingType, count: u32) -> Sighting {
    Sighting { log: log.id(), seqs, what, count, first: Timestamp(1), last: Timestamp(2), passed_on: None }
}

fn hear(home: &Home, from: &mut Authored, said: Vec<(Sighting, Option<GroupId>)>) -> Vec<Verdict> {
    let before = from.head;
    let bodies: Vec<String> = said.iter().map(|(sighting, _)| format!("{sighting:?}")).collect();
    let bodies: Vec<(u8, &[u8])> = bodies.iter().map(|body| (SIGHTING, body.as_bytes())).collect();
    let batch = from.seal(&bodies);
    let meanings = said.into_iter().map(|(sighting, member)| Meaning::Sighting { sighting, member }).collect();
    let entries = from.entries(&batch, before, meanings);
    let first = home.receive(from, &batch, entries.clone());
    // Received again nothing changes.
    let (counts, rows) = (counted(home), home.read().all_kept(Shelf::Sighting).unwrap());
    assert_eq!(home.receive(from, &batch, entries), first);
    assert_eq!((counts, rows), (counted(home), home.read().all_kept(Shelf::Sighting).unwrap()));
    let Outcome::Received { verdicts, .. } = first else { panic!("{first:?}") };
    verdicts
}

fn words(home: &Home, log: &LogKey, seq: u64) -> Vec<SightingRow> {
    home.read().sightings(&log.id(), seq, NOW).unwrap()
}

/// How many were counted as sighted and as false, by others.
fn counted(home: &Home) -> [u64; 2] {
    let [month, _] = Period::of(NOW);
    let bytes = home.read().kept(Shelf::Tally, &month.id()).unwrap();
    let all: BTreeMap<Measure, u64> = bytes.map(|bytes| serde_json::from_slice(&bytes).unwrap()).unwrap_or_default();
    [Event::IndicatorSighted, Event::IndicatorFalse].map(|event| all.get(&Measure { way: Way::In, event }).copied().unwrap_or_default())
}

#[test]
fn each_reporters_newest_word_of_a_type_is_kept_and_counted_once() {
    let (home, key) = home();
    let (mut one, mut other) = (Authored::by(PEER, TO_US), Authored::by(OTHER, TO_US));
    let accepted = hear(&home, &mut one, vec![(met(&key, vec![1], SightingType::Seen, 2), None)]);
    assert_eq!(accepted, [Verdict::Accepted]);
    hear(&home, &mut one, vec![(met(&key, vec![1], SightingType::Seen, 5), None)]);
    hear(&home, &mut other, vec![(met(&key, vec![1], SightingType::FalsePositive, 1), None)]);
    let mut counts: Vec<(OrgId, u32)> = words(&home, &key, 1).iter().map(|row| (row.reporter, row.count)).collect();
    counts.sort();
    let mut expected = vec![(PEER, 5), (OTHER, 1)];
    expected.sort();
    assert_eq!(counts, expected);
    assert_eq!(counted(&home), [1, 1]);
    // What is held of no log is nothing, and so is what is no indicator there, or lies too far ahead.
    let unknown = LogKey { incarnation: 9, ..key };
    assert_eq!(hear(&home, &mut one, vec![(met(&unknown, vec![1], SightingType::Seen, 1), None)]), [Verdict::Filtered]);
    hear(&home, &mut one, vec![(met(&key, vec![2, AHEAD_MAX + 1, AHEAD_MAX + 2], SightingType::Expired, 1), None)]);
    assert_eq!([2, AHEAD_MAX + 1, AHEAD_MAX + 2].map(|seq| words(&home, &key, seq).len()), [1, 1, 0]);
    let own = one.key;
    hear(&home, &mut other, vec![(met(&own, vec![1], SightingType::Seen, 1), None)]);
    assert!(words(&home, &own, 1).is_empty(), "a sighting of a sighting");
}

#[test]
fn a_word_counts_while_it_stands_and_what_counts_no_more_is_swept() {
    let (home, key) = home();
    let mut log = Authored::by(PEER, TO_US);
    hear(&home, &mut log, vec![(met(&key, vec![1], SightingType::Seen, 2), None), (met(&key, vec![1], SightingType::Expired, 1), None)]);
    assert!(home.read().idle_sightings(NOW).unwrap().is_empty());
    for (place, mode) in [(1, WithdrawalMode::Withdraw), (2, WithdrawalMode::Recall)] {
        let before = log.head;
        let batch = log.seal(&[(8, b"taken back")]);
        let meaning = Meaning::TakeBack { log: log.id(), seqs: vec![place], mode, reason: String::new() };
        let entries = log.entries(&batch, before, vec![meaning]);
        home.receive(&log, &batch, entries);
        assert_eq!(words(&home, &key, 1).len(), 2 - place as usize, "{mode:?}");
    }
    assert_eq!(home.read().idle_sightings(NOW).unwrap().len(), 2);
    // Ours, which have no place that is looked at: they go by their date, and with what they are about.
    let row = SightingRow {
        log: key.id(),
        seq: 1,
        reporter: US,
        member: None,
        what: SightingType::Seen,
        count: 1,
        first: NOW,
        last: NOW,
        told: NOW,
        label: Tlp::AmberStrict.into(),
        retention: NOW.plus(5),
        place: None,
    };
    home.commit(Change::Sighted(vec![row.clone()]));
    assert_eq!(words(&home, &key, 1), [row]);
    assert!(home.read().sightings(&key.id(), 1, NOW.plus(5)).unwrap().is_empty());
    let reason = crate::model::log::AbsentReason::Expired;
    home.commit(Change::Destroy { log: key.id(), seqs: vec![1], reason, at: NOW });
    assert_eq!(home.read().idle_sightings(NOW).unwrap().len(), 3);
}

#[test]
fn so_many_words_about_an_entry_are_kept_and_of_members_without_a_name_half() {
    let (home, key) = home();
    let group = GroupId([5; 32]);
    let mut head = Authored::by(PEER, TO_US);
    let passed_on = |n: u64| {
        let passed_on = Some(n.to_be_bytes());
        (Sighting { passed_on, ..met(&key, vec![1], SightingType::Seen, 1) }, Some(group))
    };
    let verdicts = hear(&home, &mut head, (0..PASSED_ON_MAX as u64 + 1).map(passed_on).collect());
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Filtered).count(), 1);
    for n in 0..KEPT_MAX - PASSED_ON_MAX + 1 {
        let org = OrgId(std::array::from_fn(|at| if at == 0 { n as u8 } else { 99 }));
        let verdicts = hear(&home, &mut Authored::by(org, TO_US), vec![(met(&key, vec![1], SightingType::Seen, 1), None)]);
        let expected = if n == KEPT_MAX - PASSED_ON_MAX { Verdict::Filtered } else { Verdict::Accepted };
        assert_eq!(verdicts, [expected], "{n}");
    }
    assert_eq!(words(&home, &key, 1).len(), KEPT_MAX);
    assert_eq!(home.read().sightings_beyond(&key.id(), 1).unwrap(), 2);
    // Whoever is kept may still say another thing.
    let again = hear(&home, &mut head, vec![(Sighting { count: 7, ..passed_on(0).0 }, Some(group))]);
    assert_eq!(again, [Verdict::Accepted]);
}
