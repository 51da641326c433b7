//! E-mail addresses and telephone numbers in a part of a URL, plain or packed.

use super::Trace;
use crate::model::observable::tld;
use crate::rules::decode;

/// Who is named in a text: plain, behind percent signs, in base64 or hexadecimal.
pub(super) fn named(text: &str) -> Option<Trace> {
    let plain = decode::percent(text);
    in_plain(&plain).or_else(|| decode::hidden(&plain).iter().find_map(|hidden| in_plain(&decode::percent(hidden))))
}

fn in_plain(text: &str) -> Option<Trace> {
    if has_email(text) {
        return Some(Trace::Email);
    }
    has_phone(text).then_some(Trace::Phone)
}

/// `local@name.tld` somewhere in it, with a top-level domain that there is: `logo@2x.png` and `react@18.2.0` are files.
fn has_email(text: &str) -> bool {
    text.match_indices('@').any(|(at, _)| {
        let local = text[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '.' | '\''));
        let host: String = text[at + 1..].chars().take_while(|&c| c.is_alphanumeric() || matches!(c, '.' | '-')).collect();
        let host = host.trim_end_matches(['.', '-']).to_lowercase();
        local && host.rsplit_once('.').is_some_and(|(name, top)| !name.is_empty() && (tld::is_tld(top) || !top.is_ascii()))
    })
}

/// `+` or `00` and 9 to 15 digits, alone in it or behind a sign that is no letter or digit.
fn has_phone(text: &str) -> bool {
    let is_start = |at: usize| at == 0 || text[..at].ends_with(|c: char| !c.is_alphanumeric() && c != '.' && c != '-');
    let plus = text.match_indices('+').filter(|&(at, _)| is_start(at)).any(|(at, _)| digits(&text[at + 1..]));
    plus || text.match_indices("00").filter(|&(at, _)| is_start(at)).any(|(at, _)| digits(&text[at + 2..]))
}

/// 9 to 15 digits with the signs that people put between them, the first not 0, and then no more.
fn digits(text: &str) -> bool {
    let mut count = 0;
    let end = text.find(|c: char| {
        count += usize::from(c.is_ascii_digit());
        !(c.is_ascii_digit() || matches!(c, ' ' | '-' | '(' | ')'))
    });
    let rest = end.map_or("", |end| &text[end..]);
    (9..=15).contains(&count)
        && text.starts_with(|c: char| matches!(c, '1'..='9'))
        && !rest.starts_with(|c: char| c.is_alphanumeric() || c == '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_found_however_they_are_written() {
        for text in [
            "someone@victim.org",
            "x=someone%40victim.org",
            "someone%2540victim.org",
            "c29tZW9uZUB2aWN0aW0ub3Jn",
            "736f6d656f6e654076696374696d2e6f7267",
            "ZW1haWw9c29tZW9uZSU0MHZpY3RpbS5vcmc",
            "some.one+tag@sub.victim.co.uk;",
            "имя@пример.рф",
        ] {
            assert_eq!(named(text), Some(Trace::Email), "{text}");
        }
        for text in ["+4915112345678", "%2B4915112345678", "p=+49 (151) 1234-5678", "004915112345678", "KzQ5MTUxMTIzNDU2Nzg"] {
            assert_eq!(named(text), Some(Trace::Phone), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_people_is_none() {
        for text in [
            "@things-factory",
            "logo@2x.png",
            "react@18.2.0",
            "@user",
            "a+b+c",
            "q=x+12",
            "0012",
            "20260730023139",
            "v=1786440650870",
            "1.0012345678901",
            "+1234567890123456789",
            "index.php",
        ] {
            assert_eq!(named(text), None, "{text}");
        }
    }
}
