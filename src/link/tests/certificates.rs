//! Bad certificates of every kind, shown in both directions: each is refused with its own diagnosis, and the other side is told.

use crate::link::certificate::{DAY_MS, Validity, issuer, parameters, spiffe_id};
use crate::link::diagnosis::Diagnosis;
use crate::link::profile::{Place, Violation, inspect};
use crate::link::testing::{Listening, NOW, Org, Shown, pair};
use crate::link::trust::Standing;
use crate::model::crypto::sha256;
use crate::model::identity::P256Key;
use crate::model::{OrgId, Timestamp};
use rcgen::{BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, PublicKeyData, SanType};
use rustls_pki_types::CertificateDer;

const fn valid(not_before: Timestamp, not_after: Timestamp) -> Validity {
    Validity { not_before, not_after }
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().expect("ASCII"))
}

fn dns(text: &str) -> SanType {
    SanType::DnsName(text.try_into().expect("ASCII"))
}

fn good_leaf(org: OrgId, key: &P256Key, validity: Validity) -> CertificateParams {
    let mut leaf = parameters(&key.public(), validity);
    leaf.subject_alt_names = vec![uri(&spiffe_id(org))];
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
    leaf
}

/// A leaf of the organisation's own issuing CA, good but for one thing.
fn leaf(org: &Org, change: impl FnOnce(&mut CertificateParams)) -> Shown {
    let key = P256Key::generate();
    let mut leaf = good_leaf(org.id(), &key, org.node.validity());
    change(&mut leaf);
    let der = leaf.signed_by(&key, &issuer(&org.ca.key().public(), org.ca.key())).expect("issues").der().clone();
    (vec![der, org.ca.der().clone()], key)
}

/// A good leaf of an issuing CA of the organisation's root that is good but for one thing.
fn under(org: &Org, root: &P256Key, validity: Validity, change: impl FnOnce(&mut CertificateParams)) -> Shown {
    let (key, ca_key) = (P256Key::generate(), P256Key::generate());
    let mut ca = parameters(&ca_key.public(), validity);
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    change(&mut ca);
    let ca = ca.signed_by(&ca_key, &issuer(&root.public(), root)).expect("issues").der().clone();
    let leaf = good_leaf(org.id(), &key, org.node.validity());
    let leaf = leaf.signed_by(&key, &issuer(&ca_key.public(), &ca_key)).expect("issues").der().clone();
    (vec![leaf, ca], key)
}

struct Case {
    name: &'static str,
    shown: Shown,
    /// What whoever sees it finds.
    found: fn(&Diagnosis) -> bool,
    /// What whoever shows it is told.
    told: &'static str,
}

macro_rules! case {
    ($name:literal, $shown:expr, $found:pat, $told:literal) => {
        Case { name: $name, shown: $shown, found: |diagnosis| matches!(diagnosis, $found), told: $told }
    };
}

fn names(org: &Org) -> Vec<Case> {
    let id = org.id();
    vec![
        case!(
            "no name",
            leaf(org, |leaf| leaf.subject_alt_names.clear()),
            Diagnosis::Profile(Violation::Names { uris: 0, others: 0 }),
            "profile_there"
        ),
        case!(
            "two URIs",
            leaf(org, |leaf| leaf.subject_alt_names.push(uri("spiffe://x/node"))),
            Diagnosis::Profile(Violation::Names { uris: 2, .. }),
            "profile_there"
        ),
        case!(
            "the URI twice",
            leaf(org, |leaf| leaf.subject_alt_names.push(uri(&spiffe_id(id)))),
            Diagnosis::Profile(Violation::Names { uris: 2, .. }),
            "profile_there"
        ),
        case!(
            "a DNS name beside the URI",
            leaf(org, |leaf| leaf.subject_alt_names.push(dns("node.example"))),
            Diagnosis::Profile(Violation::Names { uris: 1, others: 1 }),
            "profile_there"
        ),
        case!(
            "a DNS name alone",
            leaf(org, |leaf| leaf.subject_alt_names = vec![dns("node.example")]),
            Diagnosis::Profile(Violation::Names { uris: 0, others: 1 }),
            "profile_there"
        ),
        case!(
            "another scheme",
            leaf(org, |leaf| leaf.subject_alt_names = vec![uri(&format!("https://{id}/node"))]),
            Diagnosis::Profile(Violation::NotSpiffe(_)),
            "profile_there"
        ),
        case!(
            "another path",
            leaf(org, |leaf| leaf.subject_alt_names = vec![uri(&format!("spiffe://{id}/node/x"))]),
            Diagnosis::Profile(Violation::NotSpiffe(_)),
            "profile_there"
        ),
        case!(
            "upper case",
            leaf(org, |leaf| leaf.subject_alt_names = vec![uri(&format!("spiffe://{}/node", id.to_string().to_uppercase()))]),
            Diagnosis::Profile(Violation::NotSpiffe(_)),
            "profile_there"
        ),
    ]
}

fn uses_and_sizes(org: &Org) -> Vec<Case> {
    let month = valid(NOW, NOW.plus(30 * DAY_MS));
    let key = P256Key::generate();
    let month = good_leaf(org.id(), &key, month).signed_by(&key, &issuer(&org.ca.key().public(), org.ca.key())).expect("issues");
    let long_extension = || CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![4; 5000]);
    let three = leaf(org, |_| ());
    let three = ([three.0, vec![org.ca.der().clone()]].concat(), three.1);
    let alone = leaf(org, |_| ());
    let alone = (alone.0[..1].to_vec(), alone.1);
    vec![
        case!(
            "not for clients",
            leaf(org, |leaf| leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
            Diagnosis::Profile(Violation::Usages),
            "profile_there"
        ),
        case!(
            "not for servers",
            leaf(org, |leaf| leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
            Diagnosis::Profile(Violation::Usages),
            "profile_there"
        ),
        case!(
            "for any use",
            leaf(org, |leaf| leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any]),
            Diagnosis::Profile(Violation::Usages),
            "profile_there"
        ),
        case!("no use named", leaf(org, |leaf| leaf.extended_key_usages.clear()), Diagnosis::Profile(Violation::Usages), "profile_there"),
        case!(
            "a leaf that is a CA",
            leaf(org, |leaf| leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
            Diagnosis::Profile(Violation::LeafIsCa),
            "profile_there"
        ),
        case!(
            "a leaf for a month",
            (vec![month.der().clone(), org.ca.der().clone()], key),
            Diagnosis::Profile(Violation::Lifetime(Place::Leaf, 30)),
            "profile_there"
        ),
        case!(
            "a leaf of 5 kB",
            leaf(org, |leaf| leaf.custom_extensions.push(long_extension())),
            Diagnosis::Profile(Violation::TooLarge(Place::Leaf, 5000..)),
            "profile_there"
        ),
        case!("three certificates", three, Diagnosis::Profile(Violation::ChainLength(3)), "profile_there"),
        case!("one certificate", alone, Diagnosis::Profile(Violation::ChainLength(1)), "profile_there"),
    ]
}

fn issuers(org: &Org) -> Vec<Case> {
    let (ca, thief) = (org.ca.validity(), P256Key::generate());
    let expired = valid(Timestamp(NOW.0 - 80 * DAY_MS), Timestamp(NOW.0 - DAY_MS));
    vec![
        case!(
            "an issuing CA that may issue CAs",
            under(org, &org.root, ca, |ca| ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
            Diagnosis::Profile(Violation::NotIssuingCa),
            "profile_there"
        ),
        case!(
            "an issuing CA that is none",
            under(org, &org.root, ca, |ca| ca.is_ca = IsCa::ExplicitNoCa),
            Diagnosis::Profile(Violation::NotIssuingCa),
            "profile_there"
        ),
        case!(
            "an issuing CA without the right to sign",
            under(org, &org.root, ca, |ca| ca.key_usages = vec![KeyUsagePurpose::DigitalSignature]),
            Diagnosis::Profile(Violation::NotIssuingCa),
            "profile_there"
        ),
        case!(
            "an issuing CA for a year",
            under(org, &org.root, valid(NOW, NOW.plus(365 * DAY_MS)), |_| ()),
            Diagnosis::Profile(Violation::Lifetime(Place::IssuingCa, 365)),
            "profile_there"
        ),
        case!("an expired issuing CA", under(org, &org.root, expired, |_| ()), Diagnosis::Expired { .. }, "expired_there"),
        case!("another's root", under(org, &thief, ca, |_| ()), Diagnosis::UntrustedRoot(_), "untrusted_there"),
        case!(
            "another's issuing CA",
            (vec![leaf(org, |_| ()).0[0].clone(), under(org, &org.root, ca, |_| ()).0[1].clone()], P256Key::generate()),
            Diagnosis::UntrustedRoot(_),
            "untrusted_there"
        ),
        case!("an older issuing CA than the card lists", older(org), Diagnosis::IssuerWithdrawn(_), "denied_there"),
        case!("a leaf of the root itself", of_the_root(org), Diagnosis::Profile(Violation::Chain(_)), "profile_there"),
    ]
}

fn older(org: &Org) -> Shown {
    under(org, &org.root, valid(Timestamp(NOW.0 - 30 * DAY_MS), NOW.plus(10 * DAY_MS)), |_| ())
}

fn of_the_root(org: &Org) -> Shown {
    let key = P256Key::generate();
    let leaf = good_leaf(org.id(), &key, org.node.validity());
    let leaf = leaf.signed_by(&key, &issuer(&org.root.public(), &org.root)).expect("issues").der().clone();
    (vec![leaf, org.ca.der().clone()], key)
}

fn all(org: &Org) -> Vec<Case> {
    [names(org), uses_and_sizes(org), issuers(org)].into_iter().flatten().collect()
}

async fn next(listening: &mut Listening) -> Diagnosis {
    tokio::time::timeout(std::time::Duration::from_secs(5), listening.refused.recv()).await.expect("in time").expect("listens")
}

#[tokio::test]
async fn a_caller_with_a_bad_certificate_is_refused_and_told() {
    let (caller, called, mut listening) = pair().await;
    for case in all(&caller) {
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
    for case in all(&called) {
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
fn keys_other_than_p256_and_ed25519_are_refused() {
    let org = Org::new();
    for (algorithm, good) in [(&rcgen::PKCS_ECDSA_P384_SHA384, false), (&rcgen::PKCS_ECDSA_P256_SHA256, true), (&rcgen::PKCS_ED25519, true)]
    {
        let key = rcgen::KeyPair::generate_for(algorithm).expect("generates");
        let leaf = good_leaf(org.id(), &P256Key::generate(), org.node.validity());
        let leaf = leaf.signed_by(&key, &issuer(&org.ca.key().public(), org.ca.key())).expect("issues").der().clone();
        let expected = if good { None } else { Some(Violation::KeyType(Place::Leaf)) };
        assert_eq!(inspect(&leaf, &[org.ca.der().clone()]).err(), expected);
    }
    let rsa = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).expect("generates");
    let leaf = good_leaf(org.id(), &P256Key::generate(), org.node.validity());
    let leaf = leaf.signed_by(&rsa, &issuer(&org.ca.key().public(), org.ca.key())).expect("issues").der().clone();
    assert_eq!(inspect(&leaf, &[org.ca.der().clone()]).err(), Some(Violation::KeyType(Place::Leaf)));
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
