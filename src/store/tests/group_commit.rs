use super::fault::Faulty;
use super::*;
use crate::store::change::Refused;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap()
}

#[test]
fn concurrent_changes_share_their_syncs() {
    let disk = Faulty::default();
    let store = Store::open_with(disk.factory(), Options::new(US)).unwrap();
    let (alone, together) = (syncs(&disk, &store, 1), syncs(&disk, &store, 200));
    assert!(together < 200 * alone / 3, "{together} syncs for 200 changes, {alone} for one");
}

/// Syncs that so many concurrent changes need.
fn syncs(disk: &Faulty, store: &Store, changes: u8) -> usize {
    let before = disk.syncs();
    runtime().block_on(async {
        let tasks: Vec<_> = (0..changes)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move { store.commit(Change::Put("value", Some(vec![n]))).await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
    });
    disk.syncs() - before
}

#[test]
fn many_changes_are_made_all_or_not_at_all() {
    let home = Home::new();
    let mut log = Authored::by(PEER, GROUP);
    log.indicators(&["gap.example"]);
    let (batch, entries) = log.indicators(&["evil.example"]);
    let changes = vec![Change::Put("before", Some(vec![1])), log.receive(&batch, entries)];
    let result = runtime().block_on(home.store().commit_many(changes));
    assert_eq!(result, Err(Refused::HeadMoved.into()));
    assert_eq!(home.read().get("before").unwrap(), None);
    let good = vec![Change::Put("a", Some(vec![1])), Change::Put("b", Some(vec![2]))];
    assert_eq!(runtime().block_on(home.store().commit_many(good)), Ok(vec![Outcome::Done, Outcome::Done]));
}

#[test]
fn a_refused_change_does_not_take_its_neighbours_along() {
    let home = Home::new();
    let mut log = Authored::by(PEER, GROUP);
    log.indicators(&["gap.example"]);
    let (batch, entries) = log.indicators(&["evil.example"]);
    let refused = log.receive(&batch, entries);
    let results = runtime().block_on(async {
        let many = home.store().commit_many(vec![Change::Put("x", Some(vec![1])), refused.clone()]);
        tokio::join!(
            home.store().commit(Change::Put("a", Some(vec![1]))),
            many,
            home.store().commit(refused),
            home.store().commit(Change::Put("b", Some(vec![1])))
        )
    });
    assert_eq!((results.0, results.3), (Ok(Outcome::Done), Ok(Outcome::Done)));
    assert_eq!((results.1, results.2), (Err(Refused::HeadMoved.into()), Err(Refused::HeadMoved.into())));
    assert_eq!(home.read().get("x").unwrap(), None);
    assert_eq!(home.read().get("b").unwrap(), Some(vec![1]));
}
