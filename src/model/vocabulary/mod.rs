//! The value lists that referrals, profiles and statistics are made of: codes with their titles, as data files that an operator may replace.
//!
//! A code that is in no list here came from a node with newer ones: it is kept and shown as it is, never dropped.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// How many characters a code has at most.
const CODE_MAX: usize = 64;
/// How many codes a list has at most.
pub const CODES_MAX: usize = 1_000;
/// How many characters a title or a version has at most.
const TITLE_MAX: usize = 200;

/// The data files, by the names of their lists.
pub const FILES: [(&str, &str); 28] = [
    ("beneficiary-type", include_str!("beneficiary_type.toml")),
    ("capacity-band", include_str!("capacity_band.toml")),
    ("cause", include_str!("cause.toml")),
    ("consent-basis", include_str!("consent_basis.toml")),
    ("consent-role", include_str!("consent_role.toml")),
    ("contact-channel", include_str!("contact_channel.toml")),
    ("decline-reason", include_str!("decline_reason.toml")),
    ("device", include_str!("device.toml")),
    ("evidence-kind", include_str!("evidence_kind.toml")),
    ("forensic-level", include_str!("forensic_level.toml")),
    ("help-wanted", include_str!("help_wanted.toml")),
    ("incident-type", include_str!("incident_type.toml")),
    ("intake-state", include_str!("intake_state.toml")),
    ("interaction", include_str!("interaction.toml")),
    ("language-level", include_str!("language_level.toml")),
    ("nature", include_str!("nature.toml")),
    ("outcome", include_str!("outcome.toml")),
    ("platform", include_str!("platform.toml")),
    ("platform-channel", include_str!("platform_channel.toml")),
    ("platform-outcome", include_str!("platform_outcome.toml")),
    ("priority", include_str!("priority.toml")),
    ("region", include_str!("region.toml")),
    ("requester-kind", include_str!("requester_kind.toml")),
    ("secure-channel", include_str!("secure_channel.toml")),
    ("service", include_str!("service.toml")),
    ("vetting-method", include_str!("vetting_method.toml")),
    ("vetting-result", include_str!("vetting_result.toml")),
    ("vulnerability", include_str!("vulnerability.toml")),
];

/// All that are in `priority`, in order of the alphabet.
const PRIORITIES: [&str; 3] = ["emergency", "normal", "urgent"];

/// A code of some list: up to 64 of `a` to `z`, digits, `_` and `-`, from a letter or a digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Code(String);

/// It is no code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no code\nhint: a code has up to 64 of a-z, 0-9, `_` and `-`, and begins with a letter or a digit")]
pub struct BadCode(String);

impl Code {
    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Code {
    type Err = BadCode;

    fn from_str(text: &str) -> Result<Self, BadCode> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
        let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        match begins && text.len() <= CODE_MAX && text.bytes().all(fits) {
            true => Ok(Self(text.to_owned())),
            false => Err(BadCode(text.chars().take(CODE_MAX).collect())),
        }
    }
}

impl TryFrom<String> for Code {
    type Error = BadCode;

    fn try_from(text: String) -> Result<Self, BadCode> {
        text.parse()
    }
}

impl From<Code> for String {
    fn from(code: Code) -> Self {
        code.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One code of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The code, as records have it.
    pub code: Code,
    /// What people read.
    pub title: String,
    /// Of an incident type, what it is in the Reference Security Incident Taxonomy: `category:type`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rsit: Vec<String>,
    /// Of a region, its countries: ISO 3166-1 alpha-2.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub countries: Vec<String>,
}

/// A list, in the form of its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vocabulary {
    /// Which list it is.
    pub name: String,
    /// Which edition of it; whoever replaces a list gives it a version of their own.
    pub version: String,
    /// Its codes, in the order in which people are shown them.
    #[serde(rename = "code")]
    pub entries: Vec<Entry>,
}

/// Why a list is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadVocabulary {
    /// There is no list of that name.
    #[error("there is no list `{0}`\nhint: there are {names}", names = FILES.map(|(name, _)| name).join(", "))]
    Name(String),
    /// Its version is empty, too long, or has other characters.
    #[error("the version must have 1 to 200 of a-z, A-Z, 0-9, `.`, `_` and `-`")]
    Version,
    /// It has no code, or too many.
    #[error("a list has 1 to {CODES_MAX} codes, and this has {0}")]
    Count(usize),
    /// A code comes twice.
    #[error("the code `{0}` comes twice")]
    Twice(Code),
    /// A title is empty or too long.
    #[error("the title of `{0}` must have 1 to {TITLE_MAX} characters")]
    Title(Code),
    /// A country is none, or stands in two regions.
    #[error("`{country}` in `{code}` is not two capital letters, or stands in two regions")]
    Country {
        /// As it stands there.
        country: String,
        /// Where.
        code: Code,
    },
    /// The codes of priorities are others than the clocks and the wire know.
    #[error("the codes of `priority` must be emergency, urgent and normal, each once: clocks depend on them; titles and order are yours")]
    Priorities,
    /// A type of the taxonomy is none.
    #[error("`{rsit}` in `{code}` is not `category:type`")]
    Rsit {
        /// As it stands there.
        rsit: String,
        /// Where.
        code: Code,
    },
}

impl Vocabulary {
    /// Checks what serde does not.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn check(&self) -> Result<(), BadVocabulary> {
        if FILES.iter().all(|(name, _)| *name != self.name) {
            return Err(BadVocabulary::Name(self.name.chars().take(TITLE_MAX).collect()));
        }
        let is_short = |text: &str| !text.is_empty() && text.chars().count() <= TITLE_MAX;
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if !is_short(&self.version) || !is_plain(&self.version) {
            return Err(BadVocabulary::Version);
        }
        if self.entries.is_empty() || self.entries.len() > CODES_MAX {
            return Err(BadVocabulary::Count(self.entries.len()));
        }
        let (mut codes, mut countries) = (BTreeSet::new(), BTreeSet::new());
        for entry in &self.entries {
            if !codes.insert(&entry.code) {
                return Err(BadVocabulary::Twice(entry.code.clone()));
            }
            if !is_short(&entry.title) || entry.title.contains(char::is_control) {
                return Err(BadVocabulary::Title(entry.code.clone()));
            }
            for country in &entry.countries {
                let is_one = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
                if !is_one || !countries.insert(country) {
                    return Err(BadVocabulary::Country { country: country.clone(), code: entry.code.clone() });
                }
            }
            for rsit in &entry.rsit {
                let is_part = |part: &str| part.parse::<Code>().is_ok();
                if !rsit.split_once(':').is_some_and(|(category, kind)| is_part(category) && is_part(kind)) {
                    return Err(BadVocabulary::Rsit { rsit: rsit.clone(), code: entry.code.clone() });
                }
            }
        }
        if self.name == "priority" && codes.iter().map(|code| code.as_str()).ne(PRIORITIES) {
            return Err(BadVocabulary::Priorities);
        }
        Ok(())
    }

    /// What people read for a code; `None` where the list does not have it.
    pub fn title(&self, code: &Code) -> Option<&str> {
        self.entries.iter().find(|entry| entry.code == *code).map(|entry| entry.title.as_str())
    }
}

impl BadVocabulary {
    /// The key and the value of the line that is to blame, as far as one is; of several such lines the last.
    pub fn blamed(&self) -> Option<(&'static str, Option<&str>)> {
        match self {
            Self::Name(_) => Some(("name", None)),
            Self::Version => Some(("version", None)),
            Self::Twice(code) | Self::Title(code) | Self::Country { code, .. } | Self::Rsit { code, .. } => {
                Some(("code", Some(code.as_str())))
            }
            Self::Count(_) | Self::Priorities => None,
        }
    }
}

/// All lists in force. None of them by default: every code is shown as it is then.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vocabularies {
    lists: BTreeMap<String, Vocabulary>,
    /// The names of those that an operator replaced.
    own: BTreeSet<String>,
}

impl Vocabularies {
    /// The shipped lists, each of which the operator's replaces where there is one of its name. All were checked.
    pub fn new(shipped: Vec<Vocabulary>, own: Vec<Vocabulary>) -> Self {
        let named = |list: Vocabulary| (list.name.clone(), list);
        let names = own.iter().map(|list| list.name.clone()).collect();
        Self { lists: shipped.into_iter().chain(own).map(named).collect(), own: names }
    }

    /// A list by its name.
    pub fn get(&self, name: &str) -> Option<&Vocabulary> {
        self.lists.get(name)
    }

    /// All of them, by name, and whether the operator replaced each.
    pub fn iter(&self) -> impl Iterator<Item = (&Vocabulary, bool)> {
        self.lists.values().map(|list| (list, self.own.contains(&list.name)))
    }

    /// Which editions are in force, as records say it: the shipped one, and behind a `+` each list that was replaced with its own.
    pub fn version(&self) -> String {
        let shipped = self.iter().find(|(_, own)| !own).map_or("none", |(list, _)| list.version.as_str());
        let own = self.iter().filter(|(_, own)| *own).map(|(list, _)| format!("+{}={}", list.name, list.version));
        std::iter::once(shipped.to_owned()).chain(own).collect()
    }

    /// What people read for a code of a list: its title, or the code itself where the list does not have it.
    pub fn shown(&self, list: &str, code: &Code) -> String {
        let title = self.get(list).and_then(|list| list.title(code));
        title.map_or_else(|| format!("{code} (not in our list)"), str::to_owned)
    }

    /// The region of a country: ISO 3166-1 alpha-2.
    pub fn region_of(&self, country: &str) -> Option<&Code> {
        let regions = &self.get("region")?.entries;
        regions.iter().find(|entry| entry.countries.iter().any(|one| one == country)).map(|entry| &entry.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(name: &str, version: &str, codes: &[&str]) -> Vocabulary {
        let entry =
            |code: &&str| Entry { code: code.parse().unwrap(), title: code.to_uppercase(), rsit: Vec::new(), countries: Vec::new() };
        Vocabulary { name: name.into(), version: version.into(), entries: codes.iter().map(entry).collect() }
    }

    #[test]
    fn what_no_list_has_is_kept_and_shown() {
        let lists = Vocabularies::new(vec![list("outcome", "1", &["duplicate"])], Vec::new());
        let newer: Code = serde_json::from_str("\"resolved_by_magic\"").unwrap();
        assert_eq!(lists.shown("outcome", &newer), "resolved_by_magic (not in our list)");
        assert_eq!(lists.shown("outcome", &"duplicate".parse().unwrap()), "DUPLICATE");
        assert_eq!(serde_json::to_string(&newer).unwrap(), "\"resolved_by_magic\"");
    }

    #[test]
    fn a_code_is_one_word_of_few_letters() {
        for text in ["", "_a", "-a", "A", "a b", "a\u{a}", "é", "a;drop", &"a".repeat(65)] {
            assert!(text.parse::<Code>().is_err(), "{text:?}");
            assert!(serde_json::from_str::<Code>(&serde_json::to_string(text).unwrap()).is_err());
        }
        assert!("2_4h".parse::<Code>().is_ok() && "a".repeat(64).parse::<Code>().is_ok());
    }

    #[test]
    fn an_operators_list_stands_in_place_of_the_shipped_one_and_in_the_version() {
        let shipped = vec![list("outcome", "2026-11", &["duplicate"]), list("nature", "2026-11", &["reactive"])];
        assert_eq!(Vocabularies::new(shipped.clone(), Vec::new()).version(), "2026-11");
        let lists = Vocabularies::new(shipped, vec![list("outcome", "smex-3", &["done"])]);
        assert_eq!(lists.version(), "2026-11+outcome=smex-3");
        assert!(lists.get("outcome").unwrap().title(&"duplicate".parse().unwrap()).is_none());
    }

    #[test]
    fn a_list_that_is_none_is_told_why() {
        let why = |list: &Vocabulary| list.check().unwrap_err();
        assert_eq!(why(&list("weather", "1", &["a"])), BadVocabulary::Name("weather".into()));
        for version in ["", "a b", "1+region=2", "\u{1b}[2J"] {
            assert_eq!(why(&list("outcome", version, &["a"])), BadVocabulary::Version);
        }
        assert_eq!(why(&list("outcome", "1", &[])), BadVocabulary::Count(0));
        assert_eq!(why(&list("outcome", "1", &["a", "a"])), BadVocabulary::Twice("a".parse().unwrap()));
        let mut untitled = list("outcome", "1", &["a"]);
        untitled.entries[0].title.clear();
        assert_eq!(why(&untitled), BadVocabulary::Title("a".parse().unwrap()));
        let mut regions = list("region", "1", &["here", "there"]);
        regions.entries.iter_mut().for_each(|entry| entry.countries = vec!["DE".into()]);
        assert_eq!(why(&regions), BadVocabulary::Country { country: "DE".into(), code: "there".parse().unwrap() });
        for codes in [&["emergency", "urgent"][..], &["emergency", "urgent", "normal", "low"], &["emergency", "urgent", "low"]] {
            assert_eq!(why(&list("priority", "1", codes)), BadVocabulary::Priorities);
        }
        let mut known = crate::model::priority::Priority::ALL.map(crate::model::priority::Priority::name);
        assert_eq!(list("priority", "1", &known).check(), Ok(()), "titles and order are free");
        known.sort_unstable();
        assert_eq!(known, PRIORITIES);
        let mut types = list("incident-type", "1", &["a"]);
        types.entries[0].rsit = vec!["fraud".into()];
        assert_eq!(why(&types), BadVocabulary::Rsit { rsit: "fraud".into(), code: "a".parse().unwrap() });
    }
}
