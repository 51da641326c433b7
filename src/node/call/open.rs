//! A call is made, and ended.

use super::{CallRow, CallView, KEPT_MS, Known, OwnCall, as_referral, keep, short};
use crate::model::call::{Call, OPEN_MS_MAX};
use crate::model::crypto::random;
use crate::model::group::Visibility;
use crate::model::language::LanguageTag;
use crate::model::log::Audience;
use crate::model::record::WithdrawalMode;
use crate::model::vocabulary::Code;
use crate::model::{CallId, Priority, Record, RecordKind, Timestamp, Tlp};
use crate::node::referral::By;
use crate::node::share::Remarks;
use crate::node::{Node, NodeError};
use crate::rules::call::State;
use crate::rules::release::Draft;
use crate::store::change::Change;
use serde::{Deserialize, Serialize};

/// A group is to be asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallRequest {
    /// The group: its name or id.
    pub to: String,
    /// What is to be done (`help-wanted`).
    pub help_wanted: Vec<Code>,
    /// What happened (`incident-type`).
    #[serde(default)]
    pub incident_types: Vec<Code>,
    /// In which languages, the best first.
    #[serde(default)]
    pub languages: Vec<LanguageTag>,
    /// Where (`region`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Code>,
    /// How soon.
    #[serde(default)]
    pub priority: Priority,
    /// Until when it is open; by its priority where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The label.
    #[serde(default = "amber")]
    pub tlp: Tlp,
}

const fn amber() -> Tlp {
    Tlp::Amber
}

/// That nobody is looked for any more.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseRequest {}

impl Node {
    /// Asks a group for somebody who could help. Nothing of it is held: it has no text, and closing it takes it back.
    ///
    /// # Errors
    /// When a code is in no list of ours, too many calls of ours are open, the group would not hear it, or the label may not go there.
    pub async fn open_call(&self, request: CallRequest, by: By) -> Result<CallView, NodeError> {
        let group = self.group_named(&request.to)?.group;
        let _turn = self.calls_in_turn().await;
        let (snapshot, now) = (self.store.snapshot()?, self.clock.now());
        let definition = self.definition(&snapshot, &group)?;
        if let Some(definition) = definition.filter(|one| one.visibility == Visibility::Hidden && one.signer != self.org()) {
            let head = self.org_name(&snapshot, &definition.signer)?;
            let hint = format!("hint: `{head}` heads it: ask them to call for you, or ask a group whose members know each other");
            return Err(NodeError::Conflict(format!("in a hidden group its head alone would hear the call\n{hint}")));
        }
        let call = self.call_of(request.clone(), now)?;
        let (id, audience) = (call.id, Audience::Group(group));
        let door = self.door(audience)?;
        let (retention, label) = (call.expires.plus(KEPT_MS), request.tlp.into());
        let item = self.pass_gate(&door, Draft { record: Record::Call(call.clone()), label, audience, retention })?;
        let open = |one: &Known| one.standing.author == self.org() && one.standing.state == State::Open;
        let many = self.known_calls(&snapshot)?.iter().filter(|one| open(one)).count() as u64;
        if many >= self.config.call.open_max {
            let hint = "hint: `watchfire call close` ends one; members hear no more than `call.open_max` of one organisation";
            return Err(NodeError::Conflict(format!("{many} calls of ours are open, and that is the most\n{hint}")));
        }
        drop(snapshot);
        let mut remarks = Remarks::not_held(&door);
        remarks.particulars.by = by.short();
        let own = OwnCall { call, group, opened: now, by: by.short(), ended: None };
        let row = CallRow { ours: Some(own), told: true, at: now, ..CallRow::default() };
        let release = self.release_change(audience, vec![item], &remarks);
        self.commit_many(vec![release, keep(&self.org(), &id, Some(&row)), self.deed(by, "call", &as_referral(&id), 0)]).await?;
        tracing::info!(call = %short(&id), "a group is asked for help");
        self.position_or_later(audience).await;
        self.call_view_of(&id.to_string())
    }

    fn call_of(&self, request: CallRequest, now: Timestamp) -> Result<Call, NodeError> {
        let CallRequest { mut help_wanted, mut incident_types, languages, region, priority, until, .. } = request;
        for (list, codes) in [("help-wanted", &mut help_wanted), ("incident-type", &mut incident_types)] {
            codes.iter().try_for_each(|code| self.is_of_list(list, code))?;
            codes.sort();
            codes.dedup();
        }
        region.iter().try_for_each(|code| self.is_of_list("region", code))?;
        let expires = until.unwrap_or_else(|| now.plus(Call::open_ms(priority)));
        if expires <= now || expires.since(now) > OPEN_MS_MAX {
            let hint = "hint: `--until TIME`, or leave it out: then its priority decides";
            return Err(NodeError::BadInput(format!("a call ends within 14 days, and not before it begins\n{hint}")));
        }
        let vocabulary = self.vocabularies.version();
        let id = CallId(random());
        let call = Call { id, help_wanted, incident_types, languages, region, priority, priority_newer: None, expires, vocabulary };
        call.check().map_err(|bad| NodeError::BadInput(bad.to_string()))?;
        Ok(call)
    }

    /// Ends a call of ours: whoever volunteers is told that nobody is looked for any more.
    ///
    /// # Errors
    /// When there is no such call, it is another's or over, or the store takes no changes.
    pub async fn close_call(&self, text: &str, by: By) -> Result<CallView, NodeError> {
        let _turn = self.calls_in_turn().await;
        let known = self.call_named(&self.store.snapshot()?, text)?;
        if known.standing.author != self.org() {
            return Err(NodeError::NotAuthor(short(&known.id())));
        }
        if matches!(known.standing.state, State::Chosen | State::Closed) {
            return Err(NodeError::Conflict(format!("the call is over: {}", known.standing.state.name())));
        }
        let deed = self.deed(by, "call closed", &as_referral(&known.id()), 0);
        self.end_call(&known, known.row.clone(), false, vec![deed]).await?;
        self.call_view_of(&known.id().to_string())
    }

    /// Takes a call of ours back, with what is to be kept of it. For whoever holds the turn.
    pub(super) async fn end_call(&self, known: &Known, mut row: CallRow, chosen: bool, beside: Vec<Change>) -> Result<(), NodeError> {
        let id = known.id();
        if let Some(own) = &mut row.ours {
            own.ended = Some(chosen);
        }
        row.at = self.clock.now();
        let changes = beside.into_iter().chain([known.keep(&row)]).collect();
        let is_it = |record: &Record| matches!(record, Record::Call(call) if call.id == id);
        let reason = super::ended_as(chosen).reason();
        self.take_back_posted(Audience::Group(known.standing.group), RecordKind::Call, is_it, (WithdrawalMode::Withdraw, reason), changes)
            .await?;
        tracing::info!(call = %short(&id), chosen, "a call for help is over");
        Ok(())
    }

    /// One change of calls at a time, behind what was asked for by callers that have gone.
    pub(super) async fn calls_in_turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        let turn = self.calling.lock().await;
        self.store.settled().await;
        turn
    }
}
