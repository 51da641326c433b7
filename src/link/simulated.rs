//! Links over frames that a simulation carries, in place of TCP, TLS and HTTP/2. Everything above a stream of frames is the real code, and
//! so is the word of [`super::trust::Trust`] on who may connect.

use super::convert::wire;
use super::frames::Tripped;
use super::links::{Links, Under};
use crate::model::{OrgId, Timestamp};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;

/// What one end sends.
pub type Frames = Pin<Box<dyn Stream<Item = wire::Frame> + Send>>;
/// What one end gets.
pub type Inbound = Pin<Box<dyn Stream<Item = Result<wire::Frame, tonic::Status>> + Send>>;

/// Carries frames from one node to the others.
pub trait Carrier: Send + Sync {
    /// Calls an organisation's node. Resolves with what that sends once it has answered, and with nothing when it is not reached or refuses.
    fn call<'a>(&'a self, to: OrgId, frames: Frames) -> Pin<Box<dyn Future<Output = Option<Inbound>> + Send + 'a>>;
}

impl Links {
    /// Dials over a carrier until `stop` fires. What comes in is told to [`Self::answer`].
    pub async fn run_over(self: Arc<Self>, carrier: Box<dyn Carrier>, stop: CancellationToken) {
        let _ = self.carrier.set(carrier);
        self.keep_up(stop).await;
    }

    /// Another node calls: what we send it, unless it may not connect.
    pub fn answer(self: &Arc<Self>, from: OrgId, inbound: Inbound) -> Option<Frames> {
        let admission = self.tls.trust.admit(from, false).ok()?;
        let (session, frames) = self.session(from, admission.killed().child_token()).ok()?;
        let links = self.clone();
        tokio::spawn(async move {
            links.live(session, inbound, under(from)).await;
            drop(admission);
        });
        Some(Box::pin(frames))
    }

    pub(super) async fn dial_over(self: Arc<Self>, carrier: &dyn Carrier, org: OrgId) {
        let Ok(admission) = self.tls.trust.admit(org, false) else { return };
        let Ok((session, frames)) = self.session(org, admission.killed().child_token()) else { return };
        if let Some(inbound) = carrier.call(org, Box::pin(frames)).await {
            let under = under(self.node.org());
            self.live(session, inbound, under).await;
        }
    }
}

fn under(dialler: OrgId) -> Under {
    Under { dialler, kx: "simulated".into(), until: Timestamp(u64::MAX), tripped: Tripped::default() }
}
