//! The board: where records stand that are few and looked at together, such as calls for help and who answers them.

use super::codec::{Reader, Row, Writer};
use crate::model::crypto::sha256_framed;
use crate::model::log::LogKey;
use crate::model::{Label, LogId, OrgId, Timestamp};

/// One author has so many records on the board at a time. A log is read all the same; what is more is in the log and not on the board.
pub(super) const POSTED_MAX: usize = 1_000;

/// Where a record stands that is on the board. Ours stand there too, once they have a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posted {
    /// The log.
    pub key: LogKey,
    /// The position.
    pub seq: u64,
    /// The number of its kind.
    pub kind: u8,
    /// The label.
    pub label: Label,
    /// When its author wrote it, by its clock.
    pub created: Timestamp,
    /// When it came, or, of ours, when it was written.
    pub received: Timestamp,
    /// When it is destroyed; 0 for never.
    pub retention: Timestamp,
    /// The number of its body.
    pub body: u64,
}

/// Under which ids an author's stand: all begin so.
pub(super) fn beginning(author: &OrgId) -> [u8; 8] {
    let mut beginning = [0; 8];
    beginning.copy_from_slice(&author.0[..8]);
    beginning
}

/// Under which id one stands. An author that finds two positions with one id has hidden one of its own.
pub(super) fn place(author: &OrgId, log: &LogId, seq: u64) -> [u8; 16] {
    let mut place = [0; 16];
    place[..8].copy_from_slice(&beginning(author));
    place[8..].copy_from_slice(&sha256_framed("watchfire/posted/v1", &[&log.0, &seq.to_be_bytes()])[..8]);
    place
}

impl Row for Posted {
    fn encode(&self) -> Vec<u8> {
        let Self { key: LogKey { author, audience, incarnation }, seq, kind, label, created, received, retention, body } = self;
        let row = Writer::default().fixed(&author.0).audience(audience).u64(*incarnation).u64(*seq).u8(*kind).u8(label.byte());
        row.time(*created).time(*received).time(*retention).u64(*body).done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let key = LogKey { author: OrgId(row.fixed()?), audience: row.audience()?, incarnation: row.u64()? };
        let (seq, kind, label) = (row.u64()?, row.u8()?, Label::from_byte(row.u8()?)?);
        let (created, received, retention, body) = (row.time()?, row.time()?, row.time()?, row.u64()?);
        row.end(Self { key, seq, kind, label, created, received, retention, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::log::Audience;
    use crate::model::{GroupId, Tlp};

    #[test]
    fn a_row_is_read_as_it_was_written_and_stands_with_its_authors() {
        let key = LogKey { author: OrgId([1; 32]), audience: Audience::Group(GroupId([2; 32])), incarnation: 3 };
        let [created, received, retention] = [5, 6, 7].map(Timestamp);
        let row = Posted { key, seq: 4, kind: 12, label: Tlp::Amber.into(), created, received, retention, body: 8 };
        assert_eq!(Posted::decode(&row.encode()), Some(row));
        assert_eq!(Posted::decode(&row.encode()[1..]), None);
        let places = [place(&key.author, &key.id(), 4), place(&key.author, &key.id(), 5), place(&OrgId([9; 32]), &key.id(), 4)];
        assert!(places[0] != places[1] && places[0] != places[2]);
        assert!(places[..2].iter().all(|place| place[..8] == beginning(&key.author)));
    }
}
