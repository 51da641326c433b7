//! Other people's bytes to and from the model. Pure: readers in, items out.
//!
//! An import yields what it understood and what it did not: one bad line never loses a file.

pub mod csv;
mod decode;
mod extract;
pub mod json;
pub mod misp;
pub mod pattern;
pub mod sniff;
pub mod stix;
pub mod text;
mod words;

use crate::model::{Indicator, Tlp};
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
        /// The source says that it is withdrawn (STIX `revoked`, MISP `deleted`).
        revoked: bool,
    },
    /// A record that was not taken, and why.
    Problem(Problem),
}

/// A record that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Problem {
    /// Where it stands: `line 12`, `objects[7] indicator--…`.
    #[serde(rename = "where")]
    pub place: String,
    /// What is wrong and what to do, in words.
    pub what: String,
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
            Item::Problem(_) => summary.problems += 1,
        }
        sink(item)
    };
    if let Some(what) = refused {
        let _ = counted(Item::Problem(Problem { place: "the input".into(), what: what.into() }));
        return Ok(summary);
    }
    match format {
        Format::Stix => return stix::read(&mut whole, scratch, sink),
        Format::Misp => return misp::read(&mut whole, scratch, sink),
        Format::Csv => csv::read(&mut whole, &mut counted),
        Format::Text => text::read(&mut whole, &mut counted),
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

/// Records that are left out for the same reason, told once at the end: the first place, and how many more.
#[derive(Default)]
struct Tally {
    reasons: BTreeMap<String, (String, u64)>,
}

impl Tally {
    fn add(&mut self, place: String, what: String) {
        let known = self.reasons.len() < REASONS_MAX || self.reasons.contains_key(&what);
        let what = if known { what } else { "left out for another reason".into() };
        self.reasons.entry(what).or_insert((place, 0)).1 += 1;
    }

    fn problems(self) -> impl Iterator<Item = Problem> {
        self.reasons.into_iter().map(|(what, (place, count))| match count {
            1 => Problem { place, what },
            _ => Problem { place: format!("{place} and {} more", count - 1), what },
        })
    }
}
