//! Handshakes whose bytes are damaged on the way: bits flipped, bytes left out, repeated, put in, cut off.

use crate::Field;
use crate::campaign::Dice;
use futures_util::stream::{self, StreamExt};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use watchfire::link::dial::DialOptions;
use watchfire::model::identity::Endpoint;

/// At the same time.
const TOGETHER: usize = 16;
/// Longer than either side of a handshake sends.
const FLIGHT_BYTES: u64 = 4_000;
const PATIENCE: Duration = Duration::from_millis(400);

/// What came of damaged handshakes.
#[derive(Debug, Default)]
pub struct Told {
    /// Refused by either side.
    pub refused: u64,
    /// A hello that was answered with another: what was damaged shows in the next flight, or is read by nobody.
    pub answered: u64,
    /// Connected all the same: what was damaged is read by nobody, or lay behind the handshake.
    pub connected: u64,
}

#[derive(Debug, Clone, Copy)]
enum Damage {
    Flip,
    Omit,
    Repeat,
    Insert,
    Cut,
}

fn some_damage(dice: &mut Dice) -> Damage {
    *dice.pick(&[Damage::Flip, Damage::Flip, Damage::Omit, Damage::Repeat, Damage::Insert, Damage::Cut])
}

/// Damages bytes at a place; `false` when nothing may follow.
fn damaged(bytes: &mut Vec<u8>, at: usize, damage: Damage, dice: &mut Dice) -> bool {
    let run = (1 + dice.below(64) as usize).min(bytes.len() - at);
    match damage {
        Damage::Flip => bytes[at] ^= 1 << dice.below(8),
        Damage::Omit => drop(bytes.drain(at..at + run)),
        Damage::Repeat => {
            let again = bytes[at..at + run].to_vec();
            bytes.splice(at..at, again);
        }
        Damage::Insert => {
            let new: Vec<u8> = (0..run).map(|_| dice.throw() as u8).collect();
            bytes.splice(at..at, new);
        }
        Damage::Cut => bytes.truncate(at),
    }
    !matches!(damage, Damage::Cut)
}

/// What a legitimate caller says first, its label included.
pub async fn recorded_hello(field: &Field) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint: Endpoint = listener.local_addr().unwrap().to_string().parse().unwrap();
    let options = DialOptions { timeout: PATIENCE, ..DialOptions::default() };
    let record = async {
        let (mut tcp, _) = listener.accept().await.unwrap();
        let mut header = [0; 5];
        tcp.read_exact(&mut header).await.unwrap();
        let mut body = vec![0; u16::from_be_bytes([header[3], header[4]]).into()];
        tcp.read_exact(&mut body).await.unwrap();
        [header.to_vec(), body].concat()
    };
    let (hello, refused) = tokio::join!(record, field.rogue.dial_by(&endpoint, &options));
    assert!(refused.is_err() && hello.len() > 1_000, "a hello with a post-quantum key share");
    hello
}

/// So many damaged handshakes: half a recorded hello that is damaged, half a live caller whose bytes or answers are damaged on the way.
pub async fn handshakes(field: &Field, seed: u64, count: u64) -> Told {
    let hello = recorded_hello(field).await;
    let node = field.federation.node(crate::harness::AMAL).address().unwrap();
    let tries = (0..count).map(|number| {
        let (dice, hello) = (Dice::new(seed.wrapping_mul(1_000_003).wrapping_add(number)), &hello);
        async move {
            match number % 2 {
                0 => (hello_alone(node, hello.clone(), dice).await, true),
                _ => (on_the_way(field, node, dice).await, false),
            }
        }
    });
    let mut told = Told::default();
    let mut results = stream::iter(tries).buffer_unordered(TOGETHER);
    while let Some(outcome) = results.next().await {
        *match outcome {
            (false, _) => &mut told.refused,
            (true, true) => &mut told.answered,
            (true, false) => &mut told.connected,
        } += 1;
    }
    told
}

/// Whether the node answered the damaged hello with one of its own.
async fn hello_alone(node: SocketAddr, mut hello: Vec<u8>, mut dice: Dice) -> bool {
    for _ in 0..=dice.below(3) {
        if hello.is_empty() {
            break;
        }
        let (at, damage) = (dice.below(hello.len() as u64) as usize, some_damage(&mut dice));
        damaged(&mut hello, at, damage, &mut dice);
    }
    let mut tcp = TcpStream::connect(node).await.unwrap();
    let _ = tcp.write_all(&hello).await;
    let mut answer = [0; 1];
    let answered = tokio::time::timeout(PATIENCE, tcp.read_exact(&mut answer)).await;
    const HANDSHAKE: u8 = 22;
    answered.is_ok_and(|read| read.is_ok()) && answer[0] == HANDSHAKE
}

/// Whether a live caller connects although a byte of one direction is damaged.
async fn on_the_way(field: &Field, node: SocketAddr, mut dice: Dice) -> bool {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint: Endpoint = listener.local_addr().unwrap().to_string().parse().unwrap();
    let (outward, at, damage) = (dice.below(2) == 0, dice.below(FLIGHT_BYTES) as usize, some_damage(&mut dice));
    let passing = async move {
        let Ok((near, _)) = listener.accept().await else { return };
        let Ok(far) = TcpStream::connect(node).await else { return };
        let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
        let (mut there, mut back) = ((near_in, far_out), (far_in, near_out));
        let (hurt, whole) = if outward { (&mut there, &mut back) } else { (&mut back, &mut there) };
        let hurting = async {
            let mut passed = 0;
            let mut buffer = vec![0; 16 << 10];
            while let Ok(read @ 1..) = hurt.0.read(&mut buffer).await {
                let mut bytes = buffer[..read].to_vec();
                let here = (passed..passed + read).contains(&at).then(|| at - passed);
                passed += read;
                let goes_on = here.is_none_or(|at| damaged(&mut bytes, at, damage, &mut dice));
                if hurt.1.write_all(&bytes).await.is_err() || !goes_on {
                    return;
                }
            }
        };
        let copying = async { tokio::io::copy(&mut whole.0, &mut whole.1).await };
        tokio::select! {
            () = hurting => {}
            _ = copying => {}
        }
    };
    let options = DialOptions { timeout: PATIENCE, ..DialOptions::default() };
    tokio::select! {
        connection = field.rogue.dial_by(&endpoint, &options) => connection.is_ok(),
        () = async { passing.await; tokio::time::sleep(PATIENCE).await } => false,
    }
}
