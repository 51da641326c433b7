//! Profiles as people see them.

use super::Heard;
use crate::model::log::Audience;
use crate::model::profile::{Audiences, Field, Named, Own, Profile, Reach, Reader, merged};
use crate::model::vocabulary::Code;
use crate::model::{OrgId, Timestamp};
use crate::node::status::Names;
use crate::node::view;
use crate::node::{Node, NodeError, profile_file};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A profile.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProfileView {
    /// Whose.
    pub org_id: OrgId,
    /// What people here call it; `us` for our own.
    pub name: String,
    /// When somebody there last said that it holds.
    pub confirmed: Timestamp,
    /// Whether that was more than 30 days ago.
    pub stale: bool,
    /// When the newest of it came; nothing of our own.
    pub received: Option<Timestamp>,
    /// In which audiences it was said to us; nothing of our own.
    pub said_to: Vec<String>,
    /// What it states.
    pub fields: Vec<FieldView>,
}

/// A field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldView {
    /// Its name in the profile file.
    pub name: String,
    /// What it states.
    pub values: Vec<String>,
    /// Of our own: `public`, `members`, or the names of those who may know it; nothing where that is nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_to: Option<Vec<String>>,
}

/// Our profile file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileFile {
    /// It.
    pub text: String,
}

impl Node {
    /// A profile: ours where nobody is named; with `reader`, as far as that peer or group, or `public`, may know it.
    ///
    /// # Errors
    /// When there is no such organisation or reader, or nothing is known of it.
    pub fn profile_view(&self, who: Option<&str>, reader: Option<&str>) -> Result<ProfileView, NodeError> {
        let snapshot = self.store.snapshot()?;
        let names = Names::of(&snapshot)?;
        let org = who.filter(|who| *who != "us").map(|who| self.org_named(who)).transpose()?.filter(|org| *org != self.org());
        let Some(org) = org else {
            let own = Self::own_row(&snapshot)?.ok_or(NodeError::NoProfile)?.read()?;
            let profile = match reader {
                Some(reader) => own.project(self.reader_named(reader)?),
                None => own.profile.clone(),
            };
            return Ok(self.own_view(&own, &profile, reader.is_none(), &names));
        };
        let mut heard: Heard = self.heard_profiles(&snapshot)?;
        let said = heard.remove(&org).unwrap_or_default();
        let received = said.iter().map(|(row, _)| row.received).max();
        let said_to = said.iter().map(|(row, _)| match row.key.audience {
            Audience::Direct(_) => "us".to_owned(),
            group @ Audience::Group(_) => names.audience(&group),
        });
        let (name, said_to) = (names.org(&org), said_to.collect());
        let profile = merged(said.into_iter().map(|(_, profile)| profile)).ok_or_else(|| NodeError::UnknownProfile(name.clone()))?;
        let fields = Field::ALL.into_iter().filter_map(|field| field_view(&profile, field)).collect();
        let (confirmed, stale) = (profile.confirmed, profile.is_stale(self.clock.now()));
        Ok(ProfileView { org_id: org, name, confirmed, stale, received, said_to, fields })
    }

    fn own_view(&self, own: &Own, profile: &Profile, is_whole: bool, names: &Names) -> ProfileView {
        let known_to = |field: Field| match own.audiences.reach(field) {
            Reach::Public => vec!["public".to_owned()],
            Reach::Members => vec!["members".to_owned()],
            Reach::Restricted(named) => named.into_iter().map(|one| name_of(names, one)).collect(),
        };
        let view = |field: Field| {
            let view = field_view(profile, field)?;
            Some(FieldView { known_to: is_whole.then(|| known_to(field)), ..view })
        };
        ProfileView {
            org_id: self.org(),
            name: "us".into(),
            confirmed: profile.confirmed,
            stale: profile.is_stale(self.clock.now()),
            received: None,
            said_to: Vec::new(),
            fields: Field::ALL.into_iter().filter_map(view).collect(),
        }
    }

    /// Our profile as the file that people edit; the template where there is none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn profile_file(&self, template: bool) -> Result<ProfileFile, NodeError> {
        let snapshot = self.store.snapshot()?;
        let names = Names::of(&snapshot)?;
        let own = match Self::own_row(&snapshot)? {
            Some(row) if !template => row.read()?,
            _ => Own { profile: Profile::default(), audiences: Audiences::default() },
        };
        Ok(ProfileFile { text: profile_file::write(&own, &self.vocabularies, |one| name_of(&names, one)) })
    }

    /// Who is meant by a name in a profile file.
    pub(super) fn audience_in_profile(&self, name: &str) -> Option<Named> {
        if let Ok(audience) = self.audience(name) {
            return Some(match audience {
                Audience::Direct(org) => Named::Org(org),
                Audience::Group(group) => Named::Group(group),
            });
        }
        // One of whom there is no name any more stands there by its id.
        name.parse().map(Named::Org).or_else(|_| name.parse().map(Named::Group)).ok()
    }

    fn reader_named(&self, name: &str) -> Result<Reader, NodeError> {
        if name == "public" {
            return Ok(Reader::Anyone);
        }
        let audience = self.audience(name)?;
        let member = match audience {
            Audience::Direct(_) => true,
            Audience::Group(group) => self.definition(&self.store.snapshot()?, &group)?.is_some_and(|definition| definition.community),
        };
        Ok(Reader::Holders { audience, member })
    }
}

fn name_of(names: &Names, named: Named) -> String {
    match named {
        Named::Org(org) => names.audience(&Audience::Direct(org)),
        Named::Group(group) => names.audience(&Audience::Group(group)),
    }
}

/// A field; `None` where nothing is stated.
fn field_view(profile: &Profile, field: Field) -> Option<FieldView> {
    let one = |code: &Option<Code>| code.iter().map(ToString::to_string).collect::<Vec<_>>();
    let codes = |codes: &BTreeSet<Code>| codes.iter().map(ToString::to_string).collect::<Vec<_>>();
    let values = match field {
        Field::DisplayName => profile.display_name.iter().cloned().collect(),
        Field::Pseudonym => profile.pseudonym.iter().cloned().collect(),
        Field::Services => codes(&profile.services),
        Field::IncidentTypes => codes(&profile.incident_types),
        Field::ExcludedTypes => codes(&profile.excluded_types),
        Field::Beneficiaries => codes(&profile.beneficiaries),
        Field::Causes => codes(&profile.causes),
        Field::Regions => codes(&profile.regions),
        Field::CountriesExcluded => profile.countries_excluded.iter().map(ToString::to_string).collect(),
        Field::Languages => {
            let language = |(tag, level): (&crate::model::language::LanguageTag, &Option<Code>)| match level {
                Some(level) => format!("{tag} {level}"),
                None => tag.to_string(),
            };
            profile.languages.iter().map(language).collect()
        }
        Field::Hours => profile.hours.iter().flat_map(hours).collect(),
        Field::Intake => one(&profile.intake),
        Field::Capacity => one(&profile.capacity),
        Field::Responses => profile.responses.iter().map(|(priority, minutes)| format!("{priority} {minutes} min")).collect(),
        Field::SecureChannels => codes(&profile.secure_channels),
        Field::InitialIntake => profile.initial_intake.iter().map(ToString::to_string).collect(),
        Field::ForensicLevel => one(&profile.forensic_level),
        Field::PlatformChannels => codes(&profile.platform_channels),
        Field::Fees => profile.fees.iter().cloned().collect(),
        Field::Agreements => codes(&profile.agreements),
    };
    (!values.is_empty()).then(|| FieldView { name: field.name().into(), values, known_to: None })
}

fn hours(hours: &crate::model::hours::Hours) -> Vec<String> {
    let holidays = hours.holidays().into_iter().map(|holiday| format!("closed {holiday}"));
    hours.weekly().into_iter().chain([hours.zone_name().to_owned()]).chain(holidays).collect()
}

/// Every field of a profile that would leave, as a preview shows them.
pub(in crate::node) fn fields_of(profile: &Profile) -> Vec<view::Field> {
    let mut fields = vec![
        view::Field { name: "confirmed".into(), value: profile.confirmed.to_string() },
        view::Field { name: "vocabulary".into(), value: profile.vocabulary.clone() },
    ];
    for FieldView { name, values, .. } in Field::ALL.into_iter().filter_map(|field| field_view(profile, field)) {
        fields.extend(values.into_iter().map(|value| view::Field { name: name.clone(), value }));
    }
    fields
}
