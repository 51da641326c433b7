//! The clocks of referrals while the node runs: brought in line with every message, written with what they cause, and looked at when one runs out. When
//! something is due is `rules::escalate`'s to say.
//!
//! Rows, rungs, notices and the offer that a rung makes are one transaction: what is not written was not done, and is done after the next start. The
//! engine in memory is never ahead of the rows for long: where a commit fails, or its caller is gone, the engine is thrown away and loaded anew.

mod file;
mod row;
mod show;

pub use file::{FILE, load as load_timetable, load_for as load_timetable_for, load_with as load_timetable_with};
pub use row::NotOffered;
pub(super) use show::Due;
pub use show::{RungView, TimerView, done};

use super::bell::Bell;
use super::referral::{Next, last_said, short};
use super::{Node, NodeError};
use crate::model::hours::Hours;
use crate::model::{OrgId, ReferralId, ShortId, Timestamp};
use crate::rules::escalate::{Act, Case, Changes, Desks, Engine, Fired, Moment, Timetable, Watch};
use crate::rules::notify::{Event, Notice};
use crate::rules::referral::Side;
use crate::store::change::{Change, Shelf};
use crate::store::{Conversation, Snapshot};
use row::{RungRow, keep_watch};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// So long after the node came back nobody else is offered a case, in milliseconds, unless the link to the silent one is up: its word may be on the way.
const LINKS_MS_MAX: u64 = 60_000;
/// A node that has not looked for so long was away, in milliseconds.
const AWAY_MS: u64 = 30_000;
/// What could not be done, or has to wait for a link, is looked at again after so long, in milliseconds.
const AGAIN_MS: u64 = 1_000;
/// After a failure, in milliseconds.
const FAILED_MS: u64 = 10_000;

/// The clocks of a node.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    timetable: Mutex<Timetable>,
    /// None before the rows were read, and where they may say something else.
    engine: Mutex<Option<Engine>>,
    /// One change of clocks at a time. Whoever holds the turn of referrals may wait for this one, and not the other way around.
    turn: tokio::sync::Mutex<()>,
    /// Rings when a clock began or ended.
    changed: Bell,
    /// When the node came back, and when it last looked, in milliseconds of its monotonic clock; none before the first look.
    looked: Mutex<Option<(u64, u64)>>,
    /// Whether something that is due waits for a link.
    links_awaited: AtomicBool,
}

impl Clocks {
    /// By these limits.
    pub(super) fn new(timetable: Timetable) -> Self {
        Self { timetable: Mutex::new(timetable), ..Self::default() }
    }

    fn engine(&self) -> MutexGuard<'_, Option<Engine>> {
        lock(&self.engine)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Throws the engine away unless all that it wanted written is.
struct Unwritten<'a>(&'a Clocks, bool);

impl Drop for Unwritten<'_> {
    fn drop(&mut self) {
        if !self.1 {
            *self.0.engine() = None;
        }
    }
}

impl Node {
    fn moment(&self) -> Moment {
        Moment { wall: self.clock.now(), monotonic_ms: self.clock.monotonic_ms() }
    }

    /// When a desk is open; `None` where it has not said so.
    fn desk_hours(&self, desk: &OrgId) -> Option<Hours> {
        self.profile_of(desk).ok().flatten()?.hours
    }

    fn desks(&self, snapshot: &Snapshot) -> Result<Desks, NodeError> {
        let peers = snapshot.peers()?.into_iter().filter_map(|peer| Some((peer.org, self.desk_hours(&peer.org)?)));
        Ok(Desks { own: self.desk_hours(&self.org()), peers: peers.collect() })
    }

    /// Something of the engine, as the rows have it where there is none yet.
    fn with_engine<T>(&self, ask: impl FnOnce(&mut Engine, Moment) -> T) -> Result<T, NodeError> {
        let now = self.moment();
        let mut engine = self.clocks.engine();
        let engine = match &mut *engine {
            Some(engine) => engine,
            none => {
                let snapshot = self.store.snapshot()?;
                let rows = snapshot.all_kept(Shelf::Watch)?.into_iter().map(|(_, bytes)| {
                    serde_json::from_slice::<Watch>(&bytes)
                        .map_err(|_| NodeError::StoreDamaged("a clock of a referral cannot be read".into()))
                });
                let rows = rows.collect::<Result<Vec<_>, _>>()?;
                let timetable = lock(&self.clocks.timetable).clone();
                none.insert(Engine::load(timetable, self.desks(&snapshot)?, rows, now))
            }
        };
        Ok(ask(engine, now))
    }

    /// Reads the limits anew. Rungs that are recorded stay so.
    ///
    /// # Errors
    /// When the file is no timetable; what was in force stays.
    pub fn reload_timers(&self) -> Result<(), NodeError> {
        let timetable = load_timetable_for(&self.data, &self.store.snapshot()?)?;
        lock(&self.clocks.timetable).clone_from(&timetable);
        self.with_engine(|engine, now| engine.set_timetable(timetable, now))?;
        self.clocks.changed.ring();
        Ok(())
    }

    /// Brings a referral's clocks in line with what it has come to. What fails is done by the next upkeep.
    pub(super) async fn watch(&self, id: &ReferralId) -> bool {
        let watched = match self.store.snapshot().map_err(NodeError::from).and_then(|snapshot| self.with_its_other_offers(&snapshot, id)) {
            Ok(all) => self.watch_all(&all).await,
            Err(error) => Err(error),
        };
        if let Err(error) = watched {
            tracing::warn!(referral = %short(id), code = error.code(), "the clocks of a referral are set later");
            self.wake(id);
            return false;
        }
        true
    }

    /// After a start, and as a part of the upkeep: every referral that is open has its clocks, every other has none, and hours are those that desks
    /// tell by now.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn watch_open(&self) -> Result<(), NodeError> {
        let snapshot = self.store.snapshot()?;
        let desks = self.desks(&snapshot)?;
        let open = self.awake(&snapshot)?.into_iter().map(|(id, _)| id);
        let watched = self.with_engine(|engine, now| {
            engine.set_desks(desks, now);
            engine.running().map(|(watch, _)| ReferralId(watch.referral)).collect::<BTreeSet<_>>()
        })?;
        let platforms = Self::all_platform_clocks(&snapshot)?.into_iter().map(ReferralId);
        let all: BTreeSet<ReferralId> = open.chain(watched).chain(platforms).collect();
        drop(snapshot);
        self.watch_all(&all.into_iter().collect::<Vec<_>>()).await
    }

    async fn watch_all(&self, ids: &[ReferralId]) -> Result<(), NodeError> {
        let _turn = self.clocks.turn.lock().await;
        self.store.settled().await;
        let mut unwritten = Unwritten(&self.clocks, false);
        let snapshot = self.store.snapshot()?;
        for id in ids {
            self.align(&snapshot, id)?;
        }
        drop(snapshot);
        let changes = self.with_engine(|engine, _| engine.take_changes())?;
        self.keep_clocks(changes).await?;
        unwritten.1 = true;
        Ok(())
    }

    /// For whoever holds the turn.
    fn align(&self, snapshot: &Snapshot, id: &ReferralId) -> Result<(), NodeError> {
        let Some(conversation) = snapshot.conversation(id)? else { return self.align_platform(snapshot, &id.0) };
        let since = last_said(&conversation);
        let case = self.clock_case(snapshot, &conversation)?;
        self.with_engine(|engine, now| match conversation.row.over {
            true => engine.end(id.0),
            false => engine.align_since(&case, &conversation.standing, since, now),
        })
    }

    /// What is watched for a platform has an id of its own.
    fn align_platform(&self, snapshot: &Snapshot, key: &[u8; 16]) -> Result<(), NodeError> {
        let asked = Self::platform_asked(snapshot, key)?;
        let of = asked.as_ref().map(|asked| snapshot.conversation(&asked.referral)).transpose()?.flatten();
        let (Some(asked), Some(conversation)) = (asked, of) else { return self.with_engine(|engine, _| engine.end_platform(*key)) };
        let case = Case { referral: *key, ..self.clock_case(snapshot, &conversation)? };
        self.with_engine(|engine, now| engine.watch_platform(&case, asked.pings, asked.since, now))
    }

    fn clock_case(&self, snapshot: &Snapshot, conversation: &Conversation) -> Result<Case, NodeError> {
        let row = conversation.row;
        // What is kept for ever is never waited for.
        let retention = if row.retention.0 == 0 { Timestamp(u64::MAX) } else { row.retention };
        let priority = self.priority_of(snapshot, conversation)?.unwrap_or_default();
        let beside = self.beside(snapshot, conversation)?.clocks;
        Ok(Case { referral: conversation.id.0, side: row.side, priority, peer: row.peer, retention, beside })
    }

    async fn keep_clocks(&self, changes: Changes) -> Result<(), NodeError> {
        #[cfg(feature = "simulation")]
        if crate::simulation::planted(crate::simulation::Bug::LoseClocks) {
            return Ok(());
        }
        let rows = changed(&changes).map(|(key, watch)| keep_watch(key, watch)).collect::<Vec<_>>();
        if !rows.is_empty() {
            self.commit_many(rows).await?;
            self.clocks.changed.ring();
        }
        Ok(())
    }

    /// Records every rung when it is due, and does what it says, until `stop` fires.
    pub async fn keep_watching(self: Arc<Self>, stop: CancellationToken) {
        let (mut clocks, mut peers) = (self.clocks.changed.listen(), self.peer_changes());
        // What is due is not known before the first look.
        self.clocks.links_awaited.store(true, Ordering::Relaxed);
        while let Err(error) = self.watch_open().await {
            tracing::warn!(code = error.code(), "the clocks of referrals could not be read");
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.clock.sleep(FAILED_MS) => {}
            }
        }
        loop {
            let began_ms = self.clock.monotonic_ms();
            let wait_ms = self.look_at_clocks().await.unwrap_or_else(|error| {
                tracing::warn!(code = error.code(), "what a clock of a referral asks for is done later");
                Some(FAILED_MS)
            });
            // What passed while it was looked counts.
            let looked_ms = self.clock.monotonic_ms().saturating_sub(began_ms);
            let sleep = async {
                match wait_ms {
                    Some(milliseconds) => self.clock.sleep(milliseconds.saturating_sub(looked_ms)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = clocks.rung() => {}
                () = peers.rung() => {}
                () = sleep => {}
            }
        }
    }

    /// Records what is due, and does what it says. In how many milliseconds to look again; `None` when no clock runs.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes; what was not done is done then.
    pub async fn look_at_clocks(&self) -> Result<Option<u64>, NodeError> {
        let (due, has_changes) = self.with_engine(|engine, now| (engine.due(now), engine.has_changes()))?;
        // Every few seconds, mostly in vain: the store is not read for that.
        if !due.is_empty() && self.holds_back(&self.store.snapshot()?)? {
            self.clocks.links_awaited.store(false, Ordering::Relaxed);
            return Ok(Some(FAILED_MS));
        }
        let back_ms = self.came_back_ms();
        if !due.is_empty() {
            self.climb(&due, back_ms).await?;
        } else if has_changes {
            self.watch_all(&[]).await?;
        }
        self.with_engine(|engine, now| {
            let left = engine.is_behind(now);
            // Not before all that was recorded waits to be told.
            if self.clocks.links_awaited.swap(left, Ordering::Relaxed) && !left {
                self.notices_changed.ring();
            }
            engine.running().next().map(|_| if left { AGAIN_MS } else { engine.next_in_ms(now).max(1) })
        })
    }

    /// Whether something that is due waits for a link, for a minute at most: what is told of the node's return is not whole before.
    pub(super) fn awaits_links(&self) -> bool {
        self.clocks.links_awaited.load(Ordering::Relaxed)
    }

    /// When the node came back, in milliseconds of its monotonic clock: when it started, or woke up.
    fn came_back_ms(&self) -> u64 {
        let now = self.clock.monotonic_ms();
        let mut looked = lock(&self.clocks.looked);
        let back = looked.filter(|(_, last)| now.saturating_sub(*last) <= AWAY_MS).map_or(now, |(back, _)| back);
        *looked = Some((back, now));
        back
    }

    /// Whether what a peer has to say would be here by now.
    fn has_been_heard(&self, peer: &OrgId, back_ms: u64) -> bool {
        if self.clock.monotonic_ms().saturating_sub(back_ms) >= LINKS_MS_MAX {
            return true;
        }
        let Ok(snapshot) = self.store.snapshot() else { return false };
        let behind = |(log, size)| !matches!(snapshot.log(&log), Ok(Some(row)) if row.head.size >= size);
        self.link_view(peer).up && self.memory().seen.contains(peer) && !self.offered_by(peer).into_iter().any(behind)
    }

    async fn climb(&self, due: &BTreeSet<[u8; 16]>, back_ms: u64) -> Result<(), NodeError> {
        let _referring = self.referral_turn().await;
        let _turn = self.clocks.turn.lock().await;
        let mut unwritten = Unwritten(&self.clocks, false);
        let snapshot = self.store.snapshot()?;
        for referral in due {
            // An answer that is here has stopped the clock.
            self.align(&snapshot, &ReferralId(*referral))?;
        }
        let (fired, changes) = self.with_engine(|engine, now| {
            let fired = engine.look_where(now, |watch| self.has_been_heard(&watch.peer, back_ms));
            if engine.is_behind(now) {
                self.clocks.links_awaited.store(true, Ordering::Relaxed);
            }
            (fired, engine.take_changes())
        })?;
        let mut groups: BTreeMap<[u8; 16], Vec<Fired>> = BTreeMap::new();
        fired.into_iter().for_each(|one| groups.entry(one.referral).or_default().push(one));
        let mut failed = None;
        let mut offered = Vec::new();
        for (referral, fired) in &groups {
            match self.carry_out(&snapshot, referral, fired, &changes).await {
                Ok(next) => offered.extend(next),
                Err(error) => failed = Some(error),
            }
        }
        let (put, gone) = (changes.put, changes.gone);
        let others = Changes {
            put: put.into_iter().filter(|watch| !groups.contains_key(&watch.referral)).collect(),
            gone: gone.into_iter().filter(|(referral, _)| !groups.contains_key(referral)).collect(),
        };
        self.keep_clocks(others).await?;
        for referral in groups.keys() {
            // What is late is counted now, whether or not it ever ends.
            let snapshot = self.store.snapshot()?;
            let Some(conversation) = snapshot.conversation(&ReferralId(*referral))? else { continue };
            let changes = self.books(&snapshot, &conversation)?;
            if !changes.is_empty() {
                self.commit_many(changes).await?;
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        let snapshot = self.store.snapshot()?;
        for referral in &offered {
            // The case goes on by it, so nothing is to be done next about the others.
            for one in self.with_its_other_offers(&snapshot, referral)? {
                self.align(&snapshot, &one)?;
            }
        }
        let changes = self.with_engine(|engine, _| engine.take_changes())?;
        self.keep_clocks(changes).await?;
        unwritten.1 = true;
        Ok(())
    }

    /// Does what the rungs of one referral say, in one transaction with their being recorded. The new offer, where one was made.
    async fn carry_out(
        &self,
        snapshot: &Snapshot,
        referral: &[u8; 16],
        fired: &[Fired],
        changes: &Changes,
    ) -> Result<Option<ReferralId>, NodeError> {
        let id = ReferralId(*referral);
        let mut next: Option<Next> = None;
        let mut beside: Vec<Change> =
            changed(changes).filter(|((of, _), _)| of == referral).map(|(key, watch)| keep_watch(key, watch)).collect();
        for one in fired {
            let watch = changes.put.iter().find(|watch| watch.key() == (one.referral, one.wait));
            let mut row = RungRow::of(one, watch.map_or(0, |watch| watch.cause), self.clock.now());
            if one.act == Act::OfferNext {
                let found = match &next {
                    Some(_) => Err(NotOffered::AnotherIsAsked),
                    None => self.next_offer(snapshot, &id)?,
                };
                match found {
                    Ok(found) => {
                        row.offered = Some((found.to, found.referral));
                        next = Some(found);
                    }
                    Err(why) => row.not_offered = Some(why),
                }
                row.act = one.act.within(row.offered.is_some());
            }
            if one.notify {
                beside.push(self.rung_notice(one, row.act, watch));
            }
            let (wait, act) = (one.wait.name(), row.act.name());
            let side = watch.map(|watch| if watch.side == Side::Origin { "origin" } else { "receiver" });
            tracing::info!(referral = %short(&id), wait, rung = one.rung - one.again + 1, again = one.again, act, side, late = one.late, "a clock of a referral ran out");
            beside.push(row.keep());
        }
        let offered = next.as_ref().map(|next| next.referral);
        match next {
            Some(next) => self.offer_with(next, beside).await?,
            None => drop(self.commit_many(beside).await?),
        }
        self.clocks.changed.ring();
        Ok(offered)
    }

    /// The notice of a rung, for everybody whom its act tells; `act` is what it came to.
    fn rung_notice(&self, fired: &Fired, act: Act, watch: Option<&Watch>) -> Change {
        self.notify(Notice {
            referral: ShortId::of(&fired.referral),
            priority: watch.map(|watch| watch.priority),
            rung: u8::try_from(fired.rung - fired.again + 1).ok(),
            urgent: act != Act::Digest,
            late: fired.late,
            ..Notice::new(Event::RungReached, &fired.notice_id, act.tells(), self.clock.now())
        })
    }
}

/// Every row that has changed: as it is now, or gone.
fn changed(changes: &Changes) -> impl Iterator<Item = (crate::rules::escalate::Key, Option<&Watch>)> {
    let put = changes.put.iter().map(|watch| (watch.key(), Some(watch)));
    put.chain(changes.gone.iter().map(|key| (*key, None)))
}
