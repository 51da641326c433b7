//! What a desk sees of its cases, and what it is told that it can do: what is open, since when something is overdue, what is held, what comes next.

use crate::harness::*;
use crate::referrals::{case, code, codes_of, say};
use watchfire::model::ReferralId;
use watchfire::model::referral::Priority;
use watchfire::node::NodeError;
use watchfire::node::handover::HandOverRequest;
use watchfire::node::referral::{Act, AgainRequest, By, InboxView, PingRequest, PlatformRequest, ReferRequest, ReferView, ReferralView};
use watchfire::rules::escalate::Wait;

fn decline() -> Act {
    Act::Decline { reason: code("no_capacity"), text: String::new(), suggest: None }
}

impl Federation {
    fn seen(&self, who: Who, id: &ReferralId) -> ReferralView {
        self.node(who).referral_named_view(&id.to_string()).unwrap()
    }

    fn only_line(&self, who: Who) -> InboxView {
        let mut lines = self.node(who).inbox(false).unwrap();
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.remove(0)
    }

    /// A case of Amal's that a person at Borealis has opened; the consent names others, too.
    async fn opened(&self, priority: Priority, recipients: &[&str]) -> ReferralId {
        let mut request = case(&recipients[..1]);
        request.recipients = recipients.iter().map(|name| (*name).to_owned()).collect();
        request.offer.priority = priority;
        let id = self.refer(AMAL, request).await;
        self.settle().await;
        self.act(BOREALIS, &id, Act::Ack).await;
        id
    }

    /// A case that somebody has and works on.
    async fn taken(&self, who: Who, id: &ReferralId) {
        self.settle().await;
        self.act(who, id, Act::Ack).await;
        self.act(who, id, Act::Accept { start: None, text: String::new() }).await;
        self.settle().await;
    }

    async fn again(&self, id: &ReferralId, to: &[&str], then: &[&str]) -> Result<ReferView, NodeError> {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let request = AgainRequest { to: names(to), candidates: names(then), call: None, now: true };
        self.node(AMAL).refer_again(&id.to_string(), request, By::default()).await
    }
}

#[tokio::test]
async fn what_is_due_and_what_is_waited_for_are_of_one_clock_and_what_has_passed_is_overdue() {
    let federation = Federation::of(2).await;
    let id = federation.opened(Priority::Urgent, &["borealis"]).await;
    federation.act(BOREALIS, &id, Act::Ask { text: say("since when?") }).await;
    federation.settle().await;
    // The answer is due after four hours; the decision, which stands still, after a day.
    let line = federation.only_line(AMAL);
    assert_eq!((line.waits[0].as_str(), line.overdue), ("for the origin's answer", None));
    let timers = federation.node(AMAL).timers(Some(&id.to_string())).unwrap();
    let answer = timers.iter().find(|timer| timer.waits == line.waits[0]).unwrap();
    assert_eq!(line.due, answer.due);
    let first = line.due;
    let handed = HandOverRequest { note: "nobody has answered".into(), risks: Vec::new() };
    let handed = federation.node(AMAL).open_handover(handed, By::default()).await.unwrap();
    assert_eq!((handed.items[0].due, handed.items[0].overdue), (first, None));
    federation.pass(4 * HOUR).await;
    let is_written = |line: InboxView| line.due > first && line.overdue.is_some();
    federation.until("the first rung", || is_written(federation.only_line(AMAL))).await;
    let line = federation.only_line(AMAL);
    assert_eq!((line.waits[0].as_str(), line.overdue), ("for the origin's answer", first));
    let timers = federation.node(AMAL).timers(Some(&id.to_string())).unwrap();
    let answer = timers.iter().find(|timer| timer.waits == line.waits[0]).unwrap();
    assert_eq!((line.due, line.overdue), (answer.due, answer.overdue));
    let item = federation.node(AMAL).handover(&handed.handover.to_string()).unwrap().items.remove(0);
    assert_eq!(item.overdue, first, "what was handed over is overdue by now");
    federation.pass(2 * DAY).await;
    let is_told_again = || {
        let timers = federation.node(AMAL).timers(Some(&id.to_string())).unwrap();
        timers.iter().any(|timer| timer.recorded.iter().any(|rung| rung.again > 0))
    };
    federation.until("the last rung is told again", is_told_again).await;
    assert_eq!(federation.only_line(AMAL).overdue, first, "it is overdue still");
    federation.act(AMAL, &id, Act::Answer { text: say("since Monday") }).await;
    federation.settle().await;
    assert_eq!(federation.only_line(AMAL).waits, ["for the receiver to accept or decline"]);
    let item = federation.node(AMAL).handover(&handed.handover.to_string()).unwrap().items.remove(0);
    assert_eq!((item.due, item.overdue), (first, None), "it was answered");
}

#[tokio::test]
async fn what_is_closed_leaves_the_inbox_and_no_platform_is_asked_again_about_it() {
    let federation = Federation::of(2).await;
    let id = federation.refer(AMAL, case(&["borealis"])).await;
    federation.taken(BOREALIS, &id).await;
    let asked = PlatformRequest { platform: code("facebook"), channel: code("web_form"), references: Vec::new() };
    let asked = federation.node(BOREALIS).open_platform(&id.to_string(), asked, By::default()).await.unwrap().escalation.to_string();
    federation.settle().await;
    federation.act(BOREALIS, &id, Act::Resolve { outcomes: codes_of("advice_given"), text: String::new() }).await;
    federation.settle().await;
    federation.act(AMAL, &id, Act::Close).await;
    federation.settle().await;
    for who in [AMAL, BOREALIS] {
        assert!(federation.node(who).inbox(false).unwrap().is_empty(), "{who:?}");
        assert_eq!(federation.node(who).inbox(true).unwrap()[0].state, "closed");
    }
    let error = federation.node(BOREALIS).ping_platform(&asked, PingRequest::default(), By::default()).await.unwrap_err();
    assert_eq!(error.detail(), "the referral is closed, and no platform is asked about it any more");
    assert_eq!(error.hint(), Some(format!("`watchfire platform answer {asked} --outcome CODE` says what came of it")));
}

#[tokio::test]
async fn an_offer_that_is_held_is_shown_by_its_id_and_the_hold_names_it() {
    let federation = Federation::with(2, |_, config| config.release.hold_s = 3_600).await;
    federation.pair(AMAL, BOREALIS).await;
    let node = federation.node(AMAL);
    let mut request = ReferRequest { now: false, ..case(&["borealis"]) };
    request.offer.summary = "write to amina.haddad@example.org".into();
    let id = node.refer(request, By::default()).await.unwrap().referral;
    let hold = node.holds().unwrap().remove(0);
    assert_eq!(hold.referral, Some(id));
    let hold = hold.id.unwrap();
    let view = node.referral_named_view(&id.to_string()[..8]).unwrap();
    assert_eq!((view.line.referral, view.line.state.as_str(), view.held), (id, "gated", Some(hold)));
    assert_eq!(view.offer.unwrap().summary, "write to [email-1]", "what would leave");
    assert_eq!(view.moves, [format!("watchfire preview {hold}"), format!("watchfire undo {hold}")]);
    let error = node.act(&id.to_string(), watchfire::node::referral::ActRequest { act: Act::Close, now: true }, By::default()).await;
    let error = error.unwrap_err();
    assert_eq!(error.detail(), format!("the offer has not left: it is held as `{hold}`"));
    assert_eq!(error.hint(), Some(format!("`watchfire preview {hold}` shows what leaves, `watchfire undo {hold}` drops it")));
    node.undo(&hold.to_string(), None).await.unwrap();
    assert!(matches!(node.referral_named_view(&id.to_string()), Err(NodeError::UnknownReferral(_))));
}

#[tokio::test]
async fn whoever_is_not_chosen_is_told_so_by_the_node_and_over_a_restart() {
    let mut federation = Federation::of(4).await;
    let ids = federation.two_accept().await;
    federation.act(AMAL, &ids[1], Act::Choose).await;
    assert_eq!(federation.seen(AMAL, &ids[1]).line.owner, "cedar");
    assert!(["withdrawn", "purged"].contains(&federation.seen(AMAL, &ids[0]).line.state.as_str()), "in the same step");
    federation.restart(AMAL).await;
    federation.settle().await;
    federation.until_upkeep("it is gone there", || federation.seen(BOREALIS, &ids[0]).line.state == "purged").await;
    let there = federation.seen(BOREALIS, &ids[0]);
    let said = there.timeline.iter().find(|message| message.says == "withdraw").unwrap();
    assert_eq!(said.particulars, [("reason".to_owned(), "transferred".to_owned())]);
    assert!(there.offer.is_none());
    let chosen = federation.seen(CEDAR, &ids[1]);
    assert_eq!((chosen.line.state.as_str(), chosen.line.owner.as_str()), ("in_progress", "us"));
    assert!(federation.seen(AMAL, &ids[1]).offer.is_some(), "the case itself goes on");
}

#[tokio::test]
async fn a_case_that_came_to_nothing_is_offered_to_the_next_candidate_and_nobody_is_named_twice() {
    let federation = Federation::of(4).await;
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let request = ReferRequest { recipients: named(&["borealis", "cedar"]), candidates: named(&["cedar"]), ..case(&["borealis"]) };
    let first = federation.refer(AMAL, request).await;
    federation.settle().await;
    let refused = async |to: &[&str], then: &[&str]| federation.again(&first, to, then).await.unwrap_err().to_string();
    assert_eq!(
        refused(&["cedar", "cedar"], &[]).await,
        "`cedar` is named twice for who is asked now\nhint: `--to`, or `to` in the file, names each once"
    );
    assert!(refused(&["cedar"], &["cedar"]).await.starts_with("`cedar` is asked now, and cannot be who is asked next\n"));
    let unnamed = refused(&["cedar"], &["dunya"]).await;
    assert_eq!(unnamed, "the consent does not name this recipient\nhint: ask the person, and name it among `recipients`");
    let short = &first.to_string()[..8];
    assert_eq!(
        refused(&["borealis"], &[]).await,
        format!(
            "that organisation was asked about this case already\nhint: `watchfire show {short}` tells how it stands there; \
             `watchfire withdraw {short}` takes it back from there"
        )
    );
    assert_eq!(federation.node(AMAL).inbox(true).unwrap().len(), 1, "what was refused left nothing");
    federation.act(BOREALIS, &first, Act::Ack).await;
    federation.act(BOREALIS, &first, Act::Decline { reason: code("no_capacity"), text: String::new(), suggest: None }).await;
    federation.settle().await;
    let next = federation.again(&first, &[], &[]).await.unwrap();
    assert_eq!(next.offers.iter().map(|offer| offer.name.as_str()).collect::<Vec<_>>(), ["cedar"], "the next candidate of the case");
    assert_eq!(
        refused(&[], &[]).await,
        "nobody is named, and no candidate of the case is left to be asked\nhint: everybody whom the consent names is asked; a new consent is a new case (`watchfire refer`)"
    );
    federation.settle().await;
    federation.act(AMAL, &next.referral, Act::Withdraw { revoked: false }).await;
    federation.settle().await;
    let closed = refused(&["borealis"], &[]).await;
    assert!(closed.ends_with(&format!("hint: `watchfire close {short}` ends that offer; then it may be asked again")), "{closed}");
    federation.act(AMAL, &first, Act::Close).await;
    // Who declined is asked anew, and then who was withdrawn from.
    let third = federation.again(&first, &[], &["borealis", "cedar"]).await.unwrap();
    assert_eq!(third.offers[0].name, "borealis");
    federation.settle().await;
    let fourth = federation.again(&third.referral, &[], &[]).await.unwrap();
    assert_eq!(fourth.offers[0].name, "cedar");
}

#[tokio::test]
async fn what_is_proposed_after_an_error_is_what_can_be_done() {
    let federation = Federation::of(2).await;
    let mut request = case(&["borealis"]);
    request.offer.consent.onward = true;
    let id = federation.refer(AMAL, request).await;
    federation.settle().await;
    let short = id.to_string()[..8].to_owned();
    let refused = async |who: Who, act: Act| {
        let request = watchfire::node::referral::ActRequest { act, now: true };
        federation.node(who).act(&id.to_string(), request, By::default()).await.unwrap_err().to_string()
    };
    let progress = || Act::Progress { waiting: Default::default(), text: say("on it") };
    assert_eq!(
        refused(BOREALIS, progress()).await,
        format!("the origin has not confirmed the acceptance\nhint: it is `delivered`; you can `watchfire ack {short}`")
    );
    assert_eq!(
        refused(AMAL, Act::Close).await,
        format!("it is not resolved\nhint: it is `delivered`; you can `watchfire withdraw {short}`")
    );
    assert_eq!(federation.seen(BOREALIS, &id).moves, [format!("watchfire ack {short}")]);
    federation.taken(BOREALIS, &id).await;
    let moves = federation.seen(BOREALIS, &id).moves;
    let names: Vec<&str> = moves.iter().filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(names, ["progress", "resolve", "ask", "pass-on", "hand-back"]);
    assert_eq!(
        refused(AMAL, progress()).await,
        format!("this is the other side's to do\nhint: it is `in_progress`; you can `watchfire withdraw {short}`")
    );
    federation.act(AMAL, &id, Act::Withdraw { revoked: true }).await;
    federation.settle().await;
    assert_eq!(refused(BOREALIS, progress()).await, "it is purged\nhint: it is `purged`, and nothing is left for us to do in it");
}

#[tokio::test]
async fn a_case_that_goes_on_with_another_is_nobody_elses_to_be_asked_about_and_no_clock_of_the_first_offer_runs() {
    let federation = Federation::of(4).await;
    let first = federation.opened(Priority::Emergency, &["borealis", "cedar", "dunya"]).await;
    federation.act(BOREALIS, &first, decline()).await;
    federation.settle().await;
    let waits_of = |id: &ReferralId| -> Vec<Wait> {
        let mut waits: Vec<Wait> = federation.node(AMAL).timers(Some(&id.to_string())).unwrap().iter().map(|timer| timer.wait).collect();
        waits.sort();
        waits
    };
    federation.until("a clock for somebody else to be found", || waits_of(&first) == [Wait::Next]).await;
    let again = |id: &ReferralId| format!("watchfire refer --again {}", &id.to_string()[..8]);
    assert_eq!(federation.seen(AMAL, &first).moves[0], again(&first));

    let second = federation.again(&first, &["cedar"], &[]).await.unwrap().referral;
    federation.taken(CEDAR, &second).await;
    federation.until("the clocks of who has the case", || waits_of(&second) == [Wait::FirstAction, Wait::Silence]).await;
    assert_eq!(waits_of(&first), [], "somebody is found");
    let line = federation.only_line(AMAL);
    assert_eq!((line.referral, line.owner.as_str()), (second, "cedar"), "one case is one line");
    assert!(!federation.seen(CEDAR, &second).moves.iter().any(|one| one.contains("pass-on")), "its consent does not allow that");
    let seen = federation.seen(AMAL, &first);
    assert_eq!((seen.line.state.as_str(), seen.line.owner.as_str()), ("declined", "cedar"));
    assert!(!seen.moves.iter().any(|one| one.contains("--again")), "{:?}", seen.moves);
    let asked = federation.again(&first, &["dunya"], &[]).await.unwrap_err().to_string();
    let short = second.to_string()[..8].to_owned();
    assert_eq!(
        asked,
        format!(
            "`cedar` has this case\nhint: `watchfire show {short}` tells how it stands there; `watchfire withdraw {short}` takes it back from there"
        )
    );
    federation.pass(2 * HOUR).await;
    federation.settle().await;
    assert!(!federation.seen(AMAL, &first).timeline.iter().any(|one| one.says.starts_with("rung")), "nobody is told of the first offer");

    // It comes back: one clock for one case, that of who had it last.
    federation.act(CEDAR, &second, Act::HandBack { reason: code("no_capacity"), text: String::new() }).await;
    federation.settle().await;
    federation.until("a clock for somebody else to be found", || waits_of(&second) == [Wait::Next]).await;
    assert_eq!((waits_of(&first), federation.only_line(AMAL).referral), (vec![], second));

    // Somebody has it to the end; what came to nothing ends with it.
    let third = federation.again(&second, &["dunya"], &[]).await.unwrap().referral;
    federation.taken(DUNYA, &third).await;
    assert_eq!((waits_of(&first), waits_of(&second)), (vec![], vec![]));
    federation.act(DUNYA, &third, Act::Resolve { outcomes: vec![code("advice_given")], text: String::new() }).await;
    federation.settle().await;
    federation.act(AMAL, &third, Act::Review { helped: Some(true), text: String::new() }).await;
    federation.act(AMAL, &third, Act::Close).await;
    federation.settle().await;
    assert_eq!(federation.node(AMAL).inbox(false).unwrap().len(), 0, "{:?}", federation.node(AMAL).inbox(false));
    for id in [&first, &second] {
        let state = federation.seen(AMAL, id).line.state;
        assert!(["closed", "purged"].contains(&state.as_str()), "{state}");
        assert!(waits_of(id).iter().all(|wait| *wait == Wait::Purge), "{:?}", waits_of(id));
    }
}

#[tokio::test]
async fn where_the_last_who_was_asked_leaves_the_search_begins_anew_and_is_told_anew() {
    let federation = Federation::of(3).await;
    let first = federation.opened(Priority::Emergency, &["borealis", "cedar"]).await;
    federation.act(BOREALIS, &first, decline()).await;
    federation.settle().await;
    let rungs = || federation.seen(AMAL, &first).timeline.iter().filter(|one| one.says == "rung 1").count();
    federation.pass(20 * MINUTE).await;
    federation.until("the first rung", || rungs() == 1).await;
    let second = federation.again(&first, &["cedar"], &[]).await.unwrap().referral;
    federation.settle().await;
    federation.pass(3 * HOUR).await;
    federation.act(AMAL, &second, Act::Withdraw { revoked: false }).await;
    federation.settle().await;
    federation.pass(10 * MINUTE).await;
    federation.settle().await;
    assert_eq!(rungs(), 1, "it is counted from when the last one left");
    federation.pass(10 * MINUTE).await;
    federation.until("the first rung once more", || rungs() == 2).await;
}

#[tokio::test]
async fn who_takes_no_cases_is_warned_of_and_is_not_asked_by_a_clock_and_a_candidate_is_within_the_consent() {
    let federation = Federation::of(3).await;
    federation.profile(BOREALIS, "intake = \"not_accepting\"\n[audience]\nintake = \"public\"\n").await;
    federation.settle().await;
    let told = federation.node(AMAL).refer(case(&["borealis"]), By::default()).await.unwrap();
    assert_eq!(
        told.findings.warnings.last().map(String::as_str),
        Some("`borealis` says in its profile that it takes no cases now; `watchfire match` ranks others")
    );
    let mut outside = case(&["cedar"]);
    (outside.recipients, outside.candidates) = (vec!["cedar".into()], vec!["borealis".into()]);
    let why = federation.node(AMAL).refer(outside.clone(), By::default()).await.unwrap_err();
    assert!(matches!(why, NodeError::Withheld(watchfire::rules::label::Withheld::NotConsented)), "{why}");

    let mut request = ReferRequest { recipients: Vec::new(), ..outside };
    (request.offer.priority, request.automatic) = (Priority::Emergency, true);
    let id = federation.refer(AMAL, request).await;
    federation.settle().await;
    federation.pass(3 * HOUR).await;
    let last = || federation.seen(AMAL, &id).timeline.iter().rfind(|one| one.says == "rung 3").map(|one| one.particulars.clone());
    federation.until("the last rung", || last().is_some()).await;
    assert!(federation.seen(AMAL, &id).others.is_empty(), "{:?}", last());
}

#[tokio::test]
async fn nobody_has_to_tell_of_work_before_the_day_on_which_it_was_to_begin() {
    let federation = Federation::of(2).await;
    let id = federation.opened(Priority::Urgent, &["borealis"]).await;
    let start = federation.node(BOREALIS).clock.now().plus(5 * DAY).day();
    federation.act(BOREALIS, &id, Act::Accept { start: Some(start), text: String::new() }).await;
    federation.settle().await;
    for who in [AMAL, BOREALIS] {
        let due = || {
            let timers = federation.node(who).timers(Some(&id.to_string())).unwrap();
            timers.iter().filter_map(|timer| timer.due).min()
        };
        federation.until("a clock of the work", || due().is_some()).await;
        assert_eq!(due(), Some(start.plus(2 * DAY)), "two days of silence from the day on");
    }
}
