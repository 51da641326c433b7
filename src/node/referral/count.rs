//! What happens in a referral is counted, once each, in the same change that writes down that it was. What is counted are codes that the skeleton keeps,
//! so that it can be done late, and the numbers need nothing that is destroyed.

use super::super::{Node, NodeError};
use super::EXPIRED;
use super::case::{Ours, Skeleton};
use crate::model::vocabulary::Code;
use crate::model::{ReferralId, Timestamp};
use crate::rules::referral::Side;
use crate::rules::statistics::{Around, Codes, Dimension, Done, Event, Fact, Measure, Span, UNLISTED, Way, facts, in_time};
use crate::store::change::Change;
use crate::store::{Conversation, MessageRow, Snapshot};
use std::collections::BTreeSet;

impl Node {
    /// Counts what has happened in a referral and is not counted yet: the counters that change. For whoever holds the turn.
    pub(super) fn count(&self, snapshot: &Snapshot, conversation: &Conversation, ours: &mut Ours) -> Result<Vec<Change>, NodeError> {
        let (side, standing) = (conversation.row.side, &conversation.standing);
        if !standing.origin.offered {
            // It was withdrawn before it came.
            return Ok(Vec::new());
        }
        let skeleton = ours.skeleton.clone().unwrap_or_default();
        let with_another = standing.receiver.resolved.is_some() && self.is_with_another(snapshot, conversation)?;
        let referred_on = skeleton.outcomes.iter().all(|code| code.as_str() == "referred_on") && !skeleton.outcomes.is_empty();
        let platform_asked = !Self::platform_clocks(snapshot, &conversation.id)?.is_empty();
        let around = Around { with_another, referred_on, platform_asked };
        let done = |rows: &[MessageRow]| rows.iter().map(|row| Done { step: row.step, at: row.at }).collect::<Vec<_>>();
        let mut new = facts(side, standing, &done(&conversation.origin), &done(&conversation.receiver), around);
        let in_time = in_time(side, &new, &self.first_rungs(snapshot, &conversation.id)?);
        new.extend(in_time);
        let was = |event: Event| ours.counted.iter().any(|measure| measure.event == event);
        // Whether its outcome is ours to count is settled when the outcome is told, and whether something was in time when the first of both is.
        let is_settled = |event: Event| {
            let clock = Event::CLOCKS.into_iter().find(|(_, late, timely)| [*late, *timely].contains(&event));
            clock.is_some_and(|(_, late, timely)| was(late) || was(timely)) || event == Event::Case && was(Event::Resolved)
        };
        new.retain(|fact| !(ours.counted.contains(&fact.measure) || is_settled(fact.measure.event)));
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let codes = skeleton.statistics.then(|| self.codes(side, &skeleton));
        ours.counted.extend(new.iter().map(|fact: &Fact| fact.measure));
        self.counted(snapshot, new.into_iter().map(|fact| (fact, codes.as_ref())))
    }

    /// The changes that count that a platform was asked at `asked`; or, where it took that long, that it has answered with that outcome.
    pub(super) fn count_platform(
        &self,
        snapshot: &Snapshot,
        id: &ReferralId,
        (platform, asked): (&Code, Timestamp),
        answer: Option<(&Code, u64)>,
    ) -> Result<Vec<Change>, NodeError> {
        let skeleton = self.ours(snapshot, id)?.skeleton.unwrap_or_default();
        let event = if answer.is_some() { Event::PlatformAnswered } else { Event::PlatformAsked };
        let took = answer.map(|(_, took_ms)| (Span::PlatformAnswer, took_ms));
        let fact = Fact { measure: Measure { way: Way::Out, event }, at: asked, took };
        let codes = Codes::default().with(Dimension::Platform, [platform]).with(Dimension::Region, skeleton.region.as_ref());
        let codes = codes.with(Dimension::Outcome, answer.map(|(outcome, _)| outcome));
        self.counted(snapshot, [(fact, skeleton.statistics.then_some(&codes))])
    }

    /// Whether somebody to whom we have passed the case on owns it, or its outcome.
    fn is_with_another(&self, snapshot: &Snapshot, conversation: &Conversation) -> Result<bool, NodeError> {
        for (_, case) in self.cases(snapshot)?.into_iter().filter(|(_, case)| case.parent == Some(conversation.id)) {
            let children = self.offers_of(snapshot, &case)?;
            let owns = |child: &Conversation| child.standing.owner() == Side::Receiver && child.standing.origin.withdrawn.is_none();
            if children.iter().any(owns) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// These codes; those that a list here could have and has not are counted together.
    pub(in super::super) fn listed(&self, list: &str, codes: &[Code]) -> Vec<Code> {
        let (list, unlisted) = (self.vocabularies.get(list), UNLISTED.parse::<Code>().ok());
        let one = |code: &Code| if list.is_none_or(|list| list.title(code).is_some()) { Some(code.clone()) } else { unlisted.clone() };
        codes.iter().filter_map(one).collect()
    }

    /// The same of why something was refused, declined or handed back. The node's own word for an offer that came too late is in no list for people.
    fn listed_reason(&self, reason: Option<&Code>) -> Option<Code> {
        reason.and_then(|code| {
            if code.as_str() == EXPIRED { Some(code.clone()) } else { self.listed("decline-reason", std::slice::from_ref(code)).pop() }
        })
    }

    /// What may stay of a referral when what was said is destroyed: codes that a list here has. Another's code may be anything, a name too.
    pub(super) fn bounded(&self, skeleton: Skeleton) -> Skeleton {
        let many = |list: &str, codes: &[Code]| {
            let mut listed = self.listed(list, codes);
            let mut met = BTreeSet::new();
            listed.retain(|code| met.insert(code.clone()));
            listed
        };
        let one = |list: &str, code: Option<Code>| self.listed(list, code.as_slice()).pop();
        Skeleton {
            nature: one("nature", skeleton.nature),
            incident_types: many("incident-type", &skeleton.incident_types),
            beneficiary_type: one("beneficiary-type", skeleton.beneficiary_type),
            region: one("region", skeleton.region),
            requester_kind: one("requester-kind", skeleton.requester_kind),
            platforms: many("platform", &skeleton.platforms),
            reason: self.listed_reason(skeleton.reason.as_ref()),
            outcomes: many("outcome", &skeleton.outcomes),
            ..skeleton
        }
    }

    /// By what a referral is counted. Codes that no list here has are counted together.
    fn codes(&self, side: Side, skeleton: &Skeleton) -> Codes {
        let listed = |list: &str, codes: &[Code]| self.listed(list, codes);
        let kind = skeleton.requester_kind.as_ref().map_or("", Code::as_str);
        let source = match (side, kind) {
            (Side::Receiver, _) | (Side::Origin, "member_referral") => "member_referral",
            (Side::Origin, "platform_referral") => "platform_referral",
            (Side::Origin, "alert") => "alert",
            (Side::Origin, _) => "direct",
        };
        let codes = Codes::default()
            .with(Dimension::Nature, &listed("nature", skeleton.nature.as_slice()))
            .with(Dimension::Region, &listed("region", skeleton.region.as_slice()))
            .with(Dimension::BeneficiaryType, &listed("beneficiary-type", skeleton.beneficiary_type.as_slice()))
            .with(Dimension::IncidentType, &listed("incident-type", &skeleton.incident_types))
            .with(Dimension::Outcome, &listed("outcome", &skeleton.outcomes))
            .with(Dimension::Reason, &self.listed_reason(skeleton.reason.as_ref()))
            .with(Dimension::Platform, &listed("platform", &skeleton.platforms))
            .with(Dimension::Person, &skeleton.person)
            .with(Dimension::Partner, &skeleton.partner)
            .with_text(Dimension::Priority, skeleton.priority.name())
            .with_text(Dimension::Source, source);
        if skeleton.language.is_empty() { codes } else { codes.with_text(Dimension::Language, &skeleton.language) }
    }
}
