//! What is shared is held for a while: previewed, undone, let go when it is due, and what left is proven.

use crate::harness::*;
use data_encoding::{BASE64, HEXLOWER};
use std::io::Cursor;
use watchfire::config::Config;
use watchfire::formats::Format;
use watchfire::formats::age::Identity;
use watchfire::link::convert::{decode_record, encode_record};
use watchfire::model::log::{Audience, Body};
use watchfire::model::{Label, Record, RecordKind, Tlp};
use watchfire::node::NodeError;
use watchfire::node::view::{HoldState, HoldView, ImportReport, ImportRequest, Page, PreviewView, ShareReport, ShareRequest};
use watchfire::rules::disclosed::{Line, whole};
use watchfire::rules::label::Held;
use watchfire::rules::release::{Disclosure, digest};

const HOLD: u64 = 30 * SECOND;

fn held(_: Who, config: &mut Config) {
    config.release.hold_s = HOLD / SECOND;
}

/// So many organisations that hold what they share, each paired with each other.
async fn federation_of(count: usize) -> Federation {
    let federation = Federation::with(count, held).await;
    for one in 0..count {
        for other in one + 1..count {
            federation.pair(Who(one), Who(other)).await;
        }
    }
    federation.settle().await;
    federation
}

fn values(values: &[&str], tlp: Tlp, to: &str) -> ShareRequest {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    ShareRequest { values, now: false, note: Some("seen today".into()), ..ask("", tlp, to) }
}

async fn share(federation: &Federation, request: ShareRequest) -> ShareReport {
    federation.node(AMAL).share(request).await.unwrap()
}

/// Amal's only hold.
fn only_hold(federation: &Federation) -> HoldView {
    let mut holds = federation.node(AMAL).holds().unwrap();
    assert_eq!(holds.len(), 1, "{holds:?}");
    holds.remove(0)
}

fn id(hold: &HoldView) -> String {
    hold.id.unwrap().to_string()
}

async fn import(federation: &Federation, text: String, now: bool, dry_run: bool) -> ImportReport {
    let request = ImportRequest { dry_run, now, ..ImportRequest::now(Format::Text, Tlp::Amber, "borealis") };
    let node = federation.node(AMAL).clone();
    let work = move || node.import(request, Box::new(Cursor::new(text)), &mut |_| {});
    tokio::task::spawn_blocking(work).await.unwrap().unwrap()
}

/// Everything of amal's that borealis holds, in its order: label, kind and body, as borealis got it.
fn got(federation: &Federation, who: Who) -> Vec<(Label, u8, Vec<u8>)> {
    let snapshot = federation.node(who).store.snapshot().unwrap();
    let mut got = Vec::new();
    for log in snapshot.logs_of(&federation.org(AMAL)).unwrap() {
        for seq in 1..=log.head.size {
            let (Held(entry), _) = snapshot.entry(&log.id, seq).unwrap().unwrap();
            let Body::Present(body) = entry.body else { continue };
            got.push((entry.header.label, entry.header.kind, body));
        }
    }
    got
}

/// The digest of what a peer got, made of the bytes that it holds and nothing else.
fn digest_at(federation: &Federation, who: Who) -> String {
    let got = got(federation, who);
    let mut labels: Vec<(Label, u8)> = got.iter().map(|(label, kind, _)| (*label, *kind)).collect();
    labels.sort_unstable();
    labels.dedup();
    let lines: Vec<Line> = labels
        .into_iter()
        .map(|(label, kind)| {
            let bodies: Vec<&[u8]> = got.iter().filter(|one| (one.0, one.1) == (label, kind)).map(|(_, _, body)| body.as_slice()).collect();
            Line { label, kind, count: bodies.len() as u64, digest: digest(bodies), retention: START }
        })
        .collect();
    HEXLOWER.encode(&whole(&lines))
}

fn lines(federation: &Federation) -> Vec<Disclosure> {
    let snapshot = federation.node(AMAL).store.snapshot().unwrap();
    let lines = snapshot.disclosures(1..=u64::MAX).unwrap();
    lines.iter().map(|line| serde_json::from_str(&line.json).unwrap()).collect()
}

/// Time passes until nothing is held.
async fn let_go(federation: &Federation) {
    federation.clock.advance(HOLD);
    federation.until("it has left", || federation.node(AMAL).holds().unwrap().is_empty()).await;
    federation.settle().await;
}

#[tokio::test]
async fn what_is_shared_is_held_for_thirty_seconds_and_leaves_then() {
    let federation = federation_of(2).await;
    let report = share(&federation, values(&["evil.example.org"], Tlp::Amber, "borealis")).await;
    assert_eq!((report.released.len(), report.held.len()), (1, 1));
    federation.clock.advance(HOLD - 1);
    federation.settle().await;
    assert!(!federation.finds(BOREALIS, "evil.example.org") && !federation.finds(AMAL, "evil.example.org"));
    assert_eq!(only_hold(&federation), report.held[0]);
    let status = federation.node(AMAL).status().unwrap().held.unwrap();
    assert_eq!((status.releases, status.records, status.next), (1, 1, Some(START.plus(HOLD))));
    federation.clock.advance(1);
    federation.until("it has left", || federation.finds(BOREALIS, "evil.example.org")).await;
    let line = lines(&federation).remove(0);
    assert!(!line.now);
    assert_eq!(line.particulars.recipients, [federation.org(BOREALIS)]);
    assert_eq!(line.particulars.release.map(|id| id.to_string()), Some(id(&report.held[0])));
    assert_eq!(federation.node(AMAL).status().unwrap().held, None);
}

#[tokio::test]
async fn what_was_undone_leaves_no_trace_on_the_wire_and_none_here() {
    let mut federation = federation_of(2).await;
    let secret = federation.secret(&[]);
    let request = ShareRequest { note: Some(format!("seen in {secret}")), ..values(&["evil.example.org"], Tlp::Amber, "borealis") };
    let report = share(&federation, request).await;
    let undone = federation.node(AMAL).undo(&id(&report.held[0]), None).await.unwrap();
    assert_eq!((undone.count, undone.left), (1, 0));
    federation.pass(HOUR).await;
    federation.settle().await;
    assert!(got(&federation, BOREALIS).is_empty() && lines(&federation).is_empty());
    assert_eq!(federation.entries(AMAL, AMAL), 0, "no position was given");
    let again = federation.node(AMAL).undo(&id(&report.held[0]), None).await;
    assert!(matches!(again, Err(NodeError::NotHeld(_))), "{again:?}");
    // Bytes in free pages of the file are wiped by compaction, as those of any body.
    assert!(federation.node(AMAL).store.compact().await.unwrap());
}

#[tokio::test]
async fn a_preview_shows_the_very_bytes_that_the_peer_gets() {
    let federation = federation_of(2).await;
    let request = || values(&["evil.example.org", "hxxps://bad.example.org/x", "evil.example.org"], Tlp::AmberStrict, "borealis");
    let dry = share(&federation, ShareRequest { dry_run: true, ..request() }).await;
    assert!(dry.held.is_empty() && federation.node(AMAL).holds().unwrap().is_empty(), "a look makes nothing");
    let held = share(&federation, request()).await.held.remove(0);
    let preview: PreviewView = federation.node(AMAL).preview(&id(&held), Page::default()).unwrap();
    assert_eq!((&dry.preview[0].hold.digest, dry.preview[0].records.clone()), (&held.digest, preview.records.clone()));
    assert_eq!(preview.hold.recipients[0].name.as_deref(), Some("borealis"));
    let label = &preview.hold.labels[0];
    assert_eq!((label.label, label.count, label.retention), (Tlp::AmberStrict.into(), 2, Some(START.plus(1_095 * DAY))));
    let_go(&federation).await;
    let bodies: Vec<Vec<u8>> = got(&federation, BOREALIS).into_iter().map(|(_, _, body)| body).collect();
    let shown: Vec<Vec<u8>> = preview.records.iter().map(|record| BASE64.decode(record.bytes.as_bytes()).unwrap()).collect();
    assert_eq!(shown, bodies);
    assert_eq!(digest_at(&federation, BOREALIS), held.digest);
    let disclosed = lines(&federation).remove(0).particulars;
    assert_eq!(disclosed.whole.map(|digest| HEXLOWER.encode(&digest)), Some(held.digest));
    // Every field that is in the bytes is shown, and none else.
    for (record, body) in preview.records.iter().zip(&bodies) {
        let Record::Indicator(indicator) = decode_record(RecordKind::Indicator, body).unwrap() else { panic!("an indicator") };
        let shown: Vec<(&str, &str)> = record.fields.iter().map(|field| (field.name.as_str(), field.value.as_str())).collect();
        let expected = [("kind", indicator.observable.kind().name()), ("value", indicator.observable.value()), ("note", "seen today")];
        assert_eq!(shown, expected);
        assert_eq!(&encode_record(&Record::Indicator(indicator)), body);
    }
}

#[tokio::test]
async fn now_skips_the_hold_with_the_previewed_digest_and_the_disclosure_says_so() {
    let federation = federation_of(2).await;
    let request = values(&["evil.example.org", "bad.example.org"], Tlp::Amber, "borealis");
    let dry = share(&federation, ShareRequest { dry_run: true, ..request.clone() }).await;
    let report = share(&federation, ShareRequest { now: true, ..request }).await;
    assert!(report.held.is_empty());
    federation.until("it has come", || federation.finds(BOREALIS, "evil.example.org")).await;
    federation.settle().await;
    assert_eq!(digest_at(&federation, BOREALIS), dry.preview[0].hold.digest);
    let line = lines(&federation).remove(0);
    assert!(line.now && line.particulars.whole.is_none());
}

#[tokio::test]
async fn a_hold_survives_a_crash_and_leaves_when_it_is_due() {
    let mut federation = federation_of(2).await;
    let held = share(&federation, values(&["evil.example.org"], Tlp::Amber, "borealis")).await.held.remove(0);
    federation.restart(AMAL).await;
    assert_eq!(only_hold(&federation), held);
    federation.settle().await;
    assert!(!federation.finds(BOREALIS, "evil.example.org"));
    // What came due while the node was down leaves at once.
    federation.kill(AMAL);
    federation.clock.advance(HOLD);
    federation.start(AMAL).await;
    federation.until("it has left", || federation.finds(BOREALIS, "evil.example.org")).await;
    assert_eq!(digest_at(&federation, BOREALIS), held.digest);
}

#[tokio::test]
async fn an_import_is_one_hold_of_many_parts_with_the_digest_that_was_previewed() {
    let federation = federation_of(2).await;
    // Three parts; a value that comes twice is said once.
    let text: String = (0..20_500).map(|n| format!("host{n}.example.org\n")).chain(["host7.example.org\n".to_owned()]).collect();
    let dry = import(&federation, text.clone(), false, true).await;
    assert_eq!((dry.released, dry.duplicate, dry.preview[0].records.len(), dry.preview[0].more), (20_500, 1, 100, 20_400));
    let report = import(&federation, text, false, false).await;
    assert_eq!((report.released, report.duplicate, report.held.len()), (20_500, 1, 1));
    let held = only_hold(&federation);
    assert_eq!((&held.digest, held.count, held.due), (&dry.preview[0].hold.digest, 20_500, Some(START.plus(HOLD))));
    let page = |skip, limit| federation.node(AMAL).preview(&id(&held), Page { skip, limit }).unwrap();
    let across = page(9_998, 5);
    assert_eq!((across.records.len(), across.more), (5, 20_500 - 10_003));
    assert_eq!(across.records[3], page(10_001, 1).records[0], "pages go on over parts");
    assert_eq!(page(20_499, 20).records.len(), 1);
    let_go(&federation).await;
    let lines = lines(&federation);
    let parts: Vec<Line> = lines
        .iter()
        .map(|line| Line { label: line.label, kind: line.kind, count: line.count, digest: line.digest, retention: START })
        .collect();
    assert_eq!((parts.len(), HEXLOWER.encode(&whole(&parts))), (3, held.digest.clone()));
    let sent: Vec<Vec<u8>> = got(&federation, BOREALIS).into_iter().map(|(_, _, body)| body).collect();
    let mut at = 0;
    for line in &lines {
        let bodies = &sent[at..at + line.count as usize];
        assert_eq!(digest(bodies.iter().map(Vec::as_slice)), line.digest);
        assert_eq!(line.particulars.whole.map(|digest| HEXLOWER.encode(&digest)), Some(held.digest.clone()));
        at += bodies.len();
    }
    assert_eq!(at, sent.len());
}

#[tokio::test]
async fn what_was_shared_or_recalled_since_is_left_out_and_the_rest_is_held_anew() {
    let federation = federation_of(2).await;
    let first =
        share(&federation, values(&["a.example.org", "b.example.org", "c.example.org"], Tlp::Amber, "borealis")).await.held.remove(0);
    share(&federation, ShareRequest { now: true, ..values(&["b.example.org"], Tlp::Amber, "borealis") }).await;
    federation.settle().await;
    federation.clock.advance(HOLD);
    federation.until("it was made anew", || only_hold(&federation).reason.is_some()).await;
    let anew = only_hold(&federation);
    assert_eq!((anew.id, anew.count, anew.due, anew.state), (first.id, 2, Some(START.plus(2 * HOLD)), HoldState::Held));
    assert_ne!(anew.digest, first.digest);
    assert_eq!(anew.reason.as_deref(), Some("made anew: 1 of its records had been shared or recalled since, so its digest is another"));
    assert!(!federation.finds(BOREALIS, "a.example.org"), "not even what is still news");
    let_go(&federation).await;
    assert!(federation.finds(BOREALIS, "a.example.org") && federation.finds(BOREALIS, "c.example.org"));
    assert_eq!(lines(&federation)[1].particulars.whole.map(|digest| HEXLOWER.encode(&digest)), Some(anew.digest));
    // A whole release that was said since goes away.
    share(&federation, values(&["d.example.org"], Tlp::Amber, "borealis")).await;
    share(&federation, ShareRequest { now: true, ..values(&["d.example.org"], Tlp::Amber, "borealis") }).await;
    let_go(&federation).await;
}

#[tokio::test]
async fn what_its_audience_may_not_have_any_more_stays_with_the_reason() {
    let federation = federation_of(2).await;
    share(&federation, values(&["evil.example.org"], Tlp::Amber, "borealis")).await;
    federation.node(AMAL).peer_suspend("borealis").await.unwrap();
    federation.clock.advance(HOLD);
    federation.until("it stays", || only_hold(&federation).state == HoldState::Kept).await;
    let kept = only_hold(&federation);
    assert_eq!(kept.reason.as_deref(), Some("the peer is suspended\nhint: `watchfire peer resume` opens the link again"));
    federation.pass(HOUR).await;
    assert_eq!(only_hold(&federation), kept);
    federation.node(AMAL).peer_resume("borealis").await.unwrap();
    federation.until("it has left", || federation.finds(BOREALIS, "evil.example.org")).await;
}

#[tokio::test]
async fn a_clock_that_went_back_holds_nothing_for_longer() {
    let mut federation = federation_of(2).await;
    federation.give_own_clock(AMAL, DAY).await;
    federation.settle().await;
    share(&federation, values(&["evil.example.org"], Tlp::Amber, "borealis")).await;
    federation.step_own_clock(AMAL, -(DAY as i64));
    federation.pass(10 * SECOND).await;
    federation.until("its time was put right", || only_hold(&federation).due.unwrap().0 <= START.0 + MINUTE).await;
    assert!(!federation.finds(BOREALIS, "evil.example.org"));
    // The clock that it has left, in steps, as looks come.
    for _ in 0..4 {
        federation.pass(10 * SECOND).await;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    federation.until("it has left", || federation.finds(BOREALIS, "evil.example.org")).await;
}

#[tokio::test]
async fn a_value_that_is_only_held_is_undone_and_not_recalled() {
    let federation = federation_of(2).await;
    let report = share(&federation, values(&["evil.example.org"], Tlp::Amber, "borealis")).await;
    for what in ["evil.example.org".to_owned(), report.released[0].record.to_string()] {
        match federation.node(AMAL).recall(&what, "mistake").await {
            Err(NodeError::OnlyHeld { hold, .. }) => assert_eq!(Some(hold), report.held[0].id),
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(federation.node(AMAL).withdraw("other.example.org", "x").await, Err(NodeError::UnknownRecord(_))));
    federation.node(AMAL).undo(&id(&report.held[0]), None).await.unwrap();
}

#[tokio::test]
async fn what_a_backup_held_waits_for_a_person_after_the_restore() {
    let mut federation = federation_of(2).await;
    share(&federation, values(&["undone.example.org"], Tlp::Amber, "borealis")).await;
    share(&federation, values(&["wanted.example.org"], Tlp::Amber, "borealis")).await;
    let identity = Identity::generate();
    let (backup, _) = federation.backup(AMAL, identity.recipient()).await;
    let holds = federation.node(AMAL).holds().unwrap();
    federation.restore(AMAL, &backup, &identity);
    federation.start(AMAL).await;
    federation.pass(HOUR).await;
    federation.settle().await;
    let after = federation.node(AMAL).holds().unwrap();
    assert!(after.iter().all(|hold| hold.state == HoldState::Restored) && after.len() == 2);
    let wanted = holds.iter().find(|hold| {
        let preview = federation.node(AMAL).preview(&id(hold), Page::default()).unwrap();
        preview.records[0].fields.iter().any(|field| field.value == "wanted.example.org")
    });
    federation.node(AMAL).release_hold(&id(wanted.unwrap()), None).await.unwrap();
    federation.clock.advance(HOLD);
    federation.until("it has left", || federation.finds(BOREALIS, "wanted.example.org")).await;
    assert!(!federation.finds(BOREALIS, "undone.example.org"));
}

#[tokio::test]
async fn where_the_disclosure_cannot_be_written_nothing_leaves() {
    let mut federation = Federation::with(2, held).await;
    let disk = federation.use_disk(AMAL).await;
    federation.pair(AMAL, BOREALIS).await;
    federation.settle().await;
    share(&federation, values(&["evil.example.org"], Tlp::Amber, "borealis")).await;
    disk.fill(true);
    federation.clock.advance(HOLD);
    let node = federation.node(AMAL).clone();
    federation.until("the disk is found full", || node.store_state() != "ok").await;
    assert!(node.share(ShareRequest { now: true, ..values(&["now.example.org"], Tlp::Amber, "borealis") }).await.is_err());
    for value in ["evil.example.org", "now.example.org"] {
        assert!(!federation.finds(BOREALIS, value), "{value}");
    }
    assert!(got(&federation, BOREALIS).is_empty());
    drop(node);
    disk.fill(false);
    federation.until("the disk is well", || federation.node(AMAL).store_state() == "ok").await;
    federation.clock.advance(HOLD);
    federation.until("it has left", || federation.finds(BOREALIS, "evil.example.org")).await;
    federation.settle().await;
    assert_eq!(lines(&federation).iter().map(|line| line.count).sum::<u64>(), got(&federation, BOREALIS).len() as u64);
}

#[tokio::test]
async fn disclosures_are_found_by_record_peer_and_time_and_checked_without_a_node() {
    let federation = federation_of(3).await;
    federation.group(AMAL, "partners", &[BOREALIS, CEDAR]).await;
    federation.settle().await;
    let now = |values: ShareRequest| ShareRequest { now: true, ..values };
    share(&federation, now(values(&["one.example.org", "two.example.org"], Tlp::Amber, "borealis"))).await;
    federation.clock.advance(DAY);
    share(&federation, now(values(&["two.example.org"], Tlp::Amber, "partners"))).await;
    federation.clock.advance(DAY);
    crate::desk::staff(federation.node(AMAL)).await;
    share(&federation, now(values(&["three.example.org"], Tlp::Red, "cedar"))).await;
    crate::desk::two_let_go(federation.node(AMAL)).await;
    federation.settle().await;
    let node = federation.node(AMAL);
    let numbers = |change: &dyn Fn(&mut watchfire::node::view::DisclosureRange)| {
        let mut range = Default::default();
        change(&mut range);
        node.disclosures(range).unwrap().iter().map(|line| line.number).collect::<Vec<_>>()
    };
    assert_eq!(numbers(&|_| {}), [1, 2, 3]);
    assert_eq!(numbers(&|range| range.record = Some("two.example.org".into())), [1, 2]);
    assert_eq!(numbers(&|range| range.record = Some("none.example.org".into())), [0; 0]);
    assert_eq!(numbers(&|range| range.to = Some("borealis".into())), [1, 2], "as a member of a group too");
    assert_eq!(numbers(&|range| range.to = Some("partners".into())), [2]);
    assert_eq!(numbers(&|range| range.since = Some(START.plus(HOUR))), [2, 3]);
    assert_eq!(numbers(&|range| range.until = Some(START.plus(DAY))), [1, 2]);
    assert_eq!(numbers(&|range| (range.record, range.to) = (Some("two.example.org".into()), Some("cedar".into()))), [2]);
    assert_eq!(numbers(&|range| (range.from, range.limit) = (2, 1)), [2]);
    let group = lines(&federation).remove(1);
    assert!(matches!(group.audience, Audience::Group(_)));
    assert_eq!(group.particulars.recipients.len(), 2);
    let mut file = Vec::new();
    node.export_disclosures(&mut file).unwrap();
    let text = String::from_utf8(file).unwrap();
    let check = |text: &str, head| {
        let lines: Vec<_> = text.lines().map(|line| Ok(line.to_owned())).collect();
        watchfire::node::disclosures::verify_file(lines.into_iter(), head).unwrap()
    };
    let whole = check(&text, None);
    assert!(whole.ok && whole == node.verify_disclosures(None).unwrap());
    let head: [u8; 32] = HEXLOWER.decode(whole.head.as_bytes()).unwrap().try_into().unwrap();
    let cut: String = text.lines().take(2).map(|line| format!("{line}\n")).collect();
    assert!(check(&cut, None).ok && !check(&cut, Some(head)).ok, "only a head that was written down tells");
    assert!(node.verify_disclosures(Some(head)).unwrap().ok && !node.verify_disclosures(Some([1; 32])).unwrap().ok);
    for position in 0..3 {
        let mut changed: Vec<String> = text.lines().map(str::to_owned).collect();
        changed[position] = changed[position].replace("amber", "clear").replace("\\\"red", "\\\"green");
        let found = check(&changed.join("\n"), None);
        assert_eq!((found.ok, found.position), (false, Some(position as u64 + 1)));
        changed[position] = "garbage".into();
        assert_eq!(check(&changed.join("\n"), None).position, Some(position as u64 + 1));
    }
}
