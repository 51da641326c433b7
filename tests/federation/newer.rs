//! A partner is ahead: what it says in kinds that this program does not know yet is kept, and read by the program that does.

use crate::harness::*;
use crate::referrals::{case, code};
use crate::{alerts, calls};
use watchfire::model::log::Head;
use watchfire::model::referral::Priority;
use watchfire::model::{RecordKind, Tlp};
use watchfire::node::referral::By;
use watchfire::rules::label::Held;
use watchfire::rules::notify::Event;
use watchfire::store::change::{Change, Meaning, Verdict};

impl Federation {
    /// Takes all of a peer's logs as a program would that knows no kind but indicators and receipts, and dies behind it: as one that is upgraded then.
    async fn taken_by_an_older_program(&self, who: Who, author: Who) -> usize {
        let (reader, author) = (self.node(who).clone(), self.node(author).clone());
        let (mut kept, snapshot) = (0, author.store.snapshot().unwrap());
        for log in snapshot.logs_of(&author.org()).unwrap() {
            let held = reader.store.snapshot().unwrap().log(&log.id).unwrap();
            let mut head = held.map_or(Head::default(), |log| log.head);
            while let Some(Held(batch)) = snapshot.batch_at(&log.id, head.size + 1).unwrap() {
                let key = author.keys.log_key().public();
                let mut understood = reader.understand(&log.key, head, key, batch).unwrap();
                head = understood.head;
                let Change::Receive { entries, .. } = &mut understood.change else { panic!("a batch is received") };
                for entry in entries {
                    if !matches!(RecordKind::from_number(entry.header.kind), Some(RecordKind::Indicator | RecordKind::Receipt)) {
                        entry.verdict = Verdict::Unsupported;
                        entry.problem = Some("a kind of record that this version does not know".into());
                        entry.meaning = Meaning::None;
                        kept += 1;
                    }
                }
                reader.keep(log.id, understood.change, understood.first, false).await.unwrap();
            }
        }
        reader.store.commit(Change::Put("kinds_read", None)).await.unwrap();
        kept
    }

    fn unsupported(&self, who: Who) -> usize {
        let quarantine = self.node(who).store.snapshot().unwrap().quarantine().unwrap();
        quarantine.iter().filter(|one| one.row.verdict == Verdict::Unsupported).count()
    }
}

#[tokio::test]
async fn what_an_older_program_kept_is_read_by_the_next_with_all_that_follows_from_it() {
    let mut federation = Federation::helplines(2).await;
    federation.share(AMAL, "withdrawn.example.org", Tlp::Amber, "helplines").await;
    federation.settle().await;
    federation.cut(AMAL, BOREALIS);
    federation.until("the link is down", || !federation.node(BOREALIS).link_view(&federation.org(AMAL)).up).await;
    let call = federation.node(AMAL).open_call(calls::request(Priority::Urgent), By::default()).await.unwrap().call;
    let alert = federation.node(AMAL).publish_alert(alerts::request("helplines", &["LB"], &[]), By::default()).await.unwrap().alert;
    federation.node(AMAL).withdraw("withdrawn.example.org", "no longer").await.unwrap();
    let id = federation.refer(AMAL, case(&["borealis"])).await;
    federation
        .until("all of it has a place in its log", || {
            let snapshot = federation.node(AMAL).store.snapshot().unwrap();
            snapshot.waiting_audiences().unwrap().is_empty()
        })
        .await;
    let kept = federation.taken_by_an_older_program(BOREALIS, AMAL).await;
    assert!(kept >= 4, "{kept}");
    assert_eq!(federation.unsupported(BOREALIS), kept);
    let knows = |federation: &Federation| federation.node(BOREALIS).call_view_of(&call.to_string()).is_ok();
    assert!(!knows(&federation), "it is kept, and not read");

    federation.restart(BOREALIS).await;
    federation.until("it is read", || federation.unsupported(BOREALIS) == 0).await;
    let node = federation.node(BOREALIS);
    assert!(knows(&federation), "the call stands on the board");
    assert_eq!(node.alert_view_of(&alert.to_string()).unwrap().headline, "accounts are taken over by a call");
    assert_eq!(node.referral_named_view(&id.to_string()).unwrap().offer.unwrap().incident_types, [code("account_compromise")]);
    let states: Vec<String> = federation.lookup(BOREALIS, "withdrawn.example.org").into_iter().map(|found| found.state).collect();
    assert_eq!(states, ["revoked"]);
    federation
        .until("people are told", || {
            federation.noticed(BOREALIS, Event::OfferArrived) == 1 && federation.noticed(BOREALIS, Event::CallArrived) == 1
        })
        .await;
    let verdicts = node.store.snapshot().unwrap().quarantine().unwrap();
    assert_eq!(verdicts, [], "all of it was good");

    federation.heal(AMAL, BOREALIS);
    federation.settle().await;
    assert_eq!(federation.node(AMAL).referral_named_view(&id.to_string()).unwrap().line.state, "delivered", "the receipt was told");
    assert_eq!(federation.outcomes(AMAL, "withdrawn.example.org"), [("borealis".to_owned(), "revoked".to_owned())]);
    federation.restart(BOREALIS).await;
    federation.settle().await;
    for event in [Event::OfferArrived, Event::CallArrived, Event::AlertArrived] {
        assert_eq!(federation.noticed(BOREALIS, event), 1, "once");
    }
}
