//! What tools are given follows what is held: whatever has gone is gone there too, and they are told that it has.

use crate::harness::*;
use watchfire::model::sighting::SightingType;
use watchfire::model::{Ceiling, GroupId, Tlp};
use watchfire::node::referral::By;
use watchfire::node::serving::Coding;
use watchfire::node::view::{ExportFormat, ExportOptions, ExportRequest, ShareRequest};

const DAY: u64 = 86_400_000;

/// An export of everything, or of what was said in some groups.
fn whole(format: ExportFormat, groups: Vec<GroupId>) -> ExportRequest {
    ExportRequest { format, ceiling: Ceiling::NONE, groups, since: None, kinds: Vec::new(), options: ExportOptions::default() }
}

impl Federation {
    /// A zone's serial, and whether a name is in it.
    fn zone(&self, who: Who, request: &ExportRequest, name: &str) -> (u32, bool) {
        let zone = self.export_as(who, request);
        let serial = zone.lines().find_map(|line| line.strip_prefix("@ SOA ")?.split(' ').nth(2)?.parse().ok());
        (serial.expect("a serial"), zone.contains(&format!("\n{name} CNAME ")))
    }
}

#[tokio::test]
async fn a_zone_s_serial_rises_with_all_that_leaves_it_and_never_goes_back() {
    let federation = Federation::with(2, |_, config| config.records.retention_days = 30).await;
    federation.pair(AMAL, BOREALIS).await;
    let group = federation.group(AMAL, "circle", &[BOREALIS]).await;
    federation.settle().await;
    let ends = federation.clock.now().plus(DAY);
    federation.share(AMAL, "old-lure.com", Tlp::Amber, "circle").await;
    federation.tick(5_000);
    let newest = federation.share(AMAL, "new-lure.com", Tlp::Amber, "circle").await.to_string();
    federation.share(AMAL, "doubtful-lure.com", Tlp::Amber, "circle").await;
    let short = ShareRequest { valid_until: Some(ends), ..ask("short-lure.com", Tlp::Amber, "circle") };
    federation.node(AMAL).share(short).await.unwrap();
    federation.settle().await;
    for (who, groups) in [(AMAL, vec![]), (BOREALIS, vec![]), (AMAL, vec![group]), (BOREALIS, vec![group])] {
        let request = whole(ExportFormat::Rpz, groups);
        assert!(federation.zone(who, &request, "new-lure.com").1, "{who:?}");
        assert_eq!(federation.export_as(who, &request), federation.export_as(who, &request));
    }
    // Each time within the same second, and then after a while in which nothing comes.
    let all = |name: &str| {
        [(AMAL, vec![]), (BOREALIS, vec![]), (AMAL, vec![group]), (BOREALIS, vec![group])]
            .map(|(who, groups)| federation.zone(who, &whole(ExportFormat::Rpz, groups), name))
    };
    let rises = |what: &str, before: [(u32, bool); 4], after: [(u32, bool); 4]| {
        for (before, after) in before.into_iter().zip(after) {
            assert!(before.1 && !after.1 && after.0 > before.0, "{what}: {before:?}, {after:?}");
        }
    };
    let before = all("new-lure.com");
    federation.recall(AMAL, &newest).await;
    federation.settle().await;
    rises("recalled", before, all("new-lure.com"));
    let before = all("doubtful-lure.com");
    federation.node(AMAL).withdraw("doubtful-lure.com", "the domain has a new owner").await.unwrap();
    federation.settle().await;
    rises("withdrawn", before, all("doubtful-lure.com"));
    let before = all("short-lure.com");
    federation.pass(DAY + 1).await;
    let after = all("short-lure.com");
    rises("expired", before, after);
    federation.pass(DAY).await;
    assert_eq!(all("short-lure.com"), after, "nothing has changed since");
    // What was said elsewhere moves no number of what was said in a group.
    federation.share(AMAL, "old-lure.com", Tlp::Amber, "borealis").await;
    federation.settle().await;
    let later = all("short-lure.com");
    assert_eq!(later[2..], after[2..]);
    // What is destroyed after its retention counts on.
    federation.pass(31 * DAY).await;
    let gone = all("old-lure.com");
    assert!(gone.iter().zip(later).all(|(now, before)| !now.1 && now.0 > before.0), "{later:?}, {gone:?}");
    for who in [AMAL, BOREALIS] {
        federation.node(who).destroy_expired(true).await.unwrap();
    }
    let destroyed = all("old-lure.com");
    assert!(destroyed.iter().zip(gone).all(|(now, before)| !now.1 && now.0 >= before.0), "{gone:?}, {destroyed:?}");
}

#[tokio::test]
async fn what_one_is_less_sure_of_leaves_what_is_fetched_and_comes_back_when_it_is_met() {
    let federation = Federation::helplines(3).await;
    federation.share(CEDAR, "aging-lure.com", Tlp::Amber, "helplines").await;
    federation.settle().await;
    let settled =
        |request: ExportRequest, least| ExportRequest { options: ExportOptions { least_confidence: least, ..request.options }, ..request };
    let text = settled(whole(ExportFormat::Text, vec![]), Some(30));
    let stix = settled(whole(ExportFormat::Stix, vec![]), Some(30));
    let zone = settled(whole(ExportFormat::Rpz, vec![]), Some(30));
    let node = federation.node(CEDAR).clone();
    node.sweep_served().unwrap();
    let mut tags: Vec<(String, u32)> = Vec::new();
    // Nobody said how sure they are, so 50: it is in it, is half as sure for a doubt, more sure for each time that it was met, and less with the days.
    let mut look = async |federation: &Federation, is_in: bool, what: &str| {
        let all = federation.export_as(CEDAR, &whole(ExportFormat::Text, vec![]));
        assert_eq!(all, "aging-lure.com\n", "{what}: without a bound all is in it");
        assert_eq!(federation.export_as(CEDAR, &text) == all, is_in, "{what}");
        let fetched = node.fetch(&text, None, Coding::Identity).await.unwrap().unwrap();
        let again = node.fetch(&text, None, Coding::Identity).await.unwrap().unwrap();
        assert_eq!((fetched.size() > 0, fetched.tag()), (is_in, again.tag()), "{what}");
        let (serial, is_there) = federation.zone(CEDAR, &zone, "aging-lure.com");
        assert_eq!(is_there, is_in, "{what}");
        let came = node.ledger(&stix).await.unwrap().entries.iter().find(|one| one.kind() == "indicator").map(|one| one.added);
        assert_eq!(came.is_some(), is_in, "{what}");
        if let Some((tag, before)) = tags.last() {
            assert!(*tag != fetched.tag() && *before < serial, "{what}: {before}, {serial}");
        }
        tags.push((fetched.tag(), serial));
        came
    };
    let first = look(&federation, true, "it has just come").await;
    federation.tick(1_000);
    federation.met(AMAL, SightingType::FalsePositive).await;
    look(&federation, false, "amal doubts it").await;
    federation.tick(1_000);
    federation.met(AMAL, SightingType::Seen).await;
    let second = look(&federation, true, "amal has met it and doubts it no more").await;
    assert!(second > first, "whoever has gone on is told anew");
    federation.pass(80 * DAY).await;
    look(&federation, false, "80 days of 180 are over").await;
    federation.met(BOREALIS, SightingType::Seen).await;
    let third = look(&federation, true, "it was met again").await;
    assert!(third > second);
}

impl Federation {
    async fn met(&self, who: Who, what: SightingType) {
        let request = serde_json::json!({ "of": "aging-lure.com", "type": what.to_string() });
        self.node(who).add_sighting(serde_json::from_value(request).unwrap(), By::default()).await.unwrap();
        self.settle().await;
    }
}
