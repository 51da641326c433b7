//! Who at a desk did what: each act that succeeds is written down where it was done, and about what it was.

use crate::alerts;
use crate::calls;
use crate::harness::*;
use crate::referrals::{case, code, codes_of, say};
use watchfire::model::referral::{Priority, Waiting};
use watchfire::model::{ReferralId, Timestamp};
use watchfire::node::alert::WithdrawRequest;
use watchfire::node::call::VolunteerRequest;
use watchfire::node::referral::{Act, ActRequest, AgainRequest, AnswerRequest, By, DeedRange, PingRequest, PlatformRequest, ReferRequest};

/// What people act on, by what it is called here.
type Known = Vec<(&'static str, ReferralId)>;

fn accept() -> Act {
    Act::Accept { start: None, text: String::new() }
}

fn decline() -> Act {
    Act::Decline { reason: code("no_capacity"), text: String::new(), suggest: None }
}

fn resolve() -> Act {
    Act::Resolve { outcomes: codes_of("advice_given"), text: String::new() }
}

/// One after the other, each at a moment of its own: what is done at one moment is written down in no order.
async fn done(federation: &Federation, id: &ReferralId, acts: impl IntoIterator<Item = (Who, Act)>) {
    for (who, act) in acts {
        federation.tick(SECOND);
        federation.act(who, id, act).await;
        federation.settle().await;
    }
}

async fn offered(federation: &Federation, who: Who, request: ReferRequest) -> ReferralId {
    federation.tick(SECOND);
    let id = federation.refer(who, request).await;
    federation.settle().await;
    id
}

/// A case goes from its offer to its end, with a question, a hop further on and a platform on the way.
async fn a_case_is_worked_on(federation: &Federation) -> Known {
    let mut request = case(&["borealis"]);
    request.offer.consent.onward = true;
    let id = offered(federation, AMAL, request).await;
    let begins = [
        (BOREALIS, Act::Ack),
        (BOREALIS, Act::Ask { text: say("since when?") }),
        (AMAL, Act::Answer { text: say("since Monday") }),
        (BOREALIS, accept()),
        (BOREALIS, Act::Progress { waiting: Waiting::Beneficiary, text: String::new() }),
    ];
    done(federation, &id, begins).await;
    let passed = offered(federation, BOREALIS, ReferRequest { parent: Some(id.to_string()), ..case(&["cedar"]) }).await;
    done(federation, &passed, [(CEDAR, Act::Ack), (CEDAR, decline())]).await;
    a_platform_is_asked(federation, &id).await;
    let review = || Act::Review { helped: Some(true), text: String::new() };
    done(federation, &id, [(BOREALIS, resolve()), (AMAL, review()), (AMAL, Act::Close)]).await;
    federation.tick(SECOND);
    let again = federation.node(AMAL).act(&id.to_string(), ActRequest { act: review(), now: true }, By::default()).await;
    assert!(again.is_err(), "what is refused is not done");
    vec![("case", id), ("passed", passed)]
}

async fn a_platform_is_asked(federation: &Federation, id: &ReferralId) {
    let node = federation.node(BOREALIS);
    let request = PlatformRequest { platform: code("facebook"), channel: code("web_form"), references: Vec::new() };
    federation.tick(SECOND);
    let asked = node.open_platform(&id.to_string(), request, By::default()).await.unwrap().escalation.to_string();
    federation.settle().await;
    federation.tick(SECOND);
    node.ping_platform(&asked, PingRequest::default(), By::default()).await.unwrap();
    federation.tick(SECOND);
    node.answer_platform(&asked, AnswerRequest { outcome: code("content_removed") }, By::default()).await.unwrap();
    federation.settle().await;
    federation.tick(SECOND);
    assert!(node.ping_platform(&asked, PingRequest::default(), By::default()).await.is_err(), "nor is this");
}

/// One desk declines, the next one takes it; with the end of that offer the first one ends, too.
async fn a_case_is_offered_again(federation: &Federation) -> Known {
    let request = ReferRequest { recipients: vec!["borealis".into(), "cedar".into()], ..case(&["borealis"]) };
    let declined = offered(federation, AMAL, request).await;
    done(federation, &declined, [(BOREALIS, Act::Ack), (BOREALIS, decline())]).await;
    let again = AgainRequest { to: vec!["cedar".into()], candidates: Vec::new(), call: None, now: true };
    federation.tick(SECOND);
    let next = federation.node(AMAL).refer_again(&declined.to_string(), again, By::default()).await.unwrap().referral;
    federation.settle().await;
    done(federation, &next, [(CEDAR, Act::Ack), (CEDAR, accept()), (CEDAR, resolve()), (AMAL, Act::Close)]).await;
    vec![("declined", declined), ("next", next)]
}

/// Two accept, one is chosen and hands it back; and one is withdrawn that nobody has opened.
async fn a_case_comes_back(federation: &Federation) -> Known {
    federation.tick(SECOND);
    let offers = federation.node(AMAL).refer(case(&["borealis", "cedar"]), By::default()).await.unwrap().offers;
    let (other, chosen) = (offers[0].referral, offers[1].referral);
    federation.settle().await;
    done(federation, &other, [(BOREALIS, Act::Ack), (BOREALIS, accept())]).await;
    let hand_back = Act::HandBack { reason: code("no_capacity"), text: String::new() };
    done(federation, &chosen, [(CEDAR, Act::Ack), (CEDAR, accept()), (AMAL, Act::Choose), (CEDAR, hand_back)]).await;
    let withdrawn = offered(federation, AMAL, case(&["borealis"])).await;
    done(federation, &withdrawn, [(AMAL, Act::Withdraw { revoked: false })]).await;
    vec![("chosen", chosen), ("other", other), ("withdrawn", withdrawn)]
}

async fn a_group_is_asked(federation: &Federation) -> Known {
    federation.tick(SECOND);
    let call = federation.node(AMAL).open_call(calls::request(Priority::Urgent), By::default()).await.unwrap().call;
    federation.settle().await;
    for (who, withdraw) in [(BOREALIS, false), (BOREALIS, true), (CEDAR, false)] {
        federation.tick(SECOND);
        let request = VolunteerRequest { start: None, withdraw };
        federation.node(who).volunteer(&call.to_string(), request, By::default()).await.unwrap();
        federation.settle().await;
    }
    federation.tick(SECOND);
    federation.node(AMAL).close_call(&call.to_string(), By::default()).await.unwrap();
    federation.settle().await;
    vec![("call", ReferralId(call.0))]
}

async fn others_are_warned(federation: &Federation) -> Known {
    let mut known = Known::new();
    for (name, recall) in [("alert", false), ("mistake", true)] {
        federation.tick(SECOND);
        let request = alerts::request("helplines", &["LB"], &[]);
        let alert = federation.node(AMAL).publish_alert(request, By::default()).await.unwrap().alert;
        federation.settle().await;
        // Who reads it again does nothing new.
        for _ in 0..2 {
            federation.tick(SECOND);
            federation.node(BOREALIS).read_alert(&alert.to_string(), By::default()).await.unwrap();
        }
        federation.tick(SECOND);
        federation.node(AMAL).withdraw_alert(&alert.to_string(), WithdrawRequest { recall }, By::default()).await.unwrap();
        federation.settle().await;
        known.push((name, ReferralId(alert.0)));
    }
    known
}

/// What was done at a desk, and about what: as the node tells it, and what was done at one moment in the order of its words.
fn deeds(federation: &Federation, who: Who, known: &[(&'static str, ReferralId)]) -> Vec<String> {
    let name = |about: &ReferralId| known.iter().find(|(_, id)| id == about).map_or("what nobody knows", |(name, _)| *name);
    let deeds = federation.node(who).deeds(&DeedRange::default()).unwrap();
    assert!(deeds.iter().all(|deed| deed.by.is_none()), "a desk without users");
    let mut deeds: Vec<(Timestamp, String)> = deeds.iter().map(|deed| (deed.at, format!("{}: {}", deed.what, name(&deed.about)))).collect();
    assert!(deeds.is_sorted_by_key(|(at, _)| *at), "the oldest comes first");
    deeds.sort();
    deeds.into_iter().map(|(_, deed)| deed).collect()
}

#[tokio::test]
async fn each_act_that_succeeds_is_written_down_once_where_it_was_done() {
    let federation = Federation::helplines(3).await;
    let mut known = a_case_is_worked_on(&federation).await;
    known.extend(a_case_is_offered_again(&federation).await);
    known.extend(a_case_comes_back(&federation).await);
    known.extend(a_group_is_asked(&federation).await);
    known.extend(others_are_warned(&federation).await);
    assert_eq!(
        deeds(&federation, AMAL, &known),
        [
            "offer: case",
            "answer: case",
            "review: case",
            "close: case",
            "offer: declined",
            "offer: next",
            // By one order, at one moment.
            "close: declined",
            "close: next",
            // So are these two made.
            "offer: chosen",
            "offer: other",
            "choose: chosen",
            "offer: withdrawn",
            "withdraw: withdrawn",
            "call: call",
            "call closed: call",
            "alert: alert",
            "alert withdrawn: alert",
            "alert: mistake",
            "alert recalled: mistake",
        ]
    );
    assert_eq!(
        deeds(&federation, BOREALIS, &known),
        [
            "acknowledge: case",
            "ask: case",
            "accept: case",
            "progress: case",
            // A case is passed on by an offer.
            "offer: passed",
            "pass-on: case",
            "platform open: case",
            "platform ping: case",
            "platform answer: case",
            "resolve: case",
            "acknowledge: declined",
            "decline: declined",
            "acknowledge: other",
            "accept: other",
            "volunteer: call",
            "volunteer withdrawn: call",
            "alert read: alert",
            "alert read: mistake",
        ]
    );
    assert_eq!(
        deeds(&federation, CEDAR, &known),
        [
            "acknowledge: passed",
            "decline: passed",
            "acknowledge: next",
            "accept: next",
            "resolve: next",
            "acknowledge: chosen",
            "accept: chosen",
            "hand-back: chosen",
            "volunteer: call",
        ]
    );
}
