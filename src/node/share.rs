//! An indicator is shared: read, drafted, decided by the gate, encoded, held (`hold.rs`), durable. Its position in the log comes later
//! (`position.rs`).

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

use tempfile::SpooledTempFile;
use tokio::task::JoinHandle;

use super::error::split_hint;
use super::gate::volume::{BY_HAND, IMPORTS};
use super::hold::{Filling, Hold};
use super::view::{ImportProgress, ImportReport, ImportRequest, ReleasedView, ShareReport, ShareRequest, WithheldView};
use super::{Node, NodeError};
use crate::formats::{self, Item, Problem, take_marks};
use crate::link::convert::encode_record;
use crate::model::crypto::random;
use crate::model::group::Definition;
use crate::model::log::{Audience, BODY_BYTES_MAX};
use crate::model::observable::search_key;
use crate::model::{Ceiling, Indicator, Label, Observable, ObservableKind, OrgId, Record, ReleaseId, Timestamp};
use crate::rules::gate::{Gate, Origin};
use crate::rules::label::{AudienceState, RULES_VERSION, Withheld};
use crate::rules::policy::Allowance;
use crate::rules::release::{Disclosure, Draft, Findings, Look, Particulars, release};
use crate::store::CommitError;
use crate::store::change::{Change, Outcome, PeerState, Refused, ReleaseItem, ReleaseOutcome};

/// The observables in a pattern, for lookup.
pub(super) fn inside(observable: &Observable) -> Vec<Observable> {
    match observable.kind() {
        ObservableKind::Pattern => formats::pattern::observables(observable.value()),
        _ => Vec::new(),
    }
}

/// How many records of an import become durable together. Twice as many are in memory: while some are written the next are read.
pub(super) const IMPORT_CHUNK: usize = 10_000;
/// So many bytes that wait for the end of a file are kept in memory.
const SCRATCH_IN_MEMORY: usize = 1 << 20;
/// How often an import tells how far it is, in records.
const PROGRESS_EVERY: u64 = 500;

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
        let outcomes = self.hold_or_queue(&door, items, hold, &mut report).await?;
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

    fn draft(&self, mut indicator: Indicator, label: Label, door: &Door) -> Draft {
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
                Some(definition) => DoorState::Group { definition: Box::new(definition), ceiling: policy.ceiling(&group) },
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
        let inside = match &draft.record {
            Record::Indicator(Indicator { observable, .. }) => inside(observable),
            _ => Vec::new(),
        };
        let look = Look { gate: &door.gate, inside: &inside, origin };
        let passed = release(draft, door.state(), &door.us, door.now, look)?;
        let released = passed.draft.encode(encode_record);
        if released.get().body.len() > BODY_BYTES_MAX {
            return Err(Withheld::TooLong);
        }
        // Of the value that leaves: the gate may have taken something off it.
        let record = released.get().observable.as_ref().map(|observable| self.record_id(&self.org(), observable));
        Ok(ReleaseItem { record, inside, released, findings: passed.findings })
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
        let sorted = match self.publish(audience, &items, remarks, at, None).await? {
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
        if self.publish(audience, &items, remarks, self.clock.now(), Some(&let_go)).await?.is_some() {
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

    /// Imports a file and shares what it holds. Blocking: reads, decides and waits for the disk, a few thousand records at a time.
    ///
    /// # Errors
    /// When the audience is unknown, the input breaks off, or the store takes no changes. Bad records are told in the report.
    pub fn import(
        self: &Arc<Self>,
        request: ImportRequest,
        reader: Box<dyn Read + Send>,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<ImportReport, NodeError> {
        let mut import = Import::new(self, &request)?;
        let bytes = std::cell::Cell::new(0);
        let mut input = BufReader::with_capacity(256 << 10, Counted { inner: reader, bytes: &bytes });
        let file = tempfile::spooled_tempfile_in(SCRATCH_IN_MEMORY, &self.data);
        let mut scratch = Scratch { file, room: self.config.import.scratch_bytes_max };
        let bound = |setting: u64| usize::try_from(setting).unwrap_or(usize::MAX);
        let settings = &self.config.import;
        let limits = formats::Limits { line_bytes_max: bound(settings.line_bytes_max), object_bytes_max: bound(settings.object_bytes_max) };
        let mut failure = None;
        let result = formats::read_within(
            limits,
            &mut input as &mut dyn BufRead,
            request.format,
            request.file_name.as_deref(),
            &mut scratch,
            &mut |item| {
                let taken = import.take(item);
                if import.report.read.is_multiple_of(PROGRESS_EVERY) {
                    progress(ImportProgress { bytes: bytes.get(), read: import.report.read });
                }
                match taken {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        failure = Some(error);
                        ControlFlow::Break(())
                    }
                }
            },
        );
        if let Some(error) = failure {
            return Err(error);
        }
        let is_whole = result.is_ok();
        if let Err(error) = result {
            import.broken_off(&error.to_string());
        }
        import.finish(is_whole)?;
        progress(ImportProgress { bytes: bytes.get(), read: import.report.read });
        Ok(import.report)
    }
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
    Group { definition: Box<Definition>, ceiling: Ceiling },
    FormerGroup,
    GroupNotAccepted,
    Unknown,
}

impl Door {
    pub(super) fn state(&self) -> AudienceState<'_> {
        match &self.state {
            DoorState::Peer { open, allowance } => AudienceState::Peer { open: *open, allowance: *allowance },
            DoorState::Group { definition, ceiling } => AudienceState::Group { definition, ceiling: *ceiling },
            DoorState::Unconfirmed => AudienceState::Unconfirmed,
            DoorState::FormerGroup => AudienceState::FormerGroup,
            DoorState::GroupNotAccepted => AudienceState::GroupNotAccepted,
            DoorState::Unknown => AudienceState::Unknown,
        }
    }

    /// Who is in the audience, as far as we know, without us.
    pub(super) fn recipients(&self) -> Vec<OrgId> {
        match (&self.state, self.audience) {
            (DoorState::Group { definition, .. }, _) => {
                definition.members.iter().map(|member| member.org).filter(|org| *org != self.us).collect()
            }
            (_, Audience::Direct(org)) => vec![org],
            (_, Audience::Group(_)) => Vec::new(),
        }
    }
}

/// What is written down of a release besides its records.
#[derive(Debug, Clone)]
pub(super) struct Remarks {
    /// Whether there is no hold.
    now: bool,
    pub(super) particulars: Particulars,
}

impl Remarks {
    pub(super) fn of(door: &Door, release: ReleaseId, now: bool) -> Self {
        let particulars = Particulars { release: Some(release), recipients: door.recipients(), ..Particulars::default() };
        Self { now, particulars }
    }

    /// Of what is never held: what takes back, what answers, what a key changes to, and what is passed on.
    pub(super) fn not_held(door: &Door) -> Self {
        Self::of(door, ReleaseId(random()), true)
    }
}

/// An import under way.
struct Import<'a> {
    node: &'a Arc<Node>,
    request: &'a ImportRequest,
    runtime: tokio::runtime::Handle,
    audience: Audience,
    /// Looked at anew with each commit: a peer may be suspended meanwhile.
    door: Door,
    report: ImportReport,
    /// What is done with what the gate lets out, and the release that it is part of.
    hold: Hold,
    release: ReleaseId,
    /// What waits for the next commit, with the places that a refusal is told under.
    items: Vec<ReleaseItem>,
    places: Places,
    /// The same, of what waits for a person.
    asking: (Vec<ReleaseItem>, Places),
    /// What is held, or only looked at; and what of it waits for a person.
    held: Option<Filling>,
    held_for_a_person: Option<Filling>,
    /// The commit that is under way while the next records are read.
    under_way: Option<(JoinHandle<Queued>, Places)>,
}

/// Place and kind of each record of a commit.
type Places = Vec<(String, &'static str)>;
/// What became of each.
type Queued = Result<Vec<ReleaseOutcome>, NodeError>;

impl<'a> Import<'a> {
    fn new(node: &'a Arc<Node>, request: &'a ImportRequest) -> Result<Self, NodeError> {
        let audience = node.audience(&request.to)?;
        let report = ImportReport { dry_run: request.dry_run, ..Default::default() };
        let door = node.door(audience)?;
        let runtime = tokio::runtime::Handle::current();
        let (hold, release) = (node.hold_of(request.dry_run, request.now), ReleaseId(random()));
        let (items, places, asking, under_way) = (Vec::new(), Vec::new(), (Vec::new(), Vec::new()), None);
        let (held, held_for_a_person) = (None, None);
        Ok(Self {
            node,
            request,
            runtime,
            audience,
            door,
            report,
            hold,
            release,
            items,
            places,
            asking,
            held,
            held_for_a_person,
            under_way,
        })
    }

    fn take(&mut self, item: Item) -> Result<(), NodeError> {
        let (place, indicator, own, revoked) = match item {
            Item::Problem(problem) => {
                self.report.read += 1;
                self.report.invalid += 1;
                self.report.problem(problem);
                return Ok(());
            }
            Item::LeftOut(problem, count) => {
                self.report.read += count;
                self.report.left_out += count;
                self.report.problem(problem);
                return Ok(());
            }
            Item::Note(note) => {
                self.report.problem(note);
                return Ok(());
            }
            Item::Indicator { place, indicator, tlp, class, pap, revoked } => {
                (place, indicator, Label::new(tlp.unwrap_or(self.request.tlp), class, pap), revoked)
            }
        };
        self.report.read += 1;
        if revoked {
            self.withhold(place, "its source has withdrawn it".into());
            return Ok(());
        }
        let kind = indicator.observable.kind().name();
        let label = self.request.label().join(own);
        match self.node.pass_gate_for_people(&self.door, self.node.draft(*indicator, label, &self.door)) {
            Ok(item) if Node::waits_for_a_person(&item) => {
                self.tell_findings(&place, &item.findings);
                self.asking.0.push(item);
                self.asking.1.push((place, kind));
            }
            Ok(item) => {
                self.tell_findings(&place, &item.findings);
                self.items.push(item);
                self.places.push((place, kind));
            }
            Err(reason) => self.withhold(place, reason.to_string()),
        }
        if self.items.len().max(self.asking.0.len()) >= IMPORT_CHUNK { self.flush() } else { Ok(()) }
    }

    fn tell_findings(&mut self, place: &str, findings: &Findings) {
        for one in &findings.replaced {
            *self.report.replaced.entry(one.kind.clone()).or_default() += one.count;
        }
        for warning in &findings.warnings {
            self.report.problem(Problem { place: place.to_owned(), what: format!("worth a look: {warning}") });
        }
    }

    fn withhold(&mut self, place: String, what: String) {
        self.report.withheld += 1;
        self.report.problem(Problem { place, what });
    }

    /// What came before the break stays; what is missing is told.
    fn broken_off(&mut self, what: &str) {
        self.report.read += 1;
        self.report.invalid += 1;
        self.report.problem(Problem { place: "the end of what was read".into(), what: what.to_owned() });
    }

    /// Starts to commit what was read, once what was read before is durable. One commit after the other, so that the last word of a file
    /// on a value is the last.
    fn flush(&mut self) -> Result<(), NodeError> {
        self.settle()?;
        self.door = self.node.door(self.audience)?;
        let mut items = std::mem::take(&mut self.items);
        let mut places = std::mem::take(&mut self.places);
        self.stop_burst(&mut items, &mut places)?;
        let (asking, asking_places) = std::mem::take(&mut self.asking);
        let outcomes = self.fill(true, asking)?;
        self.tell(outcomes, asking_places);
        if self.hold != Hold::Skipped {
            let outcomes = self.fill(false, items)?;
            self.tell(outcomes, places);
            return Ok(());
        }
        let (node, audience, remarks) = (self.node.clone(), self.audience, Remarks::of(&self.door, self.release, true));
        self.under_way = Some((self.runtime.spawn(async move { node.queue(audience, items, &remarks).await }), places));
        Ok(())
    }

    fn source(&self) -> &'a str {
        self.request.source.as_deref().unwrap_or(IMPORTS)
    }

    /// What is more than the source usually sends waits for a person; what its readers have already is no news and does not count.
    fn stop_burst(&mut self, items: &mut Vec<ReleaseItem>, places: &mut Places) -> Result<(), NodeError> {
        if self.node.burst(self.audience, self.source(), items.len() as u64)?.is_none() {
            return Ok(());
        }
        let snapshot = self.node.store.snapshot()?;
        let news: Vec<ReleaseOutcome> =
            items.iter().map(|item| super::position::foreseen(&snapshot, &self.audience, item)).collect::<Result<_, _>>()?;
        let is_news = |outcome: &ReleaseOutcome| matches!(outcome, ReleaseOutcome::Queued { .. });
        let Some(ask) = self.node.burst(self.audience, self.source(), queued(&news))? else { return Ok(()) };
        let all = std::mem::take(items).into_iter().zip(std::mem::take(places));
        for ((mut item, place), outcome) in all.zip(news) {
            if is_news(&outcome) {
                item.findings.asks.push(ask.clone());
                self.asking.0.push(item);
                self.asking.1.push(place);
            } else {
                items.push(item);
                places.push(place);
            }
        }
        Ok(())
    }

    /// Puts records into what is held, or looked at.
    fn fill(&mut self, for_a_person: bool, items: Vec<ReleaseItem>) -> Queued {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let source = self.source();
        let Self { node, audience, door, hold, runtime, held, held_for_a_person, .. } = self;
        let held = if for_a_person { held_for_a_person } else { held };
        let filling = held.get_or_insert_with(|| Filling::of_import(node, door, *hold, source));
        let outcomes = runtime.block_on(filling.add(node, items))?;
        // What waits for a person counts once somebody has said yes.
        if !for_a_person && *hold != Hold::Dry {
            node.sent(*audience, source, queued(&outcomes), false)?;
        }
        Ok(outcomes)
    }

    /// The end of the file: everything is durable then, and the time of what is held begins. Where the input broke off, what is held waits for a person.
    fn finish(&mut self, is_whole: bool) -> Result<(), NodeError> {
        self.flush()?;
        self.settle()?;
        self.runtime.block_on(self.node.keep_volumes())?;
        for filling in [self.held.take(), self.held_for_a_person.take()].into_iter().flatten() {
            let made = self.runtime.block_on(filling.finish(self.node, is_whole))?;
            match self.hold {
                Hold::Dry => self.report.preview.extend(made),
                Hold::For(_) | Hold::Skipped => self.report.held.extend(made.map(|made| made.hold)),
            }
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), NodeError> {
        let Some((work, places)) = self.under_way.take() else { return Ok(()) };
        let outcomes = self.runtime.block_on(work).map_err(|fault| NodeError::Internal(fault.to_string()))??;
        self.node.sent(self.audience, self.source(), queued(&outcomes), false)?;
        self.tell(outcomes, places);
        Ok(())
    }

    fn tell(&mut self, outcomes: Vec<ReleaseOutcome>, places: Places) {
        for (outcome, (place, kind)) in outcomes.into_iter().zip(places) {
            match outcome {
                ReleaseOutcome::Queued { before } => {
                    self.report.released += 1;
                    if let Some(before) = before {
                        *self.report.relabelled.entry(before.to_string()).or_default() += 1;
                    }
                    *self.report.kinds.entry(kind.to_owned()).or_default() += 1;
                }
                ReleaseOutcome::Duplicate => self.report.duplicate += 1,
                ReleaseOutcome::Recalled => self.withhold(place, Withheld::Recalled.to_string()),
            }
        }
    }
}

/// Disk for what a file refers to before it says it, and no more than the settings give. What is small never leaves memory.
struct Scratch {
    file: SpooledTempFile,
    room: u64,
}

impl Write for Scratch {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.room = self.room.checked_sub(count as u64).ok_or_else(|| {
            std::io::Error::other("the file refers to more than `import.scratch_bytes_max` holds\nhint: split it, or raise the setting")
        })?;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Read for Scratch {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.file.read(buffer)
    }
}

impl Seek for Scratch {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.file.seek(to)
    }
}

struct Counted<'a> {
    inner: Box<dyn Read + Send>,
    bytes: &'a std::cell::Cell<u64>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes.set(self.bytes.get() + count as u64);
        Ok(count)
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
    let Remarks { now, particulars } = remarks;
    let line = |(label, kind)| {
        let (digest, particulars) = ([0; 32], particulars.clone());
        Disclosure { at, audience, label, kind, count: 0, digest, rules: RULES_VERSION, now: *now, particulars }
    };
    labels.into_iter().map(line).collect()
}

/// How many of them leave.
fn queued(outcomes: &[ReleaseOutcome]) -> u64 {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_refers_to_too_much_is_cut_off_in_words() {
        let mut scratch = Scratch { file: tempfile::spooled_tempfile(4), room: 10 };
        assert!(scratch.write_all(&[0; 10]).is_ok());
        let error = scratch.write_all(&[0; 1]).unwrap_err();
        assert!(error.to_string().contains("import.scratch_bytes_max"));
    }
}
