//! E-mail addresses, and the `@name` of a platform: people's go, unless a word or the way they are written says that they are an attacker's.

use super::Kind;
use super::claim::Claims;
use super::cue::{ATTACKER, PERSON, SENDER, SENT, Seen, is_letter, is_spaceless};
use super::known::Values;
use super::view::Fanged;
use super::web::{SIDE_MAX, Whose, host_end, trimmed_end, whose};
use memchr::memmem;
use std::ops::Range;

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

/// Whether two of three things say that it is no person's: a word that a mail came from there, a mailbox of a role or a host that poses as
/// another's, and an attack that the text around speaks of. A word for a person that is nearer decides against.
fn is_sender(seen: &Seen<'_, '_>, range: &Range<usize>, address: &str) -> bool {
    const BESIDE: usize = 14;
    const AROUND: usize = 200;
    // `Anna Kim <anna@…>`.
    if seen.view.before(range.start) == Some('<')
        && seen.view.bytes()[..range.start - 1].trim_ascii_end().last().is_some_and(|byte| !b":\n>".contains(byte))
    {
        return false;
    }
    let (local, host) = address.rsplit_once('@').unwrap_or_default();
    let free = FREE.binary_search(&host.split('.').next().unwrap_or("")).is_ok();
    let sent = [seen.before(range, SENDER), seen.after(range, SENT)].into_iter().flatten().map(|near| near.cost).min();
    let sent = sent.filter(|near| *near <= BESIDE);
    let person = seen.near(range, PERSON).map(|near| near.cost);
    if person.is_some_and(|person| person <= sent.unwrap_or(BEFORE)) {
        return false;
    }
    let from = seen.cues.partition_point(|cue| cue.end + AROUND < range.start);
    let attack = || seen.cues[from..].iter().take_while(|cue| cue.end <= range.end + AROUND).any(|cue| cue.class & ATTACKER != 0);
    let nobodys = is_role(local) || !free && is_lure(host);
    let header = sent.is_some_and(|near| near <= 2) && seen.view.bytes()[..range.start].trim_ascii_end().ends_with(b":");
    match sent {
        Some(_) => nobodys || !header && !free && attack(),
        None => is_role(local) && !free && attack(),
    }
}

/// A host that names a service or what an account needs beside another word: `gmail-alert-hub.app`, `paypal-sync.cc`.
fn is_lure(host: &str) -> bool {
    let Some((name, _)) = host.rsplit_once('.') else { return false };
    let parts: Vec<&str> = name.split(['-', '.']).map(|part| part.trim_end_matches(|c: char| c.is_ascii_digit())).collect();
    (parts.len() > 1 || name.ends_with(|c: char| c.is_ascii_digit())) && parts.iter().any(|part| LURES.binary_search(part).is_ok())
}

const LURES: [&str; 44] = [
    "access",
    "account",
    "accounts",
    "alert",
    "apple",
    "auth",
    "bank",
    "billing",
    "center",
    "check",
    "cloud",
    "confirm",
    "dhl",
    "docs",
    "drive",
    "facebook",
    "fedex",
    "gmail",
    "google",
    "help",
    "helpdesk",
    "icloud",
    "insta",
    "instagram",
    "login",
    "meta",
    "microsoft",
    "notice",
    "office",
    "outlook",
    "paypal",
    "portal",
    "recovery",
    "secure",
    "security",
    "service",
    "signin",
    "support",
    "unlock",
    "update",
    "verify",
    "wallet",
    "webmail",
    "whatsapp",
];

/// Mailboxes of whoever is on duty, and of machines: each part of the name is such a word.
fn is_role(local: &str) -> bool {
    let mut parts = local.split(['.', '-', '_', '+']).map(|part| part.trim_end_matches(|c: char| c.is_ascii_digit())).peekable();
    parts.peek().is_some() && parts.all(|part| ROLES.binary_search(&part).is_ok())
}

const ROLES: [&str; 78] = [
    "access",
    "account",
    "accounts",
    "admin",
    "administrator",
    "alert",
    "alerts",
    "auth",
    "bank",
    "billing",
    "bot",
    "care",
    "center",
    "cloud",
    "confirm",
    "confirmation",
    "customer",
    "daemon",
    "delivery",
    "desk",
    "do",
    "donotreply",
    "help",
    "helpdesk",
    "id",
    "info",
    "invoice",
    "invoices",
    "it",
    "login",
    "mail",
    "mailer",
    "message",
    "messages",
    "news",
    "newsletter",
    "no",
    "noreply",
    "not",
    "notice",
    "notification",
    "notifications",
    "notify",
    "office",
    "online",
    "order",
    "orders",
    "password",
    "payment",
    "payments",
    "post",
    "postmaster",
    "press",
    "privacy",
    "recovery",
    "reply",
    "reset",
    "root",
    "safety",
    "sales",
    "secure",
    "security",
    "server",
    "service",
    "services",
    "shipping",
    "signin",
    "support",
    "system",
    "team",
    "tech",
    "update",
    "updates",
    "verification",
    "verify",
    "webmail",
    "webmaster",
    "welcome",
];

/// What hosts are called where anybody has a mailbox: most are people's.
const FREE: [&str; 22] = [
    "aol",
    "example",
    "fastmail",
    "gmail",
    "gmx",
    "hotmail",
    "icloud",
    "live",
    "mail",
    "me",
    "msn",
    "outlook",
    "posteo",
    "proton",
    "protonmail",
    "riseup",
    "tutanota",
    "ukr",
    "web",
    "yahoo",
    "yandex",
    "zoho",
];

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::redact::{Detector, Known};

    fn goes(text: &str) -> bool {
        !Detector::new(&Known::default()).find(text).is_empty()
    }

    #[test]
    fn the_tables_are_sorted() {
        assert!(ROLES.is_sorted() && FREE.is_sorted() && LURES.is_sorted());
    }

    #[test]
    fn the_sender_of_a_suspicious_mail_stays_and_a_persons_address_goes() {
        for text in [
            "The message came from service@post-line.cc and wanted me to log in",
            "Надіслали його з press.office(at)metaaccess30(dot)com. Вкладення додано",
            "recebi um e-mail de verify@icloudcenter46.com pedindo dados",
            "İletiyi gönderen adres admin@outlookinfo22.online, ekte",
            "konto@gmail-sync.top 寄來釣魚信",
            "signed by alert@paper-desk.cc today. It was a scam",
            "a letter, it came from m.rossi@gmail-alert-hub.app",
            "Subject: suspicious mail\nIt came from kim.j@paper-desk.cc",
        ] {
            assert!(!goes(text), "{text}");
        }
        for text in [
            "A message came from maria.lopez@periodico.mx",
            "We received an e-mail from her colleague info@ngo-desk.org",
            "From: Anna Kim <support@ngo-desk.org>",
            "From: b.kim@paper-desk.cc\nSubject: suspicious mail",
            "A mail came from j.kim77@gmail.com. It has a virus",
            "support@ngo-desk.org",
            "the attack was yesterday. Her desk: support@ngo-desk.org",
            "phishing. Her login: lucia@periodico.mx desde casa",
        ] {
            assert!(goes(text), "{text}");
        }
    }
}
