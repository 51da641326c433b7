//! Arguments that may also be a file or standard input.

use super::output;
use crate::api::Problem;
use crate::model::{Class, ObservableKind, Pap, Timestamp, Tlp};
use crate::node::error::{Exit, NodeError};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::io::{self, BufRead, IsTerminal, Read};
use std::os::fd::AsFd;
use std::path::Path;

/// Standard input, for streams.
pub(super) fn stdin() -> Result<tokio::fs::File, Problem> {
    let same = io::stdin().as_fd().try_clone_to_owned().map_err(|error| NodeError::io("read standard input", error))?;
    Ok(tokio::fs::File::from_std(same.into()))
}

/// Standard output, for streams.
pub(super) fn stdout() -> Result<tokio::fs::File, Problem> {
    let same = io::stdout().as_fd().try_clone_to_owned().map_err(|error| NodeError::io("write to standard output", error))?;
    Ok(tokio::fs::File::from_std(same.into()))
}

/// The longest text that is taken whole.
const TEXT_BYTES_MAX: u64 = 4 << 20;

/// Values as given, with `-` replaced by the lines of standard input; empty lines and lines that begin with `#` are passed over.
pub(super) fn values(given: &[String]) -> Result<Vec<String>, Problem> {
    let mut values = Vec::new();
    for value in given {
        match value.as_str() {
            "-" => values.extend(lines(&whole(io::stdin(), "standard input")?)),
            _ => values.push(value.clone()),
        }
    }
    Ok(values)
}

fn lines(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

/// A text file: `-` for standard input, or its name.
pub(super) fn file(given: &str) -> Result<String, Problem> {
    match given {
        "-" => whole(io::stdin(), "standard input"),
        _ => whole(std::fs::File::open(given).map_err(|error| unread(given, error))?, given),
    }
}

/// How a card and an invitation can be told from a file's name.
const BEGINNINGS: [&str; 2] = ["-----BEGIN ", "watchfire-invite:"];

/// A card or an invitation: `-` for standard input, a file's name, or the text itself.
pub(super) fn text(given: &str) -> Result<String, Problem> {
    let path = Path::new(given);
    if given == "-" {
        return whole(io::stdin(), "standard input");
    }
    // A card's text is longer than a file name can be, and then this is no error.
    if path.is_file() {
        let file = std::fs::File::open(path).map_err(|error| unread(given, error))?;
        return whole(file, given);
    }
    if path.is_dir() {
        return Err(unread(given, io::ErrorKind::IsADirectory.into()));
    }
    let is_text = BEGINNINGS.iter().any(|beginning| given.to_ascii_lowercase().contains(&beginning.to_ascii_lowercase()));
    if is_text || given.contains('\n') { Ok(given.to_owned()) } else { Err(unread(given, io::ErrorKind::NotFound.into())) }
}

/// A sentence as given, or standard input where it is `-`.
pub(super) fn sentence(given: &str) -> Result<String, Problem> {
    if given == "-" { whole(io::stdin(), "standard input") } else { Ok(given.to_owned()) }
}

fn whole(from: impl Read, name: &str) -> Result<String, Problem> {
    let mut text = String::new();
    from.take(TEXT_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| unread(name, error))?;
    if text.len() as u64 > TEXT_BYTES_MAX {
        let text = format!("`{name}` is longer than 4 MiB\nhint: `watchfire import` takes files of any size");
        return Err(Problem::new("too-long", Exit::Usage, &text));
    }
    Ok(text.trim().to_owned())
}

/// Asks a person on the terminal, below what it is about; `None` where there is no terminal.
pub(super) fn says_yes(about: &str, question: &str) -> Result<Option<bool>, Problem> {
    if !io::stdin().is_terminal() {
        return Ok(None);
    }
    about.lines().for_each(output::say);
    output::say(&format!("{question} `yes` and Enter says so, all else does not"));
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(|error| NodeError::io("read standard input", error))?;
    Ok(Some(line.trim() == "yes"))
}

/// Where a text is no JSON of the wanted form, and why; the place once.
pub(super) fn json_error(error: &serde_json::Error) -> String {
    let (text, place) = (error.to_string(), format!(" at line {} column {}", error.line(), error.column()));
    let what = text.strip_suffix(&place).unwrap_or(&text);
    format!("line {}, column {}: {what}", error.line(), error.column())
}

/// In which line a text is not TOML, or not what is read from it, and why.
pub(super) fn toml_error(text: &str, error: &toml::de::Error) -> String {
    let (line, what) = crate::config::toml_error(text, error);
    format!("line {line}: {what}")
}

/// What a file says that people write: TOML, or JSON where it begins with `{`.
///
/// # Errors
/// When it is neither, or says something else; with the line.
pub(super) fn toml_or_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    match text.trim_start().starts_with('{') {
        true => serde_json::from_str(text).map_err(|error| json_error(&error)),
        false => toml::from_str(text).map_err(|error| toml_error(text, &error)),
    }
}

/// A file that cannot be read.
pub(super) fn unread(name: &str, error: io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::NotFound => {
            let text = format!("there is no file `{name}`\nhint: `-` reads standard input");
            Problem::new("no-such-file", Exit::NotFound, &text)
        }
        io::ErrorKind::IsADirectory => NodeError::BadInput(format!("`{name}` is a directory\nhint: name a file in it")).into(),
        _ => NodeError::io(format!("read `{name}`"), error).into(),
    }
}

/// Reads `--tlp`.
pub(super) fn tlp(text: &str) -> Result<Tlp, String> {
    text.parse().map_err(|_| "it is not a TLP label\nhint: choose clear, green, amber, amber+strict or red".into())
}

/// Reads `--class`.
pub(super) fn class(text: &str) -> Result<Class, String> {
    text.parse().map_err(|_| "it is not a class\nhint: choose public, confidential or restricted".into())
}

/// Reads `--pap`.
pub(super) fn pap(text: &str) -> Result<Pap, String> {
    text.parse().map_err(|_| "it is not a PAP label\nhint: choose clear, green, amber or red".into())
}

/// Reads a time.
pub(super) fn timestamp(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "it is not a time\nhint: write it like 2027-01-31 or 2027-01-31T12:00:00Z".into())
}

/// Reads `--kind`; help lists the kinds.
pub(super) fn kinds() -> impl TypedValueParser<Value = ObservableKind> {
    PossibleValuesParser::new(ObservableKind::ALL.map(ObservableKind::name))
        .map(|name| crate::api::kind_named(&name).expect("each possible value is a kind's name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_may_have_empty_lines_and_comments() {
        assert_eq!(lines("# ours\n\n evil.example \r\nb.example"), ["evil.example", "b.example"]);
    }

    #[test]
    fn an_error_of_json_names_its_place_once() {
        for (text, told) in [
            ("{\n  \"a\": ]", "line 2, column 8: expected value"),
            ("{", "line 1, column 1: EOF while parsing an object"),
            ("[3]", "line 1, column 2: invalid type: integer `3`, expected a string"),
        ] {
            let error = serde_json::from_str::<Vec<String>>(text).expect_err(text);
            let error = if text.starts_with('{') { serde_json::from_str::<serde_json::Value>(text).expect_err(text) } else { error };
            assert_eq!(json_error(&error), told);
        }
    }

    #[test]
    fn a_missing_file_is_told_from_a_text() {
        for name in ["nowhere/card.txt", "nofile", "my card.txt"] {
            let missing = text(name).expect_err("missing");
            assert_eq!((missing.detail, missing.exit), (format!("there is no file `{name}`"), Exit::NotFound));
            assert_eq!(missing.hint.as_deref(), Some("`-` reads standard input"));
        }
        let directory = text(".").expect_err("a directory");
        assert_eq!((directory.detail.as_str(), directory.hint.as_deref()), ("`.` is a directory", Some("name a file in it")));
        assert_eq!(text("watchfire-invite:abc").as_deref(), Ok("watchfire-invite:abc"));
    }
}
