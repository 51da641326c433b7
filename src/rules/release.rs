//! The release gate, the only way out: projection, labels, and what the disclosure will say.
//!
//! Detectors and the preview stand between projection and labels once they exist (DESIGN §5).

use super::label::{AudienceState, Withheld};
use super::may::{About, Action, To, may};
use crate::model::log::Audience;
use crate::model::{Indicator, Label, Observable, OrgId, Record, Timestamp};

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

/// Decides whether a draft leaves.
///
/// # Errors
/// The reason, when it does not.
pub fn release(draft: Draft, audience: AudienceState<'_>, us: &OrgId, now: Timestamp) -> Result<Passed, Withheld> {
    let about = About { label: draft.label, kind: draft.record.kind().number(), retention: draft.retention };
    may(Action::Release, &about, &To::Audience { state: audience, us }, now)?;
    let draft = Released(Draft { record: project(draft.record), ..draft });
    Ok(Passed { draft, findings: Findings::default() })
}

/// Keeps the fields that are listed here and drops all else. A new field does not compile until it is decided here.
fn project(record: Record) -> Record {
    match record {
        Record::Indicator(indicator) => {
            let Indicator { observable, valid_from, valid_until, confidence, labels, note, source } = indicator;
            let note = note.map(|text| cut(text, NOTE_MAX));
            let source = source.map(|text| cut(text, SOURCE_MAX));
            let labels = labels.into_iter().take(LABELS_MAX).map(|label| cut(label, LABEL_MAX)).collect();
            Record::Indicator(Indicator { observable, valid_from, valid_until, confidence, labels, note, source })
        }
        Record::Withdrawal(mut withdrawal) => {
            withdrawal.reason = cut(withdrawal.reason, REASON_MAX);
            Record::Withdrawal(withdrawal)
        }
        Record::Receipt(receipt) => Record::Receipt(receipt),
        Record::KeyChange(key) => Record::KeyChange(key),
    }
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

fn cut(text: String, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((at, _)) => text[..at].to_owned(),
        None => text,
    }
}

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
    /// Whether the hold was skipped.
    pub now: bool,
}

/// SHA-256 over bodies, each with its length before it.
pub fn digest<'a>(bodies: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let parts: Vec<&[u8]> = bodies.into_iter().collect();
    crate::model::crypto::sha256_framed("watchfire/disclosure/v1", &parts)
}

mod hex32 {
    use data_encoding::HEXLOWER;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&HEXLOWER.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(serde::de::Error::custom)?;
        bytes.try_into().map_err(|_| serde::de::Error::custom("32 bytes of hex are expected"))
    }
}
