//! Two people at Amal's desk, whose keys the demo has in its own process.

use crate::model::crypto::{SigningKey, random};
use crate::model::desk::{Act, Approval, Passphrase, Release, Role, SignedApproval, SignedRelease, User, UserChange, WrappedKey};
use crate::model::{ReleaseId, UserKey};
use crate::node::view::{UserChanged, UsersView};
use crate::node::{Node, NodeError};

/// Somebody at the desk.
pub(super) struct Person {
    user: User,
    key: SigningKey,
}

impl Person {
    /// Comes to the desk by the word of a director; the first needs nobody's.
    pub(super) async fn come(node: &Node, name: &str, role: Role, director: Option<&Self>) -> Result<Self, NodeError> {
        let fault = |error: &dyn std::fmt::Display| NodeError::Internal(error.to_string());
        let key = SigningKey::generate();
        let name = name.parse().map_err(|error: crate::model::desk::BadUserName| fault(&error))?;
        let person = Self { user: User { name, role, key: UserKey(key.public()) }, key };
        let words = Passphrase::new(&data_encoding::HEXLOWER.encode(&random::<16>())).map_err(|error| fault(&error))?;
        let wrapped = WrappedKey::seal(&node.org(), &person.user, &person.key, &words).map_err(|error| fault(&error))?;
        let UsersView { number, head, .. } = node.users()?;
        let by = director.map_or(&person.key, |director| &director.key);
        let change = UserChange {
            number: number + 1,
            before: head,
            act: Act::Add,
            user: person.user.clone(),
            wrapped: Some(wrapped.hash()),
            at: node.clock.now(),
            by: UserKey(by.public()),
        };
        let change = change.sign(&node.org(), by, Some(&person.key));
        node.change_users(UserChanged { change, wrapped: Some(wrapped) }).await?;
        Ok(person)
    }

    /// Signs first.
    pub(super) async fn release(&self, node: &Node, id: &ReleaseId) -> Result<SignedRelease, NodeError> {
        let terms = node.hold_terms(&id.to_string())?.terms;
        let signed = Release { terms, by: self.user.key, at: node.clock.now() }.sign(&node.org(), &self.key);
        node.sign_hold(&id.to_string(), signed).await?;
        Ok(signed)
    }

    /// The second signature on what was signed first.
    pub(super) fn approval(&self, node: &Node, released: &SignedRelease) -> SignedApproval {
        let approval = Approval::of(released, &node.org(), self.user.key, node.clock.now());
        approval.sign(&node.org(), &self.key)
    }
}
