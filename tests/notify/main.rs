//! People are told that something waits, over real sockets, by a clock that the test moves.

// A panic is the report, in helpers too.
#![allow(clippy::unwrap_used)]

mod servers;

use servers::{HANGS, Mail, Web};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use watchfire::clock::Clock;
use watchfire::config::Config;
use watchfire::model::desk::Role;
use watchfire::model::{ShortId, Timestamp};
use watchfire::node::Node;
use watchfire::node::notify::NoticeState;
use watchfire::rules::notify::{Event, Fault, Notice, Priority};

/// 15 January 2027, 8:00 in UTC.
const START: Timestamp = Timestamp(1_800_000_000_000);
const HOUR_MS: u64 = 3_600_000;
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A node in a directory, which can be stopped and started.
struct Desk {
    directory: tempfile::TempDir,
    clock: Clock,
    settings: String,
    life: Option<(Arc<Node>, CancellationToken, tokio::task::JoinHandle<()>)>,
}

impl Desk {
    fn new(settings: String) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::manual(START);
        Node::init(&directory.path().join("canary-place"), &[], &clock).unwrap();
        let mut desk = Self { directory, clock, settings, life: None };
        desk.private("canary-place/secret", SECRET);
        desk.start();
        desk
    }

    fn private(&self, name: &str, text: &str) {
        let path = self.directory.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn data(&self) -> std::path::PathBuf {
        self.directory.path().join("canary-place")
    }

    fn start(&mut self) {
        let config: Config = toml::from_str(&format!("name = 'Canary Helpline'\n{}", self.settings)).unwrap();
        let node = Node::open_with(&self.data(), config, self.clock.clone()).unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(node.clone().keep_notifying(stop.clone()));
        self.life = Some((node, stop, running));
    }

    fn node(&self) -> &Arc<Node> {
        &self.life.as_ref().expect("it runs").0
    }

    /// Ends in the middle of whatever is on its way.
    async fn stop(&mut self) {
        let (node, stop, running) = self.life.take().expect("it runs");
        stop.cancel();
        running.await.unwrap();
        node.store.close();
        drop(node);
    }

    /// Moves the clock on, in steps, until something is so.
    async fn until(&self, step_ms: u64, what: &str, mut is_so: impl FnMut() -> bool) {
        for _ in 0..20_000 {
            if is_so() {
                return;
            }
            self.clock.advance(step_ms);
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        panic!("not in time: {what}: {:?}", self.node().notices());
    }

    async fn tell(&self, notice: Notice) {
        self.node().tell(notice).await.unwrap();
    }

    fn waiting(&self) -> usize {
        self.node().notices().unwrap().notices.len()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Some((_, stop, _)) = &self.life {
            stop.cancel();
        }
    }
}

fn webhook(name: &str, web: &Web) -> String {
    format!("\n[[notify.channel]]\nname = '{name}'\nkind = 'webhook'\nurl = '{}'\nsecret_file = 'secret'\n", web.url())
}

fn notice(event: Event, n: u64) -> Notice {
    Notice::new(event, &n.to_be_bytes(), Role::Handler, START)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_is_told_at_once_and_once_over_restarts() {
    let web = Web::new().await;
    let mut desk = Desk::new(webhook("hook", &web));
    desk.tell(notice(Event::OfferArrived, 1)).await;
    desk.until(0, "it is told", || web.count() == 1).await;
    desk.until(0, "it is written down", || desk.waiting() == 0).await;
    desk.tell(notice(Event::OfferArrived, 1)).await;
    desk.stop().await;
    desk.start();
    desk.tell(notice(Event::OfferArrived, 1)).await;
    desk.tell(notice(Event::OfferArrived, 2)).await;
    desk.until(100, "the other is told", || web.count() == 2 && desk.waiting() == 0).await;
    assert_eq!(web.ids(), [notice(Event::OfferArrived, 1).id.to_string(), notice(Event::OfferArrived, 2).id.to_string()]);
    // A week later it is news again.
    desk.clock.advance(7 * 24 * HOUR_MS + 1);
    desk.node().forget_notices().await.unwrap();
    desk.tell(notice(Event::OfferArrived, 1)).await;
    desk.until(100, "it is told again", || web.count() == 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_tried_again_later_and_later_under_the_same_id() {
    let web = Web::new().await;
    web.answer(503);
    let desk = Desk::new(webhook("hook", &web));
    web.by(&desk.clock);
    desk.tell(notice(Event::Question, 1)).await;
    desk.until(200, "six tries", || web.count() == 6).await;
    let listed = desk.node().notices().unwrap().notices.remove(0);
    assert_eq!((listed.state, listed.problem.as_deref()), (NoticeState::Failing, Some("the web server answered 503")));
    web.answer(204);
    desk.until(1_000, "it comes", || desk.waiting() == 0).await;
    let tries = web.requests();
    assert!(tries.iter().all(|request| request.id == notice(Event::Question, 1).id.to_string()));
    for (gap, wait) in tries.windows(2).map(|two| two[1].at.since(two[0].at)).zip([10_000, 20_000, 40_000, 80_000, 160_000]) {
        // Halved by the dice at most; what the clock is moved on by while a try is under way comes on top.
        assert!(gap >= wait / 2 && gap <= wait + 20_000, "{gap} of {wait}");
    }
    // The time in what is signed is that of the try.
    let seconds: Vec<u64> = tries.iter().map(|request| request.header("webhook-timestamp").parse().unwrap()).collect();
    assert!(seconds.windows(2).all(|two| two[0] < two[1]), "{seconds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_for_three_days_is_given_up_and_shown() {
    let web = Web::new().await;
    web.answer(500);
    let desk = Desk::new(webhook("hook", &web));
    desk.tell(notice(Event::AlertArrived, 1)).await;
    let given_up = || desk.node().status().unwrap().notify.is_some_and(|notify| notify.given_up == 1);
    desk.until(HOUR_MS / 6, "it is given up", given_up).await;
    assert!(desk.clock.now().since(START) >= 72 * HOUR_MS);
    let (tries, listed) = (web.count(), desk.node().notices().unwrap().notices.remove(0));
    assert!((30..=160).contains(&tries), "{tries}");
    assert_eq!((listed.state, listed.next, listed.failed as usize), (NoticeState::GivenUp, None, tries));
    web.answer(200);
    desk.tell(notice(Event::AlertArrived, 2)).await;
    desk.until(HOUR_MS, "the next is told", || web.count() == tries + 1).await;
    assert_eq!(web.ids().last(), Some(&notice(Event::AlertArrived, 2).id.to_string()), "what was given up is not tried again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_on_its_way_when_the_node_stopped_is_told_again_under_the_same_id() {
    let web = Web::new().await;
    web.answer(HANGS);
    let mut desk = Desk::new(webhook("hook", &web));
    desk.tell(notice(Event::Withdrawn, 1)).await;
    desk.until(0, "it is on its way", || web.count() == 1).await;
    desk.stop().await;
    web.answer(200);
    desk.start();
    desk.until(0, "it is told again", || web.count() == 2 && desk.waiting() == 0).await;
    assert_eq!(web.ids(), vec![notice(Event::Withdrawn, 1).id.to_string(); 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_channel_holds_no_other() {
    let (broken, whole) = (Web::new().await, Web::new().await);
    broken.answer(HANGS);
    let desk = Desk::new(webhook("broken", &broken) + &webhook("whole", &whole));
    for n in 1..=5 {
        desk.tell(notice(Event::Answer, n)).await;
    }
    desk.until(0, "the other has all", || whole.count() == 5).await;
    let in_flight = broken.count();
    assert!((1..=4).contains(&in_flight), "{in_flight} at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_urgent_waits_for_its_hour_and_is_counted() {
    let (people, machine) = (Web::new().await, Web::new().await);
    let settings = "[notify]\ndigest_hour = 9\ntime_zone = 'Africa/Nairobi'\n";
    let desk = Desk::new(format!("{settings}{}{}digest = false\n", webhook("people", &people), webhook("machine", &machine)));
    people.by(&desk.clock);
    for n in 1..=3 {
        let event = if n == 3 { Event::Resolved } else { Event::Progress };
        desk.tell(Notice { urgent: false, ..notice(event, n) }).await;
    }
    desk.until(0, "a machine is told at once", || machine.count() == 3).await;
    assert_eq!(people.count(), 0);
    desk.until(60_000, "the digest comes", || people.count() == 1).await;
    // It was 11 there; 9 on the next day is 22 hours later.
    let request = people.requests().remove(0);
    let late = request.at.since(START.plus(22 * HOUR_MS));
    assert!(request.at >= START.plus(22 * HOUR_MS) && late < HOUR_MS, "{}", request.at);
    let data = &request.json()["data"];
    assert_eq!((request.json()["type"].as_str(), &data["counts"]), (Some("digest"), &serde_json::json!({"progress": 2, "resolved": 1})));
    desk.until(60_000, "nothing waits", || desk.waiting() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_due_while_the_node_was_away_is_one_catch_up_and_a_second_one_behind_it() {
    let (people, machine) = (Web::new().await, Web::new().await);
    let desk = Desk::new(format!("{}{}digest = false\n", webhook("people", &people), webhook("machine", &machine)));
    people.by(&desk.clock);
    let late = |n| Notice { late: true, ..notice(Event::RungReached, n) };
    for n in 1..=3 {
        desk.tell(late(n)).await;
    }
    desk.tell(notice(Event::OfferArrived, 4)).await;
    desk.until(0, "a machine is told of each", || machine.count() == 4).await;
    desk.until(0, "what is not late is held by nothing", || people.count() == 1).await;
    assert_eq!(people.requests()[0].json()["type"], "offer-arrived");
    desk.until(100, "the catch-up", || people.count() == 2).await;
    // As links come up, one by one.
    for n in 5..=7 {
        desk.tell(late(n)).await;
        desk.clock.advance(10_000);
    }
    desk.until(100, "the second", || people.count() == 3 && desk.waiting() == 0).await;
    let caught: Vec<_> = people.requests().split_off(1);
    for request in &caught {
        let told = request.json();
        assert_eq!(
            (&told["type"], &told["data"]["late"], &told["data"]["counts"]["rung-reached"]),
            (&"digest".into(), &true.into(), &3.into())
        );
    }
    let [waited, behind] = [caught[0].at.since(START), caught[1].at.since(caught[0].at)];
    // A request is timed where it arrives, and the clock goes on by 100 ms with each look meanwhile.
    assert!((2_000..10_000).contains(&waited) && (69_000..75_000).contains(&behind), "{waited} {behind}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_leaves_as_one_notice_and_not_as_a_hundred() {
    let web = Web::new().await;
    let desk = Desk::new(webhook("hook", &web));
    web.answer(HANGS);
    desk.tell(notice(Event::MatchTries, 0)).await;
    desk.until(0, "the first is on its way", || web.count() == 1).await;
    for n in 1..=100 {
        desk.tell(notice(Event::OfferArrived, n)).await;
    }
    web.answer(200);
    web.let_go();
    desk.until(1_000, "all are told", || desk.waiting() == 0).await;
    let digests: Vec<_> = web.requests().into_iter().filter(|request| request.json()["type"] == "digest").collect();
    assert_eq!((digests.len(), &digests[0].json()["data"]["counts"]["offer-arrived"]), (1, &100.into()));
    assert_eq!(digests[0].json()["data"]["urgent"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_says_at_once_what_became_of_it() {
    let web = Web::new().await;
    let desk = Desk::new(webhook("hook", &web) + &webhook("other", &web));
    let tried = desk.node().test_channels(Some("hook")).await.unwrap();
    assert_eq!((tried.len(), tried[0].delivered, web.count()), (1, true, 1));
    web.answer(403);
    let tried = desk.node().test_channels(None).await.unwrap();
    assert_eq!(tried.len(), 2);
    assert!(tried.iter().all(|one| one.problem.as_deref() == Some("the web server answered 403")), "{tried:?}");
    fs::set_permissions(desk.data().join("secret"), fs::Permissions::from_mode(0o644)).unwrap();
    let tried = desk.node().test_channels(Some("other")).await.unwrap();
    let expected = "a file of the channel is missing, readable by others, or not what it must be";
    assert_eq!(tried[0].problem.as_deref(), Some(expected));
    assert!(desk.node().test_channels(Some("none")).await.unwrap_err().to_string().starts_with("no channel is called `none`"));
}

/// Everything that could name a case, an organisation or a person stands somewhere at this node, and in no byte that leaves by a channel.
#[tokio::test(flavor = "multi_thread")]
async fn no_byte_of_any_channel_names_anybody() {
    let (hook, chat, mail) = (Web::new().await, Web::new().await, Mail::new().await);
    let bytes = tempfile::tempdir().unwrap();
    let told = bytes.path().join("told");
    let mut settings = webhook("canary-hook", &hook);
    settings += "digest = false\n\n[[notify.channel]]\nname = 'canary-chat'\nkind = 'mattermost'\nurl_file = 'chat'\ndigest = false\n";
    settings += &format!("\n[[notify.channel]]\nname = 'canary-mail'\nkind = 'email'\nserver = '{}'\nsecurity = 'plain'\n", mail.address());
    settings += "from = 'w@mail.invalid'\nto = ['a@mail.invalid', 'b@mail.invalid']\ndigest = false\n";
    settings += "\n[[notify.channel]]\nname = 'canary-command'\nkind = 'command'\nprogram = '/bin/sh'\ndigest = false\n";
    settings += &format!("args = ['-c', '{{ cat; env; pwd; }} >>{}']\n", told.display());
    let settings = format!("[notify]\nburst_max = 1000\nper_hour_max = 3600\n{settings}");
    let desk = Desk::new(settings);
    desk.private("canary-place/chat", &chat.url());
    // What a case has: the whole id of its referral, whose beginning alone may be told.
    let referral = [0xca; 16];
    let short = ShortId::of(&referral).unwrap();
    let mut count = 0;
    for event in Event::ALL {
        for (priority, to) in Priority::ALL.into_iter().zip([Role::Handler, Role::Lead, Role::Director]) {
            let id = Notice::id_of(*event, &referral, Some(count), to);
            let new = Notice::new(*event, b"canary cause", to, START);
            let urgent = count % 2 == 0;
            desk.tell(Notice { id, referral: Some(short), priority: Some(priority), rung: Some(count), urgent, ..new }).await;
            count += 1;
        }
    }
    let count = usize::from(count);
    desk.until(100, "all are told", || desk.waiting() == 0).await;
    let own = fs::read(&told).unwrap();
    let all = [("webhook", hook.bytes()), ("mattermost", chat.bytes()), ("email", mail.bytes()), ("command", own)];
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let whole = watchfire::model::id::base32(&referral);
    let mut canaries =
        vec![desk.node().org().to_string(), whole, "canary".into(), "Canary".into(), "Helpline".into(), SECRET[6..].to_owned()];
    canaries.extend(Some(host.trim().to_owned()).filter(|host| host.len() > 3 && host != "localhost"));
    canaries.extend(desk.directory.path().file_name().map(|name| name.to_string_lossy().into_owned()));
    for (channel, bytes) in all {
        let text = String::from_utf8_lossy(&bytes);
        // The search finds what is there.
        assert!(text.matches(&short.to_string()).count() >= count, "{channel} has {}", text.matches(&short.to_string()).count());
        for canary in &canaries {
            assert!(!text.contains(canary.as_str()), "`{canary}` has left by {channel}");
        }
    }
    assert_eq!(mail.count(), count);
    assert!(Path::new(&told).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_reached_is_told_of_each_channel_and_nobody_is_told_of_anything() {
    let (web, mail) = (Web::new().await, Mail::new().await);
    // A port that was free a moment ago, and on which nobody listens.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str, mode: u32| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.display().to_string()
    };
    put("secret", SECRET, 0o600);
    put("open-secret", SECRET, 0o644);
    put("closed-chat", &format!("http://{closed}/hooks/x"), 0o600);
    let (hook, no_hook) = (put("hook", "#!/bin/sh\n", 0o755), put("no-hook", "#!/bin/sh\n", 0o644));
    let nowhere = directory.path().join("nowhere").display().to_string();
    let mail_to = "security = 'plain'\nfrom = 'a@desk.example'\nto = ['b@desk.example']";
    let channels = [
        ("web-up", format!("kind = 'webhook'\nurl = '{}'\nsecret_file = 'secret'", web.url())),
        ("web-open", format!("kind = 'webhook'\nurl = '{}'\nsecret_file = 'open-secret'", web.url())),
        ("web-down", format!("kind = 'webhook'\nurl = 'http://{closed}/x'\nsecret_file = 'secret'")),
        ("chat-down", "kind = 'mattermost'\nurl_file = 'closed-chat'".into()),
        ("mail-up", format!("kind = 'email'\nserver = '{}'\n{mail_to}", mail.address())),
        ("mail-down", format!("kind = 'email'\nserver = '{closed}'\n{mail_to}")),
        ("hook", format!("kind = 'command'\nprogram = '{hook}'")),
        ("no-hook", format!("kind = 'command'\nprogram = '{no_hook}'")),
        ("no-file", format!("kind = 'command'\nprogram = '{nowhere}'")),
    ];
    let text: String = channels.iter().map(|(name, rest)| format!("[[notify.channel]]\nname = '{name}'\n{rest}\n")).collect();
    let config: Config = toml::from_str(&text).unwrap();
    let reached = watchfire::node::notify::reach_channels(&config, directory.path()).await;
    let found: Vec<(String, Option<&str>)> = reached.into_iter().map(|(name, _, reached)| (name, reached.err().map(Fault::code))).collect();
    let expected = [
        ("web-up", None),
        ("web-open", Some("file")),
        ("web-down", Some("unreachable")),
        ("chat-down", Some("unreachable")),
        ("mail-up", None),
        ("mail-down", Some("unreachable")),
        ("hook", None),
        ("no-hook", Some("not_started")),
        ("no-file", Some("not_started")),
    ];
    assert_eq!(found, expected.map(|(name, fault)| (name.to_owned(), fault)));
    assert_eq!((web.count(), mail.count()), (0, 0), "nobody was told of anything");
}
