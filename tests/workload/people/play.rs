//! What the people do: they refer, open, ask, decide, work, and ask somebody else where a clock told them to.

use super::model::{DAY, HOUR, Hands, MINUTE, Manner, Request, shift};
use super::report::Outcome;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use watchfire::model::{Priority, ReferralId};
use watchfire::rules::escalate::{Act, Wait};
use watchfire::rules::referral::{Decision, Phase, Side, Standing};

/// How often it is looked what came by itself.
const LOOK: u64 = 5 * MINUTE;
/// What is not possible yet, such as to open what has not come, is tried again after so long.
const AGAIN: u64 = 2 * MINUTE;
const TRIES: u32 = 200;

/// What somebody does in a referral.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    Ack,
    Ask,
    Answer,
    Accept,
    Decline,
    Choose,
    Progress,
    Resolve,
    Review,
    Close,
    Withdraw,
}

impl Deed {
    const fn side(self) -> Side {
        match self {
            Self::Ack | Self::Ask | Self::Accept | Self::Decline | Self::Progress | Self::Resolve => Side::Receiver,
            Self::Answer | Self::Choose | Self::Review | Self::Close | Self::Withdraw => Side::Origin,
        }
    }
}

/// A case to be referred.
pub struct Case<'a> {
    pub from: usize,
    pub to: usize,
    /// The candidate that is asked next, which the consent names too.
    pub then: usize,
    pub request: &'a Request,
}

/// What happened at an origin without anybody's doing.
pub enum News {
    /// A clock has run out.
    Rung { referral: ReferralId, wait: Wait, act: Act },
    /// A clock has offered the case to the next candidate.
    Offered { of: ReferralId, referral: ReferralId },
}

/// Three nodes, or what stands for them. All times are milliseconds from the beginning.
pub trait Network {
    fn now(&self) -> u64;
    async fn until(&mut self, at: u64);
    async fn refer(&mut self, case: &Case<'_>) -> ReferralId;
    /// A person asks somebody else too; `None` where that is not possible.
    async fn again(&mut self, from: usize, referral: ReferralId, to: usize) -> Option<ReferralId>;
    /// `false` where it is not possible, or not yet.
    async fn act(&mut self, desk: usize, referral: ReferralId, deed: Deed) -> bool;
    /// What a desk knows.
    fn standing(&self, desk: usize, referral: &ReferralId) -> Option<Standing>;
    fn news(&mut self) -> Vec<News>;
    async fn outcomes(&mut self) -> Vec<Outcome>;
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Come(usize),
    Do(ReferralId, Deed, u32),
    /// Somebody looks whether the other has to be asked now.
    AskNext(usize),
    /// A case that was accepted is taken back from the others, and one that nobody takes is called off.
    Tidy(usize),
    Look,
}

struct Offer {
    case: usize,
    from: usize,
    to: usize,
    manner: Manner,
    reports_until: u64,
}

struct Open {
    from: usize,
    then: usize,
    offers: Vec<ReferralId>,
    asked_next: bool,
}

/// The people.
pub struct Play<'a, N> {
    net: &'a mut N,
    requests: &'a [Request],
    hands: [Hands; 3],
    queue: BinaryHeap<Reverse<(u64, u64, Event)>>,
    count: u64,
    offers: BTreeMap<ReferralId, Offer>,
    cases: Vec<Open>,
}

impl<'a, N: Network> Play<'a, N> {
    /// Everything that happens until `end`.
    pub async fn run(net: &'a mut N, requests: &'a [Request], end: u64) {
        let mut play = Self {
            net,
            requests,
            hands: Default::default(),
            queue: BinaryHeap::new(),
            count: 0,
            offers: BTreeMap::new(),
            cases: Vec::new(),
        };
        for (number, request) in requests.iter().enumerate() {
            play.plan(request.at, Event::Come(number));
        }
        play.plan(LOOK, Event::Look);
        while let Some(Reverse((at, _, event))) = play.queue.pop().filter(|Reverse((at, ..))| *at <= end) {
            play.net.until(at).await;
            play.happen(event).await;
        }
        play.net.until(end).await;
    }

    fn plan(&mut self, at: u64, event: Event) {
        self.count += 1;
        self.queue.push(Reverse((at, self.count, event)));
    }

    fn soon(&mut self, after: u64, event: Event) {
        let at = self.net.now() + after;
        self.plan(at, event);
    }

    async fn happen(&mut self, event: Event) {
        match event {
            Event::Come(number) => self.come(number).await,
            Event::Do(referral, deed, tries) => self.attempt(referral, deed, tries).await,
            Event::AskNext(case) => self.ask_next(case).await,
            Event::Tidy(case) => self.tidy(case).await,
            Event::Look => {
                for news in self.net.news() {
                    self.hear(news);
                }
                self.soon(LOOK, Event::Look);
            }
        }
    }

    async fn come(&mut self, number: usize) {
        let (requests, now) = (self.requests, self.net.now());
        let request = &requests[number];
        let Some(from) = request.from else {
            self.hands[request.desk].take(request.desk, now, request.priority);
            return;
        };
        let then = 3 - from - request.desk;
        let referral = self.net.refer(&Case { from, to: request.desk, then, request }).await;
        let case = self.cases.len();
        self.cases.push(Open { from, then, offers: Vec::new(), asked_next: false });
        self.offered(case, referral, request.desk, request, 0);
    }

    /// Somebody is asked, and will do what they do.
    fn offered(&mut self, case: usize, referral: ReferralId, to: usize, request: &Request, which: usize) {
        let manner = request.manners[which].clone();
        let free = self.hands[to].take(to, self.net.now(), request.priority);
        if !manner.silent {
            self.plan(free + manner.opens, Event::Do(referral, Deed::Ack, 0));
        }
        let from = self.cases[case].from;
        self.cases[case].offers.push(referral);
        self.offers.insert(referral, Offer { case, from, to, manner, reports_until: 0 });
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Rung { referral, wait, act } => {
                let Some(offer) = self.offers.get(&referral) else { return };
                let (case, person) = (offer.case, act != Act::Digest);
                // Whoever is told that nobody answers looks for somebody else; where both are silent the case is called off.
                let after = match act {
                    // At night few are there, and nobody gets to it before the morning.
                    _ if shift(self.cases[case].from, self.net.now()) == 2 => 5 * HOUR,
                    Act::TellHandler => 4 * HOUR,
                    _ => 40 * MINUTE,
                };
                match wait {
                    Wait::Receipt | Wait::Acknowledgement | Wait::Decision | Wait::Next if person => self.soon(after, Event::AskNext(case)),
                    // Somebody has accepted while somebody else was asked.
                    Wait::Confirmation => self.soon(5 * MINUTE, Event::Do(referral, Deed::Choose, 0)),
                    _ => {}
                }
            }
            News::Offered { of, referral } => {
                let Some(offer) = self.offers.get(&of) else { return };
                let (case, requests) = (offer.case, self.requests);
                if self.offers.contains_key(&referral) {
                    return;
                }
                let open = &mut self.cases[case];
                open.asked_next = true;
                let then = open.then;
                let request = self.request_of(case, requests);
                self.offered(case, referral, then, request, 1);
            }
        }
    }

    fn request_of(&self, case: usize, requests: &'a [Request]) -> &'a Request {
        requests.iter().filter(|request| request.from.is_some()).nth(case).expect("cases are made in the order of requests")
    }

    /// Where the origin sees nobody who has it, or will.
    fn is_free(&self, case: usize) -> bool {
        let open = &self.cases[case];
        let standings = open.offers.iter().filter_map(|referral| self.net.standing(open.from, referral));
        standings.into_iter().all(|known| !matches!(known.receiver.decision, Decision::Accepted(_)) || known.receiver.handed_back.is_some())
    }

    async fn ask_next(&mut self, case: usize) {
        if !self.is_free(case) {
            return;
        }
        let open = &self.cases[case];
        let (from, then, first) = (open.from, open.then, open.offers[0]);
        if open.asked_next {
            // Both were asked, and people were told again: they have four days more.
            return self.soon(4 * DAY, Event::Tidy(case));
        }
        if let Some(referral) = self.net.again(from, first, then).await {
            self.cases[case].asked_next = true;
            let request = self.request_of(case, self.requests);
            self.offered(case, referral, then, request, 1);
        } else {
            self.soon(5 * MINUTE, Event::AskNext(case));
        }
    }

    async fn tidy(&mut self, case: usize) {
        let (from, offers) = (self.cases[case].from, self.cases[case].offers.clone());
        let known: Vec<_> = offers.iter().filter_map(|referral| Some((*referral, self.net.standing(from, referral)?))).collect();
        let taken = known.iter().any(|(_, known)| known.owner() == Side::Receiver);
        let accepted = known.iter().any(|(_, known)| known.phase() == Phase::Accepted);
        for (referral, known) in known {
            let is_asked = known.origin.withdrawn.is_none() && known.owner() == Side::Origin && !known.is_over();
            if is_asked && (taken || !accepted) {
                self.plan(self.net.now(), Event::Do(referral, Deed::Withdraw, 0));
            }
        }
        if accepted && !taken {
            self.soon(HOUR, Event::Tidy(case));
        }
    }

    async fn attempt(&mut self, referral: ReferralId, deed: Deed, tries: u32) {
        let Some(offer) = self.offers.get(&referral) else { return };
        let (case, desk) = (offer.case, if deed.side() == Side::Origin { offer.from } else { offer.to });
        if let Some(known) = self.net.standing(desk, &referral)
            && (known.origin.withdrawn.is_some() || known.is_over())
        {
            return;
        }
        if !self.net.act(desk, referral, deed).await {
            if tries < TRIES {
                self.soon(AGAIN, Event::Do(referral, deed, tries + 1));
            }
            return;
        }
        let now = self.net.now();
        let Some(offer) = self.offers.get_mut(&referral) else { return };
        let manner = offer.manner.clone();
        let decision = if manner.declines { Deed::Decline } else { Deed::Accept };
        let go = |deed| Event::Do(referral, deed, 0);
        match deed {
            Deed::Ack if manner.asks => self.plan(now + manner.decides / 2, go(Deed::Ask)),
            Deed::Ack => self.plan(now + manner.decides, go(decision)),
            Deed::Ask => self.plan(now + manner.answers, go(Deed::Answer)),
            Deed::Answer => self.plan(now + manner.decides / 2, go(decision)),
            Deed::Accept => {
                offer.reports_until = now + manner.work;
                self.plan(now + manner.begins, go(Deed::Progress));
                if self.cases[case].offers.len() > 1 {
                    // Two were asked: a person chooses, and the node takes it back from the other.
                    self.plan(now + 15 * MINUTE, go(Deed::Choose));
                    self.plan(now + 2 * HOUR, Event::Tidy(case));
                }
            }
            Deed::Decline => self.plan(now + HOUR, Event::AskNext(case)),
            Deed::Progress if now + manner.reports < offer.reports_until => self.plan(now + manner.reports, go(Deed::Progress)),
            Deed::Progress => self.plan(now + manner.reports, go(Deed::Resolve)),
            Deed::Resolve => self.plan(now + manner.reviews, go(Deed::Review)),
            Deed::Review => self.plan(now + DAY, go(Deed::Close)),
            Deed::Choose | Deed::Close | Deed::Withdraw => {}
        }
    }
}

/// How soon each is to be: receipt, a person's acknowledgement, the decision (DOMAIN §7, and the first rungs of docs/escalation.md).
pub const fn limits(priority: Priority) -> [u64; 3] {
    match priority {
        Priority::Emergency => [5 * MINUTE, 60 * MINUTE, 4 * HOUR],
        Priority::Urgent => [30 * MINUTE, 4 * HOUR, DAY],
        Priority::Normal => [6 * HOUR, DAY, 5 * DAY],
    }
}

/// When the first clock of each runs out, so that somebody has to be told.
pub const fn first_rungs(priority: Priority) -> [u64; 3] {
    match priority {
        Priority::Emergency => [5 * MINUTE, 60 * MINUTE, 3 * HOUR],
        Priority::Urgent => [30 * MINUTE, 3 * HOUR, DAY],
        Priority::Normal => [6 * HOUR, DAY, 5 * DAY],
    }
}
