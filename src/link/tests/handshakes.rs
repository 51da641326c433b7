//! What the two ends must agree on before anyone judges a certificate, and what the network does.

use crate::link::accept::HandshakeLimits;
use crate::link::diagnosis::{Diagnosis, Stage};
use crate::link::dial::{DialOptions, connect};
use crate::link::knock;
use crate::link::testing::{Listening, NOW, Org, pair};
use crate::link::tls::{Expected, Verifier, client_config, crypto, server_config, time};
use crate::link::trust::Standing;
use crate::model::identity::Endpoint;
use rustls::client::ResolvesClientCert;
use rustls::crypto::SupportedKxGroup;
use rustls::crypto::aws_lc_rs::kx_group;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, NamedGroup};
use rustls_pki_types::ServerName;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

async fn next(listening: &mut Listening) -> Diagnosis {
    tokio::time::timeout(Duration::from_secs(5), listening.refused.recv()).await.expect("in time").expect("listens")
}

/// A caller of another make, that holds the same keys.
struct Foreign {
    groups: Vec<&'static dyn SupportedKxGroup>,
    alpn: Vec<Vec<u8>>,
    certificate: bool,
}

impl Foreign {
    fn new() -> Self {
        Self { groups: vec![kx_group::X25519MLKEM768], alpn: vec![b"h2".to_vec()], certificate: true }
    }

    fn config(&self, caller: &Org, called: &Org) -> ClientConfig {
        let verifier = Verifier::new(Expected::Dialled { bundles: caller.tls.trust.load(), org: called.id() });
        let config = ClientConfig::builder_with_details(crypto(self.groups.clone()), time(&caller.tls.clock))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("TLS 1.3")
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let resolver: Arc<dyn ResolvesClientCert> = Arc::new(SingleCertAndKey::from(caller.tls.credential().key));
        let mut config = if self.certificate { config.with_client_cert_resolver(resolver) } else { config.with_no_client_auth() };
        config.alpn_protocols = self.alpn.clone();
        config
    }

    /// Whatever the first read says.
    async fn call(&self, caller: &Org, called: &Org, listening: &Listening) -> Result<TlsStream<TcpStream>, Diagnosis> {
        let tcp = TcpStream::connect(("127.0.0.1", listening.endpoint.port())).await.expect("connects");
        let label = ServerName::try_from(knock::label(&called.knock_key, NOW)).expect("a label");
        let connector = TlsConnector::from(Arc::new(self.config(caller, called)));
        let mut stream = connector.connect(label, tcp).await.map_err(|error| Diagnosis::of_io(&error))?;
        stream.read_u8().await.map_err(|error| Diagnosis::of_io(&error))?;
        Ok(stream)
    }
}

#[tokio::test]
async fn a_classical_caller_is_refused_unless_its_own_peer_entry_allows_it() {
    let (caller, called, mut listening) = pair().await;
    let classical = Foreign { groups: vec![kx_group::X25519], ..Foreign::new() };
    assert_eq!(classical.call(&caller, &called, &listening).await.map(drop), Err(Diagnosis::NoPostQuantum));
    assert_eq!(next(&mut listening).await, Diagnosis::NoPostQuantum);
    called.trust(Org::new().card(), Standing::Active, true);
    assert_eq!(classical.call(&caller, &called, &listening).await.map(drop), Err(Diagnosis::ClassicalThere), "another's leave");
    assert_eq!(next(&mut listening).await, Diagnosis::Classical(caller.id()));
    called.trust(caller.card(), Standing::Active, true);
    classical.call(&caller, &called, &listening).await.expect("its own leave");
    called.trust(caller.card(), Standing::Active, false);
    assert_eq!(called.tls.trust.live(caller.id()), 1);
    tokio::time::timeout(Duration::from_secs(1), async {
        while called.tls.trust.live(caller.id()) > 0 {
            tokio::task::yield_now().await
        }
    })
    .await
    .expect("taking the leave back cuts what lives under it");
}

#[tokio::test]
async fn a_classical_node_is_dialled_only_where_its_peer_entry_allows_it() {
    let (caller, called, _) = pair().await;
    let endpoint = server(
        move |tcp, called: Arc<Org>| async move {
            let verifier = Verifier::new(Expected::Caller { bundles: called.tls.trust.load(), classical: true });
            let config = server_config(&called.tls.credential(), verifier, true, &called.tls.clock);
            if let Ok(mut stream) = TlsAcceptor::from(config).accept(tcp).await {
                let _ = stream.write_all(b"!").await;
                let _ = stream.read_u8().await;
            }
        },
        called,
    );
    let (endpoint, called) = endpoint.await;
    let dial = || async { connect(&caller.tls, &endpoint, called.id(), &DialOptions::default()).await.map(|done| done.kx_group) };
    assert_eq!(dial().await, Err(Diagnosis::NoPostQuantum));
    called.trust(caller.card(), Standing::Active, true);
    caller.trust(called.card(), Standing::Active, true);
    assert_eq!(dial().await, Ok(NamedGroup::X25519));
}

/// A server of another make.
async fn server<F>(serve: impl Fn(TcpStream, Arc<Org>) -> F + Send + 'static, org: Org) -> (Endpoint, Arc<Org>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let endpoint = format!("127.0.0.1:{}", listener.local_addr().expect("bound").port()).parse().expect("an endpoint");
    let org = Arc::new(org);
    let shared = org.clone();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            tokio::spawn(serve(tcp, shared.clone()));
        }
    });
    (endpoint, org)
}

async fn dialled(serve: &'static [u8]) -> Diagnosis {
    let (caller, called, _) = pair().await;
    let answer = move |mut tcp: TcpStream, _| async move {
        let mut hello = [0; 512];
        let _ = tcp.read(&mut hello).await;
        let _ = tcp.write_all(serve).await;
        while tcp.read(&mut hello).await.is_ok_and(|count| count > 0) {}
    };
    let (endpoint, called) = server(answer, called).await;
    connect(&caller.tls, &endpoint, called.id(), &DialOptions { timeout: Duration::from_millis(300), ..DialOptions::default() })
        .await
        .expect_err("refused")
}

#[tokio::test]
async fn a_node_that_ends_tls_1_3_or_speaks_something_else_is_named() {
    assert_eq!(dialled(&[21, 3, 3, 0, 2, 2, 70]).await, Diagnosis::ProtocolVersion);
    assert_eq!(dialled(&[21, 3, 3, 0, 2, 2, 40]).await, Diagnosis::NoPostQuantum);
    assert_eq!(dialled(&[21, 3, 3, 0, 2, 2, 112]).await, Diagnosis::LabelUnknownThere);
    assert_eq!(dialled(&[21, 3, 3, 0, 2, 2, 80]).await, Diagnosis::Alert(80));
    assert_eq!(dialled(b"HTTP/1.1 400 Bad Request\r\n\r\n").await, Diagnosis::NotTls);
    assert_eq!(dialled(b"").await, Diagnosis::Timeout { stage: Stage::Handshake, seconds: 0 });
}

#[tokio::test]
async fn a_node_that_shakes_hands_and_then_says_nothing_has_not_agreed() {
    let (caller, called, _) = pair().await;
    let silent = |tcp, called: Arc<Org>| async move {
        let verifier = Verifier::new(Expected::Caller { bundles: called.tls.trust.load(), classical: false });
        let config = server_config(&called.tls.credential(), verifier, false, &called.tls.clock);
        if let Ok(mut stream) = TlsAcceptor::from(config).accept(tcp).await {
            let _ = stream.read_u8().await;
        }
    };
    let (endpoint, called) = server(silent, called).await;
    let options = DialOptions { timeout: Duration::from_millis(300), ..DialOptions::default() };
    let found = connect(&caller.tls, &endpoint, called.id(), &options).await.map(drop);
    assert_eq!(found, Err(Diagnosis::Timeout { stage: Stage::Verdict, seconds: 0 }));
}

#[tokio::test]
async fn another_application_protocol_or_none_is_refused() {
    let (caller, called, mut listening) = pair().await;
    let other = Foreign { alpn: vec![b"http/1.1".to_vec()], ..Foreign::new() };
    assert_eq!(other.call(&caller, &called, &listening).await.map(drop), Err(Diagnosis::Alpn));
    assert_eq!(next(&mut listening).await, Diagnosis::Alpn);
    let none = Foreign { alpn: vec![], ..Foreign::new() };
    assert!(none.call(&caller, &called, &listening).await.is_err());
    assert_eq!(next(&mut listening).await, Diagnosis::Alpn);
}

#[tokio::test]
async fn a_caller_without_a_certificate_is_refused() {
    let (caller, called, mut listening) = pair().await;
    let bare = Foreign { certificate: false, ..Foreign::new() };
    assert!(bare.call(&caller, &called, &listening).await.is_err());
    assert_eq!(next(&mut listening).await, Diagnosis::NoCertificate);
}

#[tokio::test]
async fn nothing_is_resumed_even_for_a_caller_that_would() {
    let (caller, called, listening) = pair().await;
    let mut config = Foreign::new().config(&caller, &called);
    config.resumption = rustls::client::Resumption::in_memory_sessions(8);
    let connector = TlsConnector::from(Arc::new(config));
    for _ in 0..2 {
        let tcp = TcpStream::connect(("127.0.0.1", listening.endpoint.port())).await.expect("connects");
        let label = ServerName::try_from(knock::label(&called.knock_key, NOW)).expect("a label");
        let mut stream = connector.connect(label, tcp).await.expect("shakes hands");
        stream.read_u8().await.expect("is greeted");
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(rustls::HandshakeKind::Full));
        assert_eq!(stream.get_ref().1.tls13_tickets_received(), 0);
    }
}

#[tokio::test]
async fn our_own_configurations_offer_what_they_must_and_nothing_else() {
    let (caller, called, _) = pair().await;
    let verifier = Verifier::new(Expected::Dialled { bundles: caller.tls.trust.load(), org: called.id() });
    let client = client_config(&caller.tls.credential(), verifier.clone(), false, &caller.tls.clock);
    let groups = |provider: &rustls::crypto::CryptoProvider| provider.kx_groups.iter().map(|group| group.name()).collect::<Vec<_>>();
    assert_eq!(groups(client.crypto_provider()), [NamedGroup::X25519MLKEM768]);
    assert_eq!((client.alpn_protocols.as_slice(), client.enable_early_data), ([b"h2".to_vec()].as_slice(), false));
    let server = server_config(&called.tls.credential(), verifier, false, &called.tls.clock);
    assert_eq!(groups(server.crypto_provider()), [NamedGroup::X25519MLKEM768]);
    assert_eq!((server.send_tls13_tickets, server.max_early_data_size, server.session_storage.can_cache()), (0, 0, false));
}

#[tokio::test]
async fn what_is_no_tls_at_all_is_refused() {
    let called = Org::new();
    let mut listening = called.listen().await;
    for plain in
        [b"GET / HTTP/1.1\r\nhost: x\r\n\r\n".as_slice(), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", b"SSH-2.0-x\r\n"]
    {
        let mut tcp = TcpStream::connect(("127.0.0.1", listening.endpoint.port())).await.expect("connects");
        tcp.write_all(plain).await.expect("writes");
        assert_eq!(next(&mut listening).await, Diagnosis::NotTls);
    }
}

#[tokio::test]
async fn a_caller_that_speaks_tls_1_2_alone_is_refused_even_if_it_knows_the_label() {
    let called = Org::new();
    let mut listening = called.listen().await;
    let mut tcp = TcpStream::connect(("127.0.0.1", listening.endpoint.port())).await.expect("connects");
    tcp.write_all(&hello_of_tls_1_2(&knock::label(&called.knock_key, NOW))).await.expect("writes");
    let mut answer = Vec::new();
    tcp.read_to_end(&mut answer).await.expect("reads");
    assert_eq!(answer, [21, 3, 3, 0, 2, 2, 70], "alert protocol_version");
    assert_eq!(next(&mut listening).await, Diagnosis::ProtocolVersion);
}

/// RFC 5246 §7.4.1.2 with the extensions that every such client sends.
fn hello_of_tls_1_2(label: &str) -> Vec<u8> {
    fn sized(bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
    }
    let extension = |number: u16, body: Vec<u8>| [number.to_be_bytes().to_vec(), sized(&body)].concat();
    let extensions = [
        extension(0, sized(&[vec![0], sized(label.as_bytes())].concat())),
        extension(10, sized(&[0, 29, 0, 23])),
        extension(11, vec![1, 0]),
        extension(13, sized(&[4, 3, 8, 7])),
    ]
    .concat();
    let body = [vec![3, 3], vec![7; 32], vec![0], sized(&[0xc0, 0x2b, 0xc0, 0x2c]), vec![1, 0], sized(&extensions)].concat();
    let message = [&[1, 0], sized(&body).as_slice()].concat();
    [&[22, 3, 1], sized(&message).as_slice()].concat()
}

#[tokio::test]
async fn a_refused_connection_an_unknown_name_and_an_onion_address_are_told_apart() {
    let (caller, called, _) = pair().await;
    let free = TcpListener::bind("127.0.0.1:0").await.expect("binds").local_addr().expect("bound").port();
    let dial = async |endpoint: String, proxy| {
        let endpoint: Endpoint = endpoint.parse().expect("an endpoint");
        let options = DialOptions { proxy, ..DialOptions::default() };
        connect(&caller.tls, &endpoint, called.id(), &options).await.expect_err("fails").code()
    };
    assert_eq!(dial(format!("127.0.0.1:{free}"), None).await, "connection_refused");
    assert_eq!(dial("node.invalid:7443".into(), None).await, "name_resolution");
    assert_eq!(dial("abcdef.onion:7443".into(), None).await, "onion_without_proxy");
    assert_eq!(dial("abcdef.onion:7443".into(), Some(([127, 0, 0, 1], free).into())).await, "proxy");
}

/// A SOCKS5 proxy (RFC 1928) that knows one name, and nothing else.
async fn proxy(known: &'static str, port: u16) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let mut greeting = [0; 3];
            tcp.read_exact(&mut greeting).await.expect("greets");
            tcp.write_all(&[5, 0]).await.expect("writes");
            let mut head = [0; 5];
            tcp.read_exact(&mut head).await.expect("asks");
            assert_eq!(head[..4], [5, 1, 0, 3], "the name goes to the proxy unresolved");
            let mut name = vec![0; usize::from(head[4]) + 2];
            tcp.read_exact(&mut name).await.expect("asks");
            let reply = if name.starts_with(known.as_bytes()) { 0 } else { 4 };
            tcp.write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0]).await.expect("writes");
            if reply == 0 {
                let mut onward = TcpStream::connect(("127.0.0.1", port)).await.expect("connects");
                tokio::spawn(async move { tokio::io::copy_bidirectional(&mut tcp, &mut onward).await });
            }
        }
    });
    address
}

#[tokio::test]
async fn an_onion_address_is_dialled_through_the_proxy_which_resolves_it() {
    let (caller, called, listening) = pair().await;
    let options = DialOptions { proxy: Some(proxy("abcdef.onion", listening.endpoint.port()).await), ..DialOptions::default() };
    let endpoint: Endpoint = "abcdef.onion:7443".parse().expect("an endpoint");
    let connection = connect(&caller.tls, &endpoint, called.id(), &options).await.expect("connects");
    assert_eq!(connection.org, called.id());
    let unknown: Endpoint = "other.onion:7443".parse().expect("an endpoint");
    let found = connect(&caller.tls, &unknown, called.id(), &options).await.expect_err("unknown");
    assert_eq!(found.code(), "unreachable");
}

#[tokio::test]
async fn handshakes_have_a_limit_of_their_own_time() {
    let limits = HandshakeLimits::default();
    assert_eq!((limits.timeout, limits.pending_max), (Duration::from_secs(5), 256));
}
