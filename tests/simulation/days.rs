//! A helpline's requests (tests/workload) through three whole simulated nodes: a day takes seconds, and each run of a seed is the same.

use super::identities;
use super::people::model::{DAY, MINUTE, Request, requests};
use super::people::nodes::{Nodes, no_ladder};
use super::people::play::{Network, Play};
use super::people::report::{Line, mistakes, print_lines};
use super::trace::{Log, Trace};
use super::world::World;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use watchfire::model::crypto::sha256_of;
use watchfire::model::id::base32;
use watchfire::simulation;

/// Days that CI runs.
pub const CI_DAYS: u64 = 1;
/// With so many times as many requests.
const CI_TIMES: u64 = 8;
const SEED: u64 = 2_023;
/// After the last request people have so many more days, where nothing else is said.
const MORE: u64 = 3;

/// What is asked for.
struct Asked {
    seed: u64,
    days: u64,
    times: u64,
    more: u64,
    ladder: bool,
    /// Which days of these, each part for itself.
    by: u64,
    part: Option<u64>,
}

impl Asked {
    /// `N [--more N] [--times N] [--seed S] [--no-ladder] [--by DAYS [--part P]]`.
    fn read(words: &[&str]) -> Self {
        let number = |text: Option<&&str>| text.and_then(|text| text.parse::<u64>().ok()).expect("a number");
        let given = |name: &str| words.iter().position(|word| *word == name).map(|at| number(words.get(at + 1)));
        let days = number(words.first()).max(1);
        Self {
            seed: given("--seed").unwrap_or(SEED),
            days,
            times: given("--times").unwrap_or(1),
            more: given("--more").unwrap_or(MORE),
            ladder: !words.contains(&"--no-ladder"),
            by: given("--by").unwrap_or(days).clamp(1, days),
            part: given("--part"),
        }
    }

    fn parts(&self) -> u64 {
        self.days.div_ceil(self.by)
    }

    /// The requests of a part, as if it began with it.
    fn requests(&self, part: u64) -> (Vec<Request>, u64) {
        let (from, until) = (part * self.by * DAY, ((part + 1) * self.by).min(self.days) * DAY);
        let mut all = requests(self.seed, self.days, self.times);
        all.retain(|request| (from..until).contains(&request.at));
        all.iter_mut().for_each(|request| request.at -= from);
        (all, (until - from) / DAY)
    }

    /// Where what came of a part is kept.
    fn kept(&self, part: u64) -> PathBuf {
        let Self { seed, days, times, more, by, ladder, .. } = self;
        let name = format!("simulation-days-{seed}-{days}-{times}-{more}-{by}-{ladder}-{part}");
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
    }
}

/// What came of a part: its offers, and what did not hold.
#[derive(serde::Serialize, serde::Deserialize)]
struct Came {
    offers: Vec<Line>,
    wrong: Vec<String>,
    seconds: u64,
    /// The SHA-256 of the program that lived it.
    program: String,
}

/// `days N …` as [`Asked::read`] has it, and `--jobs J`, `--resume`: in as many processes, each part of so many days through nodes of its own; `--resume` takes the parts
/// that an earlier such command was done with.
pub fn run(words: &[&str]) -> ExitCode {
    let asked = Asked::read(words);
    if let Some(part) = asked.part {
        let came = live(&asked, part);
        std::fs::write(asked.kept(part), serde_json::to_vec(&came).unwrap()).unwrap();
        return if came.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let came: Vec<Came> = match asked.parts() {
        1 => vec![live(&asked, 0)],
        many => {
            side_by_side(words, &asked, many);
            (0..many).map(|part| read(&asked, part).unwrap_or_else(|| panic!("part {part} came to no end"))).collect()
        }
    };
    let (mut offers, mut wrong, mut seconds) = (Vec::new(), Vec::new(), 0);
    for one in came {
        offers.extend(one.offers);
        wrong.extend(one.wrong);
        seconds += one.seconds;
    }
    let all = requests(asked.seed, asked.days, asked.times);
    print_lines(&format!("{} days through simulated nodes, seed {}", asked.days, asked.seed), &all, &offers);
    println!("{seconds} s; {} mistakes", wrong.len());
    wrong.iter().take(20).for_each(|one| println!("  {one}"));
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What this very program came to.
fn read(asked: &Asked, part: u64) -> Option<Came> {
    let came: Came = serde_json::from_slice(&std::fs::read(asked.kept(part)).ok()?).ok()?;
    Some(came).filter(|came| came.program == program())
}

fn program() -> String {
    let file = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
    base32(&sha256_of(file).unwrap().0)
}

fn side_by_side(words: &[&str], asked: &Asked, parts: u64) {
    let (resume, next, done) = (words.contains(&"--resume"), AtomicU64::new(0), AtomicU64::new(0));
    let jobs =
        words.iter().position(|word| *word == "--jobs").map_or(1, |at| words[at + 1].parse::<u64>().expect("a number").clamp(1, parts));
    let one = |part: u64| {
        let is_there = resume && read(asked, part).is_some();
        if !is_there {
            let _ = std::fs::remove_file(asked.kept(part));
            let words = words.iter().filter(|word| **word != "--resume");
            let mut child = Command::new(std::env::current_exe().unwrap());
            child.arg("days").args(words).args(["--part", &part.to_string()]).status().unwrap();
        }
        eprintln!("{} of {parts} parts done{}", done.fetch_add(1, Ordering::Relaxed) + 1, if is_there { " before" } else { "" });
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(part) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|part| *part < parts) {
                    one(part);
                }
            });
        }
    });
}

/// Lives the days of a part in this process: one, since a second would not begin where the first did.
fn live(asked: &Asked, part: u64) -> Came {
    let began = Instant::now();
    let seed = asked.seed + part;
    let (requests, days) = asked.requests(part);
    let days = days + asked.more;
    simulation::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().enable_io().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let trace = Trace::begin(None);
        let directory = identities::unpack();
        if !asked.ladder {
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
        if !asked.ladder {
            nodes.iter().for_each(|node| node.reload_timers().unwrap());
        }
        let clock = nodes[0].clock.clone();
        let mut net = Nodes::new(nodes, clock);
        let told = tokio::spawn(async move {
            for day in 1.. {
                tokio::time::sleep(Duration::from_millis(DAY)).await;
                eprintln!("part {part}: day {day} of {days}, {} s", began.elapsed().as_secs());
            }
        });
        Play::run(&mut net, &requests, days * DAY).await;
        told.abort();
        let (now, outcomes) = (net.now(), net.outcomes().await);
        let offers = outcomes.iter().map(|one| Line::of(one, now)).collect();
        Came { offers, wrong: mistakes(&outcomes, now, MINUTE), seconds: began.elapsed().as_secs(), program: program() }
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
