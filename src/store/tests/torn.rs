//! Power cuts: a disk that keeps any part of what was not synced, torn at 512 bytes. Whatever it left opens, holds what was
//! acknowledged and no half of a step, and agrees with itself.

use super::agree::disagreements;
use super::campaign::{Campaign, Dice};
use super::script::{Script, make};
use super::volatile::{Cut, Volatile};
use super::*;

/// Steps of one life, and power cuts in it.
const STEPS: usize = 16;
const CUTS: u64 = 40;

type Content = Vec<(&'static str, String)>;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn open(disk: &Volatile) -> Result<Store, crate::store::OpenError> {
    Store::open_with(disk.factory(), Options { cache_bytes: 1 << 20, ..Options::new(US) })
}

/// The life of a store: what it held after each acknowledged step, and what power cuts would have left.
struct Life {
    after: Vec<Content>,
    cuts: Vec<Cut>,
}

/// A store of the first schema that ever was, which each life begins by migrating. (A file that is made gets its name when it is whole.)
fn oldest() -> Vec<u8> {
    let disk = Volatile::holding(Vec::new(), Dice::new(0));
    {
        let database = redb::Database::builder().create_with_backend(disk.clone()).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(crate::store::tables::META).unwrap().insert("schema", 0u32.to_be_bytes().as_slice()).unwrap();
        transaction.commit().unwrap();
    }
    disk.bytes()
}

/// Lives a life twice: the first time to count its operations.
fn live(seed: u64, lies_from: usize) -> Life {
    let operations = once(seed, &Volatile::holding(oldest(), Dice::new(seed)), usize::MAX).1;
    let mut dice = Dice::new(seed ^ 0xcc);
    let disk = Volatile::holding(oldest(), Dice::new(seed ^ 0xdd));
    disk.cut_at((0..CUTS).map(|_| dice.between(1, operations + 1)).collect());
    let (after, _) = once(seed, &disk, lies_from);
    Life { after, cuts: disk.take_cuts() }
}

fn once(seed: u64, disk: &Volatile, lies_from: usize) -> (Vec<Content>, u64) {
    let runtime = runtime();
    let store = open(disk).unwrap();
    let mut script = Script::new(seed);
    let mut after = vec![content(&store.snapshot().unwrap())];
    for step in 1..=STEPS {
        if step == lies_from {
            disk.lie();
        }
        let next = script.next(&store.snapshot().unwrap());
        make(&store, next, &runtime).unwrap();
        disk.acknowledged(step);
        after.push(content(&store.snapshot().unwrap()));
    }
    (after, disk.operations())
}

/// What is wrong with what a power cut left, or how many cuts in the middle of its recovery were looked at too.
fn judge(life: &Life, cut: &Cut, dice: &mut Dice) -> Result<u64, String> {
    let disk = Volatile::holding(cut.bytes.clone(), dice.clone());
    if dice.one_in(4) {
        disk.cut_at((0..2).map(|_| dice.between(1, 30)).collect());
    }
    whole(life, cut, &disk)?;
    let again = disk.take_cuts();
    for second in &again {
        let second = Cut { bytes: second.bytes.clone(), acknowledged: cut.acknowledged, ..*second };
        let disk = Volatile::holding(second.bytes.clone(), dice.clone());
        whole(life, &second, &disk).map_err(|what| format!("cut again while it was opened: {what}"))?;
    }
    Ok(again.len() as u64)
}

fn whole(life: &Life, cut: &Cut, disk: &Volatile) -> Result<(), String> {
    let about = |what: String| {
        let Cut { acknowledged, operation, kept, .. } = cut;
        format!("operation {operation}, {acknowledged} steps acknowledged, kept {kept:?}: {what}")
    };
    let store = open(disk).map_err(|error| about(format!("does not open: {error}")))?;
    let read = store.snapshot().map_err(|error| about(error.to_string()))?;
    let held = content(&read);
    let may_hold = &life.after[cut.acknowledged..life.after.len().min(cut.acknowledged + 2)];
    if !may_hold.contains(&held) {
        let step = life.after.iter().position(|content| *content == held);
        return Err(about(format!("holds what it held after step {step:?}")));
    }
    let disagreements = disagreements(&read);
    if !disagreements.is_empty() {
        return Err(about(disagreements.join("; ")));
    }
    drop(read);
    // What is cut from here on holds more than may be.
    disk.cut_at([].into());
    let goes_on = store.commit_blocking(release_change(TO_PEER, vec![item(TO_PEER, indicator("afterwards.example"))]));
    goes_on.map(drop).map_err(|error| about(format!("takes no changes: {error}")))
}

#[test]
fn whatever_a_power_cut_leaves_opens_and_holds_what_was_acknowledged() {
    let mut campaign = Campaign::new("torn", "images", 2_000);
    while let Some(seed) = campaign.next() {
        let life = live(seed, usize::MAX);
        let mut dice = Dice::new(seed ^ 0xee);
        for cut in &life.cuts {
            match judge(&life, cut, &mut dice) {
                Ok(again) => campaign.reached(1 + again),
                Err(what) => panic!("seed {seed}: {what}"),
            }
        }
    }
}

#[test]
fn a_disk_that_lies_about_syncing_is_caught() {
    for (lies_from, what) in [(0, "always"), (STEPS / 2, "from the middle on")] {
        let life = live(7, lies_from.max(1));
        let mut dice = Dice::new(7);
        // What redb makes of a file that breaks its promises may be a panic too.
        let mut is_caught = |cut: &Cut| {
            let judged = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| judge(&life, cut, &mut dice)));
            !matches!(judged, Ok(Ok(_)))
        };
        let caught = life.cuts.iter().filter(|cut| is_caught(cut)).count();
        eprintln!("a disk that lies {what}: {caught} of {} images caught", life.cuts.len());
        assert!(caught * 8 > life.cuts.len(), "{caught} of {} caught; it lies {what}", life.cuts.len());
    }
}
