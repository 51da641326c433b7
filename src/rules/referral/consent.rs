//! Under which consent something about a case may leave: to whom, how far, and for how long.

use crate::model::group::Definition;
use crate::model::log::LogKey;
use crate::model::referral::{Consent, Words};
use crate::model::{OrgId, Timestamp};
use crate::rules::label::Withheld;

/// What allows something to leave that needs more than its label: something about a case, or a sighting.
#[derive(Debug, Clone, Copy)]
pub enum Permission<'a> {
    /// The case is ours: what the person agreed to.
    Case {
        /// How far.
        consent: &'a Consent,
        /// Whom it may be given.
        recipients: &'a [OrgId],
        /// Where it came to us by a referral: the consent that it came under, which must allow to pass it on.
        parent: Option<&'a Consent>,
    },
    /// It goes back to whom the case came from.
    Back,
    /// The person agreed that these may learn that we have the case, until then.
    Match {
        /// Who may.
        with: &'a [OrgId],
        /// Until when.
        until: Timestamp,
    },
    /// What was met stands in this log.
    Sighting {
        /// The log.
        log: &'a LogKey,
        /// Its group as it is defined now, where it is a group's.
        group: Option<&'a Definition>,
    },
}

/// Whether these words may go to an organisation.
///
/// # Errors
/// What the consent does not allow.
pub fn permits(permission: Option<&Permission<'_>>, words: &Words, to: &OrgId, now: Timestamp) -> Result<(), Withheld> {
    if !words.has_content() {
        return Ok(());
    }
    let (consent, recipients, parent) = match permission {
        None | Some(Permission::Match { .. } | Permission::Sighting { .. }) => return Err(Withheld::NoConsent),
        Some(Permission::Back) => return Ok(()),
        Some(Permission::Case { consent, recipients, parent }) => (consent, recipients, parent),
    };
    let is_over = |consent: &Consent| consent.expires.is_some_and(|expires| expires <= now);
    if is_over(consent) || parent.is_some_and(is_over) {
        return Err(Withheld::ConsentExpired);
    }
    if !recipients.contains(to) {
        return Err(Withheld::NotConsented);
    }
    if consent.indicators_only || parent.is_some_and(|parent| parent.indicators_only) {
        return Err(Withheld::IndicatorsOnly);
    }
    if parent.is_some_and(|parent| !parent.onward) {
        return Err(Withheld::NotOnward);
    }
    match words {
        Words::Offer(offer) if !is_within(&offer.consent, consent) => Err(Withheld::WiderConsent),
        Words::Offer(offer) if parent.is_some_and(|parent| !is_within(&offer.consent, parent)) => Err(Withheld::WiderConsent),
        _ => Ok(()),
    }
}

/// Whether the time of something that was let out has passed before it left: the consent's, or the offer's own. It was decided when it passed the gate, and is
/// decided anew when it is sent.
pub fn is_too_late(permission: Option<&Permission<'_>>, words: &Words, to: &OrgId, now: Timestamp) -> bool {
    let over = matches!(words, Words::Offer(offer) if offer.expires.is_some_and(|expires| expires <= now));
    over || permits(permission, words, to, now) == Err(Withheld::ConsentExpired)
}

/// Whether a platform may be told of the case.
///
/// # Errors
/// What the consent does not allow.
pub fn permits_platforms(consent: &Consent, now: Timestamp) -> Result<(), Withheld> {
    match consent {
        consent if consent.expires.is_some_and(|expires| expires <= now) => Err(Withheld::ConsentExpired),
        consent if consent.indicators_only => Err(Withheld::IndicatorsOnly),
        consent if !consent.platforms => Err(Withheld::NoPlatforms),
        _ => Ok(()),
    }
}

/// Whether an organisation may be told that we have the case that its check asked about.
///
/// # Errors
/// What the consent does not allow.
pub fn permits_match(permission: Option<&Permission<'_>>, to: &OrgId, now: Timestamp) -> Result<(), Withheld> {
    match permission {
        Some(Permission::Match { until, .. }) if *until <= now => Err(Withheld::ConsentExpired),
        Some(Permission::Match { with, .. }) if !with.contains(to) => Err(Withheld::NotConsented),
        Some(Permission::Match { .. }) => Ok(()),
        _ => Err(Withheld::NoConsent),
    }
}

/// Whether one consent allows nothing that another does not.
fn is_within(inner: &Consent, outer: &Consent) -> bool {
    let expires = match (inner.expires, outer.expires) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(inner), Some(outer)) => inner <= outer,
    };
    let only = inner.indicators_only || !outer.indicators_only;
    let flags = [(inner.onward, outer.onward), (inner.platforms, outer.platforms), (inner.statistics, outer.statistics)];
    expires && only && flags.into_iter().all(|(inner, outer)| !inner || outer)
}

/// The most that both consents allow: for a case that is passed on.
pub fn narrowed(inner: &Consent, outer: &Consent) -> Consent {
    let expires = inner.expires.into_iter().chain(outer.expires).min();
    Consent {
        onward: inner.onward && outer.onward,
        platforms: inner.platforms && outer.platforms,
        statistics: inner.statistics && outer.statistics,
        indicators_only: inner.indicators_only || outer.indicators_only,
        expires,
        ..inner.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: OrgId = OrgId([1; 32]);
    const OTHER: OrgId = OrgId([2; 32]);

    fn consent(onward: bool, expires: Option<u64>) -> Consent {
        Consent {
            basis: "explicit".parse().expect("a code"),
            onward,
            platforms: true,
            indicators_only: false,
            statistics: false,
            obtained: Timestamp(1),
            obtained_by: "handler".parse().expect("a code"),
            expires: expires.map(Timestamp),
            revocation_channel: None,
        }
    }

    fn ask(permission: Option<Permission<'_>>, to: &OrgId) -> Result<(), Withheld> {
        permits(permission.as_ref(), &Words::Answer { question: 1, text: "yes".into() }, to, Timestamp(10))
    }

    #[test]
    fn nothing_with_content_leaves_without_a_consent_that_names_the_recipient() {
        assert_eq!(ask(None, &US), Err(Withheld::NoConsent));
        let agreed = consent(false, None);
        let case = |recipients| Some(Permission::Case { consent: &agreed, recipients, parent: None });
        assert_eq!(ask(case(&[US]), &US), Ok(()));
        assert_eq!(ask(case(&[US]), &OTHER), Err(Withheld::NotConsented));
        assert_eq!(ask(Some(Permission::Back), &OTHER), Ok(()));
        assert_eq!(
            permits(None, &Words::Withdraw { revoked: true, reason: None }, &OTHER, Timestamp(10)),
            Ok(()),
            "it says nothing of the case"
        );
    }

    #[test]
    fn a_platform_is_told_under_a_consent_that_says_so_and_lives() {
        let now = Timestamp(10);
        assert_eq!(permits_platforms(&consent(false, None), now), Ok(()));
        assert_eq!(permits_platforms(&consent(false, Some(10)), now), Err(Withheld::ConsentExpired));
        assert_eq!(permits_platforms(&Consent { platforms: false, ..consent(true, None) }, now), Err(Withheld::NoPlatforms));
        assert_eq!(permits_platforms(&Consent { indicators_only: true, ..consent(true, None) }, now), Err(Withheld::IndicatorsOnly));
    }

    #[test]
    fn a_consent_that_has_ended_or_is_for_indicators_alone_lets_nothing_out() {
        for (expires, expected) in [(None, Ok(())), (Some(11), Ok(())), (Some(10), Err(Withheld::ConsentExpired))] {
            let agreed = consent(false, expires);
            assert_eq!(ask(Some(Permission::Case { consent: &agreed, recipients: &[US], parent: None }), &US), expected);
        }
        let only = Consent { indicators_only: true, ..consent(true, None) };
        assert_eq!(ask(Some(Permission::Case { consent: &only, recipients: &[US], parent: None }), &US), Err(Withheld::IndicatorsOnly));
    }

    #[test]
    fn a_case_is_passed_on_only_where_it_came_with_a_consent_for_that() {
        let agreed = consent(true, None);
        for (parent, expected) in [
            (consent(true, None), Ok(())),
            (consent(false, None), Err(Withheld::NotOnward)),
            (consent(true, Some(3)), Err(Withheld::ConsentExpired)),
        ] {
            let permission = Permission::Case { consent: &agreed, recipients: &[US], parent: Some(&parent) };
            assert_eq!(ask(Some(permission), &US), expected);
        }
    }

    #[test]
    fn no_consent_is_widened() {
        let (wide, narrow) = (consent(true, None), Consent { platforms: false, ..consent(false, Some(20)) });
        assert!(is_within(&narrow, &wide) && !is_within(&wide, &narrow) && is_within(&wide, &wide));
        for (one, other) in [(&wide, &narrow), (&narrow, &wide)] {
            let both = narrowed(one, other);
            assert!(is_within(&both, &wide) && is_within(&both, &narrow));
        }
    }
    #[test]
    fn that_we_have_a_case_is_told_under_a_consent_for_that_and_no_other() {
        let ask = |permission: Option<Permission<'_>>, to| permits_match(permission.as_ref(), to, Timestamp(10));
        let matched = |with, until| Some(Permission::Match { with, until: Timestamp(until) });
        assert_eq!(ask(matched(&[US], 11), &US), Ok(()));
        assert_eq!(ask(matched(&[US], 10), &US), Err(Withheld::ConsentExpired));
        assert_eq!(ask(matched(&[US], 11), &OTHER), Err(Withheld::NotConsented));
        let agreed = consent(true, None);
        for other in [None, Some(Permission::Back), Some(Permission::Case { consent: &agreed, recipients: &[US], parent: None })] {
            assert_eq!(ask(other, &US), Err(Withheld::NoConsent));
        }
        // Nor does it let anything else out.
        let words = Words::Answer { question: 1, text: "yes".into() };
        assert_eq!(permits(matched(&[US], 11).as_ref(), &words, &US, Timestamp(10)), Err(Withheld::NoConsent));
    }
}
