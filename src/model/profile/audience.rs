//! Who may know which field of a profile. Each has a class; what is restricted goes to the named alone, and to nobody where none is named.

use super::Profile;
use crate::model::log::Audience;
use crate::model::{GroupId, OrgId};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The fields that have an audience. The edition of the lists and the time of confirmation are known to whoever knows any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is the field of that name of a profile")]
pub enum Field {
    DisplayName,
    Pseudonym,
    Services,
    IncidentTypes,
    ExcludedTypes,
    Beneficiaries,
    Causes,
    Regions,
    CountriesExcluded,
    Languages,
    Hours,
    Intake,
    Capacity,
    Responses,
    SecureChannels,
    InitialIntake,
    ForensicLevel,
    PlatformChannels,
    Fees,
    Agreements,
}

impl Field {
    /// All of them, in the order of a profile.
    pub const ALL: [Self; 20] = [
        Self::DisplayName,
        Self::Pseudonym,
        Self::Services,
        Self::IncidentTypes,
        Self::ExcludedTypes,
        Self::Beneficiaries,
        Self::Causes,
        Self::Regions,
        Self::CountriesExcluded,
        Self::Languages,
        Self::Hours,
        Self::Intake,
        Self::Capacity,
        Self::Responses,
        Self::SecureChannels,
        Self::InitialIntake,
        Self::ForensicLevel,
        Self::PlatformChannels,
        Self::Fees,
        Self::Agreements,
    ];

    /// Its name in the profile file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DisplayName => "display_name",
            Self::Pseudonym => "pseudonym",
            Self::Services => "services",
            Self::IncidentTypes => "incident_types",
            Self::ExcludedTypes => "excluded_types",
            Self::Beneficiaries => "beneficiaries",
            Self::Causes => "causes",
            Self::Regions => "regions",
            Self::CountriesExcluded => "countries_excluded",
            Self::Languages => "languages",
            Self::Hours => "hours",
            Self::Intake => "intake",
            Self::Capacity => "capacity",
            Self::Responses => "responses",
            Self::SecureChannels => "secure_channels",
            Self::InitialIntake => "initial_intake",
            Self::ForensicLevel => "forensic_level",
            Self::PlatformChannels => "platform_channels",
            Self::Fees => "fees",
            Self::Agreements => "agreements",
        }
    }

    /// The field of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    /// Who may know it where the profile file says nothing: members, but for the pseudonym and for whether it takes cases from the public, which are for
    /// all, and for what would help an adversary, which is for nobody until somebody is named.
    pub const fn reach(self) -> Reach {
        match self {
            Self::Pseudonym | Self::InitialIntake => Reach::Public,
            Self::CountriesExcluded | Self::ForensicLevel | Self::PlatformChannels => Reach::Restricted(BTreeSet::new()),
            _ => Reach::Members,
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One that may know a restricted field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Named {
    /// An organisation, by itself.
    Org(OrgId),
    /// The members of a group, by the group's log.
    Group(GroupId),
}

/// Who may know a field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Anybody.
    Public,
    /// Members of the community, and organisations that this one has paired with.
    Members,
    /// The named alone. None is nobody.
    Restricted(BTreeSet<Named>),
}

/// The fields whose audience is not the usual one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audiences(pub BTreeMap<Field, Reach>);

/// Who is to read a projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Anybody: a public list.
    Anyone,
    /// Who holds the log of that audience. `member` says whether they are members: a community's group, or a peer in good standing.
    Holders {
        /// Whose log it is.
        audience: Audience,
        /// Whether they count as members.
        member: bool,
    },
}

impl Reach {
    /// Whether a reader is within it.
    pub fn has(&self, reader: Reader) -> bool {
        match (self, reader) {
            (Self::Public, _) => true,
            (Self::Members, Reader::Holders { member, .. }) => member,
            (Self::Restricted(named), Reader::Holders { audience, .. }) => named.contains(&match audience {
                Audience::Direct(org) => Named::Org(org),
                Audience::Group(group) => Named::Group(group),
            }),
            (_, Reader::Anyone) => false,
        }
    }
}

impl Audiences {
    /// Who may know a field.
    pub fn reach(&self, field: Field) -> Reach {
        self.0.get(&field).cloned().unwrap_or_else(|| field.reach())
    }
}

/// This organisation's own profile: whole, with who may know what. It never leaves as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Own {
    /// All that it says of itself.
    pub profile: Profile,
    /// Who may know it.
    pub audiences: Audiences,
}

impl Own {
    /// What a reader may know of it: all other fields are absent, as if they had not been stated.
    pub fn project(&self, reader: Reader) -> Profile {
        // Taken apart by name, so that a new field does not leave before somebody has said who may know it.
        let Profile {
            vocabulary,
            confirmed,
            display_name,
            pseudonym,
            services,
            incident_types,
            excluded_types,
            beneficiaries,
            causes,
            regions,
            countries_excluded,
            languages,
            hours,
            intake,
            capacity,
            responses,
            secure_channels,
            initial_intake,
            forensic_level,
            platform_channels,
            fees,
            agreements,
        } = self.profile.clone();
        let audiences = &self.audiences;
        Profile {
            vocabulary,
            confirmed,
            display_name: known(audiences, reader, Field::DisplayName, display_name),
            pseudonym: known(audiences, reader, Field::Pseudonym, pseudonym),
            services: known(audiences, reader, Field::Services, services),
            incident_types: known(audiences, reader, Field::IncidentTypes, incident_types),
            excluded_types: known(audiences, reader, Field::ExcludedTypes, excluded_types),
            beneficiaries: known(audiences, reader, Field::Beneficiaries, beneficiaries),
            causes: known(audiences, reader, Field::Causes, causes),
            regions: known(audiences, reader, Field::Regions, regions),
            countries_excluded: known(audiences, reader, Field::CountriesExcluded, countries_excluded),
            languages: known(audiences, reader, Field::Languages, languages),
            hours: known(audiences, reader, Field::Hours, hours),
            intake: known(audiences, reader, Field::Intake, intake),
            capacity: known(audiences, reader, Field::Capacity, capacity),
            responses: known(audiences, reader, Field::Responses, responses),
            secure_channels: known(audiences, reader, Field::SecureChannels, secure_channels),
            initial_intake: known(audiences, reader, Field::InitialIntake, initial_intake),
            forensic_level: known(audiences, reader, Field::ForensicLevel, forensic_level),
            platform_channels: known(audiences, reader, Field::PlatformChannels, platform_channels),
            fees: known(audiences, reader, Field::Fees, fees),
            agreements: known(audiences, reader, Field::Agreements, agreements),
        }
    }
}

/// A field's value where the reader may know it, else as if it were not stated.
fn known<T: Default>(audiences: &Audiences, reader: Reader, field: Field, value: T) -> T {
    if audiences.reach(field).has(reader) { value } else { T::default() }
}

#[cfg(test)]
mod tests {
    use super::super::tests::full;
    use super::*;

    const PEER: OrgId = OrgId([2; 32]);
    const GROUP: GroupId = GroupId([3; 32]);

    fn holders(audience: Audience, member: bool) -> Reader {
        Reader::Holders { audience, member }
    }

    fn is_stated<T: Default + PartialEq>(value: &T) -> bool {
        *value != T::default()
    }

    /// The fields that a profile states. A new field must be named here too.
    fn stated(profile: &Profile) -> BTreeSet<String> {
        macro_rules! names {
            ($($field:ident),*) => {{
                let Profile { $($field),* } = profile;
                [$(is_stated($field).then(|| stringify!($field).to_owned())),*].into_iter().flatten().collect()
            }};
        }
        names!(
            vocabulary,
            confirmed,
            display_name,
            pseudonym,
            services,
            incident_types,
            excluded_types,
            beneficiaries,
            causes,
            regions,
            countries_excluded,
            languages,
            hours,
            intake,
            capacity,
            responses,
            secure_channels,
            initial_intake,
            forensic_level,
            platform_channels,
            fees,
            agreements
        )
    }

    #[test]
    fn each_reader_gets_the_fields_of_its_class_and_no_other() {
        let own = Own { profile: full(), audiences: Audiences::default() };
        let all: BTreeSet<String> = Field::ALL.map(|field| field.name().to_owned()).into();
        let always: BTreeSet<String> = ["confirmed", "vocabulary"].map(str::to_owned).into();
        assert_eq!(stated(&own.profile), &all | &always, "the full profile states every field");
        let public: BTreeSet<String> = ["initial_intake", "pseudonym"].map(str::to_owned).into();
        let restricted: BTreeSet<String> = ["countries_excluded", "forensic_level", "platform_channels"].map(str::to_owned).into();
        assert_eq!(stated(&own.project(Reader::Anyone)), &public | &always);
        assert_eq!(stated(&own.project(holders(Audience::Group(GROUP), false))), &public | &always);
        for audience in [Audience::Group(GROUP), Audience::Direct(PEER)] {
            assert_eq!(stated(&own.project(holders(audience, true))), &(&all - &restricted) | &always);
        }
    }

    #[test]
    fn each_field_follows_its_own_audience_alone() {
        for field in Field::ALL {
            for reach in [Reach::Public, Reach::Members, Reach::Restricted([Named::Org(PEER)].into())] {
                let mut audiences = Audiences(Field::ALL.map(|field| (field, Reach::Restricted(BTreeSet::new()))).into());
                audiences.0.insert(field, reach.clone());
                let own = Own { profile: full(), audiences };
                for reader in [
                    Reader::Anyone,
                    holders(Audience::Group(GROUP), true),
                    holders(Audience::Direct(PEER), false),
                    holders(Audience::Direct(OrgId([9; 32])), false),
                ] {
                    let may = match &reach {
                        Reach::Public => true,
                        Reach::Members => reader == holders(Audience::Group(GROUP), true),
                        Reach::Restricted(_) => reader == holders(Audience::Direct(PEER), false),
                    };
                    let mut expected: BTreeSet<String> = ["confirmed", "vocabulary"].map(str::to_owned).into();
                    expected.extend(may.then(|| field.name().to_owned()));
                    assert_eq!(stated(&own.project(reader)), expected, "{field} {reach:?} {reader:?}");
                }
            }
        }
    }

    #[test]
    fn a_group_that_is_named_is_not_its_members_one_by_one() {
        let audiences = Audiences([(Field::PlatformChannels, Reach::Restricted([Named::Group(GROUP)].into()))].into());
        let own = Own { profile: full(), audiences };
        assert!(!own.project(holders(Audience::Group(GROUP), true)).platform_channels.is_empty());
        assert!(own.project(holders(Audience::Direct(PEER), true)).platform_channels.is_empty());
    }

    #[test]
    fn every_field_has_one_name() {
        assert_eq!(Field::ALL.map(Field::name).into_iter().collect::<BTreeSet<_>>().len(), Field::ALL.len());
        assert!(Field::ALL.into_iter().all(|field| Field::from_name(field.name()) == Some(field)));
    }
}
