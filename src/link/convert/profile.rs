//! Profiles (kind 4).

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use prost::Message;

use super::{Malformed, wire};
use crate::model::Timestamp;
use crate::model::hours::Hours;
use crate::model::language::LanguageTag;
use crate::model::profile::{Own, Profile, Projection, Reader};
use crate::model::vocabulary::Code;

/// The longest body of a profile, in bytes: a profile with every field full has less.
const BODY_BYTES_MAX: usize = 128 << 10;

/// The body of a profile for a reader: exactly the bytes that are hashed, signed and sent.
pub fn encode_profile(own: &Own, reader: Reader) -> Vec<u8> {
    encode_projection(&own.projection(reader))
}

/// The body of a projection. There is no other way to encode a profile, so that no field leaves that its reader may not know.
pub(super) fn encode_projection(projection: &Projection) -> Vec<u8> {
    to_wire(projection.profile().clone()).encode_to_vec()
}

/// Reads the body of a profile. Codes that are in no list are kept.
///
/// # Errors
/// When the bytes are not a profile within its bounds, or not as [`encode_profile`] writes it.
pub fn decode_profile(body: &[u8]) -> Result<Profile, Malformed> {
    if body.len() > BODY_BYTES_MAX {
        return Err(Malformed("a profile is longer than any may be"));
    }
    let wire = wire::Profile::decode(body).map_err(|_| Malformed("the body is not a record of its kind"))?;
    from_wire(wire)
}

fn to_wire(profile: Profile) -> wire::Profile {
    let hours = profile.hours.map(|hours| wire::profile::Hours {
        time_zone: hours.zone_name().to_owned(),
        weekly: hours.weekly(),
        holidays: hours.holidays(),
    });
    let language = |(tag, level): (LanguageTag, Option<Code>)| wire::profile::Language { tag: tag.into(), level: text(level) };
    let response = |(priority, minutes): (Code, u32)| wire::profile::Response { priority: priority.into(), minutes };
    wire::Profile {
        vocabulary: profile.vocabulary,
        confirmed: profile.confirmed.0,
        display_name: profile.display_name.unwrap_or_default(),
        pseudonym: profile.pseudonym.unwrap_or_default(),
        services: texts(profile.services),
        incident_types: texts(profile.incident_types),
        excluded_types: texts(profile.excluded_types),
        beneficiaries: texts(profile.beneficiaries),
        causes: texts(profile.causes),
        regions: texts(profile.regions),
        countries_excluded: texts(profile.countries_excluded),
        languages: profile.languages.into_iter().map(language).collect(),
        hours,
        intake: text(profile.intake),
        capacity: text(profile.capacity),
        responses: profile.responses.into_iter().map(response).collect(),
        secure_channels: texts(profile.secure_channels),
        initial_intake: profile.initial_intake,
        forensic_level: text(profile.forensic_level),
        platform_channels: texts(profile.platform_channels),
        fees: profile.fees.unwrap_or_default(),
        agreements: texts(profile.agreements),
    }
}

fn text(code: Option<Code>) -> String {
    code.map(String::from).unwrap_or_default()
}

fn texts<T: Into<String>>(values: BTreeSet<T>) -> Vec<String> {
    values.into_iter().map(Into::into).collect()
}

fn from_wire(wire: wire::Profile) -> Result<Profile, Malformed> {
    let line = |text: String| (!text.is_empty()).then_some(text);
    let profile = Profile {
        vocabulary: wire.vocabulary,
        confirmed: Timestamp(wire.confirmed),
        display_name: line(wire.display_name),
        pseudonym: line(wire.pseudonym),
        services: values(&wire.services)?,
        incident_types: values(&wire.incident_types)?,
        excluded_types: values(&wire.excluded_types)?,
        beneficiaries: values(&wire.beneficiaries)?,
        causes: values(&wire.causes)?,
        regions: values(&wire.regions)?,
        countries_excluded: values(&wire.countries_excluded)?,
        languages: languages(&wire.languages)?,
        hours: wire.hours.as_ref().map(hours).transpose()?,
        intake: value(&wire.intake)?,
        capacity: value(&wire.capacity)?,
        responses: responses(&wire.responses)?,
        secure_channels: values(&wire.secure_channels)?,
        initial_intake: wire.initial_intake,
        forensic_level: value(&wire.forensic_level)?,
        platform_channels: values(&wire.platform_channels)?,
        fees: line(wire.fees),
        agreements: values(&wire.agreements)?,
    };
    profile.check().map_err(|_| Malformed("a field of the profile is out of bounds"))?;
    Ok(profile)
}

fn one<T: FromStr>(text: &str) -> Result<T, Malformed> {
    text.parse().map_err(|_| Malformed("a value of the profile does not fit its field"))
}

fn value(text: &str) -> Result<Option<Code>, Malformed> {
    (!text.is_empty()).then(|| one(text)).transpose()
}

fn values<T: FromStr + Ord>(texts: &[String]) -> Result<BTreeSet<T>, Malformed> {
    let values = texts.iter().map(|text| one(text)).collect::<Result<Vec<T>, _>>()?;
    ascending(&values)?;
    Ok(values.into_iter().collect())
}

fn languages(languages: &[wire::profile::Language]) -> Result<BTreeMap<LanguageTag, Option<Code>>, Malformed> {
    let read = |language: &wire::profile::Language| Ok((one::<LanguageTag>(&language.tag)?, value(&language.level)?));
    let read = languages.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    ascending(&read.iter().map(|(tag, _)| tag).collect::<Vec<_>>())?;
    Ok(read.into_iter().collect())
}

fn responses(responses: &[wire::profile::Response]) -> Result<BTreeMap<Code, u32>, Malformed> {
    let read = |response: &wire::profile::Response| Ok((one::<Code>(&response.priority)?, response.minutes));
    let read = responses.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    ascending(&read.iter().map(|(priority, _)| priority).collect::<Vec<_>>())?;
    Ok(read.into_iter().collect())
}

fn ascending<T: Ord>(values: &[T]) -> Result<(), Malformed> {
    let sound = values.is_sorted_by(|one, other| one < other);
    sound.then_some(()).ok_or(Malformed("the values of a field ascend without repeats"))
}

fn hours(hours: &wire::profile::Hours) -> Result<Hours, Malformed> {
    Hours::new(&hours.time_zone, &hours.weekly, &hours.holidays).map_err(|_| Malformed("the hours of the profile are none"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::{Campaign, Dice};
    use crate::model::GroupId;
    use crate::model::log::Audience;
    use crate::model::profile::{Audiences, COUNTRIES_MAX, FEES_MAX, Field, NAME_MAX, Reach, VALUES_MAX, tests::full};

    const MEMBERS: Reader = Reader::Holders { audience: Audience::Group(GroupId([3; 32])), member: true };

    /// A profile that all members may know in full.
    fn open(profile: Profile) -> Own {
        Own { profile, audiences: Audiences(Field::ALL.map(|field| (field, Reach::Members)).into()) }
    }

    #[test]
    fn a_profile_is_read_as_it_was_written_for_its_reader() {
        let own = open(full());
        assert_eq!(decode_profile(&encode_profile(&own, MEMBERS)), Ok(own.profile.clone()));
        let usual = Own { profile: full(), audiences: Audiences::default() };
        let body = encode_profile(&usual, Reader::Anyone);
        let read = decode_profile(&body).unwrap();
        assert_eq!(read, usual.project(Reader::Anyone));
        let has = |text: &str| body.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(has("A desk in the Levant") && !has("Cedar") && !has("facebook") && !has("Asia/Beirut"), "not in the bytes either");
    }

    #[test]
    fn codes_that_are_in_no_list_are_kept() {
        let read = decode_profile(&encode_profile(&open(full()), MEMBERS)).unwrap();
        assert!(read.incident_types.iter().any(|kind| kind.as_str() == "not_in_our_list"));
    }

    #[test]
    fn what_is_out_of_bounds_or_order_is_refused() {
        let refused = |change: &dyn Fn(&mut wire::Profile)| {
            let mut wire = to_wire(full());
            change(&mut wire);
            decode_profile(&wire.encode_to_vec()).is_err()
        };
        assert!(!refused(&|_| ()));
        assert!(refused(&|wire| wire.services.push("A Name".into())));
        assert!(refused(&|wire| wire.services.reverse()));
        assert!(refused(&|wire| wire.services.extend_from_within(..)));
        assert!(refused(&|wire| wire.causes = (0..=VALUES_MAX).map(|at| format!("cause_{at:03}")).collect()));
        assert!(refused(&|wire| wire.countries_excluded = vec!["syria".into()]));
        assert!(refused(&|wire| wire.languages[0].tag = "the tongue".into()));
        assert!(refused(&|wire| wire.languages.push(wire.languages[0].clone())));
        assert!(refused(&|wire| wire.responses[0].minutes = 0));
        assert!(refused(&|wire| wire.fees = "a".repeat(FEES_MAX + 1)));
        assert!(refused(&|wire| wire.display_name = "two\nlines".into()));
        assert!(refused(&|wire| wire.hours.as_mut().unwrap().weekly = vec!["mon 09:00-17:00".into(); 51]));
        assert!(refused(&|wire| wire.vocabulary = String::new()));
        assert!(decode_profile(&vec![0; BODY_BYTES_MAX + 1]).is_err());
    }

    #[test]
    fn the_fullest_profile_is_within_the_bound_of_its_body() {
        let codes = || (0..VALUES_MAX).map(|at| format!("{at:064}").parse::<Code>().unwrap()).collect::<BTreeSet<_>>();
        let letters = || (b'A'..=b'Z').map(char::from);
        let countries = letters().flat_map(|one| letters().map(move |two| format!("{one}{two}").parse().unwrap()));
        let holidays: Vec<String> = (0..400).map(|at| format!("{}-{:02}-{:02}", 2026 + at / 336, at / 28 % 12 + 1, at % 28 + 1)).collect();
        let weekly: Vec<String> =
            (0..50).map(|at| format!("mon-sun {:02}:{:02}-{:02}:{:02}", at / 3, at % 3 * 20, at / 3, at % 3 * 20 + 9)).collect();
        let code = || Some("a".repeat(64).parse::<Code>().unwrap());
        let profile = Profile {
            vocabulary: "1".repeat(4_000),
            display_name: Some("\u{1f525}".repeat(NAME_MAX)),
            pseudonym: Some("\u{1f525}".repeat(NAME_MAX)),
            fees: Some("\u{1f525}".repeat(FEES_MAX)),
            services: codes(),
            incident_types: codes(),
            excluded_types: (0..VALUES_MAX).map(|at| format!("x{at:063}").parse().unwrap()).collect(),
            beneficiaries: codes(),
            causes: codes(),
            regions: codes(),
            secure_channels: codes(),
            platform_channels: codes(),
            agreements: codes(),
            countries_excluded: countries.take(COUNTRIES_MAX).collect(),
            languages: (0..VALUES_MAX)
                .map(|at| (format!("aa-{}-{at:08}", "abcdefgh-".repeat(2) + "abcd").parse().unwrap(), code()))
                .collect(),
            hours: Some(Hours::new("America/Argentina/ComodRivadavia", &weekly, &holidays).unwrap()),
            responses: (0..10).map(|at| (format!("{at:064}").parse().unwrap(), 129_600)).collect(),
            intake: code(),
            capacity: code(),
            forensic_level: code(),
            ..full()
        };
        assert_eq!(profile.check(), Ok(()));
        let body = encode_profile(&open(profile.clone()), MEMBERS);
        assert_eq!(decode_profile(&body), Ok(profile));
        assert!(body.len() > BODY_BYTES_MAX / 2, "{}", body.len());
    }

    /// Bytes that were changed at random are read as a profile within its bounds, or not at all; what is read is written and read again the same.
    #[test]
    fn damaged_bodies_never_make_a_profile_out_of_bounds() {
        let whole = encode_profile(&open(full()), MEMBERS);
        let mut campaign = Campaign::new("damaged profiles", "bodies", 20_000);
        while let Some(seed) = campaign.next() {
            let mut dice = Dice::new(seed);
            let mut body = whole.clone();
            for _ in 0..dice.between(1, 4) {
                let at = dice.below(body.len() as u64) as usize;
                body[at] = dice.throw() as u8;
            }
            if let Ok(profile) = decode_profile(&body) {
                assert_eq!(profile.check(), Ok(()), "seed {seed}");
                assert_eq!(decode_profile(&encode_profile(&open(profile.clone()), MEMBERS)), Ok(profile), "seed {seed}");
            }
            campaign.reached(1);
        }
    }
}
