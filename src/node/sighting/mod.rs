//! Sightings: what people here met of others' indicators is told to their authors, and what others met of ours is kept beside it. What several
//! words come to is `rules::sighting`'s to say.

mod add;
mod hear;
mod list;
mod pass_on;

pub use add::{SightingReport, SightingRequest, ToldView};
pub use list::{SightingView, WithdrawSightingRequest, WithdrawnView};

use super::NodeError;
use super::status::Names;
use crate::config::Decay;
use crate::model::log::Audience;
use crate::model::{Indicator, LogId, RecordId, RecordKind, Timestamp};
use crate::rules::decay::{Life, score};
use crate::rules::may::About;
use crate::rules::sighting::{Opinions, Reporter};
use crate::store::{Provenance, ProvenanceState, SightingRow, Snapshot};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What others and we say of a record, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpinionsView {
    /// How often it was met.
    pub seen: u64,
    /// By how many organisations.
    pub seen_by: u32,
    /// When last.
    pub seen_last: Option<Timestamp>,
    /// Who says that it is of nothing bad, by name here.
    pub false_by: Vec<String>,
    /// Who says that it is of no use any more, by name here.
    pub expired_by: Vec<String>,
    /// How many more words about it came than are kept.
    #[serde(default, skip_serializing_if = "crate::node::is_default")]
    pub beyond: u64,
}

/// What was said of a record, and how much more.
#[derive(Debug, Clone, Default)]
pub(super) struct Said {
    pub(super) opinions: Opinions,
    beyond: u64,
    /// When the last of it was said.
    pub(super) told: Option<Timestamp>,
}

impl Said {
    /// `None` where nobody has said anything.
    pub(super) fn view(&self, names: &Names) -> Option<OpinionsView> {
        let Self { opinions, beyond, .. } = self;
        let all = |who: &BTreeSet<Reporter>| who.iter().map(|one| name_of(names, one)).collect();
        let view = || OpinionsView {
            seen: opinions.seen,
            seen_by: u32::try_from(opinions.seen_by.len()).unwrap_or(u32::MAX),
            seen_last: opinions.seen_last,
            false_by: all(&opinions.false_by),
            expired_by: all(&opinions.expired_by),
            beyond: *beyond,
        };
        (!opinions.is_empty() || *beyond > 0).then(view)
    }
}

fn name_of(names: &Names, who: &Reporter) -> String {
    match who {
        Reporter::Org(org) => names.org(org),
        Reporter::Member(group, _) => format!("a member of {}", names.audience(&Audience::Group(*group))),
    }
}

/// What the rules look at of a word.
pub(super) fn about(row: &SightingRow) -> About {
    About { label: row.label, kind: RecordKind::Sighting.number(), retention: row.retention }
}

/// What may be seen of what is said of a record, at whichever of its positions.
pub(super) fn said_of_record(
    snapshot: &Snapshot,
    record: &RecordId,
    now: Timestamp,
    sees: &dyn Fn(&SightingRow) -> bool,
) -> Result<Said, NodeError> {
    let words = words_of(snapshot, record, now, sees)?;
    let mut beyond = 0u64;
    // How many were too many to be kept is told beside those that are: whoever sees none of these learns nothing of the others.
    if !words.is_empty() {
        for (log, seq) in places(snapshot, record)? {
            beyond = beyond.saturating_add(snapshot.sightings_beyond(&log, seq)?);
        }
    }
    let told = words.iter().map(|row| row.told).max();
    Ok(Said { opinions: Opinions::of(words.iter().map(SightingRow::word)), beyond, told })
}

/// When a record came. What a feed still says is said anew now and then, so that it is not destroyed: nobody has looked at it again for that, so the first
/// time counts, of the entries that are still here.
pub(super) fn came(snapshot: &Snapshot, one: &Provenance) -> Result<Timestamp, NodeError> {
    if !one.author.is_feed() {
        return Ok(one.received);
    }
    let mut came = None;
    let mut all = snapshot.said_as(&one.record)?;
    all.sort_by_key(|one| std::cmp::Reverse(one.received));
    for one in all {
        // What was taken back and said again afterwards is news.
        if came.is_some() && snapshot.taken_back(&one.log, one.seq)?.is_some() {
            break;
        }
        came = Some(one.received);
    }
    Ok(came.unwrap_or(one.received))
}

/// What may be seen of the words about a record, at whichever of its positions.
pub(super) fn words_of(
    snapshot: &Snapshot,
    record: &RecordId,
    now: Timestamp,
    sees: &dyn Fn(&SightingRow) -> bool,
) -> Result<Vec<SightingRow>, NodeError> {
    let mut words = Vec::new();
    if snapshot.any_sightings()? {
        for (log, seq) in places(snapshot, record)? {
            words.extend(snapshot.sightings(&log, seq, now)?.into_iter().filter(|row| sees(row)));
        }
    }
    Ok(words)
}

/// How sure one may be of a record at the beginning of the day, of what its author said last, when that [`came`], and what others say.
pub(super) fn confidence_now(
    decay: &Decay,
    (one, came): (&Provenance, Timestamp),
    indicator: &Indicator,
    said: &Said,
    now: Timestamp,
) -> u8 {
    let opinions = &said.opinions;
    let by_another = |who: &Reporter| *who != Reporter::Org(one.author);
    let since = [indicator.valid_from, opinions.seen_last].into_iter().flatten().fold(came, Timestamp::max);
    let over = one.valid_until.is_some_and(|until| until <= now.day()) || one.state == ProvenanceState::Revoked;
    let life = Life {
        confidence: indicator.confidence,
        since,
        doubted: opinions.false_by.iter().any(by_another),
        expired: over || !opinions.expired_by.is_empty(),
    };
    score(&life, decay.pace(indicator.observable.kind()), now)
}

fn places(snapshot: &Snapshot, record: &RecordId) -> Result<Vec<(LogId, u64)>, NodeError> {
    Ok(snapshot.said_as(record)?.into_iter().filter(|one| !one.waiting).map(|one| (one.log, one.seq)).collect())
}
