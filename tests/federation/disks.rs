//! Disks that fail, fill up and lose their power under a whole node.

use crate::harness::rogue::{ROGUE, Rogue};
use crate::harness::*;
use crate::referrals::case;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use watchfire::link::convert::wire::frame::Frame as Kind;
use watchfire::model::{ReferralId, Tlp};
use watchfire::node::NodeError;
use watchfire::node::referral::By;
use watchfire::store::Health;

async fn pair_with_a_disk() -> (Federation, disk::Disk) {
    let mut federation = Federation::strangers(2).await;
    let disk = federation.use_disk(BOREALIS).await;
    federation.pair(AMAL, BOREALIS).await;
    federation.settle().await;
    (federation, disk)
}

#[tokio::test]
async fn a_node_whose_disk_is_full_goes_on_within_ten_seconds_of_having_space() {
    let (federation, disk) = pair_with_a_disk().await;
    disk.fill(true);
    for number in 0..3 {
        federation.share(AMAL, &format!("during{number}.example.org"), Tlp::Amber, "borealis").await;
    }
    let health = federation.node(BOREALIS).store.health();
    federation.until("it is read-only", || *health.borrow() != Health::Good).await;
    federation
        .until("it still answers", || {
            federation.node(BOREALIS).store.snapshot().is_ok()
                && federation.node(BOREALIS).status().is_ok_and(|status| status.peers.len() == 1)
        })
        .await;
    disk.fill(false);
    let freed = Instant::now();
    federation
        .until("it holds what came meanwhile", || {
            federation.node(BOREALIS).lookup(&["during2.example.org".into()]).is_ok_and(|found| !found[0].matches.is_empty())
        })
        .await;
    let took = freed.elapsed();
    eprintln!("a node in process, disk full on a backend: serving again after {took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    federation.share(BOREALIS, "after.example.org", Tlp::Amber, "amal").await;
    federation.settle().await;
}

#[tokio::test]
async fn a_node_whose_disk_fails_again_and_again_loses_nothing_and_lives() {
    let (federation, disk) = pair_with_a_disk().await;
    for (number, every) in [200, 120, 90, 70].into_iter().enumerate() {
        disk.fail_every(every);
        for value in 0..20 {
            federation.share(AMAL, &format!("v{value}.n{number}.example.org"), Tlp::Amber, "borealis").await;
        }
        federation
            .until("all has come", || {
                federation.node(BOREALIS).status().is_ok_and(|status| status.records.get("indicator") == Some(&(20 * (number as u64 + 1))))
            })
            .await;
    }
    disk.fail_every(0);
    federation.settle().await;
    eprintln!("{} failed operations", disk.failed());
    assert!(disk.failed() > 5);
    assert_eq!((federation.indicators(BOREALIS), federation.entries(BOREALIS, AMAL)), (80, 80));
}

#[tokio::test]
async fn a_recall_reaches_what_was_under_way_for_a_caller_that_has_gone() {
    let mut federation = Federation::strangers(3).await;
    let disk = federation.use_disk(AMAL).await;
    federation.pair(AMAL, BOREALIS).await;
    federation.pair(AMAL, CEDAR).await;
    federation.settle().await;
    federation.share(AMAL, "mistake.example.org", Tlp::Amber, "borealis").await;
    federation.settle().await;
    disk.hold(true);
    tokio::select! {
        _ = federation.node(AMAL).share(ask("mistake.example.org", Tlp::Amber, "cedar")) => panic!("it waits for the disk"),
        () = federation.until("it is being written", || disk.keeps_waiting()) => {} // and its caller goes
    }
    let mut recalling = std::pin::pin!(federation.node(AMAL).recall("mistake.example.org", "shared by mistake"));
    tokio::select! {
        biased;
        _ = &mut recalling => panic!("it waits for what is being written"),
        () = tokio::task::yield_now() => {}
    }
    disk.hold(false);
    assert_eq!(recalling.await.unwrap().entries, 2, "it left twice");
    federation.settle().await;
    for who in [AMAL, BOREALIS, CEDAR] {
        assert!(!federation.finds(who, "mistake.example.org"), "{who:?}");
    }
}

#[tokio::test]
async fn a_node_that_cannot_read_its_store_opens_no_stream_rather_than_one_for_recalls_alone() {
    let mut federation = Federation::strangers(1).await;
    let disk = federation.use_disk(AMAL).await;
    let rogue = Rogue::paired_with(&federation, AMAL).await;
    drop(rogue.link().await);
    disk.pull(true);
    let node = federation.node(AMAL).clone();
    let sharing = tokio::spawn(async move { node.share(ask("evil.example.org", Tlp::Amber, ROGUE)).await.map(drop) });
    federation.until("the store cannot be read", || federation.node(AMAL).store.snapshot().is_err()).await;
    match rogue.open().await {
        Err(status) => assert_eq!(status.code(), tonic::Code::Unavailable),
        Ok(mut stream) => panic!("a stream was opened, with {:?}", stream.hear().await),
    }
    disk.pull(false);
    federation.until("the store is well", || *federation.node(AMAL).store.health().borrow() == Health::Good).await;
    drop(sharing.await);
    let mut stream = rogue.connect().await;
    assert!(matches!(stream.hear().await, Some(Kind::Hello(hello)) if !hello.recalls_alone));
}

/// How many syncs after something happened a node may die: it does all that it has to do in fewer.
const SYNCS: u64 = 9;

/// A node dies at this sync, or when it has done all it had to do in fewer, and starts again.
async fn die_and_rise(federation: &mut Federation, who: Who, disk: &disk::Disk, syncs: u64) {
    // That a node will sync no more is to be seen by nothing but time.
    let end = Instant::now() + Duration::from_secs(1);
    while !disk.has_stopped() && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(disk.has_stopped() || syncs > 1, "it does something, so there is a first sync to die at");
    federation.power_cut(who);
    disk.go_on();
    federation.start(who).await;
}

/// Amal's hidden group of Borealis and Cedar; Amal is on a disk that stops.
async fn hidden_group() -> (Federation, disk::Disk) {
    let mut federation = Federation::strangers(3).await;
    let disk = federation.use_disk(AMAL).await;
    federation.pair(AMAL, BOREALIS).await;
    federation.pair(AMAL, CEDAR).await;
    federation.settle().await;
    federation.group_with(AMAL, "shelter", &[BOREALIS, CEDAR], |group| group.hidden = true).await;
    federation.settle().await;
    (federation, disk)
}

#[tokio::test]
async fn a_hidden_groups_owner_that_dies_at_any_sync_still_passes_on() {
    let (mut federation, disk) = hidden_group().await;
    for syncs in 1..=SYNCS {
        let value = format!("evil{syncs}.example.org");
        disk.stop_after(syncs);
        federation.share(BOREALIS, &value, Tlp::Amber, "shelter").await;
        die_and_rise(&mut federation, AMAL, &disk, syncs).await;
        federation.until_upkeep(&format!("cedar has it, though amal died at sync {syncs}"), || federation.finds(CEDAR, &value)).await;
        federation.settle().await;
    }
}

#[tokio::test]
async fn a_hidden_groups_owner_that_dies_at_any_sync_still_takes_back() {
    let (mut federation, disk) = hidden_group().await;
    for syncs in 1..=SYNCS {
        for recall in [true, false] {
            let value = format!("evil{syncs}{recall}.example.org");
            federation.share(BOREALIS, &value, Tlp::Amber, "shelter").await;
            federation.until_upkeep("cedar has it", || federation.finds(CEDAR, &value)).await;
            federation.settle().await;
            disk.stop_after(syncs);
            if recall {
                federation.recall(BOREALIS, &value).await;
            } else {
                federation.node(BOREALIS).withdraw(&value, "a false positive").await.unwrap();
            }
            die_and_rise(&mut federation, AMAL, &disk, syncs).await;
            let gone = || federation.lookup(CEDAR, &value).iter().all(|found| found.state == "revoked");
            federation.until_upkeep(&format!("it is gone at cedar, though amal died at sync {syncs}, recall {recall}"), gone).await;
            federation.settle().await;
        }
    }
}

#[tokio::test]
async fn a_holder_that_dies_at_any_sync_still_answers_for_what_was_taken_back() {
    let (mut federation, disk) = pair_with_a_disk().await;
    for syncs in 1..=SYNCS {
        for (recall, expected) in [(true, "destroyed"), (false, "revoked")] {
            let value = format!("evil{syncs}{recall}.example.org");
            federation.share(AMAL, &value, Tlp::Amber, "borealis").await;
            federation.settle().await;
            disk.stop_after(syncs);
            if recall {
                federation.recall(AMAL, &value).await;
            } else {
                federation.node(AMAL).withdraw(&value, "a false positive").await.unwrap();
            }
            die_and_rise(&mut federation, BOREALIS, &disk, syncs).await;
            let answered = || federation.outcomes(AMAL, &value) == [("borealis".to_owned(), expected.to_owned())];
            federation.until_upkeep(&format!("borealis has answered, though it died at sync {syncs}: {expected}"), answered).await;
            federation.settle().await;
        }
    }
}

#[tokio::test]
async fn an_author_that_dies_at_any_sync_of_a_recall_has_told_everybody_or_nobody() {
    let mut federation = Federation::strangers(2).await;
    let disk = federation.use_disk(AMAL).await;
    federation.pair(AMAL, BOREALIS).await;
    federation.settle().await;
    let mut taken_back = 0;
    for syncs in 1..=SYNCS {
        let value = format!("evil{syncs}.example.org");
        federation.share(AMAL, &value, Tlp::Amber, "borealis").await;
        federation.settle().await;
        disk.stop_after(syncs);
        let node = federation.node(AMAL).clone();
        let recalling = {
            let value = value.clone();
            tokio::spawn(async move { node.recall(&value, "shared by mistake").await.map(drop) })
        };
        die_and_rise(&mut federation, AMAL, &disk, syncs).await;
        recalling.abort();
        federation.settle().await;
        let there = [AMAL, BOREALIS].map(|who| federation.finds(who, &value));
        assert_eq!(there[0], there[1], "amal died at sync {syncs}: whether it holds it, and whether borealis does");
        taken_back += u64::from(!there[0]);
    }
    assert!(taken_back > 0 && taken_back < SYNCS, "{taken_back} of {SYNCS}: it never died in the middle");
}

/// How many messages of each side a node holds of each referral.
fn conversations(federation: &Federation, who: Who) -> BTreeMap<ReferralId, (usize, usize)> {
    let Ok(snapshot) = federation.node(who).store.snapshot() else { return BTreeMap::new() };
    let all = snapshot.referrals().unwrap().into_iter();
    let conversation = |id| snapshot.conversation(&id).unwrap().unwrap();
    all.map(|(id, _)| (id, conversation(id))).map(|(id, one)| (id, (one.origin.len(), one.receiver.len()))).collect()
}

/// A case that is offered meanwhile.
fn offering(federation: &Federation, from: Who, to: &str) -> tokio::task::JoinHandle<Result<(), NodeError>> {
    let (node, request) = (federation.node(from).clone(), case(&[to]));
    tokio::spawn(async move { node.refer(request, By::default()).await.map(drop) })
}

/// A commit is two syncs.
#[tokio::test]
async fn an_offer_leaves_after_the_one_commit_that_makes_it_durable() {
    let mut federation = Federation::strangers(2).await;
    let disk = federation.use_disk(AMAL).await;
    federation.pair(AMAL, BOREALIS).await;
    federation.settle().await;
    disk.stop_after(2);
    let offering = offering(&federation, AMAL, "borealis");
    federation.until("borealis has it", || !conversations(&federation, BOREALIS).is_empty()).await;
    assert!(disk.has_stopped());
    disk.go_on();
    offering.await.unwrap().unwrap();
    federation.settle().await;
    assert_eq!(conversations(&federation, AMAL), conversations(&federation, BOREALIS));
}

#[tokio::test]
async fn the_receipt_of_an_offer_is_made_in_the_commit_that_receives_it() {
    let (federation, disk) = pair_with_a_disk().await;
    disk.stop_after(2);
    federation.refer(AMAL, case(&["borealis"])).await;
    federation.until("amal has the receipt", || conversations(&federation, AMAL).values().any(|one| *one == (1, 1))).await;
    assert!(disk.has_stopped());
    disk.go_on();
    federation.settle().await;
    assert_eq!(conversations(&federation, AMAL), conversations(&federation, BOREALIS));
}

#[tokio::test]
async fn whoever_dies_at_any_sync_of_an_offer_has_it_with_one_receipt_or_not_at_all() {
    for who in [AMAL, BOREALIS] {
        let mut federation = Federation::strangers(2).await;
        let disk = federation.use_disk(who).await;
        federation.pair(AMAL, BOREALIS).await;
        federation.settle().await;
        for syncs in 1..=SYNCS {
            disk.stop_after(syncs);
            let offering = offering(&federation, AMAL, "borealis");
            die_and_rise(&mut federation, who, &disk, syncs).await;
            offering.abort();
            let both_have_it = || {
                let [here, there] = [AMAL, BOREALIS].map(|who| conversations(&federation, who));
                here == there && here.values().all(|one| *one == (1, 1))
            };
            federation.until_upkeep(&format!("both have the same, though {who:?} died at sync {syncs}"), both_have_it).await;
            federation.settle().await;
        }
        let made = conversations(&federation, AMAL).len() as u64;
        assert!(made > 0 && (who == AMAL || made == SYNCS), "{made} offers were made, {who:?} died");
    }
}
