use super::*;
use crate::model::LogId;
use crate::store::change::PeerRow;
use crate::store::codec::Row;
use crate::store::migrate::SCHEMA;
use crate::store::tables::{BATCHES, DISCLOSURES, ENTRIES, EVENTS, HISTORIES, META, NAMED, PEERS};
use crate::store::{Damaged, FILE_NAME, Filter, OpenError, ReadError};
use redb::ReadableTable;

pub(super) fn change_file(home: &Home, change: impl FnOnce(&redb::WriteTransaction)) {
    let database = redb::Database::create(home.path().join(FILE_NAME)).unwrap();
    let transaction = database.begin_write().unwrap();
    change(&transaction);
    transaction.commit().unwrap();
}

/// Says that a store is of an earlier schema, in which events and histories had no labels.
pub(super) fn as_of(transaction: &redb::WriteTransaction, schema: u32) {
    transaction.open_table(META).unwrap().insert("schema", schema.to_be_bytes().as_slice()).unwrap();
    let mut events = transaction.open_table(EVENTS).unwrap();
    let all: Vec<(u64, Vec<u8>)> =
        events.iter().unwrap().map(|row| row.unwrap()).map(|(n, row)| (n.value(), row.value().to_vec())).collect();
    for (n, row) in all {
        events.insert(n, &row[..row.len() - 1]).unwrap();
    }
    let mut histories = transaction.open_table(HISTORIES).unwrap();
    let all: Vec<([u8; 16], Vec<u8>)> =
        histories.iter().unwrap().map(|row| row.unwrap()).map(|(id, row)| (*id.value(), row.value().to_vec())).collect();
    for (id, row) in all {
        assert_eq!(row.len(), 18, "one label");
        histories.insert(&id, &row[1..]).unwrap();
    }
}

fn open(home: &Home) -> Result<Store, OpenError> {
    Store::open(home.path(), Options::new(US))
}

#[test]
fn a_store_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let outer = tempfile::tempdir().unwrap();
    let directory = outer.path().join("store");
    let _store = Store::open(&directory, Options::new(US)).unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&directory), mode(&directory.join(FILE_NAME))), (0o700, 0o600));
}

#[test]
fn a_store_that_is_open_elsewhere_says_so() {
    let home = Home::new();
    let error = open(&home).unwrap_err();
    assert!(matches!(error, OpenError::AlreadyOpen(_)));
    assert!(error.to_string().contains("is open in another process\nhint: is `watchfire serve` running?"), "{error}");
}

#[test]
fn closing_lets_another_process_in_even_while_a_snapshot_lives() {
    let mut home = Home::new();
    home.release(TO_PEER, &["evil.example"]);
    let read = home.read();
    home.store().close();
    assert_eq!(home.try_commit(Change::Incarnation(2)), Err(CommitError::Closed));
    assert!(home.store().snapshot().is_err());
    home.reopen();
    assert_eq!(home.values("evil.example"), ["evil.example"]);
    drop(read);
}

#[test]
fn a_newer_store_is_refused_in_words() {
    let mut home = Home::new();
    home.store = None;
    change_file(&home, |transaction| {
        transaction.open_table(META).unwrap().insert("schema", (SCHEMA + 1).to_be_bytes().as_slice()).unwrap();
    });
    let error = open(&home).unwrap_err().to_string();
    let expected = format!(
        "the store has schema {}, and this program reads up to {SCHEMA}\nhint: run the newer version of watchfire that wrote it",
        SCHEMA + 1
    );
    assert_eq!(error, expected);
}

#[test]
fn an_older_store_is_migrated() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home { directory, store: None };
    change_file(&home, |transaction| {
        transaction.open_table(META).unwrap().insert("schema", 0u32.to_be_bytes().as_slice()).unwrap();
    });
    let home = Home { store: Some(open(&home).unwrap()), ..home };
    home.release(TO_PEER, &["evil.example"]);
    assert_eq!(home.values("evil.example"), ["evil.example"]);
}

#[test]
fn a_power_cut_while_the_store_is_made_leaves_nothing_that_is_in_the_way() {
    let directory = tempfile::tempdir().unwrap();
    let half = std::path::Path::new(FILE_NAME).with_extension("new");
    std::fs::write(directory.path().join(&half), [0; 5_000]).unwrap();
    let home = Home { store: Some(Store::open(directory.path(), Options::new(US)).unwrap()), directory };
    home.release(TO_PEER, &["evil.example"]);
    assert_eq!(home.values("evil.example"), ["evil.example"]);
    assert!(!home.path().join(half).exists());
}

#[test]
fn a_store_of_schema_1_keeps_what_it_has_and_gets_the_new_tables() {
    let mut home = Home::new();
    home.release(TO_PEER, &["evil.example"]);
    home.store = None;
    change_file(&home, |transaction| {
        as_of(transaction, 1);
        for name in ["recall_told.v1", "ahead.v1", "rosters.v1", "consents.v1", "exports.v1", "users.v1", "desk_keys.v1"] {
            assert!(delete_any(transaction, name), "{name}");
        }
    });
    home.store = Some(open(&home).unwrap());
    assert_eq!(home.values("evil.example"), ["evil.example"]);
    let read = home.read();
    assert!(read.exports().unwrap().is_empty() && read.rosters().unwrap().is_empty() && read.user_changes().unwrap().is_empty());
    assert_eq!((read.ahead(&PEER).unwrap(), read.recall_told(&[0; 32], &PEER).unwrap()), (0, false));
    assert_eq!(read.consent(&GroupId([9; 32])).unwrap(), None);
}

/// Deletes a table whatever its types are.
fn delete_any(transaction: &redb::WriteTransaction, name: &str) -> bool {
    let handle = transaction.list_tables().unwrap().find(|table| redb::TableHandle::name(table) == name);
    handle.is_some_and(|handle| transaction.delete_table(handle).unwrap())
}

#[test]
fn another_organisations_store_is_refused() {
    let mut home = Home::new();
    home.store = None;
    let error = Store::open(home.path(), Options::new(PEER)).unwrap_err();
    assert!(matches!(error, OpenError::OtherOrganisation { found: US, ours: PEER }));
}

#[test]
fn what_is_not_a_store_is_refused() {
    let mut home = Home::new();
    home.store = None;
    std::fs::write(home.path().join(FILE_NAME), b"not a database, but long enough to look at".repeat(200)).unwrap();
    let error = open(&home).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "never replaced: {error:?}");
    let blocked = home.path().join(FILE_NAME).join("below a file");
    assert!(matches!(Store::open(&blocked, Options::new(US)).unwrap_err(), OpenError::Io { .. }));
}

#[test]
fn a_damaged_row_is_an_error_that_names_it() {
    let mut home = Home::new();
    home.release(TO_PEER, &["evil.example"]);
    home.append(TO_PEER);
    let key = home.read().our_log_key(&TO_PEER).unwrap();
    home.store = None;
    change_file(&home, |transaction| {
        transaction.open_table(ENTRIES).unwrap().insert((1, 1), b"rubbish".as_slice()).unwrap();
    });
    let home = Home { store: Some(open(&home).unwrap()), ..home };
    let damaged = Damaged { table: "entries", key: "(1, 1)".into() };
    assert_eq!(home.read().batch_at(&key.id(), 1).unwrap_err(), ReadError::Damaged(damaged.clone()));
    let mode = crate::model::record::WithdrawalMode::Recall;
    let change = Change::TakeBack { log: key.id(), seqs: vec![1], mode, reason: String::new(), at: NOW, bars: true };
    assert_eq!(home.try_commit(change), Err(CommitError::Damaged(damaged)));
    assert_eq!(home.release(TO_PEER, &["bad.example"]), [ReleaseOutcome::NEWS], "the rest goes on");
}

#[test]
fn a_batch_that_cannot_be_compared_with_a_damaged_row_is_not_taken_for_another() {
    let mut home = Home::new();
    let mut log = Authored::by(PEER, GROUP);
    let (batch, entries) = log.indicators(&["evil.example"]);
    home.receive(&log, &batch, entries.clone());
    home.store = None;
    change_file(&home, |transaction| {
        transaction.open_table(BATCHES).unwrap().insert((1, 1), b"rubbish".as_slice()).unwrap();
    });
    let home = Home { store: Some(open(&home).unwrap()), ..home };
    let damaged = Damaged { table: "batches", key: "(1, 1)".into() };
    assert_eq!(home.try_commit(log.receive(&batch, entries)), Err(CommitError::Damaged(damaged)));
}

#[test]
fn what_is_owed_moves_to_a_table_of_its_own() {
    let mut home = Home::new();
    home.commit(Change::Put("mine", Some(b"value".to_vec())));
    home.store = None;
    let (log, other) = (Authored::by(PEER, GROUP).id(), Authored::by(OTHER, GROUP).id());
    let name = |log: &LogId, first: u64| format!("owed/{}/{first:020}", data_encoding::HEXLOWER.encode(&log.0));
    change_file(&home, |transaction| {
        as_of(transaction, 3);
        let mut named = transaction.open_table(NAMED).unwrap();
        for name in [name(&log, 1), name(&log, 257), name(&other, 3)] {
            named.insert(name.as_str(), &[][..]).unwrap();
        }
    });
    let home = Home { store: Some(open(&home).unwrap()), ..home };
    let mut owed = vec![(log, 1), (log, 257), (other, 3)];
    owed.sort_unstable();
    assert_eq!(home.read().owed().unwrap(), owed);
    assert_eq!((home.read().get(&name(&log, 1)).unwrap(), home.read().get("mine").unwrap()), (None, Some(b"value".to_vec())));
    home.commit(Change::Owe { log, first: 1, owed: false });
    assert_eq!(home.read().owed().unwrap().len(), 2);
}

#[test]
fn what_changed_before_histories_were_kept_has_one_by_the_events() {
    let mut home = Home::new();
    home.release(TO_PEER, &["once.example", "twice.example"]);
    let record = |value: &str| record_id(&US, &observable(value));
    let noted = Indicator { note: Some("new words".into()), ..indicator("twice.example") };
    home.commit(release_change(TO_PEER, vec![item(TO_PEER, noted)]));
    let kept = home.read().history(&record("twice.example"), Ceiling::NONE).unwrap();
    assert!(kept.is_some_and(|row| row.created == NOW && row.modified > NOW));
    home.store = None;
    change_file(&home, |transaction| {
        as_of(transaction, 4);
        transaction.open_table(HISTORIES).unwrap().pop_last().unwrap();
    });
    let home = Home { store: Some(open(&home).unwrap()), ..home };
    assert_eq!(home.read().history(&record("twice.example"), Ceiling::NONE).unwrap(), kept);
    assert_eq!(home.read().history(&record("once.example"), Ceiling::NONE).unwrap(), None);
}

#[test]
fn events_from_before_they_had_labels_get_those_of_what_is_held_and_the_strictest_where_nothing_is() {
    let mut home = Home::new();
    home.release(TO_PEER, &["kept.example", "gone.example"]);
    let record = |value: &str| record_id(&US, &observable(value));
    home.commit(Change::Unqueue { records: vec![record("gone.example")], recalled: true, only: None, at: NOW.plus(1) });
    home.store = None;
    change_file(&home, |transaction| as_of(transaction, 8));
    let home = Home { store: Some(open(&home).unwrap()), ..home };
    let seen = |tlp: Tlp| -> Vec<RecordId> {
        let filter = Filter { kinds: vec![], ceiling: Ceiling { tlp, ..Ceiling::NONE }, groups: vec![], revoked: true, now: NOW };
        home.read().since(0, 100, &filter).unwrap().into_iter().map(|event| event.record).collect()
    };
    assert_eq!(seen(Tlp::AmberStrict), [record("kept.example")]);
    assert_eq!(seen(Tlp::Red), [record("kept.example"), record("gone.example"), record("gone.example")]);
    let history = |ceiling| home.read().history(&record("gone.example"), ceiling).unwrap();
    assert_eq!(history(Ceiling { tlp: Tlp::AmberStrict, ..Ceiling::NONE }), None);
    assert!(history(Ceiling::NONE).is_some_and(|history| history.recalled && history.created == NOW));
}

#[test]
fn a_card_that_was_kept_as_numbers_is_read_and_becomes_text() {
    let mut home = Home::new();
    let peer = PeerRow { card: vec![0, 1, 255], ..super::small::peer("borealis") };
    let key = peer.org.0;
    home.commit(Change::PutPeer(Box::new(peer.clone())));
    home.store = None;
    let row = || {
        let mut row = Vec::new();
        change_file(&home, |transaction| row = transaction.open_table(PEERS).unwrap().get(&key).unwrap().unwrap().value().to_vec());
        String::from_utf8(row).unwrap()
    };
    let now = row();
    assert!(now.contains(r#""card":"AAH/""#), "{now}");
    change_file(&home, |transaction| {
        as_of(transaction, 5);
        let before = now.replace(r#""AAH/""#, "[0,1,255]");
        transaction.open_table(PEERS).unwrap().insert(&key, before.as_bytes()).unwrap();
    });
    let mut opened = Home { store: Some(open(&home).unwrap()), ..home };
    assert_eq!(opened.read().peer(&peer.org).unwrap(), Some(peer));
    opened.store = None;
    change_file(&opened, |transaction| {
        let kept = transaction.open_table(PEERS).unwrap().get(&key).unwrap().unwrap().value().to_vec();
        assert_eq!(String::from_utf8(kept).unwrap(), now);
    });
}

#[test]
fn a_changed_disclosure_is_found() {
    let mut home = Home::new();
    home.release(TO_PEER, &["a.example"]);
    home.release(TO_PEER, &["b.example"]);
    home.store = None;
    change_file(&home, |transaction| {
        let mut table = transaction.open_table(DISCLOSURES).unwrap();
        let mut row = crate::store::rows::DisclosureRow::decode(table.get(1).unwrap().unwrap().value()).unwrap();
        row.line = row.line.replace("green", "clear");
        table.insert(1, row.encode().as_slice()).unwrap();
    });
    let home = Home { store: Some(open(&home).unwrap()), ..home };
    assert!(home.read().verify_disclosures().is_err());
}
