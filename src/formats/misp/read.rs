//! The reader. It walks the wrappers key by key; attributes wait in the scratch file until their event has ended, since its tags
//! may stand behind them. Memory holds one attribute or one object, of at most as many bytes as the caller says.

use super::attribute::{Marks, Pending, flag, items, text};
use super::types::{self, Type};
use crate::formats::NOT_JSON;
use crate::formats::json::{Captured, JsonError, Reader};
use crate::formats::stix::Scratch;
use crate::formats::{Item, ReadError, Sink, Stop, Summary, Tally, problem};
use crate::model::{Indicator, Timestamp, Tlp};
use serde_json::Value;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

/// The most names that one indicator takes along.
pub(super) const LABELS_MAX: usize = 50;
/// The deepest nesting of wrappers (`response`, lists, `Event`).
const WRAPPERS_MAX: u32 = 8;
/// The longest source name that is read, in characters. Far more than leaves: the release gate looks at it before it cuts it.
const SOURCE_CHARS_MAX: usize = 2_000;

/// Reads MISP JSON. An event's attributes wait in `scratch` until the event has ended; problems are told at once. A `sink` that
/// breaks ends the reading. Objects have at most so many bytes.
///
/// # Errors
/// The input or the scratch file fails. What the input says wrongly is never an error, but a problem.
pub fn read_within(
    object_bytes_max: usize,
    input: &mut dyn BufRead,
    scratch: &mut dyn Scratch,
    sink: &mut Sink<'_>,
) -> Result<Summary, ReadError> {
    let end = scratch.seek(SeekFrom::End(0)).map_err(ReadError::Scratch)?;
    let mut import = Import {
        sink,
        object_bytes_max,
        scratch: BufWriter::new(scratch),
        end,
        tally: Tally::default(),
        summary: Summary::default(),
        seen: false,
    };
    let ended = import.documents(input);
    match ended.and_then(|()| import.finish()) {
        Ok(()) | Err(Stop::Enough) => Ok(import.summary),
        Err(Stop::Json(JsonError::Input(error))) => Err(ReadError::Input(error)),
        Err(Stop::Json(JsonError::Syntax { .. })) => Ok(import.summary),
        Err(Stop::Scratch(error)) => Err(ReadError::Scratch(error)),
    }
}

struct Import<'a, 's> {
    sink: &'a mut Sink<'s>,
    object_bytes_max: usize,
    scratch: BufWriter<&'a mut dyn Scratch>,
    /// Where the next waiting attribute goes.
    end: u64,
    tally: Tally,
    summary: Summary,
    /// Anything that MISP has was met.
    seen: bool,
}

/// An event, or whatever else holds attributes.
struct Scope {
    start: u64,
    place: String,
    marks: Marks,
    info: Option<String>,
    publisher: Option<String>,
    /// Some attribute says `to_ids: true`.
    uses_to_ids: bool,
    deleted: bool,
}

impl Import<'_, '_> {
    fn problem(&mut self, place: String, what: String) -> Result<(), Stop> {
        self.summary.problems += 1;
        problem(self.sink, place, what)
    }

    fn documents(&mut self, input: &mut dyn BufRead) -> Result<(), Stop> {
        let mut json = Reader::new(input)?;
        let mut number = 0_u64;
        loop {
            let next = match json.next_byte(true) {
                Ok(Some(b'{' | b'[')) => {
                    number += 1;
                    let place = if number == 1 { String::new() } else { format!("document {number} ") };
                    self.wrapper(&mut json, &place, 0)
                }
                Ok(Some(_)) => Err(json.unexpected("`{` or `[`").into()),
                Ok(None) => break,
                Err(error) => Err(error.into()),
            };
            match next {
                Ok(()) => {}
                Err(Stop::Json(JsonError::Syntax { at, what })) => {
                    self.problem(at.to_string(), format!("{NOT_JSON}: {what}"))?;
                    break;
                }
                Err(other) => return Err(other),
            }
        }
        match (number, self.seen) {
            (0, _) => self.problem("the input".into(), "there is no JSON in it".into()),
            (_, false) => self.problem("the input".into(), "there is no MISP event, attribute or object in it".into()),
            _ => Ok(()),
        }
    }

    fn wrapper(&mut self, json: &mut Reader<'_>, place: &str, depth: u32) -> Result<(), Stop> {
        if depth > WRAPPERS_MAX {
            json.skip()?;
            return self.problem(place.into(), "more than 8 wrappers in each other".into());
        }
        match json.next_byte(false)? {
            Some(b'[') => {
                json.open()?;
                let mut index = 0_u64;
                while json.next_element()? {
                    self.wrapper(json, &format!("{place}[{index}]"), depth + 1)?;
                    index += 1;
                }
                Ok(())
            }
            Some(b'{') => self.scope(json, place, depth),
            _ => {
                json.skip()?;
                self.problem(place.trim_end().into(), "neither an event nor a list of events".into())
            }
        }
    }

    fn scope(&mut self, json: &mut Reader<'_>, place: &str, depth: u32) -> Result<(), Stop> {
        json.open()?;
        let mut scope = Scope {
            start: self.end,
            place: place.to_owned(),
            marks: Marks::default(),
            info: None,
            publisher: None,
            uses_to_ids: false,
            deleted: false,
        };
        match self.keys(json, &mut scope, depth) {
            Ok(()) => self.release(&scope),
            Err(Stop::Json(error @ JsonError::Syntax { .. })) => {
                // The tags may have stood behind the cut: what they said cannot be known, so it is the most.
                scope.marks.tlp = Some(Tlp::Red);
                self.release(&scope)?;
                Err(error.into())
            }
            Err(other) => Err(other),
        }
    }

    fn keys(&mut self, json: &mut Reader<'_>, scope: &mut Scope, depth: u32) -> Result<(), Stop> {
        while let Some(key) = json.next_key()? {
            let dot = if scope.place.is_empty() || scope.place.ends_with(' ') { "" } else { "." };
            let place = format!("{}{dot}{key}", scope.place);
            let next = json.next_byte(false)?;
            match key.as_str() {
                "Event" | "response" | "Response" => {
                    self.seen = true;
                    self.wrapper(json, &place, depth + 1)?;
                }
                "Attribute" | "Object" => {
                    self.seen = true;
                    match next {
                        Some(b'[') => self.list(json, scope, &key, &place)?,
                        _ => self.single(json, scope, &key, &place)?,
                    }
                }
                "Tag" => scope.marks.tags(&self.value(json, &place)?),
                "Galaxy" => scope.marks.galaxies(&self.value(json, &place)?),
                "info" => {
                    self.seen = true;
                    scope.info = text(Some(&self.value(json, &place)?)).map(|info| info.trim().chars().take(SOURCE_CHARS_MAX).collect());
                }
                "Orgc" => {
                    scope.publisher = text(self.value(json, &place)?.get("name")).map(|name| name.chars().take(SOURCE_CHARS_MAX).collect())
                }
                "deleted" => scope.deleted = flag(Some(&self.value(json, &place)?)).unwrap_or(false),
                _ => json.skip()?,
            }
        }
        Ok(())
    }

    /// The next value, parsed; a broken one is reported and counts as null.
    fn value(&mut self, json: &mut Reader<'_>, place: &str) -> Result<Value, Stop> {
        let start = json.position();
        let mut raw = Vec::new();
        if json.capture(&mut raw, self.object_bytes_max)? == Captured::TooLong {
            self.problem(place.into(), format!("larger than {} bytes", self.object_bytes_max))?;
            return Ok(Value::Null);
        }
        match serde_json::from_slice(&raw) {
            Ok(value) => Ok(value),
            Err(error) => {
                let (line, column) = start.inside(&error);
                let text = error.to_string();
                let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
                self.problem(place.into(), format!("{what} at line {line}, column {column}"))?;
                Ok(Value::Null)
            }
        }
    }

    fn list(&mut self, json: &mut Reader<'_>, scope: &mut Scope, key: &str, place: &str) -> Result<(), Stop> {
        json.open()?;
        let mut index = 0_u64;
        while json.next_element()? {
            let place = format!("{place}[{index}]");
            let problems = self.summary.problems;
            let value = self.value(json, &place)?;
            if self.summary.problems == problems {
                self.member(scope, key, &value, &place)?;
            }
            index += 1;
        }
        Ok(())
    }

    /// One attribute or object, or an object whose keys number several.
    fn single(&mut self, json: &mut Reader<'_>, scope: &mut Scope, key: &str, place: &str) -> Result<(), Stop> {
        let value = self.value(json, place)?;
        let is_one = ["type", "value", "Attribute", "name"].iter().any(|key| value.get(key).is_some());
        match &value {
            Value::Object(map) if !is_one => {
                for (index, value) in map {
                    self.member(scope, key, value, &format!("{place}[{index}]"))?;
                }
                Ok(())
            }
            Value::Null => Ok(()),
            value => self.member(scope, key, value, place),
        }
    }

    fn member(&mut self, scope: &mut Scope, key: &str, value: &Value, place: &str) -> Result<(), Stop> {
        if key == "Attribute" {
            return self.attribute(scope, value, place, None, &Marks::default(), false);
        }
        let Some(attributes) = value.get("Attribute") else {
            return self.problem(place.into(), "an object without attributes".into());
        };
        if !attributes.is_array() && !attributes.is_object() {
            return self.problem(place.into(), "an object whose attributes are not a list".into());
        }
        let name = text(value.get("name"));
        let mut marks = Marks::default();
        if name.as_deref() == Some("android-app") {
            let app = items(attributes).find(|attribute| text(attribute.get("object_relation")).as_deref() == Some("name"));
            if let Some(app) = app.and_then(|app| text(app.get("value"))) {
                marks.label(&app);
            }
        }
        let deleted = flag(value.get("deleted")).unwrap_or(false);
        for (index, attribute) in items(attributes).enumerate() {
            self.attribute(scope, attribute, &format!("{place}.Attribute[{index}]"), name.as_deref(), &marks, deleted)?;
        }
        Ok(())
    }

    fn attribute(
        &mut self,
        scope: &mut Scope,
        value: &Value,
        place: &str,
        object: Option<&str>,
        marks: &Marks,
        deleted: bool,
    ) -> Result<(), Stop> {
        let place = match text(value.get("uuid")) {
            Some(uuid) => format!("{place} {}", uuid.chars().take(40).collect::<String>().escape_debug()),
            None => place.to_owned(),
        };
        let mut pending = match Pending::read(value, place.clone(), object) {
            Ok(pending) => pending,
            Err(what) => return self.problem(place, what),
        };
        // What others met of it is no word of whoever imports it.
        for _ in value.get("Sighting").into_iter().flat_map(items) {
            self.tally.add(place.clone(), "a sighting says what was seen, which is not an indicator".into());
        }
        pending.deleted |= deleted;
        pending.marks.join(marks);
        let kind = types::of(&pending.kind, object, pending.relation.as_deref());
        let shown = pending.kind.escape_debug();
        match kind {
            Type::NotAnObservable => {
                self.tally.add(place, format!("an attribute of type `{shown}` is not an indicator"));
                return Ok(());
            }
            Type::Unknown => {
                self.tally.add(place, format!("an attribute of type `{shown}` is not understood"));
                return Ok(());
            }
            Type::One(_) | Type::Two(..) => {}
        }
        scope.uses_to_ids |= pending.to_ids == Some(true);
        self.wait(&pending)
    }

    fn wait(&mut self, pending: &Pending) -> Result<(), Stop> {
        let body = serde_json::to_vec(pending).map_err(|error| Stop::Scratch(error.into()))?;
        let length = u32::try_from(body.len()).map_err(|error| Stop::Scratch(io::Error::other(error)))?;
        let written = self.scratch.write_all(&length.to_be_bytes()).and_then(|()| self.scratch.write_all(&body));
        self.end += 4 + u64::from(length);
        written.map_err(Stop::Scratch)
    }

    /// Lets the attributes of an event go, now that it has been read.
    fn release(&mut self, scope: &Scope) -> Result<(), Stop> {
        if self.end == scope.start {
            return Ok(());
        }
        self.scratch.flush().map_err(Stop::Scratch)?;
        let (mut place, end) = (scope.start, self.end);
        while place < end {
            // Read in portions: the sink runs between them, and the scratch file is one.
            let (portion, next) = portion(*self.scratch.get_mut(), place, end).map_err(Stop::Scratch)?;
            self.summary.waiting_max = self.summary.waiting_max.max(portion.len() as u64);
            for pending in portion {
                self.item(scope, pending)?;
            }
            place = next;
        }
        self.scratch.seek(SeekFrom::Start(scope.start)).map_err(Stop::Scratch)?;
        self.end = scope.start;
        Ok(())
    }

    fn item(&mut self, scope: &Scope, pending: Pending) -> Result<(), Stop> {
        if let Err(what) = taken(&pending, scope) {
            return self.problem(pending.place, what.into());
        }
        let kind = types::of(&pending.kind, pending.object.as_deref(), pending.relation.as_deref());
        let mut marks = pending.marks;
        marks.join(&scope.marks);
        let values = types::values(kind, &pending.value);
        for value in values {
            match value {
                Ok(observable) => {
                    let indicator = Indicator {
                        observable,
                        valid_from: pending.valid_from.map(Timestamp),
                        valid_until: pending.valid_until.map(Timestamp),
                        confidence: marks.confidence,
                        labels: marks.labels.clone(),
                        note: pending.note.clone(),
                        source: pending.source.clone().or_else(|| source(scope)),
                    };
                    self.summary.indicators += 1;
                    let item = Item::indicator(pending.place.clone(), indicator, marks.tlp, pending.deleted || scope.deleted);
                    if (self.sink)(item).is_break() {
                        return Err(Stop::Enough);
                    }
                }
                Err(error) => self.problem(pending.place.clone(), error)?,
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Stop> {
        for (problem, count) in std::mem::take(&mut self.tally).problems() {
            self.summary.problems += 1;
            if (self.sink)(Item::LeftOut(problem, count)).is_break() {
                return Err(Stop::Enough);
            }
        }
        Ok(())
    }
}

/// Whether an attribute whose type is an observable is meant for detection; see the module's text.
fn taken(pending: &Pending, scope: &Scope) -> Result<(), &'static str> {
    let recipient = matches!(pending.kind.as_str(), "email-dst" | "target-email" | "whois-registrant-email" | "whois-registrant-phone");
    let app_id = pending.object.as_deref() == Some("android-app") && pending.relation.as_deref() == Some("appid");
    match pending.to_ids {
        Some(true) => Ok(()),
        _ if recipient => Err("a recipient or a registered person, who may be a victim; taken only where `to_ids` is true"),
        Some(false) if scope.uses_to_ids && !app_id => Err("context, not for detection (`to_ids` is false)"),
        _ => Ok(()),
    }
}

fn source(scope: &Scope) -> Option<String> {
    let text = match (&scope.publisher, &scope.info) {
        (Some(publisher), Some(info)) => format!("{publisher}: {info}"),
        (publisher, info) => publisher.clone().or_else(|| info.clone())?,
    };
    Some(text.chars().take(SOURCE_CHARS_MAX).collect()).filter(|text: &String| !text.trim().is_empty())
}

/// Up to 1,000 waiting attributes or 1 MiB of them, from `place` on.
fn portion(scratch: &mut dyn Scratch, place: u64, end: u64) -> io::Result<(Vec<Pending>, u64)> {
    scratch.seek(SeekFrom::Start(place))?;
    let mut input = BufReader::with_capacity(1 << 16, scratch);
    let (mut portion, mut next) = (Vec::new(), place);
    while next < end && portion.len() < 1_000 && next - place < (1 << 20) {
        let mut length = [0; 4];
        input.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length);
        let mut body = vec![0; length as usize];
        input.read_exact(&mut body)?;
        portion.push(serde_json::from_slice(&body)?);
        next += 4 + u64::from(length);
    }
    Ok((portion, next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::json::VALUE_BYTES_MAX;
    use std::io::Cursor;
    use std::ops::ControlFlow;

    /// What a text gives: `kind:value tlp labels source` or the reason of a problem.
    fn told(text: &str) -> Vec<String> {
        let mut told = Vec::new();
        let mut sink = |item: Item| {
            told.push(match item {
                Item::Indicator { indicator, tlp, revoked, .. } => {
                    let tlp = tlp.map_or("unmarked", Tlp::name);
                    let sure = indicator.confidence.map_or(String::new(), |confidence| format!(" {confidence}"));
                    format!("{} {tlp}{sure} {:?}{}", indicator.observable, indicator.labels, if revoked { " revoked" } else { "" })
                }
                Item::Problem(problem) | Item::LeftOut(problem, _) | Item::Note(problem) => {
                    problem.what.lines().next().unwrap_or("").to_owned()
                }
            });
            ControlFlow::Continue(())
        };
        let mut input = BufReader::with_capacity(5, text.as_bytes());
        read_within(VALUE_BYTES_MAX, &mut input, &mut Cursor::new(Vec::new()), &mut sink).expect("memory does not fail");
        told
    }

    fn domain(name: &str, more: &str) -> String {
        format!(r#"{{"type":"domain","value":"{name}.example"{more}}}"#)
    }

    #[test]
    fn every_wrapper_is_read() {
        let event = format!(r#"{{"info":"x","Attribute":[{}]}}"#, domain("a", ""));
        for text in [
            event.clone(),
            format!(r#"{{"Event":{event}}}"#),
            format!(r#"[{{"Event":{event}}}]"#),
            format!(r#"{{"Event":[{event}]}}"#),
            format!(r#"{{"response":[{{"Event":{event}}}]}}"#),
            format!(r#"{{"response":{{"Attribute":[{}]}}}}"#, domain("a", "")),
            format!(r#"{{"Attribute":{{"0":{}}}}}"#, domain("a", "")),
            format!(r#"{{"response":[{{"Object":{{"name":"x","Attribute":[{}]}}}}]}}"#, domain("a", "")),
        ] {
            assert_eq!(told(&text), ["domain:a.example unmarked []"], "{text}");
        }
    }

    #[test]
    fn tags_behind_the_attributes_reach_them_and_the_most_restrictive_wins() {
        let text = format!(
            r#"{{"Attribute":[{},{}],"Tag":[{{"name":"tlp:green"}},{{"name":"misp-galaxy:malpedia=\"SamSam\""}}]}}"#,
            domain("a", ""),
            domain("b", r#","Tag":[{"name":"TLP:AMBER"}]"#)
        );
        assert_eq!(told(&text), [r#"domain:a.example green ["SamSam"]"#, r#"domain:b.example amber ["SamSam"]"#]);
    }

    #[test]
    fn an_attribute_s_own_confidence_counts_before_its_event_s_and_the_least_of_several() {
        let tag = |of: u8| format!(r#"{{"name":"admiralty-scale:information-credibility=\"{of}\""}}"#);
        let text = format!(
            r#"{{"Attribute":[{},{},{}],"Tag":[{},{{"name":"Pegasus"}}]}}"#,
            domain("a", ""),
            domain("b", &format!(r#","Tag":[{},{}]"#, tag(1), tag(2))),
            domain("c", &format!(r#","Tag":[{}]"#, tag(6))),
            tag(4)
        );
        let wanted = [
            r#"domain:a.example unmarked 30 ["Pegasus"]"#.to_owned(),
            r#"domain:b.example unmarked 70 ["Pegasus"]"#.to_owned(),
            r#"domain:c.example unmarked 30 ["Pegasus", "admiralty-scale:information-credibility=\"6\""]"#.to_owned(),
        ];
        assert_eq!(told(&text), wanted);
    }

    #[test]
    fn what_stands_before_a_cut_is_kept_as_red() {
        let text = format!(r#"{{"Event":{{"Attribute":[{},{{"type":"dom"#, domain("a", ""));
        let told = told(&text);
        assert_eq!(told[0], "domain:a.example red []");
        assert!(told[1].starts_with("not JSON from here on: the input ends"), "{}", told[1]);
    }

    #[test]
    fn context_is_not_taken_unless_the_flag_is_never_used() {
        let event = |flags: [&str; 2]| {
            format!(
                r#"{{"Attribute":[{},{}]}}"#,
                domain("a", &format!(r#","to_ids":{}"#, flags[0])),
                domain("b", &format!(r#","to_ids":{}"#, flags[1]))
            )
        };
        assert_eq!(told(&event(["\"1\"", "false"])), ["domain:a.example unmarked []", "context, not for detection (`to_ids` is false)"]);
        assert_eq!(told(&event(["false", "false"])), ["domain:a.example unmarked []", "domain:b.example unmarked []"]);
    }

    #[test]
    fn what_others_met_is_told_and_is_no_word_of_ours() {
        let met = r#","Sighting":[{"type":"0","date_sighting":"1"},{"type":"1","date_sighting":"2"}]"#;
        let text = format!(r#"{{"Attribute":[{},{}]}}"#, domain("a", met), domain("b", ""));
        let expected =
            ["domain:a.example unmarked []", "domain:b.example unmarked []", "a sighting says what was seen, which is not an indicator"];
        assert_eq!(told(&text), expected);
    }

    #[test]
    fn a_recipient_is_taken_only_where_it_is_marked() {
        let mail = |flag: &str| format!(r#"{{"Attribute":[{{"type":"email-dst","value":"a@example.com"{flag}}}]}}"#);
        assert!(told(&mail(""))[0].starts_with("a recipient or a registered person"));
        assert_eq!(told(&mail(r#","to_ids":true"#)), ["email:a@example.com unmarked []"]);
    }

    #[test]
    fn a_deleted_attribute_is_revoked_and_a_broken_one_costs_itself() {
        let text = format!(r#"{{"Attribute":[{},{{"type":7,}},null,{}]}}"#, domain("a", r#","deleted":true"#), domain("b", ""));
        let told = told(&text);
        assert_eq!(told[..2], ["trailing comma at line 1, column 78", "an attribute that is not a JSON object"]);
        assert_eq!(told[2..], ["domain:a.example unmarked [] revoked", "domain:b.example unmarked []"]);
    }

    #[test]
    fn an_android_app_gives_its_name_to_its_ids() {
        let text = r#"{"Object":[{"name":"android-app","Attribute":[
            {"type":"text","object_relation":"name","value":"Spy","to_ids":false},
            {"type":"text","object_relation":"appid","value":"com.example.spy","to_ids":false},
            {"type":"domain","value":"a.example","to_ids":true}]}]}"#;
        let told = told(text);
        assert_eq!(told[..2], [r#"app_id:com.example.spy unmarked ["Spy"]"#, r#"domain:a.example unmarked ["Spy"]"#]);
    }
}
