//! `watchfire share`

use super::output::{self, count, plain};
use super::unlock::Signer;
use super::{Desk, Ended, holds, input, preview, second};
use crate::api::client::Target;
use crate::clock::Clock;
use crate::model::{Class, ObservableKind, Pap, Timestamp, Tlp};
use crate::node::error::Exit;
use crate::node::view::{ShareReport, ShareRequest};
use crate::rules::release::Findings;

/// Share values with a peer or a group
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    long_about = "Share values with a peer or a group\n\nEnds with 0 when at least one value goes out or is there already, and with 3 when all were withheld."
)]
pub(super) struct Args {
    /// The values, defanged or not; `-` reads lines from standard input
    #[arg(required = true, value_name = "VALUE")]
    values: Vec<String>,
    /// The label: clear, green, amber, amber+strict or red
    #[arg(long, value_parser = input::tlp)]
    tlp: Tlp,
    /// The class, where it is more than what the TLP means: restricted is for the named audience alone
    #[arg(long, value_parser = input::class)]
    class: Option<Class>,
    /// What may be done with them: clear, green (block), amber (look up), red (nothing that the attacker could notice)
    #[arg(long, value_parser = input::pap, default_value_t = Pap::Clear)]
    pap: Pap,
    /// The peer or group that gets them
    #[arg(long, value_name = "PEER|GROUP")]
    to: String,
    /// Their kind; guessed from each value where it is not given
    #[arg(long, value_parser = input::kinds())]
    kind: Option<ObservableKind>,
    /// A sentence for the reader
    #[arg(long)]
    note: Option<String>,
    /// After this they leave live exports: 2027-01-31 or 2027-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = input::timestamp)]
    valid_until: Option<Timestamp>,
    /// The malware, campaign or threat actor they are tied to; once for each
    #[arg(long = "label", value_name = "NAME")]
    labels: Vec<String>,
    #[command(flatten)]
    signer: Signer,
    /// Skip the hold; the disclosure says so
    #[arg(long)]
    now: bool,
    /// Show exactly what would leave, and share nothing
    #[arg(long)]
    dry_run: bool,
}

const EXAMPLES: &str = "Examples:
  watchfire share 'hxxps://m[.]weather4free[.]com/go' weather4free.com --tlp amber --to partners";

pub(super) async fn run(desk: &Desk, args: Args) -> Ended {
    let Args { values, tlp, class, pap, to, kind, note, valid_until, labels, signer, now, dry_run } = args;
    let values = input::values(&values)?;
    if let Some(note) = valid_until.and_then(|until| over(until, Clock::system().now())) {
        output::say(&note);
    }
    let ask = ShareRequest { values, kind, tlp, class, pap, to, note, valid_until, labels, now, dry_run };
    let unlocked = second::early(desk, &signer, ask.label().needs_two() && !dry_run).await?;
    let mut report: ShareReport = desk.node().post(Target::new(&["share"]), &ask).await?;
    second::sign_all(desk, &signer, unlocked, &mut report.held).await?;
    output::answer(desk, &report, text)?;
    Ok(exit(&report))
}

/// What to say of values that are over when they leave.
pub(super) fn over(until: Timestamp, now: Timestamp) -> Option<String> {
    let at = output::time(Some(until));
    (until <= now).then(|| format!("note: `--valid-until` is {at}, which is over: readers have them as expired, in no live export"))
}

/// Refused when something was withheld and nothing got through; a matter of usage when nothing could be read.
pub(super) const fn exit(report: &ShareReport) -> Exit {
    let ShareReport { released, duplicate, withheld, invalid, .. } = report;
    match (released.is_empty() && duplicate.is_empty(), withheld.is_empty(), invalid.is_empty()) {
        (true, false, _) => Exit::Refused,
        (true, true, false) => Exit::Usage,
        _ => Exit::Done,
    }
}

/// What a new label does not undo.
pub(super) const RELABELLED: &str =
    "what was passed on under the old label stays so; `watchfire recall` takes back what should never have left";

/// What the gate found in a value that leaves.
fn found(findings: &Findings) -> String {
    let Findings { replaced, warnings, .. } = findings;
    let replaced: Vec<String> = replaced.iter().map(|one| format!("{} {} in the {}", one.count, one.kind, one.field)).collect();
    let mut text = String::new();
    if !replaced.is_empty() {
        text += &format!("           leaves without {}\n", plain(&replaced.join(", ")));
    }
    for warning in warnings {
        text += &format!("           worth a look: {}\n", plain(warning));
    }
    text
}

pub(super) fn text(report: &ShareReport) -> String {
    let mut text = report.preview.iter().map(preview::text).collect::<String>();
    let is_dry = report.dry_run;
    if !report.preview.is_empty() {
        text.push('\n');
    }
    for one in &report.released {
        let verb = match (is_dry, one.held) {
            (true, _) => "would go ",
            (false, true) => "held     ",
            (false, false) => "released ",
        };
        text += &format!("{verb}  {} {}  {}\n", one.kind, plain(&one.value), one.record);
        if let Some(before) = one.before {
            text += &format!(
                "           shared there as {} before; the new label {} it\n",
                before.marking(),
                if is_dry { "would replace" } else { "replaces" }
            );
            text += &format!("           hint: {RELABELLED}\n");
        }
        text += &found(&one.findings);
    }
    for one in &report.duplicate {
        text += &format!("duplicate  {} {}  {}\n", one.kind, plain(&one.value), one.record);
    }
    let not_out = [("withheld", &report.withheld), ("invalid", &report.invalid)];
    for (what, one) in not_out.into_iter().flat_map(|(what, list)| list.iter().map(move |one| (what, one))) {
        text += &format!("{what:9}  {}: {}\n", plain(&one.value), plain(&one.reason));
        text += &one.hint.as_ref().map(|hint| format!("           hint: {}\n", plain(hint))).unwrap_or_default();
    }
    let held = report.released.iter().filter(|one| one.held).count() as u64;
    let counts = [
        (held, "held"),
        (report.released.len() as u64 - held, if is_dry { "would be released" } else { "released" }),
        (report.duplicate.len() as u64, "duplicate"),
        (report.withheld.len() as u64, "withheld"),
        (report.invalid.len() as u64, "invalid"),
    ];
    let total = counts.iter().map(|(number, _)| number).sum();
    text + &format!("{}: {}\n", count(total, "value"), output::became(&counts)) + &holds::held(&report.held)
}
