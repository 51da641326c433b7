//! IP addresses and networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Observable, ObservableKind, domain, error::Reason};

/// An address or a network, with its canonical form. `text` is refanged already.
///
/// Host bits of a network become zero; a network of one address is that address; an IPv4-mapped address or network is IPv4
/// (RFC 4291 §2.5.5.2); IPv6 as RFC 5952 writes it. A port behind the address (`192.0.2.1:443`, `[2001:db8::1]:443`) is dropped.
pub(super) fn canonical(text: &str) -> Result<Observable, Reason> {
    match text.split_once('/') {
        Some((address, prefix)) => network(parse_address(address)?, prefix),
        None => parse_address(without_port(text)).map(of_address),
    }
}

/// An address or network, if the text has the form of one: the error is then what is wrong with it.
pub(super) fn look(text: &str) -> Option<Result<Observable, Reason>> {
    let first = *text.as_bytes().first()?;
    let may_be = first.is_ascii_digit() || text.bytes().filter(|&byte| byte == b':').count() > 1;
    let (host, prefix) = text.split_once('/').map_or((text, None), |(host, prefix)| (host, Some(prefix)));
    let is_prefix = prefix.is_none_or(|prefix| !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
    if !may_be || !is_prefix {
        return None;
    }
    match parse_address(without_port(host)) {
        Ok(_) if prefix.is_some() && without_port(host) != host => None,
        Ok(_) => Some(canonical(text)),
        Err(reason @ (Reason::LegacyIpv4 | Reason::Zone)) => Some(Err(reason)),
        Err(_) => None,
    }
}

pub(super) fn of_address(address: IpAddr) -> Observable {
    let (kind, value) = match address.to_canonical() {
        IpAddr::V4(address) => (ObservableKind::Ipv4, address.to_string()),
        IpAddr::V6(address) => (ObservableKind::Ipv6, address.to_string()),
    };
    Observable { kind, value }
}

/// `address` and `length` as a network; a full length gives the address.
pub(super) fn of_network(address: IpAddr, length: u8) -> Result<Observable, Reason> {
    match address {
        IpAddr::V4(v4) => {
            let net = ipnet::Ipv4Net::new(v4, length).map_err(|_| Reason::Prefix { max: 32 })?;
            match length {
                0 => Err(Reason::Prefix { max: 32 }),
                32 => Ok(of_address(address)),
                _ => Ok(Observable { kind: ObservableKind::Ipv4Net, value: net.trunc().to_string() }),
            }
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) if length >= 96 => of_network(IpAddr::V4(v4), length - 96),
            _ if length == 128 => Ok(of_address(address)),
            _ if length == 0 => Err(Reason::Prefix { max: 128 }),
            _ => {
                let net = ipnet::Ipv6Net::new(v6, length).map_err(|_| Reason::Prefix { max: 128 })?.trunc();
                Ok(Observable { kind: ObservableKind::Ipv6Net, value: net.to_string() })
            }
        },
    }
}

fn network(address: IpAddr, prefix: &str) -> Result<Observable, Reason> {
    let max = if address.is_ipv4() { 32 } else { 128 };
    let mask = || prefix.parse::<Ipv4Addr>().ok().filter(|_| max == 32).and_then(|mask| ipnet::ipv4_mask_to_prefix(mask).ok());
    let digits = prefix.len() <= 3 && prefix.bytes().all(|byte| byte.is_ascii_digit());
    let length = if digits { prefix.parse().ok() } else { mask() };
    of_network(address, length.ok_or(Reason::Prefix { max })?)
}

fn parse_address(text: &str) -> Result<IpAddr, Reason> {
    let text = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(IpAddr::V4(address));
    }
    if let Some((address, _)) = text.split_once('%')
        && address.parse::<Ipv6Addr>().is_ok()
    {
        return Err(Reason::Zone);
    }
    if text.contains(':') {
        return text.parse::<Ipv6Addr>().map(IpAddr::V6).map_err(|_| Reason::Address);
    }
    let legacy = !text.is_empty() && text.split('.').count() <= 4 && text.to_ascii_lowercase().split('.').all(is_legacy_part);
    Err(if legacy { Reason::LegacyIpv4 } else { Reason::Address })
}

fn is_legacy_part(part: &str) -> bool {
    !part.is_empty() && domain::is_number(part)
}

/// The address before `:port`, if there is a port.
fn without_port(text: &str) -> &str {
    match text.rsplit_once(':') {
        Some((host, port)) if is_port(port) && (!host.contains(':') || host.ends_with(']')) => host,
        _ => text,
    }
}

/// 1 to 5 decimal digits.
pub(super) fn is_port(text: &str) -> bool {
    matches!(text.len(), 1..=5) && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Result<String, Reason> {
        canonical(text).map(|observable| observable.to_string())
    }

    #[test]
    fn one_address_has_one_form() {
        for (text, expected) in [
            ("192.0.2.1", "ipv4:192.0.2.1"),
            ("192.0.2.1:8080", "ipv4:192.0.2.1"),
            ("192.0.2.1/32", "ipv4:192.0.2.1"),
            ("192.0.2.77/24", "ipv4_net:192.0.2.0/24"),
            ("192.0.2.77/255.255.255.0", "ipv4_net:192.0.2.0/24"),
            ("2001:DB8:0:0:0:0:0:1", "ipv6:2001:db8::1"),
            ("[2001:db8::1]:443", "ipv6:2001:db8::1"),
            ("2001:db8::1/128", "ipv6:2001:db8::1"),
            ("2001:db8::1/32", "ipv6_net:2001:db8::/32"),
            ("::ffff:192.0.2.1", "ipv4:192.0.2.1"),
            ("::ffff:192.0.2.1/120", "ipv4_net:192.0.2.0/24"),
        ] {
            assert_eq!(form(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn forms_that_programs_read_differently_are_refused() {
        for (text, reason) in [
            ("192.0.2.01", Reason::LegacyIpv4),
            ("0x7f.0.0.1", Reason::LegacyIpv4),
            ("127.1", Reason::LegacyIpv4),
            ("3232235777", Reason::LegacyIpv4),
            ("fe80::1%eth0", Reason::Zone),
            ("0.0.0.0/0", Reason::Prefix { max: 32 }),
            ("192.0.2.0/33", Reason::Prefix { max: 32 }),
            ("::/0", Reason::Prefix { max: 128 }),
            ("2001:db8::/129", Reason::Prefix { max: 128 }),
            ("example.com", Reason::Address),
            ("1.2.3.4.5", Reason::Address),
        ] {
            assert_eq!(form(text), Err(reason), "{text}");
        }
    }
}
