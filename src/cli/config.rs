//! `watchfire config`

use super::output::{self, table};
use super::{Desk, Ended, input};
use crate::config::{Effective, FILE, SETTINGS, Source};
use crate::node::error::NodeError;
use crate::node::escalate;
use crate::rules::escalate::Timetable;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Show the settings in force, or check a settings file
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  watchfire config show";

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show every setting in force and where it comes from
    #[command(after_help = "Examples:\n  watchfire config show --json")]
    Show,
    /// Check a settings file; the data directory's own where none is given
    #[command(after_help = "Examples:\n  watchfire config check watchfire.toml")]
    Check {
        /// The file
        file: Option<PathBuf>,
    },
}

/// A setting in force.
#[derive(Debug, Serialize)]
struct SettingView {
    key: &'static str,
    value: Option<toml::Value>,
    source: Source,
    variable: String,
    about: &'static str,
}

pub(super) fn run(desk: &Desk, args: &Args) -> Ended {
    match &args.command {
        Command::Show => show(desk),
        Command::Check { file } => check(desk, file.as_deref()),
    }
}

fn show(desk: &Desk) -> Ended {
    let settings = load(&desk.data.join(FILE))?;
    let timers = desk.data.join(escalate::FILE);
    escalate::load_timetable(&desk.data)?;
    let beside = SettingView {
        key: escalate::FILE,
        value: timers.exists().then(|| toml::Value::String(timers.display().to_string())),
        source: if timers.exists() { Source::File } else { Source::Default },
        variable: String::new(),
        about: "a file beside this one: how long each wait in a referral may take, and who is told then",
    };
    let views: Vec<SettingView> = SETTINGS
        .iter()
        .map(|setting| SettingView {
            key: setting.key,
            value: settings.value(setting),
            source: settings.source(setting),
            variable: setting.variable(),
            about: setting.about,
        })
        .chain([beside])
        .collect();
    output::answer(desk, &views, |views| text(views))
}

fn text(views: &[SettingView]) -> String {
    let rows = views.iter().map(|view| {
        let value = view.value.as_ref().map_or_else(|| "none".into(), toml::Value::to_string);
        let source = match view.source {
            Source::Default => "default".to_owned(),
            Source::File => "file".to_owned(),
            Source::Env => format!("${}", view.variable),
        };
        [view.key.to_owned(), value, source, view.about.to_owned()]
    });
    table(["SETTING", "VALUE", "FROM", "WHAT IT IS"], rows.collect())
}

fn check(desk: &Desk, file: Option<&Path>) -> Ended {
    let file = file.map_or_else(|| desk.data.join(FILE), Path::to_owned);
    if !file.exists() {
        return Err(input::unread(&file.display().to_string(), std::io::ErrorKind::NotFound.into()));
    }
    load(&file)?;
    // Those beside it are in force with it.
    let timers = if file == desk.data.join(FILE) { escalate::load_timetable(&desk.data)? } else { Timetable::default() };
    let names = timers.names().map(str::to_owned).collect();
    let checked = Checked { ok: true, file: file.display().to_string(), names };
    output::answer(desk, &checked, checked_text)
}

/// A settings file that can be used.
#[derive(Debug, Serialize)]
struct Checked {
    ok: bool,
    file: String,
    /// What `timers.toml` calls peers. Whether they are called so is in the store, which is not read here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    names: Vec<String>,
}

fn checked_text(checked: &Checked) -> String {
    let mut text = format!("`{}` can be used\n", checked.file);
    if !checked.names.is_empty() {
        let names = output::plain(&checked.names.join(", "));
        text += &format!("whether there are peers of these names is not looked at here, but by `watchfire doctor`: {names}\n");
    }
    text
}

fn load(file: &Path) -> Result<Effective, NodeError> {
    Ok(Effective::load(file)?)
}
