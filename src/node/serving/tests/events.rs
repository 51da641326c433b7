//! Events that programs add: drafts of their own until they are published.

use super::{Consumer, DAY, Home, Scope, Shelf};
use crate::model::Tlp;
use crate::node::referral::By;
use crate::node::serving::{EventError, ProduceError};
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
