//! Whole nodes, with whatever clock and links they have.

use super::model::NAMES;
use super::play::{Case, Deed, Network, News};
use super::report::Outcome;
use crate::cases::{self, code};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use watchfire::clock::Clock;
use watchfire::model::referral::{Offer, Priority, Waiting};
use watchfire::model::{ReferralId, Timestamp};
use watchfire::node::Node;
use watchfire::node::escalate::done;
use watchfire::node::referral::{Act, ActRequest, AgainRequest, By, ReferRequest, waits_for};
use watchfire::rules::escalate::{Act as Rung, Wait};
use watchfire::rules::referral::{Side, Standing};

const RUNGS: [Rung; 7] = Rung::ALL;

/// A file of timers whose first rungs nobody lives to see.
pub fn no_ladder() -> String {
    let never = |wait: &str| format!("{wait} = [{{ after = \"53w\", act = \"tell_leads\" }}]\n");
    let ladders = ["receipt", "acknowledgement", "decision"].map(never).concat();
    ["emergency", "urgent", "normal"].map(|priority| format!("[{priority}]\n{ladders}")).concat()
}

/// Three nodes that know each other, and one clock.
pub struct Nodes {
    nodes: [Arc<Node>; 3],
    clock: Clock,
    began: Timestamp,
    priorities: BTreeMap<ReferralId, Priority>,
    by_a_clock: BTreeSet<ReferralId>,
    rungs: BTreeSet<(ReferralId, Wait, u32, u32)>,
}

impl Nodes {
    pub fn new(nodes: [Arc<Node>; 3], clock: Clock) -> Self {
        let began = clock.now();
        Self { nodes, clock, began, priorities: BTreeMap::new(), by_a_clock: BTreeSet::new(), rungs: BTreeSet::new() }
    }

    fn since(&self, at: Timestamp) -> u64 {
        at.since(self.began)
    }
}

impl Network for Nodes {
    fn now(&self) -> u64 {
        self.since(self.clock.now())
    }

    async fn until(&mut self, at: u64) {
        self.clock.sleep_until(self.began.plus(at)).await;
    }

    async fn refer(&mut self, case: &Case<'_>) -> ReferralId {
        let request = request(case);
        let referral = self.nodes[case.from].refer(request, By::default()).await.unwrap().referral;
        self.priorities.insert(referral, case.request.priority);
        referral
    }

    async fn again(&mut self, from: usize, referral: ReferralId, to: usize) -> Option<ReferralId> {
        let request = AgainRequest { to: vec![NAMES[to].into()], candidates: Vec::new(), call: None, now: true };
        let again = self.nodes[from].refer_again(&referral.to_string(), request, By::default()).await.ok()?.offers[0].referral;
        self.priorities.insert(again, self.priorities[&referral]);
        Some(again)
    }

    async fn act(&mut self, desk: usize, referral: ReferralId, deed: Deed) -> bool {
        let text = String::new();
        let act = match deed {
            Deed::Ack => Act::Ack,
            Deed::Ask => Act::Ask { text: "since when?".into() },
            Deed::Answer => Act::Answer { text: "since Monday".into() },
            Deed::Accept => Act::Accept { start: None, text },
            Deed::Decline => Act::Decline { reason: code("no_capacity"), text, suggest: None },
            Deed::Choose => Act::Choose,
            Deed::Progress => Act::Progress { waiting: Waiting::Nothing, text },
            Deed::Resolve => Act::Resolve { outcomes: vec![code("advice_given")], text },
            Deed::Review => Act::Review { helped: Some(true), text },
            Deed::Close => Act::Close,
            Deed::Withdraw => Act::Withdraw { revoked: false },
        };
        self.nodes[desk].act(&referral.to_string(), ActRequest { act, now: true }, By::default()).await.is_ok()
    }

    fn standing(&self, desk: usize, referral: &ReferralId) -> Option<Standing> {
        let snapshot = self.nodes[desk].store.snapshot().unwrap();
        snapshot.conversation(referral).unwrap().map(|conversation| conversation.standing)
    }

    fn news(&mut self) -> Vec<News> {
        let mut news = Vec::new();
        for node in &self.nodes {
            let timers = node.timers(None).unwrap();
            for timer in timers.into_iter().filter(|timer| timer.side == "origin") {
                let of = timer.referral;
                for rung in timer.recorded {
                    if !self.rungs.insert((of, rung.wait, rung.rung, rung.again)) {
                        continue;
                    }
                    news.push(News::Rung { referral: of, wait: rung.wait, act: rung.act });
                    if let Some(referral) = rung.offered {
                        self.by_a_clock.insert(referral);
                        self.priorities.insert(referral, timer.priority);
                        news.push(News::Offered { of, referral });
                    }
                }
            }
        }
        news
    }

    async fn outcomes(&mut self) -> Vec<Outcome> {
        let place = |org| self.nodes.iter().position(|node| node.org() == org).expect("one of the three");
        let rungs_at = |node: &Node, referral: &ReferralId| {
            let view = node.referral_named_view(&referral.to_string()).ok()?;
            let rungs = view.timeline.iter().filter(|one| one.by == "the clock").map(|one| {
                let said = |name: &str| one.particulars.iter().find(|(key, _)| key == name).map(|(_, text)| text.as_str());
                let wait = Wait::ALL.into_iter().find(|wait| Some(waits_for(*wait)) == said("waited")).expect("a wait");
                let act = RUNGS.into_iter().find(|act| Some(done(*act)) == said("then")).expect("an act");
                (wait, act, self.since(one.at))
            });
            Some((view.case, rungs.collect::<Vec<_>>()))
        };
        let mut outcomes = Vec::new();
        for (from, node) in self.nodes.iter().enumerate() {
            let snapshot = node.store.snapshot().unwrap();
            for (referral, row) in snapshot.referrals().unwrap().into_iter().filter(|(_, row)| row.side == Side::Origin) {
                let ours = snapshot.conversation(&referral).unwrap().unwrap();
                let to = place(row.peer);
                let theirs = self.nodes[to].store.snapshot().unwrap().conversation(&referral).unwrap();
                let (case, rungs) = rungs_at(node, &referral).unwrap();
                let messages = |side| ours.of(side).iter().map(|message| (self.since(message.at), message.step)).collect();
                outcomes.push(Outcome {
                    referral,
                    case: case.expect("it is ours").0,
                    from,
                    to,
                    priority: self.priorities.get(&referral).copied().unwrap_or(Priority::Emergency),
                    origin: messages(Side::Origin),
                    receiver: messages(Side::Receiver),
                    at_origin: ours.standing.clone(),
                    at_receiver: theirs.map(|theirs| theirs.standing),
                    rungs,
                    rungs_there: rungs_at(&self.nodes[to], &referral).map_or(0, |(_, rungs)| rungs.len()),
                    by_a_clock: self.by_a_clock.contains(&referral),
                });
            }
        }
        outcomes
    }
}

fn request(case: &Case<'_>) -> ReferRequest {
    let (nature, incident, summary) = match case.request.reactive {
        true => ("reactive", "account_compromise", "an account was taken over, and the person cannot get in any more"),
        false => ("preventative", "preventative_advice_assessment_training", "the team asks how to keep its accounts safe"),
    };
    let offer = Offer {
        nature: code(nature),
        incident_types: vec![code(incident)],
        priority: case.request.priority,
        physical_danger: None,
        ongoing: None,
        requester_kind: code("member_referral"),
        ..cases::offer(summary)
    };
    ReferRequest { candidates: vec![NAMES[case.then].into()], automatic: true, ..cases::request(offer, &[NAMES[case.to]]) }
}
