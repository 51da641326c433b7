use super::*;
use crate::model::Ceiling;
use crate::model::group::SignedDefinition;
use crate::model::record::ReceiptOutcome;
use crate::store::change::{ExportRow, GroupRow, PeerRow, PeerState};

pub(super) fn peer(name: &str) -> PeerRow {
    PeerRow {
        org: PEER,
        name: name.into(),
        card: vec![1, 2, 3],
        state: PeerState::Open,
        allow_classical: false,
        proxy: None,
        since: NOW,
        pairing: None,
        recalls: false,
    }
}

#[test]
fn peers_and_groups_are_kept_and_replaced() {
    let mut home = Home::new();
    home.commit(Change::PutPeer(Box::new(peer("north"))));
    home.commit(Change::PutPeer(Box::new(peer("south"))));
    let definition = SignedDefinition { bytes: vec![1; 300], signature: [2; 64] };
    let group = GroupRow {
        group: GroupId([9; 32]),
        name: "desk".into(),
        definition,
        number: 3,
        roster: vec![PEER, OTHER],
        joined: [(PEER, 2)].into(),
        left: false,
    };
    home.commit(Change::PutGroup(Box::new(group.clone())));
    home.reopen();
    assert_eq!(home.read().peers().unwrap(), [peer("south")]);
    assert_eq!(home.read().peer(&PEER).unwrap(), Some(peer("south")));
    assert_eq!(home.read().groups().unwrap(), std::slice::from_ref(&group));
    assert_eq!(home.read().group(&group.group).unwrap(), Some(group));
}

#[test]
fn an_acknowledgement_never_goes_back() {
    let home = Home::new();
    home.release(TO_PEER, &["a.example", "b.example"]);
    home.append(TO_PEER);
    let log = home.read().our_log_key(&TO_PEER).unwrap().id();
    let acked = |through, verdicts| Change::Acked { peer: PEER, log, through, verdicts, at: NOW };
    home.commit(acked(2, vec![(2, Verdict::Filtered as u8), (77, 1)]));
    home.commit(acked(1, vec![]));
    let acks = home.read().acks(&log).unwrap();
    assert_eq!(acks.iter().map(|ack| (ack.peer, ack.through)).collect::<Vec<_>>(), [(PEER, 2)]);
    assert_eq!(home.read().verdicts(&log, 2).unwrap(), [(PEER, 3)]);
    assert!(home.read().verdicts(&log, 77).unwrap().is_empty(), "no room for positions that do not exist");
}

#[test]
fn a_holder_that_destroyed_a_body_does_not_have_it_again() {
    let home = Home::new();
    home.release(TO_PEER, &["a.example"]);
    home.append(TO_PEER);
    let log = home.read().our_log_key(&TO_PEER).unwrap().id();
    for outcome in [ReceiptOutcome::Revoked, ReceiptOutcome::Destroyed, ReceiptOutcome::Absent] {
        home.commit(Change::Receipt { holder: PEER, log, outcomes: vec![(1, outcome)], at: NOW });
    }
    let receipts = home.read().receipts(&record_id(&US, &observable("a.example"))).unwrap();
    assert_eq!(receipts.iter().map(|one| one.outcome).collect::<Vec<_>>(), [ReceiptOutcome::Destroyed]);
}

#[test]
fn suspicious_bytes_are_bounded() {
    let home = Home::new();
    let change = |n: usize| Change::Suspicious { peer: PEER, what: format!("n {n}"), bytes: vec![0; 100_000], at: NOW };
    home.commit(change(0));
    home.commit(change(0));
    let kept = home.read().suspicious().unwrap();
    assert_eq!((kept.len(), kept[0].bytes.len()), (1, 64 << 10));
    let small = |n: usize| Change::Suspicious { peer: PEER, what: format!("n {n}"), bytes: vec![], at: NOW };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(home.store().commit_many((1..1_010).map(small).collect())).unwrap();
    let kept = home.read().suspicious().unwrap();
    assert_eq!((kept.len(), kept.last().unwrap().what.as_str()), (1_000, "n 1009"));
}

#[test]
fn the_newest_exports_are_remembered() {
    let home = Home::with(|options| options.exports_max = 3);
    for at in 1..=5 {
        let row = ExportRow { at: Timestamp(at), format: "csv".into(), ceiling: Ceiling::NONE, since: None, to: None };
        home.commit(Change::Exported(Box::new(row)));
    }
    let numbers: Vec<u64> = home.read().exports().unwrap().into_iter().map(|(number, _)| number).collect();
    assert_eq!(numbers, [3, 4, 5]);
}

#[test]
fn the_nodes_own_values_are_kept_by_name() {
    let home = Home::new();
    home.commit(Change::Put("cursor", Some(vec![1, 2])));
    assert_eq!(home.read().get("cursor").unwrap(), Some(vec![1, 2]));
    home.commit(Change::Put("cursor", None));
    assert_eq!(home.read().get("cursor").unwrap(), None);
}
