//! What was met of which entry: each reporter's newest word, beside where that word itself stands.

use super::codec::{Reader, Row, Writer};
use crate::model::crypto::sha256_framed;
use crate::model::sighting::{SightingType, Tag};
use crate::model::{GroupId, Label, LogId, OrgId, Timestamp};
use crate::rules::sighting::{Reporter, Word};

/// So many words are kept about one entry; of further ones how many there were.
pub(super) const KEPT_MAX: usize = 100;
/// Of these so many are of members whose names a head keeps: how many those are, nobody else can check.
pub(super) const PASSED_ON_MAX: usize = 50;
/// What is met of a log may be ahead of what is held of it by so many positions.
pub(super) const AHEAD_MAX: u64 = 10_000;

/// One word about one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SightingRow {
    /// The log that holds the entry.
    pub log: LogId,
    /// Its position.
    pub seq: u64,
    /// Who says it; of a member's word, the head that passed it on.
    pub reporter: OrgId,
    /// Where it is a member's word: of which group, and what stands for the member.
    pub member: Option<(GroupId, Tag)>,
    /// What.
    pub what: SightingType,
    /// How often it was met.
    pub count: u32,
    /// When first.
    pub first: Timestamp,
    /// When last.
    pub last: Timestamp,
    /// When it was said, by its reporter's clock.
    pub told: Timestamp,
    /// The label of the word.
    pub label: Label,
    /// When the word is destroyed; 0 for never.
    pub retention: Timestamp,
    /// The word's own log and position; `None` while it is ours and was not seen in our log: it goes when we take it back.
    pub place: Option<(LogId, u64)>,
}

/// Under which ids the words about an entry stand: all begin so.
pub(super) fn beginning(log: &LogId, seq: u64) -> [u8; 8] {
    let hash = sha256_framed("watchfire/sighting/v1", &[&log.0, &seq.to_be_bytes()]);
    std::array::from_fn(|at| hash[at])
}

impl SightingRow {
    /// Under which id it stands: one for each entry, reporter and type.
    pub fn id(&self) -> [u8; 16] {
        let tag = self.member.map(|(_, tag)| tag);
        let parts: [&[u8]; 3] = [&self.reporter.0, &[self.what.number()], tag.as_ref().map_or(&[], |tag| tag.as_slice())];
        let (of, by) = (beginning(&self.log, self.seq), sha256_framed("watchfire/sighting-by/v1", &parts));
        std::array::from_fn(|at| if at < 8 { of[at] } else { by[at - 8] })
    }

    /// As the rules weigh it.
    pub fn word(&self) -> Word {
        let by = self.member.map_or(Reporter::Org(self.reporter), |(group, tag)| Reporter::Member(group, tag));
        Word { by, what: self.what, count: self.count, last: self.last, told: self.told }
    }
}

impl Row for SightingRow {
    fn encode(&self) -> Vec<u8> {
        let Self { log, seq, reporter, member, what, count, first, last, told, label, retention, place } = self;
        Writer::default()
            .fixed(&log.0)
            .u64(*seq)
            .fixed(&reporter.0)
            .option(*member, |row, (group, tag)| row.fixed(&group.0).fixed(&tag))
            .u8(what.number())
            .u32(*count)
            .time(*first)
            .time(*last)
            .time(*told)
            .u8(label.byte())
            .time(*retention)
            .option(*place, |row, (log, seq)| row.fixed(&log.0).u64(seq))
            .done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let (log, seq, reporter) = (LogId(row.fixed()?), row.u64()?, OrgId(row.fixed()?));
        let member = row.option(|row| Some((GroupId(row.fixed()?), row.fixed()?)))?;
        let (what, count) = (SightingType::from_number(row.u8()?)?, row.u32()?);
        let (first, last, told) = (row.time()?, row.time()?, row.time()?);
        let (label, retention) = (Label::from_byte(row.u8()?)?, row.time()?);
        let place = row.option(|row| Some((LogId(row.fixed()?), row.u64()?)))?;
        row.end(Self { log, seq, reporter, member, what, count, first, last, told, label, retention, place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Tlp;

    #[test]
    fn a_row_is_read_as_it_was_written_and_stands_with_its_entrys() {
        let [first, last, told, retention] = [5, 6, 7, 8].map(Timestamp);
        let (label, place) = (Tlp::AmberStrict.into(), Some((LogId([4; 32]), 9)));
        let row = SightingRow {
            log: LogId([1; 32]),
            seq: 2,
            reporter: OrgId([3; 32]),
            member: Some((GroupId([5; 32]), [6; 8])),
            what: SightingType::Seen,
            count: 3,
            first,
            last,
            told,
            label,
            retention,
            place,
        };
        for row in [row.clone(), SightingRow { member: None, place: None, ..row.clone() }] {
            assert_eq!(SightingRow::decode(&row.encode()), Some(row.clone()));
            assert_eq!(SightingRow::decode(&row.encode()[1..]), None);
        }
        assert_eq!(row.id()[..8], beginning(&row.log, 2));
        let others = [
            SightingRow { seq: 3, ..row.clone() },
            SightingRow { reporter: OrgId([4; 32]), ..row.clone() },
            SightingRow { what: SightingType::Expired, ..row.clone() },
            SightingRow { member: Some((GroupId([5; 32]), [7; 8])), ..row.clone() },
        ];
        assert!(others.iter().all(|other| other.id() != row.id()));
        assert_eq!(SightingRow { count: 9, told: last, ..row.clone() }.id(), row.id(), "a later word replaces it");
    }
}
