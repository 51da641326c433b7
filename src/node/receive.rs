//! A batch came: verified, understood, durable, answered. Parse after verifying; one bad record never stops a log.

use super::relay::Follow;
use super::{Node, NodeError};
use crate::link::convert::{Malformed, decode_record, encode_record};
use crate::model::log::{Audience, Batch, BatchError, Body, Head, Header, LogKey};
use crate::model::record::{Receipt, Withdrawal};
use crate::model::{LogId, OrgId, Record, RecordKind, Timestamp, Tlp};
use crate::rules::release::Draft;
use crate::store::change::{Change, Meaning, Outcome, Received, TakenBack, Verdict};

/// A batch that is verified and understood, and not stored yet.
#[derive(Debug)]
pub struct Understood {
    /// The change that stores it.
    pub change: Change,
    /// Where the log stands after it.
    pub head: Head,
    /// The key of later batches.
    pub author_key: [u8; 32],
    /// The position of its first entry.
    pub first: u64,
    /// What a hidden group's owner takes back because of it.
    pub follow: Vec<Follow>,
}

impl Node {
    /// Checks that a batch follows `head` in its author's log, signed with one of these keys, and reads what it says.
    ///
    /// # Errors
    /// When it is not its author's: then nothing of it may be kept.
    pub fn understand(&self, log: &LogKey, head: Head, author_keys: &[[u8; 32]], batch: Batch) -> Result<Understood, BatchError> {
        let id = log.id();
        let mut verified = Err(BatchError::Signature);
        let mut author_key = [0; 32];
        for key in author_keys {
            (verified, author_key) = (batch.verify_headers(id, head, key), *key);
            if !matches!(verified, Err(BatchError::Signature)) {
                break;
            }
        }
        let entries = verified?.into_iter().zip(&batch.entries);
        let received: Vec<Received> = entries.map(|(header, entry)| self.understand_entry(log, header, &entry.body)).collect();
        let next_key = received.iter().rev().find_map(|entry| match entry.meaning {
            Meaning::KeyChange(key) => Some(key),
            _ => None,
        });
        let author_key = next_key.unwrap_or(author_key);
        let follow = received.iter().filter_map(|entry| self.follow_of(log, &entry.meaning)).collect();
        let first = batch.first;
        let head = batch.checkpoint.head;
        let change = Change::Receive { log: *log, author_key, batch, entries: received, at: self.clock.now() };
        Ok(Understood { change, head, author_key, first, follow })
    }

    fn follow_of(&self, log: &LogKey, meaning: &Meaning) -> Option<Follow> {
        let Meaning::TakeBack { log: of, seqs, mode, reason } = meaning else { return None };
        let withdrawal = Withdrawal { log: *of, seqs: seqs.clone(), mode: *mode, reason: reason.clone() };
        self.to_follow(&log.author, log.audience, &withdrawal).ok().flatten()
    }

    fn understand_entry(&self, log: &LogKey, header: Header, body: &Body) -> Received {
        let (verdict, problem, meaning) = match body {
            Body::Absent { .. } => (Verdict::Accepted, None, Meaning::None),
            Body::Present(_) if header.tlp == Tlp::Red && matches!(log.audience, Audience::Group(_)) => {
                (Verdict::Refused, Some("TLP:RED in a group's log".to_owned()), Meaning::None)
            }
            Body::Present(body) => match self.understand_body(log, header.kind, body) {
                Ok(meaning) => (Verdict::Accepted, None, meaning),
                Err((verdict, problem)) => (verdict, Some(problem.to_owned()), Meaning::None),
            },
        };
        Received { header, verdict, problem, meaning }
    }

    fn is_our_log(&self, log: &LogId) -> bool {
        let known = self.store.snapshot().and_then(|snapshot| snapshot.log(log));
        matches!(known, Ok(Some(known)) if known.key.author == self.org())
    }

    /// What a body says, or the verdict and the reason when it says nothing.
    pub(super) fn understand_body(&self, log: &LogKey, kind: u8, body: &[u8]) -> Result<Meaning, (Verdict, &'static str)> {
        let kind = RecordKind::from_number(kind).ok_or((Verdict::Unsupported, "a kind of record that this version does not know"))?;
        let record = decode_record(kind, body).map_err(|Malformed(what)| (Verdict::Invalid, what))?;
        Ok(match record {
            Record::Indicator(indicator) => Meaning::Indicator {
                record: self.record_id(&log.author, &indicator.observable),
                inside: super::share::inside(&indicator.observable),
                valid_until: indicator.valid_until,
                observable: indicator.observable,
            },
            Record::Withdrawal(withdrawal) => {
                Meaning::TakeBack { log: withdrawal.log, seqs: withdrawal.seqs, mode: withdrawal.mode, reason: withdrawal.reason }
            }
            Record::Receipt(receipt) if !self.is_our_log(&receipt.log) => Meaning::None,
            Record::Receipt(receipt) => Meaning::Receipt { log: receipt.log, outcomes: receipt.outcomes, at: receipt.at },
            // A key counts once the author's card, which its root signed, names it.
            Record::KeyChange(key) if self.author_keys(&log.author).contains(&key) => Meaning::KeyChange(key),
            Record::KeyChange(_) => return Err((Verdict::Invalid, "the new key is not the one that the author's card names")),
        })
    }

    /// What follows once a batch is durable: receipts for what was taken back, what a hidden group's owner passes on, and whoever
    /// relays is told. Returns the verdicts to be acknowledged.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes; the batch stays durable.
    pub async fn received(
        &self,
        log: &LogKey,
        outcome: Outcome,
        first: u64,
        follow: Vec<Follow>,
    ) -> Result<Vec<(u64, Verdict)>, NodeError> {
        let Outcome::Received { verdicts, taken_back } = outcome else { return Ok(Vec::new()) };
        if !taken_back.is_empty() {
            self.packed.forget();
        }
        self.touch();
        let through = first + verdicts.len() as u64;
        if first == 1 {
            self.replay_recalls(log).await?;
        }
        for taken in taken_back {
            self.answer_taken_back(&log.author, log.audience, taken).await?;
        }
        self.pass_on_in_hidden_group(log, first..through).await?;
        for follow in follow {
            self.follow(follow).await?;
        }
        Ok((first..).zip(verdicts).filter(|(_, verdict)| *verdict != Verdict::Accepted).collect())
    }

    /// Our receipt goes to the author alone where it is our peer, else into the group's log.
    pub(super) async fn answer_taken_back(&self, author: &OrgId, audience: Audience, taken: TakenBack) -> Result<(), NodeError> {
        if *author == self.org() || taken.outcomes.is_empty() {
            return Ok(());
        }
        let at: Timestamp = self.clock.now();
        let receipt = Receipt { log: taken.log, outcomes: taken.outcomes, at, withdrawal: Some(taken.withdrawal) };
        let paired = self.open_peers()?.iter().any(|peer| peer.org == *author);
        let audience = if paired { Audience::Direct(*author) } else { audience };
        self.release_record(Record::Receipt(receipt), audience).await
    }

    /// Releases a record of our own making that nobody has to be asked about: a receipt, a withdrawal.
    pub(super) async fn release_record(&self, record: Record, audience: Audience) -> Result<(), NodeError> {
        debug_assert!(encode_record(&record).len() <= crate::model::log::BODY_BYTES_MAX);
        let draft = Draft { record, tlp: Tlp::AmberStrict, audience, retention: self.retention() };
        match self.pass_gate(&self.door(audience)?, draft) {
            Ok(item) => self.queue(audience, vec![item], true).await.map(|_| ()),
            Err(reason) => {
                tracing::warn!(%reason, "a record of our own making was withheld");
                Ok(())
            }
        }
    }
}
