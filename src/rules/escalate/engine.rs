//! All clocks that run at a node. The shell tells it what referrals have come to and what time it is; it says which rungs are to be recorded, and which
//! rows have changed. Rows, rungs and notices of one look belong into one transaction: what is not written was not done, and an engine that is loaded
//! from the rows does it then.

use super::watch::By;
use super::{Act, Key, Timetable, Wait, Watch, is_paused, waits};
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
}

/// A rung that is to be recorded now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    /// The referral; for [`Wait::Platform`] the platform escalation.
    pub referral: [u8; 16],
    /// What was waited for.
    pub wait: Wait,
    /// Which rung of its ladder, from 0.
    pub rung: u8,
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
        self.tick(now);
        let wanted: BTreeMap<Wait, u64> = waits(case.side, known).into_iter().collect();
        let ended: Vec<Key> =
            self.of(case.referral).filter(|watch| wanted.get(&watch.wait) != Some(&watch.cause)).map(Watch::key).collect();
        ended.into_iter().for_each(|key| self.remove(key));
        for (wait, cause) in wanted {
            let key = (case.referral, wait);
            let is_new = !self.watches.contains_key(&key);
            if is_new {
                let closed = wait == Wait::Purge && known.origin.withdrawn.is_none();
                let start = if closed { now.wall.max(case.retention) } else { now.wall };
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

    /// Waits for a platform from now on, by the id of the platform escalation as `case.referral`. One that is waited for already goes on.
    pub fn watch_platform(&mut self, case: &Case, now: Moment) {
        self.tick(now);
        let key = (case.referral, Wait::Platform);
        if !self.watches.contains_key(&key) {
            self.begin(case, Wait::Platform, 0, now.wall);
            self.changed.insert(key);
            self.schedule(key);
        }
    }

    /// Waits for nothing more of that referral or platform escalation.
    pub fn end(&mut self, referral: [u8; 16]) {
        let keys: Vec<Key> = self.of(referral).map(Watch::key).collect();
        keys.into_iter().for_each(|key| self.remove(key));
    }

    /// What is to be recorded now, the earliest first.
    pub fn look(&mut self, now: Moment) -> Vec<Fired> {
        self.tick(now);
        let mut fired = Vec::new();
        while let Some((due, key)) = self.queue.first().copied().filter(|(due, _)| *due <= now.wall) {
            let Some(watch) = self.watches.get_mut(&key) else { break };
            let ladder = self.timetable.ladder(&watch.peer, watch.priority, watch.wait);
            let Some(rung) = ladder.get(usize::from(watch.recorded)) else { break };
            fired.push(Fired {
                referral: watch.referral,
                wait: watch.wait,
                rung: watch.recorded,
                act: rung.act.at(watch.side),
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

    /// In how many milliseconds of monotonic time to look again: when the next rung is due, and in 4 s at the latest.
    pub fn next_in_ms(&self, now: Moment) -> u64 {
        self.next_due().map_or(LOOK_MS_MAX, |due| due.since(now.wall).min(LOOK_MS_MAX))
    }

    /// When the next rung of all is due, by what the wall clock shows.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.queue.first().map(|(due, _)| *due)
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
    By { hours, pause_ms_max: timetable.pause_ms_max(watch.priority), delay_ms_max: timetable.delay_ms_max() }
}

/// Of the next rung's notice.
fn notice_id(watch: &Watch) -> [u8; 16] {
    let parts: [&[u8]; 4] = [&watch.referral, watch.wait.name().as_bytes(), &watch.cause.to_be_bytes(), &[watch.recorded]];
    let whole = sha256_framed("watchfire escalation notice 1", &parts);
    std::array::from_fn(|at| whole[at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::referral::{Message, Progress, Step, standing};

    const PEER: OrgId = OrgId([2; 32]);
    const MINUTE: u64 = 60_000;
    const HOUR: u64 = 60 * MINUTE;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// A node whose wall clock is right until it is stepped.
    struct Desk {
        engine: Engine,
        case: Case,
        now: Moment,
        logs: [Vec<Message>; 2],
    }

    impl Desk {
        fn new(side: Side, priority: Priority, desks: Desks, now: &str) -> Self {
            let now = Moment { wall: at(now), monotonic_ms: 7 };
            let case = Case { referral: [1; 16], side, priority, peer: PEER, retention: Timestamp(0) };
            Self { engine: Engine::load(Timetable::default(), desks, [], now), case, now, logs: Default::default() }
        }

        fn says(&mut self, side: Side, step: Step) -> &mut Self {
            let seen = self.logs[1 - side as usize].len() as u64;
            self.logs[side as usize].push(Message { seen, step });
            let known = standing(&self.logs[0], &self.logs[1]);
            assert_eq!(known.illegal, []);
            self.engine.align(&self.case, &known, self.now);
            self
        }

        fn pass(&mut self, milliseconds: u64) -> Vec<(Wait, u8, Act)> {
            self.now.monotonic_ms += milliseconds;
            self.step(milliseconds as i64);
            self.fired()
        }

        fn step(&mut self, milliseconds: i64) {
            self.now.wall = Timestamp(self.now.wall.0.saturating_add_signed(milliseconds));
        }

        fn fired(&mut self) -> Vec<(Wait, u8, Act)> {
            self.engine.look(self.now).into_iter().map(|one| (one.wait, one.rung, one.act)).collect()
        }

        /// The process dies and comes back after so long, with what was written.
        fn restart(&mut self, milliseconds: u64) {
            let rows: Vec<Watch> = self.engine.running().map(|(watch, _)| watch.clone()).collect();
            let rows = rows.iter().map(|row| serde_json::from_str::<Watch>(&serde_json::to_string(row).unwrap()).unwrap());
            self.now = Moment { wall: self.now.wall.plus(milliseconds), monotonic_ms: 3 };
            self.engine = Engine::load(self.engine.timetable.clone(), self.engine.desks.clone(), rows, self.now);
        }
    }

    fn emergency() -> Desk {
        let mut desk = Desk::new(Side::Origin, Priority::Emergency, Desks::default(), "2026-11-27T22:00:00Z");
        desk.says(Side::Origin, Step::Offer).says(Side::Receiver, Step::Receipt);
        desk
    }

    #[test]
    fn an_emergency_goes_up_the_ladder_at_60_90_and_120_minutes() {
        let mut desk = emergency();
        assert_eq!(desk.pass(60 * MINUTE - 1), []);
        assert_eq!(desk.pass(1), [(Wait::Acknowledgement, 0, Act::TellLeads)]);
        assert_eq!(desk.pass(30 * MINUTE), [(Wait::Acknowledgement, 1, Act::TellDirector)]);
        assert_eq!(desk.pass(30 * MINUTE), [(Wait::Acknowledgement, 2, Act::OfferNext)]);
        assert_eq!(desk.pass(1_000 * HOUR), []);
        let mut seen_in_time = emergency();
        seen_in_time.pass(59 * MINUTE);
        seen_in_time.says(Side::Receiver, Step::Acknowledge);
        assert_eq!(seen_in_time.pass(60 * MINUTE), [], "somebody has opened it");
    }

    #[test]
    fn what_became_due_while_the_node_was_down_is_done_once_with_one_notice() {
        let mut desk = emergency();
        desk.restart(5 * HOUR);
        let fired = desk.engine.look(desk.now);
        let told: Vec<_> = fired.iter().map(|one| (one.act, one.late, one.notify)).collect();
        assert_eq!(told, [(Act::TellLeads, true, false), (Act::TellDirector, true, false), (Act::OfferNext, true, true)]);
        desk.restart(MINUTE);
        assert_eq!(desk.fired(), [], "nor after another restart");
    }

    #[test]
    fn a_notice_has_the_same_id_when_it_is_told_again() {
        let (mut desk, mut other) = (emergency(), emergency());
        let id = |desk: &mut Desk| desk.engine.look(desk.now).into_iter().map(|one| one.notice_id).collect::<Vec<_>>();
        desk.restart(2 * HOUR);
        other.restart(3 * HOUR);
        let (one, again) = (id(&mut desk), id(&mut other));
        assert!(one == again && one.len() == 3 && one[0] != one[1] && one[1] != one[2]);
    }

    #[test]
    fn a_step_of_the_wall_clock_moves_no_rung() {
        for by in [600_000_i64, -600_000, 40 * 365 * 24 * HOUR as i64] {
            let mut desk = emergency();
            assert_eq!(desk.pass(55 * MINUTE), []);
            desk.step(by);
            assert_eq!(desk.fired(), [], "{by}");
            assert_eq!(desk.pass(5 * MINUTE - 1), [], "{by}");
            assert_eq!(desk.pass(1).len(), 1, "{by}");
            desk.step(-by);
            desk.fired();
            desk.restart(29 * MINUTE);
            assert_eq!(desk.fired(), [], "{by}");
            assert_eq!(desk.pass(MINUTE), [(Wait::Acknowledgement, 1, Act::TellDirector)], "{by}");
        }
    }

    #[test]
    fn urgent_ones_wait_for_the_receivers_hours_and_emergencies_do_not() {
        let beirut = Hours::new("Asia/Beirut", &["mon-fri 09:00-17:00".to_owned()], &[]).unwrap();
        let at_origin = Desks { own: None, peers: [(PEER, beirut.clone())].into() };
        let at_receiver = Desks { own: Some(beirut), peers: BTreeMap::new() };
        // Friday, an hour before they close.
        for (side, desks) in [(Side::Origin, at_origin), (Side::Receiver, at_receiver)] {
            let due = |priority| {
                let mut desk = Desk::new(side, priority, desks.clone(), "2026-11-27T14:00:00Z");
                desk.says(Side::Origin, Step::Offer).says(Side::Receiver, Step::Receipt);
                desk.engine.next_due().unwrap()
            };
            assert_eq!(due(Priority::Emergency), at("2026-11-27T15:00:00Z"));
            assert_eq!(due(Priority::Urgent), at("2026-11-30T09:00:00Z"), "an hour on Friday, two on Monday");
            assert_eq!(due(Priority::Normal), at("2026-11-30T14:00:00Z"), "a day of theirs");
        }
    }

    #[test]
    fn a_desk_that_is_hardly_ever_open_stops_no_clock() {
        let never = Hours::new("UTC", &["mon 00:00-00:01".to_owned()], &[]).unwrap();
        let mut desk =
            Desk::new(Side::Origin, Priority::Urgent, Desks { own: None, peers: [(PEER, never)].into() }, "2026-11-27T00:00:00Z");
        desk.says(Side::Origin, Step::Offer).says(Side::Receiver, Step::Receipt);
        assert_eq!(desk.engine.next_due(), Some(at("2026-12-25T03:00:00Z")), "three hours and four weeks");
    }

    #[test]
    fn a_question_stops_the_decision_for_a_while_only() {
        let mut desk = Desk::new(Side::Receiver, Priority::Emergency, Desks::default(), "2026-11-27T00:00:00Z");
        desk.says(Side::Origin, Step::Offer).says(Side::Receiver, Step::Acknowledge);
        desk.pass(HOUR);
        desk.says(Side::Receiver, Step::Ask);
        let decision = |desk: &Desk| desk.engine.running().find(|(watch, _)| watch.wait == Wait::Decision).unwrap().1;
        assert_eq!(decision(&desk), Some(at("2026-11-27T05:00:00Z")), "two hours are left, and it waits for two at most");
        desk.pass(HOUR);
        desk.says(Side::Origin, Step::Answer(2));
        assert_eq!(decision(&desk), Some(at("2026-11-27T04:00:00Z")), "it waited for one");
        desk.says(Side::Receiver, Step::Ask);
        assert_eq!(decision(&desk), Some(at("2026-11-27T05:00:00Z")), "one is left");
        desk.pass(90 * MINUTE);
        desk.step(-600_000);
        desk.fired();
        assert_eq!(decision(&desk), Some(at("2026-11-27T04:50:00Z")), "the same moment by a clock that was stepped");
    }

    #[test]
    fn a_report_begins_silence_anew_and_nothing_else_does() {
        let mut desk = Desk::new(Side::Origin, Priority::Emergency, Desks::default(), "2026-11-27T00:00:00Z");
        desk.says(Side::Origin, Step::Offer).says(Side::Receiver, Step::Acknowledge).says(Side::Receiver, Step::Accept);
        desk.says(Side::Origin, Step::Confirm(2)).says(Side::Receiver, Step::Seen);
        let started = |desk: &Desk, wait| desk.engine.running().find(|(watch, _)| watch.wait == wait).map(|(watch, _)| watch.started);
        desk.pass(HOUR);
        desk.says(Side::Origin, Step::Contact);
        assert_eq!(started(&desk, Wait::Silence), Some(at("2026-11-27T00:00:00Z")));
        assert_eq!(started(&desk, Wait::FirstAction), Some(at("2026-11-27T00:00:00Z")));
        desk.says(Side::Receiver, Step::Progress(Progress::Working));
        assert_eq!((started(&desk, Wait::Silence), started(&desk, Wait::FirstAction)), (Some(at("2026-11-27T01:00:00Z")), None));
    }

    #[test]
    fn what_ends_is_gone_from_the_rows_and_what_goes_on_is_not_written_again() {
        let mut desk = emergency();
        let keys = |rows: &[Watch]| rows.iter().map(|row| row.wait).collect::<Vec<_>>();
        let first = desk.engine.take_changes();
        assert_eq!((keys(&first.put), first.gone), (vec![Wait::Acknowledgement], vec![([1; 16], Wait::Receipt)]));
        desk.engine.align(&desk.case, &standing(&desk.logs[0], &desk.logs[1]), desk.now);
        assert_eq!(desk.engine.take_changes(), Changes::default());
        desk.engine.end([1; 16]);
        assert_eq!(desk.engine.take_changes().gone, [([1; 16], Wait::Acknowledgement)]);
        assert_eq!((desk.engine.next_due(), desk.engine.next_in_ms(desk.now)), (None, LOOK_MS_MAX));
    }

    #[test]
    fn a_platform_is_asked_again_after_a_week_and_two() {
        let mut desk = Desk::new(Side::Origin, Priority::Urgent, Desks::default(), "2026-11-27T00:00:00Z");
        desk.engine.watch_platform(&desk.case, desk.now);
        assert_eq!(desk.pass(7 * 24 * HOUR), [(Wait::Platform, 0, Act::TellHandler)]);
        desk.engine.watch_platform(&desk.case, desk.now);
        assert_eq!(desk.pass(7 * 24 * HOUR), [(Wait::Platform, 1, Act::TellHandler)]);
        assert_eq!(desk.pass(7 * 24 * HOUR), [(Wait::Platform, 2, Act::ProposeNext)]);
    }
}
