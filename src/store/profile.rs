//! The rows of profiles.

use super::codec::{Reader, Row, Writer, audience, audience_bytes};
use crate::model::crypto::sha256_framed;
use crate::model::log::{Audience, LogKey};
use crate::model::{OrgId, Timestamp};

/// On the shelf of profiles that were heard: where the newest of an author stands that it wrote for an audience. Ours stand there too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeardProfile {
    /// The log.
    pub key: LogKey,
    /// The position.
    pub seq: u64,
    /// When it came, or, of ours, when it was written.
    pub received: Timestamp,
    /// When it is destroyed; 0 for never.
    pub retention: Timestamp,
    /// The number of its body.
    pub body: u64,
}

/// Under which id it is kept.
pub(super) fn place(author: &OrgId, audience: &Audience) -> [u8; 16] {
    let mut place = [0; 16];
    place.copy_from_slice(&sha256_framed("watchfire/profile-of/v1", &[&author.0, &audience_bytes(audience)])[..16]);
    place
}

impl Row for HeardProfile {
    fn encode(&self) -> Vec<u8> {
        let Self { key: LogKey { author, audience, incarnation }, seq, received, retention, body } = self;
        let row = Writer::default().fixed(&author.0).fixed(&audience_bytes(audience)).u64(*incarnation);
        row.u64(*seq).time(*received).time(*retention).u64(*body).done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let key = LogKey { author: OrgId(row.fixed()?), audience: audience(&row.fixed()?)?, incarnation: row.u64()? };
        let (seq, received, retention, body) = (row.u64()?, row.time()?, row.time()?, row.u64()?);
        row.end(Self { key, seq, received, retention, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let key = LogKey { author: OrgId([1; 32]), audience: Audience::Direct(OrgId([2; 32])), incarnation: 3 };
        let row = HeardProfile { key, seq: 4, received: Timestamp(5), retention: Timestamp(6), body: 7 };
        assert_eq!(HeardProfile::decode(&row.encode()), Some(row));
        assert_ne!(place(&key.author, &key.audience), place(&OrgId([2; 32]), &key.audience));
    }
}
