//! What is written for partners' tools: a value at a time, in any order, so that no format needs memory for more than what it is writing. The same
//! values in the same order give the same bytes.
//!
//! A format writes what it can say and counts what it cannot ([`Unsaid`]): nothing is said half.

mod adblock;
mod atom;
mod dns;
mod lists;
mod misp;
mod mvt;
mod sigma;
mod suricata;
mod threads;

#[cfg(test)]
pub(in crate::formats) mod tests;

pub use adblock::Adblock;
pub use atom::{Warning, atom};
pub use dns::{Dnsmasq, Hosts, Policy, Rpz};
pub use lists::Lists;
pub use misp::{Feed, attribute_id, event_id, organisation_id, read_attribute, read_head, read_objects, write_event};
pub use mvt::{Mvt, SHARD};
pub use sigma::Sigma;
pub use suricata::Suricata;

use super::stix::Scratch;
use super::stix::write::INDICATOR_TYPES;
use crate::model::{Observable, ObservableKind, OrgId, RecordId, Timestamp, Tlp};
use crate::rules::campaigns::name_of;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// One author's word on a value.
#[derive(Debug, Clone)]
pub struct Row {
    /// The record's id as this node names it.
    pub id: RecordId,
    /// What it is about.
    pub observable: Observable,
    /// Its label.
    pub tlp: Tlp,
    /// What else the label says, as `formats::marks_of` gives it.
    pub marks: Vec<String>,
    /// Who says so.
    pub author: OrgId,
    /// From when it holds; `created` where nothing is known.
    pub valid_from: Option<Timestamp>,
    /// Until when.
    pub valid_until: Option<Timestamp>,
    /// 0 to 100.
    pub confidence: Option<u8>,
    /// Names that it is tied to.
    pub labels: Vec<String>,
    /// A sentence for the reader.
    pub note: Option<String>,
    /// Where the author has it from.
    pub source: Option<String>,
    /// The author has withdrawn it.
    pub revoked: bool,
    /// When the record was made; the same in every export.
    pub created: Timestamp,
    /// When it was last changed; later with each change.
    pub modified: Timestamp,
    /// How often it was met, by us and by all others together: who these are is told to nobody.
    pub met: Vec<Met>,
}

/// How often an indicator was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Met {
    /// The strictest label of what says so.
    pub tlp: Tlp,
    /// We, where it is our own word.
    pub by: Option<OrgId>,
    /// How often.
    pub count: u64,
    /// When first.
    pub first: Timestamp,
    /// When last.
    pub last: Timestamp,
    /// When that was said last.
    pub told: Timestamp,
}

impl Row {
    /// Its labels that are names of campaigns or malware: no tags of taxonomies (`rsit:…`, `accessnow:…`), no words that only describe, none of STIX's own.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.labels.iter().map(String::as_str).filter(|label| is_name(label))
    }

    /// Its other labels, without STIX's own words.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        let says = |label: &&str| !label.trim().is_empty() && !INDICATOR_TYPES.contains(label) && !is_name(label);
        self.labels.iter().map(String::as_str).filter(says)
    }

    /// The campaign that it counts as where a format has room for one: the first of its names. `None` where it has none.
    pub fn campaign(&self) -> Option<&str> {
        self.names().next()
    }
}

fn is_name(label: &str) -> bool {
    !INDICATOR_TYPES.contains(&label) && name_of(label).is_some()
}

/// Where the files of an export go, one after the other.
pub trait Files: Write {
    /// Ends the file before, if there was one, and begins one of this name: lower case, digits, `-`, `_` and `.`, no folder.
    ///
    /// # Errors
    /// The output fails.
    fn begin(&mut self, name: &str) -> io::Result<()>;

    /// Ends the last file, and with it the whole.
    ///
    /// # Errors
    /// The output fails.
    fn end(&mut self) -> io::Result<()>;
}

impl<F: Files + ?Sized> Files for &mut F {
    fn begin(&mut self, name: &str) -> io::Result<()> {
        (**self).begin(name)
    }

    fn end(&mut self) -> io::Result<()> {
        (**self).end()
    }
}

/// How a format is written.
pub trait Form {
    /// What is said of one value, newest first, never empty. Withdrawn rows come only to formats that can say so.
    ///
    /// # Errors
    /// The output or the scratch file fails.
    fn value(&mut self, rows: &[Row]) -> io::Result<()>;

    /// What the reader may see had changed so many times more, the last time at `at`: for formats that number their versions. What has gone counts too.
    fn changed(&mut self, _at: Timestamp, _times: u64) {}

    /// Ends the last file, and tells what could not be said.
    ///
    /// # Errors
    /// As [`Form::value`].
    fn finish(self: Box<Self>) -> io::Result<Unsaid>;
}

/// How a format is written that has values alone, and nothing of who says what of them.
pub trait Values {
    /// A value of which somebody says that it holds.
    ///
    /// # Errors
    /// The output or the scratch file fails.
    fn value(&mut self, observable: &Observable) -> io::Result<()>;

    /// Ends the last file, and tells what could not be said.
    ///
    /// # Errors
    /// As [`Values::value`].
    fn finish(self: Box<Self>) -> io::Result<Unsaid>;
}

/// From when to when the rows of an event or a rule are, and their strictest label.
struct About {
    first: Timestamp,
    last: Timestamp,
    tlp: Tlp,
}

impl About {
    fn of(row: &Row) -> Self {
        Self { first: row.created, last: row.modified.max(row.created), tlp: row.tlp }
    }

    /// The same with one more row.
    fn with(self, row: &Row) -> Self {
        let one = Self::of(row);
        Self { first: self.first.min(one.first), last: self.last.max(one.last), tlp: self.tlp.max(one.tlp) }
    }
}

/// What a format could not say: how many values of a kind, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unsaid(BTreeMap<(ObservableKind, &'static str), u64>);

impl Unsaid {
    /// One more.
    pub fn add(&mut self, kind: ObservableKind, why: &'static str) {
        *self.0.entry((kind, why)).or_default() += 1;
    }

    /// One more, which is no error.
    fn left(&mut self, kind: ObservableKind, why: &'static str) -> io::Result<()> {
        self.add(kind, why);
        Ok(())
    }

    /// How many values of which kind, and why, by kind.
    pub fn lines(&self) -> impl Iterator<Item = (u64, ObservableKind, &'static str)> {
        self.0.iter().map(|((kind, why), count)| (*count, *kind, *why))
    }

    /// How many values in all.
    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }
}

/// A text in one line: what would end the line, or steer a terminal, becomes a blank.
pub fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// Whether a name is that of a domain, or of one above it, that was written just before. A whole export comes in the order of labels from the last
/// on, so that what lies below a name follows it; in another order less is left out.
#[derive(Debug, Default)]
struct Above(String);

impl Above {
    /// Whether the last name that was kept covers this one; else it is kept.
    fn covers(&mut self, name: &str) -> bool {
        let below = name.strip_suffix(self.0.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        if !self.0.is_empty() && below {
            return true;
        }
        self.0.clear();
        self.0.push_str(name);
        false
    }
}
