//! Text: one value per line, or free text with values in it, defanged or not.
//!
//! Read as people write it: comments (`#`, `;`, `//`, `!`), bullets, hosts files (`0.0.0.0 name`), Loki's `value;score;comment`, ad blockers' `||name^`,
//! `kind: value`, and reports in prose. A line that holds a value which cannot be taken is a problem; blank lines, comments, headings and prose are not.

use std::io::{self, BufRead, Write};
use std::ops::ControlFlow;

use super::{
    Item, Problem,
    decode::{LINE_MAX, Line, Lines},
    extract::{self, Found},
};
use crate::model::{Indicator, Observable, ObservableKind};

/// Fields that begin an e-mail's header and nothing else.
const MAIL_FIELDS: [&str; 8] =
    ["received:", "authentication-results:", "received-spf:", "return-path:", "delivered-to:", "dkim-signature:", "arc-seal:", "x-received:"];

/// Gives `sink` every indicator and every problem of `input`, in order, until it breaks. Needs memory for one line.
///
/// An e-mail address alone in the first line over values of other kinds is whom to ask, not an indicator. A whole e-mail with its header is not read: the addresses
/// in it are people's.
///
/// # Errors
/// What reading gives; bad content is a problem, not an error.
pub fn read(input: &mut dyn BufRead, sink: &mut dyn FnMut(Item) -> ControlFlow<()>) -> io::Result<()> {
    read_lines(input, &mut Contact::new(sink), &extract::line)
}

/// Like [`read`], for a list of values of one kind that cannot be told by their form, such as process names: one value per line.
///
/// # Errors
/// What reading gives.
pub fn read_kind(kind: ObservableKind, input: &mut dyn BufRead, sink: &mut dyn FnMut(Item) -> ControlFlow<()>) -> io::Result<()> {
    let of_kind = |text: &str| match text.trim() {
        "" => Found::default(),
        comment if comment.starts_with('#') => Found::default(),
        value => {
            let mut found = Found::default();
            found.add(Observable::parse(kind, value).map_err(|bad| bad.to_string()));
            found
        }
    };
    read_lines(input, &mut Contact { sink, held: None, first: false }, &of_kind)
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

fn read_lines(input: &mut dyn BufRead, sink: &mut Contact<'_>, values: &dyn Fn(&str) -> Found) -> io::Result<()> {
    let mut lines = Lines::new(input)?;
    let mut begun = false;
    loop {
        let number = lines.number() + 1;
        let flow = match lines.read()? {
            None => break,
            Some(Line::TooLong) => sink.problem(number, format!("the line is longer than {LINE_MAX} bytes")),
            Some(Line::Text(text)) if !begun && begins_mail(&text) => {
                let what = "this is a whole e-mail, and the addresses in it are people's\nhint: put the values that matter into a list";
                let _ = sink.problem(number, what.to_owned());
                return Ok(());
            }
            Some(Line::Text(text)) => {
                begun |= !text.trim().is_empty();
                sink.found(number, values(&text))
            }
        };
        if flow.is_break() {
            return Ok(());
        }
    }
    let _ = sink.release();
    Ok(())
}

fn begins_mail(line: &str) -> bool {
    MAIL_FIELDS.iter().any(|field| line.get(..field.len()).is_some_and(|start| start.eq_ignore_ascii_case(field)))
}

/// Holds an e-mail address in the first line back until the next value shows whether it is one of many.
struct Contact<'a> {
    sink: &'a mut dyn FnMut(Item) -> ControlFlow<()>,
    held: Option<(u64, Observable)>,
    first: bool,
}

impl<'a> Contact<'a> {
    fn new(sink: &'a mut dyn FnMut(Item) -> ControlFlow<()>) -> Self {
        Self { sink, held: None, first: true }
    }

    fn found(&mut self, number: u64, found: Found) -> ControlFlow<()> {
        for problem in found.problems {
            self.problem(number, problem)?;
        }
        for value in found.values {
            if std::mem::take(&mut self.first) && value.kind() == ObservableKind::Email {
                self.held = Some((number, value));
                continue;
            }
            match self.held.take() {
                Some((first, held)) if value.kind() == ObservableKind::Email => self.indicator(first, held)?,
                Some((first, held)) => {
                    let what = format!("`{}` stands alone over values of other kinds, so it is taken for a contact\nhint: `share {0} --kind email` if it is not", held.value());
                    self.problem(first, what)?;
                }
                None => {}
            }
            self.indicator(number, value)?;
        }
        ControlFlow::Continue(())
    }

    fn release(&mut self) -> ControlFlow<()> {
        match self.held.take() {
            Some((number, held)) => self.indicator(number, held),
            None => ControlFlow::Continue(()),
        }
    }

    fn indicator(&mut self, number: u64, value: Observable) -> ControlFlow<()> {
        let indicator = Box::new(Indicator::bare(value));
        (self.sink)(Item::Indicator { place: format!("line {number}"), indicator, tlp: None, revoked: false })
    }

    fn problem(&mut self, number: u64, what: String) -> ControlFlow<()> {
        (self.sink)(Item::Problem(Problem { place: format!("line {number}"), what }))
    }
}
