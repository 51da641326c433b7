//! `watchfire handover`

use super::output::{self, due, facts, plain, table, time};
use super::unlock::Signer;
use super::{Desk, Ended, input};
use crate::api::client::Target;
use crate::node::handover::{AcceptRequest, HandOverRequest, HandOverView};

/// Hand over to the next shift, and accept what the last one hands over
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire handover list")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Open(Open),
    Accept(Accept),
    Show(Show),
    List(List),
}

/// Hand over: what is open now, with a note and what to look out for
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  watchfire handover open --note 'borealis answers at night' --risk 'elections on Sunday'",
    long_about = "Hand over: what is open now, with a note and what to look out for\n\nIt stays here, and is destroyed after 90 days. Nobody's name belongs in it. Where nobody accepts it within `handover.accept_minutes`, whoever handed over is told."
)]
struct Open {
    /// What the next shift should know; `-` reads standard input
    #[arg(long)]
    note: String,
    /// What to look out for; once for each
    #[arg(long = "risk", value_name = "RISK")]
    risks: Vec<String>,
    #[command(flatten)]
    signer: Signer,
}

/// Accept what the last shift hands over
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire handover accept k7qm2xpa")]
struct Accept {
    /// The hand-over's id, or the beginning of it
    id: String,
    #[command(flatten)]
    signer: Signer,
}

/// Show a hand-over with what was open
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire handover show k7qm2xpa")]
struct Show {
    /// The hand-over's id, or the beginning of it
    id: String,
}

/// List the hand-overs of the last 90 days, the newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire handover list")]
struct List {}

pub(super) async fn run(desk: &Desk, args: Args) -> Ended {
    let view: HandOverView = match args.command {
        Command::Open(Open { note, risks, signer }) => {
            let request = HandOverRequest { note: input::sentence(&note)?, risks };
            let ask = signer.order(desk, "handover", "", request).await?;
            desk.node().post(Target::new(&["handovers"]), &ask).await?
        }
        Command::Accept(Accept { id, signer }) => {
            let ask = signer.order(desk, "handover-accept", &id, AcceptRequest {}).await?;
            desk.node().post(Target::new(&["handovers", &id, "accept"]), &ask).await?
        }
        Command::Show(Show { id }) => desk.node().get(Target::new(&["handovers", &id])).await?,
        Command::List(List {}) => {
            let all: Vec<HandOverView> = desk.node().get(Target::new(&["handovers"])).await?;
            return output::answer(desk, &all, |all| lines(all));
        }
    };
    output::answer(desk, &view, text)
}

pub(super) fn lines(all: &[HandOverView]) -> String {
    let row = |view: &HandOverView| {
        let by = view.by.clone().unwrap_or_else(|| "-".into());
        [view.handover.to_string(), view.state.clone(), time(Some(view.opened)), by, time(Some(view.due)), view.items.len().to_string()]
    };
    let lines = table(["ID", "STATE", "OPENED", "BY", "ACCEPT BY", "OPEN"], all.iter().map(row).collect());
    if lines.is_empty() { "no shift has handed over\n".into() } else { lines }
}

pub(super) fn text(view: &HandOverView) -> String {
    let mut lines = vec![("handover", view.handover.to_string()), ("state", view.state.clone()), ("opened", time(Some(view.opened)))];
    let mut also = |name, value: Option<String>| lines.extend(value.map(|value| (name, value)));
    also("by", view.by.clone());
    also("accept by", view.accepted.is_none().then(|| time(Some(view.due))));
    also("accepted", view.accepted.map(|at| time(Some(at))));
    also("accepted by", view.accepted_by.clone());
    let mut text = facts(&lines);
    text += "\n";
    // Each line of it stands in, so that nobody writes what looks like a line of ours.
    view.note.lines().for_each(|line| text += &format!("    {}\n", plain(line)));
    view.risks.iter().for_each(|risk| text += &format!("risk: {}\n", plain(risk)));
    let row = |item: &crate::node::handover::OpenItem| {
        let id: String = item.referral.to_string().chars().take(8).collect();
        let priority = item.priority.map_or_else(|| "-".into(), |priority| priority.to_string());
        [id, priority, item.state.clone(), item.owner.clone(), due(item.due, item.overdue), item.waits.first().cloned().unwrap_or_default()]
    };
    let items = table(["ID", "PRIORITY", "STATE", "OWNER", "DUE", "WAITS"], view.items.iter().map(row).collect());
    text += &if items.is_empty() { "nothing was open\n".into() } else { format!("\n{items}") };
    let short = |id: String| id.chars().take(8).collect::<String>();
    view.calls.iter().for_each(|id| text += &format!("open call: {}\n", short(id.to_string())));
    view.alerts.iter().for_each(|id| text += &format!("unread alert: {}\n", short(id.to_string())));
    view.checks.iter().for_each(|one| {
        text += &format!(
            "check for a duplicate to be answered by {}: {} (`watchfire duplicate list`)\n",
            time(Some(one.until)),
            short(one.check.to_string())
        );
    });
    view.campaigns.iter().for_each(|one| {
        let id: String = one.campaign.to_string().chars().take(8).collect();
        text +=
            &format!("{} organisations report the same since {} (`watchfire campaigns`, {id})\n", one.organisations, time(Some(one.since)));
    });
    text
}
