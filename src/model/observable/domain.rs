//! DNS names: A-labels, lower case, no dot at the end.

use std::borrow::Cow;

use idna::AsciiDenyList;

use super::error::Reason;

/// RFC 1035 §2.3.4, without the root's dot.
const NAME_MAX: usize = 253;
const LABEL_MAX: usize = 63;
/// Before UTS 46: a name of 253 bytes can be four times as long in Unicode.
const INPUT_MAX: usize = 2048;

/// The canonical form of a DNS name. `text` is refanged already.
///
/// UTS 46 as the WHATWG URL standard applies it (non-transitional, underscores allowed), then RFC 1035's lengths. A leading `*.` or dot
/// and a trailing dot are dropped. A name without a dot, or whose last label is a number, is refused.
pub(super) fn canonical(text: &str) -> Result<Cow<'_, str>, Reason> {
    let text = bare(text);
    if is_plain(text) {
        return check(text).map(|()| Cow::Borrowed(text));
    }
    if text.len() > INPUT_MAX {
        return Err(Reason::TooLong { max: NAME_MAX });
    }
    if let Some(c) = text.chars().find(|c| c.is_ascii() && !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-' | '_')) {
        return Err(Reason::Character(c));
    }
    let ascii = idna::domain_to_ascii_cow(text.as_bytes(), AsciiDenyList::URL).map_err(|_| Reason::Idn)?;
    let name = bare(&ascii);
    if !is_plain_or_ace(name) {
        return Err(Reason::Idn);
    }
    check(name)?;
    Ok(Cow::Owned(name.to_owned()))
}

fn bare(text: &str) -> &str {
    let text = text.strip_prefix("*.").or_else(|| text.strip_prefix('.')).unwrap_or(text);
    text.strip_suffix('.').unwrap_or(text)
}

/// Nothing that UTS 46 would change: the fast path for nearly every real name.
fn is_plain(text: &str) -> bool {
    is_plain_or_ace(text) && !text.starts_with("xn--") && !text.contains(".xn--")
}

fn is_plain_or_ace(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_'))
}

fn check(name: &str) -> Result<(), Reason> {
    match name {
        "" => return Err(Reason::Empty),
        _ if name.len() > NAME_MAX => return Err(Reason::TooLong { max: NAME_MAX }),
        _ => {}
    }
    let mut last = "";
    let mut labels = 0;
    for label in name.split('.') {
        match label.len() {
            0 => return Err(Reason::EmptyLabel),
            length if length > LABEL_MAX => return Err(Reason::LongLabel),
            _ => {}
        }
        last = label;
        labels += 1;
    }
    if labels < 2 {
        return Err(Reason::NoDot);
    }
    if is_number(last) { Err(Reason::NumericTld) } else { Ok(()) }
}

/// What the WHATWG URL standard's "ends in a number" checker takes for the end of an IPv4 address.
pub(super) fn is_number(label: &str) -> bool {
    let hexadecimal = || label.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    label.bytes().all(|byte| byte.is_ascii_digit()) || hexadecimal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_has_one_form() {
        for (text, expected) in [
            ("example.com", "example.com"),
            ("EXAMPLE.Com.", "example.com"),
            ("*.example.com", "example.com"),
            ("_dmarc.example.com", "_dmarc.example.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("xn--BCHER-kva.example", "xn--bcher-kva.example"),
            ("faß.de", "xn--fa-hia.de"),
            ("пример.испытание", "xn--e1afmkfd.xn--80akhbyknj4f"),
            ("example。com", "example.com"),
            ("xn--fa-hia.de", "xn--fa-hia.de"),
            ("ex--ample.com", "ex--ample.com"),
        ] {
            assert_eq!(canonical(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_no_resolver_would_take_is_refused() {
        let glued = format!("{}.com", "example.net".repeat(30));
        let label = format!("{}.com", "a".repeat(64));
        for (text, reason) in [
            ("localhost", Reason::NoDot),
            ("a..b", Reason::EmptyLabel),
            (&*glued, Reason::TooLong { max: 253 }),
            (&*label, Reason::LongLabel),
            ("1.2.3", Reason::NumericTld),
            ("example.0x7f", Reason::NumericTld),
            ("exa mple.com", Reason::Character(' ')),
            ("exa!mple.com", Reason::Character('!')),
            ("xn--a.com", Reason::Idn),
            (".", Reason::Empty),
        ] {
            assert_eq!(canonical(text), Err(reason), "{text}");
        }
    }
}
