use super::*;
use crate::model::ReleaseId;
use crate::model::crypto::SigningKey;
use crate::model::desk::{Approval, Release, UserChange};
use crate::model::log::Audience;

const ORG: OrgId = OrgId([7; 32]);
const NOW: Timestamp = Timestamp(1_000_000);

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32])
}

fn name(text: &str) -> UserName {
    text.parse().expect("a name")
}

fn user(text: &str, role: Role, seed: u8) -> User {
    User { name: name(text), role, key: UserKey(key(seed).public()) }
}

/// A desk and every change of it, as a node keeps them.
struct Log {
    desk: Desk,
    changes: Vec<SignedChange>,
}

impl Log {
    fn new() -> Self {
        Self { desk: Desk::new(ORG), changes: Vec::new() }
    }

    /// Amina and Dana, directors with keys 1 and 2; Hana, a handler with key 3; Leo, a lead with key 4; Cora, a coordinator with key 5.
    fn staffed() -> Self {
        let mut log = Self::new();
        let people = [
            ("amina", Role::Director, 1),
            ("dana", Role::Director, 2),
            ("hana", Role::Handler, 3),
            ("leo", Role::Lead, 4),
            ("cora", Role::Coordinator, 5),
        ];
        for (name, role, seed) in people {
            log.make(Act::Add, user(name, role, seed), 1).expect(name);
        }
        log
    }

    /// The next change, signed by the key of that seed.
    fn next(&self, act: Act, user: User, by: u8) -> SignedChange {
        let wrapped = matches!(act, Act::Add | Act::Key | Act::Passphrase).then_some(DeskHash([9; 32]));
        let (number, before) = (self.desk.number() + 1, self.desk.head());
        let new = (1..=20).map(key).find(|key| UserKey(key.public()) == user.key).filter(|_| matches!(act, Act::Add | Act::Key));
        UserChange { number, before, act, user, wrapped, at: NOW, by: UserKey(key(by).public()) }.sign(&ORG, &key(by), new.as_ref())
    }

    fn make(&mut self, act: Act, user: User, by: u8) -> Result<(), Denied> {
        let change = self.next(act, user, by);
        self.desk.apply(&change)?;
        self.changes.push(change);
        Ok(())
    }
}

#[test]
fn the_first_user_is_a_director_that_signs_itself_in() {
    let mut log = Log::new();
    assert_eq!(log.make(Act::Add, user("hana", Role::Handler, 3), 3), Err(Denied::FirstIsDirector));
    assert_eq!(log.make(Act::Add, user("amina", Role::Director, 1), 3), Err(Denied::FirstIsDirector), "signed by another");
    assert_eq!(log.make(Act::Key, user("amina", Role::Director, 1), 1), Err(Denied::FirstIsDirector));
    assert_eq!(log.make(Act::Add, user("amina", Role::Director, 1), 1), Ok(()));
    assert_eq!(log.make(Act::Add, user("dana", Role::Director, 2), 2), Err(Denied::NotAUser), "the first alone");
}

#[test]
fn directors_alone_change_users() {
    for (signer, role) in [(3, Role::Handler), (4, Role::Lead), (5, Role::Coordinator)] {
        let mut log = Log::staffed();
        let denied = Err(Denied::Role(role, Deed::ChangeUsers));
        assert_eq!(log.make(Act::Add, user("omar", Role::Handler, 6), signer), denied);
        assert_eq!(log.make(Act::Role, user("hana", Role::Director, 3), signer), denied, "nor oneself");
        assert_eq!(log.make(Act::Key, user("dana", Role::Director, 6), signer), denied);
        assert_eq!(log.make(Act::Remove, user("dana", Role::Director, 2), signer), denied);
    }
    let mut log = Log::staffed();
    assert_eq!(log.make(Act::Add, user("omar", Role::Handler, 6), 7), Err(Denied::NotAUser), "a key from elsewhere");
    assert_eq!(log.make(Act::Add, user("omar", Role::Handler, 6), 2), Ok(()));
    assert_eq!(log.make(Act::Role, user("omar", Role::Lead, 6), 2), Ok(()));
    assert_eq!(log.make(Act::Key, user("omar", Role::Lead, 7), 2), Ok(()));
    assert_eq!(log.make(Act::Remove, user("omar", Role::Lead, 7), 2), Ok(()));
    assert_eq!(log.desk.users().len(), 5);
    assert_eq!(log.make(Act::Remove, user("amina", Role::Director, 1), 2), Ok(()), "one director another");
    assert_eq!(log.make(Act::Add, user("omar", Role::Handler, 8), 1), Err(Denied::NotAUser), "who left has no say");
}

#[test]
fn a_passphrase_is_its_users_own_business() {
    let mut log = Log::staffed();
    assert_eq!(log.make(Act::Passphrase, user("hana", Role::Handler, 3), 3), Ok(()), "a handler its own");
    assert_eq!(log.make(Act::Passphrase, user("cora", Role::Coordinator, 5), 5), Ok(()));
    assert_eq!(log.make(Act::Passphrase, user("hana", Role::Handler, 3), 1), Err(Denied::NotOneself(name("hana"))), "nor a director");
    assert_eq!(log.make(Act::Passphrase, user("hana", Role::Director, 3), 3), Err(Denied::Malformed), "no role comes with it");
    assert_eq!(log.make(Act::Passphrase, user("hana", Role::Handler, 6), 3), Err(Denied::Malformed), "nor a key");
    assert_eq!(log.make(Act::Passphrase, user("omar", Role::Handler, 3), 3), Err(Denied::NotOneself(name("omar"))));
}

#[test]
fn the_last_director_stays() {
    let mut log = Log::staffed();
    assert_eq!(log.make(Act::Role, user("dana", Role::Lead, 2), 2), Ok(()), "there is another");
    let last = Err(Denied::LastDirector(name("amina")));
    assert_eq!(log.make(Act::Remove, user("amina", Role::Director, 1), 1), last);
    assert_eq!(log.make(Act::Role, user("amina", Role::Handler, 1), 1), last);
    assert_eq!(log.make(Act::Key, user("amina", Role::Director, 6), 1), Ok(()), "a new key keeps the role");
    assert_eq!(log.make(Act::Role, user("dana", Role::Director, 2), 6), Ok(()));
    assert_eq!(log.make(Act::Remove, user("amina", Role::Director, 6), 6), Ok(()), "itself, when another remains");
}

#[test]
fn a_key_belongs_to_one_user_for_ever() {
    let mut log = Log::staffed();
    assert_eq!(log.make(Act::Add, user("omar", Role::Handler, 3), 1), Err(Denied::KeyUsed), "of one in force");
    assert_eq!(log.make(Act::Key, user("hana", Role::Handler, 4), 1), Err(Denied::KeyUsed));
    assert_eq!(log.make(Act::Key, user("hana", Role::Handler, 3), 1), Err(Denied::KeyUsed), "its own is no new one");
    log.make(Act::Key, user("hana", Role::Handler, 6), 1).expect("a new one");
    assert_eq!(log.make(Act::Add, user("omar", Role::Handler, 3), 1), Err(Denied::KeyUsed), "of one that has another now");
    log.make(Act::Remove, user("leo", Role::Lead, 4), 1).expect("removed");
    assert_eq!(log.make(Act::Add, user("leo", Role::Lead, 4), 1), Err(Denied::KeyUsed), "of one that left");
    assert_eq!(log.make(Act::Add, user("leo", Role::Lead, 7), 1), Ok(()), "the name comes back with a new key");
}

#[test]
fn a_change_says_what_its_act_allows() {
    let mut log = Log::staffed();
    assert_eq!(log.make(Act::Add, user("hana", Role::Handler, 6), 1), Err(Denied::NameTaken(name("hana"))));
    assert_eq!(log.make(Act::Role, user("hana", Role::Handler, 3), 1), Err(Denied::SameRole(name("hana"))));
    assert_eq!(log.make(Act::Role, user("hana", Role::Lead, 6), 1), Err(Denied::Malformed), "a role and a key at once");
    assert_eq!(log.make(Act::Key, user("hana", Role::Director, 6), 1), Err(Denied::Malformed));
    assert_eq!(log.make(Act::Remove, user("hana", Role::Director, 3), 1), Err(Denied::Malformed));
    for act in [Act::Role, Act::Key, Act::Remove] {
        assert_eq!(log.make(act, user("omar", Role::Handler, 6), 1), Err(Denied::UnknownUser(name("omar"))));
    }
    for (act, seed) in [(Act::Role, 3), (Act::Key, 6)] {
        let mut change = log.next(act, user("hana", Role::Lead, seed), 1).change;
        change.wrapped = if act == Act::Role { Some(DeskHash([9; 32])) } else { None };
        let new = (act == Act::Key).then(|| key(seed));
        assert_eq!(log.desk.apply(&change.sign(&ORG, &key(1), new.as_ref())), Err(Denied::Malformed), "a wrapped key too many or too few");
    }
}

#[test]
fn two_changes_at_one_number_are_not_both_made() {
    let mut log = Log::staffed();
    let one = log.next(Act::Add, user("omar", Role::Handler, 6), 1);
    let other = log.next(Act::Add, user("rosa", Role::Handler, 8), 2);
    assert_eq!(log.desk.apply(&one), Ok(()));
    assert_eq!(log.desk.apply(&other), Err(Denied::NotNext));
    assert_eq!(log.desk.apply(&one), Err(Denied::NotNext), "nor one twice");
}

#[test]
fn a_change_that_was_tampered_with_is_found_at_its_number() {
    let log = Log::staffed();
    assert_eq!(Desk::replay(ORG, &log.changes).expect("whole").head(), log.desk.head());
    for at in 0..log.changes.len() {
        let mut changed = log.changes.clone();
        changed[at].change.at = Timestamp(1);
        assert_eq!(Desk::replay(ORG, &changed).expect_err("changed"), (at as u64 + 1, Denied::BadSignature));
        let mut dropped = log.changes.clone();
        dropped.remove(at);
        if at + 1 < log.changes.len() {
            assert_eq!(Desk::replay(ORG, &dropped).expect_err("dropped"), (at as u64 + 1, Denied::NotNext));
            let mut swapped = log.changes.clone();
            swapped.swap(at, at + 1);
            assert_eq!(Desk::replay(ORG, &swapped).expect_err("swapped"), (at as u64 + 1, Denied::NotNext));
        } else {
            // Cut at its end it can be told by a head that was written down alone.
            assert_ne!(Desk::replay(ORG, &dropped).expect("a prefix").head(), log.desk.head());
        }
        let mut doubled = log.changes.clone();
        doubled.insert(at, log.changes[at].clone());
        assert_eq!(Desk::replay(ORG, &doubled).expect_err("doubled"), (at as u64 + 2, Denied::NotNext));
    }
    assert_eq!(Desk::replay(OrgId([8; 32]), &log.changes).expect_err("another desk's"), (1, Denied::BadSignature));
}

fn terms() -> Terms {
    Terms { hold: ReleaseId([7; 5]), digest: [1; 32], audience: Audience::Direct(OrgId([2; 32])), retention: Timestamp(9) }
}

fn release(terms: Terms, by: u8) -> SignedRelease {
    Release { terms, by: UserKey(key(by).public()), at: NOW }.sign(&ORG, &key(by))
}

/// The second signature on that first one, by the key of that seed.
fn approval(released: &SignedRelease, by: u8) -> SignedApproval {
    Approval::of(released, &ORG, UserKey(key(by).public()), NOW).sign(&ORG, &key(by))
}

#[test]
fn handlers_leads_and_directors_release_and_approve_and_coordinators_do_not() {
    let desk = Log::staffed().desk;
    for releaser in [1, 3, 4] {
        let released = release(terms(), releaser);
        assert_eq!(desk.check_release(&released, &terms()).map(|user| user.key), Ok(UserKey(key(releaser).public())));
        for approver in [1, 2, 3, 4].into_iter().filter(|seed| *seed != releaser) {
            let approved = desk.check_approval(&released, &terms(), &approval(&released, approver));
            assert_eq!(approved.map(|user| user.key), Ok(UserKey(key(approver).public())));
        }
        let denied = desk.check_approval(&released, &terms(), &approval(&released, 5));
        assert_eq!(denied, Err(Denied::Role(Role::Coordinator, Deed::Approve)));
    }
    assert_eq!(desk.check_release(&release(terms(), 5), &terms()), Err(Denied::Role(Role::Coordinator, Deed::Release)));
    assert_eq!(desk.check_release(&release(terms(), 6), &terms()), Err(Denied::NotAUser));
    assert_eq!(Desk::new(ORG).check_release(&release(terms(), 1), &terms()), Err(Denied::NotAUser), "a desk without users");
}

#[test]
fn the_releaser_cannot_approve() {
    let desk = Log::staffed().desk;
    for seed in [1, 3, 4] {
        let released = release(terms(), seed);
        assert_eq!(desk.check_approval(&released, &terms(), &approval(&released, seed)), Err(Denied::Oneself));
    }
}

#[test]
fn the_releaser_cannot_approve_with_a_new_key_either() {
    let mut log = Log::staffed();
    let released = release(terms(), 3);
    log.make(Act::Key, user("hana", Role::Handler, 6), 1).expect("a new key");
    let denied = log.desk.check_approval(&released, &terms(), &approval(&released, 6));
    assert_eq!(denied, Err(Denied::NotAUser), "with the old key the first signature has gone too");
}

#[test]
fn the_first_signature_is_no_second_one() {
    let desk = Log::staffed().desk;
    let released = release(terms(), 3);
    // By the releaser, and by somebody who puts another's name over it.
    for by in [3, 4] {
        let replayed = SignedApproval { signature: released.signature, ..approval(&released, by) };
        assert_eq!(desk.check_approval(&released, &terms(), &replayed), Err(Denied::BadSignature));
    }
    // Another's own first signature on the same content is none either.
    let replayed = SignedApproval { signature: release(terms(), 4).signature, ..approval(&released, 4) };
    assert_eq!(desk.check_approval(&released, &terms(), &replayed), Err(Denied::BadSignature));
}

#[test]
fn an_approval_of_something_else_does_not_count() {
    let desk = Log::staffed().desk;
    let released = release(terms(), 3);
    let others = [
        Terms { digest: [3; 32], ..terms() },
        Terms { hold: ReleaseId([8; 5]), ..terms() },
        Terms { audience: Audience::Direct(OrgId([3; 32])), ..terms() },
        Terms { retention: Timestamp(10), ..terms() },
    ];
    for other in others {
        let denied = if other.hold == terms().hold { Denied::OtherTerms } else { Denied::OtherHold };
        let approved = approval(&release(other, 3), 4);
        assert_eq!(desk.check_approval(&released, &terms(), &approved), Err(denied.clone()), "{other:?}");
        assert_eq!(desk.check_release(&released, &other), Err(denied), "{other:?}");
    }
    let mut other = approval(&released, 4).approval;
    other.releaser = UserKey(key(2).public());
    assert_eq!(desk.check_approval(&released, &terms(), &other.sign(&ORG, &key(4))), Err(Denied::OtherTerms));
}

#[test]
fn an_old_approval_does_not_count_for_a_hold_that_was_made_anew() {
    let desk = Log::staffed().desk;
    let first = release(terms(), 3);
    let old = approval(&first, 4);
    // Duplicates went out of it: another digest.
    let anew = Terms { digest: [2; 32], ..terms() };
    assert_eq!(desk.check_approval(&release(anew, 3), &anew, &old), Err(Denied::OtherTerms));
    // The same content, released again by the same person or by another.
    let again = Release { at: NOW.plus(1), ..first.release }.sign(&ORG, &key(3));
    assert_eq!(desk.check_approval(&again, &terms(), &old), Err(Denied::OtherTerms));
    assert_eq!(desk.check_approval(&release(terms(), 1), &terms(), &old), Err(Denied::OtherTerms));
    // The first signature was for what it was before.
    assert_eq!(desk.check_approval(&first, &anew, &old), Err(Denied::OtherTerms));
}

#[test]
fn the_word_of_somebody_who_left_does_not_count() {
    let released = release(terms(), 3);
    let approved = approval(&released, 4);
    let mut log = Log::staffed();
    assert!(log.desk.check_approval(&released, &terms(), &approved).is_ok());
    log.make(Act::Remove, user("leo", Role::Lead, 4), 1).expect("removed");
    assert_eq!(log.desk.check_approval(&released, &terms(), &approved), Err(Denied::NotAUser), "the approver");
    let mut log = Log::staffed();
    log.make(Act::Remove, user("hana", Role::Handler, 3), 1).expect("removed");
    assert_eq!(log.desk.check_approval(&released, &terms(), &approved), Err(Denied::NotAUser), "the releaser");
    let mut log = Log::staffed();
    log.make(Act::Role, user("leo", Role::Coordinator, 4), 1).expect("another role");
    let denied = Err(Denied::Role(Role::Coordinator, Deed::Approve));
    assert_eq!(log.desk.check_approval(&released, &terms(), &approved), denied);
}

#[test]
fn a_statement_is_signed_about_now() {
    for (at, fresh) in [(NOW, true), (NOW.plus(FRESH_MS), true), (NOW.plus(FRESH_MS + 1), false)] {
        assert_eq!(check_fresh(at, NOW).is_ok(), fresh);
        assert_eq!(check_fresh(NOW, at).is_ok(), fresh);
    }
    assert_eq!(check_fresh(Timestamp(0), Timestamp(FRESH_MS + 1)), Err(Denied::NotFresh));
}

#[test]
fn why_a_statement_does_not_count_is_told_in_words() {
    let cases = [
        (
            Denied::NotNext,
            "the desk's users have changed meanwhile, or this change was made already\nhint: `watchfire user list` shows how they stand; try again",
        ),
        (Denied::BadSignature, "the signature does not verify\nhint: it is made for one statement, one desk and one key; sign anew"),
        (Denied::NotFresh, "it was signed more than 10 minutes ago, or by another clock\nhint: sign anew on this machine"),
        (
            Denied::FirstIsDirector,
            "the first desk user is a director, and nobody else signs for that\nhint: `watchfire user add NAME --role director` without `--as`",
        ),
        (Denied::NotAUser, "whoever signed is no desk user, or is one no more\nhint: `watchfire user list` shows who is"),
        (
            Denied::Role(Role::Lead, Deed::ChangeUsers),
            "leads may not change desk users\nhint: a director does; `watchfire user list` shows who is one",
        ),
        (
            Denied::Role(Role::Coordinator, Deed::Release),
            "coordinators may not release what needs a second person\nhint: a handler, a lead or a director does; `watchfire user list` shows them",
        ),
        (
            Denied::Role(Role::Coordinator, Deed::Approve),
            "coordinators may not approve a release\nhint: a handler, a lead or a director does; `watchfire user list` shows them",
        ),
        (
            Denied::NameTaken(name("hana")),
            "there is a desk user called `hana` already\nhint: choose another name; `watchfire user role` and `watchfire user key` change a user",
        ),
        (Denied::UnknownUser(name("hana")), "no desk user is called `hana`\nhint: `watchfire user list` shows them"),
        (Denied::KeyUsed, "the key is a desk user's, or was one's\nhint: a key belongs to one user for ever; make a new one"),
        (
            Denied::LastDirector(name("hana")),
            "`hana` is the last director\nhint: make another director first, with `watchfire user add` or `watchfire user role`",
        ),
        (Denied::SameRole(name("hana")), "`hana` has that role already"),
        (
            Denied::NotOneself(name("hana")),
            "only `hana` changes the passphrase of `hana`\nhint: when it is lost, a director gives a new key with `watchfire user key`",
        ),
        (Denied::Malformed, "the change does not say what a change of its kind says\nhint: upgrade the older of node and command line"),
        (
            Denied::NotReleased,
            "nobody has released it yet\nhint: `watchfire release HOLD --as USER` signs first; another desk user approves then",
        ),
        (
            Denied::NoneNeeded,
            "it needs no second person\nhint: TLP:RED and RESTRICTED do; `watchfire holds` shows what each release waits for",
        ),
        (
            Denied::Oneself,
            "whoever released it cannot approve it\nhint: another desk user does, with another key: `watchfire approve HOLD --as OTHER`",
        ),
        (
            Denied::NotSigned,
            "somebody at the desk has to sign this\nhint: `--as USER`, or $WATCHFIRE_USER, says who; `watchfire user list` shows the users",
        ),
        (
            Denied::OtherOrder,
            "what was signed is another request than this\nhint: upgrade the older of node and command line, and try again",
        ),
        (Denied::Spent, "this order was carried out already\nhint: `watchfire show` tells what came of it; sign anew to do it again"),
        (
            Denied::BeforeStart,
            "this order was signed before the node started, so it may have been carried out\nhint: `watchfire show` tells; sign anew where it was not",
        ),
        (Denied::OtherHold, "the signature is for another hold\nhint: look at this one with `watchfire preview`, then approve it"),
        (
            Denied::OtherTerms,
            "the approval is for something else than what would leave now\nhint: look at it again with `watchfire preview`, then approve it",
        ),
        (
            Denied::Role(Role::Lead, Deed::MakeDeskKey),
            "leads may not make the desk key\nhint: a director does; `watchfire user list` shows who is one",
        ),
        (
            Denied::Role(Role::Handler, Deed::RotateDeskKey),
            "handlers may not make the next desk key\nhint: a lead or a director does; `watchfire user list` shows them",
        ),
        (
            Denied::Role(Role::Coordinator, Deed::OpenSealed),
            "coordinators may not open what is sealed to the desk\nhint: a handler, a lead or a director does; `watchfire user list` shows them",
        ),
        (
            Denied::KeyMoved,
            "the desk key has changed meanwhile, or this one was made already\nhint: `watchfire desk-key show` shows how it stands; try again",
        ),
        (
            Denied::WrongShares,
            "the desk key is not sealed to exactly those who may open\nhint: upgrade the older of node and command line, or try again",
        ),
    ];
    crate::texts::all_say(include_str!("mod.rs"), "Denied", &cases);
}

#[test]
fn what_was_ordered_is_done_for_those_who_may_and_at_an_empty_desk_for_anybody() {
    let log = Log::staffed();
    let order = |wanted: [u8; 32], at: Timestamp, seed: u8| {
        crate::model::desk::Order { wanted, by: UserKey(key(seed).public()), at }.sign(&ORG, &key(seed))
    };
    let check =
        |order: Option<&SignedOrder>| log.desk.check_order(order, &[3; 32], Deed::Work, NOW).map(|user| user.map(|user| user.name.clone()));
    assert_eq!(check(Some(&order([3; 32], NOW, 3))), Ok(Some(name("hana"))));
    assert_eq!(check(None), Err(Denied::NotSigned));
    assert_eq!(check(Some(&order([4; 32], NOW, 3))), Err(Denied::OtherOrder));
    assert_eq!(check(Some(&order([3; 32], Timestamp(NOW.0 + FRESH_MS + 1), 3))), Err(Denied::NotFresh));
    assert_eq!(check(Some(&order([3; 32], NOW, 9))), Err(Denied::NotAUser));
    assert_eq!(check(Some(&order([3; 32], NOW, 5))), Err(Denied::Role(Role::Coordinator, Deed::Work)));
    let mut forged = order([3; 32], NOW, 5);
    forged.order.by = UserKey(key(3).public());
    assert_eq!(check(Some(&forged)), Err(Denied::BadSignature));
    assert_eq!(Desk::new(ORG).check_order(None, &[3; 32], Deed::Work, NOW), Ok(None));
}

#[test]
fn a_lead_or_a_director_says_what_the_organisation_tells_of_itself() {
    let may_do = [Role::Handler, Role::Lead, Role::Director, Role::Coordinator].map(|role| may(role, Deed::Profile));
    assert_eq!(may_do, [false, true, true, false]);
    let may_warn = [Role::Handler, Role::Lead, Role::Director, Role::Coordinator].map(|role| may(role, Deed::Alert));
    assert_eq!(may_warn, [false, true, true, false]);
    let may_let_fetch = [Role::Handler, Role::Lead, Role::Director, Role::Coordinator].map(|role| may(role, Deed::Consumers));
    assert_eq!(may_let_fetch, [false, true, true, false]);
    let may_take_in = [Role::Handler, Role::Lead, Role::Director, Role::Coordinator].map(|role| may(role, Deed::Feeds));
    assert_eq!(may_take_in, [false, true, true, false]);
    let told = Denied::Role(Role::Handler, Deed::Profile).to_string();
    assert!(told.ends_with("may not change the profile\nhint: a lead or a director does; `watchfire user list` shows them"), "{told}");
}

#[test]
fn whoever_works_on_cases_checks_for_duplicates_and_a_coordinator_does_not() {
    let may_do = [Role::Handler, Role::Lead, Role::Director, Role::Coordinator].map(|role| may(role, Deed::Duplicate));
    assert_eq!(may_do, [true, true, true, false]);
    let told = Denied::Role(Role::Coordinator, Deed::Duplicate).to_string();
    assert!(
        told.ends_with("may not check for duplicates\nhint: a handler, a lead or a director does; `watchfire user list` shows them"),
        "{told}"
    );
}

/// The table of the manual.
const MANUAL: &str = include_str!("../../../docs/desk.md");

/// How the rows begin that tell of a deed. One that is not here does not compile; one whose rows are not there, or a row that is nobody's, is told.
fn rows(deed: Deed) -> &'static [&'static str] {
    match deed {
        Deed::Release => &["sign first that TLP:RED or RESTRICTED leaves"],
        Deed::Approve => &["sign second"],
        Deed::Profile => &["put the profile in force, or confirm it"],
        Deed::ChangeUsers => &["add, remove, give a role or a new key"],
        Deed::OpenSealed => &["have the desk key, open what is sealed to the desk", "open a sealed contact"],
        Deed::RotateDeskKey => &["make the next desk key"],
        Deed::MakeDeskKey => &["make the first desk key"],
        Deed::Refer => &["hand a case over, offer it again, pass it on, choose, withdraw", "ask a group for help, end that"],
        Deed::Alert => &["publish an alert, take it back"],
        Deed::Feeds => &["say which feeds are taken in"],
        Deed::Consumers => &["say which programs may fetch or say something"],
        Deed::Duplicate => &["check for duplicates"],
        Deed::Work => &[
            "work on a referral",
            "hand over to the next shift, and accept that",
            "say that an alert was read",
            "say what was met of others' indicators, and take that back",
            "ask partners whether they have seen a value, and let them ask",
            "volunteer for a call, or not any more",
        ],
    }
}

#[test]
fn the_table_of_the_manual_says_what_each_role_may() {
    const DEEDS: [Deed; 13] = [
        Deed::ChangeUsers,
        Deed::Release,
        Deed::Approve,
        Deed::Refer,
        Deed::Work,
        Deed::Duplicate,
        Deed::Profile,
        Deed::Alert,
        Deed::Consumers,
        Deed::Feeds,
        Deed::MakeDeskKey,
        Deed::RotateDeskKey,
        Deed::OpenSealed,
    ];
    // No deeds: whoever may speak with the node at all may do these.
    const ANYBODYS: [&str; 2] = ["change one's own passphrase", "all else, as whoever may open"];
    let roles = [Role::Handler, Role::Lead, Role::Director, Role::Coordinator];
    let mut lines = MANUAL.lines().skip_while(|line| !line.starts_with("| | ")).take_while(|line| line.starts_with('|'));
    assert_eq!(lines.next(), Some("| | handler | lead | director | coordinator |"));
    assert_eq!(roles.map(|role| role.to_string()), ["handler", "lead", "director", "coordinator"]);
    assert_eq!(lines.next(), Some("|---|---|---|---|---|"));
    let table: Vec<Vec<&str>> = lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect();
    let mut told = Vec::new();
    for row in &table {
        let what = row[0];
        let is_it = |beginning: &&str| what.starts_with(*beginning);
        let of: Vec<Deed> = DEEDS.into_iter().filter(|deed| rows(*deed).iter().any(is_it)).collect();
        let expected = match of.as_slice() {
            [deed] => roles.map(|role| may(role, *deed)),
            [] if ANYBODYS.iter().any(is_it) => [true; 4],
            _ => panic!("`{what}` is the row of {of:?}"),
        };
        assert_eq!(row[1..], expected.map(|may| if may { "yes" } else { "no" }), "`{what}`, {of:?}");
        told.extend(of);
    }
    for deed in DEEDS {
        let times = told.iter().filter(|told| **told == deed).count();
        assert_eq!(times, rows(deed).len(), "rows that tell of {deed:?}");
    }
    assert_eq!(table.len(), told.len() + ANYBODYS.len());
}
