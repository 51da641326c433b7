//! Other people's bytes to and from the model. Pure: readers in, items out.
//!
//! An import yields what it understood and what it did not: one bad line never loses a file.

pub mod csv;
mod decode;
mod extract;
pub mod misp;
pub mod pattern;
pub mod sniff;
pub mod stix;
pub mod text;
mod words;

use crate::model::{Indicator, Tlp};

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
