//! Several organisations report the same: seen as records come, told once to the leads, and never sent anywhere by itself.
//!
//! Values are counted from what is held of them. Of names, which stand in the bodies of records and in referrals, it is remembered who said them where: no
//! name, so that it goes with the last record that has it. All of it follows the store's own numbering of what came, so a restart goes on where it ended, and
//! what is remembered, told and gone behind is one transaction.

use super::status::Names;
use super::{Node, NodeError};
use crate::link::convert::decode_record;
use crate::model::crypto::sha256;
use crate::model::desk::Role;
use crate::model::observable::search_key;
use crate::model::{CampaignId, Ceiling, Observable, OrgId, Record, RecordId, RecordKind, ReferralId, Timestamp};
use crate::rules::campaigns::{Limits, Raised, Verdict, judge, name_of};
use crate::rules::lists::{Reach, Source};
use crate::rules::may::{self, About, Action, Person, To};
use crate::rules::notify::{Event, Notice};
use crate::rules::referral::Side;
use crate::store::change::{Change, PeerState, Shelf};
use crate::store::{Event as Came, Filter, ProvenanceState, Snapshot};
use serde::{Deserialize, Serialize};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The name under which it is kept how far we are.
const CURSOR: &str = "campaigns/cursor";
/// So many events are looked at in one transaction, and without anybody else's turn.
const EVENTS_MAX: usize = 250;
/// How far we are is written down after so many events in which nothing was found.
const UNWRITTEN_MAX: u64 = 1_000;
/// So many of them without anybody else's work.
const EVENTS_AT_ONCE: usize = 50;
/// So many records of one organisation with one name are remembered, the newest: several, since some may be withdrawn.
const PLACES_MAX: usize = 8;
/// What was told is shown for so long after its last report (14 days, in milliseconds).
const SHOWN_MS: u64 = 14 * 86_400_000;
/// After a failure, in milliseconds.
const FAILED_MS: u64 = 10_000;

/// Where an organisation says a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    Record(RecordId),
    Referral(ReferralId),
}

/// That an organisation has reported a campaign by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ReportRow {
    campaign: CampaignId,
    author: OrgId,
    /// Where, and when each came, the newest last.
    places: Vec<(Place, Timestamp)>,
}

/// What is reported by several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    /// A name.
    Name,
    /// The value of this record, and of others' records of it.
    Value(RecordId),
}

/// That it was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct CampaignRow {
    what: What,
    raised: Raised,
}

/// What several organisations report. `Debug` prints its id: the rest is as restricted as their records.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignView {
    /// Its id, known here alone.
    pub campaign: CampaignId,
    /// `campaign` or `value`.
    pub kind: String,
    /// The name as the first of them writes it, or the value; nothing where all that had it is gone.
    pub name: Option<String>,
    /// Since when there were enough.
    pub since: Timestamp,
    /// When a report came last while there were.
    pub last: Timestamp,
    /// Whether that is not longer ago than the window.
    pub goes_on: bool,
    /// Who reports it, of those whose records are still here and hold.
    pub reports: Vec<ReportView>,
}

/// One organisation's part. `Debug` prints how many.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportView {
    /// Which.
    pub org_id: OrgId,
    /// `us`, or the other's name here.
    pub name: String,
    /// How many of its records and referrals say so, as far as they are remembered.
    pub count: u64,
    /// When the first of these came.
    pub first: Timestamp,
    /// When the last came.
    pub last: Timestamp,
}

impl std::fmt::Debug for CampaignView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CampaignView({}, {} organisations)", self.campaign, self.reports.len())
    }
}

impl std::fmt::Debug for ReportView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReportView({})", self.count)
    }
}

/// A report that holds: who says it, when it came, under what it is known, and how it is written.
struct Report {
    author: OrgId,
    at: Timestamp,
    about: About,
    written: String,
}

/// What is remembered and not written yet.
#[derive(Default)]
struct Pending {
    reports: BTreeMap<CampaignId, BTreeMap<OrgId, ReportRow>>,
    changed: BTreeSet<(CampaignId, OrgId)>,
    /// Names that enough organisations say, and when that was said last: looked at once, however often it is said.
    several: BTreeMap<CampaignId, Timestamp>,
    /// Who does not count, as we have closed ourselves to them.
    unheard: BTreeSet<OrgId>,
    /// How many names, and how many values, were told within a window, once that was read.
    lately: Option<[u64; 2]>,
    raised: BTreeMap<CampaignId, Option<CampaignRow>>,
    told: BTreeSet<CampaignId>,
    more: u64,
}

/// What the rows say, where it was read: nothing of it is lost with the process.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    /// How many names of each organisation are remembered.
    names: Option<BTreeMap<OrgId, u64>>,
    /// How far we are, perhaps a little behind what is written: looking at an event again changes nothing.
    cursor: Option<u64>,
}

fn report_key(campaign: &CampaignId, author: &OrgId) -> [u8; 16] {
    let mut key = campaign.0;
    key[8..].copy_from_slice(&sha256(&[&author.0])[..8]);
    key
}

fn damaged() -> NodeError {
    NodeError::StoreDamaged("what several organisations reported cannot be read".into())
}

fn keep<T: Serialize>(shelf: Shelf, id: [u8; 16], row: Option<&T>) -> Change {
    Change::Keep { shelf, id, row: row.map(|row| serde_json::to_vec(row).unwrap_or_default()) }
}

impl Node {
    fn limits(&self) -> Limits {
        let settings = &self.config.campaigns;
        Limits { organisations: settings.organisations, window_ms: settings.window_hours.saturating_mul(3_600_000) }
    }

    /// Looks at what came, until `stop` fires.
    pub async fn keep_looking_for_campaigns(self: Arc<Self>, stop: CancellationToken) {
        let mut changes = self.changed.listen();
        loop {
            let failed = self.look_for_campaigns().await.is_err();
            let again = async {
                match failed {
                    true => self.clock.sleep(FAILED_MS).await,
                    false => changes.rung().await,
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = again => {}
            }
        }
    }

    /// Looks at all that came since this was last done, in the order in which it came. Tells the leads of what several organisations report.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes; it is done again then.
    pub async fn look_for_campaigns(&self) -> Result<(), NodeError> {
        loop {
            // Whoever has a referral to report waits for some events, and not for all.
            let _turn = self.reporting.lock().await;
            let looked = self.look_at_some().await?;
            let Some((changes, cursor, is_all)) = looked else { return Ok(()) };
            if !changes.is_empty() {
                self.commit_reports(changes).await?;
            }
            self.memory().reported.cursor = Some(cursor);
            if is_all {
                return Ok(());
            }
        }
    }

    async fn commit_reports(&self, changes: Vec<Change>) -> Result<(), NodeError> {
        let done = self.commit_many(changes).await;
        if done.is_err() {
            self.memory().reported = Remembered::default();
        }
        Ok(done.map(drop)?)
    }

    /// What the next events come to, how far that is, and whether these were all; nothing where nothing came.
    async fn look_at_some(&self) -> Result<Option<(Vec<Change>, u64, bool)>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let now = self.clock.now();
        let window = Timestamp(now.0.saturating_sub(self.limits().window_ms));
        let written = match snapshot.get(CURSOR)? {
            Some(bytes) => u64::from_be_bytes(bytes.try_into().map_err(|_| damaged())?),
            None => snapshot.cursor_at(window)?,
        };
        // A store that was put back from a backup may number anew.
        let cursor = self.memory().reported.cursor.unwrap_or(written).min(snapshot.newest()?);
        let filter = Filter { kinds: Vec::new(), ceiling: Ceiling::NONE, groups: Vec::new(), revoked: false, now };
        let events = snapshot.since(cursor, EVENTS_MAX, &filter)?;
        let Some(last) = events.last().map(|event| event.cursor) else { return Ok(None) };
        let mut pending = Self::pending(&snapshot)?;
        for (many, event) in events.iter().enumerate() {
            if many % EVENTS_AT_ONCE == EVENTS_AT_ONCE - 1 {
                // Links and people go before.
                tokio::task::yield_now().await;
            }
            self.look_at(&snapshot, event, &mut pending)?;
        }
        self.weigh_names(&snapshot, &mut pending)?;
        let mut changes = self.written(pending);
        // What found nothing is cheaper looked at again after a crash than written down each time.
        if !changes.is_empty() || last.saturating_sub(written) >= UNWRITTEN_MAX {
            changes.push(Change::Put(CURSOR, Some(last.to_be_bytes().to_vec())));
        }
        Ok(Some((changes, last, events.len() < EVENTS_MAX)))
    }

    fn look_at(&self, snapshot: &Snapshot, event: &Came, pending: &mut Pending) -> Result<(), NodeError> {
        let Some(item) = &event.item else { return Ok(()) };
        let holds = |state: ProvenanceState| state == ProvenanceState::Live;
        let Some(newest) = item.provenances.iter().filter(|one| holds(one.state)).max_by_key(|one| one.received) else { return Ok(()) };
        // What feeds repeat is no report of an organisation.
        if newest.author.is_feed() {
            return Ok(());
        }
        let (author, at) = (newest.author, newest.received);
        let labels = labels(item.body.0.as_slice());
        let named: BTreeSet<CampaignId> = labels.iter().filter_map(|label| self.campaign_named(label)).collect();
        for campaign in named {
            self.report(snapshot, pending, campaign, author, (Place::Record(event.record), at))?;
        }
        let campaign = self.campaign_of_value(&item.observable);
        let others = |snapshot: &Snapshot| self.reports_of_value(snapshot, &item.observable);
        self.weigh(snapshot, pending, campaign, What::Value(event.record), at, others)
    }

    fn pending(snapshot: &Snapshot) -> Result<Pending, NodeError> {
        let closed = snapshot.peers()?.into_iter().filter(|peer| peer.state != PeerState::Open);
        Ok(Pending { unheard: closed.map(|peer| peer.org).collect(), ..Pending::default() })
    }

    /// Remembers that an organisation says a name.
    fn report(
        &self,
        snapshot: &Snapshot,
        pending: &mut Pending,
        campaign: CampaignId,
        author: OrgId,
        (place, at): (Place, Timestamp),
    ) -> Result<(), NodeError> {
        let rows = match pending.reports.entry(campaign) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(free) => free.insert(Self::report_rows(snapshot, &campaign)?),
        };
        if !rows.contains_key(&author) && !self.may_remember(snapshot, &author)? {
            return Ok(());
        }
        let row = rows.entry(author).or_insert_with(|| ReportRow { campaign, author, places: Vec::new() });
        row.places.retain(|(other, _)| *other != place);
        row.places.push((place, at));
        row.places.sort_by_key(|(_, at)| *at);
        let many = row.places.len();
        row.places.drain(..many.saturating_sub(PLACES_MAX));
        pending.changed.insert((campaign, author));
        // Of few nothing has to be read.
        if (rows.len() as u64) >= self.limits().organisations {
            let last = pending.several.entry(campaign).or_default();
            *last = at.max(*last);
        }
        Ok(())
    }

    /// Tells where several organisations say a name.
    fn weigh_names(&self, snapshot: &Snapshot, pending: &mut Pending) -> Result<(), NodeError> {
        for (campaign, at) in std::mem::take(&mut pending.several) {
            let rows: Vec<ReportRow> = pending.reports.get(&campaign).into_iter().flat_map(|rows| rows.values().cloned()).collect();
            self.weigh(snapshot, pending, campaign, What::Name, at, |snapshot| self.reports_of_name(snapshot, &campaign, &rows))?;
        }
        Ok(())
    }

    /// Whether one more name of an organisation is remembered; it counts as one from then on.
    fn may_remember(&self, snapshot: &Snapshot, author: &OrgId) -> Result<bool, NodeError> {
        if self.memory().reported.names.is_none() {
            let mut counts: BTreeMap<OrgId, u64> = BTreeMap::new();
            for (_, row) in Self::all_reports(snapshot)? {
                *counts.entry(row.author).or_default() += 1;
            }
            self.memory().reported.names = Some(counts);
        }
        let mut memory = self.memory();
        let count = memory.reported.names.get_or_insert_default().entry(*author).or_default();
        if *count >= self.config.campaigns.per_author_max {
            return Ok(false);
        }
        *count += 1;
        Ok(true)
    }

    /// What a report comes to beside those of others.
    fn weigh(
        &self,
        snapshot: &Snapshot,
        pending: &mut Pending,
        campaign: CampaignId,
        what: What,
        at: Timestamp,
        reports: impl Fn(&Snapshot) -> Result<Vec<Report>, NodeError>,
    ) -> Result<(), NodeError> {
        let mut reports = reports(snapshot)?;
        reports.retain(|report| !pending.unheard.contains(&report.author));
        let limits = self.limits();
        if (reports.iter().map(|report| report.author).collect::<BTreeSet<_>>().len() as u64) < limits.organisations {
            return Ok(());
        }
        let before = match pending.raised.get(&campaign) {
            Some(row) => row.clone(),
            None => Self::campaign_row(snapshot, &campaign)?,
        };
        let verdict = judge(limits, before.as_ref().map(|row| row.raised), reports.iter().map(|report| (report.author, report.at)), at);
        match (verdict, before) {
            (Verdict::Few, _) => {}
            (Verdict::GoesOn(raised), Some(before)) => drop(pending.raised.insert(campaign, Some(CampaignRow { raised, ..before }))),
            (Verdict::Raise(raised) | Verdict::GoesOn(raised), _) => {
                let lately = match &mut pending.lately {
                    Some(lately) => lately,
                    none => none.insert(self.told_lately(snapshot, at)?),
                };
                let count = &mut lately[usize::from(what != What::Name)];
                if *count >= self.config.campaigns.raised_max {
                    pending.more += 1;
                    return Ok(());
                }
                *count += 1;
                pending.raised.insert(campaign, Some(CampaignRow { what, raised }));
                pending.told.insert(campaign);
            }
        }
        Ok(())
    }

    /// How many names, or how many values, were told within a window: what all import from one feed keeps no name from being told.
    fn told_lately(&self, snapshot: &Snapshot, at: Timestamp) -> Result<[u64; 2], NodeError> {
        let window_ms = self.limits().window_ms;
        let mut counts = [0; 2];
        for (_, row) in Self::campaign_rows(snapshot)?.into_iter().filter(|(_, row)| at.since(row.raised.since) <= window_ms) {
            counts[usize::from(row.what != What::Name)] += 1;
        }
        Ok(counts)
    }

    /// The changes that write it down, with one notice for all that is told at once.
    fn written(&self, pending: Pending) -> Vec<Change> {
        let mut changes = Vec::new();
        for (campaign, author) in &pending.changed {
            let row = pending.reports.get(campaign).and_then(|rows| rows.get(author));
            changes.extend(row.map(|row| keep(Shelf::Report, report_key(campaign, author), Some(row))));
        }
        let raised = pending.raised.iter().filter_map(|(campaign, row)| Some((campaign, row.as_ref()?)));
        changes.extend(raised.clone().map(|(campaign, row)| keep(Shelf::Campaign, campaign.0, Some(row))));
        let first =
            raised.filter(|(campaign, _)| pending.told.contains(campaign)).map(|(campaign, row)| (campaign, row.raised.since)).next();
        if let Some((campaign, since)) = first {
            let cause: Vec<u8> = campaign.0.iter().copied().chain(since.0.to_be_bytes()).collect();
            changes.push(self.notify(Notice::new(Event::ManyReportTheSame, &cause, Role::Lead, self.clock.now())));
            tracing::info!(count = pending.told.len(), "several organisations report the same");
        }
        if pending.more > 0 {
            tracing::warn!(count = pending.more, "several organisations report so much that not all of it is told");
        }
        changes
    }

    /// The campaign of a case that was offered to us, or of one of ours. What was passed on to us and by us is not counted twice.
    pub(super) async fn report_campaign_of(&self, id: &ReferralId) -> Result<(), NodeError> {
        let _turn = self.reporting.lock().await;
        let snapshot = self.store.snapshot()?;
        let Some(found) = self.report_of_referral(&snapshot, id)? else { return Ok(()) };
        let (campaign, Report { author, at, .. }) = found;
        let place = Place::Referral(*id);
        let is_old = self.clock.now().since(at) > self.limits().window_ms;
        let known = Self::report_rows(&snapshot, &campaign)?;
        if is_old || known.get(&author).is_some_and(|row| row.places.iter().any(|(other, _)| *other == place)) {
            return Ok(());
        }
        let mut pending = Self::pending(&snapshot)?;
        self.report(&snapshot, &mut pending, campaign, author, (place, at))?;
        self.weigh_names(&snapshot, &mut pending)?;
        let changes = self.written(pending);
        drop(snapshot);
        if changes.is_empty() { Ok(()) } else { self.commit_reports(changes).await }
    }

    /// Forgets what is so old that it counts no more, unless it is a part of what was told and is still shown.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn forget_reports(&self) -> Result<(), NodeError> {
        self.look_for_campaigns().await?;
        let _turn = self.reporting.lock().await;
        let (snapshot, now) = (self.store.snapshot()?, self.clock.now());
        let mut changes = Vec::new();
        let mut shown = BTreeSet::new();
        for (campaign, row) in Self::campaign_rows(&snapshot)? {
            match now.since(row.raised.last) > SHOWN_MS.max(self.limits().window_ms) {
                true => changes.push(keep::<CampaignRow>(Shelf::Campaign, campaign.0, None)),
                false => drop(shown.insert(campaign)),
            }
        }
        for (key, row) in Self::all_reports(&snapshot)? {
            let last = row.places.last().map_or(Timestamp(0), |(_, at)| *at);
            if now.since(last) > self.limits().window_ms && !shown.contains(&row.campaign) {
                changes.push(keep::<ReportRow>(Shelf::Report, key, None));
            }
        }
        if !changes.is_empty() {
            self.memory().reported = Remembered::default();
            self.commit_many(changes).await?;
        }
        Ok(())
    }

    /// What several organisations report, what goes on first, then the newest.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn campaigns(&self) -> Result<Vec<CampaignView>, NodeError> {
        self.campaigns_for(&To::Person(Person::Operator))
    }

    /// As [`Self::campaigns`], for somebody: what they may not see is not named, and does not count.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn campaigns_for(&self, to: &To<'_>) -> Result<Vec<CampaignView>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let (names, now, window_ms) = (Names::of(&snapshot)?, self.clock.now(), self.limits().window_ms);
        let mut views = Vec::new();
        for (campaign, CampaignRow { what, raised }) in Self::campaign_rows(&snapshot)? {
            let mut reports = match what {
                What::Name => {
                    let rows: Vec<ReportRow> = Self::report_rows(&snapshot, &campaign)?.into_values().collect();
                    self.reports_of_name(&snapshot, &campaign, &rows)?
                }
                What::Value(record) => match self.value_of(&snapshot, &campaign, &record)? {
                    Some(observable) => self.reports_of_value(&snapshot, &observable)?,
                    None => Vec::new(),
                },
            };
            let begin = Timestamp(raised.since.0.saturating_sub(window_ms));
            reports.retain(|report| report.at >= begin && may::may(Action::List, &report.about, to, now).is_ok());
            reports.sort_by_key(|report| (report.at, report.author));
            // Whoever may not see enough of them does not learn that there are.
            let seen = reports.iter().map(|report| report.author).collect::<BTreeSet<_>>().len() as u64;
            if !matches!(to, To::Person(Person::Operator)) && seen < self.limits().organisations {
                continue;
            }
            let name = reports.first().map(|report| report.written.clone());
            let mut by: BTreeMap<OrgId, ReportView> = BTreeMap::new();
            for Report { author, at, .. } in reports {
                let fresh = || ReportView { org_id: author, name: names.org(&author), count: 0, first: at, last: at };
                let view = by.entry(author).or_insert_with(fresh);
                view.count += 1;
                view.last = at;
            }
            let mut reports: Vec<ReportView> = by.into_values().collect();
            reports.sort_by_key(|report| (report.first, report.org_id));
            views.push(CampaignView {
                campaign,
                kind: if what == What::Name { "campaign" } else { "value" }.into(),
                name,
                since: raised.since,
                last: raised.last,
                goes_on: now.since(raised.last) <= window_ms,
                reports,
            });
        }
        views.sort_by_key(|view| (!view.goes_on, std::cmp::Reverse((view.since, view.campaign))));
        Ok(views)
    }

    /// The id of a campaign by its name; none where the label names none.
    fn campaign_named(&self, label: &str) -> Option<CampaignId> {
        let ignored = self.no_campaigns.get_or_init(|| {
            // What happened to people has words of its own, and is no campaign.
            let types = self.vocabularies.get("incident-type").map(|list| list.entries.as_slice()).unwrap_or_default();
            let words = types.iter().flat_map(|entry| [entry.code.as_str(), entry.title.as_str()]);
            words.chain(self.config.campaigns.ignore.iter().map(String::as_str)).filter_map(name_of).collect()
        });
        let name = name_of(label).filter(|name| !ignored.contains(name))?;
        Some(self.keys.campaign_id(b"name", name.as_bytes()))
    }

    fn campaign_of_value(&self, observable: &Observable) -> CampaignId {
        self.keys.campaign_id(b"value", &search_key(observable))
    }

    /// The value of a record, or of another's record of the same value where it is gone.
    fn value_of(&self, snapshot: &Snapshot, campaign: &CampaignId, record: &RecordId) -> Result<Option<Observable>, NodeError> {
        let found = snapshot.find(record)?.map(|found| found.observable);
        Ok(found.filter(|observable| self.campaign_of_value(observable) == *campaign))
    }

    /// Everybody's reports of a value that hold; none of one that is well known.
    fn reports_of_value(&self, snapshot: &Snapshot, observable: &Observable) -> Result<Vec<Report>, NodeError> {
        let now = self.clock.now();
        let Some(hit) = snapshot.said_of(observable, now)? else { return Ok(Vec::new()) };
        let kind = RecordKind::Indicator.number();
        let live = hit.provenances.into_iter().filter(|one| one.state == ProvenanceState::Live && !one.author.is_feed());
        let reports: Vec<Report> = live
            .map(|one| Report {
                author: one.author,
                at: one.received,
                about: About { label: one.label, kind, retention: one.retention },
                written: observable.value().to_owned(),
            })
            .collect();
        let several = reports.iter().map(|report| report.author).collect::<BTreeSet<_>>().len() as u64 >= self.limits().organisations;
        if several && self.is_well_known(observable)? {
            return Ok(Vec::new());
        }
        Ok(reports)
    }

    fn is_well_known(&self, observable: &Observable) -> Result<bool, NodeError> {
        let judged = self.gate()?.judge(observable, &super::share::inside(observable));
        // That something below a name is well known does not make the name so.
        Ok(judged.iter().any(|(_, finding)| matches!(finding.source, Source::Warninglist { .. }) && finding.reach != Reach::Above))
    }

    /// The reports of a name that hold.
    fn reports_of_name(&self, snapshot: &Snapshot, campaign: &CampaignId, rows: &[ReportRow]) -> Result<Vec<Report>, NodeError> {
        let mut reports = Vec::new();
        for (row, place) in rows.iter().flat_map(|row| row.places.iter().map(move |(place, _)| (row, place))) {
            match place {
                Place::Record(record) => reports.extend(self.report_of_record(snapshot, campaign, record)?),
                Place::Referral(referral) => {
                    let found = self.report_of_referral(snapshot, referral)?;
                    reports
                        .extend(found.filter(|(other, report)| other == campaign && report.author == row.author).map(|(_, report)| report));
                }
            }
        }
        Ok(reports)
    }

    /// What a record says of a campaign, as it stands: none where it was withdrawn, destroyed, or does not name it any more.
    fn report_of_record(&self, snapshot: &Snapshot, campaign: &CampaignId, record: &RecordId) -> Result<Option<Report>, NodeError> {
        let (now, kind) = (self.clock.now(), RecordKind::Indicator.number());
        let Some(found) = snapshot.find(record)? else { return Ok(None) };
        let live = found.provenances.into_iter().filter(|(one, _)| one.state == ProvenanceState::Live && !one.is_expired(now));
        let mut reports = live.filter_map(|(one, body)| {
            let written = labels(body.0.as_slice()).into_iter().find(|label| self.campaign_named(label) == Some(*campaign))?;
            let about = About { label: one.label, kind, retention: one.retention };
            Some(Report { author: one.author, at: one.received, about, written })
        });
        Ok(reports.next())
    }

    /// The campaign that a referral names, while what was offered is here and holds, and who says so.
    fn report_of_referral(&self, snapshot: &Snapshot, id: &ReferralId) -> Result<Option<(CampaignId, Report)>, NodeError> {
        let Some(conversation) = snapshot.conversation(id)? else { return Ok(None) };
        let row = conversation.row;
        let is_ours = row.side == Side::Origin;
        if conversation.standing.origin.withdrawn.is_some() || is_ours && self.came_by_another(snapshot, id)? {
            return Ok(None);
        }
        let Some(offer) = self.offer_of(snapshot, &conversation)? else { return Ok(None) };
        let about = About { label: row.label, kind: RecordKind::Referral.number(), retention: row.retention };
        let author = if is_ours { self.org() } else { row.peer };
        let campaign = self.campaign_named(&offer.campaign);
        Ok(campaign.map(|campaign| (campaign, Report { author, at: row.opened, about, written: offer.campaign })))
    }

    fn report_rows(snapshot: &Snapshot, campaign: &CampaignId) -> Result<BTreeMap<OrgId, ReportRow>, NodeError> {
        let beginning: [u8; 8] = std::array::from_fn(|at| campaign.0[at]);
        let mut rows = BTreeMap::new();
        for (_, bytes) in snapshot.kept_under(Shelf::Report, &beginning)? {
            let row: ReportRow = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
            if row.campaign == *campaign {
                rows.insert(row.author, row);
            }
        }
        Ok(rows)
    }

    fn all_reports(snapshot: &Snapshot) -> Result<Vec<([u8; 16], ReportRow)>, NodeError> {
        let read = |(key, bytes): ([u8; 16], Vec<u8>)| Ok((key, serde_json::from_slice(&bytes).map_err(|_| damaged())?));
        snapshot.all_kept(Shelf::Report)?.into_iter().map(read).collect()
    }

    fn campaign_row(snapshot: &Snapshot, campaign: &CampaignId) -> Result<Option<CampaignRow>, NodeError> {
        let kept = snapshot.kept(Shelf::Campaign, &campaign.0)?;
        kept.map(|bytes| serde_json::from_slice(&bytes).map_err(|_| damaged())).transpose()
    }

    fn campaign_rows(snapshot: &Snapshot) -> Result<Vec<(CampaignId, CampaignRow)>, NodeError> {
        let read = |(key, bytes): ([u8; 16], Vec<u8>)| Ok((CampaignId(key), serde_json::from_slice(&bytes).map_err(|_| damaged())?));
        snapshot.all_kept(Shelf::Campaign)?.into_iter().map(read).collect()
    }
}

/// The labels in an indicator's body.
fn labels(body: &[u8]) -> Vec<String> {
    match decode_record(RecordKind::Indicator, body) {
        Ok(Record::Indicator(indicator)) => indicator.labels,
        _ => Vec::new(),
    }
}
