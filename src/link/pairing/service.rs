//! The pairing-only service: reachable by an invitation's label alone, and only while that invitation is open.

use super::invitation::Invitation;
use super::kept::{Kept, OPEN_MAX};
use super::protocol::{Inviter, PairingChannel, PairingError, PairingOutcome, Reveal, Start};
use crate::link::accept::{Acceptor, Caller};
use crate::link::keys::KeysError;
use crate::link::serve::ConnectionInfo;
use crate::link::tls::Clock;
use crate::link::wire::pairing_server::{Pairing, PairingServer};
use crate::link::wire::{PairingAnswer, PairingDone, PairingReveal, PairingStart};
use crate::model::crypto::random;
use crate::model::identity::Card;
use crate::node::NodeError;
use axum::Router;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tonic::{Request, Response, Status};

/// Makes an outcome durable. The joiner is told that it is done only afterwards.
pub type Persist = Arc<dyn Fn(PairingOutcome) -> Pin<Box<dyn Future<Output = Result<(), PairingError>> + Send>> + Send + Sync>;

/// Keeps the open invitations with their tries over a restart. Nobody is answered before it has.
pub type Keep = Arc<dyn Fn(&[Kept]) -> Result<(), KeysError> + Send + Sync>;

/// Why an invitation was not opened.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    /// As many are open as may be.
    #[error("{OPEN_MAX} invitations are open\nhint: wait until one is used or expires")]
    Full,
    /// It could not be kept over a restart.
    #[error(transparent)]
    NotKept(#[from] KeysError),
}

/// Longest message in bytes: a card and a little.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// The open invitations of a node, and the service that answers those who use them.
pub struct PairingService {
    invitations: Mutex<Invitations>,
    acceptor: Arc<Acceptor>,
    card: Arc<dyn Fn() -> Card + Send + Sync>,
    clock: Clock,
    persist: Persist,
    keep: Keep,
}

#[derive(Default)]
struct Invitations {
    /// By label.
    inviters: BTreeMap<String, Inviter>,
    /// The tries that each has left on disk; `None` when that is not known: it was not written since the start, or could not be.
    written: Option<BTreeMap<String, u8>>,
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
        Arc::new(Self { invitations: Mutex::default(), acceptor, card, clock, persist, keep })
    }

    /// Opens an invitation.
    ///
    /// # Errors
    /// When too many are open, or it could not be kept over a restart: then it is not open.
    pub fn open(&self, invitation: Invitation) -> Result<(), NotOpened> {
        let mut open = self.lock();
        self.publish(&mut open);
        if open.inviters.len() >= OPEN_MAX {
            return Err(NotOpened::Full);
        }
        let label = invitation.label();
        open.inviters.insert(label.clone(), Inviter::new(invitation));
        let kept = self.write_down(&mut open);
        if kept.is_err() {
            open.inviters.remove(&label);
        }
        self.publish(&mut open);
        Ok(kept?)
    }

    /// Opens those that were kept over a restart. What else stands on disk, such as the secret of one that has expired, goes at the next
    /// upkeep.
    pub fn open_again(&self, kept: Vec<Kept>) {
        let mut open = self.lock();
        open.inviters.extend(kept.into_iter().map(|(invitation, tries_left)| (invitation.label(), Inviter::with(invitation, tries_left))));
        self.publish(&mut open);
    }

    /// Forgets what has expired, on disk too.
    pub fn forget_expired(&self) {
        let mut open = self.lock();
        self.publish(&mut open);
        if let Err(error) = self.write_down(&mut open) {
            tracing::warn!(code = NodeError::from(error).code(), "an expired invitation's secret could not be destroyed");
        }
    }

    /// Writes down what is open, unless it stands there already: whoever knows a label can come as often as he likes.
    fn write_down(&self, open: &mut Invitations) -> Result<(), KeysError> {
        let kept: Vec<Kept> = open.inviters.values().filter_map(Inviter::kept).collect();
        let tries = Some(kept.iter().map(|(invitation, tries_left)| (invitation.label(), *tries_left)).collect());
        if open.written != tries {
            open.written = None;
            (self.keep)(&kept)?;
            open.written = tries;
        }
        Ok(())
    }

    /// What to serve to a caller who came by an invitation's label, and to nobody else.
    pub fn router(self: &Arc<Self>) -> Router {
        let server = PairingServer::new(Handler(self.clone()))
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        tonic::service::Routes::new(server).prepare().into_axum_router()
    }

    /// Forgets what cannot be used any more, and tells the acceptor what can.
    fn publish(&self, open: &mut Invitations) {
        let now = (self.clock)();
        open.inviters.retain(|_, inviter| inviter.is_open(now));
        let open = open.inviters.iter().map(|(label, inviter)| (label.clone(), inviter.expires())).collect();
        self.acceptor.invitations.store(Arc::new(open));
    }

    fn lock(&self) -> MutexGuard<'_, Invitations> {
        self.invitations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one step of the invitation that a connection came by.
    fn step<T>(&self, label: &str, step: impl FnOnce(&mut Inviter) -> Result<T, PairingError>) -> Result<T, Status> {
        let mut open = self.lock();
        let result = open.inviters.get_mut(label).ok_or(PairingError::Closed).and_then(step);
        // A try counts, and a use uses up, before anyone is told: else a restart would give tries back.
        let kept = self.write_down(&mut open);
        self.publish(&mut open);
        if let Err(error) = kept {
            tracing::warn!(code = NodeError::from(error).code(), "an invitation's tries could not be kept");
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

/// What the joiner may be told: its own mistake, not ours. The codes of the first three say that it needs another invitation.
pub(super) fn refusal(error: &PairingError) -> Status {
    match error {
        PairingError::Expired(_) => Status::failed_precondition("the invitation has expired"),
        PairingError::Closed => Status::failed_precondition("the invitation is closed"),
        PairingError::BadProof => Status::permission_denied("the secret is wrong"),
        PairingError::OutOfOrder | PairingError::Commitment => Status::invalid_argument("the messages do not fit together"),
        PairingError::AlreadyPaired => Status::already_exists("the organisation is a peer already"),
        PairingError::NotKept => Status::internal("the pairing could not be kept"),
        PairingError::Oneself => Status::invalid_argument("an organisation cannot pair with itself"),
        PairingError::Card(_) | PairingError::Certificate(_) | PairingError::WrongOrganisation => {
            Status::invalid_argument("the card does not hold")
        }
    }
}
