//! What a simulation may do and nothing else: draw randomness from a seed, plant bugs, and run a node over simulated storage, time and
//! network.
//!
//! All of it is there only with the `simulation` feature. A node with seeded randomness has no secrets, so `main.rs` refuses to run when
//! it was built with that feature. Seed and bug belong to a thread: whoever does not ask for them has the system's randomness.

use std::cell::{Cell, RefCell};

thread_local! {
    static RANDOM: RefCell<Option<Random>> = const { RefCell::new(None) };
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// Numbers that follow from a seed (splitmix64): even, and no secret.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The numbers of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 where that is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        let drawn = self.next();
        if bound == 0 { 0 } else { drawn % bound }
    }

    /// True so many times in a hundred.
    pub const fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Fills a buffer.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let drawn = self.next().to_le_bytes();
            chunk.copy_from_slice(&drawn[..chunk.len()]);
        }
    }
}

/// From now on this thread's [`crate::model::crypto::random`] follows from a seed.
pub fn seed(seed: u64) {
    RANDOM.with(|random| *random.borrow_mut() = Some(Random::new(seed)));
}

/// Fills a buffer from this thread's seed; false when it has none.
pub(crate) fn fill(bytes: &mut [u8]) -> bool {
    RANDOM.with(|random| random.borrow_mut().as_mut().map(|random| random.fill(bytes)).is_some())
}

/// A bug that a simulation plants to see that it is caught.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// A batch is acknowledged before it is durable.
    AckBeforeDurable,
    /// A recall is taken and nothing is destroyed.
    ForgetRecall,
    /// Any log is offered to, and taken from, any peer.
    SkipEntitlement,
    /// A restored copy goes on where it was, without asking what its readers hold.
    ReusePosition,
    /// Whoever accepts a case claims it, without waiting for the origin to confirm.
    ClaimUnconfirmed,
    /// A case is confirmed to everybody who accepts it.
    GiveTwice,
    /// A withdrawn case is said to be destroyed, and stays.
    KeepWithdrawn,
    /// The clocks of referrals are in memory alone, and gone with the process.
    LoseClocks,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::AckBeforeDurable,
        Self::ForgetRecall,
        Self::SkipEntitlement,
        Self::ReusePosition,
        Self::ClaimUnconfirmed,
        Self::GiveTwice,
        Self::KeepWithdrawn,
        Self::LoseClocks,
    ];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AckBeforeDurable => "ack-before-durable",
            Self::ForgetRecall => "forget-recall",
            Self::SkipEntitlement => "skip-entitlement",
            Self::ReusePosition => "reuse-position",
            Self::ClaimUnconfirmed => "claim-unconfirmed",
            Self::GiveTwice => "give-twice",
            Self::KeepWithdrawn => "keep-withdrawn",
            Self::LoseClocks => "lose-clocks",
        }
    }
}

/// Plants a bug for this thread.
pub fn plant(bug: Bug) {
    PLANTED.set(Some(bug));
}

/// Whether this bug is planted.
pub fn planted(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::crypto::random;

    #[test]
    fn randomness_follows_from_the_seed_of_its_thread_and_is_the_systems_elsewhere() {
        let drawn = |number| {
            std::thread::spawn(move || {
                seed(number);
                (random::<16>(), random::<3>())
            })
            .join()
            .unwrap()
        };
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
        assert_ne!(random::<16>(), random::<16>());
    }
}
