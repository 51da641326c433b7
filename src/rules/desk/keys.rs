//! The desk key: who may make it, who gets its secret half, when the next one is due. Pure.

use super::{Deed, Denied, Desk, check_fresh, may};
use crate::model::desk::{DeskKey, KeyChange, SignedKeyChange, SignedOpening, User};
use crate::model::{Timestamp, UserKey};
use std::collections::BTreeSet;

/// A desk key is replaced after so long (90 days, in milliseconds).
pub const ROTATE_MS: u64 = 90 * 86_400_000;
/// The secret half of an earlier key is kept for so long after it was replaced (a year, in milliseconds): what was sealed to it is opened
/// as long as cases live.
pub const KEPT_MS: u64 = 365 * 86_400_000;
/// At least so many earlier keys are kept, however old: a desk that was away for long still opens what came last.
pub const KEPT_MIN: usize = 4;
/// No more earlier keys than that are kept, so that a change of the desk stays small.
pub const KEPT_MAX: usize = 64;

/// A desk key as this node knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The key.
    pub key: DeskKey,
    /// Everybody who was ever given its secret half.
    pub given: BTreeSet<UserKey>,
}

/// Why the desk wants another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Due {
    /// It has none.
    None,
    /// Somebody has the secret half who is not to have it any more.
    SomebodyLeft,
    /// It is older than [`ROTATE_MS`].
    Old,
}

/// Whether a user is to have the secret half.
pub const fn opens(user: &User) -> bool {
    may(user.role, Deed::OpenSealed)
}

/// Whether the newest of these keys, by number, is to be replaced, and why.
pub fn due(desk: &Desk, keys: &[Known], now: Timestamp) -> Option<Due> {
    let Some(newest) = keys.last() else { return Some(Due::None) };
    let left = newest.given.iter().any(|user| !desk.by_key(user).is_some_and(opens));
    match now.since(newest.key.created) >= ROTATE_MS {
        _ if left => Some(Due::SomebodyLeft),
        true => Some(Due::Old),
        false => None,
    }
}

/// The numbers of the keys, by number, that are not kept any more once the newest is in force.
pub fn forgotten(keys: &[DeskKey], now: Timestamp) -> Vec<u32> {
    let earlier = keys.len().saturating_sub(1);
    // A key was replaced when the next one was made.
    let old = |n: usize| keys.get(n + 1).is_some_and(|next| now.since(next.created) > KEPT_MS);
    let gone = |n: &usize| earlier - n > KEPT_MAX || (earlier - n > KEPT_MIN && old(*n));
    (0..earlier).filter(gone).map(|n| keys[n].number).collect()
}

/// Checks a change of the desk key: by somebody who may, about now, the next one, and its secret halves for those who are to have them and
/// nobody else. `registered` are the users whose sealing keys are known, `keys` those that are kept, by number.
///
/// # Errors
/// When it may not be made.
pub fn check_key(
    desk: &Desk,
    keys: &[Known],
    registered: &BTreeSet<UserKey>,
    signed: &SignedKeyChange,
    now: Timestamp,
) -> Result<(), Denied> {
    let change = &signed.change;
    signed.verify(&desk.org).map_err(|_| Denied::BadSignature)?;
    check_fresh(change.at, now)?;
    let deed = match (&change.key, keys.is_empty()) {
        (Some(_), true) => Deed::MakeDeskKey,
        (Some(_), false) => Deed::RotateDeskKey,
        (None, _) => Deed::OpenSealed,
    };
    desk.in_force(&change.by, deed)?;
    if change.users != desk.number {
        return Err(Denied::NotNext);
    }
    if let Some(key) = &change.key {
        check_next(keys, key)?;
        check_fresh(key.created, now)?;
    }
    let has = |number: u32| keys.iter().any(|known| known.key.number == number) || is_new(change, number);
    let to = |user: &UserKey| registered.contains(user) && desk.by_key(user).is_some_and(opens);
    let pairs: BTreeSet<_> = change.shares.iter().map(|share| (share.number, share.user)).collect();
    if pairs.len() != change.shares.len() || !pairs.iter().all(|(number, user)| has(*number) && to(user)) {
        return Err(Denied::WrongShares);
    }
    // A new key that one of them cannot open would be found out when it is needed.
    let everybody =
        desk.users().map(|user| user.key).filter(to).all(|user| change.key.as_ref().is_none_or(|key| pairs.contains(&(key.number, user))));
    if everybody { Ok(()) } else { Err(Denied::WrongShares) }
}

fn is_new(change: &KeyChange, number: u32) -> bool {
    change.key.as_ref().is_some_and(|key| key.number == number)
}

fn check_next(keys: &[Known], key: &DeskKey) -> Result<(), Denied> {
    let last = keys.last().map_or(0, |known| known.key.number);
    let used = keys.iter().any(|known| known.key.public == key.public);
    if last.checked_add(1) == Some(key.number) && !used { Ok(()) } else { Err(Denied::KeyMoved) }
}

/// Checks that somebody who may open says so now.
///
/// # Errors
/// When they may not, or it was signed at another time.
pub fn check_opening(desk: &Desk, signed: &SignedOpening, now: Timestamp) -> Result<(), Denied> {
    signed.verify(&desk.org).map_err(|_| Denied::BadSignature)?;
    check_fresh(signed.opening.at, now)?;
    desk.in_force(&signed.opening.by, Deed::OpenSealed).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::crypto::SigningKey;
    use crate::model::desk::{Act, KeyShare, Opening, Role, SealSecret, UserChange, UserSealKey};
    use crate::model::{DeskHash, OrgId, SealKeyId};

    const ORG: OrgId = OrgId([7; 32]);
    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn signing(n: u8) -> SigningKey {
        SigningKey::from_seed([n; 32])
    }

    fn public(n: u8) -> UserKey {
        UserKey(signing(n).public())
    }

    /// 1 is a director, 2 a lead, 3 a handler, 4 a coordinator.
    fn desk() -> Desk {
        let mut desk = Desk::new(ORG);
        for (n, role) in [(1, Role::Director), (2, Role::Lead), (3, Role::Handler), (4, Role::Coordinator)] {
            change(&mut desk, Act::Add, n, role);
        }
        desk
    }

    fn change(desk: &mut Desk, act: Act, n: u8, role: Role) {
        let user = User { name: format!("user{n}").parse().expect("a name"), role, key: public(n) };
        let wrapped = (act == Act::Add).then_some(DeskHash([n; 32]));
        let (number, before) = (desk.number() + 1, desk.head());
        let change = UserChange { number, before, act, user, wrapped, at: NOW, by: public(1) };
        desk.apply(&change.sign(&ORG, &signing(1), (act == Act::Add).then_some(signing(n)).as_ref())).expect("a director's");
    }

    fn registered() -> BTreeSet<UserKey> {
        [1, 2, 3, 4].map(public).into()
    }

    fn shares(number: u32, secret: &SealSecret, to: &[u8]) -> Vec<KeyShare> {
        to.iter().map(|n| KeyShare::seal(&ORG, number, secret, &UserSealKey::of(&ORG, &signing(*n))).expect("seals")).collect()
    }

    fn next(desk: &Desk, number: u32, by: u8, to: &[u8]) -> SignedKeyChange {
        let secret = SealSecret::generate();
        let key = DeskKey { number, public: secret.public().clone(), created: NOW };
        let shares = shares(number, &secret, to);
        KeyChange { key: Some(key), shares, users: desk.number(), at: NOW, by: public(by) }.sign(&ORG, &signing(by))
    }

    fn known(change: &SignedKeyChange) -> Known {
        let given = change.change.shares.iter().map(|share| share.user).collect();
        Known { key: change.change.key.clone().expect("a key"), given }
    }

    #[test]
    fn a_director_makes_the_first_key_and_a_lead_the_next() {
        let desk = desk();
        let check = |keys: &[Known], change: &SignedKeyChange| check_key(&desk, keys, &registered(), change, NOW);
        let first = next(&desk, 1, 1, &[1, 2, 3]);
        assert_eq!(check(&[], &first), Ok(()));
        assert_eq!(check(&[], &next(&desk, 1, 2, &[1, 2, 3])), Err(Denied::Role(Role::Lead, Deed::MakeDeskKey)));
        let keys = [known(&first)];
        assert_eq!(check(&keys, &next(&desk, 2, 2, &[1, 2, 3])), Ok(()));
        for (by, role) in [(3, Role::Handler), (4, Role::Coordinator)] {
            assert_eq!(check(&keys, &next(&desk, 2, by, &[1, 2, 3])), Err(Denied::Role(role, Deed::RotateDeskKey)));
        }
        assert_eq!(check(&keys, &next(&desk, 2, 9, &[1, 2, 3])), Err(Denied::NotAUser));
        for number in [1, 3, 0, u32::MAX] {
            assert_eq!(check(&keys, &next(&desk, number, 1, &[1, 2, 3])), Err(Denied::KeyMoved), "{number}");
        }
        assert_eq!(check(&keys, &first), Err(Denied::KeyMoved), "made again");
    }

    #[test]
    fn everybody_who_may_open_gets_the_secret_half_and_nobody_else() {
        let desk = desk();
        let check = |change: &SignedKeyChange| check_key(&desk, &[], &registered(), change, NOW);
        assert_eq!(check(&next(&desk, 1, 1, &[1, 2])), Err(Denied::WrongShares), "the handler would have none");
        assert_eq!(check(&next(&desk, 1, 1, &[1, 2, 3, 4])), Err(Denied::WrongShares), "a coordinator would");
        assert_eq!(check(&next(&desk, 1, 1, &[1, 2, 3, 5])), Err(Denied::WrongShares), "a stranger would");
        assert_eq!(check(&next(&desk, 1, 1, &[1, 2, 3, 3])), Err(Denied::WrongShares), "twice");
        // Whoever has no sealing key yet gets it later.
        let some = [1, 2].map(public).into();
        assert_eq!(check_key(&desk, &[], &some, &next(&desk, 1, 1, &[1, 2]), NOW), Ok(()));
        assert_eq!(check_key(&desk, &[], &some, &next(&desk, 1, 1, &[1, 2, 3]), NOW), Err(Denied::WrongShares));
    }

    #[test]
    fn a_handler_passes_on_what_is_there_and_a_coordinator_does_not() {
        let desk = desk();
        let keys = [known(&next(&desk, 1, 1, &[1, 2]))];
        let give = |by: u8, number: u32, to: &[u8]| {
            let shares = shares(number, &SealSecret::generate(), to);
            let change = KeyChange { key: None, shares, users: desk.number(), at: NOW, by: public(by) }.sign(&ORG, &signing(by));
            check_key(&desk, &keys, &registered(), &change, NOW)
        };
        assert_eq!(give(3, 1, &[3]), Ok(()));
        assert_eq!(give(2, 1, &[3]), Ok(()));
        assert_eq!(give(3, 2, &[3]), Err(Denied::WrongShares), "there is no such key");
        assert_eq!(give(3, 1, &[4]), Err(Denied::WrongShares));
        assert_eq!(give(4, 1, &[3]), Err(Denied::Role(Role::Coordinator, Deed::OpenSealed)));
    }

    #[test]
    fn a_change_that_was_made_for_another_desk_or_time_does_not_count() {
        let mut desk = desk();
        let change_then = next(&desk, 1, 1, &[1, 2, 3]);
        let later = NOW.plus(super::super::FRESH_MS + 1);
        assert_eq!(check_key(&desk, &[], &registered(), &change_then, later), Err(Denied::NotFresh));
        change(&mut desk, Act::Remove, 4, Role::Coordinator);
        assert_eq!(check_key(&desk, &[], &registered(), &change_then, NOW), Err(Denied::NotNext));
        let mut forged = next(&desk, 1, 1, &[1, 2, 3]);
        forged.change.shares.pop();
        assert_eq!(check_key(&desk, &[], &registered(), &forged, NOW), Err(Denied::BadSignature));
        let mut old = next(&desk, 1, 1, &[1, 2, 3]).change;
        old.key.as_mut().expect("a key").created = Timestamp(5);
        let old = old.sign(&ORG, &signing(1));
        assert_eq!(check_key(&desk, &[], &registered(), &old, NOW), Err(Denied::NotFresh), "its age would be another");
    }

    #[test]
    fn a_key_is_due_when_somebody_left_and_after_ninety_days() {
        let mut desk = desk();
        assert_eq!(due(&desk, &[], NOW), Some(Due::None));
        let keys = [known(&next(&desk, 1, 1, &[1, 2, 3]))];
        assert_eq!(due(&desk, &keys, NOW.plus(ROTATE_MS - 1)), None);
        assert_eq!(due(&desk, &keys, NOW.plus(ROTATE_MS)), Some(Due::Old));
        let mut demoted = desk.clone();
        change(&mut demoted, Act::Role, 3, Role::Coordinator);
        assert_eq!(due(&demoted, &keys, NOW), Some(Due::SomebodyLeft));
        change(&mut desk, Act::Remove, 4, Role::Coordinator);
        assert_eq!(due(&desk, &keys, NOW), None, "a coordinator never had it");
        change(&mut desk, Act::Remove, 3, Role::Handler);
        assert_eq!(due(&desk, &keys, NOW), Some(Due::SomebodyLeft));
        let keys = [keys[0].clone(), known(&next(&desk, 2, 1, &[1, 2]))];
        assert_eq!(due(&desk, &keys, NOW), None, "the newest counts");
    }

    #[test]
    fn an_earlier_key_is_kept_for_a_year_and_the_last_four_for_ever() {
        let secret = SealSecret::generate();
        let made =
            |n: usize, every: u64| DeskKey { number: n as u32 + 1, public: secret.public().clone(), created: NOW.plus(n as u64 * every) };
        let keys = |count: usize, every: u64| (0..count).map(|n| made(n, every)).collect::<Vec<_>>();
        let day = 86_400_000;
        assert!(forgotten(&[], NOW).is_empty() && forgotten(&keys(1, day), NOW).is_empty());
        // One a day, as when many leave: a week's are there in a week.
        assert!(forgotten(&keys(7, day), NOW.plus(7 * day)).is_empty());
        assert_eq!(forgotten(&keys(7, day), NOW.plus(7 * day + KEPT_MS)), [1, 2]);
        assert_eq!(forgotten(&keys(7, ROTATE_MS), NOW.plus(6 * ROTATE_MS)), [1]);
        assert_eq!(forgotten(&keys(KEPT_MAX + 3, 1), NOW.plus(day)), [1, 2]);
    }

    #[test]
    fn whoever_may_open_says_so_now() {
        let desk = desk();
        let opening = |by: u8, at: Timestamp| {
            let opening = Opening { sender: OrgId([1; 32]), referral: [2; 16], key: SealKeyId([3; 16]), at, by: public(by) };
            check_opening(&desk, &opening.sign(&ORG, &signing(by)), NOW)
        };
        assert_eq!([1, 2, 3].map(|by| opening(by, NOW)), [Ok(()), Ok(()), Ok(())]);
        assert_eq!(opening(4, NOW), Err(Denied::Role(Role::Coordinator, Deed::OpenSealed)));
        assert_eq!(opening(9, NOW), Err(Denied::NotAUser));
        assert_eq!(opening(3, Timestamp(5)), Err(Denied::NotFresh));
    }
}
