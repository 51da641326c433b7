//! `watchfire disclosures`

use super::output::{self, count, table, time};
use super::{Desk, Ended, input};
use crate::api::client::Target;
use crate::api::{Problem, hash_of};
use crate::model::Timestamp;
use crate::node::disclosures::verify_file;
use crate::node::error::{Exit, NodeError};
use crate::node::view::{ChainView, DisclosureView};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// List what left, to whom, under which label and which rules
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// From this number on
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    from: u64,
    /// At most so many, up to 1000
    #[arg(long, default_value_t = 1_000, value_name = "COUNT")]
    limit: u64,
    /// Only those that a record of ours left with: its id or its value
    #[arg(long, value_name = "ID|VALUE")]
    record: Option<String>,
    /// Only those that went to this peer, in a group too, or to this group
    #[arg(long, value_name = "PEER|GROUP")]
    to: Option<String>,
    /// Only from this time on: 2027-01-31 or 2027-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = input::timestamp)]
    since: Option<Timestamp>,
    /// Only up to this time
    #[arg(long, value_name = "TIME", value_parser = input::timestamp)]
    until: Option<Timestamp>,
    /// Write all of them to a file that `watchfire disclosures verify FILE` checks anywhere; `-` writes standard output
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "limit", "record", "to", "since", "until"])]
    export: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  watchfire disclosures --limit 20";

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check that no line was changed, taken out or put in
    #[command(
        after_help = "Examples:\n  watchfire disclosures verify",
        long_about = "Check that no line was changed, taken out or put in\n\nChecks the running node's lines, or those of a file that `--export` wrote, without a node. A chain that was cut at its end still holds: write its head down elsewhere, and give it with `--head`. Ends with 7 and the first wrong position when it does not hold."
    )]
    Verify {
        /// A file that `watchfire disclosures --export` wrote; `-` reads standard input
        file: Option<String>,
        /// A head that was written down earlier; it must be in the chain
        #[arg(long, value_name = "HASH")]
        head: Option<String>,
    },
}

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    if let Some(Command::Verify { file, head }) = &args.command {
        return verify(desk, file.as_deref(), head.as_deref()).await;
    }
    if let Some(path) = &args.export {
        return export(desk, path).await;
    }
    let mut target = Target::new(&["disclosures"]).with("from", &args.from.to_string()).with("limit", &args.limit.to_string());
    let (since, until) = (args.since.map(|at| at.to_string()), args.until.map(|at| at.to_string()));
    for (key, value) in [("record", &args.record), ("to", &args.to), ("since", &since), ("until", &until)] {
        if let Some(value) = value {
            target = target.with(key, value);
        }
    }
    let disclosures: Vec<DisclosureView> = desk.node().get(target).await?;
    let is_search = [&args.record, &args.to, &since, &until].iter().any(|wanted| wanted.is_some());
    output::answer(desk, &disclosures, |disclosures| if is_search { found(disclosures) } else { text(disclosures) })
}

pub(super) fn text(disclosures: &[DisclosureView]) -> String {
    if disclosures.is_empty() { "nothing has left\n".into() } else { found(disclosures) }
}

/// As [`text`], of what was looked for.
pub(super) fn found(disclosures: &[DisclosureView]) -> String {
    if disclosures.is_empty() {
        return "no disclosure is like that\n".into();
    }
    let rows = disclosures.iter().map(|one| {
        let (number, count, tlp) = (one.number.to_string(), one.count.to_string(), one.label.to_string());
        let release = one.release.map_or_else(|| "-".into(), |release| release.to_string());
        let digest = one.digest.chars().take(16).collect();
        let held = if one.now { "no" } else { "yes" };
        [number, time(Some(one.at)), one.audience_name.clone(), tlp, one.kind.clone(), count, digest, release, held.into()]
    });
    table(["NUMBER", "AT", "TO", "TLP", "KIND", "RECORDS", "DIGEST", "RELEASE", "HELD"], rows.collect())
}

/// Into a file of its owner's, since it says who got what; it is replaced when all is there.
async fn export(desk: &Desk, path: &Path) -> Ended {
    let target = Target::new(&["disclosures", "export"]);
    if path.as_os_str() == "-" {
        desk.node().download(target, &mut input::stdout()?).await?;
        return Ok(Exit::Done);
    }
    let failed = |error: std::io::Error| NodeError::io(format!("write `{}`", path.display()), error);
    let temporary = output::beside(path, &mut tempfile::Builder::new())?;
    let mut file = tokio::fs::File::from_std(temporary.reopen().map_err(failed)?);
    desk.node().download(target, &mut file).await?;
    file.sync_all().await.map_err(failed)?;
    temporary.persist(path).map_err(|error| failed(error.error))?;
    Ok(Exit::Done)
}

async fn verify(desk: &Desk, file: Option<&str>, head: Option<&str>) -> Ended {
    let view = match file {
        Some(name) => of_file(name, head.map(hash_of).transpose()?)?,
        None => {
            let target = Target::new(&["disclosures", "verify"]);
            let target = head.into_iter().fold(target, |target, head| target.with("head", head));
            desk.node().get(target).await?
        }
    };
    output::answer(desk, &view, chain)?;
    Ok(if view.ok { Exit::Done } else { Exit::Store })
}

/// A line is a disclosure and the ids of at most 10,000 records; no longer one is read.
const LINE_BYTES_MAX: u64 = 4 << 20;

fn of_file(name: &str, head: Option<[u8; 32]>) -> Result<ChainView, Problem> {
    let unread = |error| input::unread(name, error);
    let file: Box<dyn Read> = match name {
        "-" => Box::new(std::io::stdin()),
        _ => Box::new(std::fs::File::open(name).map_err(unread)?),
    };
    let mut reader = BufReader::new(file);
    let lines = std::iter::from_fn(move || {
        let mut line = String::new();
        match reader.by_ref().take(LINE_BYTES_MAX).read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(Ok(line)),
            // What is no text is no disclosure; where it stands is told.
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Some(Ok(String::new())),
            Err(error) => Some(Err(error)),
        }
    });
    verify_file(lines, head).map_err(unread)
}

pub(super) fn chain(view: &ChainView) -> String {
    match &view.problem {
        None => format!("{} hold, each following the one before\nhead: {}\n", count(view.count, "disclosure"), view.head),
        Some(problem) => format!("the disclosures do not hold: {problem}\nlast that holds: {}\nits hash: {}\n", view.count, view.head),
    }
}
