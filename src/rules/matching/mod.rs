//! Who could take this case? Ranks organisations for a need by what their profiles say, with the reasons.
//!
//! **Never ranked**: who takes no new cases; who is closed because of an emergency of its own, whatever the case's priority (a desk that cannot
//! look after itself can take nobody in); who excludes a type of the case, its country, or all countries of its region.
//!
//! **The score** of all others begins at 1,000 and is multiplied by one factor for each thing the need asks for, so that a desk that misses one
//! essential thing cannot make up for it by many small ones. Each factor stands beside its reason; they are in `factor.rs`:
//!
//! | what | met | not stated | missed |
//! |---|---|---|---|
//! | the main work that is asked for | 1, next to it 0.7 | 0.4 | 0.05 |
//! | other work | 1, next to it 0.94 | 1 | 0.86 |
//! | that it does little else, where the work is a speciality | 1 | 1 | down to 0.9 |
//! | the main type, other types | 1, a related one 0.85 | 0.92 | 0.78, 0.96 |
//! | whom it serves | 1 | 0.92 | 0.2 |
//! | region, for work with the person | 1, everywhere 0.9, or 0.78 where the place is the point | 0.88 | 0.15 |
//! | region, for work on a thing | 1, everywhere 0.96 | 0.95 | 0.7 |
//! | language, for work with the person | 1, the second 0.85, interpreted 0.78 | 0.75 | 0.15 |
//! | language, for work on a thing | 1, the second 0.94, interpreted 0.9 | 0.92 | 0.78 |
//! | emergency: open within two hours, begins within hours | 1 | 0.55, 0.75 | down to 0.16, 0.1 |
//! | urgent: open within a day, begins within days | 1 | 0.93 | down to 0.75, 0.55 |
//! | normal: open within three days, begins within a week | 1 | 0.97, 0.95 | down to 0.95, 0.85 |
//! | hours a week | 1 | 0.965 | down to 0.92, or 0.6 to take a case over |
//! | declared response | 1 | 0.97 | 0.97, 0.9 |
//! | a channel at the platforms, for an escalation, a takedown, else | 1 | 0.8, 0.93, 0.995 | 0.25, 0.8, 0.99 |
//! | confirmed within 30 days | 1 | | 0.85, after 90 days 0.7 |
//! | our own track with it, of five cases or more | up to 1.04 | 1 | down to 0.94 |
//!
//! Work on a thing (a sample, a site, a platform, money) can be done across languages and regions, since the referring desk speaks with the person; work
//! with a person cannot. What the need does not ask for has no factor. What a profile does not state is a question to ask first: less than a fit, more
//! than a misfit. Ties go by organisation id.

mod factor;
mod reason;
#[cfg(test)]
mod tests;
mod work;

pub use reason::{Reason, Scored, Warning, Why};

use crate::model::country::Country;
use crate::model::language::LanguageTag;
use crate::model::profile::{CLOSED_EMERGENCY, NOT_ACCEPTING, Profile};
use crate::model::vocabulary::{Code, Vocabularies};
use crate::model::{OrgId, Timestamp};
use factor::Tally;
use std::collections::{BTreeMap, BTreeSet};

/// How many cases our own track with an organisation must have to count.
pub const TRACK_MIN: u32 = 5;

/// What is asked for. An empty set and `None` ask for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Need {
    /// What happened (`incident-type`), the main thing first.
    pub incident_types: Vec<Code>,
    /// What is to be done (`help-wanted`), the main thing first.
    pub help_wanted: Vec<Code>,
    /// What is to be done, as services (`service`), the main one first where no help is wanted.
    pub services: Vec<Code>,
    /// Who is helped (`beneficiary-type`).
    pub beneficiary: Option<Code>,
    /// Where (`region`); that of the country where only that is said.
    pub region: Option<Code>,
    /// Where exactly: known at this node alone, and never sent with it.
    pub country: Option<Country>,
    /// Languages in each of which the case can be held, the best one first.
    pub languages: Vec<LanguageTag>,
    /// How soon (`priority`). A code that is none of the three counts as urgent.
    pub priority: Option<Code>,
    /// The platforms that are involved.
    pub platforms: BTreeSet<Code>,
    /// When somebody is to look at it.
    pub at: Timestamp,
}

/// What this node's own counters say of an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Track {
    /// How many referrals it has answered.
    pub cases: u32,
    /// How many of those it has accepted.
    pub accepted: u32,
    /// The median time until a person there had opened them, in milliseconds.
    pub acknowledged_ms: u64,
}

/// Who may be ranked.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Who.
    pub org: OrgId,
    /// What it says of itself, as far as we know it.
    pub profile: &'a Profile,
    /// What we know of it ourselves.
    pub track: Option<Track>,
}

/// One that could take the case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranked {
    /// Who.
    pub org: OrgId,
    /// 0 to 1,000.
    pub score: u32,
    /// What speaks for it.
    pub reasons: Vec<Scored<Reason>>,
    /// What speaks against it, and what it does not say.
    pub warnings: Vec<Scored<Warning>>,
}

/// One that cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excluded {
    /// Who.
    pub org: OrgId,
    /// Why not.
    pub why: Why,
}

/// Everybody, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranking {
    /// Who could take the case, the best first.
    pub ranked: Vec<Ranked>,
    /// Who could not, by organisation id.
    pub excluded: Vec<Excluded>,
}

/// Ranks candidates for a need. `now` is only for how long ago a profile was confirmed; opening hours are looked at by the need's own time.
pub fn rank(need: &Need, candidates: &[Candidate<'_>], now: Timestamp, vocabularies: &Vocabularies) -> Ranking {
    let asked = Asked::new(need, vocabularies);
    let mut ranking = Ranking::default();
    let mut scored = Vec::new();
    for candidate in candidates {
        match asked.why_not(candidate.profile) {
            Some(why) => ranking.excluded.push(Excluded { org: candidate.org, why }),
            None => scored.push((candidate.org, asked.tally(candidate, now))),
        }
    }
    ranking.excluded.sort_by_key(|one| one.org);
    scored.sort_by(|(one, tally), (other, than)| than.value().cmp(&tally.value()).then(one.cmp(other)));
    ranking.ranked = scored.into_iter().map(|(org, tally)| tally.ranked(org)).collect();
    ranking
}

/// A need, and what follows from it and the lists alone.
struct Asked<'a> {
    need: &'a Need,
    region: Option<Code>,
    /// All countries of the region.
    countries: BTreeSet<Country>,
    /// The types of the list that are related to each type of the need.
    related: BTreeMap<&'a Code, BTreeSet<Code>>,
}

impl<'a> Asked<'a> {
    fn new(need: &'a Need, vocabularies: &Vocabularies) -> Self {
        let of_country = need.country.and_then(|country| vocabularies.region_of(country.as_str()).cloned());
        let region = need.region.clone().or(of_country);
        let entry = |region: &Code| vocabularies.get("region")?.entries.iter().find(|entry| entry.code == *region);
        let countries = region.as_ref().and_then(entry).map(|entry| entry.countries.iter().filter_map(|one| one.parse().ok()).collect());
        let related = need.incident_types.iter().map(|kind| (kind, work::related_types(kind, vocabularies))).collect();
        Self { need, region, countries: countries.unwrap_or_default(), related }
    }

    /// Why an organisation never ranks for it.
    fn why_not(&self, profile: &Profile) -> Option<Why> {
        if profile.is_intake(NOT_ACCEPTING) {
            return Some(Why::NotAccepting);
        }
        if profile.is_intake(CLOSED_EMERGENCY) {
            return Some(Why::ClosedEmergency);
        }
        if let Some(kind) = self.need.incident_types.iter().find(|kind| profile.excluded_types.contains(kind)) {
            return Some(Why::ExcludedType(kind.clone()));
        }
        match (self.need.country, &self.region) {
            (Some(country), _) => profile.countries_excluded.contains(&country).then_some(Why::ExcludedCountry(country)),
            (None, Some(region)) => {
                let is_whole = !self.countries.is_empty() && self.countries.is_subset(&profile.countries_excluded);
                is_whole.then(|| Why::ExcludedRegion(region.clone()))
            }
            (None, None) => None,
        }
    }

    fn tally(&self, candidate: &Candidate<'_>, now: Timestamp) -> Tally {
        let profile = candidate.profile;
        let mut tally = Tally::default();
        self.work(profile, &mut tally);
        self.types(profile, &mut tally);
        self.beneficiary(profile, &mut tally);
        self.region(profile, &mut tally);
        self.language(profile, &mut tally);
        self.open(profile, &mut tally);
        self.intake(profile, &mut tally);
        self.capacity(profile, &mut tally);
        self.response(profile, &mut tally);
        self.platforms(profile, &mut tally);
        factor::confirmed(profile, now, &mut tally);
        self.track(candidate.track, &mut tally);
        tally
    }
}
