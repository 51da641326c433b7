use super::*;
use crate::campaign::{Campaign, Dice};
use crate::model::Timestamp;
use crate::rules::escalate::Wait;
use crate::rules::referral::{Message, Progress, Side, Step, standing};
use std::collections::BTreeMap;

type Table = BTreeMap<String, u64>;
type Two = BTreeMap<String, Table>;

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

#[test]
fn a_moment_lies_in_a_month_and_a_week_and_periods_are_sums_of_months() {
    let text = |moment| Period::of(at(moment)).map(|period| period.to_string());
    assert_eq!(text("2026-11-27"), ["2026-11", "2026-W48"]);
    assert_eq!(text("2027-01-01"), ["2027-01", "2026-W53"], "ISO 8601 has its own years");
    let parts = |text: &str| text.parse::<Period>().map(|period| period.parts().iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(parts("2026-Q4").as_deref(), Ok(&["2026-10".to_owned(), "2026-11".into(), "2026-12".into()][..]));
    assert_eq!(parts("2026").map(|parts| parts.len()), Ok(12));
    for bad in ["", "2026-13", "2026-W54", "2025-W53", "2026-Q5", "26-11", "2026-1", "1969", "2026-11-27", "2026-+1"] {
        assert!(bad.parse::<Period>().is_err(), "{bad}");
    }
}

#[test]
fn only_months_are_published() {
    let published = |text: &str| text.parse::<Period>().expect("a period").is_published();
    assert!(published("2026-11"));
    assert!(!published("2026-W48") && !published("2026-Q4") && !published("2026"));
}

/// A conversation: each message with its side, how many of the other's it has seen, and when it was, in minutes.
fn told(messages: &[(Side, u64, Step, u64)]) -> (crate::rules::referral::Standing, Vec<Done>, Vec<Done>) {
    let of = |side| messages.iter().filter(move |message| message.0 == side);
    let rules = |side| of(side).map(|(_, seen, step, _)| Message { seen: *seen, step: *step }).collect::<Vec<_>>();
    let done = |side| of(side).map(|(_, _, step, at)| Done { step: *step, at: Timestamp(at * 60_000) }).collect();
    (standing(&rules(Side::Origin), &rules(Side::Receiver)), done(Side::Origin), done(Side::Receiver))
}

const O: Side = Side::Origin;
const R: Side = Side::Receiver;

fn a_life() -> Vec<(Side, u64, Step, u64)> {
    vec![
        (O, 0, Step::Offer, 0),
        (R, 1, Step::Receipt, 1),
        (R, 1, Step::Acknowledge, 30),
        // Too early: it moves nothing and is not counted.
        (R, 1, Step::Progress(Progress::Working), 40),
        (R, 1, Step::Accept, 60),
        (O, 4, Step::Confirm(4), 61),
        (R, 2, Step::Progress(Progress::WaitingPlatform), 121),
        (R, 2, Step::Resolve, 240),
    ]
}

fn names(side: Side, messages: &[(Side, u64, Step, u64)], with_another: bool, referred_on: bool) -> Vec<String> {
    let around = Around { with_another, referred_on, platform_asked: false };
    let (standing, origin, receiver) = told(messages);
    facts(side, &standing, &origin, &receiver, around).iter().map(|fact| fact.measure.to_string()).collect()
}

#[test]
fn a_case_counts_once_at_whoever_owned_its_outcome() {
    let has = |names: &[String], name: &str| names.iter().any(|there| there == name);
    let (out, here) = (names(O, &a_life(), false, false), names(R, &a_life(), false, false));
    assert!(has(&here, "in.case") && !has(&out, "out.case") && has(&out, "out.handed_over"), "{here:?} {out:?}");
    assert!(!has(&names(R, &a_life(), true, false), "in.case"), "another owns its outcome");
    assert!(!has(&names(R, &a_life(), false, true), "in.case"), "its outcome is that it was referred on");
}

#[test]
fn times_are_from_the_offer_and_work_begins_after_the_hand_over() {
    let (standing, origin, receiver) = told(&a_life());
    let all = facts(R, &standing, &origin, &receiver, Around::default());
    let took: Vec<_> = all.iter().filter_map(|fact| fact.took.map(|(span, ms)| (span, ms / 60_000))).collect();
    let wanted =
        [(Span::Receipt, 1), (Span::Acknowledgement, 30), (Span::Acceptance, 60), (Span::FirstAction, 60), (Span::Resolution, 240)];
    assert_eq!(took, wanted);
}

#[test]
fn what_was_counted_stays_whatever_is_said_afterwards() {
    let life = a_life();
    for many in 0..life.len() {
        let (before, after) = (names(R, &life[..many], false, false), names(R, &life[..=many], false, false));
        assert!(before.iter().all(|name| after.contains(name)), "{before:?} {after:?}");
    }
}

#[test]
fn a_case_in_our_hands_went_further_when_it_was_passed_on_or_a_platform_was_asked() {
    let (standing, origin, receiver) = told(&a_life());
    let further = |side, platform_asked| {
        let all = facts(side, &standing, &origin, &receiver, Around { platform_asked, ..Around::default() });
        all.iter().find(|fact| fact.measure.event == Event::Escalated).map(|fact| fact.at.0 / 60_000)
    };
    assert_eq!(further(R, true), Some(61), "in the period of the hand-over, of which it is a share");
    assert_eq!((further(R, false), further(O, true)), (None, None));
    let mut life = a_life();
    life.insert(7, (R, 2, Step::PassOn, 130));
    assert!(names(R, &life, false, false).contains(&"in.escalated".into()));
}

#[test]
fn each_clock_was_in_time_or_late_and_never_both() {
    let (standing, origin, receiver) = told(&a_life());
    for side in [O, R] {
        let all = facts(side, &standing, &origin, &receiver, Around::default());
        for late in Event::CLOCKS.map(|(wait, ..)| wait) {
            let kept = in_time(side, &all, &BTreeMap::from([(late, Timestamp(7))]));
            for (wait, is_late, is_timely) in Event::CLOCKS {
                let has = |event: Event| kept.iter().filter(|fact| fact.measure.event == event).count();
                let wanted = match (wait, side) {
                    (Wait::Receipt, Side::Receiver) => (0, 0),
                    _ => (usize::from(wait == late), usize::from(wait != late)),
                };
                assert_eq!((has(is_late), has(is_timely)), wanted, "{side:?} {wait:?}");
            }
        }
    }
    let (standing, origin, receiver) = told(&a_life()[..1]);
    let all = facts(O, &standing, &origin, &receiver, Around::default());
    assert!(in_time(O, &all, &BTreeMap::new()).is_empty(), "nothing has come in time yet");
}

#[test]
fn what_was_withdrawn_and_destroyed_counts_where_it_was_withdrawn() {
    let mut life = vec![(O, 0, Step::Offer, 0), (R, 1, Step::Receipt, 1), (O, 1, Step::Withdraw, 60)];
    let has = |life: &[_]| names(O, life, false, false).contains(&"out.withdrawn_purged".into());
    assert!(!has(&life), "it was not said to be destroyed");
    life.push((R, 2, Step::Purge, 50_000));
    assert!(has(&life));
    let (standing, origin, receiver) = told(&life);
    let all = facts(O, &standing, &origin, &receiver, Around::default());
    assert!(all.iter().any(|fact| fact.measure.event == Event::WithdrawnPurged && fact.at.0 == 60 * 60_000));
}

#[test]
fn a_percentile_is_the_bound_within_which_they_stayed() {
    let mut times = Histogram::default();
    assert_eq!(times.within_ms(50), None);
    (0..9).for_each(|_| times.add(60_000));
    times.add(3 * 3_600_000);
    assert_eq!((times.within_ms(50), times.within_ms(90), times.within_ms(91)), (Some(60_000), Some(60_000), Some(4 * 3_600_000)));
    let mut long = Histogram::default();
    long.add(u64::MAX);
    assert_eq!((long.count(), long.within_ms(50)), (1, None));
}

fn code(text: &str) -> crate::model::vocabulary::Code {
    text.parse().expect("a code")
}

fn a_case(region: &str, types: &[&str]) -> Codes {
    let types: Vec<_> = types.iter().map(|text| code(text)).collect();
    Codes::default()
        .with(Dimension::Region, &[code(region)])
        .with(Dimension::IncidentType, &types)
        .with_text(Dimension::Priority, "urgent")
        .with(Dimension::Outcome, &[code("advice_given")])
        .with(Dimension::Reason, &[code("no_capacity")])
}

fn fact(event: Event) -> Fact {
    Fact { measure: Measure { way: Way::In, event }, at: Timestamp(0), took: Some((Span::Resolution, 60_000)) }
}

#[test]
fn who_did_not_agree_to_be_counted_counts_in_the_total_alone() {
    let (mut with, mut without) = (Counters::default(), Counters::default());
    with.add(&fact(Event::Case), Some(&a_case("africa", &["malware", "doxxing", "malware"])));
    without.add(&fact(Event::Case), None);
    assert_eq!(with.totals, without.totals);
    assert!(without.tables.is_empty() && without.pairs.is_empty() && without.times.is_empty());
    let table = &with.tables[&fact(Event::Case).measure];
    assert_eq!(table[&Dimension::IncidentType], Table::from([("doxxing".into(), 1), ("malware".into(), 1)]));
    assert!(!table.contains_key(&Dimension::Reason), "a case has no reason");
    assert_eq!(with.pairs[&fact(Event::Case).measure][&0]["africa"].len(), 2);
}

#[test]
fn counters_come_back_as_they_were_written_and_add_up() {
    let mut one = Counters::default();
    one.add(&fact(Event::Offered), Some(&a_case("africa", &["malware"])));
    one.add(&fact(Event::Declined), Some(&a_case("africa", &["malware"])));
    let text = serde_json::to_string(&one).expect("JSON");
    assert_eq!(serde_json::from_str::<Counters>(&text).expect("counters"), one, "{text}");
    let mut both = one.clone();
    both.merge(&one);
    let measure = fact(Event::Offered).measure;
    assert_eq!(
        (both.totals[&measure], both.tables[&measure][&Dimension::Region]["africa"], both.pairs[&measure][&0]["africa"]["malware"]),
        (2, 2, 2)
    );
    assert_eq!(both.times[&Way::In][&Span::Resolution].count(), 4);
}

#[test]
fn a_peer_that_makes_up_codes_does_not_fill_the_counters() {
    let mut counters = Counters::default();
    for n in 0..CELLS_MAX as u64 + 500 {
        counters.add(&fact(Event::Begun), Some(&Codes::default().with_text(Dimension::Platform, &format!("made-up-{n}"))));
    }
    let table = &counters.tables[&fact(Event::Begun).measure][&Dimension::Platform];
    assert_eq!(table.len(), CELLS_MAX + 1);
    assert_eq!(table[UNLISTED], 500);
}

fn table(counts: &[u64]) -> Table {
    counts.iter().enumerate().map(|(place, n)| (format!("c{place}"), *n)).collect()
}

#[test]
fn what_is_few_is_hidden_with_as_many_others_as_it_takes() {
    let of = |counts: &[u64]| {
        let row = row(&table(counts), K);
        (row.told.values().copied().collect::<Vec<_>>(), row.together)
    };
    assert_eq!(of(&[20, 9, 7]), (vec![20, 9, 7], None));
    assert_eq!(of(&[20, 9, 2]), (vec![20], Some(11)), "one alone could be reckoned from the total");
    assert_eq!(of(&[20, 4, 3]), (vec![20], Some(7)));
    assert_eq!(of(&[20, 1, 1, 1, 1, 1]), (vec![], Some(25)), "five of one each: their sum would tell that each is one");
    assert_eq!(of(&[3]), (vec![], None));
    assert_eq!(of(&[0, 8]), (vec![8], None));
}

/// Every way to give `sum` to `many` who have at least one each.
fn ways(many: usize, sum: u64) -> Vec<Vec<u64>> {
    if many == 1 {
        return vec![vec![sum]];
    }
    let rest = many as u64 - 1;
    let firsts = 1..=sum.saturating_sub(rest);
    firsts.flat_map(|first| ways(many - 1, sum - first).into_iter().map(move |others| [vec![first], others].concat())).collect()
}

#[test]
fn nobody_reckons_what_a_table_hides() {
    let mut campaign = Campaign::new("statistics-row", "tables", 3_000);
    while let Some(seed) = campaign.next() {
        let mut dice = Dice::new(seed);
        let many = dice.between(1, 6);
        let counts: Vec<u64> = (0..many).map(|_| if dice.one_in(2) { dice.below(6) } else { dice.below(14) }).collect();
        let row = row(&table(&counts), K);
        let total: u64 = counts.iter().sum();
        assert!(row.told.values().chain(&row.together).all(|n| *n >= K), "seed {seed}: {counts:?} {row:?}");
        assert!(row.together.is_none_or(|sum| sum + row.told.values().sum::<u64>() == total), "seed {seed}");
        assert!(row.hidden.is_empty() || row.together.is_some() || row.told.is_empty(), "seed {seed}: the total would tell it: {counts:?}");
        if row.together.is_some_and(|sum| sum < 24) {
            let all = ways(row.hidden.len(), row.together.unwrap_or_default());
            for place in 0..row.hidden.len() {
                let values: std::collections::BTreeSet<u64> = all.iter().map(|way| way[place]).collect();
                assert!(values.len() as u64 >= K, "seed {seed}: {counts:?} could only be {values:?}");
            }
        }
        campaign.reached(1);
    }
}

/// What everybody can see, of a table whose hidden parts are these.
fn seen(two: &Two, rows: &Row, columns: &Row, told: &Pairs) -> Vec<u64> {
    let across = |code: &str| two.get(code).map_or(0, |cells| cells.values().sum());
    let down = |column: &str| two.values().filter_map(|cells| cells.get(column)).sum::<u64>();
    let mut all: Vec<u64> = vec![two.values().flat_map(BTreeMap::values).sum()];
    all.extend(rows.told.keys().map(|code| across(code)));
    all.extend(columns.told.keys().map(|column| down(column)));
    let mut cells = Two::new();
    for (code, row) in two {
        let code = if told.told.contains_key(code) { code.as_str() } else { "together" };
        for (column, n) in row {
            let column = if columns.hidden.contains(column) { "together" } else { column };
            *cells.entry(code.into()).or_default().entry(column.into()).or_default() += n;
        }
    }
    if !told.told.is_empty() {
        all.extend(cells.values().flat_map(BTreeMap::values));
    }
    all
}

#[test]
fn nobody_reckons_what_a_two_way_table_hides() {
    let mut campaign = Campaign::new("statistics-pairs", "tables", 3_000);
    while let Some(seed) = campaign.next() {
        let mut dice = Dice::new(seed);
        let (high, wide) = (dice.between(1, 5), dice.between(1, 5));
        let mut value = || if dice.one_in(3) { dice.below(5) } else { dice.between(5, 12) };
        let two: Two =
            (0..high).map(|code| (format!("r{code}"), (0..wide).map(|column| (format!("c{column}"), value())).collect())).collect();
        let across: Table = two.iter().map(|(code, cells)| (code.clone(), cells.values().sum())).collect();
        let mut down = Table::new();
        two.values().flatten().for_each(|(column, n)| *down.entry(column.clone()).or_default() += n);
        let (rows, columns) = (row(&across, K), row(&down, K));
        let told = pairs(&two, &rows, &columns, K);
        assert!(told.told.values().flat_map(BTreeMap::values).all(|n| *n >= K), "seed {seed}: {two:?} {told:?}");
        let before = seen(&two, &rows, &columns, &told);
        let small = two.iter().flat_map(|(code, cells)| cells.iter().map(move |(column, n)| (code, column, *n)));
        for (code, column, n) in small.filter(|(.., n)| *n > 0 && *n < K) {
            // Another table that looks the same and has another number there.
            let moved = |other: &str, beside: &str, up: bool| {
                let mut changed = two.clone();
                let places = [
                    (code.as_str(), column.as_str(), up),
                    (other, beside, up),
                    (other, column.as_str(), !up),
                    (code.as_str(), beside, !up),
                ];
                for (code, column, up) in places {
                    let cell = changed.get_mut(code)?.get_mut(column)?;
                    *cell = if up { *cell + 1 } else { cell.checked_sub(1)? };
                }
                let is_other = changed[code][column] != n;
                (is_other && seen(&changed, &rows, &columns, &told) == before).then_some(())
            };
            let shifted = |to: (&str, &str), up: bool| {
                let mut changed = two.clone();
                for (place, up) in [((code.as_str(), column.as_str()), up), (to, !up)] {
                    let cell = changed.get_mut(place.0)?.get_mut(place.1)?;
                    *cell = if up { *cell + 1 } else { cell.checked_sub(1)? };
                }
                (changed != two && seen(&changed, &rows, &columns, &told) == before).then_some(())
            };
            let mut others = two.keys().flat_map(|other| down.keys().map(move |beside| (other, beside)));
            let hides = others.any(|(other, beside)| {
                [true, false].into_iter().any(|up| moved(other, beside, up).or_else(|| shifted((other, beside), up)).is_some())
            });
            // A table whose one row or column is all there is tells no more than the other, which says itself whether it may.
            assert!(
                hides || across.values().sum::<u64>() < K,
                "seed {seed}: {n} at {code}, {column} of {two:?}\n{rows:?}\n{columns:?}\n{told:?}"
            );
        }
        campaign.reached(1);
    }
}

#[test]
fn what_is_published_is_rounded_to_five_and_never_below_k() {
    let mut counters = Counters::default();
    for _ in 0..13 {
        counters.add(&fact(Event::Case), Some(&a_case("africa", &["malware"])));
    }
    for _ in 0..2 {
        counters.add(&fact(Event::Case), Some(&a_case("europe", &["doxxing"])));
    }
    (0..4).for_each(|_| counters.add(&fact(Event::Declined), Some(&a_case("africa", &["malware"]))));
    let all = published(&counters, K);
    assert_eq!(all.totals, BTreeMap::from([(fact(Event::Case).measure, 15)]));
    let regions = &all.tables[&fact(Event::Case).measure][&Dimension::Region];
    assert_eq!((regions.told.len(), regions.together), (0, Some(15)));
    let text = serde_json::to_string(&all).expect("JSON");
    assert!(!text.contains("europe") && !text.contains("doxxing") && !text.contains("no_capacity"), "{text}");
    assert_eq!([0, 2, 3, 7, 8, 12, 13].map(rounded), [0, 0, 5, 5, 10, 10, 15]);
}

/// Answers of one platform in one region, so many of so many.
fn platforms(cells: &[(&str, u64, u64)]) -> Counters {
    let mut counters = Counters::default();
    let (way, at) = (Way::Out, Timestamp(0));
    for (platform, asked, answered) in cells {
        let codes = Codes::default().with(Dimension::Platform, &[code(platform)]).with(Dimension::Region, &[code("africa")]);
        for n in 0..*asked {
            counters.add(&Fact { measure: Measure { way, event: Event::PlatformAsked }, at, took: None }, Some(&codes));
            if n < *answered {
                let took = Some((Span::PlatformAnswer, (n + 1) * 86_400_000));
                counters.add(&Fact { measure: Measure { way, event: Event::PlatformAnswered }, at, took }, Some(&codes));
            }
        }
    }
    counters
}

#[test]
fn how_platforms_answer_is_known_here_and_told_where_it_tells_of_nobody() {
    let counters = platforms(&[("facebook", 20, 12), ("telegram", 20, 18), ("x", 8, 0), ("tiktok", 3, 3), ("viber", 6, 6)]);
    let here = answers(&counters, Dimension::Platform);
    assert_eq!((here["telegram"].asked, here["telegram"].answered_percent), (20, Some(90)));
    assert_eq!(here["facebook"].within_ms, Some([Some(7 * 86_400_000), Some(14 * 86_400_000)]));
    let told = published(&counters, K).platforms;
    let by = &told[&Dimension::Platform];
    assert_eq!(by.keys().collect::<Vec<_>>(), ["facebook", "telegram", "x"], "three are few, and six with them");
    assert_eq!((by["facebook"].asked, by["facebook"].answered_percent), (20, Some(60)));
    assert_eq!((by["telegram"].answered_percent, by["telegram"].within_ms), (None, None), "two were not answered");
    assert_eq!((by["x"].asked, by["x"].answered_percent), (10, Some(0)));
    assert_eq!(told[&Dimension::Region]["africa"].asked, 55);
    let totals: Vec<String> = published(&counters, K).totals.keys().map(ToString::to_string).collect();
    assert_eq!(totals, ["out.platform_asked"]);
}

#[test]
fn nobody_reckons_from_answers_what_few_were_told() {
    let mut campaign = Campaign::new("statistics-answers", "tables", 1_000);
    while let Some(seed) = campaign.next() {
        let mut dice = Dice::new(seed);
        let cells: Vec<(String, u64, u64)> = (0..dice.between(1, 6))
            .map(|n| {
                let asked = dice.between(1, 15);
                (format!("p{n}"), asked, dice.below(asked + 1))
            })
            .collect();
        let cells: Vec<(&str, u64, u64)> = cells.iter().map(|(code, asked, answered)| (code.as_str(), *asked, *answered)).collect();
        let told = published(&platforms(&cells), K).platforms.remove(&Dimension::Platform).unwrap_or_default();
        for (code, asked, answered) in &cells {
            let few = |n: u64| n > 0 && n < K;
            let Some(one) = told.get(*code) else { continue };
            assert!(*asked >= K, "seed {seed}: {cells:?}");
            let is_hidden = few(*answered) || few(asked - answered);
            assert_eq!(one.answered_percent.is_none(), is_hidden, "seed {seed}: {cells:?}");
            assert!(one.within_ms.is_none() || !is_hidden && *answered >= K, "seed {seed}: {cells:?}");
        }
        let hidden = cells.iter().filter(|(code, ..)| !told.contains_key(*code)).count();
        assert!(hidden != 1 || told.is_empty(), "seed {seed}: the total would tell it: {cells:?}");
        campaign.reached(1);
    }
}

/// Totals of these, each so often.
fn totals(all: &[(Way, Event, u64)]) -> Counters {
    let of = |(way, event, n): &(Way, Event, u64)| (Measure { way: *way, event: *event }, *n);
    Counters::of(all.iter().map(of).collect())
}

#[test]
fn shares_are_known_here_and_told_where_they_tell_of_nobody() {
    let (way, out) = (Way::In, Way::Out);
    let counters = totals(&[
        (way, Event::HandedOver, 21),
        (way, Event::Escalated, 7),
        (way, Event::TimelyDecision, 18),
        (way, Event::LateDecision, 3),
        (way, Event::Accepted, 4),
        (out, Event::Withdrawn, 6),
        (out, Event::WithdrawnPurged, 6),
        (out, Event::TimelyReceipt, 2),
    ]);
    let here = shares(&counters);
    let of = |name: &str| here.get(name).map(|share| (share.of, share.percent));
    assert_eq!((of("in.escalated_out"), of("in.in_time_decision"), of("in.accepted")), (Some((21, 33)), Some((21, 85)), Some((4, 100))));
    assert_eq!((of("out.purge_confirmed"), of("out.in_time_receipt"), of("out.accepted")), (Some((6, 100)), Some((2, 100)), None));
    let told = published(&counters, K);
    assert_eq!(told.shares.keys().collect::<Vec<_>>(), ["in.escalated_out", "out.purge_confirmed"], "three were late, and four are few");
    assert_eq!(told.shares["in.escalated_out"], Share { of: 20, percent: 30 });
    let names: Vec<String> = told.totals.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["in.handed_over", "out.withdrawn"], "a part is told as a share alone");
}

#[test]
fn nobody_reckons_from_a_share_what_few_were_told() {
    let mut campaign = Campaign::new("statistics-shares", "tables", 3_000);
    while let Some(seed) = campaign.next() {
        let mut dice = Dice::new(seed);
        let all: Vec<(Way, Event, u64)> =
            Event::ALL.into_iter().flat_map(|event| [Way::In, Way::Out].map(|way| (way, event, dice.below(13)))).collect();
        let counters = totals(&all);
        let told = published(&counters, K);
        let few = |n: u64| n > 0 && n < K;
        let count = |way: Way, event: Event| counters.totals[&Measure { way, event }];
        assert!(
            told.totals.iter().all(|(measure, n)| !measure.event.is_a_part() && count(measure.way, measure.event) >= K && n % 5 == 0),
            "seed {seed}"
        );
        for way in [Way::In, Way::Out] {
            let of = |event| count(way, event);
            let clocks = Event::CLOCKS.map(|(wait, late, timely)| (format!("in_time_{}", wait.name()), of(timely), of(late)));
            let rest = |part, whole| of(whole).saturating_sub(of(part));
            let others = [
                ("accepted".to_owned(), of(Event::Accepted), of(Event::Declined)),
                ("escalated_out".into(), of(Event::Escalated), rest(Event::Escalated, Event::HandedOver)),
                ("purge_confirmed".into(), of(Event::WithdrawnPurged), rest(Event::WithdrawnPurged, Event::Withdrawn)),
            ];
            for (name, part, lacks) in clocks.into_iter().chain(others) {
                let Some(share) = told.shares.get(&format!("{}.{name}", way.name())) else { continue };
                assert!(!few(part) && !few(lacks), "seed {seed}: {name} tells of {part} and {lacks}");
                assert!(
                    share.of >= K && share.of % 5 == 0 && share.percent % 10 == 0,
                    "seed {seed}: {name} is told too exactly: {share:?}"
                );
            }
        }
        campaign.reached(1);
    }
}
