//! Which property of which object is which kind of observable, both ways.

use super::print::quote;
use super::{Comparison, Join, Literal, Observation, Operand, Path, Pattern, PatternError, Step};
use crate::model::observable::BadObservable;
use crate::model::{Observable, ObservableKind};

/// Why a pattern gives no indicator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is not a pattern.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// Its value is not what its property says.
    #[error(transparent)]
    Value(#[from] BadObservable),
}

/// What a property holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Kind(ObservableKind),
    /// An address or a network of either version.
    Address,
    /// A name, address or URL, told by its form.
    Host,
}

/// The observable that a pattern indicates: the value of its only comparison where that is an equality on a known property,
/// otherwise the pattern itself in its canonical text.
///
/// A value that its property cannot have is taken for what it is where that is plain (real feeds have addresses and URLs in
/// `domain-name:value`).
///
/// # Errors
/// Not a pattern, or a value that nothing can be made of.
pub fn indicated(text: &str) -> Result<Observable, Refused> {
    if let Some((holds, value)) = plain(text) {
        return Ok(observable(holds, value)?);
    }
    parsed(text)
}

fn parsed(text: &str) -> Result<Observable, Refused> {
    let pattern: Pattern = text.parse()?;
    let single = match &pattern.root {
        Observation::Test(Comparison::Test { path, negated: false, operator, operand: Operand::One(Literal::Text(value)) }) => holds(path)
            .filter(|holds| *operator == "=" || (*operator == "ISSUBSET" && *holds == Holds::Address))
            .map(|holds| (holds, value.clone())),
        Observation::Test(Comparison::Joined(Join::And, parts)) => {
            file_path(parts).map(|path| (Holds::Kind(ObservableKind::FilePath), path))
        }
        _ => None,
    };
    Ok(match single {
        Some((holds, value)) => observable(holds, &value)?,
        None => {
            check_names(&pattern.root)?;
            Observable::parse(ObservableKind::Pattern, &pattern.to_string())?
        }
    })
}

/// What nine of ten patterns are, read without taking them to pieces: `[property = 'value']`, with one of the commonest properties.
fn plain(text: &str) -> Option<(Holds, &str)> {
    let (property, quoted) = text.strip_prefix('[')?.strip_suffix("']")?.split_once(" = '")?;
    let holds = match property {
        "domain-name:value" => Holds::Host,
        "url:value" => Holds::Kind(ObservableKind::Url),
        "ipv4-addr:value" | "ipv6-addr:value" => Holds::Address,
        "email-addr:value" => Holds::Kind(ObservableKind::Email),
        "file:hashes.'SHA-256'" | "file:hashes.'sha256'" => Holds::Kind(ObservableKind::Sha256),
        "file:hashes.'SHA-1'" => Holds::Kind(ObservableKind::Sha1),
        "file:hashes.MD5" | "file:hashes.'MD5'" => Holds::Kind(ObservableKind::Md5),
        "app:id" => Holds::Kind(ObservableKind::AppId),
        "file:name" => Holds::Kind(ObservableKind::FileName),
        "process:name" => Holds::Kind(ObservableKind::ProcessName),
        _ => return None,
    };
    let hex_digits = match holds {
        Holds::Kind(ObservableKind::Sha256) => Some(64),
        Holds::Kind(ObservableKind::Sha1) => Some(40),
        Holds::Kind(ObservableKind::Md5) => Some(32),
        _ => None,
    };
    // What is not a sound hash, or escapes anything, is the parser's to judge.
    let is_hash = |digits| quoted.len() == digits && quoted.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_plain = text.len() <= super::TEXT_BYTES_MAX && !quoted.contains(|c: char| matches!(c, '\'' | '\\') || c.is_control());
    (is_plain && hex_digits.is_none_or(is_hash)).then_some((holds, quoted))
}

/// Object types and properties as STIX 2.1 §3.1 and §11 allow them, which the grammar does not ask for; a pattern that we keep
/// must be one that we may write. MVT's two-letter `id` passes.
fn check_names(observation: &Observation) -> Result<(), PatternError> {
    match observation {
        Observation::Test(comparison) => check_paths(comparison),
        Observation::Joined(_, members) => members.iter().try_for_each(check_names),
        Observation::Qualified(inside, _) => check_names(inside),
    }
}

fn check_paths(comparison: &Comparison) -> Result<(), PatternError> {
    let path = match comparison {
        Comparison::Joined(_, members) => return members.iter().try_for_each(check_paths),
        Comparison::Test { path, .. } | Comparison::Exists { path, .. } => path,
    };
    let sound = |name: &str, extra: u8| {
        (3..=250).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == extra)
    };
    let property = match path.steps.first() {
        Some(Step::Name(name)) => name.as_str(),
        _ => "",
    };
    if sound(&path.object, b'-') && (sound(property, b'_') || property == "id") {
        return Ok(());
    }
    Err(PatternError::new(0, format!("`{}:{}`, names that STIX 2.1 §3.1 does not allow,", path.object, property.escape_debug())))
}

/// The observables that a pattern speaks of positively, sorted, without repeats: what lookup should find it by. Values that
/// cannot be read are left out; a text that is no pattern has none.
pub fn observables(text: &str) -> Vec<Observable> {
    let mut found = Vec::new();
    if let Ok(pattern) = text.parse::<Pattern>() {
        observed(&pattern.root, &mut found);
    }
    found.sort();
    found.dedup();
    found
}

fn observed(observation: &Observation, found: &mut Vec<Observable>) {
    match observation {
        Observation::Test(comparison) => compared(comparison, found),
        Observation::Joined(_, members) => members.iter().for_each(|member| observed(member, found)),
        Observation::Qualified(inside, _) => observed(inside, found),
    }
}

fn compared(comparison: &Comparison, found: &mut Vec<Observable>) {
    match comparison {
        Comparison::Joined(join, members) => {
            if *join == Join::And {
                found.extend(file_path(members).and_then(|path| Observable::parse(ObservableKind::FilePath, &path).ok()));
            }
            members.iter().for_each(|member| compared(member, found));
        }
        Comparison::Test { path, negated: false, operator: "=" | "IN" | "ISSUBSET", operand } => {
            let Some(holds) = holds_loosely(path) else { return };
            let literals = match operand {
                Operand::One(literal) => std::slice::from_ref(literal),
                Operand::Set(literals) => literals,
            };
            let texts = literals.iter().filter_map(|literal| if let Literal::Text(text) = literal { Some(text) } else { None });
            found.extend(texts.filter_map(|text| observable(holds, text).ok()));
        }
        Comparison::Test { .. } | Comparison::Exists { .. } => {}
    }
}

/// `file:name = n AND file:parent_directory_ref.path = d`: the path.
fn file_path(parts: &[Comparison]) -> Option<String> {
    let [
        Comparison::Test { path: p1, negated: false, operator: "=", operand: Operand::One(Literal::Text(v1)) },
        Comparison::Test { path: p2, negated: false, operator: "=", operand: Operand::One(Literal::Text(v2)) },
    ] = parts
    else {
        return None;
    };
    let (name, directory) = match (spelt(p1).as_str(), spelt(p2).as_str()) {
        ("file:name", "file:parent_directory_ref.path") => (v1, v2),
        ("file:parent_directory_ref.path", "file:name") => (v2, v1),
        _ => return None,
    };
    let separator = if directory.contains('\\') { "\\" } else { "/" };
    Some(format!("{}{separator}{name}", directory.trim_end_matches(['/', '\\'])))
}

fn observable(holds: Holds, value: &str) -> Result<Observable, BadObservable> {
    match holds {
        Holds::Kind(kind) => valued(kind, value),
        Holds::Address => address(value),
        Holds::Host => one_address(value).or_else(|_| valued(ObservableKind::Domain, value)),
    }
}

/// A value of the kind that its publisher says; a domain, URL or e-mail address that is plainly another of these, or an address,
/// is taken for what it is. URLs of other schemes than the web's that have no canonical form (`file://host@SSL/…`) and registry
/// keys without their hive are indicators all the same: they are kept as the pattern that says them.
///
/// # Errors
/// It is none of these.
pub fn valued(kind: ObservableKind, value: &str) -> Result<Observable, BadObservable> {
    use ObservableKind::{Domain, Email, Url};
    match kind {
        Domain | Email => Observable::parse(kind, value).or_else(|error| host(value).ok_or(error)),
        Url => Observable::parse(kind, value).or_else(|error| host(value).or_else(|| other_scheme(value)).ok_or(error)),
        ObservableKind::RegistryKey => Observable::parse(kind, value).or_else(|error| said("windows-registry-key:key", value).ok_or(error)),
        _ => Observable::parse(kind, value),
    }
}

fn other_scheme(value: &str) -> Option<Observable> {
    let (scheme, _) = value.trim().split_once("://")?;
    let plain = scheme.bytes().all(|b| b.is_ascii_alphanumeric()) && !value.trim().contains(char::is_whitespace);
    let web = scheme.get(..4).is_none_or(|start| start.eq_ignore_ascii_case("http") || start.eq_ignore_ascii_case("hxxp"));
    if plain && !web { said("url:value", value) } else { None }
}

fn said(path: &str, value: &str) -> Option<Observable> {
    let value = value.trim();
    if value.is_empty() { None } else { Observable::parse(ObservableKind::Pattern, &format!("[{path} = {}]", quote(value))).ok() }
}

fn host(value: &str) -> Option<Observable> {
    use ObservableKind::{Domain, Email, Ipv4, Ipv4Net, Ipv6, Ipv6Net, Url};
    Observable::guess(value).ok().filter(|guessed| matches!(guessed.kind(), Domain | Url | Ipv4 | Ipv6 | Ipv4Net | Ipv6Net | Email))
}

/// An address or a network of either version; a network of one address is that address.
///
/// # Errors
/// It is neither, and not plainly a name or URL.
pub fn address(value: &str) -> Result<Observable, BadObservable> {
    one_address(value).or_else(|error| host(value).ok_or(error))
}

fn one_address(value: &str) -> Result<Observable, BadObservable> {
    use ObservableKind::{Ipv4, Ipv4Net, Ipv6, Ipv6Net};
    let six = value.contains(':');
    let (host, network) = if six { (Ipv6, Ipv6Net) } else { (Ipv4, Ipv4Net) };
    let whole = if six { "/128" } else { "/32" };
    match value.trim().strip_suffix(whole) {
        Some(single) => Observable::parse(host, single),
        None if value.contains('/') => Observable::parse(network, value),
        None => Observable::parse(host, value),
    }
}

/// `type:a.b.c` with list positions as `[]`.
fn spelt(path: &Path) -> String {
    let mut text = format!("{}:", path.object);
    for (index, step) in path.steps.iter().enumerate() {
        match step {
            Step::Name(name) => {
                text.push_str(if index == 0 { "" } else { "." });
                text.push_str(name);
            }
            Step::Index(_) | Step::Any => text.push_str("[]"),
        }
    }
    text
}

fn hash_kind(name: &str) -> Option<ObservableKind> {
    let letters: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    match letters.as_str() {
        "md5" => Some(ObservableKind::Md5),
        "sha1" => Some(ObservableKind::Sha1),
        "sha256" => Some(ObservableKind::Sha256),
        "sha512" => Some(ObservableKind::Sha512),
        _ => None,
    }
}

/// What a property holds that makes an indicator by itself.
fn holds(path: &Path) -> Option<Holds> {
    use ObservableKind as K;
    let text = spelt(path);
    if let Some(algorithm) = text.strip_prefix("file:hashes.") {
        return hash_kind(algorithm).map(Holds::Kind);
    }
    if let Some(algorithm) = text.strip_prefix("app:cert.") {
        return hash_kind(algorithm).map(|_| Holds::Kind(K::AppCertHash));
    }
    let kind = match text.as_str() {
        "domain-name:value" | "hostname:value" => K::Domain,
        "url:value" => K::Url,
        "ipv4-addr:value" | "ipv6-addr:value" => return Some(Holds::Address),
        "network-traffic:dst_ref.value" => return Some(Holds::Host),
        "email-addr:value" | "email-message:from_ref.value" | "email-message:sender_ref.value" => K::Email,
        "file:name" => K::FileName,
        "file:path" => K::FilePath,
        "process:name" | "process:image_ref.name" | "process:binary_ref.name" => K::ProcessName,
        "app:id" | "x-app:identifier" => K::AppId,
        "configuration-profile:id" | "x-configuration-profile:identifier" => K::ConfigurationProfileId,
        "android-property:name" => K::AndroidProperty,
        "phone-number:value" | "x-phone-number:value" => K::PhoneNumber,
        "mutex:name" => K::Mutex,
        "windows-registry-key:key" => K::RegistryKey,
        "network-traffic:extensions.http-request-ext.request_header.User-Agent" | "user-agent:value" | "x-user-agent:value" => K::UserAgent,
        "cryptocurrency-wallet:value"
        | "cryptocurrency-wallet:address"
        | "x-cryptocurrency-wallet:value"
        | "x-cryptocurrency-wallet:address" => K::CryptocurrencyAddress,
        _ => return None,
    };
    Some(Holds::Kind(kind))
}

/// What a property holds, references followed: enough for lookup, not enough to be the indicator.
fn holds_loosely(path: &Path) -> Option<Holds> {
    if let Some(holds) = holds(path) {
        return Some(holds);
    }
    let text = spelt(path);
    let property = text.split_once(':').map_or(text.as_str(), |(_, property)| property);
    let hash = property.rsplit_once("hashes.").and_then(|(_, algorithm)| hash_kind(algorithm));
    if let Some(kind) = hash {
        return Some(Holds::Kind(kind));
    }
    let last = property.rsplit('.').next().unwrap_or(property);
    let reference = property.rsplit('.').nth(1).unwrap_or("").trim_end_matches("[]");
    match (reference, last) {
        ("dst_ref" | "src_ref" | "resolves_to_refs" | "resolves_to_ref", "value") => Some(Holds::Host),
        ("from_ref" | "sender_ref" | "to_refs" | "cc_refs" | "bcc_refs", "value") => Some(Holds::Kind(ObservableKind::Email)),
        ("parent_directory_ref" | "" | "cwd_ref", "path") => Some(Holds::Kind(ObservableKind::FilePath)),
        ("image_ref" | "binary_ref" | "content_ref" | "body_raw_ref", "name") => Some(Holds::Kind(ObservableKind::FileName)),
        _ => None,
    }
}

/// A hash of the wrong length makes the pattern invalid, as in the OASIS validator.
pub(super) fn check_hash(path: &Path, operator: &str, operand: &Operand) -> Result<(), String> {
    let text = spelt(path);
    let Some(kind) = text.split_once(":hashes.").and_then(|(_, algorithm)| hash_kind(algorithm)) else { return Ok(()) };
    let length = match kind {
        ObservableKind::Md5 => 32,
        ObservableKind::Sha1 => 40,
        ObservableKind::Sha256 => 64,
        _ => 128,
    };
    match operand {
        Operand::One(Literal::Text(value)) if matches!(operator, "=" | "!=") => {
            let value = value.trim();
            let good = value.len() == length && value.bytes().all(|b| b.is_ascii_hexdigit());
            if good { Ok(()) } else { Err(format!("a {kind} that is not {length} hex digits")) }
        }
        _ => Ok(()),
    }
}

/// For whom a pattern is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// What the OASIS validator passes.
    Standard,
    /// What Amnesty's MVT reads: `app:id` and `configuration-profile:id`, whose `id` is shorter than STIX allows.
    Mvt,
}

/// The pattern that says this observable, one comparison, in the spelling that MVT, Sentinel and OpenCTI all read.
///
/// Not in the standard, and written for want of a standard object: the objects `app`, `android-property` and the property
/// `file:path`, which MVT has made common; `x-app:identifier` and `x-configuration-profile:identifier`, which stand for MVT's
/// `app:id` and `configuration-profile:id` in [`Dialect::Standard`]; `x-phone-number:value` and
/// `x-cryptocurrency-wallet:value` (custom objects, STIX 2.1 §11.2). All are read back.
pub fn write(observable: &Observable, dialect: Dialect) -> String {
    use ObservableKind as K;
    let path = match observable.kind() {
        K::Pattern => return observable.value().to_owned(),
        K::Domain => "domain-name:value",
        K::Url => "url:value",
        K::Ipv4 | K::Ipv4Net => "ipv4-addr:value",
        K::Ipv6 | K::Ipv6Net => "ipv6-addr:value",
        K::Email => "email-addr:value",
        K::FileName => "file:name",
        K::FilePath => "file:path",
        K::Md5 => "file:hashes.MD5",
        K::Sha1 => "file:hashes.'SHA-1'",
        K::Sha256 => "file:hashes.'SHA-256'",
        K::Sha512 => "file:hashes.'SHA-512'",
        K::ProcessName => "process:name",
        K::AppId if dialect == Dialect::Mvt => "app:id",
        K::AppId => "x-app:identifier",
        K::AppCertHash => match observable.value().len() {
            32 => "app:cert.md5",
            40 => "app:cert.sha1",
            _ => "app:cert.sha256",
        },
        K::ConfigurationProfileId if dialect == Dialect::Mvt => "configuration-profile:id",
        K::ConfigurationProfileId => "x-configuration-profile:identifier",
        K::AndroidProperty => "android-property:name",
        K::PhoneNumber => "x-phone-number:value",
        K::Mutex => "mutex:name",
        K::RegistryKey => "windows-registry-key:key",
        K::UserAgent => "network-traffic:extensions.'http-request-ext'.request_header.'User-Agent'",
        K::CryptocurrencyAddress => "x-cryptocurrency-wallet:value",
    };
    format!("[{path} = {}]", quote(observable.value()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_pattern_is_read_as_the_parser_reads_it() {
        let values = [
            "a.example",
            "hxxp://a[.]example/x",
            "1.2.3.4",
            "1.2.3.0/24",
            "::1",
            "a@b.example",
            "",
            " ",
            "a b",
            "x.exe",
            "com.example.app",
            &"ab".repeat(32),
            &"0".repeat(40),
            &"f".repeat(32),
            &"g".repeat(32),
            "abc",
            "a''b",
            "a' OR x:y = 'b",
            "a\\'b",
            "a\nb",
            "ä.example",
        ];
        let properties = [
            "domain-name:value",
            "url:value",
            "ipv4-addr:value",
            "ipv6-addr:value",
            "email-addr:value",
            "file:hashes.'SHA-256'",
            "file:hashes.'sha256'",
            "file:hashes.'SHA-1'",
            "file:hashes.MD5",
            "file:hashes.'MD5'",
            "app:id",
            "file:name",
            "process:name",
        ];
        let mut plain_ones = 0;
        for property in properties {
            for value in values {
                let text = format!("[{property} = '{value}']");
                assert_eq!(indicated(&text), parsed(&text), "{text}");
                plain_ones += usize::from(plain(&text).is_some());
            }
        }
        assert!(plain_ones > 100, "{plain_ones}");
    }
}
