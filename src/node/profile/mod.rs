//! Profiles: what we say of ourselves, whom it is told, what others say of themselves, and who could take a case.

mod own;
mod publish;
mod rank;
mod show;

pub use publish::{ProfileSet, PublishView, ToldView};
pub use rank::{ExcludedView, MatchView, NeedRequest, RankedView};
pub(super) use show::fields_of;
pub use show::{FieldView, ProfileFile, ProfileView};

use super::{Node, NodeError};
use crate::link::convert::decode_record;
use crate::model::log::Audience;
use crate::model::profile::{Profile, merged};
use crate::model::{OrgId, Record, RecordKind, Timestamp};
use crate::store::{HeardProfile, Snapshot};
use std::collections::BTreeMap;

/// A profile is destroyed so long after it was sent, in milliseconds (90 days): it is renewed long before.
const RETENTION_MS: u64 = 90 * 86_400_000;

/// What organisations say of themselves, each with what it said to each audience.
pub(super) type Heard = BTreeMap<OrgId, Vec<(HeardProfile, Profile)>>;

impl Node {
    /// What an organisation says of itself, as far as we may know: of each field the newest word, over all audiences that it told and we are in. Our
    /// own is ours as it is in force. `None` where it said nothing, or nothing of it is left.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn profile_of(&self, org: &OrgId) -> Result<Option<Profile>, NodeError> {
        let snapshot = self.store.snapshot()?;
        if *org == self.org() {
            return Ok(Self::own_row(&snapshot)?.map(|row| row.read()).transpose()?.map(|own| own.profile));
        }
        let said = self.heard_profiles(&snapshot)?.remove(org).unwrap_or_default();
        Ok(merged(said.into_iter().map(|(_, profile)| profile)))
    }

    /// What all others said of themselves to audiences that we are in, and has not expired.
    pub(super) fn heard_profiles(&self, snapshot: &Snapshot) -> Result<Heard, NodeError> {
        let (now, mut heard) = (self.clock.now(), Heard::new());
        for (row, body) in snapshot.heard_profiles()? {
            let is_over = row.retention != Timestamp(0) && row.retention <= now;
            let is_theirs = row.key.author != self.org() && self.is_told_us(snapshot, &row)?;
            if is_over || !is_theirs {
                continue;
            }
            let Ok(Record::Profile(projection)) = decode_record(RecordKind::Profile, &body) else {
                return Err(NodeError::StoreDamaged("a profile cannot be read".into()));
            };
            heard.entry(row.key.author).or_default().push((row, projection.into_profile()));
        }
        Ok(heard)
    }

    /// Whether its audience is one that we are in: what was said in a group that we have left is renewed there without us.
    fn is_told_us(&self, snapshot: &Snapshot, row: &HeardProfile) -> Result<bool, NodeError> {
        match row.key.audience {
            Audience::Direct(org) => Ok(org == self.org()),
            Audience::Group(group) => {
                let definition = self.definition(snapshot, &group)?;
                Ok(definition.is_some_and(|definition| definition.has(&self.org()) && definition.has(&row.key.author)))
            }
        }
    }
}
