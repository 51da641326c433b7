//! Canaries: 2,000 personal values, each hidden by an evasion, of which none may leave. See docs/testing.md.
//!
//! ```text
//! cargo test --test canaries -- --nocapture
//! WATCHFIRE_ROUNDS=40000 cargo test --test canaries nothing -- --nocapture     others, by the detectors alone
//! ```

// A test says what it expects by failing.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// The harness looks at real time to bound how long it waits; the nodes never do.
#![allow(clippy::disallowed_methods)]

#[path = "../campaign/mod.rs"]
mod campaign;
#[path = "../desk/mod.rs"]
mod desk;
mod evade;
#[allow(dead_code, unused_imports)]
#[path = "../federation/harness/mod.rs"]
mod harness;
mod make;
mod nodes;
mod search;
mod tongues;

use campaign::Campaign;
use evade::EVASIONS;
use make::{Canary, Kind, canaries, cells};
use search::{Search, folded};
use std::collections::BTreeSet;
use tongues::TONGUES;
use watchfire::rules::redact::{Detector, Known, Record};

const COUNT: usize = 2_000;
const SEED: u64 = 1;

fn planted() -> Vec<Canary> {
    canaries(SEED, COUNT)
}

/// The names that the node is told.
fn deny_list(canaries: &[Canary]) -> String {
    canaries.iter().filter(|canary| canary.kind == Kind::Denied).map(|canary| format!("{}\n", canary.value.plain())).collect()
}

/// Those of which anything is left.
fn missed(canaries: &[Canary]) -> Vec<String> {
    let detector = Detector::new(&Known::default().deny_list(&deny_list(canaries)));
    let look = |canary: &Canary| {
        let left = Record::default().redact(&detector, &canary.text);
        canary.is_left_in(&left).then(|| format!("{canary}\n    {left:?}"))
    };
    canaries.iter().filter_map(look).collect()
}

#[test]
fn nothing_is_left_of_a_canary() {
    let mut campaign = Campaign::new("canaries", "canaries", COUNT as u64);
    while let Some(seed) = campaign.next() {
        let missed = missed(&canaries(seed, COUNT));
        assert!(missed.is_empty(), "seed {seed}: {} of {COUNT}:\n{}", missed.len(), missed.join("\n"));
        campaign.reached(COUNT as u64);
    }
}

#[test]
fn every_canary_is_found_where_nothing_was_taken_out() {
    let canaries = planted();
    let needles = canaries.iter().enumerate().flat_map(|(at, canary)| canary.needles.iter().map(move |needle| (at, needle.clone())));
    let search = Search::of(needles);
    let all: String = canaries.iter().map(|canary| format!("{}\n\n", canary.text)).collect();
    assert_eq!(search.find(&all).len(), COUNT);
    assert!(canaries.iter().all(|canary| canary.is_left_in(&canary.text)));
    let sentences: String = TONGUES.iter().flat_map(|tongue| tongue.sentences).collect();
    assert_eq!(search.find(&sentences).len(), 0, "a sentence without its value is no canary");
    assert_eq!(folded("Јosé\u{200b} ＋２５４ ۱۲"), "jose25412");
}

#[test]
fn scripts_and_evasions_are_as_many_as_was_promised() {
    let canaries = planted();
    let (scripts, evasions): (BTreeSet<_>, BTreeSet<_>) = canaries.iter().map(|canary| (canary.script, canary.evasion)).unzip();
    let table = make::table();
    print!("{:28}", "kinds of values");
    TONGUES.iter().for_each(|tongue| print!(" {:>5.5}", tongue.script));
    println!();
    for evasion in &EVASIONS {
        print!("{:28}", evasion.name);
        TONGUES.iter().for_each(|tongue| print!(" {:>5}", table.get(&(evasion.name, tongue.script)).map_or("·".into(), usize::to_string)));
        println!();
    }
    let planted: BTreeSet<_> = canaries.iter().map(|canary| (canary.script, canary.evasion)).collect();
    println!("{} cells of {} scripts, {} evasions and {} kinds", cells().len(), scripts.len(), evasions.len(), Kind::ALL.len());
    println!("{COUNT} canaries in {} of {} pairs of script and evasion", planted.len(), table.len());
    assert_eq!((canaries.len(), scripts.len(), evasions.len(), planted.len()), (COUNT, 14, EVASIONS.len(), table.len()));
}
