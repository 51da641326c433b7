//! What happened in a referral, as far as it is counted.

use crate::model::Timestamp;
use crate::rules::escalate::Wait;
use crate::rules::referral::{Side, Standing, Step};
use serde::{Deserialize, Serialize};

/// Which way a case goes, as we see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// To us.
    In,
    /// From us.
    Out,
}

/// Something that happens to a referral once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The case was offered.
    Offered,
    /// The receiver's node had it.
    Delivered,
    /// A person had opened it.
    Acknowledged,
    /// The receiver's node refused it.
    Refused,
    /// A person declined.
    Declined,
    /// A person accepted.
    Accepted,
    /// The case became the receiver's.
    HandedOver,
    /// The receiver told of its work for the first time.
    Begun,
    /// It was passed on.
    PassedOn,
    /// It became the origin's again.
    HandedBack,
    /// What came of it was told.
    Resolved,
    /// The origin took it back.
    Withdrawn,
    /// The receiver has destroyed what was said.
    Purged,
    /// A case, counted once in the network: by whoever owned it when its outcome was told.
    Case,
    /// An alert was published, or came.
    Alert,
    /// A person here had read an alert.
    AlertRead,
    /// A platform was asked for something about a case.
    PlatformAsked,
    /// A platform that was asked has answered. Counted where it was asked, so that it is a share of that.
    PlatformAnswered,
    /// A clock's first rung was reached before the receiver's node had it.
    LateReceipt,
    /// The same before a person had opened it.
    LateAcknowledgement,
    /// The same before it was accepted or declined.
    LateDecision,
    /// The same before the receiver had told of its work.
    LateFirstAction,
}

/// A time that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// From the offer until the receiver's node had it.
    Receipt,
    /// From the offer until a person had opened it.
    Acknowledgement,
    /// From the offer until it was accepted.
    Acceptance,
    /// From the hand-over until the first word of work.
    FirstAction,
    /// From the offer until its outcome.
    Resolution,
    /// From asking a platform until its answer.
    PlatformAnswer,
}

/// What is counted: which event, and which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Measure {
    /// Which way.
    pub way: Way,
    /// Which event.
    pub event: Event,
}

/// A message: what it does, and when it was written or came, by our clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// What it does.
    pub step: Step,
    /// When.
    pub at: Timestamp,
}

/// An event that has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact {
    /// Which, and which way.
    pub measure: Measure,
    /// When, by our clock.
    pub at: Timestamp,
    /// What it ended, and how long that was in milliseconds.
    pub took: Option<(Span, u64)>,
}

impl Event {
    /// All of them, in the order in which they happen.
    pub const ALL: [Self; 22] = [
        Self::Case,
        Self::Offered,
        Self::Delivered,
        Self::Acknowledged,
        Self::Refused,
        Self::Declined,
        Self::Accepted,
        Self::HandedOver,
        Self::Begun,
        Self::PassedOn,
        Self::HandedBack,
        Self::Resolved,
        Self::Withdrawn,
        Self::Purged,
        Self::Alert,
        Self::AlertRead,
        Self::PlatformAsked,
        Self::PlatformAnswered,
        Self::LateReceipt,
        Self::LateAcknowledgement,
        Self::LateDecision,
        Self::LateFirstAction,
    ];

    /// What it means that a clock's first rung was reached; nothing for the clocks that are not about how soon a partner is served.
    pub const fn late(wait: Wait) -> Option<Self> {
        match wait {
            Wait::Receipt => Some(Self::LateReceipt),
            Wait::Acknowledgement => Some(Self::LateAcknowledgement),
            Wait::Decision => Some(Self::LateDecision),
            Wait::FirstAction => Some(Self::LateFirstAction),
            _ => None,
        }
    }

    /// Whether it is one of these.
    pub const fn is_late(self) -> bool {
        matches!(self, Self::LateReceipt | Self::LateAcknowledgement | Self::LateDecision | Self::LateFirstAction)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Delivered => "delivered",
            Self::Acknowledged => "acknowledged",
            Self::Refused => "refused",
            Self::Declined => "declined",
            Self::Accepted => "accepted",
            Self::HandedOver => "handed_over",
            Self::Begun => "begun",
            Self::PassedOn => "passed_on",
            Self::HandedBack => "handed_back",
            Self::Resolved => "resolved",
            Self::Withdrawn => "withdrawn",
            Self::Purged => "purged",
            Self::Case => "case",
            Self::Alert => "alert",
            Self::AlertRead => "alert_read",
            Self::PlatformAsked => "platform_asked",
            Self::PlatformAnswered => "platform_answered",
            Self::LateReceipt => "late_receipt",
            Self::LateAcknowledgement => "late_acknowledgement",
            Self::LateDecision => "late_decision",
            Self::LateFirstAction => "late_first_action",
        }
    }
}

impl std::fmt::Display for Measure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let way = if self.way == Way::In { "in" } else { "out" };
        write!(f, "{way}.{}", self.event.name())
    }
}

impl From<Measure> for String {
    fn from(measure: Measure) -> Self {
        measure.to_string()
    }
}

impl TryFrom<String> for Measure {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let all = [Way::In, Way::Out].into_iter().flat_map(|way| Event::ALL.map(|event| Self { way, event }));
        all.into_iter().find(|measure| measure.to_string() == text).ok_or("not a measure")
    }
}

/// What an event ended, and since when, where that is known.
type Measured = (Span, Option<Timestamp>);

/// Everything countable that has happened in a referral, as one side sees it. Whatever else comes, what was counted stays: each event is of its first message.
///
/// `passed_on` says that somebody to whom we passed the case on owns it; then its outcome is theirs to count. `referred_on` that its outcome is that and
/// nothing else.
pub fn facts(side: Side, standing: &Standing, origin: &[Done], receiver: &[Done], passed_on: bool, referred_on: bool) -> Vec<Fact> {
    let way = if side == Side::Origin { Way::Out } else { Way::In };
    let first = |of: Side, is: &dyn Fn(Step) -> bool| {
        let (messages, judged) = match of {
            Side::Origin => (origin, standing.origin.written),
            Side::Receiver => (receiver, standing.receiver.written),
        };
        let moved = |number: &u64| !standing.illegal.iter().any(|(side, other, _)| (side, other) == (&of, number));
        let mut numbered = (1..=judged).zip(messages).filter(|(number, _)| moved(number));
        numbered.find(|(_, message)| is(message.step)).map(|(_, message)| message.at)
    };
    let by = |of: Side, step: Step| first(of, &|other| other == step);
    let offered = by(Side::Origin, Step::Offer);
    let confirmed = first(Side::Origin, &|step| matches!(step, Step::Confirm(_)));
    let work = |step| matches!(step, Step::Progress(_) | Step::PassOn | Step::Resolve);
    let resolved = by(Side::Receiver, Step::Resolve);
    let is_ours = side == Side::Receiver && !passed_on && !referred_on;
    let all = [
        (Event::Offered, offered, None),
        (
            Event::Delivered,
            first(Side::Receiver, &|step| matches!(step, Step::Receipt | Step::Acknowledge)),
            Some((Span::Receipt, offered)),
        ),
        (Event::Acknowledged, by(Side::Receiver, Step::Acknowledge), Some((Span::Acknowledgement, offered))),
        (Event::Refused, by(Side::Receiver, Step::Refuse), None),
        (Event::Declined, by(Side::Receiver, Step::Decline), None),
        (Event::Accepted, by(Side::Receiver, Step::Accept), Some((Span::Acceptance, offered))),
        (Event::HandedOver, confirmed, None),
        (Event::Begun, first(Side::Receiver, &work), Some((Span::FirstAction, confirmed))),
        (Event::PassedOn, by(Side::Receiver, Step::PassOn), None),
        (Event::HandedBack, by(Side::Receiver, Step::HandBack), None),
        (Event::Resolved, resolved, Some((Span::Resolution, offered))),
        (Event::Case, resolved.filter(|_| is_ours), None),
        (Event::Withdrawn, by(Side::Origin, Step::Withdraw), None),
        (Event::Purged, by(Side::Receiver, Step::Purge), None),
    ];
    let fact = |(event, at, took): (Event, Option<Timestamp>, Option<Measured>)| {
        let at = at?;
        let took = took.and_then(|(span, from)| Some((span, at.since(from?))));
        Some(Fact { measure: Measure { way, event }, at, took })
    };
    all.into_iter().filter_map(fact).collect()
}
