//! E-mail addresses.

use super::{domain, error::Reason};

/// RFC 5321 §4.5.3.1.3, without the angle brackets.
const ADDRESS_MAX: usize = 254;
const LOCAL_MAX: usize = 64;

/// The canonical form of an e-mail address. `text` is refanged already; `mailto:` and a display name (`Name <a@b.example>`) are left out.
///
/// The domain is a canonical domain name. The local part becomes lower case: RFC 5321 leaves its case to the receiver, but every provider
/// that matters ignores it, and sources write one address in several ways, so only this gives one address one identity.
/// Quoted local parts and address literals are refused.
pub(super) fn canonical(text: &str) -> Result<String, Reason> {
    let text = text.rsplit_once('<').map_or(text, |(_, inside)| inside.split('>').next().unwrap_or(inside)).trim();
    let text = text.get(..7).filter(|start| start.eq_ignore_ascii_case("mailto:")).map_or(text, |_| &text[7..]);
    let (local, host) = text.rsplit_once('@').ok_or(Reason::Email)?;
    let host = host.split('?').next().unwrap_or(host);
    if local.is_empty() || local.contains('@') {
        return Err(Reason::Email);
    }
    if let Some(c) = local.chars().find(|&c| !is_local(c)) {
        return Err(Reason::Character(c));
    }
    let address = format!("{}@{}", local.to_lowercase(), domain::canonical(host)?);
    match address.find('@') {
        Some(at) if at > LOCAL_MAX => Err(Reason::TooLong { max: LOCAL_MAX }),
        _ if address.len() > ADDRESS_MAX => Err(Reason::TooLong { max: ADDRESS_MAX }),
        _ => Ok(address),
    }
}

/// RFC 5322 `atext` and the dot, and letters of any script (RFC 6531).
fn is_local(c: char) -> bool {
    match c {
        '.' | '!' | '#'..='\'' | '*' | '+' | '-' | '/' | '=' | '?' | '^'..='`' | '{'..='~' => true,
        _ if c.is_ascii() => c.is_ascii_alphanumeric(),
        _ => c.is_alphanumeric() || !(c.is_whitespace() || super::refang::is_zero_width(c) || super::refang::is_forbidden(c)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_one_form() {
        for text in ["someone@example.com", "SomeOne@EXAMPLE.com", "mailto:someone@example.com?subject=x", "Some One <someone@example.com>"]
        {
            assert_eq!(canonical(text).as_deref(), Ok("someone@example.com"), "{text}");
        }
        assert_eq!(canonical("a@bücher.example").as_deref(), Ok("a@xn--bcher-kva.example"));
        assert_eq!(canonical("a+tag@example.com").as_deref(), Ok("a+tag@example.com"));
    }

    #[test]
    fn what_no_server_would_take_is_refused() {
        for (text, reason) in [
            ("example.com", Reason::Email),
            ("@example.com", Reason::Email),
            ("a@b@example.com", Reason::Email),
            ("a@localhost", Reason::NoDot),
            ("some one@example.com", Reason::Character(' ')),
            ("a@[192.0.2.1]", Reason::Character('[')),
        ] {
            assert_eq!(canonical(text), Err(reason), "{text}");
        }
    }
}
