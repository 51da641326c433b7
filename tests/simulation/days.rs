//! A helpline's requests (tests/workload) through three whole simulated nodes: a day takes seconds, and each run of a seed is the same.

use super::identities;
use super::people::model::{DAY, MINUTE, requests};
use super::people::nodes::{Nodes, no_ladder};
use super::people::play::{Network, Play};
use super::people::report::{mistakes, print};
use super::trace::{Log, Trace};
use super::world::World;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use watchfire::simulation;

/// Days that CI runs.
pub const CI_DAYS: u64 = 1;
/// With so many times as many requests.
const CI_TIMES: u64 = 8;
const SEED: u64 = 2_023;
/// After the last request people have so many more days, where nothing else is said.
const MORE: u64 = 3;

/// `days N [--more N] [--times N] [--seed S] [--no-ladder]`.
pub fn run(words: &[&str]) -> ExitCode {
    let number = |text: Option<&&str>| text.and_then(|text| text.parse::<u64>().ok()).expect("a number");
    let asked = |name: &str, otherwise| words.iter().position(|word| *word == name).map_or(otherwise, |at| number(words.get(at + 1)));
    let (seed, times, more) = (asked("--seed", SEED), asked("--times", 1), asked("--more", MORE));
    let (days, ladder, began) = (number(words.first()), !words.contains(&"--no-ladder"), Instant::now());
    simulation::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().enable_io().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let trace = Trace::begin(None);
        let directory = identities::unpack();
        if !ladder {
            let text = no_ladder();
            for name in &identities::NAMES[..3] {
                std::fs::write(directory.path().join(name).join("timers.toml"), &text).unwrap();
            }
        }
        let names = identities::orgs(directory.path()).iter().map(ToString::to_string).zip(identities::NAMES).collect();
        let log = Log::collect(&trace, names, false);
        let mut world = World::found(seed, identities::START, 3, directory, trace.clone(), log).await;
        for who in 0..3 {
            world.set_skew(who, 0);
        }
        for (one, other) in [(0, 1), (0, 2), (1, 2)] {
            world.pair(one, other).await;
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
        let nodes = [0, 1, 2].map(|who| world.node(who).unwrap().clone());
        if !ladder {
            nodes.iter().for_each(|node| node.reload_timers().unwrap());
        }
        let clock = nodes[0].clock.clone();
        let mut net = Nodes::new(nodes, clock);
        let requests = requests(seed, days, times);
        Play::run(&mut net, &requests, (days + more) * DAY).await;
        let (now, outcomes) = (net.now(), net.outcomes().await);
        print(&format!("{days} days through simulated nodes, seed {seed}"), &requests, &outcomes, now);
        let wrong = mistakes(&outcomes, now, MINUTE);
        println!("{} s; {} mistakes", began.elapsed().as_secs(), wrong.len());
        wrong.iter().take(20).for_each(|one| println!("  {one}"));
        if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    })
}

/// What CI runs, each in a process of its own: with clocks nobody is forgotten, and without them that is noticed.
pub fn ci() -> bool {
    let (days, times) = (CI_DAYS.to_string(), CI_TIMES.to_string());
    let begin = |more: &[&str]| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["days", &days, "--more", "0", "--times", &times]).args(more).stdout(Stdio::piped()).spawn().unwrap()
    };
    let end = |child: Child| {
        let out = child.wait_with_output().unwrap();
        (out.status.success(), String::from_utf8_lossy(&out.stdout).into_owned())
    };
    let (with, without) = (begin(&[]), begin(&["--no-ladder"]));
    let (well, told) = end(with);
    print!("{told}");
    let (unnoticed, without) = end(without);
    let noticed = !unnoticed && without.contains("forgotten: ");
    println!("without a ladder: {}", if noticed { "noticed" } else { "NOT NOTICED" });
    well && noticed
}
