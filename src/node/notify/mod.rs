//! People are told that something waits, never what: by a program, a signed request, a mail or a line in a chat.
//!
//! A notice is made together with what caused it ([`Node::notify`]) and stays until each channel has it. It is told at least once, always
//! under the same id. Lost when the process dies: nothing; what was on its way is told again.

pub(super) mod channel;
mod command;
mod deliver;
mod email;
pub(super) mod net;
mod view;
mod web;

pub use channel::Channel;
pub use view::{ChannelView, NoticeState, NoticeView, NoticesView, NotifyStatus, Tried};

use super::{Node, NodeError};
use crate::config::Config;
use crate::model::Timestamp;
use crate::model::crypto::random;
use crate::model::desk::Role;
use crate::rules::notify::{Event, Fault, Notice};
use crate::store::change::Change;
use crate::store::notice::{DeliveryRow, NoticeChange};
use crate::store::{Delivery, Snapshot};
use std::path::Path;

/// For so long, in milliseconds, a notice is known by its id and not queued anew (7 days).
const KNOWN_MS: u64 = 7 * 24 * 3_600_000;
/// What upkeep looks at, once a minute, and was due so long ago (2 minutes, in milliseconds) became due while the node was away.
const MISSED_MS: u64 = 120_000;
/// So many notices are listed at most, of each channel together.
const LISTED_MAX: usize = 1_000;

/// Whether each channel of these settings can be reached, by its name and kind, without telling anybody of anything: servers are
/// connected to and logged in at, files with secrets are read, and programs are looked at. All at once, each for as long as one try may take.
pub async fn reach_channels(config: &Config, data: &Path) -> Vec<(String, &'static str, Result<(), Fault>)> {
    let channels = Channel::all(config, data);
    let reached = channels.iter().map(|channel| async { (channel.name.clone(), channel.kind.name(), channel.reach().await) });
    futures_util::future::join_all(reached).await
}

/// Whether what is looked at in the upkeep became due while the node was away.
pub(super) const fn is_missed(due: Timestamp, now: Timestamp) -> bool {
    now.since(due) >= MISSED_MS
}

impl Node {
    /// What makes a notice durable: to be committed together with what caused it. The same id is queued once.
    pub fn notify(&self, notice: Notice) -> Change {
        let takes = self.channels.iter().filter(|channel| channel.takes(&notice));
        let channels = takes.map(|channel| (channel.name.clone(), channel.digest && !notice.urgent)).collect();
        Change::Notice(NoticeChange::Queue { notice: Box::new(notice), channels, at: self.clock.now() })
    }

    /// Queues a notice by itself.
    ///
    /// # Errors
    /// When the store takes no changes.
    pub async fn tell(&self, notice: Notice) -> Result<(), NodeError> {
        let change = self.notify(notice);
        self.commit(change).await.map(drop)
    }

    /// Tries a channel, or all of them, whatever they take otherwise. Returns what became of it on each: a first failure is told at once, and tried
    /// again later like any other.
    ///
    /// # Errors
    /// When there is no such channel, or none at all, or the store takes no changes.
    pub async fn test_channels(&self, name: Option<&str>) -> Result<Vec<Tried>, NodeError> {
        let tried: Vec<_> = self.channels.iter().filter(|channel| name.is_none_or(|name| channel.name == name)).collect();
        if tried.is_empty() {
            return Err(NodeError::NoChannel(name.map(|name| name.chars().take(60).collect())));
        }
        let notice = Notice::new(Event::Test, &random::<16>(), Role::Handler, self.clock.now());
        let (id, channels) = (notice.id, tried.iter().map(|channel| (channel.name.clone(), false)).collect());
        let mut changes = self.notices_changed.listen();
        self.commit(Change::Notice(NoticeChange::Queue { notice: Box::new(notice), channels, at: self.clock.now() })).await?;
        // Long enough for what is on its way before it, too.
        let patience = self.clock.sleep(self.config.notify.timeout_s_max.saturating_mul(2_000));
        tokio::pin!(patience);
        loop {
            let left: Vec<Delivery> = self.store.snapshot()?.deliveries(None)?.into_iter().filter(|one| one.id == id).collect();
            let state = |name: &str| left.iter().find(|one| one.channel == name).map(|one| one.row);
            let is_open = |row: Option<DeliveryRow>| matches!(row, Some(DeliveryRow::Due { failed: 0, .. } | DeliveryRow::Digest));
            let over = !tried.iter().any(|channel| is_open(state(&channel.name)));
            let patient = tokio::select! {
                biased;
                () = changes.rung(), if !over => true,
                () = &mut patience, if !over => false,
                else => false,
            };
            if !patient {
                return Ok(tried.iter().map(|channel| Tried::of(id, &channel.name, state(&channel.name))).collect());
            }
        }
    }

    /// The channels, and what waits or was given up.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn notices(&self) -> Result<NoticesView, NodeError> {
        let deliveries = self.store.snapshot()?.deliveries(None)?;
        let channels = self.channels.iter().map(|channel| ChannelView::of(channel, &deliveries)).collect();
        let mut notices: Vec<NoticeView> = deliveries.iter().map(NoticeView::of).collect();
        notices.sort_by_key(|one| (one.state, one.queued, one.id));
        notices.truncate(LISTED_MAX);
        Ok(NoticesView { channels, notices })
    }

    /// What the status says of notices; nothing where nobody is told of anything.
    pub(super) fn notify_status(&self, snapshot: &Snapshot) -> Result<Option<NotifyStatus>, NodeError> {
        let deliveries = snapshot.deliveries(None)?;
        if self.channels.is_empty() && deliveries.is_empty() {
            return Ok(None);
        }
        Ok(Some(NotifyStatus::of(self.channels.len() as u64, &deliveries)))
    }

    /// Forgets notices of more than a week ago, and those of channels that are no more.
    ///
    /// # Errors
    /// When the store takes no changes.
    pub async fn forget_notices(&self) -> Result<(), NodeError> {
        let before = Timestamp(self.clock.now().0.saturating_sub(KNOWN_MS));
        let snapshot = self.store.snapshot()?;
        let stranger = |one: &Delivery| !self.channels.iter().any(|channel| channel.name == one.channel);
        if !snapshot.notices()?.iter().any(|row| row.queued < before) && !snapshot.deliveries(None)?.iter().any(stranger) {
            return Ok(());
        }
        let channels = self.channels.iter().map(|channel| channel.name.clone()).collect();
        self.commit(Change::Notice(NoticeChange::Forget { before, channels })).await.map(drop)
    }
}
