//! The harness can fail: each of its checks catches what it is there for.

use crate::harness::rogue::{ROGUE, ROGUE_PLACE, Rogue};
use crate::harness::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use watchfire::link::convert::encode_record;
use watchfire::link::convert::wire::{self, frame::Frame as Kind};
use watchfire::model::log::Audience;
use watchfire::model::{Indicator, Observable, Record, Timestamp, Tlp};
use watchfire::rules::gate::{Gate, Origin};
use watchfire::rules::label::AudienceState;
use watchfire::rules::release::{Draft, Findings, Look, release};
use watchfire::store::change::{Change, ReleaseItem};

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

#[tokio::test]
#[should_panic(expected = "a planted secret in the clear between two nodes")]
async fn a_federation_does_not_end_with_a_secret_that_went_in_the_clear() {
    let mut federation = Federation::of(2).await;
    let secret = federation.secret(&[AMAL, BOREALIS]);
    // So that the second piece is there before Borealis hangs up on the first.
    federation.net.slow_down(AMAL, BOREALIS, std::time::Duration::from_millis(200));
    let mut proxy = tokio::net::TcpStream::connect(federation.net.proxy_for(AMAL).await).await.unwrap();
    let host = "borealis.test";
    let greeting = [&[5, 1, 0, 5, 1, 0, 3, host.len() as u8], host.as_bytes(), &7443u16.to_be_bytes()].concat();
    proxy.write_all(&greeting).await.unwrap();
    proxy.read_exact(&mut [0; 12]).await.unwrap();
    // In two pieces.
    proxy.write_all(&secret.as_bytes()[..5]).await.unwrap();
    proxy.write_all(&secret.as_bytes()[5..]).await.unwrap();
    federation.until("it was carried", || federation.net.carried().has_found(&secret)).await;
}

/// Amal tells the rogue of a word.
async fn told_to_the_rogue(holders: &[Who]) -> Federation {
    let mut federation = Federation::strangers(1).await;
    let rogue = Rogue::paired_with(&federation, AMAL).await;
    let secret = federation.secret(holders);
    let mut stream = rogue.link().await;
    stream.say(Kind::Have(wire::Have { complete: true, ..Default::default() })).await;
    federation.share_with_note(AMAL, "evil.example.org", &secret, Tlp::Amber, ROGUE).await;
    let log = federation.node(AMAL).store.snapshot().unwrap().our_log_key(&Audience::Direct(rogue.identity.org())).unwrap().id();
    stream.say(Kind::Want(wire::Want { log: log.0.to_vec(), from: 1, credit: 1 << 20, ..Default::default() })).await;
    stream.until(|kind| matches!(kind, Kind::Batch(_))).await;
    federation
}

#[tokio::test]
#[should_panic(expected = "a planted secret in a frame to the rogue")]
async fn a_federation_does_not_end_with_a_secret_in_a_frame_to_one_that_should_not_hold_it() {
    told_to_the_rogue(&[AMAL]).await;
}

#[tokio::test]
async fn what_the_rogue_may_hold_may_go_to_it() {
    told_to_the_rogue(&[AMAL, ROGUE_PLACE]).await;
}

#[tokio::test]
#[should_panic(expected = "1 released as")]
async fn a_federation_does_not_end_with_a_release_that_was_not_disclosed() {
    let federation = Federation::of(2).await;
    let (us, now) = (federation.org(AMAL), federation.clock.now());
    let audience = Audience::Direct(federation.org(BOREALIS));
    let record = Record::Indicator(Indicator::bare(Observable::guess("evil.example.org").unwrap()));
    let draft = Draft { record, label: Tlp::Amber.into(), audience, retention: Timestamp(0) };
    let look = Look { gate: &Gate::default(), inside: &[], origin: Origin::PassedOn, permission: None };
    let released = release(draft, AudienceState::OPEN, &us, now, look).unwrap().draft.encode(encode_record);
    let items = vec![ReleaseItem { record: None, inside: Vec::new(), released, findings: Findings::default(), said: None }];
    federation.node(AMAL).store.commit(Change::Release { audience, items, disclosures: Vec::new(), at: now }).await.unwrap();
}
