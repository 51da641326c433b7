//! Logs, batches, what waits, and who has what.

use super::{Read, Snapshot};
use crate::model::log::{AbsentReason, Audience, Batch, BatchEntry, Body, Checkpoint, Entry, Head, Header, LogKey, Salts, salt};
use crate::model::{Label, LogId, OrgId, RecordId, Timestamp};
use crate::rules::label::Held;
use crate::store::TakenBackRow;
use crate::store::body::get_body;
use crate::store::change::Verdict;
use crate::store::codec::{audience, audience_bytes};
use crate::store::error::{Damaged, ReadError};
use crate::store::find;
use crate::store::rows::{BatchRow, EntryRow, LogRow, LogState, WaitingRow};
use crate::store::tables::{ABSENT, ACKS, BATCHES, BODIES, ENTRIES, LOG_NUMBERS, LOGS, SALTS, TAKEN_BACK, VERDICTS, WAITING};
use redb::{ReadOnlyTable, ReadableTable};

/// A log and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogInfo {
    /// Its id.
    pub id: LogId,
    /// What makes it.
    pub key: LogKey,
    /// Where it ends.
    pub head: Head,
    /// The key that its next batch is signed with; all zero in our own logs.
    pub author_key: [u8; 32],
    /// Whether it goes on.
    pub state: LogState,
    /// The size of the checkpoint at which it starts for us; 0 where we have it from its first entry.
    pub start: u64,
}

/// A released record of ours that has no position yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its number, for [`crate::store::change::Change::Append`].
    pub n: u64,
    /// Our id for it, where it is an indicator.
    pub record: Option<RecordId>,
    /// The entry that it becomes; `created` is when it was released.
    pub entry: BatchEntry,
}

/// What the rules look at of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingLabel {
    /// Our id for it, where it is an indicator.
    pub record: Option<RecordId>,
    /// The number of its kind.
    pub kind: u8,
    /// The label.
    pub label: Label,
    /// When every holder destroys it; 0 for never.
    pub retention: Timestamp,
}

/// A checkpoint and the key that it is signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The author's key at that time; `None` for our own.
    pub author_key: Option<[u8; 32]>,
}

/// What a peer has of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    /// The peer.
    pub peer: OrgId,
    /// It has everything up to this position durably.
    pub through: u64,
    /// When it said so.
    pub at: Timestamp,
}

impl Snapshot {
    pub(super) fn log_no(&self, id: &LogId) -> Read<Option<u32>> {
        Ok(self.table(LOG_NUMBERS)?.get(&id.0)?.map(|no| no.value()))
    }

    pub(super) fn log_row(&self, no: u32) -> Read<LogRow> {
        self.row(LOGS, "logs", no)?.ok_or_else(|| Damaged { table: "logs", key: no.to_string() }.into())
    }

    /// A log by its id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn log(&self, id: &LogId) -> Read<Option<LogInfo>> {
        self.log_no(id)?.map(|no| self.log_row(no).map(info)).transpose()
    }

    /// Every log, in the order in which they came.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn logs(&self) -> Read<Vec<LogInfo>> {
        let mut logs = Vec::new();
        for row in self.table(LOGS)?.iter()? {
            let (no, bytes) = row?;
            logs.push(info(find::decoded("logs", &no.value(), bytes.value())?));
        }
        Ok(logs)
    }

    /// The logs of one author, every incarnation.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn logs_of(&self, author: &OrgId) -> Read<Vec<LogInfo>> {
        Ok(self.logs()?.into_iter().filter(|log| log.key.author == *author).collect())
    }

    /// Our log to an audience in our present incarnation; `None` until its first batch.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn our_log(&self, audience: &Audience) -> Read<Option<LogInfo>> {
        self.log(&self.our_log_key(audience)?.id())
    }

    /// What makes our log to an audience in our present incarnation, whether it has entries or not.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn our_log_key(&self, audience: &Audience) -> Read<LogKey> {
        Ok(LogKey { author: self.us(), incarnation: self.incarnation()?, audience: *audience })
    }

    /// The header at a position.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn header(&self, log: &LogId, seq: u64) -> Read<Option<Header>> {
        let Some(no) = self.log_no(log)? else { return Ok(None) };
        let row: Option<EntryRow> = self.row(ENTRIES, "entries", (no, seq))?;
        Ok(row.map(|row| row.header(*log, seq)))
    }

    /// The entry at a position, with its verdict.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn entry(&self, log: &LogId, seq: u64) -> Read<Option<(Held<Entry>, Verdict)>> {
        let Some(no) = self.log_no(log)? else { return Ok(None) };
        let Some(row) = self.row::<EntryRow, _>(ENTRIES, "entries", (no, seq))? else { return Ok(None) };
        let Some((_, batch)) = find::batch_row::<ReadError>(&*self.table(BATCHES)?, no, seq)? else { return Ok(None) };
        let body = body_of(&*self.table(BODIES)?, &row)?;
        let salt = match &body {
            Body::Present(_) => Some(salt_of(&*self.table(SALTS)?, no, seq, &batch)?),
            Body::Absent { .. } => None,
        };
        Ok(Some((Held(Entry { header: row.header(*log, seq), body, salt }), row.verdict)))
    }

    /// The body at a position; `None` where it is absent.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn body(&self, log: &LogId, seq: u64) -> Read<Option<Held<Vec<u8>>>> {
        let Some((Held(entry), _)) = self.entry(log, seq)? else { return Ok(None) };
        match entry.body {
            Body::Present(body) => Ok(Some(Held(body))),
            Body::Absent { .. } => Ok(None),
        }
    }

    /// The author's batch that holds a position: the same entries under the same checkpoint, with absent bodies as their hashes.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn batch_at(&self, log: &LogId, seq: u64) -> Read<Option<Held<Batch>>> {
        let Some(no) = self.log_no(log)? else { return Ok(None) };
        let Some((first, row)) = find::batch_row::<ReadError>(&*self.table(BATCHES)?, no, seq)? else { return Ok(None) };
        let (bodies, salts) = (self.table(BODIES)?, self.table(SALTS)?);
        let (mut entries, mut each) = (Vec::new(), Vec::new());
        for entry in self.table(ENTRIES)?.range((no, first)..=(no, row.last))? {
            let (key, bytes) = entry?;
            let entry: EntryRow = find::decoded("entries", &key.value(), bytes.value())?;
            let body = body_of(&bodies, &entry)?;
            if row.seed.is_none() && matches!(body, Body::Present(_)) {
                each.push(salt_of(&salts, no, key.value().1, &row)?);
            }
            let EntryRow { created, kind, label, retention, .. } = entry;
            entries.push(BatchEntry { created, kind, label, retention, body });
        }
        let salts = row.seed.map_or(Salts::Each(each), Salts::Seed);
        Ok(Some(Held(Batch { first, entries, salts, checkpoint: row.checkpoint })))
    }

    /// The number of the definition under which the batch that holds a position was signed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn signed_under(&self, log: &LogId, seq: u64) -> Read<Option<u64>> {
        let Some(no) = self.log_no(log)? else { return Ok(None) };
        let found = find::batch_row::<ReadError>(&*self.table(BATCHES)?, no, seq)?;
        Ok(found.map(|(_, row)| row.checkpoint.definition))
    }

    /// Where a log starts for a reader that is entitled to what was signed under a definition and later ones, and asks from a position:
    /// the last checkpoint, from that position on, before the first batch that it may have. `None` where it may have that position.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn start_before(&self, log: &LogId, from: u64, definition: u64) -> Read<Option<Checkpoint>> {
        let Some(no) = self.log_no(log)? else { return Ok(None) };
        let row = self.log_row(no)?;
        let batches = self.table(BATCHES)?;
        let ours = row.start.filter(|start| from <= start.head.size && start.definition < definition);
        let from = ours.as_ref().map_or(from, |start| start.head.size + 1);
        let Some((first, _)) = find::batch_row::<ReadError>(&*batches, no, from)? else { return Ok(ours) };
        let mut start = ours;
        for row in batches.range((no, first)..=(no, u64::MAX))? {
            let (key, bytes) = row?;
            let row: BatchRow = find::decoded("batches", &key.value(), bytes.value())?;
            if row.checkpoint.definition >= definition {
                break;
            }
            start = Some(row.checkpoint);
        }
        Ok(start)
    }

    /// The author's checkpoint at exactly this size, if we hold it; for telling one history from another.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn checkpoint_at(&self, log: &LogId, size: u64) -> Read<Option<Signed>> {
        let Some(no) = self.log_no(log)? else { return Ok(None) };
        if let Some((_, row)) = find::batch_row::<ReadError>(&*self.table(BATCHES)?, no, size)? {
            return Ok((row.last == size).then_some(Signed { checkpoint: row.checkpoint, author_key: row.author_key }));
        }
        let log = self.log_row(no)?;
        let start = log.start.filter(|start| start.head.size == size);
        Ok(start.map(|checkpoint| Signed { checkpoint, author_key: Some(log.author_key) }))
    }

    /// Released records that wait for positions in our log to an audience, oldest first: at most `entries`, and at most `bytes` of
    /// bodies (but at least one record).
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn waiting(&self, audience: &Audience, entries: usize, bytes: usize) -> Read<Vec<Waiting>> {
        let key = audience_bytes(audience);
        let bodies = self.table(BODIES)?;
        let (mut waiting, mut total): (Vec<Waiting>, usize) = (Vec::new(), 0);
        for row in self.table(WAITING)?.range((&key, 0)..=(&key, u64::MAX))?.take(entries) {
            let (key, row) = row?;
            let n = key.value().1;
            let row: WaitingRow = find::decoded("waiting", &n, row.value())?;
            total += row.body_length as usize;
            if total > bytes && !waiting.is_empty() {
                break;
            }
            let body = Body::Present(get_body::<ReadError>(&*bodies, row.body)?);
            let WaitingRow { created, kind, label, retention, record, .. } = row;
            waiting.push(Waiting { n, record, entry: BatchEntry { created, kind, label, retention, body } });
        }
        Ok(waiting)
    }

    /// What the rules look at of the records that wait for positions in our log to an audience, without their bodies.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn waiting_labels(&self, audience: &Audience) -> Read<Vec<WaitingLabel>> {
        let key = audience_bytes(audience);
        let mut labels = Vec::new();
        for row in self.table(WAITING)?.range((&key, 0)..=(&key, u64::MAX))? {
            let (key, row) = row?;
            let WaitingRow { kind, label, retention, record, .. } = find::decoded("waiting", &key.value().1, row.value())?;
            labels.push(WaitingLabel { record, kind, label, retention });
        }
        Ok(labels)
    }

    /// The first released record of a kind that waits for an audience.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn waiting_of_kind(&self, audience: &Audience, kind: u8) -> Read<Option<Waiting>> {
        let key = audience_bytes(audience);
        for row in self.table(WAITING)?.range((&key, 0)..=(&key, u64::MAX))? {
            let (key, row) = row?;
            let n = key.value().1;
            let row: WaitingRow = find::decoded("waiting", &n, row.value())?;
            if row.kind == kind {
                let body = Body::Present(get_body::<ReadError>(&*self.table(BODIES)?, row.body)?);
                let WaitingRow { created, kind, label, retention, record, .. } = row;
                return Ok(Some(Waiting { n, record, entry: BatchEntry { created, kind, label, retention, body } }));
            }
        }
        Ok(None)
    }

    /// The audiences that records of ours wait for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn waiting_audiences(&self) -> Read<Vec<Audience>> {
        let table = self.table(WAITING)?;
        let (mut audiences, mut from) = (Vec::new(), [0; 33]);
        // From each audience to the first row behind all of its rows.
        while let Some(row) = table.range((&from, 0)..)?.next() {
            let key = *row?.0.value().0;
            audiences.push(audience(&key).ok_or_else(|| Damaged { table: "waiting", key: format!("{key:?}") })?);
            match successor(key) {
                Some(next) => from = next,
                None => break,
            }
        }
        Ok(audiences)
    }

    /// What each peer has of a log.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn acks(&self, log: &LogId) -> Read<Vec<Ack>> {
        let Some(no) = self.log_no(log)? else { return Ok(Vec::new()) };
        let mut acks = Vec::new();
        for row in self.table(ACKS)?.range((no, &[0; 32])..=(no, &[255; 32]))? {
            let (key, value) = row?;
            let (through, at) = value.value();
            acks.push(Ack { peer: OrgId(*key.value().1), through, at: Timestamp(at) });
        }
        Ok(acks)
    }

    /// What peers said of an entry, other than `accepted`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn verdicts(&self, log: &LogId, seq: u64) -> Read<Vec<(OrgId, u8)>> {
        let Some(no) = self.log_no(log)? else { return Ok(Vec::new()) };
        let table = self.table(VERDICTS)?;
        let rows = table.range((no, seq, &[0; 32])..=(no, seq, &[255; 32]))?;
        rows.map(|row| row.map(|(key, verdict)| (OrgId(*key.value().2), verdict.value())).map_err(Into::into)).collect()
    }

    /// Positions whose bodies came absent and may be asked for elsewhere, with the reason that was given.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn absent(&self, log: &LogId, limit: usize) -> Read<Vec<(u64, AbsentReason)>> {
        let Some(no) = self.log_no(log)? else { return Ok(Vec::new()) };
        let mut absent = Vec::new();
        for row in self.table(ABSENT)?.range((no, 0)..=(no, u64::MAX))?.take(limit) {
            let (key, reason) = row?;
            let seq = key.value().1;
            let reason = AbsentReason::from_number(reason.value());
            absent.push((seq, reason.ok_or_else(|| Damaged { table: "absent", key: format!("{:?}", key.value()) })?));
        }
        Ok(absent)
    }

    /// Whether and how a position was taken back.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn taken_back(&self, log: &LogId, seq: u64) -> Read<Option<TakenBackRow>> {
        let author = match self.log(log)? {
            Some(log) => log.key.author,
            None => OrgId([0; 32]),
        };
        find::taken_back(&*self.table(TAKEN_BACK)?, &log.0, seq, &author)
    }
}

fn info(row: LogRow) -> LogInfo {
    let LogRow { key, head, author_key, state, start, .. } = row;
    LogInfo { id: key.id(), key, head, author_key, state, start: start.map_or(0, |start| start.head.size) }
}

fn body_of(bodies: &ReadOnlyTable<u64, &'static [u8]>, row: &EntryRow) -> Read<Body> {
    Ok(match row.body {
        Ok(number) => Body::Present(get_body::<ReadError>(bodies, number)?),
        Err(reason) => Body::Absent { hash: row.body_hash, length: row.body_length, reason },
    })
}

fn salt_of(salts: &ReadOnlyTable<(u32, u64), &'static [u8; 32]>, no: u32, seq: u64, batch: &BatchRow) -> Read<[u8; 32]> {
    match batch.seed {
        Some(seed) => Ok(salt(&seed, seq)),
        None => {
            let kept = salts.get((no, seq))?.map(|salt| *salt.value());
            kept.ok_or_else(|| Damaged { table: "salts", key: format!("{:?}", (no, seq)) }.into())
        }
    }
}

fn successor(mut key: [u8; 33]) -> Option<[u8; 33]> {
    for byte in key.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return Some(key);
        }
    }
    None
}
