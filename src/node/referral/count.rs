//! What happens in a referral is counted, once each, in the same change that writes down that it was. What is counted are codes that the skeleton keeps,
//! so that it can be done late, and the numbers need nothing that is destroyed.

use super::super::{Node, NodeError};
use super::case::{Ours, Skeleton};
use crate::model::vocabulary::Code;
use crate::model::{ReferralId, Timestamp};
use crate::rules::referral::Side;
use crate::rules::statistics::{Codes, Dimension, Done, Event, Fact, Measure, Span, UNLISTED, Way, facts};
use crate::store::change::Change;
use crate::store::{Conversation, MessageRow, Snapshot};

impl Node {
    /// Counts what has happened in a referral and is not counted yet: the counters that change. For whoever holds the turn.
    pub(super) fn count(&self, snapshot: &Snapshot, conversation: &Conversation, ours: &mut Ours) -> Result<Vec<Change>, NodeError> {
        let (side, standing) = (conversation.row.side, &conversation.standing);
        let skeleton = ours.skeleton.clone().unwrap_or_default();
        let passed_on = standing.receiver.resolved.is_some() && self.is_with_another(snapshot, conversation)?;
        let referred_on = skeleton.outcomes.iter().all(|code| code.as_str() == "referred_on") && !skeleton.outcomes.is_empty();
        let done = |rows: &[MessageRow]| rows.iter().map(|row| Done { step: row.step, at: row.at }).collect::<Vec<_>>();
        let mut new = facts(side, standing, &done(&conversation.origin), &done(&conversation.receiver), passed_on, referred_on);
        let way = if side == Side::Origin { Way::Out } else { Way::In };
        for (wait, at) in self.first_rungs(snapshot, &conversation.id)? {
            new.extend(Event::late(wait).map(|event| Fact { measure: Measure { way, event }, at, took: None }));
        }
        // Whether its outcome is ours to count is settled when the outcome is told.
        let was_resolved = ours.counted.iter().any(|measure| measure.event == Event::Resolved);
        new.retain(|fact| !(ours.counted.contains(&fact.measure) || was_resolved && fact.measure.event == Event::Case));
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let codes = skeleton.statistics.then(|| self.codes(side, &skeleton));
        ours.counted.extend(new.iter().map(|fact: &Fact| fact.measure));
        Self::counted(snapshot, &new, codes.as_ref())
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
        Self::counted(snapshot, &[fact], skeleton.statistics.then_some(&codes))
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

    /// By what a referral is counted. Codes that no list here has are counted together.
    fn codes(&self, side: Side, skeleton: &Skeleton) -> Codes {
        let listed = |list: &str, codes: &[Code]| -> Vec<Code> {
            let list = self.vocabularies.get(list);
            let unlisted = || UNLISTED.parse::<Code>().ok();
            let one = |code: &Code| if list.is_none_or(|list| list.title(code).is_some()) { Some(code.clone()) } else { unlisted() };
            codes.iter().filter_map(one).collect()
        };
        let kind = skeleton.requester_kind.as_ref().map_or("", Code::as_str);
        let source = match (side, kind) {
            (Side::Receiver, _) | (Side::Origin, "member_referral") => "member_referral",
            (Side::Origin, "platform_referral") => "platform_referral",
            (Side::Origin, _) => "direct",
        };
        let codes = Codes::default()
            .with(Dimension::Nature, &listed("nature", skeleton.nature.as_slice()))
            .with(Dimension::Region, &listed("region", skeleton.region.as_slice()))
            .with(Dimension::BeneficiaryType, &listed("beneficiary-type", skeleton.beneficiary_type.as_slice()))
            .with(Dimension::IncidentType, &listed("incident-type", &skeleton.incident_types))
            .with(Dimension::Outcome, &listed("outcome", &skeleton.outcomes))
            .with(Dimension::Reason, &listed("decline-reason", skeleton.reason.as_slice()))
            .with(Dimension::Platform, &skeleton.platforms)
            .with_text(Dimension::Priority, skeleton.priority.name())
            .with_text(Dimension::Source, source);
        if skeleton.language.is_empty() { codes } else { codes.with_text(Dimension::Language, &skeleton.language) }
    }
}
