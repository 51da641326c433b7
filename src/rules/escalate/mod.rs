//! What happens when nobody answers: how long each thing may take, who is told by which rung of a ladder, and the engine that records every rung
//! once, whatever restarts and steps of the clock there are. Pure: the time is a parameter.
//!
//! **By whose hours.** An emergency runs by the wall. So does what a machine is to do, and what a platform is to do, whose hours nobody knows. Everything
//! else is counted in the open hours of the desk that is to act: the receiver's for what is asked of it, the origin's for its own part. A desk that
//! declared none is counted by the wall. Hours put a rung off by `delay_max` at most, so that no desk stops a clock by being never open.

mod engine;
#[cfg(test)]
mod simulation;
mod span;
mod timetable;
mod watch;

pub use engine::{Case, Changes, Desks, Engine, Fired, Moment};
pub use span::{BadSpan, Span};
pub use timetable::{BadTimetable, Ladder, Rung, Timetable};
pub use watch::{Key, Watch};

use crate::model::desk::{Role, Roles};
use crate::model::{Priority, Timestamp};

use super::referral::{self, Clock, Decision, Phase, Side, Standing};

/// What somebody waits for: the clocks of a referral, the first action after the case changed hands, and what a platform was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// [`Clock::Receipt`].
    Receipt,
    /// [`Clock::Acknowledgement`].
    Acknowledgement,
    /// [`Clock::Decision`].
    Decision,
    /// [`Clock::Answer`].
    Answer,
    /// [`Clock::Confirmation`].
    Confirmation,
    /// [`Clock::HandOver`].
    HandOver,
    /// For the new owner to tell of a first action.
    FirstAction,
    /// [`Clock::Silence`].
    Silence,
    /// [`Clock::Return`].
    Return,
    /// [`Clock::Next`].
    Next,
    /// [`Clock::Review`].
    Review,
    /// [`Clock::Closing`].
    Closing,
    /// [`Clock::Purge`].
    Purge,
    /// For a platform to answer. What is watched is the platform escalation, by an id of its own.
    Platform,
}

impl From<Clock> for Wait {
    fn from(clock: Clock) -> Self {
        match clock {
            Clock::Receipt => Self::Receipt,
            Clock::Acknowledgement => Self::Acknowledgement,
            Clock::Decision => Self::Decision,
            Clock::Answer => Self::Answer,
            Clock::Confirmation => Self::Confirmation,
            Clock::HandOver => Self::HandOver,
            Clock::Silence => Self::Silence,
            Clock::Return => Self::Return,
            Clock::Next => Self::Next,
            Clock::Review => Self::Review,
            Clock::Closing => Self::Closing,
            Clock::Purge => Self::Purge,
        }
    }
}

impl Wait {
    /// Each, in the order of a referral's life.
    pub const ALL: [Self; 14] = [
        Self::Receipt,
        Self::Acknowledgement,
        Self::Decision,
        Self::Answer,
        Self::Confirmation,
        Self::HandOver,
        Self::FirstAction,
        Self::Silence,
        Self::Return,
        Self::Next,
        Self::Review,
        Self::Closing,
        Self::Purge,
        Self::Platform,
    ];

    /// Its name in settings and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::Acknowledgement => "acknowledgement",
            Self::Decision => "decision",
            Self::Answer => "answer",
            Self::Confirmation => "confirmation",
            Self::HandOver => "hand_over",
            Self::FirstAction => "first_action",
            Self::Silence => "silence",
            Self::Return => "return",
            Self::Next => "next",
            Self::Review => "review",
            Self::Closing => "closing",
            Self::Purge => "purge",
            Self::Platform => "platform",
        }
    }

    /// Whose people are to act; `None` where it is a machine or a platform.
    pub const fn desk(self) -> Option<Side> {
        match self {
            Self::Acknowledgement | Self::Decision | Self::FirstAction | Self::Silence => Some(Side::Receiver),
            Self::Answer | Self::Confirmation | Self::Next | Self::Review | Self::Closing => Some(Side::Origin),
            Self::Receipt | Self::HandOver | Self::Return | Self::Purge | Self::Platform => None,
        }
    }

    /// Whether nobody is in a hurry, so that what nobody does is told again seldom.
    pub const fn is_slow(self) -> bool {
        matches!(self, Self::Review | Self::Closing | Self::Purge | Self::Platform)
    }

    /// Whether the case may go to somebody else by itself meanwhile: it is the origin's, and nobody has accepted it.
    pub const fn may_offer_next(self) -> bool {
        matches!(self, Self::Receipt | Self::Acknowledgement | Self::Decision | Self::Next)
    }
}

/// What a rung does. A later one tells everybody whom an earlier one tells, but for the digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// It stands in the next digest.
    Digest,
    /// Whoever has the case at this desk is told.
    TellHandler,
    /// The shift's leads too.
    TellLeads,
    /// The leads are told, and whom else to ask is put before the origin's people.
    ProposeNext,
    /// The duty director too.
    TellDirector,
    /// The director is told, and whom else to ask is put before the origin's people: the last resort where the node may offer it to nobody by itself.
    ProposeToDirector,
    /// All of these are told, and the case is offered to the next candidate, where consent and policy let it. The origin still owns it.
    OfferNext,
}

impl Act {
    /// What it comes to at a side: only the origin looks for somebody else. The receiver's leads are told, and the director where the act is the last resort.
    pub const fn at(self, side: Side) -> Self {
        match (self, side) {
            (Self::ProposeNext, Side::Receiver) => Self::TellLeads,
            (Self::ProposeToDirector | Self::OfferNext, Side::Receiver) => Self::TellDirector,
            (act, _) => act,
        }
    }

    /// What it comes to where consent or policy let nobody else be offered the case by itself: a person decides, and the director knows. Nothing is
    /// widened by a clock.
    pub const fn within(self, may_offer: bool) -> Self {
        match self {
            Self::OfferNext if !may_offer => Self::ProposeToDirector,
            act => act,
        }
    }

    /// What is done when it is done again, behind the ladder's end: one silence leads to one offer.
    pub const fn again(self) -> Self {
        match self {
            Self::OfferNext => Self::TellDirector,
            act => act,
        }
    }

    /// Who is told.
    pub const fn tells(self) -> Roles {
        let (handlers, leads) = (Roles::one(Role::Handler), Roles::one(Role::Lead));
        match self {
            Self::Digest | Self::TellHandler => handlers,
            Self::TellLeads | Self::ProposeNext => handlers.and(leads),
            Self::TellDirector | Self::ProposeToDirector | Self::OfferNext => handlers.and(leads).and(Roles::one(Role::Director)),
        }
    }

    /// Each, as they ascend.
    pub const ALL: [Self; 7] =
        [Self::Digest, Self::TellHandler, Self::TellLeads, Self::ProposeNext, Self::TellDirector, Self::ProposeToDirector, Self::OfferNext];

    /// Its name in settings and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::TellHandler => "tell_handler",
            Self::TellLeads => "tell_leads",
            Self::ProposeNext => "propose_next",
            Self::TellDirector => "tell_director",
            Self::ProposeToDirector => "propose_to_director",
            Self::OfferNext => "offer_next",
        }
    }

    /// Whether something is done beside telling. That is done for every rung, whichever of them gives the notice.
    pub const fn does(self) -> bool {
        self.proposes() || matches!(self, Self::OfferNext)
    }

    /// Whether whom else to ask is put before a person.
    pub const fn proposes(self) -> bool {
        matches!(self, Self::ProposeNext | Self::ProposeToDirector)
    }
}

/// What is to be known beside a conversation to say what is waited for in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Beside {
    /// Whether the case goes on by another of its offers ([`referral::goes_on_elsewhere`]): then nobody is looked for because of this one.
    pub goes_on: bool,
    /// How many other offers the case has.
    pub offers: u32,
    /// When something was last said in one of these.
    pub last: Timestamp,
    /// When the receiver said that work will begin, while nothing was told of it.
    pub start: Option<Timestamp>,
}

/// What is waited for at a side by what it knows, each with the number of the message that started it (0 where one referral has it once at most, or
/// before the first such message). The same wait with another number begins anew.
pub fn waits(side: Side, known: &Standing, beside: &Beside) -> Vec<(Wait, u64)> {
    let (origin, receiver) = (&known.origin, &known.receiver);
    let number = |clock| match clock {
        Clock::Receipt | Clock::Acknowledgement | Clock::Decision | Clock::Closing => 0,
        Clock::Answer => receiver.asked,
        Clock::Confirmation => match receiver.decision {
            Decision::Accepted(number) => number,
            _ => 0,
        },
        Clock::HandOver => origin.confirmed.unwrap_or(0),
        Clock::Silence => receiver.reported,
        Clock::Return => receiver.handed_back.unwrap_or(0),
        // Whoever was asked meanwhile came to nothing, too.
        Clock::Next => receiver.handed_back.unwrap_or(0) | u64::from(beside.offers) << 32,
        Clock::Review => receiver.resolved.unwrap_or(0),
        Clock::Purge => origin.withdrawn.or(origin.closed).unwrap_or(0),
    };
    let clocks = referral::clocks(side, known).into_iter().filter(|clock| *clock != Clock::Next || !beside.goes_on);
    let mut waits: Vec<(Wait, u64)> = clocks.map(|clock| (clock.into(), number(clock))).collect();
    let nothing_done = receiver.progress.is_none() && receiver.passed_on == 0;
    if matches!(known.phase(), Phase::InProgress(_)) && nothing_done {
        waits.push((Wait::FirstAction, origin.confirmed.unwrap_or(0)));
    }
    waits
}

/// Minutes after which people are told of a release that waits for a person, and whom; then each so many minutes again.
const RELEASE_URGENT: (&[(u64, Act)], u64) = (&[(0, Act::TellLeads), (15, Act::TellDirector)], 12 * 60);
const RELEASE_NORMAL: (&[(u64, Act)], u64) = (&[(10, Act::TellLeads), (24 * 60, Act::TellDirector)], 24 * 60);

/// The last rung that a release has reached which waits for a person so long, in milliseconds: its number, from 1, and what is done then. What is not
/// about a case waits as a normal one does, and so does whoever fills an import just now: they have ten minutes.
pub fn release_rung(priority: Option<Priority>, waited_ms: u64) -> Option<(u32, Act)> {
    let (rungs, again) = match priority {
        Some(Priority::Emergency | Priority::Urgent) => RELEASE_URGENT,
        Some(Priority::Normal) | None => RELEASE_NORMAL,
    };
    let waited = waited_ms / 60_000;
    let at = rungs.iter().rposition(|(after, _)| *after <= waited)?;
    let (after, act) = rungs[at];
    let repeated = if at + 1 == rungs.len() { (waited - after) / again } else { 0 };
    Some((u32::try_from(at as u64 + 1 + repeated).unwrap_or(u32::MAX), act))
}

/// Whether the decision waits for an answer, so that its clock stands still.
pub fn is_paused(wait: Wait, known: &Standing) -> bool {
    wait == Wait::Decision && known.phase() == Phase::NeedsInfo
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_rows() {
        for wait in Wait::ALL {
            assert_eq!(serde_json::to_string(&wait).unwrap(), format!("\"{}\"", wait.name()));
        }
        for act in Act::ALL {
            assert_eq!(serde_json::to_string(&act).unwrap(), format!("\"{}\"", act.name()));
        }
    }

    #[test]
    fn a_release_that_waits_for_a_person_is_told_of_until_somebody_comes() {
        const MINUTE_MS: u64 = 60_000;
        let told = |priority, minutes: u64| release_rung(priority, minutes * MINUTE_MS);
        let emergency = Some(Priority::Emergency);
        assert_eq!(
            [0, 14, 15].map(|at| told(emergency, at)),
            [Some((1, Act::TellLeads)), Some((1, Act::TellLeads)), Some((2, Act::TellDirector))]
        );
        assert_eq!([15 + 719, 15 + 720, 15 + 1_440].map(|at| told(emergency, at).map(|(rung, _)| rung)), [Some(2), Some(3), Some(4)]);
        for priority in [None, Some(Priority::Normal)] {
            assert_eq!([9, 10, 1_440, 2_880].map(|at| told(priority, at).map(|(rung, _)| rung)), [None, Some(1), Some(2), Some(3)]);
        }
    }

    #[test]
    fn only_the_origin_looks_for_somebody_else() {
        assert_eq!((Act::OfferNext.at(Side::Origin), Act::OfferNext.at(Side::Receiver)), (Act::OfferNext, Act::TellDirector));
        assert_eq!((Act::ProposeNext.at(Side::Receiver), Act::TellLeads.at(Side::Receiver)), (Act::TellLeads, Act::TellLeads));
        assert_eq!((Act::OfferNext.within(false), Act::OfferNext.within(true)), (Act::ProposeToDirector, Act::OfferNext));
        assert_eq!(Act::ProposeToDirector.at(Side::Receiver), Act::TellDirector);
    }

    #[test]
    fn a_later_act_tells_no_fewer_and_what_is_not_offered_tells_as_many() {
        assert!(
            Act::ALL.is_sorted() && Act::ALL.windows(2).all(|pair| pair[0].tells().iter().all(|role| pair[1].tells().meet(role.into())))
        );
        for act in Act::ALL {
            assert_eq!(act.within(false).tells(), act.tells(), "{act:?}");
        }
    }
}
