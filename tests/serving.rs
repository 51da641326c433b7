//! Programs fetch exports over HTTPS, with curl: what `watchfire export` writes with the same ceilings, and nothing else.

// Real processes and real time.
#![allow(clippy::disallowed_methods)]

#[path = "serving/misp.rs"]
mod misp;
mod processes;
#[path = "serving/rest.rs"]
mod rest;
mod skips;

use processes::Org;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What curl got.
struct Got {
    status: u16,
    headers: String,
    body: Vec<u8>,
}

impl Got {
    /// A header's value.
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.headers.lines().filter_map(|line| line.split_once(':'));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next_back()
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("UTF-8")
    }
}

/// A node that serves, with a partner and a group that it shares with.
struct Place {
    directory: tempfile::TempDir,
    here: Org,
    there: Org,
    address: String,
}

fn has_curl() -> bool {
    let version = Command::new("curl").arg("--version").output();
    let has = version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("zstd"));
    if !has {
        skips::skipped("there is no curl with zstd here: nothing is fetched over HTTPS");
    }
    has
}

impl Place {
    fn new(settings: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let [mut here, mut there] = ["here", "there"].map(|name| Org::found(directory.path(), name));
        let file = here.data.join("watchfire.toml");
        let text = fs::read_to_string(&file).expect("the settings") + "\n[https]\nlisten = \"127.0.0.1:0\"\n" + settings;
        fs::write(&file, text).expect("the settings");
        here.start();
        there.start();
        let card = card(&there);
        // Its node does not run: what is shared waits, and is exported all the same.
        there.kill();
        here.json(&["peer", "add", &card, "--name", "there"]);
        here.json(&["group", "create", "circle", "--community", "--member", "there"]);
        let address = here.json(&["consumer", "list"])["https"]["address"].as_str().expect("it listens").to_owned();
        Self { directory, here, there, address }
    }

    fn share(&self, value: &str, tlp: &str, to: &str) {
        self.here.json(&["share", value, "--tlp", tlp, "--to", to, "--now"]);
    }

    fn add(&self, name: &str, more: &[&str]) -> String {
        let view = self.here.json(&[&["consumer", "add", name], more].concat());
        view["token"].as_str().expect("a token").to_owned()
    }

    fn curl(&self, path: &str, more: &[&str]) -> Got {
        let (headers, body) = (self.directory.path().join("headers"), self.directory.path().join("body"));
        let _ = fs::remove_file(&body);
        let cert = self.here.data.join("https/cert.pem");
        let port = self.address.rsplit_once(':').expect("a port").1;
        let output = Command::new("curl")
            .args(["--globoff", "--silent", "--show-error", "--max-time", "60", "--cacert", &text(&cert), "--dump-header", &text(&headers)])
            .args(["--output", &text(&body), "--write-out", "%{http_code}"])
            .args(more)
            .arg(format!("https://localhost:{port}{path}"))
            .output()
            .expect("curl");
        assert!(output.status.success(), "curl {path}: {}", String::from_utf8_lossy(&output.stderr));
        let status = String::from_utf8_lossy(&output.stdout).parse().expect("a status");
        Got { status, headers: fs::read_to_string(&headers).expect("headers"), body: fs::read(&body).unwrap_or_default() }
    }

    fn fetch(&self, path: &str, token: &str) -> Got {
        self.curl(path, &["--header", &format!("Authorization: Bearer {token}")])
    }

    /// What the desk's own command writes.
    fn exported(&self, args: &[&str]) -> Vec<u8> {
        let output = self.here.command(&[&["export"], args].concat()).output().expect("it runs");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn card(org: &Org) -> String {
    let path = org.data.join("card.txt");
    fs::write(&path, org.command(&["card"]).output().expect("a card").stdout).expect("the card");
    text(&path)
}

#[test]
fn what_is_fetched_is_what_is_exported_and_a_ceiling_holds() {
    if !has_curl() {
        return;
    }
    let place = Place::new("");
    for (value, tlp) in
        [("fresh-lure.com", "green"), ("198.51.7.9", "clear"), ("kept-back.com", "amber"), ("hxxps://page.fresh-lure.com/a", "green")]
    {
        place.share(value, tlp, "there");
    }
    // Of PAP:AMBER, nothing of which an attacker notices.
    place.here.json(&["share", "quiet-lure.com", "--tlp", "green", "--pap", "amber", "--to", "there", "--now"]);
    let token = place.add("lab", &["--tlp-max", "green"]);
    let single = [
        ("stix.json", "stix"),
        ("csv", "csv"),
        ("text", "text"),
        ("rpz.zone", "rpz"),
        ("hosts", "hosts"),
        ("dnsmasq.conf", "dnsmasq"),
        ("adblock.txt", "adblock"),
    ];
    for (name, format) in single {
        let got = place.fetch(&format!("/export/{name}"), &token);
        assert_eq!(got.status, 200, "{name}");
        assert_eq!(got.body, place.exported(&[format, "--tlp-max", "green"]), "{name}");
        assert!(got.text().contains("fresh-lure.com") && !got.text().contains("kept-back"), "{name}");
    }
    for format in ["mvt", "misp", "suricata", "sigma", "lists"] {
        let got = place.fetch(&format!("/export/{format}.tar"), &token);
        assert_eq!((got.status, got.header("content-type")), (200, Some("application/x-tar")), "{format}");
        assert_eq!(got.body, place.exported(&[format, "--tlp-max", "green"]), "{format}");
        let folder = place.directory.path().join(format);
        place.exported(&[format, "--tlp-max", "green", "--out", &text(&folder)]);
        let mut files = 0;
        for file in fs::read_dir(&folder).expect("a folder").map(|file| file.expect("a file")) {
            let name = file.file_name().into_string().expect("UTF-8");
            if !name.starts_with('.') {
                let got = place.fetch(&format!("/export/{format}/{name}"), &token);
                assert_eq!((got.status, &got.body), (200, &fs::read(file.path()).expect("it")), "{format}/{name}");
                files += 1;
            }
        }
        assert!(files > 0, "{format}");
        assert_eq!(place.fetch(&format!("/export/{format}/none"), &token).status, 404);
    }
    // What the command line leaves to whoever asks, an address does too, each with a tag of its own; what it does not know it refuses.
    for (path, args) in [
        ("/export/rpz.zone?policy=passthru", ["rpz", "--policy", "passthru"].as_slice()),
        ("/export/rpz.zone?policy=nodata", &["rpz", "--policy", "nodata"]),
        ("/export/csv?bom=1", &["csv", "--bom"]),
    ] {
        let (got, plain) = (place.fetch(path, &token), place.fetch(path.split('?').next().expect("a path"), &token));
        assert_eq!((got.status, &got.body), (200, &place.exported(&[args, &["--tlp-max", "green"]].concat())), "{path}");
        assert_ne!((&got.body, got.header("etag")), (&plain.body, plain.header("etag")), "{path}");
    }
    for path in [
        "/export/rpz.zone?policy=no+policy",
        "/export/rpz.zone?policy=why.example.org",
        "/export/csv?policy=drop",
        "/export/csv?bom=maybe",
        "/export/text?limit=5",
    ] {
        let got = place.fetch(path, &token);
        assert_eq!((got.status, got.header("content-type")), (400, Some("application/problem+json")), "{path}");
    }
    // Everything that there is, to one who may have it.
    let all = place.add("all", &["--tlp-max", "amber+strict"]);
    assert!(place.fetch("/export/text", &all).text().contains("kept-back.com"));
    // Which export carried what is known of what was fetched as of what was written.
    let carried = place.here.command(&["receipts", "fresh-lure.com"]).output().expect("it runs");
    let carried = String::from_utf8_lossy(&carried.stdout).into_owned();
    assert!(carried.contains("lab") && carried.contains("misp"), "{carried}");
    assert!(place.here.trouble.lock().expect("trouble").is_empty());
}

#[test]
fn a_program_fetches_again_only_what_has_changed_for_it_and_packed() {
    if !has_curl() {
        return;
    }
    let place = Place::new("");
    place.share("fresh-lure.com", "green", "there");
    let token = place.add("lab", &["--tlp-max", "green"]);
    let bearer = format!("Authorization: Bearer {token}");
    let first = place.fetch("/export/csv", &token);
    let tag = first.header("etag").expect("a tag").to_owned();
    assert_eq!(first.header("cache-control"), Some("private, no-cache"));
    assert!(first.headers.starts_with("HTTP/2 200"), "{}", first.headers);
    let again = |tag: &str| place.curl("/export/csv", &["--header", &bearer, "--header", &format!("If-None-Match: {tag}")]);
    assert_eq!((again(&tag).status, again(&tag).body.len(), again("\"x\"").status), (304, 0, 200));
    // What it may not see changes nothing for it.
    place.share("kept-back.com", "amber", "there");
    assert_eq!(again(&tag).status, 304);
    place.share("another-lure.com", "green", "there");
    let changed = again(&tag);
    assert_eq!(changed.status, 200);
    assert!(changed.text().contains("another-lure.com"));
    // Packed, each with a tag of its own, that holds.
    for coding in ["gzip", "zstd"] {
        let accept = format!("Accept-Encoding: {coding}");
        let packed = |more: &[&str]| place.curl("/export/csv", &[&["--header", &bearer, "--header", &accept], more].concat());
        let raw = packed(&[]);
        assert_eq!((raw.status, raw.header("content-encoding")), (200, Some(coding)));
        assert_eq!(raw.header("content-length"), Some(raw.body.len().to_string().as_str()));
        assert_ne!(raw.body, changed.body);
        assert_ne!(raw.header("etag"), changed.header("etag"));
        assert_eq!(packed(&["--header", &format!("If-None-Match: {}", raw.header("etag").expect("a tag"))]).status, 304);
        let unpacked = place.curl("/export/csv", &["--header", &bearer, "--compressed", "--header", &accept]);
        assert_eq!(unpacked.body, changed.body, "{coding}");
    }
    // HEAD says the same of it without it, over both versions of HTTP.
    for version in ["--http1.1", "--http2"] {
        let head = place.curl("/export/csv", &["--header", &bearer, "--head", version]);
        assert_eq!((head.status, head.header("etag")), (200, changed.header("etag")), "{version}");
        assert_eq!(head.header("content-length"), Some(changed.body.len().to_string().as_str()), "{version}");
        let got = place.curl("/export/csv", &["--header", &bearer, version]);
        assert_eq!(got.body, changed.body, "{version}");
    }
    // What was recalled is gone from the very next answer.
    place.here.json(&["recall", "another-lure.com", "--reason", "a mistake"]);
    assert!(!place.fetch("/export/csv", &token).text().contains("another-lure"));
}

#[test]
fn a_program_is_served_nothing_of_which_one_may_be_less_sure_than_was_settled() {
    if !has_curl() {
        return;
    }
    let mut place = Place::new("");
    let ours = card(&place.here);
    place.there.start();
    place.there.json(&["peer", "add", &ours, "--name", "here"]);
    place.there.json(&["share", "their-lure.com", "--tlp", "amber", "--to", "here", "--now"]);
    let rows = place.directory.path().join("rows.csv");
    let said = "value,confidence\nsure-lure.com,90\nunsure-lure.com,20\n";
    fs::write(&rows, said).expect("rows");
    place.here.json(&["import", &text(&rows), "--tlp", "amber", "--to", "there", "--now"]);
    let settled = ["--tlp-max", "amber+strict", "--least-confidence", "40", "--scope", "export,taxii,misp"];
    let (some, all) = (place.add("some", &settled), place.add("all", &["--tlp-max", "amber+strict"]));
    let until = Instant::now() + processes::PATIENCE;
    while !place.fetch("/export/text", &all).text().contains("their-lure.com") {
        assert!(Instant::now() < until, "it does not come");
        std::thread::sleep(processes::LOOK);
    }
    let mut tags = BTreeSet::new();
    let mut looks = |values: &str| {
        let got = place.fetch("/export/text", &some);
        assert_eq!(got.text(), values);
        assert!(tags.insert(got.header("etag").expect("a tag").to_owned()) || tags.len() == 2);
        for (path, format) in [("text", "text"), ("csv", "csv"), ("rpz.zone", "rpz"), ("misp.tar", "misp"), ("lists.tar", "lists")] {
            let exported = place.exported(&[format, "--tlp-max", "amber+strict", "--least-confidence", "40"]);
            assert_eq!(place.fetch(&format!("/export/{path}"), &some).body, exported, "{format}");
        }
        let found = place.fetch("/misp/attributes/restSearch", &some).text();
        let collections: Value = serde_json::from_str(&place.fetch("/taxii2/watchfire/collections/", &some).text()).expect("JSON");
        let id = collections["collections"][0]["id"].as_str().expect("an id");
        let objects = place.fetch(&format!("/taxii2/watchfire/collections/{id}/objects/"), &some).text();
        for value in ["sure-lure.com", "unsure-lure.com", "their-lure.com"] {
            let is_served = values.lines().any(|line| line == value);
            assert_eq!(objects.contains(&format!("'{value}'")), is_served, "{value}: {objects}");
            assert_eq!(found.contains(&format!("\"value\":\"{value}\"")), is_served, "{value}: {found}");
        }
    };
    looks("sure-lure.com\ntheir-lure.com\n");
    // What somebody says of it counts with the very next answer.
    place.here.json(&["sighting", "add", "their-lure.com", "--type", "false-positive"]);
    looks("sure-lure.com\n");
    place.here.json(&["sighting", "add", "their-lure.com", "--type", "seen"]);
    looks("sure-lure.com\ntheir-lure.com\n");
    assert_eq!(place.fetch("/export/text", &all).text().lines().count(), 3);
    let refused =
        place.here.command(&["consumer", "add", "mirror", "--scope", "api", "--tlp-max", "green", "--least-confidence", "40"]).output();
    let refused = String::from_utf8(refused.expect("it runs").stderr).expect("UTF-8");
    assert!(refused.contains("what `api` tells goes on from a cursor"), "{refused}");
}

#[test]
fn nobody_gets_in_with_anything_but_a_token_that_counts() {
    if !has_curl() {
        return;
    }
    let place = Place::new("");
    place.share("fresh-lure.com", "green", "there");
    let token = place.add("lab", &["--tlp-max", "green"]);
    let basic = |user: &str, token: &str| place.curl("/export/text", &["--user", &format!("{user}:{token}")]);
    let raw = |token: &str| place.curl("/export/text", &["--header", &format!("Authorization: {token}")]);
    assert_eq!([place.fetch("/export/text", &token).status, basic("lab", &token).status, raw(&token).status], [200; 3]);
    let refused = [
        place.curl("/export/text", &[]),
        place.fetch("/export/text", "wf_nonsense"),
        basic("other", &token),
        // Not in the address unless that was settled.
        place.curl(&format!("/t/{token}/export/text"), &[]),
        place.curl("/no/such/thing", &[]),
    ];
    for got in &refused {
        assert_eq!((got.status, got.header("content-type")), (401, Some("application/problem+json")));
        assert_eq!(got.body, refused[0].body, "each is told the same");
        assert!(got.header("www-authenticate").is_some());
    }
    let problem: Value = serde_json::from_slice(&refused[0].body).expect("JSON");
    assert_eq!((&problem["status"], &problem["title"]), (&401.into(), &"Unauthorized".into()));
    // Nothing of the desk's interface is there, for nobody.
    for path in ["/v1/status", "/v1/export", "/v1/consumers", "/", "/export", "/export/../v1/status"] {
        let got = place.curl(path, &["--header", &format!("Authorization: Bearer {token}"), "--path-as-is"]);
        assert_eq!(got.status, 404, "{path}");
    }
    let post = place.curl("/export/text", &["--header", &format!("Authorization: Bearer {token}"), "--data", "x"]);
    assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD")));
    // In the address, where it was settled.
    let in_url = place.add("filter-list", &["--tlp-max", "green", "--in-url"]);
    assert_eq!(place.curl(&format!("/t/{in_url}/export/adblock.txt"), &[]).status, 200);
    // A new token ends the old one, and who is revoked is told what everybody is told.
    let next = place.here.json(&["consumer", "renew", "lab"])["token"].as_str().expect("a token").to_owned();
    assert_eq!([place.fetch("/export/text", &token).status, place.fetch("/export/text", &next).status], [401, 200]);
    place.here.json(&["consumer", "revoke", "lab"]);
    let revoked = place.fetch("/export/text", &next);
    assert_eq!((revoked.status, &revoked.body), (401, &refused[0].body));
    let list = place.here.json(&["consumer", "list"]);
    let lab = list["consumers"].as_array().expect("a list").iter().find(|one| one["name"] == "lab").expect("it").clone();
    assert_eq!(lab["state"], "revoked");
    assert!(lab["used"].is_u64() || lab["used"].is_string(), "{lab}");
    // The token stands nowhere on disk.
    let all = Command::new("grep")
        .args(["--recursive", "--text", "--files-with-matches", "--fixed-strings"])
        .args([&token[3..], &text(&place.here.data)])
        .output();
    assert_eq!(String::from_utf8_lossy(&all.expect("grep").stdout), "");
    let refused = place.here.command(&["consumer", "add", "x", "--tlp-max", "red"]).output().expect("it runs");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no program gets TLP:RED\nhint: "));
}

#[test]
fn whoever_guesses_tokens_waits_and_a_connection_ends_after_its_time() {
    if !has_curl() {
        return;
    }
    let place = Place::new("failures_per_minute_max = 1\nconnection_s_max = 10\n");
    let token = place.add("lab", &["--tlp-max", "green"]);
    let took = |token: &str, status: u16| {
        let began = Instant::now();
        assert_eq!(place.fetch("/export/text", token).status, status);
        began.elapsed() >= Duration::from_secs(1)
    };
    // Of three in a row at least two fall into one minute.
    assert!([(); 3].map(|()| took("wf_nonsense", 401)).contains(&true));
    assert_eq!(place.fetch("/export/text", &token).status, 200);
    // And nobody keeps a connection for ever.
    let waits = place.add("waits", &["--scope", "api", "--tlp-max", "green"]);
    let (cert, port) = (text(&place.here.data.join("https/cert.pem")), place.address.rsplit_once(':').expect("a port").1);
    let began = Instant::now();
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--max-time", "60", "--cacert", &cert, "--header", &format!("Authorization: Bearer {waits}")]);
    let ended = curl.arg(format!("https://localhost:{port}/api/v1/indicators?wait=50")).output().expect("curl");
    assert!(!ended.status.success() && began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
}

#[test]
fn a_consumer_of_a_group_has_what_was_said_there_and_the_rest_changes_no_byte_of_it() {
    if !has_curl() {
        return;
    }
    let place = Place::new("");
    place.share("in-the-circle.com", "green", "circle");
    let token = place.add("circle-misp", &["--tlp-max", "amber", "--group", "circle"]);
    let formats = ["/export/stix.json", "/export/misp.tar", "/export/csv", "/export/lists.tar"];
    let tags = || formats.map(|path| place.fetch(path, &token).header("etag").expect("a tag").to_owned());
    let before = tags();
    place.share("for-one-alone.com", "green", "there");
    // The same value, said elsewhere too.
    place.share("in-the-circle.com", "green", "there");
    assert_eq!(tags(), before);
    assert_eq!(place.fetch("/export/text", &token).text(), "in-the-circle.com\n");
    place.share("another.com", "green", "circle");
    assert_ne!(tags(), before);
}

#[test]
fn what_an_earlier_process_left_is_swept_and_other_limits_hold() {
    if !has_curl() {
        return;
    }
    let mut place = Place::new("cache_exports_max = 2\nrequests_per_consumer_max = 1\ncache_bytes_max = 2097152\n");
    place.share("fresh-lure.com", "green", "there");
    let token = place.add("lab", &["--tlp-max", "amber"]);
    let folder = place.here.data.join("serving");
    for path in ["/export/text", "/export/csv", "/export/hosts", "/export/stix.json", "/export/text"] {
        assert_eq!(place.fetch(path, &token).status, 200, "{path}");
    }
    assert_eq!(fs::read_dir(&folder).expect("the folder").count(), 2);
    place.here.kill();
    place.here.log = Some(place.directory.path().join("log"));
    fs::write(folder.join("left"), "over").expect("written");
    place.here.start();
    assert_eq!(fs::read_dir(&folder).expect("the folder").count(), 0);
    place.address = place.here.json(&["consumer", "list"])["https"]["address"].as_str().expect("it listens").to_owned();
    assert_eq!(place.fetch("/export/text", &token).text(), "fresh-lure.com\n");
    // An export that is longer than may be kept is not served, the log says why, and others are.
    let long: BTreeSet<String> = (0..20_000).map(|number| format!("lure-{number}.com")).collect();
    place.here.import(long, "there").acknowledged();
    assert_eq!([place.fetch("/export/stix.json", &token).status, place.fetch("/export/text", &token).status], [503, 200]);
    let in_url = place.add("filter-list", &["--tlp-max", "green", "--in-url"]);
    for version in ["--http1.1", "--http2"] {
        assert_eq!(place.curl(&format!("/t/{in_url}/export/hosts"), &[version]).status, 200);
        assert_eq!(place.curl("/export/text", &[version, "--user", &format!("lab:{token}")]).status, 200);
    }
    let log = fs::read_to_string(place.here.log.as_ref().expect("a log")).expect("its log");
    assert!(log.contains("it is longer than `https.cache_bytes_max`"));
    let basic = data_encoding::BASE64.encode(format!("lab:{token}").as_bytes());
    for secret in [&token[3..], &in_url[3..], &basic[8..], "lure-7.com"] {
        assert!(!log.contains(secret), "the log has what it must not have");
    }
    // TLS 1.2 is not spoken.
    let port = place.address.rsplit_once(':').expect("a port").1;
    let old = Command::new("curl").args(["--silent", "--insecure", "--tls-max", "1.2"]).arg(format!("https://localhost:{port}/")).status();
    assert!(!old.expect("curl").success());
}

/// Everything that a collection has, page by page, with what is done between two pages.
fn pages(place: &Place, url: &str, token: &str, limit: usize, mut between: impl FnMut(usize)) -> Vec<Value> {
    let (mut objects, mut next, mut after) = (Vec::new(), String::new(), String::new());
    for number in 0.. {
        // Both at once, as OpenCTI does.
        let more = if next.is_empty() { String::new() } else { format!("&next={next}&added_after={after}") };
        let got = place.fetch(&format!("{url}?limit={limit}{more}"), token);
        assert_eq!((got.status, got.header("content-type")), (200, Some("application/taxii+json;version=2.1")), "{}", got.text());
        let page: Value = serde_json::from_slice(&got.body).expect("JSON");
        let some = page["objects"].as_array().cloned().unwrap_or_default();
        assert!(some.len() <= limit);
        objects.extend(some);
        if page["more"] != true {
            assert!(page.get("next").is_none());
            return objects;
        }
        next = page["next"].as_str().expect("where it goes on").to_owned();
        after = got.header("x-taxii-date-added-first").expect("the first").to_owned();
        assert!(Some(after.as_str()) <= got.header("x-taxii-date-added-last"));
        between(number);
    }
    unreachable!("pages end");
}

fn ids(objects: &[Value]) -> Vec<String> {
    objects.iter().map(|object| object["id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn a_taxii_client_gets_each_object_once_while_more_come() {
    if !has_curl() {
        return;
    }
    let place = Place::new("");
    for number in 0..10 {
        place.share(&format!("lure-{number}.com"), "green", "there");
    }
    place.share("kept-back.com", "amber", "there");
    let token = place.add("cti", &["--scope", "taxii", "--tlp-max", "green"]);
    let json = |path: &str| -> Value { serde_json::from_slice(&place.fetch(path, &token).body).expect("JSON") };
    let port = place.address.rsplit_once(':').expect("a port").1;
    let root = format!("https://localhost:{port}/taxii2/watchfire/");
    assert_eq!(json("/taxii2/")["api_roots"], serde_json::json!([root]));
    assert_eq!(json("/taxii2/watchfire/")["versions"][0], "application/taxii+json;version=2.1");
    let all = json("/taxii2/watchfire/collections/")["collections"].as_array().expect("collections").clone();
    assert_eq!((all.len(), &all[0]["title"], &all[0]["can_write"]), (1, &"all".into(), &false.into()));
    let url = format!("/taxii2/watchfire/collections/{}/", all[0]["id"].as_str().expect("an id"));
    // While it pages, others come, one is changed by a second label, and what it may not see comes too.
    let objects = pages(&place, &format!("{url}objects/"), &token, 3, |page| match page {
        0 => place.share("came-meanwhile.com", "green", "there"),
        1 => place.share("hidden-meanwhile.com", "amber", "there"),
        _ => {}
    });
    let (mut once, bundle) = (ids(&objects), place.exported(&["stix", "--tlp-max", "green"]));
    let bundle: Value = serde_json::from_slice(&bundle).expect("JSON");
    let mut wanted = ids(bundle["objects"].as_array().expect("objects"));
    once.sort();
    wanted.sort();
    assert_eq!(once, wanted, "each once, and all of them");
    assert!(!format!("{objects:?}").contains("kept-back") && !format!("{objects:?}").contains("hidden"));
    // Each has a time of its own, in rising order, that stays: over what is hidden, and over a restart.
    let times =
        |objects: &[Value]| -> Vec<String> { objects.iter().map(|row| row["date_added"].as_str().expect("a time").to_owned()).collect() };
    let before = pages(&place, &format!("{url}manifest/"), &token, 5, |_| {});
    let mut rising = times(&before);
    assert!(rising.iter().all(|time| time.len() == "2026-11-22T09:30:00.000001Z".len()), "{rising:?}");
    rising.sort();
    rising.dedup();
    assert_eq!(rising, times(&before));
    place.share("hidden-later.com", "amber", "there");
    let mut place = place;
    place.here.kill();
    place.here.start();
    place.address = place.here.json(&["consumer", "list"])["https"]["address"].as_str().expect("it listens").to_owned();
    assert_eq!(pages(&place, &format!("{url}manifest/"), &token, 100, |_| {}), before);
    // What is new comes behind the last time, alone; what was recalled has gone.
    place.share("new.com", "green", "there");
    let last = rising.last().expect("a time").clone();
    let more = place.fetch(&format!("{url}objects/?added_after={last}"), &token).text();
    assert!(more.contains("new.com") && !more.contains("lure-1.com"), "{more}");
    place.here.json(&["recall", "new.com", "--reason", "a mistake"]);
    assert_eq!(place.fetch(&format!("{url}objects/?added_after={last}"), &token).text(), "{}");
    // One object, its versions, and errors as the standard says.
    let id = ids(&objects).into_iter().find(|id| id.starts_with("indicator--")).expect("an indicator");
    let one: Value = serde_json::from_slice(&place.fetch(&format!("{url}objects/{id}/"), &token).body).expect("JSON");
    assert_eq!(one["objects"][0]["id"], id);
    let versions: Value = serde_json::from_slice(&place.fetch(&format!("{url}objects/{id}/versions/"), &token).body).expect("JSON");
    assert_eq!(versions["versions"], serde_json::json!([one["objects"][0]["modified"]]));
    let bearer = format!("Authorization: Bearer {token}");
    let status = |path: &str, more: &[&str]| {
        let got = place.curl(path, &[&["--header", bearer.as_str()], more].concat());
        let body: Value = serde_json::from_slice(&got.body).expect("JSON");
        assert_eq!(
            (got.header("content-type"), &body["http_status"]),
            (Some("application/taxii+json;version=2.1"), &got.status.to_string().into())
        );
        got.status
    };
    let none = "indicator--00000000-0000-4000-8000-000000000000";
    assert_eq!(status(&format!("{url}objects/{none}/"), &[]), 404);
    assert_eq!(status("/taxii2/watchfire/collections/00000000-0000-4000-8000-000000000000/objects/", &[]), 404);
    assert_eq!(status(&format!("{url}objects/?limit=0"), &[]), 400);
    assert_eq!(status("/taxii2/", &["--header", "Accept: application/xml"]), 406);
    // Whoever has no token is told so as the standard has it, whatever is asked for.
    let shut = ["/taxii2/", "/taxii2/none/"].map(|path| place.curl(path, &[]));
    for got in &shut {
        let body: Value = serde_json::from_slice(&got.body).expect("JSON");
        assert_eq!((got.status, got.header("content-type")), (401, Some("application/taxii+json;version=2.1")));
        assert_eq!((&body["http_status"], got.header("www-authenticate").is_some()), (&"401".into(), true));
        assert_eq!(got.body, shut[0].body);
    }
    // Packed where that is asked for.
    let plain = place.fetch(&format!("{url}objects/"), &token).body;
    for coding in ["gzip", "zstd"] {
        let accept = format!("Accept-Encoding: {coding}");
        let packed = |more: &[&str]| place.curl(&format!("{url}objects/"), &[&["--header", &bearer, "--header", &accept], more].concat());
        let raw = packed(&[]);
        assert_eq!((raw.status, raw.header("content-encoding")), (200, Some(coding)));
        assert_eq!(raw.header("content-type"), Some("application/taxii+json;version=2.1"));
        assert!(raw.body.len() * 2 < plain.len(), "{coding}: {} of {}", raw.body.len(), plain.len());
        assert_eq!(packed(&["--compressed"]).body, plain, "{coding}");
    }
    assert_eq!(status(&format!("{url}objects/"), &["--data", "{}"]), 403);
    for path in ["/taxii2/".to_owned(), format!("{url}objects/"), format!("{url}objects/{id}/")] {
        assert_eq!(status(&path, &["--request", "DELETE"]), 403, "{path}");
    }
    // What is no name of a host is not repeated.
    let strange = place.curl("/taxii2/", &["--header", &bearer, "--http1.1", "--header", "Host: a@b"]);
    assert_eq!((strange.status, strange.text().contains("a@b")), (200, false), "{}", strange.text());
    // A token is good for its scope alone.
    assert_eq!(place.fetch("/export/text", &token).status, 403);
    let other = place.add("lab", &["--tlp-max", "green"]);
    assert_eq!(place.fetch("/taxii2/", &other).status, 403);
}

/// TAXII 2.1, section 3.4: words of one field are alternatives, fields narrow each other, and what nothing matches is an empty answer.
#[test]
fn a_taxii_client_gets_what_matches_all_fields_and_one_word_of_each() {
    if !has_curl() {
        return;
    }
    let mut place = Place::new("\n[release]\nhold_s = 0\n");
    place.there.start();
    place.there.json(&["peer", "add", &card(&place.here), "--name", "here"]);
    let csv = "value,campaign\nfirst-lure.com,Lurebird\nsecond-lure.com,Lurebird\n";
    let file = place.directory.path().join("lures.csv");
    fs::write(&file, csv).expect("a file");
    place.here.json(&["import", &text(&file), "--format", "csv", "--tlp", "green", "--to", "there", "--now"]);
    // What never left would be forgotten, not withdrawn.
    let until = Instant::now() + processes::PATIENCE;
    while place.there.json(&["lookup", "second-lure.com"]).to_string().matches("\"live\"").count() == 0 {
        assert!(Instant::now() < until, "it does not come");
        std::thread::sleep(processes::LOOK);
    }
    place.here.json(&["withdraw", "second-lure.com", "--reason", "a mistake"]);
    let token = place.add("cti", &["--scope", "taxii", "--tlp-max", "green"]);
    let json = |path: &str| -> Value {
        let got = place.fetch(path, &token);
        assert_eq!((got.status, got.header("content-type")), (200, Some("application/taxii+json;version=2.1")), "{path}: {}", got.text());
        serde_json::from_slice(&got.body).expect("JSON")
    };
    let list = json("/taxii2/watchfire/collections/");
    let url = format!("/taxii2/watchfire/collections/{}/", list["collections"][0]["id"].as_str().expect("an id"));
    let objects = json(&format!("{url}objects/"))["objects"].as_array().expect("objects").clone();
    let of_kind = |kinds: &[&str]| -> Vec<&Value> {
        objects.iter().filter(|object| kinds.contains(&object["type"].as_str().expect("a type"))).collect()
    };
    let kinds: BTreeSet<&str> = objects.iter().map(|object| object["type"].as_str().expect("a type")).collect();
    assert!(kinds.is_superset(&["identity", "indicator", "malware", "relationship"].into()), "{kinds:?}");
    let version = |object: &Value| object.get("modified").unwrap_or(&object["created"]).as_str().expect("a version").to_owned();
    let (lives, revoked): (Vec<&Value>, Vec<&Value>) = of_kind(&["indicator"]).into_iter().partition(|one| one.get("revoked").is_none());
    let ([live], [revoked]) = (&lives[..], &revoked[..]) else { panic!("{objects:?}") };
    assert_ne!(version(live), version(revoked));
    let same = |object: &Value| -> Vec<&Value> { objects.iter().filter(|one| version(one) == version(object)).collect() };
    // The same moment, written otherwise.
    let elsewhere = version(live).parse::<jiff::Timestamp>().expect("a time").strftime("%Y-%m-%dT%H:%M:%S.%f+00:00").to_string();
    let (live_id, revoked_id) = (live["id"].as_str().expect("an id"), revoked["id"].as_str().expect("an id"));
    let (live_version, revoked_version, both) = (version(live), version(revoked), format!("{live_id},{revoked_id}"));
    let all: Vec<&Value> = objects.iter().collect();
    let cases = [
        ("one type", vec![("type", "indicator")], of_kind(&["indicator"])),
        ("two types", vec![("type", "malware,identity")], of_kind(&["malware", "identity"])),
        ("a type of which nothing is here", vec![("type", "campaign")], vec![]),
        ("one that is none beside one that is", vec![("type", "nonsense,malware")], of_kind(&["malware"])),
        ("a type in capitals is none", vec![("type", "Indicator")], vec![]),
        ("no word at all", vec![("type", "")], vec![]),
        ("the last version", vec![("version", "last")], all.clone()),
        ("the first", vec![("version", "first")], all.clone()),
        ("all", vec![("version", "all")], all.clone()),
        ("the first and the last", vec![("version", "first,last")], all.clone()),
        ("one by its time", vec![("version", &*live_version)], same(live)),
        ("by its time of elsewhere", vec![("version", &*elsewhere)], same(live)),
        ("a time or the last", vec![("version", "2001-01-01T00:00:00.000Z,last")], all.clone()),
        ("a time at which nothing is", vec![("version", "2001-01-01T00:00:00.000Z")], vec![]),
        ("a version that is none", vec![("version", "newest")], vec![]),
        ("the standard's version here", vec![("spec_version", "2.1")], all.clone()),
        ("another and that", vec![("spec_version", "2.0,2.1")], all.clone()),
        ("another alone", vec![("spec_version", "2.0")], vec![]),
        ("a type and a version", vec![("type", "indicator"), ("version", &*revoked_version)], vec![revoked]),
        ("an id and a type that it is not", vec![("id", live_id), ("type", "malware")], vec![]),
        ("an id and another's version", vec![("id", live_id), ("version", &*revoked_version)], vec![]),
        ("all four", vec![("id", &*both), ("type", "indicator"), ("version", &*live_version), ("spec_version", "2.1")], vec![live]),
    ];
    for (what, fields, wanted) in cases {
        let escaped = |value: &str| value.replace('+', "%2B");
        let query: Vec<String> = fields.iter().map(|(name, value)| format!("match[{name}]={}", escaped(value))).collect();
        for at in ["objects", "manifest"] {
            // In brackets as they are, and escaped; and as one page and as several.
            for query in [query.join("&"), query.join("&").replace('[', "%5B").replace(']', "%5D")] {
                let got = json(&format!("{url}{at}/?{query}"));
                let got = got["objects"].as_array().map_or(Vec::new(), |objects| ids(objects));
                assert_eq!(got, wanted.iter().map(|one| one["id"].as_str().expect("an id")).collect::<Vec<_>>(), "{what}: {at}/?{query}");
            }
        }
        let query = query.join("&");
        let mut one_by_one = Vec::new();
        let mut next = String::new();
        loop {
            let page = json(&format!("{url}objects/?{query}&limit=1{next}"));
            one_by_one.extend(page["objects"].as_array().map_or(Vec::new(), |objects| ids(objects)));
            if page["more"] != true {
                break;
            }
            next = format!("&next={}", page["next"].as_str().expect("where it goes on"));
        }
        assert_eq!(one_by_one, wanted.iter().map(|one| one["id"].as_str().expect("an id")).collect::<Vec<_>>(), "{what}, one by one");
    }
    // What is asked of one object, and of its versions.
    let one = |query: &str| json(&format!("{url}objects/{live_id}/?{query}"));
    for query in ["match[version]=first", "match[version]=all", "match[spec_version]=2.1"] {
        assert_eq!(ids(one(query)["objects"].as_array().expect(query)), [live_id], "{query}");
    }
    assert_eq!(one("match[version]=2001-01-01T00:00:00.000Z"), serde_json::json!({}), "it is there, and not in that version");
    assert_eq!(one("match[spec_version]=2.0"), serde_json::json!({}));
    assert_eq!(json(&format!("{url}objects/{live_id}/versions/?match[spec_version]=2.0")), serde_json::json!({}));
    assert_eq!(json(&format!("{url}objects/{live_id}/versions/?match[spec_version]=2.1"))["versions"][0], version(live));
    // A field that is none is passed over.
    assert_eq!(ids(json(&format!("{url}objects/?match[colour]=red"))["objects"].as_array().expect("objects")), ids(&objects));
}

#[test]
fn a_page_of_a_collection_is_as_long_as_is_settled_whatever_is_asked_for() {
    if !has_curl() {
        return;
    }
    for (settings, objects_max, bytes_max) in
        [("taxii_page_max = 10\n", 10, 1 << 20), ("taxii_page_bytes_max = 65536\n", 290, 65_536 + 100)]
    {
        let place = Place::new(settings);
        let values: BTreeSet<String> = (0..300).map(|number| format!("lure-{number}.com")).collect();
        place.here.import(values, "there").acknowledged();
        let token = place.add("cti", &["--scope", "taxii", "--tlp-max", "amber"]);
        let list: Value = serde_json::from_slice(&place.fetch("/taxii2/watchfire/collections/", &token).body).expect("JSON");
        let url = format!("/taxii2/watchfire/collections/{}/objects/", list["collections"][0]["id"].as_str().expect("an id"));
        for query in ["", "?limit=1000"] {
            let got = place.fetch(&format!("{url}{query}"), &token);
            let page: Value = serde_json::from_slice(&got.body).expect("JSON");
            let count = page["objects"].as_array().map_or(0, Vec::len);
            assert!((1..=objects_max).contains(&count) && got.body.len() <= bytes_max, "{settings}: {count}, {} bytes", got.body.len());
            assert_eq!(page["more"], true, "{settings}{query}");
        }
    }
}

#[test]
fn a_group_s_collection_is_its_own() {
    if !has_curl() {
        return;
    }
    let place = Place::new("");
    place.here.json(&["group", "create", "other", "--member", "there"]);
    place.share("in-the-circle.com", "green", "circle");
    place.share("in-the-other.com", "amber", "other");
    place.share("for-one-alone.com", "green", "there");
    let token = place.add("cti", &["--scope", "taxii", "--tlp-max", "amber", "--group", "circle", "--group", "other"]);
    let list: Value = serde_json::from_slice(&place.fetch("/taxii2/watchfire/collections/", &token).body).expect("JSON");
    let list = list["collections"].as_array().expect("collections").clone();
    let values = |title: &str| -> Vec<bool> {
        let id = list.iter().find(|one| one["title"] == title).expect(title)["id"].as_str().expect("an id").to_owned();
        let text = format!("{:?}", pages(&place, &format!("/taxii2/watchfire/collections/{id}/objects/"), &token, 100, |_| {}));
        ["in-the-circle.com", "in-the-other.com", "for-one-alone.com"].map(|value| text.contains(value)).into()
    };
    assert_eq!(
        (values("all"), values("circle"), values("other")),
        (vec![true, true, false], vec![true, false, false], vec![false, true, false])
    );
}

#[test]
fn after_a_restore_no_token_counts_before_somebody_says_so() {
    if !has_curl() {
        return;
    }
    let mut place = Place::new("");
    place.share("fresh-lure.com", "green", "there");
    let token = place.add("lab", &["--scope", "export,api", "--tlp-max", "green"]);
    assert_eq!(place.fetch("/export/text", &token).status, 200);
    place.here.kill();
    place.here.json(&["restore", "--declare"]);
    place.here.start();
    let list = place.here.json(&["consumer", "list"]);
    assert_eq!(list["consumers"][0]["state"], "waits");
    place.address = list["https"]["address"].as_str().expect("it listens").to_owned();
    assert_eq!(place.fetch("/export/text", &token).status, 401);
    place.here.json(&["consumer", "keep", "lab"]);
    // Nothing leaves a restored node before its peers have told what was recalled since.
    let waiting = place.fetch("/export/text", &token);
    assert_eq!((waiting.status, waiting.header("retry-after")), (503, Some("30")));
    for path in ["indicators", "lookup?value=fresh-lure.com", "alerts"] {
        assert_eq!(place.fetch(&format!("/api/v1/{path}"), &token).status, 503, "{path}");
    }
    place.here.json(&["restore", "--waive"]);
    assert_eq!(place.fetch("/export/text", &token).text(), "fresh-lure.com\n");
}

/// Until the other side ends it.
fn ends(mut stream: TcpStream) -> Duration {
    let began = Instant::now();
    stream.set_read_timeout(Some(processes::PATIENCE)).expect("a time");
    // An error is an end too: it was cut off.
    let _ = stream.read(&mut [0; 64]);
    began.elapsed()
}

#[test]
fn whoever_sends_slowly_or_opens_many_connections_is_cut_off() {
    if !has_curl() {
        return;
    }
    let place = Place::new("handshake_ms_max = 3000\nheader_s_max = 1\nsource_connections_max = 3\n");
    let token = place.add("lab", &["--tlp-max", "green"]);
    let connect = || TcpStream::connect(&place.address).expect("it listens");
    assert!(ends(connect()) < Duration::from_secs(10), "no handshake");
    // A fourth connection of one address ends at once, and others are taken again when those have gone.
    let held = [connect(), connect(), connect()];
    std::thread::sleep(Duration::from_millis(50));
    let fourth = ends(connect());
    assert!(fourth < Duration::from_secs(2), "{fourth:?}");
    drop(held);
    // A byte of a header now and then, over TLS.
    let mut roots = rustls::RootCertStore::empty();
    let pem = place.here.data.join("https/cert.pem");
    let certificate = <rustls_pki_types::CertificateDer as rustls_pki_types::pem::PemObject>::from_pem_file(pem).expect("a certificate");
    roots.add(certificate).expect("it is taken");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS13]).expect("TLS 1.3");
    let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
    let name = rustls_pki_types::ServerName::try_from("localhost").expect("a name");
    // Until the node has seen that the three have gone.
    let began = Instant::now();
    let mut tls = loop {
        let session = rustls::ClientConnection::new(config.clone(), name.clone()).expect("a session");
        let mut tls = rustls::StreamOwned::new(session, connect());
        match tls.write_all(b"GET /export/text HTTP/1.1\r\n") {
            Ok(()) => break tls,
            Err(error) => assert!(began.elapsed() < processes::PATIENCE, "{error}"),
        }
        std::thread::sleep(processes::LOOK);
    };
    let began = Instant::now();
    while began.elapsed() < processes::PATIENCE && tls.write_all(b"x").and_then(|()| tls.flush()).is_ok() {
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    // Meanwhile and after it others are answered.
    assert_eq!(place.fetch("/export/text", &token).status, 200);
}

#[test]
fn a_lead_or_a_director_says_which_programs_may_fetch_and_it_is_written_down() {
    let place = Place::new("");
    let words = place.directory.path().join("words");
    fs::write(&words, "seven quiet herons over water\n").expect("written");
    fs::set_permissions(&words, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("its mode");
    let words = text(&words);
    place.here.json(&["user", "add", "amina", "--role", "director", "--new-passphrase-file", &words]);
    let omar = ["user", "add", "omar", "--role", "handler", "--as", "amina", "--passphrase-file", &words];
    place.here.json(&[omar.as_slice(), &["--new-passphrase-file", &words]].concat());
    let add = |by: &[&str]| {
        let args = [&["consumer", "add", "lab", "--tlp-max", "green"], by].concat();
        let output = place.here.command(&args).output().expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = add(&[]);
    assert_eq!((code, said.contains("somebody at the desk has to sign this")), (Some(4), true), "{said}");
    let (code, said) = add(&["--as", "omar", "--passphrase-file", &words]);
    assert_eq!(
        (code, said.contains("handlers may not say which programs may fetch\nhint: a lead or a director does")),
        (Some(4), true),
        "{said}"
    );
    assert_eq!(add(&["--as", "amina", "--passphrase-file", &words]).0, Some(0));
    for act in ["renew", "keep", "revoke"] {
        place.here.json(&["consumer", act, "lab", "--as", "amina", "--passphrase-file", &words]);
    }
    let socket = text(&place.here.data.join("desk.sock"));
    if has_curl() {
        let deeds = Command::new("curl").args(["--silent", "--unix-socket", &socket, "http://desk/v1/deeds"]).output().expect("curl");
        let deeds: Value = serde_json::from_slice(&deeds.stdout).expect("JSON");
        let deeds: Vec<_> = deeds.as_array().expect("a list").iter().map(|deed| (deed["by"].as_str(), deed["what"].as_str())).collect();
        let by = |what| (Some("amina"), Some(what));
        let refused = (Some("omar"), Some("refused: consumer-add"));
        assert_eq!(deeds, [refused, by("consumer added"), by("consumer renewed"), by("consumer revoked")]);
    }
}

#[test]
fn a_renewed_certificate_is_shown_after_a_hang_up_and_a_bad_one_changes_nothing() {
    if !has_curl() {
        return;
    }
    let place = Place::new("");
    place.share("fresh-lure.com", "green", "there");
    let token = place.add("lab", &["--tlp-max", "green"]);
    let shown = || place.here.json(&["consumer", "list"])["https"]["fingerprint"].as_str().expect("a fingerprint").to_owned();
    let first = shown();
    let folder = place.here.data.join("https");
    let pair = rcgen::KeyPair::generate().expect("a key");
    let certificate = rcgen::CertificateParams::new(vec!["localhost".into()]).expect("a name").self_signed(&pair).expect("a certificate");
    // The key of another certificate: neither is taken, and the one before is shown on.
    fs::write(folder.join("cert.pem.new"), certificate.pem()).expect("written");
    fs::write(folder.join("key.pem"), pair.serialize_pem()).expect("written");
    place.here.signal("HUP");
    let told = |what: &str| {
        let until = Instant::now() + processes::PATIENCE;
        while !place.here.trouble.lock().expect("trouble").iter().any(|line| line.contains(what)) {
            assert!(Instant::now() < until, "not told: {what}");
            std::thread::sleep(processes::LOOK);
        }
    };
    told("failed to reload");
    assert_eq!(shown(), first);
    assert_eq!(place.fetch("/export/text", &token).status, 200);
    fs::rename(folder.join("cert.pem.new"), folder.join("cert.pem")).expect("renamed");
    place.here.signal("HUP");
    let until = Instant::now() + processes::PATIENCE;
    while shown() == first {
        assert!(Instant::now() < until, "the new one is not shown");
        std::thread::sleep(processes::LOOK);
    }
    // curl trusts what lies in the file: it is what the next handshake shows.
    assert_eq!(place.fetch("/export/text", &token).text(), "fresh-lure.com\n");
}
