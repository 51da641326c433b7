//! `watchfire demo`: three organisations on loopback, in one process, with real TLS and real stores.

mod case;
mod second;
mod story;
mod team;

use super::output::{self, count, plain};
use super::{Desk, Ended};
use crate::api::Problem;
use crate::node::error::{Exit, NodeError};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use team::Team;

/// Watch three organisations pair, share real indicators and take one back
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    long_about = "Watch three organisations pair, share real indicators and take one back\n\nThey run in this process, on loopback, with real TLS and real stores in a temporary directory. A case is handed over, another is taken back, and a third goes to the next partner as nobody opens it. Each step is read back at the other organisations; ends with 1 when one was not as it should be."
)]
pub(super) struct Args {
    /// Stay up afterwards, until interrupted, so that other commands can be tried on the three nodes
    #[arg(long)]
    keep: bool,
    /// What does not work, to see that the demo notices
    #[arg(long = "break", hide = true, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_missing_value = "node")]
    broken: Option<Broken>,
    /// How many seconds a step may take
    #[arg(long, hide = true, default_value_t = 30)]
    patience: u64,
}

/// What does not work in a demo that is to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Broken {
    /// One of the nodes is stopped before anything is shared.
    Node,
    /// No clock runs out while anybody watches.
    Clock,
}

const EXAMPLES: &str = "Examples:
  watchfire demo --json";

/// What came of it all.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Outcome {
    /// Whether every step was as it should be.
    pub ok: bool,
    /// The steps that were taken, in order.
    pub steps: Vec<Step>,
}

/// What came of one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Step {
    /// Its name.
    pub name: String,
    /// Whether it was read back as it should be.
    pub ok: bool,
    /// How long it took.
    pub seconds: f64,
    /// What was seen.
    pub detail: String,
}

pub(super) async fn run(desk: &Desk, args: Args) -> Ended {
    let directory = tempfile::Builder::new().prefix("watchfire-demo-").tempdir();
    let directory = directory.map_err(|error| NodeError::io("make a temporary directory", error))?;
    let aloud = !desk.json;
    if aloud {
        output::data(&format!("three organisations on this machine, in {}\n\n", directory.path().display()))?;
    }
    let mut team = Team::gather(directory.path(), args.patience).await?;
    let outcome = story::tell(&mut team, args.broken, |step| if aloud { output::data(&line(step)).map(drop) } else { Ok(()) }).await?;
    output::answer(desk, &outcome, ending)?;
    if args.keep {
        stay(&mut team).await?;
    }
    team.disband().await;
    Ok(if outcome.ok { Exit::Done } else { Exit::Failed })
}

/// Keeps the nodes up, with their sockets, until somebody interrupts.
async fn stay(team: &mut Team) -> Result<(), Problem> {
    team.open_desks()?;
    kept(&team.directories()).iter().for_each(|line| output::say(line));
    tokio::signal::ctrl_c().await.map_err(|error| NodeError::io("wait for an interrupt", error))?;
    Ok(())
}

/// What to do with nodes that stay up.
pub(super) fn kept(nodes: &[(&str, PathBuf)]) -> Vec<String> {
    let mut lines: Vec<_> = nodes.iter().map(|(name, data)| format!("{name}: watchfire status --data {}", data.display())).collect();
    lines.push("interrupt to stop and to remove all of it".into());
    lines
}

pub(super) fn line(step: &Step) -> String {
    let sign = if step.ok { "ok  " } else { "FAIL" };
    format!("{sign}  {:5.2} s  {}: {}\n", step.seconds, plain(&step.name), plain(&step.detail))
}

pub(super) fn ending(outcome: &Outcome) -> String {
    let failed = outcome.steps.iter().filter(|step| !step.ok).count() as u64;
    match failed {
        0 => format!("\n{}, each read back at the other organisations\n", count(outcome.steps.len() as u64, "step")),
        _ => format!("\n{} of {} not as it should be\n", failed, count(outcome.steps.len() as u64, "step")),
    }
}
