//! The local socket: only its owner (and root) gets an answer.

use super::router;
use crate::config::SOCKET;
use crate::node::Node;
use crate::node::error::NodeError;
use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A request whose header takes longer is given up.
const HEADER_SECONDS_MAX: u64 = 10;
/// On stopping, requests under way get so long to end.
const DRAIN_SECONDS_MAX: u64 = 2;

/// The socket of one node; its file goes when this is dropped.
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Opens `DIR/desk.sock` for the owner alone. Call it with the store open: who has the store may replace a socket that an earlier
    /// process left behind.
    ///
    /// # Errors
    /// When the directory cannot be written, or its path is too long for a socket.
    pub fn bind(data: &Path) -> Result<Self, NodeError> {
        let path = data.join(SOCKET);
        let fresh = data.join("desk.new");
        let doing = || format!("open the socket `{}`", path.display());
        remove(&fresh).map_err(|error| NodeError::io(doing(), error))?;
        let listener = UnixListener::bind(&fresh).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidInput => NodeError::BadInput(format!(
                "`{}` is too long for the path of a socket\nhint: choose a shorter data directory with `--data`",
                path.display()
            )),
            _ => NodeError::io(doing(), error),
        })?;
        // Renamed into place only when nobody else can open it.
        fs::set_permissions(&fresh, fs::Permissions::from_mode(0o600))
            .and_then(|()| fs::rename(&fresh, &path))
            .map_err(|error| NodeError::io(doing(), error))?;
        Ok(Self { listener, path })
    }

    /// Answers until it is told to stop; then requests under way get 2 s to end.
    pub async fn serve(self, node: Arc<Node>, request_bytes_max: usize, connections_max: usize, stop: CancellationToken) {
        let app = router(node, request_bytes_max);
        let (slots, tasks) = (Arc::new(Semaphore::new(connections_max)), TaskTracker::new());
        loop {
            let slot = tokio::select! {
                () = stop.cancelled() => break,
                slot = slots.clone().acquire_owned() => slot.expect("the semaphore is never closed"),
            };
            let stream = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) if is_owner(&stream) => stream,
                    Ok(_) => continue,
                    Err(error) => {
                        tracing::warn!(%error, "the local socket fails to accept");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
            };
            let (app, stop) = (app.clone(), stop.clone());
            tasks.spawn(async move {
                answer(stream, app, stop).await;
                drop(slot);
            });
        }
        tasks.close();
        let _ = tokio::time::timeout(Duration::from_secs(DRAIN_SECONDS_MAX), tasks.wait()).await;
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Left behind, it is replaced at the next start.
        let _ = fs::remove_file(&self.path);
    }
}

async fn answer(stream: UnixStream, app: Router, stop: CancellationToken) {
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(HEADER_SECONDS_MAX));
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a local connection broke off");
    }
}

fn is_owner(stream: &UnixStream) -> bool {
    let ours = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == ours || peer.uid() == 0)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
