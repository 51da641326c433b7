//! A referral is a conversation in two direct logs, the origin's and the receiver's. Its state is a pure fold over the messages of both: no clock and no
//! order of arrival decides anything. Each message says how many of the other side's its writer had seen; whether it is legal is judged by
//! those and by its writer's own before it, so that everybody who has a message judges it alike. Each side moves only what is its own, so the
//! two halves never conflict: what the conversation has come to is read off both.
//!
//! **One owner.** The case is the origin's until it confirms the receiver's acceptance. It is the origin's again when the receiver hands it back, or
//! has seen that it was withdrawn. Whoever gives it away stops to claim it with that message, and the other claims it when it has come: no two
//! views claim it at once, and whoever gave it away keeps a clock running until it is told that this was seen.

mod by_itself;
mod clock;
mod consent;
mod legal;
mod moves;
#[cfg(test)]
mod tests;

pub use by_itself::{Facts, by_itself};
pub use clock::{Clock, clocks};
pub use consent::{Permission, is_too_late, narrowed, permits, permits_match, permits_platforms};
pub use legal::Illegal;
pub use moves::{Move, moves};

use crate::model::referral::{Waiting, Words};

/// Whose log a message stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Who offers the case.
    Origin,
    /// Whom it is offered.
    Receiver,
}

impl Side {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Origin, Self::Receiver];

    /// Whom this one talks to.
    pub const fn other(self) -> Self {
        match self {
            Self::Origin => Self::Receiver,
            Self::Receiver => Self::Origin,
        }
    }
}

/// What a receiver that works on a case waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Progress {
    /// For nothing: the work goes on.
    Working,
    /// For the person.
    WaitingBeneficiary,
    /// For a platform, by a clock of its own.
    WaitingPlatform,
    /// For somebody else.
    WaitingThirdParty,
    /// For what a newer program names by this number.
    Newer(u32),
}

/// What a message does, without its words. Numbers are those of messages in their side's log about this referral, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Origin: the case, with the consent under which it may travel. The first message of all.
    Offer,
    /// Receiver, by its node: the offer is here, durably.
    Receipt,
    /// Receiver, by its node: it takes no such offer (its policy, a size, a version, a label).
    Refuse,
    /// Receiver, by a person who has opened it.
    Acknowledge,
    /// Receiver: something must be known first.
    Ask,
    /// Origin: the answer to the question of that number.
    Answer(u64),
    /// Receiver: it will take the case over.
    Accept,
    /// Receiver: it will not.
    Decline,
    /// Origin: the case is the receiver's from here on, by its acceptance of that number.
    Confirm(u64),
    /// Origin: how to reach the person, sealed to the receiver's desk; after the confirmation alone.
    Contact,
    /// Receiver: how it stands.
    Progress(Progress),
    /// Receiver: a child referral was made of it; this one stays open.
    PassOn,
    /// Receiver: it cannot go on; the case is the origin's again.
    HandBack,
    /// Receiver: what came of it.
    Resolve,
    /// Origin: what the person and the desk say of it.
    Review,
    /// Origin: it is over.
    Close,
    /// Origin: consent was revoked, or it was called off. Wins over everything at the same time.
    Withdraw,
    /// Receiver, by its node: body and free text are destroyed.
    Purge,
    /// Either, by its node: what was given away has been seen.
    Seen,
    /// Either: something that was destroyed before it came here. It moves nothing; what it moved elsewhere was withdrawn with it.
    Gone,
    /// Either: something that this version does not know. It moves nothing until a program reads it that does.
    Newer,
}

impl Step {
    /// What it is, as [`Words::name`] has it; `None` where that is not known any more.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Offer => "offer",
            Self::Receipt => "receipt",
            Self::Refuse => "refuse",
            Self::Acknowledge => "acknowledge",
            Self::Ask => "ask",
            Self::Answer(_) => "answer",
            Self::Accept => "accept",
            Self::Decline => "decline",
            Self::Confirm(_) => "confirm",
            Self::Contact => "contact",
            Self::Progress(_) => "progress",
            Self::PassOn => "pass-on",
            Self::HandBack => "hand-back",
            Self::Resolve => "resolve",
            Self::Review => "review",
            Self::Close => "close",
            Self::Withdraw => "withdraw",
            Self::Purge => "purge",
            Self::Seen => "seen",
            Self::Newer => "newer",
            Self::Gone => return None,
        })
    }
}

impl From<&Words> for Step {
    fn from(words: &Words) -> Self {
        match words {
            Words::Offer(_) => Self::Offer,
            Words::Receipt => Self::Receipt,
            Words::Refuse { .. } => Self::Refuse,
            Words::Acknowledge => Self::Acknowledge,
            Words::Ask { .. } => Self::Ask,
            Words::Answer { question, .. } => Self::Answer(*question),
            Words::Accept { .. } => Self::Accept,
            Words::Decline { .. } => Self::Decline,
            Words::Confirm { acceptance, .. } => Self::Confirm(*acceptance),
            Words::Contact { .. } => Self::Contact,
            Words::Progress { waiting, .. } => Self::Progress(match waiting {
                Waiting::Nothing => Progress::Working,
                Waiting::Beneficiary => Progress::WaitingBeneficiary,
                Waiting::Platform => Progress::WaitingPlatform,
                Waiting::ThirdParty => Progress::WaitingThirdParty,
                Waiting::Newer(number) => Progress::Newer(*number),
            }),
            Words::PassOn { .. } => Self::PassOn,
            Words::HandBack { .. } => Self::HandBack,
            Words::Resolve { .. } => Self::Resolve,
            Words::Review { .. } => Self::Review,
            Words::Close => Self::Close,
            Words::Withdraw { .. } => Self::Withdraw,
            Words::Purge => Self::Purge,
            Words::Seen => Self::Seen,
            Words::Newer => Self::Newer,
        }
    }
}

/// A message about a referral as the rules look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Message {
    /// How many messages of the other side its writer had seen; never falls. An honest writer counts those that are judged ([`Standing::judged`]), so
    /// that its own always are, whatever the other side says to have seen.
    pub seen: u64,
    /// What it does.
    pub step: Step,
}

/// What the receiver has said of taking the case over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// Nothing yet.
    #[default]
    Open,
    /// Its node refused it.
    Refused,
    /// A person declined.
    Declined,
    /// Accepted, by the message of that number.
    Accepted(u64),
}

/// What the origin has moved. A number is that of the message that did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OriginPart {
    /// How many of its messages are judged.
    pub written: u64,
    /// The most that a message of its own says.
    pub seen: u64,
    /// Whether the case was offered.
    pub offered: bool,
    /// The last question that was answered; 0 before the first.
    pub answered: u64,
    /// Where the acceptance was confirmed.
    pub confirmed: Option<u64>,
    /// Whether a sealed contact was sent.
    pub contact: bool,
    /// Whether it was reviewed.
    pub reviewed: bool,
    /// Where it was closed.
    pub closed: Option<u64>,
    /// Where it was withdrawn.
    pub withdrawn: Option<u64>,
}

/// What the receiver has moved. A number is that of the message that did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiverPart {
    /// How many of its messages are judged.
    pub written: u64,
    /// How many of the origin's it has seen: the most that a message of its own says.
    pub seen: u64,
    /// Whether its node has the offer.
    pub receipt: bool,
    /// Whether a person has opened it.
    pub acknowledged: bool,
    /// The last question; 0 before the first.
    pub asked: u64,
    /// What it said to the offer.
    pub decision: Decision,
    /// How the work stands, once it was told.
    pub progress: Option<Progress>,
    /// How many child referrals there are.
    pub passed_on: u64,
    /// The last message with which a person told of the work or asked; 0 before the first.
    pub reported: u64,
    /// Where it was handed back.
    pub handed_back: Option<u64>,
    /// Where it was resolved.
    pub resolved: Option<u64>,
    /// Whether body and free text are destroyed there.
    pub purged: bool,
}

/// What a conversation has come to for whoever has these messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The origin's half.
    pub origin: OriginPart,
    /// The receiver's half.
    pub receiver: ReceiverPart,
    /// Messages that moved nothing, and why: whoever wrote them, by its number.
    pub illegal: Vec<(Side, u64, Illegal)>,
}

/// Where a referral stands, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// There is no offer.
    Draft,
    /// Offered, and not known to have come.
    Offered,
    /// The receiver's node has it.
    Delivered,
    /// The receiver's node takes no such offer.
    Refused,
    /// A person has opened it.
    Acknowledged,
    /// A question waits for its answer.
    NeedsInfo,
    /// Accepted, and not confirmed.
    Accepted,
    /// Declined.
    Declined,
    /// The receiver owns it and works on it.
    InProgress(Progress),
    /// It came back.
    HandedBack,
    /// What came of it is known.
    Resolved,
    /// Reviewed by the origin.
    Reviewed,
    /// Over; the receiver has its body still.
    Closed,
    /// Withdrawn; the receiver has its body still, as far as is known.
    Withdrawn,
    /// The receiver has destroyed the body.
    Purged,
}

/// The fold: what these messages come to, each side's in the order of its log.
pub fn standing(origin: &[Message], receiver: &[Message]) -> Standing {
    let mut fold = Fold { origins: vec![OriginPart::default()], receivers: vec![ReceiverPart::default()], illegal: Vec::new() };
    let (mut at_origin, mut at_receiver) = (0, 0);
    // Each message once those are judged that it has seen. Two that each say to have seen the other are judged never.
    loop {
        let before = (at_origin, at_receiver);
        while let Some(message) = origin.get(at_origin).filter(|message| message.seen <= at_receiver as u64) {
            fold.origin(*message);
            at_origin += 1;
        }
        while let Some(message) = receiver.get(at_receiver).filter(|message| message.seen <= at_origin as u64) {
            fold.receiver(*message);
            at_receiver += 1;
        }
        if before == (at_origin, at_receiver) {
            break;
        }
    }
    fold.done((origin.len() - at_origin) as u64, (receiver.len() - at_receiver) as u64)
}

/// Both halves after each message.
struct Fold {
    origins: Vec<OriginPart>,
    receivers: Vec<ReceiverPart>,
    illegal: Vec<(Side, u64, Illegal)>,
}

impl Fold {
    fn origin(&mut self, message: Message) {
        let before = *self.origins.last().expect("there is a first half");
        let known = self.receivers[message.seen as usize];
        let number = before.written + 1;
        let after = before.after(message, &known).unwrap_or_else(|illegal| {
            self.illegal.push((Side::Origin, number, illegal));
            OriginPart { written: number, seen: before.seen.max(message.seen), ..before }
        });
        self.origins.push(after);
    }

    fn receiver(&mut self, message: Message) {
        let before = *self.receivers.last().expect("there is a first half");
        let known = self.origins[message.seen as usize];
        let number = before.written + 1;
        let after = before.after(message, &known).unwrap_or_else(|illegal| {
            self.illegal.push((Side::Receiver, number, illegal));
            ReceiverPart { written: number, seen: before.seen.max(message.seen), ..before }
        });
        self.receivers.push(after);
    }

    /// Those that are left say to have seen what was not written, or come behind one that does.
    fn done(mut self, left_origin: u64, left_receiver: u64) -> Standing {
        let (origin, receiver) = (*self.origins.last().expect("a half"), *self.receivers.last().expect("a half"));
        for (side, written, left) in [(Side::Origin, origin.written, left_origin), (Side::Receiver, receiver.written, left_receiver)] {
            self.illegal.extend((1..=left).map(|n| (side, written + n, Illegal::NotWritten)));
        }
        self.illegal.sort_unstable_by_key(|(side, number, _)| (*side, *number));
        Standing { origin, receiver, illegal: self.illegal }
    }
}

impl Phase {
    /// As `inbox` and `show` say it (the states of the field, with `_` between words).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Offered => "sent",
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::Acknowledged => "acknowledged",
            Self::NeedsInfo => "needs_info",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::InProgress(Progress::Working) => "in_progress",
            Self::InProgress(Progress::WaitingBeneficiary) => "waiting_beneficiary",
            Self::InProgress(Progress::WaitingPlatform) => "waiting_platform",
            Self::InProgress(Progress::WaitingThirdParty) => "waiting_third_party",
            Self::InProgress(Progress::Newer(_)) => "waiting_newer",
            Self::HandedBack => "handed_back",
            Self::Resolved => "resolved",
            Self::Reviewed => "reviewed",
            Self::Closed => "closed",
            Self::Withdrawn => "withdrawn",
            Self::Purged => "purged",
        }
    }
}

impl Standing {
    /// Whose case it is. Exactly one's, always.
    pub fn owner(&self) -> Side {
        #[cfg(feature = "simulation")]
        if crate::simulation::planted(crate::simulation::Bug::ClaimUnconfirmed) && matches!(self.receiver.decision, Decision::Accepted(_)) {
            return Side::Receiver;
        }
        let given = self.origin.confirmed.is_some() && self.receiver.handed_back.is_none();
        if given && !self.returned() { Side::Receiver } else { Side::Origin }
    }

    /// Whether the receiver has seen that it was withdrawn.
    fn returned(&self) -> bool {
        self.origin.withdrawn.is_some_and(|number| self.receiver.seen >= number)
    }

    /// Where it stands. What was withdrawn is that, whatever was said at the same time.
    pub fn phase(&self) -> Phase {
        let (origin, receiver) = (&self.origin, &self.receiver);
        match receiver.decision {
            _ if !origin.offered && origin.withdrawn.is_none() => Phase::Draft,
            _ if receiver.purged && (self.returned() || origin.withdrawn.is_none() && origin.closed.is_some()) => Phase::Purged,
            _ if origin.withdrawn.is_some() => Phase::Withdrawn,
            _ if origin.closed.is_some() => Phase::Closed,
            Decision::Refused => Phase::Refused,
            Decision::Declined => Phase::Declined,
            Decision::Accepted(_) if receiver.handed_back.is_some() => Phase::HandedBack,
            Decision::Accepted(_) if origin.reviewed => Phase::Reviewed,
            Decision::Accepted(_) if receiver.resolved.is_some() => Phase::Resolved,
            Decision::Accepted(_) if origin.confirmed.is_some() => Phase::InProgress(receiver.progress.unwrap_or(Progress::Working)),
            Decision::Accepted(_) => Phase::Accepted,
            Decision::Open if receiver.asked > origin.answered => Phase::NeedsInfo,
            Decision::Open if receiver.acknowledged => Phase::Acknowledged,
            Decision::Open if receiver.receipt => Phase::Delivered,
            Decision::Open => Phase::Offered,
        }
    }

    /// Whether whoever was offered the case does not take it, or gave it back.
    pub fn came_to_nothing(&self) -> bool {
        matches!(self.phase(), Phase::Refused | Phase::Declined | Phase::HandedBack)
    }

    /// Whether a side may make this step, knowing what this one says.
    ///
    /// # Errors
    /// Why it may not.
    pub fn may(&self, side: Side, step: Step) -> Result<(), Illegal> {
        match side {
            Side::Origin => self.origin.after(Message { seen: self.receiver.written, step }, &self.receiver).map(drop),
            Side::Receiver => self.receiver.after(Message { seen: self.origin.written, step }, &self.origin).map(drop),
        }
    }

    /// How many messages of a side are judged: as many as the other's next message names as seen.
    pub const fn judged(&self, side: Side) -> u64 {
        match side {
            Side::Origin => self.origin.written,
            Side::Receiver => self.receiver.written,
        }
    }

    /// Why the message of that number moved nothing, where it did not.
    pub fn void(&self, side: Side, number: u64) -> Option<Illegal> {
        self.illegal.iter().find(|(of, at, _)| (*of, *at) == (side, number)).map(|(_, _, why)| *why)
    }

    /// Whether nothing is left to be done by anybody.
    pub fn is_over(&self) -> bool {
        self.phase() == Phase::Purged
    }
}

/// What the origin's node does by itself about acceptances of offers of one case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Nothing: none is accepted, or one has the case.
    Wait,
    /// To confirm that one, as it is the only live offer and none was withdrawn.
    Confirm(usize),
    /// A person must choose.
    Person,
}

/// Whether a receiver has the case, and was not told to leave it.
pub fn has_the_case(offer: &Standing) -> bool {
    offer.owner() == Side::Receiver && offer.origin.withdrawn.is_none()
}

/// Whether a person may give the case to the receiver of that offer: not while another has it. One from whom it was withdrawn, and who does not
/// answer, is in nobody's way.
///
/// # Errors
/// Why not.
pub fn may_give(offers: &[&Standing], at: usize) -> Result<(), Illegal> {
    let others = offers.iter().enumerate().filter(|(other, _)| *other != at);
    if others.map(|(_, one)| one).any(|one| has_the_case(one)) {
        return Err(Illegal::OwnedElsewhere);
    }
    match offers.get(at).map(|one| (one, one.receiver.decision)) {
        Some((one, Decision::Accepted(acceptance))) => one.may(Side::Origin, Step::Confirm(acceptance)),
        _ => Err(Illegal::NotAccepted),
    }
}

/// Whether whoever was offered it may still have the case, or has it.
pub fn is_open(offer: &Standing) -> bool {
    let is_asked = matches!(offer.receiver.decision, Decision::Open | Decision::Accepted(_));
    let has_ended = offer.origin.withdrawn.is_some() || offer.origin.closed.is_some() || offer.receiver.handed_back.is_some();
    offer.origin.offered && is_asked && !has_ended
}

/// Whether a case goes on, or had its outcome, by another of its offers than one that came to nothing: whoever offered it has nothing to decide about that
/// one. Of several that came to nothing the last is the one after which somebody else is looked for.
pub fn goes_on_elsewhere(offers: &[&Standing], at: usize) -> bool {
    let has_outcome =
        |one: &Standing| one.receiver.resolved.is_some() && one.receiver.handed_back.is_none() && one.origin.withdrawn.is_none();
    let others = offers.iter().enumerate().filter(|(other, _)| *other != at);
    offers.get(at).is_some_and(|one| one.came_to_nothing())
        && others.into_iter().any(|(other, one)| is_open(one) || has_outcome(one) || other > at && one.came_to_nothing())
}

/// What is to be done about the acceptances of one case's offers.
pub fn choice(offers: &[&Standing]) -> Choice {
    if offers.iter().any(|one| has_the_case(one)) {
        return Choice::Wait;
    }
    let live: Vec<usize> = (0..offers.len()).filter(|at| is_open(offers[*at])).collect();
    let accepted = |at: &usize| matches!(offers[*at].receiver.decision, Decision::Accepted(_)) && offers[*at].origin.confirmed.is_none();
    let none_withdrawn = offers.iter().all(|one| one.origin.withdrawn.is_none());
    match (live.iter().filter(|at| accepted(at)).count(), live.as_slice()) {
        (0, _) => Choice::Wait,
        (1, [only]) if none_withdrawn => Choice::Confirm(*only),
        _ => Choice::Person,
    }
}
