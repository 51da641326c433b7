//! From a text of a known kind to its canonical form.

use super::{
    BadObservable, Observable,
    ObservableKind::{self, *},
    crypto_address, domain, email,
    error::Reason,
    hash, ip,
    names::{self, NAME_MAX, PATH_MAX, PATTERN_MAX},
    refang::{ROUNDS_MAX, is_plain, refang, trim_name},
    url,
};

impl Observable {
    /// The observable of `kind` that `text` writes, in its canonical form. Making it is idempotent.
    ///
    /// Domains, URLs, addresses, e-mail addresses, hashes, app ids, telephone and cryptocurrency numbers are refanged first. The result may be of another,
    /// more exact kind than the one asked for, since sources mix these up:
    ///
    /// - asked for a domain: an address or network gives [`Ipv4`], [`Ipv6`], [`Ipv4Net`] or [`Ipv6Net`], a URL or a name with a path [`Url`],
    ///   `a@b.example` [`Email`]; a port is dropped;
    /// - asked for a URL: a bare name gives [`Domain`], a bare address its kind; a name or address with a path or port becomes `http://…`;
    /// - asked for an address or network: whichever of the four it is; a network of one address is that address, IPv4 in IPv6 is IPv4,
    ///   a port is dropped;
    /// - asked for a file name: a text with a slash or backslash in it gives [`FilePath`].
    ///
    /// # Errors
    /// [`BadObservable`] says what is wrong and, where something helps, what to try.
    pub fn parse(kind: ObservableKind, text: &str) -> Result<Self, BadObservable> {
        canonical(kind, text).map_err(|reason| BadObservable::new(Some(kind), text, reason))
    }
}

pub(super) fn canonical(kind: ObservableKind, text: &str) -> Result<Observable, Reason> {
    let mut observable = once(kind, text)?;
    // Taking one thing off can lay another bare (a separator behind an invisible character, say), so it is done until nothing changes.
    for _ in 0..ROUNDS_MAX {
        if is_plain(&observable.value) {
            return Ok(observable);
        }
        let again = once(observable.kind, &observable.value)?;
        if again == observable {
            return Ok(observable);
        }
        observable = again;
    }
    Err(Reason::Defanged)
}

/// The canonical form as far as one pass finds it.
fn once(kind: ObservableKind, text: &str) -> Result<Observable, Reason> {
    let of = |value: String| Observable { kind, value };
    match kind {
        Domain | Url => host_or_url(kind, &refang(text, url::URL_MAX)?),
        Ipv4 | Ipv6 | Ipv4Net | Ipv6Net => ip::canonical(&refang(text, NAME_MAX)?),
        Email => email::canonical(&refang(text, NAME_MAX)?).map(of),
        Md5 | Sha1 | Sha256 | Sha512 | AppCertHash => hash::canonical(kind, &refang(text, NAME_MAX)?).map(of),
        FileName => file_name(trim_name(text, PATH_MAX)?),
        FilePath => Ok(of(bounded(names::path(trim_name(text, PATH_MAX)?), PATH_MAX)?)),
        AppId => app_id(&refang(text, NAME_MAX)?).map(of),
        ProcessName | ConfigurationProfileId | AndroidProperty | Mutex | UserAgent => {
            trim_name(text, if kind == UserAgent { PATH_MAX } else { NAME_MAX }).map(|value| of(value.to_owned()))
        }
        PhoneNumber => names::phone_number(trim_name(text, NAME_MAX)?).map(of),
        RegistryKey => names::registry_key(trim_name(text, PATH_MAX)?).and_then(|value| bounded(value, PATH_MAX)).map(of),
        CryptocurrencyAddress => crypto_address::canonical(&refang(text, NAME_MAX)?).map(of),
        Pattern if text.len() > PATTERN_MAX => Err(Reason::TooLong { max: PATTERN_MAX }),
        Pattern => names::pattern(text).map(of),
    }
}

/// Lower case can be longer than what it was made from.
fn bounded(value: String, max: usize) -> Result<String, Reason> {
    match value.as_str() {
        "" => Err(Reason::Empty),
        _ if value.len() > max => Err(Reason::TooLong { max }),
        _ => Ok(value),
    }
}

/// `value` is refanged. [`Url`] keeps a port and a bare slash, [`Domain`] drops them.
pub(super) fn host_or_url(kind: ObservableKind, value: &str) -> Result<Observable, Reason> {
    let of_url = |value| url::canonical(value).map(|value| Observable { kind: Url, value });
    if url::has_scheme(value) {
        return of_url(value);
    }
    let end = value.find(['/', '?', '#', '\\']).unwrap_or(value.len());
    let (authority, rest) = value.split_at(end);
    let (host, port) =
        authority.rsplit_once(':').filter(|(_, port)| ip::is_port(port)).map_or((authority, ""), |(host, port)| (host, port));
    let keeps_port = kind == Url && !port.is_empty() && (!host.contains(':') || host.ends_with(']'));
    if !keeps_port && let Some(result) = ip::look(value) {
        return result;
    }
    match rest {
        "" if authority.contains('@') => email::canonical(authority).map(|value| Observable { kind: Email, value }),
        "" if !keeps_port => domain::canonical(host).map(|value| Observable { kind: Domain, value: value.into_owned() }),
        "/" if kind != Url => host_or_url(kind, authority),
        _ => of_url(value),
    }
}

fn file_name(text: &str) -> Result<Observable, Reason> {
    let value = names::path(text);
    let (kind, max) = if names::is_path(&value) { (FilePath, PATH_MAX) } else { (FileName, NAME_MAX) };
    Ok(Observable { kind, value: bounded(value, max)? })
}

/// Letters, digits, `.`, `_` and `-`: what Android and Apple allow (Android's manifest documentation, `package`; Apple's `CFBundleIdentifier`).
fn app_id(value: &str) -> Result<String, Reason> {
    match value.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))) {
        Some(c) => Err(Reason::Character(c)),
        None => Ok(value.to_owned()),
    }
}
