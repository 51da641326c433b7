//! Others met what we share, or tell us as a group's head what they met: read, kept, told to people here.

use crate::link::convert::decode_record;
use crate::model::desk::Role;
use crate::model::group::Definition;
use crate::model::log::{Audience, Body, Entry, LogKey};
use crate::model::sighting::{Sighting, SightingType};
use crate::model::{Record, RecordKind};
use crate::node::{Node, NodeError};
use crate::rules::label::Held;
use crate::rules::notify::{Event, Notice};
use crate::rules::sighting::{AHEAD_MS, Heard, heard};
use crate::store::Snapshot;
use crate::store::change::{Meaning, Verdict};
use std::ops::Range;

impl Node {
    /// What a sighting in a log means: for whoever is told of it, and for a group's head.
    pub(in super::super) fn understand_sighting(&self, log: &LogKey, sighting: Sighting) -> Result<Meaning, (Verdict, &'static str)> {
        if sighting.last > self.clock.now().plus(AHEAD_MS) {
            return Err((Verdict::Invalid, "it was met at a time that is still to come"));
        }
        let unread = |_| (Verdict::Filtered, "what it is about could not be looked up");
        let snapshot = self.store.snapshot().map_err(unread)?;
        let about = snapshot.log(&sighting.log).map_err(unread)?;
        let about = about.ok_or((Verdict::Filtered, "a sighting of what is not held here"))?.key;
        if log.author == self.org() {
            // Our own, fetched back. What we told for a member is no word of ours.
            return Ok(if sighting.passed_on.is_some() { Meaning::None } else { Meaning::Sighting { sighting, member: None } });
        }
        let group = self.group_of(&snapshot, &about).ok().flatten();
        match heard(&sighting, log, &about, group.as_ref(), &self.org()) {
            Ok(Heard::Said) => Ok(Meaning::Sighting { sighting, member: None }),
            Ok(Heard::Member(group)) => Ok(Meaning::Sighting { sighting, member: Some(group) }),
            Ok(Heard::ToPassOn) => Ok(Meaning::SightingToPassOn),
            Err(why) => Err((Verdict::Invalid, why)),
        }
    }

    pub(super) fn group_of(&self, snapshot: &Snapshot, log: &LogKey) -> Result<Option<Definition>, NodeError> {
        match log.audience {
            Audience::Group(group) => self.definition(snapshot, &group),
            Audience::Direct(_) => Ok(None),
        }
    }

    /// What follows from sightings that came, and from those that were taken back: people here are told that something of ours is doubted, and
    /// members' words are passed on.
    pub(in super::super) async fn hear_of_sightings(&self, log: &LogKey, seqs: Range<u64>) -> Result<(), NodeError> {
        if log.author == self.org() {
            return Ok(());
        }
        for seq in seqs {
            let snapshot = self.store.snapshot()?;
            let Some((Held(entry), _)) = snapshot.entry(&log.id(), seq)? else { continue };
            match record_of(&entry) {
                Some(Record::Sighting(sighting))
                    if snapshot.taken_back(&log.id(), seq)?.is_none() && self.understand_sighting(log, sighting.clone()).is_ok() =>
                {
                    self.tell_of_doubt(&snapshot, &entry, &sighting).await?;
                    self.pass_on_sighting(&snapshot, log, &entry.header, &sighting).await?;
                }
                Some(Record::Withdrawal(withdrawal)) if withdrawal.log == log.id() => {
                    self.follow_sightings_back(&snapshot, log, &withdrawal.seqs).await?
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Of what others only met nobody is told: that is what indicators are for.
    async fn tell_of_doubt(&self, snapshot: &Snapshot, entry: &Entry, sighting: &Sighting) -> Result<(), NodeError> {
        let is_ours = snapshot.log(&sighting.log)?.is_some_and(|about| about.key.author == self.org());
        if is_ours && sighting.what == SightingType::FalsePositive {
            let notice = Notice::new(Event::SightingFalse, &entry.header.hash().0, Role::Handler, self.clock.now());
            self.commit(self.notify(Notice { urgent: false, ..notice })).await?;
        }
        Ok(())
    }
}

/// What an entry says, where its body is here.
pub(super) fn record_of(entry: &Entry) -> Option<Record> {
    let (Body::Present(body), Some(kind)) = (&entry.body, RecordKind::from_number(entry.header.kind)) else { return None };
    match kind {
        RecordKind::Sighting | RecordKind::Withdrawal => decode_record(kind, body).ok(),
        _ => None,
    }
}
