//! Checks for duplicates as people see them: never a contact.

use super::super::second::named;
use super::super::{Node, NodeError};
use super::{AllowedRow, AskedRow, AskedState, FoundRow, FoundState, day_of, days, row, rows};
use crate::model::duplicate::{Basis, Purpose};
use crate::model::{CheckId, ReferralId, Timestamp};
use crate::rules::duplicate::Counts;
use crate::store::Snapshot;
use crate::store::change::Shelf;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A check of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckView {
    /// Which: both sides know it by this.
    pub check: CheckId,
    /// Whom we asked.
    pub peer: String,
    /// `found` where somebody there agreed to tell that they have the case. Until `until` it is `asked`, then `nothing_told`: whether there is nothing,
    /// nobody agreed or nobody looked cannot be known. `refused` where their node did not answer, `unfinished` where the link broke.
    pub state: String,
    /// When.
    pub at: Timestamp,
    /// Until when somebody there may tell.
    pub until: Timestamp,
    /// When they did.
    pub told: Option<Timestamp>,
    /// Who asked.
    pub by: Option<String>,
    /// How the person agreed.
    pub consent: Basis,
    /// Which referral it was about.
    pub referral: Option<ReferralId>,
}

/// Contacts of one person that may be matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowedView {
    /// Which.
    pub allowed: CheckId,
    /// How many.
    pub contacts: usize,
    /// By whom.
    pub with: Vec<String>,
    /// How the person agreed.
    pub consent: Basis,
    /// Since when.
    pub at: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Who said so.
    pub by: Option<String>,
    /// Which referral it belongs to.
    pub referral: Option<ReferralId>,
}

/// A check of a partner's that found a case of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundView {
    /// Which: both sides know it by this.
    pub check: CheckId,
    /// Who asks.
    pub peer: String,
    /// `waits`, `agreed`, `refused` or `late`.
    pub state: String,
    /// When.
    pub at: Timestamp,
    /// Until when somebody here may agree.
    pub until: Timestamp,
    /// Which of our contacts it is, as `allowed` names them.
    pub allowed: Vec<CheckId>,
    /// Of which referrals they are.
    pub referrals: Vec<ReferralId>,
    /// Who decided.
    pub by: Option<String>,
}

/// How often a peer was answered in a day, or people here had contacts evaluated that may be matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnsweredView {
    /// The beginning of the day (UTC).
    pub day: Timestamp,
    /// Which peer; `us` where it was people here.
    pub peer: String,
    /// So often.
    pub answered: u64,
    /// And so often not, since the day's tries were used up; up to 1,000 are counted.
    pub refused: u64,
}

/// All of it, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DuplicatesView {
    /// Checks of others that found a case of ours.
    pub found: Vec<FoundView>,
    /// Checks of ours.
    pub checks: Vec<CheckView>,
    /// What may be matched.
    pub allowed: Vec<AllowedView>,
    /// How often we answered.
    pub answered: Vec<AnsweredView>,
}

impl Node {
    /// Checks for duplicates, ours and those of others.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn duplicates(&self) -> Result<DuplicatesView, NodeError> {
        let snapshot = self.store.snapshot()?;
        let names = Self::user_names(&snapshot)?;
        let mut checks = Vec::new();
        for (check, row) in rows::<AskedRow>(&snapshot, Shelf::DuplicateAsked)? {
            checks.push(self.check_view(&snapshot, &names, check, row)?);
        }
        let mut allowed = Vec::new();
        for (id, row) in rows::<AllowedRow>(&snapshot, Shelf::DuplicateAllowed)? {
            let with = row.with.iter().map(|org| self.org_name(&snapshot, org)).collect::<Result<_, _>>()?;
            allowed.push(AllowedView {
                allowed: id,
                contacts: row.values.len(),
                with,
                consent: row.agreed.basis,
                at: row.at,
                until: row.agreed.until,
                by: named(&names, row.by),
                referral: row.referral,
            });
        }
        let mut found = Vec::new();
        for (check, _) in rows::<FoundRow>(&snapshot, Shelf::DuplicateFound)? {
            found.push(self.found_view(&snapshot, check)?);
        }
        checks.sort_by_key(|view| std::cmp::Reverse((view.at, view.check)));
        allowed.sort_by_key(|view| std::cmp::Reverse((view.at, view.allowed)));
        found.sort_by_key(|view| std::cmp::Reverse((view.at, view.check)));
        Ok(DuplicatesView { found, checks, allowed, answered: self.answered(&snapshot, Purpose::Contact)? })
    }

    /// How often each was answered, the newest day first.
    pub(super) fn answered(&self, snapshot: &Snapshot, purpose: Purpose) -> Result<Vec<AnsweredView>, NodeError> {
        let mut answered = Vec::new();
        for (id, bytes) in snapshot.all_kept(days(purpose))? {
            let day = Timestamp(day_of(&id).saturating_mul(86_400_000));
            for (org, count) in row::<Counts>(&bytes)?.iter() {
                let peer = if *org == self.org() { "us".into() } else { self.org_name(snapshot, org)? };
                answered.push(AnsweredView { day, peer, answered: count.answered, refused: count.refused });
            }
        }
        answered.sort_by(|one, other| (other.day, &one.peer).cmp(&(one.day, &other.peer)));
        Ok(answered)
    }

    fn check_view(
        &self,
        snapshot: &Snapshot,
        names: &BTreeMap<String, String>,
        check: CheckId,
        row: AskedRow,
    ) -> Result<CheckView, NodeError> {
        let over = row.agreed.until <= self.clock.now();
        let (state, told) = match row.state {
            AskedState::Begun => ("unfinished", None),
            AskedState::Refused => ("refused", None),
            AskedState::Asked if over => ("nothing_told", None),
            AskedState::Asked => ("asked", None),
            AskedState::Found(at) => ("found", Some(at)),
        };
        Ok(CheckView {
            check,
            peer: self.org_name(snapshot, &row.peer)?,
            state: state.into(),
            at: row.at,
            until: row.agreed.until,
            told,
            by: named(names, row.by),
            consent: row.agreed.basis,
            referral: row.referral,
        })
    }

    pub(super) fn found_view(&self, snapshot: &Snapshot, check: CheckId) -> Result<FoundView, NodeError> {
        let unknown =
            || NodeError::UnknownOfDesk { what: "check that found a case", id: check.to_string(), list: "watchfire duplicate list" };
        let found: FoundRow = row(&snapshot.kept(Shelf::DuplicateFound, &check.0)?.ok_or_else(unknown)?)?;
        let until = self.answer_until(found.at);
        let mut referrals = Vec::new();
        for id in &found.allowed {
            if let Some(bytes) = snapshot.kept(Shelf::DuplicateAllowed, &id.0)? {
                referrals.extend(row::<AllowedRow>(&bytes)?.referral);
            }
        }
        let state = match found.state {
            FoundState::Waits if until <= self.clock.now() => "late",
            FoundState::Waits => "waits",
            FoundState::Agreed => "agreed",
            FoundState::Refused => "refused",
        };
        let names = Self::user_names(snapshot)?;
        Ok(FoundView {
            check,
            peer: self.org_name(snapshot, &found.peer)?,
            state: state.into(),
            at: found.at,
            until,
            allowed: found.allowed,
            referrals,
            by: named(&names, found.by),
        })
    }
}
