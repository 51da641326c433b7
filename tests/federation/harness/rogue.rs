//! An organisation that is paired and does not keep to the protocol: raw frames over a real link.

use super::{Federation, LOOK, PATIENCE, Who};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use watchfire::clock::Clock;
use watchfire::link::convert::wire::link_client::LinkClient;
use watchfire::link::convert::wire::{self, frame::Frame as Kind};
use watchfire::link::convert::{LogState, batch_frames, encode_record, have_frames};
use watchfire::link::diagnosis::Diagnosis;
use watchfire::link::dial::{self, DialOptions};
use watchfire::link::identity::Identity;
use watchfire::link::serve::{Http2Limits, channel};
use watchfire::link::tls::Tls;
use watchfire::link::trust::{Standing, Trust, TrustBundle, TrustBundles};
use watchfire::model::crypto::SigningKey;
use watchfire::model::identity::Endpoint;
use watchfire::model::log::{Audience, Batch, BatchEntry, Body, Head, LogKey};
use watchfire::model::{Indicator, Observable, OrgId, Record, RecordKind, Timestamp, Tlp};
use watchfire::node::view::PeerOptions;
use watchfire::rules::label::{Held, Way, outbound};

/// What the node calls it.
pub const ROGUE: &str = "rogue";

pub struct Rogue {
    pub identity: Identity,
    tls: Arc<Tls>,
    endpoint: Endpoint,
    target: OrgId,
    clock: Clock,
}

/// A stream to the target on which anything may be said.
pub struct Stream {
    say: mpsc::Sender<wire::Frame>,
    hear: tonic::Streaming<wire::Frame>,
}

impl Rogue {
    /// A new organisation that this node has paired with.
    pub async fn paired_with(federation: &Federation, who: Who) -> Self {
        let (node, clock) = (federation.node(who), federation.clock.clone());
        let identity = Identity::create(&federation.directory().join(super::word()), Vec::new(), clock.now()).unwrap();
        node.peer_add(&identity.card().to_text(), ROGUE, PeerOptions::default()).await.unwrap();
        let bundle = TrustBundle::new(node.keys.card(), Standing::Active, false).unwrap();
        let bundles = TrustBundles { peers: BTreeMap::from([(node.org(), bundle)]), ..TrustBundles::default() };
        let credential = identity.credentials(clock.now()).unwrap().remove(0);
        let time = clock.clone();
        let tls = Tls::new(credential, Trust::new(bundles), Arc::new(move || time.now()));
        let endpoint = node.address().unwrap().to_string().parse().unwrap();
        Self { identity, tls, endpoint, target: node.org(), clock }
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

    /// A stream on which nothing has been said.
    pub async fn connect(&self) -> Stream {
        let end = Instant::now() + PATIENCE;
        let connection = loop {
            match dial::connect(&self.tls, &self.endpoint, self.target, &DialOptions::default()).await {
                Ok(connection) => break connection,
                // The node was told of us a moment ago.
                Err(Diagnosis::UntrustedThere) if Instant::now() < end => tokio::time::sleep(LOOK).await,
                Err(diagnosis) => panic!("the rogue is not let in: {diagnosis}"),
            }
        };
        let mut client = LinkClient::new(channel(connection, &Http2Limits::default()).await.unwrap());
        let (say, frames) = mpsc::channel(4_096);
        let hear = client.open(ReceiverStream::new(frames)).await.unwrap().into_inner();
        Stream { say, hear }
    }

    /// A stream on which both have said hello.
    pub async fn link(&self) -> Stream {
        let mut stream = self.connect().await;
        stream.say(Kind::Hello(self.hello(vec![1]))).await;
        assert!(matches!(stream.hear().await, Some(Kind::Hello(_))));
        stream
    }

    pub fn hello(&self, versions: Vec<u32>) -> wire::Hello {
        wire::Hello { versions, clock: self.clock.now().0, ..wire::Hello::default() }
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
        let way = Way { log, us: &self.identity.org(), reader: &self.target, group: None, joined: 0, now: Timestamp(0) };
        let may = outbound(Held(batch.clone()), &way).unwrap();
        batch_frames(log, &may).into_iter().map(|frame| frame.frame.unwrap()).collect()
    }

    /// An entry that says a value.
    pub fn entry(&self, value: &str) -> BatchEntry {
        let record = Record::Indicator(Indicator::bare(Observable::guess(value).unwrap()));
        self.entry_of(RecordKind::Indicator.number(), encode_record(&record))
    }

    pub fn entry_of(&self, kind: u8, body: Vec<u8>) -> BatchEntry {
        BatchEntry { created: self.clock.now(), kind, tlp: Tlp::Amber, retention: Timestamp(0), body: Body::Present(body) }
    }
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
        frame.ok().flatten().and_then(|frame| frame.frame)
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
