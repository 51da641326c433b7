//! What partners' cards name as their endpoints: nobody's indicator by mistake.

use std::sync::Arc;

use super::super::{Node, NodeError};
use crate::model::identity::Card;
use crate::model::{Observable, ObservableKind, OrgId};
use crate::rules::lists::{Infrastructure, Whose};
use crate::store::Snapshot;

impl Node {
    /// What the cards of our peers and of the members of our groups name. Read again when one may have changed.
    pub(super) fn partners(&self) -> Result<Arc<Infrastructure>, NodeError> {
        let number = {
            let partners = self.gatekeeper.partners();
            if let Some((number, read)) = &partners.read
                && *number == partners.number
            {
                return Ok(read.clone());
            }
            partners.number
        };
        // A snapshot from after the number: what changed meanwhile is read again the next time.
        let read = Arc::new(Infrastructure::new(Whose::Partner, self.partners_values(&self.store.snapshot()?)?));
        self.gatekeeper.partners().read = Some((number, read.clone()));
        Ok(read)
    }

    fn partners_values(&self, snapshot: &Snapshot) -> Result<Vec<Observable>, NodeError> {
        let mut cards = Vec::new();
        for peer in snapshot.peers()? {
            cards.extend(Card::from_bytes(&peer.card).ok());
        }
        for group in snapshot.groups()? {
            if let Some(definition) = self.definition(snapshot, &group.group)? {
                cards.extend(definition.members.iter().filter_map(|member| Card::from_bytes(&member.card).ok()));
            }
        }
        let us: OrgId = self.org();
        let partners = cards.iter().filter(|card| card.org() != us);
        Ok(partners.flat_map(|card| &card.content().endpoints).filter_map(|endpoint| host(endpoint.host())).collect())
    }
}

/// A host as a value: a domain or an address.
pub(super) fn host(text: &str) -> Option<Observable> {
    Observable::parse(ObservableKind::Domain, text).or_else(|_| Observable::parse(ObservableKind::Ipv4, text)).ok()
}
