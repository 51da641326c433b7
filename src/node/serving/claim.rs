//! What a producer said, and nobody else here, is the producer's to take back: a program's, or a feed's that is passed on.
//!
//! A claim is durable before anything of it leaves: at worst there is one too many, of what never left.

use super::Consumer;
use super::produce::{ProduceError, Producer};
use crate::model::crypto::{random, sha256};
use crate::model::log::Audience;
use crate::model::record::WithdrawalMode;
use crate::model::{Label, Observable, ObservableKind, RecordId, RecordKind, ReferralId};
use crate::node::{Node, NodeError};
use crate::rules::consumer::Scope;
use crate::rules::disclosed::is_among;
use crate::rules::release::Disclosure;
use crate::store::change::{Change, ReleaseItem, Shelf};
use crate::store::{ProvenanceState, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::RwLockReadGuard;

/// How many disclosures are read at a time.
const LINES: u64 = 1_000;

/// Who said a record of ours, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ClaimRow {
    record: RecordId,
    producer: [u8; 16],
    /// What stands for the audience.
    place: [u8; 16],
    /// Whether somebody else here had said it there before.
    beside: bool,
    /// The newest disclosure before it.
    disclosed: u64,
}

fn place(audience: &Audience) -> [u8; 16] {
    *sha256(&[audience.to_string().as_bytes()]).first_chunk().expect("half of 32 bytes")
}

impl ClaimRow {
    const BYTES: usize = 16 + 16 + 16 + 1 + 8;

    fn id(&self) -> [u8; 16] {
        std::array::from_fn(|at| if at < 8 { self.record.0[at] } else { self.producer[at - 8] })
    }

    fn encode(&self) -> Vec<u8> {
        [&self.record.0[..], &self.producer, &self.place, &[u8::from(self.beside)], &self.disclosed.to_be_bytes()].concat()
    }

    fn decode(bytes: &[u8]) -> Result<Self, NodeError> {
        let damaged = || NodeError::StoreDamaged("what is kept of a producer cannot be read".into());
        let bytes: &[u8; Self::BYTES] = bytes.try_into().map_err(|_| damaged())?;
        let part = |from: usize| std::array::from_fn(|at| bytes[from + at]);
        let disclosed = u64::from_be_bytes(std::array::from_fn(|at| bytes[49 + at]));
        Ok(Self { record: RecordId(part(0)), producer: part(16), place: part(32), beside: bytes[48] != 0, disclosed })
    }

    fn kept(&self) -> Change {
        Change::Keep { shelf: Shelf::Claim, id: self.id(), row: Some(self.encode()) }
    }

    fn dropped(&self) -> Change {
        Change::Keep { shelf: Shelf::Claim, id: self.id(), row: None }
    }
}

/// Who of the producers says a record in a place.
fn claims(snapshot: &Snapshot, record: &RecordId, place: [u8; 16]) -> Result<Vec<ClaimRow>, NodeError> {
    let beginning = record.0.first_chunk().expect("16 bytes");
    let rows = snapshot.kept_under(Shelf::Claim, beginning)?.into_iter().map(|(_, bytes)| ClaimRow::decode(&bytes));
    let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
    rows.retain(|row| row.record == *record && row.place == place);
    Ok(rows)
}

/// Whether an audience has a record of ours, or is about to.
fn is_out(snapshot: &Snapshot, record: &RecordId, audience: &Audience) -> Result<bool, NodeError> {
    let found = snapshot.find(record)?.map(|found| found.provenances).unwrap_or_default();
    Ok(found.iter().any(|(one, _)| one.audience == *audience && one.state == ProvenanceState::Live))
}

/// Of these claims those whose records anybody else here has said to an audience since. One look at what was disclosed, for all of them.
fn said_since(snapshot: &Snapshot, claims: &[ClaimRow], audience: &Audience, by: &str) -> Result<BTreeSet<RecordId>, NodeError> {
    let mut said = BTreeSet::new();
    let Some(mut from) = claims.iter().map(|claim| claim.disclosed + 1).min() else { return Ok(said) };
    loop {
        let lines = snapshot.disclosures(from..=from.saturating_add(LINES - 1))?;
        let Some(last) = lines.last().map(|line| line.n) else { return Ok(said) };
        for line in lines {
            let read: Disclosure = serde_json::from_str(&line.json).map_err(|_| NodeError::StoreDamaged("a disclosure".into()))?;
            let by_another = read.audience == *audience && read.particulars.by.as_deref() != Some(by);
            if !by_another || read.kind != RecordKind::Indicator.number() {
                continue;
            }
            let Some(packed) = snapshot.disclosed(line.n)? else { continue };
            let since = claims.iter().filter(|claim| claim.disclosed < line.n && is_among(&packed, &claim.record));
            said.extend(since.map(|claim| claim.record));
        }
        from = last + 1;
    }
}

/// What became of something that a producer would take back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::node) enum Unsaid {
    /// It is taken back.
    TakenBack,
    /// The producer had not said it.
    NotSaid,
    /// Others here say it as well, so it stays.
    SaidByOthers,
}

/// How a record of ours stands with an audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::node) struct Standing {
    /// The label under which it is there; nothing where it is not.
    pub(in crate::node) there: Option<Label>,
    /// Whether this producer let it go, or was about to.
    pub(in crate::node) claimed: bool,
    /// Whether no producer says it, or did so after somebody at the desk.
    pub(in crate::node) by_hand: bool,
}

impl Producer {
    /// How a record of ours stands with an audience, for this producer.
    pub(in crate::node) fn standing(&self, snapshot: &Snapshot, record: &RecordId, audience: &Audience) -> Result<Standing, NodeError> {
        let found = snapshot.find(record)?.map(|found| found.provenances).unwrap_or_default();
        let there = found.iter().find(|(one, _)| one.audience == *audience && one.state == ProvenanceState::Live);
        let claims = claims(snapshot, record, place(audience))?;
        let (claimed, by_hand) = (claims.iter().any(|row| row.producer == self.id), claims.iter().all(|row| row.beside));
        Ok(Standing { there: there.map(|(one, _)| one.label), claimed, by_hand })
    }
}

impl Node {
    /// While it is held nobody takes back what a producer said.
    pub(in crate::node) async fn saying(&self) -> RwLockReadGuard<'_, ()> {
        self.serving.producing.said.read().await
    }

    /// Writes down that a producer says these.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub(in crate::node) async fn claim(
        &self,
        producer: &Producer,
        audience: Audience,
        items: impl Iterator<Item = &ReleaseItem>,
    ) -> Result<(), NodeError> {
        let snapshot = self.store.snapshot()?;
        let (disclosed, place) = (snapshot.disclosure_last()?, place(&audience));
        let mut changes = Vec::new();
        for record in items.filter_map(|item| item.record).collect::<BTreeSet<_>>() {
            let known = claims(&snapshot, &record, place)?;
            if known.iter().any(|row| row.producer == producer.id) || snapshot.is_recalled(&record)? {
                continue;
            }
            // That it is out and no producer has said so means that somebody at the desk did.
            let beside = is_out(&snapshot, &record, &audience)? && known.iter().all(|row| row.beside);
            changes.push(ClaimRow { record, producer: producer.id, place, beside, disclosed }.kept());
        }
        drop(snapshot);
        if !changes.is_empty() {
            self.commit_many(changes).await?;
        }
        Ok(())
    }

    /// Somebody at the desk says what an audience has of us already, in the same words. From then on no producer takes it back.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub(in crate::node) async fn said_by_hand(&self, audience: &Audience, records: &[RecordId]) -> Result<(), NodeError> {
        if records.is_empty() {
            return Ok(());
        }
        let _saying = self.saying().await;
        let (snapshot, place, mut changes) = (self.store.snapshot()?, place(audience), Vec::new());
        for record in records {
            let claims = claims(&snapshot, record, place)?.into_iter().filter(|row| !row.beside);
            changes.extend(claims.map(|row| ClaimRow { beside: true, ..row }.kept()));
        }
        drop(snapshot);
        if !changes.is_empty() {
            self.commit_many(changes).await?;
        }
        Ok(())
    }

    /// A producer takes back what it said, and nobody else here.
    ///
    /// # Errors
    /// When it did not say it, others here say it too, or the store takes no changes.
    pub async fn withdraw_produced(self: &Arc<Self>, consumer: &Consumer, value: &str, reason: &str) -> Result<(), ProduceError> {
        let produces = consumer.produces().ok_or(ProduceError::NotAllowed(Scope::Produce.name()))?;
        let (consumer, value, reason) = (consumer.clone(), value.to_owned(), reason.to_owned());
        let who = consumer.id;
        let work = move |node: Arc<Self>| async move {
            node.charge(&consumer, 1, true).await?;
            // It may have been said as another kind than it looks like.
            let guessed = Observable::guess(&value).ok();
            let others = ObservableKind::ALL.into_iter().filter_map(|kind| Observable::parse(kind, &value).ok());
            for observable in guessed.into_iter().chain(others).collect::<Vec<_>>() {
                match node.take_back_value(&consumer, &produces.to, &observable, &reason).await {
                    Err(ProduceError::NotSaid) => {}
                    done => return done,
                }
            }
            Err(ProduceError::NotSaid)
        };
        self.in_turn(who, uuid::Uuid::from_bytes(random()), work).await
    }

    pub(super) async fn take_back_value(
        &self,
        consumer: &Consumer,
        audience: &Audience,
        observable: &Observable,
        reason: &str,
    ) -> Result<(), ProduceError> {
        let record = self.record_id(&self.org(), observable);
        match self.take_back_said(&Producer::of(consumer), audience, &[record], reason).await?.first() {
            Some(Unsaid::TakenBack) => Ok(()),
            Some(Unsaid::SaidByOthers) => Err(ProduceError::SaidByOthers),
            Some(Unsaid::NotSaid) | None => Err(ProduceError::NotSaid),
        }
    }

    /// Takes back from an audience what a producer said there, and nobody else here.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes, or what is left of a hold may not leave any more. What was taken back before stays so.
    pub(in crate::node) async fn take_back_said(
        &self,
        producer: &Producer,
        audience: &Audience,
        records: &[RecordId],
        reason: &str,
    ) -> Result<Vec<Unsaid>, NodeError> {
        let _alone = self.serving.producing.said.write().await;
        let (snapshot, to, who, wanted) = (self.store.snapshot()?, *audience, producer.clone(), records.to_vec());
        let looked = tokio::task::spawn_blocking(move || {
            let (mut own, mut others) = (Vec::new(), BTreeSet::new());
            for record in wanted {
                let (mine, theirs): (Vec<_>, Vec<_>) =
                    claims(&snapshot, &record, place(&to))?.into_iter().partition(|row| row.producer == who.id);
                let Some(claim) = mine.into_iter().next() else { continue };
                if claim.beside || !theirs.is_empty() {
                    others.insert(record);
                }
                own.push(claim);
            }
            others.extend(said_since(&snapshot, &own, &to, &who.by)?);
            let out = own.iter().filter(|claim| !others.contains(&claim.record)).map(|claim| {
                let out = is_out(&snapshot, &claim.record, &to)?;
                Ok((claim.record, out))
            });
            let out = out.collect::<Result<BTreeMap<RecordId, bool>, NodeError>>()?;
            let own: BTreeMap<RecordId, ClaimRow> = own.into_iter().map(|claim| (claim.record, claim)).collect();
            Ok::<_, NodeError>((own, out))
        });
        let (mut own, out) = looked.await.map_err(|fault| NodeError::Internal(fault.to_string()))??;
        let mut became = Vec::with_capacity(records.len());
        for record in records {
            let Some(claim) = own.remove(record) else {
                became.push(Unsaid::NotSaid);
                continue;
            };
            let mut changes = vec![claim.dropped()];
            became.push(match out.get(record) {
                None => Unsaid::SaidByOthers,
                Some(is_out) => {
                    self.unhold_record(record, &producer.by).await?;
                    if *is_out {
                        self.take_back_from(*record, reason, WithdrawalMode::Withdraw, Some(*audience)).await?;
                    }
                    let deed = |what| self.deed_of(Some(producer.by.clone()), what, &ReferralId(record.0), 0);
                    changes.extend(producer.withdraws_as.map(deed));
                    Unsaid::TakenBack
                }
            });
            self.commit_many(changes).await?;
        }
        Ok(became)
    }

    /// Forgets who said what is gone: of a part of all, another in each round.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn forget_claims(&self) -> Result<(), NodeError> {
        // What is just being said is in no log and no hold yet.
        let _alone = self.serving.producing.said.write().await;
        let (first, last) = self.serving.claims_swept.next();
        let (snapshot, now) = (self.store.snapshot()?, self.clock.now());
        let mut gone = Vec::new();
        for (_, bytes) in snapshot.kept_between(Shelf::Claim, first, last)? {
            let row = ClaimRow::decode(&bytes)?;
            let found = snapshot.find(&row.record)?.map(|found| found.provenances).unwrap_or_default();
            if found.iter().all(|(one, _)| one.is_expired(now)) {
                gone.push(row);
            }
        }
        if gone.is_empty() {
            return Ok(());
        }
        // What is held may be much, and is looked at where something would go alone.
        for (id, row) in snapshot.holds()?.into_iter().filter(|(_, row)| row.from.is_some()) {
            for part in row.parts.keys() {
                let held: BTreeSet<RecordId> = snapshot.held(&id, *part)?.into_iter().filter_map(|item| item.record).collect();
                gone.retain(|row| !held.contains(&row.record));
            }
        }
        drop(snapshot);
        if !gone.is_empty() {
            self.commit_many(gone.iter().map(ClaimRow::dropped).collect()).await?;
        }
        Ok(())
    }
}
