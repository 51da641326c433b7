//! Undoes what people do to a value so that nobody clicks on it, and takes off what stands around it.

use std::borrow::Cow;

use super::error::Reason;

/// How often brackets may be nested in brackets: more is an attack on us, not on a link.
pub(super) const ROUNDS_MAX: usize = 8;

/// How many brackets of a kind are taken off one value.
const STRIPS_MAX: usize = 16;

/// Characters that are invisible and mean nothing: soft hyphen, zero-width space, word joiner, byte-order mark.
/// Joiners count only where they cannot be part of a word of a script that needs them (see [`refang`]).
pub(super) const fn is_zero_width(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}' | '\u{200c}' | '\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// Controls, and characters that change the direction of text (Unicode TR 36 §3): no kind may hold one.
pub(super) fn is_forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// ASCII that no defanging needs: everything that a canonical domain, hash, address or common URL is made of.
const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let bytes = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_/:@?=&%+~#!$*";
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
};

/// Whether a text is made of such characters alone.
pub(super) fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| PLAIN[usize::from(byte)])
}

/// The value as it was meant: no blanks, quotes, commas or brackets around it, `[.]`, `(dot)`, `\.`, `[at]`, `[:]` and the like undone,
/// invisible characters and foreign forms of the dot gone. The scheme (`hxxp`) is left to the URL's canonical form.
///
/// Idempotent. Refuses controls, text-direction characters and what is longer than `max` bytes.
pub(super) fn refang(text: &str, max: usize) -> Result<Cow<'_, str>, Reason> {
    if !text.is_empty() && text.len() <= max && is_plain(text) {
        return Ok(Cow::Borrowed(text));
    }
    let mut value = Cow::Borrowed(strip(text));
    if value.len() > max {
        return Err(Reason::TooLong { max });
    }
    if value.chars().any(is_forbidden) {
        return Err(Reason::Control);
    }
    for _ in 0..ROUNDS_MAX {
        let once = undo(&value);
        let next = strip(&once);
        if next == &*value {
            return if next.is_empty() { Err(Reason::Empty) } else { Ok(value) };
        }
        value = Cow::Owned(next.to_owned());
    }
    Err(Reason::Defanged)
}

/// A name or path as it was meant: nothing is undone inside it, blanks and invisible characters around it go.
pub(super) fn trim_name(text: &str, max: usize) -> Result<&str, Reason> {
    let value = text.trim_matches(|c: char| c.is_whitespace() || is_zero_width(c));
    match value {
        "" => Err(Reason::Empty),
        _ if value.len() > max => Err(Reason::TooLong { max }),
        _ if value.chars().any(is_forbidden) => Err(Reason::Control),
        _ => Ok(value),
    }
}

const PAIRS: [(char, char); 8] = [
    ('(', ')'),
    ('[', ']'),
    ('{', '}'),
    ('<', '>'),
    ('\'', '\''),
    ('\u{2018}', '\u{2019}'),
    ('\u{ab}', '\u{bb}'),
    ('\u{201c}', '\u{201d}'),
];

/// Takes off blanks, quotes and commas at both ends, and brackets that stand around the whole or are open at one end; at most
/// 16 brackets of a kind, so that 64 KiB of them cost no more than of anything else.
pub fn strip(text: &str) -> &str {
    let mut value = text;
    for _ in 0..STRIPS_MAX {
        let trimmed = value.trim_matches(is_edge);
        let shorter = PAIRS.iter().fold(trimmed, |value, &(open, close)| unwrap_pair(value, open, close));
        if shorter.len() == value.len() {
            return value;
        }
        value = shorter;
    }
    value
}

fn is_edge(c: char) -> bool {
    c.is_whitespace() || is_zero_width(c) || matches!(c, '"' | ',' | ';' | '`' | '\u{201c}' | '\u{201d}' | '\u{201e}' | '|')
}

fn unwrap_pair(value: &str, open: char, close: char) -> &str {
    let (opens, closes) = (value.matches(open).count(), value.matches(close).count());
    let (starts, ends) = (value.starts_with(open), value.ends_with(close));
    let inner = || value.get(open.len_utf8()..value.len() - close.len_utf8()).unwrap_or("");
    if open == close {
        return if starts && ends && opens == 2 { inner() } else { value };
    }
    if starts && ends && opens == 1 && closes == 1 {
        return inner();
    }
    // Open at one end only, as in `(see http://example.com)`; a bracket that is closed belongs to the value.
    if ends && closes > opens {
        return value.strip_suffix(close).unwrap_or(value);
    }
    if starts && opens > closes {
        return value.strip_prefix(open).unwrap_or(value);
    }
    value
}

/// What stands between brackets, and what it means.
const BRACKETED: [(&str, &str); 20] = [
    (".", "."),
    ("dot", "."),
    ("d0t", "."),
    ("punkt", "."),
    ("punto", "."),
    ("point", "."),
    ("at", "@"),
    ("@", "@"),
    (":", ":"),
    ("://", "://"),
    (":/", ":/"),
    ("//", "//"),
    ("/", "/"),
    ("http", "http"),
    ("https", "https"),
    ("hxxp", "http"),
    ("hxxps", "https"),
    ("http://", "http://"),
    ("https://", "https://"),
    ("www", "www"),
];

fn undo(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_path = false;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let (emitted, used) = step(c, after, &out, in_path);
        if matches!(emitted, "." | "@") && used > c.len_utf8() {
            out.truncate(out.trim_end_matches([' ', '\u{a0}']).len());
        }
        match used {
            0 => out.push(c),
            _ => out.push_str(emitted),
        }
        rest = &rest[used.max(c.len_utf8())..];
        in_path |= c == '/' && !out.ends_with("//") && !rest.starts_with('/');
    }
    out
}

/// What the text at `c` stands for and how many bytes of it; 0 bytes if it stands for itself.
fn step(c: char, after: &str, before: &str, in_path: bool) -> (&'static str, usize) {
    match c {
        // `http://[example.com`: opened and never closed.
        '[' if before.ends_with("://") && !after.contains(']') => ("", 1),
        '[' | '(' | '{' | '<' => bracketed(c, after),
        '.' if before.ends_with(|c: char| c.is_alphanumeric()) && after.starts_with([']', ')', '}']) && after.len() > 1 => (".", 2),
        '\\' if after.starts_with('.') && after.len() > 1 => (".", 2),
        '\\' if after.starts_with('/') => ("/", 2),
        '\u{3002}' | '\u{ff0e}' | '\u{ff61}' | '\u{2024}' if !in_path => (".", c.len_utf8()),
        '\u{ff20}' if !in_path => ("@", c.len_utf8()),
        '\u{ff1a}' if !in_path => (":", c.len_utf8()),
        '\u{ff0f}' if !in_path => ("/", c.len_utf8()),
        '\u{200c}' | '\u{200d}' if !before.ends_with(|c: char| c.is_ascii()) && !before.is_empty() => ("", 0),
        _ if is_zero_width(c) => ("", c.len_utf8()),
        _ => ("", 0),
    }
}

/// `[.]`, `( dot )`, `{at}`, and the half-open `[.`.
fn bracketed(open: char, after: &str) -> (&'static str, usize) {
    let close = after.char_indices().take(12).find(|&(_, c)| matches!(c, ']' | ')' | '}' | '>'));
    if let Some((at, _)) = close {
        let inside = after[..at].trim();
        if let Some(&(_, meant)) = BRACKETED.iter().find(|(written, _)| inside.eq_ignore_ascii_case(written)) {
            let mut used = open.len_utf8() + at + 1;
            if matches!(meant, "." | "@") {
                let behind = &after[at + 1..];
                used += behind.len() - behind.trim_start_matches([' ', '\u{a0}']).len();
            }
            return (meant, used);
        }
    }
    if open == '[' && after.starts_with('.') && after[1..].starts_with(|c: char| c.is_alphanumeric()) {
        return (".", 2);
    }
    ("", 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(text: &str) -> String {
        refang(text, 8192).map_or_else(|reason| format!("! {reason}"), Cow::into_owned)
    }

    #[test]
    fn what_people_write_to_keep_others_from_clicking_is_undone() {
        for text in [
            "evil.example.com",
            "evil[.]example[.]com",
            "evil(.)example{.}com",
            "evil[dot]example(DOT)com",
            "evil [.] example [dot] com",
            "evil\\.example\\.com",
            "evil[.example[.com",
            "evil.]example.]com",
            "[evil.example.com]",
            "  \"evil.example.com\",",
            "\u{a0}evil\u{200b}.example.com\u{feff}",
            "evil\u{ff0e}example\u{3002}com",
            "(evil.example.com)",
            "<evil.example.com>;",
            "evil[[.]]example.com",
        ] {
            assert_eq!(meant(text), "evil.example.com", "{text}");
        }
        assert_eq!(meant("someone[at]example[.]com"), "someone@example.com");
        assert_eq!(meant("someone (at) example (dot) com"), "someone@example.com");
        assert_eq!(meant("hxxp[:]//evil[.]com"), "hxxp://evil.com");
        assert_eq!(meant("hxxps[://]evil[.]com[/]a"), "hxxps://evil.com/a");
        assert_eq!(meant("[http]://evil[.]com"), "http://evil.com");
        assert_eq!(meant("http://[evil.com"), "http://evil.com");
    }

    #[test]
    fn brackets_that_belong_to_the_value_stay() {
        for text in ["http://evil.com/wiki_(a)", "http://[2001:db8::1]:80/path", "http://evil.com/?a[]=b"] {
            assert_eq!(meant(text), text);
        }
        assert_eq!(meant("(http://evil.com/a)"), "http://evil.com/a");
    }

    #[test]
    fn what_could_deceive_a_reader_is_refused() {
        assert_eq!(refang("evil\u{202e}moc.com", 100), Err(Reason::Control));
        assert_eq!(refang("evil\0.com", 100), Err(Reason::Control));
        assert_eq!(refang(" \u{200b} ", 100), Err(Reason::Empty));
        assert_eq!(refang(&format!("{}.{}", "[".repeat(40), "]".repeat(40)), 100), Err(Reason::Defanged));
        assert_eq!(refang(&"(".repeat(8000), 8192), Err(Reason::Defanged));
    }
}
