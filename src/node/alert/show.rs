//! Alerts as people see them.

use super::Known;
use super::tend::OpenCase;
use crate::model::country::Country;
use crate::model::vocabulary::Code;
use crate::model::{AlertId, OrgId, Priority, ReferralId, Timestamp};
use crate::node::status::Names;
use crate::node::{Node, NodeError};
use crate::rules::alert::State;
use crate::store::Snapshot;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An alert. `Debug` prints its id and where it stands.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertView {
    /// Its id.
    pub alert: AlertId,
    /// Whose.
    pub org_id: OrgId,
    /// What people here call them; `us` where it is ours.
    pub name: String,
    /// Whom it was told: a group's name, or a peer's.
    pub audience: String,
    /// `valid`, `expired` or `withdrawn`.
    pub state: String,
    /// How pressing it is.
    pub priority: Priority,
    /// The number that a newer program gave it, where this version does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority_newer: Option<u32>,
    /// Of what (`incident-type`).
    pub incident_types: Vec<Code>,
    /// For which countries; with none of these and no region for everywhere.
    pub countries: Vec<Country>,
    /// For which regions.
    pub regions: Vec<Code>,
    /// What goes on.
    pub headline: String,
    /// What to do about it.
    pub advice: String,
    /// What to look for.
    pub indicators: Vec<ValueView>,
    /// When it came here, or, of ours, was written.
    pub since: Timestamp,
    /// Until when it holds.
    pub valid_until: Timestamp,
    /// Since when somebody here has read it.
    pub read: Option<Timestamp>,
    /// Which desk user.
    pub read_by: Option<String>,
    /// The open referrals here that it concerns. Nobody else learns of it.
    pub matches: Vec<ReferralId>,
}

/// A value to look for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueView {
    /// Its kind.
    pub kind: String,
    /// The value.
    pub value: String,
}

impl std::fmt::Debug for AlertView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AlertView({}, {})", self.alert, self.state)
    }
}

/// What alerts are shown with, read once for however many.
struct Sight {
    names: Names,
    people: BTreeMap<String, String>,
    cases: Vec<OpenCase>,
}

impl Node {
    /// The alerts that hold, the newest first; with `all` those that do not any more, too.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn alert_views(&self, all: bool) -> Result<Vec<AlertView>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let (sight, known) = (self.sight(&snapshot)?, self.known_alerts(&snapshot)?.into_iter().rev());
        Ok(known.filter(|one| all || one.state == State::Valid).map(|one| self.seen(&sight, &one)).collect())
    }

    /// One alert, by its id or the beginning of it.
    ///
    /// # Errors
    /// When there is none, or several begin so.
    pub fn alert_view_of(&self, text: &str) -> Result<AlertView, NodeError> {
        self.alert_view(&self.alert_named(&self.store.snapshot()?, text)?)
    }

    pub(super) fn alert_view(&self, known: &Known) -> Result<AlertView, NodeError> {
        Ok(self.seen(&self.sight(&self.store.snapshot()?)?, known))
    }

    fn sight(&self, snapshot: &Snapshot) -> Result<Sight, NodeError> {
        Ok(Sight { names: Names::of(snapshot)?, people: Self::user_names(snapshot)?, cases: self.open_cases(snapshot)? })
    }

    fn seen(&self, Sight { names, people, cases }: &Sight, known: &Known) -> AlertView {
        let Known { author, audience, at, state, alert, row } = known;
        let matches = if *state == State::Valid { self.concerned(alert, cases) } else { Vec::new() };
        let value = |one: &crate::model::Observable| ValueView { kind: one.kind().name().into(), value: one.value().into() };
        AlertView {
            alert: alert.id,
            org_id: *author,
            name: names.org(author),
            audience: names.audience(audience),
            state: state.name().into(),
            priority: alert.priority,
            priority_newer: alert.priority_newer,
            incident_types: alert.incident_types.clone(),
            countries: alert.countries.clone(),
            regions: alert.regions.clone(),
            headline: alert.headline.clone(),
            advice: alert.advice.clone(),
            indicators: alert.indicators.iter().map(value).collect(),
            since: *at,
            valid_until: alert.valid_until,
            read: row.read,
            read_by: crate::node::second::named(people, row.read_by.clone()),
            matches,
        }
    }
}
