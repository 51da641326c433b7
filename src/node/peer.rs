//! Peers: paired by card or by invitation, suspended, resumed, removed; and names, which are the local administrator's.

use super::view::PeerOptions;
use super::{Node, NodeError, escalate};
use crate::model::identity::Card;
use crate::model::log::Audience;
use crate::model::{GroupId, OrgId};
use crate::store::change::{Change, GroupRow, PairingRow, PeerRow, PeerState};

impl Node {
    /// Pairs with an organisation whose card was checked by other means.
    ///
    /// # Errors
    /// When the text is no card, is our own, or the organisation or the name is taken.
    pub(super) async fn add_peer(&self, card: &str, name: &str, options: PeerOptions) -> Result<PeerRow, NodeError> {
        let card = Card::from_text(card).map_err(|error| NodeError::BadInput(format!("this is not a card: {error}")))?;
        let row = self.new_peer(&card, name, options, PeerState::Open, None)?;
        self.put_peer(row).await
    }

    /// Writes down a peer with which cards were exchanged and digits are to be compared.
    ///
    /// # Errors
    /// As [`Node::peer_add`].
    pub async fn peer_pairing(&self, card: &Card, name: Option<&str>, digits: String) -> Result<PeerRow, NodeError> {
        let name = match name {
            Some(name) => name.to_owned(),
            None => self.free_name(&format!("peer-{}", &card.org().to_string()[..6]))?,
        };
        let pairing = Some(PairingRow { digits, confirmed_here: false });
        let row = self.new_peer(card, &name, PeerOptions::default(), PeerState::Pairing, pairing)?;
        self.put_peer(row).await
    }

    fn new_peer(
        &self,
        card: &Card,
        name: &str,
        options: PeerOptions,
        state: PeerState,
        pairing: Option<PairingRow>,
    ) -> Result<PeerRow, NodeError> {
        if card.org() == self.org() {
            return Err(NodeError::Ourselves("card"));
        }
        self.check_is_not_paired(&card.org())?;
        let known = self.store.snapshot()?.peer(&card.org())?;
        // A card of ours from before may not bring a root back that its owner has left.
        let before = known.as_ref().and_then(|row| Card::from_bytes(&row.card).ok());
        if before.is_some_and(|before| before.bytes() != card.bytes() && card.check_update(&before).is_err()) {
            return Err(NodeError::BadInput("this card is older than the one that is known\nhint: ask for the newest one".into()));
        }
        if known.as_ref().is_none_or(|row| row.name != name) {
            self.check_name_is_free(name)?;
        }
        Ok(PeerRow {
            org: card.org(),
            name: name.to_owned(),
            card: card.bytes().to_vec(),
            state,
            allow_classical: options.allow_classical,
            proxy: options.proxy,
            since: self.clock.now(),
            pairing,
            recalls: false,
        })
    }

    /// Refused when an organisation is a peer, open or suspended.
    ///
    /// # Errors
    /// When it is, or the store cannot be read.
    pub fn check_is_not_paired(&self, org: &OrgId) -> Result<(), NodeError> {
        match self.store.snapshot()?.peer(org)? {
            Some(row) if !matches!(row.state, PeerState::Removed | PeerState::Pairing) => Err(NodeError::AlreadyPaired(row.name)),
            _ => Ok(()),
        }
    }

    /// Whether an organisation has a row here, whatever became of it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn knows(&self, org: &OrgId) -> Result<bool, NodeError> {
        Ok(self.store.snapshot()?.peer(org)?.is_some())
    }

    async fn put_peer(&self, row: PeerRow) -> Result<PeerRow, NodeError> {
        self.commit(Change::PutPeer(Box::new(row.clone()))).await?;
        self.touch_peers();
        Ok(row)
    }

    /// The people here have compared the digits; from now on the peer is called `new_name`, where one is given.
    ///
    /// # Errors
    /// When the peer does not wait for it, the digits differ, or the new name is taken.
    pub(super) async fn confirm_peer(&self, name: &str, digits: &str, new_name: Option<&str>) -> Result<PeerRow, NodeError> {
        let mut row = self.peer_named(name)?;
        let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
        let Some(pairing) = row.pairing.take().filter(|_| row.state == PeerState::Pairing) else {
            return Err(NodeError::NotPairing(row.name));
        };
        let expected: String = pairing.digits.chars().filter(char::is_ascii_digit).collect();
        if digits.len() != expected.len() {
            return Err(NodeError::BadInput(format!(
                "{} digits were given, and there are {}\nhint: give all of them as the other side reads them out: `watchfire peer confirm {} 1234 5678 9012`",
                digits.len(),
                expected.len(),
                row.name
            )));
        }
        if !crate::model::crypto::equal(expected.as_bytes(), digits.as_bytes()) {
            return Err(NodeError::DigitsDiffer(row.name));
        }
        self.name_peer(&mut row, new_name)?;
        row.state = PeerState::Open;
        self.put_peer(row).await
    }

    /// Gives a peer another name.
    ///
    /// # Errors
    /// When there is no such peer, or the new name is none or taken.
    pub(super) async fn rename_peer(&self, name: &str, new_name: &str) -> Result<PeerRow, NodeError> {
        let mut row = self.peer_named(name)?;
        self.name_peer(&mut row, Some(new_name))?;
        self.put_peer(row).await
    }

    fn name_peer(&self, row: &mut PeerRow, new_name: Option<&str>) -> Result<(), NodeError> {
        if let Some(name) = new_name.filter(|name| *name != row.name) {
            self.check_name_is_free(name)?;
            // The node would not start any more: a name that is nobody's is a slip there.
            if escalate::load_timetable(&self.data).is_ok_and(|timers| timers.names().any(|called| called == row.name)) {
                let hint = format!("hint: write its id there, which is {}, send SIGHUP to the node, and rename it then", row.org);
                return Err(NodeError::Conflict(format!("`timers.toml` calls `{}` by this name\n{hint}", row.name)));
            }
            row.name = name.to_owned();
        }
        Ok(())
    }

    /// Closes a peer's links for now; with `recalls`, but for links that carry recalls alone.
    ///
    /// # Errors
    /// When there is no such peer, or it is neither open nor suspended.
    pub(super) async fn suspend_peer(&self, name: &str, recalls: bool) -> Result<PeerRow, NodeError> {
        let mut row = self.peer_named(name)?;
        if !matches!(row.state, PeerState::Open | PeerState::Suspended) {
            return Err(NodeError::Conflict(format!("`{0}` is not open\nhint: `watchfire peer show {0}` tells where it stands", row.name)));
        }
        (row.state, row.recalls) = (PeerState::Suspended, recalls);
        self.put_peer(row).await
    }

    /// Opens a suspended peer's links again.
    ///
    /// # Errors
    /// When there is no such peer.
    pub(super) async fn resume_peer(&self, name: &str) -> Result<PeerRow, NodeError> {
        let mut row = self.peer_named(name)?;
        match row.state {
            PeerState::Open => return Ok(row),
            PeerState::Suspended => (row.state, row.recalls) = (PeerState::Open, false),
            _ => {
                return Err(NodeError::Conflict(format!(
                    "`{0}` is not suspended\nhint: `watchfire peer show {0}` tells where it stands",
                    row.name
                )));
            }
        }
        // Why there was no link while it was suspended accuses nobody now.
        self.note_link(row.org, |view| view.failure = None);
        self.put_peer(row).await
    }

    /// Ends the relation with a peer, and its membership in the groups that we define, whose names are returned. What it sent stays,
    /// explained by its row.
    ///
    /// # Errors
    /// When there is no such peer.
    pub(super) async fn remove_peer(&self, name: &str) -> Result<(PeerRow, Vec<String>), NodeError> {
        let mut row = self.peer_named(name)?;
        row.state = PeerState::Removed;
        row.pairing = None;
        row.recalls = false;
        let row = self.put_peer(row).await?;
        let groups = self.remove_from_our_groups(&row.org).await?;
        Ok((row, groups))
    }

    /// Takes a newer card of a peer over its own link. `false` when it does not replace the known one.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn take_card(&self, peer: &OrgId, bytes: &[u8]) -> Result<bool, NodeError> {
        let Some(row) = self.store.snapshot()?.peer(peer)? else { return Ok(false) };
        let (Ok(known), Ok(card)) = (Card::from_bytes(&row.card), Card::from_bytes(bytes)) else { return Ok(false) };
        if card.check_update(&known).is_err() {
            return Ok(false);
        }
        self.commit(Change::PutCard { org: *peer, card: card.bytes().to_vec() }).await?;
        self.touch_peers();
        if card.content().log_key != known.content().log_key {
            // What relays offered of its logs may be checked now, and who knows it by a group alone is told.
            self.groups_changed.ring();
            self.confirm_groups().await?;
        }
        Ok(true)
    }

    /// The number of a peer's card that we hold.
    pub fn card_number(&self, peer: &OrgId) -> Option<u64> {
        let row = self.store.snapshot().and_then(|snapshot| snapshot.peer(peer)).ok().flatten()?;
        Some(Card::from_bytes(&row.card).ok()?.content().number)
    }

    /// The peer of that name or id.
    ///
    /// # Errors
    /// When there is none.
    pub fn peer_named(&self, name: &str) -> Result<PeerRow, NodeError> {
        let wanted = name.parse::<OrgId>().ok();
        let mut peers = self.store.snapshot()?.peers()?;
        // A removed peer gives its name up to a living one.
        peers.sort_by_key(|peer| peer.state == PeerState::Removed);
        let found = peers.into_iter().find(|peer| peer.name == name || Some(peer.org) == wanted);
        found.ok_or_else(|| NodeError::UnknownPeer(name.to_owned()))
    }

    /// The organisation of that name or id, peer or not.
    pub(super) fn org_named(&self, name: &str) -> Result<OrgId, NodeError> {
        name.parse().or_else(|_| self.peer_named(name).map(|peer| peer.org))
    }

    /// The group of that name or id.
    ///
    /// # Errors
    /// When there is none.
    pub fn group_named(&self, name: &str) -> Result<GroupRow, NodeError> {
        let wanted = name.parse::<GroupId>().ok();
        let groups = self.store.snapshot()?.groups()?;
        let found = groups.into_iter().find(|group| group.name == name || Some(group.group) == wanted);
        found.ok_or_else(|| NodeError::UnknownGroup(name.to_owned()))
    }

    /// The audience that a name or id stands for.
    ///
    /// # Errors
    /// When it stands for none.
    pub fn audience(&self, name: &str) -> Result<Audience, NodeError> {
        match (self.peer_named(name), self.group_named(name)) {
            (Ok(peer), _) => Ok(Audience::Direct(peer.org)),
            (_, Ok(group)) => Ok(Audience::Group(group.group)),
            (Err(NodeError::UnknownPeer(_)), Err(NodeError::UnknownGroup(_))) => Err(NodeError::UnknownAudience(name.to_owned())),
            (Err(error), _) => Err(error),
        }
    }

    pub(super) fn check_name_is_free(&self, name: &str) -> Result<(), NodeError> {
        let sound = !name.is_empty() && name.chars().count() <= 60 && !name.chars().any(char::is_control) && !name.starts_with('-');
        if !sound {
            return Err(NodeError::BadInput(format!(
                "`{}` is not a name\nhint: 1 to 60 characters, not beginning with `-`",
                name.escape_debug()
            )));
        }
        if name.parse::<OrgId>().is_ok() || self.name_is_taken(name)? {
            return Err(NodeError::NameTaken(name.to_owned()));
        }
        Ok(())
    }

    fn name_is_taken(&self, name: &str) -> Result<bool, NodeError> {
        let snapshot = self.store.snapshot()?;
        let by_peer = snapshot.peers()?.iter().any(|peer| peer.name == name && peer.state != PeerState::Removed);
        Ok(by_peer || snapshot.groups()?.iter().any(|group| group.name == name))
    }

    /// A name like this one that nothing here has.
    pub(super) fn free_name(&self, wanted: &str) -> Result<String, NodeError> {
        let clean: String = wanted.chars().filter(|c| !c.is_control()).take(50).collect();
        let base = if clean.is_empty() || clean.starts_with('-') { "group".to_owned() } else { clean };
        let mut name = base.clone();
        let mut number = 2;
        while self.name_is_taken(&name)? {
            name = format!("{base}-{number}");
            number += 1;
        }
        Ok(name)
    }
}
