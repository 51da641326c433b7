//! The three organisations of the demo, each a whole node of its own.

use crate::api::server::Socket;
use crate::cli::init;
use crate::clock::Clock;
use crate::config::{Effective, FILE, initial};
use crate::node::Node;
use crate::node::error::NodeError;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Between two looks at whether something has come, in milliseconds.
const LOOK_MS: u64 = 50;

/// One organisation.
pub(super) struct Member {
    /// Its name to the others.
    pub name: &'static str,
    /// Its node.
    pub node: Arc<Node>,
    data: PathBuf,
    stop: CancellationToken,
    running: JoinHandle<Result<(), NodeError>>,
}

/// The organisations, and the patience with them.
pub(super) struct Team {
    /// Amal, Borealis and Cedar; in the last step also [`GUEST`].
    pub members: Vec<Member>,
    /// The clock of all.
    pub clock: Clock,
    patience_ms: u64,
    desks: Vec<JoinHandle<()>>,
    directory: PathBuf,
}

/// What they are called; none of them exists.
pub(super) const NAMES: [&str; 3] = ["amal", "borealis", "cedar"];
/// A partner of Amal alone, whom no consent names.
pub(super) const GUEST: &str = "dunya";

impl Team {
    /// Makes and starts all of them, each with an identity and a store of its own.
    pub(super) async fn gather(directory: &Path, patience_seconds: u64) -> Result<Self, NodeError> {
        let clock = Clock::system();
        let mut members = Vec::new();
        for name in NAMES {
            members.push(Member::start(name, directory.join(name), &clock).await?);
        }
        Ok(Self { members, clock, patience_ms: patience_seconds.saturating_mul(1_000), desks: Vec::new(), directory: directory.to_owned() })
    }

    /// Makes and starts one more.
    pub(super) async fn join(&mut self, name: &'static str) -> Result<Arc<Node>, NodeError> {
        let member = Member::start(name, self.directory.join(name), &self.clock).await?;
        let node = member.node.clone();
        self.members.push(member);
        Ok(node)
    }

    /// Waits until something is as it should be, at most as long as patience lasts; whether it came.
    pub(super) async fn until(&self, mut as_it_should_be: impl FnMut() -> bool) -> bool {
        let end = self.clock.monotonic_ms().saturating_add(self.patience_ms);
        loop {
            if tokio::task::block_in_place(&mut as_it_should_be) {
                return true;
            }
            if self.clock.monotonic_ms() >= end {
                return false;
            }
            self.clock.sleep(LOOK_MS).await;
        }
    }

    /// Opens the local socket of each.
    pub(super) fn open_desks(&mut self) -> Result<(), NodeError> {
        for member in &self.members {
            let socket = Socket::bind(&member.data)?;
            self.desks.push(tokio::spawn(socket.serve(member.node.clone(), 4 << 20, 16, member.stop.clone())));
        }
        Ok(())
    }

    /// Name and data directory of each.
    pub(super) fn directories(&self) -> Vec<(&'static str, PathBuf)> {
        self.members.iter().map(|member| (member.name, member.data.clone())).collect()
    }

    /// Stops all of them in order.
    pub(super) async fn disband(self) {
        for member in &self.members {
            member.stop.cancel();
        }
        for member in self.members {
            // The demo is over; what a node says on its way down changes nothing.
            let _ = member.running.await;
        }
        for desk in self.desks {
            let _ = desk.await;
        }
    }
}

impl Member {
    async fn start(name: &'static str, data: PathBuf, clock: &Clock) -> Result<Self, NodeError> {
        let address = free_address()?;
        let endpoints = std::slice::from_ref(&address);
        init::make(&data, name, &address, endpoints, clock.clone())?;
        // Whatever the environment says of a node that runs here is not meant for these.
        let config = Effective::parse(&initial(name, &address, endpoints), &data.join(FILE), &|_| None)?.config;
        let node = Node::open_with(&data, config, clock.clone())?;
        node.listen().await?;
        let stop = CancellationToken::new();
        let running = tokio::spawn({
            let (node, stop) = (node.clone(), stop.clone());
            async move { node.run(stop).await }
        });
        Ok(Self { name, node, data, stop, running })
    }

    /// Sets other limits to waiting for its node, as an operator does.
    pub(super) fn set_timers(&self, text: &str) -> Result<(), NodeError> {
        std::fs::write(self.data.join(crate::node::escalate::FILE), text).map_err(|error| NodeError::io("write the limits", error))?;
        self.node.reload_timers()
    }

    /// Stops its node, as a power cut would for the others.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }
}

/// An address on loopback that nothing listens on.
fn free_address() -> Result<String, NodeError> {
    let probe = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    Ok(probe.map_err(|error| NodeError::io("find a free port", error))?.to_string())
}
