//! What a store holds at one moment, to be compared with what another one holds.

use std::collections::{BTreeMap, BTreeSet};
use watchfire::model::{Ceiling, LogId};
use watchfire::store::{Filter, Provenance, Snapshot};

/// Logs with size and head, counts, and every value with who says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub logs: BTreeMap<LogId, (u64, String)>,
    counts: BTreeMap<u8, u64>,
    pub values: BTreeMap<String, BTreeSet<String>>,
    disclosures: u64,
    rows: BTreeMap<String, u64>,
}

impl Picture {
    pub fn of(snapshot: &Snapshot) -> Self {
        let filter = Filter { kinds: Vec::new(), ceiling: Ceiling::NONE, groups: Vec::new(), revoked: true, now: super::START };
        let mut values = BTreeMap::new();
        for item in snapshot.records(None, filter).unwrap() {
            let item = item.unwrap();
            // What waits is to stand in the log of the incarnation in force.
            let place = |one: &Provenance| if one.waiting { "waiting".to_owned() } else { format!("{} {}", one.log, one.seq) };
            let said = item.provenances.iter().map(|one| format!("{} {} {:?}", one.author, place(one), one.state)).collect();
            values.insert(item.observable.value().to_owned(), said);
        }
        let mut rows = snapshot.row_counts().unwrap();
        // The node's own values: those of the restore are there afterwards.
        rows.remove("named.v1");
        Self {
            logs: snapshot.logs().unwrap().into_iter().map(|log| (log.id, (log.head.size, log.head.hash.to_string()))).collect(),
            counts: snapshot.counts().unwrap(),
            values,
            disclosures: snapshot.verify_disclosures().unwrap(),
            rows,
        }
    }

    /// In what two differ, in words; nothing when they are the same.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        let mut look = |what: &str, differs: bool| differences.extend(differs.then(|| what.to_owned()));
        look("logs", self.logs != other.logs);
        look("counts", self.counts != other.counts);
        look("disclosures", self.disclosures != other.disclosures);
        for (table, rows) in &self.rows {
            look(&format!("rows of {table}"), other.rows.get(table) != Some(rows));
        }
        let lost = self.values.iter().find(|(value, said)| other.values.get(*value) != Some(said));
        look("values", lost.is_some() || self.values.len() != other.values.len());
        differences
    }
}
