//! Where people are: postal addresses, by the word before them, and coordinates, by their form.

use super::Kind;
use super::claim::Claims;
use super::cue::{ADDRESS, Cue, Seen, is_letter, is_spaceless};
use super::view::HIDDEN;
use std::ops::Range;

/// Longest address, in bytes.
const ADDRESS_MAX: usize = 240;

/// Two decimal numbers with four places or more, or degrees, minutes and seconds.
pub(super) fn coordinates(seen: &Seen<'_, '_>, claims: &mut Claims) {
    let bytes = seen.view.bytes();
    let mut from = 0;
    for at in memchr::memchr_iter(b'.', bytes) {
        if at < from || claims.is_taken(at) {
            continue;
        }
        let Some((start, middle)) = decimal(bytes, at, 90.0) else { continue };
        let gap = bytes[middle..]
            .iter()
            .take(8)
            .take_while(|byte| matches!(byte, b' ' | b',' | b';' | b'/' | b'N' | b'S' | b'n' | b's' | 0xc2 | 0xb0))
            .count();
        let next = middle + gap;
        let dot = next + bytes[next..].iter().take(5).take_while(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+')).count();
        let second = (gap > 0 && bytes.get(dot) == Some(&b'.')).then(|| decimal(bytes, dot, 180.0)).flatten();
        if let Some((_, end)) = second.filter(|(start, _)| *start == next) {
            claims.redact(Kind::Coordinates, start..end);
            from = end;
        }
    }
    degrees(seen, claims);
}

/// The decimal number around the dot at `at`, if it is at most `most` and has four places.
fn decimal(bytes: &[u8], at: usize, most: f64) -> Option<(usize, usize)> {
    let whole = bytes[..at].iter().rev().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    let places = bytes[at + 1..].iter().take(20).take_while(|byte| byte.is_ascii_digit()).count();
    let start = at - whole;
    let signed = start > 0 && matches!(bytes[start - 1], b'-' | b'+');
    let start = start - usize::from(signed);
    let end = at + 1 + places;
    let glued = start > 0 && (bytes[start - 1].is_ascii_alphanumeric() || matches!(bytes[start - 1], b'.' | b'_'))
        || bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
    let value: f64 = std::str::from_utf8(&bytes[at - whole..end]).ok()?.parse().ok()?;
    (matches!(whole, 1..=3) && (4..=16).contains(&places) && !glued && value <= most).then_some((start, end))
}

/// `33°51'54.5"N 151°12'35.6"E`
fn degrees(seen: &Seen<'_, '_>, claims: &mut Claims) {
    let text = seen.view.text();
    let bytes = text.as_bytes();
    let mut from = 0;
    for at in memchr::memmem::find_iter(bytes, "°".as_bytes()) {
        if at < from {
            continue;
        }
        let start = at
            - bytes[from..at].iter().rev().take(8).take_while(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b' ')).count();
        let start = start + bytes[start..at].iter().take_while(|byte| **byte == b' ').count();
        let within = |byte: &u8| {
            byte.is_ascii_digit()
                || matches!(byte, b'.' | b',' | b'-' | b' ' | b'\'' | b'"' | b'N' | b'S' | b'E' | b'W' | b'O' | 0xc2 | 0xb0)
        };
        let mut end = at + bytes[at..].iter().take(48).take_while(|byte| within(byte)).count();
        while end > at && !text.is_char_boundary(end) {
            end -= 1;
        }
        let end = start + text[start..end].trim_end_matches([' ', ',', '.', '-']).len();
        let part = &text[start..end];
        if part.matches('°').count() >= 2 && part.contains(['N', 'S']) && part.contains(['E', 'W', 'O']) {
            claims.redact(Kind::Coordinates, start..end);
            from = end;
        }
    }
}

/// What a word for an address introduces, up to the end of its sentence or line.
pub(super) fn addresses(seen: &Seen<'_, '_>, claims: &mut Claims) {
    let mut from = 0;
    for at in 0..seen.cues.len() {
        let cue = seen.cues[at];
        if cue.class & ADDRESS == 0 || cue.start < from {
            continue;
        }
        if let Some(range) = address(seen, claims, cue) {
            from = range.end;
            claims.over(Kind::Address, range);
        }
    }
}

/// Words before "address" that say that no post comes there.
const MACHINES: [&str; 16] = [
    "ip",
    "ipv",
    "mac",
    "email",
    "mail",
    "e",
    "wallet",
    "memory",
    "bitcoin",
    "web",
    "url",
    "server",
    "adresse",
    "базовый",
    "ethereum",
    "btc",
];

fn is_caseless(text: &str) -> bool {
    text.starts_with(|c: char| matches!(c, '\u{10a0}'..='\u{10ff}'))
}

fn address(seen: &Seen<'_, '_>, claims: &Claims, cue: Cue) -> Option<Range<usize>> {
    let text = seen.view.text();
    let spaceless = text[..cue.end].chars().next_back().is_some_and(is_spaceless);
    let word =
        if spaceless { 0 } else { text[cue.end..].chars().take(16).take_while(|c| is_letter(*c)).map(char::len_utf8).sum::<usize>() };
    let after = &text[cue.end + word..];
    let rest = after.trim_start_matches([' ', ':', '-', '=', '"', '\'', '(', '.', '\u{2022}']);
    let gap = &after[..after.len() - rest.len()];
    let rest = ["is ", "es ", "est ", "ist ", "e ", "is at ", "at ", "in ", "на ", "по ", "en ", "em ", "a ", "di "]
        .iter()
        .find_map(|word| rest.strip_prefix(word))
        .unwrap_or(rest);
    let colon = gap.contains([':', '=']);
    // `IP address`, `memory addresses of …`: of machines; and "address the problem".
    let before = seen.view.lower()[..cue.start].trim_end().rsplit(|c: char| !is_letter(c)).next().unwrap_or("");
    let lower =
        rest.starts_with(|c: char| c.is_lowercase()) && !is_caseless(rest) && !rest.bytes().take(16).any(|byte| byte.is_ascii_digit());
    // `adresse IPv6 fixe :`, and `1.2.3.4 adresi`, in languages that say it behind.
    let begun = seen.view.lower()[seen.view.text().len() - rest.len()..].starts_with("ip");
    let ends = seen.view.text()[..cue.start].strip_suffix(' ').map_or(0, str::len);
    let machine = ends > 0 && (claims.stays(ends - 1) || claims.is_taken(ends - 1) && claims.goes_at(ends - 1) == Some(Kind::Ip));
    if begun || machine || MACHINES.contains(&before) || !colon && lower {
        return None;
    }
    if gap.len() > 6 || gap.is_empty() && !spaceless {
        return None;
    }
    let start = text.len() - rest.len();
    let end = end(seen, claims, start);
    let part = text.get(start..end)?.trim_end_matches([' ', ',', '.', '(', '-', '"', '\'']);
    let digits = numbers(part);
    let words = part.split_whitespace().count();
    // Named without a number: a place, where a label says so.
    let fits = digits && (colon || begins_early(part) || words >= 3) || colon && words >= 2 && part.chars().any(is_letter);
    (fits && part.len() >= 6).then(|| start..start + part.len())
}

/// A number of a house, a flat or a post office: up to six digits that are no part of a longer word.
fn numbers(part: &str) -> bool {
    part.split(|c: char| c.is_whitespace() || matches!(c, ',' | '-' | '/' | '#' | '.')).any(|word| {
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        let rest = word.chars().filter(|c| !c.is_ascii_digit()).count();
        (1..=9).contains(&digits) && (rest <= 3 || word.chars().any(is_spaceless))
    })
}

fn begins_early(part: &str) -> bool {
    part.chars().take(40).any(|c| c.is_ascii_digit())
}

/// Where a sentence about an address ends: at its mark, its line, or at an address on the internet or what stays.
fn end(seen: &Seen<'_, '_>, claims: &Claims, start: usize) -> usize {
    let text = seen.view.text();
    let bytes = text.as_bytes();
    let limit = (start + ADDRESS_MAX).min(bytes.len());
    let mut at = start;
    let mut digits = false;
    while at < limit {
        digits |= bytes[at].is_ascii_digit();
        let stop = match bytes[at] {
            b'\n' | b';' | b'|' | HIDDEN | b'!' | b'?' | b'<' | b'>' => true,
            b'.' => stops(text, at, digits),
            0xd8 => bytes[at..].starts_with("؛".as_bytes()),
            0xe0 => bytes[at..].starts_with("।".as_bytes()),
            0xe1 => bytes[at..].starts_with("።".as_bytes()) || bytes[at..].starts_with("။".as_bytes()),
            0xe3 => bytes[at..].starts_with("。".as_bytes()),
            0xd6 => bytes[at..].starts_with("։".as_bytes()),
            _ => false,
        };
        if stop || claims.stays(at) || is_contact(claims, at) {
            return at;
        }
        at += 1;
    }
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    // The whole window without an end: cut at a word.
    if at < bytes.len() { text[start..at].rfind([' ', ',']).map_or(at, |cut| start + cut) } else { at }
}

fn is_contact(claims: &Claims, at: usize) -> bool {
    claims.is_taken(at)
        && matches!(
            claims.goes_at(at),
            Some(Kind::Email | Kind::Url | Kind::Ip | Kind::Handle | Kind::Domain | Kind::Iban | Kind::Card | Kind::Key)
        )
}

/// Addresses are full of abbreviations: a full stop ends one where a digit or a long word stands before it and a sentence can begin behind.
fn stops(text: &str, at: usize, digits: bool) -> bool {
    let after = &text[at + 1..];
    if after.trim().is_empty() || after.starts_with('\n') {
        return true;
    }
    if !after.starts_with([' ', '\r']) {
        return false;
    }
    let before = text[..at].rsplit(|c: char| c.is_whitespace() || matches!(c, ',' | '/' | '-' | '.')).next().unwrap_or("");
    let next = after.trim_start().chars().next().unwrap_or(' ');
    let can_begin = next.is_uppercase() || (is_letter(next) && !next.is_lowercase());
    let long = before.chars().count() >= 5 || before.bytes().any(|byte| byte.is_ascii_digit());
    can_begin && long && digits
}
