//! Who at the desk did what with referrals: checked before it is done, and written down with it.

use super::super::second::named;
use super::super::{Node, NodeError};
use crate::model::crypto::random;
use crate::model::desk::{SignedOrder, UserName, wanted};
use crate::model::{ReferralId, Timestamp, UserKey};
use crate::rules::desk::{Deed, Denied, FRESH_MS};
use crate::store::Snapshot;
use crate::store::change::{Change, Shelf};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most that one answer tells.
const LISTED_MAX: usize = 1_000;

/// What a deed is about that is about nothing with an id.
pub(in crate::node) const NOTHING: ReferralId = ReferralId([0; 16]);

/// What somebody did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DeedRow {
    pub(super) at: Timestamp,
    /// The beginning of the user's key or of the consumer's id, since names stay out of what is exported; nothing at a desk without users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<String>,
    /// What: the name of the message, or of the request.
    pub(super) what: String,
    pub(super) referral: ReferralId,
    /// The number of the message, where it is one.
    pub(super) number: u64,
}

/// What somebody did, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeedView {
    /// When.
    pub at: Timestamp,
    /// The desk user's name, or the consumer's; nothing at a desk without users.
    pub by: Option<String>,
    /// What.
    pub what: String,
    /// About what: the id of the referral, call, alert, hand-over, check for duplicates or submission; all zeros where what was refused named none.
    pub about: ReferralId,
}

/// Which deeds are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeedRange {
    /// Only about what has an id that begins so.
    #[serde(default)]
    pub about: Option<String>,
    /// Only of this desk user.
    #[serde(default)]
    pub by: Option<UserName>,
    /// Only from this time on.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// Only up to this time.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// The newest of them, at most so many; 1,000 where it is 0 or more than that.
    #[serde(default)]
    pub limit: usize,
}

/// Whose order something is, once it was checked.
#[derive(Debug, Clone, Copy, Default)]
pub struct By(pub(super) Option<UserKey>);

impl By {
    /// As logs and disclosures say it.
    pub(in crate::node) fn short(self) -> Option<String> {
        self.0.map(|key| key.short())
    }
}

fn read(bytes: &[u8]) -> Result<DeedRow, NodeError> {
    serde_json::from_slice(bytes).map_err(|_| NodeError::StoreDamaged("what somebody did with a referral cannot be read".into()))
}

impl Node {
    /// Checks that whoever ordered a request may do so. That somebody's role did not allow it is written down as a deed.
    ///
    /// # Errors
    /// When the desk has users and none of them signed it, or the role does not allow it.
    pub async fn ordered<T: Serialize>(
        &self,
        name: &str,
        about: &str,
        request: &T,
        order: Option<&SignedOrder>,
        deed: Deed,
    ) -> Result<By, NodeError> {
        let bytes = serde_json::to_vec(request).map_err(|error| NodeError::Internal(error.to_string()))?;
        let desk = self.desk()?;
        let checked = desk.check_order(order, &wanted(name, about, &bytes), deed, self.clock.now());
        if let (Err(Denied::Role(role, _)), Some(order)) = (&checked, order) {
            tracing::warn!(user = order.order.by.short(), %role, request = name, "an order was refused: the role does not allow it");
            // Spent too, so that whoever has seen it does not fill the list of deeds with it.
            self.spend(order)?;
            let snapshot = self.store.snapshot()?;
            let about = about.parse().or_else(|_| self.referral_named(&snapshot, about)).unwrap_or(NOTHING);
            drop(snapshot);
            self.commit(self.deed(By(Some(order.order.by)), &format!("refused: {name}"), &about, 0)).await?;
        }
        let by = By(checked?.map(|user| user.key));
        if let Some(order) = order {
            self.spend(order)?;
        }
        Ok(by)
    }

    /// An order counts once: whoever has seen it cannot have it done again while it is fresh. Which were carried out is known since the start alone.
    fn spend(&self, order: &SignedOrder) -> Result<(), NodeError> {
        if order.order.at < self.started() {
            return Err(NodeError::Desk(Denied::BeforeStart));
        }
        let now = self.clock.now();
        let mut memory = self.memory();
        memory.spent.retain(|_, at| now.since(*at).max(at.since(now)) <= 2 * FRESH_MS);
        match memory.spent.insert(order.signature, order.order.at) {
            None => Ok(()),
            Some(_) => Err(NodeError::Desk(Denied::Spent)),
        }
    }

    /// The change that writes down who did it. The newest come last, by their key.
    pub(in super::super) fn deed(&self, by: By, what: &str, referral: &ReferralId, number: u64) -> Change {
        self.deed_of(by.short(), what, referral, number)
    }

    /// The same, of whoever that stands for: a desk user, or a program.
    pub(in super::super) fn deed_of(&self, by: Option<String>, what: &str, referral: &ReferralId, number: u64) -> Change {
        let at = self.clock.now();
        let row = DeedRow { at, by, what: what.to_owned(), referral: *referral, number };
        let mut id = [0; 16];
        id[..8].copy_from_slice(&at.0.to_be_bytes());
        id[8..].copy_from_slice(&random::<8>());
        Change::Keep { shelf: Shelf::Deed, id, row: Some(serde_json::to_vec(&row).unwrap_or_default()) }
    }

    pub(super) fn deed_rows(snapshot: &Snapshot, since: Timestamp, until: Timestamp) -> Result<Vec<DeedRow>, NodeError> {
        let id = |at: Timestamp, rest: u8| {
            let mut id = [rest; 16];
            id[..8].copy_from_slice(&at.0.to_be_bytes());
            id
        };
        snapshot.kept_between(Shelf::Deed, id(since, 0), id(until, 255))?.into_iter().map(|(_, bytes)| read(&bytes)).collect()
    }

    /// Who did what with referrals, calls, alerts, hand-overs and checks for duplicates: the newest that are wanted, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn deeds(&self, range: &DeedRange) -> Result<Vec<DeedView>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let names = Self::user_names(&snapshot)?;
        let limit = if (1..=LISTED_MAX).contains(&range.limit) { range.limit } else { LISTED_MAX };
        let rows = Self::deed_rows(&snapshot, range.since.unwrap_or(Timestamp(0)), range.until.unwrap_or(Timestamp(u64::MAX)))?;
        let view = |row: DeedRow| DeedView { at: row.at, by: named(&names, row.by), what: row.what, about: row.referral };
        let is_wanted = |deed: &DeedView| {
            let is_about = range.about.as_ref().is_none_or(|text| deed.about.to_string().starts_with(text.as_str()));
            is_about && range.by.as_ref().is_none_or(|name| deed.by.as_deref() == Some(name.as_str()))
        };
        let mut deeds: Vec<_> = rows.into_iter().rev().map(view).filter(is_wanted).take(limit).collect();
        deeds.reverse();
        Ok(deeds)
    }

    /// Who wrote which message of ours in a referral.
    pub(super) fn writers(&self, snapshot: &Snapshot, id: &ReferralId) -> Result<BTreeMap<u64, String>, NodeError> {
        let (names, text) = (Self::user_names(snapshot)?, id.to_string());
        let mut writers = BTreeMap::new();
        for (_, bytes) in snapshot.all_kept(Shelf::Deed)? {
            // Few of many are about this referral, and only these are worth reading.
            if !std::str::from_utf8(&bytes).is_ok_and(|row| row.contains(&text)) {
                continue;
            }
            let row = read(&bytes)?;
            if row.referral == *id && row.number > 0 {
                writers.extend(named(&names, row.by).map(|name| (row.number, name)));
            }
        }
        Ok(writers)
    }
}
