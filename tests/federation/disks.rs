//! Disks that fail, fill up and lose their power under a whole node.

use crate::harness::*;
use std::time::{Duration, Instant};
use watchfire::model::Tlp;
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
