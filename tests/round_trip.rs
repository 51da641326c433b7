//! What a node says goes out as a file, is read by another node, goes out of that one again and is read by a third. Each field comes back as it was, but for what
//! [`LOSSES`] says; docs/exports.md has the same as a table.

// A scenario says what it expects by failing.
#![allow(clippy::unwrap_used)]

use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Cursor, Read};
use std::sync::Arc;
use watchfire::clock::Clock;
use watchfire::config::Config;
use watchfire::formats::pattern::{self, Dialect};
use watchfire::formats::{Format, marks_of};
use watchfire::link::convert::decode_record;
use watchfire::model::{Ceiling, Class, Indicator, Label, Observable, ObservableKind as K, OrgId, Pap, Record, RecordKind, Timestamp, Tlp};
use watchfire::node::Node;
use watchfire::node::feeds::{FeedAdd, FeedRun, Kind, Terms, WellKnown};
use watchfire::node::referral::By;
use watchfire::node::view::{ExportFormat, ExportRequest, ImportReport, ImportRequest, PeerOptions};
use watchfire::rules::campaigns::name_of;
use watchfire::rules::lists::Severity;
use watchfire::rules::redact::{Detector, Known};
use watchfire::store::ProvenanceState;

/// When everything is said: 15 January 2027, and not at a full second.
const START: Timestamp = Timestamp(1_800_000_000_123);
const DAY: u64 = 86_400_000;

/// The formats that are read again.
const FORMATS: [(ExportFormat, Format); 3] =
    [(ExportFormat::Stix, Format::Stix), (ExportFormat::Misp, Format::Misp), (ExportFormat::Csv, Format::Csv)];

/// What is said of a value, by the names of the fields; empty where nothing is.
type Said = BTreeMap<&'static str, String>;

/// The node that a file comes from.
struct Origin {
    /// Its id.
    org: String,
    /// When all of it came there.
    came: Timestamp,
    /// What it holds.
    all: BTreeMap<Observable, Said>,
}

/// A field that does not come back as it went.
struct Loss {
    form: ExportFormat,
    field: &'static str,
    /// In words.
    becomes: &'static str,
    /// What is there instead; `None` where it is kept.
    of: fn(&Said, &Origin) -> Option<String>,
}

/// Whoever changes this table changes the one in docs/exports.md.
const LOSSES: [Loss; 11] = [
    Loss { form: ExportFormat::Stix, field: "valid_from", becomes: "where nothing is said, when it came", of: when_it_came },
    Loss { form: ExportFormat::Stix, field: "source", becomes: "where none is said, who says it", of: its_author },
    Loss { form: ExportFormat::Stix, field: "labels", becomes: "without `unknown`", of: without_unknown },
    Loss {
        form: ExportFormat::Misp,
        field: "valid_from",
        becomes: "where nothing is said, when it came, to the second",
        of: to_the_second,
    },
    Loss { form: ExportFormat::Misp, field: "source", becomes: "where none is said, who says it, and the event", of: its_event },
    Loss { form: ExportFormat::Misp, field: "confidence", becomes: "the middle of its step of five", of: middle_of_its_step },
    Loss { form: ExportFormat::Misp, field: "labels", becomes: "of a galaxy's tag the name alone", of: named_by_the_galaxy },
    Loss { form: ExportFormat::Misp, field: "tlp", becomes: "the strictest in its event", of: strictest_in_its_event },
    Loss { form: ExportFormat::Misp, field: "class", becomes: "at least what that TLP means", of: class_of_its_event },
    Loss { form: ExportFormat::Csv, field: "labels", becomes: "cut at commas, semicolons and bars; without `unknown`", of: cut_at_marks },
    Loss { form: ExportFormat::Csv, field: "note", becomes: "in one line", of: in_one_line },
];

fn when_it_came(said: &Said, from: &Origin) -> Option<String> {
    said["valid_from"].is_empty().then(|| from.came.to_string())
}

fn to_the_second(said: &Said, from: &Origin) -> Option<String> {
    said["valid_from"].is_empty().then(|| Timestamp(from.came.0 / 1_000 * 1_000).to_string())
}

fn its_author(said: &Said, from: &Origin) -> Option<String> {
    said["source"].is_empty().then(|| from.org.clone())
}

fn its_event(said: &Said, from: &Origin) -> Option<String> {
    let event = campaign(said).unwrap_or("Indicators without a campaign");
    said["source"].is_empty().then(|| format!("{}: {event}", from.org))
}

fn middle_of_its_step(said: &Said, _: &Origin) -> Option<String> {
    let confidence = said["confidence"].parse::<u8>().ok()?;
    let middle = match confidence {
        80.. => 90,
        60.. => 70,
        40.. => 50,
        20.. => 30,
        _ => 10,
    };
    (middle != confidence).then(|| middle.to_string())
}

fn strictest_in_its_event(said: &Said, from: &Origin) -> Option<String> {
    let others = from.all.values().filter(|other| campaign(other) == campaign(said));
    let strictest = others.map(|other| other["tlp"].parse::<Tlp>().unwrap()).max()?.to_string();
    (strictest != said["tlp"]).then_some(strictest)
}

fn class_of_its_event(said: &Said, from: &Origin) -> Option<String> {
    let tlp = strictest_in_its_event(said, from)?.parse().unwrap();
    let class = Label::new(tlp, said["class"].parse().unwrap(), Pap::Clear).class().to_string();
    (class != said["class"]).then_some(class)
}

fn without_unknown(said: &Said, _: &Origin) -> Option<String> {
    labels(said, |label| (label != "unknown").then_some(label).into_iter().collect())
}

fn named_by_the_galaxy(said: &Said, _: &Origin) -> Option<String> {
    fn name(label: &str) -> &str {
        let tag = label.strip_prefix("misp-galaxy:").and_then(|tag| tag.split_once('='));
        tag.map_or(label, |(_, name)| name.trim_matches('"'))
    }
    labels(said, |label| vec![name(label)])
}

fn cut_at_marks(said: &Said, _: &Origin) -> Option<String> {
    labels(said, |label| label.split([',', ';', '|']).map(str::trim).filter(|part| !["", "unknown"].contains(part)).collect())
}

fn in_one_line(said: &Said, _: &Origin) -> Option<String> {
    said["note"].contains('\n').then(|| said["note"].replace('\n', " "))
}

/// Labels, each of which becomes some; `None` where all stay.
fn labels(said: &Said, becomes: impl Fn(&str) -> Vec<&str>) -> Option<String> {
    let after: BTreeSet<&str> = said["labels"].lines().flat_map(becomes).collect();
    let after = after.into_iter().collect::<Vec<_>>().join("\n");
    (after != said["labels"]).then_some(after)
}

/// Which event of MISP's it is in.
fn campaign(said: &Said) -> Option<&str> {
    said["labels"].lines().find(|label| name_of(label).is_some())
}

/// What its author says of a value, and under which label.
struct Says {
    indicator: Indicator,
    label: Label,
}

fn bare(kind: K, value: &str, tlp: Tlp) -> Says {
    let observable = Observable::parse(kind, value).unwrap();
    assert_eq!(observable.kind(), kind, "{value}");
    Says { indicator: Indicator::bare(observable), label: tlp.into() }
}

/// With every field filled in, in numbers that differ from value to value.
fn full(number: usize, kind: K, value: &str, tlp: Tlp, campaign: &str) -> Says {
    let some = number as u64;
    let mut says = bare(kind, value, tlp);
    says.label = Label::new(tlp, Class::of(tlp), Pap::ALL[number / 4 % Pap::ALL.len()]);
    says.indicator.valid_from = Some(Timestamp(START.0 - (some + 1) * DAY + some));
    says.indicator.valid_until = Some(Timestamp(START.0 + (some + 1) * DAY + 7 * some));
    says.indicator.confidence = Some([90, 70, 50, 30, 10][number % 5]);
    let tags = [
        "accessnow:digital-security",
        "admiralty-scale:source-reliability=\"b\"",
        "malicious-activity",
        "rsit:fraud=\"phishing\"",
        "type:OSINT",
    ];
    says.indicator.labels = tags.into_iter().chain([campaign]).map(str::to_owned).collect();
    says.indicator.labels.sort();
    says.indicator.note = Some("seen in June\na lure".into());
    says.indicator.source = Some("weekly report".into());
    says
}

/// One of each kind.
const VALUES: [(K, &str); 24] = [
    (K::Domain, "fresh-lure.com"),
    (K::Url, "https://page.another-lure.net/login"),
    (K::Ipv4, "198.51.100.7"),
    (K::Ipv6, "2001:db8::7"),
    (K::Ipv4Net, "203.0.113.0/24"),
    (K::Ipv6Net, "2001:db8:7::/48"),
    (K::Email, "sender@third-lure.org"),
    (K::FileName, "implant.plist"),
    (K::FilePath, "/private/var/tmp/implant"),
    (K::Md5, "5d41402abc4b2a76b9719d911017c592"),
    (K::Sha1, "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"),
    (K::Sha256, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"),
    (
        K::Sha512,
        "9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca72323c3d99ba5c11d7c7acc6e14b8c5da0c4663475c2e5c3adef46f73bcdec043",
    ),
    (K::ProcessName, "roleaboutd"),
    (K::AppId, "com.planted.spy"),
    (K::AppCertHash, "3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d"),
    (K::ConfigurationProfileId, "com.planted.profile"),
    (K::AndroidProperty, "ro.planted.spy"),
    (K::PhoneNumber, "+31612345678"),
    (K::Mutex, "Global\\planted"),
    (K::RegistryKey, "HKEY_LOCAL_MACHINE\\software\\planted"),
    (K::UserAgent, "Implant/1.0 (x; y)"),
    (K::CryptocurrencyAddress, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
    (K::Pattern, "[domain-name:value = 'fifth-lure.com' AND file:size > 10]"),
];

/// A campaign for each label: the values of one are one event of MISP's.
const CAMPAIGNS: [(Tlp, &str); 4] =
    [(Tlp::Clear, "Pegasus"), (Tlp::Green, "Predator"), (Tlp::Amber, "SamSam"), (Tlp::AmberStrict, "Lure Locker")];

/// Each kind with every field, and what comes back otherwise than it went.
fn all() -> Vec<Says> {
    let kinds: BTreeSet<K> = VALUES.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, BTreeSet::from(K::ALL), "one of each kind");
    let mut all = Vec::new();
    for (number, (kind, value)) in VALUES.into_iter().enumerate() {
        let (tlp, campaign) = CAMPAIGNS[number % CAMPAIGNS.len()];
        all.push(full(number, kind, value, tlp, campaign));
    }
    all.push(bare(K::Domain, "bare-lure.com", Tlp::Green));
    let mut odd = full(all.len(), K::Domain, "odd-lure.com", Tlp::Clear, "Lure; the second");
    odd.indicator.confidence = Some(75);
    odd.indicator.labels = ["Lure; the second", "misp-galaxy:ransomware=\"Other Locker\"", "unknown"].map(str::to_owned).to_vec();
    all.push(odd);
    for (value, tlp) in [("soft-lure.com", Tlp::Clear), ("strict-lure.com", Tlp::Amber)] {
        all.push(full(all.len(), K::Domain, value, tlp, "Hydra"));
    }
    all
}

/// As somebody else's STIX has it: its source is who made it.
fn bundle(all: &[Says]) -> Vec<u8> {
    let mut objects = Vec::new();
    for (number, Says { indicator, label }) in all.iter().enumerate() {
        let Indicator { observable, valid_from, valid_until, confidence, labels, note, source } = indicator;
        let (id, at) = (format!("00000000-0000-4000-8000-{number:012}"), "2027-01-01T00:00:00Z");
        let marks = marks_of(*label).into_iter().chain([format!("tlp:{}", label.tlp())]);
        let mut object = json!({
            "type": "indicator", "spec_version": "2.1", "id": format!("indicator--{id}"), "created": at, "modified": at,
            "pattern_type": "stix", "pattern": pattern::write(observable, Dialect::Standard),
            "labels": labels.iter().cloned().chain(marks).collect::<Vec<String>>(),
        });
        let mut set = |name: &str, value: Option<serde_json::Value>| {
            if let Some(value) = value {
                object[name] = value;
            }
        };
        set("valid_from", valid_from.map(|at| at.to_string().into()));
        set("valid_until", valid_until.map(|at| at.to_string().into()));
        set("confidence", confidence.map(Into::into));
        set("description", note.clone().map(Into::into));
        if let Some(source) = source {
            let author = format!("identity--{id}");
            set("created_by_ref", Some(author.clone().into()));
            objects.push(json!({
                "type": "identity", "spec_version": "2.1", "id": author, "created": at, "modified": at, "name": source, "identity_class": "group",
            }));
        }
        objects.push(object);
    }
    serde_json::to_vec(&json!({ "type": "bundle", "id": "bundle--00000000-0000-4000-8000-000000000000", "objects": objects })).unwrap()
}

fn fields(indicator: &Indicator, label: Label) -> Said {
    // A new field does not compile before somebody says what becomes of it.
    let Indicator { observable: _, valid_from, valid_until, confidence, labels, note, source } = indicator;
    let time = |at: &Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    BTreeMap::from([
        ("tlp", label.tlp().to_string()),
        ("class", label.class().to_string()),
        ("pap", label.pap().to_string()),
        ("valid_from", time(valid_from)),
        ("valid_until", time(valid_until)),
        ("confidence", confidence.map(|confidence| confidence.to_string()).unwrap_or_default()),
        ("labels", labels.join("\n")),
        ("note", note.clone().unwrap_or_default()),
        ("source", source.clone().unwrap_or_default()),
    ])
}

/// Nodes on one clock that stands still, each with one peer, that none of them ever reaches.
struct World {
    directory: tempfile::TempDir,
    clock: Clock,
    peer: (OrgId, String),
}

impl World {
    fn new() -> Self {
        let (directory, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
        let peer = open(&directory, &clock, "peer");
        let peer = (peer.org(), peer.card().unwrap());
        Self { directory, clock, peer }
    }

    async fn node(&self, name: &str) -> Arc<Node> {
        let (node, (org, card)) = (open(&self.directory, &self.clock, name), &self.peer);
        node.peer_add(card, "peer", PeerOptions::default()).await.unwrap();
        // It holds nothing: from then on the log to it grows, and what stands in it can be withdrawn.
        node.hear(org, &[], true).await.unwrap();
        node
    }
}

/// A node under an id of which no detector takes a part for somebody's: as a source that part would not leave.
fn open(directory: &tempfile::TempDir, clock: &Clock, name: &str) -> Arc<Node> {
    let detector = Detector::new(&Known::default());
    let is_plain = |node: &Arc<Node>| detector.find(&node.org().to_string()).into_iter().next().is_none();
    (0..).map(|number| open_one(directory, clock, name, number)).find(is_plain).unwrap()
}

fn open_one(directory: &tempfile::TempDir, clock: &Clock, name: &str, number: usize) -> Arc<Node> {
    let data = directory.path().join(format!("{name}-{number}"));
    Node::init(&data, &[format!("{name}.example:7443")], clock).unwrap();
    let mut config = Config::default();
    // Addresses for examples are shared here.
    config.gate.reserved = Severity::Warn;
    Node::open_with(&data, config, clock.clone()).unwrap()
}

/// Shares what a file has, under the labels that it has there.
async fn import(node: &Arc<Node>, bytes: Vec<u8>, format: Format) -> ImportReport {
    let (node, request) = (node.clone(), ImportRequest::now(format, Tlp::Clear, "peer"));
    let work = move || node.import(request, Box::new(Cursor::new(bytes)), &mut |_| {});
    tokio::task::spawn_blocking(work).await.unwrap().unwrap()
}

/// An export's files by their names; of a feed of MISP's its events.
fn exported(node: &Node, format: ExportFormat) -> BTreeMap<String, Vec<u8>> {
    let (ceiling, groups, kinds) = (Ceiling::NONE, Vec::new(), Vec::new());
    let request = ExportRequest { format, ceiling, groups, since: None, kinds, options: Default::default() };
    let mut out = Vec::new();
    let unsaid = node.begin_export(request).unwrap().write(&mut out).unwrap();
    assert!(unsaid.is_empty(), "{}: {unsaid:?}", format.name());
    if !format.is_folder() {
        return BTreeMap::from([("export".to_owned(), out)]);
    }
    let mut files = BTreeMap::new();
    let mut archive = tar::Archive::new(out.as_slice());
    for file in archive.entries().unwrap() {
        let mut file = file.unwrap();
        let name = file.path().unwrap().display().to_string();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        if name.ends_with(".json") && name != "manifest.json" {
            files.insert(name, bytes);
        }
    }
    files
}

fn in_one(files: BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    files.into_values().collect::<Vec<_>>().concat()
}

/// What a node itself says of a value, and whether that holds; `None` where it says nothing.
fn held(node: &Node, observable: &Observable) -> Option<(Said, ProvenanceState)> {
    let found = node.store.snapshot().unwrap().find(&node.record_id(&node.org(), observable)).unwrap()?;
    let (one, body) = found.provenances.iter().find(|(one, _)| one.state != ProvenanceState::Superseded)?;
    match decode_record(RecordKind::Indicator, &body.0).unwrap() {
        Record::Indicator(indicator) => Some((fields(&indicator, one.label), one.state)),
        other => panic!("{observable} is {other:?}"),
    }
}

fn all_held(node: &Node, all: &[Says]) -> BTreeMap<Observable, Said> {
    let one = |says: &Says| {
        let observable = &says.indicator.observable;
        let (said, state) = held(node, observable).unwrap_or_else(|| panic!("{observable} is not there"));
        assert!(state == ProvenanceState::Live, "{observable} does not hold");
        (observable.clone(), said)
    };
    all.iter().map(one).collect()
}

/// What went wrong with each field, in words.
fn differences(went: &BTreeMap<Observable, Said>, came: &BTreeMap<Observable, Said>) -> Vec<String> {
    let of_one = |(observable, said): (&Observable, &Said)| {
        let back = &came[observable];
        let other = |(field, value): (&&'static str, &String)| {
            (back[field] != *value).then(|| format!("{observable}: {field} is `{}`, not `{value}`", back[field]))
        };
        said.iter().filter_map(other).collect::<Vec<_>>()
    };
    went.iter().flat_map(of_one).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_field_comes_back_over_two_nodes_but_for_what_the_table_says() {
    let (world, all) = (World::new(), all());
    let first = world.node("first").await;
    let report = import(&first, bundle(&all), Format::Stix).await;
    assert_eq!((report.released as usize, &report.replaced), (all.len(), &BTreeMap::new()), "{report:?}");
    let said: BTreeMap<Observable, Said> =
        all.iter().map(|says| (says.indicator.observable.clone(), fields(&says.indicator, says.label))).collect();
    assert_eq!(differences(&said, &all_held(&first, &all)), [""; 0], "as it was said");
    let mut met = BTreeSet::new();
    for (form, format) in FORMATS {
        let mut here = first.clone();
        for turn in ["second", "third"] {
            let there = world.node(&format!("{turn}-{}", form.name())).await;
            let report = import(&there, in_one(exported(&here, form)), format).await;
            let counts = [report.released, report.duplicate, report.withheld, report.invalid, report.left_out];
            assert_eq!(counts, [all.len() as u64, 0, 0, 0, 0], "{} {turn}: {report:?}", form.name());
            let from = Origin { org: here.org().to_string(), came: START, all: all_held(&here, &all) };
            let mut expected = from.all.clone();
            for (observable, said) in &from.all {
                for (number, loss) in LOSSES.iter().enumerate().filter(|(_, loss)| loss.form == form) {
                    if let Some(value) = (loss.of)(said, &from) {
                        met.insert(number);
                        expected.entry(observable.clone()).or_default().insert(loss.field, value);
                    }
                }
            }
            assert_eq!(differences(&expected, &all_held(&there, &all)), [""; 0], "{} {turn}", form.name());
            here = there;
        }
    }
    let idle: Vec<String> = (0..LOSSES.len())
        .filter(|number| !met.contains(number))
        .map(|number| format!("{}: {} {}", LOSSES[number].form.name(), LOSSES[number].field, LOSSES[number].becomes))
        .collect();
    assert_eq!(idle, [""; 0], "these are kept");
}

/// A folder that a node takes in.
async fn follow(node: &Node, folder: &std::path::Path) {
    let terms = Terms {
        kind: Kind::Folder,
        at: folder.display().to_string(),
        every_s: 3_600,
        tlp: Tlp::Clear,
        confidence_max: None,
        well_known: WellKnown::Take,
        allow_local: false,
        secret_file: None,
        ca_file: None,
        to: None,
        groups: Vec::new(),
        tlp_max: None,
    };
    node.add_feed(FeedAdd { name: "other".into(), terms }, By::default()).await.unwrap();
}

/// How the values stand at a node, whoever says them.
fn states(node: &Node, all: &[Says]) -> Vec<String> {
    let values: Vec<String> = all.iter().map(|says| says.indicator.observable.value().to_owned()).collect();
    let found = node.lookup(&values).unwrap().into_iter();
    found.map(|one| one.matches.iter().filter(|one| one.r#match == "exact").map(|one| one.state.as_str()).collect()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_withdrawn_is_withdrawn_at_whoever_follows_and_nothing_to_whoever_has_it_not() {
    let world = World::new();
    let all = ["gone-lure.com", "still-lure.com"].map(|value| full(1, K::Domain, value, Tlp::Green, "Predator"));
    let first = world.node("first").await;
    import(&first, bundle(&all), Format::Stix).await;
    let formats = [(ExportFormat::Stix, Format::Stix), (ExportFormat::Misp, Format::Misp)];
    let mut followers = Vec::new();
    for (form, _) in formats {
        let (follower, folder) = (world.node(&format!("follows-{}", form.name())).await, world.directory.path().join(form.name()));
        fs::create_dir(&folder).unwrap();
        exported(&first, form).into_iter().for_each(|(name, bytes)| fs::write(folder.join(name), bytes).unwrap());
        follow(&follower, &folder).await;
        let run = follower.feed_now("other", FeedRun::default()).await.unwrap();
        assert_eq!((run.counts.new, &run.fault), (2, &None), "{run:?}");
        assert_eq!(states(&follower, &all), ["live", "live"], "{}", form.name());
        followers.push((follower, folder));
    }
    first.withdraw("gone-lure.com", "a false positive").await.unwrap();
    let state = held(&first, &all[0].indicator.observable).map(|(_, state)| state);
    assert!(state == Some(ProvenanceState::Revoked), "it has left before, and stays as withdrawn");
    for ((form, format), (follower, folder)) in formats.into_iter().zip(followers) {
        let files = exported(&first, form);
        for (name, bytes) in &files {
            fs::write(folder.join(name), bytes).unwrap();
        }
        let run = follower.feed_now("other", FeedRun::default()).await.unwrap();
        assert_eq!((run.counts.gone, &run.fault), (1, &None), "{run:?}");
        assert_eq!(states(&follower, &all), ["revoked", "live"], "{}", form.name());
        let stranger = world.node(&format!("imports-{}", form.name())).await;
        let report = import(&stranger, in_one(files), format).await;
        assert_eq!((report.released, report.withheld), (1, 1), "{report:?}");
        assert!(report.problems.iter().any(|problem| problem.what == "its source has withdrawn it"), "{report:?}");
        assert_eq!(states(&stranger, &all), ["", "live"], "{}", form.name());
    }
    let table = String::from_utf8(in_one(exported(&first, ExportFormat::Csv))).unwrap();
    assert!(table.contains("still-lure.com") && !table.contains("gone-lure.com"), "a table has no word for it: {table}");
}

/// What a partner's file says in fields that a record has no place for: what the same node writes of it. docs/exports.md has the same in words.
const NO_PLACE: [(&str, &[(&str, Left)]); 3] = [
    (
        "stix",
        &[
            ("confidence", Left::Kept),
            ("created", Left::Other),
            ("created_by_ref", Left::Other),
            ("description", Left::Other),
            ("external_references", Left::Other),
            ("id", Left::Other),
            ("indicator_types", Left::Kept),
            ("kill_chain_phases", Left::Gone),
            ("labels", Left::Kept),
            ("lang", Left::Gone),
            ("modified", Left::Other),
            ("name", Left::Gone),
            ("object_marking_refs", Left::Kept),
            ("pattern", Left::Kept),
            ("pattern_type", Left::Kept),
            ("pattern_version", Left::Kept),
            ("spec_version", Left::Kept),
            ("type", Left::Kept),
            ("valid_from", Left::Kept),
            ("valid_until", Left::Kept),
        ],
    ),
    (
        "misp",
        &[
            ("category", Left::Other),
            ("comment", Left::Other),
            ("distribution", Left::Gone),
            ("first_seen", Left::Kept),
            ("last_seen", Left::Kept),
            ("sharing_group_id", Left::Gone),
            ("timestamp", Left::Other),
            ("to_ids", Left::Kept),
            ("type", Left::Kept),
            ("uuid", Left::Other),
            ("value", Left::Kept),
        ],
    ),
    (
        "misp event",
        &[
            ("Attribute", Left::Other),
            ("Orgc", Left::Other),
            ("Tag", Left::Other),
            ("analysis", Left::Other),
            ("date", Left::Other),
            ("info", Left::Other),
            ("threat_level_id", Left::Other),
            ("timestamp", Left::Other),
            ("uuid", Left::Other),
        ],
    ),
];

/// What became of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Kept,
    Other,
    Gone,
}

fn left(went: &serde_json::Value, came: &serde_json::Value) -> Vec<(String, Left)> {
    let of_one = |(field, value): (&String, &serde_json::Value)| match came.get(field) {
        Some(there) if there == value => (field.clone(), Left::Kept),
        Some(_) => (field.clone(), Left::Other),
        None => (field.clone(), Left::Gone),
    };
    went.as_object().unwrap().iter().map(of_one).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_partners_file_says_stays_or_has_no_place_as_the_table_says() {
    let world = World::new();
    let time = "2026-12-01T08:00:00.000Z";
    let mut said = BTreeMap::new();
    let identity = "identity--11111111-1111-4111-8111-111111111111";
    let malware = "malware--22222222-2222-4222-8222-222222222222";
    let indicator = json!({
        "type": "indicator", "spec_version": "2.1", "id": "indicator--33333333-3333-4333-8333-333333333333", "created_by_ref": identity,
        "created": time, "modified": time, "name": "lure", "description": "sent by chat", "indicator_types": ["malicious-activity"],
        "pattern": "[domain-name:value = 'fresh-lure.com']", "pattern_type": "stix", "pattern_version": "2.1", "valid_from": time,
        "valid_until": "2027-06-01T08:00:00.000Z", "kill_chain_phases": [{ "kill_chain_name": "x", "phase_name": "y" }],
        "labels": ["rsit:fraud=\"phishing\""], "confidence": 60, "lang": "en",
        "external_references": [{ "source_name": "report", "url": "https://blog.example/report" }],
        "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
    });
    let relation = json!({
        "type": "relationship", "spec_version": "2.1", "id": "relationship--44444444-4444-4444-8444-444444444444", "created": time,
        "modified": time, "relationship_type": "indicates", "source_ref": indicator["id"], "target_ref": malware,
    });
    let family = json!({
        "type": "malware", "spec_version": "2.1", "id": malware, "created": time, "modified": time, "name": "Implant", "is_family": true,
        "malware_types": ["spyware"], "description": "of a company",
    });
    let whose = json!({ "type": "identity", "spec_version": "2.1", "id": identity, "created": time, "modified": time, "name": "A lab" });
    let bundle = json!({
        "type": "bundle", "id": "bundle--55555555-5555-4555-8555-555555555555", "objects": [whose, indicator, family, relation],
    });
    let node = world.node("stix").await;
    assert_eq!(import(&node, bundle.to_string().into_bytes(), Format::Stix).await.released, 1);
    let out: serde_json::Value = serde_json::from_slice(&in_one(exported(&node, ExportFormat::Stix))).unwrap();
    let of_type = |kind: &str| out["objects"].as_array().unwrap().iter().find(|one| one["type"] == kind).unwrap().clone();
    said.insert("stix", left(&indicator, &of_type("indicator")));
    assert_eq!(of_type("indicator")["description"], "lure: sent by chat");
    assert_eq!((&of_type("malware")["name"], of_type("malware").get("description")), (&json!("Implant"), None));

    let attribute = json!({
        "uuid": "66666666-6666-4666-8666-666666666666", "type": "domain", "category": "Payload delivery", "value": "fresh-lure.com",
        "to_ids": true, "comment": "sent by chat", "timestamp": "1796112000", "distribution": "3", "sharing_group_id": "4",
        "first_seen": time, "last_seen": "2027-06-01T08:00:00.000Z",
    });
    let event = json!({ "Event": {
        "uuid": "77777777-7777-4777-8777-777777777777", "info": "Lures of autumn", "date": "2026-12-01", "threat_level_id": "1", "analysis": "0",
        "timestamp": "1796112000", "Orgc": { "name": "A lab", "uuid": "88888888-8888-4888-8888-888888888888" },
        "Tag": [{ "name": "tlp:green" }, { "name": "rsit:fraud=\"phishing\"" }], "Attribute": [attribute],
    } });
    let node = world.node("misp").await;
    assert_eq!(import(&node, event.to_string().into_bytes(), Format::Misp).await.released, 1);
    let out: serde_json::Value = serde_json::from_slice(&in_one(exported(&node, ExportFormat::Misp))).unwrap();
    said.insert("misp", left(&attribute, &out["Event"]["Attribute"][0]));
    said.insert("misp event", left(&event["Event"], &out["Event"]));
    assert_eq!(out["Event"]["Attribute"][0]["comment"], "sent by chat\nSource: A lab: Lures of autumn");
    assert_eq!(out["Event"]["Attribute"][0]["Tag"], json!([{ "name": "tlp:green" }, { "name": "rsit:fraud=\"phishing\"" }]));
    let table: BTreeMap<&str, Vec<(String, Left)>> = NO_PLACE
        .into_iter()
        .map(|(form, fields)| (form, fields.iter().map(|(field, left)| ((*field).to_owned(), *left)).collect()))
        .collect();
    assert_eq!(said, table);
}
