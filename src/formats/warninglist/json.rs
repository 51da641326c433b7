//! The file's one object, with the liberties that MISP takes.

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

use super::BadWarninglist;

/// The object. Every field may be absent; what must be there the caller says.
#[derive(Default)]
pub(super) struct File {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) version: Option<u64>,
    pub(super) kind: Option<String>,
    pub(super) matching_attributes: Option<Vec<String>>,
    pub(super) list: Option<List>,
}

/// The entries in order; `None` for one that is no text.
pub(super) struct List {
    pub(super) entries: Vec<Option<String>>,
    pub(super) left_out: usize,
}

/// Reads the object, with at most so many entries.
pub(super) fn read(bytes: &[u8], entries_max: usize) -> Result<File, BadWarninglist> {
    let json = |error: serde_json::Error| BadWarninglist::Json {
        line: error.line(),
        column: error.column(),
        what: words(&error.to_string()).to_owned(),
    };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let file = deserializer.deserialize_map(FileVisitor { entries_max }).map_err(json)?;
    deserializer.end().map_err(json)?;
    Ok(file)
}

/// What serde_json says, without the place, which is told apart.
fn words(text: &str) -> &str {
    text.rsplit_once(" at line ").map_or(text, |(what, _)| what)
}

struct FileVisitor {
    entries_max: usize,
}

impl<'de> Visitor<'de> for FileVisitor {
    type Value = File;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a warninglist's object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<File, A::Error> {
        let mut file = File::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "name" => file.name = map.next_value::<Lenient>()?.text(),
                "description" => file.description = map.next_value::<Lenient>()?.text(),
                "version" => file.version = map.next_value::<Lenient>()?.number(),
                "type" => file.kind = map.next_value::<Lenient>()?.first_text(),
                "matching_attributes" => file.matching_attributes = Some(map.next_value::<Lenient>()?.texts()),
                "list" => file.list = Some(map.next_value_seed(ListSeed { entries_max: self.entries_max })?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(file)
    }
}

/// A small value of any shape.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lenient {
    Text(String),
    Number(u64),
    Many(Vec<Lenient>),
    Other(IgnoredAny),
}

impl Lenient {
    fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    fn first_text(self) -> Option<String> {
        match self {
            Self::Many(many) => many.into_iter().next().and_then(Self::text),
            one => one.text(),
        }
    }

    fn texts(self) -> Vec<String> {
        match self {
            Self::Many(many) => many.into_iter().filter_map(Self::text).collect(),
            one => one.text().into_iter().collect(),
        }
    }

    fn number(self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Many(_) | Self::Other(_) => None,
        }
    }
}

struct ListSeed {
    entries_max: usize,
}

impl ListSeed {
    fn add(&self, list: &mut List, entry: Option<String>) {
        if list.entries.len() < self.entries_max { list.entries.push(entry) } else { list.left_out += 1 }
    }
}

impl<'de> serde::de::DeserializeSeed<'de> for ListSeed {
    type Value = List;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<List, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ListSeed {
    type Value = List;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of entries, or an object of entries with comments")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List, A::Error> {
        let mut list = List { entries: Vec::new(), left_out: 0 };
        while let Some(entry) = seq.next_element::<Lenient>()? {
            self.add(&mut list, entry.text());
        }
        Ok(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<List, A::Error> {
        let mut list = List { entries: Vec::new(), left_out: 0 };
        while let Some((entry, _)) = map.next_entry::<String, IgnoredAny>()? {
            self.add(&mut list, Some(entry));
        }
        Ok(list)
    }
}
