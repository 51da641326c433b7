//! The network between the nodes: each dials through a SOCKS5 proxy of its own, so the harness knows who dials whom and can cut.

use super::Who;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::Barrier;
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
    live: Vec<((Who, Who), CancellationToken)>,
    dialled: BTreeMap<(Who, Who), u64>,
    /// Where the two wait for each other's dial.
    meetings: BTreeMap<(Who, Who), Arc<Barrier>>,
    met: u64,
}

impl Net {
    pub fn new() -> Self {
        Self { state: Arc::default(), runtime: Some(super::runtime("net")) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
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
        state.live.iter().filter(|(between, _)| *between == pair).for_each(|(_, kill)| kill.cancel());
        state.live.retain(|(between, _)| *between != pair);
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
    let Ok(mut listener) = TcpStream::connect(address).await else { return drop(answer(&mut dialler, 5).await) };
    let _ = (dialler.set_nodelay(true), listener.set_nodelay(true));
    let kill = CancellationToken::new();
    {
        let mut state = lock(&state);
        if state.cut.contains(&pair(from, to)) {
            return;
        }
        state.live.push((pair(from, to), kill.clone()));
    }
    if answer(&mut dialler, 0).await.is_err() {
        return;
    }
    tokio::select! {
        _ = copy_bidirectional(&mut dialler, &mut listener) => {}
        () = kill.cancelled() => {}
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
