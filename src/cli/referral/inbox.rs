//! `watchfire inbox`

use crate::api::client::Target;
use crate::cli::output::{self, table, time};
use crate::cli::{Desk, Ended};
use crate::node::referral::InboxView;

/// List the referrals that are not over, the most urgent first
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Those that are over too
    #[arg(long)]
    all: bool,
}

const EXAMPLES: &str = "Examples:
  watchfire inbox";

pub(crate) async fn run(desk: &Desk, args: &Args) -> Ended {
    let target = Target::new(&["referrals"]);
    let target = if args.all { target.with("all", "true") } else { target };
    let lines: Vec<InboxView> = desk.node().get(target).await?;
    output::answer(desk, &lines, |lines| text(lines))
}

pub(crate) fn text(lines: &[InboxView]) -> String {
    let row = |line: &InboxView| {
        let id: String = line.referral.to_string().chars().take(8).collect();
        let priority = line.priority.map_or_else(|| "-".into(), |priority| priority.to_string());
        let way = if line.side == "origin" { "to" } else { "from" };
        let state = if line.forked { format!("{} (differs)", line.state) } else { line.state.clone() };
        let waits = line.waits.first().cloned().unwrap_or_default();
        [id, priority, state, format!("{way} {}", line.peer), line.owner.clone(), time(line.due), waits]
    };
    let lines = table(["ID", "PRIORITY", "STATE", "WITH", "OWNER", "DUE", "WAITS"], lines.iter().map(row).collect());
    if lines.is_empty() { "nothing is open\n".into() } else { lines }
}
