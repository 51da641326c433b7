//! Where a node is reached: a host name or an address, and a port.

use std::net::IpAddr;

/// A host and a port. Made by parsing alone, so the host is a plausible name or an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    host: String,
    port: u16,
}

/// The text was not an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an endpoint\nhint: write HOST:PORT, such as node.example.org:7443, 192.0.2.7:7443 or [2001:db8::7]:7443")]
pub struct BadEndpoint(String);

impl Endpoint {
    /// The host: a name in lower case, or an address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, never 0.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is an onion service, which is reached through Tor only (RFC 7686) and must never be asked for in the DNS.
    pub fn is_onion(&self) -> bool {
        self.host.ends_with(".onion")
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') { write!(f, "[{}]:{}", self.host, self.port) } else { write!(f, "{}:{}", self.host, self.port) }
    }
}

impl std::str::FromStr for Endpoint {
    type Err = BadEndpoint;
    fn from_str(text: &str) -> Result<Self, BadEndpoint> {
        let bad = || BadEndpoint(text.chars().take(80).collect());
        let (host, port) = text.trim().rsplit_once(':').ok_or_else(bad)?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(bad)?;
        let host = canonical_host(host).ok_or_else(bad)?;
        Ok(Self { host, port })
    }
}

fn canonical_host(host: &str) -> Option<String> {
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<IpAddr>().ok().filter(IpAddr::is_ipv6).map(|address| address.to_string());
    }
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    (name.len() <= 253 && name.split('.').all(label)).then_some(name)
}

impl serde::Serialize for Endpoint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Endpoint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_read_and_written_alike() {
        for (text, expected) in [
            ("Node.Example.org.:7443", "node.example.org:7443"),
            ("[2001:DB8::7]:1", "[2001:db8::7]:1"),
            ("docker_a_1:7443", "docker_a_1:7443"),
        ] {
            assert_eq!(text.parse::<Endpoint>().map(|endpoint| endpoint.to_string()).as_deref(), Ok(expected));
        }
        for bad in ["", "host", "host:0", "host:65536", ":1", "a b:1", "[::1:1", "2001:db8::7:1", "http://host:1"] {
            assert!(bad.parse::<Endpoint>().is_err(), "{bad}");
        }
        assert!("abc.onion:443".parse::<Endpoint>().is_ok_and(|endpoint| endpoint.is_onion()));
    }

    #[test]
    fn what_is_no_endpoint_is_shown_with_what_is_one() {
        let said = "http://host:1".parse::<Endpoint>().map_err(|error| error.to_string());
        let hint = "write HOST:PORT, such as node.example.org:7443, 192.0.2.7:7443 or [2001:db8::7]:7443";
        assert_eq!(said, Err(format!("`http://host:1` is not an endpoint\nhint: {hint}")));
    }
}
