//! What a side can do next, as it stands. Whatever is proposed to people after an error, or beside a referral, is one of these.

use super::{Decision, Progress, Side, Standing, Step};

/// What a person can do in a referral, by the command that does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Move {
    /// Receiver: says that a person has opened it.
    Ack,
    /// Receiver: takes it over.
    Accept,
    /// Receiver: does not take it.
    Decline,
    /// Receiver: asks.
    Ask,
    /// Origin: answers the question that is open.
    Answer,
    /// Origin: chooses this acceptance.
    Choose,
    /// Receiver: tells how it stands.
    Progress,
    /// Receiver: tells what came of it.
    Resolve,
    /// Receiver: passes it on, within the consent.
    PassOn,
    /// Receiver: hands it back.
    HandBack,
    /// Origin: tells what the person says of the outcome.
    Review,
    /// Origin: ends it.
    Close,
    /// Origin: takes it back.
    Withdraw,
}

impl Move {
    /// Every move, what is most likely wanted first.
    pub const ALL: [Self; 13] = [
        Self::Ack,
        Self::Answer,
        Self::Choose,
        Self::Accept,
        Self::Decline,
        Self::Progress,
        Self::Resolve,
        Self::Ask,
        Self::PassOn,
        Self::HandBack,
        Self::Review,
        Self::Close,
        Self::Withdraw,
    ];

    /// The command, with what it cannot do without.
    pub fn command(self, referral: &str) -> String {
        let (name, more) = match self {
            Self::Ack => ("ack", ""),
            Self::Accept => ("accept", ""),
            Self::Decline => ("decline", " --reason CODE"),
            Self::Ask => ("ask", " --text TEXT"),
            Self::Answer => ("answer", " --text TEXT"),
            Self::Choose => ("choose", ""),
            Self::Progress => ("progress", " --text TEXT"),
            Self::Resolve => ("resolve", " --outcome CODE"),
            Self::PassOn => ("pass-on", " --file FILE --to PEER"),
            Self::HandBack => ("hand-back", " --reason CODE"),
            Self::Review => ("review", ""),
            Self::Close => ("close", ""),
            Self::Withdraw => ("withdraw", ""),
        };
        format!("watchfire {name} {referral}{more}")
    }

    /// Whose it is, and the message that it makes; `None` where there is nothing to which it could answer.
    fn step(self, known: &Standing) -> Option<(Side, Step)> {
        let receiver = |step| Some((Side::Receiver, step));
        let origin = |step| Some((Side::Origin, step));
        match self {
            Self::Ack => receiver(Step::Acknowledge),
            Self::Accept => receiver(Step::Accept),
            Self::Decline => receiver(Step::Decline),
            Self::Ask => receiver(Step::Ask),
            Self::Progress => receiver(Step::Progress(Progress::Working)),
            Self::Resolve => receiver(Step::Resolve),
            Self::PassOn => receiver(Step::PassOn),
            Self::HandBack => receiver(Step::HandBack),
            Self::Answer => origin(Step::Answer(known.receiver.asked)),
            Self::Choose => match known.receiver.decision {
                Decision::Accepted(acceptance) => origin(Step::Confirm(acceptance)),
                _ => None,
            },
            Self::Review => origin(Step::Review),
            Self::Close => origin(Step::Close),
            Self::Withdraw => origin(Step::Withdraw),
        }
    }
}

/// What a side can do next, by what it knows.
pub fn moves(side: Side, known: &Standing) -> Vec<Move> {
    let is_legal = |one: &Move| one.step(known).is_some_and(|(whose, step)| whose == side && known.may(side, step).is_ok());
    Move::ALL.into_iter().filter(is_legal).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Message, Phase, standing};
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// What may be said, by the command that says it.
    fn steps(known: &Standing) -> Vec<(&'static str, Side, Step)> {
        let acceptance = match known.receiver.decision {
            Decision::Accepted(number) => number,
            _ => 0,
        };
        let (o, r) = (Side::Origin, Side::Receiver);
        vec![
            ("", o, Step::Offer),
            ("", r, Step::Receipt),
            ("", r, Step::Refuse),
            ("ack", r, Step::Acknowledge),
            ("ask", r, Step::Ask),
            ("answer", o, Step::Answer(known.receiver.asked)),
            ("accept", r, Step::Accept),
            ("decline", r, Step::Decline),
            ("choose", o, Step::Confirm(acceptance)),
            ("", o, Step::Contact),
            ("progress", r, Step::Progress(Progress::Working)),
            ("", r, Step::Progress(Progress::WaitingBeneficiary)),
            ("", r, Step::Progress(Progress::WaitingPlatform)),
            ("", r, Step::Progress(Progress::WaitingThirdParty)),
            ("pass-on", r, Step::PassOn),
            ("hand-back", r, Step::HandBack),
            ("resolve", r, Step::Resolve),
            ("review", o, Step::Review),
            ("close", o, Step::Close),
            ("withdraw", o, Step::Withdraw),
            ("", r, Step::Purge),
            ("", r, Step::Seen),
        ]
    }

    #[test]
    fn every_move_that_is_proposed_in_any_state_is_one_that_the_fold_takes_and_none_is_left_out() {
        // Every conversation of up to seven messages in which each was legal, the other side having heard all before; one of each standing goes on.
        let mut open = vec![[Vec::new(), Vec::new()]];
        let (mut met, mut phases) = (BTreeSet::new(), BTreeMap::<&str, usize>::new());
        for _ in 0..=7 {
            let mut next = Vec::new();
            for logs in open {
                let known = standing(&logs[0], &logs[1]);
                if !met.insert((known.origin, known.receiver)) {
                    continue;
                }
                *phases.entry(known.phase().name()).or_default() += 1;
                for side in Side::ALL {
                    let proposed: BTreeSet<String> = moves(side, &known).into_iter().map(|one| one.command("k7qm2xpa")).collect();
                    let name = |command: &String| command.split(' ').nth(1).unwrap_or_default().to_owned();
                    let proposed: BTreeSet<String> = proposed.iter().map(name).collect();
                    let legal = steps(&known).into_iter().filter(|(name, of, step)| {
                        !name.is_empty() && *of == side && {
                            let mut logs = logs.clone();
                            logs[side as usize].push(Message { seen: known.judged(side.other()), step: *step });
                            standing(&logs[0], &logs[1]).illegal.is_empty()
                        }
                    });
                    let legal: BTreeSet<String> = legal.map(|(name, _, _)| name.to_owned()).collect();
                    assert_eq!(proposed, legal, "{side:?} in {known:?}");
                }
                for (_, side, step) in steps(&known).into_iter().filter(|(_, side, step)| known.may(*side, *step).is_ok()) {
                    let mut logs = logs.clone();
                    logs[side as usize].push(Message { seen: known.judged(side.other()), step });
                    next.push(logs);
                }
            }
            open = next;
        }
        let all = ["draft", "sent", "delivered", "refused", "acknowledged", "needs_info", "accepted", "declined", "in_progress"];
        let rest = ["waiting_beneficiary", "waiting_platform", "waiting_third_party", "handed_back", "resolved", "reviewed", "closed"];
        let all: BTreeSet<&str> = all.into_iter().chain(rest).chain([Phase::Withdrawn.name(), Phase::Purged.name()]).collect();
        assert_eq!(phases.keys().copied().collect::<BTreeSet<_>>(), all, "every state was met: {phases:?}");
    }
}
