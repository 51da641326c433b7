//! What an alert comes to: whether it holds, and which cases it concerns. The match is made at each node for itself, and nothing of it leaves.

use crate::model::alert::{Alert, VALID_MS_MAX};
use crate::model::log::Audience;
use crate::model::vocabulary::{Code, Vocabularies};
use crate::model::{AlertId, OrgId, Timestamp};
use crate::rules::call::Said;
use std::collections::BTreeMap;

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It holds.
    Valid,
    /// Its time has passed.
    Expired,
    /// Its author has taken it back.
    Withdrawn,
}

impl State {
    /// As people and programs read it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// Where an alert stands that came then. Whatever its author says, it holds for 90 days at the most.
pub fn state(alert: &Alert, at: Timestamp, withdrawn: bool, now: Timestamp) -> State {
    match () {
        () if withdrawn => State::Withdrawn,
        () if now < alert.valid_until.min(at.plus(VALID_MS_MAX)) => State::Valid,
        () => State::Expired,
    }
}

/// Of each author and id the first, and withdrawn once any is taken back: the order in which they came decides nothing. Of one author as many hold at a time
/// as there is room for; what is more is not heard until another does not any more. `(state, audience, said)`.
pub fn alerts(
    mut said: Vec<(Audience, Said<Alert>)>,
    room: impl Fn(&OrgId) -> usize,
    now: Timestamp,
) -> Vec<(State, Audience, Said<Alert>)> {
    said.sort_by_key(|(audience, one)| (one.author, one.place, one.at, *audience));
    let mut known: BTreeMap<(OrgId, AlertId), usize> = BTreeMap::new();
    let mut all: Vec<(State, Audience, Said<Alert>)> = Vec::new();
    for (audience, one) in said {
        match known.get(&(one.author, one.what.id)).and_then(|place| all.get_mut(*place)) {
            Some((state, ..)) if one.gone.is_some() => *state = State::Withdrawn,
            Some(_) => {}
            None => {
                known.insert((one.author, one.what.id), all.len());
                all.push((state(&one.what, one.at, one.gone.is_some(), now), audience, one));
            }
        }
    }
    let mut valid: BTreeMap<OrgId, usize> = BTreeMap::new();
    all.retain(|(state, _, one)| {
        let many = valid.entry(one.author).or_default();
        *many += usize::from(*state == State::Valid);
        *state != State::Valid || *many <= room(&one.author)
    });
    all
}

/// What is looked at of a case.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// What happened.
    pub incident_types: &'a [Code],
    /// Where, where that is known.
    pub region: Option<&'a Code>,
    /// Where exactly, where that is known.
    pub country: Option<&'a str>,
}

/// Whether an alert concerns a case: by what happened, and by where. A case whose country nobody has told is concerned by an alert for a country of its region.
pub fn concerns(alert: &Alert, case: &About<'_>, lists: &Vocabularies) -> bool {
    if !alert.incident_types.iter().any(|code| case.incident_types.contains(code)) {
        return false;
    }
    if alert.countries.is_empty() && alert.regions.is_empty() {
        return true;
    }
    let region = case.country.and_then(|country| lists.region_of(country)).or(case.region);
    let in_region = region.is_some_and(|region| alert.regions.contains(region));
    let in_country = match case.country {
        Some(country) => alert.countries.iter().any(|one| one.as_str() == country),
        None => region.is_some() && alert.countries.iter().any(|one| lists.region_of(one.as_str()) == region),
    };
    in_region || in_country
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::GroupId;
    use crate::model::alert::tests::alert;
    use crate::model::vocabulary::{Entry, Vocabulary};

    const HERE: Audience = Audience::Group(GroupId([9; 32]));

    fn lists() -> Vocabularies {
        let entry = |code: &str, countries: &[&str]| Entry {
            code: code.parse().unwrap(),
            title: code.into(),
            rsit: Vec::new(),
            countries: countries.iter().map(|one| (*one).to_owned()).collect(),
        };
        let entries = vec![entry("africa", &["TN", "KE"]), entry("levant", &["LB", "SY"])];
        Vocabularies::new(vec![Vocabulary { name: "region".into(), version: "1".into(), entries }], Vec::new())
    }

    /// Each line: countries and regions of the alert, country and region of the case, whether it is concerned.
    #[test]
    fn an_alert_concerns_cases_of_its_kind_in_its_places() {
        type Line<'a> = (&'a [&'a str], &'a [&'a str], Option<&'a str>, Option<&'a str>, bool);
        let table: [Line<'_>; 12] = [
            (&[], &[], None, None, true),
            (&[], &[], Some("LB"), Some("levant"), true),
            (&["LB"], &[], Some("LB"), Some("levant"), true),
            (&["LB"], &[], Some("SY"), Some("levant"), false),
            (&["LB"], &[], None, Some("levant"), true),
            (&["LB"], &[], None, Some("africa"), false),
            (&["LB"], &[], None, None, false),
            (&[], &["levant"], Some("SY"), None, true),
            (&[], &["levant"], None, Some("levant"), true),
            (&[], &["levant"], Some("TN"), Some("levant"), false),
            (&["TN"], &["levant"], Some("SY"), None, true),
            (&["TN"], &["levant"], Some("KE"), None, false),
        ];
        let (malware, other): (Vec<Code>, Vec<Code>) = (vec!["malware".parse().unwrap()], vec!["doxxing".parse().unwrap()]);
        for (countries, regions, country, region, expected) in table {
            let region: Option<Code> = region.map(|code| code.parse().unwrap());
            let alert = alert(&["account_compromise", "malware"], countries, regions);
            let about = About { incident_types: &malware, region: region.as_ref(), country };
            assert_eq!(concerns(&alert, &about, &lists()), expected, "{countries:?} {regions:?} {country:?} {region:?}");
            assert!(!concerns(&alert, &About { incident_types: &other, ..about }, &lists()), "of another kind");
        }
    }

    #[test]
    fn an_alert_holds_until_its_time_has_passed_or_it_is_taken_back_whatever_came_first() {
        let one = |author: u8, seq: u64, gone: Option<&str>| Said {
            author: OrgId([author; 32]),
            place: (1, seq),
            at: Timestamp(1_799_000_000_000),
            gone: gone.map(str::to_owned),
            what: alert(&["malware"], &[], &[]),
        };
        let said = vec![one(1, 1, None), one(1, 4, Some("")), one(2, 1, None)];
        let states = |said: Vec<Said<Alert>>, now| {
            let said = said.into_iter().map(|one| (HERE, one)).collect();
            alerts(said, |_| 20, now).into_iter().map(|(state, ..)| state).collect::<Vec<_>>()
        };
        let now = Timestamp(1_799_500_000_000);
        for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0], [0, 2, 1]] {
            let said = order.iter().map(|place| said[*place].clone()).collect();
            assert_eq!(states(said, now), [State::Withdrawn, State::Valid], "{order:?}");
        }
        assert_eq!(states(said, Timestamp(1_800_000_000_000)), [State::Withdrawn, State::Expired]);
        let mut endless = one(1, 1, None);
        endless.what.valid_until = Timestamp(u64::MAX);
        assert_eq!(states(vec![endless], Timestamp(1_799_000_000_000).plus(VALID_MS_MAX)), [State::Expired]);
    }

    #[test]
    fn so_many_of_one_author_hold_and_the_audience_is_that_of_the_one_that_counts() {
        let one = |author: u8, seq: u64, id: u8, gone: Option<&str>| {
            let what = Alert { id: AlertId([id; 16]), ..alert(&["malware"], &[], &[]) };
            let at = Timestamp(1_799_000_000_000);
            Said { author: OrgId([author; 32]), place: (1, seq), at, gone: gone.map(str::to_owned), what }
        };
        let direct = Audience::Direct(OrgId([7; 32]));
        let said = vec![
            (direct, one(1, 9, 1, None)),
            (HERE, one(1, 1, 1, None)),
            (HERE, one(1, 2, 2, Some(""))),
            (HERE, one(1, 3, 3, None)),
            (HERE, one(1, 4, 4, None)),
            (HERE, one(2, 1, 1, None)),
        ];
        let found = alerts(said, |author| if author.0[0] == 1 { 2 } else { 1 }, Timestamp(1_799_500_000_000));
        let found: Vec<(u8, u8, bool)> = found.iter().map(|(_, to, one)| (one.author.0[0], one.what.id.0[0], *to == HERE)).collect();
        assert_eq!(found, [(1, 1, true), (1, 2, true), (1, 3, true), (2, 1, true)], "the fourth is one too many");
    }
}
