//! Groups: who sees whom, who gets what, and who may say so.

use crate::harness::*;
use watchfire::formats::Format;
use watchfire::model::Tlp;
use watchfire::model::log::{AbsentReason, Head};
use watchfire::node::NodeError;
use watchfire::rules::label::Held;

/// Amal's group of the first three; Amal and Cedar cannot reach each other.
async fn with_cedar_behind_borealis() -> Federation {
    let federation = Federation::of(3).await;
    federation.group(AMAL, "partners", &[BOREALIS, CEDAR]).await;
    federation.settle().await;
    federation.cut(AMAL, CEDAR);
    federation.until("the link is down", || !federation.node(CEDAR).link_view(&federation.org(AMAL)).up).await;
    federation
}

#[tokio::test]
async fn a_member_passes_on_a_group_log_and_keeps_back_what_is_amber_strict() {
    let federation = with_cedar_behind_borealis().await;
    federation.share(AMAL, "amber.example.org", Tlp::Amber, "partners").await;
    federation.share(AMAL, "strict.example.org", Tlp::AmberStrict, "partners").await;
    federation.share(AMAL, "clear.example.org", Tlp::Clear, "partners").await;
    federation.settle().await;
    assert_eq!(federation.authors(CEDAR, "amber.example.org"), [AMAL], "the author's name stays");
    assert!(federation.finds(CEDAR, "clear.example.org"));
    assert!(federation.finds(BOREALIS, "strict.example.org") && !federation.finds(CEDAR, "strict.example.org"));
    let log = federation.node(AMAL).status().unwrap().logs[0].id;
    let absent = federation.node(CEDAR).store.snapshot().unwrap().absent(&log, 10).unwrap();
    assert_eq!(absent, [(2, AbsentReason::Withheld)], "listed, so that it can be asked for");
    federation.heal(AMAL, CEDAR);
    federation.settle().await;
    assert!(federation.finds(CEDAR, "strict.example.org"), "its author gives it");
    assert!(federation.node(CEDAR).store.snapshot().unwrap().absent(&log, 10).unwrap().is_empty());
}

#[tokio::test]
async fn however_many_bodies_a_relay_kept_back_their_author_gives_them() {
    let federation = with_cedar_behind_borealis().await;
    let text: String = (0..700).map(|number| format!("host{number}.example.org\n")).collect();
    federation.import(AMAL, text, Format::Text, Tlp::AmberStrict, "partners").await;
    federation.settle().await;
    assert_eq!(federation.indicators(CEDAR), 0);
    federation.heal(AMAL, CEDAR);
    federation.settle().await;
    assert_eq!(federation.indicators(CEDAR), 700);
}

#[tokio::test]
async fn a_relay_that_is_faster_than_the_author_takes_nothing_away() {
    let federation = Federation::of(4).await;
    federation.group(AMAL, "partners", &[BOREALIS, CEDAR, DUNYA]).await;
    federation.settle().await;
    for number in 0..30 {
        let author = Who(number % 4);
        federation.share(author, &format!("host{number}.example.org"), Tlp::AmberStrict, "partners").await;
    }
    federation.settle().await;
    for who in federation.everyone() {
        assert_eq!(federation.indicators(who), 30, "{who:?}");
    }
}

#[tokio::test]
async fn red_never_enters_a_group_and_reaches_one_peer() {
    let federation = Federation::of(3).await;
    federation.group(AMAL, "partners", &[BOREALIS, CEDAR]).await;
    let report = federation.try_share(AMAL, "red.example.org", Tlp::Red, "partners").await;
    assert!(report.released.is_empty() && report.withheld[0].reason.contains("TLP:RED"), "{report:?}");
    federation.share(AMAL, "red.example.org", Tlp::Red, "borealis").await;
    federation.settle().await;
    assert!(federation.finds(BOREALIS, "red.example.org") && !federation.finds(CEDAR, "red.example.org"));
}

#[tokio::test]
async fn green_moves_within_a_community() {
    let federation = Federation::of(3).await;
    federation.group_with(AMAL, "community", &[BOREALIS, CEDAR], |group| group.community = true).await;
    federation.settle().await;
    assert!(federation.node(CEDAR).group("community").unwrap().community);
    federation.share(BOREALIS, "green.example.org", Tlp::Green, "community").await;
    federation.settle().await;
    assert_eq!(federation.authors(CEDAR, "green.example.org"), [BOREALIS]);
    assert_eq!(federation.lookup(CEDAR, "green.example.org")[0].label.tlp(), Tlp::Green);
}

/// Amal's hidden group of Borealis and Cedar, who know nothing of each other.
pub async fn hidden() -> Federation {
    let federation = Federation::around_amal(3).await;
    federation.group_with(AMAL, "shelter", &[BOREALIS, CEDAR], |group| group.hidden = true).await;
    federation.settle().await;
    federation
}

#[tokio::test]
async fn members_of_a_hidden_group_learn_of_no_other_member() {
    let federation = hidden().await;
    let members = |who: Who| {
        let mut members: Vec<_> = federation.node(who).group("shelter").unwrap().members.iter().map(|member| member.org_id).collect();
        members.sort_unstable();
        members
    };
    let mut both = [federation.org(AMAL), federation.org(BOREALIS)];
    both.sort_unstable();
    assert_eq!(members(BOREALIS), both);
    assert_eq!(members(AMAL).len(), 3, "the owner knows all");
    federation.share(BOREALIS, "evil.example.org", Tlp::Amber, "shelter").await;
    federation.until("cedar has it", || federation.finds(CEDAR, "evil.example.org")).await;
    federation.settle().await;
    assert_eq!(federation.authors(CEDAR, "evil.example.org"), [AMAL], "the owner passes it on as its own");
    assert!(!federation.holds_bytes(CEDAR, &federation.org(BOREALIS).0), "nothing at cedar names borealis");
    assert!(!federation.holds_bytes(BOREALIS, &federation.org(CEDAR).0), "nothing at borealis names cedar");
    assert!(federation.holds_bytes(AMAL, &federation.org(CEDAR).0), "a store shows what it holds, else this could not fail");
}

#[tokio::test]
async fn a_recall_by_a_member_of_a_hidden_group_reaches_the_others_through_the_owner() {
    let federation = hidden().await;
    federation.share(BOREALIS, "evil.example.org", Tlp::Amber, "shelter").await;
    federation.until("cedar has it", || federation.finds(CEDAR, "evil.example.org")).await;
    federation.recall(BOREALIS, "evil.example.org").await;
    federation.until("cedar has destroyed it", || !federation.finds(CEDAR, "evil.example.org")).await;
    federation.settle().await;
    assert!(federation.everyone().all(|who| !federation.finds(who, "evil.example.org")));
    assert_eq!(federation.outcomes(BOREALIS, "evil.example.org"), [("amal".to_owned(), "destroyed".to_owned())]);
}

#[tokio::test]
async fn a_member_of_a_hidden_group_that_recalls_a_value_silences_nobody_else() {
    let federation = hidden().await;
    federation.share(BOREALIS, "evil.example.org", Tlp::Amber, "shelter").await;
    federation.settle().await;
    federation.recall(BOREALIS, "evil.example.org").await;
    federation.settle().await;
    federation.share(CEDAR, "evil.example.org", Tlp::Amber, "shelter").await;
    federation.settle().await;
    assert!(federation.everyone().all(|who| federation.finds(who, "evil.example.org")), "Cedar's word reaches all");
}

#[tokio::test]
async fn what_two_members_of_a_hidden_group_say_stays_when_one_recalls_it() {
    let federation = hidden().await;
    federation.share(BOREALIS, "evil.example.org", Tlp::Amber, "shelter").await;
    federation.share(CEDAR, "evil.example.org", Tlp::Amber, "shelter").await;
    federation.settle().await;
    federation.recall(BOREALIS, "evil.example.org").await;
    federation.settle().await;
    assert!(federation.authors(CEDAR, "evil.example.org").contains(&CEDAR));
    assert!(federation.authors(AMAL, "evil.example.org").contains(&CEDAR));
}

/// Borealis and Amal have shared with the group before Cedar comes to it.
async fn before_cedar_joins(history: bool) -> Federation {
    let federation = Federation::of(3).await;
    federation.group_with(AMAL, "partners", &[BOREALIS], |group| group.history = history).await;
    federation.settle().await;
    federation.share(AMAL, "old-amal.example.org", Tlp::Amber, "partners").await;
    federation.share(BOREALIS, "old-borealis.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    federation.node(AMAL).group_add("partners", "cedar").await.unwrap();
    federation.settle().await;
    federation.share(AMAL, "new-amal.example.org", Tlp::Amber, "partners").await;
    federation.share(BOREALIS, "new-borealis.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    federation
}

#[tokio::test]
async fn a_new_member_gets_the_history_where_the_group_gives_it() {
    let federation = before_cedar_joins(true).await;
    for value in ["old-amal", "old-borealis", "new-amal", "new-borealis"] {
        assert!(federation.finds(CEDAR, &format!("{value}.example.org")), "{value}");
    }
}

#[tokio::test]
async fn a_new_member_starts_at_a_checkpoint_where_the_group_gives_no_history() {
    let federation = before_cedar_joins(false).await;
    for (value, found) in [("old-amal", false), ("old-borealis", false), ("new-amal", true), ("new-borealis", true)] {
        assert_eq!(federation.finds(CEDAR, &format!("{value}.example.org")), found, "{value}");
    }
    let logs = federation.node(CEDAR).store.snapshot().unwrap().logs().unwrap();
    assert!(logs.iter().all(|log| log.start == 1 && log.head.size == 2), "{logs:?}");
}

#[tokio::test]
async fn members_may_hear_of_a_new_one_in_any_order() {
    let federation = Federation::of(3).await;
    federation.group_with(AMAL, "partners", &[BOREALIS], |group| group.history = true).await;
    federation.settle().await;
    federation.share(BOREALIS, "strict.example.org", Tlp::AmberStrict, "partners").await;
    federation.settle().await;
    federation.cut(AMAL, CEDAR);
    federation.node(AMAL).group_add("partners", "cedar").await.unwrap();
    federation.settle().await;
    assert!(federation.node(CEDAR).group("partners").is_err(), "cedar takes a first definition from its owner alone");
    federation.heal(AMAL, CEDAR);
    federation.settle().await;
    assert!(federation.finds(CEDAR, "strict.example.org"), "what borealis had offered before is wanted now");
}

#[tokio::test]
async fn a_removed_member_gets_nothing_new_and_may_say_nothing() {
    let federation = Federation::of(3).await;
    federation.group(AMAL, "partners", &[BOREALIS, CEDAR]).await;
    federation.settle().await;
    federation.share(AMAL, "old.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    federation.node(AMAL).group_remove("partners", "cedar").await.unwrap();
    federation.settle().await;
    federation.until("cedar knows", || federation.node(CEDAR).group("partners").unwrap().state == "left").await;
    federation.share(AMAL, "new.example.org", Tlp::Amber, "partners").await;
    federation.share(BOREALIS, "newer.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    assert!(federation.finds(BOREALIS, "new.example.org") && federation.finds(AMAL, "newer.example.org"));
    assert!(!federation.finds(CEDAR, "new.example.org") && !federation.finds(CEDAR, "newer.example.org"));
    assert!(federation.finds(CEDAR, "old.example.org"), "what it was given it keeps");
    let report = federation.try_share(CEDAR, "mine.example.org", Tlp::Amber, "partners").await;
    assert_eq!((report.released.len(), report.withheld[0].reason.as_str()), (0, "we are not a member of that group any more"));
}

#[tokio::test]
async fn definitions_are_confirmed_every_week_and_never_go_back() {
    let federation = Federation::of(3).await;
    let group = federation.group(AMAL, "partners", &[BOREALIS, CEDAR]).await;
    federation.settle().await;
    let first = federation.node(BOREALIS).store.snapshot().unwrap().group(&group).unwrap().unwrap();
    federation.pass(8 * DAY).await;
    federation.until_upkeep("the owner confirms", || federation.node(AMAL).group("partners").unwrap().number == 2).await;
    federation.settle().await;
    assert_eq!(federation.node(BOREALIS).group("partners").unwrap().number, 2);
    let taken = federation.node(BOREALIS).take_definition(&federation.org(AMAL), first.definition).await.unwrap();
    assert!(!taken, "an older one is not taken");
    assert_eq!(federation.node(BOREALIS).group("partners").unwrap().number, 2);
    let change = federation.node(BOREALIS).group_remove("partners", "cedar").await;
    assert!(matches!(change, Err(NodeError::NotOwner(_))), "{change:?}");
}

#[tokio::test]
async fn a_definition_that_its_owner_has_not_confirmed_for_14_days_stops_sending() {
    let federation = Federation::of(3).await;
    federation.group(AMAL, "partners", &[BOREALIS, CEDAR]).await;
    federation.settle().await;
    federation.cut(AMAL, BOREALIS);
    federation.cut(AMAL, CEDAR);
    federation.pass(13 * DAY).await;
    federation.share(BOREALIS, "early.example.org", Tlp::Amber, "partners").await;
    federation.pass(2 * DAY).await;
    assert_eq!(federation.node(BOREALIS).group("partners").unwrap().state, "stale");
    let report = federation.try_share(BOREALIS, "late.example.org", Tlp::Amber, "partners").await;
    assert!(report.withheld[0].reason.contains("not confirmed for 14 days"), "{report:?}");
    federation.heal(AMAL, BOREALIS);
    federation.until_upkeep("the owner's word has come", || federation.node(BOREALIS).group("partners").unwrap().state == "open").await;
    federation.settle().await;
    federation.share(BOREALIS, "late.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    assert!(federation.finds(CEDAR, "late.example.org") && federation.finds(AMAL, "early.example.org"));
}

#[tokio::test]
async fn the_deputy_takes_over_when_the_owner_is_lost() {
    let mut federation = Federation::of(4).await;
    federation.group_with(AMAL, "partners", &[BOREALIS, CEDAR], |group| group.deputy = Some("borealis".into())).await;
    federation.settle().await;
    federation.kill(AMAL);
    federation.pass(15 * DAY).await;
    assert!(federation.try_share(CEDAR, "late.example.org", Tlp::Amber, "partners").await.released.is_empty());
    let change = federation.node(CEDAR).group_add("partners", "dunya").await;
    assert!(matches!(change, Err(NodeError::NotOwner(_))), "{change:?}");
    federation.node(BOREALIS).group_add("partners", "dunya").await.unwrap();
    federation.settle().await;
    federation.share(CEDAR, "late.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    assert!(federation.finds(BOREALIS, "late.example.org") && federation.finds(DUNYA, "late.example.org"));
    federation.pass(30 * DAY).await;
    federation
        .until_upkeep("the deputy confirms it from now on", || federation.node(DUNYA).group("partners").unwrap().state == "open")
        .await;
    federation.settle().await;
    // The owner's node comes back with what it held when it was lost.
    federation.start(AMAL).await;
    federation.settle().await;
    for who in federation.everyone() {
        let group = federation.node(who).group("partners").unwrap();
        assert_eq!((group.members.len(), group.state.as_str()), (4, "open"), "nothing of the deputy's is undone at {who:?}");
    }
    federation.node(AMAL).group_remove("partners", "dunya").await.unwrap();
    federation.settle().await;
    assert_eq!(federation.node(CEDAR).group("partners").unwrap().members.len(), 3, "the owner is the owner again");
}

#[tokio::test]
async fn an_owner_that_was_away_undoes_nothing_of_what_its_deputy_did() {
    let mut federation = Federation::of(4).await;
    federation.group_with(AMAL, "partners", &[BOREALIS, CEDAR], |group| group.deputy = Some("borealis".into())).await;
    federation.settle().await;
    federation.kill(AMAL);
    federation.pass(5 * DAY).await;
    federation.node(BOREALIS).group_remove("partners", "cedar").await.unwrap();
    federation.pass(3 * DAY).await;
    federation.settle().await;
    // At its start it confirms what it knows, for the first time in more than a week.
    federation.start(AMAL).await;
    federation.settle().await;
    federation.until_upkeep("amal has heard", || federation.node(AMAL).group("partners").unwrap().members.len() == 2).await;
    for who in [AMAL, BOREALIS] {
        assert_eq!(federation.node(who).group("partners").unwrap().members.len(), 2, "{who:?} keeps cedar out");
    }
    assert_eq!(federation.node(CEDAR).group("partners").unwrap().state, "left");
}

#[tokio::test]
async fn what_a_former_member_said_does_not_end_the_link_to_a_new_one_that_cannot_check_it() {
    let federation = Federation::strangers(3).await;
    federation.pair(AMAL, BOREALIS).await;
    federation.pair(AMAL, CEDAR).await;
    federation.group_with(AMAL, "partners", &[BOREALIS], |group| group.history = true).await;
    federation.settle().await;
    for value in ["one.example.org", "two.example.org"] {
        federation.share(BOREALIS, value, Tlp::Amber, "partners").await;
    }
    federation.settle().await;
    federation.recall(BOREALIS, "one.example.org").await;
    federation.settle().await;
    federation.node(AMAL).group_remove("partners", "borealis").await.unwrap();
    federation.settle().await;
    federation.node(AMAL).group_add("partners", "cedar").await.unwrap();
    federation.share(AMAL, "three.example.org", Tlp::Amber, "partners").await;
    federation.until("cedar has what it can check", || federation.finds(CEDAR, "three.example.org")).await;
    assert!(!federation.finds(CEDAR, "two.example.org"), "cedar has no card of borealis");
    let dials = || federation.net.dialled(AMAL, CEDAR) + federation.net.dialled(CEDAR, AMAL);
    let before = dials();
    federation.share(CEDAR, "four.example.org", Tlp::Amber, "partners").await;
    federation.until("amal has it", || federation.finds(AMAL, "four.example.org")).await;
    assert_eq!(dials(), before, "the link was never lost");
}

#[tokio::test]
async fn what_was_durable_when_the_node_died_is_passed_on_after_its_next_start() {
    let mut federation = hidden().await;
    federation.cut(AMAL, BOREALIS);
    federation.until("the link is down", || !federation.node(BOREALIS).link_view(&federation.org(AMAL)).up).await;
    federation.share(BOREALIS, "evil.example.org", Tlp::Amber, "shelter").await;
    // As if Amal had received the batch and died before it did anything else.
    let (amal, borealis) = (federation.node(AMAL).clone(), federation.node(BOREALIS).clone());
    let log = borealis.store.snapshot().unwrap().logs_of(&borealis.org()).unwrap().remove(0);
    let Held(batch) = borealis.store.snapshot().unwrap().batch_at(&log.id, 1).unwrap().unwrap();
    let understood = amal.understand(&log.key, Head::default(), borealis.keys.log_key().public(), batch).unwrap();
    amal.keep(log.id, understood.change, &understood.consequences).await.unwrap();
    drop((amal, borealis));
    federation.restart(AMAL).await;
    federation.until("the other member holds it", || federation.finds(CEDAR, "evil.example.org")).await;
    federation.restart(AMAL).await;
    federation.heal(AMAL, BOREALIS);
    federation.settle().await;
    let own = federation.node(AMAL).store.snapshot().unwrap().our_log(&log.key.audience).unwrap().unwrap();
    assert_eq!(own.head.size, 1, "once");
}
