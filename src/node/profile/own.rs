//! Our own profile, as it is kept: whole, with who may know what. It leaves as projections alone.

use crate::link::convert::{decode_profile, encode_profile};
use crate::model::profile::{Audiences, Field, Named, Own, Reach, Reader};
use crate::model::{GroupId, OrgId, Timestamp};
use crate::node::{Node, NodeError};
use crate::store::Snapshot;
use crate::store::change::{Change, Shelf};
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The id of the one row.
const ID: [u8; 16] = [0; 16];

/// As it is kept. What is stated is as on the wire, so that codes which are in no list of ours any more stay.
#[derive(Serialize, Deserialize)]
pub(super) struct OwnRow {
    body: String,
    audiences: BTreeMap<String, Whom>,
    /// When it was put in force.
    pub(super) at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Whom {
    Public,
    Members,
    Named { orgs: Vec<OrgId>, groups: Vec<GroupId> },
}

impl OwnRow {
    pub(super) fn of(own: &Own, at: Timestamp) -> Self {
        let everything = Audiences(Field::ALL.map(|field| (field, Reach::Public)).into());
        let body = encode_profile(&Own { profile: own.profile.clone(), audiences: everything }, Reader::Anyone);
        let whom = |reach: &Reach| match reach {
            Reach::Public => Whom::Public,
            Reach::Members => Whom::Members,
            Reach::Restricted(named) => {
                let org = |one: &Named| if let Named::Org(org) = one { Some(*org) } else { None };
                let group = |one: &Named| if let Named::Group(group) = one { Some(*group) } else { None };
                Whom::Named { orgs: named.iter().filter_map(org).collect(), groups: named.iter().filter_map(group).collect() }
            }
        };
        let audiences = own.audiences.0.iter().map(|(field, reach)| (field.name().to_owned(), whom(reach))).collect();
        Self { body: BASE64.encode(&body), audiences, at }
    }

    pub(super) fn read(&self) -> Result<Own, NodeError> {
        let damaged = || NodeError::StoreDamaged("our own profile cannot be read".into());
        let body = BASE64.decode(self.body.as_bytes()).map_err(|_| damaged())?;
        let profile = decode_profile(&body).map_err(|_| damaged())?;
        let mut audiences = BTreeMap::new();
        for (field, whom) in &self.audiences {
            let reach = match whom {
                Whom::Public => Reach::Public,
                Whom::Members => Reach::Members,
                Whom::Named { orgs, groups } => {
                    let groups = groups.iter().copied().map(Named::Group);
                    Reach::Restricted(orgs.iter().copied().map(Named::Org).chain(groups).collect())
                }
            };
            // A field that this program does not know is not told to anybody anyway.
            audiences.extend(Field::from_name(field).map(|field| (field, reach)));
        }
        Ok(Own { profile, audiences: Audiences(audiences) })
    }

    pub(super) fn keep(&self) -> Change {
        Change::Keep { shelf: Shelf::Profile, id: ID, row: Some(serde_json::to_vec(self).unwrap_or_default()) }
    }
}

impl Node {
    pub(super) fn own_row(snapshot: &Snapshot) -> Result<Option<OwnRow>, NodeError> {
        let Some(bytes) = snapshot.kept(Shelf::Profile, &ID)? else { return Ok(None) };
        let row = serde_json::from_slice(&bytes).map_err(|_| NodeError::StoreDamaged("our own profile cannot be read".into()))?;
        Ok(Some(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::profile::tests::full;

    #[test]
    fn our_own_profile_is_read_as_it_was_kept() {
        let named = Reach::Restricted([Named::Org(OrgId([1; 32])), Named::Group(GroupId([2; 32]))].into());
        let audiences = [(Field::PlatformChannels, named), (Field::Services, Reach::Public), (Field::Fees, Reach::Restricted([].into()))];
        let own = Own { profile: full(), audiences: Audiences(audiences.into()) };
        let row: OwnRow = serde_json::from_slice(&serde_json::to_vec(&OwnRow::of(&own, Timestamp(1))).unwrap()).unwrap();
        assert_eq!(row.read().unwrap(), own);
    }
}
