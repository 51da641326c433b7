//! MISP's REST, as PyMISP asks for it. `tests/exports/run` has PyMISP itself.

use super::{Got, Place, has_curl, processes};
use serde_json::{Value, json};
use std::time::Instant;

const FORM: &str = "Content-Type: application/json";

impl Place {
    fn misp(&self, token: &str, path: &str) -> Got {
        self.curl(&format!("/misp/{path}"), &["--header", &format!("Authorization: {token}")])
    }

    fn ask(&self, token: &str, path: &str, body: &Value) -> Got {
        let header = format!("Authorization: {token}");
        self.curl(&format!("/misp/{path}"), &["--header", &header, "--header", FORM, "--data-binary", &body.to_string()])
    }

    /// The partner's node runs, and the two know each other.
    fn meet(&mut self) {
        let card = super::card(&self.here);
        self.there.start();
        self.there.json(&["peer", "add", &card, "--name", "here"]);
    }

    /// Waits until the partner has a value.
    fn until_delivered(&self, value: &str) {
        let began = Instant::now();
        while self.there.try_json(&["lookup", value]).is_none_or(|found| !found.to_string().contains("record")) {
            assert!(began.elapsed() < processes::PATIENCE, "{value} does not arrive");
            std::thread::sleep(processes::LOOK);
        }
    }

    /// Waits until a program finds a value, or does not any more.
    fn until_found(&self, token: &str, query: &Value, count: usize) {
        let began = Instant::now();
        while values(&self.ask(token, "attributes/restSearch", query)).len() != count {
            assert!(began.elapsed() < processes::PATIENCE, "{query}");
            std::thread::sleep(processes::LOOK);
        }
    }

    /// What was imported, with a campaign.
    fn import(&self, csv: &str, tlp: &str, to: &str) {
        let file = self.directory.path().join("rows.csv");
        std::fs::write(&file, csv).expect("written");
        self.here.json(&["import", &super::text(&file), "--tlp", tlp, "--to", to, "--now"]);
    }
}

fn json_of(got: &Got) -> Value {
    serde_json::from_slice(&got.body).unwrap_or_else(|error| panic!("{error}: {}", got.text()))
}

fn values(got: &Got) -> Vec<String> {
    let found = json_of(got);
    let found = found["response"]["Attribute"].as_array().expect("attributes");
    let mut values: Vec<String> = found.iter().map(|one| one["value"].as_str().expect("a value").to_owned()).collect();
    values.sort();
    values
}

/// A node with three values that a reader up to TLP:GREEN may have, and one that it may not.
fn place(settings: &str) -> Place {
    let place = Place::new(settings);
    place.import("value,campaign\nfresh-lure.com,Pegasus\nhxxps://page.fresh-lure.com/a,Pegasus\n198.51.7.9,Predator\n", "green", "there");
    place.import("value,campaign\nkept-back.com,Pegasus\n", "amber", "there");
    place
}

#[test]
fn misp_s_rest_finds_what_the_feed_has_and_nothing_above_the_ceiling() {
    if !has_curl() {
        return;
    }
    let place = place("");
    let token = place.add("scripts", &["--scope", "misp,export", "--tlp-max", "green"]);
    // Who answers, and what the caller may do.
    assert_eq!(json_of(&place.misp(&token, "servers/getVersion"))["version"], "2.5.0");
    let user = json_of(&place.misp(&token, "users/view/me"));
    assert_eq!((&user["User"]["email"], &user["Role"]["perm_add"], &user["UserSetting"]), (&json!("scripts"), &json!(false), &json!([])));
    let types = json_of(&place.misp(&token, "attributes/describeTypes.json"));
    assert_eq!(types["result"]["sane_defaults"]["domain"]["default_category"], "Network activity");
    // Values: those that it may have, each condition by itself.
    let found = |query: Value| values(&place.ask(&token, "attributes/restSearch", &query));
    assert_eq!(found(json!({})), ["198.51.7.9", "fresh-lure.com", "https://page.fresh-lure.com/a"]);
    assert_eq!(found(json!({ "value": "fresh-lure.com" })), ["fresh-lure.com"]);
    assert_eq!(found(json!({ "value": "%lure%" })).len(), 2);
    assert_eq!(found(json!({ "tags": ["Predator"] })), ["198.51.7.9"]);
    assert_eq!(found(json!({ "type": ["domain", "ip-dst"] })).len(), 2);
    assert_eq!(found(json!({ "value": "kept-back.com" })), [""; 0]);
    assert_eq!(found(json!({ "timestamp": "1d", "published": true, "to_ids": 1 })).len(), 3);
    assert_eq!(found(json!({ "timestamp": 4_000_000_000_u64 })), [""; 0]);
    // The events are those of the feed, under the same ids.
    let manifest = json_of(&place.fetch("/export/misp/manifest.json", &token));
    let index = json_of(&place.ask(&token, "events/index", &json!({})));
    let index = index.as_array().expect("a list");
    assert_eq!(index.len(), 2);
    for event in index {
        let (uuid, id) = (event["uuid"].as_str().expect("a uuid"), event["id"].as_str().expect("an id"));
        assert_eq!(manifest[uuid]["info"], event["info"]);
        let (one, other) = (place.misp(&token, &format!("events/view/{uuid}")), place.misp(&token, &format!("events/view/{id}")));
        assert_eq!(one.body, other.body);
        let whole = json_of(&one);
        assert_eq!(whole["Event"]["Attribute"].as_array().map(|all| all.len().to_string()).as_deref(), event["attribute_count"].as_str());
        assert!(!one.text().contains("kept-back"));
    }
    let pegasus = json_of(&place.ask(&token, "events/restSearch", &json!({ "value": "fresh-lure.com", "includeContext": 1 })));
    let events = pegasus["response"].as_array().expect("events");
    assert_eq!((events.len(), events[0]["Event"]["info"].as_str()), (1, Some("Pegasus")));
    assert_eq!(events[0]["Event"]["Attribute"].as_array().map(Vec::len), Some(2), "the whole event");
    let meta = json_of(&place.ask(&token, "events/restSearch", &json!({ "tags": "predator", "metadata": 1 })));
    assert_eq!((meta["response"][0]["Event"]["info"].as_str(), meta["response"][0]["Event"].get("Attribute")), (Some("Predator"), None));
    // One attribute, by id and UUID.
    let first = json_of(&place.ask(&token, "attributes/restSearch", &json!({ "value": "fresh-lure.com" })));
    let first = &first["response"]["Attribute"][0];
    assert_eq!(first["Event"]["info"], "Pegasus");
    for id in ["id", "uuid"] {
        let got = json_of(&place.misp(&token, &format!("attributes/view/{}", first[id].as_str().expect("it"))));
        assert_eq!(got["Attribute"]["value"], "fresh-lure.com");
    }
    // The other forms.
    let form = |form: &str, query: Value| {
        let mut query = query;
        query["returnFormat"] = form.into();
        place.ask(&token, "attributes/restSearch", &query)
    };
    assert_eq!(form("text", json!({ "tags": "Pegasus" })).text(), "fresh-lure.com\nhttps://page.fresh-lure.com/a\n");
    let csv = form("csv", json!({ "value": "fresh-lure.com" }));
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert!(
        csv.text().starts_with("uuid,event_id,category,type,value,") && csv.text().contains(",domain,fresh-lure.com,"),
        "{}",
        csv.text()
    );
    let bundle = json_of(&form("stix2", json!({ "value": "fresh-lure.com" })));
    let exported: Value = serde_json::from_slice(&place.exported(&["stix", "--tlp-max", "green"])).expect("JSON");
    let indicators = |bundle: &Value| -> Vec<(String, String)> {
        let objects = bundle["objects"].as_array().into_iter().flatten().filter(|one| one["type"] == "indicator");
        objects.map(|one| (one["id"].to_string(), one["pattern"].to_string())).collect()
    };
    assert_eq!(indicators(&bundle).len(), 1);
    assert!(indicators(&exported).contains(&indicators(&bundle)[0]), "the same id as in the export");
    for format in ["json", "csv", "text", "stix2"] {
        assert!(!form(format, json!({})).text().contains("kept-back"), "{format}");
    }
    // To one who may have it, it is there: the value is.
    let all = place.add("all", &["--scope", "misp", "--tlp-max", "amber"]);
    assert_eq!(values(&place.ask(&all, "attributes/restSearch", &json!({ "value": "kept-back.com" }))), ["kept-back.com"]);
    // Packed.
    let packed = place.curl(
        "/misp/attributes/restSearch",
        &["--header", &format!("Authorization: {token}"), "--header", "Accept-Encoding: gzip", "--data-binary", "{}"],
    );
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(place.here.trouble.lock().expect("trouble").is_empty());
}

#[test]
fn pages_have_each_result_once_and_what_was_withdrawn_is_found_where_it_is_asked_for() {
    if !has_curl() {
        return;
    }
    let mut place = place("");
    let token = place.add("scripts", &["--scope", "misp", "--tlp-max", "green"]);
    for controller in ["attributes", "events"] {
        let mut seen = Vec::new();
        for page in 1..=4 {
            let got = json_of(&place.ask(&token, &format!("{controller}/restSearch"), &json!({ "limit": 1, "page": page })));
            let list = if controller == "events" { &got["response"] } else { &got["response"]["Attribute"] };
            seen.extend(
                list.as_array()
                    .expect("a list")
                    .iter()
                    .map(|one| if controller == "events" { one["Event"]["uuid"].clone() } else { one["uuid"].clone() }),
            );
        }
        let count = seen.len();
        seen.sort_by_key(Value::to_string);
        seen.dedup();
        assert_eq!((seen.len(), count), if controller == "events" { (2, 2) } else { (3, 3) }, "{controller}");
    }
    let info = |query: Value| -> Vec<String> {
        let got = json_of(&place.ask(&token, "events/index", &query));
        got.as_array().expect("a list").iter().map(|event| event["info"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(info(json!({ "sort": "info", "direction": "asc" })), ["Pegasus", "Predator"]);
    assert_eq!(info(json!({ "sort": "info", "direction": "desc", "limit": 1 })), ["Predator"]);
    assert_eq!(info(json!({ "eventinfo": "peg%" })), ["Pegasus"]);
    assert_eq!(json_of(&place.misp(&token, "events/index/limit:1/page:2")).as_array().map(Vec::len), Some(1));
    // Withdrawn: gone from what holds.
    place.meet();
    place.until_delivered("fresh-lure.com");
    place.here.json(&["withdraw", "fresh-lure.com", "--reason", "the domain has a new owner"]);
    let found = |query: Value| values(&place.ask(&token, "attributes/restSearch", &query));
    assert_eq!(found(json!({ "value": "fresh-lure.com" })), [""; 0]);
    let of_page = json!({ "value": "https://page.fresh-lure.com/a" });
    let event = json_of(&place.ask(&token, "events/restSearch", &of_page));
    assert_eq!(event["response"][0]["Event"]["Attribute"].as_array().map(Vec::len), Some(1), "{event}");
    assert_eq!(found(json!({ "value": "fresh-lure.com", "deleted": 1 })), ["fresh-lure.com"]);
    assert_eq!(found(json!({ "deleted": [0, 1] })).len(), 3);
}

#[test]
fn whoever_asks_wrongly_is_told_so_as_misp_tells_it_and_gets_nothing() {
    if !has_curl() {
        return;
    }
    let place = place("misp_answer_bytes_max = 65536\nfailures_per_minute_max = 100\n");
    let token = place.add("scripts", &["--scope", "misp", "--tlp-max", "green"]);
    let other = place.add("files", &["--tlp-max", "green"]);
    let wrong = |got: &Got, status: u16, message: &str, url: &str| {
        assert_eq!(got.status, status, "{}", got.text());
        let body = json_of(got);
        assert!(body["message"].as_str().expect("a message").contains(message), "{body}");
        assert_eq!((body["url"].as_str(), body["name"].is_string()), (Some(url), true), "{body}");
        assert_eq!(got.header("cache-control"), Some("no-store"));
    };
    let index = |token: &str| place.misp(token, "events/index");
    wrong(&index("wf_none"), 401, "a valid token is needed", "/events/index");
    wrong(&place.curl("/misp/events/index", &[]), 401, "a valid token is needed", "/events/index");
    wrong(&index(&other), 403, "good for something else", "/events/index");
    assert_eq!(place.fetch("/export/text", &token).status, 403, "nor the other way around");
    for path in [
        "servers/serverSettings",
        "users/index",
        "events/view/none",
        "events/view/%25",
        "attributes/view/1",
        "objects/restSearch",
        "admin/users",
    ] {
        assert_eq!(place.misp(&token, path).status, 404, "{path}");
    }
    wrong(&place.misp(&token, "events/view/5"), 404, "there is no such event", "/events/view/5");
    let header = format!("Authorization: {token}");
    let put = place.curl("/misp/events/index", &["--header", &header, "--request", "PUT"]);
    wrong(&put, 405, "not done with that method", "/events/index");
    let search = |body: Value| place.ask(&token, "attributes/restSearch", &body);
    wrong(&search(json!({ "sharinggroup": 4 })), 400, "`sharinggroup` is not known here", "/attributes/restSearch");
    wrong(&search(json!({ "returnFormat": "openioc" })), 400, "there are json, csv, text and stix2", "/attributes/restSearch");
    wrong(&search(json!({ "timestamp": "yesterday" })), 400, "`timestamp` cannot be read", "/attributes/restSearch");
    wrong(&search(json!([1])), 400, "no JSON object", "/attributes/restSearch");
    let broken = place.curl("/misp/attributes/restSearch", &["--header", &header, "--data-binary", "{"]);
    wrong(&broken, 400, "no JSON object", "/attributes/restSearch");
    let long = place.directory.path().join("long");
    std::fs::write(&long, vec![b' '; (4 << 20) + 1]).expect("written");
    let long = place.curl("/misp/attributes/restSearch", &["--header", &header, "--data-binary", &format!("@{}", super::text(&long))]);
    wrong(&long, 413, "bytes at most", "/attributes/restSearch");
    // A token in the address opens nothing here.
    let in_url = place.add("in-url", &["--scope", "misp,export", "--tlp-max", "green", "--in-url"]);
    assert_eq!(place.curl(&format!("/t/{in_url}/misp/events/index"), &[]).status, 404);
    assert_eq!(place.curl(&format!("/t/{in_url}/export/text"), &[]).status, 200);
    // PyMISP leaves the last part of its address out where no slash follows it.
    let slash = place.curl("/servers/getVersion", &["--header", &header]);
    assert!(slash.status == 404 && slash.text().contains("begins with `/misp/`"), "{}", slash.text());
    // More than an answer may have is refused, not cut.
    let many: String = (0..400).map(|number| format!("lure-{number}.planted-{number}.com\n")).collect();
    place.import(&format!("value\n{many}"), "green", "there");
    wrong(&search(json!({})), 413, "ask with `limit` and `page`", "/attributes/restSearch");
    assert_eq!(values(&search(json!({ "limit": 50 }))).len(), 50);
    assert!(place.here.trouble.lock().expect("trouble").is_empty());
}

#[test]
fn a_search_counts_as_having_had_some_of_it_and_not_as_having_dropped_the_rest() {
    if !has_curl() {
        return;
    }
    let mut place = place("");
    let token = place.add("scripts", &["--scope", "misp", "--tlp-max", "green"]);
    place.meet();
    place.until_delivered("fresh-lure.com");
    let carried = || {
        let views = place.here.json(&["receipts", "fresh-lure.com", "--exports"]);
        let views = views.as_array().expect("a list").iter();
        views
            .map(|one| (one["to"].as_str().unwrap_or_default().to_owned(), one["whole"] == true, !one["gone"].is_null()))
            .collect::<Vec<_>>()
    };
    assert_eq!(values(&place.ask(&token, "attributes/restSearch", &json!({ "value": "none.com" }))), [""; 0]);
    assert_eq!(carried(), [], "nothing was found");
    place.ask(&token, "events/index", &json!({}));
    assert_eq!(carried(), [], "which events there are says no value");
    place.ask(&token, "attributes/restSearch", &json!({ "value": "198.51.7.9" }));
    place.ask(&token, "attributes/restSearch", &json!({ "value": "fresh-lure.com" }));
    assert_eq!(carried(), [("scripts".to_owned(), false, false)]);
    place.here.json(&["withdraw", "fresh-lure.com", "--reason", "the domain has a new owner"]);
    place.ask(&token, "attributes/restSearch", &json!({ "value": "198.51.7.9" }));
    assert_eq!(carried(), [("scripts".to_owned(), false, false)], "it may have the other still");
    place.ask(&token, "attributes/restSearch", &json!({}));
    assert_eq!(carried(), [("scripts".to_owned(), false, true)], "now it has seen everything anew");
}

#[test]
fn a_consumer_of_a_group_finds_what_was_said_there() {
    if !has_curl() {
        return;
    }
    let place = place("");
    place.import("value\nin-the-circle.com\n", "green", "circle");
    let token = place.add("circle-misp", &["--scope", "misp", "--tlp-max", "amber", "--group", "circle"]);
    let search = |format: &str| place.ask(&token, "attributes/restSearch", &json!({ "returnFormat": format }));
    assert_eq!(values(&search("json")), ["in-the-circle.com"]);
    assert!(search("stix2").text().contains("in-the-circle.com") && !search("stix2").text().contains("fresh-lure"));
}

/// A program that reads and writes.
fn writer(place: &Place) -> String {
    place.add("writer", &["--scope", "misp,produce,sight", "--tlp-max", "green", "--to", "there", "--tlp", "green"])
}

fn event(uuid: &str, value: &str) -> Value {
    json!({ "info": "Lures of the week", "uuid": uuid, "Tag": [{ "name": "Lurers" }],
        "Attribute": [{ "type": "domain", "value": value, "to_ids": true }, { "type": "comment", "value": "seen by two" }] })
}

const ADDED: &str = "11111111-2222-4333-8444-555555555555";

#[test]
fn an_added_event_is_a_draft_that_leaves_when_it_is_published_and_not_before() {
    if !has_curl() {
        return;
    }
    let place = Place::new("[release]\nhold_s = 0\n");
    let token = writer(&place);
    let reader = place.add("reader", &["--scope", "misp", "--tlp-max", "green"]);
    let query = json!({ "value": "added-lure.com" });
    let found = |token: &str| values(&place.ask(token, "attributes/restSearch", &query));
    let added = place.ask(&token, "events/add", &event(ADDED, "added-lure.com"));
    assert_eq!(added.status, 200, "{}", added.text());
    let added = json_of(&added);
    assert_eq!((&added["Event"]["uuid"], &added["Event"]["published"]), (&json!(ADDED), &json!(false)));
    assert!(added["Event"]["errors"].to_string().contains("an attribute of type `comment` is not an indicator"), "{added}");
    // Its own program sees it, nobody else does, and nothing has left.
    assert_eq!((found(&token), found(&reader)), (vec!["added-lure.com".to_owned()], Vec::new()));
    assert_eq!(place.misp(&reader, &format!("events/view/{ADDED}")).status, 404);
    assert_eq!(place.exported(&["text", "--tlp-max", "amber+strict"]), b"");
    assert_eq!(place.ask(&reader, &format!("events/publish/{ADDED}"), &json!({})).status, 403);
    // The same again is refused, and a title is needed.
    assert_eq!(place.ask(&token, "events/add", &event(ADDED, "other.com")).status, 403);
    assert_eq!(place.ask(&token, "events/add", &json!({ "Attribute": [] })).status, 400);
    // One more, and one out again.
    let more = json!({ "type": "domain", "value": "second-lure.com", "uuid": "11111111-2222-4333-8444-000000000001" });
    let put = json_of(&place.ask(&token, &format!("attributes/add/{ADDED}"), &more));
    assert_eq!((&put["Attribute"]["value"], &put["Attribute"]["category"]), (&json!("second-lure.com"), &json!("Network activity")));
    let third = json!({ "type": "domain", "value": "third-lure.com", "uuid": "11111111-2222-4333-8444-000000000002" });
    place.ask(&token, &format!("attributes/add/{ADDED}"), &third);
    assert_eq!(place.ask(&token, "attributes/delete/11111111-2222-4333-8444-000000000002", &json!({})).status, 200);
    let two = place.ask(&token, &format!("attributes/add/{ADDED}"), &json!([more, third]));
    assert!(two.status == 400 && two.text().contains("one attribute at a time"), "{}", two.text());
    // Published, and not by whoever follows a link.
    assert_eq!(place.misp(&token, &format!("events/publish/{ADDED}")).status, 405);
    assert_eq!(place.exported(&["text", "--tlp-max", "amber+strict"]), b"");
    let published = json_of(&place.ask(&token, &format!("events/publish/{ADDED}"), &json!({})));
    assert_eq!((&published["saved"], &published["watchfire"]["released"]), (&json!(true), &json!(2)), "{published}");
    let text = String::from_utf8(place.exported(&["text", "--tlp-max", "green"])).expect("UTF-8");
    assert!(text.contains("added-lure.com") && text.contains("second-lure.com") && !text.contains("third-lure"), "{text}");
    assert_eq!(found(&reader), ["added-lure.com"]);
    assert_eq!(found(&token), ["added-lure.com"], "once, not as a draft too");
    let event_of = |token: &str| place.misp(token, &format!("events/view/{ADDED}"));
    let own = json_of(&event_of(&token));
    assert_eq!((&own["Event"]["published"], own["Event"]["Attribute"].as_array().map(Vec::len)), (&json!(true), Some(2)));
    assert_eq!(event_of(&reader).status, 404, "for others it is the campaign's event");
    assert_eq!(place.ask(&token, &format!("events/delete/{ADDED}"), &json!({})).status, 403, "others may have it");
    // Again is nothing new; taken back is gone from both.
    assert_eq!(json_of(&place.ask(&token, &format!("events/publish/{ADDED}"), &json!({})))["watchfire"], Value::Null);
    let attribute = own["Event"]["Attribute"].as_array().expect("two").iter().find(|one| one["value"] == "added-lure.com").expect("it");
    let gone = place.ask(&token, &format!("attributes/delete/{}", attribute["uuid"].as_str().expect("it")), &json!({}));
    assert_eq!(gone.status, 200, "{}", gone.text());
    assert_eq!((found(&token), found(&reader)), (Vec::new(), Vec::new()));
    assert_eq!(json_of(&event_of(&token))["Event"]["Attribute"].as_array().map(Vec::len), Some(1));
    assert!(place.here.trouble.lock().expect("trouble").is_empty());
}

#[test]
fn what_the_gate_keeps_back_is_told_and_others_events_are_nobody_s_to_change() {
    if !has_curl() {
        return;
    }
    let place = Place::new("misp_drafts_max = 2\nmisp_drafts_bytes_max = 4096\n[release]\nhold_s = 0\n");
    let token = writer(&place);
    place.share("theirs.com", "green", "there");
    let theirs = json_of(&place.misp(&token, "events/index"))[0]["uuid"].as_str().expect("an event").to_owned();
    for path in ["events/edit", "events/publish", "events/delete", "attributes/add"] {
        let got = place.ask(&token, &format!("{path}/{theirs}"), &json!({ "info": "mine", "type": "domain", "value": "mine.com" }));
        assert_eq!(got.status, 404, "{path}: {}", got.text());
    }
    assert_eq!(place.ask(&token, "events/add", &event(&theirs, "mine.com")).status, 403, "its id is taken");
    let of_theirs = json_of(&place.ask(&token, "attributes/restSearch", &json!({ "value": "theirs.com" })));
    let uuid = of_theirs["response"]["Attribute"][0]["uuid"].as_str().expect("it").to_owned();
    assert_eq!(place.ask(&token, &format!("attributes/delete/{uuid}"), &json!({})).status, 404, "people here said it");
    // Drafts are bounded, in number and in bytes.
    let add = |number: u32, value: &str| place.ask(&token, "events/add", &event(&format!("11111111-2222-4333-8444-{number:012}"), value));
    assert_eq!((add(1, "a-lure.com").status, add(2, "b-lure.com").status), (200, 200));
    let full = add(3, "c-lure.com");
    assert!(full.status == 403 && full.text().contains("too many events wait"), "{}", full.text());
    let delete = |number: u32| place.ask(&token, &format!("events/delete/11111111-2222-4333-8444-{number:012}"), &json!({})).status;
    assert_eq!((delete(1), delete(1)), (200, 404));
    assert_eq!(add(4, &format!("{}.com", "x".repeat(5_000))).status, 403);
    // An event that is published as it is added, and one of which nothing is fit.
    let mut at_once = event("11111111-2222-4333-8444-000000000005", "at-once.com");
    at_once["published"] = true.into();
    assert_eq!(json_of(&place.ask(&token, "events/add", &at_once))["Event"]["published"], json!(true));
    assert!(String::from_utf8_lossy(&place.exported(&["text", "--tlp-max", "green"])).contains("at-once.com"));
    assert_eq!(delete(2), 200);
    let only = json!({ "info": "x", "uuid": ADDED, "Attribute": [{ "type": "comment", "value": "nothing" }] });
    assert_eq!(place.ask(&token, "events/add", &only).status, 200);
    let nothing = place.ask(&token, &format!("events/publish/{ADDED}"), &json!({}));
    assert!(nothing.status == 403 && nothing.text().contains("not an indicator"), "{}", nothing.text());
    assert_eq!(json_of(&place.misp(&token, &format!("events/view/{ADDED}")))["Event"]["published"], json!(false), "it stays a draft");
}

#[test]
fn a_draft_outlives_the_process() {
    if !has_curl() {
        return;
    }
    let mut place = Place::new("[release]\nhold_s = 0\n");
    let token = writer(&place);
    assert_eq!(place.ask(&token, "events/add", &event(ADDED, "lasting-lure.com")).status, 200);
    place.here.kill();
    place.here.start();
    place.address = place.here.json(&["consumer", "list"])["https"]["address"].as_str().expect("it listens").to_owned();
    assert_eq!(json_of(&place.misp(&token, &format!("events/view/{ADDED}")))["Event"]["info"], "Lures of the week");
    assert_eq!(place.ask(&token, &format!("events/publish/{ADDED}"), &json!({})).status, 200);
}

#[test]
fn a_sighting_reaches_the_author_of_what_the_program_may_see() {
    if !has_curl() {
        return;
    }
    let mut place = Place::new("[release]\nhold_s = 0\n");
    let token = writer(&place);
    place.meet();
    place.there.json(&["share", "their-lure.com", "--tlp", "green", "--to", "here", "--now"]);
    place.there.json(&["share", "their-secret.com", "--tlp", "amber", "--to", "here", "--now"]);
    place.until_found(&token, &json!({ "value": "their-lure.com" }), 1);
    let by_value = place.ask(&token, "sightings/add", &json!({ "value": "their-lure.com", "type": "1", "source": "a sensor" }));
    assert_eq!((by_value.status, json_of(&by_value)["Sighting"]["type"].as_str()), (200, Some("1")), "{}", by_value.text());
    let found = json_of(&place.ask(&token, "attributes/restSearch", &json!({ "value": "their-lure.com" })));
    let (id, uuid) = (&found["response"]["Attribute"][0]["id"], &found["response"]["Attribute"][0]["uuid"]);
    let by_id = place.ask(&token, &format!("sightings/add/{}", id.as_str().expect("an id")), &json!({ "type": 0 }));
    assert_eq!(by_id.status, 200, "{}", by_id.text());
    assert_eq!(place.ask(&token, "sightings/add", &json!({ "uuid": uuid, "type": "2" })).status, 200);
    let wrong = [json!({ "value": "their-secret.com" }), json!({ "value": "nobody-said.com" }), json!({ "id": "5" })];
    assert_eq!(wrong.map(|body| place.ask(&token, "sightings/add", &body).status), [404; 3], "what it may not see is not here");
    assert_eq!(place.ask(&token, "sightings/add", &json!({ "value": "their-lure.com", "type": "7" })).status, 400);
    assert_eq!(place.ask(&token, "sightings/add", &json!({})).status, 400);
    let many = |count: usize| place.ask(&token, "sightings/add", &json!({ "values": vec!["their-lure.com"; count] })).status;
    assert_eq!([many(101), many(100)], [400, 200]);
    let reader = place.add("reader", &["--scope", "misp", "--tlp-max", "green"]);
    assert_eq!(place.ask(&reader, "sightings/add", &json!({ "value": "their-lure.com" })).status, 403);
    // The author hears of it.
    let began = Instant::now();
    while !place.there.try_json(&["show", "their-lure.com"]).is_some_and(|shown| shown.to_string().contains("expired")) {
        assert!(began.elapsed() < processes::PATIENCE, "{:?}", place.there.try_json(&["show", "their-lure.com"]));
        std::thread::sleep(processes::LOOK);
    }
}

/// Two nodes that know of each other no more than an address: the one reads what the other serves as MISP, and writes into it.
#[test]
fn a_node_reads_what_another_serves_as_misp_and_writes_into_it() {
    if !has_curl() {
        return;
    }
    let mut place = Place::new("[release]\nhold_s = 0\n");
    place.import("value,campaign\nfresh-lure.com,Pegasus\nhxxps://page.fresh-lure.com/a,Pegasus\n198.51.7.9,Predator\n", "green", "there");
    place.import("value,campaign\nkept-back.com,Pegasus\n", "amber", "there");
    let secret = |name: &str, token: &str| {
        let path = place.directory.path().join(name);
        std::fs::write(&path, token).expect("written");
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("for us alone");
        super::text(&path)
    };
    let token = place.add("reads", &["--scope", "misp,export", "--tlp-max", "green"]);
    let (reads, key, writes) = (secret("reads", &format!("Bearer {token}")), secret("key", &token), secret("writes", &writer(&place)));
    let (port, certificate) = (place.address.rsplit_once(':').expect("a port").1.to_owned(), place.here.data.join("https/cert.pem"));
    let (url, certificate) = (format!("https://localhost:{port}"), super::text(&certificate));
    let way = ["--allow-local", "--ca-file", &certificate];
    place.there.start();
    let there = &place.there;
    let add = |name: &str, at: &str, kind: &str, secret: &str, more: &[&str]| {
        let at = format!("{url}{at}");
        there.json(&[&["feed", "add", name, &at, "--kind", kind, "--secret-file", secret], more, &way].concat());
    };
    // What was added is read at once, by itself.
    let run = |name: &str| {
        let began = Instant::now();
        loop {
            let output = there.command(&["feed", "run", name]).output().expect("it runs");
            let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            if !said.contains("is being read") {
                return (output.status.success(), said);
            }
            assert!(began.elapsed() < processes::PATIENCE, "{name}: {said}");
            std::thread::sleep(processes::LOOK);
        }
    };
    let runs = |name: &str| {
        let (success, said) = run(name);
        assert!(success, "{name}: {said}");
    };
    let state = |value: &str| {
        let found = there.json(&["lookup", value]);
        let all = found.as_array().expect("a list").iter().flat_map(|one| one["matches"].as_array().expect("matches"));
        let of_it = all.filter(|one| one["value"] == value);
        of_it.map(|one| one["state"].as_str().expect("a state").to_owned()).collect::<Vec<_>>()
    };
    add("hub", "/export/misp/", "misp-feed", &reads, &["--tlp", "green"]);
    runs("hub");
    for value in ["fresh-lure.com", "https://page.fresh-lure.com/a", "198.51.7.9"] {
        assert_eq!(state(value), ["live"], "{value}");
    }
    assert_eq!(state("kept-back.com"), [""; 0], "its token is good for less");
    let found = there.json(&["lookup", "fresh-lure.com"]).to_string();
    assert!(found.contains("feed:hub") && found.contains("green"), "{found}");
    place.here.json(&["withdraw", "fresh-lure.com", "--reason", "the domain has a new owner"]);
    place.import("value,campaign\nsecond-lure.com,Predator\n", "green", "there");
    runs("hub");
    assert_eq!(state("second-lure.com"), ["live"]);
    assert_ne!(state("fresh-lure.com"), ["live"], "what is gone there is gone here");
    assert_eq!(state("https://page.fresh-lure.com/a"), ["live"], "and nothing else");
    // By its numbers, which are the beginnings of ids, it is no server of MISP's own to the reader of one: it says what to read.
    add("numbers", "/misp/", "misp", &key, &[]);
    let (success, said) = run("numbers");
    assert!(!success && said.contains("read the MISP feed that it exports"), "{said}");

    // The other way around: what a group shares there is written into the one here.
    let mut third = processes::Org::found(place.directory.path(), "third");
    third.start();
    let card = super::card(&third);
    third.kill();
    there.json(&["peer", "add", &card, "--name", "third"]);
    there.json(&["group", "create", "lab", "--community", "--member", "third"]);
    there.json(&["share", "written-lure.com", "--tlp", "green", "--to", "lab", "--now"]);
    there.json(&["share", "ours-alone.com", "--tlp", "amber", "--to", "lab", "--now"]);
    add("hub-out", "/misp/", "misp-push", &writes, &["--group", "lab"]);
    runs("hub-out");
    let reader = place.add("reader", &["--scope", "misp", "--tlp-max", "green"]);
    place.until_found(&reader, &json!({ "value": "written-lure.com" }), 1);
    assert_eq!(values(&place.ask(&reader, "attributes/restSearch", &json!({ "value": "ours-alone.com" }))), [""; 0]);
    assert!(place.here.trouble.lock().expect("trouble").is_empty());
}
