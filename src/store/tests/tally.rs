use super::*;
use crate::model::record::WithdrawalMode;
use crate::rules::statistics::{Event, Measure, Period, Way};
use crate::store::change::Shelf;
use std::collections::BTreeMap;

/// What was counted of indicators: said and come, of those seen, and of those false.
fn counted(home: &Home) -> [[u64; 3]; 2] {
    let [month, week] = Period::of(NOW).map(|period| {
        let bytes = home.read().kept(Shelf::Tally, &period.id()).unwrap();
        bytes.map(|bytes| serde_json::from_slice::<BTreeMap<Measure, u64>>(&bytes).unwrap()).unwrap_or_default()
    });
    assert_eq!(month, week);
    let of = |way, event| month.get(&Measure { way, event }).copied().unwrap_or_default();
    [Way::Out, Way::In].map(|way| [Event::Indicator, Event::IndicatorSighted, Event::IndicatorFalse].map(|event| of(way, event)))
}

#[test]
fn an_indicator_counts_once_whatever_is_said_sent_or_taken_back_again() {
    let mut home = Home::new();
    for audience in [TO_PEER, GROUP] {
        home.release(audience, &["evil.example", "evil.example"]);
        home.append(audience);
        home.release(audience, &["evil.example"]);
    }
    assert_eq!(counted(&home), [[1, 0, 0], [0, 0, 0]]);
    let (mut log, mut other) = (Authored::by(PEER, TO_US), Authored::by(OTHER, TO_US));
    let (batch, entries) = log.indicators(&["lure.example", "evil.example"]);
    home.receive(&log, &batch, entries.clone());
    let _ = home.try_commit(log.receive(&batch, entries));
    assert_eq!(counted(&home), [[1, 0, 0], [2, 1, 0]], "the batch came twice");
    let (batch, entries) = other.indicators(&["lure.example", "new.example"]);
    home.receive(&other, &batch, entries);
    assert_eq!(counted(&home), [[1, 0, 0], [4, 2, 0]]);
    home.reopen();
    let take_back = |log, seq, reason: &str| Change::TakeBack {
        log,
        seqs: vec![seq],
        mode: WithdrawalMode::Withdraw,
        reason: reason.into(),
        at: NOW,
        bars: true,
    };
    let ours = [TO_PEER, GROUP].map(|audience| LogKey { author: US, audience, incarnation: 1 }.id());
    home.commit(take_back(ours[0], 1, "A false positive"));
    assert_eq!(counted(&home)[0], [1, 0, 0], "the group has it still");
    for log in [ours[1], ours[1], ours[0]] {
        home.commit(take_back(log, 1, "false positive: a test page"));
    }
    home.commit(take_back(log.id(), 1, "false positive"));
    home.commit(take_back(other.id(), 1, "the domain has a new owner"));
    assert_eq!(counted(&home), [[1, 0, 1], [4, 2, 1]]);
}

#[test]
fn a_damaged_count_keeps_nothing_out_and_goes_on_with_the_next_period() {
    let home = Home::new();
    home.release(GROUP, &["one.example"]);
    let [month, week] = Period::of(NOW);
    home.commit(Change::Keep { shelf: Shelf::Tally, id: month.id(), row: Some(b"{damaged".to_vec()) });
    assert_eq!(home.release(GROUP, &["two.example"]), [ReleaseOutcome::NEWS]);
    assert_eq!(home.values("two.example"), ["two.example"]);
    let kept = |period: Period| home.read().kept(Shelf::Tally, &period.id()).unwrap().unwrap();
    assert_eq!(kept(month), b"{damaged", "what may still be read of it stays");
    let counted = |period| serde_json::from_slice::<BTreeMap<Measure, u64>>(&kept(period)).unwrap();
    let said = Measure { way: Way::Out, event: Event::Indicator };
    assert_eq!(counted(week), BTreeMap::from([(said, 2)]));
    let later = NOW.plus(40 * 86_400_000);
    let (audience, items) = (GROUP, vec![item(GROUP, indicator("three.example"))]);
    home.commit(Change::Release { audience, items, disclosures: vec![disclosure(GROUP)], at: later });
    assert_eq!(Period::of(later).map(counted), [BTreeMap::from([(said, 1)]), BTreeMap::from([(said, 1)])]);
}
