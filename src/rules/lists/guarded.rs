//! Infrastructure that the gate guards: ours, our partners' and victims'.

#![allow(clippy::disallowed_types, reason = "nothing iterates them but to sort")]

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use ipnet::IpNet;

use super::networks::Networks;
use super::reserved::{carried, reverse};
use super::{Finding, Reach, Severity, Source, names_above};
use crate::model::{Observable, ObservableKind};
use crate::rules::decode;

/// Whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Whose {
    /// This organisation's.
    Own,
    /// A partner's.
    Partner,
    /// A victim's: of the deny list. Refused wherever it is only mentioned.
    Victim,
}

/// Names, addresses, networks and single values of one owner.
///
/// Refused: each of them, names below them, addresses and networks in them, URLs and e-mail addresses on them, their names for reverse lookups. A network
/// around one is held, and of a name above one whoever says it is told. A victim's is refused as well wherever a value mentions it: as part of another name (`victim.org.evil.example`,
/// `victim-org.evil.example`, a provider's name with the address in it), in a path, behind base64. Our own name in an attacker's is what
/// our readers must be warned of, so it leaves.
pub struct Infrastructure {
    whose: Whose,
    domains: HashSet<Box<str>>,
    /// Names above them, with one of them.
    above: HashMap<Box<str>, Arc<str>>,
    networks: Networks<()>,
    /// E-mail addresses, telephone numbers and whatever else: that value alone.
    values: HashSet<Observable>,
    mentions: Option<Mentions>,
}

/// Nobody's: nothing is guarded.
impl Default for Infrastructure {
    fn default() -> Self {
        Self::new(Whose::Partner, [])
    }
}

/// A victim's names enter no log.
impl std::fmt::Debug for Infrastructure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Infrastructure({:?}, {} domains, {} values)", self.whose, self.domains.len(), self.values.len())
    }
}

/// Every way to write one of the entries, in folded form, searched for at once.
struct Mentions {
    automaton: AhoCorasick,
    /// By number of the pattern in the automaton.
    entries: Vec<String>,
}

impl Infrastructure {
    /// What this owner has. A domain guards all below it, an address or network all in it, a URL its host, every other value itself.
    pub fn new(whose: Whose, values: impl IntoIterator<Item = Observable>) -> Self {
        let (mut domains, mut networks, mut single, mut needles) = (HashSet::new(), Vec::new(), HashSet::new(), Vec::new());
        for value in values {
            // Of a URL the host is guarded, in whichever form that is.
            let host = value
                .host()
                .filter(|_| value.kind() == ObservableKind::Url)
                .and_then(|host| Observable::parse(ObservableKind::Domain, host).ok());
            let value = host.unwrap_or(value);
            needles.extend(spellings(&value).into_iter().map(|spelling| (spelling, value.value().to_owned())));
            match value.network() {
                Some(network) => networks.push((network, ())),
                None if value.kind() == ObservableKind::Domain => drop(domains.insert(value.value().into())),
                None => drop(single.insert(value)),
            }
        }
        // What a card names is its author's word, who may name anything: it stands for that very host, and for nothing below it or like it.
        let mentions = if whose == Whose::Partner { None } else { Mentions::new(needles) };
        let mut above = HashMap::new();
        if whose != Whose::Partner {
            let mut sorted: Vec<&Box<str>> = domains.iter().collect();
            sorted.sort_unstable();
            for domain in sorted {
                let shared: Arc<str> = domain.as_ref().into();
                for name in names_above(domain) {
                    above.entry(name.into()).or_insert_with(|| shared.clone());
                }
            }
        }
        Self { whose, domains, above, networks: Networks::new(networks), values: single, mentions }
    }

    /// Adds what is to be said of a value. What is in a pattern is looked at one by one, and [`Infrastructure::mentioned`] looks at its text.
    pub(super) fn look(&self, observable: &Observable, findings: &mut Vec<Finding>) {
        let before = findings.len();
        if self.values.contains(observable) {
            findings.push(self.finding(Severity::Refuse, Reach::Itself, observable.value().to_owned()));
        }
        self.look_host(observable, findings);
        self.look_network(observable, findings);
        if self.whose == Whose::Victim && findings.len() == before && is_text(observable.kind()) {
            findings.extend(self.mentioned(observable.value(), Severity::Refuse));
        }
        if observable.kind() == ObservableKind::Domain
            && findings.len() == before
            && let Some(entry) = self.above.get(observable.value())
        {
            findings.push(self.finding(Severity::Warn, Reach::Above, entry.to_string()));
        }
    }

    /// The entry that a text mentions, in any of the ways in which it can be written there.
    pub(super) fn mentioned(&self, text: &str, severity: Severity) -> Option<Finding> {
        let mentions = self.mentions.as_ref()?;
        let severity = if self.whose == Whose::Victim { Severity::Refuse } else { severity };
        let plain = decode::percent(text);
        let found = mentions.find(&plain).or_else(|| decode::hidden(&plain).iter().find_map(|hidden| mentions.find(hidden)));
        found.map(|entry| self.finding(severity, Reach::Mentions, entry.to_owned()))
    }

    fn look_host(&self, observable: &Observable, findings: &mut Vec<Finding>) {
        let Some(host) = observable.host() else { return };
        let mut name = host;
        loop {
            if self.domains.contains(name) {
                let reach = match observable.kind() {
                    ObservableKind::Url | ObservableKind::Email => Reach::On,
                    _ if name.len() == host.len() => Reach::Itself,
                    _ => Reach::Below,
                };
                findings.push(self.finding(Severity::Refuse, reach, name.to_owned()));
            }
            match name.split_once('.').filter(|_| self.whose != Whose::Partner) {
                Some((_, parent)) => name = parent,
                None => break,
            }
        }
    }

    fn look_network(&self, observable: &Observable, findings: &mut Vec<Finding>) {
        let of_host = || observable.host().and_then(|host| host.parse::<IpAddr>().ok().map(IpNet::from).or_else(|| reverse(host)));
        let Some(network) = observable.network().or_else(of_host) else { return };
        // An IPv6 address that carries a guarded IPv4 address leads to the same machine.
        let network = carried(&network).unwrap_or(network);
        let is_itself = |entry: &IpNet| *entry == network && observable.network().is_some();
        let over = self.networks.over(&network).map(|(entry, ())| {
            let reach = match observable.kind() {
                ObservableKind::Url | ObservableKind::Email => Reach::On,
                _ if is_itself(entry) => Reach::Itself,
                _ => Reach::Within,
            };
            self.finding(Severity::Refuse, reach, entry.to_string())
        });
        findings.extend(over);
        if let Some((entry, ())) = self.networks.within(&network) {
            findings.push(self.finding(Severity::Hold, Reach::Around, entry.to_string()));
        }
    }

    fn finding(&self, severity: Severity, reach: Reach, entry: String) -> Finding {
        Finding { severity, source: Source::Infrastructure { whose: self.whose, entry }, reach, part: None }
    }
}

/// Whether values of the kind can mention others. Digits alone cannot, and an address that reads backwards like a victim's is somebody else's.
fn is_text(kind: ObservableKind) -> bool {
    use ObservableKind::*;
    !matches!(kind, Ipv4 | Ipv6 | Ipv4Net | Ipv6Net | Md5 | Sha1 | Sha256 | Sha512 | AppCertHash | PhoneNumber | Pattern)
}

impl Mentions {
    fn new(needles: Vec<(String, String)>) -> Option<Self> {
        let (folded, entries): (Vec<String>, Vec<String>) = needles.into_iter().map(|(needle, entry)| (fold(&needle), entry)).unzip();
        // Its states are fewer than the bytes of a list that can be read, far below what it can number.
        let automaton = AhoCorasick::new(&folded).expect("fewer states than there are numbers for");
        (!folded.is_empty()).then_some(Self { automaton, entries })
    }

    fn find(&self, text: &str) -> Option<&str> {
        let folded = fold(text);
        let bytes = folded.as_bytes();
        let is_word = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphanumeric);
        let whole = |start: usize, end: usize| !is_word(start.checked_sub(1)) && !is_word(Some(end));
        let hit = self.automaton.find_overlapping_iter(&folded).find(|hit| whole(hit.start(), hit.end()))?;
        self.entries.get(hit.pattern().as_usize()).map(String::as_str)
    }
}

/// One form for the ways in which names are bent to fit into other names: lower case, and one sign for what separates.
fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).map(|c| if matches!(c, '-' | '_' | '.' | '@' | ':') { '.' } else { c }).collect()
}

/// A domain without its dots is looked for if it is at least so long; shorter ones are words.
const GLUED_MIN: usize = 8;

/// How an entry may be written in something else.
fn spellings(entry: &Observable) -> Vec<String> {
    let value = entry.value();
    let mut spellings = vec![value.to_owned()];
    match entry.kind() {
        ObservableKind::Domain => {
            let glued = value.replace('.', "");
            spellings.extend((glued.len() >= GLUED_MIN).then_some(glued));
            let (unicode, _) = idna::domain_to_unicode(value);
            spellings.extend((unicode != value).then_some(unicode));
        }
        ObservableKind::Ipv4 => {
            let octets: Vec<&str> = value.split('.').rev().collect();
            spellings.push(octets.join("."));
        }
        ObservableKind::Ipv4Net | ObservableKind::Ipv6Net => spellings.clear(),
        _ => {}
    }
    spellings
}
