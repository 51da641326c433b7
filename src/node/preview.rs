//! What people see of a release before it leaves: the bytes that will, read back field by field.

use std::collections::{BTreeMap, BTreeSet};

use super::hold::held_id;
use super::second::named;
use super::status::Names;
use super::view::{Field, HeldView, HoldState, HoldView, LabelCount, MemberView, Page, PreviewRecord, PreviewView};
use super::{Node, NodeError};
use crate::link::convert::{decode_record, encode_record};
use crate::model::alert::Alert;
use crate::model::call::{Call, Volunteer};
use crate::model::record::Withdrawal;
use crate::model::referral::{Message, Words};
use crate::model::sighting::Sighting;
use crate::model::{Indicator, Label, OrgId, Record, RecordKind, ReleaseId, Timestamp};
use crate::rules::disclosed::Line;
use crate::rules::label::Held;
use crate::rules::release::{Encoded, Findings};
use crate::store::Snapshot;
use crate::store::hold::HoldRow;
use data_encoding::{BASE64, HEXLOWER};

/// How many records of a preview that nothing was made of are shown at most.
pub(super) const PREVIEW_MAX: usize = 100;
/// How many records of a hold are shown at once: where nothing was said, and at most.
const PAGE: u64 = 20;
const PAGE_MAX: u64 = 1_000;

impl Node {
    /// What is held, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn holds(&self) -> Result<Vec<HoldView>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let mut holds = snapshot.holds()?;
        holds.sort_by_key(|(id, row)| (row.made, *id));
        holds.iter().map(|(id, row)| self.hold_view(&snapshot, Some(*id), row)).collect()
    }

    /// A release that is held, with a page of its records, read back from the bytes that will leave.
    ///
    /// # Errors
    /// When nothing is held under that id.
    pub fn preview(&self, id: &str, page: Page) -> Result<PreviewView, NodeError> {
        let (id, snapshot) = (held_id(id)?, self.store.snapshot()?);
        let row = snapshot.hold(&id)?.ok_or_else(|| NodeError::NotHeld(id.to_string()))?;
        let limit = if page.limit == 0 { PAGE } else { page.limit.min(PAGE_MAX) };
        let (mut skip, mut records) = (page.skip, Vec::new());
        for (part, lines) in &row.parts {
            let count: u64 = lines.iter().map(|line| line.count).sum();
            if skip >= count {
                skip -= count;
                continue;
            }
            let room = limit - records.len() as u64;
            for item in snapshot.held(&id, *part)?.into_iter().skip(std::mem::take(&mut skip) as usize).take(room as usize) {
                let Held(encoded) = item.encoded;
                records.push(PreviewRecord { part: *part, ..record_view(&encoded, &item.findings) });
            }
            if records.len() as u64 == limit {
                break;
            }
        }
        let hold = self.hold_view(&snapshot, Some(id), &row)?;
        let more = hold.count.saturating_sub(page.skip).saturating_sub(records.len() as u64);
        Ok(PreviewView { hold, records, more })
    }

    /// How much is held; `None` when nothing is.
    pub(super) fn held(&self, snapshot: &Snapshot) -> Result<Option<HeldView>, NodeError> {
        let holds = snapshot.holds()?;
        let Some(since) = holds.iter().map(|(_, row)| row.made).min() else { return Ok(None) };
        let by_itself = holds.iter().filter(|(_, row)| !row.waits_for_a_person());
        Ok(Some(HeldView {
            releases: holds.len() as u64,
            records: holds.iter().map(|(_, row)| row.count()).sum(),
            for_a_person: (holds.len() - by_itself.clone().count()) as u64,
            next: by_itself.filter_map(|(_, row)| row.due).min(),
            since,
        }))
    }

    /// A hold as people see it; without an id one that was only looked at.
    pub(super) fn hold_view(&self, snapshot: &Snapshot, id: Option<ReleaseId>, row: &HoldRow) -> Result<HoldView, NodeError> {
        let (names, people) = (Names::of(snapshot)?, Self::user_names(snapshot)?);
        let (recipients, lines) = (self.door(row.audience)?.recipients(), row.lines());
        let recipients: BTreeSet<OrgId> = lines.iter().flat_map(|line| recipients.of(line.label, line.kind)).collect();
        let recipient = |org| MemberView { org_id: org, name: names.known(&org) };
        let state = if id.is_none() { HoldState::Preview } else { self.state_of(id, row) };
        Ok(HoldView {
            id,
            referral: row.referral,
            audience: row.audience.to_string(),
            audience_name: names.audience(&row.audience),
            recipients: recipients.into_iter().map(recipient).collect(),
            made: row.made,
            due: row.due.filter(|_| id.is_some()),
            state,
            reason: row.reason.clone(),
            count: row.count(),
            left: row.left,
            labels: label_counts(&lines),
            digest: HEXLOWER.encode(&row.digest),
            replaced: row.replaced.clone(),
            warnings: row.warnings.clone(),
            asks: row.asks.clone(),
            confirmed: row.confirmed,
            by: named(&people, row.by.clone()),
            approved_by: named(&people, row.second.approval.as_ref().map(|signed| signed.approval.by.short())),
        })
    }

    fn state_of(&self, id: Option<ReleaseId>, row: &HoldRow) -> HoldState {
        let is_read = id.is_some_and(|id| self.memory().filling.contains(&id));
        match row {
            _ if row.filling && is_read => HoldState::Filling,
            _ if row.filling => HoldState::Unfinished,
            _ if row.restored => HoldState::Restored,
            _ if !row.asks.is_empty() && !row.confirmed => HoldState::Asks,
            _ if row.second.is_missing() && row.second.released.is_none() => HoldState::Signature,
            _ if row.second.is_missing() => HoldState::Second,
            _ if row.reason.is_some() && row.due.is_some_and(|due| due <= self.clock.now()) => HoldState::Kept,
            _ => HoldState::Held,
        }
    }
}

/// Lines of several parts as one for each label and kind.
fn label_counts(lines: &[Line]) -> Vec<LabelCount> {
    let mut counts: BTreeMap<(Label, u8), (u64, Option<Timestamp>)> = BTreeMap::new();
    for line in lines {
        let (count, retention) = counts.entry((line.label, line.kind)).or_insert((0, Some(Timestamp(0))));
        *count += line.count;
        *retention = match (*retention, line.retention) {
            (None, _) | (_, Timestamp(0)) => None,
            (Some(one), other) => Some(one.max(other)),
        };
    }
    counts.into_iter().map(|((label, kind), (count, retention))| LabelCount { label, kind: kind_name(kind), count, retention }).collect()
}

pub(crate) fn kind_name(kind: u8) -> String {
    RecordKind::from_number(kind).map_or_else(|| format!("kind {kind}"), |kind| kind.name().to_owned())
}

/// A record that would leave, read back from its bytes.
pub(super) fn record_view(encoded: &Encoded, findings: &Findings) -> PreviewRecord {
    let Encoded { kind, body, label, retention, .. } = encoded;
    let Findings { replaced, warnings, asks } = findings.clone();
    PreviewRecord {
        part: 0,
        label: *label,
        kind: kind_name(*kind),
        kind_number: *kind,
        retention: Some(*retention).filter(|date| *date != Timestamp(0)),
        fields: fields(*kind, body),
        replaced,
        warnings,
        asks,
        bytes: BASE64.encode(body),
    }
}

/// Every field that a reader gets. Bytes that say more than we read in them are not shown as if they did not.
pub(crate) fn fields(kind: u8, body: &[u8]) -> Vec<Field> {
    let record = RecordKind::from_number(kind).and_then(|kind| decode_record(kind, body).ok());
    let Some(record) = record.filter(|record| encode_record(record) == body) else {
        return vec![field("bytes", format!("{} bytes that this program cannot read back", body.len()))];
    };
    match record {
        Record::Indicator(indicator) => indicator_fields(indicator),
        Record::Profile(projection) => super::profile::fields_of(projection.profile()),
        Record::Referral(message) => message_fields(message),
        Record::Withdrawal(Withdrawal { log, seqs, reason, .. }) => {
            vec![field("log", log), field("positions", seqs.len()), field("reason", reason)]
        }
        Record::Receipt(receipt) => vec![field("log", receipt.log), field("positions", receipt.outcomes.len())],
        Record::KeyChange(key) => vec![field("key", HEXLOWER.encode(&key))],
        Record::Alert(alert) => alert_fields(*alert),
        Record::Call(call) => call_fields(call),
        Record::Volunteer(Volunteer { call, start }) => {
            let start = start.map(|at| field("start", at));
            std::iter::once(field("call", call)).chain(start).collect()
        }
        Record::Sighting(sighting) => {
            let Sighting { log, seqs, what, count, first, last, passed_on } = sighting;
            let mut fields = vec![field("log", log), field("positions", seqs.len()), field("type", what), field("count", count)];
            fields.extend([field("first", first), field("last", last)]);
            fields.extend(passed_on.map(|tag| field("passed_on", HEXLOWER.encode(&tag))));
            fields
        }
        Record::Match(check) => vec![field("check", check)],
    }
}

/// What a message says, as it would be read from a file.
fn message_fields(message: Message) -> Vec<Field> {
    let Message { referral, number, mut words, .. } = message;
    let mut fields = vec![field("referral", referral), field("number", number), field("says", words.name())];
    if let Words::Offer(offer) = &words
        && let Ok(serde_json::Value::Object(all)) = serde_json::to_value(offer)
    {
        let text = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        fields.extend(all.into_iter().map(|(name, value)| field(&name, text(value))));
        return fields;
    }
    fields.extend(words.texts_mut().into_iter().map(|(name, text, _)| field(name, text)));
    fields
}

fn alert_fields(alert: Alert) -> Vec<Field> {
    let Alert { id, incident_types, countries, regions, priority, priority_newer, headline, advice, valid_until, indicators, vocabulary } =
        alert;
    let mut fields =
        vec![field("alert", id), field("headline", headline), field("advice", advice), field("priority", priority.shown(priority_newer))];
    fields.extend([field("valid_until", valid_until), field("vocabulary", vocabulary)]);
    fields.extend(incident_types.into_iter().map(|code| field("incident_type", code)));
    fields.extend(countries.into_iter().map(|country| field("country", country)));
    fields.extend(regions.into_iter().map(|code| field("region", code)));
    fields.extend(indicators.iter().map(|one| field(one.kind().name(), one.value())));
    fields
}

fn call_fields(call: Call) -> Vec<Field> {
    let Call { id, help_wanted, incident_types, languages, region, priority, priority_newer, expires, vocabulary } = call;
    let mut fields = vec![
        field("call", id),
        field("priority", priority.shown(priority_newer)),
        field("expires", expires),
        field("vocabulary", vocabulary),
    ];
    fields.extend(help_wanted.into_iter().map(|code| field("help_wanted", code)));
    fields.extend(incident_types.into_iter().map(|code| field("incident_type", code)));
    fields.extend(languages.into_iter().map(|tag| field("language", tag)));
    fields.extend(region.map(|code| field("region", code)));
    fields
}

fn indicator_fields(indicator: Indicator) -> Vec<Field> {
    let Indicator { observable, valid_from, valid_until, confidence, labels, note, source } = indicator;
    let mut fields = vec![field("kind", observable.kind().name()), field("value", observable.value())];
    fields.extend(valid_from.map(|at| field("valid_from", at)));
    fields.extend(valid_until.map(|at| field("valid_until", at)));
    fields.extend(confidence.map(|confidence| field("confidence", confidence)));
    fields.extend(labels.into_iter().map(|label| field("label", label)));
    fields.extend(note.map(|note| field("note", note)));
    fields.extend(source.map(|source| field("source", source)));
    fields
}

fn field(name: &str, value: impl std::fmt::Display) -> Field {
    Field { name: name.into(), value: value.to_string() }
}
