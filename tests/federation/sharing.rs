//! Indicators go from one organisation to another.

use crate::harness::*;
use watchfire::formats::Format;
use watchfire::model::Tlp;

#[tokio::test]
async fn what_is_shared_directly_arrives_both_ways_and_nowhere_else() {
    let mut federation = Federation::of(3).await;
    let (note, answer) = (federation.secret(&[AMAL, BOREALIS]), federation.secret(&[AMAL, BOREALIS]));
    federation.share_with_note(AMAL, "evil.example.org", &note, Tlp::Red, "borealis").await;
    federation.share_with_note(BOREALIS, "bad.example.org", &answer, Tlp::AmberStrict, "amal").await;
    federation.settle().await;
    assert_eq!(federation.authors(BOREALIS, "evil.example.org"), [AMAL]);
    assert_eq!(federation.authors(AMAL, "bad.example.org"), [BOREALIS]);
    assert!(!federation.finds(CEDAR, "evil.example.org") && !federation.finds(CEDAR, "bad.example.org"));
    let found = federation.lookup(BOREALIS, "evil.example.org").remove(0);
    assert_eq!(federation.node(BOREALIS).show(&found.record.to_string()).unwrap().note, Some(note.clone()));
    assert!(federation.holds(BOREALIS, &note), "a store shows what it holds, else the checks could not fail");
}

/// So many domains, addresses, networks and hashes, one to a line, defanged.
fn generated(count: usize) -> String {
    let line = |n: usize| match n % 4 {
        0 => format!("host{n}[.]evil-{}[.]example.org\n", n % 7),
        1 => format!("203.0.{}[.]{}\n", n / 250 % 250, n % 250),
        2 => format!("{:064X}\n", n),
        _ => format!("hxxps://cdn{n}.bad[.]example.org/load?id={n}\n"),
    };
    (0..count).map(line).collect()
}

#[tokio::test]
async fn three_thousand_imported_indicators_are_found_at_the_peer_however_they_are_asked_for() {
    let federation = Federation::of(2).await;
    let mut text = generated(3_000);
    text.push_str("198.51.100.0/24\n2001:db8:bad::/48\n");
    let report = federation.import(AMAL, text.clone(), Format::Text, Tlp::Green, "borealis").await;
    assert_eq!((report.read, report.released, report.invalid), (3_002, 3_002, 0), "{:?}", report.problems);
    federation.settle().await;
    assert_eq!(federation.indicators(BOREALIS), 3_002);
    let [ours, theirs] = [AMAL, BOREALIS].map(|who| federation.node(who).show("198.51.100.0/24").unwrap().entries.remove(0));
    assert!(ours.hash.is_some() && ours.hash == theirs.hash, "an entry is named alike everywhere");
    assert_eq!((ours.holders, theirs.holders), (vec!["borealis".to_owned()], vec!["amal".to_owned()]));
    let matched =
        |value: &str| federation.lookup(BOREALIS, value).into_iter().map(|found| (found.value, found.r#match)).collect::<Vec<_>>();
    assert!(matched("HOST4.Evil-4.Example.org.").contains(&("host4.evil-4.example.org".into(), "exact".into())));
    assert!(matched("a.b.host4.evil-4[.]example.org").contains(&("host4.evil-4.example.org".into(), "parent".into())));
    assert!(matched("evil-4.example.org").contains(&("host4.evil-4.example.org".into(), "subdomain".into())));
    assert!(matched("198.51.100.77").contains(&("198.51.100.0/24".into(), "network".into())));
    assert!(matched("2001:DB8:BAD:1::7").contains(&("2001:db8:bad::/48".into(), "network".into())));
    assert!(matched("203.0.0.0/24").contains(&("203.0.0.1".into(), "in_network".into())));
    let hash = format!("{:064x}", 2_998);
    assert!(matched(&hash.to_uppercase()).contains(&(hash, "exact".into())));
    assert!(matched("hxxp://innocent.example.org").is_empty());
}

/// The clock stands still, so all of it falls into one second.
#[tokio::test]
async fn an_import_takes_a_fraction_of_the_frames_that_may_come_in_a_second() {
    let defaults = watchfire::config::Link::default();
    let federation = Federation::with(2, |_, config| {
        config.link.control_frames_per_second_max = defaults.control_frames_per_second_max / 10;
        config.link.http2_frames_per_second_max = defaults.http2_frames_per_second_max / 10;
    })
    .await;
    federation.pair(AMAL, BOREALIS).await;
    federation.settle().await;
    let dials = || federation.net.dialled(AMAL, BOREALIS) + federation.net.dialled(BOREALIS, AMAL);
    let before = dials();
    federation.import(AMAL, generated(10_000), Format::Text, Tlp::Green, "borealis").await;
    federation.settle().await;
    assert_eq!((federation.indicators(BOREALIS), dials()), (10_000, before));
}

#[tokio::test]
async fn importing_twice_changes_nothing() {
    let federation = Federation::of(2).await;
    federation.import(AMAL, generated(200), Format::Text, Tlp::Green, "borealis").await;
    federation.settle().await;
    let heads = || federation.node(AMAL).status().unwrap().logs.iter().map(|log| (log.size, log.head)).collect::<Vec<_>>();
    let ids = || federation.lookup(AMAL, "evil-0.example.org").iter().map(|found| found.record).collect::<Vec<_>>();
    let (head, records) = (heads(), ids());
    assert!(!records.is_empty());
    let disclosures = federation.node(AMAL).disclosures(Default::default()).unwrap().len();
    federation.clock.advance(3 * DAY);
    let again = federation.import(AMAL, generated(200), Format::Text, Tlp::Green, "borealis").await;
    assert_eq!((again.read, again.released, again.duplicate), (200, 0, 200));
    federation.settle().await;
    assert_eq!((heads(), ids()), (head, records));
    assert_eq!(federation.node(AMAL).disclosures(Default::default()).unwrap().len(), disclosures, "nothing left, so nothing is disclosed");
}

#[tokio::test]
async fn an_import_counts_what_had_ended_before_it_came() {
    let federation = Federation::of(2).await;
    let ended = federation.node(AMAL).clock.now();
    let csv =
        format!("value,valid_until\nold.example.org,{ended}\nolder.example.org,2001-02-03\nnew.example.org,2999-01-01\nany.example.org,\n");
    let report = federation.import(AMAL, csv, Format::Csv, Tlp::Green, "borealis").await;
    assert_eq!((report.released, report.ended), (4, 2), "{report:?}");
}

#[tokio::test]
async fn sharing_again_under_another_label_says_which_one_it_replaces() {
    let federation = Federation::of(2).await;
    let import = async |tlp| {
        let report = federation.import(AMAL, generated(3), Format::Text, tlp, "borealis").await;
        (report.released, report.duplicate, report.relabelled.into_iter().collect::<Vec<_>>())
    };
    assert_eq!(import(Tlp::Amber).await, (3, 0, vec![]));
    assert_eq!(import(Tlp::Amber).await, (0, 3, vec![]));
    federation.settle().await;
    assert_eq!(import(Tlp::Red).await, (3, 0, vec![("amber".to_owned(), 3)]));
    let value = "host0.evil-0.example.org";
    let again = federation.try_share(AMAL, value, Tlp::Green, "borealis").await;
    assert_eq!(again.released[0].before, Some(Tlp::Red.into()));
    federation.settle().await;
    assert_eq!(federation.lookup(BOREALIS, value)[0].label.tlp(), Tlp::Green, "the last word counts");
    assert_eq!(federation.try_share(AMAL, "no value", Tlp::Green, "borealis").await.invalid.len(), 1);
}

#[tokio::test]
async fn one_value_from_three_members_is_one_observable_with_three_provenances() {
    let federation = Federation::of(3).await;
    federation.group(AMAL, "partners", &[BOREALIS, CEDAR]).await;
    federation.settle().await;
    for (who, spelt) in [(AMAL, "Evil.Example.org"), (BOREALIS, "evil[.]example.org."), (CEDAR, "EVIL.example.org")] {
        federation.share(who, spelt, Tlp::Amber, "partners").await;
    }
    federation.settle().await;
    for who in federation.everyone() {
        let found = federation.lookup(who, "evil.example.org");
        assert_eq!(federation.authors(who, "evil.example.org"), [AMAL, BOREALIS, CEDAR]);
        assert!(found.iter().all(|one| one.provenances == 3 && one.value == "evil.example.org"), "{found:?}");
        assert_eq!(federation.node(who).store.snapshot().unwrap().observables().unwrap(), 1);
    }
}
