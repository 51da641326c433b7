//! A restored node holds back: it serves and exports nothing of what it holds until it knows what happened since the backup, recalls
//! included, or its operator waives that.
//!
//! What is awaited: for each log that is held, for each group, and for each audience that something waits for, the word of one
//! organisation that can know how it went on: the other side of a direct log; for a group's log its author or, in a visible group, any other
//! member that holds no less of it than we do, or everyone who could know. Such a word is a peer's whole `Have` on a link (its recalls run ahead of it), and the arrival of all that it named: entries of logs,
//! our own tail among them, and newer definitions of groups. Only peers with which a link can be opened again count; an organisation that
//! was removed, or never was a peer, can tell nothing and is not waited for.
//!
//! State: the node's own value `restored`, so that neither a crash nor a restart ends it.

use super::status::Names;
use super::view::{AwaitedView, RestoredView};
use super::{Node, NodeError};
use crate::model::group::Visibility;
use crate::model::log::{Audience, BatchEntry, Body, Entry, LogKey};
use crate::model::record::WithdrawalMode;
use crate::model::{GroupId, LogId, OrgId, RecordId, RecordKind, Timestamp};
use crate::rules::label::Held;
use crate::store::change::{Change, PeerRow, PeerState};
use crate::store::{LogInfo, ReadError, Snapshot, Waiting};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The node's own value; there while the node holds back.
const RESTORED: &str = "restored";
/// A member's word may raise the number of a hidden group's definition by so many: it cannot show the definition, which is ours.
const NUMBER_AHEAD_MAX: u64 = 10_000;

/// A restore after which the node still holds back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Restored {
    /// When it was restored.
    pub(super) at: Timestamp,
    /// When the backup was made; `None` where a copy was declared to be one.
    pub(super) taken: Option<Timestamp>,
    /// Peers that have told everything.
    heard: BTreeSet<OrgId>,
    /// Logs of which somebody has told how they went on.
    confirmed: BTreeSet<String>,
    /// How long each log of ours was.
    ours: BTreeMap<LogId, u64>,
}

impl Restored {
    /// Of a store as the backup had it.
    pub(super) fn new(at: Timestamp, taken: Option<Timestamp>, snapshot: &Snapshot) -> Result<Self, ReadError> {
        let ours = snapshot.logs_of(&snapshot.us())?.into_iter().map(|log| (log.id, log.head.size)).collect();
        Ok(Self { at, taken, heard: BTreeSet::new(), confirmed: BTreeSet::new(), ours })
    }

    /// What writes it down.
    pub(super) fn change(&self) -> Change {
        Change::Put(RESTORED, Some(serde_json::to_vec(self).expect("ids and times are plain data")))
    }

    fn of(snapshot: &Snapshot) -> Result<Option<Self>, NodeError> {
        let Some(bytes) = snapshot.get(RESTORED)? else { return Ok(None) };
        let damaged = |_| NodeError::StoreDamaged(format!("row `{RESTORED}` of table `named`"));
        serde_json::from_slice(&bytes).map(Some).map_err(damaged)
    }
}

/// What a peer has named and we do not hold yet.
#[derive(Debug, Default)]
pub(super) struct Owed {
    logs: BTreeMap<LogId, (LogKey, u64)>,
    groups: BTreeMap<GroupId, u64>,
}

/// Something that is known from before the backup, and whose word on it counts.
struct Awaited {
    author: OrgId,
    audience: Audience,
    witnesses: Vec<OrgId>,
}

impl Awaited {
    /// Its name in what is written down.
    fn key(&self) -> String {
        format!("{} {}", self.author, self.audience)
    }
}

impl Node {
    /// Whether this node holds back what it holds, as that snapshot has it.
    pub(super) fn holds_back(&self, snapshot: &Snapshot) -> Result<bool, ReadError> {
        #[cfg(feature = "simulation")]
        if crate::simulation::planted(crate::simulation::Bug::ReusePosition) {
            return Ok(false);
        }
        Ok(snapshot.get(RESTORED)?.is_some())
    }

    /// Whether this node was restored and holds back what it holds; not while the store cannot be read.
    pub fn is_restored(&self) -> bool {
        self.store.snapshot().and_then(|snapshot| self.holds_back(&snapshot)).unwrap_or(false)
    }

    /// Whether what is held may leave this node in any other way than over links, such as exports and feeds. Every such way asks first.
    ///
    /// # Errors
    /// While the node holds back after a restore: with what is awaited.
    pub fn may_serve(&self, snapshot: &Snapshot) -> Result<(), NodeError> {
        match self.restored(snapshot)? {
            None => Ok(()),
            Some(view) => Err(NodeError::HeldBack(told_by(&view))),
        }
    }

    /// What a restored node still waits for; `None` when it holds nothing back.
    pub(super) fn restored(&self, snapshot: &Snapshot) -> Result<Option<RestoredView>, NodeError> {
        let Some(restored) = Restored::of(snapshot)? else { return Ok(None) };
        let (names, peers) = (Names::of(snapshot)?, linkable(snapshot)?);
        let awaited = self.known(snapshot, &restored)?.into_iter().filter(|(_, told)| !told).map(|(one, _)| AwaitedView {
            author_name: names.org(&one.author),
            audience_name: names.audience(&one.audience),
            from: one.witnesses.iter().map(|org| names.org(org)).collect(),
        });
        let awaited = awaited.collect();
        let unheard = peers.keys().filter(|org| !restored.heard.contains(org)).map(|org| names.org(org)).collect();
        Ok(Some(RestoredView { at: restored.at, taken: restored.taken, awaited, unheard }))
    }

    /// Logs, groups and queues that somebody can still tell of, and whether somebody has told how they went on.
    fn known(&self, snapshot: &Snapshot, restored: &Restored) -> Result<Vec<(Awaited, bool)>, NodeError> {
        let (logs, peers) = (snapshot.logs()?, linkable(snapshot)?);
        let mut known: BTreeSet<(OrgId, Audience)> = logs.iter().map(|log| (log.key.author, log.key.audience)).collect();
        known.extend(snapshot.groups()?.into_iter().map(|row| (self.org(), Audience::Group(row.group))));
        known.extend(snapshot.waiting_audiences()?.into_iter().map(|audience| (self.org(), audience)));
        let mut all = Vec::new();
        for (author, audience) in known {
            let mut witnesses = self.witnesses(snapshot, &author, &audience)?;
            witnesses.retain(|org| peers.contains_key(org));
            if !witnesses.is_empty() {
                let one = Awaited { author, audience, witnesses };
                let told = restored.confirmed.contains(&one.key()) || self.is_confirmed(&one, &logs, restored);
                all.push((one, told));
            }
        }
        Ok(all)
    }

    /// Whether somebody has told how a log went on: its author; or a member that holds no less of it than we do; or everyone who could.
    fn is_confirmed(&self, one: &Awaited, logs: &[LogInfo], restored: &Restored) -> bool {
        let heard = |org: &OrgId| restored.heard.contains(org);
        if (one.author != self.org() && heard(&one.author)) || one.witnesses.iter().all(heard) {
            return true;
        }
        let ours = logs.iter().filter(|log| log.key.author == one.author && log.key.audience == one.audience && log.head.size > 0);
        let newest = ours.max_by_key(|log| log.key.incarnation);
        let memory = self.memory();
        let holds_no_less =
            |org: &OrgId| newest.is_none_or(|log| memory.offered.get(&(*org, log.id)).is_some_and(|offered| offered.size >= log.head.size));
        one.witnesses.iter().any(|org| heard(org) && holds_no_less(org))
    }

    /// Who can know how an author's logs to an audience went on, us aside.
    fn witnesses(&self, snapshot: &Snapshot, author: &OrgId, audience: &Audience) -> Result<Vec<OrgId>, NodeError> {
        let (us, group) = (
            self.org(),
            match audience {
                Audience::Direct(to) => return Ok([*author, *to].into_iter().filter(|org| *org != self.org()).collect()),
                Audience::Group(group) => self.definition(snapshot, group)?,
            },
        );
        // Left: nothing of it is sent to anyone.
        let Some(group) = group else { return Ok(Vec::new()) };
        let heads = [Some(group.owner), group.deputy];
        let we_head_it = heads.contains(&Some(us));
        let mut witnesses: Vec<OrgId> = match group.visibility {
            Visibility::Visible => group.members.iter().map(|member| member.org).collect(),
            Visibility::Hidden if *author != us => vec![*author],
            Visibility::Hidden if we_head_it => group.members.iter().map(|member| member.org).collect(),
            Visibility::Hidden => heads.into_iter().flatten().collect(),
        };
        witnesses.retain(|org| *org != us);
        Ok(witnesses)
    }

    /// A link to a peer begins: what it said over an earlier one that it holds it may not hold any more, and will say again.
    pub fn begins_to_tell(&self, peer: &OrgId) {
        let mut memory = self.memory();
        memory.owed.remove(peer);
        memory.offered.retain(|(org, _), _| org != peer);
        memory.telling.insert(*peer);
    }

    /// A peer has named an entry that we are to fetch from it.
    pub(super) fn owes(&self, peer: &OrgId, log: &LogKey, size: u64) {
        let mut memory = self.memory();
        let owed = memory.owed.entry(*peer).or_default();
        if owed.logs.len() < super::hear::OFFERED_MAX || owed.logs.contains_key(&log.id()) {
            owed.logs.insert(log.id(), (*log, size));
        }
    }

    /// A peer has said whether it holds back itself, after a restore of its own.
    pub fn hear_whether_it_holds_back(&self, peer: &OrgId, holds_back: bool) {
        let mut memory = self.memory();
        if holds_back {
            memory.holding_back.insert(*peer);
        } else {
            memory.holding_back.remove(peer);
        }
    }

    /// A peer has said which definitions of groups it holds: newer ones come.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn hear_groups(&self, peer: &OrgId, groups: &[(GroupId, u64)]) -> Result<(), NodeError> {
        let snapshot = self.store.snapshot()?;
        if !self.holds_back(&snapshot)? {
            return Ok(());
        }
        for (group, number) in groups {
            let Some(row) = snapshot.group(group)?.filter(|row| !row.left && row.number < *number) else { continue };
            let Some(definition) = self.definition(&snapshot, group)? else { continue };
            let mut memory = self.memory();
            if definition.visibility == Visibility::Visible || definition.signer == *peer {
                memory.owed.entry(*peer).or_default().groups.insert(*group, *number);
            } else if definition.signer == self.org() && number - row.number <= NUMBER_AHEAD_MAX {
                let known = memory.numbers.entry(*group).or_default();
                *known = (*known).max(*number);
            }
        }
        Ok(())
    }

    /// The next number of a definition of ours: after every one that we may have signed before a restore.
    pub(super) fn number_after(&self, group: &GroupId, number: u64) -> u64 {
        self.memory().numbers.get(group).map_or(number, |known| number.max(known + 1))
    }

    /// Looks whether what was awaited has come, and goes on as an ordinary node when it has. Cheap when nothing is held back.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn settle_restore(&self) -> Result<(), NodeError> {
        let snapshot = self.store.snapshot()?;
        let Some(mut restored) = Restored::of(&snapshot)? else { return Ok(()) };
        let before = restored.clone();
        restored.heard.extend(self.told_everything(&snapshot)?);
        let known = self.known(&snapshot, &restored)?;
        if known.iter().all(|(_, told)| *told) {
            tracing::info!(peers = restored.heard.len(), "the peers have told what happened since the backup; this node serves again");
            return self.go_on().await;
        }
        // What was confirmed stays so, also when what a member has told is forgotten with the process.
        restored.confirmed.extend(known.iter().filter(|(_, told)| *told).map(|(one, _)| one.key()));
        if restored != before {
            self.commit(restored.change()).await?;
        }
        Ok(())
    }

    /// Peers whose whole `Have` was seen since the start, and of what they named nothing is missing.
    fn told_everything(&self, snapshot: &Snapshot) -> Result<Vec<OrgId>, NodeError> {
        let memory = self.memory();
        let mut told = Vec::new();
        for peer in memory.seen.difference(&memory.telling) {
            // Two that were restored would wait for each other for ever: what a peer that holds back has of its own comes once it goes on. Its
            // recalls have run ahead.
            let comes_later = |log: &LogKey| log.author == *peer && memory.holding_back.contains(peer);
            if memory.owed.get(peer).map_or(Ok(true), |owed| is_paid(snapshot, owed, comes_later))? {
                told.push(*peer);
            }
        }
        Ok(told)
    }

    /// The operator goes on without what is still awaited.
    ///
    /// # Errors
    /// When nothing is held back, or the store takes no changes.
    pub async fn waive_restore(&self) -> Result<RestoredView, NodeError> {
        let waived = self.restored(&self.store.snapshot()?)?;
        let waived = waived
            .ok_or_else(|| NodeError::Conflict("this node holds nothing back: it was not restored, or has gone on already".into()))?;
        tracing::warn!(awaited = waived.awaited.len(), "an operator waived what was still awaited after a restore");
        self.go_on().await?;
        Ok(waived)
    }

    async fn go_on(&self) -> Result<(), NodeError> {
        if let Some(restored) = Restored::of(&self.store.snapshot()?)? {
            self.drop_departed(&restored).await?;
        }
        self.commit(Change::Put(RESTORED, None)).await?;
        self.position_all().await?;
        self.touch_peers();
        // A new key that came meanwhile was told to no group.
        self.confirm_groups().await
    }

    /// What waited when the backup was made may have left since: it does not leave again, least of all what was recalled.
    async fn drop_departed(&self, restored: &Restored) -> Result<(), NodeError> {
        let snapshot = self.store.snapshot()?;
        let at = self.clock.now();
        for audience in snapshot.waiting_audiences()? {
            let waiting = snapshot.waiting(&audience, usize::MAX, usize::MAX)?;
            let Some(newest) = waiting.last().map(|last| last.entry.created) else { continue };
            let Departed { left, mut recalled } = departed(&waiting, self.tail(&snapshot, restored, &audience, newest)?);
            for one in waiting.iter().filter(|one| !left.contains(&one.n)) {
                if let Some(record) = one.record
                    && snapshot.is_recalled(&record)?
                {
                    recalled.push(record);
                }
            }
            tracing::info!(
                left = left.len(),
                recalled = recalled.len(),
                "of what waited when the backup was made, some does not leave again"
            );
            self.commit(Change::Unqueue { records: recalled, recalled: true, only: None, at }).await?;
            self.commit(Change::Dequeue { audience, waiting: left.into_iter().collect(), at }).await?;
        }
        Ok(())
    }

    /// Our entries to an audience that the backup did not have, oldest first. Those released later than `until` were in no queue of it.
    fn tail(&self, snapshot: &Snapshot, restored: &Restored, audience: &Audience, until: Timestamp) -> Result<Vec<Told>, NodeError> {
        let mut logs = snapshot.logs_of(&self.org())?;
        logs.retain(|log| log.key.audience == *audience);
        logs.sort_by_key(|log| log.key.incarnation);
        let mut tail = Vec::new();
        for log in logs {
            let held = restored.ours.get(&log.id).copied().unwrap_or_default();
            for seq in held + 1..=log.head.size {
                if snapshot.header(&log.id, seq)?.is_some_and(|header| header.created <= until) {
                    // That a body is absent because it was recalled is the word of whoever sent it; that we took it back is ours.
                    let taken_back = snapshot.taken_back(&log.id, seq)?.is_some_and(|row| row.mode == WithdrawalMode::Recall);
                    tail.extend(snapshot.entry(&log.id, seq)?.map(|(Held(entry), _)| Told { entry, taken_back }));
                }
            }
        }
        Ok(tail)
    }
}

/// An entry of our tail that was fetched back.
struct Told {
    entry: Entry,
    /// Whether we recalled it.
    taken_back: bool,
}

/// What of a queue has left.
struct Departed {
    /// What is done with, by its number in the queue.
    left: BTreeSet<u64>,
    /// What was, or may have been, recalled since.
    recalled: Vec<RecordId>,
}

/// What of a restored queue has left, by the entries behind the backup's in our tail that was fetched back.
///
/// Positions are given in the order of waiting. So those entries are the ones that waited, without those that were taken back before they
/// had a position: through the last one that is found again, all are done with. Only a change of key gets its position out of turn. Which
/// one an entry without its body was is not always known: then it may have been each one that looks the same.
fn departed(waiting: &[Waiting], tail: Vec<Told>) -> Departed {
    let (changes, waiting): (Vec<&Waiting>, Vec<&Waiting>) =
        waiting.iter().partition(|one| one.entry.kind == RecordKind::KeyChange.number());
    let told = changes.into_iter().filter(|one| tail.iter().any(|told| may_be(one, &told.entry)));
    let mut left: BTreeSet<u64> = told.map(|one| one.n).collect();
    // Those of the tail that waited and have no body any more, since the last one that has.
    let (mut through, mut gone, mut recalled) = (0, Vec::new(), Vec::new());
    for told in tail {
        if let Body::Absent { .. } = told.entry.body {
            gone.push(told);
        } else if let Some(found) = waiting[through..].iter().position(|one| may_be(one, &told.entry)) {
            recalled.extend(perhaps_recalled(&waiting[through..through + found], &gone));
            gone.clear();
            through += found + 1;
        }
    }
    let rest = &waiting[through..];
    recalled.extend(perhaps_recalled(rest, &gone));
    through += rest.iter().rposition(|one| gone.iter().any(|told| may_be(one, &told.entry))).map_or(0, |last| last + 1);
    left.extend(waiting[..through].iter().map(|one| one.n));
    Departed { left, recalled }
}

/// Whether an entry is a waiting record that got its position; where its body is gone, as far as its header tells.
fn may_be(waiting: &Waiting, entry: &Entry) -> bool {
    let (BatchEntry { created, kind, label, retention, body }, header) = (&waiting.entry, &entry.header);
    let same_body = match (body, &entry.body) {
        (Body::Present(waiting), Body::Present(body)) => waiting == body,
        (Body::Present(waiting), Body::Absent { length, .. }) => waiting.len() == *length as usize,
        (Body::Absent { .. }, _) => false,
    };
    same_body && (*created, *kind, *label, *retention) == (header.created, header.kind, header.label, header.retention)
}

/// The waiting records that may be one of these entries which were recalled.
fn perhaps_recalled<'a>(waiting: &'a [&Waiting], gone: &'a [Told]) -> impl Iterator<Item = RecordId> + 'a {
    let perhaps = move |one: &&&Waiting| gone.iter().any(|told| told.taken_back && may_be(one, &told.entry));
    waiting.iter().filter(perhaps).filter_map(|one| one.record)
}

/// The peers with which a link can be opened, now or when the operator resumes it.
fn linkable(snapshot: &Snapshot) -> Result<BTreeMap<OrgId, PeerRow>, ReadError> {
    let peers = snapshot.peers()?.into_iter().filter(|peer| matches!(peer.state, PeerState::Open | PeerState::Suspended));
    Ok(peers.map(|peer| (peer.org, peer)).collect())
}

/// Whether everything has come, but for logs that come later.
fn is_paid(snapshot: &Snapshot, owed: &Owed, comes_later: impl Fn(&LogKey) -> bool) -> Result<bool, NodeError> {
    for (log, (key, size)) in owed.logs.iter().filter(|(_, (key, _))| !comes_later(key)) {
        // In a group from which we were removed meanwhile: nobody gives it to us any more.
        if let Audience::Group(group) = key.audience
            && snapshot.group(&group)?.is_some_and(|row| row.left)
        {
            continue;
        }
        // A log whose author signed two histories is taken no further.
        let there = |log: LogInfo| log.head.size >= *size || log.state == crate::store::LogState::Halted;
        if !snapshot.log(log)?.is_some_and(there) {
            return Ok(false);
        }
    }
    for (group, number) in &owed.groups {
        if snapshot.group(group)?.is_none_or(|row| row.number < *number && !row.left) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whose word is awaited, in words.
fn told_by(view: &RestoredView) -> String {
    let names = view.awaited_from();
    match names.is_empty() {
        true => "nobody; it goes on within a minute of running".to_owned(),
        false => names.into_iter().collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::log::{AbsentReason, Head, Header};
    use crate::model::{EntryHash, Tlp};

    fn waiting(n: u64, kind: RecordKind, body: &str) -> Waiting {
        let body = Body::Present(body.as_bytes().to_vec());
        let entry = BatchEntry { created: Timestamp(n), kind: kind.number(), label: Tlp::Amber.into(), retention: Timestamp(0), body };
        Waiting { n, entry, record: Some(RecordId([n as u8; 16])) }
    }

    /// As it stands in a log once it has left.
    fn entry(waiting: &Waiting, body: Body) -> Entry {
        let BatchEntry { created, kind, label, retention, body: before } = &waiting.entry;
        let body_length = match before {
            Body::Present(body) => body.len() as u32,
            Body::Absent { length, .. } => *length,
        };
        let (created, kind, label, retention) = (*created, *kind, *label, *retention);
        let (log, prev, body_hash) = (LogId([1; 32]), Head::default().hash, EntryHash([0; 32]).0);
        Entry { header: Header { log, seq: 1, prev, created, kind, label, retention, body_hash, body_length }, body, salt: None }
    }

    #[test]
    fn all_through_the_last_one_that_has_left_are_done_with() {
        let queue: Vec<Waiting> = (1..=4).map(|n| waiting(n, RecordKind::Indicator, &n.to_string())).collect();
        let third = Told { entry: entry(&queue[2], queue[2].entry.body.clone()), taken_back: false };
        assert_eq!(departed(&queue, vec![third]).left, [1, 2, 3].into());
        assert_eq!(departed(&queue, vec![]).left, [].into());
    }

    #[test]
    fn a_change_of_key_that_has_left_out_of_turn_takes_nothing_with_it() {
        let queue =
            [waiting(1, RecordKind::Indicator, "one"), waiting(2, RecordKind::KeyChange, "key"), waiting(3, RecordKind::Indicator, "two")];
        let change = Told { entry: entry(&queue[1], queue[1].entry.body.clone()), taken_back: false };
        assert_eq!(departed(&queue, vec![change]).left, [2].into(), "the others wait still");
    }

    #[test]
    fn that_something_was_recalled_is_our_word_and_not_that_of_who_sends_it() {
        let queue = [waiting(1, RecordKind::Indicator, "one"), waiting(1, RecordKind::Indicator, "two")];
        let gone = |taken_back| {
            let body = Body::Absent { hash: [0; 32], length: 3, reason: AbsentReason::Recalled };
            vec![Told { entry: entry(&queue[0], body), taken_back }]
        };
        assert_eq!(departed(&queue, gone(false)).recalled, []);
        assert_eq!(departed(&queue, gone(true)).recalled, [RecordId([1; 16]); 2], "it may have been either");
    }
}
