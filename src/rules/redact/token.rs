//! Words of letters and digits: hashes, which stay; accounts, documents and wallets, which go where a check digit or a form says what they are.

use super::Kind;
use super::claim::Claims;
use super::cue::{ID, SECRET, Seen};
use super::known::Values;
use super::national;
use super::web::{Whose, whose};
use crate::model::{Observable, ObservableKind};
use std::ops::Range;

/// Longest word that is looked at.
const TOKEN_MAX: usize = 160;

pub(super) fn look(seen: &Seen<'_, '_>, known: &Values, claims: &mut Claims) {
    let bytes = seen.view.bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_alphanumeric() {
            at += 1;
            continue;
        }
        let start = at;
        let (mut letters, mut digits) = (false, false);
        while at < bytes.len() && bytes[at].is_ascii_alphanumeric() {
            let digit = bytes[at].is_ascii_digit();
            digits |= digit;
            letters |= !digit;
            at += 1;
        }
        let range = start..at;
        if digits && (letters || at - start >= 32) && at - start <= TOKEN_MAX && !claims.is_taken(start) {
            token(seen, known, claims, range);
        } else if letters && !digits && at - start <= 4 && bytes.get(at).is_some_and(|byte| matches!(byte, b' ' | b'-')) {
            spaced(seen, claims, range);
        } else if digits && !letters && matches!(at - start, 6..=8) && matches!(bytes.get(at), Some(b'-' | b'+')) {
            dashed(seen, claims, range);
        }
    }
}

fn token(seen: &Seen<'_, '_>, known: &Values, claims: &mut Claims, range: Range<usize>) {
    let text = &seen.view.text()[range.clone()];
    if known.keeps(&seen.view.lower()[range.clone()]) {
        claims.keep(range);
        return;
    }
    if text.bytes().all(|byte| byte.is_ascii_hexdigit()) && matches!(text.len(), 32 | 40 | 56 | 64 | 96 | 128) {
        // A hash, unless it is called a key or somebody's session.
        let secret = seen.before(&range, SECRET).is_some_and(|near| near.cost <= 20);
        if secret {
            claims.redact(Kind::Secret, range);
        } else {
            claims.keep(range);
        }
        return;
    }
    if iban(seen, claims, range.start) {
        return;
    }
    let (upper, lower) = (text.bytes().any(|byte| byte.is_ascii_uppercase()), text.bytes().any(|byte| byte.is_ascii_lowercase()));
    let glued = glued(seen, &range);
    if !(glued || upper && lower) && text.len() <= 18 {
        let upper = text.to_ascii_uppercase();
        let mrz = text.len() >= 8 && national::is_lettered(upper.as_bytes());
        if mrz {
            claims.redact(Kind::Id, range);
            return;
        }
    }
    // `S1234567-D`, `Y8063915-Z`: the letter behind a dash.
    if text.len() <= 8
        && !glued
        && matches!(seen.view.bytes().get(range.end), Some(b'-'))
        && seen.view.bytes().get(range.end + 1).is_some_and(u8::is_ascii_alphabetic)
    {
        let joined = format!("{text}{}", char::from(seen.view.bytes()[range.end + 1])).to_ascii_uppercase();
        if !seen.view.bytes().get(range.end + 2).is_some_and(u8::is_ascii_alphanumeric) && national::is_lettered(joined.as_bytes()) {
            claims.redact(Kind::Id, range.start..range.end + 2);
            return;
        }
    }
    if text.len() == 7 && hetu(seen, claims, range.start) {
        return;
    }
    if (25..=110).contains(&text.len())
        && !glued
        && Observable::guess(text).is_ok_and(|value| value.kind() == ObservableKind::CryptocurrencyAddress)
    {
        match whose(seen, &range) {
            Whose::Attacker => claims.keep(range),
            Whose::Person | Whose::Unsaid => claims.redact(Kind::Wallet, range),
        };
        return;
    }
    let long =
        (51..=52).contains(&text.len()) && text.starts_with(['5', 'K', 'L']) && upper && lower && !text.contains(['0', 'O', 'I', 'l']);
    if long && !glued {
        claims.redact(Kind::Key, range);
    }
}

/// Whether it is a part of a longer word, of a path or of a name of a file.
fn glued(seen: &Seen<'_, '_>, range: &Range<usize>) -> bool {
    let joins = |c: Option<char>, beyond: Option<char>| match c {
        Some('_' | '\\' | '/' | '=' | '@' | '%' | '&') => true,
        Some('-' | '.') => beyond.is_some_and(char::is_alphanumeric),
        _ => false,
    };
    let text = seen.view.text();
    let mut before = text[..range.start].chars().rev();
    let mut after = text[range.end..].chars();
    joins(before.next(), before.next()) || joins(after.next(), after.next())
}

/// An IBAN from `start`: with blanks or dashes between its groups or without. Its check decides; of two lengths that have it, that of its country.
fn iban(seen: &Seen<'_, '_>, claims: &mut Claims, start: usize) -> bool {
    let bytes = seen.view.bytes();
    let Some([first, second, third, fourth]) = bytes.get(start..start + 4).and_then(|head| <[u8; 4]>::try_from(head).ok()) else {
        return false;
    };
    if !first.is_ascii_alphabetic() || !second.is_ascii_alphabetic() || !third.is_ascii_digit() || !fourth.is_ascii_digit() {
        return false;
    }
    let usual = national::iban_length(&[first.to_ascii_uppercase(), second.to_ascii_uppercase()]);
    let mut text = Vec::with_capacity(34);
    let mut at = start;
    let mut best = None;
    while text.len() < 34 {
        match bytes.get(at) {
            Some(byte) if byte.is_ascii_alphanumeric() => text.push(byte.to_ascii_uppercase()),
            Some(b' ' | b'-') if text.len() >= 4 && bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric) => {}
            _ => break,
        }
        at += 1;
        let ends = !bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
        let digits = || text[4..].iter().filter(|byte| byte.is_ascii_digit()).count() >= 6;
        if ends && text.len() >= 15 && digits() && national::iban(&text) {
            best = Some(at);
            if usual == Some(text.len()) {
                break;
            }
        }
    }
    best.is_some_and(|end| claims.redact(Kind::Iban, start..end))
}

/// What begins with letters alone and goes on behind a blank: `AB 12 34 56 C`, `GB 82 WEST …`.
fn spaced(seen: &Seen<'_, '_>, claims: &mut Claims, range: Range<usize>) {
    let bytes = seen.view.bytes();
    let [first, second] = bytes[range.clone()] else { return };
    // Two letters, three pairs of digits and a letter: the United Kingdom's, and numbers of that form.
    let mut at = range.end;
    let mut text = vec![first.to_ascii_uppercase(), second.to_ascii_uppercase()];
    for pair in 0..4 {
        if !matches!(bytes.get(at), Some(b' ' | b'-')) {
            return;
        }
        at += 1;
        let length = if pair < 3 { 2 } else { 1 };
        let Some(part) = bytes.get(at..at + length) else { return };
        let fits = part.iter().all(|byte| if pair < 3 { byte.is_ascii_digit() } else { byte.is_ascii_alphabetic() });
        if !fits {
            return;
        }
        text.extend(part.iter().map(u8::to_ascii_uppercase));
        at += length;
    }
    let ends = !bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
    let said = seen.before(&range, ID).is_some_and(|near| near.cost <= 40);
    if ends && (said || national::is_lettered(&text)) {
        claims.redact(Kind::Id, range.start..at);
    }
}

/// Finland's code, whose sign for the century stands between its parts.
fn hetu(seen: &Seen<'_, '_>, claims: &mut Claims, start: usize) -> bool {
    let bytes = seen.view.bytes();
    let Some(text) = bytes.get(start..start + 11) else { return false };
    national::is_hetu(&text.to_ascii_uppercase())
        && !bytes.get(start + 11).is_some_and(u8::is_ascii_alphanumeric)
        && claims.redact(Kind::Id, start..start + 11)
}

/// `131052-308T`.
fn dashed(seen: &Seen<'_, '_>, claims: &mut Claims, range: Range<usize>) {
    if range.len() == 6 {
        hetu(seen, claims, range.start);
    }
}
