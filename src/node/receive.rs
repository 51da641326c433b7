//! A batch came: verified, understood, durable, answered. Parse after verifying; one bad record never stops a log.

use super::relay::Follow;
use super::share::Remarks;
use super::{Node, NodeError};
use crate::link::convert::{Malformed, decode_record, encode_record};
use crate::model::log::{Audience, Batch, BatchEntry, BatchError, Body, Head, Header, LogKey};
use crate::model::record::{Receipt, Withdrawal};
use crate::model::{LogId, OrgId, Record, RecordKind, ReferralId, Timestamp, Tlp};
use crate::rules::label::Held;
use crate::rules::referral::Step;
use crate::rules::release::Draft;
use crate::store::CommitError;
use crate::store::change::{Change, Meaning, Outcome, Received, Said, TakenBack, Verdict};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A batch that is verified and understood, and not stored yet.
#[derive(Debug)]
pub struct Understood {
    /// The change that stores it.
    pub change: Change,
    /// Where the log stands after it.
    pub head: Head,
    /// The key of later batches.
    pub author_key: [u8; 32],
    /// What a hidden group's owner takes back because of it.
    pub follow: Vec<Follow>,
    /// What is to be done once it is durable.
    pub consequences: Consequences,
}

/// What follows from a batch once it is durable. Dropped before that is done, it is left to the upkeep.
#[derive(Debug)]
pub struct Consequences {
    /// The position of its first entry.
    pub first: u64,
    /// Whether something follows that is noted with the batch, see [`Change::Owe`].
    pub owes: bool,
    /// The referrals of which it says something.
    referrals: BTreeSet<ReferralId>,
    /// Whether it brings something to the board.
    posted: bool,
    /// Held while the node has something to do because of what it heard.
    _reacting: Option<Arc<()>>,
}

/// A batch that we hold, read anew.
#[derive(Debug)]
pub(super) struct Stored {
    /// Whose log it is in.
    pub key: LogKey,
    /// The last of its positions.
    pub last: u64,
    /// The change that receives it again.
    pub change: Change,
    /// What is to be done then.
    pub consequences: Consequences,
}

impl Node {
    /// Checks that a batch follows `head` in its author's log, signed with one of these keys, and reads what it says.
    ///
    /// # Errors
    /// When it is not its author's: then nothing of it may be kept.
    pub fn understand(&self, log: &LogKey, head: Head, author_key: [u8; 32], batch: Batch) -> Result<Understood, BatchError> {
        let headers = batch.verify(log.id(), head, &author_key)?;
        let (received, author_key) = self.understand_entries(log, author_key, headers.into_iter().zip(&batch.entries));
        let follow = received.iter().filter_map(|entry| self.follow_of(log, &entry.meaning)).collect();
        let first = batch.first;
        let head = batch.checkpoint.head;
        let owes = received.iter().any(|entry| entry.meaning.is_followed()) || self.owes_whatever_it_says(log, first);
        let consequences = self.consequences(first, owes, &received);
        let change = Change::Receive { log: *log, author_key, batch, entries: received, at: self.clock.now() };
        Ok(Understood { change, head, author_key, follow, consequences })
    }

    /// Whether something follows from a batch of this log even if it takes nothing back. When that cannot be read, it may.
    fn owes_whatever_it_says(&self, log: &LogKey, first: u64) -> bool {
        let recalled_ahead = || {
            let recalls = self.store.snapshot().and_then(|snapshot| snapshot.recalls());
            recalls.map_or(true, |recalls| recalls.iter().any(|(_, row)| row.log == log.id()))
        };
        self.is_passed_on(log).unwrap_or(true) || (first == 1 && recalled_ahead())
    }

    /// Makes a batch durable, and with it the note that something follows from it.
    ///
    /// # Errors
    /// When the batch does not fit the log, or the store takes no changes.
    pub async fn keep(&self, log: LogId, change: Change, consequences: &Consequences) -> Result<Outcome, CommitError> {
        let note = consequences.owes.then_some(Change::Owe { log, first: consequences.first, owed: true });
        let outcomes = self.commit_many(std::iter::once(change).chain(note).collect()).await?;
        outcomes.into_iter().next().ok_or(CommitError::Closed)
    }

    /// Does what still follows from batches that were received before: we died, or the disk failed, before it was done.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn pay_what_is_owed(&self) -> Result<(), NodeError> {
        self.replay_all_recalls().await?;
        for (log, first) in self.store.snapshot()?.owed()? {
            match self.stored_batch(&log, first)? {
                Some(stored) => {
                    // Received again it changes nothing, and tells again what it did.
                    let outcome = self.commit(stored.change).await?;
                    self.received(&stored.key, outcome, stored.consequences).await?;
                }
                None => drop(self.commit(Change::Owe { log, first, owed: false }).await?),
            }
        }
        self.take_back_all_that_came_back().await
    }

    /// The batch that we hold with this position, read anew.
    pub(super) fn stored_batch(&self, log: &LogId, seq: u64) -> Result<Option<Stored>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let (Some(row), Some(Held(batch))) = (snapshot.log(log)?, snapshot.batch_at(log, seq)?) else { return Ok(None) };
        let (first, last) = (batch.first, batch.checkpoint.head.size);
        let Some(header) = snapshot.header(log, first)? else { return Ok(None) };
        let before = Head { size: first - 1, hash: header.prev };
        let Ok(headers) = batch.headers(*log, before) else { return Ok(None) };
        let (entries, _) = self.understand_entries(&row.key, row.author_key, headers.into_iter().zip(&batch.entries));
        let consequences = self.consequences(first, true, &entries);
        let change = Change::Receive { log: row.key, author_key: row.author_key, batch, entries, at: self.clock.now() };
        Ok(Some(Stored { key: row.key, last, change, consequences }))
    }

    fn consequences(&self, first: u64, owes: bool, entries: &[Received]) -> Consequences {
        let (mut referrals, mut posted) = (BTreeSet::new(), false);
        for entry in entries {
            match &entry.meaning {
                Meaning::Said(said) => drop(referrals.insert(said.referral)),
                Meaning::Posted => posted = true,
                _ => {}
            }
        }
        let reacts = posted || !referrals.is_empty();
        Consequences { first, owes, referrals, posted, _reacting: reacts.then(|| self.reacting.clone()) }
    }

    fn follow_of(&self, log: &LogKey, meaning: &Meaning) -> Option<Follow> {
        let Meaning::TakeBack { log: of, seqs, mode, reason } = meaning else { return None };
        let withdrawal = Withdrawal { log: *of, seqs: seqs.clone(), mode: *mode, reason: reason.clone() };
        self.to_follow(&log.author, log.audience, &withdrawal).ok().flatten()
    }

    /// What entries say that were verified, the first of them under this key; and the key of later ones.
    fn understand_entries<'a>(
        &self,
        log: &LogKey,
        mut author_key: [u8; 32],
        entries: impl Iterator<Item = (Header, &'a BatchEntry)>,
    ) -> (Vec<Received>, [u8; 32]) {
        let understood = entries.map(|(header, entry)| {
            let mut received = self.understand_entry(log, header, &entry.body);
            received.meaning = self.only_to_a_newer_key(&log.author, author_key, received.meaning);
            if let Meaning::KeyChange(next) = received.meaning {
                author_key = next;
            }
            received
        });
        (understood.collect(), author_key)
    }

    fn understand_entry(&self, log: &LogKey, header: Header, body: &Body) -> Received {
        let (verdict, problem, meaning) = match body {
            Body::Absent { .. } => (Verdict::Accepted, None, Meaning::None),
            Body::Present(_) if header.label.tlp() == Tlp::Red && matches!(log.audience, Audience::Group(_)) => {
                (Verdict::Refused, Some("TLP:RED in a group's log".to_owned()), Meaning::None)
            }
            Body::Present(body) => match self.understand_body(log, header.kind, body) {
                Ok(meaning @ Meaning::Said(Said { step: Step::Newer, .. })) => {
                    let problem = "it says something about a referral that this version does not know";
                    (Verdict::Unsupported, Some(problem.to_owned()), meaning)
                }
                Ok(meaning) => (Verdict::Accepted, None, meaning),
                Err((verdict, problem)) => (verdict, Some(problem.to_owned()), Meaning::None),
            },
        };
        Received { header, verdict, problem, meaning }
    }

    /// How many batches of our own have come back to us since the start.
    pub fn batches_back(&self) -> u64 {
        self.memory().back
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
            Record::Profile(_) => Meaning::Profile,
            Record::Referral(message) => self.understand_message(log, message)?,
            record @ (Record::Alert(_) | Record::Call(_) | Record::Volunteer(_)) => self.understand_posted(log, &record)?,
            #[cfg(feature = "simulation")]
            Record::Withdrawal(_) if crate::simulation::planted(crate::simulation::Bug::ForgetRecall) => Meaning::None,
            Record::Withdrawal(withdrawal) => {
                Meaning::TakeBack { log: withdrawal.log, seqs: withdrawal.seqs, mode: withdrawal.mode, reason: withdrawal.reason }
            }
            Record::Receipt(receipt) if !self.is_our_log(&receipt.log) => Meaning::None,
            Record::Receipt(receipt) => Meaning::Receipt { log: receipt.log, outcomes: receipt.outcomes, at: receipt.at },
            Record::Match(_) if !matches!(log.audience, Audience::Direct(_)) => {
                return Err((Verdict::Invalid, "a match in a group's log"));
            }
            Record::Match(_) => Meaning::Match,
            Record::Sighting(sighting) => self.understand_sighting(log, sighting)?,
            // A key counts once the author's card, which its root signed, names it.
            Record::KeyChange(key) if self.log_keys(&log.author).is_some_and(|keys| keys.number(&key).is_some()) => Meaning::KeyChange(key),
            Record::KeyChange(_) => return Err((Verdict::Invalid, "the new key is none that the author's card names")),
        })
    }

    /// What follows once a batch is durable: receipts for what was taken back, what a hidden group's owner passes on, and whoever
    /// relays is told. Returns the verdicts to be acknowledged.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes; the batch stays durable.
    pub async fn received(&self, log: &LogKey, outcome: Outcome, consequences: Consequences) -> Result<Vec<(u64, Verdict)>, NodeError> {
        let Consequences { first, owes, referrals, posted, _reacting: reacting } = consequences;
        let Outcome::Received { verdicts, taken_back } = outcome else { return Ok(Vec::new()) };
        if !taken_back.is_empty() {
            self.packed.forget();
        }
        let was_on_the_board = taken_back.iter().any(|taken| taken.posted);
        if log.author == self.org() {
            self.memory().back += 1;
        }
        self.touch();
        let through = first + verdicts.len() as u64;
        if first == 1 {
            self.replay_recalls(log).await?;
        }
        for taken in taken_back {
            self.answer_taken_back(&log.author, log.audience, taken).await?;
        }
        self.followed_in_hidden_group(log, first..through).await?;
        for referral in &referrals {
            self.has_moved(referral).await;
        }
        // A case that came may be one that somebody has warned of.
        if posted || was_on_the_board || !referrals.is_empty() {
            self.board_changed.ring();
        }
        drop(reacting);
        if owes {
            self.hear_of_matches(log, first..through).await?;
            self.hear_of_sightings(log, first..through).await?;
            self.commit(Change::Owe { log: log.id(), first, owed: false }).await?;
        }
        self.settle_restore().await?;
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
        let audience = match audience {
            _ if paired => Audience::Direct(*author),
            Audience::Group(_) => audience,
            // Suspended or removed: nothing travels to it in a log.
            Audience::Direct(_) => return Ok(()),
        };
        self.release_record(Record::Receipt(receipt), audience).await
    }

    /// Releases a record of our own making that nobody has to be asked about: a receipt.
    pub(super) async fn release_record(&self, record: Record, audience: Audience) -> Result<(), NodeError> {
        if let Some(change) = self.release_of(record, audience)? {
            self.commit(change).await?;
            self.position_or_later(audience).await;
        }
        Ok(())
    }

    /// The change that releases a record of our own making, to be made with others; none where the gate withholds it.
    pub(super) fn release_of(&self, record: Record, audience: Audience) -> Result<Option<Change>, NodeError> {
        debug_assert!(encode_record(&record).len() <= crate::model::log::BODY_BYTES_MAX);
        let door = self.door(audience)?;
        let draft = Draft { record, label: Tlp::AmberStrict.into(), audience, retention: self.retention(door.now) };
        match self.pass_gate(&door, draft) {
            Ok(item) => Ok(Some(self.release_change(audience, vec![item], &Remarks::not_held(&door)))),
            Err(reason) => {
                tracing::warn!(%reason, "a record of our own making was withheld");
                Ok(None)
            }
        }
    }
}
