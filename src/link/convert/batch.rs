//! Batches: by columns, compressed in group logs, padded in direct ones, cut into frames of at most 64 KiB.

use std::io::Write;

use prost::Message;
use prost::bytes::Bytes;

use super::{Malformed, columns, fixed, read_checkpoint, wire, wire_checkpoint};
use crate::model::log::{AbsentReason, Audience, BATCH_BYTES_MAX, BATCH_ENTRIES_MAX, Batch, BatchEntry, Body, Checkpoint, LogKey, Salts};
use crate::model::{Label, LogId, RecordKind, Timestamp};
use crate::rules::label::Outbound;

/// Bytes of content in one frame; the rest of the 64 KiB is for the frame itself.
const CHUNK_BYTES: usize = 60 << 10;
/// Bodies of direct logs fill multiples of so many bytes, so that their length tells little.
const PAD: usize = 512;
/// A content never decompresses to more: bodies, padding, hashes, salts and columns of a full batch.
const CONTENT_BYTES_MAX: usize = BATCH_BYTES_MAX + BATCH_ENTRIES_MAX * (PAD + 128);
/// Most of the work is done by the columns: level 19 saves a hundredth more and takes twenty times as long.
const ZSTD_LEVEL: i32 = 3;

/// The frames that carry a batch that may be sent.
///
/// ```
/// use watchfire::link::convert::batch_frames;
/// use watchfire::model::log::{Batch, LogKey};
/// use watchfire::rules::label::Outbound;
///
/// fn send(log: &LogKey, outbound: &Outbound<Batch>) {
///     batch_frames(log, outbound);
/// }
/// ```
///
/// What a store holds is not yet what may be sent: this does not compile, though it differs in one type alone.
///
/// ```compile_fail,E0308
/// use watchfire::link::convert::batch_frames;
/// use watchfire::model::log::{Batch, LogKey};
/// use watchfire::rules::label::Held;
///
/// fn send(log: &LogKey, held: &Held<Batch>) {
///     batch_frames(log, held);
/// }
/// ```
pub fn batch_frames(log: &LogKey, outbound: &Outbound<Batch>) -> Vec<wire::Frame> {
    let batch = outbound.get();
    let direct = matches!(log.audience, Audience::Direct(_));
    let parts = content_parts(to_columns(batch, direct));
    let content = parts.concat();
    let length = content.len() as u32;
    let (content, zstd) = match direct {
        true => (content, false),
        false => match compress(&parts, content.len()) {
            Ok(small) if small.len() < content.len() => (small, true),
            _ => (content, false),
        },
    };
    let meta = wire::BatchMeta {
        log: log.id().0.to_vec(),
        first: batch.first,
        count: batch.entries.len() as u32,
        length,
        zstd,
        checkpoint: Some(wire_checkpoint(&batch.checkpoint)),
        start: false,
    };
    cut(meta, Bytes::from(content))
}

/// The frame that starts a log for a reader at a checkpoint (a group that gives new members no history).
///
/// ```
/// use watchfire::link::convert::start_frame;
/// use watchfire::model::log::{Checkpoint, LogKey};
/// use watchfire::rules::label::Outbound;
///
/// fn send(log: &LogKey, outbound: &Outbound<Checkpoint>) {
///     start_frame(log, outbound);
/// }
/// ```
///
/// ```compile_fail,E0308
/// use watchfire::link::convert::start_frame;
/// use watchfire::model::log::{Checkpoint, LogKey};
/// use watchfire::rules::label::Held;
///
/// fn send(log: &LogKey, held: &Held<Checkpoint>) {
///     start_frame(log, held);
/// }
/// ```
pub fn start_frame(log: &LogKey, outbound: &Outbound<Checkpoint>) -> wire::Frame {
    let checkpoint = outbound.get();
    let meta = wire::BatchMeta {
        log: log.id().0.to_vec(),
        first: checkpoint.head.size + 1,
        checkpoint: Some(wire_checkpoint(checkpoint)),
        start: true,
        ..Default::default()
    };
    cut(meta, Bytes::new()).remove(0)
}

/// The content in parts whose bytes are of one kind each. One after the other they are the message: protobuf merges what comes in pieces.
fn content_parts(mut content: wire::BatchContent) -> Vec<Vec<u8>> {
    let indicators = content.indicators.take();
    let mut parts = vec![content.encode_to_vec()];
    for part in indicators.into_iter().flat_map(columns::parts) {
        parts.push(wire::BatchContent { indicators: Some(part), ..Default::default() }.encode_to_vec());
    }
    parts
}

/// One zstd frame with at least one block for each part, so that each is packed by its own statistics.
fn compress(parts: &[Vec<u8>], length: usize) -> std::io::Result<Vec<u8>> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
    encoder.include_checksum(false)?;
    encoder.set_pledged_src_size(Some(length as u64))?;
    for part in parts {
        encoder.write_all(part)?;
        encoder.flush()?;
    }
    encoder.finish()
}

fn cut(meta: wire::BatchMeta, content: Bytes) -> Vec<wire::Frame> {
    let mut meta = Some(meta);
    let mut frames = Vec::new();
    let mut at = 0;
    loop {
        let end = content.len().min(at + CHUNK_BYTES);
        let last = end == content.len();
        let batch = wire::Batch { meta: meta.take(), chunk: content.slice(at..end), last };
        frames.push(wire::Frame { frame: Some(wire::frame::Frame::Batch(batch)) });
        if last {
            return frames;
        }
        at = end;
    }
}

fn to_columns(batch: &Batch, direct: bool) -> wire::BatchContent {
    let entries = &batch.entries;
    let (seed, salts) = match &batch.salts {
        Salts::Seed(seed) => (seed.to_vec(), Vec::new()),
        Salts::Each(salts) => (Vec::new(), salts.concat()),
    };
    let mut content = wire::BatchContent { seed, salts, ..Default::default() };
    let mut before = batch.checkpoint.time.0 as i64;
    let mut indicators = columns::Writer::default();
    let any_absent = entries.iter().any(|entry| matches!(entry.body, Body::Absent { .. }));
    for entry in entries {
        let created = entry.created.0 as i64;
        content.created_delta.push(created - before);
        before = created;
        content.kind.push(u32::from(entry.kind));
        content.label.push(u32::from(entry.label.byte()));
        content.retention.push(entry.retention.0);
        match &entry.body {
            Body::Present(body) => {
                if any_absent {
                    content.absent.push(0);
                }
                // What is padded shows nothing by its columns either.
                let is_indicator = !direct && entry.kind == RecordKind::Indicator.number() && indicators.push(body);
                content.is_indicator.push(u32::from(is_indicator));
                if is_indicator {
                    continue;
                }
                content.length.push(body.len() as u32);
                content.bodies.extend_from_slice(body);
                if direct {
                    content.bodies.resize(content.bodies.len() + padding(body.len()), 0);
                }
            }
            Body::Absent { hash, length, reason } => {
                content.length.push(*length);
                content.hashes.extend_from_slice(hash);
                content.absent.push(*reason as u32);
            }
        }
    }
    // The first entry's time is told from the checkpoint's; all others are usually the same.
    fold(&mut content.kind);
    fold(&mut content.label);
    fold(&mut content.retention);
    fold(&mut content.length);
    columns::fold_deltas(&mut content.created_delta);
    content.indicators = indicators.done();
    match content.indicators {
        Some(_) => fold(&mut content.is_indicator),
        None => content.is_indicator.clear(),
    }
    content
}

const fn padding(length: usize) -> usize {
    length.next_multiple_of(PAD) - length
}

pub(super) fn fold<T: PartialEq>(column: &mut Vec<T>) {
    if column.windows(2).all(|pair| pair[0] == pair[1]) {
        column.truncate(1);
    }
}

fn unfold<T: Copy>(column: &[T], count: usize) -> Result<Vec<T>, Malformed> {
    match column {
        [one] => Ok(vec![*one; count]),
        many if many.len() == count => Ok(many.to_vec()),
        _ => Err(Malformed("a column has not as many values as the batch has entries")),
    }
}

/// What a stream of batch frames says, once a batch is whole.
#[derive(Debug)]
pub enum Assembled {
    /// More frames are to come.
    Part,
    /// A whole batch, not verified yet.
    Batch(LogId, Box<Batch>),
    /// The log starts at this checkpoint, not verified yet.
    Start(Checkpoint),
}

/// Puts the frames of batches together, within bounds. A batch's frames come one after the other.
#[derive(Debug, Default)]
pub struct BatchReader {
    meta: Option<wire::BatchMeta>,
    content: Vec<u8>,
}

impl BatchReader {
    /// Takes the next frame; `audience` tells whether a log is a direct one (`None` for a log that was not asked for).
    ///
    /// # Errors
    /// When the frames are not a batch within its bounds, or of a log that was not asked for.
    pub fn push(&mut self, part: wire::Batch, audience: impl Fn(&LogId) -> Option<Audience>) -> Result<Assembled, Malformed> {
        match (part.meta, &self.meta) {
            (Some(_), Some(_)) => return Err(Malformed("a batch begins before the last one ended")),
            (None, None) => return Err(Malformed("a batch begins without its first part")),
            (Some(meta), None) => {
                if meta.length as usize > CONTENT_BYTES_MAX || meta.count as usize > BATCH_ENTRIES_MAX {
                    return Err(Malformed("the batch is larger than any may be"));
                }
                self.meta = Some(meta);
            }
            (None, Some(_)) => {}
        }
        self.content.extend_from_slice(&part.chunk);
        if self.content.len() > CONTENT_BYTES_MAX {
            return Err(Malformed("the batch is larger than any may be"));
        }
        if !part.last {
            return if part.chunk.is_empty() { Err(Malformed("an empty part of a batch")) } else { Ok(Assembled::Part) };
        }
        let meta = self.meta.take().ok_or(Malformed("a batch begins without its first part"))?;
        let content = std::mem::take(&mut self.content);
        let log = LogId(fixed(&meta.log, "a log id has 32 bytes")?);
        let audience = audience(&log).ok_or(Malformed("a batch of a log that was not asked for"))?;
        let checkpoint = read_checkpoint(log, meta.checkpoint.as_ref().ok_or(Malformed("a batch without checkpoint"))?)?;
        if meta.start {
            return Ok(Assembled::Start(checkpoint));
        }
        let direct = matches!(audience, Audience::Direct(_));
        if direct && meta.zstd {
            return Err(Malformed("a batch of a direct log is not compressed"));
        }
        let content = decompress(&meta, content)?;
        let content = wire::BatchContent::decode(content.as_slice()).map_err(|_| Malformed("not the content of a batch"))?;
        Ok(Assembled::Batch(log, Box::new(from_columns(&meta, content, checkpoint, direct)?)))
    }
}

fn decompress(meta: &wire::BatchMeta, content: Vec<u8>) -> Result<Vec<u8>, Malformed> {
    let content = match meta.zstd {
        true => zstd::bulk::decompress(&content, meta.length as usize).map_err(|_| Malformed("the batch does not decompress"))?,
        false => content,
    };
    if content.len() == meta.length as usize { Ok(content) } else { Err(Malformed("the batch is not as long as it says")) }
}

fn from_columns(meta: &wire::BatchMeta, content: wire::BatchContent, checkpoint: Checkpoint, direct: bool) -> Result<Batch, Malformed> {
    let count = meta.count as usize;
    let kinds = unfold(&content.kind, count)?;
    let labels = unfold(&content.label, count)?;
    let retentions = unfold(&content.retention, count)?;
    let absent = if content.absent.is_empty() { vec![0; count] } else { unfold(&content.absent, count)? };
    let present = absent.iter().filter(|reason| **reason == 0).count();
    let nothing = wire::Indicators::default();
    let (is_indicator, columns) = match (&content.indicators, direct) {
        (Some(columns), false) => (unfold(&content.is_indicator, present)?, columns),
        (None, _) if content.is_indicator.is_empty() => (vec![0; present], &nothing),
        _ => return Err(Malformed("columns of indicators where there are none")),
    };
    if is_indicator.iter().any(|mark| *mark > 1) {
        return Err(Malformed("an unknown mark of an indicator"));
    }
    let rows = is_indicator.iter().filter(|mark| **mark == 1).count();
    let mut indicators = columns::Reader::new(columns, rows)?;
    let mut lengths = unfold(&content.length, count - rows)?.into_iter();
    let mut is_indicator = is_indicator.into_iter();
    let deltas = match content.created_delta.as_slice() {
        [one] => std::iter::once(*one).chain(std::iter::repeat_n(0, count.saturating_sub(1))).collect(),
        many => unfold(many, count)?,
    };
    let mut bodies = content.bodies.as_slice();
    let mut hashes = content.hashes.as_slice();
    let mut created = checkpoint.time.0 as i64;
    let mut room = BATCH_BYTES_MAX;
    let mut entries = Vec::with_capacity(count);
    for at in 0..count {
        created = created.checked_add(deltas[at]).filter(|time| *time >= 0).ok_or(Malformed("a time out of range"))?;
        let body = match absent[at] {
            0 => {
                let body = match is_indicator.next().unwrap_or_default() {
                    1.. => indicators.next(room)?,
                    0 => take_body(&mut bodies, lengths.next().unwrap_or_default() as usize, direct)?,
                };
                room = room.checked_sub(body.len()).ok_or(Malformed("the batch is larger than any may be"))?;
                Body::Present(body)
            }
            reason => {
                let reason =
                    u8::try_from(reason).ok().and_then(AbsentReason::from_number).ok_or(Malformed("an unknown reason of absence"))?;
                Body::Absent { hash: take_hash(&mut hashes)?, length: lengths.next().unwrap_or_default(), reason }
            }
        };
        entries.push(BatchEntry {
            created: Timestamp(created as u64),
            kind: u8::try_from(kinds[at]).map_err(|_| Malformed("an unknown kind of record"))?,
            label: u8::try_from(labels[at]).ok().and_then(Label::from_byte).ok_or(Malformed("an unknown label"))?,
            retention: Timestamp(retentions[at]),
            body,
        });
    }
    if !bodies.is_empty() || !hashes.is_empty() || !indicators.is_done() {
        return Err(Malformed("bytes are left over after the last entry"));
    }
    Ok(Batch { first: meta.first, entries, salts: read_salts(&content)?, checkpoint })
}

fn read_salts(content: &wire::BatchContent) -> Result<Salts, Malformed> {
    if !content.seed.is_empty() {
        if !content.salts.is_empty() {
            return Err(Malformed("a seed beside salts"));
        }
        return Ok(Salts::Seed(fixed(&content.seed, "a seed has 32 bytes")?));
    }
    let chunks = content.salts.chunks_exact(32);
    if !chunks.remainder().is_empty() {
        return Err(Malformed("a salt has 32 bytes"));
    }
    Ok(Salts::Each(chunks.map(|chunk| fixed(chunk, "a salt has 32 bytes")).collect::<Result<_, _>>()?))
}

fn take_body(bodies: &mut &[u8], length: usize, direct: bool) -> Result<Vec<u8>, Malformed> {
    let padded = if direct { length.checked_add(padding(length)) } else { Some(length) };
    let (body, rest) = padded.and_then(|padded| bodies.split_at_checked(padded)).ok_or(Malformed("a body is cut off"))?;
    *bodies = rest;
    let (body, padding) = body.split_at(length);
    // It is not signed: whatever stood there, a relay could have put it there.
    if padding.iter().any(|byte| *byte != 0) {
        return Err(Malformed("a body is filled up with something else than zeros"));
    }
    Ok(body.to_vec())
}

fn take_hash(hashes: &mut &[u8]) -> Result<[u8; 32], Malformed> {
    let (hash, rest) = hashes.split_first_chunk().ok_or(Malformed("a hash is cut off"))?;
    *hashes = rest;
    Ok(*hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::crypto::SigningKey;
    use crate::model::log::Head;
    use crate::model::{GroupId, OrgId, Tlp};
    use crate::rules::label::{Held, Way, outbound};

    fn log(audience: Audience) -> LogKey {
        LogKey { author: OrgId([1; 32]), incarnation: 1, audience }
    }

    fn direct() -> LogKey {
        log(Audience::Direct(OrgId([2; 32])))
    }

    fn batch(log: &LogKey, bodies: &[Vec<u8>]) -> Batch {
        let entries = bodies.iter().enumerate().map(|(at, body)| BatchEntry {
            created: Timestamp(1_000 + at as u64 % 3),
            kind: 1,
            label: Tlp::Green.into(),
            retention: Timestamp(9),
            body: Body::Present(body.clone()),
        });
        Batch::seal(log.id(), Head::default(), entries.collect(), [5; 32], Timestamp(2_000), 0, &SigningKey::from_seed([9; 32])).unwrap()
    }

    fn may(log: &LogKey, batch: &Batch) -> Outbound<Batch> {
        let way = Way {
            log,
            us: &log.author,
            reader: &OrgId([2; 32]),
            group: None,
            joined: 0,
            allowance: crate::rules::policy::Allowance::OPEN,
            now: Timestamp(0),
        };
        outbound(Held(batch.clone()), &way).unwrap()
    }

    fn over_the_wire(log: &LogKey, batch: &Batch) -> Result<Batch, Malformed> {
        read(batch_frames(log, &may(log, batch)), log)
    }

    fn read(frames: Vec<wire::Frame>, log: &LogKey) -> Result<Batch, Malformed> {
        let mut reader = BatchReader::default();
        for frame in frames {
            assert!(frame.encoded_len() <= 64 << 10);
            let Some(wire::frame::Frame::Batch(part)) = frame.frame else { panic!("only batches") };
            if let Assembled::Batch(_, batch) = reader.push(part, |id| (*id == log.id()).then_some(log.audience))? {
                return Ok(*batch);
            }
        }
        Err(Malformed("not whole"))
    }

    #[test]
    fn a_batch_survives_the_wire() {
        let bodies: Vec<Vec<u8>> = (0..1000).map(|n| format!("body {n}").into_bytes()).collect();
        let sent = batch(&direct(), &bodies);
        assert_eq!(over_the_wire(&direct(), &sent), Ok(sent.clone()));
        let thinner = sent.without(|seq| (seq % 7 == 0).then_some(AbsentReason::Recalled));
        assert_eq!(over_the_wire(&direct(), &thinner), Ok(thinner.clone()));
    }

    #[test]
    fn bodies_of_direct_logs_fill_whole_blocks() {
        for (length, sum) in [(1, 512), (512, 512), (513, 1024), (0, 0)] {
            let columns = to_columns(&batch(&direct(), &[vec![b'x'; length]]), true);
            assert_eq!(columns.bodies.len(), sum);
        }
    }

    #[test]
    fn a_batch_that_unpacks_to_more_than_it_says_is_refused() {
        let group = log(Audience::Group(GroupId([3; 32])));
        let bomb = zstd::bulk::compress(&vec![0; 64 << 20], 3).unwrap();
        let checkpoint = batch(&group, &[vec![1]]).checkpoint;
        let meta = |length| wire::BatchMeta {
            log: group.id().0.to_vec(),
            first: 1,
            count: 1,
            length,
            zstd: true,
            checkpoint: Some(wire_checkpoint(&checkpoint)),
            start: false,
        };
        assert_eq!(read(cut(meta(1_000), Bytes::from(bomb.clone())), &group), Err(Malformed("the batch does not decompress")));
        assert_eq!(read(cut(meta(64 << 20), Bytes::from(bomb)), &group), Err(Malformed("the batch is larger than any may be")));
    }

    #[test]
    fn columns_of_indicators_that_no_entry_stands_in_are_refused() {
        let group = log(Audience::Group(GroupId([3; 32])));
        let sent = batch(&group, &[b"not an indicator".to_vec()]);
        let says = |indicators| {
            let content = wire::BatchContent { indicators, is_indicator: vec![0], ..to_columns(&sent, false) }.encode_to_vec();
            let (log, length) = (group.id().0.to_vec(), content.len() as u32);
            let checkpoint = Some(wire_checkpoint(&sent.checkpoint));
            read(cut(wire::BatchMeta { log, first: 1, count: 1, length, checkpoint, ..Default::default() }, Bytes::from(content)), &group)
        };
        assert_eq!(says(Some(wire::Indicators::default())), Ok(sent.clone()));
        for hidden in [
            wire::Indicators { values: b"hidden\0".to_vec(), ..Default::default() },
            wire::Indicators { notes: b"hidden\0".to_vec(), ..Default::default() },
            wire::Indicators { kind: vec![1], ..Default::default() },
        ] {
            assert!(says(Some(hidden.clone())).is_err(), "{hidden:?}");
        }
    }

    #[test]
    fn a_batch_nobody_asked_for_is_refused() {
        let other = LogKey { incarnation: 2, ..direct() };
        let sent = may(&other, &batch(&other, &[vec![1]]));
        assert_eq!(read(batch_frames(&other, &sent), &direct()), Err(Malformed("a batch of a log that was not asked for")));
    }
}
