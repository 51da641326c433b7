//! How much a message may say. The same bounds hold for what we write and for what we read.

use super::{Message, Offer, Words};
use crate::model::vocabulary::Code;

/// Longest free text in characters.
pub(super) const TEXT_MAX: usize = 2_000;
/// Longest text of one line in characters.
pub(super) const LINE_MAX: usize = 200;
/// Longest introduction code in characters.
pub(super) const CODE_MAX: usize = 64;
/// Most codes in one field.
pub const CODES_MAX: usize = 32;
/// Most outcomes of one case.
pub const OUTCOMES_MAX: usize = 8;
/// Most languages.
pub const LANGUAGES_MAX: usize = 16;
/// Most pieces of evidence.
pub const EVIDENCE_MAX: usize = 50;
/// Most indicators.
pub const INDICATORS_MAX: usize = 100;
/// Longest sealed contact in bytes: 16 KiB of plaintext, padded, and what HPKE adds.
const SEALED_MAX: usize = 20 << 10;
/// Longest version of the value lists in characters.
const VOCABULARY_MAX: usize = 200;

/// A message that says more than a message may, or less than it must.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadMessage {
    /// A text is too long.
    #[error("`{field}` has {found} characters, and {most} are the most\nhint: say it shorter; evidence does not travel, its hash does")]
    Long {
        /// The field.
        field: &'static str,
        /// How many it has.
        found: usize,
        /// How many it may have.
        most: usize,
    },
    /// A text has control characters.
    #[error("`{0}` has a control character in it")]
    Control(&'static str),
    /// Something must be said.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// There are too many of them.
    #[error("`{field}` has {found} entries, and {most} are the most")]
    Many {
        /// The field.
        field: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// A country is none.
    #[error("`{0}` is no country\nhint: two capital letters of ISO 3166-1, such as `LB`")]
    Country(String),
    /// A language is none.
    #[error("`{0}` is no language\nhint: a tag of BCP 47, such as `fa` or `es-MX`")]
    Language(String),
    /// Its number is none.
    #[error("a message has a number from 1, and names nothing that it cannot have heard")]
    Number,
}

impl Message {
    /// Checks that it is within its bounds.
    ///
    /// # Errors
    /// The first that it passes.
    pub fn check(&self) -> Result<(), BadMessage> {
        let silent = self.heard == [0; 32];
        if self.number == 0 || (self.seen == 0) != silent {
            return Err(BadMessage::Number);
        }
        line("vocabulary", &self.vocabulary, VOCABULARY_MAX)?;
        self.words.check()
    }
}

impl Words {
    /// Checks that they are within their bounds.
    ///
    /// # Errors
    /// The first that they pass.
    pub fn check(&self) -> Result<(), BadMessage> {
        match self {
            Self::Offer(offer) => offer.check(),
            Self::Ask { text: words } | Self::Answer { text: words, .. } => said("text", words).and_then(|()| text("text", words)),
            Self::Accept { text: words, .. }
            | Self::Decline { text: words, .. }
            | Self::Progress { text: words, .. }
            | Self::HandBack { text: words, .. }
            | Self::Review { text: words, .. } => text("text", words),
            Self::Resolve { outcomes, text: words } => {
                some("outcomes", outcomes.len(), OUTCOMES_MAX)?;
                text("text", words)
            }
            Self::Confirm { code: Some(code), .. } => said("code", code).and_then(|()| line("code", code, CODE_MAX)),
            Self::Contact { sealed } => some("contact", sealed.len(), SEALED_MAX),
            Self::Confirm { code: None, .. }
            | Self::Receipt
            | Self::Refuse { .. }
            | Self::Acknowledge
            | Self::PassOn { .. }
            | Self::Close
            | Self::Withdraw { .. }
            | Self::Purge
            | Self::Seen
            | Self::Newer => Ok(()),
        }
    }
}

impl Offer {
    /// Checks that it is within its bounds.
    ///
    /// # Errors
    /// The first that it passes.
    pub fn check(&self) -> Result<(), BadMessage> {
        some("incident_types", self.incident_types.len(), CODES_MAX)?;
        some("help_wanted", self.help_wanted.len(), CODES_MAX)?;
        let lists: [(&'static str, &Vec<Code>); 7] = [
            ("interacted", &self.interacted),
            ("causes", &self.causes),
            ("vulnerability", &self.vulnerability),
            ("services", &self.services),
            ("devices", &self.devices),
            ("platforms", &self.platforms),
            ("do_not_use", &self.do_not_use),
        ];
        lists.into_iter().try_for_each(|(field, list)| few(field, list.len(), CODES_MAX))?;
        few("evidence", self.evidence.len(), EVIDENCE_MAX)?;
        few("indicators", self.indicators.len(), INDICATORS_MAX)?;
        few("languages", self.languages.len(), LANGUAGES_MAX)?;
        if let Some(country) = self.country.as_ref().filter(|country| !is_country(country)) {
            return Err(BadMessage::Country(short(country)));
        }
        if let Some(language) = self.languages.iter().find(|language| !is_tag(&language.tag)) {
            return Err(BadMessage::Language(short(&language.tag)));
        }
        said("summary", &self.summary)?;
        text("summary", &self.summary)?;
        text("steps_taken", &self.steps_taken)?;
        line("campaign", &self.campaign, LINE_MAX)?;
        line("safe_times", &self.safe_times, LINE_MAX)
    }
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

/// A free text as an offer may have it.
///
/// # Errors
/// When it is too long or has control characters.
pub fn check_text(field: &'static str, free: &str) -> Result<(), BadMessage> {
    text(field, free)
}

/// A text of one line as an offer may have it.
///
/// # Errors
/// When it is too long or has control characters.
pub fn check_line(field: &'static str, free: &str) -> Result<(), BadMessage> {
    line(field, free, LINE_MAX)
}

fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// BCP 47, roughly: parts of one to eight letters and digits, the first of two or three letters.
fn is_tag(text: &str) -> bool {
    let mut parts = text.split('-');
    let is_language = |part: &str| (2..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    text.len() <= 35 && parts.next().is_some_and(is_language) && parts.all(is_part)
}

fn said(field: &'static str, text: &str) -> Result<(), BadMessage> {
    if text.trim().is_empty() { Err(BadMessage::Missing(field)) } else { Ok(()) }
}

fn text(field: &'static str, text: &str) -> Result<(), BadMessage> {
    at_most(field, text, TEXT_MAX)?;
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') { Err(BadMessage::Control(field)) } else { Ok(()) }
}

fn line(field: &'static str, text: &str, most: usize) -> Result<(), BadMessage> {
    at_most(field, text, most)?;
    if text.chars().any(char::is_control) { Err(BadMessage::Control(field)) } else { Ok(()) }
}

fn at_most(field: &'static str, text: &str, most: usize) -> Result<(), BadMessage> {
    match text.chars().count() {
        found if found > most => Err(BadMessage::Long { field, found, most }),
        _ => Ok(()),
    }
}

fn few(field: &'static str, found: usize, most: usize) -> Result<(), BadMessage> {
    if found > most { Err(BadMessage::Many { field, found, most }) } else { Ok(()) }
}

fn some(field: &'static str, found: usize, most: usize) -> Result<(), BadMessage> {
    if found == 0 { Err(BadMessage::Missing(field)) } else { few(field, found, most) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_countries_are_what_their_standards_say() {
        for tag in ["fa", "es-MX", "zh-Hant-TW", "kab", "de-1996"] {
            assert!(is_tag(tag), "{tag}");
        }
        for tag in ["", "f", "english", "fa_IR", "-fa", "fa-", "es-MX-", "1a", "fa-toolongpart"] {
            assert!(!is_tag(tag), "{tag}");
        }
        assert!(is_country("UK"), "a peer's is kept, whatever the standard says");
        assert!(is_country("LB") && !is_country("lb") && !is_country("LBN") && !is_country("L1"));
    }

    #[test]
    fn a_message_that_says_to_have_seen_something_says_what() {
        let message = |number, seen, heard| Message {
            referral: crate::model::ReferralId([1; 16]),
            number,
            seen,
            heard,
            vocabulary: "2026-11".into(),
            words: Words::Seen,
        };
        assert_eq!(message(1, 0, [0; 32]).check(), Ok(()));
        assert_eq!(message(1, 2, [1; 32]).check(), Ok(()));
        for bad in [message(0, 0, [0; 32]), message(1, 0, [1; 32]), message(1, 1, [0; 32])] {
            assert_eq!(bad.check(), Err(BadMessage::Number));
        }
    }

    #[test]
    fn what_is_too_long_too_many_or_missing_is_named() {
        let ask = |text: String| Words::Ask { text }.check();
        assert_eq!(ask("why?\nbecause".into()), Ok(()));
        assert_eq!(ask(" \n".into()), Err(BadMessage::Missing("text")));
        assert_eq!(ask("é".repeat(2_000)), Ok(()));
        assert_eq!(ask("é".repeat(2_001)), Err(BadMessage::Long { field: "text", found: 2_001, most: 2_000 }));
        assert_eq!(ask("a\u{1b}[2J".into()), Err(BadMessage::Control("text")));
        let outcomes = vec!["advice_given".parse().expect("a code"); 9];
        assert_eq!(
            Words::Resolve { outcomes, text: String::new() }.check(),
            Err(BadMessage::Many { field: "outcomes", found: 9, most: 8 })
        );
        assert_eq!(Words::Resolve { outcomes: Vec::new(), text: String::new() }.check(), Err(BadMessage::Missing("outcomes")));
    }
}
