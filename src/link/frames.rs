//! What a peer's HTTP/2 frames may cost, counted on the plaintext before the HTTP/2 library sees it: the library bounds resets, empty
//! frames and header lists itself, but answers PING and SETTINGS as fast as they come.

use super::limits::{EachSecond, Overrun};
use crate::clock::Clock;
use std::io::Error;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a client sends first (RFC 9113 §3.4).
const PREFACE_BYTES: usize = 24;
/// Length, type, flags and stream of a frame (RFC 9113 §4.1).
const HEADER_BYTES: usize = 9;
const DATA: u8 = 0;
/// DATA below this carries nothing of ours: every message but the emptiest is longer, and is written whole.
const CONTENT_BYTES_MIN: usize = 32;
/// A control frame counts once more for each so many bytes, since long lists of headers or settings cost as much as many short ones.
const CONTROL_BYTES: usize = 1_024;

/// How many frames a connection may carry to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameLimits {
    /// Frames of any type in a second.
    pub per_second_max: u64,
    /// Frames that carry nothing of ours in a second: all but DATA with content. One of more than a kilobyte counts for several.
    pub control_per_second_max: u64,
}

/// Why a connection was cut, for whoever wants to know afterwards. Clones are of the same connection.
#[derive(Debug, Clone, Default)]
pub struct Tripped(Arc<OnceLock<Overrun>>);

impl Tripped {
    /// The limit that was passed, if one was.
    pub fn overrun(&self) -> Option<Overrun> {
        self.0.get().copied()
    }
}

/// Finds the frames in a stream of bytes, whatever the pieces in which it comes. Keeps one frame's header, never a payload.
#[derive(Debug)]
struct Scanner {
    /// Bytes to pass over: the preface, or the rest of a payload.
    pass: usize,
    header: [u8; HEADER_BYTES],
    filled: usize,
}

impl Scanner {
    /// Length and type of each frame that begins in these bytes.
    fn scan<E>(&mut self, mut bytes: &[u8], mut found: impl FnMut(usize, u8) -> Result<(), E>) -> Result<(), E> {
        while !bytes.is_empty() {
            if self.pass > 0 {
                let passed = self.pass.min(bytes.len());
                self.pass -= passed;
                bytes = &bytes[passed..];
                continue;
            }
            let taken = (HEADER_BYTES - self.filled).min(bytes.len());
            self.header[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
            self.filled += taken;
            bytes = &bytes[taken..];
            if self.filled == HEADER_BYTES {
                let [a, b, c, kind, ..] = self.header;
                let length = u32::from_be_bytes([0, a, b, c]) as usize;
                (self.pass, self.filled) = (length, 0);
                found(length, kind)?;
            }
        }
        Ok(())
    }
}

/// The frames of a second.
#[derive(Debug, Default)]
struct Count {
    frames: u64,
    control: u64,
}

impl Count {
    fn add(&mut self, length: usize, kind: u8, limits: &FrameLimits) -> Result<(), Overrun> {
        self.frames += 1;
        if kind != DATA || length < CONTENT_BYTES_MIN {
            self.control += 1 + (length / CONTROL_BYTES) as u64;
        }
        if self.control > limits.control_per_second_max {
            return Err(Overrun::Control(limits.control_per_second_max));
        }
        if self.frames > limits.per_second_max {
            return Err(Overrun::Http2(limits.per_second_max));
        }
        Ok(())
    }
}

/// A stream that fails, for good, once more frames came in a second than may.
pub(super) struct Metered<S> {
    stream: S,
    scanner: Scanner,
    limits: FrameLimits,
    clock: Clock,
    count: EachSecond<Count>,
    tripped: Tripped,
}

impl<S> Metered<S> {
    /// A connection that we accepted: the preface comes first.
    pub(super) fn accepted(stream: S, limits: FrameLimits, clock: Clock) -> Self {
        Self::new(stream, limits, clock, PREFACE_BYTES)
    }

    /// A connection that we dialled.
    pub(super) fn dialled(stream: S, limits: FrameLimits, clock: Clock) -> Self {
        Self::new(stream, limits, clock, 0)
    }

    fn new(stream: S, limits: FrameLimits, clock: Clock, pass: usize) -> Self {
        let scanner = Scanner { pass, header: [0; HEADER_BYTES], filled: 0 };
        Self { stream, scanner, limits, clock, count: EachSecond::default(), tripped: Tripped::default() }
    }

    pub(super) fn tripped(&self) -> Tripped {
        self.tripped.clone()
    }

    fn check(&self) -> Result<(), Error> {
        self.tripped.overrun().map_or(Ok(()), |overrun| Err(Error::other(overrun)))
    }

    fn count(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let count = self.count.at(self.clock.monotonic_ms());
        self.scanner.scan(bytes, |length, kind| count.add(length, kind, &self.limits)).map_err(|overrun| {
            let _ = self.tripped.0.set(overrun);
            Error::other(overrun)
        })
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<(), Error>> {
        self.check()?;
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        Poll::Ready(self.count(&buffer.filled()[before..]))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, Error>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_flush(context)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const PING: u8 = 6;

    fn frame(kind: u8, length: usize) -> Vec<u8> {
        let [_, a, b, c] = (length as u32).to_be_bytes();
        [vec![a, b, c, kind, 0, 0, 0, 0, 0], vec![0xff; length]].concat()
    }

    #[test]
    fn frames_are_found_however_the_bytes_are_cut() {
        let frames = [(4, 0), (DATA, 16_384), (PING, 8), (DATA, 0), (9, 70_000), (PING, 8)];
        let bytes = [vec![b'P'; PREFACE_BYTES], frames.iter().flat_map(|(kind, length)| frame(*kind, *length)).collect()].concat();
        for piece in [1, 7, 9, 4_096, bytes.len()] {
            let mut scanner = Scanner { pass: PREFACE_BYTES, header: [0; HEADER_BYTES], filled: 0 };
            let mut found = Vec::new();
            for part in bytes.chunks(piece) {
                let each = |length, kind| {
                    found.push((kind, length));
                    Ok::<_, ()>(())
                };
                scanner.scan(part, each).unwrap();
            }
            assert_eq!(found, frames, "in pieces of {piece}");
        }
    }

    /// Writes frames, a second passing after each `per_second`, and tells what was passed.
    async fn written(limits: FrameLimits, sent: Vec<u8>, frames: usize, per_second: usize) -> Option<Overrun> {
        let (mut far, near) = tokio::io::duplex(1 << 20);
        let clock = Clock::manual(Timestamp(1_800_000_000_000));
        let mut metered = Metered::dialled(near, limits, clock.clone());
        for number in 1..=frames {
            far.write_all(&sent).await.unwrap();
            let mut read = vec![0; sent.len()];
            if metered.read_exact(&mut read).await.is_err() {
                assert!(metered.write_all(b"x").await.is_err() && metered.read_u8().await.is_err(), "it is cut for good");
                return metered.tripped().overrun();
            }
            if number % per_second == 0 {
                clock.advance(1_000);
            }
        }
        metered.tripped().overrun()
    }

    #[tokio::test]
    async fn more_control_frames_in_a_second_than_may_be_end_the_connection() {
        let limits = FrameLimits { per_second_max: 1_000, control_per_second_max: 10 };
        for sent in [frame(PING, 8), frame(DATA, 0), frame(DATA, 31), frame(9, 100), frame(200, 3)] {
            assert_eq!(written(limits, sent.clone(), 100, 10).await, None);
            assert_eq!(written(limits, sent, 100, 11).await, Some(Overrun::Control(10)));
        }
        let long = frame(1, 4 * 1_024);
        assert_eq!(written(limits, long.clone(), 100, 2).await, None);
        assert_eq!(written(limits, long, 100, 3).await, Some(Overrun::Control(10)), "it counts for five");
    }

    #[tokio::test]
    async fn data_has_a_budget_of_its_own() {
        let limits = FrameLimits { per_second_max: 50, control_per_second_max: 10 };
        assert_eq!(written(limits, frame(DATA, 32), 200, 50).await, None);
        assert_eq!(written(limits, frame(DATA, 32), 200, 51).await, Some(Overrun::Http2(50)));
    }
}
