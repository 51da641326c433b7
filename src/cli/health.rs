//! `watchfire health`

use super::output::{self, days};
use super::{Desk, Ended};
use crate::api::client::Target;
use crate::api::{Health, Problem};
use crate::node::error::Exit;

/// Ask the running node whether it is well, for containers and monitors
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, long_about = "Ask the running node whether it is well, for containers and monitors\n\nEnds with 0 when it is, and with 1 for any reason else.")]
pub(super) struct Args {}

const EXAMPLES: &str = "Examples:
  watchfire health";

pub(super) async fn run(desk: &Desk) -> Ended {
    let health: Health = desk.node().get(Target::new(&["health"])).await.map_err(|problem| Problem { exit: Exit::Failed, ..problem })?;
    output::answer(desk, &health, text)?;
    Ok(if health.ok { Exit::Done } else { Exit::Failed })
}

pub(super) fn text(health: &Health) -> String {
    let certificates = &health.certificates;
    let days_left = format!("certificates node {}, issuing CA {}", days(certificates.node_days), days(certificates.issuing_days));
    let held_back = "restored: it serves and exports nothing yet; `watchfire status` shows what it waits for\n";
    format!("store {}; {days_left}\n{}", health.store, if health.restored { held_back } else { "" })
}
