//! What was met, listed; and what we said of it, taken back.

use super::{SightingRow, name_of};
use crate::model::log::Audience;
use crate::model::record::WithdrawalMode;
use crate::model::sighting::SightingType;
use crate::model::{Label, LogId, ObservableKind, Record, RecordId, RecordKind, ReferralId, Timestamp};
use crate::node::referral::By;
use crate::node::status::Names;
use crate::node::{Node, NodeError};
use crate::rules::may::{Person, To};
use crate::store::change::{Change, Shelf};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The most that one answer lists: the newest.
const LISTED_MAX: usize = 1_000;

/// One word about one entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SightingView {
    /// The record that it is about, by its id here.
    pub record: RecordId,
    /// The record's kind.
    pub kind: ObservableKind,
    /// Its value.
    pub value: String,
    /// The record's author, by name here.
    pub author_name: String,
    /// Who says it: `us`, a name, or `a member of GROUP`.
    pub by: String,
    /// What is said.
    pub r#type: SightingType,
    /// How often it was met.
    pub count: u32,
    /// When first.
    pub first: Timestamp,
    /// When last.
    pub last: Timestamp,
    /// When it was said, by the clock of whoever says it.
    pub told: Timestamp,
    /// The label of the word.
    #[serde(flatten)]
    pub label: Label,
}

/// What of ours is taken back.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WithdrawSightingRequest {
    /// A value, a record's id here, or an entry as `LOG:POSITION`.
    pub of: String,
    /// Of this type alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<SightingType>,
}

/// How many words of ours were taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawnView {
    /// Of how many records.
    pub records: u64,
}

impl Node {
    /// What others and we met, the newest first.
    ///
    /// # Errors
    /// When the value is nobody's here, or the store cannot be read.
    pub fn sightings(&self, of: Option<&str>, since: Option<Timestamp>) -> Result<Vec<SightingView>, NodeError> {
        let (snapshot, now) = (self.store.snapshot()?, self.clock.now());
        let (names, person) = (Names::of(&snapshot)?, To::Person(Person::Operator));
        let mut rows = match of {
            None => snapshot.all_sightings(now)?,
            Some(text) => {
                let mut rows = Vec::new();
                for (log, seq) in self.places_named(&snapshot, text)? {
                    rows.extend(snapshot.sightings(&log, seq, now)?);
                }
                rows
            }
        };
        rows.retain(|row| since.is_none_or(|since| row.told >= since) && self.sees_sighting(row, &person));
        rows.sort_by_key(|row| (std::cmp::Reverse(row.told), row.id()));
        let mut views = Vec::new();
        for row in rows.into_iter().take(LISTED_MAX) {
            let Some(record) = snapshot.record_at(&row.log, row.seq)? else { continue };
            let (Some(found), Some(log)) = (snapshot.find(&record)?, snapshot.log(&row.log)?) else { continue };
            let SightingRow { what, count, first, last, told, label, .. } = row;
            views.push(SightingView {
                record,
                kind: found.observable.kind(),
                value: found.observable.value().to_owned(),
                author_name: names.org(&log.key.author),
                by: name_of(&names, &row.word().by),
                r#type: what,
                count,
                first,
                last,
                told,
                label,
            });
        }
        Ok(views)
    }

    /// Where a value stands, or a record: every position, ours too.
    fn places_named(&self, snapshot: &crate::store::Snapshot, text: &str) -> Result<BTreeSet<(LogId, u64)>, NodeError> {
        let records: Vec<RecordId> = match self.record_named(snapshot, text)? {
            Some(record) => vec![record],
            None => {
                let met = self.met(snapshot, text, None, &|_| true);
                let ours = self.any_record(snapshot, text).ok();
                let others: Vec<RecordId> = met.as_ref().map(|met| met.iter().map(|met| met.record).collect()).unwrap_or_default();
                match (ours, others.is_empty(), met) {
                    (None, true, Err(error)) => return Err(error),
                    (ours, ..) => others.into_iter().chain(ours).collect(),
                }
            }
        };
        let mut places = BTreeSet::new();
        for record in records {
            places.extend(super::places(snapshot, &record)?);
        }
        Ok(places)
    }

    /// Takes back what we said we met: whoever was told holds it no more.
    ///
    /// # Errors
    /// When we have said nothing of it, or the store takes no changes.
    pub async fn withdraw_sighting(&self, request: WithdrawSightingRequest, by: By) -> Result<WithdrawnView, NodeError> {
        let (snapshot, now, us) = (self.store.snapshot()?, self.clock.now(), self.org());
        let mut ours: BTreeMap<LogId, Vec<SightingRow>> = BTreeMap::new();
        let mut records = BTreeSet::new();
        for (log, seq) in self.places_named(&snapshot, &request.of)? {
            let is_it =
                |row: &SightingRow| row.reporter == us && row.member.is_none() && request.r#type.is_none_or(|wanted| row.what == wanted);
            for row in snapshot.sightings(&log, seq, now)?.into_iter().filter(is_it) {
                records.extend(snapshot.record_at(&log, seq)?);
                ours.entry(log).or_default().push(row);
            }
        }
        if ours.is_empty() {
            return Err(NodeError::Conflict("we have said nothing of it\nhint: `watchfire sighting list` shows what we said".into()));
        }
        let forget = |row: &SightingRow| Change::Keep { shelf: Shelf::Sighting, id: row.id(), row: None };
        let mut beside: Vec<Change> = ours.values().flatten().map(forget).collect();
        beside.extend(records.iter().map(|record| self.deed(by, "sighting withdrawn", &ReferralId(record.0), 0)));
        for (log, rows) in &ours {
            let Some(about) = snapshot.log(log)?.map(|info| info.key) else { continue };
            // Nobody was told what we said of a feed's.
            if about.author.is_feed() {
                continue;
            }
            let mut told = BTreeSet::from([Audience::Direct(about.author), about.audience]);
            told.extend(self.group_of(&snapshot, &about)?.map(|group| Audience::Direct(group.signer)));
            told.remove(&Audience::Direct(us));
            for audience in told {
                let is_it = |record: &Record| {
                    matches!(record, Record::Sighting(said) if said.log == *log && said.passed_on.is_none()
                        && rows.iter().any(|row| row.what == said.what && said.seqs.contains(&row.seq)))
                };
                // The rows go with the first: what is left of them then would not count either, once all of it is taken back.
                let with = std::mem::take(&mut beside);
                self.take_back_posted(audience, RecordKind::Sighting, is_it, (WithdrawalMode::Withdraw, ""), with).await?;
            }
        }
        if !beside.is_empty() {
            self.commit_many(beside).await?;
        }
        Ok(WithdrawnView { records: records.len() as u64 })
    }
}
