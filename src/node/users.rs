//! The desk's users: who is at it, and each change of that, checked before it is kept. Secret keys are never here.

use super::view::{UserChanged, UserKeyView, UserView, UsersView};
use super::{Node, NodeError};
use crate::model::desk::{Act, SignedChange, User, UserName, WrappedKey};
use crate::rules::desk::{Denied, Desk, check_fresh};
use crate::store::CommitError;
use crate::store::change::{Change, Refused};

impl Node {
    /// The desk as its changes, each checked anew, say it is.
    ///
    /// # Errors
    /// When the store cannot be read, or a change in it does not hold.
    pub fn desk(&self) -> Result<Desk, NodeError> {
        self.replayed(&self.store.snapshot()?.user_changes()?)
    }

    fn replayed(&self, changes: &[SignedChange]) -> Result<Desk, NodeError> {
        Desk::replay(self.org(), changes)
            .map_err(|(number, _)| NodeError::StoreDamaged(format!("change {number} of the desk's users does not hold")))
    }

    /// Who is at the desk, and what the next change must follow.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn users(&self) -> Result<UsersView, NodeError> {
        let changes = self.store.snapshot()?.user_changes()?;
        let desk = self.replayed(&changes)?;
        let users = desk.users().map(|user| view(user, &changes)).collect();
        Ok(UsersView { org_id: self.org(), number: desk.number(), head: desk.head(), users })
    }

    /// A user, with the key under its passphrase: for the command line, which opens it.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn user(&self, name: &str) -> Result<UserKeyView, NodeError> {
        let name: UserName = name.parse().map_err(|error: crate::model::desk::BadUserName| NodeError::BadInput(error.to_string()))?;
        let snapshot = self.store.snapshot()?;
        let desk = self.replayed(&snapshot.user_changes()?)?;
        let user = desk.user(&name).ok_or(Denied::UnknownUser(name))?.clone();
        let wrapped = snapshot.desk_key(&user.key)?;
        let missing = || NodeError::StoreDamaged(format!("the key {} of a desk user is missing", user.key.short()));
        Ok(UserKeyView { org_id: self.org(), wrapped: wrapped.ok_or_else(missing)?, user })
    }

    /// Every change of the desk's users, as it was signed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn user_log(&self) -> Result<Vec<SignedChange>, NodeError> {
        Ok(self.store.snapshot()?.user_changes()?)
    }

    /// Makes a change that somebody at the desk has signed. Returns the desk as it is then.
    ///
    /// # Errors
    /// When it may not be made, another came first, or the store takes no changes.
    pub async fn change_users(&self, ask: UserChanged) -> Result<UsersView, NodeError> {
        let UserChanged { change, wrapped } = ask;
        let snapshot = self.store.snapshot()?;
        let mut desk = self.replayed(&snapshot.user_changes()?)?;
        let gone = desk.user(&change.change.user.name).map(|user| user.key);
        desk.apply(&change)?;
        check_fresh(change.change.at, self.clock.now())?;
        if change.change.wrapped != wrapped.as_ref().map(WrappedKey::hash) {
            return Err(Denied::Malformed.into());
        }
        let (number, by, act) = (change.change.number, change.change.by.short(), change.change.act);
        let gone = gone.filter(|_| matches!(act, Act::Key | Act::Remove));
        let change = Change::User { change: Box::new(change), wrapped: wrapped.map(Box::new), gone };
        match self.commit_many(vec![change]).await {
            Err(CommitError::Refused(Refused::UsersMoved)) => return Err(Denied::NotNext.into()),
            made => made?,
        };
        tracing::info!(number, by, "the desk's users have changed");
        self.touch();
        self.users()
    }
}

fn view(user: &User, changes: &[SignedChange]) -> UserView {
    let came = changes.iter().rev().find(|signed| signed.change.act == Act::Add && signed.change.user.name == user.name);
    let since = came.map(|signed| signed.change.at).unwrap_or_default();
    UserView { name: user.name.clone(), role: user.role, key: user.key, since }
}
