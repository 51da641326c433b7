//! A campaign: a harness that goes from seed to seed, briefly in `cargo test`, and for as long as is wished by command. See
//! docs/testing.md.
//!
//! ```text
//! WATCHFIRE_ROUNDS=100000 cargo test --lib torn -- --nocapture     goes on where the last such command ended
//! WATCHFIRE_ROUNDS=1 WATCHFIRE_SEED=77 cargo test --lib torn       that seed alone
//! ```

// Rates are taken by the real clock.
#![allow(clippy::disallowed_methods)]
// Each test binary uses its own part.
#![allow(dead_code)]

use std::path::PathBuf;
use std::time::Instant;

/// The seeds of a harness, and how far it has come.
pub struct Campaign {
    name: &'static str,
    /// What one round is, in the plural.
    unit: &'static str,
    wanted: u64,
    reached: u64,
    seed: u64,
    began: Instant,
    /// Where the next seed and the total stand; none in `cargo test` without words, which takes the same seeds each time.
    state: Option<PathBuf>,
    before: u64,
}

impl Campaign {
    /// So many rounds when nothing else is asked for.
    pub fn new(name: &'static str, unit: &'static str, brief: u64) -> Self {
        let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number")));
        let (rounds, seed) = (number("WATCHFIRE_ROUNDS"), number("WATCHFIRE_SEED"));
        let state = rounds.filter(|_| seed.is_none()).map(|_| directory().join(name));
        let (resumed, before) = state.as_ref().and_then(|path| std::fs::read_to_string(path).ok()).and_then(read).unwrap_or((1, 0));
        let (wanted, seed) = (rounds.unwrap_or(brief), seed.unwrap_or(resumed));
        Self { name, unit, wanted, reached: 0, seed, began: Instant::now(), state, before }
    }

    /// The seed of the next round; none when there were enough.
    pub fn next(&mut self) -> Option<u64> {
        self.save();
        let seed = self.seed;
        self.seed += 1;
        (self.reached < self.wanted).then_some(seed)
    }

    /// So many more rounds are done.
    pub fn reached(&mut self, rounds: u64) {
        self.reached += rounds;
    }

    /// How many rounds are still wanted.
    pub fn left(&self) -> u64 {
        self.wanted.saturating_sub(self.reached)
    }

    fn save(&self) {
        let Some(path) = &self.state else { return };
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("the directory of campaigns");
        std::fs::write(path, format!("{} {}\n", self.seed, self.before + self.reached)).expect("the state of the campaign");
    }
}

impl Drop for Campaign {
    fn drop(&mut self) {
        let Self { name, unit, reached, seed, before, .. } = self;
        let seconds = self.began.elapsed().as_secs_f64();
        let rate = *reached as f64 / seconds.max(0.001);
        let all = if self.state.is_some() { format!(", {} in all", *before + *reached) } else { String::new() };
        eprintln!("{name}: {reached} {unit} in {seconds:.1} s, {rate:.1}/s{all}; last seed {}", seed.saturating_sub(1));
    }
}

/// Kept over builds, and gone with `cargo clean`.
fn directory() -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    target.join("campaigns")
}

fn read(text: String) -> Option<(u64, u64)> {
    let (seed, total) = text.trim().split_once(' ')?;
    Some((seed.parse().ok()?, total.parse().ok()?))
}

/// Chance from a seed (SplitMix64): the same throws each time.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0, below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.throw() % end.max(1)
    }

    /// From `start`, below `end`.
    pub fn between(&mut self, start: u64, end: u64) -> u64 {
        start + self.below(end - start)
    }

    pub fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }
}
