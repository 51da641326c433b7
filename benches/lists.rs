//! What the gate's look at one value costs, beside the raw limit measured in the same run: one lookup in a `HashSet` of as many entries.
//!
//! `cargo bench --no-default-features --bench lists`
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark reads the clock, and measures a hash set")]

use std::collections::HashSet;
use std::hint::black_box;
use std::time::{Duration, Instant};

use watchfire::formats::warninglist;
use watchfire::model::observable::Kinds;
use watchfire::model::warninglist::{Entries, Warninglist};
use watchfire::model::{Observable, ObservableKind};
use watchfire::rules::addressee;
use watchfire::rules::lists::{Gate, Infrastructure, Lists, Rated, Severity, Whose};

const ROUNDS: usize = 20;
const VALUES: usize = 10_000;

fn main() {
    let domains = values(ObservableKind::Domain, |n| format!("www.host{n}.example{}.com", n % 97));
    let urls = values(ObservableKind::Url, |n| format!("https://www.host{n}.net/wp-content/uploads/2026/a{n}/invoice.php?page={n}"));
    let addresses = values(ObservableKind::Ipv4, |n| format!("{}.{}.{}.7", 11 + n % 80, n / 97 % 256, n % 256));
    let hashes = values(ObservableKind::Sha256, |n| format!("{n:064x}"));
    println!("entries  HashSet   domain  ratio      url  ratio  address  ratio     hash  ratio   (ns for one value)");
    for entries in [1_000, 10_000, 100_000, 1_000_000] {
        let set: HashSet<String> = (0..entries).map(name).collect();
        let raw = each(&domains, |value| set.contains(value.value()));
        let gate = Gate { lists: lists(entries), ..Gate::default() };
        let judged = |values: &[Observable]| each(values, |value| gate.judge(value, &[]).strictest().is_some());
        print!("{entries:7}  {raw:7.0}");
        for values in [&domains, &urls, &addresses, &hashes] {
            let cost = judged(values);
            print!("  {cost:7.0}  {:5.1}", cost / raw);
        }
        println!();
    }
    let victims = (0..1_000).map(|n| value(ObservableKind::Domain, &format!("victim{n}.org")));
    let gate = Gate { lists: lists(100_000), guarded: vec![Infrastructure::new(Whose::Victim, victims)], ..Gate::default() };
    println!("with 1,000 victims' names to be mentioned: url {:.0} ns", each(&urls, |url| gate.judge(url, &[]).strictest().is_some()));
    let million: Vec<String> = (0..1_000_000).map(name).collect();
    let file = format!(r#"{{"name":"n","type":"hostname","matching_attributes":["domain"],"list":["{}"]}}"#, million.join("\",\""));
    let began = Instant::now();
    let (list, problems) = warninglist::read(&mut file.as_bytes()).expect("a list");
    let read = began.elapsed();
    assert!(list.entries.len() == million.len() && problems.is_empty());
    let indexed = Lists::new([Rated::usual(list)]);
    println!(
        "a list of a million names ({} MB): read in {:.1} s, indexed in {:.1} s",
        file.len() >> 20,
        read.as_secs_f64(),
        (began.elapsed() - read).as_secs_f64()
    );
    drop(indexed);
    let settings = addressee::Settings::default();
    println!("whom a url was sent to: {:.0} ns", each(&urls, |url| addressee::look(url, false, &settings) == addressee::Decision::Keep));
}

fn value(kind: ObservableKind, text: &str) -> Observable {
    Observable::parse(kind, text).expect("a value")
}

fn values(kind: ObservableKind, text: impl Fn(usize) -> String) -> Vec<Observable> {
    (0..VALUES).map(|n| value(kind, &text(n))).collect()
}

fn name(n: usize) -> String {
    format!("site{n}.popular{}.org", n % 13)
}

/// A list of host names, one of strings, one of networks (a tenth) and one of pieces (a hundredth, as MISP's largest has 8,000).
fn lists(entries: usize) -> Lists {
    let list = |name: &str, kinds: &[ObservableKind], entries| {
        let list = Warninglist {
            name: name.into(),
            description: String::new(),
            version: 1,
            kinds: kinds.iter().copied().collect::<Kinds>(),
            entries,
        };
        Rated { list, severity: Severity::Hold, tenants: false }
    };
    use ObservableKind::*;
    let networks =
        (0..entries / 10).map(|n| format!("{}.{}.{}.0/24", 100 + n / 65_536, n / 256 % 256, n % 256).parse().expect("a network"));
    Lists::new([
        list("hosts", &[Domain, Url], Entries::Hostname((0..entries).map(name).collect())),
        list("strings", &[Domain, Sha256], Entries::String((0..entries).map(|n| format!("other{}", name(n))).collect())),
        list("networks", &[Ipv4, Ipv4Net], Entries::Cidr(networks.collect())),
        list("pieces", &[Email, Domain], Entries::Substring((0..entries / 100).map(|n| format!("throwaway{n}.")).collect())),
    ])
}

/// Nanoseconds for one value, the best of all rounds.
fn each(values: &[Observable], mut work: impl FnMut(&Observable) -> bool) -> f64 {
    let mut round = || {
        let began = Instant::now();
        for value in values {
            black_box(work(value));
        }
        began.elapsed()
    };
    let best = (0..ROUNDS).map(|_| round()).min().unwrap_or(Duration::MAX);
    best.as_nanos() as f64 / values.len() as f64
}
