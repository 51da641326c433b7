//! Many seeds, each in a process of its own.

use super::ledger::Counted;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use watchfire::simulation::Bug;

/// Seeds that CI runs.
const CI_SEEDS: u64 = 100;
/// Of these, so many run twice, and both traces must be the same.
const CI_TWICE: u64 = 8;
/// A planted bug must be caught within so many seeds.
const BUG_SEEDS: u64 = 25;

/// With this the line begins that says what a seed's checks had to look at.
pub const COUNTED: &str = "  counted ";

/// What a process said of a seed.
struct Told {
    well: bool,
    text: String,
}

fn seed(seed: u64, more: &[&str]) -> Told {
    let out = Command::new(std::env::current_exe().unwrap()).args(["seed", &seed.to_string()]).args(more).output().unwrap();
    let mut text = String::from_utf8_lossy(&out.stdout).into_owned();
    if !out.status.success() && !text.contains("problems") {
        let error = String::from_utf8_lossy(&out.stderr).into_owned();
        text.push_str(&format!("seed {seed} died: {}\n{error}", out.status));
    }
    Told { well: out.status.success(), text }
}

/// Runs seeds side by side and hands each result over, until that says to stop.
fn side_by_side(seeds: std::ops::Range<u64>, jobs: usize, more: &[&str], told: impl Fn(u64, Told) -> bool + Sync) {
    let next = AtomicU64::new(seeds.start);
    let one_at_a_time = Mutex::new(());
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= seeds.end {
                        break;
                    }
                    let result = seed(n, more);
                    let _one = one_at_a_time.lock().unwrap();
                    if !told(n, result) {
                        next.store(seeds.end, Ordering::Relaxed);
                    }
                }
            });
        }
    });
}

fn jobs() -> usize {
    std::thread::available_parallelism().map_or(2, |count| count.get().min(8))
}

/// Runs so many seeds, and adds up what was looked at; which failed.
fn many(seeds: std::ops::Range<u64>, jobs: usize, counted: &mut Counted) -> Vec<u64> {
    let (failed, counted) = (Mutex::new(Vec::new()), Mutex::new(counted));
    side_by_side(seeds, jobs, &[], |n, told| {
        let of_it: Option<Counted> = told.text.lines().find_map(|line| serde_json::from_str(line.strip_prefix(COUNTED)?).ok());
        counted.lock().unwrap().add(of_it.unwrap_or_default());
        if !told.well {
            print!("{}", told.text);
            println!("  again: cargo test --features simulation --test simulation -- seed {n} --log");
            failed.lock().unwrap().push(n);
        }
        true
    });
    failed.into_inner().unwrap()
}

/// Says what was looked at. Among as many seeds as CI runs there is some of everything.
fn is_enough(counted: &Counted, seeds: u64) -> bool {
    let enough = seeds < CI_SEEDS || counted.has_all();
    println!("looked at: {counted}{}", if enough { "" } else { ": NOT ENOUGH" });
    enough
}

/// `run`: as many seeds as asked for, from where the last run ended with `--resume`.
pub fn run(words: &[&str]) -> ExitCode {
    let value = |name: &str| {
        let at = words.iter().position(|word| *word == name)?;
        Some(words.get(at + 1).and_then(|text| text.parse::<u64>().ok()).unwrap_or_else(|| panic!("`{name}` takes a number")))
    };
    let saved = saved();
    let from = match words.contains(&"--resume") {
        true => fs::read_to_string(&saved).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0),
        false => value("--from").unwrap_or(0),
    };
    let count = value("--count").unwrap_or(CI_SEEDS);
    let jobs = value("--jobs").map_or_else(jobs, |jobs| jobs.max(1) as usize);
    let began = Instant::now();
    let (mut failed, mut counted) = (Vec::new(), Counted::default());
    let mut at = from;
    while at < from + count {
        let end = (at + 50).min(from + count);
        failed.extend(many(at..end, jobs, &mut counted));
        at = end;
        fs::write(&saved, at.to_string()).unwrap();
        println!("{} of {count} seeds, {} failed, {} s", at - from, failed.len(), began.elapsed().as_secs());
    }
    println!("seeds {from} to {}: failed {failed:?}; {:.1} seeds a second", at - 1, count as f64 / began.elapsed().as_secs_f64());
    let enough = is_enough(&counted, count);
    if failed.is_empty() && enough { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Where the number of the next seed is kept.
fn saved() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("simulation-next-seed")
}

/// What CI runs: a hundred seeds, a few of them twice, each planted bug, and some days of a helpline's requests, with clocks and without.
pub fn ci() -> ExitCode {
    let began = Instant::now();
    let mut counted = Counted::default();
    let failed = many(0..CI_SEEDS, jobs(), &mut counted);
    println!("{CI_SEEDS} seeds, {} failed, {} s", failed.len(), began.elapsed().as_secs());
    let enough = is_enough(&counted, CI_SEEDS);
    let differ = differ();
    println!("{CI_TWICE} seeds twice, {differ} differ, {} s", began.elapsed().as_secs());
    let missed: Vec<&str> = Bug::ALL.into_iter().filter(|bug| !is_caught(*bug)).map(Bug::name).collect();
    println!("{} planted bugs, {} not caught, {} s", Bug::ALL.len(), missed.len(), began.elapsed().as_secs());
    let forgotten = super::days::ci();
    println!("{} days of a helpline's requests, {} s", super::days::CI_DAYS, began.elapsed().as_secs());
    if failed.is_empty() && enough && differ == 0 && missed.is_empty() && forgotten { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How many seeds do not run twice alike.
fn differ() -> usize {
    let traces = |_: ()| {
        let traces = Mutex::new(vec![String::new(); CI_TWICE as usize]);
        side_by_side(0..CI_TWICE, jobs(), &[], |n, told| {
            traces.lock().unwrap()[n as usize] = told.text;
            true
        });
        traces.into_inner().unwrap()
    };
    let (one, other) = (traces(()), traces(()));
    let mut differ = 0;
    for (one, other) in one.iter().zip(&other).filter(|(one, other)| one != other || !one.contains("trace ")) {
        println!("a seed runs twice and not alike:\n  {one}  {other}");
        differ += 1;
    }
    differ
}

fn is_caught(bug: Bug) -> bool {
    let caught = Mutex::new(None);
    side_by_side(0..BUG_SEEDS, jobs(), &["--bug", bug.name()], |n, told| {
        if !told.well && caught.lock().unwrap().is_none() {
            let first = told.text.lines().nth(1).unwrap_or_default().trim().to_owned();
            println!("planted {}: caught by seed {n}: {first}", bug.name());
            *caught.lock().unwrap() = Some(n);
        }
        told.well
    });
    let caught = caught.into_inner().unwrap();
    if caught.is_none() {
        println!("planted {}: not caught by {BUG_SEEDS} seeds", bug.name());
    }
    caught.is_some()
}
