//! One message of ours: written behind what we have seen, through the gate, held or durable.

use super::super::hold::{Filling, Hold};
use super::super::share::Remarks;
use super::super::view::HoldView;
use super::super::{Node, NodeError};
use super::deed::By;
use crate::link::convert::decode_record;
use crate::model::log::Audience;
use crate::model::referral::{Message, Words};
use crate::model::{Label, Record, RecordKind, ReferralId, ReleaseId, Timestamp, Tlp};
use crate::rules::gate::Origin;
use crate::rules::referral::{Illegal, Move, Side, Step, moves};
use crate::rules::release::{Draft, Findings};
use crate::store::change::{Change, ReleaseItem};
use crate::store::{Conversation, MessageRow, Snapshot};

/// Where the date of a referral is nearer than that (an hour, in milliseconds), or has passed, what we still say is kept for a while of its own.
const NEARLY_MS: u64 = 3_600_000;
/// Namely for so long (7 days, in milliseconds).
const READ_MS: u64 = 7 * 86_400_000;

/// What became of a message of ours.
#[derive(Debug, Clone)]
pub(super) struct Written {
    /// Where it waits; `None` where it has left.
    pub(super) held: Option<HoldView>,
    /// What the gate found in it.
    pub(super) findings: Findings,
    /// What would leave, where nothing does.
    pub(super) would_leave: Option<Words>,
}

/// A message that passed the gate.
pub(super) struct Passed {
    pub(super) audience: Audience,
    pub(super) item: ReleaseItem,
    pub(super) remarks: Remarks,
}

impl Node {
    /// What a message says, while its body is here.
    pub(super) fn words(&self, snapshot: &Snapshot, message: &MessageRow) -> Result<Option<Words>, NodeError> {
        let Some(body) = snapshot.message_body(message)? else { return Ok(None) };
        let kinds = [RecordKind::Referral, RecordKind::ReferralStep];
        match kinds.into_iter().find_map(|kind| decode_record(kind, &body).ok()) {
            Some(Record::Referral(message)) => Ok(Some(message.words)),
            // A newer program finds nothing in it that it may say.
            _ if message.step == Step::Newer => Ok(Some(Words::Newer)),
            _ => Err(NodeError::StoreDamaged("a message about a referral cannot be read".into())),
        }
    }

    /// The next message of ours in a conversation, as the gate lets it out.
    pub(super) fn next_message(&self, snapshot: &Snapshot, conversation: &Conversation, words: Words) -> Result<Passed, NodeError> {
        let Conversation { id, row, standing, .. } = conversation;
        let may = standing.may(row.side, Step::from(&words));
        // What was withdrawn before it left: nobody is to hear of it.
        let may = may.and(if self.is_called_off(conversation) { Err(Illegal::Withdrawn) } else { Ok(()) });
        may.map_err(NodeError::Referral)?;
        let seen = standing.judged(row.side.other());
        let heard = match seen.checked_sub(1).and_then(|place| conversation.of(row.side.other()).get(usize::try_from(place).ok()?)) {
            Some(last) => last.heard,
            None => [0; 32],
        };
        let number = conversation.of(row.side).len() as u64 + 1;
        let permit = self.permit(snapshot, id)?;
        // What says nothing of the case is no more than that there is one.
        let came_as = (row.side == Side::Receiver).then_some(row.label);
        let label = permit.label().or(came_as).filter(|_| words.has_content());
        let message = Message { referral: *id, number, seen, heard, vocabulary: self.vocabularies.version(), words };
        let audience = Audience::Direct(row.peer);
        // What says nothing of the case stays; what does goes with the rest of it, and not before the other side can have read it.
        let retention = match (message.words.has_content(), row.retention) {
            (false, _) | (true, Timestamp(0)) => Timestamp(0),
            (true, retention) if retention.since(self.clock.now()) < NEARLY_MS => self.clock.now().plus(READ_MS),
            (true, retention) => retention,
        };
        self.pass_message(&permit, message, label.unwrap_or(Tlp::AmberStrict.into()), audience, retention)
    }

    /// The gate's word on a message.
    pub(super) fn pass_message(
        &self,
        permit: &super::case::Permit,
        message: Message,
        label: Label,
        audience: Audience,
        retention: Timestamp,
    ) -> Result<Passed, NodeError> {
        message.check().map_err(|bad| NodeError::BadInput(bad.to_string()))?;
        let door = self.door(audience)?;
        let draft = Draft { record: Record::Referral(message), label, audience, retention };
        let item = self.pass_gate_under(permit.permission(), Origin::Ours, &door, draft)?;
        Ok(Passed { audience, item, remarks: Remarks::not_held(&door) })
    }

    /// Whether something that was said here is still held.
    pub(super) fn held_message(&self, snapshot: &Snapshot, id: &ReferralId) -> Result<Option<ReleaseId>, NodeError> {
        Ok(snapshot.holds()?.into_iter().find(|(_, row)| row.referral == Some(*id)).map(|(id, _)| id))
    }

    /// The commands that can be given in a referral as it stands. Nothing is said while something is held, but that all of it is withdrawn.
    pub(super) fn commands(&self, snapshot: &Snapshot, conversation: &Conversation, is_held: bool) -> Result<Vec<String>, NodeError> {
        if self.is_called_off(conversation) {
            return Ok(Vec::new());
        }
        let id = super::short(&conversation.id);
        let mut all = Vec::new();
        if !is_held && self.may_ask_again(snapshot, conversation)? {
            all.push(format!("watchfire refer --again {id}"));
        }
        for one in moves(conversation.row.side, &conversation.standing) {
            let may_be = match one {
                Move::Choose => self.may_choose(snapshot, conversation)?,
                Move::PassOn => self.offer_of(snapshot, conversation)?.is_some_and(|offer| offer.consent.onward),
                _ => true,
            };
            if may_be && (!is_held || one == Move::Withdraw) {
                all.push(one.command(&id));
            }
        }
        Ok(all)
    }

    /// Nothing more is said in a referral while something is held.
    pub(super) fn nothing_is_held(&self, snapshot: &Snapshot, id: &ReferralId) -> Result<(), NodeError> {
        let Some(held) = self.held_message(snapshot, id)? else { return Ok(()) };
        let hint = format!("hint: wait until it has left, or `watchfire undo {held}`");
        Err(NodeError::Conflict(format!("something that was said before in this referral is still held as `{held}`\n{hint}")))
    }

    /// A person says something. For whoever holds the turn.
    pub(super) async fn say(&self, id: &ReferralId, words: Words, hold: Hold, by: By) -> Result<Written, NodeError> {
        let snapshot = self.store.snapshot()?;
        self.nothing_is_held(&snapshot, id)?;
        let conversation = self.conversation(&snapshot, id)?;
        let (has_content, name) = (words.has_content(), words.name());
        let mut passed = self.next_message(&snapshot, &conversation, words)?;
        drop(snapshot);
        passed.remarks.particulars.by = by.short();
        let number = passed.item.said.map_or(0, |said| said.number);
        let hold = if has_content { hold } else { Hold::Skipped };
        let deed = if hold == Hold::Dry { Vec::new() } else { vec![self.deed(by, name, id, number)] };
        self.hold_or_say(id, passed, hold, deed).await
    }

    /// Holds a message, or makes it durable with these changes. With either they are made.
    pub(super) async fn hold_or_say(&self, id: &ReferralId, passed: Passed, hold: Hold, beside: Vec<Change>) -> Result<Written, NodeError> {
        let Passed { audience, item, remarks } = passed;
        let findings = item.findings.clone();
        let would_leave = (hold == Hold::Dry).then(|| would_leave(&item)).flatten();
        if hold == Hold::Dry || Self::waits_for_a_person(&item) || hold != Hold::Skipped {
            let door = self.door(audience)?;
            if hold != Hold::Dry && !beside.is_empty() {
                self.commit_many(beside).await?;
            }
            let mut filling = Filling::of_referral(self, &door, hold, *id, remarks.particulars.by);
            filling.add(self, vec![item]).await?;
            let made = filling.finish(self, true).await?;
            return Ok(Written { held: made.map(|preview| preview.hold), findings, would_leave });
        }
        let items = vec![item];
        // One commit for all of it where the other side is there, since it waits for what is said.
        if self.publish(audience, &items, &remarks, self.clock.now(), &beside).await?.is_none() {
            let release = self.release_change(audience, items, &remarks);
            self.commit_many(beside.into_iter().chain([release]).collect()).await?;
            self.position_or_later(audience).await;
        }
        Ok(Written { held: None, findings, would_leave })
    }
}

/// What a message says that passed the gate, read from the very bytes.
fn would_leave(item: &ReleaseItem) -> Option<Words> {
    let encoded = item.released.get();
    match decode_record(RecordKind::from_number(encoded.kind)?, &encoded.body) {
        Ok(Record::Referral(message)) => Some(message.words),
        _ => None,
    }
}

impl Node {
    /// Whether it was withdrawn before it left.
    pub(super) fn is_called_off(&self, conversation: &Conversation) -> bool {
        conversation.row.over && !conversation.standing.is_over() && !self.is_past(conversation)
    }
}

/// Why a step may not be made, and where it is told what can be done instead.
pub(in super::super) fn way_out(illegal: Illegal) -> &'static str {
    match illegal {
        Illegal::OwnedElsewhere => "`watchfire show` tells who has it; withdraw it from there first",
        _ => "`watchfire show` tells how it stands, and what can be done",
    }
}

/// What can be done in a referral as it stands.
pub(in super::super) fn moves_hint(state: &str, moves: &[String]) -> String {
    let quoted: Vec<String> = moves.iter().map(|one| format!("`{one}`")).collect();
    match quoted.as_slice() {
        [] => format!("it is `{state}`, and nothing is left for us to do in it"),
        [only] => format!("it is `{state}`; you can {only}"),
        [before @ .., last] => format!("it is `{state}`; you can {} or {last}", before.join(", ")),
    }
}
