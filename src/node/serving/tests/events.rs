//! Events that programs add: drafts of their own until they are published.

use super::{Change, Consumer, DAY, Home, Scope, ShareRequest, Shelf};
use crate::formats::misp::rest::{Controller, Search};
use crate::model::Tlp;
use crate::node::referral::By;
use crate::node::serving::{Coding, EventError, ProduceError, Searched, Wrapped};
use crate::rules::consumer::Way;
use serde_json::{Value, json};

const ONE: &str = "11111111-2222-4333-8444-000000000001";
const TWO: &str = "11111111-2222-4333-8444-000000000002";

fn event(uuid: &str, value: &str) -> Value {
    json!({ "Event": { "info": "Lures", "uuid": uuid, "Attribute": [{ "type": "domain", "value": value }] } })
}

async fn writer(home: &Home, name: &str) -> Consumer {
    let mut request = Home::add_request(name, "borealis");
    (request.scopes, request.tlp_max) = (vec![Scope::Misp, Scope::Produce], Some(Tlp::Amber));
    let view = home.node.add_consumer(request, By::default()).await.unwrap();
    home.node.consumer_of(&view.token, Way::Header).unwrap().unwrap()
}

#[tokio::test]
async fn nothing_of_a_draft_leaves_before_it_is_published_and_nothing_of_it_stays_then() {
    let home = Home::new(|_| {}).await;
    home.node.sweep_served().unwrap();
    let mine = writer(&home, "mine").await;
    home.node.add_event(&mine, &event(ONE, "draft-lure.com")).await.unwrap();
    home.after_the_hold().await;
    assert_eq!(home.out("borealis"), []);
    assert_eq!(home.node.own_events(&mine).unwrap().drafts.len(), 1);
    let report = home.node.publish_event(&mine, ONE).await.unwrap().expect("it was a draft");
    assert_eq!((report.released, report.withheld), (1, 0));
    assert_eq!(home.out("borealis"), [], "it is held, as all that leaves is");
    home.after_the_hold().await;
    assert_eq!(home.out("borealis"), [("draft-lure.com".to_owned(), Tlp::Amber)]);
    assert_eq!(home.out("cedar"), []);
    // What it said is in the log, and nowhere in what is kept of the event: a recall finds it all.
    let snapshot = home.node.store.snapshot().unwrap();
    assert_eq!(snapshot.all_kept(Shelf::EventBody).unwrap(), []);
    let kept = snapshot.all_kept(Shelf::Event).unwrap();
    assert_eq!((kept.len(), String::from_utf8_lossy(&kept[0].1).contains("draft-lure")), (1, false));
    assert!(home.node.publish_event(&mine, ONE).await.unwrap().is_none(), "there is nothing new in it");
    assert!(home.deeds().iter().any(|(what, _)| what == "produced"));
}

#[tokio::test]
async fn a_draft_is_its_own_program_s() {
    let home = Home::new(|config| config.https.misp_drafts_max = 1).await;
    home.node.sweep_served().unwrap();
    let (mine, theirs) = (writer(&home, "mine").await, writer(&home, "theirs").await);
    home.node.add_event(&mine, &event(ONE, "my-lure.com")).await.unwrap();
    assert_eq!(home.node.own_events(&theirs).unwrap().drafts.len(), 0);
    assert!(matches!(home.node.publish_event(&theirs, ONE).await, Err(EventError::Unknown)));
    assert!(matches!(home.node.edit_event(&theirs, ONE, &event(ONE, "x.com")).await, Err(EventError::Unknown)));
    assert!(matches!(home.node.delete_event(&theirs, ONE).await, Err(EventError::Unknown)));
    assert!(!home.node.drop_attribute(&theirs, ONE).await.unwrap());
    // Each has its own bound, and may use an id that the other has: that it is taken would tell of it.
    home.node.add_event(&theirs, &event(ONE, "their-lure.com")).await.unwrap();
    assert!(matches!(home.node.add_event(&mine, &event(TWO, "more.com")).await, Err(EventError::Full)));
    assert!(matches!(home.node.add_event(&mine, &event(ONE, "more.com")).await, Err(EventError::Taken)));
    home.node.publish_event(&mine, ONE).await.unwrap();
    assert_eq!(home.node.own_events(&theirs).unwrap().drafts.len(), 1);
    // What is out makes room.
    home.node.add_event(&mine, &event(TWO, "more.com")).await.unwrap();
    let reads = reader(&home).await;
    let refused = home.node.add_event(&reads, &event(TWO, "x.com")).await;
    assert!(matches!(refused, Err(EventError::Produce(ProduceError::NotAllowed("produce")))), "{refused:?}");
}

async fn reader(home: &Home) -> Consumer {
    let mut request = Home::add_request("reads", "borealis");
    (request.scopes, request.tlp_max, request.to, request.tlp) = (vec![Scope::Misp], Some(Tlp::Amber), None, None);
    let view = home.node.add_consumer(request, By::default()).await.unwrap();
    home.node.consumer_of(&view.token, Way::Header).unwrap().unwrap()
}

#[tokio::test]
async fn what_nobody_publishes_is_forgotten_after_its_days() {
    let home = Home::new(|config| config.https.misp_draft_days = 2).await;
    home.node.sweep_served().unwrap();
    let mine = writer(&home, "mine").await;
    home.node.add_event(&mine, &event(ONE, "old-lure.com")).await.unwrap();
    home.clock.advance(DAY);
    home.node.add_event(&mine, &event(TWO, "new-lure.com")).await.unwrap();
    home.node.forget_drafts().await.unwrap();
    assert_eq!(home.node.own_events(&mine).unwrap().drafts.len(), 2);
    home.clock.advance(DAY);
    home.node.forget_drafts().await.unwrap();
    let drafts = home.node.own_events(&mine).unwrap().drafts;
    assert_eq!(drafts.iter().map(|(uuid, _)| uuid.as_str()).collect::<Vec<_>>(), [TWO]);
    assert_eq!(home.node.store.snapshot().unwrap().all_kept(Shelf::EventBody).unwrap().len(), 1);
}

#[tokio::test]
async fn whoever_only_reads_changes_no_event() {
    let home = Home::new(|_| {}).await;
    home.node.sweep_served().unwrap();
    let reads = reader(&home).await;
    let refused = |error: EventError| assert!(matches!(error, EventError::Produce(ProduceError::NotAllowed("produce"))), "{error:?}");
    refused(home.node.edit_event(&reads, ONE, &event(ONE, "x-lure.com")).await.unwrap_err());
    refused(home.node.add_attribute(&reads, ONE, &json!({ "type": "domain", "value": "x-lure.com" })).await.unwrap_err());
    refused(home.node.drop_attribute(&reads, ONE).await.unwrap_err());
    refused(home.node.delete_event(&reads, ONE).await.unwrap_err());
    refused(home.node.publish_event(&reads, ONE).await.unwrap_err());
}

#[tokio::test]
async fn an_event_that_became_too_long_stays_as_it_was() {
    let home = Home::new(|config| config.https.body_bytes_max = 1_024).await;
    home.node.sweep_served().unwrap();
    let mine = writer(&home, "mine").await;
    home.node.add_event(&mine, &event(ONE, "short-lure.com")).await.unwrap();
    let before = home.node.own_events(&mine).unwrap().drafts;
    let long = json!({ "type": "domain", "value": "more-lure.com", "comment": "x".repeat(1_024) });
    let refused = home.node.add_attribute(&mine, ONE, &long).await;
    assert!(matches!(refused, Err(EventError::Produce(ProduceError::TooLong(1_024)))), "{refused:?}");
    assert_eq!(home.node.own_events(&mine).unwrap().drafts, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_changes_at_once_one_waits_and_what_is_changed_meanwhile_is_not_forgotten() {
    let home = Home::new(|config| config.https.misp_draft_days = 1).await;
    home.node.sweep_served().unwrap();
    let mine = writer(&home, "mine").await;
    home.node.add_event(&mine, &event(ONE, "old-lure.com")).await.unwrap();
    home.clock.advance(DAY);
    let turn = home.node.serving.drafting.of(mine.id).lock_owned().await;
    let (node, consumer) = (home.node.clone(), mine.clone());
    let mut added = tokio::spawn(async move { node.add_event(&consumer, &event(TWO, "new-lure.com")).await });
    let node = home.node.clone();
    let mut forgotten = tokio::spawn(async move { node.forget_drafts().await });
    let moment = std::time::Duration::from_millis(200);
    assert!(tokio::time::timeout(moment, &mut added).await.is_err() && tokio::time::timeout(moment, &mut forgotten).await.is_err());
    // What whoever has the turn does: it changes the event.
    let (id, row) = home.node.store.snapshot().unwrap().all_kept(Shelf::Event).unwrap().remove(0);
    let mut row: Value = serde_json::from_slice(&row).unwrap();
    row["changed"] = serde_json::to_value(home.clock.now()).unwrap();
    let row = Some(serde_json::to_vec(&row).unwrap());
    home.node.commit(Change::Keep { shelf: Shelf::Event, id, row }).await.unwrap();
    drop(turn);
    added.await.unwrap().unwrap();
    forgotten.await.unwrap().unwrap();
    let mut drafts: Vec<String> = home.node.own_events(&mine).unwrap().drafts.into_iter().map(|(uuid, _)| uuid).collect();
    drafts.sort();
    assert_eq!(drafts, [ONE, TWO]);
}

async fn found(home: &Home, consumer: &Consumer, search: Search, wrapped: Wrapped) -> Value {
    let found = home.node.misp_search(consumer, search, wrapped, Coding::Identity).await.unwrap();
    let Searched::Found(mut found) = found else { panic!("too long") };
    let mut text = String::new();
    std::io::Read::read_to_string(&mut found.file, &mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn a_published_event_has_what_it_says_alone() {
    let home = Home::new(|config| config.release.hold_s = 0).await;
    home.node.sweep_served().unwrap();
    let mine = writer(&home, "mine").await;
    home.node.share(ShareRequest::now(vec!["desk-lure.com".into()], Tlp::Green, "borealis")).await.unwrap();
    home.node.add_event(&mine, &event(ONE, "my-lure.com")).await.unwrap();
    home.node.publish_event(&mine, ONE).await.unwrap().expect("it was a draft");
    home.node.share(ShareRequest::now(vec!["later-lure.com".into()], Tlp::Green, "borealis")).await.unwrap();
    let shown = found(&home, &mine, Search::event(ONE, false), Wrapped::One).await;
    let values: Vec<_> = shown["Event"]["Attribute"].as_array().unwrap().iter().map(|one| one["value"].as_str().unwrap()).collect();
    assert_eq!(values, ["my-lure.com"]);
}

#[tokio::test]
async fn what_must_not_be_blocked_is_left_out_where_that_is_asked_for() {
    let home = Home::new(|_| {}).await;
    home.node.sweep_served().unwrap();
    let mine = writer(&home, "mine").await;
    let mut sent = event(ONE, "my-lure.com");
    let suffix = json!({ "type": "domain", "value": "github.io" });
    sent["Event"]["Attribute"].as_array_mut().unwrap().push(suffix);
    home.node.add_event(&mine, &sent).await.unwrap();
    let values = async |query: Value| {
        let search = Search::read(Controller::Attributes, query.as_object().unwrap(), home.clock.now()).unwrap();
        let found = found(&home, &mine, search, Wrapped::List).await;
        let all = found["response"]["Attribute"].as_array().unwrap().iter();
        all.map(|one| one["value"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(values(json!({})).await, ["my-lure.com", "github.io"]);
    assert_eq!(values(json!({ "enforceWarninglist": 1 })).await, ["my-lure.com"]);
}

#[tokio::test]
async fn what_an_event_has_taken_back_does_not_come_back_into_it_when_others_say_it() {
    let home = Home::new(|config| config.release.hold_s = 0).await;
    home.node.sweep_served().unwrap();
    let mine = writer(&home, "mine").await;
    let attribute = |deleted: bool| json!({ "type": "domain", "value": "my-lure.com", "uuid": TWO, "deleted": deleted });
    let mut sent = event(ONE, "stays-lure.com");
    sent["Event"]["Attribute"].as_array_mut().unwrap().push(attribute(false));
    home.node.add_event(&mine, &sent).await.unwrap();
    assert_eq!(home.node.publish_event(&mine, ONE).await.unwrap().expect("it was a draft").released, 2);
    home.node.add_attribute(&mine, ONE, &attribute(true)).await.unwrap();
    assert_eq!(home.node.publish_event(&mine, ONE).await.unwrap().expect("it is a draft again").withdrawn, 1);
    home.node.share(ShareRequest::now(vec!["my-lure.com".into()], Tlp::Green, "borealis")).await.unwrap();
    let shown = found(&home, &mine, Search::event(ONE, false), Wrapped::One).await;
    let values: Vec<_> = shown["Event"]["Attribute"].as_array().unwrap().iter().map(|one| one["value"].as_str().unwrap()).collect();
    assert_eq!(values, ["stays-lure.com"]);
}
