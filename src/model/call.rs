//! Calls for help, and who answers them. A call says what is needed and nothing of whom it is for: codes, tags of languages, numbers and times are all
//! that its types have room for.

use super::language::LanguageTag;
use super::vocabulary::Code;
use super::{CallId, Priority, Timestamp};
use serde::{Deserialize, Serialize};

/// Most codes of one list in a call.
pub const CODES_MAX: usize = 16;
/// Most languages in a call.
pub const LANGUAGES_MAX: usize = 8;
/// A call is open for so long at the most, in milliseconds (14 days): what nobody has taken by then has to be looked at anew.
pub const OPEN_MS_MAX: u64 = 14 * DAY_MS;
/// Longest version of the value lists in characters.
const VOCABULARY_MAX: usize = 200;

const DAY_MS: u64 = 86_400_000;

/// A group is asked for somebody who could help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// As its author names it.
    pub id: CallId,
    /// What is to be done, of the list `help-wanted`; at least one, ascending.
    pub help_wanted: Vec<Code>,
    /// What happened, of the list `incident-type`, ascending.
    pub incident_types: Vec<Code>,
    /// In which languages, the best first.
    pub languages: Vec<LanguageTag>,
    /// Where, of the list `region`; never the country.
    pub region: Option<Code>,
    /// How soon.
    pub priority: Priority,
    /// The number that a newer program gave the priority, where this version does not know it: then `priority` is the most urgent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority_newer: Option<u32>,
    /// Until when it is open.
    pub expires: Timestamp,
    /// The editions of the value lists.
    pub vocabulary: String,
}

/// An organisation would help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Volunteer {
    /// The call that it answers, as the author of that call, to whom alone it is said, names it.
    pub call: CallId,
    /// When work could begin, where that is said.
    pub start: Option<Timestamp>,
}

/// A call that says more than a call may, or less than it must.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCall {
    /// Nothing is asked for.
    #[error("nothing is asked for\nhint: `--help-wanted CODE` says what; `watchfire vocabulary help-wanted` lists the codes")]
    Nothing,
    /// There are too many of them.
    #[error("`{field}` has {found} entries, and {most} are the most\nhint: name what matters most; the referral says the rest")]
    Many {
        /// The field.
        field: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// A list has a code twice, or is not in order.
    #[error("`{0}` does not ascend, or has something twice")]
    Order(&'static str),
    /// The edition of the value lists is none.
    #[error("the edition of the value lists is none")]
    Vocabulary,
}

impl Call {
    /// For how long a call is open where nothing is said, in milliseconds: until it would be too late.
    pub const fn open_ms(priority: Priority) -> u64 {
        match priority {
            Priority::Emergency => DAY_MS,
            Priority::Urgent => 3 * DAY_MS,
            Priority::Normal => 7 * DAY_MS,
        }
    }

    /// Checks that it is within its bounds.
    ///
    /// # Errors
    /// The first that it passes.
    pub fn check(&self) -> Result<(), BadCall> {
        if self.help_wanted.is_empty() {
            return Err(BadCall::Nothing);
        }
        for (field, codes) in [("help_wanted", &self.help_wanted), ("incident_types", &self.incident_types)] {
            few(field, codes.len(), CODES_MAX)?;
            if !codes.is_sorted_by(|one, other| one < other) {
                return Err(BadCall::Order(field));
            }
        }
        few("languages", self.languages.len(), LANGUAGES_MAX)?;
        let repeats = self.languages.iter().enumerate().any(|(place, one)| self.languages[..place].contains(one));
        if repeats {
            return Err(BadCall::Order("languages"));
        }
        if is_edition(&self.vocabulary) { Ok(()) } else { Err(BadCall::Vocabulary) }
    }
}

/// Versions of lists, as `Vocabularies::version` writes them: no blanks, so that nothing can be told in them.
pub(super) fn is_edition(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._+=".contains(&byte);
    !text.is_empty() && text.len() <= VOCABULARY_MAX && text.bytes().all(fits)
}

const fn few(field: &'static str, found: usize, most: usize) -> Result<(), BadCall> {
    if found > most { Err(BadCall::Many { field, found, most }) } else { Ok(()) }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn call(help_wanted: &[&str], priority: Priority) -> Call {
        Call {
            id: CallId([7; 16]),
            help_wanted: help_wanted.iter().map(|code| code.parse().unwrap()).collect(),
            incident_types: vec!["account_compromise".parse().unwrap()],
            languages: vec!["ar".parse().unwrap(), "fa".parse().unwrap()],
            region: Some("middle_east_north_africa".parse().unwrap()),
            priority,
            priority_newer: None,
            expires: Timestamp(1_800_000_000_000),
            vocabulary: "2026-11".into(),
        }
    }

    #[test]
    fn what_is_too_many_missing_or_out_of_order_is_named() {
        let good = call(&["forensics", "take_over"], Priority::Urgent);
        assert_eq!(good.check(), Ok(()));
        assert_eq!(call(&[], Priority::Urgent).check(), Err(BadCall::Nothing));
        assert_eq!(call(&["take_over", "forensics"], Priority::Urgent).check(), Err(BadCall::Order("help_wanted")));
        assert_eq!(call(&["forensics", "forensics"], Priority::Urgent).check(), Err(BadCall::Order("help_wanted")));
        let codes: Vec<String> = (10..27).map(|n| format!("code{n}")).collect();
        let many = call(&codes.iter().map(String::as_str).collect::<Vec<_>>(), Priority::Normal);
        assert_eq!(many.check(), Err(BadCall::Many { field: "help_wanted", found: 17, most: 16 }));
        let mut twice = good.clone();
        twice.languages.push("ar".parse().unwrap());
        assert_eq!(twice.check(), Err(BadCall::Order("languages")));
        for told in ["", "2026 11", "call me", "maria@example.org", "2026\n11"] {
            assert_eq!(Call { vocabulary: told.into(), ..good.clone() }.check(), Err(BadCall::Vocabulary), "{told}");
        }
    }

    #[test]
    fn why_a_call_is_none_is_told() {
        let many = BadCall::Many { field: "languages", found: 9, most: 8 };
        let cases = [
            (
                BadCall::Nothing,
                "nothing is asked for\nhint: `--help-wanted CODE` says what; `watchfire vocabulary help-wanted` lists the codes",
            ),
            (many, "`languages` has 9 entries, and 8 are the most\nhint: name what matters most; the referral says the rest"),
            (BadCall::Order("languages"), "`languages` does not ascend, or has something twice"),
            (BadCall::Vocabulary, "the edition of the value lists is none"),
        ];
        cases.iter().for_each(|(error, text)| assert_eq!(error.to_string(), *text));
        crate::texts::all_are_there(include_str!("call.rs"), "BadCall", cases.iter().map(|(error, _)| error));
    }

    #[test]
    fn the_sooner_it_is_needed_the_sooner_a_call_ends() {
        let days = Priority::ALL.map(|priority| Call::open_ms(priority) / DAY_MS);
        assert_eq!(days, [1, 3, 7]);
        assert!(days.iter().all(|days| days * DAY_MS <= OPEN_MS_MAX));
    }
}
