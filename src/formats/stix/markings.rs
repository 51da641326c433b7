//! Data markings (STIX 2.1 §7.2) as labels.

use super::Key;
use crate::formats::marks::{is_mark, take_marks};
use crate::model::{Class, Pap, Tlp};
use std::collections::BTreeMap;

/// The most marking definitions that one file may define; references to later ones count as unknown.
const DEFINITIONS_MAX: usize = 100_000;

/// The ids that the standards fix: TLP 2.0 (the OASIS extension), then TLP 1.0 (STIX 2.1 §7.2.1.4). Whatever a file says they mean.
const OFFICIAL: [(&str, Tlp); 9] = [
    ("94868c89-83c2-464b-929b-a1a8aa3c8487", Tlp::Clear),
    ("bab4a63c-aed9-4cf5-a766-dfca5abac2bb", Tlp::Green),
    ("55d920b0-5e8b-4f79-9ee9-91f868d9b421", Tlp::Amber),
    ("939a9414-2ddd-4d32-a0cd-375ea402b003", Tlp::AmberStrict),
    ("e828b379-4e03-4974-9ac4-e53a884c97c1", Tlp::Red),
    ("613f2e26-407d-48c7-9eca-b8e91df99dc9", Tlp::Clear),
    ("34098fce-860f-48ae-8e50-ebd3cc5e41da", Tlp::Green),
    ("f88d31f6-486f-44da-b317-01333bde0b82", Tlp::Amber),
    ("5e57c739-391a-4eb3-b6be-7d15ca92d5ed", Tlp::Red),
];

/// The extension that carries TLP 2.0 in STIX 2.1.
pub(super) const TLP_2_EXTENSION: &str = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d";

/// The official TLP 2.0 marking definition's id.
pub fn official_id(tlp: Tlp) -> String {
    let uuid = OFFICIAL.iter().find(|(_, label)| *label == tlp).map_or("", |(uuid, _)| *uuid);
    format!("marking-definition--{uuid}")
}

/// The label of an official marking id, TLP 1.0 or 2.0.
pub(super) fn official(id: &str) -> Option<Tlp> {
    let uuid = id.strip_prefix("marking-definition--")?;
    OFFICIAL.iter().find(|(official, _)| *official == uuid).map(|(_, tlp)| *tlp)
}

/// A marking definition as it stands in a file.
#[derive(serde::Deserialize)]
pub(super) struct Definition {
    id: String,
    #[serde(default)]
    definition_type: Option<String>,
    #[serde(default)]
    definition: Option<serde_json::Value>,
    #[serde(default)]
    extensions: Option<serde_json::Value>,
}

/// What a marking says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marking {
    /// Its TLP label, if it is one.
    pub(super) tlp: Option<Tlp>,
    /// The class and PAP that it says; the least where it says neither.
    pub(super) class: Class,
    pub(super) pap: Pap,
}

impl Marking {
    /// What both say, the more restrictive of each.
    pub(super) fn join(self, other: Self) -> Self {
        Self { tlp: self.tlp.max(other.tlp), class: self.class.max(other.class), pap: self.pap.max(other.pap) }
    }
}

impl Definition {
    /// MISP writes tags that STIX has no marking for as statements. Any other statement restricts nothing that we know.
    fn marking(&self) -> Marking {
        let is_statement = self.definition_type.as_deref() == Some("statement");
        let statement = self.definition.as_ref().filter(|_| is_statement).and_then(|definition| definition.get("statement"));
        let statement = statement.and_then(|text| text.as_str()).map(str::trim);
        let tlp = self.label().or_else(|| statement.filter(|text| is_tlp(text)).map(|text| text.parse().unwrap_or(Tlp::Red)));
        let mut marks: Vec<String> = statement.filter(|text| is_mark(text)).map(str::to_owned).into_iter().collect();
        let (class, pap) = take_marks(&mut marks);
        Marking { tlp, class, pap }
    }

    /// Its label; `None` for a statement. What we cannot read restricts most.
    fn label(&self) -> Option<Tlp> {
        let extension = self.extensions.as_ref().and_then(|extensions| extensions.get(TLP_2_EXTENSION));
        let text = extension.and_then(|extension| extension.get("tlp_2_0"));
        let text = text.or_else(|| self.definition.as_ref().and_then(|definition| definition.get("tlp")));
        match (text, self.definition_type.as_deref()) {
            (Some(text), _) => Some(text.as_str().and_then(|text| text.parse().ok()).unwrap_or(Tlp::Red)),
            (None, Some("statement")) => None,
            (None, _) => Some(Tlp::Red),
        }
    }
}

fn is_tlp(text: &str) -> bool {
    text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("tlp:"))
}

/// The marking definitions of a file.
#[derive(Default)]
pub(super) struct Markings {
    known: BTreeMap<Key, Marking>,
}

impl Markings {
    /// Takes a definition. Where one id is defined twice, the more restrictive holds.
    pub(super) fn define(&mut self, definition: &Definition) {
        let marking = definition.marking();
        let room = self.known.len() < DEFINITIONS_MAX;
        match self.known.get_mut(&Key::of(&definition.id)) {
            Some(known) => *known = known.join(marking),
            None if room => drop(self.known.insert(Key::of(&definition.id), marking)),
            None => {}
        }
    }

    /// What a marking says that is not official. What the file does not define is TLP:RED.
    pub(super) fn of(&self, key: &Key) -> Marking {
        self.known.get(key).copied().unwrap_or(Marking { tlp: Some(Tlp::Red), class: Class::Public, pap: Pap::Clear })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(json: &str) -> Option<Tlp> {
        serde_json::from_str::<Definition>(json).expect("a definition").label()
    }

    #[test]
    fn both_versions_of_tlp_are_read() {
        assert_eq!(label(r#"{"id":"a","definition_type":"tlp","definition":{"tlp":"green"}}"#), Some(Tlp::Green));
        let two = format!(
            r#"{{"id":"a","extensions":{{"{TLP_2_EXTENSION}":{{"extension_type":"property-extension","tlp_2_0":"amber+strict"}}}}}}"#
        );
        assert_eq!(label(&two), Some(Tlp::AmberStrict));
    }

    #[test]
    fn an_unknown_colour_is_red_and_a_statement_is_no_label() {
        assert_eq!(label(r#"{"id":"a","definition_type":"tlp","definition":{"tlp":"purple"}}"#), Some(Tlp::Red));
        assert_eq!(label(r#"{"id":"a","definition_type":"tlp","definition":{"tlp":5}}"#), Some(Tlp::Red));
        assert_eq!(label(r#"{"id":"a","definition_type":"statement","definition":{"statement":"x"}}"#), None);
        assert_eq!(label(r#"{"id":"a"}"#), Some(Tlp::Red));
    }

    #[test]
    fn a_statement_that_is_a_tag_says_what_the_tag_says() {
        let said = |statement: &str| {
            let json = serde_json::json!({ "id": "a", "definition_type": "statement", "definition": { "statement": statement } });
            let Marking { tlp, class, pap } = serde_json::from_value::<Definition>(json).expect("a definition").marking();
            (tlp, class, pap)
        };
        let (public, clear) = (Class::Public, Pap::Clear);
        assert_eq!(said("PAP:AMBER"), (None, public, Pap::Amber));
        assert_eq!(said(" civicert:class=\"restricted\""), (None, Class::Restricted, clear));
        assert_eq!(said(&format!("PAP:{}", "x".repeat(9))), (None, public, Pap::Red));
        assert_eq!(said("tlp:amber+strict"), (Some(Tlp::AmberStrict), public, clear));
        assert_eq!(said("tlp:ex:chr"), (Some(Tlp::Red), public, clear));
        assert_eq!(said("Copyright 2026, a helpline"), (None, public, clear));
    }

    #[test]
    fn one_id_defined_twice_is_the_more_restrictive_of_both() {
        let mut markings = Markings::default();
        for statement in ["civicert:class=restricted", "PAP:AMBER", "PAP:GREEN", "no tag"] {
            let json = serde_json::json!({ "id": "a", "definition_type": "statement", "definition": { "statement": statement } });
            markings.define(&serde_json::from_value(json).expect("a definition"));
        }
        assert_eq!(markings.of(&Key::of("a")), Marking { tlp: None, class: Class::Restricted, pap: Pap::Amber });
        assert_eq!(markings.of(&Key::of("b")).tlp, Some(Tlp::Red));
    }

    #[test]
    fn the_official_ids_are_known() {
        for tlp in Tlp::ALL {
            assert_eq!(official(&official_id(tlp)), Some(tlp));
        }
        assert_eq!(official("marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"), Some(Tlp::Red));
    }
}
