//! Statistics: counted once, at whoever owns the outcome, and the same after the purge.

use crate::harness::*;
use crate::referrals::{case, code, codes_of, say};
use std::collections::BTreeMap;
use watchfire::model::vocabulary::Entry;
use watchfire::model::{ReferralId, Tlp};
use watchfire::node::referral::{Act, By, PlatformRequest};
use watchfire::node::statistics::StatisticsView;
use watchfire::rules::statistics::{Counters, Dimension, Event, Measure, Period, Span, Way};

impl Federation {
    fn counted(&self, who: Who) -> Counters {
        self.node(who).statistics(None, false).unwrap().counted.unwrap()
    }

    async fn solved(&self, statistics: bool) {
        let mut request = case(&["borealis"]);
        request.offer.consent.statistics = statistics;
        let id = self.refer(AMAL, request).await;
        self.settle().await;
        self.act(BOREALIS, &id, Act::Ack).await;
        self.act(BOREALIS, &id, Act::Accept { start: None, text: String::new() }).await;
        self.settle().await;
        self.act(BOREALIS, &id, Act::Resolve { outcomes: codes_of("account_recovered"), text: String::new() }).await;
        self.settle().await;
        self.act(AMAL, &id, Act::Close).await;
        self.settle().await;
    }

    /// A case that is Borealis's by now, and may be passed on.
    async fn handed_onward(&self) -> ReferralId {
        let mut request = case(&["borealis"]);
        request.offer.consent.onward = true;
        let id = self.refer(AMAL, request).await;
        self.settle().await;
        self.act(BOREALIS, &id, Act::Ack).await;
        self.act(BOREALIS, &id, Act::Accept { start: None, text: String::new() }).await;
        self.settle().await;
        id
    }
}

fn measure(way: Way, event: Event) -> Measure {
    Measure { way, event }
}

fn total(counters: &Counters, way: Way, event: Event) -> u64 {
    counters.totals.get(&measure(way, event)).copied().unwrap_or_default()
}

/// All numbers but that of what was destroyed, and how many there are.
fn numbers(mut counters: Counters) -> serde_json::Value {
    for way in [Way::In, Way::Out] {
        let purged = measure(way, Event::Purged);
        counters.totals.remove(&purged);
        counters.tables.remove(&purged);
    }
    let mut numbers = serde_json::to_value(&counters).unwrap();
    numbers.as_object_mut().unwrap().remove("cells");
    numbers
}

#[tokio::test]
async fn a_case_is_counted_once_in_the_network_and_by_its_codes() {
    let federation = Federation::of(2).await;
    federation.solved(true).await;
    let (out, here) = (federation.counted(AMAL), federation.counted(BOREALIS));
    assert_eq!((total(&here, Way::In, Event::Case), total(&out, Way::Out, Event::Case)), (1, 0));
    assert_eq!((total(&out, Way::Out, Event::HandedOver), total(&out, Way::Out, Event::Resolved)), (1, 1));
    let case = &here.tables[&measure(Way::In, Event::Case)];
    let one = |text: &str| BTreeMap::from([(text.to_owned(), 1)]);
    assert_eq!(case[&Dimension::Outcome], one("account_recovered"));
    assert_eq!(case[&Dimension::Region], one("middle_east_north_africa"));
    assert_eq!(case[&Dimension::Source], one("member_referral"));
    assert_eq!(out.tables[&measure(Way::Out, Event::Offered)][&Dimension::Source], one("direct"));
    assert_eq!(here.times[&Way::In][&Span::Resolution].count(), 1);
    assert_eq!(here.pairs[&measure(Way::In, Event::Case)][&0]["middle_east_north_africa"], one("account_compromise"));
}

#[tokio::test]
async fn every_number_survives_the_purge_a_restart_and_a_second_look() {
    let mut federation = Federation::with(2, |_, config| config.referral.retention_days = 1).await;
    federation.pair(AMAL, BOREALIS).await;
    federation.settle().await;
    federation.solved(true).await;
    federation.solved(false).await;
    let period: Period = federation.node(AMAL).statistics(None, false).unwrap().period;
    let both = |federation: &Federation| {
        [AMAL, BOREALIS].map(|who| numbers(federation.node(who).statistics(Some(period), false).unwrap().counted.unwrap()))
    };
    let (before, here) = (both(&federation), federation.counted(BOREALIS));
    assert_eq!(total(&here, Way::In, Event::Case), 2);
    let agreed = here.tables[&measure(Way::In, Event::Case)][&Dimension::Nature]["reactive"];
    assert_eq!(agreed, 1, "who did not agree is in the total alone");
    federation.pass(2 * 86_400_000).await;
    for who in [AMAL, BOREALIS] {
        federation.node(who).expire().await.unwrap();
        federation.node(who).react_to_all().await.unwrap();
    }
    federation.settle().await;
    federation.until_upkeep("all of it is over", || federation.node(AMAL).inbox(false).unwrap().is_empty()).await;
    for line in federation.node(BOREALIS).inbox(true).unwrap() {
        let view = federation.node(BOREALIS).referral_named_view(&line.referral.to_string()).unwrap();
        assert!(view.offer.is_none(), "what was said is destroyed");
    }
    assert_eq!(both(&federation), before);
    federation.restart(AMAL).await;
    federation.restart(BOREALIS).await;
    for who in [AMAL, BOREALIS] {
        federation.node(who).react_to_all().await.unwrap();
    }
    assert_eq!(both(&federation), before);
}

#[tokio::test]
async fn a_decline_is_counted_with_its_reason_on_both_sides() {
    let federation = Federation::of(2).await;
    let id = federation.refer(AMAL, case(&["borealis"])).await;
    federation.settle().await;
    federation.act(BOREALIS, &id, Act::Ack).await;
    federation.act(BOREALIS, &id, Act::Decline { reason: code("no_capacity"), text: say(""), suggest: None }).await;
    federation.settle().await;
    for (who, way) in [(AMAL, Way::Out), (BOREALIS, Way::In)] {
        let reasons = &federation.counted(who).tables[&measure(way, Event::Declined)][&Dimension::Reason];
        assert_eq!(reasons, &BTreeMap::from([("no_capacity".to_owned(), 1)]));
    }
}

#[tokio::test]
async fn a_case_that_was_passed_on_is_counted_by_whoever_solved_it() {
    let federation = Federation::of(3).await;
    let id = federation.handed_onward().await;
    let mut on = case(&["cedar"]);
    on.parent = Some(id.to_string());
    let child = federation.refer(BOREALIS, on).await;
    federation.settle().await;
    federation.act(CEDAR, &child, Act::Ack).await;
    federation.act(CEDAR, &child, Act::Accept { start: None, text: String::new() }).await;
    federation.settle().await;
    for (who, id) in [(CEDAR, &child), (BOREALIS, &id)] {
        federation.act(who, id, Act::Resolve { outcomes: codes_of("account_recovered"), text: String::new() }).await;
        federation.settle().await;
    }
    let cases = federation.everyone().map(|who| total(&federation.counted(who), Way::In, Event::Case)).collect::<Vec<_>>();
    assert_eq!(cases, [0, 0, 1]);
}

#[tokio::test]
async fn few_cases_are_published_as_none_and_only_by_the_month() {
    let federation = Federation::of(2).await;
    federation.solved(true).await;
    let node = federation.node(BOREALIS);
    let StatisticsView { counted, published, least, .. } = node.statistics(None, true).unwrap();
    assert_eq!((counted, least), (None, Some(5)));
    assert_eq!(serde_json::to_value(published.unwrap()).unwrap()["totals"], serde_json::json!({}));
    let error = node.statistics(Some("2026-W48".parse().unwrap()), true).unwrap_err();
    assert_eq!(error.detail(), "`2026-W48` is no month, and months alone are published");
}

fn of_period(federation: &Federation, who: Who, period: Period) -> StatisticsView {
    federation.node(who).statistics(Some(period), false).unwrap()
}

#[tokio::test]
async fn who_comes_back_is_told_by_the_subject_that_one_partner_knows_and_no_other() {
    let federation = Federation::of(3).await;
    let first = federation.refer(AMAL, case(&["borealis"])).await;
    federation.settle().await;
    let mut again = case(&["borealis", "cedar"]);
    again.earlier = Some(first.to_string());
    let second = federation.refer(AMAL, again).await;
    federation.settle().await;
    let stranger = federation.refer(AMAL, case(&["borealis"])).await;
    federation.settle().await;
    let subject = |who: Who, id: &ReferralId| federation.node(who).referral_named_view(&id.to_string()).unwrap().offer.unwrap().subject;
    assert_eq!(subject(BOREALIS, &first), subject(BOREALIS, &second));
    assert_ne!(subject(BOREALIS, &first), subject(BOREALIS, &stranger));
    let table =
        |who: Who, way: Way, dimension: Dimension| federation.counted(who).tables[&measure(way, Event::Offered)][&dimension].clone();
    let of = |all: &[(&str, u64)]| all.iter().map(|(code, n)| ((*code).to_owned(), *n)).collect::<BTreeMap<_, _>>();
    assert_eq!(table(BOREALIS, Way::In, Dimension::Person), of(&[("new", 2), ("returning", 1)]));
    assert_eq!(table(CEDAR, Way::In, Dimension::Person), of(&[("new", 1)]), "cedar has heard of nobody");
    assert_eq!(table(AMAL, Way::Out, Dimension::Person), of(&[("new", 3), ("returning", 1)]));
    assert_eq!(table(AMAL, Way::Out, Dimension::Partner), of(&[("none_before", 2), ("under_5_before", 2)]));
}

#[tokio::test]
async fn a_case_that_came_after_an_alert_or_by_a_platform_is_counted_by_its_source() {
    let federation = Federation::of(2).await;
    for kind in ["alert", "platform_referral", "organisation"] {
        let mut request = case(&["borealis"]);
        request.offer.requester_kind = code(kind);
        request.offer.platforms = vec![code("facebook")];
        request.offer.languages = vec![watchfire::model::referral::Language { tag: "ar-EG".into(), level: None }];
        federation.refer(AMAL, request).await;
    }
    federation.settle().await;
    let offered = federation.counted(AMAL).tables[&measure(Way::Out, Event::Offered)].clone();
    let one = |text: &str| (text.to_owned(), 1);
    assert_eq!(offered[&Dimension::Source], BTreeMap::from([one("alert"), one("direct"), one("platform_referral")]));
    assert_eq!(offered[&Dimension::Platform], BTreeMap::from([("facebook".to_owned(), 3)]));
    assert_eq!(offered[&Dimension::Language], BTreeMap::from([("ar".to_owned(), 3)]));
}

#[tokio::test]
async fn each_clock_is_counted_in_time_or_late_once_whatever_is_restarted() {
    let mut federation = Federation::of(2).await;
    let mut emergency = case(&["borealis"]);
    emergency.offer.priority = watchfire::model::referral::Priority::Emergency;
    let late = federation.refer(AMAL, emergency.clone()).await;
    federation.settle().await;
    federation.pass(61 * 60_000).await;
    for who in [AMAL, BOREALIS] {
        let rungs =
            || federation.node(who).timers(Some(&late.to_string())).unwrap().iter().map(|timer| timer.recorded.len()).sum::<usize>();
        federation.until("the first rung is reached", || rungs() > 0).await;
    }
    let timely = federation.refer(AMAL, emergency).await;
    federation.settle().await;
    for id in [&late, &timely] {
        federation.act(BOREALIS, id, Act::Ack).await;
    }
    federation.settle().await;
    for who in [AMAL, BOREALIS] {
        federation.restart(who).await;
    }
    federation.settle().await;
    for (who, way) in [(AMAL, Way::Out), (BOREALIS, Way::In)] {
        federation.node(who).react_to_all().await.unwrap();
        let view = federation.node(who).statistics(None, false).unwrap();
        let counted = view.counted.unwrap();
        let of = |event| total(&counted, way, event);
        assert_eq!((of(Event::Acknowledged), of(Event::TimelyAcknowledgement), of(Event::LateAcknowledgement)), (2, 1, 1), "{who:?}");
        let share = &view.shares[&format!("{}.in_time_acknowledgement", way.name())];
        assert_eq!((share.of, share.percent), (2, 50));
    }
}

#[tokio::test]
async fn a_case_that_went_further_counts_once_whether_to_a_partner_or_a_platform() {
    let federation = Federation::of(3).await;
    let id = federation.handed_onward().await;
    let ask = || PlatformRequest { platform: code("facebook"), channel: code("partner_portal"), references: Vec::new() };
    for _ in 0..2 {
        federation.node(BOREALIS).open_platform(&id.to_string(), ask(), By::default()).await.unwrap();
    }
    federation.settle().await;
    let mut on = case(&["cedar"]);
    on.parent = Some(id.to_string());
    federation.refer(BOREALIS, on).await;
    federation.settle().await;
    let untouched = federation.handed_onward().await;
    let view = federation.node(BOREALIS).statistics(None, false).unwrap();
    let counted = view.counted.unwrap();
    assert_eq!((total(&counted, Way::In, Event::Escalated), total(&counted, Way::In, Event::HandedOver)), (1, 2), "{untouched}");
    assert_eq!(view.shares["in.escalated_out"].percent, 50);
    assert_eq!(view.platforms[&Dimension::Region]["middle_east_north_africa"].asked, 2);
}

#[tokio::test]
async fn how_much_of_what_was_withdrawn_is_destroyed_is_known() {
    let federation = Federation::of(3).await;
    let gone = federation.refer(AMAL, case(&["borealis"])).await;
    let unheard = federation.refer(AMAL, case(&["cedar"])).await;
    federation.settle().await;
    federation.cut(AMAL, CEDAR);
    for id in [&gone, &unheard] {
        federation.act(AMAL, id, Act::Withdraw { revoked: false }).await;
    }
    federation.settle().await;
    federation.until("it is destroyed at borealis", || total(&federation.counted(AMAL), Way::Out, Event::Purged) == 1).await;
    let share = || federation.node(AMAL).statistics(None, false).unwrap().shares["out.purge_confirmed"].clone();
    assert_eq!((share().of, share().percent), (2, 50));
    federation.heal(AMAL, CEDAR);
    federation.settle().await;
    federation.until("it is destroyed at cedar", || share().percent == 100).await;
}

#[tokio::test]
async fn indicators_are_counted_once_however_often_they_are_said_sent_and_read() {
    let mut federation = Federation::of(3).await;
    const LURE: &str = "counted-lure.com";
    for value in [LURE, "counted-other.com"] {
        federation.share(AMAL, value, Tlp::Amber, "borealis").await;
    }
    federation.share(AMAL, LURE, Tlp::Amber, "cedar").await;
    federation.share(AMAL, LURE, Tlp::Amber, "borealis").await;
    federation.settle().await;
    federation.share(BOREALIS, LURE, Tlp::Amber, "amal").await;
    federation.settle().await;
    let of = |federation: &Federation, who: Who| {
        let counted = federation.counted(who);
        [Way::Out, Way::In]
            .map(|way| [Event::Indicator, Event::IndicatorSighted, Event::IndicatorFalse].map(|event| total(&counted, way, event)))
    };
    assert_eq!(of(&federation, AMAL), [[2, 0, 0], [1, 1, 0]]);
    assert_eq!(of(&federation, BOREALIS), [[1, 1, 0], [2, 0, 0]]);
    assert_eq!(of(&federation, CEDAR), [[0, 0, 0], [1, 0, 0]]);
    federation.node(AMAL).withdraw("counted-other.com", "the domain has a new owner").await.unwrap();
    for _ in 0..2 {
        federation.node(AMAL).withdraw(LURE, "false positive: a test page").await.unwrap();
    }
    federation.settle().await;
    let wanted = [[[2, 0, 1], [1, 1, 0]], [[1, 1, 0], [2, 0, 1]], [[0, 0, 0], [1, 0, 1]]];
    let all = |federation: &Federation| [AMAL, BOREALIS, CEDAR].map(|who| of(federation, who));
    assert_eq!(all(&federation), wanted);
    for who in [AMAL, BOREALIS, CEDAR] {
        federation.restart(who).await;
    }
    federation.settle().await;
    assert_eq!(all(&federation), wanted);
    let period = federation.node(AMAL).statistics(None, false).unwrap().period;
    federation.pass(400 * 86_400_000).await;
    for who in [AMAL, BOREALIS, CEDAR] {
        federation.node(who).expire().await.unwrap();
        let counted = of_period(&federation, who, period).counted.unwrap();
        assert_eq!(total(&counted, Way::In, Event::Indicator), [1, 2, 1][who.0], "the bodies are gone, and the numbers stay");
    }
}

#[tokio::test]
async fn nothing_that_a_peer_made_up_stays_of_a_referral_when_its_text_is_destroyed() {
    let mut federation = Federation::with(2, |_, config| config.referral.retention_days = 1).await;
    let made_up = ["call-lina-grellock-at-home", "or_her_brother"].map(code);
    for (who, name) in [(BOREALIS, "incident-type"), (AMAL, "platform")] {
        let mut list = federation.node(who).vocabularies.get(name).unwrap().clone();
        list.version = "of-its-own-1".into();
        list.entries.retain(|entry| entry.code != code("account_compromise"));
        let like = list.entries[0].clone();
        list.entries.extend(made_up.iter().filter(|_| who == AMAL).map(|code| Entry { code: code.clone(), ..like.clone() }));
        let rules = federation.data(who).join("vocabularies");
        std::fs::create_dir_all(&rules).unwrap();
        std::fs::write(rules.join(format!("{name}.toml")), toml::to_string(&list).unwrap()).unwrap();
        federation.restart(who).await;
    }
    federation.pair(AMAL, BOREALIS).await;
    federation.settle().await;
    let mut request = case(&["borealis"]);
    request.offer.platforms = [code("facebook")].into_iter().chain(made_up.clone()).collect();
    let id = federation.refer(AMAL, request).await;
    federation.settle().await;
    let view = |federation: &Federation| federation.node(BOREALIS).referral_named_view(&id.to_string()).unwrap();
    assert_eq!(view(&federation).offer.unwrap().platforms[1], made_up[0], "it is shown as it is while it is here");
    federation.act(BOREALIS, &id, Act::Ack).await;
    federation.act(BOREALIS, &id, Act::Decline { reason: code("no_capacity"), text: say(""), suggest: None }).await;
    federation.settle().await;
    federation.until_upkeep("it is destroyed", || view(&federation).offer.is_none()).await;
    let left = view(&federation).skeleton;
    assert_eq!(left.platforms, vec![code("facebook"), code("unlisted")]);
    assert_eq!(left.incident_types, vec![code("unlisted")], "no list here has it");
    assert_eq!(left.region, Some(code("middle_east_north_africa")));
    assert_eq!(left.reason, Some(code("no_capacity")));
    let kept = serde_json::to_string(&left).unwrap() + &serde_json::to_string(&federation.counted(BOREALIS)).unwrap();
    assert!(!kept.contains("grellock") && !kept.contains("brother"), "{kept}");
}

#[tokio::test]
async fn a_link_that_is_cut_again_and_again_counts_nothing_twice() {
    let totals = |federation: &Federation| [AMAL, BOREALIS].map(|who| federation.counted(who).totals);
    let quiet = Federation::of(2).await;
    quiet.solved(true).await;
    let federation = Federation::of(2).await;
    for round in 0..8 {
        // Some of these end within the handshake, some between a batch and its acknowledgement.
        federation.net.cut_after(AMAL, BOREALIS, (0..3).map(|n| 9_000 + 1_700 * (round * 3 + n)));
        federation.cut(AMAL, BOREALIS);
        federation.heal(AMAL, BOREALIS);
        federation.settle().await;
        if round == 0 {
            federation.solved(true).await;
        }
    }
    assert!(federation.net.cuts_made() > 0, "nothing was cut, so this proves nothing");
    assert_eq!(totals(&federation), totals(&quiet));
}
