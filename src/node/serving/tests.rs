//! Producers: what they say goes out once, the way of an import, and what they said is theirs to take back.

mod bounds;
mod events;

use super::produce::{Form, ProduceError, Produced, Sent};
use super::{Consumer, ConsumerAdd};
use crate::clock::Clock;
use crate::config::Config;
use crate::formats::Format;
use crate::model::{Timestamp, Tlp};
use crate::node::Node;
use crate::node::referral::By;
use crate::node::view::{ImportRequest, PeerOptions, ShareRequest};
use crate::rules::consumer::{Scope, Way};
use crate::rules::lists::Severity;
use crate::store::change::{Change, Shelf};
use std::sync::Arc;

const START: Timestamp = Timestamp(1_800_000_000_000);
const DAY: u64 = 86_400_000;
const HOLD: u64 = 30_000;

/// A node with two peers, which it never reaches: what leaves waits for its position.
struct Home {
    directory: tempfile::TempDir,
    clock: Clock,
    config: Config,
    node: Arc<Node>,
}

impl Home {
    async fn new(set: impl FnOnce(&mut Config)) -> Self {
        let (directory, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
        let mut config = Config::default();
        set(&mut config);
        let open = |name: &str| {
            let data = directory.path().join(name);
            Node::init(&data, &[format!("{name}.example:7443")], &clock).unwrap();
            Node::open_with(&data, config.clone(), clock.clone()).unwrap()
        };
        let node = open("amal");
        for name in ["borealis", "cedar"] {
            node.peer_add(&open(name).card().unwrap(), name, PeerOptions::default()).await.unwrap();
        }
        Self { directory, clock, config, node }
    }

    fn add_request(name: &str, to: &str) -> ConsumerAdd {
        ConsumerAdd {
            name: name.parse().unwrap(),
            scopes: vec![Scope::Produce],
            tlp_max: None,
            class_max: None,
            pap_max: None,
            least_confidence: None,
            groups: Vec::new(),
            to: Some(to.into()),
            tlp: Some(Tlp::Amber),
            days: 30,
            in_url: false,
        }
    }

    async fn producer(&self, name: &str, to: &str) -> Consumer {
        let view = self.node.add_consumer(Self::add_request(name, to), By::default()).await.unwrap();
        self.node.consumer_of(&view.token, Way::Header).unwrap().unwrap()
    }

    async fn say(&self, consumer: &Consumer, text: &str) -> Produced {
        self.node.produce(consumer, sent(text, None)).await.unwrap()
    }

    /// What is held and due leaves.
    async fn after_the_hold(&self) {
        self.clock.advance(HOLD);
        self.node.let_go_of_what_is_due().await.unwrap();
    }

    /// Values and labels that a peer gets.
    fn out(&self, to: &str) -> Vec<(String, Tlp)> {
        let audience = self.node.audience(to).unwrap();
        let snapshot = self.node.store.snapshot().unwrap();
        let waiting = snapshot.waiting(&audience, 1_000, 1 << 20).unwrap();
        let read = |body: &[u8]| match crate::link::convert::decode_record(crate::model::RecordKind::Indicator, body).unwrap() {
            crate::model::Record::Indicator(indicator) => indicator.observable.value().to_owned(),
            other => panic!("{other:?}"),
        };
        let each = waiting.iter().map(|one| match &one.entry.body {
            crate::model::log::Body::Present(body) => (read(body), one.entry.label.tlp()),
            other => panic!("{other:?}"),
        });
        each.collect()
    }

    fn deeds(&self) -> Vec<(String, String)> {
        let deeds = self.node.deeds(&Default::default()).unwrap();
        deeds.into_iter().map(|deed| (deed.what, deed.by.unwrap_or_default())).collect()
    }

    /// The process dies, and another begins.
    async fn restart(self) -> Self {
        let Self { directory, clock, config, node } = self;
        node.store.close();
        drop(node);
        let node = Node::open_with(&directory.path().join("amal"), config.clone(), clock.clone()).unwrap();
        Self { directory, clock, config, node }
    }
}

fn sent(text: &str, key: Option<&str>) -> Sent {
    Sent { form: Form::Of(Format::Text), bytes: text.as_bytes().to_vec(), key: key.map(str::to_owned), tlp: None, objects: None }
}

fn numbers(report: &Produced) -> [u64; 5] {
    [report.read, report.released, report.waiting, report.duplicate, report.withheld]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_producer_says_goes_the_way_of_an_import_and_is_written_down_as_its() {
    let home = Home::new(|config| config.gate.reserved = Severity::Hold).await;
    let gateway = home.producer("gateway", "borealis").await;
    let report = home.say(&gateway, "login-lure.com\nlure.example\nlogin-lure.com\n").await;
    assert_eq!(numbers(&report), [3, 1, 1, 1, 0], "{report:?}");
    assert_eq!((home.out("borealis"), home.node.holds().unwrap().len()), (vec![], 2), "it is held like an import");
    home.after_the_hold().await;
    assert_eq!(home.out("borealis"), [("login-lure.com".into(), Tlp::Amber)], "what the gate asks about waits for a person");
    let line = home.node.disclosures(Default::default()).unwrap().pop().unwrap();
    assert_eq!((line.by.as_deref(), line.count, line.label.tlp()), (Some("consumer gateway"), 1, Tlp::Amber));
    assert!(home.deeds().contains(&("produced".to_owned(), "consumer gateway".to_owned())));
    assert_eq!(home.node.submission(&gateway, &report.id.parse().unwrap()).unwrap(), Some(report.clone()));
    let other = home.producer("other", "borealis").await;
    assert_eq!(home.node.submission(&other, &report.id.parse().unwrap()).unwrap(), None, "another's is none of its business");
    assert!(home.out("cedar").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_chooses_neither_its_target_nor_a_laxer_label() {
    let home = Home::new(|config| config.release.hold_s = 0).await;
    let gateway = home.producer("gateway", "borealis").await;
    let laxer = Sent { tlp: Some(Tlp::Green), ..sent("one-lure.com", None) };
    assert!(matches!(home.node.produce(&gateway, laxer).await, Err(ProduceError::TooLax(_))));
    assert!(home.out("borealis").is_empty());
    let stricter = Sent { tlp: Some(Tlp::AmberStrict), ..sent("two-lure.com", None) };
    home.node.produce(&gateway, stricter).await.unwrap();
    // What a file says of itself is joined with what was settled.
    let csv = "value,tlp\nthree-lure.com,clear\nfour-lure.com,amber+strict\n";
    let report = home.node.produce(&gateway, Sent { form: Form::Of(Format::Csv), ..sent(csv, None) }).await.unwrap();
    assert_eq!(report.released, 2, "{report:?}");
    let mut out = home.out("borealis");
    out.sort();
    let expected = [("four-lure.com", Tlp::AmberStrict), ("three-lure.com", Tlp::Amber), ("two-lure.com", Tlp::AmberStrict)];
    assert_eq!(out, expected.map(|(value, tlp)| (value.to_owned(), tlp)));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_added_to_say_something_is_told_what_is_missing() {
    let home = Home::new(|_| {}).await;
    let refused = async |add: ConsumerAdd| home.node.add_consumer(add, By::default()).await.unwrap_err().to_string();
    let add = |name| Home::add_request(name, "borealis");
    let missing = "it is not said where what it says goes, and under which label\nhint: `--to PEER|GROUP --tlp LABEL`; no request of the producer changes them";
    assert_eq!(refused(ConsumerAdd { to: None, ..add("a") }).await, missing);
    assert_eq!(refused(ConsumerAdd { tlp: None, ..add("a") }).await, missing);
    let reader = ConsumerAdd { scopes: vec![Scope::Export], tlp_max: Some(Tlp::Green), ..add("a") };
    assert_eq!(refused(reader).await, "`--to` and `--tlp` are for what a producer says\nhint: `--scope produce`");
    let both = ConsumerAdd { scopes: vec![Scope::Produce, Scope::Taxii], ..add("a") };
    let unsaid = "it is not said up to which label it may have something\nhint: `--tlp-max green`, for example; without it a token is good for `--scope produce` alone";
    assert_eq!(refused(both.clone()).await, unsaid);
    let nobody = ConsumerAdd { to: Some("nobody".into()), ..add("a") };
    assert!(refused(nobody).await.starts_with("no peer or group is called `nobody`"));
    let view = home.node.add_consumer(ConsumerAdd { tlp_max: Some(Tlp::Green), ..both }, By::default()).await.unwrap().consumer;
    assert_eq!(view.to.as_deref(), Some("borealis"));
    let renewed = home.node.renew_consumer("a", super::ConsumerRenew { days: 3 }, By::default()).await.unwrap().consumer;
    assert_eq!((renewed.grant.produces, renewed.to), (view.grant.produces, view.to), "a new token says the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_tells_the_same_and_does_nothing_also_after_a_restart() {
    let home = Home::new(|config| config.release.hold_s = 0).await;
    let gateway = home.producer("gateway", "borealis").await;
    let first = home.node.produce(&gateway, sent("login-lure.com", Some("k1"))).await.unwrap();
    let lines = |home: &Home| home.node.disclosures(Default::default()).unwrap().len();
    let home = home.restart().await;
    assert_eq!(home.node.produce(&gateway, sent("login-lure.com", Some("k1"))).await.unwrap(), first);
    assert_eq!((lines(&home), home.deeds().len()), (1, 2));
    let other_body = home.node.produce(&gateway, sent("other-lure.com", Some("k1"))).await;
    assert!(matches!(other_body, Err(ProduceError::KeyReused)), "{other_body:?}");
    let other_label = Sent { tlp: Some(Tlp::AmberStrict), ..sent("login-lure.com", Some("k1")) };
    assert!(matches!(home.node.produce(&gateway, other_label).await, Err(ProduceError::KeyReused)));
    // A key is its producer's own.
    let other = home.producer("other", "borealis").await;
    assert_eq!(home.node.produce(&other, sent("other-lure.com", Some("k1"))).await.unwrap().released, 1);
    assert_eq!(home.out("borealis").len(), 2);
    for bad in ["", "a b", "é", &"x".repeat(129)] {
        assert!(matches!(home.node.produce(&gateway, sent("x-lure.com", Some(bad))).await, Err(ProduceError::BadKey)), "{bad}");
    }
    home.clock.advance(DAY);
    assert!(home.node.submission(&gateway, &first.id.parse().unwrap()).unwrap().is_none(), "nobody is told of it from then on");
    // Each round looks at a part of all.
    for _ in 0..256 {
        home.node.forget_submissions().await.unwrap();
    }
    assert!(home.node.store.snapshot().unwrap().all_kept(Shelf::Submission).unwrap().is_empty());
    let again = home.node.produce(&gateway, sent("login-lure.com", Some("k1"))).await.unwrap();
    assert_eq!((again.duplicate, again.id == first.id, lines(&home)), (1, true, 2), "and what is out is not said twice even then");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_died_between_the_release_and_the_report_is_not_released_twice_and_stays_its_producers() {
    for hold_s in [0, HOLD / 1_000] {
        let home = Home::new(|config| config.release.hold_s = hold_s).await;
        let gateway = home.producer("gateway", "borealis").await;
        let first = home.node.produce(&gateway, sent("login-lure.com", Some("k1"))).await.unwrap();
        // As if the process had died before the report was written.
        let id: uuid::Uuid = first.id.parse().unwrap();
        home.node.commit(Change::Keep { shelf: Shelf::Submission, id: *id.as_bytes(), row: None }).await.unwrap();
        let home = home.restart().await;
        home.node.produce(&gateway, sent("login-lure.com", Some("k1"))).await.unwrap();
        for _ in 0..3 {
            home.after_the_hold().await;
        }
        assert_eq!(home.out("borealis"), [("login-lure.com".into(), Tlp::Amber)], "with a hold of {hold_s} s");
        assert_eq!(home.node.disclosures(Default::default()).unwrap().len(), 1);
        home.node.withdraw_produced(&gateway, "login-lure.com", "a mistake").await.unwrap();
        assert!(home.out("borealis").is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_in_two_requests_at_once_is_done_once() {
    let home = Home::new(|config| config.release.hold_s = 0).await;
    let gateway = home.producer("gateway", "borealis").await;
    let text: String = (0..500).map(|n| format!("n{n}-lure.com\n")).collect();
    let ask = || {
        let (node, gateway, sent) = (home.node.clone(), gateway.clone(), sent(&text, Some("k1")));
        tokio::spawn(async move { node.produce(&gateway, sent).await })
    };
    let asked: Vec<_> = (0..8).map(|_| ask()).collect();
    let mut reports = Vec::new();
    for one in asked {
        match one.await.unwrap() {
            Ok(report) => reports.push(report),
            Err(ProduceError::UnderWay) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert!(!reports.is_empty() && reports.iter().all(|report| *report == reports[0] && report.released == 500), "{reports:?}");
    assert_eq!(home.node.disclosures(Default::default()).unwrap().iter().map(|line| line.count).sum::<u64>(), 500);
    // Whoever goes away is served all the same, and asks later what came of it.
    let gone = tokio::time::timeout(std::time::Duration::from_millis(1), home.node.produce(&gateway, sent("late-lure.com", Some("k2"))));
    let _ = gone.await;
    let report = loop {
        match home.node.produce(&gateway, sent("late-lure.com", Some("k2"))).await {
            Ok(report) => break report,
            Err(ProduceError::UnderWay) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(report.released, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_and_a_day_are_bounded_and_nothing_of_what_is_too_much_is_taken() {
    let home = Home::new(|config| {
        config.release.hold_s = 0;
        config.https.produced_records_max = 2;
        config.https.body_bytes_max = 1_024;
        config.https.producer_requests_per_day_max = 4;
        config.https.producer_records_per_day_max = 4;
    })
    .await;
    let gateway = home.producer("gateway", "borealis").await;
    let say = async |text: &str| home.node.produce(&gateway, sent(text, None)).await;
    assert!(matches!(say(&"x".repeat(1_025)).await, Err(ProduceError::TooLong(1_024))));
    assert!(matches!(say("a-lure.com\nb-lure.com\nc-lure.com").await, Err(ProduceError::TooMany(2))));
    assert!(home.out("borealis").is_empty());
    assert_eq!(say("a-lure.com\nb-lure.com").await.unwrap().released, 2);
    assert!(matches!(say("c-lure.com").await, Err(ProduceError::DayIsFull)), "what was refused for its length counts");
    home.clock.advance(DAY);
    for _ in 0..4 {
        assert_eq!(say("a-lure.com").await.unwrap().duplicate, 1);
    }
    assert!(matches!(say("").await, Err(ProduceError::DayIsFull)));
    home.clock.advance(DAY);
    assert_eq!(say("c-lure.com").await.unwrap().released, 1);
    let reader =
        ConsumerAdd { scopes: vec![Scope::Export], tlp_max: Some(Tlp::Green), to: None, tlp: None, ..Home::add_request("reader", "") };
    let reader = home.node.add_consumer(reader, By::default()).await.unwrap();
    let reader = home.node.consumer_of(&reader.token, Way::Header).unwrap().unwrap();
    assert!(matches!(home.node.produce(&reader, sent("d-lure.com", None)).await, Err(ProduceError::NotAllowed("produce"))));
    assert!(matches!(home.node.withdraw_produced(&reader, "c-lure.com", "").await, Err(ProduceError::NotAllowed("produce"))));
    assert!(matches!(home.node.sighted(&reader, Vec::new(), None).await, Err(ProduceError::NotAllowed("sight"))));
    assert!(matches!(home.node.sighted(&gateway, Vec::new(), None).await, Err(ProduceError::NotAllowed("sight"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_more_than_a_producer_usually_sends_waits_for_a_person() {
    let home = Home::new(|_| {}).await;
    let gateway = home.producer("gateway", "borealis").await;
    let text: String = (0..1_100).map(|n| format!("n{n}-lure.com\n")).collect();
    let report = home.say(&gateway, &text).await;
    assert_eq!(numbers(&report), [1_100, 0, 1_100, 0, 0]);
    home.after_the_hold().await;
    assert!(home.out("borealis").is_empty());
    let hold = home.node.holds().unwrap().remove(0);
    assert!(hold.asks.keys().next().unwrap().starts_with("`consumer gateway` has sent too little"), "{:?}", hold.asks);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_takes_back_what_it_said_and_nothing_that_others_said() {
    let home = Home::new(|config| config.release.hold_s = 0).await;
    let (gateway, other) = (home.producer("gateway", "borealis").await, home.producer("other", "borealis").await);
    let elsewhere = home.producer("elsewhere", "cedar").await;
    let share = async |value: &str| {
        let node = home.node.clone();
        let (request, bytes) = (ImportRequest::now(Format::Text, Tlp::Amber, "borealis"), value.to_owned().into_bytes());
        tokio::task::spawn_blocking(move || node.import(request, Box::new(std::io::Cursor::new(bytes)), &mut |_| {}))
            .await
            .unwrap()
            .unwrap()
    };
    let values = || home.out("borealis").into_iter().map(|(value, _)| value).collect::<Vec<_>>();
    let back = async |consumer: &Consumer, value: &str| home.node.withdraw_produced(consumer, value, "a mistake").await;
    share("desk-lure.com").await;
    home.say(&gateway, "own-lure.com\nboth-lure.com\ndesk-lure.com\nlater-lure.com").await;
    home.say(&other, "both-lure.com\nothers-lure.com\ndesk-lure.com").await;
    home.say(&elsewhere, "own-lure.com").await;
    assert!(matches!(back(&gateway, "none-lure.com").await, Err(ProduceError::NotSaid)));
    assert!(matches!(back(&gateway, "others-lure.com").await, Err(ProduceError::NotSaid)));
    assert!(matches!(back(&gateway, "no value").await, Err(ProduceError::NotSaid)));
    assert!(matches!(back(&gateway, "desk-lure.com").await, Err(ProduceError::SaidByOthers)), "the desk said it first");
    assert!(matches!(back(&other, "desk-lure.com").await, Err(ProduceError::SaidByOthers)));
    assert!(matches!(back(&gateway, "both-lure.com").await, Err(ProduceError::SaidByOthers)), "another producer says it too");
    assert_eq!(values(), ["desk-lure.com", "both-lure.com", "later-lure.com", "own-lure.com", "others-lure.com"]);
    back(&other, "both-lure.com").await.unwrap();
    back(&gateway, "hxxp://own-lure[.]com").await.unwrap_err();
    back(&gateway, "own-lure[.]com").await.unwrap();
    assert!(home.deeds().contains(&("producer withdrew".to_owned(), "consumer gateway".to_owned())));
    assert!(matches!(back(&gateway, "own-lure.com").await, Err(ProduceError::NotSaid)), "it is taken back once");
    assert_eq!(values(), ["desk-lure.com", "later-lure.com", "others-lure.com"]);
    assert_eq!(home.out("cedar").len(), 1, "in its own place alone");
    // The desk says it anew, stricter: from then on it is the desk's.
    let request = ShareRequest::now(vec!["later-lure.com".into()], Tlp::AmberStrict, "borealis");
    home.node.share(request).await.unwrap();
    assert!(matches!(back(&gateway, "later-lure.com").await, Err(ProduceError::SaidByOthers)));
    // Or in the very words of the producer, by hand or in a file.
    home.say(&gateway, "same-lure.com\nfile-lure.com").await;
    let request = ShareRequest::now(vec!["same-lure.com".into()], Tlp::Amber, "borealis");
    assert_eq!(home.node.share(ShareRequest { dry_run: true, ..request.clone() }).await.unwrap().duplicate.len(), 1);
    back(&gateway, "same-lure.com").await.unwrap();
    home.say(&gateway, "same-lure.com").await;
    assert_eq!(home.node.share(request).await.unwrap().duplicate.len(), 1);
    assert_eq!(share("file-lure.com").await.duplicate, 1);
    assert!(matches!(back(&gateway, "same-lure.com").await, Err(ProduceError::SaidByOthers)));
    assert!(matches!(back(&gateway, "file-lure.com").await, Err(ProduceError::SaidByOthers)));
    assert!(values().contains(&"later-lure.com".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_still_held_is_taken_out_there_and_the_rest_leaves() {
    let home = Home::new(|_| {}).await;
    let (gateway, other) = (home.producer("gateway", "borealis").await, home.producer("other", "borealis").await);
    home.say(&gateway, "one-lure.com\ntwo-lure.com").await;
    home.say(&other, "three-lure.com").await;
    assert!(matches!(home.node.withdraw_produced(&other, "one-lure.com", "").await, Err(ProduceError::NotSaid)));
    home.node.withdraw_produced(&gateway, "one-lure.com", "").await.unwrap();
    // What is gone is not known as said any more, and what is held is.
    for _ in 0..256 {
        home.node.forget_claims().await.unwrap();
    }
    home.after_the_hold().await;
    let mut out: Vec<_> = home.out("borealis").into_iter().map(|(value, _)| value).collect();
    out.sort();
    assert_eq!(out, ["three-lure.com", "two-lure.com"]);
    home.node.withdraw_produced(&gateway, "two-lure.com", "").await.unwrap();
    home.node.withdraw_produced(&other, "three-lure.com", "").await.unwrap();
    assert!(home.out("borealis").is_empty() && home.node.holds().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stix_says_is_revoked_is_taken_back_where_the_producer_said_it() {
    let home = Home::new(|config| config.release.hold_s = 0).await;
    let gateway = home.producer("gateway", "borealis").await;
    home.say(&gateway, "own-lure.com").await;
    let object = |value: &str, number: u8| {
        format!(
            r#"{{"type":"indicator","spec_version":"2.1","id":"indicator--00000000-0000-4000-8000-00000000000{number}","created":"2026-01-01T00:00:00Z",
            "modified":"2026-01-02T00:00:00Z","pattern":"[domain-name:value = '{value}']","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z","revoked":true}}"#
        )
    };
    let bundle = format!(
        r#"{{"type":"bundle","id":"bundle--00000000-0000-4000-8000-000000000000","objects":[{},{}]}}"#,
        object("own-lure.com", 1),
        object("never-lure.com", 2)
    );
    let report = home.node.produce(&gateway, Sent { form: Form::Of(Format::Stix), ..sent(&bundle, None) }).await.unwrap();
    assert_eq!((report.read, report.withdrawn, report.withheld, home.out("borealis").len()), (2, 1, 1, 0), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_program_is_told_by_which_list_something_is_kept_back() {
    let home = Home::new(|config| (config.release.hold_s, config.gate.own) = (0, vec!["our-desk.org".into()])).await;
    let gateway = home.producer("gateway", "borealis").await;
    let share = ShareRequest::now(vec!["recalled-lure.com".into()], Tlp::Amber, "borealis");
    home.node.share(share).await.unwrap();
    home.node.take_back("recalled-lure.com", "a mistake", crate::model::record::WithdrawalMode::Recall).await.unwrap();
    let report = home.say(&gateway, "our-desk.org\nrecalled-lure.com").await;
    let told: Vec<&str> = report.problems.iter().map(|problem| problem.what.as_str()).collect();
    let plain = "the release gate keeps it back\nhint: `watchfire share VALUE --to PEER --dry-run` tells the desk why";
    assert_eq!((report.withheld, told), (2, vec![plain; 2]));
    let desk = home.node.share(ShareRequest::now(vec!["our-desk.org".into()], Tlp::Amber, "borealis")).await.unwrap();
    assert!(desk.withheld[0].reason.contains("our own"), "{:?}", desk.withheld);
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_of_what_is_gone_go_too() {
    let home = Home::new(|config| {
        config.release.hold_s = 0;
        config.records.retention_days = 1;
    })
    .await;
    let gateway = home.producer("gateway", "borealis").await;
    home.say(&gateway, "own-lure.com").await;
    let count = || home.node.store.snapshot().unwrap().all_kept(Shelf::Claim).unwrap().len();
    let sweep = async || {
        for _ in 0..256 {
            home.node.forget_claims().await.unwrap();
        }
    };
    sweep().await;
    assert_eq!(count(), 1);
    home.clock.advance(2 * DAY);
    home.node.destroy_expired(true).await.unwrap();
    sweep().await;
    assert_eq!(count(), 0);
}
