//! What the node does about a referral by itself: it says that an offer came, confirms the only acceptance, sends the sealed contact, destroys what is
//! withdrawn, and passes a withdrawal on to whoever has the case from us.

use std::collections::{BTreeMap, BTreeSet};

use super::super::hold::Hold;
use super::super::{Node, NodeError};
use super::EXPIRED;
use super::case::CaseRow;
use crate::link::convert::decode_record;
use crate::model::log::{AbsentReason, Audience};
use crate::model::referral::Words;
use crate::model::{LogId, Record, RecordKind, ReferralId};
use crate::rules::referral::{Choice, Decision, Facts, Side, Step, by_itself, choice, may_give};
use crate::store::change::{Change, ReferralMark, Shelf};
use crate::store::{Conversation, Snapshot};

/// A case of which nothing was offered or held for so long was never one (10 minutes, in milliseconds): we died while it was made.
const ORPHAN_MS: u64 = 600_000;
/// So many steps follow one another at once at the most.
const STEPS_MAX: usize = 16;
/// How many positions of a log are destroyed in one change.
const DESTROY_MAX: usize = 1_000;

/// Where something about a referral stands.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Positions in logs, with content.
    pub(super) entries: BTreeMap<LogId, Vec<u64>>,
    /// Numbers of what waits for its position, with content.
    pub(super) waiting: Vec<u64>,
}

impl Places {
    fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.waiting.is_empty()
    }
}

impl Node {
    /// Does what follows from how referrals stand, of all that are not over and do not rest: after a start, and as a part of the upkeep. Returns how many those were.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn react_to_all(&self) -> Result<usize, NodeError> {
        let awake = self.awake(&self.store.snapshot()?)?;
        let count = awake.len();
        for (id, said) in awake {
            if self.react_or_later(&id).await {
                let snapshot = self.store.snapshot()?;
                if let Some(conversation) = snapshot.conversation(&id)? {
                    self.let_rest(&snapshot, &conversation, said)?;
                }
            }
        }
        self.tend_cases().await?;
        self.tend_all_platforms().await?;
        Ok(count)
    }

    /// Cases whose consent is revoked are withdrawn from whoever still has them, those past their date are emptied, and those of which nothing was
    /// ever offered are dropped.
    async fn tend_cases(&self) -> Result<(), NodeError> {
        if !self.are_cases_awake() {
            return Ok(());
        }
        self.let_cases_rest(true);
        let done = self.look_at_cases().await;
        if done.is_err() {
            self.let_cases_rest(false);
        }
        done
    }

    async fn look_at_cases(&self) -> Result<(), NodeError> {
        let _turn = self.referral_turn().await;
        let snapshot = self.store.snapshot()?;
        let now = self.clock.now();
        for (id, mut case) in self.cases(&snapshot)? {
            // What is emptied is done with, unless it is still to be withdrawn from somebody.
            if case.offer.is_none() && !case.revoked {
                continue;
            }
            let mut live = false;
            for given in &case.given {
                let known = snapshot.conversation(&given.referral)?;
                let held = self.held_message(&snapshot, &given.referral)?.is_some();
                let open = known.as_ref().is_some_and(|known| known.standing.origin.withdrawn.is_none() && !known.row.over);
                live |= held || known.is_some();
                if case.revoked && (held || open) {
                    self.withdraw_or_later(&given.referral).await;
                }
            }
            let kept_ms = self.config.referral.retention_days * 86_400_000;
            if !live && now.since(case.opened) > ORPHAN_MS {
                self.commit(Change::Keep { shelf: Shelf::Case, id: id.0, row: None }).await?;
            } else if case.offer.is_some() && (case.revoked || now.since(case.opened) > kept_ms) {
                case.empty();
                self.commit(case.keep(&id)).await?;
            }
        }
        Ok(())
    }

    /// Withdraws an offer; one that cannot be withdrawn now keeps no other from it. `true` where it was.
    async fn withdraw_or_later(&self, id: &ReferralId) -> bool {
        let revoked = self.was_revoked(id).unwrap_or(true);
        let done = self.withdraw_one(id, revoked, None).await;
        self.watch(id).await;
        if let Err(error) = &done {
            tracing::warn!(referral = %super::short(id), code = error.code(), "a referral is withdrawn later");
            self.put_off(id);
        }
        done.is_ok()
    }

    /// Whether the person revoked the consent, as far as the origin of a case that was passed on has said.
    fn was_revoked(&self, id: &ReferralId) -> Result<bool, NodeError> {
        let snapshot = self.store.snapshot()?;
        let Some(parent) = self.case_of(&snapshot, id)?.and_then(|(_, case)| case.parent) else { return Ok(true) };
        let Some(parent) = snapshot.conversation(&parent)? else { return Ok(true) };
        for message in parent.origin.iter().rev() {
            if let Some(Words::Withdraw { revoked, .. }) = self.words(&snapshot, message)? {
                return Ok(revoked);
            }
        }
        Ok(true)
    }

    /// `true` where all of it is done, its clocks too.
    async fn react_or_later(&self, id: &ReferralId) -> bool {
        let before = self.times_put_off();
        let done = self.react(id).await.unwrap_or_else(|error| {
            tracing::warn!(referral = %super::short(id), code = error.code(), "what follows in a referral is done later");
            false
        });
        done && before == self.times_put_off()
    }

    /// Something has happened in a referral: does what follows.
    pub(in super::super) async fn has_moved(&self, id: &ReferralId) {
        self.wake(id);
        self.react_or_later(id).await;
        self.wake(id);
    }

    /// Does what follows from how a referral stands. `false` where its clocks are set later.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes, or the other side may not have it now.
    async fn react(&self, id: &ReferralId) -> Result<bool, NodeError> {
        let done = self.take_steps(id).await;
        let let_go = self.let_others_go(id).await;
        let tended = self.tend_platforms(id).await;
        let reported = self.report_campaign_of(id).await;
        let watched = self.watch(id).await;
        done.and(let_go).and(tended).and(reported).map(|()| watched)
    }

    async fn take_steps(&self, id: &ReferralId) -> Result<(), NodeError> {
        for _ in 0..STEPS_MAX {
            let _turn = self.referral_turn().await;
            let snapshot = self.store.snapshot()?;
            let Some(conversation) = snapshot.conversation(id)? else { return Ok(()) };
            if conversation.row.over || self.holds_back(&snapshot)? {
                return Ok(());
            }
            if self.withdraw_from_others(&snapshot, &conversation).await? {
                continue;
            }
            if self.held_message(&snapshot, id)?.is_some() {
                if !is_withdrawn(&conversation) {
                    return Ok(());
                }
                // Nobody is to hear it any more.
                drop(snapshot);
                self.drop_what_is_held(id).await?;
                continue;
            }
            let books = self.books(&snapshot, &conversation)?;
            let looks = ends(&conversation) || self.is_past(&conversation) || conversation.standing.is_over();
            // What stays is kept before anything is destroyed.
            if looks && !books.is_empty() {
                self.commit_many(books).await?;
                continue;
            }
            // Of one that goes on nobody has to know where its messages stand.
            let left = if looks { Some(self.places(&snapshot, &conversation)?) } else { None };
            let is_clean = left.as_ref().is_some_and(Places::is_empty);
            if let Some(left) = left.filter(|left| !left.is_empty() && ends(&conversation))
                && self.destroy(&snapshot, &conversation, left).await?
            {
                continue;
            }
            let facts = self.facts(&snapshot, &conversation, is_clean)?;
            let step = by_itself(conversation.row.side, &conversation.standing, facts);
            if step.is_none() && books.is_empty() {
                return self.mark_over(&snapshot, &conversation, is_clean).await;
            }
            let say = |step| self.next_message(&snapshot, &conversation, self.words_for(&snapshot, &conversation, step)?);
            let passed = step.map(say).transpose();
            drop(snapshot);
            // One commit for both, since the other side waits for what is said.
            match passed {
                Ok(Some(passed)) => drop(self.hold_or_say(id, passed, Hold::Skipped, books).await?),
                Ok(None) => drop(self.commit_many(books).await?),
                Err(error) => {
                    if !books.is_empty() {
                        self.commit_many(books).await?;
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// What is to be written down of a referral for us alone: what stays of it, what is counted, and whom to tell of what has come.
    pub(in super::super) fn books(&self, snapshot: &Snapshot, conversation: &Conversation) -> Result<Vec<Change>, NodeError> {
        let before = self.ours(snapshot, &conversation.id)?;
        let mut ours = before.clone();
        self.keep_skeleton(snapshot, conversation, &mut ours)?;
        let mut changes = self.count(snapshot, conversation, &mut ours)?;
        changes.extend(self.tell_of_news(conversation, &mut ours));
        if ours != before {
            changes.push(ours.keep(&conversation.id));
        }
        Ok(changes)
    }

    async fn mark_over(&self, snapshot: &Snapshot, conversation: &Conversation, is_clean: bool) -> Result<(), NodeError> {
        // What nobody ended is over, too, once its date has passed and nothing of it is left. Whether the other side has destroyed what was ended it still has to say.
        let origin = &conversation.standing.origin;
        let is_forgotten = self.is_past(conversation) && origin.withdrawn.is_none() && origin.closed.is_none();
        if !(conversation.standing.is_over() || is_forgotten) || !is_clean {
            return Ok(());
        }
        self.commit_many(self.over(snapshot, conversation)?).await?;
        Ok(())
    }

    /// The changes after which nothing is left to be done about a referral, nor about its case where this was the last of its offers.
    pub(super) fn over(&self, snapshot: &Snapshot, conversation: &Conversation) -> Result<Vec<Change>, NodeError> {
        let mut changes = vec![Change::MarkReferral { id: conversation.id, mark: ReferralMark::Over }];
        if let Some((id, mut case)) = self.case_of(snapshot, &conversation.id)? {
            let others = self.offers_of(snapshot, &case)?;
            // One that was called off, declined or handed back may be offered to somebody else, until its date.
            let done = |one: &Conversation| one.standing.receiver.resolved.is_some() && one.standing.origin.closed.is_some();
            let finished = case.revoked || others.iter().any(done);
            if finished && others.iter().all(|one| one.id == conversation.id || one.row.over) {
                case.empty();
                changes.push(case.keep(&id));
            }
        }
        Ok(changes)
    }

    /// The conversations about a case.
    pub(super) fn offers_of(&self, snapshot: &Snapshot, case: &CaseRow) -> Result<Vec<Conversation>, NodeError> {
        let mut all = Vec::with_capacity(case.given.len());
        for given in &case.given {
            all.extend(snapshot.conversation(&given.referral)?);
        }
        Ok(all)
    }

    fn facts(&self, snapshot: &Snapshot, conversation: &Conversation, is_clean: bool) -> Result<Facts, NodeError> {
        let ended = ends(conversation);
        if conversation.row.side == Side::Receiver {
            let offer = self.offer_of(snapshot, conversation)?;
            let late = offer.and_then(|offer| offer.expires).is_some_and(|expires| expires <= self.clock.now());
            return Ok(Facts { refused: late, destroyed: is_clean && (ended || self.is_past(conversation)), ..Facts::default() });
        }
        let Some((_, case)) = self.case_of(snapshot, &conversation.id)? else { return Ok(Facts::default()) };
        let all = self.offers_of(snapshot, &case)?;
        let standings: Vec<_> = all.iter().map(|one| &one.standing).collect();
        let at = all.iter().position(|one| one.id == conversation.id);
        let chosen = match (choice(&standings), at) {
            (Choice::Confirm(only), Some(at)) => only == at,
            (_, Some(at)) => case.chosen == Some(conversation.id) && may_give(&standings, at).is_ok(),
            (_, None) => false,
        };
        #[cfg(feature = "simulation")]
        let chosen = chosen || crate::simulation::planted(crate::simulation::Bug::GiveTwice);
        let (days, now) = (self.config.referral.close_days, self.clock.now());
        let resolved =
            conversation.standing.receiver.resolved.and_then(|number| conversation.receiver.get(number.checked_sub(1)? as usize));
        let forgotten = days > 0 && resolved.is_some_and(|message| now.since(message.at) >= days * 86_400_000);
        Ok(Facts { chosen, forgotten, has_contact: case.contacts.contains_key(&conversation.row.peer), ..Facts::default() })
    }

    pub(super) fn is_past(&self, conversation: &Conversation) -> bool {
        let retention = conversation.row.retention;
        retention.0 != 0 && retention <= self.clock.now()
    }

    fn words_for(&self, snapshot: &Snapshot, conversation: &Conversation, step: Step) -> Result<Words, NodeError> {
        let case = self.case_of(snapshot, &conversation.id)?.map(|(_, case)| case);
        Ok(match step {
            Step::Receipt => Words::Receipt,
            Step::Refuse => Words::Refuse { reason: code(EXPIRED)? },
            Step::Confirm(acceptance) => Words::Confirm { acceptance, code: case.and_then(|case| case.code) },
            Step::Contact => {
                let sealed = case.and_then(|case| case.contacts.get(&conversation.row.peer).cloned()).unwrap_or_default();
                let sealed = data_encoding::BASE64.decode(sealed.as_bytes());
                Words::Contact { sealed: sealed.map_err(|_| NodeError::StoreDamaged("a sealed contact cannot be read".into()))? }
            }
            Step::Close => Words::Close,
            Step::Purge => Words::Purge,
            Step::Seen => Words::Seen,
            other => return Err(NodeError::Internal(format!("the node does not say {other:?} by itself"))),
        })
    }

    /// A case that came by this referral, was passed on, and is withdrawn here, is withdrawn from whoever has it. `true` where something was.
    async fn withdraw_from_others(&self, snapshot: &Snapshot, conversation: &Conversation) -> Result<bool, NodeError> {
        if conversation.row.side != Side::Receiver || !is_withdrawn(conversation) {
            return Ok(false);
        }
        let children = self.cases(snapshot)?.into_iter().filter(|(_, case)| case.parent == Some(conversation.id));
        let mut any = false;
        for (case_id, mut case) in children {
            self.revoke(&case_id, &mut case).await?;
            for given in case.given {
                let child = snapshot.conversation(&given.referral)?;
                let held = self.held_message(snapshot, &given.referral)?.is_some();
                if held || child.is_some_and(|child| child.standing.origin.withdrawn.is_none() && !child.row.over) {
                    any |= self.withdraw_or_later(&given.referral).await;
                }
            }
        }
        Ok(any)
    }

    /// Where something with content about a referral stands here, in both logs and among what waits.
    pub(super) fn places(&self, snapshot: &Snapshot, conversation: &Conversation) -> Result<Places, NodeError> {
        let mut places = Places::default();
        #[cfg(feature = "simulation")]
        if crate::simulation::planted(crate::simulation::Bug::KeepWithdrawn) {
            return Ok(places);
        }
        let any_left = conversation.origin.iter().chain(&conversation.receiver).any(|message| message.body != 0);
        if !any_left {
            return Ok(places);
        }
        let kind = RecordKind::Referral.number();
        let (us, peer) = (self.org(), conversation.row.peer);
        let is_one = |kind, body: &[u8]| matches!(decode_record(kind, body), Ok(Record::Referral(message)) if message.referral == conversation.id && message.words.has_content());
        // What is not understood may be of either kind, and a newer program may find that it says nothing at all. Before what came first stands a gap.
        let all = || conversation.origin.iter().chain(&conversation.receiver);
        let unread: BTreeSet<Vec<u8>> = all()
            .filter(|message| message.step == Step::Newer && message.body != 0)
            .filter_map(|message| snapshot.message_body(message).transpose())
            .collect::<Result<_, _>>()?;
        let has_unread = all().any(|message| matches!(message.step, Step::Newer | Step::Gone));
        let kinds = [RecordKind::Referral].into_iter().chain(has_unread.then_some(RecordKind::ReferralStep));
        let kinds: Vec<RecordKind> = kinds.collect();
        for log in snapshot.logs()? {
            let between = (log.key.author, log.key.audience) == (us, Audience::Direct(peer))
                || (log.key.author, log.key.audience) == (peer, Audience::Direct(us));
            if between {
                let mut seqs = Vec::new();
                for one in &kinds {
                    let found = snapshot.bodies_of_kind(&log.id, one.number())?.into_iter();
                    seqs.extend(found.filter(|(_, body)| is_one(*one, body) || unread.contains(body)).map(|(seq, _)| seq));
                }
                seqs.sort_unstable();
                if !seqs.is_empty() {
                    places.entries.insert(log.id, seqs);
                }
            }
        }
        let waiting = snapshot.all_waiting_of_kind(&Audience::Direct(peer), kind)?;
        places.waiting = waiting.into_iter().filter(|(_, body)| is_one(RecordKind::Referral, body)).map(|(n, _)| n).collect();
        Ok(places)
    }

    /// Destroys what is left of a referral that has ended. What the other side is still to hear stays until it has. `true` where something went.
    async fn destroy(&self, snapshot: &Snapshot, conversation: &Conversation, left: Places) -> Result<bool, NodeError> {
        let at = self.clock.now();
        let is_withdrawn = is_withdrawn(conversation);
        let mut changes = Vec::new();
        for (log, mut seqs) in left.entries {
            let is_ours = snapshot.log(&log)?.is_some_and(|row| row.key.author == self.org());
            if is_ours && !is_withdrawn {
                let heard = snapshot.acks(&log)?.into_iter().filter(|ack| ack.peer == conversation.row.peer).map(|ack| ack.through).max();
                seqs.retain(|seq| Some(*seq) <= heard);
            }
            let destroy = |seqs: &[u64]| Change::Destroy { log, seqs: seqs.to_vec(), reason: AbsentReason::Recalled, at };
            changes.extend(seqs.chunks(DESTROY_MAX).map(destroy));
        }
        if is_withdrawn && !left.waiting.is_empty() {
            changes.push(Change::Dequeue { audience: Audience::Direct(conversation.row.peer), waiting: left.waiting, at });
        }
        if changes.is_empty() {
            return Ok(false);
        }
        self.commit_many(changes).await?;
        Ok(true)
    }
}

/// Whether body and free text have no business here any more: it was withdrawn, or, at the receiver, refused, declined or handed back. What was
/// closed stays until its retention date, when the retention takes it.
pub(super) fn ends(conversation: &Conversation) -> bool {
    let (origin, receiver) = (&conversation.standing.origin, &conversation.standing.receiver);
    let never_taken = matches!(receiver.decision, Decision::Refused | Decision::Declined) || receiver.handed_back.is_some();
    origin.withdrawn.is_some() || is_withdrawn(conversation) || never_taken && conversation.row.side == Side::Receiver
}

/// Whether the origin has written that it is withdrawn, whatever the fold makes of that: a receiver that was put back from a copy may lack what
/// the message says to have seen.
fn is_withdrawn(conversation: &Conversation) -> bool {
    conversation.origin.iter().any(|message| message.step == Step::Withdraw)
}

pub(super) fn code(text: &str) -> Result<crate::model::vocabulary::Code, NodeError> {
    text.parse().map_err(|_| NodeError::Internal(format!("`{text}` is no code")))
}
