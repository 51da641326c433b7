//! MISP warninglists: `list.json` of MISP/misp-warninglists.
//!
//! One JSON object: `name`, `description`, `version`, `type` (`cidr`, `hostname`, `string`, `substring`, `regex`; `string` where it is absent),
//! `matching_attributes` (MISP's attribute types; absent or empty for all) and `list`, an array of texts or an object whose keys are the entries and
//! whose values are comments. What MISP takes is taken (its `Warninglist` model): a version in quotes, a type in an array. An entry that cannot be
//! used is a [`Problem`], and the others are taken.
//!
//! Where entries differ from what MISP would compare: they are in the canonical form of the kinds that the list is for, so that `Example.COM`
//! finds `example.com`; a network's host bits are cleared, where MISP would never find an IPv4 network that has any.

mod json;
mod php_regex;

use std::collections::BTreeSet;
use std::io::Read;

use ipnet::IpNet;

use super::{Problem, Tally, misp};
use crate::model::observable::Kinds;
use crate::model::warninglist::{Entries, Expression, Warninglist};
use crate::model::{Observable, ObservableKind};

/// What one list may cost. The defaults take every list that MISP publishes, with room for one of a million names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The longest file, in bytes.
    pub file_bytes_max: usize,
    /// The most entries; the rest is left out and reported.
    pub entries_max: usize,
    /// The longest entry, in bytes.
    pub entry_bytes_max: usize,
    /// The most regular expressions; each is tried on each value.
    pub expressions_max: usize,
    /// What one regular expression may take in memory, in bytes.
    pub expression_bytes_max: usize,
}

impl Default for Bounds {
    /// 64 MiB, 2,000,000 entries of at most 4 KiB, 200 regular expressions of at most 256 KiB each once compiled.
    fn default() -> Self {
        Self {
            file_bytes_max: 64 << 20,
            entries_max: 2_000_000,
            entry_bytes_max: 4 << 10,
            expressions_max: 200,
            expression_bytes_max: 256 << 10,
        }
    }
}

/// Why a file gives no list.
#[derive(Debug, thiserror::Error)]
pub enum BadWarninglist {
    /// Reading failed.
    #[error("failed to read the warninglist: {0}")]
    Input(#[from] std::io::Error),
    /// It is too long.
    #[error("the warninglist is longer than {max} bytes\nhint: split its entries over several lists")]
    TooLong {
        /// The longest that is read.
        max: usize,
    },
    /// It is not JSON, or not of this form.
    #[error(
        "not a warninglist: {what} at line {line}, column {column}\nhint: a MISP warninglist is one object with `name`, `type` and `list`"
    )]
    Json {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What was met.
        what: String,
    },
    /// A field is not there.
    #[error("not a warninglist: `{0}` is missing or empty\nhint: a MISP warninglist is one object with `name`, `type` and `list`")]
    Missing(&'static str),
    /// Its entries are of a type that we do not know.
    #[error("the warninglist's type `{0}` is unknown\nhint: the types are `cidr`, `hostname`, `string`, `substring` and `regex`")]
    Type(String),
}

/// Reads a list within the usual bounds. The problems are of entries that were not taken, and of attribute types that say nothing here.
///
/// # Errors
/// [`BadWarninglist`] says why there is no list at all.
pub fn read(input: &mut dyn Read) -> Result<(Warninglist, Vec<Problem>), BadWarninglist> {
    read_within(Bounds::default(), input)
}

/// As [`read`], with other bounds.
///
/// # Errors
/// As [`read`].
pub fn read_within(bounds: Bounds, input: &mut dyn Read) -> Result<(Warninglist, Vec<Problem>), BadWarninglist> {
    let mut bytes = Vec::new();
    input.take(bounds.file_bytes_max as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > bounds.file_bytes_max {
        return Err(BadWarninglist::TooLong { max: bounds.file_bytes_max });
    }
    let file = json::read(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes), bounds.entries_max)?;
    let name = file.name.filter(|name| !name.trim().is_empty()).ok_or(BadWarninglist::Missing("name"))?;
    let list = file.list.ok_or(BadWarninglist::Missing("list"))?;
    let mut problems = Tally::default();
    let kinds = kinds(file.matching_attributes.as_deref().unwrap_or_default(), &mut problems);
    let mut taking = Taking { bounds, kinds, problems };
    if list.left_out > 0 {
        let what = format!("only the first {} entries are taken, {} more are not", bounds.entries_max, list.left_out);
        taking.problems.add(place(bounds.entries_max), what);
    }
    let entries = taking.entries(file.kind.as_deref().unwrap_or("string"), list.entries)?;
    let list = Warninglist { name, description: file.description.unwrap_or_default(), version: file.version.unwrap_or(1), kinds, entries };
    Ok((list, taking.problems.problems().map(|(problem, _)| problem).collect()))
}

/// The kinds that attribute types stand for. A combined type (`domain|ip`) counts only in a list that has no other: its parts stand alone in all
/// that mean them, and `disposable-email`, which is for e-mail addresses, would else speak of every domain.
fn kinds(attributes: &[String], problems: &mut Tally) -> Kinds {
    if attributes.is_empty() || attributes.iter().any(|attribute| attribute == "ALL") {
        return Kinds::ALL;
    }
    let (mut single, mut combined) = (Kinds::NONE, Kinds::NONE);
    for attribute in attributes {
        let of_it = misp::kinds(attribute);
        if of_it.is_empty() {
            problems.add(
                "matching_attributes".into(),
                format!("no value here is of the type `{}`", crate::model::observable::shown(attribute)),
            );
        }
        let set = if attribute.contains('|') { &mut combined } else { &mut single };
        *set = set.or(of_it);
    }
    if single.is_empty() { combined } else { single }
}

fn place(at: usize) -> String {
    format!("list[{at}]")
}

/// What is remembered from entry to entry.
struct Taking {
    bounds: Bounds,
    kinds: Kinds,
    problems: Tally,
}

impl Taking {
    fn entries(&mut self, kind: &str, list: Vec<Option<String>>) -> Result<Entries, BadWarninglist> {
        Ok(match kind {
            "cidr" => Entries::Cidr(self.each(list, |_, text| network(text).map(|network| vec![network]))),
            "hostname" => Entries::Hostname(self.each(list, |_, text| host(text).map(|host| vec![host]))),
            "string" => Entries::String(self.each(list, |taking, text| string(text, taking.kinds))),
            "substring" => Entries::Substring(self.each(list, |_, text| Ok(vec![text.to_ascii_lowercase()]))),
            "regex" => Entries::Regex(self.expressions(list)),
            other => return Err(BadWarninglist::Type(crate::model::observable::shown(other))),
        })
    }

    /// What each entry gives, without repeats.
    fn each<T: Ord + Clone>(&mut self, list: Vec<Option<String>>, one: impl Fn(&Self, &str) -> Result<Vec<T>, String>) -> Vec<T> {
        let mut seen = BTreeSet::new();
        for (at, text) in list.into_iter().enumerate() {
            match self.bounded(text.as_deref()).and_then(|text| one(self, text)) {
                Ok(given) => seen.extend(given),
                Err(what) => self.problems.add(place(at), what),
            }
        }
        seen.into_iter().collect()
    }

    fn expressions(&mut self, list: Vec<Option<String>>) -> Vec<Expression> {
        let bytes_max = self.bounds.expression_bytes_max;
        let mut taken: Vec<Expression> = Vec::new();
        for (at, text) in list.into_iter().enumerate() {
            let expression = self.bounded(text.as_deref()).and_then(|text| php_regex::read(text, bytes_max).map_err(|bad| bad.to_string()));
            match expression {
                Ok(_) if taken.len() >= self.bounds.expressions_max => {
                    self.problems.add(place(at), format!("only {} regular expressions are taken", self.bounds.expressions_max));
                }
                Ok(expression) if taken.contains(&expression) => {}
                Ok(expression) => taken.push(expression),
                Err(what) => self.problems.add(place(at), what),
            }
        }
        taken
    }

    fn bounded<'a>(&self, text: Option<&'a str>) -> Result<&'a str, String> {
        match text.map(str::trim) {
            None => Err("the entry is not a text".into()),
            Some("") => Err("the entry is empty".into()),
            Some(text) if text.len() > self.bounds.entry_bytes_max => {
                Err(format!("the entry is longer than {} bytes", self.bounds.entry_bytes_max))
            }
            Some(text) => Ok(text),
        }
    }
}

fn shown(text: &str) -> String {
    crate::model::observable::shown(text)
}

/// An address is a network of one. IPv4 in IPv6 is IPv4, as in every other value.
fn network(text: &str) -> Result<IpNet, String> {
    let bad = || format!("`{}` is neither an address nor a network", shown(text));
    // The whole of a family is no observable, and a list may well mean it.
    if let Ok(network) = text.parse::<IpNet>()
        && network.prefix_len() == 0
    {
        return Ok(network.trunc());
    }
    let observable = Observable::parse(ObservableKind::Ipv4, text).map_err(|_| bad())?;
    observable.network().ok_or_else(bad)
}

/// A host name of any number of labels, or an address.
fn host(text: &str) -> Result<String, String> {
    let name = text.trim_matches('.');
    let label = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if name.len() <= 63 && label(name) {
        return Ok(name.to_ascii_lowercase());
    }
    match Observable::parse(ObservableKind::Domain, name) {
        Ok(found) if matches!(found.kind(), ObservableKind::Domain | ObservableKind::Ipv4 | ObservableKind::Ipv6) => {
            Ok(found.value().to_owned())
        }
        _ => Err(format!("`{}` is not a host name", shown(text))),
    }
}

/// The canonical forms that the text has among the kinds of the list. A list for all kinds is compared as it is written, and in lower case.
fn string(text: &str, kinds: Kinds) -> Result<Vec<String>, String> {
    if kinds == Kinds::ALL {
        return Ok(vec![text.to_owned(), text.to_ascii_lowercase()]);
    }
    let text = text.strip_prefix('.').unwrap_or(text);
    let forms: Vec<String> = kinds
        .iter()
        .filter_map(|kind| Observable::parse(kind, text).ok())
        .filter(|observable| kinds.has(observable.kind()))
        .map(|observable| observable.value().to_owned())
        .collect();
    if forms.is_empty() {
        Err("the entry is none of the values that the list is for, so nothing can be equal to it".into())
    } else {
        Ok(forms)
    }
}

#[cfg(test)]
mod tests;
