//! Whom a URL was sent to: what in it tells of one person, and the URL without it.
//!
//! A link in a targeted message often carries its addressee: an e-mail address, a telephone number, an identifier drawn for one person, a name of its own for
//! each target. Shared as it is, it tells the attacker's logs and everybody in the audience who asked for help. What remains when that is taken off is mostly
//! still the indicator that partners need.
//!
//! One URL alone cannot say whether a token is one person's or one campaign's. The rule errs towards taking it off where the rest still names the attacker's
//! host, and towards keeping it where it names a file that is the same for all (`/aN7jD0qO6kT5bK5bQ4eR8fE1xP7hL2vK/nss3.dll`), or where the host is
//! everybody's and the token alone says whose page it is.

mod person;
mod token;
mod words;

use super::decode;
use crate::model::{Observable, ObservableKind};

/// Thresholds, with defaults that were measured on real URLs (docs/release-gate.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// From so many characters on, what was drawn by lot is a token anywhere in a URL: 12.
    pub token_chars_min: usize,
    /// From so many characters on, the last part of a path may be a token by itself, as in links of spyware that are made for one person; 0 for never: 6.
    pub short_token_chars_min: usize,
    /// How many of a hundred pairs of neighbours surprise in a token, at least: 45. In words some 20 do.
    pub surprise_percent_min: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { token_chars_min: 12, short_token_chars_min: 6, surprise_percent_min: 45 }
    }
}

/// What tells of one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Trace {
    /// An e-mail address, plain or packed.
    #[error("an e-mail address")]
    Email,
    /// A telephone number, plain or packed.
    #[error("a telephone number")]
    Phone,
    /// A parameter that by its name tells of a person or of a machine.
    #[error("a parameter that names a person or a machine")]
    Personal,
    /// A parameter or a part of a path that is good for one person or one visit.
    #[error("a one-time parameter")]
    OneTime,
    /// An identifier drawn by lot.
    #[error("a token")]
    Token,
    /// A name of its own for each target.
    #[error("a host name made for one target")]
    Label,
}

/// What becomes of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It tells of nobody.
    Keep,
    /// This is left, and still an indicator. It is to be judged by the lists again: where it names nothing but its host
    /// ([`Observable::is_bare_url`]), it says more than the URL did.
    Stripped {
        /// What leaves instead: a URL, canonical.
        url: Observable,
        /// What was taken off, without repeats.
        what: Vec<Trace>,
    },
    /// Nothing that is an indicator would be left.
    Withhold {
        /// What it tells.
        reason: Trace,
    },
}

/// How often what is left is looked at again; each look takes something off.
const LOOKS_MAX: usize = 16;

/// Decides what becomes of a URL, or of a domain name: that is kept or withheld. Every other kind is kept. `shared` says that its host is everybody's, as a warninglist may know; the commonest are known here.
///
/// What comes out as `Stripped` is kept when it is looked at again.
pub fn look(url: &Observable, shared: bool, settings: &Settings) -> Decision {
    match url.kind() {
        ObservableKind::Url => look_at_url(url, shared, settings),
        ObservableKind::Domain if !shared && !words::is_shared(url.value()) && has_telling_label(url.value(), settings) => {
            Decision::Withhold { reason: Trace::Label }
        }
        _ => Decision::Keep,
    }
}

/// Whether everybody has pages or names at a host, as at `github.com`, `www.wordpress.com` and `docs.google.com`: somebody's name below it is not that host.
pub fn is_everybodys(host: &str) -> bool {
    words::is_everybodys(host)
}

/// Decides what becomes of a pattern with these observables in it (`formats::pattern::observables`): it is kept, or withheld where one of them would not be kept,
/// since nothing can be taken out of a pattern without changing what it says.
pub fn look_in_pattern(inside: &[Observable], settings: &Settings) -> Decision {
    let traces = inside.iter().find_map(|part| match look(part, false, settings) {
        Decision::Keep => None,
        Decision::Stripped { what, .. } => what.first().copied(),
        Decision::Withhold { reason } => Some(reason),
    });
    traces.map_or(Decision::Keep, |reason| Decision::Withhold { reason })
}

fn look_at_url(url: &Observable, shared: bool, settings: &Settings) -> Decision {
    let mut what = Vec::new();
    let mut left = url.clone();
    for _ in 0..LOOKS_MAX {
        match once(&left, shared, settings) {
            Ok(None) if what.is_empty() => return Decision::Keep,
            Ok(None) => {
                what.sort();
                what.dedup();
                return Decision::Stripped { url: left, what };
            }
            Ok(Some((next, traces))) => {
                what.extend(traces);
                left = next;
            }
            Err(reason) => return Decision::Withhold { reason },
        }
    }
    Decision::Withhold { reason: what.first().copied().unwrap_or(Trace::Token) }
}

/// Whether the name has a part below the registered name that was drawn by lot or names a person: a name of its own for one target.
fn has_telling_label(name: &str, settings: &Settings) -> bool {
    let labels: Vec<&str> = name.split('.').collect();
    let below = labels.len().saturating_sub(words::registered_labels(&labels));
    labels[..below].iter().any(|label| !label.starts_with("xn--") && (token::is_long(label, settings) || person::named(label).is_some()))
}

/// One look: nothing to take off, what is left and what was taken off, or nothing that would be left.
fn once(url: &Observable, shared: bool, settings: &Settings) -> Result<Option<(Observable, Vec<Trace>)>, Trace> {
    let parts = Parts::of(url.value()).ok_or(Trace::Token)?;
    let shared = shared || parts.host.is_some_and(words::is_shared);
    if !shared && parts.host.is_some_and(|host| has_telling_label(host, settings)) {
        return Err(Trace::Label);
    }
    let Some((text, traces)) = parts.without_traces(shared, settings) else { return Ok(None) };
    let reason = traces.first().copied().unwrap_or(Trace::Token);
    let left = Observable::parse(ObservableKind::Url, &text).ok().filter(|left| left.kind() == ObservableKind::Url).ok_or(reason)?;
    // Without its page, a host that is everybody's is no indicator.
    if shared && left.is_bare_url() {
        return Err(reason);
    }
    Ok(Some((left, traces)))
}

/// A canonical URL, taken to pieces.
struct Parts<'a> {
    /// Up to the path.
    front: &'a str,
    host: Option<&'a str>,
    /// From its first slash, as it stands; empty where there is none.
    path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let authority = url.find("://")? + 3;
        let (rest, fragment) = url.split_once('#').map_or((url, None), |(rest, fragment)| (rest, Some(fragment)));
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let path = rest.get(authority..)?.find('/').map_or(rest.len(), |at| authority + at);
        let (front, path) = rest.split_at(path);
        let host = front.get(authority..)?;
        // What has brackets is an address, of which nobody has a part of their own.
        let host = (!host.starts_with('[')).then(|| host.split([':', '@']).next().unwrap_or(host));
        Some(Self { front, host, path, query, fragment })
    }

    /// The URL without what tells of a person, and what that was; `None` where nothing does.
    fn without_traces(&self, shared: bool, settings: &Settings) -> Option<(String, Vec<Trace>)> {
        if let Some((path, trace)) = self.cut_path(shared, settings) {
            // What follows belongs to a page that is not named any more.
            return Some((format!("{}{path}", self.front), vec![trace]));
        }
        let (query, mut traces) = self.query.map_or_else(Default::default, |query| kept_pairs(query, shared, settings));
        let fragment = self.fragment.filter(|fragment| match of_fragment(fragment, shared, settings) {
            Some(trace) => {
                traces.push(trace);
                false
            }
            None => true,
        });
        if traces.is_empty() {
            return None;
        }
        let mut text = format!("{}{}", self.front, self.path);
        for (mark, part) in [('?', Some(query.as_str()).filter(|query| !query.is_empty())), ('#', fragment)] {
            text.extend(part.iter().flat_map(|part| [mark.to_string(), (*part).to_owned()]));
        }
        Some((text, traces))
    }

    /// The path up to the first part that tells of a person, and what that is.
    fn cut_path(&self, shared: bool, settings: &Settings) -> Option<(&'a str, Trace)> {
        let segments: Vec<&str> = self.path.split('/').collect();
        // `/token/nss3.dll` is the same for everybody.
        let is_file = segments.last().and_then(|last| last.rsplit_once('.')).is_some_and(|(_, extension)| words::is_payload(extension));
        let mut end = 0;
        for (at, segment) in segments.iter().enumerate() {
            let is_last = segments[at + 1..].iter().all(|rest| rest.is_empty());
            let before = at.checked_sub(1).and_then(|before| segments.get(before)).copied().unwrap_or("");
            if let Some(trace) = of_segment(segment, before, Place { is_last, is_file, shared }, settings) {
                return Some((self.path.get(..end).filter(|path| !path.is_empty()).unwrap_or("/"), trace));
            }
            end += segment.len() + 1;
        }
        None
    }
}

/// Where a part of a path stands.
#[derive(Clone, Copy)]
struct Place {
    /// Nothing but slashes follow.
    is_last: bool,
    /// The path ends in the name of a file that is the same for everybody.
    is_file: bool,
    /// The host is everybody's.
    shared: bool,
}

fn of_segment(segment: &str, before: &str, place: Place, settings: &Settings) -> Option<Trace> {
    if segment.is_empty() {
        return None;
    }
    if let Some(trace) = person::named(segment) {
        return Some(trace);
    }
    // `/login;jsessionid=…`
    if let Some((_, parameters)) = segment.split_once(';')
        && let Some(trace) = parameters.split(';').find_map(|pair| of_pair(pair, place.shared, settings))
    {
        return Some(trace);
    }
    if place.shared || place.is_file || has_extension(segment) {
        return None;
    }
    let follows = words::comes_before_one_time(before) && segment.len() >= 6 && segment.bytes().any(|byte| byte.is_ascii_digit());
    if follows {
        return Some(Trace::OneTime);
    }
    let is_token = token::is_long(segment, settings) || (place.is_last && token::is_short(segment, settings));
    is_token.then_some(Trace::Token)
}

/// `name.ext`: a script or a page of the server, whatever its name is.
fn has_extension(segment: &str) -> bool {
    segment.rsplit_once('.').is_some_and(|(stem, extension)| {
        !stem.is_empty()
            && matches!(extension.len(), 1..=5)
            && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && extension.bytes().any(|byte| byte.is_ascii_alphabetic())
    })
}

/// The pairs of a query that tell of nobody, as they stand, and what the others told.
fn kept_pairs(query: &str, shared: bool, settings: &Settings) -> (String, Vec<Trace>) {
    let (mut kept, mut traces) = (Vec::new(), Vec::new());
    for pair in query.split('&') {
        match of_pair(pair, shared, settings) {
            Some(trace) => traces.push(trace),
            None => kept.push(pair),
        }
    }
    if kept.iter().all(|pair| pair.is_empty()) && !traces.is_empty() {
        kept.clear();
    }
    (kept.join("&"), traces)
}

/// A short token that is a parameter's value has so many characters at least: below are versions and names of models.
const SHORT_VALUE_CHARS_MIN: usize = 10;

/// `name=value`, or a value alone.
fn of_pair(pair: &str, shared: bool, settings: &Settings) -> Option<Trace> {
    let (name, value) = pair.split_once('=').unwrap_or(("", pair));
    if let Some(trace) = person::named(pair) {
        return Some(trace);
    }
    match words::named(&decode::percent(name)) {
        Some(_) if is_blank(value) => return None,
        Some(words::Named::Personal) => return Some(Trace::Personal),
        Some(words::Named::OneTime) => return Some(Trace::OneTime),
        Some(words::Named::Access) if !shared => return Some(Trace::OneTime),
        Some(words::Named::Access) | None => {}
    }
    let is_token = |text: &str| {
        let text = decode::percent(text);
        token::is_long(&text, settings) || (text.len() >= SHORT_VALUE_CHARS_MIN && token::is_short(&text, settings))
    };
    (!shared && (is_token(value) || is_token(name))).then_some(Trace::Token)
}

/// A fragment never reaches the server: what is in it is for the page's own script, often whom it is to greet.
fn of_fragment(fragment: &str, shared: bool, settings: &Settings) -> Option<Trace> {
    // `?token=&#x41;…`: the mark of an escaped character begins the fragment, and nobody can tell what it hides.
    let number = fragment.split_once(';').map(|(number, _)| number.strip_prefix(['x', 'X']).unwrap_or(number));
    if number.is_some_and(|number| matches!(number.len(), 2..=6) && number.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        return Some(Trace::Token);
    }
    let pairs = fragment.split(['&', '?', '/', '!']);
    pairs.filter(|pair| !pair.is_empty()).find_map(|pair| of_pair(pair, shared, settings))
}

/// Nothing, or what somebody put there instead of a value: `[hostname]`, `<email>`, `{user}`, `xxx`.
fn is_blank(value: &str) -> bool {
    let value = decode::percent(value);
    let value = value.trim();
    value.is_empty() || value.starts_with(['[', '<', '{', '$', '*']) || value.chars().all(|c| matches!(c, 'x' | 'X' | '.' | '-' | '_'))
}

#[cfg(test)]
mod tests;
