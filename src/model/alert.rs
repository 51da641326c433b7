//! Alerts: an organisation warns others of something that goes on, of what kind it is, where, and what to do about it.

use super::call::{BadCall, is_edition};
use super::country::Country;
use super::vocabulary::Code;
use super::{AlertId, Observable, ObservableKind, Priority, Timestamp};

/// Longest headline in characters.
pub const HEADLINE_MAX: usize = 120;
/// Longest advice in characters.
pub const ADVICE_MAX: usize = 2_000;
/// Most kinds of incident.
pub const TYPES_MAX: usize = 16;
/// Most countries.
pub const COUNTRIES_MAX: usize = 100;
/// Most regions.
pub const REGIONS_MAX: usize = 32;
/// Most indicators.
pub const INDICATORS_MAX: usize = 50;
/// An alert is valid for so long at the most, in milliseconds (90 days): what still goes on then is worth saying anew.
pub const VALID_MS_MAX: u64 = 90 * 86_400_000;
/// How long it is valid where nothing is said, in milliseconds (14 days).
pub const VALID_MS: u64 = 14 * 86_400_000;

/// A warning. `Debug` prints its id: the rest is its readers' alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Alert {
    /// As its author names it.
    pub id: AlertId,
    /// Of what, of the list `incident-type`; at least one, ascending.
    pub incident_types: Vec<Code>,
    /// For which countries, ascending; with none of these and no region for everywhere.
    pub countries: Vec<Country>,
    /// For which regions, of the list `region`, ascending.
    pub regions: Vec<Code>,
    /// How pressing it is.
    pub priority: Priority,
    /// The number that a newer program gave the priority, where this version does not know it: then `priority` is the most urgent.
    pub priority_newer: Option<u32>,
    /// What goes on, in a line.
    pub headline: String,
    /// What to do about it.
    pub advice: String,
    /// Until when it holds.
    pub valid_until: Timestamp,
    /// What to look for.
    pub indicators: Vec<Observable>,
    /// The editions of the value lists.
    pub vocabulary: String,
}

impl std::fmt::Debug for Alert {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Alert({})", self.id)
    }
}

/// An alert that says more than an alert may, or less than it must.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadAlert {
    /// Something must be said.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A text is too long.
    #[error("`{field}` has {found} characters, and {most} are the most\nhint: say it shorter")]
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
    /// A list has something twice, or is not in order.
    #[error("`{0}` does not ascend, or has something twice")]
    Order(&'static str),
    /// A pattern is no single value.
    #[error("an alert names values, and a pattern is none\nhint: share the pattern as an indicator of its own")]
    Pattern,
    /// The edition of the value lists is none.
    #[error("{0}")]
    Edition(BadCall),
}

impl Alert {
    /// Its texts, each with its name and how many characters it may have.
    pub fn texts_mut(&mut self) -> Vec<(&'static str, &mut String, usize)> {
        vec![("headline", &mut self.headline, HEADLINE_MAX), ("advice", &mut self.advice, ADVICE_MAX)]
    }

    /// Checks that it is within its bounds.
    ///
    /// # Errors
    /// The first that it passes.
    pub fn check(&self) -> Result<(), BadAlert> {
        if self.incident_types.is_empty() {
            return Err(BadAlert::Missing("incident_types"));
        }
        ascending("incident_types", &self.incident_types, TYPES_MAX)?;
        ascending("countries", &self.countries, COUNTRIES_MAX)?;
        ascending("regions", &self.regions, REGIONS_MAX)?;
        if self.headline.trim().is_empty() {
            return Err(BadAlert::Missing("headline"));
        }
        text("headline", &self.headline, HEADLINE_MAX, |c| c.is_control())?;
        text("advice", &self.advice, ADVICE_MAX, |c| c.is_control() && c != '\n' && c != '\t')?;
        few("indicators", self.indicators.len(), INDICATORS_MAX)?;
        if self.indicators.iter().any(|one| one.kind() == ObservableKind::Pattern) {
            return Err(BadAlert::Pattern);
        }
        if self.indicators.iter().enumerate().any(|(place, one)| self.indicators[..place].contains(one)) {
            return Err(BadAlert::Order("indicators"));
        }
        if is_edition(&self.vocabulary) { Ok(()) } else { Err(BadAlert::Edition(BadCall::Vocabulary)) }
    }
}

fn ascending<T: Ord>(field: &'static str, all: &[T], most: usize) -> Result<(), BadAlert> {
    few(field, all.len(), most)?;
    if all.is_sorted_by(|one, other| one < other) { Ok(()) } else { Err(BadAlert::Order(field)) }
}

const fn few(field: &'static str, found: usize, most: usize) -> Result<(), BadAlert> {
    if found > most { Err(BadAlert::Many { field, found, most }) } else { Ok(()) }
}

fn text(field: &'static str, text: &str, most: usize, is_bad: impl Fn(char) -> bool) -> Result<(), BadAlert> {
    match text.chars().count() {
        found if found > most => Err(BadAlert::Long { field, found, most }),
        _ if text.chars().any(is_bad) => Err(BadAlert::Control(field)),
        _ => Ok(()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn alert(types: &[&str], countries: &[&str], regions: &[&str]) -> Alert {
        Alert {
            id: AlertId([5; 16]),
            incident_types: types.iter().map(|code| code.parse().unwrap()).collect(),
            countries: countries.iter().map(|code| code.parse().unwrap()).collect(),
            regions: regions.iter().map(|code| code.parse().unwrap()).collect(),
            priority: Priority::Urgent,
            priority_newer: None,
            headline: "accounts are taken over by a call".into(),
            advice: "turn on two factors\nask who was called".into(),
            valid_until: Timestamp(1_800_000_000_000),
            indicators: vec![Observable::guess("login-lure.com").unwrap()],
            vocabulary: "2026-11".into(),
        }
    }

    #[test]
    fn what_is_too_long_too_many_or_missing_is_named() {
        let good = alert(&["account_compromise", "malware"], &["LB", "TN"], &["africa"]);
        assert_eq!(good.check(), Ok(()));
        let bad = |change: fn(&mut Alert)| {
            let mut bad = good.clone();
            change(&mut bad);
            bad.check().unwrap_err()
        };
        assert_eq!(bad(|alert| alert.incident_types.clear()), BadAlert::Missing("incident_types"));
        assert_eq!(bad(|alert| alert.countries.reverse()), BadAlert::Order("countries"));
        assert_eq!(bad(|alert| alert.headline = " ".into()), BadAlert::Missing("headline"));
        assert_eq!(bad(|alert| alert.headline = "é".repeat(121)), BadAlert::Long { field: "headline", found: 121, most: 120 });
        assert_eq!(bad(|alert| alert.headline = "a\nb".into()), BadAlert::Control("headline"));
        assert_eq!(bad(|alert| alert.advice = "x".repeat(2_001)), BadAlert::Long { field: "advice", found: 2_001, most: 2_000 });
        assert_eq!(bad(|alert| alert.advice = "a\u{1b}[2J".into()), BadAlert::Control("advice"));
        assert_eq!(bad(|alert| alert.indicators.extend(alert.indicators.clone())), BadAlert::Order("indicators"));
        assert_eq!(bad(|alert| alert.indicators = vec![Observable::parse(ObservableKind::Pattern, PATTERN).unwrap()]), BadAlert::Pattern);
        assert_eq!(bad(|alert| alert.vocabulary = "ask Maria".into()), BadAlert::Edition(BadCall::Vocabulary));
        assert_eq!(format!("{good:?}"), format!("Alert({})", good.id), "nothing of it is in a log");
    }

    const PATTERN: &str = "[domain-name:value = 'evil.example']";

    #[test]
    fn why_an_alert_is_none_is_told() {
        let cases = [
            (BadAlert::Missing("headline"), "`headline` is missing"),
            (
                BadAlert::Long { field: "advice", found: 2_001, most: 2_000 },
                "`advice` has 2001 characters, and 2000 are the most\nhint: say it shorter",
            ),
            (BadAlert::Control("advice"), "`advice` has a control character in it"),
            (BadAlert::Many { field: "regions", found: 33, most: 32 }, "`regions` has 33 entries, and 32 are the most"),
            (BadAlert::Order("regions"), "`regions` does not ascend, or has something twice"),
            (BadAlert::Pattern, "an alert names values, and a pattern is none\nhint: share the pattern as an indicator of its own"),
            (BadAlert::Edition(BadCall::Vocabulary), "the edition of the value lists is none"),
        ];
        cases.iter().for_each(|(error, text)| assert_eq!(error.to_string(), *text));
        crate::texts::all_are_there(include_str!("alert.rs"), "BadAlert", cases.iter().map(|(error, _)| error));
    }
}
