//! Five nodes in one process, simulated: the real node, links, sessions and stores over simulated disks, network and time, all from a
//! seed. See docs/testing.md.
//!
//! ```text
//! cargo test --features simulation --test simulation                          what CI runs
//! cargo test --features simulation --test simulation -- run --count 2000      more seeds; `--from 5000`, `--jobs 2`, `--resume`
//! cargo test --features simulation --test simulation -- seed 17 --log         one seed; `--bug NAME`, `--trace FILE`
//! cargo test --features simulation --test simulation -- days 30               a helpline's requests of so many days; `--no-ladder`, `--seed 5`
//! cargo test --features simulation --test simulation -- days 365 --by 28 --more 14 --jobs 2 --resume      a year, in parts that need not be run again
//! ```

// A run says what it expects by failing.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// The processes that run seeds are timed; the nodes never look at real time.
#![allow(clippy::disallowed_methods)]

#[path = "../campaign/mod.rs"]
mod campaign;
#[path = "../shared/cases.rs"]
mod cases;
mod checks;
mod clock_checks;
mod days;
#[path = "../desk/mod.rs"]
mod desk;
mod disk;
mod identities;
mod ledger;
mod net;
#[path = "../workload/people/mod.rs"]
mod people;
mod referral_checks;
mod referrals;
mod runs;
mod trace;
mod workload;
mod world;

use ledger::Counted;
use std::process::ExitCode;
use trace::{Log, Trace};
use watchfire::simulation::{self, Bug};
use world::World;

/// What is asked for of one seed.
#[derive(Debug, Default)]
struct Asked {
    bug: Option<Bug>,
    aloud: bool,
    trace: Option<String>,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--nocapture" && word != "--test-threads=1").collect();
    let mut words = words.iter().map(String::as_str);
    match words.next() {
        Some("identities") => {
            print!("{}", identities::make());
            ExitCode::SUCCESS
        }
        Some("seed") => {
            let seed = words.next().and_then(|seed| seed.parse().ok()).expect("a seed is a number");
            one(seed, &asked(words))
        }
        Some("days") => days::run(&words.collect::<Vec<_>>()),
        Some("run") => runs::run(&words.collect::<Vec<_>>()),
        // `cargo test` may pass the name of another test.
        Some(filter) if !"simulation".contains(filter) => ExitCode::SUCCESS,
        _ => runs::ci(),
    }
}

fn asked<'a>(mut words: impl Iterator<Item = &'a str>) -> Asked {
    let mut asked = Asked::default();
    while let Some(word) = words.next() {
        match word {
            "--log" => asked.aloud = true,
            "--trace" => asked.trace = words.next().map(str::to_owned),
            "--bug" => {
                let name = words.next().unwrap_or_default();
                asked.bug = Some(Bug::ALL.into_iter().find(|bug| bug.name() == name).expect("a bug has one of the names in `Bug`"));
            }
            other => panic!("`{other}` is not understood"),
        }
    }
    asked
}

/// Runs one seed in this process: one, since a second would not begin where the first did.
fn one(seed: u64, asked: &Asked) -> ExitCode {
    simulation::seed(seed);
    if let Some(bug) = asked.bug {
        simulation::plant(bug);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().enable_io().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let trace = Trace::begin(asked.trace.as_ref().map(|path| std::fs::File::create(path).unwrap()));
        let directory = identities::unpack();
        let names = identities::orgs(directory.path()).iter().map(ToString::to_string).zip(identities::NAMES).collect();
        let log = Log::collect(&trace, names, asked.aloud);
        for name in identities::NAMES {
            std::fs::write(directory.path().join(name).join("timers.toml"), referrals::ladders()).unwrap();
        }
        // Half of it is on the next day.
        let began = watchfire::model::Timestamp(identities::MIDNIGHT.0 - 30_000);
        let mut world = World::found(seed, began, world::COUNT, directory, trace.clone(), log).await;
        workload::live(&mut world).await;
        let (events, hash) = trace.sum();
        let problems = world.ledger().problems.clone();
        let restores = world.ledger().restores.len();
        println!(
            "seed {seed}: {events} events in {} s, {restores} restores, trace {hash}, {} problems",
            trace.at() / 1_000,
            problems.len()
        );
        for problem in &problems {
            println!("  {problem}");
        }
        let counted = Counted { put_back: u64::from(restores > 0), ..world.ledger().counted };
        println!("{}{}", runs::COUNTED, serde_json::to_string(&counted).unwrap());
        if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    })
}
