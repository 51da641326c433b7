//! What changed for a consumer since it was here last, as lines: what came or changed, and what it has to drop. A mirror that goes on with each cursor that it
//! is given has at every end what `watchfire export` would write for it, but for what passed its `valid_until`, which each line tells.
//!
//! The cursor is that of exports (`node/cursor.rs`): bound to what the consumer may see, and unreadable for it.

use super::Consumer;
use crate::formats::stix::write::indicator_id;
use crate::model::log::Audience;
use crate::model::{GroupId, ObservableKind, OrgId, RecordId, Timestamp, Tlp};
use crate::node::export_records::{BEHIND, UP_TO_DATE, is_about_what_is_seen, removal, time_of};
use crate::node::view::{ExportFormat, ExportOptions, ExportRequest};
use crate::node::{Node, NodeError};
use crate::rules::may::To;
use crate::store::change::{Change, ExportRow};
use crate::store::{Filter, ProvenanceState, SightingRow, Snapshot};
use serde::Serialize;
use std::collections::BTreeSet;

/// So many events are looked at for one page.
const EVENTS_MAX: usize = 20_000;
/// And so many at once.
const EVENTS_AT_ONCE: usize = 1_000;

/// What a consumer wants of what it may have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Where it was last; from the start where it gives none.
    pub cursor: Option<String>,
    /// These kinds alone; all where there is none.
    pub kinds: Vec<ObservableKind>,
    /// Nothing of a stricter TLP.
    pub tlp: Option<Tlp>,
    /// So many lines at most.
    pub limit: usize,
}

/// A page of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Each with a line feed.
    pub lines: Vec<u8>,
    /// How many there are.
    pub count: usize,
    /// Where it goes on.
    pub cursor: String,
    /// Whether more is there already.
    pub more: bool,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'l> {
    Indicator {
        id: String,
        kind: ObservableKind,
        value: &'l str,
        tlp: Tlp,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        marks: Vec<String>,
        author: OrgId,
        #[serde(skip_serializing_if = "Option::is_none")]
        valid_from: Option<Timestamp>,
        #[serde(skip_serializing_if = "Option::is_none")]
        valid_until: Option<Timestamp>,
        #[serde(skip_serializing_if = "Option::is_none")]
        confidence: Option<u8>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        labels: Vec<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        source: Option<String>,
        created: Timestamp,
        modified: Timestamp,
    },
    Removed {
        id: String,
        why: &'l str,
    },
}

/// A value that was looked up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Match {
    /// The indicator's id, as lines and STIX have it.
    pub id: String,
    /// Its kind.
    pub kind: ObservableKind,
    /// Its value.
    pub value: String,
    /// Its label.
    pub tlp: Tlp,
    /// Who says it.
    pub author: OrgId,
    /// How it was found: `exact`, `parent`, `on_host`, ….
    pub r#match: String,
    /// `live`, `expired` or `revoked`.
    pub state: String,
    /// Until when it is of use.
    pub valid_until: Option<Timestamp>,
    /// As its author said it, 0 to 100.
    pub confidence: Option<u8>,
    /// What is left of that at the beginning of the day; of one that was not said, of 50 (docs/life.md).
    pub confidence_now: Option<u8>,
    /// How many organisations say the value or saw it.
    pub organisations: u32,
    /// Whether somebody says that the value is of nothing bad while somebody else says it or saw it.
    pub disputed: bool,
}

impl Node {
    /// What came, changed or went for a consumer. Blocking.
    ///
    /// # Errors
    /// When the cursor is none of such a request, nothing may be served yet, or the store cannot be read.
    pub fn changes_for(&self, consumer: &Consumer, wanted: &Wanted) -> Result<Changes, NodeError> {
        let mut ceiling = consumer.ceiling(false);
        ceiling.tlp = wanted.tlp.map_or(ceiling.tlp, |tlp| tlp.min(ceiling.tlp));
        let (groups, kinds, options) = (consumer.groups.clone(), wanted.kinds.clone(), ExportOptions::default());
        let request =
            ExportRequest { format: ExportFormat::Stix, ceiling, groups: groups.clone(), since: None, kinds: kinds.clone(), options };
        let export = self.begin_export(request.clone())?;
        let snapshot = &export.snapshot;
        let since = wanted.cursor.as_ref().map(|cursor| self.event_of(snapshot, &request, cursor)).transpose()?.unwrap_or(0);
        let filter = Filter { kinds, ceiling, groups, revoked: true, now: export.now };
        let (before, bytes_max) = (time_of(snapshot, since)?, self.config.https.taxii_page_bytes_max);
        let (mut at, mut seen, mut looked) = (since, BTreeSet::<RecordId>::new(), 0);
        let mut page = Changes { lines: Vec::new(), count: 0, cursor: String::new(), more: false };
        'all: loop {
            let events = snapshot.since(at, EVENTS_AT_ONCE, &filter)?;
            if events.is_empty() {
                at = snapshot.newest()?;
                break;
            }
            for event in events {
                if page.count >= wanted.limit || looked >= EVENTS_MAX || page.lines.len() as u64 >= bytes_max {
                    page.more = true;
                    break 'all;
                }
                (at, looked) = (event.cursor, looked + 1);
                if !seen.insert(event.record) {
                    continue;
                }
                let item = event.item.as_ref();
                let holds = item.filter(|item| item.provenances.iter().any(|one| one.state != ProvenanceState::Revoked));
                let row = holds.map(|item| export.rows(&item.provenances)).transpose()?.and_then(|rows| rows.into_iter().next());
                let id = indicator_id(&event.record);
                match row.filter(|row| !row.revoked) {
                    Some(row) => page.push(&Line::Indicator {
                        id,
                        kind: row.observable.kind(),
                        value: row.observable.value(),
                        tlp: row.tlp,
                        marks: row.marks,
                        author: row.author,
                        valid_from: row.valid_from,
                        valid_until: row.valid_until,
                        confidence: row.confidence,
                        labels: row.labels,
                        note: row.note,
                        source: row.source,
                        created: row.created,
                        modified: row.modified,
                    }),
                    None => {
                        let was_there = filter.groups.is_empty() || was_said_there(snapshot, &event.record, &filter.groups)?;
                        let why = if was_there { removal(snapshot, &event.record, item, &filter, before)? } else { None };
                        if let Some(why) = why {
                            page.push(&Line::Removed { id, why });
                        }
                    }
                }
            }
        }
        page.cursor = export.cursor_to(self, at)?;
        if page.count > 0 {
            // A consumer that is up to date has dropped by now what was taken back before.
            let format = if page.more { BEHIND } else { UP_TO_DATE };
            let since = (since > 0).then_some(before);
            let row = ExportRow { at: export.now, format: format.to_owned(), ceiling, since, to: Some(consumer.name.to_string()) };
            self.store.commit_blocking(Change::Exported(Box::new(row)))?;
        }
        Ok(page)
    }

    /// What is known of a value, of what a consumer may see. Blocking.
    ///
    /// # Errors
    /// When nothing may be served yet, or the store cannot be read. What is no value is told as text.
    pub fn looked_up(
        &self,
        consumer: &Consumer,
        value: &str,
        kind: Option<ObservableKind>,
    ) -> Result<Result<Vec<Match>, String>, NodeError> {
        self.may_serve(&self.store.snapshot()?)?;
        let now = self.clock.now();
        let sees = |one: &crate::store::Provenance| consumer.sees(one, now);
        let sees_word = |snapshot: &Snapshot, row: &SightingRow| self.is_word_for(consumer, snapshot, row);
        let view = self.lookup_seen(&[value.to_owned()], kind, &sees, &sees_word)?.pop().unwrap_or_default();
        if let Some(problem) = view.problem {
            return Ok(Err(problem));
        }
        let each = view.matches.into_iter().map(|one| Match {
            id: indicator_id(&one.record),
            kind: one.kind,
            value: one.value,
            tlp: one.label.tlp(),
            author: one.author,
            r#match: one.r#match,
            state: one.state,
            valid_until: one.valid_until,
            confidence: one.confidence,
            confidence_now: one.confidence_now,
            organisations: one.organisations,
            disputed: one.disputed,
        });
        Ok(Ok(each.collect()))
    }

    /// Whether what somebody met is among what a consumer may have: the word, and the entry that it is about.
    fn is_word_for(&self, consumer: &Consumer, snapshot: &Snapshot, row: &SightingRow) -> bool {
        let ceiling = consumer.ceiling(false);
        self.sees_sighting(row, &To::Tool(ceiling)) && is_about_what_is_seen(snapshot, ceiling, &consumer.groups, row)
    }

    /// The alerts that hold, of those that a consumer may see: TLP:GREEN at the most, as in the feed of alerts. Blocking.
    ///
    /// # Errors
    /// When nothing may be served yet, or the store cannot be read.
    pub fn alerts_seen(&self, consumer: &Consumer) -> Result<Vec<serde_json::Value>, NodeError> {
        let snapshot = self.store.snapshot()?;
        self.may_serve(&snapshot)?;
        let mut alerts = self.alerts_for(&snapshot, consumer.ceiling(false), &consumer.groups)?;
        alerts.sort_by_key(|one| (std::cmp::Reverse(one.at), one.author, one.alert.id));
        let view = |one: crate::formats::export::Warning| {
            let alert = one.alert;
            serde_json::json!({
                "id": alert.id.to_string(),
                "author": one.author.to_string(),
                "tlp": one.tlp.name(),
                "at": one.at.to_string(),
                "until": one.until.to_string(),
                "priority": alert.priority.to_string(),
                "headline": alert.headline,
                "advice": alert.advice,
                "incident_types": alert.incident_types.iter().map(|code| code.as_str()).collect::<Vec<_>>(),
                "countries": alert.countries.iter().map(|code| code.as_str()).collect::<Vec<_>>(),
                "regions": alert.regions.iter().map(|code| code.as_str()).collect::<Vec<_>>(),
                "indicators": alert.indicators.iter().map(|one| serde_json::json!({ "kind": one.kind().name(), "value": one.value() })).collect::<Vec<_>>(),
            })
        };
        Ok(alerts.into_iter().map(view).collect())
    }
}

impl Changes {
    fn push(&mut self, line: &Line<'_>) {
        // Texts, numbers and times: nothing in them that JSON cannot have.
        if serde_json::to_writer(&mut self.lines, line).is_ok() {
            self.lines.push(b'\n');
            self.count += 1;
        }
    }
}

/// Whether a record was ever said in one of these groups: what happens elsewhere must not show.
fn was_said_there(snapshot: &Snapshot, record: &RecordId, groups: &[GroupId]) -> Result<bool, NodeError> {
    for (log, _) in snapshot.positions(record)? {
        if let Some(info) = snapshot.log(&log)?
            && let Audience::Group(group) = info.key.audience
            && groups.contains(&group)
        {
            return Ok(true);
        }
    }
    Ok(false)
}
