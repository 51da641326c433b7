//! What a clock does not do by itself: it offers no case against an agreement, the consent or somebody's answer, and tells people why.

use crate::desk;
use crate::harness::*;
use crate::referrals::case;
use watchfire::model::referral::Priority;
use watchfire::model::{ReferralId, Timestamp, Tlp};
use watchfire::node::escalate::{NotOffered, RungView};
use watchfire::node::referral::{Act, AgainRequest, By, ReferRequest};
use watchfire::rules::escalate::Act as Rung;

/// An emergency that Borealis is asked about. When nobody opens it, a clock asks the next.
fn emergency(candidates: &[&str]) -> ReferRequest {
    let candidates = candidates.iter().map(|name| (*name).to_owned()).collect();
    let mut request = ReferRequest { candidates, automatic: true, ..case(&["borealis"]) };
    request.offer.priority = Priority::Emergency;
    request
}

async fn offered(federation: &Federation, request: ReferRequest) -> ReferralId {
    let id = federation.refer(AMAL, request).await;
    federation.settle().await;
    id
}

/// A person at Amal asks somebody else about the case, too.
async fn asks(federation: &Federation, id: &ReferralId, whom: &str) -> ReferralId {
    let request = AgainRequest { to: vec![whom.to_owned()], candidates: Vec::new(), call: None, now: true };
    let view = federation.node(AMAL).refer_again(&id.to_string(), request, By::default()).await.unwrap();
    federation.settle().await;
    view.referral
}

async fn accepts(federation: &Federation, who: Who, id: &ReferralId) {
    federation.act(who, id, Act::Ack).await;
    federation.act(who, id, Act::Accept { start: None, text: String::new() }).await;
    federation.settle().await;
}

/// The rungs that the clocks of a referral have reached at Amal.
fn reached(federation: &Federation, id: &ReferralId) -> Vec<RungView> {
    let timers = federation.node(AMAL).timers(Some(&id.to_string())).unwrap();
    timers.into_iter().flat_map(|timer| timer.recorded).collect()
}

/// So long passes, and each of these has reached its ladder's end by then.
async fn climb(federation: &Federation, milliseconds: u64, ids: &[ReferralId]) {
    federation.pass(milliseconds).await;
    for id in ids {
        federation.until("the last rung", || reached(federation, id).len() == 3).await;
    }
    federation.settle().await;
}

/// What a desk was offered.
fn inbox(federation: &Federation, who: Who) -> Vec<ReferralId> {
    let mut all: Vec<ReferralId> = federation.node(who).inbox(true).unwrap().into_iter().map(|line| line.referral).collect();
    all.sort();
    all
}

/// The clock has offered the case to them. As which referral.
fn is_offered(federation: &Federation, id: &ReferralId, to: &str) -> ReferralId {
    let rung = reached(federation, id).pop().unwrap();
    assert_eq!((rung.act, rung.offered_to.as_deref(), rung.not_offered), (Rung::OfferNext, Some(to), None));
    rung.offered.unwrap()
}

/// The clock has offered the case to nobody: people at Amal are told why, and whom they could ask.
fn is_proposed(federation: &Federation, id: &ReferralId, why: NotOffered, candidates: &[&str]) {
    let rung = reached(federation, id).pop().unwrap();
    assert_eq!((rung.act, rung.offered, rung.not_offered), (Rung::ProposeToDirector, None, Some(why)));
    let view = federation.node(AMAL).referral_named_view(&id.to_string()).unwrap();
    let particulars = view.timeline.iter().flat_map(|one| &one.particulars);
    let told: Vec<&str> = particulars.filter(|(name, _)| name == "offered to nobody").map(|(_, words)| words.as_str()).collect();
    assert_eq!(told, [why.words()]);
    assert_eq!(view.proposal.expect("it is put before a person").candidates, candidates);
}

#[tokio::test]
async fn whom_no_agreement_lets_have_a_case_is_passed_over_by_its_clock_and_the_next_who_may_have_it_is_not() {
    for is_agreed in [false, true] {
        let federation = Federation::around_amal(4).await;
        if is_agreed {
            federation.node(AMAL).activate_policy("[peers.cedar]\ntlp_max = \"green\"\n", false).await.unwrap();
        }
        let one = offered(&federation, emergency(&["cedar"])).await;
        let other = offered(&federation, emergency(&["cedar", "dunya"])).await;
        climb(&federation, 2 * HOUR, &[one, other]).await;
        if is_agreed {
            is_proposed(&federation, &one, NotOffered::NoCandidate, &["cedar"]);
            assert_eq!(inbox(&federation, DUNYA), [is_offered(&federation, &other, "dunya")]);
            assert!(inbox(&federation, CEDAR).is_empty());
        } else {
            // The control: without an agreement they may have it.
            let mut both = [&one, &other].map(|id| is_offered(&federation, id, "cedar"));
            both.sort();
            assert_eq!(inbox(&federation, CEDAR), both);
            assert!(inbox(&federation, DUNYA).is_empty());
        }
    }
}

#[tokio::test]
async fn a_clock_offers_a_case_to_nobody_once_its_consent_or_its_offer_has_ended() {
    let federation = Federation::around_amal(3).await;
    // The day ends an hour after they are offered, and an hour before the next would be.
    let midnight = Timestamp((federation.clock.now().0 / DAY + 1) * DAY);
    federation.pass(midnight.0 - HOUR - federation.clock.now().0).await;
    federation.settle().await;
    let until = |consent: Option<Timestamp>, offer: Option<Timestamp>| {
        let mut request = emergency(&["cedar"]);
        (request.offer.consent.expires, request.offer.expires) = (consent, offer);
        request
    };
    let later = Some(midnight.plus(DAY));
    let consent = offered(&federation, until(Some(midnight), None)).await;
    let offer = offered(&federation, until(None, Some(midnight))).await;
    let lasting = offered(&federation, until(later, later)).await;
    climb(&federation, 2 * HOUR, &[consent, offer, lasting]).await;
    for ended in [&consent, &offer] {
        is_proposed(&federation, ended, NotOffered::NoCandidate, &["cedar"]);
    }
    assert_eq!(inbox(&federation, CEDAR), [is_offered(&federation, &lasting, "cedar")], "and nothing of the others");
}

#[tokio::test]
async fn a_case_that_two_people_have_to_let_go_is_offered_by_no_clock() {
    let federation = Federation::around_amal(3).await;
    let node = federation.node(AMAL);
    desk::staff(node).await;
    let id = federation.refer(AMAL, ReferRequest { tlp: Tlp::Red, ..emergency(&["cedar"]) }).await;
    desk::two_let_go(node).await;
    federation.settle().await;
    assert_eq!(inbox(&federation, BOREALIS), [id], "they let it go to Borealis");
    climb(&federation, 2 * HOUR, &[id]).await;
    is_proposed(&federation, &id, NotOffered::NoCandidate, &["cedar"]);
    assert!(inbox(&federation, CEDAR).is_empty());
    assert!(node.holds().unwrap().is_empty(), "nor is it held until they let that go, too");
}

#[tokio::test]
async fn while_somebody_is_waited_for_whom_a_person_asked_later_a_clock_asks_nobody() {
    let federation = Federation::around_amal(4).await;
    let id = offered(&federation, emergency(&["cedar", "dunya"])).await;
    federation.pass(HOUR).await;
    let later = asks(&federation, &id, "cedar").await;
    climb(&federation, HOUR, &[id]).await;
    is_proposed(&federation, &id, NotOffered::AnotherIsAsked, &["dunya"]);
    assert!(inbox(&federation, DUNYA).is_empty());
    // The control: whoever was asked last does not answer either.
    climb(&federation, HOUR, &[later]).await;
    assert_eq!(inbox(&federation, DUNYA), [is_offered(&federation, &later, "dunya")]);
    assert_eq!(inbox(&federation, CEDAR), [later], "once");
}

#[tokio::test]
async fn whoever_is_to_be_asked_as_soon_as_two_people_let_it_go_counts_as_asked() {
    let federation = Federation::around_amal(4).await;
    let node = federation.node(AMAL);
    desk::staff(node).await;
    let id = federation.refer(AMAL, ReferRequest { tlp: Tlp::Red, ..emergency(&["cedar", "dunya"]) }).await;
    desk::two_let_go(node).await;
    federation.settle().await;
    let later = asks(&federation, &id, "cedar").await;
    let held = || node.holds().unwrap().into_iter().map(|hold| hold.referral).collect::<Vec<_>>();
    assert_eq!(held(), [Some(later)]);
    climb(&federation, 2 * HOUR, &[id]).await;
    is_proposed(&federation, &id, NotOffered::AnotherIsAsked, &["dunya"]);
    assert_eq!(held(), [Some(later)]);
    assert!([CEDAR, DUNYA].iter().all(|who| inbox(&federation, *who).is_empty()));
}

#[tokio::test]
async fn once_one_of_several_has_accepted_the_clock_of_another_asks_nobody_unless_that_was_withdrawn() {
    let federation = Federation::around_amal(4).await;
    let mut silent = Vec::new();
    for is_withdrawn in [false, true] {
        let mut request = emergency(&["dunya"]);
        request.to.push("cedar".into());
        let offers = federation.node(AMAL).refer(request, By::default()).await.unwrap().offers;
        federation.settle().await;
        accepts(&federation, CEDAR, &offers[1].referral).await;
        if is_withdrawn {
            federation.act(AMAL, &offers[1].referral, Act::Withdraw { revoked: false }).await;
            federation.settle().await;
        }
        silent.push(offers[0].referral);
    }
    climb(&federation, 2 * HOUR, &silent).await;
    is_proposed(&federation, &silent[0], NotOffered::Accepted, &["dunya"]);
    assert_eq!(inbox(&federation, DUNYA), [is_offered(&federation, &silent[1], "dunya")]);
}

#[tokio::test]
async fn while_whoever_had_the_case_has_not_seen_that_it_was_taken_back_a_clock_asks_nobody() {
    let federation = Federation::around_amal(4).await;
    let id = offered(&federation, emergency(&["cedar", "dunya"])).await;
    accepts(&federation, BOREALIS, &id).await;
    assert_eq!(federation.node(AMAL).referral_named_view(&id.to_string()).unwrap().line.owner, "borealis");
    federation.cut(AMAL, BOREALIS);
    federation.until("the link is down", || !federation.node(AMAL).link_view(&federation.org(BOREALIS)).up).await;
    federation.act(AMAL, &id, Act::Withdraw { revoked: false }).await;
    let later = asks(&federation, &id, "cedar").await;
    climb(&federation, 2 * HOUR, &[later]).await;
    is_proposed(&federation, &later, NotOffered::Accepted, &["dunya"]);
    assert!(inbox(&federation, DUNYA).is_empty());
}
