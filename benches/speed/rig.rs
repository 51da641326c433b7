//! Whole nodes on loopback, and a wire between them that counts its bytes.

use std::collections::BTreeSet;
use std::io;
use std::net::{SocketAddr, TcpListener as Probe};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redb::StorageBackend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use watchfire::clock::Clock;
use watchfire::config::Config;
use watchfire::link::identity::Identity;
use watchfire::model::Tlp;
use watchfire::node::view::{GroupCreate, ImportReport, ImportRequest, PeerOptions};
use watchfire::node::{Node, NodeError};
use watchfire::rules::lists::Severity;
use watchfire::store::{FILE_NAME, Options, Store};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(900);
/// The group that everything is shared with.
pub const GROUP: &str = "all";

/// One organisation, running or not.
pub struct Member {
    pub name: String,
    pub data: PathBuf,
    config: Config,
    life: Option<Life>,
    syncs: Arc<AtomicU64>,
}

struct Life {
    node: Arc<Node>,
    stop: CancellationToken,
    running: JoinHandle<Result<(), NodeError>>,
}

/// Whether a store really syncs: a control must show that ours does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    Honest,
    Lying,
    /// Honest, and its syncs are counted: [`Member::syncs`].
    Counted,
}

impl Member {
    /// Makes an organisation and starts its node. With a wire, its card names the wire's address and all calls come through it.
    pub async fn start(directory: &Path, name: &str, wire: Option<&Wire>, disk: Disk) -> Self {
        let listen = free_address();
        let endpoint = match wire {
            Some(wire) => wire.lead_to(listen).await,
            None => listen,
        };
        let mut config =
            Config { name: name.into(), listen: listen.to_string(), endpoints: vec![endpoint.to_string()], ..Config::default() };
        (config.link.reconnect_ms_min, config.link.reconnect_ms_max) = (20, 60);
        // What is measured is made up, and more than any source sends in a day.
        (config.gate.reserved, config.gate.unknown_tld) = (Severity::Warn, Severity::Warn);
        config.gate.burst_records_min = 1 << 31;
        let data = directory.join(name);
        Node::init(&data, &config.endpoints, &Clock::system()).expect("a new organisation");
        let mut member = Self { name: name.into(), data, config, life: None, syncs: Arc::default() };
        member.wake_on(disk).await;
        member
    }

    /// Starts the node again.
    pub async fn wake(&mut self) {
        self.wake_on(Disk::Honest).await;
    }

    async fn wake_on(&mut self, disk: Disk) {
        let clock = Clock::system();
        let node = match disk {
            Disk::Honest => Node::open_with(&self.data, self.config.clone(), clock).expect("the node opens"),
            Disk::Lying | Disk::Counted => {
                let keys = Identity::load(&self.data, clock.now()).expect("its keys are there");
                let (file, syncs) = (self.store_file(), (disk == Disk::Counted).then(|| self.syncs.clone()));
                let factory = move || -> io::Result<Box<dyn StorageBackend>> {
                    let lying = Lying::open(&file)?;
                    Ok(match &syncs {
                        Some(syncs) => Box::new(Counted(lying.0, syncs.clone())),
                        None => Box::new(lying),
                    })
                };
                let store = Store::open_with(Arc::new(factory), Options::new(keys.org())).expect("the store opens");
                Node::assemble(&self.data, self.config.clone(), clock, keys, store)
            }
        };
        node.listen().await.expect("the node listens");
        let stop = CancellationToken::new();
        let running = tokio::spawn({
            let (node, stop) = (node.clone(), stop.clone());
            async move { node.run(stop).await }
        });
        self.life = Some(Life { node, stop, running });
    }

    /// Stops the node in order; its store is closed then.
    pub async fn sleep(&mut self) {
        if let Some(Life { node, stop, running }) = self.life.take() {
            drop(node);
            stop.cancel();
            let _ = running.await;
        }
    }

    pub fn node(&self) -> &Arc<Node> {
        &self.life.as_ref().expect("it runs").node
    }

    /// How often a store on [`Disk::Counted`] has synced.
    pub fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    pub fn store_file(&self) -> PathBuf {
        self.data.join("store").join(FILE_NAME)
    }

    /// Imports a STIX file for the group; everything is durable when it returns.
    pub async fn import(&self, file: &Path) -> ImportReport {
        let reader = std::fs::File::open(file).expect("the file is there");
        self.import_from(Box::new(reader)).await
    }

    pub async fn import_text(&self, text: String) -> ImportReport {
        self.import_from(Box::new(io::Cursor::new(text))).await
    }

    async fn import_from(&self, reader: Box<dyn io::Read + Send>) -> ImportReport {
        let request = ImportRequest::now(watchfire::formats::Format::Stix, Tlp::Green, GROUP);
        let node = self.node().clone();
        let work = move || node.import(request, reader, &mut |_| {});
        tokio::task::spawn_blocking(work).await.expect("no panic").expect("the import goes through")
    }

    /// Entries of others' logs that are durable here.
    pub fn held(&self) -> u64 {
        let snapshot = self.node().store.snapshot().expect("the store reads");
        let logs = snapshot.logs().expect("the store reads");
        logs.into_iter().filter(|log| log.key.author != self.node().org()).map(|log| log.head.size).sum()
    }

    /// Waits until so many entries are held.
    pub async fn until_held(&self, count: u64) {
        self.until(|member| member.held() >= count).await;
    }

    pub async fn until_found(&self, value: &str) {
        self.until(|member| member.finds(value)).await;
    }

    /// Waits for something to become true, looking whenever the node has news.
    pub async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        let mut news = self.node().changes();
        let end = Instant::now() + PATIENCE;
        loop {
            news.hears();
            if is_so(self) {
                return;
            }
            assert!(Instant::now() < end, "`{}` waits for what does not come", self.name);
            let _ = tokio::time::timeout(Duration::from_millis(200), news.rung()).await;
        }
    }

    pub fn finds(&self, value: &str) -> bool {
        let found = self.node().lookup(&[value.to_owned()]).expect("the store reads");
        found.iter().flat_map(|one| &one.matches).any(|one| one.r#match == "exact")
    }
}

/// Two organisations know each other by their cards.
pub async fn pair(one: &Member, other: &Member) {
    for (here, there) in [(one, other), (other, one)] {
        let card = there.node().card().expect("a card");
        here.node().peer_add(&card, &there.name, PeerOptions::default()).await.expect("paired");
    }
}

/// Organisations that are paired with the first one and in its group.
pub async fn gather(directory: &Path, count: usize, wire: Option<&Wire>) -> Vec<Member> {
    let mut members = Vec::new();
    for at in 0..count {
        members.push(Member::start(directory, &format!("org{at}"), wire, Disk::Honest).await);
    }
    for at in 1..count {
        pair(&members[0], &members[at]).await;
    }
    let names = members[1..].iter().map(|member| member.name.clone()).collect();
    make_group(&members[0], names).await;
    members
}

/// The group with these members.
pub async fn make_group(owner: &Member, members: Vec<String>) {
    let request = GroupCreate { name: GROUP.into(), members, community: true, history: true, ..GroupCreate::default() };
    owner.node().group_create(request).await.expect("a group");
}

/// Shares one indicator and waits for it everywhere, so that every reader was seen and every link is up.
pub async fn warm(members: &[Member], seed: u64) {
    let (value, _) = super::corpus::indicator(seed, 0);
    members[0].import_text(super::corpus::bundle(seed, 0, 1)).await;
    for member in &members[1..] {
        member.until_found(&value).await;
    }
}

fn free_address() -> SocketAddr {
    let probe = Probe::bind("127.0.0.1:0").expect("a free port");
    probe.local_addr().expect("it has an address")
}

/// Bytes over loopback, counted on their way.
#[derive(Clone, Default)]
pub struct Wire(Arc<Counts>);

#[derive(Default)]
struct Counts {
    bytes: AtomicU64,
    connections: AtomicU64,
    /// Of each connection, which way bytes went and how many, one after the other.
    flights: Mutex<Vec<Vec<(Way, u64)>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    FromCaller,
    ToCaller,
}

/// Flights of a TLS 1.3 handshake: the caller's hello, the other's answer, the caller's proof. The other's next flight is the first that
/// is not its part, since a caller of ours says nothing before.
const HANDSHAKE_FLIGHTS: usize = 3;

impl Counts {
    fn flights(&self) -> MutexGuard<'_, Vec<Vec<(Way, u64)>>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, connection: usize, way: Way, count: u64) {
        self.bytes.fetch_add(count, Ordering::Relaxed);
        let mut flights = self.flights();
        let Some(flights) = flights.get_mut(connection) else { return };
        match flights.last_mut() {
            Some((last, bytes)) if *last == way => *bytes += count,
            _ => flights.push((way, count)),
        }
    }
}

impl Wire {
    /// Bytes and flights of the newest connection after its handshake.
    pub fn after_handshake(&self) -> (u64, usize) {
        let flights = self.0.flights();
        let rest = flights.last().and_then(|flights| flights.get(HANDSHAKE_FLIGHTS..)).unwrap_or_default();
        (rest.iter().map(|(_, bytes)| bytes).sum(), rest.len())
    }

    /// An address that leads to another.
    async fn lead_to(&self, target: SocketAddr) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        let counts = self.0.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(target).await else { continue };
                let _ = (near.set_nodelay(true), far.set_nodelay(true));
                let number = counts.connections.fetch_add(1, Ordering::Relaxed) as usize;
                counts.flights().push(Vec::new());
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                tokio::spawn(pass(near_in, far_out, counts.clone(), number, Way::FromCaller));
                tokio::spawn(pass(far_in, near_out, counts.clone(), number, Way::ToCaller));
            }
        });
        address
    }

    /// All bytes of TCP's payload so far, both ways.
    pub fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    pub fn connections(&self) -> u64 {
        self.0.connections.load(Ordering::Relaxed)
    }

    /// Waits until nothing moves for so long; the bytes until then.
    pub async fn quiet(&self, still: Duration) -> u64 {
        loop {
            let before = self.bytes();
            tokio::time::sleep(still).await;
            if self.bytes() == before {
                return before;
            }
        }
    }
}

async fn pass(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    counts: Arc<Counts>,
    connection: usize,
    way: Way,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        counts.note(connection, way, count as u64);
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

static LIES: AtomicU64 = AtomicU64::new(0);

/// How often storage said that it had synced, and had not.
pub fn lies_told() -> u64 {
    LIES.load(Ordering::Relaxed)
}

/// Storage that says it has synced and has not.
#[derive(Debug)]
struct Lying(redb::backends::FileBackend);

impl Lying {
    fn open(file: &Path) -> io::Result<Self> {
        let file = std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(file)?;
        redb::backends::FileBackend::new(file).map(Self).map_err(|error| io::Error::other(error.to_string()))
    }
}

impl StorageBackend for Lying {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }
    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }
    fn sync_data(&self) -> io::Result<()> {
        LIES.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
    fn close(&self) -> io::Result<()> {
        self.0.close()
    }
}

/// Storage whose syncs are counted.
#[derive(Debug)]
struct Counted(redb::backends::FileBackend, Arc<AtomicU64>);

impl StorageBackend for Counted {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }
    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
    fn close(&self) -> io::Result<()> {
        self.0.close()
    }
}

/// Distinct values, sorted, one a line: what a set's bytes are compared with.
pub fn sorted_values(values: &BTreeSet<String>) -> Vec<u8> {
    values.iter().flat_map(|value| [value.as_bytes(), b"\n"].concat()).collect()
}
