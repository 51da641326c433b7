//! Events that programs add through MISP's REST. One is a draft until it is published, seen by nobody but the program that added it; then it goes the way of
//! all that producers say (`produce.rs`), and of the draft no more is kept than its title and which records it became, so that it is found under its own id.
//! What has left is read from the feed, never from here: a recall takes it out of both.

use super::Consumer;
use super::produce::{Form, ProduceError, Produced, Sent};
use crate::formats::export::attribute_id;
use crate::formats::misp::rest::draft::{Draft, DraftError, Reading};
use crate::formats::misp::rest::{self, Search};
use crate::formats::{Format, Item, Problem};
use crate::model::Timestamp;
use crate::model::crypto::{random, sha256};
use crate::node::{Node, NodeError};
use crate::rules::consumer::Scope;
use crate::store::Snapshot;
use crate::store::change::{Change, Shelf};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

const DAY_MS: u64 = 86_400_000;
/// So many problems of a draft are told.
const PROBLEMS_MAX: usize = 100;

/// What is kept of an event, its attributes aside.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct DraftRow {
    consumer: [u8; 16],
    pub(super) uuid: String,
    changed: Timestamp,
    /// Of the draft; 0 where there is none.
    bytes: u64,
    /// When it was published last.
    published: Option<Timestamp>,
    pub(super) head: Map<String, Value>,
    /// The attributes that it has in the feed, as far as these are there.
    pub(super) said: BTreeSet<String>,
}

/// Why an event is not taken, or nothing becomes of it.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// It is no event.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// There is one of that id.
    #[error("there is an event of that `uuid` already")]
    Taken,
    /// There is none of that id of its own.
    #[error("there is no such event of yours")]
    Unknown,
    /// Too many wait.
    #[error(
        "too many events wait for being published\nhint: publish or delete some; `https.misp_drafts_max` and `https.misp_drafts_bytes_max` are the bounds"
    )]
    Full,
    /// It was published.
    #[error("it was published, and others may have it\nhint: delete its attributes, which withdraws them")]
    Published,
    /// Nothing of it is fit to leave.
    #[error("nothing of it can be published")]
    Nothing(Box<Produced>),
    /// The producer may not, or the node could not.
    #[error(transparent)]
    Produce(#[from] ProduceError),
}

impl From<NodeError> for EventError {
    fn from(error: NodeError) -> Self {
        Self::Produce(error.into())
    }
}

impl From<crate::store::CommitError> for EventError {
    fn from(error: crate::store::CommitError) -> Self {
        Self::Produce(NodeError::from(error).into())
    }
}

impl From<crate::store::ReadError> for EventError {
    fn from(error: crate::store::ReadError) -> Self {
        Self::Produce(error.into())
    }
}

/// An event that was taken, and what is not understood of it.
#[derive(Debug)]
pub struct Drafted {
    /// Its id.
    pub uuid: Uuid,
    /// Whether the program wants it published at once.
    pub publish: bool,
    /// What will not be taken of it, and why.
    pub problems: Vec<Problem>,
    /// The attribute that was put in last.
    pub attribute: Option<String>,
}

fn damaged() -> NodeError {
    NodeError::StoreDamaged("what is kept of an event cannot be read".into())
}

/// A program's events begin with half of its id.
fn key(consumer: &Consumer, uuid: &str) -> [u8; 16] {
    let hash = sha256(&[&consumer.id, uuid.as_bytes()]);
    std::array::from_fn(|at| if at < 8 { consumer.id[at] } else { hash[at] })
}

/// The rows of a program.
fn rows(snapshot: &Snapshot, consumer: &Consumer) -> Result<Vec<DraftRow>, NodeError> {
    let beginning = consumer.id.first_chunk().expect("8 of 16 bytes");
    let rows = snapshot.kept_under(Shelf::Event, beginning)?.into_iter();
    let rows = rows.map(|(_, bytes)| serde_json::from_slice::<DraftRow>(&bytes).map_err(|_| damaged()));
    let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
    rows.retain(|row| row.consumer == consumer.id);
    Ok(rows)
}

impl DraftRow {
    fn kept(&self, consumer: &Consumer, body: Option<Vec<u8>>) -> [Change; 2] {
        let (id, row) = (key(consumer, &self.uuid), serde_json::to_vec(self).unwrap_or_default());
        [Change::Keep { shelf: Shelf::Event, id, row: Some(row) }, Change::Keep { shelf: Shelf::EventBody, id, row: body }]
    }

    fn gone(&self, consumer: &Consumer) -> [Change; 2] {
        let id = key(consumer, &self.uuid);
        [Change::Keep { shelf: Shelf::Event, id, row: None }, Change::Keep { shelf: Shelf::EventBody, id, row: None }]
    }

    /// Whether a text is its id.
    fn is(&self, id: &str) -> bool {
        Search::event(id, false).is_of(&self.head)
    }

    /// What it says of itself by now.
    pub(super) fn shown(&self) -> Map<String, Value> {
        let mut head = self.head.clone();
        if let Some(at) = self.published.filter(|_| self.bytes == 0) {
            head.insert("published".into(), true.into());
            head.insert("publish_timestamp".into(), (at.0 / 1_000).to_string().into());
        }
        head
    }
}

/// Events of a program, for a search.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// Those that wait, in the form of a feed's.
    pub(super) drafts: Vec<(String, Vec<u8>)>,
    /// Those that are out.
    pub(super) published: Vec<DraftRow>,
}

impl Node {
    /// What a program has added.
    pub(super) fn own_events(&self, consumer: &Consumer) -> Result<Own, NodeError> {
        let snapshot = self.store.snapshot()?;
        let mut own = Own::default();
        for row in rows(&snapshot, consumer)? {
            match snapshot.kept(Shelf::EventBody, &key(consumer, &row.uuid))? {
                Some(body) => own.drafts.push((row.uuid, body)),
                None => own.published.push(row),
            }
        }
        Ok(own)
    }

    fn with_reading<T>(&self, work: impl FnOnce(&mut Reading<'_>) -> T) -> T {
        let mut fresh = || uuid::Builder::from_random_bytes(random()).into_uuid();
        let most = usize::try_from(self.config.https.produced_records_max).unwrap_or(usize::MAX);
        work(&mut Reading { now: self.clock.now(), author: rest::organisation(&self.org()), most, fresh: &mut fresh })
    }

    /// Takes a new event of a program, as a draft.
    ///
    /// # Errors
    /// When it is none, there is one of its id, the program may not, or too many wait.
    pub async fn add_event(self: &Arc<Self>, consumer: &Consumer, sent: &Value) -> Result<Drafted, EventError> {
        consumer.produces().ok_or(ProduceError::NotAllowed(Scope::Produce.name()))?;
        let draft = self.with_reading(|reading| Draft::read(sent, reading))?;
        let _turn = self.serving.drafting.of(consumer.id).lock_owned().await;
        let uuid = draft.uuid();
        let own = rows(&self.store.snapshot()?, consumer)?;
        if own.iter().any(|row| row.uuid == uuid.to_string()) || self.is_in_feed(consumer, &uuid).await? {
            return Err(EventError::Taken);
        }
        let row = DraftRow {
            consumer: consumer.id,
            uuid: uuid.to_string(),
            changed: self.clock.now(),
            bytes: 0,
            published: None,
            head: Map::new(),
            said: BTreeSet::new(),
        };
        self.keep_draft(consumer, row, draft, None).await
    }

    /// Takes what a program says of an event of its by now; what was published is a draft again until it is published anew.
    ///
    /// # Errors
    /// As [`Self::add_event`], or when there is no such event of its.
    pub async fn edit_event(self: &Arc<Self>, consumer: &Consumer, id: &str, sent: &Value) -> Result<Drafted, EventError> {
        let newer = self.with_reading(|reading| Draft::read(sent, reading))?;
        let _turn = self.serving.drafting.of(consumer.id).lock_owned().await;
        let (row, mut draft) = self.opened(consumer, id).await?;
        self.with_reading(|reading| draft.join(newer, reading))?;
        self.keep_draft(consumer, row, draft, None).await
    }

    /// Puts an attribute into an event of a program.
    ///
    /// # Errors
    /// As [`Self::edit_event`].
    pub async fn add_attribute(self: &Arc<Self>, consumer: &Consumer, id: &str, sent: &Value) -> Result<Drafted, EventError> {
        let _turn = self.serving.drafting.of(consumer.id).lock_owned().await;
        let (row, mut draft) = self.opened(consumer, id).await?;
        let uuid = self.with_reading(|reading| {
            let taken = draft.take(sent, reading)?;
            Ok::<_, DraftError>(taken.get("uuid").and_then(Value::as_str).unwrap_or_default().to_owned())
        })?;
        self.keep_draft(consumer, row, draft, Some(uuid)).await
    }

    /// Takes an attribute out of a draft of a program. Whether one has it.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn drop_attribute(self: &Arc<Self>, consumer: &Consumer, id: &str) -> Result<bool, EventError> {
        consumer.produces().ok_or(ProduceError::NotAllowed(Scope::Produce.name()))?;
        let _turn = self.serving.drafting.of(consumer.id).lock_owned().await;
        let drafts = self.own_events(consumer)?.drafts;
        for (uuid, body) in drafts {
            let mut draft = self.draft_of(&body)?;
            if draft.drop_attribute(id) {
                let row = rows(&self.store.snapshot()?, consumer)?.into_iter().find(|row| row.uuid == uuid).ok_or(EventError::Unknown)?;
                self.keep_draft(consumer, row, draft, None).await?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Forgets a draft of a program.
    ///
    /// # Errors
    /// When there is none, or it was published.
    pub async fn delete_event(self: &Arc<Self>, consumer: &Consumer, id: &str) -> Result<(), EventError> {
        consumer.produces().ok_or(ProduceError::NotAllowed(Scope::Produce.name()))?;
        let _turn = self.serving.drafting.of(consumer.id).lock_owned().await;
        let row = rows(&self.store.snapshot()?, consumer)?.into_iter().find(|row| row.is(id)).ok_or(EventError::Unknown)?;
        if row.published.is_some() {
            return Err(EventError::Published);
        }
        self.commit_many(row.gone(consumer).into()).await?;
        Ok(())
    }

    /// Publishes an event of a program: says it, the way of all that producers say. Of one that was published and is no draft again, nothing becomes.
    ///
    /// # Errors
    /// When there is none, nothing of it is fit to leave, or the producer may not.
    pub async fn publish_event(self: &Arc<Self>, consumer: &Consumer, id: &str) -> Result<Option<Produced>, EventError> {
        consumer.produces().ok_or(ProduceError::NotAllowed(Scope::Produce.name()))?;
        // In a task of its own: what has left must be known as this event's, whether or not anybody still waits for it.
        let (node, consumer, id) = (self.clone(), consumer.clone(), id.to_owned());
        let work = tokio::spawn(async move { node.published(&consumer, &id).await });
        work.await.map_err(|fault| NodeError::Internal(fault.to_string()))?
    }

    async fn published(self: &Arc<Self>, consumer: &Consumer, id: &str) -> Result<Option<Produced>, EventError> {
        let _turn = self.serving.drafting.of(consumer.id).lock_owned().await;
        let snapshot = self.store.snapshot()?;
        let row = rows(&snapshot, consumer)?.into_iter().find(|row| row.is(id)).ok_or(EventError::Unknown)?;
        let Some(body) = snapshot.kept(Shelf::EventBody, &key(consumer, &row.uuid))? else { return Ok(None) };
        drop(snapshot);
        let items = self.items_of(Form::Of(Format::Misp), body.clone()).await?;
        let digest = data_encoding::HEXLOWER.encode(&sha256(&[&body])[..8]);
        // Sent again after a crash, the same draft is the same request.
        let key = Some(format!("misp-{}-{digest}", row.uuid));
        let report = self.produce(consumer, Sent { form: Form::Of(Format::Misp), bytes: body, key, tlp: None, objects: None }).await?;
        if report.released + report.waiting + report.duplicate + report.withdrawn == 0 {
            return Err(EventError::Nothing(Box::new(report)));
        }
        let mut row = row;
        for item in items {
            let Item::Indicator { indicator, revoked, .. } = item else { continue };
            let id = attribute_id(&self.record_id(&self.org(), &indicator.observable)).to_string();
            if revoked {
                row.said.remove(&id)
            } else {
                row.said.insert(id)
            };
        }
        (row.bytes, row.published) = (0, Some(self.clock.now()));
        self.commit_many(row.kept(consumer, None).into()).await?;
        Ok(Some(report))
    }

    /// An event of a program as a draft that can be changed.
    async fn opened(self: &Arc<Self>, consumer: &Consumer, id: &str) -> Result<(DraftRow, Draft), EventError> {
        consumer.produces().ok_or(ProduceError::NotAllowed(Scope::Produce.name()))?;
        let snapshot = self.store.snapshot()?;
        let row = rows(&snapshot, consumer)?.into_iter().find(|row| row.is(id)).ok_or(EventError::Unknown)?;
        let body = match snapshot.kept(Shelf::EventBody, &key(consumer, &row.uuid))? {
            Some(body) => body,
            None => self.event_in_feed(consumer, &row).await?,
        };
        let draft = self.draft_of(&body)?;
        Ok((row, draft))
    }

    fn draft_of(&self, body: &[u8]) -> Result<Draft, NodeError> {
        let value: Value = serde_json::from_slice(body).map_err(|_| damaged())?;
        self.with_reading(|reading| Draft::read(&value, reading)).map_err(|_| damaged())
    }

    /// Keeps a draft, within bounds.
    async fn keep_draft(
        self: &Arc<Self>,
        consumer: &Consumer,
        mut row: DraftRow,
        draft: Draft,
        attribute: Option<String>,
    ) -> Result<Drafted, EventError> {
        let body = draft.write();
        (row.bytes, row.changed, row.head) = (body.len() as u64, self.clock.now(), draft.head.clone());
        let limits = &self.config.https;
        if row.bytes > limits.body_bytes_max {
            return Err(ProduceError::TooLong(limits.body_bytes_max).into());
        }
        let mut others = rows(&self.store.snapshot()?, consumer)?;
        others.retain(|other| other.uuid != row.uuid);
        let mut changes: Vec<Change> = Vec::new();
        // What is out is found in the feed all the same: the oldest go first.
        others.sort_by_key(|other| (other.bytes > 0, other.changed));
        let count = |rows: &[DraftRow]| rows.len() as u64 + 1;
        while count(&others) > limits.misp_drafts_max && others.first().is_some_and(|other| other.bytes == 0) {
            changes.extend(others.remove(0).gone(consumer));
        }
        let bytes = others.iter().map(|other| other.bytes).sum::<u64>() + row.bytes;
        if count(&others) > limits.misp_drafts_max || bytes > limits.misp_drafts_bytes_max {
            return Err(EventError::Full);
        }
        let items = self.items_of(Form::Of(Format::Misp), body.clone()).await?;
        let problem = |item| match item {
            Item::Problem(problem) | Item::LeftOut(problem, _) | Item::Note(problem) => Some(problem),
            Item::Indicator { .. } => None,
        };
        let problems = items.into_iter().filter_map(problem).take(PROBLEMS_MAX).collect();
        let (uuid, publish) = (draft.uuid(), draft.publish);
        changes.extend(row.kept(consumer, Some(body)));
        self.commit_many(changes).await?;
        Ok(Drafted { uuid, publish, problems, attribute })
    }

    /// Forgets drafts that nobody published, and which events were published, after a time.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn forget_drafts(&self) -> Result<(), NodeError> {
        let (most, now) = (self.config.https.misp_draft_days * DAY_MS, self.clock.now());
        let is_over = |bytes: &[u8]| serde_json::from_slice::<DraftRow>(bytes).map_or(true, |row| now.since(row.changed) >= most);
        for (id, bytes) in self.store.snapshot()?.all_kept(Shelf::Event)? {
            if !is_over(&bytes) {
                continue;
            }
            let consumer = serde_json::from_slice::<DraftRow>(&bytes).map_or(id, |row| row.consumer);
            let _turn = self.serving.drafting.of(consumer).lock_owned().await;
            // It may have been changed until its turn came.
            if self.store.snapshot()?.kept(Shelf::Event, &id)?.is_some_and(|bytes| is_over(&bytes)) {
                let gone = [Shelf::Event, Shelf::EventBody].map(|shelf| Change::Keep { shelf, id, row: None });
                self.commit_many(gone.into()).await?;
            }
        }
        Ok(())
    }
}
