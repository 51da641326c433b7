//! The reader: bundles, arrays, single objects, sequences of any of them, and TAXII envelopes.
//!
//! Memory is bounded whatever comes: one object (of at most as many bytes as the caller says), what the file says about one portion of
//! waiting indicators (see `pending`),
//! 100,000 names of at most 200 characters and 100,000 marking definitions. What a file has beyond that goes without its name,
//! or counts as TLP:RED.

use super::Key;
use super::markings::{Definition, Marking, Markings};
use super::object::{Head, IndicatorObject, LABELS_MAX, Named, Pending, Relationship, SOURCE_CHARS_MAX, label, short, timestamp};
use super::pending::{Facts, Scratch, Writer};
use crate::formats::NOT_JSON;
use crate::formats::json::{Captured, JsonError, Reader};
use crate::formats::marks::bounded;
use crate::formats::pattern;
use crate::formats::{Item, Problem, ReadError, Sink, Stop, Summary, Tally, problem};
use crate::model::{Class, Indicator, Pap};
use std::collections::BTreeMap;
use std::io::BufRead;

/// The most names of malware, actors and identities that are remembered.
const NAMES_MAX: usize = 100_000;

/// Reads STIX. Indicators wait in `scratch` until the input has ended, because what they refer to may stand behind them;
/// problems are told at once. A `sink` that breaks ends the reading. Objects have at most so many bytes.
///
/// # Errors
/// The input or the scratch file fails. What the input says wrongly is never an error, but a problem.
pub fn read_within(
    object_bytes_max: usize,
    input: &mut dyn BufRead,
    scratch: &mut dyn Scratch,
    sink: &mut Sink<'_>,
) -> Result<Summary, ReadError> {
    let waiting = Writer::new(scratch).map_err(ReadError::Scratch)?;
    let mut import = Import {
        sink,
        object_bytes_max,
        waiting,
        markings: Markings::default(),
        names: BTreeMap::new(),
        tally: Tally::default(),
        summary: Summary::default(),
    };
    match import.documents(input) {
        Ok(()) => {}
        Err(Stop::Json(JsonError::Input(error))) => return Err(ReadError::Input(error)),
        Err(Stop::Json(error @ JsonError::Syntax { .. })) => {
            let JsonError::Syntax { at, what } = &error else { return Ok(import.summary) };
            let what = format!("{NOT_JSON}: {what}");
            if import.problem(at.to_string(), what).is_err() {
                return Ok(import.summary);
            }
        }
        Err(Stop::Enough) => return Ok(import.summary),
        Err(Stop::Scratch(error)) => return Err(ReadError::Scratch(error)),
    }
    import.finish()
}

fn too_large(object_bytes_max: usize) -> String {
    format!("the object is larger than {object_bytes_max} bytes")
}

struct Import<'a, 's> {
    sink: &'a mut Sink<'s>,
    object_bytes_max: usize,
    waiting: Writer<'a>,
    markings: Markings,
    names: BTreeMap<Key, Box<str>>,
    tally: Tally,
    summary: Summary,
}

impl Import<'_, '_> {
    fn problem(&mut self, place: String, what: String) -> Result<(), Stop> {
        self.summary.problems += 1;
        problem(self.sink, place, what)
    }

    fn documents(&mut self, input: &mut dyn BufRead) -> Result<(), Stop> {
        let mut json = Reader::new(input)?;
        let mut number = 0_u64;
        while let Some(byte) = json.next_byte(true)? {
            number += 1;
            let prefix = if number == 1 { String::new() } else { format!("document {number} ") };
            match byte {
                b'[' => self.array(&mut json, &prefix)?,
                b'{' => self.document(&mut json, &prefix)?,
                _ => return Err(json.unexpected("`{` or `[`").into()),
            }
        }
        if number == 0 { self.problem("the input".into(), "it is empty".into()) } else { Ok(()) }
    }

    fn array(&mut self, json: &mut Reader<'_>, prefix: &str) -> Result<(), Stop> {
        json.open()?;
        let mut index = 0_u64;
        let mut raw = Vec::new();
        while json.next_element()? {
            self.element(json, &mut raw, format!("{prefix}[{index}]"))?;
            index += 1;
        }
        Ok(())
    }

    /// One element of an array of objects.
    fn element(&mut self, json: &mut Reader<'_>, raw: &mut Vec<u8>, place: String) -> Result<(), Stop> {
        raw.clear();
        let start = json.position();
        match json.capture(raw, self.object_bytes_max)? {
            Captured::Whole => match self.object(raw, &place) {
                Ok(()) => Ok(()),
                Err(Wrong::Json(error)) => {
                    let (line, column) = start.inside(&error);
                    let place = named(&place, raw);
                    self.problem(place, format!("{} at line {line}, column {column}", reason(&error)))
                }
                Err(Wrong::Object(what)) => {
                    let place = named(&place, raw);
                    self.problem(place, what)
                }
                Err(Wrong::Stop(stop)) => Err(stop),
            },
            Captured::TooLong => self.problem(place, too_large(self.object_bytes_max)),
        }
    }

    /// A bundle, an envelope or a single object: known when it has been read.
    fn document(&mut self, json: &mut Reader<'_>, prefix: &str) -> Result<(), Stop> {
        json.open()?;
        let mut head = Vec::from(b"{");
        let mut listed = false;
        let mut too_long = false;
        let mut raw = Vec::new();
        while let Some(key) = json.next_key()? {
            if key == "objects" && json.next_byte(false)? == Some(b'[') {
                listed = true;
                json.open()?;
                let mut index = 0_u64;
                while json.next_element()? {
                    self.element(json, &mut raw, format!("{prefix}objects[{index}]"))?;
                    index += 1;
                }
                continue;
            }
            if head.len() > 1 {
                head.push(b',');
            }
            head.extend_from_slice(serde_json::Value::from(key).to_string().as_bytes());
            head.push(b':');
            let room = self.object_bytes_max.saturating_sub(head.len());
            if json.capture(&mut head, room)? == Captured::TooLong {
                head.extend_from_slice(b"null");
                too_long = true;
            }
        }
        head.push(b'}');
        if listed {
            return Ok(());
        }
        let place = format!("{prefix}object");
        if too_long {
            return self.problem(place, too_large(self.object_bytes_max));
        }
        match self.object(&head, &place) {
            Ok(()) => Ok(()),
            Err(Wrong::Json(error)) => self.problem(named(&place, &head), reason(&error)),
            Err(Wrong::Object(what)) => self.problem(named(&place, &head), what),
            Err(Wrong::Stop(stop)) => Err(stop),
        }
    }

    fn object(&mut self, raw: &[u8], place_of: &str) -> Result<(), Wrong> {
        let text = std::str::from_utf8(raw).map_err(|_| Wrong::Object("the object is not UTF-8".into()))?;
        if !text.trim_start().starts_with('{') {
            return Err(Wrong::Object("not a JSON object".into()));
        }
        // Most objects are sound indicators: they are read once. What is not is read again, to tell what it is and what is wrong.
        if text.contains("\"indicator\"")
            && let Ok(object) = serde_json::from_str::<IndicatorObject<'_>>(text)
            && object.is_indicator()
        {
            return self.indicator(object, place_of);
        }
        let head: Head = serde_json::from_str(text)?;
        let place = named_by(place_of, &head);
        match head.kind.as_str() {
            "indicator" => return self.indicator(serde_json::from_str(text)?, place_of),
            "marking-definition" => self.markings.define(&serde_json::from_str::<Definition>(text)?),
            "relationship" => {
                let relationship: Relationship = serde_json::from_str(text)?;
                if relationship.relationship_type == "indicates" && !relationship.revoked {
                    self.waiting.indicates(&relationship.source_ref, &relationship.target_ref)?;
                }
            }
            "malware" | "campaign" | "intrusion-set" | "threat-actor" | "tool" | "infrastructure" | "identity" => {
                let named: Named = serde_json::from_str(text)?;
                if self.names.len() < NAMES_MAX {
                    self.names.insert(Key::of(&named.id), short(named.name.trim(), SOURCE_CHARS_MAX).into());
                }
            }
            "bundle" => return Err(Wrong::Object("a bundle without a list of objects, or inside another bundle".into())),
            kind if is_observation(kind) => {
                let what = format!("`{kind}` says what was seen, which is not an indicator");
                self.tally.add(place, what);
            }
            kind => self.tally.add(place, format!("`{}` is not an indicator", short(kind, 60).escape_debug())),
        }
        Ok(())
    }

    fn indicator(&mut self, object: IndicatorObject<'_>, place_of: &str) -> Result<(), Wrong> {
        let place = with_id(place_of, object.id());
        let pending = object.pending(place).map_err(Wrong::Object)?;
        Ok(self.waiting.indicator(&pending)?)
    }

    fn finish(mut self) -> Result<Summary, ReadError> {
        let mut waiting = self.waiting.finish().map_err(ReadError::Scratch)?;
        while let Some(portion) = waiting.portion().map_err(ReadError::Scratch)? {
            self.summary.waiting_max = self.summary.waiting_max.max(portion.len() as u64);
            let (markings, names, summary, sink) = (&self.markings, &self.names, &mut self.summary, &mut *self.sink);
            let take = |pending: Pending, about: Option<&Facts>| {
                let item = item(pending, about, markings, names);
                match item {
                    Item::Indicator { .. } => summary.indicators += 1,
                    Item::Problem(_) | Item::LeftOut(..) => summary.problems += 1,
                    Item::Note(_) => {}
                }
                sink(item)
            };
            if waiting.each(&portion, take).map_err(ReadError::Scratch)?.is_break() {
                return Ok(self.summary);
            }
        }
        for (problem, count) in self.tally.problems() {
            self.summary.problems += 1;
            if (self.sink)(Item::LeftOut(problem, count)).is_break() {
                break;
            }
        }
        Ok(self.summary)
    }
}

/// What a waiting indicator becomes now that the whole file is known.
fn item(pending: Pending, facts: Option<&Facts>, markings: &Markings, names: &BTreeMap<Key, Box<str>>) -> Item {
    let refuse = |place: String, what: &str| Item::Problem(Problem { place, what: what.into() });
    if let Some(facts) = facts {
        if facts.creator.is_some_and(|creator| creator != pending.creator) {
            return refuse(pending.place, "another author's version of an object that stands earlier in the file");
        }
        if facts.revoked && !pending.revoked {
            return refuse(pending.place, "its author has revoked this object, and it cannot come back");
        }
        if pending.modified < facts.modified && !pending.revoked {
            return refuse(pending.place, "a newer version of this object stands in the same file");
        }
    }
    let observable = match pattern::indicated(&pending.pattern) {
        Ok(observable) => observable,
        Err(error) => return refuse(pending.place, &error.to_string()),
    };
    let own = Marking { tlp: pending.tlp, class: Class::Public, pap: Pap::Clear };
    let Marking { tlp, class, pap } = pending.markings.iter().fold(own, |said, key| said.join(markings.of(key)));
    let mut labels = pending.labels;
    let targets = facts.into_iter().flat_map(|facts| &facts.targets);
    labels.extend(targets.filter_map(|target| names.get(target)).filter_map(|name| label(name)));
    bounded(&mut labels, LABELS_MAX);
    let indicator = Indicator {
        observable,
        valid_from: timestamp(pending.valid_from),
        valid_until: timestamp(pending.valid_until),
        confidence: pending.confidence,
        labels,
        note: pending.note,
        source: pending.source.or_else(|| pending.creator.and_then(|creator| names.get(&creator)).map(|name| name.to_string())),
    };
    Item::marked(pending.place, indicator, tlp, (class, pap), pending.revoked)
}

enum Wrong {
    Json(serde_json::Error),
    Object(String),
    Stop(Stop),
}

impl From<serde_json::Error> for Wrong {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

impl From<std::io::Error> for Wrong {
    fn from(error: std::io::Error) -> Self {
        Self::Stop(Stop::Scratch(error))
    }
}

/// The error without its own place, which counts from the object's start.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    short(text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what), 200)
}

/// The place with the object's id behind it, where that can be read.
fn named(place: &str, raw: &[u8]) -> String {
    if !raw.trim_ascii_start().starts_with(b"{") {
        return place.to_owned();
    }
    serde_json::from_slice::<Head>(raw).map_or_else(|_| place.to_owned(), |head| named_by(place, &head))
}

fn named_by(place: &str, head: &Head) -> String {
    match &head.id {
        Some(serde_json::Value::String(id)) => with_id(place, id),
        _ => place.to_owned(),
    }
}

fn with_id(place: &str, id: &str) -> String {
    match id.len() <= 100 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        true => [place, " ", id].concat(),
        false => format!("{place} {}", short(id, 100).escape_debug()),
    }
}

/// Cyber-observable objects, and what reports that some were seen.
fn is_observation(kind: &str) -> bool {
    const KINDS: [&str; 20] = [
        "artifact",
        "autonomous-system",
        "directory",
        "domain-name",
        "email-addr",
        "email-message",
        "file",
        "ipv4-addr",
        "ipv6-addr",
        "mac-addr",
        "mutex",
        "network-traffic",
        "observed-data",
        "process",
        "sighting",
        "software",
        "url",
        "user-account",
        "windows-registry-key",
        "x509-certificate",
    ];
    KINDS.binary_search(&kind).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::json::VALUE_BYTES_MAX;
    use crate::model::Tlp;
    use std::io::{BufReader, Cursor};
    use std::ops::ControlFlow;

    /// What a text gives: `kind:value tlp labels` or `place: reason`.
    fn told(text: &str) -> Vec<String> {
        let mut told = Vec::new();
        let mut sink = |item: Item| {
            told.push(match item {
                Item::Indicator { indicator, tlp, revoked, .. } => {
                    let tlp = tlp.map_or("unmarked", Tlp::name);
                    let revoked = if revoked { " revoked" } else { "" };
                    format!("{} {tlp} {:?}{revoked}", indicator.observable, indicator.labels)
                }
                Item::Problem(problem) | Item::LeftOut(problem, _) | Item::Note(problem) => {
                    format!("{}: {}", problem.place, problem.what.lines().next().unwrap_or(""))
                }
            });
            ControlFlow::Continue(())
        };
        let mut input = BufReader::with_capacity(7, text.as_bytes());
        read_within(VALUE_BYTES_MAX, &mut input, &mut Cursor::new(Vec::new()), &mut sink).expect("memory does not fail");
        told
    }

    fn indicator(number: u8, value: &str, more: &str) -> String {
        format!(
            r#"{{"type":"indicator","id":"indicator--00000000-0000-4000-8000-0000000000{number:02}","pattern":"[domain-name:value='{value}']"{more}}}"#
        )
    }

    fn bundle(objects: &[String]) -> String {
        format!(r#"{{"type":"bundle","id":"bundle--x","objects":[{}]}}"#, objects.join(","))
    }

    #[test]
    fn names_and_markings_behind_an_indicator_reach_it() {
        let text = bundle(&[
            r#"{"type":"relationship","id":"r","relationship_type":"indicates","source_ref":"indicator--00000000-0000-4000-8000-000000000001","target_ref":"malware--1"}"#.into(),
            indicator(1, "a.example", r#","object_marking_refs":["marking-definition--own"],"indicator_types":["malicious-activity"]"#),
            r#"{"type":"malware","id":"malware--1","name":"Pegasus"}"#.into(),
            r#"{"type":"marking-definition","id":"marking-definition--own","definition_type":"tlp","definition":{"tlp":"amber"}}"#.into(),
        ]);
        assert_eq!(told(&text), [r#"domain:a.example amber ["Pegasus", "malicious-activity"]"#]);
    }

    #[test]
    fn the_most_restrictive_marking_wins_and_an_unknown_one_is_red() {
        let refs = |ids: &[&str]| format!(r#","object_marking_refs":{}"#, serde_json::to_string(ids).expect("text"));
        let (green, amber) =
            (crate::formats::stix::markings::official_id(Tlp::Green), crate::formats::stix::markings::official_id(Tlp::Amber));
        let text = bundle(&[
            indicator(1, "a.example", &refs(&[&amber, &green])),
            indicator(2, "b.example", &refs(&["marking-definition--nowhere"])),
            indicator(3, "c.example", r#","labels":["tlp:red"]"#),
            indicator(4, "d.example", ""),
        ]);
        assert_eq!(
            told(&text),
            ["domain:a.example amber []", "domain:b.example red []", "domain:c.example red []", "domain:d.example unmarked []"]
        );
    }

    #[test]
    fn labels_that_are_misps_tags_say_how_sure_the_author_is_where_nothing_else_does() {
        let text = bundle(&[
            indicator(1, "a.example", r#","labels":["admiralty-scale:information-credibility=\"2\"","rsit:fraud=\"phishing\""]"#),
            indicator(2, "b.example", r#","confidence":15,"labels":["misp:confidence-level=\"usually-confident\""]"#),
        ]);
        let mut found = Vec::new();
        let mut sink = |item: Item| {
            if let Item::Indicator { indicator, .. } = item {
                found.push((indicator.confidence, indicator.labels));
            }
            ControlFlow::Continue(())
        };
        read_within(VALUE_BYTES_MAX, &mut text.as_bytes(), &mut Cursor::new(Vec::new()), &mut sink).unwrap();
        assert_eq!(found, [(Some(70), vec!["rsit:fraud=\"phishing\"".to_owned()]), (Some(15), vec![])]);
    }

    #[test]
    fn every_wrapper_is_read() {
        let (a, b) = (indicator(1, "a.example", ""), indicator(2, "b.example", ""));
        let expected = ["domain:a.example unmarked []", "domain:b.example unmarked []"];
        for text in [
            format!("[{a},{b}]"),
            format!("{a}\n{b}\n"),
            format!("{a},{b}"),
            format!(r#"{{"more":false,"objects":[{a},{b}]}}"#),
            format!("{}{}", bundle(std::slice::from_ref(&a)), bundle(std::slice::from_ref(&b))),
            format!("\u{feff}{}", bundle(&[a.clone(), b.clone()])),
        ] {
            assert_eq!(told(&text), expected, "{text}");
        }
    }

    #[test]
    fn one_bad_object_costs_itself() {
        let text = bundle(&[
            indicator(1, "a.example", ""),
            r#"{"type":"indicator","id":7}"#.into(),
            r#"{"type":"indicator",}"#.into(),
            "null".into(),
            indicator(2, "b.example", r#","confidence":101"#),
            indicator(3, "c.example", ""),
        ]);
        let told = told(&text);
        assert_eq!(told[0], "objects[1]: invalid type: integer `7`, expected a string at line 1, column 191");
        assert_eq!(told[1], "objects[2]: trailing comma at line 1, column 214");
        assert_eq!(told[3], "objects[4] indicator--00000000-0000-4000-8000-000000000002: `confidence` is 101, not 0 to 100");
        assert_eq!(told[4..], ["domain:a.example unmarked []", "domain:c.example unmarked []"]);
    }

    #[test]
    fn what_stands_before_a_cut_is_kept_and_the_cut_is_told() {
        let whole = bundle(&[indicator(1, "a.example", ""), indicator(2, "b.example", "")]);
        let told = told(&whole[..whole.len() - 30]);
        assert!(told[0].starts_with("line 1, column ") && told[0].contains("the input ends in the middle of a value"), "{}", told[0]);
        assert_eq!(told[1..], ["domain:a.example unmarked []"]);
    }

    #[test]
    fn only_the_newest_version_of_an_object_by_its_own_author_counts() {
        let version = |value: &str, day: u8, more: &str| indicator(1, value, &format!(r#","modified":"2026-01-{day:02}T00:00:00Z"{more}"#));
        let other = r#","created_by_ref":"identity--other","revoked":true"#;
        let text = bundle(&[version("new.example", 3, ""), version("old.example", 1, ""), version("hijacked.example", 9, other)]);
        let id = "indicator--00000000-0000-4000-8000-000000000001";
        assert_eq!(
            told(&text),
            [
                "domain:new.example unmarked []".into(),
                format!("objects[1] {id}: a newer version of this object stands in the same file"),
                format!("objects[2] {id}: another author's version of an object that stands earlier in the file"),
            ]
        );
        let revoked = bundle(&[version("a.example", 1, r#","revoked":true"#), version("a.example", 2, "")]);
        assert_eq!(told(&revoked)[0], "domain:a.example unmarked [] revoked");
        assert!(told(&revoked)[1].ends_with("its author has revoked this object, and it cannot come back"));
    }

    #[test]
    fn what_was_seen_is_no_indicator_and_told_once_per_reason() {
        let seen = |name: &str| format!(r#"{{"type":"domain-name","id":"domain-name--{name}","value":"{name}.example"}}"#);
        let told = told(&bundle(&[seen("a"), seen("b")]));
        assert_eq!(told, ["objects[0] domain-name--a and 1 more: `domain-name` says what was seen, which is not an indicator"]);
    }

    /// 60,000 indicators and, behind them all, what they refer to: their marking, a name for the first, a newer version of the second. Made
    /// as they are read.
    struct Long(u32, Cursor<Vec<u8>>);

    impl std::io::Read for Long {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            while self.1.position() == self.1.get_ref().len() as u64 && self.0 <= 60_001 {
                let number = self.0;
                let text = match number {
                    0 => r#"{"type":"bundle","objects":["#.to_owned(),
                    60_001 => concat!(
                        r#"{"type":"indicator","id":"indicator--00000000-0000-4000-8000-000000000002","modified":"2026-01-01T00:00:00Z","object_marking_refs":["m"],"pattern":"[domain-name:value='newer.example']"},"#,
                        r#"{"type":"relationship","id":"r","relationship_type":"indicates","source_ref":"indicator--00000000-0000-4000-8000-000000000001","target_ref":"malware--1"},"#,
                        r#"{"type":"malware","id":"malware--1","name":"Bad"},"#,
                        r#"{"type":"marking-definition","id":"m","definition_type":"tlp","definition":{"tlp":"green"}}]}"#
                    )
                    .to_owned(),
                    _ => format!(
                        r#"{{"type":"indicator","id":"indicator--00000000-0000-4000-8000-{number:012}","object_marking_refs":["m"],"pattern":"[domain-name:value='d{number}.example']"}},"#
                    ),
                };
                self.1 = Cursor::new(text.into_bytes());
                self.0 += 1;
            }
            self.1.read(into)
        }
    }

    /// A scratch file that counts what is read and written.
    #[derive(Default)]
    struct Counting {
        file: Cursor<Vec<u8>>,
        read: usize,
    }

    impl std::io::Read for Counting {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let count = self.file.read(into)?;
            self.read += count;
            Ok(count)
        }
    }

    impl std::io::Write for Counting {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.file.write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl std::io::Seek for Counting {
        fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
            self.file.seek(to)
        }
    }

    #[test]
    fn memory_holds_one_portion_however_long_the_file() {
        let (mut greens, mut named, mut superseded) = (0, Vec::new(), Vec::new());
        let mut sink = |item: Item| {
            match item {
                Item::Indicator { indicator, tlp, .. } => {
                    greens += u32::from(tlp == Some(Tlp::Green));
                    if !indicator.labels.is_empty() {
                        named.push(indicator.observable.value().to_owned());
                    }
                }
                Item::Problem(problem) | Item::LeftOut(problem, _) | Item::Note(problem) => superseded.push(problem.place),
            }
            ControlFlow::Continue(())
        };
        let mut input = BufReader::new(Long(0, Cursor::new(Vec::new())));
        let mut scratch = Counting::default();
        let summary = read_within(VALUE_BYTES_MAX, &mut input, &mut scratch, &mut sink).expect("memory does not fail");
        assert_eq!((summary.indicators, summary.waiting_max, greens), (60_000, 50_000, 60_000));
        assert_eq!(named, ["d1.example"]);
        assert_eq!(superseded, ["objects[1] indicator--00000000-0000-4000-8000-000000000002"]);
        // Twice for the indicators (their keys, then themselves), and for each of the two portions the facts alone.
        let written = scratch.file.get_ref().len();
        assert!(scratch.read * 2 < written * 5, "{} bytes were read of {written}", scratch.read);
    }
}
