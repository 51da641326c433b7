//! Five organisations in one process: their disks, lives and clocks, and what happens to them.

use super::disk::Disk;
use super::ledger::{Ledger, Moment};
use super::net::Net;
use super::trace::{Log, Trace};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use watchfire::clock::Clock;
use watchfire::config::Config;
use watchfire::link::identity::Identity;
use watchfire::link::links::Links;
use watchfire::model::{OrgId, Timestamp};
use watchfire::node::Node;
use watchfire::node::view::PeerOptions;
use watchfire::rules::lists::Severity;
use watchfire::simulation::Random;
use watchfire::store::change::Change;
use watchfire::store::{Options, Pace, Snapshot, Store};

use super::identities::NAMES;

/// How many organisations there are.
pub const COUNT: usize = NAMES.len();

/// What a node was when somebody copied it.
pub struct Copy {
    image: Vec<u8>,
    pub taken: Moment,
}

pub struct Member {
    pub org: OrgId,
    data: PathBuf,
    /// What is on its disk while it does not run.
    image: Vec<u8>,
    pub life: Option<Life>,
    /// How often it has started.
    pub lives: u64,
    pub skew_ms: i64,
    pub copies: Vec<Copy>,
}

pub struct Life {
    pub node: Arc<Node>,
    disk: Disk,
    stop: CancellationToken,
    /// The power is gone, and nobody has looked yet.
    blown: Arc<Mutex<bool>>,
}

/// How a node comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Return {
    /// With what its disk kept.
    AsItWas,
    /// From an old copy, and its people say so.
    Declared(usize),
    /// From an old copy, and nobody says so.
    Undeclared(usize),
}

pub struct World {
    /// When it begins, on a right clock.
    began: Timestamp,
    pub random: Random,
    pub net: Net,
    pub trace: Trace,
    pub log: Log,
    pub members: Vec<Member>,
    ledger: Arc<Mutex<Ledger>>,
    _directory: tempfile::TempDir,
}

/// A disk's pace, from the seed.
struct Waits {
    random: Mutex<Random>,
    slow_ms: u64,
    trace: Trace,
    words: String,
}

impl Waits {
    fn wait(&self) -> Duration {
        let mut random = self.random.lock().unwrap();
        let slow = self.slow_ms * if random.chance(5) { 20 } else { 1 };
        Duration::from_millis(random.below(slow + 1))
    }
}

impl Pace for Waits {
    fn before(&self) -> Duration {
        self.wait()
    }

    fn commits(&self, changes: &[&Change]) {
        self.trace.note(&self.words, format!("{changes:?}").as_bytes());
    }

    fn after(&self) -> Duration {
        self.wait()
    }
}

impl World {
    /// Founds the organisations and starts the nodes of the first so many; nobody is paired.
    pub async fn found(seed: u64, began: Timestamp, count: usize, directory: tempfile::TempDir, trace: Trace, log: Log) -> Self {
        let orgs = super::identities::orgs(directory.path());
        let mut random = Random::new(seed ^ 0x0077_6f72);
        let net = Net::new(seed ^ 0x006e_6574, &trace, &orgs);
        let member = |(name, org): (&&str, OrgId)| Member {
            org,
            data: directory.path().join(name),
            image: Vec::new(),
            life: None,
            lives: 0,
            skew_ms: random.below(240_000) as i64 - 120_000,
            copies: Vec::new(),
        };
        let members = NAMES.iter().zip(orgs).map(member).collect();
        let ledger = Arc::new(Mutex::new(Ledger::new()));
        let mut world = Self { began, random, net, trace, log, members, ledger, _directory: directory };
        for who in 0..count {
            world.start(who, Return::AsItWas).await;
        }
        world
    }

    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap()
    }

    pub fn shared_ledger(&self) -> Arc<Mutex<Ledger>> {
        self.ledger.clone()
    }

    pub fn place(&self, org: &OrgId) -> usize {
        self.members.iter().position(|member| member.org == *org).expect("one of the five")
    }

    pub fn node(&self, who: usize) -> Option<&Arc<Node>> {
        self.members[who].life.as_ref().filter(|life| !*life.blown.lock().unwrap()).map(|life| &life.node)
    }

    pub fn snapshot(&self, who: usize) -> Option<Snapshot> {
        self.node(who).map(|node| node.store.snapshot().expect("a store that runs is read"))
    }

    pub fn alive(&self) -> Vec<usize> {
        (0..COUNT).filter(|who| self.node(*who).is_some()).collect()
    }

    /// Nodes whose power has gone and whose life is not over yet.
    pub fn blown(&self) -> Vec<usize> {
        (0..COUNT).filter(|who| self.members[*who].life.as_ref().is_some_and(|life| *life.blown.lock().unwrap())).collect()
    }

    /// Pairs two organisations by their cards.
    pub async fn pair(&self, one: usize, other: usize) {
        for (here, there) in [(one, other), (other, one)] {
            let card = self.node(there).unwrap().card().unwrap();
            self.node(here).unwrap().peer_add(&card, NAMES[there], PeerOptions::default()).await.unwrap();
        }
    }

    /// Starts a node.
    pub async fn start(&mut self, who: usize, how: Return) {
        self.log.say(format!("{} starts: {how:?}", NAMES[who]));
        let seed = self.random.next();
        let member = &mut self.members[who];
        member.lives += 1;
        let image = match how {
            Return::AsItWas => std::mem::take(&mut member.image),
            Return::Declared(copy) | Return::Undeclared(copy) => member.copies[copy].image.clone(),
        };
        if let Return::Declared(copy) | Return::Undeclared(copy) = how {
            let taken = member.copies[copy].taken;
            self.ledger.lock().unwrap().restored(who, taken, matches!(how, Return::Undeclared(_)));
        }
        let clock = Clock::simulated(self.began.plus(self.trace.at()));
        clock.skew(member.skew_ms);
        let disk = Disk::new(image);
        let (org, lives) = (member.org, member.lives);
        let mut random = Random::new(seed);
        let slow_ms = [1, 5, 30][random.below(3) as usize];
        let words = format!("commit {who} {lives}");
        let pace = Waits { random: Mutex::new(random), slow_ms, trace: self.trace.clone(), words };
        let options = Options { cache_bytes: 8 << 20, ..Options::new(org) };
        let store = Store::open_simulated(disk.factory(), options, Box::new(pace)).expect("a store opens after any power cut");
        let keys = Identity::load(&member.data, clock.now()).unwrap();
        let node = Node::assemble(&member.data, config(), clock, keys, store);
        let stop = CancellationToken::new();
        self.members[who].life = Some(Life { node: node.clone(), disk, stop: stop.clone(), blown: Arc::default() });
        if matches!(how, Return::Declared(_)) {
            node.declare_restore().await.unwrap();
        }
        super::checks::after_start(self, who);
        let links = Links::new(node).unwrap();
        let line = self.net.plug(org, lives, links.clone());
        tokio::spawn(links.run_over(Box::new(line), stop));
    }

    /// A node loses its power, now or in the middle of one of its next commits.
    pub fn crash(&mut self, who: usize) {
        self.log.say(format!("{} loses its power", NAMES[who]));
        self.net.unplug(who);
        let Some(life) = self.members[who].life.take() else { return };
        self.members[who].image = life.disk.lose_power(&mut self.random);
        life.node.store.die();
        life.stop.cancel();
    }

    /// A node will lose its power in the middle of one of its next commits.
    pub fn arm(&mut self, who: usize) {
        let syncs = 1 + self.random.below(10);
        let Some(life) = &self.members[who].life else { return };
        let (net, blown) = (self.net.clone(), life.blown.clone());
        life.disk.blow_at(
            syncs,
            Arc::new(move || {
                *blown.lock().unwrap() = true;
                net.unplug(who);
            }),
        );
    }

    /// The tables of a node's store whose rows have that word.
    pub fn tables_with(&self, who: usize, word: &str) -> Vec<&'static str> {
        let (mut tables, snapshot) = (Vec::new(), self.snapshot(who).expect("it runs"));
        let mut look = |table, rows: &[u8]| {
            if memchr::memmem::find(rows, word.as_bytes()).is_some() && !tables.contains(&table) {
                tables.push(table);
            }
            Ok(())
        };
        snapshot.dump_rows(&mut look).unwrap();
        tables
    }

    /// Somebody copies a node's directory while nothing is written.
    pub fn copy(&mut self, who: usize) {
        let taken = self.ledger().now();
        let Some(life) = &self.members[who].life else { return };
        let image = life.disk.image();
        self.members[who].copies.push(Copy { image, taken });
    }

    /// A node's clock is set wrong by so much.
    pub fn set_skew(&mut self, who: usize, skew_ms: i64) {
        self.members[who].skew_ms = skew_ms;
        if let Some(node) = self.node(who) {
            node.clock.skew(skew_ms);
        }
    }
}

fn config() -> Config {
    let mut config = Config { listen: "127.0.0.1:0".into(), ..Config::default() };
    // Only what is said in referrals is held; everything else leaves now.
    config.release.hold_s = 4;
    (config.link.reconnect_ms_min, config.link.reconnect_ms_max) = (200, 5_000);
    (config.gate.reserved, config.gate.unknown_tld) = (Severity::Warn, Severity::Warn);
    config.gate.burst_records_min = 1 << 31;
    config
}
