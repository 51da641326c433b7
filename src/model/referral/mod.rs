//! What two organisations write to each other about a case: one message each, numbered on each side. What a conversation has come to is
//! [`crate::rules::referral`]'s to say.

mod bounds;
mod offer;

pub use crate::model::priority::Priority;
pub use bounds::{BadMessage, CODES_MAX, EVIDENCE_MAX, INDICATORS_MAX, LANGUAGES_MAX, OUTCOMES_MAX, check_line, check_text};
pub use offer::{Consent, Evidence, HandOver, Language, Offer, Vetting};

use super::crypto::sha256_framed;
use super::vocabulary::Code;
use super::{OrgId, ReferralId, Timestamp};
use serde::{Deserialize, Serialize};

/// A message about a referral.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The referral.
    pub referral: ReferralId,
    /// Its number among what its side wrote about this referral, from 1 and without gaps.
    pub number: u64,
    /// How many messages of the other side its writer had seen.
    pub seen: u64,
    /// Exactly which: [`heard`] over them, one after the other. All zero where there is none.
    pub heard: [u8; 32],
    /// The editions of the value lists that its codes are from, as [`super::vocabulary::Vocabularies::version`] says it; at most 200 characters.
    pub vocabulary: String,
    /// What it says.
    pub words: Words,
}

/// What names the messages of one side through one of them: SHA-256 over the same for those before it, and its body. A side that shows others other
/// messages is found out by it, in whatever log or incarnation they stand.
pub fn heard(before: &[u8; 32], body: &[u8]) -> [u8; 32] {
    sha256_framed("watchfire/referral/heard/v1", &[before, body])
}

/// What the receiver of a case waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waiting {
    /// For nothing: the work goes on.
    #[default]
    Nothing,
    /// For the person.
    Beneficiary,
    /// For a platform, by a clock of its own.
    Platform,
    /// For somebody else.
    ThirdParty,
    /// For what a newer program names by this number.
    #[serde(skip)]
    Newer(u32),
}

impl Waiting {
    /// All that this version knows.
    pub const ALL: [Self; 4] = [Self::Nothing, Self::Beneficiary, Self::Platform, Self::ThirdParty];

    /// Its number on the wire.
    pub const fn number(self) -> u32 {
        match self {
            Self::Nothing => 1,
            Self::Beneficiary => 2,
            Self::Platform => 3,
            Self::ThirdParty => 4,
            Self::Newer(number) => number,
        }
    }

    /// What has this number.
    pub fn from_number(number: u32) -> Self {
        Self::ALL.into_iter().find(|one| one.number() == number).unwrap_or(Self::Newer(number))
    }

    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Beneficiary => "beneficiary",
            Self::Platform => "platform",
            Self::ThirdParty => "third_party",
            Self::Newer(_) => "newer",
        }
    }
}

/// What a message says. `Debug` prints the kind alone: the rest is about somebody.
#[derive(Clone, PartialEq, Eq)]
pub enum Words {
    /// Origin: the case, with the consent under which it may travel.
    Offer(Box<Offer>),
    /// Receiver's node: the offer is here, durably.
    Receipt,
    /// Receiver's node: it takes no such offer.
    Refuse {
        /// Why.
        reason: Code,
    },
    /// Receiver: a person has opened it.
    Acknowledge,
    /// Receiver: something must be known first.
    Ask {
        /// The question.
        text: String,
    },
    /// Origin: the answer.
    Answer {
        /// The number of the question.
        question: u64,
        /// The answer.
        text: String,
    },
    /// Receiver: it will take the case over.
    Accept {
        /// When work will begin, as far as is known.
        start: Option<Timestamp>,
        /// What is planned.
        text: String,
    },
    /// Receiver: it will not.
    Decline {
        /// Why, of the list `decline-reason`.
        reason: Code,
        /// More about it.
        text: String,
        /// Who would be the better partner. Naming one tells that the two know each other.
        suggest: Option<OrgId>,
    },
    /// Origin: the case is the receiver's from here on.
    Confirm {
        /// The number of the acceptance.
        acceptance: u64,
        /// In a warm hand-over: what the person says when they come, so that they are known for whom they are.
        code: Option<String>,
    },
    /// Origin: how to reach the person, sealed to the receiver's desk.
    Contact {
        /// What was sealed.
        sealed: Vec<u8>,
    },
    /// Receiver: how it stands.
    Progress {
        /// What is waited for.
        waiting: Waiting,
        /// More about it.
        text: String,
    },
    /// Receiver: a child referral was made of it.
    PassOn {
        /// To whom, where the origin is to know.
        to: Option<OrgId>,
    },
    /// Receiver: it cannot go on; the case is the origin's again.
    HandBack {
        /// Why, of the list `decline-reason`.
        reason: Code,
        /// More about it.
        text: String,
    },
    /// Receiver: what came of it.
    Resolve {
        /// Of the list `outcome`; at least one.
        outcomes: Vec<Code>,
        /// More about it.
        text: String,
    },
    /// Origin: what the person and the desk say of it.
    Review {
        /// Whether the person was helped, where that is known.
        helped: Option<bool>,
        /// More about it.
        text: String,
    },
    /// Origin: it is over.
    Close,
    /// Origin: consent was revoked, or it was called off.
    Withdraw {
        /// Whether the person revoked the consent.
        revoked: bool,
        /// Why, where the node says it: [`TRANSFERRED`].
        reason: Option<Code>,
    },
    /// Receiver's node: body and free text are destroyed.
    Purge,
    /// Either's node: what was given away has been seen.
    Seen,
    /// Something that this version does not know. It is kept, counts as a message and moves nothing until a program reads it that does.
    Newer,
}

/// Why an offer is withdrawn, in a code: the case was given to somebody else who had accepted it.
pub const TRANSFERRED: &str = "transferred";

impl Words {
    /// How many different things a message can say that this version knows.
    pub const KNOWN: u8 = 19;

    /// What people call it, and its name in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Offer(_) => "offer",
            Self::Receipt => "receipt",
            Self::Refuse { .. } => "refuse",
            Self::Acknowledge => "acknowledge",
            Self::Ask { .. } => "ask",
            Self::Answer { .. } => "answer",
            Self::Accept { .. } => "accept",
            Self::Decline { .. } => "decline",
            Self::Confirm { .. } => "confirm",
            Self::Contact { .. } => "contact",
            Self::Progress { .. } => "progress",
            Self::PassOn { .. } => "pass-on",
            Self::HandBack { .. } => "hand-back",
            Self::Resolve { .. } => "resolve",
            Self::Review { .. } => "review",
            Self::Close => "close",
            Self::Withdraw { .. } => "withdraw",
            Self::Purge => "purge",
            Self::Seen => "seen",
            Self::Newer => "newer",
        }
    }

    /// Its free texts, each with its name and how many characters it may have.
    pub fn texts_mut(&mut self) -> Vec<(&'static str, &mut String, usize)> {
        match self {
            Self::Offer(offer) => offer.texts_mut(),
            Self::Ask { text }
            | Self::Answer { text, .. }
            | Self::Accept { text, .. }
            | Self::Decline { text, .. }
            | Self::Progress { text, .. }
            | Self::HandBack { text, .. }
            | Self::Resolve { text, .. }
            | Self::Review { text, .. } => vec![("text", text, bounds::TEXT_MAX)],
            Self::Confirm { code, .. } => code.as_mut().map(|code| ("code", code, bounds::CODE_MAX)).into_iter().collect(),
            Self::Receipt
            | Self::Refuse { .. }
            | Self::Acknowledge
            | Self::Contact { .. }
            | Self::PassOn { .. }
            | Self::Close
            | Self::Withdraw { .. }
            | Self::Purge
            | Self::Seen
            | Self::Newer => Vec::new(),
        }
    }

    /// Whether it says anything about the case. What does not may always go to whom the case went.
    pub fn has_content(&self) -> bool {
        match self {
            Self::Receipt | Self::Refuse { .. } | Self::Acknowledge | Self::Close | Self::Withdraw { .. } | Self::Purge | Self::Seen => {
                false
            }
            Self::Confirm { code, .. } => code.is_some(),
            Self::PassOn { to } => to.is_some(),
            _ => true,
        }
    }
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_heard_names_every_message_and_their_order() {
        let all = |bodies: &[&[u8]]| bodies.iter().fold([0; 32], |before, body| heard(&before, body));
        let (one, two): (&[u8], &[u8]) = (b"one", b"two");
        let named = [all(&[]), all(&[one]), all(&[two]), all(&[one, two]), all(&[two, one]), all(&[b"onetwo"])];
        for (place, name) in named.iter().enumerate() {
            assert!(!named[..place].contains(name), "{place}");
        }
    }

    #[test]
    fn what_is_waited_for_has_one_name_and_one_number() {
        for waiting in Waiting::ALL {
            assert_eq!(serde_json::to_value(waiting).unwrap(), waiting.name());
            assert_eq!(Waiting::from_number(waiting.number()), waiting);
        }
        for number in [0, 5, u32::MAX] {
            assert_eq!(Waiting::from_number(number), Waiting::Newer(number));
            assert_eq!(Waiting::Newer(number).number(), number);
        }
        assert!(serde_json::from_str::<Waiting>(r#"{"newer":7}"#).is_err(), "nobody here says it");
    }

    #[test]
    fn debug_prints_nothing_of_the_case() {
        let words = Words::Ask { text: "is Amina at home?".into() };
        assert_eq!(format!("{words:?}"), "ask");
    }
}
