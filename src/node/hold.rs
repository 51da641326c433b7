//! What the gate let out is held for a while before anybody gets it: 30 seconds, or until a person says yes. Undone meanwhile, it was
//! never there: a hold stands in no log and no index.
//!
//! Lost when the process dies: nothing. A hold is durable before it is told of, and an import that did not end waits for a person.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::gate::volume::BY_HAND;
use super::position::foreseen;
use super::preview::{PREVIEW_MAX, record_view};
use super::referral::Permit;
use super::share::{Door, Remarks, in_order, said_of};
use super::view::{HoldView, PreviewRecord, PreviewView};
use super::{Node, NodeError};
use crate::link::convert::{decode_record, encode_record};
use crate::model::crypto::{random, sha256};
use crate::model::desk::SignedOrder;
use crate::model::referral::Words;
use crate::model::{AlertId, Label, Record, RecordId, RecordKind, ReferralId, ReleaseId, ShortId};
use crate::rules::desk::Deed;
use crate::rules::escalate::release_rung;
use crate::rules::gate::Origin;
use crate::rules::label::{Held, Withheld};
use crate::rules::notify::{Event, Notice};
use crate::rules::referral::Permission;
use crate::rules::release::{Codec, Encoded, Look, release_held};
use crate::store::change::{Change, Refused, ReleaseItem, ReleaseOutcome};
use crate::store::hold::{HeldItem, HoldRow, Second};
use crate::store::{CommitError, Snapshot};

/// What is held is looked at again at least so often (10 s, in milliseconds), so that a clock that was set makes it leave late by no more.
const LOOK_MS: u64 = 10_000;
/// What its audience may not have is asked for again so often (a minute, in milliseconds).
const KEPT_MS: u64 = 60_000;

/// What is done with what the gate let out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// It is only looked at.
    Dry,
    /// It is held for so long, in milliseconds, and for a person.
    For(u64),
    /// It is held for a person alone.
    Skipped,
}

impl Node {
    /// What a request asks for: a look, no hold, or the one that the settings say.
    pub(super) fn hold_of(&self, dry_run: bool, now: bool) -> Hold {
        match (dry_run, now, self.config.release.hold_s) {
            (true, ..) => Hold::Dry,
            (false, true, _) | (false, false, 0) => Hold::Skipped,
            (false, false, seconds) => Hold::For(seconds * 1_000),
        }
    }

    /// Whether a person has to say yes to a record before it leaves.
    pub(super) fn waits_for_a_person(item: &ReleaseItem) -> bool {
        !item.findings.asks.is_empty() || item.released.get().label.needs_two()
    }

    /// One change of holds at a time, behind what was asked for by callers that have gone: a row is read, changed and written whole.
    pub(super) async fn holds_in_turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        let turn = self.holding.lock().await;
        self.store.settled().await;
        turn
    }

    /// Lets go of what is due, until `stop` fires. On start it takes up what is there.
    pub async fn keep_letting_go(self: Arc<Self>, stop: CancellationToken) {
        let (mut held, mut peers) = (self.holds_changed.listen(), self.peer_changes());
        loop {
            // What the look takes is no time in which nothing becomes due.
            let looked = self.clock.monotonic_ms();
            let wait_ms = self.let_go_of_what_is_due().await.unwrap_or_else(|error| {
                tracing::warn!(code = error.code(), "what is held could not be let go");
                Some(LOOK_MS)
            });
            let sleep = async {
                match wait_ms {
                    Some(milliseconds) => self.clock.sleep_to(looked.saturating_add(milliseconds)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = held.rung() => {}
                () = peers.rung() => {}
                () = sleep => {}
            }
        }
    }

    /// Lets go of what is due. In how many milliseconds to look again; `None` when nothing is held that leaves by itself.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn let_go_of_what_is_due(&self) -> Result<Option<u64>, NodeError> {
        let mut wait_ms: Option<u64> = None;
        for (id, row) in self.store.snapshot()?.holds()? {
            if row.waits_for_a_person() {
                continue;
            }
            // One that cannot leave keeps no other back.
            let look_ms = self.let_go_if_due(&id, row).await.unwrap_or_else(|error| {
                tracing::warn!(release = %id, code = error.code(), "what is held could not be let go");
                Some(LOOK_MS)
            });
            wait_ms = wait_ms.into_iter().chain(look_ms).min();
        }
        Ok(wait_ms)
    }

    /// Leads are told of what waits here for a person's word or signature, then the director, and again until somebody comes: nobody at the other side
    /// can know that something is to come.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn remind_of_holds(&self) -> Result<(), NodeError> {
        let (snapshot, now, mut changes) = (self.store.snapshot()?, self.clock.now(), Vec::new());
        for (id, row) in snapshot.holds()?.into_iter().filter(|(_, row)| row.waits_for_a_person() && !row.filling) {
            let case = row.referral.map(|referral| self.case_of(&snapshot, &referral)).transpose()?.flatten();
            let priority = case.and_then(|(_, case)| case.offer).map(|offer| offer.priority);
            let Some((rung, act)) = release_rung(priority, now.since(row.made)) else { continue };
            let cause = [&id.0[..], &rung.to_be_bytes()].concat();
            let notice = Notice::new(Event::ReleaseWaits, &cause, act.tells(), now);
            let notice = Notice { referral: Some(ShortId(id.0)), priority, rung: u8::try_from(rung).ok(), ..notice };
            let is_heard = self.channels.iter().any(|channel| channel.takes(&notice));
            if is_heard && snapshot.notice(&notice.id)?.is_none() {
                tracing::info!(release = %id, rung, "a release waits for a person");
                changes.push(self.notify(notice));
            }
        }
        if !changes.is_empty() {
            self.commit_many(changes).await?;
        }
        Ok(())
    }

    async fn let_go_if_due(&self, id: &ReleaseId, row: HoldRow) -> Result<Option<u64>, NodeError> {
        let referral = row.referral;
        match self.due_in(id, row).await? {
            0 => {
                let look_ms = self.let_go(id).await?;
                // From here on somebody waits for the other side.
                if let (None, Some(referral)) = (look_ms, referral) {
                    self.has_moved(&referral).await;
                    // Of a call that it answers, the others are told now.
                    self.tend_calls_or_later().await;
                }
                Ok(look_ms)
            }
            left => Ok(Some(left.min(LOOK_MS))),
        }
    }

    /// How long until a hold is due, in milliseconds. A clock that went back must not hold it for longer than it was to be.
    async fn due_in(&self, id: &ReleaseId, row: HoldRow) -> Result<u64, NodeError> {
        let (now, hold_ms) = (self.clock.now(), self.config.release.hold_s * 1_000);
        let left = row.due.map_or(0, |due| due.since(now));
        if left <= hold_ms {
            return Ok(left);
        }
        let _one_at_a_time = self.holds_in_turn().await;
        self.change_hold(id, |row| row.due = Some(now.plus(hold_ms))).await?;
        Ok(hold_ms)
    }

    /// A hold that is due leaves, part by part. In how many milliseconds to look at it again; `None` when it is gone.
    async fn let_go(&self, id: &ReleaseId) -> Result<Option<u64>, NodeError> {
        loop {
            // For each part anew, so that an undo comes between two of them.
            let _one_at_a_time = self.holds_in_turn().await;
            let snapshot = self.store.snapshot()?;
            let Some(row) = snapshot.hold(id)? else { return Ok(None) };
            let due = row.due.is_some_and(|due| due <= self.clock.now());
            let Some(part) = row.parts.keys().next().copied().filter(|_| due && !row.waits_for_a_person()) else {
                return Ok(Some(LOOK_MS));
            };
            // After a restore it may have left already, and have been recalled since.
            if self.holds_back(&snapshot)? {
                return Ok(Some(KEPT_MS));
            }
            if !self.both_words_count(id, &row).await? {
                return Ok(Some(KEPT_MS));
            }
            let door = self.door(row.audience)?;
            let permit = row.referral.map(|referral| self.permit(&snapshot, &referral)).transpose()?;
            let permission = permit.as_ref().and_then(Permit::permission);
            let items = match passed_again(&door, permission, snapshot.held(id, part)?) {
                Ok(items) => items,
                Err(reason) => {
                    self.keep_back(id, &row, &reason).await?;
                    return Ok(Some(KEPT_MS));
                }
            };
            drop(snapshot);
            let mut remarks = Remarks::of(&door, *id, row.now);
            remarks.particulars.whole = Some(row.digest);
            remarks.particulars.by = row.by.clone().or_else(|| row.from.clone());
            remarks.particulars.approved_by = row.second.approval.as_ref().map(|signed| signed.approval.by.short());
            match self.queue_held(row.audience, items.clone(), &remarks, Change::LetGo { id: *id, part }).await? {
                Ok(()) => {}
                Err(Refused::OtherBytes) => return self.hold_anew(id, part, items).await,
                Err(Refused::ReferralMoved) => {
                    self.keep_back(id, &row, &Withheld::Changed).await?;
                    return Ok(Some(KEPT_MS));
                }
                Err(_) => return Ok(None),
            }
        }
    }

    /// Its audience may not have it now: it stays, and says why.
    async fn keep_back(&self, id: &ReleaseId, row: &HoldRow, reason: &Withheld) -> Result<(), NodeError> {
        let reason = reason.to_string();
        if row.reason.as_ref() != Some(&reason) {
            tracing::warn!(release = %id, "what is held may not leave; `watchfire holds` says why");
            self.change_hold(id, |row| row.reason = Some(reason)).await?;
        }
        Ok(())
    }

    /// What is held is not what would leave any more: some of it was said or recalled since. It is held anew without that.
    async fn hold_anew(&self, id: &ReleaseId, part: u32, items: Vec<ReleaseItem>) -> Result<Option<u64>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let Some(mut row) = snapshot.hold(id)? else { return Ok(None) };
        let (all, mut said) = (items.len(), Said::default());
        let mut kept = Vec::with_capacity(all);
        for item in items {
            if said.next(&snapshot, &item)?.is_queued() {
                kept.push(item);
            }
        }
        drop(snapshot);
        row.put_part(part, &kept);
        let hold_ms = if row.now { 0 } else { self.config.release.hold_s * 1_000 };
        row.due = Some(self.clock.now().plus(hold_ms));
        (row.second.released, row.second.approval, row.by) = (None, None, None);
        let gone = all - kept.len();
        row.reason = Some(format!("made anew: {gone} of its records had been shared or recalled since, so its digest is another"));
        tracing::info!(release = %id, gone, "a release was made anew without what was shared or recalled since");
        let is_left = !row.parts.is_empty();
        self.commit(Change::Hold { id: *id, row: Box::new(row), part: Some((part, kept)), new: false }).await?;
        Ok(is_left.then_some(hold_ms.min(LOOK_MS)))
    }

    /// Changes a hold's row; for whoever holds the lock on holds.
    pub(super) async fn change_hold(&self, id: &ReleaseId, change: impl FnOnce(&mut HoldRow)) -> Result<HoldRow, NodeError> {
        self.change_hold_with(id, change, None).await
    }

    /// The same, and what is made with it: both or neither.
    async fn change_hold_with(
        &self,
        id: &ReleaseId,
        change: impl FnOnce(&mut HoldRow),
        beside: Option<Change>,
    ) -> Result<HoldRow, NodeError> {
        let row = self.store.snapshot()?.hold(id)?;
        let mut row = row.ok_or_else(|| NodeError::NotHeld(id.to_string()))?;
        change(&mut row);
        let changed = Change::Hold { id: *id, row: Box::new(row.clone()), part: None, new: false };
        self.commit_many(std::iter::once(changed).chain(beside).collect()).await?;
        self.holds_changed.ring();
        Ok(row)
    }

    /// Undoes a release that is held: nobody ever gets any of it.
    ///
    /// # Errors
    /// When nothing is held under that id: it was undone, or it has left; when it was said in a referral or is an alert, and nobody who may ordered it.
    pub async fn undo(&self, id: &str, order: Option<&SignedOrder>) -> Result<HoldView, NodeError> {
        let (id, deed) = self.held_by_order("undo", id, order).await?;
        // A case is changed with it, so it is a referral's turn first.
        let _turn = self.referral_turn().await;
        let _one_at_a_time = self.holds_in_turn().await;
        let snapshot = self.store.snapshot()?;
        let row = snapshot.hold(&id)?.ok_or_else(|| NodeError::NotHeld(id.to_string()))?;
        let view = self.hold_view(&snapshot, Some(id), &row)?;
        drop(snapshot);
        self.commit_many(self.without_held(&id, &row)?.into_iter().chain(deed).collect()).await?;
        self.holds_changed.ring();
        Ok(view)
    }

    /// A release that is held, and the change that writes down who orders what is done with it, where it was said in a referral or is an alert: that takes
    /// an order as saying it did.
    async fn held_by_order(&self, name: &str, about: &str, order: Option<&SignedOrder>) -> Result<(ReleaseId, Option<Change>), NodeError> {
        let (id, snapshot) = (held_id(about)?, self.store.snapshot()?);
        let row = snapshot.hold(&id)?.ok_or_else(|| NodeError::NotHeld(id.to_string()))?;
        let (subject, deed) = match (row.referral, held_alert(&snapshot, &id, &row)?) {
            (Some(referral), _) => (referral, Deed::Refer),
            (None, Some(alert)) => (ReferralId(alert.0), Deed::Alert),
            (None, None) => return Ok((id, None)),
        };
        let by = self.ordered(name, about, &(), order, deed).await?;
        Ok((id, Some(self.deed(by, name, &subject, 0))))
    }

    /// A person says yes to what the gate asked, to an import that did not end, or to what a backup held. Its time begins then, so that there is time to undo it.
    ///
    /// # Errors
    /// When nothing is held under that id, or its import is still being read; when it was said in a referral or is an alert, and nobody who may ordered it.
    pub async fn release_hold(&self, id: &str, order: Option<&SignedOrder>) -> Result<HoldView, NodeError> {
        let (id, deed) = self.held_by_order("release", id, order).await?;
        if self.memory().filling.contains(&id) {
            return Err(NodeError::Conflict(format!("the import of `{id}` is still being read\nhint: wait until it has ended")));
        }
        let (now, hold_ms) = (self.clock.now(), self.config.release.hold_s * 1_000);
        let _one_at_a_time = self.holds_in_turn().await;
        let mut asked = false;
        let yes = |row: &mut HoldRow| {
            asked = !std::mem::replace(&mut row.confirmed, true) && !row.asks.is_empty();
            // However long it waited for the yes: there is time to undo it.
            if asked && !row.now {
                row.due = Some(now.plus(hold_ms));
            }
            if std::mem::take(&mut row.filling) || std::mem::take(&mut row.restored) {
                row.restored = false;
                row.due = Some(now.plus(hold_ms));
            }
        };
        let row = self.change_hold_with(&id, yes, deed).await?;
        if asked {
            self.sent(row.audience, &row.source, row.count(), true)?;
        }
        self.hold_view(&self.store.snapshot()?, Some(id), &row)
    }

    /// The hold that a record of ours is in that nobody has yet, by its id or value.
    pub(super) fn holding_record(&self, record: &RecordId) -> Result<Option<ReleaseId>, NodeError> {
        let snapshot = self.store.snapshot()?;
        for (id, row) in snapshot.holds()? {
            for part in row.parts.keys() {
                if snapshot.held(&id, *part)?.iter().any(|item| item.record == Some(*record)) {
                    return Ok(Some(id));
                }
            }
        }
        Ok(None)
    }

    /// Takes one record out of what a producer said and nobody has yet. Whether any was.
    ///
    /// # Errors
    /// When the rest of such a hold may not leave any more, or the store takes no changes.
    pub(super) async fn unhold_record(&self, record: &RecordId, producer: &str) -> Result<bool, NodeError> {
        let _one_at_a_time = self.holds_in_turn().await;
        let snapshot = self.store.snapshot()?;
        let is_it = |item: &HeldItem| item.record.as_ref() == Some(record);
        let mut changes = Vec::new();
        for (id, mut row) in snapshot.holds()?.into_iter().filter(|(_, row)| row.from.as_deref() == Some(producer)) {
            for part in row.parts.keys().copied().collect::<Vec<_>>() {
                let (gone, rest): (Vec<_>, Vec<_>) = snapshot.held(&id, part)?.into_iter().partition(is_it);
                if gone.is_empty() {
                    continue;
                }
                let rest = passed_again(&self.door(row.audience)?, None, rest)?;
                row.put_part(part, &rest);
                // Its digest is another now, which nobody has signed.
                (row.second.released, row.second.approval, row.by) = (None, None, None);
                changes.push(Change::Hold { id, row: Box::new(row.clone()), part: Some((part, rest)), new: false });
            }
        }
        let was_held = !changes.is_empty();
        if was_held {
            self.commit_many(changes).await?;
            self.holds_changed.ring();
        }
        Ok(was_held)
    }

    /// After a restore: what a backup held may have been undone since it was made, so it waits for a person.
    pub(super) fn wait_for_a_person(snapshot: &Snapshot) -> Result<Vec<Change>, NodeError> {
        let restored = |(id, row): (ReleaseId, HoldRow)| {
            // Nobody's word from before counts: it may have been taken back.
            let second = Second { needed: row.second.needed, ..Second::default() };
            let row = Box::new(HoldRow { restored: true, confirmed: false, by: None, second, ..row });
            Change::Hold { id, row, part: None, new: false }
        };
        Ok(snapshot.holds()?.into_iter().map(restored).collect())
    }
}

/// The id of a hold.
pub(super) fn held_id(text: &str) -> Result<ReleaseId, NodeError> {
    text.parse().map_err(|_| NodeError::NotHeld(text.to_owned()))
}

/// The alert that a release is, where it is one.
fn held_alert(snapshot: &Snapshot, id: &ReleaseId, row: &HoldRow) -> Result<Option<AlertId>, NodeError> {
    let alert = RecordKind::Alert.number();
    for (part, _) in row.parts.iter().filter(|(_, lines)| lines.iter().any(|line| line.kind == alert)) {
        for HeldItem { encoded: Held(Encoded { kind, body, .. }), .. } in snapshot.held(id, *part)? {
            if kind == alert {
                // One that cannot be read is ordered all the same.
                return Ok(Some(match decode_record(RecordKind::Alert, &body) {
                    Ok(Record::Alert(alert)) => alert.id,
                    _ => AlertId([0; 16]),
                }));
            }
        }
    }
    Ok(None)
}

/// What a release says that is a message about a referral, read from the very bytes.
pub(super) fn held_words(snapshot: &Snapshot, id: &ReleaseId) -> Result<Option<Words>, NodeError> {
    let Some(row) = snapshot.hold(id)? else { return Ok(None) };
    for part in row.parts.keys() {
        for HeldItem { encoded: Held(Encoded { kind, body, .. }), .. } in snapshot.held(id, *part)? {
            let kind = RecordKind::from_number(kind);
            if let Some(Record::Referral(message)) = kind.and_then(|kind| decode_record(kind, &body).ok()) {
                return Ok(Some(message.words));
            }
        }
    }
    Ok(None)
}

/// The gate decides anew, about what was held.
fn passed_again(door: &Door, permission: Option<Permission<'_>>, held: Vec<HeldItem>) -> Result<Vec<ReleaseItem>, Withheld> {
    let codec = Codec { read: |kind, body| decode_record(kind, body).ok(), write: encode_record };
    let pass = |HeldItem { record, inside, encoded, findings }: HeldItem| {
        let look = Look { gate: &door.gate, inside: &inside, origin: Origin::Ours, permission };
        let released = release_held(encoded, codec, door.state(), &door.us, door.now, look)?;
        let Encoded { kind, body, .. } = released.get();
        let said = RecordKind::from_number(*kind).and_then(|kind| said_of(&decode_record(kind, body).ok()?));
        Ok(ReleaseItem { record, inside, released, findings, said })
    };
    held.into_iter().map(pass).collect()
}

/// What a request has said so far, so that it can be told what will become of what it says next, as the store will tell.
#[derive(Debug, Default)]
struct Said(BTreeMap<RecordId, (Label, [u8; 16])>);

impl Said {
    /// What will become of an item. From here on it counts as said.
    fn next(&mut self, snapshot: &Snapshot, item: &ReleaseItem) -> Result<ReleaseOutcome, NodeError> {
        let Encoded { audience, label, body, .. } = item.released.get();
        let Some(record) = item.record else { return Ok(ReleaseOutcome::NEWS) };
        let mut content = [0; 16];
        content.copy_from_slice(&sha256(&[body])[..16]);
        let outcome = match self.0.get(&record) {
            Some(last) if *last == (*label, content) => ReleaseOutcome::Duplicate,
            Some((before, _)) => ReleaseOutcome::Queued { before: Some(*before).filter(|before| before != label) },
            None => foreseen(snapshot, audience, item)?,
        };
        if outcome.is_queued() {
            self.0.insert(record, (*label, content));
        }
        Ok(outcome)
    }
}

/// A release that is put together, part by part: held, or only looked at.
pub(super) struct Filling {
    id: ReleaseId,
    row: HoldRow,
    hold: Hold,
    part: u32,
    said: Said,
    /// Of a preview: the first records.
    shown: Vec<PreviewRecord>,
    /// Told to whoever asks whether its import still runs.
    _under_way: Option<UnderWay>,
}

/// An import is under way; not any more when it is dropped.
struct UnderWay {
    node: Arc<Node>,
    id: ReleaseId,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.node.memory().filling.remove(&self.id);
    }
}

impl Filling {
    /// Of one part, complete with it.
    pub(super) fn whole(node: &Node, door: &Door, hold: Hold) -> Self {
        let mut filling = Self::new(node, door, hold, None, BY_HAND);
        filling.complete(node);
        filling
    }

    /// Of one message about a referral, which that desk user says.
    pub(super) fn of_referral(node: &Node, door: &Door, hold: Hold, referral: ReferralId, by: Option<String>) -> Self {
        let mut filling = Self::whole(node, door, hold);
        (filling.row.referral, filling.row.by) = (Some(referral), by);
        filling
    }

    /// Of as many parts as an import has.
    pub(super) fn of_import(node: &Arc<Node>, door: &Door, hold: Hold, source: &str) -> Self {
        Self::new(node, door, hold, Some(node.clone()), source)
    }

    /// The same, of what a producer says.
    pub(super) fn said_by(mut self, producer: Option<String>) -> Self {
        self.row.from = producer;
        self
    }

    fn new(node: &Node, door: &Door, hold: Hold, import: Option<Arc<Node>>, source: &str) -> Self {
        let id = ReleaseId(random());
        let mut row = HoldRow::new(door.audience, node.clock.now());
        row.now = hold == Hold::Skipped;
        source.clone_into(&mut row.source);
        let under_way = import.filter(|_| hold != Hold::Dry).map(|node| {
            node.memory().filling.insert(id);
            UnderWay { node, id }
        });
        Self { id, row, hold, part: 0, said: Said::default(), shown: Vec::new(), _under_way: under_way }
    }

    fn complete(&mut self, node: &Node) {
        let hold_ms = if let Hold::For(milliseconds) = self.hold { milliseconds } else { 0 };
        self.row.filling = false;
        self.row.due = Some(node.clock.now().plus(hold_ms));
    }

    /// Takes the next part in. What will become of each of its items.
    pub(super) async fn add(&mut self, node: &Node, items: Vec<ReleaseItem>) -> Result<Vec<ReleaseOutcome>, NodeError> {
        let (items, places) = in_order(items);
        let mut outcomes = vec![ReleaseOutcome::NEWS; items.len()];
        let mut kept = Vec::with_capacity(items.len());
        let snapshot = node.store.snapshot()?;
        for (item, place) in items.into_iter().zip(places) {
            outcomes[place] = self.said.next(&snapshot, &item)?;
            if outcomes[place].is_queued() {
                kept.push(item);
            }
        }
        drop(snapshot);
        if kept.is_empty() {
            return Ok(outcomes);
        }
        self.row.note(kept.iter().map(|item| &item.findings));
        self.row.put_part(self.part, &kept);
        self.row.second.needed |= kept.iter().any(|item| item.released.get().label.needs_two());
        match self.hold {
            Hold::Dry => {
                let room = PREVIEW_MAX.saturating_sub(self.shown.len());
                self.shown.extend(kept.iter().take(room).map(|item| record_view(item.released.get(), &item.findings)));
            }
            Hold::For(_) | Hold::Skipped => self.keep(node, Some((self.part, kept))).await?,
        }
        self.part += 1;
        Ok(outcomes)
    }

    async fn keep(&self, node: &Node, part: Option<(u32, Vec<ReleaseItem>)>) -> Result<(), NodeError> {
        let change = Change::Hold { id: self.id, row: Box::new(self.row.clone()), part, new: self.part == 0 };
        match node.store.commit(change).await {
            Ok(_) => {
                node.holds_changed.ring();
                Ok(())
            }
            Err(CommitError::Refused(Refused::NotHeld)) => {
                let text = format!(
                    "`{}` was undone while it was read, so nothing of it leaves\nhint: import it again, where that was a mistake",
                    self.id
                );
                Err(NodeError::Conflict(text))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// No more parts come: from here on its time runs. What is held, or would be; `None` where there is nothing.
    pub(super) async fn finish(mut self, node: &Node, is_whole: bool) -> Result<Option<PreviewView>, NodeError> {
        if self.part == 0 {
            return Ok(None);
        }
        let is_dry = self.hold == Hold::Dry;
        if self.row.filling && (is_whole || is_dry) {
            self.complete(node);
            if !is_dry {
                self.keep(node, None).await?;
            }
        }
        let hold = node.hold_view(&node.store.snapshot()?, (!is_dry).then_some(self.id), &self.row)?;
        let more = hold.count - self.shown.len() as u64;
        Ok(Some(PreviewView { hold, records: self.shown, more }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::model::Tlp;
    use crate::model::desk::{Approval, Release, SignedApproval, SignedRelease};
    use crate::model::{Indicator, Observable, Record, Timestamp};
    use crate::node::view::{HoldState, PeerOptions, ShareReport};
    use crate::rules::lists::Severity;
    use crate::rules::release::{Draft, Replaced};

    const START: Timestamp = Timestamp(1_800_000_000_000);
    const HOLD: u64 = 30_000;

    /// A node with one peer, which it never reaches: what leaves waits for its position.
    struct Home {
        _directory: tempfile::TempDir,
        clock: Clock,
        node: Arc<Node>,
    }

    impl Home {
        async fn new() -> Self {
            let (directory, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
            let open = |name: &str| {
                let data = directory.path().join(name);
                Node::init(&data, &[format!("{name}.example:7443")], &clock).unwrap();
                let mut config = Config::default();
                config.gate.reserved = Severity::Warn;
                let leads = "name = 'leads'\nkind = 'command'\nprogram = '/bin/true'\nroles = ['lead']";
                config.notify.channel.push(toml::from_str(leads).unwrap());
                Node::open_with(&data, config, clock.clone()).unwrap()
            };
            let (node, peer) = (open("amal"), open("borealis"));
            node.peer_add(&peer.card().unwrap(), "borealis", PeerOptions::default()).await.unwrap();
            Self { _directory: directory, clock, node }
        }

        fn door(&self) -> Door {
            self.node.door(self.node.audience("borealis").unwrap()).unwrap()
        }

        /// An indicator as the gate lets it out, with a question where one is given.
        fn item(&self, value: &str, asks: Option<&str>) -> ReleaseItem {
            let (door, record) = (self.door(), Record::Indicator(Indicator::bare(Observable::guess(value).unwrap())));
            let draft = Draft { record, label: Tlp::Amber.into(), audience: door.audience, retention: Timestamp(0) };
            let mut item = self.node.pass_gate(&door, draft).unwrap();
            item.findings.asks.extend(asks.map(str::to_owned));
            item.findings.replaced.push(Replaced { field: "note".into(), kind: "email".into(), count: 2 });
            item
        }

        async fn share(&self, items: Vec<ReleaseItem>, hold: Hold) -> ShareReport {
            let mut report = ShareReport::default();
            self.node.hold_or_queue(&self.door(), items, hold, &mut report).await.unwrap();
            report
        }

        fn left(&self) -> Vec<String> {
            let snapshot = self.node.store.snapshot().unwrap();
            let audience = self.door().audience;
            let waiting = snapshot.waiting(&audience, 100, 1 << 20).unwrap();
            let value = |body: &[u8]| match decode(body) {
                Record::Indicator(indicator) => indicator.observable.value().to_owned(),
                other => panic!("{other:?}"),
            };
            let bodies = waiting.iter().map(|one| match &one.entry.body {
                crate::model::log::Body::Present(body) => value(body),
                other => panic!("{other:?}"),
            });
            bodies.collect()
        }

        async fn look(&self) -> Option<u64> {
            self.node.let_go_of_what_is_due().await.unwrap()
        }

        fn state(&self, id: &ReleaseId) -> HoldState {
            self.node.holds().unwrap().into_iter().find(|hold| hold.id == Some(*id)).unwrap().state
        }
    }

    fn decode(body: &[u8]) -> Record {
        crate::link::convert::decode_record(crate::model::RecordKind::Indicator, body).unwrap()
    }

    #[tokio::test]
    async fn what_asks_waits_for_a_person_and_delays_nothing_else() {
        let home = Home::new().await;
        let items = || vec![home.item("plain.example.org", None), home.item("docs.example.org", Some("it is well known"))];
        let held = home.share(items(), Hold::For(HOLD)).await.held;
        let [plain, asks] = [held[0].id.unwrap(), held[1].id.unwrap()];
        assert_eq!((home.state(&plain), home.state(&asks)), (HoldState::Held, HoldState::Asks));
        assert_eq!(held[1].asks, BTreeMap::from([("it is well known".into(), 1)]));
        assert_eq!(home.look().await, Some(LOOK_MS));
        home.clock.advance(HOLD);
        assert_eq!(home.look().await, None, "a person is not waited for by looking");
        assert_eq!(home.left(), ["plain.example.org"]);
        home.node.release_hold(&asks.to_string(), None).await.unwrap();
        home.look().await;
        assert_eq!(home.left(), ["plain.example.org"], "after the yes there is time to undo it");
        home.clock.advance(HOLD);
        home.look().await;
        assert_eq!(home.left(), ["plain.example.org", "docs.example.org"]);
        let line = home.node.disclosures(Default::default()).unwrap().pop().unwrap();
        assert_eq!((line.release, line.replaced), (Some(asks), BTreeMap::from([("email".into(), 2)])));
    }

    #[tokio::test]
    async fn leads_are_told_of_what_waits_for_a_person_once_for_each_rung_until_somebody_comes() {
        let home = Home::new().await;
        let told = || home.node.store.snapshot().unwrap().deliveries(None).unwrap().len();
        let items = vec![home.item("plain.example.org", None), home.item("docs.example.org", Some("it is well known"))];
        let held = home.share(items, Hold::For(24 * 3_600_000)).await.held;
        let after = async |minutes: u64| {
            home.clock.advance(minutes * 60_000);
            home.node.remind_of_holds().await.unwrap();
            home.node.remind_of_holds().await.unwrap();
            told()
        };
        assert_eq!(after(9).await, 0, "whoever shares it has a while to say yes");
        assert_eq!(after(1).await, 1, "and what leaves by itself is nobody's to look at");
        assert_eq!(after(60).await, 1);
        assert_eq!(after(24 * 60).await, 2);
        home.node.release_hold(&held[1].id.unwrap().to_string(), None).await.unwrap();
        assert_eq!(after(24 * 60).await, 2, "somebody came");
    }

    #[tokio::test]
    async fn skipping_the_hold_skips_no_question_and_a_yes_skips_no_hold() {
        let home = Home::new().await;
        let items = vec![home.item("plain.example.org", None), home.item("docs.example.org", Some("it is well known"))];
        let held = home.share(items, Hold::Skipped).await.held;
        home.look().await;
        assert_eq!((home.left(), held.len()), (vec!["plain.example.org".into()], 1));
        home.node.release_hold(&held[0].id.unwrap().to_string(), None).await.unwrap();
        home.look().await;
        assert_eq!(home.left().len(), 2, "at once: its time was skipped");
        assert!(home.node.disclosures(Default::default()).unwrap().iter().all(|line| line.now));
        let items = vec![home.item("pages.example.org", Some("it is shared"))];
        let id = home.share(items, Hold::For(HOLD)).await.held[0].id.unwrap();
        home.node.release_hold(&id.to_string(), None).await.unwrap();
        home.clock.advance(HOLD - 1);
        home.look().await;
        assert_eq!((home.left().len(), home.state(&id)), (2, HoldState::Held));
        home.clock.advance(1);
        home.look().await;
        assert_eq!(home.left().len(), 3);
    }

    #[tokio::test]
    async fn what_a_second_person_has_to_approve_waits_for_that_person() {
        let home = Home::new().await;
        let id = home.share(vec![home.item("red.example.org", None)], Hold::For(HOLD)).await.held[0].id.unwrap();
        home.node.change_hold(&id, |row| row.second.needed = true).await.unwrap();
        home.clock.advance(HOLD);
        home.node.release_hold(&id.to_string(), None).await.unwrap();
        home.look().await;
        assert_eq!((home.left().len(), home.state(&id)), (0, HoldState::Signature));
        // Written there by other means, it is checked all the same.
        let terms = home.node.hold_terms(&id.to_string()).unwrap().terms;
        let (by, at) = (crate::model::UserKey([1; 32]), START);
        let released = SignedRelease { release: Release { terms, by, at }, signature: [1; 64] };
        let approval = Approval::of(&released, &home.node.org(), by, at);
        let forged = Second { needed: true, released: Some(released), approval: Some(SignedApproval { approval, signature: [1; 64] }) };
        home.node.change_hold(&id, |row| row.second = forged).await.unwrap();
        home.look().await;
        assert_eq!((home.left().len(), home.state(&id)), (0, HoldState::Signature));
        let reason = home.node.holds().unwrap().remove(0).reason.unwrap();
        assert_eq!(reason, crate::rules::desk::Denied::BadSignature.to_string());
        assert!(Label::from(Tlp::Red).needs_two() && !Label::from(Tlp::AmberStrict).needs_two());
    }

    #[tokio::test]
    async fn what_is_held_past_its_retention_date_is_dropped() {
        let home = Home::new().await;
        let drafted = |value: &str, retention: u64| {
            let (door, record) = (home.door(), Record::Indicator(Indicator::bare(Observable::guess(value).unwrap())));
            let draft = Draft { record, label: Tlp::Amber.into(), audience: door.audience, retention: START.plus(retention) };
            let mut item = home.node.pass_gate(&door, draft).unwrap();
            item.findings.asks.push("it is well known".into());
            item
        };
        home.share(vec![drafted("short.example.org", 1_000)], Hold::For(HOLD)).await;
        let id = home.share(vec![drafted("long.example.org", 9_000)], Hold::For(HOLD)).await.held[0].id;
        home.clock.advance(1_000);
        assert_eq!(home.node.destroy_expired(true).await.unwrap(), 1);
        assert_eq!(home.node.holds().unwrap().iter().map(|hold| hold.id).collect::<Vec<_>>(), [id]);
    }

    #[tokio::test]
    async fn a_policy_is_checked_against_what_is_held() {
        let home = Home::new().await;
        let id = home.share(vec![home.item("one.example.org", None)], Hold::For(HOLD)).await.held[0].id;
        let check = home.node.check_policy("[peers.borealis]\ntlp_max = \"green\"\n").unwrap();
        let change = &check.changes[0];
        assert_eq!((check.records, check.changes.len()), (1, 1));
        assert_eq!((change.release, change.allowed, change.count, change.reader.as_str()), (id, false, 1, "borealis"));
        home.node.peer_suspend("borealis").await.unwrap();
        assert_eq!(home.node.check_policy("").unwrap().records, 0, "a suspended peer gets nothing whatever the policy is");
        let said = home.node.check_policy("[peers.borealis]\ntlp_mox = 1\n").unwrap_err().to_string();
        let expected = "policy, line 2: unknown field `tlp_mox`, expected one of `tlp_max`, `class_max`, `pap_max`, `nda`, `until`";
        assert_eq!(said, format!("{expected}\nhint: `watchfire policy --help` shows one"));
    }

    #[tokio::test]
    async fn an_import_that_did_not_end_waits_for_a_person() {
        let home = Home::new().await;
        let mut filling = Filling::of_import(&home.node, &home.door(), Hold::For(HOLD), "by hand");
        filling.add(&home.node, vec![home.item("one.example.org", None)]).await.unwrap();
        filling.add(&home.node, vec![home.item("two.example.org", None)]).await.unwrap();
        let id = filling.id;
        assert_eq!(home.state(&id), HoldState::Filling);
        let early = home.node.release_hold(&id.to_string(), None).await.unwrap_err().to_string();
        assert_eq!(early, format!("the import of `{id}` is still being read\nhint: wait until it has ended"));
        drop(filling);
        home.clock.advance(HOLD);
        home.look().await;
        assert_eq!((home.state(&id), home.left().len()), (HoldState::Unfinished, 0));
        let view = home.node.release_hold(&id.to_string(), None).await.unwrap();
        assert_eq!((view.state, view.count, view.due), (HoldState::Held, 2, Some(START.plus(2 * HOLD))));
        home.clock.advance(HOLD);
        home.look().await;
        assert_eq!(home.left(), ["one.example.org", "two.example.org"]);
    }

    #[tokio::test]
    async fn an_import_that_is_undone_while_it_is_read_ends_and_says_so() {
        let home = Home::new().await;
        let mut filling = Filling::of_import(&home.node, &home.door(), Hold::For(HOLD), "by hand");
        filling.add(&home.node, vec![home.item("one.example.org", None)]).await.unwrap();
        let id = filling.id;
        home.node.undo(&id.to_string(), None).await.unwrap();
        let said = filling.add(&home.node, vec![home.item("two.example.org", None)]).await.unwrap_err().to_string();
        let expected =
            format!("`{id}` was undone while it was read, so nothing of it leaves\nhint: import it again, where that was a mistake");
        assert_eq!(said, expected);
        assert!(home.node.holds().unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_is_told_of_a_release_is_what_becomes_of_it() {
        let home = Home::new().await;
        let values = ["a.example.org", "b.example.org", "a.example.org"];
        let items = || values.iter().map(|value| home.item(value, None)).collect::<Vec<_>>();
        let mut report = ShareReport::default();
        let foreseen = home.node.hold_or_queue(&home.door(), items(), Hold::Dry, &mut report).await.unwrap();
        assert_eq!(home.node.hold_or_queue(&home.door(), items(), Hold::Skipped, &mut report).await.unwrap(), foreseen);
        assert_eq!(foreseen, [ReleaseOutcome::NEWS, ReleaseOutcome::NEWS, ReleaseOutcome::Duplicate]);
        let again = home.node.hold_or_queue(&home.door(), items(), Hold::Dry, &mut report).await.unwrap();
        assert_eq!((again, report.preview.len()), (vec![ReleaseOutcome::Duplicate; 3], 1));
    }
}
