//! All warninglists as one index: what a lookup costs does not depend on how long the lists are, but for regular expressions.

#![allow(clippy::disallowed_types, reason = "nothing iterates these maps; a lookup by hash does not depend on how many entries there are")]

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use regex::bytes::{RegexSet, RegexSetBuilder};

use super::networks::Networks;
use super::{Finding, Rated, Reach, Severity, Source, names_above};
use crate::model::observable::Kinds;
use crate::model::warninglist::{Entries, Expression};
use crate::model::{Observable, ObservableKind};

/// Warninglists, ready for lookups.
#[derive(Debug, Default)]
pub struct Lists {
    lists: Vec<List>,
    sets: Sets,
    /// Canonical values.
    values: HashMap<Box<str>, Set>,
    /// Names of hosts, without dots at their ends.
    hosts: HashMap<Box<str>, Set>,
    /// Names above those that must not be hit: of what list, and one of its entries below.
    above: HashMap<Box<str>, (usize, Arc<str>)>,
    networks: Networks<Set>,
    substrings: Option<Substrings>,
    expressions: Vec<Expressions>,
}

#[derive(Debug)]
struct List {
    name: String,
    severity: Severity,
    tenants: bool,
    kinds: Kinds,
}

/// The number of a set of lists.
type Set = u32;

/// Sets of lists that have an entry in common. Few are different, however many entries there are.
#[derive(Debug, Default)]
struct Sets {
    sets: Vec<Box<[usize]>>,
    numbers: BTreeMap<Box<[usize]>, Set>,
}

impl Sets {
    /// The set `old`, if there is one, with `list` added.
    fn with(&mut self, old: Option<Set>, list: usize) -> Set {
        let mut set = old.map_or_else(Vec::new, |old| self.sets[old as usize].to_vec());
        if set.last() != Some(&list) {
            set.push(list);
        }
        let set = set.into_boxed_slice();
        if let Some(&number) = self.numbers.get(&set) {
            return number;
        }
        let number = u32::try_from(self.sets.len()).unwrap_or(u32::MAX);
        self.sets.push(set.clone());
        self.numbers.insert(set, number);
        number
    }
}

#[derive(Debug)]
struct Substrings {
    automaton: AhoCorasick,
    /// By number of the pattern in the automaton.
    entries: Vec<(Box<str>, Set)>,
    kinds: Kinds,
}

#[derive(Debug)]
struct Expressions {
    set: RegexSet,
    /// By number of the expression in the set: its list, and how it is written.
    entries: Vec<(usize, String)>,
    kinds: Kinds,
}

impl Lists {
    /// An index of these lists.
    pub fn new(rated: impl IntoIterator<Item = Rated>) -> Self {
        let mut lists = Self::default();
        let (mut networks, mut substrings) = (BTreeMap::new(), BTreeMap::new());
        for Rated { list, severity, tenants } in rated {
            let at = lists.lists.len();
            if let Entries::String(entries) | Entries::Hostname(entries) = &list.entries
                && severity > Severity::Warn
                && list.kinds.has(ObservableKind::Domain)
            {
                let has_above = |entry: &&String| names_above(entry).next().is_some();
                let is_name = |entry: &&String| Observable::parse(ObservableKind::Domain, entry).is_ok();
                for entry in entries.iter().filter(has_above).filter(is_name) {
                    let shared: Arc<str> = entry.as_str().into();
                    for above in names_above(entry) {
                        lists.above.entry(above.into()).or_insert_with(|| (at, shared.clone()));
                    }
                }
            }
            lists.lists.push(List { name: list.name, severity, tenants, kinds: list.kinds });
            let sets = &mut lists.sets;
            match list.entries {
                Entries::String(entries) => insert(&mut lists.values, sets, entries, at),
                Entries::Hostname(entries) => insert(&mut lists.hosts, sets, entries, at),
                Entries::Cidr(entries) => entries.into_iter().for_each(|network| {
                    let old = networks.get(&network).copied();
                    networks.insert(network, sets.with(old, at));
                }),
                Entries::Substring(entries) => entries.into_iter().for_each(|entry| {
                    let entry = entry.into_boxed_str();
                    let old = substrings.get(&entry).copied();
                    substrings.insert(entry, sets.with(old, at));
                }),
                Entries::Regex(entries) => lists.expressions.extend(expressions(entries, at, list.kinds)),
            }
        }
        lists.networks = Networks::new(networks);
        lists.substrings = lists.searched(substrings);
        lists
    }

    /// How many lists there are.
    pub fn len(&self) -> usize {
        self.lists.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    fn searched(&self, entries: BTreeMap<Box<str>, Set>) -> Option<Substrings> {
        let kinds = entries
            .values()
            .flat_map(|&set| self.sets.sets[set as usize].iter())
            .fold(Kinds::NONE, |kinds, &at| kinds.or(self.lists[at].kinds));
        // Its states are fewer than the bytes of lists that can be read, far below what it can number.
        let built = AhoCorasick::builder().ascii_case_insensitive(true).build(entries.keys().map(AsRef::<str>::as_ref));
        let automaton = built.expect("fewer states than there are numbers for");
        (!entries.is_empty()).then(|| Substrings { automaton, entries: entries.into_iter().collect(), kinds })
    }

    /// Adds what the lists say of one value that is no pattern.
    pub(super) fn look(&self, observable: &Observable, findings: &mut Vec<Finding>) {
        let before = findings.len();
        self.look_values(observable, findings);
        self.look_hosts(observable, findings);
        self.look_below(observable, before, findings);
        self.look_networks(observable, findings);
        self.look_substrings(observable, before, findings);
        self.look_expressions(observable, before, findings);
    }

    /// As MISP's `string`. A URL that names its host and nothing else stands for the host as well.
    fn look_values(&self, observable: &Observable, findings: &mut Vec<Finding>) {
        if let Some(&set) = self.values.get(observable.value()) {
            self.found(set, observable, observable.value(), Reach::Itself, findings);
        }
        if let Some(host) = observable.host().filter(|_| observable.is_bare_url())
            && let Some(&set) = self.values.get(host)
        {
            self.found(set, observable, host, Reach::On, findings);
        }
    }

    /// As MISP's `hostname`: the host and every name above it, to the top.
    fn look_hosts(&self, observable: &Observable, findings: &mut Vec<Finding>) {
        let Some(host) = observable.host() else { return };
        let before = findings.len();
        let is_name = host.parse::<std::net::IpAddr>().is_err();
        let mut name = host;
        loop {
            if let Some(&set) = self.hosts.get(name) {
                let reach = match observable.kind() {
                    ObservableKind::Url | ObservableKind::Email => Reach::On,
                    _ if name.len() == host.len() => Reach::Itself,
                    _ => Reach::Below,
                };
                self.found(set, observable, name, reach, findings);
            }
            match name.split_once('.').filter(|_| is_name) {
                Some((_, parent)) => name = parent,
                None => break,
            }
        }
        self.soften(observable, host, &mut findings[before..]);
    }

    /// Not as MISP: what lies below a name is hit by whatever covers the whole of it. Whoever says the name is told, and no list that covers what lies below has it.
    fn look_below(&self, observable: &Observable, before: usize, findings: &mut Vec<Finding>) {
        let is_listed = || findings[before..].iter().any(|finding| finding.reach == Reach::Itself);
        if observable.kind() == ObservableKind::Domain
            && let Some((at, entry)) = self.above.get(observable.value())
            && !is_listed()
        {
            let source = Source::Warninglist { name: self.lists[*at].name.clone(), entry: entry.to_string() };
            findings.push(Finding { severity: Severity::Warn, source, reach: Reach::Above, part: None });
        }
    }

    /// A page on a well-known host is not the host, and a tenant's name is not its landlord's: both are worth a word to the one who shares them, not
    /// a person's time. What is refused stays refused.
    fn soften(&self, observable: &Observable, host: &str, findings: &mut [Finding]) {
        let is_page = observable.kind() == ObservableKind::Url && !observable.is_bare_url();
        let tenants_of = |finding: &Finding| match &finding.source {
            Source::Warninglist { name, entry }
                if entry.len() < host.len() && self.lists.iter().any(|list| list.tenants && list.name == *name) =>
            {
                entry.len()
            }
            _ => 0,
        };
        let landlord = findings.iter().map(tenants_of).max().unwrap_or(0);
        for finding in findings {
            let Source::Warninglist { entry, .. } = &finding.source else { continue };
            if finding.severity == Severity::Hold && (is_page || entry.len() <= landlord) {
                finding.severity = Severity::Warn;
            }
        }
    }

    /// As MISP's `cidr`: addresses and networks that lie in an entry.
    fn look_networks(&self, observable: &Observable, findings: &mut Vec<Finding>) {
        let network = match observable.kind() {
            ObservableKind::Url => observable.host().and_then(|host| host.parse::<std::net::IpAddr>().ok()).map(Into::into),
            _ => observable.network(),
        };
        let Some(network) = network else { return };
        let reach = if observable.kind() == ObservableKind::Url { Reach::On } else { Reach::Within };
        for (entry, &set) in self.networks.over(&network) {
            let reach = if *entry == network && reach == Reach::Within { Reach::Itself } else { reach };
            self.found(set, observable, &entry.to_string(), reach, findings);
        }
    }

    /// As MISP's `substring`, but for ASCII's case.
    fn look_substrings(&self, observable: &Observable, before: usize, findings: &mut Vec<Finding>) {
        let Some(substrings) = self.substrings.as_ref().filter(|substrings| substrings.kinds.has(observable.kind())) else { return };
        for hit in substrings.automaton.find_overlapping_iter(observable.value()) {
            let (entry, set) = &substrings.entries[hit.pattern().as_usize()];
            self.found_once(*set, observable, entry, before, findings);
        }
    }

    fn look_expressions(&self, observable: &Observable, before: usize, findings: &mut Vec<Finding>) {
        for expressions in self.expressions.iter().filter(|expressions| expressions.kinds.has(observable.kind())) {
            for hit in expressions.set.matches(observable.value().as_bytes()) {
                let (list, written) = &expressions.entries[hit];
                self.of_list_once(*list, observable, written, before, findings);
            }
        }
    }

    fn found(&self, set: Set, observable: &Observable, entry: &str, reach: Reach, findings: &mut Vec<Finding>) {
        for &at in &self.sets.sets[set as usize] {
            self.of_list(at, observable, entry, reach, findings);
        }
    }

    fn found_once(&self, set: Set, observable: &Observable, entry: &str, before: usize, findings: &mut Vec<Finding>) {
        for &at in &self.sets.sets[set as usize] {
            self.of_list_once(at, observable, entry, before, findings);
        }
    }

    /// Of a list's many entries that stand in a value, one is enough.
    fn of_list_once(&self, at: usize, observable: &Observable, entry: &str, before: usize, findings: &mut Vec<Finding>) {
        let of_it = |finding: &Finding| matches!(&finding.source, Source::Warninglist { name, .. } if *name == self.lists[at].name);
        if !findings[before..].iter().any(of_it) {
            self.of_list(at, observable, entry, Reach::Mentions, findings);
        }
    }

    fn of_list(&self, at: usize, observable: &Observable, entry: &str, reach: Reach, findings: &mut Vec<Finding>) {
        let list = &self.lists[at];
        if list.kinds.has(observable.kind()) {
            let source = Source::Warninglist { name: list.name.clone(), entry: entry.to_owned() };
            findings.push(Finding { severity: list.severity, source, reach, part: None });
        }
    }
}

fn insert(map: &mut HashMap<Box<str>, Set>, sets: &mut Sets, entries: Vec<String>, at: usize) {
    map.reserve(entries.len());
    for entry in entries {
        let old = map.get(entry.as_str()).copied();
        map.insert(entry.into_boxed_str(), sets.with(old, at));
    }
}

/// All expressions of a list in one pass, or in several where they are too large together. One alone is never too large: it was compiled by whoever
/// made the list.
fn expressions(entries: Vec<Expression>, list: usize, kinds: Kinds) -> Vec<Expressions> {
    if entries.is_empty() {
        return Vec::new();
    }
    let set = RegexSetBuilder::new(entries.iter().map(|entry| &entry.pattern)).size_limit(SET_BYTES_MAX).build();
    match set {
        Ok(set) => vec![Expressions { set, entries: entries.into_iter().map(|entry| (list, entry.written)).collect(), kinds }],
        Err(_) if entries.len() == 1 => Vec::new(),
        Err(_) => {
            let mut entries = entries;
            let rest = entries.split_off(entries.len() / 2);
            let mut sets = expressions(entries, list, kinds);
            sets.extend(expressions(rest, list, kinds));
            sets
        }
    }
}

/// What one pass over expressions may take in memory: more than a single one may.
const SET_BYTES_MAX: usize = 16 << 20;
