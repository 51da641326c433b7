//! What a platform calls a case of ours: so narrow that neither a name nor an address fits.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Most characters.
const CHARACTERS_MAX: usize = 64;
/// So many letters stand side by side at the most: `CASE` does, a name mostly does not.
const LETTERS_MAX: usize = 4;
/// At least so many digits.
const DIGITS_MIN: usize = 4;

/// A platform's own reference of a case: up to 64 of letters of ASCII, digits and `-`, with at least four digits, at least as many digits as letters, and no more than four
/// letters side by side. `Debug` prints none of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reference(String);

/// It is no reference. Does not repeat what was given, which may be somebody's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "that is no reference of a platform\nhint: up to 64 of a-z, A-Z, 0-9 and `-`; at least 4 digits, as many as letters, and no 5 letters side by side; leave out words such as `ticket`"
)]
pub struct BadReference;

impl Reference {
    /// As the platform gave it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Reference {
    type Err = BadReference;

    fn from_str(text: &str) -> Result<Self, BadReference> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let count = |is: fn(&u8) -> bool| text.bytes().filter(is).count();
        let (digits, letters) = (count(u8::is_ascii_digit), count(u8::is_ascii_alphabetic));
        let longest = text.split(|c: char| !c.is_ascii_alphabetic()).map(str::len).max().unwrap_or_default();
        let fits = text.len() <= CHARACTERS_MAX && text.bytes().all(is_allowed);
        match fits && digits >= DIGITS_MIN && digits >= letters && longest <= LETTERS_MAX {
            true => Ok(Self(text.to_owned())),
            false => Err(BadReference),
        }
    }
}

impl TryFrom<String> for Reference {
    type Error = BadReference;

    fn try_from(text: String) -> Result<Self, BadReference> {
        text.parse()
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reference")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_platforms_give_fits() {
        for text in ["5-2938000012345", "CASE-0012345678", "0045-3f2a-91bc-77d0", "REQ-2026-00123", "1234"] {
            assert_eq!(text.parse::<Reference>().map(String::from).as_deref(), Ok(text));
        }
    }

    #[test]
    fn no_name_address_or_sentence_fits() {
        let long = "1".repeat(65);
        let texts = [
            "",
            "Ana",
            "Ana-Ruiz",
            "Ana-Ruiz-12",
            "Zarlasht-20261127",
            "ana.ruiz1999",
            "ana@example.org",
            "+4915112345678",
            "1 2 3 4",
            "12345\n678",
            "https://x.org/1234",
            "@handle1234",
            "\u{661}\u{662}\u{663}\u{664}",
            "#1234",
            &long,
        ];
        for text in texts {
            let why = text.parse::<Reference>().expect_err(text);
            assert!(text.is_empty() || !why.to_string().contains(text), "it is not repeated");
            assert!(serde_json::from_str::<Reference>(&serde_json::to_string(text).expect("JSON")).is_err());
        }
        assert_eq!(format!("{:?}", "1234-5678".parse::<Reference>()), "Ok(Reference)");
    }
}
