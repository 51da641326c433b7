//! What one peer may make us do: frames per second, entries and bytes per day; and how much strangers may make us log. Passing a limit
//! is a typed refusal, not a crash.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::OrgId;
use crate::node::Node;

const DAY_MS: u64 = 86_400_000;

/// A limit that a peer passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Overrun {
    /// Too many frames in a second.
    #[error("more than {0} frames in a second")]
    Frames(u64),
    /// Too many entries in a day.
    #[error("more than {0} entries in a day")]
    Entries(u64),
    /// Too many bytes in a day.
    #[error("more than {0} bytes in a day")]
    Bytes(u64),
    /// Too many HTTP/2 frames in a second that carry nothing.
    #[error("more than {0} control frames in a second")]
    Control(u64),
    /// Too many HTTP/2 frames in a second.
    #[error("more than {0} HTTP/2 frames in a second")]
    Http2(u64),
    /// It does not read our answers.
    #[error("answers pile up unread")]
    Unread,
}

/// What a peer used of its day. Lives longer than a session, so that reconnecting wins nothing.
#[derive(Debug, Clone, Copy, Default)]
struct Day {
    number: u64,
    entries: u64,
    bytes: u64,
}

/// The days of all peers.
#[derive(Debug, Default)]
pub struct Days(Mutex<BTreeMap<OrgId, Day>>);

impl Days {
    /// How many entries a peer has sent us today, those that we held already too.
    pub fn entries(&self, peer: &OrgId) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(peer).map_or(0, |day| day.entries)
    }
}

/// What is counted anew each second.
#[derive(Debug, Default)]
pub(super) struct EachSecond<T> {
    second: u64,
    counted: T,
}

impl<T: Default> EachSecond<T> {
    /// What was counted in this second.
    pub(super) fn at(&mut self, milliseconds: u64) -> &mut T {
        let second = milliseconds / 1_000;
        if second != self.second {
            *self = Self { second, counted: T::default() };
        }
        &mut self.counted
    }
}

/// One session's view of its peer's limits.
pub struct Budget {
    node: Arc<Node>,
    peer: OrgId,
    frames: EachSecond<u64>,
}

impl Budget {
    /// The budget of a peer; what it has used today counts on.
    pub fn new(node: &Arc<Node>, peer: OrgId) -> Self {
        Self { node: node.clone(), peer, frames: EachSecond::default() }
    }

    /// One more frame came at this time.
    ///
    /// # Errors
    /// When there are too many in this second.
    pub fn frame(&mut self, monotonic_ms: u64) -> Result<(), Overrun> {
        let frames = self.frames.at(monotonic_ms);
        *frames += 1;
        let most = self.node.config.link.frames_per_second_max;
        if *frames > most { Err(Overrun::Frames(most)) } else { Ok(()) }
    }

    /// So many entries came.
    ///
    /// # Errors
    /// When there are too many today.
    pub fn entries(&mut self, count: u64) -> Result<(), Overrun> {
        let most = self.node.config.link.records_per_day_max;
        if self.use_day(count, 0).entries > most { Err(Overrun::Entries(most)) } else { Ok(()) }
    }

    /// So many bytes of content came, in whatever frames.
    ///
    /// # Errors
    /// When there are too many today.
    pub fn bytes(&mut self, count: u64) -> Result<(), Overrun> {
        let most = self.node.config.link.bytes_per_day_max;
        if self.use_day(0, count).bytes > most { Err(Overrun::Bytes(most)) } else { Ok(()) }
    }

    fn use_day(&self, entries: u64, bytes: u64) -> Day {
        let today = self.node.clock.monotonic_ms() / DAY_MS;
        let mut days = self.node.days.0.lock().unwrap_or_else(PoisonError::into_inner);
        let day = days.entry(self.peer).or_default();
        if day.number != today {
            *day = Day { number: today, ..Day::default() };
        }
        day.entries += entries;
        day.bytes += bytes;
        *day
    }
}

/// Bounds log lines about strangers, who can call as often as they like: so many in a second, then a count of those left out.
#[derive(Debug, Default)]
pub struct Throttle(Mutex<Said>);

#[derive(Debug, Default)]
struct Said {
    lines: EachSecond<u64>,
    left_out: u64,
}

/// Lines about strangers in one second.
const LINES_PER_SECOND_MAX: u64 = 10;

impl Throttle {
    /// Whether to say it; if so, how many times it was not said before.
    pub fn say(&self, monotonic_ms: u64) -> Option<u64> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = said.lines.at(monotonic_ms);
        if *lines >= LINES_PER_SECOND_MAX {
            said.left_out += 1;
            return None;
        }
        *lines += 1;
        Some(std::mem::take(&mut said.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_fill_no_log_and_what_is_left_out_is_counted() {
        let throttle = Throttle::default();
        let said = (0..1_000).filter_map(|_| throttle.say(5_000)).collect::<Vec<_>>();
        assert_eq!(said, [0; 10]);
        assert_eq!(throttle.say(6_000), Some(990));
        assert_eq!(throttle.say(6_001), Some(0));
    }

    #[test]
    fn every_limit_that_was_passed_is_told_in_words() {
        let cases = [
            (Overrun::Frames(9), "more than 9 frames in a second"),
            (Overrun::Entries(9), "more than 9 entries in a day"),
            (Overrun::Bytes(9), "more than 9 bytes in a day"),
            (Overrun::Control(9), "more than 9 control frames in a second"),
            (Overrun::Http2(9), "more than 9 HTTP/2 frames in a second"),
            (Overrun::Unread, "answers pile up unread"),
        ];
        crate::texts::all_say(include_str!("limits.rs"), "Overrun", &cases);
    }
}
