//! Addresses on the internet: of people, which go, and of attackers, which stay.
//!
//! A value is told by what stands nearest to it (a word for an attacker or for a person) and by its form: what is defanged with marks is meant
//! as an indicator. Where neither speaks, an e-mail address goes, a URL or domain stays, and an IP address goes where a sentence is about it and stays in a list.

use super::Kind;
use super::claim::Claims;
use super::cue::{ATTACKER, ID, PERSON, PHONE, QUANTITY, Seen, TICKET, is_letter, is_spaceless};
use super::known::Values;
use super::view::{Fanged, HIDDEN};
use crate::model::observable::tld;
use memchr::memmem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// Everything of this module, in the order in which a longer form comes before what is in it.
pub(super) fn look(seen: &Seen<'_, '_>, known: &Values, claims: &mut Claims) {
    urls(seen, known, claims);
    emails(seen, known, claims);
    super::spelled::look(seen, known, claims);
    hosts(seen, known, claims);
    ipv6(seen, known, claims);
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
    let person = PERSON | PHONE | ID | TICKET;
    let near = seen.near(range, person | ATTACKER);
    match near {
        Some(near) if near.class & ATTACKER != 0 && near.class & PERSON == 0 => Whose::Attacker,
        Some(_) => Whose::Person,
        None => Whose::Unsaid,
    }
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte)
}

/// Longest part that is looked at on one side of a mark: names have 253 bytes, local parts 64.
const SIDE_MAX: usize = 260;
/// Longest URL.
const URL_MAX: usize = 8192;

// --- URLs

fn urls(seen: &Seen<'_, '_>, known: &Values, claims: &mut Claims) {
    let bytes = seen.view.bytes();
    let mut from = 0;
    for at in memmem::find_iter(bytes, b"://") {
        if at < from {
            continue;
        }
        let scheme = bytes[at.saturating_sub(16)..at]
            .iter()
            .rev()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'*'))
            .count();
        // Without a scheme nothing is read on, so that many marks in a row cost no more than others.
        if scheme == 0 {
            continue;
        }
        let end = url_end(seen.view.text(), at + 3);
        if end > at + 4 {
            url(seen, known, claims, at - scheme..end, at + 3);
            from = end;
        }
    }
}

/// Where a URL ends whose host or path begins at `start`.
fn url_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let limit = text.len().min(start + URL_MAX);
    let mut end = start;
    let mut ascii = true;
    while end < limit {
        let byte = bytes[end];
        if byte.is_ascii() {
            if byte <= b' ' || matches!(byte, b'"' | b'<' | b'>' | b'`' | b'|' | b'\\' | b'^' | b'{' | b'}' | HIDDEN) {
                break;
            }
            end += 1;
            continue;
        }
        let Some(c) = text[end..].chars().next() else { break };
        // A sentence goes on behind a URL without a blank in scripts that have none.
        if !is_letter(c) || (ascii && is_spaceless(c) && end > start) || (ascii && end > start && bytes[start..end].contains(&b'/')) {
            break;
        }
        ascii = false;
        end += c.len_utf8();
    }
    trimmed_end(bytes, start, end)
}

/// Without the marks of the sentence around it.
fn trimmed_end(bytes: &[u8], start: usize, mut end: usize) -> usize {
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

/// `host` is where the part behind `://` begins.
fn url(seen: &Seen<'_, '_>, known: &Values, claims: &mut Claims, range: Range<usize>, host: usize) {
    let bytes = seen.view.bytes();
    let authority_end = (host..range.end).find(|at| matches!(bytes[*at], b'/' | b'?' | b'#')).unwrap_or(range.end);
    let user_end = bytes[host..authority_end].iter().rposition(|byte| *byte == b'@').map(|at| host + at);
    let name_start = user_end.map_or(host, |at| at + 1);
    let lower = seen.view.lower();
    let name = lower[name_start..authority_end].split(':').next().unwrap_or("");
    if known.is_own_host(name) {
        claims.redact(Kind::Url, range);
        return;
    }
    let indicator = known.keeps(&lower[range.clone()]) || known.keeps(name);
    let whose = if indicator || seen.view.fanged(&range).is_some() { Whose::Attacker } else { whose(seen, &range) };
    let mut secrets = Vec::new();
    if let Some(end) = user_end {
        secrets.push((Kind::Secret, host..end));
    }
    if !indicator {
        tokens(seen, authority_end..range.end, &mut secrets);
        profile(seen, name, authority_end..range.end, whose, &mut secrets);
    }
    // Without a word on whose it is: a parameter that is a secret by its name makes a link somebody's; a name that a machine gave does not.
    let named = secrets.iter().any(|(kind, part)| *kind != Kind::Token || bytes[part.start - 1] == b'=');
    let next = whose == Whose::Attacker && !indicator && named && seen.view.fanged(&range).is_none() && is_about_the_next(seen, &range);
    let whose = if next { Whose::Unsaid } else { whose };
    if secrets.is_empty() || !named && whose == Whose::Unsaid && is_cell(seen, &range) {
        claims.keep(range);
    } else if whose == Whose::Attacker
        || whose == Whose::Unsaid && (!named || is_cell(seen, &range) && secrets.iter().all(|(kind, _)| *kind == Kind::Token))
    {
        // The host and the pattern of the path are the indicator; what tells one recipient from another goes.
        let mut from = range.start;
        for (kind, part) in secrets {
            claims.keep(from..part.start);
            claims.redact(kind, part.clone());
            from = part.end.max(from);
        }
        claims.keep(from..range.end);
    } else {
        let kind = if secrets.iter().all(|(kind, _)| *kind == Kind::Handle) { Kind::Handle } else { Kind::Url };
        claims.redact(kind, range);
    }
}

/// Whether the only word for an attacker stands behind a comma behind it: `…?token=x, the fake one was evil.example`.
fn is_about_the_next(seen: &Seen<'_, '_>, range: &Range<usize>) -> bool {
    let bytes = seen.view.bytes();
    seen.before(range, ATTACKER).is_none() && seen.after(range, ATTACKER).is_some_and(|near| bytes[range.end..near.edge].contains(&b','))
}

/// Parameters whose values are secret or name one recipient. In lower case, without `-` and `_`.
const PARAMETERS: [&str; 62] = [
    "accesstoken",
    "account",
    "acct",
    "apikey",
    "auth",
    "authkey",
    "authorization",
    "authtoken",
    "cid",
    "clientsecret",
    "code",
    "confirm",
    "confirmationtoken",
    "customer",
    "e",
    "email",
    "hash",
    "hmac",
    "id",
    "idtoken",
    "invite",
    "invitecode",
    "jwt",
    "key",
    "login",
    "loginhint",
    "m",
    "mail",
    "member",
    "mobile",
    "msisdn",
    "nonce",
    "otp",
    "pass",
    "passcode",
    "passwd",
    "password",
    "phone",
    "pwd",
    "recipient",
    "refreshtoken",
    "reset",
    "resetkey",
    "resettoken",
    "rid",
    "secret",
    "session",
    "sessionid",
    "sid",
    "sig",
    "sign",
    "signature",
    "state",
    "subscriber",
    "target",
    "ticket",
    "tk",
    "to",
    "token",
    "u",
    "uid",
    "user",
];

/// Values of telling parameters, and parts of the path that only a machine made up.
fn tokens(seen: &Seen<'_, '_>, rest: Range<usize>, found: &mut Vec<(Kind, Range<usize>)>) {
    let bytes = seen.view.bytes();
    let mut start = rest.start;
    let mut in_query = false;
    for at in rest.start..=rest.end {
        let ends = at == rest.end || matches!(bytes[at], b'/' | b'?' | b'&' | b'#' | b';');
        if !ends {
            continue;
        }
        let part = start..at;
        let equals = bytes[part.clone()].iter().position(|byte| *byte == b'=').map(|at| part.start + at);
        match equals {
            Some(equals) if in_query || at < rest.end || equals > part.start => {
                let value = equals + 1..at;
                let name: String = seen.view.lower()[part.start..equals].chars().filter(|c| c.is_alphanumeric()).collect();
                let telling = PARAMETERS.binary_search(&&*name).is_ok() && is_telling(&name, &bytes[value.clone()]);
                if !value.is_empty() && (telling || is_random(&bytes[value.clone()]) || bytes[value.clone()].contains(&b'@')) {
                    found.push((Kind::Token, value));
                }
            }
            // The last part of the path: folders with such names are the pattern of a kit.
            _ if is_address(&bytes[part.clone()]) => found.push((Kind::Token, part.clone())),
            _ if is_random(&bytes[part.clone()]) && !bytes[at..rest.end].contains(&b'/') => found.push((Kind::Token, part.clone())),
            _ => {}
        }
        in_query |= at < rest.end && matches!(bytes[at], b'?' | b'#');
        start = at + 1;
    }
}

/// A short value behind a name that has many uses (`id=12`, `m=view`) tells nobody.
fn is_telling(name: &str, value: &[u8]) -> bool {
    match name {
        "id" | "m" | "e" | "u" | "to" | "code" | "key" | "account" | "state" | "cid" | "target" | "hash" | "login" | "confirm"
        | "customer" | "member" | "reset" | "sign" => {
            value.len() >= 5 && value.iter().any(|byte| byte.is_ascii_digit() || *byte == b'@' || *byte == b'%')
        }
        _ => value.len() >= 2,
    }
}

fn is_address(part: &[u8]) -> bool {
    let percent = memmem::find(part, b"%40");
    percent.is_some_and(|at| at > 0 && part[at + 3..].contains(&b'.'))
        || memchr::memchr(b'@', part).is_some_and(|at| at > 0 && part[at..].contains(&b'.'))
}

/// A UUID, or 16 letters and digits in an order that no word has.
fn is_random(part: &[u8]) -> bool {
    let body: Vec<u8> = part.iter().copied().filter(|byte| !matches!(byte, b'-' | b'_' | b'.' | b'=' | b'~' | b'%')).collect();
    if body.len() < 16 || !body.iter().all(u8::is_ascii_alphanumeric) {
        return false;
    }
    let digits = body.iter().filter(|byte| byte.is_ascii_digit()).count();
    let changes = body.windows(2).filter(|pair| class_of(pair[0]) != class_of(pair[1])).count();
    let words = part
        .split(|byte| matches!(byte, b'-' | b'_' | b'.'))
        .filter(|word| word.len() > 1 && word.iter().all(u8::is_ascii_lowercase))
        .count();
    let uuid = part.len() == 36 && body.len() == 32 && body.iter().all(u8::is_ascii_hexdigit);
    // Files named by their hash are indicators; what people mistake for one is no better as a token.
    let hash = matches!(part.len(), 32 | 40 | 64) && part.iter().all(u8::is_ascii_hexdigit);
    // Two capitals in a row, twice, begin no word of a title that is written together.
    let capitals = body.windows(2).filter(|pair| pair.iter().all(u8::is_ascii_uppercase)).count();
    let mixed = digits >= 3 || digits > 0 && body.len() >= 20 && capitals >= 2;
    (uuid || changes * 4 >= body.len() && mixed && words < 3) && !hash
}

fn class_of(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        _ => 2,
    }
}

/// Where people have profiles, and how many parts of the path come before the name.
const PROFILES: [(&str, &str); 26] = [
    ("bsky.app", "profile/"),
    ("facebook.com", ""),
    ("fb.com", ""),
    ("github.com", ""),
    ("gitlab.com", ""),
    ("instagram.com", ""),
    ("keybase.io", ""),
    ("linkedin.com", "in/"),
    ("m.facebook.com", ""),
    ("m.me", ""),
    ("mastodon.social", ""),
    ("medium.com", ""),
    ("ok.ru", ""),
    ("reddit.com", "user/"),
    ("signal.me", ""),
    ("snapchat.com", "add/"),
    ("t.me", ""),
    ("telegram.me", ""),
    ("threads.net", ""),
    ("tiktok.com", ""),
    ("twitter.com", ""),
    ("viber.me", ""),
    ("vk.com", ""),
    ("wa.me", ""),
    ("x.com", ""),
    ("youtube.com", "@"),
];

/// First parts of paths there that are no names.
const NO_NAMES: [&str; 34] = [
    "about",
    "add",
    "blog",
    "channel",
    "docs",
    "events",
    "explore",
    "files",
    "groups",
    "hashtag",
    "help",
    "home",
    "i",
    "intent",
    "joinchat",
    "legal",
    "login",
    "mvt-project",
    "notes",
    "p",
    "pages",
    "policies",
    "posts",
    "privacy",
    "reel",
    "s",
    "search",
    "settings",
    "share",
    "sharer",
    "status",
    "support",
    "watch",
    "wiki",
];

fn profile(seen: &Seen<'_, '_>, host: &str, rest: Range<usize>, whose: Whose, found: &mut Vec<(Kind, Range<usize>)>) {
    if whose == Whose::Attacker || !found.is_empty() {
        return;
    }
    let host = host.strip_prefix("www.").unwrap_or(host);
    let Ok(at) = PROFILES.binary_search_by(|(name, _)| name.cmp(&host)) else { return };
    let Some(path) = seen.view.lower()[rest.clone()].strip_prefix('/') else { return };
    let Some(path) = path.strip_prefix(PROFILES[at].1) else { return };
    let start = rest.end - path.len();
    let name = path.split(['/', '?', '#']).next().unwrap_or("");
    let alone = matches!(host, "github.com" | "gitlab.com" | "medium.com" | "youtube.com") && path[name.len()..].len() > 1;
    if name.len() >= 2 && !alone && !NO_NAMES.contains(&name.trim_start_matches('@')) {
        found.push((Kind::Handle, start..start + name.len()));
    }
}

// --- e-mail addresses

fn emails(seen: &Seen<'_, '_>, known: &Values, claims: &mut Claims) {
    let bytes = seen.view.bytes();
    let mut from = 0;
    for at in memchr::memchr_iter(b'@', bytes) {
        if at < from || claims.is_taken(at) {
            continue;
        }
        if let Some(range) = email_at(seen, at) {
            from = range.end;
            email(seen, known, claims, range);
        } else {
            handle(seen, claims, at);
        }
    }
}

/// The address around an `@`, with at most a blank on each side of it (and then of each dot).
fn email_at(seen: &Seen<'_, '_>, at: usize) -> Option<Range<usize>> {
    let text = seen.view.text();
    let bytes = text.as_bytes();
    let spaced = bytes.get(at + 1) == Some(&b' ') || at > 0 && bytes[at - 1] == b' ';
    let local_end = text[..at].trim_end_matches(' ').len().max(at.saturating_sub(2));
    let start = local_start(text, local_end);
    if start == local_end || at - local_end > 2 {
        return None;
    }
    let host_start = at + 1 + text[at + 1..].bytes().take(2).take_while(|byte| *byte == b' ').count();
    let end = host_end(text, host_start, spaced)?;
    Some(start..end)
}

fn local_start(text: &str, end: usize) -> usize {
    let bytes = text.as_bytes();
    let floor = end.saturating_sub(SIDE_MAX);
    let mut start = end;
    while start > floor && is_local(bytes[start - 1]) {
        start -= 1;
    }
    // Letters of other scripts (RFC 6531), or a letter that only looks like one of ours.
    let chars = text[..start].char_indices().rev();
    for (at, c) in chars {
        let joins = start < end || !is_spaceless(c);
        let foreign = !c.is_ascii() && is_letter(c) && joins && !(is_spaceless(c) && start < end);
        if at < floor || !(foreign || start < end && c.is_ascii() && is_local(c as u8)) {
            break;
        }
        start = at;
    }
    let skipped = bytes[start..end].iter().take_while(|byte| !byte.is_ascii_alphanumeric() && byte.is_ascii() && **byte != b'_').count();
    // `name=a@b.org`, `mailto:a@b.org`: the last of what separates comes before the address.
    let cut = bytes[start..end].iter().rposition(|byte| matches!(byte, b'=' | b'/' | b'|' | b'`' | b'{' | b'?' | b'&' | b'*' | b'#'));
    (start + skipped).max(cut.map_or(start, |cut| start + cut + 1)).min(end)
}

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

pub(super) fn email(seen: &Seen<'_, '_>, known: &Values, claims: &mut Claims, range: Range<usize>) {
    let address: String = seen.view.lower()[range.clone()].chars().filter(|c| *c != ' ').collect();
    let host = address.rsplit('@').next().unwrap_or("");
    if known.is_own_host(host) || known.has_value(&address) {
        claims.redact(Kind::Email, range);
        return;
    }
    if known.keeps(&address) || known.keeps(host) {
        claims.keep(range);
        return;
    }
    let marked = matches!(seen.view.fanged(&range), Some(Fanged::Mark | Fanged::Scheme));
    // `x[@]y`: who hides an address of their own from harvesters writes a word there.
    let at = seen.view.bytes()[range.clone()].iter().position(|byte| *byte == b'@').map(|at| range.start + at);
    let strongly = at.is_some_and(|at| seen.view.fanged(&(at..at + 1)) == Some(Fanged::Mark));
    let keeps = match nearest(seen, &range, if strongly { BESIDE } else { BEFORE }) {
        Whose::Attacker => true,
        Whose::Person => false,
        // Somebody took care that nobody clicks on it.
        Whose::Unsaid => marked,
    };
    if keeps {
        claims.keep(range);
    } else {
        claims.redact(Kind::Email, range);
    }
}

/// How near a word before an address must be to tell whose it is; and where its `@` itself is defanged.
const BEFORE: usize = 40;
const BESIDE: usize = 16;

/// As [`whose`], for an address: most are people's, so a word for an attacker must stand right before it, with no other value between, or in brackets behind.
fn nearest(seen: &Seen<'_, '_>, range: &Range<usize>, reach: usize) -> Whose {
    let bytes = seen.view.bytes();
    let both = PERSON | ATTACKER;
    let attackers = |class: u32| class & ATTACKER != 0 && class & PERSON == 0;
    let before = seen.before(range, both);
    let after = seen.after(range, both);
    if let Some(near) = before.filter(|near| near.cost <= reach) {
        // `the phishing page evil.example, mail …`: that word is about the page.
        let gap = &bytes[range.start.saturating_sub(near.cost)..range.start];
        let between =
            gap.windows(2).any(|pair| pair[0].is_ascii_alphanumeric() && matches!(pair[1], b'.' | b'@' | b':') && gap.contains(&b','))
                || memmem::find(gap, b"://").is_some();
        return if attackers(near.class) && !between { Whose::Attacker } else { Whose::Person };
    }
    match after {
        // In brackets right behind it.
        Some(near) if attackers(near.class) && near.cost == 0 => Whose::Attacker,
        _ if reach == BESIDE => Whose::Unsaid,
        Some(near) if near.class & PERSON != 0 => Whose::Person,
        _ if before.is_some_and(|near| near.class & PERSON != 0) => Whose::Person,
        _ => Whose::Unsaid,
    }
}

/// `@name` in running text.
fn handle(seen: &Seen<'_, '_>, claims: &mut Claims, at: usize) {
    let bytes = seen.view.bytes();
    let before = seen.view.before(at);
    if before.is_some_and(|c| c.is_alphanumeric() && !is_spaceless(c) || matches!(c, '_' | '@' | '/' | '.' | '\\')) {
        return;
    }
    let end = at
        + 1
        + bytes[at + 1..].iter().take(64).take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')).count();
    let end = trimmed_end(bytes, at, end);
    let mut whole = at..end;
    // `@name@server.example`, as the fediverse writes it.
    if bytes.get(end) == Some(&b'@')
        && let Some(host) = host_end(seen.view.text(), end + 1, false)
    {
        whole = at..host;
    }
    let letters = bytes[at + 1..end].iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let code = bytes.get(end).is_some_and(|byte| matches!(byte, b'(' | b'[' | b'{' | b'/' | b'='));
    if letters >= 2 && end - at >= 4 && !code && whose(seen, &whole) != Whose::Attacker {
        claims.redact(Kind::Handle, whole);
    }
}

// --- hosts and IPv4

fn hosts(seen: &Seen<'_, '_>, known: &Values, claims: &mut Claims) {
    let bytes = seen.view.bytes();
    let mut from = 0;
    for at in memchr::memchr_iter(b'.', bytes) {
        let between = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii() || *byte == b'-');
        if at < from || at == 0 || !between(bytes.get(at - 1)) || !between(bytes.get(at + 1)) || claims.is_taken(at) {
            continue;
        }
        let start = host_start(seen.view.text(), at);
        if let Some(range) = dotted_quad(bytes, start) {
            from = range.end;
            ipv4(seen, known, claims, range);
            continue;
        }
        from = at + 1;
        let Some(end) = host_end(seen.view.text(), start, false) else { continue };
        from = end;
        host(seen, known, claims, start..end);
    }
}

fn host_start(text: &str, dot: usize) -> usize {
    let bytes = text.as_bytes();
    let floor = dot.saturating_sub(SIDE_MAX);
    let mut start = dot;
    while start > floor && (bytes[start - 1].is_ascii_alphanumeric() || matches!(bytes[start - 1], b'-' | b'_')) {
        start -= 1;
    }
    for (at, c) in text[..start].char_indices().rev() {
        let foreign = !c.is_ascii() && is_letter(c) && !(is_spaceless(c) && start < dot);
        if at < floor || !(foreign || start < dot && !text.is_char_boundary(dot) || c == '-' && start < dot) {
            break;
        }
        start = at;
    }
    start
}

fn host(seen: &Seen<'_, '_>, known: &Values, claims: &mut Claims, range: Range<usize>) {
    let text = seen.view.text();
    let name = &seen.view.lower()[range.clone()];
    // A file's name, or a method of a program's object, unless it was defanged.
    let last = name.rsplit('.').next().unwrap_or("");
    // `H.No. 12`, `the end.It was`: a full stop between two words.
    let written = &text[range.end - last.len()..range.end];
    let glued = written.starts_with(|c: char| c.is_ascii_uppercase()) && written.contains(|c: char| c.is_ascii_lowercase());
    if glued && seen.view.fanged(&range).is_none() {
        return;
    }
    if tld::is_both(last) && seen.view.fanged(&range).is_none() {
        claims.keep(range);
        return;
    }
    if known.is_own_host(name) {
        claims.redact(Kind::Domain, range);
        return;
    }
    let end = match text.as_bytes().get(range.end) {
        Some(b'/' | b'?') => url_end(text, range.end),
        Some(b':') if text.as_bytes().get(range.end + 1).is_some_and(u8::is_ascii_digit) => url_end(text, range.end),
        _ => range.end,
    };
    if end > range.end {
        url(seen, known, claims, range.start..end, range.start);
    } else {
        claims.keep(range);
    }
}

/// Four numbers up to 255, from `start`, with a port or a prefix behind them.
fn dotted_quad(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let mut at = start;
    for part in 0..4 {
        let digits = bytes[at..].iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
        let value = bytes[at..at + digits].iter().fold(0u32, |value, byte| value * 10 + u32::from(byte - b'0'));
        if !matches!(digits, 1..=3) || value > 255 {
            return None;
        }
        at += digits;
        if part < 3 {
            if bytes.get(at) != Some(&b'.') {
                return None;
            }
            at += 1;
        }
    }
    let goes_on = match bytes.get(at) {
        Some(b'.') => bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric),
        Some(b'-') => bytes.get(at + 1).is_some_and(u8::is_ascii_alphabetic),
        Some(byte) => byte.is_ascii_alphanumeric() || *byte == b'_',
        None => false,
    };
    (!goes_on).then_some(start..at)
}

fn ipv4(seen: &Seen<'_, '_>, known: &Values, claims: &mut Claims, range: Range<usize>) {
    let bytes = seen.view.bytes();
    let Ok(address) = seen.view.text()[range.clone()].parse::<Ipv4Addr>() else { return };
    let tail = match bytes.get(range.end) {
        Some(b':' | b'/') => bytes[range.end + 1..].iter().take(6).take_while(|byte| byte.is_ascii_digit()).count(),
        _ => 0,
    };
    let whole = range.start..if tail > 0 { range.end + 1 + tail } else { range.end };
    // `1.2.3.4/gate.php`: a URL without its scheme.
    if bytes.get(range.end) == Some(&b'/') && tail == 0 || bytes.get(whole.end) == Some(&b'/') {
        let end = url_end(seen.view.text(), range.end);
        if end > range.end + 1 {
            url(seen, known, claims, range.start..end, range.start);
            return;
        }
    }
    let is_net = bytes.get(range.end) == Some(&b'/') && tail > 0;
    ip(seen, known, claims, range, whole, IpAddr::V4(address), is_net);
}

fn ipv6(seen: &Seen<'_, '_>, known: &Values, claims: &mut Claims) {
    let bytes = seen.view.bytes();
    let part = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let mut from = 0;
    for at in memchr::memchr_iter(b':', bytes) {
        if at < from || !bytes.get(at + 1).is_some_and(|byte| byte.is_ascii_hexdigit() || *byte == b':') {
            continue;
        }
        let start = at - bytes[from..at].iter().rev().take(40).take_while(|byte| part(byte)).count();
        let end = at + bytes[at..].iter().take(64).take_while(|byte| part(byte)).count();
        from = end.max(at + 1);
        let text = seen.view.text()[start..end].trim_end_matches([':', '.']);
        let text = if seen.view.text()[start..end].ends_with("::") && !text.contains("::") {
            &seen.view.text()[start..start + text.len() + 2]
        } else {
            text
        };
        let range = start..start + text.len();
        let glued = seen.view.before(start).is_some_and(|c| c.is_alphanumeric() && !is_spaceless(c) || matches!(c, '_' | '-'))
            || seen.view.after(range.end).is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        if glued || !claims.is_free(&range) {
            continue;
        }
        if mac(text.as_bytes()) {
            claims.redact(Kind::Device, range);
        } else if let Ok(address) = text.parse::<Ipv6Addr>() {
            let prefix = match bytes.get(range.end) {
                Some(b'/') => bytes[range.end + 1..].iter().take(4).take_while(|byte| byte.is_ascii_digit()).count(),
                _ => 0,
            };
            let whole = range.start..if prefix > 0 { range.end + 1 + prefix } else { range.end };
            ip(seen, known, claims, range, whole, IpAddr::V6(address), prefix > 0);
        }
    }
}

/// `00:1A:2B:3C:4D:5E`.
fn mac(text: &[u8]) -> bool {
    text.len() == 17
        && text.iter().enumerate().all(|(at, byte)| if at % 3 == 2 { *byte == b':' } else { byte.is_ascii_hexdigit() })
        && text.iter().any(|byte| !matches!(byte, b'0' | b':'))
}

fn ip(seen: &Seen<'_, '_>, known: &Values, claims: &mut Claims, range: Range<usize>, whole: Range<usize>, address: IpAddr, is_net: bool) {
    let bytes = seen.view.bytes();
    let written = &seen.view.lower()[range.clone()];
    if known.has_value(written) {
        claims.redact(Kind::Ip, whole);
        return;
    }
    let version = seen.before(&range, QUANTITY).is_some_and(|near| near.cost <= 3);
    let own = match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_unspecified() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unspecified(),
    };
    if known.keeps(written) || own || version {
        claims.keep(whole);
        return;
    }
    let goes = match whose(seen, &whole) {
        Whose::Person => true,
        Whose::Attacker => false,
        Whose::Unsaid => {
            // `evil.example (203.0.113.7)`: where that is. A word such as "from" would leave open who came from there.
            let in_brackets = bytes[..whole.start].ends_with(b" (") && whole.start.checked_sub(3).is_some_and(|at| claims.stays(at));
            !in_brackets
                && !is_local_network(address)
                && !is_net
                && seen.view.fanged(&range).is_none()
                && !is_cell(seen, &whole)
                && is_in_sentence(seen, &whole)
        }
    };
    if goes {
        claims.redact(Kind::Ip, whole);
    } else {
        claims.keep(whole);
    }
}

fn is_local_network(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.is_link_local() || address.is_multicast(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local() || address.is_multicast(),
    }
}

/// Whether it is a cell of a table: alone between commas, tabs or quotes.
fn is_cell(seen: &Seen<'_, '_>, range: &Range<usize>) -> bool {
    let edge = |byte: Option<&u8>| byte.is_none_or(|byte| matches!(byte, b',' | b'\t' | b'"' | b'|' | b'\n' | b'\r' | b';' | b':'));
    let bytes = seen.view.bytes();
    edge(range.start.checked_sub(1).and_then(|at| bytes.get(at))) && edge(bytes.get(range.end)) && bytes.get(range.end + 1) != Some(&b' ')
}

/// Whether words stand around it in its line; a list has none.
fn is_in_sentence(seen: &Seen<'_, '_>, range: &Range<usize>) -> bool {
    let text = seen.view.text();
    let bytes = text.as_bytes();
    let start = memchr::memrchr(b'\n', &bytes[range.start.saturating_sub(200)..range.start])
        .map_or(range.start.saturating_sub(200), |at| range.start.saturating_sub(200) + at + 1);
    let limit = (range.end + 200).min(bytes.len());
    let end = memchr::memchr(b'\n', &bytes[range.end..limit]).map_or(limit, |at| range.end + at);
    let words = |part: &[u8]| {
        part.split(u8::is_ascii_whitespace)
            .filter(|word| {
                word.len() > 1
                    && word.iter().all(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii() || matches!(byte, b',' | b'.' | b':'))
            })
            .count()
    };
    words(&bytes[start..range.start]) + words(&bytes[range.end..end]) >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(PARAMETERS.is_sorted() && PROFILES.is_sorted() && NO_NAMES.is_sorted());
    }

    #[test]
    fn what_a_machine_made_up_is_told_from_words_and_hashes() {
        for random in ["dQw4w9WgXcQ8fK2p", "TMdnh4xlFnzstqyaEYVNysDEeaeBDcHi", "550e8400-e29b-41d4-a716-446655440000", "a1b2c3d4e5f6g7h8i9"]
        {
            assert!(is_random(random.as_bytes()), "{random}");
        }
        for word in [
            "a-long-title-of-some-article-2024",
            "d41d8cd98f00b204e9800998ecf8427e",
            "internationalisation",
            "TheLongReportAboutCovid19AndTheStates",
            "short1",
            "2024-01-31-report-final",
        ] {
            assert!(!is_random(word.as_bytes()), "{word}");
        }
    }
}
