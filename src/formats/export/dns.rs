//! Blocklists for resolvers: a response policy zone (draft-vixie-dnsop-dns-rpz-00), a hosts file, and dnsmasq's own lines.

use super::{Above, Files, Form, Row, Scratch, Unsaid, Values};
use crate::model::{Observable, ObservableKind, Timestamp};
use std::io::{self, SeekFrom, Write};
use std::net::{IpAddr, Ipv6Addr};

const PAGE: &str = "a resolver blocks names, and the name of a page may be somebody else's";
const NO_NAME: &str = "a resolver knows names and addresses alone";
const NO_ADDRESS: &str = "a list of names holds no address";
const TOO_LONG: &str = "the name is too long for a zone";

/// The longest name that fits every zone with room for its own name and for `*.`.
const NAME_BYTES_MAX: usize = 180;

/// What a resolver answers for a name in the zone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Policy {
    /// There is no such name.
    #[default]
    Nxdomain,
    /// The name has no addresses.
    Nodata,
    /// Nothing at all.
    Drop,
    /// What it would answer anyway; the hit is only written to its log.
    Passthru,
    /// Another host, such as one that tells the reader why.
    Host(String),
}

impl std::str::FromStr for Policy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "nxdomain" => Self::Nxdomain,
            "nodata" => Self::Nodata,
            "drop" => Self::Drop,
            "passthru" => Self::Passthru,
            host => match crate::model::Observable::parse(ObservableKind::Domain, host) {
                Ok(domain) => Self::Host(domain.value().to_owned()),
                Err(_) => {
                    return Err(format!(
                        "`{host}` is no policy\nhint: nxdomain, nodata, drop, passthru, or the name of a host to answer with"
                    ));
                }
            },
        })
    }
}

impl std::fmt::Display for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nxdomain => "nxdomain",
            Self::Nodata => "nodata",
            Self::Drop => "drop",
            Self::Passthru => "passthru",
            Self::Host(host) => host,
        })
    }
}

impl Policy {
    fn target(&self) -> String {
        match self {
            Self::Nxdomain => ".".into(),
            Self::Nodata => "*.".into(),
            Self::Drop => "rpz-drop.".into(),
            Self::Passthru => "rpz-passthru.".into(),
            Self::Host(host) => format!("{host}."),
        }
    }
}

/// A response policy zone. Names are relative, so that the zone may have any name. Its serial (RFC 1982) is the time of the newest change in seconds and how
/// many changes there were, added up: neither falls but in a zone for some groups, where authors' clocks tell, and of two changes within a second the second shows.
pub struct Rpz<F: Files, S: Scratch> {
    files: F,
    /// The records: the serial, which stands in front of them, is known after them.
    lines: io::BufWriter<S>,
    target: String,
    newest: Timestamp,
    changes: u64,
    above: Above,
    unsaid: Unsaid,
}

impl<F: Files, S: Scratch> Rpz<F, S> {
    /// A zone, for which `scratch` is an empty file.
    pub fn new(files: F, scratch: S, policy: &Policy) -> Self {
        let lines = io::BufWriter::new(scratch);
        let (newest, changes) = (Timestamp(0), 0);
        Self { files, lines, target: policy.target(), newest, changes, above: Above::default(), unsaid: Unsaid::default() }
    }
}

impl<F: Files, S: Scratch> Form for Rpz<F, S> {
    fn value(&mut self, rows: &[Row]) -> io::Result<()> {
        let Some(row) = rows.first() else { return Ok(()) };
        let (kind, value) = (row.observable.kind(), row.observable.value());
        let name = match kind {
            ObservableKind::Domain if value.len() > NAME_BYTES_MAX => return self.unsaid.left(kind, TOO_LONG),
            ObservableKind::Domain => {
                if self.above.covers(value) {
                    return Ok(());
                }
                writeln!(self.lines, "*.{value} CNAME {}", self.target)?;
                value.to_owned()
            }
            _ => match row.observable.network() {
                Some(network) => trigger(network.addr(), network.prefix_len()),
                None if kind == ObservableKind::Url => return self.unsaid.left(kind, PAGE),
                None => return self.unsaid.left(kind, NO_NAME),
            },
        };
        writeln!(self.lines, "{name} CNAME {}", self.target)
    }

    fn changed(&mut self, at: Timestamp, times: u64) {
        self.newest = self.newest.max(at);
        self.changes = self.changes.wrapping_add(times);
    }

    fn finish(mut self: Box<Self>) -> io::Result<Unsaid> {
        self.files.begin("watchfire.rpz")?;
        let serial = serial(self.newest, self.changes);
        writeln!(self.files, "$TTL 300\n@ SOA localhost. hostmaster.localhost. {serial} 3600 600 604800 300\n@ NS localhost.")?;
        let mut lines = self.lines.into_inner().map_err(io::IntoInnerError::into_error)?;
        lines.seek(SeekFrom::Start(0))?;
        io::copy(&mut lines, &mut self.files)?;
        self.files.end()?;
        Ok(self.unsaid)
    }
}

/// The sum modulo 2^32, but for 0, which some take for none.
fn serial(newest: Timestamp, changes: u64) -> u32 {
    let [_, _, _, _, low @ ..] = (newest.0 / 1_000).wrapping_add(changes).to_be_bytes();
    u32::from_be_bytes(low).max(1)
}

/// How a zone names an address in an answer: its prefix, then its parts from the last on, the longest run of zero parts of IPv6 as `zz`.
fn trigger(address: IpAddr, prefix: u8) -> String {
    let parts: Vec<String> = match address {
        IpAddr::V4(address) => address.octets().iter().rev().map(ToString::to_string).collect(),
        IpAddr::V6(address) => return format!("{prefix}.{}.rpz-ip", reversed(address)),
    };
    format!("{prefix}.{}.rpz-ip", parts.join("."))
}

fn reversed(address: Ipv6Addr) -> String {
    let parts = address.segments();
    // The first of the longest runs of at least two zeroes, as RFC 5952 chooses it.
    let (mut start, mut length) = (0, 0);
    for at in 0..parts.len() {
        let run = parts[at..].iter().take_while(|part| **part == 0).count();
        if run > length && run > 1 {
            (start, length) = (at, run);
        }
    }
    let written = |range: std::ops::Range<usize>| parts[range].iter().map(|part| format!("{part:x}")).collect::<Vec<_>>();
    let mut texts = written(0..if length > 0 { start } else { parts.len() });
    if length > 0 {
        texts.push("zz".into());
        texts.extend(written(start + length..parts.len()));
    }
    texts.reverse();
    texts.join(".")
}

/// A hosts file: the names themselves, without what lies below them.
pub struct Hosts<F: Files>(F, Unsaid);

impl<F: Files> Hosts<F> {
    /// Begins the file.
    ///
    /// # Errors
    /// The output fails.
    pub fn new(mut files: F) -> io::Result<Self> {
        files.begin("hosts.txt")?;
        Ok(Self(files, Unsaid::default()))
    }
}

impl<F: Files> Values for Hosts<F> {
    fn value(&mut self, observable: &Observable) -> io::Result<()> {
        match name(observable, &mut self.1) {
            Some(name) => writeln!(self.0, "0.0.0.0 {name}"),
            None => Ok(()),
        }
    }

    fn finish(mut self: Box<Self>) -> io::Result<Unsaid> {
        self.0.end()?;
        Ok(self.1)
    }
}

/// Lines of dnsmasq's configuration: a name and all below it are answered with NXDOMAIN.
pub struct Dnsmasq<F: Files>(F, Above, Unsaid);

impl<F: Files> Dnsmasq<F> {
    /// Begins the file.
    ///
    /// # Errors
    /// The output fails.
    pub fn new(mut files: F) -> io::Result<Self> {
        files.begin("dnsmasq.conf")?;
        Ok(Self(files, Above::default(), Unsaid::default()))
    }
}

impl<F: Files> Values for Dnsmasq<F> {
    fn value(&mut self, observable: &Observable) -> io::Result<()> {
        match name(observable, &mut self.2) {
            Some(name) if !self.1.covers(name) => writeln!(self.0, "local=/{name}/"),
            _ => Ok(()),
        }
    }

    fn finish(mut self: Box<Self>) -> io::Result<Unsaid> {
        self.0.end()?;
        Ok(self.2)
    }
}

/// The name that a value is, where it is one.
fn name<'o>(observable: &'o Observable, unsaid: &mut Unsaid) -> Option<&'o str> {
    match observable.kind() {
        ObservableKind::Domain => return Some(observable.value()),
        kind @ ObservableKind::Url => unsaid.add(kind, PAGE),
        kind if observable.network().is_some() => unsaid.add(kind, NO_ADDRESS),
        kind => unsaid.add(kind, NO_NAME),
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_rises_with_each_change_and_with_time_and_goes_round() {
        let at = |seconds: u64| Timestamp(seconds * 1_000 + 7);
        assert_eq!(serial(at(1_700_000_001), 0), 1_700_000_001);
        assert_eq!(serial(at(1_700_000_001), 2), serial(at(1_700_000_002), 1));
        let last = serial(at(u64::from(u32::MAX)), 0);
        assert_eq!((last, serial(at(u64::from(u32::MAX)), 2), serial(at(0), 0)), (u32::MAX, 1, 1));
    }

    #[test]
    fn addresses_are_named_as_zones_name_them() {
        let named = |text: &str, prefix| trigger(text.parse().expect("an address"), prefix);
        assert_eq!(named("192.0.2.1", 32), "32.1.2.0.192.rpz-ip");
        assert_eq!(named("198.51.100.0", 24), "24.0.100.51.198.rpz-ip");
        assert_eq!(named("2001:db8::7", 128), "128.7.zz.db8.2001.rpz-ip");
        assert_eq!(named("2001:db8::", 32), "32.zz.db8.2001.rpz-ip");
        assert_eq!(named("2001:2:3:4:5:6:7:8", 128), "128.8.7.6.5.4.3.2.2001.rpz-ip");
    }
}
