//! Rows handed out and taken by another store.

use super::*;
use crate::store::archive::{Filling, LoadError, rows_in};
use proptest::prelude::*;

type Piece = (&'static str, Vec<u8>);

fn pieces(home: &Home) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut take = |table, rows: &[u8]| {
        pieces.push((table, rows.to_vec()));
        Ok(())
    };
    home.read().dump_rows(&mut take).unwrap();
    pieces
}

/// A store with something in most tables.
fn filled() -> Home {
    let home = Home::new();
    let values: Vec<String> = (0..700).map(|number| format!("host{number}.example.org")).collect();
    home.release(TO_PEER, &values.iter().map(String::as_str).collect::<Vec<_>>());
    home.append(TO_PEER);
    home.release(GROUP, &["waiting.example.org"]);
    home.commit(Change::Put("mine", Some(b"value".to_vec())));
    home
}

fn fill(directory: &std::path::Path, pieces: &[Piece]) -> u64 {
    let mut filling = Filling::begin(directory, 1).unwrap();
    let rows = pieces.iter().map(|(table, rows)| filling.rows(table, rows).unwrap()).sum();
    filling.end().unwrap();
    rows
}

#[test]
fn a_store_filled_from_another_is_the_same_row_by_row() {
    let home = filled();
    let (pieces, directory) = (pieces(&home), tempfile::tempdir().unwrap());
    let rows = fill(directory.path(), &pieces);
    let counts = home.read().row_counts().unwrap();
    assert_eq!(rows, counts.values().sum::<u64>());
    assert!(pieces.len() > counts.values().filter(|count| **count > 0).count(), "a table of many rows comes in several pieces");
    let other = Store::open(directory.path(), Options::new(US)).unwrap();
    assert_eq!(content(&other.snapshot().unwrap()), home.dump());
    assert_eq!(other.snapshot().unwrap().row_counts().unwrap(), counts);
    // It goes on as the first would.
    assert_eq!(other.commit_blocking(append_change(&other.snapshot().unwrap(), GROUP)).unwrap(), Outcome::Done);
}

#[test]
fn what_is_handed_out_is_one_moment_whatever_is_written_meanwhile() {
    let home = filled();
    let (snapshot, counts) = (home.read(), home.read().row_counts().unwrap());
    let mut rows = 0;
    let mut first = true;
    let mut take = |table: &'static str, piece: &[u8]| {
        if std::mem::take(&mut first) {
            home.release(TO_PEER, &["later.example.org"]);
        }
        rows += rows_in(table, piece).unwrap();
        Ok(())
    };
    snapshot.dump_rows(&mut take).unwrap();
    assert_eq!(rows, counts.values().sum::<u64>());
    assert_ne!(home.read().row_counts().unwrap(), counts, "the control: something was written");
}

#[test]
fn what_does_not_fit_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(Filling::begin(directory.path(), 99), Err(LoadError::Newer(99))));
    let mut filling = Filling::begin(directory.path(), 1).unwrap();
    assert!(matches!(filling.rows("nothing.v9", &[]), Err(LoadError::UnknownTable(_))));
    assert!(matches!(filling.rows("named.v1", &[0, 0, 0, 9, b'x']), Err(LoadError::BadRows(_))));
    assert!(matches!(filling.rows("named.v1", &[255; 12]), Err(LoadError::BadRows(_))));
}

#[test]
fn a_filled_store_is_as_durable_as_one_that_was_written() {
    let (disk, directory) = (fault::Faulty::default(), tempfile::tempdir().unwrap());
    let backend = || disk.factory()().unwrap();
    let mut filling = Filling::on(backend(), directory.path(), 1).unwrap();
    filling.rows("named.v1", &[0, 0, 0, 1, b'x', 0, 0, 0, 0]).unwrap();
    let before = disk.syncs();
    filling.end().unwrap();
    let filled = disk.syncs() - before;
    let database = redb::Database::builder().create_with_backend(disk.clone()).unwrap();
    let transaction = crate::store::disk::begin(&database).unwrap();
    transaction.open_table(crate::store::tables::NAMED).unwrap().insert("y", &[][..]).unwrap();
    let before = disk.syncs();
    transaction.commit().unwrap();
    drop(database);
    assert_eq!(filled, disk.syncs() - before);
}

#[test]
fn a_store_whose_name_cannot_be_made_durable_is_not_filled() {
    let outer = tempfile::tempdir().unwrap();
    let filling = Filling::begin(&outer.path().join("store"), 1).unwrap();
    std::fs::rename(outer.path().join("store"), outer.path().join("moved")).unwrap();
    assert!(matches!(filling.end(), Err(LoadError::Disk(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn rows_of_foreign_bytes_never_panic(table in 0..31usize, bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let home = Home::new();
        let names: Vec<String> = home.read().row_counts().unwrap().into_keys().collect();
        let name = &names[table % names.len()];
        let directory = tempfile::tempdir().unwrap();
        let mut filling = Filling::begin(directory.path(), 1).unwrap();
        prop_assert_eq!(filling.rows(name, &bytes).is_ok(), rows_in(name, &bytes).is_ok());
    }
}
