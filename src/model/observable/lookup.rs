//! What to look at in the store to find everything that a queried observable matches. Pure: keys and ranges out, no store in.

use std::net::IpAddr;
use std::ops::Range;

use super::{
    Observable,
    ObservableKind::{self, *},
    ip,
    key::search_key,
    url,
};

/// How what was found relates to what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// It is the observable asked for, or the host of the URL or e-mail address asked for.
    Exact,
    /// It is a domain above the one asked for.
    Parent,
    /// It is a domain below the one asked for.
    Subdomain,
    /// It is an address or network in the network asked for.
    InNetwork,
    /// It is a network that the address or network asked for lies in.
    ContainsAddress,
    /// It is a URL on the domain or address asked for, or an e-mail address at the domain.
    OnHost,
    /// It is a URL on a subdomain of the domain asked for, or an e-mail address at one.
    OnSubdomain,
    /// It is a URL on an address in the network asked for.
    OnNetwork,
    /// It is a pattern with the observable asked for in it, or with a URL or an e-mail address on it or below it.
    InPattern,
}

/// Where to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// One key, as [`search_key`] makes it.
    Key(Vec<u8>),
    /// All keys from the start, up to and without the end.
    Range(Range<Vec<u8>>),
}

/// One thing to look at, and what a hit there means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// Where to look among the observables.
    pub place: Place,
    /// What a hit there is.
    pub matches: Match,
}

/// Everything to look at for `query` among observables: itself; for a domain its parents down to two labels and its subdomains; for a URL or
/// an e-mail address its host and the parents or networks over it; for an address the networks over it; for a network the networks over it
/// and all addresses and networks in it. At most 260 lookups, most often below ten. No place occurs twice.
pub fn lookups(query: &Observable) -> Vec<Lookup> {
    let mut found = vec![exact(query)];
    match query.kind() {
        Domain => domain(query.value(), &mut found),
        Url | Email => host(query, &mut found),
        Ipv4 | Ipv6 | Ipv4Net | Ipv6Net => network(query.value(), &mut found),
        Md5 | Sha1 | Sha256 | Sha512 => found.push(exact(&Observable { kind: AppCertHash, value: query.value().to_owned() })),
        AppCertHash => found.extend(
            super::hash::kind_of_length(query.value().len()).map(|kind| exact(&Observable { kind, value: query.value().to_owned() })),
        ),
        _ => {}
    }
    found
}

/// The keys of `query` in an index from the observables inside patterns to their patterns: each hit is [`Match::InPattern`].
/// A pattern that names a parent domain or a network is found as well, one that names a subdomain is not.
pub fn pattern_lookups(query: &Observable) -> Vec<Lookup> {
    let upwards = |lookup: &Lookup| matches!(lookup.matches, Match::Exact | Match::Parent | Match::ContainsAddress);
    lookups(query).into_iter().filter(upwards).map(|lookup| Lookup { matches: Match::InPattern, ..lookup }).collect()
}

/// The keys of `query` in an index from hosts to the URLs and e-mail addresses on them, under [`host_key`]. A domain or address has those on
/// it, a domain those on its subdomains, a network those on its addresses. Anything else has none: of a URL its host is looked for, not
/// what else is there.
pub fn host_lookups(query: &Observable) -> Vec<Lookup> {
    if !matches!(query.kind(), Domain | Ipv4 | Ipv6 | Ipv4Net | Ipv6Net) {
        return Vec::new();
    }
    let on = |lookup: Lookup| {
        let matches = match lookup.matches {
            Match::Exact => Match::OnHost,
            Match::Subdomain => Match::OnSubdomain,
            Match::InNetwork => Match::OnNetwork,
            _ => return None,
        };
        Some(Lookup { matches, ..lookup })
    };
    lookups(query).into_iter().filter_map(on).collect()
}

/// The [`search_key`] of the host of a URL or e-mail address, from the search key of that: it holds the host whole, however long the rest is.
pub fn host_key(key: &[u8]) -> Option<Vec<u8>> {
    let (&number, value) = key.split_first()?;
    let host = match ObservableKind::from_number(number)? {
        Url => url::host(valid(value))?,
        Email => valid(value).rsplit_once('@')?.1,
        _ => return None,
    };
    let host = match host.parse::<IpAddr>() {
        Ok(address) => ip::of_address(address),
        Err(_) => Observable { kind: Domain, value: host.to_owned() },
    };
    Some(search_key(&host))
}

/// The key of a long value may end within a character.
fn valid(bytes: &[u8]) -> &str {
    bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid())
}

/// What a text asked for without a kind can stand for: the observable guessed, and the same text under each kind that is nothing but a name.
/// Empty if it can stand for nothing.
pub fn meanings(text: &str) -> Vec<Observable> {
    const NAMES: [ObservableKind; 7] = [AppId, ProcessName, FileName, FilePath, ConfigurationProfileId, AndroidProperty, Mutex];
    let mut found: Vec<Observable> = Observable::guess(text).into_iter().collect();
    for kind in NAMES.into_iter().chain([UserAgent, PhoneNumber, CryptocurrencyAddress]) {
        found.extend(Observable::parse(kind, text).ok().filter(|observable| observable.kind == kind));
    }
    found.sort();
    found.dedup();
    found
}

fn exact(observable: &Observable) -> Lookup {
    Lookup { place: Place::Key(search_key(observable)), matches: Match::Exact }
}

fn domain(name: &str, found: &mut Vec<Lookup>) {
    parents(name, found);
    let mut start = vec![Domain.number()];
    super::key::push_labels(&mut start, name);
    let mut end = start.clone();
    // The key ends in a zero byte; every longer one goes on with a label, whose bytes lie above it.
    start.push(1);
    if let Some(last) = end.last_mut() {
        *last = 1;
    }
    found.push(Lookup { place: Place::Range(start..end), matches: Match::Subdomain });
}

/// Names above `name` that still have two labels: without a list of public suffixes nothing better can be told.
fn parents(name: &str, found: &mut Vec<Lookup>) {
    let mut rest = name;
    while let Some((_, parent)) = rest.split_once('.')
        && parent.contains('.')
    {
        let observable = Observable { kind: Domain, value: parent.to_owned() };
        found.push(Lookup { place: Place::Key(search_key(&observable)), matches: Match::Parent });
        rest = parent;
    }
}

fn host(query: &Observable, found: &mut Vec<Lookup>) {
    let host = match query.kind() {
        Url => url::host(query.value()),
        _ => query.value().rsplit_once('@').map(|(_, host)| host),
    };
    let Some(host) = host else { return };
    if let Ok(address) = host.parse::<IpAddr>() {
        found.push(exact(&ip::of_address(address)));
        network(host, found);
    } else {
        found.push(exact(&Observable { kind: Domain, value: host.to_owned() }));
        parents(host, found);
    }
}

/// `text` is a canonical address or network.
fn network(text: &str, found: &mut Vec<Lookup>) {
    let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, length.parse::<u8>().ok()));
    let Ok(address) = address.parse::<IpAddr>() else { return };
    let full = if address.is_ipv4() { 32 } else { 128 };
    for shorter in 1..length.unwrap_or(full) {
        if let Ok(above) = ip::of_network(address, shorter) {
            found.push(Lookup { place: Place::Key(search_key(&above)), matches: Match::ContainsAddress });
        }
    }
    if let Some(length) = length {
        inside(address, length, found);
    }
}

/// Addresses and smaller networks between a network's first and last address.
fn inside(address: IpAddr, length: u8, found: &mut Vec<Lookup>) {
    let (first, last, kinds) = match address {
        IpAddr::V4(first) => {
            let last = u32::from(first) | u32::MAX.checked_shr(length.into()).unwrap_or(0);
            (first.octets().to_vec(), last.to_be_bytes().to_vec(), (Ipv4, Ipv4Net))
        }
        IpAddr::V6(first) => {
            let last = u128::from(first) | u128::MAX.checked_shr(length.into()).unwrap_or(0);
            (first.octets().to_vec(), last.to_be_bytes().to_vec(), (Ipv6, Ipv6Net))
        }
    };
    let key = |kind: ObservableKind, address: &[u8], tail: &[u8]| [&[kind.number()], address, tail].concat();
    // An address's key ends behind it, so the last one's key and a byte more is the first key that is not inside.
    let addresses = key(kinds.0, &first, &[])..key(kinds.0, &last, &[0]);
    // A network that begins with the same address and is shorter lies over this one, not in it.
    let networks = key(kinds.1, &first, &[length + 1])..key(kinds.1, &last, &[u8::MAX]);
    found.extend([addresses, networks].map(|range| Lookup { place: Place::Range(range), matches: Match::InNetwork }));
}
