//! What people were told and what was ever seen: what the nodes are held to.

use super::clock_checks::Late;
use super::referrals::Case;
use std::collections::{BTreeMap, BTreeSet};
use watchfire::model::log::{Audience, LogKey};
use watchfire::model::{GroupId, LogId, OrgId, RecordId};
use watchfire::node::NodeError;

/// Counts what happened to people: an order, not a time.
pub type Moment = u64;

/// A value that an organisation shared, or tried to.
#[derive(Debug, Clone)]
pub struct Release {
    pub who: usize,
    pub audience: Audience,
    pub value: String,
    pub began: Moment,
    /// When people were told that it will leave, and its id.
    pub told: Option<(Moment, RecordId)>,
}

/// A value that an organisation took back, or tried to.
#[derive(Debug, Clone)]
pub struct TakenBack {
    pub who: usize,
    pub value: String,
    pub recall: bool,
    pub began: Moment,
    pub told: Option<Moment>,
}

/// A node came back from an old copy.
#[derive(Debug, Clone, Copy)]
pub struct Restore {
    pub who: usize,
    pub taken: Moment,
    pub at: Moment,
    pub undeclared: bool,
}

/// A position of a log, as it was first seen.
#[derive(Debug, Clone)]
pub struct Position {
    pub hash: [u8; 32],
    pub value: Option<String>,
}

/// What of referrals was looked at when everything had come to rest: where that is nothing, the checks say nothing.
#[derive(Debug, Clone, Copy, Default, serde::Serialize, serde::Deserialize)]
pub struct Counted {
    pub referrals: u64,
    pub accepted: u64,
    /// Offers of cases that were passed on, each beside the one by which its case came.
    pub passed_on: u64,
    /// Cases that were withdrawn from everybody, whose words were looked for in the stores.
    pub searched: u64,
    /// Runs in which a node was put back from a copy.
    pub put_back: u64,
}

impl Counted {
    pub fn add(&mut self, other: Self) {
        self.referrals += other.referrals;
        self.accepted += other.accepted;
        self.passed_on += other.passed_on;
        self.searched += other.searched;
        self.put_back += other.put_back;
    }

    pub fn has_all(&self) -> bool {
        [self.referrals, self.accepted, self.passed_on, self.searched, self.put_back].iter().all(|count| *count > 0)
    }
}

impl std::fmt::Display for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { referrals, accepted, passed_on, searched, put_back } = self;
        write!(f, "{referrals} referrals, {accepted} of them accepted, {passed_on} that passed a case on; ")?;
        write!(f, "the words of {searched} withdrawn cases looked for; a node put back from a copy in {put_back} runs")
    }
}

/// All of it.
pub struct Ledger {
    now: Moment,
    pub releases: Vec<Release>,
    pub taken_back: Vec<TakenBack>,
    pub restores: Vec<Restore>,
    pub logs: BTreeMap<LogId, LogKey>,
    pub positions: BTreeMap<(LogId, u64), Position>,
    /// How far each node's logs have been looked at in its present life.
    pub looked_at: BTreeMap<(usize, LogId), u64>,
    /// Logs of which two histories were seen.
    pub forks: BTreeSet<LogId>,
    /// Who was a member with which number.
    pub members: BTreeMap<GroupId, BTreeMap<u64, BTreeSet<OrgId>>>,
    pub cases: Vec<Case>,
    /// Clocks that were not as they should be when it was last looked: each node's own, and those of both sides.
    pub late_clocks: Late,
    pub unwatched: Late,
    pub counted: Counted,
    pub problems: Vec<String>,
}

impl Ledger {
    pub fn new() -> Self {
        Self {
            now: 0,
            releases: Vec::new(),
            taken_back: Vec::new(),
            restores: Vec::new(),
            logs: BTreeMap::new(),
            positions: BTreeMap::new(),
            looked_at: BTreeMap::new(),
            forks: BTreeSet::new(),
            members: BTreeMap::new(),
            cases: Vec::new(),
            late_clocks: Late::new(),
            unwatched: Late::new(),
            counted: Counted::default(),
            problems: Vec::new(),
        }
    }

    pub fn now(&mut self) -> Moment {
        self.now += 1;
        self.now
    }

    /// Something that must not be.
    pub fn wrong(&mut self, what: String) {
        if self.problems.len() < 50 && !self.problems.contains(&what) {
            self.problems.push(what);
        }
    }

    /// Something in a referral was refused: no fault, where it is one of these.
    pub fn refused(&mut self, what: &str, error: &NodeError) {
        let expected = [
            "not-now",
            "conflict",
            "withheld",
            "unknown-referral",
            "unknown-peer",
            "not-held",
            "held-back",
            "stopping",
            "store-unavailable",
            "store-read-only",
        ];
        if !expected.contains(&error.code()) {
            self.wrong(format!("refused: {what} ended with `{}`: {error}", error.code()));
        }
    }

    pub fn restored(&mut self, who: usize, taken: Moment, undeclared: bool) {
        let at = self.now();
        self.restores.push(Restore { who, taken, at, undeclared });
    }

    pub fn was_restored(&self, who: usize) -> bool {
        self.restores.iter().any(|restore| restore.who == who)
    }

    /// Whether what an organisation did then may be gone with a copy that it came back from.
    pub fn is_forgiven(&self, who: usize, began: Moment, told: Moment) -> bool {
        self.restores.iter().any(|restore| restore.who == who && restore.taken < told && began < restore.at)
    }

    pub fn begin_release(&mut self, who: usize, audience: Audience, value: &str) -> usize {
        let began = self.now();
        self.releases.push(Release { who, audience, value: value.to_owned(), began, told: None });
        self.releases.len() - 1
    }

    pub fn begin_take_back(&mut self, who: usize, value: &str, recall: bool) -> usize {
        let began = self.now();
        self.taken_back.push(TakenBack { who, value: value.to_owned(), recall, began, told: None });
        self.taken_back.len() - 1
    }

    /// Whether somebody tried to recall this value of an author.
    pub fn recall_was_tried(&self, who: usize, value: &str) -> bool {
        self.taken_back.iter().any(|one| one.recall && one.who == who && one.value == value)
    }
}
