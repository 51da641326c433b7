//! Attributes as CSV, with MISP's columns. What a spreadsheet would take for a formula has an apostrophe in front, as in our own files.

use super::search::{Search, tags};
use crate::formats::csv::guarded;
use crate::formats::export::one_line;
use serde_json::{Map, Value};
use std::io::{self, Write};

/// What stands in a line where nothing else is asked for.
const USUAL: [&str; 13] = [
    "uuid",
    "event_id",
    "category",
    "type",
    "value",
    "comment",
    "to_ids",
    "date",
    "object_relation",
    "attribute_tag",
    "object_uuid",
    "object_name",
    "object_meta_category",
];
/// And what the event says, with `includeContext`.
const CONTEXT: [&str; 8] = [
    "event_info",
    "event_member_org",
    "event_source_org",
    "event_distribution",
    "event_threat_level_id",
    "event_analysis",
    "event_date",
    "event_tag",
];
/// What else may be asked for.
const MORE: [&str; 4] = ["id", "timestamp", "event_uuid", "event_timestamp"];

/// Everything that may be asked for.
pub(super) fn fields() -> impl Iterator<Item = &'static str> {
    USUAL.into_iter().chain(CONTEXT).chain(MORE)
}

/// Writes lines of CSV.
pub struct Lines {
    fields: Vec<String>,
}

impl Lines {
    /// Begins, with a header where one is wanted.
    ///
    /// # Errors
    /// What writing gives.
    pub fn begin(search: &Search, out: &mut dyn Write) -> io::Result<Self> {
        let fields = match search.fields.as_slice() {
            [] => USUAL.iter().chain(CONTEXT.iter().filter(|_| search.context)).map(|&field| field.to_owned()).collect(),
            fields => fields.to_vec(),
        };
        if !search.headerless {
            // PyMISP splits this line at commas and LF, and takes nothing off.
            writeln!(out, "{}", fields.join(","))?;
        }
        Ok(Self { fields })
    }

    /// Writes an attribute of an event, both as they are shown.
    ///
    /// # Errors
    /// What writing gives.
    pub fn line(&self, event: &Map<String, Value>, attribute: &Map<String, Value>, out: &mut dyn Write) -> io::Result<()> {
        let mut line = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
        let cells = self.fields.iter().map(|field| guarded(&one_line(&cell(field, event, attribute))).into_owned());
        line.write_record(cells)?;
        out.write_all(&line.into_inner().map_err(|error| error.into_error())?)
    }
}

fn cell(field: &str, event: &Map<String, Value>, attribute: &Map<String, Value>) -> String {
    let said = |of: &Map<String, Value>, name: &str| match of.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(flag)) => u8::from(*flag).to_string(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let org = |name: &str| event.get(name).and_then(|org| org.get("name")).and_then(Value::as_str).unwrap_or_default().to_owned();
    match field {
        "date" | "timestamp" => said(attribute, "timestamp"),
        "attribute_tag" => tags(attribute).collect::<Vec<_>>().join(","),
        "event_tag" => tags(event).collect::<Vec<_>>().join(","),
        "event_member_org" => org("Org"),
        "event_source_org" => org("Orgc"),
        "object_uuid" | "object_name" | "object_meta_category" => String::new(),
        "event_id" => said(event, "id"),
        field => match field.strip_prefix("event_") {
            Some(of_event) => said(event, of_event),
            None => said(attribute, field),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::Controller;
    use super::*;
    use crate::model::Timestamp;
    use serde_json::json;

    fn written(query: Value) -> String {
        let search = Search::read(Controller::Attributes, query.as_object().unwrap(), Timestamp(0)).unwrap();
        let event = json!({ "id": "9", "uuid": "e", "info": "a, b", "date": "2026-11-20", "Tag": [{ "name": "tlp:green" }], "Orgc": { "name": "them" } });
        let attribute = json!({ "uuid": "u", "type": "phone-number", "category": "Other", "value": "+31612345678", "comment": "one\ntwo",
            "to_ids": false, "timestamp": "5", "Tag": [{ "name": "a" }, { "name": "b" }] });
        let mut out = Vec::new();
        let lines = Lines::begin(&search, &mut out).unwrap();
        lines.line(event.as_object().unwrap(), attribute.as_object().unwrap(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_has_misp_s_columns_and_no_formula() {
        assert_eq!(
            written(json!({})),
            "uuid,event_id,category,type,value,comment,to_ids,date,object_relation,attribute_tag,object_uuid,object_name,object_meta_category\n\
             u,9,Other,phone-number,'+31612345678,one two,0,5,,\"a,b\",,,\n"
        );
        assert!(written(json!({ "includeContext": 1 })).contains(",\"a, b\",,them,,,,2026-11-20,tlp:green\n"));
        assert_eq!(written(json!({ "requested_attributes": "value,event_uuid", "headerless": 1 })), "'+31612345678,e\n");
    }

    #[test]
    fn what_stands_in_a_line_may_be_asked_for_and_nothing_else() {
        let read =
            |field: &str| Search::read(Controller::Attributes, json!({ "requested_attributes": field }).as_object().unwrap(), Timestamp(0));
        assert!(fields().all(|field| read(field).is_ok()) && fields().count() == 25);
        assert!(read("nonsense").is_err() && read("value,nonsense").is_err());
    }
}
