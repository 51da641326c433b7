//! Batches by columns, each with all that follows from its frames: bodies, salts, headers and head.
//!
//! The frames are one way to write a batch. Another sender may fold columns, order fields, cut and compress otherwise; what follows is
//! the same, and so is what must be refused.

use prost::Message;
use serde_json::{Value, json};
use watchfire::link::convert::{Assembled, BatchReader, batch_frames, encode_record, wire};
use watchfire::model::group::{Definition, Member};
use watchfire::model::log::{AbsentReason, Audience, Batch, BatchEntry, Body, Head, Header, LogKey, Salts, salt};
use watchfire::model::{Indicator, Observable, ObservableKind, OrgId, Record, RecordKind, Timestamp, Tlp};
use watchfire::rules::label::{Held, Outbound, Way, outbound};

use super::{definition, hex, key, logs, records};

const TIME: u64 = 1_626_602_400_000;
const RETENTION: u64 = 1_721_210_400_000;
/// A kind of record and a kind of observable that version 1 does not have.
const NEWER_RECORD: u8 = 200;
const NEWER_OBSERVABLE: u32 = 99;
const WHOLE: usize = 60 << 10;

/// A batch, and the content that carries it: not compressed, since a compressor's bytes are its own affair.
pub struct Case {
    pub name: &'static str,
    log: LogKey,
    before: Head,
    batch: Batch,
    content: Vec<u8>,
    /// Bytes of content in one frame.
    chunk: usize,
}

impl Case {
    fn new(name: &'static str, log: LogKey, before: Head, batch: Batch) -> Self {
        let content = unpacked(&ours(&log, &batch));
        Self { name, log, before, batch, content, chunk: WHOLE }
    }

    /// The same batch by columns that another sender could write.
    fn otherwise(&self, name: &'static str, change: impl Fn(&mut wire::BatchContent)) -> Self {
        let mut content = wire::BatchContent::decode(self.content.as_slice()).expect("a content of our own");
        change(&mut content);
        Self { name, log: self.log, before: self.before, batch: self.batch.clone(), content: content.encode_to_vec(), chunk: WHOLE }
    }

    fn without(&self, name: &'static str, drop: impl Fn(u64) -> Option<AbsentReason>) -> Self {
        Self::new(name, self.log, self.before, self.batch.without(drop))
    }

    fn frames(&self) -> Vec<Vec<u8>> {
        let first = ours(&self.log, &self.batch).remove(0);
        let mut meta = first.meta.map(|meta| wire::BatchMeta { length: self.content.len() as u32, zstd: false, ..meta });
        let count = self.content.len().div_ceil(self.chunk);
        let part = |(at, chunk): (usize, &[u8])| wire::Batch { meta: meta.take(), chunk: chunk.to_vec().into(), last: at + 1 == count };
        self.content.chunks(self.chunk).enumerate().map(part).map(encoded).collect()
    }

    fn vector(&self) -> Value {
        let headers = self.batch.verify(self.log.id(), self.before, &key().public()).expect("a batch of our own");
        let mut salts = match &self.batch.salts {
            Salts::Seed(seed) => headers.iter().map(|header| salt(seed, header.seq)).collect(),
            Salts::Each(salts) => salts.clone(),
        }
        .into_iter();
        let entry = |(header, entry): (&Header, &BatchEntry)| {
            let (body, salt, absent) = match &entry.body {
                Body::Present(body) => (Some(hex(body)), salts.next().map(|salt| hex(&salt)), 0),
                Body::Absent { reason, .. } => (None, None, *reason as u8),
            };
            json!({"header": hex(&header.encode()), "hash": hex(&header.hash().0), "body": body, "salt": salt, "absent": absent})
        };
        let entries: Vec<Value> = headers.iter().zip(&self.batch.entries).map(entry).collect();
        let mut vector = self.frames_vector();
        vector["entries"] = entries.into();
        vector["head"] = head_vector(&self.batch.checkpoint.head);
        vector
    }

    fn frames_vector(&self) -> Value {
        let frames: Vec<String> = self.frames().iter().map(|frame| hex(frame)).collect();
        json!({"log": log_vector(&self.log), "before": head_vector(&self.before), "frames": frames})
    }

    /// Whether these frames give this very batch.
    pub fn is_in(&self, frames: &[Vec<u8>]) -> bool {
        read(frames, &self.log).is_some_and(|batch| batch == self.batch)
    }

    /// Whether frames hold as a batch that follows.
    fn holds(&self, frames: &[Vec<u8>]) -> bool {
        read(frames, &self.log).is_some_and(|batch| batch.verify(self.log.id(), self.before, &key().public()).is_ok())
    }

    pub fn assert_that_it_is_refused(&self) {
        assert!(!self.holds(&self.frames()), "{}", self.name);
    }

    /// How many bytes may be others: reasons of absence that with one bit flipped are another reason. No signature covers these.
    fn unsigned_bytes(&self) -> usize {
        let is_free =
            |entry: &&BatchEntry| matches!(entry.body, Body::Absent { reason: AbsentReason::Expired | AbsentReason::Withheld, .. });
        self.batch.entries.iter().filter(is_free).count()
    }

    /// In every place in turn, one flipped bit.
    pub fn assert_that_every_byte_counts(&self) {
        let frames = self.frames();
        assert!(self.is_in(&frames) && self.holds(&frames), "{}", self.name);
        let mut unnoticed = 0;
        for (frame, byte) in frames.iter().enumerate().flat_map(|(at, frame)| (0..frame.len()).map(move |byte| (at, byte))) {
            let mut flipped = frames.clone();
            flipped[frame][byte] ^= 1;
            unnoticed += usize::from(self.holds(&flipped));
        }
        assert_eq!(unnoticed, self.unsigned_bytes(), "{}", self.name);
    }
}

fn log_vector(log: &LogKey) -> Value {
    let (audience, id) = match log.audience {
        Audience::Direct(org) => ("direct", org.0),
        Audience::Group(group) => ("group", group.0),
    };
    json!({"author": hex(&log.author.0), "incarnation": log.incarnation, audience: hex(&id)})
}

fn head_vector(head: &Head) -> Value {
    json!({"size": head.size, "hash": hex(&head.hash.0)})
}

fn encoded(part: wire::Batch) -> Vec<u8> {
    wire::Frame { frame: Some(wire::frame::Frame::Batch(part)) }.encode_to_vec()
}

fn may(log: &LogKey, batch: &Batch) -> Outbound<Batch> {
    let reader = OrgId([0xb2; 32]);
    let members = [log.author, reader].map(|org| Member { org, card: vec![], since: 0 }).to_vec();
    let group = Definition { members, ..definition() };
    let way = Way {
        log,
        us: &log.author,
        reader: &reader,
        group: Some(&group),
        joined: 0,
        allowance: watchfire::rules::policy::Allowance::OPEN,
        now: group.confirmed,
    };
    outbound(Held(batch.clone()), &way).expect("its reader")
}

/// A batch in our own frames.
fn ours(log: &LogKey, batch: &Batch) -> Vec<wire::Batch> {
    let part = |frame: wire::Frame| match frame.frame {
        Some(wire::frame::Frame::Batch(part)) => part,
        other => panic!("no part of a batch: {other:?}"),
    };
    batch_frames(log, &may(log, batch)).into_iter().map(part).collect()
}

fn unpacked(parts: &[wire::Batch]) -> Vec<u8> {
    let content: Vec<u8> = parts.iter().flat_map(|part| part.chunk.iter().copied()).collect();
    match &parts[0].meta {
        Some(meta) if meta.zstd => zstd::bulk::decompress(&content, meta.length as usize).expect("a zstd frame"),
        _ => content,
    }
}

fn read(frames: &[Vec<u8>], log: &LogKey) -> Option<Batch> {
    let mut reader = BatchReader::default();
    for frame in frames {
        let Some(wire::frame::Frame::Batch(part)) = wire::Frame::decode(frame.as_slice()).ok()?.frame else { return None };
        match reader.push(part, |id| (*id == log.id()).then_some(log.audience)).ok()? {
            Assembled::Part => {}
            Assembled::Batch(_, batch) => return Some(*batch),
            Assembled::Start(_) => return None,
        }
    }
    None
}

fn indicator(kind: ObservableKind, value: &str, change: impl Fn(&mut Indicator)) -> Vec<u8> {
    let mut indicator = Indicator::bare(Observable::parse(kind, value).expect("a vector is canonical"));
    change(&mut indicator);
    encode_record(&Record::Indicator(indicator))
}

fn entries(bodies: Vec<Vec<u8>>) -> Vec<BatchEntry> {
    let entry = |(at, body): (u64, Vec<u8>)| BatchEntry {
        // Earlier and later than the one before, and than the checkpoint.
        created: Timestamp(TIME + [0, 250, 90][(at % 3) as usize]),
        kind: RecordKind::Indicator.number(),
        label: [Tlp::Green, Tlp::Clear, Tlp::AmberStrict, Tlp::Amber][(at % 4) as usize].into(),
        retention: Timestamp(if at % 5 == 3 { 0 } else { RETENTION + at }),
        body: Body::Present(body),
    };
    (0..).zip(bodies).map(entry).collect()
}

fn seal(log: &LogKey, before: Head, entries: Vec<BatchEntry>, seed: u8, definition: u64) -> Batch {
    Batch::seal(log.id(), before, entries, [seed; 32], Timestamp(TIME + 100), definition, &key()).expect("within bounds")
}

/// Every form of value, and each field given, not given, repeated and new.
fn all_forms() -> Vec<Vec<u8>> {
    use ObservableKind::{Domain, Email, Ipv4, Ipv6, Md5, Sha1, Sha256, Sha512, Url};
    let full = |indicator: &mut Indicator| {
        (indicator.valid_from, indicator.valid_until) = (Some(Timestamp(TIME)), Some(Timestamp(RETENTION)));
        indicator.confidence = Some(100);
        indicator.labels = vec!["Pegasus".into(), "špehovač".into()];
        (indicator.note, indicator.source) = (Some("two lines\nand a\ttab".into()), Some("a report".into()));
    };
    vec![
        indicator(Domain, "evil.example", full),
        indicator(Ipv4, "203.0.113.9", |_| {}),
        indicator(Sha256, &"ab".repeat(32), |one| one.confidence = Some(0)),
        indicator(Md5, &"0f".repeat(16), |one| (one.labels, one.valid_from) = (vec!["Pegasus".into()], Some(Timestamp(TIME - 1)))),
        indicator(Ipv4, "1.2.3.4", full),
        indicator(Url, "https://evil.example/a?b=1", |one| one.note = Some("another".into())),
        indicator(Sha1, &"12".repeat(20), |one| one.source = Some("a feed".into())),
        indicator(Sha512, &"fe".repeat(64), full),
        indicator(Ipv4, "255.255.255.255", |one| one.valid_until = Some(Timestamp(u64::MAX))),
        indicator(Email, "lure@evil.example", |one| one.source = Some("a report".into())),
        indicator(Ipv6, "2001:db8::1", |one| one.confidence = Some(85)),
    ]
}

fn alike() -> Vec<BatchEntry> {
    let like = |indicator: &mut Indicator| {
        (indicator.valid_from, indicator.confidence) = (Some(Timestamp(TIME)), Some(85));
        (indicator.labels, indicator.note) = (vec!["Pegasus".into()], Some("seen in a message".into()));
    };
    let bodies = ["a.example", "b.example", "c.example"].map(|value| indicator(ObservableKind::Domain, value, like));
    let mut entries = entries(bodies.to_vec());
    for entry in &mut entries {
        (entry.created, entry.label, entry.retention) = (Timestamp(TIME), Tlp::Green.into(), Timestamp(RETENTION));
    }
    entries
}

/// Every column with all of its values.
fn written_out(content: &mut wire::BatchContent) {
    fn all<T: Copy>(column: &mut Vec<T>) {
        *column = vec![column[0]; 3];
    }
    for column in [&mut content.kind, &mut content.label, &mut content.is_indicator] {
        all(column);
    }
    all(&mut content.retention);
    content.created_delta.resize(3, 0);
    content.absent = vec![0; 3];
    if let Some(columns) = &mut content.indicators {
        for column in [&mut columns.kind, &mut columns.confidence, &mut columns.label_list, &mut columns.note, &mut columns.source] {
            all(column);
        }
        columns.valid_from_delta.resize(3, 0);
        columns.valid_until_delta.resize(3, 0);
    }
}

/// Indicators among other bodies, and bodies of that kind which do not come back from columns, so that they stand among the others.
fn mixture() -> Vec<BatchEntry> {
    let domain = |value: &str| wire::Indicator { kind: 1, value: value.into(), ..Default::default() };
    let mut with_a_newer_field = domain("newer.example").encode_to_vec();
    with_a_newer_field.extend([0x98, 0x06, 0x01]);
    let mut with_a_default = domain("default.example").encode_to_vec();
    with_a_default.extend([0x18, 0x00]);
    let (an_indicator, records) = (RecordKind::Indicator.number(), records());
    let kinds_and_bodies = [
        (an_indicator, domain("first.example").encode_to_vec()),
        (records[2].kind().number(), encode_record(&records[2])),
        (an_indicator, with_a_newer_field),
        (an_indicator, wire::Indicator { kind: 3, value: "192.0.2.7".into(), ..Default::default() }.encode_to_vec()),
        (records[3].kind().number(), encode_record(&records[3])),
        (an_indicator, with_a_default),
        (an_indicator, wire::Indicator { labels: vec!["a\ttab".into()], ..domain("tab.example") }.encode_to_vec()),
        (an_indicator, wire::Indicator { kind: 12, value: "AB".repeat(32), ..Default::default() }.encode_to_vec()),
        (NEWER_RECORD, domain("of-a-newer-kind.example").encode_to_vec()),
        // Not in canonical form, of a newer kind, empty: no record that holds, but bytes that come back from columns.
        (an_indicator, wire::Indicator { labels: vec![String::new(), "b".into()], ..domain("Upper.Example") }.encode_to_vec()),
        (an_indicator, wire::Indicator { kind: NEWER_OBSERVABLE, ..domain("newer") }.encode_to_vec()),
        (an_indicator, vec![]),
    ];
    let (kinds, bodies): (Vec<u8>, Vec<Vec<u8>>) = kinds_and_bodies.into_iter().unzip();
    entries(bodies).into_iter().zip(kinds).map(|(entry, kind)| BatchEntry { kind, ..entry }).collect()
}

/// Bodies at the edges of what they are filled up to, and indicators, which in a direct log stand among the others.
fn padded() -> Vec<BatchEntry> {
    let filled = [0, 1, 511, 512, 513].map(|length| BatchEntry { kind: NEWER_RECORD, ..entries(vec![vec![0x78; length]]).remove(0) });
    let mut all = entries(all_forms().into_iter().take(2).collect());
    all[0].label = Tlp::Red.into();
    all.extend(filled);
    all
}

pub fn cases() -> Vec<Case> {
    let [direct, group] = logs();
    let indicators = seal(&group, Head::default(), entries(all_forms()), 0x61, 7);
    let after = indicators.checkpoint.head;
    let single = seal(&group, after, alike(), 0x62, 7);
    let later = single.checkpoint.head;
    let mixed = seal(&group, later, mixture(), 0x63, 8);
    let blocks = seal(&direct, Head::default(), padded(), 0x64, 0);

    let single = Case::new("group_single_values", group, after, single);
    let otherwise = single.otherwise("group_single_values_written_out", written_out);
    let all_recalled =
        single.without("group_nothing_there", |_| Some(AbsentReason::Recalled)).otherwise("group_nothing_there", |content| {
            content.absent.truncate(1);
        });
    let mixed = Case::new("group_mixture", group, later, mixed);
    let position = |seq: u64| seq - later.size;
    let thinner = mixed.without("group_absent", |seq| match position(seq) {
        1 => Some(AbsentReason::Recalled),
        2 => Some(AbsentReason::NeverHeld),
        4 => Some(AbsentReason::Expired),
        7 | 12 => Some(AbsentReason::Withheld),
        _ => None,
    });
    let blocks = Case::new("direct_padded", direct, Head::default(), blocks);
    let fewer_blocks = blocks.without("direct_absent", |seq| [1, 7].contains(&seq).then_some(AbsentReason::Expired));
    let in_parts = Case { chunk: 200, ..mixed };
    let indicators = Case::new("group_indicators", group, Head::default(), indicators);
    vec![indicators, single, otherwise, all_recalled, in_parts, thinner, blocks, fewer_blocks]
}

/// Batches that were signed as they should be, by columns that say more or less than the entries or say it where they may not.
pub fn refused() -> Vec<Case> {
    fn indicators(content: &mut wire::BatchContent) -> &mut wire::Indicators {
        content.indicators.as_mut().expect("columns of indicators")
    }
    let cases = cases();
    let of = |name: &str| cases.iter().find(|case| case.name == name).expect("a case");
    let (all, mixed, absent, direct) = (of("group_indicators"), of("group_mixture"), of("group_absent"), of("direct_padded"));
    vec![
        mixed.otherwise("a_body_left_over", |content| content.bodies.push(0)),
        mixed.otherwise("a_hash_left_over", |content| content.hashes = vec![0; 32]),
        all.otherwise("a_value_left_over", |content| indicators(content).values.push(0)),
        all.otherwise("a_hash_value_left_over", |content| indicators(content).hashes.extend([0; 32])),
        all.otherwise("an_address_left_over", |content| indicators(content).ipv4_delta.push(0)),
        all.otherwise("a_row_too_many", |content| indicators(content).kind.push(1)),
        all.otherwise("more_notes_than_rows", |content| indicators(content).notes.extend(b"1\x002\x003\x004\x005\x006\x007\x008\x009\x00")),
        all.otherwise("a_note_that_is_not_there", |content| indicators(content).note[0] = 3),
        mixed.otherwise("a_mark_too_few", |content| content.is_indicator.truncate(11)),
        direct.otherwise("marks_without_indicators", |content| content.is_indicator = vec![0; 7]),
        direct.otherwise("indicators_in_a_direct_log", |content| {
            (content.is_indicator, content.indicators) = (vec![0; 7], Some(wire::Indicators::default()));
        }),
        mixed.otherwise("a_mark_that_is_neither_0_nor_1", |content| content.is_indicator[0] = 2),
        direct.otherwise("bodies_without_padding", |content| content.bodies.truncate(3_584 - 511)),
        direct.otherwise("padding_that_is_not_zero", |content| *content.bodies.last_mut().expect("padding") = 1),
        mixed.otherwise("salts_beside_a_seed", |content| content.salts = vec![0; 32 * 12]),
        absent.otherwise("a_seed_beside_absent_bodies", |content| (content.seed, content.salts) = (vec![0x63; 32], vec![])),
        absent.otherwise("a_salt_too_many", |content| content.salts.extend([0; 32])),
        absent.otherwise("an_unknown_reason", |content| content.absent[0] = 5),
    ]
}

/// Our own frames of the first batch, whose content is compressed.
pub fn compressed() -> Vec<Vec<u8>> {
    let Case { log, batch, .. } = &cases()[0];
    ours(log, batch).into_iter().map(encoded).collect()
}

pub fn vectors() -> Value {
    cases().iter().map(|case| (case.name.to_owned(), case.vector())).collect::<serde_json::Map<_, _>>().into()
}

pub fn refused_vectors() -> Value {
    refused().iter().map(|case| (case.name.to_owned(), case.frames_vector())).collect::<serde_json::Map<_, _>>().into()
}
