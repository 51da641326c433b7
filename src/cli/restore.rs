//! `watchfire restore`

use super::output::{self, count, counts, facts, table, time};
use super::{Desk, Ended, backup, input};
use crate::api::Problem;
use crate::api::client::Target;
use crate::clock::Clock;
use crate::formats::age::Identity;
use crate::node::Node;
use crate::node::backup::{is_free, read_backup, restore_backup};
use crate::node::error::{Exit, NodeError};
use crate::node::view::{RestoreFileView, RestoreView, RestoredView};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// Restore a backup into an empty data directory
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    long_about = "Restore a backup into an empty data directory\n\nThe restored node's logs go on in new ones, so that no position is signed twice. It serves and exports nothing before its peers have told what happened since the backup was made, recalls included; `watchfire status` shows what is awaited. Make sure that the old node never runs again: two nodes of one organisation are taken for fraud.\n\nA data directory that came back in another way, such as from a copy of a stopped node, is declared to be one with --declare, before `watchfire serve`."
)]
pub(super) struct Args {
    /// The backup; `-` for standard input
    #[arg(required_unless_present_any = ["declare", "waive"])]
    file: Option<String>,
    /// The file with the identity of one of its recipients
    #[arg(long, value_name = "KEYFILE", required_unless_present_any = ["declare", "waive"], requires = "file")]
    identity: Option<String>,
    /// Read and check all of it, say what would come, and write nothing
    #[arg(long, requires = "file")]
    dry_run: bool,
    /// Say that this data directory was restored from a copy
    #[arg(long, conflicts_with_all = ["file", "identity", "waive"])]
    declare: bool,
    /// Serve and export without what a restored node still waits for: what was recalled since may leave once more
    #[arg(long, conflicts_with_all = ["file", "identity"])]
    waive: bool,
}

const EXAMPLES: &str = "Examples:
  watchfire restore backup.age --identity backup.key --data ./restored";

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    if args.declare {
        let node = Node::open(&desk.data, Clock::system())?;
        let view = node.declare_restore().await?;
        return output::answer(desk, &view, text);
    }
    if args.waive {
        let view = waive(desk).await?;
        return output::answer(desk, &view, waived);
    }
    let (Some(file), Some(identity)) = (&args.file, &args.identity) else {
        return Err(NodeError::Internal("clap requires a file and an identity".into()).into());
    };
    if file == "-" && identity == "-" {
        return Err(NodeError::BadInput("only one of backup and identity can come from standard input".into()).into());
    }
    let identities = backup::identities(identity)?;
    let view = restore(desk, file.clone(), identities, args.dry_run).await?;
    output::answer(desk, &view, restored)?;
    if !desk.json {
        talk(&view).iter().for_each(|line| output::say(line));
    }
    Ok(Exit::Done)
}

async fn waive(desk: &Desk) -> Result<RestoredView, Problem> {
    match desk.node().post(Target::new(&["restore", "waive"]), &()).await {
        Err(problem) if problem.code == "not-running" => {
            let node = Node::open(&desk.data, Clock::system())?;
            Ok(node.waive_restore().await?)
        }
        answer => answer,
    }
}

async fn restore(desk: &Desk, file: String, identities: Vec<Identity>, dry_run: bool) -> Result<RestoreFileView, Problem> {
    let bar = backup::bar();
    let input: Box<dyn Read + Send> = match file.as_str() {
        "-" => Box::new(io::stdin()),
        path => Box::new(File::open(path).map_err(|error| input::unread(path, error))?),
    };
    let (data, reading) = (desk.data.clone(), bar.clone());
    let work = move || read(&data, &file, reading.wrap_read(input), &identities, dry_run);
    let view = tokio::task::spawn_blocking(work).await.map_err(|fault| NodeError::Internal(fault.to_string()))?;
    bar.finish_and_clear();
    Ok(view?)
}

fn read(data: &Path, file: &str, input: impl Read, identities: &[Identity], dry_run: bool) -> Result<RestoreFileView, NodeError> {
    let (clock, input) = (Clock::system(), BufReader::with_capacity(128 << 10, input));
    let free = is_free(data);
    let (manifest, incarnation) = if dry_run {
        (read_backup(input, identities).map_err(|error| NodeError::bad_backup(file, &error))?, None)
    } else {
        let (manifest, incarnation) = restore_backup(input, identities, data, &clock, file)?;
        (manifest, Some(incarnation))
    };
    Ok(RestoreFileView::of(manifest, incarnation, &clock.now(), data, free))
}

pub(super) fn text(view: &RestoreView) -> String {
    format!("closed {}; this node's logs go on in incarnation {}\n", output::count(view.closed, "log"), view.incarnation)
}

pub(super) fn waived(view: &RestoredView) -> String {
    let mut text = String::from("this node serves and exports again\n");
    for one in &view.awaited {
        text += &format!(
            "not heard: how the log of {} to {} went on ({} could tell)\n",
            output::plain(&one.author_name),
            output::plain(&one.audience_name),
            output::plain(&one.from.join(", "))
        );
    }
    text
}

pub(super) fn restored(view: &RestoreFileView) -> String {
    let mut lines = vec![
        ("organisation", view.org_id.to_string()),
        ("taken", format!("{}, {} ago, by watchfire {}", time(Some(view.taken)), age(view.age_seconds), view.program)),
        ("records", counts(&view.records)),
        ("logs", format!("{} with {}", view.logs.len(), backup::entries(view.entries))),
        ("files", view.files.join(", ")),
    ];
    lines.extend(view.left_out.iter().map(|name| ("left out", name.clone())));
    let mut text = facts(&lines);
    let rows = view.logs.iter().map(|log| {
        let author = if log.author == view.org_id { "us".into() } else { output::short(&log.author) };
        [output::short(&log.id), author, log.size.to_string(), output::short(&log.head)]
    });
    let logs = table(["LOG", "AUTHOR", "SIZE", "HEAD"], rows.collect());
    if !logs.is_empty() {
        text += &format!("\n{logs}");
    }
    text + &match view.incarnation {
        Some(incarnation) => {
            format!("\nrestored into {}; this node's logs go on in incarnation {incarnation}\n", output::plain(&view.data))
        }
        None => "\nthe backup is whole; nothing was written\n".to_owned(),
    }
}

/// What to do next, on standard error.
pub(super) fn talk(view: &RestoreFileView) -> Vec<String> {
    if view.incarnation.is_none() {
        let refused = || format!("note: `{}` is not empty, so this backup would not be restored into it", view.data);
        return if view.free { Vec::new() } else { vec![refused()] };
    }
    vec![
        "next: make sure that the old node never runs again".into(),
        format!("next: look through the settings in `{}/watchfire.toml`: addresses may be others here", view.data),
        format!(
            "next: `watchfire serve --data {}`; it serves and exports nothing before its peers have told what happened since",
            view.data
        ),
    ]
}

/// The greatest whole unit: `3 days`, `5 hours`, `0 seconds`.
fn age(seconds: u64) -> String {
    match seconds {
        86_400.. => count(seconds / 86_400, "day"),
        3_600.. => count(seconds / 3_600, "hour"),
        60.. => count(seconds / 60, "minute"),
        _ => count(seconds, "second"),
    }
}
