//! Other people's bytes to and from the model. Pure: readers in, items out.
//!
//! An import yields what it understood and what it did not: one bad line never loses a file.

pub mod age;
pub mod csv;
mod decode;
pub mod export;
mod extract;
pub mod json;
mod marks;
pub mod misp;
pub mod pattern;
pub mod records;
pub mod sniff;
pub mod stix;
pub mod text;
pub mod warninglist;
mod words;

pub use marks::{marks_of, take_marks};

use crate::model::{Class, Indicator, Pap, Tlp};
use std::collections::BTreeMap;
use std::io::{BufRead, Read};
use std::ops::ControlFlow;

/// One thing read from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// An indicator, with the label that its source gave it; `None` where the source says nothing.
    Indicator {
        /// Where it stands: `line 12`, `objects[7] indicator--…`.
        place: String,
        /// The indicator. Boxed, since most items are this.
        indicator: Box<Indicator>,
        /// The source's own label, the most restrictive where it has several.
        tlp: Option<Tlp>,
        /// The class that it gives; public where it gives none.
        class: Class,
        /// What it says may be done with it; clear where it says nothing.
        pap: Pap,
        /// The source says that it is withdrawn (STIX `revoked`, MISP `deleted`).
        revoked: bool,
    },
    /// A record that was not taken, and why.
    Problem(Problem),
    /// Records that are no indicators, or of a kind that is not understood: so many for this reason, told at the first one's place.
    LeftOut(Problem, u64),
    /// What was not understood of records that were taken. Counts as no record.
    Note(Problem),
}

impl Item {
    /// An indicator as a reader has it: what its labels say of class and PAP is no label.
    fn indicator(place: String, indicator: Indicator, tlp: Option<Tlp>, revoked: bool) -> Self {
        Self::marked(place, indicator, tlp, (Class::Public, Pap::Clear), revoked)
    }

    /// As [`Self::indicator`], with what is said of class and PAP beside the labels.
    fn marked(place: String, mut indicator: Indicator, tlp: Option<Tlp>, said: (Class, Pap), revoked: bool) -> Self {
        let (class, pap) = take_marks(&mut indicator.labels);
        let (class, pap) = (class.max(said.0), pap.max(said.1));
        Self::Indicator { place, indicator: Box::new(indicator), tlp, class, pap, revoked }
    }
}

/// A record that was not taken, or what was not understood of one that was.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Problem {
    /// Where it stands: `line 12`, `objects[7] indicator--…`.
    #[serde(rename = "where")]
    pub place: String,
    /// What is wrong and what to do, in words.
    pub what: String,
}

/// What is said of a JSON file that ends, or stops being JSON, before its end.
pub(crate) const NOT_JSON: &str = "not JSON from here on";
/// The place of what is wrong with all of a file.
const ALL: &str = "the input";

impl Problem {
    /// Whether more than this record is missing: the file breaks off, or is none of its kind at all.
    pub fn is_of_all(&self) -> bool {
        self.place == ALL || self.what.starts_with(NOT_JSON)
    }
}

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A STIX 2.0 or 2.1 bundle, or an array or a sequence of objects.
    Stix,
    /// MISP events in any of their wrappers.
    Misp,
    /// Delimiter-separated values with or without a header.
    Csv,
    /// One value per line, or free text with values in it, defanged or not.
    Text,
}

/// Bounds on one record of a file: what is longer is a [`Problem`], and the rest is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A line of text or CSV, and a CSV record over several lines, in bytes.
    pub line_bytes_max: usize,
    /// A JSON object or attribute, in bytes.
    pub object_bytes_max: usize,
}

impl Default for Limits {
    /// 64 KiB and 16 MiB.
    fn default() -> Self {
        Self { line_bytes_max: decode::LINE_MAX, object_bytes_max: json::VALUE_BYTES_MAX }
    }
}

/// Takes what is read, one item at a time; breaks to end the reading.
pub type Sink<'a> = dyn FnMut(Item) -> ControlFlow<()> + 'a;

/// The input or the scratch file failed. What an input says wrongly is never an error, but a [`Problem`].
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The input.
    #[error("failed to read the input: {0}")]
    Input(std::io::Error),
    /// The scratch file.
    #[error(
        "failed to use the scratch file: {0}\nhint: a STIX or MISP file needs about as much room as it has itself, in the data directory"
    )]
    Scratch(std::io::Error),
}

/// What was read, in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Indicators given to the sink.
    pub indicators: u64,
    /// Problems given to the sink.
    pub problems: u64,
    /// The most indicators that were in memory at once.
    pub waiting_max: u64,
}

/// Reads a file of any of the formats; `format` where the caller knows it, else told by its first bytes and `file_name`.
///
/// `scratch` is a file of the caller's that is written and read back, and worthless afterwards.
///
/// # Errors
/// The input or the scratch file fails.
pub fn read(
    input: &mut dyn BufRead,
    format: Option<Format>,
    file_name: Option<&str>,
    scratch: &mut dyn stix::Scratch,
    sink: &mut Sink<'_>,
) -> Result<Summary, ReadError> {
    read_within(Limits::default(), input, format, file_name, scratch, sink)
}

/// As [`read`], with other bounds.
///
/// # Errors
/// As [`read`].
pub fn read_within(
    limits: Limits,
    input: &mut dyn BufRead,
    format: Option<Format>,
    file_name: Option<&str>,
    scratch: &mut dyn stix::Scratch,
    sink: &mut Sink<'_>,
) -> Result<Summary, ReadError> {
    let mut first = Vec::new();
    let mut input = input;
    (&mut input).take(sniff::SNIFF_BYTES as u64).read_to_end(&mut first).map_err(ReadError::Input)?;
    let refused = sniff::refused(&first);
    let format = format.unwrap_or_else(|| sniff::detect(&first, file_name));
    let mut whole = std::io::Cursor::new(first).chain(input);
    let mut summary = Summary::default();
    let mut counted = |item: Item| {
        match item {
            Item::Indicator { .. } => summary.indicators += 1,
            Item::Problem(_) | Item::LeftOut(..) => summary.problems += 1,
            Item::Note(_) => {}
        }
        sink(item)
    };
    if let Some(what) = refused {
        let _ = counted(Item::Problem(Problem { place: ALL.into(), what: what.into() }));
        return Ok(summary);
    }
    match format {
        Format::Stix => return stix::read_within(limits.object_bytes_max, &mut whole, scratch, sink),
        Format::Misp => return misp::read_within(limits.object_bytes_max, &mut whole, scratch, sink),
        Format::Csv => csv::read_within(limits.line_bytes_max, &mut whole, &mut counted),
        Format::Text => text::read_within(limits.line_bytes_max, &mut whole, &mut counted),
    }
    .map_err(ReadError::Input)?;
    Ok(summary)
}

/// Why a reader ends early.
enum Stop {
    Json(json::JsonError),
    Scratch(std::io::Error),
    Enough,
}

impl From<json::JsonError> for Stop {
    fn from(error: json::JsonError) -> Self {
        Self::Json(error)
    }
}

fn problem(sink: &mut Sink<'_>, place: String, what: String) -> Result<(), Stop> {
    match sink(Item::Problem(Problem { place, what })) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Stop::Enough),
    }
}

/// The most different reasons that are counted apart.
const REASONS_MAX: usize = 200;

/// Records that are left out, or not wholly understood, for the same reason, told once at the end: the first place, and how many more.
#[derive(Default)]
struct Tally {
    reasons: BTreeMap<String, (String, u64)>,
}

impl Tally {
    fn add(&mut self, place: String, what: String) {
        let known = self.reasons.len() < REASONS_MAX || self.reasons.contains_key(&what);
        let what = if known { what } else { "another reason".into() };
        self.reasons.entry(what).or_insert((place, 0)).1 += 1;
    }

    /// Each reason, and how many records it stands for.
    fn problems(self) -> impl Iterator<Item = (Problem, u64)> {
        self.reasons.into_iter().map(|(what, (place, count))| {
            let place = if count == 1 { place } else { format!("{place} and {} more", count - 1) };
            (Problem { place, what }, count)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of a text with one record that is too long between two that are not.
    fn read_with(limits: Limits, format: Format, text: &str) -> (usize, Vec<String>) {
        let (mut indicators, mut problems) = (0, Vec::new());
        let mut sink = |item: Item| {
            match item {
                Item::Indicator { .. } => indicators += 1,
                Item::Problem(problem) | Item::LeftOut(problem, _) | Item::Note(problem) => problems.push(problem.what),
            }
            ControlFlow::Continue(())
        };
        let mut scratch = std::io::Cursor::new(Vec::new());
        read_within(limits, &mut text.as_bytes(), Some(format), None, &mut scratch, &mut sink).expect("memory does not fail");
        (indicators, problems)
    }

    #[test]
    fn a_record_beyond_the_bound_is_a_problem_and_costs_no_other() {
        let long = "x".repeat(3_000);
        let attribute = |value: &str, comment: &str| {
            format!(r#"{{"type":"domain","category":"Network activity","to_ids":true,"value":"{value}","comment":"{comment}"}}"#)
        };
        let indicator = |name: &str, n: u8| {
            let (id, time) = (format!("indicator--00000000-0000-4000-8000-0000000000{n:02}"), "2026-01-01T00:00:00Z");
            format!(
                r#"{{"type":"indicator","spec_version":"2.1","id":"{id}","created":"{time}","modified":"{time}","valid_from":"{time}",
                "name":"{name}","pattern_type":"stix","pattern":"[domain-name:value = 'evil{n}.example.org']"}}"#
            )
        };
        let cases = [
            (Format::Text, format!("a.example.org\n{long}\nb.example.org\n"), "the line is longer than 2048 bytes"),
            (
                Format::Csv,
                format!("domain,note\na.example.org,x\nc.example.org,{long}\nb.example.org,y\n"),
                "the line is longer than 2048 bytes",
            ),
            (
                Format::Misp,
                format!(
                    r#"{{"Event":{{"info":"i","Attribute":[{},{},{}]}}}}"#,
                    attribute("a.example.org", ""),
                    attribute("c.example.org", &long),
                    attribute("b.example.org", "")
                ),
                "larger than 2048 bytes",
            ),
            (
                Format::Stix,
                format!(r#"{{"type":"bundle","objects":[{},{},{}]}}"#, indicator("a", 1), indicator(&long, 2), indicator("b", 3)),
                "the object is larger than 2048 bytes",
            ),
        ];
        for (format, text, expected) in cases {
            let low = Limits { line_bytes_max: 2_048, object_bytes_max: 2_048 };
            assert_eq!(read_with(low, format, &text), (2, vec![expected.to_owned()]), "{format:?}");
            let whole = read_with(Limits::default(), format, &text);
            assert!(!whole.1.contains(&expected.to_owned()), "{format:?}: {whole:?}");
        }
    }
}
