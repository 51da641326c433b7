//! The requests that a helpline had in 2023, through three desks: a year by the rules alone, and days through real nodes in compressed time. Whole simulated nodes
//! have the same days in tests/simulation. See docs/testing.md.
//!
//! ```text
//! cargo test --test workload -- --nocapture
//! WATCHFIRE_DAYS=14 WATCHFIRE_DAY_S=60 WATCHFIRE_TIMES=1 cargo test --test workload real -- --nocapture
//! ```

// A test says what it expects by failing.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// The compression is of real time; the nodes never look at it.
#![allow(clippy::disallowed_methods)]

#[path = "../campaign/mod.rs"]
mod campaign;
#[path = "../shared/cases.rs"]
mod cases;
#[path = "../desk/mod.rs"]
mod desk;
#[allow(dead_code, unused_imports)]
#[path = "../federation/harness/mod.rs"]
mod harness;
mod people;
mod rules;

use harness::*;
use people::model::{DAY, MINUTE, requests};
use people::nodes::{Nodes, no_ladder};
use people::play::{Network, Play};
use people::report::{Outcome, mistakes, print};
use rules::{Plant, Rules};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use watchfire::rules::referral::Step;

const SEED: u64 = 2_023;

fn asked(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number")))
}

/// So many days of requests, and as many more as people need to be done with them.
async fn by_the_rules(seed: u64, days: u64, plant: Plant) -> (Vec<people::model::Request>, Vec<Outcome>, u64) {
    let (requests, end) = (requests(seed, days, 1), (days + 90) * DAY);
    let mut rules = Rules::new(seed, days, plant);
    Play::run(&mut rules, &requests, end).await;
    let outcomes = rules.outcomes().await;
    (requests, outcomes, end)
}

#[tokio::test]
async fn a_year_of_requests_by_the_rules_alone_leaves_nobody_without_an_answer() {
    let seed = asked("WATCHFIRE_SEED", SEED);
    let began = Instant::now();
    let (requests, outcomes, end) = by_the_rules(seed, asked("WATCHFIRE_DAYS", 365), Plant::Nothing).await;
    print(&format!("a year by the rules, seed {seed}"), &requests, &outcomes, end);
    println!("{:.1} s", began.elapsed().as_secs_f64());
    let wrong = mistakes(&outcomes, end, MINUTE);
    assert!(wrong.is_empty(), "seed {seed}: {} mistakes:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
    let referred = requests.iter().filter(|request| request.from.is_some()).count();
    let cases: BTreeSet<[u8; 16]> = outcomes.iter().map(|one| one.case).collect();
    assert_eq!(cases.len(), referred, "each was referred");
    let is_done = |one: &Outcome| one.origin.iter().any(|(_, step)| matches!(step, Step::Close | Step::Withdraw));
    let done: BTreeSet<[u8; 16]> = outcomes.iter().filter(|one| is_done(one)).map(|one| one.case).collect();
    let open = cases.difference(&done).count();
    println!("{} cases, {open} of them still open at the end", cases.len());
    let reached = |is: &dyn Fn(&Outcome) -> bool| outcomes.iter().any(is);
    assert!(
        reached(&|one| one.by_a_clock) && reached(&|one| !one.at_origin.receiver.acknowledged),
        "some are offered by a clock, and some nobody opens"
    );
}

#[tokio::test]
async fn what_is_planted_in_a_year_is_caught() {
    for (plant, caught) in [(Plant::NoLadder, "forgotten"), (Plant::NoConfirmation, "owner")] {
        let (_, outcomes, end) = by_the_rules(SEED, 60, plant).await;
        let wrong = mistakes(&outcomes, end, MINUTE);
        println!("{plant:?}: {} mistakes, such as {}", wrong.len(), wrong.first().map_or("none", String::as_str));
        assert!(wrong.iter().any(|one| one.starts_with(caught)), "{plant:?} is not caught");
    }
}

/// Real nodes, real stores, real links over loopback, and a clock that goes so many times as fast as ours.
async fn in_compressed_time(days: u64, day_s: u64, times: u64, ladder: bool) -> (Vec<people::model::Request>, Vec<Outcome>, u64) {
    let federation = Federation::with(3, |_, config| config.release.hold_s = 0).await;
    for (one, other) in [(AMAL, BOREALIS), (AMAL, CEDAR), (BOREALIS, CEDAR)] {
        federation.pair(one, other).await;
    }
    federation.settle().await;
    if !ladder {
        for who in federation.everyone() {
            std::fs::write(federation.data(who).join("timers.toml"), no_ladder()).unwrap();
            federation.node(who).reload_timers().unwrap();
        }
    }
    let nodes = [AMAL, BOREALIS, CEDAR].map(|who| federation.node(who).clone());
    let mut net = Nodes::new(nodes, federation.clock.clone());
    let (clock, rate) = (federation.clock.clone(), DAY as f64 / (day_s * 1_000) as f64);
    let running = tokio::spawn(async move {
        let (began, mut shown) = (Instant::now(), 0);
        loop {
            tokio::time::sleep(Duration::from_millis(4)).await;
            let now = (began.elapsed().as_millis() as f64 * rate) as u64;
            clock.advance(now - shown);
            shown = now;
        }
    });
    let requests = requests(asked("WATCHFIRE_SEED", SEED), days, times);
    let end = days * DAY + DAY / 4;
    Play::run(&mut net, &requests, end).await;
    running.abort();
    let _ = running.await;
    federation.settle().await;
    let (now, outcomes) = (net.now(), net.outcomes().await);
    drop(net);
    (requests, outcomes, now)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_nodes_in_compressed_time_leave_nobody_without_an_answer() {
    let (days, day_s, times) = (asked("WATCHFIRE_DAYS", 1), asked("WATCHFIRE_DAY_S", 25), asked("WATCHFIRE_TIMES", 8));
    let (requests, outcomes, now) = in_compressed_time(days, day_s, times, true).await;
    print(&format!("{days} days through real nodes, {day_s} s each, {times} times as many requests"), &requests, &outcomes, now);
    // What a machine takes counts as many times as the clock is fast, and a look is taken every four of its seconds.
    let wrong = mistakes(&outcomes, now, 45 * MINUTE);
    assert!(wrong.is_empty(), "{} mistakes:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
    assert!(outcomes.iter().any(|one| one.at_origin.receiver.acknowledged) && outcomes.iter().any(|one| !one.rungs.is_empty()));
    if days == 1 {
        let (_, outcomes, now) = in_compressed_time(1, 12, times, false).await;
        let wrong = mistakes(&outcomes, now, 45 * MINUTE);
        println!("without a ladder: {} mistakes, such as {}", wrong.len(), wrong.first().map_or("none", String::as_str));
        assert!(wrong.iter().any(|one| one.starts_with("forgotten")), "a ladder that is off is noticed");
    }
}
