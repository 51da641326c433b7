//! The pairing-only service: reachable by an invitation's label alone, and only while that invitation is open.

use super::invitation::Invitation;
use super::kept::{Kept, OPEN_MAX};
use super::protocol::{Inviter, PairingChannel, PairingError, PairingOutcome, Reveal, Start};
use crate::link::accept::{Acceptor, Caller};
use crate::link::serve::ConnectionInfo;
use crate::link::tls::Clock;
use crate::link::wire::pairing_server::{Pairing, PairingServer};
use crate::link::wire::{PairingAnswer, PairingDone, PairingReveal, PairingStart};
use crate::model::crypto::random;
use crate::model::identity::Card;
use axum::Router;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tonic::{Request, Response, Status};

/// Makes an outcome durable. The joiner is told that it is done only afterwards.
pub type Persist = Arc<dyn Fn(PairingOutcome) -> Pin<Box<dyn Future<Output = Result<(), PairingError>> + Send>> + Send + Sync>;

/// Keeps the open invitations with their tries over a restart. Nobody is answered before it has.
pub type Keep = Arc<dyn Fn(&[Kept]) -> Result<(), String> + Send + Sync>;

/// Longest message in bytes: a card and a little.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// The open invitations of a node, and the service that answers those who use them.
pub struct PairingService {
    inviters: Mutex<BTreeMap<String, Inviter>>,
    acceptor: Arc<Acceptor>,
    card: Arc<dyn Fn() -> Card + Send + Sync>,
    clock: Clock,
    persist: Persist,
    keep: Keep,
}

impl PairingService {
    /// With no open invitation. `card` gives our current card.
    pub fn new(
        acceptor: Arc<Acceptor>,
        card: Arc<dyn Fn() -> Card + Send + Sync>,
        clock: Clock,
        persist: Persist,
        keep: Keep,
    ) -> Arc<Self> {
        Arc::new(Self { inviters: Mutex::default(), acceptor, card, clock, persist, keep })
    }

    /// Opens an invitation.
    ///
    /// # Errors
    /// When too many are open, or it could not be kept over a restart: then it is not open.
    pub fn open(&self, invitation: Invitation) -> Result<(), String> {
        let mut inviters = self.lock();
        self.publish(&mut inviters);
        if inviters.len() >= OPEN_MAX {
            return Err(format!("{OPEN_MAX} invitations are open\nhint: wait until one is used or expires"));
        }
        let label = invitation.label();
        inviters.insert(label.clone(), Inviter::new(invitation));
        let kept = self.write_down(&inviters);
        if kept.is_err() {
            inviters.remove(&label);
        }
        self.publish(&mut inviters);
        kept
    }

    /// Opens those that were kept over a restart.
    pub fn open_again(&self, kept: Vec<Kept>) {
        let mut inviters = self.lock();
        inviters.extend(kept.into_iter().map(|(invitation, tries_left)| (invitation.label(), Inviter::with(invitation, tries_left))));
        self.publish(&mut inviters);
    }

    /// Closes an invitation before its time.
    ///
    /// # Errors
    /// When that could not be kept over a restart: then it is open again after one.
    pub fn close(&self, label: &str) -> Result<(), String> {
        let mut inviters = self.lock();
        inviters.remove(label);
        self.publish(&mut inviters);
        self.write_down(&inviters)
    }

    /// Forgets what has expired, on disk too.
    pub fn forget_expired(&self) {
        let mut inviters = self.lock();
        let before = inviters.len();
        self.publish(&mut inviters);
        if inviters.len() < before
            && let Err(error) = self.write_down(&inviters)
        {
            tracing::warn!(%error, "an expired invitation's secret could not be destroyed");
        }
    }

    fn write_down(&self, inviters: &BTreeMap<String, Inviter>) -> Result<(), String> {
        let kept: Vec<Kept> = inviters.values().filter_map(Inviter::kept).collect();
        (self.keep)(&kept)
    }

    /// Labels of the invitations that can still be used.
    pub fn open_labels(&self) -> Vec<String> {
        let mut inviters = self.lock();
        self.publish(&mut inviters);
        inviters.keys().cloned().collect()
    }

    /// What to serve to a caller who came by an invitation's label, and to nobody else.
    pub fn router(self: &Arc<Self>) -> Router {
        let server = PairingServer::new(Handler(self.clone()))
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        tonic::service::Routes::new(server).prepare().into_axum_router()
    }

    /// Forgets what cannot be used any more, and tells the acceptor what can.
    fn publish(&self, inviters: &mut BTreeMap<String, Inviter>) {
        let now = (self.clock)();
        inviters.retain(|_, inviter| inviter.is_open(now));
        let open = inviters.iter().map(|(label, inviter)| (label.clone(), inviter.expires())).collect();
        self.acceptor.invitations.store(Arc::new(open));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Inviter>> {
        self.inviters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one step of the invitation that a connection came by.
    fn step<T>(&self, label: &str, step: impl FnOnce(&mut Inviter) -> Result<T, PairingError>) -> Result<T, Status> {
        let mut inviters = self.lock();
        let result = inviters.get_mut(label).ok_or(PairingError::Closed).and_then(step);
        // A try counts, and a use uses up, before anyone is told: else a restart would give tries back.
        let kept = self.write_down(&inviters);
        self.publish(&mut inviters);
        if let Err(error) = kept {
            tracing::warn!(%error, "an invitation's tries could not be kept");
            return Err(Status::unavailable("the node cannot take more now"));
        }
        result.map_err(|error| refusal(&error))
    }
}

impl std::fmt::Debug for PairingService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PairingService")
    }
}

struct Handler(Arc<PairingService>);

#[tonic::async_trait]
impl Pairing for Handler {
    async fn start(&self, request: Request<PairingStart>) -> Result<Response<PairingAnswer>, Status> {
        let (label, channel) = connection(&request)?;
        let message = request.into_inner();
        let start = Start { commitment: fixed(&message.commitment)?, proof: fixed(&message.proof)? };
        let (own, now) = ((self.0.card)(), (self.0.clock)());
        let answer = self.0.step(&label, |inviter| inviter.start(&channel, &start, random(), &own, now))?;
        Ok(Response::new(PairingAnswer { nonce: answer.nonce.to_vec(), card: answer.card, proof: answer.proof.to_vec() }))
    }

    async fn reveal(&self, request: Request<PairingReveal>) -> Result<Response<PairingDone>, Status> {
        let (label, channel) = connection(&request)?;
        let message = request.into_inner();
        let (reveal, now) = (Reveal { nonce: fixed(&message.nonce)?, card: message.card }, (self.0.clock)());
        let outcome = self.0.step(&label, |inviter| inviter.reveal(&channel, &reveal, now))?;
        (self.0.persist)(outcome).await.map_err(|error| refusal(&error))?;
        Ok(Response::new(PairingDone {}))
    }
}

fn connection<T>(request: &Request<T>) -> Result<(String, PairingChannel), Status> {
    match request.extensions().get::<ConnectionInfo>() {
        Some(ConnectionInfo { caller: Caller::Pairing { label, channel, .. }, .. }) => Ok((label.clone(), channel.clone())),
        _ => Err(Status::permission_denied("pairing is reached by an invitation's label alone")),
    }
}

fn fixed(bytes: &[u8]) -> Result<[u8; 32], Status> {
    bytes.try_into().map_err(|_| Status::invalid_argument("32 bytes are expected"))
}

/// What the joiner may be told: its own mistake, not ours.
fn refusal(error: &PairingError) -> Status {
    match error {
        PairingError::Expired(_) => Status::failed_precondition("the invitation has expired"),
        PairingError::Closed => Status::failed_precondition("the invitation is closed"),
        PairingError::BadProof => Status::permission_denied("the secret is wrong"),
        PairingError::OutOfOrder | PairingError::Commitment => Status::failed_precondition("the messages do not fit together"),
        PairingError::AlreadyPaired => Status::already_exists("the organisation is a peer already"),
        PairingError::NotKept => Status::internal("the pairing could not be kept"),
        PairingError::Oneself => Status::failed_precondition("an organisation cannot pair with itself"),
        PairingError::Card(_) | PairingError::Certificate(_) | PairingError::WrongOrganisation => {
            Status::permission_denied("the card does not hold")
        }
    }
}
