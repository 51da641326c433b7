//! What the node does about alerts by itself: counts them, and tells people that one came and which referrals it concerns.

use super::{AlertRow, Known, short};
use crate::model::alert::Alert;
use crate::model::desk::Role;
use crate::model::vocabulary::Code;
use crate::model::{Priority, ReferralId, ShortId, Timestamp};
use crate::node::{Node, NodeError};
use crate::rules::alert::{About, State, concerns};
use crate::rules::notify::{Event, Notice};
use crate::rules::statistics::{self, Codes, Dimension, Fact, Measure, Period, UNLISTED, Way};
use crate::store::Snapshot;
use crate::store::change::{Change, Shelf};
use std::collections::BTreeSet;

/// Of so many referrals people are told that one alert concerns them; `watchfire alert show` has them all.
const TOLD_MAX: usize = 20;

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
    /// transaction for each alert.
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
        let all = self.known_alerts(&snapshot)?;
        let cases = if all.iter().any(|one| one.state == State::Valid) { self.open_cases(&snapshot)? } else { Vec::new() };
        for known in &all {
            self.tend_alert(known, &cases).await?;
        }
        self.forget_alerts(&snapshot, &all).await
    }

    async fn tend_alert(&self, known: &Known, cases: &[OpenCase]) -> Result<(), NodeError> {
        let (now, ours, valid) = (self.clock.now(), known.author == self.org(), known.state == State::Valid);
        let (mut row, mut changes) = (known.row.clone(), Vec::new());
        if !row.counted {
            row.counted = true;
            let way = if ours { Way::Out } else { Way::In };
            // Another alert may have been counted since.
            changes.extend(self.count_alert(&self.store.snapshot()?, &known.alert, Measure { way, event: statistics::Event::Alert })?);
        }
        let urgent = known.alert.priority != Priority::Normal;
        if valid && !ours && !row.told {
            row.told = true;
            changes.push(self.notify(notice(Event::AlertArrived, known, None, urgent, now)));
        }
        if valid {
            for referral in self.concerned(&known.alert, cases) {
                if row.matched.len() < TOLD_MAX && row.matched.insert(referral) {
                    changes.push(self.notify(notice(Event::AlertMatches, known, Some(referral), urgent, now)));
                    tracing::info!(alert = %short(&known.alert.id), referral = %ShortId::of(&referral.0).map(|id| id.to_string()).unwrap_or_default(), "an alert concerns a referral");
                }
            }
        }
        if row != known.row {
            row.at = now;
            changes.push(known.keep(&row));
            self.commit_many(changes).await?;
        }
        Ok(())
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

    /// The changes that count an alert, by its codes. For whoever holds the turn of referrals.
    pub(super) fn count_alert(&self, snapshot: &Snapshot, alert: &Alert, measure: Measure) -> Result<Vec<Change>, NodeError> {
        let listed = |list: &str, codes: &[Code]| -> Vec<Code> {
            let (list, unlisted) = (self.vocabularies.get(list), UNLISTED.parse::<Code>().ok());
            let one = |code: &Code| if list.is_none_or(|list| list.title(code).is_some()) { Some(code.clone()) } else { unlisted.clone() };
            codes.iter().filter_map(one).collect()
        };
        let codes = Codes::default()
            .with(Dimension::IncidentType, &listed("incident-type", &alert.incident_types))
            .with(Dimension::Region, &listed("region", &alert.regions))
            .with_text(Dimension::Priority, alert.priority.name());
        let fact = Fact { measure, at: self.clock.now(), took: None };
        let mut changes = Vec::new();
        for period in Period::of(fact.at) {
            let mut counters = Self::counters(snapshot, period)?;
            counters.add(&fact, Some(&codes));
            changes.push(Self::keep_counters(period, &counters));
        }
        Ok(changes)
    }

    /// What is kept of an alert goes some time after the alert itself.
    async fn forget_alerts(&self, snapshot: &Snapshot, all: &[Known]) -> Result<(), NodeError> {
        let posted: BTreeSet<[u8; 16]> = all.iter().map(|one| super::shelf_id(&one.author, &one.alert.id)).collect();
        let old = |row: &AlertRow| self.clock.now().since(row.at) > super::KEPT_MS;
        let rows = Self::alert_rows(snapshot)?.into_iter().filter(|(id, row)| old(row) && !posted.contains(id));
        let gone: Vec<Change> = rows.map(|(id, _)| Change::Keep { shelf: Shelf::Alert, id, row: None }).collect();
        if !gone.is_empty() {
            self.commit_many(gone).await?;
        }
        Ok(())
    }
}

/// That an alert came, or that it concerns a referral, which is named then: codes, and the beginning of an id.
fn notice(event: Event, known: &Known, referral: Option<ReferralId>, urgent: bool, at: Timestamp) -> Notice {
    let about = referral.map(|referral| referral.0.to_vec()).unwrap_or_default();
    let cause = [known.author.0.as_slice(), &known.alert.id.0, &about].concat();
    let named = referral.map_or(known.alert.id.0, |referral| referral.0);
    let (referral, priority) = (ShortId::of(&named), Some(known.alert.priority));
    Notice { referral, priority, urgent, ..Notice::new(event, &cause, Role::Handler, at) }
}
