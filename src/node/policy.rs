//! The operator's policy: what was agreed with each peer, and how far each group may go. A file is checked against what is held before it is in force.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use serde::{Deserialize, Serialize};

use super::status::Names;
use super::view::{AgreementView, AudienceChangeView, GroupCeilingView, PolicyCheckView, PolicyView};
use super::{Node, NodeError};
use crate::model::log::{Audience, LogKey};
use crate::model::{Ceiling, Class, GroupId, LogId, OrgId, Pap, RecordId, ReleaseId, Timestamp, Tlp};
use crate::rules::label::{Held, Way, Withheld};
use crate::rules::may::{About, Action, Granted, To, may};
use crate::rules::policy::{Agreement, Policy};
use crate::store::change::Change;
use crate::store::hold::HoldRow;
use crate::store::{Snapshot, WaitingLabel};

/// The store's name for the policy in force.
const POLICY: &str = "policy";
/// How many records are named for each change of audience.
const NAMED_MAX: usize = 20;
/// The longest reference of an agreement, in characters.
const NDA_MAX: usize = 200;

/// The policy in force, and which it is: 0 is what holds without one. As JSON it stands in the store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct InForce {
    pub(super) number: u64,
    pub(super) at: Timestamp,
    pub(super) policy: Policy,
}

/// As people write it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    without_agreement: Bounds,
    peers: BTreeMap<String, PeerBounds>,
    groups: BTreeMap<String, Bounds>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Bounds {
    tlp_max: Option<String>,
    class_max: Option<String>,
    pap_max: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PeerBounds {
    tlp_max: Option<String>,
    class_max: Option<String>,
    pap_max: Option<String>,
    nda: Option<String>,
    until: Option<String>,
}

fn wrong(place: &str, what: impl std::fmt::Display) -> NodeError {
    NodeError::BadInput(format!("policy, `{place}`: {what}"))
}

impl Bounds {
    fn ceiling(&self, place: &str) -> Result<Ceiling, NodeError> {
        let Ceiling { tlp, class, pap } = crate::rules::policy::WITHOUT_AGREEMENT;
        Ok(Ceiling {
            tlp: bound::<Tlp>(place, "tlp_max", self.tlp_max.as_deref())?.unwrap_or(tlp),
            class: bound::<Class>(place, "class_max", self.class_max.as_deref())?.unwrap_or(class),
            pap: bound::<Pap>(place, "pap_max", self.pap_max.as_deref())?.unwrap_or(pap),
        })
    }
}

fn bound<T: std::str::FromStr<Err: std::fmt::Display>>(place: &str, key: &str, text: Option<&str>) -> Result<Option<T>, NodeError> {
    text.map(|text| text.parse().map_err(|error| wrong(&format!("{place}.{key}"), error))).transpose()
}

impl PeerBounds {
    fn agreement(self, place: &str) -> Result<Agreement, NodeError> {
        let Self { tlp_max, class_max, pap_max, nda, until } = self;
        let ceiling = Bounds { tlp_max, class_max, pap_max }.ceiling(place)?;
        let nda = nda.map(|nda| nda.trim().to_owned()).filter(|nda| !nda.is_empty());
        if nda.as_ref().is_some_and(|nda| nda.chars().count() > NDA_MAX) {
            return Err(wrong(&format!("{place}.nda"), format!("it is longer than {NDA_MAX} characters")));
        }
        if ceiling.class == Class::Restricted && nda.is_none() {
            let what = "RESTRICTED asks for a signed agreement\nhint: name it with `nda`, or set `class_max` to `confidential`";
            return Err(wrong(place, what));
        }
        let until = until
            .map(|text| date(&text).ok_or_else(|| wrong(&format!("{place}.until"), format!("`{text}` is not a date like `2027-06-30`"))));
        Ok(Agreement { ceiling, nda, until: until.transpose()? })
    }
}

/// The end of a day, in UTC.
fn date(text: &str) -> Option<Timestamp> {
    let day: jiff::civil::Date = text.trim().parse().ok()?;
    let end = day.tomorrow().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    u64::try_from(end.timestamp().as_millisecond()).ok().map(Timestamp)
}

impl Node {
    /// The policy in force, read once.
    pub(super) fn in_force(&self) -> Result<Arc<InForce>, NodeError> {
        // Held while it is read, so that no older one is put over a newer one.
        let mut known = self.policy.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(policy) = &*known {
            return Ok(policy.clone());
        }
        let read = Arc::new(self.stored_policy()?);
        *known = Some(read.clone());
        Ok(read)
    }

    fn stored_policy(&self) -> Result<InForce, NodeError> {
        let Some(bytes) = self.store.snapshot()?.get(POLICY)? else { return Ok(InForce::default()) };
        serde_json::from_slice(&bytes).map_err(|error| NodeError::StoreDamaged(format!("the policy: {error}")))
    }

    /// The policy in force as people see it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn policy_view(&self) -> Result<PolicyView, NodeError> {
        let (names, in_force) = (Names::of(&self.store.snapshot()?)?, self.in_force()?);
        let InForce { number, at, policy } = &*in_force;
        let now = self.clock.now();
        let peer = |(org, agreement): (&OrgId, &Agreement)| AgreementView {
            org: *org,
            name: names.org(org),
            ceiling: agreement.ceiling,
            nda: agreement.nda.clone(),
            until: agreement.until,
            ended: policy.allowance(org, now).ended,
        };
        let group = |(group, ceiling): (&GroupId, &Ceiling)| GroupCeilingView {
            group: *group,
            name: names.audience(&Audience::Group(*group)),
            ceiling: *ceiling,
        };
        Ok(PolicyView {
            number: *number,
            since: Some(*at).filter(|at| *at != Timestamp(0)),
            without_agreement: policy.without,
            peers: policy.peers.iter().map(peer).collect(),
            groups: policy.groups.iter().map(group).collect(),
        })
    }

    /// What would change if a policy were in force: which records would reach whom no more, and whom besides.
    ///
    /// # Errors
    /// When the text is no policy, naming the place, or the store cannot be read.
    pub fn check_policy(&self, text: &str) -> Result<PolicyCheckView, NodeError> {
        Ok(self.compare_policies(&self.read_policy(text)?)?.0)
    }

    /// Puts a policy in force, and tells what changes. To be run to its end: a caller that goes in between would leave the old one in force.
    ///
    /// # Errors
    /// When the text is no policy, naming the place, anybody may have more and nobody said yes to that, or the store takes no changes.
    pub async fn activate_policy(&self, text: &str, widen: bool) -> Result<PolicyCheckView, NodeError> {
        let _one_at_a_time = self.changing_policy.lock().await;
        let policy = self.read_policy(text)?;
        let (check, widened) = self.compare_policies(&policy)?;
        if check.widens && !widen {
            return Err(NodeError::PolicyWidens);
        }
        let in_force = InForce { number: self.in_force()?.number + 1, at: self.clock.now(), policy };
        let number = in_force.number;
        self.commit(Change::Put(POLICY, Some(serde_json::to_vec(&in_force).expect("ids, words and times are plain data")))).await?;
        *self.policy.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(in_force));
        tracing::info!(number, "a new policy is in force");
        self.memory().reopen.extend(widened);
        self.touch_peers();
        Ok(check)
    }

    fn read_policy(&self, text: &str) -> Result<Policy, NodeError> {
        let file: File = toml::from_str(text).map_err(|error| {
            let (line, what) = crate::config::toml_error(text, &error);
            NodeError::BadInput(format!("policy, line {line}: {what}\nhint: `watchfire policy --help` shows one"))
        })?;
        let mut policy = Policy { without: file.without_agreement.ceiling("without_agreement")?, ..Policy::default() };
        if policy.without.class == Class::Restricted {
            return Err(wrong(
                "without_agreement",
                "RESTRICTED asks for a signed agreement\nhint: give it to single peers, under `[peers.NAME]`",
            ));
        }
        for (name, bounds) in file.peers {
            let place = format!("peers.{name}");
            let org = self.org_named(&name).map_err(|error| wrong(&place, error))?;
            if policy.peers.insert(org, bounds.agreement(&place)?).is_some() {
                return Err(wrong(&place, "this peer stands there twice, once by its name and once by its id"));
            }
        }
        for (name, bounds) in file.groups {
            let place = format!("groups.{name}");
            let group = self.group_named(&name).map_err(|error| wrong(&place, error))?.group;
            if policy.groups.insert(group, bounds.ceiling(&place)?).is_some() {
                return Err(wrong(&place, "this group stands there twice, once by its name and once by its id"));
            }
        }
        Ok(policy)
    }

    /// Every record that is here, those that wait in a hold too, to everybody whom its log may reach, under the policy in force and under another;
    /// and who may have more then.
    fn compare_policies(&self, new: &Policy) -> Result<(PolicyCheckView, BTreeSet<OrgId>), NodeError> {
        let (snapshot, old) = (self.store.snapshot()?, self.in_force()?);
        let (names, now) = (Names::of(&snapshot)?, self.clock.now());
        let open: BTreeSet<OrgId> = self.open_peers()?.into_iter().map(|peer| peer.org).collect();
        let mut view = PolicyCheckView { widens: old.policy.is_wider(new, now), ..PolicyCheckView::default() };
        let mut widened = BTreeSet::new();
        // One log, queue or hold after the other: together they may be more than fits in memory.
        let mut compare = |log: &LogKey, release: Option<ReleaseId>, records: &dyn Fn() -> Result<Records, NodeError>| {
            let mut readers = self.readers_of(&snapshot, log)?;
            readers.retain(|reader| open.contains(reader));
            if readers.is_empty() {
                return Ok(());
            }
            let records = records()?;
            view.records += records.values().map(|records| records.len() as u64).sum::<u64>();
            for reader in readers {
                for (about, records) in &records {
                    let was = self.would_go(&snapshot, log, &reader, about, &old.policy)?;
                    let becomes = self.would_go(&snapshot, log, &reader, about, new)?;
                    if was.is_ok() == becomes.is_ok() {
                        continue;
                    }
                    if becomes.is_ok() && release.is_none() {
                        widened.insert(reader);
                    }
                    view.changes.push(AudienceChangeView { release, ..change(&names, log, &reader, about, records, &becomes) });
                }
            }
            Ok::<(), NodeError>(())
        };
        for info in snapshot.logs()? {
            compare(&info.key, None, &|| in_log(&snapshot, &info.id, info.head.size, now))?;
        }
        let ours = |audience| LogKey { author: self.org(), incarnation: 0, audience };
        for audience in snapshot.waiting_audiences()? {
            compare(&ours(audience), None, &|| waiting(&snapshot, &audience, now))?;
        }
        for (id, row) in snapshot.holds()? {
            compare(&ours(row.audience), Some(id), &|| in_hold(&snapshot, &id, &row))?;
        }
        Ok((view, widened))
    }

    /// Who may get something of a log from us, its own author aside.
    fn readers_of(&self, snapshot: &Snapshot, log: &LogKey) -> Result<Vec<OrgId>, NodeError> {
        let members = match log.audience {
            Audience::Direct(to) => vec![to],
            Audience::Group(group) => {
                let definition = self.definition(snapshot, &group)?;
                definition.into_iter().flat_map(|definition| definition.members).map(|member| member.org).collect()
            }
        };
        Ok(members.into_iter().filter(|org| *org != self.org() && *org != log.author).collect())
    }

    fn would_go(
        &self,
        snapshot: &Snapshot,
        log: &LogKey,
        reader: &OrgId,
        about: &About,
        policy: &Policy,
    ) -> Result<Result<Granted, Withheld>, NodeError> {
        let path = self.path(snapshot, log, reader)?;
        let now = self.clock.now();
        let way = Way { allowance: policy.allowance_in(&log.audience, reader, now), ..path.way() };
        let action = if log.author == self.org() { Action::Send } else { Action::Relay };
        Ok(may(action, about, &To::Reader(&way), now))
    }
}

/// The records of a log whose bodies are held and have not run out, by what the rules look at.
fn in_log(snapshot: &Snapshot, log: &LogId, size: u64, now: Timestamp) -> Result<Records, NodeError> {
    let mut records = Records::new();
    for seq in 1..=size {
        let Some(record) = snapshot.record_at(log, seq)? else { continue };
        let Some(header) = snapshot.header(log, seq)? else { continue };
        if !has_run_out(header.retention, now) && snapshot.absent_reason(log, seq)?.is_none() && snapshot.taken_back(log, seq)?.is_none() {
            records.entry(About { label: header.label, kind: header.kind, retention: Timestamp(0) }).or_default().insert(record);
        }
    }
    Ok(records)
}

/// The records that wait for a position in a log of ours.
fn waiting(snapshot: &Snapshot, audience: &Audience, now: Timestamp) -> Result<Records, NodeError> {
    let mut records = Records::new();
    for WaitingLabel { record, kind, label, retention } in snapshot.waiting_labels(audience)? {
        if !has_run_out(retention, now) {
            records.entry(About { label, kind, retention: Timestamp(0) }).or_default().extend(record);
        }
    }
    Ok(records)
}

fn has_run_out(retention: Timestamp, now: Timestamp) -> bool {
    retention != Timestamp(0) && retention <= now
}

/// The records of a hold.
fn in_hold(snapshot: &Snapshot, id: &ReleaseId, row: &HoldRow) -> Result<Records, NodeError> {
    let mut records = Records::new();
    for part in row.parts.keys() {
        for item in snapshot.held(id, *part)? {
            let Held(encoded) = &item.encoded;
            let about = About { label: encoded.label, kind: encoded.kind, retention: Timestamp(0) };
            records.entry(about).or_default().extend(item.record);
        }
    }
    Ok(records)
}

/// Records by what the rules look at of them.
type Records = BTreeMap<About, BTreeSet<RecordId>>;

fn change(
    names: &Names,
    log: &LogKey,
    reader: &OrgId,
    about: &About,
    records: &BTreeSet<RecordId>,
    becomes: &Result<Granted, Withheld>,
) -> AudienceChangeView {
    AudienceChangeView {
        reader: names.org(reader),
        author: names.org(&log.author),
        audience: names.audience(&log.audience),
        release: None,
        label: about.label,
        allowed: becomes.is_ok(),
        why: match becomes {
            Ok(granted) => granted.why().to_owned(),
            Err(withheld) => super::error::split_hint(&withheld.to_string()).0,
        },
        count: records.len() as u64,
        records: records.iter().take(NAMED_MAX).copied().collect(),
    }
}
