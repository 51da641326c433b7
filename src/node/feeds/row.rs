//! What is kept of a feed: what people here have settled, how far it is, and what it says.

use super::fault::Fault;
use super::fetch::Validators;
use crate::model::log::{Audience, LogKey};
use crate::model::{Label, OrgId, Timestamp, Tlp};
use crate::node::NodeError;
use crate::node::serving::Producer;
use crate::store::Snapshot;
use crate::store::change::{Change, Shelf};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What a feed is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// One file over HTTP: STIX, MISP, CSV or text, whole each time.
    List,
    /// A folder of such files.
    Folder,
    /// A MISP feed: a manifest, and a file for each event.
    MispFeed,
    /// A collection of TAXII 2.1.
    Taxii,
    /// A MISP server, asked through its REST search.
    Misp,
    /// A MISP server into which is written what groups share.
    MispPush,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] = [Self::List, Self::Folder, Self::MispFeed, Self::Taxii, Self::Misp, Self::MispPush];

    /// As people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Folder => "folder",
            Self::MispFeed => "misp-feed",
            Self::Taxii => "taxii",
            Self::Misp => "misp",
            Self::MispPush => "misp-push",
        }
    }
}

/// What is done with a value that the release gate would refuse or ask a person about: what warninglists name, what is reserved, ours or a partner's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WellKnown {
    /// It is left out.
    #[default]
    LeaveOut,
    /// It is taken like all others.
    Take,
}

/// What was settled about a feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// What it is.
    pub kind: Kind,
    /// Its address, or the folder.
    pub at: String,
    /// It is asked every so many seconds, give or take a tenth.
    pub every_s: u64,
    /// The label of what it says; a stricter one of its own stays.
    pub tlp: Tlp,
    /// Its word on how sure it is counts up to here.
    #[serde(default)]
    pub confidence_max: Option<u8>,
    /// What is done with what is well known.
    #[serde(default)]
    pub well_known: WellKnown,
    /// Whether its own address may be one of this machine or its neighbours.
    #[serde(default)]
    pub allow_local: bool,
    /// A file with what stands in `Authorization`.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// A file with the certificates that are trusted in place of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The peer or the group that is told what it says, by name or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Of a server that is written into: what was said in these groups, by name or id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// And nothing of a stricter TLP; TLP:GREEN where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tlp_max: Option<Tlp>,
}

/// A feed as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FeedRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) created: Timestamp,
    pub(super) paused: bool,
    #[serde(flatten)]
    pub(super) terms: Terms,
}

/// How far a feed is, and how it went. Written by its runs alone, what was taken and how far that is in one transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StateRow {
    pub(super) tried: Option<Timestamp>,
    pub(super) succeeded: Option<Timestamp>,
    /// When something of it was new, changed or gone.
    pub(super) news: Option<Timestamp>,
    pub(super) next: Timestamp,
    /// So many tries in a row came to nothing.
    pub(super) failures: u32,
    pub(super) fault: Option<FaultView>,
    /// Why what it says could not be passed on, or be taken back there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) not_passed: Option<String>,
    /// When the last reading of all of it began, also of what had not changed.
    #[serde(default)]
    pub(super) all: Timestamp,
    #[serde(default)]
    pub(super) validators: Validators,
    /// Of a folder or a MISP feed: each of its files, and which version of it was taken. Of a MISP server: each of its events.
    #[serde(default)]
    pub(super) parts: BTreeMap<String, String>,
    /// Of a collection: where the next question begins.
    #[serde(default)]
    pub(super) cursor: Cursor,
    /// Of a collection that is read again from its beginning: how far that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) again: Option<Cursor>,
    /// Of a collection: how much is kept of what pages have said of objects on others.
    #[serde(default)]
    pub(super) beside: u64,
    /// Of a MISP server: the event of several pages that was not read to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) begun: Option<Begun>,
}

/// How far an event of several pages was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Begun {
    /// Its number on the server.
    pub(super) event: u64,
    /// Which version of it. Another one is read from its beginning.
    pub(super) version: String,
    /// The page that comes next, from 1 on.
    pub(super) page: u64,
    /// The number of the last attribute that was taken.
    pub(super) last: u64,
}

/// How far a collection was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// What came was added no later.
    pub(super) added_after: Option<String>,
    /// The server's word for the page that comes next, which goes with `added_after`.
    pub(super) next: Option<String>,
    /// The latest time that the pages of this reading have named.
    pub(super) seen: Option<String>,
}

/// Why a feed gave nothing, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultView {
    /// Its stable code.
    pub code: String,
    /// In words, with what to try.
    pub text: String,
}

impl From<&Fault> for FaultView {
    fn from(fault: &Fault) -> Self {
        Self { code: fault.code().to_owned(), text: fault.to_string() }
    }
}

/// A value of a feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ItemRow {
    /// Where it stands in the feed's log.
    #[serde(rename = "s")]
    pub(super) seq: u64,
    /// The beginning of a hash of what is said of it.
    #[serde(rename = "h")]
    pub(super) hash: u64,
    #[serde(rename = "l")]
    pub(super) label: u8,
    /// When it is destroyed.
    #[serde(rename = "u")]
    pub(super) until: Timestamp,
    /// In which parts of the feed it is said. What none says any more is taken back.
    #[serde(rename = "p")]
    pub(super) parts: BTreeSet<u64>,
}

/// What a feed says, by the beginnings of its records' ids.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) items: BTreeMap<u64, ItemRow>,
    by_part: BTreeMap<u64, BTreeSet<u64>>,
}

impl Known {
    pub(super) fn put(&mut self, key: u64, row: ItemRow) {
        self.drop(key);
        for part in &row.parts {
            self.by_part.entry(*part).or_default().insert(key);
        }
        self.items.insert(key, row);
    }

    pub(super) fn drop(&mut self, key: u64) {
        for part in self.items.remove(&key).into_iter().flat_map(|row| row.parts) {
            if let Some(keys) = self.by_part.get_mut(&part) {
                keys.remove(&key);
            }
        }
    }

    /// What a part says.
    pub(super) fn of_part(&self, part: u64) -> BTreeSet<u64> {
        self.by_part.get(&part).cloned().unwrap_or_default()
    }

    /// The parts from one number on, and before another, that say something.
    pub(super) fn parts_within(&self, range: std::ops::RangeInclusive<u64>) -> impl Iterator<Item = u64> {
        self.by_part.range(range).filter(|(_, keys)| !keys.is_empty()).map(|(part, _)| *part)
    }

    /// All parts that say something.
    pub(super) fn parts(&self) -> BTreeSet<u64> {
        self.by_part.iter().filter(|(_, keys)| !keys.is_empty()).map(|(part, _)| *part).collect()
    }
}

pub(super) fn damaged() -> NodeError {
    NodeError::StoreDamaged("what is kept of a feed cannot be read".into())
}

impl FeedRow {
    pub(super) fn id(&self) -> Result<[u8; 16], NodeError> {
        HEXLOWER.decode(self.id.as_bytes()).ok().and_then(|id| id.try_into().ok()).ok_or_else(damaged)
    }

    pub(super) fn author(&self) -> Result<OrgId, NodeError> {
        Ok(OrgId::feed(&self.id()?))
    }

    /// Where what it says stands: a log that nobody but this node may read.
    pub(super) fn log(&self, us: OrgId) -> Result<LogKey, NodeError> {
        Ok(LogKey { author: self.author()?, incarnation: 1, audience: Audience::Direct(us) })
    }

    pub(super) fn kept(&self) -> Result<Change, NodeError> {
        Ok(Change::Keep { shelf: Shelf::Feed, id: self.id()?, row: Some(serde_json::to_vec(self).unwrap_or_default()) })
    }

    pub(super) fn item(&self, key: u64, row: Option<&ItemRow>) -> Result<Change, NodeError> {
        self.kept_under(key, row.map(|row| serde_json::to_vec(row).unwrap_or_default()))
    }

    pub(super) fn kept_under(&self, key: u64, row: Option<Vec<u8>>) -> Result<Change, NodeError> {
        Ok(Change::Keep { shelf: Shelf::FeedItem, id: self.under(key)?, row })
    }

    /// The id under which something of a record is kept: the feed's beginning, then the record's.
    pub(super) fn under(&self, key: u64) -> Result<[u8; 16], NodeError> {
        let mut id = self.id()?;
        id[8..].copy_from_slice(&key.to_be_bytes());
        Ok(id)
    }

    pub(super) fn state(&self, snapshot: &Snapshot) -> Result<StateRow, NodeError> {
        let bytes = snapshot.kept(Shelf::FeedState, &self.id()?)?;
        bytes.map_or_else(|| Ok(StateRow::default()), |bytes| serde_json::from_slice(&bytes).map_err(|_| damaged()))
    }

    pub(super) fn state_kept(&self, state: &StateRow) -> Result<Change, NodeError> {
        Ok(Change::Keep { shelf: Shelf::FeedState, id: self.id()?, row: Some(serde_json::to_vec(state).unwrap_or_default()) })
    }

    /// Under which numbers something of it is kept there.
    pub(super) fn kept_keys(&self, snapshot: &Snapshot, shelf: Shelf) -> Result<Vec<u64>, NodeError> {
        let id = self.id()?;
        let beginning: &[u8; 8] = id.first_chunk().ok_or_else(damaged)?;
        let rows = snapshot.kept_under(shelf, beginning)?;
        rows.iter().map(|(key, _)| Ok(u64::from_be_bytes(*key.last_chunk().ok_or_else(damaged)?))).collect()
    }

    pub(super) fn known(&self, snapshot: &Snapshot) -> Result<Known, NodeError> {
        let mut known = Known::default();
        if self.terms.kind == Kind::MispPush {
            return Ok(known);
        }
        let id = self.id()?;
        let beginning: &[u8; 8] = id.first_chunk().ok_or_else(damaged)?;
        for (key, bytes) in snapshot.kept_under(Shelf::FeedItem, beginning)? {
            let row = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
            known.put(u64::from_be_bytes(*key.last_chunk().ok_or_else(damaged)?), row);
        }
        Ok(known)
    }
}

pub(super) fn label(byte: u8) -> Label {
    Label::from_byte(byte).unwrap_or(Tlp::Red.into())
}

/// Every feed.
pub(super) fn all(snapshot: &Snapshot) -> Result<Vec<FeedRow>, NodeError> {
    snapshot.all_kept(Shelf::Feed)?.iter().map(|(_, bytes)| serde_json::from_slice(bytes).map_err(|_| damaged())).collect()
}

/// Feeds by what disclosures call them.
pub(in crate::node) fn called(snapshot: &Snapshot) -> Result<BTreeMap<String, String>, NodeError> {
    all(snapshot)?.into_iter().map(|row| Ok((Producer::by_feed(&row.id()?), format!("feed {}", row.name)))).collect()
}

/// What people here call the feeds, by the id that they write under.
pub(in crate::node) fn names(snapshot: &Snapshot) -> Result<BTreeMap<OrgId, String>, NodeError> {
    all(snapshot)?.into_iter().map(|row| Ok((row.author()?, format!("feed:{}", row.name)))).collect()
}
