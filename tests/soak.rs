//! A soak: four real nodes live for an hour, with a fault every half minute, and end equal; neither their memory nor their open files
//! grow. By command alone:
//!
//! ```text
//! WATCHFIRE_MINUTES=60 cargo test --release --test soak -- --ignored --nocapture
//! ```

// A scenario says what it expects by failing, and looks at real time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

mod campaign;
mod processes;

use campaign::Dice;
use processes::{Org, until_equal};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const NAMES: [&str; 4] = ["amal", "borealis", "cedar", "dunya"];
/// A fault, and a look at every node.
const FAULT_EVERY: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Values in one import.
const VALUES: u64 = 100;

/// One look at a process.
#[derive(Debug, Clone, Copy)]
struct Look {
    /// Minutes since the soak began.
    at: f64,
    rss_kib: f64,
    files: f64,
}

struct Soak {
    orgs: Vec<Org>,
    dice: Dice,
    looks: Vec<Vec<Look>>,
    /// When the soak began.
    began: Instant,
    acknowledged: BTreeSet<String>,
    recalled: BTreeSet<String>,
    faults: Vec<&'static str>,
    _directory: tempfile::TempDir,
}

impl Soak {
    fn new(seed: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut orgs: Vec<Org> = NAMES.iter().map(|name| Org::found(directory.path(), name)).collect();
        for org in &mut orgs {
            org.start();
        }
        for (number, org) in orgs.iter().enumerate() {
            orgs[..number].iter().for_each(|other| org.pair(other));
        }
        let members: Vec<&str> = NAMES[1..].iter().flat_map(|name| ["--member", name]).collect();
        orgs[0].json(&[&["group", "create", "partners", "--community"], members.as_slice()].concat());
        let first = orgs[0].import(["first.example.org".to_owned()].into(), "partners").acknowledged();
        until_equal(&orgs.iter().collect::<Vec<_>>());
        let looks = vec![Vec::new(); orgs.len()];
        let (acknowledged, recalled) = (first, BTreeSet::new());
        Self {
            orgs,
            dice: Dice::new(seed),
            looks,
            began: Instant::now(),
            acknowledged,
            recalled,
            faults: Vec::new(),
            _directory: directory,
        }
    }

    fn someone(&mut self) -> usize {
        self.dice.below(NAMES.len() as u64) as usize
    }

    /// One fault, and its end.
    fn fault(&mut self, number: u64) {
        let who = self.someone();
        let name = ["kill", "freeze", "cut", "suspend", "import", "recall"][(number % 6) as usize];
        match name {
            // The same node is never killed, so that there is one whose memory is seen for the whole time.
            "kill" => {
                let who = 1 + who % (NAMES.len() - 1);
                self.orgs[who].kill();
                std::thread::sleep(Duration::from_millis(self.dice.below(3_000)));
                self.orgs[who].start();
            }
            "freeze" => {
                self.orgs[who].signal("STOP");
                std::thread::sleep(Duration::from_millis(self.dice.between(1_000, 8_000)));
                self.orgs[who].signal("CONT");
            }
            "cut" => {
                self.orgs[who].gate.cut();
                std::thread::sleep(Duration::from_millis(self.dice.between(500, 6_000)));
                self.orgs[who].gate.heal();
            }
            "suspend" => {
                let other = NAMES[(who + 1) % NAMES.len()];
                self.orgs[who].json(&["peer", "suspend", other]);
                std::thread::sleep(Duration::from_secs(2));
                self.orgs[who].json(&["peer", "resume", other]);
            }
            "import" => self.import(who, &format!("big{number}"), VALUES * 10),
            _ => self.recall(),
        }
        self.faults.push(name);
    }

    fn import(&mut self, who: usize, prefix: &str, count: u64) {
        let values = (0..count).map(|n| format!("v{n}.{prefix}.{}.example.org", NAMES[who])).collect();
        let import = self.orgs[who].import(values, "partners");
        self.acknowledged.extend(import.acknowledged());
    }

    fn recall(&mut self) {
        let live: Vec<&String> = self.acknowledged.difference(&self.recalled).filter(|value| value.starts_with('v')).collect();
        if live.is_empty() {
            return;
        }
        let value = (*self.dice.pick(&live)).clone();
        let author = NAMES.iter().position(|name| value.contains(&format!(".{name}."))).unwrap();
        self.orgs[author].json(&["recall", &value, "--reason", "shared by mistake"]);
        self.recalled.insert(value);
    }

    fn look(&mut self) {
        let at = self.began.elapsed().as_secs_f64() / 60.0;
        for (looks, org) in self.looks.iter_mut().zip(&self.orgs) {
            looks.extend(look_at(org.pid(), at));
        }
    }

    /// A linear fit over the second half, as a table; what grows by more than a quarter within that half is told.
    fn table(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        println!("| node | looks | RSS MiB | RSS MiB/h | files | files/h |");
        println!("|---|---|---|---|---|---|");
        for (looks, name) in self.looks.iter().zip(NAMES) {
            let half = &looks[looks.len() / 2..];
            if half.len() < 2 {
                wrong.push(format!("{name} was not looked at"));
                continue;
            }
            let (rss, rss_slope) = fit(half, |look| look.rss_kib / 1_024.0);
            let (files, files_slope) = fit(half, |look| look.files);
            println!("| {name} | {} | {rss:.1} | {rss_slope:+.2} | {files:.1} | {files_slope:+.2} |", half.len());
            let hours = (half[half.len() - 1].at - half[0].at) / 60.0;
            if rss_slope * hours > rss * 0.25 || files_slope * hours > files.max(20.0) * 0.25 {
                wrong.push(format!("{name} grows: {rss_slope:+.2} MiB/h of {rss:.1}, {files_slope:+.2} files/h of {files:.1}"));
            }
        }
        wrong
    }
}

/// Mean, and slope in an hour.
fn fit(looks: &[Look], of: impl Fn(&Look) -> f64) -> (f64, f64) {
    let count = looks.len().max(1) as f64;
    let (t, y) = (looks.iter().map(|look| look.at).sum::<f64>() / count, looks.iter().map(&of).sum::<f64>() / count);
    let above: f64 = looks.iter().map(|look| (look.at - t) * (of(look) - y)).sum();
    let below: f64 = looks.iter().map(|look| (look.at - t).powi(2)).sum();
    (y, if below > 0.0 { above / below * 60.0 } else { 0.0 })
}

fn look_at(pid: u32, at: f64) -> Option<Look> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let rss_kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().split(' ').next()?.parse().ok()?;
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as f64;
    Some(Look { at, rss_kib, files })
}

#[test]
#[ignore = "takes an hour: WATCHFIRE_MINUTES=60 cargo test --release --test soak -- --ignored --nocapture"]
fn four_nodes_live_through_faults_without_growing_and_end_equal() {
    let minutes: f64 = std::env::var("WATCHFIRE_MINUTES").map_or(60.0, |text| text.parse().expect("WATCHFIRE_MINUTES is a number"));
    let mut soak = Soak::new(1);
    let end = soak.began + Duration::from_secs_f64(minutes * 60.0);
    let (mut next_fault, mut round) = (Instant::now() + FAULT_EVERY, 0);
    while Instant::now() < end {
        round += 1;
        let who = soak.someone();
        soak.import(who, &format!("r{round}"), VALUES);
        soak.look();
        if Instant::now() >= next_fault {
            next_fault += FAULT_EVERY;
            soak.fault(soak.faults.len() as u64);
        }
        std::thread::sleep(LOOK_EVERY);
    }
    until_equal(&soak.orgs.iter().collect::<Vec<_>>());
    let expected: BTreeSet<String> = soak.acknowledged.difference(&soak.recalled).cloned().collect();
    for org in &soak.orgs {
        let found = org.finds(&soak.acknowledged);
        let lost = expected.difference(&found).count();
        let left = soak.recalled.intersection(&found).count();
        assert_eq!((lost, left), (0, 0), "{}: acknowledged values lost, and recalled ones left", org.name);
        assert_eq!(*org.trouble.lock().unwrap(), Vec::<String>::new());
    }
    let grown = soak.table();
    println!("{minutes} minutes, {} faults, {} values, {} recalled", soak.faults.len(), soak.acknowledged.len(), soak.recalled.len());
    assert_eq!(grown, Vec::<String>::new());
}
