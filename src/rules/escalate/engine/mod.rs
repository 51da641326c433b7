//! All clocks that run at a node. The shell tells it what referrals have come to and what time it is; it says which rungs are to be recorded, and which
//! rows have changed. Rows, rungs and notices of one look belong into one transaction: what is not written was not done, and an engine that is loaded
//! from the rows does it then.

#[cfg(test)]
mod tests;

use super::watch::By;
use super::{Act, Beside, Key, Ladder, Timetable, Wait, Watch, is_paused, waits};
use crate::model::crypto::sha256_framed;
use crate::model::hours::Hours;
use crate::model::{OrgId, Priority, Timestamp};
use crate::rules::referral::{Side, Standing};
use std::collections::{BTreeMap, BTreeSet};

/// The wall clock was stepped when it has moved by more than that against the monotonic one (2 s, in milliseconds).
const STEP_MS: u64 = 2_000;
/// A look is taken at least so often, as only a look sees a step (4 s, in milliseconds).
const LOOK_MS_MAX: u64 = 4_000;
/// A rung is late when it is recorded so long after it was due (10 s, in milliseconds): the node was not there.
const LATE_MS: u64 = 10_000;

/// So long after the hand-over work is waited for at the latest, whenever the receiver means to begin (4 weeks, in milliseconds).
const START_MS_MAX: u64 = 28 * 86_400_000;

/// A moment, by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// What the wall clock shows.
    pub wall: Timestamp,
    /// Milliseconds of the monotonic one, which counts while the machine sleeps, too.
    pub monotonic_ms: u64,
}

/// When desks are open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desks {
    /// Ours; `None` when we declared nothing.
    pub own: Option<Hours>,
    /// Other organisations', of those that declared theirs.
    pub peers: BTreeMap<OrgId, Hours>,
}

/// What does not change in a referral's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// Its id.
    pub referral: [u8; 16],
    /// Ours in it.
    pub side: Side,
    /// How soon it needs somebody.
    pub priority: Priority,
    /// The other organisation.
    pub peer: OrgId,
    /// When a closed one is to be destroyed: nobody waits for that before.
    pub retention: Timestamp,
    /// What else is known of it.
    pub beside: Beside,
}

/// A rung that is to be recorded now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    /// The referral; for [`Wait::Platform`] the platform escalation.
    pub referral: [u8; 16],
    /// What was waited for.
    pub wait: Wait,
    /// Which rung, from 0. Behind the ladder's end it goes on with each repetition, also with those that were missed.
    pub rung: u32,
    /// The how-manieth repetition of the ladder's last rung it is; 0 for a rung of the ladder.
    pub again: u32,
    /// What is to be done. What [`Act::does`] something is done for every rung; people are told where [`Self::notify`] says so.
    pub act: Act,
    /// When it was due, by what the wall clock shows now.
    pub due: Timestamp,
    /// Whether the node was not there when it was.
    pub late: bool,
    /// Whether it gives a notice: in one look a referral's highest rung alone, for all.
    pub notify: bool,
    /// The notice's id: the same whenever it is sent, at this node.
    pub notice_id: [u8; 16],
}

/// What is to be written: rows, and keys of rows that are gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// New and changed rows.
    pub put: Vec<Watch>,
    /// Rows whose clock has ended.
    pub gone: Vec<Key>,
}

/// The clocks of a node.
#[derive(Debug, Clone)]
pub struct Engine {
    timetable: Timetable,
    desks: Desks,
    watches: BTreeMap<Key, Watch>,
    /// When each one's next rung is due; those without one are not in it.
    due: BTreeMap<Key, Timestamp>,
    queue: BTreeSet<(Timestamp, Key)>,
    changed: BTreeSet<Key>,
    /// What both clocks showed when the wall clock was last set right.
    reference: Moment,
}

impl Engine {
    /// An engine of what is written, after a restart or for the first time. What became due meanwhile fires at the first look.
    pub fn load(timetable: Timetable, desks: Desks, rows: impl IntoIterator<Item = Watch>, now: Moment) -> Self {
        let watches = rows.into_iter().map(|row| (row.key(), row)).collect();
        let mut engine =
            Self { timetable, desks, watches, due: BTreeMap::new(), queue: BTreeSet::new(), changed: BTreeSet::new(), reference: now };
        engine.schedule_all();
        engine
    }

    /// Other limits from now on. Rungs that are recorded stay so.
    pub fn set_timetable(&mut self, timetable: Timetable, now: Moment) {
        self.tick(now);
        self.timetable = timetable;
        self.schedule_all();
    }

    /// Other hours from now on; what was counted by the old ones stays.
    pub fn set_desks(&mut self, desks: Desks, now: Moment) {
        self.tick(now);
        for (key, watch) in &mut self.watches {
            let old = by(&self.timetable, &self.desks, watch);
            if old.hours != by(&self.timetable, &desks, watch).hours {
                watch.step(now.wall, now.wall, &old);
                self.changed.insert(*key);
            }
        }
        self.desks = desks;
        self.schedule_all();
    }

    /// Brings a referral's clocks in line with what it has come to: those that run on are left alone, others end, and new ones begin now.
    pub fn align(&mut self, case: &Case, known: &Standing, now: Moment) {
        self.align_since(case, known, now.wall, now);
    }

    /// As [`Self::align`], where new clocks began when the last message was written or came: whoever died in between loses nothing of them.
    pub fn align_since(&mut self, case: &Case, known: &Standing, since: Timestamp, now: Moment) {
        self.tick(now);
        let began = since.min(now.wall);
        let wanted: BTreeMap<Wait, u64> = waits(case.side, known, &case.beside).into_iter().collect();
        let ended: Vec<Key> =
            self.of(case.referral).filter(|watch| wanted.get(&watch.wait) != Some(&watch.cause)).map(Watch::key).collect();
        ended.into_iter().for_each(|key| self.remove(key));
        for (wait, cause) in wanted {
            let key = (case.referral, wait);
            let is_new = !self.watches.contains_key(&key);
            if is_new {
                let start = match (wait, case.beside.start) {
                    (Wait::Purge, _) if known.origin.withdrawn.is_none() => now.wall.max(case.retention),
                    // Nobody has to tell of work before the day on which it was to begin.
                    (Wait::Next, _) => began.max(case.beside.last.min(now.wall)),
                    (Wait::FirstAction | Wait::Silence, Some(start)) if case.priority != Priority::Emergency => {
                        start.clamp(began, began.plus(START_MS_MAX))
                    }
                    _ => began,
                };
                self.begin(case, wait, cause, start);
            }
            let Some(watch) = self.watches.get_mut(&key) else { continue };
            let by = by(&self.timetable, &self.desks, watch);
            if watch.pause(is_paused(wait, known), now.wall, &by) || is_new {
                self.changed.insert(key);
                self.schedule(key);
            }
        }
    }

    /// Waits for a platform since it was asked last, by the id of the platform escalation as `case.referral`. One that is waited for goes on; where it was
    /// asked again meanwhile, `pings` times in all, it begins anew.
    pub fn watch_platform(&mut self, case: &Case, pings: u64, since: Timestamp, now: Moment) {
        self.tick(now);
        let key = (case.referral, Wait::Platform);
        if self.watches.get(&key).is_none_or(|watch| watch.cause != pings) {
            self.begin(case, Wait::Platform, pings, since.min(now.wall));
            self.changed.insert(key);
            self.schedule(key);
        }
    }

    /// Waits for that platform no more.
    pub fn end_platform(&mut self, escalation: [u8; 16]) {
        let key = (escalation, Wait::Platform);
        if self.watches.contains_key(&key) {
            self.remove(key);
        }
    }

    /// Waits for nothing more of that referral or platform escalation.
    pub fn end(&mut self, referral: [u8; 16]) {
        let keys: Vec<Key> = self.of(referral).map(Watch::key).collect();
        keys.into_iter().for_each(|key| self.remove(key));
    }

    /// What is to be recorded now, the earliest first.
    pub fn look(&mut self, now: Moment) -> Vec<Fired> {
        self.look_where(now, |_| true)
    }

    /// As [`Self::look`]; a clock that would offer the case to the next candidate by this look is left alone where `may_offer` says no.
    pub fn look_where(&mut self, now: Moment, may_offer: impl Fn(&Watch) -> bool) -> Vec<Fired> {
        self.tick(now);
        let mut fired = Vec::new();
        let mut left: BTreeSet<Key> = BTreeSet::new();
        for key in self.keys_due(now) {
            let waits = self.watches.get(&key).is_some_and(|watch| !may_offer(watch) && self.would_offer(watch, now));
            left.extend(waits.then_some(key));
        }
        while let Some((due, key)) = self.next_of(now, &left) {
            let Some(watch) = self.watches.get_mut(&key) else { break };
            let ladder = self.timetable.ladder(&watch.peer, watch.priority, watch.wait);
            let Some(act) = ladder.act(watch.recorded) else { break };
            let due = match ladder.repetition(watch.recorded) {
                0 => due,
                _ => latest(watch, ladder, &by(&self.timetable, &self.desks, watch), due, now.wall),
            };
            fired.push(Fired {
                referral: watch.referral,
                wait: watch.wait,
                rung: watch.recorded,
                again: ladder.repetition(watch.recorded),
                act: act.at(watch.side),
                due,
                late: now.wall.since(due) > LATE_MS,
                notify: false,
                notice_id: notice_id(watch),
            });
            watch.recorded += 1;
            self.changed.insert(key);
            self.schedule(key);
        }
        let mut highest = BTreeMap::new();
        for (at, one) in fired.iter().enumerate() {
            let rank = (one.act, one.rung, one.due);
            let best = highest.entry(one.referral).or_insert((rank, at));
            *best = (*best).max((rank, at));
        }
        for (_, at) in highest.into_values() {
            fired[at].notify = true;
        }
        fired
    }

    /// The referrals and platform escalations of which a rung is due.
    pub fn due(&mut self, now: Moment) -> BTreeSet<[u8; 16]> {
        self.tick(now);
        self.keys_due(now).into_iter().map(|(referral, _)| referral).collect()
    }

    /// A clock's ladder.
    pub fn ladder(&self, watch: &Watch) -> Ladder<'_> {
        self.timetable.ladder(&watch.peer, watch.priority, watch.wait)
    }

    /// In how many milliseconds of monotonic time to look again: when the next rung is due, and in 4 s at the latest.
    pub fn next_in_ms(&self, now: Moment) -> u64 {
        self.next_due().map_or(LOOK_MS_MAX, |due| due.since(now.wall).min(LOOK_MS_MAX))
    }

    /// When the next rung of all is due, by what the wall clock shows.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.queue.first().map(|(due, _)| *due)
    }

    /// Whether a rung is due by now that was not recorded when it was last looked.
    pub fn is_behind(&self, now: Moment) -> bool {
        self.next_due().is_some_and(|due| due <= now.wall)
    }

    /// Whether [`Self::take_changes`] would say anything.
    pub fn has_changes(&self) -> bool {
        !self.changed.is_empty()
    }

    /// What has changed since this was last asked.
    pub fn take_changes(&mut self) -> Changes {
        let mut changes = Changes::default();
        for key in std::mem::take(&mut self.changed) {
            match self.watches.get(&key) {
                Some(watch) => changes.put.push(watch.clone()),
                None => changes.gone.push(key),
            }
        }
        changes
    }

    /// What runs, with the date of its next rung, if there is one.
    pub fn running(&self) -> impl Iterator<Item = (&Watch, Option<Timestamp>)> {
        self.watches.iter().map(|(key, watch)| (watch, self.due.get(key).copied()))
    }

    /// Whether the wall clock was stepped, and what that changes.
    fn tick(&mut self, now: Moment) {
        let passed = now.monotonic_ms.saturating_sub(self.reference.monotonic_ms);
        let unstepped = self.reference.wall.plus(passed);
        if unstepped.0.abs_diff(now.wall.0) <= STEP_MS {
            return;
        }
        self.reference = now;
        for (key, watch) in &mut self.watches {
            let by = by(&self.timetable, &self.desks, watch);
            watch.step(unstepped, now.wall, &by);
            self.changed.insert(*key);
        }
        self.schedule_all();
    }

    fn keys_due(&self, now: Moment) -> Vec<Key> {
        self.queue.iter().take_while(|(due, _)| *due <= now.wall).map(|(_, key)| *key).collect()
    }

    fn next_of(&self, now: Moment, left: &BTreeSet<Key>) -> Option<(Timestamp, Key)> {
        self.queue.iter().take_while(|(due, _)| *due <= now.wall).find(|(_, key)| !left.contains(key)).copied()
    }

    /// Whether a look records a rung of it that offers the case to the next candidate.
    fn would_offer(&self, watch: &Watch, now: Moment) -> bool {
        let (ladder, by) = (self.ladder(watch), by(&self.timetable, &self.desks, watch));
        let mut watch = watch.clone();
        while ladder.repetition(watch.recorded) == 0 && watch.due(ladder, &by).is_some_and(|due| due <= now.wall) {
            if ladder.act(watch.recorded).map(|act| act.at(watch.side)) == Some(Act::OfferNext) {
                return true;
            }
            watch.recorded += 1;
        }
        false
    }

    fn of(&self, referral: [u8; 16]) -> impl Iterator<Item = &Watch> {
        self.watches.range((referral, Wait::Receipt)..=(referral, Wait::Platform)).map(|(_, watch)| watch)
    }

    fn begin(&mut self, case: &Case, wait: Wait, cause: u64, at: Timestamp) {
        let &Case { referral, side, priority, peer, .. } = case;
        let fresh = Watch {
            referral,
            wait,
            side,
            priority,
            peer,
            cause,
            started: at,
            counted_ms: 0,
            since: at,
            paused: None,
            paused_ms: 0,
            recorded: 0,
        };
        self.watches.insert(fresh.key(), fresh);
    }

    fn remove(&mut self, key: Key) {
        self.watches.remove(&key);
        self.changed.insert(key);
        self.schedule(key);
    }

    fn schedule_all(&mut self) {
        self.queue.clear();
        self.due.clear();
        let keys: Vec<Key> = self.watches.keys().copied().collect();
        keys.into_iter().for_each(|key| self.schedule(key));
    }

    fn schedule(&mut self, key: Key) {
        if let Some(due) = self.due.remove(&key) {
            self.queue.remove(&(due, key));
        }
        let Some(watch) = self.watches.get(&key) else { return };
        let ladder = self.timetable.ladder(&watch.peer, watch.priority, watch.wait);
        if let Some(due) = watch.due(ladder, &by(&self.timetable, &self.desks, watch)) {
            self.due.insert(key, due);
            self.queue.insert((due, key));
        }
    }
}

/// By what a watch is counted.
fn by<'a>(timetable: &Timetable, desks: &'a Desks, watch: &Watch) -> By<'a> {
    let hours = match watch.wait.desk() {
        _ if watch.priority == Priority::Emergency => None,
        None => None,
        Some(side) if side == watch.side => desks.own.as_ref(),
        Some(_) => desks.peers.get(&watch.peer),
    };
    By { hours, pause_ms_max: timetable.pause_ms_max(&watch.peer, watch.priority), delay_ms_max: timetable.delay_ms_max() }
}

/// Of the repetitions that are due by now the last one alone is recorded: goes on to it, and tells when it was due.
fn latest(watch: &mut Watch, ladder: Ladder<'_>, by: &By<'_>, due: Timestamp, now: Timestamp) -> Timestamp {
    let (mut due, mut step) = (due, 1_u32);
    let mut goes_on_by = |step: u32| {
        let later = Watch { recorded: watch.recorded.saturating_add(step), ..watch.clone() };
        let passed = later.due(ladder, by).filter(|due| *due <= now);
        if let Some(passed) = passed {
            (due, *watch) = (passed, later);
        }
        passed.is_some()
    };
    // A node may have been away for years.
    while goes_on_by(step) {
        step = step.saturating_mul(2);
    }
    while step > 1 {
        step /= 2;
        goes_on_by(step);
    }
    due
}

/// Of the next rung's notice.
fn notice_id(watch: &Watch) -> [u8; 16] {
    let parts: [&[u8]; 4] = [&watch.referral, watch.wait.name().as_bytes(), &watch.cause.to_be_bytes(), &watch.recorded.to_be_bytes()];
    let whole = sha256_framed("watchfire escalation notice 1", &parts);
    std::array::from_fn(|at| whole[at])
}
