//! An organisation that is paired and does not keep to the protocol: raw frames over a real link.

use super::net::{Net, Watched};
use super::{Federation, LOOK, PATIENCE, Who};
use prost::Message;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use watchfire::clock::Clock;
use watchfire::link::accept::{AcceptedConnection, Acceptor, HandshakeLimits};
use watchfire::link::convert::wire::link_client::LinkClient;
use watchfire::link::convert::wire::link_server::{Link, LinkServer};
use watchfire::link::convert::wire::{self, frame::Frame as Kind};
use watchfire::link::convert::{LogState, batch_frames, encode_record, have_frames};
use watchfire::link::diagnosis::Diagnosis;
use watchfire::link::dial::{self, DialOptions, DialledConnection};
use watchfire::link::identity::Identity;
use watchfire::link::pairing::Invitation;
use watchfire::link::serve::{Http2Limits, channel, serve};
use watchfire::link::tls::Tls;
use watchfire::link::trust::{Standing, Trust, TrustBundle, TrustBundles};
use watchfire::link::wire::{PairingStart, pairing_client::PairingClient};
use watchfire::model::crypto::SigningKey;
use watchfire::model::identity::{Card, Endpoint};
use watchfire::model::log::{Audience, Batch, BatchEntry, Body, Head, LogKey};
use watchfire::model::{Indicator, Observable, OrgId, Record, RecordKind, Timestamp, Tlp};
use watchfire::node::view::PeerOptions;
use watchfire::rules::label::{Held, Way, outbound};

/// What the node calls it.
pub const ROGUE: &str = "rogue";
/// Where it stands among the nodes of a federation: behind all.
pub const ROGUE_PLACE: Who = Who(9);

pub struct Rogue {
    pub identity: Identity,
    tls: Arc<Tls>,
    pub endpoint: Endpoint,
    target: OrgId,
    clock: Clock,
    heard: Arc<Watched>,
    /// The streams that the node has opened to it, when it is the one that is called.
    called: Option<Mutex<mpsc::UnboundedReceiver<Stream>>>,
}

/// Who calls whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Caller,
    Called,
}

/// A stream to the target on which anything may be said.
pub struct Stream {
    say: mpsc::Sender<wire::Frame>,
    hear: tonic::Streaming<wire::Frame>,
    heard: Arc<Watched>,
}

impl Rogue {
    /// A new organisation that this node has paired with.
    pub async fn paired_with(federation: &Federation, who: Who) -> Self {
        Self::paired_as(Role::Caller, federation, who).await
    }

    /// A new organisation that this node has paired with; as the one that is called, it has the node dial it.
    pub async fn paired_as(role: Role, federation: &Federation, who: Who) -> Self {
        let (node, clock) = (federation.node(who), federation.clock.clone());
        let endpoints = if role == Role::Called { vec![Net::endpoint(ROGUE).parse().unwrap()] } else { Vec::new() };
        let identity = Identity::create(&federation.directory().join(super::word()), endpoints, clock.now()).unwrap();
        let tls = Self::tls(&identity, node.keys.card(), &clock);
        let called = if role == Role::Called { Some(Mutex::new(listen(federation, tls.clone()).await)) } else { None };
        node.peer_add(&identity.card().to_text(), ROGUE, PeerOptions::default()).await.unwrap();
        let endpoint = node.address().unwrap().to_string().parse().unwrap();
        Self { identity, tls, endpoint, target: node.org(), clock, heard: federation.heard.clone(), called }
    }

    /// An organisation that calls a node of another process, of which it has the card, and which has paired with it.
    #[allow(dead_code)] // For the search of memory, which has a test of its own.
    pub fn calling(identity: Identity, card: Card, clock: Clock) -> Self {
        let (target, endpoint) = (card.org(), card.content().endpoints[0].clone());
        let tls = Self::tls(&identity, card, &clock);
        Self { identity, tls, endpoint, target, clock, heard: Arc::default(), called: None }
    }

    fn tls(identity: &Identity, card: Card, clock: &Clock) -> Arc<Tls> {
        let org = card.org();
        let bundle = TrustBundle::new(card, Standing::Active, false).unwrap();
        let bundles = TrustBundles { peers: BTreeMap::from([(org, bundle)]), ..TrustBundles::default() };
        let credential = identity.credentials(clock.now()).unwrap().remove(0);
        let time = clock.clone();
        Tls::new(credential, Trust::new(bundles), Arc::new(move || time.now()))
    }

    /// An organisation that nobody knows.
    pub fn paired_with_nobody(federation: &Federation) -> Identity {
        Identity::create(&federation.directory().join(super::word()), Vec::new(), federation.clock.now()).unwrap()
    }

    /// The node listens elsewhere from now on.
    pub fn moved(&mut self, address: std::net::SocketAddr) {
        self.endpoint = address.to_string().parse().unwrap();
    }

    /// Its log to the node alone.
    pub fn log(&self) -> LogKey {
        LogKey { author: self.identity.org(), incarnation: 1, audience: Audience::Direct(self.target) }
    }

    /// A connection on which nothing has been said, by another way than straight to the node.
    pub async fn dial_by(&self, endpoint: &Endpoint, options: &DialOptions) -> Result<DialledConnection, Diagnosis> {
        dial::connect(&self.tls, endpoint, self.target, options).await
    }

    /// A connection on which nothing has been said.
    pub async fn dial(&self) -> DialledConnection {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.dial_by(&self.endpoint, &DialOptions::default()).await {
                Ok(connection) => return connection,
                // The node was told of us a moment ago.
                Err(Diagnosis::UntrustedThere) if Instant::now() < end => tokio::time::sleep(LOOK).await,
                Err(diagnosis) => panic!("the rogue is not let in: {diagnosis}"),
            }
        }
    }

    /// A stream on which nothing has been said.
    pub async fn connect(&self) -> Stream {
        if let Some(called) = &self.called {
            return tokio::time::timeout(PATIENCE, called.lock().await.recv()).await.expect("the node calls").expect("it listens");
        }
        self.open().await.unwrap()
    }

    /// As [`Self::connect`], where the node may refuse the stream.
    pub async fn open(&self) -> Result<Stream, tonic::Status> {
        let connection = self.dial().await;
        let mut client = LinkClient::new(channel(connection, &Http2Limits::default()).await.unwrap());
        let (say, frames) = mpsc::channel(4_096);
        let hear = client.open(ReceiverStream::new(frames)).await?.into_inner();
        Ok(Stream { say, hear, heard: self.heard.clone() })
    }

    /// A stream on which both have said hello.
    pub async fn link(&self) -> Stream {
        let mut stream = self.connect().await;
        stream.say(Kind::Hello(self.hello(vec![1]))).await;
        assert!(matches!(stream.hear().await, Some(Kind::Hello(_))));
        stream
    }

    pub fn hello(&self, versions: Vec<u32>) -> wire::Hello {
        wire::Hello { versions, clock: self.clock.now().0, known_card: 1, ..wire::Hello::default() }
    }

    /// A stream on which its log was offered and asked for.
    pub async fn asked(&self, head: Head) -> Stream {
        let mut stream = self.link().await;
        for frame in have_frames(&[LogState { key: self.log(), head }], &[]) {
            stream.say(frame.frame.unwrap()).await;
        }
        stream.until(|kind| matches!(kind, Kind::Want(want) if want.log == self.log().id().0)).await;
        stream
    }

    /// Entries of its log, signed with this key, and the frames that carry them.
    pub fn batch(&self, head: Head, entries: Vec<BatchEntry>, key: &SigningKey) -> (Batch, Vec<Kind>) {
        let batch = Batch::seal(self.log().id(), head, entries, [7; 32], self.clock.now(), 0, key).unwrap();
        let frames = self.frames(&self.log(), &batch);
        (batch, frames)
    }

    pub fn frames(&self, log: &LogKey, batch: &Batch) -> Vec<Kind> {
        let way = Way {
            log,
            us: &self.identity.org(),
            reader: &self.target,
            group: None,
            joined: 0,
            allowance: watchfire::rules::policy::Allowance::OPEN,
            now: Timestamp(0),
        };
        let may = outbound(Held(batch.clone()), &way).unwrap();
        batch_frames(log, &may).into_iter().map(|frame| frame.frame.unwrap()).collect()
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// An entry that says a value.
    pub fn entry(&self, value: &str) -> BatchEntry {
        let record = Record::Indicator(Indicator::bare(Observable::guess(value).unwrap()));
        self.entry_of(RecordKind::Indicator.number(), encode_record(&record))
    }

    pub fn entry_of(&self, kind: u8, body: Vec<u8>) -> BatchEntry {
        BatchEntry { created: self.clock.now(), kind, label: Tlp::Amber.into(), retention: Timestamp(0), body: Body::Present(body) }
    }
}

/// An organisation that this node dials, and the connections that come, before anything is said on them.
#[allow(dead_code)] // For the floods, which have a test of their own.
pub async fn listen_raw(federation: &Federation, who: Who) -> mpsc::UnboundedReceiver<AcceptedConnection> {
    let (node, clock) = (federation.node(who), &federation.clock);
    let endpoints = vec![Net::endpoint(ROGUE).parse().unwrap()];
    let identity = Identity::create(&federation.directory().join(super::word()), endpoints, clock.now()).unwrap();
    let tls = Rogue::tls(&identity, node.keys.card(), clock);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    federation.net.listens(ROGUE_PLACE, ROGUE, listener.local_addr().unwrap());
    let (came, connections) = mpsc::unbounded_channel();
    let serving = move |connection| {
        let _ = came.send(connection);
        std::future::ready(())
    };
    tokio::spawn(Acceptor::new(tls, unlimited()).run(listener, CancellationToken::new(), serving, |_, _| ()));
    node.peer_add(&identity.card().to_text(), ROGUE, PeerOptions::default()).await.unwrap();
    connections
}

fn unlimited() -> HandshakeLimits {
    HandshakeLimits { per_second_max: u64::MAX, source_per_second_max: u64::MAX, ..HandshakeLimits::default() }
}

/// Listens where its card says; every stream that is opened is handed on as it is.
async fn listen(federation: &Federation, tls: Arc<Tls>) -> mpsc::UnboundedReceiver<Stream> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    federation.net.listens(ROGUE_PLACE, ROGUE, listener.local_addr().unwrap());
    let (opened, streams) = mpsc::unbounded_channel();
    let heard = federation.heard.clone();
    let serving = move |connection: AcceptedConnection| {
        let service = LinkServer::new(Called(opened.clone(), heard.clone()));
        let app = tonic::service::Routes::new(service).prepare().into_axum_router();
        async move {
            serve(connection, app, &Http2Limits::default(), CancellationToken::new()).await;
        }
    };
    tokio::spawn(Acceptor::new(tls, unlimited()).run(listener, CancellationToken::new(), serving, |_, _| ()));
    streams
}

struct Called(mpsc::UnboundedSender<Stream>, Arc<Watched>);

#[tonic::async_trait]
impl Link for Called {
    type OpenStream = std::pin::Pin<Box<dyn tokio_stream::Stream<Item = Result<wire::Frame, tonic::Status>> + Send>>;

    async fn open(
        &self,
        request: tonic::Request<tonic::Streaming<wire::Frame>>,
    ) -> Result<tonic::Response<Self::OpenStream>, tonic::Status> {
        let (say, frames) = mpsc::channel(4_096);
        let _ = self.0.send(Stream { say, hear: request.into_inner(), heard: self.1.clone() });
        Ok(tonic::Response::new(Box::pin(ReceiverStream::new(frames).map(Ok))))
    }
}

/// A stranger who saw an invitation's label guesses at its secret. Returns what it is told.
pub async fn guess(federation: &Federation, who: Who, invitation: &str) -> String {
    let (node, clock) = (federation.node(who), federation.clock.clone());
    let stranger = Rogue::paired_with_nobody(federation);
    let credential = stranger.credentials(clock.now()).unwrap().remove(0);
    let tls = Tls::new(credential, Trust::new(TrustBundles::default()), Arc::new(move || clock.now()));
    let endpoint: Endpoint = node.address().unwrap().to_string().parse().unwrap();
    let label = Invitation::from_text(invitation).unwrap().label();
    let connection = dial::connect_for_pairing(&tls, &endpoint, &label, node.org(), &DialOptions::default()).await;
    let mut client = PairingClient::new(channel(connection.unwrap(), &Http2Limits::default()).await.unwrap());
    let refused = client.start(PairingStart { commitment: vec![1; 32], proof: vec![2; 32] }).await.unwrap_err();
    refused.message().to_owned()
}

impl Stream {
    pub async fn say(&mut self, kind: Kind) {
        // The other side may have closed by now; what it said last is read all the same.
        let _ = self.say.send(wire::Frame { frame: Some(kind) }).await;
    }

    pub async fn say_all(&mut self, kinds: Vec<Kind>) {
        for kind in kinds {
            self.say(kind).await;
        }
    }

    /// The next frame; `None` when the stream has ended.
    pub async fn hear(&mut self) -> Option<Kind> {
        let frame = tokio::time::timeout(PATIENCE, self.hear.message()).await.expect("the node says something");
        let frame = frame.ok().flatten()?;
        // Batches of a log to it alone are not compressed.
        self.heard.look_at(&frame.encode_to_vec());
        frame.frame
    }

    /// Reads on to a frame.
    pub async fn until(&mut self, is_it: impl Fn(&Kind) -> bool) -> Kind {
        loop {
            let kind = self.hear().await.expect("the stream goes on");
            if is_it(&kind) {
                return kind;
            }
        }
    }

    /// Reads on to the reason for which the node closes the stream, and to its end.
    pub async fn closed(&mut self) -> (String, String) {
        let Kind::Close(close) = self.until(|kind| matches!(kind, Kind::Close(_))).await else { unreachable!() };
        while self.hear().await.is_some() {}
        (close.code, close.words)
    }

    pub async fn acknowledged(&mut self) -> wire::Ack {
        let Kind::Ack(ack) = self.until(|kind| matches!(kind, Kind::Ack(_))).await else { unreachable!() };
        ack
    }
}
