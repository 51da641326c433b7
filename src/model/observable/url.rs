//! URLs: what a browser would ask for, in the WHATWG URL standard's serialisation.

use std::net::IpAddr;

use url::{Host, Url};

use super::{domain, error::Reason, ip};

/// 8 KiB, before and after percent-encoding.
pub(super) const URL_MAX: usize = 8192;

/// The canonical form of a URL. `text` is refanged already.
///
/// Scheme and host in lower case, the host as its own kind writes it, the scheme's default port left out, an empty path of a web URL as
/// `/`. Path, query and fragment keep their case and their percent-encoding; what the standard wants encoded is. `hxxp` and its
/// kind become `http`; without a scheme it is `http`. User name and password are left out: they do not change what is reached, they
/// are where `https://bank.example@evil.example` lies, and where somebody's password would stand.
pub(super) fn canonical(text: &str) -> Result<String, Reason> {
    if text.len() > URL_MAX {
        return Err(Reason::TooLong { max: URL_MAX });
    }
    let mut value = once(text)?;
    // Leaving out an empty query or fragment can lay bare a comma or bracket, which does not belong to a value.
    while super::strip(&value).len() < value.len() {
        value = once(super::strip(&value))?;
    }
    if value.len() > URL_MAX { Err(Reason::TooLong { max: URL_MAX }) } else { Ok(value) }
}

fn once(text: &str) -> Result<String, Reason> {
    let (scheme, rest) = match split_scheme(text) {
        Some((scheme, rest)) => (real_scheme(scheme).ok_or(Reason::Url)?, rest),
        None => ("http".to_owned(), text),
    };
    if scheme == "file" {
        return share(rest);
    }
    let url = Url::parse(&format!("{scheme}://{}", rest.trim_start_matches(['/', '\\']))).map_err(|_| bad(rest))?;
    serialise(&url)
}

/// Whether the text begins with a scheme and what follows one.
pub(super) fn has_scheme(text: &str) -> bool {
    split_scheme(text).is_some_and(|(scheme, _)| real_scheme(scheme).is_some())
}

/// The host of a canonical URL, canonical itself: a domain name, an IPv4 address or an IPv6 address without brackets.
pub(super) fn host(canonical: &str) -> Option<&str> {
    let (_, rest) = canonical.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split_once(']').map(|(address, _)| address);
    }
    authority.split([':', '@']).next()
}

/// `file://host@SSL/DavWWWRoot/a`, as Windows writes a share that it reaches by WebDAV (`@port`, `@SSL`, `@SSL@port`). A file of the machine itself is no URL that
/// can be shared.
fn share(rest: &str) -> Result<String, Reason> {
    let rest = rest.replace('\\', "/");
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (host, way) = authority.split_once('@').map_or((authority, ""), |(host, way)| (host, way));
    if host.is_empty() {
        return Err(Reason::NoHost);
    }
    let way = way.to_ascii_uppercase();
    if !way.is_empty() && !way.split('@').all(|part| part == "SSL" || ip::is_port(part)) {
        return Err(Reason::Url);
    }
    let mut url = Url::parse(&format!("http://host.example{path}")).map_err(|_| Reason::Url)?;
    url.set_host(Some(host)).map_err(|_| Reason::NoHost)?;
    let at = if way.is_empty() { "" } else { "@" };
    Ok(format!("file://{}{at}{way}{}", canonical_host(&url)?, url.path()))
}

/// What went wrong with the host says more than "not a URL".
fn bad(rest: &str) -> Reason {
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or("");
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = host.rsplit_once(':').filter(|(_, port)| ip::is_port(port)).map_or(host, |(host, _)| host);
    domain::canonical(host).err().unwrap_or(Reason::Url)
}

fn serialise(url: &Url) -> Result<String, Reason> {
    use std::fmt::Write;
    let mut value = format!("{}://{}", url.scheme(), canonical_host(url)?);
    if let Some(port) = url.port() {
        // Writing to a string cannot fail.
        let _ = write!(value, ":{port}");
    }
    value.push_str(url.path());
    for (mark, part) in [('?', url.query()), ('#', url.fragment())] {
        if let Some(part) = part.filter(|part| !part.is_empty()) {
            value.push(mark);
            value.push_str(part);
        }
    }
    Ok(value)
}

fn canonical_host(url: &Url) -> Result<String, Reason> {
    match url.host() {
        Some(Host::Ipv4(address)) => Ok(address.to_string()),
        Some(Host::Ipv6(address)) => Ok(match IpAddr::V6(address).to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        }),
        Some(Host::Domain(name)) => match name.parse::<std::net::Ipv4Addr>() {
            // Schemes that the standard does not know keep their host as it was written.
            Ok(address) => Ok(address.to_string()),
            Err(_) => domain::canonical(name).map(std::borrow::Cow::into_owned),
        },
        None => Err(Reason::NoHost),
    }
}

/// The scheme and what follows `://`, in any of the ways in which `://` is written.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '*' | '#' | '^')))?;
    let (scheme, rest) = text.split_at(end);
    let web = || web_scheme(&scheme.to_ascii_lowercase()).is_some();
    if let Some(rest) = rest.strip_prefix("://").or_else(|| rest.strip_prefix(":\\\\")) {
        return Some((scheme, rest));
    }
    // `http:/host`, `hxxp//host` and `https__host` are slips of people, so only for the schemes that people type.
    let slips = [":/", "//", "__"];
    slips.iter().find_map(|slip| rest.strip_prefix(slip)).filter(|_| web()).map(|rest| (scheme, rest))
}

fn real_scheme(scheme: &str) -> Option<String> {
    let scheme = scheme.to_ascii_lowercase();
    if let Some(web) = web_scheme(&scheme) {
        return Some(web.to_owned());
    }
    let valid = scheme.starts_with(|c: char| c.is_ascii_lowercase()) && scheme.len() <= 32;
    let letters = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    (valid && letters).then_some(scheme)
}

/// `hxxp`, `htxp`, `h**p`, `meow` and so on are `http`, with `s` `https`; `fxp` is `ftp`.
fn web_scheme(scheme: &str) -> Option<&'static str> {
    match scheme {
        "meow" | "hp" | "xxxx" | "htt" | "ttp" => return Some("http"),
        "meows" | "hps" | "xxxxs" | "htts" | "ttps" => return Some("https"),
        "ftp" | "fxp" | "f*p" => return Some("ftp"),
        _ => {}
    }
    let (body, secure) = match scheme.strip_suffix('s') {
        Some(body) => (body, true),
        None => (scheme, false),
    };
    let middle = body.strip_prefix('h')?.strip_suffix('p')?;
    let masked = matches!(middle.len(), 1..=4) && middle.bytes().all(|byte| matches!(byte, b't' | b'x' | b'*' | b'#' | b'^'));
    masked.then_some(if secure { "https" } else { "http" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_url_has_one_form() {
        for (text, expected) in [
            ("http://example.com", "http://example.com/"),
            ("HTTP://EXAMPLE.com:80/Path?Q=A%2f#F", "http://example.com/Path?Q=A%2f#F"),
            ("hxxp://example.com", "http://example.com/"),
            ("hXXps://example.com:443/", "https://example.com/"),
            ("h**p://example.com", "http://example.com/"),
            ("meow://example.com", "http://example.com/"),
            ("http:\\\\example.com\\a", "http://example.com/a"),
            ("https__example.com/a", "https://example.com/a"),
            ("example.com/path", "http://example.com/path"),
            ("example.com:8080/path", "http://example.com:8080/path"),
            ("http://example.com./", "http://example.com/"),
            ("http://bücher.example/ä", "http://xn--bcher-kva.example/%C3%A4"),
            ("http://user:secret@example.com/", "http://example.com/"),
            ("https://bank.example@evil.example/x", "https://evil.example/x"),
            ("http://0x7f.1/", "http://127.0.0.1/"),
            ("http://[2001:DB8::1]:80/", "http://[2001:db8::1]/"),
            ("http://[::ffff:192.0.2.1]/", "http://192.0.2.1/"),
            ("tcp://Example.com:443", "tcp://example.com:443"),
            ("http://example.com/a/../b?", "http://example.com/b"),
            ("http://example.com/a b", "http://example.com/a%20b"),
            ("file://Example.com@ssl/DavWWWRoot/a.bat", "file://example.com@SSL/DavWWWRoot/a.bat"),
            ("file://192.0.2.1@8789/a.bat", "file://192.0.2.1@8789/a.bat"),
        ] {
            assert_eq!(canonical(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_names_no_host_is_refused() {
        for (text, reason) in [
            ("http://localhost/", Reason::NoDot),
            ("http://", Reason::Empty),
            ("file:///etc/passwd", Reason::NoHost),
            ("file://example.com@evil/a", Reason::Url),
            ("http://exa mple.com/", Reason::Character(' ')),
            ("http://1.2.3.4.5/", Reason::NumericTld),
        ] {
            assert_eq!(canonical(text), Err(reason), "{text}");
        }
    }

    #[test]
    fn the_host_of_a_url_is_found() {
        for (text, expected) in [
            ("http://example.com/a", "example.com"),
            ("http://example.com:81/a:b", "example.com"),
            ("tcp://example.com", "example.com"),
            ("file://example.com@SSL/a", "example.com"),
            ("http://[2001:db8::1]:81/", "2001:db8::1"),
        ] {
            assert_eq!(host(text), Some(expected));
        }
    }
}
