//! When a source says that something ends, it ends here too, whatever kind of feed says so.

use super::tests::{Desk, indicator};
use super::*;
use crate::model::{Ceiling, Class, Pap, Timestamp, Tlp};
use crate::node::view::{ExportFormat, ExportOptions, ExportRequest};

/// Seventeen days from where tests begin.
pub(super) const END: &str = "2027-02-01T00:00:00Z";
pub(super) const ENDS: &str = "ends.login-lure.com";
pub(super) const STAYS: &str = "stays.login-lure.com";

fn exported(desk: &Desk, format: ExportFormat) -> [bool; 2] {
    let ceiling = Ceiling { tlp: Tlp::AmberStrict, class: Class::Confidential, pap: Pap::Red };
    let options = ExportOptions::default();
    let request = ExportRequest { format, ceiling, groups: Vec::new(), since: None, kinds: Vec::new(), options };
    let mut out = Vec::new();
    desk.node.begin_export(request).unwrap().write(&mut out).unwrap();
    [ENDS, STAYS].map(|value| out.windows(value.len()).any(|some| some == value.as_bytes()))
}

/// A feed says two values, of which one ends.
pub(super) async fn ends_in_time(desk: &Desk, name: &str) {
    let end: Timestamp = END.parse().unwrap();
    assert_eq!(desk.became(name).await, [2, 0, 0, 0], "{name}");
    let until = |value: &str| desk.node.lookup(&[value.to_owned()]).unwrap().remove(0).matches[0].valid_until;
    assert_eq!((until(ENDS), until(STAYS)), (Some(end), None), "{name}");
    let out = || [ExportFormat::Stix, ExportFormat::Text, ExportFormat::Rpz].map(|format| exported(desk, format));
    desk.clock.advance(end.since(desk.clock.now()) - 1);
    assert_eq!(out(), [[true, true]; 3], "{name}");
    desk.clock.advance(1);
    assert_eq!(out(), [[false, true]; 3], "{name}");
    // Its source still has it, and it is read again: that it has ended stays so.
    assert_eq!(desk.run(name).await.fault, None);
    assert_eq!((until(ENDS), out()), (Some(end), [[false, true]; 3]), "{name}");
}

/// Attributes of an event. The one that stays was seen within a day of when it was written, which is no end.
pub(super) fn attributes() -> [(&'static str, serde_json::Value); 2] {
    [(ENDS, END.into()), (STAYS, "2020-09-14T12:26:40Z".into())]
}

fn event(uuid: &str) -> String {
    let attributes = attributes().map(|(value, last_seen)| {
        serde_json::json!({"type": "domain", "category": "Network activity", "to_ids": true, "value": value, "timestamp": "1600000000", "last_seen": last_seen})
    });
    serde_json::json!({"Event": {"uuid": uuid, "info": "i", "Attribute": attributes}}).to_string()
}

fn objects() -> String {
    [indicator(1, ENDS, &format!(r#","valid_until":"{END}""#)), indicator(2, STAYS, "")].join(",")
}

fn table() -> String {
    format!("domain,valid_until\n{ENDS},{END}\n{STAYS},\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_list_says_ends_when_it_says_so() {
    let event = event("deba275d-e3f9-54f1-80c8-6b06887a75f4");
    let bundle = format!(r#"{{"type":"bundle","id":"bundle--x","objects":[{}]}}"#, objects());
    for (path, body) in [("/list.csv", table()), ("/list.stix", bundle), ("/event.json", event)] {
        let desk = renew_tests::desk().await;
        desk.web.put(path, body);
        desk.add("list", Kind::List, desk.web.url(path)).await;
        ends_in_time(&desk, "list").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_file_says_ends_when_it_says_so() {
    let desk = renew_tests::desk().await;
    let folder = desk.folder();
    std::fs::write(folder.join("a.csv"), table()).unwrap();
    desk.add("drop", Kind::Folder, folder.display().to_string()).await;
    ends_in_time(&desk, "drop").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_event_of_a_misp_feed_says_ends_when_it_says_so() {
    let (desk, uuid) = (renew_tests::desk().await, "deba275d-e3f9-54f1-80c8-6b06887a75f4");
    desk.web.put("/feed/manifest.json", format!(r#"{{"{uuid}":{{"timestamp":"1"}}}}"#));
    desk.web.put(&format!("/feed/{uuid}.json"), event(uuid));
    desk.add("misp", Kind::MispFeed, desk.web.url("/feed/")).await;
    ends_in_time(&desk, "misp").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_collection_says_ends_when_it_says_so() {
    let desk = renew_tests::desk().await;
    desk.web.put("/c/objects/", format!(r#"{{"more":false,"objects":[{}]}}"#, objects()));
    desk.web.put("/c/objects/?added_after=2026-11-01T10%3A00%3A00.000001Z", r#"{"more":false}"#);
    desk.add("taxii", Kind::Taxii, desk.web.url("/c/")).await;
    ends_in_time(&desk, "taxii").await;
}
