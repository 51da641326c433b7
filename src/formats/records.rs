//! Plain records in JSON, for programs that have no format of their own: an array of them, one, or one after the other (NDJSON).

use super::{Item, Problem};
use crate::model::{Class, Indicator, Observable, ObservableKind, Pap, Timestamp, Tlp};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::ops::ControlFlow;

/// A note has so many characters at most. Of all these texts the release gate takes what may leave.
const NOTE_CHARS_MAX: usize = 2_000;
/// The name of a source.
const SOURCE_CHARS_MAX: usize = 200;
/// So many names may an indicator be tied to.
const LABELS_MAX: usize = 50;
/// Of so many characters.
const LABEL_CHARS_MAX: usize = 200;

/// A record as a program writes it. What is not known here is refused: a slip in `valid_until` must not make it hold for ever.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    value: String,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    tlp: Option<String>,
    #[serde(default)]
    class: Option<String>,
    #[serde(default)]
    pap: Option<String>,
    #[serde(default)]
    valid_from: Option<Timestamp>,
    #[serde(default)]
    valid_until: Option<Timestamp>,
    #[serde(default)]
    confidence: Option<u8>,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    note: Option<String>,
    #[serde(default)]
    source: Option<String>,
}

/// Reads records; one that is none is a [`Problem`], and the others are read.
pub fn read(bytes: &[u8], sink: &mut dyn FnMut(Item) -> ControlFlow<()>) {
    let first = bytes.iter().copied().find(|byte| !byte.is_ascii_whitespace());
    let broken = |number: usize, error: &serde_json::Error| {
        Item::Problem(Problem { place: format!("[{number}]"), what: format!("not JSON from here on: {error}") })
    };
    if first == Some(b'[') {
        match serde_json::from_slice::<Vec<&RawValue>>(bytes) {
            Ok(all) => {
                let _ = all.into_iter().enumerate().try_for_each(|(number, raw)| sink(item(number, raw)));
            }
            Err(error) => drop(sink(broken(0, &error))),
        }
        return;
    }
    for (number, raw) in serde_json::Deserializer::from_slice(bytes).into_iter::<&RawValue>().enumerate() {
        let (item, is_last) = match raw {
            Ok(raw) => (item(number, raw), false),
            Err(error) => (broken(number, &error), true),
        };
        if sink(item).is_break() || is_last {
            return;
        }
    }
}

fn item(number: usize, raw: &RawValue) -> Item {
    let place = format!("[{number}]");
    match read_one(raw) {
        Ok((indicator, tlp, class, pap)) => Item::marked(place, indicator, tlp, (class, pap), false),
        Err(what) => Item::Problem(Problem { place, what }),
    }
}

fn read_one(raw: &RawValue) -> Result<(Indicator, Option<Tlp>, Class, Pap), String> {
    let Plain { value, kind, tlp, class, pap, valid_from, valid_until, confidence, labels, note, source } =
        serde_json::from_str(raw.get()).map_err(|error| error.to_string())?;
    fn first_line(error: &dyn std::fmt::Display) -> String {
        error.to_string().lines().next().unwrap_or_default().to_owned()
    }
    let observable = match kind {
        Some(kind) => {
            let known = ObservableKind::ALL.into_iter().find(|one| one.name() == kind);
            Observable::parse(known.ok_or("there is no such `kind`")?, &value)
        }
        None => Observable::guess(&value),
    };
    let observable = observable.map_err(|error| first_line(&error))?;
    let tlp = tlp.map(|text| text.parse::<Tlp>()).transpose().map_err(|error| first_line(&error))?;
    let class = class.map(|text| text.parse::<Class>()).transpose().map_err(|error| first_line(&error))?.unwrap_or(Class::Public);
    let pap = pap.map(|text| text.parse::<Pap>()).transpose().map_err(|error| first_line(&error))?.unwrap_or(Pap::Clear);
    if confidence.is_some_and(|one| one > 100) {
        return Err("`confidence` goes from 0 to 100".into());
    }
    let too_long = |text: &Option<String>, most: usize| text.as_ref().is_some_and(|text| text.chars().count() > most);
    if too_long(&note, NOTE_CHARS_MAX) || too_long(&source, SOURCE_CHARS_MAX) {
        return Err(format!("`note` has {NOTE_CHARS_MAX} characters at most, `source` {SOURCE_CHARS_MAX}"));
    }
    if labels.len() > LABELS_MAX || labels.iter().any(|label| label.chars().count() > LABEL_CHARS_MAX) {
        return Err(format!("there are {LABELS_MAX} `labels` at most, of {LABEL_CHARS_MAX} characters"));
    }
    Ok((Indicator { observable, valid_from, valid_until, confidence, labels, note, source }, tlp, class, pap))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<Item> {
        let mut items = Vec::new();
        read(text.as_bytes(), &mut |item| {
            items.push(item);
            ControlFlow::Continue(())
        });
        items
    }

    fn values(text: &str) -> Vec<String> {
        let value = |item: Item| match item {
            Item::Indicator { indicator, .. } => indicator.observable.value().to_owned(),
            Item::Problem(problem) => format!("{} {}", problem.place, problem.what),
            other => panic!("{other:?}"),
        };
        all(text).into_iter().map(value).collect()
    }

    #[test]
    fn an_array_one_record_and_lines_are_the_same() {
        let (one, other) = (r#"{"value":"hxxps://a-lure[.]com/x"}"#, r#"{"value":"b-lure.com","kind":"domain"}"#);
        for text in [format!("[{one},{other}]"), format!("{one}\n{other}\n"), format!(" {one} {other}")] {
            assert_eq!(values(&text), ["https://a-lure.com/x", "b-lure.com"], "{text}");
        }
        assert_eq!(values(other), ["b-lure.com"]);
        assert_eq!(values(""), Vec::<String>::new());
    }

    #[test]
    fn what_is_said_of_it_is_read_and_what_is_no_record_loses_no_other() {
        let text = r#"{"value":"a-lure.com","tlp":"amber","pap":"green","confidence":70,"valid_until":"2027-01-01T00:00:00Z","labels":["x"],"note":"n","source":"s"}"#;
        let [Item::Indicator { indicator, tlp, pap, .. }] = &all(text)[..] else { panic!("{:?}", all(text)) };
        assert_eq!((*tlp, *pap, indicator.confidence, indicator.note.as_deref()), (Some(Tlp::Amber), Pap::Green, Some(70), Some("n")));
        let mixed =
            r#"[{"value":"a-lure.com","valid_untill":"x"},{"value":""},{"value":"b-lure.com","confidence":101},7,{"value":"c-lure.com"}]"#;
        let read = values(mixed);
        assert_eq!(read.len(), 5);
        assert!(read[0].starts_with("[0] unknown field `valid_untill`") && read[2] == "[2] `confidence` goes from 0 to 100", "{read:?}");
        assert_eq!(read[4], "c-lure.com");
        assert!(values("[{\"value\":\"a-lure.com\"}")[0].starts_with("[0] not JSON from here on"));
        let cut = values("{\"value\":\"a-lure.com\"}\n{\"val");
        assert!(cut[0] == "a-lure.com" && cut[1].starts_with("[1] not JSON from here on"), "{cut:?}");
    }

    #[test]
    fn texts_and_names_are_bounded_and_what_is_no_kind_or_label_makes_no_record() {
        let is_read = |name: &str, value: serde_json::Value| {
            let items = all(&serde_json::json!({ "value": "a-lure.com", name: value }).to_string());
            match &items[..] {
                [Item::Indicator { .. }] => true,
                [Item::Problem(_)] => false,
                other => panic!("{other:?}"),
            }
        };
        for (name, most) in [("note", 2_000), ("source", 200)] {
            assert!(is_read(name, "é".repeat(most).into()) && !is_read(name, "é".repeat(most + 1).into()), "{name}");
        }
        assert!(is_read("labels", vec!["é".repeat(200); 50].into()));
        assert!(!is_read("labels", vec!["x"; 51].into()) && !is_read("labels", vec!["x".repeat(201)].into()));
        for (name, good, bad) in
            [("kind", "domain", "domane"), ("tlp", "green", "pink"), ("class", "public", "some"), ("pap", "amber", "pink")]
        {
            assert!(is_read(name, good.into()) && !is_read(name, bad.into()), "{name}");
        }
    }

    #[test]
    fn nothing_more_is_read_once_nobody_wants_it() {
        for text in ["[{\"value\":\"a-lure.com\"},{\"value\":\"b-lure.com\"}]", "{\"value\":\"a-lure.com\"}\n{\"value\":\"b-lure.com\"}"] {
            let mut count = 0;
            read(text.as_bytes(), &mut |_| {
                count += 1;
                ControlFlow::Break(())
            });
            assert_eq!(count, 1, "{text}");
        }
    }
}
