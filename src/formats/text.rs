//! Text: one value per line, or free text with values in it, defanged or not.
//!
//! Read as people write it: comments (`#`, `;`, `//`, `!`), bullets, hosts files (`0.0.0.0 name`), Loki's `value;score;comment`, ad blockers' `||name^`,
//! `kind: value`, and reports in prose. A line that holds a value which cannot be taken is a problem; blank lines, comments, headings and prose are not.

use std::io::{self, BufRead, Write};
use std::ops::ControlFlow;

use super::{
    Item, Problem,
    decode::{LINE_MAX, Line, Lines},
    extract::{self, Found, Unsure},
};
use crate::model::{Indicator, Observable, ObservableKind};

/// Fields that begin an e-mail's header and nothing else.
const MAIL_FIELDS: [&str; 8] = [
    "received:",
    "authentication-results:",
    "received-spf:",
    "return-path:",
    "delivered-to:",
    "dkim-signature:",
    "arc-seal:",
    "x-received:",
];

/// Gives `sink` every indicator and every problem of `input`, in order, until it breaks. Needs memory for one line.
///
/// An e-mail address alone in the first line over values of other kinds is whom to ask, not an indicator. A whole e-mail with its header is not read: the addresses
/// in it are people's. What stands under a heading that calls it legitimate is not taken. A name that could be of two kinds is taken as what the
/// file's other names are.
///
/// # Errors
/// What reading gives; bad content is a problem, not an error.
pub fn read(input: &mut dyn BufRead, sink: &mut dyn FnMut(Item) -> ControlFlow<()>) -> io::Result<()> {
    let mut lines = Lines::new(input)?;
    let mut reader = Reader::new(sink);
    loop {
        let number = lines.number() + 1;
        let flow = match lines.read()? {
            None => break,
            Some(Line::TooLong) => reader.line(number, None),
            Some(Line::Text(text)) => reader.line(number, Some(&text)),
        };
        if flow.is_break() {
            return Ok(());
        }
    }
    reader.end();
    Ok(())
}

/// Like [`read`], for a list of values of one kind that cannot be told by their form, such as process names: one value per line, blank lines and
/// lines that begin with `#` left out.
///
/// # Errors
/// What reading gives.
pub fn read_kind(kind: ObservableKind, input: &mut dyn BufRead, sink: &mut dyn FnMut(Item) -> ControlFlow<()>) -> io::Result<()> {
    let mut lines = Lines::new(input)?;
    loop {
        let place = format!("line {}", lines.number() + 1);
        let item = match lines.read()? {
            None => return Ok(()),
            Some(Line::TooLong) => problem(place, too_long()),
            Some(Line::Text(text)) if text.trim().is_empty() || text.starts_with('#') => continue,
            Some(Line::Text(text)) => match Observable::parse(kind, &text) {
                Ok(value) => indicator(place, value),
                Err(bad) => problem(place, bad.to_string()),
            },
        };
        if sink(item).is_break() {
            return Ok(());
        }
    }
}

/// One value per line, in UTF-8.
///
/// # Errors
/// What writing gives.
pub fn write<'a>(values: impl IntoIterator<Item = &'a Observable>, out: &mut dyn Write) -> io::Result<()> {
    for value in values {
        writeln!(out, "{}", value.value())?;
    }
    Ok(())
}

fn too_long() -> String {
    format!("the line is longer than {LINE_MAX} bytes")
}

fn indicator(place: String, value: Observable) -> Item {
    Item::Indicator { place, indicator: Box::new(Indicator::bare(value)), tlp: None, revoked: false }
}

fn problem(place: String, what: String) -> Item {
    Item::Problem(Problem { place, what })
}

fn begins_mail(line: &str) -> bool {
    MAIL_FIELDS.iter().any(|field| line.get(..field.len()).is_some_and(|start| start.eq_ignore_ascii_case(field)))
}

/// `LEGITIMATE DOMAINS:`, `# benign`.
fn calls_legitimate(heading: &str) -> bool {
    let lower = heading.to_lowercase();
    ["legitimate", "benign", "non-malicious", "not malicious", "false positive", "allowlist", "whitelist"]
        .iter()
        .any(|word| lower.contains(word))
}

/// What is remembered from line to line.
pub(super) struct Reader<'a> {
    sink: &'a mut dyn FnMut(Item) -> ControlFlow<()>,
    begun: bool,
    /// This is an e-mail.
    mail: bool,
    /// The section's heading calls its values legitimate.
    legitimate: bool,
    /// The kind of the last value that stood alone in a line.
    kind: Option<ObservableKind>,
    /// Values at the start that cannot be decided without the next one: an e-mail address in the first line, and names of two possible kinds.
    held: Vec<(u64, Held)>,
}

enum Held {
    Contact(Observable),
    Unsure(Unsure),
}

/// How many undecided names may stand before the first decided one.
const HELD_MAX: usize = 100;

impl<'a> Reader<'a> {
    pub(super) fn new(sink: &'a mut dyn FnMut(Item) -> ControlFlow<()>) -> Self {
        Self { sink, begun: false, mail: false, legitimate: false, kind: None, held: Vec::new() }
    }

    /// The next line; `None` for one that is too long.
    pub(super) fn line(&mut self, number: u64, text: Option<&str>) -> ControlFlow<()> {
        let Some(text) = text else { return self.problem(number, too_long()) };
        if self.mail || text.trim().is_empty() {
            return ControlFlow::Continue(());
        }
        let first = !std::mem::replace(&mut self.begun, true);
        if first && begins_mail(text) {
            self.mail = true;
            let what = "this is a whole e-mail, and the addresses in it are people's\nhint: put the values that matter into a list";
            return self.problem(number, what.to_owned());
        }
        let found = extract::line(text);
        if found == Found::default() && (text.trim_end().ends_with(':') || text.starts_with('#')) {
            self.legitimate = calls_legitimate(text);
        }
        self.found(number, found, first)
    }

    /// The end of the file: what is held is decided without help.
    pub(super) fn end(&mut self) {
        let _ = self.release();
    }

    fn found(&mut self, number: u64, found: Found, first: bool) -> ControlFlow<()> {
        for what in found.problems {
            self.problem(number, what)?;
        }
        for value in found.values {
            if self.legitimate {
                self.problem(number, format!("`{}` stands under a heading that calls it legitimate", value.value()))?;
            } else if first && value.kind() == ObservableKind::Email {
                self.held.push((number, Held::Contact(value)));
            } else {
                self.kind = Some(value.kind());
                self.release()?;
                (self.sink)(indicator(format!("line {number}"), value))?;
            }
        }
        match found.unsure {
            Some(unsure) if self.kind.is_none() && self.held.len() < HELD_MAX => self.held.push((number, Held::Unsure(unsure))),
            Some(unsure) => self.decide(number, unsure)?,
            None => {}
        }
        ControlFlow::Continue(())
    }

    fn release(&mut self) -> ControlFlow<()> {
        for (number, held) in std::mem::take(&mut self.held) {
            match held {
                Held::Contact(value) if self.kind.is_none_or(|kind| kind == ObservableKind::Email) => {
                    (self.sink)(indicator(format!("line {number}"), value))?
                }
                Held::Contact(value) => {
                    let what = format!(
                        "`{}` stands over values of other kinds, so it is taken for a contact\nhint: `watchfire share` takes it if it is not",
                        value.value()
                    );
                    self.problem(number, what)?;
                }
                Held::Unsure(unsure) => self.decide(number, unsure)?,
            }
        }
        ControlFlow::Continue(())
    }

    fn decide(&mut self, number: u64, unsure: Unsure) -> ControlFlow<()> {
        match unsure.as_kind(self.kind) {
            Some(value) => (self.sink)(indicator(format!("line {number}"), value)),
            None => self.problem(number, unsure.problem),
        }
    }

    fn problem(&mut self, number: u64, what: String) -> ControlFlow<()> {
        (self.sink)(problem(format!("line {number}"), what))
    }
}
