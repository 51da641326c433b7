//! Logs: append-only, numbered without gaps, hash-chained; one signature covers a whole batch.
//!
//! What can be derived is not sent, so a [`Batch`] carries neither positions nor hashes of present bodies: [`Batch::verify`]
//! derives them and accepts the whole batch or nothing.

use super::crypto::{BadSignature, HmacKey, SigningKey, framed, sha256, sha256_framed, verify_ed25519};
use super::{EntryHash, GroupId, Label, LogId, OrgId, Timestamp};

/// A batch holds at most so many entries.
pub const BATCH_ENTRIES_MAX: usize = 1_000;
/// The bodies of a batch have at most so many bytes together.
pub const BATCH_BYTES_MAX: usize = 1 << 20;
/// One body has at most so many bytes, so that any body fits one frame of a link.
pub const BODY_BYTES_MAX: usize = 48 << 10;

/// Who may hold an item. Nothing has no audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// One organisation.
    Direct(OrgId),
    /// The members of one group.
    Group(GroupId),
}

impl std::fmt::Display for Audience {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Direct(org) => write!(f, "direct:{org}"),
            Self::Group(group) => write!(f, "group:{group}"),
        }
    }
}

/// What makes a log: all that one author releases to one audience in one incarnation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogKey {
    /// The organisation whose signature the log bears.
    pub author: OrgId,
    /// The log's life between restores; a restored node opens a higher one.
    pub incarnation: u64,
    /// Who may hold it.
    pub audience: Audience,
}

impl LogKey {
    /// The log's id: a hash over a context string and the length-prefixed parts.
    pub fn id(&self) -> LogId {
        let (kind, audience) = match &self.audience {
            Audience::Direct(org) => (1u8, &org.0),
            Audience::Group(group) => (2u8, &group.0),
        };
        LogId(sha256_framed("watchfire/log/v1", &[&self.author.0, &self.incarnation.to_be_bytes(), &[kind], audience]))
    }
}

/// One position in a log, kept for ever. 127 bytes, big-endian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The log.
    pub log: LogId,
    /// The position, from 1, without gaps.
    pub seq: u64,
    /// The hash of the header before; all zero at position 1.
    pub prev: EntryHash,
    /// When the author made it, by the author's clock.
    pub created: Timestamp,
    /// The number of a [`super::RecordKind`], perhaps of a newer version.
    pub kind: u8,
    /// The label.
    pub label: Label,
    /// When every holder destroys the body; 0 for never.
    pub retention: Timestamp,
    /// `SHA-256(salt ‖ body)`.
    pub body_hash: [u8; 32],
    /// The body's length in bytes.
    pub body_length: u32,
}

/// The bytes were not an entry header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an entry header of a version that this program reads")]
pub struct BadHeader;

impl Header {
    /// The length of an encoded header in bytes.
    pub const LENGTH: usize = 127;
    /// The first byte of an encoded header.
    pub const VERSION: u8 = 1;

    /// The fixed-width form that is hashed and stored.
    pub fn encode(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        let mut at = 0;
        let mut put = |part: &[u8]| {
            bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        };
        put(&[Self::VERSION]);
        put(&self.log.0);
        put(&self.seq.to_be_bytes());
        put(&self.prev.0);
        put(&self.created.0.to_be_bytes());
        put(&[self.kind, self.label.byte()]);
        put(&self.retention.0.to_be_bytes());
        put(&self.body_hash);
        put(&self.body_length.to_be_bytes());
        bytes
    }

    /// Reads what [`Self::encode`] writes.
    ///
    /// # Errors
    /// When the length, the version or the label is not one that this program knows.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadHeader> {
        let bytes: &[u8; Self::LENGTH] = bytes.try_into().map_err(|_| BadHeader)?;
        let mut rest = &bytes[1..];
        let log = LogId(take(&mut rest));
        let seq = u64::from_be_bytes(take(&mut rest));
        let prev = EntryHash(take(&mut rest));
        let created = Timestamp(u64::from_be_bytes(take(&mut rest)));
        let [kind, label] = take(&mut rest);
        let retention = Timestamp(u64::from_be_bytes(take(&mut rest)));
        let body_hash = take(&mut rest);
        let body_length = u32::from_be_bytes(take(&mut rest));
        if bytes[0] != Self::VERSION {
            return Err(BadHeader);
        }
        let label = Label::from_byte(label).ok_or(BadHeader)?;
        Ok(Self { log, seq, prev, created, kind, label, retention, body_hash, body_length })
    }

    /// The entry's hash, by which messages refer to it.
    pub fn hash(&self) -> EntryHash {
        EntryHash(sha256(&[&self.encode()]))
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let (head, tail) = rest.split_at(N);
    *rest = tail;
    head.try_into().expect("split at N")
}

/// Where a log stands: how many entries, and the hash of the last header. The empty log's head is all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// Number of entries, which is the position of the last one.
    pub size: u64,
    /// The hash of the last header.
    pub hash: EntryHash,
}

#[expect(clippy::derivable_impls, reason = "the macro that makes all identifiers derives no default: for most of them there is none")]
impl Default for EntryHash {
    fn default() -> Self {
        Self([0; 32])
    }
}

/// The author's statement of a log's size and head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log.
    pub log: LogId,
    /// Its size and the hash of its last header.
    pub head: Head,
    /// When it was signed, by the author's clock.
    pub time: Timestamp,
    /// The number of the group definition in force; 0 in direct logs.
    pub definition: u64,
    /// The author's Ed25519 signature over [`Self::signed_bytes`].
    pub signature: [u8; 64],
}

impl Checkpoint {
    /// Signs a log's head.
    pub fn sign(log: LogId, head: Head, time: Timestamp, definition: u64, key: &SigningKey) -> Self {
        let mut checkpoint = Self { log, head, time, definition, signature: [0; 64] };
        checkpoint.signature = key.sign(&checkpoint.signed_bytes());
        checkpoint
    }

    /// The bytes under the signature.
    pub fn signed_bytes(&self) -> Vec<u8> {
        let parts: [&[u8]; 5] =
            [&self.log.0, &self.head.size.to_be_bytes(), &self.head.hash.0, &self.time.0.to_be_bytes(), &self.definition.to_be_bytes()];
        framed("watchfire/checkpoint/v1", &parts)
    }

    /// Checks the signature.
    ///
    /// # Errors
    /// When it is not that key's.
    pub fn verify(&self, author_key: &[u8; 32]) -> Result<(), BadSignature> {
        verify_ed25519(author_key, &self.signed_bytes(), &self.signature)
    }

    /// The one of these keys that signed it.
    pub fn signer(&self, author_keys: &[[u8; 32]]) -> Option<[u8; 32]> {
        let message = self.signed_bytes();
        author_keys.iter().find(|key| verify_ed25519(key, &message, &self.signature).is_ok()).copied()
    }

    /// The same statement under another key of its author's.
    #[must_use]
    pub fn signed_anew(&self, key: &SigningKey) -> Self {
        Self { signature: key.sign(&self.signed_bytes()), ..self.clone() }
    }
}

/// The salt of one position, from the seed of its batch. Counts as key material.
pub fn salt(seed: &[u8; 32], seq: u64) -> [u8; 32] {
    salt_of(&HmacKey::new(seed), seq)
}

fn salt_of(seed: &HmacKey, seq: u64) -> [u8; 32] {
    seed.tag(&[b"watchfire/salt/v1", &seq.to_be_bytes()])
}

/// `SHA-256(salt ‖ body)`.
pub fn body_hash(salt: &[u8; 32], body: &[u8]) -> [u8; 32] {
    sha256(&[salt, body])
}

/// Why a body is not there. Listed, so that it can be asked for elsewhere later; a cursor never hides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum AbsentReason {
    /// It was recalled and destroyed.
    Recalled = 1,
    /// Its retention date has passed.
    Expired = 2,
    /// This holder has it and may not pass it on.
    Withheld = 3,
    /// This holder never had it.
    NeverHeld = 4,
}

impl AbsentReason {
    /// The reason with that number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Recalled),
            2 => Some(Self::Expired),
            3 => Some(Self::Withheld),
            4 => Some(Self::NeverHeld),
            _ => None,
        }
    }
}

/// A body, or what stands in its place.
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    /// The record, exactly as its author encoded it.
    Present(Vec<u8>),
    /// Its hash and length, and why it is not there.
    Absent {
        /// `SHA-256(salt ‖ body)`.
        hash: [u8; 32],
        /// The length it had.
        length: u32,
        /// Why it is not there.
        reason: AbsentReason,
    },
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Present(bytes) => write!(f, "Present({} bytes)", bytes.len()),
            Self::Absent { reason, .. } => write!(f, "Absent({reason:?})"),
        }
    }
}

/// An entry without what can be derived from its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchEntry {
    /// See [`Header::created`].
    pub created: Timestamp,
    /// See [`Header::kind`].
    pub kind: u8,
    /// See [`Header::label`].
    pub label: Label,
    /// See [`Header::retention`].
    pub retention: Timestamp,
    /// The body, or what stands in its place.
    pub body: Body,
}

/// How a batch's salts travel and are kept.
#[derive(Clone, PartialEq, Eq)]
pub enum Salts {
    /// The seed of them all: only while every body is present.
    Seed([u8; 32]),
    /// Those of the present bodies, in order: once one was destroyed the seed must not be kept.
    Each(Vec<[u8; 32]>),
}

impl std::fmt::Debug for Salts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Seed(_) => f.write_str("Seed"),
            Self::Each(salts) => write!(f, "Each({})", salts.len()),
        }
    }
}

/// Consecutive entries under one checkpoint: the unit of signing, sending, relaying and credit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The position of the first entry.
    pub first: u64,
    /// The entries; never empty.
    pub entries: Vec<BatchEntry>,
    /// Their salts.
    pub salts: Salts,
    /// The author's checkpoint at the last of them.
    pub checkpoint: Checkpoint,
}

/// An entry whose place in its author's log is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The whole header.
    pub header: Header,
    /// The body, or what stands in its place.
    pub body: Body,
    /// The salt; `None` where the body is absent.
    pub salt: Option<[u8; 32]>,
}

/// Why a batch is not its author's. Nothing of such a batch is stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// No entries, or more than [`BATCH_ENTRIES_MAX`].
    #[error("a batch has 1 to 1000 entries, not {0}")]
    Count(usize),
    /// A body or all of them are too long.
    #[error("the bodies of a batch have at most 1 MiB together and 48 KiB each")]
    TooLong,
    /// It does not begin where the log ends.
    #[error("the batch begins at position {first}, but {expected} is next")]
    Gap {
        /// Where it begins.
        first: u64,
        /// Where it should.
        expected: u64,
    },
    /// A checkpoint of another log or size.
    #[error("the checkpoint is of another log or size")]
    OtherCheckpoint,
    /// The salts do not fit the present bodies.
    #[error("the salts do not fit the bodies that are present")]
    Salts,
    /// The chain of headers does not end in the checkpoint's head.
    #[error("the chain of headers does not lead to the signed head")]
    Chain,
    /// The signature is not the author's.
    #[error("the checkpoint is not signed by the log's author")]
    Signature,
}

impl Batch {
    /// Chains and signs entries that follow `head`. The author's side.
    ///
    /// # Errors
    /// When there are too many, none, or their bodies are too long.
    pub fn seal(
        log: LogId,
        head: Head,
        entries: Vec<BatchEntry>,
        seed: [u8; 32],
        time: Timestamp,
        definition: u64,
        key: &SigningKey,
    ) -> Result<Self, BatchError> {
        Self::seal_with_headers(log, head, entries, seed, time, definition, key).map(|(batch, _)| batch)
    }

    /// As [`Self::seal`], with the headers of the entries.
    ///
    /// # Errors
    /// As [`Self::seal`].
    pub fn seal_with_headers(
        log: LogId,
        head: Head,
        entries: Vec<BatchEntry>,
        seed: [u8; 32],
        time: Timestamp,
        definition: u64,
        key: &SigningKey,
    ) -> Result<(Self, Vec<Header>), BatchError> {
        let unsigned = Checkpoint { log, head: Head::default(), time, definition, signature: [0; 64] };
        let mut batch = Self { first: head.size + 1, entries, salts: Salts::Seed(seed), checkpoint: unsigned };
        let headers = batch.headers(log, head)?;
        let last = headers.last().map(|header| Head { size: header.seq, hash: header.hash() });
        batch.checkpoint = Checkpoint::sign(log, last.ok_or(BatchError::Count(0))?, time, definition, key);
        Ok((batch, headers))
    }

    /// Checks that these are the entries that follow `head` in the author's log, and returns their headers.
    ///
    /// # Errors
    /// When anything does not fit; then nothing of the batch may be kept.
    pub fn verify(&self, log: LogId, head: Head, author_key: &[u8; 32]) -> Result<Vec<Header>, BatchError> {
        if self.checkpoint.log != log || self.checkpoint.head.size != self.first.saturating_add(self.entries.len() as u64).wrapping_sub(1) {
            return Err(BatchError::OtherCheckpoint);
        }
        let headers = self.headers(log, head)?;
        if headers.last().ok_or(BatchError::Count(0))?.hash() != self.checkpoint.head.hash {
            return Err(BatchError::Chain);
        }
        self.checkpoint.verify(author_key).map_err(|_| BatchError::Signature)?;
        Ok(headers)
    }

    /// The headers of the entries if they follow `head`, whether that is signed or not.
    ///
    /// # Errors
    /// When the batch does not follow `head` or breaks a bound.
    pub fn headers(&self, log: LogId, head: Head) -> Result<Vec<Header>, BatchError> {
        self.check_bounds()?;
        if self.first != head.size + 1 {
            return Err(BatchError::Gap { first: self.first, expected: head.size + 1 });
        }
        let mut salts = self.salts_in_order()?.into_iter();
        let mut prev = head.hash;
        let mut headers = Vec::with_capacity(self.entries.len());
        for (entry, seq) in self.entries.iter().zip(self.first..) {
            let (hash, length) = match &entry.body {
                Body::Present(body) => {
                    let salt = salts.next().ok_or(BatchError::Salts)?;
                    (body_hash(&salt, body), u32::try_from(body.len()).map_err(|_| BatchError::TooLong)?)
                }
                Body::Absent { hash, length, .. } => (*hash, *length),
            };
            let BatchEntry { created, kind, label, retention, .. } = *entry;
            let header = Header { log, seq, prev, created, kind, label, retention, body_hash: hash, body_length: length };
            prev = header.hash();
            headers.push(header);
        }
        Ok(headers)
    }

    /// Bytes of the bodies that are there.
    pub fn body_bytes(&self) -> u64 {
        self.entries.iter().map(|entry| if let Body::Present(body) = &entry.body { body.len() as u64 } else { 0 }).sum()
    }

    fn check_bounds(&self) -> Result<(), BatchError> {
        if self.entries.is_empty() || self.entries.len() > BATCH_ENTRIES_MAX {
            return Err(BatchError::Count(self.entries.len()));
        }
        let mut total = 0;
        for entry in &self.entries {
            if let Body::Present(body) = &entry.body {
                total += body.len();
                if body.len() > BODY_BYTES_MAX || total > BATCH_BYTES_MAX {
                    return Err(BatchError::TooLong);
                }
            }
        }
        Ok(())
    }

    fn salts_in_order(&self) -> Result<Vec<[u8; 32]>, BatchError> {
        let present = self.entries.iter().zip(self.first..).filter(|(entry, _)| matches!(entry.body, Body::Present(_)));
        match &self.salts {
            Salts::Seed(seed) => {
                let seed = HmacKey::new(seed);
                let salts: Vec<_> = present.map(|(_, seq)| salt_of(&seed, seq)).collect();
                if salts.len() == self.entries.len() { Ok(salts) } else { Err(BatchError::Salts) }
            }
            Salts::Each(salts) if salts.len() == present.count() => Ok(salts.clone()),
            Salts::Each(_) => Err(BatchError::Salts),
        }
    }

    /// The batch without some bodies: their hashes stand in their place, and the seed gives way to the salts of the rest.
    pub fn without(&self, drop: impl Fn(u64) -> Option<AbsentReason>) -> Self {
        let mut salts = self.salts_in_order().unwrap_or_default().into_iter();
        let mut kept = Vec::new();
        let mut entries = self.entries.clone();
        let mut dropped = false;
        for (entry, seq) in entries.iter_mut().zip(self.first..) {
            let Body::Present(body) = &entry.body else { continue };
            match (drop(seq), salts.next()) {
                // What is to be dropped goes even where its salt is missing: then nobody can check the batch, and nobody learns more.
                (Some(reason), salt) => {
                    let length = body.len() as u32;
                    entry.body = Body::Absent { hash: body_hash(&salt.unwrap_or_default(), body), length, reason };
                    dropped = true;
                }
                (None, salt) => kept.extend(salt),
            }
        }
        if !dropped {
            return self.clone();
        }
        Self { first: self.first, entries, salts: Salts::Each(kept), checkpoint: self.checkpoint.clone() }
    }
}

/// One history of a log from a position on: what its author signed, and the headers that lead there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Position and hash of the header that the branch starts from.
    pub from: Head,
    /// The headers after it, up to the checkpoint's size; none when the checkpoint is of that very size.
    pub headers: Vec<Header>,
    /// The author's signature over the branch's end.
    pub checkpoint: Checkpoint,
}

impl Branch {
    /// Whether the headers lead from the start to the head that the author signed, with any of these keys.
    pub fn holds(&self, author_keys: &[[u8; 32]]) -> bool {
        let mut at = self.from;
        for header in &self.headers {
            if header.log != self.checkpoint.log || header.seq != at.size + 1 || header.prev != at.hash {
                return false;
            }
            at = Head { size: header.seq, hash: header.hash() };
        }
        at == self.checkpoint.head && self.checkpoint.signer(author_keys).is_some()
    }
}

/// Proof that an author signed two histories of one log: two branches from one position with different hashes there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Equivocation {
    /// One history.
    pub one: Branch,
    /// The other.
    pub other: Branch,
}

impl Equivocation {
    /// The proof, if these two branches are one. Time alone never is. Each may be signed with any of the author's keys: whoever changes
    /// its key after a fork hides nothing.
    pub fn prove(one: Branch, other: Branch, author_keys: &[[u8; 32]]) -> Option<Self> {
        let contradict = one.checkpoint.log == other.checkpoint.log && one.from.size == other.from.size && one.from.hash != other.from.hash;
        (contradict && one.holds(author_keys) && other.holds(author_keys)).then_some(Self { one, other })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Tlp;

    fn key() -> SigningKey {
        SigningKey::from_seed([9; 32])
    }

    fn log() -> LogId {
        LogKey { author: OrgId([1; 32]), incarnation: 1, audience: Audience::Direct(OrgId([2; 32])) }.id()
    }

    fn entry(body: &str) -> BatchEntry {
        let body = Body::Present(body.as_bytes().to_vec());
        BatchEntry { created: Timestamp(1_000), kind: 1, label: Tlp::Green.into(), retention: Timestamp(0), body }
    }

    fn sealed(head: Head, bodies: &[&str]) -> Batch {
        Batch::seal(log(), head, bodies.iter().map(|body| entry(body)).collect(), [5; 32], Timestamp(2_000), 0, &key()).unwrap()
    }

    #[test]
    fn a_header_survives_its_bytes() {
        let header = sealed(Head::default(), &["a"]).headers(log(), Head::default()).unwrap().remove(0);
        assert_eq!(Header::decode(&header.encode()), Ok(header.clone()));
        let mut newer = header.encode();
        newer[0] = 2;
        assert_eq!(Header::decode(&newer), Err(BadHeader));
    }

    #[test]
    fn batches_chain_and_verify_one_after_the_other() {
        let first = sealed(Head::default(), &["a", "b"]);
        let second = sealed(first.checkpoint.head, &["c"]);
        assert_eq!(first.verify(log(), Head::default(), &key().public()).unwrap().len(), 2);
        assert_eq!(second.verify(log(), first.checkpoint.head, &key().public()).unwrap()[0].seq, 3);
        assert_eq!(second.verify(log(), Head::default(), &key().public()), Err(BatchError::Gap { first: 3, expected: 1 }));
    }

    #[test]
    fn any_change_to_a_batch_is_found() {
        let good = sealed(Head::default(), &["a", "b"]);
        let verify = |batch: &Batch| batch.verify(log(), Head::default(), &key().public()).map(|_| ());
        let changed = |change: &dyn Fn(&mut Batch)| {
            let mut batch = good.clone();
            change(&mut batch);
            verify(&batch)
        };
        assert_eq!(verify(&good), Ok(()));
        assert_eq!(changed(&|batch| batch.entries[0].body = Body::Present(b"x".to_vec())), Err(BatchError::Chain));
        assert_eq!(changed(&|batch| batch.entries[1].label = Tlp::Clear.into()), Err(BatchError::Chain));
        assert_eq!(changed(&|batch| batch.entries[0].created = Timestamp(1)), Err(BatchError::Chain));
        assert_eq!(changed(&|batch| batch.entries.swap(0, 1)), Err(BatchError::Chain));
        assert_eq!(changed(&|batch| batch.salts = Salts::Seed([6; 32])), Err(BatchError::Chain));
        assert_eq!(changed(&|batch| batch.salts = Salts::Each(vec![])), Err(BatchError::Salts));
        assert_eq!(changed(&|batch| batch.checkpoint.time = Timestamp(1)), Err(BatchError::Signature));
        assert_eq!(changed(&|batch| batch.checkpoint.definition = 1), Err(BatchError::Signature));
        assert_eq!(changed(&|batch| drop(batch.entries.pop())), Err(BatchError::OtherCheckpoint));
        assert_eq!(changed(&|batch| batch.checkpoint.log = LogId([0; 32])), Err(BatchError::OtherCheckpoint));
        assert_eq!(good.verify(log(), Head::default(), &SigningKey::from_seed([1; 32]).public()), Err(BatchError::Signature));
    }

    #[test]
    fn a_batch_without_a_body_still_verifies_and_gives_up_its_seed() {
        let batch = sealed(Head::default(), &["a", "secret", "c"]);
        let thinner = batch.without(|seq| (seq == 2).then_some(AbsentReason::Recalled));
        assert!(matches!(&thinner.salts, Salts::Each(salts) if salts.len() == 2));
        assert!(thinner.verify(log(), Head::default(), &key().public()).is_ok());
        assert!(matches!(thinner.entries[1].body, Body::Absent { reason: AbsentReason::Recalled, .. }));
        let thinnest = thinner.without(|seq| (seq == 1).then_some(AbsentReason::Expired));
        assert!(thinnest.verify(log(), Head::default(), &key().public()).is_ok());
    }

    #[test]
    fn a_batch_beyond_its_bounds_is_refused() {
        let many = vec![entry("x"); BATCH_ENTRIES_MAX + 1];
        let seal = |entries| Batch::seal(log(), Head::default(), entries, [5; 32], Timestamp(0), 0, &key()).map(|_| ());
        assert_eq!(seal(many), Err(BatchError::Count(1001)));
        assert_eq!(seal(vec![]), Err(BatchError::Count(0)));
        assert_eq!(seal(vec![entry(&"x".repeat(BODY_BYTES_MAX + 1))]), Err(BatchError::TooLong));
        assert_eq!(seal(vec![entry(&"x".repeat(BODY_BYTES_MAX)); 22]), Err(BatchError::TooLong));
    }

    fn branch(batch: &Batch, before: Head, from: u64) -> Branch {
        let headers = batch.headers(log(), before).unwrap();
        let hash = headers.iter().find(|header| header.seq == from).map_or(before.hash, Header::hash);
        let headers = headers.into_iter().filter(|header| header.seq > from).collect();
        Branch { from: Head { size: from, hash }, headers, checkpoint: batch.checkpoint.clone() }
    }

    #[test]
    fn two_heads_of_one_size_are_proof_but_two_times_are_not() {
        let (one, other) = (sealed(Head::default(), &["a"]), sealed(Head::default(), &["b", "c"]));
        let prove = |one: &Branch, other: &Branch| Equivocation::prove(one.clone(), other.clone(), &[key().public()]).is_some();
        let (one, other) = (branch(&one, Head::default(), 1), branch(&other, Head::default(), 1));
        assert!(prove(&one, &other), "the second is longer, and its headers lead back to the fork");
        let later = Branch { checkpoint: Checkpoint::sign(log(), one.from, Timestamp(9_999), 0, &key()), ..one.clone() };
        assert!(!prove(&one, &later));
        let mut forged = other.clone();
        forged.checkpoint.signature = [0; 64];
        assert!(!prove(&one, &forged));
        let mut cut = other;
        cut.headers.clear();
        assert!(!prove(&one, &cut));
    }

    #[test]
    fn a_change_of_key_hides_no_second_history() {
        let (new, at) = (SigningKey::from_seed([4; 32]), Head::default());
        let (one, other) = (branch(&sealed(at, &["a"]), at, 1), branch(&sealed(at, &["b"]), at, 1));
        let resigned = Branch { checkpoint: other.checkpoint.signed_anew(&new), ..other };
        let prove = |keys: &[[u8; 32]]| Equivocation::prove(one.clone(), resigned.clone(), keys).is_some();
        assert!(prove(&[new.public(), key().public()]));
        assert!(!prove(&[key().public()]) && !prove(&[new.public()]));
        assert_eq!(resigned.checkpoint.signer(&[key().public(), new.public()]), Some(new.public()));
    }

    #[test]
    fn the_log_id_tells_apart_author_incarnation_and_audience() {
        let base = LogKey { author: OrgId([1; 32]), incarnation: 1, audience: Audience::Direct(OrgId([2; 32])) };
        let others = [
            LogKey { author: OrgId([3; 32]), ..base },
            LogKey { incarnation: 2, ..base },
            LogKey { audience: Audience::Group(GroupId([2; 32])), ..base },
        ];
        assert!(others.iter().all(|other| other.id() != base.id()));
    }
}

#[cfg(test)]
mod texts {
    use super::*;

    #[test]
    fn why_a_batch_is_not_its_authors_is_told() {
        let cases = [
            (BatchError::Count(0), "a batch has 1 to 1000 entries, not 0"),
            (BatchError::TooLong, "the bodies of a batch have at most 1 MiB together and 48 KiB each"),
            (BatchError::Gap { first: 7, expected: 3 }, "the batch begins at position 7, but 3 is next"),
            (BatchError::OtherCheckpoint, "the checkpoint is of another log or size"),
            (BatchError::Salts, "the salts do not fit the bodies that are present"),
            (BatchError::Chain, "the chain of headers does not lead to the signed head"),
            (BatchError::Signature, "the checkpoint is not signed by the log's author"),
        ];
        crate::texts::all_say(include_str!("log.rs"), "BatchError", &cases);
    }
}
