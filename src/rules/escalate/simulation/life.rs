//! What the year has of each clock, and its figures.

use super::super::{Fired, Wait};
use crate::model::Priority;
use std::collections::BTreeSet;

/// One clock's life, as the year's events have it. All times are true ones, but for `from`.
#[derive(Debug, Clone)]
pub(super) struct Life {
    pub(super) node: usize,
    pub(super) wait: Wait,
    pub(super) cause: u64,
    pub(super) priority: Priority,
    pub(super) desk: [usize; 2],
    pub(super) begin: u64,
    /// By the wall, what the clock may not begin before.
    pub(super) from: u64,
    /// When it was paused, and when it went on again.
    pub(super) pauses: Vec<u64>,
    pub(super) end: u64,
    pub(super) fired: Vec<(u64, Fired)>,
}

#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) referrals: u64,
    pub(super) lives: u64,
    pub(super) rungs: u64,
    pub(super) late: u64,
    pub(super) late_offers: u64,
    pub(super) notices: u64,
    pub(super) paused: u64,
    pub(super) steps: u64,
    pub(super) restarts: u64,
    /// How often daylight saving time began or ended at the desk by whose hours a clock runs, before its last rung.
    pub(super) changes: u64,
    pub(super) worst: u64,
    pub(super) waits: BTreeSet<Wait>,
}

impl Figures {
    pub(super) fn add(&mut self, other: &Self) {
        self.referrals += other.referrals;
        self.lives += other.lives;
        self.rungs += other.rungs;
        self.late += other.late;
        self.late_offers += other.late_offers;
        self.notices += other.notices;
        self.paused += other.paused;
        self.steps += other.steps;
        self.restarts += other.restarts;
        self.changes += other.changes;
        self.worst = self.worst.max(other.worst);
        self.waits.extend(&other.waits);
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { referrals, lives, rungs, late, late_offers, notices, paused, steps, restarts, changes, worst, waits } = self;
        write!(
            f,
            "{referrals} referrals, {lives} clocks of {} kinds, {paused} of them paused, {restarts} restarts, {steps} clock steps, ",
            waits.len()
        )?;
        write!(f, "{changes} changes of daylight saving time that clocks ran over: ")?;
        write!(f, "{rungs} rungs, {late} of them late ({late_offers} offers), {notices} notices; the worst {worst} ms behind its time")
    }
}
