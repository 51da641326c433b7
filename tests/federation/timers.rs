//! Clocks of referrals on real nodes: what nobody answers climbs its ladder on both sides, each rung once, whatever dies and is stepped meanwhile.

use crate::harness::*;
use crate::referrals::case;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;
use watchfire::model::ReferralId;
use watchfire::model::referral::Priority;
use watchfire::node::NodeError;
use watchfire::node::escalate::{NotOffered, RungView};
use watchfire::node::referral::{Act, By, ReferRequest};
use watchfire::rules::escalate::{Act as Rung, Wait};
use watchfire::rules::label::Withheld;

fn emergency(to: &[&str], candidates: &[&str], automatic: bool) -> ReferRequest {
    let mut request = ReferRequest { candidates: candidates.iter().map(|name| (*name).to_owned()).collect(), automatic, ..case(to) };
    request.offer.priority = Priority::Emergency;
    request
}

impl Federation {
    /// All rungs that a node has recorded of a referral, those of clocks that ended too, as `show` tells them.
    fn rungs(&self, who: Who, id: &ReferralId) -> Vec<String> {
        let view = self.node(who).referral_named_view(&id.to_string()).unwrap();
        view.timeline.iter().filter(|one| one.by == "the clock").map(|one| format!("{} {}", one.says, one.particulars[1].1)).collect()
    }

    fn recorded(&self, who: Who, id: &ReferralId) -> Vec<RungView> {
        let timers = self.node(who).timers(Some(&id.to_string())).unwrap();
        timers.into_iter().flat_map(|timer| timer.recorded).collect()
    }

    /// The referrals of ours that are open with a peer.
    fn cases_with(&self, who: Who, peer: &str) -> Vec<ReferralId> {
        self.node(who).inbox(true).unwrap().into_iter().filter(|line| line.peer == peer).map(|line| line.referral).collect()
    }

    async fn offered(&self, request: ReferRequest) -> ReferralId {
        let id = self.node(AMAL).refer(request, By::default()).await.unwrap().referral;
        self.settle().await;
        id
    }

    /// So many minutes pass, and each of these has recorded so many rungs by then.
    async fn after(&self, minutes: u64, id: &ReferralId, rungs: usize, all: &[Who]) {
        self.pass(minutes * MINUTE).await;
        for who in all {
            self.until(&format!("{rungs} rungs at {who:?}"), || self.rungs(*who, id).len() >= rungs).await;
            assert_eq!(self.rungs(*who, id).len(), rungs, "{who:?}: {:?}", self.rungs(*who, id));
        }
    }
}

const LADDER: [&str; 3] =
    ["rung 1 the shift's leads are told", "rung 2 the duty director is told", "rung 3 the next candidate is offered the case"];

#[tokio::test]
async fn an_emergency_that_nobody_opens_climbs_on_both_sides_and_goes_to_the_next_once() {
    let federation = Federation::of(3).await;
    let id = federation.offered(emergency(&["borealis"], &["cedar"], true)).await;
    let sides = [AMAL, BOREALIS];
    federation.after(59, &id, 0, &sides).await;
    federation.after(1, &id, 1, &sides).await;
    federation.after(30, &id, 2, &sides).await;
    assert!(federation.cases_with(AMAL, "cedar").is_empty(), "the promise is for 120 minutes");
    federation.after(30, &id, 3, &sides).await;
    assert_eq!(federation.rungs(AMAL, &id), LADDER);
    assert_eq!(federation.rungs(BOREALIS, &id)[2], "rung 3 the duty director is told", "the receiver looks for nobody");
    federation.settle().await;
    let next = federation.cases_with(AMAL, "cedar");
    assert_eq!((next.len(), federation.cases_with(CEDAR, "amal")), (1, next.clone()));
    let rung = federation.recorded(AMAL, &id).pop().unwrap();
    assert_eq!((rung.offered, rung.offered_to.as_deref(), rung.act), (Some(next[0]), Some("cedar"), Rung::OfferNext));
    let view = federation.node(AMAL).referral_named_view(&id.to_string()).unwrap();
    assert_eq!((view.line.owner.as_str(), view.others.len(), view.proposal), ("us", 1, None), "the case is still ours");
    // Whoever accepts while nobody else has gets it only by a person's word: two were asked.
    federation
        .node(CEDAR)
        .act(&next[0].to_string(), watchfire::node::referral::ActRequest { act: Act::Ack, now: true }, By::default())
        .await
        .unwrap();
    federation.pass(3 * HOUR).await;
    federation.settle().await;
    assert_eq!(federation.rungs(AMAL, &id).len(), 3, "a ladder has an end");
    assert_eq!(federation.cases_with(AMAL, "cedar").len(), 1);
}

#[tokio::test]
async fn rungs_are_recorded_once_when_nodes_die_between_them_and_clocks_are_stepped() {
    let mut federation = Federation::of(3).await;
    federation.give_own_clock(AMAL, 0).await;
    federation.settle().await;
    let id = federation.offered(emergency(&["borealis"], &["cedar"], true)).await;
    federation.after(60, &id, 1, &[AMAL, BOREALIS]).await;
    federation.restart(AMAL).await;
    federation.restart(BOREALIS).await;
    federation.settle().await;
    federation.after(0, &id, 1, &[AMAL, BOREALIS]).await;
    federation.step_own_clock(AMAL, 600_000);
    // A look sees the step before the next rung.
    federation.pass(5 * SECOND).await;
    federation.after(29, &id, 1, &[AMAL]).await;
    federation.after(1, &id, 2, &[AMAL, BOREALIS]).await;
    federation.step_own_clock(AMAL, -600_000);
    federation.pass(5 * SECOND).await;
    federation.kill(AMAL);
    federation.pass(35 * MINUTE).await;
    federation.start(AMAL).await;
    federation.settle().await;
    federation.until_upkeep("what was due meanwhile", || !federation.cases_with(AMAL, "cedar").is_empty()).await;
    federation.restart(AMAL).await;
    federation.settle().await;
    federation.pass(10 * MINUTE).await;
    assert_eq!(federation.rungs(AMAL, &id), LADDER);
    assert_eq!(federation.cases_with(AMAL, "cedar").len(), 1, "one offer");
    federation.until("it is there", || federation.cases_with(CEDAR, "amal").len() == 1).await;
}

#[tokio::test]
async fn a_word_that_is_on_its_way_when_the_node_comes_back_stops_the_offer() {
    let mut federation = Federation::of(3).await;
    let id = federation.offered(emergency(&["borealis"], &["cedar"], true)).await;
    federation.kill(AMAL);
    let ack = watchfire::node::referral::ActRequest { act: Act::Ack, now: true };
    federation.node(BOREALIS).act(&id.to_string(), ack, By::default()).await.unwrap();
    federation.pass(125 * MINUTE).await;
    federation.start(AMAL).await;
    federation.settle().await;
    federation.until("it was heard", || federation.node(AMAL).inbox(false).unwrap()[0].state == "acknowledged").await;
    federation.pass(2 * MINUTE).await;
    federation.settle().await;
    assert!(federation.cases_with(AMAL, "cedar").is_empty());
    assert_eq!(federation.rungs(AMAL, &id), [""; 0], "nobody is told of what was answered");
}

#[tokio::test]
async fn without_a_word_from_a_person_or_beyond_the_consent_it_is_proposed_only() {
    let federation = Federation::of(3).await;
    let not_automatic = emergency(&["borealis"], &["cedar"], false);
    let mut beyond = emergency(&["borealis"], &["cedar"], true);
    beyond.recipients = vec!["borealis".into()];
    let refused = federation.node(AMAL).refer(beyond, By::default()).await.unwrap_err();
    assert!(matches!(refused, NodeError::Withheld(Withheld::NotConsented)), "{refused}");
    let nobody = emergency(&["borealis"], &[], true);
    let cases = [(not_automatic, NotOffered::NotAutomatic, vec!["cedar".to_owned()]), (nobody, NotOffered::NoCandidate, vec![])];
    for (request, why, candidates) in cases {
        let id = federation.offered(request).await;
        federation.after(60, &id, 1, &[AMAL, BOREALIS]).await;
        federation.after(60, &id, 3, &[AMAL, BOREALIS]).await;
        let rung = federation.recorded(AMAL, &id).pop().unwrap();
        assert_eq!((rung.act, rung.offered, rung.not_offered), (Rung::ProposeToDirector, None, Some(why)));
        federation.settle().await;
        assert!(federation.cases_with(AMAL, "cedar").is_empty() && federation.node(CEDAR).inbox(true).unwrap().is_empty());
        let proposal = federation.node(AMAL).referral_named_view(&id.to_string()).unwrap().proposal.expect("it is put before a person");
        assert_eq!(proposal.candidates, candidates);
        assert!(federation.node(BOREALIS).referral_named_view(&id.to_string()).unwrap().proposal.is_none());
    }
}

#[tokio::test]
async fn some_clock_runs_at_every_moment_of_a_referral_and_none_when_it_is_over() {
    let mut federation = Federation::of(2).await;
    let id = federation.offered(case(&["borealis"])).await;
    let waits = |federation: &Federation, who: Who| -> Vec<Wait> {
        federation.node(who).timers(Some(&id.to_string())).unwrap().into_iter().map(|timer| timer.wait).collect()
    };
    let resolve = Act::Resolve { outcomes: vec!["account_recovered".parse().unwrap()], text: String::new() };
    let life = [
        (BOREALIS, Act::Ack, [vec![Wait::Decision], vec![Wait::Decision]]),
        (BOREALIS, Act::Ask { text: "which?".into() }, [vec![Wait::Decision, Wait::Answer], vec![Wait::Decision, Wait::Answer]]),
        (AMAL, Act::Answer { text: "that one".into() }, [vec![Wait::Decision], vec![Wait::Decision]]),
        (
            BOREALIS,
            Act::Accept { start: None, text: String::new() },
            [vec![Wait::FirstAction, Wait::Silence], vec![Wait::FirstAction, Wait::Silence]],
        ),
        (BOREALIS, Act::Progress { waiting: Default::default(), text: String::new() }, [vec![Wait::Silence], vec![Wait::Silence]]),
        (BOREALIS, resolve, [vec![Wait::Review], vec![]]),
        (AMAL, Act::Review { helped: None, text: String::new() }, [vec![Wait::Closing], vec![]]),
        (AMAL, Act::Withdraw { revoked: true }, [vec![], vec![]]),
    ];
    assert_eq!(waits(&federation, AMAL), [Wait::Acknowledgement]);
    for (who, act, [at_origin, at_receiver]) in life {
        let what = format!("{act:?}");
        let ask = watchfire::node::referral::ActRequest { act, now: true };
        federation.node(who).act(&id.to_string(), ask, By::default()).await.unwrap();
        federation.settle().await;
        let sorted = |who: Who| {
            let mut waits = waits(&federation, who);
            waits.sort();
            waits
        };
        federation
            .until(&format!("the clocks after {what}: {:?}, {:?}", sorted(AMAL), sorted(BOREALIS)), || {
                sorted(AMAL) == at_origin && sorted(BOREALIS) == at_receiver
            })
            .await;
        let is_due = federation.node(AMAL).inbox(true).unwrap()[0].due.is_some();
        assert_eq!(is_due, !at_origin.is_empty(), "{what}");
    }
    federation.restart(AMAL).await;
    federation.settle().await;
    assert_eq!(waits(&federation, AMAL), []);
}

/// What a program was told, by when it was.
struct Told(PathBuf);

impl Told {
    fn all(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.0).unwrap_or_default();
        // The last line may not be whole yet.
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Kind, rung and roles of each.
    fn rungs(&self) -> Vec<String> {
        let names = |to: &Value| to.as_array().unwrap().iter().map(|role| role.as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ");
        let rung = |one: &Value| format!("{} {} {}", one["type"].as_str().unwrap(), one["data"]["rung"], names(&one["data"]["to"]));
        self.all().iter().map(rung).collect()
    }
}

/// Three organisations, of which Amal's people are told by two programs: one as people are, one each thing by itself.
async fn told_by_programs(directory: &Path) -> (Federation, Told, Told) {
    let files = ["people", "machine"].map(|name| directory.join(name));
    let federation = Federation::with(3, |who, config| {
        if who == AMAL {
            let channel = |name: &str, digest: bool, file: &Path| {
                let file = file.display();
                format!("[[channel]]\nname = '{name}'\nkind = 'command'\nprogram = '/bin/sh'\nargs = ['-c', 'cat >>{file}']\ndigest = {digest}\n")
            };
            config.notify = toml::from_str(&(channel("people", true, &files[0]) + &channel("machine", false, &files[1]))).unwrap();
        }
    })
    .await;
    for (one, other) in [(AMAL, BOREALIS), (AMAL, CEDAR), (BOREALIS, CEDAR)] {
        federation.pair(one, other).await;
    }
    federation.settle().await;
    let [people, machine] = files.map(Told);
    (federation, people, machine)
}

#[tokio::test]
async fn each_rung_is_told_once_with_all_whom_it_is_for() {
    let directory = tempfile::tempdir().unwrap();
    let (federation, people, machine) = told_by_programs(directory.path()).await;
    let id = federation.offered(emergency(&["borealis"], &["cedar"], false)).await;
    let rungs = ["rung-reached 1 handler lead", "rung-reached 2 handler lead director", "rung-reached 3 handler lead director"];
    for (at, minutes) in [60, 30, 30].into_iter().enumerate() {
        federation.after(minutes, &id, at + 1, &[AMAL]).await;
        for told in [&people, &machine] {
            federation.until("the rung is told", || told.all().len() > at).await;
            assert_eq!(told.rungs(), rungs[..=at], "and nothing else");
        }
    }
    assert!(people.all().iter().all(|one| one["data"]["late"] == false));
}

#[tokio::test]
async fn what_became_due_during_a_stop_or_a_sleep_is_told_as_one() {
    let directory = tempfile::tempdir().unwrap();
    let (mut federation, people, machine) = told_by_programs(directory.path()).await;
    let mut all = Vec::new();
    for priority in [Priority::Emergency, Priority::Emergency, Priority::Urgent, Priority::Normal] {
        let mut request = emergency(&["borealis"], &["cedar"], false);
        (request.offer.priority, request.reference) = (priority, format!("our ticket {}", all.len()));
        all.push(federation.offered(request).await);
    }
    let counted = |one: &Value| (one["type"].clone(), one["data"]["late"].clone(), one["data"]["counts"].clone());
    let digest = |many: u64| (Value::from("digest"), Value::from(true), serde_json::json!({ "rung-reached": many }));
    federation.kill(AMAL);
    federation.pass(81 * HOUR).await;
    federation.start(AMAL).await;
    federation.settle().await;
    // The emergencies' last rung would offer the case to somebody, and waits for the link; it is looked at again a second later.
    federation.tick(SECOND);
    let reached = |id: &ReferralId| !federation.rungs(AMAL, id).is_empty();
    federation.until("all that was due is recorded", || all.iter().all(reached)).await;
    federation.until("a machine is told of each", || machine.all().len() == all.len()).await;
    assert_eq!(people.all(), [Value::Null; 0], "more may come in the next two seconds");
    federation.tick(2 * SECOND);
    federation.until("people are told", || !people.all().is_empty()).await;
    for _ in 0..10 {
        federation.pass(10 * SECOND).await;
    }
    federation.settle().await;
    assert_eq!(people.all().iter().map(counted).collect::<Vec<_>>(), [digest(4)], "once, of all of them");
    assert_eq!(machine.all().len(), all.len());
    assert!(machine.all().iter().all(|one| one["data"]["late"] == true));

    // The machine sleeps for so long that the emergencies' and the urgent case's last rungs come again.
    federation.tick(13 * HOUR);
    federation.until("these are recorded", || machine.all().len() == all.len() + 3).await;
    federation.tick(2 * SECOND);
    federation.until("people are told", || people.all().len() > 1).await;
    federation.pass(10 * SECOND).await;
    assert_eq!(people.all().len(), 2, "{:?}", people.all());
    assert_eq!((&people.all()[1]["data"]["late"], &people.all()[1]["type"]), (&true.into(), &"digest".into()));
}

#[tokio::test]
async fn the_one_notice_of_what_became_due_waits_for_what_waits_for_links() {
    let directory = tempfile::tempdir().unwrap();
    let (mut federation, people, machine) = told_by_programs(directory.path()).await;
    let mut all = Vec::new();
    for priority in [Priority::Emergency, Priority::Emergency, Priority::Normal] {
        let mut request = emergency(&["borealis"], &["cedar"], true);
        (request.offer.priority, request.reference) = (priority, format!("our ticket {}", all.len()));
        all.push(federation.offered(request).await);
    }
    federation.kill(AMAL);
    federation.kill(BOREALIS);
    federation.pass(81 * HOUR).await;
    federation.start(AMAL).await;
    federation.until("what waits for no link is recorded", || !federation.rungs(AMAL, &all[2]).is_empty()).await;
    federation.until("a machine is told of it", || !machine.all().is_empty()).await;
    for _ in 0..50 {
        federation.tick(SECOND);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let before = machine.all().len();
    assert_eq!(people.all(), [Value::Null; 0], "a minute has not passed, and more comes");
    for _ in 0..30 {
        federation.tick(SECOND);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    federation.until("people are told", || !people.all().is_empty()).await;
    assert!(machine.all().len() > before, "something has waited for its link");
    for _ in 0..10 {
        federation.pass(10 * SECOND).await;
    }
    federation.settle().await;
    let (told, count) = (people.all(), machine.all().iter().filter(|one| one["data"]["late"] == true).count());
    assert_eq!((told.len(), &told[0]["data"]["counts"]["rung-reached"]), (1, &Value::from(count)), "{told:?}");
}
