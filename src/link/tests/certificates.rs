//! Bad certificates of every kind, shown in both directions: each is refused with its own diagnosis, and the other side is told.

use super::kinds::{Good, bad, good, leaf, uri};
use crate::link::certificate::{DAY_MS, spiffe_id};
use crate::link::diagnosis::Diagnosis;
use crate::link::profile::{Place, Violation, inspect};
use crate::link::testing::{Listening, NOW, Org, Shown, pair};
use crate::link::tls::{Credential, Expected, Verifier, client_config, server_config};
use crate::link::trust::Standing;
use crate::model::Timestamp;
use crate::model::crypto::sha256;
use crate::model::identity::P256Key;
use rcgen::PublicKeyData;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio_rustls::{TlsAcceptor, TlsConnector};

async fn next(listening: &mut Listening) -> Diagnosis {
    tokio::time::timeout(std::time::Duration::from_secs(5), listening.refused.recv()).await.expect("in time").expect("listens")
}

#[tokio::test]
async fn a_caller_with_a_bad_certificate_is_refused_and_told() {
    let (caller, called, mut listening) = pair().await;
    for case in bad(&caller) {
        caller.show_chain(case.shown);
        let told = caller.dial(&listening, &called).await.expect_err(case.name);
        assert_eq!(told.code(), case.told, "{}", case.name);
        let found = next(&mut listening).await;
        assert!((case.found)(&found), "{}: {found:?}", case.name);
    }
    caller.show(&caller.node);
    caller.dial(&listening, &called).await.expect("the good one still connects");
}

#[tokio::test]
async fn a_called_node_with_a_bad_certificate_is_refused_and_told() {
    let (caller, called, mut listening) = pair().await;
    for case in bad(&called) {
        called.show_chain(case.shown);
        let found = caller.dial(&listening, &called).await.expect_err(case.name);
        assert!((case.found)(&found), "{}: {found:?}", case.name);
        assert_eq!(next(&mut listening).await.code(), case.told, "{}", case.name);
    }
    called.show(&called.node);
    caller.dial(&listening, &called).await.expect("the good one still connects");
}

#[tokio::test]
async fn an_organisation_cannot_pretend_to_be_another() {
    let (caller, called, mut listening) = pair().await;
    let victim = Org::new();
    caller.trust(victim.card(), Standing::Active, false);
    called.trust(victim.card(), Standing::Active, false);
    let pretends = |org: &Org| leaf(org, |leaf| leaf.subject_alt_names = vec![uri(&spiffe_id(victim.id()))]);
    caller.show_chain(pretends(&caller));
    assert_eq!(caller.dial(&listening, &called).await.map(drop), Err(Diagnosis::UntrustedThere));
    assert_eq!(next(&mut listening).await, Diagnosis::UntrustedRoot(victim.id()));
    caller.show(&caller.node);
    called.show_chain(pretends(&called));
    let wrong = Diagnosis::WrongOrganisation { expected: called.id(), found: victim.id() };
    assert_eq!(caller.dial(&listening, &called).await.map(drop), Err(wrong));
    assert_eq!(next(&mut listening).await, Diagnosis::UntrustedThere);
}

#[tokio::test]
async fn a_denied_key_is_refused_leaf_and_issuing_ca_alike() {
    let (caller, called, mut listening) = pair().await;
    let digest = |key: &P256Key| sha256(&[&key.subject_public_key_info()]);
    for key in [digest(caller.node.key()), digest(caller.ca.key())] {
        called.deny(key);
        assert_eq!(caller.dial(&listening, &called).await.map(drop), Err(Diagnosis::DeniedThere));
        assert_eq!(next(&mut listening).await, Diagnosis::Denied(caller.id()));
    }
    caller.deny(digest(called.node.key()));
    assert_eq!(caller.dial(&listening, &called).await.map(drop), Err(Diagnosis::Denied(called.id())));
}

#[tokio::test]
async fn a_clock_that_differs_is_named_with_both_times() {
    let (caller, called, mut listening) = pair().await;
    caller.hands.set(NOW.plus(8 * DAY_MS));
    called.show_chain(leaf(&called, |_| ())); // as valid as before: until the seventh day
    assert_eq!(caller.dial(&listening, &called).await.map(drop), Err(Diagnosis::LabelUnknownThere));
    called.hands.set(NOW.plus(8 * DAY_MS));
    next(&mut listening).await;
    let found = caller.dial(&listening, &called).await.expect_err("expired");
    assert_eq!(found, Diagnosis::Expired { not_after: called.node.validity().not_after, now: NOW.plus(8 * DAY_MS) });
    assert_eq!(next(&mut listening).await, Diagnosis::ExpiredThere);
    let early = Timestamp(NOW.0 - 20 * 60 * 60 * 1000);
    for org in [&caller, &called] {
        org.hands.set(early);
    }
    let found = caller.dial(&listening, &called).await.expect_err("too early");
    assert_eq!(found, Diagnosis::NotYetValid { not_before: called.node.validity().not_before, now: early });
}

#[test]
fn bytes_that_are_no_certificate_are_refused() {
    let org = Org::new();
    let [leaf, ca] = org.node.chain();
    for cut in [0, 1, 50, leaf.len() - 1] {
        let torn = CertificateDer::from(leaf[..cut].to_vec());
        assert_eq!(inspect(&torn, std::slice::from_ref(ca)).err(), Some(Violation::Malformed(Place::Leaf)));
    }
    let longer = CertificateDer::from([leaf.as_ref(), &[0]].concat());
    assert_eq!(inspect(&longer, std::slice::from_ref(ca)).err(), Some(Violation::Malformed(Place::Leaf)));
}

/// Who judges what is shown.
#[derive(Debug, Clone, Copy)]
enum Judge {
    Acceptor,
    Dialler,
}

/// Whether a judge of this role completes a handshake with whoever shows this, over bytes in memory. The other side takes anyone.
async fn completes(role: Judge, judge: &Org, expected: Expected, shower: &Org, shown: Shown) -> bool {
    let (near, far) = tokio::io::duplex(64 << 10);
    let shown = Credential::of_chain(shown.0, &shown.1, shower.knock_key).expect("a key");
    let (judging, trusting) = (Verifier::new(expected), Verifier::new(Expected::Anyone));
    let name = ServerName::try_from("label").expect("a name");
    let (own, clock) = (judge.tls.credential(), &judge.tls.clock);
    match role {
        Judge::Acceptor => {
            let server = TlsAcceptor::from(server_config(&own, judging, false, clock)).accept(near);
            let client = TlsConnector::from(client_config(&shown, trusting, false, clock)).connect(name, far);
            let (server, _client) = tokio::join!(server, client);
            server.is_ok()
        }
        Judge::Dialler => {
            let client = TlsConnector::from(client_config(&own, judging, false, clock)).connect(name, near);
            let server = TlsAcceptor::from(server_config(&shown, trusting, false, clock)).accept(far);
            let (client, _server) = tokio::join!(client, server);
            client.is_ok()
        }
    }
}

fn real(role: Judge, judge: &Org, shower: &Org) -> Expected {
    let bundles = judge.tls.trust.load();
    match role {
        Judge::Acceptor => Expected::Caller { bundles, classical: false },
        Judge::Dialler => Expected::Dialled { bundles, org: shower.id() },
    }
}

#[tokio::test]
async fn no_bad_kind_is_accepted_in_either_role_and_a_verifier_that_accepts_everything_is_caught() {
    let (judge, shower) = (Org::new(), Org::new());
    judge.trust(shower.card(), Standing::Active, false);
    let count = bad(&shower).len();
    for role in [Judge::Acceptor, Judge::Dialler] {
        let (mut accepted, mut refused_by_nobody) = (Vec::new(), 0);
        for case in bad(&shower) {
            if completes(role, &judge, real(role, &judge, &shower), &shower, case.shown.clone()).await {
                accepted.push(case.name);
            }
            refused_by_nobody += usize::from(completes(role, &judge, Expected::Anyone, &shower, case.shown).await);
        }
        println!("{role:?}: {count} bad kinds, {} accepted; {refused_by_nobody} by a verifier that accepts everything", accepted.len());
        assert_eq!(accepted, [""; 0], "{role:?}");
        assert_eq!(refused_by_nobody, count, "{role:?}: the table must show what would pass without a check");
    }
    assert!(count >= 80, "{count} kinds");
}

#[tokio::test]
async fn every_good_kind_is_accepted_in_both_roles() {
    let (judge, shower) = (Org::new(), Org::new());
    let kinds = good(&shower);
    assert!(kinds.len() >= 10, "{} kinds", kinds.len());
    println!("{} good kinds", kinds.len());
    for Good { name, shown, card } in kinds {
        judge.trust(card, Standing::Active, false);
        for role in [Judge::Acceptor, Judge::Dialler] {
            assert!(completes(role, &judge, real(role, &judge, &shower), &shower, shown.clone()).await, "{name}, {role:?}");
        }
    }
}

#[tokio::test]
async fn a_good_certificate_of_whom_we_do_not_want_is_refused_in_both_roles() {
    let (judge, shower) = (Org::new(), Org::new());
    let shown = || (shower.node.chain().to_vec(), shower.node.key().pkcs8().to_vec());
    let digest = |key: &P256Key| sha256(&[&key.subject_public_key_info()]);
    let active = || judge.trust(shower.card(), Standing::Active, false);
    let states: [(&str, &dyn Fn()); 6] = [
        ("suspended", &|| judge.trust(shower.card(), Standing::Suspended, false)),
        ("not confirmed", &|| judge.trust(shower.card(), Standing::Unconfirmed, false)),
        ("removed", &|| judge.change(|bundles| drop(bundles.peers.remove(&shower.id())))),
        ("its node key denied", &|| judge.deny(digest(shower.node.key()))),
        ("its CA's key denied", &|| judge.deny(digest(shower.ca.key()))),
        ("its CA not on its card", &|| {
            let newer = crate::link::certificate::IssuingCa::issue(&shower.root, NOW).expect("issues").der().to_vec();
            let content = crate::model::identity::CardContent { issuing_cas: vec![newer], ..shower.content(2) };
            judge.trust(shower.card_of(content), Standing::Active, false);
        }),
    ];
    for (name, enter) in states {
        for role in [Judge::Acceptor, Judge::Dialler] {
            judge.change(|bundles| bundles.denied.clear());
            active();
            assert!(completes(role, &judge, real(role, &judge, &shower), &shower, shown()).await, "before it is {name}");
            enter();
            assert!(!completes(role, &judge, real(role, &judge, &shower), &shower, shown()).await, "{name}, {role:?}");
        }
    }
}
