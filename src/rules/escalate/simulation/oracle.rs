//! When each rung should have been recorded: clock by clock, by the year's list of events, from its beginning to its end.

use super::super::Timetable;
use super::desks::Table;
use super::life::Life;
use super::world::{World, org};
use crate::model::Priority;
use crate::model::hours::Hours;

/// A rung may be so late (5 s, in milliseconds).
const LATE_MS_MAX: u64 = 5_000;
/// A process may take so long to look when something is due (300 ms); it may die before.
const LOOK_MS_MAX: u64 = 300;

/// A node's time: its wall clock's offsets, from when on, and whether a running process saw that change; and when it was up.
pub(super) struct Times<'a> {
    pub(super) steps: &'a [(u64, i64, bool)],
    pub(super) ups: &'a [(u64, u64)],
}

impl Times<'_> {
    /// The offset at a moment; `before` for what it was when a process sees a step just then.
    fn wall(&self, at: u64, before: bool) -> u64 {
        let count = self.steps.partition_point(|step| step.0 <= at);
        let is_seen = self.steps[count - 1].0 == at && self.steps[count - 1].2;
        at.saturating_add_signed(self.steps[count - if before && is_seen { 2 } else { 1 }].1)
    }

    /// The first moment from one to another at which the node is up and its wall clock shows that or more, no step being seen meanwhile.
    fn shows(&self, wall: u64, from: u64, to: u64) -> Option<u64> {
        let first = self.ups.partition_point(|up| up.1 <= from);
        self.ups[first..].iter().take_while(|up| up.0 <= to).find_map(|(up, down)| {
            let begin = from.max(*up);
            let at = begin + wall.saturating_sub(self.wall(begin, false));
            (at <= to && at < *down).then_some(at)
        })
    }

    /// When it must have been recorded that is to be recorded then.
    fn latest(&self, at: u64) -> u64 {
        let run = self.ups.partition_point(|up| up.1 <= at);
        let dies = self.ups[run].1 - at < LOOK_MS_MAX;
        if dies { self.ups.get(run + 1).map_or(u64::MAX - LATE_MS_MAX, |next| next.0) } else { at }
    }
}

impl World {
    /// Everything that is not as it should be.
    pub(super) fn mistakes(&mut self, tables: &[Option<Table>]) -> Vec<String> {
        let timetable = Timetable::default();
        let mut wrong = std::mem::take(&mut self.wrong);
        let (mut worst, mut changes) = (0, 0);
        for life in &self.lives {
            let last = life.fired.last().map_or(life.begin, |(at, _)| *at);
            changes += desk_of(life).and_then(|desk| tables[desk].as_ref()).map_or(0, |table| table.changes_between(life.begin, last));
            let times = self.times(life.node);
            let (rungs, expected) = expected(life, &times, &timetable, tables, &self.hours);
            if let Some((at, one)) = life.fired.iter().find(|(_, one)| one.rung as usize >= expected.len()) {
                wrong.push(format!("early: {one:?} recorded at {at}: {life:?}"));
            }
            for (rung, at) in expected.iter().enumerate() {
                let (expected, next) = (*at, expected.get(rung + 1).copied().flatten());
                let fired: Vec<u64> = life.fired.iter().filter(|(_, one)| one.rung as usize == rung).map(|(at, _)| *at).collect();
                let told = |what: &str| format!("{what}: rung {rung} expected at {expected:?}, recorded at {fired:?}: {life:?}");
                match (expected, fired.as_slice()) {
                    (None, []) => {}
                    (None, _) => wrong.push(told("early")),
                    // Of repetitions that were missed the last one alone is recorded.
                    (Some(at), []) if rung >= rungs && next.is_some_and(|next| next <= times.latest(at).saturating_add(LATE_MS_MAX)) => {}
                    (Some(_), [once]) if rung >= rungs && next.is_some_and(|next| next <= *once) => {
                        wrong.push(told("burst"));
                    }
                    (Some(at), []) if at.saturating_add(LATE_MS_MAX) < life.end => wrong.push(told("late")),
                    (Some(_), []) => {}
                    (Some(at), [once]) if *once < at => wrong.push(told("early")),
                    (Some(at), [once]) => {
                        let behind = once.saturating_sub(times.latest(at));
                        worst = worst.max(behind);
                        if behind > LATE_MS_MAX {
                            wrong.push(told("late"));
                        }
                    }
                    _ => wrong.push(told("recorded again")),
                }
            }
        }
        (self.figures.worst, self.figures.changes) = (worst, changes);
        wrong
    }
}

/// By whose hours a clock runs; in an emergency all hours count.
fn desk_of(life: &Life) -> Option<usize> {
    life.wait.desk().filter(|_| life.priority != Priority::Emergency).map(|side| life.desk[side as usize])
}

/// How many rungs the ladder has, and when each of them, and each repetition of the last one, is due or would be.
fn expected(
    life: &Life,
    times: &Times<'_>,
    timetable: &Timetable,
    tables: &[Option<Table>],
    hours: &[Option<Hours>],
) -> (usize, Vec<Option<u64>>) {
    let desk = desk_of(life);
    let table = desk.and_then(|desk| tables[desk].as_ref());
    let between = |from: u64, to: u64| table.map_or(to.saturating_sub(from), |table| table.between(from, to));
    let after = |from: u64, left: u64| table.map_or(from + left, |table| table.after(from, left));
    let peer = org(life.desk[usize::from(life.node == life.desk[0])]);
    let ladder = timetable.ladder(&peer, life.priority, life.wait);
    let hours = desk.and_then(|desk| hours[desk].as_ref());
    let (rungs, again) = (ladder.rungs, ladder.again);
    // One repetition more than the life has room for, however the desk's hours and the steps of its clock lie.
    let long = Some(again.counted_ms(hours)).filter(|long| *long > 0).unwrap_or_else(|| again.wall_ms());
    let repetitions = (life.end - life.begin) / long + 2;
    let mut spans: Vec<(u64, u64)> = rungs.iter().map(|rung| (rung.after.counted_ms(hours), rung.after.wall_ms())).collect();
    (1..spans.len()).for_each(|at| spans[at].0 = spans[at].0.max(spans[at - 1].0));
    let last = *spans.last().expect("a ladder has rungs");
    spans.extend((1..=repetitions).map(|n| (last.0 + n * long, last.1 + n * again.wall_ms())));
    let mut expected = vec![None; spans.len()];
    // From one event to the next that a running process saw, the clock goes on or is paused.
    let seen = times.steps.iter().filter(|step| step.2).map(|step| step.0);
    let mut events: Vec<u64> = seen.chain(life.pauses.iter().copied()).filter(|at| (life.begin + 1..life.end).contains(at)).collect();
    events.extend([life.begin, life.end]);
    events.sort_unstable();
    events.dedup();
    let (mut counted, mut pause_used, mut not_before) = (0, 0, life.from);
    for stretch in events.windows(2) {
        let [start, end] = [stretch[0], stretch[1]];
        let (shown, shown_last) = (times.wall(start, false), times.wall(end, true));
        let is_paused = life.pauses.iter().filter(|at| **at <= start).count() % 2 == 1;
        let pause_left = timetable.pause_ms_max(&peer, life.priority) - pause_used;
        let from = if is_paused { shown + pause_left } else { shown.max(not_before) };
        for (rung, expected) in expected.iter_mut().enumerate().filter(|(_, expected)| expected.is_none()) {
            *expected = match spans[rung].0.checked_sub(counted) {
                None | Some(0) => Some(start),
                Some(left) => {
                    let latest = from + spans[rung].1 + timetable.delay_ms_max();
                    let to = if end == life.end { end } else { end - 1 };
                    times.shows(after(from, left).min(latest), start, to)
                }
            };
        }
        counted += between(from, shown_last);
        pause_used += if is_paused { shown_last.saturating_sub(shown).min(pause_left) } else { 0 };
        not_before = if not_before <= shown_last { 0 } else { not_before };
    }
    (rungs.len(), expected)
}
