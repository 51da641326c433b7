//! The nodes and what happens to them. True time is that of the monotonic clock; each node's wall clock is off by something.

use super::super::{Act, Beside, Case, Desks, Engine, Fired, Key, Moment, Timetable, Wait, Watch, is_paused, waits};
use super::desks::{DESKS, TABLE, hours};
use super::life::{Figures, Life};
use super::oracle::Times;
use crate::campaign::Dice;
use crate::model::hours::Hours;
use crate::model::{OrgId, Priority, Timestamp};
use crate::rules::referral::{Decision, Message, Progress as Work, Side, Standing, Step, standing};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const DAY: u64 = 24 * 60 * MINUTE;
/// The year is 2024.
pub(super) const BEGIN: u64 = TABLE + 2 * DAY;
pub(super) const END: u64 = BEGIN + 366 * DAY;

/// What is made wrong, to see that it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plant {
    Nothing,
    /// Rows come back without the rungs that were recorded last.
    ForgetsRungs,
    /// The monotonic clock is not asked.
    BlindToSteps,
    /// Declared hours are not known.
    NoHours,
    /// Every rung gives a notice.
    Burst,
    /// Behind a ladder's end nothing is told again.
    SilentBehindTheEnd,
    /// Of the repetitions that were missed not the last one alone is recorded.
    EachThatWasMissed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Write(usize),
    /// A side hears no more of it, as when it was deleted.
    End(usize, usize),
    Platform(usize, bool),
    Step(usize),
    Down(usize),
    Up(usize),
    /// With the number of the plan that it belongs to.
    Look(usize, u64),
}

struct Node {
    engine: Option<Engine>,
    rows: BTreeMap<Key, Watch>,
    /// Wall minus true.
    offset: i64,
    /// When the step that has been is seen at the latest.
    step_seen: Option<u64>,
    plan: u64,
    /// Referrals with news that it has not heard.
    unheard: BTreeSet<usize>,
    /// What the oracle asks: true time, offset from then on, and whether the node was up then.
    steps: Vec<(u64, i64, bool)>,
    ups: Vec<(u64, u64)>,
}

struct Talk {
    case: [Case; 2],
    node: [usize; 2],
    logs: [Vec<Message>; 2],
    /// How many of the other's messages each has.
    heard: [usize; 2],
    writes_left: u64,
}

pub(super) struct World {
    plant: Plant,
    dice: Dice,
    pub(super) hours: Vec<Option<Hours>>,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    count: u64,
    nodes: Vec<Node>,
    talks: Vec<Talk>,
    /// Lives that run, by talk, side and wait.
    open: BTreeMap<(usize, usize, Wait), usize>,
    pub(super) lives: Vec<Life>,
    pub(super) wrong: Vec<String>,
    notice_ids: BTreeSet<(usize, [u8; 16])>,
    pub(super) figures: Figures,
}

impl World {
    pub(super) fn run(seed: u64, many: u64, plant: Plant) -> Self {
        let mut world = Self {
            plant,
            dice: Dice::new(seed),
            hours: (0..DESKS.len()).map(hours).collect(),
            events: BinaryHeap::new(),
            count: 0,
            nodes: Vec::new(),
            talks: Vec::new(),
            open: BTreeMap::new(),
            lives: Vec::new(),
            wrong: Vec::new(),
            notice_ids: BTreeSet::new(),
            figures: Figures { referrals: many, ..Figures::default() },
        };
        for node in 0..DESKS.len() {
            let offset = 0;
            let (rows, unheard) = (BTreeMap::new(), BTreeSet::new());
            world.nodes.push(Node { engine: None, rows, offset, step_seen: None, plan: 0, unheard, steps: Vec::new(), ups: Vec::new() });
            world.plan(BEGIN, Event::Up(node));
            world.plan(BEGIN + 5 * DAY, Event::Step(node));
        }
        (0..many).for_each(|number| world.talk(number));
        while let Some(Reverse((at, _, event))) = world.events.pop() {
            if at >= END {
                break;
            }
            world.happen(at, event);
        }
        for life in &mut world.lives {
            life.end = life.end.min(END);
        }
        for node in &mut world.nodes {
            if node.engine.is_some()
                && let Some(last) = node.ups.last_mut()
            {
                last.1 = END;
            }
        }
        world
    }

    fn plan(&mut self, at: u64, event: Event) {
        self.count += 1;
        self.events.push(Reverse((at, self.count, event)));
    }

    fn talk(&mut self, number: u64) {
        let dice = &mut self.dice;
        let origin = dice.below(DESKS.len() as u64) as usize;
        let receiver = (origin + 1 + dice.below(DESKS.len() as u64 - 1) as usize) % DESKS.len();
        let priority = *dice.pick(&[Priority::Emergency, Priority::Urgent, Priority::Urgent, Priority::Normal, Priority::Normal]);
        let begin = dice.between(BEGIN + DAY, END - 20 * DAY);
        let mut referral = [0; 16];
        referral[..8].copy_from_slice(&number.to_be_bytes());
        let retention = Timestamp(begin + dice.below(60 * DAY));
        let case = |side, peer: usize| Case { referral, side, priority, peer: org(peer), retention, beside: Beside::default() };
        let talk = self.talks.len();
        self.talks.push(Talk {
            case: [case(Side::Origin, receiver), case(Side::Receiver, origin)],
            node: [origin, receiver],
            logs: Default::default(),
            heard: [0, 0],
            writes_left: 12,
        });
        let asks = self.dice.one_in(8).then(|| (begin + self.dice.below(9 * DAY), self.dice.between(DAY, 60 * DAY)));
        self.plan(begin, Event::Write(talk));
        if let Some((at, long)) = asks {
            self.plan(at, Event::Platform(talk, true));
            self.plan(at + long, Event::Platform(talk, false));
        }
    }

    fn happen(&mut self, at: u64, event: Event) {
        match event {
            Event::Write(talk) => self.write(at, talk),
            Event::End(talk, side) => self.end(at, talk, side),
            Event::Platform(talk, begins) => self.platform(at, talk, begins),
            Event::Step(node) => self.step(at, node),
            Event::Down(node) => self.down(at, node),
            Event::Up(node) => self.up(at, node),
            Event::Look(node, plan) if self.nodes[node].plan == plan => self.look(at, node),
            Event::Look(..) => {}
        }
    }

    fn moment(&self, at: u64, node: usize) -> Moment {
        let wall = Timestamp(at.saturating_add_signed(self.nodes[node].offset));
        let monotonic_ms = if self.plant == Plant::BlindToSteps { wall.0 } else { at };
        Moment { wall, monotonic_ms }
    }

    /// Whatever is asked of an engine sees a step, and its rows are written.
    fn with<T>(&mut self, at: u64, node: usize, ask: impl FnOnce(&mut Engine, Moment) -> T) -> Option<T> {
        let moment = self.moment(at, node);
        let this = &mut self.nodes[node];
        let answer = ask(this.engine.as_mut()?, moment);
        if this.step_seen.take().is_some() {
            this.steps.push((at, this.offset, true));
        }
        let changes = this.engine.as_mut()?.take_changes();
        for row in changes.put {
            this.rows.insert(row.key(), row);
        }
        for key in changes.gone {
            this.rows.remove(&key);
        }
        // The next look: when something is due, as the looks between see nothing.
        let due = this.engine.as_ref()?.next_due();
        this.plan += 1;
        let plan = this.plan;
        if let Some(due) = due {
            let next = at + due.since(moment.wall) + self.dice.below(250);
            self.plan(next, Event::Look(node, plan));
        }
        Some(answer)
    }

    fn look(&mut self, at: u64, node: usize) {
        let Some(mut fired) = self.with(at, node, |engine, now| engine.look(now)) else { return };
        match self.plant {
            Plant::Burst => fired.iter_mut().for_each(|one| one.notify = true),
            Plant::SilentBehindTheEnd => fired.retain(|one| one.again == 0),
            Plant::EachThatWasMissed => fired.extend(self.missed(node, &fired)),
            _ => {}
        }
        self.figures.rungs += fired.len() as u64;
        let mut notices: BTreeMap<[u8; 16], Vec<&Fired>> = BTreeMap::new();
        for one in &fired {
            notices.entry(one.referral).or_default().push(one);
            self.figures.late += u64::from(one.late);
            self.figures.late_offers += u64::from(one.late && one.act == Act::OfferNext);
            self.figures.notices += u64::from(one.notify);
            if !self.notice_ids.insert((node, one.notice_id)) {
                self.wrong.push(format!("recorded again: {one:?} at node {node}, {at}"));
            }
            let up_since = self.nodes[node].ups.last().map_or(0, |up| up.0);
            if one.late && at > up_since + 10 * SECOND {
                self.wrong.push(format!("late: {one:?} though node {node} ran at {at}"));
            }
            let talk = usize::from_be_bytes(std::array::from_fn(|at| one.referral[at]));
            match self.open.get(&(talk, usize::from(self.talks[talk].node[1] == node), one.wait)) {
                Some(life) => self.lives[*life].fired.push((at, one.clone())),
                None => self.wrong.push(format!("no such clock: {one:?} at node {node}, {at}")),
            }
        }
        for (_, of_one) in notices {
            let given: Vec<_> = of_one.iter().filter(|one| one.notify).collect();
            let highest = of_one.iter().map(|one| one.act).max();
            if given.len() != 1 || Some(given[0].act) != highest {
                self.wrong.push(format!("burst: {of_one:?} at node {node}, {at}"));
            }
        }
    }

    /// The repetition before each of these that was not recorded before.
    fn missed(&self, node: usize, fired: &[Fired]) -> Vec<Fired> {
        let before = |one: &Fired| {
            let talk = usize::from_be_bytes(std::array::from_fn(|at| one.referral[at]));
            let life = self.open.get(&(talk, usize::from(self.talks[talk].node[1] == node), one.wait))?;
            let last = self.lives[*life].fired.iter().map(|(_, one)| one.rung).max()?;
            let mut notice_id = one.notice_id;
            notice_id[0] ^= 1;
            let before =
                Fired { rung: one.rung.checked_sub(1)?, again: one.again.checked_sub(1)?, notify: false, notice_id, ..one.clone() };
            (before.again > 0 && before.rung > last).then_some(before)
        };
        fired.iter().filter_map(before).collect()
    }

    fn step(&mut self, at: u64, node: usize) {
        let by = match self.dice.below(4) {
            0 => 600_000,
            1 => -600_000,
            2 => -self.nodes[node].offset,
            _ => self.dice.below(1_200_000) as i64 - 600_000,
        };
        let next = at + self.dice.between(DAY, 20 * DAY);
        self.plan(next, Event::Step(node));
        // Smaller ones are no steps; further away than 20 minutes nobody's clock stays.
        if by.abs() < 3_000 || (self.nodes[node].offset + by).abs() > 1_200_000 || self.nodes[node].step_seen.is_some() {
            return;
        }
        self.figures.steps += 1;
        self.nodes[node].offset += by;
        if self.nodes[node].engine.is_some() {
            // The next of the looks that are taken each four seconds sees it.
            let seen = at + self.dice.below(4_000);
            self.nodes[node].step_seen = Some(seen);
            let plan = self.nodes[node].plan;
            self.plan(seen, Event::Look(node, plan));
        }
    }

    fn down(&mut self, at: u64, node: usize) {
        if self.nodes[node].step_seen.is_some() {
            return self.plan(at + 5 * SECOND, Event::Down(node));
        }
        let this = &mut self.nodes[node];
        this.engine = None;
        if let Some(last) = this.ups.last_mut() {
            last.1 = at;
        }
        let long = match self.dice.below(3) {
            0 => self.dice.between(SECOND, 10 * MINUTE),
            1 => self.dice.between(10 * MINUTE, 12 * 60 * MINUTE),
            _ => self.dice.between(DAY / 2, 4 * DAY),
        };
        self.plan(at + long, Event::Up(node));
    }

    fn up(&mut self, at: u64, node: usize) {
        self.figures.restarts += u64::from(at > BEGIN);
        let now = self.moment(at, node);
        let mut rows: Vec<Watch> = self.nodes[node].rows.values().cloned().collect();
        for (number, row) in rows.iter_mut().enumerate() {
            if number % 32 == 0 {
                *row = serde_json::from_str(&serde_json::to_string(row).unwrap()).unwrap();
            }
            if self.plant == Plant::ForgetsRungs {
                row.recorded = row.recorded.saturating_sub(1);
            }
        }
        let known = |desk: usize| self.hours[desk].clone().filter(|_| self.plant != Plant::NoHours);
        let peers = (0..DESKS.len()).filter_map(|desk| Some((org(desk), known(desk)?))).collect();
        let desks = Desks { own: known(node), peers };
        let this = &mut self.nodes[node];
        this.engine = Some(Engine::load(Timetable::default(), desks, rows, now));
        this.steps.push((at, this.offset, false));
        this.ups.push((at, END));
        self.look(at, node);
        for talk in std::mem::take(&mut self.nodes[node].unheard) {
            let side = usize::from(self.talks[talk].node[1] == node);
            self.hear(at, talk, side);
        }
        let long = self.dice.between(DAY / 4, 20 * DAY);
        self.plan(at + long, Event::Down(node));
    }

    fn view(&self, talk: usize, side: usize) -> Standing {
        let Talk { logs, heard, .. } = &self.talks[talk];
        if side == 0 { standing(&logs[0], &logs[1][..heard[0]]) } else { standing(&logs[0][..heard[1]], &logs[1]) }
    }

    /// A side has all that the other has written.
    fn hear(&mut self, at: u64, talk: usize, side: usize) {
        let node = self.talks[talk].node[side];
        if self.nodes[node].engine.is_none() {
            self.nodes[node].unheard.insert(talk);
            return;
        }
        self.talks[talk].heard[side] = self.talks[talk].logs[1 - side].len();
        self.align(at, talk, side);
    }

    fn align(&mut self, at: u64, talk: usize, side: usize) {
        let known = self.view(talk, side);
        let (case, node) = (self.talks[talk].case[side], self.talks[talk].node[side]);
        self.with(at, node, |engine, now| engine.align(&case, &known, now));
        let wanted: BTreeMap<Wait, u64> = waits(case.side, &known, &case.beside).into_iter().collect();
        for wait in Wait::ALL.into_iter().filter(|wait| *wait != Wait::Platform) {
            let running = self.open.get(&(talk, side, wait)).copied();
            let is_same = running.is_some_and(|life| wanted.get(&wait) == Some(&self.lives[life].cause));
            if let Some(life) = running.filter(|_| !is_same) {
                self.lives[life].end = at;
                self.open.remove(&(talk, side, wait));
            }
            let Some(cause) = wanted.get(&wait) else { continue };
            if !is_same {
                let late_start = wait == Wait::Purge && known.origin.withdrawn.is_none();
                self.begin(at, talk, side, wait, *cause, if late_start { case.retention.0 } else { 0 });
            }
            let Some(life) = self.open.get(&(talk, side, wait)) else { continue };
            let life = &mut self.lives[*life];
            if is_paused(wait, &known) != (life.pauses.len() % 2 == 1) {
                self.figures.paused += u64::from(life.pauses.is_empty());
                life.pauses.push(at);
            }
        }
    }

    fn begin(&mut self, at: u64, talk: usize, side: usize, wait: Wait, cause: u64, from: u64) {
        self.figures.lives += 1;
        self.figures.waits.insert(wait);
        self.open.insert((talk, side, wait), self.lives.len());
        let Talk { case, node: desk, .. } = &self.talks[talk];
        let (pauses, fired, priority) = (Vec::new(), Vec::new(), case[side].priority);
        let (node, desk) = (desk[side], *desk);
        self.lives.push(Life { node, wait, cause, priority, desk, begin: at, from, pauses, end: u64::MAX, fired });
    }

    fn platform(&mut self, at: u64, talk: usize, begins: bool) {
        let (mut case, node) = (self.talks[talk].case[0], self.talks[talk].node[0]);
        if self.nodes[node].engine.is_none() {
            return self.plan(at + 60 * MINUTE, Event::Platform(talk, begins));
        }
        case.referral[15] = 1;
        if !begins {
            self.with(at, node, |engine, _| engine.end(case.referral));
            if let Some(life) = self.open.remove(&(talk, 0, Wait::Platform)) {
                self.lives[life].end = at;
            }
        } else if !self.open.contains_key(&(talk, 0, Wait::Platform)) {
            self.with(at, node, |engine, now| engine.watch_platform(&case, 0, now.wall, now));
            self.begin(at, talk, 0, Wait::Platform, 0, 0);
        }
    }

    /// One of both does something that it may, and the other hears of it when it is there.
    fn write(&mut self, at: u64, talk: usize) {
        let first = self.talks[talk].logs[0].is_empty();
        let side = if first { 0 } else { self.dice.below(2) as usize };
        let node = self.talks[talk].node[side];
        if self.nodes[node].engine.is_none() {
            let again = at + self.dice.between(MINUTE, 300 * MINUTE);
            return self.plan(again, Event::Write(talk));
        }
        let view = self.view(talk, side);
        let who = [Side::Origin, Side::Receiver][side];
        let may: Vec<Step> = self.steps(&view).into_iter().filter(|step| view.may(who, *step).is_ok()).collect();
        if !may.is_empty() {
            let message = Message { seen: view.judged(who.other()), step: *self.dice.pick(&may) };
            self.talks[talk].logs[side].push(message);
            self.align(at, talk, side);
            self.hear(at, talk, 1 - side);
        }
        self.talks[talk].writes_left -= 1;
        if self.talks[talk].writes_left > 0 {
            // From minutes to weeks, as likely each.
            let gap = MINUTE << self.dice.below(15);
            let next = at + self.dice.between(gap / 2, gap);
            self.plan(next, Event::Write(talk));
        } else {
            for side in 0..2 {
                let end = at + self.dice.below(50 * DAY);
                self.plan(end, Event::End(talk, side));
            }
        }
    }

    fn end(&mut self, at: u64, talk: usize, side: usize) {
        let (referral, node) = (self.talks[talk].case[side].referral, self.talks[talk].node[side]);
        if self.with(at, node, |engine, _| engine.end(referral)).is_none() {
            return self.plan(at + DAY, Event::End(talk, side));
        }
        for wait in Wait::ALL.into_iter().filter(|wait| *wait != Wait::Platform) {
            if let Some(life) = self.open.remove(&(talk, side, wait)) {
                self.lives[life].end = at;
            }
        }
    }

    fn steps(&mut self, view: &Standing) -> Vec<Step> {
        use Step::*;
        if !view.origin.offered {
            return vec![Offer];
        }
        let acceptance = match view.receiver.decision {
            Decision::Accepted(number) => number,
            _ => 0,
        };
        let mut steps = vec![Receipt, Acknowledge, Answer(view.receiver.asked), Confirm(acceptance), Accept, Review, Purge];
        let seldom =
            [(4, Seen), (2, Ask), (2, Progress(Work::Working)), (4, Resolve), (4, Close), (5, Decline), (9, HandBack), (9, PassOn)];
        let rare = [(20, Refuse), (40, Withdraw)];
        steps.extend(seldom.into_iter().chain(rare).filter(|(often, _)| self.dice.one_in(*often)).map(|(_, step)| step));
        steps
    }

    pub(super) fn times(&self, node: usize) -> Times<'_> {
        Times { steps: &self.nodes[node].steps, ups: &self.nodes[node].ups }
    }
}

pub(super) fn org(desk: usize) -> OrgId {
    OrgId([desk as u8 + 1; 32])
}
