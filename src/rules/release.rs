//! The release gate, the only way out: labels, projection, what `gate` finds in values and texts, and what the disclosure will say.
//!
//! What is held meanwhile passes it twice: when it is drafted, and, as the bytes that it is by then, when it leaves ([`release_held`]).

use super::gate::{Gate, Origin, Texts};
use super::label::{AudienceState, Held, Withheld};
use super::may::{About, Action, To, may};
use super::referral::{Permission, permits, permits_match};
use super::sighting::permits_sighting;
use crate::model::alert::Alert;
use crate::model::call::{Call, Volunteer};
use crate::model::log::Audience;
use crate::model::profile::Projection;
use crate::model::record::{Receipt, Withdrawal};
use crate::model::referral::{Message, Words};
use crate::model::sighting::Sighting;
use crate::model::{Indicator, Label, Observable, OrgId, Record, RecordKind, ReleaseId, Timestamp};
use std::collections::BTreeMap;

/// A record that somebody here wants to share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The record as it is here, with whatever it has.
    pub record: Record,
    /// The label.
    pub label: Label,
    /// Who is to have it.
    pub audience: Audience,
    /// When every holder destroys it; 0 for never.
    pub retention: Timestamp,
}

/// Something that the gate let out. Only the gate makes one.
///
/// ```compile_fail,E0423
/// // Nothing outside the gate makes one.
/// let forged = watchfire::rules::release::Released(0);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released<T>(T);

impl<T> Released<T> {
    /// What was released.
    pub fn get(&self) -> &T {
        &self.0
    }
}

/// A released record, encoded: exactly the bytes that leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// Who may have it: for whom the gate decided. The store takes it into no other log.
    pub audience: Audience,
    /// The number of the record's kind.
    pub kind: u8,
    /// What it is about, for the index of our own store; `None` where it is not an indicator.
    pub observable: Option<Observable>,
    /// See [`Indicator::valid_until`].
    pub valid_until: Option<Timestamp>,
    /// The body.
    pub body: Vec<u8>,
    /// The label.
    pub label: Label,
    /// When every holder destroys it; 0 for never.
    pub retention: Timestamp,
}

impl Released<Draft> {
    /// The bytes that leave, made by the one encoder that there is (`link::convert`).
    pub fn encode(&self, encoder: fn(&Record) -> Vec<u8>) -> Released<Encoded> {
        let Draft { record, label, audience, retention } = &self.0;
        let (observable, valid_until) = match record {
            Record::Indicator(indicator) => (Some(indicator.observable.clone()), indicator.valid_until),
            _ => (None, None),
        };
        let (audience, kind, label, retention) = (*audience, record.kind().number(), *label, *retention);
        Released(Encoded { audience, kind, observable, valid_until, body: encoder(record), label, retention })
    }
}

/// What the gate tells people of a draft that it let through.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Findings {
    /// What gave way to placeholders.
    pub replaced: Vec<Replaced>,
    /// What is worth a look, and holds nothing up.
    pub warnings: Vec<String>,
    /// Why a person has to say yes before it leaves.
    pub asks: Vec<String>,
}

impl Findings {
    /// Whether there is nothing to tell.
    pub const fn is_empty(&self) -> bool {
        self.replaced.is_empty() && self.warnings.is_empty() && self.asks.is_empty()
    }
}

/// Personal data that gave way to placeholders. What it was is kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Replaced {
    /// The field: `note`, `source`, `label`, `reason`, `value`.
    pub field: String,
    /// The kind, as its placeholder names it.
    pub kind: String,
    /// How many places.
    pub count: u64,
}

/// A draft that may leave, and what people are told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// The draft, without what was taken out of it.
    pub draft: Released<Draft>,
    /// What was found.
    pub findings: Findings,
}

/// What a draft is held against, besides its label.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// Detectors, lists and the rest.
    pub gate: &'a Gate,
    /// The observables in a pattern.
    pub inside: &'a [Observable],
    /// Whose word it is.
    pub origin: Origin,
    /// What allows something about a case, or a sighting, to leave; nothing does where there is none.
    pub permission: Option<Permission<'a>>,
}

/// Decides whether a draft leaves, and what of it.
///
/// # Errors
/// The reason, when it does not.
pub fn release(draft: Draft, audience: AudienceState<'_>, us: &OrgId, now: Timestamp, look: Look<'_>) -> Result<Passed, Withheld> {
    let about = About { label: draft.label, kind: draft.record.kind().number(), retention: draft.retention };
    may(Action::Release, &about, &To::Audience { state: audience, us }, now)?;
    match (&draft.record, draft.audience) {
        (Record::Referral(message), Audience::Direct(to)) => permits(look.permission.as_ref(), &message.words, &to, now)?,
        (Record::Sighting(sighting), audience) => permits_sighting(look.permission.as_ref(), sighting, &audience, us)?,
        (Record::Referral(_), Audience::Group(_)) => return Err(Withheld::ReferralToGroup),
        (Record::Call(_), Audience::Direct(_)) => return Err(Withheld::CallToOne),
        (Record::Volunteer(_), Audience::Group(_)) => return Err(Withheld::VolunteerToGroup),
        _ => {}
    }
    if let Record::Match(_) = &draft.record {
        let Audience::Direct(to) = draft.audience else { return Err(Withheld::ReferralToGroup) };
        permits_match(look.permission.as_ref(), &to, now)?;
    }
    let mut findings = Findings::default();
    let record = project(draft.record, look, &mut findings)?;
    Ok(Passed { draft: Released(Draft { record, ..draft }), findings })
}

/// The source of what a hidden group's owner passes on. The gate leaves it as it is, whatever a deny list says.
pub const PASSED_ON: &str = "a member of this group";

/// How bodies are read and written: the one encoder that there is (`link::convert`), and what reads it.
#[derive(Clone, Copy)]
pub struct Codec {
    /// Reads a body of a kind.
    pub read: fn(RecordKind, &[u8]) -> Option<Record>,
    /// Writes one.
    pub write: fn(&Record) -> Vec<u8>,
}

/// Decides anew about what was held, by labels, audience, lists and settings as they are now. It lets out the very bytes that were held, or nothing.
///
/// ```compile_fail,E0308
/// // Only what the store kept can come this way.
/// use watchfire::rules::gate::{Gate, Origin};
/// use watchfire::rules::label::AudienceState;
/// use watchfire::rules::release::{Codec, Encoded, Look, release_held};
///
/// fn forge(encoded: Encoded, codec: Codec, look: Look<'_>) {
///     let us = watchfire::model::OrgId([0; 32]);
///     let _ = release_held(encoded, codec, AudienceState::OPEN, &us, watchfire::model::Timestamp(0), look);
/// }
/// ```
///
/// # Errors
/// The reason, when it may not leave any more, or would leave as something else.
pub fn release_held(
    held: Held<Encoded>,
    codec: Codec,
    audience: AudienceState<'_>,
    us: &OrgId,
    now: Timestamp,
    look: Look<'_>,
) -> Result<Released<Encoded>, Withheld> {
    let Held(encoded) = held;
    let kind = RecordKind::from_number(encoded.kind).ok_or(Withheld::Changed)?;
    let record = (codec.read)(kind, &encoded.body).ok_or(Withheld::Changed)?;
    let draft = Draft { record, label: encoded.label, audience: encoded.audience, retention: encoded.retention };
    let released = release(draft, audience, us, now, look)?.draft.encode(codec.write);
    if released.0.body == encoded.body { Ok(Released(encoded)) } else { Err(Withheld::Changed) }
}

/// Keeps the fields that are listed here and drops all else. A new field does not compile until it is decided here.
fn project(record: Record, look: Look<'_>, findings: &mut Findings) -> Result<Record, Withheld> {
    Ok(match record {
        Record::Indicator(indicator) => Record::Indicator(project_indicator(indicator, look, findings)?),
        Record::Profile(projection) => Record::Profile(Box::new(project_profile(*projection, look, findings))),
        Record::Referral(message) => Record::Referral(project_message(message, look, &mut *findings)),
        // What takes back is never held up: of its reason only personal data goes.
        Record::Withdrawal(Withdrawal { log, seqs, mode, reason }) => {
            let reason = clean_reason(reason, look.gate, findings);
            Record::Withdrawal(Withdrawal { log, seqs, mode, reason })
        }
        Record::Receipt(Receipt { log, outcomes, at, withdrawal }) => Record::Receipt(Receipt { log, outcomes, at, withdrawal }),
        Record::KeyChange(key) => Record::KeyChange(key),
        // Codes, tags and numbers: no text that a detector could find anything in.
        Record::Call(Call { id, help_wanted, incident_types, languages, region, priority, priority_newer, expires, vocabulary }) => {
            Record::Call(Call { id, help_wanted, incident_types, languages, region, priority, priority_newer, expires, vocabulary })
        }
        Record::Alert(alert) => Record::Alert(Box::new(project_alert(*alert, look, findings)?)),
        Record::Volunteer(Volunteer { call, start }) => Record::Volunteer(Volunteer { call, start }),
        Record::Match(check) => Record::Match(check),
        Record::Sighting(Sighting { log, seqs, what, count, first, last, passed_on }) => {
            Record::Sighting(Sighting { log, seqs, what, count, first, last, passed_on })
        }
    })
}

/// What an organisation says of itself is projected for its readers already; its own name is its own to give, its other texts pass the detectors.
fn project_profile(mut projection: Projection, look: Look<'_>, findings: &mut Findings) -> Projection {
    redact_fields(&mut look.gate.texts(Vec::new()), &mut projection.texts_mut(), findings);
    projection
}

/// An alert: its values are judged as those of indicators are, its texts pass the detectors, in which those values may stand.
fn project_alert(alert: Alert, look: Look<'_>, findings: &mut Findings) -> Result<Alert, Withheld> {
    let Alert {
        id,
        incident_types,
        countries,
        regions,
        priority,
        priority_newer,
        headline,
        advice,
        valid_until,
        mut indicators,
        vocabulary,
    } = alert;
    for one in &mut indicators {
        *one = look.gate.value(one.clone(), &[], look.origin, findings)?;
    }
    let mut alert =
        Alert { id, incident_types, countries, regions, priority, priority_newer, headline, advice, valid_until, indicators, vocabulary };
    let own: Vec<Observable> = alert.indicators.clone();
    let own = own.iter().flat_map(|one| one.host().into_iter().chain([one.value()])).collect();
    redact_fields(&mut look.gate.texts(own), &mut alert.texts_mut(), findings);
    Ok(alert)
}

/// A message about a referral: codes and times stay, texts pass the detectors, one record for all of them.
fn project_message(message: Message, look: Look<'_>, findings: &mut Findings) -> Message {
    let Message { referral, number, seen, heard, vocabulary, mut words } = message;
    // An introduction code is made by us, and must arrive as the person has it.
    if !matches!(words, Words::Confirm { .. }) {
        let mut fields = words.texts_mut();
        redact_fields(&mut look.gate.texts(Vec::new()), &mut fields, findings);
    }
    Message { referral, number, seen, heard, vocabulary, words }
}

fn project_indicator(indicator: Indicator, look: Look<'_>, findings: &mut Findings) -> Result<Indicator, Withheld> {
    let Indicator { observable, valid_from, valid_until, confidence, mut labels, mut note, mut source } = indicator;
    let observable = look.gate.value(observable, look.inside, look.origin, findings)?;
    labels.truncate(LABELS_MAX);
    let is_ours = source.as_deref() != Some(PASSED_ON) || look.origin == Origin::Ours;
    let own = observable.host().into_iter().chain([observable.value()]).chain(look.inside.iter().map(Observable::value));
    let mut texts = look.gate.texts(own.collect());
    let mut fields: Vec<(&str, &mut String, usize)> = Vec::new();
    fields.extend(note.as_mut().map(|note| ("note", note, NOTE_MAX)));
    fields.extend(source.as_mut().filter(|_| is_ours).map(|source| ("source", source, SOURCE_MAX)));
    fields.extend(labels.iter_mut().map(|label| ("label", label, LABEL_MAX)));
    let replaced = redact_fields(&mut texts, &mut fields, findings);
    if replaced {
        // Two labels may have become one, and their order another.
        labels.sort();
        labels.dedup();
    }
    Ok(Indicator { observable, valid_from, valid_until, confidence, labels, note, source })
}

/// Whether anything was replaced.
fn redact_fields(texts: &mut Texts<'_>, fields: &mut [(&str, &mut String, usize)], findings: &mut Findings) -> bool {
    let is_long = |text: &str, most: usize| text.len() > most && text.chars().nth(most).is_some();
    let is_clean = texts.are_clean(fields.iter().map(|(_, text, _)| text.as_str()));
    if is_clean && !fields.iter().any(|(_, text, most)| is_long(text, *most)) {
        return false;
    }
    fields.iter().for_each(|(_, text, _)| texts.reserve(text));
    let before = findings.replaced.len();
    for (field, text, most) in fields {
        **text = texts.redact(field, text, *most, findings);
    }
    findings.replaced.len() > before
}

/// A reason without personal data. It goes into a withdrawal, and into a recall that runs ahead of it: both say the same.
pub fn clean_reason(mut reason: String, gate: &Gate, findings: &mut Findings) -> String {
    redact_fields(&mut gate.texts(Vec::new()), &mut [("reason", &mut reason, REASON_MAX)], findings);
    reason
}

/// Longest note in characters.
pub const NOTE_MAX: usize = 2_000;
/// Longest source in characters.
pub const SOURCE_MAX: usize = 200;
/// Longest label in characters.
pub const LABEL_MAX: usize = 100;
/// Most labels of one indicator.
pub const LABELS_MAX: usize = 20;
/// Longest reason in characters.
pub const REASON_MAX: usize = 500;

/// What left, to whom, under which label and which rule: one line of the append-only, hash-chained record.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Disclosure {
    /// When the gate decided.
    pub at: Timestamp,
    /// Who gets it.
    pub audience: Audience,
    /// The label: `tlp`, `class` and `pap`.
    #[serde(flatten)]
    pub label: Label,
    /// The kind of record.
    pub kind: u8,
    /// How many records this line stands for: a whole import is one line for each label.
    pub count: u64,
    /// SHA-256 over the bodies that leave, each with its length before it, in order.
    #[serde(with = "hex32")]
    pub digest: [u8; 32],
    /// The version of the rules that let it out.
    pub rules: u32,
    /// Whether there was no hold.
    pub now: bool,
    /// What else is known of it.
    #[serde(flatten)]
    pub particulars: Particulars,
}

/// What a disclosure says besides. Lines from before schema 7 of the store say nothing of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Particulars {
    /// The release that it is part of, by its id here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseId>,
    /// The digest of the whole release, as it was previewed: [`super::disclosed::whole`] over its lines. `None` where it was not held.
    #[serde(with = "hex32_or_none", skip_serializing_if = "Option::is_none")]
    pub whole: Option<[u8; 32]>,
    /// Who was in the audience at that moment, as far as we know; never us.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<OrgId>,
    /// When the last holder destroys the last of it; `None` for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<Timestamp>,
    /// Who here asked for it, by the name of the desk user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Who here approved of it as the second person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// How many places gave way to placeholders, by the placeholders' kind.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub replaced: BTreeMap<String, u64>,
    /// SHA-256 over the beginnings of the ids of its records, as [`super::disclosed::packed_ids`] packs them.
    #[serde(with = "hex32_or_none", skip_serializing_if = "Option::is_none")]
    pub records: Option<[u8; 32]>,
}

/// SHA-256 over bodies, each with its length before it.
pub fn digest<'a>(bodies: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let parts: Vec<&[u8]> = bodies.into_iter().collect();
    crate::model::crypto::sha256_framed("watchfire/disclosure/v1", &parts)
}

mod hex32_or_none {
    use super::hex32::{self, read};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &Option<[u8; 32]>, serializer: S) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => hex32::serialize(bytes, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<[u8; 32]>, D::Error> {
        Option::<String>::deserialize(deserializer)?.map(|text| read(&text)).transpose()
    }
}

pub(super) mod hex32 {
    use data_encoding::HEXLOWER;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(in crate::rules) fn serialize<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&HEXLOWER.encode(bytes))
    }

    pub(in crate::rules) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        read(&String::deserialize(deserializer)?)
    }

    pub(in crate::rules) fn read<E: serde::de::Error>(text: &str) -> Result<[u8; 32], E> {
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(E::custom)?;
        bytes.try_into().map_err(|_| E::custom("32 bytes of hex are expected"))
    }
}
