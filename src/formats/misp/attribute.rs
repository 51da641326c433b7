//! One attribute, as it stands in a file and as it waits for its event's tags.

use super::confidence::confidence_of;
use crate::formats::export::one_line;
use crate::formats::marks::{bounded, is_mark};
use crate::model::Tlp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest label that is read, in characters. Far more than leaves: the release gate looks at it before it cuts it.
const LABEL_CHARS_MAX: usize = 1_000;
/// The longest value, in bytes.
const VALUE_BYTES_MAX: usize = 64 << 10;
/// The longest note that is read, in characters. Far more than leaves: the release gate looks at it before it cuts it.
const NOTE_CHARS_MAX: usize = 16_000;

/// An attribute that waits for what its event says further on: tags, galaxies, whether `to_ids` is used at all.
#[derive(Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) place: String,
    pub(super) kind: String,
    pub(super) object: Option<String>,
    pub(super) relation: Option<String>,
    pub(super) value: String,
    pub(super) to_ids: Option<bool>,
    pub(super) deleted: bool,
    pub(super) note: Option<String>,
    pub(super) source: Option<String>,
    pub(super) valid_from: Option<u64>,
    pub(super) valid_until: Option<u64>,
    pub(super) marks: Marks,
}

/// What tags and galaxies say: a label of the Traffic Light Protocol, how sure the author is, and names.
#[derive(Default, Clone, Serialize, Deserialize)]
pub(super) struct Marks {
    pub(super) tlp: Option<Tlp>,
    pub(super) confidence: Option<u8>,
    pub(super) labels: Vec<String>,
}

impl Marks {
    /// The more restrictive label, this one's confidence before the other's, the names of both.
    pub(super) fn join(&mut self, other: &Self) {
        self.tlp = self.tlp.max(other.tlp);
        self.confidence = self.confidence.or(other.confidence);
        self.labels.extend(other.labels.iter().cloned());
        bounded(&mut self.labels, super::read::LABELS_MAX);
    }

    /// A `Tag` list. A tag that begins with `tlp:` and is no label counts as TLP:RED; of several that say how sure the author is, the least counts; tags of taxonomies that only describe
    /// (`rsit:…`, `osint:…`) are names like the others.
    pub(super) fn tags(&mut self, tags: &Value) {
        for tag in items(tags) {
            let name = tag.get("name").unwrap_or(tag);
            if let Some(name) = name.as_str() {
                self.tag(name);
            }
        }
    }

    fn tag(&mut self, name: &str) {
        if name.trim().to_ascii_lowercase().starts_with("tlp:") {
            self.tlp = self.tlp.max(Some(name.parse().unwrap_or(Tlp::Red)));
            return;
        }
        if let Some(confidence) = confidence_of(name) {
            self.confidence = Some(self.confidence.map_or(confidence, |other| other.min(confidence)));
            return;
        }
        // `misp-galaxy:malpedia="SamSam"` names SamSam.
        let value =
            name.strip_prefix("misp-galaxy:").and_then(|rest| rest.split_once('=')).map_or(name, |(_, value)| value.trim_matches('"'));
        self.label(value);
    }

    /// A `Galaxy` list: the names of its clusters.
    pub(super) fn galaxies(&mut self, galaxies: &Value) {
        for cluster in items(galaxies).flat_map(|galaxy| items(galaxy.get("GalaxyCluster").unwrap_or(&Value::Null))) {
            if let Some(name) = cluster.get("value").and_then(Value::as_str) {
                self.label(name);
            }
        }
    }

    pub(super) fn label(&mut self, name: &str) {
        let name = name.trim();
        if !name.is_empty() && (self.labels.len() < super::read::LABELS_MAX || is_mark(name)) {
            self.labels.push(name.chars().take(LABEL_CHARS_MAX).collect());
        }
    }
}

/// The elements of a list, or of an object used as one.
pub(super) fn items(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(list) => Box::new(list.iter()),
        Value::Object(map) => Box::new(map.values()),
        _ => Box::new(std::iter::empty()),
    }
}

/// A string, or a number as one.
pub(super) fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// `true`, `"1"`, `1` and their opposites; anything else is as if absent.
pub fn flag(value: Option<&Value>) -> Option<bool> {
    match value? {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => number.as_u64().map(|number| number != 0),
        Value::String(text) => match text.as_str() {
            "1" | "true" => Some(true),
            "0" | "false" | "" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

impl Pending {
    /// Reads an attribute.
    ///
    /// # Errors
    /// The sentence for the report.
    pub(super) fn read(attribute: &Value, place: String, object: Option<&str>) -> Result<Self, String> {
        if !attribute.is_object() {
            return Err("an attribute that is not a JSON object".into());
        }
        let get = |key: &str| attribute.get(key);
        let kind = text(get("type")).ok_or("an attribute without a `type`")?;
        let value = text(get("value")).ok_or("an attribute without a `value`")?;
        if value.len() > VALUE_BYTES_MAX {
            return Err("a value longer than 65,536 bytes".into());
        }
        let mut marks = Marks::default();
        marks.tags(get("Tag").unwrap_or(&Value::Null));
        marks.galaxies(get("Galaxy").unwrap_or(&Value::Null));
        let comment = text(get("comment")).map(|comment| comment.trim().chars().take(NOTE_CHARS_MAX).collect::<String>());
        let (note, source) = note_and_source(comment.unwrap_or_default());
        Ok(Self {
            place,
            kind: kind.chars().take(100).collect(),
            object: object.map(ToOwned::to_owned),
            relation: text(get("object_relation")).map(|relation| relation.chars().take(100).collect()),
            value,
            to_ids: flag(get("to_ids")),
            deleted: flag(get("deleted")).unwrap_or(false),
            note,
            source,
            valid_from: since(get("first_seen"), get("timestamp")),
            valid_until: until(get("last_seen"), get("timestamp")),
            marks,
        })
    }
}

/// What stands before the source in a comment's last line: an attribute has no field for it.
const SOURCE: &str = "Source: ";

/// A comment that says what a note and a source say; `None` where neither says anything.
pub fn comment(note: Option<&str>, source: Option<&str>) -> Option<String> {
    let said = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let source = said(source).map(|source| format!("{SOURCE}{}", one_line(&source)));
    match (said(note), source) {
        (Some(note), Some(source)) => Some(format!("{note}\n{source}")),
        (note, source) => note.or(source),
    }
}

/// Note and source of a comment that [`comment`] wrote, or that somebody wrote so.
fn note_and_source(comment: String) -> (Option<String>, Option<String>) {
    let (before, last) = comment.rsplit_once('\n').unwrap_or(("", &comment));
    let said = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    match last.strip_prefix(SOURCE).and_then(said) {
        Some(source) => (said(before), Some(source)),
        None => (said(&comment), None),
    }
}

/// So far ahead of its attribute lies what is the end of it, in milliseconds: clocks differ, and times are written without their zone.
const AHEAD_MS: u64 = 86_400_000;

/// When the attribute stops to hold, in milliseconds: a `last_seen` that lies more than a day behind the time when the attribute was written, since nobody has seen anything
/// then. Any other says when it was seen.
fn until(last_seen: Option<&Value>, timestamp: Option<&Value>) -> Option<u64> {
    let written = seconds(timestamp)? * 1_000;
    let last_seen = text(last_seen)?.parse::<crate::model::Timestamp>().ok()?;
    (last_seen.0 > written + AHEAD_MS).then_some(last_seen.0)
}

/// A time in seconds since 1970 that may be one.
fn seconds(timestamp: Option<&Value>) -> Option<u64> {
    text(timestamp)?.parse::<u64>().ok().filter(|seconds| (1..253_402_300_800).contains(seconds))
}

/// When the attribute began to hold, in milliseconds: `first_seen`, else its `timestamp` in seconds. Nonsense counts as absent.
fn since(first_seen: Option<&Value>, timestamp: Option<&Value>) -> Option<u64> {
    let first_seen = text(first_seen).and_then(|text| text.parse::<crate::model::Timestamp>().ok()).map(|time| time.0);
    first_seen.or_else(|| seconds(timestamp).map(|seconds| seconds * 1_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_lies_well_ahead_of_its_attribute_is_the_end_of_it() {
        let ends = |last_seen: &str, timestamp: Value| until(Some(&json!(last_seen)), Some(&timestamp)).is_some();
        assert!(ends("2027-01-17T08:00:00Z", json!("1800000000")) && ends("2027-03-01T00:00:00Z", json!(1_800_000_000)));
        for seen in ["2027-01-15T08:00:00.512Z", "2027-01-15T20:00:00Z", "2026-01-01T00:00:00Z"] {
            assert!(!ends(seen, json!("1800000000")), "{seen}");
        }
        assert!(!ends("1970-01-05T00:00:00Z", json!("0")) && !ends("2027-03-01T00:00:00Z", json!("soon")));
    }

    #[test]
    fn a_comment_says_a_note_and_a_source_and_is_read_as_both() {
        for (note, source) in [(Some("a\nb"), Some("A desk: a report")), (Some("a"), None), (None, Some("x")), (None, None)] {
            let read = note_and_source(comment(note, source).unwrap_or_default());
            assert_eq!((read.0.as_deref(), read.1.as_deref()), (note, source));
        }
        assert_eq!(comment(Some(" "), Some("a\nb")).as_deref(), Some("Source: a b"));
        assert_eq!(note_and_source("Source: ".into()), (Some("Source:".into()), None));
    }
}
