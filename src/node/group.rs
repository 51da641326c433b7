//! Groups: made, changed and confirmed by their owner; taken from others when they are newer and rightly signed.
//!
//! Two bounds keep a peer from putting us into whatever it likes: so many groups of one owner are taken without the operator's word (being
//! paired with the owner is the word), and further ones wait for it, of which so many are kept. Nothing is given to or taken from a group
//! that waits or was left, and nothing of ours enters any group that nobody here has named.

use std::collections::BTreeMap;

use super::log_key::card_in;
use super::view::GroupCreate;
use super::{Node, NodeError};
use crate::link::convert::{decode_definition, encode_definition};
use crate::model::crypto::random;
use crate::model::group::{Defined, Definition, MEMBERS_MAX, Member, Roster, SignedDefinition, Visibility, group_id};
use crate::model::identity::Card;
use crate::model::log::{Audience, LogKey};
use crate::model::{GroupId, OrgId};
use crate::rules::label::{Held, Outbound, outbound_card, outbound_definition, outbound_roster};
use crate::store::Snapshot;
use crate::store::change::{Change, Consent, GroupRow, PeerState};
use tokio::sync::MutexGuard;

/// So many groups that one peer brought may wait for the operator's word; what it brings beyond is dropped.
const WAITING_PER_PEER: usize = 50;
/// The owner confirms a definition anew after so long (7 days, in milliseconds).
pub const CONFIRM_MS: u64 = 7 * 86_400_000;

/// By how much a deputy raises the number when it takes over: an owner that comes back may have confirmed in the meantime what it knew,
/// and must not win by that.
const TAKE_OVER: u64 = 1_000;

impl Node {
    /// The definition in force as the rules look at it; in a hidden group that we head with everyone in it. `None` once we have left, and
    /// while the operator has not accepted it.
    pub(super) fn definition(&self, snapshot: &Snapshot, group: &GroupId) -> Result<Option<Definition>, NodeError> {
        let Some(row) = snapshot.group(group)? else { return Ok(None) };
        if row.left || matches!(snapshot.consent(group)?, Some(Consent::Waiting | Consent::Left)) {
            return Ok(None);
        }
        let mut definition = read(&row.definition)?;
        if !row.roster.is_empty() {
            let since = |org| row.joined.get(org).copied().unwrap_or_default();
            definition.members = row.roster.iter().map(|org| Member { org: *org, card: Vec::new(), since: since(org) }).collect();
        }
        Ok(Some(definition))
    }

    /// Makes a group of ours.
    ///
    /// # Errors
    /// When the name is taken, a member is no open peer, or the store takes no changes.
    pub(super) async fn create_group(&self, request: &GroupCreate) -> Result<GroupId, NodeError> {
        let _one_at_a_time = self.defining.lock().await;
        self.check_name_is_free(&request.name)?;
        self.check_name_names_nobody(&request.name)?;
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

    /// A group's name goes to all its members, with its definition and past the gate.
    fn check_name_names_nobody(&self, name: &str) -> Result<(), NodeError> {
        match self.gate()?.told.detector.find(name).first() {
            Some(found) => Err(NodeError::BadInput(format!(
                "the group's name holds what may be somebody's {}, and every member gets it\nhint: name the group after what it is for",
                found.kind.name()
            ))),
            None => Ok(()),
        }
    }

    fn member(&self, name: &str) -> Result<OrgId, NodeError> {
        let peer = self.peer_named(name)?;
        match peer.state {
            PeerState::Open => Ok(peer.org),
            _ => Err(NodeError::Conflict(format!(
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
        let org = self.org_named(peer).map_err(|error| match error {
            NodeError::UnknownPeer(name) => NodeError::UnknownMember { name, group: group.to_owned() },
            error => error,
        })?;
        self.redefine(group, |members| members.retain(|member| *member != org)).await
    }

    /// Removes an organisation from every group that we own or sign for, and names those. Where that cannot be, since we hold back or a
    /// list of members has not come, it stays.
    pub(super) async fn remove_from_our_groups(&self, org: &OrgId) -> Result<Vec<String>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let mut names = Vec::new();
        for row in snapshot.groups()? {
            let Some(definition) = self.definition(&snapshot, &row.group)? else { continue };
            let ours = [definition.owner, definition.signer].contains(&self.org());
            if !ours || definition.owner == *org || !definition.has(org) {
                continue;
            }
            match self.remove_from_group(&row.group.to_string(), &org.to_string()).await {
                Ok(()) => names.push(row.name),
                Err(NodeError::Conflict(_) | NodeError::HeldBack(_)) => {}
                Err(error) => return Err(error),
            }
        }
        names.sort();
        Ok(names)
    }

    async fn redefine(&self, group: &str, change: impl FnOnce(&mut Vec<OrgId>)) -> Result<(), NodeError> {
        let alone = self.defining.lock().await;
        let (definition, mut members) = self.entitled(group)?;
        let before = members.clone();
        change(&mut members);
        members.sort_unstable();
        if members == before {
            return Ok(());
        }
        if !members.contains(&definition.owner) {
            return Err(NodeError::Conflict("a group keeps its owner\nhint: the deputy takes over when the owner is lost".into()));
        }
        if !members.contains(&self.org()) {
            return Err(NodeError::Conflict(format!(
                "whoever signs for a group stays in it\nhint: `watchfire group leave {group}` takes us out, and its owner is to be told"
            )));
        }
        self.sign_for(alone, definition, members).await
    }

    /// Makes a group of ours a community, or a closed circle again; what moved in it before stays.
    ///
    /// # Errors
    /// When the group is not ours.
    pub(super) async fn set_community(&self, group: &str, community: bool) -> Result<(), NodeError> {
        let alone = self.defining.lock().await;
        let (definition, members) = self.entitled(group)?;
        if definition.community == community {
            return Ok(());
        }
        self.sign_for(alone, Definition { community, ..definition }, members).await
    }

    /// Names the member of a group of ours that takes over when we are lost, or nobody.
    ///
    /// # Errors
    /// When we do not own the group, or the deputy is no member or no open peer.
    pub(super) async fn set_deputy(&self, group: &str, deputy: Option<&str>) -> Result<(), NodeError> {
        let alone = self.defining.lock().await;
        let (definition, members) = self.entitled(group)?;
        if definition.owner != self.org() {
            return Err(NodeError::NotOwner(self.group_named(group)?.name));
        }
        let deputy = deputy.map(|name| self.member(name).map(|org| (name, org))).transpose()?;
        if let Some((name, _)) = deputy.filter(|(_, org)| !members.contains(org)) {
            return Err(NodeError::Conflict(format!(
                "`{name}` is not a member of the group `{group}`\nhint: `watchfire group add {group} {name}` makes it one"
            )));
        }
        let deputy = deputy.map(|(_, org)| org);
        if definition.deputy == deputy {
            return Ok(());
        }
        self.sign_for(alone, Definition { deputy, ..definition }, members).await
    }

    /// Takes a group over as its deputy, or back as its owner, without changing who is in it.
    ///
    /// # Errors
    /// When we are neither, or, in a hidden group, its list of members has not come.
    pub(super) async fn take_group_over(&self, group: &str) -> Result<(), NodeError> {
        let alone = self.defining.lock().await;
        let (definition, members) = self.entitled(group)?;
        if definition.signer == self.org() {
            return Ok(());
        }
        self.sign_for(alone, definition, members).await
    }

    /// Signs the next definition, as whoever may. A head that did not sign the last one passes on what its lost predecessor has not.
    async fn sign_for(&self, alone: MutexGuard<'_, ()>, mut definition: Definition, members: Vec<OrgId>) -> Result<(), NodeError> {
        // A restored owner may have signed this number before.
        self.may_serve(&self.store.snapshot()?)?;
        let (group, heads_anew) = (definition.group, definition.signer != self.org());
        let ahead = if heads_anew && definition.owner != self.org() { TAKE_OVER } else { 1 };
        definition.number = self.number_after(&group, definition.number + ahead);
        let hidden = definition.visibility == Visibility::Hidden;
        self.define(definition, members).await?;
        drop(alone);
        if heads_anew && hidden {
            self.pass_on_what_was_not(&group).await?;
        }
        Ok(())
    }

    /// A group that we may define: as its owner, or as the deputy that the owner named.
    fn entitled(&self, group: &str) -> Result<(Definition, Vec<OrgId>), NodeError> {
        let snapshot = self.store.snapshot()?;
        let row = self.group_named(group)?;
        let Some(definition) = self.definition(&snapshot, &row.group)? else {
            return Err(NodeError::Conflict(format!(
                "we are not in the group `{0}`\nhint: `watchfire group show {0}` tells whose it is; `watchfire group accept {0}` \
                 where it waits or we left it, else its owner adds us",
                row.name
            )));
        };
        if !definition.is_head(&self.org()) {
            return Err(NodeError::NotOwner(row.name));
        }
        let known = match definition.visibility == Visibility::Hidden && row.roster.is_empty() {
            false => definition.members.clone(),
            // The list of the definition in force has not come; the one before is better than none.
            true => match self.roster(&snapshot, &row.group)? {
                Some(whole) => whole.members,
                None => {
                    return Err(NodeError::Conflict(format!(
                        "the members of the hidden group `{}` are not known here\nhint: its other head's node tells them when it is reached",
                        row.name
                    )));
                }
            },
        };
        Ok((definition, known.into_iter().map(|member| member.org).collect()))
    }

    /// The newest whole definition that we hold of a hidden group whose head we are.
    fn roster(&self, snapshot: &Snapshot, group: &GroupId) -> Result<Option<Definition>, NodeError> {
        snapshot.roster(group)?.as_ref().map(read).transpose()
    }

    /// The number of that definition; 0 where there is none.
    pub(super) fn roster_number(&self, snapshot: &Snapshot, group: &GroupId) -> Result<u64, NodeError> {
        Ok(self.roster(snapshot, group)?.map_or(0, |whole| whole.number))
    }

    /// The operator's word on a group that another defines: from now on it is like any other.
    ///
    /// # Errors
    /// When there is no such group.
    pub(super) async fn accept_group(&self, group: &str) -> Result<(), NodeError> {
        self.consent(self.group_named(group)?.group, Consent::Accepted).await
    }

    /// The operator leaves a group that another defines: nothing of it is taken or given any more, whatever is defined. What came stays.
    ///
    /// # Errors
    /// When there is no such group, or it is ours.
    pub(super) async fn leave_group(&self, group: &str) -> Result<(), NodeError> {
        let row = self.group_named(group)?;
        let definition = read(&row.definition)?;
        if definition.owner == self.org() {
            return Err(NodeError::Conflict(format!("`{}` is ours\nhint: remove its members instead", row.name)));
        }
        self.consent(row.group, Consent::Left).await
    }

    async fn consent(&self, group: GroupId, consent: Consent) -> Result<(), NodeError> {
        self.commit(Change::Consent { group, consent }).await?;
        self.groups_changed.ring();
        self.touch_peers();
        self.position_all().await
    }

    /// Signs a definition with these members and puts it in force here; links carry it on.
    async fn define(&self, mut definition: Definition, members: Vec<OrgId>) -> Result<(), NodeError> {
        if members.len() > MEMBERS_MAX {
            return Err(NodeError::Conflict(format!("a group has at most {MEMBERS_MAX} members")));
        }
        let snapshot = self.store.snapshot()?;
        // Whoever is removed takes nothing over.
        definition.deputy = definition.deputy.filter(|deputy| members.contains(deputy));
        definition.confirmed = self.clock.now();
        definition.signer = self.org();
        definition.appointment = self.appointment(&snapshot, &definition)?;
        let hidden = definition.visibility == Visibility::Hidden;
        let (group, number) = (definition.group, definition.number);
        let before = snapshot.group(&group)?;
        let joined = joined(before.as_ref(), &members, number);
        let roster = hidden.then(|| self.signed_with(&snapshot, definition.clone(), &members, &joined)).transpose()?;
        let shown: Vec<OrgId> = if hidden { heads(&definition) } else { members.clone() };
        let row = GroupRow {
            group,
            name: before.as_ref().map_or_else(|| definition.name.clone(), |row| row.name.clone()),
            number,
            definition: self.signed_with(&snapshot, definition, &shown, &joined)?,
            joined,
            roster: if hidden { members } else { Vec::new() },
            left: false,
        };
        self.commit_many(vec![Change::PutGroup(Box::new(row)), Change::PutRoster { group, roster }]).await?;
        self.groups_changed.ring();
        self.touch_peers();
        self.position_all().await
    }

    /// A definition that names these, their newest cards and when they joined, signed by us.
    fn signed_with(
        &self,
        snapshot: &Snapshot,
        definition: Definition,
        members: &[OrgId],
        joined: &BTreeMap<OrgId, u64>,
    ) -> Result<SignedDefinition, NodeError> {
        let member = |org| self.member_with_card(snapshot, org, joined.get(org).copied().unwrap_or_default());
        let members = members.iter().map(member).collect::<Result<_, _>>()?;
        Ok(SignedDefinition::sign(encode_definition(&Definition { members, ..definition }), &self.keys.log_key()))
    }

    /// What shows a deputy's right to sign: the definition before, where the owner signed that, else what was shown with it.
    fn appointment(&self, snapshot: &Snapshot, definition: &Definition) -> Result<Option<SignedDefinition>, NodeError> {
        if definition.owner == self.org() {
            return Ok(None);
        }
        let Some(row) = snapshot.group(&definition.group)? else { return Ok(None) };
        let before = read(&row.definition)?;
        Ok(if before.signer == before.owner { Some(row.definition) } else { before.appointment })
    }

    fn member_with_card(&self, snapshot: &Snapshot, org: &OrgId, since: u64) -> Result<Member, NodeError> {
        let card = self.newest_card(snapshot, org, Vec::new())?;
        Ok(Member { org: *org, card: card.map(|card| card.bytes().to_vec()).unwrap_or_default(), since })
    }

    /// The newest card of an organisation in the groups that we are in.
    pub(super) fn member_card(&self, snapshot: &Snapshot, org: &OrgId) -> Result<Option<Card>, NodeError> {
        let mut newest: Option<Card> = None;
        let in_force = snapshot.groups()?.into_iter().map(|row| row.definition);
        for signed in in_force.chain(snapshot.rosters()?) {
            let Ok(definition) = decode_definition(&signed.bytes) else { continue };
            let cards = definition.members.iter().filter(|member| member.org == *org && !member.card.is_empty());
            for card in cards.filter_map(|member| Card::from_bytes(&member.card).ok()).filter(|card| card.org() == *org) {
                if newest.as_ref().is_none_or(|known| card.newer_than(known)) {
                    newest = Some(card);
                }
            }
        }
        Ok(newest)
    }

    /// Our own card, for a peer.
    pub fn card_for(&self) -> Option<Outbound<Card>> {
        outbound_card(Held(self.keys.card()), &self.org()).ok()
    }

    /// The definitions that a peer should have, given the numbers that it says it holds.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn definitions_for(&self, peer: &OrgId, theirs: &BTreeMap<GroupId, u64>) -> Result<Vec<Outbound<Defined>>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let mut definitions = Vec::new();
        let holds_back = self.holds_back(&snapshot)?;
        for row in snapshot.groups()? {
            let known = theirs.get(&row.group).copied().unwrap_or_default();
            if known >= row.number {
                continue;
            }
            // Who is no member any more learns that, and not who still is.
            let Some(whole) = self.definition(&snapshot, &row.group)?.filter(|whole| whole.has(peer) || known > 0) else { continue };
            // Who is in a group may have changed since the backup. What we signed before it, its members once had: another that was restored too
            // has it back from us, and each would wait for the other otherwise.
            if holds_back && !(whole.signer == self.org() && whole.has(peer)) {
                continue;
            }
            let signed = match whole.visibility {
                Visibility::Visible if whole.has(peer) => row.definition,
                _ if whole.signer == self.org() => self.shown_to(&snapshot, &row, &whole, peer)?,
                _ => continue,
            };
            definitions.extend(outbound_definition(Held(read_signed(signed)?), &whole, &self.org(), peer).ok());
        }
        Ok(definitions)
    }

    /// The whole lists of members that a peer should have as the other head of hidden groups for which we sign, given those that it holds.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn rosters_for(&self, peer: &OrgId, theirs: &BTreeMap<GroupId, u64>) -> Result<Vec<Outbound<Roster>>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let mut rosters = Vec::new();
        if self.holds_back(&snapshot)? {
            return Ok(rosters);
        }
        for row in snapshot.groups()? {
            if theirs.get(&row.group).is_some_and(|known| *known >= row.number) {
                continue;
            }
            let Some(whole) = self.definition(&snapshot, &row.group)? else { continue };
            if whole.visibility != Visibility::Hidden || whole.signer != self.org() || !whole.is_head(peer) {
                continue;
            }
            let members: Vec<OrgId> = whole.members.iter().map(|member| member.org).collect();
            let all = Roster(read_signed(self.signed_with(&snapshot, whole.clone(), &members, &row.joined)?)?);
            rosters.extend(outbound_roster(Held(all), &whole, &self.org(), peer).ok());
        }
        Ok(rosters)
    }

    /// A hidden group's definition as one member sees it: the heads and itself.
    fn shown_to(&self, snapshot: &Snapshot, row: &GroupRow, whole: &Definition, peer: &OrgId) -> Result<SignedDefinition, NodeError> {
        let definition = read(&row.definition)?;
        let mut shown = heads(&definition);
        if whole.has(peer) {
            shown.push(*peer);
        }
        shown.sort_unstable();
        shown.dedup();
        self.signed_with(snapshot, definition, &shown, &row.joined)
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
        let Some(consent) = self.consent_for(&snapshot, peer, &definition, known.as_ref())? else {
            tracing::warn!(%peer, "a peer has put us into more groups than may wait for the operator's word");
            return Ok(false);
        };
        let entitled = match &known {
            // A first definition comes over its signer's own link; a deputy shows that the owner appointed it.
            None => {
                definition.signer == *peer
                    && definition.has(&self.org())
                    && (definition.owner == *peer || self.was_appointed(&snapshot, &definition)?)
            }
            Some(row) => match decode_definition(&row.definition.bytes) {
                Ok(before) => definition.follows(&before),
                Err(_) => false,
            },
        };
        if !entitled || !definition.is_sound() || !self.is_signed_by_its_signer(&snapshot, &definition, &signed)? {
            return Ok(false);
        }
        let name = match &known {
            Some(row) => row.name.clone(),
            None => self.free_name(&definition.name)?,
        };
        // Who is in a hidden group its signer tells its other head, beside each definition; until then the list before is kept apart.
        let roster = Vec::new();
        let left = !definition.has(&self.org());
        let heads_it = definition.visibility == Visibility::Hidden && definition.is_head(&self.org()) && !left;
        let members: Vec<OrgId> = definition.members.iter().map(|member| member.org).collect();
        let mut joined = joined(known.as_ref(), &members, definition.number);
        if heads_it {
            // The list of members comes beside it, and with it who stays of those known before.
            joined.extend(known.iter().flat_map(|row| &row.joined).map(|(org, number)| (*org, *number)));
        }
        joined.extend(told_since(&definition));
        let group = definition.group;
        let row = GroupRow { group, name, number: definition.number, definition: signed, roster, joined, left };
        let mut changes = vec![Change::PutGroup(Box::new(row))];
        if !heads_it {
            changes.push(Change::PutRoster { group, roster: None });
        }
        if known.is_none() && consent == Consent::Waiting {
            tracing::warn!(%peer, %group, "a group waits for the operator's word");
            changes.push(Change::Consent { group, consent });
        }
        self.commit_many(changes).await?;
        self.gatekeeper.forget_partners();
        self.groups_changed.ring();
        self.touch();
        self.settle_restore().await?;
        Ok(true)
    }

    /// Whether a group that a peer brings is taken without the operator's word, waits for it, or (`None`) is one too many. Being paired
    /// with its owner is the word, for so many groups of that owner.
    fn consent_for(
        &self,
        snapshot: &Snapshot,
        peer: &OrgId,
        definition: &Definition,
        known: Option<&GroupRow>,
    ) -> Result<Option<Consent>, NodeError> {
        if known.is_some() {
            return Ok(Some(Consent::Accepted));
        }
        let owner = definition.owner;
        let paired = snapshot.peer(&owner)?.is_some_and(|peer| peer.state == PeerState::Open);
        let (mut of_owner, mut waiting) = (0, 0);
        for row in snapshot.groups()? {
            let Ok(one) = decode_definition(&row.definition.bytes) else { continue };
            let consent = snapshot.consent(&row.group)?;
            of_owner += u64::from(one.owner == owner && consent.is_none());
            waiting += usize::from(consent == Some(Consent::Waiting) && (one.owner == *peer || one.signer == *peer));
        }
        Ok(match () {
            () if paired && of_owner < self.config.link.groups_per_owner_max => Some(Consent::Accepted),
            () if waiting < WAITING_PER_PEER => Some(Consent::Waiting),
            () => None,
        })
    }

    /// Takes a hidden group's whole list of members from the head that signs for it. `false` when we are not its other head, or it is not
    /// the list of the definition in force.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn take_roster(&self, peer: &OrgId, signed: SignedDefinition) -> Result<bool, NodeError> {
        let Ok(whole) = decode_definition(&signed.bytes) else { return Ok(false) };
        let snapshot = self.store.snapshot()?;
        let Some(row) = snapshot.group(&whole.group)?.filter(|row| !row.left && row.number == whole.number) else { return Ok(false) };
        let Ok(in_force) = decode_definition(&row.definition.bytes) else { return Ok(false) };
        let ours = in_force.visibility == Visibility::Hidden && in_force.is_head(&self.org()) && in_force.signer != self.org();
        let of_that = in_force.signer == *peer && Definition { members: whole.members.clone(), ..in_force } == whole;
        let signed_rightly = self.current_key(peer).iter().any(|key| signed.is_signed_by(key));
        let sound = whole.is_sound() && whole.has(&self.org()) && self.cards_fit(&whole);
        if !(ours && of_that && signed_rightly && sound) {
            return Ok(false);
        }
        let group = whole.group;
        let roster: Vec<OrgId> = whole.members.iter().map(|member| member.org).collect();
        let mut joined = joined(Some(&row), &roster, row.number);
        joined.extend(told_since(&whole));
        let changes =
            vec![Change::PutGroup(Box::new(GroupRow { roster, joined, ..row })), Change::PutRoster { group, roster: Some(signed) }];
        self.commit_many(changes).await?;
        self.gatekeeper.forget_partners();
        self.groups_changed.ring();
        self.touch();
        Ok(true)
    }

    /// Whether the signer of a definition has signed it, with the key in force by its newest card: the one that we know, or one in the
    /// definition itself, by which members learn of a new key of the owner's.
    fn is_signed_by_its_signer(&self, snapshot: &Snapshot, definition: &Definition, signed: &SignedDefinition) -> Result<bool, NodeError> {
        let told = card_in(definition, &definition.signer).into_iter().collect();
        let card = self.newest_card(snapshot, &definition.signer, told)?;
        Ok(card.is_some_and(|card| signed.is_signed_by(&card.content().log_key.public)))
    }

    /// Whether the owner has named the signer its deputy in a definition of this group, signed with the key that was in force by then.
    fn was_appointed(&self, snapshot: &Snapshot, definition: &Definition) -> Result<bool, NodeError> {
        let Some(signed) = &definition.appointment else { return Ok(false) };
        let Ok(by_owner) = decode_definition(&signed.bytes) else { return Ok(false) };
        let same_group = by_owner.group == definition.group && by_owner.owner == definition.owner && by_owner.is_sound();
        let names_the_signer =
            by_owner.signer == by_owner.owner && by_owner.deputy == Some(definition.signer) && by_owner.number < definition.number;
        let told = [definition, &by_owner].into_iter().filter_map(|one| card_in(one, &by_owner.owner)).collect();
        let keys = self.newest_card(snapshot, &by_owner.owner, told)?.map(|card| card.log_keys().at(by_owner.confirmed));
        let signed_by_owner = keys.unwrap_or_default().iter().any(|key| signed.is_signed_by(key));
        Ok(same_group && names_the_signer && signed_by_owner)
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

    /// Signs again, under the next number and with everyone's newest card, the definitions of our groups that were not confirmed for a week
    /// or that name a member with a former key. Not while we hold back: a restored owner may have signed that number before, for other
    /// members.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn confirm_groups(&self) -> Result<(), NodeError> {
        let _one_at_a_time = self.defining.lock().await;
        let snapshot = self.store.snapshot()?;
        if self.holds_back(&snapshot)? {
            return Ok(());
        }
        for row in snapshot.groups()? {
            let Some(mut definition) = self.definition(&snapshot, &row.group)?.filter(|one| one.signer == self.org()) else { continue };
            let now = self.clock.now();
            // One that a clock which was ahead has confirmed is taken by no member, so it does not count.
            let due = now.since(definition.confirmed) >= CONFIRM_MS || definition.confirmed > now;
            if due || self.names_a_former_key(&read(&row.definition)?) {
                definition.number = self.number_after(&row.group, definition.number + 1);
                let members = definition.members.iter().map(|member| member.org).collect();
                self.define(definition, members).await?;
            }
        }
        Ok(())
    }

    /// The number of the definition with which a reader joined a log's group, so that nothing from before is given to it; 0 where all is.
    pub(super) fn joined(
        &self,
        snapshot: &Snapshot,
        reader: &OrgId,
        log: &LogKey,
        definition: Option<&Definition>,
    ) -> Result<u64, NodeError> {
        let (Audience::Group(group), Some(definition)) = (log.audience, definition) else { return Ok(0) };
        if definition.history || log.author == *reader {
            return Ok(0);
        }
        let row = snapshot.group(&group)?;
        Ok(row.map_or(0, |row| row.joined.get(reader).copied().unwrap_or(row.number)))
    }

    /// Whether a log that we hold a part of may go on for us behind a gap: its author signed the checkpoint under a definition from before
    /// we came back.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn may_go_on_at(&self, log: &LogKey, signed_under: u64) -> Result<bool, NodeError> {
        let Audience::Group(group) = log.audience else { return Ok(false) };
        let row = self.store.snapshot()?.group(&group)?;
        Ok(row.is_some_and(|row| row.joined.get(&self.org()).is_some_and(|joined| signed_under < *joined)))
    }
}

/// What a definition of the store's says.
pub(super) fn read(signed: &SignedDefinition) -> Result<Definition, NodeError> {
    decode_definition(&signed.bytes).map_err(|error| NodeError::StoreDamaged(error.to_string()))
}

/// As [`read`], with what was signed.
fn read_signed(signed: SignedDefinition) -> Result<Defined, NodeError> {
    Defined::read(signed, decode_definition).map_err(|error| NodeError::StoreDamaged(error.to_string()))
}

/// With which definition each member joined, as far as we know.
fn joined(before: Option<&GroupRow>, members: &[OrgId], number: u64) -> BTreeMap<OrgId, u64> {
    let since = |org: &OrgId| before.and_then(|row| row.joined.get(org).copied()).unwrap_or(number);
    members.iter().map(|org| (*org, since(org))).collect()
}

/// When members joined, as far as a definition tells it: what a node makes of those that it has seen misses those that it has not.
fn told_since(definition: &Definition) -> impl Iterator<Item = (OrgId, u64)> {
    definition.members.iter().filter(|member| member.since > 0).map(|member| (member.org, member.since))
}

/// Owner and deputy: the members of a hidden group that everyone in it knows. Ascending.
fn heads(definition: &Definition) -> Vec<OrgId> {
    let mut heads: Vec<OrgId> = std::iter::once(definition.owner).chain(definition.deputy).collect();
    heads.sort_unstable();
    heads.dedup();
    heads
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::node::view::PeerOptions;

    fn node(directory: &std::path::Path, name: &str) -> std::sync::Arc<Node> {
        let data = directory.join(name);
        Node::init(&data, &[format!("{name}.example:7443")], &Clock::system()).unwrap();
        Node::open_with(&data, Config { name: name.into(), ..Config::default() }, Clock::system()).unwrap()
    }

    /// The owner of a hidden group, and the peer that is its deputy.
    async fn owner_and_deputy(directory: &std::path::Path) -> (std::sync::Arc<Node>, std::sync::Arc<Node>, GroupId) {
        let (owner, deputy) = (node(directory, "owner"), node(directory, "deputy"));
        for (here, there) in [(&owner, &deputy), (&deputy, &owner)] {
            here.peer_add(&there.card().unwrap(), &there.config.name, PeerOptions::default()).await.unwrap();
        }
        let (name, deputy_named) = ("hush".into(), Some("deputy".into()));
        let request = GroupCreate { name, hidden: true, deputy: deputy_named, ..GroupCreate::default() };
        let group = owner.create_group(&request).await.unwrap();
        (owner, deputy, group)
    }

    #[tokio::test]
    async fn a_deputy_that_has_no_list_of_members_yet_waits_for_it() {
        let directory = tempfile::tempdir().unwrap();
        let (owner, deputy, _) = owner_and_deputy(directory.path()).await;
        // The definition has come, and the link broke before the list beside it.
        let shown = owner.definitions_for(&deputy.org(), &BTreeMap::new()).unwrap().remove(0);
        assert!(deputy.take_definition(&owner.org(), shown.get().signed().clone()).await.unwrap());
        let said = deputy.take_group_over("hush").await.unwrap_err().to_string();
        let expected =
            "the members of the hidden group `hush` are not known here\nhint: its other head's node tells them when it is reached";
        assert_eq!(said, expected);
        let list = owner.rosters_for(&deputy.org(), &BTreeMap::new()).unwrap().remove(0);
        assert!(deputy.take_roster(&owner.org(), list.get().0.signed().clone()).await.unwrap());
        deputy.take_group_over("hush").await.unwrap();
    }

    #[tokio::test]
    async fn a_group_takes_no_member_beyond_the_last() {
        let directory = tempfile::tempdir().unwrap();
        let (owner, _, group) = owner_and_deputy(directory.path()).await;
        let definition = owner.definition(&owner.store.snapshot().unwrap(), &group).unwrap().unwrap();
        let crowd = |count: usize| (1..count).map(|n| OrgId([n as u8, (n >> 8) as u8].repeat(16).try_into().unwrap())).chain([owner.org()]);
        let next = |number| Definition { number, deputy: None, ..definition.clone() };
        owner.define(next(2), crowd(MEMBERS_MAX).collect()).await.unwrap();
        let said = owner.define(next(3), crowd(MEMBERS_MAX + 1).collect()).await.unwrap_err().to_string();
        assert_eq!(said, "a group has at most 500 members");
    }
}
