//! Recalls run ahead of their logs: first on every link, out of order, through relays; every holder destroys the body and says so.

use prost::Message;

use super::{Node, NodeError};
use crate::link::convert::wire::SignedRecall;
use crate::link::convert::{Malformed, Recall, read_signed_recall, recall_author, sign_recall_again};
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
        let (log, at) = (recall.withdrawal.log, self.clock.now());
        let row = RecallRow { author: recall.author, log, audience, signed: signed.encode_to_vec(), at };
        Change::Recall { id: id_of(signed), row: Box::new(row) }
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
            // As it counted when it came, unless the key was stolen.
            let then = |author: &OrgId, at| self.log_keys(author).map(|keys| keys.at_and_now(at, row.at)).unwrap_or_default();
            let Ok(recall) = read_signed_recall(&signed, then) else { continue };
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

    /// Checks a recall. `None` where it is nobody's fault that it cannot be checked: no card of its author is known, since a relay may pass
    /// on what a former member recalled, of whom nothing is held here; its author has put the key away since; or a relay knows a newer key
    /// of the author's than we do. Its log brings it then.
    fn read_recall(&self, peer: &OrgId, signed: &SignedRecall) -> Result<Option<Recall>, Malformed> {
        let now = self.clock.now();
        let error =
            match read_signed_recall(signed, |author, at| self.log_keys(author).map(|keys| keys.at_and_now(at, now)).unwrap_or_default()) {
                Ok(recall) => return Ok(Some(recall)),
                Err(error) => error,
            };
        let (author, group) = recall_author(signed)?;
        let Some(keys) = self.log_keys(&author) else { return Ok(None) };
        let put_away = read_signed_recall(signed, |_, _| keys.ever()).is_ok();
        let passed_on = author != *peer && group.is_some();
        if put_away || passed_on {
            tracing::info!(%author, %peer, put_away, "a recall is not signed with a key of its author's that counts");
            return Ok(None);
        }
        Err(error)
    }

    /// A recall of ours as it leaves: signed with a key that its reader believes.
    pub fn believed_recall(&self, recall: SignedRecall) -> SignedRecall {
        let keys = self.keys.log_keys();
        let ours = keys.has_earlier() && recall_author(&recall).is_ok_and(|(author, _)| author == self.org());
        let now = self.clock.now();
        if !ours || read_signed_recall(&recall, |_, at| keys.at_and_now(at, now)).is_ok() {
            return recall;
        }
        sign_recall_again(&recall, &self.keys.log_key())
    }

    /// Takes a recall ahead of its log: destroys, answers, and keeps it for those that we relay to.
    ///
    /// # Errors
    /// When it is not signed by its author, or the store takes no changes.
    pub async fn take_recall(&self, peer: &OrgId, signed: &SignedRecall) -> Result<(), RecallError> {
        let Some(recall) = self.read_recall(peer, signed)? else { return Ok(()) };
        if recall.author == self.org() {
            return Ok(());
        }
        let audience = match recall.group {
            Some(group) => Audience::Group(group),
            None => Audience::Direct(self.org()),
        };
        let id = id_of(signed);
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

/// The same statement under another key of its author's says nothing new.
fn id_of(signed: &SignedRecall) -> [u8; 32] {
    sha256(&[&signed.statement])
}
