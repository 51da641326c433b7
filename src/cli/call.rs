//! `watchfire call`

use super::output::{self, facts, plain, table, time};
use super::unlock::Signer;
use super::{Desk, Ended, input};
use crate::api::client::Target;
use crate::model::language::LanguageTag;
use crate::model::vocabulary::Code;
use crate::model::{CallId, Priority, Timestamp, Tlp};
use crate::node::call::{CallRequest, CallView, CloseRequest, VolunteerView};

/// Ask a group for somebody who could help, with nothing of the case but codes
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire call list")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Open(Open),
    List(List),
    Show(Show),
    Close(Close),
}

/// Ask a group: what is to be done, where, in which language and how soon
#[derive(Debug, clap::Args)]
#[command(after_help = OPEN_EXAMPLES, long_about = OPEN_ABOUT)]
struct Open {
    /// The group that is asked
    #[arg(long, value_name = "GROUP")]
    to: String,
    /// What is to be done: a code of `watchfire vocabulary help-wanted`
    #[arg(long = "help-wanted", value_name = "CODE", required = true)]
    help_wanted: Vec<Code>,
    /// What happened: a code of `watchfire vocabulary incident-type`
    #[arg(long = "incident", value_name = "CODE")]
    incident_types: Vec<Code>,
    /// A language in which the case can be held, the best first: ar, es-MX
    #[arg(long = "language", value_name = "TAG")]
    languages: Vec<LanguageTag>,
    /// Where: a code of `watchfire vocabulary region`
    #[arg(long, value_name = "CODE")]
    region: Option<Code>,
    /// How soon: emergency, urgent or normal
    #[arg(long, value_name = "CODE", default_value = "normal")]
    priority: Priority,
    /// Until when it is open, within 14 days; a day, 3 days or a week by its priority where nothing is said
    #[arg(long, value_name = "TIME", value_parser = input::timestamp)]
    until: Option<Timestamp>,
    /// The label
    #[arg(long, value_name = "TLP", default_value = "amber")]
    tlp: Tlp,
    #[command(flatten)]
    signer: Signer,
}

const OPEN_ABOUT: &str = "Ask a group: what is to be done, where, in which language and how soon

Codes, languages and times are all that leaves. It is not held, since `watchfire call close` takes it back. Who would help says so to you alone; \
you choose with `watchfire refer --call CALL --to PEER`, and the case passes its consent and the gate as always.";

const OPEN_EXAMPLES: &str = "Examples:
  watchfire call open --to helplines --help-wanted take_over --language ar";

/// List calls, ours and others', the newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire call list --all")]
struct List {
    /// Those that are over, too
    #[arg(long)]
    all: bool,
}

/// Show a call, and who volunteers for it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire call show k7qm2xpa")]
struct Show {
    /// The call's id, or the beginning of it
    id: String,
}

/// End a call of ours: those who volunteered are told that nobody is looked for any more
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire call close k7qm2xpa")]
struct Close {
    /// The call's id, or the beginning of it
    id: String,
    #[command(flatten)]
    signer: Signer,
}

pub(super) async fn run(desk: &Desk, args: Args) -> Ended {
    let view: CallView = match args.command {
        Command::Open(Open { to, help_wanted, incident_types, languages, region, priority, until, tlp, signer }) => {
            let request = CallRequest { to, help_wanted, incident_types, languages, region, priority, until, tlp };
            let ask = signer.order(desk, "call", "", request).await?;
            desk.node().post(Target::new(&["calls"]), &ask).await?
        }
        Command::List(List { all }) => {
            let target = Target::new(&["calls"]).with("all", if all { "true" } else { "false" });
            let calls: Vec<CallView> = desk.node().get(target).await?;
            return output::answer(desk, &calls, |calls| lines(calls));
        }
        Command::Show(Show { id }) => desk.node().get(Target::new(&["calls", &id])).await?,
        Command::Close(Close { id, signer }) => {
            let ask = signer.order(desk, "call-close", &id, CloseRequest {}).await?;
            desk.node().post(Target::new(&["calls", &id, "close"]), &ask).await?
        }
    };
    output::answer(desk, &view, text)
}

fn short(id: &CallId) -> String {
    id.to_string().chars().take(8).collect()
}

pub(super) fn lines(calls: &[CallView]) -> String {
    let row = |view: &CallView| {
        let who = match (view.volunteers.len(), view.volunteered) {
            (0, None) => "-".to_owned(),
            (0, Some(_)) => "us".to_owned(),
            (many, _) => many.to_string(),
        };
        let wanted = view.help_wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        [short(&view.call), view.priority.to_string(), view.state.clone(), plain(&view.name), time(Some(view.expires)), who, wanted]
    };
    let lines = table(["ID", "PRIORITY", "STATE", "BY", "UNTIL", "VOLUNTEERS", "HELP WANTED"], calls.iter().map(row).collect());
    if lines.is_empty() { "nobody calls for help\n".into() } else { lines }
}

pub(super) fn text(view: &CallView) -> String {
    let mut lines = vec![
        ("call", view.call.to_string()),
        ("state", view.state.clone()),
        ("by", plain(&view.name)),
        ("group", plain(&view.group)),
        ("priority", view.priority.shown(view.priority_newer)),
    ];
    let all = |codes: &[Code]| codes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut also = |name, value: String| lines.extend(Some((name, value)).filter(|(_, value)| !value.is_empty()));
    also("help wanted", all(&view.help_wanted));
    also("incident", all(&view.incident_types));
    also("language", view.languages.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    also("region", view.region.as_ref().map(ToString::to_string).unwrap_or_default());
    also("since", time(Some(view.since)));
    also("until", time(Some(view.expires)));
    also("we volunteer", view.volunteered.map(|at| time(Some(at))).unwrap_or_default());
    let mut text = facts(&lines);
    if view.name == "us" && view.volunteers.is_empty() {
        text += "nobody has volunteered\n";
    }
    view.volunteers.iter().for_each(|one| text += &volunteer(one));
    if let (Some(first), "us", "open") = (view.volunteers.first(), view.name.as_str(), view.state.as_str()) {
        text += &format!("to choose: watchfire refer --file case.toml --call {} --to {}\n", short(&view.call), plain(&first.name));
    }
    text
}

fn volunteer(one: &VolunteerView) -> String {
    let score = one.score.map(|score| format!(" ({score})")).unwrap_or_default();
    let start = one.start.map(|at| format!(", could begin {}", time(Some(at)))).unwrap_or_default();
    let referral =
        one.referral.map(|id| format!(", offered as {}", id.to_string().chars().take(8).collect::<String>())).unwrap_or_default();
    let mut text = format!("{}{score}: volunteers since {}{start}{referral}\n", plain(&one.name), time(Some(one.since)));
    one.reasons.iter().for_each(|reason| text += &format!("   + {}\n", plain(reason)));
    one.warnings.iter().for_each(|warning| text += &format!("   - {}\n", plain(warning)));
    text
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{OrgId, ReferralId};

    pub(in crate::cli) fn view() -> CallView {
        CallView {
            call: CallId([7; 16]),
            org_id: OrgId([1; 32]),
            name: "us".into(),
            group: "helplines".into(),
            state: "open".into(),
            priority: Priority::Urgent,
            priority_newer: None,
            help_wanted: vec!["take_over".parse().expect("a code")],
            incident_types: vec!["account_compromise".parse().expect("a code")],
            languages: vec!["ar".parse().expect("a tag")],
            region: None,
            since: Timestamp(1_795_000_000_000),
            expires: Timestamp(1_795_259_200_000),
            volunteered: None,
            volunteers: Vec::new(),
        }
    }

    #[test]
    fn a_call_tells_who_volunteers_and_how_to_choose() {
        let mut call = view();
        let facts = "call         a4dqobyhbwdqobyhbwdqobyhbw";
        assert!(text(&call).starts_with(facts.split("a4dq").next().expect("a name")), "{}", text(&call));
        assert!(text(&call).ends_with("nobody has volunteered\n"));
        assert_eq!(lines(&[]), "nobody calls for help\n");
        call.volunteers.push(VolunteerView {
            org_id: OrgId([2; 32]),
            name: "borealis".into(),
            since: Timestamp(1_795_000_600_000),
            start: Some(Timestamp(1_795_100_000_000)),
            score: Some(870),
            reasons: vec!["does take over".into()],
            warnings: vec!["says nothing of capacity".into()],
            referral: Some(ReferralId([0; 16])),
        });
        let said = text(&call);
        let expected = "borealis (870): volunteers since 2026-11-18T11:16:40Z, could begin 2026-11-19T14:53:20Z, offered as aaaaaaaa\n   + does take over\n   \
                        - says nothing of capacity\nto choose: watchfire refer --file case.toml --call ";
        assert!(said.contains(expected), "{said}");
        assert!(lines(&[call]).contains("  1 "), "how many");
    }
}
