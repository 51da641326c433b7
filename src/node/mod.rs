//! What happens, one file per event. A node is what one organisation runs; it knows the rules and the store, and of the link how records
//! are encoded, its keys, what peers used of their day, the batches packed lately, and how links are started and stopped.

pub mod alert;
pub mod backup;
mod bell;
mod board;
pub mod call;
mod came_back;
pub mod campaigns;
mod cursor;
mod desk;
pub mod disclosures;
pub mod duplicate;
pub mod error;
pub mod escalate;
mod expire;
mod export_files;
mod export_records;
pub mod feeds;
mod find;
pub mod gate;
pub mod group;
pub mod handover;
pub mod hear;
mod held_back;
pub mod hold;
mod import;
mod log_key;
mod nothing_new;
pub mod notify;
mod peer;
mod policy;
mod position;
mod preview;
pub mod profile;
pub mod profile_file;
mod read_again;
pub mod recall;
pub mod receive;
pub mod referral;
pub mod relay;
mod sealing;
mod second;
pub mod send;
pub mod serving;
pub mod share;
pub mod sighting;
pub mod statistics;
mod status;
mod users;
pub mod view;
pub mod vocabulary;
mod withdraw;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::clock::Clock;
use crate::config::Config;
use crate::link::identity::Identity;
use crate::link::limits::Days;
use crate::link::links::Links;
use crate::link::packed::Packed;
use crate::model::{Observable, OrgId, RecordId, Timestamp};
use crate::store::change::{Change, Outcome, PeerRow, PeerState};
use crate::store::{CommitError, Store};
pub use bell::{Bell, Listener};
pub use error::NodeError;
pub(crate) use preview::{fields, kind_name};

/// One organisation's node: its identity, its store and what it knows of the others.
pub struct Node {
    /// The data directory.
    pub data: PathBuf,
    /// The settings.
    pub config: Config,
    /// The clock; the only one.
    pub clock: Clock,
    /// When it was made, in the clock's monotonic milliseconds.
    started_ms: u64,
    /// Our keys and statements.
    pub keys: Identity,
    /// What we hold.
    pub store: Store,
    /// Rings whenever a log grew, a peer or a group changed: sessions look again.
    changed: Bell,
    /// Rings whenever a peer's row changed: links are cut, opened, dialled.
    peers_changed: Bell,
    /// Rings whenever a group's definition changed: what peers have offered is looked at anew.
    groups_changed: Bell,
    /// Rings whenever something is held, or a hold changed.
    holds_changed: Bell,
    /// Rings whenever something came that calls for help or alerts may follow from.
    board_changed: Bell,
    /// Rings whenever a notice was queued, told, or failed.
    notices_changed: Bell,
    /// The ways to tell people.
    channels: Vec<Arc<notify::Channel>>,
    /// What is known only while the process runs.
    memory: Mutex<Memory>,
    /// What each peer has used of its day.
    pub days: Days,
    /// Batches that were packed for a reader lately.
    pub packed: Packed,
    /// What the release gate knows.
    gatekeeper: gate::Gatekeeper,
    /// The links, once the node listens.
    links: Mutex<Option<Listening>>,
    /// One batch is positioned at a time.
    positioning: tokio::sync::Mutex<()>,
    /// The policy in force, once it was read.
    policy: Mutex<Option<Arc<policy::InForce>>>,
    /// One policy after the other.
    changing_policy: tokio::sync::Mutex<()>,
    /// One hold leaves, is undone or changes at a time.
    holding: tokio::sync::Mutex<()>,
    /// One message of ours about a referral follows from what is known by then.
    referring: tokio::sync::Mutex<()>,
    /// Shared by each batch from which something is to be done.
    reacting: Arc<()>,
    /// The clocks of referrals.
    clocks: escalate::Clocks,
    /// Our profile is told to one audience after the other.
    publishing: tokio::sync::Mutex<()>,
    /// One hand-over between shifts changes at a time.
    handing_over: tokio::sync::Mutex<()>,
    /// One call for help changes at a time.
    calling: tokio::sync::Mutex<()>,
    /// Reports of campaigns are looked at one after the other.
    reporting: tokio::sync::Mutex<()>,
    /// Names that are no campaign's here, once they were put together.
    no_campaigns: std::sync::OnceLock<BTreeSet<String>>,
    /// One check for a duplicate is counted, and one thing that may be matched changes, at a time.
    matching: tokio::sync::Mutex<()>,
    /// Exports for programs that fetch them.
    serving: serving::Serving,
    /// Feeds that are taken in.
    feeding: feeds::Feeding,
    /// The value lists in force.
    pub vocabularies: crate::model::vocabulary::Vocabularies,
    /// One definition of a group of ours follows from the one before.
    defining: tokio::sync::Mutex<()>,
}

/// What is known only while the process runs; nothing is lost with it but what the next links tell again.
#[derive(Debug, Default)]
struct Memory {
    /// Peers whose whole `Have` was seen since the start.
    seen: BTreeSet<OrgId>,
    /// Peers that said they hold more of our own logs than we do, and have not shown it yet.
    claimed: BTreeSet<OrgId>,
    /// Peers with a link, and when they were last heard of.
    links: BTreeMap<OrgId, LinkView>,
    /// What the peers last said they hold: how far behind we are.
    offered: BTreeMap<(OrgId, crate::model::LogId), hear::Offered>,
    /// What each peer's clock showed, in milliseconds since 1970, and how long we had run then, in milliseconds.
    clocks: BTreeMap<OrgId, (u64, u64)>,
    /// The same of what each was told last of ours.
    clocks_told: BTreeMap<OrgId, (u64, u64)>,
    /// After a restore: what each peer has named and we do not hold yet.
    owed: BTreeMap<OrgId, held_back::Owed>,
    /// Peers that were restored and hold back, by their own word.
    holding_back: BTreeSet<OrgId>,
    /// Peers whose first `Have` of their newest link is not complete yet.
    telling: BTreeSet<OrgId>,
    /// After a restore: the highest number that members of our hidden groups hold of a definition of ours.
    numbers: BTreeMap<crate::model::GroupId, u64>,
    /// Whether recalls that were kept when we died have been looked through.
    replayed: bool,
    /// Hidden groups of ours in which nothing has come back after its recall, as far as we know.
    looked_through: BTreeSet<crate::model::GroupId>,
    /// How many batches of our own have come back to us since the start.
    back: u64,
    /// Peers that may have more than before: their links are opened anew, so that they ask for it.
    reopen: BTreeSet<OrgId>,
    /// Holds that an import fills.
    filling: BTreeSet<crate::model::ReleaseId>,
    /// Orders of people that were done, by their signatures, while they would be taken again. A restart forgets them.
    spent: BTreeMap<[u8; 64], Timestamp>,
    /// How often the bell of the board had rung when it was last looked at.
    tended: u64,
    /// Since when enough of those clocks agree with ours, in milliseconds of running.
    clocks_agree_since: Option<u64>,
    /// How many names of campaigns are remembered of each organisation.
    reported: campaigns::Remembered,
    /// Checks for duplicates.
    duplicates: duplicate::UnderWay,
    /// What was offered between us and each partner, by side, as far as it was looked at.
    acquainted: BTreeMap<(OrgId, crate::rules::referral::Side), referral::Acquaintance>,
    /// Referrals about which nothing was to be done when they were looked at, and cases.
    resting: referral::Resting,
    /// The cases of ours by what the desk calls them, once somebody has asked.
    references: Option<referral::References>,
    /// The log-signing keys that cards name.
    known_keys: log_key::KnownKeys,
}

/// The link to a peer as people see it.
#[derive(Debug, Clone, Default)]
pub struct LinkView {
    /// Whether a stream is open.
    pub up: bool,
    /// When the peer was last heard of.
    pub last_seen: Option<Timestamp>,
    /// Whether the stream that is open carries recalls alone, because one of the two has suspended the other.
    pub recalls_alone: bool,
    /// Why the last attempt failed: a stable code, a sentence and a hint.
    pub failure: Option<view::DiagnosisView>,
    /// The name of the negotiated key exchange.
    pub key_exchange: Option<String>,
    /// When the certificate that the peer showed ends.
    pub certificate_until: Option<Timestamp>,
}

/// The links of a node that listens.
struct Listening {
    links: Arc<Links>,
    listener: Option<tokio::net::TcpListener>,
    address: std::net::SocketAddr,
}

/// Whether it says nothing: what serde leaves out.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Node {
    /// Opens the node of a data directory that `watchfire init` has made.
    ///
    /// # Errors
    /// When there is none, its keys are not private, a list of codes or a ladder cannot be read, or the store is locked, damaged or newer.
    pub fn open_with(data: &Path, config: Config, clock: Clock) -> Result<Arc<Self>, NodeError> {
        // With lists or ladders that cannot be read other codes would leave, and nobody be told in time.
        vocabulary::load(data)?;
        // The store's lock comes first: reading the keys may write some, and of two processes one must have come too late by then.
        let org = Identity::whose(data)?;
        let cache_bytes = usize::try_from(config.store.cache_bytes).unwrap_or(usize::MAX);
        let ahead_max = config.link.taken_back_ahead_max;
        let (exports_max, referrals_max) = (config.records.exports_max, config.referral.open_max);
        let options = crate::store::Options { cache_bytes, ahead_max, exports_max, referrals_max, ..crate::store::Options::new(org) };
        let store = Store::open(&data.join("store"), options)?;
        escalate::load_timetable_for(data, &store.snapshot()?)?;
        let keys = Identity::load(data, clock.now())?;
        let node = Self::assemble(data, config, clock, keys, store);
        // Without what it was told the gate would let through what it is there to stop.
        node.reload_gate()?;
        Ok(node)
    }

    /// A node of parts that are open already; tests give it a store on a faulty disk. Its gate knows what the settings say, and has read no file.
    pub fn assemble(data: &Path, config: Config, clock: Clock, keys: Identity, store: Store) -> Arc<Self> {
        let gatekeeper = gate::Gatekeeper::new(&config);
        // Whoever opens a node has read them, and was told what is wrong in them.
        let vocabularies = vocabulary::load(data).unwrap_or_default();
        let timetable = store.snapshot().map_err(NodeError::from).and_then(|snapshot| escalate::load_timetable_for(data, &snapshot));
        Arc::new(Self {
            data: data.to_owned(),
            gatekeeper,
            channels: notify::Channel::all(&config, data),
            config,
            started_ms: clock.monotonic_ms(),
            clock,
            keys,
            store,
            changed: Bell::default(),
            peers_changed: Bell::default(),
            groups_changed: Bell::default(),
            holds_changed: Bell::default(),
            board_changed: Bell::default(),
            notices_changed: Bell::default(),
            memory: Mutex::default(),
            reacting: Arc::default(),
            days: Days::default(),
            packed: Packed::default(),
            links: Mutex::default(),
            positioning: tokio::sync::Mutex::default(),
            policy: Mutex::default(),
            changing_policy: tokio::sync::Mutex::default(),
            holding: tokio::sync::Mutex::default(),
            referring: tokio::sync::Mutex::default(),
            clocks: escalate::Clocks::new(timetable.unwrap_or_default()),
            publishing: tokio::sync::Mutex::default(),
            handing_over: tokio::sync::Mutex::default(),
            calling: tokio::sync::Mutex::default(),
            reporting: tokio::sync::Mutex::default(),
            no_campaigns: std::sync::OnceLock::new(),
            matching: tokio::sync::Mutex::default(),
            serving: serving::Serving::default(),
            feeding: feeds::Feeding::default(),
            vocabularies,
            defining: tokio::sync::Mutex::default(),
        })
    }

    /// Our organisation id.
    pub fn org(&self) -> OrgId {
        self.keys.org()
    }

    /// When the node started, by the clock as it goes now.
    pub(in crate::node) fn started(&self) -> Timestamp {
        Timestamp(self.clock.now().0.saturating_sub(self.clock.monotonic_ms() - self.started_ms))
    }

    /// Told whenever sessions should look again.
    pub fn changes(&self) -> Listener {
        self.changed.listen()
    }

    /// Told whenever links should be cut, opened or dialled.
    pub fn peer_changes(&self) -> Listener {
        self.peers_changed.listen()
    }

    /// The peers whose links are to be opened anew, each told once.
    pub(crate) fn to_reopen(&self) -> BTreeSet<OrgId> {
        std::mem::take(&mut self.memory().reopen)
    }

    /// Told whenever a group's definition changed.
    pub fn group_changes(&self) -> Listener {
        self.groups_changed.listen()
    }

    fn touch(&self) {
        self.changed.ring();
    }

    /// A peer's row, a group or our card changed.
    pub fn touch_peers(&self) {
        self.gatekeeper.forget_partners();
        self.peers_changed.ring();
        self.touch();
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Our id for what an author says of an observable.
    pub fn record_id(&self, author: &OrgId, observable: &Observable) -> RecordId {
        self.keys.record_id(author, observable)
    }

    async fn commit(&self, change: Change) -> Result<Outcome, NodeError> {
        let outcome = self.commit_many(vec![change]).await?.pop();
        Ok(outcome.ok_or(CommitError::Closed)?)
    }

    /// Makes all of these changes, in order, or none; what they destroy is packed for nobody any more.
    async fn commit_many(&self, changes: Vec<Change>) -> Result<Vec<Outcome>, CommitError> {
        let destroys = changes.iter().any(|change| matches!(change, Change::TakeBack { .. } | Change::Destroy { .. }));
        let tells = changes.iter().any(|change| matches!(change, Change::Notice(_)));
        let outcomes = self.store.commit_many(changes).await;
        if tells {
            self.notices_changed.ring();
        }
        if destroys {
            self.packed.forget();
        }
        outcomes
    }

    /// The peers with which links may be open.
    pub fn open_peers(&self) -> Result<Vec<PeerRow>, NodeError> {
        let peers = self.store.snapshot()?.peers()?;
        Ok(peers.into_iter().filter(|peer| peer.state == PeerState::Open).collect())
    }

    /// The peers that are dialled: those with which links may be open, and those suspended ones with which they may for recalls alone (then
    /// `true` stands beside the peer).
    pub fn linked_peers(&self) -> Result<Vec<(OrgId, bool)>, NodeError> {
        let peers = self.store.snapshot()?.peers()?;
        let linked = |peer: PeerRow| match peer.state {
            PeerState::Open => Some((peer.org, false)),
            PeerState::Suspended if peer.recalls => Some((peer.org, true)),
            _ => None,
        };
        Ok(peers.into_iter().filter_map(linked).collect())
    }

    /// Whether a link to this peer carries nothing but recalls: it does unless the peer is open.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn is_for_recalls_alone(&self, peer: &OrgId) -> Result<bool, NodeError> {
        let row = self.store.snapshot()?.peer(peer)?;
        Ok(row.is_none_or(|row| row.state != PeerState::Open))
    }

    /// Writes down what became of an attempt to reach a peer, or of a link to it.
    pub fn note_link(&self, peer: OrgId, change: impl FnOnce(&mut LinkView)) {
        change(self.memory().links.entry(peer).or_default());
    }

    /// What a peer last said it holds: logs and their sizes.
    pub(super) fn offered_by(&self, peer: &OrgId) -> Vec<(crate::model::LogId, u64)> {
        let memory = self.memory();
        memory.offered.iter().filter(|((org, _), _)| org == peer).map(|((_, log), offered)| (*log, offered.size)).collect()
    }

    /// The link to a peer as people see it.
    pub fn link_view(&self, peer: &OrgId) -> LinkView {
        self.memory().links.get(peer).cloned().unwrap_or_default()
    }
}
