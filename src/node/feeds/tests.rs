use super::*;
use crate::clock::Clock;
use crate::config::Config;
use crate::model::{Timestamp, Tlp};
use crate::node::Node;
use crate::node::referral::By;
use crate::node::view::MatchView;
use crate::rules::lists::Severity;
use crate::skips::skipped;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const START: Timestamp = Timestamp(1_800_000_000_000);
const HOUR: u64 = 3_600;

/// What lies beside the project, or where `WATCHFIRE_SHARED` says, where it is there.
pub(super) fn shared(path: &str) -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    std::env::var_os("WATCHFIRE_SHARED").map_or_else(beside, PathBuf::from).join(path)
}

/// A node, and a web server that its feeds may reach.
pub(super) struct Desk {
    pub(super) directory: tempfile::TempDir,
    pub(super) clock: Clock,
    pub(super) node: Arc<Node>,
    pub(super) web: Web,
}

/// Status and body, by path.
type Pages = BTreeMap<String, (u16, Vec<u8>)>;

/// What is served, and what was asked.
pub(super) struct Web {
    port: u16,
    pages: Arc<Mutex<Pages>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Web {
    /// A page has its content as its tag.
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let pages: Arc<Mutex<Pages>> = Arc::default();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (all, heard) = (pages.clone(), asked.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = vec![0; 8 << 10];
                let length = stream.read(&mut head).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&head[..length]).into_owned();
                let path = head.split(' ').nth(1).unwrap_or("").replace("?limit=1000&", "?").replace("?limit=1000", "");
                heard.lock().unwrap().push(path.clone());
                let (status, body) = all.lock().unwrap().get(&path).cloned().unwrap_or((404, b"gone".to_vec()));
                let tag = format!("\"{}\"", take::part(&String::from_utf8_lossy(&body)));
                let extra = "X-TAXII-Date-Added-Last: 2026-11-01T10:00:00.000001Z\r\n";
                let answer = if status == 200 && head.contains(&format!("if-none-match: {tag}\r\n")) {
                    b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec()
                } else {
                    let head = format!("HTTP/1.1 {status} X\r\nETag: {tag}\r\n{extra}Content-Length: {}\r\n\r\n", body.len());
                    [head.into_bytes(), body].concat()
                };
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { port, pages, asked }
    }

    pub(super) fn put(&self, path: &str, body: impl Into<Vec<u8>>) {
        self.pages.lock().unwrap().insert(path.to_owned(), (200, body.into()));
    }

    pub(super) fn fail(&self, path: &str, status: u16) {
        self.pages.lock().unwrap().insert(path.to_owned(), (status, Vec::new()));
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

/// What is settled about a feed at an address of this machine.
pub(super) fn local(kind: Kind, at: String) -> Terms {
    Terms {
        kind,
        at,
        every_s: HOUR,
        tlp: Tlp::AmberStrict,
        confidence_max: None,
        well_known: WellKnown::Take,
        allow_local: true,
        secret_file: None,
        ca_file: None,
        to: None,
        groups: Vec::new(),
        tlp_max: None,
    }
}

impl Desk {
    pub(super) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    pub(super) async fn with(set: impl Fn(&mut Config)) -> Self {
        let (directory, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
        let data = directory.path().join("node");
        Node::init(&data, &["amal.example:7443".to_owned()], &clock).unwrap();
        let node = Node::open_with(&data, Self::config(set), clock.clone()).unwrap();
        Self { directory, clock, node, web: Web::new().await }
    }

    pub(super) fn config(set: impl Fn(&mut Config)) -> Config {
        let mut config = Config::default();
        (config.gate.reserved, config.gate.unknown_tld) = (Severity::Warn, Severity::Warn);
        set(&mut config);
        config
    }

    pub(super) async fn add(&self, name: &str, kind: Kind, at: String) {
        let terms = local(kind, at);
        self.node.add_feed(FeedAdd { name: name.into(), terms }, By::default()).await.unwrap();
    }

    pub(super) async fn run(&self, name: &str) -> FeedRunView {
        self.node.feed_now(name, FeedRun::default()).await.unwrap()
    }

    /// As after a restart.
    pub(super) async fn again(self, config: Config) -> Self {
        let Self { directory, clock, node, web } = self;
        node.store.close();
        drop(node);
        loop {
            match Node::open_with(&directory.path().join("node"), config.clone(), clock.clone()) {
                Ok(node) => return Self { directory, clock, node, web },
                Err(NodeError::StoreLocked(_)) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// New, changed, as before, gone.
    pub(super) async fn became(&self, name: &str) -> [u64; 4] {
        let view = self.run(name).await;
        assert_eq!(view.fault, None, "{view:?}");
        let Counts { new, changed, unchanged, gone, .. } = view.counts;
        [new, changed, unchanged, gone]
    }

    pub(super) async fn fault(&self, name: &str) -> String {
        self.run(name).await.fault.expect("it fails").code
    }

    /// Who says a value, and whether that holds.
    pub(super) fn says(&self, value: &str) -> Vec<String> {
        let found = self.node.lookup(&[value.to_owned()]).unwrap().remove(0).matches;
        let exact = found.into_iter().filter(|one| one.r#match == "exact");
        exact.map(|MatchView { author_name, state, label, .. }| format!("{author_name} {state} {label}")).collect()
    }

    pub(super) fn folder(&self) -> PathBuf {
        let folder = self.directory.path().join("drop");
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_taken_in_and_follows_its_source() {
    let desk = Desk::new().await;
    desk.web.put("/list.txt", "evil1.example.org\nevil2.example.org\nevil3.example.org\n");
    desk.add("list", Kind::List, desk.web.url("/list.txt")).await;
    assert_eq!(desk.became("list").await, [3, 0, 0, 0]);
    assert_eq!(desk.says("evil1.example.org"), ["feed:list live amber+strict"]);
    // It has not changed, and is not sent again.
    assert_eq!(desk.became("list").await, [0, 0, 0, 0]);
    desk.web.put("/list.txt", "evil2.example.org\nevil3.example.org\nevil4.example.org\n# more\n");
    assert_eq!(desk.became("list").await, [1, 0, 2, 1]);
    assert_eq!(desk.says("evil1.example.org"), ["feed:list revoked amber+strict"]);
    // And back.
    desk.web.put("/list.txt", "evil1.example.org\nevil2.example.org\nevil3.example.org\nevil4.example.org\n");
    assert_eq!(desk.became("list").await, [1, 0, 3, 0]);
    assert_eq!(desk.says("evil1.example.org"), ["feed:list live amber+strict"]);
    let view = desk.node.feed("list").unwrap();
    assert_eq!((view.state.as_str(), view.records, view.lag_s), ("ok", 4, Some(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_feed_takes_back_another_still_says() {
    let desk = Desk::new().await;
    desk.web.put("/a", "evil1.example.org\nevil2.example.org\n");
    desk.web.put("/b", "evil1.example.org\nevil3.example.org\n");
    desk.add("a", Kind::List, desk.web.url("/a")).await;
    desk.add("b", Kind::List, desk.web.url("/b")).await;
    assert_eq!((desk.became("a").await, desk.became("b").await), ([2, 0, 0, 0], [2, 0, 0, 0]));
    desk.web.put("/a", "evil2.example.org\n");
    assert_eq!(desk.became("a").await, [0, 0, 1, 1]);
    let mut says = desk.says("evil1.example.org");
    says.sort();
    assert_eq!(says, ["feed:a revoked amber+strict", "feed:b live amber+strict"]);
    desk.node.remove_feed("b", By::default()).await.unwrap();
    assert!(desk.says("evil3.example.org").iter().all(|one| one.contains("revoked")), "{:?}", desk.says("evil3.example.org"));
    assert!(matches!(desk.node.feed("b"), Err(NodeError::UnknownFeed(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_breaks_or_shrinks_takes_nothing_back() {
    let desk = Desk::new().await;
    let list = |count: usize| (0..count).map(|n| format!("evil{n}.example.org\n")).collect::<String>();
    desk.web.put("/list", list(60));
    desk.add("list", Kind::List, desk.web.url("/list")).await;
    assert_eq!(desk.became("list").await, [60, 0, 0, 0]);
    desk.web.put("/list", list(20));
    assert_eq!(desk.fault("list").await, "shrunk");
    desk.web.put("/list", "");
    assert_eq!(desk.fault("list").await, "shrunk");
    desk.web.put("/list", "<!DOCTYPE html><p>evil0.example.org is down for repair");
    assert_eq!(desk.fault("list").await, "not-that");
    // The first half of a file.
    let object = |n: usize| {
        let time = "2026-01-01T00:00:00Z";
        format!(
            r#"{{"type":"indicator","spec_version":"2.1","id":"indicator--00000000-0000-4000-8000-0000000000{n:02}","created":"{time}","modified":"{time}","valid_from":"{time}","pattern_type":"stix","pattern":"[domain-name:value = 'evil{n}.example.org']"}}"#
        )
    };
    let bundle: Vec<String> = (0..60).map(object).collect();
    let bundle = format!(r#"{{"type":"bundle","id":"bundle--x","objects":[{}"#, bundle.join(","));
    desk.web.put("/list", bundle);
    assert_eq!(desk.fault("list").await, "not-that");
    desk.web.fail("/list", 503);
    assert_eq!(desk.fault("list").await, "http");
    let view = desk.node.feed("list").unwrap();
    assert_eq!((view.state.as_str(), view.records, view.failures), ("failing", 60, 5));
    assert_eq!(desk.says("evil59.example.org"), ["feed:list live amber+strict"]);
    // Later each time, a day at most.
    assert!(view.next.unwrap().since(desk.clock.now()) > 5 * HOUR * 100, "{view:?}");
    desk.web.put("/list", list(20));
    let view = desk.node.feed_now("list", FeedRun { accept_removals: true, dry_run: true }).await.unwrap();
    assert_eq!((view.counts.gone, desk.node.feed("list").unwrap().records), (40, 60));
    let view = desk.node.feed_now("list", FeedRun { accept_removals: true, dry_run: false }).await.unwrap();
    assert_eq!((view.counts.gone, desk.node.feed("list").unwrap().records), (40, 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_before_a_crash_is_not_said_twice_and_the_rest_is_not_lost() {
    let desk = Desk::new().await;
    let list: String = (0..2_500).map(|n| format!("evil{n}.example.org\n")).collect();
    desk.web.put("/list", list.clone());
    desk.add("list", Kind::List, desk.web.url("/list")).await;
    // As if the process had died after the first of three transactions: what it wrote is there, and how far the feed is is not.
    let row = desk.node.feed_named(&desk.node.store.snapshot().unwrap(), "list").unwrap();
    let mut run = Run::new(row.clone(), StateRow::default(), Known::default(), FeedRun::default());
    run.state.validators.etag = Some("\"never\"".into());
    let mut reading = take::Reading::default();
    let first = list.lines().take(1_000).collect::<Vec<_>>().join("\n");
    desk.node.read_feed(&row, Box::new(std::io::Cursor::new(first.into_bytes())), None, &|_| take::part(""), &mut reading).unwrap();
    desk.node.write_first_only(&mut run, reading).await;
    assert_eq!(row.state(&desk.node.store.snapshot().unwrap()).unwrap().validators, fetch::Validators::default());
    assert_eq!(desk.node.feed("list").unwrap().records, 1_000);
    assert_eq!(desk.became("list").await, [1_500, 0, 1_000, 0]);
    let log = row.log(desk.node.org()).unwrap().id();
    assert_eq!(desk.node.store.snapshot().unwrap().log(&log).unwrap().unwrap().head.size, 2_500);
    assert_eq!(desk.became("list").await, [0, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_feed_is_offered_to_a_peer_and_a_restart_goes_on_where_it_was() {
    let desk = Desk::new().await;
    desk.web.put("/list", "evil1.example.org\n");
    desk.add("list", Kind::List, desk.web.url("/list")).await;
    assert_eq!(desk.became("list").await, [1, 0, 0, 0]);
    let peer_data = desk.directory.path().join("peer");
    Node::init(&peer_data, &["borealis.example:7443".to_owned()], &desk.clock).unwrap();
    let peer = Node::open_with(&peer_data, Config::default(), desk.clock.clone()).unwrap();
    desk.node.peer_add(&peer.card().unwrap(), "borealis", crate::node::view::PeerOptions::default()).await.unwrap();
    assert!(desk.node.offer(&peer.org()).unwrap().0.iter().all(|log| !log.key.author.is_feed()));
    let desk = desk.again(Desk::config(|_| ())).await;
    desk.web.asked();
    assert_eq!(desk.became("list").await, [0, 0, 0, 0]);
    assert_eq!(desk.says("evil1.example.org"), ["feed:list live amber+strict"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_met_of_a_feeds_counts_here_and_is_told_to_nobody() {
    let desk = Desk::new().await;
    desk.web.put("/list", "evil1.example.org\n");
    desk.add("list", Kind::List, desk.web.url("/list")).await;
    assert_eq!(desk.became("list").await, [1, 0, 0, 0]);
    let found = || desk.node.lookup(&["evil1.example.org".to_owned()]).unwrap().remove(0).matches.remove(0);
    let said = |request: serde_json::Value| desk.node.add_sighting(serde_json::from_value(request).unwrap(), By::default());
    let of = serde_json::json!({ "of": "evil1.example.org", "count": 3 });
    let report = said(of.clone()).await.unwrap();
    assert_eq!((report.told.len(), &report.told[0].to, report.withheld.len()), (1, &None, 0), "{report:?}");
    let opinions = found().opinions.unwrap();
    assert_eq!((opinions.seen, opinions.seen_by, opinions.false_by.len()), (3, 1, 0));
    let sure = found().confidence_now;
    said(serde_json::json!({ "of": "evil1.example.org", "type": "false-positive", "dry_run": true })).await.unwrap();
    assert!(found().opinions.unwrap().false_by.is_empty());
    desk.clock.advance(1_000);
    said(serde_json::json!({ "of": "evil1.example.org", "type": "false-positive" })).await.unwrap();
    assert_eq!(found().opinions.unwrap().false_by, ["us"]);
    assert!(found().confidence_now < sure, "{:?}", found());
    assert!(said(serde_json::json!({ "of": "evil1.example.org", "to_group": "partners" })).await.is_err());
    // A program may say no more than that it was seen.
    let program = |request: serde_json::Value| serde_json::from_value(request).unwrap();
    let by = || Some("sensor".to_owned());
    let expired = program(serde_json::json!({ "of": "evil1.example.org", "type": "expired" }));
    assert!(desk.node.add_sighting_of(expired, by(), true, &|_| true).await.is_err());
    assert!(found().opinions.unwrap().expired_by.is_empty());
    let seen = program(serde_json::json!({ "of": "evil1.example.org", "dry_run": true }));
    assert_eq!(desk.node.add_sighting_of(seen, by(), true, &|_| true).await.unwrap().told.len(), 1);
    // Read again it is doubted all the same.
    desk.web.put("/list", "evil1.example.org\nevil2.example.org\n");
    desk.became("list").await;
    assert_eq!((found().opinions.unwrap().false_by, desk.node.sightings(None, None).unwrap().len()), (vec!["us".to_owned()], 2));
    assert!(desk.node.store.snapshot().unwrap().waiting_audiences().unwrap().is_empty(), "nothing leaves");
    let taken_back =
        desk.node.withdraw_sighting(serde_json::from_value(serde_json::json!({ "of": "evil1.example.org" })).unwrap(), By::default());
    assert_eq!(taken_back.await.unwrap().records, 1);
    assert_eq!((found().opinions, found().confidence_now), (None, sure));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_followed_file_by_file() {
    let desk = Desk::new().await;
    let folder = desk.folder();
    let put = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    put("a.txt", "evil1.example.org\nevil2.example.org\n");
    put("b.csv", "domain,note\nevil2.example.org,x\nevil3.example.org,y\n");
    put("c.txt.part", "evil9.example.org\n");
    put(".hidden.txt", "evil7.example.org\n");
    let outside = desk.directory.path().join("outside.txt");
    std::fs::write(&outside, "evil8.example.org\n").unwrap();
    std::os::unix::fs::symlink(&outside, folder.join("linked.txt")).unwrap();
    desk.add("drop", Kind::Folder, folder.display().to_string()).await;
    assert_eq!(desk.became("drop").await[0], 3);
    assert_eq!(desk.became("drop").await, [0, 0, 0, 0]);
    // What two files said one still does.
    std::fs::remove_file(folder.join("a.txt")).unwrap();
    assert_eq!(desk.became("drop").await, [0, 0, 0, 1]);
    assert_eq!(desk.says("evil2.example.org"), ["feed:drop live amber+strict"]);
    assert_eq!(desk.says("evil1.example.org"), ["feed:drop revoked amber+strict"]);
    for waits in ["evil7.example.org", "evil8.example.org", "evil9.example.org"] {
        assert_eq!(desk.says(waits), [] as [String; 0]);
    }
    // A file that cannot be read costs no other.
    put("d.json", r#"{"type":"bundle","objects":[{"type":"#);
    put("e.txt", "evil5.example.org\n");
    assert_eq!(desk.fault("drop").await, "not-that");
    assert_eq!(desk.says("evil5.example.org"), ["feed:drop live amber+strict"]);
}

pub(super) fn event(uuid: &str, values: &[(&str, bool)], tag: &str) -> String {
    let attribute = |(value, deleted): &(&str, bool)| {
        format!(r#"{{"type":"domain","category":"Network activity","to_ids":true,"value":"{value}","deleted":{deleted}}}"#)
    };
    let attributes: Vec<String> = values.iter().map(attribute).collect();
    format!(r#"{{"Event":{{"uuid":"{uuid}","info":"i","Tag":[{{"name":"{tag}"}}],"Attribute":[{}]}}}}"#, attributes.join(","))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misp_feed_is_followed_event_by_event() {
    let desk = Desk::new().await;
    let [one, two] = ["deba275d-e3f9-54f1-80c8-6b06887a75f4", "8a8269e4-ace7-5cff-94f0-409521ae4f0c"];
    let manifest = |times: &[(&str, u64)]| {
        let lines: Vec<String> = times.iter().map(|(uuid, time)| format!(r#""{uuid}":{{"timestamp":"{time}"}}"#)).collect();
        format!("{{{}}}", lines.join(","))
    };
    desk.web.put("/feed/manifest.json", manifest(&[(one, 1), (two, 1)]));
    desk.web.put(&format!("/feed/{one}.json"), event(one, &[("evil1.example.org", false), ("evil2.example.org", false)], "tlp:clear"));
    desk.web.put(&format!("/feed/{two}.json"), event(two, &[("evil2.example.org", false), ("evil3.example.org", false)], "tlp:red"));
    desk.add("misp", Kind::MispFeed, desk.web.url("/feed/")).await;
    assert_eq!(desk.became("misp").await[..1], [3]);
    // Strictest of what events say, and of what people here have settled.
    assert_eq!(desk.says("evil1.example.org"), ["feed:misp live amber+strict"]);
    assert_eq!(desk.says("evil2.example.org"), ["feed:misp live red"]);
    desk.web.asked();
    assert_eq!(desk.became("misp").await, [0, 0, 0, 0]);
    assert_eq!(desk.web.asked(), ["/feed/manifest.json"]);
    // One attribute is deleted, and the file of the other event is gone though its manifest names it.
    desk.web.put("/feed/manifest.json", manifest(&[(one, 2), (two, 2)]));
    desk.web.put(&format!("/feed/{one}.json"), event(one, &[("evil1.example.org", true), ("evil2.example.org", false)], "tlp:clear"));
    desk.web.fail(&format!("/feed/{two}.json"), 404);
    let view = desk.run("misp").await;
    assert_eq!((view.counts.gone, view.fault.unwrap().code), (1, "http".to_owned()));
    assert_eq!(desk.says("evil1.example.org"), ["feed:misp revoked amber+strict"]);
    assert_eq!(desk.says("evil3.example.org"), ["feed:misp live red"]);
    // What failed is tried again, though the manifest is the same.
    desk.web.asked();
    assert_eq!(desk.fault("misp").await, "http");
    assert_eq!(desk.web.asked(), ["/feed/manifest.json".to_owned(), format!("/feed/{two}.json")]);
    // The manifest names it no more.
    desk.web.put("/feed/manifest.json", manifest(&[(one, 2)]));
    assert_eq!(desk.became("misp").await, [0, 0, 0, 1]);
    assert_eq!(desk.says("evil3.example.org"), ["feed:misp revoked red"]);
    assert_eq!(desk.says("evil2.example.org")[..1], ["feed:misp live red"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_labels_in_one_file_the_strictest_counts() {
    let desk = Desk::new().await;
    let [one, two] = ["deba275d-e3f9-54f1-80c8-6b06887a75f4", "8a8269e4-ace7-5cff-94f0-409521ae4f0c"];
    let said = |uuid, tag| event(uuid, &[("evil1.example.org", false)], tag);
    desk.web.put("/list.json", format!("[{},{}]", said(one, "tlp:red"), said(two, "tlp:clear")));
    desk.add("list", Kind::List, desk.web.url("/list.json")).await;
    assert_eq!(desk.became("list").await, [1, 0, 0, 0]);
    assert_eq!(desk.says("evil1.example.org"), ["feed:list live red"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recorded_misp_feed_is_taken_in() {
    let folder = shared("data/misp-feed-tweetfeed");
    if !folder.is_dir() {
        return skipped("the recorded MISP feed is not here");
    }
    let desk = Desk::new().await;
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        desk.web.put(&format!("/misp/{}", file.file_name().to_str().unwrap()), std::fs::read(file.path()).unwrap());
    }
    desk.add("tweetfeed", Kind::MispFeed, desk.web.url("/misp/manifest.json")).await;
    let view = desk.run("tweetfeed").await;
    assert_eq!(view.fault, None);
    // tests/counts/count.py, which shares nothing with our readers, finds 5,723 values in the 17 events, 5,604 of them distinct: 2,563 URLs, 2,267 domains, 409 of
    // IPv4, 265 of SHA-256 and 100 of MD5. Two domains and two URLs of these, many names glued together, have hosts of more than 253 bytes.
    let (counts, glued) = (&view.counts, 4);
    assert_eq!((counts.new, counts.changed, counts.left_out), (5_604 - glued, 5_723 - 5_604, glued), "{counts:?}");
    assert_eq!((counts.unchanged, counts.gone, view.problems.len() as u64), (0, 0, glued), "{counts:?} {:?}", view.problems);
    assert_eq!(desk.node.feed("tweetfeed").unwrap().records, counts.new);
    assert_eq!(desk.became("tweetfeed").await, [0, 0, 0, 0]);
}

pub(super) fn indicator(id: u8, value: &str, more: &str) -> String {
    let time = "2026-01-01T00:00:00Z";
    format!(
        r#"{{"type":"indicator","spec_version":"2.1","id":"indicator--00000000-0000-4000-8000-0000000000{id:02}","created":"{time}","modified":"{time}","valid_from":"{time}","pattern_type":"stix","pattern":"[domain-name:value = '{value}']"{more}}}"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_is_read_page_by_page_from_where_it_was() {
    let desk = Desk::new().await;
    let page = |more: &str, objects: &[String]| format!(r#"{{"more":{more},"objects":[{}]}}"#, objects.join(","));
    let at = "/api/collections/c/objects/";
    desk.web.put(at, page(r#"true,"next":"2""#, &[indicator(1, "evil1.example.org", ""), indicator(2, "evil2.example.org", "")]));
    desk.web.put(&format!("{at}?next=2"), page("false", &[indicator(3, "evil3.example.org", "")]));
    desk.add("taxii", Kind::Taxii, desk.web.url("/api/collections/c/")).await;
    assert_eq!(desk.became("taxii").await, [3, 0, 0, 0]);
    // The second page fails: the first stays, and the next run begins with the second.
    let later = format!("{at}?added_after=2026-11-01T10%3A00%3A00.000001Z");
    desk.web.put(&later, page(r#"true,"next":"3""#, &[indicator(4, "evil4.example.org", "")]));
    desk.web.fail(&format!("{later}&next=3"), 500);
    assert_eq!(desk.fault("taxii").await, "http");
    assert_eq!(desk.says("evil4.example.org"), ["feed:taxii live amber+strict"]);
    desk.web.asked();
    // The server has forgotten what its word for the page meant: it is asked without.
    desk.web.fail(&format!("{later}&next=3"), 404);
    desk.web.fail(&later, 500);
    assert_eq!(desk.fault("taxii").await, "http");
    assert_eq!(desk.web.asked(), [format!("{later}&next=3"), later.clone()]);
    // One is revoked, and another says something else.
    let revoked = indicator(1, "evil1.example.org", r#","revoked":true"#);
    desk.web.put(&format!("{later}&next=3"), page("false", &[revoked, indicator(2, "evil5.example.org", "")]));
    assert_eq!(desk.became("taxii").await, [1, 0, 0, 2]);
    assert_eq!(desk.web.asked(), [format!("{later}&next=3")]);
    assert_eq!(desk.says("evil1.example.org"), ["feed:taxii revoked amber+strict"]);
    assert_eq!(desk.says("evil2.example.org"), ["feed:taxii revoked amber+strict"]);
    assert_eq!(desk.says("evil5.example.org"), ["feed:taxii live amber+strict"]);
}

/// What is kept of a value: its label, its labels in words, and its source.
fn told(desk: &Desk, value: &str) -> (String, Vec<String>, String) {
    let found = desk.node.lookup(&[value.to_owned()]).unwrap().remove(0).matches.remove(0);
    let record = desk.node.show(&found.record.to_string()).unwrap();
    (found.label.to_string(), record.labels, record.source.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_page_of_a_collection_says_of_objects_on_another_counts() {
    let desk = Desk::new().await;
    let page = |more: &str, objects: &[String]| format!(r#"{{"more":{more},"objects":[{}]}}"#, objects.join(","));
    let uuid = |id: u8| format!("00000000-0000-4000-8000-0000000000{id:02}");
    let named = |kind: &str, id: u8, name: &str| format!(r#"{{"type":"{kind}","id":"{kind}--{}","name":"{name}"}}"#, uuid(id));
    let marking = |id: u8| {
        format!(
            r#"{{"type":"marking-definition","id":"marking-definition--{}","definition_type":"statement","definition":{{"statement":"ours"}}}}"#,
            uuid(id)
        )
    };
    let indicates = |id: u8, target: u8, more: &str| {
        let (from, to) = (uuid(id), uuid(target));
        format!(
            r#"{{"type":"relationship","id":"relationship--{from}","relationship_type":"indicates","source_ref":"indicator--{from}","target_ref":"malware--{to}"{more}}}"#
        )
    };
    let refers = format!(r#","created_by_ref":"identity--{}","object_marking_refs":["marking-definition--{}"]"#, uuid(90), uuid(91));
    let at = "/api/collections/c/objects/";
    let first = [named("identity", 90, "A publisher"), marking(91), named("malware", 80, "Lurker"), named("malware", 81, "Prowler")];
    desk.web.put(at, page(r#"true,"next":"2""#, &[first.as_slice(), &[indicator(1, "evil1.example.org", &refers)]].concat()));
    let second =
        [indicates(1, 80, ""), indicator(2, "evil2.example.org", &refers), indicates(2, 80, ""), indicator(3, "evil3.example.org", "")];
    desk.web.put(&format!("{at}?next=2"), page("false", &second));
    desk.add("taxii", Kind::Taxii, desk.web.url("/api/collections/c/")).await;
    assert_eq!(desk.became("taxii").await, [3, 1, 0, 0], "the first is said anew, with a name");
    let own = |labels: &[&str]| {
        ("amber+strict".to_owned(), labels.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>(), "A publisher".to_owned())
    };
    assert_eq!(told(&desk, "evil1.example.org"), own(&["Lurker"]));
    assert_eq!(told(&desk, "evil2.example.org"), own(&["Lurker"]));
    // The control: nothing is said of this one.
    assert_eq!(told(&desk, "evil3.example.org"), ("amber+strict".to_owned(), Vec::new(), "taxii".to_owned()));
    // A newer version without its relationship keeps its name; another name comes, and one is taken back.
    let later = format!("{at}?added_after=2026-11-01T10%3A00%3A00.000001Z");
    let sure = format!(r#"{refers},"confidence":70"#);
    desk.web.put(
        &later,
        page("false", &[indicator(1, "evil1.example.org", &sure), indicates(2, 81, ""), indicates(2, 80, r#","revoked":true"#)]),
    );
    assert_eq!(desk.became("taxii").await, [0, 2, 0, 0]);
    assert_eq!(told(&desk, "evil1.example.org"), own(&["Lurker"]));
    assert_eq!(told(&desk, "evil2.example.org"), own(&["Lurker", "Prowler"]), "what was said before stays until it is said anew");
    desk.web.put(&later, page("false", &[indicator(2, "evil2.example.org", &sure)]));
    assert_eq!(desk.became("taxii").await, [0, 1, 0, 0]);
    assert_eq!(told(&desk, "evil2.example.org"), own(&["Prowler"]));
    // A name that comes last of all.
    desk.web.put(&later, page("false", &[indicator(4, "evil4.example.org", &refers), indicates(4, 82, "")]));
    assert_eq!(desk.became("taxii").await, [1, 0, 0, 0]);
    assert_eq!(told(&desk, "evil4.example.org"), own(&[]));
    desk.web.put(&later, page("false", &[named("malware", 82, "Stalker")]));
    assert_eq!(desk.became("taxii").await, [0, 1, 0, 0]);
    assert_eq!(told(&desk, "evil4.example.org"), own(&["Stalker"]));
    let kept = || desk.node.store.snapshot().unwrap().all_kept(crate::store::change::Shelf::FeedBeside).unwrap().len();
    assert_eq!(kept(), 8, "three names, a publisher, a marking, and what three of them indicate");
    desk.node.remove_feed("taxii", By::default()).await.unwrap();
    assert_eq!(kept(), 0);
}

/// What several parts say holds as long as the longest of them says.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_part_says_for_longer_is_not_ended_sooner() {
    let desk = Desk::new().await;
    let page = |object: String| format!(r#"{{"more":false,"objects":[{object}]}}"#);
    let until = |year: u16| format!(r#","valid_until":"{year}-01-01T00:00:00Z""#);
    let at = "/api/collections/c/objects/";
    desk.web.put(at, page(indicator(1, "evil1.example.org", &until(2100))));
    desk.add("taxii", Kind::Taxii, desk.web.url("/api/collections/c/")).await;
    assert_eq!(desk.became("taxii").await, [1, 0, 0, 0]);
    let later = format!("{at}?added_after=2026-11-01T10%3A00%3A00.000001Z");
    let ends = || {
        let found = desk.node.lookup(&["evil1.example.org".to_owned()]).unwrap().remove(0).matches.remove(0);
        found.valid_until.map(|until| until.to_string().chars().take(4).collect::<String>())
    };
    for (id, more, end) in
        [(2, until(2090), Some("2100")), (3, until(2110), Some("2110")), (4, String::new(), None), (5, until(2120), None)]
    {
        desk.web.put(&later, page(indicator(id, "evil1.example.org", &more)));
        desk.run("taxii").await;
        assert_eq!(ends().as_deref(), end, "{id}");
    }
    // The control: an author's own newer word ends it sooner where nobody else says it.
    desk.web.put(&later, page(indicator(6, "evil6.example.org", &until(2100))));
    assert_eq!(desk.became("taxii").await, [1, 0, 0, 0]);
    desk.web.put(&later, page(indicator(6, "evil6.example.org", &until(2090))));
    desk.run("taxii").await;
    let found = desk.node.lookup(&["evil6.example.org".to_owned()]).unwrap().remove(0).matches.remove(0);
    assert!(found.valid_until.unwrap().to_string().starts_with("2090"));
}

/// Several may write into one collection: what one of them adds lowers no label of another's, and stops no reading.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_hostile_writer_of_a_collection_adds_lowers_no_label_and_stops_nothing() {
    let desk = Desk::new().await;
    let page = |more: &str, objects: &[String]| format!(r#"{{"more":{more},"objects":[{}]}}"#, objects.join(","));
    let uuid = |id: u8| format!("00000000-0000-4000-8000-0000000000{id:02}");
    let marking = |colour: &str| {
        let id = uuid(91);
        format!(
            r#"{{"type":"marking-definition","id":"marking-definition--{id}","definition_type":"tlp","definition":{{"tlp":"{colour}"}}}}"#
        )
    };
    let named = |id: &str, name: &str| format!(r#"{{"type":"malware","id":"{id}","name":"{name}"}}"#);
    let indicates = |id: u8, target: u8| {
        let (from, to) = (uuid(id), uuid(target));
        format!(
            r#"{{"type":"relationship","id":"relationship--{from}","relationship_type":"indicates","source_ref":"indicator--{from}","target_ref":"malware--{to}"}}"#
        )
    };
    let marked = format!(r#","object_marking_refs":["marking-definition--{}"]"#, uuid(91));
    let at = "/api/collections/c/objects/";
    desk.web.put(at, page("false", &[marking("red"), indicator(1, "evil1.example.org", &marked)]));
    desk.add("taxii", Kind::Taxii, desk.web.url("/api/collections/c/")).await;
    assert_eq!(desk.became("taxii").await, [1, 0, 0, 0]);
    let own =
        |tlp: &str, labels: &[&str]| (tlp.to_owned(), labels.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>(), "taxii".to_owned());
    assert_eq!(told(&desk, "evil1.example.org"), own("red", &[]));
    let later = format!("{at}?added_after=2026-11-01T10%3A00%3A00.000001Z");
    // The same value without a marking, beside a name for the first.
    let malware = format!("malware--{}", uuid(80));
    let same = [indicator(2, "evil1.example.org", ""), named(&malware, "Lurker"), indicates(1, 80)];
    desk.web.put(&later, page("false", &same));
    assert_eq!(desk.became("taxii").await, [0, 1, 0, 0]);
    assert_eq!(told(&desk, "evil1.example.org"), own("red", &["Lurker"]));
    // The marking said anew, laxer: from then on it counts as nothing that can be read.
    desk.web.put(&later, page("false", &[marking("clear"), indicator(3, "evil3.example.org", &marked)]));
    assert_eq!(desk.became("taxii").await, [1, 0, 0, 0]);
    assert_eq!(told(&desk, "evil3.example.org"), own("red", &[]));
    desk.web.put(&later, page("false", &[indicator(4, "evil4.example.org", &marked)]));
    assert_eq!(desk.became("taxii").await, [1, 0, 0, 0]);
    assert_eq!(told(&desk, "evil4.example.org"), own("red", &[]));
    // Ids that are none, forms that are none, and names in the place of lists.
    let victim = format!("indicates indicator--{}", uuid(1));
    let odd = [
        named(&victim, "x"),
        named(&format!("waits for {malware}"), "x"),
        r#"{"type":"malware","id":["x"],"name":{}}"#.into(),
        r#"{"type":"relationship","relationship_type":"indicates","source_ref":7,"target_ref":null}"#.into(),
        "7".into(),
        indicates(1, 80),
    ];
    desk.web.put(&later, page("false", &odd));
    assert_eq!(desk.became("taxii").await, [0, 0, 1, 0]);
    // A label that is a mark restricts, late as well.
    let mark = format!("malware--{}", uuid(82));
    desk.web.put(&later, page("false", &[named(&mark, "PAP:RED"), indicates(4, 82)]));
    assert_eq!(desk.became("taxii").await, [0, 1, 0, 0]);
    assert_eq!(
        (desk.says("evil4.example.org"), told(&desk, "evil4.example.org").1),
        (vec!["feed:taxii live red PAP:RED".to_owned()], Vec::<String>::new())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recorded_pages_of_a_collection_are_taken_in() {
    let folder = shared("data/taxii/tweetfeed/pages");
    let Ok(files) = std::fs::read_dir(folder) else { return skipped("the recorded pages of TAXII are not here") };
    let mut pages: Vec<Vec<serde_json::Value>> = Vec::new();
    for file in files {
        let page = serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
        if let serde_json::Value::Array(objects) = page {
            pages.push(objects);
        }
    }
    // The publisher and its marking stand on a page of their own.
    pages.sort_by_key(|objects| objects.iter().any(|object| object["type"] == "indicator"));
    assert!(pages.len() >= 5, "{}", pages.len());
    let desk = Desk::new().await;
    for (n, objects) in pages.iter().enumerate() {
        let at = if n == 0 { String::new() } else { format!("?next={n}") };
        let body = serde_json::json!({"more": n + 1 < pages.len(), "next": (n + 1).to_string(), "objects": objects});
        desk.web.put(&format!("/c/objects/{at}"), body.to_string());
    }
    desk.add("taxii", Kind::Taxii, desk.web.url("/c/")).await;
    let view = desk.run("taxii").await;
    let said = pages.iter().flatten().filter(|object| object["type"] == "indicator").count() as u64;
    println!("{} pages, {said} indicators: {:?}", pages.len(), view.counts);
    // As many as there are by an independent count (tests/counts).
    assert!(view.fault.is_none() && said == 728 && view.counts.new == said, "{view:?}");
    let found = desk.node.lookup(&values(&pages)).unwrap();
    assert!(found.len() > 100);
    for mut one in found {
        let record = desk.node.show(&one.matches.remove(0).record.to_string()).unwrap();
        assert_eq!(record.source.as_deref(), Some("TweetFeed"), "{}", record.value);
    }
}

/// The domains of pages' indicators.
fn values(pages: &[Vec<serde_json::Value>]) -> Vec<String> {
    let patterns = pages.iter().flatten().filter_map(|object| object["pattern"].as_str());
    patterns.filter_map(|text| Some(text.strip_prefix("[domain-name:value = '")?.strip_suffix("']")?.to_owned())).take(200).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_taxii_server_is_read() {
    let oracles = std::env::var_os("ORACLES").map(PathBuf::from).unwrap_or_default();
    let script = shared("oracles/medallion_server.sh");
    if !oracles.join("venv-taxii/bin/medallion").is_file() || !script.is_file() {
        return skipped("a feed from a real TAXII server: no medallion ($ORACLES names the folder that has venv-taxii)");
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = std::process::Command::new("bash")
        .arg(script)
        .arg(port.to_string())
        .env("PAGE", "2")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    for _ in 0..200 {
        if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let desk = Desk::new().await;
    let key = desk.directory.path().join("key");
    std::fs::write(&key, "Basic admin:Password0\n").unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let at = format!("http://127.0.0.1:{port}/trustgroup1/collections/91a7b528-80eb-42ed-a74d-c6fbd5a26116/");
    let terms = Terms { secret_file: Some(key), ..local(Kind::Taxii, at) };
    desk.node.add_feed(FeedAdd { name: "medallion".into(), terms }, By::default()).await.unwrap();
    let (first, second) = (desk.run("medallion").await, desk.run("medallion").await);
    let _ = (server.kill(), server.wait());
    println!("{first:?}");
    // The newest version of each of its indicators. The name of one comes on the last page of all.
    assert!(first.fault.is_none() && first.counts.new == 2, "{first:?}");
    let hash = "ef537f25c895bfa782526529a9b63d97aa631564d5d789c2b765448c8635fb6c";
    assert_eq!(told(&desk, hash).1, ["Poison Ivy", "file-hash-watchlist"]);
    assert_eq!(desk.says("http://x4z9arb.cn/4712").len(), 1);
    assert!(second.fault.is_none() && second.counts.new + second.counts.changed + second.counts.gone == 0, "{second:?}");
}

/// Puts indicators into the one collection of OpenTAXII, as many as are asked for, and tells where it is.
const FILL: &str = r#"
import base64, json, sys, time, urllib.request
port, first, count, revoked = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "revoked"
login = "Basic " + base64.b64encode(b"admin:admin").decode()
kind = "application/taxii+json;version=2.1"
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
def ask(path, body=None):
    head = {"Accept": kind, "Content-Type": kind, "Authorization": login}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body and json.dumps(body).encode(), head)
    return json.load(opener.open(request, timeout=60))
root = ask("/taxii2/")["default"]
at = f"{root}collections/{ask(root + 'collections/')['collections'][0]['id']}/"
def indicator(n):
    said = "2026-02-01T00:00:00.000Z" if revoked else "2026-01-01T00:00:00.000Z"
    one = {"type": "indicator", "spec_version": "2.1", "id": f"indicator--00000000-0000-4000-8000-{n:012}", "created": "2026-01-01T00:00:00.000Z",
        "modified": said, "valid_from": "2026-01-01T00:00:00Z", "pattern_type": "stix", "pattern": f"[domain-name:value = 'evil{n}.login-lure.com']"}
    return dict(one, revoked=True) if revoked else one
for start in range(first, first + count, 500):
    ask(at + "objects/", {"objects": [indicator(n) for n in range(start, min(start + 500, first + count))]})
print(f"http://127.0.0.1:{port}{at}")
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_real_taxii_server_is_read_over_several_pages() {
    let oracles = std::env::var_os("ORACLES").map(PathBuf::from).unwrap_or_default();
    let (script, python) = (shared("oracles/opentaxii_server.sh"), oracles.join("venv-otaxii/bin/python"));
    if !python.is_file() || !script.is_file() {
        return skipped("a feed from a second real TAXII server: no OpenTAXII ($ORACLES names the folder that has venv-otaxii)");
    }
    let desk = Desk::new().await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = std::process::Command::new("bash")
        .arg(script)
        .arg(port.to_string())
        .arg(desk.directory.path().join("opentaxii"))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    for _ in 0..600 {
        if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let fill = |arguments: [&str; 3]| {
        let port = port.to_string();
        let out = std::process::Command::new(&python).args(["-c", FILL, &port]).args(arguments).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    };
    let at = fill(["0", "2250", "said"]);
    let key = desk.directory.path().join("key");
    std::fs::write(&key, "Basic admin:admin\n").unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let terms = Terms { secret_file: Some(key), ..local(Kind::Taxii, at) };
    desk.node.add_feed(FeedAdd { name: "opentaxii".into(), terms }, By::default()).await.unwrap();
    let (first, second) = (desk.run("opentaxii").await, desk.run("opentaxii").await);
    fill(["10", "5", "revoked"]);
    fill(["3000", "7", "said"]);
    let third = desk.run("opentaxii").await;
    let _ = (server.kill(), server.wait());
    println!("{first:?} {second:?} {third:?}");
    let became = |view: &FeedRunView| (view.fault.clone(), view.counts.new, view.counts.changed, view.counts.gone);
    assert_eq!([became(&first), became(&second), became(&third)], [(None, 2_250, 0, 0), (None, 0, 0, 0), (None, 7, 0, 5)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_or_hangs_holds_up_no_other_feed_and_what_is_paused_waits() {
    let desk = Desk::with(|config| config.feeds.at_once_max = 2).await;
    desk.web.put("/good", "evil1.example.org\n");
    desk.web.put("/paused", "evil2.example.org\n");
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    desk.add("a-hangs", Kind::List, format!("http://{}/", silent.local_addr().unwrap())).await;
    desk.add("b-fails", Kind::List, desk.web.url("/missing")).await;
    desk.add("c-good", Kind::List, desk.web.url("/good")).await;
    desk.add("d-paused", Kind::List, desk.web.url("/paused")).await;
    desk.node.pause_feed("d-paused", true, By::default()).await.unwrap();
    let stop = CancellationToken::new();
    let keeping = tokio::spawn(desk.node.clone().keep_feeding(stop.clone()));
    for _ in 0..200 {
        if !desk.says("evil1.example.org").is_empty() && desk.node.feed("b-fails").unwrap().failures == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(desk.says("evil1.example.org"), ["feed:c-good live amber+strict"]);
    assert_eq!((desk.node.feed("b-fails").unwrap().state.as_str(), desk.node.feed("a-hangs").unwrap().running), ("failing", true));
    assert_eq!(desk.says("evil2.example.org"), [] as [String; 0]);
    assert!(!desk.web.asked().contains(&"/paused".to_owned()));
    stop.cancel();
    keeping.await.unwrap();
}

#[tokio::test(flavor = "current_thread")]
async fn a_feed_that_is_due_is_begun_once() {
    let desk = Desk::with(|config| config.feeds.at_once_max = 8).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    desk.add("hangs", Kind::List, format!("http://{}/", silent.local_addr().unwrap())).await;
    // On this one thread its task has not begun yet when it is looked again what is due.
    let (feed, node) = (desk.node.feed_named(&desk.node.store.snapshot().unwrap(), "hangs").unwrap(), desk.node.clone());
    let turn = node.turn_of(&feed);
    assert!(turn.is_some() && node.turn_of(&feed).is_none());
    assert_eq!(node.due_feeds().unwrap(), []);
    let refused = node.feed_now("hangs", FeedRun::default()).await;
    assert!(matches!(refused, Err(NodeError::Conflict(_))), "{refused:?}");
    drop(turn);
    assert_eq!(node.due_feeds().unwrap(), [feed]);
}

/// Tells how much of it was read.
struct Counted {
    inner: std::io::Cursor<Vec<u8>>,
    read: Arc<std::sync::atomic::AtomicUsize>,
}

impl std::io::Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = std::io::Read::read(&mut self.inner, buffer)?;
        self.read.fetch_add(count, std::sync::atomic::Ordering::SeqCst);
        Ok(count)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_says_no_more_than_its_terms_and_bounds_allow() {
    let desk = Desk::with(|config| config.feeds.records_max = 3).await;
    let sure = |id, value, confidence: u8| indicator(id, value, &format!(r#","confidence":{confidence}"#));
    let bundle = |all: &[String]| format!(r#"{{"type":"bundle","id":"bundle--x","objects":[{}]}}"#, all.join(","));
    desk.web.put("/sure", bundle(&[sure(1, "evil1.example.org", 90), sure(2, "evil2.example.org", 10)]));
    let terms = Terms { confidence_max: Some(30), ..local(Kind::List, desk.web.url("/sure")) };
    desk.node.add_feed(FeedAdd { name: "sure".into(), terms }, By::default()).await.unwrap();
    assert_eq!(desk.became("sure").await, [2, 0, 0, 0]);
    let confidence = |value: &str| desk.node.lookup(&[value.to_owned()]).unwrap().remove(0).matches[0].confidence;
    assert_eq!((confidence("evil1.example.org"), confidence("evil2.example.org")), (Some(30), Some(10)));
    // Two feeds are no two organisations, nor is one.
    desk.web.put("/list", "evil1.example.org\nevil4.example.org\n");
    desk.add("list", Kind::List, desk.web.url("/list")).await;
    assert_eq!(desk.became("list").await, [2, 0, 0, 0]);
    let found = desk.node.lookup(&["evil1.example.org".to_owned()]).unwrap().remove(0);
    assert_eq!(found.matches.iter().map(|one| one.organisations).collect::<Vec<_>>(), [0, 0]);
    // More at once, and more in all.
    desk.web.put("/list", "evil1.example.org\nevil4.example.org\nevil5.example.org\nevil6.example.org\n");
    assert_eq!(desk.fault("list").await, "too-many");
    // It is not read to its end.
    let feed = desk.node.feed_named(&desk.node.store.snapshot().unwrap(), "list").unwrap();
    let (read, lines): (Arc<std::sync::atomic::AtomicUsize>, String) =
        (Arc::default(), (0..100_000).map(|n| format!("evil{n}.example.org\n")).collect());
    let (length, counted) = (lines.len(), Counted { inner: std::io::Cursor::new(lines.into_bytes()), read: read.clone() });
    let stop = desk.node.read_feed(&feed, Box::new(counted), None, &|_| take::part(""), &mut take::Reading::default());
    assert!(
        matches!(stop, Err(Stop::Fault(Fault::TooMany("feeds.records_max"))))
            && read.load(std::sync::atomic::Ordering::SeqCst) < length / 2
    );
    let folder = desk.folder();
    std::fs::write(folder.join("a"), "evil1.example.org\nevil2.example.org\n").unwrap();
    std::fs::write(folder.join("b"), "evil3.example.org\nevil4.example.org\n").unwrap();
    desk.add("drop", Kind::Folder, folder.display().to_string()).await;
    assert_eq!(desk.fault("drop").await, "too-many");
    assert_eq!((desk.node.feed("list").unwrap().records, desk.node.feed("drop").unwrap().records), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_removed_while_it_is_read_says_nothing_more() {
    let desk = Desk::new().await;
    desk.add("list", Kind::List, desk.web.url("/list")).await;
    let feed = desk.node.feed_named(&desk.node.store.snapshot().unwrap(), "list").unwrap();
    let (state, known, how) = (StateRow::default(), Known::default(), FeedRun::default());
    let mut run = Run::new(feed.clone(), state, known, how);
    let mut reading = take::Reading::default();
    let input = Box::new(std::io::Cursor::new(b"evil1.example.org\n".to_vec()));
    desk.node.read_feed(&feed, input, None, &|_| take::part(""), &mut reading).unwrap();
    desk.node.remove_feed("list", By::default()).await.unwrap();
    assert!(matches!(desk.node.take(&mut run, reading, None).await, Err(Stop::Removed)));
    assert_eq!(desk.says("evil1.example.org"), [] as [String; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_that_never_ends_is_left() {
    let desk = Desk::new().await;
    let page = |id: u8| format!(r#"{{"more":true,"objects":[{}]}}"#, indicator(id, &format!("evil{id}.example.org"), ""));
    desk.web.put("/c/objects/", page(1));
    desk.web.put("/c/objects/?added_after=2026-11-01T10%3A00%3A00.000001Z", page(2));
    desk.add("taxii", Kind::Taxii, desk.web.url("/c/")).await;
    assert_eq!(desk.fault("taxii").await, "not-that");
    assert_eq!(desk.web.asked().len(), 2);
}

/// Where a bound is met, the hint names the setting that moves it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_or_too_much_names_the_setting_that_says_so() {
    let desk = Desk::with(|config| {
        let feeds = &mut config.feeds;
        (feeds.bytes_max, feeds.unpacked_bytes_max, feeds.taxii_page_bytes_max) = (3_000, 2_000, 1_500);
        (feeds.taxii_page_objects_max, feeds.records_max, feeds.events_max, feeds.files_max) = (2, 3, 1, 1);
    })
    .await;
    let list = |count: usize| (0..count).map(|n| format!("evil{n}.example.org\n")).collect::<String>();
    let [folder, files] = ["drop", "files"].map(|name| desk.directory.path().join(name));
    for (folder, names) in [(&folder, vec!["a"]), (&files, vec!["a", "b"])] {
        std::fs::create_dir(folder).unwrap();
        names.iter().for_each(|name| std::fs::write(folder.join(name), format!("#{}\n", "x".repeat(3_000))).unwrap());
    }
    let page = |count: u8, more: &str| {
        let objects: Vec<String> = (0..count).map(|id| indicator(id, &format!("evil{id}.example.org"), more)).collect();
        format!(r#"{{"more":false,"objects":[{}]}}"#, objects.join(","))
    };
    let note = format!(r#","description":"{}""#, "x".repeat(1_500));
    for (path, body) in [
        ("/bytes", "#".repeat(3_001)),
        ("/unpacked", "#".repeat(2_001)),
        ("/records", list(4)),
        ("/fits", list(3)),
        ("/misp/manifest.json", r#"{"10000000-0000-4000-8000-000000000000":{},"20000000-0000-4000-8000-000000000000":{}}"#.into()),
        ("/long/objects/", page(1, &note)),
        ("/many/objects/", page(3, "")),
        ("/some/objects/", page(2, "")),
    ] {
        desk.web.put(path, body);
    }
    let at = |path: &str| desk.web.url(path);
    for (name, kind, at, fault) in [
        ("bytes", Kind::List, at("/bytes"), Some(Fault::TooLong("feeds.bytes_max"))),
        ("unpacked", Kind::List, at("/unpacked"), Some(Fault::TooLong("feeds.unpacked_bytes_max"))),
        ("file", Kind::Folder, folder.display().to_string(), Some(Fault::TooLong("feeds.bytes_max"))),
        ("long-page", Kind::Taxii, at("/long/"), Some(Fault::TooLong("feeds.taxii_page_bytes_max"))),
        ("objects", Kind::Taxii, at("/many/"), Some(Fault::TooMany("feeds.taxii_page_objects_max"))),
        ("records", Kind::List, at("/records"), Some(Fault::TooMany("feeds.records_max"))),
        ("events", Kind::MispFeed, at("/misp/"), Some(Fault::TooMany("feeds.events_max"))),
        ("files", Kind::Folder, files.display().to_string(), Some(Fault::TooMany("feeds.files_max"))),
        ("fits", Kind::List, at("/fits"), None),
        ("page-fits", Kind::Taxii, at("/some/"), None),
    ] {
        desk.add(name, kind, at).await;
        let told = desk.run(name).await.fault;
        assert_eq!(told, fault.as_ref().map(Into::into), "{name}");
        let Some(told) = told else { continue };
        let setting = told.text.split('`').nth(1).unwrap();
        assert!(crate::config::SETTINGS.iter().any(|one| one.key == setting), "{setting}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_too_many_files_is_left_as_it_was() {
    let desk = Desk::with(|config| config.feeds.files_max = 2).await;
    let folder = desk.folder();
    let put = |name: &str| std::fs::write(folder.join(name), format!("evil-{name}.example.org\n")).unwrap();
    put("a");
    put("b");
    desk.add("drop", Kind::Folder, folder.display().to_string()).await;
    assert_eq!(desk.became("drop").await, [2, 0, 0, 0]);
    put("c");
    assert_eq!(desk.fault("drop").await, "too-many");
    assert_eq!(desk.says("evil-a.example.org"), ["feed:drop live amber+strict"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_well_known_is_left_out_and_a_feed_is_held_to_its_terms() {
    let desk = Desk::with(|config| config.gate.reserved = Severity::Refuse).await;
    desk.web.put("/list", "evil1.example.org\n10.0.0.1\n127.0.0.1\nevil.fastly-cdn-x.net\n");
    let terms = |at: String, every_s| Terms {
        every_s,
        tlp: Tlp::Green,
        confidence_max: Some(30),
        well_known: WellKnown::LeaveOut,
        ..local(Kind::List, at)
    };
    let add = async |name: &str, terms| desk.node.add_feed(FeedAdd { name: name.into(), terms }, By::default()).await;
    add("list", terms(desk.web.url("/list"), HOUR)).await.unwrap();
    let view = desk.run("list").await;
    assert_eq!((view.counts.new, view.counts.left_out), (1, 3), "{view:?}");
    assert_eq!(desk.says("evil.fastly-cdn-x.net"), ["feed:list live green"]);
    let closed = Terms { allow_local: false, ..terms(desk.web.url("/list"), HOUR) };
    add("closed", closed).await.unwrap();
    desk.web.asked();
    assert_eq!((desk.fault("closed").await.as_str(), desk.web.asked().len()), ("closed", 0));
    for bad in
        [terms("ftp://feed.example/".into(), HOUR), terms("http://amal:pass@feed.example/".into(), HOUR), terms(desk.web.url("/list"), 1)]
    {
        assert!(matches!(add("bad", bad).await, Err(NodeError::BadInput(_))));
    }
    let secret = Terms { secret_file: Some("key".into()), allow_local: false, ..terms("http://feed.example/".into(), HOUR) };
    assert!(matches!(add("bad", secret).await, Err(NodeError::BadInput(_))));
    assert!(matches!(add("list", terms(desk.web.url("/x"), HOUR)).await, Err(NodeError::Conflict(_))));
    assert!(matches!(add("Bad Name", terms(desk.web.url("/x"), HOUR)).await, Err(NodeError::BadInput(_))));
}
