//! What is fetched over TLS.

use super::fetch::{Ask, Fetcher, Limits, Resolver};
use super::*;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use url::Url;

/// A server whose certificate is of its own making, with the file that says so.
struct Server {
    port: u16,
    ca: PathBuf,
    /// Over how many connections it was asked something.
    asked: Arc<AtomicUsize>,
}

impl Server {
    async fn of(folder: &std::path::Path, name: &str, answer: String) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], private).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, asked) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
        let ca = folder.join(format!("{port}.pem"));
        std::fs::write(&ca, certificate.pem()).unwrap();
        let count = asked.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut head = vec![0; 8 << 10];
                if stream.read(&mut head).await.is_ok_and(|length| length > 0) {
                    count.fetch_add(1, SeqCst);
                }
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { port, ca, asked }
    }
}

/// Every name stands for this machine.
fn fetcher() -> Fetcher {
    let resolver: Resolver = Arc::new(|_, port| Box::pin(std::future::ready(Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))]))));
    let second = Duration::from_secs(5);
    let limits = Limits { connect: second, answer: second, whole: 3 * second, bytes_max: 1_000, unpacked_max: 10_000, redirects_max: 3 };
    Fetcher { resolver, proxy: None, data: std::env::temp_dir(), limits }
}

async fn fetch(url: &Url, ca: Option<&PathBuf>) -> Result<Vec<u8>, Fault> {
    let ca = ca.map(PathBuf::as_path);
    let ask = Ask { url: url.clone(), accept: "*/*", home: url, local: true, secret: None, ca, validators: None, post: None };
    fetcher().fetch(&ask).await?.body.unwrap().whole()
}

#[tokio::test]
async fn the_certificates_that_are_given_are_trusted_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi".to_owned();
    let server = Server::of(folder.path(), "feed.login-lure.com", ok.clone()).await;
    let other = Server::of(folder.path(), "feed.login-lure.com", ok).await;
    let at = |name: &str| Url::parse(&format!("https://{name}:{}/", server.port)).unwrap();
    let home = at("feed.login-lure.com");
    assert_eq!(fetch(&home, Some(&server.ca)).await.unwrap(), b"hi");
    // The system knows nothing of it, and another one of the same name is another.
    assert_eq!(fetch(&home, None).await, Err(Fault::Tls));
    assert_eq!(fetch(&home, Some(&other.ca)).await, Err(Fault::Tls));
    // It is for this name alone.
    for name in ["other.login-lure.com", "login-lure.com", "a.feed.login-lure.com", "127.0.0.1"] {
        assert_eq!(fetch(&at(name), Some(&server.ca)).await, Err(Fault::Tls), "{name}");
    }
    assert_eq!((server.asked.load(SeqCst), other.asked.load(SeqCst)), (1, 0));
    let missing = folder.path().join("missing.pem");
    assert_eq!(fetch(&home, Some(&missing)).await, Err(Fault::File));
}

#[tokio::test]
async fn no_redirect_leads_from_https_to_http() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for to in [format!("http://feed.login-lure.com:{}/", listener.local_addr().unwrap().port()), "HTTP://93.184.215.14/".into()] {
        let answer = format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
        let server = Server::of(folder.path(), "feed.login-lure.com", answer).await;
        let home = Url::parse(&format!("https://feed.login-lure.com:{}/", server.port)).unwrap();
        assert_eq!(fetch(&home, Some(&server.ca)).await, Err(Fault::Downgrade), "{to}");
        assert_eq!(server.asked.load(SeqCst), 1);
    }
    let came = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(came.is_err(), "somebody came over http");
}
