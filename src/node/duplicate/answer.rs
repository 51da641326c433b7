//! A partner asks. We evaluate what we cannot read, within the limits of the day, and see of its ticket whether it has a case of ours: on a miss nothing.

use super::super::{Node, NodeError};
use super::{FoundRow, FoundState, ROUNDS_MAX, TICKET_MS, keep, keep_counts};
use crate::model::crypto::random;
use crate::model::desk::Role;
use crate::model::duplicate::{Answer, Refusal, Round, Said, Ticket, slots, tickets};
use crate::model::{CheckId, OrgId};
use crate::rules::duplicate::{Limits, Passed, day, one_more};
use crate::rules::label::Outbound;
use crate::rules::notify::{Event, Notice};
use crate::store::change::Shelf;
use std::sync::Arc;

impl Node {
    /// Does what follows from what a peer says of a check, and gives back what is answered.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn hear_duplicate(self: Arc<Self>, peer: OrgId, said: Said) -> Result<Option<Outbound<Said>>, NodeError> {
        match said {
            Said::Query { check, blinded } => {
                let said = match self.answer_duplicate(&peer, check, &blinded).await? {
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

    /// Evaluates, unless the day's tries are used up. It is counted before it is answered.
    async fn answer_duplicate(&self, peer: &OrgId, check: CheckId, blinded: &[u8; 32]) -> Result<Result<Answer, Refusal>, NodeError> {
        let _turn = self.matching.lock().await;
        self.store.settled().await;
        let (snapshot, now) = (self.store.snapshot()?, self.clock.now());
        if self.holds_back(&snapshot)? {
            return Ok(Err(Refusal::NotHere));
        }
        let today = day(now);
        let mut counts = self.counts(&snapshot, today)?;
        let limits = Limits { per_peer: self.config.duplicates.per_peer_max, all: self.config.duplicates.per_day_max };
        if let Err(passed) = one_more(limits, counts.of(peer).answered, counts.of_peers(&self.org())) {
            let changes = self.refuse_one(&mut counts, today, *peer, passed != Passed::Off);
            if changes.len() > 1 {
                tracing::warn!(%peer, "a peer checks for duplicates more often than is answered");
            }
            if !changes.is_empty() {
                self.commit_many(changes).await?;
            }
            return Ok(Err(if passed == Passed::Off { Refusal::NotHere } else { Refusal::UsedUp }));
        }
        counts.answer(*peer, 1);
        self.commit(keep_counts(today, &counts)).await?;
        let Ok(evaluated) = self.keys.match_key().evaluate(blinded) else { return Ok(Err(Refusal::NotHere)) };
        let nonce = random();
        let round = Round::new(peer, &self.org(), &check, blinded, &nonce);
        let ours = self.matchable(&snapshot, peer)?;
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
        Ok(Ok(Answer { evaluated, nonce, slots }))
    }

    /// Looks whose ticket it is. One that is nobody's leaves nothing.
    async fn take_ticket(&self, peer: OrgId, check: CheckId, ticket: Ticket) -> Result<(), NodeError> {
        let _turn = self.matching.lock().await;
        self.store.settled().await;
        let now = self.clock.now();
        let round = self.memory().duplicates.rounds.remove(&(peer, check));
        let Some((round, _)) = round.filter(|(_, at)| now.since(*at) <= TICKET_MS) else { return Ok(()) };
        let snapshot = self.store.snapshot()?;
        // What was found under an id stands, whatever comes under it again.
        if snapshot.kept(Shelf::DuplicateFound, &check.0)?.is_some() {
            return Ok(());
        }
        let ours = self.matchable(&snapshot, &peer)?;
        let mut allowed: Vec<CheckId> =
            tickets(ours.iter().map(|(_, value)| value), &round, &ticket).into_iter().filter_map(|at| Some(ours.get(at)?.0)).collect();
        allowed.dedup();
        if allowed.is_empty() {
            return Ok(());
        }
        let found = FoundRow { peer, at: now, allowed, state: FoundState::Waits, by: None, decided: None };
        let tell = self.notify(Notice::new(Event::DuplicateWaits, &check.0, Role::Handler, now));
        self.commit_many(vec![keep(Shelf::DuplicateFound, &check, &found), tell]).await?;
        Ok(())
    }
}
