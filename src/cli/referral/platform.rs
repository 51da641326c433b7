//! `watchfire platform`

use crate::api::client::Target;
use crate::cli::output::{self, due, facts, plain, table, time};
use crate::cli::unlock::Signer;
use crate::cli::{Desk, Ended};
use crate::model::platform::Reference;
use crate::model::vocabulary::Code;
use crate::node::referral::{AnswerRequest, PingRequest, PlatformRequest, PlatformView};

/// Note that a platform was asked for something about a case, and be reminded until it answers
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire platform list")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Open(Open),
    Ping(Ping),
    Answer(Answer),
    List(List),
}

/// Note that a platform was asked
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  watchfire platform open k7qm2xpa --platform facebook --channel web_form --reference 1-2938471",
    long_about = "Note that a platform was asked\n\nThe consent has to allow platforms. All of it stays here, and goes with the case; a partner for whom we work on it is told that a platform is waited for, and no more. Nobody's name belongs in it, at the platform neither. Its clock says when to ask again (docs/escalation.md)."
)]
struct Open {
    /// The referral's id, or the beginning of it
    referral: String,
    /// Which platform, of the list `platform`, or one that the case names
    #[arg(long, value_name = "CODE")]
    platform: Code,
    /// How it was asked, of the list `platform-channel`
    #[arg(long, value_name = "CODE")]
    channel: Code,
    /// What the platform calls the case; once for each, up to 5
    #[arg(long = "reference", value_name = "REF")]
    references: Vec<Reference>,
    #[command(flatten)]
    signer: Signer,
}

/// Note that a platform was asked again; its clock begins anew
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire platform ping k7qm2xpa")]
struct Ping {
    /// The escalation's id, or the beginning of it
    id: String,
    /// What the platform calls the case now, too
    #[arg(long = "reference", value_name = "REF")]
    references: Vec<Reference>,
    #[command(flatten)]
    signer: Signer,
}

/// Note what a platform answered, or that it is not waited for any more
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire platform answer k7qm2xpa --outcome account_recovered")]
struct Answer {
    /// The escalation's id, or the beginning of it
    id: String,
    /// What came of it, of the list `platform-outcome`; `platform_unresponsive` is no answer
    #[arg(long, value_name = "CODE")]
    outcome: Code,
    #[command(flatten)]
    signer: Signer,
}

/// List what platforms were asked for: what waits first, then the newest
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire platform list")]
struct List {
    /// In this referral alone: its id or the beginning of it
    referral: Option<String>,
}

pub(crate) async fn run(desk: &Desk, args: Args) -> Ended {
    let view: PlatformView = match args.command {
        Command::Open(Open { referral, platform, channel, references, signer }) => {
            let ask = signer.order(desk, "platform-open", &referral, PlatformRequest { platform, channel, references }).await?;
            desk.node().post(Target::new(&["referrals", &referral, "platforms"]), &ask).await?
        }
        Command::Ping(Ping { id, references, signer }) => {
            let ask = signer.order(desk, "platform-ping", &id, PingRequest { references }).await?;
            desk.node().post(Target::new(&["platforms", &id, "ping"]), &ask).await?
        }
        Command::Answer(Answer { id, outcome, signer }) => {
            let ask = signer.order(desk, "platform-answer", &id, AnswerRequest { outcome }).await?;
            desk.node().post(Target::new(&["platforms", &id, "answer"]), &ask).await?
        }
        Command::List(List { referral }) => {
            let target = Target::new(&["platforms"]);
            let target = match &referral {
                Some(referral) => target.with("referral", referral),
                None => target,
            };
            let all: Vec<PlatformView> = desk.node().get(target).await?;
            return output::answer(desk, &all, |all| lines(all));
        }
    };
    output::answer(desk, &view, text)
}

fn references(view: &PlatformView) -> String {
    view.references.iter().map(Reference::as_str).collect::<Vec<_>>().join(", ")
}

pub(crate) fn lines(all: &[PlatformView]) -> String {
    let row = |view: &PlatformView| {
        let referral: String = view.referral.to_string().chars().take(8).collect();
        let outcome = view.outcome.as_ref().map_or_else(|| view.state.clone(), ToString::to_string);
        [
            view.escalation.to_string(),
            referral,
            view.platform.to_string(),
            view.channel.to_string(),
            references(view),
            time(Some(view.opened)),
            view.pinged.len().to_string(),
            due(view.due, view.overdue),
            outcome,
        ]
    };
    let head = ["ID", "REFERRAL", "PLATFORM", "CHANNEL", "REFERENCES", "ASKED", "AGAIN", "DUE", "OUTCOME"];
    let lines = table(head, all.iter().map(row).collect());
    if lines.is_empty() { "no platform was asked\n".into() } else { lines }
}

pub(crate) fn text(view: &PlatformView) -> String {
    let mut lines = vec![
        ("escalation", view.escalation.to_string()),
        ("referral", view.referral.to_string()),
        ("state", view.state.clone()),
        ("platform", view.platform.to_string()),
        ("channel", view.channel.to_string()),
        ("asked", time(Some(view.opened))),
    ];
    let mut also = |name, value: Option<String>| lines.extend(value.map(|value| (name, value)));
    also("by", view.by.clone());
    also("references", Some(references(view)).filter(|text| !text.is_empty()));
    also("asked again", Some(view.pinged.iter().map(|at| time(Some(*at))).collect::<Vec<_>>().join(", ")).filter(|text| !text.is_empty()));
    also("due", view.answered.is_none().then(|| due(view.due, view.overdue)));
    also("answered", view.answered.map(|at| time(Some(at))));
    also("outcome", view.outcome.as_ref().map(ToString::to_string));
    let partners: Vec<String> = view.partners.iter().map(|name| plain(name)).collect();
    also("who else reaches it", Some(partners.join(", ")).filter(|text| !text.is_empty()));
    facts(&lines)
}
