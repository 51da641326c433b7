//! Who at the desk may do what. Pure: the users are what their signed changes, replayed, say.

mod keys;

pub use keys::{Due, KEPT_MAX, KEPT_MIN, KEPT_MS, Known, ROTATE_MS, check_key, check_opening, due, forgotten, opens};

use crate::model::desk::{Act, Role, SignedApproval, SignedChange, SignedOrder, SignedRelease, Terms, User, UserName};
use crate::model::{DeskHash, OrgId, Timestamp, UserKey};
use std::collections::{BTreeMap, BTreeSet};

/// A statement is taken for so long before and after the time in it (10 minutes, in milliseconds): long enough to type a passphrase, too
/// short to keep one for later.
pub const FRESH_MS: u64 = 600_000;

/// What a role is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Say who is at the desk.
    ChangeUsers,
    /// Sign first that a TLP:RED record leaves.
    Release,
    /// Sign second.
    Approve,
    /// Hand a case to a partner, pass it on, or take it back.
    Refer,
    /// Work on a referral: open, ask, answer, accept, decline, tell, resolve, review, close.
    Work,
    /// Check for duplicates, let a contact be matched, and tell what was found.
    Duplicate,
    /// Say what the organisation tells others of itself.
    Profile,
    /// Warn others, or take a warning back.
    Alert,
    /// Say which programs of others may fetch what.
    Consumers,
    /// Say which feeds are taken in.
    Feeds,
    /// Make the desk's first key.
    MakeDeskKey,
    /// Make the next one.
    RotateDeskKey,
    /// Have the desk key's secret half, open what was sealed to the desk, and give the secret half to others who may.
    OpenSealed,
}

/// Whether a role may do that. The whole table is here and in docs/desk.md.
pub const fn may(role: Role, deed: Deed) -> bool {
    match (role, deed) {
        (Role::Director, _)
        | (Role::Handler | Role::Lead, Deed::Release | Deed::Approve | Deed::Refer | Deed::Work | Deed::Duplicate | Deed::OpenSealed)
        | (Role::Lead, Deed::RotateDeskKey | Deed::Profile | Deed::Alert | Deed::Consumers | Deed::Feeds) => true,
        (Role::Handler | Role::Lead, Deed::ChangeUsers | Deed::MakeDeskKey)
        | (Role::Handler, Deed::RotateDeskKey | Deed::Profile | Deed::Alert | Deed::Consumers | Deed::Feeds)
        | (Role::Coordinator, _) => false,
    }
}

/// Why a statement of somebody at the desk does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Another change came first, or one is missing.
    #[error(
        "the desk's users have changed meanwhile, or this change was made already\nhint: `watchfire user list` shows how they stand; try again"
    )]
    NotNext,
    /// The signature is not that of whoever it names.
    #[error("the signature does not verify\nhint: it is made for one statement, one desk and one key; sign anew")]
    BadSignature,
    /// It was signed too long ago, or by a clock that is wrong.
    #[error("it was signed more than 10 minutes ago, or by another clock\nhint: sign anew on this machine")]
    NotFresh,
    /// The first user is no director, or does not sign itself in.
    #[error(
        "the first desk user is a director, and nobody else signs for that\nhint: `watchfire user add NAME --role director` without `--as`"
    )]
    FirstIsDirector,
    /// Whoever signed is no desk user, or is one no more.
    #[error("whoever signed is no desk user, or is one no more\nhint: `watchfire user list` shows who is")]
    NotAUser,
    /// The role does not allow it.
    #[error("{} may not {}\nhint: {}", plural(.0), deed_text(.1), deed_hint(.1))]
    Role(Role, Deed),
    /// Another user has the name.
    #[error(
        "there is a desk user called `{0}` already\nhint: choose another name; `watchfire user role` and `watchfire user key` change a user"
    )]
    NameTaken(UserName),
    /// No user has the name.
    #[error("no desk user is called `{0}`\nhint: `watchfire user list` shows them")]
    UnknownUser(UserName),
    /// The key is, or was, a user's.
    #[error("the key is a desk user's, or was one's\nhint: a key belongs to one user for ever; make a new one")]
    KeyUsed,
    /// The desk would have no director.
    #[error("`{0}` is the last director\nhint: make another director first, with `watchfire user add` or `watchfire user role`")]
    LastDirector(UserName),
    /// It says nothing new.
    #[error("`{0}` has that role already")]
    SameRole(UserName),
    /// A passphrase is its user's own business.
    #[error("only `{0}` changes the passphrase of `{0}`\nhint: when it is lost, a director gives a new key with `watchfire user key`")]
    NotOneself(UserName),
    /// A change that says more, or less, than its act allows.
    #[error("the change does not say what a change of its kind says\nhint: upgrade the older of node and command line")]
    Malformed,
    /// Nobody has signed first.
    #[error("nobody has released it yet\nhint: `watchfire release HOLD --as USER` signs first; another desk user approves then")]
    NotReleased,
    /// It needs no second person.
    #[error("it needs no second person\nhint: TLP:RED and RESTRICTED do; `watchfire holds` shows what each release waits for")]
    NoneNeeded,
    /// The releaser approves.
    #[error("whoever released it cannot approve it\nhint: another desk user does, with another key: `watchfire approve HOLD --as OTHER`")]
    Oneself,
    /// Nobody at the desk has signed for it.
    #[error(
        "somebody at the desk has to sign this\nhint: `--as USER`, or $WATCHFIRE_USER, says who; `watchfire user list` shows the users"
    )]
    NotSigned,
    /// What was signed is something else.
    #[error("what was signed is another request than this\nhint: upgrade the older of node and command line, and try again")]
    OtherOrder,
    /// It was done already.
    #[error("this order was carried out already\nhint: `watchfire show` tells what came of it; sign anew to do it again")]
    Spent,
    /// It was signed before the node's start, and the node remembers no order for longer.
    #[error(
        "this order was signed before the node started, so it may have been carried out\nhint: `watchfire show` tells; sign anew where it was not"
    )]
    BeforeStart,
    /// It is about another hold.
    #[error("the signature is for another hold\nhint: look at this one with `watchfire preview`, then approve it")]
    OtherHold,
    /// It is about another content, recipient or date, or about an earlier first signature.
    #[error(
        "the approval is for something else than what would leave now\nhint: look at it again with `watchfire preview`, then approve it"
    )]
    OtherTerms,
    /// Another desk key came first.
    #[error(
        "the desk key has changed meanwhile, or this one was made already\nhint: `watchfire desk-key show` shows how it stands; try again"
    )]
    KeyMoved,
    /// The secret half is not for exactly those who are to have it.
    #[error("the desk key is not sealed to exactly those who may open\nhint: upgrade the older of node and command line, or try again")]
    WrongShares,
}

/// `handlers`, `coordinators`.
fn plural(role: &Role) -> String {
    format!("{role}s")
}

const fn deed_text(deed: &Deed) -> &'static str {
    match deed {
        Deed::ChangeUsers => "change desk users",
        Deed::Release => "release what needs a second person",
        Deed::Approve => "approve a release",
        Deed::Refer => "hand over a case",
        Deed::Work => "work on a referral",
        Deed::Duplicate => "check for duplicates",
        Deed::Profile => "change the profile",
        Deed::Alert => "publish an alert",
        Deed::Consumers => "say which programs may fetch",
        Deed::Feeds => "say which feeds are taken in",
        Deed::MakeDeskKey => "make the desk key",
        Deed::RotateDeskKey => "make the next desk key",
        Deed::OpenSealed => "open what is sealed to the desk",
    }
}

const fn deed_hint(deed: &Deed) -> &'static str {
    match deed {
        Deed::ChangeUsers | Deed::MakeDeskKey => "a director does; `watchfire user list` shows who is one",
        Deed::RotateDeskKey | Deed::Profile | Deed::Alert | Deed::Consumers | Deed::Feeds => {
            "a lead or a director does; `watchfire user list` shows them"
        }
        Deed::Release | Deed::Approve | Deed::Refer | Deed::Work | Deed::Duplicate | Deed::OpenSealed => {
            "a handler, a lead or a director does; `watchfire user list` shows them"
        }
    }
}

/// The users in force, and what the next change must follow.
#[derive(Debug, Clone)]
pub struct Desk {
    org: OrgId,
    users: BTreeMap<UserName, User>,
    /// Every key that ever was a user's.
    keys: BTreeSet<UserKey>,
    number: u64,
    head: DeskHash,
}

impl Desk {
    /// A desk without users.
    pub const fn new(org: OrgId) -> Self {
        Self { org, users: BTreeMap::new(), keys: BTreeSet::new(), number: 0, head: DeskHash([0; 32]) }
    }

    /// The desk after these changes, each checked.
    ///
    /// # Errors
    /// The number of the first that does not hold, from 1, and why.
    pub fn replay<'c>(org: OrgId, changes: impl IntoIterator<Item = &'c SignedChange>) -> Result<Self, (u64, Denied)> {
        let mut desk = Self::new(org);
        for change in changes {
            desk.apply(change).map_err(|denied| (desk.number + 1, denied))?;
        }
        Ok(desk)
    }

    /// Makes a change, if it may be made.
    ///
    /// # Errors
    /// When it may not; then nothing has changed.
    pub fn apply(&mut self, signed: &SignedChange) -> Result<(), Denied> {
        let change = &signed.change;
        if (change.number, change.before) != (self.number + 1, self.head) {
            return Err(Denied::NotNext);
        }
        signed.verify(&self.org).map_err(|_| Denied::BadSignature)?;
        if change.wrapped.is_some() != matches!(change.act, Act::Add | Act::Key | Act::Passphrase) {
            return Err(Denied::Malformed);
        }
        self.check_signer(signed)?;
        self.check_act(signed)?;
        let user = &change.user;
        match change.act {
            Act::Remove => drop(self.users.remove(&user.name)),
            _ => drop(self.users.insert(user.name.clone(), user.clone())),
        }
        self.keys.insert(user.key);
        (self.number, self.head) = (change.number, signed.hash(&self.org));
        Ok(())
    }

    fn check_signer(&self, signed: &SignedChange) -> Result<(), Denied> {
        let change = &signed.change;
        if self.number == 0 {
            let itself = change.act == Act::Add && change.user.role == Role::Director && change.by == change.user.key;
            return if itself { Ok(()) } else { Err(Denied::FirstIsDirector) };
        }
        let signer = self.by_key(&change.by).ok_or(Denied::NotAUser)?;
        match change.act {
            Act::Passphrase if signer.name == change.user.name => Ok(()),
            Act::Passphrase => Err(Denied::NotOneself(change.user.name.clone())),
            _ if may(signer.role, Deed::ChangeUsers) => Ok(()),
            _ => Err(Denied::Role(signer.role, Deed::ChangeUsers)),
        }
    }

    fn check_act(&self, signed: &SignedChange) -> Result<(), Denied> {
        let (act, user) = (signed.change.act, &signed.change.user);
        let Some(before) = self.users.get(&user.name) else {
            return match act {
                Act::Add if self.keys.contains(&user.key) => Err(Denied::KeyUsed),
                Act::Add => Ok(()),
                _ => Err(Denied::UnknownUser(user.name.clone())),
            };
        };
        let last = before.role == Role::Director && self.users.values().filter(|user| user.role == Role::Director).count() == 1;
        match act {
            Act::Add => Err(Denied::NameTaken(user.name.clone())),
            Act::Key if self.keys.contains(&user.key) => Err(Denied::KeyUsed),
            Act::Key if user.role != before.role => Err(Denied::Malformed),
            Act::Key => Ok(()),
            _ if user.key != before.key => Err(Denied::Malformed),
            Act::Role if user.role == before.role => Err(Denied::SameRole(user.name.clone())),
            Act::Passphrase | Act::Remove if user.role != before.role => Err(Denied::Malformed),
            Act::Role | Act::Remove if last => Err(Denied::LastDirector(user.name.clone())),
            _ => Ok(()),
        }
    }

    /// The users in force, by name.
    pub fn users(&self) -> impl ExactSizeIterator<Item = &User> {
        self.users.values()
    }

    /// A user in force.
    pub fn user(&self, name: &UserName) -> Option<&User> {
        self.users.get(name)
    }

    /// The user in force with that key.
    pub fn by_key(&self, key: &UserKey) -> Option<&User> {
        self.users.values().find(|user| user.key == *key)
    }

    /// How many changes there were.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The hash of the last change; all zero before the first.
    pub const fn head(&self) -> DeskHash {
        self.head
    }

    /// Checks a first signature, over exactly these terms. Returns who made it.
    ///
    /// # Errors
    /// When it is not over these, does not verify, or whoever made it may not release.
    pub fn check_release(&self, signed: &SignedRelease, terms: &Terms) -> Result<&User, Denied> {
        signed.verify(&self.org).map_err(|_| Denied::BadSignature)?;
        check_terms(&signed.release.terms, terms)?;
        self.in_force(&signed.release.by, Deed::Release)
    }

    /// Checks a second signature on what was released with the first and is held. Both must be of people who may do it at this moment.
    /// Returns who approves.
    ///
    /// # Errors
    /// When it is the releaser's own, is for another hold, content, recipient, date or first signature, does not verify, or whoever made it
    /// may not approve.
    pub fn check_approval(&self, released: &SignedRelease, terms: &Terms, signed: &SignedApproval) -> Result<&User, Denied> {
        let releaser = self.check_release(released, terms)?;
        let approval = &signed.approval;
        signed.verify(&self.org).map_err(|_| Denied::BadSignature)?;
        check_terms(&approval.terms, terms)?;
        if approval.released != released.hash(&self.org) || approval.releaser != releaser.key {
            return Err(Denied::OtherTerms);
        }
        let approver = self.in_force(&approval.by, Deed::Approve)?;
        if approver.name == releaser.name || approver.key == releaser.key {
            return Err(Denied::Oneself);
        }
        Ok(approver)
    }

    /// Checks somebody's order. At a desk without users nobody has to sign, and then it is nobody's.
    ///
    /// # Errors
    /// When there are users and none signed, it is for another request, is old, does not verify, or the role does not allow it.
    pub fn check_order(&self, order: Option<&SignedOrder>, wanted: &[u8; 32], deed: Deed, now: Timestamp) -> Result<Option<&User>, Denied> {
        let Some(signed) = order else {
            return if self.users.is_empty() { Ok(None) } else { Err(Denied::NotSigned) };
        };
        signed.verify(&self.org).map_err(|_| Denied::BadSignature)?;
        if signed.order.wanted != *wanted {
            return Err(Denied::OtherOrder);
        }
        check_fresh(signed.order.at, now)?;
        self.in_force(&signed.order.by, deed).map(Some)
    }

    fn in_force(&self, key: &UserKey, deed: Deed) -> Result<&User, Denied> {
        let user = self.by_key(key).ok_or(Denied::NotAUser)?;
        if may(user.role, deed) { Ok(user) } else { Err(Denied::Role(user.role, deed)) }
    }
}

fn check_terms(signed: &Terms, terms: &Terms) -> Result<(), Denied> {
    match signed {
        signed if signed == terms => Ok(()),
        signed if signed.hold != terms.hold => Err(Denied::OtherHold),
        _ => Err(Denied::OtherTerms),
    }
}

/// Whether a statement was signed about now.
///
/// # Errors
/// When it was not.
pub fn check_fresh(at: Timestamp, now: Timestamp) -> Result<(), Denied> {
    if at.since(now).max(now.since(at)) <= FRESH_MS { Ok(()) } else { Err(Denied::NotFresh) }
}

#[cfg(test)]
mod tests;
