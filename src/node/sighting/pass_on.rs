//! As the head of a group we tell an author what a member met, in place of the member: with a tag, and the days alone.

use super::hear::record_of;
use crate::model::group::{Definition, Visibility};
use crate::model::log::{Audience, Header, LogKey};
use crate::model::record::WithdrawalMode;
use crate::model::sighting::Sighting;
use crate::model::{OrgId, Record, RecordKind, Timestamp};
use crate::node::relay::indicator_of;
use crate::node::share::Remarks;
use crate::node::{Node, NodeError};
use crate::rules::gate::Origin;
use crate::rules::label::Held;
use crate::rules::referral::Permission;
use crate::rules::release::Draft;
use crate::rules::sighting::{Heard, heard};
use crate::store::change::{Change, Shelf};
use crate::store::{ProvenanceState, Snapshot};

/// A day in milliseconds.
const DAY_MS: u64 = 86_400_000;

/// An entry whose author is to be told.
struct ToTell {
    log: LogKey,
    seq: u64,
    group: Definition,
}

impl Node {
    /// Tells whoever says what a member met, as often a day as the setting allows for one member.
    pub(super) async fn pass_on_sighting(
        &self,
        snapshot: &Snapshot,
        from: &LogKey,
        header: &Header,
        sighting: &Sighting,
    ) -> Result<(), NodeError> {
        // What is for the named alone is passed on to nobody.
        if header.label.needs_two() {
            return Ok(());
        }
        let to_tell = self.to_tell(snapshot, from, sighting)?;
        if to_tell.is_empty() {
            return Ok(());
        }
        let (day, shelf) = (self.clock.now().day(), Shelf::SightingDay);
        let id = day_id(day, &from.author);
        let mut many = snapshot.kept(shelf, &id)?.and_then(|bytes| Some(u64::from_be_bytes(bytes.try_into().ok()?))).unwrap_or_default();
        let (mut withheld, mut beyond) = (0u64, 0u64);
        for one in to_tell {
            if many >= self.config.sighting.passed_on_max {
                beyond += 1;
                continue;
            }
            let audience = Audience::Direct(one.log.author);
            let door = self.door(audience)?;
            let record = Record::Sighting(self.without_name(&one, &from.author, sighting));
            let draft = Draft { record, label: header.label, audience, retention: header.retention };
            let permission = Permission::Sighting { log: &one.log, group: Some(&one.group) };
            let Ok(item) = self.pass_gate_under(Some(permission), Origin::PassedOn, &door, draft) else {
                withheld += 1;
                continue;
            };
            many += 1;
            let counted = Change::Keep { shelf, id, row: Some(many.to_be_bytes().to_vec()) };
            self.commit_many(vec![self.release_change(audience, vec![item], &Remarks::not_held(&door)), counted]).await?;
            self.position_or_later(audience).await;
        }
        if withheld + beyond > 0 {
            tracing::warn!(withheld, beyond, "what a member met is not told to all who say it");
        }
        Ok(())
    }

    /// A member's word as its author hears it.
    fn without_name(&self, one: &ToTell, reporter: &OrgId, sighting: &Sighting) -> Sighting {
        let whole_day = |at: Timestamp| Timestamp(at.day().0.max(1));
        Sighting {
            log: one.log.id(),
            seqs: vec![one.seq],
            what: sighting.what,
            count: sighting.count,
            first: whole_day(sighting.first),
            last: whole_day(sighting.last),
            passed_on: Some(self.keys.sighting_tag(reporter, &one.log.id(), one.seq)),
        }
    }

    /// What a member took back is taken back from those who were told.
    pub(super) async fn follow_sightings_back(&self, snapshot: &Snapshot, from: &LogKey, seqs: &[u64]) -> Result<(), NodeError> {
        for seq in seqs {
            let Some((Held(entry), _)) = snapshot.entry(&from.id(), *seq)? else { continue };
            let Some(Record::Sighting(sighting)) = record_of(&entry) else { continue };
            for one in self.to_tell(snapshot, from, &sighting)? {
                let told = self.without_name(&one, &from.author, &sighting);
                let is_it = |record: &Record| matches!(record, Record::Sighting(other) if other.passed_on == told.passed_on && other.what == told.what);
                let how = (WithdrawalMode::Withdraw, "");
                self.take_back_posted(Audience::Direct(one.log.author), RecordKind::Sighting, is_it, how, Vec::new()).await?;
            }
        }
        Ok(())
    }

    /// Whom to tell of a member's word: the author of what it names, or, where that is our own in a hidden group, each member who says the value.
    fn to_tell(&self, snapshot: &Snapshot, from: &LogKey, sighting: &Sighting) -> Result<Vec<ToTell>, NodeError> {
        let Some(about) = snapshot.log(&sighting.log)?.map(|log| log.key) else { return Ok(Vec::new()) };
        let Some(group) = self.group_of(snapshot, &about)? else { return Ok(Vec::new()) };
        let is_hidden_of_ours = group.visibility == Visibility::Hidden && group.signer == self.org();
        match heard(sighting, from, &about, Some(&group), &self.org()) {
            Ok(Heard::ToPassOn) if about.author != from.author => {
                let one = |seq: &u64| ToTell { log: about, seq: *seq, group: group.clone() };
                Ok(sighting.seqs.iter().map(one).collect())
            }
            Ok(Heard::Said) if is_hidden_of_ours && about.author == self.org() && group.has(&from.author) => {
                let (mut all, now) = (Vec::new(), self.clock.now());
                for seq in &sighting.seqs {
                    let Some((Held(entry), _)) = snapshot.entry(&about.id(), *seq)? else { continue };
                    let Some(indicator) = indicator_of(&entry) else { continue };
                    let said = snapshot.said_of(&indicator.observable, now)?.map(|hit| hit.provenances).unwrap_or_default();
                    for one in said.into_iter().filter(|one| one.audience == about.audience && one.state == ProvenanceState::Live) {
                        if one.author == self.org() || one.author == from.author || one.waiting {
                            continue;
                        }
                        if let Some(log) = snapshot.log(&one.log)? {
                            all.push(ToTell { log: log.key, seq: one.seq, group: group.clone() });
                        }
                    }
                }
                Ok(all)
            }
            _ => Ok(Vec::new()),
        }
    }
}

/// Under which id it stands how much of a member was passed on in a day.
fn day_id(day: Timestamp, member: &OrgId) -> [u8; 16] {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&day.0.to_be_bytes());
    id[8..].copy_from_slice(&member.0[..8]);
    id
}

impl Node {
    /// Drops what is kept of sightings that count no more, and how much was passed on in days before yesterday.
    pub(in super::super) async fn forget_sightings(&self) -> Result<(), NodeError> {
        let (snapshot, now) = (self.store.snapshot()?, self.clock.now());
        let mut idle = snapshot.idle_sightings(now)?;
        let before = now.day().0.saturating_sub(DAY_MS).to_be_bytes();
        let old = snapshot.all_kept(Shelf::SightingDay)?.into_iter().filter(|(id, _)| id[..8] < before[..]);
        idle.extend(old.map(|(id, _)| (Shelf::SightingDay, id)));
        drop(snapshot);
        for some in idle.chunks(1_000) {
            self.commit_many(some.iter().map(|(shelf, id)| Change::Keep { shelf: *shelf, id: *id, row: None }).collect()).await?;
        }
        Ok(())
    }
}
