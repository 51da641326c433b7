//! HTTP/2 on a connection whose other end is known, on either side of it.

use super::accept::{AcceptedConnection, Caller};
use super::diagnosis::Diagnosis;
use super::dial::DialledConnection;
use super::frames::{FrameLimits, Metered, Tripped};
use super::gathered::Gathered;
use super::limits::Overrun;
use super::one_task::{Inbox, OneTask};
use crate::clock::Clock;
use crate::model::Timestamp;
use axum::Router;
use axum::body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper::{Request, Response, Uri};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::NamedGroup;
use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tower::{Service, ServiceExt};

/// Bounds on what one connection may hold and do.
#[derive(Debug, Clone)]
pub struct Http2Limits {
    /// Streams at one time.
    pub streams_max: u32,
    /// Frames in a second.
    pub frames: FrameLimits,
    /// By which seconds are told.
    pub clock: Clock,
    /// Bytes in flight on one stream.
    pub stream_window_bytes: u32,
    /// Bytes in flight on one connection.
    pub connection_window_bytes: u32,
    /// Bytes of headers in one message.
    pub header_bytes_max: u32,
    /// How often an idle connection is probed.
    pub keep_alive_interval: Duration,
    /// How long an answer to a probe may take.
    pub keep_alive_timeout: Duration,
    /// How long a pairing may take; a paired peer may stay.
    pub pairing_life: Duration,
    /// How long a stop waits for calls under way.
    pub stop_grace: Duration,
}

impl Default for Http2Limits {
    fn default() -> Self {
        Self {
            streams_max: 16,
            frames: FrameLimits { per_second_max: 10_000, control_per_second_max: 500 },
            clock: Clock::system(),
            stream_window_bytes: 4 << 20, // the default of 1 MiB gives 6 MB/s at a round trip of 150 ms
            connection_window_bytes: 8 << 20,
            header_bytes_max: 16 << 10,
            keep_alive_interval: Duration::from_secs(20),
            keep_alive_timeout: Duration::from_secs(10),
            pairing_life: Duration::from_secs(60),
            stop_grace: Duration::from_secs(2),
        }
    }
}

/// What a handler finds in the extensions of each request.
#[derive(Debug, Clone)]
pub struct ConnectionInfo {
    /// Who called.
    pub caller: Caller,
    /// From where.
    pub remote: SocketAddr,
    /// The key exchange.
    pub kx_group: NamedGroup,
    /// The limit that its connection has passed, once it has.
    pub tripped: Tripped,
    /// When the caller's certificate runs out.
    pub until: Timestamp,
}

/// How serving a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The other side left.
    Closed,
    /// It was cut: its organisation was suspended or removed, or it came to pair and took too long.
    Killed,
    /// More frames came in a second than may.
    Overrun(Overrun),
    /// This node stops.
    Stopped,
}

/// Serves HTTP/2 requests until the connection ends, is cut (at once), or `stop` fires (then calls under way have a moment to end;
/// an endless stream would hold up a graceful shutdown for ever).
pub async fn serve(connection: AcceptedConnection, app: Router, limits: &Http2Limits, stop: CancellationToken) -> Ended {
    let AcceptedConnection { stream, caller, remote, kx_group, until, kill, _admission, .. } = connection;
    let life = if matches!(caller, Caller::Pairing { .. }) { limits.pairing_life } else { Duration::MAX };
    let mut task = OneTask::default();
    let stream = Metered::accepted(Gathered::new(stream, task.turns()), limits.frames, limits.clock.clone());
    let tripped = stream.tripped();
    let info = ConnectionInfo { caller, remote, kx_group, until, tripped: tripped.clone() };
    let app = app.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(info.clone());
        request.map(|body| Body::new(body.map_err(axum::Error::new)))
    });
    let mut serving = pin!(builder(limits, task.inbox()).serve_connection(TokioIo::new(stream), TowerToHyperService::new(app)));
    tokio::select! {
        _ = task.live(serving.as_mut()) => return tripped.overrun().map_or(Ended::Closed, Ended::Overrun),
        () = kill.cancelled() => return Ended::Killed,
        () = tokio::time::sleep(life) => return Ended::Killed,
        () = stop.cancelled() => {}
    }
    serving.as_mut().graceful_shutdown();
    tokio::select! {
        _ = task.live(serving) => {}
        () = kill.cancelled() => {}
        () = tokio::time::sleep(limits.stop_grace) => {}
    }
    Ended::Stopped
}

fn builder(limits: &Http2Limits, inbox: Inbox) -> hyper::server::conn::http2::Builder<Inbox> {
    let mut builder = hyper::server::conn::http2::Builder::new(inbox);
    builder
        .timer(TokioTimer::new()) // keep-alive panics without one
        .auto_date_header(false) // a peer's hello tells its time
        .max_concurrent_streams(limits.streams_max)
        .initial_stream_window_size(limits.stream_window_bytes)
        .initial_connection_window_size(limits.connection_window_bytes)
        .max_header_list_size(limits.header_bytes_max)
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(64)
        .keep_alive_interval(limits.keep_alive_interval)
        .keep_alive_timeout(limits.keep_alive_timeout);
    builder
}

/// A gRPC channel over one dialled connection. It never reconnects by itself: when the connection ends, or is cut, so does the channel.
/// Clones share the connection, which ends when the last of them and the last call are gone.
#[derive(Clone)]
pub struct Channel {
    calls: SendRequest<tonic::body::Body>,
    /// The connection, until the first call: HTTP/2's own first frames go with the call's, as one message.
    connection: Arc<Mutex<Option<Connection>>>,
}

type Connection = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Service<Request<tonic::body::Body>> for Channel {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, hyper::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.calls.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<tonic::body::Body>) -> Self::Future {
        let path = request.uri().path();
        // TLS is ours and below, and told who the peer is.
        *request.uri_mut() = Uri::builder().scheme("http").authority("peer").path_and_query(path).build().unwrap_or_default();
        let answer = self.calls.send_request(request);
        if let Some(connection) = self.connection.lock().unwrap_or_else(PoisonError::into_inner).take() {
            tokio::spawn(connection);
        }
        Box::pin(answer)
    }
}

/// A channel over this connection.
///
/// # Errors
/// When the connection was cut already.
pub async fn channel(connection: DialledConnection, limits: &Http2Limits) -> Result<Channel, Diagnosis> {
    metered_channel(connection, limits).await.map(|(channel, _)| channel)
}

/// As [`channel`], with what tells whether the other side passed a limit.
///
/// # Errors
/// As [`channel`].
pub async fn metered_channel(connection: DialledConnection, limits: &Http2Limits) -> Result<(Channel, Tripped), Diagnosis> {
    let task = OneTask::default();
    let stream = Metered::dialled(Gathered::new(Cuttable::new(connection), task.turns()), limits.frames, limits.clock.clone());
    let tripped = stream.tripped();
    let handshake = hyper::client::conn::http2::Builder::new(task.inbox())
        .timer(TokioTimer::new())
        .initial_stream_window_size(limits.stream_window_bytes)
        .initial_connection_window_size(limits.connection_window_bytes)
        .max_header_list_size(limits.header_bytes_max)
        .keep_alive_interval(limits.keep_alive_interval)
        .keep_alive_timeout(limits.keep_alive_timeout)
        .keep_alive_while_idle(true)
        .handshake(TokioIo::new(stream))
        .await;
    let (calls, connection) = handshake.map_err(|_| Diagnosis::Closed)?;
    // Why it ended is told to whoever calls.
    let connection = task.finish(async move { drop(connection.await) });
    Ok((Channel { calls, connection: Arc::new(Mutex::new(Some(Box::pin(connection)))) }, tripped))
}

/// A dialled stream that fails once its connection is cut.
struct Cuttable {
    connection: DialledConnection,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Cuttable {
    fn new(connection: DialledConnection) -> Self {
        let cut = Box::pin(connection.kill.clone().cancelled_owned());
        Self { connection, cut }
    }

    fn check(&mut self, context: &mut Context<'_>) -> Result<(), Error> {
        match self.cut.as_mut().poll(context) {
            Poll::Ready(()) => Err(ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }

    fn stream(&mut self) -> Pin<&mut tokio_rustls::client::TlsStream<tokio::net::TcpStream>> {
        Pin::new(&mut self.connection.stream)
    }
}

impl AsyncRead for Cuttable {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<(), Error>> {
        self.check(context)?;
        self.stream().poll_read(context, buffer)
    }
}

impl AsyncWrite for Cuttable {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, Error>> {
        self.check(context)?;
        self.stream().poll_write(context, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.check(context)?;
        self.stream().poll_flush(context)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.stream().poll_shutdown(context)
    }
}
