//! Which clocks run at each side. When each is due is the timers' business; here it is only told that somebody watches.

use super::{Decision, Phase, Side, Standing};

/// What somebody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Clock {
    /// For the machine's receipt.
    Receipt,
    /// For a person to open it.
    Acknowledgement,
    /// For the receiver to accept or decline.
    Decision,
    /// For the origin to answer a question.
    Answer,
    /// For the origin to confirm an acceptance, or to choose.
    Confirmation,
    /// For the receiver to have seen that the case is its own.
    HandOver,
    /// For the receiver to tell of the work.
    Silence,
    /// For the origin to have seen that the case is its own again.
    Return,
    /// For the origin to find another way, or to close.
    Next,
    /// For the origin to say what it thinks of the outcome.
    Review,
    /// For the origin to close.
    Closing,
    /// For the receiver to destroy the body.
    Purge,
}

/// The clocks that run at a side, by what it knows.
pub fn clocks(side: Side, known: &Standing) -> Vec<Clock> {
    let (origin, receiver) = (&known.origin, &known.receiver);
    let at_origin = side == Side::Origin;
    let mut clocks = Vec::new();
    let mut run = |here: bool, clock| clocks.extend(here.then_some(clock));
    let unseen = |number: Option<u64>, seen: u64| number.is_some_and(|number| seen < number);
    let phase = known.phase();
    match phase {
        Phase::Draft | Phase::Purged => {}
        Phase::Withdrawn | Phase::Closed => run(true, Clock::Purge),
        Phase::Offered => run(true, if at_origin { Clock::Receipt } else { Clock::Acknowledgement }),
        Phase::Delivered => run(true, Clock::Acknowledgement),
        Phase::Acknowledged => run(true, Clock::Decision),
        Phase::NeedsInfo => run(true, Clock::Decision),
        Phase::Accepted => run(true, Clock::Confirmation),
        Phase::InProgress(_) => run(true, Clock::Silence),
        Phase::Refused | Phase::Declined | Phase::HandedBack => run(at_origin, Clock::Next),
        Phase::Resolved => run(at_origin, Clock::Review),
        Phase::Reviewed => run(at_origin, Clock::Closing),
    }
    let asked = matches!(phase, Phase::NeedsInfo | Phase::Accepted | Phase::InProgress(_)) && receiver.asked > origin.answered;
    run(asked, Clock::Answer);
    let is_over = known.is_over();
    // Whoever gave the case away watches until the other is known to have it.
    let gave = matches!(receiver.decision, Decision::Accepted(_)) && origin.withdrawn.is_none();
    run(at_origin && !is_over && gave && unseen(origin.confirmed, receiver.seen), Clock::HandOver);
    run(!at_origin && !is_over && unseen(receiver.handed_back, origin.seen), Clock::Return);
    clocks
}
