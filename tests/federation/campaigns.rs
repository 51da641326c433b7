//! Several organisations report the same: the leads of each desk are told once, and nothing leaves.

use crate::harness::*;
use crate::referrals::case;
use watchfire::formats::Format;
use watchfire::model::Tlp;
use watchfire::node::campaigns::CampaignView;
use watchfire::node::handover::HandOverRequest;
use watchfire::node::referral::{Act, By};
use watchfire::node::view::ShareRequest;
use watchfire::rules::may::To;
use watchfire::rules::notify::{Event, Message};
use watchfire::store::notice::NoticeRow;

const NAME: &str = "Wrennock Spyware";

impl Federation {
    /// Four organisations and a group of all.
    async fn partners() -> Self {
        Self::partners_with(|_| {}).await
    }

    async fn partners_with(change: impl Fn(&mut watchfire::config::Campaigns)) -> Self {
        let federation = Self::with(4, |_, config| {
            change(&mut config.campaigns);
            let channel = "name = 'leads'\nkind = 'command'\nprogram = '/bin/true'";
            config.notify.channel = vec![toml::from_str(channel).unwrap()];
        })
        .await;
        for (one, other) in [(AMAL, BOREALIS), (AMAL, CEDAR), (AMAL, DUNYA)] {
            federation.pair(one, other).await;
        }
        federation.group(AMAL, "partners", &[BOREALIS, CEDAR, DUNYA]).await;
        federation.settle().await;
        federation
    }

    async fn labelled(&self, who: Who, value: &str, label: &str) {
        let request = ShareRequest { labels: vec![label.into()], ..ask(value, Tlp::Amber, "partners") };
        let report = self.node(who).share(request).await.unwrap();
        assert!(report.withheld.is_empty(), "{:?}", report.withheld);
        self.settle().await;
    }

    /// What a node shows, once it has looked at all that came.
    async fn campaigns(&self, who: Who) -> Vec<CampaignView> {
        self.node(who).look_for_campaigns().await.unwrap();
        self.node(who).campaigns().unwrap()
    }

    fn told(&self, who: Who) -> usize {
        let snapshot = self.node(who).store.snapshot().unwrap();
        let is_it = |row: &&NoticeRow| matches!(&row.message, Message::One(notice) if notice.event == Event::ManyReportTheSame);
        snapshot.notices().unwrap().iter().filter(is_it).count()
    }
}

fn names(view: &CampaignView) -> Vec<String> {
    let mut names: Vec<String> = view.reports.iter().map(|report| report.name.clone()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn three_organisations_with_one_name_are_told_once_at_every_desk() {
    let mut federation = Federation::partners().await;
    federation.labelled(BOREALIS, "one.example.org", NAME).await;
    federation.labelled(BOREALIS, "two.example.org", NAME).await;
    // Of what comes in one moment none is the first.
    federation.pass(MINUTE).await;
    federation.labelled(CEDAR, "three.example.org", "wrennock-spyware").await;
    assert_eq!(federation.campaigns(AMAL).await, [], "two are not several, however often they say it");
    federation.pass(30 * HOUR).await;
    federation.labelled(DUNYA, "four.example.org", NAME).await;
    for who in federation.everyone() {
        let all = federation.campaigns(who).await;
        assert_eq!((all.len(), all[0].kind.as_str(), all[0].goes_on), (1, "campaign", true), "{who:?}");
        assert_eq!((all[0].reports.len(), federation.told(who)), (3, 1), "{who:?}");
    }
    let view = federation.campaigns(AMAL).await.remove(0);
    assert_eq!((names(&view), view.name.as_deref()), (vec!["borealis".into(), "cedar".into(), "dunya".into()], Some(NAME)));
    assert_eq!(view.reports.iter().find(|report| report.name == "borealis").unwrap().count, 2);
    let handover =
        federation.node(AMAL).open_handover(HandOverRequest { note: "n".into(), risks: Vec::new() }, By::default()).await.unwrap();
    assert_eq!((handover.campaigns.len(), handover.campaigns[0].organisations), (1, 3));
    // It goes on, and a restart forgets nothing.
    federation.restart(AMAL).await;
    federation.settle().await;
    federation.pass(MINUTE).await;
    federation.labelled(AMAL, "five.example.org", NAME).await;
    assert_eq!((federation.campaigns(AMAL).await[0].reports.len(), federation.told(AMAL)), (4, 1));
    // Quiet for longer than the window; then it is told again.
    federation.pass(3 * DAY).await;
    assert!(!federation.campaigns(AMAL).await[0].goes_on);
    federation.labelled(BOREALIS, "six.example.org", NAME).await;
    federation.labelled(CEDAR, "seven.example.org", NAME).await;
    assert_eq!(federation.told(AMAL), 1, "two of them are not several");
    federation.labelled(AMAL, "eight.example.org", NAME).await;
    federation.campaigns(AMAL).await;
    assert_eq!(federation.told(AMAL), 2, "this organisation is one");
    assert!(!federation.log().contains("ennock"));
}

#[tokio::test]
async fn whom_a_desk_has_suspended_does_not_count_there() {
    let federation = Federation::partners().await;
    federation.labelled(BOREALIS, "one.example.org", NAME).await;
    federation.labelled(CEDAR, "two.example.org", NAME).await;
    federation.node(AMAL).peer_suspend("borealis").await.unwrap();
    federation.settle().await;
    federation.labelled(DUNYA, "three.example.org", NAME).await;
    assert_eq!((federation.campaigns(AMAL).await.len(), federation.told(AMAL)), (0, 0));
    assert_eq!((federation.campaigns(CEDAR).await.len(), federation.told(CEDAR)), (1, 1), "nobody else has");
    federation.node(AMAL).peer_resume("borealis").await.unwrap();
    federation.settle().await;
    federation.labelled(DUNYA, "four.example.org", NAME).await;
    assert_eq!((federation.campaigns(AMAL).await.len(), federation.told(AMAL)), (1, 1));
}

#[tokio::test]
async fn what_was_withdrawn_counts_no_more_and_what_is_long_ago_neither() {
    let federation = Federation::partners().await;
    federation.labelled(BOREALIS, "one.example.org", NAME).await;
    federation.labelled(CEDAR, "two.example.org", NAME).await;
    federation.node(BOREALIS).withdraw("one.example.org", "a false alarm").await.unwrap();
    federation.settle().await;
    federation.labelled(DUNYA, "three.example.org", NAME).await;
    assert_eq!(federation.campaigns(AMAL).await, []);
    federation.pass(49 * HOUR).await;
    federation.labelled(BOREALIS, "four.example.org", NAME).await;
    assert_eq!(federation.campaigns(AMAL).await, [], "the others were more than 48 hours ago");
    federation.labelled(CEDAR, "five.example.org", NAME).await;
    federation.labelled(DUNYA, "six.example.org", NAME).await;
    assert_eq!(federation.campaigns(AMAL).await.len(), 1);
    federation.recall(CEDAR, "five.example.org").await;
    federation.settle().await;
    let left = federation.campaigns(AMAL).await.remove(0);
    assert_eq!(names(&left), ["borealis", "dunya"], "what is shown is what holds");
}

#[tokio::test]
async fn a_value_that_three_report_is_told_and_a_well_known_one_is_not() {
    let federation = Federation::partners().await;
    let list = r#"{"name":"Popular","version":1,"description":"d","type":"hostname","list":["popular.example.net"],"matching_attributes":["domain"]}"#;
    let directory = federation.data(AMAL).join("warninglists");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("popular.json"), list).unwrap();
    federation.node(AMAL).reload_gate().unwrap();
    for value in ["popular.example.net", "lure.example.net"] {
        for who in [BOREALIS, CEDAR, DUNYA] {
            federation.share(who, value, Tlp::Amber, "partners").await;
        }
    }
    federation.settle().await;
    let all = federation.campaigns(AMAL).await;
    assert_eq!((all.len(), all[0].kind.as_str(), all[0].name.as_deref()), (1, "value", Some("lure.example.net")));
    assert_eq!(federation.campaigns(BOREALIS).await.len(), 2, "no list says so there");
}

#[tokio::test]
async fn what_one_peer_makes_up_is_bounded_and_a_feed_that_all_import_is_no_burst() {
    let federation = Federation::partners_with(|campaigns| (campaigns.per_author_max, campaigns.raised_max) = (10, 4)).await;
    let table: String = (0..40).map(|n| format!("m{n}.example.org,made-up-{n}-name\n")).collect();
    let report = federation.import(BOREALIS, format!("value,label\n{table}"), Format::Csv, Tlp::Amber, "partners").await;
    assert_eq!(report.released, 40);
    federation.settle().await;
    federation.campaigns(AMAL).await;
    let snapshot = federation.node(AMAL).store.snapshot().unwrap();
    assert_eq!(snapshot.all_kept(watchfire::store::change::Shelf::Report).unwrap().len(), 10);
    drop(snapshot);
    // The same feed from three: each value is reported by several.
    let feed: String = (0..50).map(|n| format!("f{n}.example.org\n")).collect();
    for who in [BOREALIS, CEDAR, DUNYA] {
        federation.import(who, feed.clone(), Format::Text, Tlp::Amber, "partners").await;
        federation.settle().await;
    }
    assert_eq!(federation.campaigns(AMAL).await.len(), 4);
    assert_eq!(federation.told(AMAL), 1, "one notice for all that came at once");
    // That keeps no name from being told; what Borealis makes up beyond its bound does not count.
    for (who, value) in [(BOREALIS, "b.example.org"), (CEDAR, "c.example.org"), (DUNYA, "d.example.org")] {
        federation.labelled(who, value, NAME).await;
    }
    assert_eq!((federation.campaigns(AMAL).await.len(), federation.told(AMAL)), (4, 1));
    federation.labelled(AMAL, "a.example.org", NAME).await;
    assert_eq!((federation.campaigns(AMAL).await.len(), federation.told(AMAL)), (5, 2));
    // What has passed is forgotten, so that the next names count.
    federation.pass(3 * DAY).await;
    federation.node(AMAL).forget_reports().await.unwrap();
    for (who, value) in [(BOREALIS, "later.example.org"), (CEDAR, "latest.example.org"), (DUNYA, "last.example.org")] {
        federation.labelled(who, value, "another name of theirs").await;
    }
    assert_eq!(federation.campaigns(AMAL).await.iter().filter(|view| view.kind == "campaign").count(), 2);
}

#[tokio::test]
async fn a_referral_reports_too_and_takes_the_name_with_it() {
    let federation = Federation::partners().await;
    federation.labelled(BOREALIS, "one.example.org", NAME).await;
    let mut request = case(&["amal"]);
    request.offer.campaign = NAME.into();
    let id = federation.refer(CEDAR, request).await;
    federation.settle().await;
    let mut ours = case(&["dunya"]);
    ours.offer.campaign = NAME.into();
    federation.refer(AMAL, ours).await;
    federation.settle().await;
    let all = federation.campaigns(AMAL).await;
    assert_eq!(all.iter().map(names).collect::<Vec<_>>(), [["borealis", "cedar", "us"]]);
    assert_eq!(federation.campaigns(BOREALIS).await, [], "referrals are known to two");
    let ceiling = watchfire::model::Ceiling { tlp: Tlp::Amber, ..watchfire::model::Ceiling::NONE };
    let tool = federation.node(AMAL).campaigns_for(&To::Tool(ceiling)).unwrap();
    assert_eq!(tool, [], "two of the three are more restricted");
    federation.act(CEDAR, &id, Act::Withdraw { revoked: true }).await;
    federation.settle().await;
    federation.until_upkeep("it is gone", || federation.node(AMAL).campaigns().unwrap()[0].reports.len() == 2).await;
}

#[tokio::test]
async fn a_node_that_died_before_it_looked_looks_afterwards_and_tells_once() {
    let mut federation = Federation::partners().await;
    federation.labelled(BOREALIS, "one.example.org", NAME).await;
    federation.labelled(CEDAR, "two.example.org", NAME).await;
    federation.labelled(DUNYA, "three.example.org", NAME).await;
    federation.until("it was told", || federation.told(AMAL) == 1).await;
    for _ in 0..3 {
        federation.kill(AMAL);
        federation.start(AMAL).await;
        federation.settle().await;
        assert_eq!((federation.campaigns(AMAL).await.len(), federation.told(AMAL)), (1, 1));
    }
}
