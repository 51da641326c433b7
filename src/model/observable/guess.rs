//! What an analyst would mean by a value pasted without its kind.

use super::{
    BadObservable, Observable,
    ObservableKind::{self, *},
    canonical::canonical,
    crypto_address, domain,
    error::Reason,
    hash, ip, names,
    refang::{ROUNDS_MAX, refang, strip, trim_name},
    tld, url,
};

impl Observable {
    /// The observable that an analyst would mean by `text`: a URL, domain, address, network, e-mail address, hash (by its length), international telephone
    /// number, cryptocurrency address, registry key, absolute path, file name, app id, user agent or STIX pattern.
    ///
    /// The canonical value of any of these kinds is guessed as itself, but for app ids that end in a top-level domain and for names that could
    /// be anything.
    ///
    /// # Errors
    /// [`BadObservable`] says what could not be told; `hint: …` names the way out, mostly `--kind`.
    pub fn guess(text: &str) -> Result<Self, BadObservable> {
        guess(text).map_err(|reason| BadObservable::new(None, text, reason))
    }
}

/// The first labels of app ids: the commonest top-level domains, and words that authors of apps use instead.
const REVERSED: [&str; 40] = [
    "air", "android", "app", "apps", "ar", "au", "br", "ch", "cn", "co", "com", "cz", "de", "dev", "edu", "es", "eu", "fr", "gov", "id",
    "in", "info", "io", "ir", "it", "jp", "kr", "me", "mobi", "net", "nl", "org", "pl", "ru", "se", "tr", "tv", "ua", "uk", "us",
];

fn guess(text: &str) -> Result<Observable, Reason> {
    let mut observable = once(text)?;
    // As in the canonical form: what one pass lays bare, the next takes off.
    for _ in 0..ROUNDS_MAX {
        let again = once(&observable.value)?;
        if again == observable {
            return Ok(observable);
        }
        observable = again;
    }
    Err(Reason::Defanged)
}

fn once(text: &str) -> Result<Observable, Reason> {
    let whole = trim_name(text, names::PATTERN_MAX)?;
    if let Some(kind) = by_beginning(whole) {
        return canonical(kind, whole);
    }
    let stripped = strip(whole);
    if names::is_absolute_path(stripped) {
        return canonical(FilePath, stripped);
    }
    if names::registry_key(stripped).is_ok() {
        return canonical(RegistryKey, stripped);
    }
    let observable = by_form(&refang(text, url::URL_MAX)?)?;
    // Alone, without the brackets or the label that said what it is, `a/b@c.example` is as likely a path: it would not be guessed again.
    match observable.kind {
        Email if observable.value.contains(['/', '?', '#']) => Err(Reason::Unclear),
        _ => Ok(observable),
    }
}

fn by_beginning(text: &str) -> Option<ObservableKind> {
    if text.starts_with(['[', '('])
        && text.contains(['=', ' '])
        && text.contains(':')
        && names::pattern(text).is_ok()
        && text.ends_with([']', ')', '\''])
    {
        return text.contains(['=', '<', '>', '\'']).then_some(Pattern);
    }
    text.starts_with("Mozilla/").then_some(UserAgent)
}

/// `value` is refanged.
fn by_form(value: &str) -> Result<Observable, Reason> {
    if url::has_scheme(value) {
        return canonical(Url, value);
    }
    if let Some(kind) = by_digits(value) {
        return canonical(kind, value);
    }
    if let Some((label, rest)) = value.split_once(':')
        && let Some(kind) = by_label(label)
    {
        return canonical(kind, if kind == CryptocurrencyAddress || kind == PhoneNumber { value } else { rest.trim() });
    }
    if let Some(result) = ip::look(value) {
        return result;
    }
    match value.find(['/', '?', '#', '@', ' ']).and_then(|at| value[at..].chars().next()) {
        Some('@') => canonical(Email, value),
        Some(' ') if value.contains('<') => canonical(Email, value),
        Some(' ') => named_file(value).filter(|file| file.kind == FileName).ok_or(Reason::Unclear),
        _ if value.contains('\\') => named_file(value).ok_or(Reason::Unclear),
        Some(_) => with_path(value),
        None => dotted(value),
    }
}

/// Hashes, telephone numbers and cryptocurrency addresses.
fn by_digits(value: &str) -> Option<ObservableKind> {
    let hexadecimal = || value.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Some(kind) = hash::kind_of_length(value.len()).filter(|_| hexadecimal()) {
        return Some(kind);
    }
    if value.starts_with(['+', '\u{ff0b}']) {
        return Some(PhoneNumber);
    }
    crypto_address::is_certain(value).then_some(CryptocurrencyAddress)
}

fn by_label(label: &str) -> Option<ObservableKind> {
    Some(match label.to_ascii_lowercase().as_str() {
        "mailto" => Email,
        "tel" => PhoneNumber,
        "md5" => Md5,
        "sha1" | "sha-1" => Sha1,
        "sha256" | "sha-256" => Sha256,
        "sha512" | "sha-512" => Sha512,
        "bitcoin" | "ethereum" | "litecoin" | "monero" | "bitcoincash" | "dash" => CryptocurrencyAddress,
        _ => return None,
    })
}

/// A name with a path: a URL if the name can be one on the internet.
fn with_path(value: &str) -> Result<Observable, Reason> {
    let authority = value.split(['/', '?', '#']).next().unwrap_or(value);
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let name = domain::canonical(host);
    let known = name.as_deref().is_ok_and(|name| tld::is_tld(last_label(name)));
    let bare = value.len() == authority.len() + 1;
    match name {
        _ if known || host.parse::<std::net::Ipv4Addr>().is_ok() || host.ends_with(']') => {
            canonical(if bare { Domain } else { Url }, value)
        }
        Ok(_) => Err(Reason::Tld),
        Err(reason) => Err(reason),
    }
}

/// A name with dots and nothing else: a domain, a file's name or an app's id.
fn dotted(value: &str) -> Result<Observable, Reason> {
    let host = value.rsplit_once(':').filter(|(_, port)| ip::is_port(port)).map_or(value, |(host, _)| host);
    if let Some(file) = named_file(value) {
        return Ok(file);
    }
    let name = domain::canonical(host).map_err(|reason| if is_hex_run(value) { Reason::HashLength(value.len()) } else { reason })?;
    let last = last_label(&name);
    let labels = name.split('.').count();
    if tld::is_both(last) && labels == 2 {
        return Err(Reason::Ambiguous(Domain, FileName));
    }
    let first = name.split('.').next().unwrap_or("");
    if tld::is_tld(last) {
        // `com.apple.rapports.events` is as likely a process or an app as a name under `.events`.
        let ambiguous = matches!(first, "com" | "net" | "org" | "android") && labels > 2 && last.len() > 3 && !last.starts_with("xn--");
        return if ambiguous { Err(Reason::Ambiguous(Domain, AppId)) } else { Ok(Observable { kind: Domain, value: name.into_owned() }) };
    }
    if REVERSED.contains(&first) { canonical(AppId, value) } else { Err(Reason::Tld) }
}

/// A file's name by its extension, or a path that ends in one.
fn named_file(value: &str) -> Option<Observable> {
    let (stem, extension) = value.rsplit_once('.')?;
    let fits = !stem.is_empty() && tld::is_extension(&extension.to_ascii_lowercase());
    if fits { canonical(FileName, value).ok() } else { None }
}

fn last_label(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn is_hex_run(value: &str) -> bool {
    value.len() >= 16 && value.bytes().all(|byte| byte.is_ascii_hexdigit())
}
