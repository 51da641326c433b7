//! Wire vectors: what another implementation must reproduce, byte for byte (docs/protocol.md). `WATCHFIRE_EXPECT=write cargo test
//! --test vectors` writes `tests/vectors/v1.json` anew; a change there is a change of the protocol.
#![cfg(feature = "node")]

#[path = "vectors/batches.rs"]
mod batches;
#[path = "vectors/pairing.rs"]
mod pairing;

use data_encoding::HEXLOWER;
use prost::Message;
use serde_json::{Value, json};
use watchfire::link::convert::{
    GroupState, Holdings, LogState, Recall, batch_frames, bodies_frame, conflict_frame, digest_of_holdings, encode_definition,
    encode_record, read_branch, read_signed_receipt, recalled_frame, sign_recall, sign_receipt, wire,
};
use watchfire::model::crypto::{SigningKey, sha256};
use watchfire::model::group::{Definition, SignedDefinition, Visibility, group_id};
use watchfire::model::log::{Audience, Batch, BatchEntry, Body, Branch, Entry, Equivocation, Head, LogKey, body_hash, salt};
use watchfire::model::record::{Receipt, ReceiptOutcome, SignedReceipt, Withdrawal, WithdrawalMode};
use watchfire::model::sighting::{Sighting, SightingType};
use watchfire::model::{GroupId, Indicator, LogId, Observable, ObservableKind, OrgId, Record, Timestamp, Tlp};
use watchfire::rules::label::{Held, Way, outbound, outbound_branch, outbound_entry, outbound_receipt};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/v1.json");
const SEED: [u8; 32] = [0x5e; 32];

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

fn key() -> SigningKey {
    SigningKey::from_seed([0x11; 32])
}

fn logs() -> [LogKey; 2] {
    let author = OrgId([0xa1; 32]);
    let direct = LogKey { author, incarnation: 1, audience: Audience::Direct(OrgId([0xb2; 32])) };
    [direct, LogKey { incarnation: 2, audience: Audience::Group(GroupId([0xc3; 32])), ..direct }]
}

fn records() -> Vec<Record> {
    let observable = |kind, value| Observable::parse(kind, value).expect("a vector is canonical");
    let mut indicator = Indicator::bare(observable(ObservableKind::Domain, "evil.example"));
    indicator.valid_from = Some(Timestamp(1_626_602_400_000));
    indicator.confidence = Some(85);
    indicator.labels = vec!["Pegasus".into()];
    indicator.note = Some("seen in a message".into());
    let bare = Indicator::bare(observable(ObservableKind::Sha256, &"ab".repeat(32)));
    let withdrawal = Withdrawal { log: LogId([0xd4; 32]), seqs: vec![1, 300], mode: WithdrawalMode::Recall, reason: "a name".into() };
    let outcomes = vec![(1, ReceiptOutcome::Destroyed), (300, ReceiptOutcome::Absent)];
    let receipt = Receipt { log: LogId([0xd4; 32]), outcomes, at: Timestamp(1_626_602_500_000), withdrawal: None };
    let (first, last) = (Timestamp(1_626_602_400_000), Timestamp(1_626_602_500_000));
    let met =
        Sighting { log: LogId([0xd4; 32]), seqs: vec![1, 300], what: SightingType::FalsePositive, count: 2, first, last, passed_on: None };
    let passed_on = Sighting { seqs: vec![7], what: SightingType::Seen, passed_on: Some([0x77; 8]), ..met.clone() };
    vec![
        Record::Indicator(indicator),
        Record::Indicator(bare),
        Record::Withdrawal(withdrawal),
        Record::Receipt(receipt),
        Record::KeyChange([0x22; 32]),
        Record::Sighting(met),
        Record::Sighting(passed_on),
    ]
}

fn batch(log: &LogKey) -> Batch {
    let entry = |record: &Record| BatchEntry {
        created: Timestamp(1_626_602_400_123),
        kind: record.kind().number(),
        label: Tlp::Green.into(),
        retention: Timestamp(1_721_210_400_000),
        body: Body::Present(encode_record(record)),
    };
    let entries = records().iter().map(entry).collect();
    Batch::seal(log.id(), Head::default(), entries, SEED, Timestamp(1_626_602_400_456), 0, &key()).expect("within bounds")
}

fn log_vector(log: &LogKey) -> Value {
    let batch = batch(log);
    let headers = batch.verify(log.id(), Head::default(), &key().public()).expect("a batch of our own");
    let entries: Vec<Value> = headers
        .iter()
        .map(|header| json!({"header": hex(&header.encode()), "hash": hex(&header.hash().0), "salt": hex(&salt(&SEED, header.seq))}))
        .collect();
    json!({
        "log_id": hex(&log.id().0),
        "entries": entries,
        "checkpoint_signed_bytes": hex(&batch.checkpoint.signed_bytes()),
        "checkpoint_signature": hex(&batch.checkpoint.signature),
    })
}

fn way(log: &LogKey) -> Way<'_> {
    Way {
        log,
        us: &log.author,
        reader: &OrgId([0xb2; 32]),
        group: None,
        joined: 0,
        allowance: watchfire::rules::policy::Allowance::OPEN,
        now: Timestamp(0),
    }
}

/// The first and the third body of the direct log, for a reader that lacks them.
fn bodies_vector(log: &LogKey) -> String {
    let batch = batch(log);
    let headers = batch.verify(log.id(), Head::default(), &key().public()).expect("a batch of our own");
    let may = |seq: usize| {
        let header = headers[seq - 1].clone();
        let salt = Some(salt(&SEED, header.seq));
        outbound_entry(Held(Entry { header, body: batch.entries[seq - 1].body.clone(), salt }), 0, &way(log)).expect("its reader")
    };
    hex(&bodies_frame(&log.id(), &[may(1), may(3)]).encode_to_vec())
}

/// Two histories of the direct log that part at its second position, of three and of five entries.
fn branches(log: &LogKey) -> [Branch; 2] {
    let whole = batch(log);
    let mut other = whole.entries[..3].to_vec();
    other[1].retention = Timestamp(0);
    let other = Batch::seal(log.id(), Head::default(), other, [0x5f; 32], Timestamp(1_626_602_400_999), 0, &key()).expect("within bounds");
    [whole, other].map(|batch| {
        let headers = batch.verify(log.id(), Head::default(), &key().public()).expect("a batch of our own");
        let from = Head { size: 2, hash: headers[1].hash() };
        Branch { from, headers: headers[2..].to_vec(), checkpoint: batch.checkpoint }
    })
}

fn conflict_frames(log: &LogKey) -> [wire::Frame; 2] {
    branches(log).map(|branch| conflict_frame(&outbound_branch(Held(branch), &way(log)).expect("its reader")))
}

fn conflict_vector(log: &LogKey) -> Value {
    conflict_frames(log).iter().map(|frame| json!(hex(&frame.encode_to_vec()))).collect()
}

/// The content of a direct log's batch is not compressed, so its frame is the same everywhere.
fn frame_vector(log: &LogKey) -> Vec<String> {
    let may = outbound(Held(batch(log)), &way(log)).expect("its reader");
    batch_frames(log, &may).iter().map(|frame| hex(&frame.encode_to_vec())).collect()
}

fn definition() -> Definition {
    let (owner, nonce) = (OrgId([0xa1; 32]), [0x77; 16]);
    Definition {
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
    }
}

fn definition_vector() -> Value {
    let definition = definition();
    let signed = SignedDefinition::sign(encode_definition(&definition), &key());
    json!({"group_id": hex(&definition.group.0), "definition": hex(&signed.bytes), "signature": hex(&signed.signature)})
}

fn recall() -> wire::SignedRecall {
    let withdrawal = Withdrawal { log: LogId([0xd4; 32]), seqs: vec![1, 2, 300], mode: WithdrawalMode::Recall, reason: "a name".into() };
    let (author, group) = (OrgId([0xa1; 32]), Some(GroupId([0xc3; 32])));
    sign_recall(&Recall { author, withdrawal, at: Timestamp(1_626_602_400_789), group }, &key())
}

/// A recall is known by its statement, whichever of its author's keys signs it.
fn recall_id() -> [u8; 32] {
    sha256(&[&recall().statement])
}

fn recall_vector() -> Value {
    let signed = recall();
    json!({"statement": hex(&signed.statement), "signature": hex(&signed.signature), "id": hex(&recall_id())})
}

/// Who answers the recall, to whom, and with which key.
fn holder() -> (OrgId, OrgId, SigningKey) {
    (OrgId([0xb2; 32]), OrgId([0xa1; 32]), SigningKey::from_seed([0x33; 32]))
}

fn receipt() -> Receipt {
    let outcomes = vec![(1, ReceiptOutcome::Destroyed), (2, ReceiptOutcome::Revoked), (300, ReceiptOutcome::Absent)];
    Receipt { log: LogId([0xd4; 32]), outcomes, at: Timestamp(1_626_602_500_000), withdrawal: None }
}

fn signed_receipt() -> SignedReceipt {
    let (holder, author, key) = holder();
    sign_receipt(holder, author, &receipt(), &key)
}

fn receipt_vector() -> Value {
    let (holder, author, key) = holder();
    let signed = signed_receipt();
    let may = outbound_receipt(Held(signed.clone()), &holder, &author).expect("for its author");
    json!({
        "holder": hex(&holder.0),
        "holder_key_seed": hex(&[0x33; 32]),
        "holder_key_public": hex(&key.public()),
        "author": hex(&author.0),
        "statement": hex(&signed.statement),
        "signature": hex(&signed.signature),
        "recalled_frame": hex(&recalled_frame(&recall_id(), Some(&may)).encode_to_vec()),
    })
}

/// Both logs and a group, as the author tells the direct log's audience in its hello that it holds them.
fn holds_vector() -> Value {
    let held = |key: &LogKey| LogState { key: *key, head: batch(key).checkpoint.head };
    let groups = vec![GroupState { group: GroupId([0xc3; 32]), number: 7, roster: 6 }];
    let holdings: Holdings = (logs().iter().map(held).collect(), groups);
    let (from, to, credit) = (logs()[0].author, OrgId([0xb2; 32]), 8 << 20);
    json!({
        "from": hex(&from.0),
        "to": hex(&to.0),
        "credit": credit,
        "logs": holdings.0.iter().map(|log| json!([hex(&log.key.id().0), log.head.size, hex(&log.head.hash.0)])).collect::<Vec<_>>(),
        "groups": holdings.1.iter().map(|one| json!([hex(&one.group.0), one.number, one.roster])).collect::<Vec<_>>(),
        "digest": hex(&digest_of_holdings(&from, &to, credit, &holdings)),
    })
}

fn vectors(written: &Value) -> Value {
    let (cards, pairing) = pairing::vectors(written);
    let bodies: Vec<String> = records().iter().map(|record| hex(&encode_record(record))).collect();
    let [direct, group] = logs();
    json!({
        "log_key_seed": hex(&[0x11; 32]),
        "log_key_public": hex(&key().public()),
        "batch_seed": hex(&SEED),
        "salt_of_position_1": hex(&salt(&SEED, 1)),
        "body_hash_of_empty": hex(&body_hash(&[0; 32], b"")),
        "bodies": bodies,
        "direct_log": log_vector(&direct),
        "group_log": log_vector(&group),
        "direct_log_frames": frame_vector(&direct),
        "bodies_frame": bodies_vector(&direct),
        "conflict_frames": conflict_vector(&direct),
        "cards": cards,
        "pairing": pairing,
        "definition": definition_vector(),
        "batches": batches::vectors(),
        "refused_batches": batches::refused_vectors(),
        "compressed": {"batch": batches::cases()[0].name, "frames": batches::compressed().iter().map(|frame| hex(frame)).collect::<Vec<_>>()},
        "recall": recall_vector(),
        "receipt": receipt_vector(),
        "holds": holds_vector(),
    })
}

fn written() -> Value {
    let text = std::fs::read_to_string(FILE).expect("tests/vectors/v1.json is there");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn every_vector_is_as_it_was_written_down() {
    let mut now = vectors(&written());
    if std::env::var_os("WATCHFIRE_EXPECT").is_some_and(|value| value == "write") {
        std::fs::write(FILE, serde_json::to_string_pretty(&now).expect("JSON") + "\n").expect("written");
    }
    let written = written();
    assert_that_it_unpacks(&written["compressed"]);
    // Another zstd packs otherwise, which changes no protocol.
    now["compressed"] = written["compressed"].clone();
    assert_eq!(now, written, "the protocol has changed");
}

/// Our own compressor may pack otherwise by now, but must be able to read this.
fn assert_that_it_unpacks(compressed: &Value) {
    let unhex = |frame: &Value| HEXLOWER.decode(frame.as_str().expect("hex").as_bytes()).expect("hex");
    let mut frames: Vec<Vec<u8>> = compressed["frames"].as_array().expect("frames").iter().map(unhex).collect();
    let case = &batches::cases()[0];
    assert!(case.is_in(&frames) && case.is_in(&batches::compressed()));
    let last = frames[0].len() - 40;
    frames[0][last] ^= 1;
    assert!(!case.is_in(&frames));
}

#[test]
fn columns_that_do_not_fit_their_batch_are_refused() {
    for case in batches::refused() {
        case.assert_that_it_is_refused();
    }
}

#[test]
fn each_flipped_byte_of_a_batch_is_noticed() {
    for case in batches::cases() {
        case.assert_that_every_byte_counts();
    }
}

#[test]
fn each_flipped_byte_of_a_receipt_is_noticed() {
    let (holder, author, key) = holder();
    let SignedReceipt { statement, signature, .. } = signed_receipt();
    let signed = wire::SignedReceipt { statement, signature };
    let read = |signed: &wire::SignedReceipt| read_signed_receipt(signed, &holder, &author, &[key.public()]);
    assert_eq!(read(&signed), Ok(receipt()));
    for at in 0..signed.statement.len() + signed.signature.len() {
        let mut flipped = signed.clone();
        *flipped.statement.iter_mut().chain(&mut flipped.signature).nth(at).expect("within") ^= 1;
        assert!(read(&flipped).is_err(), "byte {at}");
    }
}

#[test]
fn each_flipped_byte_of_a_card_is_noticed() {
    pairing::assert_that_every_byte_of_a_card_counts(&written());
}

#[test]
fn each_flipped_byte_of_a_proof_of_two_histories_is_noticed() {
    let [direct, _] = logs();
    let read = |bytes: &[u8]| match wire::Frame::decode(bytes).ok()?.frame? {
        wire::frame::Frame::Conflict(conflict) => read_branch(&conflict).ok(),
        _ => None,
    };
    let keys = [key().public()];
    let [one, other] = conflict_frames(&direct).map(|frame| frame.encode_to_vec());
    let proves = |bytes: &[u8]| {
        let (branch, other) = (read(bytes)?, read(&other).expect("a branch"));
        Equivocation::prove(branch, other, &keys)
    };
    assert!(proves(&one).is_some() && proves(&other).is_none());
    for at in 0..one.len() {
        let mut flipped = one.clone();
        flipped[at] ^= 1;
        assert!(proves(&flipped).is_none(), "byte {at}");
    }
}
