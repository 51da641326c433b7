//! The network: streams of frames between nodes, with latency, that break, stall and vanish as TCP connections do.
//!
//! Within one direction of a stream order holds, as TCP and HTTP/2 keep it; between streams and directions it does not. What is lost is
//! lost with its stream. A direction that is cut stalls, and after the time of an unanswered keep-alive both ends learn that it is gone.

use super::trace::Trace;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use watchfire::link::convert::wire;
use watchfire::link::links::Links;
use watchfire::link::simulated::{Carrier, Frames, Inbound};
use watchfire::model::OrgId;
use watchfire::node::Bell;
use watchfire::simulation::Random;

/// Frames that are on their way in one direction before the sender waits: the windows of HTTP/2 and TCP.
const WINDOW: usize = 24;
/// After so long a stalled connection is given up (the keep-alive interval and its answer).
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);

/// The network. Clones are the same one.
#[derive(Clone)]
pub struct Net {
    state: Arc<Mutex<State>>,
    /// Goes up whenever a direction was cut, healed or stalled.
    changed: Bell,
    trace: Trace,
}

struct State {
    random: Random,
    plugs: BTreeMap<OrgId, Plug>,
    places: BTreeMap<OrgId, usize>,
    /// Directions that carry nothing, and since which change.
    cut: BTreeMap<(usize, usize), u64>,
    pipes: BTreeMap<u64, Pipe>,
    next: u64,
    slow: u64,
}

/// A node that is up.
struct Plug {
    life: u64,
    links: Arc<Links>,
}

/// One direction of one stream.
struct Pipe {
    stream: u64,
    from: usize,
    to: usize,
    /// Its reader learns at once that it is gone.
    broken: CancellationToken,
    /// Its writer is gone: what is on its way may still arrive.
    orphaned: CancellationToken,
    /// It carries nothing, and nobody knows.
    stalled: bool,
    /// Its writer does not know that it is broken, until this fires.
    unnoticed: Option<CancellationToken>,
}

impl Net {
    pub fn new(seed: u64, trace: &Trace, orgs: &[OrgId]) -> Self {
        let mut random = Random::new(seed);
        // Some runs have a slow network, some a fast one.
        let slow = [5, 40, 150, 600][random.below(4) as usize];
        let places = orgs.iter().enumerate().map(|(place, org)| (*org, place)).collect();
        let (plugs, cut, pipes) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let state = State { random, plugs, places, cut, pipes, next: 1, slow };
        Self { state: Arc::new(Mutex::new(state)), changed: Bell::default(), trace: trace.clone() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn touch(&self) {
        self.changed.ring();
    }

    /// A node is up from now on.
    pub fn plug(&self, org: OrgId, life: u64, links: Arc<Links>) -> Line {
        self.state().plugs.insert(org, Plug { life, links });
        Line { net: self.clone(), org, life }
    }

    /// A node's machine has no power: it sends nothing any more. What it sent before may still arrive.
    pub fn unplug(&self, place: usize) {
        let mut state = self.state();
        let org = state.places.iter().find(|(_, at)| **at == place).map(|(org, _)| *org).unwrap();
        state.plugs.remove(&org);
        let ids: Vec<u64> = state.pipes.keys().copied().collect();
        for id in ids {
            let arrives = state.random.chance(60);
            let pipe = &state.pipes[&id];
            match (pipe.from == place, pipe.to == place) {
                (true, _) if arrives => pipe.orphaned.cancel(),
                (true, _) | (_, true) => pipe.broken.cancel(),
                _ => {}
            }
        }
    }

    /// A direction carries nothing from now on.
    pub fn cut(&self, from: usize, to: usize) {
        let change = {
            let mut state = self.state();
            state.next += 1;
            let change = state.next;
            state.cut.insert((from, to), change);
            change
        };
        self.touch();
        let net = self.clone();
        tokio::spawn(async move {
            sleep(KEEP_ALIVE).await;
            let state = net.state();
            if state.cut.get(&(from, to)) == Some(&change) {
                let across = |pipe: &&Pipe| (pipe.from, pipe.to) == (from, to) || (pipe.from, pipe.to) == (to, from);
                state.pipes.values().filter(across).for_each(|pipe| pipe.broken.cancel());
            }
        });
    }

    pub fn heal(&self, from: usize, to: usize) {
        self.state().cut.remove(&(from, to));
        self.touch();
    }

    pub fn heal_all(&self) {
        let mut state = self.state();
        state.cut.clear();
        state.slow = state.slow.min(40);
        drop(state);
        self.touch();
    }

    /// A packet was lost for good on some stream. Both ends learn it now, or one of them only when its keep-alive goes unanswered.
    pub fn lose(&self, draw: u64) {
        let mut state = self.state();
        let streams: BTreeSet<u64> = state.pipes.values().map(|pipe| pipe.stream).collect();
        let Some(stream) = streams.iter().nth((draw % streams.len().max(1) as u64) as usize).copied() else { return };
        let half_open = state.random.chance(40);
        let mut ends: Vec<u64> = state.pipes.iter().filter(|(_, pipe)| pipe.stream == stream).map(|(id, _)| *id).collect();
        if half_open && ends.len() == 2 {
            ends.rotate_left(state.random.below(2) as usize);
            let late = state.pipes.get_mut(&ends[1]).unwrap();
            late.stalled = true;
            let broken = late.broken.clone();
            tokio::spawn(async move {
                sleep(KEEP_ALIVE).await;
                broken.cancel();
            });
            state.pipes.get_mut(&ends[0]).unwrap().unnoticed = Some(state.pipes[&ends[1]].broken.clone());
            ends.truncate(1);
        }
        ends.iter().for_each(|id| state.pipes[id].broken.cancel());
        drop(state);
        self.touch();
    }

    fn open(&self, pipe: u64) -> bool {
        let state = self.state();
        state.pipes.get(&pipe).is_some_and(|pipe| !pipe.stalled && !state.cut.contains_key(&(pipe.from, pipe.to)))
    }

    fn latency(&self) -> Duration {
        let mut state = self.state();
        // Now and then a packet has to be sent again.
        let slow = state.slow * if state.random.chance(3) { 10 } else { 1 };
        Duration::from_millis(1 + state.random.below(slow))
    }

    fn pipe(&self, stream: u64, from: usize, to: usize) -> u64 {
        let mut state = self.state();
        state.next += 1;
        let id = state.next;
        let (broken, orphaned) = (CancellationToken::new(), CancellationToken::new());
        state.pipes.insert(id, Pipe { stream, from, to, broken, orphaned, stalled: false, unnoticed: None });
        id
    }

    /// Carries what one end sends to the other.
    fn carry(&self, id: u64, frames: Frames) -> Inbound {
        let (deliver, delivered) = mpsc::channel(1_024);
        tokio::spawn(self.clone().carry_on(id, frames, deliver));
        Box::pin(ReceiverStream::new(delivered))
    }

    async fn carry_on(self, id: u64, mut frames: Frames, deliver: mpsc::Sender<Result<wire::Frame, tonic::Status>>) {
        let (broken, orphaned, words) = {
            let state = self.state();
            let pipe = &state.pipes[&id];
            (pipe.broken.clone(), pipe.orphaned.clone(), format!("frame {id} {}>{}", pipe.from, pipe.to))
        };
        let mut changed = self.changed.listen();
        let mut on_the_way: VecDeque<(Instant, Option<wire::Frame>)> = VecDeque::new();
        let (mut last, mut writing, mut gone) = (Instant::now(), true, false);
        let error = || Err(tonic::Status::unavailable("the connection is gone"));
        loop {
            let open = self.open(id);
            let due = on_the_way.front().map(|(due, _)| *due);
            if gone && on_the_way.is_empty() {
                let _ = deliver.try_send(error());
                break;
            }
            tokio::select! {
                biased;
                () = broken.cancelled() => {
                    let _ = deliver.try_send(error());
                    break;
                }
                () = orphaned.cancelled(), if !gone => (gone, writing) = (true, false),
                () = deliver.closed() => break,
                () = sleep_until(due.unwrap_or(last)), if open && due.is_some() => {
                    let Some((_, Some(frame))) = on_the_way.pop_front() else { break };
                    self.trace.note(&format!("{words} {}", name_of(&frame)), &frame.encode_to_vec());
                    // A reader that does not read holds up its own streams alone.
                    if deliver.send(Ok(frame)).await.is_err() {
                        break;
                    }
                }
                frame = frames.next(), if writing && on_the_way.len() < WINDOW => {
                    writing = frame.is_some();
                    last = last.max(Instant::now() + self.latency());
                    on_the_way.push_back((last, frame));
                }
                () = changed.rung() => {}
            }
        }
        drop(deliver);
        let unnoticed = self.state().pipes.get(&id).and_then(|pipe| pipe.unnoticed.clone());
        if let Some(noticed) = unnoticed {
            // What the writer sends goes nowhere.
            while noticed.run_until_cancelled(frames.next()).await.flatten().is_some() {}
        }
        // Both directions go together.
        let mut state = self.state();
        let Some(pipe) = state.pipes.remove(&id) else { return };
        for other in state.pipes.values().filter(|other| other.stream == pipe.stream && !other.stalled) {
            other.orphaned.cancel();
        }
    }
}

fn name_of(frame: &wire::Frame) -> String {
    let words = format!("{:?}", frame.frame);
    words.chars().skip("Some(".len()).take_while(|c| c.is_alphanumeric()).collect()
}

/// A node's line to the others.
pub struct Line {
    net: Net,
    org: OrgId,
    life: u64,
}

impl Line {
    /// Whether both have power and nothing is cut between them; the other's links then.
    fn reach(&self, to: OrgId) -> Option<(usize, usize, Option<Arc<Links>>)> {
        let state = self.net.state();
        let (from_place, to_place) = (state.places[&self.org], state.places[&to]);
        let alive = state.plugs.get(&self.org).is_some_and(|plug| plug.life == self.life);
        let cut = state.cut.contains_key(&(from_place, to_place)) || state.cut.contains_key(&(to_place, from_place));
        (alive && !cut).then(|| (from_place, to_place, state.plugs.get(&to).map(|plug| plug.links.clone())))
    }

    async fn connect(&self, to: OrgId, frames: Frames) -> Option<Inbound> {
        for _ in 0..2 {
            sleep(self.net.latency()).await;
            if self.reach(to).is_none() {
                sleep(DIAL_TIMEOUT).await;
                return None;
            }
        }
        let (from_place, to_place, links) = self.reach(to)?;
        let links = links?;
        let stream = self.net.pipe(0, from_place, to_place);
        let there = stream;
        self.net.state().pipes.get_mut(&there).unwrap().stream = stream;
        let back = self.net.pipe(stream, to_place, from_place);
        let inbound = self.net.carry(there, frames);
        match links.answer(self.org, inbound) {
            Some(answers) => Some(self.net.carry(back, answers)),
            None => {
                let state = self.net.state();
                state.pipes.get(&there).inspect(|pipe| pipe.broken.cancel());
                drop(state);
                self.net.state().pipes.remove(&back);
                None
            }
        }
    }
}

impl Carrier for Line {
    fn call<'a>(&'a self, to: OrgId, frames: Frames) -> Pin<Box<dyn Future<Output = Option<Inbound>> + Send + 'a>> {
        Box::pin(self.connect(to, frames))
    }
}
