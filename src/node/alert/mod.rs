//! Alerts: what an organisation warns others of, and which cases here it concerns. Which they are is looked up here, and never leaves.

mod feed;
mod publish;
mod show;
mod tend;

pub use publish::{AlertRequest, PublishedView, ReadRequest, WithdrawRequest};
pub use show::{AlertView, ValueView};

use super::call::{PLACE_HELD_MS, record_of, said_of};
use super::{Node, NodeError};
use crate::link::convert::decode_record;
use crate::model::alert::Alert;
use crate::model::crypto::sha256_framed;
use crate::model::log::Audience;
use crate::model::{AlertId, GroupId, OrgId, Record, RecordKind, ReferralId, Timestamp};
use crate::rules::alert::{State, alerts, state};
use crate::store::Snapshot;
use crate::store::change::{Change, PeerState, Shelf};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// So many characters of an id are enough to name an alert, where only one begins with them.
const PREFIX_MIN: usize = 4;
/// What is kept of an alert goes so long after nothing of it stands in a log, in milliseconds (30 days).
const KEPT_MS: u64 = 30 * 86_400_000;

/// What is kept of alerts, by their ids on the shelf.
type Rows = BTreeMap<[u8; 16], AlertRow>;

/// What we alone keep of an alert.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct AlertRow {
    /// Whose it is, where it is another's.
    author: Option<OrgId>,
    /// Whether people were told that it came.
    told: bool,
    /// Whether it is in the counters.
    counted: bool,
    /// Since when a person has read it.
    read: Option<Timestamp>,
    /// Who: the beginning of the user's key.
    read_by: Option<String>,
    /// Of which referrals people were told that it concerns them.
    matched: BTreeSet<ReferralId>,
    /// When that was written down last.
    at: Timestamp,
}

/// An alert and what we keep of it.
#[derive(Debug, Clone)]
struct Known {
    author: OrgId,
    audience: Audience,
    at: Timestamp,
    state: State,
    alert: Alert,
    row: AlertRow,
}

impl Known {
    fn keep(&self, row: &AlertRow) -> Change {
        keep(&self.author, &self.alert.id, Some(row))
    }
}

/// An id belongs to its author: another may use the same.
fn shelf_id(author: &OrgId, alert: &AlertId) -> [u8; 16] {
    let mut id = [0; 16];
    id.copy_from_slice(&sha256_framed("watchfire/alert-row/v1", &[&author.0, &alert.0])[..16]);
    id
}

fn keep(author: &OrgId, alert: &AlertId, row: Option<&AlertRow>) -> Change {
    Change::Keep { shelf: Shelf::Alert, id: shelf_id(author, alert), row: row.map(|row| serde_json::to_vec(row).unwrap_or_default()) }
}

impl Node {
    /// Every alert that counts here: ours, those of peers that we hear, and of members of our groups. What waits to leave is not among them.
    fn known_alerts(&self, snapshot: &Snapshot) -> Result<Vec<Known>, NodeError> {
        Ok(self.alerts_and_rows_left(snapshot)?.0)
    }

    /// The same, and what is kept of alerts of which nothing stands on the board any more.
    fn alerts_and_rows_left(&self, snapshot: &Snapshot) -> Result<(Vec<Known>, Rows), NodeError> {
        let (now, mut rows) = (self.clock.now(), Self::alert_rows(snapshot)?);
        let mut said = Vec::new();
        for post in snapshot.posts(&[RecordKind::Alert.number()])? {
            if let Some(Record::Alert(alert)) = record_of(&post) {
                said.push((post.row.key.audience, said_of(&post, *alert)));
            }
        }
        let on_board: BTreeSet<[u8; 16]> = said.iter().map(|(_, one)| shelf_id(&one.author, &one.what.id)).collect();
        let left: Rows = rows.extract_if(.., |id, _| !on_board.contains(id)).collect();
        let mut held: BTreeMap<OrgId, usize> = BTreeMap::new();
        for author in left.values().filter(|row| now.since(row.at) < PLACE_HELD_MS).filter_map(|row| row.author) {
            *held.entry(author).or_default() += 1;
        }
        let open_max = usize::try_from(self.config.alert.open_max).unwrap_or(usize::MAX);
        // Ours can all be taken back, whatever the settings say now.
        let room = |author: &OrgId| match held.get(author).copied().unwrap_or_default() {
            _ if *author == self.org() => usize::MAX,
            held => open_max.saturating_sub(held),
        };
        let groups = said.iter().filter_map(|(audience, one)| match audience {
            Audience::Group(group) => Some((*group, one.author)),
            Audience::Direct(_) => None,
        });
        let members: BTreeSet<(GroupId, OrgId)> = self.heard_members(snapshot, groups)?;
        let open: BTreeSet<OrgId> =
            snapshot.peers()?.into_iter().filter(|peer| peer.state == PeerState::Open).map(|peer| peer.org).collect();
        said.retain(|(audience, one)| match audience {
            _ if one.author == self.org() => true,
            Audience::Group(group) => members.contains(&(*group, one.author)),
            Audience::Direct(_) => open.contains(&one.author),
        });
        let known = alerts(said, room, now).into_iter().map(|(state, audience, one)| {
            let row = rows.remove(&shelf_id(&one.author, &one.what.id)).unwrap_or_default();
            Known { author: one.author, audience, at: one.at, state, alert: one.what, row }
        });
        let mut all: Vec<Known> = known.collect();
        all.sort_by_key(|one| (one.at, one.alert.id));
        Ok((all, left))
    }

    fn alert_rows(snapshot: &Snapshot) -> Result<Rows, NodeError> {
        let read = |(id, bytes): ([u8; 16], Vec<u8>)| {
            let row =
                serde_json::from_slice(&bytes).map_err(|_| NodeError::StoreDamaged("what is kept of an alert cannot be read".into()))?;
            Ok((id, row))
        };
        snapshot.all_kept(Shelf::Alert)?.into_iter().map(read).collect()
    }

    /// The alert that a text names: its id, or a beginning of it that no other has.
    fn alert_named(&self, snapshot: &Snapshot, text: &str) -> Result<Known, NodeError> {
        named(self.known_alerts(snapshot)?.into_iter(), text)
    }

    /// Alerts of ours that left the desk and have no position yet.
    fn waiting_alerts(&self, snapshot: &Snapshot) -> Result<Vec<Known>, NodeError> {
        let (now, mut all) = (self.clock.now(), Vec::new());
        for audience in snapshot.waiting_audiences()? {
            for (_, body) in snapshot.all_waiting_of_kind(&audience, RecordKind::Alert.number())? {
                let Ok(Record::Alert(alert)) = decode_record(RecordKind::Alert, &body) else { continue };
                let state = state(&alert, now, false, now);
                all.push(Known { author: self.org(), audience, at: now, state, alert: *alert, row: AlertRow::default() });
            }
        }
        Ok(all)
    }
}

fn named(all: impl Iterator<Item = Known>, text: &str) -> Result<Known, NodeError> {
    let text = text.trim().to_ascii_lowercase();
    let mut found = all.filter(|one| one.alert.id.to_string().starts_with(&text));
    match (found.next().filter(|_| text.len() >= PREFIX_MIN), found.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => {
            Err(NodeError::BadInput(format!("several alerts begin with `{text}`\nhint: `watchfire alert list` shows them")))
        }
        _ => Err(NodeError::UnknownOfDesk { what: "alert", id: text, list: "watchfire alert list" }),
    }
}

/// The beginning of an id by which people name it.
fn short(id: &AlertId) -> String {
    id.to_string().chars().take(8).collect()
}

/// As the audit names it.
const fn as_referral(id: &AlertId) -> ReferralId {
    ReferralId(id.0)
}
