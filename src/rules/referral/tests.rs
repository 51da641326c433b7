mod lives;

use super::*;
use crate::campaign::{Campaign, Dice};
use std::collections::BTreeSet;

/// Both logs.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Logs {
    origin: Vec<Message>,
    receiver: Vec<Message>,
}

impl Logs {
    fn of(&self, side: Side) -> &[Message] {
        if side == Side::Origin { &self.origin } else { &self.receiver }
    }

    fn with(&self, side: Side, message: Message) -> Self {
        let mut logs = self.clone();
        logs.log_of(side).push(message);
        logs
    }

    fn log_of(&mut self, side: Side) -> &mut Vec<Message> {
        if side == Side::Origin { &mut self.origin } else { &mut self.receiver }
    }

    fn whole(&self) -> Standing {
        standing(&self.origin, &self.receiver)
    }

    /// What a side knows that has so many of the other's messages.
    fn view(&self, side: Side, known: usize) -> Standing {
        match side {
            Side::Origin => standing(&self.origin, &self.receiver[..known]),
            Side::Receiver => standing(&self.origin[..known], &self.receiver),
        }
    }

    /// How many of the other's messages a side may know by now: at least those that it has named.
    fn may_know(&self, side: Side) -> std::ops::RangeInclusive<usize> {
        let named = self.of(side).last().map_or(0, |message| message.seen as usize);
        named..=self.of(side.other()).len()
    }
}

/// Every step, with every number that the other side's messages can have.
fn steps(known: usize) -> Vec<Step> {
    use Step::*;
    let plain = [
        Offer,
        Receipt,
        Refuse,
        Acknowledge,
        Ask,
        Accept,
        Decline,
        Contact,
        // One stands for all four, by `what_is_waited_for_is_all_the_same_to_what_may_follow`.
        Progress(super::Progress::WaitingPlatform),
        PassOn,
        HandBack,
        Resolve,
        Review,
        Close,
        Withdraw,
        Purge,
        Seen,
    ];
    plain.into_iter().chain((1..=known as u64).flat_map(|n| [Answer(n), Confirm(n)])).collect()
}

/// The steps that a side may make that knows so many of the other's messages.
fn legal(logs: &Logs, side: Side, known: usize) -> Vec<Message> {
    let view = logs.view(side, known);
    steps(known).into_iter().filter(|step| view.may(side, *step).is_ok()).map(|step| Message { seen: known as u64, step }).collect()
}

/// Whether somebody who knows this takes the case for its own.
type Claims = fn(Side, &Standing) -> bool;

fn claims(side: Side, view: &Standing) -> bool {
    view.owner() == side
}

/// Planted: the origin takes the case back with its withdrawal, without waiting for the receiver to have seen it.
fn claims_at_once(side: Side, view: &Standing) -> bool {
    if side == Side::Origin && view.origin.withdrawn.is_some() { true } else { claims(side, view) }
}

/// Planted: the origin waits for nothing once it has confirmed.
fn clocks_without_hand_over(side: Side, view: &Standing) -> Vec<Clock> {
    if side == Side::Origin && view.origin.confirmed.is_some() { Vec::new() } else { clocks(side, view) }
}

type Clocks = fn(Side, &Standing) -> Vec<Clock>;

/// What does not hold of these logs, for whatever each side knows of the other's.
fn broken(logs: &Logs, claims: Claims, clocks: Clocks) -> Option<&'static str> {
    let whole = logs.whole();
    if !whole.illegal.is_empty() {
        return Some("a step that was legal for its writer is not for others");
    }
    let views = |side: Side| logs.may_know(side).map(move |known| logs.view(side, known));
    if views(Side::Origin).any(|view| claims(Side::Origin, &view)) && views(Side::Receiver).any(|view| claims(Side::Receiver, &view)) {
        return Some("both claim it");
    }
    let over = |view: &Standing| view.phase() == Phase::Draft || view.is_over();
    let still = |side: Side| views(side).any(|view| !over(&view) && clocks(side, &view).is_empty());
    if still(Side::Origin) && (still(Side::Receiver) || logs.may_know(Side::Receiver).any(|known| known == 0)) {
        return Some("nobody watches");
    }
    let withdrawn = logs.origin.iter().any(|message| message.step == Step::Withdraw);
    let may_withdraw = |view: &Standing| view.phase() == Phase::Draft || view.may(Side::Origin, Step::Withdraw).is_ok();
    if !withdrawn && !views(Side::Origin).all(|view| may_withdraw(&view)) {
        return Some("it cannot be withdrawn");
    }
    if withdrawn && !matches!(whole.phase(), Phase::Withdrawn | Phase::Purged) {
        return Some("something won over a withdrawal");
    }
    None
}

/// Everything that two parties can come to with so many legal steps in all: how many pairs of logs, and the first that is broken.
fn explore(steps_max: usize, claims: Claims, clocks: Clocks) -> (usize, Option<(Logs, &'static str)>) {
    let (mut layer, mut count) = (BTreeSet::from([Logs::default()]), 1);
    for _ in 0..steps_max {
        let mut next = BTreeSet::new();
        for logs in &layer {
            for side in Side::ALL {
                for known in logs.may_know(side) {
                    next.extend(legal(logs, side, known).into_iter().map(|message| logs.with(side, message)));
                }
            }
        }
        count += next.len();
        if let Some((logs, why)) = next.iter().find_map(|logs| broken(logs, claims, clocks).map(|why| (logs, why))) {
            return (count, Some((logs.clone(), why)));
        }
        layer = next;
    }
    (count, None)
}

#[test]
fn whatever_two_parties_do_in_eight_steps_one_owns_it_somebody_watches_and_a_withdrawal_wins() {
    let (count, found) = explore(8, claims, clocks);
    assert_eq!(found, None);
    println!("{count} pairs of logs");
    assert!(count > 50_000, "{count}");
}

#[test]
fn what_is_waited_for_is_all_the_same_to_what_may_follow() {
    use super::Progress::*;
    let origin = [message(0, Step::Offer), message(2, Step::Confirm(2))];
    let views = [Working, WaitingBeneficiary, WaitingPlatform, WaitingThirdParty].map(|progress| {
        let [acknowledged, accepted] = given_receiver();
        let view = standing(&origin, &[acknowledged, accepted, message(2, Step::Progress(progress))]);
        assert_eq!(view.phase(), Phase::InProgress(progress));
        let may = |side: Side| steps(3).into_iter().map(|step| view.may(side, step)).collect::<Vec<_>>();
        let [origins, receivers] = Side::ALL.map(may);
        (view.owner(), origins, receivers, Side::ALL.map(|side| clocks(side, &view)))
    });
    assert!(views.iter().all(|one| *one == views[0]), "{views:?}");
}

#[test]
fn planted_mistakes_are_found() {
    let (_, both) = explore(7, claims_at_once, clocks);
    assert_eq!(both.map(|(_, why)| why), Some("both claim it"));
    let (_, nobody) = explore(7, claims, clocks_without_hand_over);
    assert!(nobody.is_some(), "a clock that is missing is missed");
}

/// One side writes whatever it likes, and says to have seen whatever it likes; the other only what it may.
fn lie(seed: u64, liar: Side, rounds: u64) {
    let mut dice = Dice::new(seed);
    let mut logs = Logs::default();
    for _ in 0..rounds {
        if dice.one_in(2) {
            let step = *dice.pick(&steps(6));
            logs = logs.with(liar, Message { seen: dice.below(12), step });
            continue;
        }
        let honest = liar.other();
        let view = logs.whole();
        let may: Vec<Step> = steps(8).into_iter().filter(|step| view.may(honest, *step).is_ok()).collect();
        if !may.is_empty() {
            logs = logs.with(honest, Message { seen: view.judged(liar), step: *dice.pick(&may) });
        }
        let whole = logs.whole();
        assert!(whole.illegal.iter().all(|(side, ..)| *side == liar), "seed {seed}: what the honest side wrote counts: {logs:?}");
        let withdrawn = logs.of(honest).iter().any(|message| message.step == Step::Withdraw);
        assert!(!withdrawn || matches!(whole.phase(), Phase::Withdrawn | Phase::Purged), "seed {seed}: {logs:?}");
        // A receiver that says to have destroyed the body may have; the origin asks no more.
        let quiet = matches!(whole.phase(), Phase::Draft | Phase::Purged);
        assert!(quiet || honest == Side::Receiver || !clocks(honest, &whole).is_empty(), "seed {seed}: {logs:?}");
    }
}

#[test]
fn whatever_one_side_says_to_have_seen_the_others_words_count() {
    for seed in 0..20_000 {
        lie(seed, *Dice::new(seed).pick(&Side::ALL), 16);
    }
}

#[test]
fn a_withdrawal_counts_though_a_liar_spoke_first_or_says_that_all_is_destroyed() {
    let liar = [message(99, Step::Acknowledge)];
    let view = standing(&[message(0, Step::Offer), message(0, Step::Withdraw)], &liar);
    assert_eq!((view.phase(), view.illegal.as_slice()), (Phase::Withdrawn, &[(Side::Receiver, 1, Illegal::NotWritten)][..]));
    let accepted = [message(1, Step::Acknowledge), message(1, Step::Accept), message(2, Step::Resolve), message(2, Step::Purge)];
    let origin = [message(0, Step::Offer), message(2, Step::Confirm(2))];
    let view = standing(&origin, &accepted);
    assert_eq!(view.may(Side::Origin, Step::Withdraw), Ok(()));
    assert_eq!(view.may(Side::Origin, Step::Contact), Err(Illegal::Ended), "no contact to who is done");
    let view = standing(&[origin[0], origin[1], message(4, Step::Withdraw)], &accepted);
    assert_eq!((view.phase(), clocks(Side::Origin, &view)), (Phase::Withdrawn, vec![Clock::Purge]), "until it is seen");
}

fn message(seen: u64, step: Step) -> Message {
    Message { seen, step }
}

#[test]
fn who_says_to_have_seen_what_was_not_written_moves_nothing() {
    let origin = [message(0, Step::Offer)];
    let early = [message(2, Step::Acknowledge), message(2, Step::Accept)];
    let standing_of = standing(&origin, &early);
    assert_eq!(standing_of.phase(), Phase::Offered);
    assert_eq!(standing_of.illegal, [(Side::Receiver, 1, Illegal::NotWritten), (Side::Receiver, 2, Illegal::NotWritten)]);
    let less =
        standing(&[message(0, Step::Offer), message(0, Step::Withdraw)], &[message(2, Step::Receipt), message(1, Step::Acknowledge)]);
    assert_eq!(less.illegal, [(Side::Receiver, 1, Illegal::Withdrawn), (Side::Receiver, 2, Illegal::SeesLess)]);
}

#[test]
fn a_withdrawal_at_the_same_time_as_an_acceptance_wins_and_the_case_is_the_origins() {
    let origin = [message(0, Step::Offer), message(1, Step::Withdraw)];
    let receiver = [message(1, Step::Acknowledge), message(1, Step::Accept)];
    let view = standing(&origin, &receiver);
    assert_eq!((view.phase(), view.owner(), view.illegal.len()), (Phase::Withdrawn, Side::Origin, 0));
    assert_eq!(standing(&origin[..1], &receiver).phase(), Phase::Accepted, "until it comes");
}

#[test]
fn a_case_that_was_given_away_is_withdrawn_when_the_receiver_has_seen_it() {
    let origin = [message(0, Step::Offer), message(2, Step::Confirm(2)), message(2, Step::Withdraw)];
    let mut receiver = vec![message(1, Step::Acknowledge), message(1, Step::Accept), message(2, Step::Progress(Progress::Working))];
    let view = standing(&origin, &receiver);
    assert_eq!((view.phase(), view.owner()), (Phase::Withdrawn, Side::Receiver), "it works on it still, as far as anybody knows");
    receiver.push(message(3, Step::Purge));
    let view = standing(&origin, &receiver);
    assert_eq!((view.phase(), view.owner(), view.is_over()), (Phase::Purged, Side::Origin, true));
}

fn given_receiver() -> [Message; 2] {
    [message(1, Step::Acknowledge), message(1, Step::Accept)]
}

#[test]
fn the_node_confirms_by_itself_only_where_there_is_nothing_to_choose() {
    let offered = || standing(&[message(0, Step::Offer)], &[]);
    let accepted = || standing(&[message(0, Step::Offer)], &[message(1, Step::Acknowledge), message(1, Step::Accept)]);
    let declined = || standing(&[message(0, Step::Offer)], &[message(1, Step::Acknowledge), message(1, Step::Decline)]);
    let withdrawn = || standing(&[message(0, Step::Offer), message(0, Step::Withdraw)], &[]);
    let given =
        || standing(&[message(0, Step::Offer), message(2, Step::Confirm(2))], &[message(1, Step::Acknowledge), message(1, Step::Accept)]);
    let of = |offers: &[Standing]| choice(&offers.iter().collect::<Vec<_>>());
    assert_eq!(of(&[offered()]), Choice::Wait);
    assert_eq!(of(&[accepted()]), Choice::Confirm(0));
    assert_eq!(of(&[declined(), accepted()]), Choice::Confirm(1));
    assert_eq!(of(&[offered(), accepted()]), Choice::Person, "another may accept as well");
    assert_eq!(of(&[accepted(), accepted()]), Choice::Person);
    assert_eq!(of(&[withdrawn(), accepted()]), Choice::Person, "something was withdrawn");
    assert_eq!(of(&[given(), accepted()]), Choice::Wait, "one has it");
    let left = standing(&[message(0, Step::Offer), message(2, Step::Confirm(2)), message(2, Step::Withdraw)], &given_receiver());
    assert_eq!(of(&[left.clone(), accepted()]), Choice::Person, "who was told to leave it, and is silent, is in nobody's way");
    let may = |offers: &[Standing], at| may_give(&offers.iter().collect::<Vec<_>>(), at);
    assert_eq!(may(&[given(), accepted()], 1), Err(Illegal::OwnedElsewhere));
    assert_eq!(may(&[left, accepted()], 1), Ok(()));
    assert_eq!(may(&[offered(), accepted()], 0), Err(Illegal::NotAccepted));
}
