//! The kinds of certificates that are shown: bad ones, each good but for one thing, and good ones that differ from each other.

use super::der;
use crate::link::certificate::{DAY_MS, IssuingCa, NODE_LIFE_MS, Validity, issuer, parameters, spiffe_id};
use crate::link::diagnosis::Diagnosis;
use crate::link::profile::{CERTIFICATE_BYTES_MAX, Place, Violation};
use crate::link::testing::{NOW, Org, Shown};
use crate::model::identity::{Card, CardContent, P256Key};
use crate::model::{OrgId, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose,
    NameConstraints, SanType, SignatureAlgorithm, SigningKey,
};
use rustls_pki_types::CertificateDer;

pub(super) const fn valid(not_before: Timestamp, not_after: Timestamp) -> Validity {
    Validity { not_before, not_after }
}

pub(super) fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().expect("ASCII"))
}

fn dns(text: &str) -> SanType {
    SanType::DnsName(text.try_into().expect("ASCII"))
}

pub(super) fn good_leaf(org: OrgId, key: &P256Key, validity: Validity) -> CertificateParams {
    let mut leaf = parameters(&key.public(), validity);
    leaf.subject_alt_names = vec![uri(&spiffe_id(org))];
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
    leaf
}

/// A leaf of the organisation's own issuing CA, good but for one thing.
pub(super) fn leaf(org: &Org, change: impl FnOnce(&mut CertificateParams)) -> Shown {
    let key = P256Key::generate();
    let mut leaf = good_leaf(org.id(), &key, org.node.validity());
    change(&mut leaf);
    let der = leaf.signed_by(&key, &issuer(&org.ca.key().public(), org.ca.key())).expect("issues").der().clone();
    (vec![der, org.ca.der().clone()], key.pkcs8().to_vec())
}

/// A good leaf of an issuing CA of the organisation's root that is good but for one thing.
pub(super) fn under(org: &Org, root: &P256Key, validity: Validity, change: impl FnOnce(&mut CertificateParams)) -> Shown {
    let (key, ca_key) = (P256Key::generate(), P256Key::generate());
    let mut ca = parameters(&ca_key.public(), validity);
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    change(&mut ca);
    let ca = ca.signed_by(&ca_key, &issuer(&root.public(), root)).expect("issues").der().clone();
    let leaf = good_leaf(org.id(), &key, org.node.validity());
    let leaf = leaf.signed_by(&key, &issuer(&ca_key.public(), &ca_key)).expect("issues").der().clone();
    (vec![leaf, ca], key.pkcs8().to_vec())
}

pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) shown: Shown,
    /// What whoever sees it finds.
    pub(super) found: fn(&Diagnosis) -> bool,
    /// What whoever shows it is told.
    pub(super) told: &'static str,
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
            (vec![month.der().clone(), org.ca.der().clone()], key.pkcs8().to_vec()),
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
            (vec![leaf(org, |_| ()).0[0].clone(), under(org, &org.root, ca, |_| ()).0[1].clone()], P256Key::generate().pkcs8().to_vec()),
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
    (vec![leaf, org.ca.der().clone()], key.pkcs8().to_vec())
}

/// Good but for its profile: the other side learns that, and no more.
macro_rules! profile {
    ($name:literal, $shown:expr, $violation:pat) => {
        case!($name, $shown, Diagnosis::Profile($violation), "profile_there")
    };
}

fn more_names(org: &Org) -> Vec<Case> {
    let id = org.id();
    let named = |text: &str| leaf(org, |leaf| leaf.subject_alt_names = vec![uri(text)]);
    let beside = |name: SanType| leaf(org, |leaf| leaf.subject_alt_names.push(name));
    vec![
        profile!("a user before the name", named(&format!("spiffe://root@{id}/node")), Violation::NotSpiffe(_)),
        profile!("a port", named(&format!("spiffe://{id}:443/node")), Violation::NotSpiffe(_)),
        profile!("a slash behind", named(&format!("spiffe://{id}/node/")), Violation::NotSpiffe(_)),
        profile!("a query", named(&format!("spiffe://{id}/node?")), Violation::NotSpiffe(_)),
        profile!("a fragment", named(&format!("spiffe://{id}/node#")), Violation::NotSpiffe(_)),
        profile!("an upper-case scheme", named(&format!("SPIFFE://{id}/node")), Violation::NotSpiffe(_)),
        profile!("a percent sign", named(&format!("spiffe://{id}/%6eode")), Violation::NotSpiffe(_)),
        profile!("a zero byte", named(&format!("spiffe://{id}/node\0")), Violation::NotSpiffe(_)),
        profile!("a shorter id", named(&format!("spiffe://{}/node", &id.to_string()[1..])), Violation::NotSpiffe(_)),
        profile!("no id", named("spiffe:///node"), Violation::NotSpiffe(_)),
        profile!("an address beside", beside(SanType::IpAddress([192, 0, 2, 1].into())), Violation::Names { uris: 1, others: 1 }),
        profile!("an e-mail beside", beside(SanType::Rfc822Name("a@b.example".try_into().expect("ASCII"))), Violation::Names { .. }),
        profile!(
            "an empty list of names",
            of_leaf(org, |parts| der::set_extension(parts, der::SAN, der::sequence(&[]))),
            Violation::Names { .. }
        ),
    ]
}

/// A good leaf whose parts were changed, signed anew by its issuing CA.
fn of_leaf(org: &Org, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Shown {
    let (chain, key) = leaf(org, |_| ());
    let changed = der::resigned(&chain[0], |tbs| org.ca.key().sign(tbs), change);
    (vec![changed.into(), chain[1].clone()], key)
}

/// A good leaf of an issuing CA whose parts were changed, signed anew by the root.
fn of_issuing_ca(org: &Org, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Shown {
    let (chain, key) = under(org, &org.root, org.ca.validity(), |_| ());
    let changed = der::resigned(&chain[1], |tbs| org.root.sign(tbs), change);
    (vec![chain[0].clone(), changed.into()], key)
}

fn forms(org: &Org) -> Vec<Case> {
    let serial = |bytes: &[u8]| der::tlv(der::INTEGER, bytes);
    let long = [&[0x40], [1; 20].as_slice()].concat();
    let unknown = || {
        let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
        extension.set_criticality(true);
        extension
    };
    let narrowed = NameConstraints { permitted_subtrees: vec![GeneralSubtree::DnsName("example.org".into())], excluded_subtrees: vec![] };
    let twice = |parts: &mut Vec<Vec<u8>>, which| der::extensions(parts, |all| all.extend(der::find(all, which)));
    let ca = org.ca.validity();
    vec![
        profile!("a negative serial", of_leaf(org, |parts| parts[1] = serial(&[0x80, 1])), Violation::Serial(Place::Leaf)),
        profile!("a serial of zero", of_leaf(org, |parts| parts[1] = serial(&[0])), Violation::Serial(Place::Leaf)),
        profile!("a serial of 21 bytes", of_leaf(org, |parts| parts[1] = serial(&long)), Violation::Serial(Place::Leaf)),
        profile!(
            "a negative serial of the CA",
            of_issuing_ca(org, |parts| parts[1] = serial(&[0xff])),
            Violation::Serial(Place::IssuingCa)
        ),
        profile!("the names twice", of_leaf(org, |parts| twice(parts, der::SAN)), _),
        profile!("the uses twice", of_leaf(org, |parts| twice(parts, der::EXTENDED_KEY_USAGE)), _),
        profile!("constraints twice", of_issuing_ca(org, |parts| twice(parts, der::BASIC_CONSTRAINTS)), _),
        profile!("version 1", of_leaf(org, |parts| drop((parts.pop(), parts.remove(0)))), _),
        profile!("version 2", of_leaf(org, |parts| parts[0] = der::tlv(0xa0, &serial(&[1]))), Violation::Extensions(Place::Leaf)),
        profile!("a CA of version 1", of_issuing_ca(org, |parts| drop((parts.pop(), parts.remove(0)))), _),
        profile!(
            "an unknown critical extension",
            leaf(org, |leaf| leaf.custom_extensions.push(unknown())),
            Violation::Extensions(Place::Leaf)
        ),
        profile!(
            "an unknown critical extension of the CA",
            under(org, &org.root, ca, |ca| ca.custom_extensions.push(unknown())),
            Violation::Extensions(Place::IssuingCa)
        ),
        profile!(
            "a CA that may name some alone",
            under(org, &org.root, ca, |ca| ca.name_constraints = Some(narrowed)),
            Violation::Extensions(Place::IssuingCa)
        ),
        profile!("bytes behind the leaf", of_bytes(org, |leaf| leaf.push(0)), Violation::Malformed(Place::Leaf)),
        profile!("half a leaf", of_bytes(org, |leaf| leaf.truncate(leaf.len() / 2)), Violation::Malformed(Place::Leaf)),
        profile!("no byte of a leaf", of_bytes(org, |leaf| *leaf = der::sequence(&[])), Violation::Malformed(Place::Leaf)),
    ]
}

/// The bytes of a good leaf, changed without a new signature.
fn of_bytes(org: &Org, change: impl FnOnce(&mut Vec<u8>)) -> Shown {
    let (mut chain, key) = leaf(org, |_| ());
    let mut bytes = chain[0].to_vec();
    change(&mut bytes);
    chain[0] = bytes.into();
    (chain, key)
}

fn keys_and_signatures(org: &Org) -> Vec<Case> {
    let algorithm = |name: &[u8]| der::sequence(&[der::tlv(der::OID, name)]);
    let sha384 = || algorithm(der::ECDSA_SHA384);
    let thief = P256Key::generate();
    let (victims, _) = leaf(org, |_| ());
    let selfish = {
        let key = P256Key::generate();
        let leaf = good_leaf(org.id(), &key, org.node.validity());
        (leaf.signed_by(&key, &issuer(&key.public(), &key)).expect("issues").der().clone(), key.pkcs8().to_vec())
    };
    vec![
        profile!("an RSA key", with_key(org, &rsa()), Violation::KeyType(Place::Leaf)),
        profile!("a P-384 key", with_key(org, &key_of(&rcgen::PKCS_ECDSA_P384_SHA384)), Violation::KeyType(Place::Leaf)),
        profile!("a P-521 key", with_key(org, &key_of(&rcgen::PKCS_ECDSA_P521_SHA512)), Violation::KeyType(Place::Leaf)),
        profile!("an RSA key of the CA", with_ca_key(org, &rsa(), org.ca.validity()), Violation::KeyType(Place::IssuingCa)),
        profile!(
            "a P-384 key of the CA",
            with_ca_key(org, &key_of(&rcgen::PKCS_ECDSA_P384_SHA384), org.ca.validity()),
            Violation::KeyType(Place::IssuingCa)
        ),
        case!("another key than the leaf's", (victims.clone(), thief.pkcs8().to_vec()), Diagnosis::Tls(_), "alert"),
        case!(
            "a bit of the signature flipped",
            of_bytes(org, |leaf| *leaf.last_mut().expect("bytes") ^= 1),
            Diagnosis::UntrustedRoot(_),
            "untrusted_there"
        ),
        case!(
            "a bit of the key flipped",
            {
                let chain = [der::flipped(&victims[0], org.ca.key().public_bytes().len()), victims[1].to_vec()];
                (chain.map(CertificateDer::from).to_vec(), thief.pkcs8().to_vec())
            },
            _,
            "untrusted_there"
        ),
        profile!(
            "another algorithm outside than inside",
            {
                let (chain, key) = leaf(org, |_| ());
                (vec![der::with_outer_algorithm(&chain[0], sha384()).into(), chain[1].clone()], key)
            },
            Violation::Chain(_)
        ),
        profile!(
            "ECDSA over SHA-384",
            {
                let (chain, key) = leaf(org, |_| ());
                let changed = der::resigned(&chain[0], |tbs| org.ca.key().sign(tbs), |parts| parts[2] = sha384());
                (vec![der::with_outer_algorithm(&changed, sha384()).into(), chain[1].clone()], key)
            },
            Violation::Chain(_)
        ),
        case!(
            "signed by itself",
            (vec![selfish.0.clone(), org.ca.der().clone()], selfish.1.clone()),
            Diagnosis::UntrustedRoot(_),
            "untrusted_there"
        ),
        profile!("twice the leaf, signed by itself", (vec![selfish.0.clone(); 2], selfish.1), Violation::NotIssuingCa),
        profile!("ten certificates", (vec![victims[0].clone(); 10], thief.pkcs8().to_vec()), Violation::ChainLength(10)),
        profile!("CA before leaf", (victims.iter().rev().cloned().collect(), thief.pkcs8().to_vec()), _),
        profile!("the CA for a leaf", (vec![org.ca.der().clone(); 2], org.ca.key().pkcs8().to_vec()), _),
    ]
}

fn key_of(algorithm: &'static SignatureAlgorithm) -> KeyPair {
    KeyPair::generate_for(algorithm).expect("generates")
}

fn rsa() -> KeyPair {
    KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).expect("generates")
}

/// A good leaf with a key of another type.
fn with_key(org: &Org, key: &impl SigningKey) -> Shown {
    let leaf = good_leaf(org.id(), &P256Key::generate(), org.node.validity());
    let leaf = leaf.signed_by(key, &issuer(&org.ca.key().public(), org.ca.key())).expect("issues").der().clone();
    // What is used with it can be of any type: it is the certificate that is judged.
    (vec![leaf, org.ca.der().clone()], P256Key::generate().pkcs8().to_vec())
}

/// A good leaf of an issuing CA with a key of another type.
fn with_ca_key(org: &Org, ca_key: &KeyPair, validity: Validity) -> Shown {
    let (key, name) = (P256Key::generate(), P256Key::generate().public());
    let mut ca = parameters(&name, validity);
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let issued = ca.signed_by(ca_key, &issuer(&org.root.public(), &org.root)).expect("issues").der().clone();
    let leaf = good_leaf(org.id(), &key, org.node.validity());
    let leaf = leaf.signed_by(&key, &rcgen::Issuer::new(ca, ca_key)).expect("issues").der().clone();
    (vec![leaf, issued], key.pkcs8().to_vec())
}

fn times_and_rights(org: &Org) -> Vec<Case> {
    let timed = |not_before, not_after| {
        let key = P256Key::generate();
        let leaf = good_leaf(org.id(), &key, valid(not_before, not_after));
        let leaf = leaf.signed_by(&key, &issuer(&org.ca.key().public(), org.ca.key())).expect("issues").der().clone();
        (vec![leaf, org.ca.der().clone()], key.pkcs8().to_vec())
    };
    let (past, future) = (Timestamp(NOW.0 - DAY_MS), NOW.plus(DAY_MS));
    let endless = |parts: &mut Vec<Vec<u8>>| {
        let begin = der::split(&parts[4]).remove(0);
        parts[4] = der::sequence(&[begin, der::tlv(der::GENERALIZED_TIME, b"99991231235959Z")]);
    };
    let ca = org.ca.validity();
    vec![
        case!("an expired leaf", timed(past, Timestamp(NOW.0 - 1_000)), Diagnosis::Expired { .. }, "expired_there"),
        case!("a leaf of tomorrow", timed(future, future.plus(DAY_MS)), Diagnosis::NotYetValid { .. }, "expired_there"),
        case!("a leaf that ends before it begins", timed(future, past), _, "expired_there"),
        profile!("a leaf for ever", of_leaf(org, endless), Violation::Lifetime(Place::Leaf, _)),
        profile!("a CA for ever", of_issuing_ca(org, endless), Violation::Lifetime(Place::IssuingCa, _)),
        case!(
            "an issuing CA of tomorrow",
            under(org, &org.root, valid(future, future.plus(DAY_MS)), |_| ()),
            Diagnosis::NotYetValid { .. },
            "expired_there"
        ),
        profile!(
            "a CA with path length 1",
            under(org, &org.root, ca, |ca| ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(1))),
            Violation::NotIssuingCa
        ),
        profile!("a CA without constraints", under(org, &org.root, ca, |ca| ca.is_ca = IsCa::NoCa), Violation::NotIssuingCa),
        profile!("a CA without usages", under(org, &org.root, ca, |ca| ca.key_usages.clear()), Violation::NotIssuingCa),
        profile!("a leaf for encryption", leaf(org, |leaf| leaf.key_usages = vec![KeyUsagePurpose::KeyEncipherment]), Violation::Usages),
        profile!("a leaf without usages", leaf(org, |leaf| leaf.key_usages.clear()), Violation::Usages),
        profile!(
            "a leaf that may sign certificates",
            leaf(org, |leaf| leaf.key_usages.push(KeyUsagePurpose::KeyCertSign)),
            Violation::LeafIsCa
        ),
        profile!(
            "a CA of 5 kB",
            under(org, &org.root, ca, |ca| ca.custom_extensions.push(padding(5_000))),
            Violation::TooLarge(Place::IssuingCa, _)
        ),
        case!("another organisation's CA and the name of this one", pretending(org), Diagnosis::UntrustedRoot(_), "untrusted_there"),
        case!("the root of before a rotation", under(org, &org.next_root, ca, |_| ()), Diagnosis::UntrustedRoot(_), "untrusted_there"),
    ]
}

fn padding(bytes: usize) -> CustomExtension {
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 2], der::tlv(der::OCTETS, &vec![4; bytes]))
}

/// All that another organisation can make of this one's name.
fn pretending(org: &Org) -> Shown {
    let other = Org::new();
    let key = P256Key::generate();
    let leaf = good_leaf(org.id(), &key, other.node.validity());
    let leaf = leaf.signed_by(&key, &issuer(&other.ca.key().public(), other.ca.key())).expect("issues").der().clone();
    (vec![leaf, other.ca.der().clone()], key.pkcs8().to_vec())
}

/// Every bad kind that an organisation could show in place of its good certificate.
pub(super) fn bad(org: &Org) -> Vec<Case> {
    let kinds =
        [names(org), uses_and_sizes(org), issuers(org), more_names(org), forms(org), keys_and_signatures(org), times_and_rights(org)];
    kinds.into_iter().flatten().collect()
}

/// A good kind, and the card that the judge has.
pub(super) struct Good {
    pub(super) name: &'static str,
    pub(super) shown: Shown,
    pub(super) card: Card,
}

/// Good kinds that differ as much as they may.
pub(super) fn good(org: &Org) -> Vec<Good> {
    let plain = |name, shown| Good { name, shown, card: org.card() };
    let timed = |not_before, not_after| {
        let key = P256Key::generate();
        let leaf = good_leaf(org.id(), &key, valid(not_before, not_after));
        let leaf = leaf.signed_by(&key, &issuer(&org.ca.key().public(), org.ca.key())).expect("issues").der().clone();
        (vec![leaf, org.ca.der().clone()], key.pkcs8().to_vec())
    };
    let of = |ca: &IssuingCa| {
        let node = ca.issue_node(org.id(), NOW).expect("issues");
        (node.chain().to_vec(), node.key().pkcs8().to_vec())
    };
    let listing = |cas: &[&IssuingCa]| {
        let issuing_cas = cas.iter().map(|ca| ca.der().to_vec()).collect();
        org.card_of(CardContent { issuing_cas, ..org.content(2) })
    };
    let second = IssuingCa::issue(&org.root, NOW).expect("issues");
    let renewed = IssuingCa::issue(&org.root, NOW.plus(2_000)).expect("issues");
    let (rotated, rotated_card) = rotated(org);
    let ed25519 = key_of(&rcgen::PKCS_ED25519);
    let pkcs8 = ed25519.serialize_der();
    vec![
        plain("fresh", (org.node.chain().to_vec(), org.node.key().pkcs8().to_vec())),
        plain("about to expire", timed(Timestamp(NOW.0 - 6 * DAY_MS), NOW.plus(1_000))),
        plain("beginning now", timed(NOW, NOW.plus(DAY_MS))),
        plain("dated back an hour, for as long as may be", timed(Timestamp(NOW.0 - DAY_MS / 24), NOW.plus(NODE_LIFE_MS))),
        plain("an Ed25519 key", (with_key(org, &ed25519).0, pkcs8)),
        plain("a CA with an Ed25519 key", with_ca_key(org, &ed25519, valid(NOW, NOW.plus(30 * DAY_MS)))),
        plain("a serial of one byte", of_leaf(org, |parts| parts[1] = der::tlv(der::INTEGER, &[1]))),
        plain("a serial of 20 bytes", of_leaf(org, |parts| parts[1] = der::tlv(der::INTEGER, &[0x7f; 20]))),
        plain("an extension of times to come", leaf(org, |leaf| leaf.custom_extensions.push(padding(10)))),
        plain("nearly as large as may be", leaf(org, |leaf| leaf.custom_extensions.push(padding(CERTIFICATE_BYTES_MAX - 600)))),
        Good { name: "a second issuing CA", shown: of(&second), card: listing(&[&org.ca, &second]) },
        Good { name: "the old CA while both are listed", shown: of(&org.ca), card: listing(&[&second, &org.ca]) },
        plain("a CA renewed after the card", of(&renewed)),
        Good { name: "after a rotation", shown: rotated, card: rotated_card },
    ]
}

/// What the organisation shows after a rotation, and its card.
fn rotated(org: &Org) -> (Shown, Card) {
    let chain = org.chain.rotate(&org.next_root, &P256Key::generate().public(), NOW).expect("committed");
    let ca = IssuingCa::issue(&org.next_root, NOW).expect("issues");
    let content = CardContent { issuing_cas: vec![ca.der().to_vec()], ..org.content(2) };
    let card = Card::sign(&chain, content, &org.next_root).expect("signs");
    let node = ca.issue_node(org.id(), NOW).expect("issues");
    ((node.chain().to_vec(), node.key().pkcs8().to_vec()), card)
}
