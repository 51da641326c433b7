//! That two organisations talk is secret: from an observer of the wire, and from whoever tries the door.

use crate::link::certificate::DAY_MS;
use crate::link::diagnosis::Diagnosis;
use crate::link::dial::{DialOptions, connect};
use crate::link::knock;
use crate::link::testing::{NOW, Org, pair};
use crate::model::OrgId;
use crate::model::identity::Endpoint;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn contains(heap: &[u8], needle: &[u8]) -> bool {
    heap.windows(needle.len()).any(|window| window == needle)
}

/// Every form in which an id or a key might be written.
fn forms(bytes: &[u8]) -> Vec<Vec<u8>> {
    let base32 = crate::model::id::base32(bytes);
    let texts = [
        base32.to_uppercase(),
        base32,
        data_encoding::HEXLOWER.encode(bytes),
        data_encoding::HEXUPPER.encode(bytes),
        data_encoding::BASE64_NOPAD.encode(bytes),
    ];
    texts.into_iter().map(String::into_bytes).chain([bytes.to_vec()]).collect()
}

fn assert_silent_about(capture: &[u8], org: OrgId) {
    for form in forms(&org.0) {
        assert!(!contains(capture, &form) && !contains(capture, &form[..form.len() / 2]), "{org} stands on the wire");
    }
}

/// Passes bytes on in both directions and keeps a copy.
async fn tap(port: u16) -> (Endpoint, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let endpoint = format!("127.0.0.1:{}", listener.local_addr().expect("bound").port()).parse().expect("an endpoint");
    let capture = Arc::new(Mutex::new(Vec::new()));
    let copy = capture.clone();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let onward = TcpStream::connect(("127.0.0.1", port)).await.expect("connects");
            let ((left_in, left_out), (right_in, right_out)) = (tcp.into_split(), onward.into_split());
            for (mut from, mut to) in [(left_in, right_out), (right_in, left_out)] {
                let copy = copy.clone();
                tokio::spawn(async move {
                    let mut buffer = [0; 4096];
                    while let Ok(count @ 1..) = from.read(&mut buffer).await {
                        copy.lock().expect("unpoisoned").extend_from_slice(&buffer[..count]);
                        to.write_all(&buffer[..count]).await.ok();
                    }
                });
            }
        }
    });
    (endpoint, capture)
}

#[tokio::test]
async fn an_observer_of_a_whole_handshake_sees_no_organisation_id_and_no_key() {
    let (caller, called, listening) = pair().await;
    let (endpoint, capture) = tap(listening.endpoint.port()).await;
    connect(&caller.tls, &endpoint, called.id(), &DialOptions::default()).await.expect("connects");
    let capture = capture.lock().expect("unpoisoned").clone();
    assert!(contains(&capture, knock::label(&called.knock_key, NOW).as_bytes()), "the tap sees the label");
    assert!(capture.len() > 4000, "and both certificates, encrypted");
    for org in [&caller, &called] {
        assert_silent_about(&capture, org.id());
        let chain = org.node.chain();
        for secret in [chain[0].as_ref(), chain[1].as_ref(), org.node.key().public_bytes(), org.root.public_bytes()] {
            assert!(!contains(&capture, &secret[secret.len() - 32..]), "a certificate is readable on the wire");
        }
        assert!(forms(&org.knock_key).iter().all(|form| !contains(&capture, form)));
    }
    assert!(!contains(&capture, b"spiffe"));
}

#[tokio::test]
async fn an_observer_cannot_tell_tomorrow_that_it_is_the_same_node() {
    let called = Org::new();
    let labels = [0, 1, 2].map(|days| knock::label(&called.knock_key, NOW.plus(days * DAY_MS)));
    assert!(labels[0] != labels[1] && labels[1] != labels[2]);
    for label in labels {
        assert!(forms(&called.id().0).iter().all(|form| !contains(form, label.as_bytes())));
    }
}

/// The ClientHello of any TLS library, with a name of the prober's choice or none.
async fn probe(listening: &Endpoint, name: Option<&str>) -> Vec<u8> {
    let prober = Org::new();
    let verifier = crate::link::tls::Verifier::new(crate::link::tls::Expected::Pairing(None));
    let mut config = (*crate::link::tls::client_config(&prober.tls.credential(), verifier, false, &prober.tls.clock)).clone();
    config.enable_sni = name.is_some();
    let server = name.unwrap_or("unused").to_owned().try_into().expect("a name");
    let mut hello = Vec::new();
    rustls::ClientConnection::new(Arc::new(config), server).expect("a client").write_tls(&mut hello).expect("writes");
    let mut tcp = TcpStream::connect(("127.0.0.1", listening.port())).await.expect("connects");
    tcp.write_all(&hello).await.expect("writes");
    let mut answer = Vec::new();
    tcp.read_to_end(&mut answer).await.expect("reads");
    answer
}

#[tokio::test]
async fn a_prober_gets_seven_bytes_whatever_it_asks_for() {
    let called = Org::new();
    let mut listening = called.listen().await;
    let yesterday_of_another = knock::label(&[1; 32], NOW);
    let stale = knock::label(&called.knock_key, NOW.plus(3 * DAY_MS));
    for name in [None, Some("node.example.org"), Some(yesterday_of_another.as_str()), Some(stale.as_str())] {
        let answer = probe(&listening.endpoint, name).await;
        assert_eq!(answer, [21, 3, 3, 0, 2, 2, 112], "alert unrecognized_name and nothing else");
        assert_eq!(listening.refused.recv().await, Some(Diagnosis::UnknownLabel));
    }
}

#[tokio::test]
async fn one_who_knows_the_label_but_is_not_paired_is_refused() {
    let (caller, called, mut listening) = pair().await;
    let stranger = Org::new();
    stranger.trust(called.card(), crate::link::trust::Standing::Active, false);
    assert_eq!(stranger.dial(&listening, &called).await.map(drop), Err(Diagnosis::UntrustedThere));
    assert_eq!(listening.refused.recv().await, Some(Diagnosis::NotPaired(stranger.id())));
    caller.dial(&listening, &called).await.expect("the paired one connects");
}

#[test]
fn an_alert_tells_the_other_side_only_about_itself() {
    let org = OrgId([5; 32]);
    let pairs = [
        (Diagnosis::NotPaired(org), "untrusted_there"),
        (Diagnosis::UntrustedRoot(org), "untrusted_there"),
        (Diagnosis::WrongOrganisation { expected: org, found: org }, "untrusted_there"),
        (Diagnosis::Suspended(org), "suspended_there"),
        (Diagnosis::Unconfirmed(org), "unconfirmed_there"),
        (Diagnosis::Denied(org), "denied_there"),
        (Diagnosis::IssuerWithdrawn(org), "denied_there"),
        (Diagnosis::Classical(org), "classical_there"),
        (Diagnosis::Expired { not_after: NOW, now: NOW }, "expired_there"),
        (Diagnosis::NotYetValid { not_before: NOW, now: NOW }, "expired_there"),
        (Diagnosis::Profile(crate::link::profile::Violation::Usages), "profile_there"),
    ];
    for (ours, theirs) in pairs {
        assert_eq!(Diagnosis::of_alert(ours.alert().into()).code(), theirs, "{ours:?}");
    }
}
