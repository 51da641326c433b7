//! What MISP's REST interface says and is asked, as far as PyMISP reads from it and writes to it: searches, and events and attributes with the fields
//! that a feed has not. Everything here is of the one view that exports have; docs/serving.md says what is answered.

pub mod csv;
pub mod draft;
mod search;
mod terms;

pub use search::{Controller, ReturnFormat, Search, SearchError, tags};

use super::types::{self, Type};
use crate::formats::export::organisation_id;
use crate::model::{Observable, OrgId};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// What an index may be sorted by.
const INDEX_SORTS: [&str; 6] = ["id", "date", "timestamp", "publish_timestamp", "info", "uuid"];

/// Who answers: the version whose REST interface this is a part of. PyMISP compares it with its own.
pub const VERSION: &str = "2.5.0";

/// The attribute types that are taken, with the category and the `to_ids` that MISP gives each by itself.
#[rustfmt::skip]
const TYPES: [(&str, &str, bool); 53] = [
    ("domain", "Network activity", true), ("hostname", "Network activity", true), ("url", "Network activity", true), ("uri", "Network activity", true),
    ("ip-dst", "Network activity", true), ("ip-src", "Network activity", true), ("email", "Social network", true), ("email-src", "Payload delivery", true),
    ("email-dst", "Network activity", true), ("email-reply-to", "Payload delivery", false), ("target-email", "Targeting data", false),
    ("jabber-id", "Social network", false), ("whois-registrant-email", "Attribution", false), ("dns-soa-email", "Attribution", false),
    ("md5", "Payload delivery", true), ("sha1", "Payload delivery", true), ("sha256", "Payload delivery", true), ("sha512", "Payload delivery", true),
    ("filename", "Payload delivery", true), ("mobile-application-id", "Payload delivery", true), ("phone-number", "Person", false),
    ("whois-registrant-phone", "Attribution", false), ("mutex", "Artifacts dropped", true), ("regkey", "Persistence mechanism", true),
    ("user-agent", "Network activity", false), ("btc", "Financial fraud", true), ("xmr", "Financial fraud", true), ("dash", "Financial fraud", true),
    ("stix2-pattern", "Payload installation", true), ("AS", "Network activity", false), ("mac-address", "Network activity", false),
    ("sha224", "Payload delivery", true), ("sha384", "Payload delivery", true), ("ssdeep", "Payload delivery", true), ("tlsh", "Payload delivery", true),
    ("email-subject", "Payload delivery", false), ("x509-fingerprint-md5", "Network activity", true), ("x509-fingerprint-sha1", "Network activity", true),
    ("x509-fingerprint-sha256", "Network activity", true), ("domain|ip", "Network activity", true), ("ip-dst|port", "Network activity", true),
    ("ip-src|port", "Network activity", true), ("hostname|port", "Network activity", true), ("regkey|value", "Persistence mechanism", true),
    ("malware-sample", "Payload delivery", true), ("filename|md5", "Payload delivery", true), ("filename|sha1", "Payload delivery", true),
    ("filename|sha224", "Payload delivery", true), ("filename|sha256", "Payload delivery", true), ("filename|sha384", "Payload delivery", true),
    ("filename|sha512", "Payload delivery", true), ("filename|ssdeep", "Payload delivery", true), ("filename|tlsh", "Payload delivery", true),
];

/// The number that stands for a UUID where MISP has numbers: its first 48 bits, which are random in ours. 0 where it is no UUID.
pub fn id_of(uuid: &str) -> u64 {
    uuid.parse::<Uuid>().map_or(0, |uuid| u64::try_from(uuid.as_u128() >> 80).unwrap_or_default())
}

/// The observables that an attribute's value holds.
pub fn observables(kind: &str, value: &str) -> Vec<Observable> {
    match types::of(kind, None, None) {
        Type::NotAnObservable | Type::Unknown => Vec::new(),
        known => types::values(known, value).into_iter().flatten().collect(),
    }
}

/// An organisation as MISP shows it.
pub fn organisation(org: &OrgId) -> Value {
    let uuid = organisation_id(org).to_string();
    json!({ "id": id_of(&uuid).to_string(), "name": org.to_string(), "uuid": uuid, "local": true })
}

/// An event without its attributes, with all that MISP says of one. `us` is the organisation whose node answers.
pub fn event(mut head: Map<String, Value>, us: &OrgId) -> Map<String, Value> {
    let uuid = head.get("uuid").and_then(Value::as_str).unwrap_or_default().to_owned();
    let owner = organisation(us);
    if let Some(orgc) = head.get_mut("Orgc") {
        let id = id_of(orgc.get("uuid").and_then(Value::as_str).unwrap_or_default()).to_string();
        orgc["id"] = id.clone().into();
        head.insert("orgc_id".into(), id.into());
    }
    head.insert("org_id".into(), owner["id"].clone());
    head.insert("Org".into(), owner);
    tagged(&mut head);
    let more = json!({
        "id": id_of(&uuid).to_string(),
        "distribution": "0",
        "sharing_group_id": "0",
        "locked": false,
        "proposal_email_lock": false,
        "disable_correlation": false,
        "extends_uuid": "",
    });
    fill(&mut head, more);
    head
}

/// A line of the index, of an event with so many attributes.
pub fn index_line(head: Map<String, Value>, us: &OrgId, attributes: u64, minimal: bool) -> Value {
    let mut event = event(head, us);
    event.insert("attribute_count".into(), attributes.to_string().into());
    event.insert("sighting_timestamp".into(), "0".into());
    if minimal {
        event.insert("orgc_uuid".into(), event.get("Orgc").map_or(Value::Null, |orgc| orgc["uuid"].clone()));
        event.retain(|key, _| ["id", "uuid", "timestamp", "sighting_timestamp", "published", "orgc_uuid"].contains(&key.as_str()));
        return Value::Object(event);
    }
    let id = event.get("id").cloned().unwrap_or_default();
    let tags = match event.remove("Tag") {
        Some(Value::Array(tags)) => tags,
        _ => Vec::new(),
    };
    let tags = tags.into_iter().map(|tag| json!({ "id": tag["id"], "event_id": id, "tag_id": tag["id"], "local": false, "Tag": tag }));
    event.insert("EventTag".into(), tags.collect());
    Value::Object(event)
}

/// An attribute of an event, with all that MISP says of one.
pub fn attribute(mut attribute: Map<String, Value>, event_id: u64) -> Map<String, Value> {
    let uuid = attribute.get("uuid").and_then(Value::as_str).unwrap_or_default();
    let more = json!({
        "id": id_of(uuid).to_string(),
        "event_id": event_id.to_string(),
        "object_id": "0",
        "object_relation": null,
        "distribution": "5",
        "sharing_group_id": "0",
        "comment": "",
        "deleted": false,
        "disable_correlation": false,
        "first_seen": null,
        "last_seen": null,
    });
    tagged(&mut attribute);
    fill(&mut attribute, more);
    attribute
}

/// What stands in an attribute that is found by itself about its event.
pub fn about(event: &Map<String, Value>) -> Value {
    let names =
        ["id", "info", "uuid", "org_id", "orgc_id", "distribution", "date", "published", "threat_level_id", "analysis", "timestamp"];
    let part = |name: &str| event.get(name).map(|value| (name.to_owned(), value.clone()));
    names.into_iter().chain(["publish_timestamp", "Orgc", "Org"]).filter_map(part).collect::<Map<_, _>>().into()
}

/// Adds what is not there.
fn fill(map: &mut Map<String, Value>, more: Value) {
    if let Value::Object(more) = more {
        for (key, value) in more {
            map.entry(key).or_insert(value);
        }
    }
}

/// Gives tags the fields that MISP's have.
fn tagged(of: &mut Map<String, Value>) {
    for tag in of.get_mut("Tag").and_then(Value::as_array_mut).into_iter().flatten() {
        let name = tag.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let uuid = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("urn:watchfire:misp-tag:{name}").as_bytes()).to_string();
        let colour = colour(&name);
        *tag = json!({ "id": id_of(&uuid).to_string(), "name": name, "colour": colour, "exportable": true, "local": 0 });
    }
}

/// The colours of the Traffic Light Protocol 2.0; gray for all else.
fn colour(name: &str) -> &'static str {
    match name {
        "tlp:red" => "#FF2B2B",
        "tlp:amber" | "tlp:amber+strict" => "#FFC000",
        "tlp:green" => "#33FF00",
        "tlp:clear" => "#FFFFFF",
        _ => "#808080",
    }
}

/// Which types and categories there are, as `describeTypes` has it: those that are taken.
pub fn describe_types() -> Value {
    let mut mappings: Map<String, Value> = Map::new();
    let mut defaults = Map::new();
    for (name, category, to_ids) in TYPES {
        let list = mappings.entry(category).or_insert_with(|| json!([]));
        list.as_array_mut().into_iter().for_each(|list| list.push(name.into()));
        defaults.insert(name.into(), json!({ "default_category": category, "to_ids": u8::from(to_ids) }));
    }
    let categories: Vec<Value> = mappings.keys().map(|category| category.as_str().into()).collect();
    let types: Vec<Value> = TYPES.iter().map(|(name, ..)| (*name).into()).collect();
    json!({ "result": { "sane_defaults": defaults, "types": types, "categories": categories, "category_type_mappings": mappings } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_that_is_told_is_taken() {
        for (name, ..) in TYPES {
            assert!(matches!(types::of(name, None, None), Type::One(_) | Type::Two(..)), "{name}");
        }
        let described = describe_types();
        assert_eq!(described["result"]["types"].as_array().unwrap().len(), TYPES.len());
        assert_eq!(described["result"]["sane_defaults"]["domain"], json!({ "default_category": "Network activity", "to_ids": 1 }));
    }

    #[test]
    fn a_number_stands_for_the_first_48_bits() {
        assert_eq!(id_of("ffffffff-ffff-5000-8000-000000000001"), (1 << 48) - 1);
        assert_eq!(id_of("00000001-0002-5000-8000-000000000001"), 0x1_0002);
        assert_eq!(id_of("none"), 0);
    }

    #[test]
    fn an_event_and_an_attribute_have_what_misp_says_of_them() {
        let us = OrgId([7; 32]);
        let author = organisation(&us);
        let head = json!({ "uuid": "00000001-0002-5000-8000-000000000001", "Orgc": { "name": "x", "uuid": author["uuid"] }, "Tag": [{ "name": "tlp:green" }] });
        let event = event(head.as_object().unwrap().clone(), &us);
        assert_eq!((&event["id"], &event["orgc_id"], &event["org_id"]), (&json!("65538"), &author["id"], &author["id"]));
        assert_eq!(event["Tag"][0]["colour"], "#33FF00");
        let line = index_line(head.as_object().unwrap().clone(), &us, 3, false);
        assert_eq!((&line["attribute_count"], &line["EventTag"][0]["Tag"]["name"]), (&json!("3"), &json!("tlp:green")));
        assert_eq!(index_line(head.as_object().unwrap().clone(), &us, 3, true).as_object().unwrap().len(), 4);
        let one = attribute(json!({ "uuid": "00000000-0003-5000-8000-000000000001", "comment": "kept" }).as_object().unwrap().clone(), 9);
        assert_eq!(
            (&one["id"], &one["event_id"], &one["comment"], &one["deleted"]),
            (&json!("3"), &json!("9"), &json!("kept"), &json!(false))
        );
    }
}
