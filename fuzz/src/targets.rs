//! What is fuzzed: every parser of foreign bytes and every canonical form, each as a function of bytes that panics when something does not
//! hold. The fuzzer runs them with inputs of its own making; `tests/fuzz_findings.rs` with the seeds here, changed byte by byte, and with
//! what was found.

use prost::Message;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::Path;
use watchfire::config::Effective;
use watchfire::formats::misp::rest::draft::{Draft, DraftError, Reading};
use watchfire::formats::misp::rest::{Controller, Search};
use watchfire::formats::pattern::{self, Dialect, Pattern};
use watchfire::formats::{self, Format, Item, warninglist};
use watchfire::link::convert::{
    Assembled, BatchReader, batch_frames, decode_definition, decode_record, encode_definition, encode_record, read_answer, read_bodies,
    read_branch, read_checkpoint, read_claim, read_have, read_query, read_signed_recall, sign_recall,
};
use watchfire::link::pairing::Invitation;
use watchfire::link::wire;
use watchfire::model::alert::Alert;
use watchfire::model::call::{Call, Volunteer};
use watchfire::model::crypto::{SigningKey, framed, sha256};
use watchfire::model::duplicate::{MatchKey, Purpose, Question, Said};
use watchfire::model::group::{Definition, Visibility, group_id};
use watchfire::model::id::base32;
use watchfire::model::identity::{Card, CardContent, Chain, LogKey as CardLogKey, P256Key};
use watchfire::model::log::{Audience, Batch, BatchEntry, Body, Head, Header, LogKey};
use watchfire::model::observable::lookup::{host_key, host_lookups, lookups, pattern_lookups};
use watchfire::model::observable::{from_search_key, search_key};
use watchfire::model::record::{Receipt, ReceiptOutcome, Withdrawal, WithdrawalMode};
use watchfire::model::sighting::{Sighting, SightingType};
use watchfire::model::warninglist::Entries;
use watchfire::model::{
    AlertId, CallId, CheckId, GroupId, Indicator, LogId, Observable, ObservableKind, OrgId, Priority, Record, RecordKind, Timestamp, Tlp,
};
use watchfire::rules::addressee::{self, Decision};
use watchfire::rules::label::{Held, Way, outbound};
use watchfire::rules::lists::{Gate, Infrastructure, Lists, Rated, Reach, Severity, Whose};
use watchfire::rules::redact::{Detector, Known, Record as Placeholders};

/// One thing that is fuzzed.
pub struct Target {
    /// Its name: of its corpus, its findings and on the command line.
    pub name: &'static str,
    /// Panics when something does not hold.
    pub run: fn(&[u8]),
    /// Small inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Every target. `control` has a planted bug, by which the runner shows that it would find one.
pub const TARGETS: [Target; 23] = [
    Target { name: "frame", run: frame, seeds: frame_seeds },
    Target { name: "batch", run: batch, seeds: batch_seeds },
    Target { name: "header", run: header, seeds: header_seeds },
    Target { name: "record", run: record, seeds: record_seeds },
    Target { name: "definition", run: definition, seeds: definition_seeds },
    Target { name: "recall", run: recall, seeds: recall_seeds },
    Target { name: "card", run: card, seeds: card_seeds },
    Target { name: "invitation", run: invitation, seeds: invitation_seeds },
    Target { name: "stix", run: stix, seeds: stix_seeds },
    Target { name: "misp", run: misp, seeds: misp_seeds },
    Target { name: "csv", run: csv, seeds: csv_seeds },
    Target { name: "text", run: text, seeds: text_seeds },
    Target { name: "sniffed", run: sniffed, seeds: sniffed_seeds },
    Target { name: "pattern", run: pattern, seeds: pattern_seeds },
    Target { name: "observable", run: observable, seeds: observable_seeds },
    Target { name: "defang", run: defang, seeds: defang_seeds },
    Target { name: "warninglist", run: warninglist, seeds: warninglist_seeds },
    Target { name: "url", run: url, seeds: url_seeds },
    Target { name: "redact", run: redact, seeds: redact_seeds },
    Target { name: "config", run: config, seeds: config_seeds },
    Target { name: "misp_search", run: misp_search, seeds: misp_search_seeds },
    Target { name: "misp_draft", run: misp_draft, seeds: misp_draft_seeds },
    Target { name: "control", run: control, seeds: || vec![b"no".to_vec()] },
];

const KEY_SEED: [u8; 32] = [0x11; 32];

fn key() -> SigningKey {
    SigningKey::from_seed(KEY_SEED)
}

fn log_keys() -> [LogKey; 2] {
    let author = OrgId([0xa1; 32]);
    let direct = LogKey { author, incarnation: 1, audience: Audience::Direct(OrgId([0xb2; 32])) };
    [direct, LogKey { incarnation: 2, audience: Audience::Group(GroupId([0xc3; 32])), ..direct }]
}

fn lines(text: &str) -> Vec<Vec<u8>> {
    text.lines().map(|line| line.as_bytes().to_vec()).collect()
}

/// A planted bug: the runner must find it.
fn control(data: &[u8]) {
    assert!(data.len() < 4 || data[0] != b'f' || data[1] != b'i' || data[2] != b'r' || data[3] != b'e', "the planted bug was found");
}

// --- what peers send

fn frame(data: &[u8]) {
    let Ok(frame) = wire::Frame::decode(data) else { return };
    assert_eq!(wire::Frame::decode(frame.encode_to_vec().as_slice()).as_ref(), Ok(&frame), "an encoded frame is read back");
    let log = LogId([0xd4; 32]);
    match frame.frame {
        Some(wire::frame::Frame::Have(have)) => drop(read_have(&have)),
        Some(wire::frame::Frame::Batch(part)) => push(vec![part]),
        Some(wire::frame::Frame::Bodies(bodies)) => drop(read_bodies(bodies)),
        Some(wire::frame::Frame::DuplicateQuery(query)) => {
            if let Ok(Ok(Said::Query { blinded, .. })) = read_query(&query) {
                let _ = MatchKey::from_seed(&KEY_SEED).expect("a key").evaluate(&blinded);
            }
        }
        Some(wire::frame::Frame::DuplicateAnswer(mut answer)) => {
            // The fuzzer need not get the slots right as well.
            if answer.slots.is_empty() {
                let purpose = if answer.key.is_empty() { Purpose::Contact } else { Purpose::Sighting };
                answer.slots = vec![3; purpose.slots_bytes()];
            }
            if let Ok(Said::Answer { answer, .. }) = read_answer(answer) {
                let question = Question::new(b"somebody").expect("short");
                let key = MatchKey::from_seed(&KEY_SEED).expect("a key").public();
                drop(question.finish(b"somebody", &answer.evaluated, &key));
            }
        }
        Some(wire::frame::Frame::DuplicateClaim(claim)) => drop(read_claim(&claim)),
        Some(wire::frame::Frame::Conflict(conflict)) => {
            if let Some(wire) = conflict.branch.as_ref().and_then(|branch| branch.checkpoint.as_ref()) {
                let _ = read_checkpoint(log, wire);
            }
            if let Ok(branch) = read_branch(&conflict) {
                branch.holds(&[key().public()]);
            }
        }
        _ => {}
    }
}

/// All parts, of a direct log and of a group's; what is whole is checked as the reader of it does.
fn push(parts: Vec<wire::Batch>) {
    for key_of_log in log_keys() {
        let mut reader = BatchReader::default();
        for part in parts.clone() {
            match reader.push(part, |_| Some(key_of_log.audience)) {
                Ok(Assembled::Batch(log, batch)) => check_batch(log, &batch),
                Ok(_) => {}
                Err(_) => break,
            }
        }
    }
}

fn check_batch(log: LogId, batch: &Batch) {
    let head = Head { size: batch.first.saturating_sub(1), ..Head::default() };
    drop(batch.verify(log, head, &key().public()));
    if let Ok(headers) = batch.headers(log, head) {
        assert_eq!(headers.len(), batch.entries.len());
    }
    for entry in &batch.entries {
        if let (Body::Present(body), Some(kind)) = (&entry.body, RecordKind::from_number(entry.kind)) {
            drop(decode_record(kind, body));
        }
    }
}

fn sealed(log: &LogKey) -> Batch {
    let entry = |record: &Record| BatchEntry {
        created: Timestamp(1_626_602_400_123),
        kind: record.kind().number(),
        label: Tlp::Green.into(),
        retention: Timestamp(1_721_210_400_000),
        body: Body::Present(encode_record(record)),
    };
    let entries = records().iter().map(entry).collect();
    Batch::seal(log.id(), Head::default(), entries, [0x5e; 32], Timestamp(1_626_602_400_456), 0, &key()).expect("within bounds")
}

fn frames_of_batches() -> Vec<wire::Frame> {
    let frames = |log: LogKey| {
        let reader = OrgId([0xb2; 32]);
        let way = Way {
            log: &log,
            us: &log.author,
            reader: &reader,
            group: None,
            joined: 0,
            allowance: watchfire::rules::policy::Allowance::OPEN,
            now: Timestamp(1_626_602_400_456),
        };
        let batch = outbound(Held(sealed(&log)), &way);
        batch.map(|batch| batch_frames(&log, &batch)).unwrap_or_default()
    };
    log_keys().into_iter().flat_map(frames).collect()
}

fn frame_seeds() -> Vec<Vec<u8>> {
    let query =
        wire::DuplicateQuery { check: vec![1; 16], blinded: Question::new(b"somebody").expect("short").blinded().to_vec(), purpose: 0 };
    let evaluated = MatchKey::from_seed(&KEY_SEED).expect("a key").evaluate(&query.blinded.as_slice().try_into().expect("32 bytes"));
    let evaluated = evaluated.expect("an element");
    let answer = wire::DuplicateAnswer {
        check: vec![1; 16],
        evaluated: evaluated.element.to_vec(),
        proof: evaluated.proof.to_vec(),
        nonce: vec![2; 32],
        slots: Vec::new(),
        ..Default::default()
    };
    let claim = wire::DuplicateClaim { check: vec![1; 16], ticket: vec![4; 16] };
    let said =
        [wire::frame::Frame::DuplicateQuery(query), wire::frame::Frame::DuplicateAnswer(answer), wire::frame::Frame::DuplicateClaim(claim)];
    let said = said.map(|frame| wire::Frame { frame: Some(frame) }.encode_to_vec());
    frames_of_batches().iter().map(Message::encode_to_vec).chain(said).collect()
}

/// The parts of a batch, one after the other, each with its length in two bytes before it.
fn batch(data: &[u8]) {
    let mut parts = Vec::new();
    let mut rest = data;
    while let Some((length, behind)) = rest.split_first_chunk::<2>() {
        let (part, next) = behind.split_at(usize::from(u16::from_be_bytes(*length)).min(behind.len()));
        let Ok(part) = wire::Batch::decode(part) else { break };
        parts.push(part);
        rest = next;
    }
    push(parts);
    // The columns by themselves: the fuzzer need not get the frame right as well.
    let content = data.to_vec();
    let meta = wire::BatchMeta {
        log: vec![0xd4; 32],
        first: 1,
        count: u32::from(data.first().copied().unwrap_or(1)),
        length: content.len() as u32,
        zstd: false,
        checkpoint: Some(wire::Checkpoint {
            size: u64::from(data.first().copied().unwrap_or(1)),
            head: vec![0; 32],
            time: 1_626_602_400_456,
            definition: 0,
            signature: vec![0; 64],
        }),
        start: false,
    };
    push(vec![wire::Batch { meta: Some(meta), chunk: content.into(), last: true }]);
}

fn batch_seeds() -> Vec<Vec<u8>> {
    let part = |frame: wire::Frame| match frame.frame {
        Some(wire::frame::Frame::Batch(part)) => part.encode_to_vec(),
        _ => Vec::new(),
    };
    frames_of_batches().into_iter().map(part).map(|part| [&(part.len() as u16).to_be_bytes(), part.as_slice()].concat()).collect()
}

fn header(data: &[u8]) {
    if let Ok(header) = Header::decode(data) {
        assert_eq!(header.encode().as_slice(), data, "a header has one form");
    }
}

fn header_seeds() -> Vec<Vec<u8>> {
    let [direct, _] = log_keys();
    let headers = sealed(&direct).headers(direct.id(), Head::default()).expect("a batch of our own");
    headers.iter().map(|header| header.encode().to_vec()).collect()
}

fn records() -> Vec<Record> {
    let observable = |kind, value| Observable::parse(kind, value).expect("a seed is canonical");
    let mut indicator = Indicator::bare(observable(ObservableKind::Domain, "evil.example"));
    indicator.valid_from = Some(Timestamp(1_626_602_400_000));
    indicator.confidence = Some(85);
    indicator.labels = vec!["Pegasus".into()];
    indicator.note = Some("seen in a message".into());
    let withdrawal = Withdrawal { log: LogId([0xd4; 32]), seqs: vec![1, 300], mode: WithdrawalMode::Recall, reason: "a name".into() };
    let outcomes = vec![(1, ReceiptOutcome::Destroyed), (300, ReceiptOutcome::Absent)];
    let receipt = Receipt { log: LogId([0xd4; 32]), outcomes, at: Timestamp(1_626_602_500_000), withdrawal: None };
    let call = Call {
        id: CallId([0x71; 16]),
        help_wanted: vec!["take_over".parse().expect("a code")],
        incident_types: vec!["account_compromise".parse().expect("a code")],
        languages: vec!["ar".parse().expect("a tag"), "pt-BR".parse().expect("a tag")],
        region: Some("africa".parse().expect("a code")),
        priority: Priority::Urgent,
        priority_newer: None,
        expires: Timestamp(1_626_602_400_000),
        vocabulary: "2026-11+region=2".into(),
    };
    let volunteer = Volunteer { call: CallId([0x71; 16]), start: Some(Timestamp(1_626_602_500_000)) };
    let alert = Alert {
        id: AlertId([0x72; 16]),
        incident_types: vec!["malware".parse().expect("a code")],
        countries: vec!["LB".parse().expect("a country")],
        regions: vec!["africa".parse().expect("a code")],
        priority: Priority::Normal,
        priority_newer: None,
        headline: "a lure for lawyers".into(),
        advice: "look for it\nin your logs".into(),
        valid_until: Timestamp(1_626_602_600_000),
        indicators: vec![observable(ObservableKind::Domain, "evil.example"), observable(ObservableKind::Ipv4, "203.0.113.9")],
        vocabulary: "2026-11".into(),
    };
    let (first, last) = (Timestamp(1_626_602_400_000), Timestamp(1_626_602_500_000));
    let met =
        Sighting { log: LogId([0xd4; 32]), seqs: vec![1, 300], what: SightingType::FalsePositive, count: 2, first, last, passed_on: None };
    let passed_on = Sighting { seqs: vec![7], what: SightingType::Seen, passed_on: Some([0x77; 8]), ..met.clone() };
    vec![
        Record::Alert(Box::new(alert)),
        Record::Indicator(indicator),
        Record::Withdrawal(withdrawal),
        Record::Receipt(receipt),
        Record::KeyChange([0x22; 32]),
        Record::Call(call),
        Record::Volunteer(volunteer),
        Record::Match(CheckId([5; 16])),
        Record::Sighting(met),
        Record::Sighting(passed_on),
    ]
}

/// The kind's number, then the body.
fn record(data: &[u8]) {
    let Some((&number, body)) = data.split_first() else { return };
    let Some(kind) = RecordKind::from_number(number) else { return };
    if let Ok(record) = decode_record(kind, body) {
        assert_eq!(decode_record(kind, &encode_record(&record)).as_ref(), Ok(&record), "an encoded record is read back");
    }
}

fn record_seeds() -> Vec<Vec<u8>> {
    records().iter().map(|record| [&[record.kind().number()], encode_record(record).as_slice()].concat()).collect()
}

fn definition(data: &[u8]) {
    if let Ok(definition) = decode_definition(data) {
        assert_eq!(decode_definition(&encode_definition(&definition)).as_ref(), Ok(&definition), "an encoded definition is read back");
        definition.is_sound();
    }
}

fn definition_seeds() -> Vec<Vec<u8>> {
    let (owner, nonce) = (OrgId([0xa1; 32]), [0x77; 16]);
    let definition = Definition {
        group: group_id(&owner, &nonce),
        nonce,
        number: 3,
        owner,
        deputy: None,
        name: "desk".into(),
        visibility: Visibility::Visible,
        community: true,
        history: false,
        members: vec![],
        confirmed: Timestamp(1_626_602_400_000),
        signer: owner,
        appointment: None,
    };
    vec![encode_definition(&definition)]
}

/// As it is, and as a statement that its author has signed.
fn recall(data: &[u8]) {
    let keys = |_: &OrgId, _| vec![key().public()];
    if let Ok(signed) = wire::SignedRecall::decode(data) {
        drop(read_signed_recall(&signed, keys));
    }
    let signature = key().sign(&framed("watchfire/recall/v1", &[data])).to_vec();
    if let Ok(recall) = read_signed_recall(&wire::SignedRecall { statement: data.to_vec(), signature }, keys) {
        assert_eq!(read_signed_recall(&sign_recall(&recall, &key()), keys).as_ref(), Ok(&recall), "a recall signed again is read back");
    }
}

fn recall_seeds() -> Vec<Vec<u8>> {
    let withdrawal = Withdrawal { log: LogId([3; 32]), seqs: vec![1, 5], mode: WithdrawalMode::Recall, reason: "a name".into() };
    let recall = watchfire::link::convert::Recall { author: OrgId([4; 32]), withdrawal, at: Timestamp(7), group: Some(GroupId([5; 32])) };
    let signed = sign_recall(&recall, &key());
    vec![signed.encode_to_vec(), signed.statement]
}

// --- what people pass on

fn card(data: &[u8]) {
    let read = |card: Card| {
        assert_eq!(card.bytes(), Card::from_text(&card.to_text()).expect("its own text").bytes(), "a card's text is read back");
    };
    if let Ok(card) = Card::from_bytes(data) {
        assert_eq!(card.bytes(), data);
        read(card);
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(card) = Card::from_text(text)
    {
        read(card);
    }
}

fn card_seeds() -> Vec<Vec<u8>> {
    let (root, next) = (P256Key::generate(), P256Key::generate());
    let chain = Chain::incept(&root, &next.public(), [7; 16], Timestamp(5));
    let content = CardContent {
        number: 1,
        issuing_cas: vec![vec![1; 40]],
        log_key: CardLogKey { number: 1, public: [2; 32] },
        earlier_log_keys: Vec::new(),
        desk_key: None,
        match_key: None,
        knock_key: [3; 32],
        endpoints: vec!["node.example:7443".parse().expect("an endpoint")],
        protocols: vec![1],
        created: Timestamp(5),
    };
    let card = Card::sign(&chain, content, &root).expect("within bounds");
    vec![card.bytes().to_vec(), card.to_text().into_bytes()]
}

/// As text, and as the content of a text whose checksum is right.
fn invitation(data: &[u8]) {
    let checked = [data, &sha256(&[data])[..4]].concat();
    let sound = format!("watchfire-invite:{}", base32(&checked));
    for text in [std::str::from_utf8(data).unwrap_or(""), &sound] {
        if let Ok(invitation) = Invitation::from_text(text) {
            let again = Invitation::from_text(&invitation.to_text());
            assert!(again == Ok(invitation.clone()), "an invitation's text is read back");
            invitation.to_qr();
            invitation.label();
        }
    }
}

fn invitation_seeds() -> Vec<Vec<u8>> {
    let endpoints: Vec<_> = ["node.example:7443", "[2001:db8::1]:7443"].map(|text| text.parse().expect("an endpoint")).into();
    let invitation = Invitation::new(OrgId([6; 32]), &endpoints, Timestamp(5)).expect("endpoints");
    let body = [&[1], [6; 32].as_slice(), &5_u64.to_be_bytes(), &[9; 20], b"node.example:7443,192.0.2.1:1"].concat();
    vec![invitation.to_text().into_bytes(), body]
}

fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Effective::parse(text, Path::new("watchfire.toml"), &|_| None) {
        Ok(effective) => drop(effective),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    // The first line in the environment too.
    let value = text.lines().next().unwrap_or("");
    drop(Effective::parse("", Path::new("watchfire.toml"), &|_| Some(value.to_owned())));
}

fn config_seeds() -> Vec<Vec<u8>> {
    let initial = watchfire::config::initial("Amal", "127.0.0.1:7443", &["node.example:7443".to_owned()]);
    vec![initial.into_bytes(), b"[import]\nscratch_bytes_max = 1048576\n[store]\ncache_bytes = 1048576".to_vec(), b"30".to_vec()]
}

// --- other people's files

/// Reads a file, and holds each indicator against what every value of the model promises.
fn read(data: &[u8], format: Option<Format>) {
    let mut scratch = Cursor::new(Vec::new());
    let mut told = (0, 0);
    let mut sink = |item: Item| {
        let note = matches!(item, Item::Note(_));
        match item {
            Item::Indicator { place, indicator, .. } => {
                told.0 += 1;
                assert!(!place.is_empty());
                check(&indicator.observable);
            }
            Item::Problem(problem) | Item::LeftOut(problem, _) | Item::Note(problem) => {
                told.1 += u64::from(!note);
                assert!(!problem.place.is_empty() && !problem.what.is_empty(), "a problem without a place or a reason");
                assert!(problem.what.len() < 4_000, "a reason of {} bytes", problem.what.len());
            }
        }
        ControlFlow::Continue(())
    };
    let summary = formats::read(&mut Cursor::new(data), format, None, &mut scratch, &mut sink).expect("memory does not fail");
    assert_eq!((summary.indicators, summary.problems), told, "what was told is what was counted");
}

fn stix(data: &[u8]) {
    read(data, Some(Format::Stix));
}

fn misp(data: &[u8]) {
    read(data, Some(Format::Misp));
}

fn csv(data: &[u8]) {
    read(data, Some(Format::Csv));
}

fn text(data: &[u8]) {
    read(data, Some(Format::Text));
    written_is_read_again(data);
}

fn sniffed(data: &[u8]) {
    read(data, None);
}

/// Values in a CSV file of our own come back as they were.
fn written_is_read_again(data: &[u8]) {
    let mut indicators = Vec::new();
    let mut sink = |item: Item| {
        if let Item::Indicator { indicator, .. } = item {
            indicators.push(*indicator);
        }
        if indicators.len() < 20 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    formats::text::read(&mut Cursor::new(data), &mut sink).expect("memory does not fail");
    let rows = indicators.iter().map(|indicator| (indicator, Some(Tlp::Green)));
    let mut table = Vec::new();
    formats::csv::write(rows, &mut table, false).expect("memory does not fail");
    let mut again = Vec::new();
    let mut sink = |item: Item| {
        again.push(match item {
            Item::Indicator { indicator, .. } => Ok(indicator.observable),
            Item::Problem(problem) | Item::LeftOut(problem, _) | Item::Note(problem) => Err(problem.what),
        });
        ControlFlow::Continue(())
    };
    formats::csv::read(&mut Cursor::new(&table), &mut sink).expect("memory does not fail");
    let expected: Vec<_> = indicators.iter().map(|indicator| Ok(indicator.observable.clone())).collect();
    assert_eq!(again, expected, "a table of our own is read back: {}", String::from_utf8_lossy(&table));
}

/// What holds for every observable: its canonical form is its own, and it is found under its keys.
fn check(observable: &Observable) {
    let again = Observable::parse(observable.kind(), observable.value());
    assert_eq!(again.as_ref(), Ok(observable), "the canonical form is its own canonical form");
    let key = search_key(observable);
    assert!(key.len() <= 514);
    if let Some(back) = from_search_key(&key) {
        assert_eq!(&back, observable, "a search key is read back");
    }
    assert!(lookups(observable).len() <= 260);
    pattern_lookups(observable);
    host_lookups(observable);
    if matches!(observable.kind(), ObservableKind::Url | ObservableKind::Email) {
        let host = host_key(&key).and_then(|host| from_search_key(&host));
        assert!(host.is_some(), "`{observable}` is found by its host");
    }
    // A pattern is its own text, which only `formats` can bring into one form.
    for dialect in [Dialect::Standard, Dialect::Mvt].into_iter().filter(|_| observable.kind() != ObservableKind::Pattern) {
        let written = pattern::write(observable, dialect);
        assert_eq!(pattern::indicated(&written).as_ref(), Ok(observable), "what STIX says of it, `{written}`, is read back");
    }
}

const BUNDLE: &str = r#"{"type":"bundle","id":"bundle--1","objects":[
{"type":"indicator","spec_version":"2.1","id":"indicator--00000000-0000-4000-8000-000000000001","created":"2026-01-01T00:00:00.000Z",
"modified":"2026-01-01T00:00:00.000Z","name":"a","labels":["x"],"confidence":50,"pattern":"[domain-name:value = 'evil.example']",
"pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z","object_marking_refs":["marking-definition--2"],"revoked":false},
{"type":"relationship","id":"r","relationship_type":"indicates","source_ref":"indicator--00000000-0000-4000-8000-000000000001","target_ref":"malware--1"},
{"type":"malware","id":"malware--1","name":"Bad"},{"type":"ipv4-addr","id":"i","value":"192.0.2.1"},
{"type":"marking-definition","id":"marking-definition--2","definition_type":"tlp","definition":{"tlp":"green"}}]}"#;

fn stix_seeds() -> Vec<Vec<u8>> {
    let single = r#"[{"type":"indicator","id":"indicator--00000000-0000-4000-8000-000000000001","pattern":"[url:value='hxxp://evil[.]example/x?y=1']"}]"#;
    vec![BUNDLE.into(), single.into(), br#"{"more":false,"objects":[]}"#.to_vec()]
}

const EVENT: &str = r#"{"response":[{"Event":{"uuid":"00000000-0000-4000-8000-000000000001","info":"Campaign","date":"2026-01-01","Orgc":{"name":"Somebody"},
"Attribute":[{"type":"domain|ip","value":"evil.example|192.0.2.1","to_ids":true,"timestamp":"1767225600","comment":"c"},
{"type":"filename|sha256","value":"a.exe|abababababababababababababababababababababababababababababababab","to_ids":"1"},
{"type":"email-dst","value":"someone@example.org","to_ids":0,"deleted":false,"Tag":[{"name":"tlp:amber"}]}],
"Object":[{"name":"android-app","Attribute":[{"type":"text","object_relation":"appid","value":"com.evil.app","to_ids":false}]}],
"Tag":[{"name":"tlp:green"},{"name":"misp-galaxy:malpedia=\"SamSam\""}],"Galaxy":[{"GalaxyCluster":[{"value":"X"}]}]}}]}"#;

fn misp_seeds() -> Vec<Vec<u8>> {
    vec![EVENT.into(), br#"[{"Event":{"Attribute":[{"type":"url","value":"hxxp://a[.]example/"}]}}]"#.to_vec()]
}

const TABLE: &str = "\u{feff}value,type,tlp,campaign,first_seen,valid_until,confidence,source\r\nevil[.]example,domain,green,\"a; b\",2026-01-01,2027/01/01 00:00:00,80,x\r\n\"=1+1\",url\r\nhxxps://evil.example/a,url,amber,,,,,\r\n";

fn csv_seeds() -> Vec<Vec<u8>> {
    let more = [
        "# domain;ip\nevil.example;192.0.2.1\n",
        "2026-01-01 00:00:00\turl\thttp://a.example/\t#tag\n",
        "md5,sha1\n\"d41d8cd98f00b204e9800998ecf8427e\nda39a3ee5e6b4b0d3255bfef95601890afd80709\",\n",
    ];
    [TABLE].into_iter().chain(more).map(|text| text.as_bytes().to_vec()).collect()
}

const LIST: &str = "# a report, TLP:GREEN\nDomains:\nevil[.]example\nhxxps://login-mail[.]example/verify?x=1\n192[.]0[.]2[.]1:8080\n2001:db8::/32\nsomeone(at)example[dot]org\nC:\\Users\\x\\a.exe\nHKLM\\Software\\X\nWe saw 198.51.100.7, and `d41d8cd98f00b204e9800998ecf8427e` there.\nb\u{fc}cher.example\n";

fn text_seeds() -> Vec<Vec<u8>> {
    let utf16: Vec<u8> = format!("\u{feff}{LIST}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    vec![LIST.into(), utf16]
}

fn sniffed_seeds() -> Vec<Vec<u8>> {
    vec![BUNDLE.into(), EVENT.into(), TABLE.into(), LIST.into(), b"\x1f\x8b\x08".to_vec(), b"<?xml version=\"1.0\"?>".to_vec()]
}

fn pattern(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(first) = text.parse::<Pattern>() {
        let printed = first.to_string();
        let second = printed.parse::<Pattern>();
        assert_eq!(second.as_ref(), Ok(&first), "a printed pattern is read back: `{printed}`");
        assert_eq!(second.expect("just compared").to_string(), printed);
    }
    pattern::observables(text).iter().for_each(check);
    if let Ok(observable) = pattern::indicated(text) {
        check(&observable);
    }
}

fn pattern_seeds() -> Vec<Vec<u8>> {
    let cases = include_str!("../../tests/data/patterns/valid_invalid.json");
    let cases: serde_json::Value = serde_json::from_str(cases).expect("JSON");
    let mut seeds = Vec::new();
    texts(&cases, &mut seeds);
    seeds
}

/// Every string in a JSON value that could be a pattern.
fn texts(value: &serde_json::Value, found: &mut Vec<Vec<u8>>) {
    match value {
        serde_json::Value::String(text) if text.contains('[') => found.push(text.as_bytes().to_vec()),
        serde_json::Value::Array(list) => list.iter().for_each(|one| texts(one, found)),
        serde_json::Value::Object(map) => map.values().for_each(|one| texts(one, found)),
        _ => {}
    }
}

/// The kind's number, then the text.
fn observable(data: &[u8]) {
    let Some((&number, text)) = data.split_first() else { return };
    let (Some(kind), Ok(text)) = (ObservableKind::from_number(number), std::str::from_utf8(text)) else { return };
    if let Ok(observable) = Observable::parse(kind, text) {
        check(&observable);
    }
}

fn values() -> Vec<(ObservableKind, &'static str)> {
    use ObservableKind::*;
    vec![
        (Domain, "Evil[.]Example."),
        (Url, "hxxps://user:x@evil[.]example:443/a/../b?q#f"),
        (Ipv4, "192[.]0[.]2[.]1"),
        (Ipv6, "2001:DB8::0001"),
        (Ipv4Net, "192.0.2.7/24"),
        (Ipv6Net, "2001:db8::1/32"),
        (Email, "Some One <someone@example.org>"),
        (FileName, "a.exe"),
        (FilePath, "C:\\Users\\x\\a.exe"),
        (Md5, "D41D8CD98F00B204E9800998ECF8427E"),
        (Sha1, "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        (Sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (ProcessName, "roleaccountd"),
        (AppId, "com.evil.app"),
        (AppCertHash, "DA:39:A3:EE:5E:6B:4B:0D:32:55:BF:EF:95:60:18:90:AF:D8:07:09"),
        (ConfigurationProfileId, "com.evil.profile"),
        (AndroidProperty, "ro.evil"),
        (PhoneNumber, "+49 (151) 1234-5678"),
        (Mutex, "Global\\x"),
        (RegistryKey, "HKLM\\Software\\X"),
        (UserAgent, "Mozilla/5.0 (X)"),
        (CryptocurrencyAddress, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
        (Pattern, "[domain-name:value = 'a.example' AND url:value='http://b.example/']"),
    ]
}

fn observable_seeds() -> Vec<Vec<u8>> {
    values().into_iter().map(|(kind, text)| [&[kind.number()], text.as_bytes()].concat()).collect()
}

/// Findings are in order and whole characters, and what was redacted is not redacted again. The first line is the deny list.
fn redact(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (deny, text) = text.split_once('\n').unwrap_or(("", &text));
    let detector = Detector::new(&Known::default().deny_list(deny));
    let mut last = 0;
    for finding in detector.find(text) {
        assert!(finding.range.start >= last && finding.range.end > finding.range.start, "in order, and none empty");
        assert!(text.get(finding.range.clone()).is_some(), "whole characters");
        last = finding.range.end;
    }
    let once = Placeholders::default().redact(&detector, text);
    assert_eq!(Placeholders::default().redact(&detector, &once), once, "what was redacted is not redacted again");
}

fn redact_seeds() -> Vec<Vec<u8>> {
    let texts = [
        "Anna Kim\nCall Anna on +1 (202) 555-0143 x12, jane [at] example (dot) org, IBAN GB82 WEST 1234 5698 7654 32",
        "\u{645}\u{62d}\u{645}\u{62f}\n\u{627}\u{62a}\u{635}\u{644}\u{62a} \u{645}\u{62d}\u{645}\u{62f} \u{660}\u{661}\u{660} \u{661}\u{662}\u{663}\u{664} \u{665}\u{666}\u{667}\u{668}",
        "ngo.example\nhxxps://vpn.ngo[.]example/?token=8f3a99c1d2 C2 203.0.113.7, victim 198.51.100.4, [email-1]",
        "\u{738b}\u{5c0f}\u{660e}\n\u{738b}\u{5c0f}\u{660e}\u{5f9e}0912-345-678\u{4f86}\u{96fb}, 33\u{b0}51'54.5\"N 151\u{b0}12'35.6\"E",
        "\nlives at 12 Main St., Apt. 4, 12345 Town. C:\\Users\\jdoe\\x 00-1A-2B-3C-4D-5E 4111-1111-1111-1111",
        "\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- AKIAIOSFODNN7EXAMPLE passport ZZ 45 26 02 T",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// What is guessed is guessed the same again, from its own canonical form.
fn defang(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(observable) = Observable::guess(text) {
        check(&observable);
        assert_eq!(Observable::guess(observable.value()).as_ref(), Ok(&observable), "a guessed value is guessed the same again");
    }
}

fn defang_seeds() -> Vec<Vec<u8>> {
    let more = "hxxp://evil[dot]example\nevil{.}example\nh**p:\\\\evil.example\nevil\\.example\nsomeone[at]example(dot)org\nevil\u{3002}example\n1[.]2[.]3[.]4\n[.]example";
    values().into_iter().map(|(_, text)| text.as_bytes().to_vec()).chain(lines(more)).collect()
}

// --- the gate for indicators' values

/// Little memory for expressions, so that many inputs are tried.
const BOUNDS: warninglist::Bounds = warninglist::Bounds {
    file_bytes_max: 1 << 20,
    entries_max: 100,
    entry_bytes_max: 500,
    expressions_max: 5,
    expression_bytes_max: 64 << 10,
};

/// A list that is read finds its own entries.
fn warninglist(data: &[u8]) {
    let (list, problems) = match warninglist::read_within(BOUNDS, &mut Cursor::new(data)) {
        Ok(read) => read,
        Err(bad) => {
            assert!(!bad.to_string().is_empty());
            return;
        }
    };
    for problem in &problems {
        assert!(!problem.place.is_empty() && !problem.what.is_empty(), "a problem without a place or a reason");
        assert!(problem.what.len() < 4_000, "a reason of {} bytes", problem.what.len());
    }
    assert!(list.entries.len() <= 2 * BOUNDS.entries_max * ObservableKind::ALL.len());
    let gate = Gate { lists: Lists::new([Rated::usual(list.clone())]), ..Gate::default() };
    let finds = |observable: &Observable| gate.judge(observable, &[]).findings().iter().any(|finding| finding.reach != Reach::Around);
    for (kind, text) in values() {
        gate.judge(&Observable::parse(kind, text).expect("a seed is canonical"), &[]);
    }
    match &list.entries {
        Entries::Hostname(entries) if list.kinds.has(ObservableKind::Domain) => {
            let names = entries.iter().filter_map(|entry| Observable::parse(ObservableKind::Domain, &format!("a.{entry}")).ok());
            let mut names = names.filter(|name| name.kind() == ObservableKind::Domain);
            assert!(names.all(|name| finds(&name)), "a name below an entry is on the list");
        }
        Entries::Cidr(entries) if list.kinds.has(ObservableKind::Ipv4) && list.kinds.has(ObservableKind::Ipv6) => {
            let addresses = entries.iter().filter_map(|entry| Observable::parse(ObservableKind::Ipv4, &entry.network().to_string()).ok());
            addresses.for_each(|address| assert!(finds(&address), "`{address}` is on the list"));
        }
        Entries::String(entries) => {
            for (kind, entry) in list.kinds.iter().flat_map(|kind| entries.iter().map(move |entry| (kind, entry))) {
                if let Ok(value) = Observable::parse(kind, entry)
                    && value.value() == entry
                    && value.kind() == kind
                {
                    assert!(finds(&value), "`{value}` is on the list");
                }
            }
        }
        _ => {}
    }
}

fn warninglist_seeds() -> Vec<Vec<u8>> {
    let of = |kind: &str, attributes: &str, entries: &str| {
        format!(r#"{{"name":"n","description":"d","version":3,"type":"{kind}","matching_attributes":[{attributes}],"list":{entries}}}"#)
            .into_bytes()
    };
    vec![
        of("cidr", r#""ip-src","ip-dst|port""#, r#"["10.0.0.0/8","2001:DB8::/32","192.0.2.7"]"#),
        of("hostname", r#""domain","url""#, r#"[".example.com","bücher.example","com"]"#),
        of("string", r#""domain","md5","filename|md5""#, r#"{"example.org":"why","d41d8cd98f00b204e9800998ecf8427e":""}"#),
        of("substring", r#""email-src""#, r#"["mail.com"]"#),
        of("regex", "", r#"["/^(security|noc)\\@.*[[:alpha:]&&b]\\..*$/i","~((?:\\+|00)1)?[0-9]{3}~gx","/\\<a\\>/u"]"#),
    ]
}

/// What is left of a URL is kept, and a victim's name is in nothing that leaves.
fn url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(url) = Observable::parse(ObservableKind::Url, text) else { return };
    let settings = addressee::Settings::default();
    for shared in [false, true] {
        if let Decision::Stripped { url: left, what } = addressee::look(&url, shared, &settings) {
            assert!(!what.is_empty());
            assert!(left.value().len() < url.value().len(), "`{left}` is no shorter than `{url}`");
            assert_eq!(addressee::look(&left, shared, &settings), Decision::Keep, "`{left}` is what is left of `{url}`");
            check(&left);
        }
    }
    let victim = Observable::parse(ObservableKind::Domain, "victim.org").expect("a domain");
    let gate = Gate { guarded: vec![Infrastructure::new(Whose::Victim, [victim])], ..Gate::default() };
    let refused = gate.judge(&url, &[]).strictest().is_some_and(|finding| finding.severity == Severity::Refuse);
    let named = url.value().split(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).any(|part| part == "victim.org");
    assert!(refused || !named, "`{url}` names a victim");
}

fn url_seeds() -> Vec<Vec<u8>> {
    lines(
        "http://evil.ru/update/index.php?emp=someone@victim.org\nhttps://evil.ru/login#c29tZW9uZUB2aWN0aW0ub3Jn\nhttps://evil.ru/ZB7s9Dk\n\
         https://evil.ru/a;jsessionid=ABC123/verify/7842190?b=%2B4915112345678&token=a097d607-7759-4aaa-b6e2-bfe5c43df76e\n\
         https://bit.ly/?e=a%2540b.org\nhttps://8c047334f78b4f64e9494de0f92c3230.evil.co.uk/736f6d656f6e654076696374696d2e6f7267/a.dll\n\
         https://victim-org.evil.ru/victim.org?q#/a&b\nfile://evil.ru@SSL/DavWWWRoot/a.bat\nhttp://[2001:db8::1]:81/a",
    )
}

// --- what programs ask for and add by MISP's REST

/// The controller's number, then the query. Whoever says one thing more gets no more: each condition that is left out leaves what was found.
fn misp_search(data: &[u8]) {
    let Some((&number, text)) = data.split_first() else { return };
    let Ok(serde_json::Value::Object(query)) = serde_json::from_slice(text) else { return };
    let controller = [Controller::Events, Controller::Attributes, Controller::Index][usize::from(number) % 3];
    let read = |query: &serde_json::Map<_, _>| Search::read(controller, query, Timestamp(1_800_000_000_000));
    let search = match read(&query) {
        Ok(search) => search,
        Err(refused) => return assert!(refused.to_string().len() < 400, "{refused}"),
    };
    let (from, count) = search.window();
    assert!(count > 0 || from == 0, "nothing of nothing");
    let found = |search: &Search| -> Vec<usize> {
        let fits = |(head, attribute): &(_, _)| search.is_of(head) && search.fits(head, attribute);
        misp_lines().iter().enumerate().filter(|(_, line)| fits(line)).map(|(at, _)| at).collect()
    };
    let here = found(&search);
    assert!(!search.is_whole() || query.contains_key("deleted") || here == [0, 1, 3], "everything that holds is found: {here:?}");
    // This one says which of two kinds are meant, and narrows nothing.
    for name in query.keys().filter(|name| *name != "deleted") {
        let mut laxer = query.clone();
        laxer.remove(name);
        let laxer = found(&read(&laxer).expect("less of what can be read"));
        assert!(here.iter().all(|at| laxer.contains(at)), "without `{name}` less is found: {here:?}, {laxer:?}");
    }
}

/// Attributes, each with its event; the third is withdrawn.
fn misp_lines() -> [(serde_json::Map<String, serde_json::Value>, serde_json::Map<String, serde_json::Value>); 4] {
    let event = |number: u32, info: &str| {
        serde_json::json!({
            "uuid": format!("{number:08x}-0000-5000-8000-000000000001"), "info": info, "date": "2026-11-20", "timestamp": "1790000000",
            "publish_timestamp": "1790000000", "published": number == 1, "threat_level_id": "4", "analysis": "2",
            "Orgc": { "name": "org-a", "uuid": "00000000-0001-5000-8000-000000000001" }, "Tag": [{ "name": "tlp:green" }],
        })
    };
    let attribute = |number: u32, kind: &str, value: &str| {
        serde_json::json!({
            "uuid": format!("00000000-{number:04x}-5000-8000-000000000001"), "type": kind, "category": "Network activity", "value": value,
            "to_ids": number != 3, "deleted": number == 2, "timestamp": "1780000000", "Tag": [{ "name": "Pegasus" }], "comment": "seen",
        })
    };
    let lines = [
        (event(1, "Pegasus"), attribute(0, "domain", "fresh-lure.com")),
        (event(1, "Pegasus"), attribute(1, "url", "https://fresh-lure.com/a")),
        (event(1, "Pegasus"), attribute(2, "domain", "old-lure.com")),
        (event(2, "Lures"), attribute(3, "ip-dst", "192.0.2.1")),
    ];
    let map = |value: serde_json::Value| value.as_object().expect("an object").clone();
    lines.map(|(event, attribute)| (map(event), map(attribute)))
}

fn misp_search_seeds() -> Vec<Vec<u8>> {
    let queries = [
        r#"{"returnFormat":"json","value":["%lure%","!old-lure.com"],"type":{"OR":["domain","url"]},"tags":{"AND":["pegasus","tlp:green"],"NOT":["x"]},"limit":2,"page":1}"#,
        r#"{"returnFormat":"csv","requested_attributes":"value,type","includeContext":1,"headerless":true,"to_ids":1,"deleted":[0,1],"timestamp":["7d",1780000000]}"#,
        r#"{"org":"org-a","eventinfo":"peg%","from":"2026-11-20","to":"2026-11-21","last":"1790000000","published":true,"quickFilter":"seen","threat_level_id":4}"#,
        r#"{"eventid":"00000001-0000-5000-8000-000000000001","uuid":"0","analysis":2,"distribution":0,"searchall":"%a%","event_tags":"tlp:green","metadata":0}"#,
        r#"{"sort":"date","direction":"desc","minimal":1,"attribute":"fresh-lure.com","event_timestamp":"1790000000.5","enforceWarninglist":0}"#,
    ];
    (0..3u8).flat_map(|number| queries.map(|query| [&[number], query.as_bytes()].concat())).collect()
}

/// What was read is kept as a feed has it, and read from there as it was; bounds hold, and nobody's word says whose it is.
fn misp_draft(data: &[u8]) {
    const MOST: usize = 20;
    let Ok(sent) = serde_json::from_slice::<serde_json::Value>(data) else { return };
    let mut last = 0xffff_u128 << 112;
    let mut fresh = || {
        last += 1 << 80;
        uuid::Uuid::from_u128(last)
    };
    let author = serde_json::json!({ "name": "org-a", "uuid": "00000000-0001-5000-8000-000000000001", "id": "1" });
    let mut reading = Reading { now: Timestamp(1_800_000_000_000), author: author.clone(), most: MOST, fresh: &mut fresh };
    let draft = match Draft::read(&sent, &mut reading) {
        Ok(draft) => draft,
        Err(refused) => return assert!(!refused.to_string().is_empty()),
    };
    assert!(draft.head["Orgc"]["name"] == author["name"] && draft.head["published"] == false, "somebody else's word");
    let kept = serde_json::from_slice(&draft.write()).expect("what is kept is JSON");
    let mut again = Draft::read(&kept, &mut reading).expect("what is kept is read");
    again.publish = draft.publish;
    assert_eq!(again, draft, "it is read as it was");
    // Said once more it is the same, and each of its attributes can be taken out.
    again.join(draft.clone(), &mut reading).expect("no more than before");
    assert_eq!(again, draft, "said twice");
    let attributes = kept.get("Event").unwrap_or(&kept)["Attribute"].as_array().cloned().unwrap_or_default();
    assert!(attributes.len() <= MOST);
    for attribute in &attributes {
        assert!(again.drop_attribute(attribute["uuid"].as_str().expect("an id")), "an attribute is found by its id");
    }
    let one = serde_json::json!({ "type": "domain", "value": "a.com" });
    assert!((0..MOST).all(|_| again.take(&one, &mut reading).is_ok()), "there is room for as many as may be");
    assert_eq!(again.take(&one, &mut reading).err(), Some(DraftError::TooMany(MOST)));
}

fn misp_draft_seeds() -> Vec<Vec<u8>> {
    let event = r#"{"Event":{"info":"Lures","uuid":"0000000F-0000-4000-8000-000000000001","date":"2026-11-20","analysis":1,"threat_level_id":"2","published":true,
"Tag":[{"name":"tlp:green","colour":"33FF00"},"Pegasus"],"Attribute":[{"type":"domain","value":" a-lure.com ","Tag":[{"name":"x"}],"comment":"c","to_ids":0},
{"type":"ip-dst|port","value":"192.0.2.1|443","uuid":"00000001-0000-4000-8000-000000000001","deleted":true,"first_seen":"2026-01-01T00:00:00Z","timestamp":"1767225600"}],
"Object":[{"name":"android-app","Attribute":[{"type":"text","object_relation":"appid","value":"com.evil.app"}]}]}}"#;
    vec![event.into(), br#"{"info":7,"Attribute":{"type":"url","value":"https://a.com/"},"Object":{}}"#.to_vec(), EVENT.into()]
}
