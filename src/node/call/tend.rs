//! What the node does about calls by itself: people are told of what came and of what waits too long, and a call ends when somebody was chosen.

use super::{Answered, Answers, CallRow, Known, short};
use crate::model::desk::Role;
use crate::model::{Priority, ShortId, Timestamp};
use crate::node::notify::is_missed;
use crate::node::{Node, NodeError};
use crate::rules::call::{State, Wait, ends_at, ladder, reached};
use crate::rules::notify::{Event, Notice};
use crate::store::Snapshot;
use crate::store::change::{Change, Shelf};
use std::collections::BTreeSet;

impl Node {
    pub(in super::super) async fn tend_calls_or_later(&self) {
        if let Err(error) = self.tend_calls().await {
            tracing::warn!(code = error.code(), "what follows from a call for help is done later");
        }
    }

    /// Does what follows from how calls stand: after something came, when an offer has left, and as a part of the upkeep. What it tells and
    /// that it was told is one transaction for each call.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn tend_calls(&self) -> Result<(), NodeError> {
        let _turn = self.calls_in_turn().await;
        let snapshot = self.store.snapshot()?;
        if self.holds_back(&snapshot)? {
            return Ok(());
        }
        let all = self.known_calls(&snapshot)?;
        let answers = self.answers_to_calls(&snapshot)?;
        for known in &all {
            if known.standing.author == self.org() {
                self.tend_own(&snapshot, known, &answers).await?;
            } else {
                self.tend_heard(known, &answers).await?;
            }
        }
        self.forget_calls(&snapshot, &all).await
    }

    async fn tend_own(&self, snapshot: &Snapshot, known: &Known, answers: &Answers) -> Result<(), NodeError> {
        // Of what is over a late word asks nobody for anything.
        if matches!(known.standing.state, State::Chosen | State::Closed) {
            return Ok(());
        }
        let (id, now, priority) = (known.id(), self.clock.now(), known.standing.call.priority);
        let (mut row, mut changes) = (known.row.clone(), Vec::new());
        let offers = self.offers(answers, &id);
        for offer in offers.iter().filter(|offer| !row.volunteers.contains(&offer.org)) {
            let urgent = priority != Priority::Normal;
            changes.push(self.notify(notice(Event::Volunteered, known, &offer.org.0, urgent, Role::Handler, now)));
        }
        row.volunteers.extend(offers.iter().map(|offer| offer.org));
        if self.is_chosen(snapshot, &id, &offers)? {
            return self.end_call(known, row, true, changes).await;
        }
        let (wait, since, recorded) = match offers.first() {
            None => (Wait::Volunteer, known.standing.at, &mut row.unanswered),
            Some(first) => (Wait::Choice, first.at, &mut row.undecided),
        };
        let due = reached(wait, priority, since, now);
        if due > *recorded {
            // Of rungs that were passed while the node was away the highest is told.
            let (after, to) = ladder(wait, priority).get(usize::from(due) - 1).copied().unwrap_or((0, Role::Lead));
            let told = notice(Event::CallWaits, known, &[wait as u8, due], true, to, now);
            changes.push(self.notify(Notice { rung: Some(due), late: is_missed(since.plus(after), now), ..told }));
            *recorded = due;
            tracing::warn!(call = %short(&id), rung = due, volunteers = offers.len(), "a call for help has waited too long");
        }
        if known.standing.state == State::Expired && !row.ended {
            row.ended = true;
            let late = is_missed(ends_at(&known.standing.call, known.standing.at), now);
            changes.push(self.notify(Notice { late, ..notice(Event::CallWaits, known, b"expired", true, Role::Lead, now) }));
            tracing::warn!(call = %short(&id), volunteers = offers.len(), "a call for help ended without a choice");
        }
        self.keep_if_new(known, row, changes).await
    }

    async fn tend_heard(&self, known: &Known, answers: &Answers) -> Result<(), NodeError> {
        let (now, is_open) = (self.clock.now(), known.standing.state == State::Open);
        let (mut row, mut changes) = (known.row.clone(), Vec::new());
        // After a restore of a backup what we have said stands in our log all the same.
        if row.volunteered.is_none() {
            row.volunteered = answers.by_us.get(&(known.standing.author, known.id())).copied();
            row.answered = row.volunteered.map(|_| known.answered());
        }
        let urgent = known.standing.call.priority != Priority::Normal;
        if is_open && !row.told {
            (row.told, row.author) = (true, Some(known.standing.author));
            changes.push(self.notify(notice(Event::CallArrived, known, b"", urgent, Role::Handler, now)));
        }
        if !is_open && !row.ended && row.volunteered.is_some() {
            row.ended = true;
            changes.push(self.notify(notice(Event::CallEnded, known, b"", urgent, Role::Handler, now)));
        }
        self.keep_if_new(known, row, changes).await
    }

    async fn keep_if_new(&self, known: &Known, mut row: CallRow, mut changes: Vec<Change>) -> Result<(), NodeError> {
        if row != known.row {
            row.at = self.clock.now();
            changes.push(known.keep(&row));
        }
        if !changes.is_empty() {
            self.commit_many(changes).await?;
        }
        Ok(())
    }

    /// What is kept of a call goes some time after all that was said of it. Of one that its author has recalled nothing is left: it is over.
    async fn forget_calls(&self, snapshot: &Snapshot, all: &[Known]) -> Result<(), NodeError> {
        let now = self.clock.now();
        let posted: BTreeSet<[u8; 16]> =
            all.iter().filter(|one| one.posted).map(|one| super::shelf_id(&one.standing.author, &one.id())).collect();
        let mut changes = Vec::new();
        for (id, mut row) in Self::call_rows(snapshot)?.into_iter().filter(|(id, _)| !posted.contains(id)) {
            if now.since(row.at) > super::KEPT_MS {
                changes.push(Change::Keep { shelf: Shelf::Call, id, row: None });
            } else if let Some(answered) = row.answered.filter(|_| row.volunteered.is_some() && !row.ended) {
                (row.ended, row.at) = (true, now);
                let urgent = answered.priority != Priority::Normal;
                changes.push(self.notify(about_call(Event::CallEnded, answered, b"", urgent, Role::Handler, now)));
                changes.push(super::keep(&answered.author, &answered.call, Some(&row)));
            }
        }
        if !changes.is_empty() {
            self.commit_many(changes).await?;
        }
        Ok(())
    }
}

/// That something about a call waits; `about` tells what happens to it several times apart.
fn notice(event: Event, known: &Known, about: &[u8], urgent: bool, to: Role, at: Timestamp) -> Notice {
    about_call(event, known.answered(), about, urgent, to, at)
}

fn about_call(event: Event, Answered { author, call, priority }: Answered, about: &[u8], urgent: bool, to: Role, at: Timestamp) -> Notice {
    let cause = [author.0.as_slice(), &call.0, about].concat();
    Notice { referral: ShortId::of(&call.0), priority: Some(priority), urgent, ..Notice::new(event, &cause, to, at) }
}
