use super::*;
use crate::model::observable::lookup::Match;
use crate::store::tables::HOSTS;
use crate::store::{Filter, ProvenanceState};

fn found(home: &Home, query: &str) -> Vec<(String, Match)> {
    let hits = home.read().lookup(&observable(query), NOW).unwrap().hits;
    hits.into_iter().map(|hit| (hit.observable.value().to_owned(), hit.matches)).collect()
}

fn is(value: &str, matches: Match) -> (String, Match) {
    (value.to_owned(), matches)
}

#[test]
fn domains_are_found_exactly_above_and_below() {
    let home = Home::new();
    home.release(GROUP, &["evil.example", "cdn.evil.example", "notevil.example", "evil.example.net", "a.cdn.evil.example"]);
    assert_eq!(
        found(&home, "cdn.evil.example"),
        [is("cdn.evil.example", Match::Exact), is("evil.example", Match::Parent), is("a.cdn.evil.example", Match::Subdomain)]
    );
    assert_eq!(found(&home, "EVIL[.]example")[0], is("evil.example", Match::Exact));
    assert_eq!(found(&home, "https://cdn.evil.example/path")[0], is("cdn.evil.example", Match::Exact));
}

#[test]
fn addresses_are_found_in_networks_and_networks_over_addresses() {
    let home = Home::new();
    home.release(GROUP, &["198.51.100.7", "198.51.100.0/24", "198.51.101.1", "2001:db8::/32", "2001:db8::1"]);
    assert_eq!(found(&home, "198.51.100.7"), [is("198.51.100.7", Match::Exact), is("198.51.100.0/24", Match::ContainsAddress)]);
    assert_eq!(found(&home, "198.51.100.8"), [is("198.51.100.0/24", Match::ContainsAddress)]);
    let inside = found(&home, "198.51.100.0/23");
    let values: Vec<_> = inside.iter().map(|(value, _)| value.as_str()).collect();
    assert_eq!(values, ["198.51.100.7", "198.51.101.1", "198.51.100.0/24"]);
    assert!(inside.iter().all(|(_, matches)| *matches == Match::InNetwork));
    assert_eq!(found(&home, "2001:0DB8::0001").len(), 2);
}

#[test]
fn hashes_are_found_in_any_case() {
    let home = Home::new();
    let hash = "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3";
    home.release(GROUP, &[hash]);
    assert_eq!(found(&home, &hash.to_uppercase()), [is(hash, Match::Exact)]);
}

#[test]
fn patterns_are_found_by_what_is_in_them() {
    let home = Home::new();
    let pattern =
        Observable::parse(ObservableKind::Pattern, "[domain-name:value = 'evil.example' AND url:value = 'http://192.0.2.1/x']").unwrap();
    let mut one = item(GROUP, Indicator::bare(pattern.clone()));
    one.inside = vec![observable("evil.example"), observable("192.0.2.1")];
    home.commit(release_change(GROUP, vec![one]));
    for query in ["evil.example", "192.0.2.1", "cdn.evil.example"] {
        assert_eq!(found(&home, query), [is(pattern.value(), Match::InPattern)], "{query}");
    }
    home.commit(Change::Unqueue { records: vec![record_id(&US, &pattern)], recalled: true, only: None, at: NOW });
    assert!(found(&home, "evil.example").is_empty());
    assert_eq!(home.has_trace_of("evil.example"), None);
}

#[test]
fn what_is_on_a_host_is_found_by_the_host() {
    let mut home = Home::new();
    let long = format!("https://cdn.evil.example:8443/{}", "x".repeat(2_000));
    let on_hosts =
        ["http://evil.example/a", &long, "drop@evil.example", "drop@mail.evil.example", "http://192.0.2.7/b", "http://[2001:db8::7]/c"];
    home.release(GROUP, &on_hosts);
    home.release(
        GROUP,
        &["http://notevil.example/", "http://evil.example.net/", "http://other.example/x.evil.example", "http://198.51.100.1/evil.example"],
    );
    let check = |home: &Home| {
        assert_eq!(
            found(home, "evil.example"),
            [
                is("http://evil.example/a", Match::OnHost),
                is("drop@evil.example", Match::OnHost),
                is(&long, Match::OnSubdomain),
                is("drop@mail.evil.example", Match::OnSubdomain),
            ]
        );
        assert_eq!(found(home, "192.0.2.7"), [is("http://192.0.2.7/b", Match::OnHost)]);
        assert_eq!(found(home, "192.0.2.0/24"), [is("http://192.0.2.7/b", Match::OnNetwork)]);
        assert_eq!(found(home, "2001:db8::/32"), [is("http://[2001:db8::7]/c", Match::OnNetwork)]);
        assert_eq!(found(home, "http://evil.example/a"), [is("http://evil.example/a", Match::Exact)], "of a URL only its host is asked");
    };
    check(&home);
    home.store = None;
    super::open::change_file(&home, |transaction| {
        transaction.delete_table(HOSTS).unwrap();
        super::open::as_of(transaction, 1);
    });
    home.reopen();
    check(&home);
    let records = on_hosts.iter().map(|value| record_id(&US, &observable(value))).collect();
    home.commit(Change::Unqueue { records, recalled: true, only: None, at: NOW });
    assert!(found(&home, "evil.example").is_empty() && found(&home, "192.0.2.0/24").is_empty());
    assert_eq!(home.has_trace_of("mail.evil.example"), None);
}

#[test]
fn a_pattern_is_found_by_the_host_of_a_url_in_it() {
    let mut home = Home::new();
    let text = "[url:value = 'http://cdn.evil.example/x' AND file:name = 'a.exe']";
    let pattern = Observable::parse(ObservableKind::Pattern, text).unwrap();
    let mut one = item(GROUP, Indicator::bare(pattern.clone()));
    one.inside = vec![observable("http://cdn.evil.example/x")];
    home.commit(release_change(GROUP, vec![one]));
    for migrated in [false, true] {
        for query in ["evil.example", "cdn.evil.example", "http://cdn.evil.example/x"] {
            assert_eq!(found(&home, query), [is(pattern.value(), Match::InPattern)], "{query}, migrated: {migrated}");
        }
        home.store = None;
        super::open::change_file(&home, |transaction| {
            transaction.delete_table(HOSTS).unwrap();
            super::open::as_of(transaction, 1);
        });
        home.reopen();
    }
    home.commit(Change::Unqueue { records: vec![record_id(&US, &pattern)], recalled: true, only: None, at: NOW });
    assert!(found(&home, "evil.example").is_empty());
    assert_eq!(home.has_trace_of("cdn.evil.example"), None);
}

#[test]
fn a_much_used_host_gives_a_bounded_answer_that_says_so() {
    let home = Home::new();
    let values: Vec<String> = (0..30).map(|n| format!("http://evil.example/{n:02}")).chain(["evil.example".to_owned()]).collect();
    home.release(GROUP, &values.iter().map(String::as_str).collect::<Vec<_>>());
    let hits = |most| home.read().lookup_up_to(&observable("evil.example"), NOW, most, &|_| true).unwrap();
    assert_eq!((hits(31).hits.len(), hits(31).more), (31, false));
    let bounded = hits(10);
    assert_eq!((bounded.hits.len(), bounded.more, bounded.hits[0].matches), (10, true, Match::Exact));
}

#[test]
fn a_value_longer_than_its_key_is_found_and_read_back() {
    let home = Home::new();
    let long = format!("http://evil.example/{}", "x".repeat(2_000));
    let similar = format!("{long}y");
    home.release(GROUP, &[&long, &similar]);
    assert_eq!(found(&home, &long)[0].0, long);
    home.commit(Change::Unqueue { records: vec![record_id(&US, &observable(&long))], recalled: false, only: None, at: NOW });
    assert!(found(&home, &long).iter().all(|(value, _)| *value != long));
    assert_eq!(found(&home, &similar)[0].0, similar);
}

#[test]
fn a_value_from_three_members_is_one_observable_with_three_provenances() {
    let home = Home::new();
    home.release(GROUP, &["evil.example"]);
    for author in [PEER, OTHER] {
        let mut log = Authored::by(author, GROUP);
        let (batch, entries) = log.indicators(&["evil.example"]);
        home.receive(&log, &batch, entries);
    }
    let hits = home.read().lookup(&observable("evil.example"), NOW).unwrap().hits;
    let mut authors: Vec<_> = hits[0].provenances.iter().map(|one| one.author).collect();
    authors.sort();
    assert_eq!((hits.len(), authors), (1, vec![US, PEER, OTHER]));
    assert_eq!(home.read().observables().unwrap(), 1);
    assert_eq!(home.read().counts().unwrap()[&1], 3);
}

#[test]
fn what_an_author_says_anew_supersedes_what_it_said() {
    let home = Home::new();
    let mut log = Authored::by(PEER, GROUP);
    let batch = log.seal(&[(1, b"evil.example|old"), (1, b"evil.example|new"), (1, b"evil.example|new")]);
    let meanings = (0..3).map(|_| log.meaning("evil.example")).collect();
    let entries = log.entries(&batch, Head::default(), meanings);
    let Outcome::Received { verdicts, .. } = home.receive(&log, &batch, entries) else { panic!() };
    assert_eq!(verdicts, [Verdict::Accepted, Verdict::Accepted, Verdict::Duplicate]);
    let record = record_id(&PEER, &observable("evil.example"));
    let found = home.read().find(&record).unwrap().unwrap();
    let states: Vec<_> = found.provenances.iter().map(|(one, _)| one.state).collect();
    assert_eq!(states, [ProvenanceState::Superseded, ProvenanceState::Superseded, ProvenanceState::Live]);
    assert_eq!(home.read().lookup(&observable("evil.example"), NOW).unwrap().hits[0].provenances.len(), 1);
}

#[test]
fn an_older_incarnation_that_comes_late_is_superseded() {
    let home = Home::new();
    let mut old = Authored::by(PEER, GROUP);
    let mut new = Authored { key: LogKey { incarnation: 2, ..old.key }, ..old.clone() };
    let (batch, entries) = new.indicators(&["evil.example", "bad.example"]);
    home.receive(&new, &batch, entries);
    let late = old.seal(&[(1, b"evil.example|older words"), (1, b"bad.example|None")]);
    let meanings = vec![old.meaning("evil.example"), old.meaning("bad.example")];
    let entries = old.entries(&late, Head::default(), meanings);
    let Outcome::Received { verdicts, .. } = home.receive(&old, &late, entries) else { panic!() };
    assert_eq!(verdicts, [Verdict::Superseded, Verdict::Duplicate]);
    let hits = home.read().lookup(&observable("evil.example"), NOW).unwrap().hits;
    assert_eq!((hits[0].provenances.len(), hits[0].provenances[0].log), (1, new.id()));
}

#[test]
fn what_has_expired_is_hidden_at_once() {
    let home = Home::new();
    let draft = |value: &str| {
        let record = Record::Indicator(indicator(value));
        let draft = Draft { record, label: Tlp::Green.into(), audience: GROUP, retention: NOW.plus(1_000) };
        super::pass(draft).unwrap().draft.encode(encode)
    };
    let record = Some(record_id(&US, &observable("evil.example")));
    home.commit(release_change(
        GROUP,
        vec![ReleaseItem { record, inside: vec![], released: draft("evil.example"), findings: Findings::default(), said: None }],
    ));
    let at = |now| home.read().lookup(&observable("evil.example"), now).unwrap().hits.len();
    assert_eq!((at(NOW.plus(999)), at(NOW.plus(1_000))), (1, 0));
}

fn filter() -> Filter {
    Filter { kinds: vec![], ceiling: Ceiling { tlp: Tlp::Red, ..Ceiling::NONE }, groups: vec![], revoked: false, now: NOW }
}

#[test]
fn records_stream_in_order_and_go_on_behind_a_cursor() {
    let home = Home::new();
    let values: Vec<String> = (0..50).map(|n| format!("d{n:02}.example")).collect();
    home.release(GROUP, &values.iter().map(String::as_str).collect::<Vec<_>>());
    let read = home.read();
    let first: Vec<_> = read.records(None, filter()).unwrap().take(20).map(Result::unwrap).collect();
    let cursor = first.last().unwrap().cursor.clone();
    let rest: Vec<_> = read.records(Some(&cursor), filter()).unwrap().map(Result::unwrap).collect();
    let all: Vec<_> = first.iter().chain(&rest).map(|item| item.observable.value().to_owned()).collect();
    assert_eq!(all, values);
    let Held(body) = &first[0].body;
    assert_eq!(body, b"d00.example|None");
}

#[test]
fn filters_hold_back_kinds_labels_and_revoked_records() {
    let home = Home::new();
    let mut amber = item(GROUP, indicator("amber.example"));
    amber.released = released(GROUP, Record::Indicator(indicator("amber.example")), Tlp::Amber);
    home.commit(release_change(GROUP, vec![amber, item(GROUP, indicator("green.example")), item(GROUP, indicator("192.0.2.1"))]));
    home.append(GROUP);
    let key = home.read().our_log_key(&GROUP).unwrap();
    let mode = crate::model::record::WithdrawalMode::Withdraw;
    home.commit(Change::TakeBack { log: key.id(), seqs: vec![3], mode, reason: String::new(), at: NOW, bars: true });
    let values = |filter| -> Vec<String> {
        let read = home.read();
        let records = read.records(None, filter).unwrap();
        records.map(|item| item.unwrap().observable.value().to_owned()).collect()
    };
    assert_eq!(values(filter()), ["amber.example", "green.example"]);
    assert_eq!(values(Filter { ceiling: Ceiling { tlp: Tlp::Green, ..Ceiling::NONE }, ..filter() }), ["green.example"]);
    assert_eq!(values(Filter { kinds: vec![ObservableKind::Ipv4], revoked: true, ..filter() }), ["192.0.2.1"]);
}

#[test]
fn what_is_said_under_one_label_is_no_event_for_who_may_see_another_alone() {
    let home = Home::new();
    let say = |tlp, audience, note: &str, at| {
        let indicator = Indicator { note: Some(note.into()), ..indicator("evil.example") };
        let mut one = item(audience, indicator.clone());
        one.released = released(audience, Record::Indicator(indicator), tlp);
        let Change::Release { items, disclosures, .. } = release_change(audience, vec![one]) else { unreachable!() };
        home.commit(Change::Release { audience, items, disclosures, at });
    };
    let green = Filter { ceiling: Ceiling { tlp: Tlp::Green, ..Ceiling::NONE }, revoked: true, ..filter() };
    let seen = |from| home.read().since(from, 100, &green).unwrap();
    let record = record_id(&US, &observable("evil.example"));
    say(Tlp::Green, GROUP, "one", NOW);
    say(Tlp::Amber, TO_PEER, "two", NOW.plus(1));
    say(Tlp::Amber, TO_PEER, "three", NOW.plus(2));
    assert_eq!(seen(0).len(), 1);
    assert_eq!(home.read().history(&record, green.ceiling).unwrap(), None, "nothing that they may see has changed");
    assert!(home.read().history(&record, Ceiling::NONE).unwrap().is_some());
    // What holds no more for them is told, not what holds now.
    let before = home.read().newest().unwrap();
    say(Tlp::Red, GROUP, "four", NOW.plus(3));
    let events = seen(before);
    assert_eq!((events.len(), events[0].item.is_none()), (1, true));
    assert_eq!(home.read().since(before, 100, &filter()).unwrap().len(), 2);
}

#[test]
fn changes_since_a_cursor_tell_what_came_changed_and_went() {
    let home = Home::new();
    home.release(GROUP, &["evil.example", "bad.example"]);
    home.append(GROUP);
    let cursor = home.read().newest().unwrap();
    assert_eq!(home.read().since(0, 100, &filter()).unwrap().len(), 2, "a position is no change");
    let key = home.read().our_log_key(&GROUP).unwrap();
    let mode = crate::model::record::WithdrawalMode::Recall;
    home.commit(Change::TakeBack { log: key.id(), seqs: vec![1], mode, reason: String::new(), at: NOW.plus(5), bars: true });
    let events = home.read().since(cursor, 100, &filter()).unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].record, events[0].item.is_none()), (record_id(&US, &observable("evil.example")), true));
    assert_eq!(home.read().cursor_at(NOW.plus(1)).unwrap(), cursor);
    assert_eq!(home.read().cursor_at(NOW).unwrap(), 0);
    assert_eq!(home.read().cursor_at(NOW.plus(6)).unwrap(), events[0].cursor);
}
