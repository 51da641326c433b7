//! What happened in a referral, as far as it is counted.

use crate::model::Timestamp;
use crate::rules::escalate::Wait;
use crate::rules::referral::{Side, Standing, Step};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// The receiver's node had it before that clock's first rung.
    TimelyReceipt,
    /// A person had opened it before.
    TimelyAcknowledgement,
    /// It was accepted or declined before.
    TimelyDecision,
    /// The receiver had told of its work before.
    TimelyFirstAction,
    /// A case that was in our hands went further: it was passed on, or a platform was asked.
    Escalated,
    /// The receiver of what was withdrawn has said that it is destroyed. Counted where it was withdrawn, so that it is a share of that.
    WithdrawnPurged,
    /// An indicator was released, or came: a value, once for each author.
    Indicator,
    /// An indicator was released, or came, that another organisation had reported by then.
    IndicatorSighted,
    /// An indicator was withdrawn by its author as a false positive.
    IndicatorFalse,
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
    pub const ALL: [Self; 31] = [
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
        Self::TimelyReceipt,
        Self::TimelyAcknowledgement,
        Self::TimelyDecision,
        Self::TimelyFirstAction,
        Self::Escalated,
        Self::WithdrawnPurged,
        Self::Indicator,
        Self::IndicatorSighted,
        Self::IndicatorFalse,
    ];

    /// What partners are to be served by in time: the clock, what it is when its first rung was reached, and when what it waits for came before.
    pub const CLOCKS: [(Wait, Self, Self); 4] = [
        (Wait::Receipt, Self::LateReceipt, Self::TimelyReceipt),
        (Wait::Acknowledgement, Self::LateAcknowledgement, Self::TimelyAcknowledgement),
        (Wait::Decision, Self::LateDecision, Self::TimelyDecision),
        (Wait::FirstAction, Self::LateFirstAction, Self::TimelyFirstAction),
    ];

    /// Whether others are told of it as a share alone, where that tells of nobody.
    pub const fn is_a_part(self) -> bool {
        matches!(
            self,
            Self::LateReceipt
                | Self::LateAcknowledgement
                | Self::LateDecision
                | Self::LateFirstAction
                | Self::TimelyReceipt
                | Self::TimelyAcknowledgement
                | Self::TimelyDecision
                | Self::TimelyFirstAction
                | Self::Escalated
                | Self::WithdrawnPurged
                | Self::PlatformAnswered
        )
    }

    /// What ends the wait of a clock.
    const fn ends(self) -> Option<Wait> {
        match self {
            Self::Delivered => Some(Wait::Receipt),
            Self::Acknowledged => Some(Wait::Acknowledgement),
            Self::Accepted | Self::Declined => Some(Wait::Decision),
            Self::Begun => Some(Wait::FirstAction),
            _ => None,
        }
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
            Self::TimelyReceipt => "timely_receipt",
            Self::TimelyAcknowledgement => "timely_acknowledgement",
            Self::TimelyDecision => "timely_decision",
            Self::TimelyFirstAction => "timely_first_action",
            Self::Escalated => "escalated",
            Self::WithdrawnPurged => "withdrawn_purged",
            Self::Indicator => "indicator",
            Self::IndicatorSighted => "indicator_sighted",
            Self::IndicatorFalse => "indicator_false",
        }
    }
}

impl Way {
    /// As it begins the name of a measure.
    pub const fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

impl std::fmt::Display for Measure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.way.name(), self.event.name())
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
        // Read with every referral that is looked at: nothing is written to be compared.
        let named = text.split_once('.').and_then(|(way, event)| {
            let way = [Way::In, Way::Out].into_iter().find(|one| one.name() == way)?;
            Some(Self { way, event: Event::ALL.into_iter().find(|one| one.name() == event)? })
        });
        named.ok_or("not a measure")
    }
}

/// What is known of a referral beside its messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Around {
    /// Somebody to whom we passed the case on owns it; then its outcome is theirs to count.
    pub with_another: bool,
    /// Its outcome is that it was referred on, and nothing else.
    pub referred_on: bool,
    /// A platform was asked about it here.
    pub platform_asked: bool,
}

/// What an event ended, and since when, where that is known.
type Measured = (Span, Option<Timestamp>);

/// Everything countable that has happened in a referral, as one side sees it. Whatever else comes, what was counted stays: each event is of its first message.
///
pub fn facts(side: Side, standing: &Standing, origin: &[Done], receiver: &[Done], around: Around) -> Vec<Fact> {
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
    let is_ours = side == Side::Receiver && !around.with_another && !around.referred_on;
    let (passed, withdrawn, purged) = (by(Side::Receiver, Step::PassOn), by(Side::Origin, Step::Withdraw), by(Side::Receiver, Step::Purge));
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
        (Event::PassedOn, passed, None),
        // With the hand-over, and with the withdrawal: they are shares of those.
        (Event::Escalated, confirmed.filter(|_| side == Side::Receiver && (passed.is_some() || around.platform_asked)), None),
        (Event::WithdrawnPurged, withdrawn.filter(|_| purged.is_some()), None),
        (Event::HandedBack, by(Side::Receiver, Step::HandBack), None),
        (Event::Resolved, resolved, Some((Span::Resolution, offered))),
        (Event::Case, resolved.filter(|_| is_ours), None),
        (Event::Withdrawn, withdrawn, None),
        (Event::Purged, purged, None),
    ];
    let fact = |(event, at, took): (Event, Option<Timestamp>, Option<Measured>)| {
        let at = at?;
        let took = took.and_then(|(span, from)| Some((span, at.since(from?))));
        Some(Fact { measure: Measure { way, event }, at, took })
    };
    all.into_iter().filter_map(fact).collect()
}

/// Whether each of a referral's clocks that are about how soon a partner is served was in time: late where its first rung was reached, and timely
/// where what it waited for came without. The receipt's clock runs at the origin alone.
pub fn in_time(side: Side, facts: &[Fact], first_rungs: &BTreeMap<Wait, Timestamp>) -> Vec<Fact> {
    let way = if side == Side::Origin { Way::Out } else { Way::In };
    let one = |(wait, late, timely): (Wait, Event, Event)| {
        let ended = facts.iter().find(|fact| fact.measure.event.ends() == Some(wait)).map(|fact| fact.at);
        let (event, at) = match first_rungs.get(&wait) {
            Some(reached) => (late, *reached),
            None => (timely, ended?),
        };
        let runs_here = wait != Wait::Receipt || side == Side::Origin;
        runs_here.then_some(Fact { measure: Measure { way, event }, at, took: None })
    };
    Event::CLOCKS.into_iter().filter_map(one).collect()
}
