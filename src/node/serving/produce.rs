//! Programs say something: indicators, which go the very way of `watchfire import`, and sightings. One request of a producer at a time, each counted in
//! its day, and what became of it is kept, so that the same request sent again does nothing.
//!
//! Lost when the process dies: the report of a request that was under way. What it released stays, and is found there when it is sent again.

use super::{Consumer, Each};
use crate::formats::{Format, Item, Problem};
use crate::model::crypto::{random, sha256};
use crate::model::sighting::SightingType;
use crate::model::{Pap, ReferralId, Timestamp, Tlp};
use crate::node::error::split_hint;
use crate::node::sighting::SightingRequest;
use crate::node::view::ImportRequest;
use crate::node::{Node, NodeError};
use crate::rules::consumer::{Produces, Scope, TooLax};
use crate::rules::may::{Action, To, may};
use crate::store::Provenance;
use crate::store::change::{Change, Shelf};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::RwLock;
use uuid::Uuid;

/// A key that makes a request one has so many characters at most.
const KEY_CHARS_MAX: usize = 128;
/// So many problems are told of one request; the others are counted.
const PROBLEMS_MAX: usize = 100;
/// So many characters of each.
const PROBLEM_CHARS_MAX: usize = 400;
/// So many sightings stand in one request.
const SIGHTINGS_MAX: usize = 100;
const HOUR_MS: u64 = 3_600_000;

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A file of a format that is imported.
    Of(Format),
    /// Plain records in JSON (`formats/records.rs`).
    Records,
}

/// What a producer sends.
#[derive(Clone, PartialEq, Eq)]
pub struct Sent {
    /// What the bytes are.
    pub form: Form,
    /// The body, as it came.
    pub bytes: Vec<u8>,
    /// What makes it the same request when it is sent again; 1 to 128 visible characters of ASCII.
    pub key: Option<String>,
    /// A label that is stricter than the one that was settled.
    pub tlp: Option<Tlp>,
    /// Of what comes by TAXII: what is told of its objects later.
    pub objects: Option<Objects>,
}

impl std::fmt::Debug for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sent({:?}, {} bytes)", self.form, self.bytes.len())
    }
}

/// What a program met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sighted {
    /// The value.
    pub value: String,
    /// What is said of it; that it was met, where nothing is given.
    #[serde(default = "seen")]
    pub r#type: SightingType,
    /// How often it was met.
    #[serde(default = "once")]
    pub count: u32,
    /// When; now where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Whether its author is told without our name, by the head of a group that has it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anonymous: bool,
}

const fn seen() -> SightingType {
    SightingType::Seen
}

const fn once() -> u32 {
    1
}

/// What a request was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Submitted {
    /// Indicators were said.
    Indicators,
    /// Something was met.
    Sightings,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Produced {
    /// Under which it is told again: a UUID.
    pub id: String,
    /// When it came.
    pub at: Timestamp,
    /// What it was about.
    pub what: Submitted,
    /// Records read: the sum of the next seven.
    pub read: u64,
    /// Those that go out; some seconds later, where the node holds what leaves. Of sightings, those that somebody is told of.
    pub released: u64,
    /// Those that a person here has to say yes to before.
    pub waiting: u64,
    /// Those that the audience has already, or that stand in the request before.
    pub duplicate: u64,
    /// Those that are kept back here.
    pub withheld: u64,
    /// Those that are no record. Of sightings, those of what is not known here too.
    pub invalid: u64,
    /// Those that are no indicators, or of a kind that is not understood.
    pub left_out: u64,
    /// Those that were taken back, because the request says so of what this producer had said.
    pub withdrawn: u64,
    /// What was not taken and why, and what was not understood of what was taken; the first 100.
    pub problems: Vec<Problem>,
    /// How many problems there are beyond those.
    pub problems_more: u64,
    /// Of what came by TAXII: how many objects, and the version of each that a problem names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<Objects>,
}

/// The objects of an envelope of TAXII.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objects {
    /// How many there are.
    pub total: u64,
    /// Their versions, by id.
    pub versions: BTreeMap<String, String>,
}

impl Produced {
    fn of(id: Uuid, at: Timestamp, what: Submitted) -> Self {
        let (read, released, waiting, duplicate, withheld, invalid, left_out, withdrawn) = (0, 0, 0, 0, 0, 0, 0, 0);
        let (problems, problems_more, objects) = (Vec::new(), 0, None);
        let id = id.to_string();
        Self { id, at, what, read, released, waiting, duplicate, withheld, invalid, left_out, withdrawn, problems, problems_more, objects }
    }

    /// The id of the STIX object that a problem is about.
    pub fn object(problem: &Problem) -> Option<&str> {
        problem.place.split_whitespace().find(|part| part.contains("--"))
    }

    fn problem(&mut self, mut problem: Problem) {
        if self.problems.len() < PROBLEMS_MAX {
            for text in [&mut problem.place, &mut problem.what] {
                if let Some((end, _)) = text.char_indices().nth(PROBLEM_CHARS_MAX) {
                    text.truncate(end);
                }
            }
            self.problems.push(problem);
        } else {
            self.problems_more += 1;
        }
    }
}

/// Why nothing of a request was done.
#[derive(Debug, thiserror::Error)]
pub enum ProduceError {
    /// The token is good for something else.
    #[error("this token is good for something else\nhint: `watchfire consumer add NAME --scope {0}` makes one for this")]
    NotAllowed(&'static str),
    /// It is laxer than what was settled.
    #[error(transparent)]
    TooLax(#[from] TooLax),
    /// The key is none.
    #[error("the idempotency key is none\nhint: 1 to 128 visible characters of ASCII, a UUID for example")]
    BadKey,
    /// The same key came with something else.
    #[error("this idempotency key came with another request before\nhint: one key for one request; a new request takes a new key")]
    KeyReused,
    /// The same request is being worked on.
    #[error("a request with this idempotency key is being worked on\nhint: send it again in a moment")]
    UnderWay,
    /// The body is too long.
    #[error("a request has {0} bytes at most\nhint: send it in parts; `https.body_bytes_max` is the bound")]
    TooLong(u64),
    /// It has too many records.
    #[error("a request has {0} records at most, and nothing of this one was taken\nhint: send it in parts")]
    TooMany(u64),
    /// The producer has sent as much as it may in a day.
    #[error("this producer has sent as much as it may in a day, and nothing of this request was taken\nhint: send it again tomorrow (UTC)")]
    DayIsFull,
    /// The producer has said nothing such.
    #[error("this producer has said no such thing\nhint: what others here said is theirs to take back")]
    NotSaid,
    /// Somebody else here says it too.
    #[error("others here say it as well, so it stays\nhint: people at the desk withdraw it")]
    SaidByOthers,
    /// The node could not do it.
    #[error(transparent)]
    Node(#[from] NodeError),
}

impl From<crate::store::ReadError> for ProduceError {
    fn from(error: crate::store::ReadError) -> Self {
        Self::Node(error.into())
    }
}

/// Who says what is imported: a program, or a feed that is passed on.
#[derive(Debug, Clone)]
pub(in crate::node) struct Producer {
    pub(super) id: [u8; 16],
    /// As disclosures write it down.
    pub(in crate::node) by: String,
    /// What it is called in the audit when it takes something back; nothing where that is a feed's everyday work.
    pub(super) withdraws_as: Option<&'static str>,
}

impl Producer {
    pub(super) fn of(consumer: &Consumer) -> Self {
        Self { id: consumer.id, by: consumer.by(), withdraws_as: Some("producer withdrew") }
    }

    pub(in crate::node) fn feed(id: [u8; 16]) -> Self {
        Self { id, by: Self::by_feed(&id), withdraws_as: None }
    }

    /// Whether somebody out there is told what became of it, and not the desk alone.
    pub(in crate::node) const fn is_program(&self) -> bool {
        self.withdraws_as.is_some()
    }

    /// As disclosures name a feed: names stay out of what is exported.
    pub(in crate::node) fn by_feed(id: &[u8; 16]) -> String {
        format!("feed:{}", HEXLOWER.encode(&id[..6]))
    }
}

/// Requests under way.
#[derive(Debug, Default)]
pub(super) struct Producing {
    by: Each<Place>,
    /// Saying and taking back exclude each other: else one producer would take back what another has just been told is out.
    pub(super) said: RwLock<()>,
}

/// One producer's.
#[derive(Debug, Default)]
struct Place {
    turn: Arc<tokio::sync::Mutex<()>>,
    /// The request that is being worked on.
    under_way: Mutex<Option<Uuid>>,
}

impl Place {
    fn under_way(&self) -> std::sync::MutexGuard<'_, Option<Uuid>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request is being worked on, while this is there.
struct UnderWay(Arc<Place>);

impl UnderWay {
    fn begin(place: Arc<Place>, id: Uuid) -> Self {
        *place.under_way() = Some(id);
        Self(place)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        *self.0.under_way() = None;
    }
}

/// A request that counts once.
#[derive(Debug, Clone)]
struct Asked {
    id: Uuid,
    /// Of everything that makes it this request.
    digest: [u8; 32],
    consumer: [u8; 16],
}

impl Asked {
    /// With a key, the same id for the same producer and key.
    fn new(consumer: &Consumer, key: Option<&str>, digest: [u8; 32]) -> Result<Self, ProduceError> {
        let id = match key {
            None => random(),
            Some(key) if key.is_empty() || key.len() > KEY_CHARS_MAX || !key.bytes().all(|byte| byte.is_ascii_graphic()) => {
                return Err(ProduceError::BadKey);
            }
            Some(key) => *sha256(&[&consumer.id, key.as_bytes()]).first_chunk().expect("half of 32 bytes"),
        };
        Ok(Self { id: uuid::Builder::from_random_bytes(id).into_uuid(), digest, consumer: consumer.id })
    }
}

/// What is kept of a request.
#[derive(Debug, Serialize, Deserialize)]
struct SubmissionRow {
    consumer: [u8; 16],
    digest: [u8; 32],
    report: Produced,
}

/// How much a producer has sent in a day.
#[derive(Debug, Default, Serialize, Deserialize)]
struct DayRow {
    day: u64,
    requests: u64,
    records: u64,
}

fn damaged() -> NodeError {
    NodeError::StoreDamaged("what is kept of a producer cannot be read".into())
}

impl Node {
    /// Takes what a producer says, the way of an import: what the gate wants a person for waits, all else is held for a while and goes out. Whoever asks may
    /// go meanwhile: it is done all the same. The same key with the same request tells what became of it, and does nothing.
    ///
    /// # Errors
    /// When nothing of it was done.
    pub async fn produce(self: &Arc<Self>, consumer: &Consumer, sent: Sent) -> Result<Produced, ProduceError> {
        let produces = consumer.produces().ok_or(ProduceError::NotAllowed(Scope::Produce.name()))?;
        let most = self.config.https.body_bytes_max;
        if sent.bytes.len() as u64 > most {
            return Err(ProduceError::TooLong(most));
        }
        let produces = Produces { tlp: produces.label(sent.tlp)?, ..produces };
        let said = format!("{:?} {}", sent.form, produces.tlp);
        let digest = sha256(&[b"indicators", &[0], said.as_bytes(), &[0], &sent.bytes]);
        let asked = Asked::new(consumer, sent.key.as_deref(), digest)?;
        let (id, consumer) = (asked.id, consumer.clone());
        let work = move |node: Arc<Self>| async move { node.produce_once(id, consumer, produces, sent).await };
        self.once(asked, "produced", work).await
    }

    async fn produce_once(self: Arc<Self>, id: Uuid, consumer: Consumer, produces: Produces, sent: Sent) -> Result<Produced, ProduceError> {
        let most = self.config.https.produced_records_max;
        self.charge(&consumer, 0, false).await?;
        let Sent { form, bytes, objects, .. } = sent;
        let items = self.items_of(form, bytes).await?;
        let count: u64 = items.iter().map(|item| if let Item::LeftOut(_, count) = item { *count } else { 1 }).sum();
        self.charge(&consumer, count.min(most), true).await?;
        if count > most {
            return Err(ProduceError::TooMany(most));
        }
        let (revoked, items): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| matches!(item, Item::Indicator { revoked: true, .. }));
        let request = ImportRequest {
            tlp: produces.tlp,
            class: None,
            pap: Pap::Clear,
            to: produces.to.to_string(),
            format: None,
            dry_run: false,
            file_name: None,
            now: false,
            source: Some(format!("consumer {}", consumer.name)),
        };
        let imported = {
            let _saying = self.saying().await;
            let (node, producer) = (self.clone(), Producer::of(&consumer));
            let work = tokio::task::spawn_blocking(move || node.import_said(&request, produces.to, &producer, items));
            work.await.map_err(|fault| NodeError::Internal(fault.to_string()))??
        };
        let mut report = Produced::of(id, self.clock.now(), Submitted::Indicators);
        report.waiting = imported.waiting();
        report.released = imported.released.saturating_sub(report.waiting);
        (report.read, report.duplicate, report.withheld) = (imported.read, imported.duplicate, imported.withheld);
        (report.invalid, report.left_out, report.problems_more) = (imported.invalid, imported.left_out, imported.problems_more);
        imported.problems.into_iter().for_each(|problem| report.problem(problem));
        report.objects = objects;
        for item in revoked {
            let Item::Indicator { place, indicator, .. } = item else { continue };
            report.read += 1;
            match self.take_back_value(&consumer, &produces.to, &indicator.observable, "its source has withdrawn it").await {
                Ok(()) => report.withdrawn += 1,
                Err(ProduceError::Node(error)) => return Err(error.into()),
                Err(error) => {
                    report.withheld += 1;
                    report.problem(Problem { place, what: split_hint(&error.to_string()).0 });
                }
            }
        }
        if let Some(objects) = &mut report.objects {
            let named: std::collections::BTreeSet<&str> = report.problems.iter().filter_map(Produced::object).collect();
            objects.versions.retain(|id, _| named.contains(id.as_str()));
        }
        Ok(report)
    }

    /// What a body says: as many items as one request may have, and one more at most.
    pub(super) async fn items_of(self: &Arc<Self>, form: Form, bytes: Vec<u8>) -> Result<Vec<Item>, NodeError> {
        let node = self.clone();
        let most = usize::try_from(self.config.https.produced_records_max).unwrap_or(usize::MAX);
        let read = tokio::task::spawn_blocking(move || node.read_said(form, &bytes, most)).await;
        read.map_err(|fault| NodeError::Internal(fault.to_string()))?
    }

    /// Tells authors what a program met, as far as it may see what they say.
    ///
    /// # Errors
    /// When nothing of it was done.
    pub async fn sighted(
        self: &Arc<Self>,
        consumer: &Consumer,
        sighted: Vec<Sighted>,
        key: Option<&str>,
    ) -> Result<Produced, ProduceError> {
        if !consumer.may(Scope::Sight) {
            return Err(ProduceError::NotAllowed(Scope::Sight.name()));
        }
        if sighted.len() > SIGHTINGS_MAX {
            return Err(ProduceError::TooMany(SIGHTINGS_MAX as u64));
        }
        let bytes = serde_json::to_vec(&sighted).map_err(|error| NodeError::Internal(error.to_string()))?;
        let asked = Asked::new(consumer, key, sha256(&[b"sightings", &[0], &bytes]))?;
        let (id, consumer) = (asked.id, consumer.clone());
        let work = move |node: Arc<Self>| async move { node.sighted_once(id, consumer, sighted).await };
        self.once(asked, "sightings produced", work).await
    }

    async fn sighted_once(self: Arc<Self>, id: Uuid, consumer: Consumer, sighted: Vec<Sighted>) -> Result<Produced, ProduceError> {
        self.charge(&consumer, sighted.len() as u64, true).await?;
        let now = self.clock.now();
        let mut report = Produced::of(id, now, Submitted::Sightings);
        let sees = |one: &Provenance| consumer.sees(one, now);
        for (number, one) in sighted.into_iter().enumerate() {
            let Sighted { value, r#type, count, at, anonymous } = one;
            report.read += 1;
            let (tlp, from, to_group, dry_run) = (Tlp::AmberStrict, None, None, false);
            let request = SightingRequest { of: value, r#type, from, count, at, to_group, anonymous, tlp, dry_run };
            let what = match self.add_sighting_of(request, Some(consumer.by()), true, &sees).await {
                Ok(_) => {
                    report.released += 1;
                    continue;
                }
                // What it may not see is not here, whatever is.
                Err(NodeError::UnknownRecord(_)) => "nothing is known of it".to_owned(),
                Err(error @ (NodeError::BadInput(_) | NodeError::Conflict(_) | NodeError::Withheld(_))) => split_hint(&error.to_string()).0,
                Err(error) => return Err(error.into()),
            };
            report.invalid += 1;
            report.problem(Problem { place: format!("[{number}]"), what });
        }
        Ok(report)
    }

    /// What became of a request of this consumer; nothing where there is none of its, or it was too long ago.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn submission(&self, consumer: &Consumer, id: &Uuid) -> Result<Option<Produced>, NodeError> {
        let row = self.submission_row(id)?;
        Ok(row.filter(|row| row.consumer == consumer.id).map(|row| row.report))
    }

    fn submission_row(&self, id: &Uuid) -> Result<Option<SubmissionRow>, NodeError> {
        let Some(bytes) = self.store.snapshot()?.kept(Shelf::Submission, id.as_bytes())? else { return Ok(None) };
        let row: SubmissionRow = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
        Ok(Some(row).filter(|row| !self.is_forgotten(row)))
    }

    fn is_forgotten(&self, row: &SubmissionRow) -> bool {
        self.clock.now().since(row.report.at) >= self.config.https.submissions_h * HOUR_MS
    }

    /// Does a request when none of the same producer is being worked on, to its end, whether or not anybody still waits for it; or tells what became of it.
    async fn once<F>(
        self: &Arc<Self>,
        asked: Asked,
        deed: &'static str,
        work: impl FnOnce(Arc<Self>) -> F + Send + 'static,
    ) -> Result<Produced, ProduceError>
    where
        F: Future<Output = Result<Produced, ProduceError>> + Send + 'static,
    {
        let (id, digest, consumer) = (asked.id, asked.digest, asked.consumer);
        let work = move |node: Arc<Self>| async move {
            if let Some(row) = node.submission_row(&id)? {
                return if row.digest == digest { Ok(row.report) } else { Err(ProduceError::KeyReused) };
            }
            let report = work(node.clone()).await?;
            let row = SubmissionRow { consumer, digest, report };
            let by = super::consumer::by(&consumer);
            let bytes = serde_json::to_vec(&row).map_err(|error| NodeError::Internal(error.to_string()))?;
            let kept = Change::Keep { shelf: Shelf::Submission, id: *id.as_bytes(), row: Some(bytes) };
            node.commit_many(vec![kept, node.deed_of(Some(by), deed, &ReferralId(*id.as_bytes()), 0)]).await.map_err(NodeError::from)?;
            let Produced { released, waiting, withheld, .. } = row.report;
            tracing::info!(submission = %id, released, waiting, withheld, "a program said something");
            Ok(row.report)
        };
        self.in_turn(consumer, id, work).await
    }

    pub(super) async fn in_turn<T, F>(
        self: &Arc<Self>,
        consumer: [u8; 16],
        id: Uuid,
        work: impl FnOnce(Arc<Self>) -> F + Send + 'static,
    ) -> Result<T, ProduceError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ProduceError>> + Send + 'static,
    {
        let place = self.serving.producing.by.of(consumer);
        if *place.under_way() == Some(id) {
            return Err(ProduceError::UnderWay);
        }
        // Whoever goes before its turn has come asks for nothing any more: no more wait than connections are there.
        let turn = place.turn.clone().lock_owned().await;
        let node = self.clone();
        let done = tokio::spawn(async move {
            let (_turn, _under_way) = (turn, UnderWay::begin(place, id));
            node.store.settled().await;
            work(node.clone()).await
        });
        done.await.map_err(|fault| NodeError::Internal(fault.to_string()))?
    }

    /// Counts a request and its records in the producer's day, before anything of it is done; or looks alone whether there is room for one.
    pub(super) async fn charge(&self, consumer: &Consumer, records: u64, is_counted: bool) -> Result<(), ProduceError> {
        let (limits, day) = (&self.config.https, self.clock.now().day().0);
        let row = self.store.snapshot()?.kept(Shelf::ProducerDay, &consumer.id)?;
        let row: DayRow = row.map(|bytes| serde_json::from_slice(&bytes)).transpose().map_err(|_| damaged())?.unwrap_or_default();
        let row = if row.day == day { row } else { DayRow { day, ..DayRow::default() } };
        let (requests, records) = (row.requests + 1, row.records.saturating_add(records));
        if requests > limits.producer_requests_per_day_max || records > limits.producer_records_per_day_max {
            return Err(ProduceError::DayIsFull);
        }
        if is_counted {
            let row = serde_json::to_vec(&DayRow { day, requests, records }).unwrap_or_default();
            self.commit(Change::Keep { shelf: Shelf::ProducerDay, id: consumer.id, row: Some(row) }).await?;
        }
        Ok(())
    }

    /// Forgets what became of requests long ago: of a part of all, another in each round. Until then nobody is told of it any more.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn forget_submissions(&self) -> Result<(), NodeError> {
        let mut changes = Vec::new();
        let (first, last) = self.serving.submissions_swept.next();
        for (id, bytes) in self.store.snapshot()?.kept_between(Shelf::Submission, first, last)? {
            let row = serde_json::from_slice::<SubmissionRow>(&bytes).ok();
            if row.is_none_or(|row| self.is_forgotten(&row)) {
                changes.push(Change::Keep { shelf: Shelf::Submission, id, row: None });
            }
        }
        if !changes.is_empty() {
            self.commit_many(changes).await?;
        }
        Ok(())
    }
}

impl Consumer {
    /// Whether what somebody said is among what it may have.
    pub(in crate::node) fn sees(&self, one: &Provenance, now: Timestamp) -> bool {
        let said_there = |group| one.audience == crate::model::log::Audience::Group(group);
        let tool = To::Tool(self.ceiling(false));
        (self.groups.is_empty() || self.groups.iter().copied().any(said_there))
            && may(Action::Export, &crate::node::find::about(one), &tool, now).is_ok()
    }
}
