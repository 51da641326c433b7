use super::user::{change as user_change, wrapped};
use super::*;
use crate::model::crypto::SigningKey;
use crate::model::desk::{Act, DeskKey, KeyChange, KeyShare, Opening, SealSecret, SignedKeyChange, SignedOpening, UserSealKey};
use crate::model::{SealKeyId, UserKey};
use crate::store::change::Refused;
use crate::store::sealing::SealingChange;

fn signing(n: u8) -> SigningKey {
    SigningKey::from_seed([n; 32])
}

fn public(n: u8) -> UserKey {
    UserKey(signing(n).public())
}

fn share(number: u32, to: u8) -> KeyShare {
    KeyShare::seal(&US, number, &SealSecret::generate(), &UserSealKey::of(&US, &signing(to))).unwrap()
}

/// By 1, after that many changes of the users.
fn key(number: Option<u32>, users: u64, shares: Vec<KeyShare>) -> SignedKeyChange {
    let key = number.map(|number| DeskKey { number, public: SealSecret::generate().public().clone(), created: NOW });
    KeyChange { key, shares, users, at: NOW, by: public(1) }.sign(&US, &signing(1))
}

fn commit(change: &SignedKeyChange, gone: &[u8], forget: &[u32]) -> Change {
    let gone = gone.iter().map(|n| public(*n)).collect();
    Change::Sealing(Box::new(SealingChange::Key { change: Box::new(change.clone()), gone, forget: forget.to_vec() }))
}

fn holders(home: &Home) -> Vec<(u32, UserKey)> {
    home.read().key_shares().unwrap().iter().map(|share| (share.number, share.user)).collect()
}

fn given(home: &Home) -> Vec<(u32, usize)> {
    home.read().desk_publics().unwrap().iter().map(|row| (row.known.key.number, row.known.given.len())).collect()
}

#[test]
fn desk_keys_are_kept_with_their_shares_and_in_order() {
    let mut home = Home::new();
    let first = key(Some(1), 0, vec![share(1, 1), share(1, 2)]);
    home.commit(commit(&first, &[], &[]));
    home.commit(commit(&first, &[], &[]));
    assert_eq!(given(&home), [(1, 2)], "made twice");
    for other in [key(Some(1), 0, vec![]), key(Some(3), 0, vec![]), key(None, 0, vec![share(2, 1)])] {
        assert_eq!(home.try_commit(commit(&other, &[], &[])), Err(Refused::KeyMoved.into()));
    }
    assert_eq!(home.try_commit(commit(&key(Some(2), 1, vec![]), &[], &[])), Err(Refused::UsersMoved.into()));
    home.commit(commit(&key(Some(2), 0, vec![share(1, 1), share(2, 1)]), &[2], &[]));
    assert_eq!(holders(&home), [(1, public(1)), (2, public(1))], "who has left has nothing any more");
    assert_eq!(given(&home), [(1, 2), (2, 1)], "and it is known who had it");
    home.reopen();
    let row = &home.read().desk_publics().unwrap()[0];
    assert_eq!((&row.known.key, row.signature), (first.change.key.as_ref().unwrap(), first.signature));
    assert_eq!(row.shares, first.change.shares_hash());
    home.commit(commit(&key(Some(3), 0, vec![share(3, 1)]), &[], &[1]));
    assert_eq!(holders(&home), [(2, public(1)), (3, public(1))], "a forgotten key goes with its shares");
    assert_eq!(given(&home), [(2, 1), (3, 1)]);
}

#[test]
fn a_share_that_is_given_later_replaces_none() {
    let home = Home::new();
    let (mine, other, late) = (share(1, 1), share(1, 1), share(1, 2));
    home.commit(commit(&key(Some(1), 0, vec![mine.clone()]), &[], &[]));
    home.commit(commit(&key(None, 0, vec![other, late.clone()]), &[], &[]));
    let mut shares = home.read().key_shares().unwrap();
    shares.sort_by_key(|share| share.user != public(1));
    assert_eq!(shares, [mine, late]);
    assert_eq!(given(&home), [(1, 2)]);
}

#[test]
fn what_was_sealed_to_a_user_goes_with_the_key() {
    let home = Home::new();
    for n in [1, 2] {
        let key = UserSealKey::of(&US, &signing(n));
        home.commit(Change::Sealing(Box::new(SealingChange::Register(Box::new(key)))));
    }
    home.commit(commit(&key(Some(1), 0, vec![share(1, 1), share(1, 2)]), &[], &[]));
    let add = user_change(1, Act::Add, 1);
    home.commit(Change::User { change: Box::new(add), wrapped: Some(Box::new(wrapped(1))), gone: Some(public(2)) });
    assert_eq!(holders(&home), [(1, public(1))]);
    assert_eq!(home.read().seal_keys().unwrap(), [UserSealKey::of(&US, &signing(1))]);
}

#[test]
fn each_opening_is_kept_once_and_by_time() {
    let mut home = Home::new();
    let opening = |n: u8, at: u64| {
        let opening = Opening { sender: PEER, referral: [n; 16], key: SealKeyId([3; 16]), at: NOW.plus(at), by: public(1) };
        opening.sign(&US, &signing(1))
    };
    let commit = |opening: &SignedOpening| Change::Sealing(Box::new(SealingChange::Opened(*opening)));
    let (later, first, same_time) = (opening(1, 5), opening(2, 1), opening(3, 5));
    for opening in [&later, &first, &same_time, &later] {
        home.commit(commit(opening));
    }
    home.reopen();
    let openings = home.read().openings().unwrap();
    assert_eq!((openings.len(), openings[0]), (3, first));
    assert!(openings.contains(&later) && openings.contains(&same_time));
}
