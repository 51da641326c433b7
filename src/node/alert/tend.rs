//! What the node does about alerts by itself: counts them, and tells people that one came and which referrals it concerns.

use super::{AlertRow, Known, Rows, short};
use crate::model::alert::Alert;
use crate::model::desk::Role;
use crate::model::vocabulary::Code;
use crate::model::{OrgId, Priority, ReferralId, ShortId, Timestamp};
use crate::node::{Node, NodeError};
use crate::rules::alert::{About, State, concerns};
use crate::rules::notify::{Event, Notice};
use crate::rules::statistics::{self, Codes, Dimension, Fact, Measure, Way};
use crate::store::Snapshot;
use crate::store::change::{Change, Shelf};
use std::collections::{BTreeMap, BTreeSet};

/// Of so many referrals people are told that one alert concerns them; `watchfire alert show` has them all.
const TOLD_MAX: usize = 20;

/// So many alerts of one author that came together are told of one by one.
const APART_MAX: usize = 3;

/// What is counted.
pub(super) const READ: Measure = Measure { way: Way::In, event: statistics::Event::AlertRead };

/// What an alert is held against: of a referral that is open here.
pub(in crate::node) struct OpenCase {
    referral: ReferralId,
    incident_types: Vec<Code>,
    region: Option<Code>,
    country: Option<String>,
}

impl Node {
    pub(in crate::node) async fn tend_alerts_or_later(&self) {
        if let Err(error) = self.tend_alerts().await {
            tracing::warn!(code = error.code(), "what follows from an alert is done later");
        }
    }

    /// Does what follows from how alerts stand: after something came, and as a part of the upkeep. What it tells, counts and that it did is one
    /// transaction.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn tend_alerts(&self) -> Result<(), NodeError> {
        // Counters are changed by whoever holds this turn.
        let _turn = self.referral_turn().await;
        let snapshot = self.store.snapshot()?;
        if self.holds_back(&snapshot)? {
            return Ok(());
        }
        let (all, left) = self.alerts_and_rows_left(&snapshot)?;
        let cases = if all.iter().any(|one| one.state == State::Valid) { self.open_cases(&snapshot)? } else { Vec::new() };
        let mut changes = self.tell_of_new(&all);
        let (mut counted, mut told) = (Vec::new(), BTreeSet::new());
        for known in &all {
            changes.extend(self.tend_alert(known, &cases, &mut counted, &mut told));
        }
        changes.extend(self.count_alerts(&snapshot, &counted)?);
        changes.extend(self.forget_alerts(left));
        if !changes.is_empty() {
            self.commit_many(changes).await?;
        }
        Ok(())
    }

    /// The notices of what came. Who warns of many things at once is told of once, by what presses most: the list has them all.
    fn tell_of_new(&self, all: &[Known]) -> Vec<Change> {
        let mut new: BTreeMap<OrgId, Vec<&Known>> = BTreeMap::new();
        for known in all.iter().filter(|one| one.state == State::Valid && one.author != self.org() && !one.row.told) {
            new.entry(known.author).or_default().push(known);
        }
        for many in new.values_mut().filter(|many| many.len() > APART_MAX) {
            let first = |priority| many.iter().position(|one| one.alert.priority == priority);
            let place = [Priority::Emergency, Priority::Urgent].into_iter().find_map(first);
            *many = many.get(place.unwrap_or_default()).copied().into_iter().collect();
        }
        let tell = |known: &&Known| self.notify(notice(Event::AlertArrived, known, None, is_urgent(known), self.clock.now()));
        new.values().flatten().map(tell).collect()
    }

    fn tend_alert<'a>(
        &self,
        known: &'a Known,
        cases: &[OpenCase],
        counted: &mut Vec<(&'a Alert, Measure)>,
        told: &mut BTreeSet<(OrgId, ReferralId)>,
    ) -> Vec<Change> {
        let (now, ours, valid) = (self.clock.now(), known.author == self.org(), known.state == State::Valid);
        let (mut row, mut changes) = (known.row.clone(), Vec::new());
        // Nothing is kept of another's that was over before anybody was told.
        if !ours && !valid {
            return changes;
        }
        if !row.counted {
            row.counted = true;
            counted.push((&known.alert, Measure { way: if ours { Way::Out } else { Way::In }, event: statistics::Event::Alert }));
        }
        if !ours {
            (row.told, row.author) = (true, Some(known.author));
        }
        if valid {
            for referral in self.concerned(&known.alert, cases) {
                if row.matched.len() >= TOLD_MAX || !row.matched.insert(referral) {
                    continue;
                }
                // Of several alerts of one author that came together, the first tells of a referral.
                if told.insert((known.author, referral)) {
                    changes.push(self.notify(notice(Event::AlertMatches, known, Some(referral), is_urgent(known), now)));
                    tracing::info!(alert = %short(&known.alert.id), referral = %ShortId::of(&referral.0).map(|id| id.to_string()).unwrap_or_default(), "an alert concerns a referral");
                }
            }
        }
        if row != known.row {
            row.at = now;
            changes.push(known.keep(&row));
        }
        changes
    }

    /// The referrals that an alert concerns.
    pub(super) fn concerned(&self, alert: &Alert, cases: &[OpenCase]) -> Vec<ReferralId> {
        let is_it = |case: &&OpenCase| {
            let OpenCase { incident_types, region, country, .. } = case;
            concerns(alert, &About { incident_types, region: region.as_ref(), country: country.as_deref() }, &self.vocabularies)
        };
        cases.iter().filter(is_it).map(|case| case.referral).collect()
    }

    /// What alerts are held against: our cases and those that came, while they are open.
    pub(in crate::node) fn open_cases(&self, snapshot: &Snapshot) -> Result<Vec<OpenCase>, NodeError> {
        let mut all = Vec::new();
        for (referral, row) in snapshot.referrals()? {
            if row.over {
                continue;
            }
            let Some(place) = self.place_of_case(snapshot, &referral)? else { continue };
            let (incident_types, region, country) = place;
            all.push(OpenCase { referral, incident_types, region, country });
        }
        Ok(all)
    }

    /// The changes that count alerts, by their codes. For whoever holds the turn of referrals.
    pub(super) fn count_alerts(&self, snapshot: &Snapshot, counted: &[(&Alert, Measure)]) -> Result<Vec<Change>, NodeError> {
        let at = self.clock.now();
        let one = |(alert, measure): &(&Alert, Measure)| {
            let codes = Codes::default()
                .with(Dimension::IncidentType, &self.listed("incident-type", &alert.incident_types))
                .with(Dimension::Region, &self.listed("region", &alert.regions))
                .with_text(Dimension::Priority, alert.priority.name());
            (Fact { measure: *measure, at, took: None }, codes)
        };
        let facts: Vec<_> = counted.iter().map(one).collect();
        self.counted(snapshot, facts.iter().map(|(fact, codes)| (*fact, Some(codes))))
    }

    /// What is kept of an alert goes some time after the alert itself, or with it where nobody here has heard of it.
    fn forget_alerts(&self, left: Rows) -> impl Iterator<Item = Change> + use<> {
        let now = self.clock.now();
        let goes = move |row: &AlertRow| now.since(row.at) > super::KEPT_MS || (!row.told && row.read.is_none());
        left.into_iter().filter(move |(_, row)| goes(row)).map(|(id, _)| Change::Keep { shelf: Shelf::Alert, id, row: None })
    }
}

fn is_urgent(known: &Known) -> bool {
    known.alert.priority != Priority::Normal
}

/// That an alert came, or that it concerns a referral, which is named then: codes, and the beginning of an id.
fn notice(event: Event, known: &Known, referral: Option<ReferralId>, urgent: bool, at: Timestamp) -> Notice {
    let about = referral.map(|referral| referral.0.to_vec()).unwrap_or_default();
    let cause = [known.author.0.as_slice(), &known.alert.id.0, &about].concat();
    let named = referral.map_or(known.alert.id.0, |referral| referral.0);
    let (referral, priority) = (ShortId::of(&named), Some(known.alert.priority));
    Notice { referral, priority, urgent, ..Notice::new(event, &cause, Role::Handler, at) }
}
