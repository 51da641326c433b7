//! Countries: ISO 3166-1 alpha-2.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A country, by two capital letters. Whether there is one of that code is for the list of regions to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country([u8; 2]);

/// It is no country.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no country\nhint: two capital letters of ISO 3166-1, such as `LB`")]
pub struct BadCountry(String);

impl Country {
    /// The two letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl std::str::FromStr for Country {
    type Err = BadCountry;

    fn from_str(text: &str) -> Result<Self, BadCountry> {
        match text.as_bytes() {
            [one, two] if one.is_ascii_uppercase() && two.is_ascii_uppercase() => Ok(Self([*one, *two])),
            _ => Err(BadCountry(text.chars().take(20).collect())),
        }
    }
}

impl TryFrom<String> for Country {
    type Error = BadCountry;

    fn try_from(text: String) -> Result<Self, BadCountry> {
        text.parse()
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.as_str().to_owned()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_two_capital_letters() {
        assert_eq!("LB".parse::<Country>().unwrap().to_string(), "LB");
        for text in ["", "L", "lb", "LBN", "L1", "É"] {
            assert!(text.parse::<Country>().is_err(), "{text:?}");
        }
    }
}
