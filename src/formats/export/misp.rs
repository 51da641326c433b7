//! A MISP feed: one event for each author and campaign, the manifest that lists them, and the hashes of all values.
//!
//! Ids are made of what they stand for, so that a MISP that has fetched an event before updates it; a timestamp moves when something in the event
//! does. A feed has no word for what has gone: a withdrawn value stays as a `deleted` attribute.

use super::threads::Threads;
use super::{About, Files, Form, Row, Unsaid, one_line};
use crate::formats::misp::{comment, confidence_tag};
use crate::formats::pattern::{self, Dialect};
use crate::formats::stix::Scratch;
use crate::formats::stix::write::NAMESPACE;
use crate::model::{Observable, ObservableKind as K, OrgId, RecordId, Timestamp};
use md5::{Digest, Md5};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};
use uuid::Uuid;

/// What an event without a campaign is called.
const UNNAMED: &str = "Indicators without a campaign";

/// How the first line of an event's file begins, and how it ends. Each attribute behind it is a line.
const HEAD_BEGINS: &str = "{\"Event\":";
const HEAD_ENDS: &str = ",\"Attribute\":[";
const OBJECTS: &str = ",\"Object\":";

/// Whose event, and of which campaign.
type Key = (OrgId, String);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Thread {
    Event(Key),
    Hashes,
}

/// `manifest.json`, one `UUID.json` for each event, `hashes.csv`.
pub struct Feed<F: Files, S: Scratch> {
    files: F,
    threads: Threads<Thread, S>,
    events: BTreeMap<Key, About>,
}

impl<F: Files, S: Scratch> Feed<F, S> {
    /// A feed, for which `scratch` is an empty file.
    pub const fn new(files: F, scratch: S) -> Self {
        Self { files, threads: Threads::new(scratch), events: BTreeMap::new() }
    }
}

/// The id of the event with what an author says of a campaign.
pub fn event_id(author: &OrgId, campaign: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, &[b"misp-event:", author.0.as_slice(), campaign.as_bytes()].concat())
}

/// The id of the attribute that a record is.
pub fn attribute_id(record: &RecordId) -> Uuid {
    Uuid::new_v5(&NAMESPACE, &[b"misp-attribute:".as_slice(), &record.0].concat())
}

/// The id of an organisation in MISP.
pub fn organisation_id(author: &OrgId) -> Uuid {
    Uuid::new_v5(&NAMESPACE, &[b"misp-organisation:", author.0.as_slice()].concat())
}

impl<F: Files, S: Scratch> Form for Feed<F, S> {
    fn value(&mut self, rows: &[Row]) -> io::Result<()> {
        for row in rows {
            let key = (row.author, one_line(row.campaign().unwrap_or(UNNAMED)));
            let about = self.events.remove(&key).map_or_else(|| About::of(row), |about| about.with(row));
            self.events.insert(key.clone(), about);
            let (kind, value) = spelt(&row.observable);
            if !row.revoked {
                let hash = data_encoding::HEXLOWER.encode(&Md5::digest(value.as_bytes()));
                self.threads.push(&Thread::Hashes, format!("{hash},{}\n", event_id(&key.0, &key.1)).as_bytes())?;
            }
            let mut text = serde_json::to_vec(&attribute(row, kind, &value))?;
            text.extend_from_slice(b",\n");
            self.threads.push(&Thread::Event(key), &text)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<Unsaid> {
        let Self { files, threads, events } = &mut *self;
        for (key, about) in events.iter() {
            files.begin(&format!("{}.json", event_id(&key.0, &key.1)))?;
            let mut event = described(key, about);
            event.insert("uuid".into(), event_id(&key.0, &key.1).to_string().into());
            event.insert("published".into(), true.into());
            event.insert("publish_timestamp".into(), seconds(about.last).into());
            let head = serde_json::to_string(&event)?;
            writeln!(files, "{HEAD_BEGINS}{}{HEAD_ENDS}", head.strip_suffix('}').unwrap_or(&head))?;
            threads.write(&Thread::Event(key.clone()), &mut WithoutEnd { out: files, held: Vec::new() })?;
            writeln!(files, "\n]}}}}")?;
        }
        files.begin("hashes.csv")?;
        threads.write(&Thread::Hashes, files)?;
        // Last, so that it names no file that is not there yet.
        files.begin("manifest.json")?;
        files.write_all(b"{")?;
        for (at, (key, about)) in events.iter().enumerate() {
            let comma = if at == 0 { "\n" } else { ",\n" };
            write!(files, "{comma}\"{}\":{}", event_id(&key.0, &key.1), serde_json::to_string(&described(key, about))?)?;
        }
        files.write_all(b"\n}\n")?;
        files.end()?;
        Ok(Unsaid::default())
    }
}

/// An event as a file of a feed has it: its head, an attribute a line, and objects behind them.
pub fn write_event(head: &Map<String, Value>, attributes: &[String], objects: &Value) -> String {
    let head = Value::Object(head.clone()).to_string();
    let objects = if objects.as_array().is_some_and(|list| list.is_empty()) { String::new() } else { format!("{OBJECTS}{objects}") };
    format!("{HEAD_BEGINS}{}{HEAD_ENDS}\n{}\n]{objects}}}}}\n", head.strip_suffix('}').unwrap_or(&head), attributes.join(",\n"))
}

/// The objects in the last line of what [`write_event`] wrote; nothing where it has none.
pub fn read_objects(line: &[u8]) -> Option<Value> {
    let objects = line.trim_ascii_end().strip_prefix(b"]")?.strip_prefix(OBJECTS.as_bytes())?.strip_suffix(b"}}")?;
    serde_json::from_slice(objects).ok()
}

/// What the first line of an event's file says of it: all but its attributes.
pub fn read_head(line: &[u8]) -> Option<Map<String, Value>> {
    let head = line.strip_prefix(HEAD_BEGINS.as_bytes())?.trim_ascii_end().strip_suffix(HEAD_ENDS.as_bytes())?;
    serde_json::from_slice(&[head, b"}"].concat()).ok()
}

/// An attribute in a line of an event's file; nothing where the line is none.
pub fn read_attribute(line: &[u8]) -> Option<Map<String, Value>> {
    let line = line.trim_ascii_end();
    let attribute = line.strip_suffix(b",").unwrap_or(line);
    let is_one = attribute.starts_with(b"{") && !attribute.starts_with(HEAD_BEGINS.as_bytes());
    is_one.then(|| serde_json::from_slice(attribute).ok()).flatten()
}

/// Passes on all but the last two bytes: the comma behind the last attribute.
struct WithoutEnd<'o, W: Write> {
    out: &'o mut W,
    held: Vec<u8>,
}

impl<W: Write> Write for WithoutEnd<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        let passed = self.held.len().saturating_sub(2);
        self.out.write_all(&self.held[..passed])?;
        self.held.drain(..passed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn seconds(time: Timestamp) -> String {
    (time.0 / 1_000).to_string()
}

fn described((author, campaign): &Key, about: &About) -> Map<String, Value> {
    let date: String = about.first.to_string().chars().take(10).collect();
    let described = json!({
        "info": campaign,
        "date": date,
        "timestamp": seconds(about.last),
        "threat_level_id": "4",
        "analysis": "2",
        "Orgc": { "name": author.to_string(), "uuid": organisation_id(author).to_string() },
        "Tag": [tag(&format!("tlp:{}", about.tlp.name()))],
    });
    match described {
        Value::Object(described) => described,
        _ => Map::new(),
    }
}

fn tag(name: &str) -> Value {
    json!({ "name": name })
}

fn attribute(row: &Row, (name, category): (&str, &str), value: &str) -> Value {
    let tlp = std::iter::once(format!("tlp:{}", row.tlp.name()));
    let tags = tlp.chain(row.marks.iter().cloned()).chain(row.confidence.map(confidence_tag)).chain(row.labels.iter().cloned());
    let mut attribute = json!({
        "uuid": attribute_id(&row.id).to_string(),
        "type": name,
        "category": category,
        "value": value,
        // All of it is: readers leave out what is not, where an event has anything that is.
        "to_ids": true,
        "timestamp": seconds(row.modified.max(row.created)),
        "Tag": tags.map(|name| tag(&one_line(&name))).collect::<Vec<_>>(),
    });
    if let Some(comment) = comment(row.note.as_deref(), row.source.as_deref()) {
        attribute["comment"] = comment.into();
    }
    if let Some(from) = row.valid_from {
        attribute["first_seen"] = from.to_string().into();
    }
    if let Some(until) = row.valid_until {
        attribute["last_seen"] = until.to_string().into();
    }
    if row.revoked {
        attribute["deleted"] = true.into();
    }
    attribute
}

/// The type and category that MISP has for a value, and the value as MISP writes it. What has no type of its own is a
/// STIX pattern.
fn spelt(observable: &Observable) -> ((&'static str, &'static str), String) {
    let value = observable.value().to_owned();
    let kind = match observable.kind() {
        K::Domain => ("domain", "Network activity"),
        K::Url => ("url", "Network activity"),
        K::Ipv4 | K::Ipv6 | K::Ipv4Net | K::Ipv6Net => ("ip-dst", "Network activity"),
        K::Email => ("email-src", "Payload delivery"),
        K::FileName | K::FilePath => ("filename", "Payload delivery"),
        K::Md5 => ("md5", "Payload delivery"),
        K::Sha1 => ("sha1", "Payload delivery"),
        K::Sha256 => ("sha256", "Payload delivery"),
        K::Sha512 => ("sha512", "Payload delivery"),
        K::AppId => ("mobile-application-id", "Payload delivery"),
        K::PhoneNumber => ("phone-number", "Other"),
        K::Mutex => ("mutex", "Artifacts dropped"),
        K::RegistryKey => ("regkey", "Artifacts dropped"),
        K::UserAgent => ("user-agent", "Network activity"),
        K::ProcessName | K::AppCertHash | K::ConfigurationProfileId | K::AndroidProperty | K::CryptocurrencyAddress | K::Pattern => {
            return (("stix2-pattern", "Payload installation"), pattern::write(observable, Dialect::Standard));
        }
    };
    (kind, value)
}
