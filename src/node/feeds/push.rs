//! What groups share is written into a MISP server: the events that an export would have (`formats/export/misp.rs`), and of these what is not there yet
//! as it is now. What an export would not have any more is deleted there. It is an export like any other, and remembered as one.

use super::fault::Fault;
use super::misp::root;
use super::row::{FeedRow, damaged};
use super::{Run, Stop};
use crate::formats::Problem;
use crate::formats::export::{read_attribute, read_head};
use crate::model::crypto::sha256;
use crate::model::{Ceiling, Class, Pap, Timestamp, Tlp};
use crate::node::export_records::{Export, SOME_OF_IT};
use crate::node::view::{ExportFormat, ExportOptions, ExportRequest};
use crate::node::{Node, NodeError};
use crate::store::Snapshot;
use crate::store::change::{Change, Shelf};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::sync::Arc;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use url::Url;
use uuid::Uuid;

/// The distribution of an event that no other organisation of the server may see, and of one that its own may, and no server that it is connected to.
const ONLY_OURS: &str = "0";
const THIS_COMMUNITY: &str = "1";

/// An attribute as the server has it of us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pushed {
    /// In which event.
    #[serde(rename = "e", with = "text")]
    event: Uuid,
    /// Under which id.
    #[serde(rename = "a", with = "text")]
    id: Uuid,
    /// The beginning of a hash of what was said.
    #[serde(rename = "h")]
    hash: u64,
    /// The time that it was given, in seconds: the server takes nothing older.
    #[serde(rename = "t")]
    at: u64,
    /// Whether it is deleted there.
    #[serde(rename = "g", default)]
    gone: bool,
}

/// Ids as text.
mod text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use uuid::Uuid;

    pub(super) fn serialize<S: Serializer>(id: &Uuid, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(id)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Uuid, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// What leaves in one go.
struct Page {
    event: Uuid,
    /// Whether the server has it of us.
    is_known: bool,
    body: Map<String, Value>,
    /// What the server has then, by its key.
    rows: Vec<(u64, Pushed)>,
    new: u64,
    gone: u64,
}

/// What is compared.
struct Compare {
    known: BTreeMap<u64, Pushed>,
    /// Which attribute has an id there.
    taken: BTreeMap<Uuid, u64>,
    events: BTreeSet<Uuid>,
    seen: BTreeSet<u64>,
    size: usize,
    now: u64,
}

impl Node {
    pub(super) async fn push_misp(self: &Arc<Self>, run: &mut Run) -> Result<(), Stop> {
        let (root, request) = (root(&run.feed.terms.at)?, self.pushed_as(&run.feed)?);
        let compare = {
            let known = run.feed.pushed(&self.store.snapshot()?)?;
            Compare {
                taken: known.iter().map(|(key, row)| (row.id, *key)).collect(),
                events: known.values().map(|row| row.event).collect(),
                known,
                seen: BTreeSet::new(),
                size: usize::try_from(self.config.feeds.misp_page_attributes).unwrap_or(usize::MAX),
                now: self.clock.now().0 / 1_000,
            }
        };
        let export = self.begin_export(request.clone())?;
        let data = self.data.clone();
        // One page waits while another is on its way.
        let (give, mut take) = channel(1);
        let comparing = tokio::task::spawn_blocking(move || compare.compare(&export, &data, &give));
        let told = self.push_pages(run, &root, &request, &mut take).await;
        // Nobody takes the rest, and nobody waits for it.
        drop(take);
        let compared = comparing.await.map_err(|fault| NodeError::Internal(fault.to_string()))?;
        let told = told?;
        compared?;
        if told {
            // All of it is there now: what was taken back before this is gone.
            self.remember_push(run, &request, None).await?;
        }
        Ok(())
    }

    /// Whether anything left.
    async fn push_pages(&self, run: &mut Run, root: &Url, request: &ExportRequest, pages: &mut Receiver<Page>) -> Result<bool, Stop> {
        let mut told = false;
        for _ in 0..self.config.feeds.fetches_max {
            let Some(page) = pages.recv().await else { return Ok(told) };
            run.counts.new += page.new;
            run.counts.gone += page.gone;
            run.counts.changed += (page.rows.len() as u64).saturating_sub(page.new + page.gone);
            if run.how.dry_run {
                continue;
            }
            if !told {
                // Before anything leaves: what breaks off in the middle may have carried it all.
                self.remember_push(run, request, Some(SOME_OF_IT)).await?;
                told = true;
            }
            self.push_page(run, root, page).await?;
        }
        // The next run goes on.
        Err(Fault::More.into())
    }

    async fn push_page(&self, run: &mut Run, root: &Url, page: Page) -> Result<(), Stop> {
        let body = json!({ "Event": page.body });
        let (add, edit) = ("events/add".to_owned(), format!("events/edit/{}", page.event));
        let (first, second) = if page.is_known { (&edit, &add) } else { (&add, &edit) };
        let all_gone = page.rows.iter().all(|(_, row)| row.gone);
        let mut is_lost = false;
        let answer = match self.misp_post(run, root, first, &body).await {
            // Nothing is there to be deleted.
            Err(Fault::Http(404)) if page.is_known && all_gone => None,
            // It was deleted there, or it is there since an earlier try whose answer never came.
            Err(Fault::Http(302 | 403..=405 | 409)) => {
                is_lost = page.is_known;
                Some(self.misp_post(run, root, second, &body).await?)
            }
            answer => Some(answer?),
        };
        let there = answer.and_then(|answer| answer.body).and_then(|body| there(body, self.config.feeds.misp_page_bytes_max));
        let refused = page.rows.iter().filter(|(_, row)| !row.gone && there.as_ref().is_some_and(|there| !there.contains(&row.id)));
        for (_, row) in refused {
            run.counts.left_out += 1;
            if run.problems.len() < 20 {
                let what = "the server did not take it\nhint: its log says why; it is told again once it changes".to_owned();
                run.problems.push(Problem { place: format!("event {} {}", page.event, row.id), what });
            }
        }
        run.state.succeeded = Some(self.clock.now());
        run.state.news = run.state.succeeded;
        let _turn = self.feeding.turn.lock().await;
        self.store.settled().await;
        let snapshot = self.store.snapshot()?;
        if super::row::all(&snapshot)?.iter().all(|row| row.id != run.feed.id) {
            return Err(Stop::Removed);
        }
        let mut changes = vec![run.feed.state_kept(&run.state)?];
        if is_lost {
            // What else it had is gone with it, and is written again by the next run.
            for (key, _) in run.feed.pushed(&snapshot)?.into_iter().filter(|(_, row)| row.event == page.event) {
                changes.push(run.feed.kept_under(key, None)?);
            }
        }
        for (key, row) in &page.rows {
            changes.push(run.feed.kept_under(*key, Some(serde_json::to_vec(row).unwrap_or_default()))?);
        }
        self.commit_many(changes).await.map_err(NodeError::from)?;
        Ok(())
    }

    async fn remember_push(&self, run: &Run, request: &ExportRequest, since: Option<Timestamp>) -> Result<(), NodeError> {
        let row = self.exported(request, since, Some(format!("feed:{}", run.feed.name)));
        self.commit(Change::Exported(Box::new(row))).await.map(drop)
    }

    /// What may leave for the server: as for a program that fetches exports, of the named groups alone.
    fn pushed_as(&self, feed: &FeedRow) -> Result<ExportRequest, Stop> {
        let mut groups = Vec::new();
        for name in &feed.terms.groups {
            match self.group_named(name) {
                Ok(row) if !row.left => groups.push(row.group),
                Ok(_) | Err(NodeError::UnknownGroup(_)) => return Err(Fault::NoGroup.into()),
                Err(error) => return Err(error.into()),
            }
        }
        // No group at all would be all groups.
        if groups.is_empty() {
            return Err(Fault::NoGroup.into());
        }
        let tlp = feed.terms.tlp_max.unwrap_or(Tlp::Green).min(Tlp::AmberStrict);
        let ceiling = Ceiling { tlp, class: Class::Confidential, pap: Pap::Red };
        let (since, kinds, options) = (None, Vec::new(), ExportOptions::default());
        Ok(ExportRequest { format: ExportFormat::Misp, ceiling, groups, since, kinds, options })
    }
}

impl FeedRow {
    /// What the server has of us.
    fn pushed(&self, snapshot: &Snapshot) -> Result<BTreeMap<u64, Pushed>, NodeError> {
        let id = self.id()?;
        let beginning: &[u8; 8] = id.first_chunk().ok_or_else(damaged)?;
        let rows = snapshot.kept_under(Shelf::FeedItem, beginning)?.into_iter().map(|(key, bytes)| {
            let row = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
            Ok((u64::from_be_bytes(*key.last_chunk().ok_or_else(damaged)?), row))
        });
        rows.collect()
    }
}

impl Compare {
    /// Gives what is to leave, page by page. Blocking.
    fn compare(mut self, export: &Export, data: &std::path::Path, give: &Sender<Page>) -> Result<(), Stop> {
        let mut archive = tempfile::tempfile_in(data).map_err(|_| Fault::Disk)?;
        export.write(&mut std::io::BufWriter::new(&mut archive))?;
        archive.seek(SeekFrom::Start(0)).map_err(|_| Fault::Disk)?;
        let mut archive = tar::Archive::new(BufReader::new(archive));
        for file in archive.entries().map_err(|_| Fault::Disk)? {
            let file = file.map_err(|_| Fault::Disk)?;
            let name = file.path().ok().and_then(|path| path.file_stem()?.to_str()?.parse().ok());
            if let Some(event) = name
                && !self.event(event, &mut BufReader::new(file), give)?
            {
                return Ok(());
            }
        }
        self.gone(give);
        Ok(())
    }

    /// One event as the export has it: a line that says what it is, and a line for each attribute. `false` once nobody listens any more.
    fn event(&mut self, event: Uuid, file: &mut dyn BufRead, give: &Sender<Page>) -> Result<bool, Stop> {
        let bad = || NodeError::Internal("an export is not as it was written".into());
        let mut lines = file.lines();
        let head = lines.next().ok_or_else(bad)?.map_err(|_| Fault::Disk)?;
        let head = described(&Value::Object(read_head(head.as_bytes()).ok_or_else(bad)?));
        let (mut attributes, mut rows, mut new) = (Vec::new(), Vec::new(), 0);
        for line in lines {
            let line = line.map_err(|_| Fault::Disk)?;
            let line = line.trim_end_matches(',');
            if line == "]}}" || line.is_empty() {
                continue;
            }
            let mut attribute = read_attribute(line.as_bytes()).ok_or_else(bad)?;
            let id: Uuid = attribute.get("uuid").and_then(Value::as_str).and_then(|id| id.parse().ok()).ok_or_else(bad)?;
            let (key, hash) = (beginning(&[event.as_bytes(), id.as_bytes()]), beginning(&[line.as_bytes()]));
            let gone = attribute.get("deleted") == Some(&true.into());
            self.seen.insert(key);
            let before = self.known.get(&key);
            if before.map_or(gone, |before| before.gone == gone && (gone || before.hash == hash)) {
                continue;
            }
            // Under another campaign it is in another event, where the server takes no id that it has already.
            let used = |id: &Uuid| self.taken.get(id).is_some_and(|other| *other != key);
            let id = if used(&id) { Uuid::new_v5(&event, id.as_bytes()) } else { id };
            let said = attribute.get("timestamp").and_then(Value::as_str).and_then(|at| at.parse().ok()).unwrap_or(self.now);
            let at = before.map_or(said, |before| said.max(before.at + 1));
            new += u64::from(before.is_none());
            attribute.insert("uuid".into(), id.to_string().into());
            attribute.insert("timestamp".into(), at.to_string().into());
            attribute.insert("distribution".into(), "5".into());
            self.taken.insert(id, key);
            attributes.push(Value::Object(attribute));
            rows.push((key, Pushed { event, id, hash, at, gone }));
            if rows.len() >= self.size {
                let page =
                    self.page(event, head.clone(), std::mem::take(&mut attributes), std::mem::take(&mut rows), std::mem::take(&mut new));
                if give.blocking_send(page).is_err() {
                    return Ok(false);
                }
            }
        }
        if rows.is_empty() {
            return Ok(true);
        }
        let page = self.page(event, head, attributes, rows, new);
        Ok(give.blocking_send(page).is_ok())
    }

    /// What the export has no more: recalled, expired, or out of the ceiling. Of what was recalled nothing is left here but its id.
    fn gone(&mut self, give: &Sender<Page>) {
        let mut by_event: BTreeMap<Uuid, Vec<(u64, Pushed)>> = BTreeMap::new();
        for (key, row) in &self.known {
            if !row.gone && !self.seen.contains(key) {
                let row = Pushed { gone: true, at: self.now.max(row.at + 1), ..row.clone() };
                by_event.entry(row.event).or_default().push((*key, row));
            }
        }
        for (event, rows) in by_event {
            for some in rows.chunks(self.size.max(1)) {
                let of = |(_, row): &(u64, Pushed)| json!({ "uuid": row.id.to_string(), "deleted": true, "timestamp": row.at.to_string() });
                // An event that says nothing of it would not be published any more.
                let head = Map::from_iter([("uuid".to_owned(), event.to_string().into()), ("published".to_owned(), true.into())]);
                let page = self.page(event, head, some.iter().map(of).collect(), some.to_vec(), 0);
                if give.blocking_send(page).is_err() {
                    return;
                }
            }
        }
    }

    fn page(&mut self, event: Uuid, mut body: Map<String, Value>, attributes: Vec<Value>, rows: Vec<(u64, Pushed)>, new: u64) -> Page {
        body.insert("Attribute".into(), attributes.into());
        let is_known = !self.events.insert(event);
        let gone = rows.iter().filter(|(_, row)| row.gone).count() as u64;
        Page { event, is_known, body, rows, new, gone }
    }
}

/// What the server is told of an event. Times are its own, as it takes an event for older otherwise; whose it is there, is for the key to say.
fn described(event: &Value) -> Map<String, Value> {
    let kept = ["uuid", "info", "date", "threat_level_id", "analysis", "Tag"];
    let mut head: Map<String, Value> = kept.iter().filter_map(|key| Some(((*key).to_owned(), event.get(key)?.clone()))).collect();
    let tags = head.get("Tag").and_then(Value::as_array).into_iter().flatten().filter_map(|tag| tag.get("name")?.as_str());
    let is_open =
        tags.clone().count() > 0 && tags.into_iter().all(|tag| ["tlp:clear", "tlp:white", "tlp:green", "tlp:amber"].contains(&tag));
    head.insert("distribution".into(), if is_open { THIS_COMMUNITY } else { ONLY_OURS }.into());
    head.insert("published".into(), true.into());
    head
}

/// The ids of the attributes that an answer has. `None` where it is too long to be looked at, or something else.
fn there(body: super::fetch::Body, most: u64) -> Option<BTreeSet<Uuid>> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "Event")]
        event: Event,
    }
    #[derive(Deserialize)]
    struct Event {
        #[serde(rename = "Attribute")]
        attributes: Vec<Attribute>,
    }
    #[derive(Deserialize)]
    struct Attribute {
        #[serde(with = "text")]
        uuid: Uuid,
    }
    let answer: Answer = serde_json::from_slice(&body.whole_within(most, "feeds.misp_page_bytes_max").ok()?).ok()?;
    Some(answer.event.attributes.into_iter().map(|one| one.uuid).collect())
}

fn beginning(parts: &[&[u8]]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = sha256(parts);
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
