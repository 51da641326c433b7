//! Taking back: what is no longer valid, and what should never have left.

use crate::harness::*;
use watchfire::formats::Format;
use watchfire::model::log::{AbsentReason, Audience, Body};
use watchfire::model::record::WithdrawalMode;
use watchfire::model::{Ceiling, ObservableKind, Tlp};
use watchfire::node::view::{ExportFormat, ExportRequest};
use watchfire::rules::label::Held;

const EVIL: &str = "evil.example.org";

fn is(outcomes: &[(String, String)], expected: &[(&str, &str)]) -> bool {
    let outcomes: Vec<(&str, &str)> = outcomes.iter().map(|(peer, outcome)| (peer.as_str(), outcome.as_str())).collect();
    expected.iter().all(|one| outcomes.contains(one)) && outcomes.len() == expected.len()
}

/// Amal has shared with the group of three.
async fn shared() -> Federation {
    let federation = Federation::of(3).await;
    federation.group(AMAL, "partners", &[BOREALIS, CEDAR]).await;
    federation.settle().await;
    federation.share(AMAL, EVIL, Tlp::Amber, "partners").await;
    federation.share(AMAL, "bad.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    federation
}

#[tokio::test]
async fn what_is_withdrawn_leaves_blocklists_and_shows_as_revoked() {
    let federation = shared().await;
    assert!(is(&federation.outcomes(AMAL, EVIL), &[("borealis", "held"), ("cedar", "held")]));
    let view = federation.node(AMAL).withdraw(EVIL, "a false positive").await.unwrap();
    assert_eq!((view.holders, view.answered), (2, 0));
    federation.settle().await;
    for who in federation.everyone() {
        let found = federation.lookup(who, EVIL).remove(0);
        assert_eq!((found.state.as_str(), found.reason.as_deref()), ("revoked", Some("a false positive")));
        assert_eq!(federation.node(who).show(EVIL).unwrap().reason.as_deref(), Some("a false positive"));
        for format in [ExportFormat::Text, ExportFormat::Csv] {
            let text = federation.export(who, format);
            assert!(!text.contains(EVIL) && text.contains("bad.example.org"), "{text}");
        }
        let bundle: serde_json::Value = serde_json::from_str(&federation.export(who, ExportFormat::Stix)).unwrap();
        let objects = bundle["objects"].as_array().unwrap();
        let of =
            |value: &str| objects.iter().find(|object| object["pattern"].as_str().is_some_and(|pattern| pattern.contains(value))).unwrap();
        assert_eq!(of(EVIL)["revoked"], true);
        assert_ne!(of("bad.example.org")["revoked"], true);
    }
    assert!(is(&federation.outcomes(AMAL, EVIL), &[("borealis", "revoked"), ("cedar", "revoked")]));
    let again = federation.node(AMAL).withdraw(EVIL, "a false positive").await.unwrap();
    assert_eq!((again.holders, again.answered), (2, 2));
}

#[tokio::test]
async fn what_is_withdrawn_from_a_suspended_peer_is_told_when_it_is_resumed() {
    for recalled in [false, true] {
        let federation = Federation::of(2).await;
        federation.share(AMAL, EVIL, Tlp::Amber, "borealis").await;
        federation.settle().await;
        let node = federation.node(AMAL);
        node.peer_suspend("borealis").await.unwrap();
        match recalled {
            true => federation.recall(AMAL, EVIL).await,
            false => drop(node.withdraw(EVIL, "a false positive").await.unwrap()),
        }
        let log = node.store.snapshot().unwrap().our_log_key(&Audience::Direct(federation.org(BOREALIS))).unwrap().id();
        federation.settle().await;
        assert_eq!(federation.lookup(BOREALIS, EVIL)[0].state, "live", "nothing is told meanwhile");
        federation.node(AMAL).peer_resume("borealis").await.unwrap();
        federation.settle().await;
        match recalled {
            true => assert!(!federation.finds(BOREALIS, EVIL)),
            false => assert_eq!(federation.lookup(BOREALIS, EVIL)[0].state, "revoked"),
        }
        // Not by the recall alone that ran ahead: a copy of before that comes back reads it in the log.
        assert_eq!(federation.node(BOREALIS).store.snapshot().unwrap().log(&log).unwrap().unwrap().head.size, 2);
    }
}

#[tokio::test]
async fn what_only_waits_is_withdrawn_and_never_leaves() {
    let mut federation = Federation::of(2).await;
    federation.cut(AMAL, BOREALIS);
    federation.restart(AMAL).await;
    federation.share(AMAL, EVIL, Tlp::Amber, "borealis").await;
    let view = federation.node(AMAL).withdraw(EVIL, "a false positive").await.unwrap();
    assert_eq!((view.entries, view.unsent, view.holders, view.answered), (0, 1, 0, 0));
    assert!(view.told.is_empty(), "{:?}", view.told);
    federation.heal(AMAL, BOREALIS);
    federation.settle().await;
    assert_eq!(federation.entries(BOREALIS, AMAL), 0);
    assert!(!federation.finds(AMAL, EVIL));
}

#[tokio::test]
async fn each_version_in_a_stix_export_is_later_than_the_one_before_and_was_created_when_the_first_was() {
    let federation = shared().await;
    let versions = || federation.everyone().map(|who| federation.stix_of(who, EVIL)).collect::<Vec<_>>();
    let mut before = versions();
    for step in ["relabelled", "withdrawn", "said again"] {
        federation.pass(1_000).await;
        match step {
            "relabelled" => drop(federation.share(AMAL, EVIL, Tlp::AmberStrict, "partners").await),
            "withdrawn" => drop(federation.node(AMAL).withdraw(EVIL, "a false positive").await.unwrap()),
            _ => drop(federation.share(AMAL, EVIL, Tlp::Amber, "partners").await),
        }
        federation.settle().await;
        let after = versions();
        for (before, after) in before.iter().zip(&after) {
            assert_eq!((&before["id"], &before["created"]), (&after["id"], &after["created"]), "{step}");
            assert!(before["modified"].as_str() < after["modified"].as_str(), "{step}: {before} {after}");
            assert_eq!(after["revoked"] == true, step == "withdrawn", "{step}");
        }
        assert_eq!(after, versions(), "the same state, the same bytes");
        before = after;
    }
}

#[tokio::test]
async fn an_export_that_goes_on_names_what_the_earlier_ones_carried_and_is_gone() {
    let federation = shared().await;
    let values = ["raised.example.org", "withdrawn.example.org", "stays.example.org"];
    for value in values {
        federation.share(AMAL, value, Tlp::Clear, "partners").await;
    }
    federation.share(AMAL, "https://recalled.example.org/x", Tlp::Clear, "partners").await;
    federation.settle().await;
    let request = |since: Option<&String>, tlp_max| ExportRequest {
        format: ExportFormat::Stix,
        ceiling: Ceiling { tlp: tlp_max, ..Ceiling::NONE },
        groups: Vec::new(),
        since: since.cloned(),
        kinds: Vec::new(),
        options: Default::default(),
    };
    let places: Vec<_> = federation.everyone().collect();
    let ids: Vec<_> = places
        .iter()
        .map(|who| [values[0], values[1], "https://recalled.example.org/x"].map(|value| federation.stix_of(*who, value)["id"].clone()))
        .collect();
    let urls = |since: Option<&String>| ExportRequest { kinds: vec![ObservableKind::Url], ..request(since, Tlp::Red) };
    let cursors: Vec<[String; 2]> =
        places.iter().map(|who| [request(None, Tlp::Green), urls(None)].map(|request| federation.cursor(*who, &request))).collect();
    federation.pass(1_000).await;
    federation.share(AMAL, values[0], Tlp::Amber, "partners").await;
    federation.node(AMAL).withdraw(values[1], "a false positive").await.unwrap();
    federation.recall(AMAL, "https://recalled.example.org/x").await;
    federation.share(AMAL, "brief.example.org", Tlp::Clear, "partners").await;
    federation.recall(AMAL, "brief.example.org").await;
    federation.settle().await;
    for ((who, [since, of_urls]), ids) in places.into_iter().zip(cursors).zip(ids) {
        let removed = federation.node(who).removed(&request(Some(&since), Tlp::Green)).unwrap();
        let mut said: Vec<_> = removed.iter().map(|one| (one.what.as_str(), one.stix_id.as_str())).collect();
        let mut expected: Vec<_> =
            ["relabelled", "withdrawn", "recalled"].into_iter().zip(ids.iter().map(|id| id.as_str().unwrap())).collect();
        said.sort_unstable();
        expected.sort_unstable();
        assert_eq!(said, expected, "what came and went between was in no file");
        let bundle = federation.export_as(who, &request(Some(&since), Tlp::Green));
        assert!(bundle.contains(values[1]) && bundle.contains("\"revoked\":true"), "{bundle}");
        assert!(!bundle.contains(values[0]) && !bundle.contains("recalled.example.org") && !bundle.contains(values[2]), "{bundle}");
        assert!(!federation.export_as(who, &urls(Some(&of_urls))).contains("example.org"), "the kinds hold for what changed too");
        assert_eq!(federation.node(who).removed(&request(None, Tlp::Green)).unwrap(), []);
    }
}

#[tokio::test]
async fn exports_that_carried_a_record_are_told_where_it_is_only_held_too() {
    let federation = shared().await;
    let record = federation.lookup(BOREALIS, EVIL).remove(0).record.to_string();
    let request = ExportRequest {
        format: ExportFormat::Text,
        ceiling: Ceiling::NONE,
        groups: Vec::new(),
        since: None,
        kinds: Vec::new(),
        options: Default::default(),
    };
    let remember = || {
        let (node, request) = (federation.node(BOREALIS).clone(), request.clone());
        tokio::task::spawn_blocking(move || node.remember_export(&request))
    };
    remember().await.unwrap().unwrap();
    federation.pass(1_000).await;
    let gone = |id: &str| federation.node(BOREALIS).exports_of(id).unwrap().into_iter().map(|one| one.gone.is_some()).collect::<Vec<_>>();
    assert_eq!((gone(EVIL), gone(&record)), (vec![false], vec![false]));
    federation.recall(AMAL, EVIL).await;
    federation.settle().await;
    assert_eq!(gone(&record), [false]);
    federation.pass(1_000).await;
    remember().await.unwrap().unwrap();
    assert_eq!(gone(&record), [true], "the newer one never had it");
}

#[tokio::test]
async fn an_entry_names_a_record_at_every_node_and_its_id_at_one_alone() {
    let federation = shared().await;
    let ours = federation.lookup(AMAL, EVIL).remove(0);
    let entry = format!("{}:{}", &ours.log.to_string()[..12], ours.seq.unwrap());
    for who in federation.everyone() {
        assert_eq!(federation.node(who).show(&entry).unwrap().value, EVIL);
        assert_eq!(federation.node(who).show(&entry.to_uppercase()).unwrap().value, EVIL);
    }
    let error = federation.node(BOREALIS).show(&ours.record.to_string()).unwrap_err();
    assert!(error.hint().unwrap().contains("LOG:POSITION"), "{error}");
    assert_eq!(federation.node(BOREALIS).withdraw(&entry, "not mine").await.unwrap_err().code(), "not-author");
    for unknown in [format!("{entry}99"), entry.replace(':', ".example:")] {
        assert_eq!(federation.node(BOREALIS).show(&unknown).unwrap_err().code(), "unknown-record");
    }
}

#[tokio::test]
async fn a_recalled_record_is_told_as_such_and_not_recalled_again() {
    let federation = shared().await;
    let theirs = federation.lookup(BOREALIS, EVIL).remove(0);
    let entry = format!("{}:{}", theirs.log, theirs.seq.unwrap());
    let ours = federation.lookup(AMAL, EVIL).remove(0).record.to_string();
    federation.recall(AMAL, EVIL).await;
    federation.settle().await;
    let told = [(AMAL, EVIL), (AMAL, &ours), (AMAL, &entry), (BOREALIS, &theirs.record.to_string()), (BOREALIS, &entry)];
    for (who, id) in told {
        let error = federation.node(who).show(id).unwrap_err();
        assert_eq!(error.code(), "recalled", "{id}: {error}");
        assert!(error.hint().unwrap().contains("receipts"), "{error}");
    }
    assert_eq!(federation.node(BOREALIS).show(EVIL).unwrap_err().code(), "unknown-record");
    let entries = federation.entries(AMAL, AMAL);
    let recalled = federation.node(AMAL).recall(EVIL, "once more").await.unwrap();
    let withdrawn = federation.node(AMAL).withdraw(&ours, "once more").await.unwrap();
    for view in [recalled, withdrawn] {
        assert_eq!((view.mode, view.entries, view.holders, view.answered), (WithdrawalMode::Recall, 0, 2, 2));
        assert!(view.already.is_some());
    }
    assert_eq!(federation.entries(AMAL, AMAL), entries, "nobody is told anything");
}

#[tokio::test]
async fn what_is_withdrawn_may_be_shared_again() {
    let federation = shared().await;
    federation.node(AMAL).withdraw(EVIL, "a false positive").await.unwrap();
    federation.settle().await;
    federation.share(AMAL, EVIL, Tlp::Amber, "partners").await;
    federation.settle().await;
    assert_eq!(federation.lookup(CEDAR, EVIL)[0].state, "live");
}

#[tokio::test]
async fn a_recall_destroys_the_body_everywhere_and_everyone_says_so() {
    let mut federation = Federation::of(3).await;
    let note = federation.secret(&[]);
    federation.group(AMAL, "partners", &[BOREALIS, CEDAR]).await;
    federation.settle().await;
    federation.share_with_note(AMAL, EVIL, &note, Tlp::Amber, "partners").await;
    federation.share(AMAL, "bad.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    assert!(federation.holds(CEDAR, &note));
    federation.recall(AMAL, EVIL).await;
    federation.settle().await;
    let log = federation.node(AMAL).status().unwrap().logs[0].id;
    for who in federation.everyone() {
        assert!(federation.lookup(who, EVIL).is_empty() && federation.finds(who, "bad.example.org"));
        for format in ExportFormat::ALL {
            assert!(!federation.export(who, format).contains(EVIL));
        }
        let (Held(entry), _) = federation.node(who).store.snapshot().unwrap().entry(&log, 1).unwrap().unwrap();
        assert!(matches!(entry.body, Body::Absent { reason: AbsentReason::Recalled, .. }), "{entry:?}");
        // The file gives its free pages back, and with them the last bytes of what was destroyed.
        federation.node(who).store.compact().await.unwrap();
        assert!(!federation.holds(who, &note), "{who:?} still has its bytes");
    }
    assert!(is(&federation.outcomes(AMAL, EVIL), &[("borealis", "destroyed"), ("cedar", "destroyed")]));
}

#[tokio::test]
async fn what_was_recalled_is_not_shared_again() {
    let federation = shared().await;
    federation.recall(AMAL, EVIL).await;
    federation.settle().await;
    let report = federation.try_share(AMAL, "EVIL[.]example.org", Tlp::Amber, "partners").await;
    assert!(report.released.is_empty() && report.withheld[0].reason.contains("recalled"), "{report:?}");
    let report = federation.import(AMAL, format!("{EVIL}\nother.example.org\n"), Format::Text, Tlp::Amber, "borealis").await;
    assert_eq!((report.released, report.withheld), (1, 1));
    federation.settle().await;
    assert!(!federation.finds(BOREALIS, EVIL));
    // Another author may say the same value: it is that author's word.
    federation.share(BOREALIS, EVIL, Tlp::Amber, "partners").await;
    federation.settle().await;
    assert_eq!(federation.authors(AMAL, EVIL), [BOREALIS]);
}

#[tokio::test]
async fn a_recall_reaches_through_a_relay_and_its_receipt_comes_when_it_can() {
    let federation = shared().await;
    federation.cut(AMAL, CEDAR);
    federation.until("the link is down", || !federation.node(AMAL).link_view(&federation.org(CEDAR)).up).await;
    federation.recall(AMAL, EVIL).await;
    federation.settle().await;
    assert!(!federation.finds(CEDAR, EVIL));
    assert!(is(&federation.outcomes(AMAL, EVIL), &[("borealis", "destroyed"), ("cedar", "waiting")]));
    federation.heal(AMAL, CEDAR);
    federation.settle().await;
    assert!(is(&federation.outcomes(AMAL, EVIL), &[("borealis", "destroyed"), ("cedar", "destroyed")]));
}

#[tokio::test]
async fn a_recall_goes_before_everything_that_waits() {
    let federation = Federation::of(2).await;
    federation.share(AMAL, EVIL, Tlp::Amber, "borealis").await;
    federation.settle().await;
    federation.cut(AMAL, BOREALIS);
    let text: String = (0..3_000).map(|number| format!("host{number}.example.org\n")).collect();
    federation.import(AMAL, text, Format::Text, Tlp::Amber, "borealis").await;
    federation.recall(AMAL, EVIL).await;
    federation.heal(AMAL, BOREALIS);
    let mut held_then = None;
    federation
        .until("borealis has destroyed it", || {
            let gone = !federation.finds(BOREALIS, EVIL);
            if gone {
                held_then.get_or_insert_with(|| federation.indicators(BOREALIS));
            }
            gone
        })
        .await;
    assert!(held_then.unwrap() < 3_000, "it did not wait for the import");
    federation.settle().await;
    assert_eq!(federation.indicators(BOREALIS), 3_000);
    assert!(is(&federation.outcomes(AMAL, EVIL), &[("borealis", "destroyed")]));
}

#[tokio::test]
async fn what_is_recalled_before_it_was_sent_never_leaves() {
    let federation = Federation::of(2).await;
    federation.share(AMAL, "bad.example.org", Tlp::Amber, "borealis").await;
    federation.settle().await;
    federation.cut(AMAL, BOREALIS);
    federation.until("the link is down", || !federation.node(AMAL).link_view(&federation.org(BOREALIS)).up).await;
    federation.share(AMAL, EVIL, Tlp::Amber, "borealis").await;
    federation.recall(AMAL, EVIL).await;
    federation.heal(AMAL, BOREALIS);
    federation.settle().await;
    assert!(!federation.finds(BOREALIS, EVIL) && federation.finds(BOREALIS, "bad.example.org"));
    let found = federation.outcomes(AMAL, EVIL);
    assert!(found.iter().all(|(_, outcome)| outcome == "absent"), "{found:?}");
}

#[tokio::test]
async fn an_offline_holder_complies_when_it_returns() {
    let mut federation = shared().await;
    federation.kill(CEDAR);
    federation.recall(AMAL, EVIL).await;
    federation.settle().await;
    assert!(is(&federation.outcomes(AMAL, EVIL), &[("borealis", "destroyed"), ("cedar", "waiting")]));
    federation.clock.advance(DAY);
    // Cedar meets Borealis first.
    federation.cut(AMAL, CEDAR);
    federation.start(CEDAR).await;
    federation.settle().await;
    assert!(!federation.finds(CEDAR, EVIL));
    federation.heal(AMAL, CEDAR);
    federation.settle().await;
    assert!(is(&federation.outcomes(AMAL, EVIL), &[("borealis", "destroyed"), ("cedar", "destroyed")]));
}

#[tokio::test]
async fn who_was_removed_from_a_group_and_is_still_a_peer_complies() {
    let federation = shared().await;
    federation.node(AMAL).group_remove("partners", "cedar").await.unwrap();
    federation.until("cedar knows", || federation.node(CEDAR).group("partners").unwrap().state == "left").await;
    federation.share(AMAL, "later.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    federation.recall(AMAL, EVIL).await;
    federation.until("cedar has destroyed it", || !federation.finds(CEDAR, EVIL)).await;
    federation.settle().await;
    let outcomes = federation.outcomes(AMAL, EVIL);
    assert!(is(&outcomes, &[("borealis", "destroyed"), ("cedar", "destroyed")]), "{outcomes:?}");
    // Of what was never given to it it learns nothing, and a withdrawal travels in the log alone.
    federation.recall(AMAL, "later.example.org").await;
    federation.node(AMAL).withdraw("bad.example.org", "a false positive").await.unwrap();
    federation.settle().await;
    assert_eq!(federation.node(CEDAR).store.snapshot().unwrap().recalls().unwrap().len(), 1);
    assert!(is(&federation.outcomes(AMAL, "later.example.org"), &[("borealis", "destroyed")]));
    assert!(is(&federation.outcomes(AMAL, "bad.example.org"), &[("borealis", "revoked"), ("cedar", "cannot be told")]));
}

#[tokio::test]
async fn who_left_a_group_complies_and_takes_back_what_it_said() {
    let federation = shared().await;
    federation.share(CEDAR, "mine.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    federation.node(CEDAR).group_leave("partners").await.unwrap();
    federation.recall(AMAL, EVIL).await;
    federation.recall(CEDAR, "mine.example.org").await;
    federation.until("all is destroyed", || federation.everyone().all(|who| federation.indicators(who) == 1)).await;
    federation.settle().await;
    assert!(is(&federation.outcomes(AMAL, EVIL), &[("borealis", "destroyed"), ("cedar", "destroyed")]));
    assert!(is(&federation.outcomes(CEDAR, "mine.example.org"), &[("amal", "destroyed"), ("borealis", "destroyed")]));
}

#[tokio::test]
async fn who_was_removed_from_a_hidden_group_complies_whoever_of_its_members_recalls() {
    let federation = crate::groups::hidden().await;
    federation.share(BOREALIS, EVIL, Tlp::Amber, "shelter").await;
    federation.share(CEDAR, "mine.example.org", Tlp::Amber, "shelter").await;
    federation.until("cedar has it", || federation.finds(CEDAR, EVIL)).await;
    federation.settle().await;
    federation.node(AMAL).group_remove("shelter", "cedar").await.unwrap();
    federation.until("cedar knows", || federation.node(CEDAR).group("shelter").unwrap().state == "left").await;
    federation.recall(BOREALIS, EVIL).await;
    federation.recall(CEDAR, "mine.example.org").await;
    federation.until("all is destroyed", || federation.everyone().all(|who| federation.indicators(who) == 0)).await;
    federation.settle().await;
    for (who, value) in [(BOREALIS, EVIL), (CEDAR, "mine.example.org")] {
        assert!(is(&federation.outcomes(who, value), &[("amal", "destroyed")]), "{who:?}");
    }
}

#[tokio::test]
async fn a_member_of_a_hidden_group_waits_for_nobody_whom_its_word_does_not_reach() {
    let federation = Federation::around_amal(3).await;
    let change = |group: &mut watchfire::node::view::GroupCreate| (group.hidden, group.deputy) = (true, Some("borealis".into()));
    federation.group_with(AMAL, "shelter", &[CEDAR], change).await;
    federation.settle().await;
    federation.share(CEDAR, EVIL, Tlp::Amber, "shelter").await;
    federation.until("the deputy has it", || federation.finds(BOREALIS, EVIL)).await;
    federation.settle().await;
    assert!(is(&federation.outcomes(CEDAR, EVIL), &[("amal", "held")]));
    federation.recall(CEDAR, EVIL).await;
    federation.until("the deputy has destroyed it", || !federation.finds(BOREALIS, EVIL)).await;
    federation.settle().await;
    let outcomes = federation.outcomes(CEDAR, EVIL);
    assert!(is(&outcomes, &[("amal", "destroyed")]), "the owner answers for the others: {outcomes:?}");
}

#[tokio::test]
async fn a_member_that_is_no_peer_any_more_leaves_our_groups_and_cannot_be_told() {
    let federation = shared().await;
    federation.group(BOREALIS, "theirs", &[AMAL, CEDAR]).await;
    federation.settle().await;
    federation.node(AMAL).peer_remove("cedar").await.unwrap();
    federation.until("it is no member", || federation.node(BOREALIS).group("partners").unwrap().members.len() == 2).await;
    federation.share(BOREALIS, "later.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    assert!(federation.finds(AMAL, "later.example.org") && !federation.finds(CEDAR, "later.example.org"));
    assert_eq!(federation.node(AMAL).peer("cedar").unwrap().groups, ["theirs"]);
    federation.recall(AMAL, EVIL).await;
    federation.settle().await;
    let outcomes = federation.outcomes(AMAL, EVIL);
    assert!(is(&outcomes, &[("borealis", "destroyed"), ("cedar", "cannot be told")]), "{outcomes:?}");
    assert!(federation.finds(CEDAR, EVIL));
}

#[tokio::test]
async fn a_peer_that_was_removed_cannot_be_told_any_more() {
    let federation = Federation::of(2).await;
    federation.share(AMAL, EVIL, Tlp::Amber, "borealis").await;
    federation.settle().await;
    federation.node(AMAL).peer_remove("borealis").await.unwrap();
    federation.recall(AMAL, EVIL).await;
    let outcomes = federation.outcomes(AMAL, EVIL);
    assert!(is(&outcomes, &[("borealis", "cannot be told")]), "{outcomes:?}");
    assert!(federation.finds(BOREALIS, EVIL));
}

#[tokio::test]
async fn only_its_author_takes_a_record_back() {
    let federation = shared().await;
    assert!(federation.node(BOREALIS).recall(EVIL, "not mine").await.is_err());
    assert!(federation.node(BOREALIS).withdraw(EVIL, "not mine").await.is_err());
    federation.settle().await;
    assert!(federation.everyone().all(|who| federation.finds(who, EVIL)));
}

#[tokio::test]
async fn who_was_removed_and_does_not_know_it_still_takes_back_what_it_said() {
    let federation = Federation::of(3).await;
    let group = federation.group(AMAL, "partners", &[BOREALIS, CEDAR]).await;
    federation.settle().await;
    federation.share(BOREALIS, EVIL, Tlp::Amber, "partners").await;
    federation.settle().await;
    federation.cut(AMAL, BOREALIS);
    federation.node(AMAL).group_remove("partners", "borealis").await.unwrap();
    let known = || federation.node(CEDAR).store.snapshot().unwrap().group(&group).unwrap().map(|row| row.number);
    federation.until("cedar knows that borealis is no member", || known() == Some(2)).await;
    federation.recall(BOREALIS, EVIL).await;
    federation.until("both have destroyed it", || !federation.finds(CEDAR, EVIL) && !federation.finds(AMAL, EVIL)).await;
}
