//! One shift hands over to the next: what is open, what is due, what to look out for. The next accepts it, or whoever handed over is told. All of it stays
//! here.

use super::alert::AlertView;
use super::notify::is_missed;
use super::referral::By;
use super::{Node, NodeError};
use crate::model::crypto::random;
use crate::model::desk::{Role, Roles};
use crate::model::{AlertId, CallId, CampaignId, CheckId, HandOverId, Priority, ReferralId, ShortId, Timestamp};
use crate::rules::notify::{Event, Notice};
use crate::store::Snapshot;
use crate::store::change::{Change, Shelf};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Longest note in characters.
const NOTE_MAX: usize = 2_000;
/// Longest risk in characters.
const RISK_MAX: usize = 200;
/// Most risks.
const RISKS_MAX: usize = 20;
/// A hand-over is destroyed so long after it was made (90 days, in milliseconds): what it says of a case must not outlive the case for long.
const KEPT_MS: u64 = 90 * 86_400_000;

/// A hand-over that somebody makes. `Debug` prints none of what they wrote.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandOverRequest {
    /// What the next shift should know; up to 2,000 characters.
    pub note: String,
    /// What to look out for; up to 20 of up to 200 characters.
    #[serde(default)]
    pub risks: Vec<String>,
}

/// That somebody accepts a hand-over.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptRequest {}

/// A referral that was open at a hand-over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenItem {
    /// Which.
    pub referral: ReferralId,
    /// Where it stood.
    pub state: String,
    /// Whose it was: `us`, or the other's name here.
    pub owner: String,
    /// How soon, where it is known.
    pub priority: Option<Priority>,
    /// When the next rung of the clock was due that `waits` names first.
    pub due: Option<Timestamp>,
    /// Since when that clock is overdue: at the hand-over, or by now where the same is still waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue: Option<Timestamp>,
    /// What is waited for.
    pub waits: Vec<String>,
}

/// What several organisations reported at a hand-over. Not by its name, which goes with their records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignItem {
    /// Which, as `watchfire campaigns` lists it.
    pub campaign: CampaignId,
    /// How many organisations.
    pub organisations: usize,
    /// Since when there were enough.
    pub since: Timestamp,
}

/// A partner's check for a duplicate that somebody here has to answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckItem {
    /// Which.
    pub check: CheckId,
    /// Until when somebody may agree.
    pub until: Timestamp,
}

/// A hand-over. `Debug` prints none of what people wrote.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct HandOverRow {
    opened: Timestamp,
    /// The beginning of the user's key.
    by: Option<String>,
    note: String,
    risks: Vec<String>,
    items: Vec<OpenItem>,
    #[serde(default)]
    calls: Vec<CallId>,
    #[serde(default)]
    alerts: Vec<AlertId>,
    #[serde(default)]
    campaigns: Vec<CampaignItem>,
    #[serde(default)]
    checks: Vec<CheckItem>,
    accepted: Option<Timestamp>,
    accepted_by: Option<String>,
    /// When it was told that nobody accepted it.
    told: Option<Timestamp>,
}

/// A hand-over, for people. `Debug` prints none of what they wrote.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOverView {
    /// Its id.
    pub handover: HandOverId,
    /// `open`, `accepted`, or `late` where nobody has accepted it in time.
    pub state: String,
    /// When it was made.
    pub opened: Timestamp,
    /// By which desk user; nothing at a desk without users.
    pub by: Option<String>,
    /// By when it is to be accepted.
    pub due: Timestamp,
    /// When it was accepted.
    pub accepted: Option<Timestamp>,
    /// By which desk user.
    pub accepted_by: Option<String>,
    /// What the next shift should know.
    pub note: String,
    /// What to look out for.
    pub risks: Vec<String>,
    /// What was open, the most urgent first.
    pub items: Vec<OpenItem>,
    /// Calls for help that were open.
    #[serde(default)]
    pub calls: Vec<CallId>,
    /// Alerts that held, that nobody had read, and that were pressing or concerned a referral.
    #[serde(default)]
    pub alerts: Vec<AlertId>,
    /// What several organisations reported then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub campaigns: Vec<CampaignItem>,
    /// Checks of partners that somebody here had to answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckItem>,
}

impl std::fmt::Debug for HandOverRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HandOverRequest({} risks)", self.risks.len())
    }
}

impl std::fmt::Debug for HandOverView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HandOver({}, {})", self.handover, self.state)
    }
}

/// A hand-over that nobody has accepted in time: what whoever handed over is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateHandOver {
    /// Which.
    pub handover: HandOverId,
    /// Who handed over: the beginning of their key; nothing at a desk without users.
    pub by: Option<String>,
    /// How many referrals were open.
    pub items: usize,
}

fn shelf_id(id: &HandOverId) -> [u8; 16] {
    let mut key = [0; 16];
    key[..id.0.len()].copy_from_slice(&id.0);
    key
}

fn keep(id: &HandOverId, row: Option<&HandOverRow>) -> Change {
    Change::Keep { shelf: Shelf::HandOver, id: shelf_id(id), row: row.map(|row| serde_json::to_vec(row).unwrap_or_default()) }
}

impl Node {
    /// A shift hands over: what is open now, with a note and what to look out for.
    ///
    /// # Errors
    /// When a text is too long or empty, there are too many, or the store takes no changes.
    pub async fn open_handover(&self, request: HandOverRequest, by: By) -> Result<HandOverView, NodeError> {
        let HandOverRequest { note, risks } = request;
        check_text("note", &note, NOTE_MAX)?;
        risks.iter().try_for_each(|risk| check_text("risk", risk, RISK_MAX))?;
        if risks.len() > RISKS_MAX {
            return Err(NodeError::BadInput(format!(
                "{} risks were given, and {RISKS_MAX} are the most\nhint: say the others in the note",
                risks.len()
            )));
        }
        let item = |line: super::referral::InboxView| OpenItem {
            referral: line.referral,
            state: line.state,
            owner: line.owner,
            priority: line.priority,
            due: line.due,
            overdue: line.overdue,
            waits: line.waits,
        };
        let items: Vec<OpenItem> = self.inbox(false)?.into_iter().map(item).collect();
        let goes_on = self.campaigns()?.into_iter().filter(|one| one.goes_on);
        let campaigns =
            goes_on.map(|one| CampaignItem { campaign: one.campaign, organisations: one.reports.len(), since: one.since }).collect();
        let to_answer = self.duplicates()?.found.into_iter().filter(|one| one.state == "waits");
        let checks = to_answer.map(|one| CheckItem { check: one.check, until: one.until }).collect();
        let calls = self.calls(false)?.into_iter().map(|one| one.call).collect();
        let matters = |one: &AlertView| one.read.is_none() && (one.priority != Priority::Normal || !one.matches.is_empty());
        let alerts = self.alert_views(false)?.into_iter().filter(|one| one.name != "us" && matters(one)).map(|one| one.alert).collect();
        let (id, opened) = (HandOverId(random()), self.clock.now());
        let row = HandOverRow {
            opened,
            by: by.short(),
            note,
            risks,
            items,
            calls,
            alerts,
            campaigns,
            checks,
            accepted: None,
            accepted_by: None,
            told: None,
        };
        let tell = self.notify(notice(Event::HandoverWaiting, &id, Role::Handler, opened));
        self.commit_many(vec![keep(&id, Some(&row)), self.deed(by, "hand-over", &as_referral(&id), 0), tell]).await?;
        tracing::info!(handover = %id, items = row.items.len(), "a shift hands over");
        self.handover(&id.to_string())
    }

    /// The incoming shift accepts a hand-over.
    ///
    /// # Errors
    /// When there is none of that id, it was accepted already, or whoever accepts it is who made it.
    pub async fn accept_handover(&self, text: &str, by: By) -> Result<HandOverView, NodeError> {
        let _turn = self.handing_over.lock().await;
        self.store.settled().await;
        let snapshot = self.store.snapshot()?;
        let (id, mut row) = self.handover_named(&snapshot, text)?;
        if row.accepted.is_some() {
            return Err(NodeError::Conflict(format!("`{id}` was accepted already\nhint: `watchfire handover show {id}` tells by whom")));
        }
        if row.by.is_some() && row.by == by.short() {
            let hint = "hint: somebody of the incoming shift does, with `--as` their own name";
            return Err(NodeError::Conflict(format!("whoever hands over does not accept it\n{hint}")));
        }
        (row.accepted, row.accepted_by) = (Some(self.clock.now()), by.short());
        self.commit_many(vec![keep(&id, Some(&row)), self.deed(by, "hand-over accepted", &as_referral(&id), 0)]).await?;
        tracing::info!(handover = %id, "a hand-over was accepted");
        self.handover(&id.to_string())
    }

    /// The hand-overs of the last 90 days, the newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn handovers(&self) -> Result<Vec<HandOverView>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let names = Self::user_names(&snapshot)?;
        let rows = Self::handover_rows(&snapshot)?.into_iter();
        let mut all = rows.map(|(id, row)| self.handover_view(&snapshot, &names, id, row)).collect::<Result<Vec<_>, _>>()?;
        all.sort_by_key(|view| std::cmp::Reverse((view.opened, view.handover)));
        Ok(all)
    }

    /// One hand-over, by its id or the beginning of it.
    ///
    /// # Errors
    /// When there is none, or several begin so.
    pub fn handover(&self, text: &str) -> Result<HandOverView, NodeError> {
        let snapshot = self.store.snapshot()?;
        let (id, row) = self.handover_named(&snapshot, text)?;
        self.handover_view(&snapshot, &Self::user_names(&snapshot)?, id, row)
    }

    /// The hand-overs that nobody has accepted in time, each once: leads and the role of whoever handed over are told, and it is logged. Destroys those that are old.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn remind_of_handovers(&self) -> Result<Vec<LateHandOver>, NodeError> {
        let _turn = self.handing_over.lock().await;
        self.store.settled().await;
        let (now, mut changes, mut late) = (self.clock.now(), Vec::new(), Vec::new());
        for (id, mut row) in Self::handover_rows(&self.store.snapshot()?)? {
            if now.since(row.opened) > KEPT_MS {
                changes.push(keep(&id, None));
            } else if row.accepted.is_none() && row.told.is_none() && self.handover_due(&row) <= now {
                row.told = Some(now);
                changes.push(keep(&id, Some(&row)));
                // Notices go to roles: to the leads, and to that of whoever handed over.
                let by = self.desk()?.users().find(|user| row.by == Some(user.key.short())).map(|user| user.role);
                let to = by.into_iter().map(Roles::one).fold(Roles::one(Role::Lead), Roles::and);
                let missed = is_missed(self.handover_due(&row), now);
                changes.push(self.notify(Notice { late: missed, ..notice(Event::HandoverLate, &id, to, now) }));
                late.push(LateHandOver { handover: id, by: row.by, items: row.items.len() });
            }
        }
        if !changes.is_empty() {
            self.commit_many(changes).await?;
        }
        for LateHandOver { handover, by, items } in &late {
            let by = by.as_deref().unwrap_or("nobody");
            tracing::warn!(%handover, user = by, items, "nobody has accepted a hand-over in time");
        }
        Ok(late)
    }

    fn handover_due(&self, row: &HandOverRow) -> Timestamp {
        row.opened.plus(self.config.handover.accept_minutes * 60_000)
    }

    fn handover_rows(snapshot: &Snapshot) -> Result<Vec<(HandOverId, HandOverRow)>, NodeError> {
        let read = |(key, bytes): ([u8; 16], Vec<u8>)| {
            let damaged = || NodeError::StoreDamaged("a hand-over cannot be read".into());
            let id = HandOverId::try_from(&key[..5]).map_err(|_| damaged())?;
            Ok((id, serde_json::from_slice(&bytes).map_err(|_| damaged())?))
        };
        snapshot.all_kept(Shelf::HandOver)?.into_iter().map(read).collect()
    }

    fn handover_named(&self, snapshot: &Snapshot, text: &str) -> Result<(HandOverId, HandOverRow), NodeError> {
        let text = text.trim().to_ascii_lowercase();
        let mut found = Self::handover_rows(snapshot)?.into_iter().filter(|(id, _)| id.to_string().starts_with(&text));
        let hint = "hint: `watchfire handover list` shows them";
        match (found.next().filter(|_| text.len() >= 4), found.next()) {
            (Some(one), None) => Ok(one),
            (Some(_), Some(_)) => Err(NodeError::BadInput(format!("several hand-overs begin with `{text}`\n{hint}"))),
            _ => Err(NodeError::UnknownOfDesk { what: "hand-over", id: text, list: "watchfire handover list" }),
        }
    }

    fn handover_view(
        &self,
        snapshot: &Snapshot,
        names: &BTreeMap<String, String>,
        id: HandOverId,
        mut row: HandOverRow,
    ) -> Result<HandOverView, NodeError> {
        let due = self.handover_due(&row);
        for item in &mut row.items {
            // What was due meanwhile is overdue where it is waited for still.
            if item.overdue.is_none()
                && item.due.is_some_and(|due| due <= self.clock.now())
                && let Some(conversation) = snapshot.conversation(&item.referral)?.filter(|one| !one.row.over)
            {
                let line = self.line(snapshot, &conversation)?;
                item.overdue = line.overdue.filter(|_| line.waits.first() == item.waits.first());
            }
        }
        let state = match row.accepted {
            Some(_) => "accepted",
            None if due <= self.clock.now() => "late",
            None => "open",
        };
        Ok(HandOverView {
            handover: id,
            state: state.into(),
            opened: row.opened,
            by: super::second::named(names, row.by),
            due,
            accepted: row.accepted,
            accepted_by: super::second::named(names, row.accepted_by),
            note: row.note,
            risks: row.risks,
            items: row.items,
            calls: row.calls,
            alerts: row.alerts,
            campaigns: row.campaigns,
            checks: row.checks,
        })
    }
}

fn notice(event: Event, id: &HandOverId, to: impl Into<Roles>, at: Timestamp) -> Notice {
    let of = shelf_id(id);
    Notice { referral: ShortId::of(&of), ..Notice::new(event, &of, to, at) }
}

/// As the audit names it.
fn as_referral(id: &HandOverId) -> ReferralId {
    ReferralId(shelf_id(id))
}

fn check_text(what: &str, text: &str, most: usize) -> Result<(), NodeError> {
    let many = text.chars().count();
    if text.trim().is_empty() {
        return Err(NodeError::BadInput(format!("the {what} is empty\nhint: `--{what}` says it")));
    }
    if many > most {
        return Err(NodeError::BadInput(format!("the {what} has {many} characters, and {most} are the most\nhint: say it shorter")));
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(NodeError::BadInput(format!("the {what} has a control character in it\nhint: write it without")));
    }
    Ok(())
}
