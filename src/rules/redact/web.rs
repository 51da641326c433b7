//! Addresses on the internet: of people, which go, and of attackers, which stay.
//!
//! A value is told by what stands nearest to it (a word for an attacker or for a person) and by its form: what is defanged with marks is meant
//! as an indicator. Where neither speaks, an e-mail address goes, a URL or domain stays, and an IP address goes where a sentence is about it and stays in a list.

use super::claim::Claims;
use super::cue::{ATTACKER, ID, LINE, LOGIN, PERSON, PHONE, Seen, TICKET, is_letter, is_spaceless};
use super::known::Values;
use super::{host, mail, spelled, url};
use crate::model::observable::tld;
use std::ops::Range;

/// Everything of this module, in the order in which a longer form comes before what is in it.
pub(super) fn look(seen: &Seen<'_, '_>, known: &Values, claims: &mut Claims) {
    url::urls(seen, known, claims);
    mail::emails(seen, known, claims);
    spelled::look(seen, known, claims);
    host::hosts(seen, known, claims);
    host::ipv6(seen, known, claims);
}

/// Whose a value is, as far as the text tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Attacker,
    Person,
    Unsaid,
}

/// Whose the value at `range` is.
pub(super) fn whose(seen: &Seen<'_, '_>, range: &Range<usize>) -> Whose {
    // Words that only say what sort of value it is count for a person: attackers' values are called indicators.
    let near = seen.about(range, PERSON | ATTACKER | LOGIN | LINE).or_else(|| seen.near(range, PHONE | ID | TICKET));
    match near {
        Some(near) if near.class & LOGIN != 0 && seen.is_attackers_login(range) => Whose::Attacker,
        Some(near) if near.class & LINE != 0 && seen.is_attackers_line(range) => Whose::Attacker,
        Some(near) if near.class == LOGIN => Whose::Unsaid,
        Some(near) if near.class & ATTACKER != 0 && near.class & (PERSON | LINE) == 0 => Whose::Attacker,
        Some(_) => Whose::Person,
        None => Whose::Unsaid,
    }
}

/// Whether one of these words stands right before a value; of `glued` ones without a blank.
pub(super) fn stands_behind(seen: &Seen<'_, '_>, range: &Range<usize>, words: &[String], glued: &[String]) -> bool {
    const NEAR: usize = 64;
    let lower = seen.view.lower();
    let before =
        lower[lower.ceil_char_boundary(range.start.saturating_sub(NEAR))..range.start].trim_end_matches([' ', '"', '\'', '(', '<', '-']);
    let word = before.rsplit([' ', '\n', ',', ':']).next().unwrap_or("");
    words.iter().any(|one| one == word) || glued.iter().any(|one| before.ends_with(&**one))
}

/// Whether what follows a value begins so.
pub(super) fn begins(seen: &Seen<'_, '_>, range: &Range<usize>, with: &[String]) -> bool {
    let rest = &seen.view.lower()[range.end..];
    with.iter().any(|one| rest.starts_with(&**one))
}

/// Longest part that is looked at on one side of a mark: names have 253 bytes, local parts 64.
pub(super) const SIDE_MAX: usize = 260;

/// Where a host name with a known top-level domain ends. With `spaced`, one blank may stand around its dots.
pub(super) fn host_end(text: &str, start: usize, spaced: bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let limit = text.len().min(start + SIDE_MAX);
    let mut best = None;
    let mut at = start;
    let mut labels = 0;
    loop {
        let label = label_end(text, at, limit);
        if label == at {
            break;
        }
        labels += 1;
        if labels > 1 && is_top(&text[at..label]) {
            best = Some(label);
        }
        let dot = if spaced && bytes.get(label) == Some(&b' ') && bytes.get(label + 1) == Some(&b'.') { label + 1 } else { label };
        if bytes.get(dot) != Some(&b'.') || labels > 10 {
            break;
        }
        at = dot + 1;
        // `x . org`: blanks on both sides or on none, so that no sentence behind an address is taken in.
        if dot > label && bytes.get(at) == Some(&b' ') {
            at += 1;
        }
    }
    best
}

fn label_end(text: &str, start: usize, limit: usize) -> usize {
    let bytes = text.as_bytes();
    let mut end = start;
    while end < limit && (bytes[end].is_ascii_alphanumeric() || matches!(bytes[end], b'-' | b'_')) {
        end += 1;
    }
    while let Some(c) = text[end..].chars().next() {
        let foreign = !c.is_ascii() && is_letter(c) && !(is_spaceless(c) && end > start && bytes[start..end].is_ascii());
        if end >= limit || !(foreign || end > start && (c.is_ascii_alphanumeric() || c == '-')) {
            break;
        }
        end += c.len_utf8();
    }
    end
}

/// Whether a label may be the last of a name on the internet; a letter that only looks like one of ours counts as it.
pub(super) fn is_top(label: &str) -> bool {
    // The longest there is has 24 letters, and none has one.
    if label.len() < 2 || label.len() > 96 {
        return false;
    }
    let lower = label.to_lowercase();
    // Names for examples and for networks of one's own (RFC 2606, RFC 6762, ICANN's `internal`).
    const RESERVED: [&str; 7] = ["corp", "example", "internal", "invalid", "lan", "local", "test"];
    if lower.is_ascii() {
        return tld::is_tld(&lower) || RESERVED.contains(&lower.as_str());
    }
    let plain = super::confusable::plain(&lower);
    plain.is_ascii() && tld::is_tld(&plain) || idna::domain_to_ascii(&lower).is_ok_and(|label| tld::is_tld(&label))
}

/// Without the marks of the sentence around it.
pub(super) fn trimmed_end(bytes: &[u8], start: usize, mut end: usize) -> usize {
    while end > start {
        let open = |open: u8, close: u8| {
            let within = &bytes[start..end];
            within.iter().filter(|byte| **byte == open).count() >= within.iter().filter(|byte| **byte == close).count()
        };
        match bytes[end - 1] {
            b'.' | b',' | b';' | b':' | b'!' | b'?' | b'\'' | b'*' | b'(' | b'[' => end -= 1,
            b')' if !open(b'(', b')') => end -= 1,
            b']' if !open(b'[', b']') => end -= 1,
            _ => break,
        }
    }
    end
}

/// Whether it is a cell of a table: alone between commas, tabs or quotes.
pub(super) fn is_cell(seen: &Seen<'_, '_>, range: &Range<usize>) -> bool {
    let edge = |byte: Option<&u8>| byte.is_none_or(|byte| matches!(byte, b',' | b'\t' | b'"' | b'|' | b'\n' | b'\r' | b';' | b':'));
    let bytes = seen.view.bytes();
    edge(range.start.checked_sub(1).and_then(|at| bytes.get(at))) && edge(bytes.get(range.end)) && bytes.get(range.end + 1) != Some(&b' ')
}
