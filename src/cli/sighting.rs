//! `watchfire sighting`

use super::output::{self, count, plain, table, time};
use super::unlock::Signer;
use super::{Desk, Ended, input};
use crate::api::client::Target;
use crate::model::sighting::SightingType;
use crate::model::{Timestamp, Tlp};
use crate::node::sighting::{OpinionsView, SightingReport, SightingRequest, SightingView, WithdrawSightingRequest, WithdrawnView};

/// Tell the authors of what we hold that we met it, or that it is of nothing bad
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire sighting list")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Add(Add),
    List(List),
    Withdraw(Withdraw),
}

/// Tell each author of a value that we met it, that it is of nothing bad, or that it is of no use any more
#[derive(Debug, clap::Args)]
#[command(after_help = ADD_EXAMPLES, long_about = ADD_ABOUT)]
struct Add {
    /// A value, a record's id here, or an entry as LOG:POSITION
    #[arg(value_name = "VALUE|RECORD")]
    of: String,
    /// What is said: seen, false-positive or expired
    #[arg(long = "type", value_name = "TYPE", default_value = "seen")]
    kind: SightingType,
    /// Of this author's records alone
    #[arg(long, value_name = "AUTHOR")]
    from: Option<String>,
    /// How often it was met
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// When it was met; now where nothing is said
    #[arg(long, value_name = "TIME", value_parser = input::timestamp)]
    at: Option<Timestamp>,
    /// Tell all members of this group, in which it was shared
    #[arg(long, value_name = "GROUP", conflicts_with = "anonymous")]
    to_group: Option<String>,
    /// Tell the author without our name, through the head of the group in which it was shared
    #[arg(long)]
    anonymous: bool,
    /// The label
    #[arg(long, value_name = "TLP", value_parser = input::tlp, default_value = "amber+strict")]
    tlp: Tlp,
    /// Show who would be told, and tell nobody
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    signer: Signer,
}

const ADD_ABOUT: &str = "Tell each author of a value that we met it, that it is of nothing bad, or that it is of no use any more

Every record of the value that we hold is meant; each author is told for itself, and nobody else is. What is told is which entry, what, how often \
and when: no text, no value, and nothing of whom it met. With `--anonymous` the head of the group learns who says it, and the author that a member does.";

const ADD_EXAMPLES: &str = "Examples:
  watchfire sighting add weather4free.com --count 3 --dry-run";

/// List what others and we met, the newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire sighting list --since 2026-11-01")]
struct List {
    /// Of this value or record alone
    #[arg(value_name = "VALUE")]
    of: Option<String>,
    /// Said from this time on
    #[arg(long, value_name = "TIME", value_parser = input::timestamp)]
    since: Option<Timestamp>,
}

/// Take back what we said of a value: whoever was told holds it no more
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire sighting withdraw weather4free.com --type false-positive")]
struct Withdraw {
    /// A value, a record's id here, or an entry as LOG:POSITION
    #[arg(value_name = "VALUE|RECORD")]
    of: String,
    /// What we said of this type alone: seen, false-positive or expired
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<SightingType>,
    #[command(flatten)]
    signer: Signer,
}

pub(super) async fn run(desk: &Desk, args: Args) -> Ended {
    match args.command {
        Command::Add(Add { of, kind, from, count, at, to_group, anonymous, tlp, dry_run, signer }) => {
            let request = SightingRequest { of, r#type: kind, from, count, at, to_group, anonymous, tlp, dry_run };
            let ask = signer.order(desk, "sighting", "", request).await?;
            let report: SightingReport = desk.node().post(Target::new(&["sightings"]), &ask).await?;
            output::answer(desk, &report, told)
        }
        Command::List(List { of, since }) => {
            let mut target = Target::new(&["sightings"]);
            if let Some(of) = &of {
                target = target.with("of", of);
            }
            if let Some(since) = since {
                target = target.with("since", &since.to_string());
            }
            let all: Vec<SightingView> = desk.node().get(target).await?;
            output::answer(desk, &all, |all| lines(all))
        }
        Command::Withdraw(Withdraw { of, kind, signer }) => {
            let ask = signer.order(desk, "sighting-withdraw", "", WithdrawSightingRequest { of, r#type: kind }).await?;
            let view: WithdrawnView = desk.node().post(Target::new(&["sightings", "withdraw"]), &ask).await?;
            output::answer(desk, &view, |view| format!("taken back of {}\n", count(view.records, "record")))
        }
    }
}

pub(super) fn told(report: &SightingReport) -> String {
    let verb = if report.dry_run { "would tell" } else { "told" };
    let mut text = String::new();
    for one in &report.told {
        let (value, author) = (plain(&one.value), plain(&one.author_name));
        text += &match &one.to {
            Some(to) => format!("{verb} {}: {value} of {author}  {}\n", plain(to), one.record),
            None => {
                format!("{} here: {value} of the feed {author}  {}\n", if report.dry_run { "would count" } else { "counts" }, one.record)
            }
        };
    }
    for one in &report.withheld {
        text += &format!("not told: {}: {}\n", plain(&one.value), plain(&one.reason));
        text += &one.hint.as_ref().map(|hint| format!("  hint: {}\n", plain(hint))).unwrap_or_default();
    }
    text
}

pub(super) fn lines(all: &[SightingView]) -> String {
    let row = |view: &SightingView| {
        let last = time(Some(view.last));
        [view.r#type.to_string(), view.count.to_string(), last, plain(&view.by), plain(&view.author_name), plain(&view.value)]
    };
    let lines = table(["TYPE", "COUNT", "LAST", "BY", "OF", "VALUE"], all.iter().map(row).collect());
    if lines.is_empty() { "nothing was met\n".into() } else { lines }
}

/// How sure its author was, and one may be now.
pub(super) fn confidence(said: Option<u8>, now: u8) -> String {
    said.map_or_else(|| format!("confidence not said, now {now}"), |said| format!("confidence {said}, now {now}"))
}

/// What others say of a record, in a line.
pub(super) fn opinions(view: &OpinionsView) -> String {
    let mut parts = Vec::new();
    if view.seen > 0 {
        parts.push(format!(
            "seen {} by {}, last {}",
            count(view.seen, "time"),
            count(u64::from(view.seen_by), "organisation"),
            time(view.seen_last)
        ));
    }
    let names = |all: &[String]| all.iter().map(|name| plain(name)).collect::<Vec<_>>().join(", ");
    for (what, by) in [("false positive", &view.false_by), ("expired", &view.expired_by)] {
        if !by.is_empty() {
            parts.push(format!("{what} says {}", names(by)));
        }
    }
    if view.beyond > 0 {
        parts.push(format!("{} more than are kept", count(view.beyond, "word")));
    }
    parts.join(" · ")
}

/// Who stands for a value, in a line; nothing where that goes without saying.
pub(super) fn standing(organisations: u32, disputed: bool) -> Option<String> {
    let disputed = if disputed { ", disputed" } else { "" };
    (organisations > 1 || !disputed.is_empty()).then(|| {
        format!(
            "{} it or saw it{disputed}",
            if organisations == 1 { "1 organisation says".into() } else { format!("{organisations} organisations say") }
        )
    })
}
