//! Links that break, slow down, fall silent and cross: nothing is lost, nothing is applied twice, little is sent again.

use crate::campaign::{Campaign, Dice};
use crate::harness::*;
use std::time::Duration;
use watchfire::config::Config;
use watchfire::model::Tlp;
use watchfire::model::log::BATCH_ENTRIES_MAX;

const RECORDS: u64 = 10_000;

fn domains(count: u64) -> String {
    (0..count).map(|number| format!("host{number}.example.org\n")).collect()
}

/// What the author was told is held must be held, whatever happened since.
fn acknowledged_is_held(federation: &Federation) -> Result<(), String> {
    let (acknowledged, held) = (federation.acknowledged(AMAL, BOREALIS), federation.entries(BOREALIS, AMAL));
    if acknowledged <= held { Ok(()) } else { Err(format!("{acknowledged} entries acknowledged, {held} held")) }
}

#[tokio::test]
async fn a_transfer_that_is_cut_at_any_byte_goes_on_and_hardly_anything_is_sent_again() {
    let mut campaign = Campaign::new("cuts", "cuts", 200);
    let mut federation = Federation::of(2).await;
    let empty = federation.copy(BOREALIS).await;
    federation.import(AMAL, domains(RECORDS), watchfire::formats::Format::Text, Tlp::Amber, "borealis").await;
    federation.settle().await;
    let (amal, batch) = (federation.org(AMAL), BATCH_ENTRIES_MAX as u64);
    let (mut again, mut worst, mut rounds_without) = (0, 0, 0);
    while let Some(seed) = campaign.next() {
        let mut dice = Dice::new(seed);
        let before = federation.net.cuts_made();
        // Most connections carry one or two batches, some not even the handshake.
        let wanted = campaign.left().min(20);
        let offsets: Vec<u64> = (0..wanted).map(|_| if dice.one_in(4) { dice.below(20_000) } else { dice.below(1_600_000) }).collect();
        federation.net.cut_after(AMAL, BOREALIS, offsets);
        federation.put_back(BOREALIS, &empty).await;
        federation.start(BOREALIS).await;
        federation.until("all has arrived", || federation.entries(BOREALIS, AMAL) == RECORDS).await;
        federation.net.cut_after(AMAL, BOREALIS, []);
        federation.settle().await;
        acknowledged_is_held(&federation).unwrap();
        let cuts = federation.net.cuts_made() - before;
        let came = federation.node(BOREALIS).days.entries(&amal);
        let (extra, allowed) = (came - RECORDS, cuts * batch);
        assert!(extra <= allowed, "seed {seed}: {extra} entries came again after {cuts} cuts");
        assert_eq!(federation.indicators(BOREALIS), RECORDS, "seed {seed}");
        (again, worst) = (again + extra, worst.max(extra));
        rounds_without += u64::from(cuts == 0);
        assert!(rounds_without < 20, "seed {seed}: the proxy does not cut");
        campaign.reached(cuts);
    }
    let cuts = federation.net.cuts_made();
    assert!(cuts > 0, "nothing was cut, so this proves nothing");
    eprintln!("{cuts} cuts; {again} entries came again in all, at most {worst} in one transfer of {RECORDS}");
}

#[tokio::test]
async fn what_a_reader_acknowledged_outlives_a_power_cut() {
    let (acknowledged, verdict) = power_cut_while_receiving(false).await;
    assert!(acknowledged > 0, "nothing was acknowledged, so this proves nothing");
    verdict.unwrap();
}

#[tokio::test]
async fn a_reader_that_acknowledges_before_it_is_durable_is_caught() {
    let (_, verdict) = power_cut_while_receiving(true).await;
    assert!(verdict.unwrap_err().ends_with("held"));
}

/// The power of a reader is cut in the middle of a transfer; its disk may have lied when it said that all was synced. How many entries
/// were acknowledged, and what the harness says.
async fn power_cut_while_receiving(lies: bool) -> (u64, Result<(), String>) {
    let mut federation = Federation::strangers(2).await;
    let disk = federation.use_disk(BOREALIS).await;
    federation.pair(AMAL, BOREALIS).await;
    federation.settle().await;
    if lies {
        disk.lie();
    }
    let importing = federation.start_import(AMAL, domains(4_000), "borealis");
    federation.until("some is acknowledged", || try_acknowledged(&federation) >= 1_000).await;
    federation.power_cut(BOREALIS);
    // Read before the reader is back and tells what it holds.
    federation.cut(AMAL, BOREALIS);
    federation.start(BOREALIS).await;
    let acknowledged = federation.acknowledged(AMAL, BOREALIS);
    let verdict = acknowledged_is_held(&federation);
    federation.heal(AMAL, BOREALIS);
    importing.await.unwrap().unwrap();
    federation.settle().await;
    assert_eq!(federation.indicators(BOREALIS), 4_000);
    (acknowledged, verdict)
}

/// 0 as long as there is no log.
fn try_acknowledged(federation: &Federation) -> u64 {
    let logs = federation.node(AMAL).store.snapshot().unwrap().logs_of(&federation.org(AMAL)).unwrap();
    if logs.is_empty() { 0 } else { federation.acknowledged(AMAL, BOREALIS) }
}

fn keen(_: Who, config: &mut Config) {
    (config.link.keep_alive_ms, config.link.keep_alive_answer_ms_max) = (200, 300);
}

async fn keen_pair() -> Federation {
    let federation = Federation::with(2, keen).await;
    federation.pair(AMAL, BOREALIS).await;
    federation.settle().await;
    federation
}

#[tokio::test]
async fn a_link_on_which_one_side_falls_silent_is_noticed_and_replaced() {
    let federation = keen_pair().await;
    let silences: [&[(Who, Who)]; 3] = [&[(AMAL, BOREALIS)], &[(BOREALIS, AMAL)], &[(AMAL, BOREALIS), (BOREALIS, AMAL)]];
    for (number, silent) in silences.iter().enumerate() {
        silent.iter().for_each(|(says, hears)| federation.net.stall(*says, *hears));
        for (who, to) in [(AMAL, "borealis"), (BOREALIS, "amal")] {
            federation.share(who, &format!("n{number}.of-{to}.example.org"), Tlp::Amber, to).await;
        }
        federation
            .until("both have heard", || {
                federation.finds(BOREALIS, &format!("n{number}.of-borealis.example.org"))
                    && federation.finds(AMAL, &format!("n{number}.of-amal.example.org"))
            })
            .await;
        // What was said on the old link arrives after what was said on the new one.
        silent.iter().for_each(|(says, hears)| federation.net.resume(*says, *hears));
        federation.settle().await;
    }
    assert_eq!((federation.entries(BOREALIS, AMAL), federation.entries(AMAL, BOREALIS)), (3, 3));
    assert_eq!((federation.indicators(BOREALIS), federation.indicators(AMAL)), (6, 6));
}

#[tokio::test]
async fn a_slow_line_loses_nothing_and_a_recall_overtakes_an_import() {
    let federation = Federation::of(2).await;
    federation.share(AMAL, "mistake.example.org", Tlp::Amber, "borealis").await;
    federation.settle().await;
    federation.net.slow_down(AMAL, BOREALIS, Duration::from_millis(40));
    federation.cut(AMAL, BOREALIS);
    federation.import(AMAL, domains(3_000), watchfire::formats::Format::Text, Tlp::Amber, "borealis").await;
    federation.recall(AMAL, "mistake.example.org").await;
    federation.heal(AMAL, BOREALIS);
    federation.until("the recall is obeyed", || !federation.finds(BOREALIS, "mistake.example.org")).await;
    let arrived = federation.indicators(BOREALIS);
    assert!(arrived < 3_000, "it was not behind the import: {arrived}");
    federation.settle().await;
    assert_eq!(federation.indicators(BOREALIS), 3_000);
}

#[tokio::test]
async fn both_dialling_at_once_end_with_one_link_whichever_finishes_first() {
    let federation = keen_pair().await;
    let mut dice = Dice::new(11);
    for round in 0..12 {
        let holds = [(AMAL, BOREALIS), (BOREALIS, AMAL)].map(|(from, to)| ((from, to), federation.net.hold_next(from, to)));
        federation.cut(AMAL, BOREALIS);
        federation.heal(AMAL, BOREALIS);
        federation.until("both have dialled", || holds.iter().all(|((from, to), _)| federation.net.is_held(*from, *to))).await;
        // The older one, the newer one, or both at the same moment.
        let first = dice.below(3);
        if first < 2 {
            holds[first as usize].1.cancel();
            // How far ahead it is: anything from not at all to linked already.
            tokio::time::sleep(Duration::from_millis(dice.below(80))).await;
        }
        holds.iter().for_each(|(_, release)| release.cancel());
        for (who, to) in [(AMAL, "borealis"), (BOREALIS, "amal")] {
            federation.share(who, &format!("r{round}.of-{to}.example.org"), Tlp::Amber, to).await;
        }
        federation.settle().await;
        assert_eq!((federation.entries(BOREALIS, AMAL), federation.entries(AMAL, BOREALIS)), (round + 1, round + 1));
    }
    let (amal, borealis) = (federation.org(AMAL), federation.org(BOREALIS));
    let came = federation.node(BOREALIS).days.entries(&amal) + federation.node(AMAL).days.entries(&borealis);
    assert!(came <= 24 + 12, "{came} entries came for 24, in 12 rounds");
}
