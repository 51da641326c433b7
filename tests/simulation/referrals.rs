//! What desks do with cases: they offer, hold and undo them, and do in each whatever a seed says, whether it is their turn or not.

use super::desk;
use super::identities::{self, NAMES};
use super::world::{COUNT, World};
use crate::cases::{self, code};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use watchfire::model::referral::{Consent, Offer, Priority, Waiting};
use watchfire::model::{ReferralId, Timestamp};
use watchfire::node::referral::{Act, ActRequest, By, ReferRequest};
use watchfire::node::{Node, NodeError};
use watchfire::rules::referral::{Decision, Side, Standing, Step};
use watchfire::simulation::{self, Bug};

/// Cases of a run, at the most.
const CASES_MAX: usize = 12;
/// How many things are done at the desks in one step, at the most.
const ACTS_MAX: u64 = 4;

/// A case that somebody offered, or tried to.
#[derive(Debug, Clone)]
pub struct Case {
    pub who: usize,
    /// What stands in its offers and nowhere else.
    pub word: String,
    /// What came of it, where people were told.
    pub offers: Vec<ReferralId>,
    /// The referral by which it came.
    pub parent: Option<ReferralId>,
    /// It was held, and people were told that it is undone.
    pub undone: bool,
    /// Its consent was revoked, and people were told so.
    pub revoked: bool,
}

/// What may happen in a step, beside everything else.
pub fn one_step(world: &mut World) {
    if world.random.chance(18) {
        refer(world, None);
    }
    for _ in 0..world.random.below(ACTS_MAX) {
        act(world);
    }
}

/// How soon the next candidate is asked: within a run, and not before whoever is there has answered.
pub fn ladders() -> String {
    let ladder = |wait: &str, after: &str| format!("{wait} = [{{ after = \"{after}\", act = \"offer_next\" }}]\n");
    let waits = [("receipt", "12s"), ("acknowledgement", "15s"), ("decision", "20s"), ("next", "8s")];
    format!("[emergency]\n{}", waits.map(|(wait, after)| ladder(wait, after)).concat())
}

fn offer(word: &str, onward: bool, expires: Option<Timestamp>, priority: Priority) -> Offer {
    let offer = cases::offer(&format!("an account was taken over: {word}"));
    let consent = Consent { onward, expires, ..offer.consent };
    Offer { priority, consent, ..offer }
}

/// A case is offered to one or two, with others who are asked next; at times it is held, and at times undone then; some consents end while it runs. With a
/// parent it is passed on by whoever has that.
fn refer(world: &mut World, parent: Option<(usize, ReferralId)>) {
    let who = parent.map_or_else(|| world.random.below(COUNT as u64) as usize, |(who, _)| who);
    let other = (who + 1 + world.random.below(COUNT as u64 - 1) as usize) % COUNT;
    let second = (who + 1 + world.random.below(COUNT as u64 - 1) as usize) % COUNT;
    let two = second != other && world.random.chance(70);
    let (onward, held, undo) = (world.random.chance(50), world.random.chance(20), world.random.chance(60));
    let wait = Duration::from_millis(world.random.below(6_000));
    let priority = [Priority::Emergency, Priority::Urgent, Priority::Normal][world.random.below(3) as usize];
    let (next, automatic) = (world.random.chance(60), world.random.chance(70));
    let expires = world.random.chance(25).then_some(identities::MIDNIGHT);
    let Some(node) = world.node(who).cloned() else { return };
    let n = world.ledger().cases.len();
    if n >= CASES_MAX {
        return;
    }
    let word = format!("wrennock{n}of{}", NAMES[who]);
    let to: Vec<&str> = [Some(other), two.then_some(second)].into_iter().flatten().map(|who| NAMES[who]).collect();
    world.log.say(format!("{} refers {word} to {}, held: {held}, child: {}", NAMES[who], to.join(" and "), parent.is_some()));
    let known = world.snapshot(who).unwrap().peers().unwrap();
    let is_known = |other: &usize| known.iter().any(|peer| peer.org == world.members[*other].org);
    let others = (0..COUNT).filter(|other| next && *other != who && is_known(other));
    let candidates: Vec<String> = others.map(|who| NAMES[who].to_owned()).filter(|name| !to.contains(&name.as_str())).collect();
    let parent = parent.map(|(_, id)| id);
    world.ledger().cases.push(Case { who, word: word.clone(), offers: Vec::new(), parent, undone: false, revoked: false });
    let request = ReferRequest {
        reference: format!("our ticket {word}"),
        parent: parent.map(|id| id.to_string()),
        candidates,
        automatic,
        now: !held,
        ..cases::request(offer(&word, onward, expires, priority), &to)
    };
    let ledger = world.shared_ledger();
    tokio::spawn(async move {
        let view = match node.refer(request, By::default()).await {
            Ok(view) => view,
            Err(error) => return ledger.lock().unwrap().refused("refer", &error),
        };
        ledger.lock().unwrap().cases[n].offers = view.offers.iter().map(|offer| offer.referral).collect();
        let holds: Vec<_> = view.offers.iter().filter_map(|offer| offer.held.as_ref()?.id).collect();
        if !undo || holds.len() < view.offers.len() {
            return;
        }
        sleep(wait).await;
        for hold in holds {
            let hold = hold.to_string();
            // Some desks have had nobody so far.
            let staffed = node.users().is_ok_and(|users| !users.users.is_empty());
            let order = staffed.then(|| desk::order(&node, "undo", &hold, &(), desk::OMAR));
            if let Err(error) = node.undo(&hold, order.as_ref()).await {
                return ledger.lock().unwrap().refused("undo", &error);
            }
        }
        ledger.lock().unwrap().cases[n].undone = true;
    });
}

/// Somebody does something in a referral that is known somewhere.
fn act(world: &mut World) {
    let who = world.random.below(COUNT as u64) as usize;
    let (Some(node), Some(snapshot)) = (world.node(who).cloned(), world.snapshot(who)) else { return };
    let known = snapshot.referrals().unwrap();
    let Some((id, row)) = known.get(world.random.below(known.len() as u64) as usize).cloned() else { return };
    let standing = snapshot.conversation(&id).unwrap().expect("it is in the list").standing;
    let (fits, may_withdraw) = (world.random.chance(75), world.random.chance(20));
    let withdraws = |act: &Act| matches!(act, Act::Withdraw { .. });
    let fitting = |act: &Act| (!fits || is_legal(&standing, row.side, act)) && (may_withdraw || !withdraws(act));
    let waiting = Waiting::ALL[world.random.below(Waiting::ALL.len() as u64) as usize];
    let acts: Vec<Act> = acts(waiting).into_iter().filter(fitting).collect();
    // Passing on is a referral of its own.
    let passes_on = row.side == Side::Receiver && (standing.may(row.side, Step::PassOn).is_ok() || !fits) && world.random.chance(25);
    if passes_on {
        return refer(world, Some((who, id)));
    }
    let n = world.random.below(acts.len() as u64) as usize;
    // What two acceptances of one case do wrong shows only where there are two: while that is looked for, people say yes more often.
    let says_yes = simulation::planted(Bug::GiveTwice) && row.side == Side::Receiver && world.random.chance(60);
    let yes = acts.iter().position(|act| matches!(act, Act::Accept { .. })).filter(|_| says_yes);
    let Some(act) = acts.into_iter().nth(yes.unwrap_or(n)) else { return };
    world.log.say(format!("{} does in {}: {}", NAMES[who], watchfire::node::referral::short(&id), name(&act)));
    let ledger = world.shared_ledger();
    let revokes = matches!(act, Act::Withdraw { revoked: true });
    tokio::spawn(async move {
        let done = act_in(&node, id, act).await;
        let mut ledger = ledger.lock().unwrap();
        match done {
            Ok(()) if revokes => ledger.cases.iter_mut().filter(|case| case.offers.contains(&id)).for_each(|case| case.revoked = true),
            Ok(()) => {}
            Err(error) => ledger.refused("act", &error),
        }
    });
}

async fn act_in(node: &Arc<Node>, id: ReferralId, act: Act) -> Result<(), NodeError> {
    node.act(&id.to_string(), ActRequest { act, now: true }, By::default()).await.map(drop)
}

fn acts(waiting: Waiting) -> Vec<Act> {
    let text = || "whether the grellock one is theirs".to_owned();
    vec![
        Act::Ack,
        Act::Ask { text: text() },
        Act::Answer { text: text() },
        Act::Accept { start: None, text: text() },
        Act::Accept { start: None, text: String::new() },
        Act::Decline { reason: code("no_capacity"), text: text(), suggest: None },
        Act::Choose,
        Act::Progress { waiting, text: text() },
        Act::HandBack { reason: code("no_capacity"), text: text() },
        Act::Resolve { outcomes: vec![code("advice_given")], text: text() },
        Act::Review { helped: Some(true), text: text() },
        Act::Close,
        Act::Withdraw { revoked: false },
        Act::Withdraw { revoked: true },
    ]
}

/// What somebody does: the type's own debug text tells nothing.
fn name(act: &Act) -> String {
    let act = serde_json::to_value(act).unwrap();
    let revoked = act["revoked"] == true;
    format!("{}{}", act["act"].as_str().unwrap_or_default(), if revoked { ", revoked" } else { "" })
}

fn is_legal(standing: &Standing, side: Side, act: &Act) -> bool {
    let step = match act {
        Act::Ack => Step::Acknowledge,
        Act::Ask { .. } => Step::Ask,
        Act::Answer { .. } => Step::Answer(standing.receiver.asked),
        Act::Accept { .. } => Step::Accept,
        Act::Decline { .. } => Step::Decline,
        Act::Progress { .. } => Step::Progress(watchfire::rules::referral::Progress::WaitingPlatform),
        Act::HandBack { .. } => Step::HandBack,
        Act::Resolve { .. } => Step::Resolve,
        Act::Review { .. } => Step::Review,
        Act::Close => Step::Close,
        Act::Withdraw { .. } => Step::Withdraw,
        Act::Choose => match standing.receiver.decision {
            Decision::Accepted(number) => Step::Confirm(number),
            _ => return false,
        },
    };
    standing.may(side, step).is_ok()
}
