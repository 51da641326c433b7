//! Dialling a peer: TCP or SOCKS5, TLS, then the first frame, which is the other side's verdict.
//!
//! In TLS 1.3 a client's handshake is done before the server has judged its certificate. A server of ours sends its first frame once
//! it has, and a dialler sends nothing before that came: so a refusal is an error of [`connect`], with its reason.

use super::diagnosis::{Diagnosis, Stage};
use super::knock;
use super::pairing::PairingChannel;
use super::profile::leaf_until;
use super::tls::{Credential, Expected, Tls, Verifier, client_config, speaks_h2};
use super::trust::Admission;
use crate::model::identity::Endpoint;
use crate::model::{OrgId, Timestamp};
use rustls::NamedGroup;
use rustls_pki_types::ServerName;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncBufReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

/// How to dial.
#[derive(Debug, Clone)]
pub struct DialOptions {
    /// A SOCKS5 proxy, such as Tor's at 127.0.0.1:9050. Names are resolved by it, never here.
    pub proxy: Option<SocketAddr>,
    /// For each of: reaching the address, the handshake, the first frame.
    pub timeout: Duration,
}

impl Default for DialOptions {
    fn default() -> Self {
        Self { proxy: None, timeout: Duration::from_secs(10) }
    }
}

/// A connection that the other side has agreed to.
#[derive(Debug)]
pub struct DialledConnection {
    /// The encrypted stream; it speaks h2, and its first frame has come but is not read yet.
    pub stream: TlsStream<TcpStream>,
    /// Who answered; the one that was dialled.
    pub org: OrgId,
    /// The key exchange, such as `X25519MLKEM768`.
    pub kx_group: NamedGroup,
    /// When the certificate that it showed runs out.
    pub until: Timestamp,
    /// Fires when the connection must end at once.
    pub kill: CancellationToken,
    pub(super) _admission: Option<Admission>,
}

impl DialledConnection {
    /// What the proofs of a pairing are bound to.
    pub(super) fn pairing_channel(&self) -> Result<PairingChannel, Diagnosis> {
        PairingChannel::of(self.stream.get_ref().1)
    }
}

/// Dials a paired organisation at one of its endpoints. Whoever has our card from before a rotation is shown the credential from before.
///
/// # Errors
/// With the cause, on either side.
pub async fn connect(tls: &Tls, endpoint: &Endpoint, org: OrgId, options: &DialOptions) -> Result<DialledConnection, Diagnosis> {
    let bundles = tls.trust.load();
    bundles.check_standing(org, false)?;
    let bundle = bundles.peers.get(&org).ok_or(Diagnosis::NotPaired(org))?;
    let (label, classical) = (knock::label(&bundle.card().content().knock_key, (tls.clock)()), bundle.allow_classical);
    let mut attempt = Err(Diagnosis::NotPaired(org));
    for credential in tls.credentials.load().iter() {
        let expected = Expected::Dialled { bundles: bundles.clone(), org };
        let offer = Offer { label: &label, credential, classical };
        attempt = handshake(tls, endpoint, offer, expected, options).await;
        if !matches!(attempt, Err(Diagnosis::UntrustedThere)) {
            break; // it may have our card from before a rotation: then the credential from before counts there
        }
    }
    let mut connection = attempt?;
    let classical = connection.kx_group != NamedGroup::X25519MLKEM768;
    let admission = tls.trust.admit(org, classical)?;
    connection.kill = admission.killed();
    connection._admission = Some(admission);
    Ok(connection)
}

/// Dials whoever sent an invitation: its label, and nobody but the organisation that it names.
///
/// # Errors
/// With the cause, on either side.
pub async fn connect_for_pairing(
    tls: &Tls,
    endpoint: &Endpoint,
    label: &str,
    org: OrgId,
    options: &DialOptions,
) -> Result<DialledConnection, Diagnosis> {
    let offer = Offer { label, credential: &tls.credential(), classical: false };
    handshake(tls, endpoint, offer, Expected::Pairing(Some(org)), options).await
}

/// What we put into a handshake.
struct Offer<'a> {
    label: &'a str,
    credential: &'a Credential,
    classical: bool,
}

async fn handshake(
    tls: &Tls,
    endpoint: &Endpoint,
    offer: Offer<'_>,
    expected: Expected,
    options: &DialOptions,
) -> Result<DialledConnection, Diagnosis> {
    let tcp = in_time(options, Stage::Connect, reach(endpoint, options)).await?;
    tcp.set_nodelay(true).map_err(|_| Diagnosis::Closed)?;
    let verifier = Verifier::new(expected);
    let config = client_config(offer.credential, verifier.clone(), offer.classical, &tls.clock);
    let name = ServerName::try_from(offer.label.to_owned()).map_err(|_| Diagnosis::LabelUnknownThere)?;
    let connecting = async { TlsConnector::from(config).connect(name, tcp).await.map_err(|error| verifier.cause(&error)) };
    let mut stream = in_time(options, Stage::Handshake, connecting).await?;
    speaks_h2(stream.get_ref().1.alpn_protocol())?;
    in_time(options, Stage::Verdict, verdict(&mut stream)).await?;
    let kx_group = stream.get_ref().1.negotiated_key_exchange_group().map(|group| group.name()).ok_or(Diagnosis::NoPostQuantum)?;
    let org = verifier.found().ok_or(Diagnosis::NoCertificate)??;
    let until = leaf_until(stream.get_ref().1.peer_certificates()).ok_or(Diagnosis::NoCertificate)?;
    Ok(DialledConnection { stream, org, kx_group, until, kill: CancellationToken::new(), _admission: None })
}

/// Waits for the first byte without taking it.
async fn verdict(stream: &mut TlsStream<TcpStream>) -> Result<(), Diagnosis> {
    match stream.fill_buf().await {
        Ok([]) => Err(Diagnosis::Closed),
        Ok(_) => Ok(()),
        Err(error) => Err(Diagnosis::of_io(&error)),
    }
}

async fn in_time<T>(options: &DialOptions, stage: Stage, work: impl Future<Output = Result<T, Diagnosis>>) -> Result<T, Diagnosis> {
    let late = Err(Diagnosis::Timeout { stage, seconds: options.timeout.as_secs() });
    tokio::time::timeout(options.timeout, work).await.unwrap_or(late)
}

async fn reach(endpoint: &Endpoint, options: &DialOptions) -> Result<TcpStream, Diagnosis> {
    match options.proxy {
        Some(proxy) => through(proxy, endpoint).await,
        None if endpoint.is_onion() => Err(Diagnosis::OnionWithoutProxy(endpoint.clone())),
        None => directly(endpoint).await,
    }
}

/// Tries each address of the host until one answers.
async fn directly(endpoint: &Endpoint) -> Result<TcpStream, Diagnosis> {
    let unresolved = |detail: String| Diagnosis::NameResolution { host: endpoint.host().to_owned(), detail };
    let addresses = tokio::net::lookup_host((endpoint.host(), endpoint.port())).await.map_err(|error| unresolved(error.to_string()))?;
    let mut last = unresolved("no address".into());
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = unreachable(endpoint, &error),
        }
    }
    Err(last)
}

async fn through(proxy: SocketAddr, endpoint: &Endpoint) -> Result<TcpStream, Diagnosis> {
    use tokio_socks::Error;
    let stream = tokio_socks::tcp::Socks5Stream::connect(proxy, (endpoint.host(), endpoint.port())).await;
    stream.map(tokio_socks::tcp::Socks5Stream::into_inner).map_err(|error| match error {
        Error::ConnectionRefused => Diagnosis::ConnectionRefused(endpoint.clone()),
        Error::HostUnreachable | Error::NetworkUnreachable | Error::TtlExpired => {
            Diagnosis::Unreachable { endpoint: endpoint.clone(), detail: error.to_string() }
        }
        other => Diagnosis::Proxy(other.to_string()),
    })
}

fn unreachable(endpoint: &Endpoint, error: &std::io::Error) -> Diagnosis {
    match error.kind() {
        ErrorKind::ConnectionRefused => Diagnosis::ConnectionRefused(endpoint.clone()),
        _ => Diagnosis::Unreachable { endpoint: endpoint.clone(), detail: error.to_string() },
    }
}
