use super::*;
use crate::campaign::{Campaign, Dice};
use crate::model::hours::Hours;
use crate::model::profile::Field;
use crate::model::vocabulary::{Entry, Vocabulary};

const NOW: &str = "2026-11-27T03:00:00Z";

fn code(text: &str) -> Code {
    text.parse().unwrap()
}

fn set<T: std::str::FromStr<Err: std::fmt::Debug> + Ord>(texts: &[&str]) -> BTreeSet<T> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn codes(texts: &[&str]) -> Vec<Code> {
    texts.iter().map(|text| code(text)).collect()
}

fn lists() -> Vocabularies {
    let entry = |code_: &str, rsit: &[&str], countries: &[&str]| Entry {
        code: code(code_),
        title: code_.into(),
        rsit: rsit.iter().map(|one| (*one).to_owned()).collect(),
        countries: countries.iter().map(|one| (*one).to_owned()).collect(),
    };
    let list = |name: &str, entries| Vocabulary { name: name.into(), version: "1".into(), entries };
    let types = [
        entry("malware", &["malicious-code:infected-system"], &[]),
        entry("malicious_website", &["malicious-code:malware-distribution"], &[]),
        entry("doxxing", &["abusive-content:harmful-speech"], &[]),
        entry("suspension", &["other:other"], &[]),
        entry("training", &["other:other"], &[]),
    ];
    let regions = [entry("mena", &[], &["LB", "SY"]), entry("africa", &[], &["KE"]), entry("global", &[], &[])];
    Vocabularies::new(vec![list("incident-type", types.into()), list("region", regions.into())], Vec::new())
}

/// A desk that meets [`need`] in all.
fn desk() -> Profile {
    Profile {
        vocabulary: "1".into(),
        confirmed: NOW.parse().unwrap(),
        services: set(&["incident_response_support", "artifact_analysis"]),
        incident_types: set(&["malware"]),
        beneficiaries: set(&["journalist"]),
        regions: set(&["mena"]),
        languages: [("ar".parse().unwrap(), Some(code("native")))].into(),
        hours: Some(Hours::new("UTC", &["24/7".into()], &[]).unwrap()),
        intake: Some(code("within_hours")),
        capacity: Some(code("over_20h")),
        responses: [(code("emergency"), 60)].into(),
        ..Profile::default()
    }
}

fn need() -> Need {
    Need {
        incident_types: codes(&["malware"]),
        help_wanted: codes(&["take_over"]),
        beneficiary: Some(code("journalist")),
        country: Some("LB".parse().unwrap()),
        languages: vec!["ar".parse().unwrap()],
        priority: Some(code("emergency")),
        at: NOW.parse().unwrap(),
        ..Need::default()
    }
}

fn ranking(need: &Need, profiles: &[Profile]) -> Ranking {
    let candidates: Vec<_> =
        profiles.iter().enumerate().map(|(at, profile)| Candidate { org: OrgId([at as u8; 32]), profile, track: None }).collect();
    rank(need, &candidates, NOW.parse().unwrap(), &lists())
}

fn changed(change: impl Fn(&mut Profile)) -> Profile {
    let mut profile = desk();
    change(&mut profile);
    profile
}

fn score(need: &Need, profile: &Profile) -> u32 {
    ranking(need, std::slice::from_ref(profile)).ranked[0].score
}

#[test]
fn a_desk_that_meets_all_has_the_whole_score_and_says_why() {
    let ranking = ranking(&need(), &[desk()]);
    let [one] = ranking.ranked.as_slice() else { panic!("{ranking:?}") };
    assert_eq!((one.score, one.warnings.as_slice()), (1_000, &[][..]));
    let told: Vec<String> = one.reasons.iter().map(ToString::to_string).collect();
    let expected = [
        "does take over",
        "takes malware",
        "serves journalist",
        "takes cases from mena",
        "speaks ar: native",
        "is open",
        "begins within hours",
        "has time: over 20h a week",
        "looks at a case within 60 min",
    ];
    assert_eq!(told, expected);
}

#[test]
fn who_is_closed_or_excludes_the_case_never_ranks_and_says_why() {
    let never = [
        (changed(|profile| profile.intake = Some(code("not_accepting"))), Why::NotAccepting),
        (changed(|profile| profile.intake = Some(code("closed_emergency"))), Why::ClosedEmergency),
        (changed(|profile| profile.excluded_types = set(&["malware"])), Why::ExcludedType(code("malware"))),
        (changed(|profile| profile.countries_excluded = set(&["LB"])), Why::ExcludedCountry("LB".parse().unwrap())),
    ];
    for priority in ["emergency", "urgent", "normal"] {
        let need = Need { priority: Some(code(priority)), ..need() };
        for (profile, why) in &never {
            let ranking = ranking(&need, std::slice::from_ref(profile));
            assert_eq!((ranking.ranked.len(), &ranking.excluded[0].why), (0, why));
        }
    }
    let region = Need { country: None, region: Some(code("mena")), ..need() };
    let whole = changed(|profile| profile.countries_excluded = set(&["LB", "SY"]));
    assert_eq!(ranking(&region, &[whole]).excluded[0].why, Why::ExcludedRegion(code("mena")));
    let half = ranking(&region, &[changed(|profile| profile.countries_excluded = set(&["LB"]))]);
    assert!(half.ranked[0].warnings.iter().any(|one| one.what == Warning::ExcludesSome(1)), "it may be the other one");
    assert_eq!(never[0].1.to_string(), "takes no new cases");
}

#[test]
fn what_is_not_stated_is_neither_met_nor_missed() {
    type Change = fn(&mut Profile);
    let fields: [(Field, Change, Change); 6] = [
        (Field::Services, |one| one.services.clear(), |one| one.services = set(&["scanning"])),
        (Field::IncidentTypes, |one| one.incident_types.clear(), |one| one.incident_types = set(&["doxxing"])),
        (Field::Beneficiaries, |one| one.beneficiaries.clear(), |one| one.beneficiaries = set(&["lawyer"])),
        (Field::Regions, |one| one.regions.clear(), |one| one.regions = set(&["africa"])),
        (Field::Languages, |one| one.languages.clear(), |one| one.languages = [("sw".parse().unwrap(), None)].into()),
        (Field::Hours, |one| one.hours = None, |one| one.hours = Some(Hours::new("UTC", &["sun 09:00-10:00".into()], &[]).unwrap())),
    ];
    for (field, unstated, missed) in fields {
        let ranking = ranking(&need(), &[changed(missed), changed(unstated), desk()]);
        let order: Vec<u8> = ranking.ranked.iter().map(|one| one.org.0[0]).collect();
        assert_eq!(order, [2, 1, 0], "{field}");
        assert_eq!(ranking.ranked[1].warnings[0].what, Warning::Unstated(field));
    }
}

#[test]
fn the_language_that_is_spoken_best_counts() {
    let speaks = |tag: &str, level: &str| changed(|one| one.languages = [(tag.parse().unwrap(), Some(code(level)))].into());
    let scores: Vec<u32> = [("ar", "native"), ("ar", "working"), ("apc", "native"), ("ar", "interpreter"), ("en", "native")]
        .map(|(tag, level)| score(&need(), &speaks(tag, level)))
        .into();
    assert!(scores.is_sorted_by(|one, other| one > other), "{scores:?}");
    let both = Need { languages: vec!["ar".parse().unwrap(), "en".parse().unwrap()], ..need() };
    assert!(score(&both, &speaks("en", "native")) > score(&need(), &speaks("en", "native")));
    assert!(score(&both, &speaks("en", "native")) < score(&both, &speaks("ar", "native")), "what comes first is spoken better");
}

#[test]
fn a_desk_that_opens_soon_is_before_one_that_opens_late_and_by_priority() {
    let opens = |weekly: &str| changed(|one| one.hours = Some(Hours::new("UTC", &[weekly.into()], &[]).unwrap()));
    // It is a Friday, at three.
    let desks = ["fri 02:00-12:00", "fri 04:00-12:00", "fri 06:00-12:00", "fri 09:00-17:00"].map(opens);
    let of = |priority: &str| {
        let need = Need { priority: Some(code(priority)), ..need() };
        desks.iter().map(|desk| score(&need, desk)).collect::<Vec<_>>()
    };
    let (emergency, normal) = (of("emergency"), of("normal"));
    assert!(emergency.is_sorted_by(|one, other| one > other), "{emergency:?}");
    assert!(emergency[3] * 3 < emergency[0] + 300 && normal[3] * 10 > normal[0] * 9, "{emergency:?} {normal:?}");
    let soon = ranking(&need(), &[desks[1].clone()]);
    assert!(soon.ranked[0].reasons.iter().any(|one| one.what == Reason::Opens(60)), "{soon:?}");
    let closes = ranking(&need(), &[opens("fri 02:00-03:20")]);
    assert!(closes.ranked[0].warnings.iter().any(|one| one.what == Warning::Closes(20)), "{closes:?}");
}

#[test]
fn a_related_type_is_between_the_type_and_another() {
    let takes = |kind: &str| changed(|one| one.incident_types = set(&[kind]));
    let scores = ["malware", "malicious_website", "doxxing"].map(|kind| score(&need(), &takes(kind)));
    assert!(scores.is_sorted_by(|one, other| one > other), "{scores:?}");
    let other = Need { incident_types: codes(&["suspension"]), ..need() };
    assert_eq!(score(&other, &takes("training")), score(&other, &takes("doxxing")), "what is merely other is not related");
}

#[test]
fn forensics_and_platforms_count_where_they_are_asked_for() {
    let level = |level: &str| changed(|one| one.forensic_level = Some(code(level)));
    let forensic = Need { help_wanted: codes(&["forensic_analysis"]), ..need() };
    let scores = ["full_lab", "partner_lab", "triage", "none"].map(|one| score(&forensic, &level(one)));
    assert!(scores.is_sorted_by(|one, other| one > other), "{scores:?}");
    assert_eq!(score(&need(), &level("none")), 1_000);
    let channel = |platform: &str| changed(|one| one.platform_channels = set(&[platform]));
    let escalation = Need { help_wanted: codes(&["platform_escalation"]), platforms: set(&["facebook"]), ..need() };
    let asks = |profile: &Profile| ranking(&escalation, std::slice::from_ref(profile)).ranked.remove(0);
    assert!(
        asks(&channel("facebook")).reasons.iter().any(|one| one.what == Reason::Does(codes(&["platform_escalation"]))),
        "by its channel"
    );
    let does = |channels: &[&str]| {
        score(&escalation, &changed(|one| (one.services, one.platform_channels) = (set(&["platform_escalation"]), set(channels))))
    };
    assert!(does(&["facebook"]) == 1_000 && does(&["x"]) < does(&[]) && does(&[]) < 1_000);
}

#[test]
fn a_language_is_essential_with_a_person_and_not_with_a_thing() {
    let english = changed(|one| {
        one.languages = [("en".parse().unwrap(), Some(code("native")))].into();
        one.services = set(&["incident_response_support", "secure_hosting"]);
    });
    let hosting = Need { help_wanted: codes(&["hosting_or_ddos"]), ..need() };
    assert!(score(&need(), &english) <= 150 && score(&hosting, &english) > 600);
}

#[test]
fn who_does_little_else_is_before_who_does_everything() {
    let does = |services: &[&str]| changed(|one| one.services = set(services));
    let legal = Need { help_wanted: codes(&["legal"]), ..need() };
    let ranking = ranking(&legal, &[does(&["legal_support", "scanning", "announcements"]), does(&["legal_support"]), does(&["scanning"])]);
    assert_eq!(ranking.ranked.iter().map(|one| one.org.0[0]).collect::<Vec<_>>(), [1, 0, 2]);
    assert!(ranking.ranked[2].score <= 50, "it does not do it");
}

#[test]
fn a_stale_profile_ranks_lower_and_is_marked() {
    let stale = changed(|one| one.confirmed = Timestamp(one.confirmed.0 - 31 * 24 * 3_600_000));
    let ranking = ranking(&need(), &[stale, desk()]);
    assert_eq!(ranking.ranked.iter().map(|one| (one.org.0[0], one.score)).collect::<Vec<_>>(), [(1, 1_000), (0, 850)]);
    assert_eq!(ranking.ranked[1].warnings[0].to_string(), "not confirmed for 31 days (x0.85)");
}

#[test]
fn our_own_track_tips_the_balance_from_five_cases_on() {
    let profile = changed(|one| one.confirmed = Timestamp(one.confirmed.0 - 31 * 24 * 3_600_000));
    let with = |cases, accepted| {
        let track = Some(Track { cases, accepted, acknowledged_ms: 60_000 });
        let candidate = Candidate { org: OrgId([1; 32]), profile: &profile, track };
        rank(&need(), &[candidate], NOW.parse().unwrap(), &lists()).ranked[0].score
    };
    assert_eq!((with(4, 4), with(4, 0)), (850, 850));
    assert!(with(5, 5) > 850 && with(5, 0) < 850 && with(5, 0) > 800, "weakly");
}

#[test]
fn an_unknown_code_is_no_refusal() {
    let odd = changed(|one| {
        one.intake = Some(code("when_the_moon_is_full"));
        one.capacity = Some(code("plenty"));
    });
    let ranking = ranking(&Need { priority: Some(code("yesterday")), ..need() }, &[odd]);
    let told: Vec<String> = ranking.ranked[0].warnings.iter().map(ToString::to_string).collect();
    assert!(told[0].starts_with("says `when_the_moon_is_full` of intake, which is not in our list"), "{told:?}");
}

/// Profiles at random: one that states more of what is asked for never ranks lower, and the order of candidates decides nothing.
#[test]
fn the_order_of_candidates_decides_nothing() {
    let mut campaign = Campaign::new("ranking", "rankings", 200);
    while let Some(seed) = campaign.next() {
        let mut dice = Dice::new(seed);
        let mut pick = |codes: &[&str]| codes.iter().filter(|_| dice.one_in(2)).map(|one| code(one)).collect::<BTreeSet<_>>();
        let profiles: Vec<Profile> = (0..30)
            .map(|_| {
                let intakes = pick(&["within_hours", "within_weeks", "not_accepting", "closed_emergency"]);
                Profile {
                    services: pick(&["incident_response_support", "scanning"]),
                    incident_types: pick(&["malware", "doxxing"]),
                    regions: pick(&["mena", "africa", "global"]),
                    intake: intakes.into_iter().next(),
                    ..desk()
                }
            })
            .collect();
        let mut candidates: Vec<_> =
            profiles.iter().enumerate().map(|(at, profile)| Candidate { org: OrgId([at as u8; 32]), profile, track: None }).collect();
        let forth = rank(&need(), &candidates, NOW.parse().unwrap(), &lists());
        candidates.reverse();
        assert_eq!(rank(&need(), &candidates, NOW.parse().unwrap(), &lists()), forth, "seed {seed}");
        assert_eq!(forth.ranked.len() + forth.excluded.len(), 30);
        assert!(forth.ranked.is_sorted_by(|one, other| one.score >= other.score), "seed {seed}");
        for one in &forth.ranked {
            let profile = &profiles[usize::from(one.org.0[0])];
            assert!(!profile.is_intake(NOT_ACCEPTING) && !profile.is_intake(CLOSED_EMERGENCY), "seed {seed}");
            let full =
                Profile { services: desk().services, regions: desk().regions, incident_types: desk().incident_types, ..profile.clone() };
            assert!(score(&need(), &full) >= one.score, "seed {seed}: it meets more and ranks lower");
        }
        campaign.reached(1);
    }
}

#[test]
fn two_thousand_profiles_are_ranked_at_once() {
    let week: Vec<String> = vec!["mon-fri 09:00-17:00".into()];
    let zones = ["Asia/Beirut", "Africa/Nairobi", "America/Bogota", "Europe/Berlin"];
    let profiles: Vec<Profile> =
        (0..2_000).map(|at| changed(|one| one.hours = Some(Hours::new(zones[at % 4], &week, &[]).unwrap()))).collect();
    let candidates: Vec<_> = profiles.iter().map(|profile| Candidate { org: OrgId([1; 32]), profile, track: None }).collect();
    #[allow(clippy::disallowed_methods, reason = "measured by the real clock")]
    let began = std::time::Instant::now();
    let ranking = rank(&need(), &candidates, NOW.parse().unwrap(), &lists());
    let took = began.elapsed();
    println!("2,000 profiles ranked in {took:?}");
    assert_eq!(ranking.ranked.len(), 2_000);
    assert!(took.as_millis() < 2_000, "{took:?}");
}
