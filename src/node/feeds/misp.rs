//! A MISP server is asked with a key. Its index of events (`events/index`) says which there are and when each changed last; of those that changed the
//! attributes are read through the REST search (`attributes/restSearch`), page by page, each durable with how far that is.
//!
//! A search by times alone would lose something: what a server has from others keeps the times that it had there, and what is published late those of
//! when it was written. Both are older than what was seen before.

use super::fault::Fault;
use super::renew::turn;
use super::row::Begun;
use super::run::{Fetch, address};
use super::take::Reading;
use super::{Run, Stop};
use crate::formats::Problem;
use crate::formats::misp::flag;
use crate::node::Node;
use hyper::header::DATE;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{BufReader, Read};
use std::sync::Arc;
use url::Url;
use uuid::Uuid;

/// What MISP is asked for by.
const MEDIA: &str = "application/json";
/// So many events are asked for at once, to begin with, and at most.
const TOGETHER: usize = 50;
const TOGETHER_MAX: usize = 500;
/// What an attribute says is a part of its own, numbered by its event and itself: so many bits are for the attribute.
const ATTRIBUTE_BITS: u32 = 36;

/// An event as the index has it.
#[derive(serde::Deserialize)]
struct Indexed {
    id: Plain,
    timestamp: Plain,
    #[serde(default)]
    published: Plain,
}

/// A number or a flag; MISP writes both as strings, too. What is something else is `None`, and kept nowhere.
#[derive(Default)]
struct Plain(Option<u64>);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reading;
        impl<'de> Visitor<'de> for Reading {
            type Value = Plain;
            fn expecting(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                to.write_str("a number or a flag")
            }
            fn visit_u64<E>(self, number: u64) -> Result<Plain, E> {
                Ok(Plain(Some(number)))
            }
            fn visit_bool<E>(self, flag: bool) -> Result<Plain, E> {
                Ok(Plain(Some(flag.into())))
            }
            fn visit_str<E>(self, text: &str) -> Result<Plain, E> {
                Ok(Plain(if text == "true" { Some(1) } else { text.parse().ok() }))
            }
            fn visit_unit<E>(self) -> Result<Plain, E> {
                Ok(Plain(None))
            }
        }
        from.deserialize_any(Reading)
    }
}

/// The events of an index, of which no more are read than there may be.
struct Index<'f> {
    now: u64,
    most: u64,
    /// Why it is left in the middle.
    fault: &'f mut Option<Fault>,
}

impl<'de> DeserializeSeed<'de> for Index<'_> {
    type Value = BTreeMap<u64, Known>;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Index<'_> {
    type Value = BTreeMap<u64, Known>;
    fn expecting(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("a list of events")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
        let mut index = BTreeMap::new();
        while let Some(Indexed { id, timestamp, published }) = all.next_element()? {
            if id.0.is_some_and(|id| id >= 1 << (64 - ATTRIBUTE_BITS)) {
                *self.fault = Some(Fault::NotThat(
                    "its events have numbers that no MISP gives; of a node of Watchfire, read the MISP feed that it exports",
                ));
                return Err(A::Error::custom("a large number"));
            }
            let id = id.0;
            let (Some(id), Some(at)) = (id, timestamp.0) else {
                *self.fault = Some(Fault::NotThat("its index has no numbers of events"));
                return Err(A::Error::custom("no number"));
            };
            index
                .insert(id, Known { version: format!("{at}{}", mark(at, self.now)), published: published.0.is_some_and(|flag| flag != 0) });
            if index.len() as u64 > self.most {
                *self.fault = Some(Fault::TooMany("feeds.events_max"));
                return Err(A::Error::custom("too many"));
            }
        }
        Ok(index)
    }
}

/// An event that the server has.
pub(super) struct Known {
    version: String,
    published: bool,
}

#[derive(serde::Deserialize)]
struct Answer {
    response: Attributes,
}

#[derive(serde::Deserialize)]
struct Attributes {
    #[serde(rename = "Attribute", default)]
    attributes: Vec<Map<String, Value>>,
}

/// An attribute under its number.
type Numbered = (u64, Map<String, Value>);

/// A page as it is taken.
#[derive(Default)]
struct Page {
    /// The attributes of each event, by their numbers, in the order in which they came.
    events: BTreeMap<u64, Vec<Numbered>>,
    /// How many attributes it has.
    count: u64,
}

impl Page {
    /// Whether somebody has begun to edit an event.
    fn is_unpublished(&self, id: u64) -> bool {
        let published = |attribute: &Map<String, Value>| attribute.get("Event")?.get("published").map(is_set);
        self.events.get(&id).is_some_and(|all| all.iter().any(|(_, one)| published(one) == Some(false)))
    }
}

/// What became of a page.
enum Taken {
    /// It had all of what was asked for, and whether that was little.
    Whole(bool),
    /// More of the event follows.
    More,
    /// It cannot have all of these events.
    TooMany,
}

impl Node {
    pub(super) async fn read_misp(self: &Arc<Self>, run: &mut Run) -> Result<(), Stop> {
        let root = root(&run.feed.terms.at)?;
        if run.how.accept_removals {
            (run.state.parts, run.state.begun) = (BTreeMap::new(), None);
        }
        let index = self.misp_index(run, &root).await?;
        let gone = self.take_gone(run, &index).await?;
        let is_read = |id: &u64, version: &String| !version.ends_with(UNSETTLED) && run.state.parts.get(&id.to_string()) == Some(version);
        let is_news = |id: &u64, event: &Known| event.published && !is_read(id, &event.version);
        let mut changed: VecDeque<u64> = index.iter().filter(|(id, event)| is_news(id, event)).map(|(id, _)| *id).collect();
        changed
            .make_contiguous()
            .sort_by_key(|id| turn(run.state.parts.get(&id.to_string()), index.get(id).map_or("", |event| &event.version)));
        // What was begun goes on, where it is still what it was.
        let begun = run.state.begun.take().filter(|begun| index.get(&begun.event).is_some_and(|event| event.version == begun.version));
        if let Some(at) = begun.as_ref().and_then(|begun| changed.iter().position(|id| *id == begun.event)) {
            changed.swap(0, at);
            run.state.begun = begun;
        }
        let (mut together, mut failed) = (TOGETHER, gone);
        for _ in 0..self.config.feeds.fetches_max {
            let count = if run.state.begun.is_some() { 1 } else { together };
            let ids: Vec<u64> = changed.iter().take(count).copied().collect();
            if ids.is_empty() {
                break;
            }
            let before = run.state.clone();
            match self.read_page(run, &root, &index, &ids).await {
                Ok(Taken::Whole(is_short)) => {
                    changed.drain(..ids.len());
                    together = if is_short { (together * 2).min(TOGETHER_MAX) } else { together };
                }
                Ok(Taken::More) => {}
                Ok(Taken::TooMany) => together = (ids.len() / 2).max(1),
                // One event that is not what it should be costs no other: it is found by halves, stays as it was, and is told.
                Err(Stop::Fault(fault @ (Fault::NotThat(_) | Fault::TooLong(_) | Fault::Coding | Fault::Shrunk))) => {
                    run.state = before;
                    together = (ids.len() / 2).max(1);
                    if let [id] = ids.as_slice() {
                        changed.retain(|one| one != id);
                        run.state.begun = None;
                        failed.get_or_insert(fault);
                    }
                }
                Err(stop) => return Err(stop),
            }
            if run.how.dry_run {
                break;
            }
        }
        failed.map_or(Ok(()), |fault| Err(fault.into()))
    }

    async fn read_page(self: &Arc<Self>, run: &mut Run, root: &Url, index: &BTreeMap<u64, Known>, ids: &[u64]) -> Result<Taken, Stop> {
        let (page, size) = (self.misp_page(run, root, ids).await?, self.config.feeds.misp_page_attributes);
        let count = page.count;
        if count >= size && ids.len() > 1 {
            // One answer has to hold all of several events: what is between two pages could be missed.
            return Ok(Taken::TooMany);
        }
        if let [id] = ids
            && page.is_unpublished(*id)
        {
            run.state.begun = None;
            return Ok(Taken::Whole(false));
        }
        self.take_page(run, index, ids, page).await?;
        Ok(if count < size { Taken::Whole(count < size / 4) } else { Taken::More })
    }

    /// The events of the server.
    async fn misp_index(&self, run: &Run, root: &Url) -> Result<BTreeMap<u64, Known>, Stop> {
        let fetched = self.misp_post(run, root, "events/index", &json!({ "minimal": 1 })).await?;
        let now = super::fetch::date(&fetched.headers, DATE).unwrap_or(self.clock.now().0 / 1_000);
        let mut body = fetched.body.ok_or(Fault::Broken)?.reader().map_err(|_| Fault::Disk)?;
        Ok(index_of(&mut body, now, self.config.feeds.events_max)?)
    }

    /// Takes back what events said that the server has no more. Events that are being edited are not published meanwhile, and stay as they were.
    async fn take_gone(self: &Arc<Self>, run: &mut Run, index: &BTreeMap<u64, Known>) -> Result<Option<Fault>, Stop> {
        let has = |part: &u64| index.contains_key(&(part >> ATTRIBUTE_BITS));
        let all: BTreeSet<u64> = run.known.parts().into_iter().filter(has).collect();
        let before = run.state.clone();
        run.state.parts.retain(|id, _| id.parse().is_ok_and(|id| index.contains_key(&id)));
        match self.take(run, Reading::default(), Some(&all)).await {
            Ok(()) => Ok(None),
            // Much is missing at once: it stays, is told in the end, and keeps nothing that is new waiting.
            Err(Stop::Fault(fault)) => {
                run.state = before;
                Ok(Some(fault))
            }
            Err(stop) => Err(stop),
        }
    }

    async fn misp_page(&self, run: &Run, root: &Url, ids: &[u64]) -> Result<Page, Stop> {
        let size = self.config.feeds.misp_page_attributes;
        let ask = json!({
            "returnFormat": "json", "eventid": ids, "deleted": [0, 1], "includeEventTags": 1, "includeContext": 1,
            "order": "Attribute.id asc", "limit": size, "page": run.state.begun.as_ref().map_or(1, |begun| begun.page),
        });
        let fetched = self.misp_post(run, root, "attributes/restSearch", &ask).await?;
        let bytes = fetched.body.ok_or(Fault::Broken)?.whole_within(self.config.feeds.misp_page_bytes_max, "feeds.misp_page_bytes_max")?;
        Ok(page_of(answer_of(&bytes)?, ids, size)?)
    }

    /// Takes one page, and with it how far that is.
    async fn take_page(self: &Arc<Self>, run: &mut Run, index: &BTreeMap<u64, Known>, ids: &[u64], page: Page) -> Result<(), Stop> {
        let is_whole = page.count < self.config.feeds.misp_page_attributes;
        let begun = run.state.begun.take();
        let is_part = begun.is_some() || !is_whole;
        let since = begun.as_ref().map_or(0, |begun| begun.last.saturating_add(1));
        let (mut reading, mut names, mut events, mut last) = (Reading::default(), BTreeMap::new(), Vec::new(), since);
        // Unpublished since the index was read: it is left for when it is published again.
        let waits = |id: &u64| page.is_unpublished(*id);
        let waiting: BTreeSet<u64> = ids.iter().copied().filter(waits).collect();
        for id in ids.iter().filter(|id| !waiting.contains(id)) {
            let all = page.events.get(id).map(Vec::as_slice).unwrap_or_default();
            let in_order =
                all.windows(2).all(|two| matches!(two, [(one, _), (other, _)] if one < other)) && all.iter().all(|(at, _)| *at >= since);
            last = all.iter().map(|(at, _)| *at).max().unwrap_or(last).max(last);
            // What is known, belongs between the first and the last of what came, and did not come, is gone.
            let until = if is_whole { (1 << ATTRIBUTE_BITS) - 1 } else { last };
            if in_order || !is_part {
                let range = part(*id, since)..=part(*id, until);
                reading.parts.extend(run.known.parts_within(range).map(|part| (part, BTreeSet::new())));
            }
        }
        for (id, all) in page.events.into_iter().filter(|(id, _)| !waiting.contains(id)) {
            events.push(event(id, all, is_part, &mut reading, &mut names));
        }
        let bytes = serde_json::to_vec(&events).map_err(|_| Fault::Disk)?;
        if !events.is_empty() {
            let read = self.read_apart(run, reading, move |node, feed, reading| {
                let part_of = |place: &str| place.rsplit(' ').next().and_then(|name| names.get(name)).copied().unwrap_or(0);
                node.read_feed(feed, Box::new(std::io::Cursor::new(bytes)), Some("page.json"), &part_of, reading)
            });
            reading = read.await?;
        }
        if is_whole {
            for id in ids.iter().filter(|id| !waiting.contains(id)) {
                run.state.parts.extend(index.get(id).map(|event| (id.to_string(), event.version.clone())));
            }
        } else if let [id] = ids {
            let version = index.get(id).map(|event| event.version.clone()).unwrap_or_default();
            let page = begun.map_or(1, |begun| begun.page).saturating_add(1);
            run.state.begun = Some(Begun { event: *id, version, page, last });
        }
        self.take(run, reading, None).await
    }

    pub(super) async fn misp_post(&self, run: &Run, root: &Url, to: &str, ask: &Value) -> Result<super::fetch::Fetched, Fault> {
        let url = root.join(to).map_err(|_| Fault::BadUrl)?;
        let post = Some(ask.to_string().into());
        self.fetch_for(run, &url, Fetch { accept: Some(MEDIA), post, ..Fetch::default() }).await
    }
}

/// The server's own folder, whatever of it was named.
pub(super) fn root(at: &str) -> Result<Url, Fault> {
    let mut url = address(at)?;
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

const fn part(event: u64, attribute: u64) -> u64 {
    event << ATTRIBUTE_BITS | attribute
}

/// The events of an index, read at a time of the server in seconds.
pub(super) fn index_of(input: &mut dyn Read, now: u64, most: u64) -> Result<BTreeMap<u64, Known>, Fault> {
    let mut json = serde_json::Deserializer::from_reader(BufReader::new(input));
    let mut fault = None;
    let index = Index { now, most, fault: &mut fault }.deserialize(&mut json).and_then(|index| json.end().map(|()| index));
    index.map_err(|error| match fault {
        Some(fault) => fault,
        None if error.is_io() => super::fetch::read_fault(&error.into()),
        None => Fault::NotThat("there is no index of events"),
    })
}

/// The attributes of an answer.
pub(super) fn answer_of(bytes: &[u8]) -> Result<Vec<Map<String, Value>>, Fault> {
    let answer: Answer = serde_json::from_slice(bytes).map_err(|_| Fault::NotThat("no answer of MISP's REST search"))?;
    Ok(answer.response.attributes)
}

/// Sorts what came, which has to be what was asked for.
fn page_of(attributes: Vec<Map<String, Value>>, ids: &[u64], most: u64) -> Result<Page, Fault> {
    let mut page = Page { count: attributes.len() as u64, ..Page::default() };
    if page.count > most {
        return Err(Fault::NotThat("its page has more attributes than it was asked for"));
    }
    for attribute in attributes {
        let named = |name: &str| attribute.get(name).and_then(number);
        let (Some(id), Some(event)) = (named("id").filter(|id| *id < 1 << ATTRIBUTE_BITS), named("event_id")) else {
            return Err(Fault::NotThat("its attributes have no numbers"));
        };
        if !ids.contains(&event) {
            return Err(Fault::NotThat("it gives attributes of events that it was not asked for"));
        }
        page.events.entry(event).or_default().push((id, attribute));
    }
    Ok(page)
}

/// An event as it stands in a file, with what came of it. Of an event that does not fit on a page nothing tells whether it says at all what is for
/// detection (`to_ids`): it does.
fn event(id: u64, all: Vec<Numbered>, is_part: bool, reading: &mut Reading, names: &mut BTreeMap<String, u64>) -> Value {
    let mut event = Map::new();
    let mut attributes = Vec::new();
    for (at, mut attribute) in all {
        if let Some(Value::Object(context)) = attribute.remove("Event") {
            event.extend(context.into_iter().filter(|(key, _)| matches!(key.as_str(), "info" | "Orgc" | "Tag" | "Galaxy")));
        }
        let number = part(id, at);
        reading.parts.entry(number).or_default();
        let name = attribute
            .get("uuid")
            .and_then(Value::as_str)
            .filter(|uuid| uuid.parse::<Uuid>().is_ok())
            .map_or_else(|| at.to_string(), str::to_owned);
        if attribute.get("deleted").is_some_and(is_set) {
            reading.deleted.insert(number);
        } else if is_part && !attribute.get("to_ids").is_none_or(is_set) {
            let what = "context, not for detection (`to_ids` is false)".to_owned();
            reading.leave_out(Problem { place: format!("event {id} {name}"), what }, 1);
            continue;
        }
        attribute.insert("uuid".into(), name.clone().into());
        names.insert(name, number);
        attributes.push(Value::Object(attribute));
    }
    event.insert("Attribute".into(), attributes.into());
    json!({ "Event": event })
}

/// Behind the version of an event that changed just now: within the second it may still change and look the same, so it is read once more.
pub(super) const UNSETTLED: &str = "?";

/// What stands behind the version of an event that changed then, both in seconds of the server.
pub(super) const fn mark(at: u64, now: u64) -> &'static str {
    // One that says to be of the future is no younger for that.
    if at.abs_diff(now) <= 2 { UNSETTLED } else { "" }
}

/// A number, or a string of one.
pub(super) fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// `true`, `1` or `"1"`, and nothing else.
fn is_set(value: &Value) -> bool {
    flag(Some(value)) == Some(true)
}
