//! Keys and tokens by the form that their issuer gave them, and paths with a user's name in them.

use super::Kind;
use super::claim::Claims;
use super::cue::Seen;
use aho_corasick::{AhoCorasick, MatchKind};
use std::sync::LazyLock;

/// How a secret begins, how many characters follow at least, and whether letters are all in upper case.
const PREFIXES: [(&str, usize); 36] = [
    ("AKIA", 16),
    ("ASIA", 16),
    ("ABIA", 16),
    ("ACCA", 16),
    ("AIza", 35),
    ("ya29.", 20),
    ("ghp_", 36),
    ("gho_", 36),
    ("ghu_", 36),
    ("ghs_", 36),
    ("ghr_", 36),
    ("github_pat_", 22),
    ("glpat-", 20),
    ("gldt-", 20),
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("xoxa-", 10),
    ("xoxs-", 10),
    ("xoxr-", 10),
    ("xapp-", 10),
    ("sk-", 20),
    ("sk_live_", 16),
    ("rk_live_", 16),
    ("sk_test_", 16),
    ("SG.", 40),
    ("hf_", 30),
    ("npm_", 36),
    ("dop_v1_", 32),
    ("shpat_", 32),
    ("AGE-SECRET-KEY-1", 50),
    ("eyJ", 40),
    ("xprv", 100),
    ("pypi-", 50),
    ("EAAC", 50),
    ("whsec_", 24),
    ("key-", 32),
];

const PATHS: [&str; 8] =
    ["/home/", "/users/", "\\users\\", "\\documents and settings\\", "/media/", "/run/user/", "/mnt/c/users/", "\\profiles\\"];

const BEGIN: &str = "-----BEGIN ";

static MARKS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let all = PREFIXES.iter().map(|(prefix, _)| *prefix).chain([BEGIN]);
    AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(all).ok()
});
static FOLDERS: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(PATHS).ok());

/// Users that every machine has. Sorted.
const EVERYONES: [&str; 26] = [
    "%username%",
    "admin",
    "administrator",
    "all",
    "all users",
    "app",
    "appdata",
    "common",
    "default",
    "default user",
    "defaultuser0",
    "guest",
    "linuxbrew",
    "localservice",
    "networkservice",
    "node",
    "public",
    "root",
    "runner",
    "shared",
    "system",
    "ubuntu",
    "user",
    "username",
    "users",
    "www-data",
];

pub(super) fn look(seen: &Seen<'_, '_>, claims: &mut Claims) {
    keys(seen, claims);
    folders(seen, claims);
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+' | b'/' | b'=')
}

fn keys(seen: &Seen<'_, '_>, claims: &mut Claims) {
    let Some(marks) = &*MARKS else { return };
    let bytes = seen.view.bytes();
    let mut from = 0;
    for found in marks.find_iter(bytes) {
        if found.start() < from {
            continue;
        }
        if found.pattern().as_usize() == PREFIXES.len() {
            from = block(seen, claims, found.start());
            continue;
        }
        let (_, least) = PREFIXES[found.pattern().as_usize()];
        let glued = seen.view.before(found.start()).is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '.'));
        let length = bytes[found.end()..].iter().take(8192).take_while(|byte| is_key(**byte)).count();
        let mixed = bytes[found.end()..found.end() + length].iter().any(u8::is_ascii_digit);
        if !glued && length >= least && mixed {
            let end = found.end() + length - usize::from(bytes[found.end() + length - 1] == b'.');
            claims.over(Kind::Key, found.start()..end);
            from = end;
        }
    }
    bots(seen, claims);
}

/// A private key from its first line to its last, or to the end where that is missing.
fn block(seen: &Seen<'_, '_>, claims: &mut Claims, start: usize) -> usize {
    let text = seen.view.text();
    let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let mut head_end = line_end.min(start + 120);
    while !text.is_char_boundary(head_end) {
        head_end -= 1;
    }
    if !text[start..head_end].contains("PRIVATE KEY") {
        return head_end;
    }
    let end = text[start + BEGIN.len()..].find("-----END ").map(|at| start + BEGIN.len() + at);
    let end = end.map_or(text.len(), |at| text[at + 9..].find("-----").map_or(text.len(), |close| at + 9 + close + 5));
    claims.over(Kind::Key, start..end);
    end
}

/// Telegram's `123456789:AA…`.
fn bots(seen: &Seen<'_, '_>, claims: &mut Claims) {
    let bytes = seen.view.bytes();
    for at in memchr::memchr_iter(b':', bytes) {
        let digits = bytes[..at].iter().rev().take(11).take_while(|byte| byte.is_ascii_digit()).count();
        if !matches!(digits, 8..=10) {
            continue;
        }
        let length = bytes[at + 1..].iter().take(64).take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')).count();
        if length == 35 {
            claims.redact(Kind::Key, at - digits..at + 1 + length);
        }
    }
}

/// The part of a path that is a user's name. The rest of it may be the indicator.
fn folders(seen: &Seen<'_, '_>, claims: &mut Claims) {
    let Some(folders) = &*FOLDERS else { return };
    let lower = seen.view.lower();
    for found in folders.find_iter(lower) {
        let rest = &lower[found.end()..];
        let windows = lower.as_bytes()[found.end() - 1] == b'\\';
        let end = rest.find(|c: char| {
            matches!(c, '/' | '\\' | '"' | '<' | '>' | '|' | ':' | '*' | '?' | '\n' | '\r' | '\0' | ',' | ';' | ')')
                || !windows && c.is_whitespace()
        });
        let end = end.unwrap_or(rest.len()).min(64);
        let Some(name) =
            rest.get(..end).map(|name| if rest[end..].starts_with(['/', '\\']) { name } else { name.split(' ').next().unwrap_or(name) })
        else {
            continue;
        };
        let name = name.trim_end_matches(['.', '\'']);
        let drawn = name.contains(['%', '$', '{', '[', '~']) || name.is_empty();
        if !drawn && EVERYONES.binary_search(&name).is_err() {
            claims.redact(Kind::User, found.end()..found.end() + name.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(EVERYONES.is_sorted());
    }
}
