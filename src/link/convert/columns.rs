//! Indicators by their fields instead of one after the other: like stands beside like, so that little is left to send.
//!
//! Only what comes back byte for byte goes here: a body is taken when our encoder makes exactly these bytes of what it says. All other
//! bodies travel as they are. Whatever is read here is hashed and checked against the author's signature before anyone looks at it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use data_encoding::HEXLOWER;
use prost::Message;

use super::{Malformed, wire};
use crate::model::ObservableKind;

/// Ends a text.
const END: u8 = 0;
/// Ends each label of a list.
const LABEL_END: u8 = b'\t';

/// How a value is written.
enum Form {
    /// Lower-case hex of so many bytes.
    Hash(usize),
    Ipv4,
    Text,
}

fn form(kind: u32) -> Form {
    match u8::try_from(kind).ok().and_then(ObservableKind::from_number) {
        Some(ObservableKind::Md5) => Form::Hash(16),
        Some(ObservableKind::Sha1) => Form::Hash(20),
        Some(ObservableKind::Sha256) => Form::Hash(32),
        Some(ObservableKind::Sha512) => Form::Hash(64),
        Some(ObservableKind::Ipv4) => Form::Ipv4,
        _ => Form::Text,
    }
}

/// A value as it goes into its column.
enum Packed<'a> {
    Hash(Vec<u8>),
    Ipv4(u32),
    Text(&'a str),
}

fn pack(kind: u32, value: &str) -> Option<Packed<'_>> {
    match form(kind) {
        Form::Hash(length) => HEXLOWER.decode(value.as_bytes()).ok().filter(|bytes| bytes.len() == length).map(Packed::Hash),
        Form::Ipv4 => {
            value.parse::<Ipv4Addr>().ok().filter(|address| address.to_string() == value).map(|address| Packed::Ipv4(address.into()))
        }
        Form::Text => (!value.bytes().any(|byte| byte == END)).then_some(Packed::Text(value)),
    }
}

/// Writes columns.
#[derive(Default)]
pub(super) struct Writer {
    columns: wire::Indicators,
    address: u32,
    from: u64,
    until: u64,
    labels: Dictionary,
    notes: Dictionary,
    sources: Dictionary,
}

/// Distinct texts in the order in which they came first.
#[derive(Default)]
struct Dictionary {
    known: BTreeMap<Vec<u8>, u32>,
}

impl Dictionary {
    fn number(&mut self, text: Vec<u8>, column: &mut Vec<u8>) -> u32 {
        let next = self.known.len() as u32;
        *self.known.entry(text).or_insert_with_key(|text| {
            column.extend_from_slice(text);
            column.push(END);
            next
        })
    }
}

impl Writer {
    /// Takes a body, if it comes back exactly.
    pub(super) fn push(&mut self, body: &[u8]) -> bool {
        let Ok(indicator) = wire::Indicator::decode(body) else { return false };
        let Some(packed) = pack(indicator.kind, &indicator.value) else { return false };
        let Some(labels) = label_list(&indicator.labels) else { return false };
        let Some(confidence) = indicator.confidence.map_or(Some(0), |given| given.checked_add(1)) else { return false };
        let plain = |text: &str| !text.bytes().any(|byte| byte == END);
        if !plain(&indicator.note) || !plain(&indicator.source) || indicator.encode_to_vec() != body {
            return false;
        }
        let columns = &mut self.columns;
        columns.kind.push(indicator.kind);
        match packed {
            Packed::Hash(bytes) => columns.hashes.extend(bytes),
            Packed::Ipv4(address) => {
                columns.ipv4_delta.push(i64::from(address) - i64::from(self.address));
                self.address = address;
            }
            Packed::Text(text) => {
                columns.values.extend_from_slice(text.as_bytes());
                columns.values.push(END);
            }
        }
        columns.valid_from_delta.push(delta(&mut self.from, indicator.valid_from));
        columns.valid_until_delta.push(delta(&mut self.until, indicator.valid_until));
        columns.confidence.push(confidence);
        columns.label_list.push(self.labels.number(labels, &mut columns.label_lists));
        columns.note.push(self.notes.number(indicator.note.into_bytes(), &mut columns.notes));
        columns.source.push(self.sources.number(indicator.source.into_bytes(), &mut columns.sources));
        true
    }

    /// The columns; a column of one value stands for that value in every row.
    pub(super) fn done(self) -> Option<wire::Indicators> {
        let mut columns = self.columns;
        if columns.kind.is_empty() {
            return None;
        }
        for column in [&mut columns.kind, &mut columns.confidence, &mut columns.label_list, &mut columns.note, &mut columns.source] {
            super::batch::fold(column);
        }
        fold_deltas(&mut columns.valid_from_delta);
        fold_deltas(&mut columns.valid_until_delta);
        Some(columns)
    }
}

/// The difference to the time before, which wraps so that any two numbers have one.
fn delta(before: &mut u64, now: u64) -> i64 {
    now.wrapping_sub(std::mem::replace(before, now)) as i64
}

/// A single difference is the first one, and all others are 0.
pub(super) fn fold_deltas(column: &mut Vec<i64>) {
    if column.iter().skip(1).all(|delta| *delta == 0) {
        column.truncate(1);
    }
}

fn label_list(labels: &[String]) -> Option<Vec<u8>> {
    let mut list = Vec::new();
    for label in labels {
        if label.bytes().any(|byte| byte == END || byte == LABEL_END) {
            return None;
        }
        list.extend_from_slice(label.as_bytes());
        list.push(LABEL_END);
    }
    Some(list)
}

/// The columns in parts that are packed one by one, since each part's bytes are of another kind. One after the other they are the message.
pub(super) fn parts(columns: wire::Indicators) -> [wire::Indicators; 5] {
    let wire::Indicators { kind, confidence, label_list, note, source, .. } = columns;
    let wire::Indicators { hashes, values, ipv4_delta, valid_from_delta, valid_until_delta, .. } = columns;
    let wire::Indicators { label_lists, notes, sources, .. } = columns;
    [
        wire::Indicators { hashes, ..Default::default() },
        wire::Indicators { values, ..Default::default() },
        wire::Indicators { label_lists, notes, sources, ..Default::default() },
        wire::Indicators { valid_from_delta, valid_until_delta, ipv4_delta, ..Default::default() },
        wire::Indicators { kind, confidence, label_list, note, source, ..Default::default() },
    ]
}

/// Reads columns, one body after the other.
pub(super) struct Reader<'a> {
    columns: &'a wire::Indicators,
    rows: usize,
    at: usize,
    hashes: &'a [u8],
    values: &'a [u8],
    addresses: std::slice::Iter<'a, i64>,
    address: i64,
    from: u64,
    until: u64,
    label_lists: Vec<&'a str>,
    notes: Vec<&'a str>,
    sources: Vec<&'a str>,
}

impl<'a> Reader<'a> {
    /// Columns of so many rows.
    pub(super) fn new(columns: &'a wire::Indicators, rows: usize) -> Result<Self, Malformed> {
        let lengths = [&columns.kind, &columns.confidence, &columns.label_list, &columns.note, &columns.source].map(Vec::len);
        let deltas = [columns.valid_from_delta.len(), columns.valid_until_delta.len()];
        if !lengths.into_iter().chain(deltas).all(|length| length == rows || (length == 1 && rows > 0)) {
            return Err(Malformed("a column of indicators has not as many values as there are indicators"));
        }
        Ok(Self {
            columns,
            rows,
            at: 0,
            hashes: &columns.hashes,
            values: &columns.values,
            addresses: columns.ipv4_delta.iter(),
            address: 0,
            from: 0,
            until: 0,
            label_lists: texts(&columns.label_lists, rows)?,
            notes: texts(&columns.notes, rows)?,
            sources: texts(&columns.sources, rows)?,
        })
    }

    /// The next body, exactly as its author encoded it, if it has at most `limit` bytes.
    pub(super) fn next(&mut self, limit: usize) -> Result<Vec<u8>, Malformed> {
        if self.at >= self.rows {
            return Err(Malformed("more indicators than their columns have"));
        }
        let at = self.at;
        self.at += 1;
        let cell = |column: &[u32]| column.get(at).or(column.first()).copied().unwrap_or_default();
        let (kind, confidence) = (cell(&self.columns.kind), cell(&self.columns.confidence));
        let entry =
            |texts: &[&'a str], column: &[u32]| texts.get(cell(column) as usize).copied().ok_or(Malformed("a text that is not there"));
        let labels = entry(&self.label_lists, &self.columns.label_list)?;
        let note = entry(&self.notes, &self.columns.note)?;
        let source = entry(&self.sources, &self.columns.source)?;
        self.from = self.from.wrapping_add(step(&self.columns.valid_from_delta, at) as u64);
        self.until = self.until.wrapping_add(step(&self.columns.valid_until_delta, at) as u64);
        let value = self.value(kind)?;
        // What a dictionary has once may stand in a thousand bodies: it is copied only within bounds.
        if value.len() + labels.len() + note.len() + source.len() > limit {
            return Err(Malformed("the batch is larger than any may be"));
        }
        let labels = labels.split_terminator(char::from(LABEL_END)).map(str::to_owned).collect();
        let (valid_from, valid_until) = (self.from, self.until);
        let confidence = confidence.checked_sub(1);
        Ok(wire::Indicator { kind, value, valid_from, valid_until, confidence, labels, note: note.into(), source: source.into() }
            .encode_to_vec())
    }

    fn value(&mut self, kind: u32) -> Result<String, Malformed> {
        match form(kind) {
            Form::Hash(length) => {
                let (hash, rest) = self.hashes.split_at_checked(length).ok_or(Malformed("a hash is cut off"))?;
                self.hashes = rest;
                Ok(HEXLOWER.encode(hash))
            }
            Form::Ipv4 => {
                let delta = self.addresses.next().ok_or(Malformed("an address is missing"))?;
                self.address = self.address.checked_add(*delta).ok_or(Malformed("an address out of range"))?;
                let address = u32::try_from(self.address).map_err(|_| Malformed("an address out of range"))?;
                Ok(Ipv4Addr::from(address).to_string())
            }
            Form::Text => {
                let length = self.values.iter().position(|byte| *byte == END).ok_or(Malformed("a value is cut off"))?;
                let (value, rest) = self.values.split_at(length);
                self.values = &rest[1..];
                std::str::from_utf8(value).map(str::to_owned).map_err(|_| Malformed("a value is not UTF-8"))
            }
        }
    }

    /// Whether everything was read.
    pub(super) fn is_done(&self) -> bool {
        self.at == self.rows && self.hashes.is_empty() && self.values.is_empty() && self.addresses.len() == 0
    }
}

fn step(column: &[i64], at: usize) -> i64 {
    match column {
        [first] => {
            if at == 0 {
                *first
            } else {
                0
            }
        }
        many => many.get(at).copied().unwrap_or_default(),
    }
}

/// Distinct texts, of which there are no more than rows that could have them.
fn texts(column: &[u8], rows: usize) -> Result<Vec<&str>, Malformed> {
    let text = std::str::from_utf8(column).map_err(|_| Malformed("a text is not UTF-8"))?;
    let texts: Vec<&str> = text.split_terminator(char::from(END)).take(rows + 1).collect();
    if texts.len() <= rows { Ok(texts) } else { Err(Malformed("more texts than there are indicators")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(kind: ObservableKind, value: &str, change: impl Fn(&mut wire::Indicator)) -> Vec<u8> {
        let mut indicator = wire::Indicator { kind: kind.number().into(), value: value.into(), ..Default::default() };
        change(&mut indicator);
        indicator.encode_to_vec()
    }

    /// The bodies that went into columns and came back.
    fn there_and_back(bodies: &[Vec<u8>]) -> Vec<Option<Vec<u8>>> {
        let mut writer = Writer::default();
        let taken: Vec<bool> = bodies.iter().map(|body| writer.push(body)).collect();
        let rows = taken.iter().filter(|taken| **taken).count();
        let Some(columns) = writer.done() else { return vec![None; bodies.len()] };
        let whole: Vec<u8> = parts(columns.clone()).iter().flat_map(Message::encode_to_vec).collect();
        assert_eq!(wire::Indicators::decode(whole.as_slice()), Ok(columns.clone()));
        let mut reader = Reader::new(&columns, rows).unwrap();
        let back = taken.iter().map(|taken| taken.then(|| reader.next(1 << 20).unwrap())).collect();
        assert!(reader.is_done());
        back
    }

    #[test]
    fn bodies_come_back_byte_for_byte() {
        use ObservableKind::{Domain, Ipv4, Md5, Sha256, Url};
        let full = |indicator: &mut wire::Indicator| {
            (indicator.valid_from, indicator.valid_until, indicator.confidence) = (1_700_000_000_123, 1_800_000_000_000, Some(0));
            indicator.labels = vec!["spyware".into(), String::new(), "ünal".into()];
            (indicator.note, indicator.source) = ("two\nlines\tand a tab".into(), "a report".into());
        };
        let bodies = [
            body(Domain, "a.example", |_| {}),
            body(Domain, "b.example", full),
            body(Url, "https://b.example/x", |indicator| indicator.confidence = Some(100)),
            body(Ipv4, "203.0.113.9", full),
            body(Ipv4, "1.2.3.4", |indicator| indicator.valid_from = u64::MAX),
            body(Sha256, &"ab".repeat(32), full),
            body(Md5, &"0f".repeat(16), |_| {}),
        ];
        let expected: Vec<_> = bodies.iter().cloned().map(Some).collect();
        assert_eq!(there_and_back(&bodies), expected);
        assert_eq!(there_and_back(&bodies[1..2]), expected[1..2]);
    }

    #[test]
    fn what_would_not_come_back_stays_out() {
        use ObservableKind::{Domain, Ipv4, Sha256};
        let mut unknown_field = body(Domain, "a.example", |_| {});
        unknown_field.extend([0x98, 0x06, 0x01]);
        let out = [
            unknown_field,
            b"not a record".to_vec(),
            body(Ipv4, "01.2.3.4", |_| {}),
            body(Sha256, &"AB".repeat(32), |_| {}),
            body(Sha256, "abcd", |_| {}),
            body(Domain, "a\0b", |_| {}),
            body(Domain, "a.example", |indicator| indicator.labels = vec!["a\tb".into()]),
            body(Domain, "a.example", |indicator| indicator.note = "a\0b".into()),
            // One more than the highest number has no place in the column.
            body(Domain, "a.example", |indicator| indicator.confidence = Some(u32::MAX)),
        ];
        assert_eq!(there_and_back(&out), vec![None; out.len()]);
    }

    #[test]
    fn columns_that_do_not_fit_are_refused() {
        let mut writer = Writer::default();
        assert!((0..3).all(|n| writer.push(&body(ObservableKind::Domain, &format!("{n}.example"), |one| one.note = n.to_string()))));
        let columns = writer.done().unwrap();
        assert!(Reader::new(&columns, 2).is_err());
        let read = |columns: &wire::Indicators, limit| {
            let mut reader = Reader::new(columns, 3)?;
            (0..3).map(|_| reader.next(limit)).collect::<Result<Vec<_>, _>>()
        };
        assert!(read(&columns, 100).is_ok());
        assert!(read(&columns, 5).is_err());
        assert!(read(&wire::Indicators { note: vec![9; 3], ..columns.clone() }, 100).is_err());
        assert!(read(&wire::Indicators { notes: b"0\x001\x002\x003\0".to_vec(), ..columns.clone() }, 100).is_err());
        assert!(read(&wire::Indicators { values: b"x".to_vec(), ..columns.clone() }, 100).is_err());
        assert!(read(&wire::Indicators { kind: vec![ObservableKind::Sha256.number().into()], ..columns }, 100).is_err());
    }
}
