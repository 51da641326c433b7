//! A federation in one process. See DESIGN §9.

mod checks;
pub mod disk;
pub mod log;
mod net;
mod picture;
pub mod rogue;
mod verbs;

pub use picture::Picture;
pub use verbs::ask;

use disk::Disk;
use net::{Net, Watched};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use watchfire::clock::Clock;
use watchfire::config::Config;
use watchfire::formats::age::{Identity as AgeIdentity, Recipient};
use watchfire::link::identity::Identity;
use watchfire::link::session::CLOCK_TOLD_MS;
use watchfire::model::crypto::random;
use watchfire::model::id::base32;
use watchfire::model::{OrgId, Timestamp};
use watchfire::node::backup::restore_backup;
use watchfire::node::view::PeerOptions;
use watchfire::node::{Node, NodeError};
use watchfire::rules::lists::Severity;
use watchfire::store::{Options, Store};

/// A node's place in the federation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Who(pub usize);

pub const AMAL: Who = Who(0);
pub const BOREALIS: Who = Who(1);
pub const CEDAR: Who = Who(2);
pub const DUNYA: Who = Who(3);

/// What the organisations call each other.
pub const NAMES: [&str; 4] = ["amal", "borealis", "cedar", "dunya"];

/// When every federation begins: 15 January 2027.
pub const START: Timestamp = Timestamp(1_800_000_000_000);
pub const SECOND: u64 = 1_000;
pub const MINUTE: u64 = 60 * SECOND;
pub const HOUR: u64 = 60 * MINUTE;
pub const DAY: u64 = 24 * HOUR;

/// Minutes of everyone's clock within which a link comes up that ended, and what is told of clocks over it is heard.
const LINKED_WITHIN: u64 = 10;
/// Longer than anything here takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// Nodes, the network between them, and one clock.
pub struct Federation {
    pub clock: Clock,
    pub net: Net,
    members: Vec<Member>,
    number: u64,
    directory: Option<tempfile::TempDir>,
    /// Stands in every path and every node's name: in no log line and in no store.
    marker: String,
    /// Words that only these may hold.
    secrets: Vec<(String, BTreeSet<Who>)>,
    /// What is looked for in the frames that rogues are sent.
    heard: Arc<Watched>,
    expected_errors: Vec<String>,
    /// Nodes of which nothing is asked when the federation ends: those that a scenario breaks on purpose.
    broken: BTreeSet<Who>,
    /// Nodes that were restored from a copy: what they fetched back was disclosed by their former life.
    restored: BTreeSet<Who>,
    /// How long the end waits for what still moves.
    patience: Duration,
}

struct Member {
    name: String,
    data: PathBuf,
    config: Config,
    /// A clock that is not everyone's.
    clock: Option<Clock>,
    /// Its store is on this disk instead of in a file.
    disk: Option<Disk>,
    life: Option<Life>,
}

/// A running node. Its tasks have a runtime of their own, so that they can all end at once.
struct Life {
    node: Arc<Node>,
    runtime: Runtime,
    stop: CancellationToken,
    running: tokio::task::JoinHandle<Result<(), NodeError>>,
}

/// A runtime whose log lines belong to the federation of the thread that makes it.
fn runtime(name: &str) -> Runtime {
    let federation = log::current();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name(name)
        .on_thread_start(move || log::belong(federation))
        .enable_all()
        .build()
        .unwrap()
}

impl Federation {
    /// So many organisations, each paired with each other and linked.
    pub async fn of(count: usize) -> Self {
        let federation = Self::strangers(count).await;
        for one in 0..count {
            for other in one + 1..count {
                federation.pair(Who(one), Who(other)).await;
            }
        }
        federation.settle().await;
        federation
    }

    /// So many organisations that know nothing of each other.
    pub async fn strangers(count: usize) -> Self {
        Self::with(count, |_, _| {}).await
    }

    /// Amal is paired with each of the others, and they not with each other.
    pub async fn around_amal(count: usize) -> Self {
        let federation = Self::strangers(count).await;
        for who in federation.everyone().filter(|who| *who != AMAL) {
            federation.pair(AMAL, who).await;
        }
        federation.settle().await;
        federation
    }

    /// Strangers with other settings.
    pub async fn with(count: usize, change: impl Fn(Who, &mut Config)) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        log::belong(number);
        let marker = word();
        let directory = tempfile::Builder::new().prefix(&format!("federation-{marker}-")).tempdir().unwrap();
        let mut federation = Self {
            clock: Clock::manual(START),
            net: Net::new(),
            members: Vec::new(),
            number,
            directory: Some(directory),
            secrets: Vec::new(),
            heard: Arc::default(),
            marker: marker.clone(),
            expected_errors: Vec::new(),
            broken: BTreeSet::new(),
            restored: BTreeSet::new(),
            patience: PATIENCE,
        };
        federation.keep_secret(marker, &[]);
        for name in &NAMES[..count] {
            federation.found(name, &change).await;
        }
        federation
    }

    /// An organisation is founded and its node started.
    async fn found(&mut self, name: &str, change: impl Fn(Who, &mut Config)) {
        let who = Who(self.members.len());
        let config = self.config(who, name, change).await;
        let data = self.directory().join(name);
        Node::init(&data, &config.endpoints, &self.clock).unwrap();
        self.members.push(Member { name: name.into(), data, config, clock: None, disk: None, life: None });
        self.start(who).await;
    }

    async fn config(&self, who: Who, name: &str, change: impl Fn(Who, &mut Config)) -> Config {
        let mut config = Config {
            name: format!("{name} {}", self.marker),
            listen: "127.0.0.1:0".into(),
            endpoints: vec![Net::endpoint(name)],
            proxy: Some(format!("socks5://{}", self.net.proxy_for(who).await)),
            ..Config::default()
        };
        (config.link.reconnect_ms_min, config.link.reconnect_ms_max) = (20, 60);
        // On a clock that stands still all that a scenario dials falls into one second, and all of it comes from one address.
        (config.link.handshakes_per_second_max, config.link.source_handshakes_per_second_max) = (1_000_000, 1_000_000);
        config.store.cache_bytes = 4 << 20;
        // Scenarios share names for examples, in numbers that no source has sent before.
        (config.gate.reserved, config.gate.unknown_tld) = (Severity::Warn, Severity::Warn);
        config.gate.burst_records_min = 1 << 31;
        // Scenarios about holds set one.
        config.release.hold_s = 0;
        change(who, &mut config);
        config
    }

    pub fn directory(&self) -> &Path {
        self.directory.as_ref().unwrap().path()
    }

    pub fn everyone(&self) -> impl Iterator<Item = Who> + use<> {
        (0..self.members.len()).map(Who)
    }

    /// Starts a node that does not run.
    pub async fn start(&mut self, who: Who) {
        let life = self.life(who).await;
        self.net.listens(who, &self.members[who.0].name, life.node.address().unwrap());
        self.members[who.0].life = Some(life);
    }

    async fn life(&self, who: Who) -> Life {
        let Member { name, data, config, clock, disk, .. } = &self.members[who.0];
        let clock = clock.as_ref().unwrap_or(&self.clock);
        let open = || match disk {
            Some(disk) => on_disk(data, config, clock, disk),
            None => Node::open_with(data, config.clone(), clock.clone()),
        };
        let (runtime, stop) = (runtime(name), CancellationToken::new());
        let end = Instant::now() + PATIENCE;
        let node = loop {
            match open() {
                Ok(node) => break node,
                // The last life's store lets go when its last task is gone.
                Err(NodeError::StoreLocked(_)) if Instant::now() < end => tokio::time::sleep(LOOK).await,
                Err(error) => panic!("{name} does not start: {error}"),
            }
        };
        let starting = {
            let node = node.clone();
            async move { node.listen().await }
        };
        runtime.spawn(starting).await.unwrap().unwrap();
        let running = runtime.spawn({
            let (node, stop) = (node.clone(), stop.clone());
            async move { node.run(stop).await }
        });
        Life { node, runtime, stop, running }
    }

    /// The node; do not keep it over its death.
    pub fn node(&self, who: Who) -> &Arc<Node> {
        &self.members[who.0].life.as_ref().expect("it runs").node
    }

    pub fn is_alive(&self, who: Who) -> bool {
        self.members[who.0].life.is_some()
    }

    pub fn org(&self, who: Who) -> OrgId {
        self.node(who).org()
    }

    pub fn config_of(&self, who: Who) -> &Config {
        &self.members[who.0].config
    }

    pub fn data(&self, who: Who) -> &Path {
        &self.members[who.0].data
    }

    /// Ends a node as a power cut does: every task is dropped where it is.
    pub fn kill(&mut self, who: Who) {
        let Life { node, runtime, .. } = self.members[who.0].life.take().expect("it runs");
        runtime.shutdown_background();
        // Its file must be free for the next life; a process that dies lets go of it by itself.
        node.store.close();
    }

    /// A node that has nothing yet gets a disk for its store.
    pub async fn use_disk(&mut self, who: Who) -> Disk {
        let disk = Disk::default();
        self.kill(who);
        self.members[who.0].disk = Some(disk.clone());
        self.start(who).await;
        disk
    }

    /// Ends a node, and what its disk has not synced is gone.
    pub fn power_cut(&mut self, who: Who) {
        self.kill(who);
        self.members[who.0].disk.as_ref().expect("it has one").power_cut();
    }

    /// Ends a node in order.
    pub async fn stop(&mut self, who: Who) {
        let Life { node, runtime, stop, running } = self.members[who.0].life.take().expect("it runs");
        drop(node);
        stop.cancel();
        running.await.unwrap().unwrap();
        runtime.shutdown_background();
    }

    pub async fn restart(&mut self, who: Who) {
        self.kill(who);
        self.start(who).await;
    }

    /// Stops a node for as long as it takes to copy its directory.
    pub async fn copy(&mut self, who: Who) -> PathBuf {
        self.stop(who).await;
        let to = self.directory().join(format!("copy-{}", word()));
        copy_directory(self.data(who), &to);
        self.start(who).await;
        to
    }

    /// Kills a node and puts an earlier copy in the place of its directory. It does not run yet.
    pub async fn put_back(&mut self, who: Who, copy: &Path) {
        self.kill(who);
        self.restored.insert(who);
        fs::remove_dir_all(self.data(who)).unwrap();
        copy_directory(copy, self.data(who));
    }

    /// A backup of a running node, made on its own threads, and its picture at that moment.
    pub async fn backup(&self, who: Who, to: Recipient) -> (Vec<u8>, Picture) {
        let node = self.node(who).clone();
        let settings = self.data(who).join("watchfire.toml");
        if !settings.exists() {
            fs::write(settings, watchfire::config::initial("backed up", "127.0.0.1:0", &[])).unwrap();
        }
        let work = move || {
            let backup = node.begin_backup().unwrap();
            let mut out = Vec::new();
            backup.write(&[to], &mut out).unwrap();
            (out, Picture::of(backup.snapshot()))
        };
        self.members[who.0].life.as_ref().expect("it runs").runtime.spawn_blocking(work).await.unwrap()
    }

    /// Kills a node, throws its directory away and restores a backup into another. It does not run yet.
    pub fn restore(&mut self, who: Who, backup: &[u8], identity: &AgeIdentity) {
        self.kill(who);
        self.restored.insert(who);
        fs::remove_dir_all(self.data(who)).unwrap();
        let data = self.directory().join(format!("restored-{}", word()));
        let (clock, identity) = (self.clock.clone(), identity.to_secret_text().parse().unwrap());
        let restored = std::thread::scope(|scope| {
            scope.spawn(|| restore_backup(backup, &[identity], &data, &clock, "backup.age").map(|_| ())).join().unwrap()
        });
        restored.unwrap();
        self.members[who.0].data = data;
    }

    /// A second node of the same organisation starts from a copy: what must never happen, and does. Nothing is asked of the two.
    pub async fn twin(&mut self, of: Who, copy: &Path) -> Who {
        let who = Who(self.members.len());
        let name = format!("{}-twin", self.members[of.0].name);
        let mut config = self.config(who, &name, |_, _| {}).await;
        config.endpoints = self.members[of.0].config.endpoints.clone();
        self.members.push(Member { name: name.clone(), data: copy.to_owned(), config, clock: None, disk: None, life: None });
        self.broken.extend([of, who]);
        self.start(who).await;
        who
    }

    /// The two exchange cards that were checked by other means.
    pub async fn pair(&self, one: Who, other: Who) {
        for (here, there) in [(one, other), (other, one)] {
            let card = self.node(there).card().unwrap();
            self.node(here).peer_add(&card, &self.members[there.0].name, PeerOptions::default()).await.unwrap();
        }
    }

    pub fn cut(&self, one: Who, other: Who) {
        self.net.cut(one, other);
    }

    pub fn heal(&self, one: Who, other: Who) {
        self.net.heal(one, other);
    }

    /// Moves everyone's clock, in steps of an hour, so that what is done every minute is done on the way.
    pub async fn pass(&self, milliseconds: u64) {
        let (mut left, mut patient) = (milliseconds, true);
        while left > 0 {
            // A clock that is told before a step and heard after it seems off by the step. While it is waited for, that is a minute; a link that
            // does not come up within some of them is not waited for.
            if patient {
                let (minutes, are_heard) = self.clocks_are_heard(left / MINUTE).await;
                (left, patient) = (left - minutes * MINUTE, are_heard);
            }
            let step = left.min(HOUR);
            self.tick(step);
            left -= step;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until all links are up that should be, and all clocks are heard that were told over them, or are to be: some minutes of everyone's
    /// clock, at most as many as are `left`. How many passed, and whether it is so.
    async fn clocks_are_heard(&self, left: u64) -> (u64, bool) {
        let heard = |one: Who, other: Who| {
            let (here, there) = (self.node(one), self.node(other));
            let ([told, _], [_, heard]) = (here.clocks_said(&there.org()), there.clocks_said(&here.org()));
            let is_heard = told.is_none_or(|(shown, at)| {
                let due = here.clock.monotonic_ms().saturating_sub(at) >= CLOCK_TOLD_MS;
                !due && heard.is_some_and(|(heard, _)| heard == shown)
            });
            here.link_view(&there.org()).up && is_heard
        };
        let mut minutes = 0;
        loop {
            for _ in 0..100 {
                let pairs = self.everyone().flat_map(|one| self.everyone().map(move |other| (one, other)));
                let mut wanted = pairs.filter(|(one, other)| one != other && self.should_be_linked(*one, *other));
                if wanted.all(|(one, other)| heard(one, other)) {
                    return (minutes, true);
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            if minutes == LINKED_WITHIN.min(left) {
                return (minutes, false);
            }
            // Whoever waits for the next attempt is woken.
            self.tick(MINUTE);
            minutes += 1;
        }
    }

    /// A node starts again with a clock of its own that is ahead of everyone's.
    pub async fn give_own_clock(&mut self, who: Who, ahead: u64) {
        self.kill(who);
        self.members[who.0].clock = Some(Clock::manual(self.clock.now().plus(ahead)));
        self.start(who).await;
    }

    /// A node's own clock jumps ahead, or back.
    pub fn step_own_clock(&self, who: Who, by: i64) {
        let clock = self.members[who.0].clock.as_ref().expect("it has one");
        clock.set(Timestamp(clock.now().0.saturating_add_signed(by)));
    }

    /// Waits until something is so that upkeep does: a minute passes between two looks.
    pub async fn until_upkeep(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let look = || {
            let so = is_so();
            if !so {
                self.tick(MINUTE);
            }
            so
        };
        self.until(what, look).await;
    }

    pub fn tick(&self, milliseconds: u64) {
        self.clock.advance(milliseconds);
        self.members.iter().filter_map(|member| member.clock.as_ref()).for_each(|clock| clock.advance(milliseconds));
    }

    /// Waits until something is so.
    pub async fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so() {
            if Instant::now() > end {
                let moving = self.moving().join("\n  ");
                panic!("not within {PATIENCE:?}: {what}\nstill moving:\n  {moving}\n{}", self.tail());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until nothing moves.
    pub async fn settle(&self) {
        let end = Instant::now() + PATIENCE;
        let mut still = 0;
        while still < 3 {
            let moving = self.moving();
            still = if moving.is_empty() { still + 1 } else { 0 };
            if Instant::now() > end {
                panic!("after {PATIENCE:?} these still move:\n  {}\n{}", moving.join("\n  "), self.tail());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// How many lines of the log have this in them.
    pub fn logged(&self, text: &str) -> usize {
        log::lines(self.number).iter().filter(|line| line.text.contains(text)).count()
    }

    /// All that was logged, each line once.
    #[allow(dead_code)] // For the canaries, which have a test of their own.
    pub fn log(&self) -> String {
        let lines: BTreeSet<String> = log::lines(self.number).into_iter().map(|line| line.text + "\n").collect();
        lines.into_iter().collect()
    }

    fn tail(&self) -> String {
        let lines = log::lines(self.number);
        let last: Vec<String> = lines.iter().rev().take(40).rev().map(|line| format!("{} {}", line.level, line.text)).collect();
        format!("the log ends so:\n{}", last.join("\n"))
    }

    /// A word that only these nodes may hold; looked for when the federation ends.
    pub fn secret(&mut self, holders: &[Who]) -> String {
        let secret = word();
        self.keep_secret(secret.clone(), holders);
        secret
    }

    /// As [`Self::secret`], of words that somebody chose.
    pub fn keep_secret(&mut self, secret: String, holders: &[Who]) {
        self.net.carried().watch_for(&secret);
        self.heard.watch_for(&secret);
        self.secrets.push((secret, holders.iter().copied().collect()));
    }

    /// The scenario asks for an error line with this in it.
    pub fn expect_error(&mut self, text: &str) {
        self.expected_errors.push(text.into());
    }

    /// How long the end waits for what still moves.
    pub fn be_impatient(&mut self) {
        self.patience = Duration::from_millis(200);
    }

    /// A scenario has broken these on purpose: nothing is asked of them when the federation ends.
    pub fn gives_up_on(&mut self, who: &[Who]) {
        self.broken.extend(who);
    }

    /// The names by which the nodes know each other.
    pub fn orgs(&self) -> BTreeMap<OrgId, Who> {
        self.everyone().filter(|who| self.is_alive(*who)).map(|who| (self.org(who), who)).collect()
    }
}

impl Drop for Federation {
    fn drop(&mut self) {
        let problems = if std::thread::panicking() { Vec::new() } else { self.verdict() };
        for member in &mut self.members {
            if let Some(life) = member.life.take() {
                life.runtime.shutdown_background();
            }
        }
        assert!(problems.is_empty(), "the federation did not end well:\n  {}", problems.join("\n  "));
    }
}

fn on_disk(data: &Path, config: &Config, clock: &Clock, disk: &Disk) -> Result<Arc<Node>, NodeError> {
    let keys = Identity::load(data, clock.now())?;
    // Impatient, since a node that dies waits for its writer here.
    let store = Store::open_with(disk.factory(), Options { retry_ms_max: 200, ..Options::new(keys.org()) })?;
    Ok(Node::assemble(data, config.clone(), clock.clone(), keys, store))
}

/// A random word that nothing else contains.
pub fn word() -> String {
    format!("zq{}", &base32(&random::<10>()).to_lowercase()[..12])
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, kind) = entry.map(|entry| (entry.path(), entry.file_type().unwrap())).unwrap();
        let target = to.join(entry.file_name().unwrap());
        if kind.is_dir() {
            copy_directory(&entry, &target);
        } else {
            fs::copy(&entry, &target).unwrap();
        }
    }
    // Key directories are for their owner alone.
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
}
