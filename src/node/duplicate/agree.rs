//! Somebody here agrees to tell that we have the case, or refuses, which nobody hears; and somebody elsewhere has agreed.

use super::super::referral::By;
use super::super::share::Remarks;
use super::super::{Node, NodeError};
use super::show::FoundView;
use super::{AllowedRow, AskedRow, AskedState, FoundRow, FoundState, keep, row};
use crate::link::convert::decode_record;
use crate::model::desk::Role;
use crate::model::log::{Audience, Body, LogKey};
use crate::model::{CheckId, Record, RecordKind, Timestamp, Tlp};
use crate::rules::gate::Origin;
use crate::rules::label::{Held, Withheld};
use crate::rules::notify::{Event, Notice};
use crate::rules::referral::Permission;
use crate::rules::release::Draft;
use crate::store::change::{Change, Shelf};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// What is told is destroyed on both sides after so many milliseconds (30 days).
const TOLD_MS: u64 = 30 * 86_400_000;

/// What somebody says to what a check has found.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecideRequest {
    /// Whether the asker is told.
    pub tell: bool,
}

impl Node {
    /// Somebody decides whether the asker is told. A refusal leaves nothing and looks like a miss.
    ///
    /// # Errors
    /// When there is none of that id, it was decided already or is too late, the consent is over, the gate withholds it, or the store takes no changes.
    pub async fn decide_duplicate(&self, text: &str, request: DecideRequest, by: By) -> Result<FoundView, NodeError> {
        let _turn = self.matching.lock().await;
        self.store.settled().await;
        let (snapshot, now) = (self.store.snapshot()?, self.clock.now());
        let (check, mut found): (CheckId, FoundRow) =
            self.check_named(&snapshot, Shelf::DuplicateFound, text, "check that found a case")?;
        let hint = "hint: `watchfire duplicate list` tells how it stands";
        if found.state != FoundState::Waits {
            return Err(NodeError::Conflict(format!("it was decided already\n{hint}")));
        }
        if self.answer_until(found.at) <= now {
            return Err(NodeError::Conflict(format!("it is too late: the asker waits no more\n{hint}")));
        }
        (found.by, found.decided) = (by.short(), Some(now));
        if !request.tell {
            found.state = FoundState::Refused;
            let deed = self.duplicate_deed(by, "duplicate refused", &check);
            self.commit_many(vec![keep(Shelf::DuplicateFound, &check, &found), deed]).await?;
            return self.found_view(&self.store.snapshot()?, check);
        }
        let mut allowed: Option<AllowedRow> = None;
        for id in &found.allowed {
            let Some(bytes) = snapshot.kept(Shelf::DuplicateAllowed, &id.0)? else { continue };
            let one: AllowedRow = row(&bytes)?;
            if self.case_is_open(&snapshot, one.referral.as_ref())?
                && allowed.as_ref().is_none_or(|other| other.agreed.until < one.agreed.until)
            {
                allowed = Some(one);
            }
        }
        let allowed = allowed.ok_or(Withheld::NoConsent)?;
        found.state = FoundState::Agreed;
        let audience = Audience::Direct(found.peer);
        let door = self.door(audience)?;
        let permission = Permission::Match { with: &allowed.with, until: allowed.agreed.until };
        let draft = Draft { record: Record::Match(check), label: Tlp::AmberStrict.into(), audience, retention: now.plus(TOLD_MS) };
        let item = self.pass_gate_under(Some(permission), Origin::Ours, &door, draft)?;
        let mut remarks = Remarks::not_held(&door);
        remarks.particulars.by = by.short();
        let release = self.release_change(audience, vec![item], &remarks);
        let deed = self.duplicate_deed(by, "duplicate agreed", &check);
        self.commit_many(vec![keep(Shelf::DuplicateFound, &check, &found), deed, release]).await?;
        self.position_or_later(audience).await;
        self.found_view(&self.store.snapshot()?, check)
    }

    pub(super) fn answer_until(&self, at: Timestamp) -> Timestamp {
        at.plus(self.config.duplicates.answer_days.saturating_mul(86_400_000))
    }

    /// What came in a log of somebody who agreed to tell: people here are told, each time once.
    pub(in super::super) async fn hear_of_matches(&self, log: &LogKey, seqs: Range<u64>) -> Result<(), NodeError> {
        if !matches!(log.audience, Audience::Direct(_)) || log.author == self.org() {
            return Ok(());
        }
        let (snapshot, now) = (self.store.snapshot()?, self.clock.now());
        let mut open = super::rows::<AskedRow>(&snapshot, Shelf::DuplicateAsked)?;
        open.retain(|(_, row)| row.peer == log.author && row.may_be_told(now));
        if open.is_empty() {
            return Ok(());
        }
        let mut changes: Vec<Change> = Vec::new();
        for seq in seqs {
            let Some((Held(entry), _)) = snapshot.entry(&log.id(), seq)? else { continue };
            let (Body::Present(body), true) = (&entry.body, entry.header.kind == RecordKind::Match.number()) else { continue };
            let Ok(Record::Match(check)) = decode_record(RecordKind::Match, body) else { continue };
            // A check that we did not make, or made elsewhere, says nothing; nor does one whose ticket has not left, or whose time is over.
            if let Some(at) = open.iter().position(|(id, _)| *id == check) {
                let (_, row) = open.swap_remove(at);
                changes.push(keep(Shelf::DuplicateAsked, &check, &AskedRow { state: AskedState::Found(now), ..row }));
                changes.push(self.notify(Notice::new(Event::DuplicateFound, &check.0, Role::Handler, now)));
            }
        }
        if !changes.is_empty() {
            self.commit_many(changes).await?;
        }
        Ok(())
    }
}
