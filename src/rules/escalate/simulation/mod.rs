//! A year of referrals between ten desks, whose nodes stop and start again and whose clocks are stepped. All that a node has after a start are the rows. What
//! should have happened is computed afterwards by `oracle.rs`, from the year's list of events alone.

mod desks;
mod life;
mod oracle;
mod world;

use crate::campaign::Campaign;
use std::collections::BTreeSet;
use world::{Plant, World};

/// Referrals in one world.
const REFERRALS: u64 = 10_000;

#[test]
fn ten_thousand_referrals_of_a_year_have_each_rung_once_and_in_time() {
    let mut campaign = Campaign::new("escalation", "referrals", 10_000);
    let (mut figures, tables) = (life::Figures::default(), desks::Table::all());
    while let Some(seed) = campaign.next() {
        let many = REFERRALS.min(campaign.left());
        let mut world = World::run(seed, many, Plant::Nothing);
        campaign.reached(many);
        let mistakes = world.mistakes(&tables);
        assert!(mistakes.is_empty(), "seed {seed}: {} mistakes, such as {}", mistakes.len(), mistakes[0]);
        figures.add(&world.figures);
    }
    eprintln!("{figures}");
    let everything = figures.waits.len() == super::Wait::ALL.len() && figures.late > 0 && figures.late_offers > 0 && figures.paused > 0;
    let disturbed = figures.restarts > 0 && figures.steps > 0 && figures.changes > 0;
    assert!(everything && disturbed || std::env::var_os("WATCHFIRE_ROUNDS").is_some(), "{figures}");
}

#[test]
fn daylight_saving_time_begins_and_ends_where_there_is_any() {
    let tables = desks::Table::all();
    let in_the_year = |desk: usize| tables[desk].as_ref().map(|table| table.changes_between(world::BEGIN, world::END));
    // Berlin; Kathmandu, which has none; Almaty, which moves for good; and a desk that declared nothing.
    assert_eq!([0, 4, 5, 9].map(in_the_year), [Some(2), Some(0), Some(0), None]);
}

#[test]
fn planted_mistakes_are_caught() {
    let tables = desks::Table::all();
    let found = |plant| {
        let mistakes = World::run(77, 150, plant).mistakes(&tables);
        mistakes.iter().map(|text| text.split(':').next().unwrap_or_default().to_owned()).collect::<BTreeSet<_>>()
    };
    assert_eq!(found(Plant::Nothing), BTreeSet::new());
    let twice = found(Plant::ForgetsRungs);
    assert!(twice.contains("recorded again"), "{twice:?}");
    let shifted = found(Plant::BlindToSteps);
    assert!(shifted.contains("early") && shifted.contains("late"), "{shifted:?}");
    let by_the_wall = found(Plant::NoHours);
    assert!(by_the_wall.contains("early"), "{by_the_wall:?}");
    let burst = found(Plant::Burst);
    assert!(burst.contains("burst"), "{burst:?}");
    let silent = found(Plant::SilentBehindTheEnd);
    assert!(silent.contains("late"), "{silent:?}");
    let each = found(Plant::EachThatWasMissed);
    assert!(each.contains("burst"), "{each:?}");
}
