//! What goes to standard output (data) and to standard error (talk).

use super::{Desk, Ended};
use crate::api::Problem;
use crate::model::Timestamp;
use crate::node::error::{Exit, NodeError};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

/// Prints an answer: as JSON when that was asked for, else as text.
pub(super) fn answer<T: Serialize>(desk: &Desk, value: &T, text: impl FnOnce(&T) -> String) -> Ended {
    if desk.json { data(&json(value)) } else { data(&text(value)) }
}

/// An answer as JSON, as it is printed.
pub(super) fn json(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("answers are plain data");
    text.push('\n');
    text
}

/// Prints to standard output. A reader that has seen enough is no error.
pub(super) fn data(text: &str) -> Ended {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(NodeError::io("write to standard output", error).into()),
        _ => Ok(Exit::Done),
    }
}

/// Says something on standard error.
pub(super) fn say(text: &str) {
    // Nobody left to talk to is no reason to fail.
    let _ = writeln!(io::stderr(), "{}", plain(text));
}

/// Prints a problem: `error: …` and, where there is one, `hint: …`; as JSON when that was asked for.
pub(super) fn error(problem: &Problem, json: bool) {
    if json {
        say(&error_json(problem));
        return;
    }
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let _ = io::stderr().write_all(error_text(problem, colours).as_bytes());
}

/// A problem as one line of JSON.
pub(super) fn error_json(problem: &Problem) -> String {
    let Problem { code, detail, hint, .. } = problem;
    let mut object = serde_json::json!({ "error": code, "message": detail });
    if let Some(hint) = hint {
        object["hint"] = hint.as_str().into();
    }
    json_line(&object)
}

/// JSON in one line, without what a terminal would obey.
pub(super) fn json_line(value: &serde_json::Value) -> String {
    let escaped = |c: char| if is_obeyed(c) { format!("\\u{:04x}", u32::from(c)) } else { c.into() };
    value.to_string().chars().map(escaped).collect()
}

/// Whether a terminal would obey it: control characters and direction overrides.
fn is_obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A problem as it is printed.
pub(super) fn error_text(problem: &Problem, colours: bool) -> String {
    let (red, cyan, off) = if colours { ("\x1b[1;31m", "\x1b[36m", "\x1b[0m") } else { ("", "", "") };
    let mut text = format!("{red}error:{off} {}\n", plain(&problem.detail));
    if let Some(hint) = &problem.hint {
        text += &format!("{cyan}hint:{off} {}\n", plain(hint));
    }
    text
}

/// Text that came from elsewhere, without what a terminal would obey: control characters and direction overrides become `\u{…}`.
pub(super) fn plain(text: &str) -> String {
    if !text.contains(is_obeyed) {
        return text.to_owned();
    }
    text.chars().fold(String::with_capacity(text.len()), |mut plain, c| {
        if is_obeyed(c) {
            plain.extend(c.escape_unicode());
        } else {
            plain.push(c);
        }
        plain
    })
}

/// A table with its columns aligned, two blanks apart; nothing when it has no rows.
pub(super) fn table<const N: usize>(head: [&str; N], rows: Vec<[String; N]>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let lines: Vec<[String; N]> =
        std::iter::once(head.map(str::to_owned)).chain(rows.into_iter().map(|row| row.map(|cell| plain(&cell)))).collect();
    let mut widths = [0; N];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    lines.iter().fold(String::new(), |mut text, line| {
        let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}  ")).collect::<String>();
        text += cells.trim_end();
        text.push('\n');
        text
    })
}

/// Names and values below each other, aligned.
pub(super) fn facts(facts: &[(&str, String)]) -> String {
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    facts.iter().map(|(name, value)| format!("{name:width$}  {}\n", below(value, width + 2))).collect()
}

/// A text of several lines. Further lines stand under its first, so many characters in, where no name of a fact stands.
pub(super) fn below(text: &str, indent: usize) -> String {
    text.trim_end().split('\n').map(plain).collect::<Vec<_>>().join(&format!("\n{:indent$}", ""))
}

/// A time to the second, or `-`.
pub(super) fn time(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".into(), |at| format!("{}Z", &at.to_string()[..19]))
}

/// When something is due; since when it is overdue, where that time has passed.
pub(super) fn due(at: Option<Timestamp>, overdue: Option<Timestamp>) -> String {
    overdue.map_or_else(|| time(at), |since| format!("overdue since {}", time(Some(since))))
}

/// `3 days left`, `1 day left`, `expired`.
pub(super) fn days(left: i64) -> String {
    match left {
        i64::MIN..=-1 => "expired".into(),
        1 => "1 day left".into(),
        _ => format!("{left} days left"),
    }
}

/// `1 record`, `2 records`.
pub(super) fn count(number: u64, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// What became of records: `2 released, 0 duplicate`; `held` only where something is.
pub(super) fn became(counts: &[(u64, &str)]) -> String {
    let told = counts.iter().filter(|(number, what)| *number > 0 || *what != "held");
    told.map(|(number, what)| format!("{number} {what}")).collect::<Vec<_>>().join(", ")
}

/// `domain 2, url 1`, or `none`.
pub(super) fn counts(counts: &BTreeMap<String, u64>) -> String {
    match counts.is_empty() {
        true => "none".into(),
        false => counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", "),
    }
}

/// A file beside the one that is written, to replace it; its own name, which nobody has given, stands in no error.
pub(super) fn beside(path: &Path, builder: &mut tempfile::Builder<'_, '_>) -> Result<tempfile::NamedTempFile, NodeError> {
    let directory = directory(path);
    if path.is_dir() {
        return Err(NodeError::BadInput(format!("`{}` is a directory\nhint: name a file in it", path.display())));
    }
    if !directory.is_dir() {
        let text = format!("there is no directory `{}`\nhint: make it first, or write elsewhere", directory.display());
        return Err(NodeError::BadInput(text));
    }
    builder.tempfile_in(directory).map_err(|error| NodeError::io(format!("write `{}`", path.display()), error.kind().into()))
}

/// The directory of a file that is written.
pub(super) fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// The beginning of an id, as long as people can tell ids apart by.
pub(super) fn short(id: &impl std::fmt::Display) -> String {
    id.to_string().chars().take(12).collect()
}

/// `yes` or `no`.
pub(super) fn yes(value: bool) -> String {
    if value { "yes".into() } else { "no".into() }
}
