//! The listener for programs of others: exports, each under an address that stays the same, over TLS 1.3 with HTTP/1.1 or 2. It has nothing of the desk's
//! interface: what it answers is in `answer.rs`, and there is no more. docs/serving.md says how it is used.

mod answer;
mod body;
mod caller;
mod certificate;
mod misp;
mod rest;
mod taxii;

use crate::config;
use crate::node::Node;
use crate::node::error::NodeError;
use crate::node::serving::HttpsView;
use answer::Served;
use certificate::Shown;
pub use certificate::look;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// On stopping, requests under way get so long to end.
const DRAIN_SECONDS_MAX: u64 = 2;
/// Requests at a time on one connection of HTTP/2.
const STREAMS_MAX: u32 = 16;

/// The listener.
pub struct Https {
    node: Arc<Node>,
    listener: TcpListener,
    shown: Arc<Shown>,
}

impl Https {
    /// Listens where the settings say so; `None` where they do not.
    ///
    /// # Errors
    /// When the address cannot be had, or the certificate or its key cannot be used.
    pub async fn bind(node: &Arc<Node>) -> Result<Option<Self>, NodeError> {
        let Some(listen) = &node.config.https.listen else { return Ok(None) };
        let shown = Arc::new(Shown::load(node)?);
        let listener =
            TcpListener::bind(listen).await.map_err(|error| NodeError::io(format!("listen on `{listen}` (`https.listen`)"), error))?;
        let address = listener.local_addr().map_err(|error| NodeError::io("read the address that `https.listen` got", error))?;
        node.sweep_served()?;
        let https = Self { node: node.clone(), listener, shown };
        https.tell(address);
        Ok(Some(https))
    }

    /// What reads the certificate again.
    pub fn reloader(&self) -> impl Fn() -> Result<(), NodeError> + Send + Sync + 'static {
        let (node, shown, address) = (self.node.clone(), self.shown.clone(), self.listener.local_addr());
        move || {
            shown.reload(&node)?;
            if let Ok(address) = address.as_ref() {
                node.serves_at(HttpsView { address: address.to_string(), fingerprint: shown.fingerprint() });
            }
            Ok(())
        }
    }

    fn tell(&self, address: SocketAddr) {
        self.node.serves_at(HttpsView { address: address.to_string(), fingerprint: self.shown.fingerprint() });
        tracing::info!(%address, "programs may fetch");
    }

    /// Answers until it is told to stop; then requests under way get 2 s to end.
    pub async fn serve(self, stop: CancellationToken) {
        let Self { node, listener, shown } = self;
        let limits = node.config.https.clone();
        let acceptor = TlsAcceptor::from(shown.server_config());
        let (slots, tasks) = (Arc::new(Semaphore::new(size(limits.connections_max))), TaskTracker::new());
        let (sources, served) = (Sources::default(), Arc::new(Served::new(node)));
        loop {
            let slot = tokio::select! {
                () = stop.cancelled() => break,
                slot = slots.clone().acquire_owned() => slot.expect("the semaphore is never closed"),
            };
            let (stream, from) = tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, from)) => (stream, from.ip()),
                    Err(error) => {
                        tracing::warn!(%error, "the listener for programs fails to accept");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
            };
            let Some(place) = sources.enter(from, limits.source_connections_max) else { continue };
            let (acceptor, served, stop, limits) = (acceptor.clone(), served.clone(), stop.clone(), limits.clone());
            tasks.spawn(async move {
                let _held = (slot, place);
                let _ = stream.set_nodelay(true);
                let handshake = tokio::time::timeout(Duration::from_millis(limits.handshake_ms_max), acceptor.accept(stream));
                // Whoever does not get through the handshake is nobody's business.
                if let Ok(Ok(stream)) = handshake.await {
                    // Whoever reads a byte a minute would hold a connection for ever.
                    let life = Duration::from_secs(limits.connection_s_max);
                    let _ = tokio::time::timeout(life, converse(stream, from, served, &limits, stop)).await;
                }
            });
        }
        tasks.close();
        let _ = tokio::time::timeout(Duration::from_secs(DRAIN_SECONDS_MAX), tasks.wait()).await;
    }
}

async fn converse(stream: TlsStream<TcpStream>, from: IpAddr, served: Arc<Served>, limits: &config::Https, stop: CancellationToken) {
    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let service = service_fn(move |request| {
        let served = served.clone();
        async move { Ok::<_, std::convert::Infallible>(served.answer(request, from).await) }
    });
    let header = Duration::from_secs(limits.header_s_max);
    macro_rules! until_stopped {
        ($connection:expr) => {{
            let connection = $connection;
            tokio::pin!(connection);
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            }
        }};
    }
    let ended = if is_h2 {
        let mut http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        http.timer(TokioTimer::new()).max_concurrent_streams(STREAMS_MAX).keep_alive_interval(header).keep_alive_timeout(header);
        http.max_header_list_size(u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX));
        until_stopped!(http.serve_connection(TokioIo::new(stream), service))
    } else {
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(header).max_buf_size(size(limits.header_bytes_max));
        until_stopped!(http.serve_connection(TokioIo::new(stream), service))
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection of a program broke off");
    }
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS)
}

/// How many connections each address has. Of IPv6 a /64 counts as one: whoever has one address there has them all.
#[derive(Debug, Clone, Default)]
struct Sources(Arc<Mutex<BTreeMap<IpAddr, u64>>>);

/// A connection that counts while this lives.
struct Place(Sources, IpAddr);

impl Sources {
    fn enter(&self, from: IpAddr, most: u64) -> Option<Place> {
        let source = source(from);
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = sources.entry(source).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place(self.clone(), source))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut sources = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = sources.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                sources.remove(&self.1);
            }
        }
    }
}

/// What counts as one source.
fn source(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_so_many_connections_and_a_network_of_ipv6_is_one_address() {
        let sources = Sources::default();
        let address = |text: &str| text.parse().unwrap();
        let first = sources.enter(address("2001:db8::1"), 2);
        assert!(first.is_some());
        let _second = sources.enter(address("2001:db8::2"), 2);
        assert!(sources.enter(address("2001:db8::3"), 2).is_none());
        assert!(sources.enter(address("2001:db8:0:1::3"), 2).is_some());
        assert!(sources.enter(address("192.0.2.1"), 1).is_some());
        drop(first);
        assert!(sources.enter(address("2001:db8::3"), 2).is_some());
    }
}
