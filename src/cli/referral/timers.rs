//! `watchfire timers`

use crate::api::client::Target;
use crate::cli::output::{self, due, plain, table, time};
use crate::cli::{Desk, Ended};
use crate::node::escalate::{TimerView, done};

/// List the clocks that run: what is waited for, since when, and what is done when nobody answers
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Those of this referral alone, with the rungs that were reached: its id or the beginning of it
    referral: Option<String>,
}

const EXAMPLES: &str = "Examples:
  watchfire timers";

pub(crate) async fn run(desk: &Desk, args: &Args) -> Ended {
    let target = Target::new(&["timers"]);
    let target = match &args.referral {
        Some(referral) => target.with("referral", referral),
        None => target,
    };
    let views: Vec<TimerView> = desk.node().get(target).await?;
    output::answer(desk, &views, |views| text(views, args.referral.is_some()))
}

pub(crate) fn text(views: &[TimerView], whole: bool) -> String {
    let row = |view: &TimerView| {
        let id: String = view.referral.to_string().chars().take(8).collect();
        // What is done next, and when, goes on behind what is overdue.
        let due = match (view.due, view.overdue) {
            (Some(next), Some(_)) if view.overdue < view.due => format!("{}, then {}", due(None, view.overdue), time(Some(next))),
            (next, overdue) => due(next, overdue),
        };
        let due = if view.paused { format!("{due} (paused)") } else { due };
        let then = view.act.map_or("nothing more", done).to_owned();
        let repeated = view.recorded.iter().map(|rung| rung.again).max().unwrap_or_default();
        let reached = view.recorded.iter().filter(|rung| rung.again == 0).count();
        let rungs =
            if repeated == 0 { format!("{reached} of {}", view.rungs) } else { format!("{reached} of {}, again {repeated}", view.rungs) };
        [id, view.priority.to_string(), view.waits.clone(), view.whose.clone(), time(Some(view.since)), due, then, rungs]
    };
    let head = ["REFERRAL", "PRIORITY", "WAITS", "WHOSE", "SINCE", "DUE", "THEN", "RUNGS"];
    let mut lines = table(head, views.iter().map(row).collect());
    if lines.is_empty() {
        return "no clock runs\n".into();
    }
    for rung in views.iter().filter(|_| whole).flat_map(|view| &view.recorded) {
        let late = if rung.late { ", late" } else { "" };
        lines += &format!("{}  {}: {}{late}", time(Some(rung.at)), rung.called(), done(rung.act));
        if let Some(name) = &rung.offered_to {
            lines += &format!(", to {}", plain(name));
        }
        lines += &rung.not_offered.map(|why| format!("; to nobody: {}", why.words())).unwrap_or_default();
        lines.push('\n');
    }
    lines
}
