//! Organisations for tests: real keys and certificates, and a clock that the test moves.

use super::accept::{AcceptedConnection, Acceptor, HandshakeLimits};
use super::certificate::{IssuingCa, NodeCertificate};
use super::diagnosis::Diagnosis;
use super::dial::{DialOptions, DialledConnection, connect};
use super::tls::{Clock, Credential, Tls};
use super::trust::{Standing, Trust, TrustBundle, TrustBundles};
use crate::model::identity::{Card, CardContent, Chain, Endpoint, LogKey, P256Key};
use crate::model::{OrgId, Timestamp, crypto::random};
use rustls_pki_types::CertificateDer;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub(super) const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// A clock that stands still until the test moves it.
#[derive(Clone)]
pub(super) struct Hands(Arc<AtomicU64>);

impl Hands {
    pub(super) fn at(now: Timestamp) -> Self {
        Self(Arc::new(AtomicU64::new(now.0)))
    }
    pub(super) fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }
    pub(super) fn clock(&self) -> Clock {
        let time = self.0.clone();
        Arc::new(move || Timestamp(time.load(Ordering::SeqCst)))
    }
}

/// A chain, and the private key that is used with it (PKCS #8), which may be another than its leaf's.
pub(super) type Shown = (Vec<CertificateDer<'static>>, Vec<u8>);

/// An organisation with everything it needs, and a node in this process.
pub(super) struct Org {
    pub(super) root: P256Key,
    pub(super) next_root: P256Key,
    pub(super) chain: Chain,
    pub(super) ca: IssuingCa,
    pub(super) node: NodeCertificate,
    pub(super) knock_key: [u8; 32],
    pub(super) hands: Hands,
    pub(super) tls: Arc<Tls>,
}

impl Org {
    pub(super) fn new() -> Self {
        let (root, next_root) = (P256Key::generate(), P256Key::generate());
        let chain = Chain::incept(&root, &next_root.public(), random(), NOW);
        let ca = IssuingCa::issue(&root, NOW).expect("issues");
        let node = ca.issue_node(chain.org(), NOW).expect("issues");
        let (knock_key, hands) = (random(), Hands::at(NOW));
        let credential = Credential::new(&node, knock_key).expect("a key");
        let tls = Tls::new(credential, Trust::new(TrustBundles::default()), hands.clock());
        Self { root, next_root, chain, ca, node, knock_key, hands, tls }
    }

    pub(super) fn id(&self) -> OrgId {
        self.chain.org()
    }

    pub(super) fn content(&self, number: u64) -> CardContent {
        CardContent {
            number,
            issuing_cas: vec![self.ca.der().to_vec()],
            log_key: LogKey { number: 1, public: [1; 32] },
            earlier_log_keys: vec![],
            desk_key: None,
            match_key: None,
            knock_key: self.knock_key,
            endpoints: vec![],
            protocols: vec![1],
            created: NOW,
        }
    }

    pub(super) fn card(&self) -> Card {
        self.card_of(self.content(1))
    }

    pub(super) fn card_of(&self, content: CardContent) -> Card {
        Card::sign(&self.chain, content, &self.root).expect("signs")
    }

    /// Trusts a card, replacing what was known of its organisation.
    pub(super) fn trust(&self, card: Card, standing: Standing, allow_classical: bool) {
        let bundle = TrustBundle::new(card, standing, allow_classical).expect("a good card");
        self.change(|bundles| drop(bundles.peers.insert(bundle.card().org(), bundle)));
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut TrustBundles)) {
        let mut bundles = (*self.tls.trust.load()).clone();
        change(&mut bundles);
        self.tls.trust.replace(bundles);
    }

    pub(super) fn deny(&self, key: [u8; 32]) {
        self.change(|bundles| bundles.denied = BTreeSet::from([key]));
    }

    pub(super) fn show(&self, node: &NodeCertificate) {
        self.tls.credentials.store(Arc::new(vec![Credential::new(node, self.knock_key).expect("a key")]));
    }

    pub(super) fn show_chain(&self, (chain, key): Shown) {
        let credential = Credential::of_chain(chain, &key, self.knock_key).expect("a key");
        self.tls.credentials.store(Arc::new(vec![credential]));
    }

    pub(super) async fn listen(&self) -> Listening {
        // The clock stands still, so all that a test dials falls into one second.
        self.listen_with(HandshakeLimits { per_second_max: u64::MAX, source_per_second_max: u64::MAX, ..HandshakeLimits::default() }).await
    }

    /// Greets each caller with one byte, which stands for the first frame, and keeps the connection until it is killed.
    pub(super) async fn listen_with(&self, limits: HandshakeLimits) -> Listening {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let endpoint = format!("127.0.0.1:{}", listener.local_addr().expect("bound").port()).parse().expect("an endpoint");
        let (acceptor, stop) = (Acceptor::new(self.tls.clone(), limits), CancellationToken::new());
        let ((accepted_in, accepted), (refused_in, refused)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        let serve = move |connection| greet(connection, accepted_in.clone());
        let refuse = move |_, diagnosis| drop(refused_in.send(diagnosis));
        tokio::spawn(acceptor.run(listener, stop.clone(), serve, refuse));
        Listening { endpoint, accepted, refused, _stop: stop.drop_guard() }
    }

    pub(super) async fn dial(&self, listening: &Listening, other: &Self) -> Result<DialledConnection, Diagnosis> {
        connect(&self.tls, &listening.endpoint, other.id(), &DialOptions::default()).await
    }
}

async fn greet(mut connection: AcceptedConnection, seen: mpsc::UnboundedSender<super::accept::Caller>) {
    let _ = connection.stream.write_all(b"!").await;
    let _ = connection.stream.flush().await;
    let _ = seen.send(connection.caller.clone());
    connection.kill.cancelled().await;
}

/// A node that listens.
pub(super) struct Listening {
    pub(super) endpoint: Endpoint,
    pub(super) accepted: mpsc::UnboundedReceiver<super::accept::Caller>,
    pub(super) refused: mpsc::UnboundedReceiver<Diagnosis>,
    _stop: tokio_util::sync::DropGuard,
}

/// Two organisations that trust each other, the second of which listens.
pub(super) async fn pair() -> (Org, Org, Listening) {
    let (caller, called) = (Org::new(), Org::new());
    caller.trust(called.card(), Standing::Active, false);
    called.trust(caller.card(), Standing::Active, false);
    let listening = called.listen().await;
    (caller, called, listening)
}
