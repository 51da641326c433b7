//! What was met of entries: kept by what it is about, each reporter's newest word of each type.

use super::{Applied, Log, Tx};
use crate::model::log::Header;
use crate::model::sighting::{Sighting, SightingType};
use crate::model::{GroupId, LogId, RecordKind, Timestamp};
use crate::rules::statistics::{Event, Way};
use crate::store::change::{Outcome, Shelf};
use crate::store::codec::{Reader, Row, Writer};
use crate::store::error::Fault;
use crate::store::find;
use crate::store::rows::EntryRow;
use crate::store::sighting::{AHEAD_MAX, KEPT_MAX, PASSED_ON_MAX, SightingRow, beginning};
use redb::ReadableTable;

/// What became of a word.
#[derive(PartialEq, Eq)]
enum Put {
    New,
    Known,
    Beyond,
}

impl Tx<'_> {
    /// Words of ours.
    pub(super) fn sighted(&mut self, rows: &[SightingRow]) -> Applied<Outcome> {
        let mut new = None;
        for row in rows {
            // Ours are never too many: somebody here typed them.
            if self.t.shelves.insert((Shelf::Sighting as u8, &row.id()), row.encode().as_slice())?.is_none() {
                // Of a feed's nobody is told.
                let about = self.log(&row.log)?;
                new = new.or(about.filter(|log| !log.row.key.author.is_feed()).map(|_| (row.what, row.told)));
            }
        }
        if let Some((what, told)) = new {
            self.tally_sighting(Way::Out, what, told);
        }
        Ok(Outcome::Done)
    }

    /// A word that came. `false` where some of it is not kept: the log is not held, or too many speak of an entry.
    pub(super) fn hear_sighting(&mut self, log: &Log, header: &Header, sighting: &Sighting, member: Option<GroupId>) -> Applied<bool> {
        let Some(about) = self.log(&sighting.log)? else { return Ok(false) };
        let (mut all, mut new) = (true, false);
        for seq in &sighting.seqs {
            if !self.may_be_met(&about, *seq)? {
                continue;
            }
            let row = SightingRow {
                log: sighting.log,
                seq: *seq,
                reporter: log.row.key.author,
                member: member.zip(sighting.passed_on),
                what: sighting.what,
                count: sighting.count,
                first: sighting.first,
                last: sighting.last,
                told: header.created,
                label: header.label,
                retention: header.retention,
                place: Some((log.id, header.seq)),
            };
            let put = self.put_sighting(&row)?;
            (all, new) = (all && put != Put::Beyond, new || put == Put::New);
        }
        if new {
            let way = if log.row.key.author == self.us { Way::Out } else { Way::In };
            self.tally_sighting(way, sighting.what, header.created);
        }
        Ok(all)
    }

    /// An indicator that is held, or an entry that is still to come.
    fn may_be_met(&self, log: &Log, seq: u64) -> Applied<bool> {
        let entry: Option<EntryRow> = find::row::<_, _, Fault>(&self.t.entries, "entries", (log.no, seq))?;
        let (from, most) = (log.row.head.size, log.row.head.size.saturating_add(AHEAD_MAX));
        Ok(match entry {
            Some(entry) => entry.body.is_ok() && entry.kind == RecordKind::Indicator.number(),
            None => seq > from && seq <= most,
        })
    }

    fn put_sighting(&mut self, row: &SightingRow) -> Applied<Put> {
        let (shelf, id) = (Shelf::Sighting as u8, row.id());
        let known = self.t.shelves.get((shelf, &id))?.map(|bytes| bytes.value().to_vec());
        if let Some(bytes) = known {
            let known: SightingRow = find::decoded("shelves", &id, &bytes)?;
            let place = |row: &SightingRow| row.place.map(|(_, seq)| seq);
            if (row.told, place(row)) >= (known.told, place(&known)) {
                self.t.shelves.insert((shelf, &id), row.encode().as_slice())?;
            }
            return Ok(Put::Known);
        }
        let (many, passed_on) = self.words_about(&row.log, row.seq)?;
        let is_ours = row.reporter == self.us;
        if !is_ours && (many >= KEPT_MAX || (row.member.is_some() && passed_on >= PASSED_ON_MAX)) {
            self.count_beyond(&row.log, row.seq)?;
            return Ok(Put::Beyond);
        }
        self.t.shelves.insert((shelf, &id), row.encode().as_slice())?;
        Ok(Put::New)
    }

    /// How many words stand there about an entry, and how many of these are of members whose names a head keeps.
    fn words_about(&self, log: &LogId, seq: u64) -> Applied<(usize, usize)> {
        let beginning = beginning(log, seq);
        let id = |rest: u8| std::array::from_fn::<u8, 16, _>(|at| beginning.get(at).copied().unwrap_or(rest));
        let (shelf, first, last) = (Shelf::Sighting as u8, id(0), id(255));
        let (mut many, mut passed_on) = (0, 0);
        for row in self.t.shelves.range((shelf, &first)..=(shelf, &last))? {
            let (key, bytes) = row?;
            let row: SightingRow = find::decoded("shelves", &key.value(), bytes.value())?;
            many += 1;
            passed_on += usize::from(row.member.is_some());
        }
        Ok((many, passed_on))
    }

    fn count_beyond(&mut self, log: &LogId, seq: u64) -> Applied<()> {
        let beginning = beginning(log, seq);
        let (shelf, id) = (Shelf::SightingMore as u8, std::array::from_fn(|at| beginning.get(at).copied().unwrap_or_default()));
        let many = self.t.shelves.get((shelf, &id))?.and_then(|bytes| Reader(bytes.value()).u64()).unwrap_or_default();
        self.t.shelves.insert((shelf, &id), Writer::default().u64(many.saturating_add(1)).done().as_slice())?;
        Ok(())
    }

    fn tally_sighting(&mut self, way: Way, what: SightingType, at: Timestamp) {
        match what {
            SightingType::Seen => self.tally_as(way, Event::IndicatorSighted, at),
            SightingType::FalsePositive => self.tally_as(way, Event::IndicatorFalse, at),
            SightingType::Expired => {}
        }
    }
}
