//! Each channel has a task of its own, so that a broken one holds none of the others. It looks at what is due, gathers what waits for the digest, is too
//! much at once or became due while the node was away, and tries the rest, a few at a time.

use super::Channel;
use crate::model::crypto::random;
use crate::model::{NoticeId, Timestamp};
use crate::node::{Node, NodeError};
use crate::rules::notify::{Bucket, Digest, DigestTimes, Fault, Message, Notice};
use crate::store::Delivery;
use crate::store::change::Change;
use crate::store::notice::{DeliveryRow, NoticeChange};
use futures_util::StreamExt;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What waits is looked at again at least so often (10 s, in milliseconds), so that a clock that was set makes it late by no more.
const LOOK_MS: u64 = 10_000;

/// Where nothing waits it is looked so often (5 s, in milliseconds): a change that was committed to the store itself rings no bell.
const IDLE_MS: u64 = 5_000;
/// What became due while the node was away is told together, once nothing more of it came for so long (2 s, in milliseconds).
const QUIET_MS: u64 = 2_000;
/// It is held for so long at most (70 s, in milliseconds): clocks wait for links for up to a minute, and what they record then belongs to it. Behind a
/// first catch-up the next one waits as long.
const HELD_MS_MAX: u64 = 70_000;
/// A notice that was queued further ahead of the clock (an hour, in milliseconds) was queued by a wrong one.
const AHEAD_MS: u64 = 3_600_000;

/// What a channel's task knows besides what is durable.
struct Pacing {
    bucket: Bucket,
    times: DigestTimes,
    /// Told, and not written down yet, since the store took no changes: not to be told again meanwhile.
    told: BTreeSet<NoticeId>,
    /// When what became due while the node was away was told last, in milliseconds of the monotonic clock.
    caught_up_ms: Option<u64>,
}

/// What is to be done with what waits on a channel.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    /// These become one.
    gather: Vec<Notice>,
    /// These are tried now.
    send: Vec<NoticeId>,
    /// Whether what became due while the node was away leaves with these.
    catches_up: bool,
    /// In how many milliseconds to look again; `None` where nothing waits.
    wait_ms: Option<u64>,
}

/// What is known of catch-ups.
#[derive(Debug, Clone, Copy)]
struct Catching {
    /// How long ago one left, in milliseconds.
    left_ms: u64,
    /// Whether clocks wait for links, and more of it comes with those.
    more_comes: bool,
}

impl Node {
    /// Tells people until `stop` fires. On start it takes up what is there.
    pub async fn keep_notifying(self: Arc<Self>, stop: CancellationToken) {
        let tasks: Vec<_> =
            self.channels.iter().map(|channel| tokio::spawn(self.clone().keep_telling(channel.clone(), stop.clone()))).collect();
        for task in tasks {
            let _ = task.await;
        }
    }

    async fn keep_telling(self: Arc<Self>, channel: Arc<Channel>, stop: CancellationToken) {
        let (mut changes, settings) = (self.notices_changed.listen(), &self.config.notify);
        let bucket = Bucket::full(settings.burst_max, settings.per_hour_max, self.clock.monotonic_ms());
        // The settings were checked when they were read.
        let Ok(times) = settings.digest_times() else { return };
        let mut pacing = Pacing { bucket, times, told: BTreeSet::new(), caught_up_ms: None };
        loop {
            changes.hears();
            let round = async {
                self.round(&channel, &mut pacing).await.unwrap_or_else(|error| {
                    tracing::warn!(channel = channel.number, code = error.code(), "notices could not be looked at");
                    Some(LOOK_MS)
                })
            };
            // What is on its way when we stop is told again, under the same id.
            let wait_ms = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                wait_ms = round => wait_ms,
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = changes.rung() => {}
                () = self.clock.sleep(wait_ms.unwrap_or(IDLE_MS)) => {}
            }
        }
    }

    /// One look at a channel. In how many milliseconds to look again; `None` when nothing waits.
    async fn round(&self, channel: &Channel, pacing: &mut Pacing) -> Result<Option<u64>, NodeError> {
        self.write_down(channel, pacing).await?;
        let waiting = self.store.snapshot()?.deliveries(Some(&channel.name))?;
        let (now, now_ms, retry_max_ms) = (self.clock.now(), self.clock.monotonic_ms(), self.config.notify.retry().max_ms);
        let room = (pacing.bucket.left(now_ms), pacing.bucket.wait_ms());
        let since_ms = pacing.caught_up_ms.map_or(u64::MAX, |told| now_ms.saturating_sub(told));
        let caught_up = channel.digest.then_some(Catching { left_ms: since_ms, more_comes: self.awaits_links() });
        let plan = plan(&waiting, now, room, &pacing.times, retry_max_ms, caught_up);
        if plan.catches_up {
            pacing.caught_up_ms = Some(now_ms);
        }
        if let Some(digest) = Digest::of(&plan.gather) {
            let members = plan.gather.iter().map(|notice| notice.id).collect();
            let (channel, digest) = (channel.name.clone(), Box::new(digest));
            self.commit(Change::Notice(NoticeChange::Gathered { channel, digest, members, at: now })).await?;
            return Ok(Some(0));
        }
        if plan.send.is_empty() {
            return Ok(plan.wait_ms);
        }
        plan.send.iter().for_each(|_| pacing.bucket.take());
        let due = waiting.into_iter().filter(|one| plan.send.contains(&one.id));
        let at_once = usize::try_from(self.config.notify.at_once_max).unwrap_or(1).max(1);
        let tries = futures_util::stream::iter(due.map(|one| async move {
            let result = channel.send(&one.notice.message, now).await;
            (one, result)
        }));
        let mut tries = tries.buffer_unordered(at_once);
        while let Some((one, result)) = tries.next().await {
            match result {
                Ok(()) => {
                    pacing.told.insert(one.id);
                    self.write_down(channel, pacing).await?;
                    tracing::info!(channel = channel.number, notice = %one.id, "people were told");
                }
                Err(fault) => self.failed(channel, &one, fault).await?,
            }
        }
        Ok(Some(0))
    }

    async fn write_down(&self, channel: &Channel, pacing: &mut Pacing) -> Result<(), NodeError> {
        while let Some(id) = pacing.told.first().copied() {
            self.commit(Change::Notice(NoticeChange::Delivered { channel: channel.name.clone(), id })).await?;
            pacing.told.remove(&id);
        }
        Ok(())
    }

    async fn failed(&self, channel: &Channel, one: &Delivery, fault: Fault) -> Result<(), NodeError> {
        let failed = match one.row {
            DeliveryRow::Due { failed, .. } => failed.saturating_add(1),
            _ => 1,
        };
        let (retry, now) = (self.config.notify.retry(), self.clock.now());
        let [dice] = random();
        let row = if retry.is_given_up(one.notice.queued, now) {
            tracing::error!(channel = channel.number, notice = %one.id, failed, code = fault.code(), "a notice was given up");
            DeliveryRow::GivenUp { failed, at: now, fault }
        } else {
            tracing::warn!(channel = channel.number, notice = %one.id, failed, code = fault.code(), "a notice could not be told; it is tried again");
            DeliveryRow::Due { failed, at: now.plus(retry.wait_ms(failed, dice)), fault: Some(fault) }
        };
        self.commit(Change::Notice(NoticeChange::Failed { channel: channel.name.clone(), id: one.id, row })).await.map(drop)
    }
}

/// What is to be done now. `room` is how many may leave one by one, and in how many milliseconds one more.
///
/// Of what was never tried, more than there is room for becomes one notice, and so does what became due while the node was away, unless the channel wants
/// each one: `caught_up` is `None` on such a channel. What was tried keeps its id, as it may have come.
fn plan(
    waiting: &[Delivery],
    now: Timestamp,
    room: (u64, u64),
    times: &DigestTimes,
    retry_max_ms: u64,
    caught_up: Option<Catching>,
) -> Plan {
    let (mut digest, mut fresh, mut again, mut later) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut late, mut queued) = (Vec::new(), Vec::new());
    let mut first: Option<Timestamp> = None;
    for one in waiting {
        match (&one.row, &one.notice.message) {
            (DeliveryRow::GivenUp { .. }, _) => {}
            (DeliveryRow::Digest, Message::One(notice)) => {
                digest.push(notice.clone());
                // Queued by a clock that was far ahead: when its digest is due cannot be told, so it is due now.
                let queued = if one.notice.queued.since(now) > AHEAD_MS { Timestamp(0) } else { one.notice.queued };
                first = Some(first.map_or(queued, |first| first.min(queued)));
            }
            (DeliveryRow::Due { failed: 0, .. }, Message::One(notice)) if notice.late && caught_up.is_some() => {
                late.push(notice.clone());
                queued.push(one.notice.queued);
            }
            (DeliveryRow::Due { failed: 0, .. }, Message::One(notice)) => fresh.push(notice.clone()),
            (DeliveryRow::Due { at, .. }, _) if *at <= now || at.since(now) > retry_max_ms => again.push((*at, one.id)),
            (DeliveryRow::Due { at, .. }, _) => later.push(at.since(now)),
            (DeliveryRow::Digest, Message::Digest(_)) => again.push((now, one.id)),
        }
    }
    again.sort_unstable();
    let (left, room_ms) = room;
    let digest_ms = first.map(|first| times.due(first).since(now));
    if digest_ms == Some(0) {
        return Plan { gather: digest, send: Vec::new(), catches_up: false, wait_ms: Some(0) };
    }
    let late_ms = caught_up.and_then(|catching| held_ms(&queued, now, catching)).filter(|held| *held > 0);
    let catches_up = !late.is_empty() && late_ms.is_none() && left > 0;
    if catches_up && late.len() > 1 {
        return Plan { gather: late, send: Vec::new(), catches_up, wait_ms: Some(0) };
    }
    if late_ms.is_none() {
        fresh.append(&mut late);
    }
    if fresh.len() > 1 && fresh.len() as u64 > left && left > 0 {
        return Plan { gather: fresh, send: Vec::new(), catches_up, wait_ms: Some(0) };
    }
    let is_held = (fresh.len() + again.len()) as u64 > left;
    let send = fresh.iter().map(|notice| notice.id).chain(again.into_iter().map(|(_, id)| id));
    let send = send.take(usize::try_from(left).unwrap_or(usize::MAX)).collect();
    let soonest = later.into_iter().chain(digest_ms).chain(late_ms).chain(is_held.then_some(room_ms)).min();
    Plan { gather: Vec::new(), send, catches_up, wait_ms: soonest.map(|milliseconds| milliseconds.clamp(1, LOOK_MS)) }
}

/// For how long yet what became due while the node was away is held, in milliseconds, from when each was queued; `None` where there is nothing of it.
fn held_ms(queued: &[Timestamp], now: Timestamp, catching: Catching) -> Option<u64> {
    let (first, last) = (*queued.iter().min()?, *queued.iter().max()?);
    if last.since(now) > HELD_MS_MAX {
        // Queued by a clock that was ahead: for how long it waits cannot be told.
        return Some(0);
    }
    let behind = if catching.more_comes { HELD_MS_MAX } else { HELD_MS_MAX.saturating_sub(catching.left_ms) };
    let wanted = last.plus(QUIET_MS).since(now).max(behind);
    Some(wanted.min(first.plus(HELD_MS_MAX).since(now)).min(HELD_MS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::desk::Role;
    use crate::rules::notify::Event;
    use crate::store::notice::NoticeRow;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);
    const RETRY_MAX_MS: u64 = 3_600_000;
    const NONE_LEFT: Catching = Catching { left_ms: u64::MAX, more_comes: false };

    fn waiting(n: u8, row: DeliveryRow) -> Delivery {
        let notice = Notice::new(Event::Question, &[n], Role::Handler, NOW);
        let id = notice.id;
        Delivery { channel: "a".into(), id, notice: NoticeRow { message: Message::One(notice), queued: NOW }, row }
    }

    fn planned(waiting: &[Delivery], now: Timestamp, room: (u64, u64)) -> Plan {
        plan(waiting, now, room, &DigestTimes::Every(3_600_000), RETRY_MAX_MS, Some(NONE_LEFT))
    }

    /// One that became due while the node was away, and was queued so many milliseconds after its return.
    fn late(n: u8, after_ms: u64) -> Delivery {
        let mut one = fresh(n);
        let Message::One(notice) = &mut one.notice.message else { unreachable!("one notice") };
        notice.late = true;
        one.notice.queued = NOW.plus(after_ms);
        one
    }

    /// How many become one, how many are sent, and when to look again: so long after the return, and, where one has left, after a catch-up.
    fn caught(waiting: &[Delivery], after_ms: u64, caught_up_ms: u64) -> (usize, usize, Option<u64>) {
        let plan = plan(
            waiting,
            NOW.plus(after_ms),
            (9, 0),
            &DigestTimes::Every(3_600_000),
            RETRY_MAX_MS,
            Some(Catching { left_ms: caught_up_ms, more_comes: false }),
        );
        assert_eq!(plan.catches_up, !plan.gather.is_empty() || !plan.send.is_empty());
        (plan.gather.len(), plan.send.len(), plan.wait_ms)
    }

    fn fresh(n: u8) -> Delivery {
        waiting(n, DeliveryRow::fresh(NOW))
    }

    fn tried(n: u8, at: Timestamp) -> Delivery {
        waiting(n, DeliveryRow::Due { failed: 1, at, fault: Some(Fault::Unreachable) })
    }

    #[test]
    fn what_has_room_leaves_one_by_one_and_more_leaves_as_one() {
        let two = [fresh(1), fresh(2)];
        assert_eq!(planned(&two, NOW, (2, 9)).send.len(), 2);
        assert_eq!(planned(&two, NOW, (1, 9)).gather.len(), 2);
        let none = planned(&two, NOW, (0, 9));
        assert_eq!((none.gather.len(), none.send.len(), none.wait_ms), (0, 0, Some(9)));
        assert_eq!(planned(&two[..1], NOW, (0, 9)).wait_ms, Some(9));
    }

    #[test]
    fn what_was_tried_keeps_its_id_and_waits_for_its_time() {
        let again = [tried(1, NOW.plus(5_000)), tried(2, NOW), tried(3, NOW)];
        let plan = planned(&again, NOW, (1, 9));
        assert_eq!((plan.gather.len(), plan.send.len(), plan.wait_ms), (0, 1, Some(9)));
        assert_eq!(planned(&again[..1], NOW, (5, 0)), Plan { gather: vec![], send: vec![], catches_up: false, wait_ms: Some(5_000) });
        // A clock that went back by a day makes nothing wait for longer than the longest wait.
        assert_eq!(planned(&again[..1], Timestamp(NOW.0 - 86_400_000), (5, 0)).send.len(), 1);
    }

    #[test]
    fn a_digest_leaves_when_it_is_due_with_all_that_waits_for_it() {
        let two = [waiting(1, DeliveryRow::Digest), waiting(2, DeliveryRow::Digest)];
        let before = planned(&two, NOW.plus(3_599_999), (9, 0));
        assert_eq!((before.gather.len(), before.send.len(), before.wait_ms), (0, 0, Some(1)));
        assert_eq!(planned(&two, NOW.plus(3_600_000), (0, 9)).gather.len(), 2);
        assert_eq!(planned(&two, Timestamp(NOW.0 - 3_600_000), (9, 0)).gather.len(), 0);
        assert_eq!(planned(&two, Timestamp(NOW.0 - 3_600_001), (9, 0)).gather.len(), 2, "the clock went back");
    }

    #[test]
    fn what_became_due_while_the_node_was_away_leaves_as_one_once_nothing_more_came() {
        let three = [late(1, 0), late(2, 1_500), late(3, 3_000)];
        assert_eq!(caught(&three[..1], 1_999, u64::MAX), (0, 0, Some(1)));
        assert_eq!(caught(&three[..1], 2_000, u64::MAX), (0, 1, None), "alone it leaves as itself");
        assert_eq!(caught(&three, 4_999, u64::MAX), (0, 0, Some(1)));
        assert_eq!(caught(&three, 5_000, u64::MAX), (3, 0, Some(0)));
        let unending = [late(1, 0), late(2, 69_999)];
        assert_eq!(caught(&unending, 69_999, u64::MAX), (0, 0, Some(1)));
        assert_eq!(caught(&unending, 70_000, u64::MAX), (2, 0, Some(0)), "the oldest waits for so long at most");
    }

    #[test]
    fn while_clocks_wait_for_links_the_catch_up_is_not_whole() {
        let plan_at = |after_ms, more_comes| {
            let catching = Catching { left_ms: u64::MAX, more_comes };
            let two = [late(1, 0), late(2, 1_000)];
            plan(&two, NOW.plus(after_ms), (9, 0), &DigestTimes::Every(3_600_000), RETRY_MAX_MS, Some(catching)).gather.len()
        };
        assert_eq!((plan_at(3_000, false), plan_at(3_000, true), plan_at(69_999, true), plan_at(70_000, true)), (2, 0, 0, 2));
    }

    #[test]
    fn what_comes_behind_a_catch_up_leaves_as_a_second_one_and_no_third() {
        let two = [late(1, 5_000), late(2, 30_000)];
        assert_eq!(caught(&two, 71_999, 69_999), (0, 0, Some(1)));
        assert_eq!(caught(&two, 72_000, 70_000), (2, 0, Some(0)));
    }

    #[test]
    fn what_is_not_late_is_never_held_and_a_machine_gets_each_one() {
        let three = [late(1, 0), fresh(2), late(3, 0)];
        let plan_for = |caught_up| plan(&three, NOW, (9, 0), &DigestTimes::Every(3_600_000), RETRY_MAX_MS, caught_up);
        let people = plan_for(Some(NONE_LEFT));
        assert_eq!((people.gather.len(), people.send, people.catches_up), (0, vec![three[1].id], false));
        assert_eq!((plan_for(None).gather.len(), plan_for(None).send.len()), (0, 3));
        let full = plan(&three, NOW.plus(2_000), (0, 7), &DigestTimes::Every(3_600_000), RETRY_MAX_MS, Some(NONE_LEFT));
        assert_eq!((full.gather.len(), full.send.len(), full.catches_up, full.wait_ms), (0, 0, false, Some(7)));
    }

    #[test]
    fn a_clock_that_went_back_holds_nothing_for_longer() {
        let two = [late(1, 70_001), late(2, 70_001)];
        assert_eq!(caught(&two, 0, u64::MAX).0, 2);
        assert_eq!(caught(&[late(1, 70_000)], 0, u64::MAX), (0, 0, Some(LOOK_MS)), "70 s at most");
    }

    #[test]
    fn what_was_given_up_waits_for_nothing() {
        let over = waiting(1, DeliveryRow::GivenUp { failed: 9, at: NOW, fault: Fault::Tls });
        assert_eq!(
            planned(&[over], NOW.plus(u64::MAX / 2), (9, 0)),
            Plan { gather: vec![], send: vec![], catches_up: false, wait_ms: None }
        );
        assert_eq!(planned(&[], NOW, (9, 0)).wait_ms, None);
    }
}
