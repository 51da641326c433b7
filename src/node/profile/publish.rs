//! Our profile is put in force, and each audience of ours is told what it may know of it.
//!
//! A person decides who may know what. What nobody has looked at since then is sent by itself in one case alone: an audience has somebody in it now who was
//! not told, and gets what a person would have sent.

use super::own::OwnRow;
use super::{RETENTION_MS, show};
use crate::link::convert::encode_record;
use crate::model::crypto::{sha256, sha256_framed};
use crate::model::group::Visibility;
use crate::model::log::Audience;
use crate::model::profile::{Own, Projection, Reader};
use crate::model::{OrgId, Record, Timestamp, Tlp};
use crate::node::error::split_hint;
use crate::node::referral::{By, NOTHING};
use crate::node::share::Remarks;
use crate::node::{Node, NodeError, profile_file};
use crate::rules::release::{Draft, Findings};
use crate::store::Snapshot;
use crate::store::change::{Change, Shelf};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What did not change is sent again when its confirmation is so much newer than what was sent, in milliseconds (25 days): before it is stale there.
const RENEW_MS: u64 = 25 * 86_400_000;

/// A profile to be put in force.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileSet {
    /// The profile file; the one in force where there is none: somebody says that all of it still holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// What becomes of a profile, or would.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PublishView {
    /// When it was confirmed.
    pub confirmed: Timestamp,
    /// Whether it was only looked at.
    pub dry_run: bool,
    /// Each audience of ours.
    pub audiences: Vec<ToldView>,
}

/// What an audience is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldView {
    /// `direct:…` or `group:…`.
    pub audience: String,
    /// What people here call it.
    pub name: String,
    /// `new`, `changed`, `confirmed`, `unchanged` (nothing is sent), `nothing` (it may know nothing) or `withheld`.
    pub what: String,
    /// The fields that it may know and we state.
    pub fields: Vec<String>,
    /// Why it is withheld.
    pub reason: Option<String>,
    /// What gave way to placeholders.
    pub findings: Findings,
}

/// What an audience was told last.
#[derive(Debug, Serialize, Deserialize)]
struct ToldRow {
    /// SHA-256 of its body, with no time of confirmation in it; in hex.
    digest: String,
    confirmed: Timestamp,
    at: Timestamp,
    to: BTreeSet<OrgId>,
}

/// An audience of ours, and what it may know.
struct Plan {
    audience: Audience,
    projection: Projection,
    digest: String,
    to: BTreeSet<OrgId>,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    New,
    Changed,
    Confirmed,
    /// Somebody is in the audience who was not told.
    Joined,
    Unchanged,
    Nothing,
}

impl What {
    const fn name(self) -> &'static str {
        match self {
            Self::New | Self::Joined => "new",
            Self::Changed => "changed",
            Self::Confirmed => "confirmed",
            Self::Unchanged => "unchanged",
            Self::Nothing => "nothing",
        }
    }

    const fn is_sent(self, by_a_person: bool) -> bool {
        match self {
            Self::New | Self::Joined => true,
            Self::Changed | Self::Confirmed => by_a_person,
            Self::Unchanged | Self::Nothing => false,
        }
    }
}

impl Node {
    /// Reads a profile file, and tells what each audience would be told; nothing is kept or sent.
    ///
    /// # Errors
    /// When the file is no profile: with the line.
    pub fn profile_check(&self, text: &str) -> Result<PublishView, NodeError> {
        let (own, snapshot) = (self.profile_from(text)?, self.store.snapshot()?);
        let mut view = PublishView { confirmed: own.profile.confirmed, dry_run: true, audiences: Vec::new() };
        for plan in self.plans(&snapshot, &own)? {
            let told = match plan.what {
                What::Nothing => Ok(Findings::default()),
                _ => self.released(&plan).map(|(_, item)| item.findings),
            };
            view.audiences.push(self.told_view(&plan, told)?);
        }
        Ok(view)
    }

    /// Puts a profile in force, and tells each audience of ours what it may know of it, where that is not what it knows.
    ///
    /// # Errors
    /// When the file is no profile, there is none to be confirmed, or the store takes no changes. What an audience may not have is told in the view.
    pub async fn profile_set(&self, set: ProfileSet, by: By) -> Result<PublishView, NodeError> {
        let _turn = self.publishing_in_turn().await;
        let snapshot = self.store.snapshot()?;
        let own = match &set.text {
            Some(text) => self.profile_from(text)?,
            None => {
                let mut own = Self::own_row(&snapshot)?.ok_or(NodeError::NoProfile)?.read()?;
                own.profile.confirmed = self.clock.now();
                own
            }
        };
        drop(snapshot);
        let what = if set.text.is_some() { "profile set" } else { "profile confirmed" };
        self.commit_many(vec![OwnRow::of(&own, self.clock.now()).keep(), self.deed(by, what, &NOTHING, 0)]).await?;
        let audiences = self.tell_profile(&own, Some(by)).await?;
        tracing::info!(audiences = audiences.len(), "our profile was put in force");
        Ok(PublishView { confirmed: own.profile.confirmed, dry_run: false, audiences })
    }

    /// Tells our profile to whoever is in an audience of ours and was not told: a new peer, a new group, a new member. To be called now and then.
    ///
    /// # Errors
    /// When the store cannot be read or takes no changes.
    pub async fn tell_newcomers(&self) -> Result<(), NodeError> {
        let snapshot = self.store.snapshot()?;
        if self.holds_back(&snapshot)? {
            return Ok(());
        }
        let Some(row) = Self::own_row(&snapshot)? else { return Ok(()) };
        drop(snapshot);
        let _turn = self.publishing_in_turn().await;
        self.tell_profile(&row.read()?, None).await?;
        Ok(())
    }

    async fn publishing_in_turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        let turn = self.publishing.lock().await;
        self.store.settled().await;
        turn
    }

    fn profile_from(&self, text: &str) -> Result<Own, NodeError> {
        let named = |name: &str| self.audience_in_profile(name);
        profile_file::read(text, self.clock.now(), &self.vocabularies, named).map_err(|bad| NodeError::BadInput(bad.to_string()))
    }

    /// Tells each audience, by a person's word or by itself. For whoever holds the turn.
    async fn tell_profile(&self, own: &Own, by: Option<By>) -> Result<Vec<ToldView>, NodeError> {
        let mut views = Vec::new();
        for plan in self.plans(&self.store.snapshot()?, own)? {
            if !plan.what.is_sent(by.is_some()) {
                views.push(self.told_view(&plan, Ok(Findings::default()))?);
                continue;
            }
            let told = match self.released(&plan) {
                Err(reason) => Err(reason),
                Ok((mut remarks, item)) => {
                    let findings = item.findings.clone();
                    remarks.particulars.by = by.and_then(By::short);
                    let release = self.release_change(plan.audience, vec![item], &remarks);
                    self.commit_many(vec![release, plan.told(self.clock.now())]).await?;
                    self.position_or_later(plan.audience).await;
                    Ok(findings)
                }
            };
            views.push(self.told_view(&plan, told)?);
        }
        Ok(views)
    }

    /// The gate's word on what an audience is told.
    fn released(&self, plan: &Plan) -> Result<(Remarks, crate::store::change::ReleaseItem), NodeError> {
        let door = self.door(plan.audience)?;
        let (record, retention) = (Record::Profile(Box::new(plan.projection.clone())), door.now.plus(RETENTION_MS));
        let item = self.pass_gate(&door, Draft { record, label: Tlp::Amber.into(), audience: plan.audience, retention })?;
        Ok((Remarks::not_held(&door), item))
    }

    fn told_view(&self, plan: &Plan, told: Result<Findings, NodeError>) -> Result<ToldView, NodeError> {
        let (what, reason, findings) = match told {
            Ok(findings) => (plan.what.name(), None, findings),
            Err(reason) => ("withheld", Some(split_hint(&reason.to_string()).0), Findings::default()),
        };
        let stated = show::fields_of(plan.projection.profile()).into_iter().map(|field| field.name);
        let fields: BTreeSet<String> = stated.filter(|name| !matches!(name.as_str(), "confirmed" | "vocabulary")).collect();
        Ok(ToldView {
            audience: plan.audience.to_string(),
            name: self.audience_name(&plan.audience)?,
            what: what.into(),
            fields: fields.into_iter().collect(),
            reason,
            findings,
        })
    }

    /// Each audience of ours, with what it may know and what it was told. In a hidden group nobody is told, since its owner alone would read it.
    fn plans(&self, snapshot: &Snapshot, own: &Own) -> Result<Vec<Plan>, NodeError> {
        let mut plans = Vec::new();
        for peer in self.open_peers()? {
            let reader = Reader::Holders { audience: Audience::Direct(peer.org), member: true };
            plans.push(Self::plan(snapshot, own, reader, [peer.org].into(), peer.since)?);
        }
        for row in snapshot.groups()? {
            let Some(definition) = self.definition(snapshot, &row.group)? else { continue };
            if definition.visibility == Visibility::Hidden || !definition.has(&self.org()) {
                continue;
            }
            let reader = Reader::Holders { audience: Audience::Group(row.group), member: definition.community };
            let others = definition.members.iter().map(|member| member.org).filter(|org| *org != self.org()).collect();
            plans.push(Self::plan(snapshot, own, reader, others, Timestamp(0))?);
        }
        plans.retain(|plan| !plan.to.is_empty());
        Ok(plans)
    }

    fn plan(snapshot: &Snapshot, own: &Own, reader: Reader, to: BTreeSet<OrgId>, since: Timestamp) -> Result<Plan, NodeError> {
        let Reader::Holders { audience, .. } = reader else { return Err(NodeError::Internal("a profile for no audience".into())) };
        let projection = own.projection(reader);
        let digest = digest(own, reader);
        let told = snapshot.kept(Shelf::ToldProfile, &place(&audience))?;
        let damaged = |_| NodeError::StoreDamaged("what an audience was told of our profile cannot be read".into());
        let told: Option<ToldRow> = told.map(|bytes| serde_json::from_slice(&bytes).map_err(damaged)).transpose()?;
        let what = match told.filter(|told| told.at >= since) {
            None if !projection.says_something() => What::Nothing,
            None => What::New,
            Some(told) if told.digest != digest => What::Changed,
            Some(told) if own.profile.confirmed.since(told.confirmed) >= RENEW_MS => What::Confirmed,
            Some(told) if !to.is_subset(&told.to) && projection.says_something() => What::Joined,
            Some(_) => What::Unchanged,
        };
        Ok(Plan { audience, projection, digest, to, what })
    }
}

impl Plan {
    /// The change that remembers that it was told.
    fn told(&self, at: Timestamp) -> Change {
        let row = ToldRow { digest: self.digest.clone(), confirmed: self.projection.profile().confirmed, at, to: self.to.clone() };
        Change::Keep { shelf: Shelf::ToldProfile, id: place(&self.audience), row: Some(serde_json::to_vec(&row).unwrap_or_default()) }
    }
}

/// What stands in it, whenever it was confirmed and whatever edition of the lists its codes are from.
fn digest(own: &Own, reader: Reader) -> String {
    let mut undated = own.clone();
    (undated.profile.confirmed, undated.profile.vocabulary) = (Timestamp(0), "0".into());
    let body = encode_record(&Record::Profile(Box::new(undated.projection(reader))));
    data_encoding::HEXLOWER.encode(&sha256(&[&body]))
}

/// Under which id it is kept what an audience was told.
fn place(audience: &Audience) -> [u8; 16] {
    let (kind, id) = match audience {
        Audience::Direct(org) => (1, &org.0),
        Audience::Group(group) => (2, &group.0),
    };
    let mut place = [0; 16];
    place.copy_from_slice(&sha256_framed("watchfire/profile-told/v1", &[&[kind], id])[..16]);
    place
}
