//! What time does: certificates renew, keys rotate, records expire.

use crate::harness::*;
use watchfire::config::Config;
use watchfire::link::links::Links;
use watchfire::model::log::Body;
use watchfire::model::{Ceiling, Tlp};
use watchfire::node::view::{ExportFormat, ExportRequest};
use watchfire::node::{Node, NodeError};
use watchfire::rules::label::Held;

const EVIL: &str = "evil.example.org";

#[tokio::test]
async fn the_days_that_a_peers_certificate_has_left_are_shown() {
    let federation = Federation::of(2).await;
    let days = |who: Who, other: &str| federation.node(who).peer(other).unwrap().status.certificate_days;
    assert_eq!((days(AMAL, "borealis"), days(BOREALIS, "amal")), (Some(6), Some(6)));
    federation.pass(3 * DAY).await;
    assert_eq!((days(AMAL, "borealis"), days(BOREALIS, "amal")), (Some(3), Some(3)));
    // The link stays up while both renew; what it was opened with says nothing any more.
    federation.pass(5 * DAY).await;
    assert_eq!(days(AMAL, "borealis"), None);
    federation.cut(AMAL, BOREALIS);
    federation.heal(AMAL, BOREALIS);
    federation.until("the newer certificate was shown", || days(AMAL, "borealis").is_some_and(|days| days > 0)).await;
    federation.settle().await;
}

#[tokio::test]
async fn certificates_renew_by_themselves_while_links_stay_up() {
    let federation = Federation::of(2).await;
    let dials = || federation.net.dialled(AMAL, BOREALIS) + federation.net.dialled(BOREALIS, AMAL);
    let before = dials();
    federation.pass(20 * DAY).await;
    federation.settle().await;
    assert_eq!(dials(), before, "no link was lost");
    for who in federation.everyone() {
        let days = || federation.node(who).status().unwrap().certificates.node_days;
        federation.until_upkeep("its certificate is renewed", || days() >= 2).await;
    }
    federation.share(AMAL, EVIL, Tlp::Amber, "borealis").await;
    federation.settle().await;
    federation.cut(AMAL, BOREALIS);
    federation.until("the link is down", || !federation.node(AMAL).link_view(&federation.org(BOREALIS)).up).await;
    federation.heal(AMAL, BOREALIS);
    federation.settle().await;
    assert!(federation.finds(BOREALIS, EVIL));
}

#[tokio::test]
async fn a_renewed_issuing_ca_reaches_the_peers_over_the_link() {
    let federation = Federation::of(2).await;
    let card = || federation.node(BOREALIS).peer("amal").unwrap().card_number;
    let before = card();
    federation.pass(61 * DAY).await;
    federation.until_upkeep("the card is renewed", || card() > before).await;
    federation.settle().await;
    assert!(federation.node(AMAL).status().unwrap().certificates.issuing_days > 80);
    federation
        .until_upkeep("borealis has renewed its own", || federation.node(BOREALIS).status().unwrap().certificates.issuing_days > 80)
        .await;
    federation.settle().await;
    federation.cut(AMAL, BOREALIS);
    federation.until("the link is down", || !federation.node(AMAL).link_view(&federation.org(BOREALIS)).up).await;
    federation.heal(AMAL, BOREALIS);
    federation.settle().await;
}

#[tokio::test]
async fn certificates_rotate_twenty_times_under_load_and_no_call_fails() {
    let federation = Federation::of(2).await;
    let shown = |who: Who| std::fs::read(federation.data(who).join("keys/node.pem")).unwrap();
    let mut seen: Vec<std::collections::BTreeSet<Vec<u8>>> = federation.everyone().map(|who| [shown(who)].into()).collect();
    let (mut shared, mut rotation) = (0, 0);
    while seen.iter().any(|seen| seen.len() <= 20) {
        rotation += 1;
        assert!(rotation < 60, "certificates do not renew");
        // While time passes values are shared, both ways.
        for _ in 0..5 {
            federation.pass(DAY).await;
            for (from, to) in [(AMAL, "borealis"), (BOREALIS, "amal")] {
                federation.share(from, &format!("host{shared}.example.org"), Tlp::Amber, to).await;
                shared += 1;
            }
        }
        for who in federation.everyone() {
            seen[who.0].insert(shown(who));
        }
        // Some links begin anew with what is shown now, others live on.
        if rotation % 3 == 0 {
            federation.cut(AMAL, BOREALIS);
            federation.heal(AMAL, BOREALIS);
        }
        federation.settle().await;
    }
    println!("{shared} values were shared over {} and {} certificates", seen[0].len(), seen[1].len());
    for number in 0..shared {
        let value = format!("host{number}.example.org");
        assert!(federation.finds(AMAL, &value) && federation.finds(BOREALIS, &value), "{value}");
    }
}

#[tokio::test]
async fn peers_follow_a_rotated_root_even_those_that_were_away() {
    let federation = Federation::of(3).await;
    let org = federation.org(AMAL);
    federation.cut(AMAL, CEDAR);
    federation.until("the link is down", || !federation.node(AMAL).link_view(&federation.org(CEDAR)).up).await;
    federation.node(AMAL).keys.rotate_root(federation.clock.now()).unwrap();
    federation.node(AMAL).reload().await.unwrap();
    federation.settle().await;
    federation.clock.advance(DAY);
    federation.heal(AMAL, CEDAR);
    federation.settle().await;
    for who in [BOREALIS, CEDAR] {
        federation.cut(AMAL, who);
        federation.until("the link is down", || !federation.node(AMAL).link_view(&federation.org(who)).up).await;
        federation.heal(AMAL, who);
    }
    federation.settle().await;
    assert_eq!(federation.org(AMAL), org);
    federation.share(AMAL, EVIL, Tlp::Amber, "cedar").await;
    federation.settle().await;
    assert!(federation.finds(CEDAR, EVIL));
}

#[tokio::test]
async fn a_node_that_slept_for_a_month_comes_back() {
    let mut federation = Federation::of(2).await;
    federation.kill(BOREALIS);
    federation.share(AMAL, EVIL, Tlp::Amber, "borealis").await;
    federation.pass(30 * DAY).await;
    federation.start(BOREALIS).await;
    federation.settle().await;
    assert!(federation.finds(BOREALIS, EVIL));
}

/// Whether the body of the first entry of Amal's only log is there.
fn has_body(federation: &Federation, who: Who) -> bool {
    let snapshot = federation.node(who).store.snapshot().unwrap();
    let log = snapshot.logs_of(&federation.org(AMAL)).unwrap().remove(0).id;
    let (Held(entry), _) = snapshot.entry(&log, 1).unwrap().unwrap();
    matches!(entry.body, Body::Present(_))
}

async fn of_two_with_short_retention() -> Federation {
    of_two_that_retain(2).await
}

async fn of_two_that_retain(days: u64) -> Federation {
    let federation = Federation::with(2, |_, config| config.records.retention_days = days).await;
    federation.pair(AMAL, BOREALIS).await;
    federation.settle().await;
    federation.share(AMAL, EVIL, Tlp::Amber, "borealis").await;
    federation.settle().await;
    federation
}

#[tokio::test]
async fn what_expires_is_hidden_at_once_and_destroyed_after_a_day_of_agreeing_clocks() {
    let mut federation = of_two_with_short_retention().await;
    federation.pass(47 * HOUR).await;
    assert!(federation.finds(BOREALIS, EVIL));
    federation.restart(BOREALIS).await;
    federation.settle().await;
    federation.pass(2 * HOUR).await;
    assert!(!federation.finds(BOREALIS, EVIL), "hidden at once");
    assert!(has_body(&federation, BOREALIS));
    federation.pass(20 * HOUR).await;
    assert!(has_body(&federation, BOREALIS), "its clock has not agreed for a day since it started");
    federation.pass(4 * HOUR).await;
    federation.until_upkeep("it is destroyed", || !has_body(&federation, BOREALIS)).await;
    federation.until_upkeep("its author too", || !has_body(&federation, AMAL)).await;
    federation.settle().await;
}

#[tokio::test]
async fn a_link_that_stays_up_for_days_keeps_what_it_knows_of_clocks() {
    let federation = of_two_with_short_retention().await;
    federation.pass(50 * HOUR).await;
    federation.until_upkeep("it is destroyed", || !has_body(&federation, BOREALIS) && !has_body(&federation, AMAL)).await;
}

#[tokio::test]
async fn a_link_that_stays_up_for_weeks_tells_what_clocks_show() {
    let federation = of_two_that_retain(20).await;
    let dials = || federation.net.dialled(AMAL, BOREALIS) + federation.net.dialled(BOREALIS, AMAL);
    let before = dials();
    federation.pass(20 * DAY + HOUR).await;
    let has_a_body = || has_body(&federation, BOREALIS) || has_body(&federation, AMAL);
    federation.until_upkeep("it is destroyed", || !has_a_body()).await;
    assert_eq!(dials(), before, "by one link");
}

#[tokio::test]
async fn who_may_see_the_copy_that_goes_is_told_though_a_stricter_one_stays() {
    // Four days lie between the two ends: time for more than one day of agreeing clocks.
    let federation = of_two_that_retain(5).await;
    federation.group(AMAL, "partners", &[BOREALIS]).await;
    federation.settle().await;
    federation.pass(4 * DAY).await;
    // Both hear each other's clock anew, while nothing leaps.
    federation.cut(AMAL, BOREALIS);
    federation.until("the link is down", || !federation.node(AMAL).link_view(&federation.org(BOREALIS)).up).await;
    federation.heal(AMAL, BOREALIS);
    federation.settle().await;
    federation.share(AMAL, EVIL, Tlp::AmberStrict, "partners").await;
    federation.settle().await;
    let amber = |since| ExportRequest {
        format: ExportFormat::Text,
        ceiling: Ceiling { tlp: Tlp::Amber, ..Ceiling::NONE },
        groups: Vec::new(),
        since,
        kinds: Vec::new(),
        options: Default::default(),
    };
    let cursor = federation.cursor(BOREALIS, &amber(None));
    assert_eq!(federation.export_as(BOREALIS, &amber(None)), format!("{EVIL}\n"));
    federation.pass(26 * HOUR).await;
    federation.until_upkeep("the first is destroyed", || !has_body(&federation, BOREALIS) && !has_body(&federation, AMAL)).await;
    assert!(federation.finds(BOREALIS, EVIL), "the other stays");
    let removed = federation.node(BOREALIS).removed(&amber(Some(cursor))).unwrap();
    assert_eq!(removed.iter().map(|one| one.what.as_str()).collect::<Vec<_>>(), ["expired"]);
}

#[tokio::test]
async fn a_wrong_clock_destroys_nothing_but_on_an_operators_word() {
    let mut federation = of_two_with_short_retention().await;
    federation.pass(30 * HOUR).await;
    federation.give_own_clock(BOREALIS, 20 * HOUR).await;
    federation.settle().await;
    assert!(!federation.finds(BOREALIS, EVIL), "by its clock it has expired");
    federation.pass(40 * HOUR).await;
    assert!(has_body(&federation, BOREALIS));
    assert_eq!(federation.node(BOREALIS).destroy_expired(true).await.unwrap(), 1);
    assert!(!has_body(&federation, BOREALIS));
}

#[tokio::test]
async fn a_clock_that_jumps_while_links_are_up_destroys_nothing() {
    let mut federation = of_two_with_short_retention().await;
    federation.give_own_clock(BOREALIS, 0).await;
    federation.settle().await;
    federation.pass(25 * HOUR).await;
    federation.step_own_clock(BOREALIS, 30 * HOUR as i64);
    federation.pass(2 * HOUR).await;
    assert!(!federation.finds(BOREALIS, EVIL) && federation.finds(AMAL, EVIL));
    assert!(has_body(&federation, BOREALIS), "it agreed before the jump, and does not now");
}

#[tokio::test]
async fn what_expires_is_destroyed_though_a_certificate_cannot_be_written() {
    let federation = of_two_that_retain(5).await;
    let blocked = federation.data(AMAL).join("keys/node.new");
    std::fs::create_dir(&blocked).unwrap();
    federation.pass(6 * DAY).await;
    let upkeep = Links::new(federation.node(AMAL).clone()).unwrap().freshen().await;
    assert_eq!(upkeep.unwrap_err().code(), "io", "the first error is told");
    federation.until_upkeep("it is destroyed all the same", || !has_body(&federation, AMAL)).await;
    assert!(blocked.exists());
    std::fs::remove_dir(&blocked).unwrap();
    federation.until_upkeep("borealis has destroyed it too", || !has_body(&federation, BOREALIS)).await;
}

#[tokio::test]
async fn each_step_of_upkeep_that_fails_is_named() {
    let mut federation = Federation::strangers(1).await;
    // A running node's own upkeep might finish what is to fail here.
    federation.stop(AMAL).await;
    let data = federation.data(AMAL).to_owned();
    let node = loop {
        match Node::open_with(&data, Config::default(), federation.clock.clone()) {
            Err(NodeError::StoreLocked(_)) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
            opened => break opened.unwrap(),
        }
    };
    let at = |name: &str| data.join("keys").join(name);
    node.keys.rotate_log(federation.clock.now(), false).unwrap();
    std::fs::rename(at("log-1.key"), at("elsewhere")).unwrap();
    for name in ["log-1.key", "node.new"] {
        std::fs::create_dir(at(name)).unwrap();
    }
    federation.clock.advance(6 * DAY);
    assert_eq!(Links::new(node).unwrap().freshen().await.unwrap_err().code(), "io");
    for step in ["certificates", "log-signing keys"] {
        let named = |line: &log::Line| line.text.contains(&format!("step=\"{step}\" code=\"io\""));
        assert!(log::lines(log::current()).iter().any(named), "{step}");
    }
}

/// What an operator is told when clocks differ too far for a link.
const CLOCK_CODES: [&str; 6] = ["label_unknown_there", "unknown_label", "expired", "expired_there", "not_yet_valid", "profile_there"];

/// Why there is no link, as either side tells it.
fn failure(federation: &Federation) -> Option<(String, String)> {
    let told = [(AMAL, BOREALIS), (BOREALIS, AMAL)].map(|(here, there)| {
        let view = federation.node(here).link_view(&federation.org(there));
        view.failure.filter(|_| !view.up).map(|failure| (failure.code, failure.hint.unwrap_or_default()))
    });
    told.into_iter().flatten().find(|(code, _)| CLOCK_CODES.contains(&code.as_str()))
}

/// The link is taken down and up again, so that both look at each other anew.
async fn meet_again(federation: &Federation) {
    federation.cut(AMAL, BOREALIS);
    federation.until("the link is down", || !federation.node(AMAL).link_view(&federation.org(BOREALIS)).up).await;
    federation.heal(AMAL, BOREALIS);
}

#[tokio::test]
async fn a_clock_that_steps_by_days_either_way_loses_nothing_and_a_link_that_fails_for_it_says_so() {
    let mut federation = Federation::of(2).await;
    federation.give_own_clock(BOREALIS, 0).await;
    federation.settle().await;
    federation.share(AMAL, "before.example.org", Tlp::Amber, "borealis").await;
    federation.settle().await;
    let steps: [(i64, &str); 8] =
        [(-120, "-5 d"), (-30, "-30 h"), (-3, "-3 h"), (3, "+3 h"), (30, "+30 h"), (192, "+8 d"), (480, "+20 d"), (960, "+40 d")];
    for (number, (hours, name)) in steps.into_iter().enumerate() {
        let value = format!("during{number}.example.org");
        federation.step_own_clock(BOREALIS, hours * HOUR as i64);
        federation.pass(3 * MINUTE).await;
        meet_again(&federation).await;
        federation.share(AMAL, &value, Tlp::Amber, "borealis").await;
        federation
            .until(&format!("{name}: it works or says why not"), || federation.finds(BOREALIS, &value) || failure(&federation).is_some())
            .await;
        match failure(&federation) {
            Some((code, hint)) => {
                eprintln!("clock {name}: {code} ({hint})");
                assert!(hint.contains("clock") || hint.contains("date"), "{name}: {code}: {hint}");
            }
            None => eprintln!("clock {name}: works"),
        }
        assert!(has_body(&federation, BOREALIS), "{name}: a wrong clock destroys nothing");
        federation.step_own_clock(BOREALIS, -hours * HOUR as i64);
        federation.until_upkeep(&format!("{name}: it heals when the clock is right again"), || federation.finds(BOREALIS, &value)).await;
        federation.settle().await;
    }
    assert_eq!(federation.entries(BOREALIS, AMAL), 9);
}

#[tokio::test]
async fn renewals_and_confirmations_go_on_after_a_clock_that_was_ahead_is_set_back() {
    let mut federation = Federation::of(2).await;
    federation.give_own_clock(AMAL, 0).await;
    federation.group(AMAL, "partners", &[BOREALIS]).await;
    federation.settle().await;
    for ahead in [40 * DAY as i64, -5 * DAY as i64] {
        federation.step_own_clock(AMAL, ahead);
        federation.pass(2 * HOUR).await;
        federation.step_own_clock(AMAL, -ahead);
        let number = || federation.node(AMAL).group("partners").unwrap().number;
        let before = number();
        federation.pass(9 * DAY).await;
        federation.until_upkeep("the group is confirmed again", || number() > before).await;
        federation
            .until_upkeep("the certificate holds", || {
                failure(&federation).is_none() && federation.node(AMAL).status().unwrap().certificates.node_days >= 1
            })
            .await;
        meet_again(&federation).await;
        federation.settle().await;
    }
}
