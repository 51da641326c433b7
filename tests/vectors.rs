//! Wire vectors: what another implementation must reproduce, byte for byte (docs/protocol.md). `WATCHFIRE_EXPECT=write cargo test
//! --test vectors` writes `tests/vectors/v1.json` anew; a change there is a change of the protocol.
#![cfg(feature = "node")]

use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use watchfire::link::convert::{GroupState, Holdings, LogState, batch_frames, digest_of_holdings, encode_definition, encode_record};
use watchfire::model::crypto::SigningKey;
use watchfire::model::group::{Definition, SignedDefinition, Visibility, group_id};
use watchfire::model::log::{Audience, Batch, BatchEntry, Body, Head, LogKey, body_hash, salt};
use watchfire::model::record::{Receipt, ReceiptOutcome, Withdrawal, WithdrawalMode};
use watchfire::model::{GroupId, Indicator, LogId, Observable, ObservableKind, OrgId, Record, Timestamp, Tlp};
use watchfire::rules::label::{Held, Way, outbound};

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
    vec![
        Record::Indicator(indicator),
        Record::Indicator(bare),
        Record::Withdrawal(withdrawal),
        Record::Receipt(receipt),
        Record::KeyChange([0x22; 32]),
    ]
}

fn batch(log: &LogKey) -> Batch {
    let entry = |record: &Record| BatchEntry {
        created: Timestamp(1_626_602_400_123),
        kind: record.kind().number(),
        tlp: Tlp::Green,
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

/// The content of a direct log's batch is not compressed, so its frame is the same everywhere.
fn frame_vector(log: &LogKey) -> Vec<String> {
    let way = Way { log, us: &log.author, reader: &OrgId([0xb2; 32]), group: None, joined: 0, now: Timestamp(0) };
    let may = outbound(Held(batch(log)), &way).expect("its reader");
    batch_frames(log, &may).iter().map(|frame| hex(&prost::Message::encode_to_vec(frame))).collect()
}

fn definition_vector() -> Value {
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
    let signed = SignedDefinition::sign(encode_definition(&definition), &key());
    json!({"group_id": hex(&definition.group.0), "definition": hex(&signed.bytes), "signature": hex(&signed.signature)})
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

fn vectors() -> Value {
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
        "definition": definition_vector(),
        "holds": holds_vector(),
    })
}

#[test]
fn every_vector_is_as_it_was_written_down() {
    let now = vectors();
    if std::env::var_os("WATCHFIRE_EXPECT").is_some_and(|value| value == "write") {
        std::fs::write(FILE, serde_json::to_string_pretty(&now).expect("JSON") + "\n").expect("written");
    }
    let written = std::fs::read_to_string(FILE).expect("tests/vectors/v1.json is there");
    let written: Value = serde_json::from_str(&written).expect("JSON");
    assert_eq!(now, written, "the protocol has changed");
}
