//! Who came before: people by the subject that their partner gave them, partners by how many cases went the same way. Looked up for each offer, so what a
//! look through all of them finds is kept in memory.

use super::super::{Node, NodeError};
use crate::model::referral::Offer;
use crate::model::vocabulary::Code;
use crate::model::{OrgId, ReferralId, SubjectRef};
use crate::rules::referral::Side;
use crate::store::{Conversation, Snapshot};
use std::collections::{BTreeMap, BTreeSet};

/// What was offered between us and one partner, one way.
#[derive(Debug, Default)]
pub(in super::super) struct Acquaintance {
    /// The referrals of which something was kept.
    looked_at: BTreeSet<ReferralId>,
    /// Those of each subject; whether an offer is here still is asked of the store.
    subjects: BTreeMap<SubjectRef, Vec<ReferralId>>,
}

impl Node {
    /// Whether the person came before, and how many cases went the same way between the two before this one. A subject is random for each person and
    /// partner, and is compared with those of offers that are here still; nothing is kept but whether there was one. For whoever holds the turn.
    pub(super) fn acquainted(&self, snapshot: &Snapshot, conversation: &Conversation, offer: &Offer) -> Result<(Code, Code), NodeError> {
        let (id, between) = (conversation.id, (conversation.row.peer, conversation.row.side));
        let known = self.memory().acquainted.remove(&between);
        let mut known = known.map_or_else(|| self.offered_between(snapshot, between), Ok)?;
        let about = known.subjects.entry(offer.subject).or_default();
        about.retain(|one| *one != id);
        // What is destroyed never comes back.
        while let Some(last) = about.last()
            && self.subject_of(snapshot, last)? != Some(offer.subject)
        {
            about.pop();
        }
        let returning = !about.is_empty();
        about.push(id);
        known.looked_at.remove(&id);
        let before = known.looked_at.len();
        self.memory().acquainted.insert(between, known);
        let bucket = match before {
            0 => "none_before",
            1..5 => "under_5_before",
            5..20 => "under_20_before",
            _ => "20_or_more_before",
        };
        let code = |text: &str| text.parse().map_err(|_| NodeError::Internal("a code of ours is none".into()));
        Ok((code(if returning { "returning" } else { "new" })?, code(bucket)?))
    }

    /// Something is kept of a referral: it counts before those that are looked at later.
    pub(super) fn was_looked_at(&self, conversation: &Conversation) {
        if let Some(known) = self.memory().acquainted.get_mut(&(conversation.row.peer, conversation.row.side)) {
            known.looked_at.insert(conversation.id);
        }
    }

    /// All that was offered, once after each start.
    fn offered_between(&self, snapshot: &Snapshot, between: (OrgId, Side)) -> Result<Acquaintance, NodeError> {
        let mut known = Acquaintance::default();
        for (id, row) in snapshot.referrals()? {
            // What was looked at before came before, whatever the clock did.
            if (row.peer, row.side) != between || self.ours(snapshot, &id)?.skeleton.is_none() {
                continue;
            }
            known.looked_at.insert(id);
            if let Some(subject) = self.subject_of(snapshot, &id)? {
                known.subjects.entry(subject).or_default().push(id);
            }
        }
        Ok(known)
    }

    fn subject_of(&self, snapshot: &Snapshot, id: &ReferralId) -> Result<Option<SubjectRef>, NodeError> {
        let conversation = snapshot.conversation(id)?;
        let offer = conversation.map(|conversation| self.offer_of(snapshot, &conversation)).transpose()?.flatten();
        Ok(offer.map(|offer| offer.subject))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::link::convert::encode_record;
    use crate::model::crypto::SigningKey;
    use crate::model::log::{AbsentReason, Audience, Batch, BatchEntry, Body, Head, LogKey};
    use crate::model::referral::{Message, Words};
    use crate::model::{Record, RecordKind, Timestamp, Tlp};
    use crate::store::change::{Change, Meaning, Received, ReferralMark, Verdict};
    use std::sync::Arc;
    use tokio::time::Instant;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn offer(subject: u128) -> Offer {
        let case = serde_json::json!({
            "nature": "reactive", "incident_types": ["account_compromise"], "requester_kind": "individual", "beneficiary_type": "journalist",
            "region": "europe", "help_wanted": ["take_over"], "summary": "An account was taken over.",
            "consent": { "basis": "explicit", "obtained": NOW, "obtained_by": "handler" },
        });
        Offer { subject: SubjectRef(subject.to_be_bytes()), ..serde_json::from_value(case).unwrap() }
    }

    /// A node, and a partner whose log it reads.
    struct Home {
        directory: tempfile::TempDir,
        node: Arc<Node>,
        heads: BTreeMap<u8, Head>,
    }

    impl Home {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let data = directory.path().join("node");
            Node::init(&data, &[], &Clock::manual(NOW)).unwrap();
            std::fs::write(data.join(crate::config::FILE), crate::config::initial("home", "127.0.0.1:0", &[])).unwrap();
            let node = Node::open(&data, Clock::manual(NOW)).unwrap();
            Self { directory, node, heads: BTreeMap::new() }
        }

        fn restarted(self) -> Self {
            let Self { directory, node, heads } = self;
            node.store.close();
            drop(node);
            let node = Node::open(&directory.path().join("node"), Clock::manual(NOW)).unwrap();
            Self { directory, node, heads }
        }

        fn log(&self, partner: u8) -> LogKey {
            LogKey { author: OrgId([partner; 32]), incarnation: 1, audience: Audience::Direct(self.node.org()) }
        }

        /// Offers about these subjects come from a partner, each as a referral of its own.
        async fn come(&mut self, partner: u8, subjects: impl Iterator<Item = u128>) -> Vec<ReferralId> {
            let (log, head) = (self.log(partner), self.heads.entry(partner).or_default());
            let messages: Vec<Message> = subjects
                .map(|subject| Message {
                    referral: ReferralId(crate::model::crypto::random()),
                    number: 1,
                    seen: 0,
                    heard: [0; 32],
                    vocabulary: String::new(),
                    words: Words::Offer(Box::new(offer(subject))),
                })
                .collect();
            let entry = |message: &Message| BatchEntry {
                created: NOW,
                kind: RecordKind::Referral.number(),
                label: Tlp::AmberStrict.into(),
                retention: Timestamp(0),
                body: Body::Present(encode_record(&Record::Referral(message.clone()))),
            };
            let (key, entries) = (SigningKey::from_seed([partner; 32]), messages.iter().map(entry).collect());
            let (batch, headers) = Batch::seal_with_headers(log.id(), *head, entries, [8; 32], NOW, 0, &key).unwrap();
            *head = batch.checkpoint.head;
            let said = |message: &Message| Meaning::Said(super::super::super::share::said_of(&Record::Referral(message.clone())).unwrap());
            let received =
                |(header, message): (_, &Message)| Received { header, verdict: Verdict::Accepted, problem: None, meaning: said(message) };
            let entries = headers.into_iter().zip(&messages).map(received).collect();
            self.node.commit(Change::Receive { log, author_key: key.public(), batch, entries, at: NOW }).await.unwrap();
            messages.into_iter().map(|message| message.referral).collect()
        }

        /// What is found of a referral, and kept.
        async fn look(&self, id: &ReferralId) -> [String; 2] {
            let snapshot = self.node.store.snapshot().unwrap();
            let conversation = snapshot.conversation(id).unwrap().unwrap();
            let mut ours = self.node.ours(&snapshot, id).unwrap();
            self.node.keep_skeleton(&snapshot, &conversation, &mut ours).unwrap();
            self.node.commit(ours.keep(id)).await.unwrap();
            let skeleton = ours.skeleton.unwrap();
            [skeleton.person, skeleton.partner].map(|code| code.unwrap().as_str().to_owned())
        }

        async fn offered(&mut self, partner: u8, subject: u128) -> [String; 2] {
            let ids = self.come(partner, std::iter::once(subject)).await;
            self.look(&ids[0]).await
        }
    }

    #[tokio::test]
    async fn who_came_before_is_known_while_their_offer_is_here() {
        let mut home = Home::new();
        assert_eq!(home.offered(1, 7).await, ["new", "none_before"]);
        assert_eq!(home.offered(1, 8).await, ["new", "under_5_before"]);
        assert_eq!(home.offered(1, 7).await, ["returning", "under_5_before"]);
        assert_eq!(home.offered(2, 7).await, ["new", "none_before"], "another partner's subject is another's");
        let destroy = |home: &Home, seqs| Change::Destroy { log: home.log(1).id(), seqs, reason: AbsentReason::Expired, at: NOW };
        home.node.commit(destroy(&home, vec![3])).await.unwrap();
        assert_eq!(home.offered(1, 7).await, ["returning", "under_5_before"], "the first is here still");
        home.node.commit(destroy(&home, vec![1, 4])).await.unwrap();
        assert_eq!(home.offered(1, 7).await, ["new", "under_5_before"]);
        let mut home = home.restarted();
        assert_eq!(home.offered(1, 8).await, ["returning", "under_20_before"], "a restart finds the same");
        let again = home.come(1, [8].into_iter()).await;
        assert_eq!(home.look(&again[0]).await, ["returning", "under_20_before"]);
        assert_eq!(home.look(&again[0]).await, ["returning", "under_20_before"], "what was kept stays");
    }

    /// `cargo test --release --lib acquainted -- --ignored --nocapture` prints how long a look takes.
    #[tokio::test]
    #[ignore = "it measures"]
    async fn a_look_among_thousands_of_offers_of_one_partner() {
        let mut home = Home::new();
        for portion in 0..5 {
            let ids = home.come(1, (0..1_000).map(|n| portion * 1_000 + n)).await;
            let kept = br#"{"skeleton":{}}"#.to_vec();
            let shelf = crate::store::change::Shelf::Referral;
            let keep = |id: &ReferralId| Change::Keep { shelf, id: id.0, row: Some(kept.clone()) };
            let over = |id: &ReferralId| Change::MarkReferral { id: *id, mark: ReferralMark::Over };
            home.node.commit_many(ids.iter().map(keep).chain(ids.iter().map(over)).collect()).await.unwrap();
        }
        for (what, subject) in [("the first look", 4_711), ("another", 815), ("somebody new", 1 << 64)] {
            let id = home.come(1, std::iter::once(subject)).await[0];
            let snapshot = home.node.store.snapshot().unwrap();
            let conversation = snapshot.conversation(&id).unwrap().unwrap();
            let began = Instant::now();
            let found = home.node.acquainted(&snapshot, &conversation, &offer(subject)).unwrap();
            println!("{what}: {:?}, {} {}", began.elapsed(), found.0, found.1);
        }
    }
}
