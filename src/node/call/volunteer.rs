//! We say that we would help, or not any more.

use super::{CallView, KEPT_MS, as_referral, short};
use crate::model::call::Volunteer;
use crate::model::log::Audience;
use crate::model::record::WithdrawalMode;
use crate::model::{Record, RecordKind, Timestamp, Tlp};
use crate::node::referral::By;
use crate::node::share::Remarks;
use crate::node::{Node, NodeError};
use crate::rules::call::State;
use crate::rules::release::Draft;
use serde::{Deserialize, Serialize};

/// That we would help.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolunteerRequest {
    /// When work could begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    /// Whether it is taken back.
    #[serde(default)]
    pub withdraw: bool,
}

impl Node {
    /// Says to the caller, and to nobody else, that we would help; or takes that back.
    ///
    /// # Errors
    /// When the call is ours or over, we volunteer already, or not, or the caller is no open peer of ours.
    pub async fn volunteer(&self, text: &str, request: VolunteerRequest, by: By) -> Result<CallView, NodeError> {
        let _turn = self.calls_in_turn().await;
        let snapshot = self.store.snapshot()?;
        let known = self.call_named(&snapshot, text)?;
        drop(snapshot);
        let (id, caller) = (known.id(), known.standing.author);
        if caller == self.org() {
            return Err(NodeError::Conflict("that call is our own\nhint: `watchfire call show` tells who volunteers".into()));
        }
        let (audience, mut row) = (Audience::Direct(caller), known.row.clone());
        row.at = self.clock.now();
        if request.withdraw {
            if row.volunteered.take().is_none() {
                return Err(NodeError::Conflict("we do not volunteer for this call".into()));
            }
            let beside = vec![known.keep(&row), self.deed(by, "volunteer withdrawn", &as_referral(&id), 0)];
            let is_it = |record: &Record| matches!(record, Record::Volunteer(volunteer) if volunteer.call == id);
            let how = (WithdrawalMode::Withdraw, State::Closed.reason());
            self.take_back_posted(audience, RecordKind::Volunteer, is_it, how, beside).await?;
            return self.call_view_of(&id.to_string());
        }
        if known.standing.state != State::Open {
            let text = format!("nobody is looked for any more: the call is {}", known.standing.state.name());
            return Err(NodeError::Conflict(text));
        }
        if row.volunteered.is_some() {
            let hint = format!("hint: `watchfire volunteer {} --withdraw` takes it back", short(&id));
            return Err(NodeError::Conflict(format!("we volunteer for this call already\n{hint}")));
        }
        let door = self.door(audience)?;
        let record = Record::Volunteer(Volunteer { call: id, start: request.start });
        let (label, retention) = (Tlp::AmberStrict.into(), known.standing.call.expires.min(door.now.plus(KEPT_MS)).plus(KEPT_MS));
        let item = self.pass_gate(&door, Draft { record, label, audience, retention })?;
        let mut remarks = Remarks::not_held(&door);
        remarks.particulars.by = by.short();
        (row.volunteered, row.answered, row.ended) = (Some(row.at), Some(known.answered()), false);
        let release = self.release_change(audience, vec![item], &remarks);
        self.commit_many(vec![release, known.keep(&row), self.deed(by, "volunteer", &as_referral(&id), 0)]).await?;
        tracing::info!(call = %short(&id), "we volunteer");
        self.position_or_later(audience).await;
        self.call_view_of(&id.to_string())
    }
}
