//! Recalls by themselves: through links that carry nothing else, and once to each peer.

use crate::harness::rogue::{ROGUE, Rogue, Stream};
use crate::harness::*;
use std::collections::BTreeSet;
use watchfire::link::convert::wire::{self, frame::Frame as Kind};
use watchfire::link::convert::{LogState, Recall, have_frames, sign_recall};
use watchfire::model::Tlp;
use watchfire::model::crypto::sha256;
use watchfire::model::log::{Audience, Head};
use watchfire::model::record::{Withdrawal, WithdrawalMode};
use watchfire::node::Node;

const EVIL: &str = "evil.example.org";

/// Amal and Borealis have each shared with the other, and Amal has suspended Borealis but for recalls.
async fn suspended_but_for_recalls() -> Federation {
    let federation = Federation::of(2).await;
    federation.share(AMAL, EVIL, Tlp::Amber, "borealis").await;
    federation.share(BOREALIS, "bad.example.org", Tlp::Amber, "amal").await;
    federation.settle().await;
    let start = std::time::Instant::now();
    federation.node(AMAL).peer_suspend_but_for_recalls("borealis").await.unwrap();
    let borealis = federation.org(BOREALIS);
    federation.until("the whole link is down", || !federation.node(AMAL).link_view(&borealis).up).await;
    assert!(start.elapsed().as_millis() < 1_000, "within a second");
    federation
}

fn linked_for_recalls(federation: &Federation, here: Who, there: Who) -> bool {
    let view = federation.node(here).link_view(&federation.org(there));
    view.recalls_alone && !view.up
}

#[tokio::test]
async fn a_suspended_peer_is_still_told_what_should_never_have_left_and_says_so() {
    let federation = suspended_but_for_recalls().await;
    federation.until("amal links for recalls", || linked_for_recalls(&federation, AMAL, BOREALIS)).await;
    federation.until("borealis links for recalls", || linked_for_recalls(&federation, BOREALIS, AMAL)).await;
    assert_eq!(federation.node(AMAL).peer("borealis").unwrap().status.state, "suspended");
    let told = federation.node(BOREALIS).peer("amal").unwrap().status;
    assert_eq!((told.state.as_str(), told.problem.unwrap().code.as_str()), ("unreachable", "recalls_alone"));
    federation.recall(AMAL, EVIL).await;
    federation.until("borealis has destroyed it", || !federation.finds(BOREALIS, EVIL)).await;
    federation.until("amal has its receipt", || federation.outcomes(AMAL, EVIL) == [("borealis".to_owned(), "destroyed".to_owned())]).await;
    // The other way, and nothing else.
    federation.share(BOREALIS, "other.example.org", Tlp::Amber, "amal").await;
    let withheld = federation.try_share(AMAL, "more.example.org", Tlp::Amber, "borealis").await.withheld;
    assert!(withheld[0].reason.contains("suspended"), "{withheld:?}");
    federation.clock.advance(HOUR);
    federation.recall(BOREALIS, "bad.example.org").await;
    federation.until("amal has destroyed it", || !federation.finds(AMAL, "bad.example.org")).await;
    let answered = || federation.outcomes(BOREALIS, "bad.example.org") == [("amal".to_owned(), "destroyed".to_owned())];
    federation.until("borealis has the receipt", answered).await;
    assert!(!federation.finds(AMAL, "other.example.org"), "said before what was recalled, and not sent");
    let resumed = federation.node(AMAL).peer_resume("borealis").await.unwrap();
    assert_eq!(resumed.status.problem, None, "it was Amal who had suspended Borealis");
    federation.settle().await;
    assert!(federation.finds(AMAL, "other.example.org"), "resumed, all goes on");
    assert_eq!(federation.outcomes(AMAL, EVIL), [("borealis".to_owned(), "destroyed".to_owned())]);
}

#[tokio::test]
async fn a_recall_made_while_there_was_no_link_goes_over_the_first_one_for_recalls() {
    let federation = Federation::of(2).await;
    federation.share(AMAL, EVIL, Tlp::Amber, "borealis").await;
    federation.settle().await;
    federation.node(AMAL).peer_suspend("borealis").await.unwrap();
    federation.recall(AMAL, EVIL).await;
    assert_eq!(federation.outcomes(AMAL, EVIL), [("borealis".to_owned(), "suspended".to_owned())], "it is not told");
    federation.clock.advance(HOUR);
    assert!(federation.finds(BOREALIS, EVIL));
    federation.node(AMAL).peer_suspend_but_for_recalls("borealis").await.unwrap();
    federation.until("borealis has destroyed it", || !federation.finds(BOREALIS, EVIL)).await;
    federation.node(AMAL).peer_suspend("borealis").await.unwrap();
    federation.until("no link at all", || !linked_for_recalls(&federation, AMAL, BOREALIS)).await;
}

/// The rogue's stream on which the node has said that it takes recalls alone.
async fn alone(federation: &Federation, rogue: &Rogue) -> Stream {
    federation.node(AMAL).peer_suspend_but_for_recalls(ROGUE).await.unwrap();
    let mut stream = rogue.connect().await;
    stream.say(Kind::Hello(rogue.hello(vec![1]))).await;
    let Some(Kind::Hello(hello)) = stream.hear().await else { panic!("hello comes first") };
    assert!(hello.recalls_alone);
    stream
}

#[tokio::test]
async fn a_link_for_recalls_alone_refuses_every_other_frame() {
    let federation = Federation::strangers(1).await;
    let rogue = Rogue::paired_with(&federation, AMAL).await;
    let log = rogue.log();
    let part = || wire::DefinitionPart { chunk: vec![1], last: true };
    let frames = [
        Kind::Have(wire::Have { complete: true, ..Default::default() }),
        Kind::Want(wire::Want { log: log.id().0.to_vec(), from: 1, ..Default::default() }),
        Kind::Batch(wire::Batch::default()),
        Kind::Ack(wire::Ack::default()),
        Kind::Definition(part()),
        Kind::Roster(part()),
        Kind::Bodies(wire::Bodies::default()),
        Kind::Conflict(wire::Conflict::default()),
    ];
    for frame in frames {
        let mut stream = alone(&federation, &rogue).await;
        stream.say(frame).await;
        assert_eq!(stream.closed().await, ("protocol".into(), "this link carries recalls alone".into()));
    }
    // A recall of another's, even a rightly signed one, is not the peer's to bring.
    let stranger = Rogue::paired_with_nobody(&federation);
    federation.node(AMAL).peer_add(&stranger.card().to_text(), "stranger", Default::default()).await.unwrap();
    let withdrawal = Withdrawal { log: log.id(), seqs: vec![1], mode: WithdrawalMode::Recall, reason: "gone".into() };
    let recall = Recall { author: stranger.org(), withdrawal, at: federation.clock.now(), group: None };
    let mut stream = alone(&federation, &rogue).await;
    stream.say(Kind::Recall(sign_recall(&recall, &stranger.log_key()))).await;
    assert_eq!(stream.closed().await.1, "over a link for recalls alone each side sends its own");
}

#[tokio::test]
async fn over_a_link_for_recalls_alone_nothing_is_told_of_what_is_held() {
    let federation = Federation::strangers(1).await;
    let rogue = Rogue::paired_with(&federation, AMAL).await;
    let withdrawal = Withdrawal { log: rogue.log().id(), seqs: vec![1, 2], mode: WithdrawalMode::Recall, reason: "gone".into() };
    let recall = Recall { author: rogue.identity.org(), withdrawal, at: federation.clock.now(), group: None };
    let signed = sign_recall(&recall, &rogue.identity.log_key());
    let mut stream = alone(&federation, &rogue).await;
    stream.say(Kind::Recall(signed.clone())).await;
    // The first thing that comes is the answer: no card, no logs, no groups.
    let Some(Kind::Recalled(recalled)) = stream.hear().await else { panic!("the answer comes first") };
    assert_eq!(recalled.recall, sha256(&[&signed.statement]));
    let keys = [federation.node(AMAL).keys.log_key().public()];
    let receipt = recalled.receipt.unwrap();
    let read = |holder| watchfire::link::convert::read_signed_receipt(&receipt, holder, &rogue.identity.org(), &keys);
    assert_eq!(read(&federation.org(AMAL)).unwrap().outcomes.len(), 2);
}

/// How many recalls a new stream of the rogue's is sent before what is held is told.
async fn recalls_sent(rogue: &Rogue, acknowledge: bool) -> usize {
    let mut stream = rogue.link().await;
    let mut count = 0;
    loop {
        match stream.hear().await.expect("the stream goes on") {
            Kind::Recall(recall) => {
                count += 1;
                if acknowledge {
                    let recall = sha256(&[&recall.statement]).to_vec();
                    stream.say(Kind::Recalled(wire::Recalled { recall, receipt: None })).await;
                }
            }
            Kind::Have(_) => break,
            _ => {}
        }
    }
    // What is said next is heard after the acknowledgements.
    stream.say(Kind::Hello(rogue.hello(vec![1]))).await;
    stream.closed().await;
    count
}

#[tokio::test]
async fn a_recall_that_a_peer_has_acknowledged_is_never_sent_again() {
    let mut federation = Federation::strangers(1).await;
    let mut rogue = Rogue::paired_with(&federation, AMAL).await;
    for value in [EVIL, "bad.example.org"] {
        federation.share(AMAL, value, Tlp::Amber, ROGUE).await;
    }
    let mut stream = rogue.link().await;
    for frame in have_frames(&[], &[]) {
        stream.say(frame.frame.unwrap()).await;
    }
    federation.until("they have positions", || federation.node(AMAL).status().unwrap().logs.first().map(|log| log.size) == Some(2)).await;
    drop(stream);
    federation.recall(AMAL, EVIL).await;
    assert_eq!(recalls_sent(&rogue, false).await, 1, "not acknowledged");
    assert_eq!(recalls_sent(&rogue, true).await, 1, "so it comes again");
    assert_eq!(recalls_sent(&rogue, true).await, 0);
    federation.recall(AMAL, "bad.example.org").await;
    assert_eq!(recalls_sent(&rogue, true).await, 1, "the new one alone");
    federation.restart(AMAL).await;
    rogue.moved(federation.node(AMAL).address().unwrap());
    assert_eq!(recalls_sent(&rogue, true).await, 0, "a restart forgets nothing");
}

#[tokio::test]
async fn nodes_that_meet_again_send_no_recall_anew_unless_one_was_restored() {
    let mut federation = Federation::of(2).await;
    federation.share(AMAL, EVIL, Tlp::Amber, "borealis").await;
    federation.settle().await;
    let copy = federation.copy(BOREALIS).await;
    federation.settle().await;
    let due = |federation: &Federation| federation.node(AMAL).recalls_for(&federation.org(BOREALIS), &BTreeSet::new()).unwrap().len();
    federation.recall(AMAL, EVIL).await;
    federation.until("borealis has said that it has it", || due(&federation) == 0).await;
    federation.settle().await;
    federation.restart(AMAL).await;
    assert_eq!(due(&federation), 0);
    federation.settle().await;
    // An older copy of borealis holds what was recalled, and is told again.
    federation.expect_error("a restored copy");
    federation.put_back(BOREALIS, &copy).await;
    federation.start(BOREALIS).await;
    federation.until("the copy has destroyed it", || !federation.finds(BOREALIS, EVIL)).await;
    federation.settle().await;
    let snapshot = federation.node(BOREALIS).store.snapshot().unwrap();
    assert_eq!(snapshot.recalls().unwrap().len(), 1, "it came as a recall, ahead of the log");
}

#[tokio::test]
async fn a_receipt_counts_for_the_recall_that_it_answers_alone() {
    let federation = Federation::of(2).await;
    for value in [EVIL, "bad.example.org"] {
        federation.share(AMAL, value, Tlp::Amber, "borealis").await;
    }
    federation.settle().await;
    federation.cut(AMAL, BOREALIS);
    federation.recall(AMAL, EVIL).await;
    let (amal, borealis): (&Node, _) = (federation.node(AMAL), federation.org(BOREALIS));
    let (id, _) = amal.recalls_for(&borealis, &BTreeSet::new()).unwrap().remove(0);
    let log = amal.status().unwrap().logs.into_iter().find(|log| log.author == federation.org(AMAL)).unwrap().id;
    let receipt = |seq, log| {
        let outcomes = vec![(seq, watchfire::model::record::ReceiptOutcome::Destroyed)];
        let receipt = watchfire::model::record::Receipt { log, outcomes, at: federation.clock.now(), withdrawal: None };
        let key = federation.node(BOREALIS).keys.log_key();
        let signed = watchfire::link::convert::sign_receipt(borealis, federation.org(AMAL), &receipt, &key);
        wire::SignedReceipt { statement: signed.statement, signature: signed.signature }
    };
    let other = LogState {
        key: watchfire::model::log::LogKey { author: borealis, incarnation: 1, audience: Audience::Direct(borealis) },
        head: Head::default(),
    };
    for bad in [receipt(2, log), receipt(1, other.key.id())] {
        assert!(amal.recall_told(&borealis, id, Some(&bad)).await.is_err());
    }
    let mut forged = receipt(1, log);
    forged.signature = vec![0; 64];
    assert!(amal.recall_told(&borealis, id, Some(&forged)).await.is_err());
    assert_eq!(amal.recalls_for(&borealis, &BTreeSet::new()).unwrap().len(), 1, "nothing of that counts");
    amal.recall_told(&borealis, id, Some(&receipt(1, log))).await.unwrap();
    assert_eq!(amal.recalls_for(&borealis, &BTreeSet::new()).unwrap().len(), 0);
    assert_eq!(federation.outcomes(AMAL, EVIL), [("borealis".to_owned(), "destroyed".to_owned())]);
    federation.heal(AMAL, BOREALIS);
    federation.settle().await;
}
