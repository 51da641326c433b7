//! Against a server that answers as MISP 2.4 and 2.5 do (`events/index`, `attributes/restSearch`): no MISP runs here.

use super::tests::{Desk, local, shared};
use super::*;
use crate::node::referral::By;
use crate::skips::skipped;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// An event of the server.
#[derive(Clone, Default)]
struct Event {
    timestamp: u64,
    published: bool,
    info: String,
    tags: Vec<String>,
    /// By their numbers.
    attributes: BTreeMap<u64, Value>,
}

/// What the server has, and what it was asked.
#[derive(Default)]
struct State {
    events: BTreeMap<u64, Event>,
    asked: Vec<(String, Value)>,
    /// Head lines with which the next questions are refused.
    refusals: VecDeque<String>,
    /// The page that it does not find.
    lost_page: Option<u64>,
    /// Events that somebody has begun to edit since the index was read.
    edited: Vec<u64>,
    /// Pages are as long as they are, whatever was asked for.
    generous: bool,
    /// What was written into it: events by their ids, each with its attributes.
    written: BTreeMap<String, (Value, BTreeMap<String, Value>)>,
    /// A value that it does not take.
    refused: Option<String>,
    /// The newest answers first, as a server that sorts by nothing may give them.
    backwards: bool,
}

struct Misp {
    port: u16,
    state: Arc<Mutex<State>>,
}

const KEY: &str = "c2VjcmV0LW9mLW9uZS1NSVNQLXVzZXItMDEyMzQ1Njc4";

impl Misp {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, state) = (listener.local_addr().unwrap().port(), Arc::<Mutex<State>>::default());
        let shown = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shown.clone()));
            }
        });
        Self { port, state }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/misp", self.port)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    /// An event with attributes that are numbered from `first` on.
    fn put(&self, id: u64, timestamp: u64, first: u64, values: &[&str], tags: &[&str]) {
        let numbered = values.iter().zip(first..);
        let event = Event {
            timestamp,
            published: true,
            info: format!("event {id}"),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            attributes: numbered.map(|(value, at)| (at, attribute(id, at, "domain", value))).collect(),
        };
        self.change(|state| drop(state.events.insert(id, event)));
    }

    /// An attribute says something else, and its event with it.
    fn set(&self, id: u64, timestamp: u64, at: u64, key: &str, value: Value) {
        self.change(|state| {
            let event = state.events.get_mut(&id).unwrap();
            event.timestamp = timestamp;
            event.attributes.get_mut(&at).unwrap()[key] = value;
        });
    }

    /// What was asked since, the index aside: the events and the page.
    fn asked(&self) -> Vec<(Value, u64)> {
        let asked = std::mem::take(&mut self.state.lock().unwrap().asked);
        let pages = asked.into_iter().filter(|(path, _)| path == "/misp/attributes/restSearch");
        pages.map(|(_, ask)| (ask["eventid"].clone(), ask["page"].as_u64().unwrap())).collect()
    }
}

fn attribute(event: u64, id: u64, kind: &str, value: &str) -> Value {
    json!({
        "id": id.to_string(), "event_id": event.to_string(), "object_id": "0", "object_relation": null, "category": "Network activity",
        "type": kind, "to_ids": true, "uuid": format!("00000000-0000-4000-8000-{id:012}"), "timestamp": "1600000000", "distribution": "5",
        "sharing_group_id": "0", "comment": "", "deleted": false, "disable_correlation": false, "first_seen": null, "last_seen": null,
        "value": value,
    })
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut bytes = Vec::new();
    let (head, body) = loop {
        let mut some = [0; 16 << 10];
        match stream.read(&mut some).await {
            Ok(count) if count > 0 => bytes.extend_from_slice(&some[..count]),
            _ => return,
        }
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0_usize);
        if bytes.len() >= end + 4 + length {
            break (String::from_utf8_lossy(&bytes[..end]).into_owned(), bytes[end + 4..].to_vec());
        }
    };
    let (status, body) = answer(&head, &body, &mut state.lock().unwrap());
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(body.as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn answer(head: &str, body: &[u8], state: &mut State) -> (String, String) {
    let path = head.split(' ').nth(1).unwrap_or("").to_owned();
    let is_json = head.contains("content-type: application/json") && head.contains("accept: application/json");
    if !head.starts_with("POST ") || !is_json || !head.contains(&format!("authorization: {KEY}")) {
        return ("403 Forbidden".into(), json!({"name": "Authentication failed.", "url": path}).to_string());
    }
    let ask: Value = serde_json::from_slice(body).unwrap();
    state.asked.push((path.clone(), ask.clone()));
    if let Some(refusal) = state.refusals.pop_front() {
        return (refusal, json!({"name": "not now"}).to_string());
    }
    if state.lost_page.is_some() && ask["page"].as_u64() == state.lost_page {
        return ("500 Internal Server Error".into(), json!({"name": "An Internal Error Has Occurred."}).to_string());
    }
    match path.as_str() {
        "/misp/events/index" => {
            let of = |(id, event): (&u64, &Event)| {
                json!({"id": id.to_string(), "timestamp": event.timestamp.to_string(), "sighting_timestamp": "0", "published": event.published,
                    "uuid": format!("10000000-0000-4000-8000-{id:012}"), "orgc_uuid": "20000000-0000-4000-8000-000000000001"})
            };
            ("200 OK".into(), Value::Array(state.events.iter().map(of).collect()).to_string())
        }
        "/misp/attributes/restSearch" => ("200 OK".into(), search(&ask, state)),
        "/misp/events/add" => {
            let id = ask["Event"]["uuid"].as_str().unwrap().to_owned();
            if state.written.contains_key(&id) {
                return (
                    format!("302 Found\r\nLocation: http://127.0.0.1/events/edit/{id}"),
                    json!({"name": "Event already exists"}).to_string(),
                );
            }
            assert!(ask["Event"]["info"].is_string() && ask["Event"].get("timestamp").is_none());
            state.written.insert(id.clone(), (json!({}), BTreeMap::new()));
            ("200 OK".into(), write(&ask, &id, state))
        }
        edit if edit.starts_with("/misp/events/edit/") => {
            let id = edit.trim_start_matches("/misp/events/edit/").to_owned();
            match state.written.contains_key(&id) {
                true => ("200 OK".into(), write(&ask, &id, state)),
                false => ("404 Not Found".into(), json!({"name": "Invalid event"}).to_string()),
            }
        }
        _ => ("404 Not Found".into(), json!({"name": "Invalid controller"}).to_string()),
    }
}

/// As MISP does: an attribute that is newer takes the place of what it was, and an id that another event has is taken by none.
fn write(ask: &Value, id: &str, state: &mut State) -> String {
    let elsewhere: Vec<String> =
        state.written.iter().filter(|(other, _)| *other != id).flat_map(|(_, (_, all))| all.keys().cloned()).collect();
    let (event, all) = state.written.get_mut(id).unwrap();
    for (key, value) in ask["Event"].as_object().unwrap().iter().filter(|(key, _)| *key != "Attribute") {
        event[key] = value.clone();
    }
    for one in ask["Event"]["Attribute"].as_array().unwrap() {
        let (id, at) = (one["uuid"].as_str().unwrap().to_owned(), |one: &Value| one["timestamp"].as_str().unwrap().parse::<u64>().unwrap());
        let is_newer = all.get(&id).is_none_or(|before| at(before) < at(one));
        if !is_newer || elsewhere.contains(&id) || one.get("value").is_some_and(|value| value.as_str() == state.refused.as_deref()) {
            continue;
        }
        let kept = all.entry(id).or_insert_with(|| json!({}));
        for (key, value) in one.as_object().unwrap() {
            kept[key] = value.clone();
        }
    }
    let there: Vec<&Value> = all.values().filter(|one| one["deleted"] != true).collect();
    json!({"Event": {"id": "1", "uuid": id, "Attribute": there}}).to_string()
}

fn search(ask: &Value, state: &State) -> String {
    assert_eq!((&ask["returnFormat"], &ask["deleted"]), (&json!("json"), &json!([0, 1])));
    let ids: Vec<u64> = ask["eventid"].as_array().unwrap().iter().filter_map(Value::as_u64).collect();
    let (limit, page) = (ask["limit"].as_u64().unwrap() as usize, ask["page"].as_u64().unwrap() as usize);
    let events = ids.iter().filter_map(|id| Some((id, state.events.get(id)?)));
    let all = events.flat_map(|(id, event)| event.attributes.values().map(move |one| (id, event, one)));
    let limit = if state.generous { 1_000_000 } else { limit };
    let some: Vec<_> = all.skip((page - 1) * limit).take(limit).collect();
    let mut text = String::from(r#"{"response":{"Attribute":["#);
    let mut lines: Vec<String> = Vec::new();
    for (id, event, one) in some {
        let tags: Vec<Value> = event.tags.iter().map(|name| json!({"id": "1", "name": name, "colour": "#fff", "inherited": 1})).collect();
        let mut one = one.clone();
        one["Event"] = json!({"id": id.to_string(), "orgc_id": "2", "org_id": "1", "date": "2026-01-01", "threat_level_id": "4",
            "info": event.info, "published": event.published && !state.edited.contains(id), "uuid": format!("10000000-0000-4000-8000-{id:012}"), "analysis": "2",
            "timestamp": event.timestamp.to_string(), "distribution": "1", "publish_timestamp": "0", "sharing_group_id": "0",
            "Orgc": {"id": "2", "name": "SOMEBODY", "uuid": "20000000-0000-4000-8000-000000000001"}});
        if !tags.is_empty() && one.get("Tag").is_none() {
            one["Tag"] = tags.into();
        }
        lines.push(one.to_string());
    }
    if state.backwards {
        lines.reverse();
    }
    let _ = write!(text, "{}]}}}}", lines.join(","));
    text
}

/// Adds a feed of the server, asked with its key.
async fn add(desk: &Desk, misp: &Misp) {
    let key = desk.directory.path().join("key");
    std::fs::write(&key, format!("{KEY}\n")).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let terms = Terms { secret_file: Some(key), ..local(Kind::Misp, misp.url()) };
    desk.node.add_feed(FeedAdd { name: "misp".into(), terms }, By::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misp_server_is_followed_event_by_event() {
    let (desk, misp) = (Desk::new().await, Misp::new().await);
    misp.put(1, 1_700_000_000, 10, &["evil1.login-lure.com", "evil2.login-lure.com"], &["tlp:clear"]);
    misp.put(2, 1_700_000_000, 20, &["evil2.login-lure.com", "evil3.login-lure.com"], &["tlp:red"]);
    misp.put(3, 1_700_000_500, 30, &["evil4.login-lure.com"], &[]);
    misp.change(|state| state.events.get_mut(&3).unwrap().published = false);
    add(&desk, &misp).await;
    assert_eq!(desk.became("misp").await[..1], [3]);
    // Strictest of what events say, and of what people here have settled; what is not published is not read.
    assert_eq!(desk.says("evil1.login-lure.com"), ["feed:misp live amber+strict"]);
    assert_eq!(desk.says("evil2.login-lure.com"), ["feed:misp live red"]);
    assert_eq!(desk.says("evil4.login-lure.com"), [] as [String; 0]);
    assert_eq!(misp.asked(), [(json!([1, 2]), 1)]);
    assert_eq!((desk.became("misp").await, misp.asked().len()), ([0, 0, 0, 0], 0));
    // Deleted softly, and for good.
    misp.set(1, 1_700_000_600, 10, "deleted", true.into());
    misp.change(|state| {
        let event = state.events.get_mut(&2).unwrap();
        (event.timestamp, _) = (1_700_000_600, event.attributes.remove(&21));
    });
    let view = desk.run("misp").await;
    assert_eq!((view.counts.gone, view.fault), (2, None));
    assert_eq!(desk.says("evil1.login-lure.com"), ["feed:misp revoked amber+strict"]);
    assert_eq!(desk.says("evil3.login-lure.com"), ["feed:misp revoked red"]);
    // Published late, and from another server: older than all that was seen.
    misp.change(|state| state.events.get_mut(&3).unwrap().published = true);
    misp.put(4, 1_500_000_000, 40, &["evil5.login-lure.com"], &[]);
    assert_eq!(desk.became("misp").await, [2, 0, 0, 0]);
    // Being edited it is not published, and stays as it was until it is again.
    misp.set(3, 1_700_000_700, 30, "value", "evil6.login-lure.com".into());
    misp.change(|state| state.events.get_mut(&3).unwrap().published = false);
    assert_eq!(desk.became("misp").await, [0, 0, 0, 0]);
    assert_eq!(desk.says("evil4.login-lure.com"), ["feed:misp live amber+strict"]);
    misp.change(|state| state.events.get_mut(&3).unwrap().published = true);
    assert_eq!(desk.became("misp").await, [1, 0, 0, 1]);
    // Not for detection any more, beside others that are.
    misp.put(5, 1_700_000_700, 50, &["evil7.login-lure.com", "evil8.login-lure.com"], &[]);
    assert_eq!(desk.became("misp").await, [2, 0, 0, 0]);
    misp.set(5, 1_700_000_800, 51, "to_ids", false.into());
    assert_eq!(desk.became("misp").await, [0, 0, 1, 1]);
    // The event is gone; what another says too stays.
    misp.change(|state| drop(state.events.remove(&2)));
    misp.put(6, 1_700_000_800, 60, &["evil5.login-lure.com"], &[]);
    assert_eq!(desk.became("misp").await, [0, 1, 0, 0]);
    misp.change(|state| drop(state.events.remove(&4)));
    assert_eq!(desk.became("misp").await, [0, 0, 0, 0]);
    assert_eq!(desk.says("evil5.login-lure.com"), ["feed:misp live amber+strict"]);
    misp.change(|state| drop(state.events.remove(&6)));
    assert_eq!(desk.became("misp").await, [0, 0, 0, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_a_server_that_stays_as_it_is_is_said_anew_before_it_is_destroyed() {
    let (desk, misp) = (renew_tests::desk().await, Misp::new().await);
    misp.put(1, 1_700_000_000, 10, &["evil1.login-lure.com"], &[]);
    misp.put(2, 1_700_000_000, 20, &["evil2.login-lure.com"], &[]);
    add(&desk, &misp).await;
    assert_eq!(desk.became("misp").await, [2, 0, 0, 0]);
    renew_tests::days(&desk, "misp", 10).await;
    misp.change(|state| drop(state.events.remove(&2)));
    let taken = renew_tests::days(&desk, "misp", 50).await;
    assert!((50 / 5..50 / 4).contains(&taken), "{taken}");
    assert!(renew_tests::is_live(&desk, "evil1.login-lure.com") && !renew_tests::is_live(&desk, "evil2.login-lure.com"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_event_of_a_server_says_ends_when_it_says_so() {
    let (desk, misp) = (renew_tests::desk().await, Misp::new().await);
    let [ends, stays] = expiry_tests::attributes();
    misp.put(1, 1_700_000_000, 10, &[ends.0, stays.0], &[]);
    misp.set(1, 1_700_000_000, 10, "last_seen", ends.1);
    misp.set(1, 1_700_000_000, 11, "last_seen", stays.1);
    add(&desk, &misp).await;
    expiry_tests::ends_in_time(&desk, "misp").await;
}

/// A server with an event that does not fit on a page, among many that do.
async fn large(each: u64) -> Misp {
    let misp = Misp::new().await;
    let values = |id: u64, count: u64| (0..count).map(|n| format!("evil{n}.of-{id}-lure.com")).collect::<Vec<_>>();
    for (id, count) in [(1, each), (2, 10 * each + each / 2), (3, each / 10), (4, each / 10), (5, each / 10)] {
        let values = values(id, count);
        misp.put(id, 1_700_000_000, id * 1_000_000, &values.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    }
    misp
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_off_goes_on_at_the_page_where_it_was() {
    let set = |config: &mut crate::config::Config| config.feeds.misp_page_attributes = 100;
    let (desk, misp) = (Desk::with(set).await, large(100).await);
    add(&desk, &misp).await;
    let node = desk.node.clone();
    let running = tokio::spawn(async move { node.feed_now("misp", FeedRun::default()).await });
    // It ends in the middle, as if the power had gone.
    loop {
        let begun = desk.node.feed_named(&desk.node.store.snapshot().unwrap(), "misp").unwrap();
        let state = begun.state(&desk.node.store.snapshot().unwrap()).unwrap();
        if state.begun.is_some_and(|begun| begun.page > 3) {
            misp.change(|state| state.refusals.extend(std::iter::repeat_n("500 Internal Server Error".to_owned(), 3)));
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let fault = running.await.unwrap().unwrap().fault;
    let (begun, first) = (desk.node.feed("misp").unwrap().records, misp.asked());
    assert!(fault.is_some_and(|fault| fault.code == "http") && (400..1_150).contains(&begun), "{begun}");
    misp.change(|state| state.refusals.clear());
    let desk = desk.again(Desk::config(set)).await;
    let [new, changed, unchanged, gone] = desk.became("misp").await;
    assert_eq!((begun + new, changed, unchanged, gone), (1_180, 0, 0, 0));
    let (refused, second) = (first.last().unwrap().clone(), misp.asked());
    assert_eq!(second.first(), Some(&refused), "{first:?} {second:?}");
    assert!(second.iter().all(|(ids, _)| *ids != json!([1])), "{second:?}");
    // In the middle of the large one some are gone, by its word and without it.
    misp.set(2, 1_700_000_900, 2_000_301, "deleted", true.into());
    misp.change(|state| drop(state.events.get_mut(&2).unwrap().attributes.remove(&2_000_555)));
    assert_eq!(desk.became("misp").await, [0, 0, 1_048, 2]);
    assert_eq!(desk.says("evil301.of-2-lure.com"), ["feed:misp revoked amber+strict"]);
    assert_eq!(desk.says("evil555.of-2-lure.com"), ["feed:misp revoked amber+strict"]);
    // Where pages come in no order nothing is concluded from what is missing.
    misp.change(|state| {
        state.backwards = true;
        (state.events.get_mut(&2).unwrap().timestamp, _) = (1_700_001_000, state.events.get_mut(&2).unwrap().attributes.remove(&2_000_556));
    });
    assert_eq!(desk.became("misp").await[3], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_while_it_is_read_is_not_missed() {
    let (desk, misp) = (Desk::with(|config| config.feeds.misp_page_attributes = 10).await, Misp::new().await);
    let values: Vec<String> = (0..35).map(|n| format!("evil{n}.login-lure.com")).collect();
    misp.put(1, 1_700_000_000, 100, &values.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    add(&desk, &misp).await;
    misp.change(|state| state.lost_page = Some(3));
    assert_eq!(desk.fault("misp").await, "http");
    // What was read already is another version of it now.
    misp.set(1, 1_700_000_100, 105, "value", "evil99.login-lure.com".into());
    misp.change(|state| state.lost_page = None);
    assert_eq!(desk.became("misp").await, [16, 0, 19, 1]);
    assert_eq!(desk.says("evil99.login-lure.com"), ["feed:misp live amber+strict"]);
    // It changes once more within the second in which the index was read.
    let now = desk.clock.now().0 / 1_000;
    misp.set(1, now, 106, "value", "evil98.login-lure.com".into());
    assert_eq!(desk.became("misp").await, [1, 0, 34, 1]);
    misp.set(1, now, 107, "value", "evil97.login-lure.com".into());
    desk.clock.advance(5_000);
    assert_eq!(desk.became("misp").await, [1, 0, 34, 1]);
    misp.asked();
    assert_eq!((desk.became("misp").await, misp.asked().len()), ([0, 0, 0, 0], 0));
    // Somebody edits it between the index and the page.
    misp.set(1, now + 1, 108, "value", "evil96.login-lure.com".into());
    misp.change(|state| state.edited.push(1));
    desk.clock.advance(5_000);
    assert_eq!((desk.became("misp").await, desk.says("evil96.login-lure.com").len()), ([0, 0, 0, 0], 0));
    misp.change(|state| state.edited.clear());
    assert_eq!(desk.became("misp").await[0], 1);
    // It gives more than it was asked for.
    misp.put(2, 1_700_000_000, 200, &values.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    misp.change(|state| state.generous = true);
    assert_eq!(desk.fault("misp").await, "not-that");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_busy_is_left_alone_for_as_long_as_it_says() {
    let (desk, misp) = (Desk::new().await, Misp::new().await);
    add(&desk, &misp).await;
    let began = desk.clock.now();
    for (refusal, least_s) in [
        ("429 Too Many Requests\r\nRetry-After: 7200", 7_200),
        ("503 Service Unavailable\r\nDate: Fri, 27 Nov 2026 10:00:00 GMT\r\nRetry-After: Fri, 27 Nov 2026 13:00:00 GMT", 10_800),
        ("429 Too Many Requests\r\nRetry-After: 99999999999999999999", 0),
    ] {
        misp.change(|state| state.refusals.push_back(refusal.into()));
        let code = desk.fault("misp").await;
        assert_eq!(code, if least_s > 0 { "later" } else { "http" });
        let next = desk.node.feed("misp").unwrap().next.unwrap();
        assert!(next.since(began) >= least_s * 1_000 && next.since(began) <= 100_000_000, "{refusal}: {next}");
    }
    // For ever is a day at most.
    misp.change(|state| state.refusals.push_back("503 Service Unavailable\r\nRetry-After: 999999999".into()));
    assert_eq!(desk.fault("misp").await, "later");
    assert!(desk.node.feed("misp").unwrap().next.unwrap().since(began) <= 100_000_000);
    // A wrong key is said to be one.
    std::fs::write(desk.directory.path().join("key"), "wrong\n").unwrap();
    let fault = desk.run("misp").await.fault.unwrap();
    assert!(fault.code == "http" && fault.text.contains("403") && fault.text.contains("--secret-file"), "{fault:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_not_what_it_should_be_costs_no_other() {
    let (desk, misp) = (Desk::new().await, Misp::new().await);
    for id in 1..=7 {
        misp.put(id, 1_700_000_000, id * 10, &[&format!("evil{id}.login-lure.com")], &[]);
    }
    misp.set(5, 1_700_000_000, 50, "event_id", json!("4711"));
    add(&desk, &misp).await;
    let view = desk.run("misp").await;
    assert_eq!((view.counts.new, view.fault.map(|fault| fault.code)), (6, Some("not-that".to_owned())));
    misp.asked();
    assert_eq!(desk.fault("misp").await, "not-that");
    assert_eq!(misp.asked(), [(json!([5]), 1)]);
    misp.set(5, 1_700_000_000, 50, "event_id", json!("5"));
    assert_eq!(desk.became("misp").await, [1, 0, 0, 0]);
    // A server that has lost its events, or gives another answer, takes nothing back.
    let events = std::mem::take(&mut misp.state.lock().unwrap().events);
    assert_eq!(desk.fault("misp").await, "shrunk");
    for refusal in ["200 OK", "404 Not Found", "302 Found\r\nLocation: http://169.254.169.254/", "307 X\r\nLocation: http://127.0.0.2/"] {
        misp.change(|state| state.refusals.push_back(refusal.into()));
        let code = desk.fault("misp").await;
        assert_eq!(code, if refusal == "200 OK" { "not-that" } else { "http" }, "{refusal}");
    }
    assert_eq!(desk.node.feed("misp").unwrap().records, 7);
    misp.change(|state| state.events = events);
    assert_eq!(desk.became("misp").await, [0, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_says_is_deleted_goes_however_much_it_is() {
    let (desk, misp) = (Desk::new().await, Misp::new().await);
    let values: Vec<String> = (0..30).map(|n| format!("evil{n}.login-lure.com")).collect();
    misp.put(1, 1_700_000_000, 100, &values.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    add(&desk, &misp).await;
    assert_eq!(desk.became("misp").await, [30, 0, 0, 0]);
    for at in 100..129 {
        misp.set(1, 1_700_000_100, at, "deleted", true.into());
    }
    assert_eq!(desk.became("misp").await, [0, 0, 1, 29]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_events_have_bounds() {
    let (desk, misp) = (Desk::with(|config| config.feeds.events_max = 2).await, Misp::new().await);
    for id in 1..=3 {
        misp.put(id, 1_700_000_000, id * 10, &["evil1.login-lure.com"], &[]);
    }
    add(&desk, &misp).await;
    assert_eq!(desk.fault("misp").await, "too-many");
    let desk = desk.again(Desk::config(|config| config.feeds.misp_page_bytes_max = 1_100)).await;
    // Two events do not go into one answer of so many bytes, each by itself does.
    assert_eq!(desk.became("misp").await[0], 1);
    misp.put(4, 1_700_000_000, 40, &[&format!("evil.{}.login-lure.com", "x".repeat(1_000))], &[]);
    let fault = desk.run("misp").await.fault.unwrap();
    assert_eq!((fault.code.as_str(), fault.text.contains("`feeds.misp_page_bytes_max`")), ("too-long", true), "{fault:?}");
    misp.change(|state| drop(state.events.insert(1 << 40, Event::default())));
    assert_eq!(desk.fault("misp").await, "not-that");
}

/// What stands in the server, event by event: its label, who may see it, and its values, with `-` where one is deleted.
fn written(misp: &Misp) -> Vec<String> {
    let state = misp.state.lock().unwrap();
    let of = |(event, all): &(Value, BTreeMap<String, Value>)| {
        let mut values: Vec<String> = all
            .values()
            .map(|one| format!("{}{}", if one["deleted"] == true { "-" } else { "" }, one["value"].as_str().unwrap()))
            .collect();
        values.sort();
        format!(
            "{} {} {}: {}",
            event["info"].as_str().unwrap(),
            event["Tag"][0]["name"].as_str().unwrap(),
            event["distribution"].as_str().unwrap(),
            values.join(" ")
        )
    };
    let mut all: Vec<String> = state.written.values().map(of).collect();
    all.sort();
    all
}

async fn say(desk: &Desk, to: &str, tlp: crate::model::Tlp, campaign: &str, value: &str) -> String {
    let request = serde_json::json!({"values": [value], "tlp": tlp, "to": to, "labels": [campaign], "now": true});
    let report = desk.node.share(serde_json::from_value(request).unwrap()).await.unwrap();
    assert_eq!(report.released.len(), 1, "{report:?}");
    report.released[0].record.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_group_shares_is_written_into_a_server_and_deleted_there_when_it_is_taken_back() {
    use crate::model::Tlp;
    let set = |config: &mut crate::config::Config| config.feeds.misp_page_attributes = 2;
    let (desk, misp) = (Desk::with(set).await, Misp::new().await);
    for name in ["helpers", "others"] {
        let create = crate::node::view::GroupCreate {
            name: name.into(),
            members: Vec::new(),
            community: true,
            hidden: false,
            history: false,
            deputy: None,
        };
        desk.node.group_create(create).await.unwrap();
    }
    let first = say(&desk, "helpers", Tlp::Green, "Lurebird", "evil1.login-lure.com").await;
    for n in 2..=4 {
        say(&desk, "helpers", Tlp::Clear, "Lurebird", &format!("evil{n}.login-lure.com")).await;
    }
    say(&desk, "helpers", Tlp::Amber, "Lurebird", "amber.login-lure.com").await;
    say(&desk, "others", Tlp::Green, "Lurebird", "elsewhere.login-lure.com").await;
    let key = desk.directory.path().join("key");
    std::fs::write(&key, format!("{KEY}\n")).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let terms = Terms { secret_file: Some(key), groups: vec!["helpers".into()], ..local(Kind::MispPush, misp.url()) };
    for bad in [
        Terms { groups: Vec::new(), ..terms.clone() },
        Terms { tlp_max: Some(Tlp::Red), ..terms.clone() },
        Terms { kind: Kind::Misp, ..terms.clone() },
        Terms { groups: vec!["nobody".into()], ..terms.clone() },
        Terms { allow_local: false, at: "http://misp.login-lure.com/".into(), ..terms.clone() },
    ] {
        assert!(desk.node.add_feed(FeedAdd { name: "bad".into(), terms: bad }, By::default()).await.is_err());
    }
    desk.node.add_feed(FeedAdd { name: "out".into(), terms }, By::default()).await.unwrap();
    assert_eq!(desk.node.feed("out").unwrap().terms.groups, ["helpers"]);
    // A try tells, and nothing leaves.
    let view = desk.node.feed_now("out", FeedRun { dry_run: true, accept_removals: false }).await.unwrap();
    assert_eq!((view.counts.new, written(&misp).len(), desk.node.exports_of(&first).unwrap().len()), (4, 0, 0));
    // The second page never arrives; the next run goes on with it.
    misp.change(|state| state.refusals.extend(["200 OK".into(), "500 X".into()]));
    misp.change(|state| drop(state.refusals.pop_front()));
    assert_eq!(desk.fault("out").await, "http");
    let carried = desk.node.exports_of(&first).unwrap();
    assert_eq!(carried.iter().map(|one| (one.to.as_deref(), one.gone)).collect::<Vec<_>>(), [(Some("feed:out"), None)]);
    assert_eq!(desk.became("out").await, [4, 0, 0, 0]);
    let all = "evil1.login-lure.com evil2.login-lure.com evil3.login-lure.com evil4.login-lure.com";
    assert_eq!(written(&misp), [format!("Lurebird tlp:green 1: {all}")]);
    // Nothing has changed: nothing leaves, also after a restart.
    misp.change(|state| state.asked.clear());
    let desk = desk.again(Desk::config(set)).await;
    assert_eq!((desk.became("out").await, misp.state.lock().unwrap().asked.len()), ([0, 0, 0, 0], 0));
    // One is withdrawn, one recalled, and one is new.
    desk.clock.advance(10_000);
    desk.node.take_back(&first, "wrong", crate::model::record::WithdrawalMode::Recall).await.unwrap();
    say(&desk, "helpers", Tlp::Green, "Lurebird", "evil5.login-lure.com").await;
    let [new, changed, unchanged, gone] = desk.became("out").await;
    assert_eq!((new, changed, unchanged, gone), (1, 0, 0, 1));
    assert_eq!(written(&misp), [format!("Lurebird tlp:green 1: -{all} evil5.login-lure.com")]);
    assert!(desk.node.exports_of(&first).unwrap().iter().all(|one| one.gone.is_some() && one.to.as_deref() == Some("feed:out")));
    // The server lost the event, and does not take one of the values.
    misp.change(|state| (state.written, state.refused) = (BTreeMap::new(), Some("evil6.login-lure.com".into())));
    say(&desk, "helpers", Tlp::Green, "Lurebird", "evil6.login-lure.com").await;
    let view = desk.run("out").await;
    assert_eq!((view.fault, view.counts.new, view.counts.left_out), (None, 1, 1));
    // What was there with it is written again.
    assert_eq!(desk.became("out").await, [4, 0, 0, 0]);
    assert_eq!(
        written(&misp),
        ["Lurebird tlp:green 1: evil2.login-lure.com evil3.login-lure.com evil4.login-lure.com evil5.login-lure.com"]
    );
    assert_eq!(desk.became("out").await, [0, 0, 0, 0]);
    // Of another campaign now, it is in another event.
    desk.clock.advance(10_000);
    say(&desk, "helpers", Tlp::Clear, "Aardvark", "evil2.login-lure.com").await;
    let view = desk.run("out").await;
    assert_eq!((view.fault, view.counts.left_out), (None, 0));
    assert!(written(&misp).contains(&"Aardvark tlp:clear 1: evil2.login-lure.com".to_owned()), "{:?}", written(&misp));
    // What is for the named alone is for nobody else on the server.
    say(&desk, "others", Tlp::AmberStrict, "Nightbird", "strict.login-lure.com").await;
    let groups = vec!["others".to_owned()];
    let key = Some(desk.directory.path().join("key"));
    let terms = Terms { secret_file: key, groups, tlp_max: Some(Tlp::AmberStrict), ..local(Kind::MispPush, misp.url()) };
    desk.node.add_feed(FeedAdd { name: "strict".into(), terms }, By::default()).await.unwrap();
    assert_eq!(desk.run("strict").await.fault, None);
    assert!(written(&misp).contains(&"Nightbird tlp:amber+strict 0: strict.login-lure.com".to_owned()), "{:?}", written(&misp));
    // Removing the feed leaves what is there.
    let before = written(&misp);
    desk.node.remove_feed("out", By::default()).await.unwrap();
    assert_eq!(written(&misp), before);
}

/// The events that lie beside the project, as a server would have them.
#[tokio::test(flavor = "multi_thread")]
async fn real_events_are_the_same_from_a_server_as_from_their_files() {
    let Ok(files) = std::fs::read_dir(shared("data/misp/eset")) else { return skipped("the events of ESET are not here") };
    let (desk, misp) = (Desk::with(|config| config.feeds.misp_page_attributes = 1_000).await, Misp::new().await);
    let (mut next, folder) = (1, desk.directory.path().join("files"));
    std::fs::create_dir_all(&folder).unwrap();
    for (id, file) in files.enumerate() {
        let path = file.unwrap().path();
        let text = std::fs::read(&path).unwrap();
        let Ok(whole) = serde_json::from_slice::<Value>(&text) else { continue };
        let Some(event) = whole.get("Event").or_else(|| whole["response"][0].get("Event")) else { continue };
        let loose = event["Attribute"].as_array().into_iter().flatten().cloned();
        let inside = event["Object"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|object| object["Attribute"].as_array().into_iter().flatten().cloned());
        let mut taken = Event {
            timestamp: 1_700_000_000,
            published: true,
            info: event["info"].as_str().unwrap_or_default().into(),
            ..Event::default()
        };
        taken.tags = event["Tag"].as_array().into_iter().flatten().filter_map(|tag| Some(tag["name"].as_str()?.to_owned())).collect();
        for mut one in loose.chain(inside) {
            (one["id"], one["event_id"]) = (json!(next.to_string()), json!((id + 1).to_string()));
            taken.attributes.insert(next, one);
            next += 1;
        }
        misp.change(|state| drop(state.events.insert(id as u64 + 1, taken)));
        std::fs::write(folder.join(path.file_name().unwrap()), text).unwrap();
    }
    add(&desk, &misp).await;
    desk.add("files", Kind::Folder, folder.display().to_string()).await;
    let (server, folder) = (desk.run("misp").await, desk.run("files").await);
    println!("{} attributes: {:?} {:?}", next - 1, server.counts, folder.counts);
    assert_eq!(server.fault, None);
    let (server, folder) = (desk.node.feed("misp").unwrap().records, desk.node.feed("files").unwrap().records);
    assert!(server > 1_000 && server == folder, "{server} {folder}");
    assert_eq!(desk.became("misp").await, [0, 0, 0, 0]);
}

#[test]
fn recorded_answers_of_misp_are_read() {
    let Ok(index) = std::fs::read(shared("data/misp/pymisp/search_index_result.json")) else {
        return skipped("the recorded answers of MISP are not here");
    };
    assert_eq!(super::misp::index_of(&mut index.as_slice(), 2_000_000_000, 10).unwrap().into_keys().collect::<Vec<_>>(), [3]);
    for (bad, fault) in [
        ("", Fault::NotThat("there is no index of events")),
        ("{}", Fault::NotThat("there is no index of events")),
        (r#"[{"id":"1","timestamp":"1"}"#, Fault::NotThat("there is no index of events")),
        (r#"[{"id":"1","timestamp":"1"}]x"#, Fault::NotThat("there is no index of events")),
        (r#"[{"id":[[[]]],"timestamp":"1"}]"#, Fault::NotThat("there is no index of events")),
        (r#"[{"id":"-1","timestamp":"1"}]"#, Fault::NotThat("its index has no numbers of events")),
        (r#"[{"id":null,"timestamp":"1"}]"#, Fault::NotThat("its index has no numbers of events")),
        // It is not read to its end.
        (r#"[{"id":1,"timestamp":1},{"id":2,"timestamp":2},{"id":3,"timestamp":3},"#, Fault::TooMany("feeds.events_max")),
    ] {
        assert_eq!(super::misp::index_of(&mut bad.as_bytes(), 2_000_000_000, 2).err(), Some(fault), "{bad}");
    }
    let page = std::fs::read(shared("data/misp/misp-stix/test_attributes_collection_1.json")).unwrap();
    let count = super::misp::answer_of(&page).unwrap().len();
    assert!(count >= 2, "{count}");
}

/// `cargo test --release --lib a_million -- --ignored --nocapture`, with `ATTRIBUTES=1000000`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
#[allow(clippy::disallowed_methods, reason = "measured by the real clock")]
async fn a_million_attributes_are_taken_in_page_by_page() {
    let count = std::env::var("ATTRIBUTES").ok().and_then(|text| text.parse().ok()).unwrap_or(200_000_u64);
    let set = |config: &mut crate::config::Config| (config.feeds.records_max, config.feeds.fetches_max) = (10_000_000, 100_000);
    let (mut desk, misp) = (Desk::with(set).await, Misp::new().await);
    // A tenth in one event, the rest in events of 500.
    let events = std::iter::once(count / 10).chain(std::iter::repeat_n(500, usize::try_from((count - count / 10) / 500).unwrap()));
    let mut first = 1;
    for (id, size) in (1..).zip(events) {
        let values: Vec<String> = (first..first + size).map(|n| format!("evil{n}.login-lure.com")).collect();
        misp.put(id, 1_700_000_000, first, &values.iter().map(String::as_str).collect::<Vec<_>>(), &["tlp:green"]);
        first += size;
    }
    add(&desk, &misp).await;
    let before = memory_kib("VmRSS:");
    let (began, mut stops) = (Instant::now(), 0);
    loop {
        let node = desk.node.clone();
        let mut run = tokio::spawn(async move { node.feed_now("misp", FeedRun::default()).await });
        // Three times the server fails in the middle, and the node begins anew.
        let ended = tokio::select! {
            view = &mut run => Some(view.unwrap().unwrap()),
            () = tokio::time::sleep(std::time::Duration::from_secs(if stops < 3 { 5 } else { 100_000 })) => None,
        };
        match ended {
            Some(view) => {
                assert_eq!(view.fault, None);
                break;
            }
            None => {
                misp.change(|state| state.refusals.push_back("500 X".into()));
                assert!(run.await.unwrap().unwrap().fault.is_some());
                println!("stopped at {}", desk.node.feed("misp").unwrap().records);
                misp.change(|state| state.refusals.clear());
                desk = desk.again(Desk::config(set)).await;
                stops += 1;
            }
        }
    }
    let (took, peak) = (began.elapsed(), memory_kib("VmHWM:"));
    let (records, pages) = (desk.node.feed("misp").unwrap().records, misp.asked().len());
    let rate = records * 1_000 / took.as_millis() as u64;
    println!("{records} of {count} attributes in {took:?}: {rate} in a second, {pages} pages, {stops} stops");
    println!("memory: {} MiB with the server's own events, {} MiB at most", before / 1_024, peak / 1_024);
    assert_eq!(records, first - 1);
    let began = Instant::now();
    assert_eq!(desk.became("misp").await, [0, 0, 0, 0]);
    println!("once more, unchanged: {:?}", began.elapsed());
}

fn memory_kib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB")?.parse().ok()).unwrap()
}
