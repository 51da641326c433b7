//! Alerts for programs that tell people: what holds and may be known widely.

use super::{Known, record_of, shelf_id};
use crate::formats::export::Warning;
use crate::model::alert::VALID_MS_MAX;
use crate::model::log::Audience;
use crate::model::vocabulary::Code;
use crate::model::{Ceiling, GroupId, Label, Record, RecordKind, Tlp};
use crate::node::{Node, NodeError};
use crate::rules::alert::State;
use crate::rules::may::{About, Action, To, may};
use crate::store::Snapshot;
use std::collections::{BTreeMap, BTreeSet};

impl Node {
    /// The alerts that hold, TLP:GREEN at the most, within a ceiling; where groups are named, what was said there alone.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(in crate::node) fn alerts_for(&self, snapshot: &Snapshot, ceiling: Ceiling, groups: &[GroupId]) -> Result<Vec<Warning>, NodeError> {
        let (now, to) = (self.clock.now(), To::Tool(Ceiling { tlp: ceiling.tlp.min(Tlp::Green), ..ceiling }));
        // Of one that was said several times the strictest label counts.
        let mut labels: BTreeMap<[u8; 16], Option<Label>> = BTreeMap::new();
        for post in snapshot.posts(&[RecordKind::Alert.number()])? {
            let Some(Record::Alert(alert)) = record_of(&post) else { continue };
            let about = About { label: post.row.label, kind: post.row.kind, retention: post.row.retention };
            let label = labels.entry(shelf_id(&post.row.key.author, &alert.id)).or_insert(Some(about.label));
            *label = label.filter(|_| may(Action::Export, &about, &to, now).is_ok()).map(|label| label.join(about.label));
        }
        let is_there = |audience: &Audience| match audience {
            _ if groups.is_empty() => true,
            Audience::Group(group) => groups.contains(group),
            Audience::Direct(_) => false,
        };
        let known = self.known_alerts(snapshot)?.into_iter().filter(|one| one.state == State::Valid && is_there(&one.audience));
        let told = |Known { author, at, alert, .. }: Known| {
            let tlp = (*labels.get(&shelf_id(&author, &alert.id))?)?.tlp();
            let rsit = self.rsit_of(&alert.incident_types);
            Some(Warning { author, tlp, at, until: alert.valid_until.min(at.plus(VALID_MS_MAX)), alert, rsit })
        };
        Ok(known.filter_map(told).collect())
    }

    /// What these types are called in the Reference Security Incident Taxonomy, by the list in force: each once.
    fn rsit_of(&self, types: &[Code]) -> Vec<String> {
        let list = self.vocabularies.get("incident-type").map(|list| list.entries.as_slice()).unwrap_or_default();
        let named = types.iter().filter_map(|code| list.iter().find(|entry| entry.code == *code));
        let all: BTreeSet<&String> = named.flat_map(|entry| &entry.rsit).collect();
        all.into_iter().cloned().collect()
    }
}
