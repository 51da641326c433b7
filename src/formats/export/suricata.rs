//! Rules for Suricata 7 and the lists that they load: a few rules whatever the number of values, so that a sensor starts at once.
//!
//! A name is looked for as it is and as the end of a longer name (`pcrexform` cuts the name to as many labels as some value has), in questions to
//! resolvers, in TLS before it is encrypted (SNI) and in HTTP. What begins with `not` and a name is another name and is not found.

use super::threads::Threads;
use super::{Files, Unsaid, Values};
use crate::formats::stix::Scratch;
use crate::model::{Observable, ObservableKind as K};
use data_encoding::BASE64;
use std::collections::BTreeSet;
use std::io;

/// The first of our rules' numbers, in the range that is free for local rules.
const SIDS: u32 = 1_470_000;
/// Rules for networks are numbered from here.
const NETWORK_SIDS: u32 = SIDS + 1_000;
/// Networks in one rule.
const NETWORKS: usize = 100;
/// Ends of names with more labels are looked for no more: such a name is found as it is alone.
const LABELS_MAX: usize = 6;

/// The longest value that a list takes.
const VALUE_BYTES_MAX: usize = 1_000;

/// What stands above the rules where there are hashes of several kinds.
const FORCE_HASH: &str =
    "# Of a file Suricata computes the first kind of hash below alone, until eve-log's `files` has `force-hash: [sha256, sha1, md5]`.";

const PAGE: &str = "a sensor sees the names of pages, and share the name where it is the attacker's";
const NOT_ON_THE_WIRE: &str = "a sensor cannot see this kind";
const TOO_LONG: &str = "the value is too long for a list";
const DEEP: &str = "what lies below a name of more than six labels; the name itself is in it";

/// `watchfire.rules`, the lists that it loads, and `watchfire-networks.rules`.
pub struct Suricata<F: Files, S: Scratch> {
    files: F,
    lists: Threads<List, S>,
    labels: BTreeSet<usize>,
    networks: Vec<String>,
    network_rules: u32,
    unsaid: Unsaid,
}

/// A file of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum List {
    Names,
    Addresses,
    Networks,
    Md5,
    Sha1,
    Sha256,
    Agents,
}

impl List {
    const fn of(kind: K) -> Option<Self> {
        Some(match kind {
            K::Domain => Self::Names,
            K::Ipv4 | K::Ipv6 => Self::Addresses,
            K::Ipv4Net | K::Ipv6Net => Self::Networks,
            K::Md5 => Self::Md5,
            K::Sha1 => Self::Sha1,
            K::Sha256 => Self::Sha256,
            K::UserAgent => Self::Agents,
            _ => return None,
        })
    }

    const fn file(self) -> &'static str {
        match self {
            Self::Names => "watchfire-names.lst",
            Self::Addresses => "watchfire-addresses.lst",
            Self::Networks => "watchfire-networks.rules",
            Self::Md5 => "watchfire-md5.lst",
            Self::Sha1 => "watchfire-sha1.lst",
            Self::Sha256 => "watchfire-sha256.lst",
            Self::Agents => "watchfire-agents.lst",
        }
    }
}

impl<F: Files, S: Scratch> Suricata<F, S> {
    /// Rules, for which `scratch` is an empty file.
    pub fn new(files: F, scratch: S) -> Self {
        let (lists, unsaid) = (Threads::new(scratch), Unsaid::default());
        Self { files, lists, labels: BTreeSet::new(), networks: Vec::new(), network_rules: 0, unsaid }
    }

    /// A rule for the networks that have come.
    fn networks(&mut self) -> io::Result<()> {
        if self.networks.is_empty() {
            return Ok(());
        }
        let sid = NETWORK_SIDS + self.network_rules;
        self.network_rules += 1;
        let networks = std::mem::take(&mut self.networks).join(",");
        let rule = format!(
            "alert ip any any <> [{networks}] any (msg:\"Watchfire: a network that partners share\"; classtype:trojan-activity; sid:{sid}; rev:1;)\n"
        );
        self.lists.push(&List::Networks, rule.as_bytes())
    }

    fn rules(&mut self) -> io::Result<()> {
        let mut rules = Vec::new();
        let lists = self.lists.groups();
        let has = |list| lists.contains(&list);
        if has(List::Names) {
            let buffers = [
                (10, "dns", "dns.query", "in a question to a resolver"),
                (20, "tls", "tls.sni", "in TLS"),
                (30, "http", "http.host", "in HTTP"),
            ];
            for (at, protocol, buffer, what) in buffers {
                let look = format!("dataset:isset,watchfire-names,type string,load {}", List::Names.file());
                rules.push((at, protocol, format!("{buffer}; to_lowercase; {look}"), format!("a shared name {what}")));
                for labels in &self.labels {
                    let cut = format!("pcrexform:\"\\.((?:[^.]+\\.){{{}}}[^.]+)$\"", labels - 1);
                    let number = at + u32::try_from(*labels).unwrap_or_default();
                    rules.push((
                        number,
                        protocol,
                        format!("{buffer}; to_lowercase; {cut}; {look}"),
                        format!("a name below a shared one {what}"),
                    ));
                }
            }
        }
        if has(List::Addresses) {
            for (number, buffer, what) in [(1, "ip.dst", "to"), (2, "ip.src", "from")] {
                let look = format!("{buffer}; dataset:isset,watchfire-addresses,type ip,load {}", List::Addresses.file());
                rules.push((number, "ip", look, format!("{what} a shared address")));
            }
        }
        // Suricata 7 computes one kind of hash of a file, that of the rule with the lowest number, where its settings do not force others.
        let mut kinds_of_hash = 0;
        for (number, list, keyword) in [(3, List::Sha256, "filesha256"), (4, List::Sha1, "filesha1"), (5, List::Md5, "filemd5")] {
            if has(list) {
                kinds_of_hash += 1;
                rules.push((number, "http", format!("{keyword}:{}", list.file()), "a shared file".into()));
            }
        }
        if has(List::Agents) {
            let look = format!("http.user_agent; dataset:isset,watchfire-agents,type string,load {}", List::Agents.file());
            rules.push((6, "http", look, "a shared user agent".into()));
        }
        rules.sort_by_key(|(number, ..)| *number);
        self.files.begin("watchfire.rules")?;
        if kinds_of_hash > 1 {
            writeln!(self.files, "{FORCE_HASH}")?;
        }
        for (number, protocol, look, what) in rules {
            let sid = SIDS + number;
            writeln!(
                self.files,
                "alert {protocol} any any -> any any (msg:\"Watchfire: {what}\"; {look}; classtype:trojan-activity; sid:{sid}; rev:1;)"
            )?;
        }
        Ok(())
    }
}

impl<F: Files, S: Scratch> Values for Suricata<F, S> {
    fn value(&mut self, observable: &Observable) -> io::Result<()> {
        let (kind, value) = (observable.kind(), observable.value());
        let Some(list) = List::of(kind) else {
            return self.unsaid.left(kind, if kind == K::Url { PAGE } else { NOT_ON_THE_WIRE });
        };
        // What a line of a list may have.
        if value.len() > VALUE_BYTES_MAX {
            return self.unsaid.left(kind, TOO_LONG);
        }
        let line = match list {
            List::Networks => {
                self.networks.push(value.to_owned());
                return if self.networks.len() == NETWORKS { self.networks() } else { Ok(()) };
            }
            List::Names => {
                let labels = value.split('.').count();
                if labels > LABELS_MAX {
                    self.unsaid.add(kind, DEEP);
                } else if labels > 1 {
                    self.labels.insert(labels);
                }
                BASE64.encode(value.as_bytes())
            }
            List::Agents => BASE64.encode(value.as_bytes()),
            List::Addresses | List::Md5 | List::Sha1 | List::Sha256 => value.to_owned(),
        };
        self.lists.push(&list, format!("{line}\n").as_bytes())
    }

    fn finish(mut self: Box<Self>) -> io::Result<Unsaid> {
        self.networks()?;
        for list in self.lists.groups() {
            self.files.begin(list.file())?;
            self.lists.write(&list, &mut self.files)?;
        }
        // Last, so that they load no list that is not there yet.
        self.rules()?;
        self.files.end()?;
        Ok(self.unsaid)
    }
}
