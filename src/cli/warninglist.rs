//! `watchfire warninglist`

use super::output::{self, plain, table};
use super::{Desk, Ended, input};
use crate::api::client::Target;
use crate::api::{Problem, Reloaded, Values};
use crate::config::{Config, Effective, FILE};
use crate::node::error::{Exit, NodeError};
use crate::node::gate::JudgedView;
use crate::node::gate::warninglists::{self, Kept};
use crate::rules::lists::{Severity, suggested};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Keep lists of well-known values, which are no attacker's alone
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  watchfire warninglist list";

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Take MISP warninglists into use, each in place of one of the same name
    #[command(after_help = "Examples:\n  watchfire warninglist import list.json --severity hold")]
    Import {
        /// Files in MISP's format, or directories of them: MISP's own has a directory for each list
        #[arg(required = true, value_name = "FILE|DIR")]
        files: Vec<PathBuf>,
        /// What being on them means: warn, hold or refuse; where none is given, what is usual for each list, else hold
        #[arg(long, value_parser = severity)]
        severity: Option<Severity>,
    },
    /// List them
    #[command(after_help = "Examples:\n  watchfire warninglist list --json")]
    List,
    /// Use a list no longer
    #[command(after_help = "Examples:\n  watchfire warninglist remove 'Top sites'")]
    Remove {
        /// Its name, or its file's
        name: String,
    },
    /// Say what the gate finds about values
    #[command(
        after_help = "Examples:\n  watchfire warninglist check 10.0.0.1 weather4free.com",
        long_about = "Say what the gate finds about values\n\nLists, reserved addresses, infrastructure and whom a URL was sent to are asked; label and audience are not. Ends with 0, whatever is found."
    )]
    Check {
        /// The values, defanged or not; `-` reads lines from standard input
        #[arg(required = true, value_name = "VALUE")]
        values: Vec<String>,
    },
}

fn severity(text: &str) -> Result<Severity, String> {
    match text {
        "warn" => Ok(Severity::Warn),
        "hold" => Ok(Severity::Hold),
        "refuse" => Ok(Severity::Refuse),
        _ => Err("it is not a severity\nhint: choose warn, hold or refuse".into()),
    }
}

pub(super) const fn name(severity: Severity) -> &'static str {
    match severity {
        Severity::Warn => "warn",
        Severity::Hold => "hold",
        Severity::Refuse => "refuse",
    }
}

/// A list as people see it.
#[derive(Debug, Serialize)]
pub(super) struct ListView {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) version: u64,
    pub(super) entries: u64,
    pub(super) severity: Severity,
    /// Entries that are not used.
    pub(super) unused: u64,
    pub(super) problems: Vec<String>,
}

pub(super) async fn run(desk: &Desk, args: Args) -> Ended {
    match args.command {
        Command::Import { files, severity } => import(desk, &files, severity).await,
        Command::List => {
            let kept = warninglists::read_all(&desk.data, &config(desk)?)?;
            output::answer(desk, &kept.iter().map(view).collect::<Vec<_>>(), |views| text(views))
        }
        Command::Remove { name } => remove(desk, &name).await,
        Command::Check { values } => {
            let ask = Values { values: input::values(&values)? };
            let judged: Vec<JudgedView> = desk.node().post(Target::new(&["gate", "check"]), &ask).await?;
            output::answer(desk, &judged, |judged| judged.iter().map(told).collect())
        }
    }
}

fn config(desk: &Desk) -> Result<Config, Problem> {
    let file = desk.data.join(FILE);
    if !file.exists() {
        return Err(NodeError::NotInitialised(desk.data.clone()).into());
    }
    Ok(Effective::load(&file).map_err(NodeError::from)?.config)
}

async fn import(desk: &Desk, given: &[PathBuf], severity: Option<Severity>) -> Ended {
    let config = config(desk)?;
    let mut files = Vec::new();
    for path in given {
        found(path, &mut files)?;
    }
    let mut views = Vec::new();
    for file in &files {
        let shown = file.display().to_string();
        let bytes = std::fs::read(file).map_err(|error| input::unread(&shown, error))?;
        let kept = warninglists::keep(&desk.data, &config, &bytes, severity).map_err(|error| match error {
            NodeError::BadInput(what) => NodeError::BadInput(format!("`{shown}`: {what}")),
            other => other,
        })?;
        views.push(view(&kept));
    }
    in_force(desk).await?;
    for view in &views {
        view.problems.iter().take(SHOWN_MAX).for_each(|problem| output::say(&format!("{}: {problem}", view.name)));
    }
    output::answer(desk, &views, |views| text(views))
}

/// So many unused entries of each list are told.
const SHOWN_MAX: usize = 5;

/// A file, or all lists of a directory: `*.json` in it, and `list.json` in the directories in it.
fn found(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Problem> {
    let shown = || path.display().to_string();
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries = std::fs::read_dir(path).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>());
    let mut entries = entries.map_err(|error| input::unread(&shown(), error))?;
    entries.sort();
    let before = files.len();
    for entry in entries {
        let list = entry.join("list.json");
        if list.is_file() {
            files.push(list);
        } else if entry.extension().is_some_and(|extension| extension == "json") && entry.is_file() {
            files.push(entry);
        }
    }
    if files.len() == before {
        let what = format!(
            "`{}` holds no warninglist\nhint: name a directory with `*.json` files, or one with directories that hold a `list.json`",
            shown()
        );
        return Err(NodeError::BadInput(what).into());
    }
    Ok(())
}

async fn remove(desk: &Desk, name: &str) -> Ended {
    #[derive(Serialize)]
    struct Removed<'a> {
        removed: &'a str,
    }
    if !warninglists::remove(&desk.data, &config(desk)?, name)? {
        let text = format!("there is no warninglist `{name}`\nhint: `watchfire warninglist list` shows them");
        return Err(Problem::new("unknown-warninglist", Exit::NotFound, &text));
    }
    in_force(desk).await?;
    output::answer(desk, &Removed { removed: name }, |removed| format!("removed `{}`\n", plain(removed.removed)))
}

/// Tells a running node; one that does not run reads them when it starts.
async fn in_force(desk: &Desk) -> Result<(), Problem> {
    match desk.node().post::<Reloaded>(Target::new(&["gate", "reload"]), &()).await {
        Ok(_) => Ok(()),
        Err(problem) if problem.code == "not-running" => {
            output::say("the node does not run; this counts from its next start");
            Ok(())
        }
        Err(problem) => Err(problem),
    }
}

fn view(kept: &Kept) -> ListView {
    let list = &kept.rated.list;
    let problems: Vec<String> = kept.problems.iter().map(|problem| format!("{}: {}", problem.place, problem.what)).collect();
    ListView {
        name: list.name.clone(),
        file: kept.file.clone(),
        version: list.version,
        entries: list.entries.len() as u64,
        severity: kept.rated.severity,
        unused: problems.len() as u64,
        problems,
    }
}

pub(super) fn text(views: &[ListView]) -> String {
    if views.is_empty() {
        return "no warninglists; `watchfire warninglist import` takes MISP's\n".into();
    }
    let rows = views.iter().map(|view| {
        let usual = if suggested(&view.name).0 == view.severity { "" } else { ", set here" };
        [
            format!("{}{usual}", name(view.severity)),
            view.entries.to_string(),
            view.unused.to_string(),
            view.version.to_string(),
            plain(&view.name),
        ]
    });
    table(["SEVERITY", "ENTRIES", "UNUSED", "VERSION", "NAME"], rows.collect())
}

pub(super) fn told(judged: &JudgedView) -> String {
    let verdict = judged.severity.map_or("leaves", name);
    let kind = judged.kind.map_or(String::new(), |kind| format!("{kind} "));
    let mut text = format!("{verdict:7}  {kind}{}\n", plain(&judged.value));
    text += &judged.leaves_as.as_ref().map(|left| format!("         leaves as {}\n", plain(left))).unwrap_or_default();
    for finding in &judged.findings {
        text += &format!("         {}: {}\n", name(finding.severity), plain(&finding.why));
    }
    text
}
