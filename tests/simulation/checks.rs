//! What must hold: while it runs, after each restart, and at the end.

use super::identities::NAMES;
use super::ledger::{Ledger, Position, Release};
use super::world::{COUNT, World};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tracing::Level;
use watchfire::link::convert::{LogState as Offered, decode_definition, decode_record};
use watchfire::model::group::{Definition, Member, Visibility};
use watchfire::model::log::{AbsentReason, Audience, Body, LogKey};
use watchfire::model::{GroupId, Label, OrgId, Record, RecordKind, Tlp};
use watchfire::node::{Node, NodeError};
use watchfire::rules::label::{Held, may_offer};
use watchfire::rules::release::Disclosure;
use watchfire::store::change::PeerState;
use watchfire::store::{LogState, Snapshot};

/// A node has started and has no link yet: what it lost no peer may believe it to have.
pub fn after_start(world: &World, who: usize) {
    world.ledger().looked_at.retain(|(node, _), _| *node != who);
    look(world, who);
    for peer in world.alive() {
        cursors(world, peer, who);
    }
}

/// Looks at every node that runs.
pub fn while_running(world: &World) {
    for who in world.alive() {
        note_definitions(world, who);
    }
    for who in world.alive() {
        look(world, who);
        for reader in world.alive() {
            cursors(world, who, reader);
        }
    }
}

/// No cursor is ahead of what its reader holds durably.
fn cursors(world: &World, author: usize, reader: usize) {
    // What a reader lost with an old copy its peers cannot know before it says so.
    if author == reader || world.ledger().was_restored(reader) {
        return;
    }
    let (Some(ours), Some(theirs)) = (world.snapshot(author), world.snapshot(reader)) else { return };
    let org = world.members[reader].org;
    for log in ours.logs().unwrap() {
        let through = ours.acks(&log.id).unwrap().into_iter().find(|ack| ack.peer == org).map_or(0, |ack| ack.through);
        let held = theirs.log(&log.id).unwrap().map_or(0, |log| log.head.size);
        if through > held {
            let what = format!(
                "cursor: {} believes that {} holds {through} entries of {}, and it holds {held}",
                NAMES[author],
                NAMES[reader],
                name_of(world, &log.key)
            );
            world.ledger().wrong(what);
        }
    }
}

fn name_of(world: &World, key: &LogKey) -> String {
    let to = match key.audience {
        Audience::Direct(org) => NAMES[world.place(&org)].to_owned(),
        Audience::Group(group) => format!("group {}", &group.to_string()[..6]),
    };
    format!("the log of {} ({}) to {to}", NAMES[world.place(&key.author)], key.incarnation)
}

/// Remembers who was in which group. From every node, since the owner may have no power when another has it already: a member of a hidden
/// group knows at least of itself.
fn note_definitions(world: &World, who: usize) {
    let snapshot = world.snapshot(who).unwrap();
    for row in snapshot.groups().unwrap() {
        let definition = decode_definition(&row.definition.bytes).unwrap();
        let listed: BTreeSet<OrgId> = match row.roster.is_empty() {
            true => definition.members.iter().map(|member| member.org).collect(),
            false => row.roster.iter().copied().collect(),
        };
        world.ledger().members.entry(row.group).or_default().entry(row.number).or_default().extend(listed);
    }
}

/// Looks at what is new in a node's logs.
fn look(world: &World, who: usize) {
    let snapshot = world.snapshot(who).unwrap();
    let mut ledger = world.ledger();
    for log in snapshot.logs().unwrap() {
        ledger.logs.insert(log.id, log.key);
        let mut at = ledger.looked_at.get(&(who, log.id)).copied().unwrap_or_default().max(log.start);
        while at < log.head.size {
            let Held(batch) = snapshot.batch_at(&log.id, at + 1).unwrap().expect("a log has no gaps");
            entitled(world, &mut ledger, who, &log.key, batch.checkpoint.definition, at + 1);
            for (entry, seq) in batch.entries.iter().zip(batch.first..) {
                let hash = snapshot.header(&log.id, seq).unwrap().expect("every position has a header").hash();
                let value = match &entry.body {
                    Body::Present(body) => value_of(entry.kind, body),
                    Body::Absent { .. } => None,
                };
                let key = (log.id, seq);
                if ledger.positions.get(&key).is_some_and(|known| known.hash != hash.0) {
                    fork(world, &mut ledger, &log.key, seq);
                }
                let known = ledger.positions.entry(key).or_insert(Position { hash: hash.0, value: None });
                known.value = known.value.take().or(value);
                if entry.label.tlp() == Tlp::Red && matches!(log.key.audience, Audience::Group(_)) {
                    ledger.wrong(format!("label: TLP:RED at {seq} in {}", name_of(world, &log.key)));
                }
            }
            at = batch.checkpoint.head.size;
        }
        ledger.looked_at.insert((who, log.id), log.head.size);
    }
}

fn fork(world: &World, ledger: &mut Ledger, key: &LogKey, seq: u64) {
    let author = world.place(&key.author);
    ledger.forks.insert(key.id());
    if !ledger.restores.iter().any(|restore| restore.who == author && restore.undeclared) {
        ledger.wrong(format!("signature: position {seq} was signed twice in {}", name_of(world, key)));
    }
}

fn value_of(kind: u8, body: &[u8]) -> Option<String> {
    match decode_record(RecordKind::from_number(kind)?, body) {
        Ok(Record::Indicator(indicator)) => Some(indicator.observable.value().to_owned()),
        _ => None,
    }
}

/// A node holds a log only as long, and as far, as it is entitled to.
fn entitled(world: &World, ledger: &mut Ledger, who: usize, key: &LogKey, definition: u64, seq: u64) {
    let holder = world.members[who].org;
    if key.author == holder {
        return;
    }
    let may = match key.audience {
        Audience::Direct(to) => to == holder,
        Audience::Group(group) => {
            let members = ledger.members.get(&group);
            // A number that nobody looked at in time says nothing.
            let unseen = members.is_none_or(|members| !members.contains_key(&definition));
            let later = |number: &u64| *number >= definition;
            unseen || members.is_some_and(|members| members.iter().any(|(number, members)| later(number) && members.contains(&holder)))
        }
    };
    if !may {
        let known: Vec<String> = match key.audience {
            Audience::Direct(_) => Vec::new(),
            Audience::Group(group) => {
                let numbered = |(number, members): (&u64, &BTreeSet<OrgId>)| {
                    let names: Vec<&str> = members.iter().map(|org| NAMES[world.place(org)]).collect();
                    format!("{number}: {}", names.join(" "))
                };
                ledger.members.get(&group).into_iter().flatten().map(numbered).collect()
            }
        };
        ledger.wrong(format!(
            "entitlement: {} holds position {seq} of {}, sealed under definition {definition} of {}",
            NAMES[who],
            name_of(world, key),
            known.join("; ")
        ));
    }
}

/// A group as a node looks at it: in a hidden one of its own with everyone, `None` once it has left.
fn definition(snapshot: &Snapshot, group: &GroupId) -> Result<Option<Definition>, NodeError> {
    let Some(row) = snapshot.group(group)?.filter(|row| !row.left) else { return Ok(None) };
    let mut definition = decode_definition(&row.definition.bytes).map_err(|error| NodeError::StoreDamaged(error.to_string()))?;
    if !row.roster.is_empty() {
        definition.members = row.roster.iter().map(|org| Member { org: *org, card: Vec::new(), since: 0 }).collect();
    }
    Ok(Some(definition))
}

/// What is not yet as it will be; nothing when the federation is at rest.
pub fn moving(world: &World) -> Vec<String> {
    let mut moving = Vec::new();
    for one in world.alive() {
        for other in world.alive().into_iter().filter(|other| *other != one) {
            if linked(world, one, other) {
                pair_moves(world, one, other, &mut moving).unwrap_or_else(|error| moving.push(error.to_string()));
            }
        }
        waits(world, one, &mut moving).unwrap_or_else(|error| moving.push(error.to_string()));
    }
    moving
}

fn linked(world: &World, one: usize, other: usize) -> bool {
    let opens = |here: usize, there: usize| {
        // One that is dead is linked to nobody.
        let row = world.snapshot(here).and_then(|snapshot| snapshot.peer(&world.members[there].org).unwrap());
        row.is_some_and(|row| row.state == PeerState::Open)
    };
    opens(one, other) && opens(other, one)
}

fn pair_moves(world: &World, one: usize, other: usize, moving: &mut Vec<String>) -> Result<(), NodeError> {
    let (here, there) = (world.node(one).unwrap(), world.node(other).unwrap());
    let names = format!("{} to {}", NAMES[one], NAMES[other]);
    if !here.link_view(&there.org()).up {
        moving.push(format!("{names}: no link"));
        return Ok(());
    }
    let (ours, theirs) = (here.store.snapshot()?, there.store.snapshot()?);
    for log in here.offer(&there.org())?.0 {
        if let Some(what) = log_moves(&log, here, there, &ours, &theirs)? {
            moving.push(format!("{names}: {what} of {}", name_of(world, &log.key)));
        }
    }
    for row in ours.groups()? {
        let Some(definition) = definition(&ours, &row.group)? else { continue };
        let known = theirs.group(&row.group)?.map_or(0, |row| row.number);
        let tells = definition.signer == here.org() || (definition.visibility == Visibility::Visible && known > 0);
        if tells && definition.has(&there.org()) && known < row.number {
            moving.push(format!("{names}: definition {} of a group, {known} there", row.number));
        }
    }
    // Recalls are not looked at here: who heard of one before its group will have it with the log. `recalls_are_obeyed` looks.
    for (log, seqs) in there.lacking(&here.org(), &BTreeMap::new(), 1_000)? {
        // Not those from before a member joined, which a relay has told it of and the author keeps to itself.
        if !here.bodies_for(&there.org(), &log, &seqs, 1 << 20)?.is_empty() {
            let key = theirs.log(&log)?.map(|row| row.key);
            moving
                .push(format!("{names}: bodies {seqs:?} of {} that came absent", key.map_or_else(String::new, |key| name_of(world, &key))));
        }
    }
    Ok(())
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
    // Nobody takes what it cannot check, or what a former member said.
    let member = group.is_none_or(|group| group.has(&log.key.author));
    if there.log_keys(&log.key.author).is_none() || !member {
        return Ok(None);
    }
    let head = held.map(|row| row.head).unwrap_or_default();
    if head.size < log.head.size {
        return Ok(Some(format!("{} entries, {} there,", log.head.size, head.size)));
    }
    if head.size == log.head.size && head.hash != log.head.hash {
        return Ok(Some(format!("unequal heads at {}", head.size)));
    }
    if log.key.author == here.org() && sent.is_some_and(|row| row.state == LogState::Open) {
        let through = ours.acks(&id)?.into_iter().find(|ack| ack.peer == there.org()).map_or(0, |ack| ack.through);
        if through < log.head.size {
            return Ok(Some(format!("{through} of {} entries acknowledged", log.head.size)));
        }
    }
    Ok(None)
}

/// Released records that have no position although a reader is linked.
fn waits(world: &World, who: usize, moving: &mut Vec<String>) -> Result<(), NodeError> {
    let snapshot = world.snapshot(who).unwrap();
    let linked: Vec<OrgId> =
        (0..COUNT).filter(|other| *other != who && linked(world, who, *other)).map(|other| world.members[other].org).collect();
    for audience in snapshot.waiting_audiences()? {
        let reached = match audience {
            Audience::Direct(org) => linked.contains(&org),
            Audience::Group(group) => definition(&snapshot, &group)?.is_some_and(|group| linked.iter().any(|org| group.has(org))),
        };
        if reached {
            moving.push(format!("{}: released records wait", NAMES[who]));
        }
    }
    Ok(())
}

/// Every indicator that a node holds: author, audience, value, with its log, position and whether the body is there.
struct Holding {
    key: LogKey,
    seq: u64,
    value: String,
}

struct Holdings {
    present: Vec<Holding>,
    recalled: Vec<(LogKey, u64)>,
    waiting: Vec<(Audience, String)>,
}

fn holdings(world: &World, who: usize) -> Holdings {
    let snapshot = world.snapshot(who).unwrap();
    let (mut present, mut recalled, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
    for log in snapshot.logs().unwrap() {
        for seq in log.start + 1..=log.head.size {
            let (Held(entry), _) = snapshot.entry(&log.id, seq).unwrap().expect("a log has no gaps");
            match &entry.body {
                Body::Present(body) => present.extend(value_of(entry.header.kind, body).map(|value| Holding { key: log.key, seq, value })),
                Body::Absent { reason: AbsentReason::Recalled, .. } => recalled.push((log.key, seq)),
                Body::Absent { .. } => {}
            }
        }
    }
    for audience in snapshot.waiting_audiences().unwrap() {
        for item in snapshot.waiting(&audience, usize::MAX, usize::MAX).unwrap() {
            if let Body::Present(body) = &item.entry.body {
                waiting.extend(value_of(item.entry.kind, body).map(|value| (audience, value)));
            }
        }
    }
    Holdings { present, recalled, waiting }
}

/// What must hold when everything is healed and nothing moves any more.
pub fn at_end(world: &World) {
    while_running(world);
    let all: Vec<Holdings> = (0..COUNT).map(|who| holdings(world, who)).collect();
    let ledger = Arc::clone(&world.shared_ledger());
    let mut ledger = ledger.lock().unwrap();
    nothing_acknowledged_is_lost(world, &mut ledger, &all);
    recalls_are_obeyed(world, &mut ledger, &all);
    nothing_is_destroyed_without_a_recall(world, &mut ledger, &all);
    nothing_is_said_twice(world, &mut ledger, &all);
    hidden_members_are_unknown(world, &mut ledger, &all);
    members_of_hidden_groups_are_heard(world, &mut ledger, &all);
    forks_are_proven(world, &mut ledger);
    for who in 0..COUNT {
        disclosed(world, &mut ledger, who);
    }
    nobody_accuses_anybody(world, &mut ledger);
}

fn nothing_acknowledged_is_lost(world: &World, ledger: &mut Ledger, all: &[Holdings]) {
    let releases: Vec<Release> = ledger.releases.clone();
    for release in releases {
        let Release { who, audience, value, began, told } = release;
        let Some((told, _)) = told else { continue };
        // What was taken back before it left never leaves.
        if ledger.is_forgiven(who, began, told) || ledger.taken_back.iter().any(|one| one.who == who && one.value == value) {
            continue;
        }
        let org = world.members[who].org;
        let here = |holding: &&Holding| holding.key.author == org && holding.key.audience == audience && holding.value == value;
        let waits = all[who].waiting.iter().any(|(to, waiting)| *to == audience && *waiting == value);
        let Some(place) = all[who].present.iter().find(here) else {
            if !waits {
                ledger.wrong(format!("lost: {} released `{value}` and holds it nowhere", NAMES[who]));
            }
            continue;
        };
        if let Audience::Direct(to) = audience
            && linked(world, who, world.place(&to))
            && !ledger.forks.contains(&place.key.id())
            && !all[world.place(&to)].present.iter().any(|holding| here(&holding))
        {
            ledger.wrong(format!("lost: {} does not hold `{value}` of {}", NAMES[world.place(&to)], NAMES[who]));
        }
    }
}

fn recalls_are_obeyed(world: &World, ledger: &mut Ledger, all: &[Holdings]) {
    for recall in ledger.taken_back.clone().into_iter().filter(|one| one.recall) {
        let Some(told) = recall.told else { continue };
        if ledger.is_forgiven(recall.who, recall.began, told) {
            continue;
        }
        let author = world.members[recall.who].org;
        let snapshot = world.snapshot(recall.who).unwrap();
        for (holder, holdings) in all.iter().enumerate() {
            for holding in holdings.present.iter().filter(|holding| holding.key.author == author && holding.value == recall.value) {
                // Who is no member any more hears of it from the author alone, if at all.
                let may_be_told = match holding.key.audience {
                    Audience::Direct(_) => holder == recall.who || linked(world, recall.who, holder),
                    Audience::Group(group) => {
                        let member = |who: usize| {
                            let snapshot = world.snapshot(who).unwrap();
                            definition(&snapshot, &group)
                                .unwrap()
                                .is_some_and(|group| group.has(&world.members[holder].org) && group.has(&author))
                        };
                        holder == recall.who || (definition(&snapshot, &group).unwrap().is_some() && member(recall.who) && member(holder))
                    }
                };
                if may_be_told {
                    let name = name_of(world, &holding.key);
                    ledger.wrong(format!("recall: {} still holds `{}` at {} in {name}", NAMES[holder], recall.value, holding.seq));
                }
            }
        }
    }
}

fn nothing_is_destroyed_without_a_recall(world: &World, ledger: &mut Ledger, all: &[Holdings]) {
    for (holder, holdings) in all.iter().enumerate() {
        for (key, seq) in &holdings.recalled {
            let author = world.place(&key.author);
            let Some(value) = ledger.positions.get(&(key.id(), *seq)).and_then(|position| position.value.clone()) else { continue };
            // In a hidden group its owner takes back what a member took back.
            let asked_for = (0..COUNT).any(|who| ledger.recall_was_tried(who, &value));
            if !asked_for && !ledger.forks.contains(&key.id()) {
                ledger.wrong(format!("destroyed: `{value}` of {} is gone at {}, and nobody recalled it", NAMES[author], NAMES[holder]));
            }
        }
    }
}

/// No value stands in an author's logs to an audience more often than it was shared with it.
fn nothing_is_said_twice(world: &World, ledger: &mut Ledger, all: &[Holdings]) {
    let never_restored: Vec<usize> = (0..COUNT).filter(|who| !ledger.was_restored(*who)).collect();
    for who in never_restored {
        let org = world.members[who].org;
        let mut counted: BTreeMap<(Audience, &str), usize> = BTreeMap::new();
        for holding in all[who].present.iter().filter(|holding| holding.key.author == org) {
            *counted.entry((holding.key.audience, &holding.value)).or_default() += 1;
        }
        for ((audience, value), count) in counted {
            let asked = |release: &&Release| release.audience == audience && release.value == value;
            // By itself, or passed on for another.
            let shared = ledger.releases.iter().filter(asked).count();
            if count > shared {
                ledger.wrong(format!("twice: `{value}` stands {count} times in logs of {} and was shared {shared} times", NAMES[who]));
            }
        }
    }
}

fn hidden_members_are_unknown(world: &World, ledger: &mut Ledger, all: &[Holdings]) {
    for who in 0..COUNT {
        let (org, snapshot) = (world.members[who].org, world.snapshot(who).unwrap());
        for row in snapshot.groups().unwrap() {
            let Ok(group) = decode_definition(&row.definition.bytes) else { continue };
            if group.visibility != Visibility::Hidden || group.owner == org {
                continue;
            }
            for member in group.members.iter().filter(|member| member.org != org && member.org != group.owner) {
                ledger.wrong(format!("hidden: {} knows that {} is a member", NAMES[who], NAMES[world.place(&member.org)]));
            }
            let foreign = |holding: &&Holding| {
                holding.key.audience == Audience::Group(row.group) && holding.key.author != org && holding.key.author != group.owner
            };
            if let Some(holding) = all[who].present.iter().find(foreign) {
                ledger.wrong(format!("hidden: {} holds {}", NAMES[who], name_of(world, &holding.key)));
            }
        }
    }
}

/// What a member of a hidden group says its owner says to the others; what a member took back its owner took back.
fn members_of_hidden_groups_are_heard(world: &World, ledger: &mut Ledger, all: &[Holdings]) {
    for owner in 0..COUNT {
        let (org, snapshot) = (world.members[owner].org, world.snapshot(owner).unwrap());
        for row in snapshot.groups().unwrap() {
            let Ok(Some(group)) = definition(&snapshot, &row.group) else { continue };
            if group.visibility != Visibility::Hidden || group.owner != org {
                continue;
            }
            let audience = Audience::Group(row.group);
            let (own, members): (Vec<&Holding>, Vec<&Holding>) =
                all[owner].present.iter().filter(|holding| holding.key.audience == audience).partition(|holding| holding.key.author == org);
            for said in members {
                let waits = all[owner].waiting.iter().any(|(to, value)| *to == audience && *value == said.value);
                let withdrawn = ledger.taken_back.iter().any(|one| one.value == said.value);
                if !waits && !withdrawn && !own.iter().any(|own| own.value == said.value) {
                    let member = NAMES[world.place(&said.key.author)];
                    ledger.wrong(format!("passed on: {} never passed on `{}` of {member}", NAMES[owner], said.value));
                }
            }
            for own in own {
                let recalled = ledger.taken_back.iter().find(|one| one.recall && one.told.is_some() && one.value == own.value);
                let Some(recalled) = recalled.filter(|one| one.who != owner) else { continue };
                let told = recalled.told.unwrap_or_default();
                let reached = group.has(&world.members[recalled.who].org) && linked(world, owner, recalled.who);
                if reached && !ledger.is_forgiven(recalled.who, recalled.began, told) {
                    let who = NAMES[recalled.who];
                    ledger.wrong(format!("recall: {} still passes on `{}`, which {who} recalled", NAMES[owner], own.value));
                }
            }
        }
    }
}

/// Of two who hold different histories of a log, and exchange it, somebody has the proof. Who was put out of a group, or is suspended by all, compares it with nobody.
fn forks_are_proven(world: &World, ledger: &mut Ledger) {
    for log in ledger.forks.clone() {
        let snapshots: Vec<Snapshot> = (0..COUNT).map(|who| world.snapshot(who).unwrap()).collect();
        let mut heads: BTreeMap<[u8; 32], Vec<usize>> = BTreeMap::new();
        let size = snapshots.iter().filter_map(|one| one.log(&log).unwrap()).map(|row| row.head.size).min().unwrap_or_default();
        for (who, snapshot) in snapshots.iter().enumerate() {
            if let Some(header) = snapshot.header(&log, size).unwrap() {
                heads.entry(header.hash().0).or_default().push(who);
            }
        }
        let proven = snapshots.iter().any(|snapshot| snapshot.evidence().unwrap().iter().any(|row| row.log.id() == log));
        let heads: Vec<Vec<usize>> = heads.into_values().collect();
        let key = ledger.logs[&log];
        let differ = |(one, other): (usize, usize)| !heads.iter().any(|holders| holders.contains(&one) && holders.contains(&other));
        let pairs = heads.iter().flatten().flat_map(|one| heads.iter().flatten().map(|other| (*one, *other)));
        if pairs.filter(|pair| differ(*pair)).any(|(one, other)| exchange(world, &key.audience, one, other)) && !proven {
            let name = name_of(world, &key);
            let names = |who: &Vec<usize>| who.iter().map(|who| NAMES[*who]).collect::<Vec<_>>().join(", ");
            let holders = heads.iter().map(names).collect::<Vec<_>>().join("; others by ");
            ledger.wrong(format!("evidence: two histories of {name} are held up to {size}, by {holders}, and nobody has the proof"));
        }
    }
}

/// Whether two nodes tell each other what they hold of the logs to an audience.
fn exchange(world: &World, audience: &Audience, one: usize, other: usize) -> bool {
    let has_both = |here: usize| match audience {
        Audience::Direct(_) => true,
        Audience::Group(group) => {
            let definition = world.snapshot(here).and_then(|snapshot| definition(&snapshot, group).ok().flatten());
            definition.is_some_and(|definition| [one, other].iter().all(|who| definition.has(&world.members[*who].org)))
        }
    };
    linked(world, one, other) && has_both(one) && has_both(other)
}

/// Every release has its disclosure.
fn disclosed(world: &World, ledger: &mut Ledger, who: usize) {
    let snapshot = world.snapshot(who).unwrap();
    let lines = snapshot.verify_disclosures().unwrap();
    if ledger.was_restored(who) {
        return;
    }
    let mut disclosed: BTreeMap<(Audience, Label, u8), u64> = BTreeMap::new();
    for line in snapshot.disclosures(1..=lines).unwrap() {
        let line: Disclosure = serde_json::from_str(&line.json).unwrap();
        *disclosed.entry((line.audience, line.label, line.kind)).or_default() += line.count;
    }
    let mut released: BTreeMap<(Audience, Label, u8), u64> = BTreeMap::new();
    for log in snapshot.logs_of(&world.members[who].org).unwrap() {
        for seq in 1..=log.head.size {
            let header = snapshot.header(&log.id, seq).unwrap().unwrap();
            *released.entry((log.key.audience, header.label, header.kind)).or_default() += 1;
        }
    }
    for audience in snapshot.waiting_audiences().unwrap() {
        for waiting in snapshot.waiting(&audience, usize::MAX, usize::MAX).unwrap() {
            *released.entry((audience, waiting.entry.label, waiting.entry.kind)).or_default() += 1;
        }
    }
    for (what, count) in released {
        let known = disclosed.get(&what).copied().unwrap_or_default();
        if known < count {
            ledger.wrong(format!("disclosure: {} released {count} as {:?} {}, and disclosed {known}", NAMES[who], what.1, what.2));
        }
    }
}

/// Honest nodes never break the protocol, and nothing is an error that nobody did.
fn nobody_accuses_anybody(world: &World, ledger: &mut Ledger) {
    let (restored, undeclared) = (!ledger.restores.is_empty(), ledger.restores.iter().any(|restore| restore.undeclared));
    for line in world.log.lines() {
        let text = &line.text;
        let accuses =
            ["broke the protocol", "passed a limit", "does not verify", "peer closed the link"].iter().any(|word| text.contains(word));
        let known = (restored && text.contains("this is a restored copy")) || (undeclared && text.contains("signed two histories"));
        if accuses || (line.level == Level::ERROR && !known) {
            let line = ledger.logs.iter().fold(line.to_string(), |line, (id, key)| line.replace(&id.to_string(), &name_of(world, key)));
            ledger.wrong(format!("log: {line}"));
        }
    }
}
