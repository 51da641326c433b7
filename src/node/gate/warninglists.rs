//! Warninglists on disk: one file for each list, as MISP has it, and `severities.toml` beside them for those that somebody rated.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::NodeError;
use crate::config::Config;
use crate::formats::Problem;
use crate::formats::warninglist::{self, BadWarninglist};
use crate::link::keys::{self, KeysError};
use crate::rules::lists::{Rated, Severity};

/// The directory within the data directory, where the settings name none.
pub const DIRECTORY: &str = "warninglists";
/// What being on each list means, where somebody said so.
const SEVERITIES: &str = "severities.toml";
const SETTING: &str = "gate.warninglists";

/// A list that is kept.
pub struct Kept {
    /// The file's name.
    pub file: String,
    /// The list, and what being on it means.
    pub rated: Rated,
    /// Entries that are not used.
    pub problems: Vec<Problem>,
}

/// What somebody said of lists, by their names.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rating {
    #[serde(default)]
    severities: BTreeMap<String, Severity>,
}

/// Where the lists are.
pub fn directory(data: &Path, config: &Config) -> PathBuf {
    data.join(config.gate.warninglists.as_deref().unwrap_or_else(|| Path::new(DIRECTORY)))
}

/// Every list that is kept, in the order of their files.
///
/// # Errors
/// When one of them, or a directory that the settings name, cannot be read.
pub fn read_all(data: &Path, config: &Config) -> Result<Vec<Kept>, NodeError> {
    let directory = directory(data, config);
    let mut files = match fs::read_dir(&directory) {
        Ok(found) => found.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>(),
        Err(error) if error.kind() == ErrorKind::NotFound && config.gate.warninglists.is_none() => return Ok(Vec::new()),
        Err(error) => Err(error),
    }
    .map_err(|error| bad(&directory, error.to_string()))?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let rating = rating(&directory)?;
    files.iter().map(|file| kept(file, &rating)).collect()
}

fn kept(file: &Path, rating: &Rating) -> Result<Kept, NodeError> {
    let opened = fs::File::open(file).map_err(BadWarninglist::Input);
    let (list, problems) = opened
        .and_then(|mut file| warninglist::read(&mut file))
        .map_err(|error| bad(file, super::super::error::split_hint(&error.to_string()).0))?;
    let mut rated = Rated::usual(list);
    if let Some(severity) = rating.severities.get(&rated.list.name) {
        rated.severity = *severity;
    }
    let file = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Kept { file, rated, problems })
}

/// Keeps a list, in place of one of the same name. What it says of it is as it will be read.
///
/// # Errors
/// When it is no warninglist, or cannot be written.
pub fn keep(data: &Path, config: &Config, bytes: &[u8], severity: Option<Severity>) -> Result<Kept, NodeError> {
    let (list, problems) = warninglist::read(&mut &bytes[..]).map_err(|error| NodeError::BadInput(error.to_string()))?;
    if list.entries.is_empty() {
        let first = problems.first().map(|problem| format!(": {}: {}", problem.place, problem.what)).unwrap_or_default();
        return Err(NodeError::BadInput(format!("no entry of that warninglist can be used{}", super::super::error::split_hint(&first).0)));
    }
    let directory = directory(data, config);
    make(&directory)?;
    let mut rating = rating(&directory)?;
    let before = find(data, config, &list.name)?;
    let file = before.map_or_else(|| file_name(&list.name), |kept| kept.file);
    // The rating first: a list that is on disk without it would for a moment be held less strictly than was said.
    match severity {
        Some(severity) => drop(rating.severities.insert(list.name.clone(), severity)),
        None => drop(rating.severities.remove(&list.name)),
    }
    write_rating(&directory, &rating)?;
    write(&directory.join(&file), bytes)?;
    let mut rated = Rated::usual(list);
    rated.severity = severity.unwrap_or(rated.severity);
    Ok(Kept { file, rated, problems })
}

/// Removes a list; `false` when there is none of that name.
///
/// # Errors
/// When the directory cannot be read or written.
pub fn remove(data: &Path, config: &Config, name: &str) -> Result<bool, NodeError> {
    let Some(kept) = find(data, config, name)? else { return Ok(false) };
    let directory = directory(data, config);
    let file = directory.join(&kept.file);
    fs::remove_file(&file).map_err(|error| NodeError::io(format!("remove `{}`", file.display()), error))?;
    let mut rating = rating(&directory)?;
    rating.severities.remove(&kept.rated.list.name);
    write_rating(&directory, &rating)?;
    Ok(true)
}

/// The list with that name, or in that file.
fn find(data: &Path, config: &Config, name: &str) -> Result<Option<Kept>, NodeError> {
    let is_it = |kept: &Kept| kept.rated.list.name == name || kept.file == name || kept.file.strip_suffix(".json") == Some(name);
    Ok(read_all(data, config)?.into_iter().find(is_it))
}

/// A list's name as a file's: letters and digits, the rest as dashes.
fn file_name(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let words: Vec<&str> = plain.split('-').filter(|word| !word.is_empty()).collect();
    let mut stem: String = words.join("-");
    stem.truncate(80);
    // Names that differ in other letters alone are kept apart.
    let digest = crate::model::crypto::sha256(&[name.as_bytes()]);
    format!("{stem}-{}.json", data_encoding::HEXLOWER.encode(&digest[..4]))
}

fn rating(directory: &Path) -> Result<Rating, NodeError> {
    let path = directory.join(SEVERITIES);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Rating::default()),
        Err(error) => return Err(bad(&path, error.to_string())),
    };
    toml::from_str(&text).map_err(|error: toml::de::Error| {
        let (line, what) = crate::config::toml_error(&text, &error);
        NodeError::GateFile { path: path.clone(), line: Some(line), what, setting: SETTING }
    })
}

fn write_rating(directory: &Path, rating: &Rating) -> Result<(), NodeError> {
    let text = toml::to_string(rating).map_err(|error| NodeError::Internal(error.to_string()))?;
    write(&directory.join(SEVERITIES), text.as_bytes())
}

fn make(directory: &Path) -> Result<(), NodeError> {
    use std::os::unix::fs::DirBuilderExt;
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|error| NodeError::io(format!("make `{}`", directory.display()), error))
}

/// Whole or not at all, for the owner alone.
fn write(path: &Path, bytes: &[u8]) -> Result<(), NodeError> {
    keys::write(path, bytes).map_err(|error| match error {
        KeysError::File { path, error } => NodeError::io(format!("write `{}`", path.display()), error),
        other => other.into(),
    })
}

fn bad(path: &Path, what: String) -> NodeError {
    NodeError::GateFile { path: path.to_owned(), line: None, what, setting: SETTING }
}
