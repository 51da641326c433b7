//! The rules alone: folds, what nodes do by themselves, and the clocks, with messages that take a second and nodes that are away now and then.

use crate::campaign::Dice;
use crate::people::model::{DAY, HOUR, MINUTE};
use crate::people::play::{Case as Referred, Deed, Network, News};
use crate::people::report::Outcome;
use std::collections::{BTreeMap, BTreeSet};
use watchfire::model::{OrgId, Priority, ReferralId, Timestamp};
use watchfire::rules::escalate::{Act, Case, Desks, Engine, Fired, Moment, Timetable, Wait};
use watchfire::rules::referral::{
    Choice, Decision, Facts, Message, Progress, Side, Standing, Step, by_itself, choice, is_open, may_give, standing,
};

const BEGAN: u64 = 1_800_000_000_000;
/// From one node to another.
const UNDER_WAY: u64 = 1_000;

/// What is planted, and must be caught.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    Nothing,
    /// No clock ever runs out.
    NoLadder,
    /// Whoever accepts believes to have the case.
    NoConfirmation,
}

struct Talk {
    case: usize,
    sides: [usize; 2],
    priority: Priority,
    logs: [Vec<Message>; 2],
    /// When each message was written (the origin's) or came (the receiver's) at the origin.
    at_origin: [Vec<u64>; 2],
    /// How many of the other's each side has.
    heard: [usize; 2],
    rungs: Vec<(Wait, Act, u64)>,
    rungs_there: usize,
    by_a_clock: bool,
}

/// A case at its origin.
struct Kept {
    offers: Vec<ReferralId>,
    candidates: Vec<usize>,
}

pub struct Rules {
    now: u64,
    engines: [Engine; 3],
    talks: BTreeMap<ReferralId, Talk>,
    cases: Vec<Kept>,
    /// What is under way: when it comes, of which referral, to which side, up to which message.
    under_way: BTreeSet<(u64, ReferralId, usize, usize)>,
    /// When each node is away.
    away: [Vec<(u64, u64)>; 3],
    news: Vec<News>,
    plant: Plant,
}

fn org(desk: usize) -> OrgId {
    OrgId([desk as u8 + 1; 32])
}

impl Rules {
    /// Nodes that are each away for some hours in a month, drawn by a seed.
    pub fn new(seed: u64, days: u64, plant: Plant) -> Self {
        let mut dice = Dice::new(seed ^ 0x6f66_6600);
        let away = std::array::from_fn(|_| {
            let mut times: Vec<(u64, u64)> = Vec::new();
            let mut at = dice.below(20 * DAY);
            while at < days * DAY {
                let back = at + dice.between(5 * MINUTE, 8 * HOUR);
                times.push((at, back));
                at = back + dice.between(5 * DAY, 25 * DAY);
            }
            times
        });
        let engine = || Engine::load(Timetable::default(), Desks::default(), [], Moment { wall: Timestamp(BEGAN), monotonic_ms: 0 });
        let engines = std::array::from_fn(|_| engine());
        Self { now: 0, engines, talks: BTreeMap::new(), cases: Vec::new(), under_way: BTreeSet::new(), away, news: Vec::new(), plant }
    }

    fn moment(&self) -> Moment {
        Moment { wall: Timestamp(BEGAN + self.now), monotonic_ms: self.now }
    }

    fn view(&self, referral: &ReferralId, side: usize) -> Standing {
        let talk = &self.talks[referral];
        let heard = &talk.logs[1 - side][..talk.heard[side]];
        if side == 0 { standing(&talk.logs[0], heard) } else { standing(heard, &talk.logs[1]) }
    }

    fn write(&mut self, referral: ReferralId, side: usize, step: Step) -> bool {
        let (known, who) = (self.view(&referral, side), [Side::Origin, Side::Receiver][side]);
        if known.may(who, step).is_err() {
            return false;
        }
        let now = self.now;
        let Some(talk) = self.talks.get_mut(&referral) else { return false };
        talk.logs[side].push(Message { seen: known.judged(who.other()), step });
        let count = talk.logs[side].len();
        if side == 0 {
            talk.at_origin[0].push(now);
        }
        // Neither away when it leaves, nor when it comes.
        let (mut comes, sides) = (now + UNDER_WAY, talk.sides);
        while let Some((_, back)) = sides.iter().flat_map(|desk| &self.away[*desk]).find(|(from, back)| (*from..*back).contains(&comes)) {
            comes = *back;
        }
        self.under_way.insert((comes, referral, 1 - side, count));
        self.align(referral, side);
        true
    }

    fn align(&mut self, referral: ReferralId, side: usize) {
        let (known, now) = (self.view(&referral, side), self.moment());
        let talk = &self.talks[&referral];
        let [here, there] = [talk.sides[side], talk.sides[1 - side]];
        let retention = Timestamp(BEGAN + 3_650 * DAY);
        let case = Case {
            referral: referral.0,
            side: [Side::Origin, Side::Receiver][side],
            priority: talk.priority,
            peer: org(there),
            retention,
            beside: Default::default(),
        };
        match known.is_over() {
            true => self.engines[here].end(referral.0),
            false => self.engines[here].align(&case, &known, now),
        }
    }

    /// What a side's node does by itself.
    fn react(&mut self, referral: ReferralId, side: usize) {
        loop {
            let known = self.view(&referral, side);
            let mut facts = Facts { destroyed: known.origin.withdrawn.is_some(), ..Facts::default() };
            if side == 0 {
                let offers = &self.cases[self.talks[&referral].case].offers;
                let standings: Vec<Standing> = offers.iter().map(|offer| self.view(offer, 0)).collect();
                let chosen = choice(&standings.iter().collect::<Vec<_>>());
                facts.chosen = matches!(chosen, Choice::Confirm(at) if offers[at] == referral) && self.plant != Plant::NoConfirmation;
            }
            match by_itself([Side::Origin, Side::Receiver][side], &known, facts) {
                Some(step) if self.write(referral, side, step) => {}
                _ => return,
            }
        }
    }

    fn come(&mut self, (at, referral, side, count): (u64, ReferralId, usize, usize)) {
        let Some(talk) = self.talks.get_mut(&referral) else { return };
        talk.heard[side] = talk.heard[side].max(count);
        if side == 0 {
            let missing = talk.heard[0] - talk.at_origin[1].len();
            talk.at_origin[1].extend(std::iter::repeat_n(at, missing));
        }
        self.align(referral, side);
        self.react(referral, side);
    }

    fn offer(&mut self, case: usize, [from, to]: [usize; 2], priority: Priority, by_a_clock: bool) -> ReferralId {
        let mut referral = ReferralId([0; 16]);
        referral.0[..8].copy_from_slice(&(self.talks.len() as u64 + 1).to_be_bytes());
        let sides = [from, to];
        let talk = Talk {
            case,
            sides,
            priority,
            logs: Default::default(),
            at_origin: Default::default(),
            heard: [0; 2],
            rungs: Vec::new(),
            rungs_there: 0,
            by_a_clock,
        };
        self.talks.insert(referral, talk);
        self.cases[case].offers.push(referral);
        self.write(referral, 0, Step::Offer);
        referral
    }

    fn look(&mut self, desk: usize) {
        let now = self.moment();
        for fired in self.engines[desk].look(now) {
            self.climb(desk, &fired);
        }
    }

    fn climb(&mut self, desk: usize, fired: &Fired) {
        let (referral, now) = (ReferralId(fired.referral), self.now);
        let Some(talk) = self.talks.get_mut(&referral) else { return };
        if talk.sides[1] == desk {
            talk.rungs_there += 1;
            return;
        }
        let (case, priority, from) = (talk.case, talk.priority, talk.sides[0]);
        let next = (fired.act == Act::OfferNext).then(|| self.next_of(case)).flatten();
        let act = fired.act.within(next.is_some());
        self.news.push(News::Rung { referral, wait: fired.wait, act });
        self.talks.entry(referral).and_modify(|talk| talk.rungs.push((fired.wait, act, now)));
        if let Some(to) = next {
            self.cases[case].candidates.retain(|one| *one != to);
            let offered = self.offer(case, [from, to], priority, true);
            self.news.push(News::Offered { of: referral, referral: offered });
        }
    }

    fn next_of(&self, case: usize) -> Option<usize> {
        let kept = &self.cases[case];
        let taken = |offer: &ReferralId| matches!(self.view(offer, 0).receiver.decision, Decision::Accepted(_));
        kept.candidates.first().copied().filter(|_| !kept.offers.iter().any(taken))
    }
}

impl Network for Rules {
    fn now(&self) -> u64 {
        self.now
    }

    async fn until(&mut self, at: u64) {
        loop {
            let comes = self.under_way.first().map(|one| one.0);
            let due = |engine: &Engine| engine.next_due().filter(|_| self.plant != Plant::NoLadder).map(|due| due.0.saturating_sub(BEGAN));
            let fires = self.engines.iter().enumerate().filter_map(|(desk, engine)| Some((due(engine)?, desk))).min();
            match (comes, fires) {
                (Some(comes), fires) if comes <= at && fires.is_none_or(|(due, _)| comes <= due) => {
                    self.now = self.now.max(comes);
                    if let Some(one) = self.under_way.pop_first() {
                        self.come(one);
                    }
                }
                (_, Some((due, desk))) if due <= at => {
                    self.now = self.now.max(due);
                    self.look(desk);
                }
                _ => break,
            }
        }
        self.now = self.now.max(at);
    }

    async fn refer(&mut self, case: &Referred<'_>) -> ReferralId {
        self.cases.push(Kept { offers: Vec::new(), candidates: vec![case.then] });
        self.offer(self.cases.len() - 1, [case.from, case.to], case.request.priority, false)
    }

    async fn again(&mut self, from: usize, referral: ReferralId, to: usize) -> Option<ReferralId> {
        let talk = &self.talks[&referral];
        let (case, priority) = (talk.case, talk.priority);
        self.cases[case].candidates.retain(|one| *one != to);
        Some(self.offer(case, [from, to], priority, false))
    }

    async fn act(&mut self, _: usize, referral: ReferralId, deed: Deed) -> bool {
        let side = usize::from(matches!(deed, Deed::Ack | Deed::Ask | Deed::Accept | Deed::Decline | Deed::Progress | Deed::Resolve));
        let known = self.view(&referral, side);
        if side == 1 && !known.origin.offered {
            return false;
        }
        let step = match deed {
            Deed::Ack => Step::Acknowledge,
            Deed::Ask => Step::Ask,
            Deed::Answer => Step::Answer(known.receiver.asked),
            Deed::Accept => Step::Accept,
            Deed::Decline => Step::Decline,
            Deed::Choose if self.plant == Plant::NoConfirmation => return false,
            Deed::Choose => {
                let offers = &self.cases[self.talks[&referral].case].offers;
                let standings: Vec<Standing> = offers.iter().map(|offer| self.view(offer, 0)).collect();
                let at = offers.iter().position(|offer| *offer == referral).expect("it is one of them");
                match known.receiver.decision {
                    Decision::Accepted(number) if may_give(&standings.iter().collect::<Vec<_>>(), at).is_ok() => Step::Confirm(number),
                    _ => return false,
                }
            }
            Deed::Progress => Step::Progress(Progress::Working),
            Deed::Resolve => Step::Resolve,
            Deed::Review => Step::Review,
            Deed::Close => Step::Close,
            Deed::Withdraw => Step::Withdraw,
        };
        let done = self.write(referral, side, step);
        self.react(referral, side);
        if done && matches!(deed, Deed::Choose) {
            // The node withdraws it from the others, once it is confirmed.
            for other in self.cases[self.talks[&referral].case].offers.clone() {
                if other != referral && is_open(&self.view(&other, 0)) && self.write(other, 0, Step::Withdraw) {
                    self.react(other, 0);
                }
            }
        }
        done
    }

    fn standing(&self, desk: usize, referral: &ReferralId) -> Option<Standing> {
        let side = usize::from(self.talks.get(referral)?.sides[1] == desk);
        Some(self.view(referral, side)).filter(|known| known.origin.offered)
    }

    fn news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    async fn outcomes(&mut self) -> Vec<Outcome> {
        let one = |(referral, talk): (&ReferralId, &Talk)| {
            let messages =
                |side: usize| talk.at_origin[side].iter().copied().zip(talk.logs[side].iter().map(|message| message.step)).collect();
            let mut case = [0; 16];
            case[..8].copy_from_slice(&(talk.case as u64).to_be_bytes());
            let mut at_receiver = self.view(referral, 1);
            if self.plant == Plant::NoConfirmation && matches!(at_receiver.receiver.decision, Decision::Accepted(_)) {
                at_receiver.origin.confirmed = Some(2);
            }
            Outcome {
                referral: *referral,
                case,
                from: talk.sides[0],
                to: talk.sides[1],
                priority: talk.priority,
                origin: messages(0),
                receiver: messages(1),
                at_origin: self.view(referral, 0),
                at_receiver: Some(at_receiver),
                rungs: talk.rungs.clone(),
                rungs_there: talk.rungs_there,
                by_a_clock: talk.by_a_clock,
            }
        };
        self.talks.iter().map(one).collect()
    }
}
