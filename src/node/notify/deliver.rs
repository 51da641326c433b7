//! Each channel has a task of its own, so that a broken one holds none of the others. It looks at what is due, gathers what waits for the digest or is too
//! much at once, and tries the rest, a few at a time.

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
/// A notice that was queued further ahead of the clock (an hour, in milliseconds) was queued by a wrong one.
const AHEAD_MS: u64 = 3_600_000;

/// What a channel's task knows besides what is durable.
struct Pacing {
    bucket: Bucket,
    times: DigestTimes,
    /// Told, and not written down yet, since the store took no changes: not to be told again meanwhile.
    told: BTreeSet<NoticeId>,
}

/// What is to be done with what waits on a channel.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    /// These become one.
    gather: Vec<Notice>,
    /// These are tried now.
    send: Vec<NoticeId>,
    /// In how many milliseconds to look again; `None` where nothing waits.
    wait_ms: Option<u64>,
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
        let mut pacing = Pacing { bucket, times, told: BTreeSet::new() };
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
        let (now, retry_max_ms) = (self.clock.now(), self.config.notify.retry().max_ms);
        let left = pacing.bucket.left(self.clock.monotonic_ms());
        let plan = plan(&waiting, now, (left, pacing.bucket.wait_ms()), &pacing.times, retry_max_ms);
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
/// Of what was never tried, more than there is room for becomes one notice; what was tried keeps its id, as it may have come.
fn plan(waiting: &[Delivery], now: Timestamp, room: (u64, u64), times: &DigestTimes, retry_max_ms: u64) -> Plan {
    let (mut digest, mut fresh, mut again, mut later) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
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
        return Plan { gather: digest, send: Vec::new(), wait_ms: Some(0) };
    }
    if fresh.len() > 1 && fresh.len() as u64 > left && left > 0 {
        return Plan { gather: fresh, send: Vec::new(), wait_ms: Some(0) };
    }
    let is_held = (fresh.len() + again.len()) as u64 > left;
    let send = fresh.iter().map(|notice| notice.id).chain(again.into_iter().map(|(_, id)| id));
    let send = send.take(usize::try_from(left).unwrap_or(usize::MAX)).collect();
    let soonest = later.into_iter().chain(digest_ms).chain(is_held.then_some(room_ms)).min();
    Plan { gather: Vec::new(), send, wait_ms: soonest.map(|milliseconds| milliseconds.clamp(1, LOOK_MS)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::desk::Role;
    use crate::rules::notify::Event;
    use crate::store::notice::NoticeRow;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);
    const RETRY_MAX_MS: u64 = 3_600_000;

    fn waiting(n: u8, row: DeliveryRow) -> Delivery {
        let notice = Notice::new(Event::Question, &[n], Role::Handler, NOW);
        let id = notice.id;
        Delivery { channel: "a".into(), id, notice: NoticeRow { message: Message::One(notice), queued: NOW }, row }
    }

    fn planned(waiting: &[Delivery], now: Timestamp, room: (u64, u64)) -> Plan {
        plan(waiting, now, room, &DigestTimes::Every(3_600_000), RETRY_MAX_MS)
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
        assert_eq!(planned(&again[..1], NOW, (5, 0)), Plan { gather: vec![], send: vec![], wait_ms: Some(5_000) });
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
    fn what_was_given_up_waits_for_nothing() {
        let over = waiting(1, DeliveryRow::GivenUp { failed: 9, at: NOW, fault: Fault::Tls });
        assert_eq!(planned(&[over], NOW.plus(u64::MAX / 2), (9, 0)), Plan { gather: vec![], send: vec![], wait_ms: None });
        assert_eq!(planned(&[], NOW, (9, 0)).wait_ms, None);
    }
}
