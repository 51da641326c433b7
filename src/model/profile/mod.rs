//! What an organisation says of itself, so that others know which cases it takes. What it does not state is absent, never guessed; a code that is in
//! no list here came from a node with newer ones, and is kept.

mod audience;
mod merge;
mod projection;

pub use audience::{Audiences, Field, Named, Own, Reach, Reader};
pub use merge::merged;
pub use projection::Projection;

use super::country::Country;
use super::hours::Hours;
use super::language::LanguageTag;
use super::vocabulary::Code;
use super::{OrgId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How many codes, platforms or languages a field has at most.
pub const VALUES_MAX: usize = 100;
/// How many countries are excluded at most: all.
pub const COUNTRIES_MAX: usize = 300;
/// The longest name, in characters.
pub const NAME_MAX: usize = 80;
/// The longest text on fees, in characters.
pub const FEES_MAX: usize = 300;
/// The longest edition of the lists, in characters.
pub const VOCABULARY_MAX: usize = 4_000;
/// How many priorities a response is declared for at most.
pub const RESPONSES_MAX: usize = 10;
/// The longest response that is declared, in minutes: 90 days.
pub const RESPONSE_MINUTES_MAX: u32 = 90 * 24 * 60;
/// A profile that was not confirmed for so long is stale, in milliseconds: 30 days.
pub const STALE_MS: u64 = 30 * 24 * 3_600_000;

/// The intake state of who takes no new cases.
pub const NOT_ACCEPTING: &str = "not_accepting";
/// The intake state of who is closed because of an emergency of its own.
pub const CLOSED_EMERGENCY: &str = "closed_emergency";

/// What an organisation says of itself. An empty set and `None` are what it does not state. `Debug` prints when it was confirmed: parts of it are
/// for few.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// Which edition of the lists its codes are from, up to 4,000 characters.
    pub vocabulary: String,
    /// When somebody there last said that all of it holds.
    pub confirmed: Timestamp,
    /// Its name for members: one line of up to 80 characters.
    pub display_name: Option<String>,
    /// Its name for all others: one line of up to 80 characters.
    pub pseudonym: Option<String>,
    /// What it does (`service`).
    pub services: BTreeSet<Code>,
    /// What it takes (`incident-type`).
    pub incident_types: BTreeSet<Code>,
    /// What it never takes (`incident-type`).
    pub excluded_types: BTreeSet<Code>,
    /// Whom it serves (`beneficiary-type`).
    pub beneficiaries: BTreeSet<Code>,
    /// What those work on (`cause`).
    pub causes: BTreeSet<Code>,
    /// Where it takes cases from (`region`); `global` is everywhere.
    pub regions: BTreeSet<Code>,
    /// Where it takes none from: law, safety or conflict.
    pub countries_excluded: BTreeSet<Country>,
    /// What it speaks, and how well (`language-level`) where it says so.
    pub languages: BTreeMap<LanguageTag, Option<Code>>,
    /// When it is open.
    pub hours: Option<Hours>,
    /// How soon it begins with a new case, or that it takes none (`intake-state`).
    pub intake: Option<Code>,
    /// How much it can do in a week (`capacity-band`).
    pub capacity: Option<Code>,
    /// How soon a person looks at a new case, by its priority (`priority`): minutes, up to 90 days.
    pub responses: BTreeMap<Code, u32>,
    /// How it is reached (`secure-channel`).
    pub secure_channels: BTreeSet<Code>,
    /// Whether it takes cases from the public, or only referrals.
    pub initial_intake: Option<bool>,
    /// How far it can examine devices (`forensic-level`).
    pub forensic_level: Option<Code>,
    /// The platforms that it can reach, by codes such as `facebook`; never whom there.
    pub platform_channels: BTreeSet<Code>,
    /// What it asks for its work: one line of up to 300 characters.
    pub fees: Option<String>,
    /// Codes of practice and agreements that it has signed.
    pub agreements: BTreeSet<Code>,
}

/// Why it is no profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadProfile {
    /// A field has too many values.
    #[error("`{field}` has {count} values, and {max} is the most")]
    Count {
        /// Which.
        field: Field,
        /// How many it has.
        count: usize,
        /// How many it may have.
        max: usize,
    },
    /// A text is empty, too long or more than one line.
    #[error("`{field}` must be one line of 1 to {max} characters")]
    Text {
        /// Which.
        field: Field,
        /// How many characters it may have.
        max: usize,
    },
    /// A response is out of range.
    #[error("the response to `{0}` must be 1 minute to 90 days")]
    Response(Code),
    /// A type is both taken and excluded.
    #[error("`{0}` is both taken and excluded\nhint: leave it in one of `incident_types` and `excluded_types`")]
    Both(Code),
    /// The edition of the lists is none.
    #[error("the edition of the value lists must have 1 to {VOCABULARY_MAX} of a-z, A-Z, 0-9, `.`, `_`, `-`, `+` and `=`")]
    Vocabulary,
}

impl Profile {
    /// The free texts: what the release gate's detectors are to read. There are no others.
    pub fn texts(&self) -> impl Iterator<Item = (Field, &str)> {
        let texts = [(Field::DisplayName, &self.display_name), (Field::Pseudonym, &self.pseudonym), (Field::Fees, &self.fees)];
        texts.into_iter().filter_map(|(field, text)| Some((field, text.as_deref()?)))
    }

    /// Checks every bound that the types do not hold.
    ///
    /// # Errors
    /// The first that does not hold.
    pub fn check(&self) -> Result<(), BadProfile> {
        let is_edition = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+=".contains(&byte);
        if self.vocabulary.is_empty() || self.vocabulary.len() > VOCABULARY_MAX || !self.vocabulary.bytes().all(is_edition) {
            return Err(BadProfile::Vocabulary);
        }
        for (field, text) in self.texts() {
            let max = if field == Field::Fees { FEES_MAX } else { NAME_MAX };
            let is_bare = text.is_empty() || text.trim() != text;
            if is_bare || text.len() > max * 4 || text.chars().count() > max || text.contains(|c: char| c.is_control() || is_hidden(c)) {
                return Err(BadProfile::Text { field, max });
            }
        }
        for (field, count, max) in self.counts() {
            if count > max {
                return Err(BadProfile::Count { field, count, max });
            }
        }
        let is_response = |minutes: u32| (1..=RESPONSE_MINUTES_MAX).contains(&minutes);
        if let Some((priority, _)) = self.responses.iter().find(|(_, minutes)| !is_response(**minutes)) {
            return Err(BadProfile::Response(priority.clone()));
        }
        match self.incident_types.intersection(&self.excluded_types).next() {
            Some(both) => Err(BadProfile::Both(both.clone())),
            None => Ok(()),
        }
    }

    /// How many values the fields have that have several, and may have.
    fn counts(&self) -> [(Field, usize, usize); 12] {
        [
            (Field::Services, self.services.len(), VALUES_MAX),
            (Field::IncidentTypes, self.incident_types.len(), VALUES_MAX),
            (Field::ExcludedTypes, self.excluded_types.len(), VALUES_MAX),
            (Field::Beneficiaries, self.beneficiaries.len(), VALUES_MAX),
            (Field::Causes, self.causes.len(), VALUES_MAX),
            (Field::Regions, self.regions.len(), VALUES_MAX),
            (Field::CountriesExcluded, self.countries_excluded.len(), COUNTRIES_MAX),
            (Field::Languages, self.languages.len(), VALUES_MAX),
            (Field::Responses, self.responses.len(), RESPONSES_MAX),
            (Field::SecureChannels, self.secure_channels.len(), VALUES_MAX),
            (Field::PlatformChannels, self.platform_channels.len(), VALUES_MAX),
            (Field::Agreements, self.agreements.len(), VALUES_MAX),
        ]
    }

    /// Whether nobody has confirmed it for 30 days. A time ahead of ours counts as now.
    pub const fn is_stale(&self, now: Timestamp) -> bool {
        now.since(self.confirmed) > STALE_MS
    }

    /// Whether it takes no cases now, whatever they are.
    pub fn takes_none(&self) -> bool {
        self.is_intake(NOT_ACCEPTING) || self.is_intake(CLOSED_EMERGENCY)
    }

    /// Whether its intake state is that one.
    pub fn is_intake(&self, state: &str) -> bool {
        self.intake.as_ref().is_some_and(|intake| intake.as_str() == state)
    }

    /// Whether it takes cases from a region by what it says; `None` where it says nothing.
    pub fn takes_from(&self, region: &Code) -> Option<bool> {
        let is_there = |one: &Code| one == region || one.as_str() == "global";
        (!self.regions.is_empty()).then(|| self.regions.iter().any(is_there))
    }
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Profile({})", self.confirmed)
    }
}

/// A profile, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfOrg {
    /// The organisation that signed it.
    pub org: OrgId,
    /// What it said there, as far as we may know.
    pub profile: Profile,
}

/// What turns the direction of a line or cannot be seen, and so could make one name look like another.
const fn is_hidden(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn set<T: std::str::FromStr<Err: std::fmt::Debug> + Ord>(texts: &[&str]) -> BTreeSet<T> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    /// A profile that states every field.
    pub(crate) fn full() -> Profile {
        let code = |text: &str| Some(text.parse::<Code>().unwrap());
        Profile {
            vocabulary: "2026-11+region=smex-2".into(),
            confirmed: Timestamp(1_795_000_000_000),
            display_name: Some("Cedar Helpdesk".into()),
            pseudonym: Some("A desk in the Levant".into()),
            services: set(&["incident_response_support", "artifact_analysis"]),
            incident_types: set(&["malware", "doxxing", "not_in_our_list"]),
            excluded_types: set(&["denial_of_service"]),
            beneficiaries: set(&["journalist", "activist"]),
            causes: set(&["freedom-expression"]),
            regions: set(&["middle_east_north_africa"]),
            countries_excluded: set(&["SY", "IR"]),
            languages: [("ar".parse().unwrap(), code("native")), ("fr".parse().unwrap(), None)].into(),
            hours: Some(Hours::new("Asia/Beirut", &["mon-fri 09:00-17:00".into()], &["2026-12-25".into()]).unwrap()),
            intake: code("within_days"),
            capacity: code("5_10h"),
            responses: [("emergency".parse().unwrap(), 120), ("normal".parse().unwrap(), 2 * 24 * 60)].into(),
            secure_channels: set(&["signal", "pgp"]),
            initial_intake: Some(false),
            forensic_level: code("triage"),
            platform_channels: set(&["facebook"]),
            fees: Some("none for journalists".into()),
            agreements: set(&["civicert-code-of-practice-2019"]),
        }
    }

    #[test]
    fn a_profile_out_of_bounds_is_told_where() {
        assert_eq!(full().check(), Ok(()));
        let why = |change: &dyn Fn(&mut Profile)| {
            let mut profile = full();
            change(&mut profile);
            profile.check().unwrap_err()
        };
        let many = |count: usize| (0..count).map(|at| format!("code_{at}").parse::<Code>().unwrap()).collect::<BTreeSet<_>>();
        assert_eq!(why(&|profile| profile.services = many(101)), BadProfile::Count { field: Field::Services, count: 101, max: 100 });
        for text in ["", " a", "a\nb", "a\u{202e}b", &"a".repeat(81)] {
            assert_eq!(why(&|profile| profile.pseudonym = Some(text.into())), BadProfile::Text { field: Field::Pseudonym, max: 80 });
        }
        for minutes in [0, RESPONSE_MINUTES_MAX + 1] {
            let priority: Code = "urgent".parse().unwrap();
            assert_eq!(why(&|profile| _ = profile.responses.insert(priority.clone(), minutes)), BadProfile::Response(priority.clone()));
        }
        assert_eq!(why(&|profile| profile.excluded_types = set(&["malware"])), BadProfile::Both("malware".parse().unwrap()));
        assert_eq!(why(&|profile| profile.vocabulary.clear()), BadProfile::Vocabulary);
    }

    #[test]
    fn a_profile_is_stale_after_thirty_days() {
        let profile = full();
        assert!(!profile.is_stale(profile.confirmed.plus(STALE_MS)) && profile.is_stale(profile.confirmed.plus(STALE_MS + 1)));
        assert!(!profile.is_stale(Timestamp(0)), "confirmed by a clock ahead of ours");
    }
}
