//! What a feed says is passed on, and taken back there; what people say and undo counts for more.

use super::tests::{Desk, local};
use super::*;
use crate::model::Tlp;
use crate::model::log::Body;
use crate::model::record::WithdrawalMode;
use crate::model::{Record, RecordKind};
use crate::node::Node;
use crate::node::referral::By;
use crate::node::view::{PeerOptions, ShareRequest};
use crate::store::change::Shelf;

const DAY: u64 = 86_400_000;
const HOLD: u64 = 30_000;

/// A node with two peers that it never reaches, and a folder that a feed reads.
async fn desk(hold_s: u64) -> Desk {
    let desk = Desk::with(|config| (config.release.hold_s, config.gate.own) = (hold_s, vec!["our-desk.org".into()])).await;
    for name in ["borealis", "cedar"] {
        let data = desk.directory.path().join(name);
        Node::init(&data, &[format!("{name}.example:7443")], &desk.clock).unwrap();
        let card = Node::open_with(&data, Desk::config(|_| ()), desk.clock.clone()).unwrap().card().unwrap();
        desk.node.peer_add(&card, name, PeerOptions::default()).await.unwrap();
    }
    desk
}

fn terms(desk: &Desk, to: &str) -> Terms {
    let folder = desk.directory.path().join("drop");
    std::fs::create_dir_all(&folder).unwrap();
    Terms { tlp: Tlp::Green, to: Some(to.into()), ..local(Kind::Folder, folder.to_str().unwrap().to_owned()) }
}

async fn add(desk: &Desk, name: &str, to: &str) {
    desk.node.add_feed(FeedAdd { name: name.into(), terms: terms(desk, to) }, By::default()).await.unwrap();
}

fn write(desk: &Desk, text: &str) {
    write_as(desk, "a.txt", text);
}

fn write_as(desk: &Desk, name: &str, text: &str) {
    let path = desk.directory.path().join("drop").join(name);
    std::fs::write(&path, text).unwrap();
}

/// Passed on, to be asked about, not passed on, taken back there.
async fn passed(desk: &Desk, name: &str) -> [u64; 4] {
    let view = desk.node.feed_now(name, FeedRun { accept_removals: true, dry_run: false }).await.unwrap();
    assert_eq!(view.fault, None, "{view:?}");
    [view.counts.passed, view.counts.asked, view.counts.kept_back, view.counts.unsaid]
}

async fn after_the_hold(desk: &Desk) {
    desk.clock.advance(HOLD);
    desk.node.let_go_of_what_is_due().await.unwrap();
}

/// Values and labels that a peer gets.
fn out(desk: &Desk, to: &str) -> Vec<(String, Tlp)> {
    let audience = desk.node.audience(to).unwrap();
    let waiting = desk.node.store.snapshot().unwrap().waiting(&audience, 10_000, 1 << 24).unwrap();
    let mut out = Vec::new();
    for one in waiting {
        let Body::Present(body) = &one.entry.body else { panic!("{one:?}") };
        match crate::link::convert::decode_record(RecordKind::Indicator, body).unwrap() {
            Record::Indicator(indicator) => out.push((indicator.observable.value().to_owned(), one.entry.label.tlp())),
            other => panic!("{other:?}"),
        }
    }
    out.sort();
    out
}

fn values(desk: &Desk, to: &str) -> Vec<String> {
    out(desk, to).into_iter().map(|(value, _)| value).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_feed_says_is_passed_on_under_its_name_and_taken_back_there() {
    let desk = desk(HOLD / 1_000).await;
    add(&desk, "drop", "borealis").await;
    write(&desk, "one-lure.com\ntwo-lure.com\n");
    assert_eq!(passed(&desk, "drop").await, [2, 0, 0, 0]);
    assert!(out(&desk, "borealis").is_empty(), "it is held like an import");
    after_the_hold(&desk).await;
    assert_eq!(out(&desk, "borealis"), [("one-lure.com".into(), Tlp::Green), ("two-lure.com".into(), Tlp::Green)]);
    assert!(out(&desk, "cedar").is_empty());
    let line = desk.node.disclosures(Default::default()).unwrap().pop().unwrap();
    assert_eq!((line.by.as_deref(), line.count), (Some("feed drop"), 2));
    assert_eq!(passed(&desk, "drop").await, [0, 0, 0, 0], "it is said once");
    let view = desk.node.feed("drop").unwrap();
    assert_eq!((view.terms.to.as_deref(), view.passed, view.not_passed), (Some("borealis"), 2, None));
    // One that is out, and one that is still held, are not said any more.
    write(&desk, "two-lure.com\nthree-lure.com\n");
    assert_eq!(passed(&desk, "drop").await, [1, 0, 0, 1]);
    write(&desk, "two-lure.com\n");
    assert_eq!(passed(&desk, "drop").await, [0, 0, 0, 1]);
    after_the_hold(&desk).await;
    assert_eq!(values(&desk, "borealis"), ["two-lure.com"]);
    desk.node.remove_feed("drop", By::default()).await.unwrap();
    assert!(out(&desk, "borealis").is_empty(), "with the feed all goes that it said there");
    let snapshot = desk.node.store.snapshot().unwrap();
    assert!([Shelf::FeedPassed, Shelf::Claim].iter().all(|shelf| snapshot.all_kept(*shelf).unwrap().is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_here_say_too_stays_theirs() {
    let desk = desk(0).await;
    let share = async |value: &str, tlp| desk.node.share(ShareRequest::now(vec![value.into()], tlp, "borealis")).await.unwrap();
    share("before-lure.com", Tlp::Amber).await;
    share("same-lure.com", Tlp::Green).await;
    add(&desk, "drop", "borealis").await;
    write(&desk, "before-lure.com\nsame-lure.com\nafter-lure.com\nagain-lure.com\nstricter-lure.com\nfeed-lure.com\n");
    assert_eq!(passed(&desk, "drop").await, [4, 0, 2, 0]);
    // In other words, in the same, and under a stricter label.
    let noted =
        ShareRequest { note: Some("seen by us".into()), ..ShareRequest::now(vec!["after-lure.com".into()], Tlp::Green, "borealis") };
    desk.node.share(noted).await.unwrap();
    share("stricter-lure.com", Tlp::Amber).await;
    write(&desk, "value,confidence\nstricter-lure.com,70\nfeed-lure.com,70\nbefore-lure.com,70\n");
    std::fs::rename(desk.directory.path().join("drop/a.txt"), desk.directory.path().join("drop/a.csv")).unwrap();
    assert_eq!(passed(&desk, "drop").await, [1, 0, 1, 1], "the desk's word for two of them stays, and one goes");
    let there = out(&desk, "borealis");
    assert!(there.contains(&("before-lure.com".into(), Tlp::Amber)) && there.contains(&("same-lure.com".into(), Tlp::Green)), "{there:?}");
    assert!(there.contains(&("after-lure.com".into(), Tlp::Green)) && there.contains(&("feed-lure.com".into(), Tlp::Green)), "{there:?}");
    assert_eq!(there.iter().rfind(|(value, _)| value == "stricter-lure.com").unwrap().1, Tlp::Amber, "nothing lowers a label");
    assert!(!there.iter().any(|(value, _)| value == "again-lure.com"));
    desk.node.remove_feed("drop", By::default()).await.unwrap();
    let mut left = values(&desk, "borealis");
    left.dedup();
    assert_eq!(left, ["after-lure.com", "before-lure.com", "same-lure.com", "stricter-lure.com"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_here_took_back_or_undid_is_not_said_again_while_the_feed_says_it() {
    let desk = desk(HOLD / 1_000).await;
    add(&desk, "drop", "borealis").await;
    write_as(&desk, "a.csv", "value,confidence\nfalse-lure.com,50\ntrue-lure.com,50\n");
    assert_eq!(passed(&desk, "drop").await, [2, 0, 0, 0]);
    after_the_hold(&desk).await;
    desk.node.take_back("false-lure.com", "a mistake", WithdrawalMode::Withdraw).await.unwrap();
    write_as(&desk, "a.csv", "value,confidence\nfalse-lure.com,60\ntrue-lure.com,60\nundone-lure.com,60\n");
    assert_eq!(passed(&desk, "drop").await, [2, 0, 1, 0]);
    let hold = desk.node.holds().unwrap().remove(0);
    desk.node.undo(&hold.id.unwrap().to_string(), None).await.unwrap();
    write_as(&desk, "a.csv", "value,confidence\nfalse-lure.com,70\ntrue-lure.com,70\nundone-lure.com,70\n");
    assert_eq!(passed(&desk, "drop").await, [1, 0, 1, 0], "what was undone is left alone too; what is out is said anew");
    after_the_hold(&desk).await;
    let mut there = values(&desk, "borealis");
    there.dedup();
    assert_eq!(there, ["true-lure.com"]);
    // Once its source has dropped it, its next word is a new one.
    write_as(&desk, "a.csv", "value,confidence\ntrue-lure.com,70\n");
    passed(&desk, "drop").await;
    write_as(&desk, "a.csv", "value,confidence\ntrue-lure.com,70\nfalse-lure.com,70\n");
    assert_eq!(passed(&desk, "drop").await, [1, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_source_labels_more_strictly_stays_here() {
    let desk = desk(0).await;
    add(&desk, "drop", "borealis").await;
    write_as(&desk, "a.csv", "value,tlp\nclear-lure.com,clear\namber-lure.com,amber\nturning-lure.com,green\n");
    assert_eq!(passed(&desk, "drop").await, [2, 0, 0, 0]);
    assert_eq!(out(&desk, "borealis"), [("clear-lure.com".into(), Tlp::Green), ("turning-lure.com".into(), Tlp::Green)]);
    write_as(&desk, "a.csv", "value,tlp\nclear-lure.com,clear\namber-lure.com,amber\nturning-lure.com,red\n");
    assert_eq!(passed(&desk, "drop").await, [0, 0, 0, 1], "and what it labels so now comes back");
    assert_eq!(values(&desk, "borealis"), ["clear-lure.com"]);
    let refused =
        async |terms: Terms| desk.node.add_feed(FeedAdd { name: "other".into(), terms }, By::default()).await.unwrap_err().to_string();
    let laxer = "only what may go further than to us is passed on by itself\nhint: `--tlp green` or `clear`, where its source lets it go that far; what it labels more strictly stays here all the same";
    assert_eq!(refused(Terms { tlp: Tlp::Amber, ..terms(&desk, "borealis") }).await, laxer);
    let push = Terms { kind: Kind::MispPush, at: "https://misp.example.org/".into(), groups: vec!["g".into()], ..terms(&desk, "borealis") };
    assert_eq!(refused(push).await, laxer);
    assert!(refused(terms(&desk, "nobody")).await.starts_with("no peer or group is called `nobody`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_more_than_usual_waits_for_a_person_and_the_gate_keeps_what_it_keeps() {
    let desk = desk(0).await;
    add(&desk, "drop", "borealis").await;
    let many: String = (0..1_100).map(|n| format!("n{n}-lure.com\n")).collect();
    // What nobody may share a feed may have, and does not pass on.
    write(&desk, &format!("{many}our-desk.org\n"));
    assert_eq!(passed(&desk, "drop").await, [0, 1_100, 1, 0]);
    assert!(out(&desk, "borealis").is_empty());
    let hold = desk.node.holds().unwrap().remove(0);
    assert!(hold.asks.keys().next().unwrap().starts_with("`feed drop` has sent too little"), "{:?}", hold.asks);
    assert_eq!(passed(&desk, "drop").await, [0, 0, 0, 0], "it is asked once");
    desk.node.release_hold(&hold.id.unwrap().to_string(), None).await.unwrap();
    after_the_hold(&desk).await;
    assert_eq!(out(&desk, "borealis").len(), 1_100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_in_between_says_nothing_twice_and_leaves_nothing_that_cannot_be_taken_back() {
    for place in [1, 2] {
        let desk = desk(0).await;
        add(&desk, "drop", "borealis").await;
        write(&desk, "one-lure.com\ntwo-lure.com\n");
        desk.node.feeding.dies_at.store(place, std::sync::atomic::Ordering::Relaxed);
        desk.node.feed_now("drop", FeedRun::default()).await.unwrap_err();
        assert_eq!(out(&desk, "borealis").len(), if place == 1 { 0 } else { 2 });
        let desk = desk.again(Desk::config(|config| config.release.hold_s = 0)).await;
        // One is not said any more by the next run, and one is.
        write(&desk, "two-lure.com\n");
        let [said, _, _, unsaid] = passed(&desk, "drop").await;
        assert_eq!((said, unsaid), if place == 1 { (1, 0) } else { (0, 1) });
        assert_eq!(values(&desk, "borealis"), ["two-lure.com"]);
        assert_eq!(desk.node.disclosures(Default::default()).unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_while_it_is_held_or_withheld_is_said_as_it_is_then() {
    let desk = desk(HOLD / 1_000).await;
    add(&desk, "drop", "borealis").await;
    write_as(&desk, "a.csv", "value,confidence\nheld-lure.com,50\nour-desk.org,50\n");
    assert_eq!(passed(&desk, "drop").await, [1, 0, 1, 0]);
    write_as(&desk, "a.csv", "value,confidence\nheld-lure.com,60\nour-desk.org,50\n# nothing else\n");
    assert_eq!(passed(&desk, "drop").await, [1, 0, 0, 0]);
    // What the gate kept back goes once it does not any more, and its source says it otherwise.
    let desk = desk.again(Desk::config(|_| ())).await;
    write_as(&desk, "a.csv", "value,confidence\nheld-lure.com,60\nour-desk.org,60\n");
    assert_eq!(passed(&desk, "drop").await, [1, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_desk_said_and_took_back_before_the_feed_did_is_the_feeds() {
    let desk = desk(0).await;
    add(&desk, "drop", "borealis").await;
    write(&desk, "early-lure.com\n");
    assert_eq!(passed(&desk, "drop").await, [1, 0, 0, 0]);
    desk.node.share(ShareRequest::now(vec!["late-lure.com".into()], Tlp::Green, "borealis")).await.unwrap();
    desk.node.take_back("late-lure.com", "a mistake", WithdrawalMode::Withdraw).await.unwrap();
    write(&desk, "early-lure.com\nlate-lure.com\n");
    assert_eq!(passed(&desk, "drop").await, [1, 0, 0, 0]);
    write(&desk, "");
    assert_eq!(passed(&desk, "drop").await, [0, 0, 0, 2]);
    assert!(out(&desk, "borealis").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_is_removed_in_the_middle_says_nothing_afterwards() {
    let desk = desk(0).await;
    add(&desk, "drop", "borealis").await;
    write(&desk, "one-lure.com\n");
    desk.node.feeding.dies_at.store(1, std::sync::atomic::Ordering::Relaxed);
    desk.node.feed_now("drop", FeedRun::default()).await.unwrap_err();
    desk.node.feeding.dies_at.store(0, std::sync::atomic::Ordering::Relaxed);
    let snapshot = desk.node.store.snapshot().unwrap();
    let feed = desk.node.feed_named(&snapshot, "drop").unwrap();
    let (state, known) = (feed.state(&snapshot).unwrap(), feed.known(&snapshot).unwrap());
    let mut run = Run::new(feed, state, known, FeedRun::default());
    desk.node.remove_feed("drop", By::default()).await.unwrap();
    assert!(matches!(desk.node.pass_feed_on(&mut run).await, Err(Stop::Removed)));
    assert!(out(&desk, "borealis").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_passed_on_is_said_anew_before_its_holders_destroy_it() {
    let desk = desk(0).await;
    add(&desk, "drop", "borealis").await;
    write(&desk, "one-lure.com\n");
    assert_eq!(passed(&desk, "drop").await, [1, 0, 0, 0]);
    let days = Desk::config(|_| ()).records.retention_days;
    desk.clock.advance(days / 3 * DAY);
    assert_eq!(passed(&desk, "drop").await, [0, 0, 0, 0]);
    desk.clock.advance(days / 3 * DAY);
    // Its file has not changed.
    let view = desk.node.feed_now("drop", FeedRun::default()).await.unwrap();
    assert_eq!((view.fault, view.counts.passed), (None, 1));
    let audience = desk.node.audience("borealis").unwrap();
    let waiting = desk.node.store.snapshot().unwrap().waiting(&audience, 10, 1 << 20).unwrap();
    let last = waiting.iter().map(|one| one.entry.retention).max().unwrap();
    assert_eq!(last, desk.clock.now().plus(days * DAY));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nothing_may_go_there_the_feed_is_read_and_says_why() {
    let desk = desk(0).await;
    add(&desk, "drop", "borealis").await;
    write(&desk, "one-lure.com\n");
    desk.node.peer_suspend("borealis").await.unwrap();
    let other = FeedAdd { name: "other".into(), terms: terms(&desk, "borealis") };
    assert!(matches!(desk.node.add_feed(other, By::default()).await, Err(NodeError::Withheld(_))));
    assert_eq!(passed(&desk, "drop").await, [0, 0, 0, 0]);
    let view = desk.node.feed("drop").unwrap();
    assert_eq!((view.records, view.passed, view.state.as_str()), (1, 0, "ok"));
    assert!(view.not_passed.is_some_and(|reason| reason.contains("suspended")), "{:?}", desk.node.feed("drop").unwrap().not_passed);
    desk.node.peer_resume("borealis").await.unwrap();
    assert_eq!(passed(&desk, "drop").await, [1, 0, 0, 0]);
    assert_eq!((values(&desk, "borealis"), desk.node.feed("drop").unwrap().not_passed), (vec!["one-lure.com".into()], None));
    desk.node.peer_remove("borealis").await.unwrap();
    write(&desk, "");
    passed(&desk, "drop").await;
    desk.node.feed("drop").unwrap().not_passed.unwrap();
    desk.node.remove_feed("drop", By::default()).await.unwrap();
}
