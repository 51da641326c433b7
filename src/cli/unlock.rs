//! Who at the desk signs, and the key for it: opened here, in the command line's process, and nowhere else.

use super::{Desk, passphrase, sealing};
use crate::api::Problem;
use crate::api::client::Target;
use crate::clock::Clock;
use crate::model::crypto::SigningKey;
use crate::model::desk::{BadWrapped, User, UserName};
use crate::model::desk::{Order, Ordered, wanted};
use crate::model::{OrgId, UserKey};
use crate::node::error::{Exit, NodeError};
use crate::node::view::UserKeyView;
use serde::Serialize;

/// Who signs.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Signer {
    /// The desk user that signs; asks for that user's passphrase
    #[arg(long = "as", id = "as", value_name = "USER", env = "WATCHFIRE_USER", hide_env_values = true)]
    pub(super) name: Option<UserName>,
    /// Read that user's passphrase from this file, or from standard input (`-`)
    #[arg(long, value_name = "FILE")]
    pub(super) passphrase_file: Option<String>,
}

/// A desk user whose key is open.
#[derive(Debug)]
pub(super) struct Unlocked {
    /// The organisation.
    pub(super) org: OrgId,
    /// The user.
    pub(super) user: User,
    /// The key.
    pub(super) key: SigningKey,
}

impl Signer {
    /// Gets the user's wrapped key from the node, asks for the passphrase, and opens it. What is then to be done with it for the desk key
    /// is done along the way.
    ///
    /// # Errors
    /// When nobody was named, there is no such user, or the passphrase does not open the key.
    pub(super) async fn unlock(&self, desk: &Desk) -> Result<Unlocked, Problem> {
        let name = self.name.as_ref().ok_or_else(nobody)?;
        // A core file would have the key and the passphrase in it.
        let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
        rustix::process::setrlimit(rustix::process::Resource::Core, none)
            .map_err(|error| NodeError::io("forbid core files", error.into()))?;
        let UserKeyView { org_id, user, wrapped } = desk.node().get(Target::new(&["users", name.as_str()])).await?;
        let open = |words: &_| wrapped.open(&org_id, &user, words).map_err(closed);
        let key = passphrase::until(&user.name, self.passphrase_file.as_deref(), open)?;
        let unlocked = Unlocked { org: org_id, user, key };
        sealing::catch_up(desk, &unlocked).await;
        Ok(unlocked)
    }
}

impl Signer {
    /// A request with the order of whoever was named; without one where nobody was, which the node takes at a desk without users.
    pub(super) async fn order<T: Serialize>(&self, desk: &Desk, name: &str, about: &str, request: T) -> Result<Ordered<T>, Problem> {
        Unlocked::order_of(self.unlock_if_named(desk).await?.as_ref(), name, about, request)
    }

    /// The user's open key, for several orders; nothing where nobody was named.
    pub(super) async fn unlock_if_named(&self, desk: &Desk) -> Result<Option<Unlocked>, Problem> {
        if self.name.is_none() { Ok(None) } else { self.unlock(desk).await.map(Some) }
    }
}

impl Unlocked {
    /// A request with the order of whoever was named; without one where nobody was.
    pub(super) fn order_of<T: Serialize>(by: Option<&Self>, name: &str, about: &str, request: T) -> Result<Ordered<T>, Problem> {
        match by {
            Some(by) => by.order(name, about, request),
            None => Ok(Ordered { request, order: None }),
        }
    }

    /// A request with this user's order.
    pub(super) fn order<T: Serialize>(&self, name: &str, about: &str, request: T) -> Result<Ordered<T>, Problem> {
        let bytes = serde_json::to_vec(&request).map_err(|error| NodeError::Internal(error.to_string()))?;
        let order = Order { wanted: wanted(name, about, &bytes), by: UserKey(self.key.public()), at: Clock::system().now() };
        Ok(Ordered { request, order: Some(order.sign(&self.org, &self.key)) })
    }
}

pub(super) fn nobody() -> Problem {
    let text =
        "somebody at the desk has to sign this\nhint: `--as USER`, or $WATCHFIRE_USER, says who; `watchfire user list` shows the users";
    NodeError::BadInput(text.into()).into()
}

pub(super) fn closed(error: BadWrapped) -> Problem {
    match error {
        BadWrapped::Passphrase => Problem::new("wrong-passphrase", Exit::Permission, &error.to_string()),
        BadWrapped::Malformed | BadWrapped::Memory(_) => Problem::new("key-closed", Exit::Failed, &error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_signs_is_to_be_said_and_a_closed_key_has_its_exit_code() {
        let problem = nobody();
        assert_eq!((problem.exit, problem.detail.as_str()), (Exit::Usage, "somebody at the desk has to sign this"));
        assert_eq!(problem.hint.as_deref(), Some("`--as USER`, or $WATCHFIRE_USER, says who; `watchfire user list` shows the users"));
        assert_eq!(
            (closed(BadWrapped::Passphrase).exit, closed(BadWrapped::Passphrase).code.as_str()),
            (Exit::Permission, "wrong-passphrase")
        );
        assert_eq!(closed(BadWrapped::Memory(64)).exit, Exit::Failed);
    }
}
