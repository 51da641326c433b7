//! The targets of `fuzz/`, without a fuzzer: their seeds, those seeds cut and changed byte by byte, and every input that a fuzzer found
//! (`fuzz/findings/TARGET/`). So what was found once stays fixed on machines that have no nightly compiler.
#![cfg(feature = "node")]

#[path = "../fuzz/src/targets.rs"]
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use targets::{TARGETS, Target};

/// How many changed forms of one seed are tried.
const CHANGES_MAX: usize = 200;

fn holds(target: &Target, input: &[u8], from: &str) {
    let held = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    assert!(held.is_ok(), "{} does not hold for {from}: {:?}", target.name, String::from_utf8_lossy(input));
}

/// The seed cut off and with one byte changed, at places spread over it.
fn changes(seed: &[u8]) -> Vec<Vec<u8>> {
    let step = (seed.len() * 4 / CHANGES_MAX).max(1);
    let mut changed = Vec::new();
    for at in (0..seed.len()).step_by(step) {
        changed.push(seed[..at].to_vec());
        for byte in [0, seed[at] ^ 0x80, seed[at].wrapping_add(1)] {
            let mut other = seed.to_vec();
            other[at] = byte;
            changed.push(other);
        }
    }
    changed
}

fn tried() -> impl Iterator<Item = &'static Target> {
    TARGETS.iter().filter(|target| target.name != "control")
}

#[test]
fn every_target_holds_for_its_seeds_and_what_is_near_them() {
    for target in tried() {
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty(), "{} has no seeds", target.name);
        for (number, seed) in seeds.iter().enumerate() {
            holds(target, seed, &format!("seed {number}"));
            changes(seed).iter().for_each(|input| holds(target, input, &format!("a change of seed {number}")));
        }
    }
}

#[test]
fn what_a_fuzzer_found_stays_fixed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/findings");
    let mut count = 0;
    for target in tried() {
        for entry in std::fs::read_dir(folder.join(target.name)).into_iter().flatten() {
            let path = entry.expect("readable").path();
            holds(target, &std::fs::read(&path).expect("readable"), &path.display().to_string());
            count += 1;
        }
    }
    let folders: Vec<String> = std::fs::read_dir(&folder)
        .expect("the findings")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into())
        .collect();
    assert!(folders.iter().all(|name| TARGETS.iter().any(|target| target.name == name)), "a folder of no target: {folders:?}");
    println!("{count} findings");
}

#[test]
fn the_planted_bug_is_there_to_be_found() {
    let control = TARGETS.iter().find(|target| target.name == "control").expect("the control");
    assert!(catch_unwind(|| (control.run)(b"fire")).is_err());
    assert!(catch_unwind(|| (control.run)(b"fare")).is_ok());
}
