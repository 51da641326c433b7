//! Indicators as CSV.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::model::{Indicator, Tlp};

/// The header of what [`write()`] writes.
pub const HEADER: [&str; 9] = ["value", "type", "tlp", "campaign", "first_seen", "valid_until", "confidence", "source", "note"];

/// Writes indicators with their labels as RFC 4180 CSV in UTF-8, header first; with `bom`, a byte-order mark in front, which Excel needs to read UTF-8.
///
/// A cell that a spreadsheet would take for a formula gets an apostrophe in front, which [`super::read`] takes off again. Several campaigns are joined by `; `.
///
/// # Errors
/// What writing gives.
pub fn write<'a>(rows: impl IntoIterator<Item = (&'a Indicator, Option<Tlp>)>, out: &mut dyn Write, bom: bool) -> io::Result<()> {
    let mut writer = Writer::new(out, bom)?;
    for (indicator, tlp) in rows {
        writer.row(indicator, tlp)?;
    }
    writer.finish()
}

/// Writes as [`write()`] does, a row at a time.
pub struct Writer<W: Write>(csv::Writer<W>);

impl<W: Write> Writer<W> {
    /// Begins with the header.
    ///
    /// # Errors
    /// What writing gives.
    pub fn new(mut out: W, bom: bool) -> io::Result<Self> {
        if bom {
            out.write_all("\u{feff}".as_bytes())?;
        }
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
        writer.write_record(HEADER)?;
        Ok(Self(writer))
    }

    /// Writes an indicator with its label.
    ///
    /// # Errors
    /// What writing gives.
    pub fn row(&mut self, indicator: &Indicator, tlp: Option<Tlp>) -> io::Result<()> {
        let cells = [
            indicator.observable.value().to_owned(),
            indicator.observable.kind().name().to_owned(),
            tlp.map(|tlp| tlp.to_string()).unwrap_or_default(),
            indicator.labels.join("; "),
            indicator.valid_from.map(|time| time.to_string()).unwrap_or_default(),
            indicator.valid_until.map(|time| time.to_string()).unwrap_or_default(),
            indicator.confidence.map(|confidence| confidence.to_string()).unwrap_or_default(),
            indicator.source.clone().unwrap_or_default(),
            indicator.note.clone().unwrap_or_default(),
        ];
        Ok(self.0.write_record(cells.iter().map(|cell| guarded(cell).into_owned()))?)
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// What writing gives.
    pub fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// OWASP's "CSV injection": what begins with one of these is a formula to a spreadsheet, full-width forms included.
fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
}

/// The cell, with an apostrophe in front where a spreadsheet would take it for a formula.
pub(in crate::formats) fn guarded(cell: &str) -> Cow<'_, str> {
    if is_formula(cell.trim_start()) || cell.starts_with('\'') { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

/// The cell without the apostrophe that guards it.
pub(super) fn unguarded(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| is_formula(rest.trim_start()) || rest.starts_with('\'')).unwrap_or(cell)
}
