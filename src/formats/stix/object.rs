//! The objects of a bundle that we read, and the checks that STIX asks for.

use super::{Key, markings};
use crate::formats::marks::bounded;
use crate::formats::misp::confidence_of;
use crate::model::{Timestamp, Tlp};
use serde::Deserialize;
use std::borrow::Cow;

/// The longest label that is read, in characters. Far more than leaves: the release gate looks at it before it cuts it.
const LABEL_CHARS_MAX: usize = 1_000;
/// The most labels that one indicator takes along.
pub(super) const LABELS_MAX: usize = 50;
/// The longest note that is read, in characters. Far more than leaves: the release gate looks at it before it cuts it.
const NOTE_CHARS_MAX: usize = 16_000;

/// The longest source name that is read, in characters. Far more than leaves: the release gate looks at it before it cuts it.
pub(super) const SOURCE_CHARS_MAX: usize = 2_000;

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

/// A text of a file that is copied only where it has escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

#[derive(Deserialize)]
struct GranularMarking<'a> {
    #[serde(default, borrow)]
    marking_ref: Option<Text<'a>>,
}

/// An indicator as it stands in a file.
#[derive(Deserialize)]
pub(super) struct IndicatorObject<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    pattern: Text<'a>,
    #[serde(default, borrow)]
    pattern_type: Option<Text<'a>>,
    #[serde(default, borrow)]
    created: Option<Text<'a>>,
    #[serde(default, borrow)]
    modified: Option<Text<'a>>,
    #[serde(default, borrow)]
    valid_from: Option<Text<'a>>,
    #[serde(default, borrow)]
    valid_until: Option<Text<'a>>,
    #[serde(default, borrow)]
    name: Option<Text<'a>>,
    #[serde(default, borrow)]
    description: Option<Text<'a>>,
    #[serde(default, borrow)]
    labels: Option<Vec<Text<'a>>>,
    #[serde(default, borrow)]
    indicator_types: Option<Vec<Text<'a>>>,
    #[serde(default)]
    confidence: Option<i64>,
    #[serde(default, borrow)]
    created_by_ref: Option<Text<'a>>,
    #[serde(default, borrow)]
    object_marking_refs: Option<Vec<Text<'a>>>,
    #[serde(default, borrow)]
    granular_markings: Option<Vec<GranularMarking<'a>>>,
    #[serde(default)]
    revoked: Option<bool>,
    #[serde(default, borrow)]
    external_references: Option<&'a serde_json::value::RawValue>,
}

/// An indicator that waits for what stands further on in the file: markings, names and newer versions of itself.
pub(super) struct Pending {
    pub(super) place: String,
    pub(super) key: Key,
    pub(super) creator: Option<Key>,
    /// Nanoseconds since 1970; 0 where the object does not say.
    pub(super) modified: i128,
    pub(super) pattern: String,
    pub(super) valid_from: Option<u64>,
    pub(super) valid_until: Option<u64>,
    pub(super) confidence: Option<u8>,
    pub(super) labels: Vec<String>,
    pub(super) note: Option<String>,
    /// Where its author says to have it from.
    pub(super) source: Option<String>,
    pub(super) tlp: Option<Tlp>,
    /// Markings that are not official.
    pub(super) markings: Vec<Key>,
    pub(super) revoked: bool,
}

impl IndicatorObject<'_> {
    /// Whether it is one.
    pub(super) fn is_indicator(&self) -> bool {
        &*self.kind == "indicator"
    }

    /// Its id as it stands in the file.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

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
        // STIX 2.1 §10.9: `unknown` is said where nothing is.
        let types = self.indicator_types.into_iter().flatten().filter(|kind| &**kind != "unknown");
        let (labels, mut tlp, label_confidence) = labels(self.labels.into_iter().flatten().chain(types));
        let mut unknown = Vec::new();
        let granular = self.granular_markings.into_iter().flatten().filter_map(|marking| marking.marking_ref);
        for marking in self.object_marking_refs.into_iter().flatten().chain(granular) {
            match markings::official(&marking) {
                Some(label) => tlp = tlp.max(Some(label)),
                None => unknown.push(Key::of(&marking)),
            }
        }
        unknown.sort_unstable();
        unknown.dedup();
        Ok(Pending {
            place,
            key: Key::of(&self.id),
            creator: self.created_by_ref.as_deref().map(Key::of),
            modified: modified.or(created).unwrap_or(0),
            pattern: self.pattern.0.into_owned(),
            valid_from: valid_from.and_then(milliseconds),
            valid_until: valid_until.and_then(milliseconds),
            confidence: confidence.or(label_confidence),
            labels,
            note: note(self.name.as_deref(), self.description.as_deref()),
            source: self.external_references.and_then(source),
            tlp,
            markings: unknown,
            revoked: self.revoked.unwrap_or(false),
        })
    }
}

impl Pending {
    /// Appends what waits on disk. Only this program reads it, in the same run.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let Self {
            place,
            key,
            creator,
            modified,
            pattern,
            valid_from,
            valid_until,
            confidence,
            labels,
            note,
            source,
            tlp,
            markings,
            revoked,
        } = self;
        out.extend_from_slice(&key.0.to_be_bytes());
        out.extend_from_slice(&creator.map_or(0, |creator| creator.0).to_be_bytes());
        out.extend_from_slice(&modified.to_be_bytes());
        out.extend_from_slice(&valid_from.unwrap_or_default().to_be_bytes());
        out.extend_from_slice(&valid_until.unwrap_or_default().to_be_bytes());
        let given = [creator.is_some(), valid_from.is_some(), valid_until.is_some(), note.is_some(), source.is_some(), *revoked];
        out.extend(given.map(u8::from));
        out.extend([confidence.unwrap_or(u8::MAX), tlp.map_or(u8::MAX, Tlp::number)]);
        let none = String::new();
        let [note, source] = [note, source].map(|text| text.as_ref().unwrap_or(&none));
        for text in [place, pattern, note, source].into_iter().chain(labels) {
            out.extend_from_slice(&(text.len() as u32).to_be_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        out.extend_from_slice(&u32::MAX.to_be_bytes());
        out.extend(markings.iter().flat_map(|marking| marking.0.to_be_bytes()));
    }

    /// Reads what [`Self::encode`] writes; `None` for anything else.
    pub(super) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let (key, creator) = (take_key(&mut bytes)?, take_key(&mut bytes)?);
        let modified = i128::from_be_bytes(take(&mut bytes)?);
        let (from, until) = (u64::from_be_bytes(take(&mut bytes)?), u64::from_be_bytes(take(&mut bytes)?));
        let [has_creator, has_from, has_until, has_note, has_source, revoked] = take::<6>(&mut bytes)?.map(|flag| flag == 1);
        let [confidence, tlp] = take(&mut bytes)?;
        let (place, pattern) = (take_text(&mut bytes)??, take_text(&mut bytes)??);
        let (note, source) = (take_text(&mut bytes)??, take_text(&mut bytes)??);
        let mut labels = Vec::new();
        while let Some(label) = take_text(&mut bytes)? {
            labels.push(label);
        }
        Some(Self {
            place,
            key,
            creator: has_creator.then_some(creator),
            modified,
            pattern,
            valid_from: has_from.then_some(from),
            valid_until: has_until.then_some(until),
            confidence: Some(confidence).filter(|confidence| *confidence != u8::MAX),
            labels,
            note: Some(note).filter(|_| has_note),
            source: Some(source).filter(|_| has_source),
            tlp: Tlp::from_number(tlp),
            markings: std::iter::from_fn(|| take_key(&mut bytes)).collect(),
            revoked,
        })
    }
}

pub(super) fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*head)
}

pub(super) fn take_key(bytes: &mut &[u8]) -> Option<Key> {
    Some(Key(u128::from_be_bytes(take(bytes)?)))
}

/// The next text; `Some(None)` where no more follows.
fn take_text(bytes: &mut &[u8]) -> Option<Option<String>> {
    let length = u32::from_be_bytes(take(bytes)?);
    if length == u32::MAX {
        return Some(None);
    }
    let (text, rest) = bytes.split_at_checked(length as usize)?;
    *bytes = rest;
    Some(Some(String::from_utf8(text.to_vec()).ok()?))
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
    let time = usual_time(text.as_bytes()).or_else(|| text.parse().ok()).ok_or_else(bad)?;
    Ok(Some(time.as_nanosecond()))
}

/// A time as nearly all files write it, `2026-11-22T09:30:00Z` with up to nine digits of a second's fraction. `None` for any other, which
/// may be one all the same: three times are read for each indicator, and the general parser takes 4 % of an import.
fn usual_time(text: &[u8]) -> Option<jiff::Timestamp> {
    let (start, rest) = text.split_first_chunk::<19>()?;
    let is_separator = |at: usize| matches!((at, start[at]), (4 | 7, b'-') | (10, b'T') | (13 | 16, b':'));
    let number = |from: usize, to: usize| {
        start[from..to].iter().try_fold(0_i16, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i16::from(byte - b'0')))
    };
    let part = |from: usize| number(from, from + 2).and_then(|part| i8::try_from(part).ok());
    let fraction = match rest {
        b"Z" => 0,
        [b'.', digits @ .., b'Z'] if (1..=9).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit) => {
            (0..9).fold(0_i32, |sum, at| sum * 10 + i32::from(digits.get(at).map_or(0, |byte| byte - b'0')))
        }
        _ => return None,
    };
    let shaped = [4, 7, 10, 13, 16].into_iter().all(is_separator);
    let (year, month, day) = (number(0, 4)?, part(5)?, part(8)?);
    let time = jiff::civil::DateTime::new(year, month, day, part(11)?, part(14)?, part(17)?, fraction).ok().filter(|_| shaped)?;
    jiff::tz::Offset::UTC.to_timestamp(time).ok()
}

fn milliseconds(nanoseconds: i128) -> Option<u64> {
    u64::try_from(nanoseconds / 1_000_000).ok()
}

/// A time before 1970 says nothing about an indicator.
pub(super) fn timestamp(milliseconds: Option<u64>) -> Option<Timestamp> {
    milliseconds.map(Timestamp)
}

/// Labels without repeats; those that are TLP labels count as markings, and of MISP's tags that say how sure the author is the least counts.
fn labels<'a>(texts: impl Iterator<Item = Text<'a>>) -> (Vec<String>, Option<Tlp>, Option<u8>) {
    let mut labels = Vec::new();
    let (mut tlp, mut confidence) = (None, None::<u8>);
    for text in texts {
        if text.trim().get(..4).is_some_and(|start| start.eq_ignore_ascii_case("tlp:")) {
            tlp = tlp.max(Some(text.parse().unwrap_or(Tlp::Red)));
        } else if let Some(said) = confidence_of(&text) {
            confidence = Some(confidence.map_or(said, |other| other.min(said)));
        } else if let Some(label) = label(&text) {
            labels.push(label);
        }
    }
    bounded(&mut labels, LABELS_MAX);
    (labels, tlp, confidence)
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

/// The longest `external_references` that are read, in bytes. Ours are shorter.
const REFERENCES_BYTES_MAX: usize = 64 << 10;

/// What our own exports say of where it is from. References of others are to reports and catalogues.
fn source(references: &serde_json::value::RawValue) -> Option<String> {
    let text = references.get();
    if text.len() > REFERENCES_BYTES_MAX || !text.contains(super::SOURCE) {
        return None;
    }
    let references: serde_json::Value = serde_json::from_str(text).ok()?;
    let said = |reference: &&serde_json::Value| reference.get("description").and_then(serde_json::Value::as_str) == Some(super::SOURCE);
    let name = references.as_array()?.iter().find(said)?.get("source_name")?.as_str()?.trim();
    (!name.is_empty()).then(|| short(name, SOURCE_CHARS_MAX))
}

/// The first `chars` characters.
pub(super) fn short(text: &str, chars: usize) -> String {
    // A character has at least one byte, so most texts need no counting.
    let end = if text.len() <= chars { None } else { text.char_indices().nth(chars) };
    end.map_or(text, |(end, _)| &text[..end]).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_usual_form_of_a_time_is_read_as_the_general_parser_reads_it() {
        for text in [
            "2026-11-22T09:30:00Z",
            "2026-11-22T09:30:00.5Z",
            "2026-11-22T09:30:00.123456789Z",
            "1969-12-31T23:59:59.999Z",
            "0001-01-01T00:00:00Z",
            "9999-12-30T21:59:59Z",
            "2024-02-29T00:00:00Z",
        ] {
            assert_eq!(usual_time(text.as_bytes()), Some(text.parse().expect("a time")), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_in_the_usual_form_is_left_to_the_general_parser() {
        for text in [
            "2026-11-22T09:30:00+01:00",
            "2026-11-22T09:30:00.Z",
            "2026-11-22T09:30:00.1234567890Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-22T24:00:00Z",
            "2026/11/22T09:30:00Z",
            "2026-11-22 09:30:00Z",
            "+026-11-22T09:30:00Z",
            "2026-11-22T09:30:00",
            "",
        ] {
            assert_eq!(usual_time(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn both_parsers_agree(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-5][0-9](\\.[0-9]{1,9})?Z") {
            prop_assert_eq!(usual_time(text.as_bytes()), text.parse().ok());
        }
    }
}
