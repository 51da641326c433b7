//! Alerts: what is warned of reaches those who are to know, each node sees for itself which of its cases it concerns, and nothing of that leaves.

use crate::desk;
use crate::harness::rogue::Rogue;
use crate::harness::*;
use crate::referrals::{case, code};
use watchfire::link::convert::encode_record;
use watchfire::model::alert::Alert;
use watchfire::model::desk::Role;
use watchfire::model::log::Head;
use watchfire::model::record::{Withdrawal, WithdrawalMode};
use watchfire::model::referral::Priority;
use watchfire::model::{AlertId, Ceiling, GroupId, Record, RecordKind};
use watchfire::model::{Tlp, referral::Offer};
use watchfire::node::NodeError;
use watchfire::node::alert::{AlertRequest, AlertView, WithdrawRequest};
use watchfire::node::handover::HandOverRequest;
use watchfire::node::referral::{Act, By, DeedRange, ReferRequest};
use watchfire::node::view::{ExportFormat, ExportRequest};
use watchfire::rules::label::Withheld;
use watchfire::rules::notify::Event;

const HEADLINE: &str = "accounts are taken over by a call";
/// A domain that nobody has to be asked about.
const LURE: &str = "login-lure.com";

pub fn request(to: &str, countries: &[&str], regions: &[&str]) -> AlertRequest {
    AlertRequest {
        to: to.into(),
        incident_types: vec![code("account_compromise")],
        countries: countries.iter().map(|one| one.parse().unwrap()).collect(),
        regions: regions.iter().map(|one| code(one)).collect(),
        priority: Priority::Urgent,
        headline: HEADLINE.into(),
        advice: "turn on two factors; look for login-lure.com; ask +93 70 123 4567".into(),
        until: None,
        indicators: vec![LURE.into()],
        tlp: Tlp::Amber,
        class: None,
        pap: None,
        now: true,
        dry_run: false,
    }
}

fn placed(to: &str, change: impl FnOnce(&mut Offer)) -> ReferRequest {
    let mut request = case(&[to]);
    change(&mut request.offer);
    request
}

impl Federation {
    async fn alert(&self, who: Who, request: AlertRequest) -> AlertId {
        let view = self.node(who).publish_alert(request, By::default()).await.unwrap();
        assert_eq!(view.state, "released");
        self.settle().await;
        view.alert
    }

    fn alert_at(&self, who: Who, id: &AlertId) -> AlertView {
        self.node(who).alert_view_of(&id.to_string()).unwrap()
    }

    /// Which counter of this month stands where.
    fn alerts_counted(&self, who: Who, measure: &str) -> u64 {
        let counted = self.node(who).statistics(None, false).unwrap().counted.unwrap();
        counted.totals.iter().find(|(one, _)| one.to_string() == measure).map_or(0, |(_, n)| *n)
    }
}

#[tokio::test]
async fn what_holds_and_may_be_known_widely_is_in_a_feed() {
    let federation = Federation::helplines(2).await;
    let said = |to: &str, headline: &str, tlp| AlertRequest { headline: headline.into(), tlp, ..request(to, &["LB"], &[]) };
    let clear = federation.alert(AMAL, said("helplines", "said to all", Tlp::Clear)).await;
    federation.alert(AMAL, said("borealis", "said to one", Tlp::Green)).await;
    federation.alert(AMAL, said("helplines", "said to some", Tlp::Amber)).await;
    let feed = |federation: &Federation, tlp, groups: &[GroupId]| {
        let ceiling = Ceiling { tlp, ..Ceiling::NONE };
        let options = Default::default();
        let request =
            ExportRequest { format: ExportFormat::Atom, ceiling, groups: groups.to_vec(), since: None, kinds: Vec::new(), options };
        let text = federation.export_as(BOREALIS, &request);
        ["said to all", "said to one", "said to some"].map(|headline| text.contains(headline))
    };
    let group = federation.node(BOREALIS).group_named("helplines").unwrap().group;
    assert_eq!(feed(&federation, Tlp::Red, &[]), [true, true, false]);
    assert_eq!(feed(&federation, Tlp::Clear, &[]), [true, false, false]);
    assert_eq!(feed(&federation, Tlp::Red, &[group]), [true, false, false], "said there alone");
    assert_eq!(feed(&federation, Tlp::Red, &[GroupId([9; 32])]), [false; 3]);
    // Nobody can click on what to look for, and what the gate replaced is not there.
    let text = federation.export(BOREALIS, ExportFormat::Atom);
    assert!(text.contains("login-lure[.]com") && text.contains("[phone-1]") && !text.contains("701234567"), "{text}");
    federation.node(AMAL).withdraw_alert(&clear.to_string(), Default::default(), By::default()).await.unwrap();
    federation.settle().await;
    assert_eq!(feed(&federation, Tlp::Red, &[]), [false, true, false]);
    federation.clock.advance(15 * 86_400_000);
    assert_eq!(feed(&federation, Tlp::Red, &[]), [false; 3], "their time has passed");
}

#[tokio::test]
async fn an_alert_concerns_the_cases_of_its_place_at_each_node_and_nobody_learns_which() {
    let mut federation = Federation::helplines(3).await;
    // Borealis has a case of that kind in Lebanon, which came from Amal; Cedar has one elsewhere.
    let lebanon = |offer: &mut Offer| (offer.region, offer.country) = (code("middle_east_north_africa"), Some("LB".into()));
    let id = federation.refer(AMAL, placed("borealis", lebanon)).await;
    let elsewhere = federation.refer(CEDAR, placed("amal", |offer| offer.region = code("africa"))).await;
    federation.settle().await;
    let alert = federation.alert(CEDAR, request("helplines", &["LB"], &[])).await;
    for who in [AMAL, BOREALIS] {
        let view = federation.alert_at(who, &alert);
        assert_eq!((view.state.as_str(), view.name.as_str(), &view.matches), ("valid", "cedar", &vec![id]), "{who:?}");
        assert_eq!(view.indicators[0].value, LURE);
        assert!(view.advice.contains(LURE) && !view.advice.contains("701234567") && view.advice.contains("[phone-1]"), "{}", view.advice);
        let noticed = [Event::AlertArrived, Event::AlertMatches].map(|event| federation.noticed(who, event));
        assert_eq!(noticed, [1, 1], "{who:?}");
    }
    assert!(federation.alert_at(CEDAR, &alert).matches.is_empty(), "not {elsewhere}");
    assert_eq!(federation.noticed(CEDAR, Event::AlertMatches) + federation.noticed(CEDAR, Event::AlertArrived), 0);
    let short: String = id.to_string().chars().take(8).collect();
    assert!(!federation.holds(CEDAR, &short), "whoever warns learns of no case");
    let said = |federation: &Federation| federation.node(BOREALIS).status().unwrap().logs.iter().map(|log| log.size).sum::<u64>();
    let before = said(&federation);

    // A case that comes later is looked at, too; and nothing is told twice over a restart.
    let later = federation.refer(CEDAR, placed("borealis", |offer| offer.region = code("middle_east_north_africa"))).await;
    federation.settle().await;
    federation.until("the later case is seen", || federation.noticed(BOREALIS, Event::AlertMatches) == 2).await;
    federation.restart(BOREALIS).await;
    federation.settle().await;
    federation.node(BOREALIS).tend_alerts().await.unwrap();
    assert_eq!(federation.noticed(BOREALIS, Event::AlertMatches), 2);
    let mut matches = federation.alert_at(BOREALIS, &alert).matches;
    let mut both = vec![id, later];
    both.sort();
    matches.sort();
    assert_eq!(matches, both);
    // The offer, its receipts and no word about any match.
    let after = said(&federation);
    assert!(after - before <= 3, "{} entries more", after - before);

    let counts = |who| ["out.alert", "in.alert", "in.alert_read"].map(|measure| federation.alerts_counted(who, measure));
    assert_eq!((counts(CEDAR), counts(BOREALIS)), ([1, 0, 0], [0, 1, 0]));
    federation.node(BOREALIS).read_alert(&alert.to_string(), By::default()).await.unwrap();
    federation.node(BOREALIS).read_alert(&alert.to_string(), By::default()).await.unwrap();
    assert_eq!(counts(BOREALIS), [0, 1, 1], "once");
    assert!(federation.alert_at(BOREALIS, &alert).read.is_some());
    // What is over is concerned by nothing.
    federation.act(AMAL, &id, Act::Withdraw { revoked: false }).await;
    federation.settle().await;
    assert_eq!(federation.alert_at(BOREALIS, &alert).matches, [later]);
}

#[tokio::test]
async fn an_alert_that_is_taken_back_or_over_disappears_and_a_recalled_one_is_destroyed() {
    let federation = Federation::helplines(2).await;
    let withdrawn = federation.alert(AMAL, request("helplines", &[], &["africa"])).await;
    let recalled =
        federation.alert(AMAL, AlertRequest { headline: "a wrennock of a headline".into(), ..request("borealis", &[], &[]) }).await;
    let over = AlertRequest { until: Some(federation.clock.now().plus(HOUR)), ..request("helplines", &[], &[]) };
    let over = federation.alert(AMAL, over).await;
    assert_eq!(federation.node(BOREALIS).alert_views(false).unwrap().len(), 3);
    assert!(matches!(
        federation.node(BOREALIS).withdraw_alert(&over.to_string(), WithdrawRequest::default(), By::default()).await,
        Err(NodeError::NotAuthor(_))
    ));
    federation.node(AMAL).withdraw_alert(&withdrawn.to_string(), WithdrawRequest::default(), By::default()).await.unwrap();
    federation.node(AMAL).withdraw_alert(&recalled.to_string(), WithdrawRequest { recall: true }, By::default()).await.unwrap();
    federation.settle().await;
    for who in [AMAL, BOREALIS] {
        assert_eq!(federation.alert_at(who, &withdrawn).state, "withdrawn");
        assert!(federation.node(who).alert_view_of(&recalled.to_string()).is_err(), "{who:?}");
        let posts = federation.node(who).store.snapshot().unwrap().posts(&[3]).unwrap();
        assert!(posts.iter().all(|post| !String::from_utf8_lossy(&post.body).contains("wrennock")));
    }
    federation.clock.advance(2 * HOUR);
    assert!(federation.node(BOREALIS).alert_views(false).unwrap().is_empty());
    assert_eq!(federation.alert_at(BOREALIS, &over).state, "expired");
    let again = federation.node(AMAL).withdraw_alert(&withdrawn.to_string(), WithdrawRequest::default(), By::default()).await;
    assert!(matches!(again, Err(NodeError::Conflict(_))));
}

#[tokio::test]
async fn an_alert_is_held_can_be_undone_and_passes_the_gate() {
    let federation = Federation::with(2, |_, config| config.release.hold_s = 30).await;
    federation.pair(AMAL, BOREALIS).await;
    federation.settle().await;
    let publish = |request: AlertRequest| federation.node(AMAL).publish_alert(request, By::default());
    let slow = || AlertRequest { now: false, ..request("borealis", &[], &[]) };
    let held = publish(slow()).await.unwrap();
    assert_eq!((held.state.as_str(), held.findings.replaced.len()), ("held", 1));
    let hold = held.held.unwrap().id.unwrap();
    let preview = federation.node(AMAL).preview(&hold.to_string(), Default::default()).unwrap();
    let fields = &preview.records[0].fields;
    assert!(fields.iter().any(|field| field.name == "headline" && field.value == HEADLINE), "{fields:?}");
    assert!(!fields.iter().any(|field| field.value.contains("123 4567")), "{fields:?}");
    federation.node(AMAL).undo(&hold.to_string(), None).await.unwrap();
    federation.clock.advance(40 * SECOND);
    federation.settle().await;
    assert!(federation.node(BOREALIS).alert_views(true).unwrap().is_empty());

    let left = publish(slow()).await.unwrap();
    federation.clock.advance(31 * SECOND);
    let id = left.alert.to_string();
    federation.until("it leaves by itself", || federation.node(BOREALIS).alert_view_of(&id).is_ok()).await;
    let looked = publish(AlertRequest { dry_run: true, ..slow() }).await.unwrap();
    assert_eq!((looked.state.as_str(), looked.preview.unwrap().records.len()), ("looked_at", 1));
    let bad: [fn(&mut AlertRequest); 5] = [
        |request| request.headline = "x".repeat(121),
        |request| request.incident_types.clear(),
        |request| request.incident_types = vec![code("whatever_maria_said")],
        |request| request.until = Some(watchfire::model::Timestamp(1)),
        |request| request.indicators = vec!["[domain-name:value = 'x.com']".into()],
    ];
    for change in bad {
        let mut request = slow();
        change(&mut request);
        assert!(matches!(publish(request).await, Err(NodeError::BadInput(_))));
    }
    let red = publish(AlertRequest { tlp: Tlp::Red, ..slow() }).await.unwrap_err();
    assert!(matches!(red, NodeError::Withheld(Withheld::NobodyAtTheDesk)), "{red}");
    let mut own = slow();
    own.indicators = vec!["192.168.0.1".into()];
    assert!(
        matches!(publish(own).await, Err(NodeError::Withheld(Withheld::NotAnAttackers { .. }))),
        "a value is judged as an indicator is"
    );
}

#[tokio::test]
async fn a_shift_hands_over_open_calls_and_the_alerts_that_matter_and_nobody_has_read() {
    let federation = Federation::helplines(2).await;
    let pressing = federation.alert(AMAL, request("helplines", &[], &[])).await;
    let read = federation.alert(AMAL, request("helplines", &[], &[])).await;
    federation.alert(AMAL, AlertRequest { priority: Priority::Normal, ..request("helplines", &[], &[]) }).await;
    federation.node(BOREALIS).read_alert(&read.to_string(), By::default()).await.unwrap();
    let handover = HandOverRequest { note: "a quiet night".into(), risks: Vec::new() };
    let made = federation.node(BOREALIS).open_handover(handover, By::default()).await.unwrap();
    assert_eq!((made.alerts, made.calls.len()), (vec![pressing], 0));
}

#[tokio::test]
async fn an_alert_that_reached_nobody_is_taken_back_before_anybody_reads_it() {
    let mut federation = Federation::helplines(2).await;
    federation.kill(BOREALIS);
    federation.restart(AMAL).await;
    let publish = |request: AlertRequest| federation.node(AMAL).publish_alert(request, By::default());
    let withdrawn = publish(request("borealis", &[], &[])).await.unwrap().alert;
    let recalled = publish(request("borealis", &[], &[])).await.unwrap().alert;
    for (id, recall) in [(withdrawn, false), (recalled, true)] {
        let view = federation.node(AMAL).withdraw_alert(&id.to_string(), WithdrawRequest { recall }, By::default()).await.unwrap();
        assert_eq!((view.alert, view.state.as_str()), (id, "withdrawn"));
    }
    federation.start(BOREALIS).await;
    federation.settle().await;
    assert!(federation.node(BOREALIS).alert_views(true).unwrap().is_empty());
}

#[tokio::test]
async fn a_held_alert_is_undone_and_released_by_the_order_of_whoever_may_publish_it() {
    let federation = Federation::with(2, |_, config| config.release.hold_s = 3_600).await;
    federation.pair(AMAL, BOREALIS).await;
    let node = federation.node(AMAL);
    desk::staff(node).await;
    desk::add(node, desk::DANA, Role::Lead, desk::AMINA).await;
    let slow = AlertRequest { now: false, ..request("borealis", &[], &[]) };
    let published = node.publish_alert(slow, By::default()).await.unwrap();
    let id = published.held.unwrap().id.unwrap().to_string();
    for name in ["undo", "release"] {
        // Omar is a handler.
        for order in [None, Some(desk::order(node, name, &id, &(), desk::OMAR))] {
            let said = if name == "undo" { node.undo(&id, order.as_ref()).await } else { node.release_hold(&id, order.as_ref()).await };
            let said = said.unwrap_err();
            assert!(matches!(said, NodeError::Desk(_)), "{name}: {said}");
        }
    }
    assert_eq!(node.holds().unwrap().len(), 1, "nothing happened to it");
    federation.tick(SECOND);
    node.release_hold(&id, Some(&desk::order(node, "release", &id, &(), desk::DANA))).await.unwrap();
    federation.tick(SECOND);
    node.undo(&id, Some(&desk::order(node, "undo", &id, &(), desk::AMINA))).await.unwrap();
    let deeds = node.deeds(&DeedRange::default()).unwrap();
    let about: Vec<_> = deeds.iter().filter(|deed| deed.about.0 == published.alert.0).collect();
    let about: Vec<_> = about.iter().map(|deed| (deed.what.as_str(), deed.by.as_deref())).collect();
    assert!(about.ends_with(&[("release", Some("dana")), ("undo", Some("amina"))]), "{about:?}");
}

#[tokio::test]
async fn who_warns_without_end_is_heard_so_often_told_of_once_and_goes_in_time() {
    let told = |_, config: &mut watchfire::config::Config| {
        let channel = "[[channel]]\nname = \"page\"\nkind = \"command\"\nprogram = \"/bin/true\"\n";
        config.notify = toml::from_str(channel).unwrap();
        config.alert.open_max = 5;
    };
    let federation = Federation::with(1, told).await;
    let rogue = Rogue::paired_with(&federation, AMAL).await;
    let alert = |n: u8| {
        let alert = Alert {
            id: AlertId([n; 16]),
            incident_types: vec![code("account_compromise")],
            countries: Vec::new(),
            regions: Vec::new(),
            priority: Priority::Urgent,
            priority_newer: None,
            headline: HEADLINE.into(),
            advice: String::new(),
            valid_until: watchfire::model::Timestamp(u64::MAX),
            indicators: Vec::new(),
            vocabulary: "2026-11".into(),
        };
        rogue.entry_of(RecordKind::Alert.number(), encode_record(&Record::Alert(Box::new(alert))))
    };
    let recall = |seqs: Vec<u64>| {
        let withdrawal = Withdrawal { log: rogue.log().id(), seqs, mode: WithdrawalMode::Recall, reason: String::new() };
        rogue.entry_of(RecordKind::Withdrawal.number(), encode_record(&Record::Withdrawal(withdrawal)))
    };
    let mut head = Head::default();
    let mut stream = rogue.asked(head).await;
    let rounds: [(Vec<_>, usize, usize); 3] = [
        ((1..=8).map(alert).collect(), 5, 1),
        // What is recalled gives its place to the next of those that are there, and to none that come, before a day has passed.
        (std::iter::once(recall((1..=8).collect())).chain((9..=16).map(alert)).collect(), 0, 1),
        ((17..=18).map(alert).collect(), 0, 1),
    ];
    for (entries, heard, notices) in rounds {
        let (batch, frames) = rogue.batch(head, entries, &rogue.identity.log_key());
        stream.say_all(frames).await;
        stream.acknowledged().await;
        head = batch.checkpoint.head;
        federation.settle().await;
        assert_eq!(federation.node(AMAL).alert_views(false).unwrap().len(), heard);
        assert_eq!(federation.noticed(AMAL, Event::AlertArrived), notices);
    }
    federation.clock.advance(25 * HOUR);
    federation.node(AMAL).tend_alerts().await.unwrap();
    assert_eq!(federation.node(AMAL).alert_views(false).unwrap().len(), 5, "after a day");
    assert_eq!(federation.noticed(AMAL, Event::AlertArrived), 2);
    // They are to be kept for ever, as their author has it.
    let left = || federation.node(AMAL).store.snapshot().unwrap().posts(&[RecordKind::Alert.number()]).unwrap().len();
    federation.clock.advance(118 * DAY);
    federation.node(AMAL).destroy_expired(true).await.unwrap();
    assert_eq!(left(), 10);
    federation.clock.advance(DAY);
    federation.node(AMAL).destroy_expired(true).await.unwrap();
    assert_eq!(left(), 0);
}

#[tokio::test]
async fn so_many_alerts_of_ours_hold_at_a_time() {
    let federation = Federation::with(2, |_, config| config.alert.open_max = 2).await;
    federation.pair(AMAL, BOREALIS).await;
    federation.settle().await;
    let first = federation.alert(AMAL, request("borealis", &[], &[])).await;
    federation.alert(AMAL, request("borealis", &[], &[])).await;
    let many = federation.node(AMAL).publish_alert(request("borealis", &[], &[]), By::default()).await.unwrap_err();
    assert!(many.to_string().starts_with("2 alerts of ours hold") && many.hint().is_some(), "{many}");
    federation.node(AMAL).withdraw_alert(&first.to_string(), WithdrawRequest::default(), By::default()).await.unwrap();
    federation.alert(AMAL, request("borealis", &[], &[])).await;
}
