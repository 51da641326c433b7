//! What pages of a collection say of objects on other pages: who publishes, what a marking means, what an indicator indicates. A page is read with what those
//! before it have said of its objects; what a page says of an indicator that came before is put to what is kept of that.
//!
//! So much is kept of it: names, markings and who indicates what, shortened, `feeds.records_max` of them of each feed. What does not count for a bound is told
//! in the run, and counts once the source says it again, or the indicator that it is about. A publisher or a marking that comes after
//! what refers to it counts for what comes or changes from then on. A marking that is defined twice, and not alike, counts as TLP:RED.

use super::fault::Fault;
use super::row::{FeedRow, label};
use super::take::{Reading, part};
use super::{Run, Stop};
use crate::formats::Problem;
use crate::node::{Node, NodeError};
use crate::rules::label::Held;
use crate::store::Snapshot;
use crate::store::change::{Change, Shelf};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A longer id is none of STIX's: a type and a UUID.
const ID_BYTES_MAX: usize = 100;
/// The longest name, in characters: a label has no more.
const NAME_CHARS_MAX: usize = 200;
/// The longest of the properties that are looked at, in bytes of JSON.
const PROPERTY_BYTES_MAX: usize = 4 << 10;
/// The most that one indicator indicates, and that it refers to: it has as many labels.
const TARGETS_MAX: usize = 50;
/// An indicator that is said anew for a name has no more values than these. It has one, where nobody writes the same id several times.
const VALUES_MAX: usize = 10;

/// What one page may cause beyond its own length. No settings: a page is bounded by `feeds.taxii_page_bytes_max`, and these keep what comes of it in proportion.
/// What is beyond them is lost for no longer than until it is said again.
pub(super) struct Bounds {
    /// So many bytes are read with one page of what was said before, but for markings, and so many are kept of it: some 50,000 names each,
    /// and a page is asked for 1,000 objects.
    pub(super) bytes: usize,
    /// So many values that came before are said anew after one page: as many as the page is asked for.
    pub(super) late: usize,
    /// So many indicators wait for one name. They stand in one row, which is written anew for each page that adds to them: 500 ids are 25 kB.
    pub(super) waiting: usize,
}

pub(super) const BOUNDS: Bounds = Bounds { bytes: 16 << 20, late: 1_000, waiting: 500 };

const NOT_KEPT: &str = "more names, markings and relationships than are remembered of one page: some do not count on later pages";
const NOT_SAID: &str = "more names and relationships of earlier pages than are read with one page: some indicators come without them";
const NOT_WAITING: &str = "more indicators than wait for one name: some get it once they change";
const NOT_LATE: &str = "more indicators that came before than one page says anew: some get their names once they change";
const NO_ROOM: &str = "more names, markings and relationships than `feeds.records_max` are not remembered for later pages";

/// What a page says of itself.
pub(super) struct Page {
    pub(super) more: bool,
    pub(super) next: Option<String>,
    pub(super) objects: Objects,
}

/// A page as it stands there. Its objects are read as those of any STIX file.
#[derive(Deserialize)]
struct Written<'a> {
    #[serde(default)]
    more: bool,
    #[serde(default)]
    next: Option<String>,
    #[serde(default, borrow)]
    objects: Option<&'a RawValue>,
}

/// What the objects of a page say of others.
#[derive(Default)]
pub(super) struct Objects {
    /// How many there are.
    pub(super) count: u64,
    /// The indicators, and what each refers to; those that are revoked refer to nothing.
    indicators: BTreeMap<String, BTreeSet<String>>,
    revoked: BTreeSet<String>,
    /// What others refer to.
    things: BTreeMap<String, Value>,
    /// What indicates what, and whether that still holds, in the order of the page.
    indicates: BTreeMap<String, Vec<(String, bool)>>,
}

/// Reads objects, of which so many may be; those beyond are only counted.
struct Each(u64);

impl<'de> Visitor<'de> for Each {
    type Value = Objects;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Objects, A::Error> {
        let mut objects = Objects::default();
        while let Some(raw) = list.next_element::<&RawValue>()? {
            objects.count += 1;
            // What cannot be read is told by the reader of STIX.
            if objects.count <= self.0
                && let Ok(object) = serde_json::from_str::<Object<'_>>(raw.get())
            {
                objects.take(&object);
            }
        }
        Ok(objects)
    }
}

/// An object, its properties as they stand there: they may be long.
#[derive(Deserialize)]
struct Object<'a> {
    #[serde(default, rename = "type", borrow)]
    kind: Option<&'a RawValue>,
    #[serde(default, borrow)]
    id: Option<&'a RawValue>,
    #[serde(default, borrow)]
    name: Option<&'a RawValue>,
    #[serde(default, borrow)]
    created_by_ref: Option<&'a RawValue>,
    #[serde(default, borrow)]
    object_marking_refs: Option<&'a RawValue>,
    #[serde(default, borrow)]
    granular_markings: Option<&'a RawValue>,
    #[serde(default, borrow)]
    relationship_type: Option<&'a RawValue>,
    #[serde(default, borrow)]
    source_ref: Option<&'a RawValue>,
    #[serde(default, borrow)]
    target_ref: Option<&'a RawValue>,
    #[serde(default, borrow)]
    revoked: Option<&'a RawValue>,
    #[serde(default, borrow)]
    definition_type: Option<&'a RawValue>,
    #[serde(default, borrow)]
    definition: Option<&'a RawValue>,
    #[serde(default, borrow)]
    extensions: Option<&'a RawValue>,
}

/// A property, where it is short.
fn read<T: serde::de::DeserializeOwned>(raw: Option<&RawValue>) -> Option<T> {
    raw.filter(|raw| raw.get().len() <= PROPERTY_BYTES_MAX).and_then(|raw| serde_json::from_str(raw.get()).ok())
}

fn id(raw: Option<&RawValue>) -> Option<String> {
    read::<String>(raw).filter(|id| is_id(id))
}

fn is_id(id: &str) -> bool {
    id.len() <= ID_BYTES_MAX && id.contains("--") && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

impl Objects {
    /// The indicators.
    pub(super) fn indicators(&self) -> impl Iterator<Item = &str> {
        self.indicators.keys().map(String::as_str)
    }

    fn take(&mut self, object: &Object<'_>) {
        let Some(kind) = read::<String>(object.kind) else { return };
        let revoked = read::<bool>(object.revoked).unwrap_or(false);
        if kind == "relationship" {
            let says = read::<String>(object.relationship_type).is_some_and(|says| says == "indicates");
            if let (true, Some(source), Some(target)) = (says, id(object.source_ref), id(object.target_ref)) {
                self.indicates.entry(source).or_default().push((target, !revoked));
            }
            return;
        }
        let Some(of) = id(object.id) else { return };
        match kind.as_str() {
            "indicator" if of.starts_with("indicator--") => {
                let whole = read::<Vec<Value>>(object.object_marking_refs).unwrap_or_default();
                let granular = read::<Vec<Value>>(object.granular_markings).unwrap_or_default();
                let granular = granular.into_iter().filter_map(|one| one.get("marking_ref").cloned());
                let refs = whole.into_iter().chain(granular).filter_map(|one| one.as_str().map(str::to_owned));
                let refs = refs.chain(read::<String>(object.created_by_ref)).filter(|id| is_id(id)).take(TARGETS_MAX);
                self.indicators.entry(of.clone()).or_default().extend(refs);
                if revoked {
                    self.revoked.insert(of);
                }
            }
            "malware" | "campaign" | "intrusion-set" | "threat-actor" | "tool" | "infrastructure" | "identity" => {
                let Some(name) = read::<String>(object.name) else { return };
                let name: String = name.trim().chars().take(NAME_CHARS_MAX).collect();
                self.things.insert(of.clone(), json!({ "type": kind, "id": of, "name": name }));
            }
            "marking-definition" => {
                let parts = [object.definition_type, object.definition, object.extensions];
                let is_short = parts.iter().flatten().all(|raw| raw.get().len() <= PROPERTY_BYTES_MAX);
                let [how, what, more] = parts.map(read::<Value>);
                let new = json!({ "type": kind, "id": of, "definition_type": how, "definition": what, "extensions": more });
                let new = if is_short { new } else { unreadable(&of) };
                let both = self.things.get(&of).map_or(new.clone(), |before| agreed(before, &new, &of));
                self.things.insert(of, both);
            }
            _ => {}
        }
    }
}

/// A marking that counts as TLP:RED.
fn unreadable(of: &str) -> Value {
    json!({ "type": "marking-definition", "id": of })
}

/// What two definitions of one marking come to.
fn agreed(one: &Value, other: &Value, of: &str) -> Value {
    if one == other { one.clone() } else { unreadable(of) }
}

fn name_of(thing: &Value) -> Option<&str> {
    thing.get("name").and_then(Value::as_str).filter(|name| !name.is_empty())
}

/// The numbers under which stand what others refer to, what an indicator indicates, and which indicators wait for a name.
fn thing(id: &str) -> u64 {
    part(&format!("is {id}"))
}

fn targets_of(source: &str) -> u64 {
    part(&format!("indicates {source}"))
}

fn waiting_for(target: &str) -> u64 {
    part(&format!("waits for {target}"))
}

/// What goes with a page.
#[derive(Default)]
pub(super) struct Beside {
    /// A document with what earlier pages have said of its objects.
    pub(super) said: Vec<u8>,
    /// What is to be kept of it, or no more, by number.
    kept: BTreeMap<u64, Option<Vec<u8>>>,
    kept_bytes: usize,
    /// What it says of indicators that came before: their parts, with names.
    late: BTreeMap<u64, BTreeSet<String>>,
    /// What does not count for a bound.
    beyond: BTreeSet<&'static str>,
}

impl Beside {
    fn keep(&mut self, number: u64, row: &Value, bounds: &Bounds) {
        let row = row.to_string().into_bytes();
        self.kept_bytes += row.len();
        if self.kept_bytes <= bounds.bytes {
            self.kept.insert(number, Some(row));
        } else {
            self.beyond.insert(NOT_KEPT);
        }
    }
}

/// What is kept of a feed, and what a page adds to it.
struct Shelved<'s> {
    snapshot: &'s Snapshot,
    feed: &'s FeedRow,
    before: BTreeMap<String, Option<Value>>,
}

impl Shelved<'_> {
    /// What is kept under a number. What has another form than it should is as if it were not there.
    fn row<T: serde::de::DeserializeOwned>(&self, number: u64) -> Result<Option<T>, NodeError> {
        let bytes = self.snapshot.kept(Shelf::FeedBeside, &self.feed.under(number)?)?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Something that earlier pages had.
    fn earlier(&mut self, id: &str) -> Result<Option<Value>, NodeError> {
        if let Some(known) = self.before.get(id) {
            return Ok(known.clone());
        }
        let row = self.row(thing(id))?;
        self.before.insert(id.to_owned(), row.clone());
        Ok(row)
    }
}

impl Node {
    /// What goes with a page of a collection. Reads the store, for each of its objects.
    pub(super) fn said_beside(&self, feed: &FeedRow, objects: &Objects, bounds: &Bounds) -> Result<Beside, NodeError> {
        let snapshot = self.store.snapshot()?;
        let mut shelved = Shelved { snapshot: &snapshot, feed, before: BTreeMap::new() };
        let (mut beside, mut said, mut said_bytes, mut is_all_said) = (Beside::default(), BTreeMap::new(), 0, true);
        // Each once, whoever refers to it. What restricts is said however much there is: a page has no more of it than objects.
        let mut say = |key: String, value: Value| {
            if said.contains_key(&key) {
                return;
            }
            said_bytes += key.len() + value.to_string().len();
            if said_bytes <= bounds.bytes || value["type"] == "marking-definition" {
                said.insert(key, value);
            } else {
                is_all_said = false;
            }
        };
        for (id, new) in &objects.things {
            let mut new = new.clone();
            if let Some(before) = shelved.earlier(id)?.filter(|_| new["type"] == "marking-definition") {
                new = agreed(&before, &new, id);
                // Beside the page's own: the stricter of both counts.
                say(id.clone(), new.clone());
            }
            beside.keep(thing(id), &new, bounds);
            if let Some(waiting) = shelved.row::<BTreeSet<String>>(waiting_for(id))? {
                beside.kept.insert(waiting_for(id), None);
                for source in waiting {
                    beside.late.entry(part(&source)).or_default().extend(name_of(&new).map(str::to_owned));
                }
            }
        }
        let mut waiting = BTreeMap::<String, BTreeSet<String>>::new();
        for source in objects.indicators.keys().chain(objects.indicates.keys()).collect::<BTreeSet<_>>() {
            let before: BTreeSet<String> = shelved.row(targets_of(source))?.unwrap_or_default();
            let mut targets = before.clone();
            for (target, holds) in objects.indicates.get(source).into_iter().flatten() {
                if !*holds {
                    targets.remove(target);
                } else if targets.len() < TARGETS_MAX {
                    targets.insert(target.clone());
                }
            }
            if objects.revoked.contains(source) {
                targets.clear();
            }
            if targets.is_empty() && !before.is_empty() {
                beside.kept.insert(targets_of(source), None);
            } else if targets != before {
                beside.keep(targets_of(source), &json!(targets), bounds);
            }
            let is_here = objects.indicators.contains_key(source);
            let refers = objects.indicators.get(source).into_iter().flatten().filter(|id| !targets.contains(*id));
            for id in refers.chain(&targets) {
                let here = objects.things.get(id);
                let earlier = if here.is_some() { None } else { shelved.earlier(id)? };
                match here.or(earlier.as_ref()) {
                    None if targets.contains(id) => drop(waiting.entry(id.clone()).or_default().insert(source.clone())),
                    None => {}
                    Some(thing) if !is_here => {
                        let names = name_of(thing).filter(|_| targets.contains(id)).map(str::to_owned);
                        beside.late.entry(part(source)).or_default().extend(names);
                    }
                    Some(thing) if here.is_none() => say(id.clone(), thing.clone()),
                    Some(_) => {}
                }
            }
            // What the page itself says of it is there already.
            for target in targets.iter().filter(|target| is_here && before.contains(*target)) {
                let relation =
                    json!({ "type": "relationship", "relationship_type": "indicates", "source_ref": source, "target_ref": target });
                say(format!("{source} {target}"), relation);
            }
        }
        for (target, sources) in waiting {
            let before: BTreeSet<String> = shelved.row(waiting_for(&target))?.unwrap_or_default();
            let mut new: Vec<String> = sources.difference(&before).cloned().collect();
            if before.len() + new.len() > bounds.waiting {
                new.truncate(bounds.waiting.saturating_sub(before.len()));
                beside.beyond.insert(NOT_WAITING);
            }
            if !new.is_empty() {
                beside.keep(waiting_for(&target), &json!(before.into_iter().chain(new).collect::<BTreeSet<_>>()), bounds);
            }
        }
        if !is_all_said {
            beside.beyond.insert(NOT_SAID);
        }
        // What comes with the page itself is read with it.
        objects.indicators.keys().for_each(|id| drop(beside.late.remove(&part(id))));
        beside.late.retain(|_, names| !names.is_empty());
        if !said.is_empty() {
            beside.said = Value::from(said.into_values().collect::<Vec<_>>()).to_string().into_bytes();
        }
        Ok(beside)
    }

    /// Puts what a page says of indicators that came before to what is known of them, and has what goes with it kept when it is.
    pub(super) fn say_late(&self, run: &mut Run, mut beside: Beside, reading: &mut Reading, bounds: &Bounds) -> Result<(), Stop> {
        let (snapshot, log) = (self.store.snapshot()?, run.feed.log(self.org())?.id());
        let mut left = bounds.late;
        for (of, names) in beside.late {
            let keys = run.known.of_part(of);
            if keys.len() > VALUES_MAX.min(left) {
                beside.beyond.insert(NOT_LATE);
                continue;
            }
            left -= keys.len();
            for key in &keys {
                let Some(row) = run.known.items.get(key) else { continue };
                let Some(Held(body)) = snapshot.body(&log, row.seq)? else { continue };
                reading.say_more(&run.feed, of, *key, (label(row.label), body), &names);
            }
            reading.parts.entry(of).or_default().extend(keys);
        }
        let (most, mut count) = (self.config.feeds.records_max, run.state.beside);
        for (number, row) in beside.kept {
            let id = run.feed.under(number)?;
            let is_there = snapshot.kept(Shelf::FeedBeside, &id)?.is_some();
            match (is_there, &row) {
                (false, None) => continue,
                (false, Some(_)) if count >= most => {
                    beside.beyond.insert(NO_ROOM);
                    continue;
                }
                (false, Some(_)) => count += 1,
                (true, None) => count = count.saturating_sub(1),
                (true, Some(_)) => {}
            }
            run.beside.push(Change::Keep { shelf: Shelf::FeedBeside, id, row });
        }
        for what in beside.beyond {
            reading.leave_out(Problem { place: "the collection".into(), what: what.into() }, 0);
        }
        run.state.beside = count;
        Ok(())
    }
}

/// Reads what a page says of itself.
pub(super) fn page(bytes: &[u8], objects_max: u64) -> Result<Page, Fault> {
    let bad = |_| Fault::NotThat("no page of TAXII 2.1");
    let Written { more, next, objects } = serde_json::from_slice(bytes).map_err(bad)?;
    let read = |raw: &RawValue| serde_json::Deserializer::from_str(raw.get()).deserialize_seq(Each(objects_max));
    let objects = objects.map(read).transpose().map_err(bad)?.unwrap_or_default();
    if objects.count > objects_max {
        return Err(Fault::TooMany("feeds.taxii_page_objects_max"));
    }
    Ok(Page { more, next, objects })
}

#[cfg(test)]
mod tests;
