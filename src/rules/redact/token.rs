//! Words of letters and digits: hashes, which stay; accounts, documents and wallets, which go where a check digit or a form says what they are.

use super::Kind;
use super::claim::Claims;
use super::cue::{ID, SECRET, Seen, is_letter};
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
    // Whatever this module looks for has a digit in it.
    while let Some(digit) = bytes[at..].iter().position(u8::is_ascii_digit).map(|found| at + found) {
        let start = digit - bytes[at..digit].iter().rev().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let end = digit + bytes[digit..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        at = end;
        let letters = bytes[start..end].iter().any(u8::is_ascii_alphabetic);
        let length = end - start;
        if claims.is_taken(start) {
            continue;
        }
        if matches!(length, 2 | 4) && mac(seen, claims, start) {
            continue;
        }
        if (letters && length == 4 || matches!(length, 7 | 8)) && dashed(seen, claims, start..end) {
            continue;
        }
        if letters && length <= TOKEN_MAX || (32..=TOKEN_MAX).contains(&length) {
            token(seen, known, claims, start..end);
        } else if length == 2 && start >= 3 && matches!(bytes[start - 1], b' ' | b'-') {
            let word = bytes[..start - 1].iter().rev().take(3).take_while(|byte| byte.is_ascii_alphanumeric()).count();
            if word == 2 {
                spaced(seen, claims, start - 3..start - 1);
            }
        } else if length == 6 && matches!(bytes.get(end), Some(b'-' | b'+')) {
            hetu(seen, claims, start);
        } else if length == 6 && bytes[..start].ends_with(b")") {
            registered(seen, claims, start..end);
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
    if matches!(text.len(), 7 | 11) && hetu(seen, claims, range.start) {
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

/// Most of what may stand between two groups of an IBAN: ` - `.
const GAP_MAX: usize = 3;

/// An IBAN from `start`: with blanks, dashes or an end of a line between its groups or without. Its check decides; of two lengths that have it, that of its country.
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
            _ if text.len() >= 4 => {
                let gap = bytes[at..].iter().take(GAP_MAX).take_while(|byte| b" -./\t\r\n".contains(byte)).count();
                if gap == 0 || !bytes.get(at + gap).is_some_and(u8::is_ascii_alphanumeric) {
                    break;
                }
                at += gap - 1;
            }
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

/// `Y8063915-Z`, `1EG4-TE5-MK73`: dashes between the parts of a number with letters.
fn dashed(seen: &Seen<'_, '_>, claims: &mut Claims, first: Range<usize>) -> bool {
    let bytes = seen.view.bytes();
    let glued = first.start > 0 && matches!(bytes[first.start - 1], b'-' | b'_' | b'/' | b'.');
    let end = first.start + bytes[first.start..].iter().take(16).take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-').count();
    let written = &bytes[first.start..end];
    let sizes: Vec<usize> = written.split(|byte| *byte == b'-').map(<[u8]>::len).collect();
    if glued || !matches!(sizes[..], [7 | 8, 1] | [4, 3, 4]) {
        return false;
    }
    let joined: Vec<u8> = written.iter().filter(|byte| **byte != b'-').map(u8::to_ascii_uppercase).collect();
    national::is_lettered(&joined) && claims.redact(Kind::Id, first.start..end)
}

/// `12/OUKAMA(N)123456`: Myanmar's registration card; a region, a township, a kind and a number.
fn registered(seen: &Seen<'_, '_>, claims: &mut Claims, number: Range<usize>) {
    const BEFORE: usize = 80;
    let text = seen.view.text();
    let mut floor = number.start.saturating_sub(BEFORE);
    while !text.is_char_boundary(floor) {
        floor += 1;
    }
    let before = &text[floor..number.start - 1];
    let letters = |part: &str| !part.is_empty() && part.chars().all(is_letter);
    let Some((front, kind)) = before.rsplit_once('(') else { return };
    let Some((region, township)) = front.rsplit_once('/') else { return };
    let digits = region.bytes().rev().take_while(u8::is_ascii_digit).count();
    if matches!(digits, 1 | 2) && letters(kind) && letters(township) {
        claims.redact(Kind::Id, floor + region.len() - digits..number.end);
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

/// `00-1A-2B-3C-4D-5E` and `001A.2B3C.4D5E`: a network card, in the forms without colons. `at` is where one of its groups begins.
fn mac(seen: &Seen<'_, '_>, claims: &mut Claims, at: usize) -> bool {
    let bytes = seen.view.bytes();
    let form = |start: usize, group: usize, mark: u8, length: usize| {
        let fits = |text: &[u8]| {
            text.iter().enumerate().all(|(at, byte)| if at % (group + 1) == group { *byte == mark } else { byte.is_ascii_hexdigit() })
        };
        let edge = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != mark);
        let letters = |text: &[u8]| text.iter().any(u8::is_ascii_alphabetic);
        bytes.get(start..start + length).is_some_and(|text| fits(text) && letters(text))
            && edge(start.checked_sub(1).and_then(|at| bytes.get(at)))
            && edge(bytes.get(start + length).filter(|byte| **byte != b'.'))
    };
    for (group, mark, length) in [(2, b'-', 17), (4, b'.', 14)] {
        let start = (0..6).filter_map(|before| at.checked_sub(before * (group + 1))).find(|start| form(*start, group, mark, length));
        if let Some(start) = start {
            return claims.redact(Kind::Device, start..start + length);
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use crate::rules::redact::{Detector, Known, Record};

    #[test]
    fn a_registration_card_of_myanmar_goes_in_its_script_and_in_latin_letters() {
        for text in ["၁၄/မရတ(နိုင်)၁၆၉၉၅၉", "12/OUKAMA(N)123456", "12/oukama(naing)123456"] {
            assert_eq!(Record::default().redact(&Detector::new(&Known::default()), text), "[id-1]", "{text}");
        }
        for text in ["12/name(s)12345", "see (N)123456", "a/b(c)123456"] {
            assert_eq!(Record::default().redact(&Detector::new(&Known::default()), text), text);
        }
    }
}
