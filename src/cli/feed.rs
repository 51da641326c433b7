//! `watchfire feed …`

use super::output::{self, count, facts, plain, table, time};
use super::unlock::Signer;
use super::{Desk, Ended, input};
use crate::api::client::Target;
use crate::model::Tlp;
use crate::node::error::Exit;
use crate::node::feeds::{Counts, FeedAdd, FeedRun, FeedRunView, FeedView, Kind, Terms, WellKnown};
use std::path::PathBuf;

/// What partners publish, taken in unattended
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, long_about = ABOUT)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Add one; it is read at once, and then by its schedule
    #[command(after_help = ADD)]
    Add(Add),
    /// Show them: how each is, and how far behind
    #[command(after_help = LIST)]
    List,
    /// Show one, with what is wrong with it
    #[command(after_help = SHOW)]
    Show {
        /// Which
        name: String,
    },
    /// Read one now
    #[command(after_help = RUN)]
    Run {
        /// Which
        name: String,
        /// Take nothing, and tell what would be taken
        #[arg(long)]
        dry_run: bool,
        /// Believe it when much of what it had is gone at once, and read all of it again
        #[arg(long)]
        accept_removals: bool,
        #[command(flatten)]
        signer: Signer,
    },
    /// Leave one alone until it is resumed
    #[command(after_help = PAUSE)]
    Pause {
        /// Which
        name: String,
        #[command(flatten)]
        signer: Signer,
    },
    /// Read one by its schedule again
    #[command(after_help = RESUME)]
    Resume {
        /// Which
        name: String,
        #[command(flatten)]
        signer: Signer,
    },
    /// End one, and take back all that it says
    #[command(after_help = REMOVE)]
    Remove {
        /// Which
        name: String,
        #[command(flatten)]
        signer: Signer,
    },
}

#[derive(Debug, clap::Args)]
struct Add {
    /// What it is called here: small letters, digits, `.`, `-` and `_`
    name: String,
    /// Its address, or a folder
    #[arg(value_name = "URL|DIR")]
    at: String,
    /// What it is: `list` (a file of STIX, MISP, CSV or text), `folder`, `misp-feed`, `taxii`, `misp` (a MISP server, asked with a key), `misp-push` (one that is written into); a folder where it begins with `/`, else a list
    #[arg(long, value_parser = ["list", "folder", "misp-feed", "taxii", "misp", "misp-push"])]
    kind: Option<String>,
    /// How often it is read, give or take a tenth
    #[arg(long, value_name = "TIME", value_parser = every, default_value = "1h")]
    every: u64,
    /// The label of what it says; a stricter one of its own stays
    #[arg(long, value_name = "TLP", value_parser = input::tlp, default_value = "amber+strict")]
    tlp: Tlp,
    /// Its word on how sure it is counts up to here, of 100
    #[arg(long, value_name = "NUMBER")]
    confidence_max: Option<u8>,
    /// Take also what the release gate would refuse or ask a person about: what warninglists name, what is reserved, ours, or a partner's
    #[arg(long)]
    take_well_known: bool,
    /// Its own address may be one of this machine or its neighbours
    #[arg(long)]
    allow_local: bool,
    /// A file of mode 0600 with what stands in `Authorization`: a key, `Bearer TOKEN`, or `Basic USER:PASSWORD`
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// A file with the certificates to trust in place of the system's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Pass what it says on to this peer or group by itself, as our word, through the release gate: needs `--tlp clear` or `green`
    #[arg(long, value_name = "PEER|GROUP")]
    to: Option<String>,
    /// Of `misp-push`: what was said in this group is written there; may be given several times
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Of `misp-push`: nothing of a stricter label leaves; green where it is not given
    #[arg(long, value_name = "TLP", value_parser = input::tlp)]
    tlp_max: Option<Tlp>,
    #[command(flatten)]
    signer: Signer,
}

const ABOUT: &str = "What partners publish, taken in unattended

What a feed says is kept here, under its own name and label, and goes to nobody but where `--to` passes it on: else a person shares what is to be shared. \
What its source takes back, or does not say any more, is taken back here and there, but for what somebody else says too. `misp-push` goes the other way: what groups share is written into a MISP server. \
docs/feeds.md has what each kind is asked, and what is refused.";

const EXAMPLES: &str = "Examples:
  watchfire feed list";
const ADD: &str = "Examples:
  watchfire feed add drop \"$PWD/drop\" --tlp green --every 6h";
const LIST: &str = "Examples:
  watchfire feed list";
const SHOW: &str = "Examples:
  watchfire feed show drop";
const RUN: &str = "Examples:
  watchfire feed run drop --dry-run";
const PAUSE: &str = "Examples:
  watchfire feed pause drop";
const RESUME: &str = "Examples:
  watchfire feed resume drop";
const REMOVE: &str = "Examples:
  watchfire feed remove drop";

/// `90s`, `15m`, `6h`, `1d`: in seconds.
fn every(text: &str) -> Result<u64, String> {
    let bad = || format!("`{}` is no time, like 15m, 6h or 1d", text.escape_debug());
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(bad)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(bad()),
    };
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).filter(|seconds| *seconds > 0).ok_or_else(bad)
}

pub(super) async fn run(desk: &Desk, args: Args) -> Ended {
    match args.what {
        What::Add(add) => {
            let Add {
                name,
                at,
                kind,
                every,
                tlp,
                confidence_max,
                take_well_known,
                allow_local,
                secret_file,
                ca_file,
                to,
                groups,
                tlp_max,
                signer,
            } = add;
            let kind = match &kind {
                Some(kind) => Kind::ALL.into_iter().find(|one| one.name() == kind),
                None if at.starts_with('/') => Some(Kind::Folder),
                None => Some(Kind::List),
            };
            let well_known = if take_well_known { WellKnown::Take } else { WellKnown::LeaveOut };
            let kind = kind.unwrap_or(Kind::List);
            let terms =
                Terms { kind, at, every_s: every, tlp, confidence_max, well_known, allow_local, secret_file, ca_file, to, groups, tlp_max };
            let ask = signer.order(desk, "feed-add", "", FeedAdd { name, terms }).await?;
            let view: FeedView = desk.node().post(Target::new(&["feeds"]), &ask).await?;
            output::answer(desk, &view, show_text)
        }
        What::List => {
            let view: Vec<FeedView> = desk.node().get(Target::new(&["feeds"])).await?;
            output::answer(desk, &view, |view| list_text(view))
        }
        What::Show { name } => {
            let view: FeedView = desk.node().get(Target::new(&["feeds", &name])).await?;
            output::answer(desk, &view, show_text)
        }
        What::Run { name, dry_run, accept_removals, signer } => {
            let ask = signer.order(desk, "feed-run", &name, FeedRun { dry_run, accept_removals }).await?;
            let view: FeedRunView = desk.node().post(Target::new(&["feeds", &name, "run"]), &ask).await?;
            output::answer(desk, &view, run_text)?;
            Ok(if view.fault.is_some() { Exit::Failed } else { Exit::Done })
        }
        What::Pause { name, signer } => {
            let ask = signer.order(desk, "feed-pause", &name, ()).await?;
            let view: FeedView = desk.node().post(Target::new(&["feeds", &name, "pause"]), &ask).await?;
            output::answer(desk, &view, |view| format!("{}: paused; what it says stays\n", view.name))
        }
        What::Resume { name, signer } => {
            let ask = signer.order(desk, "feed-resume", &name, ()).await?;
            let view: FeedView = desk.node().post(Target::new(&["feeds", &name, "resume"]), &ask).await?;
            output::answer(desk, &view, |view| format!("{}: read again from now on\n", view.name))
        }
        What::Remove { name, signer } => {
            let ask = signer.order(desk, "feed-remove", &name, ()).await?;
            let view: FeedView = desk.node().post(Target::new(&["feeds", &name, "remove"]), &ask).await?;
            output::answer(desk, &view, |view| format!("{}: removed; {} taken back\n", view.name, count(view.records, "indicator")))
        }
    }
}

fn state(view: &FeedView) -> String {
    match &view.fault {
        Some(fault) if view.state == "failing" => format!("failing ({})", plain(&fault.code)),
        _ if view.running => format!("{}, being read", view.state),
        _ if view.not_passed.is_some() => format!("{}, not passed on", view.state),
        _ => view.state.clone(),
    }
}

/// `5 min`, `3 h`, `2 d`.
fn lag(seconds: Option<u64>) -> String {
    match seconds {
        None => "-".into(),
        Some(seconds) if seconds < 7_200 => format!("{} min", seconds / 60),
        Some(seconds) if seconds < 172_800 => format!("{} h", seconds / 3_600),
        Some(seconds) => format!("{} d", seconds / 86_400),
    }
}

pub(super) fn list_text(views: &[FeedView]) -> String {
    let row = |one: &FeedView| {
        let (kind, label) = (one.terms.kind.name().to_owned(), one.terms.tlp.to_string());
        [plain(&one.name), kind, label, state(one), one.records.to_string(), lag(one.lag_s), time(one.next)]
    };
    table(["FEED", "KIND", "LABEL", "STATE", "INDICATORS", "BEHIND", "NEXT"], views.iter().map(row).collect())
}

pub(super) fn show_text(view: &FeedView) -> String {
    let terms = &view.terms;
    let mut rows = vec![
        ("feed", plain(&view.name)),
        ("kind", terms.kind.name().to_owned()),
        ("at", plain(&terms.at)),
        ("label", terms.tlp.to_string()),
        ("state", state(view)),
        ("indicators", view.records.to_string()),
        ("behind", lag(view.lag_s)),
        ("last tried", time(view.tried)),
        ("last read", time(view.succeeded)),
        ("last news", time(view.news)),
        ("next", time(view.next)),
    ];
    if terms.well_known == WellKnown::Take {
        rows.push(("well known", "taken too".into()));
    }
    if let Some(most) = terms.confidence_max {
        rows.push(("confidence", format!("up to {most}")));
    }
    if let Some(to) = &terms.to {
        rows.push(("passed on to", format!("{}: {} of these", plain(to), view.passed)));
    }
    if terms.kind == Kind::MispPush {
        let groups: Vec<String> = terms.groups.iter().map(|group| plain(group)).collect();
        rows.push(("written there", format!("what {} says, up to {}", groups.join(", "), terms.tlp_max.unwrap_or(Tlp::Green))));
    }
    if terms.allow_local {
        rows.push(("address", "may be one of this machine or its neighbours".into()));
    }
    let mut text = facts(&rows);
    if let Some(fault) = &view.fault {
        let tries = if view.failures == 1 { "the last try".to_owned() } else { format!("the last {} tries", view.failures) };
        text += &format!("{tries} came to nothing: {}\n", output::below(&fault.text, 2).trim_start());
    }
    if let Some(reason) = &view.not_passed {
        text += &format!("not passed on: {}\n", output::below(reason, 2).trim_start());
    }
    text
}

pub(super) fn run_text(view: &FeedRunView) -> String {
    let counts = view.counts;
    let became = output::became(&[
        (counts.new, "new"),
        (counts.changed, "changed"),
        (counts.unchanged, "as before"),
        (counts.gone, "gone"),
        (counts.left_out, "left out"),
    ]);
    let tried = if view.dry_run { " (nothing was taken)" } else { "" };
    let mut text = format!("{}{tried}: {became}\n", plain(&view.name));
    let Counts { passed, asked, kept_back, unsaid, .. } = counts;
    if passed + asked + kept_back + unsaid > 0 {
        let asks = if asked > 0 { " (`watchfire holds`)" } else { "" };
        text += &format!("passed on: {passed}; {asked} once somebody says yes{asks}, {kept_back} kept back, {unsaid} taken back there\n");
    }
    for problem in &view.problems {
        text += &format!("  {}: {}\n", plain(&problem.place), output::below(&problem.what, 4).trim_start());
    }
    if let Some(fault) = &view.fault {
        text += &format!("it broke off: {}\n", output::below(&fault.text, 2).trim_start());
    }
    text
}
