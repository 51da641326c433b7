//! What people see of notices.

use super::Channel;
use crate::model::{NoticeId, ShortId, Timestamp};
use crate::rules::notify::{Fault, Message};
use crate::store::Delivery;
use crate::store::notice::DeliveryRow;
use serde::{Deserialize, Serialize};

/// How a notice stands on a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeState {
    /// It has failed for too long.
    GivenUp,
    /// It has failed, and is tried again.
    Failing,
    /// It is about to be told.
    Due,
    /// It waits for the digest.
    Digest,
}

impl NoticeState {
    const fn of(row: &DeliveryRow) -> Self {
        match row {
            DeliveryRow::GivenUp { .. } => Self::GivenUp,
            DeliveryRow::Due { failed: 1.., .. } => Self::Failing,
            DeliveryRow::Due { .. } => Self::Due,
            DeliveryRow::Digest => Self::Digest,
        }
    }

    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::GivenUp => "given up",
            Self::Failing => "failing",
            Self::Due => "due",
            Self::Digest => "digest",
        }
    }
}

/// The channels, and what waits or was given up: what was given up first, the oldest first; the first 1,000.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NoticesView {
    /// The channels, as the settings have them.
    pub channels: Vec<ChannelView>,
    /// What waits.
    pub notices: Vec<NoticeView>,
}

/// A channel.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChannelView {
    /// Its name.
    pub name: String,
    /// What it is: `email`.
    pub kind: String,
    /// What it takes: `any` or `urgent`.
    pub minimum: String,
    /// For whom.
    pub roles: Vec<String>,
    /// How many notices wait to be told, those for the digest too.
    pub waiting: u64,
    /// How many of them have failed before.
    pub failing: u64,
    /// How many were given up in the last week.
    pub given_up: u64,
}

/// A notice that a channel does not have yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NoticeView {
    /// Its id.
    pub id: NoticeId,
    /// The channel.
    pub channel: String,
    /// What kind of thing happened: `offer-arrived`, or `digest`.
    pub event: String,
    /// The referral.
    pub referral: Option<ShortId>,
    /// How it stands.
    pub state: NoticeState,
    /// Since when it waits.
    pub queued: Timestamp,
    /// How often it was tried.
    pub failed: u32,
    /// When it is tried again.
    pub next: Option<Timestamp>,
    /// Why it failed last.
    pub problem: Option<String>,
}

/// Notices in the status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifyStatus {
    /// How many channels there are.
    pub channels: u64,
    /// How many notices wait to be told, those for the digest too.
    pub waiting: u64,
    /// How many of them have failed before.
    pub failing: u64,
    /// How many were given up in the last week.
    pub given_up: u64,
}

/// What became of a test on a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// The notice's id.
    pub id: NoticeId,
    /// The channel.
    pub channel: String,
    /// Whether it was delivered.
    pub delivered: bool,
    /// Why not.
    pub problem: Option<String>,
}

fn counts<'a>(deliveries: impl Iterator<Item = &'a Delivery>) -> (u64, u64, u64) {
    deliveries.fold((0, 0, 0), |(waiting, failing, given_up), one| match NoticeState::of(&one.row) {
        NoticeState::GivenUp => (waiting, failing, given_up + 1),
        NoticeState::Failing => (waiting + 1, failing + 1, given_up),
        NoticeState::Due | NoticeState::Digest => (waiting + 1, failing, given_up),
    })
}

impl ChannelView {
    pub(super) fn of(channel: &Channel, deliveries: &[Delivery]) -> Self {
        let (waiting, failing, given_up) = counts(deliveries.iter().filter(|one| one.channel == channel.name));
        let minimum = if channel.urgent_only { "urgent" } else { "any" };
        Self {
            name: channel.name.clone(),
            kind: channel.kind.name().into(),
            minimum: minimum.into(),
            roles: channel.roles.iter().map(|role| role.to_string()).collect(),
            waiting,
            failing,
            given_up,
        }
    }
}

impl NoticeView {
    pub(super) fn of(one: &Delivery) -> Self {
        let (failed, next, fault) = match one.row {
            DeliveryRow::Digest => (0, None, None),
            DeliveryRow::Due { failed, at, fault } => (failed, Some(at), fault),
            DeliveryRow::GivenUp { failed, fault, .. } => (failed, None, Some(fault)),
        };
        let referral = match &one.notice.message {
            Message::One(notice) => notice.referral,
            Message::Digest(_) => None,
        };
        Self {
            id: one.id,
            channel: one.channel.clone(),
            event: one.notice.message.code().into(),
            referral,
            state: NoticeState::of(&one.row),
            queued: one.notice.queued,
            failed,
            next,
            problem: fault.as_ref().map(Fault::to_string),
        }
    }
}

impl NotifyStatus {
    pub(super) fn of(channels: u64, deliveries: &[Delivery]) -> Self {
        let (waiting, failing, given_up) = counts(deliveries.iter());
        Self { channels, waiting, failing, given_up }
    }
}

impl Tried {
    pub(super) fn of(id: NoticeId, channel: &str, row: Option<DeliveryRow>) -> Self {
        let problem = match row {
            None => None,
            Some(DeliveryRow::Due { fault: Some(fault), .. } | DeliveryRow::GivenUp { fault, .. }) => Some(fault.to_string()),
            Some(_) => Some("it is still on its way".into()),
        };
        Self { id, channel: channel.into(), delivered: row.is_none(), problem }
    }
}
