//! People are told that something came in a referral, never what.

use super::super::Node;
use super::case::Ours;
use crate::model::desk::Role;
use crate::model::{Priority, ReferralId, ShortId};
use crate::rules::notify::{Event, Notice};
use crate::rules::referral::{Phase, Step};
use crate::store::Conversation;
use crate::store::change::Change;

impl Node {
    /// A notice of each message of the other side that people were not told of, and of each that is understood by now.
    pub(super) fn tell_of_news(&self, conversation: &Conversation, ours: &mut Ours) -> Vec<Change> {
        let theirs = conversation.of(conversation.row.side.other());
        let written = theirs.len() as u64;
        let priority = ours.skeleton.as_ref().map(|skeleton| skeleton.priority);
        let mut changes = Vec::new();
        if !conversation.standing.origin.offered {
            // Of what was withdrawn before it came nobody was told.
            return changes;
        }
        let void = |number: u64| conversation.standing.void(conversation.row.side.other(), number).is_some();
        let has_ended = matches!(conversation.standing.phase(), Phase::Withdrawn | Phase::Closed | Phase::Purged);
        for (message, number) in theirs.iter().zip(1..) {
            let is_news = number > ours.told || message.step != Step::Newer && ours.newer.remove(&number);
            if !is_news || void(number) {
                continue;
            }
            // Of several that are not understood people are told once, and of none in what is over.
            if message.step == Step::Newer && (!ours.newer.insert(number) || ours.newer.len() > 1 || has_ended) {
                continue;
            }
            if let Some(event) = event(message.step) {
                changes.push(self.notify(self.notice(event, &conversation.id, number, priority)));
            }
        }
        ours.told = ours.told.max(written);
        changes
    }

    pub(super) fn notice(&self, event: Event, id: &ReferralId, number: u64, priority: Option<Priority>) -> Notice {
        let cause: Vec<u8> = id.0.iter().copied().chain(number.to_be_bytes()).collect();
        let calm = matches!(event, Event::Acknowledged | Event::Progress);
        let urgent = priority.is_some_and(|priority| priority != Priority::Normal) && !calm;
        Notice { referral: ShortId::of(&id.0), priority, urgent, ..Notice::new(event, &cause, Role::Handler, self.clock.now()) }
    }
}

/// What people are told of a message; nothing of what nodes say to each other.
const fn event(step: Step) -> Option<Event> {
    Some(match step {
        Step::Offer => Event::OfferArrived,
        Step::Acknowledge => Event::Acknowledged,
        Step::Accept => Event::Accepted,
        Step::Confirm(_) => Event::Confirmed,
        Step::Decline | Step::Refuse => Event::Declined,
        Step::Ask => Event::Question,
        Step::Answer(_) => Event::Answer,
        Step::Progress(_) | Step::PassOn | Step::Newer => Event::Progress,
        Step::Resolve => Event::Resolved,
        Step::Withdraw => Event::Withdrawn,
        Step::HandBack => Event::HandedBack,
        Step::Receipt | Step::Contact | Step::Review | Step::Close | Step::Purge | Step::Seen | Step::Gone => {
            return None;
        }
    })
}
