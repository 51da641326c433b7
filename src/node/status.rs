//! What the node tells of itself, its peers and its groups. Reads only.

use super::error::NodeError;
use super::view::{CertificatesView, DiagnosisView, GroupView, LogView, MemberView, PeerStatus, PeerView, StatusView};
use super::{LinkView, Node};
use crate::model::group::{Definition, Visibility};
use crate::model::identity::Card;
use crate::model::log::{Audience, LogKey};
use crate::model::{GroupId, OrgId, Timestamp};
use crate::store::change::{Consent, GroupRow, PeerRow, PeerState};
use crate::store::{Health, LogInfo, LogState, Snapshot};
use std::collections::BTreeMap;

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// The names that people here give to organisations and groups.
pub(super) struct Names {
    us: OrgId,
    peers: BTreeMap<OrgId, String>,
    groups: BTreeMap<GroupId, String>,
}

impl Names {
    /// As the store has them.
    pub(super) fn of(snapshot: &Snapshot) -> Result<Self, NodeError> {
        let peers = snapshot.peers()?.into_iter().map(|peer| (peer.org, peer.name)).chain(super::feeds::names(snapshot)?).collect();
        let groups = snapshot.groups()?.into_iter().map(|group| (group.group, group.name)).collect();
        Ok(Self { us: snapshot.us(), peers, groups })
    }

    /// `us`, a peer's name, or the id of one that is no peer of ours.
    pub(super) fn org(&self, org: &OrgId) -> String {
        match self.peers.get(org) {
            _ if *org == self.us => "us".into(),
            Some(name) => name.clone(),
            None => org.to_string(),
        }
    }

    /// `us`, a peer's name, or nothing for one that is no peer of ours.
    pub(super) fn known(&self, org: &OrgId) -> Option<String> {
        if *org == self.us { Some("us".into()) } else { self.peers.get(org).cloned() }
    }

    /// A peer's or a group's name, or its id.
    pub(super) fn audience(&self, audience: &Audience) -> String {
        match audience {
            Audience::Direct(org) => self.org(org),
            Audience::Group(group) => self.groups.get(group).cloned().unwrap_or_else(|| group.to_string()),
        }
    }
}

impl Node {
    /// What people here call an audience.
    pub(super) fn audience_name(&self, audience: &Audience) -> Result<String, NodeError> {
        Ok(Names::of(&self.store.snapshot()?)?.audience(audience))
    }

    /// Our signed card, for other organisations.
    ///
    /// # Errors
    /// Never now; a card may come from elsewhere later.
    pub fn card(&self) -> Result<String, NodeError> {
        Ok(self.card_text())
    }

    /// `ok`, or why the store takes no changes.
    pub fn store_state(&self) -> String {
        match &*self.store.health().borrow() {
            Health::Good => "ok".into(),
            Health::ReadOnly { reason } => format!("read-only: {reason}"),
        }
    }

    /// What the node holds and whom it reaches.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn status(&self) -> Result<StatusView, NodeError> {
        let snapshot = self.store.snapshot()?;
        let (names, now) = (Names::of(&snapshot)?, self.clock.now());
        let mut logs = snapshot.logs()?;
        logs.sort_by_key(|log| (log.key.author != self.org(), log.key));
        let mut peers = snapshot.peers()?;
        peers.retain(|peer| peer.state != PeerState::Removed);
        peers.sort_by(|one, other| one.name.cmp(&other.name));
        let peers = peers.iter().map(|peer| self.peer_status(&snapshot, peer, now)).collect::<Result<_, _>>()?;
        Ok(StatusView {
            org_id: self.org(),
            name: self.config.name.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            since: self.started(),
            listen: self.listening(),
            store: self.store_state(),
            records: super::backup::record_counts(&snapshot)?,
            logs: logs.iter().map(|log| log_view(log, &names)).collect(),
            peers,
            certificates: self.certificates(now),
            backup: super::backup::last_backup(&snapshot)?,
            held: self.held(&snapshot)?,
            desk_key: self.desk_key_status()?,
            restored: self.restored(&snapshot)?,
            notify: self.notify_status(&snapshot)?,
            uncounted: Self::uncounted(&snapshot)?,
        })
    }

    /// The peers by name, without those that were removed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn peers(&self) -> Result<Vec<PeerView>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let mut peers = snapshot.peers()?;
        peers.retain(|peer| peer.state != PeerState::Removed);
        peers.sort_by(|one, other| one.name.cmp(&other.name));
        peers.iter().map(|peer| self.peer_view(&snapshot, peer)).collect()
    }

    /// A peer by its name or id, a removed one too.
    ///
    /// # Errors
    /// When there is none.
    pub fn peer(&self, name: &str) -> Result<PeerView, NodeError> {
        let row = self.peer_named(name)?;
        self.peer_view(&self.store.snapshot()?, &row)
    }

    fn peer_view(&self, snapshot: &Snapshot, peer: &PeerRow) -> Result<PeerView, NodeError> {
        let card = Card::from_bytes(&peer.card).map_err(|error| NodeError::StoreDamaged(error.to_string()))?;
        let mut groups = Vec::new();
        for group in snapshot.groups()? {
            if self.definition(snapshot, &group.group)?.is_some_and(|definition| definition.has(&peer.org)) {
                groups.push(group.name);
            }
        }
        groups.sort();
        Ok(PeerView {
            status: self.peer_status(snapshot, peer, self.clock.now())?,
            since: peer.since,
            endpoints: card.content().endpoints.iter().map(ToString::to_string).collect(),
            card_number: card.content().number,
            allow_classical: peer.allow_classical,
            proxy: peer.proxy.clone(),
            digits: peer.pairing.as_ref().map(|pairing| pairing.digits.clone()),
            confirmed_here: peer.pairing.as_ref().is_some_and(|pairing| pairing.confirmed_here),
            groups,
            recalls: peer.state == PeerState::Suspended && peer.recalls,
        })
    }

    fn peer_status(&self, snapshot: &Snapshot, peer: &PeerRow, now: Timestamp) -> Result<PeerStatus, NodeError> {
        let link = self.link_view(&peer.org);
        let open = peer.state == PeerState::Open;
        Ok(PeerStatus {
            name: peer.name.clone(),
            org_id: peer.org,
            state: state(peer.state, &link).into(),
            behind: self.behind(snapshot, &peer.org)?,
            ahead: self.ahead(snapshot, &peer.org)?,
            last_seen: if link.up { Some(now) } else { link.last_seen },
            problem: match peer.state {
                PeerState::Pairing => Some(unconfirmed()),
                _ => link.failure.filter(|_| open && !link.up),
            },
            // A link may outlive the certificate that it was opened with: the peer has another by then, which we have not seen.
            certificate_days: link.certificate_until.filter(|until| !link.up || *until >= now).map(|until| days(until, now)),
        })
    }

    /// Entries of a peer's own logs that it offers and we lack.
    fn behind(&self, snapshot: &Snapshot, peer: &OrgId) -> Result<u64, NodeError> {
        let mut behind = 0;
        for (log, size) in self.offered_by(peer) {
            let held = snapshot.log(&log)?;
            // A log that we hold nothing of yet is taken for its own.
            if held.as_ref().is_none_or(|held| held.key.author == *peer) {
                behind += u64::saturating_sub(size, held.map_or(0, |held| held.head.size));
            }
        }
        Ok(behind)
    }

    /// Entries of ours, in logs that concern a peer, that it has not acknowledged; those without a position too.
    fn ahead(&self, snapshot: &Snapshot, peer: &OrgId) -> Result<u64, NodeError> {
        let mut ahead = 0;
        for log in snapshot.logs_of(&self.org())? {
            if log.state != LogState::Open || !self.concerns(snapshot, &log.key.audience, peer)? {
                continue;
            }
            let through = snapshot.acks(&log.id)?.into_iter().find(|ack| ack.peer == *peer).map_or(0, |ack| ack.through);
            ahead += log.head.size.saturating_sub(through);
        }
        for audience in snapshot.waiting_audiences()? {
            if self.concerns(snapshot, &audience, peer)? {
                ahead += snapshot.waiting_count(&audience)?;
            }
        }
        Ok(ahead)
    }

    fn concerns(&self, snapshot: &Snapshot, audience: &Audience, peer: &OrgId) -> Result<bool, NodeError> {
        match audience {
            Audience::Direct(org) => Ok(org == peer),
            Audience::Group(group) => Ok(self.definition(snapshot, group)?.is_some_and(|definition| definition.has(peer))),
        }
    }

    /// The groups by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn groups(&self) -> Result<Vec<GroupView>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let mut groups = snapshot.groups()?;
        groups.sort_by(|one, other| one.name.cmp(&other.name));
        groups.iter().map(|group| self.group_view(&snapshot, group)).collect()
    }

    /// A group by its name or id.
    ///
    /// # Errors
    /// When there is none.
    pub fn group(&self, name: &str) -> Result<GroupView, NodeError> {
        let row = self.group_named(name)?;
        self.group_view(&self.store.snapshot()?, &row)
    }

    fn group_view(&self, snapshot: &Snapshot, row: &GroupRow) -> Result<GroupView, NodeError> {
        let names = Names::of(snapshot)?;
        let definition = match self.definition(snapshot, &row.group)? {
            Some(definition) => definition,
            // Left: what it was stays readable.
            None => super::group::read(&row.definition)?,
        };
        let state = match (snapshot.consent(&row.group)?, row.left, definition.is_fresh(self.clock.now())) {
            (Some(Consent::Left), ..) | (_, true, _) => "left",
            (Some(Consent::Waiting), ..) => "waiting",
            (_, _, true) => "open",
            (_, _, false) => "stale",
        };
        let Definition { group, number, owner, deputy, visibility, community, history, members, confirmed, .. } = definition;
        let member = |org_id: OrgId| {
            let known = names.org(&org_id);
            MemberView { org_id, name: (known != org_id.to_string()).then_some(known) }
        };
        Ok(GroupView {
            group_id: group,
            name: row.name.clone(),
            owner,
            owner_name: names.org(&owner),
            number,
            hidden: visibility == Visibility::Hidden,
            community,
            history,
            deputy,
            confirmed,
            state: state.into(),
            members: members.iter().map(|one| member(one.org)).collect(),
        })
    }

    /// How many days our certificates have left.
    pub fn certificates(&self, now: Timestamp) -> CertificatesView {
        let (node, issuing) = self.certificates_until();
        CertificatesView { node_days: days(node, now), issuing_days: days(issuing, now) }
    }
}

/// Whole days until a time; below zero from the moment that it has passed.
fn days(until: Timestamp, now: Timestamp) -> i64 {
    let left = i64::try_from(i128::from(until.0) - i128::from(now.0)).unwrap_or(i64::MAX);
    left.div_euclid(DAY_MS)
}

/// Until we confirm we do not dial the other side, so nobody tells us what it made of the pairing.
fn unconfirmed() -> DiagnosisView {
    let hint = "compare them by voice with those of the other side, then `watchfire peer confirm`; when it shows none any more, `watchfire \
                peer remove` and pair anew";
    DiagnosisView { code: "unconfirmed".into(), text: "the digits are not confirmed here".into(), hint: Some(hint.into()) }
}

fn state(state: PeerState, link: &LinkView) -> &'static str {
    match state {
        PeerState::Pairing => "pairing",
        PeerState::Open if link.up => "connected",
        PeerState::Open => "unreachable",
        PeerState::Suspended => "suspended",
        PeerState::Removed => "removed",
    }
}

fn log_view(log: &LogInfo, names: &Names) -> LogView {
    let LogKey { author, incarnation, audience } = log.key;
    let state = match log.state {
        LogState::Open => "open",
        LogState::Closed => "closed",
        LogState::Halted => "equivocated",
    };
    LogView {
        id: log.id,
        author,
        author_name: names.org(&author),
        audience: audience.to_string(),
        audience_name: names.audience(&audience),
        incarnation,
        size: log.head.size,
        head: log.head.hash,
        state: state.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_left_are_whole_and_fall_below_zero_at_the_end() {
        let day = 86_400_000;
        for (until, now, expected) in [(7 * day, 0, 7), (7 * day - 1, 0, 6), (day, day, 0), (day, day + 1, -1), (0, 3 * day, -3)] {
            assert_eq!(days(Timestamp(until), Timestamp(now)), expected);
        }
    }

    #[test]
    fn a_pairing_that_waits_says_for_what() {
        let view = unconfirmed();
        assert_eq!(view.text, "the digits are not confirmed here");
        let expected = "compare them by voice with those of the other side, then `watchfire peer confirm`; when it shows none any more, \
                        `watchfire peer remove` and pair anew";
        assert_eq!(view.hint.unwrap(), expected);
    }

    #[test]
    fn an_open_peer_is_connected_or_not_reached_and_others_are_what_they_are() {
        let up = LinkView { up: true, ..LinkView::default() };
        assert_eq!(state(PeerState::Open, &up), "connected");
        assert_eq!(state(PeerState::Open, &LinkView::default()), "unreachable");
        assert_eq!(state(PeerState::Suspended, &up), "suspended");
    }
}
