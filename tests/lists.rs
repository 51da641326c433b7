//! The gate for indicators' values on real lists and real indicators. Those are not part of the project: without them these tests say so and pass.
//!
//! `cargo test --no-default-features --test lists -- --nocapture` prints what becomes of the real indicators.

mod shared;
mod skips;

use std::collections::BTreeMap;
use std::io::{BufReader, Cursor};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use shared::{data, files};

use watchfire::formats::{self, Item, Problem, pattern, warninglist};
use watchfire::model::warninglist::Entries;
use watchfire::model::{Observable, ObservableKind, Warninglist};
use watchfire::rules::addressee::{self, Decision};
use watchfire::rules::lists::{Gate, Lists, Rated, Severity, Source};

/// The folder that has the warninglists, with the real files beside them.
fn shared_data() -> Option<PathBuf> {
    data("warninglists").and_then(|folder| folder.parent().map(Path::to_path_buf))
}

fn warninglists(data: &Path) -> Vec<(Warninglist, Vec<Problem>)> {
    let lists = files(&data.join("warninglists")).into_iter().filter(|path| path.ends_with("list.json"));
    let read = |path: PathBuf| {
        let mut file = BufReader::new(std::fs::File::open(&path).expect("readable"));
        warninglist::read(&mut file).unwrap_or_else(|bad| panic!("{}: {bad}", path.display()))
    };
    lists.map(read).collect()
}

/// Every distinct value in the real files.
fn values(data: &Path) -> Vec<Observable> {
    let mut found = std::collections::BTreeSet::new();
    for path in
        ["stix", "stix20", "misp", "misp-feed-tweetfeed", "csv", "lists", "taxii"].iter().flat_map(|folder| files(&data.join(folder)))
    {
        let mut sink = |item: Item| {
            if let Item::Indicator { indicator, .. } = item {
                found.insert(indicator.observable);
            }
            ControlFlow::Continue(())
        };
        let name = path.file_name().and_then(|name| name.to_str());
        let mut input = BufReader::new(std::fs::File::open(&path).expect("readable"));
        formats::read(&mut input, None, name, &mut Cursor::new(Vec::new()), &mut sink).expect("only I/O fails");
    }
    found.into_iter().collect()
}

fn inside(observable: &Observable) -> Vec<Observable> {
    match observable.kind() {
        ObservableKind::Pattern => pattern::observables(observable.value()),
        _ => Vec::new(),
    }
}

#[test]
fn every_real_warninglist_is_read() {
    let Some(data) = shared_data() else { return };
    let lists = warninglists(&data);
    assert!(lists.len() >= 30);
    for (list, problems) in &lists {
        assert!(!list.kinds.is_empty(), "{}: for no kind", list.name);
        for problem in problems {
            println!("{}: {}: {}", list.name, problem.place, problem.what);
        }
        assert!(!list.entries.is_empty() || list.name.starts_with("TLDs"), "{}: nothing in it", list.name);
    }
    let expressions = lists.iter().map(|(list, _)| if let Entries::Regex(entries) = &list.entries { entries.len() } else { 0 });
    assert_eq!(expressions.sum::<usize>(), 34, "every regular expression is one that needs linear time");
}

/// What MISP does, entry by entry.
fn by_hand(list: &Warninglist, observable: &Observable) -> bool {
    let value = observable.value();
    let host = observable.host();
    list.kinds.has(observable.kind())
        && match &list.entries {
            Entries::String(entries) => entries.iter().any(|entry| {
                entry == value || host.is_some_and(|host| entry == host && value.ends_with('/') && value.matches('/').count() == 3)
            }),
            Entries::Hostname(entries) => entries.iter().any(|entry| {
                host.is_some_and(|host| host.strip_suffix(entry.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
            }),
            Entries::Cidr(entries) => observable.network().is_some_and(|network| entries.iter().any(|entry| entry.contains(&network))),
            Entries::Substring(entries) => entries.iter().any(|entry| value.to_ascii_lowercase().contains(entry.as_str())),
            Entries::Regex(_) => false,
        }
}

#[test]
fn the_index_finds_what_a_look_at_every_entry_finds() {
    let Some(data) = shared_data() else { return };
    let lists: Vec<Warninglist> =
        warninglists(&data).into_iter().map(|(list, _)| list).filter(|list| !matches!(list.entries, Entries::Regex(_))).collect();
    let gate = Gate { lists: Lists::new(lists.iter().cloned().map(Rated::usual)), ..Gate::default() };
    let mut hits = 0;
    // A prime step, so that all kinds are among them.
    for observable in values(&data).iter().step_by(23) {
        let expected: Vec<&str> = lists.iter().filter(|list| by_hand(list, observable)).map(|list| list.name.as_str()).collect();
        let judgement = gate.judge(observable, &[]);
        let mut found: Vec<&str> = judgement
            .findings()
            .iter()
            .filter_map(|finding| match &finding.source {
                Source::Warninglist { name, .. } => Some(name.as_str()),
                _ => None,
            })
            .collect();
        found.sort_by_key(|name| lists.iter().position(|list| list.name == *name));
        found.dedup();
        assert_eq!(found, expected, "{observable}");
        hits += expected.len();
    }
    println!("{hits} hits");
    assert!(hits > 20);
}

/// Precision: of real indicators nearly all leave.
#[test]
fn real_indicators_survive() {
    let Some(data) = shared_data() else { return };
    let gate = Gate { lists: Lists::new(warninglists(&data).into_iter().map(|(list, _)| Rated::usual(list))), ..Gate::default() };
    let values = values(&data);
    let mut counts: BTreeMap<(ObservableKind, Option<Severity>), u64> = BTreeMap::new();
    let mut reasons: BTreeMap<String, (u64, Vec<&str>)> = BTreeMap::new();
    for observable in &values {
        let judgement = gate.judge(observable, &inside(observable));
        let strictest = judgement.strictest();
        *counts.entry((observable.kind(), strictest.map(|finding| finding.severity))).or_default() += 1;
        if let Some(finding) = strictest {
            let by = match &finding.source {
                Source::Warninglist { name, .. } => name.clone(),
                other => format!("{other:?}"),
            };
            let (count, samples) = reasons.entry(format!("{:?} {by}", finding.severity)).or_default();
            *count += 1;
            if samples.len() < 400 {
                samples.push(observable.value());
            }
        }
    }
    for ((kind, severity), count) in &counts {
        println!("{kind}: {severity:?} {count}");
    }
    for (reason, (count, samples)) in &reasons {
        let step = (samples.len() / 8).max(1);
        println!("{count:5} {reason}: {:?}", samples.iter().step_by(step).collect::<Vec<_>>());
    }
    let of = |severity: Severity| counts.iter().filter(|((_, of), _)| *of == Some(severity)).map(|(_, count)| count).sum::<u64>();
    let (held, refused) = (of(Severity::Hold), of(Severity::Refuse));
    println!("{} values, {} warned of, {held} held, {refused} refused", values.len(), of(Severity::Warn));
    let all = values.len() as u64;
    assert!(refused * 200 < all, "more than 0.5 % are refused");
    assert!(held * 20 < all, "more than 5 % are held");
}

/// Precision and its price: most real URLs stay as they are, or lose what may be one person's.
#[test]
fn real_urls_and_domains_survive() {
    let Some(data) = shared_data() else { return };
    let settings = addressee::Settings::default();
    let gate = Gate { lists: Lists::new(warninglists(&data).into_iter().map(|(list, _)| Rated::usual(list))), ..Gate::default() };
    let (mut kept, mut stripped, mut withheld) = (0_u64, BTreeMap::<String, Vec<String>>::new(), BTreeMap::<String, Vec<String>>::new());
    let values = values(&data);
    for url in values.iter().filter(|value| value.kind() == ObservableKind::Url) {
        match addressee::look(url, gate.is_on_shared_host(url), &settings) {
            Decision::Keep => kept += 1,
            Decision::Stripped { url: left, what } => {
                let why = what.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
                stripped.entry(why).or_default().push(format!("{url} -> {}", left.value()));
            }
            Decision::Withhold { reason } => withheld.entry(reason.to_string()).or_default().push(url.to_string()),
        }
    }
    let count = |by: &BTreeMap<String, Vec<String>>| by.values().map(|urls| urls.len() as u64).sum::<u64>();
    for (what, by) in [("stripped", &stripped), ("withheld", &withheld)] {
        for (why, urls) in by {
            println!("{:5} {what} for {why}", urls.len());
            // `URLS_SHOWN=1000` for a look by eye.
            let shown = std::env::var("URLS_SHOWN").ok().and_then(|shown| shown.parse().ok()).unwrap_or(3);
            let step = (urls.len() / shown).max(1);
            urls.iter().step_by(step).for_each(|url| println!("          {url}"));
        }
    }
    let (stripped, withheld) = (count(&stripped), count(&withheld));
    let all = kept + stripped + withheld;
    println!("{all} URLs, {kept} kept, {stripped} stripped, {withheld} withheld");
    assert!(kept * 4 > all * 3, "more than a quarter is changed");
    assert!(withheld * 100 < all, "more than 1 % are withheld");
    let domains = values.iter().filter(|value| value.kind() == ObservableKind::Domain);
    let (domains, withheld): (Vec<_>, Vec<_>) = domains.partition(|domain| addressee::look(domain, false, &settings) == Decision::Keep);
    println!("{} domains kept, {} withheld: {withheld:?}", domains.len(), withheld.len());
    assert!(withheld.len() * 200 < domains.len(), "more than 0.5 % are withheld");
}
