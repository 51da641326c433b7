//! The second person: what needs one is signed by whoever releases it and by another, each over exactly what would leave, and both words
//! are checked again at the moment in which it leaves.

use std::collections::BTreeMap;

use super::hold::held_id;
use super::share::Door;
use super::view::{HoldTerms, HoldView};
use super::{Node, NodeError};
use crate::model::desk::{SignedApproval, SignedRelease};
use crate::model::{Label, ReleaseId};
use crate::rules::desk::{Denied, check_fresh};
use crate::rules::gate::Origin;
use crate::rules::label::Withheld;
use crate::rules::release::Draft;
use crate::store::Snapshot;
use crate::store::change::ReleaseItem;
use crate::store::hold::{HoldRow, Second};

impl Node {
    /// The gate, for what people share: what needs a second person does not pass where nobody is at the desk.
    pub(super) fn pass_gate_for_people(&self, door: &Door, draft: Draft) -> Result<ReleaseItem, Withheld> {
        let item = self.pass_gate_as(Origin::Ours, door, draft)?;
        if item.released.get().label.needs_two() && !door.has_users { Err(Withheld::NobodyAtTheDesk) } else { Ok(item) }
    }

    /// What two people sign of a release that is held, and what was signed first.
    ///
    /// # Errors
    /// When nothing is held under that id, it is still read, or it needs no second person.
    pub fn hold_terms(&self, id: &str) -> Result<HoldTerms, NodeError> {
        let id = held_id(id)?;
        let row = self.store.snapshot()?.hold(&id)?.ok_or_else(|| NodeError::NotHeld(id.to_string()))?;
        for_two(&id, &row)?;
        Ok(HoldTerms { org_id: self.org(), id, terms: row.terms(&id), released: row.second.released })
    }

    /// The first signature. An approval from before is void.
    ///
    /// # Errors
    /// When nothing is held under that id, it is for something else, or whoever signed may not release.
    pub async fn sign_hold(&self, id: &str, signed: SignedRelease) -> Result<HoldView, NodeError> {
        self.change_second(id, |desk, id, row, now| {
            check_fresh(signed.release.at, now)?;
            let by = desk.check_release(&signed, &row.terms(id))?.key.short();
            (row.by, row.reason) = (Some(by), None);
            row.second = Second { needed: true, released: Some(signed), approval: None };
            Ok(())
        })
        .await
    }

    /// The second signature. What is due leaves then.
    ///
    /// # Errors
    /// When nothing is held under that id, nobody has signed first, it is for something else, or whoever signed may not approve.
    pub async fn approve(&self, id: &str, signed: SignedApproval) -> Result<HoldView, NodeError> {
        self.change_second(id, |desk, id, row, now| {
            let released = row.second.released.ok_or(Denied::NotReleased)?;
            check_fresh(signed.approval.at, now)?;
            desk.check_approval(&released, &row.terms(id), &signed)?;
            (row.second.approval, row.reason) = (Some(signed), None);
            Ok(())
        })
        .await
    }

    async fn change_second(
        &self,
        id: &str,
        change: impl FnOnce(&crate::rules::desk::Desk, &ReleaseId, &mut HoldRow, crate::model::Timestamp) -> Result<(), Denied>,
    ) -> Result<HoldView, NodeError> {
        let id = held_id(id)?;
        let _one_at_a_time = self.holds_in_turn().await;
        let mut row = self.store.snapshot()?.hold(&id)?.ok_or_else(|| NodeError::NotHeld(id.to_string()))?;
        for_two(&id, &row)?;
        change(&self.desk()?, &id, &mut row, self.clock.now())?;
        let row = self.change_hold(&id, |there| *there = row).await?;
        self.hold_view(&self.store.snapshot()?, Some(id), &row)
    }

    /// Whether both words still count, at this moment. Where they do not, it waits for people again; then `false`.
    pub(super) async fn both_words_count(&self, id: &ReleaseId, row: &HoldRow) -> Result<bool, NodeError> {
        if !row.second.needed && !row.labels().any(Label::needs_two) {
            return Ok(true);
        }
        let desk = self.desk()?;
        let Second { released, approval, .. } = &row.second;
        let checked = match (released, approval) {
            (Some(released), Some(approval)) => desk.check_approval(released, &row.terms(id), approval).map(|_| ()),
            _ => Err(Denied::NotReleased),
        };
        let Err(denied) = checked else { return Ok(true) };
        let first = released.filter(|released| desk.check_release(released, &row.terms(id)).is_ok());
        tracing::warn!(release = %id, "a signature on what is held does not count any more; `watchfire holds` says why");
        self.change_hold(id, |row| {
            row.second = Second { needed: true, released: first, approval: None };
            row.reason = Some(denied.to_string());
        })
        .await?;
        Ok(false)
    }

    /// The names of desk users, former ones too, by the beginnings of their keys; and consumers and feeds, by the beginnings of their ids.
    pub(super) fn user_names(snapshot: &Snapshot) -> Result<BTreeMap<String, String>, NodeError> {
        let changes = snapshot.user_changes()?;
        let mut names = Self::consumer_names(snapshot)?;
        names.extend(super::feeds::called(snapshot)?);
        names.extend(changes.into_iter().map(|signed| (signed.change.user.key.short(), signed.change.user.name.to_string())));
        Ok(names)
    }
}

/// A beginning of a key as the name that it stands for, where that is known.
pub(super) fn named(names: &BTreeMap<String, String>, key: Option<String>) -> Option<String> {
    key.map(|key| names.get(&key).cloned().unwrap_or(key))
}

fn for_two(id: &ReleaseId, row: &HoldRow) -> Result<(), NodeError> {
    match row {
        row if row.filling => Err(NodeError::Conflict(format!(
            "the import of `{id}` has not ended\nhint: wait until it has; after a crash `watchfire release` or `undo` it"
        ))),
        row if !row.second.needed => Err(Denied::NoneNeeded.into()),
        _ => Ok(()),
    }
}
