//! Observables: what an indicator is about, in one canonical form per kind.
//!
//! The canonical form is used for identity, lookup and duplicates alike; making it is idempotent. [`Observable::parse`] makes it for a known
//! kind, [`Observable::guess`] for an unknown one; [`search_key`] and [`lookup`] are how the store finds it again.

mod canonical;
mod crypto_address;
mod domain;
mod email;
mod error;
mod guess;
mod hash;
mod ip;
mod key;
mod kinds;
pub mod lookup;
mod names;
mod refang;
pub mod tld;
mod url;

#[cfg(test)]
mod tests;

pub use error::{BadObservable, Reason, shown};
pub use key::{from_search_key, search_key};
pub use kinds::Kinds;
pub use refang::strip;

use ipnet::IpNet;
use std::net::IpAddr;

/// The kinds of observable. The number stands for the kind on the wire and in the store and never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ObservableKind {
    /// A DNS name as A-labels, lower case, no trailing dot (`domain-name:value`).
    Domain = 1,
    /// An absolute URL (`url:value`).
    Url = 2,
    /// An IPv4 address (`ipv4-addr:value`).
    Ipv4 = 3,
    /// An IPv6 address as RFC 5952 writes it (`ipv6-addr:value`).
    Ipv6 = 4,
    /// An IPv4 network in CIDR form, host bits zero (`ipv4-addr:value` with a prefix).
    Ipv4Net = 5,
    /// An IPv6 network in CIDR form, host bits zero.
    Ipv6Net = 6,
    /// An e-mail address (`email-addr:value`).
    Email = 7,
    /// A file's name without its path (`file:name`).
    FileName = 8,
    /// A file's path (`file:path`, MVT's dialect).
    FilePath = 9,
    /// An MD5 in lower-case hex.
    Md5 = 10,
    /// A SHA-1 in lower-case hex.
    Sha1 = 11,
    /// A SHA-256 in lower-case hex.
    Sha256 = 12,
    /// A SHA-512 in lower-case hex.
    Sha512 = 13,
    /// A process's name (`process:name`).
    ProcessName = 14,
    /// A mobile application's id (`app:id`).
    AppId = 15,
    /// The hash of an application's signing certificate, any algorithm, lower-case hex (`app:cert.*`).
    AppCertHash = 16,
    /// A configuration profile's id (`configuration-profile:id`).
    ConfigurationProfileId = 17,
    /// An Android system property's name (`android-property:name`).
    AndroidProperty = 18,
    /// A telephone number in E.164 form where it can be told, else its digits.
    PhoneNumber = 19,
    /// A mutex's name (`mutex:name`).
    Mutex = 20,
    /// A Windows registry key (`windows-registry-key:key`).
    RegistryKey = 21,
    /// An HTTP user agent.
    UserAgent = 22,
    /// A cryptocurrency address, as written (base58) or lower case (bech32, hex).
    CryptocurrencyAddress = 23,
    /// A STIX pattern that is more than one comparison of the kinds above; the observables in it are found by lookup.
    Pattern = 24,
}

impl ObservableKind {
    /// Every kind, in the order of its number.
    pub const ALL: [Self; 24] = [
        Self::Domain,
        Self::Url,
        Self::Ipv4,
        Self::Ipv6,
        Self::Ipv4Net,
        Self::Ipv6Net,
        Self::Email,
        Self::FileName,
        Self::FilePath,
        Self::Md5,
        Self::Sha1,
        Self::Sha256,
        Self::Sha512,
        Self::ProcessName,
        Self::AppId,
        Self::AppCertHash,
        Self::ConfigurationProfileId,
        Self::AndroidProperty,
        Self::PhoneNumber,
        Self::Mutex,
        Self::RegistryKey,
        Self::UserAgent,
        Self::CryptocurrencyAddress,
        Self::Pattern,
    ];

    /// The number on the wire and in the store, from 1.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The kind with that number, if this version knows it.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// The name used on the command line, in CSV and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Domain => "domain",
            Self::Url => "url",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Ipv4Net => "ipv4_net",
            Self::Ipv6Net => "ipv6_net",
            Self::Email => "email",
            Self::FileName => "file_name",
            Self::FilePath => "file_path",
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
            Self::ProcessName => "process_name",
            Self::AppId => "app_id",
            Self::AppCertHash => "app_cert_hash",
            Self::ConfigurationProfileId => "configuration_profile_id",
            Self::AndroidProperty => "android_property",
            Self::PhoneNumber => "phone_number",
            Self::Mutex => "mutex",
            Self::RegistryKey => "registry_key",
            Self::UserAgent => "user_agent",
            Self::CryptocurrencyAddress => "cryptocurrency_address",
            Self::Pattern => "pattern",
        }
    }
}

impl std::fmt::Display for ObservableKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// An observable in its canonical form. Made by [`Observable::parse`] and [`Observable::guess`] alone, so every value of this type holds.
///
/// `Debug` prints the value: it is the attacker's, not a person's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Observable {
    kind: ObservableKind,
    value: String,
}

impl Observable {
    /// Its kind.
    pub const fn kind(&self) -> ObservableKind {
        self.kind
    }

    /// Its canonical form.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether it is a URL that names its host and nothing else: no query, no fragment, and at most a slash for a path.
    pub fn is_bare_url(&self) -> bool {
        let rest = self.value.split_once("://").map_or("", |(_, rest)| rest);
        self.kind == ObservableKind::Url && rest.find(['/', '?', '#']).is_none_or(|at| rest.ends_with('/') && at + 1 == rest.len())
    }

    /// The network that it is, an address as a network of one; `None` for every other kind.
    pub fn network(&self) -> Option<IpNet> {
        match self.kind {
            ObservableKind::Ipv4 | ObservableKind::Ipv6 => self.value.parse::<IpAddr>().ok().map(IpNet::from),
            ObservableKind::Ipv4Net | ObservableKind::Ipv6Net => self.value.parse().ok(),
            _ => None,
        }
    }

    /// The host that it names: a domain or an address itself, that of a URL or of an e-mail address. A domain name, an IPv4 address or an IPv6 address
    /// without brackets, canonical itself.
    pub fn host(&self) -> Option<&str> {
        match self.kind {
            ObservableKind::Domain | ObservableKind::Ipv4 | ObservableKind::Ipv6 => Some(&self.value),
            ObservableKind::Url => url::host(&self.value),
            ObservableKind::Email => self.value.rsplit_once('@').map(|(_, host)| host),
            _ => None,
        }
    }
}

impl std::fmt::Display for Observable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.kind, self.value)
    }
}
