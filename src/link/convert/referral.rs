//! Messages about referrals. A code that is in no list of ours is kept, and so is a number that stands for something that this version does not
//! know. A message that says something else than this version knows counts as one, and is read by the program that does.

use super::wire::Referral;
use super::wire::referral::{self as wire, Words as Kind};
use super::{Malformed, fixed};
use crate::model::referral::{Consent, Evidence, HandOver, Language, Message, Offer, Priority, Vetting, Waiting, Words};
use crate::model::vocabulary::Code;
use crate::model::{EntryHash, OrgId, ReferralId, SubjectRef, Timestamp};

/// A message as it is sent.
pub(super) fn to_wire(message: &Message) -> Referral {
    let Message { referral, number, seen, heard, vocabulary, words } = message;
    Referral {
        referral: referral.0.to_vec(),
        number: *number,
        seen: *seen,
        heard: if *seen == 0 { Vec::new() } else { heard.to_vec() },
        vocabulary: vocabulary.clone(),
        words: words_to_wire(words),
        withdraw_reason: match words {
            Words::Withdraw { reason: Some(reason), .. } => reason.to_string(),
            _ => String::new(),
        },
    }
}

/// Reads a message.
///
/// # Errors
/// When it is out of its bounds.
pub(super) fn from_wire(wire: Referral) -> Result<Message, Malformed> {
    let heard = match wire.heard.as_slice() {
        [] => [0; 32],
        bytes => fixed(bytes, "what was heard has 32 bytes")?,
    };
    // A field that is not known here is passed over: nothing is left of what it says.
    let mut words = wire.words.map_or(Ok(Words::Newer), words_from_wire)?;
    match (&mut words, some_code(&wire.withdraw_reason)?) {
        (Words::Newer, _) | (_, None) => {}
        (Words::Withdraw { reason, .. }, why) => *reason = why,
        _ => return Err(Malformed("a reason to withdraw what is not withdrawn")),
    }
    let referral = ReferralId(fixed(&wire.referral, "the id of a referral has 16 bytes")?);
    let message = Message { referral, number: wire.number, seen: wire.seen, heard, vocabulary: wire.vocabulary, words };
    message.check().map_err(|_| Malformed("a message says more than a message may, or less than it must"))?;
    Ok(message)
}

fn words_to_wire(words: &Words) -> Option<Kind> {
    let nothing = wire::Nothing {};
    Some(match words {
        Words::Offer(offer) => Kind::Offer(offer_to_wire(offer)),
        Words::Receipt => Kind::Receipt(nothing),
        Words::Refuse { reason } => Kind::Refuse(reason.to_string()),
        Words::Acknowledge => Kind::Acknowledge(nothing),
        Words::Ask { text } => Kind::Ask(text.clone()),
        Words::Answer { question, text } => Kind::Answer(wire::Answer { question: *question, text: text.clone() }),
        Words::Accept { start, text } => Kind::Accept(wire::Accept { start: time(*start), text: text.clone() }),
        Words::Decline { reason, text, suggest } => {
            let suggest = suggest.map(|org| org.0.to_vec()).unwrap_or_default();
            Kind::Decline(wire::Decline { reason: reason.to_string(), text: text.clone(), suggest })
        }
        Words::Confirm { acceptance, code } => {
            Kind::Confirm(wire::Confirm { acceptance: *acceptance, code: code.clone().unwrap_or_default() })
        }
        Words::Contact { sealed } => Kind::Contact(sealed.clone()),
        Words::Progress { waiting, text } => Kind::Progress(wire::Progress { waiting: waiting.number(), text: text.clone() }),
        Words::PassOn { to } => Kind::PassOn(to.map(|org| org.0.to_vec()).unwrap_or_default()),
        Words::HandBack { reason, text } => {
            Kind::HandBack(wire::Decline { reason: reason.to_string(), text: text.clone(), suggest: Vec::new() })
        }
        Words::Resolve { outcomes, text } => Kind::Resolve(wire::Resolve { outcomes: codes(outcomes), text: text.clone() }),
        Words::Review { helped, text } => Kind::Review(wire::Review { helped: *helped, text: text.clone() }),
        Words::Close => Kind::Close(nothing),
        Words::Withdraw { revoked, .. } => Kind::Withdraw(*revoked),
        Words::Purge => Kind::Purge(nothing),
        Words::Seen => Kind::SeenIt(nothing),
        Words::Newer => return None,
    })
}

fn words_from_wire(kind: Kind) -> Result<Words, Malformed> {
    Ok(match kind {
        Kind::Offer(offer) => Words::Offer(Box::new(offer_from_wire(offer)?)),
        Kind::Receipt(_) => Words::Receipt,
        Kind::Refuse(reason) => Words::Refuse { reason: code(&reason)? },
        Kind::Acknowledge(_) => Words::Acknowledge,
        Kind::Ask(text) => Words::Ask { text },
        Kind::Answer(wire::Answer { question, text }) => Words::Answer { question, text },
        Kind::Accept(wire::Accept { start, text }) => Words::Accept { start: when(start), text },
        Kind::Decline(wire::Decline { reason, text, suggest }) => {
            Words::Decline { reason: code(&reason)?, text, suggest: organisation(&suggest)? }
        }
        Kind::Confirm(wire::Confirm { acceptance, code }) => {
            Words::Confirm { acceptance, code: Some(code).filter(|code| !code.is_empty()) }
        }
        Kind::Contact(sealed) => Words::Contact { sealed },
        Kind::Progress(wire::Progress { waiting, text }) => Words::Progress { waiting: Waiting::from_number(waiting), text },
        Kind::PassOn(to) => Words::PassOn { to: organisation(&to)? },
        Kind::HandBack(wire::Decline { reason, text, .. }) => Words::HandBack { reason: code(&reason)?, text },
        Kind::Resolve(wire::Resolve { outcomes, text }) => Words::Resolve { outcomes: read_codes(&outcomes)?, text },
        Kind::Review(wire::Review { helped, text }) => Words::Review { helped, text },
        Kind::Close(_) => Words::Close,
        Kind::Withdraw(revoked) => Words::Withdraw { revoked, reason: None },
        Kind::Purge(_) => Words::Purge,
        Kind::SeenIt(_) => Words::Seen,
    })
}

fn offer_to_wire(offer: &Offer) -> wire::Offer {
    let text = |code: &Option<Code>| code.as_ref().map(ToString::to_string).unwrap_or_default();
    let language = |one: &Language| wire::Language { tag: one.tag.clone(), level: text(&one.level) };
    let evidence = |one: &Evidence| wire::Evidence { kind: one.kind.to_string(), sha256: one.sha256.to_vec(), size: one.size };
    let consent = &offer.consent;
    let vetting = |one: &Vetting| wire::Vetting {
        method: one.method.to_string(),
        result: one.result.to_string(),
        vouched_by: one.vouched_by,
        date: one.date.0,
        expires: time(one.expires),
    };
    wire::Offer {
        expires: time(offer.expires),
        nature: offer.nature.to_string(),
        incident_types: codes(&offer.incident_types),
        priority: offer.priority.to_wire(offer.priority_newer),
        physical_danger: offer.physical_danger,
        ongoing: offer.ongoing,
        interacted: codes(&offer.interacted),
        deadline: time(offer.deadline),
        incident_week: time(offer.incident_week),
        subject: offer.subject.0.to_vec(),
        requester_kind: offer.requester_kind.to_string(),
        beneficiary_type: offer.beneficiary_type.to_string(),
        causes: codes(&offer.causes),
        region: offer.region.to_string(),
        country: offer.country.clone().unwrap_or_default(),
        languages: offer.languages.iter().map(language).collect(),
        vulnerability: codes(&offer.vulnerability),
        consent: Some(wire::Consent {
            basis: consent.basis.to_string(),
            onward: consent.onward,
            platforms: consent.platforms,
            indicators_only: consent.indicators_only,
            statistics: consent.statistics,
            obtained: consent.obtained.0,
            obtained_by: consent.obtained_by.to_string(),
            expires: time(consent.expires),
            revocation_channel: text(&consent.revocation_channel),
        }),
        vetting: offer.vetting.as_ref().map(vetting),
        help_wanted: codes(&offer.help_wanted),
        services: codes(&offer.services),
        summary: offer.summary.clone(),
        steps_taken: offer.steps_taken.clone(),
        devices: codes(&offer.devices),
        platforms: codes(&offer.platforms),
        evidence: offer.evidence.iter().map(evidence).collect(),
        indicators: offer.indicators.iter().map(|hash| hash.0.to_vec()).collect(),
        campaign: offer.campaign.clone(),
        hand_over: offer.hand_over.number(),
        do_not_use: codes(&offer.do_not_use),
        safe_times: offer.safe_times.clone(),
    }
}

fn offer_from_wire(wire: wire::Offer) -> Result<Offer, Malformed> {
    let language = |one: wire::Language| Ok(Language { tag: one.tag, level: some_code(&one.level)? });
    let evidence = |one: wire::Evidence| {
        Ok(Evidence { kind: code(&one.kind)?, sha256: fixed(&one.sha256, "a SHA-256 has 32 bytes")?, size: one.size })
    };
    let hash = |bytes: Vec<u8>| fixed(&bytes, "an entry hash has 32 bytes").map(EntryHash);
    let vetting = |one: wire::Vetting| {
        Ok(Vetting {
            method: code(&one.method)?,
            result: code(&one.result)?,
            vouched_by: one.vouched_by,
            date: Timestamp(one.date),
            expires: when(one.expires),
        })
    };
    let consent = wire.consent.ok_or(Malformed("an offer says under which consent it travels"))?;
    let (priority, priority_newer) = Priority::from_wire(wire.priority);
    Ok(Offer {
        expires: when(wire.expires),
        nature: code(&wire.nature)?,
        incident_types: read_codes(&wire.incident_types)?,
        priority,
        priority_newer,
        physical_danger: wire.physical_danger,
        ongoing: wire.ongoing,
        interacted: read_codes(&wire.interacted)?,
        deadline: when(wire.deadline),
        incident_week: when(wire.incident_week),
        subject: SubjectRef(fixed(&wire.subject, "the reference of a subject has 16 bytes")?),
        requester_kind: code(&wire.requester_kind)?,
        beneficiary_type: code(&wire.beneficiary_type)?,
        causes: read_codes(&wire.causes)?,
        region: code(&wire.region)?,
        country: Some(wire.country).filter(|country| !country.is_empty()),
        languages: wire.languages.into_iter().map(language).collect::<Result<_, Malformed>>()?,
        vulnerability: read_codes(&wire.vulnerability)?,
        consent: Consent {
            basis: code(&consent.basis)?,
            onward: consent.onward,
            platforms: consent.platforms,
            indicators_only: consent.indicators_only,
            statistics: consent.statistics,
            obtained: Timestamp(consent.obtained),
            obtained_by: code(&consent.obtained_by)?,
            expires: when(consent.expires),
            revocation_channel: some_code(&consent.revocation_channel)?,
        },
        vetting: wire.vetting.map(vetting).transpose()?,
        help_wanted: read_codes(&wire.help_wanted)?,
        services: read_codes(&wire.services)?,
        summary: wire.summary,
        steps_taken: wire.steps_taken,
        devices: read_codes(&wire.devices)?,
        platforms: read_codes(&wire.platforms)?,
        evidence: wire.evidence.into_iter().map(evidence).collect::<Result<_, Malformed>>()?,
        indicators: wire.indicators.into_iter().map(hash).collect::<Result<_, Malformed>>()?,
        campaign: wire.campaign,
        hand_over: HandOver::from_number(wire.hand_over),
        do_not_use: read_codes(&wire.do_not_use)?,
        safe_times: wire.safe_times,
    })
}

pub(super) fn time(at: Option<Timestamp>) -> u64 {
    at.map_or(0, |at| at.0)
}

pub(super) fn when(milliseconds: u64) -> Option<Timestamp> {
    (milliseconds != 0).then_some(Timestamp(milliseconds))
}

pub(super) fn codes(list: &[Code]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

pub(super) fn read_codes(texts: &[String]) -> Result<Vec<Code>, Malformed> {
    texts.iter().map(|text| code(text)).collect()
}

fn code(text: &str) -> Result<Code, Malformed> {
    text.parse().map_err(|_| Malformed("a code is none"))
}

pub(super) fn some_code(text: &str) -> Result<Option<Code>, Malformed> {
    if text.is_empty() { Ok(None) } else { code(text).map(Some) }
}

fn organisation(bytes: &[u8]) -> Result<Option<OrgId>, Malformed> {
    if bytes.is_empty() { Ok(None) } else { Ok(Some(OrgId(fixed(bytes, "an organisation id has 32 bytes")?))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_that_can_be_said_is_counted_and_what_is_newer_is_kept() {
        // The numbers of the words on the wire: `Referral.words` in record.proto.
        let proto = include_str!("../../../proto/watchfire/v1/record.proto");
        let words = proto.split("oneof words {").nth(1).unwrap().split('}').next().unwrap();
        assert_eq!(words.lines().filter(|line| line.trim_end().ends_with(';')).count(), usize::from(Words::KNOWN));
        let wire = Referral { referral: vec![1; 16], number: 3, withdraw_reason: "No code!".into(), ..Referral::default() };
        assert!(from_wire(wire.clone()).is_err(), "a code is one, whatever is said");
        let read = from_wire(Referral { withdraw_reason: "moved".into(), ..wire }).unwrap();
        assert_eq!((read.number, read.words), (3, Words::Newer));
    }

    #[test]
    fn a_withdrawal_has_its_reason_and_nothing_else_has_one() {
        let of = |words| Message { referral: ReferralId([1; 16]), number: 2, seen: 0, heard: [0; 32], vocabulary: "1".into(), words };
        for reason in [None, Some("transferred".parse().unwrap())] {
            let message = of(Words::Withdraw { revoked: false, reason });
            let read = from_wire(to_wire(&message)).unwrap();
            assert!(read.words == message.words);
        }
        let wire = Referral { withdraw_reason: "transferred".into(), ..to_wire(&of(Words::Close)) };
        assert!(from_wire(wire).is_err());
        let wire = Referral { withdraw_reason: "No code!".into(), ..to_wire(&of(Words::Withdraw { revoked: false, reason: None })) };
        assert!(from_wire(wire).is_err());
    }
}
