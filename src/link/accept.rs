//! The accept loop: one task per connection, so a slow caller blocks nobody, and a bound on those that are still in the handshake.

use super::diagnosis::{Diagnosis, Stage};
use super::knock;
use super::limits::EachSecond;
use super::pairing::PairingChannel;
use super::profile::leaf_until;
use super::tls::{Credential, Expected, Tls, Verifier, server_config, speaks_h2};
use super::trust::Admission;
use crate::model::{OrgId, Timestamp};
use arc_swap::ArcSwap;
use rustls::server::ClientHello;
use rustls::{NamedGroup, ServerConfig};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::{StartHandshake, TlsStream};
use tokio_util::sync::CancellationToken;

/// Bounds on callers that have not shown who they are.
#[derive(Debug, Clone, Copy)]
pub struct HandshakeLimits {
    /// For the whole handshake.
    pub timeout: Duration,
    /// Handshakes at one time. When there are more, the oldest from the busiest source that knows no label ends.
    pub pending_max: usize,
    /// Handshakes in a second whose label is right: from here on they cost real work. A caller beyond it may come again.
    pub per_second_max: u64,
    /// The same from one address, or one IPv6 /64.
    pub source_per_second_max: u64,
}

impl Default for HandshakeLimits {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(5), pending_max: 256, per_second_max: 100, source_per_second_max: 20 }
    }
}

/// Who is at the other end.
#[derive(Debug, Clone)]
pub enum Caller {
    /// A paired organisation.
    Peer(OrgId),
    /// Someone who knows an invitation's label and claims to be this organisation; nothing of it is proved yet.
    Pairing {
        /// The label.
        label: String,
        /// Whom the certificate names.
        claims: OrgId,
        /// The connection, to which the proofs of a pairing are bound.
        channel: PairingChannel,
    },
}

/// A connection whose handshake is done and whose caller may be served.
#[derive(Debug)]
pub struct AcceptedConnection {
    /// The encrypted stream; it speaks h2.
    pub stream: TlsStream<TcpStream>,
    /// Who called.
    pub caller: Caller,
    /// From where.
    pub remote: SocketAddr,
    /// The key exchange, such as `X25519MLKEM768`.
    pub kx_group: NamedGroup,
    /// When the certificate that the caller showed runs out.
    pub until: Timestamp,
    /// Fires when the connection must end at once.
    pub kill: CancellationToken,
    pub(super) _admission: Option<Admission>,
    pub(super) _pairing: Option<OwnedSemaphorePermit>,
}

/// Connections that came to pair, at one time. Each may take a minute, and whoever saw an invitation's label may open them.
const PAIRINGS_MAX: usize = 64;

/// Takes calls for a node.
#[derive(Debug)]
pub struct Acceptor {
    tls: Arc<Tls>,
    limits: HandshakeLimits,
    /// Labels of the invitations that are open, each with the last moment at which it is.
    pub invitations: ArcSwap<Vec<(String, Timestamp)>>,
    pending: Arc<Pending>,
    rate: Rate,
    pairings: Arc<Semaphore>,
}

impl Acceptor {
    /// With no open invitation.
    pub fn new(tls: Arc<Tls>, limits: HandshakeLimits) -> Arc<Self> {
        let pairings = Arc::new(Semaphore::new(PAIRINGS_MAX));
        Arc::new(Self { tls, limits, invitations: ArcSwap::default(), pending: Arc::default(), rate: Rate::default(), pairings })
    }

    /// Accepts until `stop` fires. Calls `serve` with each connection, in a task of its own, and `refuse` with each that came to
    /// nothing. Errors of the listener itself (such as too many open files) are waited out.
    pub async fn run<S, F, R>(self: Arc<Self>, listener: TcpListener, stop: CancellationToken, serve: S, refuse: R)
    where
        S: Fn(AcceptedConnection) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
        R: Fn(SocketAddr, Diagnosis) + Clone + Send + Sync + 'static,
    {
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((tcp, remote)) = accepted else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let (acceptor, serve, refuse) = (self.clone(), serve.clone(), refuse.clone());
            let ticket = self.pending.enter(remote.ip(), self.limits.pending_max);
            tokio::spawn(async move {
                match acceptor.handshake_in_time(tcp, remote, ticket).await {
                    Ok(connection) => serve(connection).await,
                    Err(diagnosis) => refuse(remote, diagnosis),
                }
            });
        }
    }

    async fn handshake_in_time(&self, tcp: TcpStream, remote: SocketAddr, ticket: Ticket) -> Result<AcceptedConnection, Diagnosis> {
        let timeout = Diagnosis::Timeout { stage: Stage::Handshake, seconds: self.limits.timeout.as_secs() };
        tokio::select! {
            done = tokio::time::timeout(self.limits.timeout, self.handshake(tcp, remote, &ticket)) => done.unwrap_or(Err(timeout)),
            () = ticket.evicted.cancelled() => Err(Diagnosis::Crowded),
        }
    }

    async fn handshake(&self, tcp: TcpStream, remote: SocketAddr, ticket: &Ticket) -> Result<AcceptedConnection, Diagnosis> {
        tcp.set_nodelay(true).map_err(|_| Diagnosis::Closed)?;
        let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), tcp).await;
        let mut start = start.map_err(|error| Diagnosis::of_io(&error))?;
        let Some(door) = self.door(&start.client_hello()) else {
            let _ = start.io.write_all(&UNRECOGNISED_NAME).await;
            return Err(Diagnosis::UnknownLabel);
        };
        self.rate.take(remote.ip(), (self.tls.clock)(), &self.limits)?;
        ticket.knows_a_label();
        self.finish(start, door, remote).await
    }

    async fn finish(&self, start: StartHandshake<TcpStream>, door: Door, remote: SocketAddr) -> Result<AcceptedConnection, Diagnosis> {
        let Door { verifier, config, pairing, classical } = door;
        let stream = start.into_stream(config).await.map_err(|error| verifier.cause(&error))?;
        let (_, tls) = stream.get_ref();
        speaks_h2(tls.alpn_protocol())?;
        let kx_group = tls.negotiated_key_exchange_group().map(|group| group.name()).ok_or(Diagnosis::NoPostQuantum)?;
        let org = verifier.found().ok_or(Diagnosis::NoCertificate)??;
        let (caller, admission, permit) = match pairing {
            Some(label) => {
                let permit = self.pairings.clone().try_acquire_owned().map_err(|_| Diagnosis::PairingsFull)?;
                (Caller::Pairing { label, claims: org, channel: PairingChannel::of(tls)? }, None, Some(permit))
            }
            None => (Caller::Peer(org), Some(self.tls.trust.admit(org, classical)?), None),
        };
        let until = leaf_until(tls.peer_certificates()).ok_or(Diagnosis::NoCertificate)?;
        let kill = admission.as_ref().map(Admission::killed).unwrap_or_default();
        Ok(AcceptedConnection { stream, caller, remote, kx_group, until, kill, _admission: admission, _pairing: permit })
    }

    /// What a caller's first message opens, if its label is known.
    fn door(&self, hello: &ClientHello<'_>) -> Option<Door> {
        let label = hello.server_name()?;
        let now = (self.tls.clock)();
        let open = |(open, expires): &&(String, Timestamp)| now <= *expires && knock::same(open, label);
        let invitation = self.invitations.load().iter().find(open).map(|(label, _)| label.clone());
        let bundles = self.tls.trust.load();
        let hybrid = hello.named_groups().is_some_and(|groups| groups.contains(&NamedGroup::X25519MLKEM768));
        let classical = !hybrid && invitation.is_none() && bundles.allow_classical_to_anyone();
        let (credential, expected) = match &invitation {
            Some(_) => (self.tls.credential(), Expected::Pairing(None)),
            None => (self.tls.credential_for(label)?, Expected::Caller { bundles, classical }),
        };
        Some(self.open(&credential, expected, invitation, classical))
    }

    fn open(&self, credential: &Credential, expected: Expected, pairing: Option<String>, classical: bool) -> Door {
        let verifier = Verifier::new(expected);
        let config = server_config(credential, verifier.clone(), classical, &self.tls.clock);
        Door { verifier, config, pairing, classical }
    }
}

struct Door {
    verifier: Arc<Verifier>,
    config: Arc<ServerConfig>,
    pairing: Option<String>,
    classical: bool,
}

/// A fatal alert `unrecognized_name` in a plaintext record (RFC 8446 §5.1, §6): all that a prober ever sees.
const UNRECOGNISED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// The handshakes under way. Each has a place in here until it is done.
#[derive(Debug, Default)]
struct Pending(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    next: u64,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    id: u64,
    source: IpAddr,
    knows_a_label: bool,
    evicted: CancellationToken,
}

impl Pending {
    /// Gives a place. When all are taken, someone else's ends: of those that have shown no label, the oldest of the source with the
    /// most; only when there is none, of the others. So whoever fills the table pushes out himself.
    fn enter(self: &Arc<Self>, source: IpAddr, max: usize) -> Ticket {
        let (source, evicted) = (network(source), CancellationToken::new());
        let mut table = self.lock();
        if table.entries.len() >= max
            && let Some(place) = victim(&table.entries)
        {
            table.entries.remove(place).evicted.cancel();
        }
        table.next += 1;
        let id = table.next;
        table.entries.push(Entry { id, source, knows_a_label: false, evicted: evicted.clone() });
        Ticket { pending: self.clone(), id, evicted }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn victim(entries: &[Entry]) -> Option<usize> {
    let mut busy = BTreeMap::<(bool, IpAddr), (usize, usize)>::new();
    for (place, entry) in entries.iter().enumerate() {
        busy.entry((entry.knows_a_label, entry.source)).or_insert((0, place)).0 += 1;
    }
    let heaviest = |knows| busy.iter().filter(|((known, _), _)| *known == knows).max_by_key(|(_, (count, _))| *count);
    heaviest(false).or_else(|| heaviest(true)).map(|(_, (_, oldest))| *oldest)
}

/// One source may own a whole IPv6 /64.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        address => address,
    }
}

/// The handshakes of this second that cost real work. Holds an entry for each source, so no more than may come in a second.
#[derive(Debug, Default)]
struct Rate(Mutex<EachSecond<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    all: u64,
    by_source: BTreeMap<IpAddr, u64>,
}

impl Rate {
    fn take(&self, source: IpAddr, now: Timestamp, limits: &HandshakeLimits) -> Result<(), Diagnosis> {
        let mut second = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = second.at(now.0);
        if taken.all >= limits.per_second_max {
            return Err(Diagnosis::TooOften);
        }
        let source = taken.by_source.entry(network(source)).or_default();
        if *source >= limits.source_per_second_max {
            return Err(Diagnosis::TooOften);
        }
        *source += 1;
        taken.all += 1;
        Ok(())
    }
}

/// A place among the pending handshakes; given back when dropped.
#[derive(Debug)]
struct Ticket {
    pending: Arc<Pending>,
    id: u64,
    evicted: CancellationToken,
}

impl Ticket {
    fn knows_a_label(&self) {
        if let Some(entry) = self.pending.lock().entries.iter_mut().find(|entry| entry.id == self.id) {
            entry.knows_a_label = true;
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.pending.lock().entries.retain(|entry| entry.id != self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_source_uses_up_its_own_handshakes_and_all_of_them_a_bounded_number() {
        let (rate, now) = (Rate::default(), Timestamp(1_800_000_000_000));
        let limits = HandshakeLimits { per_second_max: 50, source_per_second_max: 20, ..HandshakeLimits::default() };
        let taken = |source: &str, tries: usize, now| {
            let source = source.parse().unwrap();
            (0..tries).filter(|_| rate.take(source, now, &limits).is_ok()).count()
        };
        assert_eq!(taken("192.0.2.1", 100, now), 20);
        assert_eq!(taken("2001:db8::1", 15, now) + taken("2001:db8::2", 15, now), 20, "one /64 is one source");
        assert_eq!(taken("::ffff:192.0.2.1", 5, now), 0, "the same address, written otherwise");
        assert_eq!(taken("192.0.2.2", 100, now), 10, "the rest of all");
        assert_eq!(taken("192.0.2.2", 100, now.plus(1_000)), 20, "another second");
    }
}
