//! What came of all of it: the table that is printed, and what must hold.

use super::model::{DAY, HOUR, MINUTE, NAMES, Request};
use super::play::{first_rungs, limits};
use std::collections::{BTreeMap, BTreeSet};
use watchfire::model::{Priority, ReferralId};
use watchfire::rules::escalate::{Act, Wait};
use watchfire::rules::referral::{Side, Standing, Step, clocks};

/// What is waited for until a case is accepted.
const WAITS: [Wait; 3] = [Wait::Receipt, Wait::Acknowledgement, Wait::Decision];

/// One offer, from both nodes' stores.
pub struct Outcome {
    pub referral: ReferralId,
    /// What the origin calls the case: all offers of one case have the same.
    pub case: [u8; 16],
    pub from: usize,
    pub to: usize,
    pub priority: Priority,
    /// Both sides' messages, and when each was written or came at the origin.
    pub origin: Vec<(u64, Step)>,
    pub receiver: Vec<(u64, Step)>,
    pub at_origin: Standing,
    /// `None` where nothing has come there.
    pub at_receiver: Option<Standing>,
    /// At the origin: what was waited for, what was done, when.
    pub rungs: Vec<(Wait, Act, u64)>,
    /// How many rungs the receiver has recorded.
    pub rungs_there: usize,
    /// Whether a clock made the offer.
    pub by_a_clock: bool,
}

impl Outcome {
    fn offered(&self) -> u64 {
        self.origin.first().map_or(0, |first| first.0)
    }

    fn when(&self, is_it: impl Fn(&Step) -> bool) -> Option<u64> {
        self.receiver.iter().find(|(_, step)| is_it(step)).map(|(at, _)| *at)
    }

    /// From the offer to receipt, a person's acknowledgement, acceptance.
    fn times(&self) -> [Option<u64>; 3] {
        let after = |at: Option<u64>| at.map(|at| at.saturating_sub(self.offered()));
        [
            after(self.when(|step| *step == Step::Receipt)),
            after(self.when(|step| *step == Step::Acknowledge)),
            after(self.when(|step| *step == Step::Accept)),
        ]
    }

    fn withdrawn(&self) -> Option<u64> {
        self.origin.iter().find(|(_, step)| *step == Step::Withdraw).map(|(at, _)| *at)
    }

    /// How long each of receipt, acknowledgement and decision was waited for, from when its clock began, and whether it was in vain until then.
    fn waited(&self, now: u64) -> [Option<u64>; 3] {
        let until = self.withdrawn().unwrap_or(now);
        let receipt = self.when(|step| *step == Step::Receipt);
        let acknowledged = self.when(|step| *step == Step::Acknowledge);
        let decided = self.when(|step| matches!(step, Step::Accept | Step::Decline));
        let asked = self.when(|step| *step == Step::Ask).is_some();
        let between = |from: u64, to: Option<u64>| to.unwrap_or(until).min(until).saturating_sub(from);
        [
            Some(between(self.offered(), receipt)),
            receipt.map(|from| between(from, acknowledged.or(decided))),
            // A question stops that clock for a while.
            acknowledged.filter(|_| !asked).map(|from| between(from, decided)),
        ]
    }
}

/// What the table needs of an offer, which one process may tell another.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Line {
    case: [u8; 16],
    priority: Priority,
    times: [Option<u64>; 3],
    late: [bool; 3],
    rungs: Vec<(Wait, Act)>,
    rungs_there: usize,
    by_a_clock: bool,
    withdrawn: bool,
}

impl Line {
    /// Of an offer, as it stood at that time.
    pub fn of(one: &Outcome, now: u64) -> Self {
        let (waited, limits) = (one.waited(now), limits(one.priority));
        Self {
            case: one.case,
            priority: one.priority,
            times: one.times(),
            late: [0, 1, 2].map(|which| waited[which].is_some_and(|waited| waited > limits[which])),
            rungs: one.rungs.iter().map(|(wait, act, _)| (*wait, *act)).collect(),
            rungs_there: one.rungs_there,
            by_a_clock: one.by_a_clock,
            withdrawn: one.withdrawn().is_some(),
        }
    }
}

/// In words that people use: `4m`, `3.2h`, `2.5d`.
fn span(milliseconds: u64) -> String {
    let of = |unit: u64| milliseconds as f64 / unit as f64;
    match milliseconds {
        ..MINUTE => format!("{:.1}s", milliseconds as f64 / 1_000.0),
        MINUTE..HOUR => format!("{:.0}m", of(MINUTE)),
        HOUR..DAY => format!("{:.1}h", of(HOUR)),
        _ => format!("{:.1}d", of(DAY)),
    }
}

fn quantiles(mut times: Vec<u64>) -> String {
    times.sort_unstable();
    let at = |part: usize| times.get((times.len() * part / 100).min(times.len().saturating_sub(1))).map_or("-".into(), |time| span(*time));
    format!("{} {}", at(50), at(90))
}

/// Prints the table of what stood so at that time.
pub fn print(title: &str, requests: &[Request], outcomes: &[Outcome], now: u64) {
    print_lines(title, requests, &outcomes.iter().map(|one| Line::of(one, now)).collect::<Vec<_>>());
}

/// Prints the table.
pub fn print_lines(title: &str, requests: &[Request], outcomes: &[Line]) {
    let count = |is: &dyn Fn(&Request) -> bool| requests.iter().filter(|one| is(one)).count();
    println!(
        "{title}: {} requests, {} reactive, {} by referral, {} emergencies, {} urgent; {} offers",
        requests.len(),
        count(&|one| one.reactive),
        count(&|one| one.from.is_some()),
        count(&|one| one.priority == Priority::Emergency),
        count(&|one| one.priority == Priority::Urgent),
        outcomes.len()
    );
    println!(
        "{:<10} {:>6} {:>16} {:>16} {:>16} {:>24} {:>8} {:>8} {:>8} {:>9}",
        "priority",
        "offers",
        "receipt 50 90",
        "opened 50 90",
        "accepted 50 90",
        "late: receipt open decide",
        "rungs",
        "by clock",
        "again",
        "withdrawn"
    );
    for priority in Priority::ALL {
        let these: Vec<&Line> = outcomes.iter().filter(|one| one.priority == priority).collect();
        let times = [0, 1, 2].map(|which| quantiles(these.iter().filter_map(|one| one.times[which]).collect()));
        let late = [0, 1, 2].map(|which| these.iter().filter(|one| one.late[which]).count());
        let firsts: BTreeSet<[u8; 16]> = these.iter().map(|one| one.case).collect();
        let by_clock = these.iter().filter(|one| one.by_a_clock).count();
        println!(
            "{:<10} {:>6} {:>16} {:>16} {:>16} {:>24} {:>8} {:>8} {:>8} {:>9}",
            priority.name(),
            these.len(),
            times[0],
            times[1],
            times[2],
            format!("{} {} {}", late[0], late[1], late[2]),
            these.iter().map(|one| one.rungs.len()).sum::<usize>(),
            by_clock,
            these.len() - firsts.len() - by_clock,
            these.iter().filter(|one| one.withdrawn).count(),
        );
    }
    let mut kinds: BTreeMap<(Wait, Act), usize> = BTreeMap::new();
    for (wait, act) in outcomes.iter().flat_map(|one| &one.rungs) {
        *kinds.entry((*wait, *act)).or_default() += 1;
    }
    for ((wait, act), count) in kinds {
        println!("  {count:>5} rungs at origins: {}, {}", wait.name(), act.name());
    }
    println!("  {:>5} rungs at receivers", outcomes.iter().map(|one| one.rungs_there).sum::<usize>());
}

/// What does not hold. A rung may be missing where something was waited for by so little more than its span.
pub fn mistakes(outcomes: &[Outcome], now: u64, slack: u64) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut owners: BTreeMap<[u8; 16], Vec<&Outcome>> = BTreeMap::new();
    for one in outcomes {
        let name = || format!("{} of {} to {}", watchfire::node::referral::short(&one.referral), NAMES[one.from], NAMES[one.to]);
        let there = one.at_receiver.clone().unwrap_or_default();
        if one.at_origin.owner() == Side::Origin && there.owner() == Side::Receiver && one.withdrawn().is_none() {
            wrong.push(format!("owner: both have {}", name()));
        }
        if there.owner() == Side::Receiver && one.withdrawn().is_none() {
            owners.entry(one.case).or_default().push(one);
        }
        let watched = !clocks(Side::Origin, &one.at_origin).is_empty() || !clocks(Side::Receiver, &there).is_empty();
        if !one.at_origin.is_over() && !watched {
            wrong.push(format!("clock: nobody watches {}", name()));
        }
        for (which, waited) in one.waited(now).into_iter().enumerate() {
            let (first, what) = (first_rungs(one.priority)[which], WAITS[which].name());
            let (told, waited) = (one.rungs.iter().filter(|rung| rung.0 == WAITS[which]).count(), waited.unwrap_or(0));
            if waited > first + slack && told == 0 {
                wrong.push(format!("forgotten: {} waited {} for its {what}, and nobody was told", name(), span(waited)));
            }
        }
    }
    for (_, several) in owners.into_iter().filter(|(_, several)| several.len() > 1) {
        wrong.push(format!("owner: {} have one case", several.len()));
    }
    wrong
}
