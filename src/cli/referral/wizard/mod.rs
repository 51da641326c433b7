//! `watchfire refer` on a terminal: asks what a case says, checks each answer at once, and keeps it.
//!
//! First what it takes to find a partner, then to whom, then what it is about and the consent. What an everyday case leaves as it is stands in one list,
//! of which somebody picks what is to be said otherwise.

mod consent;
mod partner;
mod rest;
#[cfg(test)]
mod tests;
mod typed;

pub(super) use typed::is_yes;

use super::begun::Begun;
use crate::model::country::Country;
use crate::model::language::LanguageTag;
use crate::model::referral::LANGUAGES_MAX;
use crate::model::vocabulary::Vocabularies;
use crate::model::{EntryHash, Timestamp};
use crate::node::profile::{MatchView, NeedRequest};
use std::io::{self, BufRead, Write};
use toml::Value;
use typed::{slip, words};

/// Everything that a case can be asked, by its place in it. The consent has no default anywhere: it is the person's word.
pub(super) const QUESTIONS: [&str; 47] = [
    "offer.incident_types",
    "offer.help_wanted",
    "offer.platforms",
    "offer.priority",
    "offer.physical_danger",
    "offer.beneficiary_type",
    "offer.region",
    "offer.country",
    "offer.languages",
    "to",
    "offer.summary",
    "recipients",
    "offer.consent.basis",
    "offer.consent.obtained",
    "offer.consent.obtained_by",
    "offer.consent.onward",
    "offer.consent.platforms",
    "offer.consent.statistics",
    "offer.consent.indicators_only",
    "offer.consent.expires",
    "offer.consent.revocation_channel",
    "reference",
    "candidates",
    "automatic",
    "tlp",
    "offer.nature",
    "offer.ongoing",
    "offer.interacted",
    "offer.requester_kind",
    "offer.steps_taken",
    "offer.hand_over",
    "offer.vulnerability",
    "offer.do_not_use",
    "offer.safe_times",
    "offer.causes",
    "offer.services",
    "offer.devices",
    "offer.deadline",
    "offer.evidence",
    "offer.indicators",
    "offer.campaign",
    "offer.expires",
    "offer.vetting.method",
    "offer.vetting.vouched_by",
    "offer.vetting.date",
    "offer.vetting.expires",
    "offer.vetting.result",
];
/// Help for which a platform is asked: on which it is then decides who can give it.
const AT_PLATFORMS: [&str; 2] = ["platform_escalation", "takedown"];

/// Finds the entry of a value or a record that all of these partners have, or says why there is none.
pub(super) type EntryOf<'a> = dyn Fn(&str, &[String]) -> Result<EntryHash, String> + 'a;
/// Ranks the partners for what a case asks for, or says why nobody can be ranked.
pub(super) type Rank<'a> = dyn Fn(&NeedRequest) -> Result<MatchView, String> + 'a;

/// Asks a person.
pub(super) struct Wizard<'a, R, W> {
    /// What they type.
    pub(super) from: R,
    /// What they read.
    pub(super) to: W,
    /// The codes.
    pub(super) lists: &'a Vocabularies,
    /// The day.
    pub(super) today: Timestamp,
    /// Who there is, by the names of peers.
    pub(super) peers: &'a [String],
    /// How they are ranked.
    pub(super) rank: &'a Rank<'a>,
    /// Whether a contact is at hand, which a cold hand-over needs.
    pub(super) contact: bool,
    /// How indicators are found.
    pub(super) entry_of: &'a EntryOf<'a>,
}

/// What becomes of an answer: kept, or nothing is said.
type Answer = io::Result<Option<Value>>;

impl<R: BufRead, W: Write> Wizard<'_, R, W> {
    /// Asks all that is not answered, and keeps each answer as soon as it is one.
    ///
    /// # Errors
    /// When nobody answers any more, or an answer cannot be kept.
    pub(super) fn case(&mut self, case: &mut Begun) -> io::Result<()> {
        self.say(
            "Who the person is does not belong in what follows: no name, no address, no account, no ticket's number but as the reference.",
        )?;
        self.need(case)?;
        self.partner(case)?;
        self.ask(case, "offer.summary", |my| my.text("What is it about, in a few sentences?", "summary", true))?;
        self.consent(case)?;
        self.rest(case)
    }

    fn ask(&mut self, case: &mut Begun, field: &str, how: impl FnOnce(&mut Self) -> Answer) -> io::Result<()> {
        if case.is_missing(field) {
            let answer = how(self)?;
            case.keep(vec![(field, answer)])?;
        }
        Ok(())
    }

    /// What decides who can take it.
    fn need(&mut self, case: &mut Begun) -> io::Result<()> {
        self.ask(case, "offer.incident_types", |my| my.codes("What happened? One or more, the main thing first", "incident-type", true))?;
        self.ask(case, "offer.help_wanted", |my| my.codes("What help is wanted? One or more, the main thing first", "help-wanted", true))?;
        if case.texts("offer.help_wanted").iter().any(|help| AT_PLATFORMS.contains(&help.as_str())) {
            self.ask(case, "offer.platforms", Self::platforms)?;
        }
        self.ask(case, "offer.priority", |my| my.code("How soon? Within 24 hours, 72 hours, or two weeks", "priority", Some("urgent")))?;
        self.ask(case, "offer.physical_danger", |my| my.maybe("Is somebody in physical danger?"))?;
        self.ask(case, "offer.beneficiary_type", |my| my.code("Who needs help?", "beneficiary-type", None))?;
        self.place(case)?;
        self.ask(case, "offer.languages", Self::languages)
    }

    fn platforms(&mut self) -> Answer {
        self.codes("On which platforms is it? (Enter: none)", "platform", false)
    }

    /// Where the person is. Of a country the region is known.
    fn place(&mut self, case: &mut Begun) -> io::Result<()> {
        if !case.is_missing("offer.region") {
            return self.ask(case, "offer.country", Self::country);
        }
        self.show("region", 0)?;
        loop {
            let question = "Where is the person? A region, or the country in two letters (such as LB), of which the partner is told then";
            let typed = self.line(question)?;
            match self.place_of(&typed) {
                Ok((region, country)) => {
                    let country = Some(("offer.country", country.map(Value::from))).filter(|_| case.is_missing("offer.country"));
                    return case.keep([("offer.region", Some(region.into()))].into_iter().chain(country).collect());
                }
                Err(slip) => self.say(&slip)?,
            }
        }
    }

    /// The region and, where it was named, the country.
    fn place_of(&self, typed: &str) -> Result<(String, Option<String>), String> {
        let (mut regions, mut countries) = (Vec::new(), Vec::new());
        for word in words(typed) {
            let is_country = word.len() == 2 && word.bytes().all(|byte| byte.is_ascii_alphabetic());
            match self.chosen("region", word) {
                Some(region) => regions.push(region),
                None if is_country => {
                    countries.push(Country::assigned(&word.to_uppercase()).map_err(|error| error.to_string())?.to_string())
                }
                None => return Err(self.no_code("region", word)),
            }
        }
        match (regions.as_slice(), countries.as_slice()) {
            ([region], []) => Ok((region.clone(), None)),
            ([region], [country]) => Ok((region.clone(), Some(country.clone()))),
            ([], [country]) => match self.lists.region_of(country) {
                Some(region) => Ok((region.to_string(), Some(country.clone()))),
                None => Err(slip(&format!("`{country}` is in no region here"), "write the region before it")),
            },
            ([], []) => Err(self.no_code("region", "")),
            _ => Err(slip("that is more than one place", "one region, one country, or a region and a country")),
        }
    }

    fn country(&mut self) -> Answer {
        loop {
            let typed = self.line("In which country? The partner is told (two letters, such as LB; Enter: not told)")?.to_uppercase();
            match Country::assigned(&typed) {
                _ if typed.is_empty() => return Ok(None),
                Ok(_) => return Ok(Some(typed.into())),
                Err(error) => self.slip_of(&error)?,
            }
        }
    }

    fn languages(&mut self) -> Answer {
        loop {
            let typed = self.line("Which languages does the person speak, best first? (such as `ar es-MX`; Enter: not known)")?;
            let tags: Result<Vec<LanguageTag>, _> = words(&typed).map(str::parse).collect();
            match tags {
                Ok(tags) if tags.len() > LANGUAGES_MAX => self.slip("that are too many", &format!("name up to {LANGUAGES_MAX}"))?,
                Ok(tags) => {
                    let entry = |tag: LanguageTag| Value::Table([("tag".to_owned(), Value::from(tag.to_string()))].into_iter().collect());
                    return Ok(Some(Value::Array(tags.into_iter().map(entry).collect())));
                }
                Err(error) => self.slip_of(&error)?,
            }
        }
    }
}
