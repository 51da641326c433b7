use super::*;
use crate::model::desk::{Act, Role, SignedChange, User, UserChange, WrappedKey};
use crate::model::{DeskHash, UserKey};
use crate::store::change::Refused;

/// A wrapped key that nothing opens.
pub(super) fn wrapped(fill: u8) -> WrappedKey {
    let mut bytes = vec![fill; WrappedKey::LENGTH];
    bytes[..13].copy_from_slice(&[1, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1]);
    WrappedKey::decode(&bytes).unwrap()
}

/// A change of that number, with signatures that verify nothing: the store does not look.
pub(super) fn change(number: u64, act: Act, key: u8) -> SignedChange {
    let user = User { name: format!("user{key}").parse().unwrap(), role: Role::Handler, key: UserKey([key; 32]) };
    let new = matches!(act, Act::Add | Act::Key);
    let change = UserChange {
        number,
        before: DeskHash([number as u8; 32]),
        act,
        user,
        wrapped: (new || act == Act::Passphrase).then(|| wrapped(key).hash()),
        at: NOW,
        by: UserKey([1; 32]),
    };
    SignedChange { change, signature: [number as u8; 64], possession: new.then_some([key; 64]) }
}

fn commit(change: &SignedChange, wrapped: Option<WrappedKey>, gone: Option<u8>) -> Change {
    Change::User { change: Box::new(change.clone()), wrapped: wrapped.map(Box::new), gone: gone.map(|key| UserKey([key; 32])) }
}

#[test]
fn changes_of_users_are_kept_with_their_keys_and_in_order() {
    let mut home = Home::new();
    let changes =
        [change(1, Act::Add, 1), change(2, Act::Add, 2), change(3, Act::Passphrase, 2), change(4, Act::Role, 2), change(5, Act::Remove, 2)];
    let keys = |home: &Home| [1, 2].map(|key| home.read().desk_key(&UserKey([key; 32])).unwrap());
    home.commit(commit(&changes[0], Some(wrapped(1)), None));
    home.commit(commit(&changes[1], Some(wrapped(2)), None));
    assert_eq!(keys(&home), [Some(wrapped(1)), Some(wrapped(2))]);
    home.commit(commit(&changes[2], Some(wrapped(3)), None));
    home.commit(commit(&changes[3], None, None));
    assert_eq!(keys(&home), [Some(wrapped(1)), Some(wrapped(3))]);
    home.commit(commit(&changes[4], None, Some(2)));
    assert_eq!(keys(&home), [Some(wrapped(1)), None], "a key goes with its user");
    home.reopen();
    assert_eq!(home.read().user_changes().unwrap(), changes);
}

#[test]
fn of_two_changes_with_one_number_the_first_stays() {
    let home = Home::new();
    let (one, other) = (change(1, Act::Add, 1), change(1, Act::Add, 2));
    home.commit(commit(&one, Some(wrapped(1)), None));
    assert_eq!(home.try_commit(commit(&other, Some(wrapped(2)), None)), Err(Refused::UsersMoved.into()));
    let gap = change(3, Act::Add, 3);
    assert_eq!(home.try_commit(commit(&gap, Some(wrapped(3)), None)), Err(Refused::UsersMoved.into()));
    assert_eq!(home.read().user_changes().unwrap(), [one]);
    assert_eq!([2, 3].map(|key| home.read().desk_key(&UserKey([key; 32])).unwrap()), [None, None], "nor is its key kept");
}

#[test]
fn a_change_that_is_made_twice_undoes_no_later_one() {
    let home = Home::new();
    let (first, second) = (change(1, Act::Add, 1), change(2, Act::Passphrase, 1));
    home.commit(commit(&first, Some(wrapped(1)), None));
    home.commit(commit(&second, Some(wrapped(2)), None));
    home.commit(commit(&first, Some(wrapped(1)), None));
    assert_eq!(home.read().desk_key(&UserKey([1; 32])).unwrap(), Some(wrapped(2)));
    assert_eq!(home.read().user_changes().unwrap(), [first, second]);
}
