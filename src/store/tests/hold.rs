//! What is held: apart from logs and indexes, undone without a trace, and gone from here in the transaction in which it leaves.

use super::*;
use crate::model::ReleaseId;
use crate::rules::label::Withheld;
use crate::rules::release::{Particulars, release_held};
use crate::store::change::Refused;
use crate::store::hold::{HeldItem, HoldRow};

pub(super) const ID: ReleaseId = ReleaseId([1; 5]);

/// A hold that waits for its time alone.
pub(super) fn complete(row: HoldRow) -> HoldRow {
    HoldRow { filling: false, due: Some(NOW), ..row }
}

fn items(values: &[&str]) -> Vec<ReleaseItem> {
    values.iter().map(|value| item(TO_PEER, indicator(value))).collect()
}

/// The changes that hold values in parts of so many.
fn held_in_parts(values: &[&str], of: usize) -> (HoldRow, Vec<Change>) {
    let mut row = complete(HoldRow::new(TO_PEER, NOW));
    let parts: Vec<Vec<ReleaseItem>> = values.chunks(of).map(items).collect();
    parts.iter().enumerate().for_each(|(part, items)| row.put_part(part as u32, items));
    let change = |(part, items)| Change::Hold { id: ID, row: Box::new(row.clone()), part: Some((part as u32, items)), new: true };
    let changes = parts.into_iter().enumerate().map(change).collect();
    (row, changes)
}

/// Holds values for the peer.
pub(super) fn hold(home: &Home, of: usize, values: &[&str]) -> HoldRow {
    let (row, changes) = held_in_parts(values, of);
    changes.into_iter().for_each(|change| drop(home.commit(change)));
    row
}

/// What the gate makes of what was held.
pub(super) fn passed(held: Vec<HeldItem>) -> Vec<ReleaseItem> {
    let pass = |HeldItem { record, inside, encoded, findings }: HeldItem| {
        let released = release_held(encoded, CODEC, AudienceState::OPEN, &US, NOW, look()).unwrap();
        ReleaseItem { record, inside, released, findings, said: None }
    };
    held.into_iter().map(pass).collect()
}

/// Whether it was said or recalled already.
pub(super) fn is_known(read: &Snapshot, item: &ReleaseItem) -> bool {
    let Encoded { audience, observable, label, retention, body, .. } = item.released.get();
    let said = observable.as_ref().map(|observable| read.told_next(audience, observable, (*label, *retention), body).unwrap());
    let recalled = item.record.is_some_and(|record| read.is_recalled(&record).unwrap());
    recalled || said.is_some_and(|outcome| !outcome.is_queued())
}

/// The changes with which a part leaves.
pub(super) fn leave(read: &Snapshot, id: ReleaseId, row: &HoldRow, part: u32) -> Vec<Change> {
    let items = passed(read.held(&id, part).unwrap());
    let lines = row.parts[&part].iter().map(|line| {
        let particulars = Particulars { release: Some(id), whole: Some(row.digest), ..Particulars::default() };
        Disclosure { label: line.label, kind: line.kind, particulars, ..disclosure(row.audience) }
    });
    let disclosures = lines.collect();
    vec![Change::Release { audience: row.audience, items, disclosures, at: NOW }, Change::LetGo { id, part }]
}

fn commit_all(home: &Home, changes: Vec<Change>) -> Result<Vec<Outcome>, CommitError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(home.store().commit_many(changes))
}

#[test]
fn what_is_held_is_found_by_no_lookup_and_waits_in_no_queue() {
    let home = Home::new();
    hold(&home, 2, &["evil.example", "bad.example", "worse.example"]);
    let read = home.read();
    assert!(home.values("evil.example").is_empty());
    assert!(read.waiting_audiences().unwrap().is_empty() && read.logs().unwrap().is_empty());
    assert_eq!((read.observables().unwrap(), read.verify_disclosures()), (0, Ok(0)));
    assert!(read.find(&record_id(&US, &observable("evil.example"))).unwrap().is_none());
    let rows = read.row_counts().unwrap();
    let filled: Vec<&str> = rows.iter().filter(|(_, count)| **count > 0).map(|(table, _)| table.as_str()).collect();
    assert_eq!(filled, ["bodies.v1", "held.v1", "holds.v1", "meta.v1"], "and it stands nowhere else");
}

#[test]
fn undoing_leaves_nothing_in_any_table() {
    let home = Home::new();
    home.release(TO_PEER, &["before.example"]);
    let before: Vec<_> = home.dump().into_iter().filter(|(table, _)| *table != "meta.v1").collect();
    hold(&home, 2, &["evil.example", "bad.example", "worse.example"]);
    assert_eq!(home.has_trace_of("evil.example"), Some("bodies.v1"));
    home.commit(Change::Unhold(ID));
    home.commit(Change::Unhold(ID));
    assert_eq!(home.has_trace_of("evil.example"), None);
    let after: Vec<_> = home.dump().into_iter().filter(|(table, _)| *table != "meta.v1").collect();
    assert_eq!(after, before, "but for the count of bodies");
}

#[test]
fn holding_twice_is_holding_once_and_a_restart_changes_nothing() {
    let mut home = Home::new();
    let (row, changes) = held_in_parts(&["evil.example", "bad.example", "worse.example"], 2);
    changes.iter().cloned().for_each(|change| drop(home.commit(change)));
    let once = home.dump();
    changes.into_iter().for_each(|change| drop(home.commit(change)));
    assert_eq!(home.dump(), once);
    home.reopen();
    assert_eq!(home.read().holds().unwrap(), [(ID, row)]);
    let bodies = home.read().held(&ID, 0).unwrap().into_iter().map(|item| item.encoded.0.body).collect::<Vec<_>>();
    assert_eq!(bodies, [b"evil.example|None".to_vec(), b"bad.example|None".to_vec()]);
}

#[test]
fn every_field_of_a_held_record_survives() {
    let home = Home::new();
    let noted = Indicator { note: Some("words".into()), valid_until: Some(NOW), ..indicator("evil.example") };
    let findings = Findings { warnings: vec!["look".into()], ..Findings::default() };
    let whole = ReleaseItem { inside: vec![observable("192.0.2.1")], findings, ..item(TO_PEER, noted) };
    let unnamed = released(TO_PEER, Record::KeyChange([7; 32]), Tlp::Red);
    let items = vec![whole, ReleaseItem { record: None, inside: vec![], released: unnamed, findings: Findings::default(), said: None }];
    let mut row = complete(HoldRow::new(TO_PEER, NOW));
    row.put_part(0, &items);
    home.commit(Change::Hold { id: ID, row: Box::new(row), part: Some((0, items.clone())), new: true });
    let again = passed(home.read().held(&ID, 0).unwrap());
    let fields = |item: &ReleaseItem| (item.record, item.inside.clone(), item.released.clone(), item.findings.clone());
    assert_eq!(again.iter().map(fields).collect::<Vec<_>>(), items.iter().map(fields).collect::<Vec<_>>());
}

#[test]
fn a_part_leaves_with_its_disclosure_and_the_hold_goes_with_the_last() {
    let home = Home::new();
    let row = hold(&home, 2, &["evil.example", "bad.example", "worse.example"]);
    commit_all(&home, leave(&home.read(), ID, &row, 0)).unwrap();
    let rest = home.read().hold(&ID).unwrap().unwrap();
    assert_eq!((rest.left, rest.count(), rest.digest), (2, 1, row.digest));
    assert!(home.read().held(&ID, 0).unwrap().is_empty());
    commit_all(&home, leave(&home.read(), ID, &rest, 1)).unwrap();
    assert!(home.read().holds().unwrap().is_empty());
    assert_eq!(home.read().waiting(&TO_PEER, 9, 1 << 20).unwrap().len(), 3);
    assert_eq!(home.read().verify_disclosures(), Ok(2));
    assert_eq!(agree::disagreements(&home.read()), Vec::<String>::new());
}

#[test]
fn what_was_undone_does_not_leave() {
    let home = Home::new();
    let row = hold(&home, 2, &["evil.example"]);
    let changes = leave(&home.read(), ID, &row, 0);
    home.commit(Change::Unhold(ID));
    let before = home.dump();
    assert_eq!(commit_all(&home, changes), Err(CommitError::Refused(Refused::NotHeld)));
    assert_eq!(home.dump(), before, "not even its disclosure");
}

#[test]
fn what_is_not_byte_for_byte_what_was_held_does_not_leave() {
    let home = Home::new();
    let row = hold(&home, 2, &["evil.example", "bad.example"]);
    let whole = leave(&home.read(), ID, &row, 0);
    let Change::Release { audience, items, disclosures, at } = whole[0].clone() else { unreachable!() };
    let go = || Change::LetGo { id: ID, part: 0 };
    let refused = |items: Vec<ReleaseItem>, disclosures: Vec<Disclosure>| {
        let before = home.dump();
        let answer = commit_all(&home, vec![Change::Release { audience, items, disclosures, at }, go()]);
        assert_eq!(answer, Err(CommitError::Refused(Refused::OtherBytes)));
        assert_eq!(home.dump(), before);
    };
    refused(items[..1].to_vec(), disclosures.clone());
    refused(items.iter().rev().cloned().collect(), disclosures.clone());
    let noted = Indicator { note: Some("other words".into()), ..indicator("evil.example") };
    refused(vec![item(TO_PEER, noted), items[1].clone()], disclosures.clone());
    refused(items.clone(), vec![disclosure(TO_PEER)]);
    // Said by somebody in between: of the two one is a duplicate.
    home.release(TO_PEER, &["bad.example"]);
    refused(items, disclosures);
    assert_eq!(home.try_commit(go()), Err(CommitError::Refused(Refused::OtherBytes)), "nor without its release");
}

#[test]
fn nothing_leaves_that_waits_for_a_person() {
    let home = Home::new();
    let row = hold(&home, 2, &["evil.example"]);
    for waits in [
        HoldRow { restored: true, ..row.clone() },
        HoldRow { filling: true, ..row.clone() },
        HoldRow { asks: [("sure?".to_owned(), 1)].into(), ..row.clone() },
        HoldRow { second: crate::store::hold::Second { needed: true, released: None, approval: None }, ..row.clone() },
    ] {
        home.commit(Change::Hold { id: ID, row: Box::new(waits), part: None, new: false });
        let changes = leave(&home.read(), ID, &row, 0);
        assert_eq!(commit_all(&home, changes), Err(CommitError::Refused(Refused::OtherBytes)));
    }
    home.commit(Change::Hold { id: ID, row: Box::new(row.clone()), part: None, new: false });
    commit_all(&home, leave(&home.read(), ID, &row, 0)).unwrap();
}

#[test]
fn a_hold_that_is_gone_does_not_come_back_by_a_change_of_it() {
    let home = Home::new();
    let row = hold(&home, 2, &["evil.example"]);
    home.commit(Change::Unhold(ID));
    let changes = [None, Some((1, items(&["bad.example"])))];
    for part in changes {
        let change = Change::Hold { id: ID, row: Box::new(row.clone()), part, new: false };
        assert_eq!(home.try_commit(change), Err(CommitError::Refused(Refused::NotHeld)));
    }
    let for_others = Change::Hold { id: ID, row: Box::new(HoldRow::new(GROUP, NOW)), part: Some((0, items(&["x.example"]))), new: true };
    assert_eq!(home.try_commit(for_others), Err(CommitError::Refused(Refused::OtherAudience)));
}

#[test]
fn the_gate_decides_anew_about_what_was_held() {
    let home = Home::new();
    hold(&home, 2, &["evil.example"]);
    let held = || home.read().held(&ID, 0).unwrap().remove(0).encoded;
    let again = |held, state| release_held(held, CODEC, state, &US, NOW, look());
    let suspended = AudienceState::Peer { open: false, allowance: crate::rules::policy::Allowance::OPEN };
    assert_eq!(again(held(), suspended), Err(Withheld::Suspended));
    assert_eq!(again(held(), AudienceState::Unknown), Err(Withheld::UnknownAudience));
    let other_bytes = Held(Encoded { body: b"evil.example|more than it would say by now".to_vec(), ..held().0 });
    assert_eq!(again(other_bytes, AudienceState::OPEN), Err(Withheld::Changed), "the very bytes, or nothing");
    assert!(again(held(), AudienceState::OPEN).is_ok());
}
