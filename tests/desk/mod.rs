//! People at a node's desk, whose keys are here in the process: what two of them sign before TLP:RED leaves.

// Each test binary uses its own part.
#![allow(dead_code)]

use watchfire::model::crypto::SigningKey;
use watchfire::model::desk::{
    Act, Approval, Order, Release, Role, SignedApproval, SignedOrder, SignedRelease, User, UserChange, WrappedKey, wanted,
};
use watchfire::model::{ReleaseId, UserKey};
use watchfire::node::view::{HoldState, ShareReport, UserChanged, UsersView};
use watchfire::node::{Node, NodeError};

/// Somebody at the desk, by the seed of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person(pub &'static str, pub u8);

pub const AMINA: Person = Person("amina", 1);
pub const OMAR: Person = Person("omar", 2);
pub const DANA: Person = Person("dana", 3);

impl Person {
    pub fn key(self) -> SigningKey {
        SigningKey::from_seed([self.1; 32])
    }

    fn public(self) -> UserKey {
        UserKey(self.key().public())
    }

    pub fn as_a(self, role: Role) -> User {
        User { name: self.0.parse().expect("a name"), role, key: self.public() }
    }
}

/// A wrapped key that nothing opens: the node cannot tell, and sealing takes its time.
fn wrapped() -> WrappedKey {
    let mut bytes = vec![7; WrappedKey::LENGTH];
    bytes[..13].copy_from_slice(&[1, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1]);
    WrappedKey::decode(&bytes).expect("within bounds")
}

/// A change of the desk's users, signed by one of them.
pub async fn change(node: &Node, act: Act, user: User, by: Person, new: Option<Person>) -> Result<UsersView, NodeError> {
    let UsersView { org_id, number, head, .. } = node.users()?;
    let wrapped = new.map(|_| wrapped());
    let hash = wrapped.as_ref().map(WrappedKey::hash);
    let change = UserChange { number: number + 1, before: head, act, user, wrapped: hash, at: node.clock.now(), by: by.public() };
    let change = change.sign(&org_id, &by.key(), new.map(Person::key).as_ref());
    node.change_users(UserChanged { change, wrapped }).await
}

pub async fn add(node: &Node, person: Person, role: Role, by: Person) {
    change(node, Act::Add, person.as_a(role), by, Some(person)).await.expect("added");
}

/// Amina, a director, and Omar, a handler, where nobody is there yet.
pub async fn staff(node: &Node) {
    if node.users().expect("users").users.is_empty() {
        add(node, AMINA, Role::Director, AMINA).await;
        add(node, OMAR, Role::Handler, AMINA).await;
    }
}

/// As [`staff`], on a node that may go down meanwhile.
pub async fn try_staff(node: &Node) -> Result<(), NodeError> {
    if node.users()?.users.is_empty() {
        change(node, Act::Add, AMINA.as_a(Role::Director), AMINA, Some(AMINA)).await?;
        change(node, Act::Add, OMAR.as_a(Role::Handler), AMINA, Some(OMAR)).await?;
    }
    Ok(())
}

/// Two people let go what a share holds for them, on a node that may go down meanwhile; without an error it has left.
pub async fn try_two_let_go(node: &Node, shared: &ShareReport) -> Result<(), NodeError> {
    for id in shared.held.iter().filter_map(|hold| hold.id) {
        let terms = node.hold_terms(&id.to_string())?.terms;
        let released = Release { terms, by: OMAR.public(), at: node.clock.now() }.sign(&node.org(), &OMAR.key());
        node.sign_hold(&id.to_string(), released).await?;
        let approval = Approval::of(&released, &node.org(), AMINA.public(), node.clock.now());
        node.approve(&id.to_string(), approval.sign(&node.org(), &AMINA.key())).await?;
        node.let_go_of_what_is_due().await?;
        if let Some(kept) = node.holds()?.into_iter().find(|hold| hold.id == Some(id)) {
            return Err(NodeError::Conflict(format!("it is kept: {:?}", kept.reason)));
        }
    }
    Ok(())
}

/// Somebody's order, as the command line signs one.
pub fn order<T: serde::Serialize>(node: &Node, name: &str, about: &str, request: &T, by: Person) -> SignedOrder {
    let bytes = serde_json::to_vec(request).expect("it is sent as JSON");
    Order { wanted: wanted(name, about, &bytes), by: by.public(), at: node.clock.now() }.sign(&node.org(), &by.key())
}

/// The first signature on what is held.
pub fn first(node: &Node, id: &ReleaseId, by: Person) -> SignedRelease {
    let terms = node.hold_terms(&id.to_string()).expect("it needs two").terms;
    Release { terms, by: by.public(), at: node.clock.now() }.sign(&node.org(), &by.key())
}

/// The second signature on what is held.
pub fn second(node: &Node, id: &ReleaseId, by: Person) -> SignedApproval {
    let held = node.hold_terms(&id.to_string()).expect("it needs two");
    let released = held.released.expect("it was signed first");
    Approval::of(&released, &node.org(), by.public(), node.clock.now()).sign(&node.org(), &by.key())
}

/// Two people let everything go that waits for two.
pub async fn two_let_go(node: &Node) {
    for hold in node.holds().expect("holds") {
        let Some(id) = hold.id.filter(|_| matches!(hold.state, HoldState::Signature | HoldState::Second)) else { continue };
        node.sign_hold(&id.to_string(), first(node, &id, OMAR)).await.expect("signed");
        node.approve(&id.to_string(), second(node, &id, AMINA)).await.expect("approved");
    }
    node.let_go_of_what_is_due().await.expect("the store takes it");
}
