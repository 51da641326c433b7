//! Recalls run ahead of their logs: first on every link, out of order, through relays; every holder destroys the body and says so.

use prost::Message;

use super::{Node, NodeError};
use crate::link::convert::wire::SignedRecall;
use crate::link::convert::{Malformed, Recall, read_signed_recall};
use crate::model::crypto::sha256;
use crate::model::log::{Audience, LogKey};
use crate::model::record::Withdrawal;
use crate::model::{EntryHash, OrgId};
use crate::rules::label::may_offer;
use crate::store::change::{Change, Outcome, RecallRow, TakenBack};

/// A relay passes a recall on for so long after it came (90 days, in milliseconds).
const RELAY_MS: u64 = 90 * 86_400_000;

/// So many recalls of one author are kept ahead of their logs.
const RECALLS_PER_AUTHOR: usize = 5_000;

/// Why a recall from a peer was not taken.
#[derive(Debug, thiserror::Error)]
pub enum RecallError {
    /// It is not what its author signed.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The node could not do it.
    #[error(transparent)]
    Node(#[from] NodeError),
}

impl Node {
    /// The change that keeps a recall for peers that return. The links are to be told.
    pub(super) fn keep_recall(&self, recall: &Recall, audience: Audience, signed: &SignedRecall) -> Change {
        let bytes = signed.encode_to_vec();
        let (id, log, at) = (sha256(&[&bytes]), recall.withdrawal.log, self.clock.now());
        let row = RecallRow { author: recall.author, log, audience, signed: bytes, at };
        Change::Recall { id, row: Box::new(row) }
    }

    /// The recalls that concern a peer, each with its id: ours always, others' while they are young. A link sends each once.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn recalls_for(&self, peer: &OrgId) -> Result<Vec<([u8; 32], SignedRecall)>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let now = self.clock.now();
        let mut recalls = Vec::new();
        for (id, row) in snapshot.recalls()? {
            let group = match row.audience {
                Audience::Group(group) => self.definition(&snapshot, &group)?,
                Audience::Direct(_) => None,
            };
            let log = LogKey { author: row.author, incarnation: 0, audience: row.audience };
            if row.author == *peer || may_offer(&log, &self.org(), peer, group.as_ref()).is_err() {
                continue;
            }
            if row.author != self.org() && now.since(row.at) > RELAY_MS {
                continue;
            }
            if let Ok(signed) = SignedRecall::decode(row.signed.as_slice()) {
                recalls.push((id, signed));
            }
        }
        Ok(recalls)
    }

    /// A log has begun: recalls of its entries that came ahead of it are applied.
    pub(super) async fn replay_recalls(&self, log: &LogKey) -> Result<(), NodeError> {
        let kept = self.store.snapshot()?.recalls()?;
        for (_, row) in kept.into_iter().filter(|(_, row)| row.log == log.id() && row.author == log.author) {
            let Ok(signed) = SignedRecall::decode(row.signed.as_slice()) else { continue };
            let Ok(recall) = read_signed_recall(&signed, |author| self.author_keys(author)) else { continue };
            let Withdrawal { log: id, seqs, mode, reason } = recall.withdrawal;
            self.commit(Change::TakeBack { log: id, seqs, mode, reason, at: self.clock.now() }).await?;
        }
        Ok(())
    }

    /// Whether a recall is new and of a log that we may hold: the peer's own to us, or a fellow member's in a group.
    fn concerns_us(&self, peer: &OrgId, recall: &Recall, audience: Audience, id: &[u8; 32]) -> Result<bool, NodeError> {
        let snapshot = self.store.snapshot()?;
        let log = snapshot.log(&recall.withdrawal.log)?;
        let names_its_log = log.is_none_or(|log| log.key.author == recall.author && log.key.audience == audience);
        let from_its_place = match audience {
            Audience::Direct(_) => recall.author == *peer,
            Audience::Group(group) => {
                self.definition(&snapshot, &group)?.is_some_and(|definition| definition.has(&recall.author) && definition.has(peer))
            }
        };
        if !names_its_log || !from_its_place || snapshot.has_recall(id)? {
            return Ok(false);
        }
        let kept = snapshot.recalls()?.iter().filter(|(_, row)| row.author == recall.author).count();
        if kept >= RECALLS_PER_AUTHOR {
            tracing::warn!(author = %recall.author, "an author has more recalls than are kept ahead of their logs; its log brings them");
        }
        Ok(kept < RECALLS_PER_AUTHOR)
    }

    /// Checks a recall. `None` where no card of its author is known: a relay may pass on what a former member recalled, of whom nothing
    /// is held here.
    fn read_recall(&self, signed: &SignedRecall) -> Result<Option<Recall>, Malformed> {
        let stranger = std::cell::Cell::new(false);
        let read = read_signed_recall(signed, |author| {
            let keys = self.author_keys(author);
            stranger.set(keys.is_empty());
            keys
        });
        if stranger.get() { Ok(None) } else { read.map(Some) }
    }

    /// Takes a recall ahead of its log: destroys, answers, and keeps it for those that we relay to.
    ///
    /// # Errors
    /// When it is not signed by its author, or the store takes no changes.
    pub async fn take_recall(&self, peer: &OrgId, signed: &SignedRecall) -> Result<(), RecallError> {
        let Some(recall) = self.read_recall(signed)? else { return Ok(()) };
        if recall.author == self.org() {
            return Ok(());
        }
        let audience = match recall.group {
            Some(group) => Audience::Group(group),
            None => Audience::Direct(self.org()),
        };
        let id = sha256(&[&signed.encode_to_vec()]);
        if !self.concerns_us(peer, &recall, audience, &id)? {
            return Ok(());
        }
        let withdrawal = &recall.withdrawal;
        // Positions name nothing before their log is known to be this author's; a log that we do not hold yet waits for its own withdrawal.
        let known = self.store.snapshot().map_err(NodeError::from)?.log(&withdrawal.log).map_err(NodeError::from)?;
        if known.is_some_and(|row| row.key.author == recall.author) {
            let change = Change::TakeBack {
                log: withdrawal.log,
                seqs: withdrawal.seqs.clone(),
                mode: withdrawal.mode,
                reason: withdrawal.reason.clone(),
                at: self.clock.now(),
            };
            // Before the body goes: afterwards nothing tells any more what was passed on because of it.
            if let Some(follow) = self.to_follow(&recall.author, audience, withdrawal)? {
                self.follow(follow).await?;
            }
            let outcome = self.commit(change).await?;
            if let Outcome::TakenBack(outcomes) = outcome {
                let taken = TakenBack { withdrawal: EntryHash([0; 32]), log: withdrawal.log, mode: withdrawal.mode, outcomes };
                self.answer_taken_back(&recall.author, audience, taken).await?;
            }
        }
        // Last, since one that is kept is not looked at again.
        self.commit(self.keep_recall(&recall, audience, signed)).await?;
        self.touch();
        Ok(())
    }
}
