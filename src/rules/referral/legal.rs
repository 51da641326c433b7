//! Which step each side may make, by what it has done itself and has seen of the other.

use super::{Decision, Message, OriginPart, ReceiverPart, Step};

/// Why a message moves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Illegal {
    /// The other side alone may do that.
    #[error("this is the other side's to do")]
    NotTheirs,
    /// It says that it saw less than the message before it.
    #[error("it says to have seen less than the message before it")]
    SeesLess,
    /// It names messages that the other side has not written when it was.
    #[error("it says to have seen what was not written")]
    NotWritten,
    /// There is no offer.
    #[error("nothing has been offered")]
    NoOffer,
    /// It is done already.
    #[error("it is done already")]
    Again,
    /// It was withdrawn.
    #[error("the referral was withdrawn")]
    Withdrawn,
    /// It is closed.
    #[error("the referral is closed")]
    Closed,
    /// The receiver said no, or has handed it back.
    #[error("the receiver does not have it any more")]
    Ended,
    /// It was not accepted, or not by that message.
    #[error("there is no such acceptance")]
    NotAccepted,
    /// The acceptance was not confirmed, so the case is the origin's.
    #[error("the origin has not confirmed the acceptance")]
    NotConfirmed,
    /// There is no such question, or it was answered.
    #[error("there is no such question open")]
    NoQuestion,
    /// No person has opened it.
    #[error("no person has acknowledged it")]
    NotAcknowledged,
    /// Nothing has come of it yet.
    #[error("it is not resolved")]
    NotResolved,
    /// The body is destroyed.
    #[error("it is purged")]
    Purged,
    /// Another receiver has the case.
    #[error("the case was given to somebody else")]
    OwnedElsewhere,
    /// There is nothing that was given away.
    #[error("there is nothing new to have seen")]
    NothingNew,
}

fn need(holds: bool, else_: Illegal) -> Result<(), Illegal> {
    if holds { Ok(()) } else { Err(else_) }
}

impl OriginPart {
    /// This half after one more message of the origin's, whose writer knew that of the receiver.
    pub(super) fn after(self, message: Message, receiver: &ReceiverPart) -> Result<Self, Illegal> {
        let number = self.written + 1;
        let next = Self { written: number, seen: message.seen, ..self };
        need(message.seen >= self.seen, Illegal::SeesLess)?;
        if matches!(message.step, Step::Gone | Step::Newer) {
            return Ok(next);
        }
        if message.step == Step::Offer {
            need(!self.offered, Illegal::Again)?;
            return Ok(Self { offered: true, ..next });
        }
        // Where the offer was destroyed before it came, its withdrawal comes all the same, and is answered.
        let came_too_late = message.step == Step::Withdraw && self.written > 0;
        need(self.offered || came_too_late, Illegal::NoOffer)?;
        if message.step == Step::Seen {
            need(message.seen > self.seen, Illegal::NothingNew)?;
            return Ok(next);
        }
        need(self.withdrawn.is_none(), Illegal::Withdrawn)?;
        let has_ended = matches!(receiver.decision, Decision::Refused | Decision::Declined) || receiver.handed_back.is_some();
        match message.step {
            Step::Withdraw => {
                // Whatever the receiver says to have done: the withdrawal goes on to every hop.
                Ok(Self { withdrawn: Some(number), ..next })
            }
            Step::Close => {
                need(self.closed.is_none(), Illegal::Again)?;
                need(has_ended || receiver.resolved.is_some(), Illegal::NotResolved)?;
                Ok(Self { closed: Some(number), ..next })
            }
            _ if self.closed.is_some() => Err(Illegal::Closed),
            Step::Review => {
                need(receiver.resolved.is_some(), Illegal::NotResolved)?;
                need(!self.reviewed, Illegal::Again)?;
                Ok(Self { reviewed: true, ..next })
            }
            Step::Answer(question) => {
                need(!has_ended, Illegal::Ended)?;
                need(question > self.answered && question == receiver.asked, Illegal::NoQuestion)?;
                Ok(Self { answered: question, ..next })
            }
            Step::Confirm(acceptance) => {
                need(!has_ended, Illegal::Ended)?;
                need(self.confirmed.is_none(), Illegal::Again)?;
                need(receiver.decision == Decision::Accepted(acceptance), Illegal::NotAccepted)?;
                Ok(Self { confirmed: Some(number), ..next })
            }
            Step::Contact => {
                need(!has_ended, Illegal::Ended)?;
                need(self.confirmed.is_some(), Illegal::NotConfirmed)?;
                need(receiver.resolved.is_none() && !receiver.purged, Illegal::Ended)?;
                Ok(Self { contact: true, ..next })
            }
            _ => Err(Illegal::NotTheirs),
        }
    }
}

impl ReceiverPart {
    /// This half after one more message of the receiver's, whose writer knew that of the origin.
    pub(super) fn after(self, message: Message, origin: &OriginPart) -> Result<Self, Illegal> {
        let number = self.written + 1;
        let next = Self { written: number, seen: message.seen, ..self };
        need(message.seen >= self.seen, Illegal::SeesLess)?;
        if matches!(message.step, Step::Gone | Step::Newer) {
            return Ok(next);
        }
        need(origin.offered || origin.withdrawn.is_some(), Illegal::NoOffer)?;
        let has_ended = matches!(self.decision, Decision::Refused | Decision::Declined) || self.handed_back.is_some();
        match message.step {
            Step::Seen => {
                need(message.seen > self.seen, Illegal::NothingNew)?;
                Ok(next)
            }
            Step::Purge => {
                need(!self.purged, Illegal::Purged)?;
                let over = origin.withdrawn.is_some() || origin.closed.is_some() || has_ended;
                need(over || self.resolved.is_some(), Illegal::NotResolved)?;
                Ok(Self { purged: true, ..next })
            }
            _ if self.purged => Err(Illegal::Purged),
            _ if origin.withdrawn.is_some() => Err(Illegal::Withdrawn),
            _ if origin.closed.is_some() => Err(Illegal::Closed),
            _ if has_ended => Err(Illegal::Ended),
            Step::Receipt => {
                need(!self.receipt, Illegal::Again)?;
                Ok(Self { receipt: true, ..next })
            }
            Step::Refuse => {
                need(!self.acknowledged && self.decision == Decision::Open, Illegal::Again)?;
                Ok(Self { decision: Decision::Refused, ..next })
            }
            Step::Acknowledge => {
                need(!self.acknowledged, Illegal::Again)?;
                Ok(Self { receipt: true, acknowledged: true, ..next })
            }
            Step::Ask => {
                need(self.acknowledged, Illegal::NotAcknowledged)?;
                need(self.asked <= origin.answered, Illegal::Again)?;
                need(self.resolved.is_none(), Illegal::Again)?;
                Ok(Self { asked: number, reported: number, ..next })
            }
            Step::Accept | Step::Decline => {
                need(self.acknowledged, Illegal::NotAcknowledged)?;
                need(self.decision == Decision::Open, Illegal::Again)?;
                let accepted = message.step == Step::Accept;
                Ok(Self { decision: if accepted { Decision::Accepted(number) } else { Decision::Declined }, ..next })
            }
            Step::HandBack => {
                need(matches!(self.decision, Decision::Accepted(_)), Illegal::NotAccepted)?;
                need(self.resolved.is_none(), Illegal::Again)?;
                Ok(Self { handed_back: Some(number), ..next })
            }
            Step::Progress(_) | Step::PassOn | Step::Resolve => {
                need(origin.confirmed.is_some(), Illegal::NotConfirmed)?;
                need(self.resolved.is_none(), Illegal::Again)?;
                Ok(match message.step {
                    Step::Progress(progress) => Self { progress: Some(progress), reported: number, ..next },
                    Step::PassOn => Self { passed_on: self.passed_on + 1, reported: number, ..next },
                    _ => Self { resolved: Some(number), ..next },
                })
            }
            _ => Err(Illegal::NotTheirs),
        }
    }
}
