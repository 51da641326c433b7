//! What runs of the clocks of referrals, read from the rows that nodes keep and from what they have in memory.

use super::identities::NAMES;
use super::world::World;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::sleep;
use watchfire::model::ReferralId;
use watchfire::node::referral::{CaseRow, short};
use watchfire::rules::escalate::{Beside, Wait, Watch, waits};
use watchfire::rules::referral::{Standing, goes_on_elsewhere};
use watchfire::store::change::Shelf;
use watchfire::store::{Conversation, Snapshot};

/// Between a message that is on the disk and the clocks that follow from it a node reacts, with commits of its own: for so long at the most, in simulated milliseconds.
const LATE_MS: u64 = 5_000;

/// What is waited for, of each referral.
pub type Running = BTreeMap<ReferralId, BTreeSet<Wait>>;

/// Since when something has not been as it should, of the same life of each node concerned and of the same standing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    lives: Vec<u64>,
    standing: Standing,
    at: u64,
}

/// What was found wrong and may be only late: who is concerned, and in which referral.
pub type Late = BTreeMap<(Vec<usize>, ReferralId), Since>;

/// The clocks that are on a node's disk.
pub fn written(snapshot: &Snapshot) -> Running {
    let mut running = Running::new();
    for (_, bytes) in snapshot.all_kept(Shelf::Watch).unwrap() {
        let watch: Watch = serde_json::from_slice(&bytes).unwrap();
        if watch.wait != Wait::Platform {
            running.entry(ReferralId(watch.referral)).or_default().insert(watch.wait);
        }
    }
    running
}

/// The clocks that a node says to have.
fn in_memory(world: &World, who: usize) -> Running {
    let mut running = Running::new();
    for timer in world.node(who).unwrap().timers(None).unwrap().into_iter().filter(|timer| timer.escalation.is_none()) {
        running.entry(timer.referral).or_default().insert(timer.wait);
    }
    running
}

/// The cases that a node keeps.
pub fn cases(snapshot: &Snapshot) -> Vec<CaseRow> {
    snapshot.all_kept(Shelf::Case).unwrap().into_iter().map(|(_, bytes)| serde_json::from_slice(&bytes).unwrap()).collect()
}

/// The offers of one's case that have left, itself among them.
fn offers_beside(snapshot: &Snapshot, id: &ReferralId) -> Vec<Conversation> {
    let case = cases(snapshot).into_iter().find(|case| case.given.iter().any(|given| given.referral == *id));
    let given = case.map(|case| case.given).unwrap_or_default();
    let offers = given.iter().filter_map(|given| snapshot.conversation(&given.referral).unwrap());
    offers.filter(|one| !one.row.over || one.standing.is_over()).collect()
}

/// Whether one that came to nothing is nobody's matter any more, as its case goes on by another offer.
pub fn goes_on(snapshot: &Snapshot, id: &ReferralId) -> bool {
    let offers = offers_beside(snapshot, id);
    let standings: Vec<&Standing> = offers.iter().map(|one| &one.standing).collect();
    offers.iter().position(|one| one.id == *id).is_some_and(|at| goes_on_elsewhere(&standings, at))
}

/// The clocks that a node should have, by the conversations that it holds.
fn wanted(snapshot: &Snapshot) -> (Running, BTreeMap<ReferralId, Standing>) {
    let (mut running, mut standings) = (Running::new(), BTreeMap::new());
    for (id, row) in snapshot.referrals().unwrap() {
        let standing = snapshot.conversation(&id).unwrap().expect("it is in the list").standing;
        if !row.over {
            let beside = Beside { goes_on: standing.came_to_nothing() && goes_on(snapshot, &id), ..Beside::default() };
            let waits: BTreeSet<Wait> = waits(row.side, &standing, &beside).into_iter().map(|(wait, _)| wait).collect();
            if !waits.is_empty() {
                running.insert(id, waits);
            }
        }
        standings.insert(id, standing);
    }
    (running, standings)
}

/// Notes what is not as it should be, and says so once it is too late for it; `late` is what was noted before.
pub fn note(world: &World, late: &mut Late, before: &Late, who: &[usize], id: &ReferralId, standing: &Standing, what: String) {
    let (key, now) = ((who.to_vec(), *id), world.trace.at());
    let lives: Vec<u64> = who.iter().map(|who| world.members[*who].lives).collect();
    let known = before.get(&key).filter(|since| since.lives == lives && since.standing == *standing);
    let since = known.cloned().unwrap_or_else(|| Since { lives, standing: standing.clone(), at: now });
    if now - since.at > LATE_MS {
        world.ledger().wrong(what);
    }
    late.insert(key, since);
}

/// On each node's disk are the clocks of what it holds, and no others.
pub fn while_running(world: &World) {
    let before = std::mem::take(&mut world.ledger().late_clocks);
    let mut late = Late::new();
    for who in world.alive() {
        let snapshot = world.snapshot(who).unwrap();
        let ((wanted, standings), written) = (wanted(&snapshot), written(&snapshot));
        for id in wanted.keys().chain(written.keys()).collect::<BTreeSet<_>>() {
            if wanted.get(id) != written.get(id) {
                let what = format!("clock: {} keeps {:?} of {}, and should {:?}", NAMES[who], written.get(id), short(id), wanted.get(id));
                let standing = standings.get(id).cloned().unwrap_or_default();
                note(world, &mut late, &before, &[who], id, &standing, what);
            }
        }
    }
    world.ledger().late_clocks = late;
}

/// Once nothing moves, each node has on its disk and in memory what it should. What a clock itself has just begun gets its time.
pub async fn at_end(world: &World) {
    let until = world.trace.at() + LATE_MS;
    let mut wrong = apart(world);
    while !wrong.is_empty() && world.trace.at() < until {
        sleep(Duration::from_secs(1)).await;
        wrong = apart(world);
    }
    wrong.into_iter().for_each(|what| world.ledger().wrong(what));
}

fn apart(world: &World) -> Vec<String> {
    let mut wrong = Vec::new();
    for who in world.alive() {
        let snapshot = world.snapshot(who).unwrap();
        let ((wanted, _), written, in_memory) = (wanted(&snapshot), written(&snapshot), in_memory(world, who));
        for id in wanted.keys().chain(written.keys()).chain(in_memory.keys()).collect::<BTreeSet<_>>() {
            let all = [&wanted, &written, &in_memory].map(|running| running.get(id));
            if all[0] != all[1] || all[0] != all[2] {
                let [wanted, written, in_memory] = all;
                let of = short(id);
                wrong
                    .push(format!("clock: at the end {} keeps {written:?} of {of}, runs {in_memory:?}, and should {wanted:?}", NAMES[who]));
            }
        }
    }
    wrong
}
