//! The harness can fail: each of its checks catches what it is there for.

use crate::harness::*;
use watchfire::model::Tlp;

#[tokio::test]
#[should_panic(expected = "a log of 1 entries, 0 there")]
async fn a_federation_does_not_end_with_unequal_heads_over_a_link_that_is_up() {
    let mut federation = Federation::of(2).await;
    federation.be_impatient();
    federation.cut(AMAL, BOREALIS);
    // The link is away, and the harness believes it up.
    federation.share(AMAL, "evil.example.org", Tlp::Amber, "borealis").await;
    federation.pretend_that_links_are_up();
}

#[tokio::test]
#[should_panic(expected = "an error that was not asked for")]
async fn a_federation_does_not_end_with_an_error_that_nobody_asked_for() {
    let federation = Federation::of(2).await;
    tracing::error!("something broke");
    drop(federation);
}

#[tokio::test]
#[should_panic(expected = "a planted secret in the log")]
async fn a_federation_does_not_end_with_a_secret_in_its_log() {
    let mut federation = Federation::of(2).await;
    let secret = federation.secret(&[AMAL]);
    tracing::debug!(value = secret, "looked up");
}

#[tokio::test]
#[should_panic(expected = "a planted secret in the store of borealis")]
async fn a_federation_does_not_end_with_a_secret_in_a_store_that_should_not_hold_it() {
    let mut federation = Federation::of(2).await;
    let secret = federation.secret(&[AMAL]);
    federation.share_with_note(AMAL, "evil.example.org", &secret, Tlp::Amber, "borealis").await;
    federation.settle().await;
}
