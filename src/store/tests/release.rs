use super::*;
use crate::rules::release::digest;
use crate::store::change::Refused;

#[test]
fn a_released_record_is_found_before_it_has_a_position() {
    let home = Home::new();
    home.release(TO_PEER, &["evil.example"]);
    let hits = home.read().lookup(&observable("evil.example"), NOW).unwrap().hits;
    let provenance = &hits[0].provenances[0];
    assert_eq!((provenance.author, provenance.seq, provenance.waiting), (US, 0, true));
    home.append(TO_PEER);
    let hits = home.read().lookup(&observable("evil.example"), NOW).unwrap().hits;
    let positioned = &hits[0].provenances[0];
    assert_eq!((positioned.log, positioned.seq, positioned.waiting), (provenance.log, 1, false));
}

#[test]
fn releasing_the_same_again_is_a_duplicate_for_the_same_audience_alone() {
    let home = Home::new();
    assert_eq!(home.release(TO_PEER, &["evil.example", "evil.example"]), [ReleaseOutcome::NEWS, ReleaseOutcome::Duplicate]);
    home.append(TO_PEER);
    assert_eq!(home.release(TO_PEER, &["evil.example"]), [ReleaseOutcome::Duplicate]);
    assert_eq!(home.release(GROUP, &["evil.example"]), [ReleaseOutcome::NEWS]);
    let mut changed = item(TO_PEER, indicator("evil.example"));
    changed.released = released(TO_PEER, Record::Indicator(indicator("evil.example")), Tlp::Red);
    let outcome = home.commit(release_change(TO_PEER, vec![changed]));
    assert_eq!(outcome, Outcome::Released(vec![ReleaseOutcome::Queued { before: Some(Tlp::Green.into()) }]), "another label");
}

#[test]
fn disclosures_count_what_really_leaves_and_are_chained() {
    let home = Home::new();
    home.release(TO_PEER, &["evil.example"]);
    home.release(TO_PEER, &["evil.example"]);
    home.release(TO_PEER, &["evil.example", "bad.example", "worse.example"]);
    let lines = home.read().disclosures(1..=u64::MAX).unwrap();
    assert_eq!(lines.len(), 2, "a release of duplicates discloses nothing");
    let last: Disclosure = serde_json::from_str(&lines[1].json).unwrap();
    let bodies: [&[u8]; 2] = [b"bad.example|None", b"worse.example|None"];
    assert_eq!((last.count, last.digest), (2, digest(bodies)));
    assert_eq!(lines[1].hash, crate::model::crypto::sha256(&[&lines[0].hash, lines[1].json.as_bytes()]));
    assert_eq!(home.read().verify_disclosures(), Ok(2));
}

#[test]
fn records_without_an_id_wait_too_and_are_queued_once() {
    let home = Home::new();
    let change = || {
        let released = released(TO_PEER, Record::KeyChange([7; 32]), Tlp::Green);
        release_change(TO_PEER, vec![ReleaseItem { record: None, inside: vec![], released, findings: Findings::default(), said: None }])
    };
    assert_eq!(home.commit(change()), Outcome::Released(vec![ReleaseOutcome::NEWS]));
    assert_eq!(home.commit(change()), Outcome::Released(vec![ReleaseOutcome::Duplicate]));
    assert_eq!(home.read().waiting(&TO_PEER, 10, 1 << 20).unwrap().len(), 1);
    assert_eq!(home.read().counts().unwrap()[&10], 1);
    home.append(TO_PEER);
    assert_eq!(home.read().counts().unwrap()[&10], 1);
}

#[test]
fn waiting_records_come_in_bounded_portions() {
    let home = Home::new();
    home.release(TO_PEER, &["a.example", "b.example", "c.example"]);
    home.release(GROUP, &["a.example"]);
    let read = home.read();
    assert_eq!(read.waiting(&TO_PEER, 2, 1 << 20).unwrap().len(), 2);
    assert_eq!(read.waiting(&TO_PEER, 10, 1).unwrap().len(), 1, "never none, or it would wait for ever");
    assert_eq!(read.waiting_audiences().unwrap(), [TO_PEER, GROUP]);
    home.append(TO_PEER);
    assert_eq!(home.read().waiting_audiences().unwrap(), [GROUP]);
}

#[test]
fn what_an_unqueued_change_replaced_holds_again() {
    let home = Home::new();
    home.release(TO_PEER, &["evil.example"]);
    home.append(TO_PEER);
    let mut noted = indicator("evil.example");
    noted.note = Some("new words".into());
    home.commit(release_change(TO_PEER, vec![item(TO_PEER, noted)]));
    home.commit(Change::Unqueue { records: vec![record_id(&US, &observable("evil.example"))], recalled: false, only: None, at: NOW });
    let hits = home.read().lookup(&observable("evil.example"), NOW).unwrap().hits;
    assert_eq!((hits[0].provenances.len(), hits[0].provenances[0].seq), (1, 1));
}

#[test]
fn what_the_gate_let_out_for_one_audience_enters_no_log_to_another() {
    let home = Home::new();
    let red = || ReleaseItem {
        released: released(TO_PEER, Record::Indicator(indicator("evil.example")), Tlp::Red),
        ..item(TO_PEER, indicator("evil.example"))
    };
    let before = home.dump();
    for change in [release_change(GROUP, vec![red()]), publish::publish_change(&home.read(), GROUP, vec![red()], 10)] {
        assert_eq!(home.try_commit(change), Err(CommitError::Refused(Refused::OtherAudience)));
    }
    assert_eq!(home.dump(), before);
    home.commit(release_change(TO_PEER, vec![red()]));
}
