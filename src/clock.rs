//! The clock: the only file that reads it, so that a test can move it.
//!
//! Wall time ([`Clock::now`]) may step either way and is what people and peers see; monotonic time ([`Clock::monotonic_ms`],
//! [`Clock::sleep`]) only grows and is what waiting is measured by. While the machine is suspended the former goes on ([`Clock::sleep`] does not), so
//! that hours of sleep are not taken for a step of the wall clock.

// The ban of .clippy.toml holds everywhere but here.
#![allow(clippy::disallowed_methods)]

use crate::model::Timestamp;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// A long wait looks at the wall clock again at least so often, so that a suspended machine or a stepped clock makes it oversleep by
/// no more (10 s, in milliseconds).
const RECHECK_MS: u64 = 10_000;

/// The system's clock, or one that a test moves. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Kind>);

#[derive(Debug)]
enum Kind {
    System {
        started_ms: u64,
    },
    Manual {
        hands: watch::Sender<Hands>,
    },
    #[cfg(feature = "simulation")]
    Simulated {
        started: tokio::time::Instant,
        began: Timestamp,
        skew_ms: std::sync::atomic::AtomicI64,
    },
}

/// What a manual clock shows, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Hands {
    wall: u64,
    monotonic: u64,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Arc::new(Kind::System { started_ms: boot_ms() }))
    }

    /// A clock that stands at `start` until [`Self::advance`] or [`Self::set`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        Self(Arc::new(Kind::Manual { hands: watch::Sender::new(Hands { wall: start.0, monotonic: 0 }) }))
    }

    /// A clock that goes with the runtime's time, which a simulation pauses and leaps: it shows `began` now, and `skew_ms` more once
    /// [`Self::skew`] says so.
    #[cfg(feature = "simulation")]
    pub fn simulated(began: Timestamp) -> Self {
        Self(Arc::new(Kind::Simulated { started: tokio::time::Instant::now(), began, skew_ms: 0.into() }))
    }

    /// Makes a simulated clock's wall time wrong by so many milliseconds; monotonic time stays. Nothing happens to other clocks.
    #[cfg(feature = "simulation")]
    pub fn skew(&self, milliseconds: i64) {
        if let Kind::Simulated { skew_ms, .. } = &*self.0 {
            skew_ms.store(milliseconds, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// The wall time. A system clock set before 1970 reads as 1970.
    pub fn now(&self) -> Timestamp {
        match &*self.0 {
            Kind::System { .. } => {
                let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
            }
            Kind::Manual { hands } => Timestamp(hands.borrow().wall),
            #[cfg(feature = "simulation")]
            Kind::Simulated { began, skew_ms, .. } => {
                let right = began.plus(self.monotonic_ms());
                Timestamp(right.0.saturating_add_signed(skew_ms.load(std::sync::atomic::Ordering::Relaxed)))
            }
        }
    }

    /// Milliseconds since some point before the clock was made; never goes back.
    pub fn monotonic_ms(&self) -> u64 {
        match &*self.0 {
            Kind::System { started_ms } => boot_ms().saturating_sub(*started_ms),
            Kind::Manual { hands } => hands.borrow().monotonic,
            #[cfg(feature = "simulation")]
            Kind::Simulated { started, .. } => u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// [`Self::now`] and [`Self::monotonic_ms`] of the same moment, as far as a clock can be read twice at once.
    pub fn both(&self) -> (Timestamp, u64) {
        match &*self.0 {
            Kind::Manual { hands } => {
                let hands = hands.borrow();
                (Timestamp(hands.wall), hands.monotonic)
            }
            _ => (self.now(), self.monotonic_ms()),
        }
    }

    /// Waits for so many milliseconds, whatever the wall clock does meanwhile.
    pub async fn sleep(&self, milliseconds: u64) {
        self.sleep_to(self.monotonic_ms().saturating_add(milliseconds)).await;
    }

    /// Waits until [`Self::monotonic_ms`] is `at` or more: whatever passed since `at` was worked out counts.
    pub async fn sleep_to(&self, at: u64) {
        match &*self.0 {
            Kind::Manual { hands } => wait(hands, |now| now.monotonic >= at).await,
            _ => tokio::time::sleep(Duration::from_millis(at.saturating_sub(self.monotonic_ms()))).await,
        }
    }

    /// Waits until the wall clock shows `at` or later; returns at once when it does already.
    pub async fn sleep_until(&self, at: Timestamp) {
        match &*self.0 {
            Kind::Manual { hands } => wait(hands, |now| now.wall >= at.0).await,
            _ => loop {
                match at.since(self.now()) {
                    0 => return,
                    left => tokio::time::sleep(Duration::from_millis(left.min(RECHECK_MS))).await,
                }
            },
        }
    }

    /// Moves a manual clock forward, wall and monotonic time alike, and wakes whoever waits for what has come. Nothing happens to
    /// the system's clock.
    pub fn advance(&self, milliseconds: u64) {
        self.turn(|hands| {
            hands.wall = hands.wall.saturating_add(milliseconds);
            hands.monotonic = hands.monotonic.saturating_add(milliseconds);
        });
    }

    /// Steps a manual clock's wall time, either way, as a wrong or corrected clock does; monotonic time stays. Nothing happens to the
    /// system's clock.
    pub fn set(&self, to: Timestamp) {
        self.turn(|hands| hands.wall = to.0);
    }

    fn turn(&self, change: impl FnOnce(&mut Hands)) {
        if let Kind::Manual { hands } = &*self.0 {
            hands.send_modify(change);
        }
    }
}

/// Milliseconds since the machine started, those included while it was suspended.
fn boot_ms() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let (seconds, nanoseconds) = (u64::try_from(now.tv_sec).unwrap_or(0), u64::try_from(now.tv_nsec).unwrap_or(0));
    seconds.saturating_mul(1_000).saturating_add(nanoseconds / 1_000_000)
}

async fn wait(hands: &watch::Sender<Hands>, come: impl Fn(&Hands) -> bool) {
    // The sender lives as long as the clock that is waited on, so this ends by the condition alone.
    let _ = hands.subscribe().wait_for(|now| come(now)).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn a_manual_clock_wakes_sleepers_when_it_is_moved_and_not_before() {
        let clock = Clock::manual(Timestamp(1_000));
        let mut nap = Box::pin(clock.sleep(500));
        let mut alarm = Box::pin(clock.sleep_until(Timestamp(2_000)));
        assert!(nap.as_mut().now_or_never().is_none());
        clock.advance(499);
        assert!(nap.as_mut().now_or_never().is_none());
        clock.advance(1);
        assert!(nap.as_mut().now_or_never().is_some());
        assert!(alarm.as_mut().now_or_never().is_none());
        clock.set(Timestamp(2_000));
        assert!(alarm.as_mut().now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_wait_counts_what_passed_before_it_began() {
        let clock = Clock::manual(Timestamp(1_000));
        let looked = clock.monotonic_ms();
        clock.advance(500);
        assert!(Box::pin(clock.sleep_to(looked + 501)).now_or_never().is_none());
        assert!(Box::pin(clock.sleep_to(looked + 500)).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_wall_clock_step_does_not_end_a_sleep() {
        let clock = Clock::manual(Timestamp(1_000));
        let mut nap = Box::pin(clock.sleep(500));
        assert!(nap.as_mut().now_or_never().is_none());
        clock.set(Timestamp(1_000_000));
        assert!(nap.as_mut().now_or_never().is_none());
        clock.set(Timestamp(10));
        assert_eq!((clock.now(), clock.monotonic_ms()), (Timestamp(10), 0));
    }

    #[tokio::test]
    async fn the_system_clock_is_in_this_century_and_returns_at_once_for_what_has_been() {
        let clock = Clock::system();
        assert!(clock.now() > Timestamp(1_700_000_000_000));
        clock.sleep_until(Timestamp(0)).await;
        clock.sleep(1).await;
        assert!(clock.monotonic_ms() >= 1);
    }

    #[test]
    fn clones_are_the_same_clock() {
        let clock = Clock::manual(Timestamp(0));
        clock.clone().advance(7);
        assert_eq!(clock.now(), Timestamp(7));
    }
}
