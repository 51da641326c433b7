//! What is asked for with `restSearch` and `events/index`. What would narrow a search and is not known is refused, never left out: whoever asks for less
//! must not be given more.

use super::terms::{Range, Terms, day};
use crate::formats::misp::attribute::flag;
use crate::model::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Controller {
    /// Whole events with at least one attribute that fits.
    Events,
    /// The attributes that fit.
    Attributes,
    /// What events there are.
    Index,
}

/// In which form the answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnFormat {
    /// MISP's JSON.
    Json,
    /// A line for each attribute.
    Csv,
    /// The values alone.
    Text,
    /// A STIX 2.1 bundle.
    Stix2,
}

/// Which attributes are meant: those that hold, those that were withdrawn, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deleted {
    Without,
    Only,
    With,
}

/// Why a search is not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// The caller has to leave it out.
    #[error("`{0}` is not known here\nhint: leave it out; what narrows a search is never passed over")]
    Unknown(String),
    /// The caller has to write it otherwise.
    #[error(
        "`{0}` cannot be read\nhint: a text that is not blank, a number, a list of them, or OR, AND and NOT with lists; times as seconds, days or 7d"
    )]
    Unreadable(String),
    /// The caller has to choose.
    #[error("`{0}` says anew what another name says already\nhint: give one of them")]
    Twice(String),
    /// The caller has to ask for less.
    #[error("`{0}` has too many values with `%`\nhint: 100 are the most; whole values may be more")]
    Wildcards(String),
    /// The caller has to ask for another form.
    #[error("there is no `returnFormat` of that name\nhint: there are json, csv, text and stix2")]
    Format,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Search {
    /// What is looked for.
    pub controller: Controller,
    /// The form of the answer.
    pub format: ReturnFormat,
    /// So many results; all where none is given.
    pub limit: Option<u64>,
    /// The first page is 1.
    pub page: u64,
    /// Events without their attributes.
    pub metadata: bool,
    /// CSV without a header.
    pub headerless: bool,
    /// What the event says in each line of CSV, and its tags beside those of each attribute.
    pub context: bool,
    /// The event's tags beside those of each attribute.
    pub event_tags: bool,
    /// The fields of CSV, in this order.
    pub fields: Vec<String>,
    /// Of the index: ids and times alone.
    pub minimal: bool,
    /// Of the index: by which field, and whether backwards.
    pub sort: Option<(String, bool)>,
    /// Without what warninglists name.
    pub unlisted: bool,
    narrow: Narrow,
}

/// What narrows a search.
#[derive(Debug, Clone)]
struct Narrow {
    value: Terms,
    kind: Terms,
    category: Terms,
    org: Terms,
    tags: Terms,
    event_tags: Terms,
    info: Terms,
    anywhere: Vec<Terms>,
    event: Terms,
    uuid: Terms,
    threat_level: Terms,
    analysis: Terms,
    distribution: Terms,
    date: Range,
    timestamp: Range,
    event_timestamp: Range,
    published_at: Range,
    published: Option<bool>,
    to_ids: Option<bool>,
    deleted: Deleted,
}

/// What only adds to an answer, or has nothing to add here.
const ADDS: [&str; 18] = [
    "withAttachments",
    "includeEventUuid",
    "includeCorrelations",
    "includeSightings",
    "includeSightingdb",
    "includeDecayScore",
    "includeFullModel",
    "includeProposals",
    "includeGalaxy",
    "includeWarninglistHits",
    "includeServerCorrelations",
    "includeAttributeUuid",
    "includeAllTags",
    "includeUuid",
    "allow_proposal_blocking",
    "sgReferenceOnly",
    "extended",
    "noSightings",
];

impl Search {
    /// Everything that a controller has.
    pub fn all(controller: Controller) -> Self {
        let none = Terms::default;
        let narrow = Narrow {
            value: none(),
            kind: none(),
            category: none(),
            org: none(),
            tags: none(),
            event_tags: none(),
            info: none(),
            anywhere: Vec::new(),
            event: none(),
            uuid: none(),
            threat_level: none(),
            analysis: none(),
            distribution: none(),
            date: Range::default(),
            timestamp: Range::default(),
            event_timestamp: Range::default(),
            published_at: Range::default(),
            published: None,
            to_ids: None,
            deleted: Deleted::Without,
        };
        Self {
            controller,
            format: ReturnFormat::Json,
            limit: None,
            page: 1,
            metadata: false,
            headerless: false,
            context: false,
            event_tags: false,
            fields: Vec::new(),
            minimal: false,
            sort: None,
            unlisted: false,
            narrow,
        }
    }

    /// One event, by its id or UUID; `deleted` says whether it comes with attributes that were withdrawn.
    pub fn event(id: &str, deleted: bool) -> Self {
        let mut search = Self::all(Controller::Events);
        // Neither `!` nor `%` says anything here.
        let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        search.narrow.event = Terms::read("id", &Value::from(if plain && !id.is_empty() { id } else { "none" })).unwrap_or_default();
        search.narrow.deleted = if deleted { Deleted::With } else { Deleted::Without };
        search
    }

    /// One attribute, by its id or UUID, also one that was withdrawn.
    pub fn attribute(id: &str) -> Self {
        let mut search = Self::event(id, true);
        search.controller = Controller::Attributes;
        std::mem::swap(&mut search.narrow.event, &mut search.narrow.uuid);
        search.limit = Some(1);
        search
    }

    /// Reads what a caller sends.
    ///
    /// # Errors
    /// When something in it is not known, or cannot be read.
    pub fn read(controller: Controller, query: &Map<String, Value>, now: Timestamp) -> Result<Self, SearchError> {
        let mut search = Self::all(controller);
        let mut meant = BTreeSet::new();
        for (name, value) in query {
            // PyMISP sends much that says nothing; `0` says something of these.
            let says_nothing = match value {
                Value::Null => true,
                Value::Array(list) => list.is_empty(),
                Value::String(text) => text.is_empty(),
                _ => false,
            };
            if says_nothing {
                continue;
            }
            if !meant.insert(meaning(name)) {
                return Err(SearchError::Twice(name.clone()));
            }
            search.take(name, value, now)?;
        }
        Ok(search)
    }

    fn take(&mut self, name: &str, value: &Value, now: Timestamp) -> Result<(), SearchError> {
        let bad = || SearchError::Unreadable(name.into());
        let bool = || flag(Some(value)).ok_or_else(bad);
        let number = || text(value).and_then(|text| text.parse::<u64>().ok()).ok_or_else(bad);
        let terms = || Terms::read(name, value);
        let is_index = self.controller == Controller::Index;
        let narrow = &mut self.narrow;
        match name {
            "returnFormat" => {
                self.format = match text(value).unwrap_or_default().as_str() {
                    "json" => ReturnFormat::Json,
                    "csv" if !is_index => ReturnFormat::Csv,
                    "text" if !is_index => ReturnFormat::Text,
                    "stix2" if !is_index => ReturnFormat::Stix2,
                    _ => return Err(SearchError::Format),
                };
            }
            "limit" => self.limit = Some(number()?).filter(|limit| *limit > 0),
            "page" => self.page = number()?.max(1),
            "metadata" => self.metadata = bool()?,
            "headerless" => self.headerless = bool()?,
            "includeContext" => self.context = bool()?,
            "includeEventTags" => self.event_tags = bool()?,
            "requested_attributes" => {
                let fields = match value {
                    Value::Array(list) => list.iter().map(text).collect::<Option<Vec<_>>>().ok_or_else(bad)?,
                    value => text(value).ok_or_else(bad)?.split(',').map(|field| field.trim().to_owned()).collect(),
                };
                if let Some(unknown) = fields.iter().find(|field| super::csv::fields().all(|known| known != **field)) {
                    return Err(SearchError::Unknown(unknown.chars().take(40).collect()));
                }
                self.fields = fields;
            }
            "minimal" if is_index => self.minimal = bool()?,
            "sort" if is_index => {
                let field = text(value).filter(|field| super::INDEX_SORTS.contains(&field.as_str())).ok_or_else(bad)?;
                self.sort = Some((field, self.sort.take().is_some_and(|(_, backwards)| backwards)));
            }
            "direction" if is_index => {
                let backwards = text(value).is_some_and(|text| text == "desc");
                self.sort = Some((self.sort.take().map_or_else(|| "id".into(), |(field, _)| field), backwards));
            }
            "desc" if is_index => {}
            "enforceWarninglist" => self.unlisted = bool()?,
            "value" => narrow.value = terms()?,
            "attribute" if is_index => narrow.value = terms()?,
            "type" => narrow.kind = terms()?,
            "category" => narrow.category = terms()?,
            "org" => narrow.org = terms()?,
            "tags" | "tag" => narrow.tags = terms()?,
            "event_tags" => narrow.event_tags = terms()?,
            "eventinfo" => narrow.info = terms()?,
            "searchall" | "all" => narrow.anywhere.push(terms()?),
            "quickFilter" | "quickfilter" => {
                narrow.anywhere.push(Terms::containing(&text(value).filter(|text| !text.is_empty()).ok_or_else(bad)?));
            }
            "eventid" | "event_id" => narrow.event = terms()?,
            "uuid" => narrow.uuid = terms()?,
            "threat_level_id" | "threatlevel" => narrow.threat_level = terms()?,
            "analysis" => narrow.analysis = terms()?,
            "distribution" => narrow.distribution = terms()?,
            "from" | "datefrom" => narrow.date.read_day(name, value, now, false)?,
            "to" | "dateuntil" => narrow.date.read_day(name, value, now, true)?,
            "timestamp" | "attribute_timestamp" => narrow.timestamp = Range::read(name, value, now)?,
            "event_timestamp" => narrow.event_timestamp = Range::read(name, value, now)?,
            "publish_timestamp" | "last" => narrow.published_at = Range::read(name, value, now)?,
            "published" => narrow.published = Some(bool()?),
            "to_ids" => narrow.to_ids = Some(bool()?),
            "deleted" => narrow.deleted = deleted(value).ok_or_else(bad)?,
            name if ADDS.contains(&name) => {}
            // Whatever it is, it is not asked for.
            _ if matches!(flag(Some(value)), Some(false)) => {}
            name => return Err(SearchError::Unknown(name.chars().take(40).filter(|c| !c.is_control()).collect())),
        }
        Ok(())
    }

    /// Whether it has everything that there is: nothing narrows it.
    pub fn is_whole(&self) -> bool {
        self.limit.is_none() && self.page == 1 && !self.unlisted && !self.metadata && !self.narrows_events() && !self.narrows_attributes()
    }

    fn narrows_events(&self) -> bool {
        let Narrow {
            org,
            event_tags,
            info,
            event,
            threat_level,
            analysis,
            distribution,
            date,
            event_timestamp,
            published_at,
            published,
            ..
        } = &self.narrow;
        let terms = [org, event_tags, info, event, threat_level, analysis, distribution];
        let times = [date, event_timestamp, published_at];
        published.is_some() || terms.into_iter().any(|terms| !terms.is_empty()) || times.into_iter().any(|range| !range.is_empty())
    }

    fn narrows_attributes(&self) -> bool {
        let Narrow { value, kind, category, tags, anywhere, uuid, timestamp, to_ids, .. } = &self.narrow;
        let terms = [value, kind, category, tags, uuid];
        to_ids.is_some() || !anywhere.is_empty() || !timestamp.is_empty() || terms.into_iter().any(|terms| !terms.is_empty())
    }

    /// Whether one event is asked for.
    pub fn is_event(&self) -> bool {
        self.controller == Controller::Events && !self.narrow.event.is_empty()
    }

    /// Whether an attribute has to fit for its event to be among the answers.
    pub fn asks_attributes(&self) -> bool {
        let Narrow { value, kind, category, anywhere, uuid, to_ids, .. } = &self.narrow;
        let terms = [value, kind, category, uuid];
        self.unlisted || to_ids.is_some() || !anywhere.is_empty() || terms.into_iter().any(|terms| !terms.is_empty())
    }

    /// Whether the tags of all of an event's attributes have to be known to decide on it.
    pub fn asks_tags(&self) -> bool {
        !self.narrow.tags.is_empty()
    }

    /// Whether an event fits, whatever its attributes are.
    pub fn is_of(&self, head: &Map<String, Value>) -> bool {
        let Narrow { org, event_tags, info, event, threat_level, analysis, distribution, .. } = &self.narrow;
        let get = |name: &str| head.get(name).and_then(Value::as_str).unwrap_or_default();
        let orgc = head.get("Orgc").unwrap_or(&Value::Null);
        let (org_name, org_uuid) = (said(orgc, "name"), said(orgc, "uuid"));
        let (uuid, seconds) = (get("uuid"), |name: &str| get(name).parse().unwrap_or(0));
        let timestamps = match self.controller {
            Controller::Attributes => true,
            Controller::Events | Controller::Index => self.narrow.timestamp.has(seconds("timestamp")),
        };
        let published = head.get("published").and_then(Value::as_bool).unwrap_or(false);
        timestamps
            && org.hold([org_name, org_uuid, &super::id_of(org_uuid).to_string()])
            && event_tags.hold(tags(head))
            && info.hold([get("info")])
            && event.hold([uuid, &super::id_of(uuid).to_string()])
            && threat_level.hold([get("threat_level_id")])
            && analysis.hold([get("analysis")])
            && distribution.hold(["0"])
            && (self.narrow.date.is_empty() || day(get("date")).is_some_and(|day| self.narrow.date.has(day)))
            && self.narrow.event_timestamp.has(seconds("timestamp"))
            && (self.narrow.published_at.is_empty() || self.narrow.published_at.has(seconds("publish_timestamp")))
            && self.narrow.published.is_none_or(|wanted| wanted == published)
    }

    /// Whether tags fit: those of an event and all its attributes, or of one attribute and its event.
    pub fn has_tags<'t>(&self, tags: impl IntoIterator<Item = &'t str>) -> bool {
        self.narrow.tags.hold(tags)
    }

    /// Whether an attribute belongs to what is shown of its event.
    pub fn shows(&self, attribute: &Map<String, Value>) -> bool {
        let deleted = flag(attribute.get("deleted")).unwrap_or(false);
        match self.narrow.deleted {
            Deleted::Without => !deleted,
            Deleted::Only => deleted,
            Deleted::With => true,
        }
    }

    /// Whether an attribute of an event fits. Of the tags nothing is asked where whole events are looked for.
    pub fn fits(&self, head: &Map<String, Value>, attribute: &Map<String, Value>) -> bool {
        let Narrow { value, kind, category, uuid, to_ids, anywhere, timestamp, .. } = &self.narrow;
        let get = |name: &str| attribute.get(name).and_then(Value::as_str).unwrap_or_default();
        let of_event = |name: &str| head.get(name).and_then(Value::as_str).unwrap_or_default();
        let all = || {
            let orgc = said(head.get("Orgc").unwrap_or(&Value::Null), "name");
            tags(attribute).chain(tags(head)).chain([get("value"), get("comment"), of_event("info"), orgc])
        };
        let alone = || {
            timestamp.has(get("timestamp").parse().unwrap_or(0))
                && (self.narrow.tags.is_empty() || self.has_tags(tags(attribute).chain(tags(head))))
        };
        self.shows(attribute)
            && value.hold([get("value")])
            && kind.hold([get("type")])
            && category.hold([get("category")])
            && uuid.hold([get("uuid"), &super::id_of(get("uuid")).to_string(), of_event("uuid")])
            && to_ids.is_none_or(|wanted| flag(attribute.get("to_ids")).unwrap_or(false) == wanted)
            && anywhere.iter().all(|terms| terms.hold(all()))
            && (self.controller != Controller::Attributes || alone())
    }

    /// Which results are meant of those that fit, counted from 0: from one on, and so many.
    pub fn window(&self) -> (u64, u64) {
        match self.limit {
            Some(limit) => (limit.saturating_mul(self.page - 1), limit),
            None if self.page > 1 => (0, 0),
            None => (0, u64::MAX),
        }
    }
}

/// Names of the tags of an event or an attribute.
pub fn tags(of: &Map<String, Value>) -> impl Iterator<Item = &str> {
    of.get("Tag").and_then(Value::as_array).into_iter().flatten().map(|tag| said(tag, "name"))
}

fn said<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// One name for all that mean the same.
fn meaning(name: &str) -> &str {
    match name {
        "attribute" => "value",
        "tag" => "tags",
        "event_id" => "eventid",
        "threatlevel" => "threat_level_id",
        "datefrom" => "from",
        "dateuntil" => "to",
        "attribute_timestamp" => "timestamp",
        "last" => "publish_timestamp",
        name => name,
    }
}

fn deleted(value: &Value) -> Option<Deleted> {
    match value {
        Value::Array(list) => {
            let flags: Option<Vec<bool>> = list.iter().map(|one| flag(Some(one))).collect();
            let flags = flags?;
            Some(match (flags.contains(&true), flags.contains(&false)) {
                (true, true) => Deleted::With,
                (true, false) => Deleted::Only,
                _ => Deleted::Without,
            })
        }
        Value::String(text) if text == "only" => Some(Deleted::Only),
        value => flag(Some(value)).map(|only| if only { Deleted::Only } else { Deleted::Without }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn head() -> Map<String, Value> {
        map(json!({
            "uuid": "0000000f-0000-5000-8000-000000000001", "info": "Pegasus", "date": "2026-11-20", "timestamp": "1790000000",
            "publish_timestamp": "1790000000", "published": true, "threat_level_id": "4", "analysis": "2",
            "Orgc": { "name": "org-a", "uuid": "00000000-0001-5000-8000-000000000001" }, "Tag": [{ "name": "tlp:green" }],
        }))
    }

    fn attribute() -> Map<String, Value> {
        map(json!({
            "uuid": "00000000-0002-5000-8000-000000000001", "type": "domain", "category": "Network activity", "value": "fresh-lure.com",
            "to_ids": true, "timestamp": "1780000000", "Tag": [{ "name": "Pegasus" }], "comment": "seen in March",
        }))
    }

    fn search(controller: Controller, query: Value) -> Search {
        Search::read(controller, &map(query), NOW).unwrap()
    }

    #[test]
    fn each_condition_holds_and_fails_by_itself() {
        let of = |query: Value| {
            let search = search(Controller::Attributes, query);
            search.is_of(&head()) && search.fits(&head(), &attribute())
        };
        for good in [
            json!({}),
            json!({ "value": "Fresh-Lure.com" }),
            json!({ "value": ["%lure%", "x"] }),
            json!({ "type": ["domain", "url"] }),
            json!({ "type": { "NOT": ["url"] } }),
            json!({ "category": "Network activity" }),
            json!({ "org": "org-a" }),
            json!({ "org": "1" }),
            json!({ "tags": "pegasus" }),
            json!({ "tags": ["tlp:green"] }),
            json!({ "tags": "!tlp:amber" }),
            json!({ "event_tags": "tlp:green" }),
            json!({ "eventinfo": "peg%" }),
            json!({ "searchall": "%march%" }),
            json!({ "quickFilter": "MARCH" }),
            json!({ "eventid": 983_040 }),
            json!({ "eventid": "0000000f-0000-5000-8000-000000000001" }),
            json!({ "uuid": "00000000-0002-5000-8000-000000000001" }),
            json!({ "from": "2026-11-20", "to": "2026-11-20" }),
            json!({ "timestamp": 1_780_000_000 }),
            json!({ "timestamp": [1_770_000_000, 1_785_000_000] }),
            json!({ "event_timestamp": "1790000000" }),
            json!({ "last": "1790000000" }),
            json!({ "published": true }),
            json!({ "published": 1 }),
            json!({ "to_ids": 1 }),
            json!({ "deleted": [0, 1] }),
            json!({ "sharinggroup": null, "includeSightings": 1, "metadata": 0, "excludeDecayed": 0 }),
        ] {
            assert!(of(good.clone()), "{good}");
        }
        for bad in [
            json!({ "value": "lure.com" }),
            json!({ "value": "!fresh-lure.com" }),
            json!({ "type": "url" }),
            json!({ "category": "Other" }),
            json!({ "org": "org-b" }),
            json!({ "tags": "peg" }),
            json!({ "tags": "!tlp:green" }),
            json!({ "event_tags": "Pegasus" }),
            json!({ "eventinfo": "egasus" }),
            json!({ "quickFilter": "april" }),
            json!({ "eventid": "!983040" }),
            json!({ "uuid": "00000000-0002-5000-8000-000000000002" }),
            json!({ "from": "2026-11-21" }),
            json!({ "to": "2026-11-19" }),
            json!({ "timestamp": 1_780_000_001 }),
            json!({ "event_timestamp": 1_790_000_001 }),
            json!({ "publish_timestamp": "1d" }),
            json!({ "published": false }),
            json!({ "to_ids": 0 }),
            json!({ "deleted": 1 }),
        ] {
            assert!(!of(bad.clone()), "{bad}");
        }
    }

    #[test]
    fn what_narrows_and_is_not_known_is_refused() {
        let refused = |query: Value| Search::read(Controller::Attributes, &map(query), NOW).unwrap_err();
        assert_eq!(refused(json!({ "sharinggroup": 5 })), SearchError::Unknown("sharinggroup".into()));
        assert_eq!(refused(json!({ "excludeDecayed": 1 })), SearchError::Unknown("excludeDecayed".into()));
        assert_eq!(refused(json!({ "sort": "id" })), SearchError::Unknown("sort".into()));
        assert_eq!(refused(json!({ "limit": "many" })), SearchError::Unreadable("limit".into()));
        assert_eq!(refused(json!({ "returnFormat": "openioc" })), SearchError::Format);
        assert_eq!(refused(json!({ "requested_attributes": ["value", "x"] })), SearchError::Unknown("x".into()));
        assert!(Search::read(Controller::Index, &map(json!({ "returnFormat": "csv" })), NOW).is_err());
    }

    #[test]
    fn what_is_blank_or_said_under_two_names_is_refused_and_never_passed_over() {
        let read = |controller: Controller, query: Value| Search::read(controller, &map(query), NOW).map(|search| search.is_whole());
        for (name, blank) in [
            ("value", json!(" ")),
            ("value", json!(["a.com", ""])),
            ("tags", json!("!")),
            ("tags", json!({ "OR": ["a", " ! "] })),
            ("quickFilter", json!("  ")),
            ("searchall", json!([" "])),
        ] {
            let query = json!({ name: blank });
            assert_eq!(read(Controller::Attributes, query.clone()), Err(SearchError::Unreadable(name.into())), "{query}");
        }
        for [one, other] in [
            ["tag", "tags"],
            ["event_id", "eventid"],
            ["threat_level_id", "threatlevel"],
            ["datefrom", "from"],
            ["dateuntil", "to"],
            ["attribute_timestamp", "timestamp"],
            ["last", "publish_timestamp"],
        ] {
            let query = json!({ one: "1", other: "2" });
            assert_eq!(read(Controller::Events, query.clone()), Err(SearchError::Twice(other.into())), "{query}");
            assert_eq!(read(Controller::Events, json!({ one: "1", other: "" })), Ok(false), "{other} says nothing");
        }
        assert_eq!(read(Controller::Index, json!({ "attribute": "a.com", "value": "b.com" })), Err(SearchError::Twice("value".into())));
        // What is empty is not asked for: PyMISP sends it.
        assert_eq!(read(Controller::Attributes, json!({ "value": "", "tags": { "OR": [] }, "type": [] })), Ok(true));
    }

    #[test]
    fn a_search_of_everything_says_so_and_any_other_does_not() {
        for (whole, query) in [
            (true, json!({ "returnFormat": "csv", "includeContext": 1, "page": 1, "deleted": [0, 1] })),
            (false, json!({ "limit": 5 })),
            (false, json!({ "value": "a" })),
            (false, json!({ "tags": "!a" })),
            (false, json!({ "published": true })),
            (false, json!({ "metadata": 1 })),
            (false, json!({ "enforceWarninglist": 1 })),
            (false, json!({ "timestamp": "1d" })),
        ] {
            assert_eq!(search(Controller::Attributes, query.clone()).is_whole(), whole, "{query}");
        }
    }

    #[test]
    fn pages_are_counted_from_one_and_a_page_without_a_length_ends_a_loop() {
        let window = |query: Value| search(Controller::Events, query).window();
        assert_eq!(window(json!({})), (0, u64::MAX));
        assert_eq!(window(json!({ "limit": 10 })), (0, 10));
        assert_eq!(window(json!({ "limit": "10", "page": "3" })), (20, 10));
        assert_eq!(window(json!({ "page": 2 })), (0, 0));
        assert_eq!(window(json!({ "limit": u64::MAX, "page": u64::MAX })), (u64::MAX, u64::MAX));
    }

    #[test]
    fn one_event_and_one_attribute_are_found_by_id_and_uuid_and_no_pattern_is_one() {
        for id in ["983040", "0000000f-0000-5000-8000-000000000001", "0000000F-0000-5000-8000-000000000001"] {
            assert!(Search::event(id, false).is_of(&head()), "{id}");
        }
        for id in ["%", "!x", "", "983041", "983040%"] {
            assert!(!Search::event(id, false).is_of(&head()), "{id}");
        }
        assert!(Search::attribute("2").fits(&head(), &attribute()));
        assert!(!Search::attribute("%").fits(&head(), &attribute()));
    }
}
