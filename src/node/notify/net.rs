//! How a channel reaches a server: directly or through SOCKS5, and TLS by the system's certificates or given ones.

use super::Channel;
use crate::rules::notify::Fault;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Connects. Through a proxy, names are resolved there and never here; a proxy that cannot be used is never passed by.
pub(super) async fn dial(channel: &Channel, host: &str, port: u16) -> Result<TcpStream, Fault> {
    let Some(proxy) = channel.proxy_to(host) else {
        return TcpStream::connect((host, port)).await.map_err(|_| Fault::Unreachable);
    };
    through(proxy, host, port).await
}

/// Connects through `socks5://host:port`.
pub(in crate::node) async fn through(proxy: &str, host: &str, port: u16) -> Result<TcpStream, Fault> {
    let proxy = proxy.strip_prefix("socks5://").ok_or(Fault::Proxy)?;
    let stream = tokio_socks::tcp::Socks5Stream::connect(proxy, (host, port)).await;
    stream.map(tokio_socks::tcp::Socks5Stream::into_inner).map_err(|error| match error {
        tokio_socks::Error::Io(_) | tokio_socks::Error::ProxyServerUnreachable => Fault::Proxy,
        _ => Fault::Unreachable,
    })
}

/// TLS 1.2 or 1.3 over a connection, with a server of that name.
pub(super) async fn tls(channel: &Channel, stream: TcpStream, host: &str) -> Result<TlsStream<TcpStream>, Fault> {
    tls_with(channel.ca()?, stream, host).await
}

/// As [`tls`], trusting these certificates (PEM) in place of the system's where there are some.
pub(in crate::node) async fn tls_with(ca: Option<Vec<u8>>, stream: TcpStream, host: &str) -> Result<TlsStream<TcpStream>, Fault> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| Fault::Tls)?;
    TlsConnector::from(config(ca)?).connect(name, stream).await.map_err(|error| match error.get_ref() {
        Some(inner) if inner.is::<rustls::Error>() => Fault::Tls,
        _ => Fault::Unreachable,
    })
}

/// Read at each try, so that a certificate that was put in place counts at once.
fn config(ca: Option<Vec<u8>>) -> Result<Arc<ClientConfig>, Fault> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                roots.add(certificate.map_err(|_| Fault::File)?).map_err(|_| Fault::File)?;
            }
        }
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    if roots.is_empty() {
        return Err(Fault::File);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(|_| Fault::Tls)?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}
