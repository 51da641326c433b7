//! The profile that certificates must have beyond a valid chain. The stock verifiers accept leaves with no URI name, with two, of
//! 60 kB, and with RSA keys.

use super::certificate::{DAY_MS, ISSUING_CA_LIFE_MS, NODE_LIFE_MS, Validity};
use crate::model::crypto::sha256;
use crate::model::identity::P256Public;
use crate::model::{OrgId, Timestamp};
use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, X509Extension};
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_SIG_ECDSA_WITH_SHA256, OID_SIG_ED25519, OID_X509_EXT_BASIC_CONSTRAINTS,
    OID_X509_EXT_EXTENDED_KEY_USAGE, OID_X509_EXT_INHIBIT_ANY_POLICY, OID_X509_EXT_KEY_USAGE, OID_X509_EXT_NAME_CONSTRAINTS,
    OID_X509_EXT_POLICY_CONSTRAINTS, OID_X509_EXT_SUBJECT_ALT_NAME,
};
use x509_parser::x509::X509Version;

/// The largest certificate that is looked at, in bytes.
pub const CERTIFICATE_BYTES_MAX: usize = 4096;
/// The longest serial number, in bytes.
const SERIAL_BYTES_MAX: usize = 20;
/// What a lifetime may exceed its bound by: certificates are dated back for slow clocks, and round to seconds.
const SLACK_MS: u64 = 2 * 60 * 60 * 1000;

/// What is wrong with a certificate although its signature may be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Not a certificate.
    #[error("`{0}` is not an X.509 certificate that can be read")]
    Malformed(Place),
    /// Not two certificates.
    #[error("the chain has `{0}` certificates, not leaf and issuing CA")]
    ChainLength(usize),
    /// Over [`CERTIFICATE_BYTES_MAX`].
    #[error("the {0} has `{1}` bytes, more than {CERTIFICATE_BYTES_MAX}")]
    TooLarge(Place, usize),
    /// The leaf has not exactly one subject alternative name, or it is no URI.
    #[error("the leaf has `{uris}` URI names and `{others}` other names, not one URI alone")]
    Names {
        /// URI names.
        uris: usize,
        /// Names of any other type.
        others: usize,
    },
    /// The one URI is not `spiffe://ORG/node`.
    #[error("the leaf's name `{0}` is not of the form spiffe://ORG/node")]
    NotSpiffe(String),
    /// Neither P-256 nor Ed25519.
    #[error("the {0}'s key is neither P-256 nor Ed25519")]
    KeyType(Place),
    /// It lives longer than its place allows.
    #[error("the {0} is valid for `{1}` days, longer than is allowed")]
    Lifetime(Place, u64),
    /// The leaf is not for signatures, or lacks one of the two extended key usages.
    #[error("the leaf is not for client and server use both, by signature")]
    Usages,
    /// The leaf may issue certificates.
    #[error("the leaf is itself a certificate authority")]
    LeafIsCa,
    /// The issuing CA may not issue, or has a path length other than 0.
    #[error("the issuing CA is no certificate authority with path length 0")]
    NotIssuingCa,
    /// An issuing CA in a card is not signed by the card's root.
    #[error("the issuing CA is not signed by the organisation's root")]
    NotTheRoots,
    /// The serial number is not a positive number of at most 20 bytes (RFC 5280 §4.1.2.2).
    #[error("the {0}'s serial number is not a positive number of at most 20 bytes")]
    Serial(Place),
    /// It is not of version 3, has an extension twice, one that narrows names or policies, or a critical one that nobody here knows.
    #[error("the {0} has an extension twice, or one that it may not have")]
    Extensions(Place),
    /// Something else that path validation found.
    #[error("the chain is not valid: `{0}`")]
    Chain(String),
}

/// Which certificate of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The node's own.
    Leaf,
    /// Its issuer's.
    IssuingCa,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Leaf => "leaf",
            Self::IssuingCa => "issuing CA",
        })
    }
}

/// What a chain claims. Nothing of it is proved before path validation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The organisation that the one and only name says.
    pub org: OrgId,
    /// The leaf's validity.
    pub leaf: Validity,
    /// The issuing CA's validity.
    pub issuing_ca: Validity,
    /// SHA-256 over the public keys (SubjectPublicKeyInfo) of leaf and issuing CA: what a deny list names.
    pub keys: [[u8; 32]; 2],
}

/// When the leaf of a chain that was judged before runs out.
pub(super) fn leaf_until(chain: Option<&[CertificateDer<'_>]>) -> Option<Timestamp> {
    let (leaf, rest) = chain?.split_first()?;
    inspect(leaf, rest).ok().map(|claims| claims.leaf.not_after)
}

/// Reads a chain and checks the profile: everything but signatures and time.
///
/// # Errors
/// At the first thing that is not as it must be.
pub fn inspect(leaf: &CertificateDer<'_>, rest: &[CertificateDer<'_>]) -> Result<Claims, Violation> {
    let [issuing_ca] = rest else { return Err(Violation::ChainLength(rest.len() + 1)) };
    let (leaf, issuing_ca) = (parse(leaf, Place::Leaf)?, parse(issuing_ca, Place::IssuingCa)?);
    let org = named_organisation(&leaf)?;
    check_key(&leaf, Place::Leaf)?;
    check_key(&issuing_ca, Place::IssuingCa)?;
    check_form(&leaf, Place::Leaf)?;
    check_form(&issuing_ca, Place::IssuingCa)?;
    check_leaf_use(&leaf)?;
    check_issuing_ca(&issuing_ca)?;
    let validities = (lifetime(&leaf, Place::Leaf, NODE_LIFE_MS)?, lifetime(&issuing_ca, Place::IssuingCa, ISSUING_CA_LIFE_MS)?);
    let keys = [&leaf, &issuing_ca].map(|certificate| sha256(&[certificate.public_key().raw]));
    Ok(Claims { org, leaf: validities.0, issuing_ca: validities.1, keys })
}

/// Reads one of our own certificates and checks that it is that key's.
pub(super) fn own(der: &CertificateDer<'_>, key: &P256Public) -> Result<Validity, Violation> {
    let certificate = parse(der, Place::Leaf)?;
    let ours = rcgen::PublicKeyData::subject_public_key_info(key);
    if certificate.public_key().raw == ours { Ok(validity(&certificate)) } else { Err(Violation::Malformed(Place::Leaf)) }
}

/// Checks an issuing CA that a card lists, the root's signature included.
pub(super) fn listed_issuing_ca(der: &[u8], root: &P256Public) -> Result<Validity, Violation> {
    let der = CertificateDer::from(der);
    let certificate = parse(&der, Place::IssuingCa)?;
    check_key(&certificate, Place::IssuingCa)?;
    check_form(&certificate, Place::IssuingCa)?;
    check_issuing_ca(&certificate)?;
    let signed = certificate.signature_algorithm.algorithm == OID_SIG_ECDSA_WITH_SHA256
        && root.verify(certificate.tbs_certificate.as_ref(), &certificate.signature_value.data).is_ok();
    if !signed {
        return Err(Violation::NotTheRoots);
    }
    lifetime(&certificate, Place::IssuingCa, ISSUING_CA_LIFE_MS)
}

fn parse<'a>(der: &'a CertificateDer<'_>, place: Place) -> Result<X509Certificate<'a>, Violation> {
    if der.len() > CERTIFICATE_BYTES_MAX {
        return Err(Violation::TooLarge(place, der.len()));
    }
    match x509_parser::parse_x509_certificate(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(Violation::Malformed(place)),
    }
}

fn named_organisation(leaf: &X509Certificate<'_>) -> Result<OrgId, Violation> {
    let extension = leaf.subject_alternative_name().map_err(|_| Violation::Malformed(Place::Leaf))?;
    let names = extension.map(|names| names.value.general_names.as_slice()).unwrap_or_default();
    let uris: Vec<_> = names.iter().filter_map(|name| if let GeneralName::URI(uri) = name { Some(*uri) } else { None }).collect();
    let [uri] = uris[..] else { return Err(Violation::Names { uris: uris.len(), others: names.len() - uris.len() }) };
    if names.len() != 1 {
        return Err(Violation::Names { uris: 1, others: names.len() - 1 });
    }
    organisation_of(uri).ok_or_else(|| Violation::NotSpiffe(uri.chars().take(120).collect()))
}

/// Only the exact form that we write: lower case, no port, no query.
fn organisation_of(uri: &str) -> Option<OrgId> {
    let org: OrgId = uri.strip_prefix("spiffe://")?.strip_suffix("/node")?.parse().ok()?;
    (super::certificate::spiffe_id(org) == uri).then_some(org)
}

fn check_key(certificate: &X509Certificate<'_>, place: Place) -> Result<(), Violation> {
    let key = certificate.public_key();
    let curve = key.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
    let p256 = key.algorithm.algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY && curve == Some(OID_EC_P256);
    if p256 || key.algorithm.algorithm == OID_SIG_ED25519 { Ok(()) } else { Err(Violation::KeyType(place)) }
}

/// What path validation leaves to others, or to their taste: serial numbers, versions, and extensions that we neither write nor read.
fn check_form(certificate: &X509Certificate<'_>, place: Place) -> Result<(), Violation> {
    let serial = certificate.raw_serial();
    let positive = serial.first().is_some_and(|first| first & 0x80 == 0) && serial.iter().any(|byte| *byte != 0);
    if !positive || serial.len() > SERIAL_BYTES_MAX {
        return Err(Violation::Serial(place));
    }
    let narrows = [OID_X509_EXT_NAME_CONSTRAINTS, OID_X509_EXT_POLICY_CONSTRAINTS, OID_X509_EXT_INHIBIT_ANY_POLICY];
    let read = [OID_X509_EXT_BASIC_CONSTRAINTS, OID_X509_EXT_KEY_USAGE, OID_X509_EXT_EXTENDED_KEY_USAGE, OID_X509_EXT_SUBJECT_ALT_NAME];
    let foreign = |extension: &X509Extension<'_>| narrows.contains(&extension.oid) || extension.critical && !read.contains(&extension.oid);
    let plain = certificate.version() == X509Version::V3 && certificate.extensions_map().is_ok();
    if !plain || certificate.extensions().iter().any(foreign) { Err(Violation::Extensions(place)) } else { Ok(()) }
}

fn check_leaf_use(leaf: &X509Certificate<'_>) -> Result<(), Violation> {
    let usage = leaf.key_usage().map_err(|_| Violation::Malformed(Place::Leaf))?;
    if leaf.is_ca() || usage.as_ref().is_some_and(|usage| usage.value.key_cert_sign()) {
        return Err(Violation::LeafIsCa);
    }
    // TLS 1.3 signs with the leaf's key (RFC 8446 §4.4.2.2).
    if !usage.is_some_and(|usage| usage.value.digital_signature()) {
        return Err(Violation::Usages);
    }
    let usages = leaf.extended_key_usage().map_err(|_| Violation::Malformed(Place::Leaf))?;
    if usages.is_some_and(|usages| usages.value.client_auth && usages.value.server_auth) { Ok(()) } else { Err(Violation::Usages) }
}

fn check_issuing_ca(certificate: &X509Certificate<'_>) -> Result<(), Violation> {
    let constraints = certificate.basic_constraints().map_err(|_| Violation::Malformed(Place::IssuingCa))?;
    let usage = certificate.key_usage().map_err(|_| Violation::Malformed(Place::IssuingCa))?;
    let issues = usage.is_some_and(|usage| usage.value.key_cert_sign());
    let path = constraints.is_some_and(|constraints| constraints.value.ca && constraints.value.path_len_constraint == Some(0));
    if issues && path { Ok(()) } else { Err(Violation::NotIssuingCa) }
}

fn lifetime(certificate: &X509Certificate<'_>, place: Place, max_ms: u64) -> Result<Validity, Violation> {
    let validity = validity(certificate);
    let life = validity.not_after.since(validity.not_before);
    if life <= max_ms + SLACK_MS { Ok(validity) } else { Err(Violation::Lifetime(place, life.div_ceil(DAY_MS))) }
}

fn validity(certificate: &X509Certificate<'_>) -> Validity {
    let moment = |seconds: i64| Timestamp(u64::try_from(seconds).unwrap_or(0).saturating_mul(1000));
    let validity = certificate.validity();
    Validity { not_before: moment(validity.not_before.timestamp()), not_after: moment(validity.not_after.timestamp()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_violation_is_told_in_words() {
        let cases = [
            (Violation::Malformed(Place::Leaf), "`leaf` is not an X.509 certificate that can be read"),
            (Violation::ChainLength(3), "the chain has `3` certificates, not leaf and issuing CA"),
            (Violation::TooLarge(Place::IssuingCa, 4097), "the issuing CA has `4097` bytes, more than 4096"),
            (Violation::Names { uris: 2, others: 1 }, "the leaf has `2` URI names and `1` other names, not one URI alone"),
            (Violation::NotSpiffe("x".into()), "the leaf's name `x` is not of the form spiffe://ORG/node"),
            (Violation::KeyType(Place::Leaf), "the leaf's key is neither P-256 nor Ed25519"),
            (Violation::Lifetime(Place::Leaf, 8), "the leaf is valid for `8` days, longer than is allowed"),
            (Violation::Usages, "the leaf is not for client and server use both, by signature"),
            (Violation::LeafIsCa, "the leaf is itself a certificate authority"),
            (Violation::NotIssuingCa, "the issuing CA is no certificate authority with path length 0"),
            (Violation::NotTheRoots, "the issuing CA is not signed by the organisation's root"),
            (Violation::Serial(Place::IssuingCa), "the issuing CA's serial number is not a positive number of at most 20 bytes"),
            (Violation::Extensions(Place::Leaf), "the leaf has an extension twice, or one that it may not have"),
            (Violation::Chain("x".into()), "the chain is not valid: `x`"),
        ];
        crate::texts::all_say(include_str!("profile.rs"), "Violation", &cases);
    }
}
