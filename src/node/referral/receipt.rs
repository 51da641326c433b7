//! A machine's receipt of an offer that comes in is durable with it, in one commit, since the other side waits for it.

use super::super::{Node, NodeError};
use super::case::Permit;
use super::say::Passed;
use crate::link::convert::decode_record;
use crate::model::log::{Audience, Body};
use crate::model::referral::{Message, Words, heard};
use crate::model::{Record, RecordKind, Timestamp, Tlp};
use crate::rules::referral::{self, Facts, Side, Step, by_itself, standing};
use crate::store::CommitError;
use crate::store::change::{Change, Meaning, Outcome, Verdict};

impl Node {
    /// Makes a batch that came durable with our receipt of the offer that it is. `None`, and nothing made, unless it is an offer of a new case and
    /// nothing else, from which nothing more follows; and where the receipt cannot have its position at once: then the node says it afterwards, as what
    /// else it says by itself. To be waited for: others wait for the lock on positions meanwhile.
    pub async fn keep_with_receipt(&self, received: &Change) -> Option<Result<Outcome, CommitError>> {
        let _one_at_a_time = self.positioning.try_lock().ok()?;
        let receipt = self.receipt_beside(received).unwrap_or_else(|error| {
            tracing::warn!(code = error.code(), "the receipt of an offer follows later");
            None
        });
        match self.commit_many(vec![received.clone(), receipt?]).await {
            Ok(outcomes) => Some(outcomes.into_iter().next().ok_or(CommitError::Closed)),
            // The offer is not taken, or something has moved meanwhile.
            Err(CommitError::Refused(_)) => None,
            Err(error) => Some(Err(error)),
        }
    }

    fn receipt_beside(&self, received: &Change) -> Result<Option<Change>, NodeError> {
        let Change::Receive { log, batch, entries, .. } = received else { return Ok(None) };
        let ([entry], [one]) = (entries.as_slice(), batch.entries.as_slice()) else { return Ok(None) };
        let (Meaning::Said(said), Body::Present(body)) = (&entry.meaning, &one.body) else { return Ok(None) };
        let is_first = said.number == 1 && said.step == Step::Offer && entry.verdict == Verdict::Accepted;
        if !is_first || log.author == self.org() || self.store.snapshot()?.referral(&said.referral)?.is_some() {
            return Ok(None);
        }
        let Ok(Record::Referral(Message { words: Words::Offer(offer), .. })) = decode_record(RecordKind::Referral, body) else {
            return Ok(None);
        };
        let known = standing(&[referral::Message { seen: said.seen, step: said.step }], &[]);
        let refused = offer.expires.is_some_and(|expires| expires <= self.clock.now());
        let step = by_itself(Side::Receiver, &known, Facts { refused, ..Facts::default() });
        if step != Some(Step::Receipt) || known.judged(Side::Origin) != 1 {
            return Ok(None);
        }
        let message = Message {
            referral: said.referral,
            number: 1,
            seen: 1,
            heard: heard(&[0; 32], body),
            vocabulary: self.vocabularies.version(),
            words: Words::Receipt,
        };
        let audience = Audience::Direct(log.author);
        // As `next_message` has it of what says nothing of the case.
        let passed = self.pass_message(&Permit::back(), message, Tlp::AmberStrict.into(), audience, Timestamp(0))?;
        let Passed { item, remarks, .. } = passed;
        if Self::waits_for_a_person(&item) { Ok(None) } else { self.publish_at_once(audience, item, &remarks) }
    }
}
