//! What is held: let out by the gate, and not yet said to anybody. It stands apart from the logs and from every index, so that undoing it
//! leaves nothing to be undone elsewhere.

use super::change::ReleaseItem;
use super::codec::{Reader, Row, Writer};
use crate::model::desk::{SignedApproval, SignedRelease, Terms};
use crate::model::log::Audience;
use crate::model::{Label, Observable, RecordId, ReferralId, ReleaseId, Timestamp};
use crate::rules::disclosed::{self, Leaving, Line};
use crate::rules::label::Held;
use crate::rules::release::{Encoded, Findings};
use std::collections::BTreeMap;

/// A release that is held, without its records.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HoldRow {
    /// Who is to get it.
    pub audience: Audience,
    /// When it was made.
    pub made: Timestamp,
    /// When it leaves, if nothing else keeps it; `None` while it is filled.
    pub due: Option<Timestamp>,
    /// Whether its time was skipped, or the settings give none.
    #[serde(default)]
    pub now: bool,
    /// Whether an import still fills it. It does not after a crash: then it waits for a person.
    pub filling: bool,
    /// The lines of each part that is still here, as the disclosures will have them.
    pub parts: BTreeMap<u32, Vec<Line>>,
    /// The digest over all lines that were in it when it was complete: what was previewed, and what leaves.
    #[serde(with = "digest_text")]
    pub digest: [u8; 32],
    /// When the last holder destroys the last of them, those included that have left; 0 for never.
    #[serde(default)]
    pub retention: Timestamp,
    /// Under which name its records count, for bursts.
    #[serde(default)]
    pub source: String,
    /// How many of its records have left.
    pub left: u64,
    /// Places that gave way to placeholders, by kind.
    pub replaced: BTreeMap<String, u64>,
    /// What is worth a look, and of how many records.
    pub warnings: BTreeMap<String, u64>,
    /// Why a person has to say yes, and of how many records.
    pub asks: BTreeMap<String, u64>,
    /// Whether a person said yes.
    pub confirmed: bool,
    /// Whether it came from a backup: whoever undid it may have done so after the backup was made.
    #[serde(default)]
    pub restored: bool,
    /// Why it does not leave although it is due, or why it was made anew.
    pub reason: Option<String>,
    /// The desk user that released it: the beginning of the key, since names stay out of what is exported.
    #[serde(default)]
    pub by: Option<String>,
    /// The producer that said it, where a program did. Stays whoever releases it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The second person.
    #[serde(default)]
    pub second: Second,
    /// Where it is a message about a referral: which. Nothing else is said there while it is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral: Option<ReferralId>,
}

/// Two people's part in a release.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Second {
    /// Whether one is needed.
    pub needed: bool,
    /// What the first person signed.
    #[serde(default)]
    pub released: Option<SignedRelease>,
    /// What the second person signed.
    #[serde(default)]
    pub approval: Option<SignedApproval>,
}

impl Second {
    /// Whether an approval is still missing.
    pub const fn is_missing(&self) -> bool {
        self.needed && self.approval.is_none()
    }
}

/// So many different texts are kept of what was found in a release; the preview has each record's own.
const TEXTS_MAX: usize = 100;
/// Under which the others count.
const OTHERS: &str = "other reasons, which the preview shows with each record";

fn count_text(texts: &mut BTreeMap<String, u64>, text: &str) {
    let known = texts.contains_key(text) || texts.len() < TEXTS_MAX;
    *texts.entry(if known { text } else { OTHERS }.to_owned()).or_default() += 1;
}

impl HoldRow {
    /// A hold with nothing in it yet.
    pub fn new(audience: Audience, made: Timestamp) -> Self {
        Self {
            audience,
            made,
            due: None,
            now: false,
            filling: true,
            parts: BTreeMap::new(),
            digest: [0; 32],
            retention: Timestamp(0),
            source: String::new(),
            left: 0,
            replaced: BTreeMap::new(),
            warnings: BTreeMap::new(),
            asks: BTreeMap::new(),
            confirmed: false,
            restored: false,
            reason: None,
            by: None,
            from: None,
            second: Second::default(),
            referral: None,
        }
    }

    /// Takes a part in: its lines, and the digest anew. What was found in it is [`Self::note`]'s.
    pub fn put_part(&mut self, part: u32, items: &[ReleaseItem]) {
        let encoded: Vec<Leaving<'_>> = items.iter().map(|item| item.released.get().into()).collect();
        match disclosed::lines(&encoded) {
            lines if lines.is_empty() => drop(self.parts.remove(&part)),
            lines => drop(self.parts.insert(part, lines)),
        }
        self.digest = disclosed::whole(&self.lines());
        self.retention = disclosed::last(self.parts.values().flatten().map(|line| line.retention));
    }

    /// Counts what the gate found.
    pub fn note<'a>(&mut self, findings: impl Iterator<Item = &'a Findings> + Clone) {
        for (kind, count) in disclosed::replaced(findings.clone()) {
            *self.replaced.entry(kind).or_default() += count;
        }
        for one in findings {
            one.warnings.iter().for_each(|warning| count_text(&mut self.warnings, warning));
            one.asks.iter().for_each(|ask| count_text(&mut self.asks, ask));
        }
    }

    /// The lines of what is still here, in the order in which they leave.
    pub fn lines(&self) -> Vec<Line> {
        self.parts.values().flatten().cloned().collect()
    }

    /// How many records are still here.
    pub fn count(&self) -> u64 {
        self.parts.values().flatten().map(|line| line.count).sum()
    }

    /// The labels of what is still here.
    pub fn labels(&self) -> impl Iterator<Item = Label> {
        self.parts.values().flatten().map(|line| line.label)
    }

    /// What two people sign, where it needs two.
    pub fn terms(&self, id: &ReleaseId) -> Terms {
        Terms { hold: *id, digest: self.digest, audience: self.audience, retention: self.retention }
    }

    /// Whether it waits for a person, whatever the time is.
    pub fn waits_for_a_person(&self) -> bool {
        self.filling || self.restored || self.second.is_missing() || (!self.asks.is_empty() && !self.confirmed)
    }
}

impl Row for HoldRow {
    fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// A record that is held, exactly as it will leave.
#[derive(Debug, Clone)]
pub struct HeldItem {
    /// Our id for it, where it is an indicator.
    pub record: Option<RecordId>,
    /// Observables inside a pattern.
    pub inside: Vec<Observable>,
    /// The record.
    pub encoded: Held<Encoded>,
    /// What people are told of it.
    pub findings: Findings,
}

/// Table `held`: the number of the body that has the records, and how many they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HeldRow {
    pub(super) body: u64,
    pub(super) count: u32,
}

impl Row for HeldRow {
    fn encode(&self) -> Vec<u8> {
        Writer::default().u64(self.body).u32(self.count).done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let (body, count) = (row.u64()?, row.u32()?);
        row.end(Self { body, count })
    }
}

/// Records as one value. One value has one key where bodies are encrypted, so that undoing destroys one key.
pub(super) fn pack(items: &[ReleaseItem]) -> Vec<u8> {
    items.iter().fold(Writer::default(), pack_one).done()
}

fn pack_one(row: Writer, item: &ReleaseItem) -> Writer {
    let ReleaseItem { record, inside, released, findings, said: _ } = item;
    let Encoded { audience: _, kind, observable, valid_until, body, label, retention } = released.get();
    let findings = if findings.is_empty() { Vec::new() } else { serde_json::to_vec(findings).unwrap_or_default() };
    let observable = observable.as_ref().map(Row::encode);
    let row = row.u8(*kind).u8(label.byte()).time(*retention).option(*valid_until, Writer::time);
    let row = row.option(record.as_ref(), |row, record| row.fixed(&record.0)).option(observable, |row, bytes| row.bytes(&bytes));
    let row = row.u32(u32::try_from(inside.len()).unwrap_or(u32::MAX));
    inside.iter().fold(row, |row, observable| row.bytes(&observable.encode())).bytes(&findings).bytes(body)
}

/// Reads what [`pack`] wrote; `None` when it is not that.
pub(super) fn unpack(audience: Audience, bytes: &[u8]) -> Option<Vec<HeldItem>> {
    let (mut row, mut items) = (Reader(bytes), Vec::new());
    while !row.0.is_empty() {
        items.push(unpack_one(audience, &mut row)?);
    }
    Some(items)
}

fn unpack_one(audience: Audience, row: &mut Reader<'_>) -> Option<HeldItem> {
    let (kind, label, retention) = (row.u8()?, Label::from_byte(row.u8()?)?, row.time()?);
    let valid_until = row.option(Reader::time)?;
    let record = row.option(|row| row.fixed().map(RecordId))?;
    let observable = row.option(|row| Observable::decode(row.bytes()?))?;
    let count = row.u32()?;
    let inside = (0..count).map(|_| Observable::decode(row.bytes()?)).collect::<Option<_>>()?;
    let findings = match row.bytes()? {
        [] => Findings::default(),
        bytes => serde_json::from_slice(bytes).ok()?,
    };
    let body = row.bytes()?.to_vec();
    let encoded = Held(Encoded { audience, kind, observable, valid_until, body, label, retention });
    Some(HeldItem { record, inside, encoded, findings })
}

mod digest_text {
    use data_encoding::HEXLOWER;
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    pub(super) fn serialize<S: Serializer>(digest: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&HEXLOWER.encode(digest))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let bytes = HEXLOWER.decode(String::deserialize(deserializer)?.as_bytes()).map_err(D::Error::custom)?;
        bytes.try_into().map_err(|_| D::Error::custom("32 bytes of hex are expected"))
    }
}
