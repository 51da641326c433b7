//! What must hold of referrals, read from both nodes' stores.

use super::clock_checks::{self, Late};
use super::identities::NAMES;
use super::ledger::Ledger;
use super::referrals::Case;
use super::world::{COUNT, World};
use std::collections::{BTreeMap, BTreeSet};
use watchfire::model::ReferralId;
use watchfire::node::referral::short;
use watchfire::rules::label::Withheld;
use watchfire::rules::referral::{Decision, Phase, Side, Standing, Step};
use watchfire::store::Conversation;

/// A referral as its two nodes hold it.
struct Pair {
    id: ReferralId,
    origin: (usize, Conversation),
    /// `None` where the receiver has nothing of it.
    receiver: (usize, Option<Conversation>),
}

impl Pair {
    fn name(&self) -> String {
        format!("{} from {} to {}", short(&self.id), NAMES[self.origin.0], NAMES[self.receiver.0])
    }

    /// Whether one of both was put back from a copy, said so or not: what came back of a conversation then is not always what was said.
    fn is_excused(&self, ledger: &Ledger) -> bool {
        let who = [self.origin.0, self.receiver.0];
        who.iter().any(|who| ledger.was_restored(*who))
    }

    /// What the receiver knows; of what has not come, nothing.
    fn receiver_knows(&self) -> Standing {
        self.receiver.1.as_ref().map(|one| one.standing.clone()).unwrap_or_default()
    }

    fn is_withdrawn(&self) -> bool {
        self.origin.1.standing.origin.withdrawn.is_some()
    }

    /// Whether it was called off before it left: then nothing is said of it.
    fn never_left(&self) -> bool {
        self.origin.1.row.over && !self.origin.1.standing.is_over()
    }
}

/// The referrals of which both nodes run, and know what they have said: not those that still ask their readers after a restore.
fn pairs(world: &World) -> Vec<Pair> {
    let sure = |who: &usize| world.node(*who).is_some_and(|node| !node.is_restored());
    let mut pairs = Vec::new();
    for who in (0..COUNT).filter(sure) {
        let ours = world.snapshot(who).unwrap();
        for (id, row) in ours.referrals().unwrap().into_iter().filter(|(_, row)| row.side == Side::Origin) {
            let other = world.place(&row.peer);
            if sure(&other) {
                let theirs = world.snapshot(other).unwrap().conversation(&id).unwrap();
                pairs.push(Pair { id, origin: (who, ours.conversation(&id).unwrap().unwrap()), receiver: (other, theirs) });
            }
        }
    }
    pairs
}

/// What nodes offered by themselves belongs to the case, too.
fn note_offers(world: &World) {
    for who in world.alive() {
        for row in clock_checks::cases(&world.snapshot(who).unwrap()) {
            let given: Vec<ReferralId> = row.given.iter().map(|given| given.referral).collect();
            let mut ledger = world.ledger();
            let case = ledger.cases.iter_mut().find(|case| case.who == who && case.offers.iter().any(|offer| given.contains(offer)));
            if let Some(case) = case {
                let new = given.into_iter().filter(|id| !case.offers.contains(id)).collect::<Vec<_>>();
                case.offers.extend(new);
            }
        }
    }
}

/// Looks at both sides of each referral at this moment.
pub fn while_running(world: &World) {
    note_offers(world);
    let pairs = pairs(world);
    let mut ledger = world.ledger();
    let pairs: Vec<Pair> = pairs.into_iter().filter(|pair| !pair.is_excused(&ledger)).collect();
    for pair in &pairs {
        one_claims_it(pair, &mut ledger);
        nothing_moves_unlawfully(pair, &mut ledger);
    }
    one_has_the_case(&pairs, &mut ledger);
    drop(ledger);
    somebody_watches(world, &pairs);
    clock_checks::while_running(world);
}

fn one_claims_it(pair: &Pair, ledger: &mut Ledger) {
    let theirs = pair.receiver_knows();
    if pair.origin.1.standing.owner() == Side::Origin && theirs.owner() == Side::Receiver {
        ledger.wrong(format!("owner: both claim {}", pair.name()));
    }
}

/// Of each referral that is not over a clock is on the disk of one of both. What came to nothing is watched by another offer of its case.
fn somebody_watches(world: &World, pairs: &[Pair]) {
    let before = std::mem::take(&mut world.ledger().unwatched);
    let mut unwatched = Late::new();
    for pair in pairs {
        let ((origin, ours), receiver) = (&pair.origin, pair.receiver.0);
        let snapshots = [*origin, receiver].map(|who| world.snapshot(who).unwrap());
        let is_watched = snapshots.iter().any(|one| clock_checks::written(one).contains_key(&pair.id));
        let is_left =
            ours.row.over || ours.standing.is_over() || ours.standing.came_to_nothing() && clock_checks::goes_on(&snapshots[0], &pair.id);
        if !is_watched && !is_left {
            let what = format!("clock: nobody watches {}", pair.name());
            clock_checks::note(world, &mut unwatched, &before, &[*origin, receiver], &pair.id, &ours.standing, what);
        }
    }
    world.ledger().unwatched = unwatched;
}

fn nothing_moves_unlawfully(pair: &Pair, ledger: &mut Ledger) {
    let both = [Some(&pair.origin.1), pair.receiver.1.as_ref()];
    for one in both.into_iter().flatten() {
        // Until it has come, what a message has seen is not known to be written.
        let illegal = one.standing.illegal.iter().find(|(_, _, why)| *why != watchfire::rules::referral::Illegal::NotWritten);
        if let Some((side, number, why)) = illegal {
            ledger.wrong(format!("illegal: message {number} of the {side:?} of {}: {why}", pair.name()));
        }
        if one.row.forked {
            ledger.wrong(format!("forked: {}, and nobody was restored", pair.name()));
        }
    }
}

/// Of a case that was offered to several, one at the most claims it who was not told to leave it.
fn one_has_the_case(pairs: &[Pair], ledger: &mut Ledger) {
    for case in ledger.cases.clone() {
        let has = |pair: &&Pair| case.offers.contains(&pair.id) && !pair.is_withdrawn() && pair.receiver_knows().owner() == Side::Receiver;
        let names: Vec<String> = pairs.iter().filter(has).map(Pair::name).collect();
        if names.len() > 1 {
            ledger.wrong(format!("owner: several have one case: {}", names.join(", ")));
        }
    }
}

/// What is not yet as it will be.
pub fn moving(world: &World) -> Vec<String> {
    let mut moving = Vec::new();
    let ledger = world.shared_ledger();
    let ledger = ledger.lock().unwrap();
    // What is held when its consent ends never leaves.
    let ended = Some(Withheld::ConsentExpired.to_string());
    for who in world.alive() {
        let held = world
            .snapshot(who)
            .unwrap()
            .holds()
            .unwrap()
            .into_iter()
            .filter(|(_, row)| row.referral.is_some() && !row.waits_for_a_person() && row.reason != ended)
            .count();
        if held > 0 {
            moving.push(format!("{} holds {held} of its referrals", NAMES[who]));
        }
    }
    for pair in pairs(world).iter().filter(|pair| !pair.is_excused(&ledger) && !stays_here(world, pair)) {
        moving.extend(moves(pair).map(|what| format!("{}: {what}", pair.name())));
    }
    moving
}

/// Whether something of it stays with its origin, since its consent ended before it had left. Its clock tells people there.
fn stays_here(world: &World, pair: &Pair) -> bool {
    let lacks = pair.receiver.1.as_ref().is_none_or(|theirs| theirs.origin.len() < pair.origin.1.origin.len());
    let Some(node) = world.node(pair.origin.0).filter(|_| lacks && !pair.is_withdrawn()) else { return false };
    let offer = node.referral_named_view(&pair.id.to_string()).ok().and_then(|view| view.offer);
    offer.and_then(|offer| offer.consent.expires).is_some_and(|expires| expires <= node.clock.now())
}

fn moves(pair: &Pair) -> Option<String> {
    let ours = &pair.origin.1;
    let Some(theirs) = &pair.receiver.1 else {
        // Of what was withdrawn before it left there is not even a message.
        return (!ours.row.over).then(|| format!("it never came; {}", ours.standing.phase().name()));
    };
    if (ours.origin.len(), ours.receiver.len()) != (theirs.origin.len(), theirs.receiver.len()) {
        return Some("one has more messages".into());
    }
    if pair.is_withdrawn() && [ours, theirs].iter().any(|one| one.standing.phase() != Phase::Purged || !one.row.over) {
        return Some(format!("withdrawn, and {} and {}", ours.standing.phase().name(), theirs.standing.phase().name()));
    }
    None
}

/// What must hold when everything is healed and nothing moves any more.
pub fn at_end(world: &World) {
    let pairs = pairs(world);
    let ledger = world.shared_ledger();
    let mut ledger = ledger.lock().unwrap();
    for pair in pairs.iter().filter(|pair| !pair.is_excused(&ledger) && !stays_here(world, pair)).collect::<Vec<_>>() {
        ledger.counted.referrals += 1;
        ledger.counted.accepted += u64::from(matches!(pair.origin.1.standing.receiver.decision, Decision::Accepted(_)));
        both_come_to_the_same(pair, &mut ledger);
        bodies_are_where_they_belong(world, pair, &mut ledger);
    }
    withdrawals_reach_who_has_it_from_us(&pairs, &mut ledger);
    words_of_what_is_gone_are_nowhere(world, &pairs, &mut ledger);
}

fn both_come_to_the_same(pair: &Pair, ledger: &mut Ledger) {
    let Some(theirs) = &pair.receiver.1 else { return };
    let ours = &pair.origin.1;
    if let Some((side, number, why)) = ours.standing.illegal.iter().chain(&theirs.standing.illegal).next() {
        ledger.wrong(format!("illegal: at the end message {number} of the {side:?} of {}: {why}", pair.name()));
    }
    let gone = |one: &Conversation| one.origin.iter().chain(&one.receiver).any(|message| message.step == Step::Gone);
    let same = match gone(ours) || gone(theirs) {
        // Of what was destroyed on its way only that it was withdrawn is known.
        true => ours.standing.phase() == theirs.standing.phase() && ours.standing.owner() == theirs.standing.owner(),
        false => ours.standing == theirs.standing,
    };
    if !same {
        let phases = (ours.standing.phase(), theirs.standing.phase());
        ledger.wrong(format!("fold: {} came to {phases:?}", pair.name()));
    }
}

fn has_body(world: &World, who: usize, conversation: &Conversation) -> bool {
    let snapshot = world.snapshot(who).unwrap();
    conversation.origin.first().is_some_and(|offer| snapshot.message_body(offer).unwrap().is_some())
}

fn bodies_are_where_they_belong(world: &World, pair: &Pair, ledger: &mut Ledger) {
    let Some(theirs) = &pair.receiver.1 else { return };
    let receiver = &theirs.standing.receiver;
    let is_left = matches!(receiver.decision, Decision::Refused | Decision::Declined) || receiver.handed_back.is_some();
    for (who, conversation, belongs) in
        [(pair.origin.0, &pair.origin.1, !pair.is_withdrawn()), (pair.receiver.0, theirs, !pair.is_withdrawn() && !is_left)]
    {
        if has_body(world, who, conversation) != belongs {
            let what = if belongs { "has no body of" } else { "still has the body of" };
            ledger.wrong(format!("body: {} {what} {}", NAMES[who], pair.name()));
        }
    }
}

fn cases_of_those_never_restored(ledger: &Ledger) -> Vec<Case> {
    ledger.cases.iter().filter(|case| !ledger.was_restored(case.who)).cloned().collect()
}

/// A case that was passed on is withdrawn with that by which it came.
fn withdrawals_reach_who_has_it_from_us(pairs: &[Pair], ledger: &mut Ledger) {
    let by_id: BTreeMap<ReferralId, &Pair> = pairs.iter().map(|pair| (pair.id, pair)).collect();
    for case in cases_of_those_never_restored(ledger) {
        let Some(parent) = case.parent.and_then(|parent| by_id.get(&parent)) else { continue };
        for child in case.offers.iter().filter_map(|offer| by_id.get(offer)) {
            if child.never_left() || parent.is_excused(ledger) {
                continue;
            }
            ledger.counted.passed_on += 1;
            if parent.is_withdrawn() && !child.is_withdrawn() {
                ledger.wrong(format!("passed on: {} is withdrawn, and {} is not", parent.name(), child.name()));
            }
        }
    }
}

/// Where every offer of a case was withdrawn, or it was undone before it left, nobody has its words any more: but the desk whose case it is, where it
/// was only called off and may still be offered to somebody else.
fn words_of_what_is_gone_are_nowhere(world: &World, pairs: &[Pair], ledger: &mut Ledger) {
    let by_id: BTreeMap<ReferralId, &Pair> = pairs.iter().map(|pair| (pair.id, pair)).collect();
    let restored: BTreeSet<usize> = ledger.restores.iter().map(|restore| restore.who).collect();
    for case in cases_of_those_never_restored(ledger) {
        let offers: Vec<&&Pair> = case.offers.iter().filter_map(|offer| by_id.get(offer)).collect();
        let withdrawn = !offers.is_empty()
            && offers.len() == case.offers.len()
            && offers.iter().all(|pair| pair.is_withdrawn() && pair.receiver.1.is_some() && !pair.is_excused(ledger));
        if !withdrawn && !case.undone {
            continue;
        }
        ledger.counted.searched += u64::from(withdrawn);
        let is_revoked = case.revoked || case.parent.and_then(|parent| by_id.get(&parent)).is_some_and(|parent| parent.is_withdrawn());
        let may_keep = |who: &usize| *who == case.who && !is_revoked && !case.undone;
        for who in (0..COUNT).filter(|who| !restored.contains(who) && !may_keep(who)) {
            let tables = world.tables_with(who, &case.word);
            if !tables.is_empty() {
                let what = if case.undone { "undone" } else { "withdrawn" };
                let holds = format!("words: {} still has `{}`, which is {what}, in {tables:?}", NAMES[who], case.word);
                ledger.wrong(holds);
            }
        }
    }
}
