//! Which values a piece of text holds.

use super::words::{self, Means};
use crate::model::{
    Observable,
    ObservableKind::{self, *},
    observable::{Reason, shown, strip, tld},
};
use crate::rules::redact::{Detector, Kind, Known};
use std::cell::LazyCell;
use std::ops::Range;
use std::sync::LazyLock;

/// Cells of a table and lines of a list hold at most this many values.
const VALUES_MAX: usize = 1000;
/// What stands between the values of a cell.
const BETWEEN: [char; 5] = [',', ';', '|', '\n', '\t'];

/// What was found, and what looked like something and was not.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) values: Vec<Observable>,
    pub(super) problems: Vec<String>,
    /// A name alone in a line that could be of two kinds.
    pub(super) unsure: Option<Unsure>,
}

/// A name that could be of two kinds, or whose top-level domain is not known.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unsure {
    text: String,
    kinds: [ObservableKind; 2],
    /// What to say if it stays undecided.
    pub(super) problem: String,
}

impl Unsure {
    /// The value, if the names around it are of one of its kinds.
    pub(super) fn as_kind(&self, kind: Option<ObservableKind>) -> Option<Observable> {
        let kind = kind.filter(|kind| self.kinds.contains(kind))?;
        Observable::parse(kind, &self.text).ok()
    }
}

impl Found {
    fn problem(problem: String) -> Self {
        Self { problems: vec![problem], ..Self::default() }
    }

    fn one(result: Result<Observable, String>) -> Self {
        let mut found = Self::default();
        found.add(result);
        found
    }

    pub(super) fn add(&mut self, result: Result<Observable, String>) {
        match result.and_then(worth) {
            Ok(value) if self.values.contains(&value) => {}
            Ok(value) if self.values.len() < VALUES_MAX => self.values.push(value),
            Ok(_) => {}
            Err(problem) => self.problems.push(problem),
        }
    }
}

/// Addresses that every machine has are in lists by mistake, and blocking them hurts.
fn worth(value: Observable) -> Result<Observable, String> {
    let own = match value.value().parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(address)) => address.is_loopback() || address.is_unspecified() || address.is_broadcast(),
        Ok(std::net::IpAddr::V6(address)) => address.is_loopback() || address.is_unspecified(),
        Err(_) => false,
    };
    if own { Err(format!("`{}` is an address that every machine has", value.value())) } else { Ok(value) }
}

/// The value of a text that stands alone and whose meaning is said beside or above it.
pub(super) fn meant(means: Option<Means>, text: &str) -> Result<Observable, String> {
    let guess = |text: &str| Observable::guess(text).map_err(|bad| bad.to_string());
    let among = |kinds: &[ObservableKind]| guess(text).and_then(|value| in_kinds(value, kinds, text));
    match means {
        None => guess(text),
        // Hashes get into the wrong column; their length tells.
        Some(Means::Kind(kind @ (Md5 | Sha1 | Sha256 | Sha512))) => {
            Observable::parse(kind, text).map_err(|bad| bad.to_string()).or_else(|bad| among(&[Md5, Sha1, Sha256, Sha512]).map_err(|_| bad))
        }
        Some(Means::Kind(kind)) => Observable::parse(kind, text).map_err(|bad| bad.to_string()),
        Some(Means::Hash) => among(&[Md5, Sha1, Sha256, Sha512]),
        Some(Means::File) => among(&[Md5, Sha1, Sha256, Sha512, FileName, FilePath])
            .or_else(|_| Observable::parse(FileName, text).map_err(|bad| bad.to_string())),
        Some(Means::Host) => among(&[Domain, Ipv4, Ipv6, Url]),
    }
}

fn in_kinds(value: Observable, kinds: &[ObservableKind], text: &str) -> Result<Observable, String> {
    let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
    if kinds.contains(&value.kind()) { Ok(value) } else { Err(format!("`{}` is none of {}", shown(text), names.join(", "))) }
}

/// The values of a table's cell: one, or several with commas, semicolons, bars or line ends between them, or those in a sentence.
pub(super) fn cell(means: Option<Means>, text: &str) -> Found {
    let several =
        text.contains(BETWEEN) && (text.match_indices("://").count() > 1 || means == Some(Means::File) || file_names(means, text));
    let whole = meant(means, text);
    if whole.is_ok() && !several {
        return Found::one(whole);
    }
    // A path beside its host, as configuration extractors write them, is no value of its own.
    let parts = parts(text).filter(|part| !part.starts_with('/'));
    let mut found = Found::default();
    for part in parts.take(VALUES_MAX) {
        // Parts of a file's row are its hashes.
        found.add(meant(if means == Some(Means::File) { Some(Means::Hash) } else { means }, part));
    }
    let sentence = |found: &Found| found.values.is_empty() || text.split_whitespace().count() > 3;
    // A formula is no sentence.
    if !found.problems.is_empty() && sentence(&found) && !text.starts_with('=') {
        let inside = prose(text).values;
        found.problems.clear();
        inside.into_iter().for_each(|value| found.add(Ok(value)));
    }
    match whole {
        whole if found.values.is_empty() => Found::one(whole),
        _ => found,
    }
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(BETWEEN).map(strip).filter(|part| !part.is_empty())
}

/// Names of files, one after the other: a comma may stand in a name as well, but not between two extensions.
fn file_names(means: Option<Means>, text: &str) -> bool {
    let extended = |part: &str| {
        let extension = part.rsplit_once('.').map_or("", |(_, extension)| extension);
        matches!(extension.len(), 1..=5) && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    means == Some(Means::Kind(FileName)) && parts(text).all(extended)
}

/// The values of a line of a list or of free text.
pub(super) fn line(text: &str) -> Found {
    let text = bullet(text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}'));
    if text.is_empty() || is_comment(text) {
        return Found::default();
    }
    let text = without_comment(text);
    if let Some(found) = rule(text).or_else(|| scored(text)).or_else(|| labelled(text)) {
        return found;
    }
    if !text.contains(char::is_whitespace) {
        return single(text);
    }
    if let Some(found) = hosts(text).or_else(|| spaced(text)) {
        return found;
    }
    let found = prose(text);
    if found == Found::default() && !is_heading(text) && words::tlp(text).is_none() {
        return Found::problem("the line holds no value\nhint: a comment begins with `#`".to_owned());
    }
    found
}

/// The first value that a line mentions, whosever it is.
pub(super) fn mentioned(text: &str) -> Option<Observable> {
    line(text).values.into_iter().next().or_else(|| text.split_whitespace().find_map(token))
}

fn is_comment(text: &str) -> bool {
    let heading = text.starts_with('[') && text.ends_with(']') && !text.contains([':', '=', '.']);
    let label = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("tlp:"));
    heading || label || ["#", ";", "//", "!", "/*", "<!--"].iter().any(|mark| text.starts_with(mark))
}

/// `value # comment` and `value // comment`.
fn without_comment(text: &str) -> &str {
    let end = [" #", "\t#", " //", "\t//", "\u{a0}#"].iter().filter_map(|mark| text.find(mark)).min();
    text[..end.unwrap_or(text.len())].trim_end()
}

/// The text behind `- `, `* `, `• ` and the like.
fn bullet(text: &str) -> &str {
    let mut text = text;
    while let Some(rest) = ["-", "*", "•", "·", "–", "—", "+", ">", "o"].iter().find_map(|mark| text.strip_prefix(mark)) {
        if !rest.starts_with(char::is_whitespace) {
            break;
        }
        text = rest.trim_start();
    }
    text
}

/// Rules of ad blockers (`||d^`) and of dnsmasq (`address=/d/`).
fn rule(text: &str) -> Option<Found> {
    if text.starts_with("@@") || text.contains("##") || text.contains("#@#") {
        return Some(Found::problem(format!("`{}` is a rule that blocks no host", shown(text))));
    }
    if let Some(rest) = text.strip_prefix("||") {
        let end = rest.find(['^', '$', '|']).unwrap_or(rest.len());
        return Some(Found::one(meant(None, &rest[..end])));
    }
    let (key, rest) = text.split_once("=/")?;
    let name = rest.split('/').next()?;
    matches!(key, "address" | "server" | "local").then(|| Found::one(meant(Some(Means::Kind(Domain)), name)))
}

/// Loki's and THOR's `value;score;comment`, and `value;comment`.
fn scored(text: &str) -> Option<Found> {
    let (value, rest) = text.split_once(';')?;
    let score = rest.split(';').next().unwrap_or("").trim();
    let is_score = matches!(score.len(), 1..=3) && score.strip_prefix('-').unwrap_or(score).bytes().all(|byte| byte.is_ascii_digit());
    if is_score && is_regex(value) {
        return Some(Found::problem(format!("`{}` is a regular expression, which is not a value", shown(value))));
    }
    let guessed = Observable::guess(value).ok().filter(|_| is_score || !value.contains(char::is_whitespace));
    match guessed {
        Some(guessed) if Observable::guess(rest).is_err() => Some(Found::one(Ok(guessed))),
        _ if is_score => Some(Found::one(meant(None, value))),
        _ => None,
    }
}

fn is_regex(text: &str) -> bool {
    text.contains('\\') || text.contains(['(', '[', '*', '+', '^', '$', '|', '?', '{'])
}

/// `mutex: Global\X`, `SHA256 = …`: one value behind the word for its kind.
fn labelled(text: &str) -> Option<Found> {
    let at = text.find([':', '=']).filter(|&at| at <= 40)?;
    let (label, value) = (&text[..at], text[at + 1..].trim());
    if !label.starts_with(char::is_alphanumeric)
        || value.is_empty()
        || value.starts_with("//")
        || value.starts_with('/') && text[at..].starts_with("://")
    {
        return None;
    }
    let means = words::means(&words::normal(label))?;
    meant(Some(means), value).ok().map(|value| Found::one(Ok(value)))
}

/// A line without blanks is a value or a mistake.
fn single(text: &str) -> Found {
    let bad = match Observable::guess(text) {
        Ok(value) if value.kind() == FilePath && ["[user", "<user"].iter().any(|mark| text.to_lowercase().contains(mark)) => {
            return Found::problem(format!("`{}` is the example of a path", shown(text)));
        }
        Ok(value) => return Found::one(Ok(value)),
        Err(bad) => bad,
    };
    let inside = prose(text);
    let kinds = match bad.reason {
        _ if !inside.values.is_empty() => return inside,
        _ if is_heading(text) => return Found::default(),
        Reason::Ambiguous(one, other) => [one, other],
        Reason::Tld => [Domain, AppId],
        _ => return Found::problem(bad.to_string()),
    };
    Found { unsure: Some(Unsure { text: text.to_owned(), kinds, problem: bad.to_string() }), ..Found::default() }
}

/// `Hostnames:`, `-----`, `====`.
fn is_heading(text: &str) -> bool {
    text.ends_with(':') || !text.contains(char::is_alphanumeric)
}

/// `0.0.0.0 name …`: a hosts file points names that it blocks to the machine itself.
fn hosts(text: &str) -> Option<Found> {
    let mut words = text.split_whitespace();
    let sink = matches!(words.next()?, "0.0.0.0" | "127.0.0.1" | "::" | "::1" | "0" | "255.255.255.255");
    if !sink {
        return None;
    }
    let mut found = Found::default();
    for name in words.take_while(|word| !word.starts_with('#')) {
        let own = ["localhost", "local", "broadcasthost", "ip6-localhost", "ip6-loopback"];
        if !own.contains(&name) && !name.ends_with(".localdomain") && name != "0.0.0.0" {
            found.add(meant(Some(Means::Kind(Domain)), name));
        }
    }
    Some(found)
}

/// Kinds whose values have blanks in them, alone in a line.
fn spaced(text: &str) -> Option<Found> {
    let value = Observable::guess(text).ok()?;
    let last = text.split_whitespace().next_back().unwrap_or("");
    let whole = match value.kind() {
        RegistryKey | UserAgent | Pattern | PhoneNumber => true,
        // A path with blanks, but no command line and no `C:\[the document's folder]\…`.
        FilePath => last.contains(['\\', '/', '.']) && ![" /", " -", "[", "<"].iter().any(|mark| text.contains(mark)),
        // `evil [.] example [.] com` is one value, `evil.example and more` is not: guessing refuses blanks that are left.
        Domain | Url | Ipv4 | Ipv6 => true,
        _ => false,
    };
    whole.then(|| Found::one(Ok(value)))
}

/// Values in free text. A line that begins with a hash describes that hash: names of files in it are no domains. In a line in which anything is defanged, what is not
/// is a reference.
fn prose(text: &str) -> Found {
    let mut found = Found::default();
    let defanged = is_defanged(text);
    let mut previous = "";
    let mut of_hash = false;
    let persons = LazyCell::new(|| of_persons(text));
    for word in text.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`' | '\u{201c}' | '\u{201d}')) {
        if word.is_empty() {
            continue;
        }
        // A comma may belong to a URL, unless another one follows it.
        let between: &[char] = if word.matches("://").count() == 1 { &[] } else { &[','] };
        for part in word.split(between) {
            let value = token(part).filter(|_| !previous.ends_with("Referer:"));
            if let Some(value) = value.filter(|value| fits(value, part, defanged, of_hash)) {
                if matches!(value.kind(), Email | Ipv4 | Ipv6) && is_among(&persons, part, text) {
                    let what = if value.kind() == Email { "an e-mail address" } else { "an IP address" };
                    let hint = "on a line of its own it is taken for an indicator";
                    found.problems.push(format!("{what} in it may be a person's, by what stands beside it\nhint: {hint}"));
                    continue;
                }
                of_hash |= found.values.is_empty() && matches!(value.kind(), Md5 | Sha1 | Sha256 | Sha512);
                found.add(Ok(value));
            }
        }
        previous = word;
    }
    if found.values.is_empty() && found.problems.is_empty() && (defanged || text.contains("://")) {
        found.problems.push(format!("no value could be taken from `{}`", shown(text)));
    }
    found
}

/// Where detectors find a person's address in a sentence.
fn of_persons(text: &str) -> Vec<Range<usize>> {
    static DETECTOR: LazyLock<Detector> = LazyLock::new(|| Detector::new(&Known::default().of_indicators()));
    let found = DETECTOR.find(text).into_iter();
    found.filter(|found| matches!(found.kind, Kind::Email | Kind::Ip)).map(|found| found.range).collect()
}

/// Whether a part of a sentence lies in one of these ranges, which ascend. One that is all of it does not.
fn is_among(ranges: &[Range<usize>], part: &str, text: &str) -> bool {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    let next = ranges.partition_point(|range| range.end <= start);
    text.len() > part.len() && ranges.get(next).is_some_and(|range| range.start < start + part.len())
}

fn is_defanged(text: &str) -> bool {
    ["[.", ".]", "(.)", "{.}", "[dot]", "(dot)", "[at]", "[@]", "[:]", "hxxp", "hXXp", "\\."].iter().any(|mark| text.contains(mark))
}

/// Whether a value in free text is meant as one.
fn fits(value: &Observable, written: &str, line_defanged: bool, of_hash: bool) -> bool {
    match value.kind() {
        Domain | Url => {
            let defanged = is_defanged(written);
            let name = !written.contains(|c: char| c.is_ascii_uppercase()) || written.contains("://");
            defanged || (!line_defanged && !of_hash && name)
        }
        Ipv4 | Ipv6 | Ipv4Net | Ipv6Net | Email | Md5 | Sha1 | Sha256 | Sha512 | CryptocurrencyAddress => true,
        _ => false,
    }
}

/// The value of one word of free text. Cheap for words that cannot be one.
fn token(word: &str) -> Option<Observable> {
    let word = strip(word).trim_end_matches(['.', ':', '!', '?', '*']);
    let word = word.rsplit_once("](").map_or(word, |(_, link)| link);
    if !(4..=8192).contains(&word.len()) || word.starts_with(['/', '\\']) {
        return None;
    }
    if let Some(at) = word.find("://") {
        let start = word[..at].rfind(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '*'))).map_or(0, |at| at + 1);
        return word.get(start..).and_then(|url| Observable::guess(url).ok());
    }
    let word =
        word.split_once(['=', '(']).filter(|(key, _)| key.bytes().all(|byte| byte.is_ascii_alphabetic())).map_or(word, |(_, value)| value);
    let hexadecimal = matches!(word.len(), 32 | 40 | 64 | 128);
    let path = word.match_indices('\\').any(|(at, _)| !word[at + 1..].starts_with('.'));
    if path
        || !(hexadecimal || word.contains(['.', '@', ':', '\u{3002}', '\u{ff0e}']) || is_defanged(word) || matches!(word.len(), 25..=110))
    {
        return None;
    }
    let value = Observable::guess(word).ok()?;
    let ambiguous = value.kind() == Domain && value.value().rsplit('.').next().is_some_and(tld::is_both);
    (!ambiguous || is_defanged(word)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_in_a_cell_are_told_apart_whatever_stands_between_them() {
        let names = |text| cell(Some(Means::Kind(FileName)), text).values.iter().map(|one| one.value().to_owned()).collect::<Vec<_>>();
        for text in ["a.exe,b.dll", "a.exe;b.dll;", "a.exe | b.dll", "a.exe,\tb.dll", "a.exe\tb.dll", "a.exe,b.dll\t", "a.exe, , b.dll,"] {
            assert_eq!(names(text), ["a.exe", "b.dll"], "{text:?}");
        }
        assert_eq!(names("report,final.exe"), ["report,final.exe"], "a comma in a name");
    }
}
