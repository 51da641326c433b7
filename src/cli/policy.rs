//! `watchfire policy …`

use super::output::{self, count, plain, table, time};
use super::{Desk, Ended, input};
use crate::api::client::Target;
use crate::api::{PolicyText, Problem};
use crate::model::{Ceiling, Timestamp};
use crate::node::view::{AgreementView, AudienceChangeView, GroupCeilingView, PolicyCheckView, PolicyView};

/// What was agreed with each peer, and how far each group may go
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    long_about = "What was agreed with each peer, and how far each group may go\n\nA policy is a file:\n\n  [without_agreement]        # a peer that is not named below\n  class_max = \"confidential\"\n\n  [peers.smex]\n  tlp_max = \"amber+strict\"   # clear, green, amber, amber+strict, red\n  class_max = \"restricted\"   # public, confidential, restricted\n  pap_max = \"red\"            # clear, green, amber, red\n  nda = \"NDA-2026-04\"        # RESTRICTED asks for one\n  until = \"2027-06-30\"       # from the day after on only what is public\n\n  [groups.partners]\n  tlp_max = \"amber\"\n\nWhat is not named is \"red\" and \"confidential\". A policy is in force as a whole; what it does not name, it does not keep from the one before."
)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Show the policy in force
    #[command(after_help = SHOW)]
    Show {
        /// As the file that `check` and `activate` read
        #[arg(long, conflicts_with = "json")]
        toml: bool,
    },
    /// Tell which records would change audience, and change nothing
    #[command(after_help = CHECK)]
    Check {
        /// The policy; `-` reads standard input
        file: String,
    },
    /// Put a policy in force, and tell what changed
    #[command(after_help = ACTIVATE)]
    Activate {
        /// The policy; `-` reads standard input
        file: String,
        /// Do not ask, where somebody may have more than before
        #[arg(long)]
        widen: bool,
    },
}

const EXAMPLES: &str = "Examples:
  watchfire policy check policy.toml";
const SHOW: &str = "Examples:
  watchfire policy show --toml";
const CHECK: &str = "Examples:
  watchfire policy check policy.toml";
const ACTIVATE: &str = "Examples:
  watchfire policy activate policy.toml";

pub(super) async fn run(desk: &Desk, args: Args) -> Ended {
    match args.what {
        What::Show { toml } => {
            let policy: PolicyView = desk.node().get(Target::new(&["policy"])).await?;
            output::answer(desk, &policy, if toml { as_file } else { text })
        }
        What::Check { file } => {
            let ask = PolicyText { text: input::file(&file)?, widen: false };
            let check: PolicyCheckView = desk.node().post(Target::new(&["policy", "check"]), &ask).await?;
            output::answer(desk, &check, |check| changes(check, "would change"))
        }
        What::Activate { file, widen } => {
            let mut ask = PolicyText { text: input::file(&file)?, widen };
            if !widen {
                let check: PolicyCheckView = desk.node().post(Target::new(&["policy", "check"]), &ask).await?;
                ask.widen = check.widens && may_widen(&check)?;
            }
            let check: PolicyCheckView = desk.node().post(Target::new(&["policy"]), &ask).await?;
            output::answer(desk, &check, |check| format!("the policy is in force\n{}", changes(check, "changed")))
        }
    }
}

/// What has once left cannot be called back for certain, so a person says yes to it. Where nobody can be asked, the node says no.
fn may_widen(check: &PolicyCheckView) -> Result<bool, Problem> {
    Ok(input::says_yes(&changes(check, "would change"), "somebody may have more than before; put it in force?")?.unwrap_or(false))
}

/// The policy as the file that it may be edited in.
pub(super) fn as_file(policy: &PolicyView) -> String {
    let string = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let bounds = |Ceiling { tlp, class, pap }: Ceiling| {
        let [tlp, class, pap] = [tlp.name(), class.name(), pap.name()].map(string);
        format!("tlp_max = {tlp}\nclass_max = {class}\npap_max = {pap}\n")
    };
    let mut text = format!("[without_agreement]\n{}", bounds(policy.without_agreement));
    for AgreementView { org, name, ceiling, nda, until, .. } in &policy.peers {
        // By its id: names change.
        text += &format!("\n[peers.{}] # {}\n{}", string(&org.to_string()), plain(name), bounds(*ceiling));
        text.extend(nda.iter().map(|nda| format!("nda = {}\n", string(nda))));
        // The last day on which it holds.
        text.extend(until.iter().map(|until| format!("until = {}\n", string(&time(Some(Timestamp(until.0.saturating_sub(1))))[..10]))));
    }
    for GroupCeilingView { group, name, ceiling } in &policy.groups {
        text += &format!("\n[groups.{}] # {}\n{}", string(&group.to_string()), plain(name), bounds(*ceiling));
    }
    text
}

pub(super) fn text(policy: &PolicyView) -> String {
    let mut text = match policy.since {
        Some(since) => format!("policy {} since {}\n", policy.number, time(Some(since))),
        None => "no policy was activated; this holds without one\n".to_owned(),
    };
    let row = |name: String, Ceiling { tlp, class, pap }: Ceiling, rest: [String; 2]| {
        let [nda, until] = rest;
        [name, tlp.to_string(), class.to_string(), pap.to_string(), nda, until]
    };
    let none = || [String::new(), String::new()];
    let mut rows = vec![row("without agreement".into(), policy.without_agreement, none())];
    for peer in &policy.peers {
        let until = match (peer.until, peer.ended) {
            (Some(until), true) => format!("{} (ended)", time(Some(until))),
            (until, _) => until.map(|until| time(Some(until))).unwrap_or_default(),
        };
        rows.push(row(plain(&peer.name), peer.ceiling, [plain(peer.nda.as_deref().unwrap_or_default()), until]));
    }
    rows.extend(policy.groups.iter().map(|group| row(plain(&group.name), group.ceiling, none())));
    text += &table(["WHO", "TLP UP TO", "CLASS UP TO", "PAP UP TO", "NDA", "UNTIL"], rows);
    text
}

pub(super) fn changes(check: &PolicyCheckView, verb: &str) -> String {
    let looked = format!("{} looked at\n", count(check.records, "record"));
    if check.changes.is_empty() {
        return format!("no audience {verb}; {looked}");
    }
    let mut text = String::new();
    for AudienceChangeView { reader, author, audience, release, label, allowed, why, count: records, records: some } in &check.changes {
        let may = if *allowed { "may have" } else { "may not have" };
        let (reader, author, audience) = (plain(reader), plain(author), plain(audience));
        let held = release.map(|id| format!(", held as {id}")).unwrap_or_default();
        text += &format!("{reader} {may} {} {} of {author}, said to {audience}{held}: {why}\n", count(*records, "record"), label.marking());
        for record in some {
            text += &format!("  {record}\n");
        }
        if *records > some.len() as u64 {
            text += &format!("  and {} more\n", records - some.len() as u64);
        }
    }
    text + &looked
}
