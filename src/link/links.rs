//! All links of a node: who may call, who is dialled and when again, which of two streams stays, and how certificates renew.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::accept::{AcceptedConnection, Acceptor, Caller, HandshakeLimits};
use super::convert::wire;
use super::convert::wire::link_client::LinkClient;
use super::convert::wire::link_server::{Link, LinkServer};
use super::diagnosis::Diagnosis;
use super::dial::{self, DialOptions, DialledConnection};
use super::frames::{FrameLimits, Tripped};
use super::keys::INVITATIONS;
use super::limits::{Overrun, Throttle};
use super::pairing::{Invitation, JoinError, Keep, Kept, NotOpened, PairingError, PairingService, Persist, keep, kept};
use super::serve::{ConnectionInfo, Http2Limits};
use super::session::{Ended, Session, outbox};
use super::tls::Tls;
use super::trust::{Standing, Trust, TrustBundle, TrustBundles};
use crate::model::identity::{Card, Endpoint};
use crate::model::{OrgId, Timestamp};
use crate::node::view::DiagnosisView;
use crate::node::{Node, NodeError};
use crate::store::change::{PeerRow, PeerState};

/// The file with the keys that are refused, in the data directory: SHA-256 over the SubjectPublicKeyInfo of a leaf or an issuing CA, in hex.
pub(crate) const DENIED_KEYS: &str = "denied-keys.txt";
/// A frame has at most so many bytes.
const FRAME_BYTES_MAX: usize = 64 << 10;

/// A node's links.
pub struct Links {
    pub(super) node: Arc<Node>,
    pub(super) tls: Arc<Tls>,
    acceptor: Arc<Acceptor>,
    pairing: Arc<PairingService>,
    live: Mutex<BTreeMap<OrgId, Live>>,
    stop: CancellationToken,
    next: std::sync::atomic::AtomicU64,
    /// What carries frames in a simulation, in place of connections.
    #[cfg(feature = "simulation")]
    pub(super) carrier: std::sync::OnceLock<Box<dyn super::simulated::Carrier>>,
}

/// The stream that stays with a peer.
#[derive(Debug)]
struct Live {
    number: u64,
    /// Whose dial it is.
    dialler: OrgId,
    kill: CancellationToken,
}

/// What is known of the connection under a stream.
#[derive(Debug)]
pub(super) struct Under {
    pub(super) dialler: OrgId,
    /// The key exchange.
    pub(super) kx: String,
    /// When the certificate that the peer showed runs out.
    pub(super) until: Timestamp,
    /// The limit that the connection has passed, once it has.
    pub(super) tripped: Tripped,
}

impl Links {
    /// The links of a node, none of them up.
    ///
    /// # Errors
    /// When our certificate or a stored card cannot be used.
    pub fn new(node: Arc<Node>) -> Result<Arc<Self>, NodeError> {
        let trust = Trust::new(bundles(&node, denied_keys(&node.data.join(DENIED_KEYS))?)?);
        let clock = node.clock.clone();
        let mut credentials = node.keys.credentials(clock.now())?;
        let first = credentials.remove(0);
        let tls = Tls::new(first.clone(), trust, Arc::new(move || clock.now()));
        credentials.insert(0, first);
        tls.credentials.store(Arc::new(credentials));
        let link = &node.config.link;
        let limits = HandshakeLimits {
            timeout: Duration::from_millis(link.handshake_ms_max),
            pending_max: usize::try_from(link.half_open_max).unwrap_or(usize::MAX),
            per_second_max: link.handshakes_per_second_max,
            source_per_second_max: link.source_handshakes_per_second_max,
        };
        let acceptor = Acceptor::new(tls.clone(), limits);
        let pairing = pairing_service(&node, &acceptor);
        pairing.open_again(kept(&invitations(&node), node.clock.now())?);
        Ok(Arc::new(Self {
            node,
            tls,
            acceptor,
            pairing,
            live: Mutex::default(),
            stop: CancellationToken::new(),
            next: 0.into(),
            #[cfg(feature = "simulation")]
            carrier: Default::default(),
        }))
    }

    /// Serves and dials until `stop` fires.
    pub async fn run(self: Arc<Self>, listener: TcpListener, stop: CancellationToken) {
        let links = self.clone();
        let serve = move |connection| {
            let links = links.clone();
            async move { links.serve(connection).await }
        };
        let (throttle, links) = (Arc::new(Throttle::default()), self.clone());
        let refuse = move |_remote: SocketAddr, diagnosis: Diagnosis| {
            links.note_refusal(&diagnosis);
            if let Some(left_out) = throttle.say(links.node.clock.monotonic_ms()) {
                let (peer, code) = (diagnosis.refused_peer().map(tracing::field::display), diagnosis.code());
                tracing::info!(peer, code, left_out, "a call came to nothing");
            }
        };
        let accepting = tokio::spawn(self.acceptor.clone().run(listener, stop.clone(), serve, refuse));
        self.keep_up(stop).await;
        let _ = accepting.await;
    }

    /// Dials and renews until `stop` fires; then every stream ends.
    pub(super) async fn keep_up(self: Arc<Self>, stop: CancellationToken) {
        let dialling = tokio::spawn(self.clone().keep_dialling(stop.clone()));
        let renewing = tokio::spawn(self.clone().keep_fresh(stop.clone()));
        let letting_go = tokio::spawn(self.node.clone().keep_letting_go(stop.clone()));
        let watching = tokio::spawn(self.node.clone().keep_watching(stop.clone()));
        let tending = tokio::spawn(self.node.clone().keep_tending(stop.clone()));
        let telling = tokio::spawn(self.node.clone().keep_notifying(stop.clone()));
        let looking = tokio::spawn(self.node.clone().keep_looking_for_campaigns(stop.clone()));
        let feeding = tokio::spawn(self.node.clone().keep_feeding(stop.clone()));
        stop.cancelled().await;
        self.stop.cancel();
        for live in self.lock().values() {
            live.kill.cancel();
        }
        let _ = tokio::join!(dialling, renewing, letting_go, telling, watching, tending, looking, feeding);
    }

    /// A session with a peer that has said hello, and the frames that it sends. There is none while the store cannot be read.
    pub(super) fn session(
        &self,
        peer: OrgId,
        kill: CancellationToken,
    ) -> Result<(Arc<Session>, impl tokio_stream::Stream<Item = wire::Frame> + Send + use<>), NodeError> {
        let (outbox, frames) = outbox();
        let session = Session::new(self.node.clone(), peer, outbox, kill)?;
        // A fresh outbox has room, and its other end is here.
        let _ = session.hello();
        Ok((session, frames))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<OrgId, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens an invitation: while it lasts, whoever has it may exchange cards with us.
    ///
    /// # Errors
    /// When we have no endpoint that it could name, too many are open, or it cannot be kept over a restart.
    pub fn invite(&self) -> Result<Invitation, NodeError> {
        let endpoints = self.node.keys.card().content().endpoints.clone();
        let life_ms = self.node.config.pairing.invitation_hours.saturating_mul(3_600_000);
        let invitation = Invitation::lasting(self.node.org(), &endpoints, self.node.clock.now(), life_ms);
        let invitation = invitation.map_err(|error| NodeError::BadInput(error.to_string()))?;
        self.pairing.open(invitation.clone()).map_err(|error| match error {
            NotOpened::Full => NodeError::Conflict(error.to_string()),
            NotOpened::NotKept(error) => error.into(),
        })?;
        Ok(invitation)
    }

    /// Takes an invitation up: cards are exchanged, and the digits are to be compared.
    ///
    /// # Errors
    /// When the text is no invitation, or the inviting node is not reached or refuses.
    pub async fn join(&self, text: &str, name: Option<&str>) -> Result<PeerRow, NodeError> {
        let invitation = Invitation::from_text(text).map_err(|error| NodeError::BadInput(error.to_string()))?;
        if invitation.org() == self.node.org() {
            return Err(NodeError::Ourselves("invitation"));
        }
        // Before it is used up.
        self.node.check_is_not_paired(&invitation.org())?;
        let unreachable = |diagnosis| join_error(&invitation, JoinError::Connection { diagnosis });
        let proxy = proxy_address(self.node.config.proxy.as_deref()).await.map_err(unreachable)?;
        let options = DialOptions { proxy, ..DialOptions::default() };
        let joined = super::pairing::join(&self.tls, &invitation, &self.node.keys.card(), &options, &self.http2()).await;
        let outcome = joined.map_err(|error| join_error(&invitation, error))?;
        self.node.peer_pairing(&outcome.card, name, outcome.digits).await
    }

    /// Whether a stream to this peer is up.
    pub fn is_up(&self, peer: &OrgId) -> bool {
        self.lock().contains_key(peer)
    }

    async fn serve(self: Arc<Self>, connection: AcceptedConnection) {
        match connection.caller.clone() {
            Caller::Peer(org) => {
                let called = Called { links: self.clone(), peer: org, kill: connection.kill.clone() };
                let service = LinkServer::new(called).max_decoding_message_size(FRAME_BYTES_MAX).max_encoding_message_size(FRAME_BYTES_MAX);
                let app = tonic::service::Routes::new(service).prepare().into_axum_router();
                let ended = super::serve::serve(connection, app, &self.http2(), self.stop.clone()).await;
                if let super::serve::Ended::Overrun(overrun) = ended {
                    self.note_overrun(org, overrun);
                }
            }
            Caller::Pairing { .. } => {
                super::serve::serve(connection, self.pairing.router(), &self.http2(), self.stop.clone()).await;
            }
        }
    }

    /// Why a peer that calls is turned away is shown beside it: it may have no endpoint at which we would find out ourselves.
    fn note_refusal(&self, diagnosis: &Diagnosis) {
        let Some(peer) = diagnosis.refused_peer() else { return };
        self.node.note_link(peer, |view| {
            if !view.up {
                view.failure = Some(diagnosis_view(diagnosis));
            }
        });
    }

    /// A peer's connection was cut below any stream, so no session tells it.
    fn note_overrun(&self, org: OrgId, overrun: Overrun) {
        tracing::warn!(peer = %org, %overrun, "a connection was cut");
        self.node.note_link(org, |view| view.failure = failure(&Ended::Limit(overrun)));
    }

    fn http2(&self) -> Http2Limits {
        let link = &self.node.config.link;
        Http2Limits {
            streams_max: u32::try_from(link.streams_max).unwrap_or(u32::MAX),
            frames: FrameLimits {
                per_second_max: link.http2_frames_per_second_max,
                control_per_second_max: link.control_frames_per_second_max,
            },
            clock: self.node.clock.clone(),
            keep_alive_interval: Duration::from_millis(link.keep_alive_ms),
            keep_alive_timeout: Duration::from_millis(link.keep_alive_answer_ms_max),
            stop_grace: Duration::from_millis(link.drain_ms_max),
            ..Http2Limits::default()
        }
    }

    /// A stream is up: of two to the same peer one stays, as both sides reckon alike.
    fn admit(&self, peer: OrgId, dialler: OrgId, kill: &CancellationToken) -> Option<u64> {
        let number = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut live = self.lock();
        if let Some(before) = live.get(&peer) {
            let newer_stays = before.dialler == dialler || dialler < before.dialler;
            if !newer_stays {
                return None;
            }
            before.kill.cancel();
        }
        live.insert(peer, Live { number, dialler, kill: kill.clone() });
        Some(number)
    }

    fn dismiss(&self, peer: &OrgId, number: u64) -> bool {
        let mut live = self.lock();
        let ours = live.get(peer).is_some_and(|live| live.number == number);
        if ours {
            live.remove(peer);
        }
        ours
    }

    /// Lives one stream, whoever dialled.
    pub(super) async fn live<S>(self: Arc<Self>, session: Arc<Session>, inbound: S, under: Under)
    where
        S: tokio_stream::Stream<Item = Result<wire::Frame, tonic::Status>> + Send + Unpin + 'static,
    {
        let peer = session.peer();
        let number = Arc::new(Mutex::new(None));
        let (links, noted, kill) = (self.clone(), number.clone(), session.kill());
        let Under { dialler, kx, until, tripped } = under;
        let known = session.clone();
        let ready = move || {
            let admitted = links.admit(peer, dialler, &kill);
            if admitted.is_none() {
                kill.cancel();
            } else {
                tracing::info!(%peer, "a link is up");
                let now = links.node.clock.now();
                let recalls_alone = known.is_for_recalls_alone();
                links.node.note_link(peer, |view| {
                    view.up = !recalls_alone;
                    view.recalls_alone = recalls_alone;
                    view.last_seen = Some(now);
                    view.failure = recalls_alone.then(suspended_but_for_recalls);
                    view.key_exchange = Some(kx);
                    view.certificate_until = Some(until);
                });
            }
            *noted.lock().unwrap_or_else(PoisonError::into_inner) = admitted;
        };
        let mut up = Up { links: &self, peer, number, ended: Ended::Cut };
        up.ended = match (session.run(inbound, ready).await, tripped.overrun()) {
            (Ended::Stream(_), Some(overrun)) => Ended::Limit(overrun),
            (ended, _) => ended,
        };
    }

    /// Dials every peer with which links may be up, that has endpoints and no stream, again and again.
    async fn keep_dialling(self: Arc<Self>, stop: CancellationToken) {
        let mut changes = self.node.peer_changes();
        let mut dialled: BTreeMap<(OrgId, bool), CancellationToken> = BTreeMap::new();
        loop {
            changes.hears();
            self.refresh_trust();
            self.reopen();
            // While the store cannot be read nobody is known to be closed, so whoever is dialled stays so.
            let Ok(linked) = self.node.linked_peers() else {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(Duration::from_secs(1)) => continue,
                }
            };
            // Whoever is linked for something else from now on is dialled anew, at once.
            let wanted: BTreeSet<(OrgId, bool)> = linked.into_iter().collect();
            dialled.retain(|linked, cancel| {
                let keep = wanted.contains(linked);
                if !keep {
                    cancel.cancel();
                }
                keep
            });
            for linked in wanted {
                dialled.entry(linked).or_insert_with(|| {
                    let cancel = stop.child_token();
                    tokio::spawn(self.clone().dial_peer(linked.0, cancel.clone()));
                    cancel
                });
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = changes.rung() => {}
            }
        }
    }

    /// Cuts the links that are to be opened anew; whoever dialled one dials again.
    fn reopen(&self) {
        let peers = self.node.to_reopen();
        for (_, live) in self.lock().iter().filter(|(org, _)| peers.contains(org)) {
            live.kill.cancel();
        }
    }

    /// Puts the peers as the store has them in force; links of peers that are no longer open end at once.
    pub fn refresh_trust(&self) {
        if let Err(error) = self.try_refresh_trust() {
            let (code, place) = (error.code(), error.place());
            tracing::warn!(code, place, "peers or denied keys could not be read; those known before stay in force");
        }
    }

    /// A deny list that cannot be read keeps no change of the peers from being in force: the keys known before stay denied.
    fn try_refresh_trust(&self) -> Result<(), NodeError> {
        let (denied, read) = match denied_keys(&self.node.data.join(DENIED_KEYS)) {
            Ok(denied) => (denied, Ok(())),
            Err(error) => (self.tls.trust.load().denied.clone(), Err(error)),
        };
        self.tls.trust.replace(bundles(&self.node, denied)?);
        read
    }

    async fn dial_peer(self: Arc<Self>, org: OrgId, cancel: CancellationToken) {
        let (min, max) = (self.node.config.link.reconnect_ms_min, self.node.config.link.reconnect_ms_max);
        let mut wait = min;
        loop {
            if !self.is_up(&org) {
                let began = self.node.clock.monotonic_ms();
                let attempt = self.clone().dial_once(org);
                tokio::select! {
                    biased;
                    () = cancel.cancelled() => return,
                    () = attempt => {}
                }
                let lasted = self.node.clock.monotonic_ms().saturating_sub(began);
                wait = if lasted > 10_000 { min } else { (wait * 2).min(max) };
            }
            tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(Duration::from_millis(jittered(wait))) => {}
            }
        }
    }

    async fn dial_once(self: Arc<Self>, org: OrgId) {
        #[cfg(feature = "simulation")]
        if let Some(carrier) = self.carrier.get() {
            return self.clone().dial_over(carrier.as_ref(), org).await;
        }
        let Ok(Some(row)) = self.node.store.snapshot().and_then(|snapshot| snapshot.peer(&org)) else { return };
        let Ok(card) = Card::from_bytes(&row.card) else { return };
        let mut last = None;
        for endpoint in &card.content().endpoints {
            match self.connect(&row, endpoint).await {
                Ok(connection) => return self.lead(connection).await,
                Err(diagnosis) => last = Some(diagnosis),
            }
        }
        let Some(diagnosis) = last else { return };
        let (code, mut news) = (diagnosis.code(), false);
        self.node.note_link(org, |view| {
            news = view.failure.as_ref().is_none_or(|before| before.code != code);
            view.failure = Some(diagnosis_view(&diagnosis));
        });
        // Each cause once, however often it is tried.
        match news {
            true => tracing::info!(peer = %org, code, "a peer is not reached"),
            false => tracing::debug!(peer = %org, code, "a peer is not reached"),
        }
    }

    async fn connect(&self, row: &PeerRow, endpoint: &Endpoint) -> Result<DialledConnection, Diagnosis> {
        let proxy = row.proxy.as_deref().or(self.node.config.proxy.as_deref());
        let options = DialOptions { proxy: proxy_address(proxy).await?, ..DialOptions::default() };
        dial::connect(&self.tls, endpoint, row.org, &options).await
    }

    async fn lead(self: Arc<Self>, connection: DialledConnection) {
        let (peer, kill) = (connection.org, connection.kill.clone());
        let (kx, until) = (format!("{:?}", connection.kx_group), connection.until);
        let (channel, tripped) = match super::serve::metered_channel(connection, &self.http2()).await {
            Ok(metered) => metered,
            Err(diagnosis) => return tracing::debug!(%peer, code = diagnosis.code(), "a connection ended at once"),
        };
        let mut client = LinkClient::new(channel).max_decoding_message_size(FRAME_BYTES_MAX).max_encoding_message_size(FRAME_BYTES_MAX);
        let (session, frames) = match self.session(peer, kill.child_token()) {
            Ok(session) => session,
            Err(error) => return tracing::debug!(%peer, code = error.code(), "no stream was opened"),
        };
        match client.open(frames).await {
            Ok(response) => {
                let under = Under { dialler: self.node.org(), kx, until, tripped };
                self.live(session, response.into_inner(), under).await;
            }
            Err(status) => match tripped.overrun() {
                Some(overrun) => self.note_overrun(peer, overrun),
                None => tracing::debug!(%peer, code = ?status.code(), "the peer did not open the stream"),
            },
        }
    }

    /// Renews certificates at two thirds of their life, confirms groups, and lets what has expired go.
    async fn keep_fresh(self: Arc<Self>, stop: CancellationToken) {
        loop {
            // What fails is logged there, and tried again in a minute.
            let _ = self.freshen().await;
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.node.clock.sleep(60_000) => {}
            }
        }
    }

    /// One round of upkeep. A step that fails is logged, and keeps none of the others from being done.
    ///
    /// # Errors
    /// The first: a key file or the store could not be written.
    pub async fn freshen(&self) -> Result<(), NodeError> {
        self.pairing.forget_expired();
        let steps = [
            ("certificates", self.renew()),
            ("what is owed", self.node.pay_what_is_owed().await),
            ("what was of a newer kind", self.node.read_what_was_newer().await),
            ("restore", self.node.settle_restore().await),
            ("groups", self.node.confirm_groups().await),
            ("positions", self.node.position_all().await),
            ("referrals", self.node.react_to_all().await.map(drop)),
            ("clocks", self.node.watch_open().await),
            ("alerts", self.node.tend_alerts().await),
            ("calls for help", self.node.tend_calls().await),
            ("our profile", self.node.tell_newcomers().await),
            ("campaigns", self.node.forget_reports().await),
            ("hand-overs", self.node.remind_of_handovers().await.map(drop)),
            ("what waits for a person", self.node.remind_of_holds().await),
            ("log-signing keys", self.node.settle_log_keys().await),
            ("desk key", self.node.settle_desk_key()),
            ("match key", self.node.settle_match_key()),
            ("duplicates", self.node.forget_duplicates().await),
            ("what sources sent", self.node.keep_volumes().await),
            ("notices", self.node.forget_notices().await),
            ("collections", self.node.sweep_ledgers()),
            ("what producers sent", self.node.forget_submissions().await),
            ("what producers said", self.node.forget_claims().await),
            ("events", self.node.forget_drafts().await),
            ("retention", self.node.destroy_expired(false).await.map(drop)),
        ];
        for (step, done) in &steps {
            if let Err(error) = done {
                tracing::warn!(step, code = error.code(), "a step of upkeep failed");
            }
        }
        steps.into_iter().try_for_each(|(_, done)| done)
    }

    fn renew(&self) -> Result<(), NodeError> {
        let renewal = self.node.keys.renew(self.node.clock.now())?;
        if renewal.node || renewal.issuing_ca {
            self.show_newest()?;
            tracing::info!(issuing_ca = renewal.issuing_ca, "certificates were renewed");
        }
        if renewal.root_needed {
            tracing::warn!("the issuing CA is to be renewed and the root key is away: put it back for a minute");
        }
        Ok(())
    }

    /// Shows our newest certificates and card from now on.
    ///
    /// # Errors
    /// When they cannot be used; those from before are still shown.
    pub fn show_newest(&self) -> Result<(), NodeError> {
        self.tls.credentials.store(Arc::new(self.node.keys.credentials(self.node.clock.now())?));
        self.node.touch_peers();
        Ok(())
    }

    /// Puts certificates, peers and denied keys as files and store have them in force, without a restart.
    ///
    /// # Errors
    /// When they cannot be read; of what could not be read, what was in force stays.
    pub fn reload(&self) -> Result<(), NodeError> {
        self.show_newest()?;
        self.try_refresh_trust()
    }
}

/// A stream for as long as it lives. A dialled one may be dropped in the middle, when its peer is suspended: then too it goes from the
/// list, else the peer would count as linked for ever and never be dialled again.
struct Up<'a> {
    links: &'a Links,
    peer: OrgId,
    number: Arc<Mutex<Option<u64>>>,
    ended: Ended,
}

impl Drop for Up<'_> {
    fn drop(&mut self) {
        let number = self.number.lock().unwrap_or_else(PoisonError::into_inner).take();
        if number.is_some_and(|number| self.links.dismiss(&self.peer, number)) {
            let now = self.links.node.clock.now();
            tracing::info!(peer = %self.peer, code = self.ended.code(), "a link is down");
            self.links.node.note_link(self.peer, |view| {
                view.up = false;
                view.recalls_alone = false;
                view.last_seen = Some(now);
                view.failure = failure(&self.ended);
            });
        }
    }
}

/// The service behind one accepted connection.
struct Called {
    links: Arc<Links>,
    peer: OrgId,
    kill: CancellationToken,
}

#[tonic::async_trait]
impl Link for Called {
    type OpenStream = std::pin::Pin<Box<dyn tokio_stream::Stream<Item = Result<wire::Frame, tonic::Status>> + Send>>;

    async fn open(
        &self,
        request: tonic::Request<tonic::Streaming<wire::Frame>>,
    ) -> Result<tonic::Response<Self::OpenStream>, tonic::Status> {
        use futures_util::StreamExt;
        let info = request.extensions().get::<ConnectionInfo>().ok_or_else(|| tonic::Status::internal("a call without a connection"))?;
        let (kx, until, tripped) = (format!("{:?}", info.kx_group), info.until, info.tripped.clone());
        let under = Under { dialler: self.peer, kx, until, tripped };
        let session = self.links.session(self.peer, self.kill.child_token());
        let (session, frames) = session.map_err(|_| tonic::Status::unavailable("the node cannot take more now"))?;
        tokio::spawn(self.links.clone().live(session, request.into_inner(), under));
        Ok(tonic::Response::new(Box::pin(frames.map(Ok))))
    }
}

/// The pairing service of a node: what it agrees on becomes a peer whose digits wait to be confirmed.
fn pairing_service(node: &Arc<Node>, acceptor: &Arc<Acceptor>) -> Arc<PairingService> {
    let (by_card, by_clock, weak) = (Arc::downgrade(node), node.clock.clone(), Arc::downgrade(node));
    let known = node.keys.card();
    let card = move || by_card.upgrade().map_or_else(|| known.clone(), |node| node.keys.card());
    let persist: Persist = Arc::new(move |outcome| {
        let node = weak.upgrade();
        Box::pin(async move {
            let node = node.ok_or(PairingError::NotKept)?;
            match node.peer_pairing(&outcome.card, None, outcome.digits).await {
                Ok(_) => Ok(()),
                Err(NodeError::AlreadyPaired(_)) => Err(PairingError::AlreadyPaired),
                Err(error) => {
                    tracing::warn!(code = error.code(), "a pairing could not be kept");
                    Err(PairingError::NotKept)
                }
            }
        })
    });
    let file = invitations(node);
    let keep: Keep = Arc::new(move |open: &[Kept]| keep(&file, open));
    PairingService::new(acceptor.clone(), Arc::new(card), Arc::new(move || by_clock.now()), persist, keep)
}

/// The file with the invitations that are open.
fn invitations(node: &Node) -> std::path::PathBuf {
    node.data.join(super::identity::DIRECTORY).join(INVITATIONS)
}

fn join_error(invitation: &Invitation, error: JoinError) -> NodeError {
    let peer = invitation.endpoints().first().map(ToString::to_string).unwrap_or_default();
    match error {
        // Whoever made it knows an invitation's label as long as it is open.
        JoinError::Connection { diagnosis: Diagnosis::LabelUnknownThere } => {
            let diagnosis =
                "the invitation is not open there any more: it was used, tried too often, or has expired\nhint: ask for a new one";
            NodeError::LinkRefused { peer, diagnosis: diagnosis.into() }
        }
        JoinError::Connection { diagnosis } => {
            NodeError::Unreachable { peer, diagnosis: format!("{diagnosis}\nhint: {}", diagnosis.hint()) }
        }
        other => NodeError::LinkRefused { peer, diagnosis: other.to_string() },
    }
}

fn diagnosis_view(diagnosis: &Diagnosis) -> DiagnosisView {
    DiagnosisView { code: diagnosis.code().to_owned(), text: diagnosis.to_string(), hint: Some(diagnosis.hint().to_owned()) }
}

/// Reads the keys that are refused, whoever shows them: one to a line, `#` begins a comment. No file, no such keys. A line that cannot be
/// read is an error, since a key that was to be refused must not be let in by a slip.
pub(crate) fn denied_keys(path: &Path) -> Result<BTreeSet<[u8; 32]>, NodeError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(NodeError::io(format!("read `{}`", path.display()), error)),
    };
    let mut denied = BTreeSet::new();
    for (number, line) in (1..).zip(text.lines()) {
        let key = line.split('#').next().unwrap_or_default().trim().to_ascii_lowercase();
        if key.is_empty() {
            continue;
        }
        let bytes = data_encoding::HEXLOWER.decode(key.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        denied.insert(bytes.ok_or_else(|| NodeError::BadDeniedKey { path: path.to_owned(), line: number })?);
    }
    Ok(denied)
}

fn bundles(node: &Node, denied: BTreeSet<[u8; 32]>) -> Result<TrustBundles, NodeError> {
    let mut bundles = TrustBundles { denied, ..TrustBundles::default() };
    for row in node.store.snapshot()?.peers()? {
        let standing = match row.state {
            PeerState::Open => Standing::Active,
            PeerState::Pairing => Standing::Unconfirmed,
            PeerState::Suspended if row.recalls => Standing::RecallsAlone,
            PeerState::Suspended => Standing::Suspended,
            PeerState::Removed => continue,
        };
        let bundle = Card::from_bytes(&row.card).ok().and_then(|card| TrustBundle::new(card, standing, row.allow_classical).ok());
        match bundle {
            Some(bundle) => drop(bundles.peers.insert(row.org, bundle)),
            None => tracing::error!(peer = %row.org, "a stored card cannot be used; the peer stays out"),
        }
    }
    Ok(bundles)
}

fn suspended_but_for_recalls() -> DiagnosisView {
    DiagnosisView {
        code: "recalls_alone".into(),
        text: "the peer has suspended this organisation, and takes and gives recalls alone".into(),
        hint: Some("ask its administrator why; `watchfire peer resume` there opens the link again".into()),
    }
}

fn failure(ended: &Ended) -> Option<DiagnosisView> {
    let (code, hint) = match ended {
        Ended::Cut => return None,
        Ended::Stream(_) => (ended.code().into(), Some(STREAM_HINT.into())),
        Ended::ByPeer { code, .. } => (code.clone(), None),
        other => (other.code().into(), None),
    };
    Some(DiagnosisView { code, text: ended.to_string(), hint })
}

/// Whoever suspends or removes a peer cuts its link without a word: the next call is told why.
const STREAM_HINT: &str = "this node tries again by itself, and shows here what it is told then";

/// The proxy's address. One that cannot be used is never passed by: dialling directly would tell the network what it must not know.
async fn proxy_address(proxy: Option<&str>) -> Result<Option<SocketAddr>, Diagnosis> {
    let Some(proxy) = proxy else { return Ok(None) };
    let unusable = || Diagnosis::Proxy(format!("`{proxy}` is not socks5://HOST:PORT, or has no address"));
    let host = proxy.strip_prefix("socks5://").ok_or_else(unusable)?;
    let mut addresses = tokio::net::lookup_host(host).await.map_err(|_| unusable())?;
    addresses.next().map(Some).ok_or_else(unusable)
}

/// Half to one and a half of the wait, so that nodes which lost each other together do not come back together.
fn jittered(wait: u64) -> u64 {
    let [byte] = crate::model::crypto::random::<1>();
    wait / 2 + wait * u64::from(byte) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deny_list_is_read_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(DENIED_KEYS);
        assert_eq!(denied_keys(&path).unwrap(), BTreeSet::new());
        std::fs::write(&path, format!("# stolen in May\n{}  # their old CA\n\n", "AB".repeat(32))).unwrap();
        assert_eq!(denied_keys(&path).unwrap(), BTreeSet::from([[0xab; 32]]));
        std::fs::write(&path, format!("{}\nabc\n", "ab".repeat(32))).unwrap();
        let said = denied_keys(&path).unwrap_err().to_string();
        let expected = "line 2 of `PATH` is not the SHA-256 of a public key in hex\nhint: 64 hex digits to a line, `#` begins a comment; mend \
                        the line, then send SIGHUP to the node or start it";
        assert_eq!(said.replace(&path.display().to_string(), "PATH"), expected);
    }

    #[test]
    fn a_stream_that_ends_without_a_word_says_what_comes_next() {
        let view = failure(&Ended::Stream(super::super::session::WITHOUT_A_WORD.into())).unwrap();
        assert_eq!(view.code, "stream");
        assert_eq!(view.text, "the stream ended: the other side closed the link without a reason, or it broke off");
        assert_eq!(view.hint.unwrap(), "this node tries again by itself, and shows here what it is told then");
        assert!(failure(&Ended::Cut).is_none());
    }
}
