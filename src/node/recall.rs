//! Recalls run ahead of their logs: first on every link, out of order, through relays; every holder destroys the body and says so.

use std::collections::BTreeSet;

use prost::Message;

use super::{Node, NodeError};
use crate::link::convert::wire::{self, SignedRecall};
use crate::link::convert::{Malformed, Recall, read_signed_recall, read_signed_receipt, recall_author, sign_recall_again, sign_receipt};
use crate::model::crypto::sha256;
use crate::model::log::{Audience, LogKey};
use crate::model::record::{self, Receipt, SignedReceipt, Withdrawal, WithdrawalMode};
use crate::model::{EntryHash, OrgId};
use crate::rules::label::{Held, Outbound, outbound_recall, outbound_receipt};
use crate::store::change::{Change, Outcome, RecallRow, TakenBack};
use crate::store::{LogInfo, Snapshot};

/// A relay passes a recall on for so long after it came (90 days, in milliseconds).
const RELAY_MS: u64 = 90 * 86_400_000;

/// So many recalls of one author are kept ahead of their logs.
const RECALLS_PER_AUTHOR: usize = 5_000;

/// A recall that a peer should have, with its id: SHA-256 of its statement.
pub type Due = ([u8; 32], Outbound<record::SignedRecall>);

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

    /// The recalls that concern a peer, that were not sent and that it has not said it has, each with its id: ours always, others' while they
    /// are young.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn recalls_for(&self, peer: &OrgId, sent: &BTreeSet<[u8; 32]>) -> Result<Vec<Due>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let now = self.clock.now();
        let mut recalls = Vec::new();
        for (id, row) in snapshot.untold_recalls(peer, sent)? {
            let too_old = row.author != self.org() && now.since(row.at) > RELAY_MS;
            if row.author == *peer || too_old {
                continue;
            }
            let group = match row.audience {
                Audience::Group(group) => self.definition(&snapshot, &group)?,
                Audience::Direct(_) => None,
            };
            let Ok(signed) = SignedRecall::decode(row.signed.as_slice()) else { continue };
            let SignedRecall { statement, signature } = self.believed_recall(signed);
            let held = Held(record::SignedRecall { author: row.author, audience: row.audience, statement, signature });
            let recall = match outbound_recall(held.clone(), &self.org(), peer, group.as_ref(), false) {
                // It has left the audience since.
                Err(_) if self.has_acknowledged(&snapshot, peer, &row)? => outbound_recall(held, &self.org(), peer, group.as_ref(), true),
                verdict => verdict,
            };
            recalls.extend(recall.ok().map(|recall| (id, recall)));
        }
        Ok(recalls)
    }

    /// Whether a peer has said that it has something of what a recall of ours is about.
    fn has_acknowledged(&self, snapshot: &Snapshot, peer: &OrgId, row: &RecallRow) -> Result<bool, NodeError> {
        let ack = snapshot.acks(&row.log)?.into_iter().find(|ack| ack.peer == *peer);
        let first = || self.own_recall_of(row).and_then(|recall| recall.withdrawal.seqs.first().copied());
        Ok(ack.is_some_and(|ack| first().is_some_and(|seq| seq <= ack.through)))
    }

    /// What a kept recall of ours says, whichever of our keys has signed it.
    fn own_recall_of(&self, row: &RecallRow) -> Option<Recall> {
        let signed = SignedRecall::decode(row.signed.as_slice()).ok().filter(|_| row.author == self.org())?;
        read_signed_recall(&signed, |author, _| self.log_keys(author).map(|keys| keys.ever()).unwrap_or_default()).ok()
    }

    /// A peer says that a recall which we sent it is durable there. With a receipt, it is one of a link for recalls alone.
    ///
    /// # Errors
    /// When the receipt is not the peer's or not about that recall, or the store takes no changes.
    pub async fn recall_told(&self, peer: &OrgId, id: [u8; 32], receipt: Option<&wire::SignedReceipt>) -> Result<(), RecallError> {
        if let Some(signed) = receipt {
            let receipt = read_signed_receipt(signed, peer, &self.org(), &self.current_key(peer))?;
            if !self.answers(&id, &receipt)? {
                return Err(Malformed("the receipt is not about the recall that it answers").into());
            }
            let Receipt { log, outcomes, at, withdrawal: _ } = receipt;
            self.commit(Change::Receipt { holder: *peer, log, outcomes, at }).await?;
        }
        self.commit(Change::RecallTold { peer: *peer, recall: id, at: self.clock.now() }).await?;
        Ok(())
    }

    /// Whether a receipt names positions of a recall of ours and nothing else.
    fn answers(&self, id: &[u8; 32], receipt: &Receipt) -> Result<bool, NodeError> {
        let recall = self.store.snapshot()?.recall(id)?.and_then(|row| self.own_recall_of(&row));
        let names = |recall: &Recall| {
            let Withdrawal { log, seqs, .. } = &recall.withdrawal;
            *log == receipt.log && receipt.outcomes.iter().all(|(seq, _)| seqs.binary_search(seq).is_ok())
        };
        Ok(recall.as_ref().is_some_and(names))
    }

    /// Our receipt for a recall that was just taken over a link for recalls alone, where nothing of a log can travel.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn receipt_for(&self, peer: &OrgId, recall: &Recall) -> Result<Option<Outbound<SignedReceipt>>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let Withdrawal { log, seqs, .. } = &recall.withdrawal;
        let mut outcomes = Vec::new();
        for seq in seqs {
            let known = snapshot.taken_back(log, *seq)?;
            outcomes.push((*seq, known.map_or(crate::model::record::ReceiptOutcome::Absent, |row| row.outcome)));
        }
        let receipt = Receipt { log: *log, outcomes, at: self.clock.now(), withdrawal: None };
        let signed = sign_receipt(self.org(), recall.author, &receipt, &self.keys.log_key());
        Ok(outbound_receipt(Held(signed), &self.org(), peer).ok())
    }

    /// A log has begun: recalls of its entries that came ahead of it are applied.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn replay_recalls(&self, log: &LogKey) -> Result<(), NodeError> {
        let kept = self.store.snapshot()?.recalls()?;
        for (_, row) in kept.into_iter().filter(|(_, row)| row.log == log.id() && row.author == log.author) {
            self.replay(&row).await?;
        }
        Ok(())
    }

    /// What was kept and not yet done when we died is done; once after a start.
    pub(super) async fn replay_all_recalls(&self) -> Result<(), NodeError> {
        if self.memory().replayed {
            return Ok(());
        }
        for (_, row) in self.store.snapshot()?.recalls()? {
            self.replay(&row).await?;
        }
        self.memory().replayed = true;
        Ok(())
    }

    async fn replay(&self, row: &RecallRow) -> Result<(), NodeError> {
        let snapshot = self.store.snapshot()?;
        let its_log = snapshot.log(&row.log)?.is_some_and(|log| log.key.author == row.author && log.key.audience == row.audience);
        if !its_log || row.author == self.org() {
            return Ok(());
        }
        let Ok(signed) = SignedRecall::decode(row.signed.as_slice()) else { return Ok(()) };
        // As it counted when it came, unless the key was stolen.
        let then = |author: &OrgId, at| self.log_keys(author).map(|keys| keys.at_and_now(at, row.at)).unwrap_or_default();
        let Ok(recall) = read_signed_recall(&signed, then) else { return Ok(()) };
        let Withdrawal { log, seqs, .. } = &recall.withdrawal;
        let is_done = |seq: &u64| Ok::<_, NodeError>(snapshot.taken_back(log, *seq)?.is_some_and(|row| row.mode == WithdrawalMode::Recall));
        if seqs.iter().map(is_done).collect::<Result<Vec<_>, _>>()?.contains(&false) {
            self.destroy_recalled(&recall, row.audience).await?;
        }
        Ok(())
    }

    /// Whether a recall is of a log that we may hold: the peer's own to us or to a group, or a fellow member's in a group.
    fn concerns_us(&self, snapshot: &Snapshot, peer: &OrgId, recall: &Recall, audience: Audience) -> Result<bool, NodeError> {
        let log = snapshot.log(&recall.withdrawal.log)?;
        let is_its_log = |log: &LogInfo| log.key.author == recall.author && log.key.audience == audience;
        let names_its_log = log.as_ref().is_none_or(is_its_log);
        let from_its_place = match audience {
            Audience::Direct(_) => recall.author == *peer,
            // What is held here its author takes back, whichever of us is a member no more.
            Audience::Group(_) if recall.author == *peer && log.is_some() => true,
            Audience::Group(group) => self
                .definition(snapshot, &group)?
                .is_some_and(|definition| definition.has(peer) && (definition.has(&recall.author) || log.is_some())),
        };
        Ok(names_its_log && from_its_place)
    }

    /// Whether another recall of this author may be kept ahead of its log.
    fn has_room(&self, snapshot: &Snapshot, author: &OrgId) -> Result<bool, NodeError> {
        let kept = snapshot.recalls()?.iter().filter(|(_, row)| row.author == *author).count();
        if kept >= RECALLS_PER_AUTHOR {
            tracing::warn!(%author, "an author has more recalls than are kept ahead of their logs; its log brings them");
        }
        Ok(kept < RECALLS_PER_AUTHOR)
    }

    /// Checks a recall, by its author's card or, where that has gone with its membership, by the keys of the logs of it that are held here.
    /// `None` where it is nobody's fault that it cannot be checked: neither is known, since a relay may pass on what a former member
    /// recalled, of whom nothing is held here; its author has put the key away since; or a relay knows a newer key of the author's than we
    /// do. Its log brings it then.
    fn read_recall(&self, peer: &OrgId, signed: &SignedRecall) -> Result<Option<Recall>, Malformed> {
        let now = self.clock.now();
        let error =
            match read_signed_recall(signed, |author, at| self.log_keys(author).map(|keys| keys.at_and_now(at, now)).unwrap_or_default()) {
                Ok(recall) => return Ok(Some(recall)),
                Err(error) => error,
            };
        let (author, group) = recall_author(signed)?;
        let Some(keys) = self.log_keys(&author) else {
            let logs = self.store.snapshot().and_then(|snapshot| snapshot.logs_of(&author)).unwrap_or_default();
            return Ok(read_signed_recall(signed, |_, _| logs.iter().map(|log| log.author_key).collect()).ok());
        };
        let put_away = read_signed_recall(signed, |_, _| keys.ever()).is_ok();
        let passed_on = author != *peer && group.is_some();
        if put_away || passed_on {
            tracing::info!(%author, %peer, put_away, "a recall is not signed with a key of its author's that counts");
            return Ok(None);
        }
        Err(error)
    }

    /// A recall of ours as it leaves: signed with a key that its reader believes.
    fn believed_recall(&self, recall: SignedRecall) -> SignedRecall {
        let keys = self.keys.log_keys();
        let ours = keys.has_earlier() && recall_author(&recall).is_ok_and(|(author, _)| author == self.org());
        let now = self.clock.now();
        if !ours || read_signed_recall(&recall, |_, at| keys.at_and_now(at, now)).is_ok() {
            return recall;
        }
        sign_recall_again(&recall, &self.keys.log_key())
    }

    /// Takes a recall ahead of its log: destroys, answers, and keeps it for those that we relay to. With `own_alone`, from its author
    /// alone. `None` where it is not done with, so that it may come again: no card of its author is known, it does not concern us as far
    /// as we know now, or there is no room to keep it before its log comes.
    ///
    /// # Errors
    /// When it is not signed by its author, or the store takes no changes.
    pub async fn take_recall(&self, peer: &OrgId, signed: &SignedRecall, own_alone: bool) -> Result<Option<Taken>, RecallError> {
        let Some(recall) = self.read_recall(peer, signed)? else { return Ok(None) };
        if own_alone && recall.author != *peer {
            return Err(Malformed("over a link for recalls alone each side sends its own").into());
        }
        #[cfg(feature = "simulation")]
        if crate::simulation::planted(crate::simulation::Bug::ForgetRecall) {
            return Ok(None);
        }
        let id = id_of(signed);
        if recall.author == self.org() {
            return Ok(Some(Taken { id, recall }));
        }
        let audience = match recall.group {
            Some(group) => Audience::Group(group),
            None => Audience::Direct(self.org()),
        };
        let snapshot = self.store.snapshot().map_err(NodeError::from)?;
        if snapshot.has_recall(&id).map_err(NodeError::from)? {
            return Ok(Some(Taken { id, recall }));
        }
        if !self.concerns_us(&snapshot, peer, &recall, audience)? {
            return Ok(None);
        }
        // Positions name nothing before their log is known to be this author's; a log that we do not hold yet waits for its own withdrawal.
        let is_known = |snapshot: &Snapshot| snapshot.log(&recall.withdrawal.log).map(|log| log.is_some()).map_err(NodeError::from);
        let known = is_known(&snapshot)?;
        if known {
            self.destroy_recalled(&recall, audience).await?;
        }
        let room = self.has_room(&snapshot, &recall.author)?;
        drop(snapshot);
        if room {
            // Last, since one that is kept is not looked at again.
            self.commit(self.keep_recall(&recall, audience, signed)).await?;
            self.touch();
        }
        // Over another link its log began meanwhile, and looked for what is kept too early.
        if !known && is_known(&self.store.snapshot().map_err(NodeError::from)?)? {
            self.destroy_recalled(&recall, audience).await?;
        }
        Ok((room || known).then_some(Taken { id, recall }))
    }

    async fn destroy_recalled(&self, recall: &Recall, audience: Audience) -> Result<(), NodeError> {
        let Withdrawal { log, seqs, mode, reason } = recall.withdrawal.clone();
        // Before the body goes: afterwards nothing tells any more what was passed on because of it.
        if let Some(follow) = self.to_follow(&recall.author, audience, &recall.withdrawal)? {
            self.follow(follow).await?;
        }
        let outcome = self.commit(Change::TakeBack { log, seqs, mode, reason, at: self.clock.now(), bars: true }).await?;
        if let Outcome::TakenBack(outcomes) = outcome {
            let taken = TakenBack { withdrawal: EntryHash([0; 32]), log, mode, outcomes, posted: false };
            self.answer_taken_back(&recall.author, audience, taken).await?;
        }
        Ok(())
    }
}

/// The same statement under another key of its author's says nothing new.
fn id_of(signed: &SignedRecall) -> [u8; 32] {
    sha256(&[&signed.statement])
}

/// A recall that is done with here.
#[derive(Debug)]
pub struct Taken {
    /// SHA-256 of its statement.
    pub id: [u8; 32],
    /// What it says.
    pub recall: Recall,
}
