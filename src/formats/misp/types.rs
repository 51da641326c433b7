//! MISP's attribute types (misp-project.org/datamodels) as kinds of observable.

use crate::formats::pattern;
use crate::model::observable::Kinds;
use crate::model::{Observable, ObservableKind};

/// What an attribute's type says about its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// One observable.
    One(Part),
    /// `first|second`.
    Two(Part, Part),
    /// Never an indicator: comments, links, names, counts.
    NotAnObservable,
    /// Not in this list.
    Unknown,
}

/// One part of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// A value of this kind.
    Kind(ObservableKind),
    /// An address or a network of either version.
    Address,
    /// A STIX property without a kind of its own: kept as a pattern.
    Property(&'static str),
    /// Dropped.
    Nothing,
}

/// The observables that an attribute's value holds, and what is wrong with the parts that cannot be read.
pub(super) fn values(kind: Type, value: &str) -> Vec<Result<Observable, String>> {
    match kind {
        Type::One(part) => one(part, value).into_iter().collect(),
        Type::Two(first, second) => {
            let hash_last = matches!(second, Part::Kind(_) | Part::Property(_)) && first == Part::Kind(ObservableKind::FileName);
            let halves = if hash_last { value.rsplit_once('|') } else { value.split_once('|') };
            let (left, right) = halves.unwrap_or((value, ""));
            let right = if right.is_empty() { None } else { one(second, right) };
            one(first, left).into_iter().chain(right).collect()
        }
        Type::NotAnObservable | Type::Unknown => Vec::new(),
    }
}

fn one(part: Part, value: &str) -> Option<Result<Observable, String>> {
    let result = match part {
        Part::Kind(ObservableKind::Pattern) => return Some(pattern::indicated(value).map_err(|refused| refused.to_string())),
        Part::Kind(kind) => pattern::valued(kind, value),
        Part::Address => pattern::address(value.trim().trim_start_matches('[').trim_end_matches(']')),
        Part::Property(path) => {
            let quoted = value.trim().replace('\\', "\\\\").replace('\'', "\\'");
            Observable::parse(ObservableKind::Pattern, &format!("[{path} = '{quoted}']"))
        }
        Part::Nothing => return None,
    };
    Some(result.map_err(|bad| bad.to_string()))
}

/// The type as MISP spells it; `relation` is the attribute's role in an object of the template `object`.
pub(super) fn of(name: &str, object: Option<&str>, relation: Option<&str>) -> Type {
    use ObservableKind as K;
    match (object, relation, name) {
        (Some("android-app"), Some("appid"), _) => return Type::One(Part::Kind(K::AppId)),
        (Some("android-app"), Some("certificate"), "sha1" | "sha256" | "md5") => return Type::One(Part::Kind(K::AppCertHash)),
        _ => {}
    }
    if let Some(algorithm) = name.strip_prefix("filename|") {
        return match single(algorithm) {
            Some(Part::Kind(kind)) => Type::Two(Part::Kind(K::FileName), Part::Kind(kind)),
            Some(other) => Type::Two(Part::Kind(K::FileName), other),
            None => Type::One(Part::Kind(K::FileName)),
        };
    }
    match name {
        "domain|ip" => Type::Two(Part::Kind(K::Domain), Part::Address),
        "ip-dst|port" | "ip-src|port" => Type::Two(Part::Address, Part::Nothing),
        "hostname|port" => Type::Two(Part::Kind(K::Domain), Part::Nothing),
        "regkey|value" => Type::Two(Part::Kind(K::RegistryKey), Part::Nothing),
        "malware-sample" => Type::Two(Part::Kind(K::FileName), Part::Kind(K::Md5)),
        _ => match single(name) {
            Some(part) => Type::One(part),
            None if is_context(name) => Type::NotAnObservable,
            None => Type::Unknown,
        },
    }
}

fn single(name: &str) -> Option<Part> {
    use ObservableKind as K;
    let kind = match name {
        "domain" | "hostname" => K::Domain,
        "url" | "uri" => K::Url,
        "ip-dst" | "ip-src" => return Some(Part::Address),
        "email"
        | "email-src"
        | "email-dst"
        | "email-reply-to"
        | "target-email"
        | "jabber-id"
        | "whois-registrant-email"
        | "dns-soa-email" => K::Email,
        "md5" => K::Md5,
        "sha1" => K::Sha1,
        "sha256" => K::Sha256,
        "sha512" => K::Sha512,
        "filename" => K::FileName,
        "mobile-application-id" => K::AppId,
        "process-state" => return None,
        "phone-number" | "whois-registrant-phone" => K::PhoneNumber,
        "mutex" => K::Mutex,
        "regkey" => K::RegistryKey,
        "user-agent" => K::UserAgent,
        "btc" | "xmr" | "dash" => K::CryptocurrencyAddress,
        "stix2-pattern" => K::Pattern,
        "AS" => return Some(Part::Property("autonomous-system:number")),
        "mac-address" => return Some(Part::Property("mac-addr:value")),
        "sha224" => return Some(Part::Property("file:hashes.'SHA-224'")),
        "sha384" => return Some(Part::Property("file:hashes.'SHA-384'")),
        "ssdeep" => return Some(Part::Property("file:hashes.SSDEEP")),
        "tlsh" => return Some(Part::Property("file:hashes.TLSH")),
        "email-subject" => return Some(Part::Property("email-message:subject")),
        "x509-fingerprint-md5" => return Some(Part::Property("x509-certificate:hashes.MD5")),
        "x509-fingerprint-sha1" => return Some(Part::Property("x509-certificate:hashes.'SHA-1'")),
        "x509-fingerprint-sha256" => return Some(Part::Property("x509-certificate:hashes.'SHA-256'")),
        _ => return None,
    };
    Some(Part::Kind(kind))
}

/// The kinds that values of an attribute type give; none for types that give none. A combined type (`domain|ip`) gives those of both its parts.
pub(in crate::formats) fn kinds(name: &str) -> Kinds {
    use ObservableKind as K;
    let of_part = |part: Part| match part {
        Part::Address => [K::Ipv4, K::Ipv6, K::Ipv4Net, K::Ipv6Net].into_iter().collect(),
        Part::Kind(K::FileName) => [K::FileName, K::FilePath].into_iter().collect(),
        Part::Kind(kind) => Kinds::NONE.with(kind),
        Part::Property(_) | Part::Nothing => Kinds::NONE,
    };
    match of(name, None, None) {
        Type::One(part) => of_part(part),
        Type::Two(first, second) => of_part(first).or(of_part(second)),
        Type::NotAnObservable | Type::Unknown => Kinds::NONE,
    }
}

/// Types that describe and identify nothing by themselves, or that no STIX property can say.
fn is_context(name: &str) -> bool {
    const TYPES: [&str; 58] = [
        "anonymised",
        "attachment",
        "authentihash",
        "boolean",
        "campaign-id",
        "campaign-name",
        "cdhash",
        "comment",
        "community-id",
        "cookie",
        "counter",
        "cpe",
        "datetime",
        "email-attachment",
        "email-body",
        "email-dst-display-name",
        "email-header",
        "email-message-id",
        "email-mime-boundary",
        "email-src-display-name",
        "email-thread-index",
        "email-x-mailer",
        "filename-pattern",
        "first-name",
        "float",
        "full-name",
        "gene",
        "github-username",
        "hex",
        "identity-card-number",
        "imphash",
        "impfuzzy",
        "last-name",
        "link",
        "malware-type",
        "mime-type",
        "named pipe",
        "other",
        "passport-number",
        "pattern-in-file",
        "pattern-in-memory",
        "pattern-in-traffic",
        "pdb",
        "pehash",
        "port",
        "sigma",
        "size-in-bytes",
        "snort",
        "target-location",
        "target-machine",
        "target-org",
        "target-user",
        "text",
        "threat-actor",
        "vulnerability",
        "whois-registrar",
        "windows-scheduled-task",
        "yara",
    ];
    TYPES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Vec<String> {
        values(of(name, None, None), value).into_iter().map(|value| value.map_or_else(|error| error, |o| o.to_string())).collect()
    }

    #[test]
    fn composite_types_give_each_of_their_parts() {
        let md5 = "d41d8cd98f00b204e9800998ecf8427e";
        assert_eq!(read("filename|md5", &format!("a|b.exe|{md5}")), ["file_name:a|b.exe".into(), format!("md5:{md5}")]);
        assert_eq!(read("domain|ip", "a.example|198.51.100.7"), ["domain:a.example", "ipv4:198.51.100.7"]);
        assert_eq!(read("ip-dst|port", "198.51.100.7|443"), ["ipv4:198.51.100.7"]);
        assert_eq!(read("ip-dst|port", "2001:db8::7|443"), ["ipv6:2001:db8::7"]);
        assert_eq!(read("ip-dst|port", "198.51.100.7"), ["ipv4:198.51.100.7"]);
        assert_eq!(read("hostname|port", "a.example|8080"), ["domain:a.example"]);
        assert_eq!(read("regkey|value", r"HKLM\Software\X|1").len(), 1);
        assert_eq!(read("malware-sample", &format!("bar.exe|{md5}")), ["file_name:bar.exe".into(), format!("md5:{md5}")]);
    }

    #[test]
    fn what_has_no_kind_but_a_property_stays_a_pattern() {
        assert_eq!(read("email-subject", "it's due"), [r"pattern:[email-message:subject = 'it\'s due']"]);
    }

    #[test]
    fn networks_and_addresses_are_told_apart() {
        assert_eq!(read("ip-src", "198.51.100.0/24"), ["ipv4_net:198.51.100.0/24"]);
        assert_eq!(read("ip-src", "198.51.100.7/32"), ["ipv4:198.51.100.7"]);
    }
}
