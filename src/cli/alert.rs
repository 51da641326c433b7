//! `watchfire alert`

use super::output::{self, facts, plain, table, time};
use super::unlock::Signer;
use super::{Desk, Ended, holds, input, preview, second};
use crate::api::client::Target;
use crate::model::country::Country;
use crate::model::vocabulary::Code;
use crate::model::{AlertId, Priority, Timestamp, Tlp};
use crate::node::alert::{AlertRequest, AlertView, PublishedView, ReadRequest, WithdrawRequest};

/// Warn others of something that goes on, and see which referrals here others' alerts concern
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire alert list")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Publish(Box<Publish>),
    List(List),
    Show(Show),
    Read(Read),
    Withdraw(Withdraw),
}

/// Warn a peer or a group: of what, where, and what to do about it
#[derive(Debug, clap::Args)]
#[command(after_help = PUBLISH_EXAMPLES, long_about = PUBLISH_ABOUT)]
struct Publish {
    /// The peer or group
    #[arg(long, value_name = "PEER|GROUP")]
    to: String,
    /// Of what: a code of `watchfire vocabulary incident-type`
    #[arg(long = "incident", value_name = "CODE", required = true)]
    incident_types: Vec<Code>,
    /// For which country, in two letters; with none of these and no region for everywhere
    #[arg(long = "country", value_name = "COUNTRY")]
    countries: Vec<Country>,
    /// For which region: a code of `watchfire vocabulary region`
    #[arg(long = "region", value_name = "CODE")]
    regions: Vec<Code>,
    /// How pressing it is: emergency, urgent or normal
    #[arg(long, value_name = "CODE", default_value = "normal")]
    priority: Priority,
    /// What goes on, in a line of up to 120 characters
    #[arg(long, value_name = "TEXT")]
    headline: String,
    /// What to do about it, in up to 2,000 characters; `-` reads standard input
    #[arg(long, value_name = "TEXT", default_value = "")]
    advice: String,
    /// Until when it holds, within 90 days; two weeks where nothing is said
    #[arg(long, value_name = "TIME", value_parser = input::timestamp)]
    until: Option<Timestamp>,
    /// A value to look for
    #[arg(long = "indicator", value_name = "VALUE")]
    indicators: Vec<String>,
    /// The label
    #[arg(long, value_name = "TLP", default_value = "amber")]
    tlp: Tlp,
    #[command(flatten)]
    signer: Signer,
    /// Skip the hold
    #[arg(long)]
    now: bool,
    /// Show exactly what would leave, and publish nothing
    #[arg(long)]
    dry_run: bool,
}

const PUBLISH_ABOUT: &str = "Warn a peer or a group: of what, where, and what to do about it

Headline and advice pass the detectors, values what is asked of indicators; it is held as whatever is shared, and `watchfire undo` drops it. \
A lead or a director publishes. Each reader's own node looks which of its cases it concerns; nobody learns which those are.";

const PUBLISH_EXAMPLES: &str = "Examples:
  watchfire alert publish --to helplines --incident malware --headline 'a lure for lawyers'";

/// List the alerts that hold, ours and others', the newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire alert list --all")]
struct List {
    /// Those that do not hold any more, too
    #[arg(long)]
    all: bool,
}

/// Show an alert, and which open referrals here it concerns
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire alert show k7qm2xpa")]
struct Show {
    /// The alert's id, or the beginning of it
    id: String,
}

/// Say that a person here has read an alert
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire alert read k7qm2xpa")]
struct Read {
    /// The alert's id, or the beginning of it
    id: String,
    #[command(flatten)]
    signer: Signer,
}

/// Take an alert of ours back: it does not hold any more
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire alert withdraw k7qm2xpa")]
struct Withdraw {
    /// The alert's id, or the beginning of it
    id: String,
    /// It should never have left: every holder destroys it
    #[arg(long)]
    recall: bool,
    #[command(flatten)]
    signer: Signer,
}

pub(super) async fn run(desk: &Desk, args: Args) -> Ended {
    let view: AlertView = match args.command {
        Command::Publish(args) => return publish(desk, *args).await,
        Command::List(List { all }) => {
            let target = Target::new(&["alerts"]).with("all", if all { "true" } else { "false" });
            let alerts: Vec<AlertView> = desk.node().get(target).await?;
            return output::answer(desk, &alerts, |alerts| lines(alerts));
        }
        Command::Show(Show { id }) => desk.node().get(Target::new(&["alerts", &id])).await?,
        Command::Read(Read { id, signer }) => {
            let ask = signer.order(desk, "alert-read", &id, ReadRequest {}).await?;
            desk.node().post(Target::new(&["alerts", &id, "read"]), &ask).await?
        }
        Command::Withdraw(Withdraw { id, recall, signer }) => {
            let ask = signer.order(desk, "alert-withdraw", &id, WithdrawRequest { recall }).await?;
            desk.node().post(Target::new(&["alerts", &id, "withdraw"]), &ask).await?
        }
    };
    output::answer(desk, &view, text)
}

async fn publish(desk: &Desk, args: Publish) -> Ended {
    let Publish { to, incident_types, countries, regions, priority, headline, advice, until, indicators, tlp, signer, now, dry_run } = args;
    let advice = input::sentence(&advice)?;
    let (class, pap) = (None, None);
    let request = AlertRequest {
        to,
        incident_types,
        countries,
        regions,
        priority,
        headline,
        advice,
        until,
        indicators,
        tlp,
        class,
        pap,
        now,
        dry_run,
    };
    let unlocked = second::early(desk, &signer, request.label().needs_two() && !dry_run).await?;
    let ask = signer.order(desk, "alert", "", request).await?;
    let mut view: PublishedView = desk.node().post(Target::new(&["alerts"]), &ask).await?;
    let mut held: Vec<_> = view.held.take().into_iter().collect();
    second::sign_all(desk, &signer, unlocked, &mut held).await?;
    view.held = held.pop();
    output::answer(desk, &view, published)
}

fn published(view: &PublishedView) -> String {
    let mut text = view.preview.as_ref().map(preview::text).unwrap_or_default();
    text += &format!("{}: {}\n", view.alert, view.state);
    for replaced in &view.findings.replaced {
        text += &format!("{} replaced in {}: {}\n", replaced.count, replaced.field, replaced.kind);
    }
    view.findings.warnings.iter().for_each(|warning| text += &format!("warning: {}\n", plain(warning)));
    text + &view.held.as_ref().map(|hold| holds::held(std::slice::from_ref(hold))).unwrap_or_default()
}

fn short(id: &AlertId) -> String {
    id.to_string().chars().take(8).collect()
}

pub(super) fn lines(alerts: &[AlertView]) -> String {
    let row = |view: &AlertView| {
        let read = if view.read.is_some() { "yes" } else { "no" };
        let matches = view.matches.len().to_string();
        let (priority, state) = (view.priority.to_string(), view.state.clone());
        let until = time(Some(view.valid_until));
        [short(&view.alert), priority, state, plain(&view.name), until, read.into(), matches, plain(&view.headline)]
    };
    let lines = table(["ID", "PRIORITY", "STATE", "BY", "UNTIL", "READ", "CONCERNS", "HEADLINE"], alerts.iter().map(row).collect());
    if lines.is_empty() { "no alert holds\n".into() } else { lines }
}

pub(super) fn text(view: &AlertView) -> String {
    let all = |words: Vec<String>| words.join(", ");
    let mut lines = vec![
        ("alert", view.alert.to_string()),
        ("headline", plain(&view.headline)),
        ("state", view.state.clone()),
        ("by", plain(&view.name)),
        ("to", plain(&view.audience)),
        ("priority", view.priority.shown(view.priority_newer)),
        ("incident", all(view.incident_types.iter().map(ToString::to_string).collect())),
    ];
    let places = view.countries.iter().map(ToString::to_string).chain(view.regions.iter().map(ToString::to_string)).collect::<Vec<_>>();
    lines.push(("for", if places.is_empty() { "everywhere".into() } else { all(places) }));
    lines.push(("since", time(Some(view.since))));
    lines.push(("until", time(Some(view.valid_until))));
    lines.extend(view.read.map(|at| ("read", time(Some(at)))));
    lines.extend(view.read_by.clone().map(|by| ("read by", by)));
    let mut text = facts(&lines);
    // Each line of it stands in, so that nobody writes what looks like a line of ours.
    view.advice.lines().for_each(|line| text += &format!("    {}\n", plain(line)));
    view.indicators.iter().for_each(|one| text += &format!("look for {} {}\n", one.kind, plain(&one.value)));
    view.matches.iter().for_each(|id| text += &format!("concerns referral {}\n", id.to_string().chars().take(8).collect::<String>()));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{OrgId, ReferralId};
    use crate::node::alert::ValueView;

    #[test]
    fn an_alert_tells_what_to_do_and_which_referrals_it_concerns_and_nobody_forges_a_line() {
        let view = AlertView {
            alert: AlertId([0; 16]),
            org_id: OrgId([1; 32]),
            name: "borealis".into(),
            audience: "helplines".into(),
            state: "valid".into(),
            priority: Priority::Urgent,
            priority_newer: None,
            incident_types: vec!["malware".parse().expect("a code")],
            countries: vec!["LB".parse().expect("a country")],
            regions: Vec::new(),
            headline: "a lure\u{1b}[2J for lawyers".into(),
            advice: "look at the logs\nconcerns referral aaaa".into(),
            indicators: vec![ValueView { kind: "domain".into(), value: "evil.example".into() }],
            since: Timestamp(1_795_000_000_000),
            valid_until: Timestamp(1_795_259_200_000),
            read: None,
            read_by: None,
            matches: vec![ReferralId([0; 16])],
        };
        let said = text(&view);
        assert!(!said.contains('\u{1b}'), "{said}");
        let end = "    look at the logs\n    concerns referral aaaa\nlook for domain evil.example\nconcerns referral aaaaaaaa\n";
        assert!(said.ends_with(end), "{said}");
        assert!(said.contains("LB") && lines(&[view]).contains("borealis"));
        assert_eq!(lines(&[]), "no alert holds\n");
    }
}
