//! E-mail addresses, and the `@name` of a platform: people's go, unless a word or the way they are written says that they are an attacker's.

use super::Kind;
use super::claim::Claims;
use super::cue::{self, ATTACKER, PERSON, Seen, TAKEN, is_letter, is_spaceless, normals};
use super::known::Values;
use super::sender::is_sender;
use super::view::Fanged;
use super::web::{SIDE_MAX, Whose, begins, host_end, stands_behind, trimmed_end, whose};
use memchr::memmem;
use std::ops::Range;
use std::sync::LazyLock;

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte)
}

pub(super) fn emails(seen: &Seen<'_, '_>, known: &Values, claims: &mut Claims) {
    let bytes = seen.view.bytes();
    let mut from = 0;
    for at in memchr::memchr_iter(b'@', bytes) {
        if at < from || claims.is_taken(at) {
            continue;
        }
        if let Some(range) = email_at(seen, at).or_else(|| letters_apart(seen, at)) {
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
    let host_start = at + 1 + text[at + 1..].bytes().take(3).take_while(|byte| matches!(byte, b' ' | b'\r' | b'\n')).count();
    let end = host_end(text, host_start, spaced)?;
    Some(start..end)
}

/// `j a n e @ n g o . o r g`: the address around an `@` with a blank between all of it.
fn letters_apart(seen: &Seen<'_, '_>, at: usize) -> Option<Range<usize>> {
    let bytes = seen.view.bytes();
    let blank = |at: usize| bytes.get(at) == Some(&b' ');
    let mut start = at;
    while start >= 2 && at - start < SIDE_MAX && blank(start - 1) && is_local(bytes[start - 2]) && (start == 2 || blank(start - 3)) {
        start -= 2;
    }
    let letters = bytes[at..].iter().skip(2).step_by(2).take(SIDE_MAX);
    let apart = letters.enumerate().take_while(|(nth, byte)| {
        blank(at + 1 + 2 * nth)
            && (byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
            && !bytes.get(at + 3 + 2 * nth).is_some_and(u8::is_ascii_alphanumeric)
    });
    let host: String = apart.map(|(_, byte)| char::from(*byte)).collect();
    (at - start >= 4).then(|| host_end(&host, 0, false)).flatten().map(|end| start..at + 1 + 2 * end)
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
    let sent = is_sender(seen, &range, &address);
    let keeps = match nearest(seen, &range, if strongly { BESIDE } else { BEFORE }) {
        _ if sent => true,
        // "…, which is the attacker's".
        Whose::Unsaid | Whose::Attacker if seen.apposed(&range, false) == Some(ATTACKER) && !is_reached(seen, &range) => true,
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
    // Of a stolen account the address is the victim's, and so is one that a mail came to; "somebody" may be anybody.
    let victims = || is_reached(seen, range);
    let taken = seen.before(range, TAKEN).map(|near| near.cost);
    let attackers = |class: u32| class & ATTACKER != 0 && class & PERSON == 0 && !victims();
    let before = seen.before(range, both).map(|near| {
        let taken = taken.is_some_and(|taken| taken <= near.cost + 12);
        cue::Near { class: if taken { PERSON } else { near.class }, ..near }
    });
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

/// `a phishing mail to jane@…`, `the attacker got into jane@…`: whether words around an address say that something reached it.
fn is_reached(seen: &Seen<'_, '_>, range: &Range<usize>) -> bool {
    static TO: LazyLock<Vec<String>> = LazyLock::new(|| {
        normals(&[
            "to",
            "into",
            "in",
            "on",
            "onto",
            "against",
            "at",
            "targeting",
            "a",
            "en",
            "al",
            "contra",
            "à",
            "dans",
            "chez",
            "par",
            "vers",
            "para",
            "em",
            "ao",
            "an",
            "auf",
            "gegen",
            "ins",
            "к",
            "на",
            "в",
            "у",
            "до",
            "do",
            "na",
            "w",
            "we",
            "ke",
            "kepada",
            "di",
            "tới",
            "đến",
            "vào",
            "cho",
            "kwa",
            "kwenye",
            "katika",
            "إلى",
            "الى",
            "على",
            "في",
            "به",
            "در",
            "برای",
            "אל",
            "ל",
            "ב",
            "לכתובת",
            "ወደ",
            "kwako",
            "naar",
        ])
    });
    static GLUED: LazyLock<Vec<String>> =
        LazyLock::new(|| normals(&["ถึง", "ไปยัง", "ไปที่", "ให้", "เข้า", "ใน", "到", "給", "给", "至", "往", "入", "向", "ወደ"]));
    static BEHIND: LazyLock<Vec<String>> = LazyLock::new(|| {
        normals(&[
            " adresine",
            "'e ",
            "'a ",
            "'ye ",
            "'ya ",
            " को ",
            " में ",
            " पर ",
            " کو ",
            " پر ",
            " میں ",
            " এ ",
            "-এ",
            " এ",
            " তে",
            "-তে",
            " কে",
            "に",
            "へ",
            "宛",
            " に",
            " 로 왔",
            "로 왔",
            " 로 도착",
            " 에 ",
            "-ზე",
            "-ში",
            " ကို",
            " သို့",
        ])
    });
    stands_behind(seen, range, &TO, &GLUED) || begins(seen, range, &BEHIND)
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
