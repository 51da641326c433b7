//! `watchfire notify`

use super::output::{self, table, time};
use super::{Desk, Ended};
use crate::api::TestRequest;
use crate::api::client::Target;
use crate::node::error::Exit;
use crate::node::notify::{NoticesView, Tried};

/// See how people are told that something waits, and try it
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    long_about = "See how people are told that something waits, and try it\n\nA notice says what kind of thing happened, the short id of the referral, its priority and when: no name, no organisation, no text. `[[notify.channel]]` in watchfire.toml says by what programs, webhooks, mails and chats people are told."
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  watchfire notify test";

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Send a test by a channel, or by all, and say what became of it
    #[command(after_help = "Examples:\n  watchfire notify test mail")]
    Test {
        /// The channel, as the settings call it; all where none is given
        channel: Option<String>,
    },
    /// List the channels, and the notices that wait, fail or were given up
    #[command(after_help = "Examples:\n  watchfire notify list --json")]
    List,
}

pub(super) async fn run(desk: &Desk, args: Args) -> Ended {
    match args.command {
        Command::List => {
            let view: NoticesView = desk.node().get(Target::new(&["notify"])).await?;
            output::answer(desk, &view, text)
        }
        Command::Test { channel } => {
            let tried: Vec<Tried> = desk.node().post(Target::new(&["notify", "test"]), &TestRequest { channel }).await?;
            output::answer(desk, &tried, |tried| tried_text(tried))?;
            Ok(if tried.iter().all(|one| one.delivered) { Exit::Done } else { Exit::Failed })
        }
    }
}

pub(super) fn text(view: &NoticesView) -> String {
    if view.channels.is_empty() && view.notices.is_empty() {
        return "nobody is told of anything: there is no channel\n".into();
    }
    let channels = view.channels.iter().map(|one| {
        let counts = [one.waiting, one.failing, one.given_up].map(|count| count.to_string());
        let [waiting, failing, given_up] = counts;
        [one.name.clone(), one.kind.clone(), one.minimum.clone(), one.roles.join(", "), waiting, failing, given_up]
    });
    let notices = view.notices.iter().map(|one| {
        let referral = one.referral.map_or_else(|| "-".into(), |id| id.to_string());
        let (problem, state) = (one.problem.clone().unwrap_or_default(), one.state.words().into());
        [one.channel.clone(), one.event.clone(), referral, state, time(Some(one.queued)), one.failed.to_string(), time(one.next), problem]
    });
    let notices = table(["CHANNEL", "EVENT", "REFERRAL", "STATE", "SINCE", "TRIES", "NEXT", "PROBLEM"], notices.collect());
    let channels = table(["CHANNEL", "KIND", "TAKES", "FOR", "WAITING", "FAILING", "GIVEN UP"], channels.collect());
    match notices.is_empty() {
        true => channels,
        false => format!("{channels}\n{notices}"),
    }
}

pub(super) fn tried_text(tried: &[Tried]) -> String {
    let rows = tried.iter().map(|one| {
        let outcome = if one.delivered { "delivered" } else { "not delivered" };
        [one.channel.clone(), outcome.into(), one.problem.clone().unwrap_or_default()]
    });
    table(["CHANNEL", "OUTCOME", "PROBLEM"], rows.collect())
}
