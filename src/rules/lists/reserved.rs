//! What needs no list: addresses and names that nobody on the internet has, and hashes that everybody has.
//!
//! Ranges are those of the IANA registries of special-purpose addresses (RFC 6890 and its successors; IPv4, IPv6, multicast), names those of the IANA
//! registry of special-use domain names (RFC 6761) and of RFC 6762 Appendix G. `.onion` is a special-use name too, but hosts are reached under it,
//! so it may be an indicator. An address in an address is judged as well: NAT64, 6to4, IPv4-compatible, and names under `in-addr.arpa`
//! and `ip6.arpa`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::Severity;
use crate::model::observable::tld;
use crate::model::{Observable, ObservableKind};

/// Why nobody on the internet has a value, or why everybody has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Reserved {
    /// RFC 1918, RFC 4193, site-local: the inside of somebody's network.
    #[error("a private address, the inside of somebody's network")]
    Private,
    /// RFC 6598: between a provider and its customers.
    #[error("an address between a provider and its customers")]
    Shared,
    /// The machine itself.
    #[error("an address that every machine has")]
    Loopback,
    /// RFC 3927, RFC 4291: one cable.
    #[error("a link-local address")]
    LinkLocal,
    /// A group of hosts.
    #[error("a multicast address")]
    Multicast,
    /// RFC 5737, RFC 3849, RFC 9637, and names for examples and tests (RFC 6761).
    #[error("reserved for examples and tests")]
    Documentation,
    /// Never given to anybody: `0.0.0.0/8`, `240.0.0.0/4`, benchmarks, protocols, unallocated IPv6.
    #[error("an address that nobody has")]
    Unusable,
    /// A network wide enough to hold one of these ranges.
    #[error("a network that holds a reserved range")]
    TooWide,
    /// `localhost`, `.local`, `.internal`, `.lan` and their kind, a name of one label.
    #[error("a name that is known inside a network alone")]
    LocalName,
    /// A name under no top-level domain that is known here.
    #[error("a name under no public top-level domain")]
    NoSuchTld,
    /// The hash of an empty file.
    #[error("the hash of an empty file")]
    EmptyFile,
}

/// What the built-in decisions mean, where an operator may choose. All else is refused, but for a network that is too wide, which is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Severities {
    /// Addresses and names for examples: refused, since none is an attacker's. A training may want to share them.
    pub documentation: Severity,
    /// Names under no known top-level domain: held, since the domain may be younger than our list, and may be the name of a victim's own network.
    pub no_such_tld: Severity,
}

impl Default for Severities {
    fn default() -> Self {
        Self { documentation: Severity::Refuse, no_such_tld: Severity::Hold }
    }
}

impl Severities {
    /// What it means.
    pub const fn of(self, reserved: Reserved) -> Severity {
        match reserved {
            Reserved::Documentation => self.documentation,
            Reserved::NoSuchTld => self.no_such_tld,
            Reserved::TooWide => Severity::Hold,
            Reserved::Private
            | Reserved::Shared
            | Reserved::Loopback
            | Reserved::LinkLocal
            | Reserved::Multicast
            | Reserved::Unusable
            | Reserved::LocalName
            | Reserved::EmptyFile => Severity::Refuse,
        }
    }
}

/// Why nobody, or everybody, has this value, or the host that it is on; `None` for every other.
pub fn of(observable: &Observable) -> Option<Reserved> {
    match observable.kind() {
        ObservableKind::Md5 | ObservableKind::Sha1 | ObservableKind::Sha256 | ObservableKind::Sha512 | ObservableKind::AppCertHash => {
            EMPTY.contains(&observable.value()).then_some(Reserved::EmptyFile)
        }
        ObservableKind::Ipv4Net | ObservableKind::Ipv6Net => observable.network().and_then(|network| of_network(&network)),
        _ => of_host(observable.host()?),
    }
}

/// The same of a host name or an address.
pub fn of_host(host: &str) -> Option<Reserved> {
    match host.parse::<IpAddr>() {
        Ok(address) => of_network(&address.into()),
        Err(_) => of_name(host),
    }
}

/// Hashes of an input of no bytes: MD5, SHA-1, SHA-256, SHA-384, SHA-512.
pub const EMPTY: [&str; 5] = [
    "d41d8cd98f00b204e9800998ecf8427e",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b",
    "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
];

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(a: u16, b: u16, c: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), length)
}

/// The first that holds an address counts.
const IPV4: [(Ipv4Net, Reserved); 16] = [
    (v4(10, 0, 0, 0, 8), Reserved::Private),
    (v4(172, 16, 0, 0, 12), Reserved::Private),
    (v4(192, 168, 0, 0, 16), Reserved::Private),
    (v4(100, 64, 0, 0, 10), Reserved::Shared),
    (v4(127, 0, 0, 0, 8), Reserved::Loopback),
    (v4(169, 254, 0, 0, 16), Reserved::LinkLocal),
    (v4(192, 0, 2, 0, 24), Reserved::Documentation),
    (v4(198, 51, 100, 0, 24), Reserved::Documentation),
    (v4(203, 0, 113, 0, 24), Reserved::Documentation),
    // MCAST-TEST-NET, RFC 6676.
    (v4(233, 252, 0, 0, 24), Reserved::Documentation),
    (v4(224, 0, 0, 0, 4), Reserved::Multicast),
    (v4(0, 0, 0, 0, 8), Reserved::Unusable),
    (v4(192, 0, 0, 0, 24), Reserved::Unusable),
    (v4(192, 88, 99, 0, 24), Reserved::Unusable),
    (v4(198, 18, 0, 0, 15), Reserved::Unusable),
    (v4(240, 0, 0, 0, 4), Reserved::Unusable),
];

const IPV6: [(Ipv6Net, Reserved); 10] = [
    (v6(0xfc00, 0, 0, 7), Reserved::Private),
    (v6(0xfec0, 0, 0, 10), Reserved::Private),
    (v6(0xfe80, 0, 0, 10), Reserved::LinkLocal),
    (v6(0xff00, 0, 0, 8), Reserved::Multicast),
    (v6(0x2001, 0xdb8, 0, 32), Reserved::Documentation),
    (v6(0x3fff, 0, 0, 20), Reserved::Documentation),
    // Local NAT64, RFC 8215.
    (v6(0x64, 0xff9b, 1, 48), Reserved::Private),
    // Benchmarks, RFC 5180.
    (v6(0x2001, 2, 0, 48), Reserved::Unusable),
    // ORCHID, RFC 4843 and RFC 7343: hashes, not places.
    (v6(0x2001, 0x10, 0, 28), Reserved::Unusable),
    (v6(0x2001, 0x20, 0, 28), Reserved::Unusable),
];

/// All that IANA has given out.
const GLOBAL_UNICAST: Ipv6Net = v6(0x2000, 0, 0, 3);

fn of_network(network: &IpNet) -> Option<Reserved> {
    match network {
        IpNet::V4(network) => {
            let within = IPV4.iter().find(|(range, _)| range.contains(network)).map(|&(_, reserved)| reserved);
            within.or_else(|| IPV4.iter().any(|(range, _)| network.contains(range)).then_some(Reserved::TooWide))
        }
        IpNet::V6(network) => of_v6(network),
    }
}

fn of_v6(network: &Ipv6Net) -> Option<Reserved> {
    if network.prefix_len() == 128 && network.addr().is_loopback() {
        return Some(Reserved::Loopback);
    }
    if let Some(carried) = carried(&(*network).into()) {
        return of_network(&carried);
    }
    let within = IPV6.iter().find(|(range, _)| range.contains(network)).map(|&(_, reserved)| reserved);
    if within.is_some() {
        return within;
    }
    if IPV6.iter().any(|(range, _)| network.contains(range)) || network.contains(&GLOBAL_UNICAST) {
        return Some(Reserved::TooWide);
    }
    (!GLOBAL_UNICAST.contains(network)).then_some(Reserved::Unusable)
}

/// The IPv4 network that an IPv6 network carries: IPv4-mapped (RFC 4291), NAT64 (RFC 6052), 6to4 (RFC 3056), and the IPv4-compatible form, which nobody
/// routes and some still write.
pub(super) fn carried(network: &IpNet) -> Option<IpNet> {
    let IpNet::V6(network) = network else { return None };
    let (parts, length) = (network.addr().segments(), network.prefix_len());
    let (high, low, before) = match parts {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => (high, low, 96),
        [0x2002, high, low, ..] => (high, low, 16),
        _ => return None,
    };
    let bits = u32::from(high) << 16 | u32::from(low);
    // `::` and `::1` are addresses of their own.
    if before == 96 && parts[5] == 0 && parts[0] == 0 && bits < 2 {
        return None;
    }
    Ipv4Net::new(Ipv4Addr::from(bits), length.checked_sub(before)?.min(32)).ok().map(|net| net.trunc().into())
}

/// Tops under which names are known in one network alone. RFC 6762 Appendix G, ICANN's decision on `.internal` (2024), names that routers give.
const LOCAL: [&str; 15] = [
    "localhost",
    "local",
    "internal",
    "localdomain",
    "lan",
    "home",
    "corp",
    "intranet",
    "private",
    "workgroup",
    "domain",
    "mshome",
    "fritz",
    "speedport",
    "gateway",
];

fn of_name(name: &str) -> Option<Reserved> {
    let Some((_, top)) = name.rsplit_once('.') else { return Some(Reserved::LocalName) };
    if name == "home.arpa" || name.ends_with(".home.arpa") || (name == "fritz.box" || name.ends_with(".fritz.box")) {
        return Some(Reserved::LocalName);
    }
    if let Some(network) = reverse(name) {
        return of_network(&network);
    }
    match top {
        "test" | "example" | "invalid" => Some(Reserved::Documentation),
        _ if is_example(name) => Some(Reserved::Documentation),
        _ if tld::is_tld(top) => None,
        _ if LOCAL.contains(&top) => Some(Reserved::LocalName),
        _ => Some(Reserved::NoSuchTld),
    }
}

/// `example.com`, `example.net` and `example.org`, and what is below them.
fn is_example(name: &str) -> bool {
    ["example.com", "example.net", "example.org"]
        .iter()
        .any(|example| name.strip_suffix(example).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// The address or network that a name for reverse lookups stands for: `4.3.2.1.in-addr.arpa`, `b.a.….ip6.arpa`.
pub(super) fn reverse(name: &str) -> Option<IpNet> {
    if let Some(labels) = name.strip_suffix(".in-addr.arpa") {
        let mut octets = [0_u8; 4];
        let mut length = 0;
        for (octet, label) in octets.iter_mut().zip(labels.rsplit('.')) {
            *octet = label.parse().ok()?;
            length += 8;
        }
        return IpNet::new(IpAddr::from(octets), length).ok();
    }
    let labels = name.strip_suffix(".ip6.arpa")?;
    let (mut address, mut length) = (0_u128, 0_u8);
    for label in labels.rsplit('.').take(32) {
        let digit = u128::from_str_radix(label, 16).ok().filter(|_| label.len() == 1)?;
        length += 4;
        address |= digit << (128 - length);
    }
    IpNet::new(IpAddr::from(Ipv6Addr::from(address)), length).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::digest;
    use data_encoding::HEXLOWER;

    fn said(kind: ObservableKind, text: &str) -> Option<Reserved> {
        of(&Observable::parse(kind, text).expect(text))
    }

    #[test]
    fn addresses_that_nobody_on_the_internet_has_are_told_by_their_range() {
        use Reserved::*;
        for (text, expected) in [
            ("10.1.2.3", Some(Private)),
            ("172.31.255.255", Some(Private)),
            ("172.32.0.0", None),
            ("192.168.0.0/24", Some(Private)),
            ("100.64.0.1", Some(Shared)),
            ("100.128.0.0", None),
            ("127.0.0.53", Some(Loopback)),
            ("169.254.1.1", Some(LinkLocal)),
            ("192.0.2.7", Some(Documentation)),
            ("224.0.0.251", Some(Multicast)),
            ("233.252.0.1", Some(Documentation)),
            ("0.0.0.0", Some(Unusable)),
            ("255.255.255.255", Some(Unusable)),
            ("198.19.255.255", Some(Unusable)),
            ("8.8.8.8", None),
            ("8.0.0.0/6", Some(TooWide)),
            ("1.0.0.0/8", None),
            ("::1", Some(Loopback)),
            ("::", Some(Unusable)),
            ("fd00::1", Some(Private)),
            ("fe80::1", Some(LinkLocal)),
            ("ff02::fb", Some(Multicast)),
            ("2001:db8::/48", Some(Documentation)),
            ("3fff::1", Some(Documentation)),
            ("2606:4700:4700::1111", None),
            ("2001:0:4136:e378::1", None),
            ("4000::1", Some(Unusable)),
            ("2000::/3", Some(TooWide)),
            ("2001::/16", Some(TooWide)),
        ] {
            assert_eq!(said(ObservableKind::Ipv4, text), expected, "{text}");
        }
    }

    #[test]
    fn an_address_in_an_address_is_judged() {
        use Reserved::*;
        for (text, expected) in [
            ("::ffff:10.0.0.1", Some(Private)),
            ("64:ff9b::10.0.0.1", Some(Private)),
            ("64:ff9b::8.8.8.8", None),
            ("64:ff9b:1::1", Some(Private)),
            ("2002:c0a8:101::1", Some(Private)),
            ("2002:808:808::1", None),
            ("::192.168.1.1", Some(Private)),
        ] {
            assert_eq!(said(ObservableKind::Ipv6, text), expected, "{text}");
        }
        assert_eq!(said(ObservableKind::Domain, "5.1.168.192.in-addr.arpa"), Some(Private));
        assert_eq!(said(ObservableKind::Domain, "168.192.in-addr.arpa"), Some(Private));
        assert_eq!(said(ObservableKind::Domain, "8.8.8.8.in-addr.arpa"), None);
        assert_eq!(said(ObservableKind::Domain, "8.b.d.0.1.0.0.2.ip6.arpa"), Some(Documentation));
        assert_eq!(said(ObservableKind::Domain, "0.0.0.7.4.6.0.6.2.ip6.arpa"), None);
    }

    #[test]
    fn names_that_no_public_server_answers_are_told_and_onions_are_not() {
        use Reserved::*;
        for (text, expected) in [
            ("dc01.office.local", Some(LocalName)),
            ("nas.internal", Some(LocalName)),
            ("printer.home.arpa", Some(LocalName)),
            ("router.fritz.box", Some(LocalName)),
            ("pc.lan", Some(LocalName)),
            ("evil.example", Some(Documentation)),
            ("a.example.org", Some(Documentation)),
            ("notexample.org", None),
            ("a.test", Some(Documentation)),
            ("x.invalid", Some(Documentation)),
            ("mail.contoso.adds", Some(NoSuchTld)),
            ("expyuzz4wqqyqhjn.onion", None),
            ("evil.bazar", None),
            ("evil.xn--p1ai", None),
        ] {
            assert_eq!(said(ObservableKind::Domain, text), expected, "{text}");
        }
        assert_eq!(of_host("srv01"), Some(LocalName));
        assert_eq!(said(ObservableKind::Url, "http://192.168.1.1/cgi-bin/a"), Some(Private));
        assert_eq!(said(ObservableKind::Url, "http://[fd00::1]:81/a"), Some(Private));
        assert_eq!(said(ObservableKind::Email, "root@web.local"), Some(LocalName));
        assert_eq!(said(ObservableKind::FileName, "a.local"), None);
    }

    #[test]
    fn every_reason_has_its_words() {
        use Reserved::*;
        let cases = [
            (Private, "a private address, the inside of somebody's network"),
            (Shared, "an address between a provider and its customers"),
            (Loopback, "an address that every machine has"),
            (LinkLocal, "a link-local address"),
            (Multicast, "a multicast address"),
            (Documentation, "reserved for examples and tests"),
            (Unusable, "an address that nobody has"),
            (TooWide, "a network that holds a reserved range"),
            (LocalName, "a name that is known inside a network alone"),
            (NoSuchTld, "a name under no public top-level domain"),
            (EmptyFile, "the hash of an empty file"),
        ];
        crate::texts::all_say(include_str!("reserved.rs"), "Reserved", &cases);
    }

    #[test]
    fn hashes_of_nothing_are_those_that_the_algorithms_give() {
        let sha = |algorithm| HEXLOWER.encode(digest::digest(algorithm, b"").as_ref());
        let computed =
            [md5_of_short(b""), sha(&digest::SHA1_FOR_LEGACY_USE_ONLY), sha(&digest::SHA256), sha(&digest::SHA384), sha(&digest::SHA512)];
        assert_eq!(EMPTY.map(str::to_owned), computed);
        assert_eq!(md5_of_short(b"abc"), "900150983cd24fb0d6963f7d28e17f72", "RFC 1321's own example");
        for (kind, hash) in [(ObservableKind::Md5, EMPTY[0]), (ObservableKind::Sha512, EMPTY[4]), (ObservableKind::AppCertHash, EMPTY[3])] {
            assert_eq!(said(kind, hash), Some(Reserved::EmptyFile));
        }
        assert_eq!(said(ObservableKind::Md5, "900150983cd24fb0d6963f7d28e17f72"), None);
    }

    /// RFC 1321, for inputs of one block: no crate of ours has MD5.
    fn md5_of_short(input: &[u8]) -> String {
        assert!(input.len() < 56);
        let mut block = [0_u8; 64];
        block[..input.len()].copy_from_slice(input);
        block[input.len()] = 0x80;
        block[56..].copy_from_slice(&(input.len() as u64 * 8).to_le_bytes());
        let word = |at: usize| u32::from_le_bytes([block[4 * at], block[4 * at + 1], block[4 * at + 2], block[4 * at + 3]]);
        const SHIFTS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
        let start = [0x6745_2301_u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
        let [mut a, mut b, mut c, mut d] = start;
        for step in 0..64_usize {
            let (mixed, at) = match step / 16 {
                0 => (b & c | !b & d, step),
                1 => (d & b | !d & c, (5 * step + 1) % 16),
                2 => (b ^ c ^ d, (3 * step + 5) % 16),
                _ => (c ^ (b | !d), 7 * step % 16),
            };
            let constant = (4_294_967_296.0 * ((step + 1) as f64).sin().abs()) as u32;
            let turned = a.wrapping_add(mixed).wrapping_add(constant).wrapping_add(word(at)).rotate_left(SHIFTS[step / 16][step % 4]);
            (a, d, c, b) = (d, c, b, b.wrapping_add(turned));
        }
        let out: Vec<u8> = start.iter().zip([a, b, c, d]).flat_map(|(start, end)| start.wrapping_add(end).to_le_bytes()).collect();
        HEXLOWER.encode(&out)
    }
}
