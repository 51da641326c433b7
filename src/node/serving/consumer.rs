//! Programs that may fetch, or say something: added, given a new token, revoked. Of a token nothing but its SHA-256 is kept: 256 random bits need no slow hash.

use super::super::referral::By;
use super::super::view::{ExportOptions, ExportRequest};
use super::super::{Node, NodeError};
use super::ledger::collection;
use crate::model::crypto::{random, sha256};
use crate::model::{Ceiling, Class, GroupId, Pap, ReferralId, Timestamp, Tlp};
use crate::node::status::Names;
use crate::rules::consumer::{ConsumerName, Grant, Produces, Scope, Shut, TOKEN_PREFIX, Way};
use crate::store::Snapshot;
use crate::store::change::{Change, Shelf};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const DAY_MS: u64 = 86_400_000;
/// The last use is written down so seldom.
const USED_EVERY_MS: u64 = 60_000;
/// What counts for nothing any more is shown so long.
const SHOWN_DAYS: u64 = 90;

/// A consumer as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ConsumerRow {
    /// Its own id, whatever token it has.
    id: String,
    name: ConsumerName,
    /// SHA-256 of the token.
    digest: String,
    created: Timestamp,
    #[serde(flatten)]
    grant: Grant,
    #[serde(default)]
    groups: Vec<GroupId>,
}

/// A consumer is to be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsumerAdd {
    /// What it is called here.
    pub name: ConsumerName,
    /// What for.
    pub scopes: Vec<Scope>,
    /// Nothing of a stricter TLP. Needed for all that reads.
    #[serde(default)]
    pub tlp_max: Option<Tlp>,
    /// Nothing of a higher class; confidential where it is not given.
    #[serde(default)]
    pub class_max: Option<Class>,
    /// Nothing of a higher PAP; what each format may have by itself where it is not given.
    #[serde(default)]
    pub pap_max: Option<Pap>,
    /// Nothing of which one may be less sure at the beginning of the day, 0 to 100; for the scopes `export`, `taxii` and `misp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_confidence: Option<u8>,
    /// Only what was said in these groups, by name or id; everything where none is named.
    #[serde(default)]
    pub groups: Vec<String>,
    /// The peer or group that what it says goes to, by name or id. A producer needs it, and nobody else has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The label of what it says, where it gives no stricter one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tlp: Option<Tlp>,
    /// For so many days.
    pub days: u64,
    /// Whether the token may stand in the path.
    #[serde(default)]
    pub in_url: bool,
}

/// A new token is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsumerRenew {
    /// For so many days.
    pub days: u64,
}

/// A consumer with its token, which is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenView {
    /// The consumer.
    #[serde(flatten)]
    pub consumer: ConsumerView,
    /// The token.
    pub token: String,
    /// Where it fetches; nothing while the node does not listen.
    #[serde(default)]
    pub https: Option<HttpsView>,
}

impl std::fmt::Debug for TokenView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenView({})", self.consumer.id)
    }
}

/// Where consumers fetch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpsView {
    /// Address and port.
    pub address: String,
    /// SHA-256 of the certificate, in hexadecimal.
    pub fingerprint: String,
}

/// Those who may fetch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsumersView {
    /// Where; nothing while the node does not listen.
    pub https: Option<HttpsView>,
    /// By name.
    pub consumers: Vec<ConsumerView>,
}

/// A consumer as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsumerView {
    /// Its id, as the audit names it.
    pub id: String,
    /// Its name.
    pub name: ConsumerName,
    /// `live`, `expired`, `revoked`, or `waits`: since a restore nobody has said that it still counts.
    pub state: String,
    /// When it was added.
    pub created: Timestamp,
    /// What was settled.
    #[serde(flatten)]
    pub grant: Grant,
    /// Only what was said in these groups, by name where it is known; everything where there is none.
    pub groups: Vec<String>,
    /// Where what it says goes, by name where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// When it was last here, to the minute.
    pub used: Option<Timestamp>,
}

/// A consumer whose token was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// Its id.
    pub id: [u8; 16],
    /// Its name.
    pub name: ConsumerName,
    /// Under which its row stands: of its token.
    key: [u8; 16],
    grant: Grant,
    /// Only what was said in these groups; everything where there is none.
    pub groups: Vec<GroupId>,
}

impl Consumer {
    /// Whether it may do that.
    pub fn may(&self, scope: Scope) -> bool {
        self.grant.scopes.contains(&scope)
    }

    /// How far what is written for it goes.
    pub fn ceiling(&self, is_noticed: bool) -> Ceiling {
        self.grant.ceiling(is_noticed)
    }

    /// What is settled for it of what a format leaves open.
    pub fn options(&self) -> ExportOptions {
        ExportOptions { least_confidence: self.grant.least_confidence, ..ExportOptions::default() }
    }

    /// Where what it says goes, and how it is labelled; nothing where it may say nothing.
    pub fn produces(&self) -> Option<Produces> {
        self.grant.produces.filter(|_| self.may(Scope::Produce))
    }

    /// As deeds and disclosures write it down: names stay out of what is exported.
    pub(super) fn by(&self) -> String {
        by(&self.id)
    }
}

/// As deeds and disclosures name a consumer: no desk user's key begins so.
pub(super) fn by(id: &[u8; 16]) -> String {
    format!("consumer:{}", HEXLOWER.encode(&id[..6]))
}

impl ConsumerRow {
    fn key(&self) -> Result<[u8; 16], NodeError> {
        let digest = HEXLOWER.decode(self.digest.as_bytes()).ok();
        digest.as_deref().and_then(<[u8]>::first_chunk).copied().ok_or_else(damaged)
    }

    fn id(&self) -> Result<[u8; 16], NodeError> {
        HEXLOWER.decode(self.id.as_bytes()).ok().and_then(|id| id.try_into().ok()).ok_or_else(damaged)
    }

    fn kept(&self) -> Result<Change, NodeError> {
        Ok(Change::Keep { shelf: Shelf::Consumer, id: self.key()?, row: Some(serde_json::to_vec(self).unwrap_or_default()) })
    }

    /// Since when it counts for nothing.
    fn over(&self, now: Timestamp) -> Option<Timestamp> {
        let expired = (self.grant.expires <= now).then_some(self.grant.expires);
        self.grant.revoked.into_iter().chain(expired).min()
    }
}

fn damaged() -> NodeError {
    NodeError::StoreDamaged("what is kept of a consumer cannot be read".into())
}

fn read(bytes: &[u8]) -> Result<ConsumerRow, NodeError> {
    serde_json::from_slice(bytes).map_err(|_| damaged())
}

fn all(snapshot: &Snapshot) -> Result<Vec<ConsumerRow>, NodeError> {
    snapshot.all_kept(Shelf::Consumer)?.iter().map(|(_, bytes)| read(bytes)).collect()
}

/// A new token and its digest.
fn token() -> (String, String) {
    let token = format!("{TOKEN_PREFIX}{}", BASE64URL_NOPAD.encode(&random::<32>()));
    let digest = HEXLOWER.encode(&sha256(&[token.as_bytes()]));
    (token, digest)
}

impl Node {
    /// Adds a consumer; a name whose consumer was revoked or has expired may come back.
    ///
    /// # Errors
    /// When the name is taken, a group is unknown, what is asked for cannot be given, or the store takes no changes.
    pub async fn add_consumer(&self, add: ConsumerAdd, by: By) -> Result<TokenView, NodeError> {
        let _turn = self.serving.turn().await;
        self.store.settled().await;
        let (snapshot, now) = (self.store.snapshot()?, self.clock.now());
        if add.tlp_max == Some(Tlp::Red) {
            let hint = "hint: `--tlp-max amber+strict` is the most; TLP:RED is for people by name";
            return Err(NodeError::BadInput(format!("no program gets TLP:RED\n{hint}")));
        }
        if add.scopes.is_empty() {
            return Err(NodeError::BadInput("the token would be good for nothing\nhint: `--scope export`".into()));
        }
        if add.tlp_max.is_none() && add.scopes.iter().any(|scope| scope.reads()) {
            let hint = "hint: `--tlp-max green`, for example; without it a token is good for `--scope produce` alone";
            return Err(NodeError::BadInput(format!("it is not said up to which label it may have something\n{hint}")));
        }
        let produces = self.produces(&add)?;
        may_ask_for_least(&add)?;
        let rows = all(&snapshot)?;
        let mut changes = Vec::new();
        let mut live = 0;
        for row in &rows {
            match row.over(now) {
                None if row.name == add.name => {
                    let hint = "hint: choose another name; `watchfire consumer renew` gives it a new token, `revoke` ends it";
                    return Err(NodeError::Conflict(format!("there is a consumer called `{}` already\n{hint}", add.name)));
                }
                None => live += 1,
                Some(since) if row.name == add.name || now.since(since) > SHOWN_DAYS * DAY_MS => changes.extend(forget(row)?),
                Some(_) => {}
            }
        }
        let most = self.config.https.consumers_max;
        if live >= most {
            let hint = "hint: `watchfire consumer revoke` ends one; `https.consumers_max` says how many there may be";
            return Err(NodeError::Conflict(format!("there are {live} consumers already\n{hint}")));
        }
        let groups = add.groups.iter().map(|name| Ok(self.group_named(name)?.group)).collect::<Result<Vec<_>, NodeError>>()?;
        let (token, digest) = token();
        let mut scopes = add.scopes;
        scopes.sort_unstable();
        scopes.dedup();
        let grant = Grant {
            scopes,
            // Nothing reads by it then.
            tlp_max: add.tlp_max.unwrap_or(Tlp::Clear),
            class_max: add.class_max.unwrap_or(Class::Confidential),
            pap_max: add.pap_max,
            least_confidence: add.least_confidence,
            produces,
            in_url: add.in_url,
            expires: self.ends(add.days)?,
            revoked: None,
            waits: false,
        };
        let row = ConsumerRow { id: HEXLOWER.encode(&random::<16>()), name: add.name, digest, created: now, grant, groups };
        changes.extend([row.kept()?, self.deed(by, "consumer added", &ReferralId(row.id()?), 0)]);
        self.commit_many(changes).await?;
        self.told(row, token)
    }

    /// Gives a consumer a new token; the old one counts for nothing from then on.
    ///
    /// # Errors
    /// When there is none of that name, or the store takes no changes.
    pub async fn renew_consumer(&self, name: &str, renew: ConsumerRenew, by: By) -> Result<TokenView, NodeError> {
        let _turn = self.serving.turn().await;
        self.store.settled().await;
        let before = self.consumer_named(name)?;
        let (token, digest) = token();
        let grant = Grant { expires: self.ends(renew.days)?, revoked: None, waits: false, ..before.grant.clone() };
        let row = ConsumerRow { digest, grant, ..before.clone() };
        let gone = Change::Keep { shelf: Shelf::Consumer, id: before.key()?, row: None };
        self.commit_many(vec![gone, row.kept()?, self.deed(by, "consumer renewed", &ReferralId(row.id()?), 0)]).await?;
        self.told(row, token)
    }

    /// Ends a consumer: its token counts for nothing from this moment on, also for what is just being fetched anew.
    ///
    /// # Errors
    /// When there is none of that name, or the store takes no changes.
    pub async fn revoke_consumer(&self, name: &str, by: By) -> Result<ConsumerView, NodeError> {
        let _turn = self.serving.turn().await;
        self.store.settled().await;
        let mut row = self.consumer_named(name)?;
        row.grant.revoked.get_or_insert(self.clock.now());
        self.commit_many(vec![row.kept()?, self.deed(by, "consumer revoked", &ReferralId(row.id()?), 0)]).await?;
        self.consumer_view(&self.store.snapshot()?, row)
    }

    /// Says of a consumer, after a restore, that its token still counts. Of one that does not wait nothing changes.
    ///
    /// # Errors
    /// When there is none of that name, it is over, or the store takes no changes.
    pub async fn keep_consumer(&self, name: &str, by: By) -> Result<ConsumerView, NodeError> {
        let _turn = self.serving.turn().await;
        self.store.settled().await;
        let mut row = self.consumer_named(name)?;
        if row.over(self.clock.now()).is_some() {
            let hint = "hint: `watchfire consumer renew` gives it a new token";
            return Err(NodeError::Conflict(format!("the token of `{name}` has expired or was revoked\n{hint}")));
        }
        if std::mem::take(&mut row.grant.waits) {
            self.commit_many(vec![row.kept()?, self.deed(by, "consumer kept", &ReferralId(row.id()?), 0)]).await?;
        }
        self.consumer_view(&self.store.snapshot()?, row)
    }

    /// After a restore no token counts before somebody says so: it may have been revoked since the copy was made.
    pub(in crate::node) fn consumers_wait(snapshot: &Snapshot) -> Result<Vec<Change>, NodeError> {
        let rows = all(snapshot)?.into_iter().map(|row| ConsumerRow { grant: Grant { waits: true, ..row.grant.clone() }, ..row });
        rows.map(|row| row.kept()).collect()
    }

    /// Those who may fetch, or might.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn consumers(&self) -> Result<ConsumersView, NodeError> {
        let snapshot = self.store.snapshot()?;
        let views = all(&snapshot)?.into_iter().map(|row| self.consumer_view(&snapshot, row));
        let mut consumers = views.collect::<Result<Vec<_>, NodeError>>()?;
        consumers.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(ConsumersView { https: self.serving.https(), consumers })
    }

    /// What the collections of all consumers have, but of those that are over: the one of everything that each may see, and one for each of its groups.
    pub(super) fn collections_read(&self) -> Result<Vec<ExportRequest>, NodeError> {
        let now = self.clock.now();
        let rows = all(&self.store.snapshot()?)?.into_iter();
        let live = rows.filter(|row| row.over(now).is_none() && row.grant.scopes.contains(&Scope::Taxii));
        let of = |ConsumerRow { grant, groups, .. }: ConsumerRow| {
            let (ceiling, least) = (grant.ceiling(false), grant.least_confidence);
            let each: Vec<_> = groups.iter().map(|group| collection(ceiling, vec![*group], least)).collect();
            std::iter::once(collection(ceiling, groups, least)).chain(each)
        };
        Ok(live.flat_map(of).collect())
    }

    /// Whose token it is, if it opens anything. Looking for its digest tells nothing of other tokens by the time that it takes.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn consumer_of(&self, token: &str, way: Way) -> Result<Option<Consumer>, NodeError> {
        let digest = sha256(&[token.as_bytes()]);
        let key: [u8; 16] = *digest.first_chunk().expect("half of 32 bytes");
        let Some(bytes) = self.store.snapshot()?.kept(Shelf::Consumer, &key)? else { return Ok(None) };
        let row = read(&bytes)?;
        if row.digest != HEXLOWER.encode(&digest) || row.grant.opens(way, self.clock.now()).is_err() {
            return Ok(None);
        }
        let id = row.id()?;
        Ok(Some(Consumer { id, name: row.name, key, grant: row.grant, groups: row.groups }))
    }

    /// Whether the token that a consumer showed still opens what it did: it may have been revoked, or given another, while its request waited.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn counts_still(&self, consumer: &Consumer) -> Result<bool, NodeError> {
        let row = self.store.snapshot()?.kept(Shelf::Consumer, &consumer.key)?.map(|bytes| read(&bytes)).transpose()?;
        Ok(row.is_some_and(|row| row.grant == consumer.grant && row.grant.opens(Way::Header, self.clock.now()).is_ok()))
    }

    /// Writes down that a consumer was here, at most once a minute.
    ///
    /// # Errors
    /// When the store takes no changes.
    pub async fn note_consumer(&self, consumer: &Consumer) -> Result<(), NodeError> {
        let now = self.clock.now();
        if !self.serving.is_news(consumer.id, now, USED_EVERY_MS) {
            return Ok(());
        }
        let row = now.0.to_be_bytes().to_vec();
        self.commit(Change::Keep { shelf: Shelf::ConsumerUse, id: consumer.id, row: Some(row) }).await?;
        Ok(())
    }

    /// When a token of so many days ends.
    fn ends(&self, days: u64) -> Result<Timestamp, NodeError> {
        let most = self.config.https.token_days_max;
        if days == 0 || days > most {
            let hint = "hint: choose another `--expires`; `https.token_days_max` says how long a token may count";
            return Err(NodeError::BadInput(format!("a token counts for 1 to {most} days\n{hint}")));
        }
        Ok(self.clock.now().plus(days * DAY_MS))
    }

    /// What a producer is settled to say.
    fn produces(&self, add: &ConsumerAdd) -> Result<Option<Produces>, NodeError> {
        let says = add.scopes.contains(&Scope::Produce);
        match (&add.to, add.tlp) {
            (Some(to), Some(tlp)) if says => Ok(Some(Produces { to: self.audience(to)?, tlp })),
            (None, None) if !says => Ok(None),
            _ if says => {
                let hint = "hint: `--to PEER|GROUP --tlp LABEL`; no request of the producer changes them";
                Err(NodeError::BadInput(format!("it is not said where what it says goes, and under which label\n{hint}")))
            }
            _ => Err(NodeError::BadInput("`--to` and `--tlp` are for what a producer says\nhint: `--scope produce`".into())),
        }
    }

    /// Consumers by what deeds and disclosures call them.
    pub(in crate::node) fn consumer_names(snapshot: &Snapshot) -> Result<BTreeMap<String, String>, NodeError> {
        all(snapshot)?.into_iter().map(|row| Ok((by(&row.id()?), format!("consumer {}", row.name)))).collect()
    }

    fn consumer_named(&self, name: &str) -> Result<ConsumerRow, NodeError> {
        let found = all(&self.store.snapshot()?)?.into_iter().find(|row| row.name.as_str() == name);
        found.ok_or_else(|| NodeError::UnknownConsumer(name.to_owned()))
    }

    fn told(&self, row: ConsumerRow, token: String) -> Result<TokenView, NodeError> {
        Ok(TokenView { consumer: self.consumer_view(&self.store.snapshot()?, row)?, token, https: self.serving.https() })
    }

    fn consumer_view(&self, snapshot: &Snapshot, row: ConsumerRow) -> Result<ConsumerView, NodeError> {
        let used = snapshot.kept(Shelf::ConsumerUse, &row.id()?)?;
        let used = used.and_then(|bytes| bytes.try_into().ok()).map(|bytes| Timestamp(u64::from_be_bytes(bytes)));
        let state = match row.grant.opens(Way::Header, self.clock.now()) {
            Ok(()) => "live",
            Err(Shut::Waits) => "waits",
            Err(Shut::Revoked) => "revoked",
            Err(Shut::Expired | Shut::InUrl) => "expired",
        };
        let named = |group: &GroupId| match snapshot.group(group) {
            Ok(Some(known)) => Ok(known.name),
            Ok(None) => Ok(group.to_string()),
            Err(error) => Err(NodeError::from(error)),
        };
        let groups = row.groups.iter().map(named).collect::<Result<_, _>>()?;
        let to = row.grant.produces.map(|produces| Ok::<_, NodeError>(Names::of(snapshot)?.audience(&produces.to))).transpose()?;
        Ok(ConsumerView { id: row.id, name: row.name, state: state.into(), created: row.created, grant: row.grant, groups, to, used })
    }
}

/// Whether what is fetched may be bounded by how sure one is. What `api` tells goes on from a cursor, and no event tells that one became less sure, or more.
fn may_ask_for_least(add: &ConsumerAdd) -> Result<(), NodeError> {
    let refused = match add.least_confidence {
        None => return Ok(()),
        Some(101..) => "confidence goes from 0 to 100\nhint: `--least-confidence 40`, for example",
        Some(_) if add.scopes.contains(&Scope::Api) => {
            "what `api` tells goes on from a cursor, and nothing tells there that one became less sure\nhint: leave `api` or `--least-confidence` out; `GET lookup` has `confidence_now`"
        }
        Some(_) if !add.scopes.iter().any(|scope| matches!(scope, Scope::Export | Scope::Taxii | Scope::Misp)) => {
            "`--least-confidence` is for what is fetched\nhint: `--scope export`, `taxii` or `misp`"
        }
        Some(_) => return Ok(()),
    };
    Err(NodeError::BadInput(refused.into()))
}

/// Takes a consumer out, and when it was last here.
fn forget(row: &ConsumerRow) -> Result<[Change; 2], NodeError> {
    Ok([
        Change::Keep { shelf: Shelf::Consumer, id: row.key()?, row: None },
        Change::Keep { shelf: Shelf::ConsumerUse, id: row.id()?, row: None },
    ])
}
