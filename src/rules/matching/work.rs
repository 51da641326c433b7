//! What the words of a need mean in the words of a profile.

use super::Need;
use crate::model::profile::Profile;
use crate::model::vocabulary::{Code, Vocabularies};
use std::collections::BTreeSet;

/// The services of which one is enough for a kind of help. Kinds that are not here (local context, vouching) are everybody's: region and language
/// say who can.
const SERVICES: [(&str, &[&str]); 11] = [
    ("take_over", &["incident_response_support", "incident_response_coordination", "incident_response_on_site"]),
    ("second_opinion", &["incident_analysis", "artifact_analysis", "vulnerability_analysis", "security_consulting"]),
    ("forensic_analysis", &["artifact_analysis"]),
    ("platform_escalation", &["platform_escalation"]),
    ("takedown", &["artifact_response_coordination", "incident_response_coordination", "platform_escalation"]),
    ("hosting_or_ddos", &["secure_hosting", "dos_protection_services"]),
    ("legal", &["legal_support"]),
    ("psychosocial", &["medical_and_psycho_social_support"]),
    ("funding_or_equipment", &["grants_and_funding", "equipment_replacement"]),
    ("relocation_or_physical", &["urgent_relocation", "physical_security", "secure_transportation"]),
    ("training", &["education_training", "awareness_building"]),
];

/// Whether the need asks for that help.
pub(super) fn wants(need: &Need, help: &str) -> bool {
    need.help_wanted.iter().any(|one| one.as_str() == help)
}

/// The kinds of work that the need asks for, and whether a profile says that it does each.
pub(super) fn done(need: &Need, profile: &Profile) -> Vec<(Code, bool)> {
    let does = |service: &str| profile.services.iter().any(|one| one.as_str() == service);
    let helps = need.help_wanted.iter().filter_map(|help| {
        let (_, services) = SERVICES.iter().find(|(one, _)| *one == help.as_str())?;
        let otherwise = match help.as_str() {
            "forensic_analysis" => profile.forensic_level.as_ref().is_some_and(|level| level.as_str() != "none"),
            "platform_escalation" if need.platforms.is_empty() => !profile.platform_channels.is_empty(),
            "platform_escalation" => !need.platforms.is_disjoint(&profile.platform_channels),
            _ => false,
        };
        Some((help.clone(), otherwise || services.iter().any(|service| does(service))))
    });
    let services = need.services.iter().map(|service| (service.clone(), profile.services.contains(service)));
    helps.chain(services).collect()
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
