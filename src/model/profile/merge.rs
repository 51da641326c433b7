//! One organisation's profile from what it said to several audiences.

use super::Profile;

/// What one organisation says of itself, from what it said to each audience that we are in: of each field the newest word on it. A field that it stopped
/// stating is in none of them, since it says so to everybody who knew it. `None` where it said nothing to any of them.
pub fn merged(said: impl IntoIterator<Item = Profile>) -> Option<Profile> {
    let mut said: Vec<Profile> = said.into_iter().collect();
    said.sort_by_key(|profile| std::cmp::Reverse(profile.confirmed));
    let mut said = said.into_iter();
    let mut newest = said.next()?;
    for older in said {
        fill(&mut newest, older);
    }
    let Profile { incident_types, excluded_types, .. } = &mut newest;
    incident_types.retain(|kind| !excluded_types.contains(kind));
    Some(newest)
}

/// States what is not stated yet. Taken apart by name, so that a new field does not compile until it is merged here.
fn fill(newest: &mut Profile, older: Profile) {
    let Profile {
        vocabulary: _,
        confirmed: _,
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
    } = older;
    state(&mut newest.display_name, display_name);
    state(&mut newest.pseudonym, pseudonym);
    state(&mut newest.services, services);
    state(&mut newest.incident_types, incident_types);
    state(&mut newest.excluded_types, excluded_types);
    state(&mut newest.beneficiaries, beneficiaries);
    state(&mut newest.causes, causes);
    state(&mut newest.regions, regions);
    state(&mut newest.countries_excluded, countries_excluded);
    state(&mut newest.languages, languages);
    state(&mut newest.hours, hours);
    state(&mut newest.intake, intake);
    state(&mut newest.capacity, capacity);
    state(&mut newest.responses, responses);
    state(&mut newest.secure_channels, secure_channels);
    state(&mut newest.initial_intake, initial_intake);
    state(&mut newest.forensic_level, forensic_level);
    state(&mut newest.platform_channels, platform_channels);
    state(&mut newest.fees, fees);
    state(&mut newest.agreements, agreements);
}

fn state<T: Default + PartialEq>(field: &mut T, older: T) {
    if *field == T::default() {
        *field = older;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::full;
    use super::*;
    use crate::model::Timestamp;

    #[test]
    fn the_newest_word_on_each_field_counts_whatever_its_audience() {
        let newer = Profile { confirmed: Timestamp(2), intake: Some("not_accepting".parse().unwrap()), ..Profile::default() };
        let older = Profile { confirmed: Timestamp(1), ..full() };
        let expected = Profile { intake: newer.intake.clone(), confirmed: Timestamp(2), vocabulary: String::new(), ..full() };
        assert_eq!(merged([older.clone(), newer.clone()]), Some(expected.clone()));
        assert_eq!(merged([newer, older]), Some(expected), "in whatever order they came");
        assert_eq!(merged([]), None);
    }

    #[test]
    fn what_is_excluded_to_one_audience_is_not_taken_from_another() {
        let newer = Profile { confirmed: Timestamp(2), excluded_types: ["malware".parse().unwrap()].into(), ..full() };
        let newer = Profile { incident_types: Default::default(), ..newer };
        let merged = merged([Profile { confirmed: Timestamp(1), ..full() }, newer]).unwrap();
        assert_eq!(merged.check(), Ok(()));
        assert!(!merged.incident_types.iter().any(|kind| kind.as_str() == "malware") && merged.incident_types.len() == 2);
    }
}
