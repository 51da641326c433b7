//! Does the ranking find whom a handler would ask? Against a labelled set of 200 organisations and 500 needs (tests/matching/README.md), which was
//! made without sight of the ranking.

#![allow(clippy::unwrap_used, reason = "a panic is the report")]

use std::collections::BTreeMap;

use serde::Deserialize;
use watchfire::model::hours::Hours;
use watchfire::model::language::LanguageTag;
use watchfire::model::profile::Profile;
use watchfire::model::vocabulary::{Code, FILES, Vocabularies};
use watchfire::model::{OrgId, Timestamp};
use watchfire::rules::matching::{Candidate, Need, rank};

#[path = "campaign/mod.rs"]
mod campaign;
use campaign::Dice;

/// 2026-09-20.
const MONTHS_AGO: Timestamp = Timestamp(1_789_862_400_000);

#[derive(Deserialize)]
struct LabelledOrg {
    id: String,
    profile: Said,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct Said {
    services: Vec<Code>,
    incident_types: Vec<Code>,
    excluded_types: Vec<Code>,
    beneficiaries: Vec<Code>,
    regions: Vec<Code>,
    countries_excluded: Vec<watchfire::model::country::Country>,
    languages: Vec<Speaks>,
    hours: Option<Week>,
    start_time: Option<Code>,
    intake: Option<Code>,
    capacity: Option<Code>,
    declared_response_hours: BTreeMap<Code, f64>,
    secure_channels: Vec<Code>,
    initial_intake: Option<bool>,
    forensic_level: Option<Code>,
    platform_channels: Vec<Code>,
    confirmed_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Speaks {
    tag: LanguageTag,
    level: Option<Code>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Week {
    /// `24/7`.
    Always(#[allow(dead_code, reason = "there is one such word")] String),
    Intervals {
        zone: String,
        weekly: Vec<(String, String, String)>,
        #[serde(default)]
        holidays: Vec<String>,
    },
}

#[derive(Deserialize)]
struct LabelledNeed {
    id: String,
    at: Timestamp,
    incident_types: Vec<Code>,
    help_wanted: Vec<Code>,
    beneficiary: Code,
    region: Code,
    country: Option<watchfire::model::country::Country>,
    languages: Vec<LanguageTag>,
    priority: Code,
    #[serde(default)]
    platforms: Vec<Code>,
    right: Vec<String>,
    acceptable: Vec<String>,
    difficulty: String,
}

fn profile(said: Said) -> Profile {
    let hours = said.hours.map(|week| match week {
        Week::Always(_) => Hours::new("UTC", &["24/7".into()], &[]).unwrap(),
        Week::Intervals { zone, weekly, holidays } => {
            let weekly: Vec<String> = weekly.iter().map(|(day, from, to)| format!("{day} {from}-{to}")).collect();
            Hours::new(&zone, &weekly, &holidays).unwrap()
        }
    });
    Profile {
        vocabulary: "2026-11".into(),
        // Here every profile has that time; who does not say it in the set has last said so some time ago.
        confirmed: said.confirmed_at.unwrap_or(MONTHS_AGO),
        services: said.services.into_iter().collect(),
        incident_types: said.incident_types.into_iter().collect(),
        excluded_types: said.excluded_types.into_iter().collect(),
        beneficiaries: said.beneficiaries.into_iter().collect(),
        regions: said.regions.into_iter().collect(),
        countries_excluded: said.countries_excluded.into_iter().collect(),
        languages: said.languages.into_iter().map(|one| (one.tag, one.level)).collect(),
        hours,
        intake: said.intake.or(said.start_time),
        capacity: said.capacity,
        responses: said.declared_response_hours.into_iter().map(|(priority, hours)| (priority, (hours * 60.0) as u32)).collect(),
        secure_channels: said.secure_channels.into_iter().collect(),
        initial_intake: said.initial_intake,
        forensic_level: said.forensic_level,
        platform_channels: said.platform_channels.into_iter().collect(),
        ..Profile::default()
    }
}

fn need(labelled: &LabelledNeed) -> Need {
    Need {
        incident_types: labelled.incident_types.clone(),
        help_wanted: labelled.help_wanted.clone(),
        beneficiary: Some(labelled.beneficiary.clone()),
        region: Some(labelled.region.clone()),
        country: labelled.country,
        languages: labelled.languages.clone(),
        priority: Some(labelled.priority.clone()),
        platforms: labelled.platforms.iter().cloned().collect(),
        at: labelled.at,
        ..Need::default()
    }
}

struct Set {
    names: Vec<String>,
    profiles: Vec<Profile>,
    needs: Vec<LabelledNeed>,
    lists: Vocabularies,
}

fn set(folder: &str) -> Set {
    let read = |name: &str| std::fs::read_to_string(format!("{}/tests/{folder}/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let orgs: Vec<LabelledOrg> = serde_json::from_str(&read("organisations.json")).unwrap();
    let needs: Vec<LabelledNeed> = serde_json::from_str(&read("needs.json")).unwrap();
    let (names, profiles) = orgs.into_iter().map(|org| (org.id, profile(org.profile))).unzip();
    let lists = FILES.iter().map(|(_, text)| toml::from_str(text).unwrap()).collect();
    Set { names, profiles, needs, lists: Vocabularies::new(lists, Vec::new()) }
}

impl Set {
    /// The places of the organisations in order, the best first.
    fn ranking(&self, need: &Need) -> Vec<usize> {
        let org = |at: usize| {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&(at as u64).to_be_bytes());
            OrgId(id)
        };
        let candidates: Vec<_> =
            self.profiles.iter().enumerate().map(|(at, profile)| Candidate { org: org(at), profile, track: None }).collect();
        let ranking = rank(need, &candidates, need.at, &self.lists);
        ranking.ranked.iter().map(|one| usize::from(one.org.0[6]) << 8 | usize::from(one.org.0[7])).collect()
    }

    /// recall@3 over all needs, by difficulty, and how many have a right or acceptable one among the first three.
    fn measure(&self, name: &str, mut order: impl FnMut(&LabelledNeed) -> Vec<usize>) -> f64 {
        let (mut sums, mut hits, mut lenient) = (BTreeMap::<&str, (f64, u32)>::new(), 0, 0);
        for labelled in &self.needs {
            let first: Vec<&String> = order(labelled).into_iter().take(3).map(|at| &self.names[at]).collect();
            let found = first.iter().filter(|name| labelled.right.contains(name)).count();
            let recall = found as f64 / labelled.right.len().min(3) as f64;
            let number: u32 = labelled.id.trim_start_matches("need-").parse().unwrap();
            for key in ["all", if number.is_multiple_of(2) { "even" } else { "odd" }, &labelled.difficulty] {
                let (sum, count) = sums.entry(key).or_default();
                *sum += recall;
                *count += 1;
            }
            hits += u32::from(found > 0);
            lenient += u32::from(first.iter().any(|name| labelled.right.contains(name) || labelled.acceptable.contains(name)));
            if recall < 1.0 && std::env::var_os("WATCHFIRE_MISSED").is_some() && ["ranking", "second"].contains(&name) {
                println!("{} {:.2} right {:?} first {:?} acceptable {:?}", labelled.id, recall, labelled.right, first, labelled.acceptable);
            }
        }
        let of = |key: &str| sums.get(key).map_or(0.0, |(sum, count)| sum / f64::from(*count));
        let by: Vec<String> = sums.iter().map(|(key, (sum, count))| format!("{key} {:.3} of {count}", sum / f64::from(*count))).collect();
        println!("{name}: recall@3 {}; hit@3 {hits}, leniently {lenient}", by.join(", "));
        of("all")
    }
}

#[test]
fn whom_a_handler_would_ask_is_among_the_first_three() {
    let set = set("matching");
    assert_eq!((set.profiles.len(), set.needs.len()), (200, 500));
    let found = set.measure("ranking", |labelled| set.ranking(&need(labelled)));
    let without = set.measure("without language", |labelled| set.ranking(&Need { languages: Vec::new(), ..need(labelled) }));
    let mut dice = Dice::new(20_261_127);
    let at_random = set.measure("at random among those that rank", |labelled| {
        let mut order = set.ranking(&need(labelled));
        (1..order.len()).rev().for_each(|at| order.swap(at, dice.below(at as u64 + 1) as usize));
        order
    });
    assert!(found >= 0.9, "{found}");
    assert!(without < found - 0.08 && at_random < 0.1, "{without} {at_random}");
}

/// By another hand, with which the ranking was not made.
#[test]
fn so_it_is_in_a_set_of_another_hand() {
    let set = set("matching/second");
    assert_eq!((set.profiles.len(), set.needs.len()), (200, 500));
    let found = set.measure("second", |labelled| set.ranking(&need(labelled)));
    assert!(found >= 0.9, "{found}");
}
