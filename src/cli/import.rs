//! `watchfire import`

use super::output::{self, count, plain};
use super::unlock::Signer;
use super::{Desk, Ended, holds, input, preview, second, share};
use crate::api::Problem;
use crate::api::client::Target;
use crate::formats;
use crate::model::{Class, Label, Pap, Tlp};
use crate::node::error::{Exit, split_hint};
use crate::node::view::{ImportProgress, ImportReport};
use crate::rules::label::UNMARKED;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal};
use std::path::Path;

/// Share the indicators of files with a peer or a group
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    long_about = "Share the indicators of files with a peer or a group\n\nImporting a file twice changes nothing. Ends with 0 when at least one indicator goes out or is there already, or when there is none in the files; with 3 when the gate withheld all; with 1 when none could be read."
)]
pub(super) struct Args {
    /// The files; `-` reads standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// The label: clear, green, amber, amber+strict or red; a stricter one in a file wins
    #[arg(long, value_parser = input::tlp, default_value_t = UNMARKED)]
    tlp: Tlp,
    /// The class, where it is more than what the TLP means: restricted is for the named audience alone
    #[arg(long, value_parser = input::class)]
    class: Option<Class>,
    /// What may be done with them: clear, green (block), amber (look up), red (nothing that the attacker could notice); a stricter one in the file wins
    #[arg(long, value_parser = input::pap, default_value_t = Pap::Clear)]
    pap: Pap,
    /// The peer or group that gets them
    #[arg(long, value_name = "PEER|GROUP")]
    to: String,
    /// The files' format
    #[arg(long, default_value = "auto", value_parser = ["auto", "stix", "misp", "csv", "text"])]
    format: String,
    /// Read and judge everything, show exactly what would leave, and share nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    signer: Signer,
    /// Skip the hold; the disclosures say so
    #[arg(long)]
    now: bool,
    /// Where they come from: how much it usually sends is told by this name; imports without one count together
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
}

const EXAMPLES: &str = "Examples:
  watchfire import pegasus.stix2 --tlp green --to partners";

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    let mut total = ImportReport { dry_run: args.dry_run, ..ImportReport::default() };
    let mut failed: Option<Problem> = None;
    let unlocked = second::early(desk, &args.signer, Label::said(args.tlp, args.class, args.pap).needs_two() && !args.dry_run).await?;
    for file in &args.files {
        match one(desk, args, file).await {
            Ok(report) => total.absorb(report, (args.files.len() > 1).then_some(file)),
            // With one file there is nothing else to tell.
            Err(problem) if args.files.len() == 1 => return Err(problem),
            Err(problem) => {
                total.problem(formats::Problem { place: file.clone(), what: problem.detail.clone() });
                failed.get_or_insert(problem);
            }
        }
    }
    second::sign_all(desk, &args.signer, unlocked, &mut total.held).await?;
    output::answer(desk, &total, text)?;
    match failed {
        Some(problem) => Err(problem),
        None => Ok(exit(&total)),
    }
}

async fn one(desk: &Desk, args: &Args, file: &str) -> Result<ImportReport, Problem> {
    let mut target = Target::new(&["import"]).with("tlp", args.tlp.name()).with("to", &args.to).with("format", &args.format);
    target = target.with("pap", args.pap.name());
    if let Some(class) = args.class {
        target = target.with("class", class.name());
    }
    target = target.with("dry_run", &args.dry_run.to_string()).with("now", &args.now.to_string());
    if let Some(source) = &args.source {
        target = target.with("source", source);
    }
    if file == "-" {
        let bar = bar(None);
        let report = desk.node().import(target, input::stdin()?, |at| show(&bar, at)).await;
        bar.finish_and_clear();
        return report;
    }
    let opened = tokio::fs::File::open(file).await.map_err(|error| input::unread(file, error))?;
    let length = opened.metadata().await.map_err(|error| input::unread(file, error))?;
    if length.is_dir() {
        return Err(input::unread(file, io::ErrorKind::IsADirectory.into()));
    }
    // The name alone: a path tells who works here.
    if let Some(name) = Path::new(file).file_name().and_then(|name| name.to_str()) {
        target = target.with("file_name", name);
    }
    let bar = bar(length.is_file().then_some(length.len()));
    let report = desk.node().import(target, opened, |at| show(&bar, at)).await;
    bar.finish_and_clear();
    report
}

fn bar(length: Option<u64>) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match length {
        Some(length) => (ProgressBar::new(length), "{bar:30} {bytes}/{total_bytes}  {msg}  {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {bytes}  {msg}"),
    };
    bar.set_draw_target(ProgressDrawTarget::stderr());
    bar.with_style(ProgressStyle::with_template(template).expect("a constant template"))
}

fn show(bar: &ProgressBar, at: ImportProgress) {
    bar.set_position(at.bytes);
    bar.set_message(count(at.read, "record"));
}

pub(super) fn exit(report: &ImportReport) -> Exit {
    match (report.released + report.duplicate, report.withheld, report.invalid + report.left_out) {
        (0, 1.., _) => Exit::Refused,
        (0, 0, 1..) => Exit::Failed,
        _ => Exit::Done,
    }
}

/// So many reasons are shown, each with so many of its places; `--json` has more.
const SHOWN_MAX: usize = 20;
const PLACES_MAX: usize = 5;

pub(super) fn text(report: &ImportReport) -> String {
    let mut text = report.preview.iter().map(preview::text).collect::<String>();
    if !report.preview.is_empty() {
        text.push('\n');
    }
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for problem in &report.problems {
        match reasons.iter_mut().find(|(what, _)| *what == problem.what) {
            Some((_, places)) => places.push(&problem.place),
            None => reasons.push((&problem.what, vec![&problem.place])),
        }
    }
    for (what, places) in reasons.iter().take(SHOWN_MAX) {
        let (what, hint) = split_hint(what);
        let more = places.len().saturating_sub(PLACES_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        text += &format!("{}{more}: {}\n", plain(&places[..places.len().min(PLACES_MAX)].join(", ")), plain(&what));
        // A file's values cannot be told apart one by one with `--kind`.
        if let Some(hint) = hint.filter(|hint| !hint.contains("--kind")) {
            text += &format!("    hint: {}\n", plain(&hint));
        }
    }
    let more = reasons.iter().skip(SHOWN_MAX).map(|(_, places)| places.len() as u64).sum::<u64>() + report.problems_more;
    if more > 0 {
        text += &format!("and {} more; `--json` lists the first 1000\n", count(more, "problem"));
    }
    let held = report.held.iter().map(|hold| hold.count).sum::<u64>().min(report.released);
    let counts = [
        (held, "held"),
        (report.released - held, if report.dry_run { "would be released" } else { "released" }),
        (report.duplicate, "duplicate"),
        (report.withheld, "withheld"),
        (report.invalid, "invalid"),
    ];
    let mut counts = output::became(&counts);
    if report.left_out > 0 {
        counts += &format!(", {} no indicators", report.left_out);
    }
    text += &format!("{} read: {counts}\n", count(report.read, "record"));
    if report.ended > 0 {
        text +=
            &format!("{} of them had ended by what the file says: `watchfire lookup` finds them, and no export has them\n", report.ended);
    }
    for (label, number) in &report.relabelled {
        let replaces = if report.dry_run { "would replace" } else { "replaces" };
        text += &format!("{number} of them were shared there as TLP:{} before; the new label {replaces} it\n", label.to_uppercase());
    }
    if !report.relabelled.is_empty() {
        text += &format!("    hint: {}\n", share::RELABELLED);
    }
    if !report.replaced.is_empty() {
        text += &format!("leave without: {}\n", output::counts(&report.replaced));
    }
    if !report.kinds.is_empty() {
        text += &format!("kinds: {}\n", output::counts(&report.kinds));
    }
    text + &holds::held(&report.held)
}
