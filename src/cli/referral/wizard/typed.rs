//! What a person types, as answers: each is checked at once, and asked again with the way out where it is none.

use super::{Answer, Wizard};
use crate::model::Timestamp;
use crate::model::referral::{CODES_MAX, check_line, check_text};
use crate::node::profile_file::nearest;
use std::io::{self, BufRead, Write};
use toml::Value;

/// Longest text of several lines in bytes: more is not read.
const TEXT_BYTES_MAX: usize = 16 << 10;
/// A day begins nowhere more than so long before it does in UTC (14 hours).
const AHEAD_MS_MAX: u64 = 14 * 3_600_000;

impl<R: BufRead, W: Write> Wizard<'_, R, W> {
    /// One code of a list. A default that is no code of it, as `none`, is no answer of its own.
    pub(super) fn code(&mut self, question: &str, list: &str, default: Option<&str>) -> Answer {
        self.show(list, 0)?;
        loop {
            let none = default.filter(|default| *default == "none");
            let shown = default.filter(|_| none.is_none() && self.is_code(list, default)).map(|default| format!(" [{default}]"));
            let typed = self.line(&format!("{question}{}", shown.clone().unwrap_or_default()))?;
            match (typed.as_str(), &shown) {
                (typed, _) if none == Some(typed) => return Ok(None),
                ("", Some(_)) => return Ok(default.map(Into::into)),
                (typed, _) => match self.chosen(list, typed) {
                    Some(code) => return Ok(Some(code.into())),
                    None => self.say(&self.no_code(list, typed))?,
                },
            }
        }
    }

    pub(super) fn codes(&mut self, question: &str, list: &str, some: bool) -> Answer {
        self.show(list, 0)?;
        'again: loop {
            let typed = self.line(question)?;
            let mut codes: Vec<String> = Vec::new();
            for word in words(&typed) {
                match self.chosen(list, word) {
                    Some(code) if codes.contains(&code) => {}
                    Some(code) => codes.push(code),
                    None => {
                        self.say(&self.no_code(list, word))?;
                        continue 'again;
                    }
                }
            }
            match codes.len() {
                0 if some => self.slip("at least one is needed", "numbers or codes, with blanks between")?,
                count if count > CODES_MAX => self.slip("that are too many", &format!("choose up to {CODES_MAX}"))?,
                _ => return Ok(texts(codes)),
            }
        }
    }

    /// What was typed: a code of the list, or its number there.
    pub(super) fn chosen(&self, list: &str, typed: &str) -> Option<String> {
        let entries = &self.lists.get(list)?.entries;
        let by_number = typed.parse::<usize>().ok().and_then(|number| entries.get(number.checked_sub(1)?));
        let found = entries.iter().find(|entry| entry.code.as_str() == typed).or(by_number);
        found.map(|entry| entry.code.to_string())
    }

    pub(super) fn is_code(&self, list: &str, code: Option<&str>) -> bool {
        self.lists.get(list).is_some_and(|list| list.entries.iter().any(|entry| Some(entry.code.as_str()) == code))
    }

    pub(super) fn no_code(&self, list: &str, typed: &str) -> String {
        let hint = match self.lists.get(list) {
            Some(known) if typed.starts_with(|c: char| c.is_ascii_lowercase()) => nearest(known, typed),
            Some(known) => format!("a number from 1 to {}, or a code", known.entries.len()),
            None => "a code".into(),
        };
        slip(&if typed.is_empty() { "an answer is needed".into() } else { format!("`{typed}` is no code of `{list}`") }, &hint)
    }

    /// Shows a list with its numbers, which begin behind this one.
    pub(super) fn show(&mut self, list: &str, before: usize) -> io::Result<()> {
        let entries = self.lists.get(list).map(|list| list.entries.clone()).unwrap_or_default();
        self.say("")?;
        let shown = entries.iter().zip(before + 1..);
        shown
            .map(|(entry, number)| (number, &entry.title, &entry.code))
            .try_for_each(|(number, title, code)| self.choice(number, title, code.as_str()))
    }

    pub(super) fn choice(&mut self, number: usize, title: &str, name: &str) -> io::Result<()> {
        self.say(&format!("  {number:>2}  {title}  ({name})"))
    }

    /// How many codes a list has.
    pub(super) fn length(&self, list: &str) -> usize {
        self.lists.get(list).map_or(0, |list| list.entries.len())
    }

    /// Has some of these chosen, each by its name, or by its number among those that have one.
    pub(super) fn choose(&mut self, question: &str, numbered: &[String], all: &[String]) -> io::Result<Vec<String>> {
        'again: loop {
            let typed = self.line(question)?;
            let mut names: Vec<String> = Vec::new();
            for word in words(&typed) {
                let by_number = word.parse::<usize>().ok().and_then(|number| numbered.get(number.checked_sub(1)?));
                match all.iter().find(|name| *name == word).or(by_number) {
                    Some(name) if names.contains(name) => {}
                    Some(name) => names.push(name.clone()),
                    None => {
                        self.slip(&format!("`{word}` is none of them"), &format!("one of {}, or its number", all.join(", ")))?;
                        continue 'again;
                    }
                }
            }
            return Ok(names);
        }
    }

    pub(super) fn yes(&mut self, question: &str, default: Option<bool>) -> Answer {
        Ok(Some(self.yes_or_no(question, default)?.into()))
    }

    pub(super) fn yes_or_no(&mut self, question: &str, default: Option<bool>) -> io::Result<bool> {
        let shown = default.map_or(" (yes or no)", |default| if default { " [yes]" } else { " [no]" });
        loop {
            let typed = self.line(&format!("{question}{shown}"))?;
            match (is_yes(&typed), default) {
                (Some(answer), _) => return Ok(answer),
                (None, Some(default)) if typed.is_empty() => return Ok(default),
                _ => self.slip("that is no answer", "yes or no")?,
            }
        }
    }

    /// Yes, no, or nothing is said of it.
    pub(super) fn maybe(&mut self, question: &str) -> Answer {
        loop {
            let typed = self.line(&format!("{question} (yes or no; Enter: not known)"))?;
            match is_yes(&typed) {
                Some(answer) => return Ok(Some(answer.into())),
                None if typed.is_empty() => return Ok(None),
                None => self.slip("that is no answer", "yes, no, or Enter where it is not known")?,
            }
        }
    }

    pub(super) fn number(&mut self, question: &str) -> Answer {
        loop {
            match self.line(question)?.parse::<u16>() {
                Ok(number) if number > 0 => return Ok(Some(i64::from(number).into())),
                _ => self.slip("that is no number of people", "such as 2")?,
            }
        }
    }

    pub(super) fn past_day(&mut self, question: &str) -> Answer {
        loop {
            let typed = self.line(&format!("{question} (such as 2026-11-27, or `today`)"))?;
            match self.past(&typed) {
                Ok(day) => return Ok(Some(day)),
                Err(slip) => self.say(&slip)?,
            }
        }
    }

    /// A day that is not over, or the word for none.
    pub(super) fn coming_day(&mut self, question: &str, none: &str) -> Answer {
        loop {
            let typed = self.line(question)?;
            match self.coming(&typed) {
                _ if typed == none => return Ok(None),
                Ok(day) => return Ok(Some(day)),
                Err(slip) => self.say(&slip)?,
            }
        }
    }

    /// A day that has begun somewhere.
    pub(super) fn past(&self, typed: &str) -> Result<Value, String> {
        match self.day(typed) {
            Some(day) if day.0 > self.today.plus(AHEAD_MS_MAX).0 => Err(slip("that day has not come", "a day until today")),
            Some(day) => Ok(day.to_string()[..10].into()),
            None => Err(slip(&format!("`{typed}` is no day"), "write it like 2026-11-27")),
        }
    }

    /// A day that is not over.
    pub(super) fn coming(&self, typed: &str) -> Result<Value, String> {
        match self.day(typed) {
            Some(day) if day <= self.today => Err(slip("that day has come already", "a day after today")),
            Some(day) => Ok(day.to_string()[..10].into()),
            None => Err(slip(&format!("`{typed}` is no day"), "write it like 2027-05-27")),
        }
    }

    pub(super) fn day(&self, typed: &str) -> Option<Timestamp> {
        let today = self.today.to_string();
        let text = if typed == "today" { &today[..10] } else { typed };
        (text.len() == 10).then(|| text.parse().ok()).flatten()
    }

    /// Several lines.
    pub(super) fn text(&mut self, question: &str, field: &'static str, needed: bool) -> Answer {
        loop {
            let mut text = self.line(&format!("{question} End with an empty line.\n "))?;
            while text.len() < TEXT_BYTES_MAX && !text.is_empty() {
                match self.line(" ")? {
                    line if line.is_empty() => break,
                    line => text += &format!("\n{line}"),
                }
            }
            match check_text(field, &text) {
                Ok(()) if text.is_empty() && needed => self.slip("something is needed", "a sentence, without anybody's name")?,
                Ok(()) => return Ok(said(text)),
                Err(error) => self.slip_of(&error)?,
            }
        }
    }

    pub(super) fn line_of(&mut self, question: &str, field: &'static str) -> io::Result<String> {
        loop {
            let typed = self.line(question)?;
            match check_line(field, &typed) {
                Ok(()) => return Ok(typed),
                Err(error) => self.slip_of(&error)?,
            }
        }
    }

    pub(super) fn line(&mut self, question: &str) -> io::Result<String> {
        write!(self.to, "{question} ")?;
        self.to.flush()?;
        let mut line = String::new();
        if self.from.read_line(&mut line)? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "nobody answers"));
        }
        Ok(line.trim().to_owned())
    }

    pub(super) fn slip(&mut self, wrong: &str, hint: &str) -> io::Result<()> {
        self.say(&slip(wrong, hint))
    }

    pub(super) fn slip_of(&mut self, error: &impl std::fmt::Display) -> io::Result<()> {
        self.say(&error.to_string())
    }

    pub(super) fn say(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.to, "{text}")
    }
}

/// Whether somebody says yes or no; `None` for all else.
pub(in super::super) fn is_yes(typed: &str) -> Option<bool> {
    match typed.to_lowercase().as_str() {
        "yes" | "y" => Some(true),
        "no" | "n" => Some(false),
        _ => None,
    }
}

/// What is wrong with an answer, and the way out.
pub(super) fn slip(wrong: &str, hint: &str) -> String {
    format!("{wrong}\nhint: {hint}")
}

pub(super) fn words(typed: &str) -> impl Iterator<Item = &str> {
    typed.split([' ', ',']).filter(|word| !word.is_empty())
}

pub(super) fn texts(all: Vec<String>) -> Option<Value> {
    Some(all.into())
}

pub(super) fn said(text: String) -> Option<Value> {
    Some(text).filter(|text| !text.is_empty()).map(Value::from)
}
