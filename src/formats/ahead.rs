//! Two threads for a long file: one makes things, the other takes them, in the order in which they were made.

use std::ops::ControlFlow;
use std::sync::mpsc::{SyncSender, sync_channel};

/// Things go over together once they have so many bytes, so that few wake the other thread for little.
const BLOCK_BYTES: usize = 64 << 10;

/// Where the maker puts what it has made; breaks when nobody takes any more.
pub(super) type Push<'a, T> = dyn FnMut(T, usize) -> ControlFlow<()> + 'a;

/// Runs `make` on a thread of its own, and gives what it pushes to `take` on this one. In memory are three blocks at most, each of which
/// ends with the thing that fills it.
pub(super) fn ahead<T: Send, R: Send>(make: impl FnOnce(&mut Push<'_, T>) -> R + Send, mut take: impl FnMut(T) -> ControlFlow<()>) -> R {
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(1);
        let maker = scope.spawn(move || {
            let mut block = Block { things: Vec::new(), bytes: 0, sender };
            let made = make(&mut |thing, bytes| block.push(thing, bytes));
            let _ = block.send();
            made
        });
        let _ = receiver.iter().flatten().try_for_each(&mut take);
        // Whoever pushes from now on is told that nobody takes it.
        drop(receiver);
        match maker.join() {
            Ok(made) => made,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

struct Block<T> {
    things: Vec<T>,
    bytes: usize,
    sender: SyncSender<Vec<T>>,
}

impl<T> Block<T> {
    fn push(&mut self, thing: T, bytes: usize) -> ControlFlow<()> {
        self.things.push(thing);
        self.bytes += bytes;
        if self.bytes < BLOCK_BYTES { ControlFlow::Continue(()) } else { self.send() }
    }

    fn send(&mut self) -> ControlFlow<()> {
        self.bytes = 0;
        match self.sender.send(std::mem::take(&mut self.things)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_comes_over_in_order() {
        for count in [0, 1, 7, 1_000] {
            let mut taken = Vec::new();
            let made = ahead(
                |push| (0..count).take_while(|n| push(*n, 10_000).is_continue()).count(),
                |n| {
                    taken.push(n);
                    ControlFlow::Continue(())
                },
            );
            assert_eq!((made, taken), (count, (0..count).collect()));
        }
    }

    #[test]
    fn a_taker_that_has_enough_stops_the_maker() {
        let mut taken = 0;
        let made = ahead(
            |push| (0_u64..).take_while(|n| push(*n, BLOCK_BYTES).is_continue()).count(),
            |_| {
                taken += 1;
                if taken < 10 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            },
        );
        assert_eq!(taken, 10);
        assert!(made < 20, "{made} were made");
    }

    #[test]
    #[should_panic(expected = "the maker's own words")]
    fn a_maker_that_panics_is_heard() {
        ahead(|_: &mut Push<'_, ()>| panic!("the maker's own words"), |()| ControlFlow::Continue(()));
    }
}
