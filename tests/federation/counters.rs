//! Statistics: counted once, at whoever owns the outcome, and the same after the purge.

use crate::harness::*;
use crate::referrals::{case, code, codes_of, say};
use std::collections::BTreeMap;
use watchfire::node::referral::Act;
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
    let mut request = case(&["borealis"]);
    request.offer.consent.onward = true;
    let id = federation.refer(AMAL, request).await;
    federation.settle().await;
    federation.act(BOREALIS, &id, Act::Ack).await;
    federation.act(BOREALIS, &id, Act::Accept { start: None, text: String::new() }).await;
    federation.settle().await;
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
