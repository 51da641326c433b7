//! Looks for canaries in what left, without any of the detectors' code: a fold of its own, and one automaton over all needles.

use aho_corasick::AhoCorasick;
use icu_normalizer::DecomposingNormalizerBorrowed;
use std::collections::BTreeSet;

/// Letters of Cyrillic and Greek, and the Latin ones that they look like.
const LOOKS: &str = "аaеeоoрpсcхxуyіiјjѕsкkмmтtвbнhαaοoρpνvιiκkυuτtχxεe";

/// Zeros of the digits that canaries are written in.
const ZEROS: [u32; 6] = [0x660, 0x6f0, 0x966, 0xe50, 0x1040, 0xff10];

/// Letters and digits alone: compatibility forms, accents, digits of scripts, cases and looks undone.
pub fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let ascii = rest.bytes().position(|byte| !byte.is_ascii()).unwrap_or(rest.len());
        out.extend(rest[..ascii].bytes().filter(u8::is_ascii_alphanumeric).map(|byte| char::from(byte.to_ascii_lowercase())));
        let other = rest[ascii..].bytes().position(|byte| byte.is_ascii()).map_or(rest.len(), |length| ascii + length);
        DecomposingNormalizerBorrowed::new_nfkd().normalize_iter(rest[ascii..other].chars()).for_each(|c| fold(c, &mut out));
        rest = &rest[other..];
    }
    out
}

fn fold(c: char, out: &mut String) {
    // `is_alphanumeric` has letters and vowel signs; accents and invisible characters are none.
    if !c.is_alphanumeric() || matches!(c, '\u{300}'..='\u{36f}' | '\u{640}' | '\u{115f}' | '\u{1160}' | '\u{3164}') {
        return;
    }
    match ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&(c as u32))) {
        Some(zero) => out.push(char::from(b'0' + (c as u32 - zero) as u8)),
        None => out.extend(c.to_lowercase().map(look)),
    }
}

fn look(c: char) -> char {
    if c.is_ascii() {
        return c;
    }
    let mut pairs = LOOKS.chars();
    while let (Some(foreign), Some(latin)) = (pairs.next(), pairs.next()) {
        if foreign == c {
            return latin;
        }
    }
    c
}

/// A line of a log or of JSON as it was before it was escaped.
pub fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let hex = |digits: &str| u32::from_str_radix(digits, 16).ok();
        let braced = rest.strip_prefix("u{").and_then(|rest| rest.split_once('}'));
        let (c, length) = if let Some((digits, _)) = braced.filter(|(digits, _)| digits.len() <= 6) {
            (hex(digits).and_then(char::from_u32), digits.len() + 3)
        } else if let Some(digits) = rest.strip_prefix('u').and_then(|rest| rest.get(..4)) {
            (hex(digits).and_then(char::from_u32), 5)
        } else if let Some(byte) = rest.strip_prefix('x').and_then(|rest| hex(rest.get(..2)?)) {
            bytes.push(byte as u8);
            (None, 3)
        } else {
            (Some(' '), rest.chars().next().map_or(0, char::len_utf8))
        };
        bytes.extend(c.map(String::from).unwrap_or_default().into_bytes());
        rest = &rest[length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Without UUIDs and hashes: their digits are drawn by lot, and some are those of a canary.
fn without_ids(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(start) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        let run = rest[start..].bytes().take_while(|byte| byte.is_ascii_hexdigit() || *byte == b'-').count();
        let word = &rest[start..start + run];
        let uuid = word.len() >= 36 && word.bytes().take(36).enumerate().all(|(at, byte)| (byte == b'-') == matches!(at, 8 | 13 | 18 | 23));
        out += &rest[..start];
        out += if uuid || run >= 32 && !word.contains('-') { " " } else { word };
        rest = &rest[start + run..];
    }
    out + rest
}

/// What to look for, and whose it is.
pub struct Search {
    automaton: AhoCorasick,
    whose: Vec<usize>,
}

impl Search {
    /// `needles` are folded, each with the number of its canary.
    pub fn of(needles: impl Iterator<Item = (usize, String)>) -> Self {
        let needles: BTreeSet<(String, usize)> = needles.map(|(whose, needle)| (needle, whose)).collect();
        let automaton = AhoCorasick::new(needles.iter().map(|(needle, _)| needle)).unwrap();
        Self { automaton, whose: needles.into_iter().map(|(_, whose)| whose).collect() }
    }

    /// The canaries that are in a text.
    pub fn find(&self, text: &str) -> BTreeSet<usize> {
        let text = folded(&without_ids(text));
        self.automaton.find_overlapping_iter(&text).map(|found| self.whose[found.pattern().as_usize()]).collect()
    }
}
