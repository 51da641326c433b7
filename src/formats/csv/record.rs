//! A line, or several where quotes hold them together, as cells.

use std::collections::VecDeque;
use std::io::{self, BufRead};

use crate::formats::decode::{Line, Lines};
use crate::formats::text::too_long;

/// A quoted cell may go over this many lines.
const LINES_MAX: usize = 200;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Record {
    /// The cells of a record, blanks round them gone.
    Cells(Vec<String>),
    /// A line that begins with `#`, without it.
    Comment(String),
    /// A line that is too long, or a quote that is never closed: what to say of it.
    Bad(String),
}

/// Records of a file. Memory: at most as many lines as a record may have, as long in all as one may be, and those looked ahead at.
pub(super) struct Records<'a> {
    lines: Lines<'a>,
    ahead: VecDeque<(u64, Option<String>)>,
    pub(super) line_bytes_max: usize,
    pub(super) delimiter: char,
}

impl<'a> Records<'a> {
    pub(super) fn new(line_bytes_max: usize, input: &'a mut dyn BufRead) -> io::Result<Self> {
        Ok(Self { lines: Lines::within(line_bytes_max, input)?, ahead: VecDeque::new(), line_bytes_max, delimiter: ',' })
    }

    /// The next `count` lines with their numbers, which are read again afterwards. Lines that are too long are left out.
    pub(super) fn look_ahead(&mut self, count: usize) -> io::Result<Vec<(u64, String)>> {
        while self.ahead.len() < count {
            match self.fresh()? {
                Some(line) => self.ahead.push_back(line),
                None => break,
            }
        }
        Ok(self.ahead.iter().filter_map(|(number, line)| Some((*number, line.clone()?))).collect())
    }

    /// The next line as it stands; `None` for one that is too long.
    pub(super) fn line(&mut self) -> io::Result<Option<(u64, Option<String>)>> {
        match self.ahead.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.fresh(),
        }
    }

    /// The next record and the number of its first line.
    pub(super) fn record(&mut self) -> io::Result<Option<(u64, Record)>> {
        let Some((number, line)) = self.line()? else { return Ok(None) };
        let Some(line) = line else {
            return Ok(Some((number, Record::Bad(too_long(self.line_bytes_max)))));
        };
        if let Some(comment) = line.trim_start().strip_prefix('#') {
            return Ok(Some((number, Record::Comment(comment.trim_start_matches(['#', ' ']).to_owned()))));
        }
        let (cells, open) = split(&line, self.delimiter);
        if open { self.continued(number, line) } else { Ok(Some((number, Record::Cells(cells)))) }
    }

    /// A record whose quote is open at the end of its first line. If nothing closes it, only that line is lost.
    fn continued(&mut self, number: u64, first: String) -> io::Result<Option<(u64, Record)>> {
        let mut whole = first;
        let mut taken = Vec::new();
        while taken.len() < LINES_MAX && whole.len() <= self.line_bytes_max {
            let Some((at, line)) = self.line()? else { break };
            let text = line.clone();
            taken.push((at, line));
            let Some(text) = text else { break };
            whole.push('\n');
            whole.push_str(&text);
            // Only a quote can close a quote.
            if !text.contains('"') {
                continue;
            }
            let (cells, open) = split(&whole, self.delimiter);
            if !open {
                return Ok(Some((number, Record::Cells(cells))));
            }
        }
        for line in taken.into_iter().rev() {
            self.ahead.push_front(line);
        }
        Ok(Some((number, Record::Bad("a quote is opened and never closed".to_owned()))))
    }

    fn fresh(&mut self) -> io::Result<Option<(u64, Option<String>)>> {
        let line = match self.lines.read()? {
            None => return Ok(None),
            Some(Line::Text(text)) => Some(text.into_owned()),
            Some(Line::TooLong) => None,
        };
        Ok(Some((self.lines.number(), line)))
    }
}

/// Cells, and whether a quote is still open at the end. Lenient: a quote inside an unquoted cell is a character, and text behind a closing quote belongs to the cell.
pub(super) fn split(line: &str, delimiter: char) -> (Vec<String>, bool) {
    if !line.contains('"') {
        return (line.split(delimiter).map(|cell| cell.trim().to_owned()).collect(), false);
    }
    let mut cells = Vec::new();
    let mut cell = String::new();
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' if quoted => quoted = false,
            '"' if cell.trim().is_empty() => {
                cell.clear();
                quoted = true;
            }
            _ if c == delimiter && !quoted => cells.push(std::mem::take(&mut cell).trim().to_owned()),
            _ => cell.push(c),
        }
    }
    cells.push(cell.trim().to_owned());
    (cells, quoted)
}

/// The delimiter that cuts most of `lines` into the same number of cells; `None` if they have one cell each.
pub(super) fn delimiter(lines: &[(u64, String)]) -> Option<char> {
    let lines: Vec<&str> = lines.iter().map(|(_, line)| line.trim()).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let score = |delimiter: char| {
        let counts: Vec<usize> = lines.iter().map(|line| split(line, delimiter).0.len()).filter(|&count| count > 1).collect();
        let most = counts.iter().map(|count| (counts.iter().filter(|other| *other == count).count(), *count)).max().unwrap_or((0, 0));
        (counts.len(), most.0, most.1)
    };
    let best = [',', '\t', ';', '|'].into_iter().rev().max_by_key(|&delimiter| score(delimiter))?;
    let (cut, _, _) = score(best);
    (cut * 2 >= lines.len() && cut > 0).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_delimiters_and_lines_together() {
        assert_eq!(split("a,\"b,\"\"c\"\"\", d", ','), (vec!["a".into(), "b,\"c\"".into(), "d".into()], false));
        assert_eq!(split("5\" disk,b", ','), (vec!["5\" disk".into(), "b".into()], false));
        assert!(split("a,\"b", ',').1);
    }

    #[test]
    fn a_quote_that_is_never_closed_costs_one_line() {
        let mut input = "\"a,b\nc,d\n".as_bytes();
        let mut records = Records::new(crate::formats::Limits::default().line_bytes_max, &mut input).expect("a slice");
        assert_eq!(records.record().expect("a slice"), Some((1, Record::Bad("a quote is opened and never closed".into()))));
        assert_eq!(records.record().expect("a slice"), Some((2, Record::Cells(vec!["c".into(), "d".into()]))));
    }

    #[test]
    fn the_delimiter_is_the_one_that_cuts_all_lines_alike() {
        let lines = |text: &str| text.lines().map(|line| (0, line.to_owned())).collect::<Vec<_>>();
        assert_eq!(delimiter(&lines("value,type\na,b\n")), Some(','));
        assert_eq!(delimiter(&lines("a;b@c;d\na;b;d\n")), Some(';'));
        assert_eq!(delimiter(&lines("a\tb,c,d\tx\na\tb\tx\n")), Some('\t'));
        assert_eq!(delimiter(&lines("a\nb\nc, d\n")), None);
    }
}
