//! What the gate looks for in a draft: whom a URL was sent to, what lists say of a value, and personal data in every text.
//!
//! Values first: what tells of a recipient is taken off ([`addressee`]), and what is left is held against lists and infrastructure ([`lists`]). Texts
//! then, by the detectors ([`redact`]), in which the record's own value stays. Texts are cut only after that, so that no half of a secret is left
//! that nobody would find.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::addressee::{self, Decision};
use super::label::Withheld;
use super::lists::{self, Finding, Infrastructure, Reserved, Severity, Source, Whose};
use super::redact::{self, Detector, Kind, Known, placeholder};
use super::release::{Findings, Replaced};
use crate::model::{Observable, ObservableKind};

/// What the gate was told by the people who run the node.
#[derive(Debug)]
pub struct Told {
    /// Finds personal data, with the deny list and all that is ours or a victim's.
    pub detector: Detector,
    /// Whether a deny list was given: then values of kinds that hold words are looked through for its names.
    pub has_names: bool,
    /// Warninglists, our own infrastructure and victims'.
    pub lists: lists::Gate,
    /// Thresholds for whom a URL was sent to.
    pub addressee: addressee::Settings,
    /// Texts in which the detector found nothing: sources, labels and names repeat from record to record of a feed.
    pub clean: Clean,
}

/// Texts that a detector has looked through and in which nothing was, so that it need not look again. Forgotten with the detector.
#[derive(Default)]
pub struct Clean(Mutex<BTreeSet<Box<str>>>);

/// So many texts are remembered; then all are forgotten.
const CLEAN_MAX: usize = 4_096;
/// A longer text is not remembered, in bytes: long ones seldom repeat.
const CLEAN_BYTES_MAX: usize = 256;

impl Clean {
    fn knows(&self, text: &str) -> bool {
        self.texts().contains(text)
    }

    fn note(&self, text: &str) {
        if text.len() > CLEAN_BYTES_MAX {
            return;
        }
        let mut texts = self.texts();
        if texts.len() >= CLEAN_MAX {
            texts.clear();
        }
        texts.insert(text.into());
    }

    fn texts(&self) -> MutexGuard<'_, BTreeSet<Box<str>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Without a text: they are people's notes.
impl std::fmt::Debug for Clean {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clean({})", self.texts().len())
    }
}

/// Nothing but what is built in.
impl Default for Told {
    fn default() -> Self {
        let detector = Detector::new(&Known::default());
        let (lists, addressee) = (lists::Gate::default(), addressee::Settings::default());
        Self { detector, has_names: false, lists, addressee, clean: Clean::default() }
    }
}

/// All that a draft is held against.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    /// What we were told.
    pub told: Arc<Told>,
    /// What partners' cards name. A card is its author's word, so nobody's indicator is refused for it: a person is asked.
    pub partners: Arc<Infrastructure>,
}

impl Gate {
    /// Whether the other is this very one: nothing of it was told anew since.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.told, &other.told) && Arc::ptr_eq(&self.partners, &other.partners)
    }
}

/// Whose word a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Ours: everything is asked.
    Ours,
    /// A member's, whom the head of a hidden group passes on. Its own gate has decided about the value, which must stay as it is so that the member
    /// can take it back; only what is ours or a victim's is refused, and texts are looked through for the names that we know.
    PassedOn,
}

impl Gate {
    /// The value that may leave, with what is to be told of it added to `findings`. `inside` are the observables in a pattern.
    ///
    /// # Errors
    /// Why it may not.
    pub fn value(
        &self,
        observable: Observable,
        inside: &[Observable],
        origin: Origin,
        findings: &mut Findings,
    ) -> Result<Observable, Withheld> {
        let observable = match origin {
            Origin::Ours => self.without_addressee(observable, inside, findings)?,
            Origin::PassedOn => observable,
        };
        for finding in self.told.lists.judge_beside(&observable, inside, &self.partners).findings() {
            match (severity(finding), origin) {
                (Severity::Refuse, Origin::Ours) => return Err(refused(finding)),
                (Severity::Refuse, Origin::PassedOn) if matches!(finding.source, Source::Infrastructure { .. }) => {
                    return Err(refused(finding));
                }
                (Severity::Hold, Origin::Ours) => findings.asks.push(finding.to_string()),
                (Severity::Warn, Origin::Ours) => findings.warnings.push(finding.to_string()),
                (_, Origin::PassedOn) => {}
            }
        }
        if origin == Origin::Ours
            && let Some(kind) = self.person_in(&observable)
        {
            findings.asks.push(format!("its value holds what may be somebody's {kind}", kind = kind.name()));
        }
        Ok(observable)
    }

    fn without_addressee(&self, observable: Observable, inside: &[Observable], findings: &mut Findings) -> Result<Observable, Withheld> {
        match self.addressee(&observable, inside) {
            Decision::Keep => Ok(observable),
            Decision::Withhold { reason } => Err(Withheld::Addressee(reason)),
            Decision::Stripped { url, what } => {
                findings.replaced.push(Replaced { field: "value".into(), kind: Kind::Token.name().into(), count: what.len() as u64 });
                Ok(url)
            }
        }
    }

    /// Whether a value tells whom it was sent to.
    pub fn addressee(&self, observable: &Observable, inside: &[Observable]) -> Decision {
        let (lists, settings) = (&self.told.lists, &self.told.addressee);
        match observable.kind() {
            ObservableKind::Url | ObservableKind::Domain => addressee::look(observable, lists.is_on_shared_host(observable), settings),
            ObservableKind::Pattern => addressee::look_in_pattern(inside, settings),
            _ => Decision::Keep,
        }
    }

    /// What in a value of words is a person's: a name that we were told, or a user's name in a path.
    fn person_in(&self, observable: &Observable) -> Option<Kind> {
        let is_path = matches!(observable.kind(), ObservableKind::FilePath | ObservableKind::RegistryKey);
        if !(is_path || self.told.has_names && has_words(observable.kind())) {
            return None;
        }
        let found = self.told.detector.find(observable.value());
        let tells = |kind: Kind| matches!(kind, Kind::Name | Kind::Denied) && self.told.has_names || kind == Kind::User && is_path;
        found.into_iter().map(|finding| finding.kind).find(|kind| tells(*kind))
    }

    /// What a judgement means for whoever asks: the severity of each finding as the gate takes it.
    pub fn judge(&self, observable: &Observable, inside: &[Observable]) -> Vec<(Severity, Finding)> {
        let judged = self.told.lists.judge_beside(observable, inside, &self.partners);
        judged.findings().iter().map(|finding| (severity(finding), finding.clone())).collect()
    }

    /// A record's texts, all of one record with this one.
    pub fn texts<'a>(&'a self, stays: Vec<&'a str>) -> Texts<'a> {
        Texts { plain: &self.told.detector, clean: &self.told.clean, stays, keeping: None, record: redact::Record::default() }
    }
}

/// Whether values of the kind may hold a person's name in words.
const fn has_words(kind: ObservableKind) -> bool {
    use ObservableKind::*;
    matches!(
        kind,
        Domain
            | Email
            | Url
            | FileName
            | FilePath
            | ProcessName
            | Mutex
            | RegistryKey
            | UserAgent
            | Pattern
            | AppId
            | ConfigurationProfileId
    )
}

/// What a finding means here. A card is its author's word: it may ask for our attention, and refuses us nothing.
fn severity(finding: &Finding) -> Severity {
    match finding.source {
        Source::Infrastructure { whose: Whose::Partner, .. } => finding.severity.min(Severity::Hold),
        _ => finding.severity,
    }
}

fn refused(finding: &Finding) -> Withheld {
    let hint = match &finding.source {
        Source::Warninglist { .. } => "`watchfire warninglist list` shows the lists and how strict each is",
        Source::Reserved(Reserved::Documentation) => "leave it out; for trainings `gate.reserved` may be `warn`",
        Source::Reserved(Reserved::NoSuchTld) => "leave it out, or set `gate.unknown_tld` to `hold`",
        Source::Reserved(_) => "leave it out: it is nobody's on the internet, or everybody's",
        Source::Infrastructure { whose: Whose::Victim, .. } => "leave it out: it tells who was attacked",
        Source::Infrastructure { .. } => "leave it out; `gate.own` says what is ours",
    };
    Withheld::NotAnAttackers { why: finding.to_string(), hint }
}

/// The texts of one record on their way out.
pub struct Texts<'a> {
    plain: &'a Detector,
    clean: &'a Clean,
    /// The record's own values.
    stays: Vec<&'a str>,
    /// Made when something is found.
    keeping: Option<Detector>,
    /// One for all fields, so that one value has one placeholder.
    record: redact::Record,
}

impl Texts<'_> {
    /// Whether none of these has anything in it that goes. Then nothing is copied.
    pub fn are_clean<'t>(&self, mut texts: impl Iterator<Item = &'t str>) -> bool {
        texts.all(|text| self.clean.knows(text) || self.is_clean(text))
    }

    fn is_clean(&self, text: &str) -> bool {
        let is_clean = self.plain.find(text).is_empty();
        if is_clean {
            self.clean.note(text);
        }
        is_clean
    }

    /// Tells of a field that is redacted later, so that its placeholders are not given again.
    pub fn reserve(&mut self, text: &str) {
        self.record.reserve(text);
    }

    /// A field without personal data, and of at most so many characters.
    pub fn redact(&mut self, field: &str, text: &str, characters_max: usize, findings: &mut Findings) -> String {
        let before = self.record.counts().clone();
        let stays = &self.stays;
        let detector = self.keeping.get_or_insert_with(|| self.plain.keeping(stays.iter().copied()));
        let mut text = self.record.redact(detector, text);
        // What is cut may look like something else than the whole did.
        for _ in 0..CUTS_MAX {
            if text.chars().nth(characters_max).is_none() {
                break;
            }
            text = self.record.redact(detector, &cut(text, characters_max));
        }
        for (kind, count) in self.record.counts() {
            let count = count - before.get(kind).copied().unwrap_or(0);
            if count > 0 {
                add(findings, Replaced { field: field.to_owned(), kind: kind.name().to_owned(), count });
            }
        }
        cut(text, characters_max)
    }
}

/// How often a text is cut and looked at again.
const CUTS_MAX: usize = 8;

fn add(findings: &mut Findings, replaced: Replaced) {
    match findings.replaced.iter_mut().find(|one| one.field == replaced.field && one.kind == replaced.kind) {
        Some(one) => one.count += replaced.count,
        None => findings.replaced.push(replaced),
    }
}

/// At most so many characters, and no part of a placeholder at the end.
pub(super) fn cut(mut text: String, characters_max: usize) -> String {
    // Fewer bytes than that are no more characters.
    if text.len() <= characters_max {
        return text;
    }
    if let Some((at, _)) = text.char_indices().nth(characters_max) {
        let open = memchr::memrchr(b'[', &text.as_bytes()[..at]);
        let within = open.filter(|open| placeholder(&text.as_bytes()[*open..]).is_some_and(|length| open + length > at));
        text.truncate(within.unwrap_or(at));
    }
    text
}

#[cfg(test)]
mod tests;
