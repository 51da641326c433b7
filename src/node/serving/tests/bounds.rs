//! How much programs may send and are told, and whose turn it is.

use super::{Consumer, DAY, Home, START, Scope, sent};
use crate::model::sighting::SightingType;
use crate::model::{Timestamp, Tlp};
use crate::node::NodeError;
use crate::node::referral::By;
use crate::node::serving::produce::{Form, ProduceError, Sent, Sighted};
use crate::node::serving::{Changes, ConsumerAdd, ConsumerRenew, Wanted};
use crate::node::view::ShareRequest;
use crate::rules::consumer::Way;
use std::time::Duration;
use uuid::Uuid;

fn records(text: &str) -> Sent {
    Sent { form: Form::Records, ..sent(text, None) }
}

impl Home {
    fn read_request(name: &str, scope: Scope) -> ConsumerAdd {
        ConsumerAdd { scopes: vec![scope], tlp_max: Some(Tlp::Green), to: None, tlp: None, ..Self::add_request(name, "") }
    }

    async fn reader(&self, name: &str, scope: Scope) -> Consumer {
        let view = self.node.add_consumer(Self::read_request(name, scope), By::default()).await.unwrap();
        self.node.consumer_of(&view.token, Way::Header).unwrap().unwrap()
    }

    fn page(&self, consumer: &Consumer, wanted: &Wanted) -> Result<Changes, NodeError> {
        tokio::task::block_in_place(|| self.node.changes_for(consumer, wanted))
    }

    async fn share(&self, value: &str, tlp: Tlp) {
        self.node.share(ShareRequest::now(vec![value.into()], tlp, "borealis")).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_under_way_is_told_so_and_another_waits_for_its_end() {
    let home = Home::new(|_| {}).await;
    let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let (begins, begun) = tokio::sync::oneshot::channel();
    let (go, goes) = tokio::sync::oneshot::channel::<()>();
    let node = home.node.clone();
    let work = async move {
        begins.send(()).unwrap();
        goes.await.unwrap();
        Ok(())
    };
    let first = tokio::spawn(async move { node.in_turn([7; 16], one, |_| work).await });
    begun.await.unwrap();
    let ask = async |who: u8, id: Uuid| {
        tokio::time::timeout(Duration::from_millis(200), home.node.in_turn([who; 16], id, |_| async { Ok(()) })).await.ok()
    };
    assert!(matches!(ask(7, one).await, Some(Err(ProduceError::UnderWay))));
    assert!(ask(7, other).await.is_none(), "it waits for its turn");
    assert!(matches!(ask(8, other).await, Some(Ok(()))), "another producer's does not");
    go.send(()).unwrap();
    first.await.unwrap().unwrap();
    assert!(matches!([ask(7, one).await, ask(7, other).await], [Some(Ok(())), Some(Ok(()))]));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_problems_the_first_are_told_not_at_length_and_the_others_are_counted() {
    let home = Home::new(|config| config.release.hold_s = 0).await;
    let gateway = home.producer("gateway", "borealis").await;
    let long = format!("{{\"value\":\"a-lure.com\",\"{}\":1}}", "é".repeat(1_000));
    let report = home.node.produce(&gateway, records(&(long + &"{\"value\":\"?\"}".repeat(150)))).await.unwrap();
    assert_eq!((report.invalid, report.problems.len(), report.problems_more), (151, 100, 51));
    assert_eq!(report.problems[0].what.chars().count(), 400);
    // Those of what is to be taken back are bounded too.
    let objects: Vec<String> = (0..150)
        .map(|n| {
            format!(
                r#"{{"type":"indicator","spec_version":"2.1","id":"indicator--00000000-0000-4000-8000-000000000{n:03}","created":"2026-01-01T00:00:00Z",
                "modified":"2026-01-02T00:00:00Z","pattern":"[domain-name:value = 'n{n}-lure.com']","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z","revoked":true}}"#
            )
        })
        .collect();
    let bundle = format!(r#"{{"type":"bundle","id":"bundle--00000000-0000-4000-8000-000000000000","objects":[{}]}}"#, objects.join(","));
    let stix = Sent { form: Form::Of(crate::formats::Format::Stix), ..sent(&bundle, None) };
    let report = home.node.produce(&gateway, stix).await.unwrap();
    assert_eq!((report.withheld, report.problems.len(), report.problems_more), (150, 100, 50));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_of_a_body_is_read_than_tells_that_it_has_too_many_records() {
    let home = Home::new(|config| config.https.produced_records_max = 2).await;
    let text = (0..9).map(|n| format!("n{n}-lure.com\n")).collect::<String>();
    assert_eq!(home.node.items_of(Form::Of(crate::formats::Format::Text), text.into_bytes()).await.unwrap().len(), 3);
    let lines = "{\"value\":\"a-lure.com\"}\n".repeat(9);
    assert_eq!(home.node.items_of(Form::Records, lines.into_bytes()).await.unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn sightings_are_bounded_in_a_request_and_a_day_and_one_key_is_for_one_request() {
    let home = Home::new(|config| config.https.producer_records_per_day_max = 3).await;
    let siem = home.reader("siem", Scope::Sight).await;
    let met =
        |count| vec![Sighted { value: "none-lure.com".into(), r#type: SightingType::Seen, count: 1, at: None, anonymous: false }; count];
    assert!(matches!(home.node.sighted(&siem, met(101), None).await, Err(ProduceError::TooMany(100))));
    let first = home.node.sighted(&siem, met(2), Some("k1")).await.unwrap();
    assert_eq!((first.read, first.invalid), (2, 2), "{first:?}");
    assert_eq!(home.node.sighted(&siem, met(2), Some("k1")).await.unwrap(), first);
    assert!(matches!(home.node.sighted(&siem, met(1), Some("k1")).await, Err(ProduceError::KeyReused)));
    assert!(matches!(home.node.sighted(&siem, met(2), None).await, Err(ProduceError::DayIsFull)));
    home.clock.advance(DAY);
    assert_eq!(home.node.sighted(&siem, met(3), None).await.unwrap().read, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_back_counts_in_the_day_of_its_producer() {
    let home = Home::new(|config| config.https.producer_requests_per_day_max = 1).await;
    let gateway = home.producer("gateway", "borealis").await;
    assert!(matches!(home.node.withdraw_produced(&gateway, "none-lure.com", "").await, Err(ProduceError::NotSaid)));
    assert!(matches!(home.node.withdraw_produced(&gateway, "none-lure.com", "").await, Err(ProduceError::DayIsFull)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_what_changed_has_no_more_than_was_asked_for_and_may_be_had() {
    let home = Home::new(|config| config.https.taxii_page_bytes_max = 1).await;
    let api = home.reader("api", Scope::Api).await;
    for (value, tlp) in [("a-lure.com", Tlp::Green), ("b-lure.com", Tlp::Clear), ("c-lure.com", Tlp::Amber), ("a-lure.com", Tlp::Green)] {
        home.share(value, tlp).await;
    }
    let all = async |tlp: Option<Tlp>| {
        let (mut lines, mut cursor, mut pages) = (String::new(), None, Vec::new());
        loop {
            let wanted = Wanted { cursor, tlp, limit: 10, ..Wanted::default() };
            let page = home.page(&api, &wanted).unwrap();
            lines += std::str::from_utf8(&page.lines).unwrap();
            pages.push(page.count);
            if !page.more {
                return (lines.matches("-lure.com").count(), lines.contains("c-lure"), pages);
            }
            cursor = Some(page.cursor);
        }
    };
    let (count, above, pages) = all(None).await;
    assert!((count, above) == (2, false) && pages.iter().all(|count| *count <= 1), "{count} {pages:?}");
    assert_eq!(all(Some(Tlp::Clear)).await.0, 1);
    let (count, above, _) = all(Some(Tlp::Red)).await;
    assert_eq!((count, above), (2, false), "nobody lifts its own ceiling");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_twice_comes_once_and_what_is_withdrawn_does_not_come_as_if_it_held() {
    let home = Home::new(|_| {}).await;
    let api = home.reader("api", Scope::Api).await;
    let lines = |cursor: Option<String>| {
        let page = home.page(&api, &Wanted { cursor, limit: 10, ..Wanted::default() }).unwrap();
        (String::from_utf8(page.lines).unwrap(), page.cursor)
    };
    let (_, start) = lines(None);
    home.share("a-lure.com", Tlp::Green).await;
    home.node.share(ShareRequest::now(vec!["a-lure.com".into()], Tlp::Green, "cedar")).await.unwrap();
    let (text, cursor) = lines(Some(start));
    assert_eq!(text.lines().count(), 1, "{text}");
    home.node.withdraw("a-lure.com", "a mistake").await.unwrap();
    let (text, _) = lines(Some(cursor));
    assert!(text.lines().count() == 1 && text.starts_with("{\"type\":\"removed\""), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_added_for_something_and_within_bounds() {
    let home = Home::new(|config| (config.https.consumers_max, config.https.token_days_max) = (2, 30)).await;
    let add = async |add: ConsumerAdd| home.node.add_consumer(add, By::default()).await.map(|_| ()).map_err(|error| error.to_string());
    let reads = |name: &str| Home::read_request(name, Scope::Export);
    let refused = async |request: ConsumerAdd, what: &str| {
        let error = add(request).await.unwrap_err();
        assert!(error.starts_with(what) && error.contains("\nhint: "), "{error}");
    };
    refused(ConsumerAdd { tlp_max: Some(Tlp::Red), ..reads("a") }, "no program gets TLP:RED").await;
    refused(ConsumerAdd { scopes: Vec::new(), ..reads("a") }, "the token would be good for nothing").await;
    for days in [0, 31] {
        refused(ConsumerAdd { days, ..reads("a") }, "a token counts for 1 to 30 days").await;
    }
    let least = |least| ConsumerAdd { least_confidence: Some(least), ..reads("a") };
    refused(least(101), "confidence goes from 0 to 100").await;
    refused(ConsumerAdd { scopes: vec![Scope::Export, Scope::Api], ..least(40) }, "what `api` tells goes on from a cursor").await;
    refused(ConsumerAdd { scopes: vec![Scope::Sight], ..least(40) }, "`--least-confidence` is for what is fetched").await;
    add(reads("a")).await.unwrap();
    refused(reads("a"), "there is a consumer called `a` already").await;
    add(ConsumerAdd { days: 1, ..reads("b") }).await.unwrap();
    refused(reads("c"), "there are 2 consumers already").await;
    assert!(home.node.renew_consumer("a", ConsumerRenew { days: 31 }, By::default()).await.is_err());
    // One that is over makes room, and nobody says that it still counts.
    home.clock.advance(DAY);
    let error = home.node.keep_consumer("b", By::default()).await.unwrap_err().to_string();
    assert!(error.starts_with("the token of `b` has expired or was revoked\nhint: "), "{error}");
    add(reads("c")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_revoked_or_renewed_or_has_expired_counts_no_more_for_whoever_waits() {
    let home = Home::new(|_| {}).await;
    let [one, two, three] =
        [home.reader("one", Scope::Api).await, home.reader("two", Scope::Api).await, home.reader("three", Scope::Api).await];
    let count = |consumer: &Consumer| home.node.counts_still(consumer).unwrap();
    assert!(count(&one) && count(&two) && count(&three));
    home.node.revoke_consumer("one", By::default()).await.unwrap();
    home.node.renew_consumer("two", ConsumerRenew { days: 30 }, By::default()).await.unwrap();
    assert_eq!([&one, &two, &three].map(count), [false, false, true]);
    home.clock.advance(30 * DAY);
    assert!(!count(&three));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_use_is_written_down_once_a_minute() {
    let home = Home::new(|_| {}).await;
    let one = home.reader("one", Scope::Api).await;
    let used = async || {
        home.node.note_consumer(&one).await.unwrap();
        home.node.consumers().unwrap().consumers[0].used
    };
    let at = |ms| Some(Timestamp(START.0 + ms));
    assert_eq!(used().await, at(0));
    home.clock.advance(59_999);
    assert_eq!(used().await, at(0));
    home.clock.advance(1);
    assert_eq!(used().await, at(60_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recalled_is_no_producer_s_to_take_back() {
    let home = Home::new(|config| config.release.hold_s = 0).await;
    let (gateway, other) = (home.producer("gateway", "borealis").await, home.producer("other", "borealis").await);
    home.say(&gateway, "login-lure.com").await;
    home.node.recall("login-lure.com", "a mistake").await.unwrap();
    assert_eq!(home.say(&other, "login-lure.com").await.withheld, 1);
    assert!(matches!(home.node.withdraw_produced(&other, "login-lure.com", "").await, Err(ProduceError::NotSaid)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_said_before_a_claim_keeps_nothing_from_being_taken_back() {
    use crate::model::Observable;
    use crate::node::serving::{Producer, Unsaid};
    let home = Home::new(|config| config.release.hold_s = 0).await;
    let gateway = home.producer("gateway", "borealis").await;
    home.say(&gateway, "first-lure.com").await;
    // The desk said it, and took it back, before the producer said it.
    home.share("second-lure.com", Tlp::Amber).await;
    home.node.withdraw("second-lure.com", "a mistake").await.unwrap();
    assert_eq!(home.say(&gateway, "second-lure.com").await.released, 1);
    let audience = home.node.audience("borealis").unwrap();
    let record = |value| home.node.record_id(&home.node.org(), &Observable::guess(value).unwrap());
    let both = [record("first-lure.com"), record("second-lure.com")];
    let became = home.node.take_back_said(&Producer::of(&gateway), &audience, &both, "a mistake").await.unwrap();
    assert_eq!(became, [Unsaid::TakenBack; 2]);
    assert!(home.out("borealis").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_part_of_what_changed_does_not_count_as_having_dropped_the_rest() {
    let home = Home::new(|_| {}).await;
    let api = home.reader("api", Scope::Api).await;
    home.share("a-lure.com", Tlp::Green).await;
    home.share("b-lure.com", Tlp::Green).await;
    let page = home.page(&api, &Wanted { limit: 1, ..Wanted::default() }).unwrap();
    home.page(&api, &Wanted { cursor: Some(page.cursor), limit: 1, ..Wanted::default() }).unwrap();
    let written = home.node.store.snapshot().unwrap().exports().unwrap();
    let formats: Vec<_> = written.iter().map(|(_, row)| (row.format.as_str(), row.since.is_some())).collect();
    assert_eq!(formats, [("rest-part", false), ("rest", true)]);
}

fn copied(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => copied(&entry.path(), &to),
            kind if kind.is_file() => drop(std::fs::copy(entry.path(), to).unwrap()),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_events_that_were_lost_is_none_of_those_that_came_in_their_place() {
    let home = Home::new(|_| {}).await;
    let api = home.reader("api", Scope::Api).await;
    home.share("a-lure.com", Tlp::Green).await;
    let home = home.restart().await;
    let (data, copy) = (home.directory.path().join("amal"), home.directory.path().join("copy"));
    let page = |home: &Home, cursor: Option<String>| home.page(&api, &Wanted { cursor, limit: 10, ..Wanted::default() });
    let early = page(&home, None).unwrap().cursor;
    let home = home.restart().await;
    copied(&data, &copy);
    home.share("b-lure.com", Tlp::Green).await;
    let late = page(&home, None).unwrap().cursor;
    // The copy is put back.
    home.node.store.close();
    std::fs::remove_dir_all(&data).unwrap();
    std::fs::rename(&copy, &data).unwrap();
    let home = home.restart().await;
    assert!(page(&home, Some(early.clone())).is_ok());
    assert!(matches!(page(&home, Some(late.clone())), Err(NodeError::UnknownCursor)), "there is no such event yet");
    home.share("c-lure.com", Tlp::Green).await;
    assert!(matches!(page(&home, Some(late)), Err(NodeError::UnknownCursor)), "there is another in its place");
    assert!(page(&home, Some(early)).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_searches_are_made_at_a_time_and_the_next_waits() {
    use crate::formats::misp::rest::{Controller, Search};
    use crate::node::serving::{Coding, Wrapped};
    let home = Home::new(|_| {}).await;
    home.node.sweep_served().unwrap();
    let misp = home.reader("misp", Scope::Misp).await;
    let search = async || {
        let search = home.node.misp_search(&misp, Search::all(Controller::Events), Wrapped::List, Coding::Identity);
        tokio::time::timeout(Duration::from_secs(1), search).await.is_ok()
    };
    assert!(search().await);
    let both = home.node.serving.searching.0.clone().acquire_many_owned(2).await.unwrap();
    assert!(!search().await);
    drop(both);
    assert!(search().await);
}
