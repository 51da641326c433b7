//! Who could take a case: our open peers, by what they say of themselves and by what we have seen of them.

use crate::model::country::Country;
use crate::model::profile::{Profile, merged};
use crate::model::vocabulary::Code;
use crate::model::{OrgId, Timestamp};
use crate::node::view::MemberView;
use crate::node::{Node, NodeError};
use crate::rules::matching::{Candidate, Need, Ranked, Track, rank};
use crate::rules::referral::{Side, Step};
use crate::store::Snapshot;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many codes of a kind are asked for at most.
const ASKED_MAX: usize = 50;

/// What is asked for. It stays here: nobody is told that somebody looked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NeedRequest {
    /// What happened (`incident-type`), the main thing first.
    pub incident_types: Vec<Code>,
    /// What is to be done (`help-wanted`), the main thing first.
    pub help_wanted: Vec<Code>,
    /// What is to be done, as services (`service`).
    pub services: Vec<Code>,
    /// Who is helped (`beneficiary-type`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beneficiary: Option<Code>,
    /// Where (`region`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Code>,
    /// Where exactly: two letters (ISO 3166-1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// In which languages (BCP 47), the best first.
    pub languages: Vec<String>,
    /// How soon (`priority`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Code>,
    /// The platforms that are involved.
    pub platforms: Vec<Code>,
    /// When somebody is to look at it; now where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// Who could take it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MatchView {
    /// Those who could, the best first.
    pub ranked: Vec<RankedView>,
    /// Those who could not.
    pub excluded: Vec<ExcludedView>,
    /// Peers that have told nothing of themselves.
    pub unknown: Vec<MemberView>,
}

/// One that could.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RankedView {
    /// From 1.
    pub rank: u64,
    /// Who.
    pub org_id: OrgId,
    /// What people here call it.
    pub name: String,
    /// 0 to 1,000.
    pub score: u32,
    /// What speaks for it.
    pub reasons: Vec<String>,
    /// What speaks against it, and what it does not say.
    pub warnings: Vec<String>,
    /// When its profile was confirmed.
    pub confirmed: Timestamp,
    /// Whether that was more than 30 days ago.
    pub stale: bool,
}

/// One that could not.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExcludedView {
    /// Who.
    pub org_id: OrgId,
    /// What people here call it.
    pub name: String,
    /// Why not.
    pub why: String,
}

impl Node {
    /// Ranks our open peers for a need. Members of groups who are no peers of ours are not among them: nobody can refer to them.
    ///
    /// # Errors
    /// When a code is in no list of ours, or the store cannot be read.
    pub fn match_need(&self, request: &NeedRequest) -> Result<MatchView, NodeError> {
        let (now, need, snapshot) = (self.clock.now(), self.need(request)?, self.store.snapshot()?);
        let (mut heard, mut tracks) = (self.heard_profiles(&snapshot)?, self.tracks(&snapshot)?);
        let (mut profiles, mut unknown, mut names) = (BTreeMap::<OrgId, Profile>::new(), Vec::new(), BTreeMap::new());
        for peer in self.open_peers()? {
            let said = heard.remove(&peer.org).unwrap_or_default();
            match merged(said.into_iter().map(|(_, profile)| profile)) {
                Some(profile) => drop(profiles.insert(peer.org, profile)),
                None => unknown.push(MemberView { org_id: peer.org, name: Some(peer.name.clone()) }),
            }
            names.insert(peer.org, peer.name);
        }
        let candidates: Vec<Candidate<'_>> =
            profiles.iter().map(|(org, profile)| Candidate { org: *org, profile, track: tracks.remove(org) }).collect();
        let ranking = rank(&need, &candidates, now, &self.vocabularies);
        let name = |org: &OrgId| names.get(org).cloned().unwrap_or_default();
        let ranked = ranking.ranked.into_iter().zip(1..).filter_map(|(Ranked { org, score, reasons, warnings }, rank)| {
            let profile = profiles.get(&org)?;
            let reasons = reasons.iter().map(ToString::to_string).collect();
            let warnings = warnings.iter().map(ToString::to_string).collect();
            let (confirmed, stale) = (profile.confirmed, profile.is_stale(now));
            Some(RankedView { rank, org_id: org, name: name(&org), score, reasons, warnings, confirmed, stale })
        });
        let excluded = ranking.excluded.iter().map(|one| ExcludedView { org_id: one.org, name: name(&one.org), why: one.why.to_string() });
        Ok(MatchView { ranked: ranked.collect(), excluded: excluded.collect(), unknown })
    }

    /// The need that a request is about; its codes are those of our lists, since what is in none is a slip of the pen here.
    fn need(&self, request: &NeedRequest) -> Result<Need, NodeError> {
        let lists = [
            ("incident-type", &request.incident_types),
            ("help-wanted", &request.help_wanted),
            ("service", &request.services),
            ("beneficiary-type", &request.beneficiary.iter().cloned().collect()),
            ("region", &request.region.iter().cloned().collect()),
            ("priority", &request.priority.iter().cloned().collect()),
            ("platform", &request.platforms),
        ];
        for (list, codes) in lists {
            self.are_in(list, codes)?;
        }
        if request.languages.len() > ASKED_MAX {
            return Err(too_many());
        }
        let bad = |error: &dyn std::fmt::Display| NodeError::BadInput(error.to_string());
        Ok(Need {
            incident_types: request.incident_types.clone(),
            help_wanted: request.help_wanted.clone(),
            services: request.services.clone(),
            beneficiary: request.beneficiary.clone(),
            region: request.region.clone(),
            country: request.country.as_ref().map(|country| Country::assigned(country)).transpose().map_err(|error| bad(&error))?,
            languages: request.languages.iter().map(|tag| tag.parse()).collect::<Result<_, _>>().map_err(|error| bad(&error))?,
            priority: request.priority.clone(),
            platforms: request.platforms.iter().cloned().collect(),
            at: request.at.unwrap_or_else(|| self.clock.now()),
        })
    }

    fn are_in(&self, list: &str, codes: &[Code]) -> Result<(), NodeError> {
        if codes.len() > ASKED_MAX {
            return Err(too_many());
        }
        let Some(vocabulary) = self.vocabularies.get(list) else { return Ok(()) };
        match codes.iter().find(|code| vocabulary.title(code).is_none()) {
            Some(code) => Err(profile_code(vocabulary, code)),
            None => Ok(()),
        }
    }

    /// What we have seen of each organisation in referrals of ours: how many it answered, how many of those it accepted, and in what time half of them
    /// had been opened by a person.
    fn tracks(&self, snapshot: &Snapshot) -> Result<BTreeMap<OrgId, Track>, NodeError> {
        let mut seen: BTreeMap<OrgId, (u32, u32, Vec<u64>)> = BTreeMap::new();
        for (id, row) in snapshot.referrals()? {
            let Some(conversation) = snapshot.conversation(&id)?.filter(|_| row.side == Side::Origin) else { continue };
            let says = |step: Step| conversation.receiver.iter().find(|message| message.step == step);
            let (accepts, opens) = (says(Step::Accept), says(Step::Acknowledge));
            if accepts.is_none() && says(Step::Decline).is_none() {
                continue;
            }
            let (cases, accepted, times) = seen.entry(row.peer).or_default();
            *cases += 1;
            *accepted += u32::from(accepts.is_some());
            times.extend(opens.map(|opens| opens.at.since(row.opened)));
        }
        let track = |(org, (cases, accepted, mut times)): (OrgId, (u32, u32, Vec<u64>))| {
            times.sort_unstable();
            let acknowledged_ms = times.get(times.len() / 2).copied().unwrap_or_default();
            (org, Track { cases, accepted, acknowledged_ms })
        };
        Ok(seen.into_iter().map(track).collect())
    }
}

fn profile_code(list: &crate::model::vocabulary::Vocabulary, code: &Code) -> NodeError {
    let name = &list.name;
    NodeError::BadInput(format!(
        "there is no `{code}` in the list `{name}`\nhint: {}",
        crate::node::profile_file::nearest(list, code.as_str())
    ))
}

fn too_many() -> NodeError {
    NodeError::BadInput(format!("more than {ASKED_MAX} of a kind are asked for\nhint: leave out what does not decide"))
}
