//! `watchfire inbox`

use crate::api::client::Target;
use crate::cli::output::{self, due, table};
use crate::cli::{Desk, Ended};
use crate::node::referral::InboxView;

/// List the referrals that are open, the most urgent first
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Those that are closed or over too
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
        [id, priority, state, format!("{way} {}", line.peer), line.owner.clone(), due(line.due, line.overdue), waits]
    };
    let lines = table(["ID", "PRIORITY", "STATE", "WITH", "OWNER", "DUE", "WAITS"], lines.iter().map(row).collect());
    if lines.is_empty() { "nothing is open\n".into() } else { lines }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ReferralId, Timestamp};

    #[test]
    fn what_is_overdue_says_since_when_and_the_rest_when_it_is_due() {
        let at = |text: &str| text.parse::<Timestamp>().ok();
        let line = InboxView {
            referral: ReferralId([0; 16]),
            state: "needs_info".into(),
            owner: "us".into(),
            side: "origin".into(),
            peer: "borealis".into(),
            priority: None,
            due: at("2026-11-27T10:00:00Z"),
            overdue: None,
            waits: vec!["for the origin's answer".into(), "for the receiver to accept or decline".into()],
            waits_for: Vec::new(),
            opened: Timestamp(0),
            forked: false,
        };
        let late = InboxView { overdue: at("2026-11-27T09:00:00Z"), ..line.clone() };
        let expected = "\
ID        PRIORITY  STATE       WITH         OWNER  DUE                                 WAITS
aaaaaaaa  -         needs_info  to borealis  us     2026-11-27T10:00:00Z                for the origin's answer
aaaaaaaa  -         needs_info  to borealis  us     overdue since 2026-11-27T09:00:00Z  for the origin's answer
";
        assert_eq!(text(&[line, late]), expected);
    }
}
