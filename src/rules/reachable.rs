//! Which addresses a node may fetch from: those of the public internet. Whoever names the address (a feed, a redirect, whoever answers for a name) would
//! otherwise read through us what only this machine and its neighbours may.

use ipnet::{Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What is not of the public internet, and what it is (RFC 6890 and IANA's registries of special-purpose addresses).
const CLOSED_V4: [(Ipv4Net, &str); 18] = [
    (v4(0, 0, 0, 0, 8), "this network"),
    (v4(10, 0, 0, 0, 8), "private"),
    (v4(100, 64, 0, 0, 10), "shared between a provider and its customers"),
    (v4(127, 0, 0, 0, 8), "loopback"),
    (v4(168, 63, 129, 16, 32), "metadata of a cloud"),
    (v4(169, 254, 0, 0, 16), "link-local, and metadata of clouds"),
    (v4(172, 16, 0, 0, 12), "private"),
    (v4(192, 0, 0, 0, 24), "for protocols"),
    (v4(192, 0, 2, 0, 24), "for documentation"),
    (v4(192, 31, 196, 0, 24), "for protocols"),
    (v4(192, 52, 193, 0, 24), "for protocols"),
    (v4(192, 88, 99, 0, 24), "for 6to4 relays"),
    (v4(192, 168, 0, 0, 16), "private"),
    (v4(198, 18, 0, 0, 15), "for benchmarks"),
    (v4(198, 51, 100, 0, 24), "for documentation"),
    (v4(203, 0, 113, 0, 24), "for documentation"),
    (v4(224, 0, 0, 0, 4), "multicast"),
    (v4(240, 0, 0, 0, 4), "reserved, or broadcast"),
];

/// What is closed within 2000::/3; nothing is open outside it but what NAT64 makes of an address that is.
const CLOSED_V6: [(Ipv6Net, &str); 5] = [
    (v6([0x2001, 0, 0], 23), "for protocols, Teredo and benchmarks"),
    (v6([0x2001, 0xdb8, 0], 32), "for documentation"),
    (v6([0x2002, 0, 0], 16), "6to4, which hides another address"),
    (v6([0x2620, 0x4f, 0x8000], 48), "for protocols"),
    (v6([0x3fff, 0, 0], 20), "for documentation"),
];

const OPEN_V6: Ipv6Net = v6([0x2000, 0, 0], 3);
/// The well-known prefix of NAT64 (RFC 6052): the last four bytes are where it leads.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0], 96);

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits)
}

const fn v6([a, b, c]: [u16; 3], bits: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), bits)
}

/// Why nothing is fetched from an address; `None` for one of the public internet.
pub fn closed(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => CLOSED_V4.iter().find(|(net, _)| net.contains(&address)).map(|(_, why)| *why),
        IpAddr::V6(address) if NAT64.contains(&address) => {
            let [.., a, b, c, d] = address.octets();
            closed(Ipv4Addr::new(a, b, c, d).into())
        }
        IpAddr::V6(address) if !OPEN_V6.contains(&address) => Some("not of the public internet"),
        IpAddr::V6(address) => CLOSED_V6.iter().find(|(net, _)| net.contains(&address)).map(|(_, why)| *why),
    }
}

/// Why nothing is fetched from a name, whatever it resolves to. Through a proxy nobody here sees what that is.
pub fn closed_name(name: &str) -> Option<&'static str> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let is_below = |top: &str| name == top || name.strip_suffix(top).is_some_and(|rest| rest.ends_with('.'));
    let closed = ["localhost", "local", "internal", "lan", "home.arpa", "localdomain", "intranet"];
    if closed.iter().any(|top| is_below(top)) || !name.contains('.') { Some("a name of a local network") } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_open() {
        let open = ["8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0", "192.0.1.0", "198.17.255.255"];
        let open_v6 = ["2606:4700:4700::1111", "2a00:1450::1", "64:ff9b::808:808", "2001:200::1"];
        for address in open.iter().chain(&open_v6) {
            assert_eq!(closed(address.parse().unwrap()), None, "{address}");
        }
        let closed_v6 = ["::", "::1", "::127.0.0.1", "::ffff:8.8.8.8", "fe80::1", "fec0::1", "fd00:ec2::254", "ff02::1", "100::1"];
        let tunnels = ["2002:7f00:1::", "2001::1", "64:ff9b::7f00:1", "64:ff9b:1::808:808", "2001:db8::1", "3fff::1", "5f00::1", "4000::1"];
        for address in closed_v6.iter().chain(&tunnels) {
            assert!(closed(address.parse().unwrap()).is_some(), "{address}");
        }
        for (net, _) in CLOSED_V4 {
            assert!(closed(net.network().into()).is_some() && closed(net.broadcast().into()).is_some(), "{net}");
        }
    }

    #[test]
    fn names_of_local_networks_are_closed_whatever_they_resolve_to() {
        for name in ["localhost", "LOCALHOST.", "a.localhost", "printer.local", "metadata.google.internal", "metadata", "nas.home.arpa"] {
            assert!(closed_name(name).is_some(), "{name}");
        }
        for name in ["example.org", "local.example.org", "mylocalhost.example", "internal.example.org."] {
            assert_eq!(closed_name(name), None, "{name}");
        }
    }
}
