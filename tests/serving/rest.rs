//! Programs read what changed under `/api/v1/`, and say something there or by TAXII.

use super::{Got, Place, card, has_curl, text};
use crate::processes::{LOOK, Org, PATIENCE};
use crate::skips;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Instant;

const NO_HOLD: &str = "body_s_max = 1\nbody_bytes_max = 20000\n\n[release]\nhold_s = 0\n";
const TAXII: &str = "application/taxii+json;version=2.1";

impl Place {
    fn send(&self, method: &str, path: &str, token: &str, media: &str, body: &str, more: &[&str]) -> Got {
        let file = self.directory.path().join("sent");
        fs::write(&file, body).expect("a body");
        let (token, media) = (format!("Authorization: Bearer {token}"), format!("Content-Type: {media}"));
        let (method, data) = (["--request", method], format!("@{}", text(&file)));
        self.curl(path, &[&method[..], &["--header", &token, "--header", &media, "--data-binary", &data], more].concat())
    }

    fn post(&self, token: &str, body: &str, more: &[&str]) -> Got {
        self.send("POST", "/api/v1/indicators", token, "application/json", body, more)
    }

    fn producer(&self, name: &str, to: &str) -> String {
        self.add(name, &["--scope", "produce", "--to", to, "--tlp", "green"])
    }

    /// Everything that a consumer is told behind a cursor, and the next cursor.
    fn changes(&self, token: &str, query: &str, cursor: &str) -> (Vec<Value>, String) {
        let got = self.fetch(&format!("/api/v1/indicators?cursor={cursor}{query}"), token);
        assert_eq!((got.status, got.header("content-type")), (200, Some("application/x-ndjson")), "{}", got.text());
        let mut lines: Vec<Value> = got.text().lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
        let last = lines.pop().expect("the cursor");
        assert_eq!(last["type"], "cursor");
        (lines, last["cursor"].as_str().expect("it").to_owned())
    }
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&self.body)))
    }

    /// Status and kind of a problem.
    fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.headers);
        let body = self.json();
        assert_eq!(body["status"], self.status);
        let kind = body["type"].as_str().and_then(|kind| kind.strip_prefix("urn:watchfire:problem:")).expect("a type");
        (self.status, kind.to_owned())
    }
}

fn values(lines: &[Value]) -> Vec<(&str, &str)> {
    let word = |line: &'_ Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    lines
        .iter()
        .map(|line| {
            let name = if word(line, "type") == "indicator" { "value" } else { "why" };
            (line["type"].as_str().unwrap_or_default(), line[name].as_str().unwrap_or_default())
        })
        .collect()
}

#[test]
fn what_a_program_says_is_done_once_also_over_a_restart_and_nobody_else_is_told_of_it() {
    if !has_curl() {
        return;
    }
    let mut place = Place::new(NO_HOLD);
    let (gateway, other) = (place.producer("gateway", "there"), place.producer("other", "there"));
    let body = r#"[{"value":"login-lure.com","confidence":80,"note":"a lure"},{"value":"hxxps://x.login-lure[.]com/a","tlp":"amber"},{"value":"?"}]"#;
    let key = ["--header", "Idempotency-Key: \"8e03978e\""];
    let first = place.post(&gateway, body, &key);
    let report = first.json();
    assert_eq!(
        (first.status, &report["released"], &report["invalid"], &report["read"]),
        (200, &json!(2), &json!(1), &json!(3)),
        "{report}"
    );
    assert_eq!(report["problems"][0]["where"], "[2]");
    let at = first.header("location").expect("where").to_owned();
    assert_eq!(place.fetch(&at, &gateway).json(), report);
    assert_eq!(place.fetch(&at, &other).problem(), (404, "not-found".into()), "another's");
    place.here.kill();
    place.here.start();
    place.address = place.here.json(&["consumer", "list"])["https"]["address"].as_str().expect("it listens").to_owned();
    assert_eq!(place.post(&gateway, body, &key).json(), report);
    assert_eq!(place.post(&gateway, "[]", &key).problem(), (422, "key-reused".into()));
    assert_eq!(place.post(&gateway, body, &["--header", "Idempotency-Key: a b"]).problem(), (400, "bad-key".into()));
    let lines = place.here.json(&["disclosures"]);
    let said: Vec<&Value> = lines.as_array().expect("lines").iter().filter(|line| line["kind"] == "indicator").collect();
    assert!(said.iter().all(|line| line["by"] == "consumer gateway"), "{said:?}");
    assert_eq!(said.iter().filter_map(|line| line["count"].as_u64()).sum::<u64>(), 2);
    // Two at once.
    let both = std::thread::scope(|scope| {
        let ask = |folder: &str| {
            let folder = place.directory.path().join(folder);
            fs::create_dir_all(&folder).expect("a folder");
            let body = (0..100).map(|n| format!("n{n}-lure.com\n")).collect::<String>();
            let (token, address, cert) = (gateway.clone(), place.address.clone(), place.here.data.join("https/cert.pem"));
            scope.spawn(move || {
                let port = address.rsplit_once(':').expect("a port").1.to_owned();
                let mut curl = Command::new("curl")
                    .args(["--silent", "--cacert", &text(&cert), "--header", &format!("Authorization: Bearer {token}")])
                    .args(["--header", "Content-Type: text/plain", "--header", "Idempotency-Key: both", "--data-binary", "@-"])
                    .arg(format!("https://localhost:{port}/api/v1/indicators"))
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .spawn()
                    .expect("curl");
                curl.stdin.take().expect("its input").write_all(body.as_bytes()).expect("sent");
                let output = curl.wait_with_output().expect("curl");
                serde_json::from_slice::<Value>(&output.stdout).expect("JSON")
            })
        };
        [ask("a"), ask("b")].map(|thread| thread.join().expect("it ends"))
    });
    let done: Vec<&Value> = both.iter().filter(|one| one["released"] == 100).collect();
    let under_way = both.iter().filter(|one| one["type"] == "urn:watchfire:problem:under-way").count();
    assert!(!done.is_empty() && done.len() + under_way == 2 && done.iter().all(|one| one["id"] == done[0]["id"]), "{both:?}");
    // What it said it takes back, and nothing else.
    place.share("desk-lure.com", "green", "there");
    let delete =
        |token: &str, value: &str| place.send("DELETE", &format!("/api/v1/indicators?value={value}"), token, "text/plain", "", &[]);
    assert_eq!(delete(&other, "login-lure.com").problem(), (404, "not-said".into()));
    assert_eq!(delete(&gateway, "desk-lure.com").problem(), (404, "not-said".into()));
    assert_eq!(delete(&gateway, "login-lure.com").status, 204);
    assert_eq!(delete(&gateway, "login-lure.com").problem(), (404, "not-said".into()));
    assert!(place.here.trouble.lock().expect("trouble").is_empty());
}

#[test]
fn whoever_may_not_and_whatever_is_too_much_is_told_so_and_nothing_is_taken() {
    if !has_curl() {
        return;
    }
    let place = Place::new(NO_HOLD);
    let (gateway, reader) = (place.producer("gateway", "there"), place.add("reader", &["--scope", "api", "--tlp-max", "green"]));
    let body = r#"{"value":"login-lure.com"}"#;
    assert_eq!(place.curl("/api/v1/openapi.json", &[]).problem(), (401, "unauthorized".into()));
    assert_eq!(place.post(&reader, body, &[]).problem(), (403, "forbidden".into()));
    for path in ["indicators", "lookup?value=login-lure.com", "alerts"] {
        assert_eq!(place.fetch(&format!("/api/v1/{path}"), &gateway).problem(), (403, "forbidden".into()), "{path}");
    }
    assert_eq!(place.fetch("/export/csv", &gateway).status, 403);
    assert_eq!(place.fetch("/taxii2/watchfire/collections/", &gateway).status, 403);
    let send = |media: &str, body: &str, more: &[&str]| place.send("POST", "/api/v1/indicators", &gateway, media, body, more);
    for media in ["application/xml", "application/x-www-form-urlencoded", "multipart/form-data"] {
        assert_eq!(send(media, body, &[]).problem(), (415, "media-type".into()), "{media}");
    }
    assert_eq!(send("application/json", body, &["--header", "Content-Encoding: gzip"]).problem(), (415, "media-type".into()));
    let long = " ".repeat(20_001);
    assert_eq!(send("text/plain", &long, &[]).problem(), (413, "too-long".into()));
    assert_eq!(send("text/plain", &long, &["--header", "Transfer-Encoding: chunked", "--http1.1"]).problem(), (413, "too-long".into()));
    // Whoever asks first is told so before it sends.
    let asks = send("text/plain", &long, &["--http1.1", "--header", "Expect: 100-continue", "--expect100-timeout", "30"]);
    assert_eq!((asks.problem(), asks.headers.contains("100 Continue")), ((413, "too-long".into()), false));
    let slow = send("text/plain", &" ".repeat(19_000), &["--limit-rate", "1k", "--http1.1"]);
    assert_eq!(slow.problem(), (408, "too-slow".into()));
    let post = |path: &str| place.send("POST", path, &gateway, "application/json", body, &[]);
    assert_eq!(post("/api/v1/indicators?tlp=clear").problem(), (422, "label-too-lax".into()));
    assert_eq!(post("/api/v1/indicators?tpl=amber").problem(), (400, "bad-request".into()));
    assert_eq!(post("/api/v1/indicators?tlp=pink").problem(), (400, "bad-request".into()));
    assert_eq!(post("/api/v1/sightings").problem(), (403, "forbidden".into()));
    let put = place.send("PUT", "/api/v1/indicators", &gateway, "application/json", body, &[]);
    assert_eq!((put.problem(), put.header("allow")), ((405, "method-not-allowed".into()), Some("GET, POST, DELETE")));
    assert_eq!(place.fetch("/api/v1/nothing", &reader).problem(), (404, "not-found".into()));
    assert_eq!(place.fetch("/api/v1/indicators?cursor=abcd", &reader).problem(), (410, "unknown-cursor".into()));
    assert_eq!(place.fetch("/api/v1/lookup", &reader).problem(), (400, "bad-request".into()));
    // A token in the address opens nothing there.
    let in_url = place.add("in-url", &["--scope", "api,produce", "--tlp-max", "green", "--to", "there", "--tlp", "green", "--in-url"]);
    assert_eq!(place.curl(&format!("/t/{in_url}/api/v1/indicators"), &[]).status, 404);
    assert_eq!(place.exported(&["text"]), b"", "nothing was taken");
    place.here.json(&["consumer", "revoke", "gateway"]);
    assert_eq!(place.post(&gateway, body, &[]).problem(), (401, "unauthorized".into()));
    assert!(place.here.trouble.lock().expect("trouble").is_empty());
}

#[test]
fn a_mirror_stays_right_and_hears_at_once_of_what_it_may_see_alone() {
    if !has_curl() {
        return;
    }
    let place = Place::new(NO_HOLD);
    place.share("one-lure.com", "green", "there");
    place.share("kept-back.com", "amber", "there");
    place.share("in-circle.com", "green", "circle");
    let green = place.add("green", &["--scope", "api", "--tlp-max", "green"]);
    let circle = place.add("circle-only", &["--scope", "api", "--tlp-max", "amber", "--group", "circle"]);
    let (lines, cursor) = place.changes(&green, "", "");
    assert_eq!(values(&lines), [("indicator", "one-lure.com"), ("indicator", "in-circle.com")]);
    assert_eq!((&lines[0]["kind"], &lines[0]["tlp"]), (&json!("domain"), &json!("green")));
    assert_eq!(place.changes(&green, "", &cursor).0, Vec::<Value>::new());
    let (lines, there) = place.changes(&circle, "", "");
    assert_eq!(values(&lines), [("indicator", "in-circle.com")]);
    // In pages, and with filters of which each has cursors of its own.
    let (lines, next) = place.changes(&green, "&limit=1", "");
    assert_eq!(values(&lines), [("indicator", "one-lure.com")]);
    assert_eq!(values(&place.changes(&green, "&limit=1", &next).0), [("indicator", "in-circle.com")]);
    assert_eq!(place.changes(&green, "&kind=url", "").0.len(), 0);
    assert_eq!(place.fetch(&format!("/api/v1/indicators?kind=url&cursor={cursor}"), &green).problem(), (410, "unknown-cursor".into()));
    assert_eq!(place.fetch(&format!("/api/v1/indicators?cursor={cursor}"), &circle).problem(), (410, "unknown-cursor".into()));
    // Whoever waits hears at once, and of nothing that is not for it.
    let began = Instant::now();
    let waited = std::thread::scope(|scope| {
        let (token, cursor, address) = (green.clone(), cursor.clone(), place.address.clone());
        let cert = place.here.data.join("https/cert.pem");
        let waiting = scope.spawn(move || {
            let port = address.rsplit_once(':').expect("a port").1.to_owned();
            let output = Command::new("curl")
                .args(["--silent", "--cacert", &text(&cert), "--header", &format!("Authorization: Bearer {token}")])
                .arg(format!("https://localhost:{port}/api/v1/indicators?wait=40&cursor={cursor}"))
                .output()
                .expect("curl");
            String::from_utf8(output.stdout).expect("UTF-8")
        });
        std::thread::sleep(LOOK * 20);
        place.share("not-for-it.com", "amber", "there");
        std::thread::sleep(LOOK * 20);
        assert!(!waiting.is_finished(), "what it may not see wakes nobody");
        place.share("two-lure.com", "green", "there");
        waiting.join().expect("it ends")
    });
    assert!(began.elapsed().as_secs() < 30 && waited.contains("two-lure.com") && !waited.contains("not-for-it"), "{waited}");
    let last: Value = serde_json::from_str(waited.lines().last().expect("the cursor")).expect("JSON");
    let cursor = last["cursor"].as_str().expect("it").to_owned();
    // What is taken back is told, to whoever could have it. It was with nobody yet, so nothing is left of it here.
    place.here.json(&["withdraw", "one-lure.com", "--reason", "a mistake"]);
    place.here.json(&["recall", "two-lure.com", "--reason", "a mistake"]);
    let (lines, _) = place.changes(&green, "", &cursor);
    assert_eq!(values(&lines), [("removed", "expired"), ("removed", "recalled")]);
    assert_eq!(place.changes(&circle, "", &there).0, Vec::<Value>::new(), "what is said elsewhere changes nothing");
    let looked = place.fetch("/api/v1/lookup?value=in-circle.com", &green).json();
    assert_eq!((&looked["matches"][0]["value"], &looked["matches"][0]["state"]), (&json!("in-circle.com"), &json!("live")));
    let told = ["organisations", "disputed", "confidence_now"].map(|name| looked["matches"][0][name].clone());
    assert_eq!(told, [json!(1), json!(false), json!(50)]);
    for (token, hidden) in [(&green, "kept-back.com"), (&circle, "kept-back.com"), (&circle, "two-lure.com")] {
        assert_eq!(place.fetch(&format!("/api/v1/lookup?value={hidden}"), token).json()["matches"], json!([]), "{hidden}");
    }
    assert_eq!(place.fetch("/api/v1/alerts", &green).json(), json!({ "alerts": [] }));
    assert_eq!(place.fetch("/api/v1/openapi.json", &green).json()["openapi"], "3.1.0");
    let carried = place.here.command(&["receipts", "two-lure.com"]).output().expect("it runs");
    assert!(String::from_utf8_lossy(&carried.stdout).contains("green"), "{}", String::from_utf8_lossy(&carried.stdout));
    assert!(place.here.trouble.lock().expect("trouble").is_empty());
}

fn object(value: &str, number: u8) -> Value {
    json!({
        "type": "indicator", "spec_version": "2.1", "id": format!("indicator--00000000-0000-4000-8000-00000000000{number}"),
        "created": "2026-01-01T00:00:00Z", "modified": "2026-01-02T00:00:00Z", "pattern": format!("[domain-name:value = '{value}']"),
        "pattern_type": "stix", "valid_from": "2026-01-01T00:00:00Z"
    })
}

#[test]
fn taxii_takes_objects_into_the_collection_of_a_producers_target_alone() {
    if !has_curl() {
        return;
    }
    let place = Place::new(NO_HOLD);
    let token =
        place.add("sender", &["--scope", "taxii,produce", "--tlp-max", "green", "--to", "circle", "--tlp", "green", "--group", "circle"]);
    let outside = place.add("outside", &["--scope", "taxii,produce", "--tlp-max", "green", "--to", "there", "--tlp", "green"]);
    let collections = |token: &str| {
        let body = place.fetch("/taxii2/watchfire/collections/", token).json();
        let each = body["collections"].as_array().expect("collections").iter();
        each.map(|one| (one["title"].as_str().unwrap().to_owned(), one.clone())).collect::<BTreeMap<_, _>>()
    };
    let (own, foreign) = (collections(&token), collections(&outside));
    assert_eq!(
        (&own["circle"]["can_read"], &own["circle"]["can_write"], &own["all"]["can_write"]),
        (&json!(true), &json!(true), &json!(false))
    );
    assert_eq!((&foreign["sent"]["can_read"], &foreign["sent"]["can_write"]), (&json!(false), &json!(true)));
    let at = |one: &Value| format!("/taxii2/watchfire/collections/{}/objects/", one["id"].as_str().unwrap());
    let post = |token: &str, path: &str, media: &str, body: &str| place.send("POST", path, token, media, body, &[]);
    let envelope = json!({ "objects": [object("login-lure.com", 1), object("no domain", 2)] }).to_string();
    let here = at(&own["circle"]);
    assert_eq!(post(&token, &at(&own["all"]), TAXII, &envelope).status, 403);
    assert_eq!(post(&token, &at(&foreign["sent"]), TAXII, &envelope).status, 404, "another's collection");
    assert_eq!(post(&token, &here, "application/json", &envelope).status, 415);
    assert_eq!(post(&token, &here, "application/taxii+json;version=2.0", &envelope).status, 415);
    for bad in ["", "{}", "[]", r#"{"objects":[]}"#, r#"{"objects":[7]}"#, r#"{"objects":{}}"#] {
        assert_eq!(post(&token, &here, TAXII, bad).status, 422, "{bad}");
    }
    assert_eq!(post(&token, &here, TAXII, &" ".repeat(20_001)).status, 413);
    assert_eq!(place.exported(&["text"]), b"");
    let got = post(&token, &here, TAXII, &envelope);
    let status = got.json();
    assert_eq!((got.status, got.header("content-type")), (202, Some(TAXII)));
    let counts = ["total_count", "success_count", "failure_count", "pending_count"].map(|name| status[name].as_u64().unwrap());
    assert_eq!((counts, &status["status"]), ([2, 1, 1, 0], &json!("complete")), "{status}");
    assert_eq!(status["failures"][0]["version"], "2026-01-02T00:00:00Z", "{status}");
    let path = format!("/taxii2/watchfire/status/{}/", status["id"].as_str().unwrap());
    assert_eq!(place.fetch(&path, &token).json(), status);
    assert_eq!(place.fetch(&path, &outside).status, 404);
    assert_eq!(place.exported(&["text"]), b"login-lure.com\n");
    assert_eq!(place.fetch(&at(&foreign["sent"]), &outside).status, 403, "it is not for reading");
    // A person's word is waited for, and told as that.
    let waits = json!({ "objects": [object("lure.notatld", 3)] }).to_string();
    let status = post(&outside, &at(&foreign["sent"]), TAXII, &waits).json();
    assert_eq!(
        status["failure_count"].as_u64().unwrap() + status["success_count"].as_u64().unwrap() + status["pending_count"].as_u64().unwrap(),
        1
    );
    assert!(place.here.trouble.lock().expect("trouble").is_empty());
}

#[test]
fn a_program_tells_authors_what_it_met_of_what_it_may_see() {
    if !has_curl() {
        return;
    }
    let mut place = Place::new(NO_HOLD);
    place.there.start();
    let ours = card(&place.here);
    place.there.json(&["peer", "add", &ours, "--name", "here"]);
    for (value, tlp) in [("met-lure.com", "green"), ("hidden-lure.com", "amber")] {
        place.there.json(&["share", value, "--tlp", tlp, "--to", "here", "--now"]);
    }
    let until = Instant::now() + PATIENCE;
    while place.here.json(&["lookup", "hidden-lure.com"])[0]["matches"] == json!([]) {
        assert!(Instant::now() < until, "it does not come");
        std::thread::sleep(LOOK);
    }
    let siem = place.add("siem", &["--scope", "sight", "--tlp-max", "green"]);
    let post = |token: &str, body: &str| place.send("POST", "/api/v1/sightings", token, "application/json", body, &[]);
    let got = post(&siem, r#"[{"value":"met-lure.com","count":3},{"value":"hidden-lure.com"},{"value":"none-lure.com"}]"#).json();
    assert_eq!(
        (&got["what"], &got["read"], &got["released"], &got["invalid"]),
        (&json!("sightings"), &json!(3), &json!(1), &json!(2)),
        "{got}"
    );
    assert_eq!(got["problems"][0]["what"], got["problems"][1]["what"], "what it may not see is as what is not there");
    assert_eq!(post(&siem, r#"[{"value":"met-lure.com","kount":3}]"#).problem(), (400, "bad-request".into()));
    while !place.there.json(&["lookup", "met-lure.com"]).to_string().contains("\"seen\":3") {
        assert!(Instant::now() < until, "its author does not hear of it");
        std::thread::sleep(LOOK);
    }
}

#[test]
fn a_program_that_keeps_its_name_back_is_a_member_to_the_author() {
    if !has_curl() {
        return;
    }
    let mut place = Place::new(NO_HOLD);
    let mut head = Org::found(place.directory.path(), "head");
    head.start();
    place.there.start();
    let [ours, theirs, heads] = [&place.here, &place.there, &head].map(card);
    place.there.json(&["peer", "add", &ours, "--name", "here"]);
    for one in [&place.here, &place.there] {
        one.json(&["peer", "add", &heads, "--name", "head"]);
    }
    head.json(&["peer", "add", &ours, "--name", "here"]);
    head.json(&["peer", "add", &theirs, "--name", "there"]);
    head.json(&["group", "create", "ring", "--community", "--member", "here", "--member", "there"]);
    let until = Instant::now() + PATIENCE;
    let wait = |what: &str, is_so: &dyn Fn() -> bool| {
        while !is_so() {
            assert!(Instant::now() < until, "{what}");
            std::thread::sleep(LOOK);
        }
    };
    let share = |value: &'static str, to| place.there.try_json(&["share", value, "--tlp", "green", "--to", to, "--now"]);
    wait("the group is not known", &|| share("ring-lure.com", "ring").is_some());
    share("told-lure.com", "here").expect("it is shared");
    for (org, value) in [(&place.here, "ring-lure.com"), (&place.here, "told-lure.com"), (&head, "ring-lure.com")] {
        wait(value, &|| org.json(&["lookup", value])[0]["matches"] != json!([]));
    }
    let siem = place.add("siem", &["--scope", "sight", "--tlp-max", "green"]);
    let post = |body: &str| place.send("POST", "/api/v1/sightings", &siem, "application/json", body, &[]);
    let told = post(r#"[{"value":"ring-lure.com","count":7,"anonymous":true},{"value":"told-lure.com","anonymous":true}]"#).json();
    assert_eq!((&told["released"], &told["invalid"], &told["problems"][0]["where"]), (&json!(1), &json!(1), &json!("[1]")), "{told}");
    let why = told["problems"][0]["what"].as_str().expect("why");
    assert!(why.contains("told to us alone, so its author would know who says it"), "{why}");
    let listed = |value| place.there.json(&["sighting", "list", value]);
    wait("its author does not hear of it", &|| listed("ring-lure.com") != json!([]));
    let heard = listed("ring-lure.com");
    let all = heard.as_array().expect("sightings");
    assert_eq!((all.len(), &all[0]["by"], &all[0]["count"]), (1, &json!("a member of ring"), &json!(7)), "{heard}");
    assert_eq!(listed("told-lure.com"), json!([]));
    // With our name it is told where nothing else is asked for.
    assert_eq!(post(r#"[{"value":"told-lure.com"}]"#).json()["released"], 1);
    wait("its author does not hear who", &|| listed("told-lure.com")[0]["by"] == "here");
}

#[test]
fn alerts_are_told_up_to_a_ceiling_and_of_the_groups_that_were_given() {
    if !has_curl() {
        return;
    }
    let mut place = Place::new(NO_HOLD);
    place.there.start();
    let ours = card(&place.here);
    place.there.json(&["peer", "add", &ours, "--name", "here"]);
    place.here.json(&["group", "create", "other", "--community", "--member", "there"]);
    for (to, tlp, headline) in
        [("circle", "green", "one"), ("other", "green", "two"), ("there", "green", "three"), ("circle", "amber", "four")]
    {
        place.here.json(&["alert", "publish", "--to", to, "--tlp", tlp, "--incident", "malware", "--headline", headline]);
    }
    let until = Instant::now() + PATIENCE;
    while place.here.json(&["alert", "list"]).to_string().matches("\"headline\"").count() < 4 {
        assert!(Instant::now() < until, "{}", place.here.json(&["alert", "list"]));
        std::thread::sleep(LOOK);
    }
    let told = |token: &str| {
        let body = place.fetch("/api/v1/alerts", token).json();
        let mut all: Vec<String> =
            body["alerts"].as_array().expect("alerts").iter().map(|one| one["headline"].as_str().expect("it").to_owned()).collect();
        all.sort();
        all
    };
    let all = place.add("all", &["--scope", "api", "--tlp-max", "amber"]);
    let circle = place.add("circle-only", &["--scope", "api", "--tlp-max", "amber", "--group", "circle"]);
    assert_eq!(told(&all), ["one", "three", "two"], "TLP:GREEN is the most");
    assert_eq!(told(&circle), ["one"]);
}

/// The blocks of Python in docs/serving.md, in their order.
fn blocks() -> Vec<String> {
    let docs = include_str!("../../docs/serving.md");
    docs.split("```python\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_lines_of_python_in_the_docs_run() {
    if !has_curl() {
        return;
    }
    if !Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success()) {
        skips::skipped("there is no python3 here: the lines in docs/serving.md are not run");
        return;
    }
    let place = Place::new(NO_HOLD);
    let (reader, producer) = (place.add("reader", &["--scope", "api", "--tlp-max", "green"]), place.producer("gateway", "there"));
    let port = place.address.rsplit_once(':').expect("a port").1.to_owned();
    let run = |block: &str, token: &str| {
        let block =
            block.replace("HOST:8443", &format!("localhost:{port}")).replace("TOKEN", token).replace("while True:", "for _ in range(2):");
        let file = place.directory.path().join("script.py");
        fs::write(
            &file,
            block.replace("wait=50", "wait=0") + "\nprint(sorted(one['value'] for one in globals().get('known', {}).values()))\n",
        )
        .expect("a script");
        let output = Command::new("python3").arg(&file).current_dir(place.here.data.join("https")).output().expect("python3");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let [consumer, says] = &blocks()[..] else { panic!("two blocks are expected") };
    assert!(blocks().iter().all(|block| block.lines().count() <= 7), "about six lines");
    let said = run(says, &producer);
    assert!(said.contains("'released': 1"), "{said}");
    let known = run(consumer, &reader);
    assert!(known.contains("['login-lure.com']"), "{known}");
}

#[test]
fn whoever_waits_is_answered_in_time_and_told_nothing_once_its_token_counts_no_more() {
    if !has_curl() {
        return;
    }
    let place = Place::new("wait_s_max = 4\nlines_max = 10\n[release]\nhold_s = 0\n");
    let reader = place.add("reader", &["--scope", "api", "--tlp-max", "green"]);
    let began = Instant::now();
    assert_eq!(place.changes(&reader, "&wait=600", "").0, Vec::<Value>::new());
    assert!((4..30).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    // A page has no more lines than are settled, and at least one.
    for number in 0..12 {
        place.share(&format!("lure-{number}.com"), "green", "there");
    }
    let (lines, cursor) = place.changes(&reader, "&limit=1000", "");
    assert_eq!(lines.len(), 10);
    let (rest, cursor) = place.changes(&reader, "", &cursor);
    assert_eq!(rest.len(), 2);
    assert_eq!(place.fetch("/api/v1/indicators?limit=0", &reader).problem(), (400, "bad-request".into()));
    // What is above its ceiling it cannot ask for.
    place.share("kept-back.com", "amber", "there");
    assert_eq!(place.changes(&reader, "&tlp=amber", "").0.len(), 10);
    // It is revoked while it waits.
    let waited = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let cert = text(&place.here.data.join("https/cert.pem"));
            let port = place.address.rsplit_once(':').expect("a port").1;
            let output = Command::new("curl")
                .args(["--silent", "--cacert", &cert, "--header", &format!("Authorization: Bearer {reader}")])
                .arg(format!("https://localhost:{port}/api/v1/indicators?wait=4&cursor={cursor}"))
                .output()
                .expect("curl");
            String::from_utf8(output.stdout).expect("UTF-8")
        });
        std::thread::sleep(LOOK * 20);
        place.here.json(&["consumer", "revoke", "reader"]);
        place.share("too-late.com", "green", "there");
        waiting.join().expect("it ends")
    });
    assert!(waited.contains("urn:watchfire:problem:unauthorized"), "{waited}");
}

#[test]
fn what_a_program_sends_beside_its_records_is_bounded_too() {
    if !has_curl() {
        return;
    }
    let place = Place::new("answer_s_max = 2\n[release]\nhold_s = 0\n");
    let sends = place.add("sends", &["--scope", "produce,sight,taxii", "--tlp-max", "green", "--to", "there", "--tlp", "green"]);
    let reader = place.add("reader", &["--scope", "api", "--tlp-max", "green"]);
    let sighting = |media: &str| place.send("POST", "/api/v1/sightings", &sends, media, r#"[{"value":"met-lure.com"}]"#, &[]).status;
    assert_eq!([sighting("text/plain"), sighting("application/json")], [415, 200]);
    let two = ["--header", "Idempotency-Key: a", "--header", "Idempotency-Key: b"];
    let report = place.post(&sends, r#"{"value":"own-lure.com"}"#, &[]).json();
    assert_eq!(place.post(&sends, r#"{"value":"own-lure.com"}"#, &two).problem(), (400, "bad-key".into()));
    // Whoever only reads learns nothing of what others sent, and by TAXII only what came by TAXII is told.
    let id = report["id"].as_str().expect("an id");
    assert_eq!(place.fetch(&format!("/api/v1/submissions/{id}"), &reader).problem(), (403, "forbidden".into()));
    assert_eq!(place.fetch(&format!("/api/v1/submissions/{id}"), &sends).json(), report);
    assert_eq!(place.fetch(&format!("/taxii2/watchfire/status/{id}/"), &sends).status, 404);
    let back = |reason: usize| {
        let path = format!("/api/v1/indicators?value=own-lure.com&reason={}", "x".repeat(reason));
        place.send("DELETE", &path, &sends, "text/plain", "", &[]).status
    };
    assert_eq!([back(201), back(200)], [400, 204]);
    // No answer takes longer than is settled.
    let began = Instant::now();
    assert_eq!(place.fetch("/api/v1/indicators?wait=30", &reader).problem(), (503, "unavailable".into()));
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}
