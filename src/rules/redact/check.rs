//! Measures the detectors on labelled texts.
//!
//! A file is a JSON array of cases, in one of three forms: `{"locale", "text", "redact": [{"type", "start", "end"}], "keep": [the same]}`;
//! `{"full_text", "spans": [{"entity_type", "start_position", "end_position"}]}`; or a recogniser's case `{"recognizer", "text", "expected_positions": [[start, end]]}`.
//! Offsets count Unicode characters. What it says of each:
//!
//! - a label is **found** when no letter and no digit of it survives: half an address is not found. Of a telephone number the digits count, of a person's
//!   name not the titles in it;
//! - **structured** are all labels but names of people, addresses, places, dates and organisations. Its precision is the share of what was replaced, as one of
//!   the structured kinds, that touches a label of any type; a recogniser's cases have no part in it, since they label one kind alone;
//! - **known names** are measured with the names of each case on the deny list: as they stand, in capitals, without accents, and transliterated. A name counts once for
//!   each of these forms that differs from the ones before;
//! - **other names** without;
//! - what is to be kept **survives** when its text is unchanged, in all of these runs.

use super::cue::{TITLE, is_word, normal};
use super::fold::folded;
use super::{Detector, Finding, Kind, Known};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Why a file cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It is no JSON.
    #[error("the file is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It is JSON of another form.
    #[error(
        "the file is not an array of cases\nhint: each case has `text`, `redact` and `keep`, or `full_text` and `spans`, or `recognizer` and `text`"
    )]
    Form,
    /// A label reaches beyond its text.
    #[error("case {case}: a label reaches beyond its text")]
    Label {
        /// The number of the case, from 1.
        case: usize,
    },
}

/// How many of how many.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Of so many.
    pub of: u64,
    /// That many.
    pub got: u64,
}

impl Share {
    fn add(&mut self, got: bool) {
        self.of += 1;
        self.got += u64::from(got);
    }

    fn join(&mut self, other: Self) {
        self.of += other.of;
        self.got += other.got;
    }

    /// The share; 1 of nothing.
    pub fn ratio(self) -> f64 {
        if self.of == 0 { 1.0 } else { self.got as f64 / self.of as f64 }
    }
}

/// What was measured in one locale, or in all.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Figures {
    /// How many texts.
    pub cases: u64,
    /// Structured labels that were found.
    pub structured: Share,
    /// What was replaced as structured and touches a label.
    pub precision: Share,
    /// All that was replaced and touches a label.
    pub precision_of_all: Share,
    /// Names on the deny list, in each form.
    pub known_names: Share,
    /// Names that nobody gave.
    pub other_names: Share,
    /// Postal addresses.
    pub addresses: Share,
    /// Dates.
    pub dates: Share,
    /// What was to stay and did.
    pub keep: Share,
}

impl Figures {
    fn join(&mut self, other: &Self) {
        self.cases += other.cases;
        let pairs = [
            (&mut self.structured, other.structured),
            (&mut self.precision, other.precision),
            (&mut self.precision_of_all, other.precision_of_all),
            (&mut self.known_names, other.known_names),
            (&mut self.other_names, other.other_names),
            (&mut self.addresses, other.addresses),
            (&mut self.dates, other.dates),
            (&mut self.keep, other.keep),
        ];
        for (one, other) in pairs {
            one.join(other);
        }
    }
}

/// What was measured.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Table {
    /// In all.
    pub all: Figures,
    /// By locale.
    pub locales: BTreeMap<String, Figures>,
    /// Recall by type of label.
    pub types: BTreeMap<String, Share>,
    /// Other names by script.
    pub scripts: BTreeMap<String, Share>,
}

impl Table {
    /// Adds what was measured in another file.
    pub fn join(&mut self, other: &Self) {
        self.all.join(&other.all);
        for (locale, figures) in &other.locales {
            self.locales.entry(locale.clone()).or_default().join(figures);
        }
        for (one, other) in [(&mut self.types, &other.types), (&mut self.scripts, &other.scripts)] {
            for (name, share) in other {
                one.entry(name.clone()).or_default().join(*share);
            }
        }
    }
}

#[derive(Serialize)]
struct Ratio {
    labels: u64,
    recall: f64,
}

impl From<Share> for Ratio {
    fn from(share: Share) -> Self {
        Self { labels: share.of, recall: share.ratio() }
    }
}

#[derive(Serialize)]
struct Structured {
    labels: u64,
    recall: f64,
    replaced: u64,
    precision: f64,
}

#[derive(Serialize)]
struct Keep {
    labels: u64,
    survived: f64,
}

#[derive(Serialize)]
struct Shown {
    cases: u64,
    structured: Structured,
    known_names: Ratio,
    other_names: Ratio,
    addresses: Ratio,
    dates: Ratio,
    keep: Keep,
    precision: f64,
}

impl From<&Figures> for Shown {
    fn from(figures: &Figures) -> Self {
        let Figures { cases, structured, precision, precision_of_all, known_names, other_names, addresses, dates, keep } = figures;
        Self {
            cases: *cases,
            structured: Structured {
                labels: structured.of,
                recall: structured.ratio(),
                replaced: precision.of,
                precision: precision.ratio(),
            },
            known_names: (*known_names).into(),
            other_names: (*other_names).into(),
            addresses: (*addresses).into(),
            dates: (*dates).into(),
            keep: Keep { labels: keep.of, survived: keep.ratio() },
            precision: precision_of_all.ratio(),
        }
    }
}

impl Serialize for Table {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct All<'a> {
            #[serde(flatten)]
            all: Shown,
            locales: BTreeMap<&'a str, Shown>,
            types: BTreeMap<&'a str, Ratio>,
            scripts: BTreeMap<&'a str, Ratio>,
        }
        All {
            all: (&self.all).into(),
            locales: self.locales.iter().map(|(locale, figures)| (locale.as_str(), figures.into())).collect(),
            types: self.types.iter().map(|(name, share)| (name.as_str(), (*share).into())).collect(),
            scripts: self.scripts.iter().map(|(name, share)| (name.as_str(), (*share).into())).collect(),
        }
        .serialize(serializer)
    }
}

/// A label that was not found, a part that was replaced and is none, or one that should have stayed: for whoever works on the detectors. The text is test data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// The locale.
    pub locale: String,
    /// What went wrong: the type of the label, or `wrong` and the kind, or `lost` and the type.
    pub what: String,
    /// The part of the text.
    pub value: String,
    /// The text.
    pub text: String,
}

/// Measures the cases of one file; `miss` is told of what goes wrong.
///
/// # Errors
/// When the file has another form.
pub fn check(json: &str, miss: &mut dyn FnMut(Miss)) -> Result<Table, CheckError> {
    let value: serde_json::Value = serde_json::from_str(json)?;
    let list = value.as_array().ok_or(CheckError::Form)?;
    let nobody = Detector::new(&Known::default());
    let mut table = Table::default();
    for (at, value) in list.iter().enumerate() {
        let Some(case) = Case::read(value, at + 1)? else { continue };
        let mut figures = Figures { cases: 1, ..Figures::default() };
        measure(&case, &nobody, &mut figures, &mut table, miss);
        table.all.join(&figures);
        table.locales.entry(case.locale).or_default().join(&figures);
    }
    Ok(table)
}

#[derive(Debug, Clone)]
struct Label {
    name: String,
    /// A recogniser's value that is no structured personal data: see [`UNCHECKED`].
    unchecked: bool,
    /// In bytes.
    range: Range<usize>,
}

struct Case {
    locale: String,
    text: String,
    redact: Vec<Label>,
    keep: Vec<Label>,
    /// Only one recogniser's values are labelled.
    partial: bool,
}

impl Case {
    /// `None` for a case without a text, of which recognisers have some.
    fn read(value: &serde_json::Value, number: usize) -> Result<Option<Self>, CheckError> {
        let text = |key: &str| value.get(key).and_then(serde_json::Value::as_str).map(str::to_owned);
        if let Some(recognizer) = text("recognizer") {
            return Self::recognizer(value, recognizer, number);
        }
        let (written, labels, partial) = match (text("text"), text("full_text")) {
            (Some(text), _) => (text, "redact", false),
            (None, Some(text)) => (text, "spans", false),
            (None, None) => return Err(CheckError::Form),
        };
        let locale = text("locale").unwrap_or_else(|| "none".to_owned());
        let read = |key: &str| -> Result<Vec<Label>, CheckError> {
            let list = value.get(key).and_then(serde_json::Value::as_array).map(Vec::as_slice).unwrap_or_default();
            list.iter().map(|label| Label::read(label, &written).ok_or(CheckError::Label { case: number })).collect()
        };
        let (redact, keep) = (read(labels)?, read("keep")?);
        Ok(Some(Self { locale, text: written, redact, keep, partial }))
    }

    fn recognizer(value: &serde_json::Value, recognizer: String, number: usize) -> Result<Option<Self>, CheckError> {
        let own = ["text", "iban"].into_iter().find_map(|key| value.get(key)?.as_str());
        let Some(text) = own.map(str::to_owned) else { return Ok(None) };
        let positions = ["expected_positions", "expected_res"].into_iter().find_map(|key| value.get(key)?.as_array());
        let expected = value.get("expected_len").and_then(serde_json::Value::as_u64).unwrap_or(0);
        let pairs: Vec<(usize, usize)> = positions
            .into_iter()
            .flatten()
            .filter_map(|pair| Some((pair.get(0)?.as_u64()? as usize, pair.get(1)?.as_u64()? as usize)))
            .collect();
        let whole = pairs.is_empty() && expected == 1 && positions.is_none() && !text.contains(' ');
        let pairs = if whole { vec![(0, text.chars().count())] } else { pairs };
        let name = recognizer.to_uppercase();
        let label = |(start, end)| {
            Some(Label { name: name.clone(), unchecked: UNCHECKED.contains(&name.as_str()), range: bytes(&text, start, end)? })
        };
        let redact = pairs.into_iter().map(|pair| label(pair).ok_or(CheckError::Label { case: number })).collect::<Result<_, _>>()?;
        Ok(Some(Self { locale: format!("recognizer {recognizer}"), text, redact, keep: Vec::new(), partial: true }))
    }
}

impl Label {
    fn read(value: &serde_json::Value, text: &str) -> Option<Self> {
        let get = |names: [&str; 2]| names.into_iter().find_map(|name| value.get(name));
        let name = get(["type", "entity_type"])?.as_str()?.to_owned();
        let place = |names| get(names)?.as_u64().and_then(|at| usize::try_from(at).ok());
        let range = bytes(text, place(["start", "start_position"])?, place(["end", "end_position"])?)?;
        Some(Self { name, unchecked: false, range })
    }

    fn group(&self) -> Group {
        let name = self.name.to_ascii_uppercase();
        match name.as_str() {
            "PERSON" | "NAME" | "PER" => Group::Name,
            "ADDRESS" | "STREET_ADDRESS" => Group::Address,
            "DATE" | "DATE_TIME" | "BIRTH" | "DATE_OF_BIRTH" => Group::Date,
            "LOCATION" | "GPE" | "ORGANIZATION" | "ORG" | "TITLE" | "AGE" | "NRP" | "DOMAIN_NAME" | "ZIP_CODE" => Group::Other,
            _ if self.unchecked => Group::Other,
            _ => Group::Structured,
        }
    }
}

/// Recognisers of what has no check digit and no form of its own, of vehicles and companies, and of addresses of machines that stand alone, of which nothing says
/// that they are a person's: measured, by type, but no structured personal data.
const UNCHECKED: [&str; 37] = [
    "ABA_ROUTING",
    "CERTIFICATE_NUMBER",
    "DATE",
    "DE_BSNR",
    "DE_FUEHRERSCHEIN",
    "DE_HANDELSREGISTER",
    "DE_KFZ",
    "DE_LANR",
    "DE_PLZ",
    "DE_TAX_NUMBER",
    "DE_VAT_ID",
    "ES_PASSPORT",
    "IN_PASSPORT",
    "IN_VEHICLE_REGISTRATION",
    "IN_VOTER",
    "IT_DRIVER_LICENSE",
    "IT_IDENTITY_CARD",
    "IT_PASSPORT",
    "IT_VAT_CODE",
    "IP",
    "KR_BRN",
    "KR_DRIVER_LICENSE",
    "KR_PASSPORT",
    "NG_NIN",
    "NG_VEHICLE_REGISTRATION",
    "PH_TIN",
    "SE_ORGANISATIONSNUMMER",
    "SG_UEN",
    "TR_LICENSE_PLATE",
    "UK_DRIVING_LICENCE",
    "UK_PASSPORT",
    "UK_POSTCODE",
    "UK_VEHICLE_REGISTRATION",
    "URL",
    "US_BANK",
    "US_DRIVER_LICENSE",
    "US_PASSPORT",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Structured,
    Name,
    Address,
    Date,
    Other,
}

/// The range in bytes of a range in characters.
fn bytes(text: &str, start: usize, end: usize) -> Option<Range<usize>> {
    let at = |number: usize| text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(number);
    let range = at(start)?..at(end)?;
    (range.start <= range.end).then_some(range)
}

fn measure(case: &Case, nobody: &Detector, figures: &mut Figures, table: &mut Table, miss: &mut dyn FnMut(Miss)) {
    let mut tell = |what: String, range: &Range<usize>| {
        miss(Miss { locale: case.locale.clone(), what, value: case.text[range.clone()].to_owned(), text: case.text.clone() });
    };
    let found = nobody.find(&case.text);
    for label in &case.redact {
        let got = is_gone(&case.text, label, &found);
        table.types.entry(label.name.clone()).or_default().add(got);
        match label.group() {
            Group::Structured => figures.structured.add(got),
            Group::Name => {
                figures.other_names.add(got);
                table.scripts.entry(script(&case.text[label.range.clone()]).to_owned()).or_default().add(got);
            }
            Group::Address => figures.addresses.add(got),
            Group::Date => figures.dates.add(got),
            Group::Other => {}
        }
        if !got {
            tell(label.name.clone(), &label.range);
        }
    }
    if !case.partial {
        for finding in &found {
            let right = case.redact.iter().any(|label| overlaps(&label.range, &finding.range));
            figures.precision_of_all.add(right);
            if !matches!(finding.kind, Kind::Name | Kind::Address | Kind::Birth) {
                figures.precision.add(right);
            }
            if !right {
                tell(format!("wrong {}", finding.kind.name()), &finding.range);
            }
        }
    }
    let mut lost: BTreeSet<usize> = lost(case, &found).collect();
    let names: Vec<&Label> = case.redact.iter().filter(|label| label.group() == Group::Name).collect();
    if !names.is_empty() {
        let mut before: Vec<Vec<String>> = Vec::new();
        for (form, made) in FORMS {
            let given: Vec<String> = names.iter().map(|label| made(&case.text[label.range.clone()])).collect();
            if before.contains(&given) {
                continue;
            }
            let known = given.iter().fold(Known::default(), |known, name| known.name(name));
            let found = Detector::new(&known).find(&case.text);
            for label in &names {
                let got = is_gone(&case.text, label, &found);
                figures.known_names.add(got);
                if !got {
                    tell(format!("known {form}"), &label.range);
                }
            }
            lost.extend(self::lost(case, &found));
            before.push(given);
        }
    }
    for (at, label) in case.keep.iter().enumerate() {
        figures.keep.add(!lost.contains(&at));
        if lost.contains(&at) {
            tell(format!("lost {}", label.name), &label.range);
        }
    }
}

/// Which labels of what is to stay were touched.
fn lost<'a>(case: &'a Case, found: &'a [Finding]) -> impl Iterator<Item = usize> + 'a {
    case.keep.iter().enumerate().filter(|(_, label)| found.iter().any(|finding| overlaps(&label.range, &finding.range))).map(|(at, _)| at)
}

fn overlaps(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

type Form = (&'static str, fn(&str) -> String);

/// The forms in which a name is put on the deny list.
const FORMS: [Form; 4] = [
    ("as it stands", str::to_owned),
    ("in capitals", |name| name.to_uppercase()),
    ("without accents", folded),
    ("transliterated", transliterated),
];

/// In Latin letters: Cyrillic as passports have it (ICAO 9303), everything else as any_ascii does.
fn transliterated(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        let lower = c.to_lowercase().next().unwrap_or(c);
        match PASSPORT.iter().find(|(one, _)| *one == lower) {
            Some((_, latin)) if c == lower => out.push_str(latin),
            Some((_, latin)) => {
                let mut letters = latin.chars();
                out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
                out.push_str(letters.as_str());
            }
            // It leaves out the alif, which people write.
            None if matches!(c, 'ا' | 'آ' | 'أ' | 'إ') => out.push('a'),
            None => out.push_str(any_ascii::any_ascii_char(c)),
        }
    }
    out
}

const PASSPORT: [(char, &str); 37] = [
    ('а', "a"),
    ('б', "b"),
    ('в', "v"),
    ('г', "g"),
    ('д', "d"),
    ('е', "e"),
    ('ё', "e"),
    ('ж', "zh"),
    ('з', "z"),
    ('и', "i"),
    ('й', "i"),
    ('к', "k"),
    ('л', "l"),
    ('м', "m"),
    ('н', "n"),
    ('о', "o"),
    ('п', "p"),
    ('р', "r"),
    ('с', "s"),
    ('т', "t"),
    ('у', "u"),
    ('ф', "f"),
    ('х', "kh"),
    ('ц', "ts"),
    ('ч', "ch"),
    ('ш', "sh"),
    ('щ', "shch"),
    ('ъ', "ie"),
    ('ы', "y"),
    ('ь', ""),
    ('э', "e"),
    ('ю', "iu"),
    ('я', "ia"),
    ('і', "i"),
    ('ї', "i"),
    ('є', "ie"),
    ('ґ', "g"),
];

/// Whether nothing of a label that matters survives.
fn is_gone(text: &str, label: &Label, found: &[Finding]) -> bool {
    let is_phone = label.name.to_ascii_uppercase().contains("PHONE");
    let titles = if label.group() == Group::Name { titles(text, &label.range) } else { Vec::new() };
    let matters = |at: usize, c: char| {
        let kind = if is_phone { c.is_numeric() } else { c.is_alphanumeric() };
        kind && !titles.iter().any(|title| title.contains(&at))
    };
    text[label.range.clone()].char_indices().all(|(at, c)| {
        let at = label.range.start + at;
        !matters(at, c) || found.iter().any(|finding| finding.range.contains(&at))
    })
}

/// Titles in a name: they say nothing of who it is.
fn titles(text: &str, range: &Range<usize>) -> Vec<Range<usize>> {
    let mut titles = Vec::new();
    let mut start = range.start;
    for word in text[range.clone()].split_inclusive(|c: char| c.is_whitespace() || matches!(c, '.' | ',')) {
        let bare = word.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '.' | ','));
        if is_word(&normal(bare), TITLE) {
            titles.push(start..start + bare.len());
        }
        start += word.len();
    }
    titles
}

/// The script of a name, by its first letter.
fn script(name: &str) -> &'static str {
    let first = name.chars().find(|c| c.is_alphabetic()).unwrap_or(' ');
    match first {
        'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => "Latin",
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => "Greek",
        '\u{400}'..='\u{52f}' => "Cyrillic",
        '\u{530}'..='\u{58f}' => "Armenian",
        '\u{590}'..='\u{5ff}' => "Hebrew",
        '\u{600}'..='\u{77f}' => "Arabic",
        '\u{900}'..='\u{97f}' => "Devanagari",
        '\u{980}'..='\u{dff}' => "other Indic",
        '\u{e00}'..='\u{e7f}' => "Thai",
        '\u{1000}'..='\u{109f}' => "Burmese",
        '\u{10a0}'..='\u{10ff}' => "Georgian",
        '\u{1200}'..='\u{139f}' => "Ethiopic",
        '\u{1780}'..='\u{17ff}' => "Khmer",
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' => "Han and Kana",
        '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7a3}' => "Hangul",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(json: &str) -> (Table, Vec<String>) {
        let mut misses = Vec::new();
        let table = check(json, &mut |miss| misses.push(format!("{}: {}", miss.what, miss.value))).unwrap();
        (table, misses)
    }

    #[test]
    fn half_a_value_is_not_found_and_a_touched_indicator_is_lost() {
        let text = "Call +1 202 555 0143, not hxxp://evil[.]com/x";
        let json = |start: usize, end: usize, keep: usize| {
            format!(
                r#"[{{"locale":"xx","text":"{text}","redact":[{{"type":"PHONE","start":{start},"end":{end}}}],"keep":[{{"type":"ioc:url","start":26,"end":{keep}}}]}}]"#
            )
        };
        let (table, misses) = figures(&json(5, 20, 45));
        assert_eq!((table.all.structured.ratio(), table.all.precision.ratio(), table.all.keep.ratio()), (1.0, 1.0, 1.0), "{misses:?}");
        // A label that reaches beyond what was found.
        let (table, misses) = figures(&json(0, 20, 45));
        assert_eq!((table.all.structured.ratio(), misses.len()), (1.0, 0), "letters of a telephone number do not matter");
        let wider = json(5, 20, 45).replace("PHONE", "ID").replace("\"start\":5", "\"start\":0");
        assert_eq!(figures(&wider).0.all.structured.got, 0, "letters of an id do");
        // What was replaced and touches no label.
        let (table, _) = figures(&json(22, 25, 45));
        assert_eq!((table.all.precision.got, table.all.precision.of), (0, 1));
        // What was to stay and was replaced.
        let lost = json(22, 25, 45).replace("\"start\":26", "\"start\":5");
        assert_eq!(figures(&lost).0.all.keep.got, 0);
    }

    #[test]
    fn a_file_of_another_form_is_refused_in_words() {
        let say = |json: &str| check(json, &mut |_| {}).unwrap_err().to_string();
        assert!(say("{").starts_with("the file is not JSON: "));
        assert!(say("{}").starts_with("the file is not an array of cases\nhint: "));
        assert!(say(r#"[{"a":1}]"#).starts_with("the file is not an array of cases"));
        assert_eq!(say(r#"[{"text":"a","redact":[{"type":"ID","start":0,"end":9}]}]"#), "case 1: a label reaches beyond its text");
    }

    #[test]
    fn names_are_transliterated_as_passports_do() {
        assert_eq!(transliterated("Хома Матвієнко"), "Khoma Matviienko");
        assert_eq!(transliterated("Юлия Щукина"), "Iuliia Shchukina");
    }
}
