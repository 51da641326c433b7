//! How rows are written: fixed-width big-endian numbers, fixed byte strings, and byte strings with a 4-byte length before them.
//!
//! Reading never trusts a row: whatever does not fit is `None`, which becomes [`super::Damaged`] naming table and key.

use crate::model::log::{Audience, Branch, Checkpoint, Head, Header};
use crate::model::{EntryHash, GroupId, LogId, OrgId, Timestamp};

/// A row of one table.
pub(super) trait Row: Sized {
    /// The bytes that are stored.
    fn encode(&self) -> Vec<u8>;
    /// Reads what [`Self::encode`] writes; `None` when it is not that.
    fn decode(bytes: &[u8]) -> Option<Self>;
}

/// Writes a row.
#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    pub(super) fn u32(self, value: u32) -> Self {
        self.fixed(&value.to_be_bytes())
    }

    pub(super) fn u64(self, value: u64) -> Self {
        self.fixed(&value.to_be_bytes())
    }

    pub(super) fn time(self, value: Timestamp) -> Self {
        self.u64(value.0)
    }

    pub(super) fn fixed(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// At most 4 GiB, which every bound of ours is far below.
    pub(super) fn bytes(self, bytes: &[u8]) -> Self {
        self.u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX)).fixed(bytes)
    }

    pub(super) fn option<T>(self, value: Option<T>, write: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => write(self.u8(1), value),
            None => self.u8(0),
        }
    }

    pub(super) fn audience(self, audience: &Audience) -> Self {
        self.fixed(&audience_bytes(audience))
    }

    pub(super) fn checkpoint(self, checkpoint: &Checkpoint) -> Self {
        let Checkpoint { log, head, time, definition, signature } = checkpoint;
        self.fixed(&log.0).u64(head.size).fixed(&head.hash.0).time(*time).u64(*definition).fixed(signature)
    }

    pub(super) fn branch(self, branch: &Branch) -> Self {
        let Branch { from, headers, checkpoint } = branch;
        let headers: Vec<u8> = headers.iter().flat_map(Header::encode).collect();
        self.u64(from.size).fixed(&from.hash.0).bytes(&headers).checkpoint(checkpoint)
    }

    pub(super) fn done(self) -> Vec<u8> {
        self.0
    }
}

/// Reads a row.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn fixed<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk()?;
        self.0 = tail;
        Some(*head)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.fixed().map(u8::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.fixed().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.fixed().map(u64::from_be_bytes)
    }

    pub(super) fn time(&mut self) -> Option<Timestamp> {
        self.u64().map(Timestamp)
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u32()?).ok()?;
        let (head, tail) = self.0.split_at_checked(length)?;
        self.0 = tail;
        Some(head)
    }

    pub(super) fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?.to_vec()).ok()
    }

    pub(super) fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.u8()? {
            0 => Some(None),
            1 => read(self).map(Some),
            _ => None,
        }
    }

    pub(super) fn audience(&mut self) -> Option<Audience> {
        audience(&self.fixed()?)
    }

    pub(super) fn checkpoint(&mut self) -> Option<Checkpoint> {
        let log = LogId(self.fixed()?);
        let head = Head { size: self.u64()?, hash: EntryHash(self.fixed()?) };
        Some(Checkpoint { log, head, time: self.time()?, definition: self.u64()?, signature: self.fixed()? })
    }

    pub(super) fn branch(&mut self) -> Option<Branch> {
        let from = Head { size: self.u64()?, hash: EntryHash(self.fixed()?) };
        let headers = self.bytes()?.chunks(Header::LENGTH).map(|bytes| Header::decode(bytes).ok()).collect::<Option<_>>()?;
        Some(Branch { from, headers, checkpoint: self.checkpoint()? })
    }

    /// The value, if nothing is left over.
    pub(super) fn end<T>(self, value: T) -> Option<T> {
        self.0.is_empty().then_some(value)
    }
}

/// An audience as a key: its kind (1 direct, 2 group) and its id.
pub(super) fn audience_bytes(audience: &Audience) -> [u8; 33] {
    let (kind, id) = match audience {
        Audience::Direct(org) => (1, &org.0),
        Audience::Group(group) => (2, &group.0),
    };
    let mut bytes = [kind; 33];
    bytes[1..].copy_from_slice(id);
    bytes
}

/// Reads what [`audience_bytes`] writes.
pub(super) fn audience(bytes: &[u8; 33]) -> Option<Audience> {
    let id = bytes[1..].try_into().ok()?;
    match bytes[0] {
        1 => Some(Audience::Direct(OrgId(id))),
        2 => Some(Audience::Group(GroupId(id))),
        _ => None,
    }
}
