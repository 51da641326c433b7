//! Sources that say the same for longer than anything is kept here.

use super::tests::{Desk, event, indicator};
use super::*;

const DAY: u64 = 86_400_000;
/// So many days of retention.
const KEPT: u64 = 20;

pub(super) async fn desk() -> Desk {
    Desk::with(|config| config.records.retention_days = KEPT).await
}

/// A feed is read once a day, and each day is destroyed what is over. How often something was taken of it.
pub(super) async fn days(desk: &Desk, name: &str, days: u64) -> u64 {
    let mut taken = 0;
    for _ in 0..days {
        desk.clock.advance(DAY);
        let Counts { new, changed, unchanged, .. } = desk.run(name).await.counts;
        taken += u64::from(new + changed + unchanged > 0);
        desk.node.destroy_expired(true).await.unwrap();
    }
    taken
}

pub(super) fn is_live(desk: &Desk, value: &str) -> bool {
    desk.says(value).iter().any(|one| one.contains(" live "))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_stays_as_it_is_is_said_anew_before_it_is_destroyed() {
    let desk = desk().await;
    desk.web.put("/list", "evil1.example.org\nevil2.example.org\n");
    desk.add("list", Kind::List, desk.web.url("/list")).await;
    assert_eq!(desk.became("list").await, [2, 0, 0, 0]);
    days(&desk, "list", 10).await;
    desk.web.put("/list", "evil1.example.org\n");
    days(&desk, "list", 1).await;
    // On all other days it is not sent: `304 Not Modified`.
    let sent = days(&desk, "list", 49).await;
    assert!((49 / 5..49 / 4).contains(&sent), "{sent}");
    assert!(is_live(&desk, "evil1.example.org"));
    assert!(!is_live(&desk, "evil2.example.org"));
    // The control: a list that cannot be fetched any more is not said anew.
    desk.web.fail("/list", 500);
    days(&desk, "list", KEPT).await;
    assert!(!is_live(&desk, "evil1.example.org"));
    // And what had been destroyed comes back with it.
    desk.web.put("/list", "evil1.example.org\n");
    desk.run("list").await;
    assert!(is_live(&desk, "evil1.example.org"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_anew_is_no_younger_for_that_and_what_comes_back_is() {
    let desk = desk().await;
    desk.web.put("/list", "evil1.example.org\n");
    desk.add("list", Kind::List, desk.web.url("/list")).await;
    assert_eq!(desk.became("list").await, [1, 0, 0, 0]);
    let sure = |desk: &Desk| desk.node.lookup(&["evil1.example.org".to_owned()]).unwrap().remove(0).matches[0].confidence_now.unwrap();
    let log = |desk: &Desk| {
        let snapshot = desk.node.store.snapshot().unwrap();
        let row = desk.node.feed_named(&snapshot, "list").unwrap();
        snapshot.log(&row.log(desk.node.org()).unwrap().id()).unwrap().unwrap().head.size
    };
    let new = sure(&desk);
    days(&desk, "list", 8).await;
    let before = sure(&desk);
    assert!(log(&desk) == 1 && before < new, "{before} {new}");
    days(&desk, "list", 9).await;
    assert!(log(&desk) == 2 && sure(&desk) < before, "said anew it is {}", sure(&desk));
    desk.web.put("/list", "evil2.example.org\nevil3.example.org\n");
    days(&desk, "list", 1).await;
    desk.web.put("/list", "evil1.example.org\nevil2.example.org\nevil3.example.org\n");
    days(&desk, "list", 1).await;
    assert_eq!(sure(&desk), new, "it came back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_was_paused_until_all_was_destroyed_says_it_again_though_its_source_has_not_changed() {
    let desk = desk().await;
    desk.web.put("/list", "evil1.example.org\n");
    desk.add("list", Kind::List, desk.web.url("/list")).await;
    assert_eq!(desk.became("list").await, [1, 0, 0, 0]);
    desk.clock.advance((KEPT + 1) * DAY);
    desk.node.destroy_expired(true).await.unwrap();
    assert!(!is_live(&desk, "evil1.example.org"));
    assert_eq!(desk.became("list").await, [0, 1, 0, 0]);
    assert!(is_live(&desk, "evil1.example.org"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_stays_as_it_is_is_said_anew_before_it_is_destroyed() {
    let desk = desk().await;
    let folder = desk.folder();
    std::fs::write(folder.join("a.txt"), "evil1.example.org\n").unwrap();
    std::fs::write(folder.join("b.txt"), "evil2.example.org\n").unwrap();
    desk.add("drop", Kind::Folder, folder.display().to_string()).await;
    assert_eq!(desk.became("drop").await, [2, 0, 0, 0]);
    days(&desk, "drop", 10).await;
    std::fs::remove_file(folder.join("b.txt")).unwrap();
    days(&desk, "drop", 50).await;
    assert!(is_live(&desk, "evil1.example.org") && !is_live(&desk, "evil2.example.org"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_a_misp_feed_that_stays_as_it_is_is_said_anew_before_it_is_destroyed() {
    let desk = desk().await;
    let [one, two, three] =
        ["deba275d-e3f9-54f1-80c8-6b06887a75f4", "8a8269e4-ace7-5cff-94f0-409521ae4f0c", "0aa73f3a-70d5-4b02-8e6d-9f0e8d9c2f11"];
    let manifest = |events: &[&str]| {
        let lines: Vec<String> = events.iter().map(|uuid| format!(r#""{uuid}":{{"timestamp":"1"}}"#)).collect();
        desk.web.put("/feed/manifest.json", format!("{{{}}}", lines.join(",")));
    };
    manifest(&[one, two, three]);
    for (n, uuid) in [one, two, three].into_iter().enumerate() {
        desk.web.put(&format!("/feed/{uuid}.json"), event(uuid, &[(&format!("evil{}.example.org", n + 1), false)], "tlp:clear"));
    }
    desk.add("misp", Kind::MispFeed, desk.web.url("/feed/")).await;
    assert_eq!(desk.became("misp").await[..1], [3]);
    days(&desk, "misp", 10).await;
    // One is in its manifest no more; of another its file is gone.
    manifest(&[one, three]);
    desk.web.fail(&format!("/feed/{three}.json"), 404);
    assert!(days(&desk, "misp", 50).await <= 50 / 4);
    assert!(is_live(&desk, "evil1.example.org"));
    assert!(!is_live(&desk, "evil2.example.org") && !is_live(&desk, "evil3.example.org"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_is_read_again_from_its_beginning_before_what_it_said_is_destroyed() {
    // One page with what is new, and one of what was there before.
    let desk = Desk::with(|config| (config.records.retention_days, config.feeds.fetches_max) = (KEPT, 2)).await;
    let page = |more: &str, objects: &[String]| format!(r#"{{"more":{more},"objects":[{}]}}"#, objects.join(","));
    let at = "/c/objects/";
    let all = [1, 2, 3].map(|id| indicator(id, &format!("evil{id}.example.org"), ""));
    desk.web.put(at, page(r#"true,"next":"2""#, &all[..2]));
    desk.web.put(&format!("{at}?next=2"), page("false", &all[2..]));
    let later = format!("{at}?added_after=2026-11-01T10%3A00%3A00.000001Z");
    desk.web.put(&later, page("false", &[]));
    desk.add("taxii", Kind::Taxii, desk.web.url("/c/")).await;
    assert_eq!(desk.became("taxii").await, [3, 0, 0, 0]);
    assert_eq!((desk.became("taxii").await, desk.web.asked().len()), ([0, 0, 0, 0], 3));
    days(&desk, "taxii", 10).await;
    // One is gone without a word.
    desk.web.put(at, page(r#"true,"next":"2""#, &all[..1]));
    desk.web.asked();
    assert_eq!(days(&desk, "taxii", 50).await, 20, "each five days two pages, one in a run");
    assert_eq!(desk.web.asked().len(), 50 + 20);
    assert!(is_live(&desk, "evil1.example.org") && is_live(&desk, "evil3.example.org"));
    assert!(!is_live(&desk, "evil2.example.org"));
    // While one page of what was there before fails, what is new is taken.
    desk.web.fail(at, 500);
    desk.web.put(&later, page("false", &[indicator(4, "evil4.example.org", "")]));
    let mut faults = 0;
    for _ in 0..15 {
        desk.clock.advance(DAY);
        faults += u64::from(desk.run("taxii").await.fault.is_some());
    }
    assert!(faults > 8 && is_live(&desk, "evil4.example.org"), "{faults}");
    let view = desk.node.feed("taxii").unwrap();
    assert!(view.next.unwrap().since(desk.clock.now()) <= view.terms.every_s * 1_100, "as often as ever: {view:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_of_a_whole_collection_goes_on_after_a_restart_and_by_one_page_at_least() {
    let set = |config: &mut crate::config::Config| (config.records.retention_days, config.feeds.fetches_max) = (KEPT, 1);
    let desk = Desk::with(set).await;
    let page = |more: &str, id: u8| format!(r#"{{"more":{more},"objects":[{}]}}"#, indicator(id, &format!("evil{id}.example.org"), ""));
    let at = "/c/objects/";
    desk.web.put(at, page(r#"true,"next":"2""#, 1));
    desk.web.put(&format!("{at}?next=2"), page("false", 2));
    let later = format!("{at}?added_after=2026-11-01T10%3A00%3A00.000001Z");
    desk.web.put(&later, r#"{"more":false,"objects":[]}"#);
    desk.add("taxii", Kind::Taxii, desk.web.url("/c/")).await;
    assert_eq!((desk.became("taxii").await, desk.became("taxii").await), ([1, 0, 0, 0], [1, 0, 0, 0]));
    desk.clock.advance(11 * DAY);
    desk.web.asked();
    assert_eq!(desk.became("taxii").await, [0, 1, 0, 0]);
    let desk = desk.again(Desk::config(set)).await;
    assert_eq!(desk.became("taxii").await, [0, 1, 0, 0]);
    assert_eq!(desk.became("taxii").await, [0, 0, 0, 0]);
    assert_eq!(desk.web.asked(), [later.clone(), at.to_owned(), later.clone(), format!("{at}?next=2"), later]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_forgets_its_word_for_the_next_page_does_not_send_a_whole_reading_back_to_its_beginning() {
    let set = |config: &mut crate::config::Config| (config.records.retention_days, config.feeds.fetches_max) = (KEPT, 2);
    let desk = Desk::with(set).await;
    let page = |more: &str, id: u8| format!(r#"{{"more":{more},"objects":[{}]}}"#, indicator(id, &format!("evil{id}.example.org"), ""));
    let (at, next) = ("/c/objects/", "/c/objects/?next=2");
    desk.web.put(at, page(r#"true,"next":"2""#, 1));
    desk.web.put(next, page("false", 2));
    let later = format!("{at}?added_after=2026-11-01T10%3A00%3A00.000001Z");
    desk.web.put(&later, r#"{"more":false,"objects":[]}"#);
    desk.add("taxii", Kind::Taxii, desk.web.url("/c/")).await;
    assert_eq!(desk.became("taxii").await, [2, 0, 0, 0]);
    desk.clock.advance(11 * DAY);
    desk.web.asked();
    desk.became("taxii").await;
    desk.web.fail(next, 404);
    for _ in 0..3 {
        desk.became("taxii").await;
    }
    // What is new, and page after page of the whole; then what is new alone.
    let asked = [&later, at, &later, next, &later, &later, &later].map(str::to_owned);
    assert_eq!(desk.web.asked(), asked);
}
