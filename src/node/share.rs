//! An indicator is shared: read, drafted, decided by the gate, encoded, held (`hold.rs`), durable. Its position in the log comes later
//! (`position.rs`).

use std::collections::BTreeSet;

use super::error::split_hint;
use super::gate::volume::BY_HAND;
use super::hold::{Filling, Hold};
use super::view::{ReleasedView, ShareReport, ShareRequest, WithheldView};
use super::{Node, NodeError};
use crate::formats::{self, take_marks};
use crate::link::convert::encode_record;
use crate::model::crypto::random;
use crate::model::group::Definition;
use crate::model::log::{Audience, BODY_BYTES_MAX};
use crate::model::observable::search_key;
use crate::model::referral::Message;
use crate::model::{Ceiling, Indicator, Label, Observable, ObservableKind, OrgId, Record, ReleaseId, Timestamp};
use crate::rules::gate::{Gate, Origin};
use crate::rules::label::{AudienceState, RULES_VERSION, Withheld};
use crate::rules::lists::Severity;
use crate::rules::may::About;
use crate::rules::policy::Allowance;
use crate::rules::referral::Permission;
use crate::rules::release::{Disclosure, Draft, Look, Particulars, release};
use crate::store::CommitError;
use crate::store::change::{Change, Outcome, PeerState, Refused, ReleaseItem, ReleaseOutcome, Said};

/// The observables in a pattern, for lookup.
pub(super) fn inside(observable: &Observable) -> Vec<Observable> {
    match observable.kind() {
        ObservableKind::Pattern => formats::pattern::observables(observable.value()),
        _ => Vec::new(),
    }
}

/// Why the gate would not let a value out without a person's look.
pub(super) fn stopped(gate: &Gate, observable: &Observable) -> Option<String> {
    let judged = gate.judge(observable, &inside(observable));
    judged.into_iter().find(|(severity, _)| *severity >= Severity::Hold).map(|(_, finding)| finding.to_string())
}

/// How many records of an import become durable together. Twice as many are in memory: while some are written the next are read.
pub(super) const IMPORT_CHUNK: usize = 10_000;

impl Node {
    /// Shares values with a peer or a group.
    ///
    /// # Errors
    /// When the audience is unknown or the store takes no changes; a value that does not leave is told in the report.
    pub async fn share(&self, request: ShareRequest) -> Result<ShareReport, NodeError> {
        let audience = self.audience(&request.to)?;
        let door = self.door(audience)?;
        let mut report = ShareReport { dry_run: request.dry_run, ..ShareReport::default() };
        let mut items = Vec::new();
        let mut shown = Vec::new();
        let burst = self.burst(audience, BY_HAND, request.values.len() as u64)?;
        for value in &request.values {
            let draft = self.draft_value(value, &request, &door);
            match draft.and_then(|draft| Ok(self.pass_gate_for_people(&door, draft)?)) {
                Ok(mut item) => {
                    if burst.is_some() && self.is_news(&audience, &item)? {
                        item.findings.asks.extend(burst.clone());
                    }
                    shown.push((value, released_view(&item)));
                    items.push(item);
                }
                Err(unread @ NodeError::BadInput(_)) => report.invalid.push(withheld_view(value, &unread)),
                Err(reason) => report.withheld.push(withheld_view(value, &reason)),
            }
        }
        let hold = self.hold_of(request.dry_run, request.now);
        let held = |item: &ReleaseItem| !request.dry_run && (hold != Hold::Skipped || Self::waits_for_a_person(item));
        let held: Vec<bool> = items.iter().map(held).collect();
        let records: Vec<_> = items.iter().map(|item| item.record).collect();
        let outcomes = self.hold_or_queue(&door, items, hold, &mut report).await?;
        if !request.dry_run {
            let known = outcomes.iter().zip(records).filter(|(outcome, _)| **outcome == ReleaseOutcome::Duplicate);
            self.said_by_hand(&audience, &known.filter_map(|(_, record)| record).collect::<Vec<_>>()).await?;
        }
        if !request.dry_run && burst.is_none() {
            self.sent(audience, BY_HAND, queued(&outcomes), false)?;
        }
        for ((outcome, held), (value, view)) in outcomes.into_iter().zip(held).zip(shown) {
            match (outcome, view) {
                (ReleaseOutcome::Queued { before }, Some(view)) => report.released.push(ReleasedView { before, held, ..view }),
                (ReleaseOutcome::Duplicate, Some(view)) => report.duplicate.push(view),
                _ => report.withheld.push(withheld_view(value, &NodeError::Withheld(Withheld::Recalled))),
            }
        }
        Ok(report)
    }

    /// Whether an item is something new for its audience.
    fn is_news(&self, audience: &Audience, item: &ReleaseItem) -> Result<bool, NodeError> {
        let foreseen = super::position::foreseen(&self.store.snapshot()?, audience, item)?;
        Ok(matches!(foreseen, ReleaseOutcome::Queued { .. }))
    }

    /// Holds what is to be held, each kind of waiting in a hold of its own, and queues the rest. What will become, or became, of each.
    pub(super) async fn hold_or_queue(
        &self,
        door: &Door,
        items: Vec<ReleaseItem>,
        hold: Hold,
        report: &mut ShareReport,
    ) -> Result<Vec<ReleaseOutcome>, NodeError> {
        let mut outcomes = vec![ReleaseOutcome::NEWS; items.len()];
        let (for_a_person, others): (Vec<_>, Vec<_>) = items.into_iter().enumerate().partition(|(_, item)| Self::waits_for_a_person(item));
        for (placed, waits) in [(others, false), (for_a_person, true)] {
            let (places, items): (Vec<usize>, Vec<ReleaseItem>) = placed.into_iter().unzip();
            let became = if hold == Hold::Skipped && !waits {
                self.queue(door.audience, items, &Remarks::of(door, ReleaseId(random()), true)).await?
            } else {
                let mut filling = Filling::whole(self, door, hold);
                let became = filling.add(self, items).await?;
                let made = filling.finish(self, true).await?;
                if hold == Hold::Dry {
                    report.preview.extend(made)
                } else {
                    report.held.extend(made.map(|made| made.hold))
                }
                became
            };
            places.into_iter().zip(became).for_each(|(place, outcome)| outcomes[place] = outcome);
        }
        Ok(outcomes)
    }

    fn draft_value(&self, value: &str, request: &ShareRequest, door: &Door) -> Result<Draft, NodeError> {
        let observable = match request.kind {
            Some(kind) => Observable::parse(kind, value),
            None => Observable::guess(value),
        };
        let observable = observable.map_err(|error| NodeError::BadInput(error.to_string()))?;
        let mut indicator = Indicator::bare(observable);
        indicator.note = request.note.clone();
        indicator.valid_until = request.valid_until;
        indicator.labels = request.labels.clone();
        take_marks(&mut indicator.labels);
        Ok(self.draft(indicator, request.label(), door))
    }

    pub(super) fn draft(&self, mut indicator: Indicator, label: Label, door: &Door) -> Draft {
        indicator.labels.sort();
        indicator.labels.dedup();
        Draft { record: Record::Indicator(indicator), label, audience: door.audience, retention: self.retention(door.now) }
    }

    /// The retention date of what is released then.
    pub(super) fn retention(&self, now: Timestamp) -> Timestamp {
        match self.config.records.retention_days {
            0 => Timestamp(0),
            days => now.plus(days * 86_400_000),
        }
    }

    /// What the gate looks at for an audience, read once for many records.
    pub(super) fn door(&self, audience: Audience) -> Result<Door, NodeError> {
        let (snapshot, policy, now) = (self.store.snapshot()?, self.in_force()?, self.clock.now());
        let policy = &policy.policy;
        let state = match audience {
            Audience::Direct(org) => match snapshot.peer(&org)?.map(|peer| peer.state) {
                Some(PeerState::Open) => DoorState::Peer { open: true, allowance: policy.allowance(&org, now) },
                Some(PeerState::Suspended) => DoorState::Peer { open: false, allowance: policy.allowance(&org, now) },
                Some(PeerState::Pairing) => DoorState::Unconfirmed,
                _ => DoorState::Unknown,
            },
            Audience::Group(group) => match self.definition(&snapshot, &group)? {
                Some(definition) => {
                    let others = definition.members.iter().map(|member| member.org).filter(|org| *org != self.org());
                    let allowances = others.map(|org| (org, policy.allowance(&org, now))).collect();
                    DoorState::Group { definition: Box::new(definition), ceiling: policy.ceiling(&group), allowances }
                }
                None => match snapshot.group(&group)? {
                    Some(row) if row.left => DoorState::FormerGroup,
                    Some(_) => DoorState::GroupNotAccepted,
                    None => DoorState::Unknown,
                },
            },
        };
        Ok(Door { audience, state, us: self.org(), now, gate: self.gate()?, has_users: snapshot.has_users()? })
    }

    /// The gate, then the encoder: what comes out is exactly what leaves, once a person has answered what the gate asks.
    pub(super) fn pass_gate(&self, door: &Door, draft: Draft) -> Result<ReleaseItem, Withheld> {
        let item = self.pass_gate_as(Origin::Ours, door, draft)?;
        // Nobody is there to be asked, so nobody has said yes.
        match item.findings.asks.first() {
            Some(_) => Err(Withheld::NeedsWord(item.findings.asks.join("; "))),
            None => Ok(item),
        }
    }

    /// The same, with what the gate asks left open.
    pub(super) fn pass_gate_as(&self, origin: Origin, door: &Door, draft: Draft) -> Result<ReleaseItem, Withheld> {
        self.pass_gate_under(None, origin, door, draft)
    }

    /// The same, under what a person has agreed to.
    pub(super) fn pass_gate_under(
        &self,
        permission: Option<Permission<'_>>,
        origin: Origin,
        door: &Door,
        draft: Draft,
    ) -> Result<ReleaseItem, Withheld> {
        let inside = match &draft.record {
            Record::Indicator(Indicator { observable, .. }) => inside(observable),
            _ => Vec::new(),
        };
        let look = Look { gate: &door.gate, inside: &inside, origin, permission };
        let said = said_of(&draft.record);
        let passed = release(draft, door.state(), &door.us, door.now, look)?;
        let released = passed.draft.encode(encode_record);
        if released.get().body.len() > BODY_BYTES_MAX {
            return Err(Withheld::TooLong);
        }
        // Of the value that leaves: the gate may have taken something off it.
        let record = released.get().observable.as_ref().map(|observable| self.record_id(&self.org(), observable));
        Ok(ReleaseItem { record, inside, released, findings: passed.findings, said })
    }

    /// The change that makes released records durable, with what the gate wrote down.
    pub(super) fn release_change(&self, audience: Audience, items: Vec<ReleaseItem>, remarks: &Remarks) -> Change {
        let at = self.clock.now();
        let disclosures = disclosures(audience, &items, at, remarks);
        Change::Release { audience, items, disclosures, at }
    }

    /// Makes released records durable. Where a reader was seen they get their positions in the same transaction and leave at once, else
    /// when one is. They stand in the order of kind and value, which is best for the store, for the wire and for its readers.
    pub(super) async fn queue(
        &self,
        audience: Audience,
        items: Vec<ReleaseItem>,
        remarks: &Remarks,
    ) -> Result<Vec<ReleaseOutcome>, NodeError> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let (items, places) = in_order(items);
        let at = self.clock.now();
        let sorted = match self.publish(audience, &items, remarks, at, &[]).await? {
            Some(outcomes) => outcomes,
            None => self.release_and_position(audience, items, remarks).await?,
        };
        let mut outcomes = vec![ReleaseOutcome::NEWS; sorted.len()];
        for (place, outcome) in places.into_iter().zip(sorted) {
            outcomes[place] = outcome;
        }
        Ok(outcomes)
    }

    /// As [`Self::queue`], of a part of a hold, with the change that takes it out there: both or neither.
    pub(super) async fn queue_held(
        &self,
        audience: Audience,
        items: Vec<ReleaseItem>,
        remarks: &Remarks,
        let_go: Change,
    ) -> Result<Result<(), Refused>, NodeError> {
        if self.publish(audience, &items, remarks, self.clock.now(), std::slice::from_ref(&let_go)).await?.is_some() {
            return Ok(Ok(()));
        }
        let release = self.release_change(audience, items, remarks);
        match self.commit_many(vec![release, let_go]).await {
            Ok(_) => {
                self.position_or_later(audience).await;
                Ok(Ok(()))
            }
            Err(CommitError::Refused(refused)) => Ok(Err(refused)),
            Err(error) => Err(error.into()),
        }
    }

    /// They wait, and get their positions in a second transaction if a reader was seen.
    async fn release_and_position(
        &self,
        audience: Audience,
        items: Vec<ReleaseItem>,
        remarks: &Remarks,
    ) -> Result<Vec<ReleaseOutcome>, NodeError> {
        let outcomes = self.make_durable(audience, items, remarks).await?;
        if outcomes.iter().any(|outcome| outcome.is_queued()) {
            self.position_or_later(audience).await;
        }
        Ok(outcomes)
    }

    /// Makes released records durable, and gives no positions.
    pub(super) async fn make_durable(
        &self,
        audience: Audience,
        items: Vec<ReleaseItem>,
        remarks: &Remarks,
    ) -> Result<Vec<ReleaseOutcome>, NodeError> {
        match self.commit(self.release_change(audience, items, remarks)).await? {
            Outcome::Released(outcomes) => Ok(outcomes),
            other => Err(NodeError::Internal(format!("a release had the outcome {other:?}"))),
        }
    }
}

/// What the store must know of a message about a referral.
pub(super) fn said_of(record: &Record) -> Option<Said> {
    let Record::Referral(message) = record else { return None };
    let Message { referral, number, seen, heard, words, .. } = message;
    Some(Said { referral: *referral, number: *number, seen: *seen, heard: *heard, step: words.into() })
}

/// What the gate looks at for one audience.
pub(super) struct Door {
    pub(super) audience: Audience,
    state: DoorState,
    pub(super) us: OrgId,
    pub(super) now: Timestamp,
    pub(super) gate: Gate,
    /// Whether anybody is at the desk.
    pub(super) has_users: bool,
}

enum DoorState {
    Peer { open: bool, allowance: Allowance },
    Unconfirmed,
    Group { definition: Box<Definition>, ceiling: Ceiling, allowances: Vec<(OrgId, Allowance)> },
    FormerGroup,
    GroupNotAccepted,
    Unknown,
}

impl Door {
    pub(super) fn state(&self) -> AudienceState<'_> {
        match &self.state {
            DoorState::Peer { open, allowance } => AudienceState::Peer { open: *open, allowance: *allowance },
            DoorState::Group { definition, ceiling, .. } => AudienceState::Group { definition, ceiling: *ceiling },
            DoorState::Unconfirmed => AudienceState::Unconfirmed,
            DoorState::FormerGroup => AudienceState::FormerGroup,
            DoorState::GroupNotAccepted => AudienceState::GroupNotAccepted,
            DoorState::Unknown => AudienceState::Unknown,
        }
    }

    /// Who is in the audience, as far as we know, without us, and what each may have of it.
    pub(super) fn recipients(&self) -> Recipients {
        match (&self.state, self.audience) {
            (DoorState::Group { allowances, .. }, _) => Recipients(allowances.clone()),
            // What a peer may not have of its own log the gate does not let out.
            (_, Audience::Direct(org)) => Recipients(vec![(org, Allowance::OPEN)]),
            (_, Audience::Group(_)) => Recipients::default(),
        }
    }
}

/// Who is in an audience, and what each may have.
#[derive(Debug, Clone, Default)]
pub(super) struct Recipients(Vec<(OrgId, Allowance)>);

impl Recipients {
    /// Those who get records of a label and kind.
    pub(super) fn of(&self, label: Label, kind: u8) -> impl Iterator<Item = OrgId> {
        let about = About { label, kind, retention: Timestamp(0) };
        let gets = move |(_, allowance): &&(OrgId, Allowance)| about.is_about_entries() || allowance.admits(label);
        self.0.iter().filter(gets).map(|(org, _)| *org)
    }
}

/// What is written down of a release besides its records.
#[derive(Debug, Clone)]
pub(super) struct Remarks {
    /// Whether there is no hold.
    now: bool,
    recipients: Recipients,
    pub(super) particulars: Particulars,
}

impl Remarks {
    pub(super) fn of(door: &Door, release: ReleaseId, now: bool) -> Self {
        let particulars = Particulars { release: Some(release), ..Particulars::default() };
        Self { now, recipients: door.recipients(), particulars }
    }

    /// Of what is never held: what takes back, what answers, what a key changes to, and what is passed on.
    pub(super) fn not_held(door: &Door) -> Self {
        Self::of(door, ReleaseId(random()), true)
    }
}

/// Items in the order of kind and value, those of one value as they came; and the place that each had.
pub(super) fn in_order(items: Vec<ReleaseItem>) -> (Vec<ReleaseItem>, Vec<usize>) {
    let key = |item: &ReleaseItem| item.released.get().observable.as_ref().map(search_key);
    let mut keyed: Vec<(Option<Vec<u8>>, usize, ReleaseItem)> =
        items.into_iter().enumerate().map(|(place, item)| (key(&item), place, item)).collect();
    keyed.sort_by(|one, other| (&one.0, one.1).cmp(&(&other.0, other.1)));
    keyed.into_iter().map(|(_, place, item)| (item, place)).unzip()
}

/// One line for each label among the items; count and digest are the store's to fill in, over those that do leave.
pub(super) fn disclosures(audience: Audience, items: &[ReleaseItem], at: Timestamp, remarks: &Remarks) -> Vec<Disclosure> {
    let labels: BTreeSet<(Label, u8)> = items.iter().map(|item| (item.released.get().label, item.released.get().kind)).collect();
    let Remarks { now, recipients, particulars } = remarks;
    let line = |(label, kind)| {
        let particulars = Particulars { recipients: recipients.of(label, kind).collect(), ..particulars.clone() };
        let digest = [0; 32];
        Disclosure { at, audience, label, kind, count: 0, digest, rules: RULES_VERSION, now: *now, particulars }
    };
    labels.into_iter().map(line).collect()
}

/// How many of them leave.
pub(super) fn queued(outcomes: &[ReleaseOutcome]) -> u64 {
    outcomes.iter().filter(|outcome| matches!(outcome, ReleaseOutcome::Queued { .. })).count() as u64
}

fn released_view(item: &ReleaseItem) -> Option<ReleasedView> {
    let observable = item.released.get().observable.as_ref()?;
    Some(ReleasedView {
        record: item.record?,
        kind: observable.kind(),
        value: observable.value().to_owned(),
        before: None,
        held: false,
        findings: item.findings.clone(),
    })
}

fn withheld_view(value: &str, error: &NodeError) -> WithheldView {
    let (reason, hint) = split_hint(&error.to_string());
    WithheldView { value: value.to_owned(), reason, hint }
}
