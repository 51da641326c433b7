//! A partner is ahead: what it says in kinds that this program does not know yet is kept, and read by the program that does.

use crate::harness::rogue::ROGUE;
use crate::harness::*;
use crate::referrals::{case, code};
use crate::signatures::{Line, held, offer, view};
use crate::{alerts, calls};
use watchfire::model::crypto::random;
use watchfire::model::log::Head;
use watchfire::model::referral::{HandOver, Message, Priority, Waiting, Words};
use watchfire::model::{RecordKind, ReferralId, Tlp};
use watchfire::node::referral::{Act, By};
use watchfire::rules::label::Held;
use watchfire::rules::notify::Event;
use watchfire::rules::referral::Step;
use watchfire::store::change::{Change, Meaning, Received, Said, Verdict};

impl Federation {
    /// Takes all of a peer's logs as a program would that does not know some of what stands there, and dies behind it: as one that is upgraded then.
    /// How many entries it kept unread.
    async fn taken_by_an_older_program(&self, who: Who, author: Who, meaning: impl Fn(&Received) -> Option<Meaning>) -> usize {
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
                    if let Some(meaning) = meaning(entry) {
                        entry.verdict = Verdict::Unsupported;
                        entry.problem = Some("this version does not know it".into());
                        entry.meaning = meaning;
                        kept += 1;
                    }
                }
                understood.consequences.owes = false;
                let outcome = reader.keep(log.id, understood.change, &understood.consequences).await.unwrap();
                reader.received(&log.key, outcome, understood.consequences).await.unwrap();
            }
        }
        reader.store.commit(Change::Put("kinds_read", None)).await.unwrap();
        kept
    }

    /// Waits until all that a node has said has a place in its logs.
    async fn placed(&self, who: Who) {
        let is_placed = || self.node(who).store.snapshot().unwrap().waiting_audiences().unwrap().is_empty();
        self.until("all of it has a place in its log", is_placed).await;
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
    federation.placed(AMAL).await;
    let knows = |entry: &Received| matches!(RecordKind::from_number(entry.header.kind), Some(RecordKind::Indicator | RecordKind::Receipt));
    let kept = federation.taken_by_an_older_program(BOREALIS, AMAL, |entry| (!knows(entry)).then_some(Meaning::None)).await;
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

#[tokio::test]
async fn a_message_of_a_newer_program_is_kept_and_shown_and_read_by_the_program_that_knows_it() {
    let mut federation = Federation::helplines(2).await;
    let id = federation.refer(AMAL, case(&["borealis"])).await;
    federation.settle().await;
    federation.cut(AMAL, BOREALIS);
    federation.until("the link is down", || !federation.node(AMAL).link_view(&federation.org(BOREALIS)).up).await;
    federation.act(BOREALIS, &id, Act::Ack).await;
    federation.act(BOREALIS, &id, Act::Ask { text: "which mail service is it?".into() }).await;
    federation.act(BOREALIS, &id, Act::Accept { start: None, text: "we begin at once".into() }).await;
    federation.placed(BOREALIS).await;
    // One that knows of questions, as of what comes behind the acceptance, but of no acceptances.
    let older = |entry: &Received| match entry.meaning {
        Meaning::Said(said @ Said { step: Step::Accept, .. }) => Some(Meaning::Said(Said { step: Step::Newer, ..said })),
        _ => None,
    };
    assert_eq!(federation.taken_by_an_older_program(AMAL, BOREALIS, older).await, 1);
    assert_eq!(federation.unsupported(AMAL), 1);
    let stands = |federation: &Federation| view(federation, AMAL, &id).line.state;
    assert_eq!(stands(&federation), "needs_info", "what it does not know moves nothing");
    assert_eq!(held(&federation, AMAL, &id).receiver.last().unwrap().step, Step::Newer, "and it counts as a message");
    let noticed =
        |federation: &Federation| [Event::Question, Event::Progress, Event::Accepted].map(|event| federation.noticed(AMAL, event));
    assert_eq!(noticed(&federation), [1, 1, 0], "people are told that something came");

    federation.restart(AMAL).await;
    federation.until("it is read", || federation.unsupported(AMAL) == 0).await;
    assert_eq!(held(&federation, AMAL, &id).standing.void(watchfire::rules::referral::Side::Receiver, 4), None);
    federation.until("it moves what it is there to move", || stands(&federation) == "in_progress").await;
    federation.until("people are told what it was", || noticed(&federation) == [1, 1, 1]).await;
    federation.heal(AMAL, BOREALIS);
    federation.settle().await;
    assert_eq!(view(&federation, BOREALIS, &id).line.owner, "us", "the acceptance was confirmed");
    assert!(!view(&federation, AMAL, &id).line.forked && !view(&federation, BOREALIS, &id).line.forked);
    federation.restart(AMAL).await;
    federation.settle().await;
    assert_eq!(noticed(&federation), [1, 1, 1], "once");
}

#[tokio::test]
async fn what_a_newer_partner_says_of_a_case_is_shown_as_it_is_and_withdrawn_with_it() {
    let federation = Federation::strangers(1).await;
    let mut line = Line::open(&federation, AMAL).await;
    let (id, log) = (ReferralId(random()), line.log());
    let Words::Offer(mut offer) = offer() else { panic!("an offer") };
    (offer.priority, offer.priority_newer, offer.hand_over) = (Priority::Emergency, Some(7), HandOver::Newer(3));
    let message = line.message(&id, Words::Offer(offer));
    assert_eq!(line.say(&message).await, Verdict::Accepted);
    let seen = view(&federation, AMAL, &id);
    assert_eq!((seen.line.state.as_str(), seen.line.priority), ("delivered", Some(Priority::Emergency)), "its clocks are the shortest");
    let shown = seen.offer.unwrap();
    assert_eq!((shown.priority_newer, shown.hand_over), (Some(7), HandOver::Newer(3)));
    assert_eq!(seen.timeline[0].particulars, [("priority".to_owned(), "emergency (number 7 of a newer list)".to_owned())]);

    let message = line.message(&id, Words::Newer);
    assert_eq!(line.say(&message).await, Verdict::Unsupported, "its author hears that it waits for a newer program");
    let seen = view(&federation, AMAL, &id);
    let last = seen.timeline.iter().filter(|one| one.by == ROGUE).max_by_key(|one| one.number).unwrap();
    assert_eq!((last.number, last.says.as_str(), last.destroyed, &last.void), (2, "newer", false, &None));
    assert!(last.particulars[0].1.contains("this version does not know it"), "{:?}", last.particulars);
    federation.act(AMAL, &id, Act::Ack).await;
    assert_eq!(view(&federation, AMAL, &id).line.state, "acknowledged", "the conversation goes on");

    // The same of a kind that says nothing of the case: of what it does not know no program can tell which it is.
    let message = line.message(&id, Words::Newer);
    assert_eq!(line.say_as(RecordKind::ReferralStep, &message).await, Verdict::Unsupported);
    assert_eq!(held(&federation, AMAL, &id).origin.iter().filter(|one| one.step == Step::Newer).count(), 2);
    assert!(!view(&federation, AMAL, &id).line.forked);
    // What begins with it begins nothing here yet.
    let other = ReferralId(random());
    let message = line.message(&other, Words::Newer);
    assert_eq!(line.say(&message).await, Verdict::Unsupported);
    let third = ReferralId(random());
    let step = line.message(&third, Words::Newer);
    assert_eq!(line.say_as(RecordKind::ReferralStep, &step).await, Verdict::Unsupported);
    for begun in [other, third] {
        assert!(federation.node(AMAL).referral_named_view(&begun.to_string()).is_err());
    }
    let bodies = |federation: &Federation| {
        let snapshot = federation.node(AMAL).store.snapshot().unwrap();
        let of = |kind: RecordKind| snapshot.bodies_of_kind(&log, kind.number()).unwrap().len();
        of(RecordKind::Referral) + of(RecordKind::ReferralStep)
    };
    let before = held(&federation, AMAL, &id).origin;
    assert_eq!(bodies(&federation), 5, "an offer, and four that are not known");
    let message = line.message(&id, Words::Withdraw { revoked: true, reason: None });
    assert_eq!(line.say(&message).await, Verdict::Accepted);
    let snapshot = federation.node(AMAL).store.snapshot().unwrap();
    assert_eq!(snapshot.conversation(&id).unwrap().unwrap().standing.phase().name(), "purged");
    for message in before {
        assert_eq!(snapshot.message_body(&message).unwrap(), None, "{:?} is destroyed", message.step);
    }
    for begun in [other, third] {
        let message = line.message(&begun, Words::Withdraw { revoked: true, reason: None });
        assert_eq!(line.say(&Message { number: 2, ..message }).await, Verdict::Accepted, "what was withdrawn before anybody could read it");
    }
    // Of each, the withdrawal itself.
    assert_eq!(bodies(&federation), 3);
}

#[tokio::test]
async fn a_receiver_that_waits_for_what_is_newer_than_we_are_is_shown_with_its_number() {
    let federation = Federation::of(2).await;
    let id = federation.refer(AMAL, case(&["borealis"])).await;
    federation.settle().await;
    federation.act(BOREALIS, &id, Act::Ack).await;
    federation.act(BOREALIS, &id, Act::Accept { start: None, text: String::new() }).await;
    federation.settle().await;
    federation.act(BOREALIS, &id, Act::Progress { waiting: Waiting::Newer(9), text: "the court has it".into() }).await;
    federation.settle().await;
    let seen = view(&federation, AMAL, &id);
    assert_eq!((seen.line.state.as_str(), seen.line.owner.as_str()), ("waiting_newer", "borealis"));
    let last = seen.timeline.iter().rfind(|one| one.says == "progress").unwrap();
    assert_eq!(last.particulars[0].1, "something that this version does not know (number 9)");
    assert_eq!((last.codes.as_slice(), last.text.as_str()), (&[("waiting for".to_owned(), "9".to_owned())][..], "the court has it"));
    assert!(!seen.line.waits_for.is_empty(), "a clock runs");
}

#[tokio::test]
async fn an_offer_that_is_not_known_begins_nothing_and_is_an_offer_to_the_program_that_knows_it() {
    let mut federation = Federation::helplines(2).await;
    federation.cut(AMAL, BOREALIS);
    federation.until("the link is down", || !federation.node(BOREALIS).link_view(&federation.org(AMAL)).up).await;
    let id = federation.refer(AMAL, case(&["borealis"])).await;
    federation.placed(AMAL).await;
    let older = |entry: &Received| match entry.meaning {
        Meaning::Said(said @ Said { step: Step::Offer, .. }) => Some(Meaning::Said(Said { step: Step::Newer, ..said })),
        _ => None,
    };
    assert_eq!(federation.taken_by_an_older_program(BOREALIS, AMAL, older).await, 1);
    let noticed = |federation: &Federation| [Event::Progress, Event::OfferArrived].map(|event| federation.noticed(BOREALIS, event));
    let stands = |federation: &Federation| view(federation, BOREALIS, &id).line.state;
    assert!(federation.node(BOREALIS).referral_named_view(&id.to_string()).is_err(), "nobody can be asked about it yet");
    assert_eq!((federation.unsupported(BOREALIS), noticed(&federation)), (1, [0, 0]));
    federation.restart(BOREALIS).await;
    federation.until("it is read and answered", || federation.unsupported(BOREALIS) == 0 && stands(&federation) == "delivered").await;
    federation.until("people are told what it was", || noticed(&federation) == [0, 1]).await;
    federation.heal(AMAL, BOREALIS);
    federation.settle().await;
    assert_eq!(view(&federation, AMAL, &id).line.state, "delivered");
    assert_eq!(noticed(&federation), [0, 1], "once");
}

#[tokio::test]
async fn what_turns_out_to_be_nothing_that_may_be_said_holds_up_nothing_and_goes_with_the_rest() {
    let federation = Federation::strangers(1).await;
    let mut line = Line::open(&federation, AMAL).await;
    let (id, log) = (ReferralId(random()), line.log());
    let message = line.message(&id, offer());
    assert_eq!(line.say(&message).await, Verdict::Accepted);
    // A question without a text is none. A program that knows of no questions keeps it as something newer.
    let message = line.message(&id, Words::Ask { text: String::new() });
    line.is_kept_unread(&message).await;
    assert_eq!(held(&federation, AMAL, &id).origin.last().unwrap().step, Step::Newer);
    let seen = view(&federation, AMAL, &id);
    let said: Vec<_> = seen.timeline.iter().filter(|one| one.by == ROGUE).map(|one| one.says.as_str()).collect();
    assert_eq!((seen.line.state.as_str(), said), ("delivered", vec!["offer", "newer"]));
    federation.act(AMAL, &id, Act::Ack).await;
    let message = line.message(&id, Words::Withdraw { revoked: true, reason: None });
    assert_eq!(line.say(&message).await, Verdict::Accepted);
    let snapshot = federation.node(AMAL).store.snapshot().unwrap();
    assert_eq!(snapshot.conversation(&id).unwrap().unwrap().standing.phase().name(), "purged");
    assert_eq!(snapshot.bodies_of_kind(&log, RecordKind::Referral.number()).unwrap().len(), 0, "it is destroyed");
}
