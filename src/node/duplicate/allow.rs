//! A contact of ours may be matched: the person agreed, and somebody here says so.

use super::super::referral::By;
use super::super::{Node, NodeError};
use super::{AllowedRow, bytes, drop_row, keep, keep_counts, rows, value_text};
use crate::model::crypto::random;
use crate::model::duplicate::{Agreed, Basis, Purpose};
use crate::model::{CheckId, Timestamp};
use crate::rules::duplicate::{day, own_fit};
use crate::store::change::Shelf;
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Contacts at a time: as many as a sealed contact has channels.
const CONTACTS_MAX: usize = 12;
const DAY_MS: u64 = 86_400_000;

/// Contacts that the command line has blinded, to be evaluated under our own key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluateRequest {
    /// Each in base64.
    pub blinded: Vec<String>,
}

/// What came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EvaluatedView {
    /// The public half of our key, in base64.
    pub key: String,
    /// The evaluations and their proofs, in base64.
    pub evaluated: Vec<(String, String)>,
}

/// What may be matched. `Debug` prints nothing of the values.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowRequest {
    /// What our key makes of each contact, in base64: up to 12.
    pub values: Vec<String>,
    /// Which peers may match it.
    pub with: Vec<String>,
    /// How the person agreed to that.
    pub consent: Basis,
    /// Until when; for as long as `duplicates.allowed_days_max` where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The referral that it belongs to, where it is one: with that it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral: Option<String>,
}

impl std::fmt::Debug for AllowRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AllowRequest({} contacts)", self.values.len())
    }
}

/// That it may not be matched any more.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisallowRequest {}

/// What may be matched from now on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AllowedOne {
    /// By which people name it.
    pub allowed: CheckId,
    /// How many contacts.
    pub contacts: usize,
    /// Until when.
    pub until: Timestamp,
}

impl Node {
    /// Evaluates what our own command line has blinded.
    ///
    /// # Errors
    /// When it is none, the day's are used up, or the store takes no changes.
    pub async fn evaluate_own(&self, request: EvaluateRequest, by: By) -> Result<EvaluatedView, NodeError> {
        if request.blinded.len() > CONTACTS_MAX {
            return Err(too_many());
        }
        let blinded: Vec<[u8; 32]> = request.blinded.iter().map(|text| bytes(text, "a blinded contact")).collect::<Result<_, _>>()?;
        self.count_own(blinded.len() as u64, by).await?;
        let key = self.keys.match_key();
        let mut evaluated = Vec::new();
        for blinded in &blinded {
            let evaluation = key.evaluate(blinded).map_err(|bad| NodeError::BadInput(bad.to_string()))?;
            evaluated.push((BASE64.encode(&evaluation.element), BASE64.encode(&evaluation.proof)));
        }
        Ok(EvaluatedView { key: BASE64.encode(key.public().bytes()), evaluated })
    }

    /// Counts and writes down what is evaluated for people here, before it is: somebody who went through the numbers of a country would have them all
    /// under our key.
    async fn count_own(&self, more: u64, by: By) -> Result<(), NodeError> {
        let _turn = self.matching.lock().await;
        self.store.settled().await;
        let (today, us, most) = (day(self.clock.now()), self.org(), self.config.duplicates.own_per_day_max);
        let mut counts = self.counts(&self.store.snapshot()?, Purpose::Contact, today)?;
        if !own_fit(most, counts.of(&us).answered, more) {
            let changes = self.refuse_one(&mut counts, (Purpose::Contact, today), us, true);
            if changes.len() > 1 {
                tracing::warn!("more contacts than a day's are to be evaluated here");
            }
            if !changes.is_empty() {
                self.commit_many(changes).await?;
            }
            let hint = "hint: tomorrow (UTC) there are more; `duplicates.own_per_day_max` says how many";
            return Err(NodeError::Conflict(format!("{most} contacts are evaluated here in a day, and that would be more\n{hint}")));
        }
        counts.answer(us, more);
        self.commit_many(vec![
            keep_counts(Purpose::Contact, today, &counts),
            self.duplicate_deed(by, "duplicate evaluated", &CheckId(random())),
        ])
        .await?;
        Ok(())
    }

    /// Lets a contact be matched.
    ///
    /// # Errors
    /// When a peer is unknown, the case or the consent is over, too many may be matched, or the store takes no changes.
    pub async fn allow_duplicate(&self, request: AllowRequest, by: By) -> Result<AllowedOne, NodeError> {
        let _turn = self.matching.lock().await;
        self.store.settled().await;
        let (snapshot, now) = (self.store.snapshot()?, self.clock.now());
        let AllowRequest { values, with, consent, until, referral } = request;
        let values: BTreeSet<[u8; 32]> = values.iter().map(|text| bytes(text, "a value")).collect::<Result<_, _>>()?;
        if values.is_empty() || with.is_empty() {
            return Err(NodeError::BadInput("nothing is to be matched, or by nobody\nhint: `--with PEER` names who may".into()));
        }
        if values.len() > CONTACTS_MAX {
            return Err(too_many());
        }
        let latest = now.plus(self.config.duplicates.allowed_days_max.saturating_mul(DAY_MS));
        let until = until.unwrap_or(latest);
        if until <= now || until > latest {
            let days = self.config.duplicates.allowed_days_max;
            return Err(NodeError::BadInput(format!(
                "it may be matched for {days} days at the most, from now on\nhint: choose another `--until`"
            )));
        }
        let referral = referral.map(|text| self.referral_named(&snapshot, &text)).transpose()?;
        if !self.case_is_open(&snapshot, referral.as_ref())? {
            return Err(super::ask::case_is_over());
        }
        let mut orgs = with.iter().map(|name| Ok(self.peer_named(name)?.org)).collect::<Result<Vec<_>, NodeError>>()?;
        orgs.sort_unstable();
        orgs.dedup();
        let held: usize = rows::<AllowedRow>(&snapshot, Shelf::DuplicateAllowed)?.iter().map(|(_, row)| row.values.len()).sum();
        let most = Purpose::Contact.slots();
        if held + values.len() > most {
            let hint = "hint: `watchfire duplicate list` shows what may be matched, `duplicate disallow` ends it";
            return Err(NodeError::Conflict(format!("{most} contacts may be matched at a time, and there are {held}\n{hint}")));
        }
        let (id, contacts) = (CheckId(random()), values.len());
        let row = AllowedRow {
            at: now,
            by: by.short(),
            key: value_text(self.keys.match_key().public().bytes()),
            values: values.iter().map(value_text).collect(),
            with: orgs,
            agreed: Agreed { basis: consent, until },
            referral,
        };
        self.commit_many(vec![keep(Shelf::DuplicateAllowed, &id, &row), self.duplicate_deed(by, "duplicate allowed", &id)]).await?;
        tracing::info!(contacts, "contacts may be matched");
        Ok(AllowedOne { allowed: id, contacts, until })
    }

    /// Ends that a contact may be matched: what our key made of it is destroyed.
    ///
    /// # Errors
    /// When there is none of that id, or the store takes no changes.
    pub async fn disallow_duplicate(&self, text: &str, by: By) -> Result<AllowedOne, NodeError> {
        let _turn = self.matching.lock().await;
        self.store.settled().await;
        let snapshot = self.store.snapshot()?;
        let (id, row): (CheckId, AllowedRow) = self.check_named(&snapshot, Shelf::DuplicateAllowed, text, "contact that may be matched")?;
        self.commit_many(vec![drop_row(Shelf::DuplicateAllowed, id.0), self.duplicate_deed(by, "duplicate disallowed", &id)]).await?;
        Ok(AllowedOne { allowed: id, contacts: row.values.len(), until: self.clock.now() })
    }
}

fn too_many() -> NodeError {
    NodeError::BadInput(format!("more than {CONTACTS_MAX} contacts\nhint: those by which the person is best known are enough"))
}
