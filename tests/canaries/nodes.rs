//! All canaries through real nodes: Amal shares to Borealis, and the same to a peer that keeps every frame as it comes out of the encryption.

use crate::harness::rogue::{ROGUE, Rogue, Stream};
use crate::harness::*;
use crate::make::{Canary, Kind};
use crate::search::{Search, unescaped};
use crate::{COUNT, deny_list, planted};
use prost::Message;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::sync::{Arc, Mutex};
use watchfire::formats::Format;
use watchfire::link::convert::wire::{self, frame::Frame};
use watchfire::link::convert::{LogState, encode_record, have_frames};
use watchfire::model::log::{Audience, Head};
use watchfire::model::observable::Observable;
use watchfire::model::{Indicator, ObservableKind, Record, RecordKind, Tlp};
use watchfire::node::view::{ExportFormat, GroupCreate, ShareRequest};

/// May leave: it stands on `gate.keep_list`.
const KEPT: &str = "hotline@kept-canary.org";
/// An attacker's address, which every note repeats.
const ATTACKERS: &str = "evil-canary-login.com";
/// Canaries of one note.
const PACK: usize = 10;

/// What a peer that is only listening has heard: frames, and the chunks of batches put together.
type Heard = Arc<Mutex<Vec<u8>>>;

/// Asks for Amal's log, acknowledges what comes, and keeps it.
async fn listen(mut stream: Stream, log: Vec<u8>, heard: Heard) {
    stream.say(Frame::Want(wire::Want { log: log.clone(), from: 1, credit: 1 << 30, ..Default::default() })).await;
    let keep = |bytes: &[u8]| heard.lock().unwrap().extend(bytes);
    let mut through = 0;
    while let Some(frame) = stream.hear().await {
        if let Frame::Close(close) = &frame {
            panic!("the node closes: {close:?}");
        }
        let Frame::Batch(batch) = frame else {
            keep(&wire::Frame { frame: Some(frame) }.encode_to_vec());
            continue;
        };
        keep(&batch.chunk);
        through = batch.meta.map_or(through, |meta| meta.first + u64::from(meta.count) - 1);
        if batch.last {
            stream.say(Frame::Ack(wire::Ack { log: log.clone(), through, verdicts: Vec::new() })).await;
        }
    }
}

fn domain(what: &str, number: usize) -> String {
    format!("{what}{number}.{ATTACKERS}")
}

fn texts(canaries: &[Canary]) -> Vec<&str> {
    canaries.iter().map(|canary| canary.text.as_str()).collect()
}

/// Notes with some canaries each, and something that may leave.
fn notes(canaries: &[Canary], gap: &str) -> Vec<String> {
    let allowed = format!("{gap}Write to {KEPT}, blocked {ATTACKERS}.");
    canaries.chunks(PACK).map(|part| texts(part).join(gap) + &allowed).collect()
}

/// Files with canaries in every text that is read of them, and how they are called.
fn files(canaries: &[Canary]) -> Vec<(Format, String)> {
    let (notes, all) = (notes(canaries, "\n\n"), texts(canaries));
    let mut objects: Vec<Value> = Vec::new();
    let mut events: Vec<Value> = Vec::new();
    let mut table = "value,description,tags,source\r\n".to_owned();
    let cell = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    for (at, note) in notes.iter().enumerate() {
        let labels: Vec<&str> = all.iter().copied().skip(at * PACK).take(PACK).collect();
        let ids = |kind: &str| format!("{kind}--00000000-0000-4000-8000-{at:012}");
        objects.push(json!({"type": "identity", "spec_version": "2.1", "id": ids("identity"), "name": all[at]}));
        objects.push(
            json!({"type": "malware", "spec_version": "2.1", "id": ids("malware"), "name": all[at + notes.len()], "is_family": true}),
        );
        objects.push(json!({"type": "relationship", "spec_version": "2.1", "id": ids("relationship"), "relationship_type": "indicates",
            "source_ref": ids("indicator"), "target_ref": ids("malware")}));
        objects.push(json!({"type": "indicator", "spec_version": "2.1", "id": ids("indicator"), "created_by_ref": ids("identity"),
            "created": "2026-11-01T00:00:00Z", "modified": "2026-11-01T00:00:00Z", "valid_from": "2026-11-01T00:00:00Z",
            "name": all[at], "description": note, "labels": labels, "pattern_type": "stix",
            "pattern": format!("[domain-name:value = '{}']", domain("stix", at))}));
        let tags: Vec<Value> = labels.iter().map(|label| json!({ "name": label })).collect();
        events.push(json!({"Event": {"info": all[at], "Orgc": {"name": all[at + notes.len()]}, "Tag": [], "Attribute":
            [{"type": "domain", "value": domain("misp", at), "comment": note, "to_ids": true, "Tag": tags}]}}));
    }
    let mut lines = String::new();
    for (at, text) in all.iter().enumerate() {
        table += &format!("{},{},{},{}\r\n", domain("csv", at), cell(text), cell(text), cell(text));
        let flat = text.replace('\n', " ");
        lines += &format!("# {flat}\n{flat}\n{} # {flat}\n{} {flat}\n", domain("line", at), domain("list", at));
    }
    vec![
        (Format::Stix, json!({"type": "bundle", "id": "bundle--00000000-0000-4000-8000-000000000000", "objects": objects}).to_string()),
        (Format::Misp, json!({ "response": events }).to_string()),
        (Format::Csv, table),
        (Format::Text, lines),
    ]
}

/// Shares, imports and takes back with all canaries in everything that people or files can fill.
async fn plant(federation: &Federation, canaries: &[Canary], to: &str) {
    let node = federation.node(AMAL);
    for (at, note) in notes(canaries, "\n\n").iter().enumerate() {
        let labels = texts(&canaries[at * PACK..(at + 1) * PACK]).into_iter().map(Into::into).collect();
        let request = ShareRequest { note: Some(note.clone()), labels, ..ask(&domain("hand", at), Tlp::Amber, to) };
        let report = node.share(request).await.unwrap();
        assert_eq!(report.released.len() + report.duplicate.len(), 1, "{report:?}");
    }
    for (format, text) in files(canaries) {
        let report = federation.import(AMAL, text, format, Tlp::Amber, to).await;
        assert!(report.released >= (COUNT / PACK) as u64, "{format:?}: {report:?}");
    }
    // Values of words, and URLs that were made for one person.
    let hidden = |kind: Kind| canaries.iter().filter(move |canary| canary.kind == kind).map(|canary| &canary.hidden);
    let names = hidden(Kind::Denied).map(|name| format!("{name} passport.docx")).collect();
    let links = hidden(Kind::Url).map(|link| link.replace("accounts.tutamail.com", ATTACKERS)).collect();
    let share = |values, kind| node.share(ShareRequest { values, kind: Some(kind), ..ask("", Tlp::Amber, to) });
    let report = share(names, ObservableKind::FileName).await.unwrap();
    let unasked: Vec<&str> = report.released.iter().filter(|one| !one.held).map(|one| one.value.as_str()).collect();
    assert!(report.released.len() > 100 && unasked.is_empty(), "a person is asked about each: {unasked:?}");
    let report = share(links, ObservableKind::Url).await.unwrap();
    assert!(!report.released.is_empty(), "without their tokens: {report:?}");
}

/// Reasons of what is taken back; names of groups.
async fn take_back_and_name(federation: &Federation, canaries: &[Canary]) {
    let node = federation.node(AMAL);
    for (at, reason) in canaries.chunks(PACK).map(|part| texts(part).join("\n")).enumerate() {
        match at % 2 {
            0 => node.withdraw(&domain("hand", at), &reason).await.map(drop).unwrap(),
            _ => node.recall(&domain("hand", at), &reason).await.map(drop).unwrap(),
        }
    }
    let names = canaries.iter().map(|canary| &canary.text).filter(|text| text.chars().count() <= 60 && !text.contains('\n'));
    let mut refused = 0;
    for name in names.step_by(10) {
        let request = GroupCreate { name: name.clone(), members: vec!["borealis".into()], ..GroupCreate::default() };
        refused += usize::from(node.group_create(request).await.is_err());
    }
    assert!(refused > 50, "{refused}");
}

/// Every row of every table.
fn rows(federation: &Federation, who: Who) -> String {
    let mut bytes = Vec::new();
    let snapshot = federation.node(who).store.snapshot().unwrap();
    snapshot
        .dump_rows(&mut |_, piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })
        .unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn exports(federation: &Federation, who: Who) -> String {
    ExportFormat::ALL.into_iter().map(|format| unescaped(&federation.export(who, format))).collect()
}

/// What a node tells whoever watches it.
fn figures(federation: &Federation, who: Who) -> String {
    let node = federation.node(who);
    let mut disclosures = Vec::new();
    node.export_disclosures(&mut disclosures).unwrap();
    let status = serde_json::to_string(&node.status().unwrap()).unwrap();
    unescaped(&(status + &String::from_utf8_lossy(&disclosures)))
}

#[tokio::test]
async fn no_canary_leaves_a_real_node() {
    log::collect_everything();
    let canaries = planted();
    let files = tempfile::tempdir().unwrap();
    let (deny, keep) = (files.path().join("names.txt"), files.path().join("keep.txt"));
    fs::write(&deny, deny_list(&canaries)).unwrap();
    fs::write(&keep, format!("{KEPT}\n")).unwrap();
    let federation = Federation::with(2, |who, config| {
        if who == AMAL {
            (config.gate.deny_list, config.gate.keep_list) = (Some(deny.clone()), Some(keep.clone()));
        }
    })
    .await;
    federation.pair(AMAL, BOREALIS).await;
    let rogue = Rogue::paired_with(&federation, AMAL).await;
    let log = federation.node(AMAL).store.snapshot().unwrap().our_log_key(&Audience::Direct(rogue.identity.org())).unwrap().id();
    for to in ["borealis", ROGUE] {
        plant(&federation, &canaries, to).await;
    }
    let mut stream = rogue.link().await;
    stream.say_all(have_frames(&[], &[]).into_iter().filter_map(|frame| frame.frame).collect()).await;
    let heard = Heard::default();
    let listening = tokio::spawn(listen(stream, log.0.to_vec(), heard.clone()));

    take_back_and_name(&federation, &canaries).await;
    federation.settle().await;
    let size = || federation.node(AMAL).store.snapshot().unwrap().log(&log).unwrap().map_or(0, |row| row.head.size);
    federation.until("the peer has every frame", || federation.acknowledged_by(AMAL, &log, &rogue.identity.org()) == size()).await;
    listening.abort();

    let search =
        Search::of(canaries.iter().enumerate().flat_map(|(at, canary)| canary.needles.iter().map(move |needle| (at, needle.clone()))));
    let frames = String::from_utf8_lossy(&heard.lock().unwrap()).into_owned();
    let logs = || unescaped(&federation.log());
    let sinks = [
        ("frames", frames.clone()),
        ("logs", logs()),
        ("figures", figures(&federation, AMAL) + &figures(&federation, BOREALIS)),
        ("the peer's store", rows(&federation, BOREALIS)),
        ("the peer's exports", exports(&federation, BOREALIS)),
    ];
    let mut leaks = BTreeSet::new();
    for (sink, text) in &sinks {
        let found = search.find(text);
        println!("{} of {COUNT} canaries in {sink} ({} KiB)", found.len(), text.len() >> 10);
        leaks.extend(found.iter().map(|at| format!("{sink}: {}", canaries[*at])));
    }
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.into_iter().take(60).collect::<Vec<_>>().join("\n"));

    // What may leave is found where it should be, and so is what a log does print.
    let allowed = Search::of([KEPT, ATTACKERS, &federation.org(BOREALIS).to_string()].into_iter().map(crate::search::folded).enumerate());
    let found: Vec<Vec<usize>> = sinks.iter().map(|(_, text)| allowed.find(text).into_iter().collect()).collect();
    assert_eq!((&found[0][..2], &found[3][..2], &found[4][..2]), (&[0, 1][..], &[0, 1][..], &[0, 1][..]), "controls: {found:?}");
    assert!(found[1] == [2] && found[2].contains(&2), "controls: {found:?}");

    // A hole: a peer without a gate puts all of them straight into Borealis' store. The same search finds each.
    let careless = Rogue::paired_with(&federation, BOREALIS).await;
    let mut stream = careless.link().await;
    let entries = notes(&canaries, "\n\n").into_iter().enumerate().map(|(at, note)| {
        let indicator = Indicator { note: Some(note), ..Indicator::bare(Observable::guess(&domain("hole", at)).unwrap()) };
        careless.entry_of(RecordKind::Indicator.number(), encode_record(&Record::Indicator(indicator)))
    });
    let entries: Vec<_> = entries.collect();
    let mut hole = String::new();
    let (batch, frames) = careless.batch(Head::default(), entries, &careless.identity.log_key());
    for frame in &frames {
        if let Frame::Batch(part) = frame {
            hole += &String::from_utf8_lossy(&part.chunk);
        }
    }
    stream
        .say_all(
            have_frames(&[LogState { key: careless.log(), head: batch.checkpoint.head }], &[])
                .into_iter()
                .filter_map(|frame| frame.frame)
                .collect(),
        )
        .await;
    stream.until(|frame| matches!(frame, Frame::Want(want) if want.log == careless.log().id().0)).await;
    stream.say_all(frames).await;
    stream.acknowledged().await;
    let all: BTreeSet<usize> = (0..COUNT).collect();
    assert_eq!(search.find(&rows(&federation, BOREALIS)), all, "the store is searched well enough");
    assert_eq!(search.find(&exports(&federation, BOREALIS)), all, "so are exports");
    assert_eq!(search.find(&logs()).len(), 0, "and even so nothing is logged");
}
