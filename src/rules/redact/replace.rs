//! What was found gives way to placeholders: `[email-1]`, the same value the same number within one record.

use super::{Detector, Finding, Kind, fold, view};
use crate::model::crypto::sha256;
use std::collections::BTreeMap;

/// How many values are remembered, so that a stream of any length needs bounded memory. Values beyond get numbers of their own each time they come.
pub const REMEMBERED_MAX: usize = 100_000;
/// What replacing lays bare is looked at again, at most so often.
const ROUNDS_MAX: usize = 8;

/// The placeholders of one record: shared by its fields, gone with it. Of a value it keeps a digest, no text.
#[derive(Default)]
pub struct Record {
    numbers: BTreeMap<(Kind, [u8; 32]), u32>,
    last: BTreeMap<Kind, u32>,
    counts: BTreeMap<Kind, u64>,
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record").field("counts", &self.counts).finish_non_exhaustive()
    }
}

impl Record {
    /// How many parts of each kind were replaced.
    pub const fn counts(&self) -> &BTreeMap<Kind, u64> {
        &self.counts
    }

    /// The text with what `detector` finds replaced. Numbers of placeholders that stand in the text already are not given again.
    pub fn redact(&mut self, detector: &Detector, text: &str) -> String {
        self.reserve(text);
        let mut text = text.to_owned();
        for _ in 0..ROUNDS_MAX {
            let found = detector.find(&text);
            if found.is_empty() {
                break;
            }
            text = self.replace(&text, &found);
        }
        // Values that are written into one another come to light one by one: what is left of such a word goes as a whole.
        let left = detector.find(&text);
        if left.is_empty() { text } else { self.replace(&text, &words(&text, left)) }
    }

    /// The fields of one record, redacted in order: a value has one placeholder in all of them.
    pub fn redact_all<'a>(&mut self, detector: &Detector, fields: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let fields: Vec<&str> = fields.into_iter().collect();
        fields.iter().for_each(|field| self.reserve(field));
        fields.into_iter().map(|field| self.redact(detector, field)).collect()
    }

    /// Numbers that are given out already: of placeholders in a field that is redacted later.
    pub fn reserve(&mut self, text: &str) {
        for at in memchr::memchr_iter(b'[', text.as_bytes()) {
            let Some(length) = view::placeholder(&text.as_bytes()[at..]) else { continue };
            let inside = &text[at + 1..at + length - 1];
            let Some((name, number)) = inside.rsplit_once('-') else { continue };
            if let (Some(kind), Ok(number)) = (Kind::ALL.into_iter().find(|kind| kind.name() == name), number.parse::<u32>()) {
                // A number near the end of what placeholders may have would leave none.
                let last = self.last.entry(kind).or_default();
                if number < 900_000 {
                    *last = (*last).max(number);
                }
            }
        }
    }

    fn replace(&mut self, text: &str, found: &[Finding]) -> String {
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for finding in found {
            out.push_str(&text[from..finding.range.start]);
            let number = self.number(finding.kind, &text[finding.range.clone()]);
            out.push_str(&format!("[{}-{number}]", finding.kind.name()));
            from = finding.range.end;
        }
        out.push_str(&text[from..]);
        out
    }

    fn number(&mut self, kind: Kind, value: &str) -> u32 {
        *self.counts.entry(kind).or_default() += 1;
        let key = (kind, sha256(&[canonical(kind, value).as_bytes()]));
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let last = self.last.entry(kind).or_default();
        *last = *last % 999_999 + 1;
        let number = *last;
        if self.numbers.len() < REMEMBERED_MAX {
            self.numbers.insert(key, number);
        }
        number
    }
}

/// One value written in two ways is one value.
fn canonical(kind: Kind, value: &str) -> String {
    let lower = fold::lowered(view::View::of(value).lower());
    match kind {
        Kind::Phone | Kind::Card | Kind::Iban | Kind::Id | Kind::Device => lower.chars().filter(|c| c.is_alphanumeric()).collect(),
        _ => lower.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

/// The findings, each with the whole of the word that it is in.
fn words(text: &str, found: Vec<Finding>) -> Vec<Finding> {
    let mut words: Vec<Finding> = Vec::new();
    for mut finding in found {
        let range = &mut finding.range;
        let before = text[..range.start].char_indices().rev().take_while(|(_, c)| !c.is_whitespace()).last();
        range.start = before.map_or(range.start, |(at, _)| at);
        range.end += text[range.end..].find(char::is_whitespace).unwrap_or(text.len() - range.end);
        match words.last_mut().filter(|before| before.range.end > finding.range.start) {
            Some(before) => before.range.end = before.range.end.max(finding.range.end),
            None => words.push(finding),
        }
    }
    words
}
