//! What is known before a text is read: values that must go wherever they stand, and values that stay.

use super::name::Names;
use super::view::View;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// What detectors are told: what the handler put in the sealed part of a referral, the organisation's deny list, and what the record itself gives as indicators.
///
/// `Debug` shows counts alone.
#[derive(Clone, Default)]
pub struct Known {
    names: Vec<String>,
    values: Vec<String>,
    domains: Vec<String>,
    keep: Vec<String>,
    indicators: bool,
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { names, values, domains, keep, .. } = self;
        write!(f, "Known {{ names: {}, values: {}, domains: {}, keep: {} }}", names.len(), values.len(), domains.len(), keep.len())
    }
}

impl Known {
    /// A person's name, in whatever script, case or order: found in all of them, and in parts.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.names.push(name.to_owned());
        self
    }

    /// Another value: an e-mail address, a number, an IP address, or words that go where they stand in this order.
    #[must_use]
    pub fn value(mut self, value: &str) -> Self {
        self.values.push(value.to_owned());
        self
    }

    /// A domain of the organisation or of a beneficiary: it goes with all that is under it, addresses at it too.
    #[must_use]
    pub fn domain(mut self, domain: &str) -> Self {
        self.domains.push(domain.to_owned());
        self
    }

    /// A value that the record gives as an indicator: it stays where the text repeats it, defanged or not, unless it is also known to be a person's.
    #[must_use]
    pub fn keep(mut self, value: &str) -> Self {
        self.keep.push(value.to_owned());
        self
    }

    /// What is looked at tells of indicators: an address of a machine of which no word says whose it is stays.
    #[must_use]
    pub const fn of_indicators(mut self) -> Self {
        self.indicators = true;
        self
    }

    /// Adds a deny list: one entry a line, `#` begins a comment. What an entry is, its form tells: an address, a number, a domain, or else a name.
    #[must_use]
    pub fn deny_list(mut self, text: &str) -> Self {
        for line in text.lines() {
            let entry = line.split('#').next().unwrap_or("").trim();
            let digits = View::of(entry).bytes().iter().filter(|byte| byte.is_ascii_digit()).count();
            let bare = entry.trim_start_matches(['@', '.', '*']);
            let last = bare.rsplit('.').next().unwrap_or("");
            let is_domain = !entry.contains([' ', '@']) && bare.contains('.') && super::web::is_top(last);
            match entry {
                "" => {}
                _ if is_domain || entry.starts_with('@') && bare.contains('.') => self.domains.push(bare.to_owned()),
                _ if entry.contains('@') || digits > 0 => self.values.push(entry.to_owned()),
                _ => self.names.push(entry.to_owned()),
            }
        }
        self
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.names.len() + self.values.len() + self.domains.len() + self.keep.len()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The same, ready to be compared.
#[derive(Clone)]
pub(super) struct Values {
    pub(super) names: Arc<Names>,
    values: Arc<BTreeSet<String>>,
    /// Values of more than one word, and single words that are no addresses: looked for in the text.
    phrases: Option<aho_corasick::AhoCorasick>,
    digits: Arc<[Vec<u8>]>,
    domains: Arc<[String]>,
    keep: Arc<Keep>,
    /// What is kept in one record alone.
    keep_here: Arc<Keep>,
    pub(super) indicators: bool,
}

/// Values that stay.
#[derive(Default)]
struct Keep {
    values: BTreeSet<String>,
    digits: Vec<Vec<u8>>,
}

impl Keep {
    fn of<'a>(values: impl Iterator<Item = &'a str> + Clone) -> Arc<Self> {
        let digits = values.clone().filter(|value| is_number(value)).map(digits).collect();
        Arc::new(Self { values: values.map(compared).filter(|value| !value.is_empty()).collect(), digits })
    }

    fn has(&self, lower: &str) -> bool {
        !self.values.is_empty() && (self.values.contains(bare(lower)) || is_under(bare(lower), |name| self.values.contains(name)))
    }

    fn has_digits(&self, digits: &[u8]) -> bool {
        self.digits.iter().any(|known| is_same_number(known, digits))
    }
}

/// As values are compared: defanged forms undone, lower case, no scheme, no slash at the end.
fn compared(text: &str) -> String {
    let view = View::of(text);
    bare(view.lower()).to_owned()
}

fn bare(lower: &str) -> &str {
    let text = lower.trim();
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    text.strip_suffix('/').unwrap_or(text)
}

fn digits(text: &str) -> Vec<u8> {
    View::of(text).bytes().iter().filter(|byte| byte.is_ascii_digit()).map(|byte| byte - b'0').collect()
}

fn is_number(text: &str) -> bool {
    let view = View::of(text);
    let count = view.bytes().iter().filter(|byte| byte.is_ascii_digit()).count();
    count >= 5 && view.text().chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-' | '.' | '(' | ')' | '+' | '/'))
}

impl Values {
    pub(super) fn of(known: &Known) -> Self {
        let Known { names, values, domains, keep, indicators } = known;
        let phrases: BTreeSet<String> =
            values.iter().map(|value| View::of(value).lower().trim().to_owned()).filter(|value| value.chars().count() >= 4).collect();
        let phrases = (!phrases.is_empty())
            .then(|| aho_corasick::AhoCorasick::builder().match_kind(aho_corasick::MatchKind::LeftmostLongest).build(phrases).ok())
            .flatten();
        let host = |text: &String| compared(text).trim_start_matches(['.', '*', '@']).to_owned();
        Self {
            names: Arc::new(Names::of(names.iter().map(String::as_str))),
            values: Arc::new(values.iter().map(|value| compared(value)).filter(|value| !value.is_empty()).collect()),
            phrases,
            digits: values.iter().filter(|value| is_number(value)).map(|value| digits(value)).collect(),
            domains: domains.iter().map(host).filter(|domain| !domain.is_empty()).collect(),
            keep: Keep::of(keep.iter().map(String::as_str)),
            keep_here: Arc::default(),
            indicators: *indicators,
        }
    }

    /// The same, and these stay as well. What was known before is shared, so that this costs little.
    pub(super) fn keeping<'a>(&self, values: impl Iterator<Item = &'a str> + Clone) -> Self {
        Self { keep_here: Keep::of(values), ..self.clone() }
    }

    /// Whether a host is one of ours, or under one.
    pub(super) fn is_own_host(&self, host: &str) -> bool {
        !self.domains.is_empty() && is_under(host, |name| self.domains.iter().any(|domain| domain == name))
    }

    pub(super) fn has_value(&self, lower: &str) -> bool {
        self.values.contains(bare(lower))
    }

    /// Whether the record gives it as an indicator: itself, or a domain that it is under.
    pub(super) fn keeps(&self, lower: &str) -> bool {
        self.keep.has(lower) || self.keep_here.has(lower)
    }

    pub(super) fn has_digits(&self, digits: &[u8]) -> bool {
        self.digits.iter().any(|known| is_same_number(known, digits))
    }

    pub(super) fn keeps_digits(&self, digits: &[u8]) -> bool {
        (self.keep.has_digits(digits) || self.keep_here.has_digits(digits)) && !self.has_digits(digits)
    }

    /// Claims values that are written as they were given.
    pub(super) fn look(&self, view: &View<'_>, claims: &mut super::claim::Claims) {
        let Some(phrases) = &self.phrases else { return };
        for found in phrases.find_iter(view.lower()) {
            let glued = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() && !super::cue::is_spaceless(c));
            if !glued(view.before(found.start())) && !glued(view.after(found.end())) {
                let kind = if view.lower()[found.range()].contains('@') { super::Kind::Email } else { super::Kind::Denied };
                claims.over(kind, found.range());
            }
        }
    }
}

/// With or without the prefix of the country: the last eight digits decide where both are that long.
fn is_same_number(known: &[u8], digits: &[u8]) -> bool {
    const TAIL: usize = 8;
    known == digits
        || known.len() >= TAIL
            && digits.len() >= TAIL
            && known.len().abs_diff(digits.len()) <= 4
            && known[known.len() - TAIL..] == digits[digits.len() - TAIL..]
}

fn is_under(host: &str, has: impl Fn(&str) -> bool) -> bool {
    let mut rest = host;
    loop {
        if has(rest) {
            return true;
        }
        match rest.split_once('.') {
            Some((_, parent)) if parent.contains('.') => rest = parent,
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deny_lists_entries_are_what_their_form_says() {
        let known = Known::default().deny_list("# staff\nAnna Kim\nanna@ngo.example\n+254 712 345 678\nngo.org\n@desk.ngo.org # mail\n\n");
        assert_eq!((known.names.len(), known.values.len(), known.domains.len()), (1, 2, 2));
        assert_eq!(format!("{known:?}"), "Known { names: 1, values: 2, domains: 2, keep: 0 }", "and nothing of it is shown");
    }

    #[test]
    fn a_number_is_the_same_with_and_without_its_country() {
        let values = Values::of(&Known::default().value("+254 712 345 678"));
        assert!(values.has_digits(&digits("0712345678")) && values.has_digits(&digits("00254712345678")));
        assert!(!values.has_digits(&digits("0712345679")));
    }
}
