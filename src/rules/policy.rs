//! What an organisation has agreed with each of its peers, and how far each group may go: the operator's policy, besides what labels say themselves.

use crate::model::log::Audience;
use crate::model::{Ceiling, Class, GroupId, Label, OrgId, Pap, Timestamp, Tlp};
use std::collections::BTreeMap;

/// What a peer may hold without an agreement of its own: whoever was paired is a member, and RESTRICTED asks for more than that.
pub const WITHOUT_AGREEMENT: Ceiling = Ceiling { tlp: Tlp::Red, class: Class::Confidential, pap: Pap::Red };
/// What a peer may hold whose agreement has ended: what anybody may.
pub const ENDED: Ceiling = Ceiling { tlp: Tlp::Clear, class: Class::Public, pap: Pap::Red };
/// How far a group may go that the policy does not name.
pub const UNNAMED_GROUP: Ceiling = WITHOUT_AGREEMENT;

/// An agreement with one organisation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Agreement {
    /// What it may hold.
    pub ceiling: Ceiling,
    /// The reference of what was signed, as people find it again.
    pub nda: Option<String>,
    /// From then on it may hold only what is public.
    pub until: Option<Timestamp>,
}

/// What the rules ask besides labels.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Policy {
    /// For peers without an agreement.
    pub without: Ceiling,
    /// Agreements.
    pub peers: BTreeMap<OrgId, Agreement>,
    /// Groups' ceilings.
    pub groups: BTreeMap<GroupId, Ceiling>,
}

impl Default for Policy {
    fn default() -> Self {
        Self { without: WITHOUT_AGREEMENT, peers: BTreeMap::new(), groups: BTreeMap::new() }
    }
}

/// What an organisation may hold at some time of some logs, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// What it may hold.
    pub ceiling: Ceiling,
    /// How far the group may go whose log it is; in a direct log nothing is asked.
    pub group: Ceiling,
    /// Whether that is so little because its agreement has ended.
    pub ended: bool,
}

impl Allowance {
    /// No bound but the labels' own.
    pub const OPEN: Self = Self { ceiling: Ceiling::NONE, group: Ceiling::NONE, ended: false };

    /// Whether a record with that label may be held.
    pub fn admits(&self, label: Label) -> bool {
        self.ceiling.admits(label)
    }
}

impl Policy {
    /// What an organisation may hold of the logs to an audience.
    pub fn allowance_in(&self, audience: &Audience, org: &OrgId, now: Timestamp) -> Allowance {
        let group = match audience {
            Audience::Group(group) => self.ceiling(group),
            Audience::Direct(_) => Ceiling::NONE,
        };
        Allowance { group, ..self.allowance(org, now) }
    }

    /// What an organisation may hold.
    pub fn allowance(&self, org: &OrgId, now: Timestamp) -> Allowance {
        let group = Ceiling::NONE;
        match self.peers.get(org) {
            Some(agreement) if agreement.until.is_some_and(|until| until <= now) => {
                Allowance { ceiling: Ceiling { pap: agreement.ceiling.pap.min(ENDED.pap), ..ENDED }, group, ended: true }
            }
            Some(agreement) => Allowance { ceiling: agreement.ceiling, group, ended: false },
            None => Allowance { ceiling: self.without, group, ended: false },
        }
    }

    /// Whether another policy lets anybody have more, from now on or later.
    pub fn is_wider(&self, other: &Self, now: Timestamp) -> bool {
        let more = |one: Ceiling, other: Ceiling| other.tlp > one.tlp || other.class > one.class || other.pap > one.pap;
        let until = |policy: &Self, org| policy.peers.get(org).and_then(|agreement| agreement.until).map_or(u64::MAX, |until| until.0);
        let peers = self.peers.keys().chain(other.peers.keys());
        let groups = self.groups.keys().chain(other.groups.keys());
        more(self.without, other.without)
            || peers.into_iter().any(|org| {
                let (one, after) = (self.allowance(org, now), other.allowance(org, now));
                more(one.ceiling, after.ceiling) || !after.ended && until(other, org) > until(self, org) && more(ENDED, after.ceiling)
            })
            || groups.into_iter().any(|group| more(self.ceiling(group), other.ceiling(group)))
    }

    /// How far a group may go.
    pub fn ceiling(&self, group: &GroupId) -> Ceiling {
        self.groups.get(group).copied().unwrap_or(UNNAMED_GROUP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_wider_where_any_bound_is() {
        let (org, group) = (OrgId([7; 32]), GroupId([1; 32]));
        let amber = Ceiling { tlp: Tlp::Amber, ..WITHOUT_AGREEMENT };
        let with = |ceiling, until| Policy { peers: [(org, Agreement { ceiling, nda: None, until })].into(), ..Policy::default() };
        let wider = |one: &Policy, other: &Policy| one.is_wider(other, Timestamp(50));
        let plain = Policy::default();
        assert!(!wider(&plain, &plain) && !wider(&plain, &with(amber, None)) && wider(&with(amber, None), &plain));
        assert!(wider(&plain, &with(Ceiling::NONE, None)), "RESTRICTED, be there such a record or not");
        let (short, long) = (with(amber, Some(Timestamp(60))), with(amber, Some(Timestamp(90))));
        assert!(wider(&short, &long) && !wider(&long, &short) && wider(&long, &with(amber, None)));
        assert!(!wider(&with(amber, Some(Timestamp(10))), &with(amber, Some(Timestamp(40)))), "both have ended");
        assert!(wider(&Policy { groups: [(group, amber)].into(), ..Policy::default() }, &plain));
        assert!(wider(&Policy { without: amber, ..Policy::default() }, &plain));
    }

    #[test]
    fn an_agreement_that_has_ended_leaves_what_is_public() {
        let org = OrgId([7; 32]);
        let agreement = Agreement { ceiling: Ceiling::NONE, nda: Some("NDA-7".into()), until: Some(Timestamp(100)) };
        let policy = Policy { peers: [(org, agreement)].into(), ..Policy::default() };
        let restricted = Label::new(Tlp::Red, Class::Restricted, Pap::Clear);
        assert!(policy.allowance(&org, Timestamp(99)).admits(restricted));
        let ended = policy.allowance(&org, Timestamp(100));
        assert!(ended.ended && !ended.admits(Tlp::Green.into()) && ended.admits(Tlp::Clear.into()));
        let other = policy.allowance(&OrgId([8; 32]), Timestamp(100));
        assert!(other.admits(Tlp::Red.into()) && !other.admits(restricted), "RESTRICTED needs an agreement");
        assert!(!policy.ceiling(&GroupId([1; 32])).admits(restricted));
    }
}
