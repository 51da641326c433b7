//! What a search of MISP compares with: values with `!` and `%`, lists of them, and times.

use super::search::SearchError;
use crate::model::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;

/// So many values with a `%` stand in one search at most: each is held against every text. Whole values may be many.
const WILDCARDS_MAX: usize = 100;

/// Texts of which at least one has to be there, all have to be there, or none may be. Small and capital letters are the same; `%` stands for anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Terms {
    any: Patterns,
    all: Vec<Patterns>,
    none: Patterns,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Patterns {
    whole: BTreeSet<String>,
    wild: Vec<String>,
}

impl Patterns {
    fn push(&mut self, text: &str) {
        let text = text.trim().to_lowercase();
        if text.contains('%') {
            self.wild.push(text);
        } else if !text.is_empty() {
            self.whole.insert(text);
        }
    }

    fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.wild.is_empty()
    }

    fn has(&self, lower: &str) -> bool {
        self.whole.contains(lower) || self.wild.iter().any(|pattern| is_like(pattern, lower))
    }
}

/// SQL's `LIKE` with `%` alone.
fn is_like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('%');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty()
}

impl Terms {
    /// Reads a value, a list of them, or `{"OR": …, "AND": …, "NOT": …}`.
    pub(super) fn read(name: &str, value: &Value) -> Result<Self, SearchError> {
        let mut terms = Self::default();
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let texts = texts(value).ok_or_else(|| SearchError::Unreadable(name.into()))?;
                    match key.as_str() {
                        "OR" | "or" => texts.iter().for_each(|text| terms.either(text)),
                        "NOT" | "not" => texts.iter().for_each(|text| terms.none.push(text)),
                        "AND" | "and" => texts.iter().for_each(|text| terms.every(text)),
                        _ => return Err(SearchError::Unreadable(name.into())),
                    }
                }
            }
            value => texts(value).ok_or_else(|| SearchError::Unreadable(name.into()))?.iter().for_each(|text| terms.either(text)),
        }
        let wild = |patterns: &Patterns| patterns.wild.len();
        // A list of those that all have to be there is gone through for each text.
        let count = wild(&terms.any) + wild(&terms.none) + terms.all.len();
        if count > WILDCARDS_MAX { Err(SearchError::Wildcards(name.into())) } else { Ok(terms) }
    }

    /// What contains a text.
    pub(super) fn containing(text: &str) -> Self {
        let mut terms = Self::default();
        terms.any.push(&format!("%{}%", text.trim()));
        terms
    }

    fn either(&mut self, text: &str) {
        match text.strip_prefix('!') {
            Some(text) => self.none.push(text),
            None => self.any.push(text),
        }
    }

    fn every(&mut self, text: &str) {
        match text.strip_prefix('!') {
            Some(text) => self.none.push(text),
            None => {
                let mut one = Patterns::default();
                one.push(text);
                self.all.push(one);
            }
        }
    }

    /// Whether nothing is asked for.
    pub(super) fn is_empty(&self) -> bool {
        self.any.is_empty() && self.all.is_empty() && self.none.is_empty()
    }

    /// Whether texts are as they are asked for.
    pub(super) fn hold<'t>(&self, texts: impl IntoIterator<Item = &'t str>) -> bool {
        if self.is_empty() {
            return true;
        }
        let lower: Vec<String> = texts.into_iter().map(str::to_lowercase).collect();
        let has = |patterns: &Patterns| lower.iter().any(|text| patterns.has(text));
        (self.any.is_empty() || has(&self.any)) && self.all.iter().all(has) && !has(&self.none)
    }
}

/// A text, or a list of them. None is blank: it would narrow nothing.
fn texts(value: &Value) -> Option<Vec<String>> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.trim()).filter(|text| !text.trim_start_matches('!').trim().is_empty()).map(str::to_owned),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match value {
        Value::Array(list) => list.iter().map(one).collect(),
        value => one(value).map(|text| vec![text]),
    }
}

/// From one second to another, both within; no end where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Range {
    from: Option<u64>,
    to: Option<u64>,
}

impl Range {
    /// Reads a time from which on it is asked for, or a list of two between which.
    pub(super) fn read(name: &str, value: &Value, now: Timestamp) -> Result<Self, SearchError> {
        let bad = || SearchError::Unreadable(name.into());
        let at = |value: &Value| seconds(value, now).ok_or_else(bad);
        match value {
            Value::Array(list) => match list.as_slice() {
                [from] => Ok(Self { from: Some(at(from)?), to: None }),
                [one, other] => {
                    let (one, other) = (at(one)?, at(other)?);
                    Ok(Self { from: Some(one.min(other)), to: Some(one.max(other)) })
                }
                _ => Err(bad()),
            },
            value => Ok(Self { from: Some(at(value)?), to: None }),
        }
    }

    /// Reads a day from which on, or up to which.
    pub(super) fn read_day(&mut self, name: &str, value: &Value, now: Timestamp, is_end: bool) -> Result<(), SearchError> {
        let day = seconds(value, now).ok_or_else(|| SearchError::Unreadable(name.into()))? / 86_400 * 86_400;
        *(if is_end { &mut self.to } else { &mut self.from }) = Some(day);
        Ok(())
    }

    pub(super) fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Whether a time lies within.
    pub(super) fn has(self, seconds: u64) -> bool {
        self.from.is_none_or(|from| seconds >= from) && self.to.is_none_or(|to| seconds <= to)
    }
}

/// A time in seconds since 1970: as a number, `7d`, `24h`, `30m` or `45s` before now, a day, or RFC 3339.
fn seconds(value: &Value, now: Timestamp) -> Option<u64> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    // PyMISP sends a fraction of a second along.
    let whole = text.split_once('.').filter(|(_, rest)| rest.bytes().all(|byte| byte.is_ascii_digit())).map_or(&*text, |(whole, _)| whole);
    if let Ok(seconds) = whole.parse() {
        return Some(seconds);
    }
    if let Some((at, unit)) = text.char_indices().next_back()
        && let Ok(count) = text[..at].parse::<u64>()
    {
        let each = match unit {
            'd' => 86_400,
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        return Some((now.0 / 1_000).saturating_sub(count.saturating_mul(each)));
    }
    day(&text).or_else(|| text.parse::<Timestamp>().ok().map(|time| time.0 / 1_000))
}

/// A day in seconds since 1970.
pub(super) fn day(text: &str) -> Option<u64> {
    let is_day = text.len() == 10 && text.is_ascii();
    is_day.then(|| format!("{text}T00:00:00Z").parse::<Timestamp>().ok()).flatten().map(|time| time.0 / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_percent_sign_stands_for_anything() {
        for (pattern, text) in
            [("a%", "abc"), ("%c", "abc"), ("%b%", "abc"), ("a%c", "abc"), ("%", ""), ("a%b%c", "axxbyyc"), ("%a%a", "aa")]
        {
            assert!(is_like(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a%", "ba"), ("%c", "ca"), ("%b%", "ac"), ("a%a", "a"), ("a%b%c", "acb"), ("%a%a", "a")] {
            assert!(!is_like(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn terms_are_read_in_each_form_and_hold_for_what_they_say() {
        let hold = |value: Value, texts: &[&str]| Terms::read("tags", &value).unwrap().hold(texts.iter().copied());
        assert!(hold(json!("TLP:Green"), &["tlp:green", "Pegasus"]));
        assert!(hold(json!(["x", "Pegasus"]), &["pegasus"]) && !hold(json!(["x"]), &["pegasus"]));
        assert!(!hold(json!("!peg%"), &["pegasus"]) && hold(json!("!peg%"), &["other"]));
        assert!(hold(json!({"AND": ["a", "b"]}), &["a", "b"]) && !hold(json!({"AND": ["a", "b"]}), &["a"]));
        assert!(!hold(json!({"OR": ["a"], "NOT": ["b"]}), &["a", "b"]) && hold(json!({"OR": ["a"], "NOT": ["b"]}), &["a"]));
        assert!(hold(json!(7), &["7"]) && hold(json!([]), &[]) && hold(json!({"OR": []}), &["x"]));
        assert_eq!(Terms::read("tags", &json!({"XOR": ["a"]})), Err(SearchError::Unreadable("tags".into())));
        for unreadable in [json!([{}]), json!(""), json!(["x", " "]), json!({"NOT": "!"})] {
            assert_eq!(Terms::read("tags", &unreadable), Err(SearchError::Unreadable("tags".into())), "{unreadable}");
        }
        let many: Vec<String> = (0..=WILDCARDS_MAX).map(|number| format!("{number}%")).collect();
        assert_eq!(Terms::read("value", &json!(many)), Err(SearchError::Wildcards("value".into())));
        assert!(Terms::read("value", &json!((0..10_000).map(|number| number.to_string()).collect::<Vec<_>>())).is_ok());
        assert!(Terms::containing("lure").hold(["fresh-Lure.com"]));
    }

    #[test]
    fn a_time_comes_in_each_of_its_spellings() {
        let now = Timestamp(1_800_000_000_000);
        let at = |value: Value| seconds(&value, now);
        assert_eq!(at(json!(1_700_000_000)), Some(1_700_000_000));
        assert_eq!(at(json!(1_700_000_000.75)), Some(1_700_000_000));
        assert_eq!(at(json!("1700000000")), Some(1_700_000_000));
        assert_eq!(at(json!("1d")), Some(1_799_913_600));
        assert_eq!(at(json!("2h")), Some(1_799_992_800));
        assert_eq!(at(json!("1970-01-02")), Some(86_400));
        assert_eq!(at(json!("1970-01-01T00:00:05Z")), Some(5));
        for none in [json!("yesterday"), json!("5w"), json!({}), json!("é"), json!(-5)] {
            assert_eq!(at(none.clone()), None, "{none}");
        }
        let range = Range::read("timestamp", &json!(["7d", "1d"]), now).unwrap();
        assert!(range.has(1_799_900_000) && !range.has(1_799_990_000) && !range.has(1_700_000_000));
    }
}
