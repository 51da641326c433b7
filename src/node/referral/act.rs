//! What people do in a referral.

use super::super::hold::Hold;
use super::super::{Node, NodeError};
use super::deed::By;
use super::show::ReferralView;
use crate::model::referral::{Waiting, Words};
use crate::model::vocabulary::Code;
use crate::model::{ReferralId, Timestamp};
use crate::rules::desk::Deed;
use crate::rules::referral::{Decision, Illegal, Side, Step, may_give};
use crate::rules::release::Findings;
use crate::store::Conversation;
use serde::{Deserialize, Serialize};

/// What somebody at the desk does. `Debug` prints none of what they wrote.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Act {
    /// Says that a person has opened it.
    Ack,
    /// Asks.
    Ask {
        /// What.
        text: String,
    },
    /// Answers the question that is open.
    Answer {
        /// How.
        text: String,
    },
    /// Takes the case over.
    Accept {
        /// When work will begin.
        #[serde(default)]
        start: Option<Timestamp>,
        /// What is planned.
        #[serde(default)]
        text: String,
    },
    /// Does not take it.
    Decline {
        /// Why, of the list `decline-reason`.
        reason: Code,
        /// More about it.
        #[serde(default)]
        text: String,
        /// Who would be better: a peer's name or id. Tells that the two of us know each other.
        #[serde(default)]
        suggest: Option<String>,
    },
    /// Chooses this acceptance among several.
    Choose,
    /// Tells how it stands.
    Progress {
        /// What is waited for.
        #[serde(default)]
        waiting: Waiting,
        /// More about it.
        #[serde(default)]
        text: String,
    },
    /// Hands it back.
    HandBack {
        /// Why, of the list `decline-reason`.
        reason: Code,
        /// More about it.
        #[serde(default)]
        text: String,
    },
    /// Tells what came of it.
    Resolve {
        /// Of the list `outcome`.
        outcomes: Vec<Code>,
        /// More about it.
        #[serde(default)]
        text: String,
    },
    /// Tells what the person says of it.
    Review {
        /// Whether they were helped.
        #[serde(default)]
        helped: Option<bool>,
        /// More about it.
        #[serde(default)]
        text: String,
    },
    /// Ends it.
    Close,
    /// Takes it back, from everybody who has it.
    Withdraw {
        /// Whether the person revoked the consent.
        #[serde(default)]
        revoked: bool,
    },
}

impl std::fmt::Debug for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Act")
    }
}

/// What somebody does, and how.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ActRequest {
    /// What.
    #[serde(flatten)]
    pub act: Act,
    /// Whether what is said is not held.
    #[serde(default)]
    pub now: bool,
}

impl ActRequest {
    /// What a role is asked about before it is done.
    pub const fn deed(&self) -> Deed {
        match self.act {
            Act::Choose | Act::Withdraw { .. } => Deed::Refer,
            _ => Deed::Work,
        }
    }
}

/// A day ends nowhere more than so long after it does in UTC (12 hours), and it begins there a day before.
const PAST_MS: u64 = super::DAY_MS + 12 * 3_600_000;

impl Node {
    /// Somebody at the desk does something in a referral. How it stands then.
    ///
    /// # Errors
    /// When it is not the time for it, or not ours to do; when something of it may not leave.
    pub async fn act(&self, referral: &str, request: ActRequest, by: By) -> Result<ReferralView, NodeError> {
        let id = self.referral_named(&self.store.snapshot()?, referral)?;
        match self.act_in(id, request, by).await {
            Err(NodeError::Referral(why)) => Err(self.not_now(&id, why)),
            done => done,
        }
    }

    /// Why something may not be done in a referral, with what can be.
    fn not_now(&self, id: &ReferralId, why: Illegal) -> NodeError {
        let what_can_be = || -> Result<NodeError, NodeError> {
            let snapshot = self.store.snapshot()?;
            let conversation = self.conversation(&snapshot, id)?;
            let moves = self.commands(&snapshot, &conversation, false)?;
            Ok(NodeError::NotNow { why, state: conversation.standing.phase().name(), moves })
        };
        match why {
            // Whoever has the case is another referral's matter.
            Illegal::OwnedElsewhere => NodeError::Referral(why),
            _ => what_can_be().unwrap_or(NodeError::Referral(why)),
        }
    }

    /// With a case that had its outcome, its offers that came to nothing end: nobody has to close each.
    async fn close_what_came_to_nothing(&self, id: &ReferralId, by: By) -> Result<(), NodeError> {
        let snapshot = self.store.snapshot()?;
        let is_done = self.conversation(&snapshot, id)?.standing.receiver.resolved.is_some();
        let others = if is_done { self.with_its_other_offers(&snapshot, id)? } else { Vec::new() };
        for other in others.iter().filter(|other| *other != id) {
            let Some(conversation) = snapshot.conversation(other)? else { continue };
            if self.is_done_with(&snapshot, &conversation)? && conversation.standing.may(Side::Origin, Step::Close).is_ok() {
                {
                    let _turn = self.referral_turn().await;
                    self.say(other, Words::Close, Hold::Skipped, by).await?;
                }
                self.has_moved(other).await;
            }
        }
        Ok(())
    }

    async fn act_in(&self, id: ReferralId, request: ActRequest, by: By) -> Result<ReferralView, NodeError> {
        let hold = self.hold_of(false, request.now);
        let (is_withdrawn, is_closed) = (matches!(request.act, Act::Withdraw { .. }), matches!(request.act, Act::Close));
        let mut findings = Findings::default();
        match request.act {
            Act::Withdraw { revoked } => self.take_referral_back(&id, revoked, by).await?,
            Act::Choose => self.choose(&id, by).await?,
            act => {
                let _turn = self.referral_turn().await;
                let words = self.words_of(&id, act)?;
                let hold = if self.is_urgent(&id)? { Hold::Skipped } else { hold };
                findings = self.say(&id, words, hold, by).await?.findings;
            }
        }
        // It is done by now, whatever follows from it.
        self.has_moved(&id).await;
        if is_closed {
            self.close_what_came_to_nothing(&id, by).await?;
        }
        if is_withdrawn {
            // The case may be gone from its other offers too.
            self.tend_all_platforms().await?;
        }
        Ok(ReferralView { findings, ..self.referral_view(&id)? })
    }

    /// Whether nothing of it is held for a time: an emergency.
    fn is_urgent(&self, id: &ReferralId) -> Result<bool, NodeError> {
        let snapshot = self.store.snapshot()?;
        let conversation = self.conversation(&snapshot, id)?;
        // Whoever sends us a case does not take our time to undo from us.
        if conversation.row.side == Side::Receiver {
            return Ok(false);
        }
        let offer = self.offer_of(&snapshot, &conversation)?;
        Ok(offer.is_some_and(|offer| offer.priority == crate::model::referral::Priority::Emergency))
    }

    fn words_of(&self, id: &ReferralId, act: Act) -> Result<Words, NodeError> {
        let question = || -> Result<u64, NodeError> { Ok(self.conversation(&self.store.snapshot()?, id)?.standing.receiver.asked) };
        Ok(match act {
            Act::Ack => Words::Acknowledge,
            Act::Ask { text } => Words::Ask { text },
            Act::Answer { text } => Words::Answer { question: question()?, text },
            Act::Accept { start: Some(start), .. } if start.plus(PAST_MS) < self.clock.now() => {
                let day = &start.to_string()[..10];
                return Err(NodeError::BadInput(format!(
                    "the work cannot start on {day}, which has passed\nhint: `--start` is a day from today on"
                )));
            }
            Act::Accept { start, text } => {
                let snapshot = self.store.snapshot()?;
                let offer = self.offer_of(&snapshot, &self.conversation(&snapshot, id)?)?;
                if let Some(end) = offer.and_then(|offer| offer.expires).filter(|end| *end <= self.clock.now()) {
                    return Err(NodeError::Conflict(format!(
                        "the offer was open until {}\nhint: `watchfire ask` asks its origin to offer the case again, `decline` says no",
                        &end.to_string()[..10]
                    )));
                }
                Words::Accept { start: start.map(Timestamp::day), text }
            }
            Act::Decline { reason, text, suggest } => {
                self.is_of_list("decline-reason", &reason)?;
                let suggest = suggest.map(|name| self.org_named(&name)).transpose()?;
                let peer = self.conversation(&self.store.snapshot()?, id)?.row.peer;
                if suggest.is_some_and(|one| one == peer || one == self.org()) {
                    return Err(NodeError::BadInput(
                        "who asks, and who declines, is no better partner\nhint: `--suggest` names somebody else".into(),
                    ));
                }
                Words::Decline { reason, text, suggest }
            }
            Act::Progress { waiting, text } => Words::Progress { waiting, text },
            Act::HandBack { reason, text } => {
                self.is_of_list("decline-reason", &reason)?;
                Words::HandBack { reason, text }
            }
            Act::Resolve { outcomes, text } => {
                outcomes.iter().try_for_each(|code| self.is_of_list("outcome", code))?;
                Words::Resolve { outcomes, text }
            }
            Act::Review { helped, text } => Words::Review { helped, text },
            Act::Close => Words::Close,
            Act::Withdraw { revoked } => Words::Withdraw { revoked, reason: None },
            Act::Choose => return Err(NodeError::Internal("a choice says nothing".into())),
        })
    }

    /// A person chooses among those who accepted. The node confirms it, and withdraws it from the others.
    async fn choose(&self, id: &ReferralId, by: By) -> Result<(), NodeError> {
        let _turn = self.referral_turn().await;
        let snapshot = self.store.snapshot()?;
        let conversation = self.conversation(&snapshot, id)?;
        let is_ours = conversation.row.side == Side::Origin;
        let case = self.case_of(&snapshot, id)?.filter(|_| is_ours);
        let Some((case_id, mut case)) = case else {
            return Err(NodeError::Referral(Illegal::NotTheirs));
        };
        let all = self.offers_of(&snapshot, &case)?;
        if !matches!(conversation.standing.receiver.decision, Decision::Accepted(_)) {
            return Err(not_accepted(&all));
        }
        let standings: Vec<_> = all.iter().map(|one| &one.standing).collect();
        let at = all.iter().position(|one| one.id == *id).unwrap_or_default();
        may_give(&standings, at).map_err(NodeError::Referral)?;
        case.chosen = Some(*id);
        case.let_go = case.given.iter().map(|given| given.referral).filter(|other| other != id).collect();
        let keep = case.keep(&case_id);
        drop(snapshot);
        // It says nothing by which the upkeep would notice it, if whoever asked is gone before what follows is done.
        self.wake(id);
        self.commit_many(vec![keep, self.deed(by, "choose", id, 0)]).await?;
        Ok(())
    }
}

/// There is nothing to choose in an offer; which of the others of its case have an acceptance.
fn not_accepted(all: &[Conversation]) -> NodeError {
    let accepted =
        |one: &&Conversation| one.standing.origin.withdrawn.is_none() && matches!(one.standing.receiver.decision, Decision::Accepted(_));
    let those: Vec<String> = all.iter().filter(accepted).map(|one| format!("`watchfire choose {}`", one.id)).collect();
    if those.is_empty() {
        return NodeError::Referral(Illegal::NotAccepted);
    }
    NodeError::Conflict(format!(
        "{}\nhint: this offer was not accepted, another of its case was: {}",
        Illegal::NotAccepted,
        those.join(", ")
    ))
}
