//! TLP:RED leaves by the word of two people.

use crate::desk::{AMINA, DANA, OMAR, add, change, first, second, staff};
use crate::harness::*;
use watchfire::model::desk::{Act, Role, SignedApproval};
use watchfire::model::{ReleaseId, Tlp};
use watchfire::node::NodeError;
use watchfire::node::view::HoldState;
use watchfire::rules::desk::Denied;
use watchfire::rules::label::Withheld;

const VALUE: &str = "red.example.org";

/// Shares the value with Borealis as TLP:RED, without a hold. What it is held as.
async fn share(federation: &Federation) -> ReleaseId {
    let report = federation.node(AMAL).share(ask(VALUE, Tlp::Red, "borealis")).await.unwrap();
    assert_eq!((report.released.len(), report.held[0].state), (1, HoldState::Signature), "`--now` does not skip two people");
    report.held[0].id.unwrap()
}

fn denied<T: std::fmt::Debug>(answer: Result<T, NodeError>) -> Denied {
    match answer {
        Err(NodeError::Desk(denied)) => denied,
        other => panic!("{other:?}"),
    }
}

async fn has_left(federation: &Federation) -> bool {
    federation.node(AMAL).let_go_of_what_is_due().await.unwrap();
    federation.settle().await;
    federation.finds(BOREALIS, VALUE)
}

#[tokio::test]
async fn a_desk_without_users_releases_no_red() {
    let federation = Federation::of(2).await;
    let report = federation.try_share(AMAL, "amber.example.org", Tlp::Amber, "borealis").await;
    assert_eq!(report.released.len(), 1, "all else leaves");
    let report = federation.node(AMAL).share(ask(VALUE, Tlp::Red, "borealis")).await.unwrap();
    let reason = NodeError::from(Withheld::NobodyAtTheDesk);
    assert_eq!((report.released.len(), report.held.len()), (0, 0));
    assert_eq!((&report.withheld[0].reason, &report.withheld[0].hint), (&reason.detail(), &reason.hint()));
    assert!(federation.node(AMAL).holds().unwrap().is_empty());
}

#[tokio::test]
async fn red_leaves_when_two_people_have_signed_and_the_disclosure_says_who() {
    let federation = Federation::of(2).await;
    let node = federation.node(AMAL);
    staff(node).await;
    let id = share(&federation).await;
    assert!(!has_left(&federation).await);
    let view = node.sign_hold(&id.to_string(), first(node, &id, OMAR)).await.unwrap();
    assert_eq!((view.state, view.by.as_deref(), view.approved_by), (HoldState::Second, Some("omar"), None));
    assert!(!has_left(&federation).await);
    let view = node.approve(&id.to_string(), second(node, &id, AMINA)).await.unwrap();
    assert_eq!(view.approved_by.as_deref(), Some("amina"));
    assert!(has_left(&federation).await);
    let line = node.disclosures(Default::default()).unwrap().remove(0);
    assert_eq!((line.by.as_deref(), line.approved_by.as_deref()), (Some("omar"), Some("amina")));
    let mut exported = Vec::new();
    node.export_disclosures(&mut exported).unwrap();
    let exported = String::from_utf8(exported).unwrap();
    assert!(exported.contains("approved_by") && !exported.contains("omar") && !exported.contains("amina"), "names stay here: {exported}");
}

#[tokio::test]
async fn the_releaser_cannot_approve_nor_anyone_who_replays_the_first_signature() {
    let federation = Federation::of(2).await;
    let node = federation.node(AMAL);
    staff(node).await;
    let id = share(&federation).await;
    let hold = id.to_string();
    let released = first(node, &id, OMAR);
    node.sign_hold(&hold, released).await.unwrap();
    assert_eq!(denied(node.approve(&hold, second(node, &id, OMAR)).await), Denied::Oneself);
    for name in [OMAR, AMINA] {
        let replayed = SignedApproval { signature: released.signature, ..second(node, &id, name) };
        assert_eq!(denied(node.approve(&hold, replayed).await), Denied::BadSignature);
    }
    assert!(!has_left(&federation).await);
    node.approve(&hold, second(node, &id, AMINA)).await.unwrap();
    assert!(has_left(&federation).await);
}

#[tokio::test]
async fn an_approval_of_another_hold_or_by_a_stranger_or_from_before_does_not_count() {
    let federation = Federation::of(2).await;
    let node = federation.node(AMAL);
    staff(node).await;
    let id = share(&federation).await;
    node.sign_hold(&id.to_string(), first(node, &id, OMAR)).await.unwrap();
    let approval = second(node, &id, AMINA);
    assert_eq!(denied(node.approve(&id.to_string(), second(node, &id, DANA)).await), Denied::NotAUser);
    node.undo(&id.to_string(), None).await.unwrap();
    // The same content, held anew.
    let other = share(&federation).await;
    assert_eq!(denied(node.approve(&other.to_string(), approval.clone()).await), Denied::NotReleased);
    node.sign_hold(&other.to_string(), first(node, &other, OMAR)).await.unwrap();
    assert_eq!(denied(node.approve(&other.to_string(), approval).await), Denied::OtherHold);
    let late = second(node, &other, AMINA);
    federation.clock.advance(11 * 60_000);
    assert_eq!(denied(node.approve(&other.to_string(), late).await), Denied::NotFresh);
    assert!(!has_left(&federation).await);
}

#[tokio::test]
async fn who_has_left_the_desk_before_it_is_due_has_no_word() {
    let federation = Federation::of(2).await;
    let node = federation.node(AMAL);
    staff(node).await;
    add(node, DANA, Role::Lead, AMINA).await;
    let id = share(&federation).await;
    node.sign_hold(&id.to_string(), first(node, &id, OMAR)).await.unwrap();
    // Borealis is suspended, so that it stays although two have signed.
    node.peer_suspend("borealis").await.unwrap();
    node.approve(&id.to_string(), second(node, &id, DANA)).await.unwrap();
    node.let_go_of_what_is_due().await.unwrap();
    change(node, Act::Remove, DANA.as_a(Role::Lead), AMINA, None).await.unwrap();
    node.peer_resume("borealis").await.unwrap();
    assert!(!has_left(&federation).await);
    let view = node.holds().unwrap().remove(0);
    assert_eq!((view.state, view.by.as_deref(), view.approved_by), (HoldState::Second, Some("omar"), None), "the first word stays");
    assert_eq!(view.reason, Some(Denied::NotAUser.to_string()));
    node.approve(&id.to_string(), second(node, &id, AMINA)).await.unwrap();
    assert!(has_left(&federation).await);
}

#[tokio::test]
async fn of_two_changes_of_the_users_at_once_one_is_made_and_the_other_is_told() {
    let federation = Federation::of(1).await;
    let node = federation.node(AMAL);
    staff(node).await;
    let (one, other) = tokio::join!(
        change(node, Act::Add, DANA.as_a(Role::Lead), AMINA, Some(DANA)),
        change(node, Act::Role, OMAR.as_a(Role::Lead), AMINA, None)
    );
    let (made, told) = if one.is_ok() { (one, other) } else { (other, one) };
    assert_eq!(made.unwrap().number, 3);
    assert_eq!(denied(told), Denied::NotNext);
    assert_eq!(node.user_log().unwrap().len(), 3);
}
