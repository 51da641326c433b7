//! The writer: one STIX 2.1 bundle, written as the rows come, the same bytes for the same rows.
//!
//! - Ids are UUIDv5 in [`NAMESPACE`] over what the object stands for: a record id, an organisation id, a label. So an importer that
//!   sees two exports sees the same objects.
//! - `created` and `modified` are the row's own, so that a later version (revoked, or under another label) has a later `modified`; objects that only carry a name (identities, malware) never change and have one fixed time.
//! - Authors are identities named by their organisation id: no person's name, no petname.
//! - A label that names a campaign or malware becomes `malware` and an `indicates` relationship, which is where MVT and OpenCTI look for the name of a hit; it has
//!   the marking of the indicator that it comes from, so there is one per label and marking. Labels of STIX's own vocabulary
//!   (`indicator-type-ov`) become `indicator_types`, all others (tags of taxonomies, words that only describe) stay `labels`.
//! - Nothing is written empty: STIX forbids empty lists and nulls.

use super::markings::{TLP_2_EXTENSION, official_id};
use crate::formats::export::{Met, Row};
use crate::formats::pattern::{self, Dialect};
use crate::model::{OrgId, RecordId, Timestamp, Tlp};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::io::{self, Write};
use uuid::Uuid;

/// The namespace of our UUIDv5 ids: `uuid5(NAMESPACE_URL, "urn:watchfire:stix")`. The name behind it is a word and a colon and the
/// bytes of the thing: `indicator:` and 16 bytes, `identity:` and 32, `malware:` and label number and label.
pub const NAMESPACE: Uuid = Uuid::from_u128(0xe655874a3835574ca2b45a0dea5e758e);

/// When objects that carry nothing but a name were made.
const NAMED_AT: &str = "2026-01-01T00:00:00.000Z";
/// When FIRST's labels were made into marking definitions; part of their official content.
const TLP_2_AT: &str = "2022-10-01T00:00:00.000Z";
/// The most that a sighting counts (STIX 2.1 §5.2).
const COUNT_MAX: u64 = 999_999_999;
/// STIX 2.1 §10.9, `indicator-type-ov`.
pub(in crate::formats) const INDICATOR_TYPES: [&str; 7] =
    ["anomalous-activity", "anonymization", "attribution", "benign", "compromised", "malicious-activity", "unknown"];

/// Writes a bundle. Memory holds the authors and labels that were written, not the rows.
pub struct BundleWriter<W: Write> {
    out: W,
    written: BTreeSet<Uuid>,
    markings: BTreeSet<Tlp>,
    digest: aws_lc_rs::digest::Context,
    any: bool,
    dialect: Dialect,
}

impl<W: Write> BundleWriter<W> {
    /// Begins the bundle. The dialect concerns two kinds alone, see [`pattern::write`].
    ///
    /// # Errors
    /// The output fails.
    pub fn new(mut out: W, dialect: Dialect) -> io::Result<Self> {
        out.write_all(b"{\"type\":\"bundle\"")?;
        let digest = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        Ok(Self { out, written: BTreeSet::new(), markings: BTreeSet::new(), digest, any: false, dialect })
    }

    /// Writes one indicator, and before it what it refers to and was not written yet.
    ///
    /// # Errors
    /// The output fails.
    pub fn write(&mut self, row: &Row) -> io::Result<()> {
        if self.markings.insert(row.tlp) {
            self.object(&marking(row.tlp))?;
        }
        let author = id(b"identity:", &row.author.0);
        if self.written.insert(author) {
            self.object(&identity(author, row.author))?;
        }
        let indicator = id(b"indicator:", &row.id.0);
        self.digest.update(&row.id.0);
        self.digest.update(&row.modified.0.to_be_bytes());
        self.object(&indicator_object(indicator, author, row, self.dialect))?;
        for label in row.names() {
            let mut name = vec![row.tlp.number()];
            name.extend_from_slice(label.as_bytes());
            let malware = id(b"malware:", &name);
            if self.written.insert(malware) {
                self.object(&malware_object(malware, label, row.tlp))?;
            }
            self.object(&indicates(indicator, malware, author, row))?;
        }
        row.met.iter().try_for_each(|met| self.sighting(indicator, row, met))
    }

    /// How often it was met: whoever else than us met it has no name here.
    fn sighting(&mut self, indicator: Uuid, row: &Row, met: &Met) -> io::Result<()> {
        if self.markings.insert(met.tlp) {
            self.object(&marking(met.tlp))?;
        }
        if let Some(org) = met.by {
            let us = id(b"identity:", &org.0);
            if self.written.insert(us) {
                self.object(&identity(us, org))?;
            }
        }
        self.digest.update(&met.told.0.to_be_bytes());
        self.object(&sighting_object(indicator, row, met))
    }

    /// Ends the bundle and gives the output back. The bundle's own id stands last, since it is made of the rows' ids and times.
    ///
    /// # Errors
    /// The output fails.
    pub fn finish(mut self) -> io::Result<W> {
        let bundle = id(b"bundle:", self.digest.finish().as_ref());
        self.out.write_all(if self.any { b"\n]" } else { b"" })?;
        writeln!(self.out, ",\"id\":\"bundle--{bundle}\"}}")?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn object(&mut self, object: &Value) -> io::Result<()> {
        self.out.write_all(if std::mem::replace(&mut self.any, true) { b",\n" } else { b",\"objects\":[\n" })?;
        serde_json::to_writer(&mut self.out, object)?;
        Ok(())
    }
}

/// The id that the indicator of a record has in every bundle.
pub fn indicator_id(record: &RecordId) -> String {
    format!("indicator--{}", id(b"indicator:", &record.0))
}

fn id(kind: &[u8], name: &[u8]) -> Uuid {
    Uuid::new_v5(&NAMESPACE, &[kind, name].concat())
}

fn marking(tlp: Tlp) -> Value {
    json!({
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": official_id(tlp),
        "created": TLP_2_AT,
        "name": format!("TLP:{}", tlp.name().to_ascii_uppercase()),
        "extensions": { TLP_2_EXTENSION: { "extension_type": "property-extension", "tlp_2_0": tlp.name() } },
    })
}

fn identity(id: Uuid, author: OrgId) -> Value {
    json!({
        "type": "identity",
        "spec_version": "2.1",
        "id": format!("identity--{id}"),
        "created": NAMED_AT,
        "modified": NAMED_AT,
        "name": author.to_string(),
        "identity_class": "organization",
    })
}

fn malware_object(id: Uuid, name: &str, tlp: Tlp) -> Value {
    json!({
        "type": "malware",
        "spec_version": "2.1",
        "id": format!("malware--{id}"),
        "created": NAMED_AT,
        "modified": NAMED_AT,
        "name": name,
        "is_family": true,
        "object_marking_refs": [official_id(tlp)],
    })
}

fn indicates(indicator: Uuid, malware: Uuid, author: Uuid, row: &Row) -> Value {
    let name = [*indicator.as_bytes(), *malware.as_bytes()].concat();
    let mut object = json!({
        "type": "relationship",
        "spec_version": "2.1",
        "id": format!("relationship--{}", id(b"indicates:", &name)),
        "created_by_ref": format!("identity--{author}"),
        "created": row.created.to_string(),
        "modified": row.modified.max(row.created).to_string(),
        "relationship_type": "indicates",
        "source_ref": format!("indicator--{indicator}"),
        "target_ref": format!("malware--{malware}"),
        "object_marking_refs": [official_id(row.tlp)],
    });
    if row.revoked {
        object["revoked"] = true.into();
    }
    object
}

fn indicator_object(id: Uuid, author: Uuid, row: &Row, dialect: Dialect) -> Value {
    let (from, until) = validity(row);
    let mut object = Map::new();
    let mut set = |key: &str, value: Value| drop(object.insert(key.into(), value));
    set("type", "indicator".into());
    set("spec_version", "2.1".into());
    set("id", format!("indicator--{id}").into());
    set("created_by_ref", format!("identity--{author}").into());
    set("created", row.created.to_string().into());
    set("modified", row.modified.max(row.created).to_string().into());
    if row.revoked {
        set("revoked", true.into());
    }
    if let Some(confidence) = row.confidence {
        set("confidence", confidence.min(100).into());
    }
    if let Some(source) = filled(row.source.as_deref()) {
        set("external_references", json!([{ "source_name": source, "description": super::SOURCE }]));
    }
    set("object_marking_refs", json!([official_id(row.tlp)]));
    let labels: Vec<&str> = row.marks.iter().map(String::as_str).chain(row.tags()).collect();
    if !labels.is_empty() {
        set("labels", json!(labels));
    }
    if let Some(note) = filled(row.note.as_deref()) {
        set("description", note.into());
    }
    let types: Vec<&str> = row.labels.iter().map(String::as_str).filter(|label| INDICATOR_TYPES.contains(label)).collect();
    set("indicator_types", if types.is_empty() { json!(["unknown"]) } else { json!(types) });
    set("pattern", pattern::write(&row.observable, dialect).into());
    set("pattern_type", "stix".into());
    set("pattern_version", "2.1".into());
    set("valid_from", from.to_string().into());
    if let Some(until) = until {
        set("valid_until", until.to_string().into());
    }
    Value::Object(object)
}

/// STIX 2.1 §5.2.
fn sighting_object(indicator: Uuid, row: &Row, met: &Met) -> Value {
    let name = [row.id.0.as_slice(), met.by.as_ref().map_or(&[], |org| org.0.as_slice())].concat();
    let mut object = json!({
        "type": "sighting",
        "spec_version": "2.1",
        "id": format!("sighting--{}", id(b"sighting:", &name)),
        "created": row.created.to_string(),
        "modified": met.told.max(row.created).to_string(),
        "first_seen": met.first.to_string(),
        "last_seen": met.last.max(met.first).to_string(),
        "count": met.count.min(COUNT_MAX),
        "sighting_of_ref": format!("indicator--{indicator}"),
        "object_marking_refs": [official_id(met.tlp)],
    });
    if let Some(org) = met.by {
        object["created_by_ref"] = format!("identity--{}", id(b"identity:", &org.0)).into();
    }
    object
}

fn filled(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// `valid_from`, which STIX requires, and a `valid_until` that is later, as it requires too: a row that ends before it was made
/// began just before its end.
fn validity(row: &Row) -> (Timestamp, Option<Timestamp>) {
    let from = row.valid_from.unwrap_or(row.created);
    match row.valid_until {
        Some(until) if until <= from => (Timestamp(until.0.saturating_sub(1)), Some(until.max(Timestamp(1)))),
        until => (from, until),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ObservableKind as K;

    fn row(number: u8, kind: K, value: &str) -> Row {
        Row { tlp: Tlp::Amber, labels: Vec::new(), ..crate::formats::export::tests::row(number.into(), kind, value) }
    }

    #[test]
    fn what_was_met_names_us_and_nobody_else() {
        let [first, last, told] = [1_700_000_000_000, 1_700_000_500_000, 1_700_000_900_000].map(Timestamp);
        let met = Met { tlp: Tlp::AmberStrict, by: None, count: 3, first, last, told };
        let ours = Met { by: Some(OrgId([7; 32])), tlp: Tlp::Amber, count: u64::MAX, ..met };
        let text = bundle(&[Row { met: vec![met, ours], ..row(1, K::Domain, "evil.example") }]);
        let all: Value = serde_json::from_str(&text).expect("JSON");
        let objects = all["objects"].as_array().expect("objects");
        let sightings: Vec<&Value> = objects.iter().filter(|one| one["type"] == "sighting").collect();
        let indicator = objects.iter().find(|one| one["type"] == "indicator").expect("one");
        assert_eq!(sightings.len(), 2);
        assert!(sightings.iter().all(|one| one["sighting_of_ref"] == indicator["id"]));
        assert_eq!((&sightings[0]["count"], sightings[0].get("created_by_ref")), (&json!(3), None));
        assert_eq!(sightings[0]["object_marking_refs"], json!([official_id(Tlp::AmberStrict)]));
        assert_eq!(sightings[0]["last_seen"], "2023-11-14T22:21:40.000Z");
        assert_eq!(sightings[1]["count"], 999_999_999);
        let us = objects.iter().find(|one| one["id"] == sightings[1]["created_by_ref"]).expect("we are in it");
        assert_eq!(us["name"], OrgId([7; 32]).to_string());
        assert_ne!(sightings[0]["id"], sightings[1]["id"]);
        let markings = objects.iter().filter(|one| one["type"] == "marking-definition").count();
        assert_eq!(markings, 2, "each marking once");
    }

    fn bundle(rows: &[Row]) -> String {
        let mut writer = BundleWriter::new(Vec::new(), Dialect::Standard).expect("memory");
        rows.iter().for_each(|row| writer.write(row).expect("memory"));
        String::from_utf8(writer.finish().expect("memory")).expect("text")
    }

    fn samples() -> Vec<Row> {
        let sha1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
        let values = [
            (K::Domain, "example.com"),
            (K::Url, "https://example.com/?a=b'c"),
            (K::Ipv4Net, "198.51.100.0/24"),
            (K::Ipv6, "2001:db8::1"),
            (K::Email, "a@example.com"),
            (K::FileName, r"it's.exe"),
            (K::FilePath, r"C:\Windows\x.dll"),
            (K::Sha1, sha1),
            (K::ProcessName, "roleaboutd"),
            (K::AppId, "com.example.spy"),
            (K::AppCertHash, sha1),
            (K::ConfigurationProfileId, "com.example.profile"),
            (K::AndroidProperty, "ro.example.spy"),
            (K::PhoneNumber, "+31612345678"),
            (K::Mutex, "Global\\x"),
            (K::RegistryKey, r"HKLM\Software\X"),
            (K::UserAgent, "Bot/1.0 (x; y)"),
            (K::Pattern, "[domain-name:value = 'a.example' AND file:size > 10]"),
        ];
        values.iter().enumerate().map(|(number, (kind, value))| row(u8::try_from(number).expect("few"), *kind, value)).collect()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let rows = samples();
        let text = bundle(&rows);
        let mut found = Vec::new();
        let mut sink = |item: crate::formats::Item| {
            match item {
                crate::formats::Item::Indicator { indicator, tlp, .. } => found.push((indicator.observable, tlp)),
                crate::formats::Item::Problem(problem)
                | crate::formats::Item::LeftOut(problem, _)
                | crate::formats::Item::Note(problem) => panic!("{problem:?}"),
            }
            std::ops::ControlFlow::Continue(())
        };
        crate::formats::stix::read_within(
            crate::formats::json::VALUE_BYTES_MAX,
            &mut text.as_bytes(),
            &mut io::Cursor::new(Vec::new()),
            &mut sink,
        )
        .expect("memory");
        let expected: Vec<_> = rows.into_iter().map(|row| (row.observable, Some(Tlp::Amber))).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_same_rows_give_the_same_bytes() {
        assert_eq!(bundle(&samples()), bundle(&samples()));
        assert_ne!(bundle(&samples()), bundle(&samples()[1..]));
    }

    #[test]
    fn labels_become_malware_once_and_a_relationship_each() {
        let mut rows = samples();
        for row in &mut rows[..2] {
            row.labels = vec!["Pegasus".into(), "malicious-activity".into()];
        }
        rows[1].revoked = true;
        let bundle: Value = serde_json::from_str(&bundle(&rows[..2])).expect("JSON");
        let of = |kind: &str| -> Vec<&Value> {
            bundle["objects"].as_array().expect("objects").iter().filter(|object| object["type"] == kind).collect()
        };
        assert_eq!(of("malware").len(), 1);
        assert_eq!(of("relationship").len(), 2);
        assert_eq!(of("marking-definition").len(), 1);
        assert_eq!(of("identity").len(), 1);
        assert_eq!(of("indicator")[0]["indicator_types"], json!(["malicious-activity"]));
        assert_eq!((of("indicator")[0].get("revoked"), &of("indicator")[1]["revoked"]), (None, &json!(true)));
    }

    #[test]
    fn an_end_before_the_beginning_is_never_written() {
        let mut row = row(1, K::Domain, "example.com");
        row.valid_until = Some(Timestamp(1_600_000_000_000));
        let (from, until) = validity(&row);
        assert!(until.is_some_and(|until| until == Timestamp(1_600_000_000_000) && from < until));
    }

    #[test]
    fn nothing_is_written_empty() {
        let text = bundle(&samples());
        for nothing in ["[]", "null", "\"\"", "{}"] {
            assert!(!text.contains(nothing), "{nothing}");
        }
        assert_eq!(bundle(&[]), format!("{{\"type\":\"bundle\",\"id\":\"bundle--{}\"}}\n", empty_id()));
    }

    fn empty_id() -> Uuid {
        id(b"bundle:", aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"").as_ref())
    }
}
