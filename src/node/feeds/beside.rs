//! What pages of a collection say of objects on other pages: who publishes, what a marking means, what an indicator indicates. A page is read with what those
//! before it have said of its objects; what a page says of an indicator that came before is put to what is kept of that.
//!
//! So much is kept of it: names, markings and who indicates what, shortened, `feeds.records_max` of them of each feed. A publisher or a marking that comes after
//! what refers to it counts for what comes or changes from then on.

use super::row::{FeedRow, damaged, label};
use super::take::{Reading, part};
use super::{Run, Stop};
use crate::link::convert::decode_record;
use crate::model::{Record, RecordKind};
use crate::node::{Node, NodeError};
use crate::rules::label::Held;
use crate::store::Snapshot;
use crate::store::change::{Change, Shelf};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A longer id is none of STIX's.
const ID_BYTES_MAX: usize = 200;
/// The longest name, in characters: a label has no more.
const NAME_CHARS_MAX: usize = 200;
/// The longest definition of a marking, in bytes of JSON.
const MARKING_BYTES_MAX: usize = 4 << 10;
/// The most that one indicator indicates: it has as many labels.
const TARGETS_MAX: usize = 50;
/// So many indicators at most wait for one name.
const WAITING_MAX: usize = 1_000;

/// What an object of a page says of others. What has another form counts as not said.
#[derive(Deserialize)]
pub(super) struct Object {
    #[serde(default, rename = "type")]
    kind: Value,
    #[serde(default)]
    id: Value,
    #[serde(default)]
    name: Value,
    #[serde(default)]
    created_by_ref: Value,
    #[serde(default)]
    object_marking_refs: Value,
    #[serde(default)]
    granular_markings: Value,
    #[serde(default)]
    relationship_type: Value,
    #[serde(default)]
    source_ref: Value,
    #[serde(default)]
    target_ref: Value,
    #[serde(default)]
    revoked: Value,
    #[serde(default)]
    definition_type: Value,
    #[serde(default)]
    definition: Value,
    #[serde(default)]
    extensions: Value,
}

impl Object {
    pub(super) fn id(&self) -> Option<&str> {
        id(&self.id)
    }

    pub(super) fn is_indicator(&self) -> bool {
        self.kind == "indicator" && self.id().is_some_and(|id| id.starts_with("indicator--"))
    }

    /// What is kept of it, where others may refer to it.
    fn kept(&self) -> Option<Value> {
        let kind = self.kind.as_str()?;
        match kind {
            "malware" | "campaign" | "intrusion-set" | "threat-actor" | "tool" | "infrastructure" | "identity" => {
                let name: String = self.name.as_str()?.trim().chars().take(NAME_CHARS_MAX).collect();
                Some(json!({ "type": kind, "id": self.id()?, "name": name }))
            }
            "marking-definition" => {
                let (how, what, more) = (&self.definition_type, &self.definition, &self.extensions);
                let kept = json!({ "type": kind, "id": self.id()?, "definition_type": how, "definition": what, "extensions": more });
                (kept.to_string().len() <= MARKING_BYTES_MAX).then_some(kept)
            }
            _ => None,
        }
    }

    /// What it says that one indicates, and whether it still says so.
    fn indicates(&self) -> Option<(&str, &str, bool)> {
        let says = self.kind == "relationship" && self.relationship_type == "indicates";
        says.then_some((id(&self.source_ref)?, id(&self.target_ref)?, self.revoked != true))
    }

    /// The objects that say something of it.
    fn refers(&self) -> impl Iterator<Item = &str> {
        let [whole, granular] = [&self.object_marking_refs, &self.granular_markings].map(|list| list.as_array().into_iter().flatten());
        whole.chain(granular.filter_map(|one| one.get("marking_ref"))).chain([&self.created_by_ref]).filter_map(id)
    }
}

fn id(value: &Value) -> Option<&str> {
    value.as_str().filter(|id| !id.is_empty() && id.len() <= ID_BYTES_MAX)
}

/// What goes with a page.
#[derive(Default)]
pub(super) struct Beside {
    /// A document with what earlier pages have said of its objects.
    pub(super) said: Vec<u8>,
    /// What is to be kept of it, or no more, by number.
    kept: BTreeMap<u64, Option<Vec<u8>>>,
    /// What it says of indicators that came before: their parts, with names.
    late: BTreeMap<u64, BTreeSet<String>>,
}

/// What is kept of a feed, and what a page adds to it.
struct Shelved<'s> {
    snapshot: &'s Snapshot,
    feed: &'s FeedRow,
    things: BTreeMap<&'s str, Value>,
}

impl Shelved<'_> {
    fn row<T: serde::de::DeserializeOwned>(&self, number: u64) -> Result<Option<T>, NodeError> {
        let bytes = self.snapshot.kept(Shelf::FeedBeside, &self.feed.under(number)?)?;
        bytes.map(|bytes| serde_json::from_slice(&bytes).map_err(|_| damaged())).transpose()
    }

    /// Something that others refer to, and whether the page itself has it.
    fn thing(&self, id: &str) -> Result<Option<(Value, bool)>, NodeError> {
        match self.things.get(id) {
            Some(here) => Ok(Some((here.clone(), true))),
            None => Ok(self.row(part(id))?.map(|before: Value| (before, false))),
        }
    }
}

/// The number under which stands what an indicator indicates.
fn targets_of(source: &str) -> u64 {
    part(&format!("indicates {source}"))
}

/// The number under which stands which indicators wait for a name.
fn waiting_for(target: &str) -> u64 {
    part(&format!("waits for {target}"))
}

fn name_of(thing: &Value) -> Option<&str> {
    thing.get("name").and_then(Value::as_str).filter(|name| !name.is_empty())
}

impl Node {
    /// What goes with a page of a collection.
    pub(super) fn said_beside(&self, run: &Run, page: &[Object]) -> Result<Beside, NodeError> {
        let snapshot = self.store.snapshot()?;
        let things = page.iter().filter_map(|one| Some((one.id()?, one.kept()?))).collect();
        let shelved = Shelved { snapshot: &snapshot, feed: &run.feed, things };
        let mut beside = Beside::default();
        for (id, thing) in &shelved.things {
            beside.kept.insert(part(id), Some(thing.to_string().into_bytes()));
            if let Some(waiting) = shelved.row::<BTreeSet<String>>(waiting_for(id))? {
                beside.kept.insert(waiting_for(id), None);
                for source in waiting {
                    beside.late.entry(part(&source)).or_default().extend(name_of(thing).map(str::to_owned));
                }
            }
        }
        let mut says: BTreeMap<&str, Vec<(&str, bool)>> = BTreeMap::new();
        for (source, target, holds) in page.iter().filter_map(Object::indicates) {
            says.entry(source).or_default().push((target, holds));
        }
        let indicators: BTreeMap<&str, &Object> =
            page.iter().filter(|one| one.is_indicator()).filter_map(|one| Some((one.id()?, one))).collect();
        let (mut said, mut waiting) = (BTreeMap::new(), BTreeMap::<String, BTreeSet<String>>::new());
        for source in indicators.keys().chain(says.keys()).copied().collect::<BTreeSet<_>>() {
            let before: BTreeSet<String> = shelved.row(targets_of(source))?.unwrap_or_default();
            let mut targets = before.clone();
            for (target, holds) in says.get(source).into_iter().flatten() {
                if !*holds {
                    targets.remove(*target);
                } else if targets.len() < TARGETS_MAX {
                    targets.insert((*target).to_owned());
                }
            }
            if targets != before {
                beside.kept.insert(targets_of(source), Some(json!(targets).to_string().into_bytes()));
            }
            let is_here = indicators.contains_key(source);
            let refers = indicators.get(source).into_iter().flat_map(|one| one.refers().map(str::to_owned));
            for id in refers.chain(targets.iter().cloned()).collect::<Vec<_>>() {
                let is_target = targets.contains(&id);
                let Some((thing, is_on_page)) = shelved.thing(&id)? else {
                    if is_target {
                        waiting.entry(id).or_default().insert(source.to_owned());
                    }
                    continue;
                };
                if !is_here && let Some(name) = name_of(&thing).filter(|_| is_target) {
                    beside.late.entry(part(source)).or_default().insert(name.to_owned());
                }
                if is_here && !is_on_page {
                    said.insert(id, thing);
                }
            }
            if is_here {
                for target in &targets {
                    let relation =
                        json!({ "type": "relationship", "relationship_type": "indicates", "source_ref": source, "target_ref": target });
                    said.insert(format!("{source} {target}"), relation);
                }
            }
        }
        for (target, sources) in waiting {
            let before: BTreeSet<String> = shelved.row(waiting_for(&target))?.unwrap_or_default();
            let all: BTreeSet<&String> = before.iter().chain(&sources).take(WAITING_MAX).collect();
            beside.kept.insert(waiting_for(&target), Some(json!(all).to_string().into_bytes()));
        }
        // What comes with the page itself is read with it.
        indicators.keys().for_each(|id| drop(beside.late.remove(&part(id))));
        if !said.is_empty() {
            beside.said = Value::from(said.into_values().collect::<Vec<_>>()).to_string().into_bytes();
        }
        Ok(beside)
    }

    /// Puts what a page says of indicators that came before to what is known of them, and has what goes with it kept when it is.
    pub(super) fn say_late(&self, run: &mut Run, beside: Beside, reading: &mut Reading) -> Result<(), Stop> {
        let (snapshot, log) = (self.store.snapshot()?, run.feed.log(self.org())?.id());
        for (of, names) in beside.late {
            for key in run.known.of_part(of) {
                let Some(row) = run.known.items.get(&key).filter(|_| !reading.says(key)) else { continue };
                let Some(Held(body)) = snapshot.body(&log, row.seq)? else { continue };
                let Ok(Record::Indicator(mut indicator)) = decode_record(RecordKind::Indicator, &body) else { continue };
                indicator.labels.extend(names.iter().cloned());
                reading.say_again(&run.feed, of, key, label(row.label), indicator);
            }
            reading.parts.entry(of).or_default().extend(run.known.of_part(of));
        }
        let (most, mut count) = (self.config.feeds.records_max, run.state.beside);
        for (number, row) in beside.kept {
            let is_there = snapshot.kept(Shelf::FeedBeside, &run.feed.under(number)?)?.is_some();
            match (is_there, &row) {
                (false, None) => continue,
                (false, Some(_)) if count >= most => continue,
                (false, Some(_)) => count += 1,
                (true, None) => count = count.saturating_sub(1),
                (true, Some(_)) => {}
            }
            run.beside.push(Change::Keep { shelf: Shelf::FeedBeside, id: run.feed.under(number)?, row });
        }
        run.state.beside = count;
        Ok(())
    }
}
