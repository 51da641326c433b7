//! Referrals: a case goes from one desk to another as a conversation, and nobody is left without an answer.

use crate::cases;
pub(crate) use crate::cases::code;
use crate::desk;
use crate::harness::*;
use watchfire::model::desk::Role;
use watchfire::model::referral::{Priority, Vetting, Waiting};
use watchfire::model::vocabulary::Code;
use watchfire::model::{ReferralId, Timestamp};
use watchfire::node::NodeError;
use watchfire::node::referral::{Act, ActRequest, By, DeedRange, InboxView, ReferRequest, ReferralView, Why};
use watchfire::rules::desk::{Deed, Denied};
use watchfire::rules::escalate::Wait;
use watchfire::rules::notify::Event;

/// Reports while a link is down. How many may be missing altogether `store/tests/referral.rs` tells.
const MANY: usize = 40;
/// What stands in the offer, and must be nowhere once it is withdrawn.
const SUMMARY: &str = "the wrennock account was taken over on Monday";

fn codes(texts: &[&str]) -> Vec<Code> {
    texts.iter().map(|text| code(text)).collect()
}

pub fn case(to: &[&str]) -> ReferRequest {
    ReferRequest { reference: "our ticket 4711".into(), ..cases::request(cases::offer(SUMMARY), to) }
}

impl Federation {
    pub(crate) async fn refer(&self, who: Who, request: ReferRequest) -> ReferralId {
        self.node(who).refer(request, By::default()).await.unwrap().referral
    }

    pub(crate) async fn act(&self, who: Who, id: &ReferralId, act: Act) -> ReferralView {
        self.try_act(who, id, act).await.unwrap()
    }

    async fn try_act(&self, who: Who, id: &ReferralId, act: Act) -> Result<ReferralView, NodeError> {
        self.node(who).act(&id.to_string(), ActRequest { act, now: true }, By::default()).await
    }

    /// A case of Amal's that Borealis and Cedar have accepted, by its offers to them.
    pub(crate) async fn two_accept(&self) -> [ReferralId; 2] {
        let view = self.node(AMAL).refer(case(&["borealis", "cedar"]), By::default()).await.unwrap();
        let ids = [view.offers[0].referral, view.offers[1].referral];
        self.settle().await;
        for (who, id) in [(BOREALIS, &ids[0]), (CEDAR, &ids[1])] {
            self.act(who, id, Act::Ack).await;
            self.act(who, id, Act::Accept { start: None, text: String::new() }).await;
        }
        self.settle().await;
        ids
    }

    fn referral(&self, who: Who, id: &ReferralId) -> ReferralView {
        self.node(who).referral_named_view(&id.to_string()).unwrap()
    }

    /// State and owner as each of these sees it.
    fn stands(&self, id: &ReferralId, all: &[Who]) -> Vec<(String, String)> {
        let line = |who: &Who| self.referral(*who, id).line;
        all.iter().map(line).map(|InboxView { state, owner, .. }| (state, owner)).collect()
    }
}

pub(crate) fn say(text: &str) -> String {
    text.to_owned()
}

fn both(state: &str, one: &str, other: &str) -> Vec<(String, String)> {
    vec![(state.into(), one.into()), (state.into(), other.into())]
}

#[tokio::test]
async fn whoever_is_named_twice_and_a_consent_of_tomorrow_are_refused_with_the_way_out() {
    let federation = Federation::of(3).await;
    let refused = async |request: ReferRequest| federation.node(AMAL).refer(request, By::default()).await.unwrap_err().to_string();
    let named = |to: &[&str], then: &[&str]| ReferRequest { candidates: then.iter().map(|name| (*name).to_owned()).collect(), ..case(to) };
    let id = federation.org(BOREALIS).to_string();
    assert_eq!(
        refused(named(&["borealis"], &["cedar", &id])).await,
        "`borealis` is asked now, and cannot be who is asked next\nhint: `--then`, or `candidates` in the file, names others than `--to`; \
         `--then` stands in place of `candidates`"
    );
    assert_eq!(
        refused(named(&["borealis"], &["cedar", "cedar"])).await,
        "`cedar` is named twice for who is asked next\nhint: `--then`, or `candidates` in the file, names each once"
    );
    assert_eq!(
        refused(named(&["borealis", &id], &[])).await,
        "`borealis` is named twice for who is asked now\nhint: `--to`, or `to` in the file, names each once"
    );
    let now = federation.clock.now();
    let mut request = case(&["borealis"]);
    request.offer.consent.obtained = now.plus(14 * 3_600_000 + 1);
    let day = now.plus(14 * 3_600_000 + 1).to_string()[..10].to_owned();
    assert_eq!(
        refused(request.clone()).await,
        format!(
            "the consent is of {day}, and that day has not come\nhint: `obtained` under [offer.consent] is the day on which the person agreed"
        )
    );
    request.offer.consent.obtained = now.plus(14 * 3_600_000);
    federation.refer(AMAL, request).await;
    assert_eq!(federation.node(AMAL).inbox(false).unwrap().len(), 1, "what was refused left nothing");
}

#[tokio::test]
async fn a_case_goes_from_offer_to_close_and_one_desk_owns_it_at_a_time() {
    let federation = Federation::of(2).await;
    let id = federation.refer(AMAL, case(&["borealis"])).await;
    federation.settle().await;
    assert_eq!(federation.stands(&id, &[AMAL, BOREALIS]), both("delivered", "us", "amal"));
    let there = federation.referral(BOREALIS, &id);
    assert_eq!(there.offer.as_ref().map(|offer| offer.summary.as_str()), Some(SUMMARY));
    assert!(there.reference.is_empty() && there.case.is_none(), "what the desk calls it stays at home");

    federation.act(BOREALIS, &id, Act::Ack).await;
    federation.act(BOREALIS, &id, Act::Ask { text: say("which platform?") }).await;
    federation.settle().await;
    assert_eq!(federation.stands(&id, &[AMAL, BOREALIS]), both("needs_info", "us", "amal"));
    federation.act(AMAL, &id, Act::Answer { text: say("a mail service") }).await;
    federation.settle().await;
    federation.act(BOREALIS, &id, Act::Accept { start: None, text: String::new() }).await;
    federation.settle().await;
    // Confirmed by the node itself: nobody else was asked.
    assert_eq!(federation.stands(&id, &[AMAL, BOREALIS]), both("in_progress", "borealis", "us"));
    let codes: Vec<_> = [AMAL, BOREALIS].iter().map(|who| federation.referral(*who, &id).introduction_code).collect();
    assert!(codes[0].is_some() && codes[0] == codes[1], "{codes:?}");

    let states = ["in_progress", "waiting_beneficiary", "waiting_platform", "waiting_third_party"];
    for (waiting, state) in Waiting::ALL.into_iter().zip(states) {
        federation.act(BOREALIS, &id, Act::Progress { waiting, text: say("as it stands") }).await;
        federation.settle().await;
        assert_eq!(federation.stands(&id, &[AMAL, BOREALIS]), both(state, "borealis", "us"));
    }
    federation.act(BOREALIS, &id, Act::Resolve { outcomes: codes_of("account_recovered"), text: String::new() }).await;
    federation.settle().await;
    federation.act(AMAL, &id, Act::Review { helped: Some(true), text: String::new() }).await;
    federation.act(AMAL, &id, Act::Close).await;
    federation.settle().await;
    assert_eq!(federation.stands(&id, &[AMAL, BOREALIS]), both("closed", "borealis", "us"));
    let says: Vec<String> = federation.referral(AMAL, &id).timeline.into_iter().map(|message| message.says).collect();
    assert_eq!(says.len(), 15, "{says:?}");
    assert!(federation.node(AMAL).inbox(false).unwrap().is_empty());
    assert_eq!(federation.node(AMAL).inbox(true).unwrap().len(), 1, "it is there until what was said is destroyed");
}

pub(crate) fn codes_of(text: &str) -> Vec<Code> {
    codes(&[text])
}

#[tokio::test]
async fn what_is_not_ones_own_to_do_or_comes_too_early_is_refused_with_a_way_out() {
    let federation = Federation::of(2).await;
    let id = federation.refer(AMAL, case(&["borealis"])).await;
    federation.settle().await;
    let refused = [
        (AMAL, Act::Ack, "this is the other side's to do"),
        (BOREALIS, Act::Accept { start: None, text: String::new() }, "no person has acknowledged it"),
        (BOREALIS, Act::Withdraw { revoked: false }, "this is the other side's to do"),
        (AMAL, Act::Close, "it is not resolved"),
        (BOREALIS, Act::Resolve { outcomes: codes_of("advice_given"), text: String::new() }, "the origin has not confirmed the acceptance"),
    ];
    for (who, act, why) in refused {
        let error = federation.try_act(who, &id, act).await.unwrap_err();
        assert_eq!(error.detail(), why);
        assert!(error.hint().is_some(), "{why}");
    }
    assert!(matches!(federation.node(AMAL).referral_named_view("aaaa"), Err(NodeError::UnknownReferral(_))));
}

/// Whether a node still holds these words somewhere in its store. Free pages of the file are wiped by compaction, as those of any body.
async fn has(federation: &Federation, who: Who, words: &str) -> bool {
    federation.node(who).store.compact().await.unwrap();
    federation.holds(who, words)
}

const QUESTION: &str = "is the grellock one theirs, too";

#[tokio::test]
async fn a_withdrawn_case_is_gone_from_whoever_has_it_and_the_origin_is_told() {
    let federation = Federation::of(2).await;
    let id = federation.refer(AMAL, case(&["borealis"])).await;
    federation.settle().await;
    federation.act(BOREALIS, &id, Act::Ack).await;
    federation.act(BOREALIS, &id, Act::Ask { text: say(QUESTION) }).await;
    federation.settle().await;
    assert!(has(&federation, BOREALIS, SUMMARY).await && has(&federation, AMAL, QUESTION).await);
    federation.act(AMAL, &id, Act::Withdraw { revoked: true }).await;
    federation.settle().await;
    assert_eq!(federation.stands(&id, &[AMAL, BOREALIS]), both("purged", "us", "amal"));
    for who in [AMAL, BOREALIS] {
        let view = federation.referral(who, &id);
        assert_eq!(view.offer, None);
        assert!(view.timeline.iter().all(|message| message.text.is_empty()), "{view:?}");
        assert!(!has(&federation, who, SUMMARY).await && !has(&federation, who, QUESTION).await);
        assert!(federation.node(who).inbox(false).unwrap().is_empty(), "nothing is left to be done");
    }
}

#[tokio::test]
async fn a_case_withdrawn_while_the_receiver_is_away_never_arrives_or_goes_when_it_returns() {
    for arrived in [false, true] {
        let mut federation = Federation::of(2).await;
        if arrived {
            let id = federation.refer(AMAL, case(&["borealis"])).await;
            federation.settle().await;
            federation.kill(BOREALIS);
            withdrawn_meanwhile(&mut federation, id).await;
        } else {
            federation.kill(BOREALIS);
            let id = federation.refer(AMAL, case(&["borealis"])).await;
            let line = federation.referral(AMAL, &id).line;
            assert_eq!(
                (line.state.as_str(), line.priority),
                ("sent", Some(Priority::Urgent)),
                "how soon it needs somebody is known at once"
            );
            withdrawn_meanwhile(&mut federation, id).await;
        }
    }
}

async fn withdrawn_meanwhile(federation: &mut Federation, id: ReferralId) {
    federation.act(AMAL, &id, Act::Withdraw { revoked: true }).await;
    assert!(!has(federation, AMAL, SUMMARY).await);
    federation.start(BOREALIS).await;
    federation.settle().await;
    assert!(!has(federation, BOREALIS, SUMMARY).await);
    assert!(federation.node(BOREALIS).inbox(false).unwrap().is_empty());
    assert_eq!(federation.referral(AMAL, &id).line.state, "purged", "they answer that nothing of it is there");
    assert!(federation.node(AMAL).inbox(false).unwrap().is_empty(), "nothing waits in vain");
}

#[tokio::test]
async fn work_starts_on_no_day_that_has_passed_everywhere() {
    const HOUR: u64 = 3_600_000;
    let federation = Federation::of(2).await;
    let id = federation.refer(AMAL, case(&["borealis"])).await;
    federation.settle().await;
    federation.act(BOREALIS, &id, Act::Ack).await;
    let now = federation.node(BOREALIS).clock.now();
    let accept = |ago: u64| Act::Accept { start: Some(Timestamp(now.0 - ago * HOUR)), text: String::new() };
    let error = federation.try_act(BOREALIS, &id, accept(37)).await.unwrap_err();
    assert!(error.detail().starts_with("the work cannot start on ") && error.hint().is_some(), "{error}");
    // In the west it is that day still.
    federation.act(BOREALIS, &id, accept(35)).await;
}

#[tokio::test]
async fn a_case_that_is_declined_is_destroyed_there_and_the_next_is_asked() {
    let federation = Federation::of(3).await;
    let id = federation.refer(AMAL, case(&["borealis"])).await;
    federation.settle().await;
    federation.act(BOREALIS, &id, Act::Ack).await;
    assert_eq!(federation.node(BOREALIS).inbox(false).unwrap().len(), 1);
    let decline = Act::Decline { reason: code("no_capacity"), text: say("until March"), suggest: Some("cedar".into()) };
    federation.act(BOREALIS, &id, decline).await;
    assert!(federation.node(BOREALIS).inbox(false).unwrap().is_empty(), "nobody here has anything to do with it any more");
    assert_eq!(federation.node(BOREALIS).inbox(true).unwrap().len(), 1);
    federation.settle().await;
    federation.until_upkeep("nothing is left there", || federation.referral(BOREALIS, &id).offer.is_none()).await;
    assert!(!has(&federation, BOREALIS, SUMMARY).await);
    let view = federation.referral(AMAL, &id);
    assert_eq!((view.line.state.as_str(), view.line.owner.as_str()), ("declined", "us"));
    let said = view.timeline.iter().find(|message| message.says == "decline").unwrap();
    assert_eq!(said.particulars[1], ("suggested".into(), "cedar".into()));
    let code = [("reason".to_owned(), "no_capacity".to_owned())];
    assert_eq!(said.codes, code, "the code stands beside its words");
    assert_eq!(view.line.waits_for, [watchfire::rules::escalate::Wait::Next]);
    assert_eq!(federation.node(AMAL).inbox(false).unwrap().len(), 1, "it is Amal's to go on with");
    // What Borealis has written goes there, too, once Amal has it; that it declined, and why, stays.
    let ours = || federation.referral(BOREALIS, &id).timeline.into_iter().find(|message| message.says == "decline").unwrap();
    federation.until_upkeep("its own words are gone", || ours().destroyed).await;
    let (words, said) = (vec![("reason".to_owned(), "No capacity".to_owned())], ours());
    assert_eq!((said.particulars, said.codes.as_slice(), said.text.as_str()), (words, &code[..], ""));
}

#[tokio::test]
async fn of_several_who_accept_a_person_chooses_and_the_others_do_not_get_it() {
    let federation = Federation::of(3).await;
    let ids = federation.two_accept().await;
    for id in &ids {
        assert_eq!(federation.referral(AMAL, id).line.owner, "us", "nobody was chosen");
    }
    let subjects: Vec<_> =
        [(BOREALIS, &ids[0]), (CEDAR, &ids[1])].map(|(who, id)| federation.referral(who, id).offer.unwrap().subject).into();
    assert_ne!(subjects[0], subjects[1], "the two cannot tell that they were asked about one person");
    federation.act(AMAL, &ids[1], Act::Choose).await;
    federation.settle().await;
    assert_eq!(federation.stands(&ids[1], &[AMAL, CEDAR]), both("in_progress", "cedar", "us"));
    federation
        .until_upkeep("it is withdrawn there", || federation.stands(&ids[0], &[AMAL, BOREALIS]) == both("purged", "cedar", "amal"))
        .await;
    let again = federation.try_act(AMAL, &ids[0], Act::Choose).await.unwrap_err();
    assert_eq!(again.detail(), "the case was given to somebody else");
    assert_eq!(again.hint().as_deref(), Some("`watchfire show` tells who has it; withdraw it from there first"));
}

#[tokio::test]
async fn whoever_chooses_an_offer_that_nobody_accepted_hears_which_one_was() {
    let federation = Federation::of(3).await;
    let view = federation.node(AMAL).refer(case(&["borealis", "cedar"]), By::default()).await.unwrap();
    let (open, other) = (view.offers[0].referral, view.offers[1].referral);
    federation.settle().await;
    let chosen = async || federation.try_act(AMAL, &open, Act::Choose).await.unwrap_err();
    let error = chosen().await;
    assert_eq!(error.detail(), "there is no such acceptance");
    assert!(error.hint().is_some_and(|hint| !hint.contains("choose")), "there is none to name");
    // While Borealis may accept too the node confirms nothing by itself.
    federation.act(CEDAR, &other, Act::Ack).await;
    federation.act(CEDAR, &other, Act::Accept { start: None, text: String::new() }).await;
    federation.settle().await;
    let error = chosen().await;
    assert_eq!(error.detail(), "there is no such acceptance");
    assert_eq!(error.hint(), Some(format!("this offer was not accepted, another of its case was: `watchfire choose {other}`")));
}

#[tokio::test]
async fn a_case_is_passed_on_within_its_consent_and_its_withdrawal_reaches_every_hop() {
    let federation = Federation::of(3).await;
    for onward in [false, true] {
        let mut request = case(&["borealis"]);
        request.offer.consent.onward = onward;
        let (date, expires) = (Timestamp(START.0 / DAY * DAY), None);
        let vetting = Vetting { method: code("documents"), result: code("passed"), vouched_by: 0, date, expires };
        request.offer.vetting = Some(vetting.clone());
        let id = federation.refer(AMAL, request).await;
        federation.settle().await;
        federation.act(BOREALIS, &id, Act::Ack).await;
        federation.act(BOREALIS, &id, Act::Accept { start: None, text: String::new() }).await;
        federation.settle().await;
        let mut on = case(&["cedar"]);
        on.parent = Some(id.to_string());
        on.offer.vetting = Some(vetting.clone());
        if !onward {
            let error = federation.node(BOREALIS).refer(on, By::default()).await.unwrap_err();
            assert_eq!(error.detail(), "it came under a consent that does not allow to pass it on");
            federation.act(AMAL, &id, Act::Withdraw { revoked: true }).await;
            federation.settle().await;
            continue;
        }
        let child = federation.refer(BOREALIS, on).await;
        federation.settle().await;
        let there = federation.referral(CEDAR, &child);
        let there = there.offer.unwrap();
        assert_eq!(there.summary, SUMMARY);
        assert_eq!(there.vetting, Some(Vetting { method: code("member_referral"), ..vetting }), "it is not theirs to have looked into");
        assert!(federation.referral(AMAL, &id).timeline.iter().any(|message| message.says == "pass-on"));
        federation.act(AMAL, &id, Act::Withdraw { revoked: true }).await;
        federation.settle().await;
        for who in federation.everyone() {
            assert!(!has(&federation, who, SUMMARY).await, "{who:?}");
            assert!(federation.node(who).inbox(false).unwrap().is_empty(), "{who:?}");
        }
    }
}

#[tokio::test]
async fn what_was_said_while_the_link_was_cut_arrives_and_both_come_to_the_same() {
    let mut federation = Federation::of(2).await;
    let id = federation.refer(AMAL, case(&["borealis"])).await;
    federation.settle().await;
    federation.cut(AMAL, BOREALIS);
    federation.act(BOREALIS, &id, Act::Ack).await;
    federation.act(BOREALIS, &id, Act::Accept { start: None, text: say("tomorrow") }).await;
    assert_eq!(federation.stands(&id, &[AMAL, BOREALIS]), [("delivered".into(), "us".into()), ("accepted".into(), "amal".into())]);
    federation.restart(AMAL).await;
    federation.restart(BOREALIS).await;
    federation.heal(AMAL, BOREALIS);
    federation.settle().await;
    assert_eq!(federation.stands(&id, &[AMAL, BOREALIS]), both("in_progress", "borealis", "us"));
}

#[tokio::test]
async fn an_order_counts_once_for_its_request_and_for_who_may() {
    let mut federation = Federation::of(1).await;
    let node = federation.node(AMAL);
    let asked = async |order: Option<&_>, request: &str| match node.ordered("act", "k7qm2xpa", &request, order, Deed::Work).await {
        Ok(_) => None,
        Err(NodeError::Desk(denied)) => Some(denied),
        Err(other) => panic!("{other}"),
    };
    assert_eq!(asked(None, "ack").await, None, "a desk without users asks for no order");
    desk::staff(node).await;
    desk::add(node, desk::DANA, Role::Coordinator, desk::AMINA).await;
    let order = desk::order(node, "act", "k7qm2xpa", &"ack", desk::OMAR);
    assert!(asked(None, "ack").await.is_some());
    assert!(asked(Some(&order), "accept").await.is_some(), "it was signed for another request");
    let another = desk::order(node, "act", "another", &"ack", desk::OMAR);
    assert!(asked(Some(&another), "ack").await.is_some(), "and for another referral");
    let danas = desk::order(node, "act", "k7qm2xpa", &"ack", desk::DANA);
    assert!(asked(Some(&danas), "ack").await.is_some(), "her role does not allow it");
    assert_eq!(asked(Some(&danas), "ack").await, Some(Denied::Spent));
    let deeds = node.deeds(&DeedRange::default()).unwrap();
    let deeds: Vec<_> = deeds.iter().map(|deed| (deed.what.as_str(), deed.by.as_deref())).collect();
    assert_eq!(deeds, [("refused: act", Some("dana"))], "once, and nothing of what was nobody's word");
    assert_eq!(asked(Some(&order), "ack").await, None);
    assert_eq!(asked(Some(&order), "ack").await, Some(Denied::Spent));
    let late = desk::order(node, "act", "k7qm2xpa", &"ack", desk::AMINA);
    federation.tick(11 * MINUTE);
    assert!(asked(Some(&late), "ack").await.is_some(), "it was signed eleven minutes ago");
    let before = desk::order(node, "act", "k7qm2xpa", &"ack", desk::AMINA);
    federation.tick(SECOND);
    federation.restart(AMAL).await;
    let after = federation.node(AMAL).ordered("act", "k7qm2xpa", &"ack", Some(&before), Deed::Work).await.unwrap_err();
    assert!(matches!(after, NodeError::Desk(Denied::BeforeStart)), "nobody knows whether it was carried out: {after}");
}

#[tokio::test]
async fn what_is_held_of_a_referral_is_undone_and_released_by_somebody_s_order_alone() {
    let federation = Federation::with(2, |_, config| config.release.hold_s = 3_600).await;
    federation.pair(AMAL, BOREALIS).await;
    let node = federation.node(AMAL);
    desk::staff(node).await;
    desk::add(node, desk::DANA, Role::Coordinator, desk::AMINA).await;
    let held = node.refer(ReferRequest { now: false, ..case(&["borealis"]) }, By::default()).await.unwrap();
    let id = held.offers[0].held.as_ref().and_then(|hold| hold.id).unwrap().to_string();
    let wrong =
        [None, Some(desk::order(node, "release", &id, &(), desk::OMAR)), Some(desk::order(node, "undo", "k7qm2xpa", &(), desk::OMAR))];
    for order in wrong.iter().chain([&Some(desk::order(node, "undo", &id, &(), desk::DANA))]) {
        let said = node.undo(&id, order.as_ref()).await.unwrap_err();
        assert!(matches!(said, NodeError::Desk(_)), "{said}");
    }
    let said = node.release_hold(&id, None).await.unwrap_err();
    assert!(matches!(said, NodeError::Desk(_)), "{said}");
    assert_eq!(node.holds().unwrap().len(), 1, "nothing happened to it");
    federation.tick(SECOND);
    node.release_hold(&id, Some(&desk::order(node, "release", &id, &(), desk::OMAR))).await.unwrap();
    federation.tick(SECOND);
    node.undo(&id, Some(&desk::order(node, "undo", &id, &(), desk::OMAR))).await.unwrap();
    let deeds = node.deeds(&DeedRange::default()).unwrap();
    let deeds: Vec<_> = deeds.iter().map(|deed| (deed.what.as_str(), deed.by.as_deref())).collect();
    assert!(deeds.ends_with(&[("release", Some("omar")), ("undo", Some("omar"))]), "{deeds:?}");
    let what = |range: DeedRange| node.deeds(&range).unwrap().into_iter().map(|deed| deed.what).collect::<Vec<_>>();
    assert_eq!(what(DeedRange { limit: 1, ..DeedRange::default() }), ["undo"], "the newest");
    assert_eq!(what(DeedRange { by: Some("amina".parse().unwrap()), ..DeedRange::default() }), [""; 0], "she did nothing");
    let of_this = DeedRange { about: Some(held.referral.to_string()), ..DeedRange::default() };
    assert_eq!(what(of_this.clone()), ["offer", "release", "undo"]);
    assert_eq!(what(DeedRange { about: Some("zzzz".into()), ..DeedRange::default() }), [""; 0], "about something else");
    assert_eq!(what(DeedRange { since: Some(node.deeds(&of_this).unwrap()[1].at), ..of_this.clone() }), ["release", "undo"]);
    let until = Some(Timestamp(node.deeds(&DeedRange::default()).unwrap().last().unwrap().at.0 - 1));
    assert_eq!(what(DeedRange { until, limit: 1, ..DeedRange::default() }), ["release"]);
}

#[tokio::test]
async fn an_offer_is_held_and_undone_without_a_trace_and_an_emergency_is_not_held() {
    let federation = Federation::with(2, |_, config| config.release.hold_s = 30).await;
    federation.pair(AMAL, BOREALIS).await;
    federation.settle().await;
    let held = federation.node(AMAL).refer(ReferRequest { now: false, ..case(&["borealis"]) }, By::default()).await.unwrap();
    assert_eq!(held.state, "gated");
    assert_eq!(federation.node(AMAL).inbox(false).unwrap()[0].state, "gated");
    let hold = held.offers[0].held.as_ref().and_then(|hold| hold.id).unwrap();
    federation.node(AMAL).undo(&hold.to_string(), None).await.unwrap();
    assert!(federation.node(AMAL).inbox(true).unwrap().is_empty());
    assert!(!has(&federation, AMAL, SUMMARY).await, "nothing is left of it");
    let mut emergency = ReferRequest { now: false, ..case(&["borealis"]) };
    emergency.offer.priority = Priority::Emergency;
    let id = federation.refer(AMAL, emergency).await;
    federation.settle().await;
    assert_eq!(federation.referral(BOREALIS, &id).line.state, "delivered");
    assert_eq!(federation.node(BOREALIS).inbox(false).unwrap().len(), 1);
}

#[tokio::test]
async fn who_a_person_is_does_not_leave_in_a_text() {
    let federation = Federation::of(2).await;
    let mut request = case(&["borealis"]);
    request.offer.summary = "write to amina.haddad@example.org or call +961 3 123 456".into();
    let dry = ReferRequest { dry_run: true, ..request.clone() };
    let dry = federation.node(AMAL).refer(dry, By::default()).await.unwrap();
    assert_eq!(dry.offer.unwrap().summary, "write to [email-1] or call [phone-1]", "what would leave is what leaves");
    assert!(dry.introduction_code.is_none() && federation.node(AMAL).inbox(true).unwrap().is_empty());
    let view = federation.node(AMAL).refer(request, By::default()).await.unwrap();
    assert!(view.offer.is_none());
    federation.settle().await;
    let summary = federation.referral(BOREALIS, &view.referral).offer.unwrap().summary;
    assert_eq!(summary, "write to [email-1] or call [phone-1]");
    assert_eq!(view.findings.replaced.len(), 2);
    federation.act(BOREALIS, &view.referral, Act::Ack).await;
    let asked = federation.act(BOREALIS, &view.referral, Act::Ask { text: say("is it amina.haddad@example.org?") }).await;
    let replaced: Vec<_> = asked.findings.replaced.iter().map(|one| (one.field.as_str(), one.kind.as_str(), one.count)).collect();
    assert_eq!(replaced, [("text", "email", 1)], "whoever writes is told");
}

#[tokio::test]
async fn a_case_leaves_only_under_a_consent_that_allows_it() {
    let federation = Federation::of(3).await;
    let refused = |request: ReferRequest| {
        let node = federation.node(AMAL).clone();
        async move { node.refer(request, By::default()).await.unwrap_err().detail() }
    };
    let mut ended = case(&["borealis"]);
    ended.offer.consent.expires = Some(Timestamp(1));
    assert_eq!(refused(ended).await, "the consent has ended");
    let mut other = case(&["borealis"]);
    other.recipients = vec!["cedar".into()];
    assert_eq!(refused(other).await, "the consent does not name this recipient");
    let mut only = case(&["borealis"]);
    only.offer.consent.indicators_only = true;
    assert_eq!(refused(only).await, "the consent is for indicators alone");
    federation.settle().await;
    for who in federation.everyone() {
        assert!(federation.node(who).inbox(true).unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_was_changed_or_may_be_twice_is_said_before_it_leaves_and_after() {
    let federation = Federation::of(3).await;
    let hurry = "the case leaves as `urgent` and not as `normal`: the person has done something already (`interacted`)";
    let mut request = case(&["borealis"]);
    (request.offer.priority, request.offer.interacted) = (Priority::Normal, vec![code("clicked")]);
    let dry = federation.node(AMAL).refer(ReferRequest { dry_run: true, ..request.clone() }, By::default()).await.unwrap();
    assert_eq!(dry.findings.warnings, [hurry]);
    let mut danger = request.clone();
    (danger.offer.physical_danger, danger.dry_run) = (Some(true), true);
    danger.offer.priority = Priority::Urgent;
    let told = federation.node(AMAL).refer(danger.clone(), By::default()).await.unwrap().findings.warnings;
    assert!(told.len() == 1 && told[0].starts_with("somebody is in physical danger"), "{told:?}");
    danger.offer.priority = Priority::Emergency;
    assert!(federation.node(AMAL).refer(danger, By::default()).await.unwrap().findings.warnings.is_empty());
    // Held for two people: the preview says it too.
    let red = ReferRequest { tlp: watchfire::model::Tlp::Red, reference: "another".into(), ..request.clone() };
    let held = federation.node(AMAL).refer(red, By::default()).await.unwrap();
    let id = held.offers[0].held.as_ref().and_then(|hold| hold.id).expect("it is held");
    let preview = federation.node(AMAL).preview(&id.to_string(), Default::default()).unwrap();
    assert!(serde_json::to_string(&preview).unwrap().contains("not as `normal`"));
    let first = federation.node(AMAL).refer(request.clone(), By::default()).await.unwrap();
    assert_eq!(first.findings.warnings, [hurry], "a reference that nobody has seen is nothing to tell");
    federation.settle().await;
    // A second case of that reference goes, and says so of the partner that has the first.
    request.to = vec!["cedar".into(), "borealis".into()];
    request.offer.interacted.clear();
    let second = federation.node(AMAL).refer(request, By::default()).await.unwrap();
    let short = &first.referral.to_string()[..8];
    let told = format!("`borealis` got a case with this reference before, as `{short}`; `watchfire show {short}` tells how it stands");
    assert_eq!(second.findings.warnings, [told]);
    let unnamed = ReferRequest { reference: String::new(), ..case(&["borealis"]) };
    for _ in 0..2 {
        assert!(federation.node(AMAL).refer(unnamed.clone(), By::default()).await.unwrap().findings.warnings.is_empty());
    }
}

const DAY: u64 = 86_400_000;

#[tokio::test]
async fn what_was_let_out_does_not_leave_once_the_consent_or_the_offer_has_ended() {
    let mut federation = Federation::of(2).await;
    let end = Some(Timestamp(federation.node(AMAL).clock.now().0 + 2 * DAY));
    let offered = |words: &str| ReferRequest { reference: words.into(), ..cases::request(cases::offer(words), &["borealis"]) };
    let asked = {
        let mut request = offered("the corvane page is asked about");
        request.offer.consent.expires = end;
        let id = federation.refer(AMAL, request).await;
        federation.settle().await;
        federation.act(BOREALIS, &id, Act::Ack).await;
        federation.act(BOREALIS, &id, Act::Ask { text: say(QUESTION) }).await;
        federation.settle().await;
        id
    };
    federation.kill(BOREALIS);
    federation.act(AMAL, &asked, Act::Answer { text: say("the merrow one, yes") }).await;
    let (mut consent, mut open) = (offered("the thistle account"), offered("the harrow account"));
    (consent.offer.consent.expires, open.offer.expires) = (end, end);
    let consent = federation.refer(AMAL, consent).await;
    let open = federation.refer(AMAL, open).await;
    let lasting = federation.refer(AMAL, offered("the pelham account")).await;
    federation.pass(3 * DAY).await;
    federation.start(BOREALIS).await;
    federation.settle().await;
    federation
        .until("what may leave is there", || federation.node(BOREALIS).inbox(false).unwrap().iter().any(|line| line.referral == lasting))
        .await;
    assert!(has(&federation, BOREALIS, "pelham").await && has(&federation, BOREALIS, "corvane").await);
    for words in ["thistle", "harrow", "merrow"] {
        assert!(has(&federation, AMAL, words).await && !has(&federation, BOREALIS, words).await, "{words}");
    }
    let still = |id| federation.referral(AMAL, id).line;
    for id in [&consent, &open] {
        let line = still(id);
        assert_eq!(
            (line.state.as_str(), line.owner.as_str(), line.overdue.is_some()),
            ("sent", "us", true),
            "its clock goes on telling people here"
        );
        federation.act(AMAL, id, Act::Withdraw { revoked: false }).await;
    }
    federation.settle().await;
    federation.until("nothing of it is left to be done", || [&consent, &open].iter().all(|id| still(id).state == "purged")).await;
}

#[tokio::test]
async fn an_offer_is_accepted_while_it_is_open_alone() {
    let federation = Federation::of(2).await;
    let now = federation.node(AMAL).clock.now();
    let mut request = case(&["borealis"]);
    request.offer.expires = Some(now);
    let error = federation.node(AMAL).refer(request.clone(), By::default()).await.unwrap_err();
    assert!(error.detail().contains("would be open until") && error.hint().is_some(), "{error}");
    request.offer.expires = Some(Timestamp(now.0 + 2 * DAY));
    let id = federation.refer(AMAL, request).await;
    federation.settle().await;
    assert_eq!(federation.referral(BOREALIS, &id).offer.unwrap().expires.unwrap().0 % DAY, 0, "by the day");
    federation.act(BOREALIS, &id, Act::Ack).await;
    federation.pass(3 * DAY).await;
    let accept = || Act::Accept { start: None, text: String::new() };
    let error = federation.try_act(BOREALIS, &id, accept()).await.unwrap_err();
    assert!(error.detail().starts_with("the offer was open until ") && error.hint().is_some(), "{error}");
    federation.act(BOREALIS, &id, Act::Ask { text: say("may we still have it?") }).await;
}

#[tokio::test]
async fn an_offer_that_comes_after_its_end_is_refused() {
    let mut federation = Federation::of(2).await;
    let midnight = federation.node(AMAL).clock.now().0 / DAY * DAY + DAY;
    federation.pass(midnight - 300_000 - federation.node(AMAL).clock.now().0).await;
    // There it is past midnight already.
    federation.give_own_clock(BOREALIS, 600_000).await;
    federation.settle().await;
    let mut request = case(&["borealis"]);
    request.offer.expires = Some(Timestamp(midnight));
    let id = federation.refer(AMAL, request).await;
    federation.until("it is refused", || federation.referral(AMAL, &id).line.state == "refused").await;
    federation.until_upkeep("nothing of it stays", || federation.referral(BOREALIS, &id).offer.is_none()).await;
    assert!(!has(&federation, BOREALIS, SUMMARY).await);
}

#[tokio::test]
async fn a_case_of_which_something_came_is_closed_by_itself_and_one_without_a_word_ends_at_its_date() {
    let federation = Federation::with(2, |_, config| {
        (config.referral.close_days, config.referral.retention_days) = (2, 5);
    })
    .await;
    federation.pair(AMAL, BOREALIS).await;
    let mut all = Vec::new();
    for resolved in [true, false] {
        let id = federation.refer(AMAL, case(&["borealis"])).await;
        federation.settle().await;
        federation.act(BOREALIS, &id, Act::Ack).await;
        federation.act(BOREALIS, &id, Act::Accept { start: None, text: String::new() }).await;
        federation.settle().await;
        federation.act(BOREALIS, &id, Act::Progress { waiting: Waiting::Nothing, text: String::new() }).await;
        if resolved {
            federation.act(BOREALIS, &id, Act::Resolve { outcomes: vec![code("advice_given")], text: String::new() }).await;
        }
        federation.settle().await;
        all.push(id);
    }
    federation.pass(DAY).await;
    assert_eq!(federation.referral(AMAL, &all[0]).line.state, "resolved");
    federation.pass(DAY + DAY / 8).await;
    federation.until_upkeep("it is closed", || federation.referral(BOREALIS, &all[0]).line.state == "closed").await;
    assert_eq!(federation.referral(BOREALIS, &all[1]).line.state, "in_progress");
    federation.pass(4 * DAY).await;
    for who in [AMAL, BOREALIS] {
        let over = || federation.node(who).inbox(false).unwrap().is_empty() && federation.node(who).timers(None).unwrap().is_empty();
        federation.until_upkeep("nothing is left, and no clock runs", over).await;
        let is_purged = |id| federation.referral(who, id).line.state == "purged";
        federation.until_upkeep("both say so", || all.iter().all(is_purged)).await;
        let mut rounds = 0;
        while has(&federation, who, SUMMARY).await {
            rounds += 1;
            assert!(rounds < 100, "the bodies are still there");
            federation.pass(60_000).await;
        }
    }
}

#[tokio::test]
async fn what_was_ended_is_watched_beyond_its_date_until_the_other_side_says_that_it_is_gone() {
    let mut federation = Federation::with(2, |_, config| config.referral.retention_days = 2).await;
    federation.pair(AMAL, BOREALIS).await;
    let (withdrawn, closed) = (federation.refer(AMAL, case(&["borealis"])).await, federation.refer(AMAL, case(&["borealis"])).await);
    federation.settle().await;
    federation.act(BOREALIS, &closed, Act::Ack).await;
    federation.act(BOREALIS, &closed, Act::Accept { start: None, text: String::new() }).await;
    federation.settle().await;
    federation.act(BOREALIS, &closed, Act::Resolve { outcomes: vec![code("advice_given")], text: String::new() }).await;
    federation.settle().await;
    federation.kill(BOREALIS);
    federation.act(AMAL, &withdrawn, Act::Withdraw { revoked: false }).await;
    federation.act(AMAL, &closed, Act::Close).await;
    federation.pass(3 * DAY).await;
    federation.restart(AMAL).await;
    federation.pass(5 * 60_000).await;
    for id in [&withdrawn, &closed] {
        federation.until_upkeep("its clock runs", || !federation.node(AMAL).timers(Some(&id.to_string())).unwrap().is_empty()).await;
    }
    federation.start(BOREALIS).await;
    federation.settle().await;
    let over = || federation.node(AMAL).timers(None).unwrap().is_empty();
    federation.until_upkeep("it is gone there", over).await;
}

#[tokio::test]
async fn whose_order_a_withdrawal_or_a_profile_was_is_written_down() {
    let federation = Federation::of(2).await;
    let id = federation.refer(AMAL, case(&["borealis"])).await;
    federation.settle().await;
    federation.act(AMAL, &id, Act::Withdraw { revoked: false }).await;
    assert!(federation.try_act(AMAL, &id, Act::Withdraw { revoked: false }).await.is_err());
    let deeds = |what: &str| federation.node(AMAL).deeds(&Default::default()).unwrap().into_iter().filter(|deed| deed.what == what).count();
    assert_eq!(deeds("withdraw"), 1, "once");
    let profile = |text: Option<&str>| watchfire::node::profile::ProfileSet { text: text.map(str::to_owned) };
    federation.node(AMAL).profile_set(profile(Some("services = [\"incident_response_support\"]\n")), By::default()).await.unwrap();
    federation.node(AMAL).profile_set(profile(None), By::default()).await.unwrap();
    assert_eq!((deeds("profile set"), deeds("profile confirmed")), (1, 1));
}

#[tokio::test]
async fn what_a_partners_node_does_not_take_is_told_at_once() {
    let mut federation = Federation::with(2, |who, config| {
        let channel = "[[channel]]\nname = \"page\"\nkind = \"command\"\nprogram = \"/bin/true\"\n";
        config.notify = toml::from_str(channel).unwrap();
        config.referral.open_max = if who == BOREALIS { 1 } else { 2_000 };
    })
    .await;
    federation.pair(AMAL, BOREALIS).await;
    let taken = federation.refer(AMAL, case(&["borealis"])).await;
    federation.settle().await;
    let told = |federation: &Federation| federation.noticed(AMAL, Event::NotTaken);
    assert_eq!((federation.referral(AMAL, &taken).not_taken, told(&federation)), (None, 0));
    let refused = federation.refer(AMAL, ReferRequest { reference: "4712".into(), ..case(&["borealis"]) }).await;
    federation.until("it is told", || federation.referral(AMAL, &refused).not_taken == Some(Why::Refused)).await;
    let view = federation.referral(AMAL, &refused);
    assert_eq!((view.line.state.as_str(), view.line.waits_for.as_slice()), ("sent", &[Wait::Receipt][..]));
    federation.until("people are told", || told(&federation) == 1).await;
    assert!(federation.node(BOREALIS).inbox(true).unwrap().iter().all(|line| line.referral != refused));
    // Once it is said, whatever else is acknowledged later.
    federation.restart(AMAL).await;
    federation.settle().await;
    assert_eq!(told(&federation), 1);
    assert_eq!(federation.referral(AMAL, &taken).not_taken, None);
    // It can be withdrawn as any other.
    federation.act(AMAL, &refused, Act::Withdraw { revoked: false }).await;
    federation.settle().await;
    federation.until("nothing is waited for", || federation.referral(AMAL, &refused).line.state == "purged").await;
}

#[tokio::test]
async fn what_was_told_while_the_link_was_down_and_is_withdrawn_meanwhile_is_destroyed_and_both_say_so() {
    let federation = Federation::of(2).await;
    let id = federation.refer(AMAL, case(&["borealis"])).await;
    federation.settle().await;
    federation.act(BOREALIS, &id, Act::Ack).await;
    federation.act(BOREALIS, &id, Act::Accept { start: None, text: String::new() }).await;
    federation.until("the case is theirs", || federation.referral(BOREALIS, &id).line.owner == "us").await;
    federation.cut(AMAL, BOREALIS);
    for report in 0..MANY {
        federation.act(BOREALIS, &id, Act::Progress { waiting: Waiting::Nothing, text: format!("report {report}") }).await;
    }
    federation.act(AMAL, &id, Act::Withdraw { revoked: true }).await;
    federation.heal(AMAL, BOREALIS);
    federation.until("they have destroyed it", || federation.referral(AMAL, &id).line.state == "purged").await;
    assert!(federation.referral(AMAL, &id).line.waits_for.is_empty());
}

#[tokio::test]
async fn a_referral_in_which_nothing_happens_is_left_alone_until_something_does() {
    let federation = Federation::of(3).await;
    let view = federation.node(AMAL).refer(case(&["borealis", "cedar"]), By::default()).await.unwrap();
    let id = view.offers[0].referral;
    federation.settle().await;
    let looked = async |who| federation.node(who).react_to_all().await.unwrap();
    looked(AMAL).await;
    assert_eq!([looked(AMAL).await, looked(BOREALIS).await, looked(BOREALIS).await], [0, 1, 0]);
    federation.act(BOREALIS, &id, Act::Ack).await;
    federation.settle().await;
    // What came wakes the other offer of the case too: one may depend on the other.
    assert_eq!([looked(AMAL).await, looked(AMAL).await, looked(BOREALIS).await, looked(CEDAR).await], [2, 0, 1, 1]);
    federation.cut(AMAL, BOREALIS);
    federation.act(AMAL, &id, Act::Withdraw { revoked: false }).await;
    // What has ended is looked at until the other side has said that it is gone there.
    assert_eq!([looked(AMAL).await, looked(AMAL).await, looked(BOREALIS).await], [2, 1, 0]);
}
