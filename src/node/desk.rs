//! What people's side asks of the node: makes it, starts it, and answers with views.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::view::{
    ExpireView, GroupCreate, GroupView, InitView, InviteView, JoinView, PeerOptions, PeerRemoveView, PeerView, RestoreView, RotateView,
    TakeBackView,
};
use super::{Listening, Node, NodeError};
use crate::clock::Clock;
use crate::config::{Effective, FILE};
use crate::link::identity::Identity;
use crate::link::links::Links;
use crate::model::Timestamp;
use crate::model::identity::Endpoint;
use crate::model::record::WithdrawalMode;
use crate::store::{Options, Store};

impl Node {
    /// Makes identity and store in a data directory. The settings are the caller's to write, afterwards.
    ///
    /// # Errors
    /// When there is an identity already, or the directory cannot be written.
    pub fn init(data: &Path, endpoints: &[String], clock: &Clock) -> Result<InitView, NodeError> {
        let keys = Identity::create(data, read_endpoints(endpoints)?, clock.now())?;
        Store::open(&data.join("store"), Options::new(keys.org()))?.close();
        let next = data.join(crate::link::identity::DIRECTORY).join("next-root.key");
        Ok(InitView {
            org_id: keys.org(),
            data: data.display().to_string(),
            config: data.join(FILE).display().to_string(),
            next_root_key: Some(next.display().to_string()),
        })
    }

    /// Opens the node of a data directory with the settings there.
    ///
    /// # Errors
    /// When there is none, its keys are not private, or the store is locked, damaged or newer.
    pub fn open(data: &Path, clock: Clock) -> Result<Arc<Self>, NodeError> {
        let file = data.join(FILE);
        if !file.exists() {
            return Err(NodeError::NotInitialised(data.to_owned()));
        }
        Self::open_with(data, Effective::load(&file)?.config, clock)
    }

    /// Listens where the settings say. Peers are served from [`Self::run`] on.
    ///
    /// # Errors
    /// When the address is taken, or our certificates cannot be used.
    pub async fn listen(self: &Arc<Self>) -> Result<SocketAddr, NodeError> {
        let wanted = &self.config.listen;
        let failed = |error| NodeError::io(format!("listen on `{wanted}`"), error);
        let listener = TcpListener::bind(wanted).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        self.renew_at_start(address)?;
        let links = Links::new(self.clone())?;
        *self.links.lock().unwrap_or_else(PoisonError::into_inner) = Some(Listening { links, listener: Some(listener), address });
        Ok(address)
    }

    /// Certificates that ran out while we were down are renewed before anybody sees them; the card follows the settings.
    fn renew_at_start(&self, address: SocketAddr) -> Result<(), NodeError> {
        let now = self.clock.now();
        self.keys.renew(now)?;
        let mut endpoints = read_endpoints(&self.config.endpoints)?;
        if endpoints.is_empty() && address.ip().is_loopback() {
            endpoints = read_endpoints(&[address.to_string()])?;
        }
        if let Err(error) = self.keys.set_endpoints(&endpoints, now) {
            tracing::warn!(code = NodeError::from(error).code(), "our card keeps its old endpoints");
        }
        Ok(())
    }

    /// Serves and dials peers until `stop` fires, then lets go of the links and closes the store.
    ///
    /// # Errors
    /// When the node does not listen.
    pub async fn run(self: &Arc<Self>, stop: CancellationToken) -> Result<(), NodeError> {
        let (links, listener) = {
            let mut guard = self.links.lock().unwrap_or_else(PoisonError::into_inner);
            let listening = guard.as_mut().ok_or(NodeError::Internal("the node runs before it listens".into()))?;
            (listening.links.clone(), listening.listener.take())
        };
        let listener = listener.ok_or(NodeError::Internal("the node runs already".into()))?;
        links.run(listener, stop).await;
        *self.links.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.store.close();
        Ok(())
    }

    /// The links of a node that listens.
    ///
    /// # Errors
    /// When it does not.
    pub fn links(&self) -> Result<Arc<Links>, NodeError> {
        let guard = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        guard.as_ref().map(|listening| listening.links.clone()).ok_or(NodeError::Stopping)
    }

    /// Where the node listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|listening| listening.address)
    }

    /// Puts certificates, peers and what the gate is told as files and store have them in force, without a restart.
    ///
    /// # Errors
    /// Each that cannot be read; of those what was in force stays, and all others are in force.
    pub async fn reload(&self) -> Result<(), Vec<NodeError>> {
        let keys = self.keys.renew(self.clock.now()).map(drop).map_err(NodeError::from);
        let links = self.links().and_then(|links| links.reload());
        // Lists are taken at the start alone; one that is broken by now would keep the next start from happening.
        let lists = super::vocabulary::load(&self.data).map(drop);
        let tried = [self.reload_gate(), self.reload_timers(), lists, keys, links];
        let failed: Vec<NodeError> = tried.into_iter().filter_map(Result::err).collect();
        if failed.is_empty() { Ok(()) } else { Err(failed) }
    }

    /// Our newest card as text.
    pub(super) fn card_text(&self) -> String {
        self.keys.card().to_text()
    }

    /// Where the node listens, for people.
    pub(super) fn listening(&self) -> Option<String> {
        self.address().map(|address| address.to_string())
    }

    /// When our node certificate and our issuing CA run out.
    pub(super) fn certificates_until(&self) -> (Timestamp, Timestamp) {
        self.keys.certificates_until()
    }

    /// Pairs with an organisation whose card was checked by other means.
    ///
    /// # Errors
    /// When the text is no card, is our own, or the organisation or the name is taken.
    pub async fn peer_add(&self, card: &str, name: &str, options: PeerOptions) -> Result<PeerView, NodeError> {
        let row = self.add_peer(card, name, options).await?;
        self.peer(&row.name)
    }

    /// Closes a peer's links for now.
    ///
    /// # Errors
    /// When there is no such peer, or it is neither open nor suspended.
    pub async fn peer_suspend(&self, name: &str) -> Result<PeerView, NodeError> {
        let row = self.suspend_peer(name, false).await?;
        self.peer(&row.name)
    }

    /// Closes a peer's links for now, but for links that carry recalls alone, its own and ours.
    ///
    /// # Errors
    /// When there is no such peer, or it is neither open nor suspended.
    pub async fn peer_suspend_but_for_recalls(&self, name: &str) -> Result<PeerView, NodeError> {
        let row = self.suspend_peer(name, true).await?;
        self.peer(&row.name)
    }

    /// Opens a suspended peer's links again.
    ///
    /// # Errors
    /// When there is no such peer.
    pub async fn peer_resume(&self, name: &str) -> Result<PeerView, NodeError> {
        let row = self.resume_peer(name).await?;
        self.peer(&row.name)
    }

    /// Ends the relation with a peer, and its membership in the groups that we define.
    ///
    /// # Errors
    /// When there is no such peer.
    pub async fn peer_remove(&self, name: &str) -> Result<PeerRemoveView, NodeError> {
        let (row, removed_from) = self.remove_peer(name).await?;
        Ok(PeerRemoveView { peer: self.peer(&row.org.to_string())?, removed_from })
    }

    /// The people here have compared the digits.
    ///
    /// # Errors
    /// When the peer does not wait for it, or the digits differ.
    pub async fn peer_confirm(&self, name: &str, digits: &str) -> Result<PeerView, NodeError> {
        self.peer_confirm_as(name, digits, None).await
    }

    /// As [`Self::peer_confirm`], and gives the peer another name, where one is given.
    ///
    /// # Errors
    /// As [`Self::peer_confirm`], or when the new name is none or taken; then nothing is confirmed.
    pub async fn peer_confirm_as(&self, name: &str, digits: &str, new_name: Option<&str>) -> Result<PeerView, NodeError> {
        let row = self.confirm_peer(name, digits, new_name).await?;
        self.peer(&row.name)
    }

    /// Gives a peer another name.
    ///
    /// # Errors
    /// When there is no such peer, or the new name is none or taken.
    pub async fn peer_rename(&self, name: &str, new_name: &str) -> Result<PeerView, NodeError> {
        let row = self.rename_peer(name, new_name).await?;
        self.peer(&row.name)
    }

    /// Opens an invitation for another organisation.
    ///
    /// # Errors
    /// When nobody could reach this node by it.
    pub async fn invite(&self) -> Result<InviteView, NodeError> {
        let invitation = self.links()?.invite()?;
        let qr = invitation.to_qr().unwrap_or_default();
        Ok(InviteView { text: invitation.to_text(), qr, expires: invitation.expires() })
    }

    /// Takes an invitation up. Nothing else is exchanged until people on both sides have compared the digits.
    ///
    /// # Errors
    /// When the text is no invitation, or the inviting node is not reached or refuses.
    pub async fn join(&self, text: &str, name: Option<&str>) -> Result<JoinView, NodeError> {
        name.map(|name| self.check_name_is_free(name)).transpose()?;
        let row = self.links()?.join(text, name).await?;
        let digits = row.pairing.map(|pairing| pairing.digits).unwrap_or_default();
        Ok(JoinView { name: row.name, org_id: row.org, digits })
    }

    /// Makes a group of ours.
    ///
    /// # Errors
    /// When the name is taken or a member is no open peer.
    pub async fn group_create(&self, request: GroupCreate) -> Result<GroupView, NodeError> {
        let group = self.create_group(&request).await?;
        self.group(&group.to_string())
    }

    /// Adds a peer to a group of ours.
    ///
    /// # Errors
    /// When the group is not ours, or the peer is not open.
    pub async fn group_add(&self, group: &str, peer: &str) -> Result<GroupView, NodeError> {
        self.add_to_group(group, peer).await?;
        self.group(group)
    }

    /// Removes a member from a group of ours.
    ///
    /// # Errors
    /// When the group is not ours.
    pub async fn group_remove(&self, group: &str, peer: &str) -> Result<GroupView, NodeError> {
        self.remove_from_group(group, peer).await?;
        self.group(group)
    }

    /// Says whether TLP:GREEN moves within a group of ours from now on.
    ///
    /// # Errors
    /// When the group is not ours.
    pub async fn group_community(&self, group: &str, community: bool) -> Result<GroupView, NodeError> {
        self.set_community(group, community).await?;
        self.group(group)
    }

    /// Names the member of a group of ours that takes over when we are lost, or nobody.
    ///
    /// # Errors
    /// When we do not own the group, or the deputy is no member or no open peer.
    pub async fn group_deputy(&self, group: &str, deputy: Option<&str>) -> Result<GroupView, NodeError> {
        self.set_deputy(group, deputy).await?;
        self.group(group)
    }

    /// The operator accepts a group that waits for this word, or comes back to one that was left.
    ///
    /// # Errors
    /// When there is no such group.
    pub async fn group_accept(&self, group: &str) -> Result<GroupView, NodeError> {
        self.accept_group(group).await?;
        self.group(group)
    }

    /// The operator leaves a group that another defines.
    ///
    /// # Errors
    /// When there is no such group, or it is ours.
    pub async fn group_leave(&self, group: &str) -> Result<GroupView, NodeError> {
        self.leave_group(group).await?;
        self.group(group)
    }

    /// Signs for a group from now on, as its deputy, or as its owner again.
    ///
    /// # Errors
    /// When we are neither, or, in a hidden group, its members are not known here.
    pub async fn group_take_over(&self, group: &str) -> Result<GroupView, NodeError> {
        self.take_group_over(group).await?;
        self.group(group)
    }

    /// One of our records is no longer valid.
    ///
    /// # Errors
    /// When there is no such record of ours.
    pub async fn withdraw(&self, id: &str, reason: &str) -> Result<TakeBackView, NodeError> {
        self.take_back(id, reason, WithdrawalMode::Withdraw).await
    }

    /// One of our records should never have left.
    ///
    /// # Errors
    /// When there is no such record of ours.
    pub async fn recall(&self, id: &str, reason: &str) -> Result<TakeBackView, NodeError> {
        self.take_back(id, reason, WithdrawalMode::Recall).await
    }

    /// Makes the next root key the root; peers learn of it over their links.
    ///
    /// # Errors
    /// When the next root key is not in the key directory, or is not the one that was committed to.
    pub async fn rotate(&self) -> Result<RotateView, NodeError> {
        self.keys.rotate_root(self.clock.now())?;
        // Without links the new card goes out with the next start.
        if let Ok(links) = self.links() {
            links.show_newest()?;
        }
        let next = self.data.join(crate::link::identity::DIRECTORY).join("next-root.key");
        Ok(RotateView { card_number: self.keys.card().content().number, next_root_key: next.display().to_string() })
    }

    /// Destroys what is past its retention date, on an operator's word that the clock is right.
    ///
    /// # Errors
    /// When the store takes no changes.
    pub async fn expire(&self) -> Result<ExpireView, NodeError> {
        Ok(ExpireView { destroyed: self.destroy_expired(true).await? })
    }

    /// This data directory was restored from a copy: our logs go on in the next incarnation, and nothing that is held is served or exported
    /// before the peers have told what happened since.
    ///
    /// # Errors
    /// When the store takes no changes.
    pub async fn declare_restore(&self) -> Result<RestoreView, NodeError> {
        // Held back first: with the new incarnation what waits would leave.
        let _one_hold_at_a_time = self.holds_in_turn().await;
        let snapshot = self.store.snapshot()?;
        let restored = super::held_back::Restored::new(self.clock.now(), None, &snapshot)?;
        let held = Self::wait_for_a_person(&snapshot)?;
        let consumers = Self::consumers_wait(&snapshot)?;
        drop(snapshot);
        self.commit_many(std::iter::once(restored.change()).chain(held).chain(consumers).collect()).await?;
        let closed = self.store.snapshot()?.logs_of(&self.org())?.len() as u64;
        Ok(RestoreView { incarnation: self.next_incarnation().await?, closed })
    }
}

fn read_endpoints(texts: &[String]) -> Result<Vec<Endpoint>, NodeError> {
    texts
        .iter()
        .map(|text| text.parse().map_err(|error: crate::model::identity::BadEndpoint| NodeError::BadInput(error.to_string())))
        .collect()
}
