//! TLS as this federation speaks it: version 1.3 alone, both sides with certificates, X25519MLKEM768, ALPN h2, nothing resumed.
//!
//! A configuration is made for each connection. That costs microseconds beside a handshake of a millisecond; in return each has a
//! verifier of its own that can say afterwards what it thought, and a renewed certificate or changed trust is in force at once.

use super::certificate::NodeCertificate;
use super::diagnosis::Diagnosis;
use super::knock;
use super::profile;
use super::trust::{Circumstances, SIGNATURES, Trust, TrustBundles};
use crate::model::identity::BadKey;
use crate::model::{OrgId, Timestamp};
use arc_swap::ArcSwap;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::aws_lc_rs::{self as provider, cipher_suite, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup, WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

/// Reads the time. `clock.rs` has the real one, tests have others.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

const ALPN: &[u8] = b"h2";

static ALGORITHMS: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &SIGNATURES,
    mapping: &[
        (SignatureScheme::ECDSA_NISTP256_SHA256, &[webpki::aws_lc_rs::ECDSA_P256_SHA256]),
        (SignatureScheme::ED25519, &[webpki::aws_lc_rs::ED25519]),
    ],
};

/// What this node shows on a connection, and the knock key of the card that goes with it.
#[derive(Debug, Clone)]
pub struct Credential {
    pub(super) key: Arc<CertifiedKey>,
    knock_key: [u8; 32],
}

impl Credential {
    /// Of a node certificate, and the knock key that our card gives.
    ///
    /// # Errors
    /// When the TLS library does not take the key.
    pub fn new(certificate: &NodeCertificate, knock_key: [u8; 32]) -> Result<Self, BadKey> {
        Self::of_chain(certificate.chain().to_vec(), certificate.key().pkcs8(), knock_key)
    }

    pub(super) fn of_chain(chain: Vec<CertificateDer<'static>>, pkcs8: &[u8], knock_key: [u8; 32]) -> Result<Self, BadKey> {
        let key = PrivateKeyDer::Pkcs8(pkcs8.to_vec().into());
        let key = provider::default_provider().key_provider.load_private_key(key).map_err(|_| BadKey)?;
        Ok(Self { key: Arc::new(CertifiedKey::new(chain, key)), knock_key })
    }
}

/// What every connection of this node is made from. Shared, and changed in place: a renewed certificate is in force at the next one.
pub struct Tls {
    /// The current credential first; after it those of earlier cards, shown to callers who still knock by their knock key.
    pub credentials: ArcSwap<Vec<Credential>>,
    /// Whom we trust, and the connections under it.
    pub trust: Arc<Trust>,
    /// Reads the time.
    pub clock: Clock,
}

impl Tls {
    /// With one credential.
    pub fn new(credential: Credential, trust: Arc<Trust>, clock: Clock) -> Arc<Self> {
        Arc::new(Self { credentials: ArcSwap::from_pointee(vec![credential]), trust, clock })
    }

    /// The credential that a label asks for, if it is one of ours.
    pub(super) fn credential_for(&self, label: &str) -> Option<Credential> {
        let now = (self.clock)();
        self.credentials.load().iter().find(|credential| knock::opens(label, &credential.knock_key, now)).cloned()
    }

    /// The credential that we dial with.
    pub(super) fn credential(&self) -> Credential {
        self.credentials.load().first().cloned().expect("a node has a credential")
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

/// Whom a verifier lets pass.
#[derive(Debug, Clone)]
pub(super) enum Expected {
    /// Any paired organisation that calls; `classical` when this connection has no post-quantum key exchange.
    Caller { bundles: Arc<TrustBundles>, classical: bool },
    /// The organisation that we dialled.
    Dialled { bundles: Arc<TrustBundles>, org: OrgId },
    /// The other side of a pairing: anyone whose certificate has the profile, or the one that the invitation names. The chain is
    /// checked when its card has come.
    Pairing(Option<OrgId>),
    /// Whoever shows whatever, signed by no matter which key: the control of the tests that show bad certificates.
    #[cfg(test)]
    Anyone,
}

/// The verifier of one connection. Remembers what it found, since an alert says less.
#[derive(Debug)]
pub(super) struct Verifier {
    expected: Expected,
    found: Mutex<Option<Result<OrgId, Diagnosis>>>,
}

impl Verifier {
    pub(super) fn new(expected: Expected) -> Arc<Self> {
        Arc::new(Self { expected, found: Mutex::new(None) })
    }

    /// What it found, once a certificate was shown.
    pub(super) fn found(&self) -> Option<Result<OrgId, Diagnosis>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The cause of a failed handshake: our own refusal if there was one, else what the error says.
    pub(super) fn cause(&self, error: &std::io::Error) -> Diagnosis {
        match self.found() {
            Some(Err(diagnosis)) => diagnosis,
            _ => Diagnosis::of_io(error),
        }
    }

    fn judge(&self, leaf: &CertificateDer<'_>, rest: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Error> {
        let now = Timestamp(now.as_secs().saturating_mul(1000));
        let found = match &self.expected {
            Expected::Caller { bundles, classical } => {
                bundles.judge(leaf, rest, Circumstances { now, expected: None, classical: *classical })
            }
            Expected::Dialled { bundles, org } => bundles.judge(leaf, rest, Circumstances { now, expected: Some(*org), classical: false }),
            Expected::Pairing(expected) => pairing(leaf, rest, *expected),
            #[cfg(test)]
            Expected::Anyone => Ok(OrgId([0; 32])),
        };
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(found.clone());
        found.map(drop).map_err(|diagnosis| Error::InvalidCertificate(diagnosis.alert()))
    }
}

impl Verifier {
    /// That the other side holds the key of the certificate that it shows.
    fn holds_the_key(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        #[cfg(test)]
        if matches!(self.expected, Expected::Anyone) {
            return Ok(HandshakeSignatureValid::assertion());
        }
        verify_tls13_signature(message, leaf, signature, &ALGORITHMS)
    }
}

fn pairing(leaf: &CertificateDer<'_>, rest: &[CertificateDer<'_>], expected: Option<OrgId>) -> Result<OrgId, Diagnosis> {
    let found = profile::inspect(leaf, rest)?.org;
    match expected.filter(|expected| *expected != found) {
        Some(expected) => Err(Diagnosis::WrongOrganisation { expected, found }),
        None => Ok(found),
    }
}

impl ClientCertVerifier for Verifier {
    /// None: the names of our peers' issuers are nobody's business.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }
    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.judge(leaf, rest, now).map(|()| ClientCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2 is not spoken here".into()))
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.holds_the_key(message, leaf, signature)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ALGORITHMS.supported_schemes()
    }
}

impl ServerCertVerifier for Verifier {
    /// The server's name is the label we knocked with and proves nothing; the organisation id is what is checked.
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.judge(leaf, rest, now).map(|()| ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2 is not spoken here".into()))
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.holds_the_key(message, leaf, signature)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ALGORITHMS.supported_schemes()
    }
}

/// The configuration of one accepted connection.
pub(super) fn server_config(credential: &Credential, verifier: Arc<Verifier>, classical: bool, clock: &Clock) -> Arc<ServerConfig> {
    let groups = if classical { vec![kx_group::X25519] } else { vec![kx_group::X25519MLKEM768] };
    let resolver: Arc<dyn ResolvesServerCert> = Arc::new(SingleCertAndKey::from(credential.key.clone()));
    let mut config = ServerConfig::builder_with_details(crypto(groups), time(clock))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the provider has TLS 1.3 cipher suites")
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(resolver);
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {}); // a resumed session is not verified again
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Arc::new(config)
}

/// The configuration of one dialled connection.
pub(super) fn client_config(credential: &Credential, verifier: Arc<Verifier>, classical: bool, clock: &Clock) -> Arc<ClientConfig> {
    let groups = if classical { vec![kx_group::X25519MLKEM768, kx_group::X25519] } else { vec![kx_group::X25519MLKEM768] };
    let resolver: Arc<dyn ResolvesClientCert> = Arc::new(SingleCertAndKey::from(credential.key.clone()));
    let mut config = ClientConfig::builder_with_details(crypto(groups), time(clock))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the provider has TLS 1.3 cipher suites")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(resolver);
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    Arc::new(config)
}

/// Whether the protocol that was agreed on is h2: a side that names none is not refused by TLS itself.
pub(super) fn speaks_h2(alpn: Option<&[u8]>) -> Result<(), Diagnosis> {
    if alpn == Some(ALPN) { Ok(()) } else { Err(Diagnosis::Alpn) }
}

pub(super) fn crypto(groups: Vec<&'static dyn SupportedKxGroup>) -> Arc<CryptoProvider> {
    static BASE: LazyLock<CryptoProvider> = LazyLock::new(|| CryptoProvider {
        cipher_suites: vec![
            cipher_suite::TLS13_AES_256_GCM_SHA384,
            cipher_suite::TLS13_AES_128_GCM_SHA256,
            cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        ],
        signature_verification_algorithms: ALGORITHMS,
        ..provider::default_provider()
    });
    Arc::new(CryptoProvider { kx_groups: groups, ..BASE.clone() })
}

pub(super) fn time(clock: &Clock) -> Arc<dyn TimeProvider> {
    struct Time(Clock);
    impl std::fmt::Debug for Time {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Time")
        }
    }
    impl TimeProvider for Time {
        fn current_time(&self) -> Option<UnixTime> {
            Some(UnixTime::since_unix_epoch(Duration::from_millis((self.0)().0)))
        }
    }
    Arc::new(Time(clock.clone()))
}
