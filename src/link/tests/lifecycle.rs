//! What changes while nodes run: standing, certificates, roots.

use crate::link::accept::{AcceptedConnection, Acceptor, HandshakeLimits};
use crate::link::certificate::{DAY_MS, IssuingCa};
use crate::link::diagnosis::Diagnosis;
use crate::link::serve::{Channel, ConnectionInfo, Ended, Http2Limits, channel, serve};
use crate::link::testing::{NOW, Org, pair};
use crate::link::tls::Credential;
use crate::link::trust::Standing;
use crate::model::identity::{Card, P256Key};
use axum::routing::get;
use axum::{Extension, Router};
use http_body_util::BodyExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_suspended_peer_is_cut_within_a_second_and_refused_until_it_is_resumed() {
    let (caller, called, mut listening) = pair().await;
    let connection = caller.dial(&listening, &called).await.expect("connects");
    listening.accepted.recv().await;
    assert_eq!(called.tls.trust.live(caller.id()), 1);
    called.trust(caller.card(), Standing::Suspended, false);
    let mut stream = connection.stream;
    let mut rest = Vec::new();
    timeout(SECOND, tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest)).await.expect("cut in time").ok();
    assert_eq!(called.tls.trust.live(caller.id()), 0);
    assert_eq!(caller.dial(&listening, &called).await.map(drop), Err(Diagnosis::SuspendedThere));
    assert_eq!(listening.refused.recv().await, Some(Diagnosis::Suspended(caller.id())));
    called.trust(caller.card(), Standing::Active, false);
    caller.dial(&listening, &called).await.expect("resumed");
}

#[tokio::test]
async fn what_a_link_carries_is_never_changed_while_it_lives() {
    let (caller, called, mut listening) = pair().await;
    for standing in [Standing::RecallsAlone, Standing::Active] {
        let connection = caller.dial(&listening, &called).await.expect("connects");
        listening.accepted.recv().await;
        called.trust(caller.card(), standing, false);
        let mut stream = connection.stream;
        let mut rest = Vec::new();
        timeout(SECOND, tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest)).await.expect("cut in time").ok();
        called.trust(caller.card(), standing, false);
        caller.dial(&listening, &called).await.expect("another may come");
        listening.accepted.recv().await;
    }
}

#[tokio::test]
async fn denying_a_key_or_withdrawing_its_issuer_cuts_what_may_rest_on_it() {
    let (caller, called, listening) = pair().await;
    let renewed = IssuingCa::issue(&caller.root, NOW).expect("issues");
    let card = |number, cas: &[&IssuingCa]| {
        let issuing_cas = cas.iter().map(|ca| ca.der().to_vec()).collect();
        caller.card_of(crate::model::identity::CardContent { issuing_cas, ..caller.content(number) })
    };
    let live = async |expected| {
        let reached = async {
            while called.tls.trust.live(caller.id()) != expected {
                tokio::task::yield_now().await
            }
        };
        timeout(SECOND, reached).await.expect("in time");
    };
    let _one = caller.dial(&listening, &called).await.expect("connects");
    called.trust(card(2, &[&renewed, &caller.ca]), Standing::Active, false);
    live(1).await;
    called.trust(card(3, &[&renewed]), Standing::Active, false);
    live(0).await;
    called.trust(card(4, &[&caller.ca]), Standing::Active, false);
    let _two = caller.dial(&listening, &called).await.expect("connects");
    live(1).await;
    called.deny([1; 32]);
    live(0).await;
}

#[tokio::test]
async fn whom_we_suspended_or_removed_we_do_not_dial_and_what_we_had_dialled_is_cut() {
    let (caller, called, listening) = pair().await;
    let connection = caller.dial(&listening, &called).await.expect("connects");
    caller.trust(called.card(), Standing::Suspended, false);
    timeout(SECOND, connection.kill.cancelled()).await.expect("cut in time");
    assert_eq!(caller.dial(&listening, &called).await.map(drop), Err(Diagnosis::Suspended(called.id())));
    caller.change(|bundles| drop(bundles.peers.remove(&called.id())));
    assert_eq!(caller.dial(&listening, &called).await.map(drop), Err(Diagnosis::NotPaired(called.id())));
}

#[tokio::test]
async fn a_removed_peer_and_one_that_waits_for_confirmation_are_told_apart() {
    let (caller, called, mut listening) = pair().await;
    called.trust(caller.card(), Standing::Unconfirmed, false);
    assert_eq!(caller.dial(&listening, &called).await.map(drop), Err(Diagnosis::UnconfirmedThere));
    assert_eq!(listening.refused.recv().await, Some(Diagnosis::Unconfirmed(caller.id())));
    called.change(|bundles| drop(bundles.peers.remove(&caller.id())));
    assert_eq!(caller.dial(&listening, &called).await.map(drop), Err(Diagnosis::UntrustedThere));
    assert_eq!(listening.refused.recv().await, Some(Diagnosis::NotPaired(caller.id())));
}

#[tokio::test]
async fn a_renewed_node_certificate_is_shown_without_a_restart_and_ends_no_connection() {
    let (caller, called, mut listening) = pair().await;
    let old = caller.dial(&listening, &called).await.expect("connects");
    listening.accepted.recv().await;
    let later = NOW.plus(5 * DAY_MS);
    for org in [&caller, &called] {
        org.hands.set(later);
        org.show(&org.ca.issue_node(org.id(), later).expect("issues"));
    }
    let far = NOW.plus(10 * DAY_MS); // beyond the first ones' life
    for org in [&caller, &called] {
        org.hands.set(far);
    }
    caller.dial(&listening, &called).await.expect("the renewed ones hold");
    assert!(!old.kill.is_cancelled());
    assert_eq!(called.tls.trust.live(caller.id()), 2);
}

#[tokio::test]
async fn a_renewed_issuing_ca_is_taken_before_its_card_has_come_and_a_withdrawn_one_no_more_after() {
    let (caller, called, mut listening) = pair().await;
    let later = NOW.plus(4 * DAY_MS);
    for org in [&caller, &called] {
        org.hands.set(later);
    }
    let ca = IssuingCa::issue(&caller.root, later).expect("issues");
    caller.show(&ca.issue_node(caller.id(), later).expect("issues"));
    caller.dial(&listening, &called).await.expect("the root stands behind it");
    let both = [&ca, &caller.ca].map(|ca| ca.der().to_vec()).to_vec();
    called.trust(caller.card_of(crate::model::identity::CardContent { issuing_cas: both, ..caller.content(2) }), Standing::Active, false);
    caller.show(&caller.ca.issue_node(caller.id(), later).expect("issues"));
    caller.dial(&listening, &called).await.expect("still listed");
    let one = vec![ca.der().to_vec()];
    called.trust(caller.card_of(crate::model::identity::CardContent { issuing_cas: one, ..caller.content(3) }), Standing::Active, false);
    assert_eq!(caller.dial(&listening, &called).await.map(drop), Err(Diagnosis::DeniedThere));
    assert_eq!(listening.refused.recv().await, Some(Diagnosis::IssuerWithdrawn(caller.id())));
}

/// The caller after a rotation of its root: its new card, and the credential that belongs to it.
fn rotate(org: &Org) -> (Card, Credential) {
    let chain = org.chain.rotate(&org.next_root, &P256Key::generate().public(), NOW).expect("committed");
    let ca = IssuingCa::issue(&org.next_root, NOW).expect("issues");
    let mut content = org.content(2);
    (content.issuing_cas, content.knock_key) = (vec![ca.der().to_vec()], [9; 32]);
    let card = Card::sign(&chain, content, &org.next_root).expect("signs");
    let node = ca.issue_node(org.id(), NOW).expect("issues");
    (card, Credential::new(&node, [9; 32]).expect("a key"))
}

#[tokio::test]
async fn after_a_rotation_peers_with_the_old_card_and_with_the_new_both_connect() {
    let (caller, called, listening) = pair().await;
    let (card, new) = rotate(&called);
    let old = called.tls.credentials.load().first().cloned().expect("one");
    called.tls.credentials.store(Arc::new(vec![new.clone(), old]));
    caller.dial(&listening, &called).await.expect("knocks by the old card");
    caller.trust(card, Standing::Active, false);
    caller.dial(&listening, &called).await.expect("knocks by the new card");
    called.tls.credentials.store(Arc::new(vec![new]));
    caller.dial(&listening, &called).await.expect("needs no old one");
    caller.trust(called.card(), Standing::Active, false);
    assert_eq!(caller.dial(&listening, &called).await.map(drop), Err(Diagnosis::LabelUnknownThere));
}

#[tokio::test]
async fn a_rotated_caller_falls_back_to_its_old_credential_where_its_old_card_is_known() {
    let (caller, called, mut listening) = pair().await;
    let (card, new) = rotate(&caller);
    let old = caller.tls.credentials.load().first().cloned().expect("one");
    caller.tls.credentials.store(Arc::new(vec![new.clone(), old]));
    caller.dial(&listening, &called).await.expect("by the old credential");
    assert_eq!(listening.refused.recv().await, Some(Diagnosis::UntrustedRoot(caller.id())));
    called.trust(card, Standing::Active, false);
    caller.tls.credentials.store(Arc::new(vec![new]));
    caller.dial(&listening, &called).await.expect("by the new one");
    caller.show(&caller.node);
    assert_eq!(caller.dial(&listening, &called).await.map(drop), Err(Diagnosis::UntrustedThere), "the old root is over");
}

#[tokio::test]
async fn five_hundred_stalled_handshakes_do_not_keep_out_a_legitimate_one() {
    let (caller, called, _) = pair().await;
    let mut listening =
        called.listen_with(HandshakeLimits { timeout: Duration::from_secs(60), pending_max: 64, ..HandshakeLimits::default() }).await;
    let mut stalled = Vec::new();
    for _ in 0..500 {
        stalled.push(TcpStream::connect(("127.0.0.1", listening.endpoint.port())).await.expect("connects"));
    }
    timeout(5 * SECOND, caller.dial(&listening, &called)).await.expect("in time").expect("connects");
    for _ in 0..stalled.len() - 64 {
        let given_up = timeout(SECOND, listening.refused.recv()).await;
        assert_eq!(given_up, Ok(Some(Diagnosis::Crowded)), "no more than 64 are kept waiting");
    }
}

#[tokio::test]
async fn more_handshakes_in_a_second_than_one_source_may_have_are_turned_away_until_the_next() {
    let (caller, called, _) = pair().await;
    let mut listening = called.listen_with(HandshakeLimits { source_per_second_max: 3, ..HandshakeLimits::default() }).await;
    for _ in 0..3 {
        caller.dial(&listening, &called).await.expect("connects");
    }
    caller.dial(&listening, &called).await.expect_err("a fourth in the same second");
    assert_eq!(listening.refused.recv().await, Some(Diagnosis::TooOften));
    for _ in 0..10 {
        // A stranger costs no handshake, so it uses none up.
        let mut stranger = TcpStream::connect(("127.0.0.1", listening.endpoint.port())).await.expect("connects");
        tokio::io::AsyncWriteExt::write_all(&mut stranger, b"GET / HTTP/1.1\r\n\r\n").await.expect("writes");
        assert_eq!(listening.refused.recv().await, Some(Diagnosis::NotTls));
    }
    called.hands.set(NOW.plus(1_000));
    for _ in 0..3 {
        caller.dial(&listening, &called).await.expect("another second");
    }
}

#[tokio::test]
async fn whoever_opens_ever_more_connections_pushes_out_his_own() {
    use crate::link::trust::CONNECTIONS_PER_PEER_MAX;
    let (caller, called, listening) = pair().await;
    let other = Org::new();
    called.trust(other.card(), Standing::Active, false);
    other.trust(called.card(), Standing::Active, false);
    let others = other.dial(&listening, &called).await.expect("connects");
    let mut held = Vec::new();
    for _ in 0..3 * CONNECTIONS_PER_PEER_MAX {
        held.push(caller.dial(&listening, &called).await.expect("connects"));
    }
    timeout(SECOND, async {
        while called.tls.trust.live(caller.id()) > CONNECTIONS_PER_PEER_MAX {
            tokio::task::yield_now().await
        }
    })
    .await
    .expect("the oldest end");
    assert_eq!((called.tls.trust.live(caller.id()), called.tls.trust.live(other.id())), (CONNECTIONS_PER_PEER_MAX, 1));
    assert!(!others.kill.is_cancelled());
}

#[tokio::test]
async fn a_silent_caller_is_given_up_in_time() {
    let called = Org::new();
    let mut listening =
        called.listen_with(HandshakeLimits { timeout: Duration::from_millis(50), pending_max: 4, ..HandshakeLimits::default() }).await;
    let _silent = TcpStream::connect(("127.0.0.1", listening.endpoint.port())).await.expect("connects");
    let found = timeout(5 * SECOND, listening.refused.recv()).await.expect("in time").expect("listens");
    assert_eq!(found.code(), "timeout");
}

/// Serves HTTP/2 for real, and tells how each connection ended.
async fn serving(org: &Org) -> (crate::model::identity::Endpoint, mpsc::UnboundedReceiver<Ended>, CancellationToken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let endpoint = format!("127.0.0.1:{}", listener.local_addr().expect("bound").port()).parse().expect("an endpoint");
    let (ended_in, ended) = mpsc::unbounded_channel();
    let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
    let app = Router::new()
        .route("/who", get(|Extension(info): Extension<ConnectionInfo>| async move { format!("{:?}", info.caller) }))
        .route("/endless", get(std::future::pending::<String>));
    let limits = Http2Limits { stop_grace: Duration::from_millis(100), ..Http2Limits::default() };
    let drain = stop.clone();
    let serve = move |connection: AcceptedConnection| {
        let (app, ended, drain, limits) = (app.clone(), ended_in.clone(), drain.clone(), limits.clone());
        async move {
            let _ = ended.send(serve(connection, app, &limits, drain).await);
        }
    };
    let acceptor = Acceptor::new(org.tls.clone(), HandshakeLimits::default());
    tokio::spawn(acceptor.run(listener, cut, serve, |_, _| ()));
    (endpoint, ended, stop)
}

async fn ask(channel: &mut Channel, path: &str) -> Result<String, String> {
    let request = hyper::Request::get(format!("http://peer{path}")).body(tonic::body::Body::empty()).expect("a request");
    let response = channel.ready().await.map_err(|error| error.to_string())?.call(request).await.map_err(|error| error.to_string())?;
    let body = response.into_body().collect().await.map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&body.to_bytes()).into_owned())
}

#[tokio::test]
async fn a_handler_sees_who_called_and_a_suspension_ends_even_an_endless_call() {
    let (caller, called, _) = pair().await;
    let (endpoint, mut ended, _stop) = serving(&called).await;
    let connection = crate::link::dial::connect(&caller.tls, &endpoint, called.id(), &Default::default()).await.expect("connects");
    let mut channel = channel(connection, &Http2Limits::default()).await.expect("speaks h2");
    assert_eq!(ask(&mut channel, "/who").await, Ok(format!("Peer({})", caller.id())));
    let mut other = channel.clone();
    let endless = tokio::spawn(async move { ask(&mut other, "/endless").await });
    tokio::task::yield_now().await;
    called.trust(caller.card(), Standing::Suspended, false);
    assert_eq!(timeout(SECOND, ended.recv()).await, Ok(Some(Ended::Killed)));
    assert!(timeout(SECOND, endless).await.expect("in time").expect("no panic").is_err());
    assert!(ask(&mut channel, "/who").await.is_err(), "the channel does not reconnect by itself");
}

#[tokio::test]
async fn a_dialled_channel_ends_when_its_peer_is_suspended_here() {
    let (caller, called, _) = pair().await;
    let (endpoint, _ended, _stop) = serving(&called).await;
    let connection = crate::link::dial::connect(&caller.tls, &endpoint, called.id(), &Default::default()).await.expect("connects");
    let mut channel = channel(connection, &Http2Limits::default()).await.expect("speaks h2");
    ask(&mut channel, "/who").await.expect("answers");
    caller.trust(called.card(), Standing::Suspended, false);
    assert!(timeout(SECOND, ask(&mut channel, "/endless")).await.expect("in time").is_err());
    assert_eq!(caller.tls.trust.live(called.id()), 0);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_an_endless_call() {
    let (caller, called, _) = pair().await;
    let (endpoint, mut ended, stop) = serving(&called).await;
    let connection = crate::link::dial::connect(&caller.tls, &endpoint, called.id(), &Default::default()).await.expect("connects");
    let mut channel = channel(connection, &Http2Limits::default()).await.expect("speaks h2");
    ask(&mut channel, "/who").await.expect("answers");
    tokio::spawn(async move { ask(&mut channel, "/endless").await });
    tokio::task::yield_now().await;
    stop.cancel();
    assert_eq!(timeout(2 * SECOND, ended.recv()).await, Ok(Some(Ended::Stopped)));
}
