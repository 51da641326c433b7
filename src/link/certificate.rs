//! The organisation's own certificates: the root issues an issuing CA, that the node certificates.
//!
//! No human name and no domain stands in any of them: a subject is the hash of its key. The root has no certificate; what its
//! peers keep of it is its key, from the card.

use crate::model::crypto::{random, sha256_framed};
use crate::model::identity::{BadKey, P256Key, P256Public};
use crate::model::{OrgId, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SanType, SerialNumber, date_time_ymd,
};
use rustls_pki_types::{CertificateDer, TrustAnchor};
use std::time::Duration;

/// How long a node certificate lives, in milliseconds: 7 days.
pub const NODE_LIFE_MS: u64 = 7 * DAY_MS;
/// How long an issuing CA lives, in milliseconds: 90 days.
pub const ISSUING_CA_LIFE_MS: u64 = 90 * DAY_MS;
/// A day in milliseconds.
pub const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// How far certificates are dated back, for peers whose clock is behind.
const BACKDATE_MS: u64 = 60 * 60 * 1000;

/// From when to when a certificate holds, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first moment.
    pub not_before: Timestamp,
    /// The last moment.
    pub not_after: Timestamp,
}

impl Validity {
    pub(super) fn starting(now: Timestamp, life_ms: u64) -> Self {
        let not_before = Timestamp(now.0.saturating_sub(BACKDATE_MS) / 1000 * 1000);
        Self { not_before, not_after: not_before.plus(life_ms) }
    }

    /// When to renew: at two thirds of its life.
    pub const fn renew_at(self) -> Timestamp {
        self.not_before.plus(self.not_after.since(self.not_before) / 3 * 2)
    }

    /// Whether it holds now.
    pub fn holds(self, now: Timestamp) -> bool {
        self.not_before <= now && now <= self.not_after
    }
}

/// Why a certificate or its key could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The certificate library refused.
    #[error("certificate: {0}")]
    Issue(#[from] rcgen::Error),
    /// The private key is none.
    #[error(transparent)]
    Key(#[from] BadKey),
    /// The certificate does not fit its place: it is damaged, or of another kind or key.
    #[error("certificate: {0}")]
    Unfit(String),
}

impl rcgen::PublicKeyData for P256Key {
    fn der_bytes(&self) -> &[u8] {
        self.public_bytes()
    }
    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for P256Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(P256Key::sign(self, message))
    }
}

impl rcgen::PublicKeyData for P256Public {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }
    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

/// The certificate authority that issues node certificates: 90 days, path length 0, issued by the root.
#[derive(Debug, Clone)]
pub struct IssuingCa {
    key: P256Key,
    der: CertificateDer<'static>,
    validity: Validity,
}

impl IssuingCa {
    /// Issues a new one, with a key of its own.
    ///
    /// # Errors
    /// When the certificate library refuses.
    pub fn issue(root: &P256Key, now: Timestamp) -> Result<Self, CertificateError> {
        let (key, validity) = (P256Key::generate(), Validity::starting(now, ISSUING_CA_LIFE_MS));
        let mut parameters = parameters(&key.public(), validity);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let der = parameters.signed_by(&key, &issuer(&root.public(), root))?.der().clone();
        Ok(Self { key, der, validity })
    }

    /// The one in the key directory.
    ///
    /// # Errors
    /// When the certificate is not this key's.
    pub fn load(key: P256Key, der: CertificateDer<'static>) -> Result<Self, CertificateError> {
        let validity = super::profile::own(&der, &key.public()).map_err(|violation| CertificateError::Unfit(violation.to_string()))?;
        Ok(Self { key, der, validity })
    }

    /// Issues a node certificate with a key of its own: 7 days, or as long as the CA itself lives.
    ///
    /// # Errors
    /// When the certificate library refuses.
    pub fn issue_node(&self, org: OrgId, now: Timestamp) -> Result<NodeCertificate, CertificateError> {
        let key = P256Key::generate();
        let mut validity = Validity::starting(now, NODE_LIFE_MS);
        validity.not_after = validity.not_after.min(self.validity.not_after);
        let mut parameters = parameters(&key.public(), validity);
        parameters.subject_alt_names = vec![SanType::URI(spiffe_id(org).try_into()?)];
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        let der = parameters.signed_by(&key, &issuer(&self.key.public(), &self.key))?.der().clone();
        Ok(NodeCertificate { key, chain: [der, self.der.clone()], validity })
    }

    /// The private key, for its file.
    pub const fn key(&self) -> &P256Key {
        &self.key
    }

    /// The certificate.
    pub const fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// From when to when it holds.
    pub const fn validity(&self) -> Validity {
        self.validity
    }
}

/// What the node shows to its peers: leaf and issuing CA, and the leaf's key.
#[derive(Debug, Clone)]
pub struct NodeCertificate {
    key: P256Key,
    chain: [CertificateDer<'static>; 2],
    validity: Validity,
}

impl NodeCertificate {
    /// The one in the key directory.
    ///
    /// # Errors
    /// When the certificate is not this key's.
    pub fn load(key: P256Key, chain: [CertificateDer<'static>; 2]) -> Result<Self, CertificateError> {
        let validity = super::profile::own(&chain[0], &key.public()).map_err(|violation| CertificateError::Unfit(violation.to_string()))?;
        Ok(Self { key, chain, validity })
    }

    /// The private key, for its file.
    pub const fn key(&self) -> &P256Key {
        &self.key
    }

    /// Leaf and issuing CA.
    pub const fn chain(&self) -> &[CertificateDer<'static>; 2] {
        &self.chain
    }

    /// From when to when the leaf holds.
    pub const fn validity(&self) -> Validity {
        self.validity
    }
}

/// The name that a node certificate carries: `spiffe://<org id>/node`.
pub fn spiffe_id(org: OrgId) -> String {
    format!("spiffe://{org}/node")
}

/// The trust anchor that a root key is: what a chain must end in.
pub fn anchor(root: &P256Public) -> TrustAnchor<'static> {
    let name = key_name(root);
    let mut subject = vec![0x31, name.len() as u8 + 9, 0x30, name.len() as u8 + 7, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, name.len() as u8];
    subject.extend_from_slice(name.as_bytes());
    let spki = rcgen::PublicKeyData::subject_public_key_info(root);
    const OUTER_HEADER: usize = 2;
    TrustAnchor { subject: subject.into(), subject_public_key_info: spki[OUTER_HEADER..].to_vec().into(), name_constraints: None }
}

/// The common name of a key's owner: 32 characters that say nothing to a human.
fn key_name(key: &P256Public) -> String {
    crate::model::id::base32(&sha256_framed("watchfire/subject/v1", &[&key.0])[..20])
}

fn subject(key: &P256Public) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, key_name(key));
    name
}

pub(super) fn parameters(key: &P256Public, validity: Validity) -> CertificateParams {
    let mut serial = random::<16>();
    serial[0] = serial[0] & 0x7f | 0x40; // positive, and no leading zero: verifiers compare the bytes
    let moment = |at: Timestamp| date_time_ymd(1970, 1, 1) + Duration::from_millis(at.0);
    let mut parameters = CertificateParams::default();
    (parameters.not_before, parameters.not_after) = (moment(validity.not_before), moment(validity.not_after));
    parameters.serial_number = Some(SerialNumber::from_slice(&serial));
    parameters.distinguished_name = subject(key);
    parameters
}

pub(super) fn issuer<'a>(public: &P256Public, key: &'a P256Key) -> Issuer<'static, &'a P256Key> {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = subject(public);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    Issuer::new(parameters, key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_renews_at_two_thirds_of_its_life() {
        let validity = Validity { not_before: Timestamp(0), not_after: Timestamp(9 * DAY_MS) };
        assert_eq!(validity.renew_at(), Timestamp(6 * DAY_MS));
        assert!(validity.holds(Timestamp(0)) && !validity.holds(Timestamp(9 * DAY_MS + 1)));
    }

    #[test]
    fn a_node_certificate_never_outlives_its_issuing_ca() {
        let now = Timestamp(1_800_000_000_000);
        let ca = IssuingCa::issue(&P256Key::generate(), now).expect("issues");
        let late = now.plus(87 * DAY_MS);
        let node = ca.issue_node(OrgId([1; 32]), late).expect("issues");
        assert_eq!(node.validity().not_after, ca.validity().not_after);
    }

    #[test]
    fn no_name_of_the_program_or_of_anyone_stands_in_a_certificate() {
        let root = P256Key::generate();
        let ca = IssuingCa::issue(&root, Timestamp(1_800_000_000_000)).expect("issues");
        let (_, parsed) = x509_parser::parse_x509_certificate(ca.der()).expect("parses");
        assert_eq!(parsed.issuer().to_string(), format!("CN={}", key_name(&root.public())));
        assert_eq!(parsed.subject().to_string(), format!("CN={}", key_name(&ca.key().public())));
        assert!(parsed.subject_alternative_name().expect("parses").is_none());
    }
}
