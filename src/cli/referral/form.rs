//! Files that people fill in: what in them still waits for that.

use crate::api::Problem;
use crate::node::error::NodeError;
use serde_json::Value;

/// What stands in a template where somebody has to write.
pub(super) const FILL_IN: &str = "FILL IN";

/// Whether nobody has written over it.
pub(super) fn is_unfilled(text: &str) -> bool {
    text.trim() == FILL_IN
}

/// The fields that nobody has written over, by their names; each once.
pub(super) fn unfilled(file: &Value) -> Vec<String> {
    let mut all = Vec::new();
    look(file, "", &mut all);
    all.sort();
    all.dedup();
    all
}

fn look(value: &Value, at: &str, all: &mut Vec<String>) {
    match value {
        Value::String(text) if is_unfilled(text) => all.push(at.to_owned()),
        Value::Array(list) => list.iter().for_each(|value| look(value, at, all)),
        Value::Object(map) => map.iter().for_each(|(key, value)| match at {
            "" => look(value, key, all),
            _ => look(value, &format!("{at}.{key}"), all),
        }),
        _ => {}
    }
}

/// The same without what nobody has written over.
pub(super) fn without_gaps(file: Value) -> Value {
    let has_gap = |value: &Value| !unfilled(value).is_empty();
    let is_said = |name: &str, value: &Value| match value {
        Value::String(text) => !is_unfilled(text),
        Value::Null => false,
        // Told whole or not at all.
        _ => name != "vetting" || !has_gap(value),
    };
    match file {
        Value::Object(map) => {
            let said = map.into_iter().filter(|(name, value)| is_said(name, value));
            said.map(|(name, value)| (name, without_gaps(value))).collect()
        }
        Value::Array(list) => list.into_iter().filter(|value| !has_gap(value)).collect(),
        other => other,
    }
}

/// That a file is not filled in, where it is not.
pub(super) fn problem(file: &str, unfilled: &[String]) -> Option<Problem> {
    let say = match unfilled {
        [] => return None,
        [_] => "says",
        _ => "say",
    };
    let hint = "hint: write over each what holds, or leave the line out";
    let text = format!("`{file}` is not filled in: {} still {say} `{FILL_IN}`\n{hint}", unfilled.join(", "));
    Some(NodeError::BadInput(text).into())
}
