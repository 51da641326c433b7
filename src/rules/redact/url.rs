//! URLs: what in one tells a person or one recipient, and whether the whole goes or that part alone.

use super::Kind;
use super::claim::Claims;
use super::cue::{ATTACKER, Seen, is_letter, is_spaceless};
use super::known::Values;
use super::sender::is_lure_host;
use super::service::{self, Sort, is_service};
use super::view::HIDDEN;
use super::web::{Whose, is_cell, trimmed_end, whose};
use memchr::memmem;
use std::ops::Range;

/// Longest URL.
const URL_MAX: usize = 8192;

pub(super) fn urls(seen: &Seen<'_, '_>, known: &Values, claims: &mut Claims) {
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
pub(super) fn url_end(text: &str, start: usize) -> usize {
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

/// `host` is where the part behind `://` begins.
pub(super) fn url(seen: &Seen<'_, '_>, known: &Values, claims: &mut Claims, range: Range<usize>, host: usize) {
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
    let fanged = seen.view.fanged(&range).is_some();
    let rest = &seen.view.text()[authority_end..range.end];
    let copied = !indicator && !fanged && service::profile(name, rest).is_some() && service::is_copied(seen, &range);
    let whose = match (indicator || fanged, copied) {
        (true, _) => Whose::Attacker,
        (_, true) => Whose::Person,
        _ => whose(seen, &range),
    };
    let is_attackers = indicator || fanged || !copied && service::is_called_attackers(seen, &range);
    let mut secrets = Vec::new();
    if let Some(end) = user_end {
        secrets.push((Kind::Secret, host..end));
    }
    if !indicator {
        let page = if is_attackers { None } else { service::profile(name, rest) };
        match page {
            Some(page) => secrets.push((Kind::Handle, authority_end + page.start..authority_end + page.end)),
            None => tokens(seen, authority_end..range.end, whose == Whose::Person || is_service(name), &mut secrets),
        }
    }
    // What a form and a place tell to be somebody's goes as a whole; what lets in is its owner's though an attack is spoken of.
    let somebodys = if indicator || fanged { None } else { service::is_somebodys(name, rest) };
    if somebodys.is_some_and(|sort| sort == Sort::Account && is_service(name) || !is_attackers) && !service::is_listed(seen, &range) {
        claims.redact(Kind::Url, range);
        return;
    }
    // The key of an attacker's file is no recipient's.
    if somebodys == Some(Sort::Share) && is_service(name) {
        secrets.retain(|(_, part)| bytes[part.clone()].contains(&b'@'));
    }
    // Without a word on whose it is: a parameter that is a secret by its name makes a link somebody's; a name that a machine gave does not.
    let named =
        secrets.iter().any(|(kind, part)| *kind != Kind::Token || bytes[part.start - 1] == b'=' && !is_common(seen, part.start - 1));
    // `/reset?code=` and a long one: what lets somebody in, unless a word right before it says that it is an attacker's.
    let lets_in = !indicator
        && !fanged
        && secrets.iter().any(|(_, part)| lets_in(lower.get(authority_end..part.start).unwrap_or(""), &bytes[part.clone()]));
    let named = named || lets_in;
    let claimed = whose == Whose::Attacker && !indicator && named && !fanged;
    let said = lets_in && seen.before(&range, ATTACKER).is_none_or(|near| near.cost > 12);
    let whose = if claimed && (said || is_service(name) || is_about_the_next(seen, &range)) { Whose::Unsaid } else { whose };
    if secrets.is_empty() || !named && whose == Whose::Unsaid && is_cell(seen, &range) {
        claims.keep(range);
    } else if whose == Whose::Attacker
        || whose == Whose::Unsaid && is_lure_host(name) && !is_service(name)
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

/// Whether a path and a parameter say that the value behind them lets its recipient in.
fn lets_in(path: &str, value: &[u8]) -> bool {
    const WORDS: [&str; 14] = [
        "accept", "activate", "confirm", "invite", "login", "magic", "otp", "reauth", "recover", "reset", "session", "signin", "unlock",
        "verify",
    ];
    value.len() >= 16
        && (is_random(value) || is_mixed(value) || value.iter().all(u8::is_ascii_hexdigit))
        && WORDS.iter().any(|word| path.contains(word))
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
fn tokens(seen: &Seen<'_, '_>, rest: Range<usize>, is_persons: bool, found: &mut Vec<(Kind, Range<usize>)>) {
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
                let made = is_random(&bytes[value.clone()]) || is_persons && is_mixed(&bytes[value.clone()]);
                if !value.is_empty() && (telling || made || bytes[value.clone()].contains(&b'@')) {
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

/// Parameters that have many uses, of [`PARAMETERS`].
const COMMON: [&str; 18] = [
    "account", "cid", "code", "confirm", "customer", "e", "hash", "id", "key", "login", "m", "member", "reset", "sign", "state", "target",
    "to", "u",
];

/// A short value behind a name that has many uses (`id=12`, `m=view`) tells nobody.
fn is_telling(name: &str, value: &[u8]) -> bool {
    if COMMON.binary_search(&name).is_err() {
        return value.len() >= 2;
    }
    value.len() >= 5 && value.iter().any(|byte| byte.is_ascii_digit() || *byte == b'@' || *byte == b'%')
}

/// Whether the parameter whose name ends at `equals` is one of [`COMMON`].
fn is_common(seen: &Seen<'_, '_>, equals: usize) -> bool {
    let lower = &seen.view.lower().as_bytes()[..equals];
    let name =
        lower.len() - lower.iter().rev().take(16).take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')).count();
    let name: String = lower[name..].iter().filter(|byte| byte.is_ascii_alphanumeric()).map(|byte| char::from(*byte)).collect();
    COMMON.binary_search(&&*name).is_ok()
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

/// As long as a token, in capitals and small letters: in a person's URL that suffices.
fn is_mixed(value: &[u8]) -> bool {
    value.len() >= 16
        && value.iter().all(u8::is_ascii_alphanumeric)
        && value.iter().any(u8::is_ascii_uppercase)
        && value.iter().any(u8::is_ascii_lowercase)
}

fn class_of(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(COMMON.is_sorted() && PARAMETERS.is_sorted());
    }

    #[test]
    fn a_link_with_a_secret_at_a_service_goes_though_an_attack_is_spoken_of() {
        use crate::rules::redact::{Detector, Known, Record};
        for (text, expected) in [
            ("after the attack: https://wordpress.com/magic-link?t=SZdGhuynxvdicqhndhMnXJ", "after the attack: [url-1]"),
            (
                "the criminals' one is the other: https://cloud.rights.example/verify?code=HAfzN5c9YZXXqy9JQNMxdM",
                "the criminals' one is the other: [url-1]",
            ),
            ("user's https://a:b@rights.example/reset?code=HAfzN5c9YZXXqy9JQNMxdM", "user's [url-1]"),
            ("phishing page https://wordpress.com/evil/login", "phishing page https://wordpress.com/evil/login"),
            (
                "phishing page https://notwordpress.com/x?t=SZdGhuynxvdicqhndhMnXJ",
                "phishing page https://notwordpress.com/x?t=SZdGhuynxvdicqhndhMnXJ",
            ),
            ("I clicked on https://zoomhub29.icu/auth?id=5w7gq7 then", "I clicked on https://zoomhub29.icu/auth?id=[token-1] then"),
        ] {
            assert_eq!(Record::default().redact(&Detector::new(&Known::default()), text), expected, "{text}");
        }
    }

    #[test]
    fn what_a_machine_made_up_is_told_from_words_and_hashes() {
        for random in ["dQw4w9WgXcQ8fK2p", "TMdnh4xlFnzstqyaEYVNysDEeaeBDcHi", "550e8400-e29b-41d4-a716-446655440000", "a1b2c3d4e5f6g7h8i9"]
        {
            assert!(is_random(random.as_bytes()), "{random}");
        }
        assert!(is_mixed(b"vxMJLTUBTjwHczMHHdEQAGkfyXRWcByi") && !is_mixed(b"a-long-Title-of-some-article"));
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

    #[test]
    fn a_page_that_was_copied_is_its_owners_and_the_copy_an_attackers() {
        let redacted =
            |text: &str| crate::rules::redact::Record::default().redact(&crate::rules::redact::Detector::new(&Default::default()), text);
        let page = "https://www.facebook.com/owen.hughes.27";
        for text in [
            "Profile that was cloned: {}",
            "Su página ({}) fue clonada por los atacantes",
            "釣魚者:其臉書 {} 遭人仿冒",
            "fake or not: {} was wrongly reported",
        ] {
            assert_eq!(redacted(&text.replace("{}", page)), text.replace("{}", "[handle-1]"));
        }
        for text in ["Fake profile: {}", "her page was cloned at {}", "the impostor's page {} was reported"] {
            assert_eq!(redacted(&text.replace("{}", page)), text.replace("{}", page));
        }
    }

    #[test]
    fn a_persons_link_goes_as_a_whole_and_one_that_is_called_an_attackers_stays() {
        use crate::rules::redact::{Detector, Known, Record};
        let redacted = |text: &str| Record::default().redact(&Detector::new(&Known::default()), text);
        for (text, expected) in [
            ("see https://drive.google.com/file/d/1fE9PhfyCVNJ1kPdnfHY3ih1cmsbQ9Kc5/view today", "see [url-1] today"),
            (
                "Die Mappe: https://cloud.verein-nord.de/s/pQ7wE4rT9yU2iO5. Der Angreifer kam später",
                "Die Mappe: [url-1]. Der Angreifer kam später",
            ),
            ("Её страница https://vk.com/id48291034 была скопирована мошенниками", "Её страница [handle-1] была скопирована мошенниками"),
            ("her page https://www.linkedin.com/in/anna-kim-73f5a846", "her page [handle-1]"),
            ("https://evil.top/reset?token=Yk3Lp9Qr7Ts2Vw8Xz1 was in it", "https://evil.top/reset?token=[token-1] was in it"),
            ("meeting https://meet.google.com/abc-defg-hij at 5", "meeting [url-1] at 5"),
        ] {
            assert_eq!(redacted(text), expected, "{text}");
        }
        for text in [
            "Los atacantes alojaron el programa en https://drive.google.com/uc?export=download&id=1Zx9Cv8Bn7Ml6Kj5Hg4Fd3Sa",
            "hxxps://drive.google[.]com/file/d/1fE9PhfyCVNJ1kPdnfHY3ih1cmsbQ9Kc5/view",
            "evil.example/x\nhttps://drive.google.com/file/d/1fE9PhfyCVNJ1kPdnfHY3ih1cmsbQ9Kc5/view\n5.6.7.8",
            "it was http://docs-drive-share.top/verify",
        ] {
            assert_eq!(redacted(text), text);
        }
    }
}
