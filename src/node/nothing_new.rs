//! A link opens and perhaps nothing is new: then both sides hold the same of what they share, and either may say so with a digest in its
//! hello, in place of its whole `Have` and of a `Want` for each of the other's logs.
//!
//! A digest stands for more than a list: that its sender would tell nothing else and ask for nothing but what comes next in the other's
//! logs. So a node that is in any doubt makes none, and everything is said at length.

use super::{Node, NodeError};
use crate::link::convert::{Holdings, LogState as Held};
use crate::model::OrgId;
use crate::model::log::Audience;
use crate::store::{LogState, Snapshot};
use std::collections::{BTreeMap, BTreeSet};

impl Node {
    /// What this node would say that it holds, if its peer's silence on the same list were a whole answer; else `None`.
    ///
    /// The list is the same on both sides when nothing is new: who may have a log from us may give it to us (`rules::label::may_offer`), and
    /// what of it only one side has to tell is left out. `None` where a list that is equal there would not be all:
    ///
    /// - this node was restored and its peers' word is awaited, or the peer has said that it holds more of our logs than we do;
    /// - a recall is to be told to it;
    /// - it has not acknowledged all of one of our logs;
    /// - a log does not go on, or we would not ask for one of the peer's own;
    /// - bodies of its logs are lacking here.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn nothing_new(&self, peer: &OrgId) -> Result<Option<Holdings>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let has_claimed_more = self.memory().claimed.contains(peer);
        if self.holds_back(&snapshot)? || has_claimed_more || !self.recalls_for(peer, &BTreeSet::new())?.is_empty() {
            return Ok(None);
        }
        let (logs, mut groups) = self.offer(peer)?;
        for log in &logs {
            if !self.goes_on_without_a_word(&snapshot, peer, log)? {
                return Ok(None);
            }
        }
        if !self.lacking(peer, &BTreeMap::new(), 1)?.is_empty() {
            return Ok(None);
        }
        for one in &mut groups {
            let both_head_it = |definition: crate::model::group::Definition| definition.is_head(peer) && definition.is_head(&self.org());
            // A list of members passes between the heads alone; a single head has one, and its members have none.
            if !self.definition(&snapshot, &one.group)?.is_some_and(both_head_it) {
                one.roster = 0;
            }
        }
        Ok(Some((logs, groups)))
    }

    /// Whether the peer, if it holds a log just as we do, has nothing to tell or ask of it, nor have we but for what comes next.
    fn goes_on_without_a_word(&self, snapshot: &Snapshot, peer: &OrgId, log: &Held) -> Result<bool, NodeError> {
        let id = log.key.id();
        // As it is by now, and as it was when the list was made: it may have grown in between.
        if !snapshot.log(&id)?.is_some_and(|row| row.state == LogState::Open && row.head == log.head) {
            return Ok(false);
        }
        if log.key.author == self.org() {
            let through = snapshot.acks(&id)?.into_iter().find(|ack| ack.peer == *peer).map_or(0, |ack| ack.through);
            return Ok(through >= log.head.size);
        }
        if log.key.author != *peer {
            // Another's log is asked for only where one side has more of it.
            return Ok(true);
        }
        let group = match log.key.audience {
            Audience::Group(group) => self.definition(snapshot, &group)?,
            Audience::Direct(_) => None,
        };
        Ok(self.may_take(peer, &log.key, group.as_ref()))
    }
}
