//! A partner asks. We evaluate what we cannot read, within the limits of the day, and see of its ticket whether it has a case of ours: on a miss nothing.

use super::super::{Node, NodeError};
use super::{FoundRow, FoundState, ROUNDS_MAX, Refused, TICKET_MS, keep, keep_counts};
use crate::model::crypto::random;
use crate::model::desk::Role;
use crate::model::duplicate::{Answer, Purpose, Refusal, Round, Said, Ticket, slots, tickets};
use crate::model::{CheckId, OrgId};
use crate::rules::duplicate::{Passed, day, one_more};
use crate::rules::label::Outbound;
use crate::rules::notify::{Event, Notice};
use crate::store::change::{Change, Shelf};
use std::sync::Arc;
use std::time::Duration;

/// An answer leaves so many milliseconds after its query at the soonest: how long it took would tell how much may be matched, and what else was
/// written meanwhile.
const ANSWER_MS: u64 = 250;
/// The same of what was seen, of which more is asked: it is no person's.
const SEEN_ANSWER_MS: u64 = 50;
/// A notice that is queued has about so many bytes.
const NOTICE_BYTES: usize = 160;

impl Node {
    /// Does what follows from what a peer says of a check, and gives back what is answered.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn hear_duplicate(self: Arc<Self>, peer: OrgId, said: Said) -> Result<Option<Outbound<Said>>, NodeError> {
        match said {
            Said::Query { check, blinded, purpose } => {
                let answer_ms = if purpose == Purpose::Contact { ANSWER_MS } else { SEEN_ANSWER_MS };
                let soonest = tokio::time::sleep(Duration::from_millis(answer_ms));
                let answer = match self.refused_again(peer, purpose) {
                    Some(why) => Err(why),
                    None => {
                        let answer = self.answer_check(&peer, check, &blinded, purpose).await?;
                        soonest.await;
                        answer
                    }
                };
                let said = match answer {
                    Ok(answer) => Said::Answer { check, answer: Box::new(answer) },
                    Err(why) => Said::Refusal { check, why },
                };
                Ok(self.outbound_duplicate(&peer, said).ok())
            }
            Said::Answer { check, answer } => {
                self.duplicate_answered(peer, check, Ok(answer));
                Ok(None)
            }
            Said::Refusal { check, why } => {
                self.duplicate_answered(peer, check, Err(why));
                Ok(None)
            }
            Said::Claim { check, ticket } => {
                // Beside the link: how long it takes shows in nothing that the peer hears from us.
                tokio::spawn(async move {
                    if let Err(error) = self.take_ticket(peer, check, ticket).await {
                        tracing::warn!(code = error.code(), "what a check has found could not be kept");
                    }
                });
                Ok(None)
            }
        }
    }

    /// What is answered to a question that only a newer node knows.
    pub fn knows_no_such_check(&self, peer: &OrgId, check: CheckId) -> Option<Outbound<Said>> {
        self.outbound_duplicate(peer, Said::Refusal { check, why: Refusal::NotHere }).ok()
    }

    /// Why a peer is refused that was before, that day: without a turn, or a look at the store, whose delays would tell it what else happens here.
    fn refused_again(&self, peer: OrgId, purpose: Purpose) -> Option<Refusal> {
        let today = day(self.clock.now());
        let mut memory = self.memory();
        let refused = memory.duplicates.refused.get_mut(&(peer, purpose)).filter(|refused| refused.day == today)?;
        refused.more = refused.more.saturating_add(1);
        Some(refused.why)
    }

    /// Evaluates, unless the day's tries are used up. It is counted before it is answered.
    async fn answer_check(
        &self,
        peer: &OrgId,
        check: CheckId,
        blinded: &[u8; 32],
        purpose: Purpose,
    ) -> Result<Result<Answer, Refusal>, NodeError> {
        if self.holds_back(&self.store.snapshot()?)? {
            return Ok(Err(Refusal::NotHere));
        }
        let _turn = self.matching.lock().await;
        self.store.settled().await;
        let (snapshot, now) = (self.store.snapshot()?, self.clock.now());
        let today = day(now);
        let mut counts = self.counts(&snapshot, purpose, today)?;
        if let Err(passed) = one_more(self.tries(purpose), counts.of(peer).answered, counts.of_peers(&self.org())) {
            let changes = self.refuse_one(&mut counts, (purpose, today), *peer, passed != Passed::Off);
            if changes.len() > 1 {
                tracing::warn!(%peer, "a peer asks more often than is answered");
            }
            if !changes.is_empty() {
                self.commit_many(changes).await?;
            }
            let why = if passed == Passed::Off { Refusal::NotHere } else { Refusal::UsedUp };
            self.memory().duplicates.refused.insert((*peer, purpose), Refused { day: today, why, more: 0 });
            return Ok(Err(why));
        }
        counts.answer(*peer, 1);
        self.commit(keep_counts(purpose, today, &counts)).await?;
        let key = self.evaluation_key(purpose);
        let Ok(evaluated) = key.evaluate(blinded) else { return Ok(Err(Refusal::NotHere)) };
        let nonce = random();
        let round = Round::new(purpose, (peer, &self.org()), &check, blinded, &nonce);
        let ours = self.matchable(&snapshot, peer, purpose)?;
        let slots = slots(ours.iter().map(|(_, value)| value), &round);
        let mut memory = self.memory();
        memory.duplicates.prune(now);
        let rounds = &mut memory.duplicates.rounds;
        if rounds.len() >= ROUNDS_MAX
            && let Some(oldest) = rounds.iter().min_by_key(|(_, (_, at))| *at).map(|(key, _)| *key)
        {
            rounds.remove(&oldest);
        }
        rounds.insert((*peer, check), (round, now));
        Ok(Ok(Answer { evaluated, nonce, slots, key: (purpose == Purpose::Sighting).then(|| key.public()) }))
    }

    /// Looks whose ticket it is. One that is nobody's leaves nothing, but as much is written: what the peer sends meanwhile waits as long.
    async fn take_ticket(&self, peer: OrgId, check: CheckId, ticket: Ticket) -> Result<(), NodeError> {
        let _turn = self.matching.lock().await;
        self.store.settled().await;
        let now = self.clock.now();
        let round = self.memory().duplicates.rounds.remove(&(peer, check));
        let Some((round, _)) = round.filter(|(_, at)| now.since(*at) <= TICKET_MS) else { return Ok(()) };
        let snapshot = self.store.snapshot()?;
        let ours = self.matchable(&snapshot, &peer, round.purpose())?;
        let mut allowed: Vec<CheckId> =
            tickets(ours.iter().map(|(_, value)| value), &round, &ticket).into_iter().filter_map(|at| Some(ours.get(at)?.0)).collect();
        allowed.dedup();
        // What was found under an id stands, whatever comes under it again.
        let shelf = if round.purpose() == Purpose::Sighting { Shelf::SeenFound } else { Shelf::DuplicateFound };
        let known = snapshot.kept(shelf, &check.0)?.is_some();
        if allowed.is_empty() || known {
            allowed = vec![CheckId([0; 16])];
            let found = FoundRow { peer, at: now, allowed, state: FoundState::Waits, by: None, decided: None };
            let bytes = serde_json::to_vec(&found).map_or(0, |bytes| bytes.len());
            let zeros = |id: u8, bytes: usize| Change::Keep { shelf: Shelf::DuplicateNothing, id: [id; 16], row: Some(vec![0; bytes]) };
            self.commit_many(vec![zeros(0, bytes), zeros(1, NOTICE_BYTES)]).await?;
            return Ok(());
        }
        if round.purpose() == Purpose::Sighting {
            return self.seen_asked(peer, check, allowed).await;
        }
        let found = FoundRow { peer, at: now, allowed, state: FoundState::Waits, by: None, decided: None };
        let tell = self.notify(Notice::new(Event::DuplicateWaits, &check.0, Role::Handler, now));
        self.commit_many(vec![keep(Shelf::DuplicateFound, &check, &found), tell]).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::model::Timestamp;
    use crate::model::duplicate::Question;

    #[tokio::test]
    async fn whoever_is_refused_is_so_again_without_waiting_for_what_else_is_done() {
        let (directory, clock) = (tempfile::tempdir().unwrap(), Clock::manual(Timestamp(1_800_000_000_000)));
        Node::init(directory.path(), &["amal.example:7443".to_owned()], &clock).unwrap();
        let mut config = Config::default();
        config.duplicates.per_peer_max = 1;
        let node = Node::open_with(directory.path(), config, clock).unwrap();
        let peer = OrgId([7; 32]);
        let ask = async || {
            let blinded = *Question::new(b"x").unwrap().blinded();
            let said = Said::Query { check: CheckId(random()), blinded, purpose: Purpose::Contact };
            // It leaves for nobody: they are not paired.
            assert!(node.clone().hear_duplicate(peer, said).await.unwrap().is_none());
        };
        ask().await;
        ask().await;
        let turn = node.matching.lock().await;
        for _ in 0..10 {
            let answer = tokio::time::timeout(Duration::from_secs(60), ask()).await;
            assert!(answer.is_ok(), "it waits for its turn");
        }
        drop(turn);
        node.forget_duplicates().await.unwrap();
        let answered = node.duplicates().unwrap().answered;
        assert_eq!(answered.iter().map(|view| (view.answered, view.refused)).collect::<Vec<_>>(), [(1, 11)]);
    }
}
