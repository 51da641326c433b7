//! One clock that runs, as its row keeps it: how much has been counted until some moment, and since when it goes on.

use super::{Ladder, Span, Wait};
use crate::model::hours::Hours;
use crate::model::{OrgId, Priority, Timestamp};
use crate::rules::referral::Side;
use serde::{Deserialize, Serialize};

/// What is watched, and what is waited for: the key of a row.
pub type Key = ([u8; 16], Wait);

/// A clock that runs at this node. A row of these is all that is kept: what is lost with the process is only the step of the wall clock of its last seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// The referral; for [`Wait::Platform`] the platform escalation.
    pub referral: [u8; 16],
    /// What is waited for.
    pub wait: Wait,
    /// Ours in it.
    pub side: Side,
    /// The referral's.
    pub priority: Priority,
    /// The other organisation.
    pub peer: OrgId,
    /// The number of the message that started it. Another begins it anew.
    pub cause: u64,
    /// When it began, by what the wall clock shows now.
    pub started: Timestamp,
    /// What was counted before `since`, in milliseconds of open time, or of wall time where no hours count.
    pub counted_ms: u64,
    /// Since when it goes on counting.
    pub since: Timestamp,
    /// Since when it is paused; it goes on by itself when its pauses are used up.
    pub paused: Option<Timestamp>,
    /// How long it was paused before that, in milliseconds of wall time.
    pub paused_ms: u64,
    /// The number of the next rung: how many are recorded, from the first, or were passed over as repetitions while the node was away.
    pub recorded: u32,
}

/// By what a watch is counted: the hours of the desk that is to act, if any count, and the bounds of its priority, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct By<'a> {
    pub(super) hours: Option<&'a Hours>,
    pub(super) pause_ms_max: u64,
    pub(super) delay_ms_max: u64,
}

impl By<'_> {
    fn counted(&self, from: Timestamp, to: Timestamp) -> u64 {
        self.hours.map_or_else(|| to.since(from), |hours| hours.open_between(from, to))
    }
}

impl Watch {
    /// Its row's key.
    pub const fn key(&self) -> Key {
        (self.referral, self.wait)
    }

    /// When it goes on, or went on.
    fn goes_on(&self, by: &By<'_>) -> Timestamp {
        self.paused.map_or(self.since, |paused| paused.plus(by.pause_ms_max.saturating_sub(self.paused_ms)))
    }

    /// When the next rung of a ladder is due, if no other pause comes.
    pub(super) fn due(&self, ladder: Ladder<'_>, by: &By<'_>) -> Option<Timestamp> {
        let needed_ms = ladder.after(self.recorded, |span| span.counted_ms(by.hours))?;
        let wall_ms = ladder.after(self.recorded, Span::wall_ms)?;
        if self.counted_ms >= needed_ms {
            return Some(self.paused.unwrap_or(self.since));
        }
        let (from, left_ms) = (self.goes_on(by), needed_ms - self.counted_ms);
        let latest = from.plus(wall_ms).plus(by.delay_ms_max);
        let open = by.hours.map_or_else(|| Some(from.plus(left_ms)), |hours| hours.after(from, left_ms));
        Some(open.map_or(latest, |at| at.min(latest)))
    }

    /// Stops or goes on counting, from `now` on.
    pub(super) fn pause(&mut self, paused: bool, now: Timestamp, by: &By<'_>) -> bool {
        if paused == self.paused.is_some() {
            return false;
        }
        if paused {
            self.counted_ms += by.counted(self.since, now);
            (self.since, self.paused) = (now, Some(now));
        } else {
            let since = self.paused.take().unwrap_or(now);
            let used_ms = now.since(since).min(by.pause_ms_max.saturating_sub(self.paused_ms));
            self.paused_ms += used_ms;
            self.since = since.plus(used_ms);
        }
        true
    }

    /// The wall clock, which would show `before` now, shows `after`: what has been counted stays, and it goes on from there.
    pub(super) fn step(&mut self, before: Timestamp, after: Timestamp, by: &By<'_>) {
        let began = self.started;
        self.started = Timestamp(after.0.saturating_sub(before.since(began)).saturating_add(began.since(before)));
        let was_paused = self.paused.is_some();
        if was_paused && self.goes_on(by) > before {
            self.paused_ms += self.paused.map_or(0, |paused| before.since(paused));
            (self.paused, self.since) = (Some(after), after);
            return;
        }
        if was_paused {
            // Its pauses are used up, and a question is open still.
            let from = self.goes_on(by);
            self.paused_ms = by.pause_ms_max;
            self.counted_ms += by.counted(from, before);
            (self.paused, self.since) = (Some(after), after);
            return;
        }
        self.counted_ms += by.counted(self.since, before);
        // One that is to begin at a date begins at it.
        if self.since <= before {
            self.since = after;
        }
    }
}
