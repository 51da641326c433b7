//! The objects of a bundle that we read, and the checks that STIX asks for.

use super::{Key, markings};
use crate::model::{Timestamp, Tlp};
use serde::{Deserialize, Serialize};

/// The longest label, in characters.
const LABEL_CHARS_MAX: usize = 200;
/// The most labels that one indicator takes along.
pub(super) const LABELS_MAX: usize = 50;
/// The longest note, in characters.
const NOTE_CHARS_MAX: usize = 2_000;

/// What every object begins with.
#[derive(Deserialize)]
pub(super) struct Head {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) id: Option<serde_json::Value>,
}

/// An object whose name others refer to.
#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) id: String,
    pub(super) name: String,
}

/// A relationship.
#[derive(Deserialize)]
pub(super) struct Relationship {
    pub(super) relationship_type: String,
    pub(super) source_ref: String,
    pub(super) target_ref: String,
    #[serde(default)]
    pub(super) revoked: bool,
}

#[derive(Deserialize)]
struct GranularMarking {
    #[serde(default)]
    marking_ref: Option<String>,
}

/// An indicator as it stands in a file.
#[derive(Deserialize)]
pub(super) struct IndicatorObject {
    id: String,
    pattern: String,
    #[serde(default)]
    pattern_type: Option<String>,
    #[serde(default)]
    created: Option<String>,
    #[serde(default)]
    modified: Option<String>,
    #[serde(default)]
    valid_from: Option<String>,
    #[serde(default)]
    valid_until: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    labels: Option<Vec<String>>,
    #[serde(default)]
    indicator_types: Option<Vec<String>>,
    #[serde(default)]
    confidence: Option<i64>,
    #[serde(default)]
    created_by_ref: Option<String>,
    #[serde(default)]
    object_marking_refs: Option<Vec<String>>,
    #[serde(default)]
    granular_markings: Option<Vec<GranularMarking>>,
    #[serde(default)]
    revoked: Option<bool>,
}

/// An indicator that waits for what stands further on in the file: markings, names and newer versions of itself.
#[derive(Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) place: String,
    pub(super) key: [u8; 16],
    pub(super) creator: Option<[u8; 16]>,
    /// Nanoseconds since 1970; 0 where the object does not say.
    pub(super) modified: i128,
    pub(super) pattern: String,
    pub(super) valid_from: Option<u64>,
    pub(super) valid_until: Option<u64>,
    pub(super) confidence: Option<u8>,
    pub(super) labels: Vec<String>,
    pub(super) note: Option<String>,
    pub(super) tlp: Option<Tlp>,
    /// Markings that are not official.
    pub(super) markings: Vec<[u8; 16]>,
    pub(super) revoked: bool,
}

impl IndicatorObject {
    /// Checks the object and makes the compact form that waits.
    ///
    /// # Errors
    /// The sentence for the report.
    pub(super) fn pending(self, place: String) -> Result<Pending, String> {
        check_id(&self.id)?;
        match self.pattern_type.as_deref() {
            None | Some("stix") => {}
            Some(other) => return Err(format!("a pattern of type `{}` is not read, only `stix`", short(other, 40))),
        }
        if self.pattern.len() > crate::formats::pattern::TEXT_BYTES_MAX {
            return Err("a pattern longer than 65,536 bytes".into());
        }
        let created = time("created", self.created.as_deref())?;
        let modified = time("modified", self.modified.as_deref())?;
        if let (Some(created), Some(modified)) = (created, modified)
            && modified < created
        {
            return Err("`modified` is before `created`".into());
        }
        let valid_from = time("valid_from", self.valid_from.as_deref())?;
        let valid_until = time("valid_until", self.valid_until.as_deref())?;
        if let (Some(from), Some(until)) = (valid_from, valid_until)
            && until <= from
        {
            return Err("`valid_until` is not after `valid_from`".into());
        }
        let confidence = match self.confidence {
            None => None,
            Some(value) => match u8::try_from(value) {
                Ok(value) if value <= 100 => Some(value),
                _ => return Err(format!("`confidence` is {value}, not 0 to 100")),
            },
        };
        let (labels, label_tlp) = labels(self.labels.into_iter().chain(self.indicator_types).flatten());
        let mut tlp = label_tlp;
        let mut unknown = Vec::new();
        let granular = self.granular_markings.into_iter().flatten().filter_map(|marking| marking.marking_ref);
        for marking in self.object_marking_refs.into_iter().flatten().chain(granular) {
            match markings::official(&marking) {
                Some(label) => tlp = tlp.max(Some(label)),
                None => unknown.push(Key::of(&marking).0),
            }
        }
        unknown.sort_unstable();
        unknown.dedup();
        Ok(Pending {
            place,
            key: Key::of(&self.id).0,
            creator: self.created_by_ref.as_deref().map(|id| Key::of(id).0),
            modified: modified.or(created).unwrap_or(0),
            pattern: self.pattern,
            valid_from: valid_from.and_then(milliseconds),
            valid_until: valid_until.and_then(milliseconds),
            confidence,
            labels,
            note: note(self.name.as_deref(), self.description.as_deref()),
            tlp,
            markings: unknown,
            revoked: self.revoked.unwrap_or(false),
        })
    }
}

/// `indicator--` and a lower-case UUID.
fn check_id(id: &str) -> Result<(), String> {
    let bad = || format!("`{}` is not an id: `indicator--` and a UUID in lower case", short(id, 80).escape_debug());
    let uuid = id.strip_prefix("indicator--").ok_or_else(bad)?;
    let groups: Vec<&str> = uuid.split('-').collect();
    let hex = |group: &&str| group.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(hex) { Ok(()) } else { Err(bad()) }
}

/// Nanoseconds since 1970 of a STIX timestamp (§3.2): RFC 3339, in capitals, UTC as `Z`.
fn time(property: &str, text: Option<&str>) -> Result<Option<i128>, String> {
    let Some(text) = text else { return Ok(None) };
    let bad = || format!("`{property}` is `{}`, not a time like 2026-11-22T09:30:00.000Z", short(text, 40).escape_debug());
    let shaped = text.len() >= 20 && text.as_bytes()[10] == b'T' && text.ends_with('Z') && text.starts_with(|c: char| c.is_ascii_digit());
    if !shaped || text.ends_with(".Z") || text.get(17..19) == Some("60") {
        return Err(bad());
    }
    let time: jiff::Timestamp = text.parse().map_err(|_| bad())?;
    Ok(Some(time.as_nanosecond()))
}

fn milliseconds(nanoseconds: i128) -> Option<u64> {
    u64::try_from(nanoseconds / 1_000_000).ok()
}

/// A time before 1970 says nothing about an indicator.
pub(super) fn timestamp(milliseconds: Option<u64>) -> Option<Timestamp> {
    milliseconds.map(Timestamp)
}

/// Labels without repeats; those that are TLP labels count as markings.
fn labels(texts: impl Iterator<Item = String>) -> (Vec<String>, Option<Tlp>) {
    let mut labels = Vec::new();
    let mut tlp = None;
    for text in texts {
        if text.trim().to_ascii_lowercase().starts_with("tlp:") {
            tlp = tlp.max(Some(text.parse().unwrap_or(Tlp::Red)));
        } else if let Some(label) = label(&text) {
            labels.push(label);
        }
    }
    labels.sort();
    labels.dedup();
    labels.truncate(LABELS_MAX);
    (labels, tlp)
}

/// A name fit for a label: trimmed, bounded, `None` when nothing is left.
pub(super) fn label(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| short(text, LABEL_CHARS_MAX))
}

/// Name and description in one text.
fn note(name: Option<&str>, description: Option<&str>) -> Option<String> {
    let clean = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(ToOwned::to_owned);
    let text = match (clean(name), clean(description)) {
        (Some(name), Some(description)) if name != description => format!("{name}: {description}"),
        (name, description) => description.or(name)?,
    };
    Some(short(&text, NOTE_CHARS_MAX))
}

/// The first `chars` characters.
pub(super) fn short(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}
