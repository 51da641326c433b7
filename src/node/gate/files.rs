//! The files that the gate is told by: deny list, keep list, victims, warninglists.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::super::NodeError;
use super::partners::host;
use super::warninglists;
use crate::config::Config;
use crate::model::{Observable, ObservableKind};
use crate::rules::addressee;
use crate::rules::gate::{Clean, Told};
use crate::rules::lists::{self, Infrastructure, Lists, Rated, Severities, Whose};
use crate::rules::redact::{Detector, Known};

/// The longest list of names or values, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Everything that the settings name.
pub(super) fn read(data: &Path, config: &Config) -> Result<Told, NodeError> {
    let settings = &config.gate;
    let text = |path: &Option<PathBuf>, setting| match path {
        Some(path) => text(&data.join(path), setting).map(Some),
        None => Ok(None),
    };
    let deny_list = text(&settings.deny_list, "gate.deny_list")?.unwrap_or_default();
    let keep_list = text(&settings.keep_list, "gate.keep_list")?.unwrap_or_default();
    let mut victims = Vec::new();
    if let Some(path) = &settings.victims {
        victims = values(&data.join(path), text(&settings.victims, "gate.victims")?.as_deref().unwrap_or_default())?;
    }
    let mut lists = Vec::new();
    for kept in warninglists::read_all(data, config)? {
        lists.push(kept.rated);
    }
    Ok(told(config, own(config)?, &deny_list, &keep_list, victims, lists))
}

/// What the settings say without a file. What is wrong with them is told when the files are read, which every node does at its start.
pub(super) fn settings_alone(config: &Config) -> Told {
    told(config, own(config).unwrap_or_default(), "", "", Vec::new(), Vec::new())
}

/// What is ours besides where we are reached.
fn own(config: &Config) -> Result<Vec<Observable>, NodeError> {
    let read = |value: &String| {
        let bad =
            || format!("`gate.own`: `{}` is no domain, address or network\nhint: write one like `helpline.org`", value.escape_debug());
        Observable::guess(value).map_err(|_| NodeError::BadInput(bad()))
    };
    config.gate.own.iter().map(read).collect()
}

fn told(config: &Config, own: Vec<Observable>, deny_list: &str, keep_list: &str, victims: Vec<Observable>, lists: Vec<Rated>) -> Told {
    let mut known = Known::default().deny_list(deny_list);
    for value in own.iter().chain(&victims) {
        known = match value.kind() {
            ObservableKind::Domain => known.domain(value.value()),
            _ => known.value(value.value()),
        };
    }
    known = entries(keep_list).fold(known, |known, (_, entry)| known.keep(entry));
    // What is denied in texts is no indicator either.
    let denied = entries(deny_list).filter_map(|(_, entry)| guarded(entry));
    let victims = Infrastructure::new(Whose::Victim, victims.into_iter().chain(denied));
    let own = Infrastructure::new(Whose::Own, own.into_iter().chain(endpoints(config)));
    let reserved = Severities { documentation: config.gate.reserved, no_such_tld: config.gate.unknown_tld };
    Told {
        has_names: entries(deny_list).next().is_some(),
        detector: Detector::new(&known),
        lists: lists::Gate { lists: Lists::new(lists), guarded: vec![own, victims], reserved },
        addressee: addressee::Settings::default(),
        clean: Clean::default(),
    }
}

/// Where we are reached, listen and dial from.
fn endpoints(config: &Config) -> Vec<Observable> {
    let proxy = config.proxy.iter().map(|proxy| proxy.trim_start_matches("socks5://"));
    let all = config.endpoints.iter().map(String::as_str).chain([config.listen.as_str()]).chain(proxy);
    let hosts = all.filter_map(|endpoint| endpoint.rsplit_once(':')).map(|(host, _)| host.trim_matches(['[', ']']));
    // To listen everywhere names no address.
    hosts.filter(|host| !matches!(*host, "0.0.0.0" | "::")).filter_map(host).collect()
}

/// Lines with something on them, each with its number; `#` begins a comment.
fn entries(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = (1..).zip(text.lines()).map(|(number, line)| (number, line.split('#').next().unwrap_or("").trim()));
    lines.filter(|(_, entry)| !entry.is_empty())
}

/// An entry of the deny list as a value, where it is one: names are none.
fn guarded(entry: &str) -> Option<Observable> {
    use ObservableKind::*;
    let bare = entry.trim_start_matches(['@', '*']).trim_start_matches('.');
    let guarded = |value: &Observable| matches!(value.kind(), Domain | Ipv4 | Ipv6 | Ipv4Net | Ipv6Net | Email | PhoneNumber | Url);
    Observable::guess(bare).ok().filter(guarded)
}

/// The values of a file, one a line.
fn values(path: &Path, text: &str) -> Result<Vec<Observable>, NodeError> {
    let read = |(line, entry): (usize, &str)| {
        Observable::guess(entry).map_err(|_| {
            let what = "it is no domain, address, e-mail address or telephone number with its country".into();
            NodeError::GateFile { path: path.to_owned(), line: Some(line), what, setting: "gate.victims" }
        })
    };
    entries(text).map(read).collect()
}

/// A file's text. The half of a deny list would let through what the other half names, so it is read whole or not at all.
fn text(path: &Path, setting: &'static str) -> Result<String, NodeError> {
    let bad = |line, what: String| NodeError::GateFile { path: path.to_owned(), line, what, setting };
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
    match read {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(bad(None, "there is no such file".into())),
        Err(error) => return Err(bad(None, error.to_string())),
        Ok(_) if bytes.len() as u64 > FILE_BYTES_MAX => return Err(bad(None, format!("it is longer than {FILE_BYTES_MAX} bytes"))),
        Ok(_) => {}
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        bad(Some(line), "it is no UTF-8".into())
    })
}
