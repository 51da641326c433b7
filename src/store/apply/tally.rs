//! Indicators are counted by the change that brings them or takes them back: in its transaction, so that none is counted twice, whatever is said
//! again, sent again or cut off. Only how many, by month and week: no value, no author.

use super::{Applied, Tx};
use crate::model::Timestamp;
use crate::rules::statistics::{Event, Measure, Period, Way};
use crate::store::change::Shelf;
use redb::ReadableTable;
use std::collections::BTreeMap;

/// What was counted and is not written yet.
#[derive(Default)]
pub(super) struct Tally {
    counted: BTreeMap<(Measure, Timestamp), u64>,
    /// Whether a family is ours, once that was looked up.
    ways: BTreeMap<u32, Way>,
}

impl Tx<'_> {
    /// Counts one more in what the family's author says.
    pub(super) fn tally(&mut self, family: u32, event: Event, at: Timestamp) -> Applied<()> {
        let way = match self.tally.ways.get(&family) {
            Some(way) => *way,
            None => {
                let way = if self.family_row(family)?.author == self.us { Way::Out } else { Way::In };
                *self.tally.ways.entry(family).or_insert(way)
            }
        };
        self.tally_as(way, event, at);
        Ok(())
    }

    /// The same, where it is known whose it is.
    pub(super) fn tally_as(&mut self, way: Way, event: Event, at: Timestamp) {
        let count = self.tally.counted.entry((Measure { way, event }, at)).or_default();
        *count = count.saturating_add(1);
    }

    /// Writes what was counted, but for periods whose row is damaged. To be called before the commit.
    pub(super) fn write_tally(&mut self) -> Applied<()> {
        let mut periods: BTreeMap<Period, BTreeMap<Measure, u64>> = BTreeMap::new();
        for ((measure, at), more) in std::mem::take(&mut self.tally.counted) {
            for period in Period::of(at) {
                let count = periods.entry(period).or_default().entry(measure).or_default();
                *count = count.saturating_add(more);
            }
        }
        for (period, more) in periods {
            let (shelf, id) = (Shelf::Tally as u8, period.id());
            let row = self.t.shelves.get((shelf, &id))?.map(|row| serde_json::from_slice(row.value()));
            // A number less is no reason to keep out what is counted. `doctor` tells it, and what can still be read of the row stays.
            let Ok(row) = row.transpose() else {
                tracing::error!(%period, "what was counted of indicators cannot be read, and is not counted further");
                continue;
            };
            let mut all: BTreeMap<Measure, u64> = row.unwrap_or_default();
            for (measure, more) in more {
                let count = all.entry(measure).or_default();
                *count = count.saturating_add(more);
            }
            self.t.shelves.insert((shelf, &id), serde_json::to_vec(&all).unwrap_or_default().as_slice())?;
        }
        Ok(())
    }
}
