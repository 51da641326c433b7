//! What has to be known of a referral beside its own messages: how the other offers of its case stand.

use super::super::{Node, NodeError};
use super::case::CaseRow;
use crate::model::referral::Words;
use crate::model::{OrgId, ReferralId, Timestamp};
use crate::rules::escalate::Beside;
use crate::rules::referral::{Decision, Phase, Side, goes_on_elsewhere, has_the_case, may_give};
use crate::store::{Conversation, Snapshot};

/// What is known beside a conversation.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Around {
    /// For the clocks.
    pub(in super::super) clocks: Beside,
    /// Who has the case by another of its offers.
    pub(super) owner: Option<OrgId>,
}

impl Node {
    /// What the clocks and people have to know beside a conversation.
    pub(in super::super) fn beside(&self, snapshot: &Snapshot, conversation: &Conversation) -> Result<Around, NodeError> {
        let start = self.start_of(snapshot, conversation)?;
        let Some((_, case)) = self.case_of(snapshot, &conversation.id)? else {
            return Ok(Around { clocks: Beside { start, ..Beside::default() }, owner: None });
        };
        let all = self.live_offers(snapshot, &case)?;
        let standings: Vec<_> = all.iter().map(|one| &one.standing).collect();
        let at = all.iter().position(|one| one.id == conversation.id);
        let others = || all.iter().filter(|one| one.id != conversation.id);
        let clocks = Beside {
            goes_on: at.is_some_and(|at| goes_on_elsewhere(&standings, at)),
            offers: u32::try_from(others().count()).unwrap_or(u32::MAX),
            last: others().map(last_said).max().unwrap_or_default(),
            start,
        };
        Ok(Around { clocks, owner: others().find(|one| has_the_case(&one.standing)).map(|one| one.row.peer) })
    }

    /// The offers of a case that have left.
    fn live_offers(&self, snapshot: &Snapshot, case: &CaseRow) -> Result<Vec<Conversation>, NodeError> {
        let mut all = self.offers_of(snapshot, case)?;
        all.retain(|one| !self.is_called_off(one));
        Ok(all)
    }

    /// When the receiver said that work will begin, while nothing was told of it.
    fn start_of(&self, snapshot: &Snapshot, conversation: &Conversation) -> Result<Option<Timestamp>, NodeError> {
        let receiver = &conversation.standing.receiver;
        let Decision::Accepted(number) = receiver.decision else { return Ok(None) };
        if receiver.progress.is_some() || receiver.passed_on > 0 {
            return Ok(None);
        }
        let accepted = usize::try_from(number).ok().and_then(|number| conversation.receiver.get(number.checked_sub(1)?));
        Ok(match accepted.map(|message| self.words(snapshot, message)).transpose()?.flatten() {
            Some(Words::Accept { start, .. }) => start,
            _ => None,
        })
    }

    /// The offer by which somebody has a case of ours, or has accepted it and waits for our word.
    fn taken_by(&self, snapshot: &Snapshot, case: &CaseRow) -> Result<Option<Conversation>, NodeError> {
        let all = self.live_offers(snapshot, case)?;
        let is_waiting = |one: &Conversation| one.standing.phase() == Phase::Accepted;
        let has = |one: &Conversation| has_the_case(&one.standing) && one.standing.origin.closed.is_none();
        let found = all.iter().position(has).or_else(|| all.iter().position(is_waiting));
        Ok(found.and_then(|at| all.into_iter().nth(at)))
    }

    /// A person may choose an acceptance while nobody else has the case.
    pub(super) fn may_choose(&self, snapshot: &Snapshot, conversation: &Conversation) -> Result<bool, NodeError> {
        let Some((_, case)) = self.case_of(snapshot, &conversation.id)? else { return Ok(false) };
        let all = self.live_offers(snapshot, &case)?;
        let standings: Vec<_> = all.iter().map(|one| &one.standing).collect();
        let at = all.iter().position(|one| one.id == conversation.id);
        Ok(at.is_some_and(|at| may_give(&standings, at).is_ok()))
    }

    /// A referral, and the other offers of its case: what becomes of one changes what is waited for in them.
    pub(in super::super) fn with_its_other_offers(&self, snapshot: &Snapshot, id: &ReferralId) -> Result<Vec<ReferralId>, NodeError> {
        let case = self.case_of(snapshot, id)?.filter(|(_, case)| case.given.len() > 1);
        let others = case.into_iter().flat_map(|(_, case)| case.given).map(|given| given.referral).filter(|one| one != id);
        Ok(std::iter::once(*id).chain(others).collect())
    }

    /// Whether somebody else may be asked because it came to nothing.
    pub(super) fn may_ask_again(&self, snapshot: &Snapshot, conversation: &Conversation) -> Result<bool, NodeError> {
        if !conversation.standing.came_to_nothing() {
            return Ok(false);
        }
        let case = self.case_of(snapshot, &conversation.id)?.filter(|(_, case)| case.offer.is_some() && !case.revoked);
        Ok(case.is_some() && !self.beside(snapshot, conversation)?.clocks.goes_on)
    }

    /// Nobody else is asked while somebody has the case, or has accepted it and waits for our word.
    pub(super) fn is_not_taken(&self, snapshot: &Snapshot, case: &CaseRow) -> Result<(), NodeError> {
        let Some(taken) = self.taken_by(snapshot, case)? else { return Ok(()) };
        let (id, name) = (super::short(&taken.id), self.org_name(snapshot, &taken.row.peer)?);
        let text = match taken.standing.phase() {
            Phase::Accepted => format!(
                "`{name}` has accepted this case and waits for our word\nhint: `watchfire choose {id}` gives it to them, `watchfire withdraw {id}` takes it back from there"
            ),
            _ => format!(
                "`{name}` has this case\nhint: `watchfire show {id}` tells how it stands there; `watchfire withdraw {id}` takes it back from there"
            ),
        };
        Err(NodeError::Conflict(text))
    }

    /// Whether it is ours, came to nothing, and its case goes on elsewhere.
    pub(super) fn is_done_with(&self, snapshot: &Snapshot, conversation: &Conversation) -> Result<bool, NodeError> {
        let may_be = conversation.row.side == Side::Origin && conversation.standing.came_to_nothing();
        Ok(may_be && self.beside(snapshot, conversation)?.clocks.goes_on)
    }
}

/// When the last message of either side was written or came.
pub(in super::super) fn last_said(conversation: &Conversation) -> Timestamp {
    conversation.origin.iter().chain(&conversation.receiver).map(|message| message.at).max().unwrap_or_default()
}
