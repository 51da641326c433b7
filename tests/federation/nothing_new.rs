//! A link opens and nothing is new: both hellos say so, and neither side says at length what it holds or asks for.

use crate::harness::rogue::{ROGUE, Rogue, Stream};
use crate::harness::*;
use watchfire::config::Link;
use watchfire::link::convert::wire::{self, frame::Frame as Kind};
use watchfire::link::convert::{Holdings, LogState, digest_of_holdings, have_frames};
use watchfire::model::Tlp;
use watchfire::model::log::{Audience, Head};

/// What a node logs of each link on which it went so.
const NOTHING_NEW: &str = "nothing is new";

/// Amal, and a peer in whose hand every frame is. Each has said one thing to the other, and both are acknowledged.
async fn one_each() -> (Federation, Rogue, Holdings) {
    let federation = Federation::strangers(1).await;
    let rogue = Rogue::paired_with(&federation, AMAL).await;
    let (batch, frames) = rogue.batch(Head::default(), vec![rogue.entry("theirs.example.org")], &rogue.identity.log_key());
    let mut stream = rogue.asked(batch.checkpoint.head).await;
    stream.say_all(frames).await;
    stream.acknowledged().await;
    federation.share(AMAL, "ours.example.org", Tlp::Amber, ROGUE).await;
    let snapshot = federation.node(AMAL).store.snapshot().unwrap();
    let key = snapshot.our_log_key(&Audience::Direct(rogue.identity.org())).unwrap();
    let head = snapshot.log(&key.id()).unwrap().unwrap().head;
    drop(snapshot);
    stream.say(Kind::Want(wire::Want { log: key.id().0.to_vec(), from: 1, credit: 1 << 20, ..Default::default() })).await;
    stream.until(|kind| matches!(kind, Kind::Batch(_))).await;
    stream.say(ack(&key.id().0, 1)).await;
    let (log, org) = (key.id(), rogue.identity.org());
    federation.until("it is acknowledged", || federation.acknowledged_by(AMAL, &log, &org) == 1).await;
    let holdings = (vec![LogState { key, head }, LogState { key: rogue.log(), head: batch.checkpoint.head }], Vec::new());
    (federation, rogue, holdings)
}

fn ack(log: &[u8], through: u64) -> Kind {
    Kind::Ack(wire::Ack { log: log.to_vec(), through, ..Default::default() })
}

/// A new stream on which the rogue says that it holds this. What the node's hello said of itself, and whether it was the same.
async fn again(federation: &Federation, rogue: &Rogue, holdings: &Holdings) -> (Stream, bool) {
    let (us, peer, credit) = (rogue.identity.org(), federation.org(AMAL), Link::default().in_flight_bytes_max);
    let mut stream = rogue.connect().await;
    let holds = digest_of_holdings(&us, &peer, credit, holdings).to_vec();
    stream.say(Kind::Hello(wire::Hello { holds, ..rogue.hello(vec![1]) })).await;
    let Some(Kind::Hello(hello)) = stream.hear().await else { panic!("hello comes first") };
    (stream, hello.holds == digest_of_holdings(&peer, &us, credit, holdings))
}

const fn is_at_length(kind: &Kind) -> bool {
    matches!(kind, Kind::Have(_) | Kind::Want(_))
}

#[tokio::test]
async fn where_both_hold_the_same_what_is_said_next_is_news() {
    let (federation, rogue, holdings) = one_each().await;
    let (mut stream, same) = again(&federation, &rogue, &holdings).await;
    assert!(same, "the node says that it holds this");
    let theirs = holdings.0[1].head;
    let (_, frames) = rogue.batch(theirs, vec![rogue.entry("theirs-too.example.org")], &rogue.identity.log_key());
    stream.say_all(frames).await;
    let told = stream.until(|kind| is_at_length(kind) || matches!(kind, Kind::Ack(_))).await;
    assert!(matches!(&told, Kind::Ack(ack) if ack.through == 2), "it takes what comes next, and has asked for nothing: {told:?}");
    federation.share(AMAL, "ours-too.example.org", Tlp::Amber, ROGUE).await;
    let told = stream.until(|kind| is_at_length(kind) || matches!(kind, Kind::Batch(_))).await;
    let first = |kind: &Kind| matches!(kind, Kind::Batch(part) if part.meta.as_ref().is_some_and(|meta| meta.first == 2));
    assert!(first(&told), "it sends what comes next, and was asked for nothing: {told:?}");
    stream.say(ack(&holdings.0[0].key.id().0, 2)).await;
    let (log, org) = (holdings.0[0].key.id(), rogue.identity.org());
    federation.until("it is acknowledged", || federation.acknowledged_by(AMAL, &log, &org) == 2).await;
    assert!(federation.finds(AMAL, "theirs-too.example.org"));
}

#[tokio::test]
async fn where_one_holds_less_all_is_said() {
    let (federation, rogue, mut holdings) = one_each().await;
    holdings.0[0].head = Head::default();
    let (mut stream, same) = again(&federation, &rogue, &holdings).await;
    assert!(!same);
    stream.until(|kind| matches!(kind, Kind::Have(have) if have.complete && have.logs.len() == 2)).await;
    for frame in have_frames(&holdings.0, &[]) {
        stream.say(frame.frame.unwrap()).await;
    }
    stream.until(|kind| matches!(kind, Kind::Want(want) if want.from == 2)).await;
}

#[tokio::test]
async fn nobody_passes_by_saying_what_it_was_told() {
    let (federation, rogue, holdings) = one_each().await;
    let mut stream = rogue.connect().await;
    let (us, peer, credit) = (rogue.identity.org(), federation.org(AMAL), Link::default().in_flight_bytes_max);
    let holds = digest_of_holdings(&peer, &us, credit, &holdings).to_vec();
    stream.say(Kind::Hello(wire::Hello { holds: holds.clone(), ..rogue.hello(vec![1]) })).await;
    let Some(Kind::Hello(hello)) = stream.hear().await else { panic!("hello comes first") };
    assert_eq!(hello.holds, holds, "it is the node's own digest");
    stream.until(|kind| matches!(kind, Kind::Have(have) if have.complete)).await;
}

#[tokio::test]
async fn whoever_has_more_to_say_than_what_it_holds_says_all() {
    let (federation, rogue, holdings) = one_each().await;
    let silent = async || {
        let mut stream = rogue.link().await;
        stream.until(|kind| matches!(kind, Kind::Have(_))).await;
        let mut stream = rogue.connect().await;
        stream.say(Kind::Hello(rogue.hello(vec![1]))).await;
        let Some(Kind::Hello(hello)) = stream.hear().await else { panic!("hello comes first") };
        hello.holds.is_empty()
    };
    assert!(!silent().await);
    // An entry that the reader has not acknowledged.
    federation.share(AMAL, "more.example.org", Tlp::Amber, ROGUE).await;
    assert!(silent().await);
    let log = holdings.0[0].key.id();
    let mut stream = rogue.link().await;
    stream.say(Kind::Want(wire::Want { log: log.0.to_vec(), from: 3, credit: 1 << 20, ..Default::default() })).await;
    let org = rogue.identity.org();
    federation.until("it is acknowledged", || federation.acknowledged_by(AMAL, &log, &org) == 2).await;
    assert!(!silent().await);
    // A recall that it has not said it has.
    let id = federation.lookup(AMAL, "ours.example.org").remove(0).record;
    federation.recall(AMAL, &id.to_string()).await;
    let size = federation.node(AMAL).store.snapshot().unwrap().log(&log).unwrap().unwrap().head.size;
    let mut stream = rogue.link().await;
    stream.say(Kind::Want(wire::Want { log: log.0.to_vec(), from: size + 1, credit: 1 << 20, ..Default::default() })).await;
    federation.until("it is acknowledged", || federation.acknowledged_by(AMAL, &log, &org) == size).await;
    assert!(silent().await);
}

/// Cuts the link between two and heals it. Waits for a link on which both found that nothing is new.
async fn reconnect(federation: &Federation, one: Who, other: Who) {
    let before = federation.logged(NOTHING_NEW);
    federation.cut(one, other);
    let up = |here: Who, there: Who| federation.node(here).link_view(&federation.org(there)).up;
    federation.until("the link is down", || !up(one, other) && !up(other, one)).await;
    federation.heal(one, other);
    federation.settle().await;
    federation.until("both say that nothing is new", || federation.logged(NOTHING_NEW) >= before + 2).await;
}

/// Waits until every reader with a link has acknowledged all of an author's logs.
async fn acknowledged(federation: &Federation, author: Who, readers: &[Who]) {
    federation.settle().await;
    let all = || {
        let logs = federation.node(author).store.snapshot().unwrap().logs_of(&federation.org(author)).unwrap();
        let mut pairs = readers.iter().flat_map(|reader| logs.iter().map(move |log| (log, federation.org(*reader))));
        pairs.all(|(log, reader)| {
            let other_readers = matches!(log.key.audience, Audience::Direct(org) if org != reader);
            other_readers || federation.acknowledged_by(author, &log.id, &reader) == log.head.size
        })
    };
    federation.until("all is acknowledged", all).await;
}

#[tokio::test]
async fn what_is_shared_after_a_link_with_nothing_new_arrives_both_ways() {
    let federation = Federation::of(2).await;
    federation.group(AMAL, "partners", &[BOREALIS]).await;
    for round in 0..3 {
        for (who, to) in [(AMAL, "borealis"), (BOREALIS, "amal"), (AMAL, "partners"), (BOREALIS, "partners")] {
            federation.settle().await;
            federation.share(who, &format!("n{round}.{}-to-{to}.example.org", NAMES[who.0]), Tlp::AmberStrict, to).await;
        }
        acknowledged(&federation, AMAL, &[BOREALIS]).await;
        acknowledged(&federation, BOREALIS, &[AMAL]).await;
        assert_eq!((federation.indicators(AMAL), federation.indicators(BOREALIS)), (4 * (round + 1), 4 * (round + 1)));
        reconnect(&federation, AMAL, BOREALIS).await;
    }
}

#[tokio::test]
async fn a_relay_passes_on_over_a_link_that_opened_with_nothing_new() {
    let federation = Federation::of(3).await;
    federation.group(AMAL, "partners", &[BOREALIS, CEDAR]).await;
    federation.settle().await;
    for who in federation.everyone() {
        federation.share(who, &format!("old-{}.example.org", NAMES[who.0]), Tlp::Amber, "partners").await;
    }
    for (author, readers) in [(AMAL, [BOREALIS, CEDAR]), (BOREALIS, [AMAL, CEDAR]), (CEDAR, [AMAL, BOREALIS])] {
        acknowledged(&federation, author, &readers).await;
    }
    federation.cut(AMAL, CEDAR);
    federation.until("the link is down", || !federation.node(CEDAR).link_view(&federation.org(AMAL)).up).await;
    reconnect(&federation, AMAL, BOREALIS).await;
    reconnect(&federation, BOREALIS, CEDAR).await;
    for (who, reader) in [(AMAL, CEDAR), (CEDAR, AMAL)] {
        let value = format!("new-{}.example.org", NAMES[who.0]);
        federation.share(who, &value, Tlp::Amber, "partners").await;
        federation.settle().await;
        assert!(federation.finds(BOREALIS, &value) && federation.finds(reader, &value), "{value}");
    }
}

#[tokio::test]
async fn a_reader_that_lost_its_tail_and_a_member_that_missed_a_definition_are_told_all() {
    let mut federation = Federation::of(2).await;
    federation.group(AMAL, "partners", &[BOREALIS]).await;
    federation.settle().await;
    federation.share(AMAL, "one.example.org", Tlp::Amber, "partners").await;
    acknowledged(&federation, AMAL, &[BOREALIS]).await;
    let copy = federation.copy(BOREALIS).await;
    federation.settle().await;
    federation.share(AMAL, "two.example.org", Tlp::Amber, "partners").await;
    acknowledged(&federation, AMAL, &[BOREALIS]).await;
    federation.put_back(BOREALIS, &copy).await;
    federation.start(BOREALIS).await;
    federation.settle().await;
    assert!(federation.finds(BOREALIS, "two.example.org"));
    federation.cut(AMAL, BOREALIS);
    federation.node(AMAL).group_community("partners", true).await.unwrap();
    federation.heal(AMAL, BOREALIS);
    federation.settle().await;
    let number = |who: Who| federation.node(who).store.snapshot().unwrap().groups().unwrap()[0].number;
    assert_eq!((number(AMAL), number(BOREALIS)), (2, 2));
    federation.share(BOREALIS, "green.example.org", Tlp::Green, "partners").await;
    federation.settle().await;
    assert!(federation.finds(AMAL, "green.example.org"));
}
