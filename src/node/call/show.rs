//! Calls as people see them.

use super::{Answers, Known};
use crate::model::language::LanguageTag;
use crate::model::log::Audience;
use crate::model::vocabulary::Code;
use crate::model::{CallId, OrgId, Priority, ReferralId, Timestamp};
use crate::node::profile::NeedRequest;
use crate::node::status::Names;
use crate::node::{Node, NodeError};
use crate::rules::call::{Offer, State};
use crate::store::Snapshot;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A call for help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallView {
    /// Its id.
    pub call: CallId,
    /// Who calls.
    pub org_id: OrgId,
    /// What people here call them; `us` where it is ours.
    pub name: String,
    /// The group that is asked.
    pub group: String,
    /// `open`, `chosen`, `closed` or `expired`.
    pub state: String,
    /// How soon.
    pub priority: Priority,
    /// The number that a newer program gave it, where this version does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority_newer: Option<u32>,
    /// What is to be done (`help-wanted`).
    pub help_wanted: Vec<Code>,
    /// What happened (`incident-type`).
    pub incident_types: Vec<Code>,
    /// In which languages, the best first.
    pub languages: Vec<LanguageTag>,
    /// Where.
    pub region: Option<Code>,
    /// When it came here, or, of ours, was made.
    pub since: Timestamp,
    /// Until when it is open.
    pub expires: Timestamp,
    /// When we volunteered, as long as we do.
    pub volunteered: Option<Timestamp>,
    /// Of a call of ours: who volunteers, the best first where they are ranked.
    pub volunteers: Vec<VolunteerView>,
}

/// Somebody who would help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolunteerView {
    /// Who.
    pub org_id: OrgId,
    /// What people here call them.
    pub name: String,
    /// Since when we know.
    pub since: Timestamp,
    /// When work could begin, where that is said.
    pub start: Option<Timestamp>,
    /// 0 to 1,000, as `watchfire match` ranks them for this; `None` where they are not ranked.
    pub score: Option<u32>,
    /// What speaks for them.
    pub reasons: Vec<String>,
    /// What speaks against them.
    pub warnings: Vec<String>,
    /// The referral by which the case was offered to them.
    pub referral: Option<ReferralId>,
}

impl Node {
    /// Every call, ours and others', the newest first; with `all` those that are over, too.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn calls(&self, all: bool) -> Result<Vec<CallView>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let names = Names::of(&snapshot)?;
        let (known, answers) = (self.known_calls(&snapshot)?.into_iter().rev(), self.answers_to_calls(&snapshot)?);
        let wanted = known.filter(|one| all || one.standing.state == State::Open);
        wanted.map(|one| self.call_view(&snapshot, &names, &one, &answers, false)).collect()
    }

    /// One call, by its id or the beginning of it, with who volunteers.
    ///
    /// # Errors
    /// When there is none, or several begin so.
    pub fn call_view_of(&self, text: &str) -> Result<CallView, NodeError> {
        let snapshot = self.store.snapshot()?;
        let known = self.call_named(&snapshot, text)?;
        self.call_view(&snapshot, &Names::of(&snapshot)?, &known, &self.answers_to_calls(&snapshot)?, true)
    }

    fn call_view(&self, snapshot: &Snapshot, names: &Names, known: &Known, answers: &Answers, ranked: bool) -> Result<CallView, NodeError> {
        let (standing, call) = (&known.standing, &known.standing.call);
        let is_ours = standing.author == self.org();
        let volunteers =
            if is_ours { self.volunteer_views(snapshot, names, known, self.offers(answers, &call.id), ranked)? } else { Vec::new() };
        Ok(CallView {
            call: call.id,
            org_id: standing.author,
            name: names.org(&standing.author),
            group: names.audience(&Audience::Group(standing.group)),
            state: standing.state.name().into(),
            priority: call.priority,
            priority_newer: call.priority_newer,
            help_wanted: call.help_wanted.clone(),
            incident_types: call.incident_types.clone(),
            languages: call.languages.clone(),
            region: call.region.clone(),
            since: standing.at,
            expires: call.expires,
            volunteered: known.row.volunteered,
            volunteers,
        })
    }

    fn volunteer_views(
        &self,
        snapshot: &Snapshot,
        names: &Names,
        known: &Known,
        offers: Vec<Offer>,
        ranked: bool,
    ) -> Result<Vec<VolunteerView>, NodeError> {
        let (id, call) = (known.id(), &known.standing.call);
        let given: BTreeMap<OrgId, ReferralId> =
            self.given_for_call(snapshot, &id)?.into_iter().map(|given| (given.to, given.referral)).collect();
        let mut ranks = BTreeMap::new();
        if ranked && !offers.is_empty() {
            let need = NeedRequest {
                incident_types: call.incident_types.clone(),
                help_wanted: call.help_wanted.clone(),
                region: call.region.clone(),
                languages: call.languages.iter().map(ToString::to_string).collect(),
                priority: call.priority.name().parse().ok(),
                ..NeedRequest::default()
            };
            // Lists that are other by now rank nobody; who volunteers is shown all the same.
            let view = self.match_need(&need).ok();
            ranks.extend(view.into_iter().flat_map(|view| view.ranked).map(|one| (one.org_id, one)));
        }
        let mut views: Vec<VolunteerView> = Vec::with_capacity(offers.len());
        for offer in offers {
            let rank = ranks.remove(&offer.org);
            let (score, reasons, warnings) =
                rank.map_or((None, Vec::new(), Vec::new()), |one| (Some(one.score), one.reasons, one.warnings));
            let (name, referral) = (names.org(&offer.org), given.get(&offer.org).copied());
            views.push(VolunteerView { org_id: offer.org, name, since: offer.at, start: offer.start, score, reasons, warnings, referral });
        }
        views.sort_by_key(|one| std::cmp::Reverse(one.score));
        Ok(views)
    }
}
