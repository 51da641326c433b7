//! What the listener for programs shows: a certificate of the operator's, or one of its own making.

use crate::config::Https;
use crate::model::Timestamp;
use crate::model::crypto::sha256;
use crate::node::Node;
use crate::node::error::NodeError;
use arc_swap::ArcSwap;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, date_time_ymd};
use rustls::crypto::aws_lc_rs as provider;
use rustls::server::{ClientHello, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The folder of a certificate of our own making, within the data directory.
const FOLDER: &str = "https";
/// It counts for so long: whoever imports it into a tool does so by hand, and does not want to do it again.
const LIFE_DAYS: u64 = 3_650;

/// What is shown at the next handshake.
#[derive(Debug)]
pub(super) struct Shown(ArcSwap<CertifiedKey>);

impl Shown {
    /// The certificate that the settings name, else one of our own, which is made the first time.
    pub(super) fn load(node: &Node) -> Result<Self, NodeError> {
        let (cert, key, ours) = files(&node.data, &node.config.https);
        if ours && (!cert.exists() || !key.exists()) {
            make(&node.data.join(FOLDER), &cert, &key, &node.config.https.names, node.clock.now())?;
        }
        Ok(Self(ArcSwap::from(read(&cert, &key)?)))
    }

    /// Reads it again; what cannot be read changes nothing.
    pub(super) fn reload(&self, node: &Node) -> Result<(), NodeError> {
        let (cert, key, _) = files(&node.data, &node.config.https);
        self.0.store(read(&cert, &key)?);
        Ok(())
    }

    /// SHA-256 of the certificate, as browsers and `openssl x509 -fingerprint -sha256` show it.
    pub(super) fn fingerprint(&self) -> String {
        fingerprint(&self.0.load())
    }

    /// TLS 1.3 alone: every tool that is kept speaks it, and it has nothing to be set wrongly.
    pub(super) fn server_config(self: Arc<Self>) -> Arc<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(provider::default_provider().into());
        let versions = builder.with_protocol_versions(&[&TLS13]).expect("the provider has TLS 1.3");
        let mut config = versions.with_no_client_auth().with_cert_resolver(self);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// Looks at the certificate as far as that goes while the node does not run: its fingerprint, and when it ends; `None` where it is still to be made.
///
/// # Errors
/// When it cannot be used.
pub fn look(data: &Path, settings: &Https) -> Result<Option<(String, Timestamp)>, NodeError> {
    let (cert, key, ours) = files(data, settings);
    if ours && !cert.exists() {
        return Ok(None);
    }
    let certified = read(&cert, &key)?;
    let der = certified.cert.first().map_or(&[][..], |certificate| certificate.as_ref());
    let parsed = x509_parser::parse_x509_certificate(der).map_err(|error| bad(&cert, &error))?.1;
    let seconds = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or_default();
    Ok(Some((fingerprint(&certified), Timestamp(seconds.saturating_mul(1_000)))))
}

/// Where certificate and key are, and whether they are of our own making.
fn files(data: &Path, settings: &Https) -> (PathBuf, PathBuf, bool) {
    match (&settings.cert, &settings.key) {
        (Some(cert), Some(key)) => (data.join(cert), data.join(key), false),
        _ => (data.join(FOLDER).join("cert.pem"), data.join(FOLDER).join("key.pem"), true),
    }
}

fn fingerprint(key: &CertifiedKey) -> String {
    let digest = sha256(&[key.cert.first().map_or(&[][..], |certificate| certificate.as_ref())]);
    digest.map(|byte| format!("{byte:02X}")).join(":")
}

fn bad(path: &Path, what: &dyn std::fmt::Display) -> NodeError {
    let hint = "hint: `https.cert` and `https.key` name PEM files that belong together; without both the node makes its own";
    NodeError::BadInput(format!("`{}` cannot be used: {what}\n{hint}", path.display()))
}

fn read(cert: &Path, key: &Path) -> Result<Arc<CertifiedKey>, NodeError> {
    let chain = CertificateDer::pem_file_iter(cert).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(|error| bad(cert, &error))?;
    if chain.is_empty() {
        return Err(bad(cert, &"there is no certificate in it"));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| bad(key, &error))?;
    let certified = CertifiedKey::from_der(chain, secret, &provider::default_provider()).map_err(|error| bad(key, &error))?;
    Ok(Arc::new(certified))
}

fn make(folder: &Path, cert: &Path, key: &Path, names: &[String], now: Timestamp) -> Result<(), NodeError> {
    let refused = |error: rcgen::Error| {
        NodeError::BadInput(format!(
            "no certificate can be made for `https.names`: {error}\nhint: host names and addresses, like misp.example.org"
        ))
    };
    let mut parameters = CertificateParams::new(names.to_vec()).map_err(refused)?;
    let mut subject = DistinguishedName::new();
    // Nothing of the organisation: whoever connects sees it before any token.
    subject.push(DnType::CommonName, "watchfire");
    parameters.distinguished_name = subject;
    let at = |time: Timestamp| date_time_ymd(1970, 1, 1) + Duration::from_secs(time.0 / 1_000);
    parameters.not_before = at(Timestamp(now.0.saturating_sub(3_600_000)));
    parameters.not_after = at(now.plus(LIFE_DAYS * 86_400_000));
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(refused)?;
    let certificate = parameters.self_signed(&pair).map_err(refused)?;
    let failed = |path: &Path| {
        let doing = format!("write `{}`", path.display());
        move |error| NodeError::io(doing.clone(), error)
    };
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(failed(folder)(error)),
        _ => {}
    }
    // The certificate last: where the key stands alone the next start makes both anew.
    write(folder, key, &pair.serialize_pem()).map_err(failed(key))?;
    write(folder, cert, &certificate.pem()).map_err(failed(cert))
}

fn write(folder: &Path, path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o600)).tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}
