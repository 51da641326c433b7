//! An event that a program adds: what of it is kept until it is published. It is written as a feed's event is, an attribute a line, so that it is searched
//! like one, and read by the importer when it is published.

use super::TYPES;
use super::terms::day;
use crate::formats::misp::attribute::{flag, items, text};
use crate::model::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The longest title of an event, in characters; the importer reads no more.
const INFO_CHARS_MAX: usize = 2_000;

/// Why an event is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// It is no event.
    #[error("what was sent is no event")]
    NoEvent,
    /// It has no title.
    #[error("an event needs an `info`")]
    NoInfo,
    /// An attribute is none.
    #[error("an attribute needs a `type` and a `value`")]
    NoAttribute,
    /// An id is none.
    #[error("a `uuid` is none")]
    NoUuid,
    /// There is too much in it.
    #[error("an event has {0} attributes at most\nhint: add it in parts")]
    TooMany(usize),
}

/// An event that is not published.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// What it says of itself, as a feed has it.
    pub head: Map<String, Value>,
    attributes: Vec<Map<String, Value>>,
    objects: Vec<Value>,
    /// Whether it is to be published at once.
    pub publish: bool,
}

/// What an event is read with.
pub struct Reading<'f> {
    /// The time.
    pub now: Timestamp,
    /// Whose it becomes, as [`super::organisation`] has it.
    pub author: Value,
    /// So many attributes at most.
    pub most: usize,
    /// Gives ids to what has none.
    pub fresh: &'f mut dyn FnMut() -> Uuid,
}

impl Draft {
    /// Reads an event as programs send it, wrapped or not.
    ///
    /// # Errors
    /// When it is none, or too large.
    pub fn read(sent: &Value, reading: &mut Reading<'_>) -> Result<Self, DraftError> {
        let event = sent.get("Event").unwrap_or(sent);
        let event = event.as_object().ok_or(DraftError::NoEvent)?;
        let info: String = text(event.get("info")).unwrap_or_default().trim().chars().take(INFO_CHARS_MAX).collect();
        if info.is_empty() {
            return Err(DraftError::NoInfo);
        }
        let among = |name: &str, known: &[&str], usual: &str| {
            text(event.get(name)).filter(|value| known.contains(&value.as_str())).unwrap_or_else(|| usual.to_owned())
        };
        let today: String = reading.now.to_string().chars().take(10).collect();
        let head = json!({
            "uuid": id(event.get("uuid"), reading)?,
            "info": info,
            "date": text(event.get("date")).filter(|date| day(date).is_some()).unwrap_or(today),
            "threat_level_id": among("threat_level_id", &["1", "2", "3", "4"], "4"),
            "analysis": among("analysis", &["0", "1", "2"], "0"),
            "timestamp": (reading.now.0 / 1_000).to_string(),
            "published": false,
            "publish_timestamp": "0",
            "Orgc": { "name": reading.author["name"], "uuid": reading.author["uuid"] },
            "Tag": tag_list(event.get("Tag")),
        });
        let Value::Object(head) = head else { return Err(DraftError::NoEvent) };
        let mut draft = Self { head, attributes: Vec::new(), objects: Vec::new(), publish: flag(event.get("published")).unwrap_or(false) };
        for attribute in event.get("Attribute").into_iter().flat_map(items) {
            draft.take(attribute, reading)?;
        }
        let count = |object: &Value| object.get("Attribute").map_or(0, |list| items(list).count());
        draft.objects = event.get("Object").into_iter().flat_map(items).cloned().collect();
        match draft.attributes.len() + draft.objects.iter().map(count).sum::<usize>() {
            count if count > reading.most => Err(DraftError::TooMany(reading.most)),
            _ => Ok(draft),
        }
    }

    /// Takes an attribute in; one of the same id is replaced. Returns it as it is kept.
    ///
    /// # Errors
    /// When it is none, or one too many.
    pub fn take(&mut self, sent: &Value, reading: &mut Reading<'_>) -> Result<&Map<String, Value>, DraftError> {
        let sent = sent.get("Attribute").unwrap_or(sent);
        let (Some(kind), Some(value)) = (text(sent.get("type")), text(sent.get("value"))) else { return Err(DraftError::NoAttribute) };
        let usual = TYPES.iter().find(|(name, ..)| *name == kind);
        let timestamp = text(sent.get("timestamp")).filter(|seconds| seconds.parse::<u64>().is_ok());
        let mut attribute = json!({
            "uuid": id(sent.get("uuid"), reading)?,
            "category": text(sent.get("category")).unwrap_or_else(|| usual.map_or("Other", |(_, category, _)| category).to_owned()),
            "to_ids": flag(sent.get("to_ids")).unwrap_or_else(|| usual.is_some_and(|(.., to_ids)| *to_ids)),
            "timestamp": timestamp.unwrap_or_else(|| (reading.now.0 / 1_000).to_string()),
            "Tag": tag_list(sent.get("Tag")),
        });
        (attribute["type"], attribute["value"]) = (kind.into(), value.trim().into());
        for name in ["comment", "first_seen", "last_seen"] {
            if let Some(text) = text(sent.get(name)).filter(|text| !text.is_empty()) {
                attribute[name] = text.into();
            }
        }
        if flag(sent.get("deleted")).unwrap_or(false) {
            attribute["deleted"] = true.into();
        }
        let Value::Object(attribute) = attribute else { return Err(DraftError::NoAttribute) };
        let at = match self.attributes.iter().position(|known| known.get("uuid") == attribute.get("uuid")) {
            Some(at) => at,
            None if self.attributes.len() >= reading.most => return Err(DraftError::TooMany(reading.most)),
            None => {
                self.attributes.push(Map::new());
                self.attributes.len() - 1
            }
        };
        self.attributes[at] = attribute;
        Ok(&self.attributes[at])
    }

    /// Takes in what an event says by now: its head, and its attributes beside or in place of those that are there.
    ///
    /// # Errors
    /// When it becomes too large.
    pub fn join(&mut self, newer: Self, reading: &mut Reading<'_>) -> Result<(), DraftError> {
        let uuid = self.head.get("uuid").cloned().unwrap_or_default();
        self.head = newer.head;
        self.head.insert("uuid".into(), uuid);
        self.publish = newer.publish;
        if !newer.objects.is_empty() {
            self.objects = newer.objects;
        }
        for attribute in newer.attributes {
            self.take(&Value::Object(attribute), reading)?;
        }
        Ok(())
    }

    /// Takes an attribute out, by id or UUID. Whether it was there.
    pub fn drop_attribute(&mut self, id: &str) -> bool {
        let before = self.attributes.len();
        self.attributes.retain(|attribute| {
            let uuid = attribute.get("uuid").and_then(Value::as_str).unwrap_or_default();
            !uuid.eq_ignore_ascii_case(id) && super::id_of(uuid).to_string() != id
        });
        self.attributes.len() < before
    }

    /// Its id.
    pub fn uuid(&self) -> Uuid {
        self.head.get("uuid").and_then(Value::as_str).and_then(|uuid| uuid.parse().ok()).unwrap_or_default()
    }

    /// As it is kept: the form of a feed's event.
    pub fn write(&self) -> Vec<u8> {
        let lines: Vec<String> = self.attributes.iter().map(|one| Value::Object(one.clone()).to_string()).collect();
        crate::formats::export::write_event(&self.head, &lines, &Value::from(self.objects.clone())).into_bytes()
    }
}

/// The UUID that something has, or a new one.
fn id(sent: Option<&Value>, reading: &mut Reading<'_>) -> Result<String, DraftError> {
    match text(sent).filter(|text| !text.is_empty()) {
        Some(uuid) => uuid.parse::<Uuid>().map(|uuid| uuid.to_string()).map_err(|_| DraftError::NoUuid),
        None => Ok((reading.fresh)().to_string()),
    }
}

fn tag_list(tags: Option<&Value>) -> Vec<Value> {
    let name = |tag: &Value| text(Some(tag.get("name").unwrap_or(tag)));
    tags.into_iter().flat_map(items).filter_map(name).map(|name| json!({ "name": name })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::export::{read_attribute, read_head};

    fn reading(fresh: &mut dyn FnMut() -> Uuid) -> Reading<'_> {
        Reading { now: Timestamp(1_800_000_000_000), author: json!({ "name": "org-a", "uuid": "u", "id": "1" }), most: 2, fresh }
    }

    #[test]
    fn an_event_is_kept_as_a_feed_has_it_and_is_read_again_as_it_was() {
        let mut fresh = || Uuid::from_u128(7);
        let mut reading = reading(&mut fresh);
        let sent = json!({ "Event": { "info": "Lures", "uuid": "0000000F-0000-4000-8000-000000000001", "analysis": 1, "threat_level_id": "9",
            "Tag": [{ "name": "tlp:green", "colour": "#33FF00" }],
            "Attribute": [{ "type": "domain", "value": " a-lure.com ", "Tag": [{ "name": "Pegasus" }], "comment": "x" }],
            "Object": [{ "name": "android-app", "Attribute": [] }] } });
        let draft = Draft::read(&sent, &mut reading).unwrap();
        assert_eq!(draft.uuid().to_string(), "0000000f-0000-4000-8000-000000000001");
        let written = draft.write();
        let lines: Vec<&[u8]> = written.split(|byte| *byte == b'\n').collect();
        let first = read_head(lines[0]).unwrap();
        assert_eq!((&first["info"], &first["date"], &first["threat_level_id"]), (&json!("Lures"), &json!("2027-01-15"), &json!("4")));
        let found: Vec<_> = lines.iter().filter_map(|one| read_attribute(one)).collect();
        assert_eq!(found.len(), 1);
        assert_eq!(
            (&found[0]["value"], &found[0]["to_ids"], &found[0]["category"]),
            (&json!("a-lure.com"), &json!(true), &json!("Network activity"))
        );
        let again = Draft::read(&serde_json::from_slice(&written).unwrap(), &mut reading).unwrap();
        assert_eq!(again, draft);
    }

    #[test]
    fn what_is_no_event_is_refused_and_attributes_are_put_in_and_taken_out() {
        let mut fresh = || Uuid::from_u128(9 << 80);
        let mut reading = reading(&mut fresh);
        let refused = |sent: Value, reading: &mut Reading<'_>| Draft::read(&sent, reading).unwrap_err();
        assert_eq!(refused(json!([]), &mut reading), DraftError::NoEvent);
        assert_eq!(refused(json!({}), &mut reading), DraftError::NoInfo);
        assert_eq!(refused(json!({ "info": "x", "uuid": "y" }), &mut reading), DraftError::NoUuid);
        assert_eq!(refused(json!({ "info": "x", "Attribute": [{ "type": "domain" }] }), &mut reading), DraftError::NoAttribute);
        let three = json!([{ "name": "a", "Attribute": [{}, {}, {}] }]);
        assert_eq!(refused(json!({ "info": "x", "Object": three }), &mut reading), DraftError::TooMany(2));
        let mut draft = Draft::read(&json!({ "info": "x" }), &mut reading).unwrap();
        draft.take(&json!({ "type": "domain", "value": "a.com" }), &mut reading).unwrap();
        draft.take(&json!({ "type": "domain", "value": "b.com" }), &mut reading).unwrap();
        assert_eq!(draft.attributes.len(), 1, "the same id");
        let other = Uuid::from_u128(10 << 80).to_string();
        draft.take(&json!({ "type": "url", "value": "https://c.com/", "uuid": other }), &mut reading).unwrap();
        let third = json!({ "type": "url", "value": "https://d.com/", "uuid": Uuid::from_u128(11 << 80).to_string() });
        assert_eq!(draft.take(&third, &mut reading).unwrap_err(), DraftError::TooMany(2));
        assert!(draft.drop_attribute("9") && !draft.drop_attribute("9") && draft.drop_attribute(&other.to_uppercase()));
    }

    #[test]
    fn an_event_says_neither_whose_it_is_nor_that_it_is_published_and_keeps_its_id() {
        let mut fresh = || Uuid::from_u128(9 << 80);
        let mut reading = reading(&mut fresh);
        let sent = |uuid: u32| {
            json!({ "info": "é".repeat(2_001), "uuid": format!("{uuid:08x}-0000-4000-8000-000000000001"), "published": true,
                "publish_timestamp": "1800000000", "Orgc": { "name": "org-b", "uuid": "v" } })
        };
        let mut draft = Draft::read(&sent(1), &mut reading).unwrap();
        assert_eq!(draft.head["Orgc"], json!({ "name": "org-a", "uuid": "u" }));
        assert_eq!((&draft.head["published"], &draft.head["publish_timestamp"], draft.publish), (&json!(false), &json!("0"), true));
        assert_eq!(draft.head["info"].as_str().unwrap().chars().count(), 2_000);
        let other = Draft::read(&sent(2), &mut reading).unwrap();
        draft.join(other, &mut reading).unwrap();
        assert_eq!(draft.uuid().to_string(), "00000001-0000-4000-8000-000000000001");
    }
}
