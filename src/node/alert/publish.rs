//! An alert is published, taken back, or read by a person.

use super::{AlertView, KEPT_MS, as_referral, short};
use crate::model::alert::{Alert, VALID_MS, VALID_MS_MAX};
use crate::model::country::Country;
use crate::model::crypto::random;
use crate::model::group::Visibility;
use crate::model::log::Audience;
use crate::model::record::WithdrawalMode;
use crate::model::vocabulary::Code;
use crate::model::{AlertId, Class, Label, Observable, Pap, Priority, Record, RecordKind, Timestamp, Tlp};
use crate::node::hold::Hold;
use crate::node::referral::By;
use crate::node::view::{HoldView, PreviewView, ShareReport};
use crate::node::{Node, NodeError};
use crate::rules::alert::State;
use crate::rules::release::{Draft, Findings};
use serde::{Deserialize, Serialize};

/// Others are to be warned. `Debug` prints none of what was written.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertRequest {
    /// The peer or group: its name or id.
    pub to: String,
    /// Of what (`incident-type`).
    pub incident_types: Vec<Code>,
    /// For which countries; with none of these and no region for everywhere.
    #[serde(default)]
    pub countries: Vec<Country>,
    /// For which regions (`region`).
    #[serde(default)]
    pub regions: Vec<Code>,
    /// How pressing it is.
    #[serde(default)]
    pub priority: Priority,
    /// What goes on, in a line of up to 120 characters.
    pub headline: String,
    /// What to do about it, in up to 2,000.
    #[serde(default)]
    pub advice: String,
    /// Until when it holds; two weeks where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Values to look for.
    #[serde(default)]
    pub indicators: Vec<String>,
    /// The label.
    #[serde(default = "amber")]
    pub tlp: Tlp,
    /// The class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// The PAP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pap: Option<Pap>,
    /// Whether it is not held.
    #[serde(default)]
    pub now: bool,
    /// Whether it is only looked at.
    #[serde(default)]
    pub dry_run: bool,
}

impl std::fmt::Debug for AlertRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AlertRequest({})", self.priority)
    }
}

const fn amber() -> Tlp {
    Tlp::Amber
}

impl AlertRequest {
    /// What two people have to sign for.
    pub fn label(&self) -> Label {
        Label::said(self.tlp, self.class, self.pap.unwrap_or(Pap::Clear))
    }
}

/// That somebody has read it.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadRequest {}

/// That it does not hold any more, or should never have left.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WithdrawRequest {
    /// Whether every holder destroys it.
    #[serde(default)]
    pub recall: bool,
}

/// What became of an alert that was to be published. `Debug` prints its id.
#[derive(Clone, Serialize, Deserialize)]
pub struct PublishedView {
    /// Its id.
    pub alert: AlertId,
    /// `released`, `held`, or `looked_at` where nothing was to leave.
    pub state: String,
    /// What holds it back.
    pub held: Option<HoldView>,
    /// What would leave, where nothing was to.
    pub preview: Option<PreviewView>,
    /// What gave way to placeholders, and what is worth a look.
    pub findings: Findings,
}

impl std::fmt::Debug for PublishedView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublishedView({}, {})", self.alert, self.state)
    }
}

impl Node {
    /// Warns a peer or a group. It passes the gate, is held and can be undone as whatever is shared.
    ///
    /// # Errors
    /// When a code is in no list of ours, a text is too long, the gate withholds it, or nobody would hear it.
    pub async fn publish_alert(&self, request: AlertRequest, by: By) -> Result<PublishedView, NodeError> {
        let audience = self.audience(&request.to)?;
        let _turn = self.referral_turn().await;
        if let Audience::Group(group) = audience {
            let definition = self.definition(&self.store.snapshot()?, &group)?;
            if let Some(definition) = definition.filter(|one| one.visibility == Visibility::Hidden && one.signer != self.org()) {
                let head = self.org_name(&self.store.snapshot()?, &definition.signer)?;
                let hint = format!(
                    "hint: `{head}` heads it: ask them to publish it, warn them alone with `--to {head}`, or warn a group whose members know each other"
                );
                return Err(NodeError::Conflict(format!("in a hidden group its head alone would hear the alert\n{hint}")));
            }
        }
        let snapshot = self.store.snapshot()?;
        let valid = |one: &super::Known| one.author == self.org() && one.state == State::Valid;
        let many = self.known_alerts(&snapshot)?.into_iter().chain(self.waiting_alerts(&snapshot)?).filter(valid).count() as u64;
        if many >= self.config.alert.open_max && !request.dry_run {
            let hint = "hint: `watchfire alert withdraw` ends one; others hear no more than `alert.open_max` of one organisation";
            return Err(NodeError::Conflict(format!("{many} alerts of ours hold, and that is the most\n{hint}")));
        }
        drop(snapshot);
        let door = self.door(audience)?;
        let (label, hold) = (request.label(), self.hold_of(request.dry_run, request.now));
        let alert = self.alert_of(request, door.now)?;
        let (id, until) = (alert.id, alert.valid_until);
        let retention = self.retention(door.now);
        let retention = if retention.0 == 0 { until.plus(KEPT_MS) } else { retention.min(until.plus(KEPT_MS)) };
        let item = self.pass_gate_for_people(&door, Draft { record: Record::Alert(Box::new(alert)), label, audience, retention })?;
        let findings = item.findings.clone();
        if hold != Hold::Dry {
            self.commit(self.deed(by, "alert", &as_referral(&id), 0)).await?;
        }
        let mut report = ShareReport::default();
        self.hold_or_queue(&door, vec![item], hold, &mut report).await?;
        let (held, preview) = (report.held.pop(), report.preview.pop());
        let state = match (&held, &preview) {
            (_, Some(_)) => "looked_at",
            (Some(_), None) => "held",
            (None, None) => "released",
        };
        if hold != Hold::Dry {
            tracing::info!(alert = %short(&id), state, "an alert is published");
        }
        Ok(PublishedView { alert: id, state: state.into(), held, preview, findings })
    }

    fn alert_of(&self, request: AlertRequest, now: Timestamp) -> Result<Alert, NodeError> {
        let AlertRequest { mut incident_types, mut countries, mut regions, priority, headline, advice, until, indicators, .. } = request;
        for (list, codes) in [("incident-type", &mut incident_types), ("region", &mut regions)] {
            codes.iter().try_for_each(|code| self.is_of_list(list, code))?;
            codes.sort();
            codes.dedup();
        }
        let known = |country: &Country| Country::assigned(country.as_str()).map(drop);
        countries.iter().try_for_each(known).map_err(|error| NodeError::BadInput(error.to_string()))?;
        countries.sort();
        countries.dedup();
        let valid_until = until.unwrap_or_else(|| now.plus(VALID_MS));
        if valid_until <= now || valid_until.since(now) > VALID_MS_MAX {
            return Err(NodeError::BadInput(
                "an alert ends within 90 days, and not before it begins\nhint: `--until TIME`, or leave it out".into(),
            ));
        }
        let mut values = Vec::with_capacity(indicators.len());
        for value in &indicators {
            let value = Observable::guess(value).map_err(|error| NodeError::BadInput(error.to_string()))?;
            if !values.contains(&value) {
                values.push(value);
            }
        }
        let alert = Alert {
            id: AlertId(random()),
            incident_types,
            countries,
            regions,
            priority,
            priority_newer: None,
            headline: headline.trim().to_owned(),
            advice: advice.trim().to_owned(),
            valid_until,
            indicators: values,
            vocabulary: self.vocabularies.version(),
        };
        alert.check().map_err(|bad| NodeError::BadInput(bad.to_string()))?;
        Ok(alert)
    }

    /// Takes an alert of ours back: it does not hold any more, or should never have left.
    ///
    /// # Errors
    /// When there is none, it is another's, or was taken back already.
    pub async fn withdraw_alert(&self, text: &str, request: WithdrawRequest, by: By) -> Result<AlertView, NodeError> {
        let turn = self.referral_turn().await;
        let snapshot = self.store.snapshot()?;
        // What has left the desk and has no position yet can be taken back, too.
        let all = self.known_alerts(&snapshot)?.into_iter().chain(self.waiting_alerts(&snapshot)?);
        let known = super::named(all, text)?;
        drop(snapshot);
        let id = known.alert.id;
        if known.author != self.org() {
            return Err(NodeError::NotAuthor(short(&id)));
        }
        if known.state == State::Withdrawn && !request.recall {
            return Err(NodeError::Conflict("the alert was withdrawn already".into()));
        }
        let mode = if request.recall { WithdrawalMode::Recall } else { WithdrawalMode::Withdraw };
        let is_it = |record: &Record| matches!(record, Record::Alert(alert) if alert.id == id);
        let deed = self.deed(by, if request.recall { "alert recalled" } else { "alert withdrawn" }, &as_referral(&id), 0);
        self.take_back_posted(known.audience, RecordKind::Alert, is_it, (mode, ""), vec![deed]).await?;
        drop(turn);
        tracing::info!(alert = %short(&id), recalled = request.recall, "an alert is taken back");
        self.alert_view(&super::Known { state: State::Withdrawn, ..known })
    }

    /// A person has read an alert.
    ///
    /// # Errors
    /// When there is none of that id.
    pub async fn read_alert(&self, text: &str, by: By) -> Result<AlertView, NodeError> {
        let _turn = self.referral_turn().await;
        let snapshot = self.store.snapshot()?;
        let mut known = self.alert_named(&snapshot, text)?;
        // The first who read it stays.
        if known.row.read.is_none() {
            let now = self.clock.now();
            (known.row.read, known.row.read_by, known.row.at) = (Some(now), by.short(), now);
            let mut changes = vec![known.keep(&known.row), self.deed(by, "alert read", &as_referral(&known.alert.id), 0)];
            if known.author != self.org() {
                changes.extend(self.count_alerts(&snapshot, &[(&known.alert, super::tend::READ)])?);
            }
            self.commit_many(changes).await?;
        }
        self.alert_view(&known)
    }
}
