//! Clocks as people see them.

use super::super::referral::{short, waits_for};
use super::super::{Node, NodeError};
use super::row::{NotOffered, RungRow};
use crate::model::referral::Priority;
use crate::model::{PlatformId, ReferralId, Timestamp};
use crate::rules::escalate::{Act, Wait, Watch};
use crate::rules::referral::Side;
use crate::store::Snapshot;
use crate::store::change::Shelf;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A clock that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerView {
    /// The referral.
    pub referral: ReferralId,
    /// Where a platform is waited for: what it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation: Option<PlatformId>,
    /// The other organisation's name here.
    pub peer: String,
    /// Which side we are: `origin` or `receiver`.
    pub side: String,
    /// How soon the referral needs somebody.
    pub priority: Priority,
    /// What is waited for: its name in settings.
    pub wait: Wait,
    /// The same in words.
    pub waits: String,
    /// Whose people are to act: `us`, the other's name here, `machine` or `platform`.
    pub whose: String,
    /// When it began, by what the wall clock shows now.
    pub since: Timestamp,
    /// Whether it stands still, as a question is open.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// When the next rung is due, or the next repetition of the last one.
    pub due: Option<Timestamp>,
    /// Since when it is overdue: when the first rung was due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue: Option<Timestamp>,
    /// What is done then, before consent and policy are asked.
    pub act: Option<Act>,
    /// How many rungs its ladder has.
    pub rungs: u8,
    /// The rungs that are recorded.
    pub recorded: Vec<RungView>,
}

/// A rung that was reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RungView {
    /// What was waited for.
    pub wait: Wait,
    /// Which of its ladder, from 1.
    pub rung: u32,
    /// The how-manieth repetition of it, behind the ladder's end.
    #[serde(default, skip_serializing_if = "crate::node::is_default")]
    pub again: u32,
    /// What was done.
    pub act: Act,
    /// When it was due.
    pub due: Timestamp,
    /// When it was recorded.
    pub at: Timestamp,
    /// Whether the node was not there when it was due.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
    /// To whom the case was offered: the other's name here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offered_to: Option<String>,
    /// As which referral.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offered: Option<ReferralId>,
    /// Why it was offered to nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_offered: Option<NotOffered>,
}

/// When a clock is due.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) struct Due {
    /// When its next rung is; none where it does not run yet.
    pub(in super::super) due: Option<Timestamp>,
    /// When its first rung was, where that time has passed.
    pub(in super::super) overdue: Option<Timestamp>,
}

impl Due {
    fn of(due: Option<Timestamp>, recorded: impl Iterator<Item = Timestamp>, now: Timestamp) -> Self {
        Self { due, overdue: recorded.chain(due.filter(|due| *due <= now)).min() }
    }

    /// What is overdue for the longest comes first, then what is due next.
    pub(in super::super) fn order(&self) -> (bool, bool, Option<Timestamp>) {
        let first = self.overdue.or(self.due);
        (self.overdue.is_none(), first.is_none(), first)
    }
}

impl Node {
    /// The clocks that run, of one referral where it is named: those that are due first come first.
    ///
    /// # Errors
    /// When there is no such referral, or several begin so.
    pub fn timers(&self, referral: Option<&str>) -> Result<Vec<TimerView>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let only = referral.map(|text| self.referral_named(&snapshot, text)).transpose()?;
        let keys: Vec<[u8; 16]> = match only {
            Some(id) => Self::platform_clocks(&snapshot, &id)?.into_iter().map(|(key, _)| key).chain([id.0]).collect(),
            None => Vec::new(),
        };
        let running = self.with_engine(|engine, _| {
            let mine = |watch: &Watch| only.is_none() || keys.contains(&watch.referral);
            let one = |(watch, due): (&Watch, Option<Timestamp>)| {
                let ladder = engine.ladder(watch);
                (watch.clone(), due, ladder.act(watch.recorded), ladder.rungs.len())
            };
            engine.running().filter(|(watch, _)| mine(watch)).map(one).collect::<Vec<_>>()
        })?;
        let mut views = Vec::with_capacity(running.len());
        for (watch, due, act, rungs_in_all) in running {
            let peer = self.org_name(&snapshot, &watch.peer)?;
            let asked = match watch.wait {
                Wait::Platform => Self::platform_asked(&snapshot, &watch.referral)?,
                _ => None,
            };
            let whose = match watch.wait.desk() {
                None if watch.wait == Wait::Platform => "platform".into(),
                None => "machine".into(),
                Some(side) if side == watch.side => "us".into(),
                Some(_) => peer.clone(),
            };
            let rungs = self.rung_rows(&snapshot, &watch.referral)?;
            let recorded = rungs.iter().filter(|row| (row.wait, row.cause) == (watch.wait, watch.cause));
            let time = Due::of(due, recorded.clone().map(|row| row.due), self.clock.now());
            views.push(TimerView {
                referral: asked.as_ref().map_or(ReferralId(watch.referral), |asked| asked.referral),
                escalation: asked.map(|asked| asked.escalation),
                side: if watch.side == Side::Origin { "origin" } else { "receiver" }.into(),
                peer,
                priority: watch.priority,
                wait: watch.wait,
                waits: waits_for(watch.wait).into(),
                whose,
                since: watch.started,
                paused: watch.paused.is_some(),
                due: time.due,
                overdue: time.overdue,
                act: act.map(|act| act.at(watch.side)),
                rungs: u8::try_from(rungs_in_all).unwrap_or(u8::MAX),
                recorded: recorded.map(|row| self.rung_view(&snapshot, row)).collect::<Result<_, _>>()?,
            });
        }
        views.sort_by_key(|view| (view.due.is_none(), view.due, view.referral, view.wait));
        Ok(views)
    }

    /// When a clock of a referral, or of a platform escalation, is due that the message of that number started.
    pub(in super::super) fn time_of(&self, snapshot: &Snapshot, id: &ReferralId, wait: Wait, cause: u64) -> Result<Due, NodeError> {
        let due = self.with_engine(|engine, _| {
            let mut running = engine.running();
            running.find(|(watch, _)| (watch.referral, watch.wait, watch.cause) == (id.0, wait, cause)).and_then(|(_, due)| due)
        })?;
        let rows = self.rung_rows(snapshot, &id.0)?;
        let recorded = rows.iter().filter(|row| (row.wait, row.cause) == (wait, cause)).map(|row| row.due);
        Ok(Due::of(due, recorded, self.clock.now()))
    }

    /// The rungs of a referral that were reached, the earliest first.
    pub(in super::super) fn rungs(&self, snapshot: &Snapshot, id: &ReferralId) -> Result<Vec<RungView>, NodeError> {
        self.rung_rows(snapshot, &id.0)?.iter().map(|row| self.rung_view(snapshot, row)).collect()
    }

    /// The rungs of a clock that it has reached since its cause of that number.
    pub(in super::super) fn rungs_since(&self, snapshot: &Snapshot, clock: &[u8; 16], cause: u64) -> Result<Vec<RungView>, NodeError> {
        let rows = self.rung_rows(snapshot, clock)?;
        rows.iter().filter(|row| row.cause == cause).map(|row| self.rung_view(snapshot, row)).collect()
    }

    /// Since when it waits for a person to ask somebody else: what was proposed while the same is waited for.
    pub(in super::super) fn proposed_since(&self, snapshot: &Snapshot, id: &ReferralId) -> Result<Option<Timestamp>, NodeError> {
        let runs: Vec<(Wait, u64)> = self.with_engine(|engine, _| {
            let ours = engine.running().filter(|(watch, _)| watch.referral == id.0 && watch.side == Side::Origin);
            ours.map(|(watch, _)| (watch.wait, watch.cause)).collect()
        })?;
        let rows = self.rung_rows(snapshot, &id.0)?;
        let proposed = |row: &&RungRow| row.act.proposes() && runs.contains(&(row.wait, row.cause));
        let asked_since = rows.iter().filter(|row| row.offered.is_some()).map(|row| row.at).max();
        Ok(rows.iter().filter(proposed).map(|row| row.at).find(|at| asked_since.is_none_or(|asked| asked < *at)))
    }

    fn rung_rows(&self, snapshot: &Snapshot, id: &[u8; 16]) -> Result<Vec<RungRow>, NodeError> {
        let beginning: [u8; 8] = std::array::from_fn(|at| id[at]);
        let read = |(_, bytes): ([u8; 16], Vec<u8>)| {
            serde_json::from_slice::<RungRow>(&bytes).map_err(|_| NodeError::StoreDamaged("a rung of a referral cannot be read".into()))
        };
        let rows = snapshot.kept_under(Shelf::Rung, &beginning)?.into_iter().map(read);
        let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
        rows.retain(|row| row.referral == *id);
        rows.sort_by_key(|row| (row.at, row.due, row.wait, row.rung));
        Ok(rows)
    }

    /// The clocks of a referral of which a rung was reached, and when the first was.
    pub(in super::super) fn first_rungs(&self, snapshot: &Snapshot, id: &ReferralId) -> Result<BTreeMap<Wait, Timestamp>, NodeError> {
        let mut first = BTreeMap::new();
        for row in self.rung_rows(snapshot, &id.0)? {
            first.entry(row.wait).or_insert(row.at);
        }
        Ok(first)
    }

    fn rung_view(&self, snapshot: &Snapshot, row: &RungRow) -> Result<RungView, NodeError> {
        let &RungRow { wait, rung, again, act, due, at, late, offered, not_offered, .. } = row;
        let offered_to = offered.map(|(org, _)| self.org_name(snapshot, &org)).transpose()?;
        let offered = offered.map(|(_, referral)| referral);
        Ok(RungView {
            wait,
            rung: rung.saturating_sub(again).saturating_add(1),
            again,
            act,
            due,
            at,
            late,
            offered_to,
            offered,
            not_offered,
        })
    }
}

impl RungView {
    /// As people say which it is.
    pub fn called(&self) -> String {
        if self.again == 0 { format!("rung {}", self.rung) } else { format!("rung {}, again {}", self.rung, self.again) }
    }

    /// Its particulars in the timeline of a referral.
    pub(in super::super) fn particulars(&self) -> Vec<(String, String)> {
        let mut all = vec![("waited".into(), waits_for(self.wait).to_owned()), ("then".into(), done(self.act).to_owned())];
        if let (Some(name), Some(id)) = (&self.offered_to, &self.offered) {
            all.push(("offered to".into(), format!("{name} ({})", short(id))));
        }
        all.extend(self.not_offered.map(|why| ("offered to nobody".into(), why.words().to_owned())));
        all
    }
}

/// What was done at a rung, in words.
pub const fn done(act: Act) -> &'static str {
    match act {
        Act::Digest => "it stands in the digest",
        Act::TellHandler => "handlers are told",
        Act::TellLeads => "the shift's leads are told",
        Act::ProposeNext => "whom else to ask is put before a person",
        Act::TellDirector => "the duty director is told",
        Act::ProposeToDirector => "the duty director is told, and whom else to ask is put before a person",
        Act::OfferNext => "the next candidate is offered the case",
    }
}
