//! What the release gate knows: read at the start and on SIGHUP, held against every draft (`rules/gate`).
//!
//! A file that is missing or wrong stops the start, since the gate would let through what the file is there to stop. On SIGHUP what was in force stays.

mod files;
mod partners;
pub mod volume;
pub mod warninglists;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use super::share::inside;
use super::{Node, NodeError};
use crate::config::Config;
use crate::model::{Observable, ObservableKind};
use crate::rules::addressee::{self, Decision};
use crate::rules::gate::{Gate, Told};
use crate::rules::lists::{Infrastructure, Severity};

/// What the gate knows, and since when.
pub(super) struct Gatekeeper {
    told: RwLock<Arc<Told>>,
    partners: Mutex<Partners>,
    volumes: Mutex<volume::Volumes>,
}

/// What partners' cards name.
#[derive(Default)]
struct Partners {
    /// Grows whenever a card or a group may have changed.
    number: u64,
    /// As it was at that number.
    read: Option<(u64, Arc<Infrastructure>)>,
}

impl Gatekeeper {
    /// It knows what the settings say, and has read no file.
    pub(super) fn new(config: &Config) -> Self {
        Self { told: RwLock::new(Arc::new(files::settings_alone(config))), partners: Mutex::default(), volumes: Mutex::default() }
    }

    /// A card or a group changed.
    pub(super) fn forget_partners(&self) {
        self.partners().number += 1;
    }

    fn partners(&self) -> MutexGuard<'_, Partners> {
        self.partners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the gate says of a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgedView {
    /// The value, as it was given.
    pub value: String,
    /// What it is read as; `None` where it cannot be read.
    pub kind: Option<ObservableKind>,
    /// The strictest finding; `None` where it leaves without a word.
    pub severity: Option<Severity>,
    /// What leaves instead, where something that tells of a recipient is taken off.
    pub leaves_as: Option<String>,
    /// All findings, strictest first.
    pub findings: Vec<FindingView>,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingView {
    /// What it means.
    pub severity: Severity,
    /// Why, in words that name no victim.
    pub why: String,
}

/// Whether what the settings name for the gate can be read.
///
/// # Errors
/// The file and the line that cannot.
pub fn check(data: &Path, config: &Config) -> Result<(), NodeError> {
    files::read(data, config).map(drop)
}

impl Node {
    /// Reads what the gate is told. What changed counts for the next draft.
    ///
    /// # Errors
    /// [`NodeError::GateFile`] when a file is missing or wrong; what was in force stays.
    pub fn reload_gate(&self) -> Result<(), NodeError> {
        let told = Arc::new(files::read(&self.data, &self.config)?);
        *self.gatekeeper.told.write().unwrap_or_else(PoisonError::into_inner) = told;
        Ok(())
    }

    /// The gate as it is now.
    pub(super) fn gate(&self) -> Result<Gate, NodeError> {
        let told = self.gatekeeper.told.read().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Gate { told, partners: self.partners()? })
    }

    /// What the gate would say of values, texts and labels aside.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn judge(&self, values: &[String]) -> Result<Vec<JudgedView>, NodeError> {
        let gate = self.gate()?;
        Ok(values.iter().map(|value| judged(&gate, value)).collect())
    }
}

fn judged(gate: &Gate, value: &str) -> JudgedView {
    let mut view = JudgedView { value: value.to_owned(), kind: None, severity: None, leaves_as: None, findings: Vec::new() };
    let observable = match Observable::guess(value) {
        Ok(observable) => observable,
        Err(error) => {
            let why = super::error::split_hint(&error.to_string()).0;
            view.findings.push(FindingView { severity: Severity::Refuse, why });
            return JudgedView { severity: Some(Severity::Refuse), ..view };
        }
    };
    view.kind = Some(observable.kind());
    let left = match gate.addressee(&observable, &inside(&observable)) {
        Decision::Keep => observable,
        Decision::Stripped { url, .. } => {
            view.leaves_as = Some(url.value().to_owned());
            url
        }
        Decision::Withhold { reason } => {
            view.findings.push(FindingView { severity: Severity::Refuse, why: told_of(reason) });
            observable
        }
    };
    let found = gate.judge(&left, &inside(&left)).into_iter();
    view.findings.extend(found.map(|(severity, finding)| FindingView { severity, why: finding.to_string() }));
    view.severity = view.findings.iter().map(|finding| finding.severity).max();
    view
}

fn told_of(reason: addressee::Trace) -> String {
    format!("it tells whom it was sent to, by {reason}")
}
