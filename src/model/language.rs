//! Languages: tags of BCP 47 (RFC 5646), as far as people name languages with them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How many characters a tag has at most.
const TAG_MAX: usize = 35;

/// A language's tag in its usual spelling (`ar`, `pt-BR`, `zh-Hant`): a language of two or three letters, and up to seven more parts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LanguageTag(String);

/// It is no tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no language\nhint: a tag of BCP 47, such as `ar`, `fa`, `pt-BR` or `zh-Hant`")]
pub struct BadLanguage(String);

/// How near two tags are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nearness {
    /// The same language, and nothing that differs in script or country.
    Same,
    /// The same language as it is spoken or written elsewhere: `pt-BR` and `pt-PT`.
    Variety,
    /// One is a member of the other: `ar` and `apc`, `fa` and `prs`.
    Member,
}

/// The languages that have members with tags of their own which speakers of the language mostly follow, or the other way round (ISO 639-3). Those
/// whose members do not understand each other (Chinese, Kurdish) stand here too, since desks write `zh` and `ku` and mean one of them.
const MEMBERS: [(&str, &[&str]); 14] = [
    ("ar", &["acm", "aeb", "afb", "ajp", "apc", "apd", "arb", "arq", "ars", "ary", "arz", "ayl"]),
    ("az", &["azb", "azj"]),
    ("fa", &["pes", "prs"]),
    ("ku", &["ckb", "kmr", "sdh"]),
    ("mg", &["plt"]),
    ("mn", &["khk"]),
    ("ms", &["zlm", "zsm"]),
    ("ne", &["npi"]),
    ("no", &["nb", "nn"]),
    ("om", &["gaz"]),
    ("ps", &["pbt", "pbu", "pst"]),
    ("sw", &["swc", "swh"]),
    ("uz", &["uzn", "uzs"]),
    ("zh", &["cmn", "yue"]),
];

impl LanguageTag {
    /// The language itself, without script and country: `pt` of `pt-BR`.
    pub fn language(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }

    /// How near another tag is; `None` for another language.
    pub fn nearness(&self, other: &Self) -> Option<Nearness> {
        let (one, two) = (self.language(), other.language());
        if one == two {
            let rest = |tag: &Self| tag.0.split_once('-').map(|(_, rest)| rest.to_owned());
            return Some(match (rest(self), rest(other)) {
                (Some(one), Some(two)) if one != two => Nearness::Variety,
                _ => Nearness::Same,
            });
        }
        let is_member = |of: &str, one: &str| MEMBERS.iter().any(|(language, members)| *language == of && members.contains(&one));
        (is_member(one, two) || is_member(two, one)).then_some(Nearness::Member)
    }
}

impl std::str::FromStr for LanguageTag {
    type Err = BadLanguage;

    fn from_str(text: &str) -> Result<Self, BadLanguage> {
        let bad = || BadLanguage(text.chars().take(TAG_MAX).collect());
        let parts: Vec<&str> = text.split('-').take(9).collect();
        let is_alphabetic = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphabetic());
        let is_part = |part: &&str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let begins = parts.first().is_some_and(|part| matches!(part.len(), 2 | 3) && is_alphabetic(part));
        if text.len() > TAG_MAX || parts.len() > 8 || !begins || !parts.iter().all(is_part) {
            return Err(bad());
        }
        let spelled = parts.iter().enumerate().map(|(at, part)| {
            let lower = part.to_ascii_lowercase();
            match (at, part.len()) {
                (1.., 4) if is_alphabetic(part) => lower[..1].to_ascii_uppercase() + &lower[1..],
                (1.., 2) if is_alphabetic(part) => lower.to_ascii_uppercase(),
                _ => lower,
            }
        });
        Ok(Self(spelled.collect::<Vec<_>>().join("-")))
    }
}

impl TryFrom<String> for LanguageTag {
    type Error = BadLanguage;

    fn try_from(text: String) -> Result<Self, BadLanguage> {
        text.parse()
    }
}

impl From<LanguageTag> for String {
    fn from(tag: LanguageTag) -> Self {
        tag.0
    }
}

impl fmt::Display for LanguageTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> LanguageTag {
        text.parse().unwrap()
    }

    #[test]
    fn a_tag_is_spelled_as_is_usual() {
        for (text, expected) in [("AR", "ar"), ("pt-br", "pt-BR"), ("ZH-hant-tw", "zh-Hant-TW"), ("es-419", "es-419"), ("ckb", "ckb")] {
            assert_eq!(tag(text).to_string(), expected);
        }
        for text in ["", "a", "arab", "ar_EG", "ar-", "-ar", "ar EG", "é", "a1", "ar-123456789", &format!("ar{}", "-a".repeat(20))] {
            assert!(text.parse::<LanguageTag>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn varieties_and_members_are_nearer_than_other_languages() {
        let near = |one: &str, two: &str| tag(one).nearness(&tag(two));
        assert_eq!((near("pt", "pt-BR"), near("pt-PT", "pt-BR")), (Some(Nearness::Same), Some(Nearness::Variety)));
        assert_eq!((near("ar", "apc"), near("prs", "fa")), (Some(Nearness::Member), Some(Nearness::Member)));
        assert_eq!((near("ar", "fa"), near("apc", "ary")), (None, None));
    }
}
