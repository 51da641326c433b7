//! What still moves, and what must hold when a federation ends.

use super::rogue::ROGUE_PLACE;
use super::{Federation, LOOK, Who, log};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Instant;
use tracing::Level;
use watchfire::link::convert::{LogState as Offered, decode_definition};
use watchfire::model::group::{Definition, Member, Visibility};
use watchfire::model::identity::Card;
use watchfire::model::log::{Audience, Body};
use watchfire::model::{GroupId, Label, OrgId};
use watchfire::node::{Node, NodeError};
use watchfire::rules::label::may_offer;
use watchfire::rules::release::Disclosure;
use watchfire::store::change::{Consent, PeerState};
use watchfire::store::{LogState, Snapshot};

/// Records by whom they are for, their label and their kind.
type Counted = BTreeMap<(Audience, Label, u8), u64>;

impl Federation {
    /// What is not yet as it will be, in words; nothing when the federation is at rest.
    pub(super) fn moving(&self) -> Vec<String> {
        let mut moving = Vec::new();
        for one in self.everyone() {
            for other in self.everyone() {
                if one != other && self.should_be_linked(one, other) {
                    self.pair_moves(one, other, &mut moving).unwrap_or_else(|error| moving.push(format!("{error}")));
                }
            }
            if self.counts(one) {
                self.waits(one, &mut moving).unwrap_or_else(|error| moving.push(format!("{error}")));
            }
        }
        moving
    }

    fn counts(&self, who: Who) -> bool {
        self.is_alive(who) && !self.broken.contains(&who)
    }

    /// Both run, nothing cuts them, and both have opened their links to the other.
    pub fn should_be_linked(&self, one: Who, other: Who) -> bool {
        let opens = |here: Who, there: Who| {
            let row = self.node(here).store.snapshot().and_then(|snapshot| snapshot.peer(&self.org(there)));
            row.is_ok_and(|row| row.is_some_and(|row| row.state == PeerState::Open))
        };
        self.counts(one) && self.counts(other) && !self.net.is_cut(one, other) && opens(one, other) && opens(other, one)
    }

    fn pair_moves(&self, one: Who, other: Who, moving: &mut Vec<String>) -> Result<(), NodeError> {
        let (here, there) = (self.node(one), self.node(other));
        let names = format!("{} to {}", self.members[one.0].name, self.members[other.0].name);
        if !here.link_view(&there.org()).up {
            moving.push(format!("{names}: no link"));
            return Ok(());
        }
        let (ours, theirs) = (here.store.snapshot()?, there.store.snapshot()?);
        for log in here.offer(&there.org())?.0 {
            if let Some(what) = log_moves(&log, here, there, &ours, &theirs)? {
                moving.push(format!("{names}: {what}"));
            }
        }
        for row in ours.groups()? {
            let Some(definition) = definition(&ours, &row.group)? else { continue };
            let known = theirs.group(&row.group)?.map_or(0, |row| row.number);
            // A first definition is taken from its signer alone, one of a hidden group always.
            let tells = definition.signer == here.org() || (definition.visibility == Visibility::Visible && known > 0);
            if tells && definition.has(&there.org()) && known < row.number {
                moving.push(format!("{names}: definition {} of a group, {known} there", row.number));
            }
        }
        for roster in here.rosters_for(&there.org(), &BTreeMap::new())? {
            let whole = roster.get().0.get();
            let known = theirs.roster(&whole.group)?.and_then(|signed| decode_definition(&signed.bytes).ok()).map(|known| known.number);
            if known != Some(whole.number) {
                moving.push(format!("{names}: the members of a hidden group, {known:?} there"));
            }
        }
        let checkable: BTreeMap<_, _> = ours.recalls()?.into_iter().map(|(id, row)| (id, there.log_keys(&row.author).is_some())).collect();
        for (id, _) in here.recalls_for(&there.org(), &BTreeSet::new())? {
            if checkable.get(&id) == Some(&true) && !theirs.has_recall(&id)? {
                moving.push(format!("{names}: a recall"));
            }
        }
        let known = theirs.peer(&here.org())?.and_then(|row| Card::from_bytes(&row.card).ok()).map(|card| card.content().number);
        if known != Some(here.keys.card().content().number) {
            moving.push(format!("{names}: a card, {known:?} there"));
        }
        for (log, seqs) in there.lacking(&here.org(), &BTreeMap::new(), 1_000)? {
            // What an agreement does not cover stays absent.
            let given = here.bodies_for(&there.org(), &log, &seqs, usize::MAX)?;
            if given.iter().any(|entry| matches!(entry.get().body, Body::Present(_))) {
                moving.push(format!("{names}: bodies that came absent"));
            }
        }
        Ok(())
    }

    /// Released records that have no position although a reader is linked.
    fn waits(&self, who: Who, moving: &mut Vec<String>) -> Result<(), NodeError> {
        if self.node(who).is_reacting() {
            moving.push(format!("{}: something follows from what was heard", self.members[who.0].name));
        }
        let snapshot = self.node(who).store.snapshot()?;
        let linked: Vec<OrgId> =
            self.everyone().filter(|other| *other != who && self.should_be_linked(who, *other)).map(|other| self.org(other)).collect();
        for audience in snapshot.waiting_audiences()? {
            let reached = match audience {
                Audience::Direct(org) => linked.contains(&org),
                Audience::Group(group) => definition(&snapshot, &group)?.is_some_and(|group| linked.iter().any(|org| group.has(org))),
            };
            if reached {
                moving.push(format!("{}: released records wait", self.members[who.0].name));
            }
        }
        Ok(())
    }

    /// What does not hold now that the federation ends, in words.
    pub(super) fn verdict(&self) -> Vec<String> {
        let end = Instant::now() + self.patience;
        let mut problems = self.moving();
        while !problems.is_empty() && Instant::now() < end {
            std::thread::sleep(LOOK);
            problems = self.moving();
        }
        for who in self.everyone().filter(|who| self.counts(*who)) {
            self.disclosed(who, &mut problems).unwrap_or_else(|error| problems.push(format!("{error}")));
        }
        self.errors(&mut problems);
        self.leaks(&mut problems);
        problems
    }

    /// Every release has its disclosure: at least as many records were disclosed as stand in our logs or wait for them.
    fn disclosed(&self, who: Who, problems: &mut Vec<String>) -> Result<(), NodeError> {
        let node = self.node(who);
        let snapshot = node.store.snapshot()?;
        let lines = snapshot.verify_disclosures()?;
        if self.restored.contains(&who) {
            return Ok(());
        }
        let mut disclosed = Counted::new();
        for line in snapshot.disclosures(1..=lines)? {
            let line: Disclosure = serde_json::from_str(&line.json).map_err(|error| NodeError::StoreDamaged(error.to_string()))?;
            *disclosed.entry((line.audience, line.label, line.kind)).or_default() += line.count;
        }
        let mut released = Counted::new();
        for log in snapshot.logs_of(&node.org())? {
            for seq in 1..=log.head.size {
                let header = snapshot.header(&log.id, seq)?.ok_or(NodeError::StoreDamaged(format!("no header at {seq}")))?;
                *released.entry((log.key.audience, header.label, header.kind)).or_default() += 1;
            }
        }
        for audience in snapshot.waiting_audiences()? {
            for waiting in snapshot.waiting(&audience, usize::MAX, usize::MAX)? {
                *released.entry((audience, waiting.entry.label, waiting.entry.kind)).or_default() += 1;
            }
        }
        for (what, count) in released {
            let known = disclosed.get(&what).copied().unwrap_or_default();
            if known < count {
                problems.push(format!("{}: {count} released as {what:?}, {known} disclosed", self.members[who.0].name));
            }
        }
        Ok(())
    }

    fn errors(&self, problems: &mut Vec<String>) {
        let asked_for = |text: &str| self.expected_errors.iter().any(|expected| text.contains(expected));
        for line in log::lines(self.number).iter().filter(|line| line.level == Level::ERROR && !asked_for(&line.text)) {
            problems.push(format!("an error that was not asked for: {}", line.text));
        }
    }

    fn leaks(&self, problems: &mut Vec<String>) {
        let lines = log::lines(self.number);
        for (secret, holders) in &self.secrets {
            for line in lines.iter().filter(|line| line.text.to_lowercase().contains(secret)) {
                problems.push(format!("a planted secret in the log: {}", line.text));
            }
            if self.net.carried().has_found(secret) {
                problems.push("a planted secret in the clear between two nodes".into());
            }
            if self.heard.has_found(secret) && !holders.contains(&ROGUE_PLACE) {
                problems.push("a planted secret in a frame to the rogue".into());
            }
            for who in self.everyone().filter(|who| !holders.contains(who)) {
                if self.holds(who, secret) {
                    problems.push(format!("a planted secret in the store of {}", self.members[who.0].name));
                }
            }
        }
    }

    /// Whether a word stands anywhere in a node's store file.
    pub fn holds(&self, who: Who, word: &str) -> bool {
        self.holds_bytes(who, word.as_bytes())
    }

    /// Whether these bytes stand anywhere in a node's store file.
    pub fn holds_bytes(&self, who: Who, wanted: &[u8]) -> bool {
        if let Some(disk) = &self.members[who.0].disk {
            return disk.holds(wanted);
        }
        let files = fs::read_dir(self.data(who).join("store")).unwrap();
        files.map(|file| file.unwrap().path()).filter(|path| path.is_file()).any(|path| {
            let bytes = fs::read(path).unwrap();
            bytes.windows(wanted.len()).any(|window| window == wanted)
        })
    }
}

fn log_moves(log: &Offered, here: &Node, there: &Node, ours: &Snapshot, theirs: &Snapshot) -> Result<Option<String>, NodeError> {
    let id = log.key.id();
    let group = match log.key.audience {
        Audience::Group(group) => definition(theirs, &group)?,
        Audience::Direct(_) => None,
    };
    let (held, sent) = (theirs.log(&id)?, ours.log(&id)?);
    let halted = |row: &Option<watchfire::store::LogInfo>| row.as_ref().is_some_and(|row| row.state == LogState::Halted);
    if may_offer(&log.key, &here.org(), &there.org(), group.as_ref()).is_err() || halted(&held) || halted(&sent) {
        return Ok(None);
    }
    // On a definition that was not confirmed for long nothing is sent.
    if group.as_ref().is_some_and(|group| !group.is_fresh(here.clock.now())) {
        return Ok(None);
    }
    // Nobody takes what it cannot check, nor what a former member said.
    if there.log_keys(&log.key.author).is_none() || group.is_some_and(|group| !group.has(&log.key.author)) {
        return Ok(None);
    }
    let head = held.map(|row| row.head).unwrap_or_default();
    if head.size < log.head.size {
        return Ok(Some(format!("a log of {} entries, {} there", log.head.size, head.size)));
    }
    if head.size == log.head.size && head.hash != log.head.hash {
        return Ok(Some(format!("unequal heads at {} entries", head.size)));
    }
    if log.key.author == here.org() && sent.is_some_and(|row| row.state == LogState::Open) {
        let through = ours.acks(&id)?.into_iter().find(|ack| ack.peer == there.org()).map_or(0, |ack| ack.through);
        if through < log.head.size {
            return Ok(Some(format!("{} of {} entries acknowledged", through, log.head.size)));
        }
    }
    Ok(None)
}

/// A group as a node looks at it: in a hidden one of its own with everyone, `None` once it has left.
pub(super) fn definition(snapshot: &Snapshot, group: &GroupId) -> Result<Option<Definition>, NodeError> {
    let Some(row) = snapshot.group(group)?.filter(|row| !row.left) else { return Ok(None) };
    if matches!(snapshot.consent(group)?, Some(Consent::Waiting | Consent::Left)) {
        return Ok(None);
    }
    let mut definition = decode_definition(&row.definition.bytes).map_err(|error| NodeError::StoreDamaged(error.to_string()))?;
    if !row.roster.is_empty() {
        definition.members = row.roster.iter().map(|org| Member { org: *org, card: Vec::new(), since: 0 }).collect();
    }
    Ok(Some(definition))
}

impl Federation {
    /// For the checks of the checks: what is cut counts as linked.
    pub fn pretend_that_links_are_up(&self) {
        for one in self.everyone() {
            for other in self.everyone().filter(|other| *other != one) {
                self.net.forget_cut(one, other);
                let org = self.org(other);
                self.node(one).note_link(org, |view| view.up = true);
            }
        }
    }
}
