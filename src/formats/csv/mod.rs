//! Values separated by commas, semicolons, tabs or bars, with or without a header.
//!
//! The header decides what is a value; without one, what stands in the columns. Notes, links and all that no header calls a value are never searched for values. A file of one
//! column without a header is read as [`text`].

mod columns;
mod record;
mod write;

use std::io::{self, BufRead};
use std::ops::ControlFlow;

use columns::Role;
use record::{Record, Records};
pub(in crate::formats) use write::guarded;
pub use write::{HEADER, Writer, write};

use super::marks::is_mark;
use super::misp::confidence_of;
use super::{
    Item, Limits, Problem, Tally,
    extract::{self, Found},
    text,
    words::{self, Means},
};
use crate::model::{Indicator, Observable, Tlp, observable::shown};

/// How many lines are looked at before it is decided what the columns are.
const AHEAD: usize = 40;
/// Bounds of what is read, in characters, far above what leaves: the release gate looks at it before it cuts it. And of how many labels there may be.
const NOTE_MAX: usize = 16_000;
const SOURCE_MAX: usize = 2_000;
const LABEL_MAX: usize = 1_000;
const LABELS_MAX: usize = 20;

/// Gives `sink` every indicator and every problem of `input`, in order, until it breaks. Needs memory for one record and 40 lines.
///
/// What stands before the header is not taken; a TLP label there or in a comment labels every row that has no stricter one. A row whose TLP label cannot be read is not taken.
///
/// # Errors
/// What reading gives; bad content is a problem, not an error.
pub fn read(input: &mut dyn BufRead, sink: &mut dyn FnMut(Item) -> ControlFlow<()>) -> io::Result<()> {
    read_within(Limits::default().line_bytes_max, input, sink)
}

/// As [`read`], with lines of at most so many bytes.
///
/// # Errors
/// As [`read`].
pub fn read_within(line_bytes_max: usize, input: &mut dyn BufRead, sink: &mut dyn FnMut(Item) -> ControlFlow<()>) -> io::Result<()> {
    let mut records = Records::new(line_bytes_max, input)?;
    let ahead = records.look_ahead(AHEAD)?;
    let delimiter = record::delimiter(&ahead);
    records.delimiter = delimiter.unwrap_or(',');
    let header = find_header(&ahead, records.delimiter);
    if delimiter.is_none() && header.is_none() {
        return read_column(&mut records, sink);
    }
    let (first, roles) = header.unwrap_or_else(|| (0, columns::without_header(&ahead, records.delimiter)));
    let mut table = Table { roles, tlp: None, unknown_types: Tally::default(), sink };
    while let Some((number, record)) = records.record()? {
        let flow = match record {
            Record::Bad(what) => table.problem(number, what),
            Record::Comment(text) => {
                table.tlp = table.tlp.max(words::tlp(&text));
                ControlFlow::Continue(())
            }
            Record::Cells(_) if number == first => ControlFlow::Continue(()),
            Record::Cells(cells) if number < first => table.before_header(number, &cells),
            Record::Cells(cells) => table.row(number, &cells),
        };
        if flow.is_break() {
            return Ok(());
        }
    }
    for (note, _) in table.unknown_types.problems() {
        if (table.sink)(Item::Note(note)).is_break() {
            break;
        }
    }
    Ok(())
}

/// The header's line and columns. Some feeds comment their header out. At most one row of values may stand above it, or it is a word in a table.
fn find_header(lines: &[(u64, String)], delimiter: char) -> Option<(u64, Vec<Role>)> {
    let mut values = 0;
    for (number, line) in lines {
        let cells = record::split(line.trim_start().trim_start_matches('#'), delimiter).0;
        let comment = line.trim_start().starts_with('#');
        if let Some(roles) = columns::header(&cells).filter(|_| !comment || cells.len() > 1) {
            return Some((*number, roles));
        }
        values += usize::from(!comment && cells.iter().any(|cell| Observable::guess(cell).is_ok()));
        if values > 1 {
            return None;
        }
    }
    None
}

fn read_column(records: &mut Records<'_>, sink: &mut dyn FnMut(Item) -> ControlFlow<()>) -> io::Result<()> {
    let mut reader = text::Reader::new(records.line_bytes_max, sink);
    while let Some((number, line)) = records.line()? {
        if reader.line(number, line.as_deref()).is_break() {
            return Ok(());
        }
    }
    reader.end();
    Ok(())
}

struct Table<'a> {
    roles: Vec<Role>,
    /// The label that comments and what stands before the header give all rows.
    tlp: Option<Tlp>,
    /// Words in columns of types that say nothing to us.
    unknown_types: Tally,
    sink: &'a mut dyn FnMut(Item) -> ControlFlow<()>,
}

impl Table<'_> {
    fn problem(&mut self, number: u64, what: String) -> ControlFlow<()> {
        (self.sink)(Item::Problem(Problem { place: format!("line {number}"), what }))
    }

    /// Whom to ask, where from: values there are not the table's.
    fn before_header(&mut self, number: u64, cells: &[String]) -> ControlFlow<()> {
        self.tlp = cells.iter().filter_map(|cell| words::tlp(cell)).max().max(self.tlp);
        match cells.iter().find_map(|cell| extract::mentioned(cell)) {
            Some(value) => self.problem(number, format!("`{}` stands before the header, so it is not taken", value.value())),
            None => ControlFlow::Continue(()),
        }
    }

    fn row(&mut self, number: u64, cells: &[String]) -> ControlFlow<()> {
        if cells.iter().all(|cell| is_blank(cell)) {
            return ControlFlow::Continue(());
        }
        let found = self.values(cells);
        // A second table in one file: every cell is a word for a column.
        let again = || columns::header(cells).filter(|roles| roles.len() > 1 && !roles.contains(&Role::Other));
        if found.values.is_empty()
            && let Some(roles) = again()
        {
            self.roles = roles;
            return ControlFlow::Continue(());
        }
        if found.values.is_empty() && found.problems.is_empty() {
            return self.problem(number, "the row holds no value".to_owned());
        }
        let about = match About::of(&self.roles, cells) {
            Ok(about) => about,
            Err(what) => return self.problem(number, what),
        };
        if let Some(word) = self.unknown_type(cells).filter(|_| !found.values.is_empty()) {
            let what = format!("the type `{}` is not known, so the value was taken for what it looks like", shown(word));
            self.unknown_types.add(format!("line {number}"), what);
        }
        for what in found.problems {
            self.problem(number, what)?;
        }
        for value in found.values {
            let (indicator, tlp) = about.indicator(value);
            let tlp = tlp.max(self.tlp);
            (self.sink)(Item::indicator(format!("line {number}"), indicator, tlp, false))?;
        }
        ControlFlow::Continue(())
    }

    fn values(&self, cells: &[String]) -> Found {
        let means = self.means(cells);
        let fronted = self.cells(cells, Role::HostHeader).next();
        let mut all = Found::default();
        for (&role, cell) in self.roles.iter().zip(cells).filter(|(_, cell)| !is_blank(cell)) {
            let cell = write::unguarded(cell);
            let found = match role {
                Role::Value(Some(column)) => front(column, cell, fronted).unwrap_or_else(|| extract::cell(Some(column), cell)),
                Role::Value(None) => typed(means, cell),
                Role::Unnamed => Found { problems: Vec::new(), ..extract::cell(Some(Means::Host), cell) },
                _ => continue,
            };
            found.values.into_iter().for_each(|value| all.add(Ok(value)));
            all.problems.extend(found.problems);
        }
        all
    }

    /// What the row's type says.
    fn means(&self, cells: &[String]) -> Option<Means> {
        self.cells(cells, Role::Type).find_map(|word| words::means(&words::normal(word)))
    }

    /// The row's type, where it has one that says nothing to us and a value's kind hangs on it. `indicator` and the like are no types.
    fn unknown_type<'c>(&self, cells: &'c [String]) -> Option<&'c str> {
        let word = self.cells(cells, Role::Type).next().filter(|_| self.means(cells).is_none())?;
        if columns::of_header(word) == Role::Value(None) {
            return None;
        }
        self.cells(cells, Role::Value(None)).next().map(|_| word.as_str())
    }

    fn cells<'c>(&self, cells: &'c [String], wanted: Role) -> impl Iterator<Item = &'c String> {
        self.roles.iter().zip(cells).filter(move |(role, cell)| **role == wanted && !is_blank(cell)).map(|(_, cell)| cell)
    }
}

/// What the row's type says, or, where it is wrong and the value can only be one thing, that.
fn typed(means: Option<Means>, cell: &str) -> Found {
    let found = extract::cell(means, cell);
    if means.is_none() || !found.values.is_empty() {
        return found;
    }
    let guessed = extract::cell(None, cell);
    if guessed.values.is_empty() { found } else { guessed }
}

/// With a host header of its own, a request goes to a name that is not the attacker's (domain fronting): that name must not get on a blocklist.
fn front(column: Means, cell: &str, host_header: Option<&String>) -> Option<Found> {
    let host_header = host_header.filter(|_| column == Means::Kind(crate::model::ObservableKind::Domain))?;
    let problem = format!("`{}` may be a front, since the host header is `{}`", shown(cell), shown(host_header));
    Some(Found { problems: vec![problem], ..Found::default() })
}

fn is_blank(cell: &str) -> bool {
    matches!(cell.to_ascii_lowercase().as_str(), "" | "-" | "--" | "n/a" | "na" | "none" | "null" | "nan" | "unknown" | "?")
}

/// What a row says of its values.
#[derive(Default)]
struct About {
    tlp: Option<Tlp>,
    valid_from: Option<crate::model::Timestamp>,
    valid_until: Option<crate::model::Timestamp>,
    confidence: Option<u8>,
    /// The same, as tags say it.
    tagged: Option<u8>,
    labels: Vec<String>,
    note: Option<String>,
    source: Option<String>,
}

impl About {
    fn of(roles: &[Role], cells: &[String]) -> Result<Self, String> {
        let mut about = Self::default();
        for (role, cell) in roles.iter().zip(cells).filter(|(_, cell)| !is_blank(cell)) {
            let cell = write::unguarded(cell);
            match role {
                Role::Tlp => about.mark(cell)?,
                Role::From if about.valid_from.is_none() => about.valid_from = columns::date(cell),
                Role::Until if about.valid_until.is_none() => about.valid_until = columns::date(cell),
                Role::Confidence => about.confidence = cell.parse().ok().filter(|&confidence| confidence <= 100),
                Role::Label => about.label(cell)?,
                Role::Note if about.note.is_none() => about.note = Some(clipped(cell, NOTE_MAX)).filter(|note| !note.is_empty()),
                Role::Source if about.source.is_none() => {
                    about.source = Some(clipped(cell, SOURCE_MAX)).filter(|source| !source.is_empty())
                }
                _ => {}
            }
        }
        about.labels.sort();
        about.labels.dedup();
        Ok(about)
    }

    /// The most restrictive of several labels counts.
    fn mark(&mut self, cell: &str) -> Result<(), String> {
        let tlp: Tlp = cell.parse().map_err(|bad: crate::model::tlp::BadTlp| bad.to_string())?;
        self.tlp = self.tlp.max(Some(tlp));
        Ok(())
    }

    /// Names separated by commas, semicolons or bars; a TLP tag among them is the row's label, and of MISP's tags that say how sure the author is the least counts.
    fn label(&mut self, cell: &str) -> Result<(), String> {
        let hashed = cell.starts_with('#');
        for label in cell.split(|c: char| matches!(c, ',' | ';' | '|') || (hashed && c.is_whitespace())) {
            let label = clipped(label.trim().trim_start_matches('#'), LABEL_MAX);
            if label.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("tlp:")) {
                self.mark(&label)?;
            } else if let Some(said) = confidence_of(&label) {
                self.tagged = Some(self.tagged.map_or(said, |other| other.min(said)));
            } else if !is_blank(&label) && (self.labels.len() < LABELS_MAX || is_mark(&label)) {
                self.labels.push(label);
            }
        }
        Ok(())
    }

    fn indicator(&self, observable: Observable) -> (Indicator, Option<Tlp>) {
        let indicator = Indicator {
            observable,
            valid_from: self.valid_from,
            valid_until: self.valid_until,
            confidence: self.confidence.or(self.tagged),
            labels: self.labels.clone(),
            note: self.note.clone(),
            source: self.source.clone(),
        };
        (indicator, self.tlp)
    }
}

/// At most `max` characters, controls as blanks.
fn clipped(text: &str, max: usize) -> String {
    let text: String = text.chars().take(max).map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests;
