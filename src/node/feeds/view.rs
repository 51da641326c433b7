//! Feeds as people and scripts see them.

use super::row::{FaultView, FeedRow, StateRow, Terms};
use crate::formats::Problem;
use crate::model::Timestamp;
use serde::{Deserialize, Serialize};

/// A feed is to be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedAdd {
    /// What it is called here.
    pub name: String,
    /// What is settled about it.
    #[serde(flatten)]
    pub terms: Terms,
}

/// A feed is to be read now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedRun {
    /// Nothing is taken, only told.
    #[serde(default)]
    pub dry_run: bool,
    /// Whether much of what it had may be gone at once.
    #[serde(default)]
    pub accept_removals: bool,
}

/// A feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedView {
    /// What it is called here.
    pub name: String,
    /// What is settled about it.
    #[serde(flatten)]
    pub terms: Terms,
    /// `new` before its first run, `ok`, `failing`, or `paused`.
    pub state: String,
    /// Whether it is being read.
    pub running: bool,
    /// When it was added.
    pub created: Timestamp,
    /// How many indicators it says.
    pub records: u64,
    /// When it was tried last.
    pub tried: Option<Timestamp>,
    /// When that came to something last, if only to word that nothing has changed.
    pub succeeded: Option<Timestamp>,
    /// So many seconds ago, which is how far behind we may be.
    pub lag_s: Option<u64>,
    /// When something of it was new, changed or gone.
    pub news: Option<Timestamp>,
    /// When it is tried next; nothing while it is paused.
    pub next: Option<Timestamp>,
    /// So many tries in a row came to nothing.
    pub failures: u32,
    /// Why the last one did.
    pub fault: Option<FaultView>,
    /// How much of what it says is passed on, or waits here for its time or for a person.
    #[serde(default)]
    pub passed: u64,
    /// Why what it says could not be passed on, or be taken back there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_passed: Option<String>,
}

impl FeedView {
    pub(super) fn of(row: FeedRow, state: StateRow, (records, passed): (u64, u64), running: bool, now: Timestamp) -> Self {
        let how = match (row.paused, &state.fault, state.tried) {
            (true, ..) => "paused",
            (_, Some(_), _) => "failing",
            (_, None, None) => "new",
            (_, None, Some(_)) => "ok",
        };
        Self {
            name: row.name,
            state: how.to_owned(),
            running,
            created: row.created,
            records,
            tried: state.tried,
            succeeded: state.succeeded,
            lag_s: state.succeeded.map(|at| now.since(at) / 1_000),
            news: state.news,
            next: Some(state.next).filter(|_| !row.paused),
            failures: state.failures,
            fault: state.fault,
            passed,
            not_passed: state.not_passed,
            terms: row.terms,
        }
    }
}

/// What became of what a feed says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Said for the first time.
    pub new: u64,
    /// Said otherwise than before, or said again since it would be destroyed before long.
    pub changed: u64,
    /// Said as before.
    pub unchanged: u64,
    /// Not said any more, and taken back.
    pub gone: u64,
    /// Not taken: well known, unreadable, or no indicator.
    pub left_out: u64,
    /// Passed on, once the hold is over.
    #[serde(default)]
    pub passed: u64,
    /// To be passed on once a person here says so.
    #[serde(default)]
    pub asked: u64,
    /// Not passed on: the release gate withholds it, or somebody here has said otherwise.
    #[serde(default)]
    pub kept_back: u64,
    /// Taken back where it was passed on.
    #[serde(default)]
    pub unsaid: u64,
}

/// What one run came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedRunView {
    /// The feed.
    pub name: String,
    /// Whether nothing was taken, only told.
    pub dry_run: bool,
    /// What became of what it says. What was taken before a fault stays.
    #[serde(flatten)]
    pub counts: Counts,
    /// The first of what was left out, and why.
    pub problems: Vec<Problem>,
    /// Why it broke off, where it did.
    pub fault: Option<FaultView>,
}
