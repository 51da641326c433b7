//! `kill -9` of real processes while they import and synchronise: nothing that was acknowledged is lost, and both sides end equal.

// A scenario says what it expects by failing, and looks at real time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

mod campaign;
mod processes;
mod skips;

use campaign::{Campaign, Dice};
use processes::{Org, until_equal};
use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

/// Kills in the life of one pair of organisations, after which what both hold is looked at whole.
const KILLS: u64 = 30;
/// Values in one import.
const VALUES: u64 = 150;

/// Two organisations that import for each other and are killed.
struct Pair {
    orgs: [Org; 2],
    acknowledged: BTreeSet<String>,
    /// What was to be imported, acknowledged or not.
    asked: BTreeSet<String>,
    reopened: Vec<Duration>,
    _directory: tempfile::TempDir,
}

impl Pair {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut orgs = ["amal", "borealis"].map(|name| Org::found(directory.path(), name));
        for org in &mut orgs {
            org.start();
        }
        orgs[0].pair(&orgs[1]);
        let (acknowledged, asked, reopened) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        Self { orgs, acknowledged, asked, reopened, _directory: directory }
    }

    /// Both import for the other; after a while one of them is killed, or both, and starts again.
    fn round(&mut self, number: u64, dice: &mut Dice) -> u64 {
        let imports: Vec<_> = (0..2)
            .map(|who| {
                let values: BTreeSet<String> = (0..VALUES).map(|n| format!("v{n}.r{number}.o{who}.example.org")).collect();
                self.asked.extend(values.iter().cloned());
                self.orgs[who].import(values, &self.orgs[1 - who].name)
            })
            .collect();
        // The command itself takes some thirty milliseconds to start.
        std::thread::sleep(Duration::from_millis(dice.between(20, 320)));
        let killed: Vec<usize> = match dice.below(5) {
            0 => vec![0, 1],
            n => vec![(n % 2) as usize],
        };
        killed.iter().for_each(|who| self.orgs[*who].kill());
        for import in imports {
            self.acknowledged.extend(import.acknowledged());
        }
        for who in &killed {
            let took = self.orgs[*who].start();
            self.reopened.push(took);
        }
        killed.len() as u64
    }

    /// What does not hold once nothing moves any more.
    fn verdict(&self) -> Result<(), String> {
        let [one, other] = &self.orgs;
        until_equal(&[one, other]);
        let (here, there) = (one.finds(&self.asked), other.finds(&self.asked));
        let lost: Vec<&String> = self.acknowledged.difference(&here).chain(self.acknowledged.difference(&there)).collect();
        if !lost.is_empty() {
            return Err(format!("{} acknowledged values are lost: {:?} …", lost.len(), &lost[..lost.len().min(3)]));
        }
        if here != there {
            return Err(format!("{} values on one side, {} on the other", here.len(), there.len()));
        }
        let (logs, indicators) = one.state(false);
        let entries: u64 = logs.values().map(|(size, _)| size).sum();
        if indicators != here.len() as u64 || entries != indicators {
            return Err(format!("{} values found, {indicators} counted, {entries} entries: something was taken twice", here.len()));
        }
        let trouble: Vec<String> = self.orgs.iter().flat_map(|org| org.trouble.lock().unwrap().clone()).collect();
        if trouble.is_empty() { Ok(()) } else { Err(trouble.join("\n")) }
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[test]
fn nodes_killed_while_they_import_and_synchronise_lose_nothing_that_they_acknowledged() {
    let mut campaign = Campaign::new("kill -9", "kills", 60);
    let (mut reopened, mut empty) = (Vec::new(), Vec::new());
    while let Some(seed) = campaign.next() {
        let mut dice = Dice::new(seed);
        let mut pair = Pair::new();
        let mut killed = 0;
        for round in 0.. {
            if killed >= KILLS.min(campaign.left()) {
                break;
            }
            killed += pair.round(round, &mut dice);
            if round % 5 == 0 {
                empty.push(empty_start());
            }
        }
        pair.verdict().unwrap_or_else(|what| panic!("seed {seed}: {what}"));
        eprintln!("seed {seed}: {} values asked for, {} acknowledged, none lost", pair.asked.len(), pair.acknowledged.len());
        assert!(!pair.acknowledged.is_empty(), "nothing was acknowledged, so this proves nothing");
        reopened.append(&mut pair.reopened);
        campaign.reached(killed);
    }
    let (killed, fresh) = (median(&mut reopened), median(&mut empty));
    eprintln!("from start to ready: {killed:?} after a kill (at most {:?}), {fresh:?} with an empty store", reopened.last().unwrap());
    assert!(killed < fresh * 4, "a killed store takes long to open: {killed:?}, an empty one {fresh:?}");
}

/// How long a node with a store that has never held anything takes to be ready.
fn empty_start() -> Duration {
    let directory = tempfile::tempdir().unwrap();
    let mut org = Org::found(directory.path(), "empty");
    org.start();
    org.kill();
    org.start()
}

#[test]
fn a_store_that_goes_back_behind_what_it_acknowledged_is_caught() {
    let mut pair = Pair::new();
    pair.orgs[1].kill();
    let store = pair.orgs[0].data.join("store/watchfire.redb");
    // What a disk that lied about syncing gives back after a power cut: the file as it was.
    pair.orgs[0].kill();
    let before = std::fs::read(&store).unwrap();
    pair.orgs[0].start();
    let values: BTreeSet<String> = (0..9).map(|n| format!("v{n}.example.org")).collect();
    pair.asked.clone_from(&values);
    let import = pair.orgs[0].import(values, "borealis");
    pair.acknowledged = import.acknowledged();
    assert_eq!(pair.acknowledged.len(), 9);
    pair.orgs[0].kill();
    std::fs::write(&store, before).unwrap();
    for org in &mut pair.orgs {
        org.start();
    }
    // So that both come to hold something.
    let other = pair.orgs[1].import(["other.example.org".to_owned()].into(), "amal");
    assert_eq!(other.acknowledged().len(), 1);
    let caught = pair.verdict().unwrap_err();
    assert!(caught.contains("acknowledged values are lost"), "{caught}");
}

/// A small file system of its own for a store, which can fill up.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn at(path: &std::path::Path, size: &str) -> Option<Self> {
        let options = format!("size={size},mode=0700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(path).status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(path.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_node_whose_file_system_was_full_serves_again_within_ten_seconds_of_having_space() {
    let directory = tempfile::tempdir().unwrap();
    let mut orgs = ["amal", "borealis"].map(|name| Org::found(directory.path(), name));
    let store = orgs[0].data.join("store");
    let made = std::fs::read(store.join("watchfire.redb")).unwrap();
    let Some(_small) = SmallDisk::at(&store, "64m") else {
        skips::skipped("a tmpfs cannot be mounted here (needs root); the federation's test of a full disk uses a backend");
        return;
    };
    std::fs::write(store.join("watchfire.redb"), made).unwrap();
    for org in &mut orgs {
        org.start();
    }
    orgs[0].pair(&orgs[1]);
    let values = |prefix: &str| -> BTreeSet<String> { (0..40).map(|n| format!("v{n}.{prefix}.example.org")).collect() };
    let before = orgs[0].import(values("before"), "borealis").acknowledged();
    assert_eq!(before.len(), 40);
    let filler = store.join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    let full = (0..).find_map(|_| std::io::Write::write_all(&mut file, &[0; 64 << 10]).err()).unwrap();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    // Enough that the file has to grow, and little enough that it fits once there is space.
    let during: BTreeSet<String> = (0..8_000).map(|n| format!("v{n}.during.example.org")).collect();
    let importing = orgs[0].import(during.clone(), "borealis");
    let ill = |org: &Org| org.json(&["status"]).to_string().contains("read-only");
    let told = std::time::Instant::now();
    while !ill(&orgs[0]) && told.elapsed() < Duration::from_secs(25) {
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(ill(&orgs[0]), "the node never noticed that its disk is full");
    assert_eq!(orgs[0].finds(&before), before, "lookups go on");
    drop(file);
    std::fs::remove_file(&filler).unwrap();
    let freed = std::time::Instant::now();
    let after = loop {
        let acknowledged = orgs[0].import(values("after"), "borealis").acknowledged();
        if !acknowledged.is_empty() || freed.elapsed() > Duration::from_secs(30) {
            break acknowledged;
        }
    };
    let took = freed.elapsed();
    eprintln!("real ENOSPC on a tmpfs: serving again after {took:?}");
    assert_eq!(after.len(), 40);
    assert!(took < Duration::from_secs(10), "{took:?}");
    let acknowledged = importing.acknowledged();
    let all: BTreeSet<String> = before.iter().chain(&after).chain(&acknowledged).cloned().collect();
    assert_eq!(orgs[0].finds(&all), all, "nothing acknowledged is lost");
}
