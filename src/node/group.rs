//! Groups: made, changed and confirmed by their owner; taken from others when they are newer and rightly signed.

use std::collections::BTreeMap;

use super::view::GroupCreate;
use super::{Node, NodeError};
use crate::link::convert::{decode_definition, encode_definition};
use crate::model::crypto::random;
use crate::model::group::{Definition, MEMBERS_MAX, Member, SignedDefinition, Visibility, group_id};
use crate::model::identity::Card;
use crate::model::log::{Audience, Checkpoint, LogKey};
use crate::model::{GroupId, OrgId};
use crate::rules::label::Held;
use crate::store::Snapshot;
use crate::store::change::{Change, GroupRow, PeerState};

/// One owner may have so many groups that we are in.
const GROUPS_PER_OWNER: usize = 50;
/// The owner confirms a definition anew after so long (7 days, in milliseconds).
pub const CONFIRM_MS: u64 = 7 * 86_400_000;

/// By how much a deputy raises the number when it takes over: an owner that comes back may have confirmed in the meantime what it knew,
/// and must not win by that.
const TAKE_OVER: u64 = 1_000;

impl Node {
    /// The definition in force as the rules look at it; in a hidden group of ours with everyone in it. `None` once we have left.
    pub(super) fn definition(&self, snapshot: &Snapshot, group: &GroupId) -> Result<Option<Definition>, NodeError> {
        let Some(row) = snapshot.group(group)? else { return Ok(None) };
        if row.left {
            return Ok(None);
        }
        let mut definition = decode_definition(&row.definition.bytes).map_err(|error| NodeError::StoreDamaged(error.to_string()))?;
        if !row.roster.is_empty() {
            definition.members = row.roster.iter().map(|org| Member { org: *org, card: Vec::new() }).collect();
        }
        Ok(Some(definition))
    }

    /// Makes a group of ours.
    ///
    /// # Errors
    /// When the name is taken, a member is no open peer, or the store takes no changes.
    pub(super) async fn create_group(&self, request: &GroupCreate) -> Result<GroupId, NodeError> {
        self.check_name_is_free(&request.name)?;
        let mut members = vec![self.org()];
        for name in &request.members {
            members.push(self.member(name)?);
        }
        let deputy = request.deputy.as_deref().map(|name| self.member(name)).transpose()?;
        members.extend(deputy);
        members.sort_unstable();
        members.dedup();
        let nonce = random();
        let definition = Definition {
            group: group_id(&self.org(), &nonce),
            nonce,
            number: 1,
            owner: self.org(),
            deputy,
            name: request.name.clone(),
            visibility: if request.hidden { Visibility::Hidden } else { Visibility::Visible },
            community: request.community,
            history: request.history,
            members: Vec::new(),
            confirmed: self.clock.now(),
            signer: self.org(),
            appointment: None,
        };
        let group = definition.group;
        self.define(definition, members).await?;
        Ok(group)
    }

    fn member(&self, name: &str) -> Result<OrgId, NodeError> {
        let peer = self.peer_named(name)?;
        match peer.state {
            PeerState::Open => Ok(peer.org),
            _ => Err(NodeError::BadInput(format!(
                "`{}` is not an open peer\nhint: `watchfire peer show {0}` tells where it stands",
                peer.name
            ))),
        }
    }

    /// Adds a peer to a group of ours.
    ///
    /// # Errors
    /// When the group is not ours, or the peer is not open.
    pub(super) async fn add_to_group(&self, group: &str, peer: &str) -> Result<(), NodeError> {
        let org = self.member(peer)?;
        self.redefine(group, |members| {
            if !members.contains(&org) {
                members.push(org);
            }
        })
        .await
    }

    /// Removes a member from a group of ours: it is told no more.
    ///
    /// # Errors
    /// When the group is not ours.
    pub(super) async fn remove_from_group(&self, group: &str, peer: &str) -> Result<(), NodeError> {
        let org = self.org_named(peer)?;
        self.redefine(group, |members| members.retain(|member| *member != org)).await
    }

    async fn redefine(&self, group: &str, change: impl FnOnce(&mut Vec<OrgId>)) -> Result<(), NodeError> {
        let (mut definition, mut members) = self.entitled(group)?;
        let before = members.clone();
        change(&mut members);
        members.sort_unstable();
        if members == before {
            return Ok(());
        }
        if !members.contains(&definition.owner) {
            return Err(NodeError::BadInput("a group keeps its owner\nhint: the deputy takes over when the owner is lost".into()));
        }
        let takes_over = definition.owner != self.org() && definition.signer != self.org();
        definition.number += if takes_over { TAKE_OVER } else { 1 };
        self.define(definition, members).await
    }

    /// A group that we may define: as its owner, or as the deputy that the owner named.
    fn entitled(&self, group: &str) -> Result<(Definition, Vec<OrgId>), NodeError> {
        let snapshot = self.store.snapshot()?;
        let row = self.group_named(group)?;
        let definition = self.definition(&snapshot, &row.group)?.ok_or_else(|| NodeError::UnknownGroup(group.to_owned()))?;
        if definition.owner != self.org() && definition.deputy != Some(self.org()) {
            return Err(NodeError::NotOwner(row.name));
        }
        let members = definition.members.iter().map(|member| member.org).collect();
        Ok((definition, members))
    }

    /// Signs a definition with these members and puts it in force here; links carry it on.
    async fn define(&self, mut definition: Definition, members: Vec<OrgId>) -> Result<(), NodeError> {
        if members.len() > MEMBERS_MAX {
            return Err(NodeError::BadInput(format!("a group has at most {MEMBERS_MAX} members")));
        }
        let snapshot = self.store.snapshot()?;
        definition.confirmed = self.clock.now();
        definition.signer = self.org();
        definition.appointment = self.appointment(&snapshot, &definition)?;
        let hidden = definition.visibility == Visibility::Hidden;
        let shown: Vec<OrgId> = if hidden { heads(&definition) } else { members.clone() };
        definition.members = shown.iter().map(|org| self.member_with_card(&snapshot, org)).collect::<Result<_, _>>()?;
        let name = snapshot.group(&definition.group)?.map_or_else(|| definition.name.clone(), |row| row.name);
        let row = GroupRow {
            group: definition.group,
            name,
            number: definition.number,
            definition: SignedDefinition::sign(encode_definition(&definition), self.keys.log_key()),
            joined: joined(snapshot.group(&definition.group)?.as_ref(), &members, definition.number),
            roster: if hidden { members } else { Vec::new() },
            left: false,
        };
        self.commit(Change::PutGroup(Box::new(row))).await?;
        self.groups_changed.send_modify(|count| *count += 1);
        self.touch_peers();
        self.position_all().await
    }

    /// What shows a deputy's right to sign: the definition before, where the owner signed that, else what was shown with it.
    fn appointment(&self, snapshot: &Snapshot, definition: &Definition) -> Result<Option<SignedDefinition>, NodeError> {
        if definition.owner == self.org() {
            return Ok(None);
        }
        let Some(row) = snapshot.group(&definition.group)? else { return Ok(None) };
        let before = decode_definition(&row.definition.bytes).map_err(|error| NodeError::StoreDamaged(error.to_string()))?;
        Ok(if before.signer == before.owner { Some(row.definition) } else { before.appointment })
    }

    fn member_with_card(&self, snapshot: &Snapshot, org: &OrgId) -> Result<Member, NodeError> {
        let card = match *org == self.org() {
            true => self.keys.card().bytes().to_vec(),
            false => match snapshot.peer(org)? {
                Some(peer) => peer.card,
                None => self.member_card(snapshot, org)?.unwrap_or_default(),
            },
        };
        Ok(Member { org: *org, card })
    }

    /// The newest card of an organisation in the groups that we are in.
    fn member_card(&self, snapshot: &Snapshot, org: &OrgId) -> Result<Option<Vec<u8>>, NodeError> {
        let mut newest: Option<Card> = None;
        for row in snapshot.groups()? {
            let Ok(definition) = decode_definition(&row.definition.bytes) else { continue };
            let cards = definition.members.iter().filter(|member| member.org == *org && !member.card.is_empty());
            for card in cards.filter_map(|member| Card::from_bytes(&member.card).ok()).filter(|card| card.org() == *org) {
                if newest.as_ref().is_none_or(|known| card.newer_than(known)) {
                    newest = Some(card);
                }
            }
        }
        Ok(newest.map(|card| card.bytes().to_vec()))
    }

    /// The log-signing keys of an organisation that its cards name: its own as a peer, and those in group definitions.
    pub fn author_keys(&self, org: &OrgId) -> Vec<[u8; 32]> {
        if *org == self.org() {
            return vec![self.keys.log_key().public()];
        }
        let Ok(snapshot) = self.store.snapshot() else { return Vec::new() };
        let peer = snapshot.peer(org).ok().flatten().map(|peer| peer.card);
        let member = self.member_card(&snapshot, org).ok().flatten();
        let mut cards: Vec<Card> = peer.into_iter().chain(member).filter_map(|bytes| Card::from_bytes(&bytes).ok()).collect();
        cards.retain(|card| card.org() == *org);
        // The newest card alone: a key that the author has put away is nobody's any more.
        let newest = cards.into_iter().reduce(|one, other| if other.newer_than(&one) { other } else { one });
        newest.map(|card| card.content().log_key.public).into_iter().collect()
    }

    /// The definitions that a peer should have, given the numbers that it says it holds.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn definitions_for(&self, peer: &OrgId, theirs: &[(GroupId, u64)]) -> Result<Vec<(GroupId, u64, SignedDefinition)>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let mut definitions = Vec::new();
        for row in snapshot.groups()? {
            let Some(definition) = self.definition(&snapshot, &row.group)? else { continue };
            let known = theirs.iter().find(|(group, _)| *group == row.group).map_or(0, |(_, number)| *number);
            if known >= row.number || !(definition.has(peer) || known > 0) {
                continue;
            }
            let signed = match definition.visibility {
                // Who is no member any more learns that, and not who still is.
                _ if !definition.has(peer) && definition.signer != self.org() => continue,
                _ if !definition.has(peer) => self.shown_to(&snapshot, &row, peer)?,
                Visibility::Visible => row.definition.clone(),
                Visibility::Hidden if definition.signer == self.org() => self.shown_to(&snapshot, &row, peer)?,
                Visibility::Hidden => continue,
            };
            definitions.push((row.group, row.number, signed));
        }
        Ok(definitions)
    }

    /// A hidden group's definition as one member sees it: the heads and itself.
    fn shown_to(&self, snapshot: &Snapshot, row: &GroupRow, peer: &OrgId) -> Result<SignedDefinition, NodeError> {
        let mut definition = decode_definition(&row.definition.bytes).map_err(|error| NodeError::StoreDamaged(error.to_string()))?;
        let mut shown = heads(&definition);
        if row.roster.contains(peer) {
            shown.push(*peer);
        }
        shown.sort_unstable();
        shown.dedup();
        definition.members = shown.iter().map(|org| self.member_with_card(snapshot, org)).collect::<Result<_, _>>()?;
        Ok(SignedDefinition::sign(encode_definition(&definition), self.keys.log_key()))
    }

    /// Takes a definition that a peer sent, if it is newer and rightly signed. `false` when it is not.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn take_definition(&self, peer: &OrgId, signed: SignedDefinition) -> Result<bool, NodeError> {
        let Ok(definition) = decode_definition(&signed.bytes) else { return Ok(false) };
        let snapshot = self.store.snapshot()?;
        let known = snapshot.group(&definition.group)?;
        let from_its_signer = definition.visibility == Visibility::Visible || definition.signer == *peer;
        let confirmed_by_now = definition.confirmed <= self.clock.now().plus(86_400_000);
        if !from_its_signer || !confirmed_by_now || !self.cards_fit(&definition) {
            return Ok(false);
        }
        if known.is_none() && self.groups_of(&snapshot, peer)? >= GROUPS_PER_OWNER {
            tracing::warn!(%peer, "a peer defines more groups than one owner may have here");
            return Ok(false);
        }
        let entitled = match &known {
            // A first definition comes over its signer's own link; a deputy shows that the owner appointed it.
            None => definition.signer == *peer && definition.has(&self.org()) && (definition.owner == *peer || was_appointed(&definition)),
            Some(row) => match decode_definition(&row.definition.bytes) {
                Ok(before) => definition.follows(&before),
                Err(_) => false,
            },
        };
        let signed_rightly = self.author_keys(&definition.signer).iter().any(|key| signed.is_signed_by(key));
        if !entitled || !signed_rightly || !definition.is_sound() {
            return Ok(false);
        }
        let name = match &known {
            Some(row) => row.name.clone(),
            None => self.free_name(&definition.name)?,
        };
        let roster = known.as_ref().map(|row| row.roster.clone()).unwrap_or_default();
        let left = !definition.has(&self.org());
        let members: Vec<OrgId> = definition.members.iter().map(|member| member.org).collect();
        let joined = joined(known.as_ref(), &members, definition.number);
        let row = GroupRow { group: definition.group, name, number: definition.number, definition: signed, roster, joined, left };
        self.commit(Change::PutGroup(Box::new(row))).await?;
        self.groups_changed.send_modify(|count| *count += 1);
        self.touch();
        Ok(true)
    }

    /// Whether a log of this group may start for us at a checkpoint.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn may_start_at(&self, log: &LogKey) -> Result<bool, NodeError> {
        let Audience::Group(group) = log.audience else { return Ok(false) };
        let snapshot = self.store.snapshot()?;
        Ok(self.definition(&snapshot, &group)?.is_some_and(|definition| !definition.history))
    }

    /// Whether every card in a definition is its member's own.
    fn cards_fit(&self, definition: &Definition) -> bool {
        let fits = |member: &Member| member.card.is_empty() || Card::from_bytes(&member.card).is_ok_and(|card| card.org() == member.org);
        definition.members.iter().all(fits)
    }

    fn groups_of(&self, snapshot: &Snapshot, owner: &OrgId) -> Result<usize, NodeError> {
        let owned = |row: &GroupRow| decode_definition(&row.definition.bytes).is_ok_and(|definition| definition.owner == *owner);
        Ok(snapshot.groups()?.iter().filter(|row| owned(row)).count())
    }

    /// Confirms the definitions of our groups that were not confirmed for a week.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn confirm_groups(&self) -> Result<(), NodeError> {
        let snapshot = self.store.snapshot()?;
        for row in snapshot.groups()? {
            let Some(mut definition) = self.definition(&snapshot, &row.group)? else { continue };
            let now = self.clock.now();
            // One that a clock which was ahead has confirmed is taken by no member, so it does not count.
            let due = now.since(definition.confirmed) >= CONFIRM_MS || definition.confirmed > now;
            if definition.signer == self.org() && due {
                definition.number += 1;
                let members = definition.members.iter().map(|member| member.org).collect();
                self.define(definition, members).await?;
            }
        }
        Ok(())
    }

    /// Where a log starts for a reader that holds nothing of it: at the newest checkpoint, when its group gives new members no history
    /// and the reader joined after it began.
    pub(super) fn start_for(&self, snapshot: &Snapshot, reader: &OrgId, log: &LogKey) -> Result<Option<Checkpoint>, NodeError> {
        let Audience::Group(group) = log.audience else { return Ok(None) };
        let history = self.definition(snapshot, &group)?.is_some_and(|definition| definition.history);
        if history {
            return Ok(None);
        }
        let joined = snapshot.group(&group)?.and_then(|row| row.joined.get(reader).copied()).unwrap_or_default();
        // The last checkpoint that was signed under a definition without the reader.
        let (id, mut from, mut start) = (log.id(), 1, None);
        while let Some(Held(batch)) = snapshot.batch_at(&id, from)?.filter(|held| held.0.checkpoint.definition < joined) {
            from = batch.checkpoint.head.size + 1;
            start = Some(batch.checkpoint);
        }
        Ok(start)
    }
}

/// With which definition each member joined, as far as we know.
fn joined(before: Option<&GroupRow>, members: &[OrgId], number: u64) -> BTreeMap<OrgId, u64> {
    let since = |org: &OrgId| before.and_then(|row| row.joined.get(org).copied()).unwrap_or(number);
    members.iter().map(|org| (*org, since(org))).collect()
}

/// Whether the owner, by the key in its own card, has named the signer its deputy in a definition of this group.
fn was_appointed(definition: &Definition) -> bool {
    let Some(signed) = &definition.appointment else { return false };
    let Ok(by_owner) = decode_definition(&signed.bytes) else { return false };
    let same_group = by_owner.group == definition.group && by_owner.owner == definition.owner && by_owner.is_sound();
    let names_the_signer =
        by_owner.signer == by_owner.owner && by_owner.deputy == Some(definition.signer) && by_owner.number < definition.number;
    let card = by_owner.members.iter().find(|member| member.org == by_owner.owner).and_then(|member| Card::from_bytes(&member.card).ok());
    let signed_by_owner = card.is_some_and(|card| card.org() == by_owner.owner && signed.is_signed_by(&card.content().log_key.public));
    same_group && names_the_signer && signed_by_owner
}

/// Owner and deputy: the members of a hidden group that everyone in it knows. Ascending.
fn heads(definition: &Definition) -> Vec<OrgId> {
    let mut heads: Vec<OrgId> = std::iter::once(definition.owner).chain(definition.deputy).collect();
    heads.sort_unstable();
    heads.dedup();
    heads
}
