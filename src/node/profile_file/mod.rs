//! The profile file: what an organisation says of itself, as people write it (TOML). `write.rs` makes it, with what each field may say beside it.

mod write;

pub use write::write;

use crate::model::country::Country;
use crate::model::hours::{BadHours, Hours};
use crate::model::profile::{Audiences, BadProfile, FEES_MAX, Field, NAME_MAX, Named, Own, Profile, Reach};
use crate::model::vocabulary::{Code, Vocabularies, Vocabulary};
use crate::model::{Timestamp, language::LanguageTag};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use toml::Spanned;

/// A longer file is no profile, in bytes.
pub const FILE_BYTES_MAX: usize = 256 << 10;

/// What is wrong with a profile file, where, and the way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}\nhint: {hint}")]
pub struct BadFile {
    /// Its line, from 1.
    pub line: usize,
    /// What.
    pub what: String,
    /// What to try.
    pub hint: String,
}

type Text = Spanned<String>;

/// As people write it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    display_name: Option<Text>,
    pseudonym: Option<Text>,
    services: Vec<Text>,
    incident_types: Vec<Text>,
    excluded_types: Vec<Text>,
    beneficiaries: Vec<Text>,
    causes: Vec<Text>,
    regions: Vec<Text>,
    countries_excluded: Vec<Text>,
    languages: Vec<Text>,
    intake: Option<Text>,
    capacity: Option<Text>,
    secure_channels: Vec<Text>,
    initial_intake: Option<bool>,
    forensic_level: Option<Text>,
    platform_channels: Vec<Text>,
    fees: Option<Text>,
    agreements: Vec<Text>,
    hours: Option<Week>,
    responses: BTreeMap<String, Text>,
    audience: BTreeMap<String, Spanned<Whom>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Week {
    time_zone: Text,
    weekly: Spanned<Vec<Text>>,
    #[serde(default)]
    holidays: Vec<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "it must be \"public\", \"members\", or the names of peers and groups in brackets")]
enum Whom {
    Word(String),
    Names(Vec<String>),
}

/// The value list that a field's codes are from; those of the others are free.
const fn list(field: Field) -> Option<&'static str> {
    match field {
        Field::Services => Some("service"),
        Field::IncidentTypes | Field::ExcludedTypes => Some("incident-type"),
        Field::Beneficiaries => Some("beneficiary-type"),
        Field::Causes => Some("cause"),
        Field::Regions => Some("region"),
        Field::Languages => Some("language-level"),
        Field::Intake => Some("intake-state"),
        Field::Capacity => Some("capacity-band"),
        Field::Responses => Some("priority"),
        Field::SecureChannels => Some("secure-channel"),
        Field::ForensicLevel => Some("forensic-level"),
        Field::PlatformChannels => Some("platform"),
        _ => None,
    }
}

/// Reads a profile file. `named` finds a peer or a group by its name here; `now` is when the profile counts as confirmed.
///
/// # Errors
/// The first thing that does not hold, with its line.
pub fn read(text: &str, now: Timestamp, lists: &Vocabularies, named: impl Fn(&str) -> Option<Named>) -> Result<Own, BadFile> {
    let place = Place { text, lists };
    if text.len() > FILE_BYTES_MAX {
        return Err(place.bad(0, format!("the file is longer than {FILE_BYTES_MAX} bytes"), "a profile says each thing once"));
    }
    let file: File = toml::from_str(text).map_err(|error| place.syntax(&error))?;
    let audiences = place.audiences(&file.audience, named)?;
    let profile = Profile {
        vocabulary: lists.version(),
        confirmed: now,
        display_name: place.line(Field::DisplayName, NAME_MAX, file.display_name)?,
        pseudonym: place.line(Field::Pseudonym, NAME_MAX, file.pseudonym)?,
        services: place.codes(Field::Services, &file.services)?,
        incident_types: place.codes(Field::IncidentTypes, &file.incident_types)?,
        excluded_types: place.codes(Field::ExcludedTypes, &file.excluded_types)?,
        beneficiaries: place.codes(Field::Beneficiaries, &file.beneficiaries)?,
        causes: place.codes(Field::Causes, &file.causes)?,
        regions: place.codes(Field::Regions, &file.regions)?,
        countries_excluded: place.countries(&file.countries_excluded)?,
        languages: place.languages(&file.languages)?,
        hours: file.hours.as_ref().map(|week| place.hours(week)).transpose()?,
        intake: place.code_of(Field::Intake, file.intake.as_ref())?,
        capacity: place.code_of(Field::Capacity, file.capacity.as_ref())?,
        responses: place.responses(&file.responses)?,
        secure_channels: place.codes(Field::SecureChannels, &file.secure_channels)?,
        initial_intake: file.initial_intake,
        forensic_level: place.code_of(Field::ForensicLevel, file.forensic_level.as_ref())?,
        platform_channels: place.codes(Field::PlatformChannels, &file.platform_channels)?,
        fees: place.line(Field::Fees, FEES_MAX, file.fees)?,
        agreements: place.codes(Field::Agreements, &file.agreements)?,
    };
    profile.check().map_err(|error| place.out_of_bounds(&error))?;
    Ok(Own { profile, audiences })
}

/// A file's text, for errors that name the line, and the lists that its codes are from.
struct Place<'a> {
    text: &'a str,
    lists: &'a Vocabularies,
}

impl Place<'_> {
    fn bad(&self, at: usize, what: impl Into<String>, hint: impl Into<String>) -> BadFile {
        let line = self.text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
        BadFile { line, what: what.into(), hint: hint.into() }
    }

    fn syntax(&self, error: &toml::de::Error) -> BadFile {
        let (line, message) = crate::config::toml_error(self.text, error);
        let hint = match message.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next()) {
            Some(field) if Field::from_name(field).is_some() => "it belongs at the top, before the first line in brackets",
            Some(_) => "`watchfire profile template` shows all fields",
            None => "the file is TOML: `field = value` lines, text in double quotes, lists in brackets",
        };
        BadFile { line, what: message, hint: hint.into() }
    }

    fn out_of_bounds(&self, error: &BadProfile) -> BadFile {
        let field = match error {
            BadProfile::Count { field, .. } | BadProfile::Text { field, .. } => field.name(),
            BadProfile::Response(_) => Field::Responses.name(),
            BadProfile::Both(_) => Field::ExcludedTypes.name(),
            BadProfile::Vocabulary => "",
        };
        let begins = |line: &str| {
            line.trim_start().trim_start_matches('[').strip_prefix(field).is_some_and(|rest| rest.starts_with([' ', '=', ']']))
        };
        let line = self.text.lines().position(begins).map_or(1, |at| at + 1);
        let text = error.to_string();
        let (what, hint) = text.split_once("\nhint: ").unwrap_or((&text, "say less in this field"));
        BadFile { line, what: what.into(), hint: hint.into() }
    }

    /// Something of a field, read by its type.
    fn parse<T: FromStr<Err: std::fmt::Display>>(&self, field: Field, text: &str, at: usize) -> Result<T, BadFile> {
        text.parse().map_err(|error: T::Err| self.told(field, at, &error))
    }

    fn told(&self, field: Field, at: usize, error: &impl std::fmt::Display) -> BadFile {
        let error = error.to_string();
        let (what, hint) = error.split_once("\nhint: ").unwrap_or((&error, "see the comment above the field"));
        self.bad(at, format!("`{field}`: {what}"), hint)
    }

    /// A code of a field, which is in its list where it has one: what is in none is a slip of the pen here, and not a newer node's.
    fn code(&self, field: Field, text: &str, at: usize) -> Result<Code, BadFile> {
        let code: Code = self.parse(field, text, at)?;
        let Some(list) = list(field).and_then(|name| self.lists.get(name)) else { return Ok(code) };
        if list.title(&code).is_some() {
            return Ok(code);
        }
        let hint = nearest(list, text);
        Err(self.bad(at, format!("`{field}`: there is no `{code}` in the list `{}`", list.name), hint))
    }

    fn code_of(&self, field: Field, text: Option<&Text>) -> Result<Option<Code>, BadFile> {
        text.map(|text| self.code(field, text.as_ref(), text.span().start)).transpose()
    }

    fn codes(&self, field: Field, texts: &[Text]) -> Result<BTreeSet<Code>, BadFile> {
        texts.iter().map(|text| self.code(field, text.as_ref(), text.span().start)).collect()
    }

    fn line(&self, field: Field, max: usize, text: Option<Text>) -> Result<Option<String>, BadFile> {
        let Some(text) = text else { return Ok(None) };
        let at = text.span().start;
        let line = text.into_inner().trim().to_owned();
        match line.is_empty() || line.contains(char::is_control) || line.chars().count() > max {
            true => Err(self.bad(at, BadProfile::Text { field, max }.to_string(), "to say nothing of it, leave the line out")),
            false => Ok(Some(line)),
        }
    }

    fn countries(&self, texts: &[Text]) -> Result<BTreeSet<Country>, BadFile> {
        let country = |text: &Text| {
            let at = text.span().start;
            let country = Country::assigned(text.as_ref()).map_err(|error| self.told(Field::CountriesExcluded, at, &error))?;
            match self.lists.region_of(text.as_ref()) {
                Some(_) => Ok(country),
                None => Err(self.bad(
                    at,
                    format!("`countries_excluded`: no region has the country `{country}`"),
                    "`watchfire vocabulary region` shows which countries each region has",
                )),
            }
        };
        texts.iter().map(country).collect()
    }

    /// `ar native`, or `ar`.
    fn languages(&self, texts: &[Text]) -> Result<BTreeMap<LanguageTag, Option<Code>>, BadFile> {
        let mut languages = BTreeMap::new();
        for text in texts {
            let (at, mut words) = (text.span().start, text.as_ref().split_whitespace());
            let tag: LanguageTag = self.parse(Field::Languages, words.next().unwrap_or_default(), at)?;
            let level = words.next().map(|level| self.code(Field::Languages, level, at)).transpose()?;
            if words.next().is_some() {
                return Err(self.bad(at, format!("`languages`: `{}` is more than a language and a level", tag), "such as `ar native`"));
            }
            if languages.insert(tag.clone(), level).is_some() {
                return Err(self.bad(at, format!("`languages`: `{tag}` comes twice"), "leave one of them"));
            }
        }
        Ok(languages)
    }

    fn hours(&self, week: &Week) -> Result<Hours, BadFile> {
        let texts = |texts: &[Text]| texts.iter().map(|text| text.as_ref().clone()).collect::<Vec<_>>();
        let (weekly, holidays) = (week.weekly.as_ref(), &week.holidays);
        Hours::new(week.time_zone.as_ref(), &texts(weekly), &texts(holidays)).map_err(|error| {
            let of = |texts: &[Text], begin: &str| texts.iter().find(|text| text.as_ref().starts_with(begin)).map(|text| text.span().start);
            let at = match &error {
                BadHours::Zone(_) => Some(week.time_zone.span().start),
                BadHours::Interval(begin) | BadHours::Overlap(begin) => of(weekly, begin),
                BadHours::Holiday(begin) => of(holidays, begin),
                BadHours::Count => None,
            };
            let text = error.to_string();
            let (what, hint) = text.split_once("\nhint: ").unwrap_or((&text, "such as `mon-fri 09:00-17:00`"));
            self.bad(at.unwrap_or(week.weekly.span().start), format!("`hours`: {what}"), hint)
        })
    }

    fn responses(&self, texts: &BTreeMap<String, Text>) -> Result<BTreeMap<Code, u32>, BadFile> {
        let read = |(priority, text): (&String, &Text)| {
            let at = text.span().start;
            let code = self.code(Field::Responses, priority, at)?;
            match minutes(text.as_ref()) {
                Some(minutes) => Ok((code, minutes)),
                None => {
                    Err(self.bad(at, format!("`responses`: `{}` is no time up to 90 days", text.as_ref()), "such as `45m`, `2h` or `3d`"))
                }
            }
        };
        texts.iter().map(read).collect()
    }

    fn audiences(&self, whoms: &BTreeMap<String, Spanned<Whom>>, named: impl Fn(&str) -> Option<Named>) -> Result<Audiences, BadFile> {
        let mut audiences = BTreeMap::new();
        for (name, whom) in whoms {
            let at = whom.span().start;
            let Some(field) = Field::from_name(name) else {
                return Err(self.bad(
                    at,
                    format!("`audience`: there is no field `{name}`"),
                    "`watchfire profile template` shows all fields",
                ));
            };
            let reach = match whom.as_ref() {
                Whom::Word(word) if word == "public" => Reach::Public,
                Whom::Word(word) if word == "members" => Reach::Members,
                Whom::Word(word) => {
                    let hint = format!("`\"public\"`, `\"members\"`, or names in brackets: `{name} = [\"{word}\"]`");
                    return Err(self.bad(at, format!("`audience`: `{word}` is no audience"), hint));
                }
                Whom::Names(names) => {
                    let find = |one: &String| {
                        let unknown = || {
                            self.bad(
                                at,
                                format!("`audience`: no peer or group is named `{one}`"),
                                "`watchfire peer list` and `watchfire group list` show who there is",
                            )
                        };
                        named(one).ok_or_else(unknown)
                    };
                    Reach::Restricted(names.iter().map(find).collect::<Result<_, _>>()?)
                }
            };
            // What is usual is not kept, so that a file that says it and one that does not are the same.
            if reach != field.reach() {
                audiences.insert(field, reach);
            }
        }
        Ok(Audiences(audiences))
    }
}

/// Minutes of `45m`, `2h`, `3d`.
fn minutes(text: &str) -> Option<u32> {
    let text = text.trim();
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let many = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        _ => return None,
    };
    let minutes = number.trim_end().parse::<u32>().ok()?.checked_mul(many)?;
    (1..=crate::model::profile::RESPONSE_MINUTES_MAX).contains(&minutes).then_some(minutes)
}

/// Which code of a list somebody may have meant.
pub fn nearest(list: &Vocabulary, text: &str) -> String {
    let nearest = list.entries.iter().map(|entry| entry.code.as_str()).min_by_key(|one| distance(one, text));
    match nearest.filter(|one| distance(one, text) <= text.len() / 3 + 1) {
        Some(nearest) => format!("did you mean `{nearest}`? `watchfire vocabulary {}` shows all", list.name),
        None => format!("`watchfire vocabulary {}` shows what there is", list.name),
    }
}

/// How many letters must be changed, put in or left out (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other = other.as_bytes();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, left) in one.bytes().enumerate() {
        let mut before = row[0];
        row[0] = at + 1;
        for (column, right) in other.iter().enumerate() {
            let changed = before + usize::from(left != *right);
            before = row[column + 1];
            row[column + 1] = changed.min(before + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
