//! The network between the nodes: each dials through a SOCKS5 proxy of its own, so the harness knows who dials whom and can cut, also
//! after so many bytes, slow down, hold back and stall.

use super::Who;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::Barrier;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The port that all endpoints name; the proxy knows the real one.
const PORT: u16 = 7443;

pub struct Net {
    state: Arc<Mutex<State>>,
    runtime: Option<Runtime>,
}

#[derive(Default)]
struct State {
    names: BTreeMap<String, Who>,
    addresses: BTreeMap<Who, SocketAddr>,
    cut: BTreeSet<(Who, Who)>,
    denied: BTreeSet<(Who, Who)>,
    live: Vec<Live>,
    dialled: BTreeMap<(Who, Who), u64>,
    /// Where the two wait for each other's dial.
    meetings: BTreeMap<(Who, Who), Arc<Barrier>>,
    met: u64,
    /// After how many bytes each of the next connections between two is cut.
    cuts: BTreeMap<(Who, Who), VecDeque<u64>>,
    cuts_made: u64,
    /// How long everything between two is under way.
    delay: BTreeMap<(Who, Who), Duration>,
    /// The next connection of a dialler waits for this before anything of it goes through.
    held: BTreeMap<(Who, Who), CancellationToken>,
    carried: Arc<Watched>,
}

/// Words that are looked for in what goes from one to another, and those that were found.
#[derive(Default)]
pub struct Watched {
    words: Mutex<BTreeSet<String>>,
    found: Mutex<BTreeSet<String>>,
}

impl Watched {
    pub fn watch_for(&self, word: &str) {
        self.words.lock().unwrap().insert(word.to_owned());
    }

    pub fn look_at(&self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let found: Vec<_> = self.words.lock().unwrap().iter().filter(|word| text.contains(word.as_str())).cloned().collect();
        self.found.lock().unwrap().extend(found);
    }

    pub fn has_found(&self, word: &str) -> bool {
        self.found.lock().unwrap().contains(word)
    }
}

/// A connection that is being carried.
struct Live {
    between: (Who, Who),
    kill: CancellationToken,
    /// Whether nothing that each side says gets through for now.
    stalled: BTreeMap<Who, watch::Sender<bool>>,
}

impl Net {
    pub fn new() -> Self {
        Self { state: Arc::default(), runtime: Some(super::runtime("net")) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// What is looked for in the bytes between nodes, which are encrypted.
    pub fn carried(&self) -> Arc<Watched> {
        self.lock().carried.clone()
    }

    /// A proxy for this node alone.
    pub async fn proxy_for(&self, who: Who) -> SocketAddr {
        let state = self.state.clone();
        let listening = async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(async move {
                while let Ok((dialler, _)) = listener.accept().await {
                    tokio::spawn(carry(state.clone(), who, dialler));
                }
            });
            address
        };
        self.runtime.as_ref().unwrap().spawn(listening).await.unwrap()
    }

    /// The endpoint that a node's card names.
    pub fn endpoint(name: &str) -> String {
        format!("{name}.test:{PORT}")
    }

    /// A node listens there from now on.
    pub fn listens(&self, who: Who, name: &str, address: SocketAddr) {
        let mut state = self.lock();
        state.names.insert(format!("{name}.test"), who);
        state.addresses.insert(who, address);
    }

    /// Live connections between the two drop, new ones are refused.
    pub fn cut(&self, one: Who, other: Who) {
        let pair = pair(one, other);
        let mut state = self.lock();
        state.cut.insert(pair);
        state.live.iter().filter(|live| live.between == pair).for_each(|live| live.kill.cancel());
        state.live.retain(|live| live.between != pair);
    }

    /// Each of the next connections between the two is cut after so many bytes, counted both ways together.
    pub fn cut_after(&self, one: Who, other: Who, bytes: impl IntoIterator<Item = u64>) {
        self.lock().cuts.insert(pair(one, other), bytes.into_iter().collect());
    }

    /// How many connections were cut because they had carried their bytes.
    pub fn cuts_made(&self) -> u64 {
        self.lock().cuts_made
    }

    /// Everything between the two is under way for so long.
    pub fn slow_down(&self, one: Who, other: Who, delay: Duration) {
        self.lock().delay.insert(pair(one, other), delay);
    }

    /// The dialler's next connection waits at the proxy until the token is cancelled.
    pub fn hold_next(&self, from: Who, to: Who) -> CancellationToken {
        let release = CancellationToken::new();
        self.lock().held.insert((from, to), release.clone());
        release
    }

    /// Whether the dialler has dialled since [`Self::hold_next`].
    pub fn is_held(&self, from: Who, to: Who) -> bool {
        !self.lock().held.contains_key(&(from, to))
    }

    /// On the connections that are there now, nothing that `says` sends gets through; neither end is told. Later ones are not touched.
    pub fn stall(&self, says: Who, hears: Who) {
        self.set_stalled(says, hears, true);
    }

    /// What was held up goes through after all, where anybody still listens.
    pub fn resume(&self, says: Who, hears: Who) {
        self.set_stalled(says, hears, false);
    }

    fn set_stalled(&self, says: Who, hears: Who, stalled: bool) {
        let state = self.lock();
        for live in state.live.iter().filter(|live| live.between == pair(says, hears)) {
            live.stalled[&says].send_replace(stalled);
        }
    }

    pub fn heal(&self, one: Who, other: Who) {
        self.lock().cut.remove(&pair(one, other));
    }

    /// The next dial of each of the two waits for the other's, so that both are under way at once.
    pub fn meet(&self, one: Who, other: Who) {
        self.lock().meetings.insert(pair(one, other), Arc::new(Barrier::new(2)));
    }

    /// How often two dials have met.
    pub fn met(&self) -> u64 {
        self.lock().met
    }

    pub fn is_cut(&self, one: Who, other: Who) -> bool {
        let (state, pair) = (self.lock(), pair(one, other));
        state.cut.contains(&pair) && !state.denied.contains(&pair)
    }

    /// The cut stays, and [`Self::is_cut`] denies it.
    pub fn forget_cut(&self, one: Who, other: Who) {
        self.lock().denied.insert(pair(one, other));
    }

    /// How often the first has dialled the second.
    pub fn dialled(&self, one: Who, other: Who) -> u64 {
        self.lock().dialled.get(&(one, other)).copied().unwrap_or_default()
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pair(one: Who, other: Who) -> (Who, Who) {
    (one.min(other), one.max(other))
}

async fn carry(state: Arc<Mutex<State>>, from: Who, mut dialler: TcpStream) {
    let Ok(host) = greet(&mut dialler).await else { return };
    let way = {
        let mut state = lock(&state);
        let to = state.names.get(&host).copied();
        let address = to.and_then(|to| state.addresses.get(&to).copied());
        match (to, address) {
            (Some(to), Some(address)) => {
                *state.dialled.entry((from, to)).or_default() += 1;
                (!state.cut.contains(&pair(from, to))).then_some((to, address))
            }
            _ => None,
        }
    };
    let Some((to, address)) = way else { return drop(answer(&mut dialler, 4).await) };
    let meeting = lock(&state).meetings.get(&pair(from, to)).cloned();
    if let Some(meeting) = meeting
        && meeting.wait().await.is_leader()
    {
        let mut state = lock(&state);
        state.meetings.remove(&pair(from, to));
        state.met += 1;
    }
    let held = lock(&state).held.remove(&(from, to));
    if let Some(release) = held {
        release.cancelled().await;
    }
    let Ok(listener) = TcpStream::connect(address).await else { return drop(answer(&mut dialler, 5).await) };
    let _ = (dialler.set_nodelay(true), listener.set_nodelay(true));
    let kill = CancellationToken::new();
    let between = pair(from, to);
    let (allowance, delay, from_stalled, to_stalled, carried) = {
        let mut state = lock(&state);
        if state.cut.contains(&between) {
            return;
        }
        let senders = [(from, watch::Sender::new(false)), (to, watch::Sender::new(false))];
        let [from_stalled, to_stalled] = [senders[0].1.subscribe(), senders[1].1.subscribe()];
        state.live.retain(|live| !live.kill.is_cancelled());
        state.live.push(Live { between, kill: kill.clone(), stalled: senders.into() });
        let allowance = state.cuts.get_mut(&between).and_then(VecDeque::pop_front);
        (allowance, state.delay.get(&between).copied().unwrap_or_default(), from_stalled, to_stalled, state.carried.clone())
    };
    if answer(&mut dialler, 0).await.is_err() {
        return kill.cancel();
    }
    let allowance = Arc::new(Mutex::new(allowance));
    let ((from_dialler, to_dialler), (from_listener, to_listener)) = (dialler.into_split(), listener.into_split());
    tokio::select! {
        biased;
        () = kill.cancelled() => {}
        () = pump(from_dialler, to_listener, from_stalled, delay, allowance.clone(), &kill, carried.clone()) => {}
        () = pump(from_listener, to_dialler, to_stalled, delay, allowance.clone(), &kill, carried) => {}
    }
    if *allowance.lock().unwrap_or_else(PoisonError::into_inner) == Some(0) {
        lock(&state).cuts_made += 1;
    }
    kill.cancel();
}

/// Carries what one side says until it ends, or until the connection has carried all that it may.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut stalled: watch::Receiver<bool>,
    delay: Duration,
    allowance: Arc<Mutex<Option<u64>>>,
    kill: &CancellationToken,
    carried: Arc<Watched>,
) {
    let mut bytes = vec![0; 16 << 10];
    // The end of what was read before: a word may lie across.
    let mut recent = Vec::new();
    loop {
        let length = match from.read(&mut bytes).await {
            Ok(length) if length > 0 => length,
            _ => return,
        };
        recent.extend_from_slice(&bytes[..length]);
        carried.look_at(&recent);
        recent.drain(..recent.len().saturating_sub(64));
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if stalled.wait_for(|stalled| !stalled).await.is_err() {
            return;
        }
        let (may, is_last) = {
            let mut allowance = allowance.lock().unwrap_or_else(PoisonError::into_inner);
            let left = allowance.unwrap_or(u64::MAX);
            let may = left.min(length as u64);
            *allowance = allowance.map(|left| left - may);
            (may as usize, may == left)
        };
        // Nothing that is said after a cut gets through any more.
        if kill.is_cancelled() || to.write_all(&bytes[..may]).await.is_err() || is_last {
            return;
        }
    }
}

/// RFC 1928: no authentication, CONNECT to a name.
async fn greet(dialler: &mut TcpStream) -> Result<String, Error> {
    let bad = || Error::from(ErrorKind::InvalidData);
    let [version, methods] = read(dialler).await?;
    let mut offered = vec![0; methods as usize];
    dialler.read_exact(&mut offered).await?;
    if version != 5 || !offered.contains(&0) {
        return Err(bad());
    }
    dialler.write_all(&[5, 0]).await?;
    let [5, 1, _, 3, length] = read(dialler).await? else { return Err(bad()) };
    let mut host = vec![0; length as usize];
    dialler.read_exact(&mut host).await?;
    let port = u16::from_be_bytes(read(dialler).await?);
    if port == PORT { String::from_utf8(host).map_err(|_| bad()) } else { Err(bad()) }
}

async fn read<const N: usize>(stream: &mut TcpStream) -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn answer(dialler: &mut TcpStream, code: u8) -> Result<(), Error> {
    dialler.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0]).await
}
