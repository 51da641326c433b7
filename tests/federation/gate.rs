//! What the release gate finds does not arrive.

use crate::harness::*;
use std::fs;
use watchfire::model::Tlp;
use watchfire::node::view::{GroupCreate, ShareRequest};
use watchfire::node::{Node, NodeError};
use watchfire::rules::lists::Severity;

/// Amal, whose gate is as it is where nobody changes it and knows a deny list, and the others, who have none.
async fn with_a_deny_list(count: usize) -> (Federation, tempfile::TempDir) {
    let files = tempfile::tempdir().unwrap();
    let (deny, victims) = (files.path().join("staff.txt"), files.path().join("victims.txt"));
    fs::write(&deny, "Anna Kim\nhelpline.org\n").unwrap();
    fs::write(&victims, "# who was attacked\nvictim.org\n").unwrap();
    let federation = Federation::with(count, |who, config| {
        if who == AMAL {
            config.gate.deny_list = Some(deny.clone());
            config.gate.victims = Some(victims.clone());
            config.gate.own = vec!["198.41.30.0/24".into()];
            config.gate.reserved = Severity::Refuse;
            config.gate.burst_records_min = 500;
        }
    })
    .await;
    for who in federation.everyone().filter(|who| *who != AMAL) {
        federation.pair(AMAL, who).await;
    }
    federation.settle().await;
    (federation, files)
}

#[tokio::test]
async fn a_note_arrives_with_placeholders_for_everybody_in_it() {
    let (mut federation, _files) = with_a_deny_list(2).await;
    for secret in ["Anna Kim", "jane.doe@ngo.net", "+254 712 345 678"] {
        federation.keep_secret(secret.to_owned(), &[AMAL]);
    }
    let note = "Anna Kim (call +254 712 345 678) got it; so did jane.doe@ngo.net, from evil-login[.]com";
    let request =
        ShareRequest { note: Some(note.into()), labels: vec!["for Anna Kim".into()], ..ask("evil-login.com", Tlp::Amber, "borealis") };
    let report = federation.node(AMAL).share(request).await.unwrap();
    assert_eq!(report.released[0].findings.replaced.len(), 4, "{report:?}");
    federation.settle().await;
    let found = federation.lookup(BOREALIS, "evil-login.com").remove(0);
    let record = federation.node(BOREALIS).show(&found.record.to_string()).unwrap();
    assert_eq!(record.note.as_deref(), Some("[name-1] (call [phone-1]) got it; so did [email-1], from evil-login[.]com"));
    assert_eq!(record.labels, ["for [name-1]"]);
}

#[tokio::test]
async fn a_link_made_for_one_person_arrives_without_what_says_whom() {
    let (mut federation, _files) = with_a_deny_list(2).await;
    federation.keep_secret("Xh77da2kQ9zR4tLm".to_owned(), &[AMAL]);
    let report = federation.try_share(AMAL, "hxxps://evil-login[.]com/Xh77da2kQ9zR4tLm", Tlp::Amber, "borealis").await;
    assert_eq!(report.released[0].value, "https://evil-login.com/");
    federation.settle().await;
    assert!(federation.finds(BOREALIS, "https://evil-login.com/"));
    // The record is the one of what left, so it can be taken back.
    federation.recall(AMAL, "https://evil-login.com/").await;
    federation.settle().await;
    assert!(!federation.finds(BOREALIS, "https://evil-login.com/"));
}

#[tokio::test]
async fn what_is_nobodys_ours_or_a_victims_is_refused() {
    let (federation, _files) = with_a_deny_list(2).await;
    for (value, why) in [
        ("desk.helpline.org", "it is a name below what belongs to somebody whom the deny list or `gate.victims` protects"),
        ("victim.org.evil-login.com", "it mentions what belongs to somebody whom the deny list or `gate.victims` protects"),
        ("198.41.30.7", "it lies in `198.41.30.0/24`, which is our own"),
        ("192.168.1.7", "it is a private address, the inside of somebody's network"),
        ("192.0.2.7", "it is reserved for examples and tests"),
    ] {
        let report = federation.try_share(AMAL, value, Tlp::Amber, "borealis").await;
        assert_eq!((report.released.len(), report.withheld[0].reason.as_str()), (0, why), "{value}");
    }
}

#[tokio::test]
async fn a_partners_own_host_waits_for_a_person() {
    let federation = Federation::of(2).await;
    let host = federation.config_of(BOREALIS).endpoints[0].rsplit_once(':').unwrap().0.to_owned();
    let report = federation.try_share(AMAL, &format!("https://{host}/x"), Tlp::Amber, "borealis").await;
    let asks: Vec<&String> = report.held[0].asks.keys().collect();
    assert!(report.released[0].held && asks.len() == 1 && asks[0].ends_with("which is a partner's"), "{asks:?}");
    federation.node(AMAL).undo(&report.held[0].id.unwrap().to_string(), None).await.unwrap();
}

#[tokio::test]
async fn a_recall_goes_out_and_names_nobody() {
    let (mut federation, _files) = with_a_deny_list(2).await;
    federation.share(AMAL, "evil-login.com", Tlp::Amber, "borealis").await;
    federation.settle().await;
    federation.keep_secret("Anna Kim".to_owned(), &[AMAL]);
    federation.node(AMAL).recall("evil-login.com", "Anna Kim of victim.org asked for it").await.unwrap();
    federation.settle().await;
    assert!(!federation.finds(BOREALIS, "evil-login.com"));
}

#[tokio::test]
async fn a_reason_of_several_lines_names_nobody_either() {
    let (mut federation, _files) = with_a_deny_list(2).await;
    federation.share(AMAL, "evil-login.com", Tlp::Amber, "borealis").await;
    federation.settle().await;
    for secret in ["712345678", "712 345 678", "Anna", "Kim"] {
        federation.keep_secret(secret.to_owned(), &[AMAL]);
    }
    federation.node(AMAL).withdraw("evil-login.com", "asked for by\nAnna Kim\nher number is\n0712345678\n").await.unwrap();
    federation.settle().await;
}

#[tokio::test]
async fn a_groups_name_names_nobody() {
    let (federation, _files) = with_a_deny_list(2).await;
    for (name, kind) in [("friends of Anna Kim", "name"), ("call +254 712 345 678", "phone")] {
        let request = GroupCreate { name: name.into(), members: vec!["borealis".into()], ..GroupCreate::default() };
        let error = federation.node(AMAL).group_create(request).await.unwrap_err().to_string();
        assert!(error.contains(&format!("may be somebody's {kind}")) && !error.contains(name), "{error}");
    }
    federation.settle().await;
    assert_eq!(federation.node(BOREALIS).groups().unwrap().len(), 0);
}

#[tokio::test]
async fn more_than_a_source_ever_sent_waits_for_a_person() {
    let (federation, _files) = with_a_deny_list(2).await;
    let lines = |from: usize, to: usize| (from..to).map(|n| format!("evil-login{n}.com\n")).collect::<String>();
    let import = |text| federation.import(AMAL, text, watchfire::formats::Format::Text, Tlp::Amber, "borealis");
    let first = import(lines(0, 900)).await;
    assert_eq!((first.released, first.withheld), (900, 0));
    let second = import(lines(0, 1_200)).await;
    assert_eq!((second.released, second.duplicate, second.withheld), (300, 900, 0), "many small ones are one burst");
    let held = &second.held[0];
    let asks: Vec<&String> = held.asks.keys().collect();
    assert!(held.count == 300 && asks[0].starts_with("`imports` has sent too little so far"), "{asks:?}");
    assert!(!federation.finds(AMAL, "evil-login1000.com"), "nobody has said yes");
    federation.node(AMAL).release_hold(&held.id.unwrap().to_string(), None).await.unwrap();
    federation.until("a person said yes", || federation.finds(AMAL, "evil-login1000.com")).await;
    let again = import(lines(0, 900)).await;
    assert_eq!((again.duplicate, again.withheld), (900, 0), "what is there already is no burst");
}

#[tokio::test]
async fn a_deny_list_counts_when_it_is_read_again_and_a_bad_one_changes_nothing() {
    let (mut federation, files) = with_a_deny_list(2).await;
    let staff = files.path().join("staff.txt");
    let node = federation.node(AMAL).clone();
    fs::write(&staff, b"Anna Kim\nBob Ray\n\xff\n").unwrap();
    let error = node.reload_gate().unwrap_err();
    assert!(matches!(&error, NodeError::GateFile { line: Some(3), .. }), "{error}");
    assert_eq!(error.place().as_deref(), Some("staff.txt:3"));
    federation.share_with_note(AMAL, "evil-login.com", "from Anna Kim and Bob Ray", Tlp::Amber, "borealis").await;
    fs::write(&staff, "Anna Kim\nBob Ray\n").unwrap();
    node.reload_gate().unwrap();
    federation.share_with_note(AMAL, "evil-login.net", "from Anna Kim and Bob Ray", Tlp::Amber, "borealis").await;
    federation.settle().await;
    let note = |value: &str| {
        let found = federation.lookup(BOREALIS, value).remove(0);
        federation.node(BOREALIS).show(&found.record.to_string()).unwrap().note.unwrap()
    };
    assert_eq!(
        (note("evil-login.com").as_str(), note("evil-login.net").as_str()),
        ("from [name-1] and Bob Ray", "from [name-1] and [name-2]")
    );
    drop(node);
    fs::remove_file(&staff).unwrap();
    federation.kill(AMAL);
    let refused = loop {
        match Node::open_with(federation.data(AMAL), federation.config_of(AMAL).clone(), federation.clock.clone()) {
            Err(NodeError::StoreLocked(_)) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            Err(error) => break error,
            Ok(_) => panic!("without its deny list it does not start"),
        }
    };
    assert!(refused.to_string().contains("there is no such file\nhint: mend it, or change `gate.deny_list`"), "{refused}");
    fs::write(&staff, "Anna Kim\n").unwrap();
    federation.start(AMAL).await;
}

#[tokio::test]
async fn a_hidden_groups_owner_passes_on_without_the_names_that_it_knows() {
    let (federation, _files) = with_a_deny_list(3).await;
    federation.group_with(AMAL, "shelter", &[BOREALIS, CEDAR], |group| group.hidden = true).await;
    federation.settle().await;
    federation.share_with_note(BOREALIS, "evil-login.com", "Anna Kim saw it", Tlp::Amber, "shelter").await;
    federation.share(BOREALIS, "mail.victim.org", Tlp::Amber, "shelter").await;
    federation.share(BOREALIS, "192.0.2.9", Tlp::Amber, "shelter").await;
    federation
        .until("cedar has what is passed on", || federation.finds(CEDAR, "192.0.2.9") && federation.finds(CEDAR, "evil-login.com"))
        .await;
    let found = federation.lookup(CEDAR, "evil-login.com").into_iter().find(|found| found.author == federation.org(AMAL)).unwrap();
    assert_eq!(federation.node(CEDAR).show(&found.record.to_string()).unwrap().note.as_deref(), Some("[name-1] saw it"));
    assert!(federation.finds(AMAL, "mail.victim.org") && !federation.finds(CEDAR, "mail.victim.org"));
}
