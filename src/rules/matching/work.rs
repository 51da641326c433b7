//! What the words of a need mean in the words of a profile.

use super::Need;
use crate::model::profile::Profile;
use crate::model::vocabulary::{Code, Vocabularies};
use std::collections::BTreeSet;

/// How well a profile fits a kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// It says what it does, and this is not among it.
    Not,
    /// It does not say what it does.
    Unstated,
    /// It does what is next to it.
    Edge,
    /// It does this.
    Core,
}

/// Where the work is, which says how much language and place matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum With {
    /// With the person, in their language and knowing their place.
    Person,
    /// With the person, and their place and first language are the point.
    Context,
    /// With a thing (a sample, a site, a platform, money): the referring desk can speak for the person.
    Thing,
}

/// Types of which a platform can take the content down.
const ON_PLATFORMS: [&str; 5] =
    ["non_consensual_intimate_media_sextortion", "doxxing", "online_harassment", "impersonation", "defamation_disinformation"];
/// Types behind which may be somebody's tool.
const TOOLS: [&str; 5] =
    ["malware", "surveillance_spyware_suspicion", "user_device_compromise", "platform_threat_notification_received", "social_engineering"];

/// For each kind of help, the services of which one is enough, and those next to it.
fn services(need: &Need, help: &str) -> (Vec<&'static str>, Vec<&'static str>) {
    let is = |types: &[&str]| need.incident_types.iter().any(|kind| types.contains(&kind.as_str()));
    let first_is = |kind: &str| need.incident_types.first().is_some_and(|one| one.as_str() == kind);
    match help {
        "take_over" => (vec!["incident_response_support", "incident_response_on_site"], vec!["incident_response_coordination"]),
        "second_opinion" => {
            let mut core = vec!["incident_analysis"];
            core.extend(is(&TOOLS).then_some("artifact_analysis"));
            core.extend(is(&["known_vulnerability", "website_server_compromise"]).then_some("vulnerability_analysis"));
            if is(&["preventative_advice_assessment_training"]) {
                core.extend(["risk_analysis", "security_consulting", "best_practice_review"]);
            }
            (core, vec!["security_consulting", "incident_response_support", "vulnerability_analysis", "artifact_analysis"])
        }
        "forensic_analysis" => (vec!["artifact_analysis"], Vec::new()),
        "platform_escalation" => (vec!["platform_escalation"], Vec::new()),
        "takedown" if is(&ON_PLATFORMS) => (vec!["artifact_response", "platform_escalation"], vec!["artifact_response_coordination"]),
        "takedown" => (vec!["artifact_response"], vec!["artifact_response_coordination"]),
        "hosting_or_ddos" if first_is("denial_of_service") => (vec!["dos_protection_services"], vec!["secure_hosting"]),
        "hosting_or_ddos" => (vec!["secure_hosting"], vec!["dos_protection_services"]),
        "legal" => (vec!["legal_support"], Vec::new()),
        "psychosocial" => (vec!["medical_and_psycho_social_support"], vec!["humanitarian_and_family_support"]),
        "funding_or_equipment" => (vec!["grants_and_funding", "equipment_replacement"], Vec::new()),
        "relocation_or_physical" => (vec!["urgent_relocation"], vec!["physical_security", "secure_transportation"]),
        "language_or_local_context" => (
            vec!["incident_response_support", "urgent_monitoring_reporting_and_advocacy"],
            vec!["incident_response_coordination", "awareness_building", "education_training", "legal_support"],
        ),
        "vetting_vouch" => (
            vec!["incident_response_coordination", "incident_response_support"],
            vec!["urgent_monitoring_reporting_and_advocacy", "education_training", "legal_support"],
        ),
        "training" => (vec!["education_training"], vec!["awareness_building", "best_practice_review"]),
        _ => (Vec::new(), Vec::new()),
    }
}

/// Whether the need asks for that help.
pub(super) fn wants(need: &Need, help: &str) -> bool {
    need.help_wanted.iter().any(|one| one.as_str() == help)
}

/// Whether platforms are to be asked for something.
pub(super) fn asks_platforms(need: &Need) -> bool {
    wants(need, "platform_escalation") || wants(need, "takedown")
}

/// What the work that is asked for first is with. With the person where nothing else is known.
pub(super) fn with(need: &Need) -> With {
    match need.help_wanted.first().map(Code::as_str) {
        Some("language_or_local_context" | "vetting_vouch" | "relocation_or_physical" | "legal") => With::Context,
        Some("second_opinion" | "forensic_analysis" | "platform_escalation" | "takedown" | "hosting_or_ddos" | "funding_or_equipment") => {
            With::Thing
        }
        _ => With::Person,
    }
}

/// The kinds of work that the need asks for, the main one first, and how a profile fits each. What no list has asks for nothing.
pub(super) fn fits(need: &Need, profile: &Profile) -> Vec<(Code, Fit)> {
    let services = need.services.iter().map(|service| {
        let does = profile.services.contains(service);
        let otherwise = if profile.services.is_empty() { Fit::Unstated } else { Fit::Not };
        (service.clone(), if does { Fit::Core } else { otherwise })
    });
    let helps = need.help_wanted.iter().filter_map(|help| Some((help.clone(), fit(need, help.as_str(), profile)?)));
    helps.chain(services).collect()
}

fn fit(need: &Need, help: &str, profile: &Profile) -> Option<Fit> {
    let (core, edge) = services(need, help);
    if core.is_empty() {
        return None;
    }
    let does = |wanted: &[&str]| profile.services.iter().any(|one| wanted.contains(&one.as_str()));
    let by_services = match (does(&core), does(&edge), profile.services.is_empty()) {
        (true, ..) => Fit::Core,
        (false, true, _) => Fit::Edge,
        (false, false, true) => Fit::Unstated,
        (false, false, false) => Fit::Not,
    };
    Some(match (help, profile.forensic_level.as_ref().map(Code::as_str)) {
        ("forensic_analysis", Some("full_lab")) => Fit::Core,
        ("forensic_analysis", Some("triage")) => Fit::Edge,
        ("forensic_analysis", Some("partner_lab")) => by_services.max(Fit::Edge),
        ("forensic_analysis", Some("none")) => by_services.min(Fit::Edge),
        ("platform_escalation", _) if !need.platforms.is_disjoint(&profile.platform_channels) => Fit::Core,
        _ => by_services,
    })
}

/// How much of what an organisation does has to do with the main work, in thousandths; `None` where it does not say, or where the work is no
/// speciality.
pub(super) fn focus(need: &Need, profile: &Profile) -> Option<u32> {
    let help = need.help_wanted.first()?.as_str();
    if profile.services.is_empty() || matches!(help, "take_over" | "second_opinion" | "language_or_local_context" | "vetting_vouch") {
        return None;
    }
    let (core, edge) = services(need, help);
    let is_of = |one: &&Code| core.contains(&one.as_str()) || edge.contains(&one.as_str());
    Some((profile.services.iter().filter(is_of).count() * 1_000 / profile.services.len()) as u32)
}

/// The types of the list that have a category of the Reference Security Incident Taxonomy in common with one; not what is merely `other`.
pub(super) fn related_types(kind: &Code, vocabularies: &Vocabularies) -> BTreeSet<Code> {
    let Some(list) = vocabularies.get("incident-type") else { return BTreeSet::new() };
    let categories = |rsit: &[String]| -> BTreeSet<String> {
        let category = |one: &String| one.split(':').next().map(str::to_owned);
        rsit.iter().filter_map(category).filter(|category| category != "other").collect()
    };
    let Some(own) = list.entries.iter().find(|entry| entry.code == *kind).map(|entry| categories(&entry.rsit)) else {
        return BTreeSet::new();
    };
    let others = list.entries.iter().filter(|entry| entry.code != *kind);
    others.filter(|entry| !own.is_disjoint(&categories(&entry.rsit))).map(|entry| entry.code.clone()).collect()
}
