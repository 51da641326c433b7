//! What people do and what happens to them, as a seed says.

use super::identities::NAMES;
use super::ledger::Release;
use super::world::{COUNT, Return, World};
use super::{checks, clock_checks, desk, referral_checks, referrals};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::sleep;
use watchfire::model::{ObservableKind, Tlp};
use watchfire::node::view::{GroupCreate, ShareRequest};

/// Things that happen in a run.
const STEPS: u64 = 70;
/// After everything is healed it must come to rest within this (in simulated time).
const REST: Duration = Duration::from_secs(900);

/// The groups of every run: name, owner, members.
const GROUPS: [(&str, usize, [usize; 3]); 3] = [("visible", 0, [1, 2, 3]), ("community", 1, [0, 2, 4]), ("hidden", 0, [2, 3, 4])];

/// Lives a whole run, to its checks at the end.
pub async fn live(world: &mut World) {
    begin(world).await;
    let mut down: BTreeMap<usize, u64> = BTreeMap::new();
    let mut values = 0;
    for step in 0..STEPS {
        let most = [200, 1_000, 4_000][world.random.below(3) as usize];
        sleep(Duration::from_millis(world.random.below(most))).await;
        for who in world.blown() {
            world.crash(who);
        }
        come_back(world, &mut down, false).await;
        one_step(world, &mut values).await;
        referrals::one_step(world);
        referral_checks::while_running(world);
        if step % 5 == 0 {
            checks::while_running(world);
        }
    }
    end(world).await;
}

async fn begin(world: &mut World) {
    for one in 0..COUNT {
        for other in one + 1..COUNT {
            // Two members of a group need not know each other.
            if one < 2 || world.random.chance(70) {
                world.pair(one, other).await;
            }
        }
    }
    for (name, owner, members) in GROUPS {
        let request = GroupCreate {
            name: name.into(),
            members: members.iter().map(|who| NAMES[*who].to_owned()).collect(),
            community: name == "community",
            hidden: name == "hidden",
            history: world.random.chance(50),
            deputy: None,
        };
        world.node(owner).unwrap().group_create(request).await.unwrap();
    }
    if world.random.chance(70) {
        sleep(Duration::from_secs(5)).await;
    }
    checks::while_running(world);
}

/// Nodes that have no power get it back, sooner or later.
async fn come_back(world: &mut World, down: &mut BTreeMap<usize, u64>, now: bool) {
    let at = world.trace.at();
    for who in 0..COUNT {
        if world.members[who].life.is_some() {
            down.remove(&who);
            continue;
        }
        let until = *down.entry(who).or_insert_with(|| at + world.random.below(15_000));
        if now || at >= until {
            let copies = world.members[who].copies.len() as u64;
            let copy = world.random.below(copies) as usize;
            let how = match world.random.below(100) {
                0..30 if copies > 0 => Return::Declared(copy),
                30..45 if copies > 0 => Return::Undeclared(copy),
                _ => Return::AsItWas,
            };
            world.start(who, how).await;
            down.remove(&who);
        }
    }
}

async fn one_step(world: &mut World, values: &mut u64) {
    let who = world.random.below(COUNT as u64) as usize;
    let other = (who + 1 + world.random.below(COUNT as u64 - 1) as usize) % COUNT;
    match world.random.below(100) {
        0..38 => share(world, who, other, values),
        38..42 => share_again(world, who),
        42..46 => take_back(world, who, false),
        46..56 => take_back(world, who, true),
        56..62 => change_group(world, other),
        62..67 => close_or_open(world, who, other),
        67..75 => cut_or_heal(world, who, other),
        75..84 => {
            let draw = world.random.next();
            world.net.lose(draw);
        }
        84..88 => world.crash(who),
        88..92 => world.arm(who),
        92..97 => world.copy(who),
        _ => {
            let skew = world.random.below(600_000) as i64 - 300_000;
            world.set_skew(who, skew);
        }
    }
}

fn tlp(draw: u64) -> Tlp {
    [Tlp::Clear, Tlp::Green, Tlp::Amber, Tlp::AmberStrict, Tlp::Red][draw as usize % 5]
}

fn share(world: &mut World, who: usize, other: usize, values: &mut u64) {
    let to = match world.random.below(5) {
        0 | 1 => NAMES[other],
        draw => GROUPS[draw as usize - 2].0,
    };
    let count = if world.random.chance(12) { 5 + world.random.below(30) } else { 1 + world.random.below(3) };
    let new = (0..count).map(|n| format!("v{}.{}.example.org", *values + n, NAMES[who])).collect();
    *values += count;
    send(world, who, to, new);
}

/// The same value once more, to the same or to another audience.
fn share_again(world: &mut World, who: usize) {
    let Some(release) = one_of_ours(world, who) else { return };
    let to = GROUPS[world.random.below(3) as usize].0;
    send(world, who, to, vec![release.value]);
}

fn send(world: &mut World, who: usize, to: &'static str, values: Vec<String>) {
    let label = tlp(world.random.next());
    let Some(node) = world.node(who).cloned() else { return };
    let Ok(audience) = node.audience(to) else { return };
    let ledger = world.shared_ledger();
    let tries: Vec<usize> = values.iter().map(|value| world.ledger().begin_release(who, audience, value)).collect();
    world.log.say(format!("{} shares {} with {to} as {label:?}: {}", NAMES[who], values.len(), values[0]));
    tokio::spawn(async move {
        let request = ShareRequest { kind: Some(ObservableKind::Domain), ..ShareRequest::now(values, label, to) };
        // Some desks have had nobody so far.
        if label == Tlp::Red && desk::try_staff(&node).await.is_err() {
            return;
        }
        let Ok(report) = node.share(request).await else { return };
        if desk::try_two_let_go(&node, &report).await.is_err() {
            return;
        }
        let mut ledger = ledger.lock().unwrap();
        let told = ledger.now();
        for leaves in report.released.iter().chain(&report.duplicate) {
            for n in &tries {
                let release = &mut ledger.releases[*n];
                if release.value == leaves.value {
                    release.told = Some((told, leaves.record));
                }
            }
        }
    });
}

fn one_of_ours(world: &mut World, who: usize) -> Option<Release> {
    let ours: Vec<Release> =
        world.ledger().releases.iter().filter(|release| release.who == who && release.told.is_some()).cloned().collect();
    let n = world.random.below(ours.len() as u64) as usize;
    ours.into_iter().nth(n)
}

fn take_back(world: &mut World, who: usize, recall: bool) {
    let Some(release) = one_of_ours(world, who) else { return };
    let (Some(node), Some((_, record))) = (world.node(who).cloned(), release.told) else { return };
    let n = world.ledger().begin_take_back(who, &release.value, recall);
    let ledger = world.shared_ledger();
    world.log.say(format!("{} {} {}", NAMES[who], if recall { "recalls" } else { "withdraws" }, release.value));
    tokio::spawn(async move {
        let id = record.to_string();
        let result = if recall { node.recall(&id, "by mistake").await } else { node.withdraw(&id, "old").await };
        if result.is_ok() {
            let mut ledger = ledger.lock().unwrap();
            let told = ledger.now();
            ledger.taken_back[n].told = Some(told);
        }
    });
}

fn change_group(world: &mut World, other: usize) {
    let (name, owner, _) = GROUPS[world.random.below(3) as usize];
    let add = world.random.chance(50);
    let Some(node) = world.node(owner).cloned().filter(|_| other != owner) else { return };
    world.log.say(format!("{} {} {} {name}", NAMES[owner], if add { "adds to its group" } else { "removes" }, NAMES[other]));
    tokio::spawn(async move {
        let _ = if add { node.group_add(name, NAMES[other]).await } else { node.group_remove(name, NAMES[other]).await };
    });
}

fn close_or_open(world: &mut World, who: usize, other: usize) {
    let Some(node) = world.node(who).cloned() else { return };
    let suspend = world.random.chance(40);
    world.log.say(format!("{} {} {}", NAMES[who], if suspend { "suspends" } else { "resumes" }, NAMES[other]));
    tokio::spawn(async move {
        let _ = if suspend { node.peer_suspend(NAMES[other]).await } else { node.peer_resume(NAMES[other]).await };
    });
}

fn cut_or_heal(world: &mut World, who: usize, other: usize) {
    match world.random.below(5) {
        0 => world.net.cut(who, other),
        1 => {
            world.net.cut(who, other);
            world.net.cut(other, who);
        }
        // Cut off from everyone.
        2 => (0..COUNT).filter(|one| *one != who).for_each(|one| {
            world.net.cut(who, one);
            world.net.cut(one, who);
        }),
        _ => (0..COUNT).for_each(|one| {
            world.net.heal(who, one);
            world.net.heal(one, who);
        }),
    }
}

/// Everything is healed, and comes to rest.
async fn end(world: &mut World) {
    world.log.say("everything is healed".into());
    world.net.heal_all();
    let mut down = BTreeMap::new();
    for _ in 0..3 {
        sleep(Duration::from_millis(500)).await;
        for who in world.blown() {
            world.crash(who);
        }
        come_back(world, &mut down, true).await;
        for who in world.alive() {
            for other in (0..COUNT).filter(|other| *other != who) {
                let node = world.node(who).cloned();
                if let Some(node) = node {
                    let _ = node.peer_resume(NAMES[other]).await;
                }
            }
        }
    }
    let until = world.trace.at() + REST.as_millis() as u64;
    let mut still = 0;
    while still < 3 {
        sleep(Duration::from_secs(2)).await;
        for who in world.blown() {
            world.crash(who);
        }
        come_back(world, &mut down, true).await;
        let mut moving = checks::moving(world);
        referral_checks::while_running(world);
        moving.extend(referral_checks::moving(world));
        still = if moving.is_empty() { still + 1 } else { 0 };
        if world.trace.at() > until {
            moving.into_iter().for_each(|what| world.ledger().wrong(format!("no rest: {what}")));
            break;
        }
    }
    checks::at_end(world);
    referral_checks::at_end(world);
    clock_checks::at_end(world).await;
}
