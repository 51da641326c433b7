//! One stream between two nodes, the same on both sides whoever dialled: a reader that answers, and a sender that pushes.
//!
//! Recalls go first, then definitions and cards, then what is held, then batches. An `Ack` leaves only when the entries are durable.
//!
//! Where either side has suspended the other and still lets recalls through, the stream carries these, each side's own, and the word that
//! they are done with, and nothing else.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::stream::{FuturesOrdered, StreamExt};
use prost::Message;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;

use super::convert::wire::{self, frame::Frame as Kind};
use super::convert::{
    Assembled, BatchReader, GroupState, Holdings, LogState, Malformed, bodies_frame, card_frame, conflict_frame, definition_frames,
    digest_of_holdings, duplicate_frame, fixed, have_frames, holding_back, log_id, read_answer, read_bodies, read_branch, read_claim,
    read_have, read_query, read_signed_definition, recall_frame, recalled_frame, roster_frames, start_frame,
};
use super::limits::{Budget, Overrun};
use crate::model::duplicate::Said;
use crate::model::group::SignedDefinition;
use crate::model::log::{Audience, Batch, BatchEntry, BatchError, Body, Branch, Checkpoint, Head, LogKey};
use crate::model::{GroupId, LogId, OrgId};
use crate::node::recall::RecallError;
use crate::node::receive::{Consequences, Understood};
use crate::node::send::Next;
use crate::node::{Node, NodeError};
use crate::store::CommitError;
use crate::store::change::{Change, Outcome, Refused, Verdict};

/// The versions of the protocol that we speak.
pub const VERSIONS: [u32; 1] = [1];
/// Frames that wait to be written, beside small answers.
const BULK_FRAMES: usize = 8;
/// Small answers that a peer which does not read may let pile up.
const CONTROL_FRAMES_MAX: usize = 4_096;
/// Groups' logs that are kept in mind of what a peer offers.
const OFFERED_MAX: usize = 10_000;
/// Groups whose definition's number is kept in mind for one peer.
const GROUPS_MAX: usize = 10_000;
/// Bytes of batches out of step that a peer may send beyond what it was given credit for: one batch was begun with the last of it.
const OUT_OF_STEP_SLACK: u64 = 2 << 20;
/// Bodies asked for at once.
const LACKING_MAX: usize = 200;
/// Batches that wait for the disk; beyond, the peer waits.
const DURABLE_MAX: usize = 8;
/// Acknowledgements that wait to be written down; beyond, the peer waits.
const ACKS_MAX: usize = 64;
/// Logs that are read from one peer.
const ASKED_MAX: usize = 10_000;
/// How often a peer is told what our clock shows, while a link is up (6 hours, in milliseconds).
pub const CLOCK_TOLD_MS: u64 = 6 * 3_600_000;
/// Bytes of a definition, all its parts.
const DEFINITION_BYTES_MAX: usize = 2 << 20;
/// What a hello that names no limits announces.
const DEFAULT_LIMITS: wire::Limits = wire::Limits {
    frame_bytes: 64 << 10,
    batch_entries: crate::model::log::BATCH_ENTRIES_MAX as u32,
    batch_bytes: crate::model::log::BATCH_BYTES_MAX as u32,
    entries_per_day: 5_000_000,
    bytes_per_day: 4 << 30,
};

/// How a stream ends whose other end just went.
pub(super) const WITHOUT_A_WORD: &str = "the other side closed the link without a reason, or it broke off";

/// Why a session ended. `code` stands in the peer's `Close` frame where we tell it.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The stream ended or broke.
    #[error("the stream ended: {0}")]
    Stream(String),
    /// The peer closed it and said why.
    #[error("the peer closed the link: {words} (`{code}`)")]
    ByPeer {
        /// A word for programs.
        code: String,
        /// Words for people.
        words: String,
    },
    /// Another stream to the same peer took its place, the peer was suspended, or we are stopping.
    #[error("the link was cut here")]
    Cut,
    /// No version in common.
    #[error("the peer speaks protocol versions {0:?}, and we speak {VERSIONS:?}")]
    Version(Vec<u32>),
    /// The peer broke the protocol.
    #[error("the peer broke the protocol: {0}")]
    Protocol(#[from] Malformed),
    /// The peer sent a batch that is not its author's.
    #[error("the peer sent a batch of log `{log}` that does not verify: {error}")]
    Batch {
        /// The log.
        log: LogId,
        /// What is wrong.
        error: BatchError,
    },
    /// The peer passed a limit.
    #[error("the peer passed a limit: {0}")]
    Limit(#[from] Overrun),
    /// We could not do our part.
    #[error(transparent)]
    Node(#[from] NodeError),
}

impl From<RecallError> for Ended {
    fn from(error: RecallError) -> Self {
        match error {
            RecallError::Malformed(error) => Self::Protocol(error),
            RecallError::Node(error) => Self::Node(error),
        }
    }
}

impl Ended {
    /// A peer's `Close`, cut short.
    fn by_peer(close: wire::Close) -> Self {
        Self::ByPeer { code: short(&close.code), words: short(&close.words) }
    }

    /// The stable name, for logs and `--json`: never the peer's own words.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Stream(_) => "stream",
            Self::ByPeer { .. } => "closed_there",
            Self::Cut => "cut",
            Self::Version(_) => "version",
            Self::Protocol(_) | Self::Batch { .. } => "protocol",
            Self::Limit(_) => "limit",
            Self::Node(_) => "node",
        }
    }

    /// What the peer is told, if anything.
    fn close(&self) -> Option<wire::Close> {
        let (code, words) = match self {
            Self::Stream(_) | Self::ByPeer { .. } | Self::Cut => return None,
            Self::Version(_) => ("version", self.to_string()),
            Self::Protocol(error) => ("protocol", error.to_string()),
            Self::Batch { error, .. } => ("batch", error.to_string()),
            Self::Limit(overrun) => ("limit", overrun.to_string()),
            Self::Node(_) => ("busy", "the node cannot take more now".to_owned()),
        };
        Some(wire::Close { code: code.to_owned(), words })
    }
}

/// What a session writes to: small answers first, then bulk.
#[derive(Debug, Clone)]
pub struct Outbox {
    control: mpsc::Sender<wire::Frame>,
    bulk: mpsc::Sender<wire::Frame>,
}

/// The other end of an outbox: the stream that goes over the wire.
pub fn outbox() -> (Outbox, impl Stream<Item = wire::Frame> + Send + 'static) {
    let (control, control_end) = mpsc::channel(CONTROL_FRAMES_MAX);
    let (bulk, bulk_end) = mpsc::channel(BULK_FRAMES);
    let frames = futures_util::stream::unfold((control_end, bulk_end), |(mut control, mut bulk)| async move {
        let frame = tokio::select! {
            biased;
            Some(frame) = control.recv() => Some(frame),
            Some(frame) = bulk.recv() => Some(frame),
            else => None,
        };
        frame.map(|frame| (frame, (control, bulk)))
    });
    (Outbox { control, bulk }, frames)
}

impl Outbox {
    fn answer(&self, kind: Kind) -> Result<(), Ended> {
        self.answer_frame(wire::Frame { frame: Some(kind) })
    }

    fn answer_frame(&self, frame: wire::Frame) -> Result<(), Ended> {
        self.control.try_send(frame).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Ended::Limit(Overrun::Unread),
            mpsc::error::TrySendError::Closed(_) => Ended::Stream("nobody reads".into()),
        })
    }

    async fn push(&self, frame: wire::Frame) -> Result<(), Ended> {
        self.bulk.send(frame).await.map_err(|_| Ended::Stream("nobody reads".into()))
    }
}

/// A log that the peer reads from us.
#[derive(Debug)]
struct Reader {
    next: u64,
    /// The last position that it was sent on this stream: it may acknowledge that after it has asked again from further back.
    sent: u64,
    credit: u64,
    /// Last position and bytes of each batch that is not acknowledged.
    in_flight: VecDeque<(u64, u64)>,
}

impl Reader {
    fn has_room(&self) -> bool {
        self.in_flight.is_empty() || self.in_flight.iter().map(|(_, bytes)| bytes).sum::<u64>() < self.credit
    }
}

/// A log that we read from the peer.
#[derive(Debug)]
struct Asked {
    key: LogKey,
    /// Where the log will stand once everything under way is durable.
    head: Head,
    author_key: Option<[u8; 32]>,
    /// Whether we have asked again since the peer was out of step.
    asked_again: bool,
    /// Bytes of batches since then that were out of step too: what was under way when we asked, or a peer that never gets on.
    out_of_step: u64,
    /// Whether it is not taken, for now or for good: what a relay has of it cannot be checked, its author has left the group or has signed
    /// two histories of it. What is under way still comes, and is not looked at until it is asked for anew.
    set_aside: bool,
}

/// What reader and sender share.
#[derive(Debug, Default)]
struct Shared {
    readers: BTreeMap<LogId, Reader>,
    /// Bodies that the peer asked for.
    bodies: VecDeque<(LogId, Vec<u64>)>,
    /// The numbers of definitions that the peer holds, or was sent.
    definitions: BTreeMap<GroupId, u64>,
    /// The numbers of hidden groups' lists of members that the peer holds, or was sent.
    rosters: BTreeMap<GroupId, u64>,
    /// Whether the peer has said all that it holds, definitions too.
    heard: bool,
    /// Whether it was then sent those that it has not: before, what is said in a group might reach who was removed from it.
    defined: bool,
    /// Logs of the peer's own that it has told us of. It hears from us of others: it was put back from a copy that knew nothing of them.
    its_own: BTreeSet<LogId>,
    /// What we last said we hold.
    announced: BTreeMap<LogId, u64>,
    /// What the digest in our hello is of, until the peer's has come.
    told_by_digest: Option<Holdings>,
    /// Recalls that the peer was sent over this stream.
    recalls: BTreeSet<[u8; 32]>,
    /// The number of our card that the peer holds, or was sent.
    card: u64,
}

/// One stream to a peer.
pub struct Session {
    node: Arc<Node>,
    peer: OrgId,
    outbox: Outbox,
    shared: Mutex<Shared>,
    wake: Notify,
    kill: CancellationToken,
    /// Whether nothing but recalls is carried: our operator's word, or the peer's.
    recalls_alone: AtomicBool,
}

type Durable = Pin<Box<dyn Future<Output = (LogKey, Understanding, Result<Outcome, CommitError>)> + Send>>;

/// Whether our receipt went with it, and the batch where not.
type Keeping = JoinHandle<(Option<Result<Outcome, CommitError>>, Change)>;

type Following = JoinHandle<Result<Vec<(u64, Verdict)>, NodeError>>;

type Noted = Pin<Box<dyn Future<Output = Result<(), NodeError>> + Send>>;

struct Understanding {
    through: u64,
    consequences: Consequences,
}

impl Session {
    /// A session over an outbox; [`Self::run`] lives it.
    ///
    /// # Errors
    /// When the store cannot be read: what the link may carry is not known then.
    pub fn new(node: Arc<Node>, peer: OrgId, outbox: Outbox, kill: CancellationToken) -> Result<Arc<Self>, NodeError> {
        let recalls_alone = AtomicBool::new(node.is_for_recalls_alone(&peer)?);
        Ok(Arc::new(Self { node, peer, outbox, shared: Mutex::default(), wake: Notify::new(), kill, recalls_alone }))
    }

    /// Whether nothing but recalls is carried; known for good once the peer has said hello.
    pub fn is_for_recalls_alone(&self) -> bool {
        self.recalls_alone.load(Ordering::Acquire)
    }

    /// Whom it is with.
    pub const fn peer(&self) -> OrgId {
        self.peer
    }

    /// What ends it.
    pub fn kill(&self) -> CancellationToken {
        self.kill.clone()
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says hello. The dialler says it with its request, the other side with its answer.
    ///
    /// # Errors
    /// When nobody reads.
    pub fn hello(&self) -> Result<(), Ended> {
        let link = &self.node.config.link;
        let limits = wire::Limits { entries_per_day: link.records_per_day_max, bytes_per_day: link.bytes_per_day_max, ..DEFAULT_LIMITS };
        let hello = wire::Hello {
            versions: VERSIONS.to_vec(),
            clock: self.node.tell_clock(self.peer),
            limits: Some(limits).filter(|limits| *limits != DEFAULT_LIMITS),
            card: self.node.keys.card().content().number,
            recalls_alone: self.is_for_recalls_alone(),
            known_card: self.node.card_number(&self.peer).unwrap_or_default(),
            holds: self.digest(),
        };
        self.outbox.answer(Kind::Hello(hello))
    }

    /// The digest of what we hold, where we would say nothing beyond; what it is of is kept, since it may change before the peer's comes.
    fn digest(&self) -> Vec<u8> {
        if self.is_for_recalls_alone() {
            return Vec::new();
        }
        // While that cannot be read, no digest: everything is said at length once it can.
        let Ok(Some(holdings)) = self.node.nothing_new(&self.peer) else { return Vec::new() };
        let digest = digest_of_holdings(&self.node.org(), &self.peer, self.credit(), &holdings);
        self.shared().told_by_digest = Some(holdings);
        digest.to_vec()
    }

    /// What both hold, if the peer's digest is of the same as ours. Both sides compare the same two hellos, so they find the same.
    fn held_by_both(&self, theirs: &[u8]) -> Option<Holdings> {
        let ours = self.shared().told_by_digest.take()?;
        let same = theirs == digest_of_holdings(&self.peer, &self.node.org(), self.credit(), &ours);
        (same && !self.is_for_recalls_alone()).then_some(ours)
    }

    /// Bytes of a log that a peer may send us before it waits for an acknowledgement.
    fn credit(&self) -> u64 {
        self.node.config.link.in_flight_bytes_max
    }

    /// Lives the session until it ends. `ready` is called once the peer has said hello and speaks our version.
    pub async fn run(
        self: Arc<Self>,
        inbound: impl Stream<Item = Result<wire::Frame, tonic::Status>> + Send + Unpin + 'static,
        ready: impl FnOnce() + Send,
    ) -> Ended {
        let ended = match self.clone().live(inbound, ready).await {
            Ok(()) => Ended::Stream(WITHOUT_A_WORD.into()),
            Err(ended) => ended,
        };
        if let Some(close) = ended.close() {
            let _ = self.outbox.answer(Kind::Close(close));
            // The reason gets a moment to reach the peer before the stream goes.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.kill.cancel();
        ended
    }

    async fn live(
        self: Arc<Self>,
        mut inbound: impl Stream<Item = Result<wire::Frame, tonic::Status>> + Send + Unpin + 'static,
        ready: impl FnOnce() + Send,
    ) -> Result<(), Ended> {
        let mut receiver = Receiver::new(self.clone());
        let hello_within = Duration::from_millis(self.node.config.link.handshake_ms_max);
        let held_by_both = match tokio::time::timeout(hello_within, next_frame(&mut inbound)).await {
            Ok(frame) => receiver.hello(frame?)?,
            Err(_) => return Err(Ended::Stream("the peer did not say hello in time".into())),
        };
        ready();
        if self.kill.is_cancelled() {
            return Err(Ended::Cut);
        }
        if !self.is_for_recalls_alone() {
            self.node.begins_to_tell(&self.peer);
        }
        // What the last link brought is made durable first, so that it is not asked for again.
        self.node.store.settled().await;
        let all_is_told = held_by_both.is_some();
        if let Some(holdings) = held_by_both {
            receiver.both_hold(holdings).await?;
        }
        let sender = tokio::spawn(self.clone().send(all_is_told));
        let stop_sender = sender.abort_handle();
        let result = receiver.read(&mut inbound, sender).await;
        stop_sender.abort();
        result
    }

    /// Pushes whatever the peer wants and has not, most urgent first, and sleeps until something changes. `all_is_told` where our hello has
    /// told what we hold.
    async fn send(self: Arc<Self>, all_is_told: bool) -> Result<(), Ended> {
        let mut changes = self.node.changes();
        while self.is_for_recalls_alone() {
            changes.hears();
            // What a recall may be signed with, it alone names.
            self.announce_card().await?;
            self.announce_recalls().await?;
            changes.rung().await;
        }
        let state = || (self.node.is_restored(), self.node.batches_back());
        let mut known = state();
        if !all_is_told {
            self.announce(true).await?;
        }
        let mut told_ms = self.node.clock.monotonic_ms();
        loop {
            changes.hears();
            if self.node.clock.monotonic_ms().saturating_sub(told_ms) >= CLOCK_TOLD_MS {
                told_ms = self.node.clock.monotonic_ms();
                // Ahead of what waits: it is true now.
                self.outbox.answer(Kind::Have(wire::Have { clock: self.node.tell_clock(self.peer), ..Default::default() }))?;
            }
            // What it asked for while we held back after a restore, or had not had back ourselves, was not answered: it asks again once it has
            // heard all anew. That we were restored may have come to light on this very link.
            let (was_restored, were_back) = std::mem::replace(&mut known, state());
            if (was_restored || were_back != known.1) && !known.0 {
                self.announce(true).await?;
            }
            // Definitions too, which were held back as well.
            self.announce(false).await?;
            while self.push_round().await? {
                // An emergency never waits behind an import.
                if changes.hears() {
                    self.announce(false).await?;
                }
            }
            tokio::select! {
                biased;
                () = changes.rung() => {}
                () = self.wake.notified() => {}
                () = self.node.clock.sleep_to(told_ms.saturating_add(CLOCK_TOLD_MS)) => {}
            }
        }
    }

    fn have_frames(&self, logs: &[LogState], groups: &[GroupState]) -> Vec<wire::Frame> {
        let frames = have_frames(logs, groups);
        if self.node.is_restored() { holding_back(frames) } else { frames }
    }

    /// Recalls, definitions, our card, and logs that have grown and are not pushed.
    async fn announce(&self, all: bool) -> Result<(), Ended> {
        if !self.is_for_recalls_alone() {
            // Before everything that may be signed with a key that it alone names.
            self.announce_card().await?;
        }
        self.announce_recalls().await?;
        if all {
            let (logs, groups) = self.node.offer(&self.peer)?;
            self.shared().announced = sizes(&logs);
            for frame in self.have_frames(&logs, &groups) {
                self.outbox.push(frame).await?;
            }
            return Ok(());
        }
        for said in self.node.duplicates_for(&self.peer) {
            self.outbox.push(duplicate_frame(&said)).await?;
        }
        self.announce_definitions().await?;
        let (logs, _) = self.node.offer(&self.peer)?;
        let news: Vec<LogState> = {
            let mut shared = self.shared();
            let shared = &mut *shared;
            let is_news = |log: &LogState| {
                let id = log.key.id();
                // Before it has said all that it holds, it is not known which of its own logs it has forgotten.
                if log.key.author == self.peer && (!shared.heard || shared.its_own.contains(&id)) {
                    return false;
                }
                shared.announced.insert(id, log.head.size) != Some(log.head.size) && !shared.readers.contains_key(&id)
            };
            logs.into_iter().filter(is_news).collect()
        };
        if !news.is_empty() {
            for frame in self.have_frames(&news, &[]) {
                self.outbox.push(frame).await?;
            }
        }
        Ok(())
    }

    /// Recalls that the peer has not: over a link for recalls alone our own, else those that we relay too.
    async fn announce_recalls(&self) -> Result<(), Ended> {
        let own_alone = self.is_for_recalls_alone();
        let sent = self.shared().recalls.clone();
        for (id, recall) in self.node.recalls_for(&self.peer, &sent)? {
            let may_go = !own_alone || recall.get().author == self.node.org();
            if may_go && self.shared().recalls.insert(id) {
                self.outbox.push(recall_frame(&recall)).await?;
            }
        }
        Ok(())
    }

    async fn announce_card(&self) -> Result<(), Ended> {
        if self.shared().card == self.node.keys.card_number() {
            return Ok(());
        }
        let Some(card) = self.node.card_for() else { return Ok(()) };
        let number = card.get().content().number;
        if std::mem::replace(&mut self.shared().card, number) < number {
            self.outbox.push(card_frame(&card)).await?;
        }
        Ok(())
    }

    async fn announce_definitions(&self) -> Result<(), Ended> {
        // Before that everything would look like news to it.
        if !self.shared().heard {
            return Ok(());
        }
        let theirs = self.shared().definitions.clone();
        let definitions = self.node.definitions_for(&self.peer, &theirs)?;
        self.announce_card().await?;
        for defined in definitions {
            self.shared().definitions.insert(defined.get().get().group, defined.get().get().number);
            for frame in definition_frames(&defined) {
                self.outbox.push(frame).await?;
            }
        }
        let theirs = self.shared().rosters.clone();
        for roster in self.node.rosters_for(&self.peer, &theirs)? {
            self.shared().rosters.insert(roster.get().0.get().group, roster.get().0.get().number);
            for frame in roster_frames(&roster) {
                self.outbox.push(frame).await?;
            }
        }
        self.shared().defined = true;
        Ok(())
    }

    /// One batch of each log that has room, and bodies that were asked for. `false` when nothing was sent.
    async fn push_round(&self) -> Result<bool, Ended> {
        let mut pushed = self.push_bodies().await?;
        let logs: Vec<LogId> = self.shared().readers.iter().filter(|(_, reader)| reader.has_room()).map(|(log, _)| *log).collect();
        for log in logs {
            pushed |= self.push_batch(&log).await?;
        }
        Ok(pushed)
    }

    async fn push_batch(&self, log: &LogId) -> Result<bool, Ended> {
        let Some(next) = self.shared().readers.get(log).map(|reader| reader.next) else { return Ok(false) };
        let life = self.node.packed.life();
        let (frames, through) = match self.node.next_for(&self.peer, log, next)? {
            Next::Nothing => return Ok(false),
            // A relay that does not know yet who was removed would pass it on to them.
            Next::Start(key, _) | Next::Batch(key, _) if matches!(key.audience, Audience::Group(_)) && !self.shared().defined => {
                return Ok(false);
            }
            Next::Start(key, checkpoint) => (Arc::from([start_frame(&key, &checkpoint)]), checkpoint.get().head.size),
            Next::Batch(key, batch) => {
                let through = batch.get().checkpoint.head.size;
                (self.node.packed.frames(&key, &batch, life), through)
            }
        };
        let bytes: usize = frames.iter().map(Message::encoded_len).sum();
        if let Some(reader) = self.shared().readers.get_mut(log) {
            reader.next = through + 1;
            reader.sent = reader.sent.max(through);
            reader.in_flight.push_back((through, bytes as u64));
        }
        self.announce_card().await?;
        for frame in frames.iter() {
            self.outbox.push(frame.clone()).await?;
        }
        Ok(true)
    }

    async fn push_bodies(&self) -> Result<bool, Ended> {
        let Some((log, seqs)) = self.shared().bodies.pop_front() else { return Ok(false) };
        let bodies = self.node.bodies_for(&self.peer, &log, &seqs, 56 << 10)?;
        let Some(last) = bodies.last().map(|entry| entry.get().header.seq) else { return Ok(true) };
        self.outbox.push(bodies_frame(&log, &bodies)).await?;
        let rest: Vec<u64> = seqs.into_iter().filter(|seq| *seq > last).collect();
        if !rest.is_empty() {
            self.shared().bodies.push_back((log, rest));
        }
        Ok(true)
    }
}

fn sizes(logs: &[LogState]) -> BTreeMap<LogId, u64> {
    logs.iter().map(|log| (log.key.id(), log.head.size)).collect()
}

async fn next_frame(inbound: &mut (impl Stream<Item = Result<wire::Frame, tonic::Status>> + Unpin)) -> Result<Kind, Ended> {
    match inbound.next().await {
        Some(Ok(frame)) => frame.frame.ok_or(Ended::Protocol(Malformed("an empty or unknown frame"))),
        // What lies below speaks of its own matters then, not of ours.
        Some(Err(status)) if std::error::Error::source(&status).is_some() => Err(Ended::Stream(WITHOUT_A_WORD.into())),
        Some(Err(status)) => Err(Ended::Stream(short(status.message()))),
        None => Err(Ended::Stream(WITHOUT_A_WORD.into())),
    }
}

/// The reading half.
struct Receiver {
    session: Arc<Session>,
    asked: BTreeMap<LogId, Asked>,
    /// Logs of the peer's that it takes as asked for, though no `Want` says so.
    asked_by_digest: BTreeSet<LogId>,
    /// The last position of each log whose body was asked for: each is asked for once.
    bodies_asked: BTreeMap<LogId, u64>,
    /// What the peer offers of groups' logs.
    offered: BTreeMap<LogId, LogState>,
    /// Logs of which the peer was sent our history, since it holds another.
    conflicts_told: BTreeSet<LogId>,
    batches: BatchReader,
    /// As how many bytes of content the batch under way was counted.
    batch_bytes: u64,
    definition: Vec<u8>,
    roster: Vec<u8>,
    /// A batch that is made durable with our receipt of it. Whoever stops waiting for it stops neither it nor what follows.
    keeping: Option<(LogKey, Understanding, Keeping)>,
    durable: FuturesOrdered<Durable>,
    /// What follows from a batch that is durable, as long as it is under way.
    following: Option<Following>,
    /// What the peer has acknowledged and is not written down yet.
    acks: FuturesOrdered<Noted>,
    budget: Budget,
}

impl Receiver {
    fn new(session: Arc<Session>) -> Self {
        let budget = Budget::new(&session.node, session.peer);
        Self {
            session,
            asked: BTreeMap::new(),
            asked_by_digest: BTreeSet::new(),
            bodies_asked: BTreeMap::new(),
            offered: BTreeMap::new(),
            conflicts_told: BTreeSet::new(),
            batches: BatchReader::default(),
            batch_bytes: 0,
            definition: Vec::new(),
            roster: Vec::new(),
            keeping: None,
            durable: FuturesOrdered::new(),
            following: None,
            acks: FuturesOrdered::new(),
            budget,
        }
    }

    fn node(&self) -> &Arc<Node> {
        &self.session.node
    }

    /// Takes the peer's hello. Returns what both hold, where the two hellos say so.
    fn hello(&mut self, frame: Kind) -> Result<Option<Holdings>, Ended> {
        let hello = match frame {
            Kind::Hello(hello) => hello,
            Kind::Close(close) => return Err(Ended::by_peer(close)),
            _ => return Err(Malformed("the first frame is not a hello").into()),
        };
        if !hello.versions.iter().any(|version| VERSIONS.contains(version)) {
            return Err(Ended::Version(hello.versions.into_iter().take(16).collect()));
        }
        self.session.shared().card = hello.known_card;
        self.session.recalls_alone.fetch_or(hello.recalls_alone, Ordering::AcqRel);
        if !self.session.is_for_recalls_alone() {
            self.node().note_clock(self.session.peer, hello.clock);
        }
        Ok(self.session.held_by_both(&hello.holds))
    }

    /// Both hold the same, and neither says it. Everything is as if both had: the peer its whole `Have`, and a `Want` for each of our logs.
    async fn both_hold(&mut self, (logs, groups): Holdings) -> Result<(), Ended> {
        let (us, peer, credit) = (self.node().org(), self.session.peer, self.session.credit());
        tracing::debug!(%peer, logs = logs.len(), "nothing is new on this link");
        self.session.shared().announced = sizes(&logs);
        for log in logs.iter().filter(|log| log.key.author == us) {
            self.want_log(log.key.id(), log.head.size + 1, credit)?;
        }
        self.asked_by_digest = logs.iter().filter(|log| log.key.author == peer).map(|log| log.key.id()).collect();
        self.told(&logs, &groups, true).await?;
        self.asked_by_digest.clear();
        Ok(())
    }

    async fn read(
        &mut self,
        inbound: &mut (impl Stream<Item = Result<wire::Frame, tonic::Status>> + Unpin),
        mut sender: tokio::task::JoinHandle<Result<(), Ended>>,
    ) -> Result<(), Ended> {
        let kill = self.session.kill.clone();
        let mut groups = self.node().group_changes();
        loop {
            tokio::select! {
                biased;
                () = kill.cancelled() => return Err(Ended::Cut),
                Some(done) = self.durable.next(), if !self.durable.is_empty() => self.acknowledge(done).await?,
                Some(noted) = self.acks.next(), if !self.acks.is_empty() => noted?,
                () = groups.rung() => self.hear_again().await?,
                ended = &mut sender => return ended.unwrap_or(Err(Ended::Cut)),
                frame = next_frame(inbound), if self.durable.len() < DURABLE_MAX && self.acks.len() < ACKS_MAX => {
                    let frame = frame?;
                    self.budget.frame(self.session.node.clock.monotonic_ms())?;
                    self.budget.bytes(content_bytes(&frame))?;
                    self.take(frame).await?;
                }
            }
        }
    }

    async fn take(&mut self, frame: Kind) -> Result<(), Ended> {
        if self.session.is_for_recalls_alone() && !matches!(frame, Kind::Card(_) | Kind::Recall(_) | Kind::Recalled(_) | Kind::Close(_)) {
            return Err(Malformed("this link carries recalls alone").into());
        }
        match frame {
            Kind::Hello(_) => Err(Malformed("a second hello").into()),
            Kind::Have(have) => self.have(&have).await,
            Kind::Want(want) => self.want(want).await,
            Kind::Batch(part) => self.batch(part).await,
            Kind::Ack(ack) => self.ack(ack).await,
            Kind::Recall(recall) => self.recall(&recall).await,
            Kind::Recalled(recalled) => self.recalled(&recalled).await,
            Kind::Definition(part) => self.definition(part).await,
            Kind::Roster(part) => self.roster(part).await,
            Kind::Card(card) => Ok(self.node().take_card(&self.session.peer, &card).await.map(|_| ())?),
            Kind::Bodies(bodies) => {
                let (log, items) = read_bodies(bodies)?;
                self.node().fill(&self.session.peer, &log, items).await?;
                self.ask_for_bodies()
            }
            Kind::Conflict(conflict) => self.conflict(&conflict).await,
            Kind::DuplicateQuery(query) => match read_query(&query)? {
                Ok(said) => self.duplicate(said).await,
                Err(check) => match self.node().knows_no_such_check(&self.session.peer, check) {
                    Some(refusal) => self.session.outbox.answer_frame(duplicate_frame(&refusal)),
                    None => Ok(()),
                },
            },
            Kind::DuplicateAnswer(answer) => self.duplicate(read_answer(answer)?).await,
            Kind::DuplicateClaim(claim) => self.duplicate(read_claim(&claim)?).await,
            Kind::Close(close) => Err(Ended::by_peer(close)),
        }
    }

    /// A recall is durable before the peer is told that it need not come again.
    async fn recall(&mut self, recall: &wire::SignedRecall) -> Result<(), Ended> {
        let own_alone = self.session.is_for_recalls_alone();
        let Some(taken) = self.node().take_recall(&self.session.peer, recall, own_alone).await? else { return Ok(()) };
        let receipt = if own_alone { self.node().receipt_for(&self.session.peer, &taken.recall)? } else { None };
        self.session.outbox.answer_frame(recalled_frame(&taken.id, receipt.as_ref()))
    }

    async fn recalled(&mut self, recalled: &wire::Recalled) -> Result<(), Ended> {
        let id = fixed(&recalled.recall, "a recall's id has 32 bytes")?;
        // What was not sent is nothing to the peer; a receipt counts over a link for recalls alone, where no log carries it.
        if !self.session.shared().recalls.contains(&id) {
            return Ok(());
        }
        let receipt = recalled.receipt.as_ref().filter(|_| self.session.is_for_recalls_alone());
        Ok(self.node().recall_told(&self.session.peer, id, receipt).await?)
    }

    async fn have(&mut self, have: &wire::Have) -> Result<(), Ended> {
        let (logs, groups) = read_have(have)?;
        if have.clock != 0 {
            self.node().note_clock(self.session.peer, have.clock);
        }
        if have.complete {
            self.node().hear_whether_it_holds_back(&self.session.peer, have.holds_back);
        }
        self.told(&logs, &groups, have.complete).await
    }

    /// The peer holds this, and definitions of these groups; `complete` where that is all for now.
    async fn told(&mut self, logs: &[LogState], groups: &[GroupState], complete: bool) -> Result<(), Ended> {
        let numbers: Vec<(GroupId, u64)> = groups.iter().map(|one| (one.group, one.number)).collect();
        self.node().hear_groups(&self.session.peer, &numbers)?;
        {
            let mut shared = self.session.shared();
            shared.definitions.extend(numbers);
            shared.rosters.extend(groups.iter().map(|one| (one.group, one.roster)));
            if shared.definitions.len() > GROUPS_MAX {
                return Err(Malformed("more groups than one peer may have").into());
            }
        }
        for log in logs.iter().filter(|log| matches!(log.key.audience, Audience::Group(_))) {
            if self.offered.len() < OFFERED_MAX {
                self.offered.insert(log.key.id(), log.clone());
            }
        }
        let own: Vec<LogId> = logs.iter().filter(|log| log.key.author == self.session.peer).map(|log| log.key.id()).collect();
        {
            let mut shared = self.session.shared();
            let room = OFFERED_MAX.saturating_sub(shared.its_own.len());
            shared.its_own.extend(own.iter().take(room));
        }
        self.hear(logs, complete).await?;
        // An author that came back from a copy may have had back by now what it could not give before.
        self.bodies_asked.retain(|log, _| !own.contains(log));
        if complete || !own.is_empty() {
            self.ask_for_bodies()?;
        }
        if complete {
            self.session.shared().heard = true;
            self.session.wake.notify_one();
        }
        Ok(())
    }

    /// A group's definition came: what the peer has offered of it before may be wanted now. Members hear of a new one in any order.
    async fn hear_again(&mut self) -> Result<(), Ended> {
        let unasked = self.offered.iter().filter(|(id, _)| !self.is_taken(id));
        let logs: Vec<LogState> = unasked.map(|(_, log)| log.clone()).collect();
        self.hear(&logs, false).await
    }

    async fn hear(&mut self, logs: &[LogState], complete: bool) -> Result<(), Ended> {
        let heard = self.node().hear(&self.session.peer, logs, complete).await?;
        for branch in heard.conflicts {
            if self.conflicts_told.insert(branch.get().checkpoint.log) {
                self.session.outbox.answer_frame(conflict_frame(&branch))?;
            }
        }
        for wish in heard.wishes {
            let id = wish.log.id();
            if self.is_taken(&id) && wish.standing {
                continue;
            }
            self.ask(wish.log, wish.from)?;
        }
        Ok(())
    }

    /// Asks for bodies of the peer's own logs that came absent: a relay was faster, or there when the peer was not.
    fn ask_for_bodies(&mut self) -> Result<(), Ended> {
        for (log, positions) in self.node().lacking(&self.session.peer, &self.bodies_asked, LACKING_MAX)? {
            self.bodies_asked.extend(positions.last().map(|last| (log, *last)));
            self.session.outbox.answer(Kind::Want(wire::Want { log: log.0.to_vec(), positions, ..Default::default() }))?;
        }
        Ok(())
    }

    /// Whether a log is asked for, and what comes of it looked at.
    fn is_taken(&self, log: &LogId) -> bool {
        self.asked.get(log).is_some_and(|asked| !asked.set_aside)
    }

    fn ask(&mut self, key: LogKey, from: u64) -> Result<(), Ended> {
        let id = key.id();
        if self.asked.len() >= ASKED_MAX && !self.asked.contains_key(&id) {
            return Err(Malformed("more logs than one peer may have").into());
        }
        let row = self.node().store.snapshot().map_err(NodeError::from)?.log(&id).map_err(NodeError::from)?;
        let head = row.as_ref().map_or_else(Head::default, |row| row.head);
        // Our own tail, fetched back, is signed by us: the store keeps no key for our logs.
        let author_key = row.filter(|_| key.author != self.node().org()).map(|row| row.author_key);
        let from = from.max(head.size + 1);
        self.asked.insert(id, Asked { key, head, author_key, asked_again: false, out_of_step: 0, set_aside: false });
        if self.asked_by_digest.remove(&id) {
            return Ok(());
        }
        let want = wire::Want {
            log: id.0.to_vec(),
            from,
            credit: self.session.credit(),
            positions: Vec::new(),
            from_checkpoint: head.size == 0 && matches!(key.audience, Audience::Group(_)),
        };
        self.session.outbox.answer(Kind::Want(want))
    }

    async fn want(&mut self, want: wire::Want) -> Result<(), Ended> {
        let log = log_id(&want.log)?;
        if want.positions.is_empty() {
            self.node().asked_from(self.session.peer, log, want.from).await?;
            self.want_log(log, want.from, want.credit)?;
        } else {
            self.want_bodies(log, want.positions)?;
        }
        self.session.wake.notify_one();
        Ok(())
    }

    fn want_log(&self, log: LogId, from: u64, credit: u64) -> Result<(), Ended> {
        let mut shared = self.session.shared();
        if shared.readers.len() > 10_000 {
            return Err(Malformed("too many logs asked for").into());
        }
        let credit = credit.clamp(1, self.session.credit());
        let sent = shared.readers.get(&log).map_or(0, |reader| reader.sent);
        let reader = Reader { next: from.max(1), sent, credit, in_flight: VecDeque::new() };
        shared.readers.insert(log, reader);
        Ok(())
    }

    fn want_bodies(&self, log: LogId, positions: Vec<u64>) -> Result<(), Ended> {
        let mut shared = self.session.shared();
        let waiting = shared.bodies.len();
        match shared.bodies.back_mut() {
            Some((last, seqs)) if *last == log && seqs.len() + positions.len() <= LACKING_MAX => seqs.extend(positions),
            _ if positions.len() > LACKING_MAX || waiting > 64 => {
                return Err(Malformed("too many bodies asked for at once").into());
            }
            _ => shared.bodies.push_back((log, positions)),
        }
        Ok(())
    }

    async fn batch(&mut self, part: wire::Batch) -> Result<(), Ended> {
        if let Some(meta) = &part.meta {
            self.batch_bytes = u64::from(meta.length);
        }
        let asked = &self.asked;
        match self.batches.push(part, |log| asked.get(log).map(|asked| asked.key.audience))? {
            Assembled::Part => Ok(()),
            Assembled::Batch(log, batch) => self.whole_batch(log, *batch).await,
            Assembled::Start(checkpoint) => self.start(checkpoint).await,
        }
    }

    async fn whole_batch(&mut self, log: LogId, batch: Batch) -> Result<(), Ended> {
        self.budget.entries(batch.entries.len() as u64)?;
        if !self.is_taken(&log) {
            return Ok(());
        }
        // What says nothing of its own end is no one's, wherever it would stand.
        if batch.checkpoint.head.size != batch.first.saturating_add(batch.entries.len() as u64).wrapping_sub(1) {
            return Err(self.not_the_authors(log, &batch.checkpoint, BatchError::OtherCheckpoint).await?);
        }
        if let Some(other) = self.contradiction(&log, &batch)? {
            return self.take_conflict(other).await;
        }
        // Its frames were counted as what they unpack to, where a text that stands in many bodies is once.
        self.budget.bytes(batch.body_bytes().saturating_sub(self.batch_bytes))?;
        // It was asked for before both of its histories were known, and may follow the one that we have not: whoever brings it did no wrong.
        if self.is_halted(&log)? {
            self.leave(&log);
            return Ok(());
        }
        if self.in_step(&log, &batch)?.is_none() {
            return Ok(());
        }
        let node = self.session.node.clone();
        let key = self.asked.get(&log).map(|asked| asked.key);
        if key.map_or(Ok(false), |key| node.is_passed_on(&key))? {
            // What a withdrawal takes back must be found by then, and passed on: nothing of this log is under way meanwhile.
            while let Some(done) = self.durable.next().await {
                self.acknowledge(done).await?;
            }
        }
        let Some(asked) = self.asked.get_mut(&log) else { return Ok(()) };
        let keys = node.keys_in_log(&asked.key, asked.author_key);
        // Its author has left the group meanwhile, and with it the card by which this could be checked.
        if keys.is_empty() && node.log_keys(&asked.key.author).is_none() {
            self.leave(&log);
            return Ok(());
        }
        let key = match keys.as_slice() {
            [key] => Some(*key),
            keys => batch.checkpoint.signer(keys),
        };
        let checkpoint = batch.checkpoint.clone();
        let understood = match node.understand(&asked.key, asked.head, key.unwrap_or_default(), batch) {
            Ok(understood) => understood,
            Err(BatchError::Signature) if asked.key.author != self.session.peer => return self.set_aside(log, &checkpoint).await,
            Err(error) => return Err(self.not_the_authors(log, &checkpoint, error).await?),
        };
        let Understood { change, head, author_key, follow, consequences } = understood;
        asked.head = head;
        asked.author_key = Some(author_key);
        (asked.asked_again, asked.out_of_step) = (false, 0);
        #[cfg(feature = "simulation")]
        if crate::simulation::planted(crate::simulation::Bug::AckBeforeDurable) {
            let ack = wire::Ack { log: log.0.to_vec(), through: head.size, verdicts: Vec::new() };
            self.session.outbox.answer(Kind::Ack(ack))?;
        }
        let (key, understanding) = (asked.key, Understanding { through: head.size, consequences });
        // Before it is stored: what a recall destroys could not be followed afterwards.
        for follow in follow {
            node.follow(follow).await?;
        }
        // Before anything else is read: the other side waits for the receipt.
        let (change, understanding) = if understanding.consequences.owes {
            (change, understanding)
        } else {
            let keeper = node.clone();
            let keeping = tokio::spawn(async move { (keeper.keep_with_receipt(&change).await, change) });
            let (.., keeping) = self.keeping.insert((key, understanding, keeping));
            let done = keeping.await;
            let Some((_, understanding, _)) = self.keeping.take() else { return Ok(()) };
            let (kept, change) = done.map_err(internal)?;
            if let Some(result) = kept {
                self.durable.push_back(Box::pin(std::future::ready((key, understanding, result))));
                return Ok(());
            }
            (change, understanding)
        };
        // Queued now, in order; durable later. The next batch is verified meanwhile.
        let durable = async move {
            let result = node.keep(log, change, &understanding.consequences).await;
            (key, understanding, result)
        };
        self.durable.push_back(Box::pin(durable));
        Ok(())
    }

    fn is_halted(&self, log: &LogId) -> Result<bool, Ended> {
        let row = self.session.node.store.snapshot().and_then(|snapshot| snapshot.log(log)).map_err(NodeError::from)?;
        Ok(row.is_some_and(|row| row.state == crate::store::LogState::Halted))
    }

    /// Takes no more of a log, though some of it may still be under way.
    fn leave(&mut self, log: &LogId) {
        if let Some(asked) = self.asked.get_mut(log) {
            asked.set_aside = true;
        }
    }

    /// The other history that a batch tells of positions which we hold: where it parts from ours, and what its author signed.
    fn contradiction(&self, log: &LogId, batch: &Batch) -> Result<Option<Branch>, Ended> {
        let Some(asked) = self.asked.get(log).filter(|asked| batch.first <= asked.head.size && batch.first > 0) else { return Ok(None) };
        let snapshot = self.session.node.store.snapshot().map_err(NodeError::from)?;
        let held = |seq: u64| snapshot.header(log, seq).map(|header| header.map(|header| header.hash())).map_err(NodeError::from);
        let last = batch.checkpoint.head;
        if last.size <= asked.head.size && held(last.size)? == Some(last.hash) {
            return Ok(None);
        }
        let before = if batch.first == 1 { Some(Head::default().hash) } else { held(batch.first - 1)? };
        let Some(hash) = before else { return Ok(None) };
        // What does not even hang together proves nothing.
        let Ok(headers) = batch.headers(*log, Head { size: batch.first - 1, hash }) else { return Ok(None) };
        for (at, header) in headers.iter().enumerate() {
            if held(header.seq)?.is_some_and(|held| held != header.hash()) {
                let from = Head { size: header.seq, hash: header.hash() };
                return Ok(Some(Branch { from, headers: headers[at + 1..].to_vec(), checkpoint: batch.checkpoint.clone() }));
            }
        }
        Ok(None)
    }

    /// Whether a batch is the next one. One that we have by now is acknowledged; a gap is asked for once.
    fn in_step(&mut self, log: &LogId, batch: &Batch) -> Result<Option<()>, Ended> {
        let Some(asked) = self.asked.get_mut(log) else { return Ok(None) };
        if batch.first == asked.head.size + 1 {
            return Ok(Some(()));
        }
        let snapshot = self.session.node.store.snapshot().map_err(NodeError::from)?;
        if let Some(row) = snapshot.log(log).map_err(NodeError::from)?.filter(|row| row.head.size > asked.head.size) {
            asked.head = row.head;
            asked.author_key = Some(row.author_key).filter(|_| asked.key.author != self.session.node.org());
        }
        if batch.first == asked.head.size + 1 {
            return Ok(Some(()));
        }
        if batch.checkpoint.head.size <= asked.head.size {
            let ack = wire::Ack { log: log.0.to_vec(), through: batch.checkpoint.head.size, verdicts: Vec::new() };
            self.session.outbox.answer(Kind::Ack(ack))?;
            self.ask_for_bodies()?;
            return Ok(None);
        }
        if asked.asked_again {
            asked.out_of_step += batch.entries.iter().map(least_bytes).sum::<u64>();
            if asked.out_of_step > self.session.node.config.link.in_flight_bytes_max + OUT_OF_STEP_SLACK {
                return Err(Malformed("batches that do not follow what was asked for").into());
            }
            return Ok(None);
        }
        let (key, head, author_key) = (asked.key, asked.head, asked.author_key);
        self.ask(key, head.size + 1)?;
        if let Some(asked) = self.asked.get_mut(log) {
            asked.asked_again = true;
            // What is under way counts, though the store has not got it yet.
            if head.size > asked.head.size {
                (asked.head, asked.author_key) = (head, author_key);
            }
        }
        Ok(None)
    }

    /// A relay's batch that is signed with no key of its author's that counts, as far as we know them. The relay may know a newer card
    /// than we do, or keep what was signed with a key that was stolen since: so it is no reason to end the link. Nothing is kept but the
    /// evidence, and the log is asked for again once a card has changed.
    async fn set_aside(&mut self, log: LogId, checkpoint: &Checkpoint) -> Result<(), Ended> {
        let Some(asked) = self.asked.get_mut(&log) else { return Ok(()) };
        asked.set_aside = true;
        let author = asked.key.author;
        if self.node().was_ever_its_key(&author, checkpoint) {
            tracing::info!(peer = %self.session.peer, %log, "a relay's copy is signed with a key that its author has put away");
            return Ok(());
        }
        tracing::warn!(peer = %self.session.peer, %log, "a relay's copy is signed with a key that its author's card does not name");
        self.keep_evidence(checkpoint, BatchError::Signature.to_string()).await
    }

    async fn not_the_authors(&mut self, log: LogId, checkpoint: &Checkpoint, error: BatchError) -> Result<Ended, Ended> {
        tracing::error!(peer = %self.session.peer, %log, %error, "a batch does not verify; nothing of it is kept but the evidence");
        self.keep_evidence(checkpoint, error.to_string()).await?;
        Ok(Ended::Batch { log, error })
    }

    async fn keep_evidence(&mut self, checkpoint: &Checkpoint, what: String) -> Result<(), Ended> {
        let bytes = super::convert::wire_checkpoint(checkpoint).encode_to_vec();
        let (peer, at) = (self.session.peer, self.node().clock.now());
        let change = Change::Suspicious { peer, what, bytes, at };
        self.node().store.commit(change).await.map_err(NodeError::from)?;
        Ok(())
    }

    async fn start(&mut self, checkpoint: Checkpoint) -> Result<(), Ended> {
        let Some(asked) = self.asked.get_mut(&checkpoint.log) else { return Ok(()) };
        let node = self.session.node.clone();
        let behind = asked.head.size >= checkpoint.head.size;
        // Where we hold a part of it, we were a member before: what was said meanwhile is not for us. Nobody makes us pass over more.
        if behind || (asked.head.size > 0 && !node.may_go_on_at(&asked.key, checkpoint.definition)?) {
            return Ok(());
        }
        let Some(author_key) = checkpoint.signer(&node.keys_in_log(&asked.key, None)) else {
            if asked.key.author != self.session.peer {
                return self.set_aside(checkpoint.log, &checkpoint).await;
            }
            return Err(Malformed("a log starts at a checkpoint that its author did not sign").into());
        };
        if !node.may_start_at(&asked.key)? {
            return Err(Malformed("the log's group gives its history, so it starts at its first entry").into());
        }
        asked.head = checkpoint.head;
        asked.author_key = Some(author_key);
        let (log, through) = (asked.key, checkpoint.head.size);
        node.store.commit(Change::StartAt { log, author_key, checkpoint }).await.map_err(NodeError::from)?;
        node.replay_recalls(&log).await?;
        self.session.outbox.answer(Kind::Ack(wire::Ack { log: log.id().0.to_vec(), through, verdicts: Vec::new() }))
    }

    async fn acknowledge(&mut self, done: (LogKey, Understanding, Result<Outcome, CommitError>)) -> Result<(), Ended> {
        let (key, understanding, result) = done;
        let id = key.id();
        let outcome = match result {
            Ok(outcome) => outcome,
            // The log is halted or closed: what it says is not taken, and not asked for again.
            Err(CommitError::Refused(Refused::LogClosed)) => {
                self.leave(&id);
                return Ok(());
            }
            // The log grew through another link meanwhile: what we hold now is told from the store.
            Err(CommitError::Refused(_)) => {
                self.asked.remove(&id);
                self.ask(key, 1)?;
                return self.ask_for_bodies();
            }
            Err(error) => return Err(NodeError::from(error).into()),
        };
        let Understanding { through, consequences } = understanding;
        if key.author == self.node().org() {
            self.node().claim_was_true(&self.session.peer);
        }
        let node = self.node().clone();
        let following = self.following.insert(tokio::spawn(async move { node.received(&key, outcome, consequences).await }));
        let followed = following.await;
        self.following = None;
        let verdicts = followed.map_err(internal)??;
        let verdict = |(seq, verdict): (u64, Verdict)| wire::ack::Verdict { seq, verdict: verdict as u32 };
        let verdicts = verdicts.into_iter().map(verdict).collect();
        self.session.outbox.answer(Kind::Ack(wire::Ack { log: id.0.to_vec(), through, verdicts }))?;
        // The store had this batch already, from a relay that keeps bodies back.
        if key.author == self.session.peer { self.ask_for_bodies() } else { Ok(()) }
    }

    async fn ack(&mut self, ack: wire::Ack) -> Result<(), Ended> {
        let log = log_id(&ack.log)?;
        if ack.verdicts.len() > crate::model::log::BATCH_ENTRIES_MAX {
            return Err(Malformed("more verdicts than a batch has entries").into());
        }
        {
            let mut shared = self.session.shared();
            let Some(reader) = shared.readers.get_mut(&log) else { return Ok(()) };
            if ack.through > reader.sent {
                return Err(Malformed("an acknowledgement of what was not sent").into());
            }
            while reader.in_flight.front().is_some_and(|(through, _)| *through <= ack.through) {
                reader.in_flight.pop_front();
            }
        }
        self.session.wake.notify_one();
        let verdicts: Vec<_> = ack.verdicts.iter().map(|verdict| (verdict.seq, u8::try_from(verdict.verdict).unwrap_or(u8::MAX))).collect();
        // What comes next does not wait for it, since nothing is said because of it; what is lost of it the peer's next `Want` tells again.
        let (node, peer) = (self.session.node.clone(), self.session.peer);
        self.acks.push_back(Box::pin(async move {
            node.acked(peer, log, ack.through, verdicts.clone()).await?;
            if verdicts.is_empty() {
                return Ok(());
            }
            // By itself, since it takes turns that what is received meanwhile may wait for; and waited for, so that a peer has so many under way at the most.
            let told = tokio::spawn(async move { node.not_taken(&peer, &log, ack.through, &verdicts).await });
            if let Err(error) = told.await.unwrap_or_else(|fault| Err(internal(fault))) {
                tracing::warn!(%log, code = error.code(), "that something was not taken is told by its clock alone");
            }
            Ok(())
        }));
        Ok(())
    }

    async fn definition(&mut self, part: wire::DefinitionPart) -> Result<(), Ended> {
        if let Some(signed) = whole_definition(&mut self.definition, part)? {
            self.node().take_definition(&self.session.peer, signed).await?;
        }
        Ok(())
    }

    async fn roster(&mut self, part: wire::DefinitionPart) -> Result<(), Ended> {
        if let Some(signed) = whole_definition(&mut self.roster, part)? {
            self.node().take_roster(&self.session.peer, signed).await?;
        }
        Ok(())
    }

    async fn duplicate(&mut self, said: Said) -> Result<(), Ended> {
        match self.node().clone().hear_duplicate(self.session.peer, said).await? {
            Some(answer) => self.session.outbox.answer_frame(duplicate_frame(&answer)),
            None => Ok(()),
        }
    }

    async fn conflict(&mut self, conflict: &wire::Conflict) -> Result<(), Ended> {
        self.take_conflict(read_branch(conflict)?).await
    }

    async fn take_conflict(&mut self, theirs: Branch) -> Result<(), Ended> {
        let log = theirs.checkpoint.log;
        // Once is enough for both to hold the proof.
        if let Some(ours) = self.node().take_conflict(&self.session.peer, theirs).await?
            && self.conflicts_told.insert(log)
        {
            self.session.outbox.answer_frame(conflict_frame(&ours))?;
        }
        Ok(())
    }
}

/// What an entry takes on the wire, at least.
fn least_bytes(entry: &BatchEntry) -> u64 {
    4 + match &entry.body {
        Body::Present(body) => body.len() as u64,
        Body::Absent { .. } => 32,
    }
}

impl Drop for Receiver {
    /// The stream is gone; what is being made durable goes on without it, and what follows from it is done.
    fn drop(&mut self) {
        let (following, mut durable, keeping) = (self.following.take(), std::mem::take(&mut self.durable), self.keeping.take());
        let (node, runtime) = (self.session.node.clone(), tokio::runtime::Handle::try_current());
        let is_all_done = following.is_none() && durable.is_empty() && keeping.is_none();
        let (false, Ok(runtime)) = (is_all_done, runtime) else { return };
        runtime.spawn(async move {
            let told = |followed: Result<_, NodeError>| {
                if let Err(error) = followed {
                    tracing::warn!(code = error.code(), "what follows from a batch is still to be done");
                }
            };
            if let Some(following) = following {
                told(following.await.unwrap_or_else(|fault| Err(internal(fault))).map(|_| ()));
            }
            while let Some((key, Understanding { consequences, .. }, result)) = durable.next().await {
                let Ok(outcome) = result else { continue };
                told(node.received(&key, outcome, consequences).await.map(|_| ()));
            }
            if let Some((key, Understanding { consequences, .. }, keeping)) = keeping
                && let Ok((Some(Ok(outcome)), _)) = keeping.await
            {
                told(node.received(&key, outcome, consequences).await.map(|_| ()));
            }
        });
    }
}

fn internal(fault: tokio::task::JoinError) -> NodeError {
    NodeError::Internal(fault.to_string())
}

/// A definition, once its last part has come.
fn whole_definition(so_far: &mut Vec<u8>, part: wire::DefinitionPart) -> Result<Option<SignedDefinition>, Malformed> {
    so_far.extend_from_slice(&part.chunk);
    if so_far.len() > DEFINITION_BYTES_MAX || (part.chunk.is_empty() && !part.last) {
        return Err(Malformed("a group definition is too long"));
    }
    if !part.last {
        return Ok(None);
    }
    read_signed_definition(&std::mem::take(so_far)).map(Some)
}

/// The bytes of content in a frame, which count against the day: of a batch those that it unpacks to, however small it was packed.
fn content_bytes(frame: &Kind) -> u64 {
    match frame {
        Kind::Batch(part) => part.meta.as_ref().map_or(0, |meta| u64::from(meta.length)).max(part.chunk.len() as u64),
        Kind::Recall(recall) => recall.statement.len() as u64,
        Kind::Definition(part) | Kind::Roster(part) => part.chunk.len() as u64,
        Kind::Recalled(recalled) => recalled.receipt.as_ref().map_or(0, |receipt| receipt.statement.len() as u64),
        Kind::Card(card) => card.len() as u64,
        Kind::Bodies(bodies) => bodies.items.iter().map(|item| item.body.len() as u64).sum(),
        Kind::DuplicateAnswer(answer) => answer.slots.len() as u64,
        Kind::DuplicateQuery(_) | Kind::DuplicateClaim(_) => 64,
        Kind::Conflict(conflict) => conflict.branch.as_ref().map_or(0, |branch| branch.headers.len() as u64),
        _ => 0,
    }
}

/// What a peer says for people, without what could harm a terminal or a log.
pub(super) fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod texts {
    use super::*;

    #[test]
    fn the_limits_of_the_default_settings_need_not_be_said() {
        let link = crate::config::Link::default();
        let settings = (link.records_per_day_max, link.bytes_per_day_max);
        assert_eq!((DEFAULT_LIMITS.entries_per_day, DEFAULT_LIMITS.bytes_per_day), settings);
    }

    #[test]
    fn why_a_session_ended_is_told() {
        let cases = [
            (Ended::Stream(WITHOUT_A_WORD.into()), "the stream ended: the other side closed the link without a reason, or it broke off"),
            (Ended::ByPeer { code: "limit".into(), words: "too much".into() }, "the peer closed the link: too much (`limit`)"),
            (Ended::Cut, "the link was cut here"),
            (Ended::Version(vec![7]), "the peer speaks protocol versions [7], and we speak [1]"),
            (Ended::Protocol(Malformed("an empty frame")), "the peer broke the protocol: an empty frame"),
            (
                Ended::Batch { log: LogId([0; 32]), error: BatchError::Chain },
                "the peer sent a batch of log `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa` that does not verify: the chain of headers does not lead to the signed head",
            ),
            (Ended::Limit(Overrun::Frames(7)), "the peer passed a limit: more than 7 frames in a second"),
            (Ended::Node(NodeError::KeyAbsent("the root key is away".into())), "the root key is away"),
        ];
        crate::texts::all_say(include_str!("session.rs"), "Ended", &cases);
    }
}
