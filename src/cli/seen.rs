//! `watchfire seen`

use super::output::{self, count, plain, table, time};
use super::unlock::Signer;
use super::{Desk, Ended, input};
use crate::api::client::Target;
use crate::model::{ObservableKind, Timestamp};
use crate::node::duplicate::{SeenAllowRequest, SeenAnswer, SeenAskRequest, SeenDisallowRequest, SeenValueView, SeenView};
use std::collections::{BTreeMap, BTreeSet};

/// Ask partners whether they have seen a value, without telling those who have not which
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire seen list", long_about = ABOUT)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

const ABOUT: &str = "Ask partners whether they have seen a value, without telling those who have not which

A partner that has not seen it learns that somebody asked, and nothing else; you learn nothing of what it has. Where somebody there has seen it \
and lets you ask about it, you are told at once, and they are told that you asked. Nothing of it is shared: no record, no export has it.";

#[derive(Debug, clap::Subcommand)]
enum Command {
    Ask(AskFor),
    Allow(Allow),
    Disallow(Disallow),
    List(List),
}

/// Ask peers, or all members of a group who are peers, whether they have seen a value
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire seen ask weather4free.com --to smex")]
struct AskFor {
    /// Values of any kind, up to 20; `-` reads them from standard input, one in a line
    #[arg(value_name = "VALUE", required = true)]
    values: Vec<String>,
    /// Their kind; guessed from each value where it is not given
    #[arg(long, value_parser = input::kinds())]
    kind: Option<ObservableKind>,
    /// Whom
    #[arg(long, value_name = "PEER|GROUP", required = true)]
    to: Vec<String>,
    #[command(flatten)]
    signer: Signer,
}

/// Let partners ask about values that were seen here
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire seen allow weather4free.com --with smex")]
struct Allow {
    /// Values of any kind; `-` reads them from standard input, one in a line
    #[arg(value_name = "VALUE", required = true)]
    values: Vec<String>,
    /// Their kind; guessed from each value where it is not given
    #[arg(long, value_parser = input::kinds())]
    kind: Option<ObservableKind>,
    /// Who may ask
    #[arg(long, value_name = "PEER|GROUP", required = true)]
    with: Vec<String>,
    /// Until when; as long as `seen.allowed_days_max` where nothing is said
    #[arg(long, value_name = "TIME", value_parser = input::timestamp)]
    until: Option<Timestamp>,
    #[command(flatten)]
    signer: Signer,
}

/// End that partners may ask about values
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire seen disallow weather4free.com")]
struct Disallow {
    /// Values of any kind; `-` reads them from standard input, one in a line
    #[arg(value_name = "VALUE", required = true)]
    values: Vec<String>,
    /// Their kind; guessed from each value where it is not given
    #[arg(long, value_parser = input::kinds())]
    kind: Option<ObservableKind>,
    #[command(flatten)]
    signer: Signer,
}

/// List what partners may ask about, who asked about it, and how often was answered
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire seen list --json")]
struct List {}

pub(super) async fn run(desk: &Desk, args: Args) -> Ended {
    match args.command {
        Command::Ask(AskFor { values, kind, to, signer }) => {
            let ask = signer.order(desk, "seen-ask", "", SeenAskRequest { values: input::values(&values)?, kind, to }).await?;
            let answers: Vec<SeenAnswer> = desk.node().post(Target::new(&["seen"]), &ask).await?;
            output::answer(desk, &answers, |answers| told(answers))
        }
        Command::Allow(Allow { values, kind, with, until, signer }) => {
            let request = SeenAllowRequest { values: input::values(&values)?, kind, with, until };
            let ask = signer.order(desk, "seen-allow", "", request).await?;
            let views: Vec<SeenValueView> = desk.node().post(Target::new(&["seen", "allowed"]), &ask).await?;
            output::answer(desk, &views, |views| allowed(views))
        }
        Command::Disallow(Disallow { values, kind, signer }) => {
            let ask = signer.order(desk, "seen-disallow", "", SeenDisallowRequest { values: input::values(&values)?, kind }).await?;
            let views: Vec<SeenValueView> = desk.node().post(Target::new(&["seen", "disallowed"]), &ask).await?;
            output::answer(desk, &views, |views| format!("nobody may ask about {} any more\n", count(views.len() as u64, "value")))
        }
        Command::List(List {}) => {
            let view: SeenView = desk.node().get(Target::new(&["seen"])).await?;
            output::answer(desk, &view, lines)
        }
    }
}

/// What each value's partners say, those who have seen it first.
pub(super) fn told(answers: &[SeenAnswer]) -> String {
    const SAID: [(&str, &str); 6] = [
        ("seen", "seen by"),
        ("nothing_told", "nothing told by"),
        ("used_up", "the day's questions are used up with"),
        ("not_there", "no such question is answered by"),
        ("silent", "no answer from"),
        ("not_linked", "no link to"),
    ];
    let values: BTreeSet<&str> = answers.iter().map(|one| one.value.as_str()).collect();
    let mut text = String::new();
    for value in values {
        let mut by_state: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for one in answers.iter().filter(|one| one.value == value) {
            by_state.entry(&one.state).or_default().push(plain(&one.to));
        }
        let parts = SAID.iter().filter_map(|(state, words)| Some(format!("{words} {}", by_state.get(state)?.join(", "))));
        text += &format!("{}: {}\n", plain(value), parts.collect::<Vec<_>>().join("; "));
    }
    text
}

fn allowed(views: &[SeenValueView]) -> String {
    let Some(first) = views.first() else { return String::new() };
    let with = first.with.iter().map(|name| plain(name)).collect::<Vec<_>>().join(", ");
    format!("{} may ask about {} until {}\n", with, count(views.len() as u64, "value"), time(Some(first.until)))
}

pub(super) fn lines(view: &SeenView) -> String {
    let mut text = String::new();
    let found = view.found.iter().map(|one| [time(Some(one.at)), plain(&one.peer), plain(&one.value)]).collect::<Vec<_>>();
    if !found.is_empty() {
        text += &format!("Partners have asked about what was seen here, and were told:\n{}\n", table(["AT", "BY", "VALUE"], found));
    }
    let row = |one: &SeenValueView| {
        let with = one.with.iter().map(|name| plain(name)).collect::<Vec<_>>().join(", ");
        [one.kind.to_string(), plain(&one.value), with, time(Some(one.until)), one.by.as_deref().map_or_else(|| "-".into(), plain)]
    };
    let values = table(["KIND", "VALUE", "MAY ASK", "UNTIL", "SAID BY"], view.values.iter().map(row).collect());
    text += if values.is_empty() { "nobody may ask about anything\n" } else { &values };
    let answered = view.answered.iter().map(|one| {
        let day: String = one.day.to_string().chars().take(10).collect();
        [day, plain(&one.peer), one.answered.to_string(), one.refused.to_string()]
    });
    let answered = table(["DAY", "PEER", "ANSWERED", "REFUSED"], answered.collect());
    if !answered.is_empty() {
        text += &format!("\n{answered}");
    }
    text
}
